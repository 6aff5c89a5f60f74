/* From the proof to the hold: two people in the emulator, one of whom reaches the other's environment, a real engine and
 * a real roll, in virtual time. */
#include "../common/unit.h"

#include "common/file.h"
#include "common/log.h"
#include "hook/engine.h"
#include "hook/roll.h"
#include "ldap/filter.h"
#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"
#define ALICE "00000000-0000-4000-8000-00000000000a"
#define BOB "00000000-0000-4000-8000-00000000000b"
#define WORKERS 2
#define HOUR_MS (60 * 60 * 1000LL)

struct plant {
	struct cloud *cloud;
	struct arena *a;
	struct settings settings;
	struct profile_settings profile;
	struct roll_rules rules;
	struct store *store;
	struct evidence *evidence;
	struct seal_key *key;
	struct seal_to *escrow;
	struct post *post;
	struct engine *engine;
	struct roll roll;
	struct transport wire;
	struct worker *workers[WORKERS];
	struct err e;
	/* Alarms that the engine told, and whether the roll hears them. */
	int told;
	bool deaf;
	char told_uuid[UUID_TEXT], told_request[64];
	bool in_hand;                     /* the account was still the worker's own when it told */
};

#define OK(call) assert_int_equal((call), 0)

static void foreign(void *ctx, const char *uuid, unsigned generation, const char *request_id)
{
	struct plant *p = ctx;
	struct store_account a;
	p->told++;
	str_copy(p->told_uuid, sizeof(p->told_uuid), uuid);
	str_copy(p->told_request, sizeof(p->told_request), request_id);
	assert_int_equal(generation, 1);
	OK(store_account_get(p->store, uuid, 0, p->a, &a, &p->e));
	p->in_hand = a.owner != 0;
	if (!p->deaf)
		OK(roll_foreign(&p->roll, uuid, generation, request_id, p->a, &p->e));
}

static int exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	struct plant *p = t->ctx;
	return p->cloud->wire.exchange(&p->cloud->wire, r, a, out, e);
}

static void nothing(struct transport *t) { (void)t; }

static int deliver(void *ctx, const char *uuid, const char *payload, struct arena *a, bool *changed, struct err *e)
{
	(void)ctx, (void)uuid, (void)payload, (void)a, (void)e;
	*changed = true;
	return 0;
}

static char *text_of(struct plant *p, const char *path)
{
	char *text;
	size_t n;
	OK(file_read(p->a, path, SETTINGS_FILE_MAX, &text, &n, &p->e));
	return text;
}

static void set(struct plant *p)
{
	struct settings *s = &p->settings;
	p->profile = (struct profile_settings){ .name = "all", .package = "baas_personal" };
	s->installation = CLOUD_INSTALLATION;
	s->cloud.root_account = "main";
	s->cloud.region = "ap-shanghai";
	s->cloud.domain = "tencentcloudapi.com";
	s->cloud.rate_share = 1.0;
	s->cloud.timeout_ms = 20000;
	s->cloud.revoke_timeout_ms = 5000;
	s->cloud.driver = p->cloud->settings;
	s->cloud.driver.by_hand_kept = true;      /* what an administrator attaches stays: the proof must see it */
	s->cloud.driver.probe_others = 2;
	s->cloud.driver.prove_every_ms = 24 * HOUR_MS;
	s->life.grace_ms = 24 * HOUR_MS;
	s->life.undo_ms = 24 * HOUR_MS;
	s->life.sweep_ms = 120000;
	s->life.trust_ms = 600000;
	s->life.audit_ms = 24 * HOUR_MS;
	s->life.retry_max_ms = 900000;
	s->profiles = (struct conf_groups){ .count = 1, .items = &p->profile };
	p->rules.map = (struct attribute_map){ .login = "uid" };
	p->rules.profile_count = 1;
	p->rules.profiles[0].name = "all";
	OK(filter_parse(p->a, "(objectClass=*)", &p->rules.profiles[0].filter, &p->e));
	OK(filter_parse(p->a, "(employeeType=left)", &p->rules.disabled, &p->e));
}

static void start(struct plant *p)
{
	const struct post_parts post = { .settings = &p->settings, .store = p->store, .clock = &p->cloud->clock, .escrow = p->escrow,
		.own_key = p->key, .deliver = deliver };
	struct cam_catalogue *catalogue = NULL;
	const char *actions = text_of(p, "policies/templates/actions.txt");
	OK(cam_catalogue_parse(p->a, actions, strlen(actions), &catalogue, &p->e));
	p->post = post_new(&post);
	const struct engine_parts parts = { .settings = &p->settings, .store = p->store, .evidence = p->evidence, .post = p->post,
		.clock = &p->cloud->clock, .own_key = p->key, .installation = CLOUD_INSTALLATION,
		.secret_id = p->cloud->api.secret_id, .secret_key = p->cloud->root_key,
		.template_text = text_of(p, "policies/templates/employee.json"),
		.boundary_text = text_of(p, "policies/templates/boundary.json"),
		.barrier_text = text_of(p, "policies/templates/deny-all.json"),
		.catalogue = catalogue, .foreign = foreign, .foreign_ctx = p };
	OK(engine_new(&parts, &p->engine, &p->e));
	p->wire = (struct transport){ .ctx = p, .exchange = exchange, .wake = nothing, .rearm = nothing, .close = nothing };
	for (int i = 0; i < WORKERS; i++)
		p->workers[i] = worker_new(p->engine, i + 1, i == 0, &p->wire);
	p->roll = (struct roll){ .settings = &p->settings, .rules = &p->rules, .store = p->store, .evidence = p->evidence,
		.engine = p->engine, .clock = &p->cloud->clock };
	pthread_mutex_init(&p->roll.lock, NULL);
}

static void hear(struct plant *p, const char *uuid, const char *login, const char *type, const char *csn)
{
	const char *const names[] = { "objectClass", "uid", "employeeType", "entryCSN" };
	const char *const values[] = { "inetOrgPerson", login, type, csn };
	struct entry *entry = arena_alloc(p->a, sizeof(*entry));
	entry->attributes = arena_alloc(p->a, ARRAY_LEN(names) * sizeof(*entry->attributes));
	entry->count = ARRAY_LEN(names);
	entry->dn = arena_printf(p->a, "uid=%s", login);
	str_copy(entry->uuid, sizeof(entry->uuid), uuid);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct value *v = arena_alloc(p->a, sizeof(*v));
		*v = (struct value){ (const unsigned char *)values[i], strlen(values[i]) };
		entry->attributes[i] = (struct attribute){ .name = names[i], .count = 1, .values = v };
	}
	OK(roll_entry(&p->roll, entry, p->a, &p->e));
}

/* All that is due within this time. */
static void run(struct plant *p, int64_t for_ms)
{
	int64_t until = p->cloud->v.now_ms + for_ms, due;
	while (p->cloud->v.now_ms <= until) {
		int64_t next = until + 1;
		int did = 0;
		for (int i = 0; i < WORKERS; i++) {
			did |= engine_step(p->workers[i], &due);
			next = due < next ? due : next;
		}
		did |= post_step(p->post, &due);
		if (!did)
			p->cloud->v.now_ms = next > p->cloud->v.now_ms ? next : p->cloud->v.now_ms + 1;
	}
}

static struct store_account account(struct plant *p, const char *uuid)
{
	struct store_account a;
	OK(store_account_get(p->store, uuid, 0, p->a, &a, &p->e));
	return a;
}

static struct found found(struct plant *p, const char *uuid)
{
	struct found f = { 0 };
	struct store_account a = account(p, uuid);
	if (a.found && *a.found)
		OK(found_parse(a.found, p->a, &f, &p->e));
	return f;
}

static int open_plant(void **state)
{
	struct plant *p = mem_alloc(sizeof(*p));
	void *cloud = NULL;
	OK(cloud_begin(&cloud));
	p->cloud = cloud;
	p->a = arena_new(SIZE_MAX);
	set(p);
	OK(store_open(unit_path(p->a, "store.db"), &p->cloud->clock, &p->store, &p->e));
	OK(evidence_open(unit_path(p->a, "evidence"), &p->cloud->clock, &p->evidence, &p->e));
	OK(seal_key_ensure(unit_path(p->a, "own.pem"), "rollcall", &p->key, &p->e));
	p->escrow = seal_key_recipient(p->key);
	start(p);
	*state = p;
	return 0;
}

static int setup(void **state)
{
	OK(open_plant(state));
	struct plant *p = *state;
	hear(p, ALICE, "alice", "staff", "1#");
	hear(p, BOB, "bob", "staff", "1#");
	run(p, 2 * HOUR_MS);
	for (const char *const *u = (const char *const[]){ ALICE, BOB, NULL }; *u; u++)
		if (!account(p, *u).complete)
			fail_msg("%s: %s", *u, account(p, *u).trouble);
	return 0;
}

static int teardown(void **state)
{
	struct plant *p = *state;
	void *cloud = p->cloud;
	for (int i = 0; i < WORKERS; i++)
		worker_free(p->workers[i]);
	engine_free(p->engine);
	post_free(p->post);
	evidence_close(p->evidence);
	store_close(p->store);
	seal_to_free(p->escrow);
	seal_key_free(p->key);
	arena_free(p->a);
	free(p);
	unit_remove_folder();
	unit_folder[0] = '\0';
	return cloud_end(&cloud);
}

static void ask(struct plant *p, const char *uuid)
{
	int64_t n;
	OK(store_verify(p->store, uuid, STAGE_ACTIVE, p->cloud->v.now_ms, &n, &p->e));
}

/* Policy 1 is AdministratorAccess. */
static void administrator(struct plant *p, const char *uuid, bool attach)
{
	cloud_raw(p->cloud, CAM, attach ? "AttachUserPolicy" : "DetachUserPolicy",
		arena_printf(p->a, "{\"PolicyId\":1,\"%sUin\":%llu}", attach ? "Attach" : "Detach",
			(unsigned long long)found(p, uuid).uin));
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void a_question_has_everything_looked_at_anew(void **state)
{
	struct plant *p = *state;
	ask(p, NULL);                            /* what was verified a moment ago would be trusted otherwise */
	run(p, 1);
	p->cloud->v.now_ms += 1000;
	struct found before = found(p, ALICE);
	int64_t asked = p->cloud->v.now_ms;
	assert_true(asked - before.verified_ms[ROW_USER] < p->settings.life.trust_ms);
	ask(p, ALICE);
	p->cloud->v.now_ms++;
	run(p, 10000);
	struct found after = found(p, ALICE);
	assert_string_equal(after.proof, PROOF_ISOLATED);
	assert_true(after.proof_ms >= asked);
	assert_int_equal(after.proof_seen, 1);
	assert_true(after.proof_refused > 0 && after.proof_calls > after.proof_refused);
	static const enum row_id looked_at[] = { ROW_USER, ROW_BOUNDARY, ROW_ENV, ROW_POLICY, ROW_ACCESS, ROW_CONSOLE, ROW_KEY, ROW_PROOF };
	for (size_t i = 0; i < ARRAY_LEN(looked_at); i++)
		if (after.verified_ms[looked_at[i]] <= asked)
			fail_msg("row %d was not looked at", looked_at[i]);
	assert_true(account(p, ALICE).complete);
	assert_true(found(p, BOB).proof_ms < asked);
	assert_int_equal(p->told, 0);
	/* Looked at once; the next audit is as far away as ever. */
	assert_int_equal(account(p, ALICE).lane, LANE_AUDIT);
	assert_true(account(p, ALICE).due_ms > asked + p->settings.life.audit_ms - 1);
}

static void who_reaches_a_colleague_is_held(void **state)
{
	struct plant *p = *state;
	administrator(p, ALICE, true);
	p->cloud->v.now_ms += 600000;
	ask(p, NULL);
	run(p, 600000);
	assert_int_equal(p->told, 1);
	assert_true(p->in_hand);
	assert_string_equal(p->told_uuid, ALICE);
	assert_true(*p->told_request);
	struct store_account a = account(p, ALICE);
	assert_int_equal(a.stage, STAGE_HELD);
	assert_true(a.complete);
	check_has(a.hold_reason, p->told_request);
	assert_string_equal(found(p, ALICE).proof, PROOF_FOREIGN);
	assert_string_equal(found(p, BOB).proof, PROOF_ISOLATED);
	assert_int_equal(account(p, BOB).stage, STAGE_ACTIVE);
	/* His key is worth nothing, and the reason stands where people look. */
	const struct json *keys = cloud_admin(p->cloud, ACT_LIST_ACCESS_KEYS,
		arena_printf(p->a, "{\"TargetUin\":%llu}", (unsigned long long)found(p, ALICE).uin));
	for (const struct json *k = json_first(json_get(keys, "AccessKeys")); k; k = json_next(k))
		assert_string_equal(json_text(k, "Status"), "Inactive");
	struct store_letter letter;
	OK(store_letter_get(p->store, a.id, p->a, &letter, &p->e));
	check_has(letter.payload, "\"held\"");
	check_has(letter.payload, PROOF_FOREIGN);
	check_has(letter.payload, "rollcallHoldReason");
	/* Let go with the cause still there: held again.  Without it: isolated. */
	OK(roll_resume(&p->roll, ALICE, "uid 0", p->a, &p->e));
	run(p, 600000);
	assert_int_equal(account(p, ALICE).stage, STAGE_HELD);
	assert_int_equal(p->told, 2);
	administrator(p, ALICE, false);
	OK(roll_resume(&p->roll, ALICE, "uid 0", p->a, &p->e));
	run(p, 600000);
	assert_int_equal(account(p, ALICE).stage, STAGE_ACTIVE);
	assert_true(account(p, ALICE).complete);
	assert_string_equal(found(p, ALICE).proof, PROOF_ISOLATED);
	assert_int_equal(p->told, 2);
}

/* Nobody acts on the alarm: it is raised at each walk that proves it again, and at no other. */
static void each_proof_tells_once(void **state)
{
	struct plant *p = *state;
	p->deaf = true;
	administrator(p, ALICE, true);
	p->cloud->v.now_ms += 600000;
	ask(p, ALICE);
	run(p, 600000);
	assert_int_equal(p->told, 1);
	struct store_account a = account(p, ALICE);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.trouble_kind, ERR_PERM);
	run(p, p->settings.life.retry_max_ms);
	assert_int_equal(p->told, 2);
	/* A walk that does not get as far tells nothing of the one before. */
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"GetUser\",\"kind\":\"error\",\"code\":\"InternalError\",\"times\":1}]}");
	ask(p, ALICE);
	run(p, 1);
	assert_int_equal(p->told, 2);
}

/* The proof waits for the cloud's caches, and the server for a human: the one is not as slow as the other. */
static void a_sold_out_server_delays_no_proof(void **state)
{
	struct plant *p = *state;
	p->profile.bundle = "bundle_gen_lin_2c4g";
	p->settings.life.retry_max_ms = 10 * HOUR_MS;
	cloud_faults(p->cloud, "{\"rules\":[{\"action\":\"CreateInstances\",\"kind\":\"error\","
		"\"code\":\"ResourcesSoldOut.BundleSoldOut\"}]}");
	hear(p, ALICE, "alice", "staff", "1#");
	run(p, 600000);
	struct store_account a = account(p, ALICE);
	assert_false(a.complete);
	assert_int_equal(a.trouble_kind, ERR_QUOTA);
	assert_string_equal(found(p, ALICE).proof, PROOF_ISOLATED);
	/* Nothing waits any more but the server, and that for long. */
	assert_true(a.due_ms > p->cloud->v.now_ms + HOUR_MS);
}

static void an_administrator_takes_it_and_gives_it_back(void **state)
{
	struct plant *p = *state;
	OK(roll_suspend(&p->roll, BOB, "asked by \"security\"", "uid 0", p->a, &p->e));
	run(p, 600000);
	struct store_account b = account(p, BOB);
	assert_int_equal(b.stage, STAGE_HELD);
	assert_true(b.complete);
	uint64_t uin = found(p, BOB).uin;
	const char *users = json_print(p->a, cloud_raw(p->cloud, CAM, "ListUsers", "{}"));
	check_has(users, "held: asked by \\\"security\\\"");
	char key[64];
	str_copy(key, sizeof(key), found(p, BOB).key_id);
	OK(roll_resume(&p->roll, BOB, "uid 0", p->a, &p->e));
	run(p, 600000);
	b = account(p, BOB);
	assert_int_equal(b.stage, STAGE_ACTIVE);
	assert_true(b.complete);
	assert_int_equal(found(p, BOB).uin, uin);
	assert_string_equal(found(p, BOB).key_id, key);          /* back within the undo time */
	assert_null(strstr(json_print(p->a, cloud_raw(p->cloud, CAM, "ListUsers", "{}")), "held:"));
}

#define PLANT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define EMPTY_PLANT(name) cmocka_unit_test_setup_teardown(name, open_plant, teardown)

int main(void)
{
	log_open((enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		PLANT(a_question_has_everything_looked_at_anew), PLANT(who_reaches_a_colleague_is_held),
		PLANT(each_proof_tells_once), PLANT(an_administrator_takes_it_and_gives_it_back),
		EMPTY_PLANT(a_sold_out_server_delays_no_proof),
	};
	return cmocka_run_group_tests_name("engine-proof", tests, NULL, NULL);
}
