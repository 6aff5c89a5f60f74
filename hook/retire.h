/* Retirement: whoever is still out when his grace is over is taken down.  Each step of it that cannot be undone is taken
 * only at a moment at which nothing speaks against it: the guard is open, the source is trusted, nothing puts the absence of
 * people near him in doubt, and a server that is no copy shows him out once more. */
#ifndef ROLLCALL_HOOK_RETIRE_H
#define ROLLCALL_HOOK_RETIRE_H

#include "hook/feed.h"

/* For the confirm thread: begins retirements, the longest out first, says of the others why they wait, and looks again for
 * workers.  1 = something was done, 0 = nothing to do now. */
int retire_step(struct feed *);

/* For workers, as engine_parts.may_destroy; ctx is the feed.  An older generation of somebody who came back is taken down to
 * the end wherever he is now, unless he is protected by now.  Fails: WAIT (not now; due says when to ask again), TEMP (store). */
int retire_may_destroy(void *feed, const char *uuid, unsigned generation, struct err *e);

#endif
