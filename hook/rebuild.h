/* A lost store, made again from the owner marks in the cloud, which decide, and from Rollcall's own attributes of the
 * entries, which are hints.  Only looks, and writes one transaction into an empty store: may be killed and repeated at any
 * time.  Nobody is granted more than he had: whoever looks suspended stays so until there is newer evidence. */
#ifndef ROLLCALL_HOOK_REBUILD_H
#define ROLLCALL_HOOK_REBUILD_H

#include "hook/engine.h"
#include "hook/settings.h"
#include "ldap/source.h"

struct rebuild {
	const struct settings *settings;
	const struct roll_rules *rules;
	struct store *store;
	struct evidence *evidence;
	const struct clock *clock;
	struct source *source;         /* of its own: read until its first refresh has ended */
	struct call call;              /* with which it looks */
};
struct rebuild_counts { size_t people, accounts, active, suspended, held, retired, no_entry, missing; };

/* Fails: PERM (the store has people), INPUT (entries name accounts, and the cloud has nothing with our mark: the wrong root
 * account or installation), TEMP (directory, cloud or store; nothing was written). */
MUST_USE int rebuild_run(struct rebuild *, struct rebuild_counts *, struct err *e);

#endif
