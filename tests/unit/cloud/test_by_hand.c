/* What somebody gave a sub-account by hand, or took from it: found by the audit walk, put right or reported, on record,
 * and the proof is made anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"
#define TCB "tcb", "2018-06-08"
#define ADMIN 1                        /* AdministratorAccess */
#define CACHE 60000
#define AUDIT_CALLS 8                  /* of somebody without a server, when nothing is to be done */

/* Somebody active without a server, a colleague's environment beside his; one audit is a day away. */
static void active(struct cloud *c)
{
	cloud_raw(c, TCB, "CreateEnv", "{\"Alias\":\"colleague\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\"]}");
	c->want.bundle = NULL;
	cloud_build(c, ROW_COUNT);
	assert_string_equal(c->found.proof, PROOF_ISOLATED);
	c->v.now_ms += CLOUD_DAY;
}

static void by_admin(struct cloud *c, const char *action, const char *fmt, uint64_t id)
{
	cloud_raw(c, CAM, action, arena_printf(c->arena, "{%s:%" PRIu64 ",%s:%" PRIu64 "}", fmt, id,
		!strcmp(action, "DetachUserPolicy") ? "\"DetachUin\"" : !strcmp(action, "AttachUserPolicy") ? "\"AttachUin\"" :
		"\"TargetUin\"", c->found.uin));
}

static void attach(struct cloud *c, uint64_t policy) { by_admin(c, "AttachUserPolicy", "\"PolicyId\"", policy); }
static void detach(struct cloud *c, uint64_t policy) { by_admin(c, "DetachUserPolicy", "\"PolicyId\"", policy); }

static uint64_t join(struct cloud *c, const char *name)
{
	const struct json *made = cloud_raw(c, CAM, "CreateGroup", arena_printf(c->arena, "{\"GroupName\":\"%s\"}", name));
	uint64_t group = (uint64_t)json_int_or(made, "GroupId", 0);
	cloud_raw(c, CAM, "AddUserToGroup", arena_printf(c->arena, "{\"Info\":[{\"GroupId\":%" PRIu64 ",\"Uin\":%" PRIu64 "}]}", group,
		c->found.uin));
	cloud_raw(c, CAM, "AttachGroupPolicy", arena_printf(c->arena, "{\"PolicyId\":%d,\"AttachGroupId\":%" PRIu64 "}", ADMIN, group));
	return group;
}

static size_t policies(struct cloud *c) { return json_count(cloud_state(c, "users[0].policies")); }
static size_t groups(struct cloud *c)
{
	const struct json *answer = cloud_admin(c, ACT_LIST_GROUPS_FOR_USER, arena_printf(c->arena, "{\"SubUin\":%" PRIu64 "}",
		c->found.uin));
	return json_count(json_get(answer, "GroupInfo"));
}

/* He is audited until there is nothing more to do. */
static int audit(struct cloud *c)
{
	int rc = cloud_walk(c, STAGE_ACTIVE);
	while (rc == ERR_WAIT) {
		c->v.now_ms = c->e.due_ms;
		rc = cloud_walk(c, STAGE_ACTIVE);
	}
	return rc;
}

static void in_order(struct cloud *c)
{
	if (audit(c))
		fail_msg("%s", c->e.text);
	assert_string_equal(c->found.proof, PROOF_ISOLATED);
	size_t deeds = c->journal.deed_count;
	int sent = c->sent;
	assert_int_equal(cloud_walk(c, STAGE_ACTIVE), 0);
	assert_int_equal(c->journal.deed_count, deeds);
	assert_true(c->sent - sent <= AUDIT_CALLS);
}

/* The first audit puts it right, and asks for a new proof. */
static void repaired(struct cloud *c)
{
	int64_t now = c->v.now_ms;
	assert_int_equal(cloud_walk(c, STAGE_ACTIVE), ERR_WAIT);
	assert_true(c->found.policy_changed_ms >= now);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
	in_order(c);
	assert_true(c->found.proof_ms >= c->found.policy_changed_ms + CACHE);
}

static void evidence(struct cloud *c, const char *text)
{
	if (memory_did(&c->journal, text))
		return;
	for (size_t i = 0; i < c->journal.deed_count; i++)
		print_message("%s\n", c->journal.deeds[i]);
	fail_msg("not in the evidence: %s", text);
}

/* --- taken away ---------------------------------------------------------------------------------- */

static void nothing_by_hand(void **state)
{
	struct cloud *c = *state;
	active(c);
	in_order(c);
	/* One look at his groups is what it costs, and a proof is made again each day. */
	int sent = c->sent;
	int64_t asked = json_int_or(emulator_calls(c->emulator, c->arena), "actions.ListGroupsForUser.OK", 0);
	assert_int_equal(cloud_walk(c, STAGE_ACTIVE), 0);
	assert_int_equal(json_int_or(emulator_calls(c->emulator, c->arena), "actions.ListGroupsForUser.OK", 0), asked + 1);
	print_message("an audit with nothing to do, no server: %d calls\n", c->sent - sent);
}

static void a_policy(void **state)
{
	struct cloud *c = *state;
	active(c);
	attach(c, ADMIN);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	repaired(c);
	assert_int_equal(policies(c), 1);
	evidence(c, arena_printf(c->arena, "DetachUserPolicy DetachUin=%" PRIu64 " PolicyId=1: policy \"AdministratorAccess\", attached "
		"to \"alice-7f3kq2\" by hand [", c->found.uin));
	assert_string_equal(c->found.note, "");
}

static void a_group(void **state)
{
	struct cloud *c = *state;
	active(c);
	uint64_t group = join(c, "friends");
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	repaired(c);
	assert_int_equal(groups(c), 0);
	evidence(c, arena_printf(c->arena, "RemoveUserFromGroup Info[0].GroupId=%" PRIu64 " Info[0].Uin=%" PRIu64 ": group \"friends\", "
		"to which \"alice-7f3kq2\" was added by hand [", group, c->found.uin));
}

/* Our own boundary allows nearly everything when it is attached as a policy. */
static void our_boundary_as_a_policy(void **state)
{
	struct cloud *c = *state;
	active(c);
	attach(c, c->root.boundary_id);
	repaired(c);
	assert_int_equal(policies(c), 1);
}

static void a_second_key(void **state)
{
	struct cloud *c = *state;
	active(c);
	const struct json *made = cloud_raw(c, CAM, "CreateAccessKey", arena_printf(c->arena, "{\"TargetUin\":%" PRIu64 "}",
		c->found.uin));
	const char *id = arena_strdup(c->arena, json_text(made, "AccessKey.AccessKeyId"));
	assert_int_equal(cloud_active_keys(c), 2);
	in_order(c);
	assert_int_equal(cloud_active_keys(c), 1);
	evidence(c, arena_printf(c->arena, "UpdateAccessKey TargetUin=%" PRIu64 " AccessKeyId=%s Status=Inactive: a key that was made "
		"for \"alice-7f3kq2\" by hand [", c->found.uin, id));
}

/* One that cannot go keeps nothing else. */
static void past_failures(void **state)
{
	struct cloud *c = *state;
	active(c);
	attach(c, ADMIN);
	attach(c, c->root.boundary_id);
	join(c, "friends");
	cloud_faults(c, "{\"rules\":[{\"action\":\"DetachUserPolicy\",\"kind\":\"http500\",\"nth\":1}]}");
	assert_int_equal(cloud_walk(c, STAGE_ACTIVE), ERR_UNKNOWN);
	assert_int_equal(policies(c), 2);
	assert_int_equal(groups(c), 0);
	in_order(c);
	assert_int_equal(policies(c), 1);
}

/* His own policy was deleted, and another one given to him: towards more and towards less. */
static void instead_of_ours(void **state)
{
	struct cloud *c = *state;
	active(c);
	cloud_raw(c, CAM, "DeletePolicy", arena_printf(c->arena, "{\"PolicyId\":[%" PRIu64 "]}", c->found.policy_id));
	attach(c, ADMIN);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	assert_int_equal(cloud_lock(c, ROW_POLICY), 0);
	assert_int_equal(policies(c), 0);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_NONE);
	attach(c, ADMIN);
	in_order(c);
	assert_string_equal(json_text(cloud_state(c, "users[0].policies[0]"), "name"), c->want.policy_name);
	/* One of that name that is not ours. */
	struct json *p = json_object(c->arena);
	json_put_uint(p, "PolicyId", c->found.policy_id);
	json_put_text(p, "Description", "mine now");
	cloud_admin(c, ACT_UPDATE_POLICY, json_print(c->arena, p));
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	assert_int_equal(cloud_walk(c, STAGE_ACTIVE), ERR_FOREIGN);
	assert_int_equal(policies(c), 0);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_FOREIGN);
}

/* --- leavers ----------------------------------------------------------------------------------------- */

static void from_a_leaver(void **state)
{
	struct cloud *c = *state;
	active(c);
	assert_int_equal(cloud_walk(c, STAGE_SUSPENDED), 0);
	attach(c, ADMIN);
	join(c, "friends");
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	assert_int_equal(cloud_walk(c, STAGE_SUSPENDED), 0);
	assert_int_equal(policies(c), 1);
	assert_string_equal(json_text(cloud_state(c, "users[0].policies[0]"), "name"), "rollcall-barrier-test");
	assert_int_equal(groups(c), 0);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_LOCKED);
	assert_int_equal(cloud_look(c, ROW_ACCESS), SEEN_LOCKED);
	/* As long as it is not known which one the barrier is, nothing is taken for a stranger. */
	c->root.barrier_id = 0;
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_LOCKED);
}

static void from_somebody_who_is_retired(void **state)
{
	struct cloud *c = *state;
	active(c);
	c->settings.isolation_ms = 0;
	attach(c, ADMIN);
	join(c, "friends");
	for (int i = 0; i < 5 && cloud_walk(c, STAGE_RETIRED); i++)
		c->v.now_ms = c->e.due_ms > c->v.now_ms ? c->e.due_ms : c->v.now_ms + 1000;
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
	assert_int_equal(cloud_count(c, "RemoveUserFromGroup"), 1);
}

static void left_in_place_goes_with_the_user(void **state)
{
	struct cloud *c = *state;
	active(c);
	c->settings.isolation_ms = 0;
	c->settings.by_hand_kept = true;
	attach(c, ADMIN);
	join(c, "friends");
	for (int i = 0; i < 5 && cloud_walk(c, STAGE_RETIRED); i++)
		c->v.now_ms = c->e.due_ms > c->v.now_ms ? c->e.due_ms : c->v.now_ms + 1000;
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
	assert_int_equal(cloud_count(c, "RemoveUserFromGroup"), 1);
	evidence(c, arena_printf(c->arena, "PolicyId=%d: policy \"AdministratorAccess\", attached to \"alice-7f3kq2\" by hand [", ADMIN));
}

/* --- only reported ------------------------------------------------------------------------------------- */

static size_t told(struct cloud *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->journal.deed_count; i++)
		n += strstr(c->journal.deeds[i], "given by hand, and left: ") != NULL;
	return n;
}

static void only_reported(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	active(c);
	in_order(c);
	assert_int_equal(told(c), 0);
	attach(c, c->root.boundary_id);
	uint64_t group = join(c, "friends");
	c->call.plan = true;
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(told(c), 0);
	c->call.plan = false;
	c->found.rights_by_hand = 0;            /* a plan stores nothing */
	int64_t now = c->v.now_ms, detached = cloud_count(c, "DetachUserPolicy");
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	const char *things = arena_printf(c->arena, "policy \"rollcall-boundary-test\" (%" PRIu64 "), group \"friends\" (%" PRIu64 ")",
		c->root.boundary_id, group);
	assert_string_equal(c->found.note, arena_printf(c->arena, "policy: given by hand: %s", things));
	evidence(c, arena_printf(c->arena, "given by hand, and left: %s", things));
	/* His rights are not what was proved. */
	assert_true(c->found.policy_changed_ms >= now);
	assert_int_equal(cloud_look(c, ROW_PROOF), SEEN_DRIFT);
	/* Told once, until it is something else, or nothing any more. */
	now = c->found.policy_changed_ms;
	c->v.now_ms += CLOUD_DAY;
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(told(c), 1);
	assert_int_equal(c->found.policy_changed_ms, now);
	attach(c, ADMIN);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(told(c), 2);
	detach(c, ADMIN);
	detach(c, c->root.boundary_id);
	cloud_raw(c, CAM, "DeleteGroup", arena_printf(c->arena, "{\"GroupId\":%" PRIu64 "}", group));
	now = c->v.now_ms;
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(told(c), 2);
	assert_true(c->found.policy_changed_ms >= now);
	assert_string_equal(c->found.note, "");
	assert_int_equal(cloud_count(c, "DetachUserPolicy"), detached + 2);     /* the administrator's */
	in_order(c);
}

/* The order in which they are listed is no news. */
static void told_in_any_order(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	active(c);
	attach(c, ADMIN);
	attach(c, c->root.boundary_id);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	detach(c, ADMIN);
	attach(c, ADMIN);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(told(c), 1);
}

/* While something else is put right, too; but whoever leaves keeps nothing, and does not get it back. */
static void left_beside_repairs(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	active(c);
	attach(c, c->root.boundary_id);
	join(c, "friends");
	detach(c, c->found.policy_id);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	assert_int_equal(policies(c), 2);
	assert_int_equal(groups(c), 1);
	assert_int_equal(cloud_lock(c, ROW_POLICY), 0);
	assert_int_equal(policies(c), 0);
	assert_int_equal(groups(c), 0);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_LOCKED);
	/* Also what he is given after that. */
	attach(c, ADMIN);
	assert_int_equal(cloud_lock(c, ROW_POLICY), 0);
	assert_int_equal(policies(c), 0);
	assert_int_equal(told(c), 1);
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	assert_int_equal(policies(c), 1);
	assert_string_equal(c->found.note, "");
}

/* Left in place, it is what the proof is for. */
static void reported_and_too_much(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	active(c);
	attach(c, ADMIN);
	assert_int_equal(audit(c), ERR_PERM);
	assert_string_equal(c->found.proof, PROOF_FOREIGN);
	assert_non_null(strstr(c->e.text, "proof of isolation failed: foreign data: DescribeEnvs showed \"colleague-"));
	assert_string_not_equal(c->e.request_id, "");
	assert_true(c->v.now_ms >= c->found.policy_changed_ms + 2 * CACHE);
	assert_non_null(strstr(c->found.note, "AdministratorAccess"));
	assert_int_equal(policies(c), 2);
	/* The setting is changed: it goes, and he is proved again. */
	c->settings.by_hand_kept = false;
	repaired(c);
	assert_int_equal(policies(c), 1);
	assert_string_equal(c->found.note, "");
	assert_int_equal(c->found.rights_by_hand, 0);
}

static void a_second_key_is_only_reported(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	active(c);
	cloud_raw(c, CAM, "CreateAccessKey", arena_printf(c->arena, "{\"TargetUin\":%" PRIu64 "}", c->found.uin));
	in_order(c);
	assert_int_equal(cloud_active_keys(c), 2);
	assert_int_equal(told(c), 1);
	assert_non_null(strstr(c->found.note, "key: given by hand: key \"AKID"));
	assert_int_not_equal(c->found.keys_by_hand, 0);
}

/* --- taken from him, or changed ---------------------------------------------------------------------------- */

static void the_boundary(void **state)
{
	struct cloud *c = *state;
	active(c);
	cloud_raw(c, CAM, "DeleteUserPermissionsBoundary", arena_printf(c->arena, "{\"TargetUin\":%" PRIu64 "}", c->found.uin));
	repaired(c);
	assert_string_equal(json_text(cloud_state(c, "users[0].boundary"), "name"), "rollcall-boundary-test");
	c->v.now_ms += CLOUD_DAY;
	by_admin(c, "PutUserPermissionsBoundary", "\"PolicyId\"", ADMIN);
	repaired(c);
	assert_string_equal(json_text(cloud_state(c, "users[0].boundary"), "name"), "rollcall-boundary-test");
	evidence(c, arena_printf(c->arena, "PutUserPermissionsBoundary TargetUin=%" PRIu64 " PolicyId=%" PRIu64, c->found.uin,
		c->root.boundary_id));
}

/* Somebody wrote all environments into his policy: repaired, and what he could see meanwhile is not held against him. */
static void his_policy_was_rewritten(void **state)
{
	struct cloud *c = *state;
	active(c);
	struct json *p = json_object(c->arena);
	json_put_uint(p, "PolicyId", c->found.policy_id);
	json_put_text(p, "PolicyDocument",
		"{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[\"tcb:*\"],\"resource\":[\"*\"]}]}");
	cloud_admin(c, ACT_UPDATE_POLICY, json_print(c->arena, p));
	c->v.now_ms += CACHE;
	const struct json *answer;
	assert_int_equal(cloud_as_him(c, ACT_DESCRIBE_ENVS, "{}", &answer), 0);
	assert_int_equal(json_count(json_get(answer, "EnvList")), 2);
	repaired(c);
	assert_int_equal(c->found.proof_refused, 5);
	assert_false(memory_did(&c->journal, PROOF_FOREIGN));
	evidence(c, arena_printf(c->arena, "UpdatePolicy PolicyId=%" PRIu64, c->found.policy_id));
}

static void his_policy_was_detached(void **state)
{
	struct cloud *c = *state;
	active(c);
	detach(c, c->found.policy_id);
	repaired(c);
	assert_int_equal(policies(c), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(nothing_by_hand),
		T(a_policy),
		T(a_group),
		T(our_boundary_as_a_policy),
		T(a_second_key),
		T(past_failures),
		T(instead_of_ours),
		T(from_a_leaver),
		T(from_somebody_who_is_retired),
		T(left_in_place_goes_with_the_user),
		T(only_reported),
		T(told_in_any_order),
		T(left_beside_repairs),
		T(reported_and_too_much),
		T(a_second_key_is_only_reported),
		T(the_boundary),
		T(his_policy_was_rewritten),
		T(his_policy_was_detached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
