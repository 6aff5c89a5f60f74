/* The listing audit: every hour (life.listing_audit) complete listings of sub-accounts, policies, environments and servers
 * are compared with the store.  Whoever differs is woken, and his walk looks and repairs; what carries our mark and has no
 * account is told (hook/orphan.h); what carries none is counted.  Nothing in the cloud is changed here.
 *
 * What listings do not show (keys, attached policies, the boundary) is looked at account by account, in life.audit. */
#ifndef ROLLCALL_HOOK_AUDIT_H
#define ROLLCALL_HOOK_AUDIT_H

#include "hook/engine.h"

struct audit;
struct audit *audit_new(const struct engine_parts *);        /* the parts stay the caller's */
void audit_free(struct audit *);

/* For workers that have nothing else to do: one at a time.  Goes on where it was when a rate limit stopped it.  `with` says
 * how to call.  1 = something was done (failed->kind: what stopped it for good, for now), 0 = nothing is due; *next_due_ms
 * becomes the earlier of itself and the next one. */
int audit_step(struct audit *, const struct call *with, int64_t *next_due_ms, struct err *failed);
/* It is due now. */
void audit_now(struct audit *);
/* {"audit": {"at": "...", "seen": n, "differed": n, "access": n, "newer": n, "twice": n, "orphans": n, "unmarked": "...",
 * "other_installations": "...", "trouble": "..."}, "orphans": ["uuid: what there is"...]}; what is 0 is left out. */
void audit_health(struct audit *, struct arena *, struct json *into);

#endif
