/* The vendor's models (models.json: names, types and which parameters are needed), the emulator's tables of actions, and
 * bodies of requests made from the models. */
#ifndef ROLLCALL_TESTS_UNIT_EMULATOR_MODELS_H
#define ROLLCALL_TESTS_UNIT_EMULATOR_MODELS_H

#include "tests/unit/emulator/world.h"

#include "cloud/emulator/call.h"

static UNUSED char *load_models(struct arena *a, size_t *n)
{
	FILE *f = fopen("tests/unit/emulator/models.json", "r");
	assert_non_null(f);
	char *text = arena_alloc(a, 1 << 20);
	*n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static UNUSED const struct json *models(struct world *w)
{
	struct json *out = NULL;
	struct err e;
	size_t n;
	char *text = load_models(w->arena, &n);
	if (json_parse(w->arena, text, n, &out, &e))
		fail_msg("models.json: %s", e.text);
	assert_true(json_count(out) > 60);
	return out;
}

static struct json *sample(struct arena *a, const struct json *model, const char *left_out);

static UNUSED struct json *sample_fields(struct arena *a, const struct json *fields, const char *left_out)
{
	struct json *o = json_object(a);
	for (const struct json *m = json_first(fields); m; m = json_next(m))
		if (json_bool_or(m, "required", false) && !str_eq(json_name(m), left_out))
			json_put(o, json_name(m), sample(a, m, NULL));
	return o;
}

/* A value of the right type, whatever its worth; a scalar stands in a holder because values have no makers alone. */
static UNUSED struct json *sample(struct arena *a, const struct json *model, const char *left_out)
{
	const char *type = json_text(model, "type");
	if (str_eq(type, "object"))
		return sample_fields(a, json_get(model, "fields"), left_out);
	if (str_eq(type, "list")) {
		struct json *list = json_array(a);
		json_push(list, sample(a, json_get(model, "item"), left_out));
		return list;
	}
	struct json *holder = json_object(a);
	if (str_eq(type, "string"))
		json_put_text(holder, "v", "x");
	else if (str_eq(type, "int"))
		json_put_int(holder, "v", 1);
	else
		json_put_bool(holder, "v", true);
	return json_copy(a, json_get(holder, "v"));
}

#endif
