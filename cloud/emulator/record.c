#include "cloud/emulator/record.h"

#include <string.h>

#include "cloud/emulator/call.h"
#include "cloud/tc3.h"
#include "common/str.h"

static struct json *shape_of(struct arena *a, const struct json *value);

static const char *scalar_name(struct arena *a, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_STRING: return "string";
	case JSON_BOOL: return "bool";
	case JSON_NUMBER: return strpbrk(json_print(a, value), ".eE") ? "number" : "int";
	default: return "null";
	}
}

static void push_once(struct json *list, struct json *shape)
{
	for (const struct json *seen = json_first(list); seen; seen = json_next(seen))
		if (json_equal(seen, shape))
			return;
	json_push(list, shape);
}

static struct json *shape_of_list(struct arena *a, const struct json *value)
{
	struct json *list = json_array(a);
	for (const struct json *item = json_first(value); item; item = json_next(item))
		push_once(list, shape_of(a, item));
	return list;
}

static struct json *shape_of(struct arena *a, const struct json *value)
{
	struct json *out = json_object(a);
	if (json_type(value) == JSON_ARRAY)
		return shape_of_list(a, value);
	if (json_type(value) == JSON_OBJECT) {
		for (const struct json *m = json_first(value); m; m = json_next(m))
			json_put(out, json_name(m), shape_of(a, m));
		return out;
	}
	/* A text alone has no maker: it is taken out of a holder. */
	json_put_text(out, "v", scalar_name(a, value));
	return json_copy(a, json_get(out, "v"));
}

static void put_parameters(struct json *line, const struct emulator_request *r, struct arena *a)
{
	const char *text = r->body_len ? r->body : "{}";
	struct json *body;
	struct err e;
	if (!str_eq(r->method, "POST") || json_parse(a, text, r->body_len ? r->body_len : 2, &body, &e) ||
		json_type(body) != JSON_OBJECT)
		json_put_null(line, "parameters");
	else
		json_put(line, "parameters", shape_of(a, body));
}

const char *record_line(const struct emulator_request *r, struct arena *a)
{
	static const struct { const char *name, *header; } rows[] = {
		{ "version", "X-TC-Version" }, { "action", "X-TC-Action" }, { "region", "X-TC-Region" },
		{ "client", "X-TC-RequestClient" },
	};
	const char *authorization = request_header(r, "Authorization");
	struct tc3_claim claim;
	struct err e;
	if (!authorization || tc3_claim_parse(a, authorization, &claim, &e))
		return NULL;
	struct json *line = json_object(a);
	json_put_text(line, "service", claim.service);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *value = request_header(r, rows[i].header);
		json_put_text(line, rows[i].name, value ? value : "");
	}
	put_parameters(line, r, a);
	return json_print(a, line);
}
