/* Is somebody's key in use?  The cloud tells only the last day of a key (of Beijing), and tells it a day late; and Rollcall
 * itself uses the key for each proof of isolation.  So a day on which a proof was made says nothing about its owner, and a
 * cloud that does not know of an older proof is not believed at all.  Pure functions. */
#ifndef ROLLCALL_POLICIES_DORMANT_H
#define ROLLCALL_POLICIES_DORMANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DORMANT_DAY_MS INT64_C(86400000)
/* After this long the cloud must know of a use. */
#define DORMANT_LATE_MS (2 * DORMANT_DAY_MS)
/* Whoever was not asked about for longer is watched anew: uses may have been missed. */
#define DORMANT_GAP_MS (5 * DORMANT_DAY_MS)
/* So is he whose proofs follow each other sooner: they hide what else is done with the key. */
#define DORMANT_PROOFS_MS (4 * DORMANT_DAY_MS)
/* So many may be parked within a day; more, and it is rather the cloud's answer that is wrong. */
#define DORMANT_PARKS_DAY 20

/* What is remembered of one person; all zero at first. */
struct watch {
	int64_t since_ms;        /* asked about without a gap since then */
	int64_t used_ms;         /* the last use that was not ours; 0 = none is known */
	int64_t asked_ms;
	int64_t own_ms[2];       /* the last two proofs: until the cloud knows of the newer one, it tells the other's day */
};
/* The cloud was asked now.  told: moments within the last days that it names, of all his keys; 0 = none.  proof_ms: the last
 * proof.  False: nothing can be said, and nothing is changed. */
bool dormant_heard(struct watch *, const int64_t *told, size_t count, int64_t proof_ms, int64_t now_ms);

/* Why somebody parked is HELD begins so, and no other reason may: his next login ends it. */
#define DORMANT_HOLD "parked: "
bool dormant_is_hold(const char *reason);        /* NULL: no */

/* May one more be parked, when `parked` were within the day? */
bool dormant_lets_park(int64_t parked);

#endif
