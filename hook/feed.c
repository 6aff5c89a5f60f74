#include "hook/feed_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/retire.h"
#include "ldap/dn.h"
#include "policies/brake.h"

#define EVENT_MEMORY (4u << 20)
#define BRANCHES_MEMORY (1u << 20)

struct feed *feed_new(struct roll *roll, struct source *source, struct confirm *confirm)
{
	struct feed *f = mem_alloc(sizeof(*f));
	f->roll = roll;
	f->source = source;
	f->confirm = confirm;
	f->arena = arena_new(EVENT_MEMORY);
	f->confirm_arena = arena_new(EVENT_MEMORY * 4);
	f->doubts_arena = arena_new(BRANCHES_MEMORY);
	f->naming.arena = arena_new(BRANCHES_MEMORY);
	f->named.arena = arena_new(BRANCHES_MEMORY);
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	arena_free(f->arena);
	arena_free(f->confirm_arena);
	arena_free(f->doubts_arena);
	arena_free(f->naming.arena);
	arena_free(f->named.arena);
	free(f->seen);
	free(f->naming.names);
	free(f->named.names);
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

char *feed_doubt(struct feed *f, const char *dn, struct arena *a)
{
	pthread_mutex_lock(&f->lock);
	char *why = arena_strdup(a, source_doubts_about(&f->doubts, dn));
	pthread_mutex_unlock(&f->lock);
	return why;
}

/* Who waits behind a brake, by branch. */
static void brakes_health(struct feed *f, struct arena *a, struct json *into)
{
	struct store_frozen_sum *sums;
	struct json *lines = json_array(a);
	int64_t departures = 0, joins = 0;
	bool first_start = false;
	size_t n;
	struct err e;
	if (store_frozen_sums(f->roll->store, 0, a, &sums, &n, &e))
		return;
	for (size_t i = 0; i < n; i++) {
		const char *branch = *sums[i].branch ? sums[i].branch : f->roll->settings->directory.dir.base;
		bool leaves = sums[i].kind == FROZEN_DEPARTURE;
		if (!leaves && sums[i].kind != FROZEN_JOIN)
			continue;
		if (sums[i].state == FROZEN_WAITING)
			*(leaves ? &departures : &joins) += sums[i].people;
		first_start |= !leaves && sums[i].firm && sums[i].state == FROZEN_WAITING;
		if (leaves && sums[i].state == FROZEN_WAITING)
			json_push_text(lines, arena_printf(a, "%s: %lld departures wait for an approval", branch ? branch : "",
				(long long)sums[i].people));
	}
	if (departures)
		json_put_int(into, "departures_held_by_brake", departures);
	if (joins)
		json_put_int(into, "joins_held_by_brake", joins);
	if (first_start)
		json_put_text(into, "first_start", "its people wait for an approval");
	if (json_first(lines))
		json_put(into, "brake", lines);
}

void feed_health(struct feed *f, struct arena *a, struct json *into)
{
	char when[TIME_TEXT] = "never";
	struct json *doubts = json_array(a);
	pthread_mutex_lock(&f->lock);
	if (f->refreshed_ms)
		str_time(f->refreshed_ms, when);
	json_put_text(into, "directory", f->connected ? "connected" : "not connected");
	json_put_text(into, "server", f->server);
	json_put_text(into, "refreshed", when);
	if (*f->trouble)
		json_put_text(into, "directory_trouble", f->trouble);
	if (f->complete && !f->trusted)
		json_put_text(into, "doubt", f->doubts.all);
	for (size_t i = 0; i < f->doubts.count; i++)
		json_push_text(doubts, arena_printf(a, "%s: %s", f->doubts.branches[i].branch, f->doubts.branches[i].why));
	pthread_mutex_unlock(&f->lock);
	if (json_first(doubts))
		json_put(into, "doubts", doubts);
	brakes_health(f, a, into);
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

static bool has_branch(const struct branches *b, const char *name)
{
	/* The last one first: people of one branch come together. */
	for (size_t i = b->count; i > 0; i--)
		if (!strcmp(b->names[i - 1], name))
			return true;
	return false;
}

static void add_branch(struct branches *b, const char *name)
{
	if (has_branch(b, name))
		return;
	if (b->count == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		b->names = mem_realloc(b->names, b->cap * sizeof(*b->names));
	}
	b->names[b->count++] = arena_strdup(b->arena, name);
}

static void no_branches(struct branches *b)
{
	b->count = 0;
	arena_reset(b->arena);
}

/* Somebody of this branch is there. */
static void see_branch(struct feed *f, const char *name)
{
	if (f->refreshing) {
		add_branch(&f->naming, name);
		return;
	}
	pthread_mutex_lock(&f->lock);
	add_branch(&f->named, name);
	pthread_mutex_unlock(&f->lock);
}

/* Named without an entry: where he was seen last. */
static void see_present(struct feed *f, const char *uuid)
{
	struct store_person p;
	struct err e;
	see(f, uuid);
	if (!store_person_get(f->roll->store, uuid, f->arena, &p, &e))
		see_branch(f, p.branch);
}

static void see_entry(struct feed *f, const struct entry *entry)
{
	const char *base = f->roll->settings->directory.dir.base;
	see(f, entry->uuid);
	see_branch(f, dn_branch(base ? base : "", entry->dn, f->arena));
}

bool feed_named(struct feed *f, const char *branch)
{
	pthread_mutex_lock(&f->lock);
	bool named = has_branch(&f->named, branch);
	pthread_mutex_unlock(&f->lock);
	return named;
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

/* Told once, until it is another reason. */
static void tell_doubt(struct feed *f, const struct source_doubts *d)
{
	const char *why = d->all ? d->all : d->count ? d->branches[0].why : "";
	if (!strncmp(f->doubt_told, why, sizeof(f->doubt_told) - 1))
		return;
	str_copy(f->doubt_told, sizeof(f->doubt_told), why);
	if (!*why) {
		log_event(LOG_INFO_LEVEL, "feed", NULL, "nothing speaks against absences any more");
		return;
	}
	const char *who = d->all ? "nobody is believed to be absent"
				 : arena_printf(f->arena, "nobody of \"%s\" is believed to be absent", d->branches[0].branch);
	log_event(LOG_ALARM_LEVEL, "feed", NULL, "%s: %s", who, why);
	roll_alarm(f->roll, who, why);
}

/* Everyone who is known and was not named is absent: a weak sign, to be confirmed. */
static void compare(struct feed *f, unsigned char (*known)[16], size_t count)
{
	size_t at = 0;
	char uuid[UUID_TEXT];
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
}

/* What the refresh says of those whom it did not name, and whether that is believed. */
static void conclude(struct feed *f, struct source_doubts doubts)
{
	unsigned char (*known)[16] = NULL;
	size_t count = 0;
	struct err e;
	const char *why;
	if (store_people_uuids(f->roll->store, &known, &count, &e)) {
		missed(f, NULL, &e);
		return;                 /* and not trusted: see started() */
	}
	const struct refresh_facts facts = { .ended_well = true, .named = (int64_t)f->seen_count, .known = (int64_t)count };
	if (!doubts.all && !brake_believes(&facts, &why))
		doubts.all = why;
	tell_doubt(f, &doubts);
	pthread_mutex_lock(&f->lock);
	arena_reset(f->doubts_arena);
	f->doubts = source_doubts_copy(&doubts, f->doubts_arena);
	if (!doubts.all) {
		const struct branches before = f->named;
		f->named = f->naming;
		f->naming = before;
	}
	pthread_mutex_unlock(&f->lock);
	bool believed = !doubts.all;
	if (believed)
		compare(f, known, count);
	free(known);
	if (believed && !f->store_missed && roll_refreshed(f->roll, f->arena, &e))
		missed(f, NULL, &e);
	pthread_mutex_lock(&f->lock);
	f->complete = !f->store_missed;
	f->trusted = f->complete && believed;
	f->refreshed_ms = clock_now(f->roll->clock);
	*f->trouble = '\0';
	pthread_mutex_unlock(&f->lock);
	atomic_store(&f->roll->doubt, f->trusted ? DOUBT_NONE : believed ? DOUBT_OPEN : DOUBT_ALL);
}

/* Until a refresh has ended well what is known stays so. */
static void not_known_now(struct feed *f)
{
	int none = DOUBT_NONE;
	atomic_compare_exchange_strong(&f->roll->doubt, &none, DOUBT_OPEN);
}

static void started(struct feed *f, const struct source_event *ev)
{
	not_known_now(f);
	f->refreshing = true;
	f->store_missed = false;
	f->seen_count = 0;
	no_branches(&f->naming);
	pthread_mutex_lock(&f->lock);
	f->connected = true;
	f->complete = f->trusted = false;             /* until it has ended, and is believed */
	str_copy(f->server, sizeof(f->server), ev->server ? ev->server : "");
	pthread_mutex_unlock(&f->lock);
}

static void lost(struct feed *f, const struct source_event *ev)
{
	not_known_now(f);
	f->refreshing = false;
	f->seen_count = 0;
	pthread_mutex_lock(&f->lock);
	f->connected = f->complete = f->trusted = false;
	str_copy(f->trouble, sizeof(f->trouble), ev->err.text);
	pthread_mutex_unlock(&f->lock);
	log_err(LOG_WARN_LEVEL, "feed", NULL, &ev->err);
}

static void refreshed(struct feed *f, const struct source_event *ev)
{
	size_t named = f->seen_count;
	f->refreshing = false;
	conclude(f, ev->doubts);
	log_event(LOG_INFO_LEVEL, "feed", NULL, "refresh complete: %zu people named", named);
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
		see_entry(f, ev.entry);
		if (roll_entry(f->roll, ev.entry, f->arena, &e))
			missed(f, ev.uuid, &e);
		break;
	case SOURCE_PRESENT:
		see_present(f, ev.uuid);
		break;
	case SOURCE_GONE:
		/* Within a refresh nothing may be concluded before its end; what is gone was not named then. */
		if (!f->refreshing)
			absent(f, ev.uuid);
		break;
	case SOURCE_REFRESHED:
		refreshed(f, &ev);
		break;
	case SOURCE_LOST:
		lost(f, &ev);
		break;
	}
	POINT("feed.step");
	return 1;
}

/* --- the confirm thread --------------------------------------------------------------------------------- */

int confirm_step(struct feed *f)
{
	int did = 0, due = 0;
	struct err e;
	arena_reset(f->confirm_arena);
	if (roll_due(f->roll, f->confirm_arena, &due, &e))
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
	did |= feed_confirm_weak(f);
	did |= retire_step(f);
	return did || due;
}
