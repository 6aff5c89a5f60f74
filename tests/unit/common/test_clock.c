#include "unit.h"

#include "common/clock.h"

static void system_clock_goes_on(void **state)
{
	(void)state;
	struct clock c = clock_system();
	int64_t wall = clock_now(&c), mono = clock_mono(&c);
	assert_true(wall > INT64_C(1600000000000));
	clock_wait(&c, 30);
	assert_true(clock_mono(&c) - mono >= 29);
	assert_true(clock_mono(&c) - mono < 5000);
	clock_wait(&c, 0);
	clock_wait(&c, -5);
}

static void system_random_differs(void **state)
{
	(void)state;
	struct clock c = clock_system();
	unsigned char a[32] = { 0 }, b[32] = { 0 };
	clock_random(&c, a, sizeof(a));
	clock_random(&c, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void virtual_clock_stands_until_told(void **state)
{
	(void)state;
	struct clock_virtual v;
	struct clock c = clock_virtual(&v, 1000, 1);
	assert_int_equal(clock_now(&c), 1000);
	assert_int_equal(clock_mono(&c), 1000);
	clock_wait(&c, 500);
	assert_int_equal(clock_now(&c), 1500);
	clock_wait(&c, -500);
	assert_int_equal(clock_now(&c), 1500);
	assert_int_equal(clock_mono(&c), 1500);
	v.now_ms = 200;     /* the wall clock is set back; the other one never goes back */
	assert_int_equal(clock_now(&c), 200);
	assert_int_equal(clock_mono(&c), 1500);
	v.now_ms = 2000;
	assert_int_equal(clock_mono(&c), 2000);
}

static void virtual_random_follows_from_the_seed(void **state)
{
	(void)state;
	struct clock_virtual v, w, x;
	struct clock c = clock_virtual(&v, 0, 42), d = clock_virtual(&w, 9, 42), other = clock_virtual(&x, 0, 43);
	unsigned char a[37], b[37], z[37];
	clock_random(&c, a, sizeof(a));
	clock_random(&d, b, sizeof(b));
	clock_random(&other, z, sizeof(z));
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, z, sizeof(a));
	clock_random(&c, a, sizeof(a));
	assert_memory_not_equal(a, b, sizeof(a));
}

/* From the state 1, 2, 3, 4 the authors' code gives 11520, 0, 1509978240, 1215971899390074240. */
static void virtual_random_is_the_published_generator(void **state)
{
	(void)state;
	struct clock_virtual v;
	struct clock c = clock_virtual(&v, 0, 0);
	for (uint64_t i = 0; i < 4; i++)
		v.state[i] = i + 1;
	unsigned char out[32];
	clock_random(&c, out, sizeof(out));
	assert_int_equal(out[0] | out[1] << 8, 11520);
	for (int i = 2; i < 16; i++)
		assert_int_equal(out[i], 0);
	uint64_t v4 = 0;
	for (int i = 7; i >= 0; i--)
		v4 = v4 << 8 | out[24 + i];
	assert_true(v4 == UINT64_C(1215971899390074240));
	assert_int_equal((uint32_t)out[16] | (uint32_t)out[17] << 8 | (uint32_t)out[18] << 16 | (uint32_t)out[19] << 24, 1509978240u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(system_clock_goes_on),
		T(system_random_differs),
		T(virtual_clock_stands_until_told),
		T(virtual_random_follows_from_the_seed),
		T(virtual_random_is_the_published_generator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
