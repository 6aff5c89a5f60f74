#include "hook/roll.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/roll_inside.h"
#include "policies/grant.h"

#define NAME_AGAIN_MS 60000
#define DUE_BATCH 100

void roll_say(struct roll *r, const struct store_person *p, unsigned generation, const char *event, const char *what,
	const char *why, const char *request_id)
{
	const struct evidence_line line = { .event = event,
		.uuid = p->uuid,
		.login = p->login,
		.generation = generation,
		.what = what,
		.why = why,
		.request_id = request_id,
		.csn = p->csn };
	struct err e;
	if (evidence_add(r->evidence, &line, &e))
		log_err(LOG_ERROR_LEVEL, "evidence", p->login, &e);
}

static const struct profile_settings *profile_of(const struct roll *r, const char *name)
{
	const struct profile_settings *all = r->settings->profiles.items;
	for (size_t i = 0; name && i < r->settings->profiles.count; i++)
		if (!strcmp(all[i].name, name))
			return &all[i];
	return NULL;
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

/* A new generation of this person: placed once, here. */
static int account_begin(struct roll *r, struct store_person *p, const struct decision *d, struct arena *a, struct err *e)
{
	const struct settings *s = r->settings;
	const struct profile_settings *ps = profile_of(r, p->profile);
	struct placement placement;
	if (!ps)
		return err_set(e, ERR_INPUT, "no profile fits this person");
	const struct profile profile = { .name = ps->name,
		.package = ps->package,
		.bundle = ps->bundle,
		.blueprint = ps->blueprint,
		.zone = ps->zone,
		.region = ps->region,
		.at_login = ps->trigger == 1 };
	int rc = placement_make(p->login, p->uuid, p->generation + 1, s->cloud.root_account, s->cloud.region, &profile, &placement, e);
	if (rc)
		return rc;
	struct store_account made = { .generation = p->generation + 1,
		.stage = d->stage,
		.since_ms = d->since_ms,
		.placement = placement_print(&placement, a),
		.found = "",
		.lane = LANE_JOIN,
		.due_ms = d->stage == STAGE_ACTIVE ? clock_now(r->clock) : INT64_MAX };
	str_copy(made.uuid, sizeof(made.uuid), p->uuid);
	rc = store_person_put(r->store, p, e);       /* an account has an owner */
	if (!rc)
		rc = store_account_new(r->store, &made, e);
	if (!rc)
		p->generation = made.generation;
	return rc;
}

void roll_move(struct roll *r, struct store_account *acc, const struct store_person *p, const struct decision *d)
{
	int64_t now = clock_now(r->clock);
	bool first_cut = d->cut && (acc->stage == STAGE_ACTIVE || acc->stage == STAGE_DUE);
	acc->stage = d->stage;
	acc->since_ms = d->since_ms;
	acc->retire_after_ms = d->retire_after_ms;
	if (!d->keep_hold)
		acc->hold_reason = NULL;
	if (first_cut) {
		acc->cut_ms = now;
		acc->cut_strong = p->signal == SIGNAL_DISABLED;
		acc->cut_csn = acc->cut_strong ? p->csn : NULL;
	}
	acc->due_ms = d->stage == STAGE_DUE || d->stage == STAGE_NONE ? INT64_MAX : now;
	acc->lane = d->stage == STAGE_ACTIVE ? LANE_JOIN : d->cut && d->stage != STAGE_RETIRED ? LANE_REVOKE : LANE_TIDY;
	acc->sweep_ms = 0;
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

/* The heart: person as known now + account -> decision -> store.  Inside a transaction of the caller. */
static int apply(struct roll *r, struct store_person *p, const struct hearing *heard, struct arena *a, struct roll_moved *moved,
	struct err *e)
{
	struct store_account acc = { 0 };
	int rc = p->generation ? store_account_get(r->store, p->uuid, 0, a, &acc, e) : 0;
	if (rc)
		return rc;
	int64_t now = clock_now(r->clock);
	struct history h = roll_history(&acc);
	h.release = heard->release;
	bool fresh = h.stage == STAGE_NONE || h.stage == STAGE_DUE || h.stage == STAGE_RETIRED;
	bool in = p->signal == SIGNAL_ENTITLED || p->signal == SIGNAL_DUE;
	const struct profile_settings *ps = profile_of(r, p->profile);
	char *note = NULL;
	struct news n = { .signal = (enum signal)p->signal,
		.confirmed = heard->confirmed,
		.csn = p->csn,
		.now_ms = now,
		.at_login = ps && ps->trigger == 1,
		.gone_again = heard->gone_again,
		.name_taken = fresh && in && name_taken(r, p, a, &note) };
	const struct stage_rules rules = { .grace_ms = r->settings->life.grace_ms };
	struct decision d = stage_decide(&h, &n, &rules);
	if (d.new_generation || (!p->generation && d.stage != STAGE_NONE)) {
		struct err why;
		rc = account_begin(r, p, &d, a, &why);
		if (rc == ERR_INPUT) {
			note = arena_strdup(a, why.text);
			log_err(LOG_WARN_LEVEL, "roll", p->login, &why);
		} else if (rc) {
			*e = why;
			return rc;
		} else {
			moved->generation = p->generation;
		}
	} else if (p->generation &&
		   (d.stage != h.stage || heard->release || strengthen(p, &acc) || engine_struck(r->engine, p->uuid))) {
		if (d.stage != h.stage) {
			roll_move(r, &acc, p, &d);
			moved->generation = acc.generation;
		} else if (heard->release) {
			acc.hold_reason = NULL;
			roll_look_again(r, &acc);
		} else if (d.stage == STAGE_ACTIVE) {
			/* Cut from memory, and back before the store knew: everything is looked at anew. */
			acc.since_ms = acc.due_ms = now;
			acc.lane = LANE_JOIN;
		}
		strengthen(p, &acc);
		rc = store_account_news(r->store, &acc, e);
		if (rc)
			return rc;
	}
	moved->what = arena_printf(a, "%s -> %s", stage_name(h.stage), stage_name(d.stage));
	moved->why = d.why;
	if (in && d.stage == STAGE_SUSPENDED && !p->csn)
		note = "entitled again, but neither entryCSN nor modifyTimestamp can be read: let Rollcall's account read them";
	/* Entitled by evidence that is too old: when the same comes with newer evidence, it must count as news. */
	if (in && (d.stage == STAGE_SUSPENDED || d.stage == STAGE_RETIRED))
		p->hash[0] = '\0';
	if (!note && p->generation && d.stage == STAGE_ACTIVE)
		note = profile_note(p, &acc, a);
	/* A waiting name and a start date are looked at again when their moment comes. */
	p->due_ms = n.name_taken ? now + NAME_AGAIN_MS : p->signal == SIGNAL_DUE ? p->due_ms : 0;
	p->weak_since_ms = d.wait ? (p->weak_since_ms ? p->weak_since_ms : now) : 0;
	p->note = note;
	return store_person_put(r->store, p, e);
}

void roll_hurry(struct roll *r, const struct store_person *p, struct arena *a)
{
	struct store_account acc;
	struct err e;
	if (!p->generation || store_account_get(r->store, p->uuid, 0, a, &acc, &e))
		return;
	engine_strike_over(r->engine, p->uuid);
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
	if (!rc)
		roll_hurry(r, p, a);
	else if (p->signal == SIGNAL_DISABLED)
		engine_strike(r->engine, p->uuid);
	if (!rc && out)
		*out = moved;
	return rc;
}

static int heard_of(struct roll *r, struct store_person *p, struct arena *a, struct err *e)
{
	const struct hearing heard = { 0 };
	return roll_apply(r, p, &heard, a, NULL, e);
}

static int confirmed(struct roll *r, struct store_person *p, bool gone_again, struct arena *a, struct err *e)
{
	const struct hearing heard = { .confirmed = true, .gone_again = gone_again };
	return roll_apply(r, p, &heard, a, NULL, e);
}

/* The directory's view of him into the store's record; true when it says something new. */
static bool take_over(struct store_person *to, const struct person *from, int64_t now)
{
	bool news = strcmp(to->hash, from->hash) != 0 || to->signal != (int)from->signal || to->weak_since_ms || !to->login;
	if (to->signal != (int)from->signal)
		to->signal_ms = now;
	str_copy(to->uuid, sizeof(to->uuid), from->uuid);
	str_copy(to->hash, sizeof(to->hash), from->hash);
	to->dn = from->dn;
	to->login = from->login;
	to->mail = from->mail;
	to->display = from->display;
	to->profile = from->profile;
	to->uid_number = from->uid_number;
	to->certificate = from->certificate;
	to->certificate_len = from->certificate_len;
	to->csn = from->csn;
	to->due_ms = from->due_ms;
	to->signal = from->signal;
	to->reason = from->reason;
	return news;
}

/* An entry that cannot be used: told, kept in sight, and nobody loses anything by it - unless a value in it says
 * disabled, which needs nothing else of it to be right. */
static int unusable(struct roll *r, const struct person *p, struct store_person *known, bool is_known, const struct err *why,
	struct arena *a, struct err *e)
{
	char *note = arena_strdup(a, why->text);
	if (!is_known) {
		*known = (struct store_person){ .dn = p->dn, .uid_number = -1, .signal_ms = clock_now(r->clock) };
		str_copy(known->uuid, sizeof(known->uuid), p->uuid);
		known->login = known->uuid;
		known->signal = SIGNAL_NONE;
	}
	if (!known->note || strcmp(known->note, note) != 0)
		log_err(LOG_WARN_LEVEL, "roll", known->login, why);
	known->weak_since_ms = 0;
	/* He is there: what was thought of his absence begins anew when he is absent again. */
	if (known->signal == SIGNAL_ABSENT)
		known->signal = SIGNAL_NONE;
	known->hash[0] = '\0';
	if (is_known && p->signal == SIGNAL_DISABLED) {
		known->signal = SIGNAL_DISABLED;
		known->reason = p->reason;
		known->csn = p->csn;
		return heard_of(r, known, a, e);
	}
	known->note = note;
	return store_person_put(r->store, known, e);
}

static int one_entry(struct roll *r, const struct entry *entry, struct arena *a, struct err *e)
{
	struct person now;
	struct store_person known = { .uid_number = -1 };
	struct err why;
	int rc = store_person_get(r->store, entry->uuid, a, &known, e);
	bool is_known = rc == 0;
	if (rc && rc != ERR_ABSENT)
		return rc;
	rc = person_read(entry, r->rules, clock_now(r->clock), a, &now, &why);
	if (rc)
		return unusable(r, &now, &known, is_known, &why, a, e);
	bool changed_login = is_known && known.login && strcmp(known.login, now.login) != 0;
	if (!take_over(&known, &now, clock_now(r->clock)) && !engine_struck(r->engine, entry->uuid))
		return 0;
	if (changed_login)
		roll_say(r, &known, known.generation, "directory", "renamed; the account keeps its names", NULL, NULL);
	return heard_of(r, &known, a, e);
}

static int one_absent(struct roll *r, const char *uuid, struct arena *a, struct err *e)
{
	struct store_person p;
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (p.signal == SIGNAL_ABSENT)
		return 0;
	p.signal = SIGNAL_ABSENT;
	p.signal_ms = clock_now(r->clock);
	p.reason = "the directory does not name him";
	return heard_of(r, &p, a, e);
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

static int one_withdrawn(struct roll *r, const char *uuid, struct arena *a, struct err *e)
{
	struct store_person p;
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (!rc && !p.weak_since_ms)
		rc = err_set(e, ERR_STALE, "newer news of this person has come");
	return rc ? rc : confirmed(r, &p, false, a, e);
}

static int one_retired(struct roll *r, const struct store_account *acc, bool *retired, struct arena *a, struct err *e)
{
	struct store_person p;
	struct store_account now = { 0 };
	int rc = store_person_get(r->store, acc->uuid, a, &p, e);
	if (!rc)
		rc = confirmed(r, &p, true, a, e);
	if (!rc)
		rc = store_account_by_id(r->store, acc->id, a, &now, e);
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
		if (heard_of(r, &list[i], a, &one))
			log_err(LOG_ERROR_LEVEL, "roll", list[i].login, &one);     /* the others go on */
		else
			(*did)++;
	}
	return rc;
}

/* --- the public ones: one change of the roll at a time ------------------------------------------------------ */

int roll_entry(struct roll *r, const struct entry *entry, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_entry(r, entry, a, e);
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

int roll_retire(struct roll *r, const struct store_account *acc, bool *retired, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = one_retired(r, acc, retired, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_due(struct roll *r, struct arena *a, int *did, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = look_again(r, a, did, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}
