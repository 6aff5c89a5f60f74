/* A desk with its threads, a store behind it, and questions to it as any user. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_HALL_H
#define ROLLCALL_TESTS_UNIT_HOOK_HALL_H

#include "fixture.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "hook/desk.h"
#include "hook/wire.h"

#define THREADS 4                      /* two for people, one for logins, one for sessions */
#define STRANGER 5999u
#define WAIT_MS 10000

struct hall {
	struct fixture f;
	struct evidence *evidence;
	struct desk *desk;
	pthread_t threads[THREADS];
	struct group *group;               /* the admin group of the test: any that this machine has */
	struct store_person alice, bob;
	struct store_account account;
	atomic_int planning, plans;        /* inside the slow call, and how often it was made */
	atomic_bool plan_waits, hold_waits, login_waits;
	atomic_int holding;
	int plan_fails, plan_limits;       /* the latter: so often the limit is used up */
	atomic_int wakes, logins;
	atomic_bool struck;
	char logged_in[UUID_TEXT], login_by[80];
	int hold_fails;                    /* kind of failure */
	char held[UUID_TEXT], reason[WIRE_TEXT_MAX + 1], by[80];      /* of the last hold; reason "" = let go */
};

/* --- the parts that only a daemon has --------------------------------------------------------------------- */

static inline int plan(void *ctx, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	struct hall *h = ctx;
	struct json *rows = json_array(a), *row = json_object(a);
	h->plans++;
	h->planning = 1;
	while (h->plan_waits)
		poll(NULL, 0, 5);
	h->planning = 0;
	if (h->plan_limits > 0 && h->plan_limits--)
		return err_due(e, ERR_LIMIT, h->f.v.now_ms + 50, "rate limit");
	if (h->plan_fails)
		return err_set(e, ERR_TEMP, "the cloud did not answer");
	json_put_text(row, "row", "key");
	json_put_text(row, "uuid", uuid);
	json_push(rows, row);
	*out = rows;
	return 0;
}

static inline int hold(void *ctx, const char *uuid, const char *reason, const char *by, struct arena *a, struct err *e)
{
	struct hall *h = ctx;
	(void)a;
	h->holding = 1;
	while (h->hold_waits)
		poll(NULL, 0, 5);
	str_copy(h->held, sizeof(h->held), uuid);
	str_copy(h->reason, sizeof(h->reason), reason ? reason : "");
	str_copy(h->by, sizeof(h->by), by);
	return h->hold_fails ? err_set(e, (enum err_kind)h->hold_fails, "the roll said no") : 0;
}

static inline int logged_in(void *ctx, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	struct hall *h = ctx;
	(void)a, (void)e;
	str_copy(h->logged_in, sizeof(h->logged_in), uuid);
	str_copy(h->login_by, sizeof(h->login_by), by);
	h->logins++;
	while (h->login_waits)
		poll(NULL, 0, 5);
	return 0;
}

static inline bool struck(void *ctx, const char *uuid)
{
	(void)uuid;
	return ((struct hall *)ctx)->struck;
}

static inline void wake(void *ctx)
{
	((struct hall *)ctx)->wakes++;
}

static inline struct json *health(void *ctx, struct arena *a)
{
	struct json *o = json_object(a);
	(void)ctx;
	json_put_text(o, "cloud", "ready");
	return o;
}

static inline void *serve(void *desk)
{
	desk_run(desk);
	return NULL;
}

static inline void *serve_logins(void *desk)
{
	desk_run_logins(desk);
	return NULL;
}

static inline void *serve_sessions(void *desk)
{
	desk_run_sessions(desk);
	return NULL;
}

static inline const char *logins_path(struct hall *h)
{
	return arena_printf(h->f.a, "%s" WIRE_LOGINS, h->f.settings.socket);
}

static inline struct desk_parts parts_of(struct hall *h)
{
	return (struct desk_parts){ .settings = &h->f.settings,
		.store = h->f.store,
		.evidence = h->evidence,
		.clock = &h->f.clock,
		.plan = plan,
		.hold = hold,
		.logged_in = logged_in,
		.struck = struck,
		.own_key = h->f.own,
		.wake = wake,
		.health = health,
		.ctx = h };
}

static inline int open_hall(void **state)
{
	struct hall *h = mem_alloc(sizeof(*h));
	struct err e = { 0 };
	fixture_open(&h->f);
	/* Other users must reach the socket. */
	assert_int_equal(chmod(unit_folder, 0755), 0);
	h->group = getgrnam("daemon");
	h->f.settings.socket = unit_path(h->f.a, "desk");
	h->f.settings.admin_group = h->group ? h->group->gr_name : NULL;
	assert_int_equal(evidence_open(unit_path(h->f.a, "evidence"), &h->f.clock, &h->evidence, &e), 0);
	h->alice = fixture_person(&h->f, ALICE, "alice", 5001);
	h->bob = fixture_person(&h->f, BOB, "bob", 5002);
	h->account = fixture_account(&h->f, &h->alice, STAGE_ACTIVE);
	const struct desk_parts parts = parts_of(h);
	if (desk_open(&parts, &h->desk, &e))
		fail_msg("%s", e.text);
	void *(*const runs[THREADS])(void *) = { serve, serve, serve_logins, serve_sessions };
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&h->threads[i], NULL, runs[i], h->desk), 0);
	*state = h;
	return 0;
}

static inline int close_hall(void **state)
{
	struct hall *h = *state;
	/* A test that failed lets nobody wait for ever. */
	h->plan_waits = h->hold_waits = h->login_waits = false;
	desk_stop(h->desk);
	for (int i = 0; i < THREADS; i++)
		pthread_join(h->threads[i], NULL);
	desk_close(h->desk);
	assert_int_equal(access(h->f.settings.socket, F_OK), -1);
	assert_int_equal(access(logins_path(h), F_OK), -1);
	evidence_close(h->evidence);
	fixture_close(&h->f);
	free(h);
	return 0;
}

/* --- asking ------------------------------------------------------------------------------------------------- */

/* The kernel remembers who connects as whom, so that this thread only has to be somebody else for a moment. */
static inline int connect_at(const char *path, uid_t uid, gid_t gid, size_t group_count, const gid_t *groups)
{
	uid_t server;
	bool other = uid != geteuid();
	if (other && (syscall(SYS_setgroups, group_count, groups) != 0 || syscall(SYS_setresgid, -1, gid, -1) != 0 ||
			     syscall(SYS_setresuid, -1, uid, -1) != 0))
		fail_msg("uid %u: %s", uid, strerror(errno));
	int fd = wire_connect(path, &server);
	int error = errno;
	if (other && (syscall(SYS_setresuid, -1, 0, -1) != 0 || syscall(SYS_setresgid, -1, 0, -1) != 0 ||
			     syscall(SYS_setgroups, 0, NULL) != 0))
		fail_msg("root: %s", strerror(errno));
	errno = error;
	return fd;
}

static inline int connect_as(struct hall *h, uid_t uid, gid_t gid, size_t group_count, const gid_t *groups)
{
	return connect_at(h->f.settings.socket, uid, gid, group_count, groups);
}

static inline void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

struct answer {
	enum wire_status status;
	char text[WIRE_TEXT_MAX + 1];
	struct json *body;
	unsigned packets;
};

/* -1: no whole answer came. */
static inline int take_answer(struct hall *h, int fd, struct answer *out)
{
	static _Thread_local unsigned char packet[WIRE_ANSWER_MAX];
	struct str body;
	struct wire_in in = { .more = true };
	struct err e = { 0 };
	memset(out, 0, sizeof(*out));
	str_init(&body, h->f.a);
	while (in.more) {
		ssize_t n = wire_receive(fd, packet, sizeof(packet), wire_now_ms() + WAIT_MS);
		if (n <= 0 || !wire_read_answer(WIRE_SHOW, packet, (size_t)n, &in))
			return -1;
		out->packets++;
		str_addn(&body, in.field[WIRE_BODY].at ? in.field[WIRE_BODY].at : "", in.field[WIRE_BODY].len);
	}
	out->status = in.status;
	if (in.status != WIRE_OK)
		snprintf(out->text, sizeof(out->text), "%.*s", (int)in.field[WIRE_TEXT].len, in.field[WIRE_TEXT].at);
	else if (json_parse(h->f.a, body.text, body.len, &out->body, &e))
		fail_msg("%s", e.text);
	/* One answer, and the daemon hangs up. */
	assert_int_equal(wire_receive(fd, packet, sizeof(packet), wire_now_ms() + WAIT_MS), 0);
	return 0;
}

static inline int send_to(int fd, enum wire_action action, const char *name, const char *text)
{
	unsigned char packet[WIRE_REQUEST_MAX];
	struct wire_out o;
	assert_true(fd >= 0);
	wire_request(&o, packet, sizeof(packet), action);
	if (name)
		wire_add_text(&o, WIRE_NAME, name);
	if (text)
		wire_add_text(&o, WIRE_TEXT, text);
	assert_int_equal(wire_send(fd, packet, wire_end(&o)), 0);
	return fd;
}

static inline struct answer ask_all(struct hall *h, int fd, enum wire_action action, const char *name, const char *text)
{
	struct answer answer;
	if (take_answer(h, send_to(fd, action, name, text), &answer))
		fail_msg("no answer");
	close(fd);
	return answer;
}

static inline struct answer ask_on(struct hall *h, int fd, enum wire_action action, const char *name)
{
	return ask_all(h, fd, action, name, NULL);
}

static inline struct answer ask_text(struct hall *h, enum wire_action action, const char *name, const char *text)
{
	return ask_all(h, connect_as(h, geteuid(), getegid(), 0, NULL), action, name, text);
}

static inline struct answer ask(struct hall *h, enum wire_action action, const char *name)
{
	return ask_on(h, connect_as(h, geteuid(), getegid(), 0, NULL), action, name);
}

static inline struct answer ask_as(struct hall *h, uid_t uid, enum wire_action action, const char *name)
{
	return ask_on(h, connect_as(h, uid, 6000, 0, NULL), action, name);
}

static inline void is_refused(const struct answer *a)
{
	assert_int_equal(a->status, WIRE_REFUSED);
	check_has(a->text, "others may ask about themselves");
}

/* Lines of the evidence file with this event. */
static inline size_t evidence_lines(struct hall *h, const char *event)
{
	size_t n, count = 0;
	char *mark = arena_printf(h->f.a, "\"event\":\"%s\"", event);
	char *text = unit_read(h->f.a, unit_path(h->f.a, "evidence"), &n);
	for (char *p = text; (p = strstr(p, mark)); p++)
		count++;
	return count;
}

#define HALL(test) cmocka_unit_test_setup_teardown(test, open_hall, close_hall)

#endif
