/* Evidence that takes no lines: nothing may be granted, and what is written all the same is found in the second place. */
#include "tests/unit/hook/evidence_fixture.h"

#include <errno.h>
#include <sys/mount.h>

#include "common/log.h"

struct place { struct fixture f; char second[96], log[96]; int own_stderr; };

static int try_add(struct place *p, const char *what)
{
	const struct evidence_line l = { .event = "did", .login = "alice", .generation = 1, .row = "key", .what = what };
	return evidence_add(p->f.ev, &l, &p->f.e);
}

static void says(struct place *p, const char *part)
{
	if (!strstr(p->f.e.text, part))
		fail_msg("\"%s\" does not say \"%s\"", p->f.e.text, part);
}

static char *file(struct arena *a, const char *path)
{
	struct stat st;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	char *text = arena_alloc(a, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	text[st.st_size] = '\0';
	return text;
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

/* The system log of this test is a file. */
static int open_place(void **state)
{
	void *fixture = NULL;
	if (up(&fixture))
		return -1;
	struct place *p = mem_alloc(sizeof(*p));
	p->f = *(struct fixture *)fixture;
	free(fixture);
	p->f.clock = clock_virtual(&p->f.time, NOW, 1);
	close_it(&p->f);
	open_it(&p->f);
	snprintf(p->second, sizeof(p->second), "%s/second.jsonl", p->f.folder);
	snprintf(p->log, sizeof(p->log), "%s/log", p->f.folder);
	int fd = open(p->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	fflush(stderr);
	p->own_stderr = dup(STDERR_FILENO);
	if (fd < 0 || p->own_stderr < 0 || dup2(fd, STDERR_FILENO) < 0)
		return -1;
	close(fd);
	log_open(LOG_INFO_LEVEL, 0);
	*state = p;
	return 0;
}

static int close_place(void **state)
{
	struct place *p = *state;
	char aside[128];
	dup2(p->own_stderr, STDERR_FILENO);
	close(p->own_stderr);
	evidence_close(p->f.ev);
	snprintf(aside, sizeof(aside), "%s.aside", p->f.path);
	const char *const names[] = { p->f.path, p->second, p->log, aside };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(names[i]);
	rmdir(p->f.folder);
	free(p);
	return 0;
}

/* The file is moved away and brought back. */
static void away(struct place *p, bool gone)
{
	char aside[128];
	snprintf(aside, sizeof(aside), "%s.aside", p->f.path);
	OK(gone ? rename(p->f.path, aside) : rename(aside, p->f.path));
}

static void lines_go_to_the_second_file(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	int64_t lines, since;
	evidence_second(p->f.ev, p->second);
	add_some(&p->f, 2);
	OK(evidence_ready(p->f.ev, &p->f.e));
	away(p, true);
	p->f.time.now_ms += 5000;
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	says(p, "the evidence cannot be written");
	assert_int_equal(try_add(p, "one"), ERR_TEMP);
	says(p, "the evidence cannot be written");
	p->f.time.now_ms += 1000;
	assert_int_equal(try_add(p, "two"), ERR_TEMP);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	evidence_aside(p->f.ev, &lines, &since);
	assert_int_equal(lines, 2);
	assert_int_equal(since, NOW + 5000);
	/* A chain of its own. */
	OK(evidence_verify(p->second, &lines, &p->f.e));
	assert_int_equal(lines, 2);
	char *text = file(a, p->second);
	assert_int_equal(count(text, "\"what\":\"one\""), 1);
	assert_int_equal(count(text, "\"login\":\"alice\",\"generation\":1,\"row\":\"key\""), 2);
	/* Back: the first line says what is missing, once. */
	away(p, false);
	OK(evidence_ready(p->f.ev, &p->f.e));
	OK(try_add(p, "three"));
	good(&p->f, 4);
	text = file(a, p->f.path);
	assert_int_equal(count(text, "\"event\":\"second\""), 1);
	assert_int_equal(count(text, arena_printf(a, "2 lines since 2025-11-24T16:35:07Z are in the second place: \\\"%s\\\"",
		p->second)), 1);
	evidence_aside(p->f.ev, &lines, &since);
	assert_int_equal(lines, 0);
	assert_int_equal(since, 0);
	/* The next trouble is counted anew. */
	away(p, true);
	assert_int_equal(try_add(p, "four"), ERR_TEMP);
	away(p, false);
	OK(try_add(p, "five"));
	assert_int_equal(count(file(a, p->f.path), "1 lines since"), 1);
	good(&p->f, 6);
	OK(evidence_verify(p->second, &lines, &p->f.e));
	assert_int_equal(lines, 3);
	assert_int_equal(count(file(a, p->log), "alarm evidence alice"), 0);
}

static void without_one_to_the_system_log(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	struct json *doc;
	evidence_second(p->f.ev, "");
	away(p, true);
	assert_int_equal(try_add(p, "UpdateAccessKey Status=\"Inactive\""), ERR_TEMP);
	char *line = strstr(file(a, p->log), "alarm evidence alice \"");
	assert_non_null(line);
	line = strchr(line, '"') + 1;
	*strchr(line, '\n') = '\0';
	line[strlen(line) - 1] = '\0';
	/* As log.h says: quotes and backslashes have a backslash. */
	char *to = line;
	for (char *from = line; *from; from++)
		*to++ = *from == '\\' ? *++from : *from;
	*to = '\0';
	OK(json_parse(a, line, strlen(line), &doc, &p->f.e));
	assert_string_equal(json_text(doc, "event"), "did");
	assert_string_equal(json_text(doc, "login"), "alice");
	assert_string_equal(json_text(doc, "what"), "UpdateAccessKey Status=\"Inactive\"");
	assert_int_equal(json_int_or(doc, "ms", 0), NOW);
	away(p, false);
	OK(try_add(p, "back"));
	assert_int_equal(count(file(a, p->f.path), "1 lines since 2025-11-24T16:35:02Z are in the second place: the system log"), 1);
}

static void a_long_line_in_the_log_is_whole(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	char *text = arena_alloc(a, 3001);
	memset(text, '\\', 3000);
	text[3000] = '\0';
	const struct evidence_line l = { .event = "did", .uuid = "00000001-e813-11f1-9271-ca710d083b6f", .login = "alice", .row = text,
		.what = text, .why = text, .request_id = text, .csn = text };
	away(p, true);
	assert_int_equal(evidence_add(p->f.ev, &l, &p->f.e), ERR_TEMP);
	const char *line = strstr(file(a, p->log), "alarm evidence alice \"");
	assert_non_null(line);
	assert_non_null(strstr(line, "\\\"csn\\\":\\\""));
	assert_non_null(strstr(line, "\\\"}\"\n"));
	away(p, false);
}

static void the_second_file_fails_too(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	char inside[160];
	int64_t lines;
	snprintf(inside, sizeof(inside), "%s/later/second", p->f.folder);
	evidence_second(p->f.ev, inside);
	assert_int_equal(count(file(a, p->log), "alarm evidence -"), 1);        /* told at once */
	away(p, true);
	assert_int_equal(try_add(p, "to the log"), ERR_TEMP);
	assert_int_equal(count(file(a, p->log), "to the log"), 1);
	/* It is looked for again when it is needed. */
	*strrchr(inside, '/') = '\0';
	OK(mkdir(inside, 0700));
	strcat(inside, "/second");
	assert_int_equal(try_add(p, "to the file"), ERR_TEMP);
	assert_int_equal(count(file(a, p->log), "to the file"), 0);
	OK(evidence_verify(inside, &lines, &p->f.e));
	assert_int_equal(lines, 1);
	/* And it goes away like the first. */
	OK(unlink(inside));
	assert_int_equal(try_add(p, "to the log again"), ERR_TEMP);
	assert_int_equal(count(file(a, p->log), "to the log again"), 1);
	away(p, false);
	OK(evidence_ready(p->f.ev, &p->f.e));
	assert_int_equal(count(file(a, p->f.path), "3 lines since"), 1);
	*strrchr(inside, '/') = '\0';
	rmdir(inside);
}

static void one_alarm_per_trouble(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	for (size_t trouble = 1; trouble <= 2; trouble++) {
		away(p, true);
		for (int i = 0; i < 3; i++)
			assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
		assert_int_equal(count(file(a, p->log), "nothing is granted"), trouble);
		away(p, false);
		OK(evidence_ready(p->f.ev, &p->f.e));
		assert_int_equal(count(file(a, p->log), "can be written again"), trouble);
	}
}

static void copy(const char *from, const char *to, int64_t without)
{
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	const char *text = file(a, from);
	AUTO_FD int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t n = strlen(text) - (size_t)without;
	assert_int_equal(write(fd, text, n), n);
}

/* What stands at the path must be what was written, to its last line. */
static void another_file_is_not_taken(void **state)
{
	struct place *p = *state;
	char aside[128];
	snprintf(aside, sizeof(aside), "%s.aside", p->f.path);
	add_some(&p->f, 3);
	away(p, true);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	assert_int_equal(access(p->f.path, F_OK), -1);          /* and none is made */
	copy(aside, p->f.path, 1);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	copy(aside, p->f.path, (int64_t)strlen("\n") + 200);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	unlink(p->f.path);
	copy("/dev/null", p->f.path, 0);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	says(p, "is not the file that was written to");
	unlink(p->f.path);
	OK(symlink(aside, p->f.path));
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	unlink(p->f.path);
	OK(mkdir(p->f.path, 0700));
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	rmdir(p->f.path);
	/* A true copy is as good as the file. */
	copy(aside, p->f.path, 0);
	OK(evidence_ready(p->f.ev, &p->f.e));
	add(&p->f, "goes on");
	good(&p->f, 4);
}

static const char *health(struct place *p, struct arena *a)
{
	struct json *o = json_object(a);
	evidence_health(p->f.ev, o);
	return json_print(a, o);
}

/* At start, too: whoever leaves does not wait for an administrator who repairs a file. */
static void a_file_that_cannot_be_opened(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	int64_t lines;
	add_some(&p->f, 3);
	close_it(&p->f);
	char *text = file(a, p->f.path);
	*strstr(line_at(text, 3), "alice") = 'A';
	spill(&p->f, text, strlen(text));
	evidence_start(p->f.path, &p->f.clock, &p->f.ev);
	evidence_second(p->f.ev, p->second);
	assert_int_equal(count(file(a, p->log), "was changed"), 1);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	assert_int_equal(try_add(p, "one"), ERR_TEMP);
	says(p, "keep the file and start a new one");
	assert_non_null(strstr(health(p, a), "keep the file and start a new one"));
	assert_non_null(strstr(health(p, a), "\"evidence_aside\":1"));
	OK(evidence_verify(p->second, &lines, &p->f.e));
	assert_int_equal(lines, 1);
	/* As it says; nobody has to start the daemon again. */
	away(p, true);
	OK(try_add(p, "two"));
	good(&p->f, 2);
	OK(evidence_ready(p->f.ev, &p->f.e));
	assert_string_equal(health(p, a), "{\"evidence\":\"written\"}");
}

/* A file system of one megabyte.  False: this machine has none for us. */
static bool small_disk(struct place *p, char mounted[128])
{
	snprintf(mounted, 128, "%s/disk", p->f.folder);
	OK(mkdir(mounted, 0700));
	if (geteuid() == 0 && mount("none", mounted, "tmpfs", 0, "size=1m,mode=700") == 0)
		return true;
	rmdir(mounted);
	return false;
}

/* To the last byte; returns how many took part. */
static void fill(const char *folder, bool full)
{
	char name[160];
	snprintf(name, sizeof(name), "%s/filler", folder);
	if (!full) {
		OK(unlink(name));
		return;
	}
	AUTO_FD int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	static const char block[4096];
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		;
	while (write(fd, block, 1) == 1)
		;
	assert_int_equal(errno, ENOSPC);
}

/* Known before the first line fits not: what is granted then could not be put on record. */
static void a_full_disk_is_known_before(void **state)
{
	struct place *p = *state;
	char mounted[128], path[160];
	int64_t lines;
	if (!small_disk(p, mounted)) {
		skip();
		return;
	}
	snprintf(path, sizeof(path), "%s/evidence", mounted);
	close_it(&p->f);
	OK(evidence_open(path, &p->f.clock, &p->f.ev, &p->f.e));
	fill(mounted, true);
	assert_int_equal(evidence_ready(p->f.ev, &p->f.e), ERR_TEMP);
	says(p, "has no room");
	fill(mounted, false);
	OK(evidence_ready(p->f.ev, &p->f.e));
	/* What was set aside is there although the disk is full; and when it runs short, that is known in time. */
	fill(mounted, true);
	for (lines = 0; !evidence_ready(p->f.ev, &p->f.e) && lines < 10000; lines++)
		OK(try_add(p, "a grant"));
	assert_in_range(lines, 50, 1000);
	for (int64_t i = 0; i < 50; i++)
		OK(try_add(p, "what was on its way"));
	/* In the end nothing fits, and the log has it. */
	for (lines = 0; !try_add(p, "a leaver"); lines++)
		assert_true(lines < 10000);
	AUTO_ARENA struct arena *a = arena_new(4u << 20);
	assert_int_equal(count(file(a, p->log), "a leaver"), 1);
	fill(mounted, false);
	OK(evidence_ready(p->f.ev, &p->f.e));
	OK(evidence_verify(path, &lines, &p->f.e));
	close_it(&p->f);
	OK(umount(mounted));
	rmdir(mounted);
}

static void the_head_is_told_whatever_the_level(void **state)
{
	struct place *p = *state;
	AUTO_ARENA struct arena *a = arena_new(1u << 20);
	int64_t lines;
	char head[SHA256_HEX];
	log_open(LOG_ALARM_LEVEL, 0);
	add_some(&p->f, 3);
	evidence_tell_head(p->f.ev);
	evidence_head(p->f.ev, &lines, head);
	const char *text = file(a, p->log);
	assert_non_null(strstr(text, "info evidence - \""));
	assert_non_null(strstr(text, arena_printf(a, "has 3 lines, and the digest of the last is %s\"", head)));
	/* Nobody writes any more: it is the moment at which what is elsewhere is told. */
	away(p, true);
	assert_int_equal(try_add(p, "one"), ERR_TEMP);
	away(p, false);
	evidence_tell_head(p->f.ev);
	good(&p->f, 4);
	assert_non_null(strstr(file(a, p->log), "has 4 lines"));
}

#define PLACE(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		PLACE(lines_go_to_the_second_file), PLACE(without_one_to_the_system_log), PLACE(a_long_line_in_the_log_is_whole),
		PLACE(the_second_file_fails_too), PLACE(one_alarm_per_trouble), PLACE(another_file_is_not_taken),
		PLACE(a_file_that_cannot_be_opened), PLACE(a_full_disk_is_known_before), PLACE(the_head_is_told_whatever_the_level),
	};
	return cmocka_run_group_tests_name("evidence-second", tests, NULL, NULL);
}
