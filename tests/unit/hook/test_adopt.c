/* Adoption of somebody who has not begun yet: what was made for him by hand becomes his when he begins, and not before; he
 * never gets a second one.  Real roll, engine and drivers. */
#include "tests/unit/hook/firm.h"

#include "hook/adopt.h"

static int64_t calls(struct firm *f, const char *action) { return cloud_count(f->p->cloud, action); }

static int64_t changes(struct firm *f)
{
	return calls(f, "AddUser") + calls(f, "UpdateUser") + calls(f, "DeleteUser") + calls(f, "CreateEnv") + calls(f, "DestroyEnv") +
		calls(f, "TagResources") + calls(f, "CreateAccessKey") + calls(f, "AttachUserPolicy");
}

/* In the console, long ago. */
static uint64_t made_by_hand(struct firm *f, const char *name)
{
	struct cloud *c = f->p->cloud;
	uint64_t uin = 0;
	const struct json *made = cloud_raw(c, CAM, "AddUser", arena_printf(f->p->a, "{\"Name\":\"%s\",\"ConsoleLogin\":1,"
		"\"Password\":\"Hand-9-hand\"}", name));
	OK(json_uint(made, "Uin", &uin, &f->p->e));
	cloud_raw(c, TCB, "CreateEnv", arena_printf(f->p->a, "{\"Alias\":\"%s\",\"PackageId\":\"baas_personal\",\"Resources\":"
		"[\"flexdb\",\"storage\",\"function\"]}", name));
	return uin;
}

static struct json *plan(struct firm *f)
{
	const struct adopt_asked asked = { .by = ADOPT_BY_NAME };
	struct json *out = NULL;
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct call call = worker_look(f->p->workers[1], a);
	OK(adopt_plan(&f->p->roll, &call, &asked, f->p->a, &out, &f->p->e));
	return out;
}

static struct json *approve(struct firm *f)
{
	struct store_frozen *rows;
	struct json *out = NULL;
	size_t n;
	int64_t list_ms = 0;
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct call call = worker_look(f->p->workers[1], a);
	OK(store_frozen_list(f->p->store, f->p->a, &rows, &n, &f->p->e));
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == FROZEN_ADOPT)
			list_ms = rows[i].list_ms;
	assert_true(list_ms > 0);
	OK(adopt_approve(&f->p->roll, &call, list_ms, f->p->a, &out, &f->p->e));
	return out;
}

static void expect(struct firm *f, const struct json *out, int64_t people)
{
	if (json_int_or(out, "people", -1) != people || json_count(json_get(out, "refused")))
		fail_msg("%s", json_print(f->p->a, out));
}

static enum stage stage(struct firm *f) { return (enum stage)account(f->p, ALICE).stage; }

static void is_his(struct firm *f, uint64_t uin)
{
	struct store_account a = account(f->p, ALICE);
	if (a.stage != STAGE_ACTIVE || !a.complete)
		fail_msg("%s: %s", stage_name((enum stage)a.stage), a.trouble ? a.trouble : "");
	assert_int_equal(a.generation, 1);
	assert_int_equal(found(f->p, ALICE).uin, uin);
	assert_int_equal(calls(f, "AddUser"), 1);
	assert_int_equal(calls(f, "CreateEnv"), 1);
}

static void begins_at_login(struct firm *f)
{
	f->p->profile.trigger = 1;
	says(f, ALICE, "alice", "staff");
	live(f, HOUR_MS);
	assert_int_equal(stage(f), STAGE_DUE);
}

static void adopted_before_the_first_login(void **state)
{
	struct firm *f = *state;
	uint64_t uin = made_by_hand(f, "alice");
	begins_at_login(f);
	int64_t before = changes(f);
	expect(f, plan(f), 1);
	expect(f, approve(f), 1);
	live(f, 10 * DAY_MS);
	assert_int_equal(stage(f), STAGE_DUE);
	assert_int_equal(changes(f), before);
	OK(roll_logged_in(&f->p->roll, ALICE, "test", f->p->a, &f->p->e));
	live(f, 2 * HOUR_MS);
	is_his(f, uin);
}

/* Disabled, and the store cannot take it in: what he has not got yet is not touched. */
static void struck_before_he_begins(void **state)
{
	struct firm *f = *state;
	made_by_hand(f, "alice");
	begins_at_login(f);
	expect(f, plan(f), 1);
	expect(f, approve(f), 1);
	int64_t before = changes(f), keys = calls(f, "UpdateAccessKey");
	engine_strike(f->p->engine, ALICE);
	live(f, HOUR_MS);
	assert_int_equal(changes(f), before);
	assert_int_equal(calls(f, "UpdateAccessKey"), keys);
}

/* He logs in while it is not decided: he waits for that, and for nothing else. */
static void decided_after_the_first_login(void **state)
{
	struct firm *f = *state;
	uint64_t uin = made_by_hand(f, "alice");
	begins_at_login(f);
	int64_t before = changes(f);
	expect(f, plan(f), 1);
	OK(roll_logged_in(&f->p->roll, ALICE, "test", f->p->a, &f->p->e));
	live(f, DAY_MS);
	assert_int_equal(stage(f), STAGE_DUE);
	assert_int_equal(changes(f), before);
	expect(f, approve(f), 1);
	live(f, 2 * HOUR_MS);
	is_his(f, uin);
}

static void adopted_before_his_date(void **state)
{
	struct firm *f = *state;
	char date[TIME_TEXT];
	uint64_t uin = made_by_hand(f, "alice");
	f->p->rules.map.due = "startDate";
	str_time_ldap(f->p->cloud->v.now_ms + 10 * DAY_MS, date);
	struct model *m = says(f, ALICE, "alice", "staff");
	m->hint_name = "startDate";
	m->hint = arena_strdup(f->p->a, date);
	live(f, HOUR_MS);
	assert_int_equal(stage(f), STAGE_DUE);
	int64_t before = changes(f);
	expect(f, plan(f), 1);
	expect(f, approve(f), 1);
	live(f, 9 * DAY_MS);
	assert_int_equal(stage(f), STAGE_DUE);
	assert_int_equal(changes(f), before);
	live(f, 2 * DAY_MS);
	is_his(f, uin);
}

/* It was said no to, his date has come, and he waits on a list of joins: somebody may think better of it. */
static void from_a_list_of_joins(void **state)
{
	struct firm *f = *state;
	struct store_frozen *rows;
	struct json *out;
	size_t n;
	uint64_t uin = made_by_hand(f, "alice");
	begins_at_login(f);
	expect(f, plan(f), 1);
	OK(store_frozen_list(f->p->store, f->p->a, &rows, &n, &f->p->e));
	OK(adopt_reject(&f->p->roll, rows[0].list_ms, f->p->a, &out, &f->p->e));
	OK(roll_logged_in(&f->p->roll, ALICE, "test", f->p->a, &f->p->e));
	live(f, DAY_MS);
	assert_int_equal(stage(f), STAGE_DUE);
	assert_int_equal(calls(f, "AddUser"), 1);
	expect(f, plan(f), 1);
	expect(f, approve(f), 1);
	live(f, 2 * HOUR_MS);
	is_his(f, uin);
}

/* What was to become his is gone when he begins: nothing is made instead. */
static void gone_when_he_begins(void **state)
{
	struct firm *f = *state;
	made_by_hand(f, "alice");
	begins_at_login(f);
	expect(f, plan(f), 1);
	expect(f, approve(f), 1);
	cloud_raw(f->p->cloud, CAM, "DeleteUser", "{\"Name\":\"alice\",\"Force\":1}");
	OK(roll_logged_in(&f->p->roll, ALICE, "test", f->p->a, &f->p->e));
	live(f, DAY_MS);
	check_has(account(f->p, ALICE).trouble, "to be adopted is not there any more");
	assert_int_equal(calls(f, "AddUser"), 1);
	assert_int_equal(calls(f, "CreateEnv"), 1);
}

int main(void)
{
	atexit(unit_remove_folder);
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : (enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		FIRM(adopted_before_the_first_login), FIRM(decided_after_the_first_login), FIRM(adopted_before_his_date),
		FIRM(from_a_list_of_joins), FIRM(struck_before_he_begins), FIRM(gone_when_he_begins),
	};
	return cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
}
