/* lighthouse: servers from purchase to termination, and what is refused in which state. */
#include "tests/unit/emulator/world.h"

#define IDS "{\"InstanceIds\":[\"%s\"]}"
#define BUY(more) "{\"BundleId\":\"bundle_gen_lin_2c4g\",\"BlueprintId\":\"lhbp-0pencla1\",\"InstanceChargePrepaid\":{\"Period\":1}" more "}"

static const char *instance_state(struct world *w, const char *id)
{
	ok(w, "lighthouse", "DescribeInstances", IDS, id);
	return number_at(w, "TotalCount") ? text_at(w, "InstanceSet[0].InstanceState") : "absent";
}

static void change(struct world *w, const char *action, const char *id, const char *code)
{
	expect(w, code, "lighthouse", action, IDS, id);
}

static void life(struct world *w, const char *id)
{
	change(w, "StopInstances", id, "OK");
	assert_string_equal(instance_state(w, id), "STOPPING");
	assert_string_equal(text_at(w, "InstanceSet[0].LatestOperationState"), "OPERATING");
	change(w, "StartInstances", id, "UnsupportedOperation.LatestOperationUnfinished");
	w->now += BUILD;
	assert_string_equal(instance_state(w, id), "STOPPED");
	change(w, "StopInstances", id, "UnsupportedOperation.InvalidInstanceState");
	change(w, "TerminateInstances", id, "UnsupportedOperation.InvalidInstanceState");
	change(w, "StartInstances", id, "OK");
	assert_string_equal(instance_state(w, id), "STARTING");
	w->now += BUILD;
	assert_string_equal(instance_state(w, id), "RUNNING");
	change(w, "IsolateInstances", id, "OK");
	w->now += BUILD;
	assert_string_equal(instance_state(w, id), "SHUTDOWN");
	assert_true(json_has(w->response, "InstanceSet[0].IsolatedTime"));
	change(w, "IsolateInstances", id, "UnsupportedOperation.InvalidInstanceState");
	change(w, "StartInstances", id, "UnsupportedOperation.InvalidInstanceState");
	expect(w, "UnsupportedOperation.InvalidInstanceState", "lighthouse", "ModifyInstancesRenewFlag",
		"{\"InstanceIds\":[\"%s\"],\"RenewFlag\":\"NOTIFY_AND_AUTO_RENEW\"}", id);
	change(w, "TerminateInstances", id, "OK");
	assert_string_equal(instance_state(w, id), "TERMINATING");
	w->now += BUILD;
	assert_string_equal(instance_state(w, id), "absent");
	change(w, "TerminateInstances", id, "ResourceNotFound.InstanceIdNotFound");
}

static void from_purchase_to_termination(void **state)
{
	struct world *w = *state;
	const char *id = order_server(w, "t1");
	assert_int_equal(strlen(id), strlen("lhins-") + 8);
	assert_string_equal(instance_state(w, id), "PENDING");
	assert_int_equal(json_count(json_get(w->response, "InstanceSet[0].PublicAddresses")), 0);
	change(w, "StopInstances", id, "OperationDenied.InstanceCreating");
	w->now += 2 * (int64_t)BUILD;
	assert_string_equal(instance_state(w, id), "RUNNING");
	assert_string_equal(text_at(w, "InstanceSet[0].LatestOperationState"), "SUCCESS");
	assert_string_equal(text_at(w, "InstanceSet[0].RenewFlag"), "NOTIFY_AND_AUTO_RENEW");
	assert_string_equal(text_at(w, "InstanceSet[0].Tags[0].Value"), "t1");
	assert_true(str_starts(text_at(w, "InstanceSet[0].PublicAddresses[0]"), "43.136."));
	life(w, id);
}

static void client_tokens(void **state)
{
	struct world *w = *state;
	const char *first = order_server(w, "t1");
	assert_string_equal(order_server(w, "t1"), first);
	assert_string_not_equal(order_server(w, "t2"), first);
	assert_int_equal(json_int_or(state_of(w), "money_spent", 0), 2 * 6500);
	/* Several at once answer with the same list. */
	ok(w, "lighthouse", "CreateInstances", BUY(",\"InstanceCount\":3,\"ClientToken\":\"t3\""));
	const char *list = json_print(w->arena, json_get(w->response, "InstanceIdSet"));
	ok(w, "lighthouse", "CreateInstances", BUY(",\"InstanceCount\":3,\"ClientToken\":\"t3\""));
	assert_string_equal(json_print(w->arena, json_get(w->response, "InstanceIdSet")), list);
	/* Without a token every call buys. */
	ok(w, "lighthouse", "CreateInstances", BUY(""));
	ok(w, "lighthouse", "CreateInstances", BUY(""));
	assert_int_equal(json_count(json_get(state_of(w), "servers")), 7);
	/* How long a token is remembered is not documented. */
	SCRIPT("{\"switches\":{\"client_token_life_ms\":60000}}");
	w->now += 60000;
	assert_string_equal(order_server(w, "t1"), first);
	w->now += 1;
	assert_string_not_equal(order_server(w, "t1"), first);
	expect(w, "InvalidParameterValue.ClientTokenTooLong", "lighthouse", "CreateInstances", BUY(",\"ClientToken\":\"%s\""),
		"01234567890123456789012345678901234567890123456789012345678901234");
}

static void a_refused_order_leaves_no_token(void **state)
{
	struct world *w = *state;
	expect(w, "ResourcesSoldOut.BundleSoldOut", "lighthouse", "CreateInstances", "{\"BundleId\":\"bundle_gen_lin_16c32g\","
		"\"BlueprintId\":\"lhbp-0pencla1\",\"InstanceChargePrepaid\":{\"Period\":1},\"ClientToken\":\"t1\"}");
	order_server(w, "t1");
	ok(w, "lighthouse", "CreateInstances", BUY(",\"DryRun\":true,\"ClientToken\":\"dry\""));
	assert_false(json_has(w->response, "InstanceIdSet"));
	assert_int_equal(json_count(json_get(state_of(w), "servers")), 1);
}

static void orders_that_are_refused(void **state)
{
	struct world *w = *state;
	static const struct { const char *code, *bundle, *blueprint, *more; } rows[] = {
		{ "InvalidParameter.BundleIdNotFound", "bundle_x", "lhbp-0pencla1", "" },
		{ "InvalidParameterValue.BlueprintIdMalformed", "bundle_gen_lin_2c4g", "img-1", "" },
		{ "ResourceNotFound.BlueprintIdNotFound", "bundle_gen_lin_2c4g", "lhbp-00000000", "" },
		{ "InvalidParameterValue.BundleAndBlueprintNotMatch", "bundle_gen_lin_2c2g", "lhbp-0pencla1", "" },
		{ "InvalidParameterValue.InvalidPassword", "bundle_gen_lin_2c4g", "lhbp-0pencla1",
			",\"LoginConfiguration\":{\"Password\":\"short\"}" },
		{ "InvalidParameterValue.InstanceNameTooLong", "bundle_gen_lin_2c4g", "lhbp-0pencla1",
			",\"InstanceName\":\"0123456789012345678901234567890123456789012345678901234567890\"" },
		{ "InvalidParameterValue.OutOfRange", "bundle_gen_lin_2c4g", "lhbp-0pencla1", ",\"InstanceCount\":31" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(w, rows[i].code, "lighthouse", "CreateInstances", "{\"BundleId\":\"%s\",\"BlueprintId\":\"%s\","
			"\"InstanceChargePrepaid\":{\"Period\":1}%s}", rows[i].bundle, rows[i].blueprint, rows[i].more);
	expect(w, "InvalidParameterValue.OutOfRange", "lighthouse", "CreateInstances", "{\"BundleId\":\"bundle_gen_lin_2c4g\","
		"\"BlueprintId\":\"lhbp-0pencla1\",\"InstanceChargePrepaid\":{\"Period\":13}}");
	SCRIPT("{\"switches\":{\"max_servers\":0}}");
	expect(w, "LimitExceeded.InstanceQuotaLimitExceeded", "lighthouse", "CreateInstances", BUY(""));
}

static void refunds(void **state)
{
	struct world *w = *state;
	const char *id = new_server(w, "t1");
	ok(w, "lighthouse", "DescribeInstancesReturnable", IDS, id);
	assert_true(json_bool_or(w->response, "InstanceReturnableSet[0].IsReturnable", false));
	emulator_clock(w->em, 5 * DAYS + 1000);
	ok(w, "lighthouse", "DescribeInstancesReturnable", IDS, id);
	assert_int_equal(number_at(w, "InstanceReturnableSet[0].ReturnFailCode"), 3);
	change(w, "IsolateInstances", id, "UnsupportedOperation.ResourceNotReturnable");
	ok(w, "lighthouse", "DescribeInstancesDeniedActions", IDS, id);
	assert_non_null(strstr(w->reply.body, "ResourceNotReturnable"));
	SCRIPT("{\"switches\":{\"refund_days\":0}}");
	change(w, "IsolateInstances", new_server(w, "t2"), "UnsupportedOperation.ResourceNotReturnable");
	SCRIPT("{\"switches\":{\"refund_days\":-1}}");
	int64_t before = json_int_or(state_of(w), "balance", 0);
	change(w, "IsolateInstances", id, "OK");
	/* A part of what was paid comes back, and it is not counted as less spent. */
	int64_t back = json_int_or(state_of(w), "balance", 0) - before;
	assert_true(back > 6500 * 24 / 30 && back < 6500 * 26 / 30);
	assert_int_equal(json_int_or(state_of(w), "money_spent", 0), 2 * 6500);
	assert_int_equal(json_int_or(state_of(w), "money_refunded", 0), back);
}

static void all_or_none(void **state)
{
	struct world *w = *state;
	const char *a = new_server(w, "a"), *b = new_server(w, "b");
	expect(w, "ResourceNotFound.InstanceIdNotFound", "lighthouse", "StopInstances",
		"{\"InstanceIds\":[\"%s\",\"lhins-00000000\"]}", a);
	expect(w, "InvalidParameterValue.Duplicated", "lighthouse", "StopInstances", "{\"InstanceIds\":[\"%s\",\"%s\"]}", a, a);
	assert_string_equal(instance_state(w, a), "RUNNING");
	ok(w, "lighthouse", "StopInstances", "{\"InstanceIds\":[\"%s\",\"%s\"]}", a, b);
	assert_string_equal(instance_state(w, b), "STOPPING");
	/* Servers of another region are not there. */
	say_in(w, &w->root, "ap-beijing", "lighthouse", "StartInstances", arena_printf(w->arena, IDS, a));
	assert_string_equal(w->code, "ResourceNotFound.InstanceIdNotFound");
	say_in(w, &w->root, "ap-beijing", "lighthouse", "DescribeInstances", "{}");
	assert_int_equal(number_at(w, "TotalCount"), 0);
}

static void listings(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 25; i++)
		order_server(w, arena_printf(w->arena, "s%d", i));
	w->now += 2 * (int64_t)BUILD;
	ok(w, "lighthouse", "DescribeInstances", "{}");
	assert_int_equal(number_at(w, "TotalCount"), 25);
	assert_int_equal(json_count(json_get(w->response, "InstanceSet")), 20);
	assert_string_equal(text_at(w, "InstanceSet[0].InstanceName"), "s24");
	ok(w, "lighthouse", "DescribeInstances", "{\"Offset\":20,\"Limit\":100}");
	assert_int_equal(json_count(json_get(w->response, "InstanceSet")), 5);
	ok(w, "lighthouse", "DescribeInstances", "{\"Filters\":[{\"Name\":\"tag:owner\",\"Values\":[\"s3\",\"s4\"]},"
		"{\"Name\":\"instance-state\",\"Values\":[\"RUNNING\"]}]}");
	assert_int_equal(number_at(w, "TotalCount"), 2);
	ok(w, "lighthouse", "DescribeInstances", "{\"Filters\":[{\"Name\":\"instance-name\",\"Values\":[\"s7\"]}]}");
	const char *id = arena_strdup(w->arena, text_at(w, "InstanceSet[0].InstanceId"));
	ok(w, "lighthouse", "ModifyInstancesAttribute", "{\"InstanceIds\":[\"%s\"],\"InstanceName\":\"renamed\"}", id);
	/* Isolated servers come first. */
	change(w, "IsolateInstances", id, "OK");
	w->now += BUILD;
	ok(w, "lighthouse", "DescribeInstances", "{\"Limit\":1}");
	assert_string_equal(text_at(w, "InstanceSet[0].InstanceName"), "renamed");
	/* Whether a missing id is an error is not documented. */
	ok(w, "lighthouse", "DescribeInstances", IDS, "lhins-00000000");
	SCRIPT("{\"switches\":{\"missing_instance_is_error\":true}}");
	change(w, "DescribeInstances", "lhins-00000000", "ResourceNotFound.InstanceIdNotFound");
}

static void renewal(void **state)
{
	struct world *w = *state;
	const char *id = new_server(w, "t1");
	expect(w, "InvalidParameterValue.OutOfRange", "lighthouse", "RenewInstances",
		"{\"InstanceIds\":[\"%s\"],\"InstanceChargePrepaid\":{\"Period\":0}}", id);
	change(w, "IsolateInstances", id, "OK");
	w->now += BUILD;
	ok(w, "lighthouse", "RenewInstances", "{\"InstanceIds\":[\"%s\"],\"InstanceChargePrepaid\":{\"Period\":2}}", id);
	w->now += BUILD;
	assert_string_equal(instance_state(w, id), "RUNNING");
	assert_int_equal(json_int_or(state_of(w), "money_spent", 0), 3 * 6500);
	ok(w, "lighthouse", "ModifyInstancesRenewFlag", "{\"InstanceIds\":[\"%s\"],\"RenewFlag\":\"DISABLE_NOTIFY_AND_MANUAL_RENEW\"}",
		id);
	/* Two months later it expires and is isolated, a week later it is gone. */
	emulator_clock(w->em, 61 * DAYS);
	assert_string_equal(instance_state(w, id), "SHUTDOWN");
	emulator_clock(w->em, 7 * DAYS);
	assert_string_equal(instance_state(w, id), "absent");
}

static void the_shop(void **state)
{
	struct world *w = *state;
	ok(w, "lighthouse", "DescribeBlueprints", "{\"Filters\":[{\"Name\":\"blueprint-type\",\"Values\":[\"APP_OS\"]}]}");
	assert_int_equal(number_at(w, "TotalCount"), 1);
	assert_string_equal(text_at(w, "BlueprintSet[0].DisplayTitle"), "OpenClaw");
	assert_true(json_bool_or(w->response, "BlueprintSet[0].SupportAutomationTools", false));
	ok(w, "lighthouse", "DescribeBundles", "{\"BundleIds\":[\"bundle_gen_lin_2c4g\",\"bundle_gen_lin_16c32g\"]}");
	assert_int_equal(number_at(w, "TotalCount"), 2);
	assert_string_equal(text_at(w, "BundleSet[0].BundleSalesState"), "AVAILABLE");
	assert_string_equal(text_at(w, "BundleSet[1].BundleSalesState"), "SOLD_OUT");
	ok(w, "lighthouse", "DescribeBundles", "{\"Filters\":[{\"Name\":\"bundle-type\",\"Values\":[\"STARTER_BUNDLE\"]}]}");
	assert_int_equal(number_at(w, "TotalCount"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(from_purchase_to_termination),
		TEST(client_tokens),
		TEST(a_refused_order_leaves_no_token),
		TEST(orders_that_are_refused),
		TEST(refunds),
		TEST(all_or_none),
		TEST(listings),
		TEST(renewal),
		TEST(the_shop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
