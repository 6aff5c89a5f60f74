#include "hook/rebuild.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/owned.h"
#include "ldap/attrs.h"
#include "ldap/dn.h"
#include "policies/dormant.h"
#include "policies/stage.h"

#define EVENT_MEMORY (4u << 20)
#define DIRECTORY_MS 600000    /* a whole refresh */
#define HELD " held: "

/* What an entry says of itself and of the account. */
struct named {
	struct person person;
	char *branch, *own[OWN_COUNT];
	unsigned generation;           /* 0: it names no account */
	struct named *next;
};

struct work {
	struct rebuild *r;
	struct arena *a;
	struct regions regions;
	struct inventory all;
	struct named *entries;         /* of whoever has something in the cloud, or says so */
	size_t live_hints;
	struct rebuild_counts counts;
};

static bool says(const struct named *n, const char *stage)
{
	return n && str_eq(n->own[OWN_STAGE], stage);
}

/* --- the cloud ---------------------------------------------------------------------------------------------- */

static int take_inventory(struct work *w, struct err *e)
{
	const struct settings *s = w->r->settings;
	int tries = 0, rc;
	do {
		rc = inventory_take(&w->r->call, s->installation, w->regions.list, w->regions.count, &w->all, e);
	} while (rc && owned_later(w->r->clock, e, true, &tries));
	return rc;
}

static int take_access(struct work *w, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < w->all.count; i++) {
		int tries = 0;
		do {
			rc = w->all.list[i].uin ? inventory_access(&w->r->call, &w->all, &w->all.list[i], e) : 0;
		} while (rc && owned_later(w->r->clock, e, true, &tries));
	}
	return rc;
}

/* --- the directory ------------------------------------------------------------------------------------------ */

static bool has_things(const struct work *w, const char *uuid)
{
	for (size_t i = 0; i < w->all.count; i++)
		if (!strcmp(w->all.list[i].uuid, uuid))
			return true;
	return false;
}

static unsigned number(const char *text)
{
	unsigned n = 0;
	for (const char *p = text ? text : ""; *p >= '0' && *p <= '9' && n < 100000000; p++)
		n = n * 10 + (unsigned)(*p - '0');
	return n;
}

static void take_entry(struct work *w, const struct entry *entry)
{
	const char *base = w->r->settings->directory.dir.base, *text;
	struct err e;
	bool hint = !entry_text(entry, own_attributes[OWN_GENERATION].name, &text, &e) && number(text) > 0;
	if (!hint && !has_things(w, entry->uuid))
		return;
	struct named *n = arena_alloc(w->a, sizeof(*n));
	memset(n, 0, sizeof(*n));
	if (person_read(entry, w->r->rules, clock_now(w->r->clock), w->a, &n->person, &e)) {
		n->person.login = n->person.uuid;       /* as the roll does; he is heard of again when it is mended */
		n->person.uid_number = -1;
		n->person.hash[0] = '\0';
	}
	n->branch = dn_branch(base ? base : "", entry->dn, w->a);
	for (size_t i = 0; i < OWN_COUNT; i++)
		if (!own_attributes[i].sealed && !entry_text(entry, own_attributes[i].name, &text, &e) && text)
			n->own[i] = arena_strdup(w->a, text);
	n->generation = number(n->own[OWN_GENERATION]);
	w->live_hints += n->generation && !says(n, "retired") && !says(n, "retiring");
	n->next = w->entries;
	w->entries = n;
}

static int read_directory(struct work *w, struct err *e)
{
	AUTO_ARENA struct arena *event = arena_new(EVENT_MEMORY);
	struct source *s = w->r->source;
	int64_t until = clock_mono(w->r->clock) + DIRECTORY_MS;
	while (clock_mono(w->r->clock) < until) {
		struct source_event ev = { 0 };
		arena_reset(event);
		s->next(s, 500, event, &ev);
		if (ev.kind == SOURCE_STARTED || ev.kind == SOURCE_LOST) {
			w->entries = NULL;
			w->live_hints = 0;
		}
		if (ev.kind == SOURCE_LOST)
			log_err(LOG_WARN_LEVEL, "rebuild", NULL, &ev.err);
		if (ev.kind == SOURCE_ENTRY)
			take_entry(w, ev.entry);
		if (ev.kind == SOURCE_REFRESHED && ev.doubts.all)
			return err_set(e, ERR_TEMP, "what the directory shows is in doubt: %s", ev.doubts.all);
		if (ev.kind == SOURCE_REFRESHED)
			return 0;
	}
	return err_set(e, ERR_TEMP, "the directory could not be read as a whole");
}

/* --- one generation ------------------------------------------------------------------------------------------ */

/* Which of several sub-accounts tells it nobody knows; nothing is done about him as long as there are several. */
static bool locked(const struct owned *o)
{
	return !o->twice && (o->barrier || (o->uin && !o->console) || (o->keys_off && !o->keys_on));
}

/* In the order of what takes more away. */
static enum stage stage_of(const struct owned *o, const struct named *n, bool current)
{
	bool nothing = !o->uin && !o->policy_id && !*o->env.env_id && !*o->server.id;
	if (!current)
		return STAGE_RETIRED;          /* a new generation begins only when the one before it is retired */
	if ((says(n, "retiring") || says(n, "retired")) && (!o->uin || locked(o)))
		return STAGE_RETIRED;          /* the entry alone takes nothing down */
	if (says(n, "suspended") || says(n, "retiring") || says(n, "retired") || (n && n->person.signal == SIGNAL_DISABLED))
		return STAGE_SUSPENDED;
	if (nothing || says(n, "held") || (o->remark && strstr(o->remark, HELD)))
		return STAGE_HELD;
	return locked(o) || !o->uin ? STAGE_SUSPENDED : STAGE_ACTIVE;
}

static int place(struct work *w, const struct owned *o, const struct named *n, char **out, struct err *e)
{
	const struct named none = { 0 }, *own = n && n->generation == o->generation ? n : &none;
	const struct owned_hints hints = { .login = n ? n->person.login : NULL, .fits = n ? n->person.profile : NULL,
		.name = own->own[OWN_NAME], .region = own->own[OWN_REGION], .root_account = own->own[OWN_ROOT_ACCOUNT],
		.profile = own->own[OWN_PROFILE], .package = own->own[OWN_PACKAGE], .bundle = own->own[OWN_BUNDLE] };
	return owned_placement(w->r->settings, o, &hints, w->a, out, e);
}

/* What stands there by anybody's hand ends with no login. */
static char *hold_text(struct work *w, char *reason)
{
	return dormant_is_hold(reason) ? arena_printf(w->a, "store lost: %s", reason) : reason;
}

static char *hold_reason(struct work *w, const struct owned *o, const struct named *n, enum stage stage)
{
	const char *in_remark = o->remark ? strstr(o->remark, HELD) : NULL;
	if (in_remark)
		return hold_text(w, arena_strdup(w->a, in_remark + strlen(HELD)));
	if (n && n->own[OWN_HOLD_REASON])
		return hold_text(w, n->own[OWN_HOLD_REASON]);
	return stage == STAGE_HELD ? arena_strdup(w->a, "store lost: look at him, then resume") : NULL;
}

/* The end of grace as the entry has it, else a full grace. */
static int64_t retire_after(struct work *w, const struct named *n, int64_t now)
{
	int64_t when;
	struct err e;
	if (n && says(n, "suspended") && n->own[OWN_RETIRE_AFTER] && !str_time_ldap_parse(n->own[OWN_RETIRE_AFTER], &when, &e))
		return when;
	return now + w->r->settings->life.grace_ms;
}

static void count(struct rebuild_counts *c, enum stage stage)
{
	c->accounts++;
	*(stage == STAGE_ACTIVE ? &c->active
		: stage == STAGE_SUSPENDED ? &c->suspended
		: stage == STAGE_HELD ? &c->held
		: &c->retired) += 1;
}

static int put_account(struct work *w, const struct owned *o, const struct named *n, enum stage stage, struct err *e)
{
	int64_t now = clock_now(w->r->clock), settle = w->r->settings->cloud.driver.settle_ms;
	struct store_account acc = { .generation = o->generation, .stage = stage, .since_ms = now, .due_ms = now,
		.found = owned_found(o, w->a),
		.lane = stage == STAGE_ACTIVE ? LANE_JOIN : stage == STAGE_RETIRED && !o->twice ? LANE_TIDY : LANE_REVOKE };
	str_copy(acc.uuid, sizeof(acc.uuid), o->uuid);
	/* What was being made when the store was lost may not be listed yet: nothing is bought before it would be. */
	if (stage == STAGE_ACTIVE && !*o->env.env_id)
		acc.due_ms = now + settle;
	/* Nothing is made for whom nobody names: he leaves as everybody does who is missing. */
	if (stage == STAGE_ACTIVE && !n) {
		acc.due_ms = INT64_MAX;
		acc.lane = LANE_AUDIT;
	}
	if (stage == STAGE_SUSPENDED)
		acc.retire_after_ms = retire_after(w, n, now);
	if (stage == STAGE_SUSPENDED || stage == STAGE_HELD)
		acc.hold_reason = hold_reason(w, o, n, stage);
	if (stage != STAGE_ACTIVE) {
		acc.cut_ms = now;
		acc.cut_strong = true;
		acc.cut_csn = n ? n->person.csn : NULL;
	}
	int rc = place(w, o, n, &acc.placement, e);
	if (!rc)
		rc = store_account_new(w->r->store, &acc, e);
	if (!rc)
		count(&w->counts, stage);
	return rc;
}

/* --- one person ---------------------------------------------------------------------------------------------- */

/* Whoever has lost his row and his entry may be cut; that what he has is deleted is for a human to say. */
static int put_unnamed(struct work *w, const struct owned *newest, struct err *e)
{
	struct store_frozen row = { .kind = FROZEN_UNNAMED, .why = owned_words(newest, w->a), .firm = true };
	str_copy(row.uuid, sizeof(row.uuid), newest->uuid);
	return store_frozen_put(w->r->store, &row, clock_now(w->r->clock), w->a, NULL, e);
}

static int put_person(struct work *w, const struct owned *newest, const struct named *n, enum stage stage, struct err *e)
{
	struct store_person p = { .uid_number = -1, .signal_ms = clock_now(w->r->clock) };
	str_copy(p.uuid, sizeof(p.uuid), newest->uuid);
	if (n) {
		const struct person *is = &n->person;
		p.dn = is->dn, p.login = is->login, p.mail = is->mail, p.display = is->display, p.profile = is->profile;
		p.uid_number = is->uid_number, p.certificate = is->certificate, p.certificate_len = is->certificate_len;
		p.csn = is->csn, p.signal = is->signal, p.solid = is->solid, p.is_protected = is->is_protected;
		p.reason = is->reason, p.due_ms = is->due_ms, p.branch = n->branch;
		/* Whoever is entitled and was suspended is not news until his entry changes: what Rollcall itself writes into
		 * it must not count.  All others are looked at with the first refresh. */
		if (is->signal == SIGNAL_ENTITLED && (stage == STAGE_SUSPENDED || stage == STAGE_RETIRED)) {
			str_copy(p.hash, sizeof(p.hash), is->hash);
			p.note = arena_strdup(w->a, "the store was lost, and he had no access then: "
				"disable and enable his entry to give it back");
		}
	} else {
		w->counts.no_entry++;
		p.login = arena_strdup(w->a, newest->user_name ? newest->user_name : newest->uuid);
		/* Who still has access leaves as everybody does who is missing; nothing else is known of the others. */
		p.signal = stage == STAGE_ACTIVE ? SIGNAL_NONE : SIGNAL_ABSENT;
		p.note = arena_strdup(w->a, "the store was lost, and no entry names him: what he has is deleted only when it was "
			"approved");
	}
	w->counts.people++;
	int rc = store_person_put(w->r->store, &p, e);
	return rc || n ? rc : put_unnamed(w, newest, e);
}

static struct named *entry_of(const struct work *w, const char *uuid)
{
	for (struct named *n = w->entries; n; n = n->next)
		if (!strcmp(n->person.uuid, uuid))
			return n;
	return NULL;
}

/* All generations of one person: the newest in the cloud is the current one, whatever his entry says. */
static int put_owner(struct work *w, const struct owned *list, size_t n, struct err *e)
{
	const struct owned *newest = &list[n - 1];
	const struct named *entry = entry_of(w, newest->uuid);
	const struct named *hint = entry && entry->generation == newest->generation ? entry : NULL;
	enum stage stage = stage_of(newest, hint, true);
	if (entry && !hint && entry->person.signal == SIGNAL_DISABLED && stage == STAGE_ACTIVE)
		stage = STAGE_SUSPENDED;
	int rc = put_person(w, newest, entry, stage, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = put_account(w, &list[i], entry, i + 1 == n ? stage : entry ? STAGE_RETIRED : STAGE_SUSPENDED, e);
	return rc;
}

/* His entry names an account of which the cloud has nothing: nothing is made for him until a human has looked. */
static int put_missing(struct work *w, const struct named *n, struct err *e)
{
	struct owned nothing = { .generation = n->generation };
	str_copy(nothing.uuid, sizeof(nothing.uuid), n->person.uuid);
	enum stage stage = stage_of(&nothing, n, true);
	w->counts.missing += stage != STAGE_RETIRED;
	int rc = put_person(w, &nothing, n, stage, e);
	return rc ? rc : put_account(w, &nothing, n, stage, e);
}

static int put_all(struct work *w, struct err *e)
{
	int rc = 0;
	for (size_t i = 0, n; !rc && i < w->all.count; i += n) {
		for (n = 1; i + n < w->all.count && !strcmp(w->all.list[i].uuid, w->all.list[i + n].uuid);)
			n++;
		rc = put_owner(w, &w->all.list[i], n, e);
	}
	for (struct named *n = w->entries; !rc && n; n = n->next)
		if (!has_things(w, n->person.uuid))
			rc = put_missing(w, n, e);
	return rc;
}

static int write_all(struct work *w, struct err *e)
{
	int rc = store_begin(w->r->store, e);
	if (rc)
		return rc;
	rc = put_all(w, e);
	POINT("rebuild.written");
	if (!rc)
		return store_commit(w->r->store, e);
	store_rollback(w->r->store);
	return rc;
}

/* Where entries say that somebody was placed, when the settings were others. */
static bool more_regions(struct work *w)
{
	bool more = false;
	for (const struct named *n = w->entries; n; n = n->next)
		more |= regions_add(&w->regions, n->own[OWN_REGION]);
	return more;
}

static int run(struct work *w, struct err *e)
{
	struct store_counts counts;
	int rc = store_counts(w->r->store, &counts, e);
	if (!rc && counts.people)
		rc = err_set(e, ERR_PERM, "the store has %lld people: only an empty one is rebuilt", (long long)counts.people);
	w->regions = regions_of(w->r->settings, w->a);
	if (!rc)
		rc = take_inventory(w, e);
	if (!rc)
		rc = read_directory(w, e);
	if (!rc && more_regions(w))
		rc = take_inventory(w, e);
	if (!rc)
		rc = take_access(w, e);
	POINT("rebuild.read");
	if (!rc && w->live_hints && !w->all.count)
		rc = err_set(e, ERR_INPUT, "%zu entries name accounts, and the cloud has nothing with the mark of installation \"%s\": "
			"is it the right root account?", w->live_hints, w->r->settings->installation);
	return rc ? rc : write_all(w, e);
}

static void tell_disputes(const struct work *w)
{
	for (size_t i = 0; i < w->all.count; i++) {
		const struct owned *o = &w->all.list[i];
		if (!o->twice)
			continue;
		char *which = arena_printf(w->a, "%s, and on %s", o->rivals, owned_words(o, w->a));
		const struct evidence_line line = { .event = "alarm", .uuid = o->uuid, .generation = o->generation,
			.what = "one owner mark stands on several things: nothing is made or deleted", .why = which };
		struct err e;
		log_event(LOG_ALARM_LEVEL, "rebuild", o->uuid, "his mark stands on %s; nothing is made or deleted until it was taken off "
			"what is not his", which);
		if (evidence_add(w->r->evidence, &line, &e))
			log_err(LOG_ALARM_LEVEL, "rebuild", o->uuid, &e);
	}
}

int rebuild_run(struct rebuild *r, struct rebuild_counts *out, struct err *e)
{
	struct work w = { .r = r, .a = r->call.arena };
	int rc = run(&w, e);
	POINT("rebuild.done");
	if (rc)
		return rc;
	const struct rebuild_counts *c = &w.counts;
	char *what = arena_printf(w.a, "store rebuilt: %zu people, %zu accounts (%zu active, %zu suspended, %zu held, %zu retired), "
		"%zu without an entry, %zu of which the cloud has nothing", c->people, c->accounts, c->active, c->suspended, c->held,
		c->retired, c->no_entry, c->missing);
	const struct evidence_line line = { .event = "start", .what = what };
	struct err told;
	log_event(LOG_INFO_LEVEL, "rebuild", NULL, "%s", what);
	if (evidence_add(r->evidence, &line, &told))
		log_err(LOG_ALARM_LEVEL, "rebuild", NULL, &told);
	tell_disputes(&w);
	*out = *c;
	return 0;
}
