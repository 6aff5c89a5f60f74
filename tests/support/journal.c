#include "tests/support/journal.h"

#include <stdio.h>
#include <string.h>

static int may_act(struct journal *j, struct err *e)
{
	struct memory_journal *m = j->ctx;
	m->asked++;
	return m->preempted ? err_set(e, ERR_STALE, "preempted") : 0;
}

static int writable(const struct memory_journal *m, struct err *e)
{
	return m->full ? err_set(e, ERR_TEMP, "database or disk is full") : 0;
}

static int intent(struct journal *j, enum row_id row, enum action action, const char *token, unsigned attempt, struct intent *out,
	struct err *e)
{
	struct memory_journal *m = j->ctx;
	int rc = may_act(j, e);
	if (!rc)
		rc = writable(m, e);
	if (rc)
		return rc;
	if (m->intent_count == MEMORY_INTENTS)
		return err_set(e, ERR_BUG, "too many intents for this test");
	struct memory_intent *i = &m->intents[m->intent_count++];
	*i = (struct memory_intent){ .open = true, .intent = { .id = ++m->intents_total, .action = action, .row = row,
		.written_ms = clock_now(m->clock), .attempt = attempt } };
	str_copy(i->intent.token, sizeof(i->intent.token), token);
	*out = i->intent;
	return 0;
}

static int open_intents(struct journal *j, enum row_id row, struct arena *a, struct intent **out, size_t *count, struct err *e)
{
	struct memory_journal *m = j->ctx;
	(void)e;
	*out = arena_alloc(a, MEMORY_INTENTS * sizeof(**out));
	*count = 0;
	for (size_t i = 0; i < m->intent_count; i++)
		if (m->intents[i].open && m->intents[i].intent.row == row)
			(*out)[(*count)++] = m->intents[i].intent;
	return 0;
}

static int close_intent(struct memory_journal *m, const struct intent *intent, enum outcome outcome, struct err *e)
{
	for (size_t i = 0; i < m->intent_count; i++) {
		struct memory_intent *k = &m->intents[i];
		if (k->intent.id != intent->id)
			continue;
		if (!k->open)
			return err_set(e, ERR_BUG, "intent %lld is closed already", (long long)intent->id);
		k->open = false;
		k->outcome = outcome;
		return 0;
	}
	return err_set(e, ERR_BUG, "there is no intent %lld", (long long)intent->id);
}

static int settle(struct journal *j, const struct intent *i, enum outcome outcome, const struct found *f, struct err *e)
{
	struct memory_journal *m = j->ctx;
	int rc = writable(m, e);
	if (!rc && m->fail_settles > 0 && m->fail_settles--)
		rc = err_set(e, ERR_TEMP, "the store failed");
	if (!rc)
		rc = close_intent(m, i, outcome, e);
	if (!rc)
		m->found = *f;
	return rc;
}

static struct memory_secret *find(const struct memory_journal *m, enum secret_kind kind, const char *id)
{
	for (size_t i = 0; i < m->secret_count; i++)
		if (m->secrets[i].kind == kind && !strcmp(m->secrets[i].id, id))
			return (struct memory_secret *)&m->secrets[i];
	return NULL;
}

static int keep(struct journal *j, const struct intent *i, enum secret_kind kind, const char *id, const struct secret *secret,
	const struct found *f, struct err *e)
{
	struct memory_journal *m = j->ctx;
	int rc = writable(m, e);
	if (!rc && m->fail_keeps > 0 && m->fail_keeps--)
		rc = err_set(e, ERR_TEMP, "the store failed");
	if (!rc && i)
		rc = close_intent(m, i, OUTCOME_DONE, e);
	if (rc)
		return rc;
	struct memory_secret *s = find(m, kind, id);
	if (!s) {
		if (m->secret_count == MEMORY_SECRETS)
			return err_set(e, ERR_BUG, "too many secrets for this test");
		s = &m->secrets[m->secret_count++];
	}
	secret_free(s->secret);
	s->kind = kind;
	str_copy(s->id, sizeof(s->id), id);
	s->secret = secret_dup(secret);
	m->found = *f;
	return 0;
}

static int reveal(struct journal *j, enum secret_kind kind, const char *id, struct secret **out, struct err *e)
{
	struct memory_secret *s = find(j->ctx, kind, id);
	if (!s)
		return err_set(e, ERR_ABSENT, "no such secret");
	*out = secret_dup(s->secret);
	return 0;
}

static int drop(struct journal *j, enum secret_kind kind, const char *id, struct err *e)
{
	struct memory_journal *m = j->ctx;
	struct memory_secret *s = find(m, kind, id);
	int rc = writable(m, e);
	if (rc)
		return rc;
	if (!s)
		return err_set(e, ERR_ABSENT, "no such secret");
	secret_free(s->secret);
	*s = m->secrets[--m->secret_count];
	m->secrets[m->secret_count] = (struct memory_secret){ 0 };
	return 0;
}

static void did(struct journal *j, enum row_id row, const char *what, const char *request_id)
{
	struct memory_journal *m = j->ctx;
	if (m->deed_count < MEMORY_DEEDS)
		snprintf(m->deeds[m->deed_count++], sizeof(m->deeds[0]), "%d %s [%s]", (int)row, what, request_id);
}

void memory_journal_init(struct memory_journal *m, const struct clock *clock)
{
	*m = (struct memory_journal){ .clock = clock };
	m->journal = (struct journal){ .ctx = m, .may_act = may_act, .intent = intent, .open_intents = open_intents,
		.settle = settle, .keep = keep, .reveal = reveal, .drop = drop, .did = did };
}

void memory_journal_clear(struct memory_journal *m)
{
	while (m->secret_count > 0) {
		struct memory_secret *s = &m->secrets[--m->secret_count];
		secret_free(s->secret);
		*s = (struct memory_secret){ 0 };
	}
}

size_t memory_open(const struct memory_journal *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->intent_count; i++)
		n += m->intents[i].open;
	return n;
}

bool memory_did(const struct memory_journal *m, const char *part)
{
	for (size_t i = 0; i < m->deed_count; i++)
		if (strstr(m->deeds[i], part))
			return true;
	return false;
}

struct secret *memory_secret(const struct memory_journal *m, enum secret_kind kind, const char *id)
{
	struct memory_secret *s = find(m, kind, id);
	return s ? s->secret : NULL;
}
