/* Sub-accounts and environments that were made by hand: listed, and taken over by the rows as if they had been ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "cloud/candidates.h"
#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"
#define TCB "tcb", "2018-06-08"
#define OTHERS "rollcall:other:" CLOUD_UUID ":1"

static const char *const regions[] = { "ap-shanghai" };

/* A sub-account with a key, and an environment, as somebody would make them in the console. */
static void by_hand(struct cloud *c)
{
	c->want.bundle = NULL;
	c->want.user_name = "alice";
	c->want.env_alias = "alice-old";
	const struct json *user = cloud_raw(c, CAM, "AddUser", "{\"Name\":\"alice\",\"Remark\":\"from sales\",\"ConsoleLogin\":1,"
		"\"Password\":\"By-hand-1234567\"}");
	assert_int_equal(json_uint(user, "Uin", &c->found.adopt_uin, NULL), 0);
	cloud_raw(c, CAM, "CreateAccessKey", arena_printf(c->arena, "{\"TargetUin\":%" PRIu64 "}", c->found.adopt_uin));
	cloud_raw(c, CAM, "AttachUserPolicy", arena_printf(c->arena, "{\"PolicyId\":1,\"AttachUin\":%" PRIu64 "}",
		c->found.adopt_uin));
	const struct json *env = cloud_raw(c, TCB, "CreateEnv", "{\"Alias\":\"alice-old\",\"PackageId\":\"baas_personal\","
		"\"Resources\":[\"flexdb\"],\"Tags\":[{\"Key\":\"owner\",\"Value\":\"alice\"}]}");
	str_copy(c->found.adopt_env, sizeof(c->found.adopt_env), json_text(env, "EnvId"));
	str_copy(c->found.env_id, sizeof(c->found.env_id), c->found.adopt_env);
	c->v.now_ms += CLOUD_DAY;
}

static const char *user_field(struct cloud *c, const char *name)
{
	return json_text(cloud_state(c, "users[0]"), name);
}

static const char *env_mark(struct cloud *c)
{
	const struct json *tags = json_get(cloud_admin(c, ACT_DESCRIBE_ENVS, "{}"), "EnvList[0].Tags");
	for (const struct json *t = json_first(tags); t; t = json_next(t))
		if (str_eq(json_text(t, "Key"), MARK_TAG))
			return json_text(t, "Value");
	return NULL;
}

static void walk_until_done(struct cloud *c)
{
	int rc = cloud_walk(c, STAGE_ACTIVE);
	for (int i = 0; rc == ERR_WAIT && i < 100; i++) {
		c->v.now_ms = c->e.due_ms;
		rc = cloud_walk(c, STAGE_ACTIVE);
	}
	if (rc)
		fail_msg("%s", c->e.text);
}

/* --- taking over -------------------------------------------------------------------------------------------- */

static void both_are_taken_over(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	uint64_t uin = c->found.adopt_uin;
	char *env = arena_strdup(c->arena, c->found.adopt_env);
	int64_t paid = cloud_money(c);
	walk_until_done(c);
	assert_int_equal(c->found.uin, uin);
	assert_string_equal(c->found.env_id, env);
	assert_int_equal(c->found.adopt_uin, 0);
	assert_string_equal(c->found.adopt_env, "");
	assert_string_equal(user_field(c, "remark"), c->want.mark);
	assert_string_equal(env_mark(c), c->want.mark);
	assert_int_equal(cloud_count(c, "AddUser"), 1);
	assert_int_equal(cloud_count(c, "CreateEnv"), 1);
	assert_int_equal(cloud_money(c), paid);
	/* What was given by hand went the way of all that is: the policy, and the key. */
	assert_int_equal(json_count(cloud_state(c, "users[0].policies")), 1);
	assert_int_equal(cloud_active_keys(c), 1);
	assert_string_equal(c->found.proof, PROOF_ISOLATED);
	/* And nothing more is to be done. */
	size_t deeds = c->journal.deed_count;
	assert_int_equal(cloud_walk(c, STAGE_ACTIVE), 0);
	assert_int_equal(c->journal.deed_count, deeds);
}

/* The other tags stay, since somebody else may sort his bill by them. */
static void other_tags_stay(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	walk_until_done(c);
	const struct json *tags = json_get(cloud_admin(c, ACT_DESCRIBE_ENVS, "{}"), "EnvList[0].Tags");
	assert_int_equal(json_count(tags), 2);
}

static void an_outcome_that_is_not_known(void **state)
{
	static const char *const actions[] = { "UpdateUser", "TagResources" };
	static const char *const kinds[] = { "cut_after", "cut_before", "http500", "garbage", "hang", "throttle" };
	for (size_t a = 0; a < ARRAY_LEN(actions); a++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			struct cloud *c = *state;
			by_hand(c);
			int64_t paid = cloud_money(c);
			cloud_faults(c, arena_printf(c->arena, "{\"rules\":[{\"action\":\"%s\",\"kind\":\"%s\",\"nth\":1}]}", actions[a],
				kinds[k]));
			for (enum row_id row = ROW_USER; row <= ROW_ENV; row++)
				assert_int_equal(cloud_on(c, row), 0);
			assert_true(cloud_hit(c, kinds[k]));
			assert_string_equal(env_mark(c), c->want.mark);
			assert_string_equal(user_field(c, "remark"), c->want.mark);
			assert_int_equal(cloud_money(c), paid);
			cloud_end(state);
			assert_int_equal(cloud_begin(state), 0);
		}
}

/* Killed when the cloud had the mark and the store did not know. */
static void a_mark_that_was_not_remembered(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	const struct found before = c->found;
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	c->found = before;
	assert_int_equal(cloud_look(c, ROW_USER), SEEN_OK);
	assert_int_equal(c->found.adopt_uin, 0);
	(void)cloud_look(c, ROW_ENV);
	assert_string_equal(c->found.adopt_env, "");
	assert_int_equal(cloud_count(c, "TagResources"), 1);
}

/* --- what is refused ------------------------------------------------------------------------------------------ */

static void another_of_that_name(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	c->found.adopt_uin++;
	assert_int_equal(cloud_look(c, ROW_USER), SEEN_FOREIGN);
	assert_int_equal(c->found.uin, 0);
	assert_int_equal(cloud_on(c, ROW_USER), ERR_FOREIGN);
	assert_string_equal(user_field(c, "remark"), "from sales");
}

static void marked_by_another_meanwhile(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	cloud_raw(c, CAM, "UpdateUser", "{\"Name\":\"alice\",\"Remark\":\"" OTHERS "\"}");
	assert_int_equal(cloud_on(c, ROW_USER), ERR_FOREIGN);
	cloud_raw(c, "tag", "2018-08-13", "TagResources", arena_printf(c->arena, "{\"ResourceList\":"
		"[\"qcs::tcb:ap-shanghai:uin/%" PRIu64 ":env/%s\"],\"Tags\":[{\"TagKey\":\"rollcall\",\"TagValue\":\"" OTHERS "\"}]}",
		c->root.owner_uin, c->found.env_id));
	snapshot_stale(c->snapshot);
	assert_int_equal(cloud_on(c, ROW_ENV), ERR_FOREIGN);
	assert_string_equal(env_mark(c), OTHERS);
}

static void nothing_is_made_instead(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	int64_t paid = cloud_money(c);
	cloud_raw(c, CAM, "DeleteUser", "{\"Name\":\"alice\",\"Force\":1}");
	cloud_raw(c, TCB, "DestroyEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"BypassCheck\":true}", c->found.env_id));
	cloud_raw(c, TCB, "DestroyEnv", arena_printf(c->arena, "{\"EnvId\":\"%s\",\"IsForce\":true,\"BypassCheck\":true}",
		c->found.env_id));
	assert_int_equal(cloud_on(c, ROW_USER), ERR_PERM);
	for (int i = 0; i < 100 && cloud_step_on(c, ROW_ENV) != ERR_PERM; i++)
		c->v.now_ms += 60000;
	assert_int_equal(c->e.kind, ERR_PERM);
	assert_int_equal(cloud_count(c, "AddUser"), 1);
	assert_int_equal(cloud_count(c, "CreateEnv"), 1);
	assert_int_equal(cloud_money(c), paid);
}

/* --- leaving before anything was marked ------------------------------------------------------------------------- */

static void a_leaver_before_the_first_walk(void **state)
{
	struct cloud *c = *state;
	by_hand(c);
	assert_int_equal(cloud_active_keys(c), 1);
	assert_int_equal(cloud_walk(c, STAGE_SUSPENDED), 0);
	assert_int_equal(cloud_active_keys(c), 0);
	assert_int_equal(json_count(cloud_state(c, "environments")), 1);
	int rc = cloud_walk(c, STAGE_RETIRED);
	for (int i = 0; rc == ERR_WAIT && i < 100; i++) {
		c->v.now_ms = c->e.due_ms;
		rc = cloud_walk(c, STAGE_RETIRED);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
	assert_int_equal(cloud_count(c, "TagResources"), 1);
}

/* --- the listing ------------------------------------------------------------------------------------------------ */

static void what_could_be_adopted(void **state)
{
	struct cloud *c = *state;
	struct candidates all;
	by_hand(c);
	cloud_raw(c, CAM, "AddUser", "{\"Name\":\"theirs\",\"Remark\":\"" OTHERS "\"}");
	cloud_raw(c, CAM, "AddUser", "{\"Name\":\"ours\",\"Remark\":\"rollcall:test:" CLOUD_UUID ":7\"}");
	snapshot_stale(c->snapshot);
	c->call.memo = NULL;
	assert_int_equal(candidates_take(&c->call, CLOUD_INSTALLATION, regions, 1, "owner", &all, &c->e), 0);
	assert_int_equal(all.user_count, 3);
	assert_int_equal(all.env_count, 1);
	static const enum mark_owner owners[] = { MARK_NONE, MARK_OTHER_INSTALLATION, MARK_OURS };
	for (size_t i = 0; i < all.user_count; i++) {
		assert_int_equal(all.users[i].owner, owners[i]);
		assert_false(all.users[i].ourselves);
	}
	assert_string_equal(all.envs[0].env.env_id, c->found.adopt_env);
	assert_string_equal(all.envs[0].tag, "alice");
	assert_int_equal(all.envs[0].owner, MARK_NONE);
	assert_int_equal(candidate_look(&c->call, &all.users[0], &c->e), 0);
	assert_int_equal(all.users[0].keys, 1);
	assert_int_equal(all.users[0].keys_on, 1);
	assert_string_equal(all.users[0].admin, "AdministratorAccess");
	assert_string_equal(all.users[0].rights, "policy \"AdministratorAccess\"");
	assert_int_equal(candidate_look(&c->call, &all.users[2], &c->e), 0);
	assert_int_equal(all.users[2].keys, 0);
	assert_null(all.users[2].rights);
	c->call.memo = NULL;
	assert_int_equal(candidates_take(&c->call, CLOUD_INSTALLATION, regions, 1, NULL, &all, &c->e), 0);
	assert_null(all.envs[0].tag);
}

#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_are_taken_over), T(other_tags_stay), T(an_outcome_that_is_not_known), T(a_mark_that_was_not_remembered),
		T(another_of_that_name), T(marked_by_another_meanwhile), T(nothing_is_made_instead),
		T(a_leaver_before_the_first_walk), T(what_could_be_adopted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
