/* Who may cost money: the first start, the spending brake, approvals.  Then whom nothing may be taken from: by a setting
 * that changed, and by anything but a disable. */
#include "rig.h"

#include "common/file.h"
#include "policies/brake.h"

static void sees(struct rig *r, unsigned n, const char *type, const char *csn)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	entry(r, uuid, arena_printf(r->f.arena, "u%u", n), type, csn);
}

static void gone(struct rig *r, unsigned n)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	tell(r, SOURCE_GONE, uuid);
}

static void refresh_of(struct rig *r, unsigned to)
{
	tell(r, SOURCE_STARTED, NULL);
	for (unsigned i = 1; i <= to; i++)
		sees(r, i, "staff", "5");
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
}

static struct store_person known(struct rig *r, unsigned n)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	return person(r, uuid);
}

static enum stage stage_of(struct rig *r, unsigned n)
{
	struct store_person p = known(r, n);
	return p.generation ? (enum stage)account(r, p.uuid).stage : STAGE_NONE;
}

static unsigned active(struct rig *r, unsigned to)
{
	unsigned n = 0;
	for (unsigned i = 1; i <= to; i++)
		n += stage_of(r, i) == STAGE_ACTIVE;
	return n;
}

static void later(struct rig *r, int64_t ms)
{
	r->f.time.now_ms += ms;
	confirm_step(r->feed);
}

static size_t frozen(struct rig *r, struct store_frozen **out)
{
	size_t n;
	OK(store_frozen_list(r->f.store, r->f.arena, out, &n, &r->f.e));
	return n;
}

static int64_t decide(struct rig *r, const struct store_frozen *row, enum frozen_state state)
{
	int64_t n;
	OK(store_frozen_decide(r->f.store, (enum frozen_kind)row->kind, row->list_ms, state, r->f.time.now_ms, &n, &r->f.e));
	return n;
}

static int64_t joined(struct rig *r, int64_t *fen)
{
	int64_t n;
	OK(store_acts(r->f.store, ACT_KIND_JOIN, NULL, 0, &n, fen, &r->f.e));
	return n;
}

static void notes(struct rig *r, unsigned n, const char *part)
{
	struct store_person p = known(r, n);
	if (!p.note || !strstr(p.note, part))
		fail_msg("note of %u: \"%s\", wanted \"%s\"", n, p.note ? p.note : "(none)", part);
}

static bool started(struct rig *r)
{
	char *value;
	OK(store_meta_get(r->f.store, "started", r->f.arena, &value, &r->f.e));
	return value != NULL;
}

static int fresh(void **state)
{
	if (setup(state))
		return -1;
	struct rig *r = *state;
	r->settings.life.departures_hour = r->settings.life.departures_day = 5;
	r->settings.life.grace_ms = 100 * BRAKE_DAY_MS;
	r->settings.life.joins_hour = 50;
	r->truthful = true;
	r->where = WHERE_INSIDE;
	return 0;
}

/* --- the first start ------------------------------------------------------------------------------------------ */

static void a_first_start_is_a_plan(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	r->roll.asks_first = true;
	r->profile.price_yuan = 84.9;
	refresh_of(r, 60);
	assert_int_equal(active(r, 60), 0);
	assert_int_equal(frozen(r, &rows), 60);
	assert_int_equal(rows[0].kind, FROZEN_JOIN);
	assert_string_equal(rows[0].why, "first start");
	assert_int_equal(rows[0].fen, 8490);
	assert_true(rows[0].firm);
	assert_int_equal(rows[59].list_ms, rows[0].list_ms);
	notes(r, 1, "waits: first start; see rollcall plan");
	later(r, BRAKE_DAY_MS);
	refresh_of(r, 60);
	assert_int_equal(active(r, 60), 0);              /* no time and no room starts it */
	assert_int_equal(frozen(r, &rows), 60);
	assert_false(started(r));
	sees(r, 61, "staff", "5");
	run(r);
	assert_int_equal(frozen(r, &rows), 61);
	assert_int_equal(decide(r, rows, FROZEN_APPROVED), 60);
	later(r, 2000);
	later(r, 2000);
	assert_int_equal(active(r, 61), 60);             /* more than an hour's joins: he has said so */
	assert_true(started(r));
	assert_null(known(r, 1).note);
	assert_int_equal(joined(r, NULL), 0);
	assert_int_equal(frozen(r, &rows), 1);           /* a later list has a word of its own */
	sees(r, 62, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 62), STAGE_ACTIVE);
	assert_int_equal(joined(r, NULL), 1);
}

static void a_first_start_that_is_rejected(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	r->roll.asks_first = true;
	refresh_of(r, 3);
	frozen(r, &rows);
	decide(r, rows, FROZEN_REJECTED);
	later(r, 2000);
	assert_true(started(r));
	assert_int_equal(active(r, 3), 0);
	sees(r, 4, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 4), STAGE_ACTIVE);
	later(r, 3600000);
	refresh_of(r, 4);
	assert_int_equal(active(r, 3), 0);
	later(r, BRAKE_DAY_MS + 61000);                  /* the word is old: they wait, and room is not enough */
	refresh_of(r, 4);
	later(r, 2000);
	assert_int_equal(active(r, 3), 0);
	assert_int_equal(frozen(r, &rows), 3);
	assert_int_equal(rows[0].state, FROZEN_WAITING);
	decide(r, rows, FROZEN_APPROVED);
	later(r, 2000);
	assert_int_equal(active(r, 3), 3);
}

static void an_empty_directory_needs_no_plan(void **state)
{
	struct rig *r = *state;
	r->roll.asks_first = true;
	tell(r, SOURCE_STARTED, NULL);
	tell(r, SOURCE_REFRESHED, NULL)->doubts.all = "base is not readable";
	run(r);
	assert_false(started(r));                        /* nothing follows from that one */
	refresh_of(r, 0);
	assert_true(started(r));
	sees(r, 1, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 1), STAGE_ACTIVE);
}

/* An entitled filter with a mistake in it: nobody joins, but the directory is not empty. */
static void a_directory_where_nobody_is_entitled(void **state)
{
	struct rig *r = *state;
	r->roll.asks_first = true;
	OK(filter_parse(r->f.arena, "(employeeType=nobody)", &r->rules.entitled, &r->f.e));
	refresh_of(r, 3);
	assert_false(started(r));
	r->rules.entitled = NULL;
	refresh_of(r, 3);
	assert_int_equal(active(r, 3), 0);
}

static void yes_asks_nobody(void **state)
{
	struct rig *r = *state;
	refresh_of(r, 3);
	assert_int_equal(active(r, 3), 3);
	assert_true(started(r));
	r->roll.asks_first = true;                       /* nor at any later start */
	sees(r, 4, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 4), STAGE_ACTIVE);
}

/* --- the spending brake ------------------------------------------------------------------------------------------ */

static void so_many_an_hour(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_of(r, 120);
	assert_int_equal(active(r, 120), 50);
	assert_int_equal(frozen(r, &rows), 70);
	notes(r, 120, "waits: as many as life.joins_per_hour allows joined within the hour; see rollcall plan");
	assert_false(rows[0].firm);
	later(r, 3599000);
	assert_int_equal(active(r, 120), 50);
	later(r, 2000);
	assert_int_equal(active(r, 120), 100);           /* room again: the surplus, in its order */
	assert_int_equal(active(r, 100), 100);
	assert_int_equal(frozen(r, &rows), 20);
	assert_null(known(r, 60).note);
	assert_int_equal(decide(r, rows, FROZEN_APPROVED), 20);
	later(r, 2000);
	assert_int_equal(active(r, 120), 120);           /* at once */
	assert_int_equal(joined(r, NULL), 100);
	assert_int_equal(frozen(r, &rows), 0);
}

static void so_much_a_day(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	int64_t fen;
	r->settings.life.joins_hour = 0;
	r->settings.life.money_day_yuan = 100;
	r->profile.price_yuan = 30;
	refresh_of(r, 5);
	assert_int_equal(active(r, 5), 3);
	joined(r, &fen);
	assert_int_equal(fen, 9000);
	notes(r, 4, "life.money_per_day_yuan");
	later(r, BRAKE_HOUR_MS * 23);
	assert_int_equal(active(r, 5), 3);
	later(r, BRAKE_HOUR_MS + 1000);
	assert_int_equal(active(r, 5), 5);
	assert_int_equal(frozen(r, &rows), 0);
}

static void rejected_joiners_wait_a_day(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	r->settings.life.joins_hour = 2;
	refresh_of(r, 3);
	frozen(r, &rows);
	decide(r, rows, FROZEN_REJECTED);
	later(r, 2 * BRAKE_HOUR_MS);
	refresh_of(r, 3);
	assert_int_equal(active(r, 3), 2);
	later(r, BRAKE_DAY_MS);
	later(r, 2000);
	assert_int_equal(active(r, 3), 3);
}

/* Whoever does not want to join any more is on no list. */
static void who_leaves_before_he_joined(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	r->settings.life.joins_hour = 1;
	refresh_of(r, 4);
	assert_int_equal(frozen(r, &rows), 3);
	sees(r, 2, "left", "6");
	gone(r, 3);
	run(r);
	assert_int_equal(frozen(r, &rows), 1);
	assert_string_equal(rows[0].login, "u4");
	decide(r, rows, FROZEN_APPROVED);
	sees(r, 4, "left", "6");
	run(r);
	later(r, 2000);
	assert_int_equal(active(r, 4), 1);
	assert_int_equal(frozen(r, &rows), 0);
}

/* What may have something already stays on its list until somebody says yes, whatever is heard of him meanwhile. */
static void who_may_have_something_is_not_forgotten(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows, row = { .kind = FROZEN_JOIN, .firm = true, .branch = "", .why = "made by hand", .detail = "{}" };
	refresh_of(r, 1);
	uuid_of(2, row.uuid);
	sees(r, 2, "left", "4");
	run(r);
	OK(store_frozen_put(r->f.store, &row, r->f.time.now_ms, r->f.arena, NULL, &r->f.e));
	sees(r, 2, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 2), STAGE_NONE);
	sees(r, 2, "left", "6");
	gone(r, 2);
	run(r);
	assert_int_equal(frozen(r, &rows), 1);
	sees(r, 2, "staff", "7");
	run(r);
	later(r, 2 * BRAKE_DAY_MS);
	assert_int_equal(stage_of(r, 2), STAGE_NONE);
	assert_int_equal(frozen(r, &rows), 1);
	decide(r, rows, FROZEN_APPROVED);
	later(r, 2000);
	assert_int_equal(stage_of(r, 2), STAGE_ACTIVE);
	assert_int_equal(frozen(r, &rows), 0);
}

/* Returning within a generation costs nothing; a new generation does. */
static void returning_people(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	r->settings.life.joins_hour = 2;
	r->settings.life.grace_ms = 1000;
	refresh_of(r, 2);
	sees(r, 1, "left", "6");
	sees(r, 2, "left", "6");
	run(r);
	sees(r, 1, "staff", "7");
	run(r);
	assert_int_equal(stage_of(r, 1), STAGE_ACTIVE);
	cloud_answers(r);
	later(r, 5000);
	later(r, 5000);
	assert_int_equal(stage_of(r, 2), STAGE_RETIRED);
	sees(r, 2, "staff", "7");
	run(r);
	assert_int_equal(stage_of(r, 2), STAGE_RETIRED);
	assert_int_equal(frozen(r, &rows), 1);
	notes(r, 2, "waits:");
	later(r, BRAKE_HOUR_MS + 1000);
	assert_int_equal(stage_of(r, 2), STAGE_ACTIVE);
	assert_int_equal(known(r, 2).generation, 2);
}

static void a_start_date_comes(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	char when[TIME_TEXT], uuid[UUID_TEXT];
	r->settings.life.joins_hour = 1;
	r->rules.map.due = "startDate";
	refresh_of(r, 1);
	str_time_ldap(r->f.time.now_ms + 60000, when);
	uuid_of(2, uuid);
	add(r, entry_at(r, uuid, "uid=u2", "u2", "staff", "5"), "startDate", when);
	run(r);
	assert_int_equal(stage_of(r, 2), STAGE_DUE);
	assert_int_equal(frozen(r, &rows), 0);
	later(r, 61000);
	assert_int_equal(stage_of(r, 2), STAGE_DUE);
	assert_int_equal(frozen(r, &rows), 1);
	later(r, BRAKE_HOUR_MS);
	assert_int_equal(stage_of(r, 2), STAGE_ACTIVE);
	assert_int_equal(joined(r, NULL), 2);
}

/* --- changed settings ---------------------------------------------------------------------------------------------- */

static void in_force(struct rig *r, const char *disabled)
{
	r->settings.directory.disabled = arena_strdup(r->f.arena, disabled);
	r->rules.disabled = NULL;
	if (disabled)
		OK(filter_parse(r->f.arena, disabled, &r->rules.disabled, &r->f.e));
}

static void a_filter_that_was_edited_cuts_nobody(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	in_force(r, "(employeeType=left)");
	refresh_of(r, 20);
	in_force(r, "(employeeType=staff)");             /* a mistake */
	refresh_of(r, 20);
	assert_int_equal(active(r, 20), 20);
	assert_string_equal(known(r, 1).reason, "settings changed: disabled: employeeType=staff");
	assert_int_equal(known(r, 1).signal, SIGNAL_WITHDRAWN);
	later(r, 31000);
	assert_int_equal(active(r, 20), 20);
	assert_int_equal(frozen(r, &rows), 20);
	/* As long as nothing of his says otherwise he stays where he is, also when he is lost sight of for a while. */
	gone(r, 2);
	run(r);
	refresh_of(r, 20);
	assert_int_equal(active(r, 20), 20);
	assert_int_equal(frozen(r, &rows), 20);
}

static void disabled_by_the_old_filter_too(void **state)
{
	struct rig *r = *state;
	in_force(r, "(employeeType=left)");
	refresh_of(r, 3);
	in_force(r, "(|(employeeType=left)(employeeType=retired))");
	tell(r, SOURCE_STARTED, NULL);
	sees(r, 1, "left", "6");
	sees(r, 2, "retired", "6");
	sees(r, 3, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 1), STAGE_SUSPENDED);       /* he left while we were away */
	assert_int_equal(stage_of(r, 2), STAGE_ACTIVE);
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
	later(r, 31000);
	assert_int_equal(stage_of(r, 2), STAGE_SUSPENDED);       /* a second look, and within the limits */
	assert_false(account(r, known(r, 2).uuid).cut_strong);
	sees(r, 3, "retired", "6");                              /* everybody was judged by now: at once */
	run(r);
	assert_int_equal(stage_of(r, 3), STAGE_SUSPENDED);
}

static void a_real_disable_after_an_edit(void **state)
{
	struct rig *r = *state;
	in_force(r, "(employeeType=left)");
	refresh_of(r, 20);
	in_force(r, "(|(employeeType=left)(employeeType=staff))");
	refresh_of(r, 20);
	later(r, 31000);
	assert_int_equal(active(r, 20), 20);
	sees(r, 1, "left", "6");                                 /* another value says so now */
	run(r);
	assert_int_equal(stage_of(r, 1), STAGE_SUSPENDED);
	in_force(r, "(employeeType=left)");                      /* the mistake is mended */
	tell(r, SOURCE_STARTED, NULL);
	sees(r, 1, "left", "6");
	for (unsigned i = 2; i <= 20; i++)
		sees(r, i, "staff", "5");
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
	struct store_frozen *rows;
	assert_int_equal(frozen(r, &rows), 0);
	assert_int_equal(active(r, 20), 19);
	sees(r, 2, "left", "6");
	run(r);
	assert_int_equal(stage_of(r, 2), STAGE_SUSPENDED);
}

/* --- after a weak cut -------------------------------------------------------------------------------------------- */

static void hidden_people_come_back_unchanged(void **state)
{
	struct rig *r = *state;
	refresh_of(r, 3);
	sees(r, 3, "staff", "8");
	gone(r, 2);
	gone(r, 3);
	run(r);
	later(r, 31000);
	assert_int_equal(active(r, 3), 1);
	sees(r, 2, "staff", "5");
	sees(r, 3, "staff", "4");                                /* a server that lags: older than what was seen of him */
	run(r);
	assert_int_equal(stage_of(r, 2), STAGE_ACTIVE);
	assert_int_equal(stage_of(r, 3), STAGE_SUSPENDED);
	sees(r, 3, "staff", "5");
	run(r);
	assert_int_equal(stage_of(r, 3), STAGE_ACTIVE);
}

/* --- protected ----------------------------------------------------------------------------------------------------- */

static int guarded(void **state)
{
	if (fresh(state))
		return -1;
	struct rig *r = *state;
	OK(filter_parse(r->f.arena, "(employeeType=board)", &r->rules.guarded, &r->f.e));
	OK(filter_parse(r->f.arena, "(|(employeeType=board)(employeeType=staff))", &r->rules.entitled, &r->f.e));
	refresh_of(r, 3);
	sees(r, 1, "board", "6");
	run(r);
	assert_true(known(r, 1).is_protected);
	assert_false(known(r, 2).is_protected);
	return 0;
}

static void absence_takes_nothing_from_the_protected(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	gone(r, 1);
	gone(r, 2);
	run(r);
	later(r, 31000);
	assert_int_equal(stage_of(r, 1), STAGE_ACTIVE);
	assert_int_equal(stage_of(r, 2), STAGE_SUSPENDED);
	assert_int_equal(frozen(r, &rows), 0);
	int64_t n;
	OK(store_acts(r->f.store, ACT_KIND_DEPARTURE, NULL, 0, &n, NULL, &r->f.e));
	assert_int_equal(n, 1);
	notes(r, 1, "protected: keeps access although he is absent");
	size_t rereads = r->rereads;
	later(r, 60000);
	assert_int_equal(r->rereads, rereads);           /* asked once */
	sees(r, 1, "board", "6");
	run(r);
	assert_null(known(r, 1).note);
}

static void a_disable_suspends_the_protected_and_no_more(void **state)
{
	struct rig *r = *state;
	r->settings.life.grace_ms = 1000;
	OK(filter_parse(r->f.arena, "(uid=u1)", &r->rules.guarded, &r->f.e));
	sees(r, 1, "left", "7");
	sees(r, 2, "left", "7");
	run(r);
	assert_int_equal(stage_of(r, 1), STAGE_SUSPENDED);
	cloud_answers(r);
	later(r, 5000);
	later(r, 5000);
	assert_int_equal(stage_of(r, 2), STAGE_RETIRED);
	assert_int_equal(stage_of(r, 1), STAGE_SUSPENDED);
	notes(r, 1, "protected: his grace is over");
	sees(r, 1, "board", "8");
	run(r);
	assert_int_equal(stage_of(r, 1), STAGE_ACTIVE);
	assert_int_equal(known(r, 1).generation, 1);
}

/* The store could not take in that he is disabled, and then he went out of sight: what a value said holds, until a newer
 * value says otherwise. */
static void a_disable_that_was_missed(struct rig *r, const char *uuid, unsigned n)
{
	struct engine_health h;
	engine_strike(r->engine, uuid);
	gone(r, n);
	run(r);
	assert_int_equal(stage_of(r, n), STAGE_SUSPENDED);
	assert_true(account(r, uuid).cut_strong);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 0);                  /* the store knows by now */
	sees(r, n, "staff", "4");                        /* as he was before: a server that lags */
	run(r);
	assert_int_equal(stage_of(r, n), STAGE_SUSPENDED);
	sees(r, n, "staff", "9");
	run(r);
	assert_int_equal(stage_of(r, n), STAGE_ACTIVE);
}

static void a_missed_disable_of_the_protected(void **state)
{
	struct rig *r = *state;
	a_disable_that_was_missed(r, known(r, 1).uuid, 1);
}

static void a_missed_disable(void **state)
{
	struct rig *r = *state;
	a_disable_that_was_missed(r, known(r, 2).uuid, 2);
}

/* Changed by the filter alone: nothing else of the entry is new. */
static void protection_may_end(void **state)
{
	struct rig *r = *state;
	OK(filter_parse(r->f.arena, "(uid=u2)", &r->rules.guarded, &r->f.e));
	sees(r, 1, "board", "6");
	sees(r, 2, "staff", "5");
	run(r);
	assert_false(known(r, 1).is_protected);
	assert_true(known(r, 2).is_protected);
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, fresh, teardown)
#define GUARDED(name) cmocka_unit_test_setup_teardown(name, guarded, teardown)

int main(void)
{
	json_start();
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		FRESH(a_first_start_is_a_plan), FRESH(a_first_start_that_is_rejected), FRESH(an_empty_directory_needs_no_plan),
		FRESH(a_directory_where_nobody_is_entitled), FRESH(yes_asks_nobody), FRESH(so_many_an_hour), FRESH(so_much_a_day),
		FRESH(rejected_joiners_wait_a_day), FRESH(who_leaves_before_he_joined), FRESH(who_may_have_something_is_not_forgotten),
		FRESH(returning_people),
		FRESH(a_start_date_comes), FRESH(a_filter_that_was_edited_cuts_nobody), FRESH(disabled_by_the_old_filter_too),
		FRESH(a_real_disable_after_an_edit), FRESH(hidden_people_come_back_unchanged),
		GUARDED(absence_takes_nothing_from_the_protected), GUARDED(a_disable_suspends_the_protected_and_no_more),
		GUARDED(protection_may_end), GUARDED(a_missed_disable), GUARDED(a_missed_disable_of_the_protected),
	};
	return cmocka_run_group_tests_name("roll_join", tests, NULL, NULL);
}
