/* API keys of the environment.  The employee makes them himself; they do not depend on his CAM key, so they go
 * when he goes. */
#include "cloud/drivers/driver.h"

#define PAGE 50
#define MAX_PAGES 20

/* The environment's id, also when our record was lost.  Fails: ABSENT. */
static int need_env(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct snapshot_env env;
	if (*found->env_id)
		return 0;
	if (!found->uin)
		return err_set(e, ERR_ABSENT, "there is no environment");
	int rc = snapshot_env(c->snapshot, c, want, "", c->settings->poll_ms, &env, NULL, e);
	if (!rc && mark_judge(want, env.mark) != MARK_OURS)
		rc = err_set(e, ERR_ABSENT, "there is no environment of ours");
	if (!rc)
		str_copy(found->env_id, sizeof(found->env_id), env.env_id);
	return rc;
}

/* The first page of each type is enough for whoever deletes and asks again. */
static int list(struct call *c, const struct account *want, const struct found *found, const char *type,
	const struct json **keys, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	json_put_text(p, "EnvId", found->env_id);
	json_put_text(p, "KeyType", type);
	json_put_int(p, "PageNumber", 1);
	json_put_int(p, "PageSize", PAGE);
	int rc = call_do(c, want, ACT_DESCRIBE_API_KEY_LIST, p, &answer, e);
	*keys = rc ? NULL : json_get(answer, "Data");
	return rc == ERR_ABSENT ? 0 : rc;
}

static const char *const types[] = { "api_key", "publish_key" };

static int envkeys_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	*out = SEEN_NONE;
	int rc = need_env(c, want, found, e);
	/* An isolated environment answers to no key. */
	if (rc || found->env_isolated_ms)
		return rc == ERR_ABSENT ? 0 : rc;
	for (size_t i = 0; !rc && i < ARRAY_LEN(types); i++) {
		const struct json *keys;
		rc = list(c, want, found, types[i], &keys, e);
		if (!rc && json_first(keys))
			*out = SEEN_OK;
	}
	return rc;
}

static int envkeys_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	(void)c;
	(void)want;
	(void)found;
	(void)e;
	return 0;       /* they are his to make */
}

static int delete_all(struct call *c, const struct account *want, const struct found *found, const char *type, struct err *e)
{
	for (int page = 0; page < MAX_PAGES; page++) {
		const struct json *keys;
		int rc = list(c, want, found, type, &keys, e);
		if (rc || !json_first(keys))
			return rc;
		for (const struct json *key = json_first(keys); key; key = json_next(key)) {
			struct json *p = call_arguments(c);
			json_put_text(p, "EnvId", found->env_id);
			json_put_text(p, "KeyId", json_text(key, "KeyId"));
			rc = call_do(c, want, ACT_DELETE_API_KEY, p, NULL, e);
			if (rc && rc != ERR_ABSENT)
				return rc;
		}
	}
	return err_set(e, ERR_TEMP, "environment \"%s\" still has keys of type %s", found->env_id, type);
}

static int envkeys_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct err worst = { 0 };
	int rc = need_env(c, want, found, e);
	if (rc || found->env_isolated_ms)
		return rc == ERR_ABSENT ? 0 : rc;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (delete_all(c, want, found, types[i], e))
			err_worse(&worst, e);
	}
	if (worst.kind)
		*e = worst;
	return worst.kind;
}

const struct driver envkeys_driver = { .name = "envkeys", .observe = envkeys_observe, .ensure = envkeys_ensure,
	.remove = envkeys_remove };
