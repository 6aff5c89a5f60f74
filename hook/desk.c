/* The sockets: who connects, and who is served when.  One request is desk_serve.c, what is answered desk_requests.c. */
#include "hook/desk.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hook/desk_inside.h"

#define CLIENTS_OF_USERS 48          /* the rest is root's and the admins' */
#define CLIENTS_PER_USER 8
#define ASK_MS 2000                  /* from connecting to having asked */
#define SESSIONS_WAITING 32          /* the other slots are for who asks whether he may come in */
#define BACKLOG 128
#define ACCEPT_AGAIN_MS 100

/* What an epoll event is about: a slot with its serial, or one of the two below. */
#define AT_LISTEN UINT64_MAX
#define AT_STOP (UINT64_MAX - 1)

/* --- opening ---------------------------------------------------------------------------------------------- */

static int find_admin_group(struct desk *d, struct err *e)
{
	const char *name = d->parts.settings->admin_group;
	struct group group, *found = NULL;
	char memory[16384];
	d->admin_gid = (gid_t)-1;
	if (!name || !*name)
		return 0;
	/* The one name-service look-up, before there is anybody to serve. */
	int error = getgrnam_r(name, &group, memory, sizeof(memory), &found);
	if (!found)
		return err_set(e, ERR_INPUT, "admin_group: group \"%s\" %s", name, error ? strerror(error) : "does not exist");
	d->admin_gid = found->gr_gid;
	return 0;
}

/* Somebody's living socket is left alone; what a killed daemon left behind is taken away. */
static int clear_place(const char *path, struct err *e)
{
	struct stat st;
	uid_t server;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_INPUT, "socket \"%s\": %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_INPUT, "socket \"%s\": there is something else in its place", path);
	int fd = wire_connect(path, &server);
	bool alive = fd >= 0 || errno == EAGAIN;
	if (fd >= 0)
		close(fd);
	if (alive)
		return err_set(e, ERR_INPUT, "socket \"%s\": another daemon is listening there", path);
	if (unlink(path) != 0)
		return err_set(e, ERR_INPUT, "socket \"%s\" could not be removed: %s", path, strerror(errno));
	return 0;
}

static int listen_at(struct door *w, const char *path, mode_t mode, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	int rc = clear_place(path, e);
	if (rc)
		return rc;
	memcpy(at.sun_path, path, strlen(path) + 1);
	w->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->listen_fd < 0)
		return err_set(e, ERR_TEMP, "socket: %s", strerror(errno));
	/* Nobody is let in before it listens. */
	if (bind(w->listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(path, mode) != 0 || lstat(path, &st) != 0 ||
		listen(w->listen_fd, BACKLOG) != 0)
		return err_set(e, ERR_INPUT, "socket \"%s\": %s", path, strerror(errno));
	memcpy(w->path, path, strlen(path) + 1);
	w->dev = st.st_dev;
	w->ino = st.st_ino;
	return 0;
}

static int watch(int epoll_fd, int fd, uint32_t events, uint64_t what)
{
	struct epoll_event ev = { .events = events, .data.u64 = what };
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

/* An epoll that is told when all is over. */
static int make_epoll(const struct desk *d)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0 || watch(fd, d->stop_fd, EPOLLIN, AT_STOP) == 0)
		return fd;
	close(fd);
	return -1;
}

static void shut(struct door *w)
{
	w->path[0] = '\0';
	w->listen_fd = w->epoll_fd = w->session_fd = -1;
	for (size_t i = 0; i < CLIENTS; i++)
		w->clients[i].fd = -1;
}

static int open_door(const struct desk *d, struct door *w, const char *path, mode_t mode, struct err *e)
{
	int rc = listen_at(w, path, mode, e);
	if (rc)
		return rc;
	w->epoll_fd = make_epoll(d);
	if (w->epoll_fd < 0 || watch(w->epoll_fd, w->listen_fd, EPOLLIN, AT_LISTEN) != 0)
		return err_set(e, ERR_TEMP, "desk: %s", strerror(errno));
	return 0;
}

static int open_doors(struct desk *d, const char *path, struct err *e)
{
	char logins[WIRE_PATH_MAX + sizeof(WIRE_LOGINS)];
	if (!path || strlen(path) > WIRE_PATH_MAX)
		return err_set(e, ERR_INPUT, "socket: a path of 1 to %u bytes is needed", WIRE_PATH_MAX);
	d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->stop_fd < 0)
		return err_set(e, ERR_TEMP, "desk: %s", strerror(errno));
	/* Everybody may connect: who may ask what is decided by the peer's credentials. */
	int rc = open_door(d, &d->people, path, 0666, e);
	/* Root may all the same, and nobody else can keep it busy. */
	snprintf(logins, sizeof(logins), "%s" WIRE_LOGINS, path);
	if (!rc)
		rc = open_door(d, &d->logins, logins, 0600, e);
	if (!rc && (d->logins.session_fd = make_epoll(d)) < 0)
		rc = err_set(e, ERR_TEMP, "desk: %s", strerror(errno));
	return rc;
}

int desk_open(const struct desk_parts *parts, struct desk **out, struct err *e)
{
	struct desk *d = mem_alloc(sizeof(*d));
	d->parts = *parts;
	d->stop_fd = -1;
	pthread_mutex_init(&d->lock, NULL);
	shut(&d->people);
	shut(&d->logins);
	int rc = find_admin_group(d, e);
	if (!rc)
		rc = open_doors(d, parts->settings->socket, e);
	if (rc) {
		desk_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void desk_stop(struct desk *d)
{
	const uint64_t one = 1;
	/* Nobody reads it: every thread sees it, and the next one too. */
	if (write(d->stop_fd, &one, sizeof(one)) < 0)
		return;
}

static void remove_socket(const struct door *w)
{
	struct stat st;
	if (*w->path && lstat(w->path, &st) == 0 && st.st_dev == w->dev && st.st_ino == w->ino)
		unlink(w->path);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_door(struct door *w)
{
	remove_socket(w);
	for (size_t i = 0; i < CLIENTS; i++)
		close_fd(w->clients[i].fd);
	close_fd(w->listen_fd);
	close_fd(w->epoll_fd);
	close_fd(w->session_fd);
}

void desk_close(struct desk *d)
{
	if (!d)
		return;
	close_door(&d->people);
	close_door(&d->logins);
	close_fd(d->stop_fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* --- who asks --------------------------------------------------------------------------------------------- */

static bool is_in_group(int fd, const struct ucred *peer, gid_t gid)
{
	socklen_t size = 0;
	if (gid == (gid_t)-1)
		return false;
	if (peer->gid == gid)
		return true;
	/* The first call tells the size. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return false;
	AUTO_FREE gid_t *groups = mem_alloc(size);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

static bool know_asker(const struct desk *d, const struct door *w, int fd, struct asker *out)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof(peer))
		return false;
	*out = (struct asker){ .uid = peer.uid,
		.pid = peer.pid,
		.admin = peer.uid == 0 || is_in_group(fd, &peer, d->admin_gid),
		.logins_only = w == &d->logins };
	return true;
}

/* --- clients ---------------------------------------------------------------------------------------------- */

/* A free slot, if this user may have one more. */
static struct client *slot_for(struct door *w, const struct asker *asker)
{
	struct client *free_one = NULL;
	unsigned his = 0, users = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &w->clients[i];
		if (c->fd < 0)
			free_one = c;
		else if (!c->asker.admin)
			users++;
		if (c->fd >= 0 && c->asker.uid == asker->uid)
			his++;
	}
	bool full = !asker->admin && (his >= CLIENTS_PER_USER || users >= CLIENTS_OF_USERS);
	return full ? NULL : free_one;
}

static void take_in(struct desk *d, struct door *w)
{
	struct asker asker;
	AUTO_FD int fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	/* Out of descriptors: the client stays in the queue, and must not keep us spinning. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		poll(NULL, 0, ACCEPT_AGAIN_MS);
	if (fd < 0 || !know_asker(d, w, fd, &asker))
		return;
	pthread_mutex_lock(&d->lock);
	struct client *c = slot_for(w, &asker);
	if (c) {
		*c = (struct client){ .fd = fd, .asker = asker, .until = wire_now_ms() + ASK_MS, .serial = ++w->serial };
		fd = -1;
		uint64_t what = (uint64_t)c->serial << 32 | (uint64_t)(c - w->clients);
		if (watch(w->epoll_fd, c->fd, EPOLLIN | EPOLLONESHOT, what) != 0) {
			close(c->fd);
			c->fd = -1;
		}
	}
	pthread_mutex_unlock(&d->lock);
	if (!c)
		desk_say(fd, WIRE_BUSY, "too many requests at once: ask again");
}

/* Close who has not asked in time.  Returns for how long nobody will have to be closed, -1 = nobody is here. */
static int expire(struct desk *d, struct door *w)
{
	int64_t now = wire_now_ms(), next = INT64_MAX;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &w->clients[i];
		if (c->fd < 0 || c->in_hand)
			continue;
		if (c->until <= now) {
			close(c->fd);
			c->fd = -1;
		} else if (c->until < next) {
			next = c->until;
		}
	}
	pthread_mutex_unlock(&d->lock);
	return next == INT64_MAX ? -1 : (int)(next - now);
}

static struct client *take_hand(struct desk *d, struct door *w, uint64_t what, struct client *copy)
{
	struct client *c = &w->clients[what & 0xffffffffu];
	pthread_mutex_lock(&d->lock);
	bool mine = c->fd >= 0 && !c->in_hand && c->serial == what >> 32;
	if (mine) {
		c->in_hand = true;
		*copy = *c;
	}
	pthread_mutex_unlock(&d->lock);
	return mine ? c : NULL;
}

static void let_go(struct desk *d, struct client *c)
{
	pthread_mutex_lock(&d->lock);
	close(c->fd);
	c->fd = -1;
	c->in_hand = false;
	pthread_mutex_unlock(&d->lock);
}

/* A session may have to wait for the roll. */
static bool opens_session(int fd)
{
	unsigned char head[2];
	return recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT) == (ssize_t)sizeof(head) && head[1] == WIRE_SESSION_OPEN;
}

/* To the thread of sessions.  False: too many wait for it. */
static bool hand_on(struct desk *d, struct door *w, struct client *c, uint64_t what)
{
	unsigned waiting = 0;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < CLIENTS; i++)
		waiting += w->clients[i].fd >= 0 && w->clients[i].waits;
	bool handed = waiting < SESSIONS_WAITING && watch(w->session_fd, c->fd, EPOLLIN | EPOLLONESHOT, what) == 0;
	if (handed) {
		c->waits = true;
		c->in_hand = false;
	}
	pthread_mutex_unlock(&d->lock);
	return handed;
}

static void serve(struct desk *d, struct door *w, uint64_t what)
{
	AUTO_FREE unsigned char *packet = mem_alloc(WIRE_REQUEST_MAX + 1);
	struct client copy, *c = take_hand(d, w, what, &copy);
	if (!c)
		return;
	if (w->session_fd >= 0 && !copy.waits && opens_session(copy.fd)) {
		if (hand_on(d, w, c, what))
			return;
		desk_say(copy.fd, WIRE_BUSY, "too many sessions are being opened at once");
		let_go(d, c);
		return;
	}
	/* Without room for control data, descriptors that somebody sends along are closed by the kernel. */
	ssize_t n = recv(copy.fd, packet, WIRE_REQUEST_MAX + 1, MSG_DONTWAIT);
	if (n > 0)
		desk_serve(d, copy.fd, &copy.asker, packet, (size_t)n);
	let_go(d, c);
}

static void run(struct desk *d, struct door *w, int epoll_fd)
{
	for (;;) {
		struct epoll_event ev;
		int n = epoll_wait(epoll_fd, &ev, 1, expire(d, w));
		if (n <= 0)
			continue;
		if (ev.data.u64 == AT_STOP)
			return;
		if (ev.data.u64 == AT_LISTEN)
			take_in(d, w);
		else
			serve(d, w, ev.data.u64);
	}
}

void desk_run(struct desk *d)
{
	run(d, &d->people, d->people.epoll_fd);
}

void desk_run_logins(struct desk *d)
{
	run(d, &d->logins, d->logins.epoll_fd);
}

void desk_run_sessions(struct desk *d)
{
	run(d, &d->logins, d->logins.session_fd);
}
