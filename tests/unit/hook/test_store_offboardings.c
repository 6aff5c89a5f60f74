/* Leavers' figures, and cuts that do not get on. */
#include "tests/unit/hook/store_fixture.h"

static struct store_offboarding got(struct fixture *f, unsigned n, unsigned generation)
{
	struct store_offboarding o;
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	OK(store_offboarding_get(f->store, uuid, generation, &o, &f->e));
	assert_string_equal(o.uuid, uuid);
	assert_int_equal(o.generation, generation);
	return o;
}

static void put(struct fixture *f, unsigned n, unsigned generation, struct store_offboarding o)
{
	uuid_of(n, o.uuid);
	o.generation = generation;
	OK(store_offboarding_put(f->store, &o, &f->e));
}

static void the_first_moment_counts(void **state)
{
	struct fixture *f = *state;
	put(f, 1, 1, (struct store_offboarding){ .changed_ms = NOW, .seen_ms = NOW + 10, .key_off_ms = NOW + 20 });
	put(f, 1, 1, (struct store_offboarding){ .changed_ms = NOW + 1, .seen_ms = NOW + 10, .key_off_ms = NOW + 30,
		.console_off_ms = NOW + 31, .barrier_ms = NOW + 32 });
	put(f, 1, 1, (struct store_offboarding){ .cut_ms = NOW + 40 });
	put(f, 1, 1, (struct store_offboarding){ .cut_ms = NOW + 41, .refused_ms = NOW + 50 });
	struct store_offboarding o = got(f, 1, 1);
	assert_int_equal(o.changed_ms, NOW);
	assert_int_equal(o.seen_ms, NOW + 10);
	assert_int_equal(o.key_off_ms, NOW + 20);
	assert_int_equal(o.console_off_ms, NOW + 31);
	assert_int_equal(o.barrier_ms, NOW + 32);
	assert_int_equal(o.cut_ms, NOW + 40);
	assert_int_equal(o.refused_ms, NOW + 50);
	assert_int_equal(o.given_up_ms, 0);
	fixture_reopen(f);
	assert_int_equal(got(f, 1, 1).refused_ms, NOW + 50);
}

static void another_suspension_begins_anew(void **state)
{
	struct fixture *f = *state;
	put(f, 1, 1, (struct store_offboarding){ .changed_ms = NOW, .seen_ms = NOW + 10, .key_off_ms = NOW + 20,
		.console_off_ms = NOW + 21, .barrier_ms = NOW + 22, .cut_ms = NOW + 23, .refused_ms = NOW + 24, .given_up_ms = NOW + 25 });
	put(f, 1, 1, (struct store_offboarding){ .seen_ms = NOW + 5000, .key_off_ms = NOW + 5001 });
	struct store_offboarding o = got(f, 1, 1);
	assert_int_equal(o.seen_ms, NOW + 5000);
	assert_int_equal(o.key_off_ms, NOW + 5001);
	assert_true(!o.changed_ms && !o.console_off_ms && !o.barrier_ms && !o.cut_ms && !o.refused_ms && !o.given_up_ms);
	/* A later generation has figures of its own. */
	put(f, 1, 2, (struct store_offboarding){ .seen_ms = NOW + 9000 });
	assert_int_equal(got(f, 1, 1).seen_ms, NOW + 5000);
	assert_int_equal(got(f, 1, 2).seen_ms, NOW + 9000);
}

static void the_newest_first(void **state)
{
	struct fixture *f = *state;
	struct store_offboarding *list;
	size_t n;
	OK(store_offboardings(f->store, 10, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 0);
	for (unsigned i = 1; i <= 5; i++)
		put(f, i, 1, (struct store_offboarding){ .seen_ms = NOW + (i * 7) % 5 });
	OK(store_offboardings(f->store, 4, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 4);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i].seen_ms, NOW + 4 - (int64_t)i);
	char nobody[UUID_TEXT];
	struct store_offboarding o;
	uuid_of(9, nobody);
	assert_int_equal(store_offboarding_get(f->store, nobody, 1, &o, &f->e), ERR_ABSENT);
}

static int64_t stuck(struct fixture *f, int64_t now)
{
	struct store_line *lines;
	size_t listed;
	int64_t n = -1;
	OK(store_stuck(f->store, now, 10, f->arena, &lines, &listed, &n, &f->e));
	assert_int_equal(listed, n);
	return n;
}

/* As a worker gives it back after a cut that failed. */
static void fail_to_cut(struct fixture *f, unsigned attempts)
{
	struct store_account a;
	OK(take(f, 1u << LANE_REVOKE, 1, &a));
	a.attempts = attempts;
	OK(store_give_back(f->store, &a, 1, &f->e));
}

static void cuts_that_do_not_get_on_are_counted(void **state)
{
	struct fixture *f = *state;
	account_of(f, 1, LANE_REVOKE, NOW);
	account_of(f, 2, LANE_TIDY, NOW);
	assert_int_equal(stuck(f, NOW), 0);
	/* By age, and only the cut itself. */
	assert_int_equal(stuck(f, NOW + STORE_STUCK_MS), 0);
	assert_int_equal(stuck(f, NOW + STORE_STUCK_MS + 1), 1);
	/* By failures in a row. */
	fail_to_cut(f, STORE_STUCK_ATTEMPTS);
	assert_int_equal(stuck(f, NOW), 0);
	fail_to_cut(f, STORE_STUCK_ATTEMPTS + 1);
	assert_int_equal(stuck(f, NOW), 1);
	/* Also while a worker tries it. */
	struct store_account a;
	OK(take(f, 1u << LANE_REVOKE, 1, &a));
	assert_int_equal(stuck(f, NOW), 1);
	a.lane = LANE_TIDY;
	a.attempts = 0;
	OK(store_give_back(f->store, &a, 1, &f->e));
	assert_int_equal(stuck(f, NOW + 2 * STORE_STUCK_MS), 0);
	/* By name, the longest first, no more than were asked for. */
	struct store_line *lines;
	size_t listed;
	int64_t n;
	account_of(f, 4, LANE_REVOKE, NOW);
	account_of(f, 5, LANE_REVOKE, NOW);
	OK(store_stuck(f->store, NOW + 2 * STORE_STUCK_MS, 1, f->arena, &lines, &listed, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(listed, 1);
	assert_string_equal(lines[0].login, "user4");
	OK(take(f, 1u << LANE_REVOKE, 1, &a));
	a.lane = LANE_TIDY;
	OK(store_give_back(f->store, &a, 1, &f->e));
	OK(take(f, 1u << LANE_REVOKE, 1, &a));
	a.lane = LANE_TIDY;
	OK(store_give_back(f->store, &a, 1, &f->e));
	/* Somebody new in the lane. */
	account_of(f, 3, LANE_REVOKE, INT64_MAX);
	assert_int_equal(stuck(f, NOW + 2 * STORE_STUCK_MS), 0);
}

#define STORE(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE(the_first_moment_counts), STORE(another_suspension_begins_anew), STORE(the_newest_first),
		STORE(cuts_that_do_not_get_on_are_counted),
	};
	return cmocka_run_group_tests_name("store-offboardings", tests, NULL, NULL);
}
