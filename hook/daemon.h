/* The daemon's parts, put together: everything that lives as long as the process is owned here.  Threads, signals and the
 * end are rollcalld.c's. */
#ifndef ROLLCALL_HOOK_DAEMON_H
#define ROLLCALL_HOOK_DAEMON_H

#include <pthread.h>

#include "hook/desk.h"
#include "hook/engine.h"
#include "hook/feed.h"
#include "hook/post.h"
#include "hook/settings.h"

struct daemon {
	struct arena *arena;
	struct clock clock;
	struct settings settings;
	struct roll_rules rules;
	char *secret_id;
	struct secret *secret_key;
	struct seal_to *escrow;
	struct seal_key *own_key;
	struct store *store;
	struct evidence *evidence;
	struct guard *guard;
	struct http_shared *http;
	struct post_directory *post_directory;
	struct post *post;
	struct engine *engine;
	struct source *source;
	struct confirm *confirm;
	struct roll roll;
	struct feed *feed;
	struct desk *desk;
	struct worker *planner;              /* the desk's: no thread runs it */
	pthread_mutex_t planning;
	struct worker *workers[80];
	pthread_t threads[100];
	size_t thread_count, worker_count;
	bool rebuild;
};

/* From the settings to the last part; nothing runs yet.  What was opened before a failure is closed by the end of the process.
 * Fails: INPUT, PERM, TEMP (a file, the store, the socket). */
MUST_USE int daemon_open(struct daemon *, struct err *e);
/* A lost store is filled, before anything runs.  Fails: as rebuild_run(). */
MUST_USE int daemon_rebuild(struct daemon *, struct err *e);
/* All threads have ended. */
void daemon_close(struct daemon *);

#endif
