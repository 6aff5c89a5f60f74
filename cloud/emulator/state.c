#include "cloud/emulator/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

/* --- tags ----------------------------------------------------------------------- */

void tags_set(struct tags *t, const char *key, const char *value)
{
	for (size_t i = 0; i < t->count; i++) {
		if (!str_eq(t->items[i].key, key))
			continue;
		free(t->items[i].value);
		t->items[i].value = mem_strdup(value);
		return;
	}
	t->items = mem_realloc(t->items, (t->count + 1) * sizeof(*t->items));
	t->items[t->count++] = (struct tag){ mem_strdup(key), mem_strdup(value) };
}

const char *tags_find(const struct tags *t, const char *key)
{
	for (size_t i = 0; i < t->count; i++)
		if (str_eq(t->items[i].key, key))
			return t->items[i].value;
	return NULL;
}

void tags_free(struct tags *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->items[i].key);
		free(t->items[i].value);
	}
	free(t->items);
	*t = (struct tags){ 0 };
}

/* --- users and keys ---------------------------------------------------------------- */

struct user *user_by_uin(struct emulator *em, uint64_t uin)
{
	return index_find_number(&em->users_by_uin, uin);
}

struct user *user_by_name(struct emulator *em, const char *name)
{
	return index_find(&em->users_by_name, name);
}

struct key *key_issue(struct emulator *em, struct user *u, const char *id, const struct secret *secret,
	const char *description)
{
	struct key *k = mem_alloc(sizeof(*k));
	if (id) {
		str_copy(k->id, sizeof(k->id), id);
		k->secret = secret_dup(secret);
	} else {
		char text[33];
		memcpy(k->id, "AKID", 4);
		rng_text(&em->rng, k->id + 4, 32, ALPHABET_KEY);
		rng_text(&em->rng, text, 32, ALPHABET_KEY);
		k->secret = secret_text(text);
		secret_wipe(text, sizeof(text));
	}
	k->description = mem_strdup(description ? description : "");
	k->user = u;
	k->uin = u ? u->uin : em->owner_uin;
	k->active = true;
	k->created = business_now(em);
	list_add(&em->keys, k);
	index_put(&em->keys_by_id, k->id, k);
	if (u)
		u->keys[u->key_count++] = k;
	return k;
}

static int64_t beijing_day(int64_t ms)
{
	return (ms + 8 * 3600 * SECOND) / (24 * 3600 * SECOND);
}

void key_used(struct key *k, int64_t now)
{
	if (beijing_day(k->used) < beijing_day(now))
		k->used_earlier = k->used;
	k->used = now;
}

int64_t key_last_use(const struct key *k, int64_t now)
{
	return beijing_day(k->used) < beijing_day(now) ? k->used : k->used_earlier;
}

void key_free(struct key *k)
{
	secret_free(k->secret);
	free(k->description);
	free(k);
}

void user_free(struct emulator *em, struct user *u)
{
	grants_free(em, &u->grants);
	grants_free(em, &u->boundary);
	free(u->buckets);
	free(u);
}

void group_free(struct emulator *em, struct group *g)
{
	grants_free(em, &g->grants);
	free(g);
}

/* --- the rest ------------------------------------------------------------------------ */

struct env *env_by_id(struct emulator *em, const char *id)
{
	return id ? index_find(&em->envs_by_id, id) : NULL;
}

void env_free(struct env *env)
{
	for (size_t i = 0; i < env->key_count; i++)
		free(env->keys[i].publish);
	tags_free(&env->tags);
	free(env);
}

void server_free(struct server *s)
{
	tags_free(&s->tags);
	free(s);
}

void run_free(struct run *r)
{
	free(r->content);
	free(r->parameters);
	free(r->hidden);
	free(r);
}

size_t quota(const struct emulator *em, size_t documented)
{
	double n = (double)documented * em->quota_factor;
	return n < 1 ? 1 : n > 1e9 ? 1000000000 : (size_t)n;
}

const char *beijing(struct arena *a, int64_t ms)
{
	char text[TIME_TEXT];
	if (!ms)
		return "0000-00-00 00:00:00";
	str_time(ms + 8 * 3600 * SECOND, text);
	text[10] = ' ';
	return arena_strndup(a, text, 19);
}

const char *iso(struct arena *a, int64_t ms)
{
	char text[TIME_TEXT];
	str_time(ms, text);
	return arena_strdup(a, text);
}
