/* The feed: events of the source become news of the roll; absence is gathered, doubted, confirmed.
 *
 * feed_step() belongs to the sync thread: one event.  confirm_step() belongs to the confirm thread, with a
 * connection of its own: it re-reads people whose weak sign has waited long enough, asks the brake, and re-reads
 * again before anything irreversible begins. */
#ifndef ROLLCALL_HOOK_FEED_H
#define ROLLCALL_HOOK_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "hook/roll.h"
#include "ldap/source.h"

struct feed;
struct feed *feed_new(struct roll *, struct source *, struct confirm *);
void feed_free(struct feed *);                        /* closes neither source nor confirm */

/* One event, waiting at most timeout_ms.  1 = there was one, 0 = idle. */
int feed_step(struct feed *, int timeout_ms);
/* 1 = something was decided, 0 = nothing to do now. */
int confirm_step(struct feed *);
/* Has a refresh ended well and spoken for everybody, and is the connection up since? */
bool feed_trusted(struct feed *);
/* What speaks against the absence of somebody last seen at this DN, by the last refresh; NULL: nothing. */
char *feed_doubt(struct feed *, const char *dn, struct arena *);
/* {"directory": "...", "server": "...", "refreshed": "...", "doubt": "why", "doubts": ["branch: why"],
 * "departures_held_by_brake": n, "joins_held_by_brake": n, "first_start": "...", "brake": ["branch: n departures wait for an approval"]} */
void feed_health(struct feed *, struct arena *, struct json *into);

#endif
