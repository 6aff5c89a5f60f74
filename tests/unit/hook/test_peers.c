/* Bugs that users of other directory synchronisers published, one test each: here those of the directory's side.  Those of
 * the cloud's side stand in test_peers_cloud.c.
 *
 *   what went wrong elsewhere                          where                            test
 *   people wiped: the directory was away or empty      Keycloak, opnsense, glpi, gitea  absent_because_the_server_was_*
 *   a server error upstream became a deletion          ssosync                          a_server_error_is_no_deletion
 *   deleted people stayed active                       Keycloak, authentik, grafana     deleted_people_do_not_stay_active
 *   the live mode forgot deletes                       lsc                              a_delete_that_nobody_told_is_not_forgotten
 *   out of the filter, and access was kept             Keycloak, Okta                   out_of_the_filter_and_out_of_access
 *   the filter was changed, and people were deleted    Keycloak                         a_changed_filter_deletes_nobody
 *   "invalid" for a moment, and the secrets were gone  Keycloak                         invalid_for_a_moment_loses_nothing
 *   one rename stopped every later run                 ssosync                          after_a_rename_the_others_are_heard
 *   a page limit cut the list                          ssosync, idp-scim-sync           a_list_cut_short_is_no_list */
#include "rig.h"

static void all_are(struct rig *r, enum stage stage)
{
	for (const char *const *u = (const char *const[]){ A, B, C, NULL }; *u; u++)
		assert_int_equal(account(r, *u).stage, stage);
}

/* Long after any wait; whoever asks the directory hears that nobody is there. */
static void much_later(struct rig *r)
{
	r->where = WHERE_GONE;
	for (int i = 0; i < 3; i++) {
		r->f.time.now_ms += 3600000;
		confirm_step(r->feed);
	}
}

/* opnsense cut 43 people, glpi disabled 512, Keycloak removed its imported ones: no answer was read as an empty one. */
static void absent_because_the_server_was_unreachable(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "connection refused");
	run(r);
	r->mute = true;
	much_later(r);
	all_are(r, STAGE_ACTIVE);
	refresh(r, 3);
	all_are(r, STAGE_ACTIVE);
}

static void absent_because_the_server_was_empty(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 0);
	much_later(r);
	all_are(r, STAGE_ACTIVE);
	assert_false(feed_trusted(r->feed));
}

/* ssosync took "503" in the middle of a listing as its end, and deleted whom it had not been told. */
static void a_server_error_is_no_deletion(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	tell(r, SOURCE_STARTED, NULL);
	entry(r, A, "user0", "staff", "5");
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "server error");
	run(r);
	much_later(r);
	all_are(r, STAGE_ACTIVE);
}

/* An entry that was deleted left an active account behind, for ever. */
static void deleted_people_do_not_stay_active(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	tell(r, SOURCE_GONE, B);
	run(r);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
	assert_int_equal(account(r, B).lane, LANE_REVOKE);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

/* lsc in its live mode missed what was deleted while it was not connected, and never made up for it. */
static void a_delete_that_nobody_told_is_not_forgotten(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "cut");
	run(r);
	r->where = WHERE_GONE;                   /* deleted meanwhile: no event says so */
	refresh(r, 2);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
}

/* Who no longer matched the filter was not looked at any more, and kept his access. */
static void out_of_the_filter_and_out_of_access(void **state)
{
	struct rig *r = *state;
	OK(filter_parse(r->f.arena, "(employeeType=staff)", &r->rules.entitled, &r->f.e));
	refresh(r, 3);
	entry(r, B, "user1", "guest", "6");
	run(r);
	r->where = WHERE_INSIDE;
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

/* The other way: Keycloak deleted everybody whom a new filter did not name. */
static void a_changed_filter_deletes_nobody(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	OK(filter_parse(r->f.arena, "(employeeType=nobody)", &r->rules.entitled, &r->f.e));
	refresh(r, 3);
	r->where = WHERE_INSIDE;
	for (int i = 0; i < 3; i++) {
		r->f.time.now_ms += 31000;
		confirm_step(r->feed);
	}
	all_are(r, STAGE_ACTIVE);
}

/* An entry that Keycloak could not read once was dropped and imported anew, without its one-time password. */
static void invalid_for_a_moment_loses_nothing(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	struct store_account before = account(r, B);
	entry(r, B, NULL, "staff", "6");
	run(r);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	entry(r, B, "user1", "staff", "7");
	run(r);
	struct store_account after = account(r, B);
	assert_int_equal(after.stage, STAGE_ACTIVE);
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.generation, 1);
	assert_string_equal(after.placement, before.placement);
	assert_null(person(r, B).note);
}

/* ssosync ended with an error at a user whose name had changed, and so did each later run. */
static void after_a_rename_the_others_are_heard(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	tell(r, SOURCE_STARTED, NULL);
	entry(r, A, "renamed", "staff", "6");
	entry(r, B, "user1", "left", "6");
	entry(r, C, "user0", "staff", "6");      /* and a newcomer has the old name */
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
	assert_true(feed_trusted(r->feed));
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, A).generation, 1);
	assert_string_equal(person(r, A).login, "renamed");
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
}

/* ssosync saw the first page, idp-scim-sync the first hundred members, and took the rest for gone. */
static void a_list_cut_short_is_no_list(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	tell(r, SOURCE_STARTED, NULL);
	entry(r, A, "user0", "staff", "5");
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "size limit exceeded");
	run(r);
	much_later(r);
	all_are(r, STAGE_ACTIVE);
	assert_int_equal(person(r, C).weak_since_ms, 0);
}

int main(void)
{
	json_start();
	/* Brakes and doubts are told here on purpose. */
	log_open(LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		RIG(absent_because_the_server_was_unreachable), RIG(absent_because_the_server_was_empty),
		RIG(a_server_error_is_no_deletion), RIG(deleted_people_do_not_stay_active),
		RIG(a_delete_that_nobody_told_is_not_forgotten), RIG(out_of_the_filter_and_out_of_access),
		RIG(a_changed_filter_deletes_nobody), RIG(invalid_for_a_moment_loses_nothing),
		RIG(after_a_rename_the_others_are_heard), RIG(a_list_cut_short_is_no_list),
	};
	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
