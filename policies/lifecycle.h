/* The life cycle: which resource must be in which state at which stage.  The table in lifecycle.c is the page;
 * walk.c executes it; a new kind of resource is one driver and one row. */
#ifndef ROLLCALL_POLICIES_LIFECYCLE_H
#define ROLLCALL_POLICIES_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cloud/account.h"
#include "cloud/resource.h"
#include "common/err.h"
#include "policies/stage.h"

enum cell {
	CELL_ON,      /* as desired */
	CELL_LOCK,    /* there but unusable; never created in order to be locked */
	CELL_KEEP,    /* neither created nor removed: only open intents are settled */
	CELL_OFF,     /* not there */
};
const char *cell_name(enum cell);

struct row {
	enum row_id id;
	enum cell cells[STAGE_COUNT];
	unsigned cut;            /* order of taking away, 1 first */
	bool needed;             /* later rows need it: building stops when it fails */
	const struct driver *driver;
};

/* Rows up to this place of the `cut` column are the cut itself: lane revoke. */
#define CUT_LAST 4

/* The table with the drivers in it.  delivery: the driver of the one row that is not in the cloud. */
struct lifecycle { struct row rows[ROW_COUNT]; };
void lifecycle_make(struct lifecycle *, const struct driver *delivery);
/* The same with every driver given by the caller (tests). */
void lifecycle_make_from(struct lifecycle *, const struct driver *const drivers[ROW_COUNT]);
/* Refuses a table that asks the impossible: LOCK of what cannot be locked, LOCK and KEEP such that a person who
 * comes back would stay locked, a cut order that is not 1..ROW_COUNT, the user not last.  Fails: BUG. */
MUST_USE int lifecycle_check(const struct lifecycle *, struct err *e);

#endif
