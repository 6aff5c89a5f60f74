/* Whoever leaves keeps nothing that somebody gave him by hand, however much it is: it is listed again until nothing is left. */
#include "tests/unit/hook/plant.h"

#define TCB "tcb", "2018-06-08"
#define DOCUMENT "{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"allow\\\",\\\"action\\\":[\\\"cvm:DescribeInstances\\\"]," \
	"\\\"resource\\\":[\\\"*\\\"]}]}"
#define API_KEYS 5              /* the cloud allows no more */
#define POLICIES 105            /* more than a page of their listing */
#define GROUPS 5

static void give(struct plant *p)
{
	struct cloud *c = p->cloud;
	struct found f = found(p, ALICE);
	unsigned long long uin = f.uin;
	for (int i = 0; i < API_KEYS; i++)
		cloud_raw(c, TCB, "CreateApiKey", arena_printf(p->a, "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", f.env_id));
	for (int i = 0; i < POLICIES; i++) {
		const struct json *policy = cloud_raw(c, CAM, "CreatePolicy",
			arena_printf(p->a, "{\"PolicyName\":\"by-hand-%d\",\"PolicyDocument\":\"%s\"}", i, DOCUMENT));
		cloud_raw(c, CAM, "AttachUserPolicy", arena_printf(p->a, "{\"PolicyId\":%lld,\"AttachUin\":%llu}",
			(long long)json_int_or(policy, "PolicyId", 0), uin));
	}
	for (int i = 0; i < GROUPS; i++) {
		const struct json *group = cloud_raw(c, CAM, "CreateGroup", arena_printf(p->a, "{\"GroupName\":\"friends-%d\"}", i));
		cloud_raw(c, CAM, "AddUserToGroup", arena_printf(p->a, "{\"Info\":[{\"GroupId\":%lld,\"Uin\":%llu}]}",
			(long long)json_int_or(group, "GroupId", 0), uin));
	}
	cloud_raw(c, CAM, "CreateAccessKey", arena_printf(p->a, "{\"TargetUin\":%llu,\"Description\":\"mine\"}", uin));
}

static const struct json *user_of(struct plant *p, uint64_t uin)
{
	for (const struct json *u = json_first(cloud_state(p->cloud, "users")); u; u = json_next(u))
		if (json_int_or(u, "uin", 0) == (int64_t)uin)
			return u;
	fail_msg("the user is gone");
	return NULL;
}

static size_t api_keys(struct plant *p)
{
	const char *env_id = found(p, ALICE).env_id;
	for (const struct json *v = json_first(cloud_state(p->cloud, "environments")); v; v = json_next(v))
		if (str_eq(json_text(v, "env_id"), env_id))
			return json_count(json_get(v, "api_keys"));
	fail_msg("the environment is gone");
	return 0;
}

static void nothing_is_left_to_a_leaver(void **state)
{
	struct plant *p = *state;
	p->settings.cloud.driver.by_hand_kept = false;
	give(p);
	uint64_t uin = found(p, ALICE).uin;
	const struct json *user = user_of(p, uin);
	assert_true(api_keys(p) >= API_KEYS);
	assert_true(json_count(json_get(user, "policies")) >= POLICIES);
	assert_int_equal(json_count(json_get(user, "groups")), GROUPS);
	assert_int_equal(json_count(json_get(user, "keys")), 2);
	hear(p, ALICE, "alice", "left", "2#");
	run(p, HOUR_MS);
	assert_true(account(p, ALICE).complete);
	user = user_of(p, uin);
	assert_int_equal(api_keys(p), 0);
	assert_int_equal(json_count(json_get(user, "policies")), 1);
	assert_true(str_starts(json_text(user, "policies[0].name"), "rollcall-barrier"));
	assert_int_equal(json_count(json_get(user, "groups")), 0);
	assert_false(json_bool_or(user, "console_login", true));
	for (const struct json *k = json_first(json_get(user, "keys")); k; k = json_next(k))
		assert_string_equal(json_text(k, "status"), "Inactive");
}

int main(void)
{
	atexit(unit_remove_folder);
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = { PLANT(nothing_is_left_to_a_leaver) };
	return cmocka_run_group_tests_name("residue", tests, NULL, NULL);
}
