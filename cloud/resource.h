/* A resource is one thing an account may have.  Its driver has four small verbs; observe() says what is
 * there, the others change it.  All may be repeated at any time; each is one or two calls long, and what
 * takes longer (an environment being built) ends with WAIT and goes on at the next walk.
 *
 * Rules: a driver reads `want` and writes `found`; it touches nothing that does not carry our mark (but what
 * hangs on a sub-account of ours counts as ours); it makes every changing call through call_do(), which
 * refuses in a plan, and asks the journal first whether this worker still may. */
#ifndef ROLLCALL_CLOUD_RESOURCE_H
#define ROLLCALL_CLOUD_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/account.h"
#include "cloud/api.h"
#include "cloud/snapshot.h"

enum seen {
	SEEN_NONE,      /* not there */
	SEEN_OK,        /* there and as wanted */
	SEEN_LOCKED,    /* there, unusable */
	SEEN_DRIFT,     /* there, ours, not as wanted */
	SEEN_WAIT,      /* ours and on its way; found says to what.  ensure/remove go on with it */
	SEEN_FOREIGN,   /* there and not ours */
};
const char *seen_name(enum seen);

/* Written before a call that pays or shows a secret once; closed by what was seen afterwards. */
struct intent { int64_t id; enum action action; enum row_id row; char token[64]; int64_t written_ms; unsigned attempt; };
enum outcome { OUTCOME_DONE, OUTCOME_ABSENT /* the call surely had no effect */ };
enum secret_kind { SECRET_KEY = 1, SECRET_PASSWORD = 2 };

/* What the store promises to the walk; the engine implements it for one taken person. */
struct journal {
	void *ctx;
	/* Still mine, and nothing newer wanted?  Fails: STALE, TEMP. */
	MUST_USE int (*may_act)(struct journal *, struct err *e);
	/* May this account's things be destroyed at this moment?  Asked before each call that is ACTION_DESTROYS.  NULL: nobody
	 * is asked.  Fails: WAIT (not now; due says when to ask again), TEMP. */
	MUST_USE int (*may_destroy)(struct journal *, struct err *e);
	/* Durable before it returns, and only if may_act holds in the same transaction. */
	MUST_USE int (*intent)(struct journal *, enum row_id, enum action, const char *token, unsigned attempt, struct intent *out,
		struct err *e);
	/* Open intents of this account and row, oldest first; *count 0 when there is none. */
	MUST_USE int (*open_intents)(struct journal *, enum row_id, struct arena *, struct intent **out, size_t *count,
		struct err *e);
	/* Close it and store found in one durable transaction.  Works also when preempted: it records what happened. */
	MUST_USE int (*settle)(struct journal *, const struct intent *, enum outcome, const struct found *, struct err *e);
	/* As settle(DONE), with a secret sealed to Rollcall's own key in the same transaction.  intent may be NULL
	 * (a password of our own, stored before it is used). */
	MUST_USE int (*keep)(struct journal *, const struct intent *, enum secret_kind, const char *id, const struct secret *,
		const struct found *, struct err *e);
	/* Fails: ABSENT (never stored, or sealed to a key that is gone). */
	MUST_USE int (*reveal)(struct journal *, enum secret_kind, const char *id, struct secret **out, struct err *e);
	MUST_USE int (*drop)(struct journal *, enum secret_kind, const char *id, struct err *e);
	/* One evidence record of a change that was made. */
	void (*did)(struct journal *, enum row_id, const char *what, const char *request_id);
};

struct cloud_settings {
	int64_t poll_ms;               /* look again at something being built (5 s) */
	int64_t settle_ms;             /* CreateEnv of unknown outcome: absent only after complete listings this long (15 min) */
	int64_t policy_cache_ms;       /* the cloud caches policies about this long (60 s) */
	int64_t isolation_ms;          /* final destruction of an isolated environment after this; -1: left to the cloud */
	const char *openclaw_image;    /* text to look for in image names when no blueprint is configured: "OpenClaw" */
	int64_t agent_timeout_ms;      /* the installation script's own time-out (15 min) */
	const char *agent_script;      /* text of the TAT script */
	bool by_hand_kept;             /* report keys, policies and groups given by hand instead of taking them away */
	int64_t probe_others;          /* other environments that one proof tries to reach */
	int64_t prove_every_ms;        /* a proof older than this is made anew at the next audit */
	int64_t key_age_ms;            /* a key of this age is replaced; 0: only when somebody asks */
	int64_t key_overlap_ms;        /* the key before it works for this long beside the new one */
};

/* What a driver works with; one per walk. */
struct call {
	struct api *api;
	struct arena *arena;
	const struct clock *clock;
	struct journal *journal;
	struct snapshot *snapshot;
	const struct cloud_settings *settings;
	enum row_id row;               /* set by the walk */
	bool plan;                     /* look only */
	bool cutting;                  /* the cut: no journal is asked, nothing new is granted */
	int64_t (*unbroken_ms)(void *);  /* for how long the clock has not jumped; NULL: it never does */
	void *unbroken_ctx;
	struct memo *memo;             /* what was read in this walk since the last change: asked once (resource.c) */
};

/* One call for a driver: reads go straight through; a changing action is refused in a plan (BUG) and asks
 * may_act unless cutting or there is no journal (root_ensure at start).  Region: the account's; NULL account: the
 * default.  What was changed is told to journal->did. */
MUST_USE int call_do(struct call *, const struct account *, enum action, const struct json *parameters,
	const struct json **answer, struct err *e);
/* A changing call of which the evidence says more than its parameters: the name of the policy that was taken away, and
 * that somebody had given it by hand. */
MUST_USE int call_told(struct call *, const struct account *, enum action, const struct json *parameters, const char *about,
	struct err *e);
/* For a driver that takes several steps before it destroys: asked before the first of them.  Fails: as may_destroy. */
MUST_USE int call_may_destroy(struct call *, struct err *e);
/* One call that pays or shows a secret: leave of the limiter, intent, call.  On success *intent is open and the
 * caller closes it (settle or keep).  When the call surely had no effect it is closed here; after UNKNOWN and STALE
 * it stays open for resolve(). */
MUST_USE int call_once(struct call *, const struct account *, struct found *, enum action, const char *token, unsigned attempt,
	const struct json *parameters, struct intent *intent, const struct json **answer, struct err *e);

/* What must be there is not, all of a sudden: no success, and no proof of absence.  ABSENT becomes TEMP. */
int err_must_exist(int rc, struct err *e);

struct driver {
	const char *name;              /* as in plans, journal and log */
	/* Fails: TEMP, LIMIT, AUTH, INPUT. */
	MUST_USE int (*observe)(struct call *, const struct account *, struct found *, enum seen *out, struct err *e);
	/* From any seen but FOREIGN towards OK.  Fails: as observe, and WAIT, UNKNOWN, PERM, QUOTA, STALE. */
	MUST_USE int (*ensure)(struct call *, const struct account *, struct found *, struct err *e);
	MUST_USE int (*lock)(struct call *, const struct account *, struct found *, struct err *e);     /* NULL: cannot be locked */
	MUST_USE int (*remove)(struct call *, const struct account *, struct found *, struct err *e);   /* absent already is success */
	/* First strike of the cut: without looking, from what found knows.  NULL: none. */
	MUST_USE int (*cut)(struct call *, const struct account *, struct found *, struct err *e);
	/* Settle the open intents of this row by looking.  NULL: the row has none. */
	MUST_USE int (*resolve)(struct call *, const struct account *, struct found *, struct err *e);
};

/* How many environments the cloud still lets be destroyed, this month and altogether: the smaller number; INT64_MAX: it names
 * no limit.  account NULL: the default region.  Fails: as any reading call. */
MUST_USE int env_destructions_left(struct call *, const struct account *, int64_t *left, struct err *e);

extern const struct driver user_driver, boundary_driver, env_driver, policy_driver, access_driver, console_driver,
	envkeys_driver, key_driver, proof_driver, server_driver, agent_driver;

/* At start, before any walk: who we are, and the two shared policies (permissions boundary and deny-all
 * barrier), marked with the installation id; their drift is repaired.  *repaired counts repairs, for the alarm.
 * Fails: as observe and ensure; FOREIGN when a policy of that name is not ours. */
MUST_USE int root_ensure(struct call *, const char *installation, const char *region, const char *boundary_document,
	const char *barrier_document, struct root *, unsigned *repaired, struct err *e);

#endif
