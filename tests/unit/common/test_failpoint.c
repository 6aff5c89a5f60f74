#include "unit.h"

#include <pthread.h>

#include "common/failpoint.h"

static int hits;
static char last[32];

static void note(const char *name)
{
	hits++;
	snprintf(last, sizeof(last), "%s", name);
}

static void the_hook_is_called(void **state)
{
	(void)state;
	failpoint_set(note);
	POINT("one");
	POINT("two");
	failpoint_set(NULL);
	POINT("three");
	assert_int_equal(hits, 2);
	assert_string_equal(last, "two");
}

static void pass(int alphas, int betas)
{
	for (int i = 0; i < alphas; i++)
		POINT("alpha");
	for (int i = 0; i < betas; i++)
		POINT("beta");
}

/* The rule is read once per process, so each case has its own: this program again, with an argument. */
static int run(const char *rule, const char *trace, int alphas, int betas)
{
	char a[12], b[12];
	snprintf(a, sizeof(a), "%d", alphas);
	snprintf(b, sizeof(b), "%d", betas);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		unsetenv("ROLLCALL_FAILPOINT");
		unsetenv("ROLLCALL_FAILPOINT_TRACE");
		if (rule)
			setenv("ROLLCALL_FAILPOINT", rule, 1);
		if (trace)
			setenv("ROLLCALL_FAILPOINT_TRACE", trace, 1);
		execl("/proc/self/exe", "test_failpoint", a, b, (char *)NULL);
		_exit(1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_nth_pass_ends_the_process(void **state)
{
	(void)state;
	static const struct {
		const char *rule;
		int alphas, betas, status;
	} rows[] = {
		{ NULL, 9, 9, 0 },
		{ "", 9, 9, 0 },
		{ "alpha:3", 3, 0, 137 },
		{ "alpha:3", 2, 9, 0 },
		{ "alpha:1", 1, 0, 137 },
		{ "alpha", 1, 0, 137 },
		{ "beta:2", 9, 2, 137 },
		{ "beta:2", 9, 1, 0 },
		{ "*:5", 3, 2, 137 },
		{ "*:5", 3, 1, 0 },
		{ "gamma:1", 9, 9, 0 },
		{ "alpha:0", 9, 9, 0 },
		{ "alph:1", 9, 9, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(run(rows[i].rule, NULL, rows[i].alphas, rows[i].betas), rows[i].status);
}

static void passed_names_are_traced(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	char *trace = unit_path(a, "trace");
	assert_int_equal(run("beta:1", trace, 2, 3), 137);
	assert_string_equal(unit_read(a, trace, NULL), "alpha\nalpha\nbeta\n");
	assert_int_equal(run(NULL, trace, 0, 1), 0);     /* appended: a restarted daemon goes on with it */
	assert_string_equal(unit_read(a, trace, NULL), "alpha\nalpha\nbeta\nbeta\n");
}

static void *pass_many(void *p)
{
	(void)p;
	pass(1000, 0);
	return NULL;
}

static int pass_in_threads(void)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, pass_many, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void threads_count_together(void **state)
{
	(void)state;
	assert_int_equal(run("alpha:4000", NULL, -1, 0), 137);
	assert_int_equal(run("alpha:4001", NULL, -1, 0), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		if (atoi(argv[1]) < 0)
			return pass_in_threads();
		pass(atoi(argv[1]), atoi(argv[2]));
		return 0;
	}
	const struct CMUnitTest tests[] = {
		T(the_hook_is_called),
		T(the_nth_pass_ends_the_process),
		T(passed_names_are_traced),
		T(threads_count_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
