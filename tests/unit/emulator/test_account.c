/* The account as a whole: rate limits, money, business time, and what the reports show. */
#include "tests/unit/emulator/world.h"

/* --- rate limits ------------------------------------------------------------------------------ */

static struct world limited(double factor)
{
	struct world w;
	world_new(&w, (struct emulator_options){ .limits = EMULATOR_LIMITS_DOCUMENTED, .limit_factor = factor, .seed = 2 });
	return w;
}

/* How many of `calls` pass at one moment. */
static int burst(struct world *w, const struct signer *who, const char *product, const char *action, int calls)
{
	int passed = 0;
	for (int i = 0; i < calls; i++) {
		say(w, who, product, action, "{}");
		passed += !str_eq(w->code, "RequestLimitExceeded");
	}
	return passed;
}

static void documented_limits(void **state)
{
	(void)state;
	static const struct { const char *product, *action; int rate; } rows[] = {
		{ "cam", "GetUser", 20 }, { "cam", "AttachUserPolicy", 20 }, { "cam", "CreateAccessKey", 5 },
		{ "cam", "UpdateAccessKey", 5 }, { "cam", "DeleteAccessKey", 5 }, { "cam", "ListAccessKeys", 20 },
		{ "tcb", "DescribeEnvs", 100 }, { "tcb", "DescribeBillingInfo", 50 }, { "tcb", "CreateEnv", 20 },
		{ "tcb", "DestroyEnv", 20 }, { "tcb", "ModifyEnv", 50 }, { "lighthouse", "CreateInstances", 10 },
		{ "lighthouse", "StopInstances", 10 }, { "lighthouse", "TerminateInstances", 10 },
		{ "lighthouse", "IsolateInstances", 20 }, { "lighthouse", "DescribeInstances", 100 }, { "tat", "RunCommand", 20 },
		{ "tat", "DescribeAutomationAgentStatus", 60 }, { "sts", "GetCallerIdentity", 20 },
	};
	struct world w = limited(1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int passed = burst(&w, &w.root, rows[i].product, rows[i].action, rows[i].rate + 30);
		if (passed != rows[i].rate)
			fail_msg("%s: %d calls passed, not %d", rows[i].action, passed, rows[i].rate);
	}
	/* A second later the same again; half a second, half of it. */
	w.now += 1000;
	assert_int_equal(burst(&w, &w.root, "cam", "CreateAccessKey", 10), 5);
	w.now += 400;
	assert_int_equal(burst(&w, &w.root, "cam", "CreateAccessKey", 10), 2);
	world_free(&w);
}

static void limits_are_per_signer(void **state)
{
	(void)state;
	struct world w = limited(2);
	uint64_t alice = new_user(&w, "alice");
	struct signer one = new_key(&w, alice), two = new_key(&w, alice), other = new_key(&w, new_user(&w, "bob"));
	assert_int_equal(burst(&w, &w.root, "cam", "GetAccountSummary", 100), 40);
	/* Both keys of one account share; another account has its own. */
	assert_int_equal(burst(&w, &one, "sts", "GetCallerIdentity", 30), 30);
	assert_int_equal(burst(&w, &two, "sts", "GetCallerIdentity", 30), 10);
	assert_int_equal(burst(&w, &other, "sts", "GetCallerIdentity", 100), 40);
	world_free(&w);
	w = limited(0.05);
	assert_int_equal(burst(&w, &w.root, "cam", "GetAccountSummary", 10), 1);
	w.now += 1000;
	assert_int_equal(burst(&w, &w.root, "cam", "GetAccountSummary", 10), 1);
	world_free(&w);
}

/* Nothing is done by a call that was throttled, and a client that keeps to the rate never is. */
static void throttled_is_not_done(void **state)
{
	(void)state;
	struct world w = limited(1);
	uint64_t uin = new_user(&w, "a");
	for (int i = 0; i < 5; i++)
		expect(&w, i < 2 ? "OK" : "OperationDenied.AccessKeyOverLimit", "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 "}", uin);
	expect(&w, "RequestLimitExceeded", "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 "}", uin);
	for (int i = 0; i < 200; i++) {
		w.now += 200;
		expect(&w, "OperationDenied.AccessKeyOverLimit", "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 "}", uin);
	}
	world_free(&w);
}

/* --- money and business time --------------------------------------------------------------------- */

static int64_t sum(struct world *w, const char *path)
{
	return json_int_or(state_of(w), path, INT64_MIN);
}

static void prices(void **state)
{
	(void)state;
	struct world w;
	world_new(&w, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .build_ms = BUILD, .seed = 1,
		.prices = "{\"package\":{\"baas_personal\":7,\"gold\":100},\"bundle\":{\"bundle_gen_lin_2c4g\":11,\"own\":13},\"balance\":45}" });
	order_env(&w, "rc-a");
	order_server(&w, "t");
	ok(&w, "lighthouse", "CreateInstances", "{\"BundleId\":\"own\",\"BlueprintId\":\"lhbp-0pencla1\","
		"\"InstanceChargePrepaid\":{\"Period\":2}}");
	assert_int_equal(sum(&w, "money_spent"), 7 + 11 + 26);
	assert_int_equal(sum(&w, "balance"), 1);
	ok(&w, "billing", "DescribeAccountBalance", "{}");
	assert_int_equal(number_at(&w, "Balance"), 1);
	/* Not enough: nothing is built and nothing is paid. */
	expect(&w, "ResourceInsufficient", "tcb", "CreateEnv", "{\"Alias\":\"b\",\"PackageId\":\"gold\",\"Resources\":[\"flexdb\"]}");
	expect(&w, "FailedOperation.InsufficientBalance", "lighthouse", "CreateInstances", "{\"BundleId\":\"own\","
		"\"BlueprintId\":\"lhbp-0pencla1\",\"InstanceChargePrepaid\":{\"Period\":1},\"ClientToken\":\"poor\"}");
	assert_int_equal(sum(&w, "money_spent"), 44);
	assert_int_equal(json_count(json_get(state_of(&w), "orders")), 3);
	world_free(&w);
}

static void bad_prices(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "[]", "{\"package\":[]}", "{\"package\":{\"a\":\"1\"}}", "{\"bundle\":{\"a\":-1}}",
		"{\"discount\":5}", "{\"balance\":\"much\"}" };
	AUTO_SECRET struct secret *key = secret_text("k");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct emulator *em = NULL;
		struct err e;
		const struct emulator_options o = { .secret_id = "AKID", .secret_key = key, .prices = bad[i] };
		assert_int_equal(emulator_new(&o, &em, &e), ERR_INPUT);
		assert_null(em);
		assert_true(str_starts(e.text, "prices"));
	}
}

static void renewal_and_expiry(void **state)
{
	struct world *w = *state;
	ok(w, "tcb", "CreateEnv", "{\"Alias\":\"auto\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"],"
		"\"RenewFlag\":\"NOTIFY_AND_AUTO_RENEW\"}");
	ok(w, "tcb", "CreateEnv", "{\"Alias\":\"manual\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"]}");
	order_server(w, "t");
	assert_int_equal(sum(w, "money_spent"), 2 * 1990 + 6500);
	emulator_clock(w->em, 31 * DAYS);
	assert_int_equal(sum(w, "money_spent"), 3 * 1990 + 2 * 6500);
	const struct json *s = state_of(w);
	assert_string_equal(json_text(s, "environments[0].billing_status"), "NORMAL");
	assert_string_equal(json_text(s, "environments[1].billing_status"), "ISOLATE");
	assert_string_equal(json_text(s, "servers[0].state"), "RUNNING");
	assert_string_equal(json_text(s, "orders[3].kind"), "renew");
	/* Fifteen days later the isolated one is gone; a jump over several periods renews for each. */
	emulator_clock(w->em, 95 * DAYS);
	s = state_of(w);
	assert_int_equal(json_count(json_get(s, "environments")), 1);
	assert_int_equal(sum(w, "money_spent"), 6 * 1990 + 5 * 6500);
}

static void without_money_there_is_no_renewal(void **state)
{
	(void)state;
	struct world w;
	world_new(&w, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .build_ms = BUILD, .seed = 1,
		.prices = "{\"balance\":9000}" });
	ok(&w, "tcb", "CreateEnv", "{\"Alias\":\"auto\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"],"
		"\"RenewFlag\":\"NOTIFY_AND_AUTO_RENEW\"}");
	order_server(&w, "t");
	emulator_clock(w.em, 31 * DAYS);
	const struct json *s = state_of(&w);
	assert_string_equal(json_text(s, "environments[0].billing_status"), "ISOLATE");
	assert_string_equal(json_text(s, "servers[0].state"), "SHUTDOWN");
	assert_int_equal(sum(&w, "balance"), 510);
	emulator_clock(w.em, 20 * DAYS);
	s = state_of(&w);
	assert_int_equal(json_count(json_get(s, "environments")), 0);
	assert_int_equal(json_count(json_get(s, "servers")), 0);
	world_free(&w);
}

/* --- reports -------------------------------------------------------------------------------------- */

static void the_state_shows_everything_but_secrets(void **state)
{
	struct world *w = *state;
	ok(w, "cam", "AddUser", "{\"Name\":\"alice\",\"Remark\":\"mark\",\"ConsoleLogin\":1,\"Password\":\"Qwertz-1234\"}");
	uint64_t uin = (uint64_t)number_at(w, "Uin");
	struct signer key = new_key(w, uin);
	uint64_t p = new_policy(w, "p", "{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'*'}]}");
	attach(w, p, uin);
	ok(w, "cam", "PutUserPermissionsBoundary", "{\"TargetUin\":%" PRIu64 ",\"PolicyId\":%" PRIu64 "}", uin, p);
	const char *env = new_env(w, "rc-a");
	const struct json *s = state_of(w);
	assert_string_equal(json_text(s, "users[0].name"), "alice");
	assert_string_equal(json_text(s, "users[0].remark"), "mark");
	assert_true(json_bool_or(s, "users[0].console_login", false));
	assert_string_equal(json_text(s, "users[0].keys[0].id"), key.id);
	assert_string_equal(json_text(s, "users[0].keys[0].status"), "Active");
	assert_string_equal(json_text(s, "users[0].policies[0].name"), "p");
	assert_string_equal(json_text(s, "users[0].boundary.name"), "p");
	assert_string_equal(json_text(s, "environments[0].env_id"), env);
	assert_string_equal(json_text(s, "environments[0].tags.owner"), "rc-a");
	const char *text = json_print(w->arena, s), *calls = json_print(w->arena, emulator_calls(w->em, w->arena));
	const char *secrets[] = { "Qwertz-1234", secret_reveal(key.secret, NULL), secret_reveal(w->root_secret, NULL) };
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		assert_null(strstr(text, secrets[i]));
		assert_null(strstr(calls, secrets[i]));
	}
}

static void the_log_keeps_order_and_bounds(void **state)
{
	struct world *w = *state;
	uint64_t uin = new_user(w, "alice");
	struct signer key = new_key(w, uin);
	ok(w, "cam", "UpdateAccessKey", "{\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\",\"TargetUin\":%" PRIu64 "}", key.id, uin);
	expect_by(w, &key, "AuthFailure.SecretIdNotFound", "cam", "ListUsers", "{}");
	const struct json *calls = emulator_calls(w->em, w->arena);
	static const char *const order[] = { "AddUser", "CreateAccessKey", "UpdateAccessKey", "ListUsers" };
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		assert_string_equal(json_text(calls, arena_printf(w->arena, "log[%zu].action", i)), order[i]);
	assert_string_equal(json_text(calls, "log[0].subject"), "alice");
	assert_string_equal(json_text(calls, "log[0].caller"), "root");
	assert_string_equal(json_text(calls, "log[1].subject"), arena_printf(w->arena, "%" PRIu64, uin));
	assert_string_equal(json_text(calls, "log[2].subject"), key.id);
	assert_string_equal(json_text(calls, "log[2].with"), "Inactive");
	assert_string_equal(json_text(calls, "log[3].caller"), "-");
	assert_int_equal(json_int_or(calls, "actions.AddUser.OK", 0), 1);
	/* Names that a caller makes up do not fill the memory. */
	for (int i = 0; i < 25000; i++) {
		struct world scratch = *w;
		scratch.arena = arena_new(SIZE_MAX);
		say(&scratch, &w->root, "cam", arena_printf(scratch.arena, "Nonsense%d", i), "{}");
		arena_free(scratch.arena);
	}
	calls = emulator_calls(w->em, w->arena);
	assert_int_equal(json_count(json_get(calls, "log")), 20000);
	assert_int_equal(json_int_or(calls, "calls", 0), 25004);
	assert_int_equal(json_int_or(calls, "log[19999].n", 0), 25004);
	assert_true(json_count(json_get(calls, "actions")) < 1100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_limits),
		cmocka_unit_test(limits_are_per_signer),
		cmocka_unit_test(throttled_is_not_done),
		cmocka_unit_test(prices),
		cmocka_unit_test(bad_prices),
		TEST(renewal_and_expiry),
		cmocka_unit_test(without_money_there_is_no_renewal),
		TEST(the_state_shows_everything_but_secrets),
		TEST(the_log_keeps_order_and_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
