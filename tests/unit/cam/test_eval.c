/* Deny beats allow beats nothing, and the boundary must allow too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/eval.h"

#define OWNER 100000000001u
#define SUB 100000000101u
#define APP 1300000001u
#define DOC(...) "{\"version\":\"2.0\",\"statement\":[" __VA_ARGS__ "]}"
#define S(effect, action, resource) "{\"effect\":\"" effect "\",\"action\":[" action "],\"resource\":[" resource "]}"
#define C(effect, action, resource, condition) \
	"{\"effect\":\"" effect "\",\"action\":[" action "],\"resource\":[" resource "],\"condition\":{" condition "}}"

static const struct cam_policy *read_policy(struct arena *a, const char *text)
{
	struct cam_policy *p;
	struct err e;
	if (cam_policy_parse(a, text, strlen(text), &p, &e))
		fail_msg("%s: %s", text, e.text);
	return p;
}

static struct cam_decision decide(const char *policy, const char *boundary, const char *action, const char *resource,
	const struct cam_context *context, size_t n)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct cam_policy *one = policy ? read_policy(a, policy) : NULL;
	struct cam_request r = { .action = action, .resource = resource, .owner_uin = OWNER, .uin = SUB, .app_id = APP,
		.context_count = n, .context = context };
	return cam_evaluate(&one, policy ? 1 : 0, boundary ? read_policy(a, boundary) : NULL, &r);
}

static enum cam_verdict judge(const char *policy, const char *action, const char *resource)
{
	return decide(policy, NULL, action, resource, NULL, 0).verdict;
}

static void nothing_is_allowed_by_default(void **state)
{
	(void)state;
	assert_int_equal(judge(NULL, "tcb:DescribeEnvs", "*"), CAM_IMPLICIT_DENY);
	assert_int_equal(judge(DOC(S("allow", "\"tcb:CreateEnv\"", "\"*\"")), "tcb:DescribeEnvs", "*"), CAM_IMPLICIT_DENY);
}

static void deny_wins_wherever_it_stands(void **state)
{
	(void)state;
	assert_int_equal(judge(DOC(S("allow", "\"*\"", "\"*\"") "," S("deny", "\"cam:*\"", "\"*\"")), "cam:AddUser", "*"),
		CAM_EXPLICIT_DENY);
	assert_int_equal(judge(DOC(S("deny", "\"cam:*\"", "\"*\"") "," S("allow", "\"*\"", "\"*\"")), "cam:AddUser", "*"),
		CAM_EXPLICIT_DENY);
	assert_int_equal(judge(DOC(S("deny", "\"cam:*\"", "\"*\"") "," S("allow", "\"*\"", "\"*\"")), "tcb:X", "*"), CAM_ALLOW);
	/* Over several policies, in any order; the deciding statement is named. */
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct cam_policy *all[] = { read_policy(a, DOC(S("allow", "\"*\"", "\"*\""))),
		read_policy(a, DOC(S("allow", "\"x:Y\"", "\"*\"") "," S("deny", "\"*\"", "\"*\""))) };
	struct cam_request r = { .action = "tcb:X", .resource = "*", .owner_uin = OWNER, .uin = SUB };
	struct cam_decision d = cam_evaluate(all, 2, NULL, &r);
	assert_int_equal(d.verdict, CAM_EXPLICIT_DENY);
	assert_int_equal(d.policy, 1);
	assert_int_equal(d.statement, 1);
	assert_false(d.by_boundary);
}

static void resources(void **state)
{
	(void)state;
	static const struct { const char *granted, *asked; bool allowed; } rows[] = {
		{ "qcs::tcb:ap-shanghai:uin/100000000001:env/a", "qcs::tcb:ap-shanghai:uin/100000000001:env/a", true },
		{ "qcs::tcb:ap-shanghai:uin/100000000001:env/a", "qcs::tcb:ap-shanghai:uin/100000000001:env/b", false },
		{ "qcs::tcb:ap-shanghai:uin/100000000001:env/a", "qcs::tcb:ap-shanghai:uin/100000000001:env/aa", false },
		{ "qcs::tcb:ap-shanghai:uin/100000000001:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", false },
		{ "qcs::tcb:ap-shanghai:uin/100000000001:env/a", "qcs::tcb:ap-shanghai:uin/100000000002:env/a", false },
		{ "qcs::tcb:ap-shanghai:uin/100000000001:env/*", "qcs::tcb:ap-shanghai:uin/100000000001:env/b", true },
		{ "qcs::tcb::uin/100000000001:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
		{ "qcs::tcb:::env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
		{ "qcs::tcb:::env/a", "qcs::tcb:ap-beijing:uin/100000000002:env/a", false },
		{ "qcs:::::*", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
		{ "qcs::scf:::*", "qcs::tcb:ap-beijing:uin/100000000001:env/a", false },
		{ "qcs::cos:ap-shanghai:uid/1300000001:b-1300000001/*", "qcs::cos:ap-shanghai:uid/1300000001:b-1300000001/k", true },
		{ "qcs::cos:ap-shanghai:uid/1300000002:b-1300000002/*", "qcs::cos:ap-shanghai:uid/1300000001:b-1300000002/k", false },
		{ "qcs::cam::uin/:uin/100000000101", "qcs::cam::uin/100000000001:uin/100000000101", true },
		/* Accounts may hold wildcards; however the own one is written, it is one account. */
		{ "qcs::tcb::uin/*:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
		{ "qcs::tcb::uin/1000*:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
		{ "qcs::tcb::uin/*:env/a", "qcs::tcb:ap-beijing:uin/100000000002:env/a", true },
		{ "qcs::tcb::uin/2*:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", false },
		{ "qcs::tcb::uin/*:env/a", "qcs::tcb:ap-beijing::env/a", true },
		{ "qcs::tcb::*:env/a", "qcs::tcb:ap-beijing:uin/100000000002:env/a", true },
		{ "qcs::tcb::uid/1300000001:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
		{ "qcs::tcb::uin/100000000001:env/a", "qcs::tcb:ap-beijing::env/a", true },
		{ "qcs::tcb::uin/100000000001:env/a", "qcs::tcb:ap-beijing:*:env/a", false },
		{ "qcs::tcb::uin/${uin}:env/a", "qcs::tcb:ap-beijing:uin/100000000101:env/a", false },
		{ "qcs::tcb::uin/${owner_uin}:env/a", "qcs::tcb:ap-beijing:uin/100000000001:env/a", false },
		/* Variables stand for the caller, in the last segment only. */
		{ "qcs::cam::uin/:uin/${uin}", "qcs::cam::uin/100000000001:uin/100000000101", true },
		{ "qcs::cam::uin/:uin/${uin}", "qcs::cam::uin/100000000001:uin/100000000102", false },
		{ "qcs::cos:::${app_id}/${owner_uin}/*", "qcs::cos:::1300000001/100000000001/x", true },
		{ "qcs::tcb:::env/${envId}", "qcs::tcb:::env/a", false },
		/* An operation-level action is reached by "*" alone. */
		{ "*", "*", true }, { "qcs::tcb:::*", "*", false }, { "qcs:::::*", "*", false },
		{ "*", "qcs::tcb:ap-beijing:uin/100000000001:env/a", true },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char policy[512];
		snprintf(policy, sizeof(policy), DOC(S("allow", "\"tcb:DescribeEnvs\"", "\"%s\"")), rows[i].granted);
		if ((judge(policy, "tcb:DescribeEnvs", rows[i].asked) == CAM_ALLOW) != rows[i].allowed)
			fail_msg("granted \"%s\", asked \"%s\"", rows[i].granted, rows[i].asked);
	}
}

/* What is attached to a group of the caller is one policy more. */
static void groups_are_more_policies(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct cam_policy *held[] = { read_policy(a, DOC(S("allow", "\"tcb:*\"", "\"*\""))),
		read_policy(a, DOC(S("allow", "\"cos:Get*\"", "\"*\""))),              /* of one group */
		read_policy(a, DOC(S("deny", "\"tcb:Destroy*\"", "\"*\""))) };         /* of another */
	static const struct { const char *action; enum cam_verdict own, with_one, with_both; } rows[] = {
		{ "tcb:DescribeEnvs", CAM_ALLOW, CAM_ALLOW, CAM_ALLOW },
		{ "cos:GetObject", CAM_IMPLICIT_DENY, CAM_ALLOW, CAM_ALLOW },
		{ "cos:PutObject", CAM_IMPLICIT_DENY, CAM_IMPLICIT_DENY, CAM_IMPLICIT_DENY },
		{ "tcb:DestroyEnv", CAM_ALLOW, CAM_ALLOW, CAM_EXPLICIT_DENY },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cam_request r = { .action = rows[i].action, .resource = "*", .owner_uin = OWNER, .uin = SUB };
		assert_int_equal(cam_evaluate(held, 0, NULL, &r).verdict, CAM_IMPLICIT_DENY);
		assert_int_equal(cam_evaluate(held, 1, NULL, &r).verdict, rows[i].own);
		assert_int_equal(cam_evaluate(held, 2, NULL, &r).verdict, rows[i].with_one);
		assert_int_equal(cam_evaluate(held, 3, NULL, &r).verdict, rows[i].with_both);
	}
}

static void action_names_are_matched_with_case(void **state)
{
	(void)state;
	assert_int_equal(judge(DOC(S("allow", "\"tcb:describeenvs\"", "\"*\"")), "tcb:DescribeEnvs", "*"), CAM_IMPLICIT_DENY);
	assert_int_equal(judge(DOC(S("allow", "\"name/tcb:DescribeEnvs\"", "\"*\"")), "tcb:DescribeEnvs", "*"), CAM_ALLOW);
	assert_int_equal(judge(DOC(S("allow", "\"permid/280655\"", "\"*\"")), "tcb:DescribeEnvs", "*"), CAM_IMPLICIT_DENY);
}

static void the_boundary_must_allow_too(void **state)
{
	(void)state;
	const char *all = DOC(S("allow", "\"*\"", "\"*\"")), *tcb = DOC(S("allow", "\"tcb:*\"", "\"*\""));
	const char *no_cam = DOC(S("allow", "\"*\"", "\"*\"") "," S("deny", "\"cam:*\"", "\"*\""));
	struct cam_decision d = decide(all, tcb, "tcb:X", "*", NULL, 0);
	assert_int_equal(d.verdict, CAM_ALLOW);
	assert_false(d.by_boundary);
	d = decide(all, tcb, "cam:X", "*", NULL, 0);
	assert_int_equal(d.verdict, CAM_IMPLICIT_DENY);
	assert_true(d.by_boundary);
	d = decide(all, no_cam, "cam:X", "*", NULL, 0);
	assert_int_equal(d.verdict, CAM_EXPLICIT_DENY);
	assert_true(d.by_boundary);
	assert_int_equal(d.statement, 1);
	/* A boundary grants nothing by itself. */
	assert_int_equal(decide(NULL, all, "tcb:X", "*", NULL, 0).verdict, CAM_IMPLICIT_DENY);
	assert_false(decide(NULL, all, "tcb:X", "*", NULL, 0).by_boundary);
}

static void a_condition_limits_a_deny_too(void **state)
{
	(void)state;
	const char *policy = DOC(S("allow", "\"*\"", "\"*\"") ","
		C("deny", "\"*\"", "\"*\"", "\"ip_not_equal\":{\"qcs:ip\":\"10.0.0.0/8\"}"));
	const struct cam_context inside = { "qcs:ip", "10.1.1.1" }, outside = { "qcs:ip", "11.1.1.1" };
	assert_int_equal(decide(policy, NULL, "x:Y", "*", &inside, 1).verdict, CAM_ALLOW);
	assert_int_equal(decide(policy, NULL, "x:Y", "*", &outside, 1).verdict, CAM_EXPLICIT_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allowed_by_default),
		cmocka_unit_test(deny_wins_wherever_it_stands),
		cmocka_unit_test(resources),
		cmocka_unit_test(groups_are_more_policies),
		cmocka_unit_test(action_names_are_matched_with_case),
		cmocka_unit_test(the_boundary_must_allow_too),
		cmocka_unit_test(a_condition_limits_a_deny_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
