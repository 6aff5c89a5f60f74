/* Another key, from the day it is due to the day the one before it goes: real engine, store and post, in virtual time. */
#include "tests/unit/hook/plant.h"

#define DAY_MS (24 * HOUR_MS)
#define AGE_MS (5 * DAY_MS)
#define OVERLAP_MS DAY_MS

static int begin(void **state)
{
	OK(open_plant(state));
	struct plant *p = *state;
	p->profile.bundle = "bundle_gen_lin_2c4g";
	p->settings.cloud.driver.key_overlap_ms = OVERLAP_MS;
	hear(p, ALICE, "alice", "staff", "1#");
	hear(p, BOB, "bob", "staff", "1#");
	run(p, 2 * HOUR_MS);
	assert_true(account(p, ALICE).complete && account(p, BOB).complete);
	return 0;
}

static void ask(struct plant *p)
{
	OK(store_rotate(p->store, ALICE, STAGE_ACTIVE, p->cloud->v.now_ms, &p->e));
}

static const struct json *keys_of(struct plant *p, const char *uuid)
{
	return json_get(cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS,
		arena_printf(p->a, "{\"TargetUin\":%llu}", (unsigned long long)found(p, uuid).uin)), "AccessKeys");
}

static bool active(struct plant *p, const char *id)
{
	for (const struct json *k = json_first(keys_of(p, ALICE)); k; k = json_next(k))
		if (str_eq(json_text(k, "AccessKeyId"), id))
			return str_eq(json_text(k, "Status"), "Active");
	return false;
}

static bool kept(struct plant *p, const char *id)
{
	unsigned char *sealed;
	size_t n;
	int rc = store_secret_get(p->store, account(p, ALICE).id, SECRET_KEY, id, p->a, &sealed, &n, &p->e);
	assert_true(!rc || rc == ERR_ABSENT);
	return !rc;
}

static const char *in_entry(struct plant *p, const char *attribute)
{
	struct json *o;
	OK(json_parse(p->a, p->shown, strlen(p->shown), &o, &p->e));
	const char *text = json_text(o, attribute);
	return text ? text : "";
}

static size_t agent_runs(struct plant *p)
{
	return json_count(cloud_state(p->cloud, "servers[0].agent_runs")) + json_count(cloud_state(p->cloud, "servers[1].agent_runs"));
}

/* Watching that nobody is ever without a key that works, or has three. */
static void watched(struct plant *p, int64_t for_ms)
{
	int64_t end = p->cloud->v.now_ms + for_ms;
	while (p->cloud->v.now_ms < end) {
		run(p, 20 * 60000);
		struct found f = found(p, ALICE);
		assert_true(active(p, f.key_id) && kept(p, f.key_id));
		if (*f.old_key_id && p->cloud->v.now_ms < f.old_key_until_ms)
			assert_true(active(p, f.old_key_id) && kept(p, f.old_key_id));
		assert_true(json_count(keys_of(p, ALICE)) <= 2);
	}
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void by_age(void **state)
{
	struct plant *p = *state;
	char due[32];
	p->settings.cloud.driver.key_age_ms = AGE_MS;
	struct found first = found(p, ALICE);
	size_t runs = agent_runs(p);
	watched(p, first.key_created_ms + AGE_MS - HOUR_MS - p->cloud->v.now_ms);
	assert_string_equal(found(p, ALICE).key_id, first.key_id);
	watched(p, 2 * HOUR_MS);
	struct found second = found(p, ALICE);
	assert_string_not_equal(second.key_id, first.key_id);
	assert_string_equal(second.old_key_id, first.key_id);
	/* Not at the next audit: on time. */
	assert_true(second.key_created_ms - first.key_created_ms - AGE_MS < 60000);
	assert_string_equal(in_entry(p, "rollcallKeyId"), second.key_id);
	str_time_ldap(second.key_created_ms + AGE_MS, due);
	assert_string_equal(in_entry(p, "rollcallRotationDue"), due);
	assert_string_equal(second.proof, PROOF_ISOLATED);
	assert_true(second.proof_ms >= second.key_created_ms);
	assert_int_equal(agent_runs(p), runs + 2);
	watched(p, OVERLAP_MS);
	assert_string_equal(found(p, ALICE).key_id, second.key_id);
	assert_string_equal(found(p, ALICE).old_key_id, "");
	assert_false(kept(p, first.key_id));
	assert_int_equal(json_count(keys_of(p, ALICE)), 1);
	assert_true(account(p, ALICE).complete);
}

static void never_by_age_unless_it_is_set(void **state)
{
	struct plant *p = *state;
	int64_t made = cloud_count(p->cloud, "CreateAccessKey");
	run(p, 3 * AGE_MS);
	assert_int_equal(cloud_count(p->cloud, "CreateAccessKey"), made);
	assert_string_equal(in_entry(p, "rollcallRotationDue"), "");
}

static void asked_for(void **state)
{
	struct plant *p = *state;
	struct found alice = found(p, ALICE), bob = found(p, BOB);
	ask(p);
	watched(p, HOUR_MS);
	assert_string_equal(found(p, ALICE).old_key_id, alice.key_id);
	assert_string_equal(found(p, BOB).key_id, bob.key_id);
	watched(p, 2 * OVERLAP_MS);
	assert_int_equal(json_count(keys_of(p, ALICE)), 1);
	/* Once for one question. */
	assert_int_equal(cloud_count(p->cloud, "CreateAccessKey"), 3);
	hear(p, ALICE, "alice", "left", "2#");
	run(p, HOUR_MS);
	assert_int_equal(store_rotate(p->store, ALICE, STAGE_ACTIVE, p->cloud->v.now_ms, &p->e), ERR_ABSENT);
}

/* Whoever's entry does not show the new key yet has the old one only. */
static void the_directory_is_down(void **state)
{
	struct plant *p = *state;
	struct found first = found(p, ALICE);
	p->unwritable = true;
	ask(p);
	watched(p, 3 * OVERLAP_MS);
	assert_string_equal(in_entry(p, "rollcallKeyId"), first.key_id);
	assert_true(active(p, first.key_id));
	assert_string_equal(found(p, ALICE).old_key_id, first.key_id);
	p->unwritable = false;
	watched(p, 4 * HOUR_MS);
	assert_string_equal(in_entry(p, "rollcallKeyId"), found(p, ALICE).key_id);
	assert_false(active(p, first.key_id));
	assert_int_equal(json_count(keys_of(p, ALICE)), 1);
}

/* As if it had all been written by a clock that was ahead, and was set back now. */
static void written_ahead(struct plant *p, int64_t by_ms)
{
	struct store_account a = account(p, ALICE);
	struct found f = found(p, ALICE);
	f.key_created_ms += by_ms, f.policy_changed_ms += by_ms, f.proof_ms += by_ms;
	f.old_key_until_ms += *f.old_key_id ? by_ms : 0;
	for (size_t i = 0; i < ROW_COUNT; i++)
		f.verified_ms[i] += f.verified_ms[i] ? by_ms : 0;
	a.due_ms += by_ms;
	OK(store_account_news(p->store, &a, &p->e));
	OK(store_found_put(p->store, a.id, found_print(&f, p->a), &p->e));
	OK(store_clock_back(p->store, by_ms, p->cloud->v.now_ms, &p->e));
}

/* A key is no younger than it is, and the one before it has no longer than it had. */
static void by_a_clock_that_was_ahead(void **state)
{
	struct plant *p = *state;
	p->settings.cloud.driver.key_age_ms = AGE_MS;
	ask(p);
	watched(p, HOUR_MS);
	struct found two = found(p, ALICE);
	assert_true(*two.old_key_id);
	written_ahead(p, 2 * AGE_MS);
	watched(p, OVERLAP_MS);
	assert_int_equal(json_count(keys_of(p, ALICE)), 1);
	assert_string_equal(found(p, ALICE).key_id, two.key_id);
	assert_string_equal(found(p, ALICE).proof, PROOF_ISOLATED);
	watched(p, AGE_MS - OVERLAP_MS + HOUR_MS);
	assert_string_equal(found(p, ALICE).old_key_id, two.key_id);
	watched(p, OVERLAP_MS);
	assert_int_equal(json_count(keys_of(p, ALICE)), 1);
}

static void a_leaver_in_the_middle(void **state)
{
	struct plant *p = *state;
	ask(p);
	watched(p, HOUR_MS);
	struct found two = found(p, ALICE);
	hear(p, ALICE, "alice", "left", "2#");
	run(p, HOUR_MS);
	assert_false(active(p, two.key_id) || active(p, two.old_key_id));
	assert_int_equal(account(p, ALICE).stage, STAGE_SUSPENDED);
	/* Back in time: as she left, and the overlap goes on. */
	hear(p, ALICE, "alice", "staff", "3#");
	run(p, HOUR_MS);
	assert_string_equal(found(p, ALICE).key_id, two.key_id);
	watched(p, 2 * HOUR_MS);
	assert_true(active(p, two.old_key_id));
	watched(p, OVERLAP_MS);
	assert_int_equal(json_count(keys_of(p, ALICE)), 1);
	assert_true(active(p, two.key_id));
}

/* Each call of a rotation fails once in each way, from the new key to the end of the old one. */
static void each_call_fails_once(void **state)
{
	struct plant *p = *state;
	static const char *const actions[] = { "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "ListAccessKeys" };
	static const char *const kinds[] = { "cut_before", "cut_after", "http500" };
	for (size_t i = 0; i < ARRAY_LEN(actions) * ARRAY_LEN(kinds); i++) {
		struct found before = found(p, ALICE);
		cloud_faults(p->cloud, arena_printf(p->a, "{\"rules\":[{\"action\":\"%s\",\"kind\":\"%s\",\"nth\":1}]}",
			actions[i / ARRAY_LEN(kinds)], kinds[i % ARRAY_LEN(kinds)]));
		ask(p);
		watched(p, HOUR_MS);
		assert_string_equal(found(p, ALICE).old_key_id, before.key_id);
		watched(p, OVERLAP_MS);
		assert_true(cloud_hit(p->cloud, kinds[i % ARRAY_LEN(kinds)]));
		assert_int_equal(json_count(keys_of(p, ALICE)), 1);
		assert_string_equal(in_entry(p, "rollcallKeyId"), found(p, ALICE).key_id);
		assert_false(kept(p, before.key_id));
		cloud_faults(p->cloud, "{\"rules\":[]}");
	}
}

int main(void)
{
	log_open((enum log_level)0, 0);
#define R(name) cmocka_unit_test_setup_teardown(name, begin, teardown)
	const struct CMUnitTest tests[] = {
		R(by_age), R(never_by_age_unless_it_is_set), R(asked_for), R(the_directory_is_down), R(a_leaver_in_the_middle),
		R(each_call_fails_once), R(by_a_clock_that_was_ahead),
	};
	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
