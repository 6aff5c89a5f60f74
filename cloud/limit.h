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
/* Fails: LIMIT with due_ms.  urgent: revocations, which may use the reserve that others leave. */
MUST_USE int limit_take(struct limit *, size_t bucket, int urgent, struct err *e);
void limit_throttled(struct limit *, size_t bucket);

#endif
