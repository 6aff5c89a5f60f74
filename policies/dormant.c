#include "policies/dormant.h"

#include <string.h>

#define BEIJING_MS (8 * 60 * 60 * 1000)
#define NEAR_MS (60 * 60 * 1000)       /* our clock and the cloud's may see midnight at different moments */

static int64_t day_of(int64_t ms)
{
	return (ms + BEIJING_MS) / DORMANT_DAY_MS;
}

static bool is_ours(int64_t ms, int64_t own_ms)
{
	return day_of(ms) >= day_of(own_ms - NEAR_MS) && day_of(ms) <= day_of(own_ms + NEAR_MS);
}

/* It tells a moment that is no proof's. */
static bool is_his(const struct watch *w, int64_t told)
{
	return told > 0 && !is_ours(told, w->own_ms[0]) && !is_ours(told, w->own_ms[1]);
}

bool dormant_heard(struct watch *w, const int64_t *told, size_t count, int64_t proof_ms, int64_t now_ms)
{
	int64_t newest = 0;
	for (size_t i = 0; i < count; i++)
		newest = told[i] > newest ? told[i] : newest;
	bool should_know = proof_ms > 0 && now_ms - proof_ms > DORMANT_LATE_MS;
	if (proof_ms <= 0 || (should_know && day_of(newest) < day_of(proof_ms - NEAR_MS)))
		return false;
	bool hidden = proof_ms != w->own_ms[0] && w->own_ms[0] && proof_ms - w->own_ms[0] < DORMANT_PROOFS_MS - NEAR_MS;
	if (proof_ms != w->own_ms[0]) {
		w->own_ms[1] = w->own_ms[0];
		w->own_ms[0] = proof_ms;
	}
	if (hidden || now_ms < w->asked_ms || now_ms - w->asked_ms > DORMANT_GAP_MS)
		w->since_ms = now_ms;
	w->asked_ms = now_ms;
	for (size_t i = 0; i < count; i++)
		if (is_his(w, told[i]) && told[i] > w->used_ms)
			w->used_ms = told[i];
	return true;
}

bool dormant_lets_park(int64_t parked)
{
	return parked < DORMANT_PARKS_DAY;
}

bool dormant_is_hold(const char *reason)
{
	return reason && !strncmp(reason, DORMANT_HOLD, strlen(DORMANT_HOLD));
}
