/* Bugs that users of other synchronisers and secret engines published, one test each: here those of the cloud's side.  Those
 * of the directory's side stand in test_peers.c.
 *
 *   what went wrong elsewhere                          where                          test
 *   deleted where disabled was meant                   Keycloak, lsc, idp-scim-sync   disabled_and_not_deleted
 *   back again, and still disabled                     Keycloak, glpi                 enabled_again_when_he_is_back
 *   what others made was deleted                       ssosync                        what_others_made_is_not_touched
 *   made anew instead of changed                       ssosync, idp-scim-sync         changed_and_not_made_anew
 *   throttled, without waiting                         ssosync                        throttled_and_patient
 *   a page limit cut the list                          ssosync, idp-scim-sync         who_is_on_another_page_is_there
 *   a quota was used up, and "success" was said        bitwarden                      a_full_quota_is_no_success
 *   could not be revoked: changed by hand              vault                          changed_by_hand_and_revoked
 *   could not be revoked: the target was down          vault                          revoked_when_the_cloud_is_back
 *   rotated by a restart                               vault-plugin-secrets-openldap  a_restart_rotates_nothing */
#include "tests/unit/hook/plant.h"

#include "policies/grant.h"

#define MINUTE_MS (60 * 1000LL)
#define DAY_MS (24 * HOUR_MS)
#define CAROL "00000000-0000-4000-8000-00000000000c"
#define DAVE "00000000-0000-4000-8000-00000000000d"

static unsigned long long uin_of(struct plant *p, const char *uuid) { return found(p, uuid).uin; }

static int keys_of(struct plant *p, unsigned long long uin, bool only_active)
{
	int n = 0;
	const struct json *keys = cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS, arena_printf(p->a, "{\"TargetUin\":%llu}", uin));
	for (const struct json *k = json_first(json_get(keys, "AccessKeys")); k; k = json_next(k))
		n += !only_active || str_eq(json_text(k, "Status"), "Active");
	return n;
}

/* Calls that create or delete something of a person's, as the emulator carried them out. */
static int64_t made_or_unmade(struct plant *p)
{
	static const char *const actions[] = { "AddUser", "DeleteUser", "CreateEnv", "DestroyEnv", "CreatePolicy", "DeletePolicy",
		"CreateAccessKey", "DeleteAccessKey" };
	int64_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		n += cloud_count(p->cloud, actions[i]);
	return n;
}

static void is_active(struct plant *p, const char *uuid)
{
	struct store_account a = account(p, uuid);
	if (a.stage != STAGE_ACTIVE || !a.complete)
		fail_msg("%s, %scomplete: %s", stage_name((enum stage)a.stage), a.complete ? "" : "not ",
			a.trouble ? a.trouble : "no trouble");
}

/* An account that was disabled in the directory was deleted in the target, with all that hung on it. */
static void disabled_and_not_deleted(void **state)
{
	struct plant *p = *state;
	struct found before = found(p, ALICE);
	int64_t n = made_or_unmade(p);
	hear(p, ALICE, "alice", "left", "2#");
	run(p, HOUR_MS);
	assert_int_equal(account(p, ALICE).stage, STAGE_SUSPENDED);
	assert_int_equal(keys_of(p, before.uin, true), 0);
	assert_int_equal(keys_of(p, before.uin, false), 1);
	assert_int_equal(made_or_unmade(p), n);
	assert_int_equal(json_count(cloud_state(p->cloud, "users")), 2);
	assert_int_equal(json_count(cloud_state(p->cloud, "environments")), 2);
}

/* Whoever came back was known, and stayed disabled. */
static void enabled_again_when_he_is_back(void **state)
{
	struct plant *p = *state;
	struct found before = found(p, ALICE);
	int64_t n = made_or_unmade(p);
	hear(p, ALICE, "alice", "left", "2#");
	run(p, HOUR_MS);
	hear(p, ALICE, "alice", "staff", "3#");
	run(p, HOUR_MS);
	is_active(p, ALICE);
	assert_int_equal(keys_of(p, before.uin, true), 1);
	assert_string_equal(found(p, ALICE).key_id, before.key_id);
	assert_string_equal(found(p, ALICE).env_id, before.env_id);
	assert_int_equal(made_or_unmade(p), n);
}

/* A sub-account with a key and a policy that somebody else made. */
static unsigned long long made_by_others(struct plant *p, const char *name)
{
	const struct json *user = cloud_raw(p->cloud, CAM, "AddUser",
		arena_printf(p->a, "{\"Name\":\"%s\",\"Remark\":\"of the build system\"}", name));
	unsigned long long uin = (unsigned long long)json_int_or(user, "Uin", 0);
	assert_true(uin > 0);
	cloud_raw(p->cloud, CAM, "CreateAccessKey", arena_printf(p->a, "{\"TargetUin\":%llu}", uin));
	cloud_raw(p->cloud, CAM, "AttachUserPolicy", arena_printf(p->a, "{\"PolicyId\":1,\"AttachUin\":%llu}", uin));
	return uin;
}

static void is_untouched(struct plant *p, unsigned long long uin)
{
	assert_int_equal(keys_of(p, uin, true), 1);
	const struct json *attached = cloud_raw(p->cloud, CAM, "ListAttachedUserPolicies",
		arena_printf(p->a, "{\"TargetUin\":%llu,\"Page\":1,\"Rp\":20}", uin));
	assert_int_equal(json_count(json_get(attached, "List")), 1);
}

/* ssosync deleted users and groups that had been there before it.  One of these has even the name that a newcomer gets. */
static void what_others_made_is_not_touched(void **state)
{
	struct plant *p = *state;
	const struct profile profile = { .name = p->profile.name, .package = p->profile.package };
	struct placement placement;
	OK(placement_make("dave", DAVE, 1, p->settings.cloud.root_account, p->settings.cloud.region, &profile, &placement, &p->e));
	unsigned long long legacy = made_by_others(p, "legacy"), namesake = made_by_others(p, placement.user_name);
	hear(p, ALICE, "alice", "left", "2#");
	hear(p, CAROL, "carol", "staff", "1#");
	hear(p, DAVE, "dave", "staff", "1#");
	run(p, 2 * DAY_MS);                      /* audits, too */
	is_active(p, CAROL);
	assert_int_equal(account(p, DAVE).trouble_kind, ERR_FOREIGN);
	hear(p, DAVE, "dave", "left", "2#");
	run(p, HOUR_MS);
	is_untouched(p, legacy);
	is_untouched(p, namesake);
	assert_int_equal(json_count(cloud_state(p->cloud, "users")), 5);
}

/* A changed name made a new account, and everything that hung on the old id was lost.  The renamed one and all
 * others go on. */
static void changed_and_not_made_anew(void **state)
{
	struct plant *p = *state;
	struct found before = found(p, ALICE);
	int64_t n = made_or_unmade(p);
	hear(p, ALICE, "alice.smith", "staff", "2#");
	run(p, 2 * DAY_MS);
	is_active(p, ALICE);
	struct found after = found(p, ALICE);
	assert_int_equal(after.uin, before.uin);
	assert_string_equal(after.env_id, before.env_id);
	assert_string_equal(after.key_id, before.key_id);
	assert_int_equal(made_or_unmade(p), n);
	hear(p, CAROL, "carol", "staff", "1#");
	run(p, 2 * HOUR_MS);
	is_active(p, CAROL);
}

/* Told to slow down, ssosync gave up, and the next run began from the start. */
static void throttled_and_patient(void **state)
{
	struct plant *p = *state;
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"*\",\"kind\":\"error\",\"code\":\"RequestLimitExceeded\"}]}");
	int sent = p->cloud->sent;
	hear(p, CAROL, "carol", "staff", "1#");
	run(p, 10 * MINUTE_MS);
	assert_in_range(p->cloud->sent - sent, 2, 2 * 600);  /* it tries again, about once a second */
	cloud_faults(p->cloud, "{}");
	run(p, 2 * HOUR_MS);
	is_active(p, CAROL);
	assert_int_equal(json_count(cloud_state(p->cloud, "users")), 3);
	assert_int_equal(json_count(cloud_state(p->cloud, "environments")), 3);
}

/* Only the first page was read, and who stood behind it was taken for gone.  The cloud lists the newest first, so a hundred
 * servers of others push his onto the next page: it would be bought again. */
static void who_is_on_another_page_is_there(void **state)
{
	struct plant *p = *state;
	p->profile.bundle = "bundle_gen_lin_2c4g";
	hear(p, CAROL, "carol", "staff", "1#");
	run(p, 2 * HOUR_MS);
	is_active(p, CAROL);
	const struct found before = found(p, CAROL);
	assert_string_not_equal(before.server_id, "");
	for (int i = 0; i < 4; i++)
		cloud_raw(p->cloud, "lighthouse", "2020-03-24", "CreateInstances", "{\"BundleId\":\"bundle_gen_lin_2c4g\","
			"\"BlueprintId\":\"lhbp-ubuntu24\",\"InstanceChargePrepaid\":{\"Period\":1},\"InstanceCount\":30}");
	int64_t bought = cloud_count(p->cloud, "CreateInstances");
	run(p, 2 * DAY_MS);
	is_active(p, CAROL);
	assert_string_equal(found(p, CAROL).server_id, before.server_id);
	assert_int_equal(found(p, CAROL).server_missed_ms, 0);
	assert_int_equal(cloud_count(p->cloud, "CreateInstances"), bought);
}

/* The licence had no seat left, nothing was made, and the run ended with "success". */
static void a_full_quota_is_no_success(void **state)
{
	struct plant *p = *state;
	int64_t paid = cloud_money(p->cloud);
	cloud_faults(p->cloud, "{\"switches\":{\"max_env_num\":0}}");
	hear(p, CAROL, "carol", "staff", "1#");
	run(p, HOUR_MS);
	struct store_account a = account(p, CAROL);
	assert_false(a.complete);
	assert_int_equal(a.trouble_kind, ERR_QUOTA);
	assert_int_equal(cloud_money(p->cloud), paid);
	/* Nobody else waits for him. */
	hear(p, ALICE, "alice", "left", "2#");
	run(p, MINUTE_MS);
	assert_int_equal(keys_of(p, uin_of(p, ALICE), true), 0);
	cloud_faults(p->cloud, "{}");
	run(p, DAY_MS);
	is_active(p, CAROL);
	assert_int_equal(cloud_money(p->cloud) - paid, paid / 2);        /* once: there are two others */
}

/* Vault could not revoke what an administrator had changed, and kept the lease in limbo. */
static void changed_by_hand_and_revoked(void **state)
{
	struct plant *p = *state;
	struct found alice = found(p, ALICE), bob = found(p, BOB);
	cloud_raw(p->cloud, CAM, "UpdateAccessKey", arena_printf(p->a, "{\"TargetUin\":%llu,\"AccessKeyId\":\"%s\","
		"\"Status\":\"Inactive\"}", (unsigned long long)alice.uin, alice.key_id));
	cloud_raw(p->cloud, CAM, "DeleteAccessKey", arena_printf(p->a, "{\"TargetUin\":%llu,\"AccessKeyId\":\"%s\"}",
		(unsigned long long)alice.uin, alice.key_id));
	cloud_raw(p->cloud, CAM, "CreateAccessKey", arena_printf(p->a, "{\"TargetUin\":%llu}", (unsigned long long)alice.uin));
	cloud_raw(p->cloud, CAM, "DetachUserPolicy", arena_printf(p->a, "{\"PolicyId\":%llu,\"DetachUin\":%llu}",
		(unsigned long long)bob.policy_id, (unsigned long long)bob.uin));
	hear(p, ALICE, "alice", "left", "2#");
	hear(p, BOB, "bob", "left", "2#");
	run(p, HOUR_MS);
	assert_int_equal(keys_of(p, alice.uin, true) + keys_of(p, bob.uin, true), 0);
	assert_true(account(p, ALICE).complete);
	assert_true(account(p, BOB).complete);
}

/* After a number of failures, or for good after a restart, Vault tried no more. */
static void revoked_when_the_cloud_is_back(void **state)
{
	struct plant *p = *state;
	unsigned long long uin = uin_of(p, ALICE);
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"*\",\"kind\":\"http500\"}]}");
	hear(p, ALICE, "alice", "left", "2#");
	run(p, 6 * HOUR_MS);
	assert_int_equal(account(p, ALICE).lane, LANE_REVOKE);
	cloud_faults(p->cloud, "{}");
	assert_int_equal(keys_of(p, uin, true), 1);
	run(p, MINUTE_MS);
	assert_int_equal(keys_of(p, uin, true), 0);
}

static void restart(struct plant *p)
{
	stop(p);
	start(p);
}

/* At its start, the plug-in rotated passwords that were not due, and whoever used them was locked out. */
static void a_restart_rotates_nothing(void **state)
{
	struct plant *p = *state;
	struct found before = found(p, ALICE);
	int64_t n = made_or_unmade(p), updates = cloud_count(p->cloud, "UpdateAccessKey");
	for (int i = 0; i < 3; i++) {
		restart(p);
		hear(p, ALICE, "alice", "staff", "1#");
		hear(p, BOB, "bob", "staff", "1#");
		run(p, 25 * HOUR_MS);            /* an audit, too */
	}
	assert_int_equal(made_or_unmade(p), n);
	assert_int_equal(cloud_count(p->cloud, "UpdateAccessKey"), updates);
	assert_string_equal(found(p, ALICE).key_id, before.key_id);
	assert_int_equal(keys_of(p, before.uin, true), 1);
}

int main(void)
{
	json_start();
	/* Alarms are raised here on purpose. */
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		PLANT(disabled_and_not_deleted), PLANT(enabled_again_when_he_is_back), PLANT(what_others_made_is_not_touched),
		PLANT(changed_and_not_made_anew), PLANT(throttled_and_patient), PLANT(who_is_on_another_page_is_there),
		PLANT(a_full_quota_is_no_success), PLANT(changed_by_hand_and_revoked), PLANT(revoked_when_the_cloud_is_back),
		PLANT(a_restart_rotates_nothing),
	};
	return cmocka_run_group_tests_name("peers_cloud", tests, NULL, NULL);
}
