/* What the files behind roll.h share: one person's news become a decision and its place in the store. */
#ifndef ROLLCALL_HOOK_ROLL_INSIDE_H
#define ROLLCALL_HOOK_ROLL_INSIDE_H

#include "hook/roll.h"
#include "policies/stage.h"

/* How it came that he is looked at. */
struct hearing {
	bool confirmed, gone_again;    /* as in struct news */
	bool release;                  /* an administrator lets the hold go */
};
/* What became of it; generation 0: his stage stayed. */
struct roll_moved { unsigned generation; char *what; const char *why; };

/* The person as known now and his account become a stage, in a transaction; it is put on record, and who is cut is cut
 * now.  The caller holds the roll's lock.  out may be NULL.  Fails: TEMP (store). */
MUST_USE int roll_apply(struct roll *, struct store_person *, const struct hearing *, struct arena *, struct roll_moved *out,
	struct err *e);

struct history roll_history(const struct store_account *);
/* The decided stage into the account, with its place in the queue. */
void roll_move(struct roll *, struct store_account *, const struct store_person *, const struct decision *);
/* He stays where he is, but what is shown of him has changed: his next walk is now, and looks at everything. */
void roll_look_again(struct roll *, struct store_account *);
/* After the transaction: whoever is cut is cut now. */
void roll_hurry(struct roll *, const struct store_person *, struct arena *);
/* One line of evidence about him.  request_id may be NULL. */
void roll_say(struct roll *, const struct store_person *, unsigned generation, const char *event, const char *what,
	const char *why, const char *request_id);

#endif
