/* The evidence file: what is written, what tampering shows, what a power cut leaves. */
#include "tests/unit/hook/evidence_fixture.h"

/* --- writing ------------------------------------------------------------------------------------------- */

static void a_line_says_everything(void **state)
{
	struct fixture *f = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	struct json *doc;
	size_t n;
	const struct evidence_line l = { .event = "did", .uuid = "u", .login = "alice\n\"\xff", .generation = 3, .row = "env",
		.what = "CreateEnv done", .why = "entitled", .request_id = "req-1", .csn = "csn-1" };
	OK(evidence_add(f->ev, &l, &f->e));
	AUTO_FREE char *bytes = slurp(f, &n);
	assert_ptr_equal(strchr(bytes, '\n'), bytes + n - 1);
	OK(json_parse(a, bytes, n - 1, &doc, &f->e));
	assert_int_equal(json_int_or(doc, "n", 0), 1);
	assert_string_equal(json_text(doc, "at"), "2025-11-24T16:35:02Z");
	assert_int_equal(json_int_or(doc, "ms", 0), NOW);
	assert_string_equal(json_text(doc, "event"), "did");
	assert_string_equal(json_text(doc, "login"), "alice?\"?");
	assert_int_equal(json_int_or(doc, "generation", 0), 3);
	assert_string_equal(json_text(doc, "row"), "env");
	assert_string_equal(json_text(doc, "what"), "CreateEnv done");
	assert_string_equal(json_text(doc, "why"), "entitled");
	assert_string_equal(json_text(doc, "request_id"), "req-1");
	assert_string_equal(json_text(doc, "csn"), "csn-1");
	assert_int_equal(strlen(json_text(doc, "prev")), 64);
	const struct evidence_line bare = { .event = "start" };
	OK(evidence_add(f->ev, &bare, &f->e));
	good(f, 2);
}

static void long_texts_are_cut(void **state)
{
	struct fixture *f = *state;
	char *long_text = mem_alloc(100001);
	size_t n;
	memset(long_text, '\\', 100000);
	for (int i = 0; i < 3; i++)
		add(f, long_text);
	free(long_text);
	AUTO_FREE char *bytes = slurp(f, &n);
	assert_true(n < 3 * 4096);
	good(f, 3);
	close_it(f);
	open_it(f);
	add(f, "next");
	good(f, 4);
}

static void the_chain_goes_on_after_opening_again(void **state)
{
	struct fixture *f = *state;
	int64_t lines, again;
	char head[SHA256_HEX], later[SHA256_HEX];
	evidence_head(f->ev, &lines, head);
	assert_int_equal(lines, 0);
	for (int i = 0; i < 5; i++) {
		add_some(f, 2);
		evidence_head(f->ev, &lines, head);
		close_it(f);
		open_it(f);
		evidence_head(f->ev, &again, later);
		assert_int_equal(again, lines);
		assert_string_equal(head, later);
	}
	good(f, 10);
}

static void the_file_is_for_the_owner_alone(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	OK(stat(f->path, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
	close_it(f);
	OK(chmod(f->path, 0666));
	open_it(f);
	OK(stat(f->path, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void one_daemon_writes(void **state)
{
	struct fixture *f = *state;
	struct evidence *other = NULL;
	assert_int_equal(evidence_open(f->path, &f->clock, &other, &f->e), ERR_TEMP);
	assert_non_null(strstr(f->e.text, "in use by another"));
}

static void what_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct evidence *ev = NULL;
	int64_t lines;
	char path[128];
	assert_int_equal(evidence_open(f->folder, &f->clock, &ev, &f->e), ERR_INPUT);
	snprintf(path, sizeof(path), "%s/no/evidence", f->folder);
	assert_int_equal(evidence_open(path, &f->clock, &ev, &f->e), ERR_INPUT);
	assert_int_equal(evidence_verify(path, &lines, &f->e), ERR_INPUT);
	snprintf(path, sizeof(path), "%s/fifo", f->folder);
	OK(mkfifo(path, 0600));
	assert_int_equal(evidence_open(path, &f->clock, &ev, &f->e), ERR_INPUT);
	unlink(path);
	OK(symlink(f->path, path));
	assert_int_equal(evidence_open(path, &f->clock, &ev, &f->e), ERR_INPUT);
	unlink(path);
	assert_null(ev);
}

enum { THREADS = 4, EACH = 200 };

static void *write_many(void *p)
{
	struct fixture *f = p;
	struct err e;
	intptr_t failures = 0;
	for (int i = 0; i < EACH; i++) {
		const struct evidence_line l = { .event = "did", .what = "at the same time" };
		failures += evidence_add(f->ev, &l, &e) < 0;
	}
	return (void *)failures;
}

static void several_threads_make_one_chain(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	void *failures;
	for (int i = 0; i < THREADS; i++)
		OK(pthread_create(&threads[i], NULL, write_many, f));
	for (int i = 0; i < THREADS; i++) {
		OK(pthread_join(threads[i], &failures));
		assert_null(failures);
	}
	good(f, (int64_t)THREADS * EACH);
}

/* --- tampering ----------------------------------------------------------------------------------------- */

static void every_changed_byte_is_found(void **state)
{
	struct fixture *f = *state;
	size_t n;
	add_some(f, 5);
	AUTO_FREE char *bytes = slurp(f, &n);
	for (size_t i = 0; i < n; i++) {
		int64_t lines;
		bytes[i] ^= 1;
		spill(f, bytes, n);
		if (evidence_verify(f->path, &lines, &f->e) != ERR_INPUT)
			fail_msg("byte %zu was changed unseen", i);
		bytes[i] ^= 1;
	}
	spill(f, bytes, n);
	good(f, 5);
	*strstr(line_at(bytes, 3), "alice") = 'A';
	spill(f, bytes, n);
	bad(f, "line 3 was changed");
}

static void a_removed_line_is_found(void **state)
{
	struct fixture *f = *state;
	size_t n;
	add_some(f, 5);
	AUTO_FREE char *bytes = slurp(f, &n);
	for (unsigned i = 1; i <= 4; i++) {
		AUTO_FREE char *copy = mem_alloc(n + 1);
		memcpy(copy, bytes, n + 1);
		char *from = line_at(copy, i + 1), *to = line_at(copy, i);
		memmove(to, from, strlen(from) + 1);
		spill(f, copy, strlen(copy));
		bad(f, "does not follow");
	}
	/* The last ones can go: the head in the system log tells of them. */
	int64_t lines;
	char head[SHA256_HEX];
	evidence_head(f->ev, &lines, head);
	assert_int_equal(lines, 5);
	spill(f, bytes, (size_t)(line_at(bytes, 5) - bytes));
	good(f, 4);
}

static void swapped_doubled_and_foreign_lines_are_found(void **state)
{
	struct fixture *f = *state;
	size_t n;
	add_some(f, 3);
	AUTO_FREE char *bytes = slurp(f, &n);
	const char *l1 = bytes, *l2 = line_at(bytes, 2), *l3 = line_at(bytes, 3);
	AUTO_FREE char *text = mem_alloc(2 * n + 100);
	sprintf(text, "%.*s%s%.*s", (int)(l2 - l1), l1, l3, (int)(l3 - l2), l2);
	spill(f, text, strlen(text));
	bad(f, "line 2 does not follow");
	sprintf(text, "%.*s%s", (int)(l3 - l1), l1, l2);
	spill(f, text, strlen(text));
	bad(f, "line 3 does not follow");
	sprintf(text, "%.*s{\"event\":\"did\"}\n%s", (int)(l2 - l1), l1, l2);
	spill(f, text, strlen(text));
	bad(f, "line 2 is not a line of evidence");
	sprintf(text, "%.*s\n%s", (int)(l2 - l1), l1, l2);
	spill(f, text, strlen(text));
	bad(f, "line 2");
	sprintf(text, "%s{\"event\":\"did\"}\n", bytes);
	spill(f, text, strlen(text));
	bad(f, "line 4");
}

/* Whole lines with the right numbers and good sums, but of another history. */
static void a_line_written_anew_is_found(void **state)
{
	struct fixture *f = *state;
	size_t n, m;
	add_some(f, 3);
	close_it(f);
	AUTO_FREE char *bytes = slurp(f, &n);
	spill(f, "", 0);
	open_it(f);
	for (int i = 0; i < 3; i++)
		add(f, "nothing happened");
	AUTO_FREE char *other = slurp(f, &m);
	AUTO_FREE char *text = mem_alloc(n + m + 1);
	size_t first = (size_t)(line_at(bytes, 2) - bytes);
	sprintf(text, "%.*s%.*s%s", (int)first, bytes, (int)(line_at(other, 3) - line_at(other, 2)), line_at(other, 2),
		line_at(bytes, 3));
	spill(f, text, strlen(text));
	bad(f, "line 2 does not follow");
	sprintf(text, "%.*s%s", (int)(line_at(bytes, 3) - bytes), bytes, line_at(other, 3));
	spill(f, text, strlen(text));
	bad(f, "line 3 does not follow");
}

static void a_changed_end_keeps_it_from_opening(void **state)
{
	struct fixture *f = *state;
	size_t n;
	add_some(f, 3);
	close_it(f);
	AUTO_FREE char *bytes = slurp(f, &n);
	char *hit = strstr(line_at(bytes, 3), "alice");
	*hit = 'A';
	spill(f, bytes, n);
	assert_int_equal(evidence_open(f->path, &f->clock, &f->ev, &f->e), ERR_INPUT);
	assert_non_null(strstr(f->e.text, "was changed"));
	/* The line before the last is looked at too. */
	*hit = 'a';
	hit = strstr(line_at(bytes, 2), "alice");
	*hit = 'A';
	spill(f, bytes, n);
	assert_int_equal(evidence_open(f->path, &f->clock, &f->ev, &f->e), ERR_INPUT);
	*hit = 'a';
	AUTO_FREE char *text = mem_alloc(n + 1);
	sprintf(text, "%.*s%s", (int)(line_at(bytes, 2) - bytes), bytes, line_at(bytes, 3));
	spill(f, text, strlen(text));
	assert_int_equal(evidence_open(f->path, &f->clock, &f->ev, &f->e), ERR_INPUT);
	assert_non_null(strstr(f->e.text, "does not follow"));
	/* A first line that is not the first: the beginning was taken away. */
	spill(f, line_at(bytes, 3), strlen(line_at(bytes, 3)));
	assert_int_equal(evidence_open(f->path, &f->clock, &f->ev, &f->e), ERR_INPUT);
	assert_null(f->ev);
	spill(f, bytes, n);
	open_it(f);
}

static void a_very_long_file_of_something_else(void **state)
{
	struct fixture *f = *state;
	close_it(f);
	char *junk = mem_alloc(300000);
	memset(junk, 'x', 300000);
	spill(f, junk, 300000);
	free(junk);
	assert_int_equal(evidence_open(f->path, &f->clock, &f->ev, &f->e), ERR_INPUT);
	bad(f, "line 1");
}

/* --- torn lines ---------------------------------------------------------------------------------------- */

static void a_torn_line_is_told_of(void **state)
{
	struct fixture *f = *state;
	size_t n;
	add_some(f, 3);
	close_it(f);
	AUTO_FREE char *bytes = slurp(f, &n);
	size_t two = (size_t)(line_at(bytes, 3) - bytes);
	for (size_t cut = two + 1; cut < n; cut++) {
		int64_t lines;
		spill(f, bytes, cut);
		bad(f, "torn");
		open_it(f);
		add(f, "after");
		close_it(f);
		/* Two good ones, the one that tells, the new one; and line 3 itself when only its line end was lost. */
		good(f, cut == n - 1 ? 5 : 4);
		/* What is torn is covered by the chain too. */
		size_t m;
		AUTO_FREE char *now = slurp(f, &m);
		now[two + (cut - two) / 2] ^= 1;
		spill(f, now, m);
		assert_int_equal(evidence_verify(f->path, &lines, &f->e), ERR_INPUT);
	}
	open_it(f);
}

static void tearing_may_repeat(void **state)
{
	struct fixture *f = *state;
	size_t n;
	add_some(f, 1);
	close_it(f);
	AUTO_FREE char *first = slurp(f, &n);
	spill(f, first, n / 2);
	open_it(f);
	close_it(f);
	AUTO_FREE char *repaired = slurp(f, &n);
	/* The line about it was torn as well, at every possible place. */
	for (size_t cut = n / 2 - 20; cut < n; cut++) {
		spill(f, repaired, cut);
		open_it(f);
		add(f, "after");
		close_it(f);
		int64_t lines;
		OK(evidence_verify(f->path, &lines, &f->e));
		assert_in_range(lines, 2, 3);
	}
	open_it(f);
}

/* --- a bad disk ---------------------------------------------------------------------------------------- */

/* The file may not grow beyond a few hundred bytes: writes come back short. */
static void in_a_small_disk(struct fixture *f)
{
	const struct evidence_line l = { .event = "did", .what = "one line" };
	struct rlimit limit;
	size_t n, before;
	int failures = 0;
	signal(SIGXFSZ, SIG_IGN);
	free(slurp(f, &before));
	OK(getrlimit(RLIMIT_FSIZE, &limit));
	limit.rlim_cur = before + 100;
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	for (int i = 0; i < 3; i++)
		failures += evidence_add(f->ev, &l, &f->e) == ERR_TEMP;
	assert_int_equal(failures, 3);
	free(slurp(f, &n));
	assert_int_equal(n, before);            /* half a line was taken back */
	good(f, 2);
	limit.rlim_cur = limit.rlim_max;
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	OK(evidence_add(f->ev, &l, &f->e));
	good(f, 4);                             /* and one that tells where the others are */
	/* A torn file on a full disk: it opens, refuses to add, and tells of it when there is room. */
	close_it(f);
	AUTO_FREE char *bytes = slurp(f, &n);
	spill(f, bytes, n - 10);
	limit.rlim_cur = n;
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	open_it(f);
	assert_int_equal(evidence_add(f->ev, &l, &f->e), ERR_TEMP);
	assert_int_equal(evidence_add(f->ev, &l, &f->e), ERR_TEMP);
	limit.rlim_cur = limit.rlim_max;
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	OK(evidence_add(f->ev, &l, &f->e));
	good(f, 6);
}

/* The log goes elsewhere meanwhile: where both streams are one file, the limit would cut its lines, and this one's verdict. */
static void a_full_disk_leaves_no_half_line(void **state)
{
	struct fixture *f = *state;
	int log = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	add_some(f, 2);
	dup2(nowhere, STDERR_FILENO);
	in_a_small_disk(f);
	dup2(log, STDERR_FILENO);
	close(nowhere);
	close(log);
}

static void what_was_added_survives_a_kill(void **state)
{
	struct fixture *f = *state;
	int status;
	close_it(f);
	pid_t child = fork();
	if (child == 0) {
		open_it(f);
		add_some(f, 20);
		_exit(9);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 9);
	good(f, 20);
	open_it(f);
}

#define EVIDENCE_TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		EVIDENCE_TEST(a_line_says_everything),
		EVIDENCE_TEST(long_texts_are_cut),
		EVIDENCE_TEST(the_chain_goes_on_after_opening_again),
		EVIDENCE_TEST(the_file_is_for_the_owner_alone),
		EVIDENCE_TEST(one_daemon_writes),
		EVIDENCE_TEST(what_is_no_file_is_refused),
		EVIDENCE_TEST(several_threads_make_one_chain),
		EVIDENCE_TEST(every_changed_byte_is_found),
		EVIDENCE_TEST(a_removed_line_is_found),
		EVIDENCE_TEST(swapped_doubled_and_foreign_lines_are_found),
		EVIDENCE_TEST(a_line_written_anew_is_found),
		EVIDENCE_TEST(a_changed_end_keeps_it_from_opening),
		EVIDENCE_TEST(a_very_long_file_of_something_else),
		EVIDENCE_TEST(a_torn_line_is_told_of),
		EVIDENCE_TEST(tearing_may_repeat),
		EVIDENCE_TEST(a_full_disk_leaves_no_half_line),
		EVIDENCE_TEST(what_was_added_survives_a_kill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
