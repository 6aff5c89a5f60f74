/* A leaver's figures: when his access ended, and the call with his key that shows it.  Nobody else waits for any of this:
 * it is written down after the calls of the cut, and the key is tried in lane tidy. */
#include <string.h>

#include "common/log.h"
#include "hook/taken.h"

#define PROBE_MS 1000                   /* asked again after this at first, ... */
#define PROBE_MAX_MS 15000              /* ... later after this */
#define GIVE_UP_MS (10 * 60 * 1000)
#define SKEW_MS (5 * 60 * 1000)         /* the directory's clock may be ahead of ours by this much */

/* The moment in an entryCSN ("20261128052010.123456Z#...") or a modifyTimestamp; 0: there is none. */
static int64_t moment_of(const char *csn, struct arena *a)
{
	struct err e;
	int64_t ms = 0;
	if (!csn || str_time_ldap_parse(arena_strndup(a, csn, strcspn(csn, "#")), &ms, &e))
		return 0;
	return ms;
}

/* Only a value that is there has a moment: of who is absent nobody knows since when. */
static int64_t changed(const struct taken *t)
{
	const struct store_account *a = &t->account;
	int64_t ms = a->cut_strong ? moment_of(a->cut_csn, t->worker->arena) : 0;
	if (ms <= a->since_ms)
		return ms;
	return ms <= a->since_ms + SKEW_MS ? a->since_ms : 0;
}

/* What nobody had to switch off is off as soon as that was seen. */
static int64_t row_moment(const struct taken *t, enum row_id row)
{
	return t->cut_at_ms[row] ? t->cut_at_ms[row] : t->found.verified_ms[row];
}

static struct evidence_moments moments_of(const struct store_offboarding *o)
{
	return (struct evidence_moments){ .changed_ms = o->changed_ms, .seen_ms = o->seen_ms, .barrier_ms = o->barrier_ms,
		.key_off_ms = o->key_off_ms, .console_off_ms = o->console_off_ms, .cut_ms = o->cut_ms, .refused_ms = o->refused_ms };
}

struct evidence_moments leave_note(struct taken *t, bool complete)
{
	const struct store_account *a = &t->account;
	struct store_offboarding all, o = { .generation = a->generation,
		.changed_ms = changed(t),
		.seen_ms = a->since_ms,
		.key_off_ms = row_moment(t, ROW_KEY),
		.console_off_ms = row_moment(t, ROW_CONSOLE),
		.barrier_ms = row_moment(t, ROW_ACCESS),
		.cut_ms = complete ? clock_now(t->parts->clock) : 0 };
	struct err e;
	/* Who is held by an alarm or a human has not left. */
	if (a->stage != STAGE_SUSPENDED)
		return (struct evidence_moments){ 0 };
	str_copy(o.uuid, sizeof(o.uuid), a->uuid);
	/* What earlier attempts did counts: the first moment of each. */
	int rc = store_offboarding_put(t->parts->store, &o, &e);
	if (!rc)
		rc = store_offboarding_get(t->parts->store, o.uuid, o.generation, &all, &e);
	if (rc)
		log_err(LOG_ERROR_LEVEL, "store", t->person.login, &e);
	return moments_of(rc ? &o : &all);
}

/* --- the key ------------------------------------------------------------------------------------------------- */

enum answer { REFUSED, WORKS, UNKNOWN };

/* *e: what was answered. */
static enum answer call_as_him(struct taken *t, const char *key_id, const struct secret *secret, struct err *e)
{
	const struct json *identity;
	t->call.api->urgent = true;             /* the short time-out: a call that hangs is made again */
	int rc = api_call_as(t->call.api, key_id, secret, ACT_GET_CALLER_IDENTITY, t->want.region, NULL, t->worker->arena,
		&identity, e);
	t->call.api->urgent = false;
	if (!rc) {
		const char *id = json_text(identity, "RequestId");
		err_set(e, ERR_PERM, "%s was answered", action_table[ACT_GET_CALLER_IDENTITY].name);
		str_copy(e->request_id, sizeof(e->request_id), id ? id : "");
		return WORKS;
	}
	if (api_key_refused(e->code))
		return REFUSED;
	/* A right that he lacks, by the barrier for one: the key is good. */
	return rc == ERR_PERM && *e->code ? WORKS : UNKNOWN;
}

/* Every key that was handed out and still is known.  *keys: those that were called, in words; NULL: none is known any more.
 * The worst answer counts, and *e is of it. */
static enum answer call_each(struct taken *t, const char **keys, struct err *e)
{
	const char *const ids[] = { t->found.key_id, t->found.old_key_id };
	enum answer worst = REFUSED;
	*keys = NULL;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		AUTO_SECRET struct secret *secret = NULL;
		struct err one = { 0 };
		int rc = *ids[i] ? t->journal.reveal(&t->journal, SECRET_KEY, ids[i], &secret, &one) : ERR_ABSENT;
		if (rc == ERR_ABSENT)
			continue;               /* nobody has it any more */
		enum answer said = rc ? UNKNOWN : call_as_him(t, ids[i], secret, &one);
		if (!*keys || said == WORKS || (said == UNKNOWN && worst == REFUSED)) {
			worst = said;
			*e = one;
		}
		*keys = *keys ? arena_printf(t->worker->arena, "%s, key \"%s\"", *keys, ids[i])
			      : arena_printf(t->worker->arena, "key \"%s\"", ids[i]);
	}
	return worst;
}

static void put(struct taken *t, const struct store_offboarding *o, struct evidence_line line, const struct err *answer)
{
	struct err e;
	if (store_offboarding_put(t->parts->store, o, &e)) {
		log_err(LOG_ERROR_LEVEL, "store", t->person.login, &e);       /* and asked again */
		return;
	}
	line.request_id = answer->request_id;
	line.csn = t->account.cut_csn;
	taken_say(t, line);
}

static const char *since(struct taken *t, int64_t now, int64_t then, const char *what)
{
	return then ? arena_printf(t->worker->arena, "%lld ms after %s", (long long)(now - then), what) : "";
}

static void refused(struct taken *t, const struct store_offboarding *o, const char *keys, const struct err *answer)
{
	struct arena *a = t->worker->arena;
	int64_t now = clock_now(t->parts->clock);
	struct store_offboarding moment = { .generation = o->generation, .refused_ms = now };
	struct evidence_moments moments = moments_of(o);
	memcpy(moment.uuid, o->uuid, sizeof(moment.uuid));
	moments.refused_ms = now;
	const char *why = arena_printf(a, "%s%s%s, %s", since(t, now, o->changed_ms, "the change in the directory"),
		o->changed_ms ? ", " : "", since(t, now, o->seen_ms, "it was seen"), since(t, now, o->cut_ms, "the cut"));
	put(t, &moment, (struct evidence_line){ .event = "refused",
		.what = arena_printf(a, "%s: %s", keys, answer->code), .why = why, .moments = &moments }, answer);
}

static void give_up(struct taken *t, const struct store_offboarding *o, bool works, const struct err *answer)
{
	struct store_offboarding moment = { .generation = o->generation, .given_up_ms = clock_now(t->parts->clock) };
	memcpy(moment.uuid, o->uuid, sizeof(moment.uuid));
	const char *what = works ? "the key of a leaver still works" : "the key of a leaver could not be tried";
	log_event(works ? LOG_ALARM_LEVEL : LOG_WARN_LEVEL, "engine", t->person.login, "%s: %s", what, answer->text);
	const struct evidence_moments moments = moments_of(o);
	put(t, &moment, (struct evidence_line){ .event = works ? "alarm" : "unproved", .what = what, .why = answer->text,
		.moments = &moments }, answer);
}

/* His suspension is measured, complete, and his key not known to be refused. */
static bool is_open(struct taken *t, struct store_offboarding *o)
{
	const struct store_account *a = &t->account;
	struct err e;
	if (a->stage != STAGE_SUSPENDED || (!*t->found.key_id && !*t->found.old_key_id))
		return false;
	if (store_offboarding_get(t->parts->store, a->uuid, a->generation, o, &e))
		return false;
	return o->seen_ms == a->since_ms && o->cut_ms && !o->refused_ms && !o->given_up_ms;
}

/* Often at first, later less. */
static int64_t next_try(int64_t now, const struct store_offboarding *o)
{
	int64_t wait = (now - o->cut_ms) / 4;
	return now + (wait < PROBE_MS ? PROBE_MS : wait > PROBE_MAX_MS ? PROBE_MAX_MS : wait);
}

int64_t leave_probe(struct taken *t)
{
	struct store_offboarding o;
	struct err answer;
	const char *keys;
	int64_t now = clock_now(t->parts->clock), tried = t->found.key_tried_ms;
	if (!is_open(t, &o))
		return 0;
	/* The walk may come sooner than he is due, for another reason. */
	if (tried >= o.cut_ms && tried <= now && next_try(tried, &o) > now)
		return next_try(tried, &o);
	enum answer said = call_each(t, &keys, &answer);
	if (!keys)
		return 0;
	t->found.key_tried_ms = now = clock_now(t->parts->clock);
	if (said == REFUSED)
		refused(t, &o, keys, &answer);
	else if (now - o.cut_ms >= GIVE_UP_MS)
		give_up(t, &o, said == WORKS, &answer);
	else
		return next_try(now, &o);
	return 0;
}
