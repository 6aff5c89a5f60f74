/* The whole state as JSON, for tests and for the curious.  No secrets. */
#include <string.h>

#include "cloud/emulator/state.h"
#include "common/str.h"

static void put_time(struct json *o, const char *name, int64_t ms)
{
	char text[TIME_TEXT];
	str_time(ms, text);
	json_put_text(o, name, text);
}

static struct json *tags_json(const struct tags *t, struct arena *a)
{
	struct json *o = json_object(a);
	for (size_t i = 0; i < t->count; i++)
		json_put_text(o, t->items[i].key, t->items[i].value);
	return o;
}

static struct json *policy_name(const struct policy *p, struct arena *a)
{
	struct json *o = json_object(a);
	json_put_uint(o, "id", p->id);
	json_put_text(o, "name", p->name);
	return o;
}

static struct json *granted(const struct grants *g, struct arena *a)
{
	struct json *list = json_array(a);
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].to == NEVER)
			json_push(list, policy_name(g->items[i].policy, a));
	return list;
}

static struct json *user_json(struct user *u, struct arena *a)
{
	struct json *o = json_object(a), *keys = json_array(a), *groups = json_array(a);
	json_put_text(o, "name", u->name);
	json_put_uint(o, "uin", u->uin);
	json_put_text(o, "remark", u->remark);
	json_put_bool(o, "console_login", u->console);
	json_put_text(o, "email", u->email);
	json_put_text(o, "phone", u->phone);
	put_time(o, "create_time", u->created);
	for (size_t i = 0; i < u->key_count; i++) {
		struct json *k = json_object(a);
		json_put_text(k, "id", u->keys[i]->id);
		json_put_text(k, "status", u->keys[i]->active ? "Active" : "Inactive");
		json_put_text(k, "description", u->keys[i]->description);
		put_time(k, "create_time", u->keys[i]->created);
		json_push(keys, k);
	}
	json_put(o, "keys", keys);
	json_put(o, "policies", granted(&u->grants, a));
	const struct grant *boundary = grants_find(&u->boundary, NULL);
	if (boundary)
		json_put(o, "boundary", policy_name(boundary->policy, a));
	for (size_t i = 0; i < u->group_count; i++)
		json_push_text(groups, u->groups[i]->name);
	json_put(o, "groups", groups);
	return o;
}

static struct json *policy_json(const struct policy *p, struct arena *a)
{
	struct json *o = policy_name(p, a), *document;
	struct err e;
	json_put_text(o, "description", p->description);
	json_put_bool(o, "preset", p->preset);
	json_put_uint(o, "attached", p->attached);
	json_put_uint(o, "bounding", p->bounding);
	json_put(o, "tags", tags_json(&p->tags, a));
	if (!json_parse(a, policy_text(p), strlen(policy_text(p)), &document, &e))
		json_put(o, "document", document);
	return o;
}

static struct json *env_json(const struct env *env, struct arena *a)
{
	struct json *o = json_object(a), *keys = json_array(a);
	json_put_text(o, "env_id", env->id);
	json_put_text(o, "alias", env->alias);
	json_put_text(o, "status", env->normal ? "NORMAL" : "UNAVAILABLE");
	json_put_text(o, "billing_status", env->isolated ? "ISOLATE" : env->normal ? "NORMAL" : "");
	json_put_text(o, "package", env->package);
	json_put_text(o, "region", env->region);
	json_put_text(o, "bucket", env->bucket);
	json_put_text(o, "log_topic", env->log ? env->topic : NULL);
	json_put_bool(o, "auto_renew", env->auto_renew);
	json_put(o, "tags", tags_json(&env->tags, a));
	put_time(o, "create_time", env->created);
	put_time(o, "expire_time", env->expires);
	if (env->isolated)
		put_time(o, "isolated_time", env->isolated_at);
	for (size_t i = 0; i < env->key_count; i++) {
		struct json *k = json_object(a);
		json_put_text(k, "key_id", env->keys[i].id);
		json_put_text(k, "name", env->keys[i].name);
		json_put_text(k, "type", env->keys[i].type);
		json_push(keys, k);
	}
	json_put(o, "api_keys", keys);
	return o;
}

static struct json *server_json(const struct server *s, struct arena *a)
{
	static const char *const states[] = { [SERVER_PENDING] = "PENDING", [SERVER_RUNNING] = "RUNNING",
		[SERVER_STOPPED] = "STOPPED", [SERVER_SHUTDOWN] = "SHUTDOWN", [SERVER_GONE] = "GONE" };
	struct json *o = json_object(a);
	json_put_text(o, "id", s->id);
	json_put_text(o, "name", s->name);
	json_put_text(o, "state", states[s->state]);
	json_put_text(o, "operating", s->operating ? s->operation : NULL);
	json_put_text(o, "region", s->region);
	json_put_text(o, "bundle", s->bundle);
	json_put_text(o, "blueprint", s->blueprint);
	json_put_text(o, "renew_flag", s->renew_flag);
	json_put_text(o, "address", s->address);
	json_put(o, "tags", tags_json(&s->tags, a));
	put_time(o, "create_time", s->created);
	put_time(o, "expire_time", s->expires);
	return o;
}

static struct json *run_json(const struct emulator *em, const struct run *r, struct arena *a)
{
	struct json *o = json_object(a), *inner;
	struct err e;
	json_put_text(o, "invocation_id", r->invocation);
	json_put_text(o, "command_name", r->command_name);
	json_put_text(o, "status", business_now(em) < r->ends ? "RUNNING" : r->exit_code ? "FAILED" : "SUCCESS");
	put_time(o, "time", r->created);
	if (!json_parse(a, r->parameters, strlen(r->parameters), &inner, &e))
		json_put(o, "parameters", inner);
	if (!json_parse(a, r->hidden, strlen(r->hidden), &inner, &e))
		json_put(o, "hidden_sha256", inner);
	return o;
}

static void put_servers(struct emulator *em, struct json *out, struct arena *a)
{
	struct json *servers = json_array(a);
	struct index runs = { 0 };
	for (size_t i = 0; i < em->servers.count; i++) {
		const struct server *s = em->servers.items[i];
		struct json *o = server_json(s, a), *list = json_array(a);
		index_put(&runs, s->id, list);
		json_put(o, "agent_runs", list);
		json_push(servers, o);
	}
	for (size_t i = 0; i < em->runs.count; i++) {
		const struct run *r = em->runs.items[i];
		struct json *list = index_find(&runs, r->instance);
		if (list)
			json_push(list, run_json(em, r, a));
	}
	index_free(&runs);
	json_put(out, "servers", servers);
}

static void put_money(struct emulator *em, struct json *out, struct arena *a)
{
	struct json *orders = json_array(a);
	for (size_t i = 0; i < em->orders.count; i++) {
		const struct order *order = em->orders.items[i];
		struct json *o = json_object(a);
		put_time(o, "time", order->at);
		json_put_text(o, "kind", order->kind);
		json_put_text(o, "subject", order->subject);
		json_put_int(o, "amount", order->amount);
		json_push(orders, o);
	}
	json_put(out, "orders", orders);
	json_put_int(out, "money_spent", em->paid);
	json_put_int(out, "money_refunded", em->refunded);
	json_put_int(out, "balance", em->balance);
}

struct json *emulator_state(struct emulator *em, int64_t now_ms, struct arena *a)
{
	em->now = now_ms;
	events_settle(em);
	struct json *out = json_object(a), *users = json_array(a), *policies = json_array(a), *envs = json_array(a);
	for (size_t i = 0; i < em->users.count; i++)
		json_push(users, user_json(em->users.items[i], a));
	for (size_t i = 0; i < em->policies.count; i++)
		json_push(policies, policy_json(em->policies.items[i], a));
	for (size_t i = 0; i < em->envs.count; i++)
		json_push(envs, env_json(em->envs.items[i], a));
	json_put_uint(out, "owner_uin", em->owner_uin);
	json_put_uint(out, "app_id", em->app_id);
	put_time(out, "business_time", business_now(em));
	json_put(out, "users", users);
	json_put(out, "policies", policies);
	json_put(out, "environments", envs);
	put_servers(em, out, a);
	put_money(em, out, a);
	return out;
}
