/* Weak signs: absence, a missing value, a negation, changed settings.  Each has waited; it counts only where nothing speaks
 * against the source as a witness, and when reading the entry again says the same.  Then the brake judges all of them
 * together: who may depart departs, the others are frozen. */
#include "hook/feed_inside.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/roll_inside.h"
#include "policies/brake.h"

#define LOOK_AGAIN_MS 1000
#define NO_ANSWER_MS 5000
#define SCRATCH_MEMORY (4u << 20)
#define UNANSWERED_MOST 3          /* in a row: then the server has a trouble of its own */
#define SERVING (1u << STAGE_ACTIVE | 1u << STAGE_HELD)

/* group NULL: no brake is asked, since an administrator let him pass, or he is protected and loses nothing by it. */
struct candidate { const struct store_leaver *who; bool gone; const char *why; struct group *group; };

/* What becomes of those of one branch, or of all. */
enum verdict_of { LET_GO, WAIT_FOR_OTHERS, FREEZE };
struct group {
	const char *branch;                /* NULL: everybody */
	bool empty;                        /* nobody of it was named, and somebody is gone */
	int64_t departing, gone;           /* confirmed; those of them whose entry is not there */
	int64_t pending;                   /* may yet turn out to: too young, or not answered */
	enum verdict_of verdict;
	const char *why;
};

struct round {
	struct feed *feed;
	struct arena *arena, *scratch;     /* of the round; of one person */
	struct source_doubts refresh, now; /* what speaks against absences */
	bool trusted, looked;              /* looked: `now` is known */
	struct candidate *candidates;
	size_t count;
	struct group *groups;
	size_t group_count;
	unsigned unanswered;
};

static struct group *group_of(struct round *r, const char *branch)
{
	for (size_t i = r->group_count; i > 0; i--)
		if (!strcmp(r->groups[i - 1].branch, branch))
			return &r->groups[i - 1];
	r->groups[r->group_count] = (struct group){ .branch = branch };
	return &r->groups[r->group_count++];
}

/* --- doubt -------------------------------------------------------------------------------------------------- */

static bool in_doubt(const struct round *r, const char *dn)
{
	return !PLANTED("gate-off") && (!r->trusted || source_doubts_about(&r->refresh, dn) || source_doubts_about(&r->now, dn));
}

/* A verdict that rests on values which are there needs no witness but the entry. */
static bool may_be_believed(const struct round *r, const struct store_leaver *l)
{
	bool rests_on_values = l->signal != SIGNAL_ABSENT && l->solid;
	return rests_on_values || !in_doubt(r, l->dn);
}

/* Base and sentinels as they are now; once for a round.  Without an answer nothing is concluded. */
static bool look(struct round *r)
{
	struct confirm *c = r->feed->confirm;
	struct err e;
	if (r->looked)
		return true;
	if (c->doubts && c->doubts(c, r->arena, &r->now, &e)) {
		log_err(LOG_WARN_LEVEL, "confirm", NULL, &e);
		return false;
	}
	r->looked = true;
	return true;
}

/* --- the second look ------------------------------------------------------------------------------------------ */

enum opinion { GONE, WITHDRAWN, STAYS, NO_ANSWER };

/* He is there.  Whatever he is by now, it is news like any other; he departs when that is a weak sign, too. */
static enum opinion judge_entry(struct round *r, const struct store_leaver *l, const struct entry *entry)
{
	struct roll *roll = r->feed->roll;
	struct person now;
	struct err e;
	bool weak = !roll_judge(roll, entry, r->scratch, &now, &e) && (now.signal == SIGNAL_WITHDRAWN || now.signal == SIGNAL_DUE);
	if ((!weak || l->signal != (int)now.signal) && roll_entry(roll, entry, r->scratch, &e))
		log_err(LOG_ERROR_LEVEL, "confirm", l->login, &e);
	return weak && (now.solid || !in_doubt(r, now.dn)) ? WITHDRAWN : STAYS;
}

static enum opinion second_opinion(struct round *r, const struct store_leaver *l, const char **why)
{
	struct confirm *c = r->feed->confirm;
	const struct entry *entry = NULL;
	enum whereabouts where;
	struct person now;
	struct err e;
	if (PLANTED("absent-without-reread"))
		return GONE;
	if (r->unanswered >= UNANSWERED_MOST)
		return NO_ANSWER;
	arena_reset(r->scratch);
	if (c->reread(c, l->uuid, r->scratch, &where, &entry, &e)) {
		log_err(LOG_WARN_LEVEL, "confirm", l->login, &e);
		r->unanswered++;
		return NO_ANSWER;
	}
	r->unanswered = 0;
	/* A value that says disabled holds wherever the entry is now. */
	bool disabled = where == WHERE_OUTSIDE && entry && !roll_judge(r->feed->roll, entry, r->scratch, &now, &e) &&
		now.signal == SIGNAL_DISABLED;
	if (disabled || (where != WHERE_GONE && where != WHERE_OUTSIDE))
		return judge_entry(r, l, entry);
	*why = where == WHERE_GONE ? "re-read: gone" : "re-read: outside";
	return in_doubt(r, l->dn) ? STAYS : GONE;
}

/* False when nothing may be concluded in this round. */
static bool ask_about(struct round *r, const struct store_leaver *all, size_t n)
{
	const struct feed *f = r->feed;
	int64_t now = clock_now(f->roll->clock), ripe = now - f->roll->settings->life.weak_wait_ms;
	for (size_t i = 0; i < n; i++) {
		const struct store_leaver *l = &all[i];
		bool passes = l->is_protected || l->approved_ms > now - APPROVAL_MS;
		const char *why = NULL;
		if (!may_be_believed(r, l))
			continue;
		struct group *g = group_of(r, l->branch);
		if (l->weak_since_ms > ripe) {
			g->pending += !passes;
			continue;
		}
		if (!look(r))
			return false;
		enum opinion o = may_be_believed(r, l) ? second_opinion(r, l, &why) : STAYS;
		if (o == GONE || o == WITHDRAWN)
			r->candidates[r->count++] = (struct candidate){ l, o == GONE, why, passes ? NULL : g };
		g->gone += o == GONE && !passes;
		g->departing += (o == GONE || o == WITHDRAWN) && !passes;
		g->pending += o == NO_ANSWER && !passes;
	}
	return true;
}

/* --- the brake ------------------------------------------------------------------------------------------------ */

/* Held back since then: of the branch, or (NULL) of all branches that have somebody left. */
static int held_back(struct round *r, const char *branch, int64_t since_ms, int64_t *out, struct err *e)
{
	struct store_frozen_sum *sums;
	size_t n;
	int rc = store_frozen_sums(r->feed->roll->store, since_ms, r->arena, &sums, &n, e);
	for (size_t i = 0; !rc && i < n; i++) {
		bool departs = sums[i].kind == FROZEN_DEPARTURE && sums[i].state != FROZEN_APPROVED;
		if (departs && (branch ? str_eq(branch, sums[i].branch) : feed_named(r->feed, sums[i].branch)))
			*out += sums[i].people;
	}
	return rc;
}

static int load_of(struct round *r, const char *branch, struct brake_load *out, struct err *e)
{
	struct store *store = r->feed->roll->store;
	int64_t now = clock_now(r->feed->roll->clock);
	int rc = store_roll_size(store, branch, SERVING, &out->roll, e);
	if (!rc)
		rc = store_acts(store, ACT_KIND_DEPARTURE, branch, now - BRAKE_HOUR_MS, &out->hour, NULL, e);
	if (!rc)
		rc = store_acts(store, ACT_KIND_DEPARTURE, branch, now - BRAKE_DAY_MS, &out->day, NULL, e);
	if (!rc)
		rc = held_back(r, branch, now - BRAKE_HOUR_MS, &out->hour, e);
	return rc ? rc : held_back(r, branch, now - BRAKE_DAY_MS, &out->day, e);
}

static int brake(struct round *r, struct group *g, struct err *e)
{
	const struct settings *s = r->feed->roll->settings;
	const struct brake_rules rules = { .hour = { s->life.departures_hour, s->life.departures_percent },
		.day = { s->life.departures_day, s->life.departures_percent_day } };
	struct brake_load load = { 0 };
	const char *why;
	int rc = load_of(r, g->branch, &load, e);
	if (rc)
		return rc;
	g->verdict = LET_GO;
	load.wanting = g->departing;
	if (!brake_lets(&rules, &load, &g->why)) {
		g->verdict = FREEZE;
		return 0;
	}
	/* With those who may follow it would be too many: they are waited for, so that one list holds all of them. */
	load.wanting += g->pending;
	if (!brake_lets(&rules, &load, &why))
		g->verdict = WAIT_FOR_OTHERS;
	return 0;
}

/* Each branch by itself, and all of them together; the stricter verdict holds. */
static int judge(struct round *r, struct err *e)
{
	struct group all = { .branch = NULL };
	int rc = 0;
	for (size_t i = 0; !rc && i < r->group_count; i++) {
		struct group *g = &r->groups[i];
		g->empty = g->gone && !feed_named(r->feed, g->branch);
		if (g->empty) {
			g->verdict = FREEZE;
			g->why = "the refresh named nobody of this branch";
			continue;
		}
		all.departing += g->departing;
		all.pending += g->pending;
		if (g->departing)
			rc = brake(r, g, e);
	}
	if (!rc && all.departing)
		rc = brake(r, &all, e);
	for (size_t i = 0; !rc && i < r->group_count; i++) {
		struct group *g = &r->groups[i];
		if (g->empty || g->verdict >= all.verdict)
			continue;
		g->verdict = all.verdict;
		g->why = all.why ? arena_printf(r->arena, "whole directory: %s", all.why) : NULL;
	}
	return rc;
}

/* --- what follows --------------------------------------------------------------------------------------------- */

static bool act(struct round *r, const struct candidate *c)
{
	struct roll *roll = r->feed->roll;
	const struct store_leaver *l = c->who;
	enum verdict_of v = c->group ? c->group->verdict : LET_GO;
	struct err e;
	int rc;
	if (v == WAIT_FOR_OTHERS)
		return false;
	arena_reset(r->scratch);
	if (v == FREEZE)
		rc = roll_freeze(roll, l->uuid, c->group->why, r->scratch, &e);
	else if (c->gone)
		rc = roll_departed(roll, l->uuid, c->why, r->scratch, &e);
	else
		rc = roll_withdrawn(roll, l->uuid, r->scratch, &e);
	/* Heard of while he was doubted: he stays. */
	if (rc && rc != ERR_STALE)
		log_err(LOG_ERROR_LEVEL, "confirm", l->login, &e);
	return !rc;
}

static void tell(struct round *r, const struct group *g)
{
	const char *base = r->feed->roll->settings->directory.dir.base;
	if (g->verdict != FREEZE || !g->departing)
		return;
	const char *what = arena_printf(r->arena, "departure brake: %lld of \"%s\" keep access and wait for an approval",
		(long long)g->departing, *g->branch ? g->branch : base ? base : "");
	log_event(LOG_ALARM_LEVEL, "confirm", NULL, "%s: %s; see rollcall plan", what, g->why);
	roll_alarm(r->feed->roll, what, g->why);
}

static void begin(struct round *r)
{
	struct feed *f = r->feed;
	pthread_mutex_lock(&f->lock);
	r->trusted = f->trusted;
	r->refresh = source_doubts_copy(&f->doubts, r->arena);
	pthread_mutex_unlock(&f->lock);
}

bool feed_complete(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	bool c = f->complete;
	pthread_mutex_unlock(&f->lock);
	return c;
}

int feed_confirm_weak(struct feed *f)
{
	struct round r = { .feed = f, .arena = f->confirm_arena };
	struct store_leaver *all;
	size_t n;
	int did = 0;
	struct err e;
	int64_t mono = clock_mono(f->roll->clock);
	if (mono < f->weak_again_mono || !feed_complete(f))
		return 0;
	f->weak_again_mono = mono + LOOK_AGAIN_MS;
	if (store_leaving(f->roll->store, r.arena, &all, &n, &e)) {
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
		return 0;
	}
	if (n == 0)
		return 0;
	begin(&r);
	r.candidates = arena_alloc(r.arena, n * sizeof(*r.candidates));
	r.groups = arena_alloc(r.arena, n * sizeof(*r.groups));
	AUTO_ARENA struct arena *scratch = arena_new(SCRATCH_MEMORY);
	r.scratch = scratch;
	if (!ask_about(&r, all, n)) {
		f->weak_again_mono = mono + NO_ANSWER_MS;
		return 0;
	}
	if (r.count == 0)
		return 0;
	if (judge(&r, &e)) {
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
		return 0;
	}
	for (size_t i = 0; i < r.count; i++)
		did |= act(&r, &r.candidates[i]);
	for (size_t i = 0; i < r.group_count; i++)
		tell(&r, &r.groups[i]);
	return did;
}
