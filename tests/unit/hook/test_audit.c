/* The listing audit: who differs is woken and repaired, what is marked as ours and known to nobody is told and stays until
 * somebody approves, what is another's is counted.  Real feed, roll, engine, store and drivers. */
#include "tests/unit/hook/firm.h"

#define CARL "00000000-0000-4000-8000-00000000000c"
#define DORA "00000000-0000-4000-8000-00000000000d"
#define FORBIDDEN (calls(f, "DeleteUser") + calls(f, "DestroyEnv") + calls(f, "DeletePolicy") + calls(f, "IsolateInstances"))

static int64_t calls(struct firm *f, const char *action) { return cloud_count(f->p->cloud, action); }

static const struct json *user_of(struct firm *f, const char *uuid)
{
	for (const struct json *v = json_first(cloud_state(f->p->cloud, "users")); v; v = json_next(v))
		if (strstr(json_text(v, "remark") ? json_text(v, "remark") : "", uuid))
			return v;
	return NULL;
}

static size_t left_of(struct firm *f, const char *uuid)
{
	size_t n = user_of(f, uuid) != NULL;
	for (const struct json *v = json_first(cloud_state(f->p->cloud, "environments")); v; v = json_next(v))
		n += strstr(json_text(v, "tags.rollcall") ? json_text(v, "tags.rollcall") : "", uuid) && !str_eq(json_text(v, "state"), "GONE");
	return n;
}

static void raw(struct firm *f, const char *action, const char *parameters)
{
	cloud_raw(f->p->cloud, "cam", "2019-01-16", action, parameters);
}

static uint64_t uin_of(struct firm *f, const char *uuid)
{
	uint64_t uin = 0;
	assert_non_null(user_of(f, uuid));
	OK(json_uint(user_of(f, uuid), "uin", &uin, &f->p->e));
	return uin;
}

static void an_environment(struct firm *f, const char *uuid, unsigned generation)
{
	cloud_raw(f->p->cloud, TCB, "CreateEnv", arena_printf(f->p->a, "{\"Alias\": \"rc-lost\", \"PackageId\": \"baas_personal\", "
		"\"Resources\": [\"flexdb\", \"storage\", \"function\"], \"Tags\": [{\"Key\": \"rollcall\", \"Value\": \"rollcall:"
		CLOUD_INSTALLATION ":%s:%u\"}]}", uuid, generation));
}

/* A sub-account with a key that works, and an environment, that nobody knows of. */
static void an_orphan(struct firm *f, const char *uuid, unsigned generation)
{
	struct arena *a = f->p->a;
	says(f, uuid, "lost", NULL);
	raw(f, "AddUser", arena_printf(a, "{\"Name\": \"lost-%c\", \"ConsoleLogin\": 1, \"Password\": \"Lost-9-lost\", \"Remark\": "
		"\"rollcall:" CLOUD_INSTALLATION ":%s:%u\"}", uuid[strlen(uuid) - 1], uuid, generation));
	raw(f, "CreateAccessKey", arena_printf(a, "{\"TargetUin\": %llu}", (unsigned long long)uin_of(f, uuid)));
	an_environment(f, uuid, generation);
}

static size_t on_lists(struct firm *f, enum frozen_kind kind, struct store_frozen *first)
{
	struct store_frozen *rows;
	size_t n, count = 0;
	OK(store_frozen_list(f->p->store, f->p->a, &rows, &n, &f->p->e));
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == (int)kind && !count++ && first)
			*first = rows[i];
	return count;
}

static void decide(struct firm *f, enum frozen_kind kind, enum frozen_state to)
{
	struct store_frozen row;
	int64_t n;
	assert_int_equal(on_lists(f, kind, &row), 1);
	OK(store_frozen_decide(f->p->store, kind, row.list_ms, to, f->p->cloud->v.now_ms, &n, &f->p->e));
	assert_int_equal(n, 1);
	engine_audit_now(f->p->engine);
}

static const char *health(struct firm *f)
{
	struct json *o = json_object(f->p->a);
	engine_audit_health(f->p->engine, f->p->a, o);
	return json_print(f->p->a, o);
}

static size_t told(struct firm *f, const char *part)
{
	size_t n, count = 0;
	for (char *p = unit_read(f->p->a, unit_path(f->p->a, "evidence"), &n); (p = strstr(p, part)); p++)
		count++;
	return count;
}

static int open_audited(void **state)
{
	OK(firm_open(state));
	struct firm *f = *state;
	f->p->settings.cloud.driver.isolation_ms = 0;
	f->p->settings.life.listing_audit_ms = HOUR_MS;
	says(f, ALICE, "alice", "staff");
	says(f, BOB, "bob", "staff");
	live(f, 2 * HOUR_MS);
	assert_true(account(f->p, ALICE).complete);
	assert_true(account(f->p, BOB).complete);
	check_has(health(f), "\"seen\":2");
	return 0;
}

#define AUDITED(name) cmocka_unit_test_setup_teardown(name, open_audited, firm_close)

/* --- orphans -------------------------------------------------------------------------------------------------------- */

static void an_orphan_is_told_once_and_stays(void **state)
{
	struct firm *f = *state;
	struct store_frozen row;
	an_orphan(f, CARL, 1);
	live(f, 2 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, &row), 1);
	assert_string_equal(row.uuid, CARL);
	check_has(row.why, "sub-account lost-c");
	check_has(row.why, "environment rc-lost");
	check_has(health(f), CARL);
	int64_t list = row.list_ms;
	live(f, 3 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, &row), 1);
	assert_int_equal(row.list_ms, list);
	/* What was not shown is not approved with it. */
	raw(f, "AddUser", "{\"Name\": \"lost-too\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" CARL ":2\"}");
	live(f, 2 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, &row), 1);
	assert_true(row.list_ms > list);
	check_has(row.why, "generation 2: sub-account lost-too");
	live(f, 5 * DAY_MS);
	assert_int_equal(told(f, "an orphan: marked as ours"), 1);
	assert_int_equal(left_of(f, CARL), 2);
	assert_int_equal(FORBIDDEN, 0);
	assert_string_equal(json_text(user_of(f, CARL), "keys[0].status"), "Active");
}

static void an_approved_orphan_is_taken_down(void **state)
{
	struct firm *f = *state;
	an_orphan(f, CARL, 1);
	live(f, 2 * HOUR_MS);
	decide(f, FROZEN_ORPHAN, FROZEN_APPROVED);
	live(f, 2 * HOUR_MS);
	assert_int_equal(left_of(f, CARL), 0);
	assert_int_equal(calls(f, "DeleteUser"), 1);
	assert_int_equal(f->blind_calls, 0);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 0);
	assert_int_equal(account(f->p, CARL).stage, STAGE_RETIRED);
	assert_int_equal(told(f, "orphan -> suspended"), 1);
	assert_int_equal(left_of(f, ALICE) + left_of(f, BOB), 4);
	assert_true(account(f->p, ALICE).complete && account(f->p, BOB).complete);
}

/* What appeared between the look and the approval was approved by nobody. */
static void an_orphan_that_grew_is_shown_again(void **state)
{
	struct firm *f = *state;
	struct store_frozen row;
	an_orphan(f, CARL, 1);
	live(f, 2 * HOUR_MS);
	raw(f, "AddUser", "{\"Name\": \"lost-too\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" CARL ":2\"}");
	decide(f, FROZEN_ORPHAN, FROZEN_APPROVED);
	live(f, 2 * HOUR_MS);
	assert_int_equal(FORBIDDEN, 0);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, &row), 1);
	assert_int_equal(row.state, FROZEN_WAITING);
	check_has(row.why, "lost-too");
	check_has(row.detail, "lost-too");
	decide(f, FROZEN_ORPHAN, FROZEN_APPROVED);
	live(f, 2 * HOUR_MS);
	assert_int_equal(left_of(f, CARL), 0);
}

/* The budget of the day holds back what is deleted, not what is cut. */
static void an_approved_orphan_waits_for_the_guard(void **state)
{
	struct firm *f = *state;
	f->p->settings.life.retirements_day = 0;
	an_orphan(f, CARL, 1);
	live(f, 2 * HOUR_MS);
	decide(f, FROZEN_ORPHAN, FROZEN_APPROVED);
	live(f, 2 * HOUR_MS);
	assert_int_equal(account(f->p, CARL).stage, STAGE_SUSPENDED);
	assert_string_equal(json_text(user_of(f, CARL), "keys[0].status"), "Inactive");
	assert_int_equal(FORBIDDEN, 0);
	f->p->settings.life.retirements_day = 5;
	live(f, HOUR_MS);
	assert_int_equal(left_of(f, CARL), 0);
}

static void a_rejected_orphan_stays(void **state)
{
	struct firm *f = *state;
	an_orphan(f, CARL, 1);
	live(f, 2 * HOUR_MS);
	decide(f, FROZEN_ORPHAN, FROZEN_REJECTED);
	live(f, 5 * DAY_MS);
	assert_int_equal(left_of(f, CARL), 2);
	assert_int_equal(FORBIDDEN, 0);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 1);
}

/* Whose entry turns up, and who is gone by another hand, is on no list any more. */
static void an_orphan_that_is_none_any_more(void **state)
{
	struct firm *f = *state;
	an_orphan(f, CARL, 1);
	an_orphan(f, DORA, 1);
	live(f, 2 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 2);
	says(f, CARL, "carl", "staff");
	raw(f, "DeleteUser", "{\"Name\": \"lost-d\", \"Force\": 1}");
	live(f, 2 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 1);       /* of Dora the environment is left */
	assert_int_equal(account(f->p, CARL).stage, STAGE_ACTIVE);
	assert_int_equal(left_of(f, CARL), 2);
}

/* What a rebuilt store took over, and no entry names, has its row already. */
static void a_rebuilt_account_without_an_entry(void **state)
{
	struct firm *f = *state;
	struct store_frozen row = { .kind = FROZEN_UNNAMED, .why = arena_strdup(f->p->a, "sub-account alice"), .firm = true };
	str_copy(row.uuid, sizeof(row.uuid), ALICE);
	says(f, ALICE, "alice", NULL);
	OK(store_frozen_put(f->p->store, &row, f->p->cloud->v.now_ms, f->p->a, NULL, &f->p->e));
	live(f, 3 * DAY_MS);
	assert_int_equal(account(f->p, ALICE).stage, STAGE_SUSPENDED);
	assert_int_equal(FORBIDDEN, 0);
	decide(f, FROZEN_UNNAMED, FROZEN_APPROVED);
	live(f, 2 * HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
	assert_int_equal(on_lists(f, FROZEN_UNNAMED, NULL), 0);
	assert_int_equal(f->blind_calls, 0);
}

/* Whose entry turns up is one like any other. */
static void a_rebuilt_account_whose_entry_turns_up(void **state)
{
	struct firm *f = *state;
	struct store_frozen row = { .kind = FROZEN_UNNAMED, .why = arena_strdup(f->p->a, "sub-account alice"), .firm = true };
	str_copy(row.uuid, sizeof(row.uuid), ALICE);
	OK(store_frozen_put(f->p->store, &row, f->p->cloud->v.now_ms, f->p->a, NULL, &f->p->e));
	says(f, ALICE, "alice", "left");
	live(f, MINUTE_MS);
	assert_int_equal(on_lists(f, FROZEN_UNNAMED, NULL), 0);
	live(f, 2 * DAY_MS);
	assert_int_equal(left_of(f, ALICE), 0);
}

/* Things of somebody at work that are older than his account; and such that are newer. */
static void other_generations(void **state)
{
	struct firm *f = *state;
	struct plant *p = f->p;
	struct store_person dora = { .login = arena_strdup(p->a, "dora"), .uid_number = -1, .signal = SIGNAL_ABSENT };
	struct store_account acc = { .generation = 3, .stage = STAGE_RETIRED, .complete = true, .due_ms = INT64_MAX,
		.placement = account(p, ALICE).placement, .found = "" };
	str_copy(dora.uuid, sizeof(dora.uuid), DORA);
	str_copy(acc.uuid, sizeof(acc.uuid), DORA);
	OK(store_person_put(p->store, &dora, &p->e));
	OK(store_account_new(p->store, &acc, &p->e));
	an_orphan(f, DORA, 1);
	raw(f, "AddUser", "{\"Name\": \"more\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" ALICE ":2\"}");
	live(f, 2 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 1);
	check_has(health(f), "\"newer\":1");
	decide(f, FROZEN_ORPHAN, FROZEN_APPROVED);
	live(f, 2 * HOUR_MS);
	assert_int_equal(left_of(f, DORA), 0);
	assert_int_equal(account(p, DORA).generation, 3);
	assert_int_equal(calls(f, "DeleteUser"), 1);
	assert_int_equal(account(p, ALICE).stage, STAGE_ACTIVE);
	assert_int_equal(account(p, ALICE).generation, 1);
}

static void nobody_is_an_orphan_of_a_directory_in_doubt(void **state)
{
	struct firm *f = *state;
	f->doubts.all = "the base is empty";
	begin_anew(f);
	an_orphan(f, CARL, 1);
	live(f, 3 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 0);
	f->doubts.all = NULL;
	begin_anew(f);
	live(f, 2 * MINUTE_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 1);
}

/* One branch is in doubt, and stays so: no reason to list everything again and again. */
static void a_branch_in_doubt_makes_no_storm(void **state)
{
	struct firm *f = *state;
	static struct source_doubt branch = { "ou=elsewhere", "sentinel missing" };
	f->doubts = (struct source_doubts){ NULL, 1, &branch };
	begin_anew(f);
	an_orphan(f, CARL, 1);
	int64_t before = calls(f, "ListUsers");
	live(f, 10 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 0);
	assert_in_range(calls(f, "ListUsers") - before, 9, 12);
}

/* --- others' ----------------------------------------------------------------------------------------------------------- */

static void what_is_not_ours_is_counted(void **state)
{
	struct firm *f = *state;
	raw(f, "AddUser", "{\"Name\": \"hand\", \"Remark\": \"made by hand\"}");
	raw(f, "AddUser", "{\"Name\": \"theirs\", \"Remark\": \"rollcall:live:" CARL ":1\"}");
	live(f, 3 * DAY_MS);
	check_has(health(f), "\"unmarked\":\"1 sub-accounts, 0 policies, 0 environments, 0 servers\"");
	check_has(health(f), "\"other_installations\":\"1 sub-accounts, 0 policies, 0 environments, 0 servers\"");
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 0);
	assert_int_equal(FORBIDDEN, 0);
}

static void what_is_there_twice_is_told(void **state)
{
	struct firm *f = *state;
	raw(f, "AddUser", "{\"Name\": \"again\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" ALICE ":1\"}");
	live(f, 2 * HOUR_MS);
	check_has(health(f), "\"twice\":1");
	assert_int_equal(FORBIDDEN, 0);
}

/* As a rebuilt store has it.  changed: what this one does to the cloud is counted by all its changing calls. */
static void disputed(struct firm *f)
{
	struct found none = { .disputed = "his mark stands on two" };
	struct store_account acc = account(f->p, ALICE);
	acc.due_ms = f->p->cloud->v.now_ms;
	acc.lane = LANE_JOIN;
	OK(store_found_put(f->p->store, acc.id, found_print(&none, f->p->a), &f->p->e));
	OK(store_account_news(f->p->store, &acc, &f->p->e));
}

static int64_t changes(struct firm *f)
{
	return FORBIDDEN + calls(f, "AddUser") + calls(f, "CreateEnv") + calls(f, "UpdateUser") + calls(f, "CreateAccessKey") +
		calls(f, "UpdateAccessKey") + calls(f, "DeleteAccessKey") + calls(f, "AttachUserPolicy") + calls(f, "DetachUserPolicy");
}

/* Nothing is made, switched off or deleted, whatever the directory says, until a human has taken the mark off one. */
static void one_mark_on_two_is_for_a_human(void **state)
{
	struct firm *f = *state;
	const struct found before = found(f->p, ALICE);
	raw(f, "AddUser", "{\"Name\": \"again\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" ALICE ":1\"}");
	disputed(f);
	int64_t made = changes(f);
	live(f, 2 * DAY_MS);
	assert_int_equal(changes(f), made);
	assert_int_equal(account(f->p, ALICE).stage, STAGE_ACTIVE);
	assert_int_equal(account(f->p, ALICE).trouble_kind, ERR_PERM);
	check_has(account(f->p, ALICE).trouble, "take the mark off");
	raw(f, "UpdateUser", "{\"Name\": \"again\", \"Remark\": \"of somebody else\"}");
	live(f, 3 * HOUR_MS);
	assert_true(account(f->p, ALICE).complete);
	assert_int_equal(found(f->p, ALICE).uin, before.uin);
	assert_string_equal(found(f->p, ALICE).env_id, before.env_id);
	assert_string_equal(found(f->p, ALICE).disputed, "");
	assert_int_equal(calls(f, "AddUser"), 3);
	assert_int_equal(calls(f, "CreateEnv"), 2);
	assert_int_equal(FORBIDDEN, 0);
}

/* Of those that carry his mark; and of all others. */
static void count_access(struct firm *f, size_t *his, size_t *others)
{
	*his = *others = 0;
	for (const struct json *v = json_first(cloud_state(f->p->cloud, "users")); v; v = json_next(v)) {
		size_t n = json_bool_or(v, "console_login", false);
		for (const struct json *k = json_first(json_get(v, "keys")); k; k = json_next(k))
			n += str_eq(json_text(k, "status"), "Active");
		*(strstr(json_text(v, "remark") ? json_text(v, "remark") : "", ALICE) ? his : others) += n;
	}
}

/* Whichever is his gives him no access; but nothing ends, not even by the end of grace.  What is left when a human has said
 * which goes as it does of everybody. */
static void one_mark_on_two_of_a_leaver(void **state)
{
	struct firm *f = *state;
	size_t his, others, before;
	raw(f, "AddUser", "{\"Name\": \"again\", \"ConsoleLogin\": 1, \"Password\": \"Lost-9-lost\", \"Remark\": \"rollcall:"
		CLOUD_INSTALLATION ":" ALICE ":1\"}");
	uint64_t again = json_int_or(json_at(cloud_state(f->p->cloud, "users"), 2), "uin", 0);
	raw(f, "CreateAccessKey", arena_printf(f->p->a, "{\"TargetUin\": %llu}", (unsigned long long)again));
	disputed(f);
	live(f, HOUR_MS);
	count_access(f, &his, &before);
	assert_int_equal(his, 4);
	says(f, ALICE, "alice", "left");
	live(f, MINUTE_MS);
	count_access(f, &his, &others);
	assert_int_equal(his, 0);
	assert_int_equal(others, before);
	assert_int_equal(account(f->p, ALICE).lane, LANE_TIDY);
	live(f, 3 * DAY_MS);
	assert_int_equal(FORBIDDEN, 0);
	assert_int_equal(account(f->p, ALICE).trouble_kind, ERR_PERM);
	raw(f, "UpdateUser", "{\"Name\": \"again\", \"Remark\": \"of somebody else\"}");
	live(f, DAY_MS);
	assert_int_equal(left_of(f, ALICE), 0);
	assert_int_equal(calls(f, "DeleteUser"), 1);
	assert_int_equal(f->blind_calls, 0);
}

static size_t env_keys(struct firm *f, bool make)
{
	size_t n = 0;
	for (const struct json *v = json_first(cloud_state(f->p->cloud, "environments")); v; v = json_next(v)) {
		if (!strstr(json_text(v, "tags.rollcall"), ALICE))
			continue;
		n += json_count(json_get(v, "api_keys"));
		if (make)
			cloud_raw(f->p->cloud, TCB, "CreateApiKey", arena_printf(f->p->a, "{\"EnvId\": \"%s\", \"KeyType\": \"api_key\"}",
				json_text(v, "env_id")));
	}
	return n;
}

/* The keys of an environment depend on no sub-account. */
static void one_mark_on_two_environments_of_a_leaver(void **state)
{
	struct firm *f = *state;
	an_environment(f, ALICE, 1);
	live(f, MINUTE_MS);
	(void)env_keys(f, true);
	assert_int_equal(env_keys(f, false), 2);
	disputed(f);
	says(f, ALICE, "alice", "left");
	live(f, MINUTE_MS);
	assert_int_equal(env_keys(f, false), 0);
	live(f, 3 * DAY_MS);
	assert_int_equal(FORBIDDEN, 0);
}

/* An orphan of which there are two is told, and not offered. */
static void one_mark_on_two_orphans(void **state)
{
	struct firm *f = *state;
	an_orphan(f, CARL, 1);
	raw(f, "AddUser", "{\"Name\": \"again\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" CARL ":1\"}");
	live(f, 2 * HOUR_MS);
	assert_int_equal(on_lists(f, FROZEN_ORPHAN, NULL), 0);
	check_has(health(f), "\"twice\":1");
}

/* --- who differs --------------------------------------------------------------------------------------------------------- */

static void deleted_by_hand(void **state)
{
	struct firm *f = *state;
	int64_t made = calls(f, "AddUser");
	live(f, 2 * HOUR_MS);
	raw(f, "DeleteUser", arena_printf(f->p->a, "{\"Name\": \"%s\", \"Force\": 1}", json_text(user_of(f, ALICE), "name")));
	assert_null(user_of(f, ALICE));
	live(f, HOUR_MS + 15 * MINUTE_MS);
	assert_non_null(user_of(f, ALICE));
	assert_int_equal(calls(f, "AddUser") - made, 1);
	live(f, HOUR_MS);
	assert_true(account(f->p, ALICE).complete);
	assert_string_equal(json_text(user_of(f, ALICE), "keys[0].status"), "Active");
}

static void a_leaver_who_can_log_in(void **state)
{
	struct firm *f = *state;
	f->p->settings.life.grace_ms = 10 * DAY_MS;
	says(f, ALICE, "alice", "left");
	live(f, 3 * HOUR_MS);
	const char *name = json_text(user_of(f, ALICE), "name");
	raw(f, "UpdateUser", arena_printf(f->p->a, "{\"Name\": \"%s\", \"ConsoleLogin\": 1, \"Password\": \"Again-9-again\"}", name));
	assert_int_equal(json_int_or(user_of(f, ALICE), "console_login", 0) | json_bool_or(user_of(f, ALICE), "console_login", false), 1);
	live(f, HOUR_MS + MINUTE_MS);
	assert_int_equal(json_int_or(user_of(f, ALICE), "console_login", 0) | json_bool_or(user_of(f, ALICE), "console_login", false), 0);
	check_has(health(f), "\"access\":1");
}

/* A call that landed after everything was taken down. */
static void something_of_the_retired(void **state)
{
	struct firm *f = *state;
	const char *name = json_text(user_of(f, ALICE), "name");
	says(f, ALICE, "alice", "left");
	live(f, 2 * DAY_MS);
	assert_int_equal(account(f->p, ALICE).stage, STAGE_RETIRED);
	assert_true(account(f->p, ALICE).complete);
	assert_int_equal(left_of(f, ALICE), 0);
	raw(f, "AddUser", arena_printf(f->p->a, "{\"Name\": \"%s\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":" ALICE ":1\"}", name));
	an_environment(f, ALICE, 1);
	assert_int_equal(left_of(f, ALICE), 2);
	live(f, 3 * HOUR_MS);
	assert_int_equal(left_of(f, ALICE), 0);
	assert_int_equal(f->blind_calls, 0);
}

/* --- when ------------------------------------------------------------------------------------------------------------------ */

static void a_rate_limit_stops_it_for_a_while(void **state)
{
	struct firm *f = *state;
	int64_t before = calls(f, "ListUsers");
	cloud_faults(f->p->cloud, "{\"rules\": [{\"action\": \"ListPolicies\", \"kind\": \"throttle\", \"times\": 3}]}");
	engine_audit_now(f->p->engine);
	live(f, MINUTE_MS);
	assert_int_equal(calls(f, "ListUsers") - before, 1);
	check_has(health(f), "\"seen\":2");
}

static void a_failure_is_told_and_tried_again(void **state)
{
	struct firm *f = *state;
	cloud_faults(f->p->cloud, "{\"rules\": [{\"action\": \"ListPolicies\", \"kind\": \"http500\", \"times\": 1}]}");
	engine_audit_now(f->p->engine);
	live(f, 30000);
	check_has(health(f), "\"trouble\":");
	live(f, 2 * MINUTE_MS);
	assert_null(strstr(health(f), "\"trouble\":"));
}

static void never(void **state)
{
	struct firm *f = *state;
	f->p->settings.life.listing_audit_ms = 0;
	int64_t before = calls(f, "ListUsers");
	an_orphan(f, CARL, 1);
	live(f, 5 * HOUR_MS);
	assert_int_equal(calls(f, "ListUsers"), before);
	engine_audit_now(f->p->engine);
	live(f, MINUTE_MS);
	assert_int_equal(calls(f, "ListUsers"), before + 1);
}

int main(void)
{
	atexit(unit_remove_folder);
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : (enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		AUDITED(an_orphan_is_told_once_and_stays), AUDITED(an_approved_orphan_is_taken_down),
		AUDITED(an_orphan_that_grew_is_shown_again),
		AUDITED(an_approved_orphan_waits_for_the_guard), AUDITED(a_rejected_orphan_stays),
		AUDITED(an_orphan_that_is_none_any_more), AUDITED(other_generations),
		AUDITED(a_rebuilt_account_without_an_entry), AUDITED(a_rebuilt_account_whose_entry_turns_up),
		AUDITED(nobody_is_an_orphan_of_a_directory_in_doubt), AUDITED(a_branch_in_doubt_makes_no_storm), AUDITED(what_is_not_ours_is_counted),
		AUDITED(what_is_there_twice_is_told), AUDITED(one_mark_on_two_is_for_a_human),
		AUDITED(one_mark_on_two_of_a_leaver), AUDITED(one_mark_on_two_orphans),
		AUDITED(one_mark_on_two_environments_of_a_leaver), AUDITED(deleted_by_hand), AUDITED(a_leaver_who_can_log_in),
		AUDITED(something_of_the_retired), AUDITED(a_rate_limit_stops_it_for_a_while),
		AUDITED(a_failure_is_told_and_tried_again), AUDITED(never),
	};
	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
