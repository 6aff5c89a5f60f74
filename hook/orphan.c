#include "hook/orphan.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "hook/feed_inside.h"
#include "hook/owned.h"
#include "hook/roll_inside.h"

#define SCRATCH_MEMORY (4u << 20)
#define ALARMS_MOST 20             /* of one audit, each by itself */
#define APPROVED "its deletion was approved"

struct judging {
	struct roll *roll;
	struct arena *a;               /* of one owner */
	struct orphan_counts *out;
};

static void say(struct judging *j, const char *uuid, const char *login, unsigned generation, const char *event, const char *what,
	const char *why)
{
	const struct evidence_line line = { .event = event, .uuid = uuid, .login = login, .generation = generation, .what = what,
		.why = why };
	struct err e;
	if (evidence_add(j->roll->evidence, &line, &e))
		log_err(LOG_ERROR_LEVEL, "evidence", login ? login : uuid, &e);
}

/* --- reporting ---------------------------------------------------------------------------------------------------- */

static char *words_of(struct judging *j, const struct owned *const *list, size_t n)
{
	struct str s;
	str_init(&s, j->a);
	for (size_t i = 0; i < n; i++)
		str_addf(&s, "%sgeneration %u: %s", i ? "; " : "", list[i]->generation, owned_words(list[i], j->a));
	return s.text;
}

static int put(struct judging *j, const char *uuid, char *what, struct err *e)
{
	/* In the hash, too: whoever says yes says it to these things. */
	struct json *o = json_object(j->a);
	json_put_text(o, "things", what);
	struct store_frozen row = { .kind = FROZEN_ORPHAN, .why = what, .firm = true, .detail = json_print(j->a, o) };
	str_copy(row.uuid, sizeof(row.uuid), uuid);
	return store_frozen_put(j->roll->store, &row, clock_now(j->roll->clock), j->a, NULL, e);
}

/* Nobody may approve more than he was shown: what has changed comes on a new list. */
static int show_again(struct judging *j, const struct store_frozen *row, const struct owned *const *list, size_t n, struct err *e)
{
	char *what = words_of(j, list, n);
	if (row->state == FROZEN_REJECTED || str_eq(row->why, what))
		return 0;
	int rc = store_frozen_drop(j->roll->store, row->uuid, FROZEN_ORPHAN, e);
	return rc ? rc : put(j, row->uuid, what, e);
}

static int report(struct judging *j, const struct owned *const *list, size_t n, struct err *e)
{
	const char *uuid = list[0]->uuid;
	char *what = words_of(j, list, n);
	int rc = put(j, uuid, what, e);
	if (rc)
		return rc;
	if (j->out->reported++ < ALARMS_MOST)
		log_event(LOG_ALARM_LEVEL, "audit", uuid, "an orphan, marked as ours and known to nobody: %s; see rollcall plan", what);
	say(j, uuid, NULL, list[n - 1]->generation, "alarm", "an orphan: marked as ours, and neither entry nor store knows it", what);
	return 0;
}

/* --- taking over what was approved ---------------------------------------------------------------------------------- */

static int person_for(struct judging *j, const struct owned *o, struct store_person *p, struct err *e)
{
	*p = (struct store_person){ .uid_number = -1, .signal = SIGNAL_ABSENT, .signal_ms = clock_now(j->roll->clock),
		.login = arena_strdup(j->a, o->user_name ? o->user_name : o->uuid),
		.note = arena_strdup(j->a, "an orphan: no entry names it; " APPROVED) };
	str_copy(p->uuid, sizeof(p->uuid), o->uuid);
	return store_person_put(j->roll->store, p, e);
}

/* Cut now; what cannot be undone comes by the way of everybody whose grace is over. */
static void leaves_now(struct judging *j, struct store_account *acc)
{
	int64_t now = clock_now(j->roll->clock);
	if (acc->stage != STAGE_SUSPENDED) {
		acc->stage = STAGE_SUSPENDED;
		acc->since_ms = acc->cut_ms = now;
	}
	acc->retire_after_ms = acc->due_ms = now;
	acc->lane = LANE_REVOKE;
	acc->hold_reason = NULL;
}

/* An older generation than the one that counts: nothing but its taking down is left. */
static int retires_now(struct judging *j, struct store_account *acc, struct err *e)
{
	int64_t now = clock_now(j->roll->clock);
	acc->stage = STAGE_RETIRED;
	acc->since_ms = acc->due_ms = now;
	acc->lane = LANE_TIDY;
	return store_act_add(j->roll->store, ACT_KIND_RETIRE, acc->uuid, NULL, now, 0, e);
}

static bool may_retire(struct judging *j, const char *uuid)
{
	const char *why = "there is no guard";
	if (j->roll->guard && guard_lets_retire(j->roll->guard, true, j->a, &why))
		return true;
	log_event(LOG_INFO_LEVEL, "audit", uuid, "an orphan that may be deleted waits: %s", why);
	j->out->waiting++;
	return false;
}

static int take_one(struct judging *j, const struct owned *o, bool newest, struct err *e)
{
	const struct owned_hints none = { 0 };
	struct store_account acc = { .generation = o->generation, .found = owned_found(o, j->a) };
	str_copy(acc.uuid, sizeof(acc.uuid), o->uuid);
	int rc = owned_placement(j->roll->settings, o, &none, j->a, &acc.placement, e);
	if (rc)
		return rc;
	if (newest)
		leaves_now(j, &acc);
	else
		rc = retires_now(j, &acc, e);
	return rc ? rc : store_account_new(j->roll->store, &acc, e);
}

static int take_all(struct judging *j, struct store_person *p, const struct owned *const *list, size_t n, bool gone, struct err *e)
{
	int rc = *p->uuid ? 0 : person_for(j, list[n - 1], p, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = take_one(j, list[i], gone && i + 1 == n, e);
	return rc ? rc : store_frozen_drop(j->roll->store, list[0]->uuid, FROZEN_ORPHAN, e);
}

/* gone: of somebody who has nothing else; or else these are older ones of his, and their taking down begins here. */
static int take(struct judging *j, struct store_person *p, const struct owned *const *list, size_t n, bool gone, struct err *e)
{
	struct roll *r = j->roll;
	if (n > gone && !may_retire(j, list[0]->uuid))
		return 0;
	int rc = store_begin(r->store, e);
	if (rc)
		return rc;
	rc = take_all(j, p, list, n, gone, e);
	if (rc)
		store_rollback(r->store);
	else
		rc = store_commit(r->store, e);
	if (rc)
		return rc;
	POINT("orphan.taken");
	j->out->taken++;
	for (size_t i = 0; i < n; i++)
		say(j, p->uuid, p->login, list[i]->generation, "stage", gone && i + 1 == n ? "orphan -> suspended" : "orphan -> retired",
			APPROVED);
	engine_wake(r->engine);
	return 0;
}

/* --- one owner ------------------------------------------------------------------------------------------------------ */

/* Nothing is his any more that the store knows of. */
static int has_gone(struct judging *j, const struct store_person *p, bool *gone, struct err *e)
{
	struct store_account acc;
	*gone = p->signal == SIGNAL_ABSENT && !p->generation;
	if (p->signal != SIGNAL_ABSENT || !p->generation)
		return 0;
	int rc = store_account_get(j->roll->store, p->uuid, 0, j->a, &acc, e);
	*gone = !rc && acc.stage == STAGE_RETIRED;
	return rc;
}

/* All generations of one owner that have no row, the oldest first. */
static int judge(struct judging *j, const struct owned *const *list, size_t n, struct err *e)
{
	struct roll *r = j->roll;
	struct store_person p = { 0 };
	struct store_frozen row;
	bool gone = true;
	size_t orphans = n;
	int rc = store_person_get(r->store, list[0]->uuid, j->a, &p, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	if (rc)
		p = (struct store_person){ .uuid = "" };
	else
		rc = has_gone(j, &p, &gone, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	if (!gone)
		for (orphans = 0; orphans < n && list[orphans]->generation < p.generation;)
			orphans++;
	j->out->newer += n - orphans;
	if (!orphans)
		return store_frozen_drop(r->store, list[0]->uuid, FROZEN_ORPHAN, e);
	bool newest = gone && list[n - 1]->generation > p.generation;
	rc = store_frozen_get(r->store, list[0]->uuid, FROZEN_ORPHAN, j->a, &row, e);
	if (rc == ERR_ABSENT)
		return report(j, list, orphans, e);
	if (rc)
		return rc;
	bool shown = str_eq(row.why, words_of(j, list, orphans));
	return shown && roll_approved(r, &row) ? take(j, &p, list, orphans, newest, e) : show_again(j, &row, list, orphans, e);
}

/* --- the lists ------------------------------------------------------------------------------------------------------- */

static bool is_among(const struct owned *const *list, size_t n, const char *uuid)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i]->uuid, uuid))
			return true;
	return false;
}

/* A rebuilt account that no entry names: its row is there already. */
static int unnamed(struct judging *j, const struct store_frozen *row, struct err *e)
{
	struct roll *r = j->roll;
	struct store_account *list;
	struct store_person p;
	size_t n;
	if (!roll_approved(r, row))
		return 0;
	int rc = store_person_get(r->store, row->uuid, j->a, &p, e);
	if (!rc)
		rc = store_accounts_of(r->store, row->uuid, j->a, &list, &n, e);
	if (rc)
		return rc;
	if (n > 1 && !may_retire(j, row->uuid))
		return 0;
	rc = store_begin(r->store, e);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < n; i++) {
		if (list[i].stage == STAGE_RETIRED)
			continue;
		if (list[i].generation == p.generation)
			leaves_now(j, &list[i]);
		else
			rc = retires_now(j, &list[i], e);
		if (!rc)
			rc = store_account_news(r->store, &list[i], e);
	}
	if (!rc)
		rc = store_frozen_drop(r->store, row->uuid, FROZEN_UNNAMED, e);
	if (rc) {
		store_rollback(r->store);
		return rc;
	}
	rc = store_commit(r->store, e);
	if (rc)
		return rc;
	j->out->taken++;
	say(j, p.uuid, p.login, p.generation, "stage", "orphan -> suspended", APPROVED);
	engine_wake(r->engine);
	return 0;
}

/* What stands on a list and is there no more is on none. */
static int tidy_lists(struct judging *j, const struct owned *const *list, size_t count, struct err *e)
{
	struct store_frozen *rows;
	size_t n;
	AUTO_ARENA struct arena *all = arena_new(SIZE_MAX);
	int rc = store_frozen_list(j->roll->store, all, &rows, &n, e);
	for (size_t i = 0; !rc && i < n; i++) {
		arena_reset(j->a);
		if (rows[i].kind == FROZEN_UNNAMED)
			rc = unnamed(j, &rows[i], e);
		else if (rows[i].kind == FROZEN_ORPHAN && !is_among(list, count, rows[i].uuid))
			rc = store_frozen_drop(j->roll->store, rows[i].uuid, FROZEN_ORPHAN, e);
	}
	return rc;
}

static int judge_all(struct judging *j, const struct owned *const *list, size_t count, struct err *e)
{
	int rc = 0;
	for (size_t i = 0, n; !rc && i < count; i += n) {
		for (n = 1; i + n < count && !strcmp(list[i]->uuid, list[i + n]->uuid);)
			n++;
		arena_reset(j->a);
		rc = judge(j, &list[i], n, e);
	}
	return rc ? rc : tidy_lists(j, list, count, e);
}

/* Whoever cannot be seen at the moment would look like nobody. */
bool orphan_believed(void *feed)
{
	AUTO_ARENA struct arena *a = arena_new(SCRATCH_MEMORY);
	return feed_trusted(feed) && !feed_doubt(feed, NULL, a);
}

int orphan_judge(void *feed, const struct owned *const *list, size_t count, struct arena *a, struct orphan_counts *out, struct err *e)
{
	struct feed *f = feed;
	struct orphan_counts counts = { 0 };
	AUTO_ARENA struct arena *scratch = arena_new(SCRATCH_MEMORY);
	struct judging j = { .roll = f->roll, .a = scratch, .out = &counts };
	(void)a;
	counts.believed = orphan_believed(f);
	int rc = 0;
	if (counts.believed) {
		pthread_mutex_lock(&f->roll->lock);
		rc = judge_all(&j, list, count, e);
		pthread_mutex_unlock(&f->roll->lock);
	}
	if (counts.reported > ALARMS_MOST)
		log_event(LOG_ALARM_LEVEL, "audit", NULL, "and %zu orphans more", counts.reported - ALARMS_MOST);
	if (!rc)
		*out = counts;
	return rc;
}
