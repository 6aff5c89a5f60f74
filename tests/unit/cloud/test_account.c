/* The found record as text, and the owner mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cloud/account.h"

#define UUID "89da469d-e813-11f1-9271-ca710d083b6f"

/* Every byte of every field set to something: a field that the table forgets shows. */
static struct found full(void)
{
	struct found f = { .uin = 100000000001234567, .env_isolated_ms = 1, .env_missed_ms = 2, .env_log_asked_ms = 3,
		.policy_id = 18446744073709551615u, .policy_changed_ms = INT64_MAX, .key_created_ms = 5, .key_locked_ms = 6,
		.server_missed_ms = 7, .server_attempt = 8, .proof_ms = 9, .proof_seen = 10, .proof_refused = 4294967295u, .proof_calls = 11,
		.rights_by_hand = 18446744073709551614u, .keys_by_hand = 12 };
#define FILL(field) memset(f.field, 'x', sizeof(f.field) - 1)
	FILL(env_id), FILL(env_status), FILL(bucket), FILL(name_space), FILL(topic), FILL(key_id), FILL(server_id);
	FILL(server_state), FILL(server_address), FILL(agent_invocation), FILL(agent_state), FILL(proof), FILL(note);
	for (int i = 0; i < ROW_COUNT; i++)
		f.verified_ms[i] = 1000 + i;
	return f;
}

static void found_survives_the_store(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct found f = full(), back;
	struct err e;
	memset(&back, 'y', sizeof(back));
	assert_int_equal(found_parse(found_print(&f, a), a, &back, &e), 0);
	assert_memory_equal(&f, &back, sizeof(f));
	/* No byte of the record but padding is zero, or it would prove nothing. */
	assert_true(f.server_attempt && f.note[0] && f.verified_ms[ROW_AGENT]);

	struct found empty = { 0 };
	memset(&back, 'y', sizeof(back));
	assert_int_equal(found_parse(found_print(&empty, a), a, &back, &e), 0);
	assert_memory_equal(&empty, &back, sizeof(empty));
}

/* No moment is after now but what the cloud promises; the old key's end moves with the key that follows it. */
static void found_by_a_clock_that_was_ahead(void **state)
{
	(void)state;
	struct found f = { .key_id = "k", .old_key_id = "o", .key_created_ms = 1500, .old_key_until_ms = 1900, .key_locked_ms = 1001,
		.key_missed_ms = 1002, .env_missed_ms = 1003, .server_missed_ms = 1004, .env_isolated_ms = 1005, .env_log_asked_ms = 1006,
		.policy_changed_ms = 1007, .key_tried_ms = 1008, .proof = PROOF_ISOLATED, .proof_ms = 1009, .key_asked_ms = 1400,
		.server_expires_ms = 5000, .verified_ms = { 999, 1000, 1001, 0 } };
	found_not_ahead(&f, 1000);
	assert_true(f.key_created_ms == 1000 && f.old_key_until_ms == 1400 && f.key_locked_ms == 1000 && f.key_missed_ms == 1000);
	assert_true(f.env_missed_ms == 1000 && f.server_missed_ms == 1000 && f.env_isolated_ms == 1000 && f.env_log_asked_ms == 1000);
	assert_true(f.policy_changed_ms == 1000 && f.key_tried_ms == 1000 && f.server_expires_ms == 5000 && f.key_asked_ms == 1400);
	/* Whether it was made before or after the last change is not known any more. */
	assert_int_equal(f.proof_ms, 0);
	assert_true(f.verified_ms[0] == 999 && f.verified_ms[1] == 1000 && f.verified_ms[2] == 0);
	const struct found before = f;
	found_not_ahead(&f, 1000);
	assert_memory_equal(&f, &before, sizeof(f));
	f.key_created_ms = 900;
	found_not_ahead(&f, 950);
	assert_true(f.key_created_ms == 900 && f.old_key_until_ms == 1400);
}

static void found_of_other_versions(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct found f;
	struct err e;
	assert_int_equal(found_parse("{\"uin\":\"7\",\"later\":{\"x\":[1]},\"verified_ms\":[4]}", a, &f, &e), 0);
	assert_int_equal(f.uin, 7);
	assert_int_equal(f.verified_ms[0], 4);
	assert_int_equal(f.verified_ms[1], 0);
}

static void found_that_is_not_one(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "{", "{\"uin\":-1}", "{\"uin\":\"x\"}", "{\"env_id\":7}", "{\"proof_seen\":4294967296}",
		"{\"key_created_ms\":1.5}", "{\"agent_state\":\"01234567890123456\"}" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct found f = { .uin = 42 };
		struct err e;
		assert_int_equal(found_parse(bad[i], a, &f, &e), ERR_INPUT);
		assert_int_equal(f.uin, 42);
	}
}

static struct account account(struct arena *a)
{
	struct account w = { .installation = "inst1", .generation = 1, .uuid = UUID };
	w.mark = mark_make(a, w.installation, w.uuid, w.generation);
	return w;
}

static void marks(void **state)
{
	(void)state;
	static const struct { const char *text; enum mark_owner owner; } cases[] = {
		{ NULL, MARK_NONE },
		{ "", MARK_NONE },
		{ "hand made", MARK_NONE },
		{ "rollcal:inst1:" UUID ":1", MARK_NONE },
		{ "rollcall:inst1:" UUID ":1", MARK_OURS },
		{ "rollcall:inst1:" UUID ":1 held: parked", MARK_OURS },
		{ "see (rollcall:inst1:" UUID ":1)", MARK_OURS },
		{ "rollcall:inst1:" UUID ":1 rollcall:inst1:" UUID ":1", MARK_OURS },
		{ "rollcall:inst1:" UUID ":12", MARK_OTHER_PERSON },
		{ "rollcall:inst1:" UUID ":2", MARK_OTHER_PERSON },
		{ "rollcall:inst1:" UUID ":1x", MARK_OTHER_PERSON },
		{ "rollcall:inst1:99da469d-e813-11f1-9271-ca710d083b6f:1", MARK_OTHER_PERSON },
		{ "rollcall:inst1:boundary", MARK_OTHER_PERSON },
		{ "rollcall:inst2:" UUID ":1", MARK_OTHER_INSTALLATION },
		{ "rollcall:inst12:" UUID ":1", MARK_OTHER_INSTALLATION },
		{ "rollcall:", MARK_OTHER_INSTALLATION },
		{ "rollcall:inst1:" UUID ":1 rollcall:inst2:" UUID ":1", MARK_OTHER_INSTALLATION },
		{ "rollcall:inst2:" UUID ":1 rollcall:inst1:" UUID ":1", MARK_OTHER_INSTALLATION },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct account w = account(a);
	assert_string_equal(w.mark, "rollcall:inst1:" UUID ":1");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (mark_judge(&w, cases[i].text) != cases[i].owner)
			fail_msg("\"%s\"", cases[i].text ? cases[i].text : "(null)");
	}
}

/* What a worker of the stage before wrote down late is not believed in the next one. */
static void what_was_verified_counts_in_its_stage_only(void **state)
{
	(void)state;
	struct found f = { .uin = 7, .verified_since_ms = 100 };
	f.verified_ms[ROW_KEY] = 250;
	found_of_stage(&f, 100);
	assert_int_equal(f.verified_ms[ROW_KEY], 250);
	found_of_stage(&f, 200);
	assert_int_equal(f.verified_ms[ROW_KEY], 0);
	assert_int_equal(f.verified_since_ms, 200);
	assert_int_equal(f.uin, 7);
}

/* CAM takes [A-Za-z0-9+=,.@:/-_] in the description of a key. */
static void marks_fit_a_key_description(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const char *m = mark_make(a, "prod-1", UUID, 4294967295u);
	assert_int_equal(strspn(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@:/-_"), strlen(m));
}

static void mark_names_its_owner(void **state)
{
#define ID "89da469d-e813-11f1-9271-ca710d083b6f"
	static const struct { const char *text; unsigned generation; } cases[] = {
		{ "rollcall:here:" ID ":1", 1 },
		{ "rollcall:here:" ID ":12 held: by hand", 12 },
		{ "see rollcall:here:" ID ":3 rollcall:here:" ID ":3", 3 },
		{ "rollcall:here:" ID ":1 rollcall:here:" ID ":2", 0 },
		{ "rollcall:here:" ID ":1 rollcall:there:" ID ":1", 0 },
		{ "rollcall:there:" ID ":1", 0 },
		{ "rollcall:here:" ID ":", 0 },
		{ "rollcall:here:" ID ":0", 0 },
		{ "rollcall:here:" ID ":1x", 0 },
		{ "rollcall:here:" ID ":1234567890", 0 },
		{ "rollcall:here:boundary", 0 },
		{ "rollcall:here:", 0 },
		{ "", 0 },
		{ NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char uuid[UUID_TEXT] = "";
		unsigned generation = 0;
		bool named = mark_parse("here", cases[i].text, uuid, &generation);
		assert_int_equal(named, cases[i].generation != 0);
		assert_int_equal(generation, cases[i].generation);
		assert_string_equal(uuid, named ? ID : "");
	}
#undef ID
}

static void whose_mark_it_is(void **state)
{
	static const struct { const char *text; enum mark_owner owner; } cases[] = {
		{ NULL, MARK_NONE },
		{ "", MARK_NONE },
		{ "made by hand", MARK_NONE },
		{ "rollcall:here:" UUID ":1", MARK_OURS },
		{ "see rollcall:here:" UUID ":1 rollcall:here:" UUID ":2", MARK_OURS },
		{ "rollcall:here:boundary", MARK_OURS },
		{ "rollcall:there:" UUID ":1", MARK_OTHER_INSTALLATION },
		{ "rollcall:herein:" UUID ":1", MARK_OTHER_INSTALLATION },
		{ "rollcall:here", MARK_OTHER_INSTALLATION },
		{ "rollcall:", MARK_OTHER_INSTALLATION },
		{ "rollcall:here:" UUID ":1 rollcall:there:" UUID ":1", MARK_OTHER_INSTALLATION },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (mark_of("here", cases[i].text) != cases[i].owner)
			fail_msg("\"%s\"", cases[i].text ? cases[i].text : "(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_survives_the_store),
		cmocka_unit_test(found_of_other_versions),
		cmocka_unit_test(found_by_a_clock_that_was_ahead),
		cmocka_unit_test(found_that_is_not_one),
		cmocka_unit_test(what_was_verified_counts_in_its_stage_only),
		cmocka_unit_test(marks),
		cmocka_unit_test(marks_fit_a_key_description),
		cmocka_unit_test(mark_names_its_owner),
		cmocka_unit_test(whose_mark_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
