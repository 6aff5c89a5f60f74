/* Onboarding that begins with the first login; and what stands on this machine of somebody who loses access. */
#include "rig.h"

#include "common/json.h"

#include <sys/stat.h>

#include "hook/sessions.h"
#include "policies/brake.h"

static int fresh(void **state)
{
	if (setup(state))
		return -1;
	struct rig *r = *state;
	r->profile.trigger = 1;
	r->settings.life.grace_ms = BRAKE_DAY_MS;
	return 0;
}

static void logs_in(struct rig *r, const char *uuid)
{
	OK(roll_logged_in(&r->roll, uuid, "test", r->f.arena, &r->f.e));
}

static enum stage stage_now(struct rig *r, const char *uuid)
{
	return (enum stage)account(r, uuid).stage;
}

static void sees(struct rig *r, const char *type, const char *csn)
{
	entry(r, A, "alice", type, csn);
	run(r);
}

static void the_first_login_begins(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	assert_int_equal(stage_now(r, A), STAGE_DUE);
	logs_in(r, A);
	assert_int_equal(stage_now(r, A), STAGE_ACTIVE);
	assert_int_equal(account(r, A).lane, LANE_JOIN);
	assert_int_equal(stage_now(r, B), STAGE_DUE);
	/* Again: nothing new. */
	logs_in(r, A);
	assert_int_equal(account(r, A).generation, 1);
	assert_int_equal(roll_logged_in(&r->roll, C, "test", r->f.arena, &r->f.e), ERR_ABSENT);
}

static void a_login_before_retirement_is_no_wish_to_return(void **state)
{
	struct rig *r = *state;
	refresh(r, 1);
	logs_in(r, A);
	sees(r, "left", "6");
	assert_int_equal(stage_now(r, A), STAGE_SUSPENDED);
	/* A leaver who logs in (he cannot) begins nothing. */
	logs_in(r, A);
	assert_int_equal(stage_now(r, A), STAGE_SUSPENDED);
	struct store_account acc = account(r, A);
	r->f.time.now_ms += 1000;
	acc.stage = STAGE_RETIRED;
	acc.since_ms = r->f.time.now_ms;
	OK(store_account_news(r->f.store, &acc, &r->f.e));
	sees(r, "staff", "7");
	assert_int_not_equal(stage_now(r, A), STAGE_ACTIVE);
	r->f.time.now_ms += 1000;
	logs_in(r, A);
	assert_int_equal(stage_now(r, A), STAGE_ACTIVE);
	assert_int_equal(account(r, A).generation, 2);
}

/* --- what stands on this machine ---------------------------------------------------------------------------------- */

static char *run_dir(struct rig *r)
{
	char *run = arena_printf(r->f.arena, "%s.run", r->f.path);
	mkdir(run, 0755);
	r->settings.socket = arena_printf(r->f.arena, "%s/desk", run);
	return run;
}

static char *delivered(struct rig *r, const char *run, const char *uid)
{
	char *dir = arena_printf(r->f.arena, "%s/%s", run, uid);
	mkdir(dir, 0711);
	char *file = arena_printf(r->f.arena, "%s/cloud.env", dir);
	FILE *f = fopen(file, "we");
	assert_non_null(f);
	fclose(f);
	return file;
}

static char *kick_mark(struct rig *r, const char *run, const char *uid)
{
	return arena_printf(r->f.arena, "%s/kick/%s", run, uid);
}

static void clear(struct rig *r, const char *run)
{
	char *command = arena_printf(r->f.arena, "rm -rf '%s'", run);
	assert_int_equal(system(command), 0);
}

static void numbered(struct rig *r, const char *type, const char *csn, const char *uid)
{
	struct entry *e = entry_at(r, A, "uid=alice", "alice", type, csn);
	add(r, e, "uidNumber", uid);
	run(r);
}

/* Somebody at work, with this number. */
static char *at_work(struct rig *r)
{
	r->profile.trigger = 0;
	r->rules.map.uid_number = "uidNumber";
	refresh(r, 1);
	numbered(r, "staff", "6", "20001");
	return run_dir(r);
}

static void his_file_goes_with_his_access(void **state)
{
	struct rig *r = *state;
	char *run = at_work(r);
	r->settings.login.kick = true;
	char *file = delivered(r, run, "20001"), *other = delivered(r, run, "20002");
	assert_int_equal(access(file, F_OK), 0);
	numbered(r, "left", "7", "20001");
	assert_int_equal(stage_now(r, A), STAGE_SUSPENDED);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(access(kick_mark(r, run, "20001"), F_OK), 0);
	/* News of somebody who has left already end nothing again. */
	assert_int_equal(unlink(kick_mark(r, run, "20001")), 0);
	numbered(r, "left", "8", "20001");
	assert_int_equal(access(kick_mark(r, run, "20001"), F_OK), -1);
	clear(r, run);
}

/* In one change with the disable: the number that he had is the one that counts.  Back again, nobody is ended any more. */
static void disabled_and_stripped_of_his_number(void **state)
{
	struct rig *r = *state;
	char *place = at_work(r), *file = delivered(r, place, "20001");
	r->settings.login.kick = true;
	entry(r, A, "alice", "left", "7");
	run(r);
	assert_int_equal(stage_now(r, A), STAGE_SUSPENDED);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(kick_mark(r, place, "20001"), F_OK), 0);
	numbered(r, "staff", "8", "20001");
	assert_int_equal(stage_now(r, A), STAGE_ACTIVE);
	assert_int_equal(access(kick_mark(r, place, "20001"), F_OK), -1);
	clear(r, place);
}

static void a_hold_takes_it_too_and_asks_nobody_unless_told(void **state)
{
	struct rig *r = *state;
	char *run = at_work(r);
	char *file = delivered(r, run, "20001");
	OK(roll_suspend(&r->roll, A, "laptop stolen", "test", r->f.arena, &r->f.e));
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(access(kick_mark(r, run, "20001"), F_OK), -1);
	clear(r, run);
}

static void the_machines_own_people_are_left_alone(void **state)
{
	struct rig *r = *state;
	char *run = run_dir(r), *own = delivered(r, run, "999");
	struct store_person p = { .login = arena_strdup(r->f.arena, "mail"), .uid_number = 999 };
	r->settings.login.kick = true;
	sessions_end(&r->settings, &p);
	p.uid_number = -1;
	sessions_end(&r->settings, &p);
	assert_int_equal(access(own, F_OK), 0);
	assert_int_equal(access(arena_printf(r->f.arena, "%s/kick", run), F_OK), -1);
	clear(r, run);
}

static void a_link_is_not_followed(void **state)
{
	struct rig *r = *state;
	char *run = run_dir(r), *victim = delivered(r, run, "elsewhere");
	struct store_person p = { .login = arena_strdup(r->f.arena, "alice"), .uid_number = 20001 };
	assert_int_equal(symlink("elsewhere", arena_printf(r->f.arena, "%s/20001", run)), 0);
	sessions_end(&r->settings, &p);
	assert_int_equal(access(victim, F_OK), 0);
	clear(r, run);
}

static void what_was_missed_is_swept_at_start(void **state)
{
	struct rig *r = *state;
	char *run = at_work(r);
	char *his = delivered(r, run, "20001"), *unknown = delivered(r, run, "20002"), *strange = delivered(r, run, "kick");
	sessions_sweep(&r->settings, r->f.store);
	assert_int_equal(access(his, F_OK), 0);
	assert_int_equal(access(unknown, F_OK), -1);
	assert_int_equal(access(strange, F_OK), 0);
	clear(r, run);
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, fresh, teardown)

int main(void)
{
	json_start();
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		FRESH(the_first_login_begins), FRESH(a_login_before_retirement_is_no_wish_to_return),
		FRESH(his_file_goes_with_his_access), FRESH(disabled_and_stripped_of_his_number),
		FRESH(a_hold_takes_it_too_and_asks_nobody_unless_told),
		FRESH(the_machines_own_people_are_left_alone), FRESH(a_link_is_not_followed), FRESH(what_was_missed_is_swept_at_start),
	};
	return cmocka_run_group_tests_name("roll_login", tests, NULL, NULL);
}
