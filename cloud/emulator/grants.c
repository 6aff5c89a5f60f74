/* Policies and where they are attached, with their past: a change counts only when the policy cache has
 * forgotten what was before. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/state.h"
#include "common/str.h"

/* What ended before this moment counts no more. */
static int64_t horizon(const struct emulator *em)
{
	return em->now - em->policy_cache_ms;
}

/* --- documents ------------------------------------------------------------------- */

static int add_version(struct emulator *em, struct policy *p, const char *text, size_t len, struct err *e)
{
	struct policy_version v = { .since = em->now, .arena = arena_new(SIZE_MAX) };
	int rc = cam_policy_parse(v.arena, text, len, &v.parsed, e);
	if (rc) {
		arena_free(v.arena);
		return rc;
	}
	v.text = arena_strndup(v.arena, text, len);
	p->versions = mem_realloc(p->versions, (p->version_count + 1) * sizeof(v));
	p->versions[p->version_count++] = v;
	return 0;
}

/* A version is dead once its successor counts. */
static void forget_versions(struct emulator *em, struct policy *p)
{
	size_t dead = 0;
	while (dead + 1 < p->version_count && p->versions[dead + 1].since <= horizon(em))
		arena_free(p->versions[dead++].arena);
	memmove(p->versions, p->versions + dead, (p->version_count - dead) * sizeof(*p->versions));
	p->version_count -= dead;
}

struct policy *policy_new(struct emulator *em, const char *name, const char *description, const char *text, size_t len,
	bool preset, struct err *e)
{
	struct policy *p = mem_alloc(sizeof(*p));
	if (add_version(em, p, text, len, e)) {
		free(p);
		return NULL;
	}
	p->id = em->last_policy++;
	snprintf(p->id_text, sizeof(p->id_text), "%" PRIu64, p->id);
	str_copy(p->name, sizeof(p->name), name);
	str_copy(p->description, sizeof(p->description), description);
	p->preset = preset;
	if (preset)
		p->versions[0].since = INT64_MIN;
	p->created = p->updated = business_now(em);
	list_add(&em->policies, p);
	index_put(&em->policies_by_id, p->id_text, p);
	index_put(&em->policies_by_name, p->name, p);
	return p;
}

int policy_rewrite(struct emulator *em, struct policy *p, const char *text, size_t len, struct err *e)
{
	int rc = add_version(em, p, text, len, e);
	if (rc)
		return rc;
	p->updated = business_now(em);
	forget_versions(em, p);
	return 0;
}

const char *policy_text(const struct policy *p)
{
	return p->versions[p->version_count - 1].text;
}

void policy_free(struct policy *p)
{
	for (size_t i = 0; i < p->version_count; i++)
		arena_free(p->versions[i].arena);
	free(p->versions);
	tags_free(&p->tags);
	free(p);
}

static void close_everywhere(struct emulator *em, struct policy *p)
{
	for (size_t i = 0; i < em->users.count && (p->attached || p->bounding); i++) {
		struct user *u = em->users.items[i];
		grants_close(em, grants_find(&u->grants, p), &p->attached);
		grants_close(em, grants_find(&u->boundary, p), &p->bounding);
	}
	for (size_t i = 0; i < em->groups.count && p->attached; i++)
		grants_close(em, grants_find(&((struct group *)em->groups.items[i])->grants, p), &p->attached);
}

void policy_delete(struct emulator *em, struct policy *p)
{
	close_everywhere(em, p);
	index_remove(&em->policies_by_id, p->id_text);
	index_remove(&em->policies_by_name, p->name);
	list_remove(&em->policies, p);
	p->deleted = true;
	if (!p->refs)
		policy_free(p);
}

/* --- grants ------------------------------------------------------------------------- */

static void release(struct policy *p)
{
	if (!--p->refs && p->deleted)
		policy_free(p);
}

struct grant *grants_find(struct grants *g, const struct policy *p)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].to == NEVER && (!p || g->items[i].policy == p))
			return &g->items[i];
	return NULL;
}

/* What has ended before the horizon is forgotten, in place. */
static void forget_grants(struct emulator *em, struct grants *g)
{
	size_t kept = 0;
	for (size_t i = 0; i < g->count; i++) {
		struct grant item = g->items[i];
		if (item.to <= horizon(em))
			release(item.policy);
		else
			g->items[kept++] = item;
	}
	g->count = kept;
}

void grants_open(struct emulator *em, struct grants *g, struct policy *p, size_t *counter)
{
	forget_grants(em, g);
	if (g->count == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 4;
		g->items = mem_realloc(g->items, g->cap * sizeof(*g->items));
	}
	g->items[g->count++] = (struct grant){ p, em->now, NEVER };
	p->refs++;
	++*counter;
}

void grants_close(struct emulator *em, struct grant *item, size_t *counter)
{
	if (!item)
		return;
	item->to = em->now;
	--*counter;
}

void grants_free(struct emulator *em, struct grants *g)
{
	(void)em;
	for (size_t i = 0; i < g->count; i++)
		release(g->items[i].policy);
	free(g->items);
	*g = (struct grants){ 0 };
}

/* --- what counts now ------------------------------------------------------------------- */

static const struct cam_policy *document_at(const struct policy *p, int64_t at)
{
	const struct cam_policy *found = NULL;
	for (size_t i = 0; i < p->version_count && p->versions[i].since <= at; i++)
		found = p->versions[i].parsed;
	return found;
}

static size_t gather(const struct grants *g, int64_t at, const struct cam_policy **out)
{
	size_t n = 0;
	for (size_t i = 0; i < g->count; i++) {
		const struct grant *item = &g->items[i];
		const struct cam_policy *document = item->from <= at && at < item->to ? document_at(item->policy, at) :
			NULL;
		if (document)
			out[n++] = document;
	}
	return n;
}

size_t effective_policies(struct emulator *em, struct user *u, struct arena *a, const struct cam_policy ***out,
	const struct cam_policy **boundary)
{
	int64_t at = horizon(em);
	forget_grants(em, &u->grants);
	forget_grants(em, &u->boundary);
	size_t most = u->grants.count;
	for (size_t i = 0; i < u->group_count; i++)
		most += u->groups[i]->grants.count;
	const struct cam_policy **found = arena_alloc(a, (most + 1) * sizeof(const struct cam_policy *));
	size_t n = gather(&u->grants, at, found);
	for (size_t i = 0; i < u->group_count; i++)
		n += gather(&u->groups[i]->grants, at, found + n);
	const struct cam_policy **limits = arena_alloc(a, (u->boundary.count + 1) * sizeof(const struct cam_policy *));
	*boundary = gather(&u->boundary, at, limits) ? limits[0] : NULL;
	*out = found;
	return n;
}
