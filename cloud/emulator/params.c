/* Parameters are judged by a table per action, as the API gateway judges them: what is missing, of another
 * type, unknown or out of its limits never reaches a handler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static const char *const type_names[] = {
	[P_TEXT] = "String", [P_INT] = "Integer", [P_BOOL] = "Boolean", [P_OBJECT] = "Object",
	[P_TEXTS] = "Array of String", [P_INTS] = "Array of Integer", [P_OBJECTS] = "Array of Object",
};

static const struct param *find(const struct param *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(rows[i].name, name))
			return &rows[i];
	return NULL;
}

/* --- values ---------------------------------------------------------------------- */

static bool is_integer(const struct json *v)
{
	int64_t n;
	return json_type(v) == JSON_NUMBER && json_int(v, "", &n, NULL) == 0;
}

static bool is_type(const struct json *v, enum param_type type)
{
	switch (type) {
	case P_TEXT: return json_type(v) == JSON_STRING;
	case P_INT: return is_integer(v);
	case P_BOOL: return json_type(v) == JSON_BOOL;
	case P_OBJECT: return json_type(v) == JSON_OBJECT;
	default: return json_type(v) == JSON_ARRAY;
	}
}

static enum param_type item_type(enum param_type list)
{
	return list == P_TEXTS ? P_TEXT : list == P_INTS ? P_INT : P_OBJECT;
}

static bool is_list(enum param_type type)
{
	return type >= P_TEXTS;
}

static bool is_choice(const char *choices, const char *text)
{
	for (size_t n = strlen(text); *choices;) {
		size_t len = strcspn(choices, "|");
		if (len == n && !memcmp(choices, text, n))
			return true;
		choices += len + (choices[len] == '|');
	}
	return false;
}

static int out_of_limits(struct call *c, const struct param *p, const char *place, const char *why)
{
	return call_fail(c, p->code ? p->code : c->service->value_code,
		"The value of parameter `%s` is not allowed: %s.", place,
		why);
}

static int check_limits(struct call *c, const struct param *p, const struct json *v, const char *place)
{
	int64_t size = p->type == P_TEXT ? (int64_t)strlen(json_string(v)) :
		p->type == P_INT ? json_int_or(v, "", INT64_MAX) : is_list(p->type) ? (int64_t)json_count(v) : p->min;
	if ((p->min || p->max) && size < p->min)
		return out_of_limits(c, p, place, "too small");
	if ((p->min || p->max) && size > p->max)
		return out_of_limits(c, p, place, "too large");
	if (p->choices && p->type == P_TEXT && !is_choice(p->choices, json_string(v)))
		return out_of_limits(c, p, place, "not one of the valid values");
	return 0;
}

/* First the shape of the whole tree (names, types, what is missing), then the limits of its values. */
enum phase { SHAPE, LIMITS };

static int check_rows(struct call *c, const struct param *rows, size_t count, const struct json *object,
	const char *place,
	enum phase phase);

static int wrong_type(struct call *c, const char *place, enum param_type type)
{
	return call_fail(c, "InvalidParameter", "The type of parameter `%s` is not %s.", place, type_names[type]);
}

static int check_items(struct call *c, const struct param *p, const struct json *list, const char *place,
	enum phase phase)
{
	size_t i = 0;
	for (const struct json *item = json_first(list); item; item = json_next(item), i++) {
		char here[96];
		snprintf(here, sizeof(here), "%.64s.%zu", place, i);
		if (phase == SHAPE && !is_type(item, item_type(p->type)))
			return wrong_type(c, here, item_type(p->type));
		if (phase == LIMITS && p->choices && !is_choice(p->choices, json_string(item)))
			return out_of_limits(c, p, here, "not one of the valid values");
		if (p->inner && check_rows(c, p->inner, p->inner_count, item, here, phase))
			return -1;
	}
	return 0;
}

static int check_value(struct call *c, const struct param *p, const struct json *v, const char *place, enum phase phase)
{
	if (phase == SHAPE && !is_type(v, p->type))
		return wrong_type(c, place, p->type);
	if (phase == LIMITS && check_limits(c, p, v, place))
		return -1;
	if (is_list(p->type))
		return check_items(c, p, v, place, phase);
	if (p->type == P_OBJECT && p->inner)
		return check_rows(c, p->inner, p->inner_count, v, place, phase);
	return 0;
}

static int check_missing(struct call *c, const struct param *rows, size_t count, const struct json *object,
	const char *place)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].flags & P_REQUIRED && !json_has(object, rows[i].name))
			return call_fail(c, "MissingParameter", "The request is missing a required parameter `%s%s%s`.",
				place,
				*place ? "." : "", rows[i].name);
	return 0;
}

static int check_rows(struct call *c, const struct param *rows, size_t count, const struct json *object,
	const char *place,
	enum phase phase)
{
	for (const struct json *m = json_first(object); m; m = json_next(m)) {
		const struct param *p = find(rows, count, json_name(m));
		char here[96];
		snprintf(here, sizeof(here), "%.40s%s%.40s", place, *place ? "." : "", json_name(m));
		if (!p)
			return call_fail(c, "UnknownParameter", "The parameter `%s` is not recognized.", here);
		if (json_type(m) != JSON_NULL && check_value(c, p, m, here, phase))
			return -1;
	}
	return phase == SHAPE ? check_missing(c, rows, count, object, place) : 0;
}

int params_check(struct call *c, const struct json *in)
{
	if (json_type(in) != JSON_OBJECT)
		return call_fail(c, "InvalidParameter", "The request body is not a JSON object.");
	c->in = in;
	if (check_rows(c, c->action->params, c->action->param_count, in, "", SHAPE))
		return -1;
	return check_rows(c, c->action->params, c->action->param_count, in, "", LIMITS);
}

/* --- GET requests ------------------------------------------------------------------- */

struct pair { char *name, *value; bool used; };
struct pairs { size_t count; struct pair *items; struct arena *arena; };

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ?
		c - 'A' + 10 : -1;
}

static char *unescape(struct arena *a, const char *text, size_t n)
{
	char *out = arena_alloc(a, n + 1), *to = out;
	for (size_t i = 0; i < n; i++) {
		int high = text[i] == '%' && i + 2 < n ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
		if (low >= 0) {
			*to++ = (char)(high * 16 + low);
			i += 2;
		} else {
			*to++ = text[i] == '+' ? ' ' : text[i];
		}
	}
	return out;
}

static void read_pairs(struct pairs *all, const char *query)
{
	size_t most = 1;
	for (const char *p = query; *p; p++)
		most += *p == '&';
	all->items = arena_alloc(all->arena, most * sizeof(*all->items));
	while (*query) {
		size_t n = strcspn(query, "&"), equal = 0;
		while (equal < n && query[equal] != '=')
			equal++;
		struct pair *p = &all->items[all->count];
		p->name = unescape(all->arena, query, equal);
		p->value = equal < n ? unescape(all->arena, query + equal + 1, n - equal - 1) : arena_strdup(all->arena,
			"");
		all->count += n > 0;
		query += n + (query[n] == '&');
	}
}

static struct pair *pair_at(struct pairs *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (str_eq(all->items[i].name, name))
			return &all->items[i];
	return NULL;
}

static bool any_below(const struct pairs *all, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < all->count; i++)
		if (str_starts(all->items[i].name, name) && (!all->items[i].name[n] || all->items[i].name[n] == '.'))
			return true;
	return false;
}

/* A query has only texts; the table says what they stand for.  What does not fit stays a text and is then
 * refused by the check of types. */
static void put_scalar(struct json *object, const char *name, enum param_type type, const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);
	if (type == P_INT && *text && !*end)
		json_put_int(object, name, n);
	else if (type == P_BOOL && (str_eq(text, "true") || str_eq(text, "false")))
		json_put_bool(object, name, *text == 't');
	else
		json_put_text(object, name, text);
}

static void build(struct pairs *all, struct json *object, const struct param *rows, size_t count, const char *place);

static void build_item(struct pairs *all, struct json *list, const struct param *p, const char *place)
{
	struct json *holder = json_object(all->arena);
	struct pair *scalar = pair_at(all, place);
	if (scalar) {
		scalar->used = true;
		put_scalar(holder, "v", item_type(p->type), scalar->value);
		json_push_copy(list, json_get(holder, "v"));
		return;
	}
	build(all, holder, p->inner, p->inner_count, place);
	json_push(list, holder);
}

static void build_list(struct pairs *all, struct json *object, const struct param *p, const char *place)
{
	struct json *list = json_array(all->arena);
	for (size_t i = 0; i < 1000; i++) {
		const char *here = arena_printf(all->arena, "%s.%zu", place, i);
		if (!any_below(all, here))
			break;
		build_item(all, list, p, here);
	}
	json_put(object, p->name, list);
}

static void build(struct pairs *all, struct json *object, const struct param *rows, size_t count, const char *place)
{
	for (size_t i = 0; i < count; i++) {
		const char *here = arena_printf(all->arena, "%s%s%s", place, *place ? "." : "", rows[i].name);
		struct pair *scalar = pair_at(all, here);
		if (scalar) {
			scalar->used = true;
			put_scalar(object, rows[i].name, rows[i].type, scalar->value);
		} else if (any_below(all, here) && is_list(rows[i].type)) {
			build_list(all, object, &rows[i], here);
		} else if (any_below(all, here)) {
			struct json *inner = json_object(all->arena);
			build(all, inner, rows[i].inner, rows[i].inner_count, here);
			json_put(object, rows[i].name, inner);
		}
	}
}

const struct json *params_from_query(struct call *c, const char *query)
{
	struct pairs all = { .arena = c->arena };
	struct json *in = json_object(c->arena);
	read_pairs(&all, query);
	build(&all, in, c->action->params, c->action->param_count, "");
	for (size_t i = 0; i < all.count; i++) {
		if (!all.items[i].used) {
			call_fail(c, "UnknownParameter", "The parameter `%.60s` is not recognized.", all.items[i].name);
			return NULL;
		}
	}
	return in;
}
