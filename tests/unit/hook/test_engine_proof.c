/* From the proof to the hold: two people in the emulator, one of whom reaches the other's environment, a real engine and
 * a real roll, in virtual time. */
#include "tests/unit/hook/plant.h"

static void ask(struct plant *p, const char *uuid)
{
	int64_t n;
	OK(store_verify(p->store, uuid, STAGE_ACTIVE, p->cloud->v.now_ms, &n, &p->e));
}

/* Policy 1 is AdministratorAccess. */
static void administrator(struct plant *p, const char *uuid, bool attach)
{
	cloud_raw(p->cloud, CAM, attach ? "AttachUserPolicy" : "DetachUserPolicy",
		arena_printf(p->a, "{\"PolicyId\":1,\"%sUin\":%llu}", attach ? "Attach" : "Detach",
			(unsigned long long)found(p, uuid).uin));
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void a_question_has_everything_looked_at_anew(void **state)
{
	struct plant *p = *state;
	ask(p, NULL);                            /* what was verified a moment ago would be trusted otherwise */
	run(p, 1);
	p->cloud->v.now_ms += 1000;
	struct found before = found(p, ALICE);
	int64_t asked = p->cloud->v.now_ms;
	assert_true(asked - before.verified_ms[ROW_USER] < p->settings.life.trust_ms);
	ask(p, ALICE);
	p->cloud->v.now_ms++;
	run(p, 10000);
	struct found after = found(p, ALICE);
	assert_string_equal(after.proof, PROOF_ISOLATED);
	assert_true(after.proof_ms >= asked);
	assert_int_equal(after.proof_seen, 1);
	assert_true(after.proof_refused > 0 && after.proof_calls > after.proof_refused);
	static const enum row_id looked_at[] = { ROW_USER, ROW_BOUNDARY, ROW_ENV, ROW_POLICY, ROW_ACCESS, ROW_CONSOLE, ROW_KEY, ROW_PROOF };
	for (size_t i = 0; i < ARRAY_LEN(looked_at); i++)
		if (after.verified_ms[looked_at[i]] <= asked)
			fail_msg("row %d was not looked at", looked_at[i]);
	assert_true(account(p, ALICE).complete);
	assert_true(found(p, BOB).proof_ms < asked);
	assert_int_equal(p->told, 0);
	/* Looked at once; the next audit is as far away as ever. */
	assert_int_equal(account(p, ALICE).lane, LANE_AUDIT);
	assert_true(account(p, ALICE).due_ms > asked + p->settings.life.audit_ms - 1);
}

static void who_reaches_a_colleague_is_held(void **state)
{
	struct plant *p = *state;
	administrator(p, ALICE, true);
	p->cloud->v.now_ms += 600000;
	ask(p, NULL);
	run(p, 600000);
	assert_int_equal(p->told, 1);
	assert_true(p->in_hand);
	assert_string_equal(p->told_uuid, ALICE);
	assert_true(*p->told_request);
	struct store_account a = account(p, ALICE);
	assert_int_equal(a.stage, STAGE_HELD);
	assert_true(a.complete);
	check_has(a.hold_reason, p->told_request);
	assert_string_equal(found(p, ALICE).proof, PROOF_FOREIGN);
	assert_string_equal(found(p, BOB).proof, PROOF_ISOLATED);
	assert_int_equal(account(p, BOB).stage, STAGE_ACTIVE);
	/* His key is worth nothing, and the reason stands where people look. */
	const struct json *keys = cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS,
		arena_printf(p->a, "{\"TargetUin\":%llu}", (unsigned long long)found(p, ALICE).uin));
	for (const struct json *k = json_first(json_get(keys, "AccessKeys")); k; k = json_next(k))
		assert_string_equal(json_text(k, "Status"), "Inactive");
	struct store_letter letter;
	OK(store_letter_get(p->store, a.id, p->a, &letter, &p->e));
	check_has(letter.payload, "\"held\"");
	check_has(letter.payload, PROOF_FOREIGN);
	check_has(letter.payload, "rollcallHoldReason");
	/* What reached it went with the rest of her rights: let go, she is isolated.  Given to her again, she is held again. */
	for (int told = 1; told <= 2; told++) {
		assert_int_equal(p->told, told);
		assert_int_equal(account(p, ALICE).stage, STAGE_HELD);
		OK(roll_resume(&p->roll, ALICE, "uid 0", p->a, &p->e));
		run(p, 600000);
		assert_int_equal(account(p, ALICE).stage, STAGE_ACTIVE);
		assert_true(account(p, ALICE).complete);
		assert_string_equal(found(p, ALICE).proof, PROOF_ISOLATED);
		if (told == 2)
			break;
		administrator(p, ALICE, true);
		p->cloud->v.now_ms += 600000;
		ask(p, NULL);
		run(p, 600000);
	}
	assert_int_equal(p->told, 2);
}

/* Nobody acts on the alarm: it is raised at each walk that proves it again, and at no other. */
static void each_proof_tells_once(void **state)
{
	struct plant *p = *state;
	p->deaf = true;
	administrator(p, ALICE, true);
	p->cloud->v.now_ms += 600000;
	ask(p, ALICE);
	run(p, 600000);
	assert_int_equal(p->told, 1);
	struct store_account a = account(p, ALICE);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.trouble_kind, ERR_PERM);
	run(p, p->settings.life.retry_max_ms);
	assert_int_equal(p->told, 2);
	/* A walk that does not get as far tells nothing of the one before. */
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"GetUser\",\"kind\":\"error\",\"code\":\"InternalError\",\"times\":1}]}");
	ask(p, ALICE);
	run(p, 1);
	assert_int_equal(p->told, 2);
}

/* The proof waits for the cloud's caches, and the server for a human: the one is not as slow as the other. */
static void a_sold_out_server_delays_no_proof(void **state)
{
	struct plant *p = *state;
	p->profile.bundle = "bundle_gen_lin_2c4g";
	p->settings.life.retry_max_ms = 10 * HOUR_MS;
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"CreateInstances\",\"kind\":\"error\","
		"\"code\":\"ResourcesSoldOut.BundleSoldOut\"}]}");
	hear(p, ALICE, "alice", "staff", "1#");
	run(p, 600000);
	struct store_account a = account(p, ALICE);
	assert_false(a.complete);
	assert_int_equal(a.trouble_kind, ERR_QUOTA);
	assert_string_equal(found(p, ALICE).proof, PROOF_ISOLATED);
	/* Nothing waits any more but the server, and that for long. */
	assert_true(a.due_ms > p->cloud->v.now_ms + HOUR_MS);
}

static void an_administrator_takes_it_and_gives_it_back(void **state)
{
	struct plant *p = *state;
	OK(roll_suspend(&p->roll, BOB, "asked by \"security\"", "uid 0", p->a, &p->e));
	run(p, 600000);
	struct store_account b = account(p, BOB);
	assert_int_equal(b.stage, STAGE_HELD);
	assert_true(b.complete);
	uint64_t uin = found(p, BOB).uin;
	const char *users = json_print(p->a, cloud_raw(p->cloud, CAM, "ListUsers", "{}"));
	check_has(users, "held: asked by \\\"security\\\"");
	char key[64];
	str_copy(key, sizeof(key), found(p, BOB).key_id);
	OK(roll_resume(&p->roll, BOB, "uid 0", p->a, &p->e));
	run(p, 600000);
	b = account(p, BOB);
	assert_int_equal(b.stage, STAGE_ACTIVE);
	assert_true(b.complete);
	assert_int_equal(found(p, BOB).uin, uin);
	assert_string_equal(found(p, BOB).key_id, key);          /* back within the undo time */
	assert_null(strstr(json_print(p->a, cloud_raw(p->cloud, CAM, "ListUsers", "{}")), "held:"));
}

int main(void)
{
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		PLANT(a_question_has_everything_looked_at_anew), PLANT(who_reaches_a_colleague_is_held),
		PLANT(each_proof_tells_once), PLANT(an_administrator_takes_it_and_gives_it_back),
		EMPTY_PLANT(a_sold_out_server_delays_no_proof),
	};
	return cmocka_run_group_tests_name("engine-proof", tests, NULL, NULL);
}
