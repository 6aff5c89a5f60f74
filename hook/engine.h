/* The engine: workers that take the most urgent due account from the store, walk it, and give it back.
 * engine_step() is one take, one walk, one give-back; the threads are loops around it, so that tests drive it
 * without threads. */
#ifndef ROLLCALL_HOOK_ENGINE_H
#define ROLLCALL_HOOK_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/http.h"
#include "cloud/inventory.h"
#include "cloud/limit.h"
#include "cloud/resource.h"
#include "cloud/snapshot.h"
#include "common/clock.h"
#include "common/seal.h"
#include "hook/evidence.h"
#include "hook/guard.h"
#include "hook/post.h"
#include "hook/settings.h"
#include "hook/store/store.h"
#include "policies/lifecycle.h"

struct engine;
struct worker;

/* What became of things that are marked as ours, and have no account in the store (hook/orphan.h). */
struct orphan_counts {
	bool believed;                       /* the directory was, at that moment: or else nothing was judged */
	size_t reported, taken;              /* new on a list; taken over, since an administrator approved */
	size_t waiting;                      /* approved, and the guard says not now */
	size_t newer;                        /* of people who are known, and newer than what the store knows of them */
};

struct engine_parts {
	const struct settings *settings;
	struct store *store;
	struct evidence *evidence;
	struct post *post;
	const struct clock *clock;
	const struct seal_key *own_key;
	const char *installation;
	const char *secret_id;               /* the root account's administrator */
	const struct secret *secret_key;
	const char *template_text, *boundary_text, *barrier_text;
	const struct cam_catalogue *catalogue;
	/* A probe with this account's key returned what belongs to others.  Called by a worker, outside any transaction,
	 * before it gives the account back.  NULL: nobody listens. */
	void (*foreign)(void *ctx, const char *uuid, unsigned generation, const char *request_id);
	void *foreign_ctx;
	/* His key has been idle for so long that he may be parked; *full: not today, nor may anybody else.  Called by a worker,
	 * outside any transaction.  NULL: nobody is. */
	int (*park)(void *ctx, const char *uuid, struct arena *, bool *full, struct err *e);
	void *park_ctx;
	struct guard *guard;                 /* is told the cloud's time and limits; NULL: nobody is */
	/* May what this account has be destroyed at this moment?  Called by a worker before each such call.  NULL: nobody is
	 * asked.  Fails: WAIT, with due. */
	int (*may_destroy)(void *ctx, const char *uuid, unsigned generation, struct err *e);
	void *destroy_ctx;
	/* Things that are marked as ours and have no account in the store, by UUID and generation, of complete listings.  Called
	 * by a worker.  NULL: nobody listens. */
	int (*orphans)(void *ctx, const struct owned *const *list, size_t count, struct arena *, struct orphan_counts *out,
		struct err *e);
	/* Is the directory read as a whole, and believed?  NULL: it is. */
	bool (*believed)(void *ctx);
	void *orphans_ctx;                   /* of both */
};
MUST_USE int engine_new(const struct engine_parts *, struct engine **out, struct err *e);
void engine_free(struct engine *);

/* number: 1 and up, 0 for one that only plans; revoke_only: serves nothing but leavers. */
struct worker *worker_new(struct engine *, int number, bool revoke_only, struct transport *);
void worker_free(struct worker *);           /* the transport stays the caller's */
struct transport *worker_transport(struct worker *);
/* To look into the cloud by hand, with a worker that no thread runs: no journal, so nothing may be changed. */
struct call worker_look(struct worker *, struct arena *);

/* 1 = something was done, 0 = nothing is due (*next_due_ms says when, INT64_MAX never). */
int engine_step(struct worker *, int64_t *next_due_ms);
/* The thread's loop: until engine_stop(). */
void engine_work(struct worker *);
void engine_stop(struct engine *);
bool engine_stopping(struct engine *);

/* There may be something due: workers look. */
void engine_wake(struct engine *);
/* A leaver: abort his running call, and cut him even when the store cannot be written (strikes.h). */
void engine_strike(struct engine *, const char *uuid);
/* The store knows of him by now: his walks may act again. */
bool engine_struck(struct engine *, const char *uuid);
void engine_strike_over(struct engine *, const char *uuid);
/* News of an account that somebody may have in hand: abort the running call if it is this one. */
void engine_preempt(struct engine *, int64_t account_id);

/* What the next walk would do, looked up now with the given worker (one that no thread runs). */
MUST_USE int engine_plan(struct worker *, const char *uuid, struct arena *, struct json **out, struct err *e);

/* The listing audit is due now (hook/audit.h). */
void engine_audit_now(struct engine *);
/* Its last totals, for `status`. */
void engine_audit_health(struct engine *, struct arena *, struct json *into);

/* Facts for `status`; *cloud is constant text. */
struct engine_health { bool root_ready; const char *cloud; char trouble[240]; int64_t strikes; };
void engine_health(struct engine *, struct engine_health *);

#endif
