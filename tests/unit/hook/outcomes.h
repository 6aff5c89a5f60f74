/* A whole life - hired, suspended, back in time, suspended, back late, gone for good - once for each changing call in it
 * and each way in which its outcome is not known: cut after it was done, no answer in time, HTTP 500, done or not.  Real
 * engine, roll, store and drivers.  Whatever is lost: exactly one of everything, no key that works when it should not, paid once, and
 * nothing left in the end.  One program for each way: together they would take too long. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_OUTCOMES_H
#define ROLLCALL_TESTS_UNIT_HOOK_OUTCOMES_H

#include "tests/unit/hook/plant.h"

#define TCB "tcb", "2018-06-08"
#define DAY_MS (24 * HOUR_MS)
#define MINUTE_MS (60 * 1000LL)

enum loss { CUT_AFTER, HANG, HTTP_500, HTTP_500_DONE };
static const char *const losses[] = { "cut after it was done", "no answer in time", "HTTP 500", "HTTP 500 though it was done" };

static char trying[120];            /* for the message of a failure */

/* Calls that Rollcall makes; an administrator's are not counted. */
static struct { const char *header; enum loss loss; int nth, seen; } fault;

static inline void wrong(struct plant *p, const char *what)
{
	struct store_account a = account(p, ALICE);
	fail_msg("%s: %s (stage %s, %scomplete, trouble: %s)", trying, what, stage_name((enum stage)a.stage), a.complete ? "" : "not ",
		a.trouble_kind ? a.trouble : "none");
}

#define MUST(p, condition, what) do { if (!(condition)) wrong(p, what); } while (0)

/* --- judging --------------------------------------------------------------------------------------------------- */

/* A call with every key that was ever issued, as whoever copied one would make it. */
static inline int keys_that_work(struct plant *p)
{
	struct emulator_key *keys;
	size_t n = emulator_keys(p->cloud->emulator, p->a, &keys);
	int working = 0;
	for (size_t i = 0; i < n; i++) {
		const struct json *answer;
		struct err e;
		if (!keys[i].secret_key || str_eq(keys[i].secret_id, p->cloud->api.secret_id))
			continue;
		int rc = api_call_as(&p->cloud->api, keys[i].secret_id, keys[i].secret_key, ACT_GET_CALLER_IDENTITY, "ap-shanghai", NULL,
			p->a, &answer, &e);
		working += !rc || !api_key_refused(e.code);
	}
	return working;
}

static inline size_t marked_policies(struct plant *p)
{
	size_t n = 0;
	for (const struct json *v = json_first(cloud_state(p->cloud, "policies")); v; v = json_next(v)) {
		const char *text = json_text(v, "description");
		n += text && strstr(text, ALICE) != NULL;
	}
	return n;
}

static inline size_t creations(struct plant *p)
{
	size_t n = 0;
	for (const struct json *o = json_first(cloud_state(p->cloud, "orders")); o; o = json_next(o))
		n += str_eq(json_text(o, "kind"), "create_env") || str_eq(json_text(o, "kind"), "create_server");
	return n;
}

static inline void no_intent_is_open(struct plant *p)
{
	struct store_intent *list;
	size_t n;
	OK(store_intents(p->store, account(p, ALICE).id, -1, p->a, &list, &n, &p->e));
	MUST(p, n == 0, "an intent is open");
}

static inline void one_of_everything(struct plant *p)
{
	const struct json *state = cloud_state(p->cloud, "");
	MUST(p, account(p, ALICE).stage == STAGE_ACTIVE && account(p, ALICE).complete, "not active");
	MUST(p, json_count(json_get(state, "users")) == 1, "not one sub-account");
	MUST(p, json_count(json_get(state, "environments")) == 1, "not one environment");
	MUST(p, json_count(json_get(state, "servers")) == 1, "not one server");
	MUST(p, marked_policies(p) == 1, "not one policy of his");
	MUST(p, json_count(json_get(state, "users[0].policies")) == 1, "not one policy attached");
	MUST(p, json_count(json_get(state, "users[0].groups")) == 0, "member of a group");
	MUST(p, json_count(json_get(state, "users[0].keys")) == 1 && keys_that_work(p) == 1, "not one key");
	MUST(p, json_bool_or(state, "users[0].console_login", false), "no console login");
	MUST(p, json_has(json_get(state, "users[0]"), "boundary"), "no boundary");
	MUST(p, str_eq(json_text(state, "environments[0].status"), "NORMAL"), "the environment is not ready");
	MUST(p, str_eq(json_text(state, "servers[0].state"), "RUNNING"), "the server does not run");
	MUST(p, json_count(json_get(state, "servers[0].agent_runs")) > 0, "nothing was installed");
	MUST(p, str_eq(found(p, ALICE).proof, PROOF_ISOLATED), "isolation is not proved");
	no_intent_is_open(p);
}

/* Residual access: none, whoever gave it. */
static inline void no_access(struct plant *p)
{
	const struct json *state = cloud_state(p->cloud, "");
	MUST(p, account(p, ALICE).stage == STAGE_SUSPENDED && account(p, ALICE).complete, "not suspended");
	MUST(p, keys_that_work(p) == 0, "a key works");
	MUST(p, !json_bool_or(state, "users[0].console_login", true), "the console is open");
	MUST(p, json_count(json_get(state, "users[0].policies")) == 1 &&
		str_starts(json_text(state, "users[0].policies[0].name"), "rollcall-barrier"), "more than the barrier is attached");
	MUST(p, json_count(json_get(state, "users[0].groups")) == 0, "member of a group");
	MUST(p, json_count(json_get(state, "environments[0].api_keys")) == 0, "the environment has API keys");
	MUST(p, str_eq(json_text(state, "servers[0].state"), "STOPPED"), "the server runs");
	MUST(p, str_eq(json_text(state, "environments[0].billing_status"), "NORMAL"), "the environment was touched");
	no_intent_is_open(p);
	struct store_offboarding o;
	MUST(p, !store_offboarding_get(p->store, ALICE, 1, &o, &p->e) && o.refused_ms >= o.cut_ms && o.cut_ms, "no figures");
}

static inline void nothing_left(struct plant *p)
{
	const struct json *state = cloud_state(p->cloud, "");
	struct found f = found(p, ALICE);
	MUST(p, account(p, ALICE).complete, "not retired");
	MUST(p, json_count(json_get(state, "users")) == 0, "a sub-account is left");
	MUST(p, json_count(json_get(state, "environments")) == 0, "an environment is left");
	MUST(p, json_count(json_get(state, "servers")) == 0, "a server is left");
	MUST(p, marked_policies(p) == 0, "a policy is left");
	MUST(p, keys_that_work(p) == 0, "a key works");
	MUST(p, !f.uin && !*f.env_id && !*f.server_id && !*f.key_id && !f.policy_id, "something is remembered");
	no_intent_is_open(p);
}

/* --- the life ---------------------------------------------------------------------------------------------------- */

static int version;                 /* of the entry: each change is newer */

static inline void says(struct plant *p, const char *type)
{
	hear(p, ALICE, "alice", type, arena_printf(p->a, "%04d#", ++version));
}

/* What he and administrators do in the meantime. */
static inline void meddle(struct plant *p)
{
	struct cloud *c = p->cloud;
	struct found f = found(p, ALICE);
	unsigned long long uin = f.uin;
	const struct json *group = cloud_raw(c, CAM, "CreateGroup", arena_printf(p->a, "{\"GroupName\":\"friends-%d\"}", version));
	cloud_raw(c, CAM, "AddUserToGroup", arena_printf(p->a, "{\"Info\":[{\"GroupId\":%lld,\"Uin\":%llu}]}",
		(long long)json_int_or(group, "GroupId", 0), uin));
	cloud_raw(c, CAM, "AttachUserPolicy", arena_printf(p->a, "{\"PolicyId\":1,\"AttachUin\":%llu}", uin));
	cloud_raw(c, CAM, "CreateAccessKey", arena_printf(p->a, "{\"TargetUin\":%llu,\"Description\":\"mine\"}", uin));
	for (int i = 0; i < 3; i++)
		cloud_raw(c, TCB, "CreateApiKey", arena_printf(p->a, "{\"EnvId\":\"%s\",\"KeyType\":\"api_key\"}", f.env_id));
	cloud_raw(c, TCB, "CreateApiKey", arena_printf(p->a, "{\"EnvId\":\"%s\",\"KeyType\":\"publish_key\"}", f.env_id));
}

/* Grace is over, and all that decides it has said yes. */
static inline void retire(struct plant *p)
{
	struct store_account a = account(p, ALICE);
	a.stage = STAGE_RETIRED;
	a.since_ms = a.due_ms = p->cloud->v.now_ms;
	a.lane = LANE_TIDY;
	a.retire_after_ms = a.sweep_ms = 0;
	OK(store_account_news(p->store, &a, &p->e));
}

static inline void live(struct plant *p)
{
	char first[64];
	says(p, "staff");
	run(p, 2 * HOUR_MS);
	one_of_everything(p);
	str_copy(first, sizeof(first), found(p, ALICE).key_id);
	meddle(p);
	says(p, "left");
	run(p, HOUR_MS);
	no_access(p);
	says(p, "staff");
	run(p, 2 * HOUR_MS);
	one_of_everything(p);
	MUST(p, str_eq(found(p, ALICE).key_id, first), "back in time, and another key");
	says(p, "left");
	run(p, 3 * DAY_MS);
	no_access(p);
	says(p, "staff");
	run(p, 2 * HOUR_MS);
	one_of_everything(p);
	MUST(p, !str_eq(found(p, ALICE).key_id, first), "back late, and the same key");
	meddle(p);
	says(p, "left");
	run(p, HOUR_MS);
	no_access(p);
	MUST(p, creations(p) == 2, "not paid for one environment and one server");
	int64_t paid = cloud_money(p->cloud);
	retire(p);
	run(p, 3 * DAY_MS);
	nothing_left(p);
	MUST(p, cloud_money(p->cloud) == paid, "leaving cost money");
	OK(evidence_verify(unit_path(p->a, "evidence"), &paid, &p->e));
}

static inline int lossy(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	struct plant *p = t->ctx;
	bool hit = false;
	for (size_t i = 0; fault.header && i < r->header_count; i++)
		hit |= !strcmp(r->headers[i], fault.header);
	if (!hit || ++fault.seen != fault.nth)
		return exchange(t, r, a, out, e);
	if (fault.loss == CUT_AFTER || fault.loss == HTTP_500_DONE)
		OK(exchange(t, r, a, out, e));
	if (fault.loss == HANG)
		p->cloud->v.now_ms += r->timeout_ms;
	if (fault.loss == HANG || fault.loss == CUT_AFTER)
		return err_set(e, ERR_UNKNOWN, "no answer");
	*out = (struct http_reply){ .status = 500, .body = arena_strdup(a, "broken"), .body_len = 6, .date_ms = p->cloud->v.now_ms };
	return 0;
}

/* Is there an n-th call of the action in this life?  *paid: what all of it cost. */
static inline bool lives_with(const char *action, enum loss loss, int nth, int64_t *paid)
{
	void *state = NULL;
	/* Lives are many; on a disk they would take long. */
	strcpy(unit_folder, "/dev/shm/rollcall-unit-XXXXXX");
	if (!mkdtemp(unit_folder))
		unit_folder[0] = '\0';
	OK(open_plant(&state));
	struct plant *p = state;
	p->profile.bundle = "bundle_gen_lin_2c4g";
	p->settings.cloud.driver.by_hand_kept = false;
	p->settings.cloud.driver.isolation_ms = 0;
	p->settings.life.grace_ms = 1000 * DAY_MS;
	version = 0;
	fault.header = action ? arena_printf(p->a, "X-TC-Action: %s", action) : NULL;
	fault.loss = loss;
	fault.nth = nth;
	fault.seen = 0;
	p->wire.exchange = lossy;
	snprintf(trying, sizeof(trying), "%s, call %d: %s", action ? action : "undisturbed", nth, losses[loss]);
	live(p);
	*paid = cloud_money(p->cloud);
	OK(teardown(&state));
	return fault.seen >= nth;
}

static int64_t undisturbed_paid;

static inline void undisturbed(void **state)
{
	(void)state;
	lives_with(NULL, CUT_AFTER, 0, &undisturbed_paid);
}

static inline void every_changing_call(enum loss loss)
{
	int lives = 0;
	for (int a = 0; a < ACT_COUNT; a++) {
		int nth = 1;
		int64_t paid;
		if (action_table[a].kind == ACTION_READ || a == ACT_TAG_RESOURCES)      /* this one: cloud/test_adopt.c */
			continue;
		while (lives_with(action_table[a].name, loss, nth, &paid)) {
			if (paid != undisturbed_paid)
				fail_msg("%s: cost %lld, not %lld", trying, (long long)paid, (long long)undisturbed_paid);
			nth++;
			lives++;
		}
		if (nth == 1)
			fail_msg("%s is never called in this life", action_table[a].name);
	}
	print_message("  %d calls, each in a life of its own: %s\n", lives, losses[loss]);
}

static inline int outcomes(const struct CMUnitTest lost)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(undisturbed), lost };
	atexit(unit_remove_folder);
	log_open((enum log_level)0, 0);
	return cmocka_run_group_tests_name("outcomes", tests, NULL, NULL);
}

#endif
