/* A file of one person, DIR/UID/cloud.env, 0600 and his own.  The directory DIR/UID belongs to the daemon, which may so take
 * the file away at once when he leaves; beside it stands `logins`, root's, a line for each open login: its process and when that
 * began.  Whoever opens or ends a login holds its lock.  No link is followed, and nothing is opened by a path of more than
 * one part. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hook/pam/pam_inside.h"

#define FILE_NAME "cloud.env"
#define NEW_NAME "cloud.env.new"
#define LOGINS_NAME "logins"
#define LOGINS_MAX 1024u
#define UID_DIGITS 16

const struct variable variables[] = {
	{ WIRE_ENV_ID, "CLOUDBASE_ENV_ID" },
	{ WIRE_SECRET_ID, "TENCENTCLOUD_SECRETID" },
	{ WIRE_SECRET_KEY, "TENCENTCLOUD_SECRETKEY" },
	{ WIRE_REGION, "TCB_REGION" },
	{ WIRE_SERVER, "ROLLCALL_SERVER" },
	{ WIRE_FIELD_COUNT, NULL },
};

bool is_plain(const struct wire_value *v)
{
	for (size_t i = 0; i < v->len; i++) {
		char c = v->at[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!word && !strchr("-._:/+=@,", c))
			return false;
	}
	return v->at && v->len > 0;
}

/* --- directories ------------------------------------------------------------------------------------------- */

static int give_up(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

/* DIR, and whose it is. */
static int open_base(const struct options *o, uid_t *daemon)
{
	struct stat st;
	int fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return give_up(fd);
	*daemon = st.st_uid;
	return is_the_daemon(o, st.st_uid) && !(st.st_mode & (S_IWGRP | S_IWOTH)) ? fd : give_up(fd);
}

/* DIR/UID; made when `make`. */
static int open_dir(const struct options *o, uid_t person, bool make)
{
	char name[UID_DIGITS];
	struct stat st;
	uid_t daemon;
	int base = open_base(o, &daemon);
	if (base < 0)
		return -1;
	snprintf(name, sizeof(name), "%u", (unsigned)person);
	if (make)
		mkdirat(base, name, 0711);
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close(base);
	if (fd < 0 || fstat(fd, &st) != 0)
		return give_up(fd);
	/* Root's: just made, here or by a login at the same moment, or by one that died over it. */
	if (make && st.st_uid == 0 && (fchown(fd, daemon, (gid_t)-1) != 0 || fchmod(fd, 0711) != 0 || fstat(fd, &st) != 0))
		return give_up(fd);
	return st.st_uid == daemon && !(st.st_mode & (S_IWGRP | S_IWOTH)) ? fd : give_up(fd);
}

/* --- who is logged in --------------------------------------------------------------------------------------- */

struct login { long pid; unsigned long long began; };
struct logins { size_t count; struct login at[LOGINS_MAX]; };

/* When that process began, in ticks since the machine did; 0: there is none.  (proc(5), stat, field 22; the second field may
 * hold anything and ends with the last parenthesis.) */
static unsigned long long began(long pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at + 1, ' ');
	}
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

/* Locked.  -1: not ours to use, or locked by somebody else all the time. */
static int open_logins(int dir, bool make, int64_t deadline_ms)
{
	struct stat st;
	int fd = openat(dir, LOGINS_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (make ? O_CREAT : 0), 0600);
	if (fd < 0 || fstat(fd, &st) != 0)
		return give_up(fd);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 || (st.st_mode & 077))
		return give_up(fd);
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		const struct timespec nap = { .tv_nsec = 5000000 };
		if ((errno != EWOULDBLOCK && errno != EINTR) || wire_now_ms() >= deadline_ms)
			return give_up(fd);
		nanosleep(&nap, NULL);
	}
	return fd;
}

/* Those who live. */
static void read_logins(int fd, struct logins *l)
{
	char text[LOGINS_MAX * 32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	l->count = 0;
	char *end = text;
	for (const char *at = text; *at && l->count < LOGINS_MAX; at = *end == '\n' ? end + 1 : end) {
		struct login one = { .pid = strtol(at, &end, 10) };
		if (end == at || *end != ' ')
			return;
		one.began = strtoull(end, &end, 10);
		if (one.pid > 0 && one.began && began(one.pid) == one.began)
			l->at[l->count++] = one;
		if (*end != '\n')
			return;
	}
}

/* One login of this process is over; it may have others. */
static void drop_own(struct logins *l)
{
	for (size_t i = l->count; i > 0; i--)
		if (l->at[i - 1].pid == (long)getpid()) {
			l->at[i - 1] = l->at[--l->count];
			return;
		}
}

static bool write_logins(int fd, const struct logins *l)
{
	char text[LOGINS_MAX * 32];
	size_t n = 0;
	for (size_t i = 0; i < l->count && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%ld %llu\n", l->at[i].pid, l->at[i].began);
	return n < sizeof(text) && ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n;
}

/* --- the file ----------------------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *at, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

static size_t compose(const struct reply *r, char *text, size_t room)
{
	size_t n = 0;
	for (const struct variable *v = variables; v->name; v++) {
		const struct wire_value *value = &r->in.field[v->field];
		if (is_plain(value) && n < room)
			n += (size_t)snprintf(text + n, room - n, "%s=%.*s\n", v->name, (int)value->len, value->at);
	}
	return n < room ? n : 0;
}

static bool write_file(int dir, uid_t person, const struct reply *r)
{
	char text[4096];
	size_t n = compose(r, text, sizeof(text));
	unlinkat(dir, NEW_NAME, 0);
	int fd = n ? openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
	/* It becomes his only when it is whole. */
	bool done = fd >= 0 && fchmod(fd, 0600) == 0 && write_all(fd, text, n) && fchown(fd, person, (gid_t)-1) == 0;
	explicit_bzero(text, sizeof(text));
	if (fd >= 0 && close(fd) != 0)
		done = false;
	done = done && renameat(dir, NEW_NAME, dir, FILE_NAME) == 0;
	if (!done && fd >= 0)
		unlinkat(dir, NEW_NAME, 0);
	return done;
}

bool read_uid(const struct wire_value *v, uid_t *out)
{
	unsigned long long uid = 0;
	for (size_t i = 0; i < v->len; i++) {
		if (v->at[i] < '0' || v->at[i] > '9' || i >= 10)
			return false;
		uid = uid * 10 + (unsigned)(v->at[i] - '0');
	}
	*out = (uid_t)uid;
	return v->len > 0 && uid < 0xfffffffeULL;
}

static bool read_person(const struct wire_value *v, uid_t *out)
{
	return read_uid(v, out) && *out >= FIRST_PERSON_UID;
}

const char *file_open(const struct options *o, const struct reply *r, int64_t deadline_ms, char *path, size_t room)
{
	struct logins logins;
	uid_t person;
	const char *wrong = NULL;
	if (geteuid() != 0)
		return "only root can hand over a file";
	if (!read_person(&r->in.field[WIRE_UID], &person))
		return "his uidNumber is not known";
	int dir = open_dir(o, person, true);
	if (dir < 0)
		return "his directory cannot be used";
	int fd = open_logins(dir, true, deadline_ms);
	if (fd < 0) {
		close(dir);
		return "the list of his logins cannot be used";
	}
	read_logins(fd, &logins);
	if (logins.count == LOGINS_MAX)
		wrong = "he has too many logins";
	else
		logins.at[logins.count++] = (struct login){ (long)getpid(), began((long)getpid()) };
	if (!wrong && (!write_logins(fd, &logins) || !write_file(dir, person, r)))
		wrong = "the file cannot be written";
	close(fd);
	close(dir);
	if (!wrong)
		snprintf(path, room, "%s/%u/" FILE_NAME, o->dir, (unsigned)person);
	return wrong;
}

/* The path is ours by its form only; whoever names another person's finds it held by his logins. */
static bool is_delivered(const struct options *o, const char *path, uid_t *person)
{
	size_t n = strlen(o->dir);
	if (strncmp(path, o->dir, n) != 0 || path[n] != '/')
		return false;
	const char *uid = path + n + 1, *end = strchr(uid, '/');
	return end && !strcmp(end + 1, FILE_NAME) && read_person(&(struct wire_value){ uid, (size_t)(end - uid) }, person);
}

const char *file_close(const struct options *o, const char *path, int64_t deadline_ms)
{
	struct logins logins;
	uid_t person;
	if (geteuid() != 0 || !is_delivered(o, path, &person))
		return "it is no file of ours";
	int dir = open_dir(o, person, false);
	if (dir < 0)
		return errno == ENOENT ? NULL : "his directory cannot be used";
	int fd = open_logins(dir, false, deadline_ms);
	if (fd < 0) {
		close(dir);
		return "the list of his logins cannot be used";
	}
	read_logins(fd, &logins);
	drop_own(&logins);
	bool gone = logins.count > 0 || unlinkat(dir, FILE_NAME, 0) == 0 || errno == ENOENT;
	bool written = write_logins(fd, &logins);
	close(fd);
	close(dir);
	return gone && written ? NULL : "the file cannot be taken away";
}
