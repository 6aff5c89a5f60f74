#include "hook/feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "policies/brake.h"
#include "policies/stage.h"

#define EVENT_MEMORY (4u << 20)
#define CONFIRM_BATCH 2000
#define RETIRE_BATCH 200
#define LOOK_AGAIN_MS 1000
#define BRAKE_AGAIN_MS 30000

struct feed {
	struct roll *roll;
	struct source *source;
	struct confirm *confirm;
	struct arena *arena;              /* sync thread */
	struct arena *confirm_arena;      /* confirm thread */
	unsigned char (*seen)[16];        /* named in the running refresh: 16 bytes a person, nothing else */
	size_t seen_count, seen_cap;
	int64_t weak_again_mono, retire_again_mono;      /* confirm thread: not asked in a tight loop */
	bool refreshing, store_missed;
	pthread_mutex_t lock;             /* guards what follows: read by the desk and the confirm thread */
	bool connected, trusted, braked;
	int64_t refreshed_ms, brake_again_ms, waiting;
	char server[128], trouble[240];
};

struct feed *feed_new(struct roll *roll, struct source *source, struct confirm *confirm)
{
	struct feed *f = mem_alloc(sizeof(*f));
	f->roll = roll;
	f->source = source;
	f->confirm = confirm;
	f->arena = arena_new(EVENT_MEMORY);
	f->confirm_arena = arena_new(EVENT_MEMORY * 4);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	arena_free(f->arena);
	arena_free(f->confirm_arena);
	free(f->seen);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

bool feed_trusted(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	bool trusted = f->trusted;
	pthread_mutex_unlock(&f->lock);
	return trusted;
}

void feed_health(struct feed *f, struct json *into)
{
	char when[TIME_TEXT] = "never";
	pthread_mutex_lock(&f->lock);
	if (f->refreshed_ms)
		str_time(f->refreshed_ms, when);
	json_put_text(into, "directory", f->connected ? "connected" : "not connected");
	json_put_text(into, "server", f->server);
	json_put_text(into, "refreshed", when);
	if (*f->trouble)
		json_put_text(into, "directory_trouble", f->trouble);
	if (f->braked)
		json_put_int(into, "departures_held_by_brake", f->waiting);
	pthread_mutex_unlock(&f->lock);
}

/* --- the sync thread ------------------------------------------------------------------------------------ */

static void see(struct feed *f, const char *uuid)
{
	struct err e;
	if (!f->refreshing)
		return;
	if (f->seen_count == f->seen_cap) {
		f->seen_cap = f->seen_cap ? f->seen_cap * 2 : 1024;
		f->seen = mem_realloc(f->seen, f->seen_cap * sizeof(*f->seen));
	}
	if (!str_uuid_parse(uuid, f->seen[f->seen_count], &e))
		f->seen_count++;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* The store could not take something in: the directory is read again as soon as it can. */
static void missed(struct feed *f, const char *uuid, const struct err *e)
{
	log_err(LOG_ERROR_LEVEL, "feed", uuid, e);
	f->store_missed = true;
}

static void absent(struct feed *f, const char *uuid)
{
	struct err e;
	if (roll_absent(f->roll, uuid, f->arena, &e))
		missed(f, uuid, &e);
}

/* Everyone who is known and was not named is absent: a weak sign, to be confirmed. */
static void compare(struct feed *f)
{
	unsigned char (*known)[16] = NULL;
	size_t count = 0, at = 0;
	struct err e;
	const char *why;
	char uuid[UUID_TEXT];
	if (store_people_uuids(f->roll->store, &known, &count, &e)) {
		missed(f, NULL, &e);
		return;                 /* and not trusted: see started() */
	}
	const struct refresh_facts facts = { .ended_well = true, .named = (int64_t)f->seen_count, .known = (int64_t)count };
	if (!brake_believes(&facts, &why)) {
		log_event(LOG_ALARM_LEVEL, "feed", NULL, "the refresh is not believed: %s", why);
		free(known);
		return;
	}
	if (f->seen_count)
		qsort(f->seen, f->seen_count, sizeof(*f->seen), by_bytes);
	for (size_t i = 0; i < count; i++) {
		while (at < f->seen_count && memcmp(f->seen[at], known[i], 16) < 0)
			at++;
		if (at < f->seen_count && !memcmp(f->seen[at], known[i], 16))
			continue;
		str_uuid(known[i], uuid);
		absent(f, uuid);
		arena_reset(f->arena);
	}
	free(known);
	pthread_mutex_lock(&f->lock);
	f->trusted = !f->store_missed;
	f->refreshed_ms = clock_now(f->roll->clock);
	*f->trouble = '\0';
	pthread_mutex_unlock(&f->lock);
}

static void started(struct feed *f, const struct source_event *ev)
{
	f->refreshing = true;
	f->store_missed = false;
	f->seen_count = 0;
	pthread_mutex_lock(&f->lock);
	f->connected = true;
	f->trusted = false;             /* until it has ended, and is believed */
	str_copy(f->server, sizeof(f->server), ev->server ? ev->server : "");
	pthread_mutex_unlock(&f->lock);
}

static void lost(struct feed *f, const struct source_event *ev)
{
	f->refreshing = false;
	f->seen_count = 0;
	pthread_mutex_lock(&f->lock);
	f->connected = f->trusted = false;
	str_copy(f->trouble, sizeof(f->trouble), ev->err.text);
	pthread_mutex_unlock(&f->lock);
	log_err(LOG_WARN_LEVEL, "feed", NULL, &ev->err);
}

static void refreshed(struct feed *f)
{
	f->refreshing = false;
	compare(f);
	log_event(LOG_INFO_LEVEL, "feed", NULL, "refresh complete: %zu people named", f->seen_count);
	free(f->seen);
	f->seen = NULL;
	f->seen_count = f->seen_cap = 0;
	engine_wake(f->roll->engine);
}

int feed_step(struct feed *f, int timeout_ms)
{
	struct source_event ev = { 0 };
	struct err e;
	arena_reset(f->arena);
	f->source->next(f->source, timeout_ms, f->arena, &ev);
	switch (ev.kind) {
	case SOURCE_IDLE:
		if (f->store_missed && !f->refreshing) {
			f->store_missed = false;
			f->source->wake(f->source, true);
		}
		return 0;
	case SOURCE_STARTED:
		started(f, &ev);
		break;
	case SOURCE_ENTRY:
		see(f, ev.uuid);
		if (roll_entry(f->roll, ev.entry, f->arena, &e))
			missed(f, ev.uuid, &e);
		break;
	case SOURCE_PRESENT:
		see(f, ev.uuid);
		break;
	case SOURCE_GONE:
		/* Within a refresh nothing may be concluded before its end; what is gone was not named then. */
		if (!f->refreshing)
			absent(f, ev.uuid);
		break;
	case SOURCE_REFRESHED:
		refreshed(f);
		break;
	case SOURCE_LOST:
		lost(f, &ev);
		break;
	}
	POINT("feed.step");
	return 1;
}

/* --- the confirm thread --------------------------------------------------------------------------------- */

struct candidate { const struct store_person *person; char *why; bool departs; };

/* One second opinion.  True when he departs. */
static bool doubt(struct feed *f, struct candidate *c)
{
	const struct entry *entry = NULL;
	enum whereabouts where;
	struct arena *a = f->confirm_arena;
	struct err e;
	if (f->confirm->reread(f->confirm, c->person->uuid, a, &where, &entry, &e)) {
		log_err(LOG_WARN_LEVEL, "confirm", c->person->login, &e);
		return false;
	}
	if (where == WHERE_GONE || where == WHERE_OUTSIDE) {
		c->why = arena_printf(a, "re-read: %s", whereabouts_name(where));
		return true;
	}
	struct person now;
	if (!person_read(entry, f->roll->rules, clock_now(f->roll->clock), a, &now, &e) &&
		(now.signal == SIGNAL_WITHDRAWN || now.signal == SIGNAL_DUE)) {
		c->why = now.reason;
		return true;
	}
	/* Still there: whatever he is now, it is news like any other. */
	if (roll_entry(f->roll, entry, a, &e))
		log_err(LOG_ERROR_LEVEL, "confirm", c->person->login, &e);
	return false;
}

static void depart(struct feed *f, const struct candidate *c)
{
	struct err e;
	int rc = c->person->signal == SIGNAL_ABSENT ? roll_departed(f->roll, c->person->uuid, c->why, f->confirm_arena, &e)
						    : roll_withdrawn(f->roll, c->person->uuid, f->confirm_arena, &e);
	if (rc == ERR_STALE)
		return;                 /* heard of while he was doubted: he stays */
	if (!rc)
		rc = store_departure_add(f->roll->store, c->person->uuid, clock_now(f->roll->clock), &e);
	if (rc)
		log_err(LOG_ERROR_LEVEL, "confirm", c->person->login, &e);
}

static bool brake_open(struct feed *f, int64_t wanting)
{
	const struct settings *s = f->roll->settings;
	const struct brake_rules rules = { .count = s->life.departures_hour, .percent = s->life.departures_percent };
	int64_t departed, now = clock_now(f->roll->clock);
	struct store_counts counts;
	struct err e;
	if (store_departures(f->roll->store, now - BRAKE_WINDOW_MS, &departed, &e) || store_counts(f->roll->store, &counts, &e)) {
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
		return false;
	}
	int64_t roll = counts.stage[STAGE_ACTIVE] + counts.stage[STAGE_HELD];
	bool open = brake_lets(&rules, roll, departed, wanting);
	pthread_mutex_lock(&f->lock);
	bool first = !open && !f->braked;       /* told once, not every half minute */
	f->braked = !open;
	f->waiting = open ? 0 : wanting;
	f->brake_again_ms = open ? 0 : now + BRAKE_AGAIN_MS;
	pthread_mutex_unlock(&f->lock);
	if (first)
		log_event(LOG_ALARM_LEVEL, "confirm", NULL,
			"departure brake: %lld people would lose access by absence, %lld did within the hour; nobody of them is touched."
			" If it is right, raise life.departures_per_hour and restart",
			(long long)wanting, (long long)departed);
	return open;
}

static int confirm_weak(struct feed *f)
{
	struct arena *a = f->confirm_arena;
	struct store_person *list;
	size_t n, departing = 0;
	struct err e;
	int64_t now = clock_now(f->roll->clock);
	pthread_mutex_lock(&f->lock);
	bool later = f->brake_again_ms > now;
	pthread_mutex_unlock(&f->lock);
	int64_t mono = clock_mono(f->roll->clock);
	if (later || mono < f->weak_again_mono)
		return 0;
	f->weak_again_mono = mono + LOOK_AGAIN_MS;
	if (store_weak(f->roll->store, now - f->roll->settings->life.weak_wait_ms, CONFIRM_BATCH, a, &list, &n, &e)) {
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
		return 0;
	}
	struct candidate *c = arena_alloc(a, (n + 1) * sizeof(*c));
	for (size_t i = 0; i < n; i++) {
		c[i].person = &list[i];
		c[i].departs = doubt(f, &c[i]);
		departing += c[i].departs;
	}
	if (!departing || !brake_open(f, (int64_t)departing))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (c[i].departs)
			depart(f, &c[i]);
	return 1;
}

/* Is he, at this moment, gone or not entitled?  An entry that is there must say so itself, and be readable. */
static int out_right_now(struct feed *f, const char *uuid, bool *out, struct err *e)
{
	struct arena *a = f->confirm_arena;
	const struct entry *entry = NULL;
	enum whereabouts where;
	struct person now;
	struct err unreadable;
	*out = false;
	int rc = f->confirm->reread(f->confirm, uuid, a, &where, &entry, e);
	if (rc)
		return rc;
	if (where == WHERE_GONE || where == WHERE_OUTSIDE) {
		*out = true;
		return 0;
	}
	bool readable = !person_read(entry, f->roll->rules, clock_now(f->roll->clock), a, &now, &unreadable);
	*out = now.signal == SIGNAL_DISABLED || (readable && now.signal == SIGNAL_WITHDRAWN);
	return roll_entry(f->roll, entry, a, e);
}

/* Grace is over: only whoever is still not entitled at this moment is taken down. */
static int confirm_retire(struct feed *f)
{
	struct arena *a = f->confirm_arena;
	struct store_account *list;
	size_t n;
	struct err e;
	int did = 0;
	int64_t mono = clock_mono(f->roll->clock);
	if (mono < f->retire_again_mono)
		return 0;
	f->retire_again_mono = mono + LOOK_AGAIN_MS;
	if (store_graceless(f->roll->store, STAGE_SUSPENDED, clock_now(f->roll->clock), RETIRE_BATCH, a, &list, &n, &e)) {
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		bool still_out, retired = false;
		int rc = out_right_now(f, list[i].uuid, &still_out, &e);
		if (!rc && still_out)
			rc = roll_retire(f->roll, &list[i], &retired, a, &e);
		if (rc)
			log_err(LOG_WARN_LEVEL, "confirm", list[i].uuid, &e);
		did += retired;
	}
	return did > 0;
}

int confirm_step(struct feed *f)
{
	int did = 0, due = 0;
	struct err e;
	arena_reset(f->confirm_arena);
	if (roll_due(f->roll, f->confirm_arena, &due, &e))
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
	if (feed_trusted(f)) {
		did |= confirm_weak(f);
		did |= confirm_retire(f);
	}
	return did || due;
}
