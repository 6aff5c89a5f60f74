#include "cloud/emulator/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

enum { KEPT = 20000, NAMES_KEPT = 1000 };

/* Names of actions and outcomes are few: each is kept once. */
struct count { char key[160]; const char *action, *outcome; uint64_t calls; };
struct line { uint64_t n; int64_t at; const char *action, *code, *fault; char caller[24], subject[72], with[40]; };
struct journal {
	uint64_t calls;
	struct index names, counts;
	struct list owned_names, owned_counts;
	struct line *lines;        /* a ring of KEPT, grown until then */
	size_t cap;
};

struct journal *journal_new(void)
{
	return mem_alloc(sizeof(struct journal));
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->owned_names.count; i++)
		free(j->owned_names.items[i]);
	for (size_t i = 0; i < j->owned_counts.count; i++)
		free(j->owned_counts.items[i]);
	list_free(&j->owned_names);
	list_free(&j->owned_counts);
	index_free(&j->names);
	index_free(&j->counts);
	free(j->lines);
	free(j);
}

static const char *name(struct journal *j, const char *text)
{
	char *known = index_find(&j->names, text);
	if (known)
		return known;
	/* Only a caller that makes up action names gets here. */
	if (j->owned_names.count >= NAMES_KEPT)
		return "(more)";
	known = mem_strdup(text);
	list_add(&j->owned_names, known);
	index_put(&j->names, known, known);
	return known;
}

static void count(struct journal *j, const char *action, const char *outcome)
{
	char key[160];
	snprintf(key, sizeof(key), "%.60s %.90s", action, outcome);
	struct count *c = index_find(&j->counts, key);
	if (!c) {
		c = mem_alloc(sizeof(*c));
		str_copy(c->key, sizeof(c->key), key);
		c->action = action;
		c->outcome = outcome;
		list_add(&j->owned_counts, c);
		index_put(&j->counts, c->key, c);
	}
	c->calls++;
}

static struct line *next_line(struct journal *j)
{
	if (j->calls >= j->cap && j->cap < KEPT) {
		j->cap = j->cap ? j->cap * 2 : 256;
		if (j->cap > KEPT)
			j->cap = KEPT;
		j->lines = mem_realloc(j->lines, j->cap * sizeof(*j->lines));
	}
	return &j->lines[j->calls++ % j->cap];
}

void journal_add(struct journal *j, const struct journal_entry *e)
{
	const char *action = name(j, e->action), *code = name(j, e->code);
	count(j, action, code);
	struct line *l = next_line(j);
	*l = (struct line){ .n = j->calls, .at = e->at, .action = action, .code = code };
	l->fault = e->fault && *e->fault ? name(j, e->fault) : NULL;
	str_copy(l->caller, sizeof(l->caller), e->caller);
	str_copy(l->subject, sizeof(l->subject), e->subject ? e->subject : "");
	str_copy(l->with, sizeof(l->with), e->with ? e->with : "");
}

/* --- as JSON ---------------------------------------------------------------------------- */

static void put_counts(const struct journal *j, struct json *out, struct arena *a)
{
	struct json *actions = json_object(a);
	for (size_t i = 0; i < j->owned_counts.count; i++) {
		const struct count *first = j->owned_counts.items[i];
		if (json_has(actions, first->action))
			continue;
		struct json *outcomes = json_object(a);
		for (size_t k = i; k < j->owned_counts.count; k++) {
			const struct count *c = j->owned_counts.items[k];
			if (c->action == first->action)
				json_put_uint(outcomes, c->outcome, c->calls);
		}
		json_put(actions, first->action, outcomes);
	}
	json_put(out, "actions", actions);
}

struct json *journal_json(const struct journal *j, struct arena *a)
{
	struct json *out = json_object(a), *log = json_array(a);
	put_counts(j, out, a);
	size_t kept = j->calls < j->cap ? (size_t)j->calls : j->cap;
	for (size_t i = 0; i < kept; i++) {
		const struct line *l = &j->lines[(j->calls - kept + i) % j->cap];
		struct json *o = json_object(a);
		json_put_uint(o, "n", l->n);
		json_put_int(o, "at", l->at);
		json_put_text(o, "action", l->action);
		json_put_text(o, "caller", l->caller);
		json_put_text(o, "code", l->code);
		json_put_text(o, "fault", l->fault);
		json_put_text(o, "subject", l->subject);
		if (*l->with)
			json_put_text(o, "with", l->with);
		json_push(log, o);
	}
	json_put(out, "log", log);
	json_put_uint(out, "calls", j->calls);
	return out;
}
