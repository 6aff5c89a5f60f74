#include "cloud/limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/mem.h"

/* The generic cell rate algorithm: a bucket is one moment, `next`, at which the next call would keep exactly to the
 * rate; a call may come up to `early` before it, and moves it one interval on.
 *
 * The documented limit is N calls in a second.  With a burst of b calls, any second sees at most b + rate of them,
 * so the rate is N less the burst.  The burst of two is there for callers who come back a little late: without it
 * each late call would be lost time. */
struct bucket {
	double interval;      /* milliseconds between two calls at full rate */
	double early;         /* how much before `next` an ordinary call may come */
	double reserve;       /* how much more an urgent one may */
	double next;
	double promised;      /* the moment given to the caller that was refused last */
	double factor;        /* 1 = full rate; less after the cloud throttled */
	double throttled, eased;
};

struct limit {
	pthread_mutex_t lock;
	const struct clock *clock;
	size_t count;
	struct bucket buckets[];
};

#define BEGUN_CALLS 2           /* one a worker; that two workers are in the middle of the same look is rare enough */
#define SLOWEST (1.0 / 16)
#define EASE_MS 5000.0          /* after each such time without throttling the rate grows by an eighth of the full one */
#define SAME_BURST_MS 500.0     /* refusals of calls that were under way together count once */
#define FURTHEST_MS 600000.0    /* promises do not run further ahead than this */

static void fill(struct bucket *b, double per_second)
{
	double burst = per_second >= 3 ? 2 : 1;
	double rate = burst > 1 ? per_second - 1.1 : per_second * 0.95;
	if (rate > per_second * 0.95)
		rate = per_second * 0.95;
	b->interval = 1000 / rate;
	b->early = (burst - 1) * b->interval;
	b->reserve = (1 + per_second / 5) * b->interval;
	b->next = b->promised = b->throttled = -1e18;
	b->factor = 1;
}

struct limit *limit_new(size_t buckets, const double *per_second, double share, const struct clock *clock)
{
	struct limit *l = mem_alloc(sizeof(*l) + buckets * sizeof(l->buckets[0]));
	pthread_mutex_init(&l->lock, NULL);
	l->clock = clock;
	l->count = buckets;
	for (size_t i = 0; i < buckets; i++)
		fill(&l->buckets[i], per_second[i] * share);
	return l;
}

void limit_free(struct limit *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void ease(struct bucket *b, double now)
{
	if (b->factor >= 1)
		return;
	while (b->factor < 1 && now - b->eased >= EASE_MS) {
		b->factor += 0.125;
		b->eased += EASE_MS;
	}
	if (b->factor > 1)
		b->factor = 1;
}

/* Milliseconds until the caller may come back; 0 = the call may go. */
static double take(struct bucket *b, double now, enum limit_claim claim)
{
	ease(b, now);
	double interval = b->interval / b->factor;
	bool urgent = claim != LIMIT_ORDINARY;
	double early = b->early + (urgent ? b->reserve : 0) + (claim == LIMIT_BEGUN ? BEGUN_CALLS * interval : 0);
	if (b->next - early <= now) {
		b->next = (b->next > now ? b->next : now) + interval;
		return 0;
	}
	double due = b->next - early;
	if (!urgent) {
		if (b->promised + interval > due)
			due = b->promised + interval;
		if (due > now + FURTHEST_MS)
			due = now + FURTHEST_MS;
		b->promised = due;
	}
	return due - now;
}

int limit_take(struct limit *l, size_t bucket, enum limit_claim claim, struct err *e)
{
	if (bucket >= l->count)
		return err_set(e, ERR_BUG, "no bucket %zu", bucket);
	pthread_mutex_lock(&l->lock);
	double wait = take(&l->buckets[bucket], (double)clock_mono(l->clock), claim);
	pthread_mutex_unlock(&l->lock);
	if (wait <= 0)
		return 0;
	int64_t ms = (int64_t)wait + 1;
	return err_due(e, ERR_LIMIT, clock_now(l->clock) + ms, "rate limit: the next call may be made in %lld ms", (long long)ms);
}

void limit_throttled(struct limit *l, size_t bucket)
{
	if (bucket >= l->count)
		return;
	pthread_mutex_lock(&l->lock);
	struct bucket *b = &l->buckets[bucket];
	double now = (double)clock_mono(l->clock);
	if (now - b->throttled >= SAME_BURST_MS) {
		ease(b, now);
		b->factor = b->factor / 2 < SLOWEST ? SLOWEST : b->factor / 2;
		b->throttled = b->eased = now;
		/* The cloud's own window is full: nothing more in this interval. */
		if (b->next < now + b->interval / b->factor)
			b->next = now + b->interval / b->factor;
	}
	pthread_mutex_unlock(&l->lock);
}
