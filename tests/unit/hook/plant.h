/* A small works: real engine, roll, store and post against the emulator's core, in virtual time and without threads; what
 * the directory says is told by hear(). */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_PLANT_H
#define ROLLCALL_TESTS_UNIT_HOOK_PLANT_H

#include "../common/unit.h"

#include "common/file.h"
#include "common/log.h"
#include "hook/engine.h"
#include "hook/orphan.h"
#include "hook/retire.h"
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
	struct guard *guard;
	struct clock wall;                /* the guard's own: */
	int64_t step_ms;                  /* the machine's wall clock is wrong by this much */
	void *firm;                       /* firm.h */
	struct feed *feed;                /* NULL, unless a test has one: then nobody is asked about destroying */
	struct roll roll;
	struct transport wire;
	struct worker *workers[WORKERS];
	struct err e;
	/* Alarms that the engine told, and whether the roll hears them. */
	int told;
	bool deaf;
	char told_uuid[UUID_TEXT], told_request[64];
	bool in_hand;                     /* the account was still the worker's own when it told */
	bool unwritable;                  /* the directory takes no letter */
	char *shown;                      /* what ALICE's entry shows (JSON) */
};

#define OK(call) assert_int_equal((call), 0)

static inline void foreign(void *ctx, const char *uuid, unsigned generation, const char *request_id)
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

static inline int may_destroy(void *ctx, const char *uuid, unsigned generation, struct err *e)
{
	struct plant *p = ctx;
	return p->feed ? retire_may_destroy(p->feed, uuid, generation, e) : 0;
}

static inline int orphans(void *ctx, const struct owned *const *list, size_t count, struct arena *a, struct orphan_counts *out,
	struct err *e)
{
	struct plant *p = ctx;
	out->believed = true;
	return p->feed ? orphan_judge(p->feed, list, count, a, out, e) : 0;
}

static inline int park(void *ctx, const char *uuid, struct arena *a, bool *full, struct err *e)
{
	struct plant *p = ctx;
	return roll_park(&p->roll, uuid, a, full, e);
}

static inline bool believed(void *ctx)
{
	struct plant *p = ctx;
	return !p->feed || orphan_believed(p->feed);
}

static inline int exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	struct plant *p = t->ctx;
	return p->cloud->wire.exchange(&p->cloud->wire, r, a, out, e);
}

static inline void nothing(struct transport *t) { (void)t; }

static inline int deliver(void *ctx, const char *uuid, const char *oldest, const char *payload, struct arena *a,
	bool *changed, struct err *e)
{
	(void)oldest;
	struct plant *p = ctx;
	(void)a;
	if (p->unwritable)
		return err_set(e, ERR_TEMP, "the directory takes nothing");
	if (!strcmp(uuid, ALICE))
		p->shown = arena_strdup(p->a, payload);
	*changed = true;
	return 0;
}

static inline char *text_of(struct plant *p, const char *path)
{
	char *text;
	size_t n;
	OK(file_read(p->a, path, SETTINGS_FILE_MAX, &text, &n, &p->e));
	return text;
}

static inline void set(struct plant *p)
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
	s->life.retirements_day = 20;
	s->profiles = (struct conf_groups){ .count = 1, .items = &p->profile };
	p->rules.map = (struct attribute_map){ .login = "uid" };
	p->rules.profile_count = 1;
	p->rules.profiles[0].name = "all";
	OK(filter_parse(p->a, "(objectClass=*)", &p->rules.profiles[0].filter, &p->e));
	OK(filter_parse(p->a, "(employeeType=left)", &p->rules.disabled, &p->e));
}

static inline int64_t wall_ms(void *ctx)
{
	struct plant *p = ctx;
	return p->cloud->v.now_ms + p->step_ms;
}

static inline int64_t wall_mono_ms(void *ctx)
{
	struct plant *p = ctx;
	return clock_mono(&p->cloud->clock);
}

static inline void start(struct plant *p)
{
	const struct post_parts post = { .settings = &p->settings, .store = p->store, .clock = &p->cloud->clock, .escrow = p->escrow,
		.own_key = p->key, .deliver = deliver, .deliver_ctx = p };
	struct cam_catalogue *catalogue = NULL;
	const char *actions = text_of(p, "policies/templates/actions.txt");
	OK(cam_catalogue_parse(p->a, actions, strlen(actions), &catalogue, &p->e));
	p->post = post_new(&post);
	p->wall = (struct clock){ .ctx = p, .now_ms = wall_ms, .mono_ms = wall_mono_ms };
	p->guard = guard_new(&p->settings, p->store, &p->wall);
	const struct engine_parts parts = { .settings = &p->settings, .store = p->store, .evidence = p->evidence, .post = p->post,
		.clock = &p->cloud->clock, .own_key = p->key, .installation = CLOUD_INSTALLATION,
		.secret_id = p->cloud->api.secret_id, .secret_key = p->cloud->root_key,
		.template_text = text_of(p, "policies/templates/employee.json"),
		.boundary_text = text_of(p, "policies/templates/boundary.json"),
		.barrier_text = text_of(p, "policies/templates/deny-all.json"),
		.catalogue = catalogue, .foreign = foreign, .foreign_ctx = p,
		.park = park, .park_ctx = p, .guard = p->guard, .may_destroy = may_destroy, .destroy_ctx = p,
		.orphans = orphans, .believed = believed, .orphans_ctx = p };
	OK(engine_new(&parts, &p->engine, &p->e));
	p->wire = (struct transport){ .ctx = p, .exchange = exchange, .wake = nothing, .rearm = nothing, .close = nothing };
	for (int i = 0; i < WORKERS; i++)
		p->workers[i] = worker_new(p->engine, i + 1, i == 0, &p->wire);
	p->roll = (struct roll){ .settings = &p->settings, .rules = &p->rules, .store = p->store, .evidence = p->evidence,
		.engine = p->engine, .clock = &p->cloud->clock, .guard = p->guard };
	pthread_mutex_init(&p->roll.lock, NULL);
}

static inline void hear(struct plant *p, const char *uuid, const char *login, const char *type, const char *csn)
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
static inline void run(struct plant *p, int64_t for_ms)
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

static inline struct store_account account(struct plant *p, const char *uuid)
{
	struct store_account a;
	OK(store_account_get(p->store, uuid, 0, p->a, &a, &p->e));
	return a;
}

static inline struct found found(struct plant *p, const char *uuid)
{
	struct found f = { 0 };
	struct store_account a = account(p, uuid);
	if (a.found && *a.found)
		OK(found_parse(a.found, p->a, &f, &p->e));
	return f;
}

/* Making one takes longer than a year of virtual time. */
static struct seal_key *plant_key;

static inline int open_plant(void **state)
{
	struct plant *p = mem_alloc(sizeof(*p));
	void *cloud = NULL;
	OK(cloud_begin(&cloud));
	p->cloud = cloud;
	p->a = arena_new(SIZE_MAX);
	set(p);
	OK(store_open(unit_path(p->a, "store.db"), &p->cloud->clock, &p->store, &p->e));
	OK(evidence_open(unit_path(p->a, "evidence"), &p->cloud->clock, &p->evidence, &p->e));
	if (!plant_key)
		OK(seal_key_ensure(unit_path(p->a, "own.pem"), "rollcall", &plant_key, &p->e));
	p->key = plant_key;
	p->escrow = seal_key_recipient(p->key);
	start(p);
	*state = p;
	return 0;
}

static inline int setup(void **state)
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

/* What start() made. */
static inline void stop(struct plant *p)
{
	for (int i = 0; i < WORKERS; i++)
		worker_free(p->workers[i]);
	engine_free(p->engine);
	guard_free(p->guard);
	post_free(p->post);
}

static inline int teardown(void **state)
{
	struct plant *p = *state;
	void *cloud = p->cloud;
	feed_free(p->feed);
	stop(p);
	evidence_close(p->evidence);
	store_close(p->store);
	seal_to_free(p->escrow);
	arena_free(p->a);
	free(p);
	unit_remove_folder();
	unit_folder[0] = '\0';
	return cloud_end(&cloud);
}

#define PLANT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define EMPTY_PLANT(name) cmocka_unit_test_setup_teardown(name, open_plant, teardown)

#endif
