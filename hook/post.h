/* Write-back: what the directory should show of a person is composed after every walk, kept in the outbox, and
 * written by a thread with an LDAP handle of its own.  It outlives a directory outage and is idempotent.
 *
 * A letter's payload is JSON: {"rollcallStage": "active", ..., "rollcallSealedKey": "<base64>"}; an attribute
 * that is not named is taken out of the entry.  Sealing is randomised, so the digest that decides whether
 * something is new covers key ids and recipients instead of the sealed bytes, and unchanged secrets are not
 * sealed anew. */
#ifndef ROLLCALL_HOOK_POST_H
#define ROLLCALL_HOOK_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/account.h"
#include "cloud/resource.h"
#include "common/clock.h"
#include "common/seal.h"
#include "hook/settings.h"
#include "hook/store/store.h"

struct post;
struct post_parts {
	const struct settings *settings;
	struct store *store;
	const struct clock *clock;
	const struct seal_to *escrow;        /* the company's recipients; the employee's own is added per person */
	const struct seal_key *own_key;      /* opens what the store holds */
	/* Writes one entry: own_write() over a kept connection, or a test's model of a directory.  oldest: the evidence of the
	 * cut, or NULL; an entry that is older is left alone, since our own write would make it look newer than the cut.
	 * Fails: ABSENT (no entry: of whoever has left that settles the letter, else it is tried again), TEMP (code "older":
	 * this entry only), PERM, AUTH. */
	int (*deliver)(void *ctx, const char *uuid, const char *oldest, const char *payload, struct arena *, bool *changed,
		struct err *e);
	void *deliver_ctx;
};
struct post *post_new(const struct post_parts *);
void post_free(struct post *);

/* The root account's uin, told once it is known: a console login needs it, so it stands in the sealed password. */
void post_owner(struct post *, uint64_t owner_uin);

/* Compose the letter of this account and put it into the outbox when it says something new.  Only the person's
 * current generation writes; *pending tells whether the directory still lacks it.
 * Nothing is composed for an account that never had a resource.  Fails: TEMP (store), INPUT (sealing). */
MUST_USE int post_compose(struct post *, const struct store_person *, const struct store_account *, const struct found *,
	struct arena *, bool *pending, struct err *e);
/* Deliver at most one letter.  1 = one was tried, 0 = nothing due (*next_due_ms says when). */
int post_step(struct post *, int64_t *next_due_ms);
/* Wait until a letter is due or post_wake() is called, at most max_ms. */
void post_wait(struct post *, int64_t max_ms);
void post_wake(struct post *);

/* The real `deliver`: one connection kept open, reconnecting over the list of servers (writes go to the first
 * that accepts them). */
struct post_directory;
struct post_directory *post_directory_new(const struct dir_settings *, const struct clock *);
void post_directory_free(struct post_directory *);
int post_directory_deliver(void *directory, const char *uuid, const char *oldest, const char *payload, struct arena *,
	bool *changed, struct err *e);

#endif
