/* The socket: who connects, and who is served when.  One request is desk_serve.c, what is answered desk_requests.c. */
#include "hook/desk.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hook/desk_inside.h"

#define CLIENTS_OF_USERS 48          /* the rest is root's and the admins': a login must not wait for a prankster */
#define CLIENTS_PER_USER 8
#define ASK_MS 2000                  /* from connecting to having asked */
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

static int listen_at(struct desk *d, const char *path, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	if (!path || strlen(path) >= sizeof(at.sun_path))
		return err_set(e, ERR_INPUT, "socket: a path of 1 to %zu bytes is needed", sizeof(at.sun_path) - 1);
	int rc = clear_place(path, e);
	if (rc)
		return rc;
	memcpy(at.sun_path, path, strlen(path) + 1);
	d->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->listen_fd < 0)
		return err_set(e, ERR_TEMP, "socket: %s", strerror(errno));
	/* Everybody may connect: who may ask what is decided by the peer's credentials. */
	if (bind(d->listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 || chmod(path, 0666) != 0 || lstat(path, &st) != 0 ||
		listen(d->listen_fd, BACKLOG) != 0)
		return err_set(e, ERR_INPUT, "socket \"%s\": %s", path, strerror(errno));
	d->socket_dev = st.st_dev;
	d->socket_ino = st.st_ino;
	return 0;
}

static int watch(const struct desk *d, int fd, uint32_t events, uint64_t what, int op)
{
	struct epoll_event ev = { .events = events, .data.u64 = what };
	return epoll_ctl(d->epoll_fd, op, fd, &ev);
}

int desk_open(const struct desk_parts *parts, struct desk **out, struct err *e)
{
	struct desk *d = mem_alloc(sizeof(*d));
	d->parts = *parts;
	d->listen_fd = d->stop_fd = d->epoll_fd = -1;
	pthread_mutex_init(&d->lock, NULL);
	for (size_t i = 0; i < CLIENTS; i++)
		d->clients[i].fd = -1;
	int rc = find_admin_group(d, e);
	if (!rc)
		rc = listen_at(d, parts->settings->socket, e);
	if (!rc) {
		d->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		if (d->stop_fd < 0 || d->epoll_fd < 0 || watch(d, d->listen_fd, EPOLLIN, AT_LISTEN, EPOLL_CTL_ADD) != 0 ||
			watch(d, d->stop_fd, EPOLLIN, AT_STOP, EPOLL_CTL_ADD) != 0)
			rc = err_set(e, ERR_TEMP, "desk: %s", strerror(errno));
	}
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

static void remove_socket(const struct desk *d)
{
	struct stat st;
	const char *path = d->parts.settings->socket;
	if (d->socket_ino && lstat(path, &st) == 0 && st.st_dev == d->socket_dev && st.st_ino == d->socket_ino)
		unlink(path);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void desk_close(struct desk *d)
{
	if (!d)
		return;
	remove_socket(d);
	for (size_t i = 0; i < CLIENTS; i++)
		close_fd(d->clients[i].fd);
	close_fd(d->listen_fd);
	close_fd(d->stop_fd);
	close_fd(d->epoll_fd);
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

static bool know_asker(const struct desk *d, int fd, struct asker *out)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || size != sizeof(peer))
		return false;
	*out = (struct asker){ .uid = peer.uid,
		.pid = peer.pid,
		.admin = peer.uid == 0 || is_in_group(fd, &peer, d->admin_gid) };
	return true;
}

/* --- clients ---------------------------------------------------------------------------------------------- */

/* A free slot, if this user may have one more. */
static struct client *slot_for(struct desk *d, const struct asker *asker)
{
	struct client *free_one = NULL;
	unsigned his = 0, users = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &d->clients[i];
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

static void take_in(struct desk *d)
{
	struct asker asker;
	AUTO_FD int fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	/* Out of descriptors: the client stays in the queue, and must not keep us spinning. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		poll(NULL, 0, ACCEPT_AGAIN_MS);
	if (fd < 0 || !know_asker(d, fd, &asker))
		return;
	pthread_mutex_lock(&d->lock);
	struct client *c = slot_for(d, &asker);
	if (c) {
		*c = (struct client){ .fd = fd, .asker = asker, .until = wire_now_ms() + ASK_MS, .serial = ++d->serial };
		fd = -1;
		uint64_t what = (uint64_t)c->serial << 32 | (uint64_t)(c - d->clients);
		if (watch(d, c->fd, EPOLLIN | EPOLLONESHOT, what, EPOLL_CTL_ADD) != 0) {
			close(c->fd);
			c->fd = -1;
		}
	}
	pthread_mutex_unlock(&d->lock);
	if (!c)
		desk_say(fd, WIRE_BUSY, "too many requests at once: ask again");
}

/* Close who has not asked in time.  Returns for how long nobody will have to be closed, -1 = nobody is here. */
static int expire(struct desk *d)
{
	int64_t now = wire_now_ms(), next = INT64_MAX;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &d->clients[i];
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

static struct client *take_hand(struct desk *d, uint64_t what, struct client *copy)
{
	struct client *c = &d->clients[what & 0xffffffffu];
	pthread_mutex_lock(&d->lock);
	bool mine = c->fd >= 0 && !c->in_hand && c->serial == what >> 32;
	if (mine) {
		c->in_hand = true;
		*copy = *c;
	}
	pthread_mutex_unlock(&d->lock);
	return mine ? c : NULL;
}

static void serve(struct desk *d, uint64_t what)
{
	AUTO_FREE unsigned char *packet = mem_alloc(WIRE_REQUEST_MAX + 1);
	struct client copy, *c = take_hand(d, what, &copy);
	if (!c)
		return;
	/* Without room for control data, descriptors that somebody sends along are closed by the kernel. */
	ssize_t n = recv(copy.fd, packet, WIRE_REQUEST_MAX + 1, MSG_DONTWAIT);
	if (n > 0)
		desk_serve(d, copy.fd, &copy.asker, packet, (size_t)n);
	pthread_mutex_lock(&d->lock);
	close(c->fd);
	c->fd = -1;
	c->in_hand = false;
	pthread_mutex_unlock(&d->lock);
}

void desk_run(struct desk *d)
{
	for (;;) {
		struct epoll_event ev;
		int n = epoll_wait(d->epoll_fd, &ev, 1, expire(d));
		if (n <= 0)
			continue;
		if (ev.data.u64 == AT_STOP)
			return;
		if (ev.data.u64 == AT_LISTEN)
			take_in(d);
		else
			serve(d, ev.data.u64);
	}
}
