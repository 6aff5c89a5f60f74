/* The engine's list of leavers whom the store could not take in: they are cut from memory, and refused to every
 * walk until the store knows of them.  Bounded; what does not fit is found again by the next refresh.
 *
 * Each is struck twice: the second time later than any call that is on its way at the first could land.
 * Moments are those of the clock that nobody can set.  Safe between threads. */
#ifndef ROLLCALL_HOOK_STRIKES_H
#define ROLLCALL_HOOK_STRIKES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/str.h"

struct strikes;
struct strikes *strikes_new(const struct clock *, int64_t again_ms);     /* again_ms: from the first to the second */
void strikes_free(struct strikes *);

void strikes_add(struct strikes *, const char *uuid);         /* nothing when he is there already */
bool strikes_has(struct strikes *, const char *uuid);
void strikes_over(struct strikes *, const char *uuid);        /* the store knows */
/* Claim the next that is due; false when none is. */
bool strikes_pop(struct strikes *, char uuid[UUID_TEXT]);
/* A claimed one was cut completely; not called, he is due again soon. */
void strikes_done(struct strikes *, const char *uuid);
/* Milliseconds until one is due; INT64_MAX when none ever is. */
int64_t strikes_wait(struct strikes *);
int64_t strikes_count(struct strikes *);

#endif
