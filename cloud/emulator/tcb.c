/* tcb: environments are bought, changed, isolated and destroyed. */
#include <stdio.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static struct env *need_env(struct call *c, const char *code)
{
	struct env *env = env_by_id(c->em, text_of(c, "EnvId"));
	if (!env)
		call_fail(c, code, "The environment `%.64s` does not exist.", text_of(c, "EnvId"));
	return env;
}

/* --- CreateEnv ------------------------------------------------------------------------- */

static bool alias_fits(const char *alias)
{
	size_t n = strlen(alias);
	return !alias[strspn(alias, ALPHABET_ID "-")] && alias[0] >= 'a' && alias[0] <= 'z' && alias[n - 1] != '-' &&
		!strstr(alias, "--");
}

static bool period_fits(int64_t months)
{
	return (months >= 1 && months <= 12) || months == 24;
}

static bool alias_used(const struct emulator *em, const char *alias)
{
	for (size_t i = 0; i < em->envs.count; i++)
		if (str_eq(((const struct env *)em->envs.items[i])->alias, alias))
			return true;
	return false;
}

static int check_purchase(struct call *c, int64_t *amount)
{
	const char *alias = text_of(c, "Alias");
	int64_t price = package_price(c->em->catalogue, text_of(c, "PackageId")), months = int_of(c, "Period", 1);
	if (!alias_fits(alias))
		return call_fail(c, "InvalidParameter",
			"The alias must start with a letter and hold a-z, 0-9 and single `-`.");
	if (price < 0)
		return call_fail(c, "InvalidParameter", "The package `%.64s` is not on sale.", text_of(c, "PackageId"));
	if (!period_fits(months))
		return call_fail(c, "InvalidParameter", "The period must be 1 to 12 or 24 months.");
	if (c->em->switches.alias_unique && alias_used(c->em, alias))
		return call_fail(c, "ResourceInUse", "The alias `%s` is in use.", alias);
	if ((int64_t)c->em->envs.count >= c->em->switches.max_env_num)
		return call_fail(c, "ResourceInsufficient", "The number of environments has reached its limit.");
	*amount = price * months;
	return 0;
}

static bool wants(const struct call *c, const char *resource)
{
	for (const struct json *v = json_first(json_get(c->in, "Resources")); v; v = json_next(v))
		if (str_eq(json_string(v), resource))
			return true;
	return false;
}

static void name_parts(struct emulator *em, struct env *env)
{
	char text[24];
	rng_text(&em->rng, text, 3, ALPHABET_HEX);
	snprintf(env->bucket, sizeof(env->bucket), "6%s-%s-%llu", text, env->id, (unsigned long long)em->app_id);
	rng_text(&em->rng, text, 3, ALPHABET_HEX);
	snprintf(env->static_bucket, sizeof(env->static_bucket), "%s-static-%s-%llu", text, env->id,
		(unsigned long long)em->app_id);
	rng_text(&em->rng, text, 9, ALPHABET_ID);
	snprintf(env->instance, sizeof(env->instance), "tnt-%s", text);
	rng_uuid(&em->rng, env->topic);
	rng_uuid(&em->rng, env->logset);
	rng_text(&em->rng, env->order, 32, "0123456789");
}

static struct env *env_new(struct call *c)
{
	struct emulator *em = c->em;
	struct env *env = mem_alloc(sizeof(*env));
	char suffix[17];
	rng_text(&em->rng, suffix, 16, ALPHABET_ID);
	str_copy(env->alias, sizeof(env->alias), text_of(c, "Alias"));
	snprintf(env->id, sizeof(env->id), "%s-%s", env->alias, suffix);
	str_copy(env->region, sizeof(env->region), region_known(c->region) ? c->region : "ap-shanghai");
	str_copy(env->package, sizeof(env->package), text_of(c, "PackageId"));
	name_parts(em, env);
	tags_from(&env->tags, json_get(c->in, "Tags"));
	env->auto_renew = str_eq(text_of(c, "RenewFlag"), "NOTIFY_AND_AUTO_RENEW");
	env->overrun = str_eq(text_of(c, "EnableOverrun"), "TRUE");
	env->postgres = wants(c, "postgresql");
	env->price = package_price(em->catalogue, env->package);
	env->created = env->updated = c->now;
	env->ready = c->now + build_time(em);
	env->expires = c->now + int_of(c, "Period", 1) * MONTH;
	list_add(&em->envs, env);
	index_put(&em->envs_by_id, env->id, env);
	events_at(em, env->ready);
	events_at(em, env->expires);
	return env;
}

static int create_env(struct call *c)
{
	int64_t amount = 0;
	if (check_purchase(c, &amount))
		return -1;
	if (c->em->balance < amount)
		return call_fail(c, "ResourceInsufficient", "The balance of the account is insufficient.");
	struct env *env = env_new(c);
	money_pay(c->em, "create_env", env->id, amount, c->now);
	json_put_text(c->out, "EnvId", env->id);
	events_settle(c->em);
	return 0;
}

/* --- DestroyEnv ---------------------------------------------------------------------------- */

/* The caps count environments given up, at the first of the two steps. */
static int count_destruction(struct call *c)
{
	struct emulator *em = c->em;
	const char *month = beijing(c->arena, c->now);
	if (strncmp(em->destroy_month, month, 7) != 0) {
		memcpy(em->destroy_month, month, 7);
		em->destroyed_in_month = 0;
	}
	if ((int64_t)em->destroyed_total >= em->switches.max_delete_total ||
		(int64_t)em->destroyed_in_month >= em->switches.max_delete_monthly)
		return call_fail(c, "LimitExceeded",
			"The number of environments that may be destroyed has reached its limit.");
	em->destroyed_total++;
	em->destroyed_in_month++;
	return 0;
}

static void isolate(struct call *c, struct env *env)
{
	env->isolated = true;
	env->isolated_at = env->updated = c->now;
	events_at(c->em, c->now + c->em->switches.isolation_days * DAY);
}

static int destroy_env(struct call *c)
{
	struct env *env = need_env(c, "InvalidParameter");
	bool force = bool_of(c, "IsForce", false);
	if (!env)
		return -1;
	if (!env->normal)
		return call_fail(c, "ResourceUnavailable", "The environment is being initialised.");
	if (env->isolated && !force)
		return call_fail(c, "ResourceUnavailable", "The environment is isolated.");
	if (!env->isolated) {
		if (count_destruction(c))
			return -1;
		if (env->expires > c->now)
			money_refund(c->em, env->id, env->price * (env->expires - c->now) / MONTH);
	}
	if (force)
		env_remove(c->em, env);
	else
		isolate(c, env);
	events_settle(c->em);
	return 0;
}

/* --- the rest ------------------------------------------------------------------------------- */

static int create_env_resource(struct call *c)
{
	struct env *env = need_env(c, "InvalidParameter");
	if (!env)
		return -1;
	if (!env->normal || env->isolated)
		return call_fail(c, "ResourceUnavailable", "The environment is not in the state NORMAL.");
	if (env->log || env->log_ready)
		return call_fail(c, "ResourceInUse.LogExist", "The log service of the environment exists.");
	env->log_ready = c->now + build_time(c->em) + 1;
	env->updated = c->now;
	events_at(c->em, env->log_ready);
	return 0;
}

static int renew_env(struct call *c)
{
	struct env *env = need_env(c, "InvalidParameter.EnvId");
	int64_t months = int_of(c, "Period", 1);
	if (!env)
		return -1;
	if (!period_fits(months))
		return call_fail(c, "InvalidParameter", "The period must be 1 to 12 or 24 months.");
	if (env->isolated && !c->em->switches.renew_restores_isolated)
		return call_fail(c, "ResourceUnavailable", "The environment is isolated.");
	if (!money_pay(c->em, "renew_env", env->id, env->price * months, c->now))
		return call_fail(c, "ResourceInsufficient", "The balance of the account is insufficient.");
	env->expires = (env->expires > c->now && !env->isolated ? env->expires : c->now) + months * MONTH;
	env->isolated = false;
	env->isolated_at = 0;
	env->updated = c->now;
	events_at(c->em, env->expires);
	return 0;
}

static int modify_env(struct call *c)
{
	struct env *env = need_env(c, "InvalidParameter");
	const char *alias = text_of(c, "Alias");
	if (!env)
		return -1;
	if (alias && !alias_fits(alias))
		return call_fail(c, "InvalidParameter",
			"The alias must start with a letter and hold a-z, 0-9 and single `-`.");
	if (alias)
		str_copy(env->alias, sizeof(env->alias), alias);
	env->updated = c->now;
	return 0;
}

/* --- tables ------------------------------------------------------------------------------------ */

#define ENV TEXT("EnvId", NEEDED, RANGE(1, 64))
static const struct param tag_rows[] = { TEXT("Key", NEEDED, RANGE(1, 127)), TEXT("Value", NEEDED, RANGE(0, 255)) };
static const struct param storage_rows[] = {
	TEXT("BucketName", NEEDED), TEXT("Region", NEEDED), TEXT("BasePath", NEEDED), BOOL("Enabled"),
};
static const struct param create_params[] = {
	TEXT("Alias", NEEDED, RANGE(1, 20)), TEXT("PackageId", NEEDED, RANGE(1, 64)),
	TEXTS("Resources", NEEDED, RANGE(1, 10), ONE_OF("flexdb|storage|function|postgresql")), INT("Period"),
	BOOL("AutoVoucher"), OBJECTS("Tags", tag_rows, RANGE(0, 10)),
	TEXT("RenewFlag", ONE_OF("NOTIFY_AND_AUTO_RENEW|NOTIFY_AND_MANUAL_RENEW")), OBJECT("ExternalStorage",
	storage_rows),
	TEXT("EnableOverrun", ONE_OF("TRUE|FALSE")),
};
static const struct param resource_params[] = { ENV, TEXTS("Resources", NEEDED, RANGE(1, 10), ONE_OF("log")) };
static const struct param destroy_params[] = { ENV, BOOL("IsForce"), BOOL("BypassCheck") };
static const struct param renew_params[] = { ENV, INT("Period"), BOOL("AutoVoucher") };
static const struct param modify_params[] = { ENV, TEXT("Alias", RANGE(1, 32)), INT("CustomQps") };

static const struct action actions[] = {
	{ "tcb", "CreateEnv", create_env, PARAMS(create_params), 20, SCOPE_OPERATION, 0, "Alias", NULL },
	{ "tcb", "CreateEnvResource", create_env_resource, PARAMS(resource_params), 20, SCOPE_ENV, 0, "EnvId", NULL },
	{ "tcb", "DestroyEnv", destroy_env, PARAMS(destroy_params), 20, SCOPE_ENV, 0, "EnvId", "IsForce" },
	{ "tcb", "RenewEnv", renew_env, PARAMS(renew_params), 20, SCOPE_ENV, 0, "EnvId", NULL },
	{ "tcb", "ModifyEnv", modify_env, PARAMS(modify_params), 50, SCOPE_ENV, 0, "EnvId", NULL },
};

const struct action *tcb_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
