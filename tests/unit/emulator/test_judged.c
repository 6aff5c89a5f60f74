/* Every call of a sub-account is judged by the evaluator, with barrier and boundary: for all actions of the tables. */
#include "tests/unit/emulator/models.h"

#define ALL "{'version':'2.0','statement':[{'effect':'allow','action':'*','resource':'*'}]}"
#define NOTHING "{'version':'2.0','statement':[{'effect':'deny','action':'*','resource':'*'}]}"

/* --- bodies that pass the parameter tables ---------------------------------------------------- */

static struct json *body_of(struct arena *a, const struct param *rows, size_t count);

static const char *fitting_text(struct arena *a, const struct param *p)
{
	if (p->choices)
		return arena_strndup(a, p->choices, strcspn(p->choices, "|"));
	char *text = arena_alloc(a, (size_t)p->min + 2);
	memset(text, 'x', p->min > 0 ? (size_t)p->min : 1);
	return text;
}

static void put_fitting(struct arena *a, struct json *o, const struct param *p)
{
	struct json *list = json_array(a);
	struct param item = { .choices = p->choices };
	switch (p->type) {
	case P_TEXT: json_put_text(o, p->name, fitting_text(a, p)); return;
	case P_INT: json_put_int(o, p->name, p->min > 1 ? p->min : 1); return;
	case P_BOOL: json_put_bool(o, p->name, true); return;
	case P_OBJECT: json_put(o, p->name, body_of(a, p->inner, p->inner_count)); return;
	case P_TEXTS: json_push_text(list, fitting_text(a, &item)); break;
	case P_INTS: json_push_uint(list, 1); break;
	case P_OBJECTS: json_push(list, body_of(a, p->inner, p->inner_count)); break;
	}
	json_put(o, p->name, list);
}

static struct json *body_of(struct arena *a, const struct param *rows, size_t count)
{
	struct json *o = json_object(a);
	for (size_t i = 0; i < count; i++)
		if (rows[i].flags & P_REQUIRED)
			put_fitting(a, o, &rows[i]);
	return o;
}

/* --- who may what --------------------------------------------------------------------------------- */

enum { OWN = 1, BARRIER = 2, BOUND_ALL = 4, BOUND_NOTHING = 8 };
struct people { uint64_t all, nothing; struct signer who[16]; };

static void rights(struct world *w, struct people *p, unsigned how)
{
	uint64_t uin = new_user(w, arena_printf(w->arena, "user-%u", how));
	if (how & OWN)
		attach(w, p->all, uin);
	if (how & BARRIER)
		attach(w, p->nothing, uin);
	if (how & (BOUND_ALL | BOUND_NOTHING))
		ok(w, "cam", "PutUserPermissionsBoundary", "{\"TargetUin\":%" PRIu64 ",\"PolicyId\":%" PRIu64 "}", uin,
			how & BOUND_ALL ? p->all : p->nothing);
	p->who[how] = new_key(w, uin);
}

static const char *answer(struct world *w, const struct signer *who, const struct action_slot *slot)
{
	const char *body = json_print(w->arena, body_of(w->arena, slot->row->params, slot->row->param_count));
	say_in(w, who, "ap-shanghai", slot->service->name, slot->row->name, body);
	return w->code;
}

static void every_action_is_judged(void **state)
{
	struct world *w = *state;
	static const struct { unsigned how; bool may; } rows[] = {
		{ 0, false }, { BOUND_ALL, false }, { OWN | BARRIER, false }, { OWN | BOUND_NOTHING, false },
		{ OWN | BARRIER | BOUND_ALL, false }, { OWN, true }, { OWN | BOUND_ALL, true },
	};
	struct people p = { .all = new_policy(w, "all", ALL), .nothing = new_policy(w, "nothing", NOTHING) };
	size_t judged = 0;
	for (size_t r = 0; r < ARRAY_LEN(rows); r++)
		rights(w, &p, rows[r].how);
	for (size_t i = 0; i < w->em->action_count; i++) {
		const struct action_slot *slot = &w->em->slots[i];
		/* The documented exception: whoever has a key may ask whose it is. */
		if (str_eq(slot->row->name, "GetCallerIdentity")) {
			for (size_t r = 0; r < ARRAY_LEN(rows); r++)
				assert_string_equal(answer(w, &p.who[rows[r].how], slot), "OK");
			continue;
		}
		assert_int_not_equal(slot->row->scope, SCOPE_NONE);
		judged++;
		for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
			const char *code = answer(w, &p.who[rows[r].how], slot);
			if (str_eq(code, slot->service->refused) == rows[r].may)
				fail_msg("%s, rights %u: %s", slot->row->name, rows[r].how, code);
		}
	}
	assert_int_equal(judged, w->em->action_count - 1);
	print_message("%zu actions were judged\n", judged);
}

/* --- listings ---------------------------------------------------------------------------------------- */

static struct signer with_policy(struct world *w, const char *name, const char *document)
{
	uint64_t uin = new_user(w, name);
	attach(w, new_policy(w, name, document), uin);
	return new_key(w, uin);
}

/* What is listed with a policy on one of three environments, and on one of two servers. */
static void listings_hold_what_the_policy_allows(void **state)
{
	struct world *w = *state;
	static const struct { const char *action, *ids, *total; } rows[] = {
		{ "DescribeEnvs", "EnvList[0].EnvId", "Total" },
		{ "DescribeBillingInfo", "EnvBillingInfoList[0].EnvId", "Total" },
	};
	new_env(w, "rc-a");
	const char *own = new_env(w, "rc-b"), *foreign = new_env(w, "rc-c");
	struct signer key = with_policy(w, "one", arena_printf(w->arena, "{'version':'2.0','statement':[{'effect':'allow',"
		"'action':'tcb:*','resource':'qcs::tcb:ap-shanghai:uin/%" PRIu64 ":env/%s'}]}", w->owner, own));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		expect_by(w, &key, "OK", "tcb", rows[i].action, "{}");
		assert_int_equal(number_at(w, rows[i].total), 1);
		assert_string_equal(text_at(w, rows[i].ids), own);
		expect_by(w, &key, "OK", "tcb", rows[i].action, "{\"EnvId\":\"%s\"}", own);
		expect_by(w, &key, "AuthFailure.UnauthorizedOperation", "tcb", rows[i].action, "{\"EnvId\":\"%s\"}", foreign);
		ok(w, "tcb", rows[i].action, "{}");
		assert_int_equal(number_at(w, rows[i].total), 3);
	}
	expect_by(w, &key, "OK", "tcb", "DescribeBillingInfo", "{\"EnvIds\":[\"%s\",\"%s\"]}", own, foreign);
	assert_int_equal(number_at(w, "Total"), 1);
	const char *server = new_server(w, "one"), *other = new_server(w, "two");
	key = with_policy(w, "server", arena_printf(w->arena, "{'version':'2.0','statement':[{'effect':'allow','action':"
		"'lighthouse:*','resource':'qcs::lighthouse:ap-shanghai:uin/%" PRIu64 ":instance/%s'}]}", w->owner, server));
	expect_by(w, &key, "OK", "lighthouse", "DescribeInstances", "{\"InstanceIds\":[\"%s\",\"%s\"]}", server, other);
	assert_int_equal(number_at(w, "TotalCount"), 1);
	assert_string_equal(text_at(w, "InstanceSet[0].InstanceId"), server);
}

/* --- parts of an environment that official clients ask for -------------------------------------------- */

static void parts(void **state)
{
	struct world *w = *state;
	static const struct { const char *action, *code, *list; int count; } rows[] = {
		{ "DescribeEnvInfo", "OK", "EnvInfo.EnvBaseInfo.Storages", 1 },
		{ "DescribeAuthDomains", "OK", "Domains", 2 },
		{ "DescribeStaticStore", "OK", "Data", 0 },
		{ "ListFunctions", "OK", "Functions", 0 },
		{ "DescribeMySQLClusterDetail", "ResourceNotFound", NULL, 0 },
	};
	const char *own = new_env(w, "rc-a"), *foreign = new_env(w, "rc-b");
	struct signer key = with_policy(w, "one", arena_printf(w->arena, "{'version':'2.0','statement':[{'effect':'allow',"
		"'action':'tcb:*','resource':'qcs::tcb:ap-shanghai:uin/%" PRIu64 ":env/%s'}]}", w->owner, own));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		expect_by(w, &key, rows[i].code, "tcb", rows[i].action, "{\"EnvId\":\"%s\"}", own);
		if (rows[i].list)
			assert_int_equal(json_count(json_get(w->response, rows[i].list)), rows[i].count);
		expect_by(w, &key, "AuthFailure.UnauthorizedOperation", "tcb", rows[i].action, "{\"EnvId\":\"%s\"}", foreign);
		expect_by(w, &key, "MissingParameter", "tcb", rows[i].action, "{}");
		expect_by(w, &key, "UnknownParameter", "tcb", rows[i].action, "{\"EnvId\":\"%s\",\"X\":1}", own);
		say(w, &w->root, "tcb", rows[i].action, "{\"EnvId\":\"no-such\"}");
		assert_true(str_starts(w->code, "InvalidParameter"));
	}
	ok(w, "tcb", "DescribeAuthDomains", "{\"EnvId\":\"%s\"}", own);
	assert_string_equal(text_at(w, "Domains[1].Type"), "SYSTEM");
	expect(w, "InvalidParameter", "tcb", "ListFunctions", "{\"EnvId\":\"%s\",\"Order\":\"UP\"}", own);
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", own);
	expect(w, "ResourceUnavailable", "tcb", "DescribeAuthDomains", "{\"EnvId\":\"%s\"}", own);
}

/* --- the policy cache is as long as was said -------------------------------------------------------------- */

static void cache_of(int64_t ms)
{
	struct world world, *w = &world;
	world_new(w, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .policy_cache_ms = ms, .seed = 3 });
	uint64_t uin = new_user(w, "alice"), all = new_policy(w, "all", ALL);
	struct signer key = new_key(w, uin);
	w->now += ms;
	attach(w, all, uin);
	if (ms) {
		w->now += ms - 1;
		expect_by(w, &key, "AuthFailure.UnauthorizedOperation", "cam", "ListUsers", "{}");
		w->now += 1;
	}
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	ok(w, "cam", "UpdateAccessKey", "{\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\",\"TargetUin\":%" PRIu64 "}", key.id, uin);
	expect_by(w, &key, "AuthFailure.SecretIdNotFound", "cam", "ListUsers", "{}");
	world_free(w);
}

static void the_cache_is_as_long_as_was_said(void **state)
{
	static const int64_t lengths[] = { 0, 1, 1500, 60000, 3600000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		cache_of(lengths[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(every_action_is_judged),
		TEST(listings_hold_what_the_policy_allows),
		TEST(parts),
		cmocka_unit_test(the_cache_is_as_long_as_was_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
