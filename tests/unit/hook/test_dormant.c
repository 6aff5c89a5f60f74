/* Keys that nobody uses: told, parked where the profile says so, and given back by a login.  Real engine, roll and store
 * against the emulator, in virtual time. */
#include "tests/unit/hook/plant.h"

#include "hook/kept.h"
#include "policies/dormant.h"

#define DAY_MS (24 * HOUR_MS)

static int begin(void **state)
{
	OK(open_plant(state));
	struct plant *p = *state;
	p->settings.life.dormant_ms = 14 * DAY_MS;
	p->settings.cloud.driver.prove_every_ms = 5 * DAY_MS;
	hear(p, ALICE, "alice", "staff", "1#");
	hear(p, BOB, "bob", "staff", "1#");
	run(p, 2 * HOUR_MS);
	assert_true(account(p, ALICE).complete && account(p, BOB).complete);
	return 0;
}

/* A call signed with the key that his account names. */
static int use(struct plant *p, const char *uuid)
{
	const struct keeper k = { p->store, p->key };
	struct found f = found(p, uuid);
	AUTO_SECRET struct secret *key = NULL;
	const struct json *answer;
	OK(kept_open(&k, account(p, uuid).id, uuid, f.uin, SECRET_KEY, f.key_id, p->a, &key, &p->e));
	return api_call_as(&p->cloud->api, f.key_id, key, ACT_GET_CALLER_IDENTITY, "ap-shanghai", NULL, p->a, &answer, &p->e);
}

/* For so many days somebody uses his key, or logs in, every fourth day. */
static void days(struct plant *p, int n, const char *worker, const char *visitor)
{
	for (int i = 0; i < n; i++) {
		run(p, DAY_MS);
		if (worker && i % 4 == 0)
			OK(use(p, worker));
		if (visitor && i % 4 == 0)
			OK(roll_logged_in(&p->roll, visitor, "test", p->a, &p->e));
	}
}

static size_t listed(struct plant *p, struct store_idle **list)
{
	size_t n;
	int64_t total, now = p->cloud->v.now_ms;
	OK(store_idle(p->store, now - p->settings.life.dormant_ms, now - DORMANT_GAP_MS, 10, p->a, list, &n, &total, &p->e));
	assert_int_equal(n, total);
	return n;
}

static enum stage stage_of(struct plant *p, const char *uuid) { return (enum stage)account(p, uuid).stage; }

static struct plant *with_bob_parked(void **state)
{
	struct plant *p = *state;
	p->profile.park = true;
	days(p, 20, ALICE, NULL);
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
	return p;
}

static void who_uses_it_is_not_listed(void **state)
{
	struct plant *p = *state;
	struct store_idle *list;
	days(p, 20, ALICE, NULL);
	assert_int_equal(listed(p, &list), 1);
	assert_string_equal(list[0].uuid, BOB);
	assert_string_equal(list[0].login, "bob");
	assert_int_equal(list[0].used_ms, 0);
	/* Telling is all: his profile does not say that he is parked. */
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	OK(use(p, BOB));
	days(p, 3, ALICE, NULL);
	assert_int_equal(listed(p, &list), 0);
}

static void a_login_counts_as_well(void **state)
{
	struct plant *p = *state;
	struct store_idle *list;
	days(p, 20, ALICE, BOB);
	assert_int_equal(listed(p, &list), 0);
}

static void a_parked_one_is_back_by_a_login(void **state)
{
	struct plant *p = *state;
	p->profile.park = true;
	days(p, 13, ALICE, NULL);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	days(p, 7, ALICE, NULL);
	assert_int_equal(stage_of(p, ALICE), STAGE_ACTIVE);
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
	assert_true(dormant_is_hold(account(p, BOB).hold_reason));
	assert_int_not_equal(use(p, BOB), 0);
	OK(use(p, ALICE));
	/* An administrator may do it, too; a hold of his own stays. */
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	assert_null(account(p, BOB).hold_reason);
	run(p, 2 * HOUR_MS);
	assert_true(account(p, BOB).complete);
	OK(use(p, BOB));
	days(p, 10, ALICE, NULL);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
}

static void no_other_hold_ends_with_a_login(void **state)
{
	struct plant *p = *state;
	assert_int_equal(roll_suspend(&p->roll, BOB, DORMANT_HOLD "or so", "test", p->a, &p->e), ERR_PERM);
	OK(roll_suspend(&p->roll, BOB, "laptop stolen", "test", p->a, &p->e));
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
}

/* Somebody who is parked already: the stronger reason takes the place of the other. */
static void a_hold_on_top_of_it(void **state)
{
	struct plant *p = with_bob_parked(state);
	OK(roll_suspend(&p->roll, BOB, "laptop stolen", "test", p->a, &p->e));
	assert_string_equal(account(p, BOB).hold_reason, "laptop stolen");
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
	assert_int_equal(roll_suspend(&p->roll, BOB, "again", "test", p->a, &p->e), ERR_ABSENT);
	OK(roll_resume(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
}

/* By the last word of a directory that is in doubt nobody gets anything back. */
static void a_login_in_doubt_gives_nothing_back(void **state)
{
	struct plant *p = with_bob_parked(state);
	p->roll.doubt = DOUBT_ALL;
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
	p->roll.doubt = DOUBT_NONE;
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
}

/* `rollcall verify --all` every night: whatever they do with their keys is hidden, and nobody is idle for that. */
static void proofs_every_night(void **state)
{
	struct plant *p = *state;
	struct store_idle *list;
	p->profile.park = true;
	p->settings.cloud.driver.prove_every_ms = DAY_MS;
	days(p, 30, ALICE, NULL);
	assert_int_equal(listed(p, &list), 0);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	assert_int_equal(stage_of(p, ALICE), STAGE_ACTIVE);
}

/* Disabled while parked, and back: parked still. */
static void the_hold_survives_a_leave(void **state)
{
	struct plant *p = with_bob_parked(state);
	hear(p, BOB, "bob", "left", "2#");
	assert_int_equal(stage_of(p, BOB), STAGE_SUSPENDED);
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_SUSPENDED);
	hear(p, BOB, "bob", "staff", "3#");
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
	OK(roll_logged_in(&p->roll, BOB, "test", p->a, &p->e));
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
}

static void the_protected_are_told_and_stay(void **state)
{
	struct plant *p = *state;
	struct store_idle *list;
	p->profile.park = true;
	OK(filter_parse(p->a, "(uid=bob)", &p->rules.guarded, &p->e));
	hear(p, BOB, "bob", "staff", "2#");
	days(p, 20, ALICE, NULL);
	assert_int_equal(listed(p, &list), 1);
	assert_true(list[0].is_protected);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
}

static void no_answer_is_no_idleness(void **state)
{
	struct plant *p = *state;
	struct store_idle *list;
	p->profile.park = true;
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"GetSecurityLastUsed\",\"kind\":\"error\",\"code\":\"InternalError\"}]}");
	days(p, 20, ALICE, NULL);
	assert_int_equal(listed(p, &list), 0);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	assert_true(cloud_count(p->cloud, "GetSecurityLastUsed") > 0);
}

static bool is_watched(struct plant *p, const char *uuid)
{
	struct store_watch w;
	OK(store_watch_get(p->store, account(p, uuid).id, &w, &p->e));
	return w.asked_ms >= p->cloud->v.now_ms - DAY_MS - HOUR_MS;
}

/* It is asked about the others singly, and about this one tomorrow. */
static void a_key_that_the_cloud_refuses(void **state)
{
	static const struct { int nth; bool alice; } rows[] = { { 1, true }, { 2, false } };
	struct plant *p = *state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		days(p, 3, NULL, NULL);
		assert_true(is_watched(p, ALICE) && is_watched(p, BOB));
		cloud_faults(p->cloud, arena_printf(p->a, "{\"rules\":[{\"action\":\"GetSecurityLastUsed\",\"kind\":\"error\",\"code\":"
			"\"InvalidParameter\",\"nth\":1},{\"action\":\"GetSecurityLastUsed\",\"kind\":\"error\",\"code\":"
			"\"InvalidParameter\",\"nth\":%d}]}", rows[i].nth));
		int64_t before = cloud_count(p->cloud, "GetSecurityLastUsed");
		days(p, 1, NULL, NULL);
		assert_true(cloud_hit(p->cloud, "error"));
		assert_int_equal(cloud_count(p->cloud, "GetSecurityLastUsed") - before, rows[i].alice ? 2 : 1);
		cloud_faults(p->cloud, "{\"rules\":[]}");
	}
}

/* Nobody was asked about for a week, or the clock went ahead: whatever was before is not counted. */
static void a_gap_begins_anew(void **state)
{
	struct plant *p = *state;
	struct store_idle *list;
	p->profile.park = true;
	days(p, 10, ALICE, NULL);
	p->cloud->v.now_ms += 30 * DAY_MS;
	days(p, 10, ALICE, NULL);
	assert_int_equal(listed(p, &list), 0);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	days(p, 8, ALICE, NULL);
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
}

static void not_too_many_in_a_day(void **state)
{
	struct plant *p = *state;
	p->profile.park = true;
	days(p, 13, ALICE, NULL);
	for (int i = 0; i < DORMANT_PARKS_DAY; i++)
		OK(store_act_add(p->store, ACT_KIND_PARK, ALICE, "", p->cloud->v.now_ms + 3 * DAY_MS, 0, &p->e));
	days(p, 3, ALICE, NULL);
	assert_int_equal(stage_of(p, BOB), STAGE_ACTIVE);
	days(p, 4, ALICE, NULL);
	assert_int_equal(stage_of(p, BOB), STAGE_HELD);
}

static void off_asks_nothing(void **state)
{
	struct plant *p = *state;
	int64_t before = cloud_count(p->cloud, "GetSecurityLastUsed");
	assert_true(before > 0);
	p->settings.life.dormant_ms = 0;
	days(p, 3, NULL, NULL);
	assert_int_equal(cloud_count(p->cloud, "GetSecurityLastUsed"), before);
}

#define DORMANT(name) cmocka_unit_test_setup_teardown(name, begin, teardown)

int main(void)
{
	json_start();
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		DORMANT(who_uses_it_is_not_listed), DORMANT(a_login_counts_as_well), DORMANT(a_parked_one_is_back_by_a_login),
		DORMANT(no_other_hold_ends_with_a_login), DORMANT(a_hold_on_top_of_it),
		DORMANT(a_login_in_doubt_gives_nothing_back), DORMANT(proofs_every_night), DORMANT(the_hold_survives_a_leave),
		 DORMANT(the_protected_are_told_and_stay),
		DORMANT(no_answer_is_no_idleness), DORMANT(a_key_that_the_cloud_refuses), DORMANT(a_gap_begins_anew), DORMANT(not_too_many_in_a_day),
		DORMANT(off_asks_nothing),
	};
	return cmocka_run_group_tests_name("dormant", tests, NULL, NULL);
}
