/* A daemon that answers as a test wants it to, and the module, called by its functions with a real handle of libpam. */
#ifndef ROLLCALL_TESTS_UNIT_PAM_LISTENER_H
#define ROLLCALL_TESTS_UNIT_PAM_LISTENER_H

#include "../common/unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/mem.h"
#include "hook/wire.h"

#define PERSON "roll-alice"        /* nobody of this machine */
#define PERSON_UID 5001

/* --- the daemon ------------------------------------------------------------------------------------------------- */

enum manner { ANSWERS, HANGS_UP, DIES_AFTER_READING, SAYS_NOTHING, ACCEPTS_NOBODY };
struct script {
	enum manner manner;
	enum wire_status status;
	const char *verdict, *text, *uid, *env_id, *secret_id, *secret_key, *region;
	const char *raw;                   /* this packet instead */
	size_t raw_len;
};
struct listener {
	char *path;
	const char *name;                  /* of the socket; NULL: root's */
	int fd, stop[2];
	uid_t uid;                         /* listens as this user */
	pthread_t thread;
	struct script script;
	atomic_int asked;
	unsigned char action;              /* of the last request */
	bool wants_key;
};

static inline void put(struct wire_out *o, enum wire_field f, const char *text)
{
	if (text)
		wire_add_text(o, f, text);
}

static inline size_t compose(const struct script *s, unsigned action, unsigned char *packet, size_t room)
{
	struct wire_out o;
	wire_answer(&o, packet, room, s->status, false);
	if (s->status != WIRE_OK) {
		put(&o, WIRE_TEXT, s->text ? s->text : "no");
		return wire_end(&o);
	}
	put(&o, WIRE_VERDICT, s->verdict);
	put(&o, WIRE_TEXT, s->text);
	put(&o, WIRE_UID, s->uid);
	if (action == WIRE_SESSION_OPEN) {
		put(&o, WIRE_ENV_ID, s->env_id);
		put(&o, WIRE_SECRET_ID, s->secret_id);
		put(&o, WIRE_SECRET_KEY, s->secret_key);
		put(&o, WIRE_REGION, s->region);
	}
	return wire_end(&o);
}

static inline void serve_one(struct listener *l, int fd)
{
	unsigned char packet[8192];
	struct wire_in in;
	const char *why;
	if (l->script.manner == HANGS_UP)
		return;
	if (l->script.manner == SAYS_NOTHING) {
		struct pollfd p[2] = { { .fd = l->stop[0], .events = POLLIN }, { .fd = fd, .events = POLLRDHUP } };
		poll(p, 2, 10000);
		return;
	}
	ssize_t n = wire_receive(fd, packet, sizeof(packet), wire_now_ms() + 5000);
	if (n <= 0 || wire_read_request(packet, (size_t)n, &in, &why) != WIRE_OK)
		return;
	l->action = (unsigned char)in.rule->action;
	l->wants_key = in.field[WIRE_DELIVER].at != NULL;
	l->asked++;
	if (l->script.manner == DIES_AFTER_READING)
		return;
	if (l->script.raw)
		wire_send(fd, l->script.raw, l->script.raw_len);
	else
		wire_send(fd, packet, compose(&l->script, l->action, packet, sizeof(packet)));
}

static inline void *listener_run(void *ctx)
{
	struct listener *l = ctx;
	for (;;) {
		struct pollfd p[2] = { { .fd = l->stop[0], .events = POLLIN },
			{ .fd = l->script.manner == ACCEPTS_NOBODY ? -1 : l->fd, .events = POLLIN } };
		if (poll(p, 2, 10000) < 0 && errno == EINTR)
			continue;
		if (p[0].revents)
			return NULL;
		int fd = p[1].revents ? accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
		if (fd < 0)
			continue;
		serve_one(l, fd);
		close(fd);
	}
}

static inline void listener_open(struct listener *l, struct arena *a, const struct script *s, int backlog)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	uid_t uid = l->uid;
	const char *name = l->name ? l->name : "desk" WIRE_LOGINS;
	*l = (struct listener){ .path = unit_path(a, name), .script = *s, .uid = uid };
	assert_true(strlen(l->path) < sizeof(at.sun_path));
	memcpy(at.sun_path, l->path, strlen(l->path) + 1);
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(l->fd >= 0 && pipe2(l->stop, O_CLOEXEC) == 0);
	unlink(l->path);
	assert_int_equal(bind(l->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(chmod(l->path, 0666), 0);
	/* The kernel remembers as whom a socket began to listen. */
	assert_int_equal(uid ? syscall(SYS_setresuid, -1, uid, -1) : 0, 0);
	assert_int_equal(listen(l->fd, backlog), 0);
	assert_int_equal(uid ? syscall(SYS_setresuid, -1, 0, -1) : 0, 0);
	assert_int_equal(pthread_create(&l->thread, NULL, listener_run, l), 0);
}

static inline void listener_close(struct listener *l)
{
	close(l->stop[1]);
	pthread_join(l->thread, NULL);
	close(l->stop[0]);
	close(l->fd);
	unlink(l->path);
}

/* --- the module -------------------------------------------------------------------------------------------------- */

typedef int module_call(pam_handle_t *, int, int, const char **);
struct module { void *so; module_call *account, *open, *close, *authenticate, *setcred, *chauthtok; };

/* It stands beside the build that this program belongs to. */
static inline const char *module_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	assert_true(n > 0);
	path[n] = '\0';
	char *fp = strstr(path, "/fp/tests/");
	assert_non_null(fp);
	strcpy(fp, "/pam_rollcall.so");
	return path;
}

static inline module_call *function(void *so, const char *name)
{
	module_call *f;
	void *p = dlsym(so, name);
	assert_non_null(p);
	memcpy(&f, &p, sizeof(f));
	return f;
}

static inline struct module module_open(void)
{
	struct module m = { .so = dlopen(module_path(), RTLD_NOW | RTLD_LOCAL) };
	if (!m.so)
		fail_msg("%s", dlerror());
	m.account = function(m.so, "pam_sm_acct_mgmt");
	m.open = function(m.so, "pam_sm_open_session");
	m.close = function(m.so, "pam_sm_close_session");
	m.authenticate = function(m.so, "pam_sm_authenticate");
	m.setcred = function(m.so, "pam_sm_setcred");
	m.chauthtok = function(m.so, "pam_sm_chauthtok");
	return m;
}

/* --- one login ----------------------------------------------------------------------------------------------------- */

struct heard { char text[1200]; int lines; };

static inline int hear(int n, const struct pam_message **messages, struct pam_response **out, void *ctx)
{
	struct heard *h = ctx;
	*out = calloc((size_t)n, sizeof(**out));
	for (int i = 0; i < n; i++) {
		h->lines++;
		snprintf(h->text, sizeof(h->text), "%s", messages[i]->msg);
	}
	return PAM_SUCCESS;
}

static inline pam_handle_t *login_begin(struct arena *a, const char *user, struct heard *h)
{
	pam_handle_t *pamh = NULL;
	struct pam_conv conv = { hear, h };
	char *file = unit_path(a, "pam.d/rollcall-test");
	mkdir(unit_path(a, "pam.d"), 0755);
	FILE *f = fopen(file, "we");
	assert_non_null(f);
	fputs("account required pam_permit.so\nsession required pam_permit.so\n", f);
	fclose(f);
	memset(h, 0, sizeof(*h));
	assert_int_equal(pam_start_confdir("rollcall-test", user, &conv, unit_path(a, "pam.d"), &pamh), PAM_SUCCESS);
	return pamh;
}

#endif
