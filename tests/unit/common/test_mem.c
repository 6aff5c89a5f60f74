#include "unit.h"

static void allocations_are_zeroed_and_aligned(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t n = 0; n < 9000; n = n * 2 + 1) {
		unsigned char *p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
}

static void allocations_do_not_overlap(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	unsigned char *p[300];
	for (int i = 0; i < 300; i++) {
		p[i] = arena_alloc(a, (size_t)i * 7 + 1);
		memset(p[i], i & 0xff, (size_t)i * 7 + 1);
	}
	for (int i = 0; i < 300; i++) {
		for (int k = 0; k < i * 7 + 1; k++)
			assert_int_equal(p[i][k], i & 0xff);
	}
}

static void reset_gives_zeroed_memory_again(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (int round = 0; round < 3; round++) {
		unsigned char *p = arena_alloc(a, 3000);
		for (size_t i = 0; i < 3000; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xaa, 3000);
		memset(arena_alloc(a, 100000), 0xbb, 100000);
		arena_reset(a);
	}
}

static void copies_texts(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	assert_null(arena_strdup(a, NULL));
	assert_null(arena_strndup(a, NULL, 3));
	assert_string_equal(arena_strdup(a, "text"), "text");
	assert_string_equal(arena_strndup(a, "text", 2), "te");
	assert_string_equal(arena_strndup(a, "text", 20), "text");
	assert_string_equal(arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_printf(a, "%s", ""), "");
	char big[5000];
	memset(big, 'q', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_string_equal(arena_printf(a, "%s", big), big);
	const char bytes[] = { 1, 0, 2 };
	char *copy = arena_memdup(a, bytes, 3);
	assert_memory_equal(copy, bytes, 3);
	assert_int_equal(copy[3], 0);
	AUTO_FREE char *heap = mem_strdup("heap");
	assert_string_equal(heap, "heap");
}

struct note {
	char *to;
	char letter;
};

static void write_note(void *p)
{
	struct note *n = p;
	size_t len = strlen(n->to);
	n->to[len] = n->letter;
	n->to[len + 1] = '\0';
}

static void deferred_run_last_first_and_once(void **state)
{
	(void)state;
	char seen[16] = "";
	struct note a_note = { seen, 'a' }, b_note = { seen, 'b' }, c_note = { seen, 'c' };
	struct arena *a = arena_new(100);
	arena_defer(a, write_note, &a_note);
	arena_defer(a, write_note, &b_note);
	arena_reset(a);
	assert_string_equal(seen, "ba");
	arena_defer(a, write_note, &c_note);
	arena_free(a);
	assert_string_equal(seen, "bac");
	arena_free(NULL);
}

static void check_reports_what_is_over_the_cap(void **state)
{
	(void)state;
	struct err e;
	AUTO_ARENA struct arena *a = arena_new(1000);
	arena_alloc(a, 1000);
	assert_int_equal(arena_check(a, &e), 0);
	assert_non_null(arena_alloc(a, 1));
	check_err(arena_check(a, &e), &e, ERR_INPUT, "1000 bytes");
	arena_reset(a);
	assert_int_equal(arena_check(a, &e), 0);
}

static void exhausted_memory_ends_the_process(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		close(STDERR_FILENO);
		AUTO_ARENA struct arena *a = arena_new(1);
		arena_alloc(a, SIZE_MAX - 8);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
}

static void descriptors_are_closed(void **state)
{
	(void)state;
	int number;
	{
		AUTO_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		AUTO_FD int none = -1;
		assert_int_equal(none, -1);
		number = fd;
		assert_true(number >= 0);
	}
	assert_int_equal(fcntl(number, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(allocations_are_zeroed_and_aligned),
		T(allocations_do_not_overlap),
		T(reset_gives_zeroed_memory_again),
		T(copies_texts),
		T(deferred_run_last_first_and_once),
		T(check_reports_what_is_over_the_cap),
		T(exhausted_memory_ends_the_process),
		T(descriptors_are_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
