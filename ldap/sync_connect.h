/* Opening a connection in a thread of its own, so that who waits for it keeps its own time-out.  One at a time.
 * Used by sync.c only. */
#ifndef ROLLCALL_LDAP_SYNC_CONNECT_H
#define ROLLCALL_LDAP_SYNC_CONNECT_H

#include <pthread.h>

#include "ldap/dir.h"

struct connector {
	const struct dir_settings *settings;
	const struct clock *clock;
	size_t at;
	int done_fd;             /* readable once the thread has finished */
	bool running;
	pthread_t thread;
	struct dir *dir;         /* the thread's until done_fd is readable */
	struct err err;
};

void connector_init(struct connector *, const struct dir_settings *, const struct clock *);
/* Fails: TEMP (no thread). */
MUST_USE int connector_start(struct connector *, size_t at, struct err *e);
/* False while it still runs.  Otherwise *rc is 0 with *dir the caller's, or the failure. */
bool connector_done(struct connector *, int *rc, struct dir **dir, struct err *e);
/* Waits for the thread and throws away what it opened. */
void connector_close(struct connector *);

#endif
