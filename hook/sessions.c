#include "hook/sessions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/str.h"
#include "policies/stage.h"

#define FIRST_PERSON_UID 1000
#define FILE_NAME "cloud.env"
#define NEW_NAME FILE_NAME ".new"     /* not yet in place */
#define KICK_NAME "kick"
#define SERVING (1u << STAGE_ACTIVE)

static int open_run(const struct settings *s)
{
	char path[256];
	const char *slash = s->socket ? strrchr(s->socket, '/') : NULL;
	if (!slash || slash == s->socket || (size_t)(slash - s->socket) >= sizeof(path))
		return -1;
	str_copy(path, sizeof(path), s->socket);
	path[slash - s->socket] = '\0';
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* True when there was one, and it is gone. */
static bool take_away(int run, const char *uid)
{
	bool gone = false;
	int dir = openat(run, uid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return false;
	unlinkat(dir, NEW_NAME, 0);
	if (unlinkat(dir, FILE_NAME, 0) == 0)
		gone = true;
	else if (errno != ENOENT)
		log_event(LOG_ERROR_LEVEL, "login", NULL, "the file delivered to uid %s cannot be taken away: %s", uid, strerror(errno));
	close(dir);
	return gone;
}

/* The folder is ours alone: what stands in it was put there by this daemon. */
static void ask_to_kick(int run, const char *uid)
{
	if (mkdirat(run, KICK_NAME, 0700) != 0 && errno != EEXIST)
		return;
	int dir = openat(run, KICK_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, uid, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		log_event(LOG_ERROR_LEVEL, "login", NULL, "nobody can be asked to end the sessions of uid %s: %s", uid, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

/* RUN, and his uid in digits; -1: he has no number that could be somebody's here. */
static int open_run_of(const struct settings *s, const struct store_person *p, char uid[24])
{
	snprintf(uid, 24, "%" PRId64, p->uid_number);
	return p->uid_number < FIRST_PERSON_UID ? -1 : open_run(s);
}

void sessions_end(const struct settings *s, const struct store_person *p)
{
	char uid[24];
	int run = open_run_of(s, p, uid);
	if (run < 0)
		return;
	if (take_away(run, uid))
		log_event(LOG_INFO_LEVEL, "login", p->login, "the file delivered to his login is taken away");
	if (s->login.kick)
		ask_to_kick(run, uid);
	close(run);
}

void sessions_stay(const struct settings *s, const struct store_person *p)
{
	char uid[24];
	int run = open_run_of(s, p, uid), dir = run < 0 ? -1 : openat(run, KICK_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0) {
		unlinkat(dir, uid, 0);
		close(dir);
	}
	if (run >= 0)
		close(run);
}

static bool is_uid(const char *name, int64_t *out)
{
	char *end;
	*out = strtoll(name, &end, 10);
	return *name >= '1' && *name <= '9' && !*end && *out >= FIRST_PERSON_UID;
}

void sessions_sweep(const struct settings *s, struct store *store)
{
	struct err e;
	int run = open_run(s);
	DIR *d = run < 0 ? NULL : fdopendir(run);
	if (!d) {
		if (run >= 0)
			close(run);
		return;
	}
	for (const struct dirent *one; (one = readdir(d));) {
		int64_t uid;
		bool serves = true;
		if (!is_uid(one->d_name, &uid))
			continue;
		if (store_uid_in_stage(store, uid, SERVING, &serves, &e))
			log_err(LOG_ERROR_LEVEL, "login", NULL, &e);
		else if (!serves && take_away(run, one->d_name))
			log_event(LOG_INFO_LEVEL, "login", NULL, "the file delivered to uid %s is taken away", one->d_name);
	}
	closedir(d);
}
