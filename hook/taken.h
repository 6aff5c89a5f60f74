/* Private to the engine: a worker, and the account it has in hand. */
#ifndef ROLLCALL_HOOK_TAKEN_H
#define ROLLCALL_HOOK_TAKEN_H

#include <stdatomic.h>

#include "hook/engine.h"
#include "policies/grant.h"
#include "policies/walk.h"

#define WALK_MEMORY (4u << 20)       /* arena of one walk */

struct worker {
	struct engine *engine;
	int number;
	bool revoke_only;
	struct api api;
	struct transport *transport;
	struct arena *arena;
	_Atomic int64_t in_hand;     /* account id, 0 = none */
	int64_t owed;                /* account that the store would not take back; 0 = none */
	char in_hand_uuid[UUID_TEXT];/* whose it is; guarded by the engine's lock */
};

struct taken {
	struct worker *worker;
	const struct engine_parts *parts;
	struct store_account account;
	struct store_person person;
	struct placement placement;
	struct root root;            /* as it was known when this one was taken */
	struct found found;
	struct account want;
	struct grant_memo granted;
	struct journal journal;
	struct call call;
	struct walk walk;
	bool proof_failed;           /* in this walk ... */
	char proof_request[48];      /* ... at the call with this request id */
	int64_t proof_due_ms;        /* it waits, and goes on then; 0 = it does not wait */
	bool key_delivered;          /* his entry shows the key that found names */
	unsigned changes;            /* made in this walk, the cut not counted */
	int64_t cut_at_ms[ROW_COUNT];/* when the first call of the cut that changed this row succeeded; 0 = none yet */
};

/* Make *t ready for a walk of t->account (already filled).  Fails: INPUT (a record in the store is unusable), PERM (which of
 * several things is his is not known, and he is no leaver), TEMP. */
MUST_USE int taken_load(struct taken *, struct worker *, struct err *e);
/* The cut, then everything else of the stage; decides lane, due and trouble in t->account, ready to give back. */
void taken_walk(struct taken *);
/* Only the cut, for a store that cannot be written.  True when nothing of it failed. */
bool taken_strike(struct taken *);
/* Write down a failure that came before any walk. */
void taken_failed(struct taken *, const struct err *e);

/* disputed.c.  Which of several things is his is not known: PERM. */
int taken_disputed(const struct taken *, struct err *e);
/* The cut, of everything that carries his mark. */
void taken_cut_each(struct taken *, struct walk_result *out);

void journal_make(struct taken *);
/* One line of evidence about him, who is filled in. */
void taken_say(struct taken *, struct evidence_line);

/* leave.c: after an attempt of the cut, his figures so far. */
struct evidence_moments leave_note(struct taken *, bool complete);
/* After the cut his key is called until it is refused.  When to come again for that; 0: nothing to do (any more). */
int64_t leave_probe(struct taken *);

extern const struct driver delivery_driver;

/* engine.c, for the other two */
const struct engine_parts *engine_parts(const struct engine *);
const struct lifecycle *engine_life(const struct engine *);
void engine_root(struct engine *, struct root *out);
struct snapshot *engine_snapshot(struct engine *);
void engine_auth_failed(struct engine *, const struct err *);
/* May an alarm about this account be raised?  Once an hour. */
bool engine_may_alarm(struct engine *, int64_t account_id);

#endif
