/* The brakes are counting: where each begins to hold, and what is believed of a refresh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "policies/brake.h"

#define DEFAULTS { .hour = { 5, 2 }, .day = { 15, 5 } }

static void the_greater_allowance_counts(void **state)
{
	(void)state;
	const struct brake_rules r = DEFAULTS;
	static const struct { struct brake_load load; const char *why; } rows[] = {
		{ { .roll = 10, .wanting = 5 }, NULL },
		{ { .roll = 10, .wanting = 6 }, "departures_per_hour" },
		{ { .roll = 10, .hour = 4, .day = 4, .wanting = 1 }, NULL },
		{ { .roll = 10, .hour = 5, .day = 5, .wanting = 1 }, "departures_per_hour" },
		{ { .roll = 1000, .wanting = 20 }, NULL },
		{ { .roll = 1000, .wanting = 21 }, "departures_per_hour" },
		{ { .roll = 1000, .hour = 15, .day = 15, .wanting = 5 }, NULL },
		{ { .roll = 1000, .hour = 15, .day = 15, .wanting = 6 }, "departures_per_hour" },
		{ { .roll = 0, .wanting = 5 }, NULL },
		/* The hour over, the day goes on. */
		{ { .roll = 10, .hour = 0, .day = 10, .wanting = 5 }, NULL },
		{ { .roll = 10, .hour = 0, .day = 11, .wanting = 5 }, "departures_per_day" },
		{ { .roll = 1000, .hour = 0, .day = 45, .wanting = 5 }, NULL },
		{ { .roll = 1000, .hour = 0, .day = 46, .wanting = 5 }, "departures_per_day" },
		{ { .roll = 250, .wanting = 6 }, "departures_per_hour" },
		{ { .roll = 300, .wanting = 6 }, NULL },
		{ { .roll = 10, .hour = 9, .day = 9, .wanting = 0 }, "departures_per_hour" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = "";
		if (brake_lets(&r, &rows[i].load, &why) != !rows[i].why || !why != !rows[i].why || (why && !strstr(why, rows[i].why)))
			fail_msg("row %zu: %s", i, why ? why : "lets");
	}
}

/* Five hundred deletes, one every so often: however they come, no window lets through more than it should. */
static void deletes_one_at_a_time(void **state)
{
	(void)state;
	const struct brake_rules r = DEFAULTS;
	static const int64_t pauses_ms[] = { 1000, 60000, 20 * 60000, BRAKE_HOUR_MS };
	for (size_t p = 0; p < sizeof(pauses_ms) / sizeof(pauses_ms[0]); p++) {
		int64_t acts[500] = { 0 }, now = 0;
		size_t n = 0, most_hour = 0, most_day = 0;
		for (int i = 0; i < 500; i++, now += pauses_ms[p]) {
			struct brake_load load = { .roll = 200, .wanting = 1 };
			const char *why;
			for (size_t k = 0; k < n; k++) {
				load.hour += acts[k] >= now - BRAKE_HOUR_MS;
				load.day += acts[k] >= now - BRAKE_DAY_MS;
			}
			if (brake_lets(&r, &load, &why)) {
				acts[n++] = now;
				most_hour = (size_t)load.hour + 1 > most_hour ? (size_t)load.hour + 1 : most_hour;
				most_day = (size_t)load.day + 1 > most_day ? (size_t)load.day + 1 : most_day;
			}
		}
		assert_true(most_hour <= 5);
		assert_true(most_day <= 15);
		assert_true(n < 500);
	}
}

static void joins_are_counted_and_paid(void **state)
{
	(void)state;
	static const struct { struct spend_rules rules; struct spend_load load; const char *why; } rows[] = {
		{ { 50, 0 }, { 49, 0, 100 }, NULL },
		{ { 50, 0 }, { 50, 0, 0 }, "joins_per_hour" },
		{ { 0, 0 }, { 5000, 5000, 100 }, NULL },
		{ { 0, 1000 }, { 0, 900, 100 }, NULL },
		{ { 0, 1000 }, { 0, 901, 100 }, "money_per_day" },
		{ { 0, 1000 }, { 0, 1000, 0 }, NULL },           /* who costs nothing is no matter of money */
		{ { 0, 1000 }, { 0, 0, 1001 }, "money_per_day" },
		{ { 1, 1000 }, { 1, 1000, 1 }, "joins_per_hour" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = "";
		if (brake_lets_spend(&rows[i].rules, &rows[i].load, &why) != !rows[i].why || !why != !rows[i].why ||
			(why && !strstr(why, rows[i].why)))
			fail_msg("row %zu: %s", i, why ? why : "lets");
	}
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
		cmocka_unit_test(deletes_one_at_a_time),
		cmocka_unit_test(joins_are_counted_and_paid),
		cmocka_unit_test(the_fourth_alarm_holds_nobody),
		cmocka_unit_test(a_refresh_is_believed_or_not),
	};
	return cmocka_run_group_tests_name("brake", tests, NULL, NULL);
}
