/* The departure brake: how many people may lose access because they are *absent*.  Pure counting; the store
 * remembers what was let through.  Explicit disables never come here. */
#ifndef ROLLCALL_POLICIES_BRAKE_H
#define ROLLCALL_POLICIES_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

#define BRAKE_WINDOW_MS (60 * 60 * 1000LL)

struct brake_rules { int64_t count; double percent; };   /* the greater of the two is allowed in one window */

/* May `wanting` more depart, when `departed` did within the window and `roll` people are managed? */
bool brake_lets(const struct brake_rules *, int64_t roll, int64_t departed, int64_t wanting);

/* May one more be held by an alarm, when `held` were within the window?  More than that, and it is rather the probe or the
 * cloud that is wrong: alarm only. */
#define BRAKE_HOLDS 3
bool brake_lets_hold(int64_t held);

/* Is a refresh believable as proof of absence?  *why is set when not. */
struct refresh_facts { bool ended_well; int64_t named, known; };
bool brake_believes(const struct refresh_facts *, const char **why);

#endif
