/* Who takes what: workers that serve leavers only, and nobody who waits in a worker's hands. */
#include "tests/unit/hook/plant.h"

#define CAROL "00000000-0000-4000-8000-00000000000c"
#define JOINERS 40
#define REVOKING 0        /* the plant's first worker serves nothing but leavers */
#define ORDINARY 1

static void join_many(struct plant *p)
{
	for (int i = 0; i < JOINERS; i++)
		hear(p, arena_printf(p->a, "00000000-0000-4000-8000-0000000001%02d", i), arena_printf(p->a, "j%d", i), "staff", "1#");
}

/* The clock is a virtual one: it goes on when somebody waits, and then only. */
static int64_t step_ms(struct plant *p, int worker, int *did)
{
	int64_t due, began = p->cloud->v.now_ms;
	*did = engine_step(p->workers[worker], &due);
	return p->cloud->v.now_ms - began;
}

static bool key_works(struct plant *p, const char *uuid)
{
	const struct json *keys = cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS,
		arena_printf(p->a, "{\"TargetUin\":%llu}", (unsigned long long)found(p, uuid).uin));
	const struct json *key = json_first(json_get(keys, "AccessKeys"));
	assert_non_null(key);
	return str_eq(json_text(key, "Status"), "Active");
}

static void a_worker_for_leavers_takes_nobody_else(void **state)
{
	struct plant *p = *state;
	int did;
	join_many(p);
	step_ms(p, REVOKING, &did);
	assert_int_equal(did, 0);
	hear(p, ALICE, "alice", "left", "2#");
	assert_int_equal(account(p, ALICE).lane, LANE_REVOKE);
	step_ms(p, REVOKING, &did);
	assert_int_equal(did, 1);
	assert_false(key_works(p, ALICE));
	/* The rest of it is the others' work. */
	assert_int_equal(account(p, ALICE).lane, LANE_TIDY);
	step_ms(p, REVOKING, &did);
	assert_int_equal(did, 0);
}

/* Forty people at one moment: the limits of all they need are used up, and what is ordered is being built.  Whoever has to wait
 * goes back into the queue; and a leaver's calls have room. */
static void nobody_waits_in_a_workers_hands(void **state)
{
	struct plant *p = *state;
	struct store_counts c;
	int did = 1, steps = 0;
	join_many(p);
	while (did) {
		int64_t ms = step_ms(p, ORDINARY, &did);
		if (ms > 0)
			fail_msg("step %d took %lld ms", steps, (long long)ms);
		assert_true(steps++ < 40 * JOINERS);
	}
	OK(store_counts(p->store, &c, &p->e));
	assert_true(c.troubled >= JOINERS / 2);
	assert_true(steps > JOINERS);

	hear(p, BOB, "bob", "left", "2#");
	int64_t ms = step_ms(p, REVOKING, &did);
	assert_int_equal(did, 1);
	assert_int_equal(ms, 0);
	assert_false(key_works(p, BOB));
	assert_int_equal(account(p, BOB).lane, LANE_TIDY);
	run(p, 2 * HOUR_MS);
	OK(store_counts(p->store, &c, &p->e));
	assert_int_equal(c.troubled, 0);
}

/* A leaver's walk takes the place of a joiner's, whoever was there first. */
static void an_ordinary_worker_serves_leavers_first(void **state)
{
	struct plant *p = *state;
	int did;
	join_many(p);
	p->cloud->v.now_ms += 1000;
	hear(p, ALICE, "alice", "left", "2#");
	step_ms(p, ORDINARY, &did);
	assert_int_equal(did, 1);
	assert_false(key_works(p, ALICE));
}

/* Cut from memory, and the store does not know of it: his walk ends at its first change, and comes again later, not at once. */
static void who_was_struck_is_not_walked_again_at_once(void **state)
{
	struct plant *p = *state;
	int64_t due, end = p->cloud->v.now_ms + 60000;
	int steps = 0;
	hear(p, CAROL, "carol", "staff", "1#");
	engine_strike(p->engine, CAROL);
	while (p->cloud->v.now_ms < end) {
		int did = engine_step(p->workers[ORDINARY], &due);
		steps += did;
		if (!did)
			p->cloud->v.now_ms = due < end ? due : end;
	}
	assert_true(steps < 50);
	assert_int_equal(found(p, CAROL).uin, 0);
}

/* The store does not know that he is disabled; that an account of before is taken down says nothing of it. */
static void an_older_account_ends_no_strike(void **state)
{
	struct plant *p = *state;
	struct store_account old = account(p, ALICE), now = { .stage = STAGE_ACTIVE, .since_ms = p->cloud->v.now_ms, .lane = LANE_AUDIT,
		.due_ms = INT64_MAX, .placement = old.placement };
	int64_t due;
	str_copy(now.uuid, sizeof(now.uuid), ALICE);
	old.stage = STAGE_RETIRED;
	old.lane = LANE_TIDY;
	old.due_ms = p->cloud->v.now_ms;
	OK(store_account_news(p->store, &old, &p->e));
	OK(store_account_new(p->store, &now, &p->e));
	assert_int_equal(now.generation, 2);
	engine_strike(p->engine, ALICE);
	for (int i = 0; i < 20; i++)
		engine_step(p->workers[ORDINARY], &due);
	OK(store_account_by_id(p->store, old.id, p->a, &old, &p->e));
	assert_true(old.took > 0 && engine_struck(p->engine, ALICE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLANT(a_worker_for_leavers_takes_nobody_else),
		PLANT(nobody_waits_in_a_workers_hands),
		PLANT(an_ordinary_worker_serves_leavers_first),
		PLANT(who_was_struck_is_not_walked_again_at_once),
		PLANT(an_older_account_ends_no_strike),
	};
	log_open((enum log_level)0, 0);
	return cmocka_run_group_tests_name("engine-lanes", tests, NULL, NULL);
}
