/* The API key: one that we know the secret of, and none that works when it should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "keys.h"


static bool works(struct cloud *c)
{
	const struct json *answer;
	return !cloud_as_him(c, ACT_GET_CALLER_IDENTITY, "{}", &answer);
}

static void made_once_and_usable(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_KEY);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	c->v.now_ms += 120000;
	assert_true(works(c));
	assert_int_equal(c->found.key_created_ms, c->journal.found.key_created_ms);
	assert_string_equal(c->journal.found.key_id, c->found.key_id);
	assert_string_equal(json_text(cloud_state(c, "users[0].keys[0]"), "description"), c->want.mark);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
}

/* The secret did not reach the store: nobody knows it, so the key is deleted and another one made. */
static void a_secret_that_was_not_stored(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_KEY);
	c->journal.fail_keeps = 1;
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_TEMP);
	assert_string_equal(c->found.key_id, "");
	assert_int_equal(memory_open(&c->journal), 1);
	assert_int_equal(keys(c), 1);
	const char *lost = arena_strdup(c->arena, json_text(cloud_state(c, "users[0].keys[0]"), "id"));
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_string_not_equal(c->found.key_id, lost);
	assert_int_equal(memory_open(&c->journal), 0);
	/* The intent of the lost one is closed as without effect. */
	const struct memory_intent *last = &c->journal.intents[c->journal.intent_count - 1];
	assert_int_equal(last[-1].intent.action, ACT_CREATE_ACCESS_KEY);
	assert_int_equal(last[-1].outcome, OUTCOME_ABSENT);
	assert_int_equal(last->outcome, OUTCOME_DONE);
}

static void orphans_with_our_mark(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"switches\":{\"delete_active_key_refused\":true}}");
	cloud_build(c, ROW_KEY);
	const char *first = by_hand(c, c->want.mark), *second = by_hand(c, c->want.mark);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_false(active(c, first) || active(c, second));
	assert_true(active(c, c->found.key_id));
	/* One that appears next to a good one. */
	const char *late = by_hand(c, c->want.mark);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_false(active(c, late));
}

static void keys_made_by_hand(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_KEY);
	/* Two are the limit: ours needs the place of one. */
	by_hand(c, "one");
	by_hand(c, "two");
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_true(active(c, c->found.key_id));
	assert_int_equal(cloud_active_keys(c), 1);
	/* One that is made later is switched off, and stays. */
	const char *later = by_hand(c, "three");
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_false(active(c, later));
	assert_int_equal(keys(c), 2);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_true(memory_did(&c->journal, arena_printf(c->arena, "UpdateAccessKey TargetUin=%llu AccessKeyId=%s Status=Inactive: "
		"a key that was made for \"alice-7f3kq2\" by hand", (unsigned long long)c->found.uin, later)));
	assert_string_equal(c->found.note, "");
}

static void keys_made_by_hand_are_only_told(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	cloud_build(c, ROW_SERVER);
	const char *hand = by_hand(c, "mine");
	const char *told = arena_printf(c->arena, "given by hand, and left: key \"%s\"", hand);
	c->call.plan = true;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_false(memory_did(&c->journal, told));
	c->call.plan = false;
	c->found.keys_by_hand = 0;              /* a plan stores nothing */
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_string_equal(c->found.note, arena_printf(c->arena, "key: given by hand: key \"%s\"", hand));
	assert_true(memory_did(&c->journal, told));
	/* Once. */
	size_t deeds = c->journal.deed_count;
	struct err e;
	c->call.memo = NULL;
	assert_int_equal(key_driver.ensure(&c->call, &c->want, &c->found, &e), 0);
	assert_true(active(c, hand));
	assert_non_null(strstr(c->found.note, hand));
	assert_int_equal(c->journal.deed_count, deeds);
	/* A leaver loses it all the same, and does not get it back. */
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_active_keys(c), 0);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_true(active(c, c->found.key_id));
	assert_string_equal(c->found.note, "");
	/* What gave way to ours is not left. */
	by_hand(c, "again");
	c->want.key_again = true;
	c->found.key_locked_ms = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_string_equal(c->found.note, "");
	assert_int_equal(c->found.keys_by_hand, 0);
}

static void locked_and_back(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	const char *hand = by_hand(c, "mine");
	char ours[64];
	str_copy(ours, sizeof(ours), c->found.key_id);
	int64_t now = c->v.now_ms;
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_LOCKED);
	assert_int_equal(cloud_active_keys(c), 0);
	assert_int_equal(keys(c), 2);
	assert_true(c->found.key_locked_ms >= now);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_equal(c->found.key_id, ours);
	assert_true(active(c, ours));
	assert_int_equal(keys(c), 1);           /* the other one is gone */
	assert_false(active(c, hand));
	assert_int_equal(c->found.key_locked_ms, 0);
	/* Back after long: a new one, once, though the wish is repeated. */
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	by_hand(c, "again");
	c->want.key_again = true;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_not_equal(c->found.key_id, ours);
	assert_int_equal(keys(c), 1);
	int64_t made = cloud_count(c, "CreateAccessKey");
	for (int i = 0; i < 3; i++)
		assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(cloud_count(c, "CreateAccessKey"), made);
	assert_null(memory_secret(&c->journal, SECRET_KEY, ours));
}

/* Killed between deleting the old key and storing the new one. */
static void a_new_key_that_is_interrupted(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	c->want.key_again = true;
	c->journal.fail_keeps = 1;
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_TEMP);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_true(active(c, c->found.key_id));
	c->v.now_ms += 120000;
	assert_true(works(c));
}

/* Not sent at all, which nobody knows: for as long as it may still appear none is made, at most a minute. */
static void a_key_that_never_was(void **state)
{
	struct cloud *c = *state;
	const int64_t settles[] = { 900000, 2000 }, least[] = { 60000, 2000 }, most[] = { 70000, 8000 };
	for (int i = 0; i < 2; i++) {
		c->settings.settle_ms = settles[i];
		cloud_build(c, ROW_KEY);
		if (i)
			assert_int_equal(cloud_off(c, ROW_KEY), 0);
		cloud_faults(c, "{\"rules\":[{\"action\":\"CreateAccessKey\",\"kind\":\"cut_before\",\"nth\":1}]}");
		int64_t began = c->v.now_ms;
		assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_UNKNOWN);
		assert_int_equal(cloud_on(c, ROW_KEY), 0);
		assert_in_range(c->v.now_ms - began, least[i], most[i]);
		assert_int_equal(keys(c), 1);
	}
}

/* A listing that lags shows none: he keeps the key he has.  Whose key is gone for good gets another, when that is sure. */
static void a_listing_without_his_key(void **state)
{
	struct cloud *c = *state;
	char id[64];
	cloud_build(c, ROW_KEY);
	cloud_faults(c, "{\"rules\":[{\"action\":\"ListAccessKeys\",\"kind\":\"stale\",\"nth\":3}]}");
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	str_copy(id, sizeof(id), c->found.key_id);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_equal(c->found.key_id, id);
	assert_int_equal(keys(c), 1);
	assert_int_equal(c->found.key_missed_ms, 0);
	cloud_raw(c, CAM, "DeleteAccessKey", arena_printf(c->arena, "{\"TargetUin\":%llu,\"AccessKeyId\":\"%s\"}",
		(unsigned long long)c->found.uin, id));
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_WAIT);
	assert_int_equal(keys(c), 0);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_not_equal(c->found.key_id, id);
	assert_int_equal(keys(c), 1);
}

/* The cloud may refuse to delete an active key: it is switched off first, in whatever order. */
static void active_keys_are_switched_off_before_deleting(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"switches\":{\"delete_active_key_refused\":true}}");
	cloud_build(c, ROW_SERVER);
	by_hand(c, "mine");
	assert_int_equal(cloud_off(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 0);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_NONE);
	assert_null(memory_secret(&c->journal, SECRET_KEY, "x"));
	assert_string_equal(c->found.key_id, "");
	/* All off before the first is deleted. */
	size_t last_off = 0, first_gone = SIZE_MAX;
	for (size_t i = 0; i < c->journal.deed_count; i++) {
		if (strstr(c->journal.deeds[i], "Status=Inactive"))
			last_off = i;
		if (strstr(c->journal.deeds[i], "DeleteAccessKey") && first_gone == SIZE_MAX)
			first_gone = i;
	}
	assert_true(last_off < first_gone);
}

/* Somebody was faster, with the key or with the whole user: nothing of it is kept. */
static void what_others_deleted_is_forgotten(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	char id[64];
	str_copy(id, sizeof(id), c->found.key_id);
	cloud_raw(c, CAM, "DeleteAccessKey", arena_printf(c->arena, "{\"TargetUin\":%llu,\"AccessKeyId\":\"%s\"}",
		(unsigned long long)c->found.uin, id));
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_non_null(memory_secret(&c->journal, SECRET_KEY, id));
	assert_int_equal(cloud_off(c, ROW_KEY), 0);
	assert_null(memory_secret(&c->journal, SECRET_KEY, id));
	assert_string_equal(c->found.key_id, "");
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	str_copy(id, sizeof(id), c->found.key_id);
	cloud_raw(c, CAM, "DeleteUser", arena_printf(c->arena, "{\"Name\":\"%s\",\"Force\":1}", c->want.user_name));
	assert_int_equal(cloud_off(c, ROW_KEY), 0);
	assert_null(memory_secret(&c->journal, SECRET_KEY, id));
	assert_string_equal(c->found.key_id, "");
}

/* One refusal does not spare the other key. */
static void locking_goes_on_past_failures(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	by_hand(c, "mine");
	assert_int_equal(cloud_active_keys(c), 2);
	cloud_faults(c, "{\"rules\":[{\"action\":\"UpdateAccessKey\",\"kind\":\"http500\",\"nth\":1}]}");
	struct err e;
	c->call.memo = NULL;
	assert_int_equal(key_driver.lock(&c->call, &c->want, &c->found, &e), ERR_UNKNOWN);
	assert_int_equal(cloud_active_keys(c), 1);
	assert_int_equal(c->found.key_locked_ms, 0);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_active_keys(c), 0);
}

/* An unknown CreateAccessKey of a leaver: the lock lists, so the key is found though nobody knows its id. */
static void a_key_nobody_knows_of(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_KEY);
	cloud_faults(c, "{\"rules\":[{\"action\":\"CreateAccessKey\",\"kind\":\"cut_after\",\"nth\":1}]}");
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_UNKNOWN);
	assert_int_equal(cloud_active_keys(c), 1);
	c->call.cutting = true;
	c->call.memo = NULL;
	assert_int_equal(key_driver.cut(&c->call, &c->want, &c->found, &c->e), 0);
	assert_int_equal(key_driver.lock(&c->call, &c->want, &c->found, &c->e), 0);
	assert_int_equal(cloud_active_keys(c), 0);
	c->call.cutting = false;
	/* And settled in the walk that follows, also when he is gone altogether. */
	cloud_raw(c, CAM, "DeleteUser", arena_printf(c->arena, "{\"Name\":\"%s\",\"Force\":1}", c->want.user_name));
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(memory_open(&c->journal), 0);
}

static void nothing_is_made_without_an_intent(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_KEY);
	c->journal.full = true;
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_TEMP);
	c->journal.full = false;
	c->journal.preempted = true;
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_STALE);
	assert_int_equal(keys(c), 0);
	assert_int_equal(memory_open(&c->journal), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(made_once_and_usable),
		T(a_secret_that_was_not_stored),
		T(orphans_with_our_mark),
		T(keys_made_by_hand),
		T(keys_made_by_hand_are_only_told),
		T(locked_and_back),
		T(a_new_key_that_is_interrupted),
		T(active_keys_are_switched_off_before_deleting),
		T(what_others_deleted_is_forgotten),
		T(locking_goes_on_past_failures),
		T(a_listing_without_his_key),
		T(a_key_that_never_was),
		T(a_key_nobody_knows_of),
		T(nothing_is_made_without_an_intent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
