/* The module's return codes, and what it hands over, with a real handle of libpam. */
#include "scene.h"

#include <signal.h>
#include <sys/wait.h>

/* --- return codes ------------------------------------------------------------------------------------------------ */

static void every_answer_has_its_code(void **state)
{
	struct scene *s = *state;
	static const struct { struct script script; int account, strict, session; } rows[] = {
		{ { .verdict = "in" }, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS },
		{ { .verdict = "joining", .text = "soon" }, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS },
		{ { .verdict = "out", .text = "gone" }, PAM_ACCT_EXPIRED, PAM_ACCT_EXPIRED, PAM_SESSION_ERR },
		{ { .verdict = "whatever" }, PAM_ACCT_EXPIRED, PAM_ACCT_EXPIRED, PAM_SESSION_ERR },
		{ { .status = WIRE_ABSENT }, PAM_IGNORE, PAM_USER_UNKNOWN, PAM_IGNORE },
		{ { .status = WIRE_REFUSED }, PAM_IGNORE, PAM_USER_UNKNOWN, PAM_IGNORE },
		{ { .status = WIRE_AMBIGUOUS }, PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_IGNORE },
		{ { .status = WIRE_FAILED }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .status = WIRE_BUSY }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .status = WIRE_MALFORMED }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .status = WIRE_UNSUPPORTED }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .status = WIRE_OTHER_VERSION }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .manner = HANGS_UP }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .manner = DIES_AFTER_READING }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .raw = "x", .raw_len = 1 }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .raw = "\x01\x00\x00\x00\x06\x00\x09in", .raw_len = 9 }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .raw = "\x02\x00\x00\x00\x06\x00\x02in", .raw_len = 9 }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
		{ { .raw = "\x01\x00\x00\x00\x03\x00\x02{}", .raw_len = 9 }, PAM_IGNORE, PAM_AUTHINFO_UNAVAIL, PAM_IGNORE },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		listens(s, &rows[i].script);
		log_in(s, PERSON);
		int loose = account(s, NULL, NULL), strict = account(s, "unknown=deny", "down=deny");
		int session = call(s, s->m.open, "deliver=env", NULL);
		if (loose != rows[i].account || strict != rows[i].strict || session != rows[i].session)
			fail_msg("row %zu: %d %d %d", i, loose, strict, session);
		if (rows[i].script.text)
			assert_string_equal(s->heard.text, rows[i].script.text);
	}
}

static void nobody_there_is_down(void **state)
{
	struct scene *s = *state;
	log_in(s, PERSON);
	assert_int_equal(account(s, NULL, NULL), PAM_IGNORE);
	assert_int_equal(account(s, "down=deny", NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account(s, "down=ignore", "unknown=deny"), PAM_IGNORE);
	/* A socket file that nobody listens at. */
	listens(s, &at_work);
	int fd = open(s->l.path, O_PATH | O_CLOEXEC);
	close(fd);
	close(s->l.stop[1]);
	pthread_join(s->l.thread, NULL);
	close(s->l.stop[0]);
	close(s->l.fd);
	s->listening = false;
	assert_int_equal(account(s, "down=deny", NULL), PAM_AUTHINFO_UNAVAIL);
}

static void a_frozen_daemon_costs_two_seconds(void **state)
{
	struct scene *s = *state;
	listens(s, &(struct script){ .manner = SAYS_NOTHING });
	log_in(s, PERSON);
	assert_int_equal(account(s, NULL, NULL), PAM_IGNORE);
	assert_in_range(s->took_ms, 1900, 5000);
	assert_int_equal(account(s, "down=deny", NULL), PAM_AUTHINFO_UNAVAIL);
}

static void a_full_queue_is_down_at_once(void **state)
{
	struct scene *s = *state;
	int held[64];
	size_t n = 0;
	uid_t ignored;
	listener_open(&s->l, s->a, &(struct script){ .manner = ACCEPTS_NOBODY }, 1);
	s->listening = true;
	while (n < ARRAY_LEN(held) && (held[n] = wire_connect(s->l.path, &ignored)) >= 0)
		n++;
	assert_true(n < ARRAY_LEN(held) && errno == EAGAIN);
	log_in(s, PERSON);
	assert_int_equal(account(s, "down=deny", NULL), PAM_AUTHINFO_UNAVAIL);
	assert_true(s->took_ms < 1900);
	while (n > 0)
		close(held[--n]);
}

static void another_listener_is_not_believed(void **state)
{
	struct scene *s = *state;
	if (geteuid() != 0)
		skip();
	s->l.uid = 12345;
	listener_open(&s->l, s->a, &at_work, 128);
	s->listening = true;
	log_in(s, PERSON);
	assert_int_equal(account(s, "down=deny", NULL), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(account(s, "down=deny", "daemon=12345"), PAM_SUCCESS);
	/* By name, from the machine's own file. */
	assert_int_equal(account(s, "down=deny", "daemon=nobody"), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(s->l.asked, 1);
}

/* A program that runs as the person himself: root's socket is closed to it. */
static void who_is_not_root_asks_where_he_may(void **state)
{
	struct scene *s = *state;
	struct listener closed = { .name = NULL };
	int status;
	if (geteuid() != 0)
		skip();
	listener_open(&closed, s->a, &(struct script){ .verdict = "out" }, 128);
	assert_int_equal(chmod(closed.path, 0600), 0);
	s->l.name = "desk";
	listener_open(&s->l, s->a, &at_work, 128);
	s->listening = true;
	log_in(s, PERSON);
	assert_int_equal(account(s, "down=deny", NULL), PAM_ACCT_EXPIRED);
	assert_int_equal(s->l.asked, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(setresuid(PERSON_UID, PERSON_UID, PERSON_UID) ? 99 : account(s, "down=deny", NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, PAM_SUCCESS);
	assert_int_equal(s->l.asked, 1);
	listener_close(&closed);
}

static void the_machines_own_people_are_not_asked_about(void **state)
{
	struct scene *s = *state;
	static const char *const own[] = { "root", "daemon" };
	listens(s, &(struct script){ .verdict = "out" });
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		log_in(s, own[i]);
		assert_int_equal(account(s, "unknown=deny", "down=deny"), PAM_IGNORE);
		assert_int_equal(call(s, s->m.open, NULL, NULL), PAM_IGNORE);
		assert_int_equal(call(s, s->m.close, NULL, NULL), PAM_IGNORE);
	}
	assert_int_equal(s->l.asked, 0);
}

static void a_namesake_is_somebody_else(void **state)
{
	struct scene *s = *state;
	/* "nobody" is of this machine, as 65534. */
	listens(s, &at_work);
	log_in(s, "nobody");
	assert_int_equal(account(s, NULL, NULL), PAM_IGNORE);
	assert_int_equal(account(s, "unknown=deny", NULL), PAM_USER_UNKNOWN);
	assert_int_equal(call(s, s->m.open, "deliver=env", NULL), PAM_IGNORE);
	assert_null(variable(s, "TENCENTCLOUD_SECRETKEY"));
	struct script same = at_work;
	same.uid = "65534";
	listens(s, &same);
	assert_int_equal(account(s, NULL, NULL), PAM_SUCCESS);
}

static void what_is_not_understood_is_strict(void **state)
{
	struct scene *s = *state;
	static const char *const wrong[] = { "down=dney", "unkown=deny", "down", "deliver=everything", "socket=desk", "" };
	log_in(s, PERSON);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (account(s, wrong[i], NULL) != PAM_AUTHINFO_UNAVAIL)
			fail_msg("\"%s\"", wrong[i]);
	}
}

static void the_other_calls_are_ignored(void **state)
{
	struct scene *s = *state;
	listens(s, &at_work);
	log_in(s, PERSON);
	assert_int_equal(call(s, s->m.authenticate, NULL, NULL), PAM_IGNORE);
	assert_int_equal(call(s, s->m.setcred, NULL, NULL), PAM_IGNORE);
	assert_int_equal(call(s, s->m.chauthtok, NULL, NULL), PAM_IGNORE);
	assert_int_equal(s->l.asked, 0);
}

/* --- what is handed over ------------------------------------------------------------------------------------------- */

static void the_environment_gets_what_was_asked_for(void **state)
{
	struct scene *s = *state;
	listens(s, &at_work);
	log_in(s, PERSON);
	assert_int_equal(call(s, s->m.open, "deliver=env", NULL), PAM_SUCCESS);
	assert_true(s->l.wants_key);
	assert_string_equal(variable(s, "CLOUDBASE_ENV_ID"), "rc-env-1");
	assert_string_equal(variable(s, "TENCENTCLOUD_SECRETID"), "AKIDx");
	assert_string_equal(variable(s, "TENCENTCLOUD_SECRETKEY"), SECRET);
	assert_string_equal(variable(s, "TCB_REGION"), "ap-shanghai");
	assert_null(getenv("TENCENTCLOUD_SECRETKEY"));
	/* Identifiers only: the key is not asked for, and not taken when it comes all the same. */
	log_in(s, PERSON);
	assert_int_equal(call(s, s->m.open, NULL, NULL), PAM_SUCCESS);
	assert_false(s->l.wants_key);
	assert_string_equal(variable(s, "CLOUDBASE_ENV_ID"), "rc-env-1");
	assert_null(variable(s, "TENCENTCLOUD_SECRETID"));
	assert_null(variable(s, "TENCENTCLOUD_SECRETKEY"));
}

static void a_value_that_a_shell_would_run_is_left_out(void **state)
{
	struct scene *s = *state;
	static const char *const bad[] = { "a b", "$(id)", "a;b", "a'b", "a\"b", "a`b", "a\\b", "\xc3\xa9" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct script script = at_work;
		script.region = bad[i];
		listens(s, &script);
		log_in(s, PERSON);
		assert_int_equal(call(s, s->m.open, "deliver=env", NULL), PAM_SUCCESS);
		assert_null(variable(s, "TCB_REGION"));
		assert_string_equal(variable(s, "CLOUDBASE_ENV_ID"), "rc-env-1");
	}
}

static void a_file_lives_as_long_as_the_login(void **state)
{
	struct scene *s = *state;
	struct stat st;
	size_t n;
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	log_in(s, PERSON);
	mode_t before = umask(077);
	assert_int_equal(open_file(s), PAM_SUCCESS);
	umask(before);
	char *file = file_of(s, "cloud.env");
	assert_string_equal(variable(s, "ROLLCALL_CREDENTIALS"), file);
	assert_null(variable(s, "TENCENTCLOUD_SECRETKEY"));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, PERSON_UID);
	assert_int_equal(stat(arena_printf(s->a, "%s/5001", s->dir), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	check_has(unit_read(s->a, file, &n), "TENCENTCLOUD_SECRETKEY=" SECRET "\n");
	assert_int_equal(access(file_of(s, "cloud.env.new"), F_OK), -1);
	assert_int_equal(close_file(s), PAM_SUCCESS);
	assert_int_equal(access(file, F_OK), -1);
	/* Ending twice harms nothing; neither does the end of a login that was given none. */
	assert_int_equal(close_file(s), PAM_SUCCESS);
	log_in(s, PERSON);
	assert_int_equal(close_file(s), PAM_SUCCESS);
}

/* A login of another process: opened, then it waits to be killed. */
static pid_t other_login(struct scene *s)
{
	int ready[2];
	char c;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		c = open_file(s) == PAM_SUCCESS ? 'y' : 'n';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void the_file_stays_for_the_other_login_and_goes_with_the_dead(void **state)
{
	struct scene *s = *state;
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	log_in(s, PERSON);
	pid_t other = other_login(s);
	assert_int_equal(open_file(s), PAM_SUCCESS);
	assert_int_equal(close_file(s), PAM_SUCCESS);
	assert_int_equal(access(file_of(s, "cloud.env"), F_OK), 0);
	kill(other, SIGKILL);
	assert_int_equal(waitpid(other, NULL, 0), other);
	/* He was killed and ended nothing; the next one finds nobody alive. */
	assert_int_equal(open_file(s), PAM_SUCCESS);
	assert_int_equal(close_file(s), PAM_SUCCESS);
	assert_int_equal(access(file_of(s, "cloud.env"), F_OK), -1);
}

/* A service with threads: two sessions of him in one process. */
static void the_file_stays_for_the_other_session_of_this_process(void **state)
{
	struct scene *s = *state;
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	log_in(s, PERSON);
	assert_int_equal(open_file(s), PAM_SUCCESS);
	assert_int_equal(open_file(s), PAM_SUCCESS);
	assert_int_equal(close_file(s), PAM_SUCCESS);
	assert_int_equal(access(file_of(s, "cloud.env"), F_OK), 0);
	assert_int_equal(close_file(s), PAM_SUCCESS);
	assert_int_equal(access(file_of(s, "cloud.env"), F_OK), -1);
}

/* As it is installed: the folder is the daemon's, and his folder becomes the daemon's, also when a login died before that. */
static void his_folder_belongs_to_the_daemon(void **state)
{
	struct scene *s = *state;
	struct stat st;
	if (geteuid() != 0)
		skip();
	char *person = arena_printf(s->a, "%s/5001", s->dir), *dir = arena_printf(s->a, "dir=%s", s->dir);
	assert_int_equal(chown(s->dir, 12345, (gid_t)-1), 0);
	listens(s, &at_work);
	for (int i = 0; i < 2; i++) {
		const char *argv[] = { s->socket, "daemon=12345", "deliver=file", dir };
		log_in(s, PERSON);
		assert_int_equal(s->m.open(s->pamh, 0, 4, argv), PAM_SUCCESS);
		assert_non_null(variable(s, "ROLLCALL_CREDENTIALS"));
		assert_int_equal(stat(person, &st), 0);
		assert_int_equal(st.st_uid, 12345);
		assert_int_equal(s->m.close(s->pamh, 0, 4, argv), PAM_SUCCESS);
		assert_int_equal(access(file_of(s, "cloud.env"), F_OK), -1);
		/* Died between the two steps. */
		assert_int_equal(chown(person, 0, (gid_t)-1), 0);
	}
}

/* The directory names no number, and the machine has somebody by this name. */
static void a_local_person_without_a_number_there_is_given_no_key(void **state)
{
	struct scene *s = *state;
	struct script script = at_work;
	script.uid = NULL;
	listens(s, &script);
	log_in(s, "nobody");
	assert_int_equal(call(s, s->m.open, "deliver=env", NULL), PAM_SUCCESS);
	assert_string_equal(variable(s, "CLOUDBASE_ENV_ID"), "rc-env-1");
	assert_null(variable(s, "TENCENTCLOUD_SECRETID"));
	assert_null(variable(s, "TENCENTCLOUD_SECRETKEY"));
	script.verdict = "out";
	listens(s, &script);
	assert_int_equal(account(s, NULL, NULL), PAM_ACCT_EXPIRED);
}

static void traps_on_the_way_are_not_followed(void **state)
{
	struct scene *s = *state;
	struct stat st;
	size_t n;
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	char *victim = unit_write(s->a, "victim", "untouched", 9, 0644), *person = arena_printf(s->a, "%s/5001", s->dir);
	/* The person's directory is a link. */
	assert_int_equal(symlink(unit_path(s->a, "."), person), 0);
	log_in(s, PERSON);
	assert_int_equal(open_file(s), PAM_SUCCESS);
	assert_null(variable(s, "ROLLCALL_CREDENTIALS"));
	assert_int_equal(unlink(person), 0);
	/* The file, or its list, is a link. */
	static const char *const names[] = { "cloud.env", "cloud.env.new", "logins" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		mkdir(person, 0711);
		assert_int_equal(symlink(victim, file_of(s, names[i])), 0);
		log_in(s, PERSON);
		assert_int_equal(open_file(s), PAM_SUCCESS);
		assert_string_equal(unit_read(s->a, victim, &n), "untouched");
		assert_int_equal(stat(victim, &st), 0);
		assert_int_equal(st.st_uid, 0);
		if (i < 2)
			assert_int_equal(lstat(file_of(s, "cloud.env"), &st) == 0 && S_ISREG(st.st_mode), 1);
		close_file(s);
		unlink(file_of(s, names[i]));
		unlink(file_of(s, "logins"));
	}
	/* Anybody may write into the directory above. */
	assert_int_equal(chmod(s->dir, 0777), 0);
	log_in(s, PERSON);
	assert_int_equal(open_file(s), PAM_SUCCESS);
	assert_null(variable(s, "ROLLCALL_CREDENTIALS"));
	assert_int_equal(chmod(s->dir, 0755), 0);
	/* Another path in the variable is not ours to touch. */
	log_in(s, PERSON);
	assert_int_equal(pam_putenv(s->pamh, arena_printf(s->a, "ROLLCALL_CREDENTIALS=%s", victim)), PAM_SUCCESS);
	assert_int_equal(close_file(s), PAM_SESSION_ERR);
	assert_int_equal(access(victim, F_OK), 0);
}

/* --- many at once ------------------------------------------------------------------------------------------------------ */

static void sixty_four_at_once(void **state)
{
	struct scene *s = *state;
	pid_t all[64];
	int bad = 0, status;
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	log_in(s, PERSON);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = fork();
		if (all[i] == 0) {
			bool good = account(s, "down=deny", NULL) == PAM_SUCCESS && open_file(s) == PAM_SUCCESS &&
				variable(s, "ROLLCALL_CREDENTIALS") && close_file(s) == PAM_SUCCESS;
			_exit(good ? 0 : 1);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		bad += waitpid(all[i], &status, 0) != all[i] || status != 0;
	assert_int_equal(bad, 0);
	assert_int_equal(access(file_of(s, "cloud.env"), F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(every_answer_has_its_code), SCENE(nobody_there_is_down), SCENE(a_frozen_daemon_costs_two_seconds),
		SCENE(a_full_queue_is_down_at_once), SCENE(another_listener_is_not_believed),
		SCENE(who_is_not_root_asks_where_he_may), SCENE(the_machines_own_people_are_not_asked_about), SCENE(a_namesake_is_somebody_else),
		SCENE(what_is_not_understood_is_strict), SCENE(the_other_calls_are_ignored),
		SCENE(the_environment_gets_what_was_asked_for), SCENE(a_value_that_a_shell_would_run_is_left_out),
		SCENE(a_file_lives_as_long_as_the_login), SCENE(the_file_stays_for_the_other_login_and_goes_with_the_dead),
		SCENE(the_file_stays_for_the_other_session_of_this_process), SCENE(his_folder_belongs_to_the_daemon),
		SCENE(a_local_person_without_a_number_there_is_given_no_key),
		SCENE(traps_on_the_way_are_not_followed), SCENE(sixty_four_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
