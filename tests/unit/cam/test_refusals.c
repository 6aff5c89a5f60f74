/* A document that is not in the language is refused with one sentence: its place, then the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "policies/cam/policy.h"

#define ALL(inner) "{\"version\":\"2.0\",\"statement\":" inner "}"
#define ONE(inner) ALL("[" inner "]")
#define GOOD "{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\"}"
#define ACTION(x) ONE("{\"effect\":\"allow\",\"action\":" x ",\"resource\":\"*\"}")
#define RESOURCE(x) ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":" x "}")
#define CONDITION(x) ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"condition\":" x "}")
#define SIX " has not the six segments qcs:project:service:region:account:resource"
#define FORTY "0123456789012345678901234567890123456789"

static int refuse(const char *text, size_t n, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p = NULL;
	int kind = cam_policy_parse(a, text, n, &p, e);
	assert_true(!p == !!kind);
	return kind;
}

struct row { const char *text, *code, *sentence; };

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char code[96];
		struct err e;
		snprintf(code, sizeof(code), "InvalidParameter.%s", rows[i].code);
		if (refuse(rows[i].text, strlen(rows[i].text), &e) != ERR_INPUT)
			fail_msg("accepted: %s", rows[i].text);
		if (!str_eq(e.text, rows[i].sentence) || !str_eq(e.code, code))
			fail_msg("%s\n  says  %s (%s)\n  not   %s (%s)", rows[i].text, e.text, e.code, rows[i].sentence, code);
		assert_int_equal(refuse(rows[i].text, strlen(rows[i].text), NULL), ERR_INPUT);
	}
}

static void the_document(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "[]", "PolicyDocumentError", "policy: must be an object, is an array" },
		{ "\"2.0\"", "PolicyDocumentError", "policy: must be an object, is a string" },
		{ "null", "PolicyDocumentError", "policy: must be an object, is null" },
		{ "{}", "VersionError", "version: is missing, must be \"2.0\"" },
		{ "{\"version\":\"2.0\",\"Statement\":[" GOOD "]}", "PolicyDocumentError",
			"policy: has an unknown element \"Statement\" (names are in lower case)" },
		{ "{\"VERSION\":\"2.0\",\"statement\":[" GOOD "]}", "PolicyDocumentError",
			"policy: has an unknown element \"VERSION\" (names are in lower case)" },
		{ "{\"version\":\"2.0\",\"\":1,\"statement\":[" GOOD "]}", "PolicyDocumentError",
			"policy: has an unknown element \"\" (names are in lower case)" },
		{ "{\"version\":\"2.0\",\"" FORTY FORTY "\":1,\"statement\":[" GOOD "]}", "PolicyDocumentError",
			"policy: has an unknown element \"" FORTY "01234567890123456789...\" (names are in lower case)" },
		{ "{\"version\":\"2.0\",\"principal\":{\"qcs\":[\"qcs::cam::uin/1:uin/2\"]},\"statement\":[" GOOD "]}", "PrincipalError",
			"principal: is not allowed in a user's policy" },
		{ "{\"version\":\"1.0\",\"statement\":[" GOOD "]}", "VersionError", "version: must be \"2.0\"" },
		{ "{\"version\":2.0,\"statement\":[" GOOD "]}", "VersionError", "version: must be \"2.0\"" },
		{ "{\"version\":\"2.0 \",\"statement\":[" GOOD "]}", "VersionError", "version: must be \"2.0\"" },
		{ "{\"version\":null,\"statement\":[" GOOD "]}", "VersionError", "version: must be \"2.0\"" },
		{ "{\"statement\":[" GOOD "]}", "VersionError", "version: is missing, must be \"2.0\"" },
		{ "{\"version\":\"2.0\"}", "StatementError", "statement: is missing" },
		{ ALL("null"), "StatementError", "statement: must be an object, is null" },
		{ ALL("\"allow\""), "StatementError", "statement: must be an object, is a string" },
		{ ALL("[]"), "StatementError", "statement: is an empty list" },
		{ ONE("5"), "StatementError", "statement[0]: must be an object, is a number" },
		{ ONE(GOOD ",[" GOOD "]"), "StatementError", "statement[1]: must be an object, is an array" },
	};
	check(rows, ARRAY_LEN(rows));
}

static void the_statement(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ ALL("{}"), "EffectError", "statement.effect: is missing" },
		{ ONE("{\"action\":\"a:B\",\"resource\":\"*\"}"), "EffectError", "statement[0].effect: is missing" },
		{ ONE(GOOD ",{\"effect\":\"Allow\",\"action\":\"a:B\",\"resource\":\"*\"}"), "EffectError",
			"statement[1].effect: must be \"allow\" or \"deny\", is \"Allow\"" },
		{ ONE("{\"effect\":true,\"action\":\"a:B\",\"resource\":\"*\"}"), "EffectError",
			"statement[0].effect: must be \"allow\" or \"deny\", is a boolean" },
		{ ONE("{\"effect\":[\"allow\"],\"action\":\"a:B\",\"resource\":\"*\"}"), "EffectError",
			"statement[0].effect: must be \"allow\" or \"deny\", is an array" },
		{ ONE("{\"Effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\"}"), "StatementError",
			"statement[0].Effect: is an unknown element (names are in lower case)" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"sid\":\"x\"}"), "StatementError",
			"statement[0].sid: is an unknown element (names are in lower case)" },
		{ ONE("{\"effect\":\"allow\",\"notaction\":\"a:B\",\"resource\":\"*\"}"), "StatementError",
			"statement[0].notaction: is an unknown element (names are in lower case)" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\",\"resource\":\"*\",\"principal\":\"*\"}"), "PrincipalError",
			"statement[0].principal: is not allowed in a user's policy" },
		{ ONE("{\"effect\":\"allow\",\"resource\":\"*\"}"), "ActionMiss", "statement[0].action: is missing" },
		{ ONE("{\"effect\":\"allow\",\"action\":\"a:B\"}"), "ResourceError", "statement[0].resource: is missing" },
	};
	check(rows, ARRAY_LEN(rows));
}

static void actions(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ ACTION("null"), "ActionError", "statement[0].action: must be a string, is null" },
		{ ACTION("7"), "ActionError", "statement[0].action: must be a string, is a number" },
		{ ACTION("{\"a\":\"a:B\"}"), "ActionError", "statement[0].action: must be a string, is an object" },
		{ ACTION("[]"), "ActionError", "statement[0].action: is an empty list" },
		{ ACTION("[[\"a:B\"]]"), "ActionError", "statement[0].action[0]: must be a string, is an array" },
		{ ACTION("[\"a:B\",null]"), "ActionError", "statement[0].action[1]: must be a string, is null" },
		{ ACTION("[\"a:B\",\"AB\"]"), "ActionError", "statement[0].action[1]: \"AB\" is not service:Action" },
		{ ACTION("\"\""), "ActionError", "statement[0].action: \"\" is not service:Action" },
		{ ACTION("\"A:B\""), "ActionError", "statement[0].action: \"A:B\" is not service:Action" },
		{ ACTION("\"a:\""), "ActionError", "statement[0].action: \"a:\" is not service:Action" },
		{ ACTION("\":B\""), "ActionError", "statement[0].action: \":B\" is not service:Action" },
		{ ACTION("\"a:B:C\""), "ActionError", "statement[0].action: \"a:B:C\" is not service:Action" },
		{ ACTION("\"a: B\""), "ActionError", "statement[0].action: \"a: B\" is not service:Action" },
		{ ACTION("\" a:B\""), "ActionError", "statement[0].action: \" a:B\" is not service:Action" },
		{ ACTION("\"a:B?\""), "ActionError", "statement[0].action: \"a:B?\" is not service:Action" },
		{ ACTION("\"a:${uin}\""), "ActionError", "statement[0].action: \"a:${uin}\" is not service:Action" },
		{ ACTION("\"permid/x\""), "ActionError", "statement[0].action: \"permid/x\" is not service:Action" },
		{ ACTION("\"name/\""), "ActionError", "statement[0].action: \"name/\" is not service:Action" },
		{ ACTION("\"a:B\\u0001\""), "ActionError", "statement[0].action: holds a control character" },
		{ ACTION("\"a:\xc3\xa4\""), "ActionError", "statement[0].action: \"a:\xc3\xa4\" is not service:Action" },
		{ ACTION("\"" FORTY FORTY "\""), "ActionError",
			"statement[0].action: \"" FORTY "01234567890123456789...\" is not service:Action" },
	};
	check(rows, ARRAY_LEN(rows));
}

static void resources(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ RESOURCE("null"), "ResourceError", "statement[0].resource: must be a string, is null" },
		{ RESOURCE("true"), "ResourceError", "statement[0].resource: must be a string, is a boolean" },
		{ RESOURCE("[]"), "ResourceError", "statement[0].resource: is an empty list" },
		{ RESOURCE("[\"*\",{}]"), "ResourceError", "statement[0].resource[1]: must be a string, is an object" },
		{ RESOURCE("\"\""), "ResourceContentError", "statement[0].resource: \"\"" SIX },
		{ RESOURCE("\"**\""), "ResourceContentError", "statement[0].resource: \"**\"" SIX },
		{ RESOURCE("\"qcs::tcb:env\""), "ResourceContentError", "statement[0].resource: \"qcs::tcb:env\"" SIX },
		{ RESOURCE("\"qcs::tcb:*\""), "ResourceContentError", "statement[0].resource: \"qcs::tcb:*\"" SIX },
		{ RESOURCE("\"acs::tcb:r:uin/1:env/x\""), "ResourceQcsError",
			"statement[0].resource: \"acs::tcb:r:uin/1:env/x\" does not begin with \"qcs\"" },
		{ RESOURCE("\"*::tcb:r:uin/1:env/x\""), "ResourceQcsError",
			"statement[0].resource: \"*::tcb:r:uin/1:env/x\" does not begin with \"qcs\"" },
		{ RESOURCE("\"qcs:id/0:tcb:r:uin/1:env/x\""), "ResourceProjectError",
			"statement[0].resource: \"qcs:id/0:tcb:r:uin/1:env/x\" names a project, which must be empty" },
		{ RESOURCE("\"qcs:*:tcb:r:uin/1:env/x\""), "ResourceProjectError",
			"statement[0].resource: \"qcs:*:tcb:r:uin/1:env/x\" names a project, which must be empty" },
		{ RESOURCE("\"qcs::tcb:r:1:env/x\""), "ResourceUinError",
			"statement[0].resource: the account of \"qcs::tcb:r:1:env/x\" is neither uin/ nor uid/" },
		{ RESOURCE("\"qcs::tcb:r:u*:env/x\""), "ResourceUinError",
			"statement[0].resource: the account of \"qcs::tcb:r:u*:env/x\" is neither uin/ nor uid/" },
		{ RESOURCE("[\"*\",\"qcs::tcb:r:uin/1:\"]"), "ResourceContentError",
			"statement[0].resource[1]: the last segment of \"qcs::tcb:r:uin/1:\" is empty" },
		{ RESOURCE("\"qcs::tcb:r:uin/1:env/\\u0001\""), "ResourceError", "statement[0].resource: holds a control character" },
	};
	check(rows, ARRAY_LEN(rows));
}

static void conditions(void **state)
{
	(void)state;
#define LIST "for_any_value:string_not_equal_ignore_case_if_exist"
	static const struct row rows[] = {
		{ CONDITION("null"), "ConditionError", "statement[0].condition: must be an object, is null" },
		{ CONDITION("[]"), "ConditionError", "statement[0].condition: must be an object, is an array" },
		{ CONDITION("{}"), "ConditionError", "statement[0].condition: has no condition operator" },
		{ CONDITION("{\"equals\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition.equals: is not a condition operator" },
		{ CONDITION("{\"String_equal\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition.String_equal: is not a condition operator" },
		{ CONDITION("{\" string_equal\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition. string_equal: is not a condition operator" },
		{ CONDITION("{\"_if_exist\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition._if_exist: is not a condition operator" },
		{ CONDITION("{\"string_equal_if_exist_if_exist\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition.string_equal_if_exist_if_exist: is not a condition operator" },
		{ CONDITION("{\"for_any_value:for_all_value:string_equal\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition.for_any_value:for_all_value:string_equal: is not a condition operator" },
		{ CONDITION("{\"for_all_values:string_equal\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition.for_all_values:string_equal: is not a condition operator" },
		{ CONDITION("{\"null_equal_if_exist\":{\"k\":\"true\"}}"), "ConditionTypeError",
			"statement[0].condition.null_equal_if_exist: null_equal takes no prefix and no suffix" },
		{ CONDITION("{\"for_any_value:null_equal\":{\"k\":\"true\"}}"), "ConditionTypeError",
			"statement[0].condition.for_any_value:null_equal: null_equal takes no prefix and no suffix" },
		{ CONDITION("{\"string_equal\":\"v\"}"), "ConditionError",
			"statement[0].condition.string_equal: must be an object of condition keys, is a string" },
		{ CONDITION("{\"ip_equal\":{\"k\":\"10.0.0.1\"},\"string_equal\":{}}"), "ConditionError",
			"statement[0].condition.string_equal: has no condition key" },
		{ CONDITION("{\"string_equal\":{\"\":\"v\"}}"), "ConditionContentError",
			"statement[0].condition.string_equal.: a condition key without a name" },
		{ CONDITION("{\"string_equal\":{\"k\":[]}}"), "ConditionContentError",
			"statement[0].condition.string_equal.k: is an empty list" },
		{ CONDITION("{\"string_equal\":{\"k\":null}}"), "ConditionContentError",
			"statement[0].condition.string_equal.k: must be a string, a number or a boolean, is null" },
		{ CONDITION("{\"" LIST "\":{\"j\":1,\"qcs:request_tag\":[\"a\",{}]}}"), "ConditionContentError",
			"statement[0].condition." LIST ".qcs:request_tag[1]: must be a string, a number or a boolean, is an object" },
		{ CONDITION("{\"string_equal\":{\"k\":[\"a\",\"b\\n\"]}}"), "ConditionContentError",
			"statement[0].condition.string_equal.k[1]: holds a control character" },
		{ CONDITION("{\"string_equal\":{\"k\\u0001\":\"v\"}}"), "ConditionContentError",
			"statement[0].condition.string_equal.k?: holds a control character" },
		{ CONDITION("{\"string\\nequal\":{\"k\":\"v\"}}"), "ConditionTypeError",
			"statement[0].condition.string?equal: is not a condition operator" },
	};
	check(rows, ARRAY_LEN(rows));
}

static void hostile_json(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ "", "PolicyDocumentError", "policy: JSON line 1 column 1: the text ends where a value was expected" },
		{ "{\"version\":\"2.0\",", "PolicyDocumentError", "policy: JSON line 1 column 18: a name in quotes was expected" },
		{ ONE(GOOD) " x", "PolicyDocumentError", "policy: JSON line 1 column 82: more bytes behind the end" },
		{ "{\"version\":\"2.0\",\n\"version\":\"2.0\",\"statement\":[" GOOD "]}", "PolicyDocumentError",
			"policy: JSON line 2 column 1: this name stands twice in one object" },
		{ ONE("{\"effect\":\"deny\",\"eff\\u0065ct\":\"allow\",\"action\":\"*\",\"resource\":\"*\"}"), "PolicyDocumentError",
			"policy: JSON line 1 column 48: this name stands twice in one object" },
		{ CONDITION("{\"string_equal\":{\"k\":\"a\",\"k\":\"b\"}}"), "PolicyDocumentError",
			"policy: JSON line 1 column 116: this name stands twice in one object" },
		{ ACTION("\"a:\xff\""), "PolicyDocumentError", "policy: JSON line 1 column 61: invalid UTF-8" },
		{ ACTION("\"a:\xc0\xaa\""), "PolicyDocumentError", "policy: JSON line 1 column 61: invalid UTF-8" },
		{ ACTION("\"a:\xed\xa0\x80\""), "PolicyDocumentError", "policy: JSON line 1 column 61: invalid UTF-8" },
		{ ACTION("\"a:\\ud800\""), "PolicyDocumentError",
			"policy: JSON line 1 column 61: first half of a surrogate pair without the second" },
		{ ACTION("\"a:B\\u0000\""), "PolicyDocumentError", "policy: JSON line 1 column 62: \\u0000 in a string" },
		{ ACTION("\"a:\tB\""), "PolicyDocumentError", "policy: JSON line 1 column 61: control character in a string" },
		{ ACTION("\"a:B\",\"action\":\"*\""), "PolicyDocumentError",
			"policy: JSON line 1 column 64: this name stands twice in one object" },
		{ "\xef\xbb\xbf" ONE(GOOD), "PolicyDocumentError", "policy: JSON line 1 column 1: a value was expected" },
	};
	check(rows, ARRAY_LEN(rows));
	struct err e;
	assert_int_equal(refuse(ONE(GOOD), sizeof(ONE(GOOD)), &e), ERR_INPUT);     /* the NUL behind it belongs to it */
	assert_string_equal(e.text, "policy: JSON line 1 column 81: more bytes behind the end");
	assert_int_equal(refuse("{\"version\":\"2.\0000\"}", 19, &e), ERR_INPUT);
	assert_string_equal(e.text, "policy: JSON line 1 column 15: control character in a string");
}

static void depth_and_length(void **state)
{
	(void)state;
	static char text[CAM_POLICY_MAX + 2];
	struct err e;
	memset(text, '[', CAM_POLICY_MAX);
	assert_int_equal(refuse(text, CAM_POLICY_MAX, &e), ERR_INPUT);
	assert_string_equal(e.text, "policy: JSON line 1 column 65: nested too deep");
	memset(text, ' ', CAM_POLICY_MAX + 1);
	memcpy(text, ONE(GOOD), strlen(ONE(GOOD)));
	assert_int_equal(refuse(text, CAM_POLICY_MAX, &e), 0);
	assert_int_equal(refuse(text, CAM_POLICY_MAX + 1, &e), ERR_INPUT);
	assert_string_equal(e.text, "policy: is 6145 characters long, 6144 are the limit");
	assert_string_equal(e.code, "InvalidParameter.PolicyDocumentLengthOverLimit");
}

/* Whoever compares patterns may rely on it: U+0001 stands in no text of a policy, nor does any of its kin. */
static void no_control_character_anywhere(void **state)
{
	(void)state;
	static const char *const forms[] = { ACTION("\"a:B\\u%04x\""), ACTION("[\"a:C\",\"\\u%04xa:B\"]"),
		RESOURCE("\"qcs::tcb::uin/1:env/\\u%04x\""), RESOURCE("\"qcs::tcb:\\u%04x:uin/1:env/x\""),
		RESOURCE("\"qcs::tcb::uin/\\u%04x:env/x\""), RESOURCE("[\"*\",\"qcs::\\u%04x::uin/1:env/x\"]"),
		CONDITION("{\"string_equal\":{\"k\":\"\\u%04x\"}}"), CONDITION("{\"string_like\":{\"k\":[\"a\",\"*\\u%04x\"]}}"),
		CONDITION("{\"string_equal\":{\"\\u%04x\":\"a\"}}"), CONDITION("{\"string_equal\\u%04x\":{\"k\":\"a\"}}") };
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		for (unsigned c = 1; c < 0x100; c++) {
			char text[512];
			struct err e;
			if (c >= 0x20 && (c < 0x7f || c > 0x9f))
				continue;
			/* The row holds one conversion, for the character. */
			const char *mark = strstr(forms[i], "%04x");
			snprintf(text, sizeof(text), "%.*s%04x%s", (int)(mark - forms[i]), forms[i], c, mark + 4);
			if (refuse(text, strlen(text), &e) != ERR_INPUT)
				fail_msg("accepted: %s", text);
			assert_null(strpbrk(e.text, "\x01\n\t\x7f"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document),
		cmocka_unit_test(the_statement),
		cmocka_unit_test(actions),
		cmocka_unit_test(resources),
		cmocka_unit_test(conditions),
		cmocka_unit_test(hostile_json),
		cmocka_unit_test(depth_and_length),
		cmocka_unit_test(no_control_character_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
