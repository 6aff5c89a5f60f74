/* The list of leavers who are cut from memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hook/strikes.h"

#define A "00000000-0000-4000-8000-00000000000a"
#define B "00000000-0000-4000-8000-00000000000b"
#define AGAIN 120000

static struct clock_virtual v;
static struct clock clk;

static int begin(void **state)
{
	clk = clock_virtual(&v, 1000000, 1);
	*state = strikes_new(&clk, AGAIN);
	return 0;
}

static int end(void **state)
{
	strikes_free(*state);
	return 0;
}

static void struck_twice(void **state)
{
	struct strikes *s = *state;
	char uuid[UUID_TEXT];
	assert_false(strikes_pop(s, uuid));
	assert_true(strikes_wait(s) == INT64_MAX);
	strikes_add(s, A);
	strikes_add(s, A);
	assert_int_equal(strikes_count(s), 1);
	assert_int_equal(strikes_wait(s), 0);
	assert_true(strikes_pop(s, uuid));
	assert_string_equal(uuid, A);
	strikes_done(s, A);
	assert_false(strikes_pop(s, uuid));
	assert_int_equal(strikes_wait(s), AGAIN);
	v.now_ms += AGAIN;
	assert_true(strikes_pop(s, uuid));
	strikes_done(s, A);
	v.now_ms += 10 * AGAIN;
	assert_false(strikes_pop(s, uuid));
	assert_true(strikes_wait(s) == INT64_MAX);
	assert_true(strikes_has(s, A));         /* refused to every walk until the store knows */
	strikes_over(s, A);
	assert_false(strikes_has(s, A));
}

static void one_claims_and_a_failure_comes_again(void **state)
{
	struct strikes *s = *state;
	char uuid[UUID_TEXT];
	strikes_add(s, A);
	strikes_add(s, B);
	assert_true(strikes_pop(s, uuid));
	assert_string_equal(uuid, A);
	assert_true(strikes_pop(s, uuid));
	assert_string_equal(uuid, B);
	assert_false(strikes_pop(s, uuid));
	v.now_ms += 2000;
	assert_true(strikes_pop(s, uuid));
}

static void a_clock_set_back_delays_nobody(void **state)
{
	struct strikes *s = *state;
	char uuid[UUID_TEXT];
	strikes_add(s, A);
	v.now_ms -= 3600000;
	assert_true(strikes_pop(s, uuid));
}

static void it_is_bounded(void **state)
{
	struct strikes *s = *state;
	char uuid[UUID_TEXT];
	for (int i = 0; i < 5000; i++) {
		snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012d", i);
		strikes_add(s, uuid);
	}
	assert_int_equal(strikes_count(s), 4096);
	strikes_over(s, "00000000-0000-4000-8000-000000000000");
	assert_int_equal(strikes_count(s), 4095);
	assert_true(strikes_has(s, "00000000-0000-4000-8000-000000004095"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(struck_twice), T(one_claims_and_a_failure_comes_again), T(a_clock_set_back_delays_nobody), T(it_is_bounded),
	};
	return cmocka_run_group_tests_name("strikes", tests, NULL, NULL);
}
