/* The store as the walk sees it: cloud/resource.h declares it, this file keeps its promises for one account. */
#include <string.h>

#include "common/failpoint.h"
#include "common/json.h"
#include "hook/kept.h"
#include "hook/taken.h"

static struct taken *of(struct journal *j)
{
	return j->ctx;
}

static int may_act(struct journal *j, struct err *e)
{
	struct taken *t = of(j);
	if (engine_struck(t->worker->engine, t->account.uuid))
		return err_set(e, ERR_STALE, "this person is being cut");
	/* What cannot be put on record is not granted; taking away goes on. */
	int rc = t->account.stage == STAGE_ACTIVE ? evidence_ready(t->parts->evidence, e) : 0;
	return rc ? rc : store_may_act(t->parts->store, t->account.id, t->worker->number, e);
}

static int may_destroy(struct journal *j, struct err *e)
{
	struct taken *t = of(j);
	const struct engine_parts *p = t->parts;
	return p->may_destroy ? p->may_destroy(p->destroy_ctx, t->account.uuid, t->account.generation, e) : 0;
}

static void record(struct taken *t, const char *event, enum row_id row, const char *what, const char *request_id, struct err *e,
	int *rc)
{
	const struct driver *d = engine_life(t->worker->engine)->rows[row].driver;
	const struct evidence_line line = { .event = event,
		.uuid = t->account.uuid,
		.login = t->person.login,
		.generation = t->account.generation,
		.row = d->name,
		.what = what,
		.why = t->account.hold_reason ? t->account.hold_reason : t->person.reason,
		.request_id = request_id,
		.csn = t->person.csn };
	*rc = evidence_add(t->parts->evidence, &line, e);
}

static int intent(struct journal *j, enum row_id row, enum action action, const char *token, unsigned attempt, struct intent *out,
	struct err *e)
{
	struct taken *t = of(j);
	struct store_intent si = { .account_id = t->account.id, .row = row, .action = action, .attempt = attempt };
	str_copy(si.token, sizeof(si.token), token ? token : "");
	int rc = may_act(j, e);
	if (rc)
		return rc;
	record(t, "intent", row, action_table[action].name, NULL, e, &rc);
	if (rc)
		return rc;
	POINT("intent.before");
	rc = store_intent_open(t->parts->store, t->worker->number, &si, e);
	if (rc)
		return rc;
	POINT("intent.after");
	*out = (struct intent){ .id = si.id, .action = action, .row = row, .written_ms = si.written_ms, .attempt = attempt };
	memcpy(out->token, si.token, sizeof(out->token));
	return 0;
}

static int open_intents(struct journal *j, enum row_id row, struct arena *a, struct intent **out, size_t *count, struct err *e)
{
	struct taken *t = of(j);
	struct store_intent *list;
	size_t n;
	int rc = store_intents(t->parts->store, t->account.id, row, a, &list, &n, e);
	if (rc)
		return rc;
	if (PLANTED("no-resolve"))
		n = 0;
	struct intent *made = arena_alloc(a, (n + 1) * sizeof(*made));
	for (size_t i = 0; i < n; i++) {
		made[i] = (struct intent){ .id = list[i].id,
			.action = (enum action)list[i].action,
			.row = (enum row_id)list[i].row,
			.written_ms = list[i].written_ms,
			.attempt = list[i].attempt };
		memcpy(made[i].token, list[i].token, sizeof(made[i].token));
	}
	*out = made;
	*count = n;
	return 0;
}

static int settle(struct journal *j, const struct intent *i, enum outcome outcome, const struct found *f, struct err *e)
{
	struct taken *t = of(j);
	POINT("settle.before");
	int rc = store_intent_settle(t->parts->store, i->id, outcome == OUTCOME_DONE ? 1 : 2, t->account.id,
		found_print(f, t->worker->arena), e);
	POINT("settle.after");
	return rc;
}

static struct keeper keeper_of(const struct taken *t)
{
	return (struct keeper){ t->parts->store, t->parts->own_key };
}

static int keep(struct journal *j, const struct intent *i, enum secret_kind kind, const char *id, const struct secret *s,
	const struct found *f, struct err *e)
{
	struct taken *t = of(j);
	struct arena *a = t->worker->arena;
	const struct keeper k = keeper_of(t);
	unsigned char *der;
	size_t n;
	int rc = kept_seal(&k, t->account.uuid, f->uin, id, s, a, &der, &n, e);
	if (rc)
		return rc;
	POINT("keep.before");
	rc = store_secret_keep(t->parts->store, i ? i->id : 0, t->account.id, kind, id, der, n, found_print(f, a), e);
	POINT("keep.after");
	return rc;
}

static int reveal(struct journal *j, enum secret_kind kind, const char *id, struct secret **out, struct err *e)
{
	struct taken *t = of(j);
	const struct keeper k = keeper_of(t);
	return kept_open(&k, t->account.id, t->account.uuid, t->found.uin, kind, id, t->worker->arena, out, e);
}

static int drop(struct journal *j, enum secret_kind kind, const char *id, struct err *e)
{
	struct taken *t = of(j);
	return store_secret_drop(t->parts->store, t->account.id, kind, id, e);
}

static void did(struct journal *j, enum row_id row, const char *what, const char *request_id)
{
	struct taken *t = of(j);
	struct err e;
	int rc;
	if (!t->call.cutting)
		t->changes++;
	else if (!t->cut_at_ms[row])
		t->cut_at_ms[row] = clock_now(t->parts->clock);
	/* The change is made.  Where the file did not take it, it is in the second place, and may_act() fails from now on. */
	record(t, "did", row, what, request_id, &e, &rc);
	POINT("did");
}

void journal_make(struct taken *t)
{
	t->journal = (struct journal){ .ctx = t,
		.may_act = may_act,
		.may_destroy = may_destroy,
		.intent = intent,
		.open_intents = open_intents,
		.settle = settle,
		.keep = keep,
		.reveal = reveal,
		.drop = drop,
		.did = did };
}
