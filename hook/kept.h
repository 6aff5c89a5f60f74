/* A secret as the store keeps it: sealed to Rollcall's own key pair, with whose it is inside. */
#ifndef ROLLCALL_HOOK_KEPT_H
#define ROLLCALL_HOOK_KEPT_H

#include "cloud/resource.h"
#include "common/seal.h"
#include "hook/store/store.h"

struct keeper { struct store *store; const struct seal_key *own_key; };

/* DER in the arena.  Fails: as seal(). */
MUST_USE int kept_seal(const struct keeper *, const char *uuid, uint64_t uin, const char *id, const struct secret *, struct arena *,
	unsigned char **der, size_t *n, struct err *e);
/* Owns: the caller frees *out.  Fails: ABSENT (never stored, sealed to a key that is gone, or another person's, sub-account's
 * or key's: as good as never stored), TEMP (store). */
MUST_USE int kept_open(const struct keeper *, int64_t account_id, const char *uuid, uint64_t uin, enum secret_kind, const char *id,
	struct arena *, struct secret **out, struct err *e);

#endif
