#include "hook/dormant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/rights.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "policies/dormant.h"
#include "policies/stage.h"

#define FIRST_MS (5 * 60 * 1000)   /* after the start */
#define AGAIN_MS (60 * 60 * 1000)  /* it failed */
#define PAGE (KEYS_ASKED / 2)      /* people of one question: each has two keys at most */
#define LOOKED_AT_MOST 200         /* accounts of one step, most of them may be retired */
#define PARKS_MOST 2000
#define PARK_MEMORY (1u << 20)

struct dormant {
	const struct engine_parts *parts;
	pthread_mutex_t lock;
	bool busy;
	int64_t due_mono;
	int64_t after_id;          /* of whoever made it busy: so far it has come */
};

struct dormant *dormant_new(const struct engine_parts *parts)
{
	struct dormant *d = mem_alloc(sizeof(*d));
	d->parts = parts;
	d->due_mono = clock_mono(parts->clock) + FIRST_MS;
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void dormant_free(struct dormant *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

/* The keys of one person, in a question that is put together. */
struct watched { int64_t account_id, proof_ms; size_t first, keys; };
struct question { const char *ids[KEYS_ASKED]; struct watched people[PAGE]; size_t keys, count; };

static void add(struct question *q, const struct store_account *acc, struct arena *a)
{
	struct err ignored;
	if (acc->stage != STAGE_ACTIVE || !acc->found)
		return;
	struct found *f = arena_alloc(a, sizeof(*f));
	/* A record that cannot be read is told by the walk. */
	if (found_parse(acc->found, a, f, &ignored) || !*f->key_id)
		return;
	struct watched *w = &q->people[q->count++];
	*w = (struct watched){ .account_id = acc->id, .proof_ms = f->proof_ms, .first = q->keys };
	q->ids[q->keys++] = f->key_id;
	if (*f->old_key_id)
		q->ids[q->keys++] = f->old_key_id;
	w->keys = q->keys - w->first;
}

/* It is about what was asked, not about who asks. */
static bool is_bad_value(int rc, const struct err *e)
{
	if (!rc || rc == ERR_ABSENT)
		return rc;
	return str_starts(e->code, "InvalidParameter") || str_starts(e->code, "ResourceNotFound");
}

/* told: of all keys of the question. */
static int remember(struct dormant *d, const struct watched *p, const int64_t *told, int64_t now, struct err *e)
{
	struct store_watch known;
	int rc = store_watch_get(d->parts->store, p->account_id, &known, e);
	struct watch w = { known.since_ms, known.used_ms, known.asked_ms, { known.own_ms, known.own_before_ms } };
	if (rc || !dormant_heard(&w, &told[2 * p->first], 2 * p->keys, p->proof_ms, now))
		return rc;
	known = (struct store_watch){ w.since_ms, w.used_ms, w.asked_ms, w.own_ms[0], w.own_ms[1] };
	return store_watch_put(d->parts->store, p->account_id, &known, e);
}

static int ask(struct dormant *d, struct call *c, const struct question *q, struct err *e)
{
	int64_t told[2 * KEYS_ASKED];
	int rc = q->keys ? keys_last_used(c, q->ids, q->keys, told, e) : 0;
	for (size_t i = 0; !rc && i < q->count; i++)
		rc = remember(d, &q->people[i], told, clock_now(c->clock), e);
	return rc;
}

/* The cloud does not want to hear of one of these: that is no reason not to ask about the others. */
static int ask_singly(struct dormant *d, struct call *c, const struct question *q, struct err *e)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct watched *w = &q->people[i];
		struct question one = { .people = { { .account_id = w->account_id, .proof_ms = w->proof_ms, .keys = w->keys } },
			.keys = w->keys, .count = 1 };
		memcpy(one.ids, &q->ids[w->first], w->keys * sizeof(*one.ids));
		int rc = ask(d, c, &one, e);
		if (is_bad_value(rc, e))
			log_err(LOG_WARN_LEVEL, "dormant", NULL, e);
		else if (rc)
			return rc;
	}
	return 0;
}

/* The next few who have a key.  *last: there is nobody else. */
static int ask_some(struct dormant *d, struct call *c, bool *last, struct err *e)
{
	struct question q = { 0 };
	int64_t after = d->after_id;
	for (size_t looked_at = 0; !*last && q.count < PAGE && looked_at < LOOKED_AT_MOST;) {
		struct store_account *list;
		size_t n;
		int rc = store_accounts(d->parts->store, after, PAGE - q.count, c->arena, &list, &n, e);
		if (rc)
			return rc;
		for (size_t i = 0; i < n; i++)
			add(&q, &list[i], c->arena);
		looked_at += n;
		*last = n == 0;
		after = n ? list[n - 1].id : after;
	}
	int rc = ask(d, c, &q, e);
	if (is_bad_value(rc, e))
		rc = ask_singly(d, c, &q, e);
	if (!rc)
		d->after_id = after;
	return rc;
}

/* --- parking ----------------------------------------------------------------------------------------------------- */

/* Whoever's profile says so.  Not while a clock is in doubt: what is told in days is compared with it. */
static int park(struct dormant *d, struct arena *a, struct err *e)
{
	const struct engine_parts *parts = d->parts;
	struct store_idle *list;
	const char *why;
	size_t n;
	bool full = false;
	int64_t total, now = clock_now(parts->clock), after = parts->settings->life.dormant_ms;
	if (!parts->park || (parts->guard && !guard_is_sound(parts->guard, a, &why)))
		return 0;
	int rc = store_idle(parts->store, now - after, now - DORMANT_GAP_MS, PARKS_MOST, a, &list, &n, &total, e);
	for (size_t i = 0; !rc && !full && i < n; i++) {
		AUTO_ARENA struct arena *own = arena_new(PARK_MEMORY);
		const struct profile_settings *p = settings_profile(parts->settings, list[i].profile);
		if (p && p->park && !list[i].is_protected)
			rc = parts->park(parts->park_ctx, list[i].uuid, own, &full, e);
	}
	if (full)
		log_event(LOG_ALARM_LEVEL, "dormant", NULL, "%d people were parked within a day, and more lie idle: they are not, look at "
			"`rollcall status`", DORMANT_PARKS_DAY);
	return rc;
}

/* --- when -------------------------------------------------------------------------------------------------------- */

static bool take_turn(struct dormant *d, int64_t *next_due_ms)
{
	bool mine = false;
	pthread_mutex_lock(&d->lock);
	if (!d->busy && d->parts->settings->life.dormant_ms) {
		int64_t wait = d->due_mono - clock_mono(d->parts->clock), due = clock_now(d->parts->clock) + wait;
		mine = d->busy = wait <= 0;
		if (!mine && due < *next_due_ms)
			*next_due_ms = due;
	}
	pthread_mutex_unlock(&d->lock);
	return mine;
}

static void finish(struct dormant *d, int64_t wait_ms)
{
	pthread_mutex_lock(&d->lock);
	d->busy = false;
	d->due_mono = clock_mono(d->parts->clock) + wait_ms;
	pthread_mutex_unlock(&d->lock);
}

int dormant_step(struct dormant *d, const struct call *with, int64_t *next_due_ms, struct err *failed)
{
	struct call c = *with;
	bool last = false;
	failed->kind = 0;
	if (!take_turn(d, next_due_ms))
		return 0;
	int rc = ask_some(d, &c, &last, failed);
	if (!rc && last) {
		d->after_id = 0;
		rc = park(d, c.arena, failed);
		POINT("dormant.done");
	}
	if (rc == ERR_LIMIT || rc == ERR_WAIT) {
		int64_t rest = failed->due_ms - clock_now(d->parts->clock);
		finish(d, rest > 1 ? rest : 1);
		*next_due_ms = failed->due_ms < *next_due_ms ? failed->due_ms : *next_due_ms;
		failed->kind = 0;
		return 0;
	}
	finish(d, rc ? AGAIN_MS : last ? DORMANT_DAY_MS : 0);
	if (!rc)
		failed->kind = 0;
	return 1;
}
