/* Programs that call the module: with threads, setuid, with an environment of their user's making, and those that want no words. */
#include "scene.h"

#include <sys/mman.h>

static int call_with(struct scene *s, module_call *f, int flags, const char *option)
{
	const char *argv[] = { s->socket, "daemon=0", option };
	return f(s->pamh, flags, option ? 3 : 2, argv);
}

/* --- words ------------------------------------------------------------------------------------------------------- */

static void who_wants_no_words_gets_none(void **state)
{
	struct scene *s = *state;
	static const struct { int flags; const char *option; int lines; } rows[] = {
		{ 0, NULL, 1 }, { PAM_SILENT, NULL, 0 }, { 0, "quiet", 0 }, { PAM_SILENT, "quiet", 0 },
	};
	static const struct { const char *verdict; int account, session; } verdicts[] = {
		{ "out", PAM_ACCT_EXPIRED, PAM_SESSION_ERR }, { "joining", PAM_SUCCESS, PAM_SUCCESS },
	};
	for (size_t v = 0; v < ARRAY_LEN(verdicts); v++) {
		listens(s, &(struct script){ .verdict = verdicts[v].verdict, .text = "a word" });
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			bool out = v == 0;
			log_in(s, PERSON);
			assert_int_equal(call_with(s, s->m.account, rows[i].flags, rows[i].option), verdicts[v].account);
			/* Who may come in is told at his session. */
			assert_int_equal(s->heard.lines, out ? rows[i].lines : 0);
			s->heard.lines = 0;
			assert_int_equal(call_with(s, s->m.open, rows[i].flags, rows[i].option), verdicts[v].session);
			assert_int_equal(s->heard.lines, rows[i].lines);
		}
	}
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct visitor { pthread_t thread; struct scene *s; const char *confdir, *dir; int number, bad; };

/* Each has a handle, and options, of his own. */
static void *visit(void *ctx)
{
	struct visitor *v = ctx;
	struct heard heard;
	const struct pam_conv conv = { hear, &heard };
	const char *argv[] = { v->s->socket, "daemon=0", v->number % 2 ? "deliver=env" : "deliver=file", v->dir };
	for (int i = 0; i < 20; i++) {
		pam_handle_t *h = NULL;
		if (pam_start_confdir("rollcall-test", PERSON, &conv, v->confdir, &h) != PAM_SUCCESS) {
			v->bad++;
			continue;
		}
		bool good = v->s->m.account(h, 0, 4, argv) == PAM_SUCCESS && v->s->m.open(h, 0, 4, argv) == PAM_SUCCESS;
		const char *key = pam_getenv(h, "TENCENTCLOUD_SECRETKEY"), *file = pam_getenv(h, "ROLLCALL_CREDENTIALS");
		good = good && (v->number % 2 ? key && !strcmp(key, SECRET) && !file : !key && file && access(file, R_OK) == 0);
		good = v->s->m.close(h, 0, 4, argv) == PAM_SUCCESS && good;
		v->bad += !good;
		pam_end(h, PAM_SUCCESS);
	}
	return NULL;
}

static void threads_of_one_program_do_not_meet(void **state)
{
	struct scene *s = *state;
	struct visitor all[16];
	int bad = 0;
	if (geteuid() != 0)
		skip();
	listens(s, &at_work);
	log_in(s, PERSON);
	const char *confdir = unit_path(s->a, "pam.d"), *dir = arena_printf(s->a, "dir=%s", s->dir);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = (struct visitor){ .s = s, .confdir = confdir, .dir = dir, .number = (int)i };
		assert_int_equal(pthread_create(&all[i].thread, NULL, visit, &all[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		pthread_join(all[i].thread, NULL);
		bad += all[i].bad;
	}
	assert_int_equal(bad, 0);
	assert_int_equal(access(file_of(s, "cloud.env"), F_OK), -1);
}

/* --- an environment that somebody else made ------------------------------------------------------------------------- */

static const char *const bait[] = { "socket", "SOCKET", "ROLLCALL_SOCKET", "PAM_ROLLCALL_SOCKET" };

/* As su is called: his own uid, and root's rights.  What it was told by its user counts nothing. */
static void a_setuid_program_is_not_led_astray(void **state)
{
	struct scene *s = *state;
	struct listener trap = { .name = "trap" WIRE_LOGINS };
	struct stat st;
	int status;
	if (geteuid() != 0)
		skip();
	listener_open(&trap, s->a, &(struct script){ .verdict = "in" }, 128);
	listens(s, &(struct script){ .verdict = "out", .text = "gone" });
	assert_int_equal(chmod(s->l.path, 0600), 0);
	log_in(s, PERSON);
	pid_t pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < ARRAY_LEN(bait); i++)
			setenv(bait[i], unit_path(s->a, "trap"), 1);
		_exit(setresuid(PERSON_UID, 0, 0) || account(s, NULL, NULL) != PAM_ACCT_EXPIRED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(s->l.asked, 1);
	/* Nor what its user has in his environment beforehand: the file is this one's. */
	listens(s, &at_work);
	pid = fork();
	if (pid == 0) {
		setenv("ROLLCALL_CREDENTIALS", "/etc/passwd", 1);
		bool good = !setresuid(PERSON_UID, 0, 0) && open_file(s) == PAM_SUCCESS && !stat(file_of(s, "cloud.env"), &st) &&
			st.st_uid == PERSON_UID && close_file(s) == PAM_SUCCESS && access(file_of(s, "cloud.env"), F_OK) != 0;
		_exit(!good);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(trap.asked, 0);
	listener_close(&trap);
}

/* Of all that it could call, nothing reads an environment, starts a program or asks a name service. */
static void it_has_no_way_to_an_environment(void **state)
{
	struct scene *s = *state;
	static const char *const never[] = { "getenv", "secure_getenv", "environ", "__environ", "setenv", "putenv", "system", "popen",
		"execve", "fork", "getpwnam", "getpwnam_r", "getaddrinfo", "malloc", "calloc", "strdup", "signal", "sigaction", "alarm" };
	struct stat st;
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	size_t n = (size_t)st.st_size;
	char *so = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_ptr_not_equal(so, MAP_FAILED);
	/* The names are there, as they stand in a table of symbols. */
	assert_non_null(memmem(so, n, "\0recvmsg", 9));
	for (size_t i = 0; i < ARRAY_LEN(never); i++) {
		char *name = arena_printf(s->a, "%c%s", '#', never[i]);
		*name = '\0';
		if (memmem(so, n, name, strlen(never[i]) + 2))
			fail_msg("it names \"%s\"", never[i]);
	}
	munmap(so, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(who_wants_no_words_gets_none), SCENE(threads_of_one_program_do_not_meet),
		SCENE(a_setuid_program_is_not_led_astray), SCENE(it_has_no_way_to_an_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
