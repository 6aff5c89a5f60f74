/* The nouns of this room: the account that is wanted, and what was found of it in the cloud.
 *
 * `struct account` is constant for the drivers; policies/grant makes it from the person, his placement and
 * what was found so far.  `struct found` is the drivers' own record; the walk stores it after each step. */
#ifndef ROLLCALL_CLOUD_ACCOUNT_H
#define ROLLCALL_CLOUD_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

/* What exists once per root account and is ensured at start, before any walk (drivers/boundary.c). */
struct root {
	uint64_t owner_uin, app_id;
	uint64_t boundary_id, barrier_id;   /* policy ids; 0 = not known yet */
};

/* The row names, in build order; the life-cycle table has the same rows. */
enum row_id {
	ROW_USER, ROW_BOUNDARY, ROW_ENV, ROW_POLICY, ROW_ACCESS, ROW_CONSOLE, ROW_ENVKEYS, ROW_KEY, ROW_PROOF, ROW_DELIVERY,
	ROW_SERVER, ROW_AGENT, ROW_COUNT
};

struct account {
	const char *installation;        /* id of this Rollcall: first part of the owner mark */
	char uuid[UUID_TEXT];
	unsigned generation;
	const char *mark;                /* "rollcall:INSTALLATION:UUID:GENERATION" */
	const struct root *root;

	/* Decided once (placement) and never derived again. */
	const char *root_account, *region;
	const char *user_name;           /* "alice-7f3kq2" */
	const char *env_alias;           /* "rc-" and 16 base32 characters */
	const char *policy_name, *server_name;
	const char *package;             /* CloudBase package, e.g. "baas_personal" */
	const char *bundle;              /* Lighthouse bundle; NULL: no server for this profile */
	const char *blueprint;           /* image id of OpenClaw; NULL: searched by name */
	const char *zone;                /* NULL: any */

	const char *remark;              /* for people who look at the console: mark and, when held, the reason */
	const char *policy_document;     /* rendered; NULL as long as the environment is not known */
	const char *hold_reason;         /* NULL unless held */

	int64_t prove_after_ms;          /* a proof from before this moment does not count: somebody asked for a new one; 0 = none did */
	bool key_again;                  /* back after more than the undo time: ours is deleted first, then a new one */
	int64_t key_asked_ms;            /* somebody asked then for another key; 0 = nobody did */
	bool key_delivered;              /* the directory shows the key that found names */
};

/* Fixed fields: a found record is copied, compared and stored as a whole. */
struct found {
	uint64_t uin;                    /* 0 = no sub-account seen */
	uint64_t adopt_uin;              /* this one, made by others, is to become his: until it is seen with our mark; 0 = none */
	char adopt_env[64];              /* the same of an environment; "" = none */
	char env_id[64], env_status[24], bucket[96], name_space[64], topic[64];
	int64_t env_isolated_ms;         /* when it was first seen isolated; 0 = it is not */
	int64_t env_missed_ms;           /* since when listings lack it; 0 = they do not.  One listing is no proof of absence */
	int64_t env_log_asked_ms;        /* when its log topic was last asked for */
	uint64_t policy_id;              /* the person's own policy; 0 = none */
	int64_t policy_changed_ms;       /* last time a policy of his was written, attached or detached */
	char key_id[64];                 /* the key that was handed out; its secret is in the store */
	int64_t key_created_ms, key_locked_ms;
	int64_t key_missed_ms;           /* as env_missed_ms */
	int64_t key_asked_ms;            /* account.key_asked_ms when it was made: that wish is fulfilled */
	char old_key_id[64];             /* the key handed out before it, which still works; its secret is in the store, too */
	int64_t old_key_until_ms;        /* ... until then, or until the new one is proved and delivered if that is later */
	int64_t old_key_locked_ms;       /* a cut began to switch it off then, whatever became of that; 0 = none did, -1 = a human did */
	int64_t key_tried_ms;            /* when a leaver's key was last called to see it refused */
	char server_id[40], server_state[24], server_address[48];
	int64_t server_missed_ms;        /* as env_missed_ms */
	int64_t server_expires_ms;       /* it cannot be given back: it runs out then; 0 = it can, or that is not known */
	unsigned server_attempt;         /* counts CreateInstances attempts: part of the ClientToken */
	char agent_invocation[48];       /* a running TAT invocation */
	char agent_state[17];            /* digest of what was installed last (environment, key, server) */
	char proof[24];                  /* "" = none yet, or one of PROOF_* */
	int64_t proof_ms;
	unsigned proof_seen, proof_refused;   /* own environments seen; probes that were refused or came back empty */
	unsigned proof_calls;            /* made for the last proof, with his key */
	uint64_t rights_by_hand, keys_by_hand;   /* what was given by hand and left, as told last: a sum over it; 0 = nothing */
	int64_t verified_ms[ROW_COUNT];  /* when a row was last seen as the table wants it; 0 = not */
	int64_t verified_since_ms;       /* ... in the stage that began then: in another one it proves nothing */
	char disputed[200];              /* a rebuilt store: one mark stands on these things, and a human says which is his; "" = no */
	char note[160];                  /* last trouble of a row that nobody waits for (server, agent) */
};

#define PROOF_SEES_OWN "sees-own"              /* the rest waits for the cloud's policy cache */
#define PROOF_ISOLATED "isolated"
#define PROOF_FOREIGN "failed: foreign data"   /* he is HELD for it */
#define PROOF_OWN_UNSEEN "failed: own unseen"
#define PROOF_KEY_REFUSED "failed: key refused"
#define PROOF_WRONG_IDENTITY "failed: identity"

/* Text form for the store (JSON); unknown members are ignored, missing ones are zero. */
char *found_print(const struct found *, struct arena *);
MUST_USE int found_parse(const char *text, struct arena *, struct found *out, struct err *e);
/* When the key has this age (0: none counts); 0: there is no such moment. */
int64_t found_key_due(const struct found *, int64_t age_ms);
/* No moment in it is after now: what a clock wrote down that was ahead, and was set back. */
void found_not_ahead(struct found *, int64_t now_ms);
/* The record is used in the stage that began at since_ms: forgets verified_ms when it is of another one. */
void found_of_stage(struct found *, int64_t since_ms);

/* The owner mark.  CAM descriptions take [A-Za-z0-9+=,.@:/-_] only, and so does the mark. */
char *mark_make(struct arena *, const char *installation, const char *uuid, unsigned generation);
enum mark_owner { MARK_NONE, MARK_OURS, MARK_OTHER_PERSON, MARK_OTHER_INSTALLATION };
/* Whose is a thing that carries this text?  The mark may stand anywhere in it. */
enum mark_owner mark_judge(const struct account *, const char *text);
/* The same without a person: OURS is this installation's, whoever's; OTHER_INSTALLATION is also one that was tampered with. */
enum mark_owner mark_of(const char *installation, const char *text);
/* The owner named by the mark in this text, when it is one of this installation's, of a person, and the only one.  False
 * otherwise; nothing is written then. */
bool mark_parse(const char *installation, const char *text, char uuid[UUID_TEXT], unsigned *generation);
/* Tag key under which environments and servers carry the mark. */
#define MARK_TAG "rollcall"

#endif
