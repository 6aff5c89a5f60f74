/* Dormant keys (life.dormant): once a day the cloud is asked when each active key was used last.  Whoever neither used his
 * nor logged in on this machine for so long is listed in `status`, and held until his next login where his profile
 * says so (profiles.park).  What the cloud tells is judged in policies/dormant.h. */
#ifndef ROLLCALL_HOOK_DORMANT_H
#define ROLLCALL_HOOK_DORMANT_H

#include "hook/engine.h"

struct dormant;
struct dormant *dormant_new(const struct engine_parts *);        /* the parts stay the caller's */
void dormant_free(struct dormant *);

/* For workers that have nothing else to do: one call of the cloud, by one of them at a time.  `with` says how to call.
 * 1 = something was done (failed->kind: what stopped it for now), 0 = nothing is due; *next_due_ms becomes the earlier of
 * itself and the next turn. */
int dormant_step(struct dormant *, const struct call *with, int64_t *next_due_ms, struct err *failed);

#endif
