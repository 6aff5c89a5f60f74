#include "policies/brake.h"

#include <stddef.h>

#include "common/failpoint.h"

int64_t brake_allows(const struct brake_limit *l, int64_t roll)
{
	int64_t share = (int64_t)((double)roll * l->percent / 100.0);
	return share > l->count ? share : l->count;
}

static bool fits(const struct brake_limit *l, int64_t roll, int64_t departing)
{
	return departing <= brake_allows(l, roll);
}

bool brake_lets(const struct brake_rules *r, const struct brake_load *l, const char **why)
{
	*why = NULL;
	if (PLANTED("brake-off"))
		return true;
	if (!fits(&r->hour, l->roll, l->hour + l->wanting))
		*why = "more within an hour than life.departures_per_hour and life.departures_percent allow";
	else if (!fits(&r->day, l->roll, l->day + l->wanting))
		*why = "more within a day than life.departures_per_day and life.departures_percent_day allow";
	return !*why;
}

bool brake_lets_spend(const struct spend_rules *r, const struct spend_load *l, const char **why)
{
	*why = NULL;
	if (r->people_hour > 0 && l->people_hour + 1 > r->people_hour)
		*why = "as many as life.joins_per_hour allows joined within the hour";
	else if (r->fen_day > 0 && l->fen > 0 && l->fen_day + l->fen > r->fen_day)
		*why = "more would be spent within a day than life.money_per_day_yuan allows";
	return !*why;
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
