/* The module loaded, used and unloaded a thousand times in one process: no descriptor, memory or environment stays behind.
 * In the sanitizer build leaks are counted by that; otherwise a hundred rounds more are made under valgrind.
 *     test_pam_loaded [ROUNDS]       with ROUNDS: those only */
#include "scene.h"

#include <dirent.h>
#include <malloc.h>

#define WARM_UP 20u                /* what libc and libpam keep once is kept by then */
#define GROWN_PAGES 128u
#define VALGRIND "/usr/bin/valgrind"
#define FOUND 99                   /* what valgrind ends with when it found something */

extern char **environ;
static size_t rounds = 1000;

struct left { size_t files, heap, pages; char environment[1u << 17]; };

static size_t open_files(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static size_t resident_pages(void)
{
	size_t all = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	assert_true(f && fscanf(f, "%zu %zu", &all, &resident) == 2);
	fclose(f);
	return resident;
}

static void look(struct left *l)
{
	size_t n = 0;
	memset(l, 0, sizeof(*l));
	for (char **v = environ; *v; v++) {
		n += (size_t)snprintf(l->environment + n, sizeof(l->environment) - n, "%s\n", *v);
		assert_true(n < sizeof(l->environment));
	}
	l->files = open_files();
	l->heap = mallinfo2().uordblks;
	l->pages = resident_pages();
}

/* One login in every way, by a module that was never there before. */
static void one_round(struct scene *s, const char *confdir, const char *dir)
{
	const struct pam_conv conv = { hear, &s->heard };
	pam_handle_t *h = NULL;
	const char *ways[] = { "deliver=env", "deliver=file" };
	struct module m = module_open();
	assert_int_equal(pam_start_confdir("rollcall-test", PERSON, &conv, confdir, &h), PAM_SUCCESS);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const char *argv[] = { s->socket, "daemon=0", ways[i], dir };
		assert_int_equal(m.account(h, 0, 4, argv), PAM_SUCCESS);
		assert_int_equal(m.open(h, 0, 4, argv), PAM_SUCCESS);
		assert_string_equal(pam_getenv(h, "CLOUDBASE_ENV_ID"), "rc-env-1");
		assert_int_equal(m.close(h, 0, 4, argv), PAM_SUCCESS);
	}
	/* A word that is wrong, and nobody who answers. */
	const char *wrong[] = { "socket=/nonexistent/desk", "daemon=0", "deliver=all" };
	assert_int_equal(m.account(h, 0, 3, wrong), PAM_AUTHINFO_UNAVAIL);
	pam_end(h, PAM_SUCCESS);
	dlclose(m.so);
}

static void nothing_stays_behind(void **state)
{
	struct scene *s = *state;
	struct left first, before, after;
	/* The pages of what is looked at are there before they are counted. */
	look(&after);
	look(&first);
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	log_in(s, PERSON);
	const char *confdir = unit_path(s->a, "pam.d"), *dir = arena_printf(s->a, "dir=%s", s->dir);
	struct module own = s->m;
	dlclose(own.so);
	for (size_t i = 0; i < WARM_UP; i++)
		one_round(s, confdir, dir);
	look(&before);
	for (size_t i = 0; i < rounds; i++)
		one_round(s, confdir, dir);
	look(&after);
	s->m = module_open();
	assert_int_equal(after.files, before.files);
	assert_string_equal(after.environment, first.environment);
	if (after.heap > before.heap)
		fail_msg("%zu bytes became %zu", before.heap, after.heap);
	/* Of a sanitizer, or of valgrind, what was freed is kept for a while. */
#ifndef __SANITIZE_ADDRESS__
	if (!getenv("IN_VALGRIND") && after.pages > before.pages + GROWN_PAGES)
		fail_msg("%zu pages became %zu", before.pages, after.pages);
#endif
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void valgrind_finds_nothing(void **state)
{
	char self[4096];
	int status;
	(void)state;
	if (geteuid() != 0 || access(VALGRIND, X_OK) != 0)
		skip();
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	pid_t pid = fork();
	if (pid == 0) {
		setenv("IN_VALGRIND", "1", 1);
		execl(VALGRIND, "valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible",
			"--show-leak-kinds=definite,indirect,possible", self, "100", NULL);
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), FOUND);
	assert_int_equal(WEXITSTATUS(status), 0);
}

#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SCENE(nothing_stays_behind),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(valgrind_finds_nothing),
#endif
	};
	if (argc == 1)
		return cmocka_run_group_tests(tests, NULL, NULL);
	rounds = strtoul(argv[1], NULL, 10);
	const struct CMUnitTest here[] = { tests[0] };
	return cmocka_run_group_tests_name("under valgrind", here, NULL, NULL);
}
