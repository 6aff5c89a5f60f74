/* Rollcall in a story: real store, engine, roll, feed and post; the outside goes to the parent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/engine.h"
#include "hook/feed.h"
#include "hook/post.h"
#include "hook/settings.h"
#include "ldap/filter.h"
#include "tests/story/story.h"

#define WORKERS 3

struct story_child {
	const struct life *life;
	struct clock_virtual random_state;
	struct clock random, clock;
	struct arena *arena;
	struct settings settings;
	struct profile_settings profile;
	struct roll_rules rules;
	struct store *store;
	struct evidence *evidence;
	struct seal_key *key;
	struct seal_to *escrow;
	struct secret *secret;
	struct post *post;
	struct engine *engine;
	struct source source;
	struct confirm confirm;
	struct roll roll;
	struct feed *feed;
	struct worker *workers[WORKERS];
	struct wire { struct story_child *child; struct transport transport; bool woken; } wires[WORKERS];
	int depth;
};

static struct shared *shm;       /* the fail point hook has no context of its own */

static void point(const char *name)
{
	shm->points++;
	if (shm->kill_at && shm->points >= shm->kill_at) {
		snprintf(shm->last_point, sizeof(shm->last_point), "%s", name);
		_exit(137);
	}
}

static int64_t now_ms(void *ctx) { return ((struct story_child *)ctx)->life->shared->now_ms; }
static void wait_ms(void *ctx, int64_t ms) { (void)ctx, (void)ms; }
static void random_bytes(void *ctx, void *out, size_t n) { clock_random(&((struct story_child *)ctx)->random, out, n); }

static uint32_t dice(struct story_child *c, uint32_t sides)
{
	uint32_t r;
	clock_random(&c->random, &r, sizeof(r));
	return r % sides;
}

/* The parent is asked; when it is gone, so are we. */
static char ask(struct story_child *c, char type, const void *body, size_t n, struct arena *a, char **answer, size_t *len)
{
	char kind;
	if (frame_send(c->life->fd, type, body, n) || frame_receive(c->life->fd, a, &kind, answer, len))
		_exit(3);
	return kind;
}

/* --- the cloud ---------------------------------------------------------------------------------------------- */

/* What other threads would do while this one waits for an answer. */
static void meanwhile(struct story_child *c, const struct wire *w, bool listing)
{
	int64_t due;
	if (c->depth || w == &c->wires[0])
		return;
	c->depth++;
	if (dice(c, 3) == 0)
		feed_step(c->feed, 0);
	if (dice(c, 4) == 0)
		engine_step(c->workers[0], &due);
	/* Whoever waits for a shared listing sleeps in a real thread; here it would sleep for ever. */
	if (dice(c, 12) == 0 && w != &c->wires[1] && !listing)
		engine_step(c->workers[1], &due);
	c->depth--;
}

static int exchange(struct transport *t, const struct http_request *rq, struct arena *a, struct http_reply *out, struct err *e)
{
	struct wire *w = t->ctx;
	struct story_child *c = w->child;
	char *answer;
	size_t n;
	bool listing = false;
	for (size_t i = 0; i < rq->header_count; i++)
		listing |= strstr(rq->headers[i], "Describe") != NULL;
	meanwhile(c, w, listing);
	if (w->woken && dice(c, 2))
		return err_set(e, ERR_STALE, "aborted before anything was sent");
	struct str s;
	str_init(&s, a);
	str_addf(&s, "host: %s\n", rq->host);
	for (size_t i = 0; i < rq->header_count; i++)
		str_addf(&s, "%s\n", rq->headers[i]);
	str_add(&s, "\n");
	str_addn(&s, rq->body, rq->body_len);
	shm->now_ms += 1 + dice(c, 40);
	char kind = ask(c, FRAME_EXCHANGE, s.text, s.len, a, &answer, &n);
	POINT("exchange");
	meanwhile(c, w, listing);
	if (w->woken)
		return err_set(e, ERR_STALE, "aborted while waiting for the answer");
	if (kind == 'H')
		shm->now_ms += rq->timeout_ms;
	if (kind != 'A')
		return err_set(e, ERR_UNKNOWN, "%s", kind == 'H' ? "no answer in time" : "the connection was cut");
	int64_t date;
	int status;
	memcpy(&date, answer, 8);
	memcpy(&status, answer + 8, 4);
	*out = (struct http_reply){ .status = status, .date_ms = date, .body = answer + 12, .body_len = n - 12 };
	return 0;
}

static void wake(struct transport *t) { ((struct wire *)t->ctx)->woken = true; }
static void rearm(struct transport *t) { ((struct wire *)t->ctx)->woken = false; }
static void close_wire(struct transport *t) { (void)t; }

/* --- the directory ------------------------------------------------------------------------------------------ */

static const struct entry *to_entry(struct arena *a, const struct json *j)
{
	struct entry *entry = arena_alloc(a, sizeof(*entry));
	const struct json *attrs = json_get(j, "attrs");
	str_copy(entry->uuid, sizeof(entry->uuid), json_text(j, "uuid"));
	entry->dn = json_text(j, "dn");
	entry->attributes = arena_alloc(a, (json_count(attrs) + 1) * sizeof(struct attribute));
	for (const struct json *v = json_first(attrs); v; v = json_next(v)) {
		struct attribute *at = &entry->attributes[entry->count++];
		at->name = json_name(v);
		at->count = 1;
		at->values = arena_alloc(a, sizeof(struct value));
		at->values[0].data = (const unsigned char *)json_string(v);
		at->values[0].len = strlen(json_string(v));
	}
	return entry;
}

static const struct json *ask_json(struct story_child *c, char type, const char *text, struct arena *a)
{
	char *answer;
	size_t n;
	struct json *j;
	struct err e;
	ask(c, type, text, strlen(text), a, &answer, &n);
	if (json_parse(a, answer, n, &j, &e))
		_exit(4);
	return j;
}

static void next_event(struct source *s, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct story_child *c = s->ctx;
	(void)timeout_ms;
	const struct json *j = ask_json(c, FRAME_NEXT, "", a);
	ev->kind = (enum source_kind)json_int_or(j, "kind", SOURCE_IDLE);
	ev->server = "ldap://model";
	if (ev->kind == SOURCE_LOST)
		err_set(&ev->err, ERR_TEMP, "the model cut the connection");
	if (json_text(j, "uuid"))
		str_copy(ev->uuid, sizeof(ev->uuid), json_text(j, "uuid"));
	if (ev->kind == SOURCE_ENTRY)
		ev->entry = to_entry(a, j);
}

static void wake_source(struct source *s, bool again) { (void)s, (void)again; }

static int reread(struct confirm *cf, const char *uuid, struct arena *a, enum whereabouts *where, const struct entry **entry,
	struct err *e)
{
	struct story_child *c = cf->ctx;
	const struct json *j = ask_json(c, FRAME_REREAD, uuid, a);
	if (json_has(j, "fails"))
		return err_set(e, ERR_TEMP, "the model did not answer");
	*where = json_has(j, "attrs") ? WHERE_INSIDE : WHERE_GONE;
	if (*where == WHERE_INSIDE)
		*entry = to_entry(a, j);
	return 0;
}

static int deliver(void *ctx, const char *uuid, const char *payload, struct arena *a, bool *changed, struct err *e)
{
	struct story_child *c = ctx;
	const struct json *j = ask_json(c, FRAME_DELIVER, arena_printf(a, "%s %s", uuid, payload), a);
	*changed = true;
	if (json_has(j, "absent"))
		return err_set(e, ERR_ABSENT, "no such entry");
	return json_has(j, "fails") ? err_set(e, ERR_TEMP, "the model is down") : 0;
}

/* --- putting it together --------------------------------------------------------------------------------------- */

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
	c->profile = (struct profile_settings){ .name = "all", .package = PACKAGE, .bundle = BUNDLE };
	s->installation = INSTALLATION;
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
		.probe_others = 2,
		.prove_every_ms = 86400000LL };
	s->life.grace_ms = GRACE_MS;
	s->life.undo_ms = UNDO_MS;
	s->life.weak_wait_ms = 30000;
	s->life.sweep_ms = 120000;
	s->life.trust_ms = 600000;
	s->life.audit_ms = 86400000LL;
	s->life.retry_max_ms = 900000;
	s->life.rotation_ms = 90 * 86400000LL;
	s->life.departures_hour = PEOPLE_MAX;
	s->profiles = (struct conf_groups){ .count = 1, .items = &c->profile };
}

static void must(int rc, const struct err *e, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "story child: %s: %s\n", what, e->text);
	_exit(6);
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

static void open_all(struct story_child *c)
{
	const struct life *l = c->life;
	struct err e = { 0 };
	struct arena *a = c->arena;
	must(store_open(arena_printf(a, "%s/store.db", l->dir), &c->clock, &c->store, &e), &e, "store");
	must(evidence_open(arena_printf(a, "%s/evidence", l->dir), &c->clock, &c->evidence, &e), &e, "evidence");
	must(seal_key_load(l->key_file, &c->key, &e), &e, "key");
	c->escrow = seal_key_recipient(c->key);
	c->secret = secret_text("root-secret-key-of-the-story");
	const struct post_parts post = { .settings = &c->settings, .store = c->store, .clock = &c->clock, .escrow = c->escrow,
		.own_key = c->key, .deliver = deliver, .deliver_ctx = c };
	c->post = post_new(&post);
	const struct engine_parts parts = { .settings = &c->settings, .store = c->store, .evidence = c->evidence, .post = c->post,
		.clock = &c->clock, .own_key = c->key, .installation = INSTALLATION, .secret_id = "AKIDstoryroot",
		.secret_key = c->secret, .template_text = read_file(a, "policies/templates/employee.json"),
		.boundary_text = read_file(a, "policies/templates/boundary.json"),
		.barrier_text = read_file(a, "policies/templates/deny-all.json"), .catalogue = read_catalogue(a), .foreign = foreign };
	must(engine_new(&parts, &c->engine, &e), &e, "engine");
	for (int i = 0; i < WORKERS; i++) {
		struct wire *w = &c->wires[i];
		w->child = c;
		w->transport = (struct transport){ .ctx = w, .exchange = exchange, .wake = wake, .rearm = rearm, .close = close_wire };
		c->workers[i] = worker_new(c->engine, i + 1, i == 0, &w->transport);
	}
	must(filter_parse(a, "(employeeType=disabled)", &c->rules.disabled, &e), &e, "filter");
	must(filter_parse(a, "(objectClass=inetOrgPerson)", &c->rules.entitled, &e), &e, "filter");
	c->rules.map = (struct attribute_map){ .login = "uid", .mail = "mail", .display = "displayName" };
	c->rules.profile_count = 1;
	c->rules.profiles[0].name = "all";
	must(filter_parse(a, "(objectClass=*)", &c->rules.profiles[0].filter, &e), &e, "filter");
	c->source = (struct source){ .ctx = c, .next = next_event, .wake = wake_source };
	c->confirm = (struct confirm){ .ctx = c, .reread = reread };
	c->roll = (struct roll){ .settings = &c->settings, .rules = &c->rules, .store = c->store, .evidence = c->evidence,
		.engine = c->engine, .clock = &c->clock };
	pthread_mutex_init(&c->roll.lock, NULL);
	c->feed = feed_new(&c->roll, &c->source, &c->confirm);
}

/* When should somebody look again?  Weak signs and graces have no queue of their own. */
static int64_t idle_until(struct story_child *c, int64_t due)
{
	struct arena *a = arena_new(1 << 20);
	struct store_person *weak;
	size_t n = 0;
	struct err e;
	int64_t now = shm->now_ms, limit = now + 3600000;
	if (!store_weak(c->store, INT64_MAX, 1, a, &weak, &n, &e) && n)
		limit = now + 31000;
	arena_free(a);
	return due < limit ? due : limit;
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

void child_run(const struct life *l)
{
	static struct story_child c;
	c.life = l;
	shm = l->shared;
	failpoint_set(point);
	json_start();
	c.random = clock_virtual(&c.random_state, 0, l->seed);
	c.clock = (struct clock){ .ctx = &c, .now_ms = now_ms, .mono_ms = now_ms, .wait_ms = wait_ms, .random = random_bytes };
	c.arena = arena_new(8u << 20);
	log_open(l->verbose ? LOG_DEBUG_LEVEL : LOG_ALARM_LEVEL, 0);
	settle_settings(&c);
	c.settings.cloud.driver.agent_script = read_file(c.arena, "etc/agent/install-agent.sh");
	open_all(&c);
	for (;;) {
		int64_t due;
		char *answer;
		size_t n;
		if (round_of_steps(&c, &due))
			continue;
		int64_t until = idle_until(&c, due);
		AUTO_ARENA struct arena *a = arena_new(1 << 16);
		if (ask(&c, FRAME_IDLE, &until, sizeof(until), a, &answer, &n) == 'Q') {
			store_close(c.store);
			_exit(0);
		}
	}
}
