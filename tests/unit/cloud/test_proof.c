/* The proof of isolation: when it is made, what it believes, and what it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"
#define TCB "tcb", "2018-06-08"
#define CACHE 60000

static void colleagues(struct cloud *c, int n)
{
	for (int i = 0; i < n; i++)
		cloud_raw(c, TCB, "CreateEnv", arena_printf(c->arena, "{\"Alias\":\"colleague-%d\",\"PackageId\":\"baas_personal\","
			"\"Resources\":[\"flexdb\"]}", i));
}

/* Somebody allows him these actions everywhere; it counts from now on. */
static void allow(struct cloud *c, const char *actions)
{
	struct json *p = json_object(c->arena);
	json_put_text(p, "PolicyName", "too-much");
	json_put_text(p, "PolicyDocument", arena_printf(c->arena, "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":"
		"[%s],\"resource\":[\"*\"]}]}", actions));
	const struct json *made = cloud_admin(c, ACT_CREATE_POLICY, json_print(c->arena, p));
	cloud_raw(c, CAM, "AttachUserPolicy", arena_printf(c->arena, "{\"PolicyId\":%lld,\"AttachUin\":%" PRIu64 "}",
		(long long)json_int_or(made, "PolicyId", 0), c->found.uin));
	cloud_raw(c, CAM, "DeleteUserPermissionsBoundary", arena_printf(c->arena, "{\"TargetUin\":%" PRIu64 "}", c->found.uin));
	c->v.now_ms += CACHE + 1000;
}

/* Built up to the proof, with nothing in the caches any more. */
static void settled(struct cloud *c)
{
	cloud_build(c, ROW_PROOF);
	c->v.now_ms += 2 * CACHE + 1000;
}

static int64_t changed(const struct cloud *c)
{
	return c->found.key_created_ms > c->found.policy_changed_ms ? c->found.key_created_ms : c->found.policy_changed_ms;
}

static void ask_again(struct cloud *c)
{
	c->v.now_ms += 1000;
	c->want.prove_after_ms = c->v.now_ms;
}

static void proved(struct cloud *c, unsigned refused)
{
	if (cloud_on(c, ROW_PROOF))
		fail_msg("%s", c->e.text);
	assert_string_equal(c->found.proof, PROOF_ISOLATED);
	assert_int_equal(c->found.proof_ms, c->v.now_ms);
	assert_int_equal(c->found.proof_seen, 1);
	assert_int_equal(c->found.proof_refused, refused);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_OK);
}

static void fails(struct cloud *c, const char *result, const char *text)
{
	assert_int_equal(cloud_on(c, ROW_PROOF), ERR_PERM);
	assert_string_equal(c->found.proof, result);
	if (!strstr(c->e.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, c->e.text);
	assert_int_equal(c->found.proof_ms, c->v.now_ms);
	assert_string_not_equal(c->e.request_id, "");
	assert_true(memory_did(&c->journal, arena_printf(c->arena, "%s: seen=%u refused=%u calls=%u [%s]", result, c->found.proof_seen,
		c->found.proof_refused, c->found.proof_calls, c->e.request_id)));
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
}

/* --- when ------------------------------------------------------------------------------------------ */

/* Nobody else is there: his own environment, and account administration. */
static void the_first_employee(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_PROOF);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_NONE);
	/* Nothing is in force yet: a refusal is no failure. */
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	assert_int_equal(c->e.due_ms, changed(c) + CACHE);
	assert_string_equal(c->found.proof, "");
	c->v.now_ms = c->e.due_ms;
	proved(c, 3);
	assert_true(memory_did(&c->journal, "proof isolated: seen=1 refused=3"));
}

static void with_colleagues(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 5);
	cloud_build(c, ROW_PROOF);
	int64_t began = c->v.now_ms;
	proved(c, 2 * 2 + 3);
	/* The first look came before the policy was in force. */
	assert_int_equal(c->found.proof_calls, 2 + 9);
	assert_true(c->v.now_ms >= began + CACHE - 1000 && c->v.now_ms < began + 2 * CACHE);
	print_message("a proof of somebody new, 2 other environments: %u calls with his key\n", c->found.proof_calls);
	c->v.now_ms += c->settings.poll_ms;
	ask_again(c);
	int sent = c->sent;
	c->settings.probe_others = 5;
	proved(c, 2 * 5 + 3);
	assert_int_equal(c->found.proof_calls, 15);
	assert_int_equal(c->sent - sent, 15 + 1);       /* and one page of ours: who else is there */
	c->settings.probe_others = 2;
	ask_again(c);
	proved(c, 7);
	assert_int_equal(c->found.proof_calls, 9);
	print_message("a proof made again, 2 other environments: %u calls with his key\n", c->found.proof_calls);
	/* None at all are asked about: nobody lists. */
	c->settings.probe_others = 0;
	c->v.now_ms += c->settings.poll_ms;
	ask_again(c);
	sent = c->sent;
	proved(c, 3);
	assert_int_equal(c->sent - sent, 5);
}

/* The cloud follows before we believe it: what is seen is written down, the rest waits. */
static void he_sees_his_own_first(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 1);
	c->settings.policy_cache_ms = 3 * CACHE;
	cloud_build(c, ROW_PROOF);
	c->v.now_ms = changed(c) + CACHE;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	assert_int_equal(c->e.due_ms, changed(c) + 3 * CACHE);
	assert_string_equal(c->found.proof, PROOF_SEES_OWN);
	assert_int_equal(c->found.proof_ms, c->v.now_ms);
	assert_int_equal(c->found.proof_seen, 1);
	assert_int_equal(c->found.proof_refused, 0);
	assert_int_equal(c->found.proof_calls, 2);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
	assert_false(memory_did(&c->journal, PROOF_SEES_OWN));
	assert_int_equal(cloud_count(c, "ListUsers"), 0);
	c->v.now_ms = c->e.due_ms - 1;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	c->v.now_ms++;
	proved(c, 5);
}

static void a_proof_does_not_last(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 2);
	settled(c);
	proved(c, 7);
	/* Age. */
	int64_t at = c->found.proof_ms;
	c->v.now_ms = at + c->settings.prove_every_ms - 1;
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_OK);
	c->v.now_ms++;
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
	c->settings.prove_every_ms = 0;
	c->v.now_ms += 9 * CLOUD_DAY;
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_OK);
	/* Somebody asked. */
	c->want.prove_after_ms = at;
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_OK);
	ask_again(c);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
	proved(c, 7);
	/* A change of key or policy. */
	c->found.key_created_ms = c->v.now_ms + 1;
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
	c->found.key_created_ms = 0;
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_OK);
	c->v.now_ms += 5000;
	c->found.policy_changed_ms = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	assert_string_equal(c->found.proof, PROOF_SEES_OWN);
	proved(c, 7);
	assert_true(c->v.now_ms >= c->found.policy_changed_ms + CACHE);
	assert_int_equal(cloud_off(c, ROW_PROOF), 0);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_NONE);
	assert_int_equal(c->found.proof_calls + c->found.proof_seen + c->found.proof_refused, 0);
}

/* What was proved stays proved until the new proof has a result. */
static void a_proof_that_is_made_again(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 2);
	settled(c);
	proved(c, 7);
	int64_t at = c->found.proof_ms;
	ask_again(c);
	cloud_faults(c, "{\"rules\":[{\"action\":\"ListUsers\",\"kind\":\"http500\",\"nth\":1}]}");
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_TEMP);
	assert_string_equal(c->found.proof, PROOF_ISOLATED);
	assert_int_equal(c->found.proof_ms, at);
	assert_int_equal(c->found.proof_calls, 9);
	proved(c, 7);
	/* And what failed does not, once he is seen again. */
	ask_again(c);
	str_copy(c->found.proof, sizeof(c->found.proof), PROOF_OWN_UNSEEN);
	cloud_faults(c, "{\"rules\":[{\"action\":\"ListUsers\",\"kind\":\"http500\",\"nth\":1}]}");
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_TEMP);
	assert_string_equal(c->found.proof, PROOF_SEES_OWN);
	proved(c, 7);
}

/* --- what counts as refused -------------------------------------------------------------------------- */

static const struct { const char *code; int rc; unsigned refused; } codes[] = {
	{ "UnauthorizedOperation", 0, 7 },
	{ "UnauthorizedOperation.CamAuthFailed", 0, 7 },
	{ "UnauthorizedOperation.SomethingNew", 0, 7 },
	{ "AuthFailure.UnauthorizedOperation", 0, 7 },
	{ "ResourceNotFound", 0, 5 },                   /* gone by now */
	{ "InvalidParameter.EnvId", 0, 5 },
	{ "UnauthorizedOperation.MFANotFound", ERR_PERM, 0 },
	{ "UnauthorizedOperationX", ERR_PERM, 0 },
	{ "InvalidParameter", ERR_PERM, 0 },
	{ "UnsupportedOperation", ERR_PERM, 0 },
	{ "SomethingNew", ERR_PERM, 0 },
};

static void the_right_codes(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 2);
	settled(c);
	proved(c, 7);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		print_message("%s\n", codes[i].code);
		cloud_faults(c, arena_printf(c->arena, "{\"rules\":[{\"action\":\"DescribeBillingInfo\",\"kind\":\"error\",\"code\":\"%s\"}]}",
			codes[i].code));
		ask_again(c);
		if (!codes[i].rc) {
			proved(c, codes[i].refused);
			continue;
		}
		int64_t at = c->found.proof_ms;
		assert_int_equal(cloud_on(c, ROW_PROOF), codes[i].rc);
		assert_non_null(strstr(c->e.text, codes[i].code));
		assert_int_equal(c->found.proof_ms, at);        /* no result */
	}
	/* An account has its lists: one that is not there is no refusal. */
	cloud_faults(c, "{\"rules\":[{\"action\":\"ListUsers\",\"kind\":\"error\",\"code\":\"ResourceNotFound\"}]}");
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_TEMP);
}

/* Trouble on the way is neither: the whole proof is made again. */
static void trouble_on_the_way(void **state)
{
	struct cloud *c = *state;
	static const struct { const char *kind; int rc; } kinds[] = { { "http500", ERR_TEMP }, { "garbage", ERR_TEMP },
		{ "cut_before", ERR_TEMP }, { "throttle", ERR_LIMIT } };
	static const char *const actions[] = { "GetCallerIdentity", "DescribeBillingInfo", "ListPolicies", "ListUsers",
		"DescribeInstances" };
	colleagues(c, 2);
	settled(c);
	proved(c, 7);
	for (size_t i = 0; i < ARRAY_LEN(kinds) * ARRAY_LEN(actions); i++) {
		const char *kind = kinds[i % ARRAY_LEN(kinds)].kind, *action = actions[i / ARRAY_LEN(kinds)];
		cloud_faults(c, arena_printf(c->arena, "{\"rules\":[{\"action\":\"%s\",\"kind\":\"%s\",\"nth\":1}]}", action, kind));
		ask_again(c);
		assert_int_equal(cloud_step_on(c, ROW_PROOF), kinds[i % ARRAY_LEN(kinds)].rc);
		proved(c, 7);
		assert_true(cloud_hit(c, kind));
	}
}

/* Whoever may ask and finds nothing is as isolated as who may not ask; his own things may be there. */
static void empty_answers(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 2);
	settled(c);
	allow(c, "\"cam:ListUsers\",\"lighthouse:DescribeInstances\"");
	proved(c, 7);
	const struct json *answer;
	assert_int_equal(cloud_as_him(c, ACT_LIST_USERS, "{}", &answer), 0);
	assert_int_equal(json_count(json_get(answer, "Data")), 1);
	assert_int_equal(cloud_as_him(c, ACT_DESCRIBE_INSTANCES, "{}", &answer), 0);
	assert_int_equal(json_count(json_get(answer, "InstanceSet")), 0);
	/* His own server. */
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_int_equal(cloud_as_him(c, ACT_DESCRIBE_INSTANCES, "{}", &answer), 0);
	assert_int_equal(json_count(json_get(answer, "InstanceSet")), 1);
	ask_again(c);
	proved(c, 7);
}

/* --- foreign data --------------------------------------------------------------------------------------- */

static const struct { const char *allowed, *probe, *by_name; } leaks[] = {
	{ "\"tcb:DescribeEnvs\"", "DescribeEnvs showed \"colleague-", NULL },
	{ "\"tcb:DescribeBillingInfo\"", "DescribeBillingInfo, asked about \"colleague-", "showed \"colleague-" },
	{ "\"cam:ListPolicies\"", "ListPolicies showed \"", NULL },
	{ "\"cam:ListUsers\"", "ListUsers showed \"", NULL },
	{ "\"lighthouse:DescribeInstances\"", "DescribeInstances showed \"lhins-", NULL },
};

static void each_probe_can_fail(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(leaks); i++) {
		void *state;
		assert_int_equal(cloud_begin(&state), 0);
		struct cloud *c = state;
		colleagues(c, 2);
		cloud_raw(c, CAM, "AddUser", "{\"Name\":\"colleague\"}");
		cloud_raw(c, "lighthouse", "2020-03-24", "CreateInstances", "{\"BundleId\":\"bundle_gen_lin_2c4g\",\"BlueprintId\":"
			"\"lhbp-ubuntu24\",\"InstanceChargePrepaid\":{\"Period\":1}}");
		settled(c);
		proved(c, 7);
		allow(c, leaks[i].allowed);
		ask_again(c);
		fails(c, PROOF_FOREIGN, leaks[i].probe);
		if (leaks[i].by_name)
			assert_non_null(strstr(c->e.text, leaks[i].by_name));
		print_message("%s\n", c->e.text);
		assert_int_equal(cloud_end(&state), 0);
	}
}

/* A policy that was too wide a moment ago is still cached: that is not held against him. */
static void an_earlier_policy_may_be_cached(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 2);
	settled(c);
	allow(c, "\"tcb:*\"");
	c->found.policy_changed_ms = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	assert_int_equal(c->e.due_ms, changed(c) + CACHE);
	assert_non_null(strstr(c->e.text, "not in force everywhere yet: DescribeEnvs showed"));
	c->v.now_ms = changed(c) + 2 * CACHE - 1;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	assert_string_equal(c->found.proof, "");
	assert_string_equal(c->found.note, "");
	/* It is believed when nothing else can be the reason. */
	fails(c, PROOF_FOREIGN, "DescribeEnvs showed");
	assert_true(c->v.now_ms >= changed(c) + 2 * CACHE);
}

/* --- his own ---------------------------------------------------------------------------------------------- */

static void nothing_is_seen(void **state)
{
	struct cloud *c = *state;
	colleagues(c, 2);
	settled(c);
	proved(c, 7);
	c->v.now_ms += 1000000;
	assert_int_equal(cloud_lock(c, ROW_ACCESS), 0);
	c->v.now_ms += CACHE + 1000;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	fails(c, PROOF_OWN_UNSEEN, "failed: own unseen");
	assert_true(c->v.now_ms >= changed(c) + 2 * CACHE);
	assert_int_equal(c->found.proof_seen, 0);
}

static void his_key_is_refused(void **state)
{
	struct cloud *c = *state;
	settled(c);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	c->found.key_created_ms = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_WAIT);
	fails(c, PROOF_KEY_REFUSED, "AuthFailure.SecretIdNotFound");
	assert_true(c->v.now_ms >= changed(c) + 2 * CACHE);
	/* Also when it stops in the middle: a key that is refused was refused nothing. */
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	cloud_faults(c, "{\"rules\":[{\"action\":\"ListUsers\",\"kind\":\"error\",\"code\":\"AuthFailure.SignatureFailure\"}]}");
	ask_again(c);
	fails(c, PROOF_KEY_REFUSED, "ListUsers: AuthFailure.SignatureFailure");
}

static void his_key_is_another_ones(void **state)
{
	struct cloud *c = *state;
	settled(c);
	c->root.owner_uin++;
	ask_again(c);
	assert_int_equal(cloud_on(c, ROW_PROOF), ERR_PERM);
	assert_string_equal(c->found.proof, PROOF_WRONG_IDENTITY);
	c->root.owner_uin--;
	uint64_t uin = c->found.uin;
	c->found.uin++;
	assert_int_equal(cloud_on(c, ROW_PROOF), ERR_PERM);
	assert_string_equal(c->found.proof, PROOF_WRONG_IDENTITY);
	c->found.uin = uin;
	proved(c, 3);
}

static void a_proof_without_the_secret(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_PROOF);
	memory_journal_clear(&c->journal);
	c->found.verified_ms[ROW_KEY] = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_TEMP);
	assert_int_equal(c->found.verified_ms[ROW_KEY], 0);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	proved(c, 3);
	assert_int_equal(json_count(cloud_state(c, "users[0].keys")), 1);
}

/* --- forged answers ------------------------------------------------------------------------------------------ */

/* A wire that answers one action by itself. */
struct forger { struct transport wire; struct cloud *c; const char *action, *unless, *body; };

static int forge(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	struct forger *f = t->ctx;
	bool meant = false;
	for (size_t i = 0; i < r->header_count; i++)
		meant |= !strcmp(r->headers[i], arena_printf(a, "X-TC-Action: %s", f->action));
	/* Ours go through. */
	for (size_t i = 0; i < r->header_count; i++)
		if (str_starts(r->headers[i], "Authorization: "))
			meant &= strstr(r->headers[i], f->c->found.key_id) != NULL;
	if (f->unless && strstr(arena_strndup(a, r->body, r->body_len), f->unless))
		meant = false;
	if (!meant)
		return f->c->wire.exchange(&f->c->wire, r, a, out, e);
	const char *body = arena_printf(a, "{\"Response\":{%s%s\"RequestId\":\"forged\"}}", f->body, *f->body ? "," : "");
	*out = (struct http_reply){ .status = 200, .body = arena_strdup(a, body), .body_len = strlen(body) };
	return 0;
}

static void forged(struct cloud *c, struct forger *f, const char *action, const char *unless, const char *body)
{
	*f = (struct forger){ .wire = { .ctx = f, .exchange = forge }, .c = c, .action = action, .unless = unless, .body = body };
	c->api.transport = &f->wire;
}

static const struct { const char *action, *body; int rc; } shapes[] = {
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[],\"Total\":0", 0 },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":null,\"Total\":0", 0 },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[]", 0 },
	{ "DescribeBillingInfo", "", ERR_TEMP },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":null,\"Total\":1", ERR_TEMP },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[],\"Total\":1", ERR_TEMP },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":{},\"Total\":0", ERR_TEMP },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[{\"Id\":\"x\"}],\"Total\":1", ERR_TEMP },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[7],\"Total\":1", ERR_TEMP },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[{\"EnvId\":\"x\"}],\"Total\":1", ERR_PERM },
	{ "DescribeBillingInfo", "\"EnvBillingInfoList\":[{\"EnvId\":\"x\"}]", ERR_PERM },
	{ "ListPolicies", "\"List\":[{\"PolicyId\":7}],\"TotalNum\":1", ERR_PERM },
	{ "ListPolicies", "\"List\":[{\"PolicyId\":\"7\"}],\"TotalNum\":1", ERR_PERM },
	{ "ListUsers", "\"Data\":[]", 0 },
	{ "ListUsers", "\"Data\":null", ERR_TEMP },      /* it does not count, so nothing says that it is empty */
	{ "DescribeInstances", "\"InstanceSet\":[],\"TotalCount\":3", ERR_TEMP },
};

static void answers_of_another_shape(void **state)
{
	struct cloud *c = *state;
	struct forger f;
	colleagues(c, 2);
	settled(c);
	proved(c, 7);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		print_message("%s %s\n", shapes[i].action, shapes[i].body);
		ask_again(c);
		forged(c, &f, shapes[i].action, NULL, shapes[i].body);
		if (shapes[i].rc == ERR_PERM) {
			fails(c, PROOF_FOREIGN, "showed \"");
			assert_string_equal(c->e.request_id, "forged");
		} else {
			assert_int_equal(cloud_step_on(c, ROW_PROOF), shapes[i].rc);
		}
		c->api.transport = &c->wire;
		proved(c, 7);
	}
}

/* His own item among others' is his; others' are not, wherever they stand. */
static void whose_it_is(void **state)
{
	struct cloud *c = *state;
	struct forger f;
	colleagues(c, 2);
	settled(c);
	forged(c, &f, "ListPolicies", NULL, arena_printf(c->arena, "\"List\":[{\"PolicyId\":%" PRIu64 "}],\"TotalNum\":1",
		c->found.policy_id));
	proved(c, 7);
	forged(c, &f, "ListPolicies", NULL, arena_printf(c->arena, "\"List\":[{\"PolicyId\":%" PRIu64 "}],\"TotalNum\":9",
		c->found.policy_id));
	ask_again(c);
	assert_int_equal(cloud_step_on(c, ROW_PROOF), ERR_TEMP);
	assert_non_null(strstr(c->e.text, "counts 9 and shows 1"));
	forged(c, &f, "ListUsers", NULL, arena_printf(c->arena, "\"Data\":[{\"Uin\":%" PRIu64 "},{\"Uin\":5}]", c->found.uin));
	fails(c, PROOF_FOREIGN, "ListUsers showed \"5\"");
}

/* Where listing without a name is not granted he asks by name. */
static void listing_is_not_granted(void **state)
{
	struct cloud *c = *state;
	struct forger f;
	static const char *const bodies[] = {
		"\"Error\":{\"Code\":\"UnauthorizedOperation\",\"Message\":\"m\"}", "\"EnvList\":[],\"Total\":0", "\"EnvList\":[],\"Total\":9",
	};
	colleagues(c, 2);
	settled(c);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		forged(c, &f, "DescribeEnvs", "EnvId", bodies[i]);
		ask_again(c);
		proved(c, 7);
		assert_int_equal(c->found.proof_calls, 10);
	}
	/* By name he is shown another one. */
	forged(c, &f, "DescribeEnvs", NULL, "\"EnvList\":[{\"EnvId\":\"x\"}],\"Total\":1");
	ask_again(c);
	fails(c, PROOF_FOREIGN, "DescribeEnvs showed \"x\"");
	forged(c, &f, "DescribeEnvs", c->found.env_id, "\"EnvList\":[],\"Total\":0");
	proved(c, 7);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(the_first_employee),
		T(with_colleagues),
		T(he_sees_his_own_first),
		T(a_proof_does_not_last),
		T(a_proof_that_is_made_again),
		T(the_right_codes),
		T(trouble_on_the_way),
		T(empty_answers),
		cmocka_unit_test(each_probe_can_fail),
		T(an_earlier_policy_may_be_cached),
		T(nothing_is_seen),
		T(his_key_is_refused),
		T(his_key_is_another_ones),
		T(a_proof_without_the_secret),
		T(answers_of_another_shape),
		T(whose_it_is),
		T(listing_is_not_granted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
