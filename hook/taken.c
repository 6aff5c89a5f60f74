/* One account in hand: load it, walk it, and decide when it is due again. */
#include "hook/taken.h"

#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "ldap/attrs.h"

#define BACKOFF_MS 2000
#define BACKOFF_REVOKE_MS 1000
#define REVOKE_MAX_MS 30000
#define STRUCK_AGAIN_MS 5000
#define OLD_KEY_AGAIN_MS 10800000       /* its time is over, and something is waited for that may never come */

static int regrant(void *ctx, const struct found *f, struct account *want, struct err *e)
{
	struct taken *t = ctx;
	const struct store_account *a = &t->account;
	/* Back after more than the undo time: his old key may have been copied while nobody watched it. */
	bool returned_late = a->stage == STAGE_ACTIVE && a->cut_ms && f->key_created_ms <= a->cut_ms &&
		a->since_ms - a->cut_ms > t->parts->settings->life.undo_ms;
	const struct grant_input in = { .installation = t->parts->installation,
		.uuid = a->uuid,
		.generation = a->generation,
		.root = &t->root,
		.placement = &t->placement,
		.hold_reason = a->hold_reason,
		.key_again = returned_late && *f->key_id,
		.template_text = t->parts->template_text,
		.template_len = strlen(t->parts->template_text),
		.catalogue = t->parts->catalogue,
		.memo = &t->granted,
		.prove_after_ms = a->verify_ms,
		.key_asked_ms = a->rotate_ms,
		.key_delivered = t->key_delivered };
	int rc = grant(&in, f, t->worker->arena, want, e);
	/* A template that cannot be rendered stops granting.  It must never stop a cut. */
	return rc && a->stage != STAGE_ACTIVE ? 0 : rc;
}

static int save(void *ctx, const struct found *f, struct err *e)
{
	struct taken *t = ctx;
	return store_found_put(t->parts->store, t->account.id, found_print(f, t->worker->arena), e);
}

static void failed(void *ctx, enum row_id row, const struct err *e)
{
	struct taken *t = ctx;
	enum log_level level = e->kind == ERR_WAIT || e->kind == ERR_LIMIT || e->kind == ERR_STALE ? LOG_DEBUG_LEVEL : LOG_WARN_LEVEL;
	struct err named = *e;
	err_wrap(&named, "%s", engine_life(t->worker->engine)->rows[row].driver->name);
	log_err(level, "engine", t->person.login, &named);
	if (row == ROW_PROOF) {
		t->proof_failed = true;
		t->proof_due_ms = e->kind == ERR_WAIT ? e->due_ms : 0;
		str_copy(t->proof_request, sizeof(t->proof_request), e->request_id);
	}
	if (e->kind == ERR_AUTH)
		engine_auth_failed(t->worker->engine, e);
}

static bool leaver(const struct store_account *a)
{
	return a->stage == STAGE_SUSPENDED || a->stage == STAGE_HELD || a->stage == STAGE_RETIRED;
}

/* A record that cannot be read keeps no leaver from being cut: his names are enough, and what he has is listed. */
static int read_found(struct taken *t, struct err *e)
{
	int rc = found_parse(t->account.found, t->worker->arena, &t->found, e);
	if (!rc || !leaver(&t->account))
		return rc;
	log_err(LOG_ERROR_LEVEL, "engine", t->person.login, e);
	return 0;
}

/* Asked only while it matters: there is an older key, which works until this one is known. */
static int look_for_letter(struct taken *t, struct err *e)
{
	struct store_letter letter;
	struct json *shown;
	if (!*t->found.old_key_id)
		return 0;
	int rc = store_letter_get(t->parts->store, t->account.id, t->worker->arena, &letter, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (letter.pending || json_parse(t->worker->arena, letter.payload, strlen(letter.payload), &shown, e))
		return 0;
	t->key_delivered = str_eq(json_text(shown, own_attributes[OWN_KEY_ID].name), t->found.key_id);
	return 0;
}

static int64_t unbroken_ms(void *guard) { return guard_unbroken_ms(guard); }

int taken_load(struct taken *t, struct worker *w, struct err *e)
{
	struct arena *a = w->arena;
	t->worker = w;
	t->parts = engine_parts(w->engine);
	int rc = store_person_get(t->parts->store, t->account.uuid, a, &t->person, e);
	if (!rc)
		rc = placement_parse(t->account.placement, a, &t->placement, e);
	if (!rc && t->account.found && *t->account.found)
		rc = read_found(t, e);
	if (!rc)
		rc = look_for_letter(t, e);
	/* A worker that had him in hand when his stage changed wrote down what was right for the stage before. */
	found_of_stage(&t->found, t->account.since_ms);
	found_not_ahead(&t->found, clock_now(t->parts->clock));
	if (rc)
		return err_wrap(e, "account %s generation %u", t->account.uuid, t->account.generation);
	journal_make(t);
	engine_root(w->engine, &t->root);
	t->call = (struct call){ .api = &w->api,
		.unbroken_ms = t->parts->guard ? unbroken_ms : NULL,
		.unbroken_ctx = t->parts->guard,
		.arena = a,
		.clock = t->parts->clock,
		.journal = &t->journal,
		.snapshot = engine_snapshot(w->engine),
		.settings = &t->parts->settings->cloud.driver };
	t->walk = (struct walk){ .life = engine_life(w->engine),
		.stage = (enum stage)t->account.stage,
		.call = &t->call,
		.want = &t->want,
		.found = &t->found,
		.ctx = t,
		.regrant = regrant,
		.save = save,
		.failed = failed };
	return *t->found.disputed && !leaver(&t->account) ? taken_disputed(t, e) : regrant(t, &t->found, &t->want, e);
}

void taken_say(struct taken *t, struct evidence_line line)
{
	struct err e;
	line.uuid = t->account.uuid;
	line.login = t->person.login;
	line.generation = t->account.generation;
	if (evidence_add(t->parts->evidence, &line, &e))
		log_err(LOG_ERROR_LEVEL, "evidence", t->person.login, &e);
}

/* Exponential, with half of it at random so that people who failed together do not come back together. */
static int64_t backoff(const struct taken *t, int64_t first, int64_t max)
{
	unsigned n = t->account.attempts < 16 ? t->account.attempts : 16;
	int64_t span = first << (n ? n - 1 : 0);
	uint32_t r;
	if (span > max)
		span = max;
	clock_random(t->parts->clock, &r, sizeof(r));
	return span / 2 + (int64_t)(r % (uint32_t)(span / 2 + 1));
}

static void trouble(struct taken *t, const struct err *e)
{
	t->account.trouble_kind = e->kind;
	t->account.trouble = e->kind ? arena_strdup(t->worker->arena, e->text) : NULL;
}

/* Access that is not taken away yet is tried for ever; when it takes long, somebody must know. */
static void stuck(struct taken *t, const struct err *e)
{
	const struct store_account *a = &t->account;
	int64_t for_ms = clock_now(t->parts->clock) - a->since_ms;
	if (a->attempts <= STORE_STUCK_ATTEMPTS && for_ms <= STORE_STUCK_MS)
		return;
	if (!engine_may_alarm(t->worker->engine, a->id))
		return;
	char *what = arena_printf(t->worker->arena, "access is not taken away yet, %s after it was decided, %u attempts failed in a row",
		str_duration(t->worker->arena, for_ms), a->attempts);
	log_event(LOG_ALARM_LEVEL, "engine", t->person.login, "%s: %s", what, e->text);
	taken_say(t, (struct evidence_line){ .event = "alarm", .what = what, .why = e->text, .request_id = e->request_id,
		.csn = t->account.cut_csn });
}

/* A failed walk: when is this account due again? */
static void come_back(struct taken *t, const struct err *e)
{
	struct store_account *a = &t->account;
	int64_t now = clock_now(t->parts->clock), max = t->parts->settings->life.retry_max_ms;
	trouble(t, e);
	switch (e->kind) {
	case ERR_STALE:
		/* Struck from memory: until the store knows of it each walk ends here, and costs a call. */
		a->due_ms = now + (engine_struck(t->worker->engine, a->uuid) ? STRUCK_AGAIN_MS : 0);
		break;
	case ERR_WAIT:
	case ERR_LIMIT:
		a->attempts = 0;
		a->due_ms = e->due_ms > now ? e->due_ms : now + (e->due_ms ? 0 : t->parts->settings->cloud.driver.poll_ms);
		break;
	case ERR_TEMP:
	case ERR_UNKNOWN:
	case ERR_ABSENT:
		a->attempts++;
		a->due_ms = now + backoff(t, BACKOFF_MS, max);
		break;
	default:
		/* Waiting will not help: a human must.  A leaver is tried again all the same, for ever. */
		a->attempts++;
		a->due_ms = now + (a->lane == LANE_TIDY ? backoff(t, BACKOFF_MS, max) : max);
		break;
	}
	/* It does not wait until a sold-out server is tried again. */
	if (t->proof_due_ms && a->due_ms > t->proof_due_ms)
		a->due_ms = t->proof_due_ms;
	if (a->lane == LANE_REVOKE && e->kind != ERR_STALE && e->kind != ERR_LIMIT)
		a->due_ms = now + backoff(t, BACKOFF_REVOKE_MS, REVOKE_MAX_MS);
	if (a->lane == LANE_REVOKE)
		stuck(t, e);
	if (PLANTED("gives-up") && a->attempts > 2)
		a->due_ms = INT64_MAX;
	/* Whatever else failed: the second sweep comes in time. */
	if (a->sweep_ms > now && a->due_ms > a->sweep_ms)
		a->due_ms = a->sweep_ms;
}

/* When a key of his is due for something: the older one to be deleted, or the one that there is to be replaced.
 * 0: nothing is. */
static int64_t key_due(const struct taken *t)
{
	const struct found *f = &t->found;
	if (t->account.stage != STAGE_ACTIVE)
		return 0;
	return *f->old_key_id ? f->old_key_until_ms : found_key_due(f, t->parts->settings->cloud.driver.key_age_ms);
}

/* Everything is as the table wants it: when is the next look? */
static void rest(struct taken *t)
{
	struct store_account *a = &t->account;
	int64_t now = clock_now(t->parts->clock);
	const struct err none = { 0 };
	trouble(t, &none);
	a->attempts = 0;
	if (a->sweep_ms && now < a->sweep_ms) {
		a->lane = leaver(a) ? LANE_TIDY : LANE_AUDIT;
		a->due_ms = a->sweep_ms;
		return;
	}
	a->sweep_ms = 0;
	a->lane = LANE_AUDIT;
	a->due_ms = a->stage == STAGE_RETIRED ? INT64_MAX : now + t->parts->settings->life.audit_ms;
	int64_t key_ms = key_due(t);
	if (key_ms && key_ms <= now)
		key_ms = now + OLD_KEY_AGAIN_MS;
	if (key_ms && key_ms < a->due_ms)
		a->due_ms = key_ms;
}


static void cut_all(struct taken *t, struct walk_result *r)
{
	if (*t->found.disputed)
		taken_cut_each(t, r);
	else
		walk_cut(&t->walk, r);
}

/* True when the cut is complete. */
static bool cut(struct taken *t)
{
	struct store_account *a = &t->account;
	struct walk_result r;
	cut_all(t, &r);
	POINT("cut.done");
	const struct evidence_moments moments = leave_note(t, r.complete);
	taken_say(t, (struct evidence_line){ .event = "cut", .what = r.complete ? "cut complete" : "cut, not complete yet",
		.why = a->hold_reason ? a->hold_reason : t->person.reason, .csn = t->person.csn, .moments = &moments });
	if (!r.complete) {
		come_back(t, &r.worst);
		return false;
	}
	a->lane = LANE_TIDY;
	/* Swept once more, later than any call that is on its way now could land. */
	a->sweep_ms = PLANTED("no-second-sweep") ? 0 : clock_now(t->parts->clock) + t->parts->settings->life.sweep_ms;
	return true;
}

/* The proof of this walk saw what is not his: whoever keeps the roll decides what follows. */
static void tell_foreign(struct taken *t, int64_t began_ms)
{
	const struct engine_parts *p = t->parts;
	if (p->foreign && t->proof_failed && t->found.proof_ms >= began_ms && str_eq(t->found.proof, PROOF_FOREIGN))
		p->foreign(p->foreign_ctx, t->account.uuid, t->account.generation, t->proof_request);
}

/* The cut, and the sweep after it; nothing is made, changed or deleted before a human has said which is his (audit.c). */
static void walk_disputed(struct taken *t)
{
	struct store_account *a = &t->account;
	struct err e;
	int64_t now = clock_now(t->parts->clock);
	bool sweeping = a->sweep_ms && now >= a->sweep_ms;
	if ((a->lane == LANE_REVOKE || sweeping) && !cut(t)) {
		/* It begins with the first of them again, so the limiter must have leave for all. */
		if (a->due_ms < now + BACKOFF_REVOKE_MS)
			a->due_ms = now + BACKOFF_REVOKE_MS;
		return;
	}
	if (sweeping)
		a->sweep_ms = 0;
	(void)taken_disputed(t, &e);
	come_back(t, &e);
}

void taken_walk(struct taken *t)
{
	if (*t->found.disputed) {
		walk_disputed(t);
		return;
	}
	struct store_account *a = &t->account;
	struct walk_result r = { .complete = true };
	int64_t now = clock_now(t->parts->clock);
	/* An audit makes nobody "joining" who was complete: what it finds is his trouble, and told as that. */
	bool settled = a->lane == LANE_AUDIT && a->stage == STAGE_ACTIVE && a->complete;
	if (a->lane != LANE_AUDIT)
		a->complete = false;
	int64_t trust = now - t->parts->settings->life.trust_ms;
	if (a->since_ms > trust)
		trust = a->since_ms;
	bool sweeping = a->sweep_ms && now >= a->sweep_ms;
	if (sweeping && a->sweep_ms > trust)
		trust = a->sweep_ms;
	/* Whoever is asked to prove it again is looked at anew as a whole: the proof rests on all the other rows. */
	if (a->verify_ms > trust)
		trust = a->verify_ms;
	if (a->rotate_ms > trust)
		trust = a->rotate_ms;
	if (key_due(t) && key_due(t) <= now)
		t->found.verified_ms[ROW_KEY] = 0;
	t->walk.trust_since_ms = trust;
	if (a->lane == LANE_REVOKE) {
		/* Revoking workers stop here: what follows is another lane's and can wait for them. */
		if (cut(t))
			a->due_ms = now;
		return;
	}
	int64_t probe_ms = leave_probe(t);
	walk_run(&t->walk, &r);
	a->complete = r.complete || settled;
	/* A sweep that found something is not the last one. */
	if (sweeping && t->changes && (a->stage == STAGE_SUSPENDED || a->stage == STAGE_HELD))
		a->sweep_ms = clock_now(t->parts->clock) + (r.complete ? t->parts->settings->life.sweep_ms : 0);
	if (r.complete)
		rest(t);
	else
		come_back(t, &r.worst);
	if (probe_ms && a->due_ms > probe_ms) {
		a->due_ms = probe_ms;
		a->lane = LANE_TIDY;
	}
	tell_foreign(t, now);
}

bool taken_strike(struct taken *t)
{
	struct walk_result r;
	t->walk.trust_since_ms = INT64_MAX;      /* the store may be behind: nothing that it says was done counts */
	cut_all(t, &r);
	taken_say(t, (struct evidence_line){ .event = "cut", .what = r.complete ? "cut without the store"
		: "cut without the store, not complete yet", .why = t->person.reason, .csn = t->person.csn });
	return r.complete;
}

void taken_failed(struct taken *t, const struct err *e)
{
	log_err(LOG_ERROR_LEVEL, "engine", t->account.uuid, e);
	come_back(t, e);
}
