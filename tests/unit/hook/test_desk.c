/* The desk over a real socket: what is answered, and who may ask what. */
#include "hall.h"

#include "cloud/api.h"

/* --- answers -------------------------------------------------------------------------------------------------- */

static void status_counts_people(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(json_int_or(a.body, "people", -1), 2);
	assert_int_equal(json_int_or(a.body, "stages.joining", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.active", -1), 0);
	assert_int_equal(json_int_or(a.body, "troubled", -1), 0);
	assert_string_equal(json_text(a.body, "health.cloud"), "ready");
	assert_string_equal(json_text(a.body, "version"), ROLLCALL_VERSION);
	/* An older generation counts while it is taken down, and the person is not counted for it afterwards. */
	struct store_account old = h->account;
	old.stage = STAGE_RETIRED;
	assert_int_equal(store_account_news(h->f.store, &old, &e), 0);
	struct store_account second = fixture_account(&h->f, &h->alice, STAGE_SUSPENDED);
	a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "stages.retiring", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.suspended", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.joining", -1), 0);
	struct store_account taken;
	int64_t due;
	old.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &old, &e), 0);
	assert_int_equal(store_take(h->f.store, ~0u, 1, h->f.a, &taken, &due, &e), 0);
	taken.complete = true;
	taken.due_ms = INT64_MAX;
	assert_int_equal(store_give_back(h->f.store, &taken, 1, &e), 0);
	a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "stages.retiring", -1), 0);
	assert_int_equal(json_int_or(a.body, "stages.retired", -1), 0);
	assert_int_equal(json_int_or(a.body, "stages.suspended", -1), 1);
	assert_int_equal(second.generation, 2);
}

static void fail_walk(struct hall *h, int kind, const char *text)
{
	struct store_account taken;
	struct err e = { 0 };
	int64_t due;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	assert_int_equal(store_take(h->f.store, ~0u, 1, h->f.a, &taken, &due, &e), 0);
	taken.trouble_kind = kind;
	taken.trouble = arena_strdup(h->f.a, text);
	taken.attempts = kind == ERR_WAIT ? 0 : 3;
	taken.due_ms = h->f.v.now_ms + 65000;
	assert_int_equal(store_give_back(h->f.store, &taken, 1, &e), 0);
}

static void status_lists_who_is_in_trouble(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	/* What is being built is no trouble. */
	fail_walk(h, ERR_WAIT, "the environment is being built");
	assert_int_equal(json_int_or(ask(h, WIRE_STATUS, NULL).body, "troubled", -1), 0);
	fail_walk(h, ERR_PERM, "the name was refused");
	h->bob.note = arena_strdup(h->f.a, "waits: the login name is taken");
	h->bob.weak_since_ms = h->f.v.now_ms;
	h->bob.signal = SIGNAL_ABSENT;
	assert_int_equal(store_person_put(h->f.store, &h->bob, &e), 0);
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "troubled", -1), 2);
	assert_string_equal(json_text(a.body, "trouble[0].login"), "alice");
	assert_string_equal(json_text(a.body, "trouble[0].trouble"), "the name was refused");
	assert_string_equal(json_text(a.body, "trouble[0].trouble_kind"), "perm");
	assert_int_equal(json_int_or(a.body, "trouble[0].attempts", 0), 3);
	assert_string_equal(json_text(a.body, "trouble[1].login"), "bob");
	assert_string_equal(json_text(a.body, "trouble[1].note"), "waits: the login name is taken");
	assert_string_equal(json_text(a.body, "trouble[1].stage"), "none");
	assert_string_equal(json_text(a.body, "waiting[0].login"), "bob");
	assert_string_equal(json_text(a.body, "waiting[0].signal"), "absent");
	/* A note and a failure of one person are one line. */
	h->alice.note = arena_strdup(h->f.a, "note");
	assert_int_equal(store_person_put(h->f.store, &h->alice, &e), 0);
	assert_int_equal(json_int_or(ask(h, WIRE_STATUS, NULL).body, "troubled", -1), 2);
}

static void leaver(struct hall *h, unsigned generation, int64_t changed_ms, int64_t took_ms)
{
	struct err e = { 0 };
	struct store_offboarding o = { .generation = generation, .changed_ms = changed_ms, .seen_ms = h->f.v.now_ms,
		.cut_ms = h->f.v.now_ms + 1, .refused_ms = took_ms ? h->f.v.now_ms + took_ms : 0 };
	str_copy(o.uuid, sizeof(o.uuid), ALICE);
	assert_int_equal(store_offboarding_put(h->f.store, &o, &e), 0);
}

static void status_says_how_long_leaving_takes(void **state)
{
	struct hall *h = *state;
	int64_t now = h->f.v.now_ms;
	need_root();
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "offboarding.measured", -1), 0);
	assert_false(json_has(a.body, "offboarding.p50_ms"));
	/* 200 durations: 5, 10 ... 1000 ms. */
	for (unsigned i = 200; i > 0; i--)
		leaver(h, i, now, i * 5);
	leaver(h, 201, 0, 7000);
	leaver(h, 202, now, 0);
	a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "offboarding.measured", -1), 200);
	assert_int_equal(json_int_or(a.body, "offboarding.p50_ms", -1), 500);
	assert_int_equal(json_int_or(a.body, "offboarding.p95_ms", -1), 950);
	assert_int_equal(json_int_or(a.body, "offboarding.p99_ms", -1), 990);
	assert_int_equal(json_int_or(a.body, "offboarding.max_ms", -1), 1000);
	assert_int_equal(json_int_or(a.body, "offboarding.no_moment_of_change", -1), 1);
	assert_int_equal(json_int_or(a.body, "offboarding.not_refused_yet", -1), 1);
	assert_int_equal(json_int_or(a.body, "offboarding.not_proved", -1), 0);
}

static void status_names_whose_access_is_not_taken_away(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	assert_int_equal(json_int_or(ask(h, WIRE_STATUS, NULL).body, "stuck", -1), 0);
	h->account.stage = STAGE_SUSPENDED;
	h->account.lane = LANE_REVOKE;
	h->account.since_ms = h->f.v.now_ms - STORE_STUCK_MS - 1;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "stuck", -1), 1);
	assert_string_equal(json_text(a.body, "stuck_people[0].login"), "alice");
}

static const struct json *brake_of(const struct json *body, const char *brake, const char *window)
{
	for (const struct json *b = json_first(json_get(body, "brakes")); b; b = json_next(b))
		if (str_eq(json_text(b, "brake"), brake) && str_eq(json_text(b, "window"), window))
			return b;
	fail_msg("there is no brake \"%s\" of a %s", brake, window);
	return NULL;
}

static void status_says_what_the_brakes_let_through(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	struct store *s = h->f.store;
	int64_t now = h->f.v.now_ms;
	need_root();
	h->f.settings.life.departures_hour = 1;
	h->f.settings.life.departures_percent = 250;      /* of one */
	h->f.settings.life.departures_day = 15;
	h->f.settings.life.joins_hour = 0;
	h->f.settings.life.retirements_day = 20;
	h->account.stage = STAGE_ACTIVE;
	h->account.due_ms = INT64_MAX;
	assert_int_equal(store_account_news(s, &h->account, &e), 0);
	assert_int_equal(store_act_add(s, ACT_KIND_DEPARTURE, ALICE, "", now - 1000, 0, &e), 0);
	assert_int_equal(store_act_add(s, ACT_KIND_DEPARTURE, BOB, "", now - 2 * 3600 * 1000, 0, &e), 0);
	assert_int_equal(store_act_add(s, ACT_KIND_JOIN, ALICE, "", now - 1000, 1990, &e), 0);
	struct store_frozen row = { .kind = FROZEN_DEPARTURE, .branch = (char *)"", .why = (char *)"why" };
	str_copy(row.uuid, sizeof(row.uuid), BOB);
	assert_int_equal(store_frozen_put(s, &row, now, h->f.a, NULL, &e), 0);
	const struct json *body = ask(h, WIRE_STATUS, NULL).body, *b = brake_of(body, "departures", "hour");
	assert_int_equal(json_int_or(b, "through", -1), 1);
	assert_int_equal(json_int_or(b, "held_back", -1), 1);
	assert_int_equal(json_int_or(b, "limit", -1), 2);
	b = brake_of(body, "departures", "day");
	assert_int_equal(json_int_or(b, "through", -1), 2);
	assert_int_equal(json_int_or(b, "limit", -1), 15);
	b = brake_of(body, "joins", "hour");
	assert_int_equal(json_int_or(b, "through", -1), 1);
	assert_false(json_has(b, "limit"));
	assert_int_equal(json_int_or(brake_of(body, "money (fen)", "day"), "through", -1), 1990);
	assert_int_equal(json_int_or(brake_of(body, "retirements", "day"), "limit", -1), 20);
	assert_int_equal(json_int_or(brake_of(body, "holds by alarm", "hour"), "through", -1), 0);
}

static void show_tells_everything_of_one_person(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct found found = fixture_found(&h->f);
	struct store_account taken;
	int64_t due;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	assert_int_equal(store_take(h->f.store, ~0u, 1, h->f.a, &taken, &due, &e), 0);
	struct store_intent intent = { .account_id = taken.id, .row = ROW_ENV, .action = ACT_CREATE_ENV, .attempt = 1 };
	assert_int_equal(store_intent_open(h->f.store, 1, &intent, &e), 0);
	assert_int_equal(store_found_put(h->f.store, taken.id, found_print(&found, h->f.a), &e), 0);
	struct store_letter letter = { .account_id = taken.id, .payload = arena_strdup(h->f.a, "{}"), .due_ms = h->f.v.now_ms };
	str_copy(letter.uuid, sizeof(letter.uuid), ALICE);
	str_copy(letter.digest, sizeof(letter.digest), "d");
	assert_int_equal(store_letter_put(h->f.store, &letter, &e), 0);
	struct answer a = ask(h, WIRE_SHOW, "alice");
	assert_int_equal(a.status, WIRE_OK);
	const struct { const char *path, *value; } rows[] = { { "person.uuid", ALICE }, { "person.login", "alice" },
		{ "person.signal", "entitled" }, { "person.mail", "alice@example.org" }, { "accounts[0].stage", "joining" },
		{ "accounts[0].placement.user_name", fixture_user(&h->f, &h->account) }, { "accounts[0].found.env_id", "rc-env-1" },
		{ "accounts[0].intents[0].row", "env" }, { "accounts[0].intents[0].action", "CreateEnv" },
		{ "accounts[0].letter.state", "pending" } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_eq(json_text(a.body, rows[i].path), rows[i].value))
			fail_msg("%s is not \"%s\" in %s", rows[i].path, rows[i].value, json_print_pretty(h->f.a, a.body));
	}
	assert_true(json_bool_or(a.body, "accounts[0].in_hand", false));
	assert_int_equal(json_int_or(a.body, "person.uid_number", 0), 5001);
	/* By UUID it is the same, and older generations come first. */
	fixture_account(&h->f, &h->alice, STAGE_ACTIVE);
	a = ask(h, WIRE_SHOW, ALICE);
	assert_int_equal(json_count(json_get(a.body, "accounts")), 2);
	assert_int_equal(json_int_or(a.body, "accounts[0].generation", 0), 1);
	assert_int_equal(json_int_or(a.body, "accounts[1].generation", 0), 2);
	a = ask(h, WIRE_SHOW, "bob");
	assert_int_equal(json_count(json_get(a.body, "accounts")), 0);
}

static const struct json *reason(const struct json *body, const char *about, const char *part)
{
	for (const struct json *w = json_first(json_get(body, "why")); w; w = json_next(w))
		if (str_eq(json_text(w, "about"), about) && strstr(json_text(w, "text"), part))
			return w;
	return NULL;
}

static void must_say(const struct json *body, const char *about, const char *part)
{
	if (!reason(body, about, part))
		fail_msg("nothing about \"%s\" says \"%s\"", about, part);
}

static void show_says_why(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	int64_t now = h->f.v.now_ms;
	need_root();
	h->alice.signal = SIGNAL_DISABLED;
	h->alice.reason = arena_strdup(h->f.a, "disabled: employeeType=left");
	h->alice.csn = arena_strdup(h->f.a, "20261128000000.000001Z#1");
	h->alice.signal_ms = now - 5000;
	assert_int_equal(store_person_put(h->f.store, &h->alice, &e), 0);
	h->account.stage = STAGE_SUSPENDED;
	h->account.since_ms = h->account.cut_ms = now - 4000;
	h->account.cut_strong = true;
	h->account.cut_csn = h->alice.csn;
	h->account.retire_after_ms = now + 86400000;
	fail_walk(h, ERR_PERM, "the right is missing");
	struct answer a = ask(h, WIRE_SHOW, "alice");
	must_say(a.body, "directory", "disabled, which acts at once: disabled: employeeType=left");
	must_say(a.body, "source", "change number 20261128000000.000001Z#1");
	must_say(a.body, "account 1", "suspended, by a present value, change number 20261128000000.000001Z#1");
	must_say(a.body, "account 1", "3 failures in a row, the last one perm: the right is missing");
	assert_true(json_has(reason(a.body, "account 1", "grace: "), "until"));
	assert_null(reason(a.body, "account 1", "held"));
	assert_null(reason(a.body, "held back", ""));
	h->account.retire_after_ms = now - 1;
	h->account.hold_reason = arena_strdup(h->f.a, "laptop stolen");
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	a = ask(h, WIRE_SHOW, "alice");
	must_say(a.body, "account 1", "grace is over");
	must_say(a.body, "account 1", "held until somebody resumes him: laptop stolen");
	h->account.hold_reason = arena_strdup(h->f.a, "parked: idle");
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	a = ask(h, WIRE_SHOW, "alice");
	must_say(a.body, "account 1", "held until his next login here: parked: idle");
}

#define DAY_MS INT64_C(86400000)

static void who_was_here_last_and_whose_key_is_idle(void **state)
{
	struct hall *h = *state;
	struct err e;
	int64_t now = h->f.v.now_ms;
	struct store_watch w = { .since_ms = now - 100 * DAY_MS, .used_ms = now - 95 * DAY_MS, .asked_ms = now - DAY_MS };
	need_root();
	struct answer a = ask(h, WIRE_SHOW, "alice");
	assert_false(json_has(a.body, "person.last_login") || json_has(a.body, "person.key_used"));
	h->account.since_ms = now - 200 * DAY_MS;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	assert_int_equal(store_watch_put(h->f.store, h->account.id, &w, &e), 0);
	assert_int_equal(store_login_put(h->f.store, ALICE, now - 93 * DAY_MS, &e), 0);
	a = ask(h, WIRE_SHOW, "alice");
	assert_true(json_has(a.body, "person.last_login") && json_has(a.body, "person.key_used"));
	assert_string_equal(json_text(a.body, "person.idle_since"), json_text(a.body, "person.last_login"));
	/* Nobody looks, nothing is told. */
	a = ask(h, WIRE_STATUS, NULL);
	assert_false(json_has(a.body, "dormant"));
	static const struct { int days; int64_t listed; } rows[] = { { 94, 0 }, { 93, 1 }, { 90, 1 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		h->f.settings.life.dormant_ms = rows[i].days * DAY_MS;
		a = ask(h, WIRE_STATUS, NULL);
		assert_int_equal(json_int_or(a.body, "dormant", -1), rows[i].listed);
		assert_int_equal(json_count(json_get(a.body, "dormant_people")), rows[i].listed);
		assert_int_equal(json_int_or(a.body, "dormant_watched", -1), 1);
	}
	assert_string_equal(json_text(a.body, "dormant_people[0].login"), "alice");
	assert_string_equal(json_text(a.body, "dormant_people[0].next"), "stays");
	/* Not asked about lately: nothing is known. */
	w.asked_ms = now - 6 * DAY_MS;
	assert_int_equal(store_watch_put(h->f.store, h->account.id, &w, &e), 0);
	a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "dormant", -1), 0);
}

static void show_says_what_holds_him_back(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	int64_t now = h->f.v.now_ms;
	need_root();
	h->bob.signal = SIGNAL_ABSENT;
	h->bob.weak_since_ms = now - 1000;
	assert_int_equal(store_person_put(h->f.store, &h->bob, &e), 0);
	struct store_frozen row = { .kind = FROZEN_DEPARTURE, .branch = (char *)"", .why = (char *)"more within an hour" };
	str_copy(row.uuid, sizeof(row.uuid), BOB);
	assert_int_equal(store_frozen_put(h->f.store, &row, now, h->f.a, NULL, &e), 0);
	struct answer a = ask(h, WIRE_SHOW, BOB);
	must_say(a.body, "directory", "absent, which must be confirmed");
	must_say(a.body, "waits", "a weak sign");
	must_say(a.body, "account", "none");
	/* The hash is the one that is shown by plan. */
	const char *hash = json_text(ask(h, WIRE_PLAN, NULL).body, "frozen[0].hash");
	assert_non_null(hash);
	must_say(a.body, "held back", arena_printf(h->f.a, "more within an hour; list %s waits", hash));
}

static void nobody_and_two_people_are_told_apart(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask(h, WIRE_SHOW, "nobody");
	assert_int_equal(a.status, WIRE_ABSENT);
	assert_true(*a.text);
	a = ask(h, WIRE_SHOW, CAROL);
	assert_int_equal(a.status, WIRE_ABSENT);
	fixture_person(&h->f, CAROL, "alice", 5003);
	a = ask(h, WIRE_SHOW, "alice");
	assert_int_equal(a.status, WIRE_AMBIGUOUS);
	assert_int_equal(ask(h, WIRE_SHOW, CAROL).status, WIRE_OK);
	/* A name is no wildcard and no SQL. */
	assert_int_equal(ask(h, WIRE_SHOW, "%").status, WIRE_ABSENT);
	assert_int_equal(ask(h, WIRE_SHOW, "' OR 1=1 --").status, WIRE_ABSENT);
}

static void the_queue_is_sorted_by_urgency(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	assert_int_equal(json_int_or(ask(h, WIRE_PLAN, NULL).body, "queued", -1), 0);
	h->account.lane = LANE_JOIN;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	struct store_account bobs = fixture_account(&h->f, &h->bob, STAGE_SUSPENDED);
	bobs.lane = LANE_REVOKE;
	bobs.due_ms = h->f.v.now_ms + 5000;
	assert_int_equal(store_account_news(h->f.store, &bobs, &e), 0);
	struct store_person carol = fixture_person(&h->f, CAROL, "carol", 5003);
	struct store_account carols = fixture_account(&h->f, &carol, STAGE_ACTIVE);
	carols.lane = LANE_AUDIT;
	carols.due_ms = h->f.v.now_ms + 5000;
	assert_int_equal(store_account_news(h->f.store, &carols, &e), 0);
	struct answer a = ask(h, WIRE_PLAN, NULL);
	assert_int_equal(json_int_or(a.body, "queued", -1), 2);
	assert_string_equal(json_text(a.body, "queue[0].login"), "bob");
	assert_string_equal(json_text(a.body, "queue[0].lane"), "revoke");
	assert_string_equal(json_text(a.body, "queue[0].stage"), "suspended");
	assert_string_equal(json_text(a.body, "queue[1].login"), "alice");
	assert_string_equal(json_text(a.body, "queue[1].reason"), "entitled: objectClass=inetOrgPerson");
	/* An audit is in it once it is due. */
	h->f.v.now_ms += 6000;
	assert_int_equal(json_int_or(ask(h, WIRE_PLAN, NULL).body, "queued", -1), 3);
}

/* What will be deleted, by date, whether its grace still runs or is over. */
static void the_plan_shows_what_cannot_be_undone(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	char when[TIME_TEXT];
	need_root();
	assert_int_equal(json_int_or(ask(h, WIRE_PLAN, NULL).body, "retirements_ahead", -1), 0);
	h->account.stage = STAGE_SUSPENDED;
	h->account.retire_after_ms = h->f.v.now_ms + 86400000;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	struct store_account bobs = fixture_account(&h->f, &h->bob, STAGE_SUSPENDED);
	bobs.retire_after_ms = h->f.v.now_ms - 1000;
	assert_int_equal(store_account_news(h->f.store, &bobs, &e), 0);
	const struct json *body = ask(h, WIRE_PLAN, NULL).body;
	assert_int_equal(json_int_or(body, "retirements_ahead", -1), 2);
	assert_int_equal(json_count(json_get(body, "retirements")), 2);
	assert_string_equal(json_text(body, "retirements[0].login"), "bob");
	assert_string_equal(json_text(body, "retirements[1].login"), "alice");
	assert_string_equal(json_text(body, "retirements[1].rated"), "irreversible");
	str_time(h->account.retire_after_ms, when);
	assert_string_equal(json_text(body, "retirements[1].retire_after"), when);
	/* Of the protected nothing is. */
	h->alice.is_protected = true;
	assert_int_equal(store_person_put(h->f.store, &h->alice, &e), 0);
	body = ask(h, WIRE_PLAN, NULL).body;
	assert_int_equal(json_int_or(body, "retirements_ahead", -1), 1);
	assert_int_equal(json_count(json_get(body, "retirements")), 1);
}

static void a_plan_of_one_person_is_looked_up(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask(h, WIRE_PLAN, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_string_equal(json_text(a.body, "plan[0].row"), "key");
	assert_string_equal(json_text(a.body, "plan[0].uuid"), ALICE);
	assert_string_equal(json_text(a.body, "stage"), "joining");
	a = ask(h, WIRE_PLAN, "bob");
	assert_int_equal(a.status, WIRE_ABSENT);
	check_has(a.text, "nothing is planned for \"bob\"");
	/* A limit is waited for, but not for ever. */
	h->plan_limits = 3;
	assert_int_equal(ask(h, WIRE_PLAN, "alice").status, WIRE_OK);
	h->plan_limits = 100000;
	a = ask(h, WIRE_PLAN, "alice");
	assert_int_equal(a.status, WIRE_FAILED);
	check_has(a.text, "rate limit");
	h->plan_limits = 0;
	h->plan_fails = 1;
	a = ask(h, WIRE_PLAN, "alice");
	assert_int_equal(a.status, WIRE_FAILED);
	check_has(a.text, "the cloud did not answer");
}

static void sealed_values_are_handed_out_and_recorded(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct answer a = ask(h, WIRE_SEALED, "alice");
	assert_int_equal(a.status, WIRE_ABSENT);
	check_has(a.text, "nothing was handed out");
	struct store_letter letter = { .account_id = h->account.id, .due_ms = h->f.v.now_ms,
		.payload = arena_strdup(h->f.a, "{\"rollcallUin\":\"9\",\"rollcallStage\":\"active\","
			"\"rollcallKeyId\":\"K\",\"rollcallSealedKey\":\"AAAA\"}") };
	str_copy(letter.uuid, sizeof(letter.uuid), ALICE);
	str_copy(letter.digest, sizeof(letter.digest), "d");
	assert_int_equal(store_letter_put(h->f.store, &letter, &e), 0);
	a = ask_as(h, 5001, WIRE_SEALED, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_string_equal(json_text(a.body, "uuid"), ALICE);
	assert_string_equal(json_text(a.body, "rollcallSealedKey"), "AAAA");
	assert_string_equal(json_text(a.body, "rollcallKeyId"), "K");
	assert_false(json_has(a.body, "rollcallStage"));
	assert_int_equal(evidence_lines(h, "secret"), 0);
	a = ask(h, WIRE_SEALED, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(evidence_lines(h, "secret"), 1);
	a = ask_as(h, 5002, WIRE_SEALED, "alice");
	is_refused(&a);
}

static void a_long_answer_comes_in_several_packets(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	char *reason = arena_alloc(h->f.a, 901);
	memset(reason, 'r', 900);
	assert_int_equal(store_begin(h->f.store, &e), 0);
	for (int i = 0; i < 700; i++) {
		struct store_person p = fixture_person(&h->f, arena_printf(h->f.a, "00000000-0000-4000-8000-%012d", i + 1000),
			arena_printf(h->f.a, "p%d", i), 7000 + i);
		p.reason = reason;
		assert_int_equal(store_person_put(h->f.store, &p, &e), 0);
		struct store_account acc = fixture_account(&h->f, &p, STAGE_ACTIVE);
		acc.due_ms = h->f.v.now_ms;
		assert_int_equal(store_account_news(h->f.store, &acc, &e), 0);
	}
	assert_int_equal(store_commit(h->f.store, &e), 0);
	struct answer a = ask(h, WIRE_PLAN, NULL);
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(json_int_or(a.body, "queued", 0), 700);
	assert_int_equal(json_count(json_get(a.body, "queue")), 500);
	assert_true(a.packets > 8);
	/* Whoever asks and does not read is given up, and holds up nobody meanwhile. */
	unsigned char packet[64];
	struct wire_out o;
	int fd = connect_as(h, 0, 0, 0, NULL);
	wire_request(&o, packet, sizeof(packet), WIRE_PLAN);
	assert_int_equal(wire_send(fd, packet, wire_end(&o)), 0);
	int64_t before = wire_now_ms();
	assert_int_equal(ask(h, WIRE_STATUS, NULL).status, WIRE_OK);
	assert_true(wire_now_ms() - before < 1500);
	poll(NULL, 0, 2600);
	assert_int_equal(take_answer(h, fd, &a), -1);
	close(fd);
}

/* --- who may ask ------------------------------------------------------------------------------------------------ */

static void everybody_may_ask_about_himself_only(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask_as(h, 5001, WIRE_SHOW, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(ask_as(h, 5001, WIRE_SHOW, ALICE).status, WIRE_OK);
	const struct { uid_t uid; enum wire_action action; const char *name; } rows[] = {
		{ 5002, WIRE_SHOW, "alice" }, { 5001, WIRE_SHOW, "bob" }, { STRANGER, WIRE_SHOW, "alice" }, { STRANGER, WIRE_SHOW, "nobody" },
		{ 5001, WIRE_STATUS, NULL }, { 5001, WIRE_PLAN, NULL }, { 5001, WIRE_PLAN, "alice" }, { 5002, WIRE_SEALED, "alice" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		a = ask_as(h, rows[i].uid, rows[i].action, rows[i].name);
		is_refused(&a);
	}
	assert_int_equal(evidence_lines(h, "refused"), ARRAY_LEN(rows));
	/* Whether somebody exists cannot be told from the answer. */
	struct answer there = ask_as(h, STRANGER, WIRE_SHOW, "alice"), not = ask_as(h, STRANGER, WIRE_SHOW, "nobody");
	assert_string_equal(there.text, not.text);
	assert_int_equal(h->plans, 0);
}

static void uids_that_name_nobody_match_nobody(void **state)
{
	struct hall *h = *state;
	need_root();
	const struct { int64_t stored; uid_t asks; } rows[] = { { 65534, 65534 }, { -1, 65534 }, { -1, STRANGER },
		{ (int64_t)5001 + (1LL << 32), 5001 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fixture_person(&h->f, CAROL, "carol", rows[i].stored);
		struct answer a = ask_as(h, rows[i].asks, WIRE_SHOW, "carol");
		is_refused(&a);
	}
}

static void a_shared_login_name_is_nobodys(void **state)
{
	struct hall *h = *state;
	need_root();
	fixture_person(&h->f, CAROL, "alice", 5003);
	struct answer a = ask_as(h, 5001, WIRE_SHOW, "alice");
	is_refused(&a);
	assert_int_equal(ask_as(h, 5001, WIRE_SHOW, ALICE).status, WIRE_OK);
}

static void the_admin_group_may_ask_everything(void **state)
{
	struct hall *h = *state;
	need_root();
	if (!h->group)
		skip();
	gid_t admin = h->group->gr_gid, many[200];
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = 30000 + (gid_t)i;
	/* As the primary group, among others, last of many; and not at all. */
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, admin, 0, NULL), WIRE_STATUS, NULL).status, WIRE_OK);
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, 6000, 1, &admin), WIRE_SHOW, "alice").status, WIRE_OK);
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, 6000, ARRAY_LEN(many), many), WIRE_STATUS, NULL).status, WIRE_REFUSED);
	many[ARRAY_LEN(many) - 1] = admin;
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, 6000, ARRAY_LEN(many), many), WIRE_STATUS, NULL).status, WIRE_OK);
}

static void refusals_cannot_fill_the_disk(void **state)
{
	struct hall *h = *state;
	need_root();
	for (int i = 0; i < 60; i++) {
		struct answer a = ask_as(h, STRANGER, WIRE_STATUS, NULL);
		is_refused(&a);
	}
	assert_int_equal(evidence_lines(h, "refused"), 20);
	/* Another user's are recorded all the same. */
	ask_as(h, 5002, WIRE_STATUS, NULL);
	assert_int_equal(evidence_lines(h, "refused"), 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HALL(status_counts_people), HALL(status_lists_who_is_in_trouble), HALL(status_says_how_long_leaving_takes),
		HALL(status_names_whose_access_is_not_taken_away), HALL(status_says_what_the_brakes_let_through),
		HALL(show_tells_everything_of_one_person), HALL(show_says_why), HALL(who_was_here_last_and_whose_key_is_idle),
		HALL(show_says_what_holds_him_back),
		HALL(nobody_and_two_people_are_told_apart),
		HALL(the_queue_is_sorted_by_urgency), HALL(the_plan_shows_what_cannot_be_undone),
		HALL(a_plan_of_one_person_is_looked_up),
		HALL(sealed_values_are_handed_out_and_recorded), HALL(a_long_answer_comes_in_several_packets),
		HALL(everybody_may_ask_about_himself_only), HALL(uids_that_name_nobody_match_nobody),
		HALL(a_shared_login_name_is_nobodys), HALL(the_admin_group_may_ask_everything),
		HALL(refusals_cannot_fill_the_disk),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
