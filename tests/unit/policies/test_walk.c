/* The walk with drivers of straw: from every starting situation, with any one driver failing once, two walks end
 * in the column of the table, and a third changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "policies/walk.h"

static struct {
	enum seen there[ROW_COUNT];
	int fails_at;                 /* this call of a changing verb fails; -1 none */
	int budget;                   /* so many of them are let through in one walk; 0 any number */
	int calls;                    /* changing verbs called */
	enum row_id order[64];
	const char *verbs[64];
	bool foreign_touched;
} straw;

static int verb(struct call *c, const char *name, enum seen becomes, struct err *e)
{
	if (straw.there[c->row] == SEEN_FOREIGN)
		straw.foreign_touched = true;
	if (straw.calls < 64) {
		straw.order[straw.calls] = c->row;
		straw.verbs[straw.calls] = name;
	}
	if (straw.calls++ == straw.fails_at)
		return err_set(e, ERR_TEMP, "straw broke");
	if (straw.budget && straw.calls > straw.budget)
		return err_due(e, ERR_LIMIT, 2000, "rate limit");
	straw.there[c->row] = becomes;
	return 0;
}

static int straw_observe(struct call *c, const struct account *w, struct found *f, enum seen *out, struct err *e)
{
	(void)w, (void)f, (void)e;
	*out = straw.there[c->row];
	return 0;
}
static int straw_ensure(struct call *c, const struct account *w, struct found *f, struct err *e)
{
	(void)w, (void)f;
	return verb(c, "ensure", SEEN_OK, e);
}
static int straw_lock(struct call *c, const struct account *w, struct found *f, struct err *e)
{
	(void)w, (void)f;
	if (c->cutting && straw.there[c->row] == SEEN_NONE)
		return 0;
	return verb(c, "lock", SEEN_LOCKED, e);
}
static int straw_remove(struct call *c, const struct account *w, struct found *f, struct err *e)
{
	(void)w, (void)f;
	return verb(c, "remove", SEEN_NONE, e);
}
static int straw_cut(struct call *c, const struct account *w, struct found *f, struct err *e)
{
	(void)w, (void)f;
	return verb(c, "cut", straw.there[c->row] == SEEN_NONE ? SEEN_NONE : SEEN_LOCKED, e);
}

static const struct driver straw_driver = { .name = "straw", .observe = straw_observe, .ensure = straw_ensure, .lock = straw_lock,
	.remove = straw_remove, .cut = straw_cut };

static int regrant(void *ctx, const struct found *f, struct account *w, struct err *e)
{
	(void)ctx, (void)f, (void)w, (void)e;
	return 0;
}
static int save(void *ctx, const struct found *f, struct err *e)
{
	(void)ctx, (void)f, (void)e;
	return 0;
}

static struct clock_virtual moment;
static struct clock clk;
static struct lifecycle life;
static struct found found;
static struct account want;

static struct walk_result walk_since(enum stage stage, bool cut, int64_t trust_since_ms)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct api api = { 0 };
	struct walk_result r;
	struct call call = { .api = &api, .arena = a, .clock = &clk };
	struct walk w = { .life = &life, .stage = stage, .call = &call, .want = &want, .found = &found, .regrant = regrant, .save = save,
		.trust_since_ms = trust_since_ms };
	if (cut)
		walk_cut(&w, &r);
	else
		walk_run(&w, &r);
	return r;
}

static struct walk_result walk_once(enum stage stage, bool cut, bool plan, struct json **out)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct api api = { 0 };
	struct walk_result r;
	struct call call = { .api = &api, .arena = a, .clock = &clk, .plan = plan };
	struct walk w = { .life = &life, .stage = stage, .call = &call, .want = &want, .found = &found, .regrant = regrant, .save = save,
		.trust_since_ms = INT64_MAX, .plan = plan ? json_array(a) : NULL };
	if (cut)
		walk_cut(&w, &r);
	else
		walk_run(&w, &r);
	if (out)
		assert_int_equal(json_count(w.plan), ROW_COUNT - (stage == STAGE_ACTIVE ? 1 : 0));
	return r;
}

static bool holds(enum cell cell, enum seen seen, enum seen before)
{
	switch (cell) {
	case CELL_ON: return seen == SEEN_OK;
	case CELL_LOCK: return seen == SEEN_NONE || seen == SEEN_LOCKED;
	case CELL_OFF: return seen == SEEN_NONE;
	case CELL_KEEP: return seen == before;
	}
	return false;
}

static void start(unsigned bits, enum seen before[ROW_COUNT], int fails_at)
{
	memset(&straw, 0, sizeof(straw));
	memset(&found, 0, sizeof(found));
	straw.fails_at = fails_at;
	for (int i = 0; i < ROW_COUNT; i++)
		before[i] = straw.there[i] = bits & (1u << i) ? (i % 3 ? SEEN_OK : SEEN_LOCKED) : SEEN_NONE;
}

static void two_walks_are_enough(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	for (int stage = STAGE_ACTIVE; stage < STAGE_COUNT; stage++)
		for (unsigned bits = 0; bits < 1u << ROW_COUNT; bits += 5)
			for (int fails = -1; fails < 6; fails++) {
				start(bits, before, fails);
				walk_once((enum stage)stage, false, false, NULL);
				walk_once((enum stage)stage, false, false, NULL);
				int calls = straw.calls;
				struct walk_result r = walk_once((enum stage)stage, false, false, NULL);
				assert_true(r.complete);
				assert_int_equal(straw.calls, calls);
				for (int i = 0; i < ROW_COUNT; i++)
					if (!holds(life.rows[i].cells[stage], straw.there[i], before[i]))
						fail_msg("stage %d start %u fail %d: row %d is %s", stage, bits, fails, i,
							seen_name(straw.there[i]));
			}
}

static void the_cut_comes_in_order(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	start((1u << ROW_COUNT) - 1, before, -1);
	struct walk_result r = walk_once(STAGE_SUSPENDED, true, false, NULL);
	assert_true(r.complete);
	assert_int_equal(straw.order[0], ROW_KEY);
	assert_int_equal(straw.order[1], ROW_CONSOLE);
	assert_int_equal(straw.order[2], ROW_ACCESS);
	assert_string_equal(straw.verbs[0], "cut");
}

static void the_cut_goes_on_past_failures(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	for (int fails = 0; fails < 8; fails++) {
		start((1u << ROW_COUNT) - 1, before, fails);
		struct walk_result r = walk_once(STAGE_SUSPENDED, true, false, NULL);
		assert_false(r.complete);
		assert_int_equal(straw.calls, 8);        /* four strikes, four locks: none was left out */
	}
}

/* Where rate limits refuse a part, the next attempt goes on with that part; all of it at once may never be had. */
static void the_cut_gets_on_under_a_limit(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	struct walk_result r;
	int attempts = 0;
	start((1u << ROW_COUNT) - 1, before, -1);
	straw.budget = 5;
	do {
		moment.now_ms += 100;
		straw.calls = 0;
		r = walk_since(STAGE_SUSPENDED, true, 1000);
	} while (!r.complete && ++attempts < 10);
	assert_true(r.complete);
	for (int i = 0; i < ROW_COUNT; i++)
		if (life.rows[i].cut <= CUT_LAST)
			assert_true(holds(life.rows[i].cells[STAGE_SUSPENDED], straw.there[i], before[i]));
	/* Whatever was seen before he left proves nothing. */
	straw.budget = straw.calls = 0;
	r = walk_since(STAGE_SUSPENDED, true, moment.now_ms);
	assert_true(r.complete);
	assert_int_equal(straw.calls, 8);
}

static void policy_goes_before_the_server_and_the_user_last(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	int at_policy = -1, at_server = -1;
	start((1u << ROW_COUNT) - 1, before, -1);
	walk_once(STAGE_RETIRED, false, false, NULL);
	for (int i = 0; i < straw.calls; i++) {
		if (straw.order[i] == ROW_POLICY)
			at_policy = i;
		if (straw.order[i] == ROW_SERVER)
			at_server = i;
	}
	assert_true(at_policy >= 0 && at_policy < at_server);
	assert_int_equal(straw.there[ROW_USER], SEEN_NONE);
}

static void the_user_stays_while_something_of_his_is_left(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	start((1u << ROW_COUNT) - 1, before, 0);
	struct walk_result r = walk_once(STAGE_RETIRED, false, false, NULL);
	assert_false(r.complete);
	assert_int_not_equal(straw.there[ROW_USER], SEEN_NONE);
}

static void foreign_things_are_not_touched(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	for (int row = 0; row < ROW_COUNT; row++)
		for (int stage = STAGE_ACTIVE; stage < STAGE_COUNT; stage++) {
			start((1u << ROW_COUNT) - 1, before, -1);
			straw.there[row] = SEEN_FOREIGN;
			struct walk_result r = walk_once((enum stage)stage, false, false, NULL);
			assert_false(straw.foreign_touched);
			assert_int_equal(r.worst.kind, life.rows[row].cells[stage] == CELL_ON ? ERR_FOREIGN : 0);
			assert_int_equal(straw.there[row], SEEN_FOREIGN);
		}
}

static void a_plan_changes_nothing(void **state)
{
	(void)state;
	enum seen before[ROW_COUNT];
	struct json *out = (struct json *)1;
	start(0, before, -1);
	walk_once(STAGE_ACTIVE, false, true, &out);
	assert_int_equal(straw.calls, 0);
}

static void the_table_is_sound(void **state)
{
	(void)state;
	struct err e;
	struct lifecycle bad = life;
	assert_int_equal(lifecycle_check(&life, &e), 0);
	bad.rows[ROW_KEY].cells[STAGE_ACTIVE] = CELL_KEEP;       /* locked and never switched on */
	assert_int_equal(lifecycle_check(&bad, &e), ERR_BUG);
	bad = life;
	bad.rows[ROW_USER].cut = 1;
	assert_int_equal(lifecycle_check(&bad, &e), ERR_BUG);
	bad = life;
	struct driver no_lock = straw_driver;
	no_lock.lock = NULL;
	bad.rows[ROW_SERVER].driver = &no_lock;
	assert_int_equal(lifecycle_check(&bad, &e), ERR_BUG);
}

static void real_drivers_fit_the_table(void **state)
{
	(void)state;
	struct lifecycle real;
	struct err e;
	lifecycle_make(&real, &straw_driver);
	if (lifecycle_check(&real, &e))
		fail_msg("%s", e.text);
}

int main(void)
{
	const struct driver *all[ROW_COUNT];
	for (int i = 0; i < ROW_COUNT; i++)
		all[i] = &straw_driver;
	json_start();
	clk = clock_virtual(&moment, 1000, 1);
	lifecycle_make_from(&life, all);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(real_drivers_fit_the_table),
		cmocka_unit_test(two_walks_are_enough),
		cmocka_unit_test(the_cut_comes_in_order),
		cmocka_unit_test(the_cut_goes_on_past_failures),
		cmocka_unit_test(the_cut_gets_on_under_a_limit),
		cmocka_unit_test(policy_goes_before_the_server_and_the_user_last),
		cmocka_unit_test(the_user_stays_while_something_of_his_is_left),
		cmocka_unit_test(foreign_things_are_not_touched),
		cmocka_unit_test(a_plan_changes_nothing),
	};
	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
