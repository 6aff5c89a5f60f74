/* Templates: what is filled in, what is refused, and what the three that ship allow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/eval.h"
#include "policies/cam/prove.h"
#include "policies/cam/render.h"

#define OWNER UINT64_C(100012345678)
#define APP UINT64_C(1300000001)
#define OWN "rc-own-0123456789abcdef"
#define FOREIGN "rc-other-0123456789abcde"

static const struct cam_identifiers own = { .owner_uin = OWNER, .app_id = APP, .region = "ap-shanghai", .env_id = OWN,
	.name_space = OWN, .topic_id = "11111111-2222-4333-8444-555555555555", .bucket = "6abc-" OWN };

enum { MOST = 1 << 20 };

static char *load_file(struct arena *a, const char *name, size_t *n)
{
	FILE *f = fopen(arena_printf(a, "policies/templates/%s", name), "r");
	assert_non_null(f);
	char *text = arena_alloc(a, MOST);
	*n = fread(text, 1, MOST - 1, f);
	fclose(f);
	return text;
}

static char *load(struct arena *a, const char *name, size_t *n)
{
	return load_file(a, arena_printf(a, "%s.json", name), n);
}

static struct cam_policy *rendered(struct arena *a, const char *name, const struct cam_identifiers *id)
{
	size_t n;
	char *text = load(a, name, &n), *out = NULL;
	struct cam_policy *p;
	struct err e;
	/* The template itself is in the language already. */
	if (cam_policy_parse(a, text, n, &p, &e) || cam_render(a, text, n, id, &out, &e))
		fail_msg("%s: %s", name, e.text);
	assert_non_null(out);
	if (cam_policy_parse(a, out, strlen(out), &p, &e))
		fail_msg("%s: %s", name, e.text);
	assert_true(strlen(out) <= CAM_POLICY_MAX);
	assert_null(strstr(out, "${"));
	assert_null(strchr(out, '\n'));
	return p;
}

static enum cam_verdict judge(const struct cam_policy *p, const struct cam_policy *boundary, const char *action,
	const char *resource)
{
	struct cam_request r = { .action = action, .resource = resource, .owner_uin = OWNER, .uin = OWNER + 5, .app_id = APP };
	return cam_evaluate(&p, p ? 1 : 0, boundary, &r).verdict;
}

#define T "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"tcb:*\",\"resource\":\"%s\"}]}"

static int render_one(struct arena *a, const char *resource, const struct cam_identifiers *id, char **out, struct err *e)
{
	char text[512];
	snprintf(text, sizeof(text), T, resource);
	return cam_render(a, text, strlen(text), id, out, e);
}

static void placeholders_are_filled(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	char *out;
	struct err e;
	assert_int_equal(render_one(a, "qcs::tcb:${region}:uin/${uin}:env/${envId}", &own, &out, &e), 0);
	assert_non_null(strstr(out, "\"qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN "\""));
	assert_int_equal(render_one(a, "qcs::cos:${region}:uid/${appId}:${bucket}/*", &own, &out, &e), 0);
	assert_non_null(strstr(out, "uid/1300000001:6abc-" OWN "-1300000001/*"));
	struct cam_identifiers with = own;
	with.bucket = "6abc-" OWN "-1300000001";
	assert_int_equal(render_one(a, "qcs::cos:${region}:uid/${appId}:${bucket}/*", &with, &out, &e), 0);
	assert_non_null(strstr(out, ":6abc-" OWN "-1300000001/*"));
	assert_int_equal(render_one(a, "qcs::scf::uin/${uin}:${namespace}/${topicId}", &own, &out, &e), 0);
	/* What a template does not need may be missing. */
	struct cam_identifiers few = { .owner_uin = OWNER, .region = "ap-shanghai", .env_id = OWN };
	assert_int_equal(render_one(a, "qcs::tcb:${region}:uin/${uin}:env/${envId}", &few, &out, &e), 0);
}

static void refused(const char *resource, const struct cam_identifiers *id, const char *word)
{
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	char *out = NULL;
	struct err e;
	assert_int_equal(render_one(a, resource, id, &out, &e), ERR_INPUT);
	assert_null(out);
	if (!strstr(e.text, word))
		fail_msg("\"%s\" does not name \"%s\"", e.text, word);
}

static void what_cannot_be_filled_is_refused(void **state)
{
	(void)state;
	static const char *const hostile[] = { "a\"b", "a*", "a/b", "a:b", "a b", "${uin}", "\xc3\xa4", "" };
	refused("qcs::tcb:::env/${env}", &own, "${env}");
	refused("qcs::tcb:::env/${app_id}", &own, "\"${app_id}\" is a policy variable, which no template may hold");
	refused("qcs::tcb:::env/${owner_uin}", &own, "\"${owner_uin}\" is a policy variable, which no template may hold");
	refused("qcs::tcb:::env/${APP_ID}", &own, "unknown placeholder \"${APP_ID}\"");
	refused("qcs::tcb:::env/${env${envId}}", &own, "unknown placeholder");
	refused("qcs::tcb:::env/${envId", &own, "not closed");
	refused("qcs::tcb:::env/${}", &own, "${}");
	struct cam_identifiers none = { .owner_uin = 0 };
	refused("qcs::tcb:::env/${envId}", &none, "envId");
	refused("qcs::tcb::uin/${uin}:x", &none, "uin");
	refused("qcs::tcb::uid/${appId}:x", &none, "appId");
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct cam_identifiers id = own;
		id.env_id = hostile[i];
		refused("qcs::tcb:::env/${envId}", &id, "envId");
	}
	/* An escape in the template does not hide a placeholder. */
	refused("qcs::tcb:::env/\\u0024{uid}", &own, "${uid}");
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	char *out;
	struct err e;
	assert_int_equal(cam_render(a, "{}", 2, &own, &out, &e), ERR_INPUT);
	assert_int_equal(cam_render(a, "no", 2, &own, &out, &e), ERR_INPUT);
}

static void a_document_that_grows_too_long_is_refused(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	struct str s;
	char *out;
	struct err e;
	str_init(&s, a);
	str_add(&s, "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"tcb:X\",\"resource\":[");
	for (int i = 0; i < 200; i++)
		str_addf(&s, "%s\"qcs::tcb:::env/${envId}\"", i ? "," : "");
	str_add(&s, "]}]}");
	assert_true(s.len < CAM_POLICY_MAX);
	assert_int_equal(cam_render(a, s.text, s.len, &own, &out, &e), ERR_INPUT);
	assert_string_equal(e.code, "InvalidParameter.PolicyDocumentLengthOverLimit");
}

static void employee_reaches_his_own_environment(void **state)
{
	(void)state;
	static const struct { const char *action, *resource; } rows[] = {
		{ "tcb:DescribeEnvs", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:DescribeEnvInfo", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:RunCommands", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:UpdateFunctionCode", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcbr:DescribeCloudRunServers", "qcs::tcbr:ap-shanghai:uin/100012345678:env/" OWN },
		{ "lowcode:DescribeApps", "qcs::lowcode:ap-shanghai:uin/100012345678:env/" OWN },
		{ "scf:Invoke", "qcs::scf:ap-shanghai:uin/100012345678:namespace/" OWN "/function/hello" },
		{ "cls:SearchLog", "qcs::cls:ap-shanghai:uin/100012345678:topic/11111111-2222-4333-8444-555555555555" },
		{ "cos:PutObject", "qcs::cos:ap-shanghai:uid/1300000001:6abc-" OWN "-1300000001/a/b" },
		{ "tcb:CheckTcbService", "*" }, { "tcb:DescribeBaasPackageList", "*" },
	};
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	const struct cam_policy *p = rendered(a, "employee", &own), *boundary = rendered(a, "boundary", &own);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (judge(p, boundary, rows[i].action, rows[i].resource) != CAM_ALLOW)
			fail_msg("%s on %s is refused", rows[i].action, rows[i].resource);
}

static void employee_reaches_nothing_else(void **state)
{
	(void)state;
	static const struct { const char *action, *resource; } rows[] = {
		/* The environment, function, topic and bucket of a colleague. */
		{ "tcb:DescribeEnvs", "qcs::tcb:ap-shanghai:uin/100012345678:env/" FOREIGN },
		{ "tcb:RunCommands", "qcs::tcb:ap-shanghai:uin/100012345678:env/" FOREIGN },
		{ "tcb:QueryRecords", "*" },
		{ "tcb:UpdateFunctionCode", "*" },
		{ "tcbr:DescribeCloudRunServers", "qcs::tcbr:ap-shanghai:uin/100012345678:env/" FOREIGN },
		{ "lowcode:DescribeApps", "qcs::lowcode:ap-shanghai:uin/100012345678:env/" FOREIGN },
		{ "scf:Invoke", "qcs::scf:ap-shanghai:uin/100012345678:namespace/" FOREIGN "/function/hello" },
		{ "cls:SearchLog", "qcs::cls:ap-shanghai:uin/100012345678:topic/99999999-2222-4333-8444-555555555555" },
		{ "cls:DeleteTopic", "qcs::cls:ap-shanghai:uin/100012345678:topic/11111111-2222-4333-8444-555555555555" },
		{ "cos:PutObject", "qcs::cos:ap-shanghai:uid/1300000001:6abc-" FOREIGN "-1300000001/a" },
		{ "cos:PutObjectACL", "qcs::cos:ap-shanghai:uid/1300000001:6abc-" OWN "-1300000001/a" },
		/* The three verbs of the vendor's published template that widen rights, and their kin. */
		{ "cam:UpdatePolicy", "*" }, { "cam:CreateRole", "*" }, { "cam:AttachRolePolicy", "*" },
		{ "cam:AttachUserPolicy", "*" }, { "cam:CreateAccessKey", "qcs::cam::uin/100012345678:uin/100012345683" },
		{ "sts:AssumeRole", "*" }, { "sts:GetFederationToken", "*" }, { "sts:GetSessionToken", "*" },
		{ "tag:TagResources", "*" },
		/* What reaches a colleague's by a role of the service. */
		{ "scf:CopyFunction", "*" }, { "scf:CreateTrigger", "*" },
		{ "scf:CreateTrigger", "qcs::scf:ap-shanghai:uin/100012345678:namespace/" OWN "/function/hello" },
		{ "tcb:BindStorageSource", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "cls:CreateCosRecharge", "qcs::cls:ap-shanghai:uin/100012345678:topic/11111111-2222-4333-8444-555555555555" },
		/* Paying, destroying, and keys that outlive the sub-account's. */
		{ "tcb:CreateEnv", "*" }, { "tcb:RenewEnv", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:DestroyEnv", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:ModifyEnvPlan", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:ModifyEnv", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "tcb:CreateApiKey", "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN },
		{ "lighthouse:CreateInstances", "qcs::lighthouse:ap-shanghai:uin/100012345678:instance/*" },
		{ "tcb:DescribeBillingInfo", "*" }, { "tcb:DescribeEnvLimit", "*" }, { "tcb:DescribePackages", "*" },
	};
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	const struct cam_policy *p = rendered(a, "employee", &own);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (judge(p, NULL, rows[i].action, rows[i].resource) == CAM_ALLOW)
			fail_msg("%s on %s is allowed", rows[i].action, rows[i].resource);
}

static void the_boundary_holds_without_the_policy(void **state)
{
	(void)state;
	static const char *const refused_actions[] = { "cam:UpdatePolicy", "cam:CreateRole", "cam:AttachRolePolicy",
		"cam:PassRole", "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:GetFederationToken", "tag:TagResources",
		"tcb:CreateEnv", "tcb:RenewEnv", "tcb:ModifyEnvPlan", "tcb:CreateBillDeal", "tcb:CreateApiKey", "tcb:DestroyEnv",
		"lighthouse:CreateInstances", "lighthouse:RenewInstances", "cvm:RunInstances", "finance:trade",
		"tat:RunCommand", "cdb:CreateDBInstance" };
	/* Services that an employee does not use, though nobody wrote down what of them pays. */
	static const char *const strange_actions[] = { "vpc:CreateVpc", "kms:Decrypt", "sts:QueryApiKey", "ssl:DescribeCertificateDetail" };
	static const char *const granted_actions[] = { "tcb:DescribeEnvs", "scf:Invoke", "cos:GetObject", "tcbr:ReleaseGray",
		"sts:GetCallerIdentity", "cls:SearchLog" };
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	struct cam_policy *everything;
	struct err e;
	const char *all = "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"*\",\"resource\":\"*\"}]}";
	const struct cam_policy *boundary = rendered(a, "boundary", &own);
	assert_int_equal(cam_policy_parse(a, all, strlen(all), &everything, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(refused_actions); i++)
		if (judge(everything, boundary, refused_actions[i], "*") != CAM_EXPLICIT_DENY)
			fail_msg("%s passes the boundary", refused_actions[i]);
	for (size_t i = 0; i < ARRAY_LEN(strange_actions); i++)
		if (judge(everything, boundary, strange_actions[i], "*") != CAM_IMPLICIT_DENY)
			fail_msg("%s passes the boundary", strange_actions[i]);
	for (size_t i = 0; i < ARRAY_LEN(granted_actions); i++)
		if (judge(everything, boundary, granted_actions[i], "*") != CAM_ALLOW)
			fail_msg("%s does not pass the boundary", granted_actions[i]);
}

static void the_barrier_denies_everything(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	const struct cam_policy *all[] = { rendered(a, "employee", &own), rendered(a, "deny-all", &own) };
	struct cam_request r = { .action = "tcb:DescribeEnvs", .resource = "qcs::tcb:ap-shanghai:uin/100012345678:env/" OWN,
		.owner_uin = OWNER, .uin = OWNER + 5, .app_id = APP };
	assert_int_equal(cam_evaluate(all, 1, NULL, &r).verdict, CAM_ALLOW);
	assert_int_equal(cam_evaluate(all, 2, NULL, &r).verdict, CAM_EXPLICIT_DENY);
	r.action = "sts:GetCallerIdentity";
	r.resource = "*";
	assert_int_equal(cam_evaluate(all, 2, NULL, &r).verdict, CAM_EXPLICIT_DENY);
}

/* The documentation shows a '*' at the end of an action and nowhere else. */
static void wildcards_stand_at_the_end(void **state)
{
	(void)state;
	static const char *const names[] = { "employee", "boundary", "deny-all" };
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		const struct cam_policy *p = rendered(a, names[n], &own);
		for (size_t i = 0; i < p->count; i++)
			for (size_t k = 0; k < p->statements[i].actions.count; k++) {
				const char *star = strchr(p->statements[i].actions.items[k], '*');
				if (star && star[1])
					fail_msg("%s: %s", names[n], p->statements[i].actions.items[k]);
			}
	}
}

/* The one statement that denies. */
static struct cam_texts *denied(struct cam_policy *p)
{
	struct cam_texts *found = NULL;
	for (size_t i = 0; i < p->count; i++) {
		if (p->statements[i].allow)
			continue;
		assert_null(found);
		found = &p->statements[i].actions;
	}
	assert_non_null(found);
	return found;
}

/* Each entry of the denies keeps out something that no other one does. */
static void no_deny_stands_in_vain(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(32 << 20);
	size_t n;
	char *text = load_file(a, "actions.txt", &n);
	struct cam_catalogue *c = NULL;
	struct err e;
	if (cam_catalogue_parse(a, text, n, &c, &e))
		fail_msg("%s", e.text);
	struct cam_policy *p = rendered(a, "employee", &own);
	struct cam_texts *entries = denied(p);
	size_t last = entries->count - 1;
	entries->count = last;
	for (size_t i = 0; i <= last; i++) {
		AUTO_ARENA struct arena *once = arena_new(8 << 20);
		const char *out = entries->items[i];
		struct cam_proof proof = { 0 };
		entries->items[i] = entries->items[last];
		const struct cam_policy *const all[] = { p };
		if (cam_prove(once, c, all, 1, &own, &proof, &e))
			fail_msg("%s", e.text);
		if (!proof.count)
			fail_msg("nobody notices when \"%s\" is not denied", out);
		entries->items[i] = out;
	}
}

/* The boundary takes nothing away from the policy, and keeps out what the policy keeps out. */
static void boundary_and_policy_agree(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	struct cam_policy *p = rendered(a, "employee", &own), *boundary = rendered(a, "boundary", &own);
	for (size_t i = 0; i < p->count; i++) {
		const struct cam_statement *s = &p->statements[i];
		for (size_t k = 0; s->allow && k < s->actions.count; k++)
			if (judge(p, boundary, s->actions.items[k], s->resources[0].text) != CAM_ALLOW)
				fail_msg("%s on %s does not pass", s->actions.items[k], s->resources[0].text);
	}
	const struct cam_texts *mine = denied(p), *its = denied(boundary);
	assert_int_equal(mine->count, its->count);
	for (size_t i = 0; i < mine->count; i++)
		assert_string_equal(mine->items[i], its->items[i]);
}

static void the_longest_names_fit(void **state)
{
	(void)state;
	/* An alias of 20 characters, "-", and 16 more that the cloud adds. */
	static const struct cam_identifiers longest = { .owner_uin = UINT64_C(100000000000001), .app_id = UINT64_C(9999999999),
		.region = "ap-guangzhou-open", .env_id = "rc-abcdefghij0123456-abcdefghij012345",
		.name_space = "rc-abcdefghij0123456-abcdefghij012345", .topic_id = "5b1d7c2e-0000-4000-8000-73616d706c65",
		.bucket = "7263-rc-abcdefghij0123456-abcdefghij012345-9999999999" };
	AUTO_ARENA struct arena *a = arena_new(8 << 20);
	size_t n;
	char *text = load(a, "employee", &n), *out = NULL;
	struct err e;
	assert_int_equal(cam_render(a, text, n, &longest, &out, &e), 0);
	print_message("%zu characters of %d with the longest names\n", strlen(out), CAM_POLICY_MAX);
	assert_true(strlen(out) <= CAM_POLICY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_are_filled),
		cmocka_unit_test(what_cannot_be_filled_is_refused),
		cmocka_unit_test(a_document_that_grows_too_long_is_refused),
		cmocka_unit_test(employee_reaches_his_own_environment),
		cmocka_unit_test(employee_reaches_nothing_else),
		cmocka_unit_test(the_boundary_holds_without_the_policy),
		cmocka_unit_test(the_barrier_denies_everything),
		cmocka_unit_test(wildcards_stand_at_the_end),
		cmocka_unit_test(no_deny_stands_in_vain),
		cmocka_unit_test(boundary_and_policy_agree),
		cmocka_unit_test(the_longest_names_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
