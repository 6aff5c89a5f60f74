/* Feed and roll with a scripted source, a store behind them, and an engine that only holds its list of strikes. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_RIG_H
#define ROLLCALL_TESTS_UNIT_HOOK_RIG_H

#include "store_fixture.h"

#include "common/log.h"
#include "hook/feed.h"
#include "ldap/filter.h"

#define A "00000000-0000-4000-8000-00000000000a"
#define B "00000000-0000-4000-8000-00000000000b"
#define C "00000000-0000-4000-8000-00000000000c"

struct rig {
	struct fixture f;
	struct settings settings;
	struct profile_settings profile;
	struct roll_rules rules;
	struct evidence *evidence;
	struct engine *engine;
	struct guard *guard;
	struct roll roll;
	struct source source;
	struct confirm confirm;
	struct feed *feed;
	struct source_event script[3000];
	size_t at, count;
	bool truthful;                   /* a re-read answers as the script had it last */
	size_t rereads;
	struct source_doubts doubts_now; /* what a look at base and sentinels finds */
	enum whereabouts where;          /* what every re-read answers; WHERE_INSIDE: the last entry that was told */
	bool mute;
};

static inline void next_event(struct source *s, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct rig *r = s->ctx;
	(void)timeout_ms, (void)a;
	if (r->at < r->count)
		*ev = r->script[r->at++];
	else
		ev->kind = SOURCE_IDLE;
}

static inline void wake(struct source *s, bool again) { (void)s, (void)again; }

/* Told since the last refresh began, and not gone again. */
static inline bool is_there(const struct rig *r, const char *uuid)
{
	for (size_t i = r->at; i > 0; i--) {
		const struct source_event *ev = &r->script[i - 1];
		if (!strcmp(ev->uuid, uuid))
			return ev->kind == SOURCE_ENTRY;
		if (ev->kind == SOURCE_STARTED)
			return false;
	}
	return false;
}

static inline int doubts_now(struct confirm *c, struct arena *a, struct source_doubts *out, struct err *e)
{
	struct rig *r = c->ctx;
	if (r->mute)
		return err_set(e, ERR_TEMP, "no answer");
	*out = source_doubts_copy(&r->doubts_now, a);
	return 0;
}

static inline int reread(struct confirm *c, const char *uuid, struct arena *a, enum whereabouts *where, const struct entry **entry,
	struct err *e)
{
	struct rig *r = c->ctx;
	(void)a;
	r->rereads++;
	if (r->mute)
		return err_set(e, ERR_TEMP, "no answer");
	*where = r->where;
	if (r->truthful && !is_there(r, uuid)) {
		*where = WHERE_GONE;
		return 0;
	}
	for (size_t i = r->count; i > 0; i--)
		if (r->script[i - 1].entry && !strcmp(r->script[i - 1].uuid, uuid)) {
			*entry = r->script[i - 1].entry;
			break;
		}
	return 0;
}

static inline struct source_event *tell(struct rig *r, enum source_kind kind, const char *uuid)
{
	struct source_event *ev = &r->script[r->count++];
	*ev = (struct source_event){ .kind = kind, .server = "ldap://test" };
	if (uuid)
		str_copy(ev->uuid, sizeof(ev->uuid), uuid);
	return ev;
}

static inline void add(struct rig *r, struct entry *entry, const char *name, const char *value)
{
	struct attribute *at = &entry->attributes[entry->count++];
	*at = (struct attribute){ .name = name, .count = 1, .values = arena_alloc(r->f.arena, sizeof(struct value)) };
	at->values[0] = (struct value){ (const unsigned char *)value, strlen(value) };
}

static inline struct entry *entry_at(struct rig *r, const char *uuid, const char *dn, const char *login, const char *type,
	const char *csn)
{
	struct entry *made = arena_alloc(r->f.arena, sizeof(*made));
	made->attributes = arena_alloc(r->f.arena, 8 * sizeof(struct attribute));
	str_copy(made->uuid, sizeof(made->uuid), uuid);
	made->dn = dn;
	add(r, made, "objectClass", "inetOrgPerson");
	if (login)
		add(r, made, "uid", login);
	if (type)
		add(r, made, "employeeType", type);
	add(r, made, "entryCSN", csn);
	tell(r, SOURCE_ENTRY, uuid)->entry = made;
	return made;
}

static inline void entry(struct rig *r, const char *uuid, const char *login, const char *type, const char *csn)
{
	entry_at(r, uuid, arena_printf(r->f.arena, "uid=%s", login ? login : "?"), login, type, csn);
}

static inline void run(struct rig *r)
{
	while (feed_step(r->feed, 0))
		;
}

static inline void refresh(struct rig *r, size_t people)
{
	static const char *const uuids[] = { A, B, C };
	tell(r, SOURCE_STARTED, NULL);
	for (size_t i = 0; i < people; i++)
		entry(r, uuids[i], arena_printf(r->f.arena, "user%zu", i), "staff", "5");
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
}

/* The cloud has answered just now, and lets things be destroyed. */
static inline void cloud_answers(struct rig *r)
{
	guard_cloud_time(r->guard, r->f.time.now_ms);
	guard_destroy_cap(r->guard, INT64_MAX);
}

static inline struct store_account account(struct rig *r, const char *uuid)
{
	struct store_account a;
	OK(store_account_get(r->f.store, uuid, 0, r->f.arena, &a, &r->f.e));
	return a;
}

static inline struct store_person person(struct rig *r, const char *uuid)
{
	struct store_person p;
	OK(store_person_get(r->f.store, uuid, r->f.arena, &p, &r->f.e));
	return p;
}

static inline int setup(void **state)
{
	struct rig *r = mem_alloc(sizeof(*r));
	struct err e;
	void *fixture = NULL;
	if (fixture_folder(&fixture))
		return -1;
	r->f = *(struct fixture *)fixture;
	free(fixture);
	/* The clock's context moved with the fixture. */
	r->f.clock = clock_virtual(&r->f.time, NOW, 1);
	fixture_open(&r->f);
	r->profile = (struct profile_settings){ .name = "all", .package = "p" };
	r->settings.profiles = (struct conf_groups){ .count = 1, .items = &r->profile };
	r->settings.cloud.root_account = "main";
	r->settings.cloud.region = "ap-shanghai";
	r->settings.cloud.rate_share = 1;
	r->settings.life.grace_ms = 1000000;
	r->settings.life.weak_wait_ms = 30000;
	r->settings.life.departures_hour = r->settings.life.departures_day = 2;
	r->settings.life.retirements_day = 20;
	struct arena *a = r->f.arena;
	OK(filter_parse(a, "(employeeType=left)", &r->rules.disabled, &e));
	OK(filter_parse(a, "(objectClass=*)", &r->rules.profiles[0].filter, &e));
	r->rules.profiles[0].name = "all";
	r->rules.profile_count = 1;
	r->rules.map = (struct attribute_map){ .login = "uid" };
	OK(evidence_open(arena_printf(a, "%s/evidence", r->f.folder), &r->f.clock, &r->evidence, &e));
	r->guard = guard_new(&r->settings, r->f.store, &r->f.clock);
	const struct engine_parts parts = { .settings = &r->settings, .store = r->f.store, .evidence = r->evidence,
		.clock = &r->f.clock };
	OK(engine_new(&parts, &r->engine, &e));
	r->source = (struct source){ .ctx = r, .next = next_event, .wake = wake };
	r->confirm = (struct confirm){ .ctx = r, .reread = reread, .reread_original = reread, .doubts = doubts_now };
	r->roll = (struct roll){ .settings = &r->settings, .rules = &r->rules, .store = r->f.store, .evidence = r->evidence,
		.engine = r->engine, .clock = &r->f.clock, .guard = r->guard };
	pthread_mutex_init(&r->roll.lock, NULL);
	r->feed = feed_new(&r->roll, &r->source, &r->confirm);
	*state = r;
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *r = *state;
	char command[160];
	feed_free(r->feed);
	engine_free(r->engine);
	guard_free(r->guard);
	evidence_close(r->evidence);
	store_close(r->f.store);
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "evidence", "store.db.lock" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(command, sizeof(command), "%s/%s", r->f.folder, names[i]);
		unlink(command);
	}
	rmdir(r->f.folder);
	arena_free(r->f.arena);
	free(r);
	return 0;
}

#define RIG(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
