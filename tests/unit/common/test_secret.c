#include "unit.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/secret.h"

static void hardening(void **state)
{
	(void)state;
	struct rlimit limit;
	struct err e;
	bool warned = true;
	assert_int_equal(secret_harden(true, &warned, &e), 0);
	assert_false(warned);
	assert_int_equal(secret_harden(true, &warned, &e), 0);     /* twice is once */
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_cur, 0);
	assert_int_equal(limit.rlim_max, 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	mode_t mask = umask(077);
	assert_int_equal(mask, 077);
	/* Sanitizers look at their process from outside, which only the super-user may now. */
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

/* In a child: there the heap is not initialised yet, and no memory may be locked. */
static int harden_without_locking(bool strict)
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		execl("/proc/self/exe", "test_secret", strict ? "strict" : "lenient", (char *)NULL);
		_exit(100);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* 0 = refused, 1 = warned, 2 = neither; 3 = something else is wrong. */
static int child(bool strict)
{
	const struct rlimit none = { 0, 0 };
	struct err e = { 0 };
	bool warned = false;
	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0)
		return 3;
	/* The super-user may lock memory whatever the limit says. */
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		return 3;
	int r = secret_harden(strict, &warned, &e);
	struct secret *s = secret_text("works all the same");
	bool works = strcmp(secret_reveal(s, NULL), "works all the same") == 0;
	secret_free(s);
	if (!works)
		return 3;
	if (r == ERR_PERM && strstr(e.text, "could not be locked"))
		return 0;
	return r ? 3 : warned ? 1 : 2;
}

static void memory_that_cannot_be_locked(void **state)
{
	(void)state;
	assert_int_equal(harden_without_locking(true), 0);
	assert_int_equal(harden_without_locking(false), 1);
}

static void holds_bytes(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	AUTO_SECRET struct secret *s = secret_new("ab\0cd", 5);
	AUTO_SECRET struct secret *same = secret_dup(s);
	AUTO_SECRET struct secret *text = secret_text("ab");
	AUTO_SECRET struct secret *empty = secret_new(NULL, 0);
	size_t n;
	assert_memory_equal(secret_reveal(s, &n), "ab\0cd", 6);
	assert_int_equal(n, 5);
	assert_int_equal(secret_len(empty), 0);
	assert_string_equal(secret_reveal(empty, NULL), "");
	assert_true(secret_equal(s, same));
	assert_false(secret_equal(s, text));
	assert_true(secret_equal(empty, empty));
	AUTO_SECRET struct secret *other = secret_new("ab\0ce", 5);
	assert_false(secret_equal(s, other));
	secret_to_arena(a, secret_text("freed with the arena"));
	secret_free(NULL);
}

static void a_full_heap_is_no_failure(void **state)
{
	(void)state;
	struct secret *many[600];
	char bytes[4000];
	memset(bytes, 'z', sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(many); i++)     /* more than twice the secure heap */
		many[i] = secret_new(bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		assert_memory_equal(secret_reveal(many[i], NULL), bytes, sizeof(bytes));
		secret_free(many[i]);
	}
}

static void wiping(void **state)
{
	(void)state;
	char bytes[16] = "something secret";
	secret_wipe(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
	secret_wipe(NULL, 5);
}

static void loads_the_first_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *line;
	} rows[] = {
		{ "pass word", "pass word" },
		{ "pass\n", "pass" },
		{ "pass\r\n", "pass" },
		{ "pass\nsecond\n", "pass" },
		{ " leading and trailing \n", " leading and trailing " },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_SECRET struct secret *s = NULL;
		struct err e;
		char *path = unit_write(a, "secret", rows[i].text, strlen(rows[i].text), i % 2 ? 0600 : 0400);
		assert_int_equal(secret_load(path, &s, &e), 0);
		assert_string_equal(secret_reveal(s, NULL), rows[i].line);
	}
}

static void refuses_files_that_are_not_private(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	static const mode_t modes[] = { 0640, 0620, 0604, 0602, 0610, 0644, 0666, 0777 };
	struct secret *s = NULL;
	struct err e;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		char *path = unit_write(a, "open", "hidden\n", 7, modes[i]);
		check_err(secret_load(path, &s, &e), &e, ERR_INPUT, "open to group or others");
		check_has(e.text, path);
		assert_null(strstr(e.text, "hidden"));
	}
	char *path = unit_write(a, "real", "x\n", 2, 0600), *link = unit_path(a, "link"), *fifo = unit_path(a, "fifo");
	assert_int_equal(symlink(path, link), 0);
	check_err(secret_load(link, &s, &e), &e, ERR_INPUT, "symbolic link");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	check_err(secret_load(fifo, &s, &e), &e, ERR_INPUT, "not a regular file");
	check_err(secret_load("/dev/null", &s, &e), &e, ERR_INPUT, "not a regular file");
	check_err(secret_load(unit_path(a, ""), &s, &e), &e, ERR_INPUT, "not a regular file");
	check_err(secret_load(unit_path(a, "none"), &s, &e), &e, ERR_INPUT, "No such file");
	assert_null(s);
}

/* As systemd shows them: owned by root, mode 0440 by the mask of an access list. */
static void takes_credentials_of_a_service_manager(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	AUTO_SECRET struct secret *s = NULL;
	struct err e;
	if (geteuid() != 0)
		skip();
	char *path = unit_write(a, "credential", "hidden\n", 7, 0440);
	assert_int_equal(secret_load(path, &s, &e), 0);
	assert_int_equal(chown(path, 0, 1), 0);
	secret_free(s);
	s = NULL;
	check_err(secret_load(path, &s, &e), &e, ERR_INPUT, "open to group or others");
}

static void refuses_bad_contents(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct secret *s = NULL;
	struct err e;
	char big[40000];
	memset(big, 'x', sizeof(big));
	check_err(secret_load(unit_write(a, "f", "", 0, 0600), &s, &e), &e, ERR_INPUT, "line 1 is empty");
	check_err(secret_load(unit_write(a, "f", "\nx", 2, 0600), &s, &e), &e, ERR_INPUT, "line 1 is empty");
	check_err(secret_load(unit_write(a, "f", "\r\nx", 3, 0600), &s, &e), &e, ERR_INPUT, "line 1 is empty");
	check_err(secret_load(unit_write(a, "f", "a\0b\n", 4, 0600), &s, &e), &e, ERR_INPUT, "NUL");
	check_err(secret_load(unit_write(a, "f", big, sizeof(big), 0600), &s, &e), &e, ERR_INPUT, "larger than");
	assert_null(s);
}

static void loads_pairs(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	AUTO_SECRET struct secret *s = NULL;
	AUTO_SECRET struct secret *file = NULL;
	struct err e;
	char *id = NULL;
	char *path = unit_write(a, "pair", "AKIDexample\r\nsecret-key\r\n", 25, 0600);
	assert_int_equal(secret_load_pair(path, a, &id, &s, &e), 0);
	assert_string_equal(id, "AKIDexample");
	assert_string_equal(secret_reveal(s, NULL), "secret-key");
	assert_int_equal(secret_load_file(path, &file, &e), 0);
	assert_int_equal(secret_len(file), 25);
	struct secret *none = NULL;
	id = NULL;
	check_err(secret_load_pair(unit_write(a, "pair", "only\n", 5, 0600), a, &id, &none, &e), &e, ERR_INPUT, "line 2 is empty or missing");
	check_err(secret_load_pair(unit_write(a, "pair", "only", 4, 0600), a, &id, &none, &e), &e, ERR_INPUT, "line 2 is empty or missing");
	check_err(secret_load_pair(unit_write(a, "pair", "id\nk", 4, 0644), a, &id, &none, &e), &e, ERR_INPUT, "open to group");
	assert_null(id);
	assert_null(none);
}

static void passwords_have_every_class(void **state)
{
	(void)state;
	struct clock_virtual v;
	struct clock clock = clock_virtual(&v, 0, 7);
	size_t used[256] = { 0 };
	for (int round = 0; round < 20000; round++) {
		size_t want = (size_t)round % 40, n;
		AUTO_SECRET struct secret *s = secret_password(&clock, want);
		const char *p = secret_reveal(s, &n);
		bool upper = false, lower = false, digit = false, special = false;
		assert_int_equal(n, want < 12 ? 12 : want > 32 ? 32 : want);
		assert_int_equal(strlen(p), n);
		for (size_t i = 0; i < n; i++) {
			used[(unsigned char)p[i]]++;
			if (p[i] >= 'A' && p[i] <= 'Z')
				upper = true;
			else if (p[i] >= 'a' && p[i] <= 'z')
				lower = true;
			else if (p[i] >= '0' && p[i] <= '9')
				digit = true;
			else if (strchr("-_.+=@:,", p[i]))
				special = true;
			else
				fail_msg("character %d", p[i]);
		}
		assert_true(upper && lower && digit && special);
		assert_null(strchr("-_.+=@:,", p[0]));
	}
	/* Within a class no character is preferred. */
	static const char *const pairs[] = { "AZ", "CY", "az", "by", "29", "38", "-@", "_,", ".:" };
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		double x = (double)used[(unsigned char)pairs[i][0]], y = (double)used[(unsigned char)pairs[i][1]];
		if (x < 1000 || x > y * 1.1 || y > x * 1.1)
			fail_msg("\"%s\": %.0f and %.0f", pairs[i], x, y);
	}
	AUTO_SECRET struct secret *x = secret_password(&clock, 16);
	AUTO_SECRET struct secret *y = secret_password(&clock, 16);
	assert_false(secret_equal(x, y));
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return child(strcmp(argv[1], "strict") == 0);
	const struct CMUnitTest tests[] = {
		T(memory_that_cannot_be_locked),
		T(hardening),
		T(holds_bytes),
		T(a_full_heap_is_no_failure),
		T(wiping),
		T(loads_the_first_line),
		T(refuses_files_that_are_not_private),
		T(takes_credentials_of_a_service_manager),
		T(refuses_bad_contents),
		T(loads_pairs),
		T(passwords_have_every_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
