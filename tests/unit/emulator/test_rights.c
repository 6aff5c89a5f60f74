/* What a sub-account may do: his policies, boundary and barrier, and when a change of them counts. */
#include "tests/unit/emulator/world.h"

#define ALL "{'version':'2.0','statement':[{'effect':'allow','action':'*','resource':'*'}]}"
#define NOTHING "{'version':'2.0','statement':[{'effect':'deny','action':'*','resource':'*'}]}"
#define NO_CAM "{'version':'2.0','statement':[{'effect':'allow','action':'*','resource':'*'}," \
	"{'effect':'deny','action':'cam:*','resource':'*'}]}"
#define REFUSED "AuthFailure.UnauthorizedOperation"

static uint64_t own_env_policy(struct world *w, const char *name, const char *env)
{
	return new_policy(w, name, arena_printf(w->arena, "{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*',"
		"'resource':'qcs::tcb:ap-shanghai:uin/%" PRIu64 ":env/%s'}]}", w->owner, env));
}

static void bound(struct world *w, uint64_t policy, uint64_t uin)
{
	ok(w, "cam", "PutUserPermissionsBoundary", "{\"TargetUin\":%" PRIu64 ",\"PolicyId\":%" PRIu64 "}", uin, policy);
}

static void detach(struct world *w, uint64_t policy, uint64_t uin)
{
	ok(w, "cam", "DetachUserPolicy", "{\"PolicyId\":%" PRIu64 ",\"DetachUin\":%" PRIu64 "}", policy, uin);
}

static void nothing_without_a_policy(void **state)
{
	struct world *w = *state;
	static const struct { const char *code, *product, *action, *body; } rows[] = {
		{ REFUSED, "cam", "ListUsers", "{}" },
		{ REFUSED, "cam", "CreateAccessKey", "{}" },
		{ REFUSED, "tcb", "DescribeEnvs", "{}" },
		{ REFUSED, "tcb", "CheckTcbService", "{}" },
		{ REFUSED, "tcb", "DestroyEnv", "{\"EnvId\":\"a\"}" },
		{ "UnauthorizedOperation.NoPermission", "lighthouse", "DescribeInstances", "{}" },
		{ "UnauthorizedOperation.NoPermission", "lighthouse", "StopInstances", "{\"InstanceIds\":[\"lhins-00000000\"]}" },
		{ "UnauthorizedOperation.NoPermission", "lighthouse", "CreateInstances", "{\"BundleId\":\"b\",\"BlueprintId\":\"b\","
			"\"InstanceChargePrepaid\":{\"Period\":1}}" },
		{ "UnauthorizedOperation.CamAuthFailed", "tat", "DescribeInvocations", "{}" },
		{ "UnauthorizedOperation.CamAuthFailed", "tat", "RunCommand", "{\"Content\":\"eA==\",\"InstanceIds\":[\"lhins-00000000\"]}" },
		{ REFUSED, "tag", "GetResources", "{}" },
		{ REFUSED, "billing", "DescribeAccountBalance", "{}" },
		{ "OK", "sts", "GetCallerIdentity", "{}" },
	};
	struct signer key = new_key(w, new_user(w, "alice"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_by(w, &key, rows[i].code, rows[i].product, rows[i].action, "%s", rows[i].body);
	/* Parameters are judged before rights: an unknown one says so to anybody. */
	expect_by(w, &key, "UnknownParameter", "cam", "ListUsers", "{\"X\":1}");
}

static void his_own_environment_only(void **state)
{
	struct world *w = *state;
	uint64_t alice = new_user(w, "alice");
	const char *own = new_env(w, "rc-own"), *foreign = new_env(w, "rc-foreign");
	attach(w, own_env_policy(w, "own", own), alice);
	struct signer key = new_key(w, alice);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	assert_int_equal(number_at(w, "Total"), 1);
	assert_string_equal(text_at(w, "EnvList[0].EnvId"), own);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{\"EnvId\":\"%s\"}", own);
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvs", "{\"EnvId\":\"%s\"}", foreign);
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvs", "{\"EnvId\":\"no-such\"}");
	expect_by(w, &key, "OK", "tcb", "DescribeEnvInfo", "{\"EnvId\":\"%s\"}", own);
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvInfo", "{\"EnvId\":\"%s\"}", foreign);
	expect_by(w, &key, "OK", "tcb", "DescribeApiKeyList", "{\"EnvId\":\"%s\"}", own);
	expect_by(w, &key, REFUSED, "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", foreign);
	/* An operation-level action is not reached by "tcb:*" on one environment. */
	expect_by(w, &key, REFUSED, "tcb", "CreateEnv", "{\"Alias\":\"b\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"]}");
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvLimit", "{}");
	/* The administrator sees both. */
	ok(w, "tcb", "DescribeEnvs", "{}");
	assert_int_equal(number_at(w, "Total"), 2);
}

static void by_tag(void **state)
{
	struct world *w = *state;
	uint64_t alice = new_user(w, "alice");
	new_env(w, "rc-a");
	const char *b = new_env(w, "rc-b");
	attach(w, new_policy(w, "tagged", "{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'*',"
		"'condition':{'for_any_value:string_equal':{'qcs:resource_tag':'owner&rc-b'}}}]}"), alice);
	struct signer key = new_key(w, alice);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	assert_int_equal(number_at(w, "Total"), 1);
	assert_string_equal(text_at(w, "EnvList[0].EnvId"), b);
}

static void servers(void **state)
{
	struct world *w = *state;
	uint64_t alice = new_user(w, "alice");
	const char *own = new_server(w, "one"), *other = new_server(w, "two");
	attach(w, new_policy(w, "server", arena_printf(w->arena, "{'version':'2.0','statement':[{'effect':'allow','action':"
		"['lighthouse:*','tat:*'],'resource':'qcs::lighthouse:ap-shanghai:uin/%" PRIu64 ":instance/%s'}]}", w->owner, own)), alice);
	struct signer key = new_key(w, alice);
	expect_by(w, &key, "OK", "lighthouse", "DescribeInstances", "{}");
	assert_int_equal(number_at(w, "TotalCount"), 1);
	expect_by(w, &key, "UnauthorizedOperation.NoPermission", "lighthouse", "StopInstances", "{\"InstanceIds\":[\"%s\",\"%s\"]}",
		own, other);
	expect_by(w, &key, "UnauthorizedOperation.CamAuthFailed", "tat", "RunCommand", "{\"Content\":\"eA==\",\"InstanceIds\":[\"%s\"]}",
		other);
	expect_by(w, &key, "OK", "tat", "RunCommand", "{\"Content\":\"eA==\",\"InstanceIds\":[\"%s\"]}", own);
	expect_by(w, &key, "OK", "lighthouse", "StopInstances", "{\"InstanceIds\":[\"%s\"]}", own);
	expect_by(w, &key, "UnauthorizedOperation.NoPermission", "lighthouse", "DescribeBundles", "{}");
}

static void boundary_and_barrier(void **state)
{
	struct world *w = *state;
	uint64_t alice = new_user(w, "alice"), all = new_policy(w, "all", ALL), barrier = new_policy(w, "barrier", NOTHING);
	struct signer key = new_key(w, alice);
	attach(w, all, alice);
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	bound(w, new_policy(w, "limit", NO_CAM), alice);
	expect_by(w, &key, REFUSED, "cam", "ListUsers", "{}");
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	attach(w, barrier, alice);
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvs", "{}");
	expect_by(w, &key, "UnauthorizedOperation.NoPermission", "lighthouse", "DescribeInstances", "{}");
	detach(w, barrier, alice);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	ok(w, "cam", "DeleteUserPermissionsBoundary", "{\"TargetUin\":%" PRIu64 "}", alice);
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	ok(w, "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 "]}", all);
	expect_by(w, &key, REFUSED, "cam", "ListUsers", "{}");
}

/* With a policy cache of a minute every change of rights counts a minute later; a key's own state at once. */
static void the_policy_cache(void **state)
{
	(void)state;
	struct world slow;
	world_new(&slow, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .policy_cache_ms = 60000, .seed = 3 });
	struct world *w = &slow;
	uint64_t alice = new_user(w, "alice"), all = new_policy(w, "all", ALL), barrier = new_policy(w, "barrier", NOTHING);
	struct signer key = new_key(w, alice);
	attach(w, all, alice);
	w->now += 59999;
	expect_by(w, &key, REFUSED, "cam", "ListUsers", "{}");
	w->now += 1;
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	attach(w, barrier, alice);
	w->now += 59999;
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	w->now += 1;
	expect_by(w, &key, REFUSED, "cam", "ListUsers", "{}");
	detach(w, barrier, alice);
	expect_by(w, &key, REFUSED, "cam", "ListUsers", "{}");
	w->now += 60000;
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	/* A document that was changed, a boundary, a policy that was deleted. */
	ok(w, "cam", "UpdatePolicy", "{\"PolicyId\":%" PRIu64 ",\"PolicyDocument\":\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":"
		"[{\\\"effect\\\":\\\"allow\\\",\\\"action\\\":\\\"tcb:*\\\",\\\"resource\\\":\\\"*\\\"}]}\"}", all);
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	w->now += 60000;
	expect_by(w, &key, REFUSED, "cam", "ListUsers", "{}");
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	bound(w, barrier, alice);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	w->now += 60000;
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvs", "{}");
	ok(w, "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 "]}", barrier);
	expect_by(w, &key, REFUSED, "tcb", "DescribeEnvs", "{}");
	w->now += 60000;
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	/* Listings show the new state all the while. */
	ok(w, "cam", "ListAttachedUserPolicies", "{\"TargetUin\":%" PRIu64 "}", alice);
	assert_int_equal(number_at(w, "TotalNum"), 1);
	/* Business time does not hurry the cache. */
	detach(w, all, alice);
	emulator_clock(w->em, 10 * DAYS);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	world_free(w);
}

/* Attached, detached and attached again within the cache's minute, many times: what counts is what was. */
static void changes_within_the_cache(void **state)
{
	(void)state;
	struct world slow;
	world_new(&slow, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .policy_cache_ms = 60000, .seed = 3 });
	struct world *w = &slow;
	uint64_t alice = new_user(w, "alice"), all = new_policy(w, "all", ALL);
	struct signer key = new_key(w, alice);
	int64_t start = w->now;
	for (int i = 0; i < 40; i++, w->now += 1000) {
		if (i % 2)
			detach(w, all, alice);
		else
			attach(w, all, alice);
	}
	/* Attached from 0 to 1 s, from 2 to 3 s, ... */
	for (int i = 0; i < 40; i++) {
		w->now = start + 60000 + i * 1000 + 500;
		expect_by(w, &key, i % 2 ? REFUSED : "OK", "cam", "ListUsers", "{}");
	}
	world_free(w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(nothing_without_a_policy),
		TEST(his_own_environment_only),
		TEST(by_tag),
		TEST(servers),
		TEST(boundary_and_barrier),
		cmocka_unit_test(the_policy_cache),
		cmocka_unit_test(changes_within_the_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
