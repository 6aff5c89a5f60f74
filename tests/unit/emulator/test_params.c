/* The tables of parameters against the vendor's models (models.json holds names, types and which are needed), and for
 * every action: what is missing, of another type, or unknown is refused, also inside of objects and lists. */
#include "tests/unit/emulator/models.h"

/* --- tables against models ------------------------------------------------------------------ */

static const char *type_text(const struct json *model)
{
	const char *type = json_text(model, "type");
	if (!str_eq(type, "list"))
		return type;
	const char *item = json_text(model, "item.type");
	return str_eq(item, "string") ? "strings" : str_eq(item, "int") ? "ints" : "objects";
}

static void compare_rows(const char *place, const struct param *rows, size_t count, const struct json *fields)
{
	static const char *const names[] = { [P_TEXT] = "string", [P_INT] = "int", [P_BOOL] = "bool", [P_OBJECT] = "object",
		[P_TEXTS] = "strings", [P_INTS] = "ints", [P_OBJECTS] = "objects" };
	size_t documented = 0;
	for (size_t i = 0; i < count; i++) {
		const struct param *p = &rows[i];
		const struct json *model = json_get(fields, p->name);
		if (p->flags & P_UNDOCUMENTED)
			continue;
		documented++;
		if (!model)
			fail_msg("%s.%s is in no model", place, p->name);
		if (!str_eq(type_text(model), names[p->type]))
			fail_msg("%s.%s is %s, not %s", place, p->name, type_text(model), names[p->type]);
		if (json_bool_or(model, "required", false) != (p->flags & P_REQUIRED))
			fail_msg("%s.%s: needed or not?", place, p->name);
		char deeper[160];
		snprintf(deeper, sizeof(deeper), "%s.%s", place, p->name);
		if (p->type == P_OBJECT)
			compare_rows(deeper, p->inner, p->inner_count, json_get(model, "fields"));
		if (p->type == P_OBJECTS)
			compare_rows(deeper, p->inner, p->inner_count, json_get(model, "item.fields"));
	}
	if (documented != json_count(fields))
		fail_msg("%s has %zu parameters, the model %zu", place, documented, json_count(fields));
}

static void tables_are_the_models(void **state)
{
	struct world *w = *state;
	const struct json *all = models(w);
	size_t documented = 0;
	for (size_t i = 0; i < w->em->action_count; i++) {
		const struct action *a = w->em->slots[i].row;
		const struct json *model = json_get(all, a->name);
		/* The one action that official clients call and no model has. */
		if (str_eq(a->name, "DescribeEnvInfo"))
			continue;
		if (!model)
			fail_msg("%s is in no model", a->name);
		documented++;
		assert_string_equal(json_text(model, "service"), a->service);
		assert_string_equal(json_text(model, "version"), version_of(a->service));
		compare_rows(a->name, a->params, a->param_count, json_get(model, "parameters"));
	}
	assert_int_equal(documented, json_count(all));
}

/* What stands in the log of calls is never a text that may hold a secret, and is a parameter of the action. */
static void the_log_names_no_secret(void **state)
{
	struct world *w = *state;
	static const char *const secrets[] = { "Password", "Parameters", "DefaultParameters", "Content", "PolicyDocument",
		"LoginConfiguration" };
	for (size_t i = 0; i < w->em->action_count; i++) {
		const struct action *a = w->em->slots[i].row;
		const char *const logged[] = { a->subject, a->with };
		for (size_t k = 0; k < ARRAY_LEN(logged); k++) {
			bool known = !logged[k];
			for (size_t s = 0; s < ARRAY_LEN(secrets); s++)
				assert_false(str_eq(logged[k], secrets[s]));
			for (size_t p = 0; p < a->param_count && !known; p++)
				known = str_eq(a->params[p].name, logged[k]);
			if (!known)
				fail_msg("%s has no parameter %s", a->name, logged[k]);
		}
	}
}

/* --- negative calls for every action ------------------------------------------------------------- */

struct probe { struct world *w; const char *action, *product; size_t calls; };

static void ask(struct probe *p, const struct json *body, const char *wanted, const char *why)
{
	struct world *w = p->w;
	const char *text = json_print(w->arena, body);
	say_in(w, &w->root, "ap-shanghai", p->product, p->action, text);
	p->calls++;
	if (!str_eq(w->code, wanted))
		fail_msg("%s, %s: %s is answered with %s, not %s", p->action, why, text, w->code, wanted);
}

/* Values that are not of the type of the model; a text that holds a number is not a number here. */
static void wrongly_typed(struct probe *p, const struct json *fields, const struct json *model)
{
	static const char *const values[] = { "\"1\"", "1", "1.5", "true", "[]", "{}", "[[]]" };
	static const struct { const char *type, *fits; } rows[] = {
		{ "string", "\"1\"" }, { "int", "1" }, { "bool", "true" }, { "object", "{}" }, { "list", "[]" },
	};
	struct arena *a = p->w->arena;
	const char *type = json_text(model, "type");
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		bool fits = false;
		for (size_t r = 0; r < ARRAY_LEN(rows); r++)
			fits = fits || (str_eq(rows[r].type, type) && str_eq(rows[r].fits, values[i]));
		if (fits)
			continue;
		struct json *body = sample_fields(a, fields, json_name(model)), *value;
		struct err e;
		assert_int_equal(json_parse(a, values[i], strlen(values[i]), &value, &e), 0);
		json_put(body, json_name(model), value);
		ask(p, body, "InvalidParameter", "wrongly typed");
	}
}

static void inside(struct probe *p, const struct json *fields, const struct json *model)
{
	struct arena *a = p->w->arena;
	bool list = str_eq(json_text(model, "type"), "list");
	const struct json *inner = json_get(model, list ? "item.fields" : "fields");
	for (const struct json *m = inner ? json_first(inner) : NULL; m; m = json_next(m)) {
		if (!json_bool_or(m, "required", false))
			continue;
		struct json *body = sample_fields(a, fields, json_name(model));
		json_put(body, json_name(model), sample(a, model, json_name(m)));
		ask(p, body, "MissingParameter", "missing inside");
	}
	if (inner) {
		struct json *body = sample_fields(a, fields, json_name(model)), *list_of = json_array(a), *object = json_object(a);
		json_put_int(object, "NoSuchField", 1);
		if (list)
			json_push(list_of, object);
		json_put(body, json_name(model), list ? list_of : object);
		ask(p, body, "UnknownParameter", "unknown inside");
	}
}

static void every_action_refuses_what_its_model_does_not_allow(void **state)
{
	struct world *w = *state;
	const struct json *all = models(w);
	size_t calls = 0;
	for (const struct json *model = json_first(all); model; model = json_next(model)) {
		struct probe p = { .w = w, .action = json_name(model), .product = json_text(model, "service") };
		const struct json *fields = json_get(model, "parameters");
		for (const struct json *m = json_first(fields); m; m = json_next(m)) {
			if (json_bool_or(m, "required", false))
				ask(&p, sample_fields(w->arena, fields, json_name(m)), "MissingParameter", "missing");
			wrongly_typed(&p, fields, m);
			inside(&p, fields, m);
		}
		struct json *body = sample_fields(w->arena, fields, NULL);
		json_put_text(body, "NoSuchParameter", "x");
		ask(&p, body, "UnknownParameter", "unknown");
		say_in(w, &w->root, "ap-shanghai", p.product, p.action, "[]");
		assert_string_equal(w->code, "InvalidParameter");
		say_in(w, &w->root, "ap-shanghai", p.product, p.action, "{\"a\":");
		assert_string_equal(w->code, "InvalidRequest");
		calls += p.calls + 2;
	}
	print_message("%zu calls were refused\n", calls);
	assert_true(calls > 1500);
	/* And nothing of all that changed anything. */
	const struct json *s = state_of(w);
	assert_int_equal(json_count(json_get(s, "users")), 0);
	assert_int_equal(json_count(json_get(s, "environments")), 0);
	assert_int_equal(json_count(json_get(s, "servers")), 0);
	assert_int_equal(json_int_or(s, "money_spent", -1), 0);
}

/* --- values out of their limits --------------------------------------------------------------------- */

static void limits_of_values(void **state)
{
	struct world *w = *state;
	static const struct { const char *code, *product, *action, *body; } rows[] = {
		{ "InvalidParameter.UserNameIllegal", "cam", "AddUser", "{'Name':''}" },
		{ "InvalidParameter.UserNameIllegal", "cam", "AddUser", "{'Name':'a b'}" },
		{ "InvalidParameter.UserNameIllegal", "cam", "AddUser", "{'Name':'m\u00fcller'}" },
		{ "InvalidParameter.ParamError", "cam", "AddUser", "{'Name':'a','ConsoleLogin':2}" },
		{ "InvalidParameter.ParamError", "cam", "CreateAccessKey", "{'Description':''}" },
		{ "InvalidParameter.ParamError", "cam", "UpdateAccessKey", "{'AccessKeyId':'a','Status':'active'}" },
		{ "InvalidParameter.ParamError", "cam", "ListPolicies", "{'Rp':201}" },
		{ "InvalidParameter.ParamError", "cam", "ListPolicies", "{'Page':0}" },
		{ "InvalidParameter.ScopeError", "cam", "ListPolicies", "{'Scope':'Mine'}" },
		{ "InvalidParameter.EntityFilterError", "cam", "ListEntitiesForPolicy", "{'PolicyId':1,'EntityFilter':'x'}" },
		{ "InvalidParameter.OperatePoliciesOverLimit", "cam", "DeletePolicy", "{'PolicyId':[]}" },
		{ "InvalidParameter", "tcb", "CreateEnv", "{'Alias':'abcdefghijklmnopqrstu','PackageId':'p','Resources':['log']}" },
		{ "InvalidParameter", "tcb", "CreateEnv", "{'Alias':'a','PackageId':'p','Resources':[]}" },
		{ "InvalidParameter", "tcb", "CreateEnv", "{'Alias':'a','PackageId':'p','Resources':['disk']}" },
		{ "InvalidParameter", "tcb", "CreateEnvResource", "{'EnvId':'a','Resources':['flexdb']}" },
		{ "InvalidParameter", "tcb", "CreateApiKey", "{'EnvId':'a','KeyType':'secret'}" },
		{ "InvalidParameter", "tcb", "DescribeEnvs", "{'Limit':101}" },
		{ "InvalidParameter", "tcb", "DescribeEnvs", "{'Offset':-1}" },
		{ "InvalidParameterValue.LimitExceeded", "lighthouse", "StartInstances", "{'InstanceIds':[]}" },
		{ "InvalidParameterValue.InstanceIdMalformed", "lighthouse", "StartInstances", "{'InstanceIds':['ins-1']}" },
		{ "InvalidParameterValue.OutOfRange", "lighthouse", "DescribeInstances", "{'Limit':0}" },
		{ "InvalidParameterValue.Negative", "lighthouse", "DescribeInstances", "{'Offset':-1}" },
		{ "InvalidParameter.InvalidFilterNotSupportedName", "lighthouse", "DescribeInstances",
			"{'Filters':[{'Name':'colour','Values':['red']}]}" },
		{ "InvalidParameter.ParameterConflict", "lighthouse", "DescribeInstances",
			"{'InstanceIds':[],'Filters':[{'Name':'zone','Values':['z']}]}" },
		{ "InvalidParameterValue.AgentUnsupportedCommandType", "tat", "RunCommand",
			"{'Content':'eA==','InstanceIds':['lhins-00000000'],'CommandType':'PERL'}" },
		{ "InvalidParameterValue.Range", "tat", "RunCommand",
			"{'Content':'eA==','InstanceIds':['lhins-00000000'],'Timeout':86401}" },
		{ "InvalidParameterValue.InvalidContent", "tat", "RunCommand", "{'Content':'?','InstanceIds':['lhins-00000000']}" },
		{ "InvalidParameterValue.InvalidFilter", "tat", "DescribeInvocations", "{'Filters':[{'Name':'x','Values':[]}]}" },
		{ "LimitExceeded.ResourceNumPerRequest", "tag", "TagResources",
			"{'ResourceList':[],'Tags':[{'TagKey':'a','TagValue':'b'}]}" },
		{ "InvalidParameterValue.ResourceDescriptionError", "tag", "TagResources",
			"{'ResourceList':['env/a'],'Tags':[{'TagKey':'a','TagValue':'b'}]}" },
		{ "InvalidParameter.PaginationTokenInvalid", "tag", "GetResources", "{'PaginationToken':'next'}" },
		{ "InvalidParameter.PaginationTokenInvalid", "cam", "ListAccounts", "{'Marker':'next'}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *body = arena_strdup(w->arena, rows[i].body);
		for (char *p = body; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		expect(w, rows[i].code, rows[i].product, rows[i].action, "%s", body);
	}
}

static void null_is_as_not_sent(void **state)
{
	struct world *w = *state;
	ok(w, "cam", "AddUser", "{\"Name\":\"a\",\"Remark\":null,\"UseApi\":null}");
	expect(w, "MissingParameter", "cam", "AddUser", "{\"Name\":null}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(tables_are_the_models),
		TEST(the_log_names_no_secret),
		TEST(every_action_refuses_what_its_model_does_not_allow),
		TEST(limits_of_values),
		TEST(null_is_as_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
