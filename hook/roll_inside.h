/* What the files behind roll.h share: one person's news become a decision and its place in the store.  The caller of any
 * of them holds the roll's lock. */
#ifndef ROLLCALL_HOOK_ROLL_INSIDE_H
#define ROLLCALL_HOOK_ROLL_INSIDE_H

#include "hook/roll.h"
#include "policies/stage.h"

#define APPROVAL_MS INT64_C(86400000)      /* a decision about a frozen list is as good as new for so long */

/* The note of somebody protected whose grace is over. */
#define ROLL_PROTECTED_FOR_GOOD "protected: his grace is over, and nothing is taken down"

/* What was made for him by others and approved to become his (hook/adopt.h): the names stay as they are. */
struct adoption { const char *user_name, *env_id, *env_alias, *region; uint64_t uin; };     /* NULL, 0: none */

/* How it came that he is looked at. */
struct hearing {
	const struct adoption *adoption;      /* NULL: none */
	bool confirmed, gone_again;    /* as in struct news */
	bool release;                  /* as in struct history */
	bool unsure;                   /* as in struct news; whoever was disabled by a value is looked at for it in any case */
};
/* What became of it; generation 0: his stage stayed. */
struct roll_moved { unsigned generation; char *what; const char *why; bool adopted; };

/* The person as known now and his account become a stage, in a transaction; it is put on record, and who is cut is cut
 * now.  out may be NULL.  Fails: TEMP (store). */
MUST_USE int roll_apply(struct roll *, struct store_person *, const struct hearing *, struct arena *, struct roll_moved *out,
	struct err *e);
/* Entitled by what is not there, while something speaks against the source, or may. */
bool roll_unsure(const struct roll *, const struct store_person *);
/* The same as roll_apply for somebody who was merely heard of. */
MUST_USE int roll_hear(struct roll *, struct store_person *, struct arena *, struct err *e);

struct history roll_history(const struct store_account *);
/* The decided stage into the account, with its place in the queue. */
void roll_move(struct roll *, struct store_account *, const struct store_person *, const struct decision *);
/* He stays where he is, but what is shown of him has changed: his next walk is now, and looks at everything. */
void roll_look_again(struct roll *, struct store_account *);
/* After the transaction: whoever is cut is cut now; with him go, when he has just moved, his sessions on this machine. */
void roll_hurry(struct roll *, const struct store_person *, bool moved, struct arena *);
/* One line of evidence about him; NULL: about nobody.  request_id may be NULL. */
void roll_say(struct roll *, const struct store_person *, unsigned generation, const char *event, const char *what,
	const char *why, const char *request_id);

/* --- roll_begin.c ------------------------------------------------------------------------------------------------ */
/* A new generation of this person, in the stage decided; ad may be NULL.  Inside the caller's transaction.
 * Fails: INPUT (no profile fits, or a name does not), TEMP (store). */
MUST_USE int roll_begin(struct roll *, struct store_person *, const struct decision *, const struct adoption *ad, struct arena *,
	struct err *e);

/* What was made by others into an account that waits, for a date or a login: there is nothing of it in the cloud yet.  The
 * caller stores acc, in the same transaction.  Fails: as above. */
MUST_USE int roll_begin_adopted(struct roll *, const struct store_person *, struct store_account *acc, const struct adoption *,
	struct arena *, struct err *e);

/* --- roll_entry.c: from an entry to a person as the roll knows him -------------------------------------------- */
/* person_read, and what rests on changed settings is weak.  known may be NULL.  Fails: INPUT (as person_read). */
MUST_USE int roll_read(struct roll *, const struct entry *, const struct store_person *known, struct arena *, struct person *out,
	struct err *e);
MUST_USE int roll_take(struct roll *, const struct entry *, struct arena *, struct err *e);
/* Gone out of sight; the reason stays where it will be needed when he is seen again. */
void roll_lost_sight(struct roll *, struct store_person *);

/* --- roll_hints.c ------------------------------------------------------------------------------------------------ */
/* Values of ours in the entry that are others than those written into it last are written again.  Fails: TEMP. */
MUST_USE int roll_hints(struct roll *, const struct entry *, struct arena *, struct err *e);

/* --- roll_join.c: who may cost money ----------------------------------------------------------------------------- */
struct joining {
	char *note;                    /* he waits, and why; NULL: he may join */
	bool approved;                 /* by an administrator: counts against no brake */
	int64_t fen;
};
/* Inside apply()'s transaction; who may not is put on a frozen list.  Fails: TEMP (store). */
MUST_USE int roll_may_join(struct roll *, const struct store_person *, const struct profile_settings *, struct arena *,
	struct joining *out, struct err *e);
/* He waits no more.  What somebody said no to, and who may have something already (adopt.c), stays on the list until he
 * joins: being out of sight for a moment is no approval.  Fails: TEMP (store). */
MUST_USE int roll_drop_join(struct roll *, const struct store_person *, bool joins, struct arena *, struct err *e);
/* Those for whom there is room or an approval now.  *did counts. */
MUST_USE int roll_let_in(struct roll *, struct arena *, int *did, struct err *e);
/* Has a first start been approved, or needed no approval? */
MUST_USE int roll_started(struct roll *, struct arena *, bool *started, struct err *e);
MUST_USE int roll_start(struct roll *, struct arena *, const char *why, struct err *e);
/* A frozen row whose list was approved, not too long ago. */
bool roll_approved(const struct roll *, const struct store_frozen *);

#endif
