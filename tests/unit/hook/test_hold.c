/* Holds: who is held by an alarm or by an administrator, what it takes to be let go, and what stands in the evidence. */
#include "rig.h"

#include "common/file.h"
#include "policies/brake.h"

#define HOUR_MS (60 * 60 * 1000LL)

static int foreign(struct rig *r, const char *uuid)
{
	return roll_foreign(&r->roll, uuid, 1, "req-42", r->f.arena, &r->f.e);
}

static int suspend(struct rig *r, const char *uuid, const char *reason)
{
	return roll_suspend(&r->roll, uuid, reason, "uid 0", r->f.arena, &r->f.e);
}

static int resume(struct rig *r, const char *uuid)
{
	return roll_resume(&r->roll, uuid, "uid 0", r->f.arena, &r->f.e);
}

/* How many lines of the evidence hold both texts. */
static int evident(struct rig *r, const char *one, const char *other)
{
	char *text, *line, *rest;
	size_t n;
	int count = 0;
	OK(file_read(r->f.arena, arena_printf(r->f.arena, "%s/evidence", r->f.folder), 1 << 20, &text, &n, &r->f.e));
	for (line = text; (rest = strchr(line, '\n')); line = rest + 1) {
		*rest = '\0';
		count += strstr(line, one) && strstr(line, other);
	}
	return count;
}

static void refused(struct rig *r, int rc, int kind, const char *part)
{
	if (rc != kind || !strstr(r->f.e.text, part))
		fail_msg("%d \"%s\", wanted %d \"%s\"", rc, r->f.e.text, kind, part);
}

/* --- by an alarm -------------------------------------------------------------------------------------------- */

static void an_alarm_holds_him(void **state)
{
	struct rig *r = *state;
	int64_t holds;
	refresh(r, 2);
	r->f.time.now_ms += 5;
	OK(foreign(r, A));
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_HELD);
	assert_int_equal(a.lane, LANE_REVOKE);
	assert_true(a.due_ms <= r->f.time.now_ms);
	assert_int_equal(a.cut_ms, r->f.time.now_ms);
	assert_int_equal(a.since_ms, r->f.time.now_ms);
	assert_int_equal(a.retire_after_ms, 0);
	assert_string_equal(a.hold_reason, "proof: a probe with his key returned foreign data, request req-42");
	OK(store_acts(r->f.store, ACT_KIND_HOLD, NULL, 0, &holds, NULL, &r->f.e));
	assert_int_equal(holds, 1);
	assert_int_equal(evident(r, "\"alarm\"", "he is held"), 1);
	assert_int_equal(evident(r, "\"alarm\"", "req-42"), 1);
	assert_int_equal(evident(r, "\"stage\"", "active -> held"), 1);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
}

/* A fourth within the hour: rather the probe or the cloud is wrong.  The hour over, the brake is open again. */
static void the_fourth_alarm_holds_nobody(void **state)
{
	struct rig *r = *state;
	static const char *const uuids[] = { A, B, C };
	refresh(r, 3);
	entry(r, "00000000-0000-4000-8000-00000000000d", "user3", "staff", "5");
	run(r);
	for (size_t i = 0; i < 3; i++) {
		OK(foreign(r, uuids[i]));
		assert_int_equal(account(r, uuids[i]).stage, STAGE_HELD);
	}
	r->f.time.now_ms += HOUR_MS;
	const char *last = "00000000-0000-4000-8000-00000000000d";
	int64_t want = account(r, last).want;
	OK(foreign(r, last));
	assert_int_equal(account(r, last).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, last).want, want);
	assert_null(account(r, last).hold_reason);
	assert_int_equal(evident(r, "\"alarm\"", "nobody is held"), 1);
	assert_int_equal(evident(r, "\"alarm\"", "more than 3 in an hour"), 1);
	r->f.time.now_ms += 1;
	OK(foreign(r, last));
	assert_int_equal(account(r, last).stage, STAGE_HELD);
	assert_int_equal(evident(r, "\"alarm\"", "returned foreign data"), 5);
}

static void an_alarm_is_raised_whatever_else(void **state)
{
	struct rig *r = *state;
	int64_t holds;
	refresh(r, 2);
	OK(foreign(r, A));
	OK(foreign(r, A));                       /* the worker that had him in hand ends its walk */
	assert_int_equal(evident(r, "\"alarm\"", "is held already"), 1);
	OK(foreign(r, C));                       /* whom nobody knows */
	assert_int_equal(evident(r, "\"alarm\"", C), 1);
	entry(r, B, "user1", "left", "7");
	run(r);
	OK(foreign(r, B));                       /* news overtook the walk */
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
	assert_int_equal(evident(r, "\"alarm\"", "when he comes back"), 1);
	OK(store_acts(r->f.store, ACT_KIND_HOLD, NULL, 0, &holds, NULL, &r->f.e));
	assert_int_equal(holds, 2);
	entry(r, B, "user1", "staff", "8");
	run(r);
	assert_int_equal(account(r, B).stage, STAGE_HELD);
}

/* --- by an administrator -------------------------------------------------------------------------------------- */

static void an_administrator_suspends_and_resumes(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	OK(suspend(r, A, "asked by security"));
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_HELD);
	assert_int_equal(a.lane, LANE_REVOKE);
	assert_string_equal(a.hold_reason, "asked by security");
	assert_int_equal(evident(r, "\"hold\"", "uid 0"), 1);
	assert_int_equal(evident(r, "\"stage\"", "active -> held"), 1);
	/* Nothing that the directory says of an entitled person lets it go. */
	entry(r, A, "user0", "staff", "9");
	run(r);
	refresh(r, 2);
	assert_int_equal(account(r, A).stage, STAGE_HELD);
	r->f.time.now_ms += 7;
	OK(resume(r, A));
	a = account(r, A);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.lane, LANE_JOIN);
	assert_int_equal(a.since_ms, r->f.time.now_ms);
	assert_null(a.hold_reason);
	assert_int_equal(a.generation, 1);
	assert_int_equal(evident(r, "\"stage\"", "held -> active"), 1);
	assert_int_equal(evident(r, "\"hold\"", "let go by uid 0"), 1);
	int64_t holds;
	OK(store_acts(r->f.store, ACT_KIND_HOLD, NULL, 0, &holds, NULL, &r->f.e));
	assert_int_equal(holds, 0);              /* the brake counts alarms */
}

static void a_hold_outlives_a_suspension(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	OK(suspend(r, A, "asked by security"));
	entry(r, A, "user0", "left", "7");
	run(r);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_SUSPENDED);
	assert_int_equal(a.retire_after_ms, r->f.time.now_ms + 1000000);
	assert_true(a.cut_strong);
	assert_string_equal(a.hold_reason, "asked by security");
	entry(r, A, "user0", "staff", "6");      /* older than what cut him */
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	entry(r, A, "user0", "staff", "8");
	run(r);
	a = account(r, A);
	assert_int_equal(a.stage, STAGE_HELD);
	assert_int_equal(a.retire_after_ms, 0);
	assert_string_equal(a.hold_reason, "asked by security");
	OK(resume(r, A));
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

static void a_suspended_person_is_held_when_he_comes_back(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	run(r);
	struct store_account was = account(r, A);
	r->f.time.now_ms += 10;
	OK(suspend(r, A, "asked by security"));
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_SUSPENDED);
	assert_int_equal(a.since_ms, was.since_ms);
	assert_int_equal(a.retire_after_ms, was.retire_after_ms);
	assert_int_equal(a.lane, LANE_REVOKE);   /* his cut was not done yet, and stays as urgent */
	assert_int_equal(a.sweep_ms, r->f.time.now_ms);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_HELD);
}

/* Let go while he may not come in: nothing is given, and nothing holds him when he may. */
static void a_release_gives_only_what_the_directory_gives(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	OK(suspend(r, A, "x"));
	entry(r, A, "user0", "left", "7");
	run(r);
	struct store_account a, got;
	OK(take(&r->f, 1u << LANE_REVOKE, 1, &got));
	got.due_ms = r->f.time.now_ms + 5000;
	got.lane = LANE_AUDIT;
	got.complete = true;
	OK(store_give_back(r->f.store, &got, 1, &r->f.e));
	OK(resume(r, A));
	a = account(r, A);
	assert_int_equal(a.stage, STAGE_SUSPENDED);
	assert_null(a.hold_reason);
	assert_true(a.complete);
	assert_int_equal(a.lane, LANE_TIDY);     /* entry and remark still say that he is held */
	assert_true(a.due_ms <= r->f.time.now_ms && a.sweep_ms == r->f.time.now_ms);
	assert_int_equal(evident(r, "\"hold\"", "suspended -> suspended"), 1);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
	/* A sign of absence waits for its confirmation all the same. */
	OK(suspend(r, C, "x"));
	refresh(r, 2);
	OK(resume(r, C));
	a = account(r, C);
	assert_int_equal(a.stage, STAGE_HELD);
	assert_null(a.hold_reason);
	assert_true(person(r, C).weak_since_ms > 0);
	OK(resume(r, C));                        /* without access, and nobody's reason: asking again harms nothing */
	refresh(r, 3);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
}

static void a_held_person_departs(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	OK(suspend(r, C, "x"));
	r->where = WHERE_GONE;
	refresh(r, 2);
	assert_int_equal(account(r, C).stage, STAGE_HELD);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	assert_string_equal(account(r, C).hold_reason, "x");
	r->f.time.now_ms += 1000001;
	cloud_answers(r);
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_RETIRED);
	refused(r, resume(r, C), ERR_ABSENT, "retired");
	refused(r, suspend(r, C, "y"), ERR_ABSENT, "retired");
}

static void what_cannot_be_held_or_let_go(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, C, "user2", "left", "5");       /* never had anything */
	run(r);
	refused(r, suspend(r, C, "x"), ERR_ABSENT, "\"user2\" has no account");
	refused(r, resume(r, C), ERR_ABSENT, "\"user2\" has no account");
	refused(r, suspend(r, "00000000-0000-4000-8000-0000000000ff", "x"), ERR_ABSENT, "no such person");
	refused(r, resume(r, "00000000-0000-4000-8000-0000000000ff"), ERR_ABSENT, "no such person");
	refused(r, resume(r, A), ERR_ABSENT, "\"user0\" is active and not held");
	refused(r, suspend(r, A, "   "), ERR_PERM, "a reason is needed");
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
	OK(suspend(r, A, "the first"));
	refused(r, suspend(r, A, "the second"), ERR_ABSENT, "held already: the first");
	assert_string_equal(account(r, A).hold_reason, "the first");
	assert_int_equal(evident(r, "\"hold\"", ""), 1);
}

static void a_reason_is_made_fit(void **state)
{
	struct rig *r = *state;
	char longest[2000];
	refresh(r, 2);
	OK(suspend(r, A, "  bell\a and \xff bytes "));
	assert_string_equal(account(r, A).hold_reason, "bell? and ? bytes");
	memset(longest, 'a', sizeof(longest));
	longest[0] = 'b';
	for (size_t i = 1; i + 3 < sizeof(longest); i += 3)
		memcpy(longest + i, "\xe6\x9d\x8e", 3);
	longest[sizeof(longest) - 1] = '\0';
	OK(suspend(r, B, longest));
	const char *kept = account(r, B).hold_reason;
	assert_true(strlen(kept) > 100 && strlen(kept) < 160);
	assert_true(str_utf8(kept, strlen(kept)));
}

int main(void)
{
	json_start();
	/* Alarms are raised here on purpose. */
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		RIG(an_alarm_holds_him), RIG(the_fourth_alarm_holds_nobody), RIG(an_alarm_is_raised_whatever_else),
		RIG(an_administrator_suspends_and_resumes), RIG(a_hold_outlives_a_suspension),
		RIG(a_suspended_person_is_held_when_he_comes_back), RIG(a_release_gives_only_what_the_directory_gives),
		RIG(a_held_person_departs), RIG(what_cannot_be_held_or_let_go), RIG(a_reason_is_made_fit),
	};
	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
