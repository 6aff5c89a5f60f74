/* Feed and roll with a scripted source: what the directory says becomes people, accounts and their place in the
 * queue.  No cloud is asked: the engine only holds its list of strikes here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "hook/feed.h"
#include "ldap/filter.h"
#include "store_fixture.h"

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
	struct roll roll;
	struct source source;
	struct confirm confirm;
	struct feed *feed;
	struct source_event script[600];
	size_t at, count;
	enum whereabouts where;          /* what every re-read answers; WHERE_INSIDE: the last entry that was told */
	bool mute;
};

static void next_event(struct source *s, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct rig *r = s->ctx;
	(void)timeout_ms, (void)a;
	if (r->at < r->count)
		*ev = r->script[r->at++];
	else
		ev->kind = SOURCE_IDLE;
}

static void wake(struct source *s, bool again) { (void)s, (void)again; }

static int reread(struct confirm *c, const char *uuid, struct arena *a, enum whereabouts *where, const struct entry **entry,
	struct err *e)
{
	struct rig *r = c->ctx;
	(void)a;
	if (r->mute)
		return err_set(e, ERR_TEMP, "no answer");
	*where = r->where;
	for (size_t i = r->count; i > 0; i--)
		if (r->script[i - 1].entry && !strcmp(r->script[i - 1].uuid, uuid)) {
			*entry = r->script[i - 1].entry;
			break;
		}
	return 0;
}

static struct source_event *tell(struct rig *r, enum source_kind kind, const char *uuid)
{
	struct source_event *ev = &r->script[r->count++];
	*ev = (struct source_event){ .kind = kind, .server = "ldap://test" };
	if (uuid)
		str_copy(ev->uuid, sizeof(ev->uuid), uuid);
	return ev;
}

static void add(struct rig *r, struct entry *entry, const char *name, const char *value)
{
	struct attribute *at = &entry->attributes[entry->count++];
	*at = (struct attribute){ .name = name, .count = 1, .values = arena_alloc(r->f.arena, sizeof(struct value)) };
	at->values[0] = (struct value){ (const unsigned char *)value, strlen(value) };
}

static void entry(struct rig *r, const char *uuid, const char *login, const char *type, const char *csn)
{
	struct entry *made = arena_alloc(r->f.arena, sizeof(*made));
	made->attributes = arena_alloc(r->f.arena, 8 * sizeof(struct attribute));
	str_copy(made->uuid, sizeof(made->uuid), uuid);
	made->dn = arena_printf(r->f.arena, "uid=%s", login ? login : "?");
	add(r, made, "objectClass", "inetOrgPerson");
	if (login)
		add(r, made, "uid", login);
	if (type)
		add(r, made, "employeeType", type);
	add(r, made, "entryCSN", csn);
	tell(r, SOURCE_ENTRY, uuid)->entry = made;
}

static void run(struct rig *r)
{
	while (feed_step(r->feed, 0))
		;
}

static void refresh(struct rig *r, size_t people)
{
	static const char *const uuids[] = { A, B, C };
	tell(r, SOURCE_STARTED, NULL);
	for (size_t i = 0; i < people; i++)
		entry(r, uuids[i], arena_printf(r->f.arena, "user%zu", i), "staff", "5");
	tell(r, SOURCE_REFRESHED, NULL);
	run(r);
}

static struct store_account account(struct rig *r, const char *uuid)
{
	struct store_account a;
	OK(store_account_get(r->f.store, uuid, 0, r->f.arena, &a, &r->f.e));
	return a;
}

static struct store_person person(struct rig *r, const char *uuid)
{
	struct store_person p;
	OK(store_person_get(r->f.store, uuid, r->f.arena, &p, &r->f.e));
	return p;
}

static int setup(void **state)
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
	r->settings.life.departures_hour = 2;
	struct arena *a = r->f.arena;
	OK(filter_parse(a, "(employeeType=left)", &r->rules.disabled, &e));
	OK(filter_parse(a, "(objectClass=*)", &r->rules.profiles[0].filter, &e));
	r->rules.profiles[0].name = "all";
	r->rules.profile_count = 1;
	r->rules.map = (struct attribute_map){ .login = "uid" };
	OK(evidence_open(arena_printf(a, "%s/evidence", r->f.folder), &r->f.clock, &r->evidence, &e));
	const struct engine_parts parts = { .settings = &r->settings, .store = r->f.store, .evidence = r->evidence,
		.clock = &r->f.clock };
	OK(engine_new(&parts, &r->engine, &e));
	r->source = (struct source){ .ctx = r, .next = next_event, .wake = wake };
	r->confirm = (struct confirm){ .ctx = r, .reread = reread };
	r->roll = (struct roll){ .settings = &r->settings, .rules = &r->rules, .store = r->f.store, .evidence = r->evidence,
		.engine = r->engine, .clock = &r->f.clock };
	pthread_mutex_init(&r->roll.lock, NULL);
	r->feed = feed_new(&r->roll, &r->source, &r->confirm);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	char command[160];
	feed_free(r->feed);
	engine_free(r->engine);
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

static void newcomers_are_queued(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.lane, LANE_JOIN);
	assert_true(a.due_ms <= r->f.time.now_ms);
	assert_true(feed_trusted(r->feed));
}

static void the_same_again_wakes_nobody(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	int64_t want = account(r, A).want;
	refresh(r, 2);
	entry(r, A, "user0", "staff", "6");      /* another stamp, nothing else: our own write's echo */
	run(r);
	assert_int_equal(account(r, A).want, want);
}

static void a_disable_is_cut_at_once(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	run(r);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_SUSPENDED);
	assert_int_equal(a.lane, LANE_REVOKE);
	assert_int_equal(a.retire_after_ms, r->f.time.now_ms + 1000000);
	assert_true(a.cut_strong);
	assert_string_equal(a.cut_csn, "7");
	entry(r, A, "user0", "staff", "6");      /* older than the cut: a replica that lags */
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, A).generation, 1);
}

static void a_broken_entry_that_says_disabled_is_cut(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, NULL, "left", "7");          /* the login attribute is gone, too */
	run(r);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	entry(r, B, NULL, "staff", "7");
	run(r);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_non_null(strstr(person(r, B).note, "login"));
}

static void a_taken_name_waits(void **state)
{
	struct rig *r = *state;
	int did;
	refresh(r, 1);
	entry(r, B, "user0", "staff", "5");
	run(r);
	struct store_person b = person(r, B);
	assert_int_equal(b.generation, 0);
	assert_non_null(strstr(b.note, "belongs to"));
	entry(r, A, "user0", "left", "7");
	run(r);
	r->f.time.now_ms += 61000;
	OK(roll_due(&r->roll, r->f.arena, &did, &r->f.e));
	assert_int_equal(did, 1);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
}

static void absence_waits_and_is_confirmed(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	refresh(r, 2);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	confirm_step(r->feed);                   /* too early */
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	r->f.time.now_ms += 31000;
	r->mute = true;
	confirm_step(r->feed);                   /* no answer: nothing is concluded */
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	r->mute = false;
	r->f.time.now_ms += 2000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

static void absent_but_there_loses_nothing(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 2);
	r->where = WHERE_INSIDE;
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	assert_int_equal(person(r, C).weak_since_ms, 0);
}

static void an_unfinished_refresh_says_nothing(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	tell(r, SOURCE_STARTED, NULL);
	entry(r, A, "user0", "staff", "5");
	tell(r, SOURCE_GONE, B);
	err_set(&tell(r, SOURCE_LOST, NULL)->err, ERR_TEMP, "cut");
	run(r);
	assert_false(feed_trusted(r->feed));
	r->f.time.now_ms += 100000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_int_equal(person(r, B).weak_since_ms, 0);
}

static void nobody_named_is_not_believed(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	refresh(r, 0);
	assert_false(feed_trusted(r->feed));     /* also for what was trusted before */
	r->f.time.now_ms += 100000;
	confirm_step(r->feed);
	for (const char *const *u = (const char *const[]){ A, B, C, NULL }; *u; u++)
		assert_int_equal(account(r, *u).stage, STAGE_ACTIVE);
}

static void the_brake_holds_all_of_them(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	r->settings.life.departures_hour = 1;
	refresh(r, 1);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, B).stage, STAGE_ACTIVE);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
	entry(r, B, "user1", "left", "9");       /* an explicit disable is not held up by it */
	run(r);
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
}

static void retirement_asks_again(void **state)
{
	struct rig *r = *state;
	refresh(r, 2);
	entry(r, A, "user0", "left", "7");
	run(r);
	r->f.time.now_ms += 1000001;
	r->where = WHERE_INSIDE;
	r->mute = true;
	confirm_step(r->feed);
	assert_int_equal(account(r, A).stage, STAGE_SUSPENDED);
	r->mute = false;
	r->f.time.now_ms += 2000;
	assert_true(confirm_step(r->feed));
	assert_int_equal(account(r, A).stage, STAGE_RETIRED);
	entry(r, A, "user0", "staff", "8");
	run(r);
	assert_int_equal(account(r, A).generation, 2);
	assert_int_equal(account(r, A).stage, STAGE_ACTIVE);
}

/* Missing, back with an entry that cannot be used, and missing again: he must not be forgotten. */
static void absent_unusable_absent(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 2);
	entry(r, C, NULL, "staff", "6");
	run(r);
	r->where = WHERE_GONE;
	refresh(r, 2);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
}

/* Back before the second opinion is acted upon: it is out of date. */
static void heard_of_while_doubted(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	refresh(r, 2);
	entry(r, C, "user2", "staff", "6");
	run(r);
	assert_int_equal(roll_departed(&r->roll, C, "re-read: gone", r->f.arena, &r->f.e), ERR_STALE);
	assert_int_equal(account(r, C).stage, STAGE_ACTIVE);
}

static void an_unreadable_entry_is_not_retired(void **state)
{
	struct rig *r = *state;
	refresh(r, 3);
	r->where = WHERE_GONE;
	refresh(r, 2);
	r->f.time.now_ms += 31000;
	confirm_step(r->feed);
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
	r->where = WHERE_INSIDE;                 /* he is there again, and his login attribute is not */
	entry(r, C, NULL, "staff", "9");
	r->at = r->count;                        /* the source has not told it yet */
	r->f.time.now_ms += 1000001;
	assert_false(confirm_step(r->feed));
	assert_int_equal(account(r, C).stage, STAGE_SUSPENDED);
}

/* The store was full when he was struck, and he is enabled again before it knew. */
static void struck_and_back(void **state)
{
	struct rig *r = *state;
	struct engine_health h;
	refresh(r, 2);
	int64_t want = account(r, A).want;
	engine_strike(r->engine, A);
	r->f.time.now_ms += 10;
	entry(r, A, "user0", "staff", "9");      /* nothing new in it */
	run(r);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 0);
	struct store_account a = account(r, A);
	assert_int_equal(a.stage, STAGE_ACTIVE);
	assert_int_equal(a.want, want + 1);
	assert_int_equal(a.since_ms, r->f.time.now_ms);  /* what was verified before proves nothing now */
}

/* What the store has learnt needs no strike any more. */
static void a_strike_ends_when_the_store_knows(void **state)
{
	struct rig *r = *state;
	struct engine_health h;
	refresh(r, 2);
	engine_strike(r->engine, B);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 1);
	entry(r, B, "user1", "left", "9");
	run(r);
	engine_health(r->engine, &h);
	assert_int_equal(h.strikes, 0);
	assert_int_equal(account(r, B).stage, STAGE_SUSPENDED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	json_start();
	log_open(LOG_ALARM_LEVEL, 0);
	const struct CMUnitTest tests[] = {
		T(newcomers_are_queued), T(the_same_again_wakes_nobody), T(a_disable_is_cut_at_once),
		T(a_broken_entry_that_says_disabled_is_cut), T(a_taken_name_waits), T(absence_waits_and_is_confirmed),
		T(absent_but_there_loses_nothing), T(an_unfinished_refresh_says_nothing), T(nobody_named_is_not_believed),
		T(absent_unusable_absent), T(heard_of_while_doubted), T(an_unreadable_entry_is_not_retired), T(struck_and_back),
		T(the_brake_holds_all_of_them), T(retirement_asks_again), T(a_strike_ends_when_the_store_knows),
	};
	return cmocka_run_group_tests_name("roll", tests, NULL, NULL);
}
