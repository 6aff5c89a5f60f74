/* Proofs that were asked for, people who are held, and the memory of alarms. */
#include "tests/unit/hook/store_fixture.h"

/* As account_of, in another stage. */
static struct store_account account_in(struct fixture *f, unsigned n, enum stage stage, const char *hold_reason)
{
	struct store_account a = account_of(f, n, LANE_AUDIT, NOW + 5000);
	a.stage = stage;
	a.since_ms = NOW + n;
	a.hold_reason = arena_strdup(f->arena, hold_reason);
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_account_by_id(f->store, a.id, f->arena, &a, &f->e));
	return a;
}

static struct store_account again(struct fixture *f, const struct store_account *a)
{
	struct store_account now;
	OK(store_account_by_id(f->store, a->id, f->arena, &now, &f->e));
	return now;
}

static size_t asked(struct fixture *f, int64_t asked_ms, int64_t after, size_t max, struct store_account **out)
{
	size_t n;
	OK(store_verified(f->store, asked_ms, after, max, f->arena, out, &n, &f->e));
	return n;
}

static void everybody_who_is_active_is_asked(void **state)
{
	struct fixture *f = *state;
	struct store_account a = account_in(f, 1, STAGE_ACTIVE, NULL), b = account_in(f, 2, STAGE_SUSPENDED, NULL),
		old = account_in(f, 3, STAGE_ACTIVE, NULL),
		c = { .stage = STAGE_ACTIVE, .lane = LANE_JOIN, .due_ms = NOW - 5, .verify_ms = 7 }, *all;
	int64_t n = -1;
	strcpy(c.uuid, old.uuid);
	OK(store_account_new(f->store, &c, &f->e));
	assert_int_equal(again(f, &c).verify_ms, 0);
	int64_t want = again(f, &a).want;
	OK(store_verify(f->store, NULL, STAGE_ACTIVE, NOW + 1, &n, &f->e));
	assert_int_equal(n, 2);
	struct store_account now = again(f, &a);
	assert_int_equal(now.verify_ms, NOW + 1);
	assert_int_equal(now.want, want + 1);
	assert_int_equal(now.lane, LANE_AUDIT);
	assert_int_equal(now.due_ms, NOW + 1);
	now = again(f, &c);
	assert_int_equal(now.lane, LANE_JOIN);           /* nobody becomes less urgent */
	assert_int_equal(now.due_ms, NOW - 5);
	assert_int_equal(again(f, &b).verify_ms, 0);
	assert_int_equal(again(f, &old).verify_ms, 0);   /* not his current one */
	assert_int_equal(asked(f, NOW + 1, 0, 10, &all), 2);
	assert_int_equal(all[0].id, a.id);
	assert_int_equal(asked(f, NOW + 1, 0, 1, &all), 1);
	assert_int_equal(asked(f, NOW + 1, all[0].id, 1, &all), 1);
	assert_int_equal(all[0].id, c.id);
	assert_int_equal(asked(f, NOW + 1, all[0].id, 1, &all), 0);
	assert_int_equal(asked(f, NOW, 0, 10, &all), 0);
	assert_int_equal(asked(f, 0, 0, 10, &all), 0);   /* those who were never asked are nobody's answer */
}

static void one_person_is_asked(void **state)
{
	struct fixture *f = *state;
	struct store_account a = account_in(f, 1, STAGE_ACTIVE, NULL), b = account_in(f, 2, STAGE_ACTIVE, NULL),
		held = account_in(f, 3, STAGE_HELD, "x"), *all;
	int64_t n = -1;
	char nobody[UUID_TEXT];
	a.due_ms = INT64_MAX;
	a.lane = LANE_TIDY;
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_verify(f->store, a.uuid, STAGE_ACTIVE, NOW, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(again(f, &a).lane, LANE_AUDIT);  /* a lane without anything to do means nothing */
	assert_int_equal(again(f, &a).due_ms, NOW);
	assert_int_equal(again(f, &b).verify_ms, 0);
	assert_int_equal(store_verify(f->store, held.uuid, STAGE_ACTIVE, NOW, &n, &f->e), ERR_ABSENT);
	uuid_of(77, nobody);
	assert_int_equal(store_verify(f->store, nobody, STAGE_ACTIVE, NOW, &n, &f->e), ERR_ABSENT);
	assert_int_equal(asked(f, NOW, 0, 10, &all), 1);
}

/* Who is being walked is walked again: the walk may have passed the row already.  News do not take the question away. */
static void a_worker_gives_back_somebody_who_was_asked(void **state)
{
	struct fixture *f = *state;
	struct store_account a = account_of(f, 1, LANE_AUDIT, NOW), got;
	int64_t n;
	OK(take(f, ALL_LANES, 1, &got));
	f->time.now_ms += 10;
	OK(store_verify(f->store, NULL, STAGE_ACTIVE, f->time.now_ms, &n, &f->e));
	assert_int_equal(store_may_act(f->store, a.id, 1, &f->e), ERR_STALE);
	got.due_ms = NOW + 86400000;
	OK(store_give_back(f->store, &got, 1, &f->e));
	OK(take(f, ALL_LANES, 1, &got));
	assert_int_equal(got.verify_ms, NOW + 10);
	got.due_ms = NOW + 86400000;
	OK(store_give_back(f->store, &got, 1, &f->e));
	OK(store_account_news(f->store, &a, &f->e));
	assert_int_equal(again(f, &a).verify_ms, NOW + 10);
}

static void held_people_are_listed(void **state)
{
	struct fixture *f = *state;
	struct store_line *lines;
	size_t n;
	int64_t total;
	account_in(f, 1, STAGE_ACTIVE, NULL);
	account_in(f, 2, STAGE_HELD, "asked by security");
	account_in(f, 3, STAGE_SUSPENDED, "another reason");
	account_in(f, 4, STAGE_RETIRED, "long ago");
	account_in(f, 5, STAGE_SUSPENDED, NULL);
	OK(store_held(f->store, 10, f->arena, &lines, &n, &total, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(total, 2);
	assert_string_equal(lines[0].login, "user3");
	assert_string_equal(lines[1].hold_reason, "asked by security");
	OK(store_held(f->store, 1, f->arena, &lines, &n, &total, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(total, 2);
}

static void alarms_are_remembered(void **state)
{
	struct fixture *f = *state;
	char uuid[UUID_TEXT];
	int64_t n;
	uuid_of(1, uuid);
	OK(store_act_add(f->store, ACT_KIND_HOLD, uuid, "", NOW - 3600001, 0, &f->e));
	OK(store_act_add(f->store, ACT_KIND_HOLD, uuid, "", NOW - 3600000, 0, &f->e));
	OK(store_act_add(f->store, ACT_KIND_HOLD, uuid, "", NOW, 0, &f->e));
	OK(store_acts(f->store, ACT_KIND_HOLD, NULL, NOW - 3600000, &n, NULL, &f->e));
	assert_int_equal(n, 2);
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, 0, &n, NULL, &f->e));    /* each brake counts its own */
	assert_int_equal(n, 0);
	OK(store_act_add(f->store, ACT_KIND_HOLD, uuid, "", NOW + 8 * 86400000LL, 0, &f->e));
	OK(store_acts(f->store, ACT_KIND_HOLD, NULL, 0, &n, NULL, &f->e));
	assert_int_equal(n, 1);
}

/* The index of those who were asked serves a poll: it costs what was asked for, not how many there are. */
static void polling_is_cheap(void **state)
{
	enum { PEOPLE = 3000, PAGE = 500 };
	struct fixture *f = *state;
	struct store_account *page;
	int64_t n, after = 0;
	size_t count, seen = 0;
	OK(store_begin(f->store, &f->e));
	for (unsigned i = 1; i <= PEOPLE; i++)
		account_of(f, i, LANE_AUDIT, NOW + 1000);
	OK(store_commit(f->store, &f->e));
	OK(store_verify(f->store, NULL, STAGE_ACTIVE, NOW, &n, &f->e));
	assert_int_equal(n, PEOPLE);
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	do {
		arena_reset(a);
		OK(store_verified(f->store, NOW, after, PAGE, a, &page, &count, &f->e));
		OK(arena_check(a, &f->e));
		seen += count;
		if (count)
			after = page[count - 1].id;
	} while (count);
	assert_int_equal(seen, PEOPLE);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(everybody_who_is_active_is_asked),
		STORE_TEST(one_person_is_asked),
		STORE_TEST(a_worker_gives_back_somebody_who_was_asked),
		STORE_TEST(held_people_are_listed),
		STORE_TEST(alarms_are_remembered),
		STORE_TEST(polling_is_cheap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
