/* A desk with one onboarded person behind it, and the command in front of it. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_ROOM_H
#define ROLLCALL_TESTS_UNIT_HOOK_ROOM_H

#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "hook/command.h"
#include "hook/desk.h"
#include "hook/post.h"

struct desk_room {
	struct fixture f;
	struct evidence *evidence;
	struct desk *desk;
	struct post *post;
	pthread_t thread;
	struct store_person alice;
	struct store_account account;
	struct found found;
	uid_t as;                  /* who runs it; 0 = whoever runs the test */
	void (*woken)(struct desk_room *);           /* what workers do when there is something due */
	int hold_fails;
	/* Of the last run. */
	int status;
	char *out, *err;
};

static inline int no_plan(void *ctx, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	(void)ctx, (void)uuid, (void)a, (void)out;
	return err_set(e, ERR_TEMP, "the cloud did not answer");
}

/* What the roll would make of it, in short. */
static inline int room_hold(void *ctx, const char *uuid, const char *reason, const char *by, struct arena *a, struct err *e)
{
	struct desk_room *r = ctx;
	struct store_account acc;
	(void)by;
	if (r->hold_fails)
		return err_set(e, (enum err_kind)r->hold_fails, "\"alice\" is active and not held");
	int rc = store_account_get(r->f.store, uuid, 0, a, &acc, e);
	if (rc)
		return rc;
	if (acc.stage != STAGE_SUSPENDED)
		acc.stage = reason ? STAGE_HELD : STAGE_ACTIVE;
	acc.hold_reason = arena_strdup(a, reason);
	return store_account_news(r->f.store, &acc, e);
}

static inline void room_wake(void *ctx)
{
	struct desk_room *r = ctx;
	if (r->woken)
		r->woken(r);
}

static inline int no_delivery(void *ctx, const char *uuid, const char *oldest, const char *payload, struct arena *a,
	bool *changed, struct err *e)
{
	(void)oldest;
	(void)ctx, (void)uuid, (void)payload, (void)a, (void)changed;
	return err_set(e, ERR_TEMP, "no directory");
}

static inline void *serve(void *desk)
{
	desk_run(desk);
	return NULL;
}

static inline void compose(struct desk_room *r)
{
	bool pending;
	struct err e = { 0 };
	if (post_compose(r->post, &r->alice, &r->account, &r->found, r->f.a, &pending, &e))
		fail_msg("%s", e.text);
}

static inline int open_room(void **state)
{
	struct desk_room *r = mem_alloc(sizeof(*r));
	struct err e = { 0 };
	fixture_open(&r->f);
	assert_int_equal(chmod(unit_folder, 0755), 0);
	r->f.settings.socket = unit_path(r->f.a, "desk");
	r->alice = fixture_person(&r->f, ALICE, "alice", 5001);
	r->account = fixture_account(&r->f, &r->alice, STAGE_ACTIVE);
	r->found = fixture_found(&r->f);
	const char *user = fixture_user(&r->f, &r->account);
	fixture_keep(&r->f, &r->account, SECRET_KEY, ALICE, r->found.uin, "KEYID1", "KEYID1", "S3CRET");
	fixture_keep(&r->f, &r->account, SECRET_PASSWORD, ALICE, 0, user, user, "Pa55word.");
	assert_int_equal(evidence_open(unit_path(r->f.a, "evidence"), &r->f.clock, &r->evidence, &e), 0);
	const struct post_parts post = { .settings = &r->f.settings, .store = r->f.store, .clock = &r->f.clock,
		.escrow = r->f.escrow, .own_key = r->f.own, .deliver = no_delivery };
	r->post = post_new(&post);
	compose(r);
	const struct desk_parts desk = { .settings = &r->f.settings, .store = r->f.store, .evidence = r->evidence,
		.clock = &r->f.clock, .plan = no_plan, .hold = room_hold, .wake = room_wake, .ctx = r };
	if (desk_open(&desk, &r->desk, &e))
		fail_msg("%s", e.text);
	assert_int_equal(pthread_create(&r->thread, NULL, serve, r->desk), 0);
	*state = r;
	return 0;
}

static inline int close_room(void **state)
{
	struct desk_room *r = *state;
	desk_stop(r->desk);
	pthread_join(r->thread, NULL);
	desk_close(r->desk);
	post_free(r->post);
	evidence_close(r->evidence);
	fixture_close(&r->f);
	free(r);
	return 0;
}

static inline FILE *output(struct desk_room *r, const char *name)
{
	FILE *f = fopen(unit_path(r->f.a, name), "w+");
	assert_non_null(f);
	return f;
}

/* Arguments after "rollcall -s SOCKET", NULL-terminated. */
static inline int run(struct desk_room *r, ...)
{
	char *argv[24] = { "rollcall", "-s", r->f.settings.socket };
	int argc = 3;
	FILE *out = output(r, "out"), *err = output(r, "err");
	va_list ap;
	va_start(ap, r);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	/* The files are open: only who connects is somebody else. */
	if (r->as)
		assert_int_equal(syscall(SYS_setresuid, -1, r->as, -1), 0);
	r->status = command_run(argc, argv, out, err);
	if (r->as)
		assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
	fclose(out);
	fclose(err);
	r->out = unit_read(r->f.a, unit_path(r->f.a, "out"), NULL);
	r->err = unit_read(r->f.a, unit_path(r->f.a, "err"), NULL);
	return r->status;
}

#define RUN(...) run(r, __VA_ARGS__, NULL)

static inline void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static inline void prints(struct desk_room *r, const char *part)
{
	assert_int_equal(r->status, COMMAND_DONE);
	assert_string_equal(r->err, "");
	check_has(r->out, part);
}

static inline void complains(struct desk_room *r, int status, const char *part)
{
	if (r->status != status || !strstr(r->err, part))
		fail_msg("status %d \"%s\", wanted %d \"%s\"", r->status, r->err, status, part);
	assert_string_equal(r->out, "");
	assert_true(str_starts(r->err, "rollcall: "));
}

static inline const struct json *printed(struct desk_room *r)
{
	struct json *v;
	struct err e = { 0 };
	assert_int_equal(r->status, COMMAND_DONE);
	if (json_parse(r->f.a, r->out, strlen(r->out), &v, &e))
		fail_msg("%s: %s", e.text, r->out);
	return v;
}

#define ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)

#endif
