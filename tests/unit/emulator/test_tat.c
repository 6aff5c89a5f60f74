/* tat: commands on servers, and that hidden values are kept as digests only. */
#include "tests/unit/emulator/world.h"

#include "common/crypt.h"

#define SECRET "hidden-value-1"

static void run(struct world *w, const char *id, const char *script, const char *more, const char *code)
{
	expect(w, code, "tat", "RunCommand", "{\"Content\":\"%s\",\"InstanceIds\":[\"%s\"]%s}",
		str_base64(w->arena, script, strlen(script)), id, more);
}

static const char *task_status(struct world *w, const char *invocation)
{
	ok(w, "tat", "DescribeInvocationTasks", "{\"Filters\":[{\"Name\":\"invocation-id\",\"Values\":[\"%s\"]}],\"HideOutput\":false}",
		invocation);
	return text_at(w, "InvocationTaskSet[0].TaskStatus");
}

static const char *agent(struct world *w, const char *id)
{
	ok(w, "tat", "DescribeAutomationAgentStatus", "{\"InstanceIds\":[\"%s\"]}", id);
	return number_at(w, "TotalCount") ? text_at(w, "AutomationAgentSet[0].AgentStatus") : "absent";
}

static void while_the_server_boots(void **state)
{
	struct world *w = *state;
	const char *id = order_server(w, "t1");
	assert_string_equal(agent(w, id), "absent");
	run(w, id, "true", "", "ResourceUnavailable.InstanceStateNotRunning");
	run(w, "lhins-00000000", "true", "", "ResourceNotFound.InstanceNotFound");
	run(w, "ins-1", "true", "", "InvalidParameterValue.InvalidInstanceId");
	/* Running, and a little later the agent calls. */
	for (int i = 0; i < 100; i++, w->now += 500) {
		ok(w, "lighthouse", "DescribeInstances", "{}");
		if (str_eq(text_at(w, "InstanceSet[0].InstanceState"), "RUNNING"))
			break;
	}
	run(w, id, "true", "", "ResourceUnavailable.AgentStatusNotOnline");
	w->now += BUILD;
	assert_string_equal(agent(w, id), "Online");
	run(w, id, "true", "", "OK");
	ok(w, "lighthouse", "StopInstances", "{\"InstanceIds\":[\"%s\"]}", id);
	assert_string_equal(agent(w, id), "Offline");
	run(w, id, "true", "", "ResourceUnavailable.InstanceStateNotRunning");
}

static void a_run(void **state)
{
	struct world *w = *state;
	const char *id = new_server(w, "t1");
	w->now += BUILD;
	run(w, id, "echo", ",\"CommandName\":\"install\",\"Timeout\":900", "OK");
	const char *invocation = arena_strdup(w->arena, text_at(w, "InvocationId"));
	assert_string_equal(task_status(w, invocation), "RUNNING");
	ok(w, "tat", "DescribeInvocations", "{\"InvocationIds\":[\"%s\"]}", invocation);
	assert_string_equal(text_at(w, "InvocationSet[0].InvocationStatus"), "RUNNING");
	assert_int_equal(number_at(w, "InvocationSet[0].Timeout"), 900);
	w->now += BUILD;
	assert_string_equal(task_status(w, invocation), "SUCCESS");
	assert_int_equal(number_at(w, "InvocationTaskSet[0].TaskResult.ExitCode"), 0);
	assert_string_not_equal(text_at(w, "InvocationTaskSet[0].TaskResult.Output"), "");
	/* The output is hidden unless it is asked for. */
	ok(w, "tat", "DescribeInvocationTasks", "{\"Filters\":[{\"Name\":\"invocation-id\",\"Values\":[\"%s\"]}]}", invocation);
	assert_string_equal(text_at(w, "InvocationTaskSet[0].TaskResult.Output"), "");
	SCRIPT("{\"switches\":{\"run_exit_code\":3}}");
	run(w, id, "false", "", "OK");
	invocation = arena_strdup(w->arena, text_at(w, "InvocationId"));
	w->now += BUILD;
	assert_string_equal(task_status(w, invocation), "FAILED");
	assert_int_equal(number_at(w, "InvocationTaskSet[0].TaskResult.ExitCode"), 3);
	ok(w, "tat", "DescribeInvocations", "{}");
	assert_int_equal(number_at(w, "TotalCount"), 2);
}

static void hidden_values(void **state)
{
	struct world *w = *state;
	const char *id = new_server(w, "t1");
	w->now += BUILD;
	run(w, id, "echo {{plain}} {{tat-hidden:key}} {{tat-hidden:key}} ${x} {{ not one }}",
		",\"CommandName\":\"install\",\"EnableParameter\":true,\"Parameters\":\"{\\\"plain\\\":\\\"p\\\",\\\"key\\\":\\\"" SECRET "\\\"}\"",
		"OK");
	const char *invocation = arena_strdup(w->arena, text_at(w, "InvocationId"));
	ok(w, "tat", "DescribeInvocations", "{\"InvocationIds\":[\"%s\"]}", invocation);
	assert_null(strstr(w->reply.body, SECRET));
	assert_string_equal(text_at(w, "InvocationSet[0].Parameters"), "{\"plain\":\"p\",\"key\":\"******\"}");
	ok(w, "tat", "DescribeInvocationTasks", "{}");
	assert_null(strstr(w->reply.body, SECRET));
	/* Tests see what the server got by its digest. */
	char digest[SHA256_HEX];
	crypt_sha256_hex(SECRET, strlen(SECRET), digest);
	const struct json *s = state_of(w);
	assert_string_equal(json_text(s, "servers[0].agent_runs[0].hidden_sha256.key"), digest);
	assert_string_equal(json_text(s, "servers[0].agent_runs[0].parameters.plain"), "p");
	assert_string_equal(json_text(s, "servers[0].agent_runs[0].command_name"), "install");
	assert_null(strstr(json_print(w->arena, s), SECRET));
	assert_null(strstr(json_print(w->arena, emulator_calls(w->em, w->arena)), SECRET));
}

static void parameters_that_are_refused(void **state)
{
	struct world *w = *state;
	static const struct { const char *code, *more; } rows[] = {
		{ "SupportParametersOnlyIfEnableParameter", ",\"Parameters\":\"{\\\"key\\\":\\\"v\\\"}\"" },
		{ "LackOfParameterInfo", ",\"EnableParameter\":true" },
		{ "LackOfParameterInfo", ",\"EnableParameter\":true,\"Parameters\":\"{\\\"Key\\\":\\\"v\\\"}\"" },
		{ "ParameterInvalidJsonFormat", ",\"EnableParameter\":true,\"Parameters\":\"{\"" },
		{ "ParameterInvalidJsonFormat", ",\"EnableParameter\":true,\"Parameters\":\"[]\"" },
		{ "ParameterValueNotString", ",\"EnableParameter\":true,\"Parameters\":\"{\\\"key\\\":1}\"" },
		{ "ParameterKeyContainsInvalidChar", ",\"EnableParameter\":true,\"Parameters\":\"{\\\"a b\\\":\\\"\\\"}\"" },
	};
	const char *id = new_server(w, "t1");
	w->now += BUILD;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		run(w, id, "echo {{key}}", rows[i].more, arena_printf(w->arena, "InvalidParameterValue.%s", rows[i].code));
	/* Defaults count, and parameters beat them. */
	run(w, id, "echo {{key}}", ",\"EnableParameter\":true,\"DefaultParameters\":\"{\\\"key\\\":\\\"d\\\"}\"", "OK");
	run(w, id, "echo {{key}}", ",\"EnableParameter\":true,\"DefaultParameterConfs\":[{\"ParameterName\":\"key\","
		"\"ParameterValue\":\"c\"}],\"Parameters\":\"{\\\"key\\\":\\\"v\\\"}\"", "OK");
	const struct json *s = state_of(w);
	assert_string_equal(json_text(s, "servers[0].agent_runs[0].parameters.key"), "d");
	assert_string_equal(json_text(s, "servers[0].agent_runs[1].parameters.key"), "v");
}

/* Runs are kept in bounds: the oldest go, and what is left can still be asked for. */
static void many_runs(void **state)
{
	struct world *w = *state;
	const char *id = new_server(w, "t1");
	w->now += BUILD;
	for (int i = 0; i < 6000; i++)
		run(w, id, "true", "", "OK");
	const char *last = arena_strdup(w->arena, text_at(w, "InvocationId"));
	w->now += BUILD;
	assert_string_equal(task_status(w, last), "SUCCESS");
	ok(w, "tat", "DescribeInvocations", "{\"Limit\":1}");
	assert_true(number_at(w, "TotalCount") >= 2500);
	assert_true(number_at(w, "TotalCount") <= 5000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(while_the_server_boots),
		TEST(a_run),
		TEST(hidden_values),
		TEST(parameters_that_are_refused),
		TEST(many_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
