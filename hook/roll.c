#include "hook/roll.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/roll_inside.h"
#include "hook/sessions.h"
#include "policies/grant.h"

#define NAME_AGAIN_MS 60000
#define DUE_BATCH 100

void roll_say(struct roll *r, const struct store_person *p, unsigned generation, const char *event, const char *what,
	const char *why, const char *request_id)
{
	const struct evidence_line line = { .event = event,
		.uuid = p ? p->uuid : NULL,
		.login = p ? p->login : NULL,
		.generation = generation,
		.what = what,
		.why = why,
		.request_id = request_id,
		.csn = p ? p->csn : NULL };
	struct err e;
	if (evidence_add(r->evidence, &line, &e))
		log_err(LOG_ERROR_LEVEL, "evidence", line.login, &e);
}

struct history roll_history(const struct store_account *a)
{
	return (struct history){ .stage = (enum stage)a->stage,
		.since_ms = a->since_ms,
		.retire_after_ms = a->retire_after_ms,
		.cut_strong = a->cut_strong,
		.cut_csn = a->cut_csn,
		.hold_reason = a->hold_reason };
}

void roll_move(struct roll *r, struct store_account *acc, const struct store_person *p, const struct decision *d)
{
	int64_t now = clock_now(r->clock);
	bool first_cut = d->cut && (acc->stage == STAGE_ACTIVE || acc->stage == STAGE_DUE);
	/* A call of his cut may land after he is back. */
	bool returns = d->stage == STAGE_ACTIVE && acc->stage >= STAGE_SUSPENDED;
	acc->stage = d->stage;
	acc->since_ms = d->since_ms;
	acc->retire_after_ms = d->retire_after_ms;
	if (!d->keep_hold)
		acc->hold_reason = NULL;
	if (first_cut) {
		acc->cut_ms = now;
		acc->cut_strong = p->signal == SIGNAL_DISABLED;
		acc->cut_csn = p->csn;
	}
	acc->due_ms = d->stage == STAGE_DUE || d->stage == STAGE_NONE ? INT64_MAX : now;
	acc->lane = d->stage == STAGE_ACTIVE ? LANE_JOIN : d->cut && d->stage != STAGE_RETIRED ? LANE_REVOKE : LANE_TIDY;
	acc->sweep_ms = returns ? now + r->settings->life.sweep_ms : 0;
}

void roll_look_again(struct roll *r, struct store_account *acc)
{
	int64_t now = clock_now(r->clock);
	if (acc->due_ms == INT64_MAX || acc->lane > LANE_TIDY)
		acc->lane = LANE_TIDY;
	if (acc->due_ms > now)
		acc->due_ms = now;
	/* A sweep trusts nothing that was seen before it. */
	if (!acc->sweep_ms)
		acc->sweep_ms = now;
}

/* Stronger evidence of what is so already: remembered, so that an older entry cannot bring him back. */
static bool strengthen(const struct store_person *p, struct store_account *acc)
{
	bool cut = acc->stage == STAGE_SUSPENDED || acc->stage == STAGE_RETIRED;
	if (!cut || p->signal != SIGNAL_DISABLED || (acc->cut_strong && !csn_newer(p->csn, acc->cut_csn)))
		return false;
	acc->cut_strong = true;
	acc->cut_csn = p->csn;
	return true;
}

static bool name_taken(struct roll *r, const struct store_person *p, struct arena *a, char **note)
{
	char holder[UUID_TEXT];
	struct err e;
	if (store_login_holder(r->store, p->login, p->uuid, 1u << STAGE_DUE | 1u << STAGE_ACTIVE, holder, &e))
		return false;
	*note = arena_printf(a, "waits: the login name \"%s\" belongs to entry %s, which is active", p->login, holder);
	return true;
}

/* Placement is decided once: a profile that changes later is reported, never acted upon. */
static char *profile_note(const struct store_person *p, const struct store_account *acc, struct arena *a)
{
	struct placement placement;
	struct err e;
	if (!acc->placement || placement_parse(acc->placement, a, &placement, &e) || !p->profile ||
		str_eq(placement.profile, p->profile))
		return NULL;
	return arena_printf(a, "fits profile \"%s\" now; the account stays as it was placed, in \"%s\"", p->profile,
		placement.profile);
}

/* What an administrator should know of somebody whom nothing may be taken from by absence. */
static char *protection_note(const struct store_person *p, const struct decision *d, int64_t now, struct arena *a)
{
	bool in = p->signal == SIGNAL_ENTITLED || p->signal == SIGNAL_DUE || p->signal == SIGNAL_NONE;
	if (!p->is_protected || in)
		return NULL;
	if (d->stage == STAGE_ACTIVE || d->stage == STAGE_HELD)
		return arena_printf(a, "protected: keeps access although he is %s (%s)", signal_name((enum signal)p->signal), p->reason);
	if (d->stage == STAGE_SUSPENDED && d->retire_after_ms && now >= d->retire_after_ms)
		return arena_strdup(a, ROLL_PROTECTED_FOR_GOOD);
	return NULL;
}

/* What apply() finds out, step by step. */
struct hearing_of {
	struct store_account acc;
	struct history was;
	struct news news;
	struct decision d;
	const struct profile_settings *profile;
	bool in, fresh;                /* entitled, now or later; whoever joins now is new here */
	bool joins;
	bool adopts;                   /* what others made becomes his, now or when he begins */
	struct joining joining;
	char *note;
};

bool roll_unsure(const struct roll *r, const struct store_person *p)
{
	return atomic_load(&r->doubt) != DOUBT_NONE && p->signal == SIGNAL_ENTITLED && !p->solid;
}

/* Does his account wait for a login?  One before he retired is no wish to come back. */
static int waits_for_login(struct roll *r, const struct store_person *p, const struct hearing_of *o, bool *out, struct err *e)
{
	int64_t last_ms = 0;
	*out = o->profile && o->profile->trigger == 1;
	if (!*out || !o->fresh)
		return 0;
	int rc = store_login_last(r->store, p->uuid, &last_ms, e);
	*out = !last_ms || (o->was.stage == STAGE_RETIRED && last_ms < o->was.since_ms);
	return rc;
}

/* A value said disabled while the store took nothing: that he is out of sight by now is no answer to it. */
static void recall_strike(const struct roll *r, struct store_person *p, struct arena *a)
{
	if (p->signal != SIGNAL_ABSENT || !engine_struck(r->engine, p->uuid))
		return;
	p->signal = SIGNAL_DISABLED;
	p->reason = arena_strdup(a, "disabled by a value, and then out of sight");
}

static int hear(struct roll *r, struct store_person *p, const struct hearing *heard, struct arena *a, struct hearing_of *o,
	struct err *e)
{
	const struct stage_rules rules = { .grace_ms = r->settings->life.grace_ms };
	bool at_login;
	int rc = p->generation ? store_account_get(r->store, p->uuid, 0, a, &o->acc, e) : 0;
	if (rc)
		return rc;
	recall_strike(r, p, a);
	o->was = roll_history(&o->acc);
	o->was.release = heard->release;
	o->fresh = o->was.stage == STAGE_NONE || o->was.stage == STAGE_DUE || o->was.stage == STAGE_RETIRED;
	o->in = p->signal == SIGNAL_ENTITLED || p->signal == SIGNAL_DUE;
	o->profile = settings_profile(r->settings, p->profile);
	rc = waits_for_login(r, p, o, &at_login, e);
	if (rc)
		return rc;
	o->news = (struct news){ .signal = (enum signal)p->signal,
		.confirmed = heard->confirmed,
		.csn = p->csn,
		.now_ms = clock_now(r->clock),
		.is_protected = p->is_protected,
		.at_login = at_login,
		.unsure = heard->unsure || (o->was.cut_strong && roll_unsure(r, p)),
		.gone_again = heard->gone_again,
		.name_taken = o->fresh && o->in && name_taken(r, p, a, &o->note) };
	o->d = stage_decide(&o->was, &o->news, &rules);
	o->joins = o->fresh && o->d.stage == STAGE_ACTIVE && o->profile;
	o->adopts = heard->adoption && o->fresh && (o->joins || o->d.stage == STAGE_DUE);
	if (!o->joins)
		return 0;
	o->joining.approved = heard->adoption;
	rc = heard->adoption ? 0 : roll_may_join(r, p, o->profile, a, &o->joining, e);
	if (rc || !o->joining.note)
		return rc;
	o->note = o->joining.note;
	o->news.waits = true;
	o->d = stage_decide(&o->was, &o->news, &rules);
	return 0;
}

/* The decision into his account, or into a new one. */
static int into_account(struct roll *r, struct store_person *p, const struct hearing *heard, struct arena *a, struct hearing_of *o,
	struct roll_moved *moved, struct err *e)
{
	struct store_account *acc = &o->acc;
	bool moves = o->d.stage != o->was.stage;
	bool begins = o->d.new_generation || (!p->generation && o->d.stage != STAGE_NONE);
	if (begins || o->adopts) {
		struct err why;
		int rc = begins ? roll_begin(r, p, &o->d, heard->adoption, a, &why)
				: roll_begin_adopted(r, p, acc, heard->adoption, a, &why);
		if (rc && rc != ERR_INPUT) {
			*e = why;
			return rc;
		}
		if (rc) {
			o->note = arena_strdup(a, why.text);
			log_err(LOG_WARN_LEVEL, "roll", p->login, &why);
			return 0;
		}
		moved->adopted = o->adopts;
		if (begins)
			moved->generation = p->generation;
	}
	if (begins || !p->generation || !(moves || o->adopts || heard->release || strengthen(p, acc) || engine_struck(r->engine, p->uuid)))
		return 0;
	if (moves) {
		roll_move(r, acc, p, &o->d);
		moved->generation = acc->generation;
	} else if (heard->release) {
		acc->hold_reason = NULL;
		roll_look_again(r, acc);
	} else if (o->d.stage == STAGE_ACTIVE) {
		/* Cut from memory, and back before the store knew: everything is looked at anew. */
		acc->since_ms = acc->due_ms = clock_now(r->clock);
		acc->sweep_ms = acc->since_ms + r->settings->life.sweep_ms;
		acc->lane = LANE_JOIN;
	}
	strengthen(p, acc);
	return store_account_news(r->store, acc, e);
}

static int departure_approved(struct roll *r, const char *uuid, struct arena *a, bool *approved, struct err *e)
{
	struct store_frozen row;
	int rc = store_frozen_get(r->store, uuid, FROZEN_DEPARTURE, a, &row, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	*approved = !rc && roll_approved(r, &row);
	return 0;
}

/* Whoever costs money by this, or departs by a weak sign, is counted by the brakes, unless an administrator let him pass;
 * whoever does not wait any more is on no list. */
static int count(struct roll *r, const struct store_person *p, const struct hearing_of *o, bool moved, struct arena *a, struct err *e)
{
	bool departs = moved && o->d.stage == STAGE_SUSPENDED && p->signal != SIGNAL_DISABLED;
	bool joins = moved && o->joins, approved = o->joining.approved;
	int rc = departs ? departure_approved(r, p->uuid, a, &approved, e) : 0;
	if (!rc && (joins || departs) && !approved)
		rc = store_act_add(r->store, joins ? ACT_KIND_JOIN : ACT_KIND_DEPARTURE, p->uuid, p->branch, o->news.now_ms,
			joins ? o->joining.fen : 0, e);
	if (!rc && moved && o->d.stage == STAGE_RETIRED)
		rc = store_act_add(r->store, ACT_KIND_RETIRE, p->uuid, p->branch, o->news.now_ms, 0, e);
	if (!rc && !o->news.waits)
		rc = roll_drop_join(r, p, joins, a, e);
	if (!rc && (joins || o->adopts))
		rc = store_frozen_drop(r->store, p->uuid, FROZEN_ADOPT, e);
	if (!rc && !o->d.wait)
		rc = store_frozen_drop(r->store, p->uuid, FROZEN_DEPARTURE, e);
	if (!rc && p->signal != SIGNAL_NONE && p->signal != SIGNAL_ABSENT)
		rc = store_frozen_drop(r->store, p->uuid, FROZEN_UNNAMED, e);
	return rc;
}

/* The heart: person as known now + account -> decision -> store.  Inside a transaction of the caller. */
static int apply(struct roll *r, struct store_person *p, const struct hearing *heard, struct arena *a, struct roll_moved *moved,
	struct err *e)
{
	struct hearing_of o = { 0 };
	int64_t now = clock_now(r->clock);
	int rc = hear(r, p, heard, a, &o, e);
	if (!rc)
		rc = into_account(r, p, heard, a, &o, moved, e);
	if (!rc)
		rc = count(r, p, &o, moved->generation != 0, a, e);
	if (rc)
		return rc;
	moved->what = arena_printf(a, "%s -> %s", stage_name(o.was.stage), stage_name(o.d.stage));
	moved->why = o.d.why;
	if (o.in && o.d.stage == STAGE_SUSPENDED && !p->csn)
		o.note = "entitled again, but neither entryCSN nor modifyTimestamp can be read: let Rollcall's account read them";
	/* Entitled by evidence that is too old: when the same comes with newer evidence, it must count as news. */
	if (o.in && (o.d.stage == STAGE_SUSPENDED || o.d.stage == STAGE_RETIRED))
		p->hash[0] = '\0';
	if (!o.note && p->generation && o.d.stage == STAGE_ACTIVE)
		o.note = profile_note(p, &o.acc, a);
	if (!o.note)
		o.note = protection_note(p, &o.d, now, a);
	bool unsure = o.news.unsure && o.d.stage != STAGE_ACTIVE && o.d.stage != STAGE_HELD;
	if (unsure)
		o.note = "entitled by what is not there: waits until the source is believed";
	/* A waiting name and a start date are looked at again when their moment comes. */
	p->due_ms = o.news.name_taken || unsure ? now + NAME_AGAIN_MS : p->signal == SIGNAL_DUE ? p->due_ms : 0;
	p->weak_since_ms = o.d.wait ? (p->weak_since_ms ? p->weak_since_ms : now) : 0;
	p->note = o.note;
	return store_person_put(r->store, p, e);
}

void roll_hurry(struct roll *r, const struct store_person *p, bool moved, struct arena *a)
{
	struct store_account acc;
	struct err e;
	if (!p->generation || store_account_get(r->store, p->uuid, 0, a, &acc, &e))
		return;
	/* He was struck because a value said disabled: that he is out of sight by now is no answer to it. */
	if (acc.stage != STAGE_ACTIVE || !p->weak_since_ms)
		engine_strike_over(r->engine, p->uuid);
	if (moved && acc.stage >= STAGE_SUSPENDED)
		sessions_end(r->settings, p);
	else if (moved)
		sessions_stay(r->settings, p);
	if (acc.lane == LANE_REVOKE)
		engine_preempt(r->engine, acc.id);
	else
		engine_wake(r->engine);
}

int roll_apply(struct roll *r, struct store_person *p, const struct hearing *heard, struct arena *a, struct roll_moved *out,
	struct err *e)
{
	struct roll_moved moved = { 0 };
	int rc = store_begin(r->store, e);
	if (!rc) {
		rc = apply(r, p, heard, a, &moved, e);
		if (rc)
			store_rollback(r->store);
		else
			rc = store_commit(r->store, e);
	}
	POINT("roll.applied");
	if (!rc && moved.generation)
		roll_say(r, p, moved.generation, "stage", moved.what, moved.why, NULL);
	if (!rc) {
		roll_hurry(r, p, moved.generation != 0, a);
	} else if (p->signal == SIGNAL_DISABLED) {
		engine_strike(r->engine, p->uuid);
		sessions_end(r->settings, p);
	}
	if (!rc && out)
		*out = moved;
	return rc;
}

int roll_hear(struct roll *r, struct store_person *p, struct arena *a, struct err *e)
{
	const struct hearing heard = { 0 };
	return roll_apply(r, p, &heard, a, NULL, e);
}

static int confirmed(struct roll *r, struct store_person *p, bool gone_again, struct arena *a, struct err *e)
{
	const struct hearing heard = { .confirmed = true, .gone_again = gone_again };
	return roll_apply(r, p, &heard, a, NULL, e);
}

static int one_absent(struct roll *r, const char *uuid, struct arena *a, struct err *e)
{
	struct store_person p;
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (p.signal == SIGNAL_ABSENT)
		return 0;
	roll_lost_sight(r, &p);
	return roll_hear(r, &p, a, e);
}

static int one_departed(struct roll *r, const char *uuid, const char *why, struct arena *a, struct err *e)
{
	struct store_person p;
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc;
	if (!p.weak_since_ms)
		return err_set(e, ERR_STALE, "newer news of this person has come");
	p.signal = SIGNAL_ABSENT;
	p.reason = arena_strdup(a, why);
	return confirmed(r, &p, false, a, e);
}

/* Confirmed, and a brake holds him back: he is left as he is, on a list. */
static int one_frozen(struct roll *r, const char *uuid, const char *why, struct arena *a, struct err *e)
{
	struct store_person p;
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc;
	if (!p.weak_since_ms)
		return err_set(e, ERR_STALE, "newer news of this person has come");
	struct store_frozen row = { .kind = FROZEN_DEPARTURE, .branch = p.branch, .why = arena_strdup(a, why), .firm = true };
	str_copy(row.uuid, sizeof(row.uuid), uuid);
	p.note = arena_printf(a, "keeps access: %s; see rollcall plan", why);
	rc = store_begin(r->store, e);
	if (rc)
		return rc;
	rc = store_frozen_put(r->store, &row, clock_now(r->clock), a, NULL, e);
	if (!rc)
		rc = store_person_put(r->store, &p, e);
	if (!rc)
		return store_commit(r->store, e);
	store_rollback(r->store);
	return rc;
}

static int one_withdrawn(struct roll *r, const char *uuid, struct arena *a, struct err *e)
{
	struct store_person p;
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (!rc && !p.weak_since_ms)
		rc = err_set(e, ERR_STALE, "newer news of this person has come");
	return rc ? rc : confirmed(r, &p, false, a, e);
}

static int one_retired(struct roll *r, int64_t account_id, bool *retired, struct arena *a, struct err *e)
{
	struct store_person p;
	struct store_account now = { 0 };
	int rc = store_account_by_id(r->store, account_id, a, &now, e);
	*retired = false;
	/* Back by now: whatever is heard of him next, no brake was asked about it. */
	if (rc || now.stage != STAGE_SUSPENDED)
		return rc;
	rc = store_person_get(r->store, now.uuid, a, &p, e);
	if (!rc)
		rc = confirmed(r, &p, true, a, e);
	if (!rc)
		rc = store_account_by_id(r->store, account_id, a, &now, e);
	*retired = !rc && now.stage == STAGE_RETIRED;
	return rc;
}

static int look_again(struct roll *r, struct arena *a, int *did, struct err *e)
{
	struct store_person *list;
	size_t n;
	int64_t now = clock_now(r->clock);
	*did = 0;
	int rc = store_due(r->store, now, DUE_BATCH, a, &list, &n, e);
	for (size_t i = 0; !rc && i < n; i++) {
		struct err one;
		if (list[i].signal == SIGNAL_DUE)
			list[i].signal = SIGNAL_ENTITLED;
		const struct hearing heard = { .unsure = roll_unsure(r, &list[i]) };
		if (roll_apply(r, &list[i], &heard, a, NULL, &one))
			log_err(LOG_ERROR_LEVEL, "roll", list[i].login, &one);     /* the others go on */
		else
			(*did)++;
	}
	return rc ? rc : roll_let_in(r, a, did, e);
}

/* --- the public ones: one change of the roll at a time ------------------------------------------------------ */

int roll_entry(struct roll *r, const struct entry *entry, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = roll_take(r, entry, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_absent(struct roll *r, const char *uuid, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_absent(r, uuid, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_departed(struct roll *r, const char *uuid, const char *why, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_departed(r, uuid, why, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_withdrawn(struct roll *r, const char *uuid, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_withdrawn(r, uuid, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_freeze(struct roll *r, const char *uuid, const char *why, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_frozen(r, uuid, why, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_judge(struct roll *r, const struct entry *entry, struct arena *a, struct person *out, struct err *e)
{
	struct store_person known;
	pthread_mutex_lock(&r->lock);
	int rc = store_person_get(r->store, entry->uuid, a, &known, e);
	if (!rc || rc == ERR_ABSENT)
		rc = roll_read(r, entry, rc ? NULL : &known, a, out, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_retire(struct roll *r, int64_t account_id, bool *retired, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_retired(r, account_id, retired, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void roll_alarm(struct roll *r, const char *what, const char *why)
{
	roll_say(r, NULL, 0, "alarm", what, why, NULL);
}

int roll_due(struct roll *r, struct arena *a, int *did, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = look_again(r, a, did, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}
