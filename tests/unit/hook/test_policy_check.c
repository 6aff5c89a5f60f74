/* `rollcall policy check`: verdicts, statuses, and what cannot be judged.  The prover has tests of its own; here a small
 * catalogue says what there is. */
#include "../common/unit.h"

#include "common/json.h"
#include "common/str.h"
#include "hook/command.h"
#include "policies/cam/prove.h"

static const char catalogue[] =
	"level env qcs::tcb:${region}:uin/${uin}:env/${envId}\n"
	"level function qcs::scf:${region}:uin/${uin}:namespace/${namespace}/function/*\n"
	"level topic qcs::cls::uin/${uin}:topic/${topicId}\n"
	"level object qcs::cos:${region}:uid/${appId}:${bucket}/*\n"
	"level account *\n"
	"fact role a role of his own making\n"
	"end more more rights than his policy gives\n"
	"action tcb:DescribeEnvs env read\n"
	"action tcb:DestroyEnv env write destroys\n"
	"action scf:Invoke function write\n"
	"action cls:SearchLog topic read\n"
	"action cos:GetObject object read\n"
	"action tcb:CreateEnv account write pays\n"
	"action cam:CreateRole account write gives role\n"
	"action cam:AttachRolePolicy account write widens gives more after role\n";

#define ALLOWS(action, resource) "{\"effect\":\"allow\",\"action\":[\"" action "\"],\"resource\":[\"" resource "\"]},"
#define DENIES "{\"effect\":\"deny\",\"action\":[\"cam:*\",\"tcb:CreateEnv\",\"tcb:DestroyEnv\"],\"resource\":[\"*\"]}"
#define POLICY(statements) "{\n  \"version\": \"2.0\",\n  \"statement\": [" statements "]}\n"
#define ENV_OF(env) "qcs::tcb:ap-shanghai:uin/100000000001:env/" env
static const char template[] = POLICY(
	ALLOWS("tcb:DescribeEnvs", "qcs::tcb:${region}:uin/${uin}:env/${envId}")
	ALLOWS("scf:Invoke", "qcs::scf:${region}:uin/${uin}:namespace/${namespace}/function/*")
	ALLOWS("cls:SearchLog", "qcs::cls::uin/${uin}:topic/${topicId}")
	ALLOWS("cos:GetObject", "qcs::cos:${region}:uid/${appId}:${bucket}/*") DENIES);

struct room {
	struct arena *a;
	char *policy, *catalogue;       /* files */
	int status;
	char *out, *err;
};

static int open_room(void **state)
{
	struct room *r = mem_alloc(sizeof(*r));
	r->a = arena_new(64u << 20);
	r->catalogue = unit_write(r->a, "actions.txt", catalogue, sizeof(catalogue) - 1, 0644);
	r->policy = unit_write(r->a, "policy.json", template, sizeof(template) - 1, 0644);
	*state = r;
	return 0;
}

static int close_room(void **state)
{
	struct room *r = *state;
	arena_free(r->a);
	free(r);
	return 0;
}

static void write_policy(struct room *r, const char *text)
{
	r->policy = unit_write(r->a, "policy.json", text, strlen(text), 0644);
}

/* "rollcall policy check FILE --catalogue FILE", and what else. */
static void check(struct room *r, ...)
{
	char *argv[24] = { "rollcall", "policy", "check", r->policy, "--catalogue", r->catalogue };
	int argc = 6;
	FILE *out = fopen(unit_path(r->a, "out"), "w+"), *err = fopen(unit_path(r->a, "err"), "w+");
	va_list ap;
	assert_non_null(out);
	assert_non_null(err);
	va_start(ap, r);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	r->status = command_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	r->out = unit_read(r->a, unit_path(r->a, "out"), NULL);
	r->err = unit_read(r->a, unit_path(r->a, "err"), NULL);
}

#define CHECK(...) check(r, ##__VA_ARGS__, NULL)

static void said(struct room *r, int status, const char *text)
{
	if (r->status != status || !strstr(r->out, text))
		fail_msg("status %d \"%s%s\", wanted %d \"%s\"", r->status, r->out, r->err, status, text);
	assert_string_equal(r->err, "");
}

static void complained(struct room *r, const char *text)
{
	if (r->status != COMMAND_USAGE || !strstr(r->err, text))
		fail_msg("status %d \"%s%s\", wanted %d \"%s\"", r->status, r->out, r->err, COMMAND_USAGE, text);
	assert_string_equal(r->out, "");
}

/* --- verdicts ------------------------------------------------------------------------------------------------- */

static void a_template_that_isolates(void **state)
{
	struct room *r = *state;
	CHECK();
	said(r, COMMAND_DONE, "isolated: 4 actions allowed, none reaches another environment or more rights\n");
	CHECK("--env", "rc-abc-123", "--uin", "100000000009", "--app-id=1250000009", "--region", "ap-beijing", "--namespace", "ns-1",
		"--topic", "t-1", "--bucket", "b-1");
	said(r, COMMAND_DONE, "isolated: 4 actions");
}

static void each_reason_is_a_sentence_the_worst_first(void **state)
{
	struct room *r = *state;
	write_policy(r, POLICY(ALLOWS("tcb:DescribeEnvs", "*") ALLOWS("tcb:Unheard", ENV_OF("${envId}"))
		ALLOWS("cam:CreateRole\",\"cam:AttachRolePolicy", "*")
		"{\"effect\":\"deny\",\"action\":[\"tcb:CreateEnv\",\"tcb:DestroyEnv\"],\"resource\":[\"*\"]}"));
	CHECK();
	char *chain = strstr(r->out, "cam:AttachRolePolicy"), *reach = strstr(r->out, "tcb:DescribeEnvs"),
		*unknown = strstr(r->out, "tcb:Unheard"), *last = strstr(r->out, "\nrefused: ");
	said(r, COMMAND_REFUSED, "more rights than his policy gives");
	assert_non_null(reach);
	assert_non_null(unknown);
	assert_non_null(last);
	assert_true(chain < reach && reach < unknown && unknown < last);
	size_t lines = 0;
	for (const char *p = r->out; *p; p++)
		lines += *p == '\n';
	assert_string_equal(last, arena_printf(r->a, "\nrefused: %zu findings\n", lines - 1));
	write_policy(r, POLICY(ALLOWS("tcb:DescribeEnvs", "*") DENIES));
	CHECK();
	said(r, COMMAND_REFUSED, "\nrefused: 1 finding\n");
}

static void a_filled_document_is_judged_by_what_is_named(void **state)
{
	struct room *r = *state;
	write_policy(r, POLICY(ALLOWS("tcb:DescribeEnvs", ENV_OF("rc-abc-123")) DENIES));
	CHECK("--env", "rc-abc-123");
	said(r, COMMAND_DONE, "isolated: 1 actions");
	CHECK("--env", "rc-abc-124");
	said(r, COMMAND_REFUSED, ENV_OF("rc-abc-123"));
	CHECK();
	said(r, COMMAND_REFUSED, "hint: without placeholders, its own resources must be named; not given: --env, --uin, --app-id, "
		"--region, --namespace, --topic, --bucket\nrefused: ");
	/* A namespace is named as its environment, unless it is told otherwise. */
	write_policy(r, POLICY(ALLOWS("scf:Invoke", "qcs::scf:ap-shanghai:uin/100000000001:namespace/rc-abc-123/function/*") DENIES));
	CHECK("--env", "rc-abc-123");
	said(r, COMMAND_DONE, "isolated: ");
	CHECK("--env", "rc-abc-123", "--namespace", "other");
	said(r, COMMAND_REFUSED, "not given: --uin, --app-id, --region, --topic, --bucket\n");
	write_policy(r, POLICY(ALLOWS("cos:GetObject", "qcs::cos:ap-shanghai:uid/1250000000:box-1250000000/*") DENIES));
	CHECK("--env", "rc-abc-123");
	said(r, COMMAND_REFUSED, "hint: ");
	CHECK("--env", "rc-abc-123", "--bucket", "box", "--app-id", "1250000000");
	said(r, COMMAND_DONE, "isolated: ");
	/* With everything named, and with a template, there is nothing to hint at. */
	CHECK("--env", "e", "--uin", "1", "--app-id", "1250000000", "--region", "r", "--topic", "t", "--bucket", "other");
	said(r, COMMAND_REFUSED, "refused: ");
	assert_null(strstr(r->out, "hint"));
	write_policy(r, POLICY(ALLOWS("tcb:DescribeEnvs", "qcs::tcb:${region}:uin/${uin}:env/*") DENIES));
	CHECK();
	said(r, COMMAND_REFUSED, "refused: ");
	assert_null(strstr(r->out, "hint"));
}

static void a_boundary_is_judged_as_one(void **state)
{
	struct room *r = *state;
	write_policy(r, POLICY(ALLOWS("*", "*") DENIES));
	CHECK("--boundary");
	said(r, COMMAND_DONE, "isolated: whatever else is attached");
	CHECK();
	said(r, COMMAND_REFUSED, "refused: ");
	write_policy(r, POLICY(ALLOWS("*", "*") "{\"effect\":\"deny\",\"action\":\"cam:*\",\"resource\":\"*\"}"));
	CHECK("--boundary");
	said(r, COMMAND_REFUSED, "tcb:CreateEnv");
	CHECK("--boundary", "--env", "rc-abc-123");
	complained(r, "do not go together");
	write_policy(r, POLICY("{\"effect\":\"deny\",\"action\":\"*\",\"resource\":\"qcs::tcb::uin/${uin}:*\"}"));
	CHECK("--boundary");
	complained(r, "placeholder");
}

static void programs_read_json(void **state)
{
	struct room *r = *state;
	struct json *v;
	struct err e;
	CHECK("--json");
	said(r, COMMAND_DONE, "");
	assert_int_equal(json_parse(r->a, r->out, strlen(r->out), &v, &e), 0);
	assert_string_equal(json_text(v, "verdict"), "isolated");
	assert_int_equal(json_int_or(v, "allowed", -1), 4);
	assert_int_equal(json_count(json_get(v, "findings")), 0);
	write_policy(r, POLICY(ALLOWS("tcb:DescribeEnvs", ENV_OF("x")) ALLOWS("cam:CreateRole\",\"cam:AttachRolePolicy", "*")
		"{\"effect\":\"deny\",\"action\":[\"tcb:CreateEnv\"],\"resource\":[\"*\"]}"));
	CHECK("--json");
	said(r, COMMAND_REFUSED, "");
	assert_int_equal(json_parse(r->a, r->out, strlen(r->out), &v, &e), 0);
	assert_string_equal(json_text(v, "verdict"), "refused");
	assert_string_equal(json_text(v, "findings[0].kind"), "chain");
	assert_string_equal(json_text(v, "findings[0].action"), "cam:AttachRolePolicy");
	assert_string_equal(json_text(v, "findings[0].resource"), "*");
	assert_int_equal(json_int_or(v, "findings[0].statement", -1), 1);
	assert_non_null(strstr(json_text(v, "hint"), "--env"));
	const struct json *last = json_at(json_get(v, "findings"), json_count(json_get(v, "findings")) - 1);
	assert_string_equal(json_text(last, "kind"), "not denied");
	assert_false(json_has(last, "statement"));
	assert_false(json_has(last, "resource"));
	assert_non_null(json_text(last, "sentence"));
}

static void standard_input_is_a_file_too(void **state)
{
	struct room *r = *state;
	int saved = dup(0), fd = open(r->policy, O_RDONLY);
	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, 0), 0);
	close(fd);
	r->policy = "-";
	CHECK();
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	said(r, COMMAND_DONE, "isolated: 4 actions");
}

/* --- what cannot be judged --------------------------------------------------------------------------------------- */

static void unusable_input_has_its_own_status(void **state)
{
	struct room *r = *state;
	char *large = arena_alloc(r->a, CAM_POLICY_MAX + 4096);
	strcpy(large, "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[");
	for (int i = 0; strlen(large) <= CAM_POLICY_MAX; i++)
		strcat(large, arena_printf(r->a, "\"tcb:Action%d\",", i));
	strcat(large, "\"tcb:Last\"],\"resource\":\"*\"}]}");
	const struct { const char *text, *complaint; } rows[] = {
		{ "", "is empty" },
		{ "not json", "JSON line 1" },
		{ "{\"version\":\"1.0\",\"statement\":[]}", "version: must be \"2.0\"" },
		{ POLICY("{\"effect\":\"allow\",\"action\":\"tcb\",\"resource\":\"*\"}"), "statement[0].action: \"tcb\" is not" },
		{ POLICY("{\"effect\":\"allow\",\"action\":\"tcb:A\",\"resource\":\"qcs::tcb\"}"), "six segments" },
		{ POLICY(ALLOWS("tcb:DescribeEnvs", "qcs::tcb::uin/${owner_uin}:env/${envId}") DENIES), "${owner_uin}" },
		{ POLICY(ALLOWS("tcb:DescribeEnvs", "qcs::tcb::uin/${uin:env/x") DENIES), "not closed" },
		{ large, "6144" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_policy(r, rows[i].text);
		CHECK();
		complained(r, rows[i].complaint);
	}
	r->policy = unit_path(r->a, "none");
	CHECK();
	complained(r, "No such file");
	write_policy(r, template);
	CHECK("--env", "a b");
	complained(r, "${envId}");
	CHECK("--uin", "0");
	complained(r, "--uin wants a number");
	CHECK("--app-id", "12x");
	complained(r, "--app-id wants a number");
	CHECK("--uin", "99999999999999999999999");
	complained(r, "--uin wants a number");
	CHECK("--env");
	complained(r, "needs a value: ID");
	r->catalogue = unit_path(r->a, "none");
	CHECK();
	complained(r, "No such file");
	r->catalogue = unit_write(r->a, "actions.txt", "action\n", 7, 0644);
	CHECK();
	complained(r, "line 1");
}

/* `open` has a flag of the same name, and each command its own. */
static void env_is_another_option_for_each_command(void **state)
{
	struct room *r = *state;
	write_policy(r, POLICY(ALLOWS("tcb:DescribeEnvs", ENV_OF("rc-abc-123")) DENIES));
	CHECK("--env=rc-abc-123");
	said(r, COMMAND_DONE, "isolated");
	const struct { const char *argv[8]; const char *complaint; } rows[] = {
		{ { "open", "--env", "alice" }, "needs your private key" },
		{ { "open", "alice", "--env" }, "needs your private key" },
		{ { "--env", "open", "alice" }, "needs your private key" },
		{ { "open", "alice", "--env=x" }, "takes no value" },
		{ { "policy", "check", "f", "--env" }, "needs a value" },
		{ { "--env", "policy", "check", "f" }, "takes no option --env" },
		{ { "status", "--env" }, "takes no option --env" },
		{ { "open", "alice", "--uin", "1" }, "takes no option --uin" },
		{ { "policy", "check" }, "needs an argument: FILE" },
		{ { "policy" }, "no command \"policy\"" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *argv[10] = { "rollcall" };
		int argc = 1;
		while ((argv[argc] = (char *)rows[i].argv[argc - 1]))
			argc++;
		FILE *err = fopen(unit_path(r->a, "err"), "w+");
		assert_non_null(err);
		int status = command_run(argc, argv, stdout, err);
		fclose(err);
		const char *complaint = unit_read(r->a, unit_path(r->a, "err"), NULL);
		if (status != COMMAND_USAGE || !strstr(complaint, rows[i].complaint))
			fail_msg("row %zu: status %d \"%s\"", i, status, complaint);
	}
}

#define ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		ROOM(a_template_that_isolates), ROOM(each_reason_is_a_sentence_the_worst_first),
		ROOM(a_filled_document_is_judged_by_what_is_named), ROOM(a_boundary_is_judged_as_one), ROOM(programs_read_json),
		ROOM(standard_input_is_a_file_too), ROOM(unusable_input_has_its_own_status),
		ROOM(env_is_another_option_for_each_command),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
