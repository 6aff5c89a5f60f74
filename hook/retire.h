/* Retirement: whoever is still gone when his grace is over is taken down, after one more look at that moment. */
#ifndef ROLLCALL_HOOK_RETIRE_H
#define ROLLCALL_HOOK_RETIRE_H

#include "hook/feed.h"

/* For the confirm thread.  1 = somebody was retired, 0 = nothing to do now. */
int retire_step(struct feed *);

#endif
