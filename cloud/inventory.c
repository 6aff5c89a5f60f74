#include "cloud/inventory.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/rights.h"
#include "common/str.h"

#define PAGE 200
#define MAX_PAGES 200
#define FRESH_MS 15000
#define MEMORY (256u << 20)

struct taking {
	struct call *call;
	const char *installation, *barrier_mark;
	struct inventory *all;
	struct arena *arena;           /* of list and slots while they grow: a limit may stop it, and it begins anew later */
	size_t room;
	size_t *slots, slot_count;     /* owners by hash: place in the list + 1; 0 = free */
};

/* `at` says where in struct strangers this kind is counted. */
static void count_stranger(struct taking *t, const char *text, size_t at)
{
	enum mark_owner whose = mark_of(t->installation, text);
	struct strangers *s = whose == MARK_NONE ? &t->all->unmarked : whose == MARK_OTHER_INSTALLATION ? &t->all->others : NULL;
	if (s)
		*(size_t *)(void *)((char *)s + at) += 1;
}

/* Where this owner stands, or would: linear probing, never more than half full. */
static size_t slot_of(const struct taking *t, const char *uuid, unsigned generation)
{
	uint64_t hash = 14695981039346656037u ^ generation;
	for (const char *p = uuid; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	for (size_t at = (size_t)hash % t->slot_count;; at = (at + 1) % t->slot_count) {
		const struct owned *o = t->slots[at] ? &t->all->list[t->slots[at] - 1] : NULL;
		if (!o || (o->generation == generation && !strcmp(o->uuid, uuid)))
			return at;
	}
}

static void grow(struct taking *t)
{
	struct inventory *all = t->all;
	t->room = t->room ? t->room * 2 : 64;
	struct owned *list = arena_alloc(t->arena, t->room * sizeof(*list));
	if (all->count)
		memcpy(list, all->list, all->count * sizeof(*list));
	all->list = list;
	t->slot_count = 2 * t->room;
	t->slots = arena_alloc(t->arena, t->slot_count * sizeof(*t->slots));
	memset(t->slots, 0, t->slot_count * sizeof(*t->slots));
	for (size_t i = 0; i < all->count; i++)
		t->slots[slot_of(t, list[i].uuid, list[i].generation)] = i + 1;
}

static struct owned *owner(struct taking *t, const char *text, size_t stranger_at)
{
	char uuid[UUID_TEXT];
	unsigned generation;
	struct inventory *all = t->all;
	if (!mark_parse(t->installation, text, uuid, &generation)) {
		count_stranger(t, text, stranger_at);
		return NULL;
	}
	if (!t->slots || all->count == t->room)
		grow(t);
	size_t slot = slot_of(t, uuid, generation);
	if (t->slots[slot])
		return &all->list[t->slots[slot] - 1];
	struct owned *o = &all->list[all->count++];
	t->slots[slot] = all->count;
	memset(o, 0, sizeof(*o));
	str_copy(o->uuid, sizeof(o->uuid), uuid);
	o->generation = generation;
	return o;
}

/* Which of two is meant nobody can say: the one that was listed first stands, and the other is told. */
static bool is_rival(struct taking *t, struct owned *o, bool other, const char *what, const char *name, uint64_t id)
{
	if (!other)
		return false;
	struct arena *a = t->call->arena;
	const char *before = o->rivals ? arena_printf(a, "%s, ", o->rivals) : "";
	o->rivals = id ? arena_printf(a, "%s%s %s (%llu)", before, what, name ? name : "", (unsigned long long)id)
		       : arena_printf(a, "%s%s %s", before, what, name ? name : "");
	o->twice++;
	return true;
}

static int users(struct taking *t, struct err *e)
{
	const struct json *answer;
	int rc = call_do(t->call, NULL, ACT_LIST_USERS, json_object(t->call->arena), &answer, e);
	if (rc)
		return err_must_exist(rc, e);
	const struct json *items = json_get(answer, "Data");
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		struct owned *o = owner(t, json_text(item, "Remark"), offsetof(struct strangers, users));
		if (!o)
			continue;
		uint64_t uin;
		if (json_uint(item, "Uin", &uin, NULL))
			return err_set(e, ERR_TEMP, "ListUsers: a sub-account has no \"Uin\"");
		if (is_rival(t, o, o->uin && o->uin != uin, "sub-account", json_text(item, "Name"), uin))
			continue;
		o->uin = uin;
		o->user_name = json_text(item, "Name");
		o->remark = json_text(item, "Remark");
		o->console = json_int_or(item, "ConsoleLogin", 0) == 1;
	}
	return 0;
}

static int policies(struct taking *t, struct err *e)
{
	size_t seen = 0, total = 0;
	for (uint64_t page = 1; page <= MAX_PAGES; page++) {
		const struct json *answer;
		struct json *p = json_object(t->call->arena);
		json_put_text(p, "Scope", "Local");
		json_put_uint(p, "Rp", PAGE);
		json_put_uint(p, "Page", page);
		int rc = call_do(t->call, NULL, ACT_LIST_POLICIES, p, &answer, e);
		if (rc)
			return err_must_exist(rc, e);
		const struct json *items = json_get(answer, "List");
		total = (size_t)json_int_or(answer, "TotalNum", 0);
		for (const struct json *item = json_first(items); item; item = json_next(item), seen++) {
			const char *text = json_text(item, "Description");
			if (str_eq(text, t->barrier_mark))
				rc = json_uint(item, "PolicyId", &t->all->barrier_id, e);
			struct owned *o = owner(t, text, offsetof(struct strangers, policies));
			uint64_t id = 0;
			if (o && !rc)
				rc = json_uint(item, "PolicyId", &id, e);
			if (rc)
				return rc;
			if (!o || is_rival(t, o, o->policy_id && o->policy_id != id, "policy", json_text(item, "PolicyName"), id))
				continue;
			o->policy_id = id;
			o->policy_name = json_text(item, "PolicyName");
		}
		if (!json_first(items) || seen >= total)
			break;
	}
	return seen >= total ? 0 : err_set(e, ERR_TEMP, "ListPolicies: the listing is not complete");
}

/* A listing may show the same one in several regions. */
static bool is_other(const char *first, const char *id)
{
	return *first && strcmp(first, id) != 0;
}

static int region(struct taking *t, const char *name, struct err *e)
{
	const struct account at = { .region = name };
	struct snapshot_env *envs = NULL;
	struct snapshot_server *servers = NULL;
	size_t env_count = 0, server_count = 0;
	int rc = snapshot_envs(t->call->snapshot, t->call, &at, FRESH_MS, &envs, &env_count, e);
	if (!rc)
		rc = snapshot_servers(t->call->snapshot, t->call, &at, FRESH_MS, &servers, &server_count, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < env_count; i++) {
		struct owned *o = owner(t, envs[i].mark, offsetof(struct strangers, envs));
		if (!o || is_rival(t, o, is_other(o->env.env_id, envs[i].env_id), "environment", envs[i].env_id, 0))
			continue;
		o->env = envs[i];
		if (!*o->env.region)
			str_copy(o->env.region, sizeof(o->env.region), name);
	}
	for (size_t i = 0; i < server_count; i++) {
		struct owned *o = owner(t, servers[i].mark, offsetof(struct strangers, servers));
		if (o && !is_rival(t, o, is_other(o->server.id, servers[i].id), "server", servers[i].id, 0))
			o->server = servers[i];
	}
	return 0;
}

static int by_owner(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int order = strcmp(x->uuid, y->uuid);
	return order ? order : x->generation < y->generation ? -1 : x->generation > y->generation;
}

struct owned *inventory_find(const struct inventory *all, const char *uuid, unsigned generation)
{
	struct owned key = { .generation = generation };
	str_copy(key.uuid, sizeof(key.uuid), uuid);
	return all->count ? bsearch(&key, all->list, all->count, sizeof(key), by_owner) : NULL;
}

int inventory_take(struct call *c, const char *installation, const char *const *regions, size_t region_count, struct inventory *out,
	struct err *e)
{
	struct inventory all = { 0 };
	AUTO_ARENA struct arena *growing = arena_new(MEMORY);
	struct taking t = { .call = c, .installation = installation, .all = &all, .arena = growing,
		.barrier_mark = arena_printf(c->arena, "rollcall:%s:barrier", installation) };
	int rc = users(&t, e);
	if (!rc)
		rc = policies(&t, e);
	for (size_t i = 0; !rc && i < region_count; i++)
		rc = region(&t, regions[i], e);
	if (rc)
		return rc;
	if (all.count > 1)
		qsort(all.list, all.count, sizeof(*all.list), by_owner);
	all.list = arena_memdup(c->arena, all.list, all.count * sizeof(*all.list));
	*out = all;
	return 0;
}

int inventory_access(struct call *c, const struct inventory *all, struct owned *o, struct err *e)
{
	struct attached *policies = NULL;
	size_t on, off, count = 0;
	int rc = keys_count(c, o->uin, &on, &off, e);
	if (!rc && all->barrier_id)
		rc = attached_list(c, NULL, o->uin, &policies, &count, e);
	if (rc)
		return err_must_exist(rc, e);
	o->barrier = all->barrier_id && attached_has(policies, count, all->barrier_id);
	o->keys_on = on;
	o->keys_off = off;
	return 0;
}
