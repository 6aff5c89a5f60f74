/* The one exchange with the daemon, and the one file that says who is local. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/pam/pam_inside.h"

#define PASSWD "/etc/passwd"
#define ASK_MAX 1024               /* two names and a word, and little of somebody else's stack */

bool local_uid(const char *user, uid_t *out)
{
	char line[1024], *end;
	size_t n = strlen(user);
	bool found = false, whole = true;
	FILE *f = fopen(PASSWD, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		bool begins = whole;
		whole = strchr(line, '\n') != NULL;
		/* name:password:uid:... */
		const char *uid = begins && !strncmp(line, user, n) && line[n] == ':' ? strchr(line + n + 1, ':') : NULL;
		if (!uid)
			continue;
		unsigned long id = strtoul(uid + 1, &end, 10);
		found = end != uid + 1 && *end == ':';
		*out = (uid_t)id;
	}
	if (f)
		fclose(f);
	return found;
}

bool is_the_daemon(const struct options *o, uid_t uid)
{
	char *end;
	uid_t wanted;
	if (uid == 0)
		return true;
	unsigned long n = strtoul(o->daemon, &end, 10);
	if (*o->daemon && !*end)
		return n == uid;
	return local_uid(o->daemon, &wanted) && wanted == uid;
}

static const char *no_connection(int error)
{
	switch (error) {
	case ENOENT:
		return "its socket is not there";
	case ECONNREFUSED:
		return "nobody listens at its socket";
	case EAGAIN:
		return "its queue is full";
	case EACCES:
		return "its socket may not be used";
	default:
		return "it cannot be reached";
	}
}

/* Root's own socket, which users cannot keep busy.  A caller that may not use it, since it runs as the person himself, asks where
 * he may. */
static int connect_to(const struct options *o, uid_t *listener)
{
	char path[WIRE_PATH_MAX + sizeof(WIRE_LOGINS)];
	int n = snprintf(path, sizeof(path), "%s" WIRE_LOGINS, o->socket);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = wire_connect(path, listener);
	return fd < 0 && errno == EACCES ? wire_connect(o->socket, listener) : fd;
}

/* NULL, or why there is no answer. */
static const char *exchange(int fd, enum wire_action action, const void *request, size_t n, int64_t deadline_ms, struct reply *r)
{
	/* A daemon that turned us away at once has answered all the same. */
	if (wire_send(fd, request, n) != 0 && errno != EPIPE)
		return "it takes no request";
	ssize_t got = wire_receive(fd, r->packet, sizeof(r->packet), deadline_ms);
	if (got < 0)
		return errno == ETIMEDOUT ? "no answer in time" : errno == EMSGSIZE ? "its answer is too long" : "it hung up";
	if (got == 0)
		return "it closed without an answer";
	if (!wire_read_answer(action, r->packet, (size_t)got, &r->in))
		return "its answer is not of this protocol";
	r->status = r->in.status;
	return NULL;
}

void ask(const struct options *o, enum wire_action action, const char *user, const char *service, int64_t deadline_ms,
	struct reply *r)
{
	unsigned char request[ASK_MAX];
	struct wire_out out;
	uid_t listener;
	r->status = WIRE_FAILED;
	r->why = NULL;
	wire_request(&out, request, sizeof(request), action);
	wire_add_text(&out, WIRE_NAME, user);
	if (service && *service)
		wire_add_text(&out, WIRE_SERVICE, service);
	if (action == WIRE_SESSION_OPEN && o->deliver != DELIVER_NONE)
		wire_add_text(&out, WIRE_DELIVER, "key");
	size_t n = wire_end(&out);
	int fd = n ? connect_to(o, &listener) : -1;
	if (fd < 0) {
		r->why = n ? no_connection(errno) : "the name is too long";
		return;
	}
	r->why = is_the_daemon(o, listener) ? exchange(fd, action, request, n, deadline_ms, r)
					     : "somebody else listens at its socket";
	close(fd);
}
