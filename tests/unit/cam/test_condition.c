/* Condition operators, their prefixes and suffixes, and policy variables.  Sources: CAM "Condition Keys and Condition
 * Operators" (598/58420), "Overview of Effective Conditions" (598/58419), "Conditions" (598/10608 of 2022 and before, which
 * has string_like), "Policy Variable" (598/10607). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/condition.h"

#define OWNER 100000000001u
#define SUB 100000000101u
#define APP 1300000001u
#define IF(x) "{\"version\":\"2.0\",\"statement\":{\"effect\":\"allow\",\"action\":\"*\",\"resource\":\"*\",\"condition\":{" x "}}}"

/* have: the values of key "k" in the request, with '|' between them; NULL: the key is not there. */
static bool holds(const char *condition, const char *have)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	char text[512];
	struct cam_policy *p;
	struct err e;
	struct cam_context context[8] = { { "other", "a" }, { "K", "a" } };
	size_t n = 2;
	snprintf(text, sizeof(text), IF("%s"), condition);
	if (cam_policy_parse(a, text, strlen(text), &p, &e))
		fail_msg("%s: %s", text, e.text);
	for (const char *part = have; part; part = strchr(part, '|') ? strchr(part, '|') + 1 : NULL)
		context[n++] = (struct cam_context){ "k", arena_strndup(a, part, strcspn(part, "|")) };
	const struct cam_request r = { .action = "tcb:X", .resource = "*", .owner_uin = OWNER, .uin = SUB, .app_id = APP,
		.context_count = n, .context = context };
	return cam_conditions_hold(&p->statements[0], &r);
}

struct row { const char *condition, *have; bool holds; };

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (holds(rows[i].condition, rows[i].have) != rows[i].holds)
			fail_msg("%s with %s %s", rows[i].condition, rows[i].have ? rows[i].have : "nothing",
				rows[i].holds ? "does not hold" : "holds");
}

static void texts(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"string_equal\":{\"k\":\"a\"}", "a", true },
		{ "\"string_equal\":{\"k\":\"a\"}", "A", false },
		{ "\"string_equal\":{\"k\":\"a\"}", "ab", false },
		{ "\"string_equal\":{\"k\":\"a*\"}", "ab", false },       /* '*' is a letter here */
		{ "\"string_equal\":{\"k\":\"\"}", "", true },
		{ "\"string_equal\":{\"k\":[\"a\",\"b\"]}", "b", true },
		{ "\"string_equal\":{\"k\":[\"a\",\"b\"]}", "c", false },
		{ "\"string_equal\":{\"k\":5}", "5", true },
		{ "\"string_not_equal\":{\"k\":\"a\"}", "b", true },
		{ "\"string_not_equal\":{\"k\":\"a\"}", "a", false },
		{ "\"string_not_equal\":{\"k\":[\"a\",\"b\"]}", "b", false },
		{ "\"string_not_equal\":{\"k\":[\"a\",\"b\"]}", "c", true },
		{ "\"string_equal_ignore_case\":{\"k\":\"aB\"}", "Ab", true },
		{ "\"string_equal_ignore_case\":{\"k\":\"aB\"}", "Abc", false },
		{ "\"string_not_equal_ignore_case\":{\"k\":\"aB\"}", "Ab", false },
		{ "\"string_not_equal_ignore_case\":{\"k\":\"aB\"}", "x", true },
		{ "\"string_like\":{\"k\":\"a*z\"}", "abcz", true },
		{ "\"string_like\":{\"k\":\"a*z\"}", "Abcz", false },
		{ "\"string_like\":{\"k\":\"a?z\"}", "abz", false },
		{ "\"string_like\":{\"k\":[\"x\",\"*\"]}", "", true },
		{ "\"string_not_like\":{\"k\":\"a*z\"}", "abcz", false },
		{ "\"string_not_like\":{\"k\":\"a*z\"}", "abc", true },
		{ "\"binary_equal\":{\"k\":\"dGVzdA==\"}", "dGVzdA==", true },
		{ "\"binary_equal\":{\"k\":\"dGVzdA==\"}", "DGVzdA==", false },
		{ "\"bool_equal\":{\"k\":true}", "true", true },
		{ "\"bool_equal\":{\"k\":\"true\"}", "True", true },
		{ "\"bool_equal\":{\"k\":\"true\"}", "false", false },
		{ "\"bool_equal\":{\"k\":false}", "false", true },
	};
	check(rows, ARRAY_LEN(rows));
}

static void numbers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"numeric_equal\":{\"k\":5}", "5", true },
		{ "\"numeric_equal\":{\"k\":5}", "5.0", true },
		{ "\"numeric_equal\":{\"k\":\"5\"}", "05", true },
		{ "\"numeric_equal\":{\"k\":1.2}", "1.2", true },
		{ "\"numeric_equal\":{\"k\":1e3}", "1000", true },
		{ "\"numeric_equal\":{\"k\":-1}", "-1", true },
		{ "\"numeric_equal\":{\"k\":[4,5]}", "5", true },
		{ "\"numeric_equal\":{\"k\":9007199254740993}", "9007199254740992", false },
		{ "\"numeric_equal\":{\"k\":18446744073709551615}", "18446744073709551614", false },
		{ "\"numeric_not_equal\":{\"k\":5}", "5", false },
		{ "\"numeric_not_equal\":{\"k\":5}", "6", true },
		{ "\"numeric_less_than\":{\"k\":5}", "4.9", true },
		{ "\"numeric_less_than\":{\"k\":5}", "5", false },
		{ "\"numeric_less_than\":{\"k\":[3,5]}", "4", true },
		{ "\"numeric_less_than_equal\":{\"k\":5}", "5", true },
		{ "\"numeric_less_than_equal\":{\"k\":5}", "5.1", false },
		{ "\"numeric_greater_than\":{\"k\":5}", "10", true },        /* not as texts */
		{ "\"numeric_greater_than\":{\"k\":5}", "5", false },
		{ "\"numeric_greater_than_equal\":{\"k\":5}", "5", true },
		{ "\"numeric_greater_than_equal\":{\"k\":5}", "4", false },
		/* What is no number equals none, and is neither less nor greater. */
		{ "\"numeric_equal\":{\"k\":\"five\"}", "5", false },
		{ "\"numeric_equal\":{\"k\":\"\"}", "0", false },
		{ "\"numeric_equal\":{\"k\":5}", "", false },
		{ "\"numeric_equal\":{\"k\":5}", "5x", false },
		{ "\"numeric_equal\":{\"k\":5}", " 5", false },
		{ "\"numeric_equal\":{\"k\":5}", "nan", false },
		{ "\"numeric_equal\":{\"k\":\"nan\"}", "5", false },
		{ "\"numeric_less_than_equal\":{\"k\":\"nan\"}", "5", false },
		{ "\"numeric_greater_than\":{\"k\":5}", "inf", false },
		{ "\"numeric_equal\":{\"k\":16}", "0x10", false },
		{ "\"numeric_equal\":{\"k\":5}", "5.", false },
		{ "\"numeric_equal\":{\"k\":5}", "+5", false },
		{ "\"numeric_equal\":{\"k\":5}", "5e", false },
		{ "\"numeric_not_equal\":{\"k\":5}", "five", true },
		{ "\"numeric_not_equal\":{\"k\":\"five\"}", "5", true },
	};
	check(rows, ARRAY_LEN(rows));
}

static void dates(void **state)
{
	(void)state;
#define NOON "2026-11-24T12:00:00Z"
	static const struct row rows[] = {
		{ "\"date_equal\":{\"k\":\"" NOON "\"}", NOON, true },
		{ "\"date_equal\":{\"k\":\"" NOON "\"}", "2026-11-24T12:00:01Z", false },
		{ "\"date_equal\":{\"k\":\"2026-11-24T20:00:00+08:00\"}", NOON, true },
		{ "\"date_equal\":{\"k\":\"2026-11-24T07:30:00-04:30\"}", NOON, true },
		{ "\"date_equal\":{\"k\":\"2026-11-25T00:00:00+12:00\"}", NOON, true },
		/* Written without T or zone in the vendor's pages; UTC is required. */
		{ "\"date_equal\":{\"k\":\"2026-11-24 12:00:00\"}", NOON, true },
		{ "\"date_equal\":{\"k\":\"2026-11-24T12:00:00\"}", NOON, true },
		{ "\"date_equal\":{\"k\":\"2026-11-24T 12:00:00Z\"}", NOON, true },
		{ "\"date_not_equal\":{\"k\":\"" NOON "\"}", NOON, false },
		{ "\"date_not_equal\":{\"k\":\"" NOON "\"}", "2026-11-24T12:00:01Z", true },
		{ "\"date_less_than\":{\"k\":\"" NOON "\"}", "2026-11-24T11:59:59Z", true },
		{ "\"date_less_than\":{\"k\":\"" NOON "\"}", NOON, false },
		{ "\"date_less_than\":{\"k\":\"2026-11-24T12:00:00+08:00\"}", "2026-11-24T04:00:00Z", false },
		{ "\"date_less_than_equal\":{\"k\":\"" NOON "\"}", NOON, true },
		{ "\"date_less_than_equal\":{\"k\":\"" NOON "\"}", "2026-11-24T12:00:00.5Z", false },
		{ "\"date_greater_than\":{\"k\":\"" NOON "\"}", "2026-11-24T12:00:01Z", true },
		{ "\"date_greater_than\":{\"k\":\"" NOON "\"}", NOON, false },
		{ "\"date_greater_than_equal\":{\"k\":\"" NOON "\"}", NOON, true },
		{ "\"date_greater_than_equal\":{\"k\":\"" NOON "\"}", "2025-11-24T12:00:00Z", false },
		{ "\"date_greater_than\":{\"k\":\"yesterday\"}", NOON, false },
		{ "\"date_greater_than\":{\"k\":\"\"}", NOON, false },
		{ "\"date_greater_than\":{\"k\":\"2026-11-24\"}", NOON, false },
		{ "\"date_equal\":{\"k\":\"" NOON "x\"}", NOON, false },
		{ "\"date_equal\":{\"k\":\"2026-11-24T12:00:00+24:00\"}", "2026-11-23T12:00:00Z", false },
		{ "\"date_equal\":{\"k\":\"2026-11-24T12:00:00+00:60\"}", "2026-11-24T11:00:00Z", false },
		{ "\"date_equal\":{\"k\":\"2026-13-24T12:00:00Z\"}", NOON, false },
		{ "\"date_equal\":{\"k\":\"2026-11-24_12:00:00Z\"}", NOON, false },
		{ "\"date_not_equal\":{\"k\":\"yesterday\"}", NOON, true },
	};
	check(rows, ARRAY_LEN(rows));
}

static void addresses(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/8\"}", "10.200.3.4", true },
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/8\"}", "11.0.0.0", false },
		{ "\"ip_equal\":{\"k\":[\"10.0.0.0/8\",\"192.168.1.1\"]}", "192.168.1.1", true },
		{ "\"ip_equal\":{\"k\":[\"10.0.0.0/8\",\"192.168.1.1\"]}", "192.168.1.2", false },
		{ "\"ip_equal\":{\"k\":\"10.217.182.3/24\"}", "10.217.182.99", true },     /* bits of the host do not count */
		{ "\"ip_equal\":{\"k\":\"10.217.182.3/24\"}", "10.217.183.3", false },
		{ "\"ip_equal\":{\"k\":\"10.2.0.0/15\"}", "10.3.255.1", true },
		{ "\"ip_equal\":{\"k\":\"10.2.0.0/15\"}", "10.1.255.1", false },
		{ "\"ip_equal\":{\"k\":\"0.0.0.0/0\"}", "203.0.113.9", true },
		{ "\"ip_equal\":{\"k\":\"10.1.1.1/32\"}", "10.1.1.1", true },
		{ "\"ip_equal\":{\"k\":\"10.1.1.1/32\"}", "10.1.1.0", false },
		{ "\"ip_equal\":{\"k\":\"2001:db8::/32\"}", "2001:db8:1::2", true },
		{ "\"ip_equal\":{\"k\":\"2001:db8::/32\"}", "2001:db9::", false },
		{ "\"ip_equal\":{\"k\":\"2001:db8::/32\"}", "10.0.0.1", false },
		{ "\"ip_equal\":{\"k\":\"::/0\"}", "10.0.0.1", false },
		{ "\"ip_not_equal\":{\"k\":\"10.0.0.0/8\"}", "11.0.0.1", true },
		{ "\"ip_not_equal\":{\"k\":[\"10.121.2.10/24\",\"10.121.3.20/24\"]}", "10.121.3.1", false },
		/* What is no network holds no address. */
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/99\"}", "10.0.0.0", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/\"}", "203.0.113.9", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/8x\"}", "10.0.0.1", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/ 8\"}", "10.0.0.1", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/-1\"}", "10.0.0.1", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0.0/4294967304\"}", "10.0.0.1", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0\"}", "10.0.0.0", false },
		{ "\"ip_equal\":{\"k\":\"*\"}", "10.0.0.1", false },
		{ "\"ip_equal\":{\"k\":\"10.0.0.1\"}", "somewhere", false },
		{ "\"ip_not_equal\":{\"k\":\"10.0.0.0/99\"}", "10.0.0.1", true },
	};
	check(rows, ARRAY_LEN(rows));
}

/* "Condition key matches empty string". */
static void null(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"null_equal\":{\"k\":\"true\"}", NULL, true },
		{ "\"null_equal\":{\"k\":\"true\"}", "", true },
		{ "\"null_equal\":{\"k\":\"true\"}", "x", false },
		{ "\"null_equal\":{\"k\":\"true\"}", "|x", false },
		{ "\"null_equal\":{\"k\":true}", NULL, true },
		{ "\"null_equal\":{\"k\":\"false\"}", "x", true },
		{ "\"null_equal\":{\"k\":false}", NULL, false },
		{ "\"null_equal\":{\"k\":[\"true\",\"false\"]}", "x", true },
		{ "\"null_equal\":{\"k\":\"perhaps\"}", NULL, false },
		{ "\"null_equal\":{\"k\":\"perhaps\"}", "x", false },
	};
	check(rows, ARRAY_LEN(rows));
}

static void a_key_that_is_not_there(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"string_equal\":{\"k\":\"a\"}", NULL, false },
		{ "\"string_not_equal\":{\"k\":\"a\"}", NULL, false },
		{ "\"string_equal_if_exist\":{\"k\":\"a\"}", NULL, true },
		{ "\"string_equal_if_exist\":{\"k\":\"a\"}", "a", true },
		{ "\"string_equal_if_exist\":{\"k\":\"a\"}", "b", false },
		{ "\"string_not_equal_if_exist\":{\"k\":\"a\"}", NULL, true },
		{ "\"string_not_equal_if_exist\":{\"k\":\"a\"}", "a", false },
		{ "\"numeric_less_than_if_exist\":{\"k\":1.2}", NULL, true },
		{ "\"ip_equal_if_exist\":{\"k\":\"10.0.0.0/8\"}", NULL, true },
		{ "\"for_any_value:string_equal\":{\"k\":\"a\"}", NULL, false },
		{ "\"for_any_value:string_equal_if_exist\":{\"k\":\"a\"}", NULL, true },
		{ "\"for_all_value:string_equal\":{\"k\":\"a\"}", NULL, true },       /* all of none */
		{ "\"for_all_value:string_equal_if_exist\":{\"k\":\"a\"}", NULL, true },
		/* Keys are told apart by case. */
		{ "\"string_equal\":{\"K\":\"a\"}", "b", true },
		{ "\"string_equal\":{\"OTHER\":\"a\"}", "a", false },
	};
	check(rows, ARRAY_LEN(rows));
}

static void several_values_of_one_key(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"for_any_value:string_equal\":{\"k\":\"a\"}", "a|b", true },
		{ "\"for_any_value:string_equal\":{\"k\":\"c\"}", "a|b", false },
		{ "\"for_any_value:string_equal\":{\"k\":[\"c\",\"b\"]}", "a|b", true },
		{ "\"for_all_value:string_equal\":{\"k\":\"a\"}", "a|b", false },
		{ "\"for_all_value:string_equal\":{\"k\":[\"b\",\"a\",\"c\"]}", "a|b", true },
		{ "\"for_all_value:string_like\":{\"k\":\"a*\"}", "a|ab", true },
		{ "\"for_any_value:string_not_equal\":{\"k\":\"a\"}", "a|b", true },
		{ "\"for_any_value:string_not_equal\":{\"k\":[\"a\",\"b\"]}", "a|b", false },
		{ "\"for_all_value:string_not_equal\":{\"k\":\"a\"}", "a|b", false },
		{ "\"for_all_value:string_not_equal\":{\"k\":\"c\"}", "a|b", true },
		{ "\"for_all_value:ip_equal_if_exist\":{\"k\":\"10.0.0.0/8\"}", "10.0.0.1|11.0.0.1", false },
		/* Without a prefix: one that fits is enough, and one that must not fit is too much. */
		{ "\"string_equal\":{\"k\":\"b\"}", "a|b", true },
		{ "\"string_not_equal\":{\"k\":\"b\"}", "a|b", false },
		/* Several keys, several operators: all of them. */
		{ "\"string_equal\":{\"k\":\"a\",\"other\":\"a\"}", "a", true },
		{ "\"string_equal\":{\"k\":\"a\",\"other\":\"b\"}", "a", false },
		{ "\"string_equal\":{\"k\":\"a\",\"none\":\"a\"}", "a", false },
		{ "\"string_equal\":{\"k\":\"a\"},\"string_like\":{\"k\":\"a*\"}", "a", true },
		{ "\"string_equal\":{\"k\":\"a\"},\"string_like\":{\"k\":\"b*\"}", "a", false },
		{ "\"string_equal\":{\"k\":\"a\"},\"null_equal\":{\"none\":true}", "a", true },
	};
	check(rows, ARRAY_LEN(rows));
}

static void variables_in_values(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "\"string_equal\":{\"k\":\"${uin}\"}", "100000000101", true },
		{ "\"string_equal\":{\"k\":\"${uin}\"}", "100000000001", false },
		{ "\"string_equal\":{\"k\":\"${owner_uin}\"}", "100000000001", true },
		{ "\"string_equal\":{\"k\":\"b-${app_id}\"}", "b-1300000001", true },
		{ "\"string_like\":{\"k\":\"*/${uin}/*\"}", "a/100000000101/b", true },
		{ "\"numeric_equal\":{\"k\":\"${uin}\"}", "100000000101", true },
		{ "\"string_equal\":{\"k\":\"${UIN}\"}", "100000000101", false },
		{ "\"string_equal\":{\"k\":\"${user}\"}", "${user}", true },       /* not one of the three: stays as it is */
		{ "\"string_equal\":{\"k\":\"${uin\"}", "${uin", true },
	};
	check(rows, ARRAY_LEN(rows));
}

static void the_declared_variables(void **state)
{
	(void)state;
	assert_true(cam_variable_known("uin", 3));
	assert_true(cam_variable_known("owner_uin", 9));
	assert_true(cam_variable_known("app_id", 6));
	assert_true(cam_variable_known("uin}", 3));
	assert_false(cam_variable_known("uin", 2));
	assert_false(cam_variable_known("uin}", 4));
	assert_false(cam_variable_known("", 0));
	assert_false(cam_variable_known("appId", 5));
	assert_false(cam_variable_known("envId", 5));
	/* The longest document that is possible is expanded whole; what is longer fits nothing. */
	const struct cam_request r = { .action = "x:Y", .resource = "*", .uin = UINT64_MAX };
	static char out[CAM_EXPANDED];
	char text[CAM_POLICY_MAX + 7] = "";
	for (size_t i = 0; i + 6 <= CAM_POLICY_MAX; i += 6)
		memcpy(text + i, "${uin}", 7);
	assert_int_equal(strlen(text), CAM_POLICY_MAX);
	const char *whole = cam_expand(text, &r, out);
	assert_non_null(whole);
	assert_int_equal(strlen(whole), CAM_POLICY_MAX / 6 * 20);
	memcpy(text + CAM_POLICY_MAX, "${uin}", 7);
	assert_null(cam_expand(text, &r, out));
}

/* All of the vendor's list, each with what may stand around it. */
static void every_documented_operator(void **state)
{
	(void)state;
	static const char *const names[] = { "string_equal", "string_not_equal", "string_equal_ignore_case",
		"string_not_equal_ignore_case", "string_like", "string_not_like", "numeric_equal", "numeric_not_equal",
		"numeric_less_than", "numeric_less_than_equal", "numeric_greater_than", "numeric_greater_than_equal",
		"date_equal", "date_not_equal", "date_less_than", "date_less_than_equal", "date_greater_than",
		"date_greater_than_equal", "bool_equal", "binary_equal", "ip_equal", "ip_not_equal" };
	static const char *const prefixes[] = { "", "for_any_value:", "for_all_value:" }, *const suffixes[] = { "", "_if_exist" };
	assert_true(cam_operator_known("null_equal"));
	assert_false(cam_operator_known("equal"));
	for (size_t i = 0; i < ARRAY_LEN(names) * 6; i++) {
		const char *name = names[i / 6], *prefix = prefixes[i % 3], *suffix = suffixes[i / 3 % 2];
		char condition[128];
		assert_true(cam_operator_known(name));
		snprintf(condition, sizeof(condition), "\"%s%s%s\":{\"k\":\"x\"}", prefix, name, suffix);
		assert_int_equal(holds(condition, NULL), *suffix || str_eq(prefix, "for_all_value:"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(numbers),
		cmocka_unit_test(dates),
		cmocka_unit_test(addresses),
		cmocka_unit_test(null),
		cmocka_unit_test(a_key_that_is_not_there),
		cmocka_unit_test(several_values_of_one_key),
		cmocka_unit_test(variables_in_values),
		cmocka_unit_test(the_declared_variables),
		cmocka_unit_test(every_documented_operator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
