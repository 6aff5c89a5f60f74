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
	char path[160];      /* of the value being read: "statement[2].action[0]" */
};

/* One step down in the path; returns the length to go back up to. */
static size_t PRINTF(2, 3) down(struct reader *r, const char *fmt, ...)
{
	size_t end = strlen(r->path);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(r->path + end, sizeof(r->path) - end, fmt, ap);
	va_end(ap);
	return end;
}

static void up(struct reader *r, size_t end)
{
	r->path[end] = '\0';
}

/* Foreign text as it may stand in a sentence: printable, and not longer than fits beside its place. */
static const char *shown(struct reader *r, const char *text)
{
	char cut[61];
	const char *plain = str_printable(r->arena, text, strlen(text));
	return str_copy(cut, sizeof(cut), plain) ? plain : arena_printf(r->arena, "%s...", cut);
}

static int PRINTF(3, 4) bad(struct reader *r, const char *code, const char *fmt, ...)
{
	char why[200];
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

/* A text, or a list of texts that is not empty.  check() judges each and puts it where it belongs. */
struct sort {
	const char *code;        /* of the complaint when it is no text at all */
	bool literals;           /* numbers and booleans may stand without quotes */
	int (*check)(struct reader *, const char *text, void *to, size_t index);
};

static bool has_control(struct reader *r, const char *text)
{
	return !str_eq(str_printable(r->arena, text, strlen(text)), text);
}

static int read_text(struct reader *r, const struct json *v, const struct sort *sort, void *to, size_t i)
{
	enum json_type type = json_type(v);
	bool literal = sort->literals && (type == JSON_NUMBER || type == JSON_BOOL);
	const char *text = literal ? json_print(r->arena, v) : arena_strdup(r->arena, json_string(v));
	if (!text)
		return bad(r, sort->code, "must be %s, is %s", sort->literals ? "a string, a number or a boolean" : "a string",
			json_type_name(type));
	if (has_control(r, text))
		return bad(r, sort->code, "holds a control character");
	return sort->check(r, text, to, i);
}

static size_t count_texts(const struct json *v)
{
	return json_type(v) == JSON_ARRAY ? json_count(v) : 1;
}

static int read_texts(struct reader *r, const struct json *v, const struct sort *sort, void *to)
{
	if (json_type(v) != JSON_ARRAY)
		return read_text(r, v, sort, to, 0);
	if (!json_count(v))
		return bad(r, sort->code, "is an empty list");
	size_t i = 0;
	for (const struct json *item = json_first(v); item; item = json_next(item), i++) {
		size_t end = down(r, "[%zu]", i);
		int rc = read_text(r, item, sort, to, i);
		if (rc)
			return rc;
		up(r, end);
	}
	return 0;
}

/* --- actions ------------------------------------------------------------------ */

static bool only(const char *text, size_t n, const char *allowed)
{
	return n && strspn(text, allowed) >= n;
}

/* "service:Name", also "name/service:Name"; "*"; "permid/N", a set of features that matches nothing here. */
static int check_action(struct reader *r, const char *text, void *to, size_t i)
{
	const char *t = text;
	if (str_starts(t, "name/"))
		t += strlen("name/");
	const char *colon = strchr(t, ':');
	bool set = str_starts(t, "permid/") && only(t + 7, strlen(t + 7), DIGITS);
	if (!str_eq(t, "*") && !set && (!colon || !only(t, (size_t)(colon - t), LOWER DIGITS "_-*") ||
		!only(colon + 1, strlen(colon + 1), LOWER UPPER DIGITS "_*")))
		return bad(r, "ActionError", "\"%s\" is not service:Action", shown(r, text));
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
			return bad(r, "ResourceContentError",
				"\"%s\" has not the six segments qcs:project:service:region:account:resource", shown(r, text));
		}
	}
	if (!str_eq(part[0], "qcs"))
		return bad(r, "ResourceQcsError", "\"%s\" does not begin with \"qcs\"", shown(r, text));
	if (*part[1])
		return bad(r, "ResourceProjectError", "\"%s\" names a project, which must be empty", shown(r, text));
	if (*part[4] && !str_eq(part[4], "*") && !str_starts(part[4], "uin/") && !str_starts(part[4], "uid/"))
		return bad(r, "ResourceUinError", "the account of \"%s\" is neither uin/ nor uid/", shown(r, text));
	if (!*part[5])
		return bad(r, "ResourceContentError", "the last segment of \"%s\" is empty", shown(r, text));
	*out = (struct cam_resource){ .text = text, .project = part[1], .service = part[2], .region = part[3],
		.account = part[4], .resource = part[5] };
	return 0;
}

static int check_resource(struct reader *r, const char *text, void *to, size_t i)
{
	struct cam_resource *out = (struct cam_resource *)to + i;
	if (!str_eq(text, "*"))
		return split(r, text, out);
	*out = (struct cam_resource){ .text = text, .any = true, .project = "", .service = "", .region = "",
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
		return bad(r, "ConditionTypeError", "is not a condition operator");
	if (str_eq(out->operator, "null_equal") && !str_eq(written, "null_equal"))
		return bad(r, "ConditionTypeError", "null_equal takes no prefix and no suffix");
	return 0;
}

static int check_value(struct reader *r, const char *text, void *to, size_t i)
{
	(void)r;
	((struct cam_texts *)to)->items[i] = text;
	return 0;
}

static int read_values(struct reader *r, const struct json *v, struct cam_texts *out)
{
	static const struct sort sort = { "ConditionContentError", true, check_value };
	out->count = count_texts(v);
	out->items = arena_alloc(r->arena, (out->count + 1) * sizeof(*out->items));
	return read_texts(r, v, &sort, out);
}

static int read_keys(struct reader *r, const struct json *op, struct cam_statement *out)
{
	struct cam_condition read = { 0 };
	int rc = read_operator(r, json_name(op), &read);
	if (rc)
		return rc;
	if (json_type(op) != JSON_OBJECT)
		return bad(r, "ConditionError", "must be an object of condition keys, is %s", json_type_name(json_type(op)));
	if (!json_count(op))
		return bad(r, "ConditionError", "has no condition key");
	for (const struct json *key = json_first(op); key; key = json_next(key)) {
		size_t end = down(r, ".%s", shown(r, json_name(key)));
		read.key = arena_strdup(r->arena, json_name(key));
		if (!*read.key || has_control(r, read.key))
			return bad(r, "ConditionContentError", *read.key ? "holds a control character" : "a condition key without a name");
		rc = read_values(r, key, &read.values);
		if (rc)
			return rc;
		out->conditions[out->condition_count++] = read;
		up(r, end);
	}
	return 0;
}

static int read_conditions(struct reader *r, const struct json *v, struct cam_statement *out)
{
	size_t total = 0;
	if (json_type(v) != JSON_OBJECT)
		return bad(r, "ConditionError", "must be an object, is %s", json_type_name(json_type(v)));
	if (!json_count(v))
		return bad(r, "ConditionError", "has no condition operator");
	for (const struct json *op = json_first(v); op; op = json_next(op))
		total += json_type(op) == JSON_OBJECT ? json_count(op) : 0;
	out->conditions = arena_alloc(r->arena, (total + 1) * sizeof(*out->conditions));
	for (const struct json *op = json_first(v); op; op = json_next(op)) {
		size_t end = down(r, ".%s", shown(r, json_name(op)));
		int rc = read_keys(r, op, out);
		if (rc)
			return rc;
		up(r, end);
	}
	return 0;
}

/* --- statements ------------------------------------------------------------------ */

static int read_effect(struct reader *r, const struct json *v, struct cam_statement *out)
{
	const char *effect = json_string(v);
	if (!effect)
		return bad(r, "EffectError", "must be \"allow\" or \"deny\", is %s", json_type_name(json_type(v)));
	if (!str_eq(effect, "allow") && !str_eq(effect, "deny"))
		return bad(r, "EffectError", "must be \"allow\" or \"deny\", is \"%s\"", shown(r, effect));
	out->allow = str_eq(effect, "allow");
	return 0;
}

static int read_action(struct reader *r, const struct json *v, struct cam_statement *out)
{
	static const struct sort sort = { "ActionError", false, check_action };
	out->actions.count = count_texts(v);
	out->actions.items = arena_alloc(r->arena, (out->actions.count + 1) * sizeof(*out->actions.items));
	return read_texts(r, v, &sort, &out->actions);
}

static int read_resource(struct reader *r, const struct json *v, struct cam_statement *out)
{
	static const struct sort sort = { "ResourceError", false, check_resource };
	out->resource_count = count_texts(v);
	out->resources = arena_alloc(r->arena, (out->resource_count + 1) * sizeof(*out->resources));
	return read_texts(r, v, &sort, out->resources);
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

/* json_get() would take null for absent; here null is a value like any other, and wrong. */
static const struct json *member(const struct json *object, const char *name)
{
	for (const struct json *m = json_first(object); m; m = json_next(m))
		if (str_eq(json_name(m), name))
			return m;
	return NULL;
}

static int read_statement(struct reader *r, const struct json *v, struct cam_statement *out)
{
	if (json_type(v) != JSON_OBJECT)
		return bad(r, "StatementError", "must be an object, is %s", json_type_name(json_type(v)));
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		size_t end = down(r, ".%s", shown(r, json_name(m)));
		if (str_eq(json_name(m), "principal"))
			return bad(r, "PrincipalError", "is not allowed in a user's policy");
		if (!find_element(json_name(m)))
			return bad(r, "StatementError", "is an unknown element (names are in lower case)");
		up(r, end);
	}
	for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
		const struct json *m = member(v, elements[i].name);
		size_t end = down(r, ".%s", elements[i].name);
		if (!m && elements[i].missing)
			return bad(r, elements[i].missing, "is missing");
		int rc = m ? elements[i].read(r, m, out) : 0;
		if (rc)
			return rc;
		up(r, end);
	}
	return 0;
}

static int read_statements(struct reader *r, const struct json *v, struct cam_policy *out)
{
	bool list = json_type(v) == JSON_ARRAY;
	out->count = list ? json_count(v) : 1;
	if (!out->count)
		return bad(r, "StatementError", "is an empty list");
	out->statements = arena_alloc(r->arena, out->count * sizeof(*out->statements));
	if (!list)
		return read_statement(r, v, &out->statements[0]);
	size_t i = 0;
	for (const struct json *s = json_first(v); s; s = json_next(s), i++) {
		size_t end = down(r, "[%zu]", i);
		int rc = read_statement(r, s, &out->statements[i]);
		if (rc)
			return rc;
		up(r, end);
	}
	return 0;
}

static int check_outside(struct reader *r, const struct json *document)
{
	if (json_type(document) != JSON_OBJECT) {
		down(r, "policy");
		return bad(r, "PolicyDocumentError", "must be an object, is %s", json_type_name(json_type(document)));
	}
	for (const struct json *m = json_first(document); m; m = json_next(m)) {
		const char *name = json_name(m);
		if (str_eq(name, "version") || str_eq(name, "statement"))
			continue;
		down(r, "%s", str_eq(name, "principal") ? name : "policy");
		return str_eq(name, "principal")
			? bad(r, "PrincipalError", "is not allowed in a user's policy")
			: bad(r, "PolicyDocumentError", "has an unknown element \"%s\" (names are in lower case)", shown(r, name));
	}
	const struct json *version = member(document, "version");
	size_t end = down(r, "version");
	if (!str_eq(json_string(version), "2.0"))
		return bad(r, "VersionError", version ? "must be \"2.0\"" : "is missing, must be \"2.0\"");
	up(r, end);
	return 0;
}

int cam_resource_parse(struct arena *a, const char *text, struct cam_resource *out, struct err *e)
{
	struct reader r = { .arena = a, .e = e, .path = "resource" };
	if (has_control(&r, text))
		return bad(&r, "ResourceError", "holds a control character");
	return check_resource(&r, text, out, 0);
}

int cam_policy_from(struct arena *a, const struct json *document, struct cam_policy **out, struct err *e)
{
	struct reader r = { .arena = a, .e = e };
	int rc = check_outside(&r, document);
	if (rc)
		return rc;
	const struct json *statement = member(document, "statement");
	down(&r, "statement");
	if (!statement)
		return bad(&r, "StatementError", "is missing");
	struct cam_policy *policy = arena_alloc(a, sizeof(*policy));
	rc = read_statements(&r, statement, policy);
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
		return bad(&r, "PolicyDocumentLengthOverLimit", "is %zu characters long, %d are the limit", len, CAM_POLICY_MAX);
	struct err why;
	if (json_parse(a, text, len, &document, &why))
		return bad(&r, "PolicyDocumentError", "%s", why.text);
	return cam_policy_from(a, document, out, e);
}
