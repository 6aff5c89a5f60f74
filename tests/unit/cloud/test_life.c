/* A whole life against the emulator, once undisturbed, and once for every changing action and every way in which its
 * answer can be lost: the end is the same, and nothing is paid twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"
#define TCB "tcb", "2018-06-08"

static const enum row_id build_order[] = { ROW_USER, ROW_BOUNDARY, ROW_ENV, ROW_POLICY, ROW_ACCESS, ROW_CONSOLE, ROW_KEY,
	ROW_PROOF, ROW_SERVER, ROW_AGENT };
static const enum row_id cut_order[] = { ROW_KEY, ROW_CONSOLE, ROW_ACCESS };
static const enum row_id lock_order[] = { ROW_KEY, ROW_CONSOLE, ROW_ACCESS, ROW_POLICY, ROW_SERVER };
static const enum row_id off_order[] = { ROW_KEY, ROW_CONSOLE, ROW_ENVKEYS, ROW_POLICY, ROW_SERVER, ROW_ENV, ROW_USER };

static char now_trying[128] = "undisturbed";      /* for the message of a failure */

static void must(struct cloud *c, int rc, enum row_id row, const char *what)
{
	if (rc)
		fail_msg("%s: %s of row %d: %s (%s)", now_trying, what, (int)row, c->e.text, c->found.env_status);
}

static void build(struct cloud *c)
{
	for (size_t i = 0; i < ARRAY_LEN(build_order); i++)
		must(c, cloud_on(c, build_order[i]), build_order[i], "on");
}

static void check_active(struct cloud *c)
{
	const struct json *state = cloud_state(c, "");
	assert_int_equal(json_count(json_get(state, "users")), 1);
	assert_int_equal(json_count(json_get(state, "environments")), 1);
	assert_int_equal(json_count(json_get(state, "servers")), 1);
	assert_int_equal(json_count(json_get(state, "orders")), 2);
	assert_string_equal(json_text(state, "servers[0].state"), "RUNNING");
	assert_string_equal(json_text(state, "servers[0].renew_flag"), "NOTIFY_AND_AUTO_RENEW");
	assert_true(json_bool_or(state, "environments[0].auto_renew", false));
	assert_string_equal(json_text(state, "environments[0].tags.rollcall"), c->want.mark);
	assert_string_equal(json_text(state, "servers[0].tags.rollcall"), c->want.mark);
	assert_string_equal(json_text(state, "users[0].remark"), c->want.mark);
	assert_true(json_bool_or(state, "users[0].console_login", false));
	assert_int_equal(json_count(json_get(state, "users[0].policies")), 1);
	assert_string_equal(json_text(state, "users[0].policies[0].name"), c->want.policy_name);
	assert_string_equal(json_text(state, "users[0].boundary.name"), "rollcall-boundary-test");
	assert_int_equal(cloud_active_keys(c), 1);
	assert_string_equal(c->found.proof, PROOF_ISOLATED);
	assert_int_equal(memory_open(&c->journal), 0);
	const struct json *answer;
	assert_int_equal(cloud_as_him(c, ACT_DESCRIBE_ENVS, "{}", &answer), 0);
	assert_int_equal(json_count(json_get(answer, "EnvList")), 1);
}

static int custom_policies(const struct json *state)
{
	int n = 0;
	for (const struct json *p = json_first(json_get(state, "policies")); p; p = json_next(p))
		n += !json_bool_or(p, "preset", false);
	return n;
}

static void suspend(struct cloud *c)
{
	struct err e;
	c->call.cutting = c->api.urgent = true;
	for (size_t i = 0; i < ARRAY_LEN(cut_order); i++) {
		c->call.row = cut_order[i];
		(void)!cloud_driver(cut_order[i])->cut(&c->call, &c->want, &c->found, &e);
		c->v.now_ms += 100;
	}
	c->call.cutting = c->api.urgent = false;
	for (size_t i = 0; i < ARRAY_LEN(lock_order); i++)
		must(c, cloud_lock(c, lock_order[i]), lock_order[i], "lock");
	must(c, cloud_off(c, ROW_ENVKEYS), ROW_ENVKEYS, "off");
}

static void check_suspended(struct cloud *c)
{
	const struct json *state = cloud_state(c, "");
	assert_int_equal(cloud_active_keys(c), 0);
	assert_false(json_bool_or(state, "users[0].console_login", true));
	assert_int_equal(json_count(json_get(state, "users[0].policies")), 1);
	assert_string_equal(json_text(state, "users[0].policies[0].name"), "rollcall-barrier-test");
	assert_string_equal(json_text(state, "servers[0].state"), "STOPPED");
	assert_string_equal(json_text(state, "servers[0].renew_flag"), "NOTIFY_AND_AUTO_RENEW");
	assert_string_equal(json_text(state, "environments[0].billing_status"), "NORMAL");
	assert_int_equal(json_count(json_get(state, "environments[0].api_keys")), 0);
	assert_int_equal(custom_policies(state), 3);
}

static void retire(struct cloud *c)
{
	c->settings.isolation_ms = 0;
	for (size_t i = 0; i < ARRAY_LEN(off_order); i++)
		must(c, cloud_off(c, off_order[i]), off_order[i], "off");
}

static void check_retired(struct cloud *c)
{
	const struct json *state = cloud_state(c, "");
	assert_int_equal(json_count(json_get(state, "users")), 0);
	assert_int_equal(json_count(json_get(state, "environments")), 0);
	assert_int_equal(json_count(json_get(state, "servers")), 0);
	assert_int_equal(custom_policies(state), 2);
	assert_int_equal(c->journal.secret_count, 0);
	assert_int_equal(c->found.uin, 0);
	assert_string_equal(c->found.env_id, "");
	assert_string_equal(c->found.server_id, "");
	assert_string_equal(c->found.key_id, "");
	assert_int_equal(c->found.policy_id, 0);
}

/* What people and administrators do to an account in the meantime, so that every action has something to do. */
static void meddle(struct cloud *c)
{
	struct arena *a = c->arena;
	const struct json *group = cloud_raw(c, CAM, "CreateGroup", "{\"GroupName\":\"friends\"}");
	cloud_raw(c, CAM, "AddUserToGroup", arena_printf(a, "{\"Info\":[{\"GroupId\":%lld,\"Uin\":%llu}]}",
		(long long)json_int_or(group, "GroupId", 0), (unsigned long long)c->found.uin));
	cloud_raw(c, TCB, "CreateApiKey", arena_printf(a, "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", c->found.env_id));
	cloud_raw(c, TCB, "CreateApiKey", arena_printf(a, "{\"EnvId\":\"%s\",\"KeyType\":\"publish_key\"}", c->found.env_id));
	cloud_raw(c, CAM, "CreateAccessKey", arena_printf(a, "{\"TargetUin\":%llu,\"Description\":\"mine\"}",
		(unsigned long long)c->found.uin));
	c->sts_actions = "\"sts:GetCallerIdentity\",\"sts:QueryApiKey\"";       /* a new template */
}

static void live(struct cloud *c)
{
	build(c);
	check_active(c);
	char first_key[64];
	str_copy(first_key, sizeof(first_key), c->found.key_id);
	meddle(c);
	must(c, cloud_on(c, ROW_POLICY), ROW_POLICY, "repair");
	must(c, cloud_on(c, ROW_KEY), ROW_KEY, "repair");
	assert_int_equal(cloud_active_keys(c), 1);
	suspend(c);
	check_suspended(c);
	/* Back within the undo time: the same key, the same environment, the same server. */
	c->v.now_ms += 3600000;
	build(c);
	check_active(c);
	assert_string_equal(c->found.key_id, first_key);
	/* Back later: a new key. */
	suspend(c);
	check_suspended(c);
	c->v.now_ms += 2 * CLOUD_DAY;
	c->want.key_again = true;
	build(c);
	check_active(c);
	assert_string_not_equal(c->found.key_id, first_key);
	assert_null(memory_secret(&c->journal, SECRET_KEY, first_key));
	c->want.key_again = false;
	int64_t paid = cloud_money(c);
	suspend(c);
	check_suspended(c);
	retire(c);
	check_retired(c);
	assert_int_equal(cloud_money(c), paid);
}

static void undisturbed(void **state)
{
	struct cloud *c = *state;
	live(c);
	assert_int_equal(cloud_count(c, "CreateEnv"), 1);
	assert_int_equal(cloud_count(c, "CreateInstances"), 1);
	assert_int_equal(cloud_count(c, "AddUser"), 1);
	assert_int_equal(cloud_count(c, "CreateAccessKey"), 3);         /* one of them by hand */
	/* Every change is in the evidence, with the cloud's request id. */
	for (size_t i = 0; i < c->journal.deed_count; i++)
		assert_null(strstr(c->journal.deeds[i], "[]"));
	assert_true(memory_did(&c->journal, "UpdateAccessKey TargetUin="));
	assert_true(memory_did(&c->journal, "CreateEnv Alias=rc-7f3kq2abcdefghij PackageId=baas_personal"));
}

/* A second look changes nothing. */
static void twice_is_once(void **state)
{
	struct cloud *c = *state;
	build(c);
	size_t deeds = c->journal.deed_count;
	int64_t paid = cloud_money(c);
	build(c);
	assert_int_equal(c->journal.deed_count, deeds);
	suspend(c);
	deeds = c->journal.deed_count;
	for (size_t i = 0; i < ARRAY_LEN(lock_order); i++)
		must(c, cloud_lock(c, lock_order[i]), lock_order[i], "lock");
	assert_int_equal(c->journal.deed_count, deeds);
	retire(c);
	deeds = c->journal.deed_count;
	retire(c);
	assert_int_equal(c->journal.deed_count, deeds);
	check_retired(c);
	assert_int_equal(cloud_money(c), paid);
}

/* --- every answer lost, in every way ---------------------------------------------------- */

static const char *const losses[] = { "cut_after", "cut_before", "http500", "garbage", "hang", "throttle" };

static bool lives_with(enum action action, const char *loss, int nth)
{
	void *state;
	char script[256];
	assert_int_equal(cloud_begin(&state), 0);
	struct cloud *c = state;
	snprintf(script, sizeof(script), "{\"rules\":[{\"action\":\"%s\",\"kind\":\"%s\",\"nth\":%d}]}", action_table[action].name,
		loss, nth);
	cloud_faults(c, script);
	snprintf(now_trying, sizeof(now_trying), "%s %s %d", action_table[action].name, loss, nth);
	print_message("%s\n", now_trying);
	live(c);
	bool hit = cloud_hit(c, loss);
	/* Paid once, whatever was lost. */
	assert_int_equal(cloud_count(c, "CreateInstances"), 1);
	int creations = 0;
	for (const struct json *o = json_first(cloud_state(c, "orders")); o; o = json_next(o))
		creations += str_eq(json_text(o, "kind"), "create_env") || str_eq(json_text(o, "kind"), "create_server");
	assert_int_equal(creations, 2);
	assert_int_equal(memory_open(&c->journal), 0);
	assert_int_equal(cloud_end(&state), 0);
	return hit;
}

static void every_answer_lost(void **state)
{
	(void)state;
	for (int a = 0; a < ACT_COUNT; a++) {
		if (action_table[a].kind == ACTION_READ || a == ACT_TAG_RESOURCES)      /* this one: test_adopt.c */
			continue;
		for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
			bool hit = lives_with((enum action)a, losses[i], 1);
			if (!hit)
				fail_msg("%s was never called", action_table[a].name);
			/* The second key is made by hand. */
			lives_with((enum action)a, losses[i], a == ACT_CREATE_ACCESS_KEY ? 3 : 2);
		}
	}
}

/* Reads fail, too. */
static void every_read_lost(void **state)
{
	(void)state;
	for (int a = 0; a < ACT_COUNT; a++) {
		if (action_table[a].kind != ACTION_READ)
			continue;
		lives_with((enum action)a, "http500", 1);
		lives_with((enum action)a, "garbage", 2);
	}
}

/* Started anew after each loss, with what the store has. */
static void restarted_after_each_payment(void **state)
{
	(void)state;
	static const enum action paying[] = { ACT_CREATE_ENV, ACT_CREATE_INSTANCES, ACT_CREATE_ACCESS_KEY };
	static const enum row_id rows[] = { ROW_ENV, ROW_SERVER, ROW_KEY };
	static const char *const kinds[] = { "cut_after", "cut_before" };
	for (size_t i = 0; i < ARRAY_LEN(paying) * 2; i++) {
		void *p;
		char script[256];
		assert_int_equal(cloud_begin(&p), 0);
		struct cloud *c = p;
		cloud_build(c, rows[i / 2]);
		c->journal.found = c->found;
		snprintf(script, sizeof(script), "{\"rules\":[{\"action\":\"%s\",\"kind\":\"%s\",\"nth\":1}]}",
			action_table[paying[i / 2]].name, kinds[i % 2]);
		cloud_faults(c, script);
		assert_int_equal(cloud_step_on(c, rows[i / 2]), ERR_UNKNOWN);
		assert_int_equal(memory_open(&c->journal), 1);
		cloud_restart(c);
		build(c);
		check_active(c);
		assert_int_equal(cloud_end(&p), 0);
	}
}

/* Everything that we remembered is lost: what carries our mark is found, nothing is bought again, and the key, whose
 * secret is lost with it, is made anew. */
static void the_store_is_lost(void **state)
{
	struct cloud *c = *state;
	build(c);
	int64_t paid = cloud_money(c);
	char env[64], server[40], key[64];
	str_copy(env, sizeof(env), c->found.env_id);
	str_copy(server, sizeof(server), c->found.server_id);
	str_copy(key, sizeof(key), c->found.key_id);
	cloud_forget(c);
	assert_int_equal(c->found.uin, 0);
	build(c);
	check_active(c);
	assert_string_equal(c->found.env_id, env);
	assert_string_equal(c->found.server_id, server);
	assert_string_not_equal(c->found.key_id, key);
	assert_int_equal(cloud_money(c), paid);
	/* And a leaver is cut without any memory. */
	cloud_raw(c, TCB, "CreateApiKey", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", env));
	cloud_forget(c);
	suspend(c);
	check_suspended(c);
	cloud_forget(c);
	retire(c);
	check_retired(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(undisturbed),
		T(twice_is_once),
		cmocka_unit_test(every_answer_lost),
		cmocka_unit_test(every_read_lost),
		cmocka_unit_test(restarted_after_each_payment),
		T(the_store_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
