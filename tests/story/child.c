/* Rollcall in a story: real store, engine, roll, feed and post, put together as rollcalld does it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/orphan.h"
#include "hook/retire.h"
#include "ldap/filter.h"
#include "tests/story/child.h"
#include "tests/vfs/faulty.h"

#define IDLE_MOST_MS (6 * HOUR_MS)

static struct shared *shm;       /* the fail point hook has no context of its own */

static void point(const char *name)
{
	if (!points_pass(shm, name))
		return;
	if (shm->end.power) {
		faulty_power_cut();
		faulty_power_on(shm->end.power);
	}
	_exit(137);
}

static int64_t now_ms(void *ctx)
{
	const struct shared *s = ((struct story_child *)ctx)->life->shared;
	return s->true_ms + s->step_ms;
}
static int64_t mono_ms(void *ctx) { return ((struct story_child *)ctx)->life->shared->true_ms; }
static void wait_ms(void *ctx, int64_t ms) { (void)ctx, (void)ms; }
static void random_bytes(void *ctx, void *out, size_t n) { clock_random(&((struct story_child *)ctx)->random, out, n); }

uint32_t child_dice(struct story_child *c, uint32_t sides)
{
	uint32_t r;
	clock_random(&c->random, &r, sizeof(r));
	return r % sides;
}

/* The disk is as the parent says. */
static void look_at_disk(struct story_child *c)
{
	enum disk disk = c->life->shared->disk;
	if (disk == DISK_FAILS_ONCE && child_dice(c, 20) == 0)
		faulty_fail_write(1 + child_dice(c, 10));
	if (disk == c->disk)
		return;
	faulty_full(disk == DISK_FULL);
	faulty_full_everywhere(disk == DISK_FULL_EVERYWHERE);
	faulty_read_only(disk == DISK_READ_ONLY);
	if (disk == DISK_WELL)
		faulty_fail_write(0);
	c->disk = disk;
}

char child_ask(struct story_child *c, char type, const void *body, size_t n, struct arena *a, char **answer, size_t *len)
{
	char kind;
	if (frame_send(c->life->fd, type, body, n) || frame_receive(c->life->fd, a, &kind, answer, len))
		_exit(3);
	look_at_disk(c);
	return kind;
}

/* --- putting it together --------------------------------------------------------------------------------------- */

static void must(int rc, const struct err *e, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "story child: %s: %s\n", what, e->text);
	_exit(6);
}

/* On a failing disk it may refuse to start; whoever started it tries again. */
static void must_open(struct story_child *c, int rc, const struct err *e, const char *what)
{
	if (rc && c->life->shared->disk != DISK_WELL)
		_exit(STATUS_NO_START);
	must(rc, e, what);
}

static char *read_file(struct arena *a, const char *path)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st))
		_exit(5);
	char *text = arena_alloc(a, (size_t)st.st_size + 1);
	if (read(fd, text, (size_t)st.st_size) != st.st_size)
		_exit(5);
	return text;
}

static void settle_settings(struct story_child *c)
{
	struct settings *s = &c->settings;
	const struct setup *setup = c->life->setup;
	c->profile = (struct profile_settings){ .name = "all", .package = PACKAGE, .bundle = BUNDLE };
	s->installation = INSTALLATION;
	s->directory.dir.base = BASE;
	s->cloud.root_account = "main";
	s->cloud.region = REGION;
	s->cloud.domain = "tencentcloudapi.com";
	s->cloud.rate_share = 1.0;
	s->cloud.timeout_ms = 20000;
	s->cloud.revoke_timeout_ms = 5000;
	s->cloud.driver = (struct cloud_settings){ .poll_ms = 5000,
		.settle_ms = 900000,
		.policy_cache_ms = 60000,
		.isolation_ms = 0,
		.openclaw_image = "OpenClaw",
		.agent_timeout_ms = 900000,
		.agent_script = read_file(c->arena, "etc/agent/install-agent.sh"),
		.by_hand_kept = setup->by_hand_kept,
		.probe_others = 2,
		.prove_every_ms = setup->audit_ms };
	s->life.grace_ms = GRACE_MS;
	s->life.undo_ms = UNDO_MS;
	s->life.weak_wait_ms = WEAK_WAIT_MS;
	s->life.sweep_ms = SWEEP_MS;
	s->life.trust_ms = 10 * MINUTE_MS;
	s->life.audit_ms = setup->audit_ms;
	s->life.listing_audit_ms = setup->audit_ms / 4;
	s->life.retry_max_ms = 15 * MINUTE_MS;
	s->cloud.driver.key_age_ms = setup->key_age_ms;
	s->cloud.driver.key_overlap_ms = KEY_OVERLAP_MS;
	s->life.departures_hour = setup->departures_hour;
	s->life.departures_day = setup->departures_day;
	s->life.joins_hour = setup->joins_hour;
	s->life.retirements_day = 20;
	s->profiles = (struct conf_groups){ .count = 1, .items = &c->profile };
}

static void settle_rules(struct story_child *c)
{
	static const char *const disabled[] = { [DISABLED_BY_VALUE] = "(employeeType=disabled)" };
	static const char *const entitled[] = { [DISABLED_BY_VALUE] = "(objectClass=inetOrgPerson)",
		[ENTITLED_BY_VALUE] = "(employeeType=active)",
		[ENTITLED_BY_NEGATION] = "(&(objectClass=inetOrgPerson)(!(employeeType=disabled)))" };
	enum verdicts v = c->life->setup->verdicts;
	struct err e = { 0 };
	if (v == DISABLED_BY_VALUE)
		must(filter_parse(c->arena, disabled[v], &c->rules.disabled, &e), &e, "filter");
	must(filter_parse(c->arena, entitled[v], &c->rules.entitled, &e), &e, "filter");
	must(filter_parse(c->arena, "(title=protected)", &c->rules.guarded, &e), &e, "filter");
	c->rules.map = (struct attribute_map){ .login = "uid", .mail = "mail", .display = "displayName" };
	c->rules.profile_count = 1;
	c->rules.profiles[0].name = "all";
	must(filter_parse(c->arena, "(objectClass=*)", &c->rules.profiles[0].filter, &e), &e, "filter");
}

static struct cam_catalogue *read_catalogue(struct arena *a)
{
	const char *text = read_file(a, "policies/templates/actions.txt");
	struct cam_catalogue *catalogue = NULL;
	struct err e = { 0 };
	must(cam_catalogue_parse(a, text, strlen(text), &catalogue, &e), &e, "catalogue");
	return catalogue;
}

/* Nobody here is ever let into another environment: a proof that says so is wrong. */
static void foreign(void *ctx, const char *uuid, unsigned generation, const char *request_id)
{
	(void)ctx;
	fprintf(stderr, "story child: %s:%u was shown what is not his, request %s\n", uuid, generation, request_id);
	_exit(6);
}

static void open_state(struct story_child *c)
{
	const struct life *l = c->life;
	struct err e = { 0 };
	faulty_install();
	faulty_alone();
	look_at_disk(c);
	must_open(c, store_open(arena_printf(c->arena, "%s/store.db", l->dir), &c->clock, &c->store, &e), &e, "store");
	must(evidence_open(arena_printf(c->arena, "%s/evidence", l->dir), &c->clock, &c->evidence, &e), &e, "evidence");
	evidence_second(c->evidence, arena_printf(c->arena, "%s/second", l->dir));
	c->guard = guard_new(&c->settings, c->store, &c->clock);
	c->escrow = seal_key_recipient(l->key);
	c->secret = secret_text("root-secret-key-of-the-story");
}

static int orphans(void *ctx, const struct owned *const *list, size_t count, struct arena *a, struct orphan_counts *out, struct err *e)
{
	struct story_child *c = ctx;
	return orphan_judge(c->feed, list, count, a, out, e);
}

static bool believed(void *ctx)
{
	struct story_child *c = ctx;
	return orphan_believed(c->feed);
}

static int may_destroy(void *ctx, const char *uuid, unsigned generation, struct err *e)
{
	struct story_child *c = ctx;
	return retire_may_destroy(c->feed, uuid, generation, e);
}

static void open_engine(struct story_child *c)
{
	struct arena *a = c->arena;
	struct err e = { 0 };
	const struct post_parts post = { .settings = &c->settings, .store = c->store, .clock = &c->clock, .escrow = c->escrow,
		.own_key = c->life->key, .deliver = child_deliver, .deliver_ctx = c };
	c->post = post_new(&post);
	const struct engine_parts parts = { .settings = &c->settings, .store = c->store, .evidence = c->evidence, .post = c->post,
		.clock = &c->clock, .own_key = c->life->key, .installation = INSTALLATION, .secret_id = SECRET_ID,
		.secret_key = c->secret, .template_text = read_file(a, "policies/templates/employee.json"),
		.boundary_text = read_file(a, "policies/templates/boundary.json"),
		.barrier_text = read_file(a, "policies/templates/deny-all.json"), .catalogue = read_catalogue(a), .foreign = foreign,
		.guard = c->guard, .may_destroy = may_destroy, .destroy_ctx = c,
		.orphans = orphans, .believed = believed, .orphans_ctx = c };
	must(engine_new(&parts, &c->engine, &e), &e, "engine");
	child_seams(c);
	for (int i = 0; i < WORKERS; i++)
		c->workers[i] = worker_new(c->engine, i + 1, i == 0, &c->wires[i].transport);
	c->roll = (struct roll){ .settings = &c->settings, .rules = &c->rules, .store = c->store, .evidence = c->evidence,
		.engine = c->engine, .clock = &c->clock, .guard = c->guard, .asks_first = !c->life->setup->yes };
	pthread_mutex_init(&c->roll.lock, NULL);
	c->feed = feed_new(&c->roll, &c->source, &c->confirm);
}

/* --- its life --------------------------------------------------------------------------------------------------- */

/* When should somebody look again?  Weak signs and graces have no queue of their own. */
static int64_t idle_until(struct story_child *c, int64_t due, struct arena *a)
{
	struct store_person *weak;
	size_t n = 0;
	struct err e;
	int64_t now = now_ms(c), limit = now + (c->life->shared->disk ? MINUTE_MS : IDLE_MOST_MS);
	int64_t retiring = 0;
	/* What the guard knows of the cloud is good for minutes. */
	if (!store_retiring_count(c->store, now, &retiring, &e) && retiring)
		limit = now + MINUTE_MS;
	if (!store_weak(c->store, INT64_MAX, 1, a, &weak, &n, &e) && n)
		limit = now + WEAK_WAIT_MS + 1000;
	return due < limit ? due : limit;
}

static const char *report(struct story_child *c, int64_t until, struct arena *a)
{
	struct store_account *accounts;
	struct store_frozen *frozen;
	size_t n = 0, m = 0;
	struct str s;
	struct err e;
	str_init(&s, a);
	str_addf(&s, "%lld\n", (long long)until);
	if (!store_accounts(c->store, 0, 200, a, &accounts, &n, &e))
		for (size_t i = 0; i < n; i++)
			str_addf(&s, "a %s %u %d %d\n", accounts[i].uuid, accounts[i].generation, accounts[i].stage,
				accounts[i].hold_reason != NULL);
	if (!store_frozen_list(c->store, a, &frozen, &m, &e))
		for (size_t i = 0; i < m; i++)
			str_addf(&s, "f %d %lld %d %s\n", frozen[i].kind, (long long)frozen[i].list_ms, frozen[i].state, frozen[i].uuid);
	return s.text;
}

static void obey(struct story_child *c, const char *line, struct arena *a)
{
	char verb[16], uuid[UUID_TEXT];
	int kind, state;
	long long began;
	int64_t count;
	struct err e;
	if (sscanf(line, "decide %d %lld %d", &kind, &began, &state) == 3) {
		(void)!store_frozen_decide(c->store, (enum frozen_kind)kind, began, (enum frozen_state)state, now_ms(c), &count, &e);
		return;
	}
	if (sscanf(line, "%15s %36s", verb, uuid) != 2)
		return;
	if (!strcmp(verb, "hold"))
		(void)!roll_suspend(&c->roll, uuid, "to be looked into", "the administrator", a, &e);
	else if (!strcmp(verb, "resume"))
		(void)!roll_resume(&c->roll, uuid, "the administrator", a, &e);
	else if (!strcmp(verb, "verify"))
		(void)!store_verify(c->store, uuid, STAGE_ACTIVE, now_ms(c), &count, &e);
}

static int round_of_steps(struct story_child *c, int64_t *due)
{
	int did = 0;
	int64_t d;
	*due = INT64_MAX;
	did |= feed_step(c->feed, 0);
	for (int i = 0; i < WORKERS; i++) {
		did |= engine_step(c->workers[i], &d);
		*due = d < *due ? d : *due;
	}
	did |= post_step(c->post, &d);
	*due = d < *due ? d : *due;
	did |= confirm_step(c->feed);
	return did;
}

static void live(struct story_child *c)
{
	for (;;) {
		int64_t due;
		char *answer;
		size_t n;
		if (round_of_steps(c, &due))
			continue;
		AUTO_ARENA struct arena *a = arena_new(8u << 20);
		const char *text = report(c, idle_until(c, due, a), a);
		if (child_ask(c, FRAME_IDLE, text, strlen(text), a, &answer, &n) == FRAME_QUIT)
			return;
		for (const char *line = answer; line && *line; line = strchr(line, '\n'), line += line != NULL)
			obey(c, line, a);
	}
}

void child_run(const struct life *l)
{
	static struct story_child c;
	c.life = l;
	shm = l->shared;
	failpoint_set(point);
	c.random = clock_virtual(&c.random_state, 0, l->seed);
	c.clock = (struct clock){ .ctx = &c, .now_ms = now_ms, .mono_ms = mono_ms, .wait_ms = wait_ms, .random = random_bytes };
	c.arena = arena_new(8u << 20);
	log_open(l->verbose ? LOG_DEBUG_LEVEL : (enum log_level)0, 0);
	settle_settings(&c);
	settle_rules(&c);
	open_state(&c);
	open_engine(&c);
	live(&c);
	store_close(c.store);
	_exit(0);
}
