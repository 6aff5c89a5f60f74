/* The desk answers requests on two Unix sockets (wire.h): one request, one row of a table, one answer.
 * It reads the store and marks people; it never waits for the directory, and for the cloud only where an
 * administrator asked for a plan of one person, or for what could be adopted.
 * The socket for logins is root's alone, with slots and threads of its own: nothing that people do to theirs holds up a
 * login, and no session that waits for the roll holds up the question whether somebody may come in. */
#ifndef ROLLCALL_HOOK_DESK_H
#define ROLLCALL_HOOK_DESK_H

#include "common/clock.h"
#include "common/err.h"
#include "common/json.h"
#include "common/seal.h"
#include "hook/adopt.h"
#include "hook/evidence.h"
#include "hook/settings.h"
#include "hook/store/store.h"

struct desk;
struct desk_parts {
	const struct settings *settings;
	struct store *store;
	struct evidence *evidence;
	const struct clock *clock;
	/* What the next walk of one account would do, looked up in the cloud now, as
	 * [{"row": "key", "seen": "none", "cell": "ON", "does": "create"}...]. */
	int (*plan)(void *ctx, const char *uuid, struct arena *, struct json **out, struct err *e);
	/* roll_suspend() (reason given) and roll_resume() (NULL). */
	int (*hold)(void *ctx, const char *uuid, const char *reason, const char *by, struct arena *, struct err *e);
	/* adopt_plan() and, for the list that began then, adopt_approve() or adopt_reject(). */
	int (*adopt)(void *ctx, const struct adopt_asked *, struct arena *, struct json **out, struct err *e);
	int (*adopt_decide)(void *ctx, int64_t list_ms, bool yes, struct arena *, struct json **out, struct err *e);
	/* roll_logged_in(). */
	int (*logged_in)(void *ctx, const char *uuid, const char *by, struct arena *, struct err *e);
	/* engine_struck(): he is being cut, though the store does not know it yet. */
	bool (*struck)(void *ctx, const char *uuid);
	/* With which the store's secrets were sealed; NULL: none is handed over. */
	const struct seal_key *own_key;
	/* A frozen list was decided upon: whoever waits on it is looked at now. */
	void (*decided)(void *ctx);
	/* Somebody wrote into the queue. */
	void (*wake)(void *ctx);
	/* Facts that only the running daemon knows: {"directory": "refreshed 3s ago", "cloud": "ready", "alarms": [..]} */
	struct json *(*health)(void *ctx, struct arena *);
	void *ctx;
};
/* Fails: INPUT (socket path, group), TEMP. */
MUST_USE int desk_open(const struct desk_parts *, struct desk **out, struct err *e);
/* Accept and answer, until desk_stop() is called from another thread.  The first in 1 or 2 threads, the others in one each. */
void desk_run(struct desk *);             /* people's */
void desk_run_logins(struct desk *);      /* root's; ACCOUNT waits for the store only */
void desk_run_sessions(struct desk *);    /* what came there and opens a session */
void desk_stop(struct desk *);            /* they return */
void desk_close(struct desk *);           /* after the threads have ended: removes the sockets */

#endif
