/* The stage function as a table of cases: what was, what is heard, what it becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policies/stage.h"

#define NOW 1000000
#define GRACE 5000

static const struct stage_rules rules = { .grace_ms = GRACE };

struct stage_case {
	const char *name;
	struct history was;
	struct news news;
	enum stage becomes;
	int cut, wait, generation;      /* expected flags */
};

#define ENTITLED .signal = SIGNAL_ENTITLED
#define DISABLED .signal = SIGNAL_DISABLED
#define GONE .signal = SIGNAL_ABSENT
#define WITHDRAWN .signal = SIGNAL_WITHDRAWN

static const struct stage_case cases[] = {
	{ "newcomer", { 0 }, { ENTITLED }, STAGE_ACTIVE, 0, 0, 0 },
	{ "newcomer, disabled from the start", { 0 }, { DISABLED }, STAGE_NONE, 0, 0, 0 },
	{ "newcomer, not entitled", { 0 }, { WITHDRAWN }, STAGE_NONE, 0, 0, 0 },
	{ "newcomer with a taken name", { 0 }, { ENTITLED, .name_taken = true }, STAGE_NONE, 0, 0, 0 },
	{ "newcomer whom a brake holds back", { 0 }, { ENTITLED, .waits = true }, STAGE_NONE, 0, 0, 0 },
	{ "his date came, and a brake holds him back", { .stage = STAGE_DUE }, { ENTITLED, .waits = true }, STAGE_DUE, 0, 0, 0 },
	{ "back after retirement, and a brake holds him back", { .stage = STAGE_RETIRED }, { ENTITLED, .waits = true },
		STAGE_RETIRED, 0, 0, 0 },
	{ "back within a generation costs nothing", { .stage = STAGE_SUSPENDED }, { ENTITLED, .waits = true }, STAGE_ACTIVE, 0, 0,
		0 },
	{ "newcomer for later", { 0 }, { .signal = SIGNAL_DUE }, STAGE_DUE, 0, 0, 0 },
	{ "newcomer who waits for his login", { 0 }, { ENTITLED, .at_login = true }, STAGE_DUE, 0, 0, 0 },
	{ "his date came", { .stage = STAGE_DUE }, { ENTITLED }, STAGE_ACTIVE, 0, 0, 0 },
	{ "disabled before his date", { .stage = STAGE_DUE }, { DISABLED }, STAGE_NONE, 0, 0, 0 },
	{ "gone before his date", { .stage = STAGE_DUE }, { GONE }, STAGE_NONE, 0, 0, 0 },
	{ "active stays", { .stage = STAGE_ACTIVE }, { ENTITLED }, STAGE_ACTIVE, 0, 0, 0 },
	{ "disabled", { .stage = STAGE_ACTIVE }, { DISABLED }, STAGE_SUSPENDED, 1, 0, 0 },
	{ "absent, not confirmed", { .stage = STAGE_ACTIVE }, { GONE }, STAGE_ACTIVE, 0, 1, 0 },
	{ "absent, confirmed", { .stage = STAGE_ACTIVE }, { GONE, .confirmed = true }, STAGE_SUSPENDED, 1, 0, 0 },
	{ "withdrawn, not confirmed", { .stage = STAGE_ACTIVE }, { WITHDRAWN }, STAGE_ACTIVE, 0, 1, 0 },
	{ "withdrawn, confirmed", { .stage = STAGE_ACTIVE }, { WITHDRAWN, .confirmed = true }, STAGE_SUSPENDED, 1, 0, 0 },
	{ "start date moved into the future", { .stage = STAGE_ACTIVE }, { .signal = SIGNAL_DUE }, STAGE_ACTIVE, 0, 1, 0 },
	{ "nothing known", { .stage = STAGE_ACTIVE }, { .signal = SIGNAL_NONE }, STAGE_ACTIVE, 0, 0, 0 },
	{ "back after a weak cut", { .stage = STAGE_SUSPENDED }, { ENTITLED }, STAGE_ACTIVE, 0, 0, 0 },
	{ "back after a strong cut, same entry", { .stage = STAGE_SUSPENDED, .cut_strong = true, .cut_csn = "5#" },
		{ ENTITLED, .csn = "5#" }, STAGE_SUSPENDED, 0, 0, 0 },
	{ "back after a strong cut, older entry", { .stage = STAGE_SUSPENDED, .cut_strong = true, .cut_csn = "5#" },
		{ ENTITLED, .csn = "4#" }, STAGE_SUSPENDED, 0, 0, 0 },
	{ "back after a strong cut, no evidence", { .stage = STAGE_SUSPENDED, .cut_strong = true, .cut_csn = "5#" }, { ENTITLED },
		STAGE_SUSPENDED, 0, 0, 0 },
	{ "back after a strong cut, newer entry", { .stage = STAGE_SUSPENDED, .cut_strong = true, .cut_csn = "5#" },
		{ ENTITLED, .csn = "6#" }, STAGE_ACTIVE, 0, 0, 0 },
	{ "back after a strong cut, newer entry, and nobody knows whether it lacks something",
		{ .stage = STAGE_SUSPENDED, .cut_strong = true, .cut_csn = "5#" }, { ENTITLED, .csn = "6#", .unsure = true },
		STAGE_SUSPENDED, 0, 0, 0 },
	{ "back after retirement, the same", { .stage = STAGE_RETIRED }, { ENTITLED, .unsure = true }, STAGE_RETIRED, 0, 0, 0 },
	{ "newcomer, the same", { 0 }, { ENTITLED, .unsure = true }, STAGE_NONE, 0, 0, 0 },
	{ "whoever is active stays so", { .stage = STAGE_ACTIVE }, { ENTITLED, .unsure = true }, STAGE_ACTIVE, 0, 0, 0 },
	{ "back after a weak cut, the last one seen", { .stage = STAGE_SUSPENDED, .cut_csn = "5#" }, { ENTITLED, .csn = "5#" },
		STAGE_ACTIVE, 0, 0, 0 },
	{ "back after a weak cut, newer entry", { .stage = STAGE_SUSPENDED, .cut_csn = "5#" }, { ENTITLED, .csn = "6#" },
		STAGE_ACTIVE, 0, 0, 0 },
	{ "back after a weak cut, older than the last one seen", { .stage = STAGE_SUSPENDED, .cut_csn = "5#" },
		{ ENTITLED, .csn = "4#" }, STAGE_SUSPENDED, 0, 0, 0 },
	{ "back after a weak cut, no evidence", { .stage = STAGE_SUSPENDED, .cut_csn = "5#" }, { ENTITLED }, STAGE_SUSPENDED, 0, 0,
		0 },
	{ "back within the second of the cut, by stamps without fraction",
		{ .stage = STAGE_SUSPENDED, .cut_strong = true, .cut_csn = "20260101000000Z" },
		{ ENTITLED, .csn = "20260101000000Z" }, STAGE_ACTIVE, 0, 0, 0 },
	{ "back, and held", { .stage = STAGE_SUSPENDED, .hold_reason = "asked by security" }, { ENTITLED }, STAGE_HELD, 0, 0, 0 },
	{ "held stays held", { .stage = STAGE_HELD, .hold_reason = "x" }, { ENTITLED }, STAGE_HELD, 0, 0, 0 },
	{ "released", { .stage = STAGE_HELD, .hold_reason = "x", .release = true }, { ENTITLED }, STAGE_ACTIVE, 0, 0, 0 },
	{ "held and disabled", { .stage = STAGE_HELD, .hold_reason = "x" }, { DISABLED }, STAGE_SUSPENDED, 1, 0, 0 },
	{ "held and absent, not confirmed", { .stage = STAGE_HELD, .hold_reason = "x" }, { GONE }, STAGE_HELD, 0, 1, 0 },
	{ "grace runs", { .stage = STAGE_SUSPENDED, .retire_after_ms = NOW + 1 }, { DISABLED, .gone_again = true }, STAGE_SUSPENDED, 0,
		0, 0 },
	{ "grace over, not confirmed again", { .stage = STAGE_SUSPENDED, .retire_after_ms = NOW }, { DISABLED }, STAGE_SUSPENDED, 0, 0,
		0 },
	{ "grace over, confirmed again", { .stage = STAGE_SUSPENDED, .retire_after_ms = NOW }, { GONE, .gone_again = true },
		STAGE_RETIRED, 1, 0, 0 },
	{ "grace over, but he is back", { .stage = STAGE_SUSPENDED, .retire_after_ms = NOW }, { ENTITLED, .gone_again = true },
		STAGE_ACTIVE, 0, 0, 0 },
	{ "no clock, no retirement", { .stage = STAGE_SUSPENDED }, { DISABLED, .gone_again = true }, STAGE_SUSPENDED, 0, 0, 0 },
	{ "retired is for ever", { .stage = STAGE_RETIRED }, { DISABLED }, STAGE_RETIRED, 0, 0, 0 },
	{ "back after retirement", { .stage = STAGE_RETIRED }, { ENTITLED }, STAGE_ACTIVE, 0, 0, 1 },
	{ "back after retirement, older entry", { .stage = STAGE_RETIRED, .cut_strong = true, .cut_csn = "9#" },
		{ ENTITLED, .csn = "8#" }, STAGE_RETIRED, 0, 0, 0 },
	{ "back after retirement by a weak cut, older entry", { .stage = STAGE_RETIRED, .cut_csn = "9#" },
		{ ENTITLED, .csn = "8#" }, STAGE_RETIRED, 0, 0, 0 },
	{ "protected, disabled", { .stage = STAGE_ACTIVE }, { DISABLED, .is_protected = true }, STAGE_SUSPENDED, 1, 0, 0 },
	{ "protected, absent: looked at again", { .stage = STAGE_ACTIVE }, { GONE, .is_protected = true }, STAGE_ACTIVE, 0, 1, 0 },
	{ "protected, absent, confirmed", { .stage = STAGE_ACTIVE }, { GONE, .is_protected = true, .confirmed = true },
		STAGE_ACTIVE, 0, 0, 0 },
	{ "protected, withdrawn, confirmed", { .stage = STAGE_HELD }, { WITHDRAWN, .is_protected = true, .confirmed = true },
		STAGE_HELD, 0, 0, 0 },
	{ "protected, grace over, confirmed again", { .stage = STAGE_SUSPENDED, .retire_after_ms = NOW },
		{ DISABLED, .is_protected = true, .gone_again = true }, STAGE_SUSPENDED, 0, 0, 0 },
	{ "protected, back", { .stage = STAGE_SUSPENDED }, { ENTITLED, .is_protected = true }, STAGE_ACTIVE, 0, 0, 0 },
	{ "back after retirement, name taken", { .stage = STAGE_RETIRED }, { ENTITLED, .name_taken = true }, STAGE_RETIRED, 0, 0, 0 },
};

static void every_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct stage_case *c = &cases[i];
		struct news n = c->news;
		n.now_ms = NOW;
		struct decision d = stage_decide(&c->was, &n, &rules);
		if (d.stage != c->becomes || d.cut != c->cut || d.wait != c->wait || d.new_generation != c->generation)
			fail_msg("%s: became %s cut %d wait %d generation %d", c->name, stage_name(d.stage), d.cut, d.wait,
				d.new_generation);
		assert_non_null(d.why);
	}
}

static void grace_is_fixed_at_suspension(void **state)
{
	(void)state;
	struct history h = { .stage = STAGE_ACTIVE };
	struct news n = { DISABLED, .now_ms = NOW };
	struct decision d = stage_decide(&h, &n, &rules);
	assert_int_equal(d.retire_after_ms, NOW + GRACE);
	/* Heard again later, with another setting: nobody moves. */
	const struct stage_rules longer = { .grace_ms = 10 * GRACE };
	h = (struct history){ .stage = STAGE_SUSPENDED, .since_ms = NOW, .retire_after_ms = d.retire_after_ms };
	n.now_ms = NOW + 100;
	d = stage_decide(&h, &n, &longer);
	assert_int_equal(d.retire_after_ms, NOW + GRACE);
	assert_int_equal(d.since_ms, NOW);
}

static void hold_outlives_a_suspension(void **state)
{
	(void)state;
	struct history h = { .stage = STAGE_HELD, .hold_reason = "x" };
	struct news n = { DISABLED, .now_ms = NOW };
	struct decision d = stage_decide(&h, &n, &rules);
	assert_true(d.keep_hold);
	h.stage = d.stage;
	n = (struct news){ ENTITLED, .now_ms = NOW + 1, .csn = "1#" };
	d = stage_decide(&h, &n, &rules);
	assert_int_equal(d.stage, STAGE_HELD);
	assert_int_equal(d.retire_after_ms, 0);
}

static void a_hold_takes_access_and_nothing_else(void **state)
{
	(void)state;
	static const struct { const char *name; struct history was; enum stage becomes; int cut, keep; } holds[] = {
		{ "active", { .stage = STAGE_ACTIVE, .since_ms = 7 }, STAGE_HELD, 1, 1 },
		{ "grace runs", { .stage = STAGE_SUSPENDED, .since_ms = 7, .retire_after_ms = 99 }, STAGE_SUSPENDED, 0, 1 },
		{ "held", { .stage = STAGE_HELD, .since_ms = 7, .hold_reason = "x" }, STAGE_HELD, 0, 1 },
		{ "never had anything", { 0 }, STAGE_NONE, 0, 0 },
		{ "due", { .stage = STAGE_DUE, .since_ms = 7 }, STAGE_DUE, 0, 0 },
		{ "retired", { .stage = STAGE_RETIRED, .since_ms = 7, .hold_reason = "x" }, STAGE_RETIRED, 0, 0 },
	};
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		struct decision d = stage_hold(&holds[i].was, NOW);
		bool moved = d.stage != holds[i].was.stage;
		if (d.stage != holds[i].becomes || d.cut != holds[i].cut || d.keep_hold != holds[i].keep || d.new_generation || d.wait)
			fail_msg("%s: became %s cut %d keep %d", holds[i].name, stage_name(d.stage), d.cut, d.keep_hold);
		assert_int_equal(d.since_ms, moved ? NOW : holds[i].was.since_ms);
		assert_int_equal(d.retire_after_ms, moved ? 0 : holds[i].was.retire_after_ms);
		assert_non_null(d.why);
	}
}

/* Let go while he may not come in: he stays out, and nothing of the hold is left. */
static void a_release_without_a_right(void **state)
{
	(void)state;
	struct history h = { .stage = STAGE_SUSPENDED, .hold_reason = "x", .release = true, .retire_after_ms = NOW + 9 };
	struct news n = { DISABLED, .now_ms = NOW };
	struct decision d = stage_decide(&h, &n, &rules);
	assert_int_equal(d.stage, STAGE_SUSPENDED);
	assert_int_equal(d.retire_after_ms, NOW + 9);
	assert_false(d.keep_hold);
	h.stage = STAGE_HELD;
	n = (struct news){ GONE, .now_ms = NOW };
	d = stage_decide(&h, &n, &rules);
	assert_int_equal(d.stage, STAGE_HELD);
	assert_true(d.wait);
	assert_false(d.keep_hold);
	/* And when he is heard of again, nothing holds him. */
	h = (struct history){ .stage = STAGE_HELD };
	n = (struct news){ ENTITLED, .now_ms = NOW };
	assert_int_equal(stage_decide(&h, &n, &rules).stage, STAGE_ACTIVE);
}

static void shown_names(void **state)
{
	(void)state;
	assert_string_equal(stage_shown(STAGE_ACTIVE, false), "joining");
	assert_string_equal(stage_shown(STAGE_ACTIVE, true), "active");
	assert_string_equal(stage_shown(STAGE_RETIRED, false), "retiring");
	assert_string_equal(stage_shown(STAGE_RETIRED, true), "retired");
	assert_string_equal(stage_shown(STAGE_SUSPENDED, false), "suspended");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case),
		cmocka_unit_test(grace_is_fixed_at_suspension),
		cmocka_unit_test(hold_outlives_a_suspension),
		cmocka_unit_test(a_hold_takes_access_and_nothing_else),
		cmocka_unit_test(a_release_without_a_right),
		cmocka_unit_test(shown_names),
	};
	return cmocka_run_group_tests_name("stage", tests, NULL, NULL);
}
