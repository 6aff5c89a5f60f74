#include "hook/owned.h"

#include <string.h>

#include "common/str.h"
#include "policies/grant.h"

static void copy(char *to, size_t n, const char *first, const char *then)
{
	if (first && *first)
		str_copy(to, n, first);
	else if (then && *then)
		str_copy(to, n, then);
}
#define TAKE(field, first, then) copy(p.field, sizeof(p.field), first, then)

int owned_placement(const struct settings *s, const struct owned *o, const struct owned_hints *hint, struct arena *a, char **out,
	struct err *e)
{
	const struct profile_settings *all = s->profiles.items;
	const struct profile_settings *ps = settings_profile(s, hint->profile ? hint->profile : hint->fits);
	if (!ps)
		ps = &all[s->profiles.count - 1];
	const struct profile profile = { .name = ps->name, .package = ps->package, .bundle = ps->bundle, .blueprint = ps->blueprint,
		.zone = ps->zone, .region = ps->region, .at_login = ps->trigger == 1 };
	struct placement p;
	const char *login = o->user_name ? o->user_name : hint->login;
	struct err ignored;
	if (!login || placement_make(login, o->uuid, o->generation, s->cloud.root_account, s->cloud.region, &profile, &p, &ignored)) {
		int rc = placement_make("unknown", o->uuid, o->generation, s->cloud.root_account, s->cloud.region, &profile, &p, e);
		if (rc)
			return rc;
	}
	TAKE(user_name, o->user_name, hint->name);
	str_copy(p.policy_name, sizeof(p.policy_name), arena_printf(a, "rollcall-%s", p.user_name));
	str_copy(p.server_name, sizeof(p.server_name), arena_printf(a, "rc-%s", p.user_name));
	TAKE(policy_name, o->policy_name, NULL);
	TAKE(env_alias, o->env.alias, NULL);
	TAKE(server_name, o->server.name, NULL);
	TAKE(region, o->env.region, hint->region);
	TAKE(root_account, hint->root_account, NULL);
	TAKE(profile, hint->profile, NULL);
	TAKE(package, hint->package, NULL);
	TAKE(bundle, hint->bundle, NULL);
	*out = placement_print(&p, a);
	return 0;
}

char *owned_found(const struct owned *o, struct arena *a)
{
	struct found f = { 0 };
	if (o->twice) {
		str_copy(f.disputed, sizeof(f.disputed), arena_printf(a, "his mark stands on %s, and on %s", o->rivals, owned_words(o, a)));
		return found_print(&f, a);
	}
	f.uin = o->uin;
	f.policy_id = o->policy_id;
	str_copy(f.env_id, sizeof(f.env_id), o->env.env_id);
	str_copy(f.env_status, sizeof(f.env_status), o->env.status);
	str_copy(f.bucket, sizeof(f.bucket), o->env.bucket);
	str_copy(f.name_space, sizeof(f.name_space), o->env.name_space);
	str_copy(f.topic, sizeof(f.topic), o->env.topic);
	str_copy(f.server_id, sizeof(f.server_id), o->server.id);
	str_copy(f.server_state, sizeof(f.server_state), o->server.state);
	str_copy(f.server_address, sizeof(f.server_address), o->server.address);
	return found_print(&f, a);
}

char *owned_words(const struct owned *o, struct arena *a)
{
	struct str s;
	str_init(&s, a);
	if (o->uin)
		str_addf(&s, ", sub-account %s", o->user_name ? o->user_name : "");
	if (*o->env.env_id)
		str_addf(&s, ", environment %s", o->env.env_id);
	if (*o->server.id)
		str_addf(&s, ", server %s", o->server.id);
	if (o->policy_id)
		str_addf(&s, ", policy %s", o->policy_name ? o->policy_name : "");
	return arena_strdup(a, s.len > 2 ? s.text + 2 : "nothing");
}

#define AGAIN_MS 1000
#define TRIES 300

bool owned_later(const struct clock *clock, const struct err *e, bool failed_too, int *tries)
{
	if (e->kind != ERR_LIMIT && e->kind != ERR_WAIT && !(failed_too && e->kind == ERR_TEMP))
		return false;
	int64_t left = e->due_ms - clock_now(clock);
	clock_wait(clock, left > 0 && left < AGAIN_MS ? left : AGAIN_MS);
	return ++*tries < TRIES;
}

bool regions_has(const struct regions *r, const char *name)
{
	for (size_t i = 0; name && i < r->count; i++)
		if (!strcmp(r->list[i], name))
			return true;
	return false;
}

bool regions_add(struct regions *r, const char *name)
{
	if (!name || !*name || regions_has(r, name))
		return false;
	if (r->count == r->room) {
		r->room = r->room ? r->room * 2 : 8;
		const char **more = arena_alloc(r->arena, r->room * sizeof(*more));
		if (r->count)
			memcpy(more, r->list, r->count * sizeof(*more));
		r->list = more;
	}
	r->list[r->count++] = arena_strdup(r->arena, name);
	return true;
}

struct regions regions_of(const struct settings *s, struct arena *a)
{
	struct regions r = { .arena = a };
	const struct profile_settings *profiles = s->profiles.items;
	regions_add(&r, s->cloud.region);
	for (size_t i = 0; i < s->profiles.count; i++)
		regions_add(&r, profiles[i].region);
	return r;
}
