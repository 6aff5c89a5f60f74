/* The brakes: how many people may lose access because they are *absent*, how many may cost money because they join, how
 * many may be held by an alarm.  Pure counting over sliding windows; the store remembers what was let through
 * (store_acts).  Explicit disables never come here.
 *
 * Departures are judged for each branch of the directory by the branch's own roll, and for the whole directory, but for
 * branches of which nobody is left: a container that moved away says nothing of the others.  Who is held back counts as
 * well as who was let through, so that a brake that has tripped stays so until its list is approved or older than the
 * window.  An approved list counts no more, since somebody looked; a rejected one does, since it says that the source errs. */
#ifndef ROLLCALL_POLICIES_BRAKE_H
#define ROLLCALL_POLICIES_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

#define BRAKE_HOUR_MS (60 * 60 * 1000LL)
#define BRAKE_DAY_MS (24 * BRAKE_HOUR_MS)

struct brake_limit { int64_t count; double percent; };   /* of the roll; the greater of the two is allowed */
struct brake_rules { struct brake_limit hour, day; };
struct brake_load {
	int64_t roll;            /* people with an account, in the branch or everywhere */
	int64_t hour, day;       /* let through or held back within the window */
	int64_t wanting;         /* would depart now */
};
/* How many may depart within the window of this limit, of a roll of this size. */
int64_t brake_allows(const struct brake_limit *, int64_t roll);
/* May all who want to depart?  *why (constant text) is set when not. */
bool brake_lets(const struct brake_rules *, const struct brake_load *, const char **why);

/* 0: no limit. */
struct spend_rules { int64_t people_hour, fen_day; };
struct spend_load {
	int64_t people_hour, fen_day;    /* let through within the window */
	int64_t fen;                     /* what one more costs */
};
/* May one more join?  *why as above. */
bool brake_lets_spend(const struct spend_rules *, const struct spend_load *, const char **why);

/* May one more be held by an alarm, when `held` were within the hour?  More than that, and it is rather the probe or the
 * cloud that is wrong: alarm only. */
#define BRAKE_HOLDS 3
bool brake_lets_hold(int64_t held);

/* Is a refresh believable as proof of absence?  *why is set when not. */
struct refresh_facts { bool ended_well; int64_t named, known; };
bool brake_believes(const struct refresh_facts *, const char **why);

#endif
