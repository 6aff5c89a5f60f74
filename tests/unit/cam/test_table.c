/* The verdicts of verdicts.txt, given by both evaluators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/render.h"
#include "tests/support/both.h"

#define OWNER UINT64_C(100000000001)
#define SUB UINT64_C(100000000101)
#define APP UINT64_C(1300000001)
#define TABLE "tests/unit/cam/verdicts.txt"

struct document { const char *name; struct str text; struct both_policy policy; };
struct table {
	struct arena *arena;
	size_t line, count;
	struct document documents[128];
	struct both both;
	size_t rows, allowed;
};

static char *load(struct arena *a, const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = arena_alloc(a, 1 << 17);
	*n = fread(text, 1, (1 << 17) - 1, f);
	fclose(f);
	return text;
}

/* --- documents ------------------------------------------------------------------ */

static struct document *add_document(struct table *t, const char *name)
{
	if (t->count == ARRAY_LEN(t->documents))
		fail_msg("too many documents");
	struct document *d = &t->documents[t->count++];
	d->name = name;
	str_init(&d->text, t->arena);
	return d;
}

static struct both_policy find_policy(struct table *t, const char *name)
{
	size_t i = 0;
	while (i < t->count && !str_eq(t->documents[i].name, name))
		i++;
	if (i == t->count)
		fail_msg("line %zu: no policy \"%s\"", t->line, name);
	struct document *d = &t->documents[i];
	struct err e;
	if (!d->policy.real && d->text.text[d->text.len - 1] == ']')
		str_add(&d->text, "}");
	if (!d->policy.real && both_read(t->arena, d->text.text, &d->policy, &e))
		fail_msg("%s: %s", name, e.text);
	return d->policy;
}

static void add_list(struct str *s, char *words)
{
	char *rest = words;
	for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		str_addf(s, "%s\"%s\"", s->text[s->len - 1] == '[' ? "" : ",", word);
	str_add(s, "]");
}

/* "allow ACTIONS on RESOURCES [if CONDITION]", its first word taken off. */
static void add_statement(struct table *t, const char *effect, char *rest)
{
	struct str *s = &t->documents[t->count - 1].text;
	const char *actions = strtok_r(rest, " ", &rest), *on = strtok_r(rest, " ", &rest), *resources = strtok_r(rest, " ", &rest);
	if (!str_eq(on, "on") || !resources || (*rest && strncmp(rest, "if ", 3) != 0))
		fail_msg("line %zu: ACTIONS on RESOURCES [if CONDITION]", t->line);
	if (!s->len)
		str_add(s, "{\"version\":\"2.0\",\"statement\":[");
	else
		s->text[--s->len] = '\0';        /* the list goes on */
	str_addf(s, "%s{\"effect\":\"%s\",\"action\":[", s->text[s->len - 1] == '[' ? "" : ",", effect);
	add_list(s, arena_strdup(t->arena, actions));
	str_add(s, ",\"resource\":[");
	add_list(s, arena_strdup(t->arena, resources));
	if (*rest)
		str_addf(s, ",\"condition\":%s", rest + 3);
	str_add(s, "}]");
}

static void add_template(struct table *t, const char *name)
{
	const struct cam_identifiers own = { .owner_uin = OWNER, .app_id = APP, .region = "ap-shanghai", .env_id = "own-1",
		.name_space = "own-1", .topic_id = "11111111-2222-4333-8444-555555555555", .bucket = "own-1" };
	size_t n;
	char *text = load(t->arena, arena_printf(t->arena, "policies/templates/%s.json", name), &n), *out;
	struct err e;
	if (cam_render(t->arena, text, n, &own, &out, &e))
		fail_msg("%s: %s", name, e.text);
	str_add(&add_document(t, name)->text, out);
}

/* --- requests --------------------------------------------------------------------- */

static void hold(struct table *t, char *rest)
{
	bool within = false;
	t->both = (struct both){ 0 };
	for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (str_eq(word, "within"))
			within = true;
		else if (within)
			t->both.boundary = find_policy(t, word);
		else
			t->both.held[t->both.count++] = find_policy(t, word);
	}
}

/* "ACTION RESOURCE [KEY=VALUE ...]" */
static void judge(struct table *t, const char *verdict, char *rest)
{
	struct cam_context context[BOTH_CONTEXT];
	size_t n = 0;
	char *action = strtok_r(rest, " ", &rest), *resource = strtok_r(NULL, " ", &rest);
	assert_non_null(resource);
	for (char *word = strtok_r(NULL, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(word, '=');
		assert_true(value && n < ARRAY_LEN(context));
		*value++ = '\0';
		context[n++] = (struct cam_context){ word, value };
	}
	const struct cam_request r = { .action = action, .resource = resource, .owner_uin = OWNER, .uin = SUB, .app_id = APP,
		.context_count = n, .context = context };
	enum cam_verdict second;
	const char *first = both_name(both_judge(&t->both, &r, &second));
	if (!str_eq(first, verdict) || !str_eq(both_name(second), verdict))
		fail_msg(TABLE ":%zu: must be %s; the evaluator says %s, the second one %s", t->line, verdict, first,
			both_name(second));
	t->rows++;
	t->allowed += str_eq(verdict, "allowed");
}

static void read_line(struct table *t, char *line)
{
	while (*line == '\t')
		line++;
	char *word = strtok_r(line, " ", &line);
	if (!word || *word == '#')
		return;
	if (str_eq(word, "policy"))
		add_document(t, line);
	else if (str_eq(word, "template"))
		add_template(t, line);
	else if (str_eq(word, "hold"))
		hold(t, line);
	else if (str_eq(word, "allow") || str_eq(word, "deny"))
		add_statement(t, word, line);
	else if (str_eq(word, "allowed") || str_eq(word, "refused") || str_eq(word, "denied"))
		judge(t, word, line);
	else
		fail_msg(TABLE ":%zu: \"%s\"", t->line, word);
}

static void every_verdict(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(16 << 20);
	struct table *t = arena_alloc(a, sizeof(*t));
	size_t n;
	t->arena = a;
	char *rest = load(a, TABLE, &n);
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		t->line++;
		read_line(t, line);
	}
	print_message("%zu verdicts: %zu allowed, %zu not\n", t->rows, t->allowed, t->rows - t->allowed);
	assert_true(t->rows >= 200);
	assert_true((t->rows - t->allowed) * 2 >= t->rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_verdict) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
