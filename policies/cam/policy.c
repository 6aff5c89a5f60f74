#include "policies/cam/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/condition.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* What the reader needs everywhere.  The codes are those that CreatePolicy answers with; they travel in
 * the error, so that the emulator and a human see the same word. */
struct reader {
	struct arena *arena;
	struct err *e;
	char path[80];       /* of the value being read: "statement[2].action[0]" */
};

static int PRINTF(3, 4) bad(struct reader *r, const char *code, const char *fmt, ...)
{
	char why[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	int kind = err_set(r->e, ERR_INPUT, "%s: %s", r->path, why);
	if (r->e)
		snprintf(r->e->code, sizeof(r->e->code), "InvalidParameter.%s", code);
	return kind;
}

bool cam_match(const char *pattern, const char *text)
{
	/* The last '*' seen takes one character more each time the rest does not fit. */
	const char *star = NULL, *retry = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* --- lists of texts ---------------------------------------------------------- */

/* A string, or a list of strings that is not empty.  check() judges each and may replace it. */
typedef int (*text_check)(struct reader *, const char **text, void *to, size_t index);

static int read_text(struct reader *r, const struct json *v, const char *code, text_check check, void *to, size_t i)
{
	const char *text = json_string(v);
	if (!text)
		return bad(r, code, "must be a string, is %s", json_type_name(json_type(v)));
	text = arena_strdup(r->arena, text);
	return check(r, &text, to, i);
}

static size_t count_texts(const struct json *v)
{
	return json_type(v) == JSON_ARRAY ? json_count(v) : 1;
}

static int read_texts(struct reader *r, const struct json *v, const char *code, text_check check, void *to)
{
	if (json_type(v) != JSON_ARRAY)
		return read_text(r, v, code, check, to, 0);
	if (!json_count(v))
		return bad(r, code, "is an empty list");
	size_t end = strlen(r->path), i = 0;
	for (const struct json *item = json_first(v); item; item = json_next(item), i++) {
		snprintf(r->path + end, sizeof(r->path) - end, "[%zu]", i);
		int rc = read_text(r, item, code, check, to, i);
		if (rc)
			return rc;
	}
	r->path[end] = '\0';
	return 0;
}

/* --- actions ------------------------------------------------------------------ */

static bool only(const char *text, size_t n, const char *allowed)
{
	return n && strspn(text, allowed) >= n;
}

/* "service:Name", also "name/service:Name"; "*"; "permid/N", a set of features that matches nothing here. */
static int check_action(struct reader *r, const char **text, void *to, size_t i)
{
	const char *t = *text;
	if (str_starts(t, "name/"))
		t += strlen("name/");
	const char *colon = strchr(t, ':');
	bool set = str_starts(t, "permid/") && only(t + 7, strlen(t + 7), DIGITS);
	if (!str_eq(t, "*") && !set && (!colon || !only(t, (size_t)(colon - t), LOWER DIGITS "_-*") ||
		!only(colon + 1, strlen(colon + 1), LOWER UPPER DIGITS "_*")))
		return bad(r, "ActionError", "\"%s\" is not service:Action", *text);
	((struct cam_texts *)to)->items[i] = t;
	return 0;
}

/* --- resources ------------------------------------------------------------------ */

static int split(struct reader *r, const char *text, struct cam_resource *out)
{
	char *part[6], *rest = arena_strdup(r->arena, text);
	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		part[i] = rest;
		char *colon = i + 1 < ARRAY_LEN(part) ? strchr(rest, ':') : NULL;
		if (colon) {
			*colon = '\0';
			rest = colon + 1;
		} else if (i + 1 < ARRAY_LEN(part)) {
			return bad(r, "ResourceContentError", "\"%s\" has not six segments", text);
		}
	}
	if (!str_eq(part[0], "qcs"))
		return bad(r, "ResourceQcsError", "\"%s\" does not start with \"qcs\"", text);
	if (*part[1])
		return bad(r, "ResourceProjectError", "\"%s\" names a project", text);
	if (*part[4] && !str_eq(part[4], "*") && !str_starts(part[4], "uin/") && !str_starts(part[4], "uid/"))
		return bad(r, "ResourceUinError", "the account of \"%s\" is neither uin/ nor uid/", text);
	if (!*part[5])
		return bad(r, "ResourceContentError", "the last segment of \"%s\" is empty", text);
	*out = (struct cam_resource){ .text = text, .project = part[1], .service = part[2], .region = part[3],
		.account = part[4], .resource = part[5] };
	return 0;
}

static int check_resource(struct reader *r, const char **text, void *to, size_t i)
{
	struct cam_resource *out = (struct cam_resource *)to + i;
	if (!str_eq(*text, "*"))
		return split(r, *text, out);
	*out = (struct cam_resource){ .text = *text, .any = true, .project = "", .service = "", .region = "",
		.account = "", .resource = "*" };
	return 0;
}

/* --- conditions ------------------------------------------------------------------ */

/* "for_any_value:string_equal_if_exist": prefix, operator, suffix. */
static int read_operator(struct reader *r, const char *written, struct cam_condition *out)
{
	const char *name = written;
	out->for_any = str_starts(name, "for_any_value:");
	out->for_all = str_starts(name, "for_all_value:");
	if (out->for_any || out->for_all)
		name += strlen("for_any_value:");
	size_t n = strlen(name), tail = strlen("_if_exist");
	out->if_exist = n > tail && str_eq(name + n - tail, "_if_exist");
	out->operator = arena_strndup(r->arena, name, out->if_exist ? n - tail : n);
	if (!cam_operator_known(out->operator))
		return bad(r, "ConditionTypeError", "\"%s\" is not a condition operator", written);
	return 0;
}

static int check_value(struct reader *r, const char **text, void *to, size_t i)
{
	(void)r;
	((struct cam_texts *)to)->items[i] = *text;
	return 0;
}

/* Numbers and booleans may stand without quotes. */
static int read_values(struct reader *r, const struct json *v, struct cam_texts *out)
{
	enum json_type type = json_type(v);
	out->count = count_texts(v);
	out->items = arena_alloc(r->arena, (out->count + 1) * sizeof(*out->items));
	if (type == JSON_NUMBER || type == JSON_BOOL) {
		out->items[0] = json_print(r->arena, v);
		return 0;
	}
	return read_texts(r, v, "ConditionContentError", check_value, out);
}

static int read_keys(struct reader *r, const struct json *op, struct cam_statement *out)
{
	size_t end = strlen(r->path);
	if (json_type(op) != JSON_OBJECT || !json_count(op))
		return bad(r, "ConditionError", "must be an object of condition keys");
	for (const struct json *key = json_first(op); key; key = json_next(key)) {
		struct cam_condition *c = &out->conditions[out->condition_count];
		snprintf(r->path + end, sizeof(r->path) - end, ".%s", json_name(key));
		c->key = arena_strdup(r->arena, json_name(key));
		int rc = read_operator(r, json_name(op), c);
		if (!rc)
			rc = read_values(r, key, &c->values);
		if (rc)
			return rc;
		out->condition_count++;
	}
	r->path[end] = '\0';
	return 0;
}

static int read_conditions(struct reader *r, const struct json *v, struct cam_statement *out)
{
	size_t end = strlen(r->path), total = 0;
	if (json_type(v) != JSON_OBJECT)
		return bad(r, "ConditionError", "must be an object");
	for (const struct json *op = json_first(v); op; op = json_next(op))
		total += json_type(op) == JSON_OBJECT ? json_count(op) : 0;
	out->conditions = arena_alloc(r->arena, (total + 1) * sizeof(*out->conditions));
	for (const struct json *op = json_first(v); op; op = json_next(op)) {
		snprintf(r->path + end, sizeof(r->path) - end, ".%s", json_name(op));
		int rc = read_keys(r, op, out);
		if (rc)
			return rc;
	}
	r->path[end] = '\0';
	return 0;
}

/* --- statements ------------------------------------------------------------------ */

static int read_effect(struct reader *r, const struct json *v, struct cam_statement *out)
{
	const char *effect = json_string(v);
	if (!str_eq(effect, "allow") && !str_eq(effect, "deny"))
		return bad(r, "EffectError", "must be \"allow\" or \"deny\"");
	out->allow = str_eq(effect, "allow");
	return 0;
}

static int read_action(struct reader *r, const struct json *v, struct cam_statement *out)
{
	out->actions.count = count_texts(v);
	out->actions.items = arena_alloc(r->arena, (out->actions.count + 1) * sizeof(*out->actions.items));
	return read_texts(r, v, "ActionError", check_action, &out->actions);
}

static int read_resource(struct reader *r, const struct json *v, struct cam_statement *out)
{
	out->resource_count = count_texts(v);
	out->resources = arena_alloc(r->arena, (out->resource_count + 1) * sizeof(*out->resources));
	return read_texts(r, v, "ResourceError", check_resource, out->resources);
}

static const struct element {
	const char *name, *missing;      /* missing: the code when a required element is not there */
	int (*read)(struct reader *, const struct json *, struct cam_statement *);
} elements[] = {
	{ "effect", "EffectError", read_effect },
	{ "action", "ActionMiss", read_action },
	{ "resource", "ResourceError", read_resource },
	{ "condition", NULL, read_conditions },
};

static const struct element *find_element(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(elements); i++)
		if (str_eq(name, elements[i].name))
			return &elements[i];
	return NULL;
}

static int read_statement(struct reader *r, const struct json *v, struct cam_statement *out)
{
	size_t end = strlen(r->path);
	if (json_type(v) != JSON_OBJECT)
		return bad(r, "StatementError", "must be an object, is %s", json_type_name(json_type(v)));
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		snprintf(r->path + end, sizeof(r->path) - end, ".%s", json_name(m));
		if (str_eq(json_name(m), "principal"))
			return bad(r, "PrincipalError", "not allowed in a user's policy");
		if (!find_element(json_name(m)))
			return bad(r, "StatementError", "unknown element (names are in lower case)");
	}
	for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
		const struct json *m = json_get(v, elements[i].name);
		snprintf(r->path + end, sizeof(r->path) - end, ".%s", elements[i].name);
		if (!m && elements[i].missing)
			return bad(r, elements[i].missing, "missing");
		int rc = m ? elements[i].read(r, m, out) : 0;
		if (rc)
			return rc;
	}
	r->path[end] = '\0';
	return 0;
}

static int read_statements(struct reader *r, const struct json *v, struct cam_policy *out)
{
	bool list = json_type(v) == JSON_ARRAY;
	out->count = list ? json_count(v) : 1;
	snprintf(r->path, sizeof(r->path), "statement");
	if (!out->count)
		return bad(r, "StatementError", "is an empty list");
	out->statements = arena_alloc(r->arena, out->count * sizeof(*out->statements));
	if (!list)
		return read_statement(r, v, &out->statements[0]);
	size_t i = 0;
	for (const struct json *s = json_first(v); s; s = json_next(s), i++) {
		snprintf(r->path, sizeof(r->path), "statement[%zu]", i);
		int rc = read_statement(r, s, &out->statements[i]);
		if (rc)
			return rc;
	}
	return 0;
}

int cam_policy_from(struct arena *a, const struct json *document, struct cam_policy **out, struct err *e)
{
	struct reader r = { .arena = a, .e = e, .path = "policy" };
	if (json_type(document) != JSON_OBJECT)
		return bad(&r, "PolicyDocumentError", "must be an object");
	for (const struct json *m = json_first(document); m; m = json_next(m))
		if (!str_eq(json_name(m), "version") && !str_eq(json_name(m), "statement"))
			return bad(&r, "PolicyDocumentError", "unknown element \"%s\"", json_name(m));
	if (!str_eq(json_text(document, "version"), "2.0")) {
		str_copy(r.path, sizeof(r.path), "version");
		return bad(&r, "VersionError", "must be \"2.0\"");
	}
	const struct json *statement = json_get(document, "statement");
	if (!statement)
		return bad(&r, "StatementError", "has no statement");
	struct cam_policy *policy = arena_alloc(a, sizeof(*policy));
	int rc = read_statements(&r, statement, policy);
	if (!rc)
		*out = policy;
	return rc;
}

int cam_policy_parse(struct arena *a, const char *text, size_t len, struct cam_policy **out, struct err *e)
{
	struct reader r = { .arena = a, .e = e, .path = "policy" };
	struct json *document;
	/* Whether white space counts is not documented; counting it is the careful reading. */
	if (len > CAM_POLICY_MAX)
		return bad(&r, "PolicyDocumentLengthOverLimit", "%zu characters, more than %d", len, CAM_POLICY_MAX);
	struct err why;
	if (json_parse(a, text, len, &document, &why))
		return bad(&r, "PolicyDocumentError", "%s", why.text);
	return cam_policy_from(a, document, out, e);
}
