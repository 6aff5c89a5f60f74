/* The fault script: every kind, every selector, scripts that are refused, and the same seed twice. */
#include "tests/unit/emulator/world.h"

#define RULE(rest) "{\"rules\":[{" rest "}]}"

static size_t user_count(struct world *w)
{
	return json_count(json_get(state_of(w), "users"));
}

static const char *add(struct world *w, const char *name)
{
	say(w, &w->root, "cam", "AddUser", "{\"Name\":\"%s\"}", name);
	return w->code;
}

static void kinds_that_do_nothing(void **state)
{
	struct world *w = *state;
	static const struct { const char *rest, *code; } rows[] = {
		{ "\"action\":\"AddUser\",\"kind\":\"error\",\"code\":\"InternalError\"", "InternalError" },
		{ "\"action\":\"AddUser\",\"kind\":\"throttle\"", "RequestLimitExceeded" },
		{ "\"action\":\"AddUser\",\"kind\":\"http500\"", "HTTP 500" },
		{ "\"action\":\"AddUser\",\"kind\":\"cut_before\"", "cut" },
		{ "\"action\":\"AddUser\",\"kind\":\"hang\"", "hang" },
		{ "\"action\":\"*\",\"kind\":\"cut_before\"", "cut" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SCRIPT(arena_printf(w->arena, "{\"rules\":[{%s}]}", rows[i].rest));
		assert_string_equal(add(w, "a"), rows[i].code);
		assert_int_equal(user_count(w), 0);
	}
	SCRIPT("{}");
	assert_string_equal(add(w, "a"), "OK");
}

static void kinds_that_do_it(void **state)
{
	struct world *w = *state;
	SCRIPT(RULE("\"action\":\"AddUser\",\"kind\":\"cut_after\",\"times\":1"));
	assert_string_equal(add(w, "a"), "cut");
	assert_int_equal(user_count(w), 1);
	assert_string_equal(add(w, "a"), "InvalidParameter.SubUserNameInUse");
	SCRIPT(RULE("\"action\":\"AddUser\",\"kind\":\"garbage\""));
	assert_string_equal(add(w, "b"), "garbage");
	assert_int_equal(user_count(w), 2);
	SCRIPT(RULE("\"action\":\"AddUser\",\"kind\":\"delay\",\"delay_ms\":1500"));
	assert_string_equal(add(w, "c"), "OK");
	assert_int_equal(w->reply.delay_ms, 1500);
	assert_int_equal(user_count(w), 3);
	/* The log says what was done and what the script made of it. */
	const struct json *calls = emulator_calls(w->em, w->arena);
	assert_string_equal(json_text(calls, "log[0].code"), "OK");
	assert_string_equal(json_text(calls, "log[0].fault"), "cut_after");
	assert_string_equal(json_text(calls, "log[1].code"), "InvalidParameter.SubUserNameInUse");
	assert_false(json_has(calls, "log[1].fault"));
}

static void skew(void **state)
{
	struct world *w = *state;
	SCRIPT(RULE("\"action\":\"GetUser\",\"kind\":\"skew\",\"skew_ms\":600000"));
	expect(w, "AuthFailure.SignatureExpire", "cam", "GetUser", "{\"Name\":\"a\"}");
	assert_int_equal(w->reply.date_ms, w->now + 600000);
	SCRIPT(RULE("\"action\":\"GetUser\",\"kind\":\"skew\",\"skew_ms\":-200000"));
	expect(w, "ResourceNotFound.UserNotExist", "cam", "GetUser", "{\"Name\":\"a\"}");
	assert_int_equal(w->reply.date_ms, w->now - 200000);
}

static void faults_spare_those_who_may_not(void **state)
{
	struct world *w = *state;
	AUTO_SECRET struct secret *wrong = secret_text("wrong");
	const struct signer nobody = { "AKIDroot", wrong };
	SCRIPT(RULE("\"action\":\"AddUser\",\"kind\":\"cut_after\""));
	say(w, &nobody, "cam", "AddUser", "{\"Name\":\"a\"}");
	assert_string_equal(w->code, "cut");
	assert_int_equal(user_count(w), 0);
	const struct json *calls = emulator_calls(w->em, w->arena);
	assert_string_equal(json_text(calls, "log[0].code"), "AuthFailure.SignatureFailure");
	assert_string_equal(json_text(calls, "log[0].caller"), "-");
}

/* --- selectors ---------------------------------------------------------------------------- */

static const char *pattern(struct world *w, const char *script, int calls)
{
	struct str s;
	str_init(&s, w->arena);
	SCRIPT(script);
	for (int i = 0; i < calls; i++) {
		say(w, &w->root, "cam", "GetUser", "{\"Name\":\"a\"}");
		str_add(&s, str_eq(w->code, "InternalError") ? "x" : str_eq(w->code, "InternalError.Other") ? "o" : ".");
	}
	return s.text;
}

#define FAIL "\"action\":\"GetUser\",\"kind\":\"error\",\"code\":\"InternalError\""

static void selectors(void **state)
{
	struct world *w = *state;
	assert_string_equal(pattern(w, RULE(FAIL), 5), "xxxxx");
	assert_string_equal(pattern(w, RULE(FAIL ",\"nth\":[1,3]"), 5), "x.x..");
	assert_string_equal(pattern(w, RULE(FAIL ",\"nth\":2"), 5), ".x...");
	assert_string_equal(pattern(w, RULE(FAIL ",\"every\":3"), 7), "..x..x.");
	assert_string_equal(pattern(w, RULE(FAIL ",\"every\":2,\"times\":2"), 9), ".x.x.....");
	assert_string_equal(pattern(w, RULE(FAIL ",\"times\":3"), 5), "xxx..");
	assert_string_equal(pattern(w, RULE(FAIL ",\"probability\":0"), 20), "....................");
	assert_string_equal(pattern(w, RULE(FAIL ",\"probability\":1"), 5), "xxxxx");
	/* The first rule that fires decides; each counts every call. */
	assert_string_equal(pattern(w, "{\"rules\":[{" FAIL ",\"nth\":[2]},{\"action\":\"*\",\"kind\":\"error\","
		"\"code\":\"InternalError.Other\",\"nth\":[2,3]}]}", 4), ".xo.");
	/* Other actions are not counted. */
	SCRIPT(RULE(FAIL ",\"nth\":[2]"));
	ok(w, "cam", "ListUsers", "{}");
	expect(w, "ResourceNotFound.UserNotExist", "cam", "GetUser", "{\"Name\":\"a\"}");
	expect(w, "InternalError", "cam", "GetUser", "{\"Name\":\"a\"}");
}

static void probability_follows_the_seed(void **state)
{
	(void)state;
	const char *seen[3];
	static const uint64_t seeds[] = { 5, 5, 6 };
	AUTO_ARENA struct arena *keep = arena_new(SIZE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
		struct world one;
		world_new(&one, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .seed = seeds[i] });
		seen[i] = arena_strdup(keep, pattern(&one, RULE(FAIL ",\"probability\":0.5"), 200));
		world_free(&one);
	}
	assert_string_equal(seen[0], seen[1]);
	assert_string_not_equal(seen[0], seen[2]);
	size_t fired = 0;
	for (const char *p = seen[0]; *p; p++)
		fired += *p == 'x';
	assert_in_range(fired, 70, 130);
}

/* The same seed and the same calls: the same ids, keys and answers. */
static void everything_follows_the_seed(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *keep = arena_new(SIZE_MAX);
	const char *seen[3];
	static const uint64_t seeds[] = { 5, 5, 6 };
	for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
		struct world one, *w = &one;
		world_new(w, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .build_ms = BUILD, .seed = seeds[i] });
		new_key(w, new_user(w, "a"));
		new_env(w, "rc-a");
		new_server(w, "t");
		ok(w, "lighthouse", "DescribeInstances", "{}");
		seen[i] = arena_printf(keep, "%s %.*s", json_print(keep, state_of(w)), (int)w->reply.body_len, w->reply.body);
		world_free(w);
	}
	assert_string_equal(seen[0], seen[1]);
	assert_string_not_equal(seen[0], seen[2]);
}

/* --- stale answers --------------------------------------------------------------------------- */

static void stale_listings(void **state)
{
	struct world *w = *state;
	SCRIPT(RULE("\"action\":\"ListUsers\",\"kind\":\"stale\",\"nth\":[2,4,6]"));
	ok(w, "cam", "ListUsers", "{}");
	new_user(w, "a");
	/* As before the change, then as it is. */
	ok(w, "cam", "ListUsers", "{}");
	assert_int_equal(json_count(json_get(w->response, "Data")), 0);
	ok(w, "cam", "ListUsers", "{}");
	assert_int_equal(json_count(json_get(w->response, "Data")), 1);
	/* Nothing changed since: still as before the last change. */
	ok(w, "cam", "ListUsers", "{}");
	assert_int_equal(json_count(json_get(w->response, "Data")), 0);
	ok(w, "cam", "ListUsers", "{}");
	ok(w, "cam", "DeleteUser", "{\"Name\":\"a\"}");
	ok(w, "cam", "ListUsers", "{}");
	assert_int_equal(json_count(json_get(w->response, "Data")), 1);
	ok(w, "cam", "ListUsers", "{}");
	assert_int_equal(json_count(json_get(w->response, "Data")), 0);
}

/* Look, create, look again: the environment that was just paid is not there yet.  Errors are remembered as well. */
static void stale_looks(void **state)
{
	struct world *w = *state;
	SCRIPT("{\"rules\":[{\"action\":\"DescribeEnvs\",\"kind\":\"stale\",\"nth\":[3]},"
		"{\"action\":\"GetUser\",\"kind\":\"stale\",\"nth\":[2]}]}");
	ok(w, "tcb", "DescribeEnvs", "{}");
	order_env(w, "rc-a");
	ok(w, "tcb", "DescribeEnvs", "{\"Limit\":50}");
	assert_int_equal(number_at(w, "Total"), 1);
	ok(w, "tcb", "DescribeEnvs", "{}");
	assert_int_equal(number_at(w, "Total"), 0);
	expect(w, "ResourceNotFound.UserNotExist", "cam", "GetUser", "{\"Name\":\"a\"}");
	new_user(w, "a");
	expect(w, "ResourceNotFound.UserNotExist", "cam", "GetUser", "{\"Name\":\"a\"}");
	ok(w, "cam", "GetUser", "{\"Name\":\"a\"}");
	/* A question that was never asked before is answered as it is; an action that changes things is never stale. */
	SCRIPT("{\"rules\":[{\"action\":\"*\",\"kind\":\"stale\"}]}");
	ok(w, "cam", "ListAccounts", "{}");
	assert_int_equal(json_count(json_get(w->response, "Users")), 1);
	new_user(w, "b");
	assert_int_equal(user_count(w), 2);
}

/* --- scripts that are refused -------------------------------------------------------------------- */

static void bad_scripts(void **state)
{
	struct world *w = *state;
	static const struct { const char *script, *place; } rows[] = {
		{ "", "" }, { "[]", "" }, { "{", "" },
		{ "{\"rule\":[]}", "rule: " },
		{ "{\"rules\":{}}", "rules: " },
		{ "{\"rules\":[5]}", "rules[0]: " },
		{ "{\"rules\":[{" FAIL "},{\"kind\":\"throttle\"}]}", "rules[1].action: " },
		{ RULE("\"action\":\"NoSuchAction\",\"kind\":\"throttle\""), "rules[0].action: " },
		{ RULE("\"action\":\"AddUser\""), "rules[0].kind: " },
		{ RULE("\"action\":\"AddUser\",\"kind\":\"explode\""), "rules[0].kind: " },
		{ RULE("\"action\":\"AddUser\",\"kind\":\"error\""), "rules[0].code: " },
		{ RULE(FAIL ",\"nth\":[]"), "rules[0].nth: " },
		{ RULE(FAIL ",\"nth\":[0]"), "rules[0].nth: " },
		{ RULE(FAIL ",\"every\":0"), "rules[0].every: " },
		{ RULE(FAIL ",\"every\":\"2\""), "rules[0].every: " },
		{ RULE(FAIL ",\"probability\":1.5"), "rules[0].probability: " },
		{ RULE(FAIL ",\"times\":0"), "rules[0].times: " },
		{ RULE(FAIL ",\"delay_ms\":-1"), "rules[0].delay_ms: " },
		{ RULE(FAIL ",\"when\":1"), "rules[0].when: " },
		{ "{\"switches\":{\"alias_unique\":1}}", "switches.alias_unique: " },
		{ "{\"switches\":{\"refund_days\":\"5\"}}", "switches.refund_days: " },
		{ "{\"switches\":{\"refund_days\":-2}}", "switches.refund_days: " },
		{ "{\"switches\":{\"weather\":true}}", "switches.weather: " },
	};
	SCRIPT(RULE(FAIL));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e;
		assert_int_equal(emulator_faults(w->em, rows[i].script, strlen(rows[i].script), &e), ERR_INPUT);
		if (!str_starts(e.text, rows[i].place))
			fail_msg("%s: \"%s\"", rows[i].script, e.text);
	}
	/* A script that was refused changed nothing. */
	expect(w, "InternalError", "cam", "GetUser", "{\"Name\":\"a\"}");
	/* A new one starts with the switches at rest. */
	SCRIPT("{\"switches\":{\"alias_unique\":true}}");
	SCRIPT("{\"rules\":[]}");
	order_env(w, "rc-a");
	order_env(w, "rc-a");
}

/* --- the paths of the emulator itself --------------------------------------------------------------- */

static int path(struct world *w, const char *method, const char *name, const char *body)
{
	const struct emulator_request q = { .now_ms = w->now, .method = method, .path = name, .query = "", .body = body,
		.body_len = strlen(body) };
	emulator_handle(w->em, &q, w->arena, &w->reply);
	return w->reply.status;
}

static void control_paths(void **state)
{
	struct world *w = *state;
	new_user(w, "a");
	assert_int_equal(path(w, "GET", "/_emulator/state", ""), 200);
	assert_non_null(strstr(w->reply.body, "\"name\":\"a\""));
	assert_int_equal(path(w, "GET", "/_emulator/calls", ""), 200);
	assert_non_null(strstr(w->reply.body, "\"AddUser\":{\"OK\":1}"));
	assert_int_equal(path(w, "POST", "/_emulator/faults", RULE(FAIL)), 200);
	assert_int_equal(path(w, "POST", "/_emulator/faults", "{\"rules\":7}"), 400);
	assert_string_equal(w->reply.body, "{\"error\":\"rules: must be a list\"}");
	assert_int_equal(path(w, "POST", "/_emulator/clock", "{\"advance_ms\":86400000}"), 200);
	assert_string_equal(w->reply.body, arena_printf(w->arena, "{\"business_ms\":%" PRId64 "}", w->now + DAYS));
	static const char *const clocks[] = { "", "{}", "{\"advance_ms\":-1}", "{\"advance_ms\":1e30}", "{\"advance_ms\":\"x\"}" };
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++)
		assert_int_equal(path(w, "POST", "/_emulator/clock", clocks[i]), 400);
	assert_int_equal(path(w, "POST", "/_emulator/state", ""), 405);
	assert_int_equal(path(w, "GET", "/_emulator/clock", ""), 405);
	assert_int_equal(path(w, "GET", "/_emulator/else", ""), 404);
	/* None of it is a call of an action. */
	assert_int_equal(json_int_or(emulator_calls(w->em, w->arena), "calls", 0), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(kinds_that_do_nothing),
		TEST(kinds_that_do_it),
		TEST(skew),
		TEST(faults_spare_those_who_may_not),
		TEST(selectors),
		cmocka_unit_test(probability_follows_the_seed),
		cmocka_unit_test(everything_follows_the_seed),
		TEST(stale_listings),
		TEST(stale_looks),
		TEST(bad_scripts),
		TEST(control_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
