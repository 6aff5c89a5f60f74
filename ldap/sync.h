/* The source by RFC 4533: refreshAndPersist with the raw control, one message at a time, no cookie.
 *
 * Every connect, and a timer, runs a full refresh with the wanted attributes; then the same search persists.
 * The comparison by UUID is the truth, the events are the fast path (why there is no cookie: ARCHITECTURE.md).
 * Never libldap's ldap_sync_*: it hands over the first message of a chain again and again. */
#ifndef ROLLCALL_LDAP_SYNC_H
#define ROLLCALL_LDAP_SYNC_H

#include "common/clock.h"
#include "ldap/dir.h"
#include "ldap/source.h"

/* settings and attributes must outlive the source.  Connecting runs in a thread of its own, so that next()
 * keeps its time-out; close() waits for that thread (connect + TLS + bind: at most 3 * connect_ms and the
 * time of a name look-up).  The source is closed by the thread that reads it. */
struct source *sync_source(const struct dir_settings *, char **attributes, const struct clock *);
/* Index of the URI that the source uses or tried last.  From any thread. */
size_t sync_server(const struct source *);
/* The source's connection.  From any thread.  False while it has none. */
struct sync_place {
	size_t at;               /* index of the URI */
	char peer[128];          /* dir_peer() */
	uint64_t session;        /* counts the connections: another number, another connection */
};
bool sync_where(struct source *, struct sync_place *out);
/* Re-reads on connections of its own; used by one thread.  settings, attributes and source must outlive it. */
struct confirm *sync_confirm(const struct dir_settings *, char **attributes, struct source *, const struct clock *);

#endif
