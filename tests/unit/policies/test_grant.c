/* Names, placement, brake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policies/brake.h"
#include "policies/grant.h"

#define UUID_A "89da469d-e813-11f1-9271-ca710d083b6f"
#define UUID_B "89da469d-e813-11f1-9271-ca710d083b70"

static const struct profile profile = { .name = "all", .package = "baas_personal", .bundle = "b" };

static int make(const char *login, const char *uuid, unsigned generation, struct placement *p, struct err *e)
{
	return placement_make(login, uuid, generation, "main", "ap-shanghai", &profile, p, e);
}

static void names_are_stable_and_own(void **state)
{
	(void)state;
	struct placement a, again, other, second;
	struct err e;
	assert_int_equal(make("alice", UUID_A, 1, &a, &e), 0);
	assert_int_equal(make("alice", UUID_A, 1, &again, &e), 0);
	assert_int_equal(make("alice", UUID_B, 1, &other, &e), 0);
	assert_int_equal(make("alice", UUID_A, 2, &second, &e), 0);
	assert_string_equal(a.user_name, again.user_name);
	assert_string_not_equal(a.user_name, other.user_name);
	assert_string_not_equal(a.user_name, second.user_name);
	assert_string_not_equal(a.env_alias, second.env_alias);
	assert_int_equal(strlen(a.user_name), strlen("alice-") + 6);
	assert_int_equal(strlen(a.env_alias), 19);      /* CreateEnv takes 20 at most */
	assert_memory_equal(a.env_alias, "rc-", 3);
}

static void logins_are_made_fit(void **state)
{
	(void)state;
	static const struct { const char *login, *stem; } cases[] = {
		{ "alice", "alice-" }, { "Bob.Smith", "bob.smith-" }, { "42nd", "nd-" }, { "a b", "ab-" },
		{ "carol@example.org", "carol-" }, { "x_-.", "x-" }, { "z\xc3\xbc", "z-" },
		{ "averyveryverylongloginnamethatneverends", "averyveryverylongloginnamethatne-" },
	};
	struct placement p;
	struct err e;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(make(cases[i].login, UUID_A, 1, &p, &e), 0);
		if (strncmp(p.user_name, cases[i].stem, strlen(cases[i].stem)) != 0)
			fail_msg("%s became %s", cases[i].login, p.user_name);
	}
	assert_int_equal(make("\xe7\x8e\x8b\xe5\xb0\x8f\xe6\x98\x8e", UUID_A, 1, &p, &e), ERR_INPUT);
	assert_non_null(strstr(e.text, "CAM user name"));
	assert_int_equal(make("123", UUID_A, 1, &p, &e), ERR_INPUT);
}

static void placement_survives_the_store(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	struct placement p, back;
	struct err e;
	assert_int_equal(make("alice", UUID_A, 3, &p, &e), 0);
	assert_int_equal(placement_parse(placement_print(&p, a), a, &back, &e), 0);
	assert_string_equal(p.user_name, back.user_name);
	assert_string_equal(p.bundle, back.bundle);
	assert_int_equal(placement_parse("{}", a, &back, &e), ERR_INPUT);
	assert_int_equal(placement_parse("rubbish", a, &back, &e), ERR_INPUT);
}

static void policy_appears_with_the_environment(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	static const char text[] = "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"tcb:DescribeEnvs\","
				   "\"resource\":\"qcs::tcb:${region}:uin/${uin}:env/${envId}\"}]}";
	struct root root = { .owner_uin = 100000000001, .app_id = 1250000000 };
	struct placement p;
	struct found f = { 0 };
	struct account want;
	struct err e;
	assert_int_equal(make("alice", UUID_A, 1, &p, &e), 0);
	const struct grant_input in = { .installation = "t", .uuid = UUID_A, .generation = 1, .root = &root, .placement = &p,
		.template_text = text, .template_len = sizeof(text) - 1 };
	assert_int_equal(grant(&in, &f, a, &want, &e), 0);
	assert_null(want.policy_document);
	str_copy(f.env_id, sizeof(f.env_id), "rc-x-123");
	str_copy(f.bucket, sizeof(f.bucket), "b");
	str_copy(f.topic, sizeof(f.topic), "t-1");
	assert_int_equal(grant(&in, &f, a, &want, &e), 0);
	assert_non_null(strstr(want.policy_document, "qcs::tcb:ap-shanghai:uin/100000000001:env/rc-x-123"));
	assert_null(strstr(want.policy_document, "${"));
	/* A template with a mistake gives no policy; everything that taking away needs is there. */
	struct grant_input bad = in;
	bad.template_text = "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"*\",\"resource\":\"${envid}\"}]}";
	bad.template_len = strlen(bad.template_text);
	memset(&want, 0, sizeof(want));
	assert_int_equal(grant(&bad, &f, a, &want, &e), ERR_INPUT);
	assert_null(want.policy_document);
	assert_string_equal(want.user_name, p.user_name);
}

static void brake(void **state)
{
	(void)state;
	const struct brake_rules r = { .count = 5, .percent = 2 };
	assert_true(brake_lets(&r, 10, 0, 5));
	assert_false(brake_lets(&r, 10, 0, 6));
	assert_false(brake_lets(&r, 10, 3, 3));       /* those already done count */
	assert_true(brake_lets(&r, 1000, 0, 20));
	assert_false(brake_lets(&r, 1000, 0, 21));
	const char *why;
	struct refresh_facts f = { .ended_well = true, .named = 3, .known = 3 };
	assert_true(brake_believes(&f, &why));
	f.named = 0;
	assert_false(brake_believes(&f, &why));
	assert_non_null(why);
	f.known = 0;
	assert_true(brake_believes(&f, &why));
	f.ended_well = false;
	assert_false(brake_believes(&f, &why));
}

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_stable_and_own),
		cmocka_unit_test(logins_are_made_fit),
		cmocka_unit_test(placement_survives_the_store),
		cmocka_unit_test(policy_appears_with_the_environment),
		cmocka_unit_test(brake),
	};
	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
