/* Where Rollcall in a story meets the outside: each seam asks the parent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "tests/story/child.h"

/* --- the cloud ---------------------------------------------------------------------------------------------- */

/* What other threads would do while this one waits for an answer. */
static void meanwhile(struct story_child *c, const struct wire *w, bool listing)
{
	int64_t due;
	if (c->depth || w == &c->wires[0])
		return;
	c->depth++;
	if (child_dice(c, 3) == 0)
		feed_step(c->feed, 0);
	if (child_dice(c, 10) == 0)
		confirm_step(c->feed);
	if (child_dice(c, 4) == 0)
		engine_step(c->workers[0], &due);
	/* Whoever waits for a shared listing sleeps in a real thread; here it would sleep for ever. */
	if (child_dice(c, 12) == 0 && w != &c->wires[1] && !listing)
		engine_step(c->workers[1], &due);
	c->depth--;
}

static char send(struct story_child *c, const struct http_request *rq, struct arena *a, char **answer, size_t *n)
{
	struct str s;
	str_init(&s, a);
	str_addf(&s, "host: %s\n", rq->host);
	for (size_t i = 0; i < rq->header_count; i++)
		str_addf(&s, "%s\n", rq->headers[i]);
	str_add(&s, "\n");
	str_addn(&s, rq->body, rq->body_len);
	c->life->shared->true_ms += 1 + child_dice(c, 40);
	return child_ask(c, FRAME_EXCHANGE, s.text, s.len, a, answer, n);
}

static int exchange(struct transport *t, const struct http_request *rq, struct arena *a, struct http_reply *out, struct err *e)
{
	struct wire *w = t->ctx;
	struct story_child *c = w->child;
	char *answer;
	size_t n;
	bool listing = false;
	for (size_t i = 0; i < rq->header_count; i++)
		listing |= strstr(rq->headers[i], "Describe") != NULL;
	meanwhile(c, w, listing);
	if (w->woken && child_dice(c, 2))
		return err_set(e, ERR_STALE, "aborted before anything was sent");
	char kind = send(c, rq, a, &answer, &n);
	POINT("exchange");
	meanwhile(c, w, listing);
	if (w->woken)
		return err_set(e, ERR_STALE, "aborted while waiting for the answer");
	if (kind == FRAME_HANG)
		c->life->shared->true_ms += rq->timeout_ms;
	if (kind != FRAME_ANSWER)
		return err_set(e, ERR_UNKNOWN, "%s", kind == FRAME_HANG ? "no answer in time" : "the connection was cut");
	int64_t date;
	int status;
	memcpy(&date, answer, 8);
	memcpy(&status, answer + 8, 4);
	*out = (struct http_reply){ .status = status, .date_ms = date, .body = answer + 12, .body_len = n - 12 };
	return 0;
}

static void wake(struct transport *t) { ((struct wire *)t->ctx)->woken = true; }
static void rearm(struct transport *t) { ((struct wire *)t->ctx)->woken = false; }
static void close_wire(struct transport *t) { (void)t; }

/* --- the directory ------------------------------------------------------------------------------------------ */

static const struct entry *to_entry(struct arena *a, const struct json *j)
{
	struct entry *entry = arena_alloc(a, sizeof(*entry));
	const struct json *attrs = json_get(j, "attrs");
	str_copy(entry->uuid, sizeof(entry->uuid), json_text(j, "uuid"));
	entry->dn = json_text(j, "dn");
	entry->attributes = arena_alloc(a, (json_count(attrs) + 1) * sizeof(struct attribute));
	for (const struct json *v = json_first(attrs); v; v = json_next(v)) {
		struct attribute *at = &entry->attributes[entry->count++];
		at->name = json_name(v);
		at->count = 1;
		at->values = arena_alloc(a, sizeof(struct value));
		at->values[0].data = (const unsigned char *)json_string(v);
		at->values[0].len = strlen(json_string(v));
	}
	return entry;
}

static const struct json *ask_json(struct story_child *c, char type, const char *text, struct arena *a)
{
	char *answer;
	size_t n;
	struct json *j;
	struct err e;
	child_ask(c, type, text, strlen(text), a, &answer, &n);
	if (json_parse(a, answer, n, &j, &e))
		_exit(4);
	return j;
}

static struct source_doubts to_doubts(const struct json *j, struct arena *a)
{
	const struct json *list = json_get(j, "branches");
	struct source_doubts d = { .all = json_text(j, "all"), .branches = arena_alloc(a, (json_count(list) + 1) * sizeof(*d.branches)) };
	for (const struct json *v = json_first(list); v; v = json_next(v))
		d.branches[d.count++] = (struct source_doubt){ json_text(v, "branch"), json_text(v, "why") };
	return d;
}

static void next_event(struct source *s, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct story_child *c = s->ctx;
	(void)timeout_ms;
	const struct json *j = ask_json(c, FRAME_NEXT, "", a);
	ev->kind = (enum source_kind)json_int_or(j, "kind", SOURCE_IDLE);
	ev->server = "ldap://model";
	if (ev->kind == SOURCE_LOST)
		err_set(&ev->err, ERR_TEMP, "%s", json_text(j, "why"));
	if (json_text(j, "uuid"))
		str_copy(ev->uuid, sizeof(ev->uuid), json_text(j, "uuid"));
	if (ev->kind == SOURCE_ENTRY)
		ev->entry = to_entry(a, j);
	if (ev->kind == SOURCE_REFRESHED)
		ev->doubts = to_doubts(json_get(j, "doubts"), a);
}

static void wake_source(struct source *s, bool again)
{
	struct story_child *c = s->ctx;
	c->life->shared->again |= again;
}

static int opinion(struct story_child *c, char type, const char *uuid, struct arena *a, enum whereabouts *where,
	const struct entry **entry, struct err *e)
{
	const struct json *j = ask_json(c, type, uuid, a);
	if (json_has(j, "fails"))
		return err_set(e, ERR_TEMP, "the model did not answer");
	*where = (enum whereabouts)json_int_or(j, "where", WHERE_GONE);
	if (*where != WHERE_GONE)
		*entry = to_entry(a, j);
	return 0;
}

static int reread(struct confirm *cf, const char *uuid, struct arena *a, enum whereabouts *where, const struct entry **entry,
	struct err *e)
{
	return opinion(cf->ctx, FRAME_REREAD, uuid, a, where, entry, e);
}

static int reread_original(struct confirm *cf, const char *uuid, struct arena *a, enum whereabouts *where,
	const struct entry **entry, struct err *e)
{
	return opinion(cf->ctx, FRAME_ORIGINAL, uuid, a, where, entry, e);
}

static int doubts(struct confirm *cf, struct arena *a, struct source_doubts *out, struct err *e)
{
	const struct json *j = ask_json(cf->ctx, FRAME_DOUBTS, "", a);
	if (json_has(j, "fails"))
		return err_set(e, ERR_TEMP, "the model did not answer");
	*out = to_doubts(j, a);
	return 0;
}

int child_deliver(void *ctx, const char *uuid, const char *oldest, const char *payload, struct arena *a, bool *changed,
	struct err *e)
{
	const char *letter = arena_printf(a, "%s %s %s", uuid, oldest ? oldest : "-", payload);
	const struct json *j = ask_json(ctx, FRAME_DELIVER, letter, a);
	*changed = true;
	if (json_has(j, "older")) {
		err_set(e, ERR_TEMP, "the entry is older");
		str_copy(e->code, sizeof(e->code), "older");
		return ERR_TEMP;
	}
	if (json_has(j, "absent"))
		return err_set(e, ERR_ABSENT, "no such entry");
	return json_has(j, "fails") ? err_set(e, ERR_TEMP, "the model is down") : 0;
}

void child_seams(struct story_child *c)
{
	for (int i = 0; i < WORKERS; i++) {
		c->wires[i].child = c;
		c->wires[i].transport = (struct transport){ .ctx = &c->wires[i], .exchange = exchange, .wake = wake, .rearm = rearm,
			.close = close_wire };
	}
	c->source = (struct source){ .ctx = c, .next = next_event, .wake = wake_source };
	c->confirm = (struct confirm){ .ctx = c, .reread = reread, .reread_original = reread_original, .doubts = doubts };
}
