/* What Rollcall remembers: people as the directory showed them last, their accounts (one per generation, and
 * the queue is these), open intents, sealed secrets, and the outbox towards the directory.
 *
 * One connection behind a mutex; every function is one transaction unless store_begin() opened a larger one
 * (then the calling thread owns the store until store_commit()).  Durability: intents, their outcome and
 * secrets are on the disk before the function returns; the rest survives a kill of the process, and what a
 * power cut takes from it is found again by looking.  Texts that are returned belong to the arena.
 *
 * Failures: TEMP with code "store" (disk full, read-only, I/O): nothing was changed. */
#ifndef ROLLCALL_HOOK_STORE_STORE_H
#define ROLLCALL_HOOK_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/str.h"

struct store;

/* Open or create; migrates an older schema, refuses a newer one (INPUT).  Clears the owners that a killed
 * process left behind: a store has one daemon. */
MUST_USE int store_open(const char *path, const struct clock *, struct store **out, struct err *e);
void store_close(struct store *);

/* May nest in the same thread.  What store_begin opened is on the disk when its store_commit has returned 0, whatever
 * stood in it.  When a function inside failed with TEMP, everything up to the outermost commit fails with TEMP, and
 * nothing of it stays; answers such as ABSENT and STALE harm nothing.  store_commit ends it in either case. */
MUST_USE int store_begin(struct store *, struct err *e);
MUST_USE int store_commit(struct store *, struct err *e);
void store_rollback(struct store *);

/* Small named values: installation id, evidence head, ... *out NULL when there is none.  Durable. */
MUST_USE int store_meta_get(struct store *, const char *name, struct arena *, char **out, struct err *e);
MUST_USE int store_meta_put(struct store *, const char *name, const char *value, struct err *e);

/* --- people ------------------------------------------------------------------------------------------ */
struct store_person {
	char uuid[UUID_TEXT];
	char *dn, *login, *mail, *display, *profile;   /* login never NULL */
	int64_t uid_number;                            /* -1: none */
	const unsigned char *certificate;
	size_t certificate_len;
	char *csn;
	char hash[17];
	int signal;                /* enum signal (ldap/person.h) */
	char *reason;
	int64_t due_ms;            /* look at him again then; 0 = never */
	int64_t signal_ms;         /* since when the signal is what it is */
	int64_t weak_since_ms;     /* a weak departure waits since; 0 = none */
	char *note;                /* what an administrator should know ("login name is taken by ..."); may be NULL */
	unsigned generation;       /* the current account's; 0 = never had one */
	char *branch;              /* of the directory, dn_branch(); NULL counts as "" */
	bool solid;                /* the signal rests on values that are there (ldap/person.h); never so when he is absent */
	bool is_protected;         /* only a present value that says disabled suspends him; nothing irreversible ever */
};
/* Insert or replace; the generation only grows. */
MUST_USE int store_person_put(struct store *, const struct store_person *, struct err *e);
MUST_USE int store_person_get(struct store *, const char *uuid, struct arena *, struct store_person *, struct err *e); /* ABSENT */
/* By login name (without ASCII case) or UUID.  Names are used again: who is in the directory goes before who has left
 * it.  Fails: ABSENT; INPUT (the name is ambiguous: two people carry it). */
MUST_USE int store_person_find(struct store *, const char *name, struct arena *, struct store_person *, struct err *e);
/* Whoever else carries this login and whose current account is in one of the stages (bit set 1u << stage; no account
 * counts as STAGE_NONE). */
MUST_USE int store_login_holder(struct store *, const char *login, const char *not_uuid, unsigned stages, char out[UUID_TEXT],
	struct err *e);            /* ABSENT: nobody */
/* Every person, in UUID order, in pages: after "" first, then after the last uuid.  *count <= max. */
MUST_USE int store_people(struct store *, const char *after, size_t max, struct arena *, struct store_person **out, size_t *count,
	struct err *e);
/* UUIDs only, 16 bytes each, ascending: what a refresh is compared with. */
MUST_USE int store_people_uuids(struct store *, unsigned char (**out)[16], size_t *count, struct err *e);  /* Owns: caller frees *out */
/* People whose weak departure waits since `since_ms` or longer, and whom no list holds back (frozen, below). */
MUST_USE int store_weak(struct store *, int64_t since_ms, size_t max, struct arena *, struct store_person **out, size_t *count,
	struct err *e);
/* People with a date (due_ms: entitled from then on, or to be looked at again then) that is not after now. */
MUST_USE int store_due(struct store *, int64_t now_ms, size_t max, struct arena *, struct store_person **out, size_t *count,
	struct err *e);

/* --- accounts and the queue --------------------------------------------------------------------------- */
enum lane { LANE_REVOKE, LANE_TIDY, LANE_JOIN, LANE_AUDIT, LANE_COUNT };
const char *lane_name(enum lane);

struct store_account {
	int64_t id;
	char uuid[UUID_TEXT];
	unsigned generation;
	int stage;                 /* enum stage (policies/stage.h) */
	int64_t since_ms;          /* in this stage since */
	int64_t retire_after_ms;   /* fixed at suspension; 0 = no clock */
	bool cut_strong;           /* the last cut rested on a present value ... */
	char *cut_csn;             /* ... of this age */
	int64_t cut_ms;            /* when the last cut was decided; 0 = never */
	char *hold_reason;         /* NULL = no hold */
	char *placement;           /* JSON, policies/grant.h */
	char *found;               /* JSON, cloud/account.h */
	bool complete;             /* the last walk found everything as the table wants it */
	int lane;
	int64_t due_ms;            /* INT64_MAX: nothing to do */
	unsigned attempts;         /* failures in a row */
	int trouble_kind;          /* enum err_kind of the last walk, 0 = none */
	char *trouble;
	int64_t verify_ms;         /* somebody asked then for a new proof; 0 = never.  Written by store_verify() only */
	int64_t rotate_ms;         /* the same for another key.  Written by store_rotate() only */
	int64_t sweep_ms;          /* the second look at who left, or came back, is due then; 0 = done or none */
	int owner;                 /* worker number, 0 = nobody */
	int64_t want, took;
};
/* A new generation (0: the next one), in the given stage, queued as lane and due_ms say; person.generation becomes it, unless
 * he has a newer one.  id and generation are set.  Fails: ABSENT (no such person), BUG (there is this generation already). */
MUST_USE int store_account_new(struct store *, struct store_account *, struct err *e);
MUST_USE int store_account_get(struct store *, const char *uuid, unsigned generation, struct arena *, struct store_account *,
	struct err *e);    /* generation 0: the current one.  ABSENT */
MUST_USE int store_account_by_id(struct store *, int64_t id, struct arena *, struct store_account *, struct err *e);
/* All generations of one person, oldest first. */
MUST_USE int store_accounts_of(struct store *, const char *uuid, struct arena *, struct store_account **out, size_t *count,
	struct err *e);
/* The regions in which accounts were placed, each once. */
MUST_USE int store_regions(struct store *, struct arena *, char ***out, size_t *count, struct err *e);
/* All accounts in id order, in pages. */
MUST_USE int store_accounts(struct store *, int64_t after_id, size_t max, struct arena *, struct store_account **out, size_t *count,
	struct err *e);
/* News of this account: writes stage, since, retire_after, cut_*, hold_reason, placement, lane, due, sweep_ms, and
 * want = want + 1, attempts = 0; a change of stage makes it incomplete.  A worker that has it in hand is preempted by
 * that.  Fails: ABSENT. */
MUST_USE int store_account_news(struct store *, const struct store_account *, struct err *e);
/* Only wake it: want + 1; lane the more urgent of both, due the earlier of both (one that had nothing to do takes both
 * as given). */
MUST_USE int store_account_wake(struct store *, int64_t id, int lane, int64_t due_ms, struct err *e);
/* Take the most urgent due account of the lanes (bit set 1u << lane): owner = worker, took = want.
 * Strict order of lanes, then due time.  Fails: ABSENT (nothing due; *next_due_ms says when, INT64_MAX never). */
MUST_USE int store_take(struct store *, unsigned lanes, int worker, struct arena *, struct store_account *,
	int64_t *next_due_ms, struct err *e);
/* The fence: owner is this worker and want = took.  Fails: STALE. */
MUST_USE int store_may_act(struct store *, int64_t account_id, int worker, struct err *e);
/* Save what was found, whoever wants what by now (it is a fact). */
MUST_USE int store_found_put(struct store *, int64_t account_id, const char *found, struct err *e);
/* Give back: owner = 0, and found, complete, attempts, trouble*, lane, due, sweep_ms are written; when want has moved on
 * meanwhile, lane, due, attempts and sweep_ms of the news stay as they are, and complete holds only for the stage that
 * was taken.  found NULL: as it was.  Fails: STALE (not in this worker's hand: nothing was written). */
MUST_USE int store_give_back(struct store *, const struct store_account *, int worker, struct err *e);

/* Accounts that wait to be cut (lane revoke, due), read without writing anything: for a store that takes nothing. */
MUST_USE int store_revocations(struct store *, size_t max, struct arena *, struct store_account **out, size_t *count,
	struct err *e);
/* Let go of an account that could not be given back (the store was down then): due now. */
MUST_USE int store_release(struct store *, int64_t account_id, int worker, struct err *e);

/* Ask for a new proof of every current account in `stage`, or of one person's (uuid not NULL): verify_ms = now, woken in
 * lane audit, due now.  *count: how many.  Fails: ABSENT (that person has none in this stage). */
MUST_USE int store_verify(struct store *, const char *uuid, int stage, int64_t now_ms, int64_t *count, struct err *e);
/* Ask for another key of one person, whose current account is in `stage`: as store_verify(), with rotate_ms. */
MUST_USE int store_rotate(struct store *, const char *uuid, int stage, int64_t now_ms, struct err *e);
/* Current accounts with verify_ms = asked_ms, in id order, in pages: for whoever asked. */
MUST_USE int store_verified(struct store *, int64_t asked_ms, int64_t after_id, size_t max, struct arena *,
	struct store_account **out, size_t *count, struct err *e);

struct store_counts {
	int64_t stage[8];              /* accounts of all generations; [0]: people without one */
	int64_t lane_due[LANE_COUNT];  /* due now, or in a worker's hand */
	int64_t troubled, outbox, open_intents, people;
};
MUST_USE int store_counts(struct store *, struct store_counts *, struct err *e);

/* --- overviews, for people who look ------------------------------------------------------------------------ */
#define STORE_STAGES 8
struct store_line {            /* one account and its person */
	char uuid[UUID_TEXT];
	char *login;
	unsigned generation;       /* 0: the person has no account */
	bool current;              /* the person's newest generation */
	int stage;
	bool complete;
	int lane;
	int64_t due_ms;
	bool taken;                /* a worker has it in hand */
	unsigned attempts;
	int trouble_kind;
	char *trouble, *hold_reason, *note, *reason;
};
/* How many accounts: out[stage][complete][current]. */
MUST_USE int store_stages(struct store *, int64_t out[STORE_STAGES][2][2], struct err *e);
/* Accounts whose last walk failed, and people with a note; *total counts those beyond max too. */
MUST_USE int store_troubled(struct store *, size_t max, struct arena *, struct store_line **out, size_t *count, int64_t *total,
	struct err *e);
/* Whoever is held, and whoever will be when he comes back; the newest first.  *total as above. */
MUST_USE int store_held(struct store *, size_t max, struct arena *, struct store_line **out, size_t *count, int64_t *total,
	struct err *e);
/* Cuts that do not get on: in lane revoke after more than so many failures in a row, or for longer than this.  The longest
 * first; *total as above. */
#define STORE_STUCK_ATTEMPTS 10
#define STORE_STUCK_MS INT64_C(300000)
MUST_USE int store_stuck(struct store *, int64_t now_ms, size_t max, struct arena *, struct store_line **out, size_t *count,
	int64_t *total, struct err *e);
/* What workers have in hand, is due, or will be without an audit; most urgent first. */
MUST_USE int store_queue(struct store *, int64_t now_ms, size_t max, struct arena *, struct store_line **out, size_t *count,
	int64_t *total, struct err *e);

/* --- intents and secrets -------------------------------------------------------------------------------- */
struct store_intent {
	int64_t id, account_id, written_ms;
	int row, action;
	unsigned attempt;
	char token[64];
	int state;             /* 0 open, 1 done, 2 absent */
};
/* Durable, and only where the fence holds (STALE otherwise). */
MUST_USE int store_intent_open(struct store *, int worker, struct store_intent *, struct err *e);
MUST_USE int store_intents(struct store *, int64_t account_id, int row, struct arena *, struct store_intent **out, size_t *count,
	struct err *e);        /* open ones, oldest first; row -1: all rows */
/* Close and store found, durable. */
MUST_USE int store_intent_settle(struct store *, int64_t intent_id, int state, int64_t account_id, const char *found, struct err *e);
/* The same (intent_id 0: no intent) with a sealed secret in the one transaction; replaces one of the same kind and id. */
MUST_USE int store_secret_keep(struct store *, int64_t intent_id, int64_t account_id, int kind, const char *id,
	const unsigned char *sealed, size_t n, const char *found, struct err *e);
MUST_USE int store_secret_get(struct store *, int64_t account_id, int kind, const char *id, struct arena *, unsigned char **sealed,
	size_t *n, struct err *e);   /* ABSENT */
MUST_USE int store_secret_drop(struct store *, int64_t account_id, int kind, const char *id, struct err *e);

/* --- the outbox: one row per account, the newest payload wins --------------------------------------------- */
struct store_letter {
	int64_t account_id;
	char uuid[UUID_TEXT];
	char *payload;             /* JSON, hook/post.h */
	char digest[17];
	bool pending;              /* not yet in the directory */
	int64_t due_ms;
	unsigned attempts;
	char *trouble;
};
MUST_USE int store_letter_put(struct store *, const struct store_letter *, struct err *e);    /* pending, due as given */
MUST_USE int store_letter_get(struct store *, int64_t account_id, struct arena *, struct store_letter *, struct err *e); /* ABSENT */
/* That of a person's current account.  ABSENT */
MUST_USE int store_letter_of(struct store *, const char *uuid, struct arena *, struct store_letter *, struct err *e);
MUST_USE int store_letter_next(struct store *, struct arena *, struct store_letter *, int64_t *next_due_ms, struct err *e);
/* Delivered: pending = false, unless a newer payload (other digest) has come. */
MUST_USE int store_letter_done(struct store *, int64_t account_id, const char *digest, struct err *e);
MUST_USE int store_letter_failed(struct store *, int64_t account_id, const char *digest, int64_t due_ms, const char *trouble,
	struct err *e);

/* --- the memory of brakes and budgets: what was let through, and when ---------------------------------------- */
enum act_kind { ACT_KIND_DEPARTURE = 1, ACT_KIND_HOLD = 2, ACT_KIND_JOIN = 3, ACT_KIND_RETIRE = 4, ACT_KIND_PARK = 5 };
/* branch: of the directory (dn_branch()), "" = directly below the base.  fen: what it may cost; 0 = nothing known. */
MUST_USE int store_act_add(struct store *, enum act_kind, const char *uuid, const char *branch, int64_t when_ms, int64_t fen,
	struct err *e);
/* How many since then, and their cost (fen may be NULL); branch NULL: anywhere.  Older than two days are forgotten. */
MUST_USE int store_acts(struct store *, enum act_kind, const char *branch, int64_t since_ms, int64_t *count, int64_t *fen,
	struct err *e);
/* Current accounts in the stages (bit set 1u << stage) of people last seen in that branch (NULL: anywhere). */
MUST_USE int store_roll_size(struct store *, const char *branch, unsigned stages, int64_t *count, struct err *e);

/* --- frozen: what a brake holds back until an administrator says so ------------------------------------------ */
/* ORPHAN: things in the cloud that have no account here.  ADOPT: hook/adopt.h; waits, or is gone.  UNNAMED: accounts of a
 * rebuilt store that no entry names; as long as their row is here and not approved, they are not retired. */
enum frozen_kind { FROZEN_DEPARTURE = 1, FROZEN_JOIN = 2, FROZEN_ORPHAN = 3, FROZEN_ADOPT = 4, FROZEN_UNNAMED = 5 };
enum frozen_state { FROZEN_WAITING, FROZEN_APPROVED, FROZEN_REJECTED };
struct store_frozen {
	char uuid[UUID_TEXT];
	int kind;                  /* enum frozen_kind */
	int64_t list_ms;           /* when its list began: rows of one kind with the same moment are one list */
	char *branch, *why;        /* which brake, in words */
	int64_t fen;
	bool firm;                 /* only an approval lets him pass; else room in the brake does, too */
	int state;                 /* enum frozen_state */
	int64_t decided_ms;        /* approvals and rejections expire a day later: then it waits again, on a new list */
	char *detail;              /* JSON: which things are meant, where the kind is about things; NULL: none */
	char *login, *dn;          /* of the person; filled by the readers */
};
/* Put on the newest waiting list of its kind when that began less than FROZEN_LIST_MS ago, else on a new one that begins
 * now.  Who is on one already stays there, whatever its state.  *out: as it is now (out may be NULL). */
#define FROZEN_LIST_MS INT64_C(60000)
MUST_USE int store_frozen_put(struct store *, const struct store_frozen *, int64_t now_ms, struct arena *, struct store_frozen *out,
	struct err *e);
MUST_USE int store_frozen_get(struct store *, const char *uuid, enum frozen_kind, struct arena *, struct store_frozen *,
	struct err *e);            /* ABSENT */
/* By kind, list, UUID. */
MUST_USE int store_frozen_list(struct store *, struct arena *, struct store_frozen **out, size_t *count, struct err *e);
MUST_USE int store_frozen_decide(struct store *, enum frozen_kind, int64_t list_ms, enum frozen_state, int64_t now_ms,
	int64_t *count, struct err *e);
/* It does not hold any more, or was done. */
MUST_USE int store_frozen_drop(struct store *, const char *uuid, enum frozen_kind, struct err *e);
/* Decided before then: waiting again, on a list that begins at now_ms. */
MUST_USE int store_frozen_expire(struct store *, int64_t before_ms, int64_t now_ms, struct err *e);
/* The first `approved` of those who may pass by approval, then the first `waiting` of those who need room only. */
MUST_USE int store_frozen_next(struct store *, enum frozen_kind, size_t approved, size_t waiting, struct arena *,
	struct store_frozen **out, size_t *count, struct err *e);
struct store_frozen_sum { int kind, state; bool firm; char *branch; int64_t people; };
/* How many, by all the others, on lists that began since then. */
MUST_USE int store_frozen_sums(struct store *, int64_t since_ms, struct arena *, struct store_frozen_sum **out, size_t *count,
	struct err *e);

/* Everybody whose weak departure waits and whom no list holds back, the longest first. */
struct store_leaver {
	char uuid[UUID_TEXT];
	char *login, *dn, *branch;
	int signal;
	bool solid, is_protected;  /* as in struct store_person */
	int64_t weak_since_ms;
	int64_t approved_ms;       /* when his departure was approved; 0 = it was not */
};
MUST_USE int store_leaving(struct store *, struct arena *, struct store_leaver **out, size_t *count, struct err *e);

/* --- logins on this machine -------------------------------------------------------------------------------------- */
MUST_USE int store_login_put(struct store *, const char *uuid, int64_t when_ms, struct err *e);
/* *when_ms 0: never. */
MUST_USE int store_login_last(struct store *, const char *uuid, int64_t *when_ms, struct err *e);
struct store_watch { int64_t since_ms, used_ms, asked_ms, own_ms, own_before_ms; };     /* struct watch of policies/dormant.h */
/* All zero: nobody asked so far. */
MUST_USE int store_watch_get(struct store *, int64_t account_id, struct store_watch *, struct err *e);
MUST_USE int store_watch_put(struct store *, int64_t account_id, const struct store_watch *, struct err *e);
struct store_idle {            /* somebody ACTIVE whose key is watched */
	int64_t account_id;
	char uuid[UUID_TEXT];
	char *login, *profile;
	unsigned generation;
	int64_t used_ms, login_ms;     /* 0: never, as far as known */
	int64_t idle_since_ms;         /* he began to be watched, became ACTIVE, used his key, logged in: the last of these */
	bool is_protected;
};
/* Idle since before_ms or longer, and asked about after fresh_ms: the longest first.  *total counts those beyond max, too. */
MUST_USE int store_idle(struct store *, int64_t before_ms, int64_t fresh_ms, size_t max, struct arena *, struct store_idle **out,
	size_t *count, int64_t *total, struct err *e);
/* The current account of one person.  ABSENT (it is not watched). */
MUST_USE int store_idle_of(struct store *, const char *uuid, int64_t fresh_ms, struct arena *, struct store_idle *, struct err *e);
/* Has anybody with this uidNumber a current account in one of the stages (bit set 1u << stage)? */
MUST_USE int store_uid_in_stage(struct store *, int64_t uid_number, unsigned stages, bool *out, struct err *e);

/* --- retirement ------------------------------------------------------------------------------------------------ */
struct store_retiring {        /* suspended, grace is over, and nothing was taken down yet */
	int64_t account_id;
	char uuid[UUID_TEXT];
	unsigned generation;
	char *login, *dn, *note;   /* of the person */
	int64_t retire_after_ms;
	bool is_protected;         /* nothing of his ever is */
};
/* Whose retire_after has passed, the longest first, in pages: after NULL first, then after the last one. */
MUST_USE int store_retiring(struct store *, int64_t now_ms, const struct store_retiring *after, size_t max, struct arena *,
	struct store_retiring **out, size_t *count, struct err *e);
/* How many of them are not protected. */
MUST_USE int store_retiring_count(struct store *, int64_t now_ms, int64_t *count, struct err *e);
/* The newest moment that anything here bears: the wall clock had come so far.  0: nothing bears one. */
MUST_USE int store_newest(struct store *, int64_t *when_ms, struct err *e);
/* The wall clock was set back by so much: what is due, waits since, was begun, decided or counted after now moves with it;
 * nothing is due before now, and who was walked after now is due at once.  The end of grace and dates of the directory stay. */
MUST_USE int store_clock_back(struct store *, int64_t by_ms, int64_t now_ms, struct err *e);

/* --- leavers' figures: from the change in the directory to the first refused call ------------------------------ */
struct store_offboarding {
	char uuid[UUID_TEXT];
	unsigned generation;
	int64_t changed_ms;        /* as entryCSN or modifyTimestamp say, and not after seen_ms; 0 = not known */
	int64_t seen_ms, key_off_ms, console_off_ms, barrier_ms, cut_ms;      /* 0 = not yet */
	int64_t refused_ms;        /* the first call with his key that was refused */
	int64_t given_up_ms;       /* it was not, for so long that nobody asks any more; an alarm was raised when it still worked */
};
/* Insert, or fill in what is not 0 in the argument and was 0 in the row (the first moment counts); another seen_ms of the
 * same generation begins the row anew. */
MUST_USE int store_offboarding_put(struct store *, const struct store_offboarding *, struct err *e);
MUST_USE int store_offboarding_get(struct store *, const char *uuid, unsigned generation, struct store_offboarding *,
	struct err *e);            /* ABSENT */
/* The newest `max`, newest first. */
MUST_USE int store_offboardings(struct store *, size_t max, struct arena *, struct store_offboarding **out, size_t *count,
	struct err *e);

#endif
