#include "hook/engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/audit.h"
#include "hook/dormant.h"
#include "hook/strikes.h"
#include "hook/taken.h"

#define STRIKE_BATCH 64
#define WORKERS 80
#define ROOT_AGAIN_MS 5000
#define AUTH_PAUSE_MS 60000
#define STORE_AGAIN_MS 2000
#define IDLE_MS 2000
#define ALARMS 512
#define ALARM_AGAIN_MS (60 * 60 * 1000)

struct engine {
	struct engine_parts parts;
	struct lifecycle life;
	struct limit *limit;
	struct snapshot *snapshot;
	struct strikes *strikes;
	struct audit *audit;
	struct dormant *dormant;
	pthread_mutex_t lock;        /* guards all below */
	pthread_cond_t news;
	uint64_t news_count;
	bool stop;
	struct root root;
	bool root_ready, root_busy;
	int64_t root_due_mono, auth_until_mono;     /* by the clock that nobody can set */
	char trouble[240];
	struct worker *workers[WORKERS];
	struct { int64_t account_id, until_mono; } alarms[ALARMS];     /* raised, and not again before */
};

const struct engine_parts *engine_parts(const struct engine *n) { return &n->parts; }
const struct lifecycle *engine_life(const struct engine *n) { return &n->life; }
struct snapshot *engine_snapshot(struct engine *n) { return n->snapshot; }

int engine_new(const struct engine_parts *parts, struct engine **out, struct err *e)
{
	double rates[ACT_COUNT];
	struct engine *n = mem_alloc(sizeof(*n));
	n->parts = *parts;
	lifecycle_make(&n->life, &delivery_driver);
	int rc = lifecycle_check(&n->life, e);
	if (rc) {
		free(n);
		return rc;
	}
	for (size_t i = 0; i < ACT_COUNT; i++)
		rates[i] = action_table[i].per_second;
	n->limit = limit_new(ACT_COUNT, rates, parts->settings->cloud.rate_share, parts->clock);
	n->snapshot = snapshot_new(parts->clock);
	n->strikes = strikes_new(parts->clock, parts->settings->life.sweep_ms);
	n->audit = audit_new(&n->parts);
	n->dormant = dormant_new(&n->parts);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&n->news, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&n->lock, NULL);
	*out = n;
	return 0;
}

void engine_free(struct engine *n)
{
	if (!n)
		return;
	limit_free(n->limit);
	snapshot_free(n->snapshot);
	strikes_free(n->strikes);
	audit_free(n->audit);
	dormant_free(n->dormant);
	pthread_cond_destroy(&n->news);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static void dated(void *ctx, int64_t cloud_ms)
{
	guard_cloud_time(ctx, cloud_ms);
}

struct worker *worker_new(struct engine *n, int number, bool revoke_only, struct transport *t)
{
	const struct settings *s = n->parts.settings;
	struct worker *w = mem_alloc(sizeof(*w));
	w->engine = n;
	w->number = number;
	w->revoke_only = revoke_only;
	w->transport = t;
	w->arena = arena_new(WALK_MEMORY);
	w->api = (struct api){ .transport = t,
		.limit = n->limit,
		.clock = n->parts.clock,
		.secret_id = n->parts.secret_id,
		.secret_key = n->parts.secret_key,
		.domain = s->cloud.domain,
		.region = s->cloud.region,
		.timeout_ms = s->cloud.timeout_ms,
		.revoke_timeout_ms = s->cloud.revoke_timeout_ms,
		.dated = n->parts.guard ? dated : NULL,
		.dated_ctx = n->parts.guard };
	pthread_mutex_lock(&n->lock);
	if (number > 0 && number < WORKERS)
		n->workers[number] = w;
	pthread_mutex_unlock(&n->lock);
	return w;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->engine->lock);
	if (w->number > 0 && w->number < WORKERS)
		w->engine->workers[w->number] = NULL;
	pthread_mutex_unlock(&w->engine->lock);
	arena_free(w->arena);
	free(w);
}

struct transport *worker_transport(struct worker *w)
{
	return w->transport;
}

struct call worker_look(struct worker *w, struct arena *a)
{
	return (struct call){ .api = &w->api,
		.arena = a,
		.clock = w->engine->parts.clock,
		.snapshot = w->engine->snapshot,
		.settings = &w->engine->parts.settings->cloud.driver,
		.plan = true };
}

void engine_root(struct engine *n, struct root *out)
{
	pthread_mutex_lock(&n->lock);
	*out = n->root;
	pthread_mutex_unlock(&n->lock);
}

/* --- news ------------------------------------------------------------------------------------------------ */

void engine_wake(struct engine *n)
{
	pthread_mutex_lock(&n->lock);
	n->news_count++;
	pthread_cond_broadcast(&n->news);
	pthread_mutex_unlock(&n->lock);
}

void engine_stop(struct engine *n)
{
	pthread_mutex_lock(&n->lock);
	n->stop = true;
	pthread_cond_broadcast(&n->news);
	for (size_t i = 0; i < WORKERS; i++)
		if (n->workers[i])
			n->workers[i]->transport->wake(n->workers[i]->transport);
	pthread_mutex_unlock(&n->lock);
}

bool engine_stopping(struct engine *n)
{
	pthread_mutex_lock(&n->lock);
	bool stop = n->stop;
	pthread_mutex_unlock(&n->lock);
	return stop;
}

void engine_preempt(struct engine *n, int64_t account_id)
{
	pthread_mutex_lock(&n->lock);
	for (size_t i = 0; i < WORKERS; i++) {
		struct worker *w = n->workers[i];
		if (w && atomic_load(&w->in_hand) == account_id)
			w->transport->wake(w->transport);
	}
	n->news_count++;
	pthread_cond_broadcast(&n->news);
	pthread_mutex_unlock(&n->lock);
}

void engine_strike(struct engine *n, const char *uuid)
{
	if (PLANTED("cut-needs-store"))
		return;
	strikes_add(n->strikes, uuid);
	pthread_mutex_lock(&n->lock);
	/* A call of his that is on its way is aborted: it may be one that grants. */
	for (size_t i = 0; i < WORKERS; i++)
		if (n->workers[i] && !strcmp(n->workers[i]->in_hand_uuid, uuid))
			n->workers[i]->transport->wake(n->workers[i]->transport);
	pthread_mutex_unlock(&n->lock);
	engine_wake(n);
}

void engine_strike_over(struct engine *n, const char *uuid)
{
	strikes_over(n->strikes, uuid);
}

bool engine_struck(struct engine *n, const char *uuid)
{
	return strikes_has(n->strikes, uuid);
}

void engine_auth_failed(struct engine *n, const struct err *e)
{
	pthread_mutex_lock(&n->lock);
	n->auth_until_mono = clock_mono(n->parts.clock) + AUTH_PAUSE_MS;
	str_copy(n->trouble, sizeof(n->trouble), e->text);
	pthread_mutex_unlock(&n->lock);
	log_event(LOG_ALARM_LEVEL, "engine", NULL, "the cloud refuses our own credentials; all granting stops for a minute");
}

bool engine_may_alarm(struct engine *n, int64_t account_id)
{
	int64_t mono = clock_mono(n->parts.clock);
	pthread_mutex_lock(&n->lock);
	size_t at = 0;
	for (size_t i = 0; i < ALARMS && n->alarms[at].account_id != account_id; i++)
		if (n->alarms[i].account_id == account_id || n->alarms[i].until_mono < n->alarms[at].until_mono)
			at = i;
	bool may = n->alarms[at].account_id != account_id || n->alarms[at].until_mono <= mono;
	if (may) {
		n->alarms[at].account_id = account_id;
		n->alarms[at].until_mono = mono + ALARM_AGAIN_MS;
	}
	pthread_mutex_unlock(&n->lock);
	return may;
}

void engine_health(struct engine *n, struct engine_health *h)
{
	pthread_mutex_lock(&n->lock);
	bool paused = clock_mono(n->parts.clock) < n->auth_until_mono;
	*h = (struct engine_health){ .root_ready = n->root_ready, .strikes = strikes_count(n->strikes) };
	h->cloud = paused ? "refuses our credentials" : n->root_ready ? "ready" : "not reached yet";
	if (paused || !n->root_ready)
		memcpy(h->trouble, n->trouble, sizeof(h->trouble));
	pthread_mutex_unlock(&n->lock);
}

/* --- one step -------------------------------------------------------------------------------------------- */

static void strike(struct worker *w, const char *uuid)
{
	struct engine *n = w->engine;
	struct taken t = { 0 };
	struct err e;
	bool done = false;
	int rc = store_account_get(n->parts.store, uuid, 0, w->arena, &t.account, &e);
	/* He never had anything; what he is to adopt is not his before he begins. */
	if (rc == ERR_ABSENT || (!rc && (t.account.stage == STAGE_NONE || t.account.stage == STAGE_DUE))) {
		done = true;
	} else if (!rc) {
		t.account.stage = STAGE_SUSPENDED;
		rc = taken_load(&t, w, &e);
		if (!rc)
			done = taken_strike(&t);
	}
	if (rc && rc != ERR_ABSENT)
		log_err(LOG_ALARM_LEVEL, "engine", uuid, &e);
	if (done)
		strikes_done(n->strikes, uuid);
}

/* A call on nobody's account. */
static struct call call_of(struct worker *w)
{
	const struct engine *n = w->engine;
	return (struct call){ .api = &w->api,
		.arena = w->arena,
		.clock = n->parts.clock,
		.snapshot = n->snapshot,
		.settings = &n->parts.settings->cloud.driver };
}

/* Who we are and the two shared policies: once, before anything is granted.  1 = tried. */
static int root_step(struct worker *w)
{
	struct engine *n = w->engine;
	int64_t mono = clock_mono(n->parts.clock);
	pthread_mutex_lock(&n->lock);
	bool mine = !n->root_ready && !n->root_busy && n->root_due_mono <= mono && n->auth_until_mono <= mono;
	if (mine)
		n->root_busy = true;
	struct root root = n->root;
	pthread_mutex_unlock(&n->lock);
	if (!mine)
		return 0;
	struct err e;
	unsigned repaired = 0;
	struct call call = call_of(w);
	int rc = root_ensure(&call, n->parts.installation, n->parts.settings->cloud.region, n->parts.boundary_text,
		n->parts.barrier_text, &root, &repaired, &e);
	pthread_mutex_lock(&n->lock);
	n->root_busy = false;
	if (!rc) {
		n->root = root;
		n->root_ready = true;
	} else {
		int64_t wait = e.due_ms - clock_now(n->parts.clock);
		n->root_due_mono = mono + (e.kind == ERR_LIMIT && wait > 0 && wait < ROOT_AGAIN_MS ? wait : ROOT_AGAIN_MS);
		str_copy(n->trouble, sizeof(n->trouble), e.text);
	}
	n->news_count++;
	pthread_cond_broadcast(&n->news);
	pthread_mutex_unlock(&n->lock);
	if (!rc)
		post_owner(n->parts.post, root.owner_uin);
	if (rc == ERR_AUTH)
		engine_auth_failed(n, &e);
	if (rc && rc != ERR_LIMIT)
		log_err(LOG_ERROR_LEVEL, "engine", NULL, &e);
	if (repaired)
		log_event(LOG_ALARM_LEVEL, "engine", NULL, "a shared policy was not as it should be and was repaired (%u)", repaired);
	return 1;
}

/* Somebody's grace is over, and what the cloud's clock and limits say of it must be known.  1 = asked. */
static int look_step(struct worker *w)
{
	struct engine *n = w->engine;
	int64_t left = 0, mono = clock_mono(n->parts.clock);
	struct err e;
	pthread_mutex_lock(&n->lock);
	bool ready = n->root_ready && mono >= n->auth_until_mono;
	pthread_mutex_unlock(&n->lock);
	if (!n->parts.guard || !ready || !guard_wants_look(n->parts.guard))
		return 0;
	struct call call = call_of(w);
	int rc = env_destructions_left(&call, NULL, &left, &e);
	if (!rc)
		guard_destroy_cap(n->parts.guard, left);
	if (rc == ERR_AUTH)
		engine_auth_failed(n, &e);
	if (rc)
		log_err(LOG_WARN_LEVEL, "engine", NULL, &e);
	return 1;
}

/* Nothing is due: time to compare, and to ask who uses his key.  1 = done, or failed. */
static int at_leisure(struct worker *w, int64_t *next_due_ms)
{
	struct engine *n = w->engine;
	struct call call = call_of(w);
	struct err e;
	const char *part = "audit";
	int did = audit_step(n->audit, &call, next_due_ms, &e);
	if (!did) {
		part = "dormant";
		did = dormant_step(n->dormant, &call, next_due_ms, &e);
	}
	if (e.kind == ERR_AUTH)
		engine_auth_failed(n, &e);
	if (e.kind)
		log_err(LOG_WARN_LEVEL, part, NULL, &e);
	return did;
}

void engine_audit_now(struct engine *n)
{
	audit_now(n->audit);
	engine_wake(n);
}

void engine_audit_health(struct engine *n, struct arena *a, struct json *into)
{
	audit_health(n->audit, a, into);
}

/* Which lanes may this worker serve now?  Leavers always; the rest when we know who we are. */
static unsigned lanes_of(struct worker *w, int64_t *next_due_ms)
{
	struct engine *n = w->engine;
	int64_t mono = clock_mono(n->parts.clock), wait = INT64_MAX, strike_wait = strikes_wait(n->strikes);
	unsigned lanes = 1u << LANE_REVOKE;
	pthread_mutex_lock(&n->lock);
	bool paused = mono < n->auth_until_mono;
	if (!w->revoke_only && n->root_ready && !paused)
		lanes = (1u << LANE_COUNT) - 1;
	if (!w->revoke_only && !n->root_ready)
		wait = n->root_due_mono > mono ? n->root_due_mono - mono : 0;
	if (!w->revoke_only && paused)
		wait = n->auth_until_mono - mono;
	pthread_mutex_unlock(&n->lock);
	if (strike_wait < wait)
		wait = strike_wait;
	if (wait != INT64_MAX)
		*next_due_ms = clock_now(n->parts.clock) + (wait > 0 ? wait : 0);
	return lanes;
}

static void hold(struct worker *w, int64_t id, const char *uuid)
{
	pthread_mutex_lock(&w->engine->lock);
	str_copy(w->in_hand_uuid, sizeof(w->in_hand_uuid), uuid);
	atomic_store(&w->in_hand, id);
	pthread_mutex_unlock(&w->engine->lock);
}

/* The store takes nothing: whoever is to be cut by it is cut from memory. */
static void strike_the_queued(struct worker *w)
{
	struct store_account *list;
	size_t count;
	struct err e;
	if (store_revocations(w->engine->parts.store, STRIKE_BATCH, w->arena, &list, &count, &e)) {
		log_err(LOG_ALARM_LEVEL, "store", NULL, &e);
		return;
	}
	for (size_t i = 0; i < count; i++)
		engine_strike(w->engine, list[i].uuid);
}

static void give_back(struct taken *t, struct worker *w)
{
	const struct engine_parts *p = &w->engine->parts;
	bool pending;
	struct err e;
	/* The clock may have been set back while he was in hand. */
	found_not_ahead(&t->found, clock_now(p->clock));
	t->account.found = found_print(&t->found, w->arena);
	if (t->person.login && post_compose(p->post, &t->person, &t->account, &t->found, w->arena, &pending, &e)) {
		log_err(LOG_ERROR_LEVEL, "post", t->person.login, &e);
		/* Or the directory would show what was until the next audit. */
		int64_t again = clock_now(p->clock) + STORE_AGAIN_MS;
		if (e.kind == ERR_TEMP && t->account.due_ms > again)
			t->account.due_ms = again;
	}
	POINT("give-back.before");
	if (store_give_back(p->store, &t->account, w->number, &e)) {
		w->owed = t->account.id;
		log_err(LOG_ERROR_LEVEL, "store", t->person.login, &e);
		strike_the_queued(w);
	}
	post_wake(p->post);
}

int engine_step(struct worker *w, int64_t *next_due_ms)
{
	struct engine *n = w->engine;
	struct taken t = { 0 };
	struct err e;
	char uuid[UUID_TEXT];
	int64_t queue_due = INT64_MAX;
	*next_due_ms = INT64_MAX;
	arena_reset(w->arena);
	w->transport->rearm(w->transport);
	if (strikes_pop(n->strikes, uuid)) {
		strike(w, uuid);
		return 1;
	}
	if (!w->revoke_only && (root_step(w) || look_step(w)))
		return 1;
	unsigned lanes = lanes_of(w, next_due_ms);
	if (w->owed && store_release(n->parts.store, w->owed, w->number, &e)) {
		*next_due_ms = clock_now(n->parts.clock) + STORE_AGAIN_MS;
		strike_the_queued(w);
		return 0;               /* nothing more is taken before that one is let go */
	}
	w->owed = 0;
	int rc = store_take(n->parts.store, lanes, w->number, w->arena, &t.account, &queue_due, &e);
	if (rc == ERR_ABSENT) {
		if (queue_due < *next_due_ms)
			*next_due_ms = queue_due;
		return lanes & 1u << LANE_AUDIT ? at_leisure(w, next_due_ms) : 0;
	}
	if (rc) {
		log_err(LOG_ERROR_LEVEL, "store", NULL, &e);
		*next_due_ms = clock_now(n->parts.clock) + STORE_AGAIN_MS;
		strike_the_queued(w);
		return 0;
	}
	hold(w, t.account.id, t.account.uuid);
	POINT("taken");
	rc = taken_load(&t, w, &e);
	/* The store knows of it, and can be written.  What an older account is says nothing of him. */
	if (!rc && t.account.stage > STAGE_ACTIVE && t.account.generation == t.person.generation)
		engine_strike_over(n, t.account.uuid);
	if (!rc)
		taken_walk(&t);
	else
		taken_failed(&t, &e);
	hold(w, 0, "");
	give_back(&t, w);
	return 1;
}

static void wait_for_news(struct engine *n, uint64_t seen, int64_t due_ms)
{
	int64_t ms = due_ms == INT64_MAX ? IDLE_MS : due_ms - clock_now(n->parts.clock);
	struct timespec until;
	if (ms > IDLE_MS)
		ms = IDLE_MS;
	if (ms <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&n->lock);
	while (!n->stop && n->news_count == seen)
		if (pthread_cond_timedwait(&n->news, &n->lock, &until))
			break;
	pthread_mutex_unlock(&n->lock);
}

void engine_work(struct worker *w)
{
	struct engine *n = w->engine;
	for (;;) {
		int64_t due;
		pthread_mutex_lock(&n->lock);
		uint64_t seen = n->news_count;
		bool stop = n->stop;
		pthread_mutex_unlock(&n->lock);
		if (stop)
			return;
		if (!engine_step(w, &due))
			wait_for_news(n, seen, due);
	}
}

int engine_plan(struct worker *w, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	struct taken t = { 0 };
	struct walk_result r;
	arena_reset(w->arena);
	w->transport->rearm(w->transport);
	int rc = store_account_get(w->engine->parts.store, uuid, 0, w->arena, &t.account, e);
	if (!rc)
		rc = taken_load(&t, w, e);
	if (!rc && *t.found.disputed)
		rc = taken_disputed(&t, e);
	if (rc)
		return rc;
	t.call.plan = true;
	t.walk.plan = json_array(w->arena);
	t.walk.trust_since_ms = INT64_MAX;
	walk_run(&t.walk, &r);
	if (r.worst.kind && r.worst.kind != ERR_FOREIGN && r.worst.kind != ERR_WAIT) {
		*e = r.worst;
		return r.worst.kind;
	}
	*out = json_copy(a, t.walk.plan);
	return 0;
}
