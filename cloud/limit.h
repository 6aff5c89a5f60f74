/* Rate limits: one bucket per action (documented defaults in the action table), shared by all workers.
 * It never sleeps: it says yes, or when to come back.  Callers who are refused get moments one after the
 * other, so that they do not all come back at once.  When the cloud throttles all the same, the bucket's
 * rate halves and recovers slowly. */
#ifndef ROLLCALL_CLOUD_LIMIT_H
#define ROLLCALL_CLOUD_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/err.h"

struct limit;
/* share: part of the documented rates that this daemon may use (0 < share <= 1). */
struct limit *limit_new(size_t buckets, const double *per_second, double share, const struct clock *);
void limit_free(struct limit *);
enum limit_claim {
	LIMIT_ORDINARY,
	LIMIT_URGENT,      /* revocations: may use the reserve that others leave */
	LIMIT_BEGUN,       /* the rest of a look whose first call was let through: goes a little beyond that, too */
};
/* Fails: LIMIT with due_ms. */
MUST_USE int limit_take(struct limit *, size_t bucket, enum limit_claim, struct err *e);
void limit_throttled(struct limit *, size_t bucket);

#endif
