/* Figures of `status`: how long leavers kept their access, whose access is not taken away yet, and what the brakes let
 * through within their windows. */
#include <stdlib.h>

#include "common/str.h"
#include "hook/desk_inside.h"
#include "policies/brake.h"
#include "policies/dormant.h"
#include "policies/stage.h"

#define MEASURED_MOST 10000     /* the newest departures that count */
#define STUCK_MOST 20
#define DORMANT_MOST 50
#define SERVING (1u << STAGE_ACTIVE | 1u << STAGE_HELD)

/* --- leavers --------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The smallest of them that at least so many per cent do not exceed. */
static int64_t percentile(const int64_t *sorted, size_t n, unsigned percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}

static int put_offboarding(const struct desk_request *r, struct json *into, struct err *e)
{
	struct store_offboarding *all;
	struct json *o = json_object(r->arena);
	size_t count, n = 0;
	int64_t unknown = 0, waiting = 0, unproved = 0;
	int rc = store_offboardings(r->parts->store, MEASURED_MOST, r->arena, &all, &count, e);
	if (rc)
		return rc;
	int64_t *took = arena_alloc(r->arena, (count + 1) * sizeof(*took));
	for (size_t i = 0; i < count; i++) {
		bool refused = all[i].refused_ms > 0;
		if (refused && all[i].changed_ms)
			took[n++] = all[i].refused_ms - all[i].changed_ms;
		unknown += refused && !all[i].changed_ms;
		unproved += !refused && all[i].given_up_ms;
		waiting += !refused && !all[i].given_up_ms;
	}
	qsort(took, n, sizeof(*took), ascending);
	json_put_uint(o, "measured", n);
	if (n) {
		json_put_int(o, "p50_ms", percentile(took, n, 50));
		json_put_int(o, "p95_ms", percentile(took, n, 95));
		json_put_int(o, "p99_ms", percentile(took, n, 99));
		json_put_int(o, "max_ms", took[n - 1]);
	}
	json_put_int(o, "no_moment_of_change", unknown);
	json_put_int(o, "not_refused_yet", waiting);
	json_put_int(o, "not_proved", unproved);
	json_put(into, "offboarding", o);
	return 0;
}

static int put_stuck(const struct desk_request *r, struct json *into, struct err *e)
{
	struct store_line *lines;
	size_t count;
	int64_t total;
	int rc = store_stuck(r->parts->store, clock_now(r->parts->clock), STUCK_MOST, r->arena, &lines, &count, &total, e);
	if (rc)
		return rc;
	json_put_int(into, "stuck", total);
	json_put(into, "stuck_people", desk_lines(r, lines, count));
	return 0;
}

/* --- idle keys ------------------------------------------------------------------------------------------------- */

static int put_dormant(const struct desk_request *r, struct json *into, struct err *e)
{
	int64_t total, watched, now = clock_now(r->parts->clock), after = r->parts->settings->life.dormant_ms;
	struct json *list = json_array(r->arena);
	struct store_idle *people, *nobody;
	size_t count, none;
	if (!after)
		return 0;
	int rc = store_idle(r->parts->store, now - after, now - DORMANT_GAP_MS, DORMANT_MOST, r->arena, &people, &count, &total, e);
	if (!rc)
		rc = store_idle(r->parts->store, INT64_MAX, now - DORMANT_GAP_MS, 0, r->arena, &nobody, &none, &watched, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		const struct profile_settings *p = settings_profile(r->parts->settings, people[i].profile);
		struct json *o = json_object(r->arena);
		json_put_text(o, "login", people[i].login);
		json_put_text(o, "uuid", people[i].uuid);
		desk_put_time(o, "idle_since", people[i].idle_since_ms);
		desk_put_time(o, "key_used", people[i].used_ms);
		desk_put_time(o, "last_login", people[i].login_ms);
		json_put_text(o, "next", people[i].is_protected ? "stays: protected" : p && p->park ? "will be parked" : "stays");
		json_push(list, o);
	}
	json_put_text(into, "dormant_after", str_duration(r->arena, after));
	json_put_int(into, "dormant", total);
	json_put_int(into, "dormant_watched", watched);
	json_put(into, "dormant_people", list);
	return 0;
}

/* --- brakes ---------------------------------------------------------------------------------------------------- */

struct window { const char *brake, *name; int64_t ms, through, held, limit; };      /* held, limit -1: has none */

static void push(const struct desk_request *r, struct json *list, const struct window *w)
{
	struct json *o = json_object(r->arena);
	json_put_text(o, "brake", w->brake);
	json_put_text(o, "window", w->name);
	json_put_int(o, "through", w->through);
	if (w->held >= 0)
		json_put_int(o, "held_back", w->held);
	if (w->limit >= 0)
		json_put_int(o, "limit", w->limit);
	json_push(list, o);
}

/* Whom lists hold back that began within the window: they count against the brake, too. */
static int held_back(const struct desk_request *r, enum frozen_kind kind, int64_t since_ms, int64_t *out, struct err *e)
{
	struct store_frozen_sum *sums;
	size_t n;
	int rc = store_frozen_sums(r->parts->store, since_ms, r->arena, &sums, &n, e);
	*out = 0;
	for (size_t i = 0; !rc && i < n; i++)
		if (sums[i].kind == (int)kind && sums[i].state != FROZEN_APPROVED)
			*out += sums[i].people;
	return rc;
}

static int put_departures(const struct desk_request *r, struct json *list, struct err *e)
{
	const struct settings *s = r->parts->settings;
	const struct brake_limit limits[] = { { s->life.departures_hour, s->life.departures_percent },
		{ s->life.departures_day, s->life.departures_percent_day } };
	struct window w[] = { { .brake = "departures", .name = "hour", .ms = BRAKE_HOUR_MS },
		{ .brake = "departures", .name = "day", .ms = BRAKE_DAY_MS } };
	int64_t roll, now = clock_now(r->parts->clock);
	int rc = store_roll_size(r->parts->store, NULL, SERVING, &roll, e);
	for (size_t i = 0; !rc && i < ARRAY_LEN(w); i++) {
		rc = store_acts(r->parts->store, ACT_KIND_DEPARTURE, NULL, now - w[i].ms, &w[i].through, NULL, e);
		if (!rc)
			rc = held_back(r, FROZEN_DEPARTURE, now - w[i].ms, &w[i].held, e);
		w[i].limit = brake_allows(&limits[i], roll);
		if (!rc)
			push(r, list, &w[i]);
	}
	return rc;
}

/* 0 in the settings: no limit. */
static int64_t limit_of(int64_t setting)
{
	return setting > 0 ? setting : -1;
}

static int put_others(const struct desk_request *r, struct json *list, struct err *e)
{
	const struct settings *s = r->parts->settings;
	struct store *store = r->parts->store;
	int64_t ignored, now = clock_now(r->parts->clock);
	struct window joins = { .brake = "joins", .name = "hour", .limit = limit_of(s->life.joins_hour) },
		money = { .brake = "money (fen)", .name = "day", .held = -1, .limit = limit_of(settings_fen(s->life.money_day_yuan)) },
		holds = { .brake = "holds by alarm", .name = "hour", .held = -1, .limit = BRAKE_HOLDS },
		parked = { .brake = "parked", .name = "day", .held = -1, .limit = DORMANT_PARKS_DAY },
		retired = { .brake = "retirements", .name = "day", .limit = s->life.retirements_day };
	int rc = store_acts(store, ACT_KIND_JOIN, NULL, now - BRAKE_HOUR_MS, &joins.through, NULL, e);
	if (!rc)
		rc = held_back(r, FROZEN_JOIN, 0, &joins.held, e);
	if (!rc)
		rc = store_acts(store, ACT_KIND_JOIN, NULL, now - BRAKE_DAY_MS, &ignored, &money.through, e);
	if (!rc)
		rc = store_acts(store, ACT_KIND_HOLD, NULL, now - BRAKE_HOUR_MS, &holds.through, NULL, e);
	if (!rc)
		rc = store_acts(store, ACT_KIND_PARK, NULL, now - BRAKE_DAY_MS, &parked.through, NULL, e);
	if (!rc)
		rc = store_acts(store, ACT_KIND_RETIRE, NULL, now - BRAKE_DAY_MS, &retired.through, NULL, e);
	if (!rc)
		rc = store_retiring_count(store, now, &retired.held, e);
	if (rc)
		return rc;
	push(r, list, &joins);
	push(r, list, &money);
	push(r, list, &holds);
	if (s->life.dormant_ms)
		push(r, list, &parked);
	push(r, list, &retired);
	return 0;
}

int desk_put_figures(const struct desk_request *r, struct json *into, struct err *e)
{
	struct json *brakes = json_array(r->arena);
	int rc = put_offboarding(r, into, e);
	if (!rc)
		rc = put_stuck(r, into, e);
	if (!rc)
		rc = put_dormant(r, into, e);
	if (!rc)
		rc = put_departures(r, brakes, e);
	if (!rc)
		rc = put_others(r, brakes, e);
	if (!rc)
		json_put(into, "brakes", brakes);
	return rc;
}
