/* The guard of what cannot be undone: each reason for which it is closed, by itself, and that it opens again. */
#include "store_fixture.h"

#include "hook/guard.h"

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

struct gate {
	struct fixture *f;
	struct settings settings;
	struct clock clock;
	int64_t now, mono;            /* two clocks: one can be set, one goes on */
	struct guard *guard;
};

static int64_t now_ms(void *ctx) { return ((struct gate *)ctx)->now; }
static int64_t mono_ms(void *ctx) { return ((struct gate *)ctx)->mono; }

static void goes_by(struct gate *g, int64_t ms)
{
	g->now += ms;
	g->mono += ms;
}

static void cloud_says(struct gate *g, int64_t skew_ms, int64_t left)
{
	guard_cloud_time(g->guard, g->now + skew_ms);
	guard_destroy_cap(g->guard, left);
}

static void begins(struct gate *g)
{
	guard_free(g->guard);
	g->guard = guard_new(&g->settings, g->f->store, &g->clock);
}

static int up(void **state)
{
	void *fixture = NULL;
	if (fixture_up(&fixture))
		return -1;
	struct gate *g = mem_alloc(sizeof(*g));
	g->f = fixture;
	g->now = NOW;
	g->mono = 5000;
	g->clock = (struct clock){ .ctx = g, .now_ms = now_ms, .mono_ms = mono_ms };
	g->settings.life.retirements_day = 3;
	begins(g);
	cloud_says(g, 0, INT64_MAX);
	*state = g;
	return 0;
}

static int down(void **state)
{
	struct gate *g = *state;
	void *fixture = g->f;
	guard_free(g->guard);
	free(g);
	return fixture_down(&fixture);
}

static void is_open(struct gate *g)
{
	const char *why;
	if (!guard_is_sound(g->guard, g->f->arena, &why) || !guard_lets_retire(g->guard, true, g->f->arena, &why))
		fail_msg("closed: %s", why);
}

/* For new retirements; both: for what is under way, too. */
static void is_closed(struct gate *g, bool both, const char *part)
{
	const char *why = NULL;
	assert_false(guard_lets_retire(g->guard, true, g->f->arena, &why));
	if (!strstr(why, part))
		fail_msg("\"%s\" is not in \"%s\"", part, why);
	assert_int_equal(guard_is_sound(g->guard, g->f->arena, &why), !both);
}

static void retires(struct gate *g, unsigned n)
{
	char uuid[UUID_TEXT];
	uuid_of(n, uuid);
	OK(store_act_add(g->f->store, ACT_KIND_RETIRE, uuid, "", g->now, 0, &g->f->e));
}

static void open_when_all_is_well(void **state)
{
	struct gate *g = *state;
	const char *why;
	is_open(g);
	assert_false(guard_lets_retire(g->guard, false, g->f->arena, &why));
	assert_non_null(strstr(why, "not believed"));
	is_open(g);
}

/* --- the clocks -------------------------------------------------------------------------------------------- */

static void a_jump_closes_for_an_hour(void **state)
{
	struct gate *g = *state;
	const char *what;
	static const int64_t jumps[] = { 2 * HOUR_MS, -2 * HOUR_MS, 90 * DAY_MS, MINUTE_MS + 1, -MINUTE_MS - 1 };
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		assert_false(guard_tick(g->guard, g->f->arena, &what));
		g->now += jumps[i];
		is_closed(g, true, jumps[i] > 0 ? "jumped forward" : "jumped back");
		assert_true(guard_tick(g->guard, g->f->arena, &what));
		assert_false(guard_tick(g->guard, g->f->arena, &what));       /* told once */
		cloud_says(g, 0, INT64_MAX);
		is_closed(g, true, "jumped");
		goes_by(g, HOUR_MS - 1);
		cloud_says(g, 0, INT64_MAX);
		is_closed(g, true, "jumped");
		goes_by(g, 1);
		cloud_says(g, 0, INT64_MAX);
		is_open(g);
	}
}

/* A clock that is slewed, or stands still with the machine's sleep for a moment, has not jumped. */
/* What was due by a clock that was ahead moves back with it, until the store knows; forward there is nothing to move. */
static void how_far_it_was_set_back(void **state)
{
	struct gate *g = *state;
	const char *what;
	assert_int_equal(guard_set_back(g->guard), 0);
	g->now += 2 * HOUR_MS;
	assert_true(guard_tick(g->guard, g->f->arena, &what));
	assert_int_equal(guard_set_back(g->guard), 0);
	g->now -= 2 * HOUR_MS;
	assert_true(guard_tick(g->guard, g->f->arena, &what));
	g->now -= HOUR_MS;
	assert_true(guard_tick(g->guard, g->f->arena, &what));
	assert_int_equal(guard_set_back(g->guard), 3 * HOUR_MS);
	guard_settled(g->guard, 3 * HOUR_MS);
	assert_int_equal(guard_set_back(g->guard), 0);
}

static void how_long_it_has_not_jumped(void **state)
{
	struct gate *g = *state;
	assert_true(guard_unbroken_ms(g->guard) == 0);
	goes_by(g, HOUR_MS);
	assert_true(guard_unbroken_ms(g->guard) == HOUR_MS);
	g->now += GUARD_STEP_MS + 1;
	assert_true(guard_unbroken_ms(g->guard) == 0);
	goes_by(g, HOUR_MS);
	assert_true(guard_unbroken_ms(g->guard) == HOUR_MS);
	g->now -= HOUR_MS;
	assert_true(guard_unbroken_ms(g->guard) == 0);
}

static struct store_account kept(struct fixture *f, const struct store_account *a)
{
	struct store_account out;
	OK(store_account_by_id(f->store, a->id, f->arena, &out, &f->e));
	return out;
}

static void what_is_due_moves_with_the_clock(void **state)
{
	struct fixture *f = ((struct gate *)*state)->f;
	struct store_account far = account_of(f, 1, LANE_REVOKE, NOW + 2 * HOUR_MS + 5), near = account_of(f, 2, LANE_AUDIT, NOW + MINUTE_MS),
			     past = account_of(f, 3, LANE_AUDIT, NOW - 5), never = account_of(f, 4, LANE_AUDIT, INT64_MAX);
	far.sweep_ms = NOW + 2 * HOUR_MS + 7;
	far.retire_after_ms = NOW + DAY_MS;
	OK(store_account_news(f->store, &far, &f->e));
	struct store_person p = person_of(2, f->arena), got;
	p.weak_since_ms = NOW + HOUR_MS;
	p.signal = SIGNAL_DUE;
	p.due_ms = NOW + 3 * HOUR_MS;        /* a date of the directory's */
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_clock_back(f->store, 2 * HOUR_MS, NOW, &f->e));
	assert_true(kept(f, &far).due_ms == NOW + 5 && kept(f, &far).sweep_ms == NOW + 7);
	assert_true(kept(f, &far).retire_after_ms == NOW + DAY_MS);
	assert_true(kept(f, &near).due_ms == NOW);
	assert_true(kept(f, &past).due_ms == NOW - 5);
	assert_true(kept(f, &never).due_ms == INT64_MAX);
	OK(store_person_get(f->store, p.uuid, f->arena, &got, &f->e));
	assert_true(got.weak_since_ms == NOW - HOUR_MS && got.due_ms == p.due_ms);
}

/* In a worker's hand while it was set back: what he decides by what he read does not undo it. */
static void who_is_in_hand_when_it_is_set_back(void **state)
{
	struct fixture *f = ((struct gate *)*state)->f;
	struct store_account a = account_of(f, 1, LANE_TIDY, NOW - 1), taken;
	int64_t due;
	a.sweep_ms = NOW + 3 * HOUR_MS + 7;
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_take(f->store, 1u << LANE_TIDY, 1, f->arena, &taken, &due, &f->e));
	assert_int_equal(taken.id, a.id);
	taken.due_ms = taken.sweep_ms;
	OK(store_clock_back(f->store, 3 * HOUR_MS, NOW, &f->e));
	OK(store_give_back(f->store, &taken, 1, &f->e));
	assert_true(kept(f, &a).sweep_ms == NOW + 7 && kept(f, &a).due_ms <= NOW + 7);
}

/* What is moved is what is looked for at the next start, or each start would see a jump. */
static void nothing_is_left_ahead(void **state)
{
	struct fixture *f = ((struct gate *)*state)->f;
	struct store_account a = account_of(f, 1, LANE_TIDY, NOW + HOUR_MS), rests = account_of(f, 2, LANE_AUDIT, INT64_MAX);
	struct store_person p = person_of(1, f->arena);
	int64_t when;
	p.signal_ms = NOW + HOUR_MS;
	OK(store_person_put(f->store, &p, &f->e));
	a.since_ms = a.cut_ms = rests.since_ms = NOW + HOUR_MS;
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_account_news(f->store, &rests, &f->e));
	OK(store_found_put(f->store, rests.id, arena_printf(f->arena, "{\"verified_ms\":[%lld]}", (long long)NOW + HOUR_MS), &f->e));
	OK(store_act_add(f->store, ACT_KIND_RETIRE, a.uuid, "", NOW + HOUR_MS, 0, &f->e));
	OK(store_newest(f->store, &when, &f->e));
	assert_true(when == NOW + HOUR_MS);
	OK(store_clock_back(f->store, HOUR_MS, NOW, &f->e));
	OK(store_newest(f->store, &when, &f->e));
	assert_true(when <= NOW);
}

/* What a walk wrote down by a clock that was ahead is not believed, but looked at again. */
static void who_was_walked_ahead_is_walked_again(void **state)
{
	static const struct { const char *found; bool ahead; } rows[] = {
		{ "{\"policy_id\":18446744073709551615,\"verified_ms\":[0,9000000000000]}", true },
		{ "{\"verified_ms\":[1,2]}", false }, { "{\"verified_ms\":[]}", false }, { "{\"verified_ms\":\"x\"}", false },
		{ "{\"uin\":1}", false }, { "", false }, { "{not JSON", false },
	};
	struct fixture *f = ((struct gate *)*state)->f;
	struct store_account list[ARRAY_LEN(rows)];
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		list[i] = account_of(f, (int)i + 1, LANE_AUDIT, NOW + DAY_MS);
		list[i].cut_ms = NOW + HOUR_MS;
		OK(store_account_news(f->store, &list[i], &f->e));
		OK(store_found_put(f->store, list[i].id, rows[i].found, &f->e));
	}
	OK(store_clock_back(f->store, 2 * HOUR_MS, NOW, &f->e));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(kept(f, &list[i]).due_ms, rows[i].ahead ? NOW : NOW + DAY_MS - 2 * HOUR_MS);
		assert_int_equal(kept(f, &list[i]).cut_ms, NOW - HOUR_MS);
		assert_string_equal(kept(f, &list[i]).found, rows[i].found);
	}
}

/* Approvals, what the brakes count, and whoever waits for a name: nothing of it holds longer than it should. */
static void brakes_and_approvals_move_with_the_clock(void **state)
{
	struct fixture *f = ((struct gate *)*state)->f;
	struct store_frozen row = { .kind = FROZEN_DEPARTURE, .branch = "", .why = "many" }, is;
	struct store_person p = person_of(1, f->arena), got;
	int64_t n;
	const int64_t ahead = 30 * DAY_MS, then = NOW + ahead - HOUR_MS;      /* an hour ago, by the clock that was ahead */
	p.signal = SIGNAL_ENTITLED;
	p.due_ms = then + MINUTE_MS;
	OK(store_person_put(f->store, &p, &f->e));
	str_copy(row.uuid, sizeof(row.uuid), p.uuid);
	OK(store_frozen_put(f->store, &row, then, f->arena, &is, &f->e));
	OK(store_frozen_decide(f->store, FROZEN_DEPARTURE, is.list_ms, FROZEN_APPROVED, then, &n, &f->e));
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, p.uuid, "", then, 0, &f->e));
	OK(store_clock_back(f->store, ahead, NOW, &f->e));
	OK(store_frozen_get(f->store, p.uuid, FROZEN_DEPARTURE, f->arena, &is, &f->e));
	assert_true(is.decided_ms == NOW - HOUR_MS && is.list_ms == NOW - HOUR_MS);
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, NOW - HOUR_MS + 1, &n, NULL, &f->e));
	assert_int_equal(n, 0);
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, NOW - HOUR_MS, &n, NULL, &f->e));
	assert_int_equal(n, 1);
	OK(store_person_get(f->store, p.uuid, f->arena, &got, &f->e));
	assert_true(got.due_ms == NOW);
}

/* Since when he is in his stage: the audit leaves alone who came into it after its listing began. */
static void a_stage_began_no_later_than_now(void **state)
{
	struct fixture *f = ((struct gate *)*state)->f;
	const int64_t ahead = 30 * DAY_MS, then = NOW + ahead - HOUR_MS;
	struct store_account a = account_of(f, 1, LANE_AUDIT, NOW + DAY_MS);
	struct store_offboarding figures = { .generation = a.generation, .seen_ms = then, .key_off_ms = then + 5, .cut_ms = then + 9 }, is;
	a.since_ms = then;
	OK(store_account_news(f->store, &a, &f->e));
	str_copy(figures.uuid, sizeof(figures.uuid), a.uuid);
	OK(store_offboarding_put(f->store, &figures, &f->e));
	OK(store_clock_back(f->store, ahead, NOW, &f->e));
	assert_true(kept(f, &a).since_ms == NOW - HOUR_MS);
	OK(store_offboarding_get(f->store, a.uuid, a.generation, &is, &f->e));
	assert_true(is.seen_ms == NOW - HOUR_MS && is.key_off_ms == NOW - HOUR_MS + 5 && is.cut_ms == NOW - HOUR_MS + 9);
	assert_true(is.refused_ms == 0 && is.console_off_ms == 0);
}

static void a_key_is_as_old_as_it_is(void **state)
{
	static const struct { int64_t made_ms, until_ms, by_ms, made_then_ms, until_then_ms; } rows[] = {
		{ NOW + HOUR_MS, NOW + DAY_MS, 3 * HOUR_MS, NOW - 2 * HOUR_MS, NOW + DAY_MS - 3 * HOUR_MS },
		{ NOW + 4 * HOUR_MS, 0, 3 * HOUR_MS, NOW, 0 }, { NOW, NOW + DAY_MS, HOUR_MS, NOW, NOW + DAY_MS },
	};
	struct fixture *f = ((struct gate *)*state)->f;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct found is, found = { .policy_id = UINT64_MAX, .key_created_ms = rows[i].made_ms, .old_key_until_ms = rows[i].until_ms };
		struct store_account a = account_of(f, (int)i + 1, LANE_AUDIT, NOW + DAY_MS);
		OK(store_found_put(f->store, a.id, found_print(&found, f->arena), &f->e));
		OK(store_clock_back(f->store, rows[i].by_ms, NOW, &f->e));
		OK(found_parse(kept(f, &a).found, f->arena, &is, &f->e));
		assert_true(is.key_created_ms == rows[i].made_then_ms && is.old_key_until_ms == rows[i].until_then_ms);
		assert_true(is.policy_id == UINT64_MAX);
	}
}

static void drift_is_no_jump(void **state)
{
	struct gate *g = *state;
	const char *what;
	for (int i = 0; i < 100; i++) {
		goes_by(g, 1000);
		g->now += MINUTE_MS / 2;
		assert_false(guard_tick(g->guard, g->f->arena, &what));
	}
	cloud_says(g, 0, INT64_MAX);
	is_open(g);
}

static void a_clock_behind_the_store(void **state)
{
	struct gate *g = *state;
	const char *what;
	account_of(g->f, 1, LANE_TIDY, NOW);       /* since NOW */
	g->now = NOW - MINUTE_MS;
	begins(g);
	cloud_says(g, 0, INT64_MAX);
	is_open(g);
	g->now = NOW - MINUTE_MS - 1;
	begins(g);
	cloud_says(g, 0, INT64_MAX);
	is_closed(g, true, "jumped back by");
	assert_true(guard_tick(g->guard, g->f->arena, &what));
	goes_by(g, HOUR_MS);
	cloud_says(g, 0, INT64_MAX);
	is_open(g);
}

static void the_clouds_time(void **state)
{
	struct gate *g = *state;
	static const int64_t far[] = { 5 * MINUTE_MS + 1, -5 * MINUTE_MS - 1, 40 * DAY_MS };
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		cloud_says(g, far[i], INT64_MAX);
		is_closed(g, true, "cloud's clock");
		cloud_says(g, i % 2 ? -5 * MINUTE_MS : 5 * MINUTE_MS, INT64_MAX);
		is_open(g);
	}
}

static void the_clouds_time_is_not_known(void **state)
{
	struct gate *g = *state;
	begins(g);
	is_closed(g, true, "not known");
	assert_true(guard_wants_look(g->guard));
	cloud_says(g, 0, INT64_MAX);
	is_open(g);
	goes_by(g, HOUR_MS + 1);
	guard_destroy_cap(g->guard, INT64_MAX);
	is_closed(g, true, "not known");
}

/* Nobody is asked for nothing; who asks in vain asks again after a minute. */
static void a_look_is_wanted_once_a_minute(void **state)
{
	struct gate *g = *state;
	const char *why;
	assert_false(guard_wants_look(g->guard));
	goes_by(g, 11 * MINUTE_MS);
	assert_false(guard_wants_look(g->guard));
	is_closed(g, false, "not known yet");
	assert_true(guard_wants_look(g->guard));
	assert_false(guard_wants_look(g->guard));
	is_closed(g, false, "not known yet");
	assert_false(guard_wants_look(g->guard));
	goes_by(g, MINUTE_MS);
	assert_false(guard_lets_retire(g->guard, true, g->f->arena, &why));
	assert_true(guard_wants_look(g->guard));
	(void)guard_was_answered(g->guard);
	assert_false(guard_was_answered(g->guard));
	guard_destroy_cap(g->guard, 5);
	assert_true(guard_was_answered(g->guard));
	assert_false(guard_was_answered(g->guard));
}

/* --- how many ---------------------------------------------------------------------------------------------- */

static void the_budget_of_a_day(void **state)
{
	struct gate *g = *state;
	for (unsigned i = 1; i <= 3; i++) {
		is_open(g);
		retires(g, i);
		goes_by(g, MINUTE_MS);
	}
	is_closed(g, false, "life.retirements_per_day");
	assert_false(guard_wants_look(g->guard));       /* the cloud need not be asked about it */
	goes_by(g, DAY_MS - 3 * MINUTE_MS);
	cloud_says(g, 0, INT64_MAX);
	is_closed(g, false, "life.retirements_per_day");
	goes_by(g, 1);
	cloud_says(g, 0, INT64_MAX);
	is_open(g);                                     /* one is a day old by now */
	retires(g, 4);
	is_closed(g, false, "life.retirements_per_day");
	g->settings.life.retirements_day = 0;
	goes_by(g, 2 * DAY_MS);
	cloud_says(g, 0, INT64_MAX);
	is_closed(g, false, "life.retirements_per_day");
}

static void the_clouds_own_limit(void **state)
{
	struct gate *g = *state;
	cloud_says(g, 0, 0);
	is_closed(g, false, "no further environment");
	cloud_says(g, 0, 2);
	is_open(g);
	retires(g, 1);                                  /* counted before the cloud can */
	goes_by(g, 1);
	is_open(g);
	retires(g, 2);
	goes_by(g, 1);
	is_closed(g, false, "no further environment");
	cloud_says(g, 0, 1);
	is_open(g);
}

/* --- the last look ------------------------------------------------------------------------------------------ */

static void a_look_is_asked_for_and_answered(void **state)
{
	struct gate *g = *state;
	char a[UUID_TEXT], b[UUID_TEXT], uuid[UUID_TEXT];
	const char *why = NULL;
	uuid_of(1, a);
	uuid_of(2, b);
	assert_false(guard_asked(g->guard, uuid));
	assert_int_equal(guard_last_look(g->guard, a, g->f->arena, &why), GUARD_ASKED);
	goes_by(g, 1);
	assert_int_equal(guard_last_look(g->guard, b, g->f->arena, &why), GUARD_ASKED);
	assert_true(guard_asked(g->guard, uuid));
	assert_string_equal(uuid, a);
	assert_int_equal(guard_last_look(g->guard, a, g->f->arena, &why), GUARD_ASKED);       /* being read */
	assert_true(guard_asked(g->guard, uuid));
	assert_string_equal(uuid, b);
	assert_false(guard_asked(g->guard, uuid));
	guard_answer(g->guard, a, NULL);
	guard_answer(g->guard, b, "he is there");
	assert_int_equal(guard_last_look(g->guard, a, g->f->arena, &why), GUARD_GONE);
	assert_int_equal(guard_last_look(g->guard, a, g->f->arena, &why), GUARD_GONE);
	assert_int_equal(guard_last_look(g->guard, b, g->f->arena, &why), GUARD_STAYS);
	assert_string_equal(why, "he is there");
	assert_int_equal(guard_last_look(g->guard, b, g->f->arena, &why), GUARD_ASKED);       /* and is read again */
	goes_by(g, GUARD_CONFIRMED_MS + 1);
	assert_int_equal(guard_last_look(g->guard, a, g->f->arena, &why), GUARD_ASKED);       /* old by now */
	assert_true(guard_asked(g->guard, uuid));
	assert_true(guard_asked(g->guard, uuid));
	assert_false(guard_asked(g->guard, uuid));
}

/* More than it can hold, all at once and again each second: everybody has his own answer in the end. */
static void many_ask(void **state)
{
	struct gate *g = *state;
	char uuid[UUID_TEXT], asked[UUID_TEXT];
	const char *why = NULL;
	bool served[401] = { false };
	int left = 400;
	for (int round = 0; round < 100 && left; round++) {
		for (unsigned i = 1; i <= 400; i++) {
			uuid_of(i, uuid);
			enum guard_look look = served[i] ? GUARD_ASKED : guard_last_look(g->guard, uuid, g->f->arena, &why);
			if (look == GUARD_ASKED)
				continue;
			assert_int_equal(look, i % 2 ? GUARD_GONE : GUARD_STAYS);
			served[i] = true;
			left--;
		}
		while (guard_asked(g->guard, asked))
			guard_answer(g->guard, asked, strtoul(asked, NULL, 16) % 2 ? NULL : "there");
		goes_by(g, 1000);
	}
	assert_int_equal(left, 0);
}

static void what_status_says(void **state)
{
	struct gate *g = *state;
	struct json *o = json_object(g->f->arena);
	guard_health(g->guard, g->f->arena, o);
	assert_string_equal(json_print(g->f->arena, o), "{\"retirements_today\":0,\"retirements_per_day\":3}");
	struct store_account a = account_of(g->f, 1, LANE_TIDY, NOW);
	a.stage = STAGE_SUSPENDED;
	a.retire_after_ms = NOW - 1000;
	OK(store_account_news(g->f->store, &a, &g->f->e));
	retires(g, 2);
	cloud_says(g, 0, 0);
	o = json_object(g->f->arena);
	guard_health(g->guard, g->f->arena, o);
	assert_int_equal(json_int_or(o, "retirements_today", -1), 1);
	assert_int_equal(json_int_or(o, "retirements_waiting", -1), 1);
	assert_int_equal(json_int_or(o, "destructions_left", -1), 0);
	assert_non_null(strstr(json_text(o, "retirements_closed"), "no further environment"));
	assert_string_equal(json_text(o, "retirements[0].login"), "user1");
	assert_string_equal(json_text(o, "retirements[0].retire_after"), "2025-11-24T15:59:59Z");
	goes_by(g, HOUR_MS);
	guard_health(g->guard, g->f->arena, json_object(g->f->arena));
	assert_false(guard_wants_look(g->guard));       /* whoever merely asks for status */
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		T(open_when_all_is_well), T(a_jump_closes_for_an_hour), T(how_far_it_was_set_back), T(how_long_it_has_not_jumped),
		T(what_is_due_moves_with_the_clock), T(who_was_walked_ahead_is_walked_again), T(who_is_in_hand_when_it_is_set_back),
		T(nothing_is_left_ahead),
		T(a_key_is_as_old_as_it_is), T(brakes_and_approvals_move_with_the_clock),
		T(a_stage_began_no_later_than_now), T(drift_is_no_jump), T(a_clock_behind_the_store),
		T(the_clouds_time), T(the_clouds_time_is_not_known), T(a_look_is_wanted_once_a_minute), T(the_budget_of_a_day),
		T(the_clouds_own_limit), T(a_look_is_asked_for_and_answered), T(many_ask), T(what_status_says),
	};
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
