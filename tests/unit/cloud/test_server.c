/* The server and what is installed on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/crypt.h"
#include "tests/support/cloud.h"

static const struct json *server(struct cloud *c)
{
	return cloud_state(c, "servers[0]");
}

static size_t servers(struct cloud *c)
{
	return json_count(cloud_state(c, "servers"));
}

static const char *state_of(struct cloud *c)
{
	return json_text(server(c), "state");
}

static void buy(struct cloud *c, const char *name, const char *mark)
{
	const char *tags = mark ? arena_printf(c->arena, ",\"Tags\":[{\"Key\":\"rollcall\",\"Value\":\"%s\"}]", mark) : "";
	cloud_raw(c, "lighthouse", "2020-03-24", "CreateInstances", arena_printf(c->arena, "{\"BundleId\":\"bundle_gen_lin_2c4g\","
		"\"BlueprintId\":\"lhbp-0pencla1\",\"InstanceChargePrepaid\":{\"Period\":1},\"InstanceName\":\"%s\"%s}", name, tags));
}

static void bought_once(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_WAIT);
	assert_string_equal(c->found.server_state, "PENDING");
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_WAIT);
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_string_equal(c->found.server_state, "RUNNING");
	assert_string_equal(c->found.server_address, json_text(server(c), "address"));
	assert_string_equal(json_text(server(c), "name"), c->want.server_name);
	assert_string_equal(json_text(server(c), "bundle"), c->want.bundle);
	assert_string_equal(json_text(server(c), "blueprint"), "lhbp-0pencla1");        /* found by its name */
	/* Installation, person, generation and attempt are in the token. */
	const struct intent *i = &c->journal.intents[0].intent;
	assert_true(strlen(i->token) <= 64);
	assert_non_null(strstr(i->token, CLOUD_UUID "-1-0"));
	assert_int_equal(i->action, ACT_CREATE_INSTANCES);
}

static void people_without_a_server(void **state)
{
	struct cloud *c = *state;
	c->want.bundle = NULL;
	static const enum row_id rows[] = { ROW_SERVER, ROW_AGENT };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int sent = c->sent;
		struct err e;
		c->found.uin = 0;
		assert_int_equal(cloud_look(c, rows[i]), SEEN_NONE);
		c->found.uin = 7;
		assert_int_equal(cloud_look(c, rows[i]), SEEN_OK);
		assert_int_equal(cloud_driver(rows[i])->ensure(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(cloud_driver(rows[i])->remove(&c->call, &c->want, &c->found, &e), 0);
		if (cloud_driver(rows[i])->lock)
			assert_int_equal(cloud_driver(rows[i])->lock(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(c->sent, sent);
	}
}

static void settings_of_the_profile(void **state)
{
	struct cloud *c = *state;
	c->want.zone = "ap-shanghai-3";
	c->want.blueprint = "lhbp-docker26";
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_string_equal(json_text(server(c), "blueprint"), "lhbp-docker26");
	assert_int_equal(cloud_count(c, "DescribeBlueprints"), 0);
}

static void no_image_of_that_name(void **state)
{
	struct cloud *c = *state;
	c->settings.openclaw_image = "NoSuchImage";
	assert_int_equal(cloud_on(c, ROW_SERVER), ERR_PERM);
	assert_non_null(strstr(c->e.text, "no image in \"ap-shanghai\" has \"NoSuchImage\" in its name"));
	assert_int_equal(c->journal.intents_total, 0);
	assert_int_equal(cloud_money(c), 0);
}

static void one_that_is_not_ours(void **state)
{
	struct cloud *c = *state;
	static const char *const marks[] = { NULL, "rollcall:other:" CLOUD_UUID ":1", "rollcall:test:" CLOUD_UUID ":2" };
	buy(c, c->want.server_name, marks[0]);
	buy(c, c->want.server_name, marks[1]);
	buy(c, c->want.server_name, marks[2]);
	c->v.now_ms += 60000;
	int64_t paid = cloud_money(c);
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_FOREIGN);
	assert_int_equal(cloud_on(c, ROW_SERVER), ERR_FOREIGN);
	assert_int_equal(cloud_lock(c, ROW_SERVER), 0);
	assert_int_equal(cloud_off(c, ROW_SERVER), 0);
	assert_int_equal(cloud_money(c), paid);
	/* Not even when our record points at one of them. */
	for (size_t i = 0; i < 3; i++) {
		str_copy(c->found.server_id, sizeof(c->found.server_id), json_text(cloud_state(c,
			arena_printf(c->arena, "servers[%zu]", i)), "id"));
		struct err e;
		assert_int_equal(server_driver.remove(&c->call, &c->want, &c->found, &e), ERR_FOREIGN);
		c->found.server_id[0] = '\0';
	}
	assert_int_equal(cloud_count(c, "StopInstances"), 0);
	assert_int_equal(cloud_count(c, "ModifyInstancesRenewFlag"), 0);
}

/* --- payments --------------------------------------------------------------------------------- */

/* The token protects: after the short wait the same attempt is made again, and if the first one landed after all,
 * the cloud answers with what it bought then. */
static void the_token_protects(void **state)
{
	struct cloud *c = *state;
	cloud_look(c, ROW_SERVER);
	cloud_faults(c, "{\"rules\":[{\"action\":\"CreateInstances\",\"kind\":\"cut_after\",\"nth\":1},"
		"{\"action\":\"DescribeInstances\",\"kind\":\"stale\"}]}");
	c->v.now_ms += 6000;
	cloud_look(c, ROW_SERVER);
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_UNKNOWN);
	while (memory_open(&c->journal)) {
		c->v.now_ms += 10000;
		cloud_step_on(c, ROW_SERVER);
	}
	/* Wrongly taken for absent, and repeated: nothing is bought. */
	assert_int_equal(cloud_count(c, "CreateInstances"), 2);
	assert_int_equal(servers(c), 1);
	assert_string_equal(c->journal.intents[0].intent.token, c->journal.intents[1].intent.token);
	cloud_faults(c, "{}");
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_int_equal(servers(c), 1);
}

static void nothing_is_bought_without_an_intent(void **state)
{
	struct cloud *c = *state;
	c->want.blueprint = "lhbp-0pencla1";
	c->journal.full = true;
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_TEMP);
	c->journal.full = false;
	c->journal.preempted = true;
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_STALE);
	c->journal.preempted = false;
	assert_int_equal(cloud_money(c), 0);
	c->journal.fail_settles = 1;
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_TEMP);
	cloud_restart(c);
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_int_equal(servers(c), 1);
}

/* Sold out is no failure of the others, and a refused attempt gets a token of its own. */
static void sold_out(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"rules\":[{\"action\":\"CreateInstances\",\"kind\":\"error\",\"code\":\"ResourcesSoldOut.BundleSoldOut\",\"times\":2},"
		"{\"action\":\"CreateInstances\",\"kind\":\"throttle\",\"nth\":4}]}");
	assert_int_equal(cloud_on(c, ROW_SERVER), ERR_QUOTA);
	assert_int_equal(cloud_on(c, ROW_SERVER), ERR_QUOTA);
	assert_int_equal(c->found.server_attempt, 2);
	assert_int_equal(memory_open(&c->journal), 0);
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_int_equal(c->found.server_attempt, 2);
	assert_int_equal(servers(c), 1);
}

/* Terminated by hand: the old token would bring back the dead one. */
static void terminated_by_hand(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	const char *ids = arena_printf(c->arena, "{\"InstanceIds\":[\"%s\"]}", c->found.server_id);
	char old[40];
	str_copy(old, sizeof(old), c->found.server_id);
	cloud_raw(c, "lighthouse", "2020-03-24", "IsolateInstances", ids);
	c->v.now_ms += 30000;
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_SERVER), ERR_PERM);    /* a paid renewal is a human's */
	assert_non_null(strstr(c->e.text, "isolated"));
	cloud_raw(c, "lighthouse", "2020-03-24", "TerminateInstances", ids);
	c->v.now_ms += 30000;
	int64_t began = c->v.now_ms;
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_WAIT); /* one look is no proof */
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_true(c->v.now_ms >= began + c->settings.settle_ms);
	assert_string_not_equal(c->found.server_id, old);
	assert_int_equal(c->found.server_attempt, 1);
	assert_int_equal(servers(c), 1);
}

/* A clock that jumps lets no time pass: what a listing lacks may still be there, and would be paid twice. */
static void a_clock_that_jumps_proves_nothing(void **state)
{
	struct cloud *c = *state;
	int64_t ms = INT64_MAX;
	cloud_clock_unbroken(c, &ms);
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	const char *ids = arena_printf(c->arena, "{\"InstanceIds\":[\"%s\"]}", c->found.server_id);
	cloud_raw(c, "lighthouse", "2020-03-24", "IsolateInstances", ids);
	c->v.now_ms += 30000;
	cloud_raw(c, "lighthouse", "2020-03-24", "TerminateInstances", ids);
	c->v.now_ms += 30000;
	c->v.now_ms += 6000;
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_WAIT);
	for (ms = 0; ms < c->settings.settle_ms; ms += c->settings.settle_ms / 4) {
		c->v.now_ms += 10 * c->settings.settle_ms;
		assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_WAIT);
	}
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_NONE);
}

/* --- locking and giving back -------------------------------------------------------------------- */

static void stopped_and_started(void **state)
{
	struct cloud *c = *state;
	/* Still being built when he leaves: stopped as soon as that is possible. */
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_WAIT);
	assert_int_equal(cloud_lock(c, ROW_SERVER), 0);
	assert_string_equal(state_of(c), "STOPPED");
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_LOCKED);
	assert_int_equal(cloud_count(c, "StopInstances"), 1);
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_string_equal(state_of(c), "RUNNING");
	assert_int_equal(cloud_count(c, "StartInstances"), 1);
	assert_int_equal(cloud_count(c, "ModifyInstancesRenewFlag"), 0);
}

static void given_back(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_int_equal(cloud_off(c, ROW_SERVER), 0);
	assert_int_equal(servers(c), 0);
	static const char *const order[] = { "ModifyInstancesRenewFlag", "StopInstances", "IsolateInstances", "TerminateInstances" };
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		assert_int_equal(cloud_count(c, order[i]), 1);
	assert_string_equal(c->found.server_id, "");
	assert_int_equal(cloud_look(c, ROW_SERVER), SEEN_NONE);
}

/* Bought too long ago: stopped, not renewed, looked at once a day until it has expired by itself. */
static void not_returnable(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	c->v.now_ms += 10 * CLOUD_DAY;
	int64_t paid = cloud_money(c), began = c->v.now_ms;
	int days = 0;
	while (servers(c)) {
		cloud_look(c, ROW_SERVER);
		int rc = server_driver.remove(&c->call, &c->want, &c->found, &c->e);
		assert_int_equal(rc, ERR_WAIT);
		days += c->e.due_ms - c->v.now_ms == CLOUD_DAY;
		if (days == 1) {
			assert_string_equal(state_of(c), "STOPPED");
			assert_string_equal(json_text(server(c), "renew_flag"), "DISABLE_NOTIFY_AND_MANUAL_RENEW");
			assert_non_null(strstr(c->found.note, "server: cannot be given back"));
		}
		c->v.now_ms = c->e.due_ms;
		c->call.memo = NULL;
		assert_true(c->v.now_ms < began + 60 * CLOUD_DAY);
	}
	assert_true(days >= 15);
	assert_int_equal(cloud_money(c), paid);
	assert_int_equal(cloud_count(c, "IsolateInstances"), 0);
	assert_int_equal(cloud_off(c, ROW_SERVER), 0);
	assert_string_equal(c->found.server_id, "");
}

/* Told to be returnable, and refused all the same. */
static void refused_by_the_cloud(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	cloud_faults(c, "{\"rules\":[{\"action\":\"IsolateInstances\",\"kind\":\"error\",\"code\":\"UnsupportedOperation.ResourceNotReturnable\"}]}");
	int rc = 0;
	for (int i = 0; i < 10 && c->e.due_ms - c->v.now_ms < CLOUD_DAY; i++) {
		c->v.now_ms = c->e.due_ms > c->v.now_ms ? c->e.due_ms : c->v.now_ms;
		cloud_look(c, ROW_SERVER);
		rc = server_driver.remove(&c->call, &c->want, &c->found, &c->e);
	}
	assert_int_equal(rc, ERR_WAIT);
	assert_int_equal(c->e.due_ms, c->v.now_ms + CLOUD_DAY);
	assert_non_null(strstr(c->found.note, "the cloud refused"));
}

static void retired_while_it_is_built(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_step_on(c, ROW_SERVER), ERR_WAIT);
	assert_int_equal(cloud_off(c, ROW_SERVER), 0);
	assert_int_equal(servers(c), 0);
}

/* --- the agent --------------------------------------------------------------------------------------- */

static size_t runs(struct cloud *c)
{
	return json_count(cloud_state(c, "servers[0].agent_runs"));
}

static void installed_once(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_AGENT);
	assert_int_equal(cloud_look(c, ROW_AGENT), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_int_equal(runs(c), 1);
	assert_int_equal(strlen(c->found.agent_state), 16);
	assert_string_equal(c->found.agent_invocation, "");
	/* The secret reached the server, and stands nowhere in the cloud's records. */
	const struct json *run = cloud_state(c, "servers[0].agent_runs[0]");
	char digest[SHA256_HEX];
	const char *key = secret_reveal(memory_secret(&c->journal, SECRET_KEY, c->found.key_id), NULL);
	crypt_sha256_hex(key, strlen(key), digest);
	assert_string_equal(json_text(run, "hidden_sha256.secret_key"), digest);
	assert_string_equal(json_text(run, "parameters.secret_key"), "******");
	assert_null(strstr(json_print(c->arena, cloud_state(c, "")), key));
	assert_false(c->secrets_seen);
}

/* Another key, another server: the same script again. */
static void what_changes_is_installed_anew(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_AGENT);
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	c->want.key_again = true;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(cloud_look(c, ROW_AGENT), SEEN_DRIFT);
	/* And again while the run is under way: what that run installs is outdated when it ends. */
	assert_int_equal(cloud_step_on(c, ROW_AGENT), ERR_WAIT);
	assert_int_equal(cloud_look(c, ROW_AGENT), SEEN_WAIT);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_int_equal(runs(c), 3);
	assert_int_equal(cloud_look(c, ROW_AGENT), SEEN_OK);
	assert_int_equal(cloud_off(c, ROW_AGENT), 0);
	assert_string_equal(c->found.agent_state, "");
}

static void a_script_that_fails(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_AGENT);
	cloud_faults(c, "{\"switches\":{\"run_exit_code\":14}}");
	assert_int_equal(cloud_step_on(c, ROW_AGENT), ERR_WAIT);
	int rc = ERR_WAIT;
	while (rc == ERR_WAIT) {
		c->v.now_ms = c->e.due_ms;
		rc = cloud_step_on(c, ROW_AGENT);
	}
	assert_int_equal(rc, ERR_TEMP);
	assert_int_equal(c->e.due_ms, c->v.now_ms + 600000);
	assert_string_equal(c->found.note, "agent: the skill could not be installed (exit status 14)");
	cloud_faults(c, "{}");
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_string_equal(c->found.note, "");
	assert_int_equal(runs(c), 2);
}

static void an_agent_that_is_not_online(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	c->call.row = ROW_AGENT;
	/* Not running yet: nothing is asked. */
	assert_int_equal(cloud_step_on(c, ROW_AGENT), ERR_WAIT);
	assert_int_equal(cloud_count(c, "DescribeAutomationAgentStatus"), 0);
	assert_int_equal(cloud_on(c, ROW_SERVER), 0);
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_int_equal(runs(c), 1);
}

/* Nothing that could leave the quotes of the script is put into it. */
static void values_that_do_not_fit_a_script(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_AGENT);
	AUTO_SECRET struct secret *odd = secret_text("x'; rm -rf / '");
	assert_int_equal(c->journal.journal.keep(&c->journal.journal, NULL, SECRET_KEY, c->found.key_id, odd, &c->found, &c->e), 0);
	assert_int_equal(cloud_on(c, ROW_AGENT), ERR_PERM);
	assert_int_equal(runs(c), 0);
}

/* An invocation that the cloud has forgotten is started anew. */
static void a_run_that_is_forgotten(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_AGENT);
	cloud_faults(c, "{\"rules\":[{\"action\":\"DescribeInvocationTasks\",\"kind\":\"error\","
		"\"code\":\"InvalidParameterValue.InvalidInvocationId\",\"nth\":1}]}");
	assert_int_equal(cloud_on(c, ROW_AGENT), 0);
	assert_int_equal(runs(c), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(bought_once),
		T(people_without_a_server),
		T(settings_of_the_profile),
		T(no_image_of_that_name),
		T(one_that_is_not_ours),
		T(the_token_protects),
		T(nothing_is_bought_without_an_intent),
		T(sold_out),
		T(terminated_by_hand), T(a_clock_that_jumps_proves_nothing),
		T(stopped_and_started),
		T(given_back),
		T(not_returnable),
		T(refused_by_the_cloud),
		T(retired_while_it_is_built),
		T(installed_once),
		T(what_changes_is_installed_anew),
		T(a_script_that_fails),
		T(an_agent_that_is_not_online),
		T(values_that_do_not_fit_a_script),
		T(a_run_that_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
