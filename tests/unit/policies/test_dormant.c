/* What the cloud tells of a key's last use, and what that says of its owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policies/dormant.h"

#define HOUR INT64_C(3600000)
#define DAY DORMANT_DAY_MS
/* A midnight of Beijing. */
#define MIDNIGHT (20000 * DAY - 8 * HOUR)

static void whose_use_it_was(void **state)
{
	(void)state;
	const int64_t proof = MIDNIGHT + 12 * HOUR, late = proof + 3 * DAY;
	const struct { int64_t told[2], own, now; bool known; int64_t his; } rows[] = {
		/* Never proved: nothing to hold the answer against. */
		{ { MIDNIGHT, 0 }, 0, late, false, 0 },
		/* The day of the proof is ours. */
		{ { MIDNIGHT + DAY - 1000, proof }, proof, late, true, 0 },
		{ { MIDNIGHT, MIDNIGHT + DAY - 1 }, proof, late, true, 0 },
		/* The day after is his, by its day or by its moment. */
		{ { MIDNIGHT + 2 * DAY - 1000, 0 }, proof, late, true, MIDNIGHT + 2 * DAY - 1000 },
		{ { MIDNIGHT + DAY - 1000, MIDNIGHT + DAY }, proof, late, true, MIDNIGHT + DAY },
		/* Near midnight both days are. */
		{ { MIDNIGHT + 2 * DAY - 1000, 0 }, MIDNIGHT + DAY - HOUR / 2, late, true, 0 },
		/* It should know of the proof by now, and does not. */
		{ { MIDNIGHT - 1000, 0 }, proof, late, false, MIDNIGHT - 1000 },
		{ { 0, 0 }, proof, late, false, 0 },
		/* It need not yet. */
		{ { MIDNIGHT - 1000, 0 }, proof, proof + DAY, true, MIDNIGHT - 1000 },
		{ { 0, 0 }, proof, proof + DAY, true, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct watch w = { 0 };
		bool known = dormant_heard(&w, rows[i].told, 2, rows[i].own, rows[i].now);
		if (known != rows[i].known || w.used_ms != (known ? rows[i].his : 0))
			fail_msg("row %zu: %d, %lld", i, known, (long long)w.used_ms);
	}
}

/* The day after a proof the cloud tells the one before it still. */
static void the_proof_before(void **state)
{
	(void)state;
	const int64_t first = MIDNIGHT + 12 * HOUR, second = first + 5 * DAY;
	struct watch w = { 0 };
	assert_true(dormant_heard(&w, &first, 1, first, first + 2 * DAY));
	assert_true(dormant_heard(&w, &first, 1, second, second + HOUR));
	assert_int_equal(w.used_ms, 0);
	assert_int_equal(w.since_ms, first + 2 * DAY);
	assert_true(dormant_heard(&w, &second, 1, second, second + 2 * DAY));
	assert_int_equal(w.used_ms, 0);
	/* What was learned stays, and a day that is told again is no news. */
	const int64_t his = second + 2 * DAY;
	assert_true(dormant_heard(&w, &his, 1, second, second + 3 * DAY));
	assert_true(dormant_heard(&w, &second, 1, second, second + 4 * DAY));
	assert_int_equal(w.used_ms, his);
}

static void a_gap_begins_anew(void **state)
{
	(void)state;
	const int64_t proof = MIDNIGHT, now = proof + DAY;
	const int64_t steps[][2] = { { now, now }, { now + DORMANT_GAP_MS, now }, { now + 2 * DORMANT_GAP_MS + 1, now + 2 * DORMANT_GAP_MS + 1 },
		/* The clock went back. */
		{ now, now } };
	struct watch w = { 0 };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_true(dormant_heard(&w, &proof, 1, proof, steps[i][0]));
		assert_int_equal(w.since_ms, steps[i][1]);
	}
}

static void a_hold_of_its_own(void **state)
{
	(void)state;
	assert_true(dormant_is_hold(DORMANT_HOLD "since"));
	assert_false(dormant_is_hold("laptop stolen"));
	assert_false(dormant_is_hold(NULL));
	assert_true(dormant_lets_park(DORMANT_PARKS_DAY - 1));
	assert_false(dormant_lets_park(DORMANT_PARKS_DAY));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whose_use_it_was), cmocka_unit_test(the_proof_before),
		cmocka_unit_test(a_gap_begins_anew), cmocka_unit_test(a_hold_of_its_own) };
	return cmocka_run_group_tests_name("dormant", tests, NULL, NULL);
}
