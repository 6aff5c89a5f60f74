/* What the files of the PAM module share.  The module links libpam and libc only, and holds hook/wire.c.  It runs inside
 * other programs, some of them setuid or with threads: it keeps nothing between calls, allocates nothing, reads no
 * environment, and everything that it opens is closed when a call returns. */
#ifndef ROLLCALL_HOOK_PAM_PAM_INSIDE_H
#define ROLLCALL_HOOK_PAM_PAM_INSIDE_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hook/wire.h"

#define BUDGET_MS 2000             /* of one call, over connect, send, receive and locks */
#define RUN_DIR "/run/rollcall"
#define DAEMON_USER "rollcall"

enum deliver { DELIVER_NONE, DELIVER_ENV, DELIVER_FILE };
struct options {
	const char *socket, *dir;      /* of the desk, as its settings name it; of delivered files */
	const char *daemon;            /* the user that the daemon runs as: a name of the local passwd file, or a number */
	bool deny_unknown, deny_down, quiet;
	enum deliver deliver;
};

/* --- pam_ask.c: the one exchange ------------------------------------------------------------------------- */
#define REPLY_MAX 8192
struct reply {
	enum wire_status status;       /* WIRE_FAILED also when nobody answered; then *why says so */
	const char *why;               /* constant text */
	struct wire_in in;             /* points into packet */
	unsigned char packet[REPLY_MAX];
};
/* The caller wipes the reply. */
void ask(const struct options *, enum wire_action, const char *user, const char *service, int64_t deadline_ms, struct reply *);

/* Root, or the user that the options name. */
bool is_the_daemon(const struct options *, uid_t);
/* Of the local passwd file, and of nothing else: no name service is asked.  False: not in it. */
bool local_uid(const char *user, uid_t *out);

/* --- pam_file.c: the delivered file, and who holds it ------------------------------------------------------ */
#define FIRST_PERSON_UID 1000u     /* below it are the machine's own accounts */
/* Decimal digits, and nobody in particular never.  False: not a number of a user. */
bool read_uid(const struct wire_value *, uid_t *out);
struct variable { enum wire_field field; const char *name; };
extern const struct variable variables[];      /* the last one has no name */
/* True when it may stand in a shell assignment and in an environment as it is. */
bool is_plain(const struct wire_value *);
/* DIR/UID/cloud.env for this login; path (of the caller) is set.  NULL, or what was wrong, in constant text. */
const char *file_open(const struct options *, const struct reply *, int64_t deadline_ms, char *path, size_t room);
/* The login that was given that path has ended: the file goes with the last one.  No daemon is asked. */
const char *file_close(const struct options *, const char *path, int64_t deadline_ms);

#endif
