#include "policies/brake.h"

#include <stddef.h>

bool brake_lets(const struct brake_rules *r, int64_t roll, int64_t departed, int64_t wanting)
{
	double share = (double)roll * r->percent / 100.0;
	double allowed = share > (double)r->count ? share : (double)r->count;
	return (double)(departed + wanting) <= allowed;
}

bool brake_lets_hold(int64_t held)
{
	return held < BRAKE_HOLDS;
}

bool brake_believes(const struct refresh_facts *f, const char **why)
{
	*why = NULL;
	if (!f->ended_well)
		*why = "the refresh did not end with success";
	else if (f->named == 0 && f->known > 0)
		*why = "the directory named nobody at all";
	return !*why;
}
