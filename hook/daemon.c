#include "hook/daemon.h"

#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "hook/orphan.h"
#include "hook/rebuild.h"
#include "hook/retire.h"
#include "ldap/sync.h"

#define ADOPT_MEMORY (256u << 20)
#define ALARM_MEMORY (1u << 20)
#define REBUILD_MEMORY (1u << 30)

/* --- what the desk asks ------------------------------------------------------------------------------------ */

static int plan(void *ctx, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	struct daemon *d = ctx;
	pthread_mutex_lock(&d->planning);
	int rc = engine_plan(d->planner, uuid, a, out, e);
	pthread_mutex_unlock(&d->planning);
	return rc;
}

static int adopt(void *ctx, const struct adopt_asked *asked, struct arena *a, struct json **out, struct err *e)
{
	AUTO_ARENA struct arena *own = arena_new(ADOPT_MEMORY);
	struct daemon *d = ctx;
	pthread_mutex_lock(&d->planning);
	struct call c = worker_look(d->planner, own);
	int rc = adopt_plan(&d->roll, &c, asked, a, out, e);
	pthread_mutex_unlock(&d->planning);
	return rc;
}

static int adopt_decide(void *ctx, int64_t list_ms, bool yes, struct arena *a, struct json **out, struct err *e)
{
	AUTO_ARENA struct arena *own = arena_new(ADOPT_MEMORY);
	struct daemon *d = ctx;
	pthread_mutex_lock(&d->planning);
	struct call c = worker_look(d->planner, own);
	int rc = yes ? adopt_approve(&d->roll, &c, list_ms, a, out, e) : adopt_reject(&d->roll, list_ms, a, out, e);
	pthread_mutex_unlock(&d->planning);
	return rc;
}

static int hold(void *ctx, const char *uuid, const char *reason, const char *by, struct arena *a, struct err *e)
{
	struct daemon *d = ctx;
	return reason ? roll_suspend(&d->roll, uuid, reason, by, a, e) : roll_resume(&d->roll, uuid, by, a, e);
}

static void decided(void *ctx)
{
	struct daemon *d = ctx;
	engine_audit_now(d->engine);
}

static int park(void *ctx, const char *uuid, struct arena *a, bool *full, struct err *e)
{
	struct daemon *d = ctx;
	return roll_park(&d->roll, uuid, a, full, e);
}

static int logged_in(void *ctx, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	struct daemon *d = ctx;
	return roll_logged_in(&d->roll, uuid, by, a, e);
}

static bool struck(void *ctx, const char *uuid)
{
	struct daemon *d = ctx;
	return engine_struck(d->engine, uuid);
}

static void wake(void *ctx)
{
	struct daemon *d = ctx;
	engine_wake(d->engine);
}

static struct json *health(void *ctx, struct arena *a)
{
	struct daemon *d = ctx;
	struct json *o = json_object(a);
	struct engine_health h;
	engine_health(d->engine, &h);
	feed_health(d->feed, a, o);
	json_put_text(o, "cloud", h.cloud);
	if (*h.trouble)
		json_put_text(o, "cloud_trouble", h.trouble);
	json_put_int(o, "cut_without_store", h.strikes);
	guard_health(d->guard, a, o);
	engine_audit_health(d->engine, a, o);
	evidence_health(d->evidence, o);
	return o;
}

/* --- what the engine tells ---------------------------------------------------------------------------------- */

static void foreign(void *ctx, const char *uuid, unsigned generation, const char *request_id)
{
	struct daemon *d = ctx;
	AUTO_ARENA struct arena *a = arena_new(ALARM_MEMORY);
	struct err e;
	if (roll_foreign(&d->roll, uuid, generation, request_id, a, &e))
		log_err(LOG_ALARM_LEVEL, "roll", uuid, &e);
}

static int may_destroy(void *ctx, const char *uuid, unsigned generation, struct err *e)
{
	struct daemon *d = ctx;
	return retire_may_destroy(d->feed, uuid, generation, e);
}

static int orphans(void *ctx, const struct owned *const *list, size_t count, struct arena *a, struct orphan_counts *out, struct err *e)
{
	struct daemon *d = ctx;
	return orphan_judge(d->feed, list, count, a, out, e);
}

static bool believed(void *ctx)
{
	struct daemon *d = ctx;
	return orphan_believed(d->feed);
}

/* --- putting the parts together ----------------------------------------------------------------------------- */

static int open_keys(struct daemon *d, struct err *e)
{
	const struct settings *s = &d->settings;
	int rc = secret_load_pair(s->cloud.credential_file, d->arena, &d->secret_id, &d->secret_key, e);
	if (rc)
		return rc;
	d->escrow = seal_to_new();
	for (size_t i = 0; !rc && i < s->seal.escrow.count; i++)
		rc = seal_to_add_file(d->escrow, s->seal.escrow.items[i], e);
	if (!rc)
		rc = seal_key_ensure(s->seal.key_file, "rollcall", &d->own_key, e);
	return rc;
}

static int open_state(struct daemon *d, struct err *e)
{
	const struct settings *s = &d->settings;
	int rc = store_open(arena_printf(d->arena, "%s/rollcall.db", s->state_dir), &d->clock, &d->store, e);
	if (rc)
		return rc;
	d->guard = guard_new(s, d->store, &d->clock);
	/* Whatever is wrong with it stops granting; it must not stop revoking. */
	evidence_start(arena_printf(d->arena, "%s/evidence.jsonl", s->state_dir), &d->clock, &d->evidence);
	evidence_second(d->evidence, s->evidence.second);
	return 0;
}

static int open_cloud(struct daemon *d, struct err *e)
{
	struct settings *s = &d->settings;
	char *script = NULL;
	size_t n;
	int rc = file_read(d->arena, s->cloud.agent_script_file, SETTINGS_FILE_MAX, &script, &n, e);
	if (!rc)
		rc = http_start(&s->cloud.endpoint, &d->http, e);
	if (rc)
		return rc;
	s->cloud.driver.agent_script = script;
	s->cloud.driver.openclaw_image = s->cloud.openclaw_image;
	d->post_directory = post_directory_new(&s->directory.dir, &d->clock);
	const struct post_parts post = { .settings = s,
		.store = d->store,
		.clock = &d->clock,
		.escrow = d->escrow,
		.own_key = d->own_key,
		.deliver = post_directory_deliver,
		.deliver_ctx = d->post_directory };
	d->post = post_new(&post);
	const struct engine_parts parts = { .settings = s,
		.store = d->store,
		.evidence = d->evidence,
		.post = d->post,
		.clock = &d->clock,
		.own_key = d->own_key,
		.installation = s->installation,
		.secret_id = d->secret_id,
		.secret_key = d->secret_key,
		.template_text = s->policy.template_text,
		.boundary_text = s->policy.boundary_text,
		.barrier_text = s->policy.barrier_text,
		.catalogue = s->policy.catalogue,
		.foreign = foreign,
		.foreign_ctx = d,
		.park = park,
		.park_ctx = d,
		.guard = d->guard,
		.may_destroy = may_destroy,
		.destroy_ctx = d,
		.orphans = orphans,
		.believed = believed,
		.orphans_ctx = d };
	return engine_new(&parts, &d->engine, e);
}

static int open_workers(struct daemon *d, struct err *e)
{
	const struct settings *s = &d->settings;
	struct transport *t;
	int rc;
	for (int i = 0; i < s->workers; i++) {
		rc = http_transport(d->http, &t, e);
		if (rc)
			return rc;
		d->workers[d->worker_count++] = worker_new(d->engine, i + 1, i < s->revoke_workers, t);
	}
	rc = http_transport(d->http, &t, e);
	if (!rc)
		d->planner = worker_new(d->engine, 0, false, t);
	return rc;
}

static int open_directory(struct daemon *d, struct err *e)
{
	char **attributes = person_attributes(&d->rules, d->arena);
	d->source = sync_source(&d->settings.directory.dir, attributes, &d->clock);
	d->confirm = sync_confirm(&d->settings.directory.dir, attributes, d->source, &d->clock);
	d->roll = (struct roll){ .settings = &d->settings,
		.rules = &d->rules,
		.store = d->store,
		.evidence = d->evidence,
		.engine = d->engine,
		.clock = &d->clock,
		.guard = d->guard,
		.asks_first = d->roll.asks_first };
	pthread_mutex_init(&d->roll.lock, NULL);
	pthread_mutex_init(&d->planning, NULL);
	d->feed = feed_new(&d->roll, d->source, d->confirm);
	const struct desk_parts desk = { .settings = &d->settings,
		.store = d->store,
		.evidence = d->evidence,
		.clock = &d->clock,
		.plan = plan,
		.hold = hold,
		.decided = decided,
		.adopt = adopt,
		.adopt_decide = adopt_decide,
		.logged_in = logged_in,
		.struck = struck,
		.own_key = d->own_key,
		.wake = wake,
		.health = health,
		.ctx = d };
	return desk_open(&desk, &d->desk, e);
}

int daemon_open(struct daemon *d, struct err *e)
{
	int rc = open_keys(d, e);
	if (!rc)
		rc = open_state(d, e);
	if (!rc)
		rc = open_cloud(d, e);
	if (!rc)
		rc = open_workers(d, e);
	return rc ? rc : open_directory(d, e);
}

int daemon_rebuild(struct daemon *d, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(REBUILD_MEMORY);
	struct rebuild_counts counts;
	struct rebuild r = { .settings = &d->settings,
		.rules = &d->rules,
		.store = d->store,
		.evidence = d->evidence,
		.clock = &d->clock,
		.source = sync_source(&d->settings.directory.dir, person_attributes(&d->rules, d->arena), &d->clock),
		.call = worker_look(d->planner, a) };
	int rc = rebuild_run(&r, &counts, e);
	r.source->close(r.source);
	return rc;
}

void daemon_close(struct daemon *d)
{
	desk_close(d->desk);
	feed_free(d->feed);
	if (d->confirm)
		d->confirm->close(d->confirm);
	if (d->source)
		d->source->close(d->source);
	for (size_t i = 0; i < d->worker_count; i++) {
		struct transport *t = worker_transport(d->workers[i]);
		worker_free(d->workers[i]);
		t->close(t);
	}
	if (d->planner) {
		struct transport *t = worker_transport(d->planner);
		worker_free(d->planner);
		t->close(t);
	}
	engine_free(d->engine);
	post_free(d->post);
	post_directory_free(d->post_directory);
	http_stop(d->http);
	evidence_close(d->evidence);
	guard_free(d->guard);
	store_close(d->store);
	seal_to_free(d->escrow);
	seal_key_free(d->own_key);
	secret_free(d->secret_key);
	arena_free(d->arena);
}
