/* May something irreversible begin now?  Destroying is allowed only while the world looks sound: the source is trusted, the
 * second opinion comes from a server that can be written, no clock has jumped, the cloud's time is ours, the budget of the
 * day is not used up, and the cloud still allows destructions.  Safe between threads. */
#ifndef ROLLCALL_HOOK_GUARD_H
#define ROLLCALL_HOOK_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/json.h"
#include "hook/settings.h"
#include "hook/store/store.h"

#define GUARD_JUMP_MS (60 * 60 * 1000LL)    /* closed this long after a jump */
#define GUARD_SKEW_MS (5 * 60 * 1000LL)     /* the cloud's time may differ by this much */

struct guard;
struct guard *guard_new(const struct settings *, struct store *, const struct clock *);
void guard_free(struct guard *);

/* The cloud's Date header, just seen. */
void guard_cloud_time(struct guard *, int64_t cloud_ms);
/* What DescribeEnvLimit said just now: how many environments may still be destroyed, this month and in all. */
void guard_destroy_cap(struct guard *, int64_t left);
/* Compares the two clocks; the confirm thread calls it about once a second.  A jump of the wall clock by more than a minute
 * against the other one closes the guard. */
void guard_tick(struct guard *);

/* *why in the arena when not. */
bool guard_lets_retire(struct guard *, bool trusted, struct arena *, const char **why);
/* One begins: on record as ACT_KIND_RETIRE.  Fails: TEMP. */
MUST_USE int guard_retired(struct guard *, const char *uuid, const char *branch, struct err *e);
/* {"retirements_today": n, "budget": n, "destructions_left": n, "closed": "why"} */
void guard_health(struct guard *, struct json *into);

#endif
