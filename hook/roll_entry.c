/* From an entry to a person as the roll knows him: what is taken over, what cannot be used, and what was said by changed
 * settings rather than by the directory. */
#include <string.h>

#include "common/log.h"
#include "hook/roll_inside.h"
#include "ldap/dn.h"
#include "ldap/filter.h"

/* The `disabled` filter by which everybody on the roll was judged last. */
#define META_DISABLED "settings.disabled"
#define CHANGED "settings changed: "

/* --- changed settings --------------------------------------------------------------------------------------- */

static const char *filter_in_force(const struct roll *r)
{
	return r->settings->directory.disabled ? r->settings->directory.disabled : "";
}

/* Would he be disabled by the filter that was in force before? */
static bool disabled_before(const char *text, const struct entry *entry, struct arena *a)
{
	const struct filter *filter;
	struct err e;
	if (!*text || filter_parse(a, text, &filter, &e))
		return false;
	struct verdict v = filter_judge(filter, entry);
	return v.truth == TRUTH_TRUE && v.strong;
}

/* Nobody may be cut at once because a filter was edited: until somebody really changes him, or the brake and a second
 * look let him go, he is not entitled by a weak sign.  A store that cannot be asked, or knows of no filter before, delays
 * no cut. */
static void temper(struct roll *r, const struct entry *entry, const struct store_person *known, struct arena *a, struct person *now)
{
	struct err e;
	char *before;
	if (!known || now->signal != SIGNAL_DISABLED || known->signal == SIGNAL_DISABLED)
		return;
	char *reason = arena_printf(a, CHANGED "%s", now->reason);
	if (!str_eq(known->reason, reason)) {
		if (store_meta_get(r->store, META_DISABLED, a, &before, &e) || !before || str_eq(before, filter_in_force(r)) ||
			disabled_before(before, entry, a))
			return;
	}
	now->signal = SIGNAL_WITHDRAWN;
	now->reason = reason;
}

void roll_lost_sight(struct roll *r, struct store_person *p)
{
	p->signal = SIGNAL_ABSENT;
	p->solid = false;
	p->signal_ms = clock_now(r->clock);
	if (!p->reason || !str_starts(p->reason, CHANGED))
		p->reason = "the directory does not name him";
}

int roll_read(struct roll *r, const struct entry *entry, const struct store_person *known, struct arena *a, struct person *out,
	struct err *e)
{
	int rc = person_read(entry, r->rules, clock_now(r->clock), a, out, e);
	temper(r, entry, known, a, out);
	return rc;
}

/* Every known person has been judged by the settings that are in force. */
static int settle(struct roll *r, struct arena *a, struct err *e)
{
	char *before;
	int rc = store_meta_get(r->store, META_DISABLED, a, &before, e);
	if (rc || str_eq(before, filter_in_force(r)))
		return rc;
	if (before)
		log_event(LOG_WARN_LEVEL, "roll", NULL, "directory.disabled has changed: whoever is disabled only by that is judged as"
			" not entitled, and passes the departure brake");
	return store_meta_put(r->store, META_DISABLED, filter_in_force(r), e);
}

int roll_refreshed(struct roll *r, struct arena *a, struct err *e)
{
	struct store_counts counts;
	pthread_mutex_lock(&r->lock);
	int rc = settle(r, a, e);
	if (!rc)
		rc = store_counts(r->store, &counts, e);
	/* Nobody is there yet: whoever comes from now on is a newcomer, not a directory that was there before us. */
	if (!rc && counts.people == 0)
		rc = roll_start(r, a, "the roll was empty", e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

/* --- taking over ---------------------------------------------------------------------------------------------- */

/* The directory's view of him into the store's record; true when it says something new. */
static bool take_over(struct store_person *to, const struct person *from, char *branch, int64_t now)
{
	bool news = strcmp(to->hash, from->hash) != 0 || to->signal != (int)from->signal || to->weak_since_ms || !to->login ||
		to->is_protected != from->is_protected || !str_eq(to->branch, branch);
	if (to->signal != (int)from->signal)
		to->signal_ms = now;
	str_copy(to->uuid, sizeof(to->uuid), from->uuid);
	str_copy(to->hash, sizeof(to->hash), from->hash);
	to->dn = from->dn;
	to->branch = branch;
	to->login = from->login;
	to->mail = from->mail;
	to->display = from->display;
	to->profile = from->profile;
	/* Whoever is disabled and stripped of his number in one change still has a file and sessions under it. */
	if (from->uid_number >= 0 || from->signal == SIGNAL_ENTITLED)
		to->uid_number = from->uid_number;
	to->certificate = from->certificate;
	to->certificate_len = from->certificate_len;
	to->csn = from->csn;
	to->due_ms = from->due_ms;
	to->signal = from->signal;
	to->solid = from->solid;
	to->is_protected = from->is_protected;
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
	known->is_protected = p->is_protected;
	if (is_known && p->signal == SIGNAL_DISABLED) {
		known->signal = SIGNAL_DISABLED;
		known->reason = p->reason;
		known->csn = p->csn;
		return roll_hear(r, known, a, e);
	}
	known->note = note;
	int rc = store_person_put(r->store, known, e);
	return rc ? rc : store_frozen_drop(r->store, known->uuid, FROZEN_DEPARTURE, e);
}

static int take(struct roll *r, const struct entry *entry, struct arena *a, struct err *e)
{
	struct person now;
	struct store_person known = { .uid_number = -1 };
	struct err why;
	int rc = store_person_get(r->store, entry->uuid, a, &known, e);
	bool is_known = rc == 0;
	if (rc && rc != ERR_ABSENT)
		return rc;
	rc = roll_read(r, entry, is_known ? &known : NULL, a, &now, &why);
	if (rc)
		return unusable(r, &now, &known, is_known, &why, a, e);
	char *branch = dn_branch(r->settings->directory.dir.base ? r->settings->directory.dir.base : "", now.dn, a);
	bool changed_login = is_known && known.login && strcmp(known.login, now.login) != 0;
	bool was_out = is_known && (known.signal == SIGNAL_DISABLED || known.due_ms);
	if (!take_over(&known, &now, branch, clock_now(r->clock)) && !engine_struck(r->engine, entry->uuid))
		return 0;
	if (changed_login)
		roll_say(r, &known, known.generation, "directory", "renamed; the account keeps its names", NULL, NULL);
	const struct hearing heard = {
		.unsure = roll_unsure(r, &known) && (was_out || atomic_load(&r->doubt) == DOUBT_ALL) };
	return roll_apply(r, &known, &heard, a, NULL, e);
}

int roll_take(struct roll *r, const struct entry *entry, struct arena *a, struct err *e)
{
	int rc = take(r, entry, a, e);
	return rc ? rc : roll_hints(r, entry, a, e);
}
