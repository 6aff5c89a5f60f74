/* tcb: environments from order to destruction, their keys, and the switches for what is not documented. */
#include "tests/unit/emulator/world.h"

static const char *status(struct world *w, const char *env)
{
	ok(w, "tcb", "DescribeEnvs", "{\"EnvId\":\"%s\"}", env);
	return number_at(w, "Total") ? text_at(w, "EnvList[0].Status") : "absent";
}

static const char *billing(struct world *w, const char *env)
{
	ok(w, "tcb", "DescribeBillingInfo", "{\"EnvId\":\"%s\"}", env);
	return number_at(w, "Total") ? text_at(w, "EnvBillingInfoList[0].Status") : "absent";
}

#define DESTROY(force) "{\"EnvId\":\"%s\",\"IsForce\":" force "}"

static void building(void **state)
{
	struct world *w = *state;
	const char *env = order_env(w, "rc-abc");
	assert_true(str_starts(env, "rc-abc-"));
	assert_int_equal(strlen(env), strlen("rc-abc-") + 16);
	assert_string_equal(status(w, env), "UNAVAILABLE");
	assert_string_equal(text_at(w, "EnvList[0].Tags[0].Value"), "rc-abc");
	assert_int_equal(json_count(json_get(w->response, "EnvList[0].Storages")), 0);
	assert_int_equal(json_count(json_get(w->response, "EnvList[0].Functions")), 0);
	assert_string_equal(billing(w, env), "");
	expect(w, "ResourceUnavailable", "tcb", "CreateEnvResource", "{\"EnvId\":\"%s\",\"Resources\":[\"log\"]}", env);
	expect(w, "ResourceUnavailable", "tcb", "DestroyEnv", DESTROY("true"), env);
	expect(w, "ResourceUnavailable", "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", env);
	/* About the build time, and not before four fifths of it. */
	w->now += BUILD * 4 / 5 - 1;
	assert_string_equal(status(w, env), "UNAVAILABLE");
	w->now += BUILD;
	assert_string_equal(status(w, env), "NORMAL");
	const char *bucket = text_at(w, "EnvList[0].Storages[0].Bucket");
	assert_non_null(strstr(bucket, env));
	assert_non_null(strstr(bucket, "-1300000001"));
	assert_string_equal(text_at(w, "EnvList[0].Storages[0].AppId"), "1300000001");
	assert_string_equal(text_at(w, "EnvList[0].Functions[0].Namespace"), env);
	assert_string_equal(text_at(w, "EnvList[0].Region"), "ap-shanghai");
	assert_string_equal(billing(w, env), "NORMAL");
}

static void log_topic(void **state)
{
	struct world *w = *state;
	const char *env = new_env(w, "rc-a");
	ok(w, "tcb", "CreateEnvResource", "{\"EnvId\":\"%s\",\"Resources\":[\"log\"]}", env);
	expect(w, "ResourceInUse.LogExist", "tcb", "CreateEnvResource", "{\"EnvId\":\"%s\",\"Resources\":[\"log\"]}", env);
	status(w, env);
	assert_int_equal(json_count(json_get(w->response, "EnvList[0].LogServices")), 0);
	w->now += 2 * (int64_t)BUILD;
	status(w, env);
	assert_int_equal(strlen(text_at(w, "EnvList[0].LogServices[0].TopicId")), 36);
	expect(w, "ResourceInUse.LogExist", "tcb", "CreateEnvResource", "{\"EnvId\":\"%s\",\"Resources\":[\"log\"]}", env);
	expect(w, "InvalidParameter", "tcb", "CreateEnvResource", "{\"EnvId\":\"no\",\"Resources\":[\"log\"]}");
}

static void orders_that_are_refused(void **state)
{
	struct world *w = *state;
	static const char *const aliases[] = { "A", "-a", "a-", "a--b", "1a", "a_b" };
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		expect(w, "InvalidParameter", "tcb", "CreateEnv",
			"{\"Alias\":\"%s\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"]}", aliases[i]);
	expect(w, "InvalidParameter", "tcb", "CreateEnv", "{\"Alias\":\"a\",\"PackageId\":\"gold\",\"Resources\":[\"flexdb\"]}");
	expect(w, "InvalidParameter", "tcb", "CreateEnv",
		"{\"Alias\":\"a\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"],\"Period\":13}");
	/* The same alias twice is two paid environments, unless the switch says otherwise. */
	const char *first = order_env(w, "rc-a"), *second = order_env(w, "rc-a");
	assert_string_not_equal(first, second);
	SCRIPT("{\"switches\":{\"alias_unique\":true,\"max_env_num\":2}}");
	expect(w, "ResourceInUse", "tcb", "CreateEnv", "{\"Alias\":\"rc-a\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"]}");
	expect(w, "ResourceInsufficient", "tcb", "CreateEnv",
		"{\"Alias\":\"rc-b\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"]}");
	assert_int_equal(json_int_or(state_of(w), "money_spent", 0), 2 * 1990);
}

static void two_steps(void **state)
{
	struct world *w = *state;
	const char *env = new_env(w, "rc-a");
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env);
	assert_string_equal(billing(w, env), "ISOLATE");
	assert_string_equal(status(w, env), "NORMAL");
	expect(w, "ResourceUnavailable", "tcb", "DestroyEnv", DESTROY("false"), env);
	SCRIPT("{\"switches\":{\"isolated_envs_listed\":false}}");
	assert_string_equal(status(w, env), "absent");
	assert_string_equal(billing(w, env), "ISOLATE");
	ok(w, "tcb", "DestroyEnv", DESTROY("true"), env);
	assert_string_equal(billing(w, env), "absent");
	expect(w, "InvalidParameter", "tcb", "DestroyEnv", DESTROY("true"), env);
	/* Force on a normal environment leaves the isolation out. */
	const char *other = new_env(w, "rc-b");
	ok(w, "tcb", "DestroyEnv", DESTROY("true"), other);
	assert_string_equal(billing(w, other), "absent");
}

static void isolation_ends(void **state)
{
	struct world *w = *state;
	const char *env = new_env(w, "rc-a");
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env);
	emulator_clock(w->em, 14 * DAYS);
	assert_string_equal(billing(w, env), "ISOLATE");
	emulator_clock(w->em, 1 * DAYS);
	assert_string_equal(billing(w, env), "absent");
	SCRIPT("{\"switches\":{\"isolation_days\":7}}");
	env = new_env(w, "rc-b");
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env);
	emulator_clock(w->em, 7 * DAYS);
	assert_string_equal(billing(w, env), "absent");
	/* A period of no days: gone with the first step. */
	SCRIPT("{\"switches\":{\"isolation_days\":0}}");
	env = new_env(w, "rc-c");
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env);
	assert_string_equal(billing(w, env), "absent");
}

static void caps_of_destruction(void **state)
{
	struct world *w = *state;
	const char *env[3];
	for (int i = 0; i < 3; i++)
		env[i] = new_env(w, arena_printf(w->arena, "rc-%c", 'a' + i));
	SCRIPT("{\"switches\":{\"max_delete_monthly\":1,\"max_delete_total\":2}}");
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env[0]);
	expect(w, "LimitExceeded", "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env[1]);
	/* The second step is not counted again. */
	ok(w, "tcb", "DestroyEnv", DESTROY("true"), env[0]);
	ok(w, "tcb", "DescribeEnvLimit", "{}");
	assert_int_equal(number_at(w, "CurrentDeleteMonthly"), 1);
	assert_int_equal(number_at(w, "MaxDeleteMonthly"), 1);
	assert_int_equal(number_at(w, "CurrentEnvNum"), 2);
	ok(w, "tcb", "RenewEnv", "{\"EnvId\":\"%s\",\"Period\":2}", env[1]);
	ok(w, "tcb", "RenewEnv", "{\"EnvId\":\"%s\",\"Period\":2}", env[2]);
	emulator_clock(w->em, 31 * DAYS);
	ok(w, "tcb", "DescribeEnvLimit", "{}");
	assert_int_equal(number_at(w, "CurrentDeleteMonthly"), 0);
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env[1]);
	emulator_clock(w->em, 31 * DAYS);
	expect(w, "LimitExceeded", "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env[2]);
}

static void api_keys(void **state)
{
	struct world *w = *state;
	const char *env = new_env(w, "rc-a");
	ok(w, "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\",\"KeyName\":\"n\",\"ExpireIn\":7200}", env);
	const char *id = arena_strdup(w->arena, text_at(w, "KeyId")), *value = arena_strdup(w->arena, text_at(w, "ApiKey"));
	assert_non_null(text_at(w, "ExpireAt"));
	expect(w, "InvalidParameterValue", "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\",\"ExpireIn\":60}", env);
	/* Shown once. */
	ok(w, "tcb", "DescribeApiKeyList", "{\"EnvId\":\"%s\"}", env);
	assert_string_equal(text_at(w, "Data[0].KeyId"), id);
	assert_string_not_equal(text_at(w, "Data[0].ApiKey"), value);
	assert_null(strstr(json_print(w->arena, state_of(w)), value));
	for (int i = 0; i < 4; i++)
		ok(w, "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", env);
	expect(w, "LimitExceeded", "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", env);
	/* There is one publishable key, and it is not a secret. */
	ok(w, "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"publish_key\"}", env);
	value = arena_strdup(w->arena, text_at(w, "ApiKey"));
	ok(w, "tcb", "CreateApiKey", "{\"EnvId\":\"%s\",\"KeyType\":\"publish_key\"}", env);
	assert_string_equal(text_at(w, "ApiKey"), value);
	ok(w, "tcb", "DescribeApiKeyList", "{\"EnvId\":\"%s\",\"KeyType\":\"publish_key\"}", env);
	assert_int_equal(number_at(w, "Total"), 1);
	assert_string_equal(text_at(w, "Data[0].ApiKey"), value);
	ok(w, "tcb", "DeleteApiKey", "{\"EnvId\":\"%s\",\"KeyId\":\"%s\"}", env, id);
	expect(w, "ResourceNotFound", "tcb", "DeleteApiKey", "{\"EnvId\":\"%s\",\"KeyId\":\"%s\"}", env, id);
	ok(w, "tcb", "DescribeApiKeyList", "{\"EnvId\":\"%s\",\"PageNumber\":2,\"PageSize\":3}", env);
	assert_int_equal(number_at(w, "Total"), 5);
	assert_int_equal(json_count(json_get(w->response, "Data")), 2);
}

static void renewal(void **state)
{
	struct world *w = *state;
	const char *env = new_env(w, "rc-a");
	int64_t before = json_int_or(state_of(w), "money_spent", 0);
	ok(w, "tcb", "RenewEnv", "{\"EnvId\":\"%s\"}", env);
	ok(w, "tcb", "RenewEnv", "{\"EnvId\":\"%s\"}", env);
	assert_int_equal(json_int_or(state_of(w), "money_spent", 0) - before, 2 * 1990);
	expect(w, "InvalidParameter.EnvId", "tcb", "RenewEnv", "{\"EnvId\":\"no\"}");
	ok(w, "tcb", "DestroyEnv", "{\"EnvId\":\"%s\"}", env);
	SCRIPT("{\"switches\":{\"renew_restores_isolated\":false}}");
	expect(w, "ResourceUnavailable", "tcb", "RenewEnv", "{\"EnvId\":\"%s\"}", env);
	SCRIPT("{}");
	ok(w, "tcb", "RenewEnv", "{\"EnvId\":\"%s\"}", env);
	assert_string_equal(billing(w, env), "NORMAL");
	emulator_clock(w->em, 16 * DAYS);
	assert_string_equal(billing(w, env), "NORMAL");
}

static void open_questions(void **state)
{
	struct world *w = *state;
	SCRIPT("{\"switches\":{\"tags_visible_delay_ms\":5000,\"bucket_without_app_id\":true,\"storage_app_id_empty\":true,"
		"\"log_topic_fails\":true}}");
	const char *env = order_env(w, "rc-a");
	w->now += 4999;
	status(w, env);
	assert_int_equal(json_count(json_get(w->response, "EnvList[0].Tags")), 0);
	w->now += 1;
	status(w, env);
	assert_int_equal(json_count(json_get(w->response, "EnvList[0].Tags")), 1);
	w->now += BUILD;
	status(w, env);
	const char *bucket = text_at(w, "EnvList[0].Storages[0].Bucket");
	assert_string_equal(bucket + strlen(bucket) - strlen(env), env);
	assert_string_equal(text_at(w, "EnvList[0].Storages[0].AppId"), "");
	ok(w, "tcb", "CreateEnvResource", "{\"EnvId\":\"%s\",\"Resources\":[\"log\"]}", env);
	w->now += 10 * BUILD;
	status(w, env);
	assert_int_equal(json_count(json_get(w->response, "EnvList[0].LogServices")), 0);
}

static void pages(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 45; i++)
		order_env(w, arena_printf(w->arena, "rc-%d", i));
	w->now += 2 * (int64_t)BUILD;
	char seen[45] = { 0 };
	for (int page = 0; page < 3; page++) {
		ok(w, "tcb", "DescribeEnvs", "{\"Offset\":%d}", page * 20);
		assert_int_equal(number_at(w, "Total"), 45);
		for (const struct json *e = json_first(json_get(w->response, "EnvList")); e; e = json_next(e))
			seen[atoi(json_text(e, "Alias") + 3)]++;
	}
	for (int i = 0; i < 45; i++)
		assert_int_equal(seen[i], 1);
	ok(w, "tcb", "DescribeEnvs", "{\"Offset\":45}");
	assert_int_equal(json_count(json_get(w->response, "EnvList")), 0);
	ok(w, "tcb", "DescribeBillingInfo", "{\"Limit\":100}");
	assert_int_equal(json_count(json_get(w->response, "EnvBillingInfoList")), 45);
	const char *first = arena_strdup(w->arena, text_at(w, "EnvBillingInfoList[0].EnvId"));
	const char *second = arena_strdup(w->arena, text_at(w, "EnvBillingInfoList[1].EnvId"));
	ok(w, "tcb", "DescribeBillingInfo", "{\"EnvIds\":[\"%s\",\"no\",\"%s\"],\"Limit\":1}", second, first);
	assert_int_equal(number_at(w, "Total"), 2);
	assert_int_equal(json_count(json_get(w->response, "EnvBillingInfoList")), 1);
	/* What official clients send and no model names. */
	ok(w, "tcb", "DescribeEnvs", "{\"EnvTypes\":[\"weda\",\"baas\"],\"IsVisible\":false,\"Channels\":[\"dcloud\"]}");
}

static void the_rest(void **state)
{
	struct world *w = *state;
	const char *env = new_env(w, "rc-a");
	ok(w, "tcb", "ModifyEnv", "{\"EnvId\":\"%s\",\"Alias\":\"new-name\"}", env);
	status(w, env);
	assert_string_equal(text_at(w, "EnvList[0].Alias"), "new-name");
	expect(w, "InvalidParameter", "tcb", "ModifyEnv", "{\"EnvId\":\"%s\",\"Alias\":\"-\"}", env);
	ok(w, "tcb", "CheckTcbService", "{}");
	assert_true(json_bool_or(w->response, "Initialized", false));
	ok(w, "tcb", "DescribeBaasPackageList", "{}");
	assert_int_equal(json_count(json_get(w->response, "PackageList")), 0);
	ok(w, "tcb", "DescribeBaasPackageList", "{\"Source\":\"qcloud\"}");
	assert_true(json_count(json_get(w->response, "PackageList")) > 3);
	ok(w, "tcb", "DescribeEnvInfo", "{\"EnvId\":\"%s\"}", env);
	assert_string_equal(text_at(w, "EnvInfo.EnvBaseInfo.EnvId"), env);
	ok(w, "tag", "TagResources", "{\"ResourceList\":[\"qcs::tcb:ap-shanghai:uin/%" PRIu64 ":env/%s\",\"qcs::cvm:::x\"],"
		"\"Tags\":[{\"TagKey\":\"k\",\"TagValue\":\"v\"},{\"TagKey\":\"owner\",\"TagValue\":\"other\"}]}", w->owner, env);
	assert_int_equal(json_count(json_get(w->response, "FailedResources")), 1);
	ok(w, "tag", "GetResources", "{\"TagFilters\":[{\"TagKey\":\"k\",\"TagValue\":[\"u\",\"v\"]},{\"TagKey\":\"owner\"}]}");
	assert_int_equal(json_count(json_get(w->response, "ResourceTagMappingList")), 1);
	ok(w, "tag", "GetResources", "{\"TagFilters\":[{\"TagKey\":\"owner\",\"TagValue\":[\"rc-a\"]}]}");
	assert_int_equal(json_count(json_get(w->response, "ResourceTagMappingList")), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(building),
		TEST(log_topic),
		TEST(orders_that_are_refused),
		TEST(two_steps),
		TEST(isolation_ends),
		TEST(caps_of_destruction),
		TEST(api_keys),
		TEST(renewal),
		TEST(open_questions),
		TEST(pages),
		TEST(the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
