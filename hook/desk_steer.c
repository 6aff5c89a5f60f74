/* What an administrator asks the desk to have done: people are marked in the store, or the roll is told.  Nothing here
 * waits for the cloud; how far it is, is asked again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cloud/account.h"
#include "common/log.h"
#include "common/str.h"
#include "hook/desk_inside.h"
#include "policies/stage.h"

#define PAGE 200
#define PAGE_MEMORY (8u << 20)
#define LISTED_MOST 50

static char *asker_of(const struct desk_request *r)
{
	return arena_printf(r->arena, "uid %u (pid %d)", (unsigned)r->asker->uid, (int)r->asker->pid);
}

/* --- how far a proof is -------------------------------------------------------------------------------------- */

enum standing { ISOLATED, FAILED, WAITING, LEFT };

struct tally { int64_t count[LEFT + 1], refused, calls; struct json *failures, *waiters; };

/* His walk ends before the proof, and will for a while: a row that the proof needs is in trouble that does not pass. */
static bool is_stuck(const struct store_account *a, const struct found *f, int64_t asked_ms, int64_t now)
{
	return a->due_ms > now && err_is_lasting(a->trouble_kind) && f->verified_ms[ROW_KEY] <= asked_ms;
}

static enum standing standing_of(const struct store_account *a, const struct found *f, int64_t asked_ms, int64_t now)
{
	bool made = f->proof_ms >= asked_ms;
	if (made && str_starts(f->proof, "failed"))
		return FAILED;               /* also of somebody who is held for it by now */
	if (a->stage != STAGE_ACTIVE)
		return LEFT;
	if (made && str_eq(f->proof, PROOF_ISOLATED))
		return ISOLATED;
	return is_stuck(a, f, asked_ms, now) ? FAILED : WAITING;
}

static int list(const struct desk_request *r, struct json *into, const struct store_account *a, const char *result,
	struct arena *page, struct err *e)
{
	struct store_person p;
	if (json_count(into) >= LISTED_MOST)
		return 0;
	int rc = store_person_get(r->parts->store, a->uuid, page, &p, e);
	if (rc)
		return rc;
	struct json *o = json_object(r->arena);
	json_put_text(o, "login", p.login);
	json_put_text(o, "uuid", p.uuid);
	json_put_text(o, "result", result);
	/* Of somebody who is held for it, the trouble is by now that of taking away. */
	json_put_text(o, "trouble", a->hold_reason ? a->hold_reason : a->trouble_kind ? a->trouble : NULL);
	json_push(into, o);
	return 0;
}

static int count_one(const struct desk_request *r, struct tally *t, const struct store_account *a, int64_t asked_ms,
	struct arena *page, struct err *e)
{
	struct found f = { 0 };
	/* A record that cannot be read is told by the walk; here it is one that is not proved yet. */
	if (a->found && *a->found && found_parse(a->found, page, &f, e))
		f = (struct found){ 0 };
	enum standing s = standing_of(a, &f, asked_ms, clock_now(r->parts->clock));
	bool made = f.proof_ms >= asked_ms;
	t->count[s]++;
	t->refused += made ? f.proof_refused : 0;
	t->calls += made ? f.proof_calls : 0;
	if (s == FAILED)
		return list(r, t->failures, a, made ? f.proof : "not proved", page, e);
	return s == WAITING ? list(r, t->waiters, a, "not yet", page, e) : 0;
}

/* Whoever asks again every second must cost little with any number of people: pages, and one arena for all of them. */
static int count_all(const struct desk_request *r, int64_t asked_ms, const char *uuid, struct tally *t, struct err *e)
{
	AUTO_ARENA struct arena *page = arena_new(PAGE_MEMORY);
	struct store_account *accounts;
	size_t n;
	int64_t after = 0;
	for (;;) {
		int rc = store_verified(r->parts->store, asked_ms, after, PAGE, page, &accounts, &n, e);
		if (rc || n == 0)
			return rc;
		for (size_t i = 0; i < n; i++)
			if (!uuid || str_eq(uuid, accounts[i].uuid)) {
				rc = count_one(r, t, &accounts[i], asked_ms, page, e);
				if (rc)
					return rc;
			}
		after = accounts[n - 1].id;
		arena_reset(page);
	}
}

static int progress(const struct desk_request *r, int64_t asked_ms, const char *uuid, struct json **body, struct err *e)
{
	struct tally t = { .failures = json_array(r->arena), .waiters = json_array(r->arena) };
	char seconds[TIME_TEXT], asked[TIME_TEXT + 8];
	int rc = count_all(r, asked_ms, uuid, &t, e);
	if (rc)
		return rc;
	struct json *o = json_object(r->arena);
	str_time(asked_ms, seconds);
	snprintf(asked, sizeof(asked), "%.*s.%03dZ", (int)strcspn(seconds, "Z"), seconds, (int)(asked_ms % 1000));
	json_put_text(o, "asked", asked);
	json_put_int(o, "asked_ms", asked_ms);
	json_put_int(o, "people", t.count[ISOLATED] + t.count[FAILED] + t.count[WAITING] + t.count[LEFT]);
	json_put_int(o, "isolated", t.count[ISOLATED]);
	json_put_int(o, "failed", t.count[FAILED]);
	json_put_int(o, "waiting", t.count[WAITING]);
	json_put_int(o, "left", t.count[LEFT]);
	json_put_int(o, "probes_refused", t.refused);
	json_put_int(o, "calls", t.calls);
	json_put(o, "failures", t.failures);
	json_put(o, "waiters", t.waiters);
	*body = o;
	return 0;
}

/* --- asking for one -------------------------------------------------------------------------------------------- */

static void on_record(const struct desk_request *r, const char *event, const struct store_person *p, const char *what)
{
	const struct evidence_line line = { .event = event,
		.uuid = p ? p->uuid : NULL,
		.login = p ? p->login : NULL,
		.generation = p ? p->generation : 0,
		.what = arena_printf(r->arena, "%s asked for by %s", what, asker_of(r)) };
	struct err e;
	if (r->parts->evidence && evidence_add(r->parts->evidence, &line, &e))
		log_err(LOG_ERROR_LEVEL, "evidence", line.login, &e);
}

/* The others have no access: nothing can be proved, and they need no key. */
static int not_active(const struct desk_request *r, const struct store_person *p, const char *what, struct err *e)
{
	struct store_account a;
	int rc = store_account_get(r->parts->store, p->uuid, 0, r->arena, &a, e);
	if (rc == ERR_ABSENT)
		return err_set(e, ERR_ABSENT, "\"%s\" has no account: there is no %s", p->login, what);
	return rc ? rc
		  : err_set(e, ERR_ABSENT, "\"%s\" is %s: there is no %s", p->login, stage_name((enum stage)a.stage), what);
}

int desk_verify(const struct desk_request *r, struct json **body, struct err *e)
{
	struct store_person p;
	int64_t asked_ms = clock_now(r->parts->clock), count;
	struct err ignored;
	int rc = r->name ? store_person_find(r->parts->store, r->name, r->arena, &p, e) : 0;
	if (rc)
		return rc;
	const char *uuid = r->name ? p.uuid : NULL;
	if (r->text && (str_time_parse(r->text, &asked_ms, &ignored) || asked_ms <= 0))
		return err_set(e, ERR_PERM, "that is not the \"asked\" of an earlier answer");
	if (!r->text) {
		rc = store_verify(r->parts->store, uuid, STAGE_ACTIVE, asked_ms, &count, e);
		if (rc)
			return rc == ERR_ABSENT && r->name ? not_active(r, &p, "access that could be proved", e) : rc;
		on_record(r, "verify", r->name ? &p : NULL,
			arena_printf(r->arena, "a new proof of %" PRId64 " %s", count, count == 1 ? "person" : "people"));
		if (r->parts->wake)
			r->parts->wake(r->parts->ctx);
	}
	return progress(r, asked_ms, uuid, body, e);
}

/* --- another key ------------------------------------------------------------------------------------------------ */

int desk_rotate(const struct desk_request *r, struct json **body, struct err *e)
{
	struct store_person p;
	int rc = store_person_find(r->parts->store, r->name, r->arena, &p, e);
	if (rc)
		return rc;
	rc = store_rotate(r->parts->store, p.uuid, STAGE_ACTIVE, clock_now(r->parts->clock), e);
	if (rc)
		return rc == ERR_ABSENT ? not_active(r, &p, "key that could be replaced", e) : rc;
	on_record(r, "rotate", &p, "another key");
	if (r->parts->wake)
		r->parts->wake(r->parts->ctx);
	return desk_show(r, body, e);
}

/* --- holds ------------------------------------------------------------------------------------------------------ */

static int hold(const struct desk_request *r, const char *reason, struct json **body, struct err *e)
{
	struct store_person p;
	if (!r->parts->hold)
		return err_set(e, ERR_BUG, "nobody holds anybody here");
	int rc = store_person_find(r->parts->store, r->name, r->arena, &p, e);
	if (!rc)
		rc = r->parts->hold(r->parts->ctx, p.uuid, reason, asker_of(r), r->arena, e);
	return rc ? rc : desk_show(r, body, e);
}

int desk_suspend(const struct desk_request *r, struct json **body, struct err *e)
{
	return hold(r, r->text, body, e);
}

int desk_resume(const struct desk_request *r, struct json **body, struct err *e)
{
	return hold(r, NULL, body, e);
}
