/* One login: a daemon of the test's, the module, and a handle of libpam. */
#ifndef ROLLCALL_TESTS_UNIT_PAM_SCENE_H
#define ROLLCALL_TESTS_UNIT_PAM_SCENE_H

#include "listener.h"

#define SECRET "secret-0123456789abcdef"
static const struct script at_work = { .verdict = "in", .uid = "5001", .env_id = "rc-env-1", .secret_id = "AKIDx",
	.secret_key = SECRET, .region = "ap-shanghai" };

struct scene {
	struct arena *a;
	struct listener l;
	bool listening;
	struct module m;
	struct heard heard;
	pam_handle_t *pamh;
	char *socket, *dir;
	int64_t took_ms;
};

static inline int set_up(void **state)
{
	struct scene *s = mem_alloc(sizeof(*s));
	memset(s, 0, sizeof(*s));
	s->a = arena_new(16u << 20);
	s->socket = arena_printf(s->a, "socket=%s", unit_path(s->a, "desk"));
	s->dir = unit_path(s->a, "run");
	assert_int_equal(chmod(unit_folder, 0755), 0);
	assert_int_equal(mkdir(s->dir, 0755), 0);
	s->m = module_open();
	*state = s;
	return 0;
}

static inline void hang_up(struct scene *s)
{
	if (s->listening)
		listener_close(&s->l);
	s->listening = false;
}

static inline int tear_down(void **state)
{
	struct scene *s = *state;
	hang_up(s);
	if (s->pamh)
		pam_end(s->pamh, 0);
	dlclose(s->m.so);
	unit_remove_folder();
	unit_folder[0] = '\0';
	arena_free(s->a);
	free(s);
	return 0;
}

static inline void listens(struct scene *s, const struct script *script)
{
	hang_up(s);
	listener_open(&s->l, s->a, script, 128);
	s->listening = true;
}

static inline void log_in(struct scene *s, const char *user)
{
	if (s->pamh)
		pam_end(s->pamh, 0);
	s->pamh = login_begin(s->a, user, &s->heard);
}

/* One call with the socket's and up to three more options. */
static inline int call(struct scene *s, module_call *f, const char *a, const char *b)
{
	const char *argv[] = { s->socket, "daemon=0", a, b };
	int argc = !a ? 2 : !b ? 3 : 4;
	int64_t began = wire_now_ms();
	int rc = f(s->pamh, 0, argc, argv);
	s->took_ms = wire_now_ms() - began;
	return rc;
}

static inline int account(struct scene *s, const char *a, const char *b)
{
	return call(s, s->m.account, a, b);
}

static inline const char *variable(struct scene *s, const char *name)
{
	return pam_getenv(s->pamh, name);
}

static inline char *file_of(struct scene *s, const char *name)
{
	return arena_printf(s->a, "%s/5001/%s", s->dir, name);
}

static inline int open_file(struct scene *s)
{
	return call(s, s->m.open, "deliver=file", arena_printf(s->a, "dir=%s", s->dir));
}

static inline int close_file(struct scene *s)
{
	return call(s, s->m.close, "deliver=file", arena_printf(s->a, "dir=%s", s->dir));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
