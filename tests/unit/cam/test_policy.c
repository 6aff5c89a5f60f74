/* The CAM policy language is read as the vendor specifies it; what is refused is in test_refusals. */
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

#define ONE(inner) "{\"version\":\"2.0\",\"statement\":[" inner "]}"
#define IF(inner) ONE("{\"effect\":\"deny\",\"action\":\"*\",\"resource\":\"*\",\"condition\":" inner "}")

static void values_are_strings_numbers_and_booleans(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	assert_int_equal(parse(a, IF("{\"numeric_equal\":{\"k\":[1,\"2\",1.5,12345678901234567890]},\"bool_equal\":{\"m\":false}}"), &p, &e), 0);
	const struct cam_condition *c = p->statements[0].conditions;
	static const char *const values[] = { "1", "2", "1.5", "12345678901234567890" };
	assert_int_equal(p->statements[0].condition_count, 2);
	assert_int_equal(c[0].values.count, ARRAY_LEN(values));
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		assert_string_equal(c[0].values.items[i], values[i]);
	assert_string_equal(c[1].values.items[0], "false");
}

/* Prefix, operator and suffix are taken apart; every key of every operator is a condition of its own, in order. */
static void conditions_are_taken_apart(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	assert_int_equal(parse(a, IF("{\"for_all_value:ip_not_equal_if_exist\":{\"a\":\"1\",\"b\":[\"2\",\"3\"]},\"null_equal\":{\"a\":true}}"),
		&p, &e), 0);
	const struct cam_condition *c = p->statements[0].conditions;
	assert_int_equal(p->statements[0].condition_count, 3);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(c[i].operator, "ip_not_equal");
		assert_true(c[i].for_all && c[i].if_exist && !c[i].for_any);
	}
	assert_string_equal(c[0].key, "a");
	assert_string_equal(c[1].key, "b");
	assert_int_equal(c[1].values.count, 2);
	assert_string_equal(c[2].operator, "null_equal");
	assert_true(!c[2].for_all && !c[2].if_exist && !c[2].for_any);
}

static void what_is_not_a_control_character_may_stand(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	assert_int_equal(parse(a, ONE("{\"effect\":\"allow\",\"action\":\"cos:*\",\"resource\":\"qcs::cos::uid/1:b/\\u00e4 \\\"\\\\ \\ud83d\\ude00\"}"), &p,
		&e), 0);
	assert_string_equal(p->statements[0].resources[0].resource, "b/\xc3\xa4 \"\\ \xf0\x9f\x98\x80");
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
		cmocka_unit_test(values_are_strings_numbers_and_booleans),
		cmocka_unit_test(conditions_are_taken_apart),
		cmocka_unit_test(what_is_not_a_control_character_may_stand),
		cmocka_unit_test(patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
