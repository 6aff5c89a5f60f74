/* The containers of the emulator against naive ones. */
#include "tests/unit/emulator/world.h"

#include "cloud/emulator/store.h"

enum { KEYS = 300, STEPS = 40000 };

/* Random puts and removals: what is there is found, what is not is not, whatever collided before. */
static void index_against_an_array(void **state)
{
	(void)state;
	static char keys[KEYS][16];
	bool there[KEYS] = { false };
	size_t count = 0;
	struct index x = { 0 };
	struct rng r = { 42 };
	for (int i = 0; i < KEYS; i++)
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
	assert_null(index_find(&x, "k0"));
	index_remove(&x, "k0");
	for (int step = 0; step < STEPS; step++) {
		size_t i = rng_next(&r) % KEYS;
		if (rng_next(&r) % 2) {
			index_put(&x, keys[i], keys[i]);
			count += !there[i];
			there[i] = true;
		} else {
			index_remove(&x, keys[i]);
			count -= there[i];
			there[i] = false;
		}
		assert_int_equal(x.count, count);
		for (int k = 0; step % 100 == 0 && k < KEYS; k++)
			assert_ptr_equal(index_find(&x, keys[k]), there[k] ? keys[k] : NULL);
	}
	index_free(&x);
}

static void index_by_number(void **state)
{
	(void)state;
	struct index x = { 0 };
	int value = 0;
	index_put(&x, "18446744073709551615", &value);
	assert_ptr_equal(index_find_number(&x, UINT64_MAX), &value);
	assert_null(index_find_number(&x, 1));
	index_free(&x);
}

static void list_keeps_its_order(void **state)
{
	(void)state;
	struct list l = { 0 };
	int items[40];
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		list_add(&l, &items[i]);
	list_remove(&l, &items[0]);
	list_remove(&l, &items[20]);
	list_remove(&l, &items[39]);
	list_remove(&l, &l);
	assert_int_equal(l.count, 37);
	assert_ptr_equal(l.items[0], &items[1]);
	assert_ptr_equal(l.items[18], &items[19]);
	assert_ptr_equal(l.items[19], &items[21]);
	assert_ptr_equal(l.items[36], &items[38]);
	list_free(&l);
}

static void generator(void **state)
{
	(void)state;
	struct rng a = { 1 }, b = { 1 }, c = { 2 };
	char one[37], two[37], three[37];
	rng_uuid(&a, one);
	rng_uuid(&b, two);
	rng_uuid(&c, three);
	assert_string_equal(one, two);
	assert_string_not_equal(one, three);
	unsigned char bytes[16];
	assert_int_equal(str_uuid_parse(one, bytes, NULL), 0);
	rng_text(&a, one, 8, ALPHABET_ID);
	assert_int_equal(strspn(one, ALPHABET_ID), 8);
	assert_int_equal(strlen(one), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_against_an_array),
		cmocka_unit_test(index_by_number),
		cmocka_unit_test(list_keeps_its_order),
		cmocka_unit_test(generator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
