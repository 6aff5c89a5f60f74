/* What the cloud has of us, by the marks alone; what carries none of ours is counted and nothing else. */
#include "../common/unit.h"

#include "cloud/inventory.h"
#include "tests/support/cloud.h"

#define OK(call) assert_int_equal((call), 0)
#define OTHER "00000000-0000-4000-8000-00000000000b"

static const char *const regions[] = { "ap-shanghai" };

static struct inventory take(struct cloud *c)
{
	struct inventory all;
	c->call.memo = NULL;
	snapshot_stale(c->snapshot);
	c->v.now_ms += 1000;
	OK(inventory_take(&c->call, CLOUD_INSTALLATION, regions, 1, &all, &c->e));
	return all;
}

static void everything_of_one_account(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_COUNT);
	struct inventory all = take(c);
	assert_int_equal(all.count, 1);
	const struct owned *o = inventory_find(&all, CLOUD_UUID, 1);
	assert_non_null(o);
	assert_int_equal(o->uin, c->found.uin);
	assert_int_equal(o->policy_id, c->found.policy_id);
	assert_string_equal(o->env.env_id, c->found.env_id);
	assert_true(o->console);
	assert_int_equal(o->twice, 0);
	assert_null(inventory_find(&all, CLOUD_UUID, 2));
	assert_null(inventory_find(&all, OTHER, 1));
	assert_int_equal(all.unmarked.users + all.unmarked.policies + all.unmarked.envs + all.unmarked.servers, 0);
	assert_int_equal(all.others.users + all.others.policies + all.others.envs + all.others.servers, 0);
}

static void whose_else_is_counted(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_ENV);
	cloud_raw(c, "cam", "2019-01-16", "AddUser", "{\"Name\": \"hand\", \"Remark\": \"mine\"}");
	cloud_raw(c, "cam", "2019-01-16", "AddUser", "{\"Name\": \"bare\"}");
	cloud_raw(c, "cam", "2019-01-16", "AddUser", "{\"Name\": \"theirs\", \"Remark\": \"rollcall:live:" OTHER ":1\"}");
	cloud_raw(c, "cam", "2019-01-16", "AddUser", "{\"Name\": \"again\", \"Remark\": \"rollcall:test:" CLOUD_UUID ":1\"}");
	cloud_raw(c, "cam", "2019-01-16", "AddUser", "{\"Name\": \"lost\", \"Remark\": \"rollcall:test:" OTHER ":3\"}");
	cloud_raw(c, "cam", "2019-01-16", "CreatePolicy", "{\"PolicyName\": \"hand\", \"PolicyDocument\": "
		"\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"allow\\\","
		"\\\"action\\\":[\\\"cos:GetObject\\\"],\\\"resource\\\":[\\\"*\\\"]}]}\"}");
	struct inventory all = take(c);
	assert_int_equal(all.unmarked.users, 2);
	assert_int_equal(all.unmarked.policies, 1);
	assert_int_equal(all.others.users, 1);
	assert_int_equal(all.others.envs, 0);
	const struct owned *o = inventory_find(&all, CLOUD_UUID, 1);
	assert_int_equal(o->twice, 1);
	assert_int_equal(o->uin, c->found.uin);                /* not whichever was listed last */
	assert_non_null(strstr(o->rivals, "sub-account again ("));
	assert_string_equal(inventory_find(&all, OTHER, 3)->user_name, "lost");
}

/* The emulator shows all environments in any region, as the cloud may. */
static void one_in_two_regions_is_one(void **state)
{
	static const char *const two[] = { "ap-shanghai", "ap-guangzhou" };
	struct cloud *c = *state;
	struct inventory all;
	cloud_build(c, ROW_ENV);
	assert_int_equal(cloud_on(c, ROW_ENV), 0);
	c->call.memo = NULL;
	snapshot_stale(c->snapshot);
	OK(inventory_take(&c->call, CLOUD_INSTALLATION, two, 2, &all, &c->e));
	assert_string_equal(inventory_find(&all, CLOUD_UUID, 1)->env.env_id, c->found.env_id);
	assert_int_equal(inventory_find(&all, CLOUD_UUID, 1)->twice, 0);
}

/* Refused by the limiter in the midst of it: it goes on there, and nothing is listed twice. */
static void goes_on_where_it_stopped(void **state)
{
	struct cloud *c = *state;
	struct inventory all;
	int rc, tries = 0;
	cloud_build(c, ROW_ENV);
	cloud_faults(c, "{\"rules\": [{\"action\": \"ListPolicies\", \"kind\": \"throttle\", \"times\": 2}]}");
	c->call.memo = NULL;
	int64_t before = cloud_count(c, "ListUsers");
	while ((rc = inventory_take(&c->call, CLOUD_INSTALLATION, regions, 1, &all, &c->e)) == ERR_LIMIT && tries++ < 50)
		c->v.now_ms = c->e.due_ms > c->v.now_ms ? c->e.due_ms : c->v.now_ms + 1;
	OK(rc);
	assert_true(tries > 0);
	assert_int_equal(all.count, 1);
	assert_int_equal(cloud_count(c, "ListUsers") - before, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_of_one_account, cloud_begin, cloud_end),
		cmocka_unit_test_setup_teardown(whose_else_is_counted, cloud_begin, cloud_end),
		cmocka_unit_test_setup_teardown(one_in_two_regions_is_one, cloud_begin, cloud_end),
		cmocka_unit_test_setup_teardown(goes_on_where_it_stopped, cloud_begin, cloud_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
