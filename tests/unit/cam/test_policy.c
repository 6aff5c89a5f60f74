/* The CAM policy language is read as the vendor specifies it, and every complaint says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/policy.h"

static int parse(struct arena *a, const char *text, struct cam_policy **out, struct err *e)
{
	return cam_policy_parse(a, text, strlen(text), out, e);
}

static void whole_document(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	assert_int_equal(parse(a, "{\"statement\":[{\"resource\":[\"qcs::tcb:ap-shanghai:uin/1:env/a\",\"*\"],\"effect\":\"allow\","
		"\"action\":[\"name/cos:Get*\",\"tcb:DescribeEnvs\"],\"condition\":{\"for_any_value:string_equal_if_exist\":"
		"{\"qcs:resource_tag\":[\"a&b\",\"c&d\"]},\"numeric_less_than\":{\"k\":5}}},"
		"{\"effect\":\"deny\",\"action\":\"*\",\"resource\":\"*\"}],\"version\":\"2.0\"}", &p, &e), 0);
	assert_int_equal(p->count, 2);
	const struct cam_statement *s = &p->statements[0];
	assert_true(s->allow);
	assert_int_equal(s->actions.count, 2);
	assert_string_equal(s->actions.items[0], "cos:Get*");
	assert_int_equal(s->resource_count, 2);
	assert_string_equal(s->resources[0].service, "tcb");
	assert_string_equal(s->resources[0].region, "ap-shanghai");
	assert_string_equal(s->resources[0].account, "uin/1");
	assert_string_equal(s->resources[0].resource, "env/a");
	assert_string_equal(s->resources[0].text, "qcs::tcb:ap-shanghai:uin/1:env/a");
	assert_false(s->resources[0].any);
	assert_true(s->resources[1].any);
	assert_int_equal(s->condition_count, 2);
	assert_string_equal(s->conditions[0].operator, "string_equal");
	assert_true(s->conditions[0].for_any && s->conditions[0].if_exist && !s->conditions[0].for_all);
	assert_int_equal(s->conditions[0].values.count, 2);
	assert_string_equal(s->conditions[1].values.items[0], "5");
	assert_false(p->statements[1].allow);
}

static void single_values_need_no_list(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	assert_int_equal(parse(a, "{\"version\":\"2.0\",\"statement\":{\"effect\":\"allow\",\"action\":\"tcb:*\","
		"\"resource\":\"qcs::cos:ap-shanghai:uid/1:bucket:with:colons/*\"}}", &p, &e), 0);
	assert_int_equal(p->count, 1);
	assert_string_equal(p->statements[0].resources[0].resource, "bucket:with:colons/*");
}

static void every_complaint_has_place_and_code(void **state)
{
	(void)state;
#define ONE(inner) "{\"version\":\"2.0\",\"statement\":[" inner "]}"
#define GOOD "{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\"}"
	static const struct { const char *text, *place, *code; } bad[] = {
		{ "", "policy", "PolicyDocumentError" },
		{ "[]", "policy", "PolicyDocumentError" },
		{ "{\"version\":\"2.0\",\"statement\":[" GOOD "]} x", "policy", "PolicyDocumentError" },
		{ "{\"version\":\"2.0\",\"Statement\":[" GOOD "]}", "policy", "PolicyDocumentError" },
		{ "{\"version\":\"1.0\",\"statement\":[" GOOD "]}", "version", "VersionError" },
		{ "{\"statement\":[" GOOD "]}", "version", "VersionError" },
		{ "{\"version\":\"2.0\"}", "policy", "StatementError" },
		{ "{\"version\":\"2.0\",\"statement\":[]}", "statement", "StatementError" },
		{ ONE("5"), "statement[0]", "StatementError" },
		{ ONE(GOOD ",{\"effect\":\"Allow\",\"action\":\"a:B\",\"resource\":\"*\"}"), "statement[1].effect", "EffectError" },
		{ ONE("{\"action\":\"a:B\",\"resource\":\"*\"}"), "statement[0].effect", "EffectError" },
		{ ONE("{\"effect\":\"allow\",\"resource\":\"*\"}"), "statement[0].action", "ActionMiss" },
		{ ONE("{\"effect\":\"allow\",\"action\":[],\"resource\":\"*\"}"), "statement[0].action", "ActionError" },
		{ ONE("{\"effect\":\"allow\",\"action\":[\"a:B\",\"AB\"],\"resource\":\"*\"}"), "statement[0].action[1]", "ActionError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"A:B\",\"resource\":\"*\"}"), "statement[0].action", "ActionError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:\",\"resource\":\"*\"}"), "statement[0].action", "ActionError" },
		{ ONE("{\"effect\":\"allow\",\"action\":7,\"resource\":\"*\"}"), "statement[0].action", "ActionError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\"}"), "statement[0].resource", "ResourceError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"qcs::tcb:env\"}"), "statement[0].resource",
			"ResourceContentError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"acs::tcb:r:uin/1:env/x\"}"), "statement[0].resource",
			"ResourceQcsError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"qcs:id/0:tcb:r:uin/1:env/x\"}"),
			"statement[0].resource", "ResourceProjectError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"qcs::tcb:r:1:env/x\"}"), "statement[0].resource",
			"ResourceUinError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"principal\":{}}"), "statement[0].principal",
			"PrincipalError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"sid\":\"x\"}"), "statement[0].sid",
			"StatementError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"condition\":{\"equals\":{\"k\":\"v\"}}}"),
			"statement[0].condition.equals.k", "ConditionTypeError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"condition\":{\"string_equal\":\"v\"}}"),
			"statement[0].condition.string_equal", "ConditionError" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"condition\":{\"string_equal\":{\"k\":[]}}}"),
			"statement[0].condition.string_equal.k", "ConditionContentError" },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct cam_policy *p = NULL;
		struct err e;
		char code[96], place[96];
		snprintf(code, sizeof(code), "InvalidParameter.%s", bad[i].code);
		snprintf(place, sizeof(place), "%s: ", bad[i].place);
		assert_int_equal(parse(a, bad[i].text, &p, &e), ERR_INPUT);
		assert_null(p);
		assert_string_equal(e.code, code);
		if (!str_starts(e.text, place))
			fail_msg("\"%s\" does not start with \"%s\"", e.text, place);
		assert_int_equal(parse(a, bad[i].text, &p, NULL), ERR_INPUT);
	}
}

static void length_is_limited(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	static char text[CAM_POLICY_MAX + 2];
	struct cam_policy *p;
	struct err e;
	const char *good = "{\"version\":\"2.0\",\"statement\":[" GOOD "]}";
	memset(text, ' ', CAM_POLICY_MAX + 1);
	memcpy(text, good, strlen(good));
	assert_int_equal(cam_policy_parse(a, text, CAM_POLICY_MAX, &p, &e), 0);
	assert_int_equal(cam_policy_parse(a, text, CAM_POLICY_MAX + 1, &p, &e), ERR_INPUT);
	assert_string_equal(e.code, "InvalidParameter.PolicyDocumentLengthOverLimit");
}

static void patterns(void **state)
{
	(void)state;
	static const struct { const char *pattern, *text; bool fits; } rows[] = {
		{ "*", "", true }, { "*", "tcb:DescribeEnvs", true }, { "tcb:*", "tcb:", true }, { "tcb:*", "tcbr:X", false },
		{ "tcb:Describe*", "tcb:DescribeEnvs", true }, { "tcb:Describe*", "tcb:describeEnvs", false },
		{ "*Envs", "tcb:DescribeEnvs", true }, { "t*b:*E*s", "tcb:DescribeEnvs", true }, { "a*b*c", "aXbXbYc", true },
		{ "a*b*c", "aXbXbYcd", false }, { "", "", true }, { "", "a", false }, { "a", "", false }, { "**a**", "bab", true },
		{ "env/a", "env/ab", false }, { "env/a*", "env/ab", true }, { "?", "a", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (cam_match(rows[i].pattern, rows[i].text) != rows[i].fits)
			fail_msg("\"%s\" against \"%s\"", rows[i].pattern, rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_document),
		cmocka_unit_test(single_values_need_no_list),
		cmocka_unit_test(every_complaint_has_place_and_code),
		cmocka_unit_test(length_is_limited),
		cmocka_unit_test(patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
