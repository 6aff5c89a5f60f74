/* Leavers: when their access ended, the key that is called until it is refused, cuts that do not get on, evidence that
 * cannot be written. */
#include "tests/unit/hook/plant.h"

#define MINUTE_MS (60 * 1000LL)

struct works {
	struct plant *plant;
	int answers;               /* so many calls with a leaver's key are answered; -1: all */
	const char *refusal;       /* instead of an answer, this code; NULL: as if the key were good */
	int called;
	int64_t last_ms, shortest_ms;
	char key[64];              /* of the one who leaves */
};
static struct works works;         /* the transport has one context, and that is the plant's */

static bool has(const struct http_request *r, const char *part)
{
	for (size_t i = 0; *part && i < r->header_count; i++)
		if (strstr(r->headers[i], part))
			return true;
	return false;
}

/* A cloud in which a key that is switched off works on for a while. */
static int slow_exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	if (!has(r, "X-TC-Action: GetCallerIdentity") || !has(r, works.key))
		return exchange(t, r, a, out, e);
	int64_t now = works.plant->cloud->v.now_ms;
	if (works.called && now - works.last_ms < works.shortest_ms)
		works.shortest_ms = now - works.last_ms;
	works.last_ms = now;
	works.called++;
	if (works.answers >= 0 && works.called > works.answers)
		return exchange(t, r, a, out, e);
	if (works.refusal && !*works.refusal)
		return err_set(e, ERR_TEMP, "no answer");
	const char *body = works.refusal
		? arena_printf(a, "{\"Response\":{\"Error\":{\"Code\":\"%s\",\"Message\":\"no\"},\"RequestId\":\"req-no\"}}", works.refusal)
		: "{\"Response\":{\"AccountId\":\"1\",\"UserId\":\"2\",\"RequestId\":\"req-yes\"}}";
	*out = (struct http_reply){ .status = 200, .body = (char *)(uintptr_t)body, .body_len = strlen(body), .date_ms = now };
	return 0;
}

static void key_works_on(struct plant *p, const char *leaver, int answers, const char *refusal)
{
	works = (struct works){ .plant = p, .answers = answers, .refusal = refusal, .shortest_ms = INT64_MAX };
	str_copy(works.key, sizeof(works.key), found(p, leaver).key_id);
	p->wire.exchange = slow_exchange;
}

/* Every call takes 10 ms from here on. */
static void time_passes(struct plant *p)
{
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"*\",\"kind\":\"delay\",\"delay_ms\":10}]}");
}

static char *csn_at(struct plant *p, int64_t ms)
{
	char text[TIME_TEXT];
	str_time_ldap(ms, text);
	text[strlen(text) - 1] = '\0';
	return arena_printf(p->a, "%s.%03d000Z#000000#001#000000", text, (int)(ms % 1000));
}

static void disable(struct plant *p, const char *uuid, const char *login, int64_t changed_ms)
{
	hear(p, uuid, login, "left", csn_at(p, changed_ms));
}

static struct store_offboarding figures(struct plant *p, const char *uuid)
{
	struct store_offboarding o;
	OK(store_offboarding_get(p->store, uuid, 1, &o, &p->e));
	return o;
}

static const char *evidence_text(struct plant *p)
{
	return text_of(p, unit_path(p->a, "evidence"));
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

static int active_keys(struct plant *p, const char *uuid)
{
	int n = 0;
	const struct json *keys = cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS,
		arena_printf(p->a, "{\"TargetUin\":%llu}", (unsigned long long)found(p, uuid).uin));
	for (const struct json *k = json_first(json_get(keys, "AccessKeys")); k; k = json_next(k))
		n += str_eq(json_text(k, "Status"), "Active");
	return n;
}

/* --- figures ---------------------------------------------------------------------------------------------------- */

static void a_leaver_is_measured(void **state)
{
	struct plant *p = *state;
	key_works_on(p, ALICE, 0, NULL);
	time_passes(p);
	int64_t seen = p->cloud->v.now_ms;
	disable(p, ALICE, "alice", seen - 1234);
	run(p, 1000);
	struct store_offboarding o = figures(p, ALICE);
	assert_int_equal(o.changed_ms, seen - 1234);
	assert_int_equal(o.seen_ms, seen);
	assert_int_equal(o.key_off_ms, seen + 10);              /* the first call of all */
	assert_int_equal(o.console_off_ms, seen + 20);
	assert_int_equal(o.barrier_ms, seen + 30);
	assert_true(o.cut_ms > o.barrier_ms);
	assert_true(o.refused_ms >= o.cut_ms + 10 && o.refused_ms < o.cut_ms + 100);
	assert_int_equal(o.given_up_ms, 0);
	assert_int_equal(works.called, 1);
	const char *text = evidence_text(p);
	const char *line = strstr(text, "\"event\":\"refused\"");
	assert_non_null(line);
	line = arena_strndup(p->a, line, strcspn(line, "\n"));
	check_has(line, arena_printf(p->a, "key \\\"%s\\\": AuthFailure.SecretIdNotFound", found(p, ALICE).key_id));
	check_has(line, arena_printf(p->a, "\"why\":\"%lld ms after the change in the directory, %lld ms after it was seen, %lld ms "
		"after the cut\"", (long long)(o.refused_ms - o.changed_ms), (long long)(o.refused_ms - o.seen_ms),
		(long long)(o.refused_ms - o.cut_ms)));
	check_has(line, "\"request_id\":\"");
	check_has(line, arena_printf(p->a, "\"csn\":\"%s\"", csn_at(p, seen - 1234)));
	/* Once. */
	run(p, 20 * HOUR_MS);
	assert_int_equal(works.called, 1);
	assert_int_equal(account(p, ALICE).stage, STAGE_SUSPENDED);
	assert_int_equal(figures(p, ALICE).refused_ms, o.refused_ms);
	assert_int_equal(count(evidence_text(p), "\"event\":\"refused\""), 1);
}

static void stamps_of_other_directories(void **state)
{
	struct plant *p = *state;
	int64_t seen = p->cloud->v.now_ms;
	static const struct { const char *csn; int64_t before_ms; } stamps[] = {
		{ "20260921145300Z", 0 },                       /* modifyTimestamp: filled in below */
		{ "not a time", -1 },
	};
	char second[TIME_TEXT];
	str_time_ldap(seen - 5000, second);
	hear(p, ALICE, "alice", "left", second);
	hear(p, BOB, "bob", "left", stamps[1].csn);
	run(p, 1000);
	assert_int_equal(figures(p, ALICE).changed_ms, (seen - 5000) / 1000 * 1000);
	assert_int_equal(figures(p, BOB).changed_ms, 0);
	assert_true(figures(p, BOB).refused_ms > 0);
}

/* A directory whose clock is ahead: nobody is cut before he was changed.  Hours ahead: it means nothing. */
static void a_clock_that_is_ahead(void **state)
{
	struct plant *p = *state;
	int64_t seen = p->cloud->v.now_ms;
	disable(p, ALICE, "alice", seen + 2000);
	disable(p, BOB, "bob", seen + 3 * HOUR_MS);
	run(p, 1000);
	assert_int_equal(figures(p, ALICE).changed_ms, seen);
	assert_int_equal(figures(p, BOB).changed_ms, 0);
}

static void of_the_absent_no_change_is_known(void **state)
{
	struct plant *p = *state;
	OK(roll_absent(&p->roll, ALICE, p->a, &p->e));
	p->cloud->v.now_ms += 40000;
	int64_t seen = p->cloud->v.now_ms;
	OK(roll_departed(&p->roll, ALICE, "gone", p->a, &p->e));
	run(p, 1000);
	struct store_offboarding o = figures(p, ALICE);
	assert_int_equal(o.changed_ms, 0);
	assert_int_equal(o.seen_ms, seen);
	assert_true(o.refused_ms >= seen);
	assert_null(strstr(evidence_text(p), "the change in the directory"));
}

static void each_suspension_has_its_own(void **state)
{
	struct plant *p = *state;
	int64_t first = p->cloud->v.now_ms;
	disable(p, ALICE, "alice", first - 10);
	run(p, MINUTE_MS);
	assert_true(figures(p, ALICE).refused_ms > 0);
	hear(p, ALICE, "alice", "staff", csn_at(p, p->cloud->v.now_ms));
	run(p, 10 * MINUTE_MS);
	assert_int_equal(account(p, ALICE).stage, STAGE_ACTIVE);
	assert_int_equal(figures(p, ALICE).seen_ms, first);     /* kept until the next one */
	int64_t second = p->cloud->v.now_ms;
	disable(p, ALICE, "alice", second - 10);
	run(p, MINUTE_MS);
	struct store_offboarding o = figures(p, ALICE);
	assert_int_equal(o.changed_ms, second - 10);
	assert_int_equal(o.seen_ms, second);
	assert_true(o.refused_ms >= second);
	assert_int_equal(count(evidence_text(p), "\"event\":\"refused\""), 2);
}

static void who_is_held_has_not_left(void **state)
{
	struct plant *p = *state;
	struct store_offboarding o;
	key_works_on(p, ALICE, 0, NULL);
	OK(roll_suspend(&p->roll, ALICE, "asked for", "uid 0", p->a, &p->e));
	run(p, MINUTE_MS);
	assert_int_equal(account(p, ALICE).stage, STAGE_HELD);
	assert_int_equal(store_offboarding_get(p->store, ALICE, 1, &o, &p->e), ERR_ABSENT);
	assert_int_equal(works.called, 0);
	/* And leaves now: what was taken from him before is not a figure of this. */
	p->cloud->v.now_ms += HOUR_MS;
	int64_t seen = p->cloud->v.now_ms;
	disable(p, ALICE, "alice", seen - 5);
	run(p, MINUTE_MS);
	o = figures(p, ALICE);
	assert_int_equal(o.seen_ms, seen);
	assert_int_equal(o.changed_ms, seen - 5);
	assert_true(o.key_off_ms >= seen);
	assert_int_equal(works.called, 1);
}

/* --- the key ------------------------------------------------------------------------------------------------------ */

static void it_is_called_until_it_is_refused(void **state)
{
	struct plant *p = *state;
	static const char *const refusals[] = { NULL, "AuthFailure.UnauthorizedOperation", "UnauthorizedOperation", "InternalError", "" };
	const char *const uuids[] = { ALICE, BOB };
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		key_works_on(p, uuids[i % 2], 5, refusals[i]);
		int64_t seen = p->cloud->v.now_ms;
		disable(p, uuids[i % 2], i % 2 ? "bob" : "alice", seen);
		run(p, MINUTE_MS);
		struct store_offboarding o = figures(p, uuids[i % 2]);
		assert_int_equal(works.called, 6);
		assert_true(works.shortest_ms >= 1000);
		assert_in_range(o.refused_ms - o.cut_ms, 5000, 15000);
		assert_int_equal(o.given_up_ms, 0);
		/* Everything else went on meanwhile, and is swept. */
		run(p, 5 * MINUTE_MS);
		struct store_account a = account(p, uuids[i % 2]);
		assert_true(a.complete);
		assert_int_equal(a.lane, LANE_AUDIT);
		assert_int_equal(works.called, 6);
		hear(p, uuids[i % 2], i % 2 ? "bob" : "alice", "staff", csn_at(p, p->cloud->v.now_ms));
		p->wire.exchange = exchange;
		run(p, 10 * MINUTE_MS);
	}
	assert_null(strstr(evidence_text(p), "\"event\":\"alarm\""));
}

static void it_works_on_and_on(void **state)
{
	struct plant *p = *state;
	key_works_on(p, ALICE, -1, NULL);
	int64_t seen = p->cloud->v.now_ms;
	disable(p, ALICE, "alice", seen);
	run(p, 9 * MINUTE_MS);
	assert_int_equal(count(evidence_text(p), "\"event\":\"alarm\""), 0);
	run(p, 2 * MINUTE_MS);
	struct store_offboarding o = figures(p, ALICE);
	assert_int_equal(o.refused_ms, 0);
	assert_in_range(o.given_up_ms - o.cut_ms, 10 * MINUTE_MS, 11 * MINUTE_MS);
	const char *text = evidence_text(p);
	assert_int_equal(count(text, "\"event\":\"alarm\""), 1);
	check_has(text, "\"what\":\"the key of a leaver still works\"");
	check_has(text, "\"request_id\":\"req-yes\"");
	assert_in_range(works.called, 30, 200);
	/* Nobody asks any more. */
	int called = works.called;
	run(p, 20 * HOUR_MS);
	assert_int_equal(works.called, called);
	assert_int_equal(figures(p, ALICE).refused_ms, 0);
}

static void the_cloud_does_not_say(void **state)
{
	struct plant *p = *state;
	key_works_on(p, ALICE, -1, "");
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, 12 * MINUTE_MS);
	struct store_offboarding o = figures(p, ALICE);
	assert_int_equal(o.refused_ms, 0);
	assert_true(o.given_up_ms > 0);
	const char *text = evidence_text(p);
	assert_int_equal(count(text, "\"event\":\"alarm\""), 0);
	check_has(text, "\"what\":\"the key of a leaver could not be tried\"");
}

static void without_a_secret_nobody_can_call(void **state)
{
	struct plant *p = *state;
	key_works_on(p, ALICE, 0, NULL);
	struct store_account a = account(p, ALICE);
	OK(store_secret_drop(p->store, a.id, SECRET_KEY, found(p, ALICE).key_id, &p->e));
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, 20 * MINUTE_MS);
	struct store_offboarding o = figures(p, ALICE);
	assert_true(o.cut_ms > 0);
	assert_int_equal(o.refused_ms, 0);
	assert_int_equal(o.given_up_ms, 0);
	assert_int_equal(works.called, 0);
	assert_true(account(p, ALICE).complete);
	assert_int_equal(account(p, ALICE).lane, LANE_AUDIT);
}

/* The one who is called for takes nothing from the others' cut: the revoking worker serves nobody else. */
static void others_are_cut_meanwhile(void **state)
{
	struct plant *p = *state;
	int64_t due;
	key_works_on(p, ALICE, -1, NULL);
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, 10000);
	int called = works.called;
	p->cloud->v.now_ms += 20000;                    /* she is due */
	disable(p, BOB, "bob", p->cloud->v.now_ms);
	assert_int_equal(engine_step(p->workers[0], &due), 1);
	assert_int_equal(works.called, called);
	assert_int_equal(active_keys(p, BOB), 0);
	assert_int_equal(figures(p, BOB).cut_ms, p->cloud->v.now_ms - 1);
	assert_int_equal(engine_step(p->workers[0], &due), 0);
}

/* Killed between the cut and the call: the store knows what is open. */
static void after_a_restart_it_is_called(void **state)
{
	struct plant *p = *state;
	int64_t due;
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	assert_int_equal(engine_step(p->workers[0], &due), 1);
	assert_int_equal(figures(p, ALICE).refused_ms, 0);
	stop(p);
	p->cloud->v.now_ms += HOUR_MS;
	start(p);
	run(p, MINUTE_MS);
	assert_true(figures(p, ALICE).refused_ms >= p->cloud->v.now_ms - 2 * MINUTE_MS);
	assert_int_equal(figures(p, ALICE).given_up_ms, 0);
}

/* --- never given up --------------------------------------------------------------------------------------------------- */

static int64_t stuck(struct plant *p)
{
	struct store_line *lines;
	size_t listed;
	int64_t n = -1;
	OK(store_stuck(p->store, p->cloud->v.now_ms, 10, p->a, &lines, &listed, &n, &p->e));
	return n;
}

static void a_cut_is_never_given_up(void **state)
{
	struct plant *p = *state;
	static const char *const codes[] = { "InternalError", "UnauthorizedOperation", "NobodyKnowsThis" };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		size_t alarms = count(evidence_text(p), "access is not taken away yet");
		cloud_faults(p->cloud, arena_printf(p->a, "{\"rules\":[{\"action\":\"UpdateAccessKey\",\"kind\":\"error\",\"code\":\"%s\"}]}",
			codes[i]));
		disable(p, ALICE, "alice", p->cloud->v.now_ms);
		run(p, MINUTE_MS);
		assert_int_equal(stuck(p), 0);
		assert_int_equal(count(evidence_text(p), "access is not taken away yet"), alarms);
		run(p, 6 * MINUTE_MS);
		assert_int_equal(stuck(p), 1);
		assert_int_equal(count(evidence_text(p), "access is not taken away yet"), alarms + 1);
		run(p, 3 * HOUR_MS);
		assert_in_range(count(evidence_text(p), "access is not taken away yet"), alarms + 3, alarms + 4);
		struct store_account a = account(p, ALICE);
		assert_int_equal(a.lane, LANE_REVOKE);
		assert_true(a.due_ms <= p->cloud->v.now_ms + 30000);
		/* What could be taken is taken. */
		assert_true(figures(p, ALICE).barrier_ms > 0);
		assert_int_equal(figures(p, ALICE).key_off_ms, 0);
		assert_int_equal(figures(p, ALICE).cut_ms, 0);
		cloud_faults(p->cloud, "{}");
		run(p, MINUTE_MS);
		assert_int_equal(active_keys(p, ALICE), 0);
		assert_int_equal(stuck(p), 0);
		assert_true(figures(p, ALICE).refused_ms > figures(p, ALICE).cut_ms - 1);
		hear(p, ALICE, "alice", "staff", csn_at(p, p->cloud->v.now_ms));
		run(p, HOUR_MS);
		assert_int_equal(account(p, ALICE).stage, STAGE_ACTIVE);
	}
}

/* What we remember of him cannot be read: his names are enough. */
static void a_record_that_cannot_be_read(void **state)
{
	struct plant *p = *state;
	OK(store_found_put(p->store, account(p, ALICE).id, "{\"uin\":\"nonsense\"", &p->e));
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, MINUTE_MS);
	assert_true(found(p, ALICE).uin > 0);
	assert_int_equal(active_keys(p, ALICE), 0);
	assert_true(account(p, ALICE).complete);
}

/* Looked at again, later than any call that was on its way could land, until a look finds nothing to take. */
static void swept_until_nothing_is_found(void **state)
{
	struct plant *p = *state;
	p->settings.cloud.driver.by_hand_kept = false;
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, 100000);
	const char *uin = arena_printf(p->a, "%llu", (unsigned long long)found(p, ALICE).uin);
	for (int i = 0; i < 3; i++) {
		cloud_raw(p->cloud, CAM, "AttachUserPolicy", arena_printf(p->a, "{\"PolicyId\":1,\"AttachUin\":%s}", uin));
		cloud_raw(p->cloud, CAM, "CreateAccessKey", arena_printf(p->a, "{\"TargetUin\":%s}", uin));
		assert_int_equal(active_keys(p, ALICE), 1);
		run(p, 30000);
		assert_int_equal(active_keys(p, ALICE), 0);
		const struct json *keys = cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS, arena_printf(p->a, "{\"TargetUin\":%s}", uin));
		cloud_raw(p->cloud, CAM, "DeleteAccessKey", arena_printf(p->a, "{\"TargetUin\":%s,\"AccessKeyId\":\"%s\"}", uin,
			json_text(keys, "AccessKeys[1].AccessKeyId")));
		assert_int_equal(account(p, ALICE).lane, LANE_TIDY);
		run(p, 90000);
	}
	run(p, 10 * MINUTE_MS);
	assert_int_equal(account(p, ALICE).lane, LANE_AUDIT);
	assert_int_equal(account(p, ALICE).sweep_ms, 0);
}

/* A cut that nobody knows the outcome of lands when he is back already: he is looked at once more, and has everything again. */
static void what_lands_after_his_return(void **state)
{
	struct plant *p = *state;
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, MINUTE_MS);
	assert_int_equal(account(p, ALICE).stage, STAGE_SUSPENDED);
	hear(p, ALICE, "alice", "staff", "99991231000000.000000Z#");
	run(p, MINUTE_MS);
	assert_int_equal(account(p, ALICE).stage, STAGE_ACTIVE);
	assert_true(account(p, ALICE).complete);
	cloud_raw(p->cloud, CAM, "UpdateAccessKey",
		arena_printf(p->a, "{\"TargetUin\":%llu,\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\"}",
			(unsigned long long)found(p, ALICE).uin, found(p, ALICE).key_id));
	assert_int_equal(active_keys(p, ALICE), 0);
	run(p, 5 * MINUTE_MS);
	assert_int_equal(active_keys(p, ALICE), 1);
	assert_true(account(p, ALICE).complete);
	assert_int_equal(account(p, ALICE).sweep_ms, 0);
}

/* --- evidence that cannot be written ------------------------------------------------------------------------------------ */

static void move(struct plant *p, bool away)
{
	const char *file = unit_path(p->a, "evidence"), *aside = unit_path(p->a, "evidence.aside");
	OK(away ? rename(file, aside) : rename(aside, file));
}

/* Calls that change something, as the emulator counts them. */
static int64_t changes(struct plant *p)
{
	int64_t n = 0;
	for (int i = 0; i < ACT_COUNT; i++)
		if (action_table[i].kind != ACTION_READ)
			n += cloud_count(p->cloud, action_table[i].name);
	return n;
}

#define CAROL "00000000-0000-4000-8000-00000000000c"

static void nothing_is_granted_without_evidence(void **state)
{
	struct plant *p = *state;
	const char *second = unit_path(p->a, "second");
	int64_t lines;
	evidence_second(p->evidence, second);
	int64_t before = changes(p);
	move(p, true);
	/* Somebody who comes, and somebody whose policy was taken from him by hand. */
	hear(p, CAROL, "carol", "staff", "1#");
	OK(store_verify(p->store, BOB, STAGE_ACTIVE, p->cloud->v.now_ms, &lines, &p->e));
	cloud_raw(p->cloud, CAM, "DetachUserPolicy", arena_printf(p->a, "{\"PolicyId\":%llu,\"DetachUin\":%llu}",
		(unsigned long long)found(p, BOB).policy_id, (unsigned long long)found(p, BOB).uin));
	run(p, 10 * MINUTE_MS);
	assert_int_equal(changes(p), before + 1);               /* the administrator's */
	assert_int_equal(account(p, CAROL).trouble_kind, ERR_TEMP);
	check_has(account(p, CAROL).trouble, "the evidence cannot be written");
	check_has(account(p, BOB).trouble, "the evidence cannot be written");
	assert_int_equal(found(p, CAROL).uin, 0);
	/* Who leaves, leaves; all of it is on record, elsewhere. */
	disable(p, ALICE, "alice", p->cloud->v.now_ms);
	run(p, 5 * MINUTE_MS);
	assert_int_equal(active_keys(p, ALICE), 0);
	assert_true(account(p, ALICE).complete);
	assert_true(figures(p, ALICE).refused_ms > 0);
	OK(evidence_verify(second, &lines, &p->e));
	const char *text = text_of(p, second);
	check_has(text, "\"what\":\"active -> suspended\"");
	check_has(text, "UpdateAccessKey TargetUin=");
	check_has(text, "\"what\":\"cut complete\"");
	check_has(text, "\"event\":\"refused\"");
	/* Back: what waited goes on, and one line says where the rest is. */
	int64_t aside, since;
	evidence_aside(p->evidence, &aside, &since);
	assert_int_equal(aside, lines);
	move(p, false);
	run(p, HOUR_MS);
	assert_true(account(p, CAROL).complete);
	assert_true(account(p, BOB).complete);
	assert_int_equal(account(p, CAROL).trouble_kind, 0);
	OK(evidence_verify(unit_path(p->a, "evidence"), &aside, &p->e));
	check_has(evidence_text(p), arena_printf(p->a, "%lld lines since", (long long)lines));
}

int main(void)
{
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		PLANT(a_leaver_is_measured), PLANT(stamps_of_other_directories), PLANT(a_clock_that_is_ahead),
		PLANT(of_the_absent_no_change_is_known), PLANT(each_suspension_has_its_own), PLANT(who_is_held_has_not_left),
		PLANT(it_is_called_until_it_is_refused), PLANT(it_works_on_and_on), PLANT(the_cloud_does_not_say),
		PLANT(without_a_secret_nobody_can_call), PLANT(others_are_cut_meanwhile), PLANT(after_a_restart_it_is_called),
		PLANT(a_cut_is_never_given_up), PLANT(a_record_that_cannot_be_read), PLANT(swept_until_nothing_is_found),
		PLANT(what_lands_after_his_return),
		PLANT(nothing_is_granted_without_evidence),
	};
	return cmocka_run_group_tests_name("leave", tests, NULL, NULL);
}
