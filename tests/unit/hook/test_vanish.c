/* A third of the directory vanishes while the wall clock steps: nobody is suspended by it, and who is really disabled is.
 * (The other faults of a source meet a real server in e2e/vanish.) */
#include "rig.h"

#include "policies/brake.h"

#define PEOPLE 40
#define HOUR 3600000LL
#define DAY (24 * HOUR)

/* The machine's wall clock is wrong by this much; the one that nobody can set goes on. */
static int64_t step_ms;
static int64_t wall(void *ctx) { return ((const struct clock_virtual *)ctx)->now_ms + step_ms; }

static const char *uuid(struct rig *r, unsigned n)
{
	char *text = arena_alloc(r->f.arena, UUID_TEXT);
	uuid_of(n, text);
	return text;
}

static void name(struct rig *r, unsigned n, const char *type, const char *csn)
{
	entry(r, uuid(r, n), arena_printf(r->f.arena, "u%u", n), type, csn);
}

/* A refresh that leaves out each third. */
static void told(struct rig *r, bool third_is_gone)
{
	tell(r, SOURCE_STARTED, NULL);
	for (unsigned i = 1; i <= PEOPLE; i++)
		if (!third_is_gone || i % 3)
			name(r, i, "staff", "5");
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
}

static unsigned in_stage(struct rig *r, enum stage stage)
{
	unsigned n = 0;
	for (unsigned i = 1; i <= PEOPLE; i++)
		n += (enum stage)account(r, uuid(r, i)).stage == stage;
	return n;
}

static size_t frozen(struct rig *r)
{
	struct store_frozen *rows;
	size_t n;
	OK(store_frozen_list(r->f.store, r->f.arena, &rows, &n, &r->f.e));
	return n;
}

static void goes_by(struct rig *r, int64_t ms)
{
	for (int64_t until = r->f.time.now_ms + ms; r->f.time.now_ms < until; r->f.time.now_ms += 10000)
		confirm_step(r->feed);
}

static void vanish(struct rig *r, int64_t by, int moment)
{
	step_ms = 0;
	told(r, false);
	assert_int_equal(in_stage(r, STAGE_ACTIVE), PEOPLE);
	step_ms = moment == 0 ? by : 0;
	told(r, true);
	name(r, 1, "left", "9");
	run(r);
	goes_by(r, 10000);                       /* they wait */
	step_ms = moment <= 1 ? by : 0;
	goes_by(r, 60000);                       /* they are frozen, or wait until the clock is there again */
	step_ms = by;
	goes_by(r, 2 * HOUR);
	told(r, true);
	goes_by(r, 60000);
	if (in_stage(r, STAGE_SUSPENDED) != 1 || (enum stage)account(r, uuid(r, 1)).stage != STAGE_SUSPENDED)
		fail_msg("%lld ms, at %d: %u are suspended, %zu frozen", (long long)by, moment, in_stage(r, STAGE_SUSPENDED), frozen(r));
	assert_int_equal(in_stage(r, STAGE_ACTIVE), PEOPLE - 1);
	told(r, false);
	goes_by(r, 60000);
	assert_int_equal(frozen(r), 0);
	assert_int_equal(in_stage(r, STAGE_ACTIVE), PEOPLE - 1);
}

static void steps(struct rig *r, int64_t by, int moment)
{
	r->f.clock.now_ms = wall;
	r->settings.life.departures_hour = 5;
	r->settings.life.departures_day = 5;
	r->settings.life.grace_ms = 100 * DAY;
	r->truthful = true;
	r->where = WHERE_INSIDE;
	vanish(r, by, moment);
}

#define STEP(name, by, moment) static void name(void **state) { steps(*state, by, moment); }
STEP(an_hour_on_before, HOUR, 0)
STEP(an_hour_on_while_they_wait, HOUR, 1)
STEP(an_hour_on_when_frozen, HOUR, 2)
STEP(a_month_on_before, 30 * DAY, 0)
STEP(a_month_on_while_they_wait, 30 * DAY, 1)
STEP(a_month_on_when_frozen, 30 * DAY, 2)
STEP(an_hour_back_before, -HOUR, 0)
STEP(an_hour_back_while_they_wait, -HOUR, 1)
STEP(an_hour_back_when_frozen, -HOUR, 2)
STEP(a_month_back_before, -30 * DAY, 0)
STEP(a_month_back_while_they_wait, -30 * DAY, 1)
STEP(a_month_back_when_frozen, -30 * DAY, 2)

int main(void)
{
	/* Brakes are told here on purpose. */
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		RIG(an_hour_on_before), RIG(an_hour_on_while_they_wait), RIG(an_hour_on_when_frozen),
		RIG(a_month_on_before), RIG(a_month_on_while_they_wait), RIG(a_month_on_when_frozen),
		RIG(an_hour_back_before), RIG(an_hour_back_while_they_wait), RIG(an_hour_back_when_frozen),
		RIG(a_month_back_before), RIG(a_month_back_while_they_wait), RIG(a_month_back_when_frozen),
	};
	return cmocka_run_group_tests_name("vanish", tests, NULL, NULL);
}
