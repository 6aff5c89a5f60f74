#include "cloud/snapshot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cloud/resource.h"

/* One listing: everything of one kind in one region.  Records are of one size, and begin with an id of `id` bytes. */
struct listing {
	const struct kind *kind;
	char region[32];
	bool running;           /* somebody lists now, without the lock */
	struct pages *partial;  /* begun, and stopped by the rate limit: whoever comes next goes on with it */
	int64_t again_mono;     /* nobody need ask the limiter before */
	bool valid;
	int64_t began_ms;       /* when the records were listed, by the wall clock and by the one that never goes back */
	int64_t began_mono;
	size_t count;
	char *records;
	struct listing *next;
};

struct snapshot {
	const struct clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t done;
	struct listing *listings;
	unsigned changes;       /* of our own: what was being listed meanwhile is stale, too */
};

struct kind {
	enum action action;
	const char *items, *total;
	size_t size;
	void (*read)(const struct json *item, void *record);
	const char *(*text)(const void *record, int which);
};
enum { WHICH_ID, WHICH_NAME, WHICH_MARK };

#define PAGE 100
#define TRIES 3            /* a listing that changed under our hands is begun again */
#define MAX_RECORDS 100000
#define WAIT_SECONDS 1     /* for another one's listing: a slow cloud must not hold whoever is wanted elsewhere */
#define WAIT_AGAIN_MS 200
#define PARTIAL_MS 30000   /* an older beginning is not gone on with */

struct pages {
	char *records;
	size_t count, room;
	uint64_t first, total;          /* how many there are, as the first and the last page said */
	bool shrunk;                    /* something went between two pages: what stood behind it may have been passed over */
	bool begun;
	unsigned changes;               /* of our own, when it began */
	int64_t began_ms, began_mono;
};

struct snapshot *snapshot_new(const struct clock *clock)
{
	struct snapshot *s = mem_alloc(sizeof(*s));
	s->clock = clock;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->done, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	while (s->listings) {
		struct listing *l = s->listings;
		s->listings = l->next;
		free(l->records);
		if (l->partial)
			free(l->partial->records);
		free(l->partial);
		free(l);
	}
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void snapshot_stale(struct snapshot *s)
{
	pthread_mutex_lock(&s->lock);
	s->changes++;
	for (struct listing *l = s->listings; l; l = l->next)
		l->valid = false;
	pthread_mutex_unlock(&s->lock);
}

/* --- the two kinds ---------------------------------------------------------------- */

static void copy_text(char *to, size_t n, const struct json *item, const char *path)
{
	const char *text = json_text(item, path);
	uint64_t number;
	if (text)
		str_copy(to, n, text);
	else if (!json_uint(item, path, &number, NULL))
		snprintf(to, n, "%llu", (unsigned long long)number);
}
#define COPY(field, path) copy_text(r->field, sizeof(r->field), item, path)

static void copy_mark(char *to, size_t n, const struct json *item)
{
	for (const struct json *tag = json_first(json_get(item, "Tags")); tag; tag = json_next(tag)) {
		if (str_eq(json_text(tag, "Key"), MARK_TAG))
			copy_text(to, n, tag, "Value");
	}
}

static void read_env(const struct json *item, void *record)
{
	struct snapshot_env *r = record;
	COPY(env_id, "EnvId");
	COPY(alias, "Alias");
	COPY(status, "Status");
	COPY(region, "Region");
	COPY(bucket, "Storages[0].Bucket");
	COPY(name_space, "Functions[0].Namespace");
	COPY(topic, "LogServices[0].TopicId");
	COPY(app_id, "Storages[0].AppId");
	copy_mark(r->mark, sizeof(r->mark), item);
}

static void read_server(const struct json *item, void *record)
{
	struct snapshot_server *r = record;
	COPY(id, "InstanceId");
	COPY(name, "InstanceName");
	COPY(state, "InstanceState");
	COPY(operation_state, "LatestOperationState");
	COPY(address, "PublicAddresses[0]");
	COPY(renew_flag, "RenewFlag");
	const char *expires = json_text(item, "ExpiredTime");
	if (!expires || str_time_parse(expires, &r->expires_ms, NULL))
		r->expires_ms = 0;
	copy_mark(r->mark, sizeof(r->mark), item);
}

static const char *env_text(const void *record, int which)
{
	const struct snapshot_env *r = record;
	return which == WHICH_ID ? r->env_id : which == WHICH_NAME ? r->alias : r->mark;
}

static const char *server_text(const void *record, int which)
{
	const struct snapshot_server *r = record;
	return which == WHICH_ID ? r->id : which == WHICH_NAME ? r->name : r->mark;
}

static const struct kind env_kind = { ACT_DESCRIBE_ENVS, "EnvList", "Total", sizeof(struct snapshot_env), read_env, env_text };
static const struct kind server_kind = { ACT_DESCRIBE_INSTANCES, "InstanceSet", "TotalCount", sizeof(struct snapshot_server),
	read_server, server_text };

/* --- listing ------------------------------------------------------------------------ */

static void add_page(const struct kind *k, const struct json *items, struct pages *p)
{
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		if (p->count == p->room) {
			p->room = p->room ? p->room * 2 : PAGE;
			p->records = mem_realloc(p->records, p->room * k->size);
		}
		void *record = p->records + p->count++ * k->size;
		memset(record, 0, k->size);
		k->read(item, record);
	}
}

/* One page more.  *over: it was the last. */
static int list_page(struct call *c, const struct account *want, const struct kind *k, struct pages *p, bool *over, struct err *e)
{
	/* Pages of an arena of their own: a thousand environments are megabytes of JSON. */
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct json *parameters = json_object(a);
	const struct json *answer;
	uint64_t total;
	int64_t now = clock_now(c->clock), mono = clock_mono(c->clock);
	json_put_uint(parameters, "Limit", PAGE);
	json_put_uint(parameters, "Offset", p->count);
	int rc = api_call(c->api, k->action, want->region, parameters, a, &answer, e);
	if (rc)
		return rc;
	if (json_uint(answer, k->total, &total, NULL) || total > MAX_RECORDS)
		return err_set(e, ERR_TEMP, "%s: \"%s\" is missing or no number of things", action_table[k->action].name, k->total);
	size_t before = p->count;
	add_page(k, json_get(answer, k->items), p);
	if (!p->begun) {
		p->begun = true;
		p->first = total;
		p->began_ms = now;
		p->began_mono = mono;
	} else if (total < p->total) {
		p->shrunk = true;
	}
	p->total = total;
	*over = p->count >= total || p->count == before;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Sorted by id, which stands first in a record, and each once: what came in front while pages were turned pushes others
 * onto the next page, where they stand again. */
static void sort_out(const struct kind *k, struct pages *p)
{
	size_t kept = 0;
	if (p->count > 1)
		qsort(p->records, p->count, k->size, compare_ids);
	for (size_t i = 0; i < p->count; i++) {
		char *record = p->records + i * k->size;
		if (kept && !strcmp(p->records + (kept - 1) * k->size, record))
			continue;
		memmove(p->records + kept++ * k->size, record, k->size);
	}
	p->count = kept;
}

static void drop(struct pages *p)
{
	free(p->records);
	*p = (struct pages){ 0 };
}

/* Go on with a listing until it is complete: everything that was there when it began has been seen.  What came later
 * may be missing; it is later than began_ms.  After LIMIT, p holds what there is so far. */
static int list_all(struct call *c, const struct account *want, const struct kind *k, struct pages *p, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		bool over = false;
		while (!over) {
			int rc = list_page(c, want, k, p, &over, e);
			if (rc) {
				if (rc != ERR_LIMIT)
					drop(p);
				return rc;
			}
		}
		sort_out(k, p);
		if (!p->shrunk && p->count >= p->first)
			return 0;
		drop(p);
	}
	return err_set(e, ERR_TEMP, "%s: the listing kept changing between its pages", action_table[k->action].name);
}

/* --- sharing ---------------------------------------------------------------------- */

static struct listing *listing_of(struct snapshot *s, const struct kind *k, const char *region)
{
	for (struct listing *l = s->listings; l; l = l->next)
		if (l->kind == k && !strcmp(l->region, region))
			return l;
	struct listing *l = mem_alloc(sizeof(*l));
	l->kind = k;
	str_copy(l->region, sizeof(l->region), region);
	l->next = s->listings;
	s->listings = l;
	return l;
}

/* Make the listing begin no earlier than `since`.  Called and left with the lock held; whoever finds somebody listing
 * waits for him and then looks again, since that one may have failed or been called off. */
static int freshen(struct snapshot *s, struct listing *l, struct call *c, const struct account *want, int64_t since,
	struct err *e)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_SECONDS;
	while (l->running && !(l->valid && l->began_mono >= since))
		if (pthread_cond_timedwait(&s->done, &s->lock, &until))
			return err_due(e, ERR_WAIT, clock_now(s->clock) + WAIT_AGAIN_MS, "%s: somebody is listing",
				action_table[l->kind->action].name);
	if (l->valid && l->began_mono >= since)
		return 0;
	/* One asks the limiter for all: if each of those who wait did, their places in its queue would be all there are. */
	int64_t wait_ms = l->again_mono - clock_mono(s->clock);
	if (wait_ms > 0 && !c->api->urgent)
		return err_due(e, ERR_LIMIT, clock_now(s->clock) + wait_ms, "%s: the listing goes on then",
			action_table[l->kind->action].name);
	struct pages p = { 0 };
	if (l->partial) {
		p = *l->partial;
		free(l->partial);
		l->partial = NULL;
		if (clock_mono(s->clock) - p.began_mono > PARTIAL_MS)
			drop(&p);
	}
	if (!p.begun)
		p.changes = s->changes;
	unsigned changes = p.changes;
	l->running = true;
	pthread_mutex_unlock(&s->lock);
	int rc = list_all(c, want, l->kind, &p, e);
	pthread_mutex_lock(&s->lock);
	l->running = false;
	l->again_mono = 0;
	if (!rc) {
		free(l->records);
		l->records = p.records;
		l->count = p.count;
		/* A change of ours in the meantime: good for this caller, who asked before, and for nobody later. */
		l->valid = changes == s->changes;
		l->began_ms = p.began_ms;
		l->began_mono = p.began_mono;
	} else if (rc == ERR_LIMIT) {
		l->partial = mem_alloc(sizeof(p));
		*l->partial = p;
		l->again_mono = clock_mono(s->clock) + e->due_ms - clock_now(s->clock);
	}
	pthread_cond_broadcast(&s->done);
	return rc;
}

static const void *find(const struct listing *l, int which, const char *text)
{
	if (!text || !*text)
		return NULL;
	for (size_t i = 0; i < l->count; i++) {
		const void *record = l->records + i * l->kind->size;
		if (!strcmp(l->kind->text(record, which), text))
			return record;
	}
	return NULL;
}

static int look(struct snapshot *s, struct call *c, const struct account *want, const struct kind *k, const char *id,
	const char *name, int64_t max_age_ms, void *out, int64_t *listed_ms, struct err *e)
{
	int64_t since = clock_mono(s->clock) - max_age_ms;
	pthread_mutex_lock(&s->lock);
	struct listing *l = listing_of(s, k, want->region);
	int rc = freshen(s, l, c, want, since, e);
	if (!rc) {
		const void *known = find(l, WHICH_ID, id);
		bool ours = known && !strcmp(k->text(known, WHICH_MARK), want->mark);
		const void *record = ours ? known : find(l, WHICH_MARK, want->mark);
		record = record ? record : known;
		record = record ? record : find(l, WHICH_NAME, name);
		if (record)
			memcpy(out, record, k->size);
		else
			rc = err_set(e, ERR_ABSENT, "%s: it is not listed", action_table[k->action].name);
		if (listed_ms)
			*listed_ms = l->began_ms;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* A sample of `most`: each of those who are listed has the same chance to be in it, whatever their number. */
static size_t choose(const struct listing *l, const struct clock *clock, const char *own, size_t most, const char **out)
{
	size_t seen = 0;
	for (size_t i = 0; i < l->count; i++) {
		const char *id = l->kind->text(l->records + i * l->kind->size, WHICH_ID);
		uint64_t r;
		if (!strcmp(id, own))
			continue;
		if (seen++ < most) {
			out[seen - 1] = id;
			continue;
		}
		clock_random(clock, &r, sizeof(r));
		if (r % seen < most)
			out[r % seen] = id;
	}
	return seen < most ? seen : most;
}

int snapshot_others(struct snapshot *s, struct call *c, const struct account *want, const char *own, int64_t max_age_ms,
	size_t most, const char **out, size_t *count, struct err *e)
{
	int64_t since = clock_mono(s->clock) - max_age_ms;
	pthread_mutex_lock(&s->lock);
	struct listing *l = listing_of(s, &env_kind, want->region);
	int rc = freshen(s, l, c, want, since, e);
	if (!rc) {
		*count = choose(l, c->clock, own, most, out);
		for (size_t i = 0; i < *count; i++)
			out[i] = arena_strdup(c->arena, out[i]);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int snapshot_env(struct snapshot *s, struct call *c, const struct account *want, const char *env_id, int64_t max_age_ms,
	struct snapshot_env *out, int64_t *listed_ms, struct err *e)
{
	return look(s, c, want, &env_kind, env_id, want->env_alias, max_age_ms, out, listed_ms, e);
}

int snapshot_server(struct snapshot *s, struct call *c, const struct account *want, const char *server_id, int64_t max_age_ms,
	struct snapshot_server *out, int64_t *listed_ms, struct err *e)
{
	return look(s, c, want, &server_kind, server_id, want->server_name, max_age_ms, out, listed_ms, e);
}

static int all(struct snapshot *s, struct call *c, const struct account *want, const struct kind *k, int64_t max_age_ms, void **out,
	size_t *count, struct err *e)
{
	int64_t since = clock_mono(s->clock) - max_age_ms;
	pthread_mutex_lock(&s->lock);
	struct listing *l = listing_of(s, k, want->region);
	int rc = freshen(s, l, c, want, since, e);
	if (!rc) {
		*out = arena_alloc(c->arena, (l->count + 1) * k->size);
		*count = l->count;
		if (l->count)
			memcpy(*out, l->records, l->count * k->size);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int snapshot_envs(struct snapshot *s, struct call *c, const struct account *want, int64_t max_age_ms, struct snapshot_env **out,
	size_t *count, struct err *e)
{
	void *list = NULL;
	int rc = all(s, c, want, &env_kind, max_age_ms, &list, count, e);
	if (!rc)
		*out = list;
	return rc;
}

int snapshot_servers(struct snapshot *s, struct call *c, const struct account *want, int64_t max_age_ms,
	struct snapshot_server **out, size_t *count, struct err *e)
{
	void *list = NULL;
	int rc = all(s, c, want, &server_kind, max_age_ms, &list, count, e);
	if (!rc)
		*out = list;
	return rc;
}
