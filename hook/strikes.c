#include "hook/strikes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define MOST 4096
#define ROUNDS 2
#define RETRY_MS 2000            /* a claim that was not reported done */

struct strike { char uuid[UUID_TEXT]; unsigned struck; int64_t due_mono; };

struct strikes {
	const struct clock *clock;
	int64_t again_ms;
	pthread_mutex_t lock;
	size_t count;
	struct strike list[MOST];
};

struct strikes *strikes_new(const struct clock *clock, int64_t again_ms)
{
	struct strikes *s = mem_alloc(sizeof(*s));
	s->clock = clock;
	s->again_ms = again_ms;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void strikes_free(struct strikes *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct strike *find(struct strikes *s, const char *uuid)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->list[i].uuid, uuid))
			return &s->list[i];
	return NULL;
}

void strikes_add(struct strikes *s, const char *uuid)
{
	pthread_mutex_lock(&s->lock);
	if (!find(s, uuid) && s->count < MOST) {
		struct strike *one = &s->list[s->count++];
		*one = (struct strike){ .due_mono = clock_mono(s->clock) };
		str_copy(one->uuid, sizeof(one->uuid), uuid);
	}
	pthread_mutex_unlock(&s->lock);
}

bool strikes_has(struct strikes *s, const char *uuid)
{
	pthread_mutex_lock(&s->lock);
	bool has = find(s, uuid) != NULL;
	pthread_mutex_unlock(&s->lock);
	return has;
}

void strikes_over(struct strikes *s, const char *uuid)
{
	pthread_mutex_lock(&s->lock);
	struct strike *one = find(s, uuid);
	if (one)
		*one = s->list[--s->count];
	pthread_mutex_unlock(&s->lock);
}

bool strikes_pop(struct strikes *s, char uuid[UUID_TEXT])
{
	bool got = false;
	int64_t mono = clock_mono(s->clock);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count && !got; i++) {
		struct strike *one = &s->list[i];
		if (one->struck >= ROUNDS || one->due_mono > mono)
			continue;
		one->due_mono = mono + RETRY_MS;        /* nobody else takes it meanwhile */
		memcpy(uuid, one->uuid, UUID_TEXT);
		got = true;
	}
	pthread_mutex_unlock(&s->lock);
	return got;
}

void strikes_done(struct strikes *s, const char *uuid)
{
	pthread_mutex_lock(&s->lock);
	struct strike *one = find(s, uuid);
	if (one) {
		one->struck++;
		one->due_mono = clock_mono(s->clock) + s->again_ms;
	}
	pthread_mutex_unlock(&s->lock);
}

int64_t strikes_wait(struct strikes *s)
{
	int64_t wait = INT64_MAX, mono = clock_mono(s->clock);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].struck < ROUNDS && s->list[i].due_mono - mono < wait)
			wait = s->list[i].due_mono - mono;
	pthread_mutex_unlock(&s->lock);
	return wait > 0 ? wait : 0;
}

int64_t strikes_count(struct strikes *s)
{
	pthread_mutex_lock(&s->lock);
	int64_t n = (int64_t)s->count;
	pthread_mutex_unlock(&s->lock);
	return n;
}
