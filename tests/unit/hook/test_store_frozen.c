/* What brakes remember: acts in their windows, frozen lists from their beginning to their end, and who is leaving. */
#include "tests/unit/hook/store_fixture.h"

#define HOUR_MS 3600000LL
#define DAY_MS 86400000LL

static struct store_person put(struct fixture *f, unsigned n, const char *branch)
{
	struct store_person p = person_of(n, f->arena);
	p.branch = arena_strdup(f->arena, branch);
	OK(store_person_put(f->store, &p, &f->e));
	return p;
}

static struct store_frozen freeze(struct fixture *f, unsigned n, enum frozen_kind kind)
{
	struct store_frozen row = { .kind = kind, .branch = "ou=a", .why = "too many", .fen = 7,
		.detail = kind == FROZEN_ADOPT ? "{\"uin\":1}" : NULL }, out;
	uuid_of(n, row.uuid);
	OK(store_frozen_put(f->store, &row, f->time.now_ms, f->arena, &out, &f->e));
	assert_string_equal(out.uuid, row.uuid);
	return out;
}

static struct store_frozen frozen(struct fixture *f, unsigned n, enum frozen_kind kind)
{
	struct store_frozen out;
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	OK(store_frozen_get(f->store, uuid, kind, f->arena, &out, &f->e));
	return out;
}

static int64_t acts(struct fixture *f, enum act_kind kind, const char *branch, int64_t since_ms, int64_t *fen)
{
	int64_t n = -1;
	OK(store_acts(f->store, kind, branch, since_ms, &n, fen, &f->e));
	return n;
}

/* --- acts -------------------------------------------------------------------------------------------------- */

static void acts_count_by_kind_branch_and_time(void **state)
{
	struct fixture *f = *state;
	char uuid[UUID_TEXT];
	int64_t fen = -1;
	uuid_of(1, uuid);
	assert_int_equal(acts(f, ACT_KIND_JOIN, NULL, 0, &fen), 0);
	assert_int_equal(fen, 0);
	OK(store_act_add(f->store, ACT_KIND_JOIN, uuid, "ou=a", NOW - HOUR_MS - 1, 100, &f->e));
	OK(store_act_add(f->store, ACT_KIND_JOIN, uuid, "ou=a", NOW - HOUR_MS, 20, &f->e));
	OK(store_act_add(f->store, ACT_KIND_JOIN, uuid, NULL, NOW, 3, &f->e));
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, uuid, "ou=a", NOW, 0, &f->e));
	assert_int_equal(acts(f, ACT_KIND_JOIN, NULL, NOW - HOUR_MS, &fen), 2);
	assert_int_equal(fen, 23);
	assert_int_equal(acts(f, ACT_KIND_JOIN, "ou=a", NOW - HOUR_MS, &fen), 1);
	assert_int_equal(fen, 20);
	assert_int_equal(acts(f, ACT_KIND_JOIN, "", 0, NULL), 1);
	assert_int_equal(acts(f, ACT_KIND_DEPARTURE, "ou=a", 0, NULL), 1);
	assert_int_equal(acts(f, ACT_KIND_RETIRE, NULL, 0, NULL), 0);
	/* Two days later nobody asks any more; what others remember stays. */
	OK(store_act_add(f->store, ACT_KIND_JOIN, uuid, "", NOW + 2 * DAY_MS, 0, &f->e));
	assert_int_equal(acts(f, ACT_KIND_JOIN, NULL, 0, NULL), 2);
	assert_int_equal(acts(f, ACT_KIND_DEPARTURE, NULL, 0, NULL), 1);
}

static void a_roll_is_counted_by_branch_and_stage(void **state)
{
	struct fixture *f = *state;
	const unsigned serving = 1u << STAGE_ACTIVE | 1u << STAGE_HELD;
	int64_t n;
	for (unsigned i = 1; i <= 5; i++) {
		struct store_account a = account_of(f, i, LANE_AUDIT, INT64_MAX);
		put(f, i, i <= 3 ? "ou=a" : NULL);
		if (i == 3) {
			a.stage = STAGE_SUSPENDED;
			OK(store_account_news(f->store, &a, &f->e));
			/* His new account counts, and the old one does not. */
			struct store_account again = { .stage = STAGE_HELD, .placement = "{}" };
			strcpy(again.uuid, a.uuid);
			OK(store_account_new(f->store, &again, &f->e));
		}
	}
	put(f, 9, "ou=a");
	OK(store_roll_size(f->store, NULL, serving, &n, &f->e));
	assert_int_equal(n, 5);
	OK(store_roll_size(f->store, "ou=a", serving, &n, &f->e));
	assert_int_equal(n, 3);
	OK(store_roll_size(f->store, "ou=a", 1u << STAGE_ACTIVE, &n, &f->e));
	assert_int_equal(n, 2);
	OK(store_roll_size(f->store, "", serving, &n, &f->e));
	assert_int_equal(n, 2);
	OK(store_roll_size(f->store, "ou=b", serving, &n, &f->e));
	assert_int_equal(n, 0);
}

static void branch_and_protection_are_kept(void **state)
{
	struct fixture *f = *state;
	struct store_person p = put(f, 1, "ou=a"), got;
	p.is_protected = p.solid = true;
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &got, &f->e));
	assert_string_equal(got.branch, "ou=a");
	assert_true(got.is_protected && got.solid);
	p.branch = NULL;
	p.is_protected = p.solid = false;
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &got, &f->e));
	assert_string_equal(got.branch, "");
	assert_false(got.is_protected || got.solid);
}

static void things_are_kept_with_the_row(void **state)
{
	struct fixture *f = *state;
	put(f, 1, NULL);
	assert_string_equal(freeze(f, 1, FROZEN_ADOPT).detail, "{\"uin\":1}");
	assert_null(freeze(f, 1, FROZEN_JOIN).detail);
	assert_string_equal(frozen(f, 1, FROZEN_ADOPT).detail, "{\"uin\":1}");
}

/* --- lists ------------------------------------------------------------------------------------------------- */

static void a_list_takes_in_for_a_minute(void **state)
{
	struct fixture *f = *state;
	put(f, 1, NULL);
	struct store_frozen a = freeze(f, 1, FROZEN_DEPARTURE);
	assert_int_equal(a.list_ms, NOW);
	assert_string_equal(a.login, "user1");
	assert_non_null(strstr(a.dn, "uid=user1,"));
	assert_string_equal(a.branch, "ou=a");
	assert_string_equal(a.why, "too many");
	assert_int_equal(a.fen, 7);
	assert_int_equal(a.state, FROZEN_WAITING);
	f->time.now_ms += FROZEN_LIST_MS - 1;
	assert_int_equal(freeze(f, 2, FROZEN_DEPARTURE).list_ms, NOW);
	assert_null(frozen(f, 2, FROZEN_DEPARTURE).login);        /* nobody knows him (any more) */
	assert_int_equal(freeze(f, 1, FROZEN_JOIN).list_ms, f->time.now_ms);     /* lists of another kind */
	f->time.now_ms += 1;
	assert_int_equal(freeze(f, 3, FROZEN_DEPARTURE).list_ms, f->time.now_ms);
	assert_int_equal(freeze(f, 1, FROZEN_DEPARTURE).list_ms, NOW);           /* who is on one stays there */
	f->time.now_ms -= 5;
	assert_int_equal(freeze(f, 4, FROZEN_DEPARTURE).list_ms, NOW + FROZEN_LIST_MS);      /* the newest one */
}

static void a_decided_list_takes_in_nobody(void **state)
{
	struct fixture *f = *state;
	int64_t n;
	freeze(f, 1, FROZEN_DEPARTURE);
	freeze(f, 2, FROZEN_DEPARTURE);
	freeze(f, 2, FROZEN_JOIN);
	OK(store_frozen_decide(f->store, FROZEN_DEPARTURE, NOW, FROZEN_APPROVED, NOW, &n, &f->e));
	assert_int_equal(n, 2);
	OK(store_frozen_decide(f->store, FROZEN_DEPARTURE, NOW + 1, FROZEN_APPROVED, NOW, &n, &f->e));
	assert_int_equal(n, 0);
	assert_int_equal(frozen(f, 1, FROZEN_DEPARTURE).state, FROZEN_APPROVED);
	assert_int_equal(frozen(f, 1, FROZEN_DEPARTURE).decided_ms, NOW);
	assert_int_equal(frozen(f, 2, FROZEN_JOIN).state, FROZEN_WAITING);
	/* In the same millisecond, even: what was approved is what was seen. */
	struct store_frozen c = freeze(f, 3, FROZEN_DEPARTURE);
	assert_int_equal(c.list_ms, NOW + 1);
	assert_int_equal(c.state, FROZEN_WAITING);
	assert_int_equal(freeze(f, 1, FROZEN_DEPARTURE).state, FROZEN_APPROVED);
}

static void decisions_expire(void **state)
{
	struct fixture *f = *state;
	struct store_frozen *all;
	int64_t n;
	size_t count;
	freeze(f, 1, FROZEN_DEPARTURE);
	freeze(f, 2, FROZEN_DEPARTURE);
	OK(store_frozen_decide(f->store, FROZEN_DEPARTURE, NOW, FROZEN_REJECTED, NOW, &n, &f->e));
	OK(store_frozen_expire(f->store, NOW, NOW + DAY_MS, &f->e));
	assert_int_equal(frozen(f, 1, FROZEN_DEPARTURE).state, FROZEN_REJECTED);
	f->time.now_ms += DAY_MS;
	freeze(f, 3, FROZEN_DEPARTURE);
	OK(store_frozen_expire(f->store, NOW + 1, NOW + DAY_MS, &f->e));
	struct store_frozen a = frozen(f, 1, FROZEN_DEPARTURE), b = frozen(f, 2, FROZEN_DEPARTURE);
	assert_int_equal(a.state, FROZEN_WAITING);
	assert_int_equal(a.decided_ms, 0);
	assert_int_equal(a.list_ms, NOW + DAY_MS + 1);
	assert_int_equal(b.list_ms, a.list_ms);
	OK(store_frozen_list(f->store, f->arena, &all, &count, &f->e));
	assert_int_equal(count, 3);
	assert_string_equal(all[0].uuid, frozen(f, 3, FROZEN_DEPARTURE).uuid);
	OK(store_frozen_drop(f->store, a.uuid, FROZEN_JOIN, &f->e));
	OK(store_frozen_drop(f->store, a.uuid, FROZEN_DEPARTURE, &f->e));
	OK(store_frozen_list(f->store, f->arena, &all, &count, &f->e));
	assert_int_equal(count, 2);
	assert_int_equal(store_frozen_get(f->store, a.uuid, FROZEN_DEPARTURE, f->arena, &a, &f->e), ERR_ABSENT);
}

static void the_next_are_approved_ones_then_those_who_need_room(void **state)
{
	struct fixture *f = *state;
	struct store_frozen *next;
	struct store_frozen_sum *sums;
	int64_t n;
	size_t count;
	struct store_frozen firm = { .kind = FROZEN_JOIN, .branch = "ou=b", .why = "first start", .firm = true };
	uuid_of(1, firm.uuid);
	OK(store_frozen_put(f->store, &firm, NOW, f->arena, &firm, &f->e));
	assert_true(firm.firm);
	for (unsigned i = 2; i <= 4; i++)
		freeze(f, i, FROZEN_JOIN);
	freeze(f, 5, FROZEN_DEPARTURE);
	OK(store_frozen_next(f->store, FROZEN_JOIN, 10, 2, f->arena, &next, &count, &f->e));
	assert_int_equal(count, 2);
	assert_string_equal(next[0].uuid, frozen(f, 2, FROZEN_JOIN).uuid);
	assert_string_equal(next[1].uuid, frozen(f, 3, FROZEN_JOIN).uuid);
	OK(store_frozen_next(f->store, FROZEN_JOIN, 10, 0, f->arena, &next, &count, &f->e));
	assert_int_equal(count, 0);
	OK(store_frozen_decide(f->store, FROZEN_JOIN, NOW, FROZEN_APPROVED, NOW, &n, &f->e));
	f->time.now_ms += 1;
	freeze(f, 6, FROZEN_JOIN);
	OK(store_frozen_next(f->store, FROZEN_JOIN, 2, 2, f->arena, &next, &count, &f->e));
	assert_int_equal(count, 3);
	assert_string_equal(next[0].uuid, firm.uuid);             /* approved, and nothing else was asked of him */
	assert_string_equal(next[2].uuid, frozen(f, 6, FROZEN_JOIN).uuid);
	OK(store_frozen_sums(f->store, 0, f->arena, &sums, &count, &f->e));
	assert_int_equal(count, 4);
	assert_int_equal(sums[0].kind, FROZEN_DEPARTURE);
	assert_int_equal(sums[1].state, FROZEN_WAITING);
	assert_int_equal(sums[1].people, 1);
	assert_int_equal(sums[2].people, 3);
	assert_string_equal(sums[3].branch, "ou=b");
	OK(store_frozen_sums(f->store, NOW + 1, f->arena, &sums, &count, &f->e));
	assert_int_equal(count, 1);
}

/* --- who is leaving ------------------------------------------------------------------------------------------ */

static void whom_a_list_holds_back_is_not_leaving(void **state)
{
	struct fixture *f = *state;
	struct store_leaver *all;
	struct store_person *weak;
	int64_t n;
	size_t count;
	for (unsigned i = 1; i <= 4; i++) {
		struct store_person p = put(f, i, "ou=a");
		p.signal = SIGNAL_ABSENT;
		p.solid = i == 3;
		p.weak_since_ms = i == 4 ? 0 : NOW - i;
		OK(store_person_put(f->store, &p, &f->e));
	}
	freeze(f, 1, FROZEN_DEPARTURE);
	freeze(f, 2, FROZEN_JOIN);               /* another matter */
	OK(store_leaving(f->store, f->arena, &all, &count, &f->e));
	assert_int_equal(count, 2);
	assert_string_equal(all[0].login, "user3");
	assert_string_equal(all[0].branch, "ou=a");
	assert_int_equal(all[0].signal, SIGNAL_ABSENT);
	assert_int_equal(all[0].weak_since_ms, NOW - 3);
	assert_int_equal(all[0].approved_ms, 0);
	assert_true(all[0].solid && !all[1].solid);
	OK(store_weak(f->store, NOW, 10, f->arena, &weak, &count, &f->e));
	assert_int_equal(count, 2);
	OK(store_frozen_decide(f->store, FROZEN_DEPARTURE, NOW, FROZEN_REJECTED, NOW, &n, &f->e));
	OK(store_leaving(f->store, f->arena, &all, &count, &f->e));
	assert_int_equal(count, 2);
	OK(store_frozen_decide(f->store, FROZEN_DEPARTURE, NOW, FROZEN_APPROVED, NOW + 5, &n, &f->e));
	OK(store_leaving(f->store, f->arena, &all, &count, &f->e));
	assert_int_equal(count, 3);
	assert_int_equal(all[2].approved_ms, NOW + 5);
	OK(store_weak(f->store, NOW, 10, f->arena, &weak, &count, &f->e));
	assert_int_equal(count, 3);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(acts_count_by_kind_branch_and_time),
		STORE_TEST(a_roll_is_counted_by_branch_and_stage),
		STORE_TEST(branch_and_protection_are_kept),
		STORE_TEST(things_are_kept_with_the_row), STORE_TEST(a_list_takes_in_for_a_minute),
		STORE_TEST(a_decided_list_takes_in_nobody),
		STORE_TEST(decisions_expire),
		STORE_TEST(the_next_are_approved_ones_then_those_who_need_room),
		STORE_TEST(whom_a_list_holds_back_is_not_leaving),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
