/* The roll: what the directory says of one person is compared with what the store knows, and becomes a stage,
 * an account and a place in the queue.  Nothing here waits for the cloud. */
#ifndef ROLLCALL_HOOK_ROLL_H
#define ROLLCALL_HOOK_ROLL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "hook/engine.h"
#include "hook/evidence.h"
#include "hook/guard.h"
#include "hook/settings.h"
#include "hook/store/store.h"
#include "ldap/person.h"
#include "ldap/source.h"

/* What speaks against the source: a value that is missing may be one that it does not show. */
enum roll_doubt { DOUBT_NONE, DOUBT_OPEN, DOUBT_ALL };       /* OPEN: nobody has looked yet */

struct roll {
	const struct settings *settings;
	const struct roll_rules *rules;
	struct store *store;
	struct evidence *evidence;
	struct engine *engine;
	const struct clock *clock;
	struct guard *guard;       /* NULL: nobody is ever retired */
	bool asks_first;           /* a first start waits for an approval */
	atomic_int doubt;          /* enum roll_doubt, told by the feed */
	pthread_mutex_t lock;      /* one change of the roll at a time: sync and confirm threads both read, decide, write */
	int64_t let_in_mono, expire_mono, joins_told_ms;      /* under the lock: what need not be asked, or told, again */
};

/* One entry as it is now.
 * Fails: TEMP (store; a strong leaver was struck from memory all the same). */
MUST_USE int roll_entry(struct roll *, const struct entry *, struct arena *, struct err *e);
/* Not in the content (any more): a weak sign, remembered with its time. */
MUST_USE int roll_absent(struct roll *, const char *uuid, struct arena *, struct err *e);
/* Confirmed gone, or outside scope.  Fails: STALE (meanwhile he was heard of), TEMP. */
MUST_USE int roll_departed(struct roll *, const char *uuid, const char *why, struct arena *, struct err *e);
/* Confirmed not entitled any more, though the entry is there.  Fails: as above. */
MUST_USE int roll_withdrawn(struct roll *, const char *uuid, struct arena *, struct err *e);
/* Confirmed as the two above, and a brake holds him back: on a frozen list until an administrator says so, or he is heard
 * of.  Fails: as above. */
MUST_USE int roll_freeze(struct roll *, const char *uuid, const char *why, struct arena *, struct err *e);
/* What an entry says by the settings in force; nothing is changed.  That somebody is disabled by a filter that was edited,
 * and by nothing in the directory, is a weak sign.  Fails: INPUT (as person_read), TEMP. */
MUST_USE int roll_judge(struct roll *, const struct entry *, struct arena *, struct person *out, struct err *e);
/* A refresh has ended, is believed, and was stored as a whole. */
MUST_USE int roll_refreshed(struct roll *, struct arena *, struct err *e);
/* Confirmed again that he is not entitled, right now: this account of his is retired if its grace is over, and counts
 * as ACT_KIND_RETIRE. */
MUST_USE int roll_retire(struct roll *, int64_t account_id, bool *retired, struct arena *, struct err *e);
/* hold.c.  The proof saw foreign data with his key: an alarm, and he is HELD, unless too many were within the hour.
 * Fails: TEMP (he could not be held; the alarm was raised all the same). */
MUST_USE int roll_foreign(struct roll *, const char *uuid, unsigned generation, const char *request_id, struct arena *,
	struct err *e);
/* An administrator takes access away until he gives it back; `by` is who, in words ("uid 0"), for the evidence.  Acts on
 * the current account: ACTIVE is held now, SUSPENDED when he comes back.  The reason is made printable and cut to what
 * entry and remark can hold.  Fails: ABSENT (nobody, nothing to hold, held already), PERM (no reason), TEMP. */
MUST_USE int roll_suspend(struct roll *, const char *uuid, const char *reason, const char *by, struct arena *, struct err *e);
/* Lets the hold go: he becomes what the directory said of him last.  Fails: ABSENT (nobody, or not held), TEMP. */
MUST_USE int roll_resume(struct roll *, const char *uuid, const char *by, struct arena *, struct err *e);
/* His key has been idle for life.dormant: he is HELD until his next login, unless that is not so (any more), he is protected,
 * or enough were within the day (*full).  Fails: TEMP. */
MUST_USE int roll_park(struct roll *, const char *uuid, struct arena *, bool *full, struct err *e);
/* roll_login.c.  He logged in on this machine; `by` is who says so, in words.  Begins what his profile lets wait for it, and
 * ends a hold by roll_park().  Waits for nobody but the store.
 * Fails: ABSENT (nobody), TEMP. */
MUST_USE int roll_logged_in(struct roll *, const char *uuid, const char *by, struct arena *, struct err *e);
/* An alarm about nobody in particular, on record; telling it is the caller's. */
void roll_alarm(struct roll *, const char *what, const char *why);
/* Look again at people whose date has come, whose login name may be free by now, or who waited for room or for an approval
 * to join.  *did counts. */
MUST_USE int roll_due(struct roll *, struct arena *, int *did, struct err *e);

#endif
