/* Absence: what is believed of it, what the brakes let through and freeze, and what an administrator's word does to it. */
#include "rig.h"

#include "common/file.h"
#include "policies/brake.h"

#define BASE "ou=people,dc=example,dc=org"
#define MEMBERS 200

static void sees(struct rig *r, unsigned n, const char *branch, const char *type, const char *csn)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	const char *login = arena_printf(r->f.arena, "u%u", n);
	entry_at(r, uuid, arena_printf(r->f.arena, "uid=%s,%s%s" BASE, login, branch, *branch ? "," : ""), login, type, csn);
}

static void gone(struct rig *r, unsigned n)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	tell(r, SOURCE_GONE, uuid);
}

static const char *team_of(unsigned n)
{
	return n <= 10 ? "" : n <= 60 ? "ou=a" : n <= 63 ? "ou=tiny" : "ou=b";
}

/* A refresh that names everybody from..to but those who are left out. */
static struct source_event *refresh_without(struct rig *r, unsigned to, bool (*left_out)(unsigned))
{
	tell(r, SOURCE_STARTED, NULL);
	for (unsigned i = 1; i <= to; i++)
		if (!left_out || !left_out(i))
			sees(r, i, team_of(i), "staff", "5");
	return tell(r, SOURCE_REFRESHED, NULL);
}

static void doubt_all(struct source_event *ev, const char *why) { ev->doubts.all = why; }

static void doubt_branch(struct source_event *ev, const char *branch, const char *why)
{
	static struct source_doubt one;
	one = (struct source_doubt){ branch, why };
	ev->doubts = (struct source_doubts){ .count = 1, .branches = &one };
}

static enum stage stage_of(struct rig *r, unsigned n)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	return (enum stage)account(r, uuid).stage;
}

static unsigned suspended(struct rig *r, unsigned to)
{
	unsigned n = 0;
	for (unsigned i = 1; i <= to; i++)
		n += stage_of(r, i) == STAGE_SUSPENDED;
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

static int64_t departures(struct rig *r)
{
	int64_t n;
	OK(store_acts(r->f.store, ACT_KIND_DEPARTURE, NULL, 0, &n, NULL, &r->f.e));
	return n;
}

static const char *status_of(struct rig *r)
{
	struct json *o = json_object(r->f.arena);
	feed_health(r->feed, r->f.arena, o);
	return json_print(r->f.arena, o);
}

static void says(struct rig *r, const char *part)
{
	const char *status = status_of(r);
	if (!strstr(status, part))
		fail_msg("\"%s\" is not in %s", part, status);
}

static void says_not(struct rig *r, const char *part)
{
	const char *status = status_of(r);
	if (strstr(status, part))
		fail_msg("\"%s\" is in %s", part, status);
}

/* 200 people: ten at the base, fifty in a, three in tiny, the others in b. */
static int members(void **state)
{
	if (setup(state))
		return -1;
	struct rig *r = *state;
	r->settings.directory.dir.base = BASE;
	r->settings.life.departures_hour = 5;
	r->settings.life.departures_percent = 2;
	r->settings.life.departures_day = 15;
	r->settings.life.departures_percent_day = 5;
	r->settings.life.grace_ms = 100 * BRAKE_DAY_MS;
	r->truthful = true;
	r->where = WHERE_INSIDE;
	refresh_without(r, MEMBERS, NULL);
	run(r);
	assert_true(feed_trusted(r->feed));
	return 0;
}

static bool nobody(unsigned n) { (void)n; return false; }
static bool one_of_b(unsigned n) { return n == 100; }
static bool third(unsigned n) { return n % 3 == 0; }
static bool all_of_a(unsigned n) { return n > 10 && n <= 60; }
static bool some_of_a(unsigned n) { return n > 20 && n <= 40; }
static bool some_of_a_and_one_of_b(unsigned n) { return some_of_a(n) || one_of_b(n); }
static bool all_of_a_and_one_of_b(unsigned n) { return all_of_a(n) || one_of_b(n); }
static bool all_of_tiny(unsigned n) { return n > 60 && n <= 63; }
static bool four_each(unsigned n) { return n <= 4 || (n > 10 && n <= 14) || (n > 100 && n <= 104); }

/* --- doubts ------------------------------------------------------------------------------------------------- */

static void a_doubt_about_everybody(void **state)
{
	struct rig *r = *state;
	doubt_all(refresh_without(r, MEMBERS, one_of_b), "sentinel \"x\" is missing");
	run(r);
	assert_false(feed_trusted(r->feed));
	says(r, "\"doubt\":\"sentinel");
	later(r, 31000);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(r->rereads, 0);
	gone(r, 101);                            /* nor is a delete believed while it lasts */
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	sees(r, 102, "ou=b", "left", "9");       /* whoever is disabled is disabled */
	run(r);
	assert_int_equal(stage_of(r, 102), STAGE_SUSPENDED);
	assert_non_null(feed_doubt(r->feed, "uid=any", r->f.arena));
	/* The next one without a doubt counts. */
	refresh_without(r, MEMBERS, one_of_b);
	sees(r, 102, "ou=b", "left", "9");
	run(r);
	assert_true(feed_trusted(r->feed));
	says_not(r, "doubt");
	later(r, 31000);
	assert_int_equal(stage_of(r, 100), STAGE_SUSPENDED);
	assert_int_equal(suspended(r, MEMBERS), 2);
	assert_null(feed_doubt(r->feed, "uid=any", r->f.arena));
}

static void a_doubt_about_a_branch(void **state)
{
	struct rig *r = *state;
	doubt_branch(refresh_without(r, MEMBERS, some_of_a_and_one_of_b), "ou=a," BASE, "sentinel missing");
	run(r);
	assert_true(feed_trusted(r->feed));
	says(r, "\"doubts\":[\"ou=a," BASE ": sentinel missing\"]");
	later(r, 31000);
	assert_int_equal(stage_of(r, 100), STAGE_SUSPENDED);
	assert_int_equal(suspended(r, MEMBERS), 1);
	assert_int_equal(r->rereads, 1);
	assert_non_null(feed_doubt(r->feed, "uid=u20,ou=a," BASE, r->f.arena));
	assert_null(feed_doubt(r->feed, "uid=u100,ou=b," BASE, r->f.arena));
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 1);
}

/* The source has not looked since; the second connection does. */
static void a_doubt_that_is_new(void **state)
{
	struct rig *r = *state;
	gone(r, 100);
	run(r);
	r->doubts_now.all = "base is not readable";
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	r->doubts_now.all = NULL;
	r->mute = true;
	later(r, 2000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	r->mute = false;
	later(r, 2000);                          /* not asked again in a tight loop */
	assert_int_equal(suspended(r, MEMBERS), 0);
	later(r, 10000);
	assert_int_equal(suspended(r, MEMBERS), 1);
}

/* Not entitled any more, by values that are there: no witness is needed.  By what is missing: one is. */
static void a_verdict_in_doubt(void **state)
{
	struct rig *r = *state;
	OK(filter_parse(r->f.arena, "(employeeType=staff)", &r->rules.entitled, &r->f.e));
	struct source_event *end = refresh_without(r, 100, nobody);
	*end = (struct source_event){ .kind = SOURCE_IDLE };
	r->count--;
	for (unsigned i = 101; i <= MEMBERS; i++)
		sees(r, i, team_of(i), i == 101 ? "guest" : i == 102 ? NULL : "staff", "6");
	doubt_all(tell(r, SOURCE_REFRESHED, NULL), "attribute unknown to the server's schema");
	run(r);
	later(r, 31000);
	assert_int_equal(stage_of(r, 101), STAGE_SUSPENDED);
	assert_int_equal(stage_of(r, 102), STAGE_ACTIVE);
	assert_int_equal(r->rereads, 1);
	assert_int_equal(suspended(r, MEMBERS), 1);
}

static void an_alarm_is_told_once(void **state)
{
	struct rig *r = *state;
	size_t n;
	char *text, *path = arena_printf(r->f.arena, "%s/evidence", r->f.folder);
	for (int i = 0; i < 3; i++) {
		doubt_all(refresh_without(r, 5, NULL), "sentinel missing");
		run(r);
	}
	OK(file_read(r->f.arena, path, 1u << 24, &text, &n, &r->f.e));
	const char *first = strstr(text, "nobody is believed to be absent");
	assert_non_null(first);
	assert_null(strstr(first + 1, "nobody is believed to be absent"));
	doubt_all(refresh_without(r, 5, NULL), "base missing");
	run(r);
	OK(file_read(r->f.arena, path, 1u << 24, &text, &n, &r->f.e));
	assert_non_null(strstr(text, "base missing"));
}

/* --- the brake ------------------------------------------------------------------------------------------------ */

static void a_third_that_vanishes_is_frozen(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, third);
	sees(r, 1, "", "left", "9");
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 1);      /* the one who really left */
	assert_int_equal(frozen(r, &rows), 66);
	assert_int_equal(departures(r), 0);
	char uuid[UUID_TEXT];
	uuid_of(3, uuid);
	assert_non_null(strstr(person(r, uuid).note, "keeps access: "));
	says(r, "\"departures_held_by_brake\":66");
	says(r, "ou=a," BASE ": 17 departures wait for an approval");
	size_t rereads = r->rereads;
	later(r, 60000);
	later(r, 3 * BRAKE_DAY_MS);
	assert_int_equal(suspended(r, MEMBERS), 1);      /* no time lets them go */
	assert_int_equal(r->rereads, rereads);           /* and nobody is asked about them */
	/* Their entries come back: nothing is left of it. */
	refresh_without(r, MEMBERS, NULL);
	run(r);
	assert_int_equal(frozen(r, &rows), 0);
	assert_null(person(r, uuid).note);
	says_not(r, "brake");
}

static void a_branch_trips_alone(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	r->settings.life.departures_percent = r->settings.life.departures_percent_day = 20;      /* 10 of a, 40 of all */
	refresh_without(r, MEMBERS, some_of_a_and_one_of_b);
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 1);
	assert_int_equal(stage_of(r, 100), STAGE_SUSPENDED);
	assert_int_equal(frozen(r, &rows), 20);
	for (size_t i = 0; i < 20; i++) {
		assert_string_equal(rows[i].branch, "ou=a," BASE);
		assert_non_null(strstr(rows[i].why, "departures_per_hour"));
		assert_true(rows[i].firm);
	}
	assert_int_equal(departures(r), 1);
	/* It stays tripped: who follows there joins them, who follows elsewhere does not. */
	gone(r, 41);
	gone(r, 101);
	run(r);
	later(r, 31000);
	assert_int_equal(frozen(r, &rows), 21);
	assert_int_equal(stage_of(r, 101), STAGE_SUSPENDED);
	later(r, BRAKE_DAY_MS);
	gone(r, 42);
	run(r);
	later(r, 31000);
	assert_int_equal(stage_of(r, 42), STAGE_SUSPENDED);      /* nobody cared for a day */
	assert_int_equal(frozen(r, &rows), 21);
}

/* Each branch is below its own limit, and all of them together are not below theirs. */
static void the_whole_trips(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, four_each);
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(frozen(r, &rows), 12);
	assert_non_null(strstr(rows[0].why, "whole directory"));
}

static void an_empty_branch_is_frozen(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, all_of_tiny);        /* three of three: the brake alone would let them go */
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(frozen(r, &rows), 3);
	assert_non_null(strstr(rows[0].why, "named nobody of this branch"));
}

/* They were seen by the refresh, and left after it, one by one: that is no empty answer. */
static void a_branch_that_empties_by_deletes(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	for (unsigned i = 61; i <= 63; i++)
		gone(r, i);
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 3);
	assert_int_equal(frozen(r, &rows), 0);
}

static void a_container_that_moved_away(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, all_of_a_and_one_of_b);
	sees(r, 110, "ou=b", "left", "9");
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 2);
	assert_int_equal(frozen(r, &rows), 50);
}

/* Deletes that arrive one at a time, over whatever time. */
static void deletes_one_at_a_time(struct rig *r, unsigned count, int64_t pause_ms, unsigned most)
{
	struct store_frozen *rows;
	for (unsigned i = 1; i <= count; i++) {
		gone(r, i);
		run(r);
		later(r, pause_ms);
	}
	for (int i = 0; i < 40; i++)
		later(r, 1000);
	unsigned out = suspended(r, count);
	if (out > most)
		fail_msg("%u departed, at most %u may", out, most);
	assert_int_equal(frozen(r, &rows), count - out);
	assert_int_equal(departures(r), out);
}

static void deletes_each_second(void **state) { deletes_one_at_a_time(*state, MEMBERS - 1, 1000, 0); }
static void deletes_each_minute(void **state) { deletes_one_at_a_time(*state, MEMBERS - 1, 60000, 5); }

static void five_hundred_deletes(void **state)
{
	struct rig *r = *state;
	for (unsigned i = MEMBERS + 1; i <= 501; i++)
		sees(r, i, "ou=b", "staff", "5");
	run(r);
	deletes_one_at_a_time(r, 500, 20000, 10);        /* 2 % of 501 */
}

/* A few leave within what is allowed; the window slides. */
static void leavers_within_the_limits(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	for (unsigned i = 1; i <= 12; i++) {
		gone(r, 100 + i);
		run(r);
		later(r, 15 * 60000);
	}
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 12);
	assert_int_equal(frozen(r, &rows), 0);
	assert_int_equal(departures(r), 12);
}

/* Somebody whose second look has no answer, or who is too young yet, holds nobody up for ever. */
static void one_without_an_answer(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	for (unsigned i = 101; i <= 105; i++)
		gone(r, i);
	run(r);
	later(r, 20000);
	gone(r, 106);                                    /* with him it would be six */
	run(r);
	later(r, 11000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(frozen(r, &rows), 0);
	sees(r, 106, "ou=b", "staff", "5");              /* a false alarm */
	run(r);
	later(r, 2000);
	assert_int_equal(suspended(r, MEMBERS), 5);
}

/* --- an administrator's word ---------------------------------------------------------------------------------- */

static void approved_ones_depart(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	assert_int_equal(frozen(r, &rows), 20);
	sees(r, 25, "ou=a", "staff", "6");               /* there again: off the list */
	run(r);
	assert_int_equal(frozen(r, &rows), 19);
	later(r, 60000);
	gone(r, 45);                                     /* later ones are not on it */
	run(r);
	later(r, 31000);
	assert_int_equal(decide(r, rows, FROZEN_APPROVED), 19);
	later(r, 2000);
	assert_int_equal(suspended(r, MEMBERS), 19);
	assert_int_equal(stage_of(r, 25), STAGE_ACTIVE);
	assert_int_equal(stage_of(r, 45), STAGE_ACTIVE);
	assert_int_equal(frozen(r, &rows), 1);
	assert_int_equal(departures(r), 0);              /* who was approved counts against nobody else */
	gone(r, 46);
	run(r);
	later(r, 31000);
	assert_int_equal(stage_of(r, 46), STAGE_SUSPENDED);
	assert_int_equal(departures(r), 1);
}

static void approval_needs_the_second_look_again(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	frozen(r, &rows);
	decide(r, rows, FROZEN_APPROVED);
	r->truthful = false;                             /* all of them are there, although nobody has told the source */
	later(r, 2000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(frozen(r, &rows), 0);
}

static void approval_does_not_silence_a_doubt(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	frozen(r, &rows);
	decide(r, rows, FROZEN_APPROVED);
	r->doubts_now.all = "sentinel missing";
	later(r, 2000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	r->doubts_now.all = NULL;
	later(r, 2000);
	assert_int_equal(suspended(r, MEMBERS), 20);
}

static void an_approval_expires(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	frozen(r, &rows);
	decide(r, rows, FROZEN_APPROVED);
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "cut");
	run(r);
	later(r, BRAKE_DAY_MS + 61000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(frozen(r, &rows), 20);
	assert_int_equal(rows[0].state, FROZEN_WAITING);
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
}

static void rejected_ones_stay(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	frozen(r, &rows);
	assert_int_equal(decide(r, rows, FROZEN_REJECTED), 20);
	size_t rereads = r->rereads;
	later(r, 3600000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(r->rereads, rereads);
	says_not(r, "held_by_brake");
	sees(r, 25, "ou=a", "left", "9");                /* disabled: nothing protects from that */
	run(r);
	assert_int_equal(stage_of(r, 25), STAGE_SUSPENDED);
	assert_int_equal(frozen(r, &rows), 19);
	later(r, BRAKE_DAY_MS);                          /* the word is a day old: they wait again */
	assert_int_equal(frozen(r, &rows), 19);
	assert_int_equal(rows[0].state, FROZEN_WAITING);
	says(r, "\"departures_held_by_brake\":19");
	assert_int_equal(suspended(r, MEMBERS), 1);
}

/* Killed between the decision and its effect, in either order: nothing is done twice or forgotten. */
/* A list of wrong absences says that the source cannot be trusted for a while. */
static void who_follows_rejected_ones_is_frozen(void **state)
{
	struct rig *r = *state;
	struct store_frozen *rows;
	refresh_without(r, MEMBERS, some_of_a);
	run(r);
	later(r, 31000);
	frozen(r, &rows);
	decide(r, rows, FROZEN_REJECTED);
	gone(r, 46);
	run(r);
	later(r, 31000);
	assert_int_equal(suspended(r, MEMBERS), 0);
	assert_int_equal(frozen(r, &rows), 21);
	says(r, "\"departures_held_by_brake\":1");
}

static void counted_in_the_same_transaction(void **state)
{
	struct rig *r = *state;
	gone(r, 100);
	run(r);
	later(r, 31000);
	assert_int_equal(stage_of(r, 100), STAGE_SUSPENDED);
	assert_int_equal(departures(r), 1);
	later(r, 31000);
	assert_int_equal(departures(r), 1);
	sees(r, 101, "ou=b", "left", "9");
	run(r);
	assert_int_equal(departures(r), 1);              /* an explicit disable is no departure by absence */
}

#define MEMBER(name) cmocka_unit_test_setup_teardown(name, members, teardown)

int main(void)
{
	json_start();
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		MEMBER(a_doubt_about_everybody), MEMBER(a_doubt_about_a_branch), MEMBER(a_doubt_that_is_new), MEMBER(a_verdict_in_doubt),
		MEMBER(an_alarm_is_told_once), MEMBER(a_third_that_vanishes_is_frozen), MEMBER(a_branch_trips_alone),
		MEMBER(the_whole_trips), MEMBER(an_empty_branch_is_frozen), MEMBER(a_branch_that_empties_by_deletes),
		MEMBER(a_container_that_moved_away), MEMBER(deletes_each_second), MEMBER(deletes_each_minute),
		MEMBER(five_hundred_deletes), MEMBER(leavers_within_the_limits), MEMBER(one_without_an_answer),
		MEMBER(approved_ones_depart), MEMBER(approval_needs_the_second_look_again), MEMBER(approval_does_not_silence_a_doubt),
		MEMBER(an_approval_expires), MEMBER(rejected_ones_stay),
		MEMBER(who_follows_rejected_ones_is_frozen), MEMBER(counted_in_the_same_transaction),
	};
	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
