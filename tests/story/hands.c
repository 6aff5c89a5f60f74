/* What somebody does in the cloud's console, by hand: keys, logins, rights that Rollcall did not give. */
#include <string.h>

#include "cloud/emulator/state.h"
#include "tests/story/story.h"

#define CAM "cam", "2019-01-16"
#define TCB "tcb", "2018-06-08"

struct hand { struct world *w; struct arena *a; const struct user *user; const struct env *env; };

static struct json *with(struct hand *h, const char *name, const char *text)
{
	struct json *in = json_object(h->a);
	json_put_text(in, name, text);
	return in;
}

static bool second_key(struct hand *h)
{
	struct json *in = json_object(h->a);
	json_put_uint(in, "TargetUin", h->user->uin);
	return cloud_by_hand(h->w, CAM, "CreateAccessKey", in, h->a) != NULL;
}

static bool login(struct hand *h)
{
	struct json *in = with(h, "Name", h->user->name);
	json_put_int(in, "ConsoleLogin", 1);
	return cloud_by_hand(h->w, CAM, "UpdateUser", in, h->a) != NULL;
}

static bool env_key(struct hand *h)
{
	if (!h->env)
		return false;
	struct json *in = with(h, "EnvId", h->env->id);
	json_put_text(in, "KeyType", "api_key");
	return cloud_by_hand(h->w, TCB, "CreateApiKey", in, h->a) != NULL;
}

static bool group(struct hand *h)
{
	struct json *in = json_object(h->a), *list = json_array(h->a), *one = json_object(h->a);
	const struct json *made = cloud_by_hand(h->w, CAM, "CreateGroup", with(h, "GroupName", h->user->name), h->a);
	uint64_t id;
	if (!made || json_uint(made, "GroupId", &id, NULL))
		return false;
	json_put_uint(one, "GroupId", id);
	json_put_uint(one, "Uin", h->user->uin);
	json_push(list, one);
	json_put(in, "Info", list);
	return cloud_by_hand(h->w, CAM, "AddUserToGroup", in, h->a) != NULL;
}

static bool policy(struct hand *h)
{
	for (size_t i = 0; i < h->user->grants.count; i++) {
		const struct policy *p = h->user->grants.items[i].policy;
		if (!strstr(p->description, INSTALLATION))
			continue;
		/* Nothing by which he would see what is not his: then he would be held, and rightly so. */
		struct json *in = with(h, "PolicyDocument", "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\","
			"\"action\":[\"sts:GetCallerIdentity\"],\"resource\":[\"*\"]}]}");
		json_put_uint(in, "PolicyId", p->id);
		return cloud_by_hand(h->w, CAM, "UpdatePolicy", in, h->a) != NULL;
	}
	return false;
}

static const struct { const char *what; bool (*does)(struct hand *); } works[] = {
	{ "somebody makes a second key for", second_key }, { "somebody opens the console login of", login },
	{ "an environment key is made by", env_key }, { "somebody puts into a group", group },
	{ "somebody edits the policy of", policy },
};

static const struct user *user_of(struct world *w, const struct model_person *p)
{
	for (size_t i = 0; i < w->emulator->users.count; i++) {
		const struct user *u = w->emulator->users.items[i];
		unsigned generation;
		if (world_owner(w, u->remark, &generation) == p && generation == p->generation)
			return u;
	}
	return NULL;
}

static const struct env *env_of(struct world *w, const struct model_person *p)
{
	for (size_t i = 0; i < w->emulator->envs.count; i++) {
		const struct env *env = w->emulator->envs.items[i];
		unsigned generation;
		if (world_owner(w, tags_find(&env->tags, "rollcall"), &generation) == p && generation == p->generation)
			return env;
	}
	return NULL;
}

/* His cut takes this one, too; when he comes back before anybody saw that he left, the next audit does. */
void hands_last_key(struct world *w, struct model_person *p)
{
	AUTO_ARENA struct arena *a = arena_new(4u << 20);
	struct hand h = { .w = w, .a = a, .user = user_of(w, p) };
	if (!h.user || !person_in(&p->now) || p->stage != STAGE_ACTIVE || w->setup.audit_ms > DAY_MS || !second_key(&h))
		return;
	p->keys_by_hand++;
	world_say(w, "somebody makes a last key for", p);
}

/* Only to who has access: what is given to whoever has left is found by the next audit and not before. */
void hands_work(struct world *w, struct model_person *p)
{
	AUTO_ARENA struct arena *a = arena_new(4u << 20);
	struct hand h = { .w = w, .a = a, .user = user_of(w, p), .env = env_of(w, p) };
	size_t which = world_dice(w, ARRAY_LEN(works));
	if (!h.user || !person_in(&p->now) || p->stage != STAGE_ACTIVE || w->setup.audit_ms > DAY_MS || !works[which].does(&h))
		return;
	p->keys_by_hand += works[which].does == second_key;
	world_say(w, works[which].what, p);
}
