/* Names and placement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policies/cam/prove.h"
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

/* --- the policy ----------------------------------------------------------------------------------------------- */

#define ENV "qcs::tcb:${region}:uin/${uin}:env/"
#define ALLOW(action, resource) "{\"effect\":\"allow\",\"action\":\"" action "\",\"resource\":\"" resource "\"}"
#define DENY(actions) "{\"effect\":\"deny\",\"action\":[" actions "],\"resource\":\"*\"}"
#define TEMPLATE(statements) "{\"version\":\"2.0\",\"statement\":[" statements "]}"
#define DENIES DENY("\"cam:*\",\"tcb:CreateEnv\"")

static const char actions[] = "level env " ENV "${envId}\nlevel account *\nend more more rights than his policy gives\n"
	"action tcb:DescribeEnvs env read\naction tcb:CreateEnv account write pays\naction cam:UpdatePolicy account write widens gives more\n";

struct desk {
	struct arena *a;
	struct root root;
	struct placement placement;
	struct found found;
	struct grant_input in;
	struct account want;
	struct err e;
};

static void use_template(struct desk *d, const char *text)
{
	d->in.template_text = text;
	d->in.template_len = strlen(text);
}

static int open_desk(void **state)
{
	struct desk *d = mem_alloc(sizeof(*d));
	struct cam_catalogue *catalogue;
	d->a = arena_new(1 << 20);
	d->root = (struct root){ .owner_uin = 100000000001, .app_id = 1250000000 };
	assert_int_equal(cam_catalogue_parse(d->a, actions, sizeof(actions) - 1, &catalogue, &d->e), 0);
	assert_int_equal(make("alice", UUID_A, 1, &d->placement, &d->e), 0);
	d->in = (struct grant_input){ .installation = "t", .uuid = UUID_A, .generation = 1, .root = &d->root,
		.placement = &d->placement, .catalogue = catalogue };
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "${envId}") "," DENIES));
	str_copy(d->found.env_id, sizeof(d->found.env_id), "rc-x-123");
	str_copy(d->found.bucket, sizeof(d->found.bucket), "b");
	str_copy(d->found.topic, sizeof(d->found.topic), "t-1");
	*state = d;
	return 0;
}

static int close_desk(void **state)
{
	struct desk *d = *state;
	arena_free(d->a);
	free(d);
	return 0;
}

/* No policy, and why; everything that taking away needs is there. */
static void refused(struct desk *d, const char *why)
{
	memset(&d->want, 0, sizeof(d->want));
	assert_int_equal(grant(&d->in, &d->found, d->a, &d->want, &d->e), ERR_INPUT);
	if (!strstr(d->e.text, why))
		fail_msg("\"%s\" does not hold \"%s\"", d->e.text, why);
	assert_null(d->want.policy_document);
	assert_string_equal(d->want.user_name, d->placement.user_name);
}

static void policy_appears_with_the_environment(void **state)
{
	struct desk *d = *state;
	const struct found nothing = { 0 };
	d->in.prove_after_ms = 1234;
	assert_int_equal(grant(&d->in, &nothing, d->a, &d->want, &d->e), 0);
	assert_null(d->want.policy_document);
	assert_int_equal(d->want.prove_after_ms, 1234);
	assert_int_equal(grant(&d->in, &d->found, d->a, &d->want, &d->e), 0);
	assert_non_null(strstr(d->want.policy_document, "qcs::tcb:ap-shanghai:uin/100000000001:env/rc-x-123"));
	assert_null(strstr(d->want.policy_document, "${"));
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", "${envid}") "," DENIES));
	refused(d, "policy template: unknown placeholder");
}

#define NOT_PROVED "the policy is not proved to isolate: "

static void no_policy_unless_it_is_proved_to_isolate(void **state)
{
	struct desk *d = *state;
	/* Each with one statement widened. */
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "*") "," DENIES));
	refused(d, NOT_PROVED "statement[0] allows tcb:DescribeEnvs on \"qcs::tcb:ap-shanghai:uin/100000000001:env/*\"");
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", "*") "," DENIES));
	refused(d, NOT_PROVED "statement[0]");
	use_template(d, TEMPLATE(ALLOW("tcb:*", ENV "${envId}") "," DENIES));
	refused(d, NOT_PROVED "statement[0]");
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "${envId}") "," DENY("\"cam:*\"")));
	refused(d, "tcb:CreateEnv");
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "${envId}") "," ALLOW("cam:UpdatePolicy", "*") ","
		DENY("\"tcb:CreateEnv\"")));
	refused(d, NOT_PROVED "statement[1] allows cam:UpdatePolicy");
	assert_non_null(strstr(d->e.text, " more)"));
}

/* What isolates some environments and not this one. */
static void proved_with_his_own_identifiers(void **state)
{
	struct desk *d = *state;
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "rc-x-123") "," DENIES));
	assert_int_equal(grant(&d->in, &d->found, d->a, &d->want, &d->e), 0);
	str_copy(d->found.env_id, sizeof(d->found.env_id), "rc-x-124");
	refused(d, NOT_PROVED "statement[0] allows");
	char *sample = arena_printf(d->a, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "%s") "," DENIES), cam_sample.env_id);
	use_template(d, sample);
	refused(d, NOT_PROVED "statement[0] allows");
}

/* One walk asks again and again; whatever is another environment is proved anew. */
static void proved_once_for_each_environment(void **state)
{
	struct desk *d = *state;
	struct grant_memo memo = { 0 };
	d->in.memo = &memo;
	assert_int_equal(grant(&d->in, &d->found, d->a, &d->want, &d->e), 0);
	const char *first = d->want.policy_document;
	assert_int_equal(grant(&d->in, &d->found, d->a, &d->want, &d->e), 0);
	assert_ptr_equal(d->want.policy_document, first);
	use_template(d, TEMPLATE(ALLOW("tcb:DescribeEnvs", ENV "rc-x-123") "," DENIES));
	str_copy(d->found.topic, sizeof(d->found.topic), "t-2");
	assert_int_equal(grant(&d->in, &d->found, d->a, &d->want, &d->e), 0);
	assert_ptr_not_equal(d->want.policy_document, first);
	str_copy(d->found.env_id, sizeof(d->found.env_id), "rc-x-124");
	refused(d, NOT_PROVED);
	/* What was refused is not remembered as good. */
	refused(d, NOT_PROVED);
}

static void never_unproved(void **state)
{
	struct desk *d = *state;
	d->in.catalogue = NULL;
	refused(d, "no catalogue");
}

/* A sentence may be longer than an error; that there are more is told all the same. */
static void a_long_reason_is_cut(void **state)
{
	struct desk *d = *state;
	struct str s;
	str_init(&s, d->a);
	for (int i = 0; i < 20; i++)
		str_addf(&s, "%s\"tcb:Unheard%d\"", i ? "," : "", i);
	use_template(d, arena_printf(d->a, TEMPLATE("{\"effect\":\"allow\",\"action\":[%s],\"resource\":\"*\"}"), s.text));
	refused(d, "... (and 2 more)");
}

#define POLICY_TEST(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_stable_and_own),
		cmocka_unit_test(logins_are_made_fit),
		cmocka_unit_test(placement_survives_the_store),
		POLICY_TEST(policy_appears_with_the_environment),
		POLICY_TEST(no_policy_unless_it_is_proved_to_isolate),
		POLICY_TEST(proved_with_his_own_identifiers),
		POLICY_TEST(proved_once_for_each_environment),
		POLICY_TEST(never_unproved),
		POLICY_TEST(a_long_reason_is_cut),
	};
	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
