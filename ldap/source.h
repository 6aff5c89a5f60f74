/* A source tells who is on the roll: first everybody (a refresh), then changes as they happen.
 * Real ones: sync.c (RFC 4533).  Tests bring a model of a directory.
 *
 * The reader calls next() in a loop from one thread.  Order of events:
 *     STARTED (ENTRY | PRESENT | GONE)* REFRESHED (ENTRY | GONE | IDLE)* [STARTED ... | LOST ...]
 * A STARTED in the midst of a refresh (wake) begins it anew.
 * Whoever was not named between STARTED and REFRESHED is absent; after LOST instead of REFRESHED what was
 * gathered about absence is thrown away.  GONE is a hint of absence, never proof: the reader confirms it
 * (struct confirm below); a GONE between STARTED and REFRESHED counts only once REFRESHED has come (slapd
 * sends deletes and may fail after them).  A REFRESHED says itself what speaks against it as proof of absence; the
 * doubts hold until the next one, for the GONE behind it, too, and for every verdict that is not solid (person.h).
 * The source reconnects by itself, with back-off, over its list of servers. */
#ifndef ROLLCALL_LDAP_SOURCE_H
#define ROLLCALL_LDAP_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"
#include "ldap/person.h"

enum source_kind {
	SOURCE_IDLE,        /* nothing within the time-out */
	SOURCE_STARTED,     /* connected, a refresh begins */
	SOURCE_ENTRY,       /* an entry as it is now (added, changed or merely listed) */
	SOURCE_PRESENT,     /* this UUID is there, unchanged */
	SOURCE_GONE,        /* the server says: left the content */
	SOURCE_REFRESHED,   /* the refresh ended with success, and what it proves was looked at */
	SOURCE_LOST,        /* connection or refresh failed; err says why, due_ms when it tries again */
};

/* What cannot be believed absent, although it was not named. */
struct source_doubt {
	const char *branch;          /* a DN: whoever was last seen there or below */
	const char *why;             /* one line */
};
struct source_doubts {
	const char *all;             /* why nobody can; NULL: no such reason */
	size_t count;
	struct source_doubt *branches;
};
/* Why the absence of somebody last seen at `dn` is in doubt; NULL: it is not.  dn NULL or none: the first doubt of all. */
const char *source_doubts_about(const struct source_doubts *, const char *dn);
struct source_doubts source_doubts_copy(const struct source_doubts *, struct arena *);

struct source_event {
	enum source_kind kind;
	const struct entry *entry;   /* ENTRY, in the arena of the call */
	char uuid[UUID_TEXT];        /* ENTRY, PRESENT, GONE */
	const char *server;          /* STARTED, LOST: the URI */
	struct err err;              /* LOST */
	struct source_doubts doubts; /* REFRESHED, in the arena of the call */
};

struct source {
	void *ctx;
	/* Wait at most timeout_ms for the next event.  Never fails: trouble is a LOST event. */
	void (*next)(struct source *, int timeout_ms, struct arena *, struct source_event *);
	/* From any thread: make next() return soon (IDLE), and start a new refresh when `again`; while it waits
	 * to connect again it goes on waiting, since every connection begins with a refresh. */
	void (*wake)(struct source *, bool again);
	void (*close)(struct source *);
};

/* The second opinion on one person, read on another connection (confirm.c).
 *
 * Two servers of one list need not be equally new: a copy that lags would confirm what the first server has long taken
 * back, or know nothing of a departure.  So there are two questions:
 *     reread             the server that the source is connected to, at this moment and by the same address; an answer
 *                        while the source is away or has moved is none ("another server answers").  For weak signs.
 *     reread_original    a server that is no copy (dir_originals): the source's own when it is one, else the next in the
 *                        list.  For whatever cannot be undone: the directory itself, not what somebody heard of it. */
enum whereabouts {
	/* no entry with this UUID below the widest base, asked with success, and the base itself is readable */
	WHERE_GONE,
	WHERE_INSIDE,      /* below the scope base and the scope filter is not FALSE: still in scope */
	WHERE_OURS,        /* outside scope, below `still_ours` */
	WHERE_OUTSIDE,     /* found, outside scope and outside still_ours */
};
const char *whereabouts_name(enum whereabouts);

struct confirm {
	void *ctx;
	/* *entry is set unless GONE.  Fails: TEMP (no answer; nothing may be concluded). */
	MUST_USE int (*reread)(struct confirm *, const char *uuid, struct arena *, enum whereabouts *,
		const struct entry **, struct err *e);
	/* The same; and GONE only while base and all sentinels, of whatever branch, are readable there. */
	MUST_USE int (*reread_original)(struct confirm *, const char *uuid, struct arena *, enum whereabouts *,
		const struct entry **, struct err *e);
	/* Base and sentinels looked at now, by the connection of reread: once for a batch, since the source looks at them
	 * only with each refresh.  Says nothing about schema and referrals: the doubts of the last REFRESHED hold as well.
	 * Fails: TEMP. */
	MUST_USE int (*doubts)(struct confirm *, struct arena *, struct source_doubts *, struct err *e);
	void (*close)(struct confirm *);
};

#endif
