/* tcb: API keys of an environment.  They do not depend on any sub-account. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

enum { API_KEYS = 5 };

static struct env *usable_env(struct call *c)
{
	struct env *env = env_by_id(c->em, text_of(c, "EnvId"));
	if (!env)
		call_fail(c, "InvalidParameter", "The environment `%.64s` does not exist.", text_of(c, "EnvId"));
	else if (!env->normal || env->isolated)
		call_fail(c, "ResourceUnavailable", "The environment is not in the state NORMAL.");
	else
		return env;
	return NULL;
}

/* The shape of a JWT; nothing here accepts it as a credential. */
static char *token(struct call *c)
{
	char header[37], body[121], signature[65];
	rng_text(&c->em->rng, header, 36, ALPHABET_KEY);
	rng_text(&c->em->rng, body, 120, ALPHABET_KEY);
	rng_text(&c->em->rng, signature, 64, ALPHABET_KEY);
	return arena_printf(c->arena, "%s.%s.%s", header, body, signature);
}

static size_t count_type(const struct env *env, const char *type)
{
	size_t n = 0;
	for (size_t i = 0; i < env->key_count; i++)
		n += str_eq(env->keys[i].type, type);
	return n;
}

static struct env_key *find_publish(struct env *env)
{
	for (size_t i = 0; i < env->key_count; i++)
		if (str_eq(env->keys[i].type, "publish_key"))
			return &env->keys[i];
	return NULL;
}

static void put_key(struct call *c, struct json *o, const struct env_key *k, const char *value)
{
	json_put_text(o, "KeyId", k->id);
	json_put_text(o, "Name", k->name);
	json_put_text(o, "ApiKey", value);
	if (k->expires)
		json_put_text(o, "ExpireAt", iso(c->arena, k->expires));
	else
		json_put_null(o, "ExpireAt");
	json_put_text(o, "CreateAt", iso(c->arena, k->created));
}

static int create_api_key(struct call *c)
{
	struct env *env = usable_env(c);
	const char *type = text_of(c, "KeyType"), *name = text_of(c, "KeyName");
	int64_t seconds = int_of(c, "ExpireIn", 0);
	bool publish = str_eq(type, "publish_key");
	if (!env)
		return -1;
	if (seconds && seconds < 7200)
		return call_fail(c, "InvalidParameterValue", "ExpireIn must be 0 or at least 7200 seconds.");
	struct env_key *k = publish ? find_publish(env) : NULL;
	if (k) {
		put_key(c, c->out, k, k->publish);
		return 0;
	}
	if (!publish && count_type(env, type) >= API_KEYS)
		return call_fail(c, "LimitExceeded", "An environment has at most %d API keys.", API_KEYS);
	k = &env->keys[env->key_count++];
	*k = (struct env_key){ .created = c->now, .expires = seconds ? c->now + seconds * SECOND : 0 };
	const char *value = token(c);
	rng_text(&c->em->rng, k->id, 22, ALPHABET_KEY);
	str_copy(k->type, sizeof(k->type), type);
	str_copy(k->name, sizeof(k->name), publish ? "publish_key" : name ? name : "");
	if (publish)
		k->publish = mem_strdup(value);
	put_key(c, c->out, k, value);
	return 0;
}

static int delete_api_key(struct call *c)
{
	struct env *env = env_by_id(c->em, text_of(c, "EnvId"));
	if (!env)
		return call_fail(c, "InvalidParameter", "The environment does not exist.");
	for (size_t i = 0; i < env->key_count; i++) {
		if (!str_eq(env->keys[i].id, text_of(c, "KeyId")))
			continue;
		free(env->keys[i].publish);
		env->key_count--;
		memmove(env->keys + i, env->keys + i + 1, (env->key_count - i) * sizeof(*env->keys));
		return 0;
	}
	return call_fail(c, "ResourceNotFound", "The API key does not exist.");
}

static int describe_api_key_list(struct call *c)
{
	const struct env *env = env_by_id(c->em, text_of(c, "EnvId"));
	const char *type = text_of(c, "KeyType");
	struct json *list = json_array(c->arena);
	struct page page = page_by_number(c, "PageNumber", "PageSize", SIZE_MAX / 2, 10);
	size_t total = 0;
	if (!env)
		return call_fail(c, "InvalidParameter", "The environment does not exist.");
	for (size_t i = 0; i < env->key_count; i++) {
		const struct env_key *k = &env->keys[i];
		if (type && !str_eq(type, k->type))
			continue;
		if (total >= page.from && total < page.to) {
			struct json *o = json_object(c->arena);
			put_key(c, o, k, k->publish ? k->publish : "******");
			json_push(list, o);
		}
		total++;
	}
	json_put(c->out, "Data", list);
	json_put_uint(c->out, "Total", total);
	return 0;
}

#define ENV TEXT("EnvId", NEEDED, RANGE(1, 64))
#define TYPES "api_key|publish_key"
static const struct param create_params[] = {
	ENV, TEXT("KeyType", NEEDED, ONE_OF(TYPES)), TEXT("KeyName", RANGE(0, 64)), INT("ExpireIn", RANGE(0,
		INT32_MAX)),
};
static const struct param delete_params[] = { ENV, TEXT("KeyId", NEEDED, RANGE(1, 64)) };
static const struct param list_params[] = {
	ENV, INT("PageNumber", RANGE(1, 10000)), INT("PageSize", RANGE(1, 100)), TEXT("KeyType", ONE_OF(TYPES)),
};

static const struct action actions[] = {
	{ "tcb", "CreateApiKey", create_api_key, PARAMS(create_params), 20, SCOPE_ENV, 0, "EnvId", "KeyType" },
	{ "tcb", "DeleteApiKey", delete_api_key, PARAMS(delete_params), 20, SCOPE_ENV, 0, "EnvId", "KeyId" },
	{ "tcb", "DescribeApiKeyList", describe_api_key_list, PARAMS(list_params), 20, SCOPE_ENV, ACTION_READS, "EnvId",
	NULL },
};

const struct action *tcb_key_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
