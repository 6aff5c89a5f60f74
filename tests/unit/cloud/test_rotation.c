/* Another key beside the one that is used: nobody is without one meanwhile, nothing is made twice, and a leaver has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "keys.h"

#define AGE_MS (90 * CLOUD_DAY)
#define OVERLAP_MS CLOUD_DAY

/* A complete account, whose key is used and old enough; its id. */
static const char *aged(struct cloud *c)
{
	c->settings.key_age_ms = AGE_MS;
	c->settings.key_overlap_ms = OVERLAP_MS;
	c->want.key_delivered = true;
	cloud_build(c, ROW_SERVER);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	c->v.now_ms += AGE_MS;
	return arena_strdup(c->arena, c->found.key_id);
}

/* The proof of the new key, as the row after this one makes it. */
static void proved(struct cloud *c)
{
	str_copy(c->found.proof, sizeof(c->found.proof), PROOF_ISOLATED);
	c->found.proof_ms = c->v.now_ms;
}

static const char *rotated(struct cloud *c)
{
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	proved(c);
	return arena_strdup(c->arena, c->found.key_id);
}

static void both_work_until_the_time_is_over(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_DRIFT);
	c->found.verified_ms[ROW_AGENT] = c->found.verified_ms[ROW_PROOF] = 1;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_not_equal(c->found.key_id, old);
	assert_string_equal(c->found.old_key_id, old);
	assert_int_equal(c->found.verified_ms[ROW_AGENT] + c->found.verified_ms[ROW_PROOF], 0);
	assert_true(active(c, old) && active(c, c->found.key_id));
	assert_non_null(memory_secret(&c->journal, SECRET_KEY, old));
	assert_non_null(memory_secret(&c->journal, SECRET_KEY, c->found.key_id));
	/* One transaction: whoever dies now knows both. */
	assert_string_equal(c->journal.found.old_key_id, old);
	proved(c);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
		assert_int_equal(cloud_on(c, ROW_KEY), 0);
		c->v.now_ms += OVERLAP_MS / 4;
	}
	assert_true(active(c, old));
	c->v.now_ms += OVERLAP_MS / 4;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_true(active(c, c->found.key_id));
	assert_string_equal(c->found.old_key_id, "");
	assert_null(memory_secret(&c->journal, SECRET_KEY, old));
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_int_equal(cloud_count(c, "CreateAccessKey"), 2);
}

static void the_old_one_waits_for_proof_and_delivery(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	c->v.now_ms += 2 * OVERLAP_MS;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_true(active(c, old));
	proved(c);
	c->want.key_delivered = false;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	c->want.key_delivered = true;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
}

static void asked_for(void **state)
{
	struct cloud *c = *state;
	c->settings.key_overlap_ms = OVERLAP_MS;
	c->want.key_delivered = true;
	cloud_build(c, ROW_SERVER);
	c->v.now_ms += 1000 * CLOUD_DAY;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);       /* without an age */
	c->want.key_asked_ms = c->v.now_ms;
	const char *second = rotated(c);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	/* The clock was ahead: once is enough all the same. */
	c->v.now_ms -= 7 * CLOUD_DAY;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_equal(c->found.key_id, second);
	assert_true(c->found.old_key_until_ms <= c->v.now_ms + OVERLAP_MS);
	/* Asked again while both are there: only when there is room. */
	c->want.key_asked_ms = c->v.now_ms;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_equal(c->found.key_id, second);
	c->v.now_ms += 8 * CLOUD_DAY;
	proved(c);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_string_equal(c->found.old_key_id, second);
	assert_int_equal(keys(c), 2);
	assert_int_equal(cloud_count(c, "CreateAccessKey"), 3);
}

static void keys_made_by_hand_give_way(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	const char *old = aged(c), *hand = by_hand(c, "mine");
	const char *second = rotated(c);
	assert_false(active(c, hand));
	assert_true(active(c, old) && active(c, second));
	/* The other way round there is no room: theirs is refused, ours never is. */
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_int_equal(keys(c), 2);
}

static void a_leaver_loses_both(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	c->call.cutting = true;
	c->call.memo = NULL;
	assert_int_equal(key_driver.cut(&c->call, &c->want, &c->found, &c->e), 0);
	c->call.cutting = false;
	assert_false(active(c, old) || active(c, second));
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_LOCKED);
	/* Back in time: as he left. */
	c->v.now_ms += OVERLAP_MS / 4;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_true(active(c, old) && active(c, second));
	assert_string_equal(c->found.key_id, second);
	/* Back when the time of the old one is over: without it. */
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_active_keys(c), 0);
	c->v.now_ms += OVERLAP_MS;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_true(active(c, second));
}

/* nth 0: no call of it gets through. */
static int cut_with(struct cloud *c, const char *kind, int nth)
{
	cloud_faults(c, arena_printf(c->arena, "{\"rules\":[{\"action\":\"UpdateAccessKey\",\"kind\":\"%s\",\"%s\":%d}]}", kind,
		nth ? "nth" : "times", nth ? nth : 2));
	c->call.cutting = true;
	c->call.memo = NULL;
	int rc = key_driver.cut(&c->call, &c->want, &c->found, &c->e);
	c->call.cutting = false;
	c->call.memo = NULL;
	cloud_faults(c, "{\"rules\":[]}");
	return rc;
}

static void switch_off_by_hand(struct cloud *c, const char *id)
{
	cloud_admin(c, ACT_UPDATE_ACCESS_KEY, arena_printf(c->arena, "{\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\",\"TargetUin\":%llu}",
		id, (unsigned long long)c->found.uin));
	c->call.memo = NULL;
}

/* Back before the cut was through: he has both again, whichever call of it failed, and however. */
static void back_from_half_a_cut(void **state)
{
	struct cloud *c = *state;
	static const char *const kinds[] = { "cut_before", "cut_after", "http500" };
	const char *old = aged(c), *second = rotated(c);
	for (int i = 0; i < 6; i++) {
		assert_int_not_equal(cut_with(c, kinds[i / 2], i % 2 + 1), 0);
		if (cloud_look(c, ROW_KEY) != SEEN_OK)
			assert_int_equal(cloud_on(c, ROW_KEY), 0);
		assert_true(active(c, old));
		assert_true(active(c, second));
		c->v.now_ms += 60000;
		assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	}
	assert_int_equal(cloud_count(c, "CreateAccessKey"), 2);
}

/* Killed after a cut, and back before anything of it was known to the store. */
static void back_from_a_cut_that_nobody_wrote_down(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	const struct found before = c->found;
	assert_int_equal(cut_with(c, "cut_before", 100), 0);
	assert_false(active(c, old) || active(c, second));
	c->found = before;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_true(active(c, old) && active(c, second));
}

/* What an administrator switched off is not ours to switch on, also when a cut began once and did nothing. */
static void switched_off_by_hand(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	assert_int_not_equal(cut_with(c, "cut_before", 0), 0);
	assert_true(active(c, old) && active(c, second));
	c->v.now_ms += 2 * 60000;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	switch_off_by_hand(c, old);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_false(active(c, old));
	assert_true(active(c, second));
}

/* Nor when he left and came back meanwhile. */
static void switched_off_by_hand_and_away(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	switch_off_by_hand(c, old);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_int_equal(cut_with(c, "cut_before", 100), 0);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_active_keys(c), 0);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_true(active(c, second));
	assert_false(active(c, old));
	/* Switched on by hand again it is one like any other. */
	cloud_admin(c, ACT_UPDATE_ACCESS_KEY, arena_printf(c->arena, "{\"AccessKeyId\":\"%s\",\"Status\":\"Active\",\"TargetUin\":%llu}",
		old, (unsigned long long)c->found.uin));
	c->call.memo = NULL;
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_true(active(c, old) && active(c, second));
}

static void back_after_long(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	c->want.key_again = true;
	assert_int_equal(cloud_on(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 1);
	assert_string_not_equal(c->found.key_id, second);
	assert_string_equal(c->found.old_key_id, "");
	assert_null(memory_secret(&c->journal, SECRET_KEY, old));
	assert_null(memory_secret(&c->journal, SECRET_KEY, second));
}

static void gone_for_good(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	assert_int_equal(cloud_off(c, ROW_KEY), 0);
	assert_int_equal(keys(c), 0);
	assert_null(memory_secret(&c->journal, SECRET_KEY, old));
	assert_null(memory_secret(&c->journal, SECRET_KEY, second));
	assert_string_equal(c->found.old_key_id, "");
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_NONE);
}

/* The listing is from before the new key: it is neither made a third time, nor left to a leaver. */
static void a_listing_that_lags(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c), *second = rotated(c);
	assert_int_equal(cloud_look(c, ROW_KEY), SEEN_OK);
	str_copy(c->found.key_id, sizeof(c->found.key_id), "not-listed-yet");
	c->found.key_created_ms = c->v.now_ms;
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_WAIT);
	assert_true(active(c, old) && active(c, second));
	assert_int_equal(cloud_count(c, "CreateAccessKey"), 2);
	assert_int_equal(cloud_lock(c, ROW_KEY), 0);
	assert_int_equal(cloud_active_keys(c), 0);
}

/* An unknown outcome: nothing is made beside it, and the key that is used is never the one that is cleared away. */
static void an_outcome_that_is_not_known(void **state)
{
	struct cloud *c = *state;
	static const char *const kinds[] = { "cut_before", "cut_after", "http500" };
	const char *old = aged(c);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		c->journal.found = c->found;       /* as the walk saves it */
		cloud_faults(c, arena_printf(c->arena, "{\"rules\":[{\"action\":\"CreateAccessKey\",\"kind\":\"%s\",\"nth\":1}]}", kinds[i]));
		assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_UNKNOWN);
		assert_int_equal(memory_open(&c->journal), 1);
		cloud_restart(c);
		assert_true(active(c, old));
		const char *fresh = rotated(c);
		assert_int_equal(memory_open(&c->journal), 0);
		assert_int_equal(keys(c), 2);
		assert_true(active(c, old) && active(c, fresh));
		assert_string_equal(c->found.old_key_id, old);
		cloud_faults(c, "{\"rules\":[]}");
		c->v.now_ms += OVERLAP_MS;
		assert_int_equal(cloud_on(c, ROW_KEY), 0);
		assert_int_equal(keys(c), 1);
		c->v.now_ms += AGE_MS;
		old = arena_strdup(c->arena, c->found.key_id);
	}
}

/* The secret did not reach the store: the key is deleted and made anew, and the old one works all the time. */
static void a_secret_that_was_not_stored(void **state)
{
	struct cloud *c = *state;
	const char *old = aged(c);
	c->journal.fail_keeps = 1;
	assert_int_equal(cloud_step_on(c, ROW_KEY), ERR_TEMP);
	assert_string_equal(c->found.key_id, old);
	assert_string_equal(c->found.old_key_id, "");
	cloud_restart(c);
	const char *fresh = rotated(c);
	assert_true(active(c, old) && active(c, fresh));
	assert_int_equal(keys(c), 2);
}

/* Killed between any two steps of clearing away the old one. */
static void killed_while_the_old_one_goes(void **state)
{
	struct cloud *c = *state;
	static const char *const actions[] = { "UpdateAccessKey", "DeleteAccessKey" };
	static const char *const kinds[] = { "cut_before", "cut_after" };
	aged(c);
	for (size_t i = 0; i < 4; i++) {
		const char *fresh = rotated(c);
		struct found before = c->found;
		c->v.now_ms += OVERLAP_MS;
		cloud_faults(c, arena_printf(c->arena, "{\"rules\":[{\"action\":\"%s\",\"kind\":\"%s\",\"nth\":1}]}", actions[i / 2], kinds[i % 2]));
		assert_int_not_equal(cloud_step_on(c, ROW_KEY), 0);
		c->found = before;      /* nothing of it was saved */
		cloud_faults(c, "{\"rules\":[]}");
		assert_int_equal(cloud_on(c, ROW_KEY), 0);
		assert_int_equal(keys(c), 1);
		assert_true(active(c, fresh));
		assert_string_equal(c->found.key_id, fresh);
		assert_string_equal(c->found.old_key_id, "");
		c->v.now_ms += AGE_MS;
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(both_work_until_the_time_is_over),
		T(the_old_one_waits_for_proof_and_delivery),
		T(asked_for),
		T(keys_made_by_hand_give_way),
		T(a_leaver_loses_both),
		T(back_from_half_a_cut),
		T(back_from_a_cut_that_nobody_wrote_down),
		T(switched_off_by_hand),
		T(switched_off_by_hand_and_away),
		T(back_after_long),
		T(gone_for_good),
		T(a_listing_that_lags),
		T(an_outcome_that_is_not_known),
		T(a_secret_that_was_not_stored),
		T(killed_while_the_old_one_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
