#include "unit.h"

#include <pthread.h>

#include "common/log.h"

static int saved = -1;

static void capture(struct arena *a)
{
	char *path = unit_path(a, "log");
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	saved = dup(STDERR_FILENO);
	assert_true(fd >= 0 && saved >= 0);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static char *captured(struct arena *a)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
	return unit_read(a, unit_path(a, "log"), NULL);
}

/* The line behind its time, "2026-11-24T16:35:02Z ". */
static const char *behind_time(const char *line)
{
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[19], 'Z');
	assert_int_equal(line[20], ' ');
	return line + 21;
}

static void one_line_with_fixed_fields(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	log_open(LOG_INFO_LEVEL, 0);
	capture(a);
	log_event(LOG_INFO_LEVEL, "engine", "alice", "key %s off", "switched");
	assert_string_equal(behind_time(captured(a)), "info engine alice \"key switched off\"\n");
	capture(a);
	log_event(LOG_ALARM_LEVEL, "feed", NULL, "stop");
	assert_string_equal(behind_time(captured(a)), "alarm feed - \"stop\"\n");
}

static void failures_add_kind_code_and_request(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct err e;
	err_set(&e, ERR_PERM, "user \"alice\" was refused");
	strcpy(e.code, "FailedOperation.PolicyFull");
	strcpy(e.request_id, "3f2a-77");
	log_open(LOG_INFO_LEVEL, 0);
	capture(a);
	log_err(LOG_ERROR_LEVEL, "engine", NULL, &e);
	assert_string_equal(behind_time(captured(a)),
		"error engine - \"user \\\"alice\\\" was refused\" perm FailedOperation.PolicyFull [3f2a-77]\n");
}

static void less_urgent_lines_are_left_out(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	log_open(LOG_WARN_LEVEL, 0);
	capture(a);
	log_event(LOG_INFO_LEVEL, "engine", NULL, "info");
	log_event(LOG_DEBUG_LEVEL, "engine", NULL, "debug");
	log_event(LOG_WARN_LEVEL, "engine", NULL, "warning");
	assert_string_equal(behind_time(captured(a)), "warn engine - \"warning\"\n");
}

static void the_journal_gets_levels(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	log_open(LOG_DEBUG_LEVEL, 1);
	capture(a);
	log_event(LOG_WARN_LEVEL, "engine", NULL, "w");
	log_event(LOG_DEBUG_LEVEL, "engine", NULL, "d");
	char *text = captured(a);
	assert_memory_equal(text, "<4>20", 5);
	check_has(text, "\n<7>20");
}

static void values_cannot_forge_lines(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	log_open(LOG_INFO_LEVEL, 0);
	capture(a);
	log_event(LOG_INFO_LEVEL, "feed", "eve x\n2026 alarm", "a\"b\\c\nd\x1b[2J\xff %s", "\xc3\xa9");
	assert_string_equal(behind_time(captured(a)), "info feed eve_x?2026_alarm \"a\\\"b\\\\c?d?[2J? \xc3\xa9\"\n");
	char big[9000];
	memset(big, '"', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	struct err e;
	err_set(&e, ERR_TEMP, "%s", big);
	memset(e.code, '"', sizeof(e.code) - 1);
	memset(e.request_id, 'r', sizeof(e.request_id) - 1);
	capture(a);
	log_event(LOG_INFO_LEVEL, "feed", big, "%s", big);
	log_err(LOG_INFO_LEVEL, "feed", big, &e);
	char *text = captured(a);
	size_t lines = 0;
	for (char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 2);
	assert_true(strlen(text) < 8192);
	assert_int_equal(text[strlen(text) - 1], '\n');
	check_has(text, "rrr]\n");
}

static void repeats_of_a_person_are_counted(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	log_open(LOG_INFO_LEVEL, 0);
	capture(a);
	for (int i = 0; i < 5; i++)
		log_event(LOG_INFO_LEVEL, "engine", "alice", "still waiting");
	log_event(LOG_INFO_LEVEL, "engine", "alice", "done");
	log_event(LOG_INFO_LEVEL, "engine", "alice", "still waiting");
	char *text = captured(a);
	char *line = strtok(text, "\n");
	assert_string_equal(behind_time(line), "info engine alice \"still waiting\"");
	line = strtok(NULL, "\n");
	assert_string_equal(behind_time(line), "info engine alice \"last line repeated 4 times\"");
	line = strtok(NULL, "\n");
	assert_string_equal(behind_time(line), "info engine alice \"done\"");
	line = strtok(NULL, "\n");
	assert_string_equal(behind_time(line), "info engine alice \"still waiting\"");
	assert_null(strtok(NULL, "\n"));
}

static void only_equal_lines_of_one_person_are_repeats(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	log_open(LOG_INFO_LEVEL, 0);
	capture(a);
	log_event(LOG_INFO_LEVEL, "engine", "alice", "text");
	log_event(LOG_INFO_LEVEL, "engine", "bob", "text");
	log_event(LOG_WARN_LEVEL, "engine", "alice", "text");
	log_event(LOG_WARN_LEVEL, "feed", "alice", "text");
	log_event(LOG_INFO_LEVEL, "engine", NULL, "text");
	log_event(LOG_INFO_LEVEL, "engine", NULL, "text");
	size_t lines = 0;
	for (char *p = captured(a); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 6);
}

static void *write_lines(void *p)
{
	(void)p;
	for (int i = 0; i < 200; i++)
		log_event(LOG_INFO_LEVEL, "engine", NULL, "a line of some length that must stay in one piece %d", i % 10);
	return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	pthread_t threads[4];
	log_open(LOG_INFO_LEVEL, 0);
	capture(a);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_lines, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	char *text = captured(a);
	size_t lines = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
		assert_int_equal(strlen(line), 21 + strlen("info engine - \"a line of some length that must stay in one piece 0\""));
		assert_memory_equal(behind_time(line), "info engine - \"a line", 21);
	}
	assert_int_equal(lines, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_line_with_fixed_fields),
		T(failures_add_kind_code_and_request),
		T(less_urgent_lines_are_left_out),
		T(the_journal_gets_levels),
		T(values_cannot_forge_lines),
		T(repeats_of_a_person_are_counted),
		T(only_equal_lines_of_one_person_are_repeats),
		T(threads_do_not_mix_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
