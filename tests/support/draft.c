#include "tests/support/draft.h"

#include <stdlib.h>
#include <string.h>

#include "common/str.h"

#define PICK(d, list) ((list)[dice_below((d), ARRAY_LEN(list))])

/* --- reading and printing ---------------------------------------------------------------- */

static size_t read_texts(struct arena *a, const struct json *v, const char **out, size_t most)
{
	size_t n = 0;
	const struct json *one = json_type(v) == JSON_ARRAY ? json_first(v) : v;
	for (; one && n < most; one = json_type(v) == JSON_ARRAY ? json_next(one) : NULL)
		out[n++] = arena_strdup(a, json_string(one));
	return n;
}

void draft_read(struct arena *a, const char *text, struct draft *out)
{
	struct json *document;
	struct err e;
	if (json_parse(a, text, strlen(text), &document, &e))
		abort();
	*out = (struct draft){ 0 };
	for (const struct json *s = json_first(json_get(document, "statement")); s; s = json_next(s)) {
		struct draft_statement *to = draft_add(out, str_eq(json_text(s, "effect"), "allow"));
		if (!to)
			abort();
		to->action_count = read_texts(a, json_get(s, "action"), to->actions, DRAFT_ACTIONS);
		to->resource_count = read_texts(a, json_get(s, "resource"), to->resources, DRAFT_RESOURCES);
		to->condition = json_has(s, "condition") ? json_print(a, json_get(s, "condition")) : NULL;
	}
}

static void print_texts(struct str *s, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_add(s, i ? ",\"" : "[\"");
		str_add(s, texts[i]);
		str_add(s, "\"");
	}
	str_add(s, "]");
}

char *draft_print(struct arena *a, const struct draft *d, size_t from, size_t step)
{
	struct str s;
	if (from >= d->count)
		return NULL;
	str_init(&s, a);
	str_add(&s, "{\"version\":\"2.0\",\"statement\":[");
	for (size_t i = from; i < d->count; i += step) {
		const struct draft_statement *x = &d->statements[i];
		str_addf(&s, "%s{\"effect\":\"%s\",\"action\":", i > from ? "," : "", x->allow ? "allow" : "deny");
		print_texts(&s, x->actions, x->action_count);
		str_add(&s, ",\"resource\":");
		print_texts(&s, x->resources, x->resource_count);
		if (x->condition)
			str_addf(&s, ",\"condition\":%s", x->condition);
		str_add(&s, "}");
	}
	str_add(&s, "]}");
	return s.text;
}

void draft_add_action(struct draft_statement *s, const char *action)
{
	if (s->action_count < DRAFT_ACTIONS)
		s->actions[s->action_count++] = action;
}

void draft_add_resource(struct draft_statement *s, const char *resource)
{
	if (s->resource_count < DRAFT_RESOURCES)
		s->resources[s->resource_count++] = resource;
}

struct draft_statement *draft_add(struct draft *d, bool allow)
{
	if (d->count == DRAFT_STATEMENTS)
		return NULL;
	struct draft_statement *s = &d->statements[d->count++];
	*s = (struct draft_statement){ .allow = allow };
	return s;
}

void draft_drop(struct draft *d, size_t i)
{
	memmove(&d->statements[i], &d->statements[i + 1], (--d->count - i) * sizeof(d->statements[0]));
}

/* --- bending --------------------------------------------------------------------------------- */

static const char *join(struct arena *a, const char *const part[6])
{
	return arena_printf(a, "%s:%s:%s:%s:%s:%s", part[0], part[1], part[2], part[3], part[4], part[5]);
}

/* What stands in place of one of his identifiers. */
static const char *bend_id(struct arena *a, struct dice *d, const char *mine, const char *foreign)
{
	size_t n = strlen(mine), at = dice_below(d, n + 1);
	switch (dice_below(d, 14)) {
	case 0: return foreign;
	case 1: return "*";
	case 2: return arena_printf(a, "%s*", mine);
	case 3: return arena_printf(a, "*%s", mine);
	case 4: return arena_printf(a, "%.*s*", (int)at, mine);
	case 5: return arena_printf(a, "*%s", mine + at);
	case 6: return arena_printf(a, "%.*s*%s", (int)at, mine, mine + at);
	case 7: return arena_printf(a, "%.*s", (int)(n - 1), mine);
	case 8: return arena_printf(a, "%sx", mine);
	case 9: return "${uin}";
	case 10: return arena_printf(a, "%s${app_id}", mine);
	case 11: return "${envId}";
	case 12: return arena_printf(a, "%s/*", mine);
	default: return "";
	}
}

static const char *bend_last(struct arena *a, struct dice *d, const char *last, const struct cam_identifiers *own,
	const struct cam_identifiers *other)
{
	const char *const ids[][2] = { { own->bucket, other->bucket }, { own->topic_id, other->topic_id },
		{ own->env_id, other->env_id } };
	if (dice_chance(d, 10))
		return "*";
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const char *at = strstr(last, ids[i][0]);
		if (at)
			return arena_printf(a, "%.*s%s%s", (int)(at - last), last, bend_id(a, d, ids[i][0], ids[i][1]),
				at + strlen(ids[i][0]));
	}
	return last;
}

const char *draft_bend_resource(struct arena *a, struct dice *d, const char *resource, const struct cam_identifiers *own,
	const struct cam_identifiers *other)
{
	static const char *const services[] = { "", "*", "tc*", "tcb", "tcbr", "scf", "c*s", "cam" };
	static const char *const regions[] = { "", "*", "ap-*", "ap-shanghai", "ap-beijing", "*-shanghai" };
	const char *part[6], *rest = resource;
	if (str_eq(resource, "*") || dice_chance(d, 8))
		return dice_chance(d, 80) ? "*" : "qcs:::::*";
	if (dice_chance(d, 12))
		return draft_bend_word(a, d, resource);
	for (size_t i = 0; i < 6; i++) {
		size_t n = i < 5 ? strcspn(rest, ":") : strlen(rest);
		part[i] = arena_strndup(a, rest, n);
		rest += n + (rest[n] == ':');
	}
	const char *const accounts[] = { "", "uin/", "uid/", "*", "uin/*", "uid/*", "uin/1000*", "uin/200000000002", "uid/1400000002",
		arena_printf(a, "uin/%llu", (unsigned long long)own->owner_uin),
		arena_printf(a, "uid/%llu", (unsigned long long)own->app_id) };
	size_t which = dice_below(d, 100);
	if (which < 10)
		part[2] = PICK(d, services);
	else if (which < 25)
		part[3] = PICK(d, regions);
	else if (which < 45)
		part[4] = PICK(d, accounts);
	else
		part[5] = bend_last(a, d, part[5], own, other);
	return join(a, part);
}

const char *draft_bend_word(struct arena *a, struct dice *d, const char *word)
{
	static const char letters[] = "*aXz0:/-*";
	size_t n = strlen(word), at = dice_below(d, n + 1), to = at + dice_below(d, n - at + 1);
	int before = (int)at;
	switch (dice_below(d, 4)) {
	case 0: return arena_printf(a, "%.*s*%s", before, word, word + to);
	case 1: return arena_printf(a, "%.*s*", before, word);
	case 2: return arena_printf(a, "%.*s%c%s", before, word, letters[dice_below(d, sizeof(letters) - 1)], word + at);
	default: return arena_printf(a, "%.*s%s", before, word, word + at + (at < n));
	}
}

const char *draft_condition(struct dice *d)
{
	/* Some always hold, some never, most now and then; none of it may count. */
	static const char *const conditions[] = { "{\"string_like\":{\"k\":\"*\"}}", "{\"string_like_if_exist\":{\"k\":\"*\"}}",
		"{\"null_equal\":{\"k\":[\"true\",\"false\"]}}", "{\"null_equal\":{\"none\":\"true\"}}",
		"{\"for_all_value:string_equal\":{\"none\":\"a\"}}", "{\"ip_equal\":{\"qcs:ip\":\"0.0.0.0/0\"}}",
		"{\"ip_not_equal\":{\"qcs:ip\":\"10.0.0.0/8\"}}", "{\"string_equal\":{\"k\":\"never\"}}", "{\"bool_equal\":{\"k\":\"true\"}}",
		"{\"date_less_than\":{\"qcs:current_time\":\"2030-01-01T00:00:00Z\"}}",
		"{\"for_any_value:string_equal\":{\"qcs:resource_tag\":[\"owner&lena\"]}}", "{\"string_equal\":{\"k\":\"${uin}\"}}" };
	return PICK(d, conditions);
}
