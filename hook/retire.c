#include "hook/retire.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/feed_inside.h"
#include "hook/roll_inside.h"

#define PAGE 200
#define LOOK_AGAIN_MS 1000         /* and the longer the list the more seldom: */
#define LOOK_AGAIN_EACH_MS 10
#define UNANSWERED_MOST 3          /* in a row: then the server has a trouble of its own */
#define TOLD_AFTER_MS 60000        /* waits shorter than that are nobody's news */
#define AGAIN_SOON_MS 1000         /* a worker comes back: for the answer, */
#define AGAIN_READ_MS 5000         /* when the roll has been read, */
#define AGAIN_MS 60000             /* when the world is sound again, */
#define AGAIN_LATE_MS 3600000      /* for nothing new */
#define SCRATCH_MEMORY (4u << 20)
#define REASON_MEMORY (256u << 10)
#define HELD_BACK "grace is over since "

/* --- one more look ------------------------------------------------------------------------------------------------ */

/* Is he, at this moment, gone or not entitled?  *why NULL: he is.  An entry that is there must say so itself, and be
 * readable.  Whatever else it says is news like any other. */
static int out_right_now(struct feed *f, const char *uuid, struct arena *a, const char **why, struct err *e)
{
	struct confirm *c = f->confirm;
	const struct entry *entry = NULL;
	enum whereabouts where;
	struct person now;
	struct err unreadable;
	*why = NULL;
	if (PLANTED("retires-unseen"))
		return 0;
	int rc = c->reread_original(c, uuid, a, &where, &entry, e);
	if (rc || where == WHERE_GONE || where == WHERE_OUTSIDE)
		return rc;
	bool readable = !person_read(entry, f->roll->rules, clock_now(f->roll->clock), a, &now, &unreadable);
	if (now.signal != SIGNAL_DISABLED && !(readable && now.signal == SIGNAL_WITHDRAWN))
		*why = readable ? "the directory shows him as entitled" : "his entry cannot be read";
	return roll_entry(f->roll, entry, a, e);
}

/* What speaks against his absence, by the last refresh or by a look at base and sentinels just now; NULL: nothing. */
static const char *doubt_of(struct feed *f, const struct source_doubts *now, const char *dn, struct arena *a)
{
	const char *why = feed_doubt(f, dn, a);
	return why ? why : source_doubts_about(now, dn);
}

/* Base and sentinels, once for a round.  Without an answer nothing is destroyed. */
static bool look_around(struct feed *f, struct arena *a, struct source_doubts *out)
{
	struct err e;
	*out = (struct source_doubts){ 0 };
	if (!f->confirm->doubts || !f->confirm->doubts(f->confirm, a, out, &e))
		return true;
	log_err(LOG_WARN_LEVEL, "confirm", NULL, &e);
	return false;
}

/* --- whose grace is over ------------------------------------------------------------------------------------------ */

struct round {
	struct feed *feed;
	struct arena *arena, *scratch;     /* of the round; of one person */
	struct source_doubts now;
	bool looked, silent;               /* silent: nobody answers, so nobody is asked any more */
	unsigned unanswered;
	int retired;
	size_t waiting;
};

/* Into his note, and with the next letter into his entry.  What stands there for another reason stays. */
static void tell(struct round *r, const struct store_retiring *l, const char *note)
{
	struct roll *roll = r->feed->roll;
	struct store_account acc = { 0 };
	struct store_person p;
	struct err e;
	bool mine = !l->note || str_starts(l->note, HELD_BACK);
	if (!mine || str_eq(l->note, note))
		return;
	pthread_mutex_lock(&roll->lock);
	int rc = store_person_get(roll->store, l->uuid, r->scratch, &p, &e);
	if (!rc)
		rc = store_account_by_id(roll->store, l->account_id, r->scratch, &acc, &e);
	/* Heard of in between: the next round knows more. */
	if (!rc && acc.stage == STAGE_SUSPENDED && str_eq(p.note, l->note)) {
		p.note = arena_strdup(r->scratch, note);
		rc = store_person_put(roll->store, &p, &e);
		if (!rc)
			rc = store_account_wake(roll->store, l->account_id, LANE_AUDIT, clock_now(roll->clock), &e);
	}
	pthread_mutex_unlock(&roll->lock);
	if (rc)
		log_err(LOG_ERROR_LEVEL, "confirm", l->login, &e);
}

/* NULL: he is out, and nothing is in the way. */
static const char *in_the_way(struct round *r, const struct store_retiring *l)
{
	struct feed *f = r->feed;
	const char *why;
	struct err e;
	if (!guard_lets_retire(f->roll->guard, feed_trusted(f), r->scratch, &why))
		return why;
	if (!r->looked && !r->silent)
		r->silent = !look_around(f, r->arena, &r->now);
	r->looked = true;
	if (r->silent)
		return "no server answers that is no copy";
	why = doubt_of(f, &r->now, l->dn, r->scratch);
	if (why)
		return arena_printf(r->scratch, "nobody near him is believed to be absent: %s", why);
	int rc = out_right_now(f, l->uuid, r->scratch, &why, &e);
	r->unanswered = rc ? r->unanswered + 1 : 0;
	r->silent = r->unanswered >= UNANSWERED_MOST;
	if (!rc)
		return why;
	log_err(LOG_WARN_LEVEL, "confirm", l->login, &e);
	return "no server answers that is no copy";
}

static void one(struct round *r, const struct store_retiring *l)
{
	struct feed *f = r->feed;
	bool retired = false;
	char since[TIME_TEXT];
	struct err e;
	arena_reset(r->scratch);
	if (l->is_protected) {
		tell(r, l, ROLL_PROTECTED_FOR_GOOD);
		return;
	}
	const char *why = in_the_way(r, l);
	if (why) {
		r->waiting++;
		str_time(l->retire_after_ms, since);
		if (clock_now(f->roll->clock) - l->retire_after_ms >= TOLD_AFTER_MS)
			tell(r, l, arena_printf(r->scratch, HELD_BACK "%s, and waits: %s", since, why));
		return;
	}
	if (roll_retire(f->roll, l->account_id, &retired, r->scratch, &e)) {
		log_err(LOG_WARN_LEVEL, "confirm", l->login, &e);
		r->waiting++;
	} else if (retired) {
		/* What was seen just now is good for the first calls. */
		guard_answer(f->roll->guard, l->uuid, NULL);
		r->retired++;
	}
	POINT("retire.one");
}

/* The longest first, so that those who wait for tomorrow are the ones that came last. */
static int retire_due(struct feed *f)
{
	struct round r = { .feed = f, .arena = f->confirm_arena };
	struct store_retiring *list, last = { 0 };
	struct roll *roll = f->roll;
	size_t n;
	struct err e;
	int64_t mono = clock_mono(roll->clock), now = clock_now(roll->clock);
	if (!guard_was_answered(roll->guard) && mono < f->retire_again_mono)
		return 0;
	AUTO_ARENA struct arena *page = arena_new(SCRATCH_MEMORY), *scratch = arena_new(SCRATCH_MEMORY);
	r.scratch = scratch;
	do {
		arena_reset(page);
		if (store_retiring(roll->store, now, &last, PAGE, page, &list, &n, &e)) {
			log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
			break;
		}
		for (size_t i = 0; i < n; i++)
			one(&r, &list[i]);
		if (n)
			last = list[n - 1];
	} while (n == PAGE);
	f->retire_again_mono = mono + LOOK_AGAIN_MS + (int64_t)r.waiting * LOOK_AGAIN_EACH_MS;
	if (r.retired)
		engine_wake(roll->engine);
	return r.retired > 0;
}

/* --- the last look before a call ----------------------------------------------------------------------------------- */

/* As it is answered to the worker; NULL: he is still out. */
static const char *last_look(struct feed *f, const struct source_doubts *now, const char *uuid, struct arena *a)
{
	struct store_person p;
	const char *why;
	struct err e;
	int rc = store_person_get(f->roll->store, uuid, a, &p, &e);
	if (!rc)
		why = doubt_of(f, now, p.dn, a);
	if (!rc && !why)
		rc = out_right_now(f, uuid, a, &why, &e);
	if (!rc)
		return why;
	log_err(LOG_WARN_LEVEL, "confirm", uuid, &e);
	return arena_strdup(a, e.text);
}

static int look_for_workers(struct feed *f)
{
	struct guard *g = f->roll->guard;
	struct source_doubts now;
	char uuid[UUID_TEXT];
	if (!guard_asked(g, uuid))
		return 0;
	AUTO_ARENA struct arena *round = arena_new(REASON_MEMORY), *a = arena_new(SCRATCH_MEMORY);
	bool answered = look_around(f, round, &now);
	do {
		arena_reset(a);
		guard_answer(g, uuid, answered ? last_look(f, &now, uuid, a) : "the directory does not answer");
	} while (guard_asked(g, uuid));
	engine_wake(f->roll->engine);
	return 1;
}

static int not_now(struct roll *roll, int64_t again_ms, const char *why, struct err *e)
{
	return err_due(e, ERR_WAIT, clock_now(roll->clock) + again_ms, "nothing is destroyed: %.220s", why);
}

int retire_may_destroy(void *feed, const char *uuid, unsigned generation, struct err *e)
{
	struct feed *f = feed;
	struct roll *roll = f->roll;
	struct store_person p;
	const char *why = NULL;
	AUTO_ARENA struct arena *a = arena_new(REASON_MEMORY);
	int rc = store_person_get(roll->store, uuid, a, &p, e);
	if (rc)
		return rc;
	if (!guard_is_sound(roll->guard, a, &why))
		return not_now(roll, AGAIN_MS, why, e);
	if (!feed_trusted(f))
		return not_now(roll, feed_complete(f) ? AGAIN_MS : AGAIN_READ_MS,
			"what the directory shows is not believed at the moment", e);
	if (p.is_protected)
		return not_now(roll, AGAIN_LATE_MS, "he is protected", e);
	/* He came back, and has another one: this one is taken down to the end. */
	if (p.generation > generation)
		return 0;
	why = feed_doubt(f, p.dn, a);
	if (why)
		return not_now(roll, AGAIN_MS, why, e);
	switch (guard_last_look(roll->guard, uuid, a, &why)) {
	case GUARD_GONE:
		return 0;
	case GUARD_STAYS:
		return not_now(roll, AGAIN_MS, why, e);
	case GUARD_ASKED:
		break;
	}
	return not_now(roll, AGAIN_SOON_MS, "his entry is read again first", e);
}

/* --- the confirm thread ----------------------------------------------------------------------------------------------- */

/* A clock that was set back must not delay what is due, the second look at a leaver above all. */
static void settle_clock(struct roll *roll)
{
	int64_t by_ms = guard_set_back(roll->guard);
	struct err e;
	if (!by_ms)
		return;
	if (store_clock_back(roll->store, by_ms, clock_now(roll->clock), &e)) {
		log_err(LOG_WARN_LEVEL, "guard", NULL, &e);
		return;
	}
	guard_settled(roll->guard, by_ms);
	engine_wake(roll->engine);
}

int retire_step(struct feed *f)
{
	struct roll *roll = f->roll;
	const char *what;
	if (!roll->guard)
		return 0;
	if (guard_tick(roll->guard, f->confirm_arena, &what)) {
		log_event(LOG_ALARM_LEVEL, "guard", NULL, "%s: nothing is destroyed within the hour", what);
		roll_alarm(roll, what, "nothing is destroyed within the hour");
	}
	settle_clock(roll);
	return look_for_workers(f) | retire_due(f);
}
