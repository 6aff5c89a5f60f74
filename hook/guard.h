/* May something irreversible begin now?  Destroying is allowed only while the world looks sound: no clock has jumped, the
 * cloud's time is ours, the source is trusted, the budget of the day is not used up, and the cloud still allows
 * destructions.  Whatever is not known keeps it closed.  Nothing that takes access away asks here.
 *
 * It is also where workers and the confirm thread meet: who is about to destroy something asks for one more look at the
 * directory, and goes on when the answer is there.  Safe between threads. */
#ifndef ROLLCALL_HOOK_GUARD_H
#define ROLLCALL_HOOK_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/json.h"
#include "hook/settings.h"
#include "hook/store/store.h"

#define GUARD_JUMP_MS (60 * 60 * 1000LL)        /* closed this long after a jump */
#define GUARD_STEP_MS (60 * 1000LL)             /* a jump: the two clocks differ by more than this from what they did */
#define GUARD_SKEW_MS (5 * 60 * 1000LL)         /* the cloud's time may differ by this much */
#define GUARD_DATE_MS (60 * 60 * 1000LL)        /* a Date older than this is none */
#define GUARD_CAP_MS (10 * 60 * 1000LL)         /* what DescribeEnvLimit said is asked again after this */
#define GUARD_CONFIRMED_MS (30 * 1000LL)        /* a look at the directory is as good as new for so long */

struct guard;
/* A wall clock that is behind what the store bears already is a jump. */
struct guard *guard_new(const struct settings *, struct store *, const struct clock *);
void guard_free(struct guard *);

/* --- what is known of the world ----------------------------------------------------------------------------- */
/* Compares the two clocks; whoever asks anything below does, too.  True once for each jump: *what (in the arena) is to be
 * told. */
bool guard_tick(struct guard *, struct arena *, const char **what);
/* How far the wall clock was set back, in all, since that was settled: what was due by it is due later than it should be.
 * 0: it was not. */
int64_t guard_set_back(struct guard *);
void guard_settled(struct guard *, int64_t by_ms);
/* How long it has not jumped, by the clock that nobody can set.  What it did before this process began nobody knows. */
int64_t guard_unbroken_ms(struct guard *);
/* The cloud's Date header, just seen. */
void guard_cloud_time(struct guard *, int64_t cloud_ms);
/* What DescribeEnvLimit said just now: how many environments may still be destroyed. */
void guard_destroy_cap(struct guard *, int64_t left);
/* Somebody would be retired if the two above were known: a worker asks the cloud.  True at most once a minute. */
bool guard_wants_look(struct guard *);
/* And for the confirm thread: such an answer has come since it was asked last. */
bool guard_was_answered(struct guard *);

/* --- may it be ------------------------------------------------------------------------------------------------ */
/* May a call that destroys something be made, as far as clocks say?  *why in the arena when not. */
bool guard_is_sound(struct guard *, struct arena *, const char **why);
/* May one more retirement begin?  *why as above. */
bool guard_lets_retire(struct guard *, bool trusted, struct arena *, const char **why);

/* --- the last look -------------------------------------------------------------------------------------------- */
enum guard_look {
	GUARD_GONE,        /* looked at just now: he is still out */
	GUARD_STAYS,       /* he is not, or nobody can tell; *why in the arena */
	GUARD_ASKED,       /* it is on its way: come again */
};
/* For workers.  Asks for a look unless there is an answer; a STAYS is given once. */
enum guard_look guard_last_look(struct guard *, const char *uuid, struct arena *, const char **why);
/* For the confirm thread: whose look is asked for?  False: nobody's. */
bool guard_asked(struct guard *, char uuid[UUID_TEXT]);
/* why NULL: he is still out.  Also of somebody who was not asked for. */
void guard_answer(struct guard *, const char *uuid, const char *why);

/* {"retirements_today": n, "retirements_per_day": n, "retirements_waiting": n, "retirements_closed": "why",
 * "retirements": [{"login": "...", "uuid": "...", "retire_after": "...", "note": "..."}], "destructions_left": n}; the longest
 * out first, the first of them; what is not known, or not so, is left out. */
void guard_health(struct guard *, struct arena *, struct json *into);

#endif
