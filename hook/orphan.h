/* Orphans: things in the cloud that carry our mark, and of which neither an entry nor a row of the store knows.  They are
 * reported, and nothing is done to them by itself: whoever uses the same installation id by mistake would lose everybody
 * otherwise.  Once an administrator has approved, each gets a row, is cut at once, and is taken down as anybody is whose
 * grace is over: by the guard, within the budget, after one more look at the directory. */
#ifndef ROLLCALL_HOOK_ORPHAN_H
#define ROLLCALL_HOOK_ORPHAN_H

#include "hook/engine.h"
#include "hook/roll.h"

/* May anybody be taken for unknown?  As engine_parts.believed. */
bool orphan_believed(void *feed);
/* For workers, as engine_parts.orphans; ctx is the feed.  Fails: TEMP (store). */
MUST_USE int orphan_judge(void *feed, const struct owned *const *list, size_t count, struct arena *, struct orphan_counts *out,
	struct err *e);

#endif
