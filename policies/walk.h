/* The walk brings one account to the column of its stage.  Plan and act are the same code.
 *
 * walk_cut:  the cut.  Without looking first and going on past failures: key off, console off, barrier on;
 *            then everything else that a leaver could use is listed and switched off.  What an earlier attempt of the
 *            same cut has done (after trust_since_ms) is not done again.
 * walk_run:  1. take away (rows that are not ON, in the order of the cut column, past failures),
 *            2. build (ON rows in order, stopping where a needed row fails).
 * Every step looks, then acts, then writes down.  Rows seen as wanted after trust_since_ms are not looked at. */
#ifndef ROLLCALL_POLICIES_WALK_H
#define ROLLCALL_POLICIES_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "policies/lifecycle.h"

struct walk {
	const struct lifecycle *life;
	enum stage stage;
	struct call *call;
	struct account *want;         /* changed only by regrant */
	struct found *found;
	int64_t trust_since_ms;
	struct json *plan;            /* array that receives one object per row, when call->plan */
	void *ctx;
	/* Make *want anew from what is found by now (the policy needs the environment).  Fails: INPUT. */
	MUST_USE int (*regrant)(void *ctx, const struct found *, struct account *want, struct err *e);
	/* Write down what was found.  Fails: TEMP. */
	MUST_USE int (*save)(void *ctx, const struct found *, struct err *e);
	/* One row failed (told once per row and walk). */
	void (*failed)(void *ctx, enum row_id, const struct err *e);
};

struct walk_result {
	bool complete;        /* every row is as the table wants it */
	struct err worst;     /* kind 0 when complete; WAIT and LIMIT carry the earliest due_ms */
};

void walk_cut(struct walk *, struct walk_result *);
void walk_run(struct walk *, struct walk_result *);

#endif
