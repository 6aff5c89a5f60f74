/* Feed and roll with a scripted source: what the directory says becomes people, accounts and their place in the
 * queue.  No cloud is asked: the engine only holds its list of strikes here. */
#include "rig.h"

static void newcomers_are_queued(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.lane, LANE_JOIN);
	assert_true(a.due_ms <= r->f.time.now_ms);
	assert_true(feed_trusted(r->feed));
}

static void the_same_again_wakes_nobody(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	int64_t want = account(r, A).want;
	refresh(r, 2);
	entry(r, A, "user0", "staff", "6");      /* another stamp, nothing else: our own write's echo */
	run(r);
	assert_int_equal(account(r, A).want, want);
}

static void a_disable_is_cut_at_once(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	run(r);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_SUSPENDED);
	assert_int_equal(a.lane, LANE_REVOKE);
	assert_int_equal(a.retire_after_ms, r->f.time.now_ms + 1000000);
	assert_true(a.cut_strong);
	assert_string_equal(a.cut_csn, "7");
	entry(r, A, "user0", "staff", "6");      /* older than the cut: a replica that lags */
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, A).generation, 1);
}

/* What a directory says without a value cannot be told from what it does not say: nobody who was disabled comes back by that
 * before the source is believed. */
static void back_in_doubt(void **state)
{
	struct rig *r = *state;
	int did;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	entry(r, C, "user2", "left", "7");       /* never had anything */
	run(r);
	for (int round = 0; round < 2; round++) {
		tell(r, SOURCE_STARTED, NULL);
		entry(r, A, "user0", NULL, "8");
		entry(r, B, "user1", NULL, "8");
		entry(r, C, "user2", NULL, "8");
		run(r);
		tell(r, SOURCE_REFRESHED, NULL)->doubts.all = round ? NULL : "attribute unknown to the server's schema";
		run(r);
		r->f.time.now_ms += 61000;
		OK(roll_due(&r->roll, r->f.arena, &did, &r->f.e));
		assert_int_equal(account(r, A).stage, round ? STAGE_ACTIVE : STAGE_SUSPENDED);
		assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
		if (!round)
			assert_int_equal(person(r, C).generation, 0);
		if (!round)
			assert_non_null(strstr(person(r, A).note, "believed"));
	}
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
}

/* A value that says so needs no witness. */
static void back_by_a_value(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	run(r);
	tell(r, SOURCE_STARTED, NULL);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

static void a_broken_entry_that_says_disabled_is_cut(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, NULL, "left", "7");          /* the login attribute is gone, too */
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	entry(r, B, NULL, "staff", "7");
	run(r);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_non_null(strstr(person(r, B).note, "login"));
}

static void a_taken_name_waits(void **state)
{
	struct rig *r = *state;
	int did;
	refresh(r, 1);
	entry(r, B, "user0", "staff", "5");
	run(r);
	struct store_person b = person(r, B);
	assert_int_equal(b.generation, 0);
	assert_non_null(strstr(b.note, "belongs to"));
	entry(r, A, "user0", "left", "7");
	run(r);
	r->f.time.now_ms += 61000;
	OK(roll_due(&r->roll, r->f.arena, &did, &r->f.e));
	assert_int_equal(did, 1);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
}

static void absence_waits_and_is_confirmed(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	refresh(r, 2);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	confirm_step(r->feed);                   /* too early */
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	r->f.time.now_ms += 31000;
	r->mute = true;
	confirm_step(r->feed);                   /* no answer: nothing is concluded */
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	r->mute = false;
	r->f.time.now_ms += 6000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

static void absent_but_there_loses_nothing(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 2);
	r->where = WHERE_INSIDE;
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	assert_int_equal(person(r, C).weak_since_ms, 0);
}

static void an_unfinished_refresh_says_nothing(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	tell(r, SOURCE_STARTED, NULL);
	entry(r, A, "user0", "staff", "5");
	tell(r, SOURCE_GONE, B);
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "cut");
	run(r);
	assert_false(feed_trusted(r->feed));
	r->f.time.now_ms += 100000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_int_equal(person(r, B).weak_since_ms, 0);
}

static void nobody_named_is_not_believed(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	refresh(r, 0);
	assert_false(feed_trusted(r->feed));     /* also for what was trusted before */
	r->f.time.now_ms += 100000;
	confirm_step(r->feed);
	for (const char *const *u = (const char *const[]){ A, B, C, NULL }; *u; u++)
		assert_int_equal(account(r, *u).stage, STAGE_ACTIVE);
}

static void the_brake_holds_all_of_them(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	r->settings.life.departures_hour = 1;
	refresh(r, 1);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	entry(r, B, "user1", "left", "9");       /* an explicit disable is not held up by it */
	run(r);
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
}

/* A container was moved away: who is disabled in there is as disabled as anywhere. */
static void outside_and_disabled_is_cut(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_OUTSIDE;
	r->settings.life.departures_hour = 0;
	refresh(r, 1);
	entry(r, C, "user2", "left", "9");       /* what the second look shows */
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	assert_true(account(r, C).cut_strong);
}

static void retirement_asks_again(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	run(r);
	r->f.time.now_ms += 1000001;
	cloud_answers(r);
	r->where = WHERE_INSIDE;
	r->mute = true;
	confirm_step(r->feed);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	r->mute = false;
	r->f.time.now_ms += 2000;
	assert_true(confirm_step(r->feed));
	assert_int_equal(account(r, A).stage, STAGE_RETIRED);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).generation, 2);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

/* Missing, back with an entry that cannot be used, and missing again: he must not be forgotten. */
static void absent_unusable_absent(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 2);
	entry(r, C, NULL, "staff", "6");
	run(r);
	r->where = WHERE_GONE;
	refresh(r, 2);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
}

/* Back before the second opinion is acted upon: it is out of date. */
static void heard_of_while_doubted(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 2);
	entry(r, C, "user2", "staff", "6");
	run(r);
	assert_int_equal(roll_departed(&r->roll, C, "re-read: gone", r->f.arena, &r->f.e), ERR_STALE);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
}

static void an_unreadable_entry_is_not_retired(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	refresh(r, 2);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	r->where = WHERE_INSIDE;                 /* he is there again, and his login attribute is not */
	entry(r, C, NULL, "staff", "9");
	r->at = r->count;                        /* the source has not told it yet */
	r->f.time.now_ms += 1000001;
	cloud_answers(r);
	assert_false(confirm_step(r->feed));
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
}

/* The store was full when he was struck, and he is enabled again before it knew. */
static void struck_and_back(void **state)
{
	struct rig *r = *state;
	struct engine_health h;
	refresh(r, 2);
	int64_t want = account(r, A).want;
	engine_strike(r->engine, A);
	r->f.time.now_ms += 10;
	entry(r, A, "user0", "staff", "9");      /* nothing new in it */
	run(r);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 0);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.want, want + 1);
	assert_int_equal(a.since_ms, r->f.time.now_ms);  /* what was verified before proves nothing now */
}

/* What the store has learnt needs no strike any more. */
static void a_strike_ends_when_the_store_knows(void **state)
{
	struct rig *r = *state;
	struct engine_health h;
	refresh(r, 2);
	engine_strike(r->engine, B);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 1);
	entry(r, B, "user1", "left", "9");
	run(r);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 0);
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
}

int main(void)
{
	json_start();
	log_open(LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		RIG(newcomers_are_queued), RIG(the_same_again_wakes_nobody), RIG(a_disable_is_cut_at_once),
		RIG(a_broken_entry_that_says_disabled_is_cut), RIG(a_taken_name_waits), RIG(absence_waits_and_is_confirmed),
		RIG(absent_but_there_loses_nothing), RIG(an_unfinished_refresh_says_nothing), RIG(nobody_named_is_not_believed),
		RIG(absent_unusable_absent), RIG(back_in_doubt), RIG(back_by_a_value),
		RIG(heard_of_while_doubted), RIG(an_unreadable_entry_is_not_retired), RIG(struck_and_back),
		RIG(the_brake_holds_all_of_them), RIG(outside_and_disabled_is_cut),
		 RIG(retirement_asks_again), RIG(a_strike_ends_when_the_store_knows),
	};
	return cmocka_run_group_tests_name("roll", tests, NULL, NULL);
}
