/* The rate limiter under a clock that stands still until it is moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cloud/limit.h"
#include "common/mem.h"

#define START 1790000000000

struct fixture {
	struct clock_virtual v;
	struct clock clock;
	struct limit *limit;
};

static void begin(struct fixture *f, double per_second, double share)
{
	f->clock = clock_virtual(&f->v, START, 1);
	f->limit = limit_new(1, &per_second, share, &f->clock);
}

static int ask(struct fixture *f, int urgent, int64_t *due_ms)
{
	struct err e = { 0 };
	int rc = limit_take(f->limit, 0, urgent, &e);
	if (due_ms)
		*due_ms = e.due_ms;
	assert_true(rc == 0 || rc == ERR_LIMIT);
	if (rc)
		assert_true(e.due_ms > f->v.now_ms);
	return rc;
}

/* Greedy callers, every millisecond for ten seconds: no second, wherever it begins, sees more than the limit. */
static void no_second_sees_too_many(double per_second, double share, double least)
{
	static unsigned char let[10000];
	struct fixture f;
	begin(&f, per_second, share);
	int total = 0, window = 0;
	for (int t = 0; t < 10000; t++) {
		let[t] = 0;
		while (!ask(&f, 0, NULL))
			let[t]++;
		f.v.now_ms++;
		total += let[t];
		window += let[t] - (t >= 1000 ? let[t - 1000] : 0);
		assert_true(window <= per_second * share);
	}
	/* And no good part of it is wasted. */
	assert_true(total >= least * per_second * share * 10);
	limit_free(f.limit);
}

static void documented_limits_are_kept(void **state)
{
	(void)state;
	no_second_sees_too_many(5, 1, 0.75);
	no_second_sees_too_many(10, 1, 0.85);
	no_second_sees_too_many(20, 1, 0.9);
	no_second_sees_too_many(100, 1, 0.93);
	no_second_sees_too_many(20, 0.5, 0.85);
}

/* Whoever is refused gets a moment of his own, and finds his turn there. */
static void moments_follow_each_other(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 5, 1);
	while (!ask(&f, 0, NULL))
		;
	int64_t due[50], last = 0;
	for (int i = 0; i < 50; i++) {
		ask(&f, 0, &due[i]);
		assert_true(due[i] > last);
		if (i)
			assert_in_range(due[i] - last, 200, 300);
		last = due[i];
	}
	for (int i = 0; i < 50; i++) {
		f.v.now_ms = due[i];
		assert_int_equal(ask(&f, 0, NULL), 0);
	}
	limit_free(f.limit);
}

/* Coming back up to an interval late must not cost the others their turn. */
static void late_callers_lose_nothing(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 20, 1);
	int64_t due[40], next;
	while (!ask(&f, 0, NULL))
		;
	for (int i = 0; i < 40; i++)
		ask(&f, 0, &due[i]);
	int refused = 0;
	for (int i = 0; i < 40; i++) {
		next = due[i] + (i % 3) * 15;
		f.v.now_ms = next > f.v.now_ms ? next : f.v.now_ms;
		refused += ask(&f, 0, NULL) != 0;
	}
	assert_true(refused == 0);
	limit_free(f.limit);
}

static void urgent_calls_use_the_reserve(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 5, 1);
	while (!ask(&f, 0, NULL))
		;
	assert_int_equal(ask(&f, 0, NULL), ERR_LIMIT);
	assert_int_equal(ask(&f, 1, NULL), 0);
	assert_int_equal(ask(&f, 1, NULL), 0);
	assert_int_equal(ask(&f, 1, NULL), ERR_LIMIT);
	/* What they took is missing afterwards. */
	f.v.now_ms += 400;
	assert_int_equal(ask(&f, 0, NULL), ERR_LIMIT);
	f.v.now_ms += 2000;
	assert_int_equal(ask(&f, 0, NULL), 0);
	limit_free(f.limit);
}

/* The queue of the others does not stand before an urgent call. */
static void urgent_calls_do_not_queue(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 5, 1);
	int64_t due;
	for (int i = 0; i < 200; i++)
		ask(&f, 0, NULL);
	while (!ask(&f, 1, &due))
		;
	assert_in_range(due - f.v.now_ms, 1, 300);
	limit_free(f.limit);
}

static int rate(struct fixture *f, int64_t ms)
{
	int n = 0;
	for (int64_t end = f->v.now_ms + ms; f->v.now_ms < end; f->v.now_ms++)
		n += !ask(f, 0, NULL);
	return n;
}

static void throttling_halves_the_rate_and_it_recovers(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 20, 1);
	int full = rate(&f, 4000);
	limit_throttled(f.limit, 0);
	limit_throttled(f.limit, 0);    /* of the same burst */
	int half = rate(&f, 4000);
	assert_in_range(half, full * 4 / 10, full * 6 / 10);
	limit_throttled(f.limit, 0);
	int quarter = rate(&f, 4000);
	assert_in_range(quarter, full * 2 / 10, full * 35 / 100);
	for (int i = 0; i < 50; i++) {
		limit_throttled(f.limit, 0);
		f.v.now_ms += 600;
	}
	assert_in_range(rate(&f, 4000), 1, full / 6);      /* slow, but never nothing */
	f.v.now_ms += 60000;
	assert_in_range(rate(&f, 4000), full - 3, full + 3);
	limit_free(f.limit);
}

static void a_wall_clock_that_jumps_changes_nothing(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 5, 1);
	while (!ask(&f, 0, NULL))
		;
	f.v.now_ms -= 3600000;
	int64_t due;
	assert_int_equal(ask(&f, 0, &due), ERR_LIMIT);
	assert_true(due - f.v.now_ms < 1000);
	limit_free(f.limit);
}

static void buckets_are_apart(void **state)
{
	(void)state;
	struct clock_virtual v;
	struct clock clock = clock_virtual(&v, START, 1);
	const double rates[] = { 1, 5 };
	struct limit *l = limit_new(2, rates, 1, &clock);
	struct err e;
	while (!limit_take(l, 0, 0, &e))
		;
	assert_int_equal(limit_take(l, 1, 0, &e), 0);
	assert_int_equal(limit_take(l, 2, 0, &e), ERR_BUG);
	limit_throttled(l, 2);
	limit_free(l);
}

struct crowd { struct limit *limit; atomic_int let; };

static void *one_of_many(void *p)
{
	struct crowd *c = p;
	struct err e;
	for (int i = 0; i < 20000; i++)
		if (!limit_take(c->limit, 0, i % 7 == 0, &e))
			c->let++;
	return NULL;
}

static void many_threads(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, 100, 1);
	struct crowd c = { .limit = f.limit };
	pthread_t t[4];
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_create(&t[i], NULL, one_of_many, &c);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	/* Time stood still: the burst, and the reserve for the urgent ones. */
	assert_in_range(c.let, 2, 2 + 1 + 100 / 5);
	limit_free(f.limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_limits_are_kept),
		cmocka_unit_test(moments_follow_each_other),
		cmocka_unit_test(late_callers_lose_nothing),
		cmocka_unit_test(urgent_calls_use_the_reserve),
		cmocka_unit_test(urgent_calls_do_not_queue),
		cmocka_unit_test(throttling_halves_the_rate_and_it_recovers),
		cmocka_unit_test(a_wall_clock_that_jumps_changes_nothing),
		cmocka_unit_test(buckets_are_apart),
		cmocka_unit_test(many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
