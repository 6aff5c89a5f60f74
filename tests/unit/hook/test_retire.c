/* Retirement: who is taken down, when, how many, and everything that keeps the calls back that cannot be undone - before the
 * first of them and between them.  Real feed, roll, engine, store and drivers. */
#include "tests/unit/hook/firm.h"

#define CARL "00000000-0000-4000-8000-00000000000c"
#define DORA "00000000-0000-4000-8000-00000000000d"

static size_t left_of(struct firm *f, const char *uuid)
{
	static const char *const lists[][2] = { { "users", "remark" }, { "environments", "tags.rollcall" },
		{ "servers", "tags.rollcall" }, { "policies", "description" } };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const struct json *v = json_first(cloud_state(f->p->cloud, lists[i][0])); v; v = json_next(v)) {
			const char *mark = json_text(v, lists[i][1]);
			n += mark && strstr(mark, uuid) && !str_eq(json_text(v, "state"), "GONE");
		}
	return n;
}

static int64_t calls(struct firm *f, const char *action) { return cloud_count(f->p->cloud, action); }

static int64_t destroyed(struct firm *f)
{
	return calls(f, "DestroyEnv") + calls(f, "DeleteUser") + calls(f, "IsolateInstances") + calls(f, "TerminateInstances");
}

static enum stage stage(struct firm *f, const char *uuid) { return (enum stage)account(f->p, uuid).stage; }

static const char *note_of(struct firm *f, const char *uuid)
{
	struct store_person p;
	OK(store_person_get(f->p->store, uuid, f->p->a, &p, &f->p->e));
	return p.note ? p.note : "";
}

static void notes(struct firm *f, const char *uuid, const char *part)
{
	if (!strstr(note_of(f, uuid), part))
		fail_msg("\"%s\" is not in the note \"%s\"", part, note_of(f, uuid));
}

/* What the directory shows of him. */
static const char *shown(struct firm *f, const char *uuid, enum own own)
{
	struct store_letter letter;
	struct json *o;
	OK(store_letter_of(f->p->store, uuid, f->p->a, &letter, &f->p->e));
	OK(json_parse(f->p->a, letter.payload, strlen(letter.payload), &o, &f->p->e));
	const char *text = json_text(o, own_attributes[own].name);
	return text ? text : "";
}

static void is_active(struct firm *f, const char *uuid)
{
	struct store_account a = account(f->p, uuid);
	if (a.stage != STAGE_ACTIVE || !a.complete)
		fail_msg("%s is %s, %s", uuid, stage_name((enum stage)a.stage), a.trouble ? a.trouble : "no trouble");
}

/* Alice and Bob at work; Alice left, and her grace is over in a moment. */
static void two_at_work(struct firm *f)
{
	says(f, ALICE, "alice", "staff");
	says(f, BOB, "bob", "staff");
	live(f, 2 * HOUR_MS);
	is_active(f, ALICE);
	is_active(f, BOB);
}

static void leaves(struct firm *f, const char *uuid, const char *login)
{
	says(f, uuid, login, "left");
	live(f, MINUTE_MS);
	assert_int_equal(stage(f, uuid), STAGE_SUSPENDED);
}

/* --- the way it goes ------------------------------------------------------------------------------------------ */

static void a_life_to_its_end(void **state)
{
	struct firm *f = *state;
	int64_t n;
	f->p->settings.cloud.driver.isolation_ms = 3 * DAY_MS;
	two_at_work(f);
	leaves(f, ALICE, "alice");
	const char *date = shown(f, ALICE, OWN_RETIRE_AFTER);
	assert_int_not_equal(strlen(date), 0);
	live(f, DAY_MS - HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_SUSPENDED);
	assert_int_equal(destroyed(f), 0);
	live(f, 2 * HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	assert_false(account(f->p, ALICE).complete);
	assert_string_equal(shown(f, ALICE, OWN_STAGE), "retiring");
	assert_int_equal(calls(f, "DestroyEnv"), 1);
	assert_int_equal(calls(f, "DeleteUser"), 0);
	/* The date until which something is left. */
	char last[TIME_TEXT];
	str_time_ldap(found(f->p, ALICE).env_isolated_ms + 3 * DAY_MS, last);
	assert_string_equal(shown(f, ALICE, OWN_RETIRE_AFTER), last);
	OK(store_acts(f->p->store, ACT_KIND_RETIRE, NULL, 0, &n, NULL, &f->p->e));
	assert_int_equal(n, 1);
	live(f, 3 * DAY_MS);
	assert_true(account(f->p, ALICE).complete);
	assert_string_equal(shown(f, ALICE, OWN_STAGE), "retired");
	assert_string_equal(shown(f, ALICE, OWN_RETIRE_AFTER), "");
	assert_int_equal(left_of(f, ALICE), 0);
	assert_int_equal(calls(f, "DestroyEnv"), 2);
	assert_int_equal(f->blind_calls, 0);
	is_active(f, BOB);
}

/* Absent, not disabled: the same, by the second opinion alone. */
static void somebody_who_is_gone(void **state)
{
	struct firm *f = *state;
	f->p->settings.cloud.driver.isolation_ms = 0;
	two_at_work(f);
	says(f, ALICE, "alice", NULL);
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	live(f, HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
	assert_int_equal(f->blind_calls, 0);
}

/* --- what keeps it back ----------------------------------------------------------------------------------------- */

static struct source_doubt near = { "ou=people", "sentinel missing" };

static void breaks(struct firm *f) { f->phase = BREAKS; }
static void comes_back(struct firm *f) { f->phase = BEGINS; }
static void doubts_all(struct firm *f) { f->doubts.all = "attribute unknown"; f->phase = BEGINS; }
static void doubts_branch(struct firm *f) { f->doubts = (struct source_doubts){ .count = 1, .branches = &near }; f->phase = BEGINS; }
static void doubts_none(struct firm *f) { f->doubts = (struct source_doubts){ 0 }; f->phase = BEGINS; }
static void sentinel_goes(struct firm *f) { f->doubts_now = (struct source_doubts){ .count = 1, .branches = &near }; }
static void sentinel_is_back(struct firm *f) { f->doubts_now = (struct source_doubts){ 0 }; }
static void falls_silent(struct firm *f) { f->mute = true; }
static void speaks(struct firm *f) { f->mute = false; }
/* The machine's clock is set right in the next moment: that is another jump, and the hour begins anew. */
static void jumps(struct firm *f) { f->p->step_ms = 10 * DAY_MS; }
static void jumps_back(struct firm *f) { f->p->step_ms = 0; }
static void cloud_is_early(struct firm *f)
{
	cloud_faults(f->p->cloud, "{\"rules\":[{\"action\":\"*\",\"kind\":\"skew\",\"skew_ms\":-600000,\"every\":1}]}");
}
static void cloud_is_right(struct firm *f) { cloud_faults(f->p->cloud, "{}"); }
/* Hidden, not told yet, and by older evidence than the one that cut: he has no new account for it. */
static void is_shown_as_he_was(struct firm *f)
{
	f->staff[0].type = "staff";
	f->staff[0].csn = 1;
}
static void is_shown_as_he_is(struct firm *f) { says(f, ALICE, "alice", "left"); }

static const struct trouble {
	const char *name, *why;
	void (*begins)(struct firm *), (*ends)(struct firm *);
} troubles[] = {
	{ "the source is away", "not believed", breaks, comes_back },
	{ "the source is in doubt", "not believed", doubts_all, doubts_none },
	{ "his branch is in doubt", "sentinel missing", doubts_branch, doubts_none },
	{ "his sentinel went just now", "sentinel missing", sentinel_goes, sentinel_is_back },
	{ "no original answers", "answer", falls_silent, speaks },
	{ "the wall clock jumped", "", jumps, jumps_back },
	{ "the cloud's time is not ours", "cloud's clock", cloud_is_early, cloud_is_right },
	{ "an original shows him as entitled", "entitled", is_shown_as_he_was, is_shown_as_he_is },
};

/* Bob is disabled meanwhile: that is never kept back. */
static void a_cut_goes_on(struct firm *f)
{
	if (f->phase != STANDS)
		return;
	says(f, BOB, "bob", "left");
	live(f, MINUTE_MS);
	assert_int_equal(stage(f, BOB), STAGE_SUSPENDED);
	assert_true(account(f->p, BOB).lane != LANE_REVOKE);
	assert_true(found(f->p, BOB).key_locked_ms > 0);
}

/* In a firm of its own. */
static void with(const struct trouble *t, void (*test)(struct firm *, const struct trouble *))
{
	void *state = NULL;
	OK(firm_open(&state));
	struct firm *f = state;
	print_message("  %s\n", t->name);
	test(f, t);
	assert_int_equal(f->blind_calls, 0);
	OK(firm_close(&state));
}

/* The trouble is there when grace ends. */
static void kept_back_at_the_beginning(struct firm *f, const struct trouble *t)
{
	f->p->settings.cloud.driver.isolation_ms = 0;
	two_at_work(f);
	leaves(f, ALICE, "alice");
	live(f, DAY_MS - HOUR_MS);
	t->begins(f);
	a_cut_goes_on(f);
	live(f, 6 * HOUR_MS);
	if (stage(f, ALICE) != STAGE_SUSPENDED || destroyed(f))
		fail_msg("%s: retired all the same", t->name);
	if (t->begins != jumps && t->begins != is_shown_as_he_was) {
		notes(f, ALICE, "grace is over since ");
		notes(f, ALICE, t->why);
		if (!strstr(shown(f, ALICE, OWN_NOTE), t->why))
			fail_msg("%s: the entry says \"%s\"", t->name, shown(f, ALICE, OWN_NOTE));
	}
	t->ends(f);
	live(f, 3 * HOUR_MS);
	if (stage(f, ALICE) != STAGE_RETIRED)
		fail_msg("%s: not retired afterwards: %s", t->name, note_of(f, ALICE));
	assert_string_equal(note_of(f, ALICE), "");
	live(f, HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
}

static void nothing_begins_in_doubt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
		with(&troubles[i], kept_back_at_the_beginning);
}

/* The trouble comes when half of it is done: the environment is isolated, and its end is due. */
static void kept_back_halfway(struct firm *f, const struct trouble *t)
{
	f->p->settings.cloud.driver.isolation_ms = DAY_MS;
	two_at_work(f);
	leaves(f, ALICE, "alice");
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	assert_int_equal(calls(f, "DestroyEnv"), 1);
	live(f, DAY_MS - 3 * HOUR_MS);
	int64_t before = destroyed(f);
	assert_int_equal(before, 1);
	t->begins(f);
	a_cut_goes_on(f);
	/* The hour after a jump is over before the end is due. */
	if (t->begins == jumps) {
		live(f, 110 * MINUTE_MS);
		t->ends(f);
	}
	live(f, (t->begins == jumps ? 55 : 480) * MINUTE_MS);
	if (destroyed(f) != before)
		fail_msg("%s: destroyed all the same", t->name);
	if (t->begins != jumps && !strstr(account(f->p, ALICE).trouble, t->why))
		fail_msg("%s: told is \"%s\"", t->name, account(f->p, ALICE).trouble);
	if (t->begins != jumps)
		t->ends(f);
	live(f, 4 * HOUR_MS);
	if (left_of(f, ALICE) || !account(f->p, ALICE).complete)
		fail_msg("%s: something is left afterwards: %s", t->name, account(f->p, ALICE).trouble);
	assert_int_equal(calls(f, "DestroyEnv"), 2);
	assert_int_equal(calls(f, "DeleteUser"), 1);
}

static void nothing_goes_on_in_doubt(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
		with(&troubles[i], kept_back_halfway);
}

static void who_becomes_protected_halfway(void **state)
{
	struct firm *f = *state;
	f->p->settings.cloud.driver.isolation_ms = DAY_MS;
	two_at_work(f);
	leaves(f, ALICE, "alice");
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(calls(f, "DestroyEnv"), 1);
	OK(filter_parse(f->p->a, "(uid=alice)", &f->p->rules.guarded, &f->p->e));
	says(f, ALICE, "alice", "left");
	live(f, 5 * DAY_MS);
	assert_int_equal(destroyed(f), 1);
	assert_non_null(strstr(account(f->p, ALICE).trouble, "protected"));
}

/* --- who comes back when it is half done ---------------------------------------------------------------------------- */

static struct store_account first_life(struct firm *f, const char *uuid)
{
	struct store_account a;
	OK(store_account_get(f->p->store, uuid, 1, f->p->a, &a, &f->p->e));
	return a;
}

/* How much of him is destroyed by then. */
static int64_t halfway_out(struct firm *f)
{
	f->p->settings.cloud.driver.isolation_ms = 3 * DAY_MS;
	two_at_work(f);
	leaves(f, ALICE, "alice");
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	assert_int_equal(calls(f, "DestroyEnv"), 1);
	assert_int_equal(calls(f, "DeleteUser"), 0);
	return destroyed(f);
}

/* Neither life waits for the other. */
static void who_returns_halfway(void **state)
{
	struct firm *f = *state;
	struct found old, new;
	halfway_out(f);
	OK(found_parse(account(f->p, ALICE).found, f->p->a, &old, &f->p->e));
	says(f, ALICE, "alice", "staff");
	live(f, 2 * HOUR_MS);
	is_active(f, ALICE);
	assert_int_equal(account(f->p, ALICE).generation, 2);
	assert_false(first_life(f, ALICE).complete);
	new = found(f->p, ALICE);
	assert_true(new.uin != old.uin && strcmp(new.env_id, old.env_id) != 0 && strcmp(new.key_id, old.key_id) != 0);
	live(f, 4 * DAY_MS);
	is_active(f, ALICE);
	assert_true(first_life(f, ALICE).complete);
	assert_int_equal(left_of(f, ALICE), 3);      /* user, environment and server of the new one */
}

/* Nothing of somebody who is protected is destroyed, the remains of an earlier life included. */
static void who_returns_protected_halfway(void **state)
{
	struct firm *f = *state;
	int64_t before = halfway_out(f);
	OK(filter_parse(f->p->a, "(uid=alice)", &f->p->rules.guarded, &f->p->e));
	says(f, ALICE, "alice", "staff");
	live(f, 6 * DAY_MS);
	is_active(f, ALICE);
	assert_int_equal(destroyed(f), before);
	assert_false(first_life(f, ALICE).complete);
	assert_non_null(strstr(first_life(f, ALICE).trouble, "protected"));
}

/* --- how many ------------------------------------------------------------------------------------------------------ */

static void the_others_wait_for_tomorrow(void **state)
{
	struct firm *f = *state;
	static const struct { const char *uuid, *login; } staff[] = { { ALICE, "alice" }, { BOB, "bob" }, { CARL, "carl" },
		{ DORA, "dora" } };
	f->p->settings.cloud.driver.isolation_ms = 0;
	f->p->settings.life.retirements_day = 2;
	for (size_t i = 0; i < ARRAY_LEN(staff); i++)
		says(f, staff[i].uuid, staff[i].login, "staff");
	live(f, 2 * HOUR_MS);
	/* The last of them leaves first. */
	for (size_t i = ARRAY_LEN(staff); i > 0; i--)
		leaves(f, staff[i - 1].uuid, staff[i - 1].login);
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(stage(f, DORA), STAGE_RETIRED);
	assert_int_equal(stage(f, CARL), STAGE_RETIRED);
	assert_int_equal(stage(f, BOB), STAGE_SUSPENDED);
	assert_int_equal(stage(f, ALICE), STAGE_SUSPENDED);
	notes(f, BOB, "life.retirements_per_day");
	assert_non_null(strstr(shown(f, ALICE, OWN_NOTE), "grace is over since "));
	assert_int_not_equal(strlen(shown(f, ALICE, OWN_RETIRE_AFTER)), 0);
	struct json *o = json_object(f->p->a);
	guard_health(f->p->guard, f->p->a, o);
	assert_int_equal(json_int_or(o, "retirements_waiting", 0), 2);
	assert_string_equal(json_text(o, "retirements[0].login"), "bob");
	live(f, DAY_MS);
	assert_int_equal(stage(f, BOB), STAGE_RETIRED);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	live(f, HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
}

static void the_cloud_lets_no_more(void **state)
{
	struct firm *f = *state;
	f->p->settings.cloud.driver.isolation_ms = 0;
	two_at_work(f);
	leaves(f, BOB, "bob");
	leaves(f, ALICE, "alice");
	cloud_faults(f->p->cloud, "{\"switches\":{\"max_delete_monthly\":1}}");
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(stage(f, BOB), STAGE_RETIRED);
	assert_int_equal(left_of(f, BOB), 0);
	assert_int_equal(stage(f, ALICE), STAGE_SUSPENDED);
	notes(f, ALICE, "the cloud lets no further environment be destroyed");
	int64_t asked = calls(f, "DescribeEnvLimit");
	live(f, 10 * HOUR_MS);
	assert_true(calls(f, "DescribeEnvLimit") - asked <= 62);       /* every ten minutes, not more */
	assert_int_equal(stage(f, ALICE), STAGE_SUSPENDED);
	cloud_faults(f->p->cloud, "{}");
	live(f, HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	assert_int_equal(left_of(f, ALICE), 0);
}

/* --- what cannot be given back ----------------------------------------------------------------------------------------- */

static void a_server_that_cannot_be_given_back(void **state)
{
	struct firm *f = *state;
	f->p->profile.bundle = "bundle_gen_lin_2c4g";
	f->p->settings.cloud.driver.isolation_ms = 0;
	two_at_work(f);
	live(f, 8 * DAY_MS);
	leaves(f, ALICE, "alice");
	live(f, DAY_MS + 2 * HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	for (int day = 0; day < 10; day++) {
		const struct found now = found(f->p, ALICE);
		char last[TIME_TEXT], words[TIME_TEXT];
		assert_int_equal(left_of(f, ALICE), 2);                /* the server, and the user who goes last */
		assert_string_equal(now.server_state, "STOPPED");
		assert_true(now.server_expires_ms > f->p->cloud->v.now_ms);
		str_time_ldap(now.server_expires_ms, last);
		str_time(now.server_expires_ms, words);
		assert_string_equal(shown(f, ALICE, OWN_STAGE), "retiring");
		assert_string_equal(shown(f, ALICE, OWN_RETIRE_AFTER), last);
		assert_non_null(strstr(shown(f, ALICE, OWN_NOTE), "cannot be given back"));
		assert_non_null(strstr(shown(f, ALICE, OWN_NOTE), words));
		live(f, DAY_MS);
	}
	live(f, found(f->p, ALICE).server_expires_ms - f->p->cloud->v.now_ms + 2 * HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
	assert_string_equal(shown(f, ALICE, OWN_STAGE), "retired");
	assert_string_equal(shown(f, ALICE, OWN_NOTE), "");
	assert_int_equal(calls(f, "IsolateInstances"), 0);
	assert_int_equal(f->blind_calls, 0);
}

static void an_environment_with_an_invoice(void **state)
{
	struct firm *f = *state;
	f->p->settings.cloud.driver.isolation_ms = 0;
	two_at_work(f);
	leaves(f, ALICE, "alice");
	cloud_faults(f->p->cloud, "{\"rules\":[{\"action\":\"DestroyEnv\",\"kind\":\"error\","
		"\"code\":\"ResourceUnavailable.InvoiceAmountLack\",\"every\":1}]}");
	live(f, DAY_MS + 2 * HOUR_MS);
	assert_int_equal(stage(f, ALICE), STAGE_RETIRED);
	assert_string_equal(shown(f, ALICE, OWN_STAGE), "retiring");
	assert_non_null(strstr(shown(f, ALICE, OWN_NOTE), "an invoice was issued"));
	assert_non_null(strstr(shown(f, ALICE, OWN_NOTE), "paid until 20"));
	assert_int_equal(calls(f, "DeleteUser"), 0);
	cloud_faults(f->p->cloud, "{}");
	live(f, DAY_MS + HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
	assert_string_equal(shown(f, ALICE, OWN_NOTE), "");
}

int main(void)
{
	atexit(unit_remove_folder);
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : (enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		FIRM(a_life_to_its_end), FIRM(somebody_who_is_gone), cmocka_unit_test(nothing_begins_in_doubt),
		cmocka_unit_test(nothing_goes_on_in_doubt), FIRM(who_becomes_protected_halfway), FIRM(who_returns_halfway),
		FIRM(who_returns_protected_halfway), FIRM(the_others_wait_for_tomorrow),
		FIRM(the_cloud_lets_no_more), FIRM(a_server_that_cannot_be_given_back), FIRM(an_environment_with_an_invoice),
	};
	cmocka_set_test_filter(getenv("ONLY_TEST"));
	return cmocka_run_group_tests_name("retire", tests, NULL, NULL);
}
