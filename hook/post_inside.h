/* What the files behind post.h share. */
#ifndef ROLLCALL_HOOK_POST_INSIDE_H
#define ROLLCALL_HOOK_POST_INSIDE_H

#include "hook/post.h"

struct post {
	struct post_parts parts;
	_Atomic uint64_t owner_uin;
	int wake_fd;
	/* The connection to the directory failed: no letter is tried before this moment of the monotonic clock. */
	int64_t pause_mono;
	unsigned pauses;
	int64_t next_due_ms;       /* as the last step said */
};

/* What is sealed for a person. */
struct seal_subject {
	const struct store_person *person;
	const struct store_account *account;
	const struct found *found;
	const char *user, *region;     /* from the placement */
	uint64_t owner_uin;
};
enum { SEALED_KEY_VALUE, SEALED_PASSWORD_VALUE, SEALED_VALUES };
struct sealed {
	bool there;                /* the store has a secret for it */
	char *base64;              /* NULL: not there, or left out */
	char *identity;            /* what decides whether it must be sealed anew; NULL when left out */
};
struct sealing {
	struct sealed value[SEALED_VALUES];
	char *note;                /* why something was left out; NULL */
};

/* Which secrets are there to be sealed, and for whom: fills there and identity, and *to.  Owns: *to, the caller
 * frees it.  Fails: TEMP. */
MUST_USE int post_seal_plan(struct post *, const struct seal_subject *, struct arena *, struct sealing *, struct seal_to **to,
	struct err *e);
/* Seal them: fills base64, and takes out there and identity of what could not be opened.  Fails: INPUT, BUG, TEMP. */
MUST_USE int post_seal_all(struct post *, const struct seal_subject *, const struct seal_to *, struct arena *, struct sealing *,
	struct err *e);

#endif
