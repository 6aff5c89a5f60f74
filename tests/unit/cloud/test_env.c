/* The environment and its keys: found, built once, taken down in two steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/cloud.h"

#define TCB "tcb", "2018-06-08"

static const struct json *env(struct cloud *c)
{
	return cloud_state(c, "environments[0]");
}

static size_t envs(struct cloud *c)
{
	return json_count(cloud_state(c, "environments"));
}

static void make(struct cloud *c, const char *alias, const char *mark)
{
	const char *tags = mark ? arena_printf(c->arena, ",\"Tags\":[{\"Key\":\"rollcall\",\"Value\":\"%s\"}]", mark) : "";
	cloud_raw(c, TCB, "CreateEnv", arena_printf(c->arena, "{\"Alias\":\"%s\",\"PackageId\":\"baas_personal\","
		"\"Resources\":[\"flexdb\"]%s}", alias, tags));
}

static void built_with_its_topic(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_WAIT);
	assert_int_equal(c->e.due_ms, c->v.now_ms + c->settings.poll_ms);
	assert_int_equal(cloud_look(c, ROW_ENV), SEEN_WAIT);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_string_equal(c->found.env_status, "NORMAL");
	assert_string_equal(c->found.topic, json_text(env(c), "log_topic"));
	assert_string_equal(c->found.bucket, json_text(env(c), "bucket"));
	assert_string_equal(c->found.name_space, c->found.env_id);
	assert_string_equal(json_text(env(c), "package"), "baas_personal");
	assert_string_equal(json_text(env(c), "region"), "ap-shanghai");
	/* Asked for once, not at every look: there is no other outcome than that one. */
	assert_int_equal(cloud_count(c, "CreateEnvResource"), 1);
	assert_int_equal(json_count(json_get(emulator_calls(c->emulator, c->arena), "actions.CreateEnvResource")), 1);
	assert_int_equal(c->found.env_isolated_ms, 0);
	assert_int_equal(c->found.env_missed_ms, 0);
}

/* Found by its mark, without any memory of it. */
static void one_that_is_there_already(void **state)
{
	struct cloud *c = *state;
	make(c, "another-name", c->want.mark);
	int64_t paid = cloud_money(c);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
	assert_int_equal(cloud_money(c), paid);
	assert_string_equal(c->found.env_id, json_text(env(c), "env_id"));
}

static void one_that_is_not_ours(void **state)
{
	struct cloud *c = *state;
	static const char *const marks[] = { NULL, "rollcall:other:" CLOUD_UUID ":1", "rollcall:test:" CLOUD_UUID ":2" };
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		make(c, c->want.env_alias, marks[i]);
		const char *id = arena_strdup(c->arena, json_text(env(c), "env_id"));
		c->v.now_ms += 30000;
		int64_t paid = cloud_money(c);
		assert_int_equal(cloud_look(c, ROW_ENV), SEEN_FOREIGN);
		assert_int_equal(cloud_on(c, ROW_ENV), ERR_FOREIGN);
		assert_int_equal(cloud_off(c, ROW_ENV), 0);
		assert_string_equal(c->found.env_id, "");
		assert_int_equal(cloud_money(c), paid);
		/* Not even when our record points at it. */
		str_copy(c->found.env_id, sizeof(c->found.env_id), id);
		str_copy(c->found.env_status, sizeof(c->found.env_status), "NORMAL");
		struct err e;
		assert_int_equal(env_driver.remove(&c->call, &c->want, &c->found, &e), ERR_FOREIGN);
		assert_int_equal(envs(c), 1);
		assert_int_equal(cloud_count(c, "DestroyEnv"), (int)i);
		memset(&c->found, 0, sizeof(c->found));
		cloud_raw(c, TCB, "DestroyEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"IsForce\":true}", id));
		snapshot_stale(c->snapshot);
	}
}

/* --- payments ------------------------------------------------------------------------------ */

/* Absent is only what stays absent for the settling time; then, and only then, it is made again. */
static void an_unknown_outcome_that_was_nothing(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"rules\":[{\"action\":\"CreateEnv\",\"kind\":\"cut_before\",\"nth\":1}]}");
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_UNKNOWN);
	int64_t began = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_WAIT);
	assert_int_equal(memory_open(&c->journal), 1);
	while (memory_open(&c->journal)) {
		cloud_step_on(c, ROW_ENV);
		assert_true(c->v.now_ms < began + 2 * c->settings.settle_ms);
		if (!memory_open(&c->journal))
			break;
		assert_int_equal(c->e.kind, ERR_WAIT);
		assert_true(c->e.due_ms > c->v.now_ms && c->e.due_ms <= c->v.now_ms + 60000);
		c->v.now_ms = c->e.due_ms;
	}
	assert_true(c->v.now_ms >= began + c->settings.settle_ms);
	assert_int_equal(c->journal.intents[0].outcome, OUTCOME_ABSENT);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
}

/* It was made, and listings do not show it for a while: billing knows it. */
static void an_unknown_outcome_that_shows_late(void **state)
{
	struct cloud *c = *state;
	cloud_look(c, ROW_ENV);
	cloud_faults(c, "{\"rules\":[{\"action\":\"CreateEnv\",\"kind\":\"cut_after\",\"nth\":1},"
		"{\"action\":\"DescribeEnvs\",\"kind\":\"stale\"}]}");
	/* The emulator answers stale only what it answered before: the empty list. */
	c->v.now_ms += 6000;
	cloud_look(c, ROW_ENV);
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_UNKNOWN);
	for (int64_t end = c->v.now_ms + 3 * c->settings.settle_ms; c->v.now_ms < end; c->v.now_ms += 30000) {
		assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_WAIT);
		assert_int_equal(memory_open(&c->journal), 1);
	}
	assert_int_equal(envs(c), 1);
	cloud_faults(c, "{}");
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
	assert_int_equal(c->journal.intents[0].outcome, OUTCOME_DONE);
}

/* Tags that appear late: without them nobody can say whose it is, so nothing is bought and nothing adopted. */
static void an_unknown_outcome_without_tags(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"switches\":{\"tags_visible_delay_ms\":3600000},\"rules\":[{\"action\":\"CreateEnv\",\"kind\":\"cut_after\",\"nth\":1}]}");
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_UNKNOWN);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
	assert_true(c->v.now_ms >= CLOUD_START + 3600000);
	/* A known answer needs no tags to go on. */
	assert_int_equal(cloud_end(state), 0);
	assert_int_equal(cloud_begin(state), 0);
	c = *state;
	cloud_faults(c, "{\"switches\":{\"tags_visible_delay_ms\":3600000}}");
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
	assert_true(c->v.now_ms < CLOUD_START + 3600000);
}

/* Made, answered, recorded, and then not listed: one look is no proof. */
static void a_listing_that_lags(void **state)
{
	struct cloud *c = *state;
	cloud_look(c, ROW_ENV);
	cloud_faults(c, "{\"rules\":[{\"action\":\"DescribeEnvs\",\"kind\":\"stale\"},{\"action\":\"DescribeBillingInfo\",\"kind\":\"stale\"}]}");
	c->v.now_ms += 6000;
	cloud_look(c, ROW_ENV);
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_WAIT);
	for (int64_t end = c->v.now_ms + c->settings.settle_ms - 60000; c->v.now_ms < end; c->v.now_ms += 10000)
		assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_WAIT);
	assert_int_equal(envs(c), 1);
	cloud_faults(c, "{}");
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
	assert_int_equal(c->found.env_missed_ms, 0);
}

static void nothing_is_bought_without_an_intent(void **state)
{
	struct cloud *c = *state;
	c->journal.full = true;
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_TEMP);
	c->journal.full = false;
	c->journal.preempted = true;
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_STALE);
	c->journal.preempted = false;
	assert_int_equal(cloud_money(c), 0);
	/* Bought, and the disk fills before it is written down. */
	c->journal.fail_settles = 1;
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_TEMP);
	assert_int_equal(memory_open(&c->journal), 1);
	cloud_restart(c);
	assert_string_equal(c->found.env_id, "");
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 1);
	assert_int_equal(c->journal.intents_total, 1);
}

static void refused_purchases(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"switches\":{\"max_env_num\":0}}");
	assert_int_equal(cloud_on(c, ROW_ENV), ERR_QUOTA);
	cloud_faults(c, "{}");
	c->want.package = "no_such_package";
	assert_int_equal(cloud_on(c, ROW_ENV), ERR_PERM);
	assert_int_equal(memory_open(&c->journal), 0);
	assert_int_equal(cloud_money(c), 0);
}

/* An open intent of a leaver is settled, and nothing new is bought for him. */
static void a_leaver_buys_nothing(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"rules\":[{\"action\":\"CreateEnv\",\"kind\":\"cut_before\",\"nth\":1}]}");
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_UNKNOWN);
	c->call.row = ROW_ENV;
	int rc;
	while ((rc = env_driver.resolve(&c->call, &c->want, &c->found, &c->e)) == ERR_WAIT)
		c->v.now_ms = c->e.due_ms;
	assert_int_equal(rc, 0);
	assert_int_equal(memory_open(&c->journal), 0);
	assert_int_equal(envs(c), 0);
}

/* --- taking down -------------------------------------------------------------------------------- */

static void two_steps(void **state)
{
	struct cloud *c = *state;
	for (int listed = 0; listed < 2; listed++) {
		cloud_faults(c, listed ? "{\"switches\":{\"isolated_envs_listed\":true}}" : "{\"switches\":{\"isolated_envs_listed\":false}}");
		c->settings.isolation_ms = 3 * CLOUD_DAY;
		assert_int_equal(cloud_on(c, ROW_ENV), 0);
		c->v.now_ms += 60000;
		assert_int_equal(env_driver.remove(&c->call, &c->want, &c->found, &c->e), ERR_WAIT);
		assert_string_equal(json_text(env(c), "billing_status"), "ISOLATE");
		int64_t isolated = c->v.now_ms;
		assert_int_equal(c->found.env_isolated_ms, isolated);
		while (envs(c)) {
			assert_int_equal(cloud_look(c, ROW_ENV), SEEN_WAIT);
			assert_int_equal(env_driver.remove(&c->call, &c->want, &c->found, &c->e), ERR_WAIT);
			assert_true(c->e.due_ms > c->v.now_ms);
			if (!envs(c))
				break;
			assert_true(c->v.now_ms < isolated + 3 * CLOUD_DAY);
			c->v.now_ms = c->e.due_ms;
		}
		assert_true(c->v.now_ms >= isolated + 3 * CLOUD_DAY);
		assert_int_equal(cloud_off(c, ROW_ENV), 0);
		assert_int_equal(cloud_count(c, "DestroyEnv"), 2 * (listed + 1));
		assert_string_equal(c->found.env_id, "");
	}
}

static void left_to_the_cloud(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	c->settings.isolation_ms = -1;
	assert_int_equal(cloud_off(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 0);
	assert_int_equal(cloud_count(c, "DestroyEnv"), 1);
	assert_true(c->v.now_ms >= CLOUD_START + 15 * CLOUD_DAY);
	assert_string_equal(c->found.env_id, "");
}

static void caps(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	static const char *const scripts[] = { "{\"switches\":{\"max_delete_monthly\":0}}", "{\"switches\":{\"max_delete_total\":0}}" };
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		cloud_faults(c, scripts[i]);
		assert_int_equal(cloud_off(c, ROW_ENV), ERR_QUOTA);
		assert_true(c->e.due_ms >= c->v.now_ms + CLOUD_DAY);
		assert_int_equal(cloud_count(c, "DestroyEnv"), 0);
	}
	/* Exactly one may go: both steps of it. */
	cloud_faults(c, "{\"switches\":{\"max_delete_monthly\":1,\"max_delete_total\":1}}");
	c->settings.isolation_ms = 0;
	assert_int_equal(cloud_off(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 0);
}

/* Somebody else isolated it, or did not renew: we neither pay for it nor make another one. */
static void isolated_by_others(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	for (int listed = 0; listed < 2; listed++) {
		cloud_faults(c, listed ? "{\"switches\":{\"isolated_envs_listed\":true}}" : "{\"switches\":{\"isolated_envs_listed\":false}}");
		if (!listed)
			cloud_raw(c, TCB, "DestroyEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\"}", c->found.env_id));
		int64_t paid = cloud_money(c);
		c->v.now_ms += 60000;
		assert_int_equal(cloud_look(c, ROW_ENV), SEEN_WAIT);
		assert_int_equal(cloud_on(c, ROW_ENV), ERR_PERM);
		assert_non_null(strstr(c->e.text, "isolated"));
		assert_int_equal(cloud_money(c), paid);
		assert_int_equal(envs(c), 1);
		/* Its keys answer nobody. */
		assert_int_equal(cloud_off(c, ROW_ENVKEYS), 0);
	}
	/* A human renews it: as if nothing had been. */
	cloud_raw(c, TCB, "RenewEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\"}", c->found.env_id));
	c->v.now_ms += 60000;
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_int_equal(c->found.env_isolated_ms, 0);
}

static void destroyed_by_hand(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	cloud_raw(c, TCB, "DestroyEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"IsForce\":true}", c->found.env_id));
	c->v.now_ms += 60000;
	int64_t began = c->v.now_ms;
	assert_int_equal(cloud_look(c, ROW_ENV), SEEN_WAIT);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	assert_true(c->v.now_ms >= began + c->settings.settle_ms);
	assert_int_equal(envs(c), 1);
	assert_int_equal(cloud_count(c, "CreateEnv"), 2);
}

/* A clock that jumps lets no time pass: what a listing lacks may still be there, and would be paid twice. */
static void a_clock_that_jumps_proves_nothing(void **state)
{
	struct cloud *c = *state;
	int64_t ms = INT64_MAX;
	cloud_clock_unbroken(c, &ms);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	cloud_raw(c, TCB, "DestroyEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"IsForce\":true}", c->found.env_id));
	c->v.now_ms += 60000;
	assert_int_equal(cloud_look(c, ROW_ENV), SEEN_WAIT);
	for (ms = 0; ms < c->settings.settle_ms; ms += c->settings.settle_ms / 4) {
		c->v.now_ms += 10 * c->settings.settle_ms;
		assert_int_equal(cloud_look(c, ROW_ENV), SEEN_WAIT);
	}
	assert_int_equal(cloud_look(c, ROW_ENV), SEEN_NONE);
}

/* While it is being built it cannot be destroyed. */
static void retired_while_it_is_built(void **state)
{
	struct cloud *c = *state;
	c->settings.isolation_ms = 0;
	assert_int_equal(cloud_step_on(c, ROW_ENV), ERR_WAIT);
	assert_int_equal(cloud_off(c, ROW_ENV), 0);
	assert_int_equal(envs(c), 0);
}

/* --- its keys --------------------------------------------------------------------------------------- */

static void keys_of_the_environment(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_look(c, ROW_ENVKEYS), SEEN_NONE);
	cloud_build(c, ROW_POLICY);
	assert_int_equal(cloud_look(c, ROW_ENVKEYS), SEEN_NONE);
	for (int i = 0; i < 5; i++)
		cloud_raw(c, TCB, "CreateApiKey", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", c->found.env_id));
	assert_int_equal(cloud_look(c, ROW_ENVKEYS), SEEN_OK);
	cloud_raw(c, TCB, "CreateApiKey", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"KeyType\":\"publish_key\"}", c->found.env_id));
	assert_int_equal(cloud_on(c, ROW_ENVKEYS), 0);
	assert_int_equal(json_count(json_get(env(c), "api_keys")), 6);
	cloud_faults(c, "{\"rules\":[{\"action\":\"DeleteApiKey\",\"kind\":\"cut_after\",\"nth\":2}]}");
	assert_int_equal(cloud_off(c, ROW_ENVKEYS), 0);
	assert_int_equal(json_count(json_get(env(c), "api_keys")), 0);
	assert_int_equal(cloud_look(c, ROW_ENVKEYS), SEEN_NONE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(built_with_its_topic),
		T(one_that_is_there_already),
		T(one_that_is_not_ours),
		T(an_unknown_outcome_that_was_nothing),
		T(an_unknown_outcome_that_shows_late),
		T(an_unknown_outcome_without_tags),
		T(a_listing_that_lags), T(a_clock_that_jumps_proves_nothing),
		T(nothing_is_bought_without_an_intent),
		T(refused_purchases),
		T(a_leaver_buys_nothing),
		T(two_steps),
		T(left_to_the_cloud),
		T(caps),
		T(isolated_by_others),
		T(destroyed_by_hand),
		T(retired_while_it_is_built),
		T(keys_of_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
