/* The brakes are counting: where each begins to hold, and what is believed of a refresh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policies/brake.h"

static void the_greater_allowance_counts(void **state)
{
	(void)state;
	const struct brake_rules r = { .count = 5, .percent = 2 };
	static const struct { int64_t roll, departed, wanting; bool lets; } rows[] = {
		{ 10, 0, 5, true }, { 10, 0, 6, false }, { 10, 4, 1, true }, { 10, 5, 1, false }, { 1000, 0, 20, true },
		{ 1000, 0, 21, false }, { 1000, 15, 5, true }, { 1000, 15, 6, false }, { 0, 0, 5, true }, { 0, 0, 6, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (brake_lets(&r, rows[i].roll, rows[i].departed, rows[i].wanting) != rows[i].lets)
			fail_msg("row %zu", i);
}

static void the_fourth_alarm_holds_nobody(void **state)
{
	(void)state;
	for (int64_t held = 0; held < BRAKE_HOLDS; held++)
		assert_true(brake_lets_hold(held));
	assert_false(brake_lets_hold(BRAKE_HOLDS));
	assert_false(brake_lets_hold(BRAKE_HOLDS + 1));
	assert_int_equal(BRAKE_HOLDS, 3);
}

static void a_refresh_is_believed_or_not(void **state)
{
	(void)state;
	static const struct { struct refresh_facts facts; bool believed; } rows[] = {
		{ { true, 10, 10 }, true }, { { true, 1, 10 }, true }, { { true, 0, 0 }, true }, { { true, 0, 1 }, false },
		{ { false, 10, 10 }, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = "";
		assert_int_equal(brake_believes(&rows[i].facts, &why), rows[i].believed);
		assert_int_equal(why == NULL, rows[i].believed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_greater_allowance_counts),
		cmocka_unit_test(the_fourth_alarm_holds_nobody),
		cmocka_unit_test(a_refresh_is_believed_or_not),
	};
	return cmocka_run_group_tests_name("brake", tests, NULL, NULL);
}
