/* tcb: what is read about environments, packages and limits. */
#include <inttypes.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

/* --- one environment ---------------------------------------------------------------------- */

static void put_storage(struct call *c, struct json *o, const struct env *env)
{
	const struct switches *sw = &c->em->switches;
	struct json *list = json_array(c->arena), *item = json_object(c->arena), *names = json_array(c->arena);
	const char *app_id = arena_printf(c->arena, "%" PRIu64, c->em->app_id);
	size_t n = strlen(env->bucket), suffix = strlen(app_id) + 1;
	json_put_text(item, "Region", env->region);
	json_put_text(item, "Bucket", arena_strndup(c->arena, env->bucket, sw->bucket_without_app_id ? n - suffix : n));
	json_put_text(item, "CdnDomain", arena_printf(c->arena, "%s.tcb.qcloud.la", env->bucket));
	json_put_text(item, "AppId", sw->storage_app_id_empty ? "" : app_id);
	json_push(list, item);
	json_put(o, "Storages", list);
	item = json_object(c->arena);
	json_put_text(item, "Namespace", env->id);
	json_put_text(item, "Region", env->region);
	json_push(names, item);
	json_put(o, "Functions", names);
}

static void put_database(struct call *c, struct json *o, const struct env *env)
{
	struct json *list = json_array(c->arena), *item = json_object(c->arena);
	json_put_text(item, "InstanceId", env->instance);
	json_put_text(item, "Status", env->isolated ? "OVERDUE" : "RUNNING");
	json_put_text(item, "Region", env->region);
	json_put_text(item, "UpdateTime", beijing(c->arena, env->ready));
	json_push(list, item);
	json_put(o, "Databases", list);
}

static void put_log(struct call *c, struct json *o, const struct env *env)
{
	struct json *list = json_array(c->arena);
	if (env->log) {
		struct json *item = json_object(c->arena);
		json_put_text(item, "LogsetName", arena_printf(c->arena, "tcb-logset-%s", env->id));
		json_put_text(item, "LogsetId", env->logset);
		json_put_text(item, "TopicName", arena_printf(c->arena, "tcb-topic-%s", env->id));
		json_put_text(item, "TopicId", env->topic);
		json_put_text(item, "Region", env->region);
		json_put_int(item, "Period", 30);
		json_push(list, item);
	}
	json_put(o, "LogServices", list);
}

/* What a created environment has only when it was built. */
static void put_parts(struct call *c, struct json *o, const struct env *env)
{
	static const char *const empty[] = { "StaticStorages", "CustomLogServices", "PostgreSQL", "Meta" };
	if (env->normal) {
		put_database(c, o, env);
		put_storage(c, o, env);
		put_log(c, o, env);
	} else {
		json_put(o, "Databases", json_array(c->arena));
		json_put(o, "Storages", json_array(c->arena));
		json_put(o, "Functions", json_array(c->arena));
		json_put(o, "LogServices", json_array(c->arena));
	}
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		json_put(o, empty[i], json_array(c->arena));
}

static struct json *env_info(struct call *c, const struct env *env)
{
	struct json *o = json_object(c->arena);
	const struct tags none = { 0 };
	bool visible = c->now >= env->created + c->em->switches.tags_visible_delay_ms;
	json_put_text(o, "EnvId", env->id);
	json_put_text(o, "Source", "qcloud");
	json_put_text(o, "Alias", env->alias);
	json_put_text(o, "CreateTime", beijing(c->arena, env->created));
	json_put_text(o, "UpdateTime", beijing(c->arena, env->updated));
	json_put_text(o, "Status", env->normal ? "NORMAL" : "UNAVAILABLE");
	put_parts(c, o, env);
	json_put_text(o, "PackageId", env->package);
	json_put_text(o, "PackageName", env->package);
	json_put_bool(o, "IsAutoDegrade", false);
	json_put_text(o, "EnvChannel", "qc_console");
	json_put_text(o, "PayMode", "prepayment");
	json_put_bool(o, "IsDefault", false);
	json_put_text(o, "Region", env->region);
	put_tags(o, "Tags", visible ? &env->tags : &none, c->arena);
	json_put_text(o, "EnvType", "baas");
	json_put_bool(o, "IsDauPackage", false);
	json_put_text(o, "PackageType", "");
	json_put_text(o, "ArchitectureType", "");
	json_put_text(o, "Recycle", "");
	return o;
}

/* --- listings --------------------------------------------------------------------------------- */

static bool visible(struct call *c, const struct env *env, const char *id)
{
	if (id && !str_eq(env->id, id))
		return false;
	if (env->isolated && !c->em->switches.isolated_envs_listed)
		return false;
	return allowed(c, env_resource(c, env, NULL), &env->tags);
}

/* A sub-account sees what its policies reach.  When that is nothing at all, it is told so. */
static int describe_envs(struct call *c)
{
	const char *id = text_of(c, "EnvId");
	struct json *list = json_array(c->arena);
	struct page page = page_by_offset(c, SIZE_MAX / 2, 20);
	size_t total = 0, count = c->em->envs.count;
	const struct env *only = id ? env_by_id(c->em, id) : NULL;
	for (size_t i = 0; i < (id ? (only ? 1 : 0) : count); i++) {
		const struct env *env = id ? only : c->em->envs.items[count - 1 - i];
		if (!visible(c, env, id))
			continue;
		if (total >= page.from && total < page.to)
			json_push(list, env_info(c, env));
		total++;
	}
	if (!total && !allowed(c, "*", NULL))
		return refuse(c, env_resource(c, NULL, id ? id : "*"));
	json_put(c->out, "EnvList", list);
	json_put_uint(c->out, "Total", total);
	return 0;
}

static int describe_env_info(struct call *c)
{
	const struct env *env = env_by_id(c->em, text_of(c, "EnvId"));
	if (!env)
		return call_fail(c, "InvalidParameter.EnvId", "The environment does not exist.");
	struct json *info = json_object(c->arena), *user = json_object(c->arena);
	json_put(info, "EnvBaseInfo", env_info(c, env));
	json_put_uint(user, "AppId", c->em->app_id);
	json_put_uint(user, "Uin", c->em->owner_uin);
	json_put(info, "UserInfo", user);
	json_put(c->out, "EnvInfo", info);
	return 0;
}

/* --- billing ------------------------------------------------------------------------------------ */

static struct json *order_info(struct call *c, const struct env *env)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "TranId", env->order);
	json_put_text(o, "PackageId", env->package);
	json_put_text(o, "TranType", "1");
	json_put_text(o, "TranStatus", env->normal ? "4" : "3");
	json_put_text(o, "UpdateTime", beijing(c->arena, env->updated));
	json_put_text(o, "CreateTime", beijing(c->arena, env->created));
	json_put_text(o, "PayMode", "prepayment");
	json_put_text(o, "ResourceReady", env->normal ? "successful" : "");
	return o;
}

static void push_billing(struct call *c, struct json *list, const struct env *env)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "EnvId", env->id);
	json_put_text(o, "PackageId", env->package);
	json_put_bool(o, "IsAutoRenew", env->auto_renew);
	json_put_text(o, "Status", env->isolated ? "ISOLATE" : env->normal ? "NORMAL" : "");
	json_put_text(o, "PayMode", "PREPAYMENT");
	json_put_text(o, "IsolatedTime", beijing(c->arena, env->isolated_at));
	json_put_text(o, "ExpireTime", beijing(c->arena, env->expires));
	json_put_text(o, "CreateTime", beijing(c->arena, env->created));
	json_put_text(o, "UpdateTime", beijing(c->arena, env->updated));
	json_put_bool(o, "IsAlwaysFree", false);
	json_put_text(o, "PaymentChannel", "qcloud");
	json_put(o, "OrderInfo", order_info(c, env));
	json_put_text(o, "FreeQuota", "");
	json_put_bool(o, "EnableOverrun", env->overrun);
	json_put_text(o, "EnvCharged", "yes");
	json_put_text(o, "EnvActivated", "yes");
	json_push(list, o);
}

static bool named(const struct call *c, const struct env *env)
{
	const char *id = text_of(c, "EnvId");
	const struct json *ids = json_get(c->in, "EnvIds");
	if (id)
		return str_eq(id, env->id);
	for (const struct json *v = ids ? json_first(ids) : NULL; v; v = json_next(v))
		if (str_eq(json_string(v), env->id))
			return true;
	return !ids || !json_count(ids);
}

static int describe_billing_info(struct call *c)
{
	struct json *list = json_array(c->arena);
	struct page page = page_by_offset(c, SIZE_MAX / 2, 20);
	const char *id = text_of(c, "EnvId");
	size_t total = 0;
	for (size_t i = 0; i < c->em->envs.count; i++) {
		const struct env *env = c->em->envs.items[i];
		if (!named(c, env) || !allowed(c, env_resource(c, env, NULL), &env->tags))
			continue;
		if (total >= page.from && total < page.to)
			push_billing(c, list, env);
		total++;
	}
	if (!total && !allowed(c, "*", NULL))
		return refuse(c, env_resource(c, NULL, id ? id : "*"));
	json_put(c->out, "EnvBillingInfoList", list);
	json_put_uint(c->out, "Total", total);
	return 0;
}

/* --- account -------------------------------------------------------------------------------------- */

static int describe_env_limit(struct call *c)
{
	const struct switches *sw = &c->em->switches;
	bool this_month = !strncmp(c->em->destroy_month, beijing(c->arena, c->now), 7);
	const struct { const char *name; int64_t value; } rows[] = {
		{ "MaxEnvNum", sw->max_env_num }, { "CurrentEnvNum", (int64_t)c->em->envs.count },
		{ "MaxFreeEnvNum", 0 }, { "CurrentFreeEnvNum", 0 },
		{ "MaxDeleteTotal", sw->max_delete_total }, { "CurrentDeleteTotal", (int64_t)c->em->destroyed_total },
		{ "MaxDeleteMonthly", sw->max_delete_monthly },
		{ "CurrentDeleteMonthly", this_month ? (int64_t)c->em->destroyed_in_month : 0 },
		{ "MaxFreeTrialNum", 0 }, { "CurrentFreeTrialNum", 0 }, { "ChangePayTotal", 0 },
		{ "CurrentChangePayTotal", 0 },
		{ "ChangePayMonthly", 0 }, { "CurrentChangePayMonthly", 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		json_put_int(c->out, rows[i].name, rows[i].value);
	return 0;
}

static int check_tcb_service(struct call *c)
{
	json_put_bool(c->out, "Initialized", true);
	return 0;
}

/* Without Source the packages of mini programs are listed: another shelf, empty here. */
static int describe_baas_package_list(struct call *c)
{
	const char *name = text_of(c, "PackageName"), *source = text_of(c, "Source");
	struct json *list = json_array(c->arena);
	for (size_t i = 0; i < package_count(c->em->catalogue) && str_eq(source, "qcloud"); i++) {
		const char *package = package_at(c->em->catalogue, i);
		if (name && !str_eq(name, package))
			continue;
		struct json *o = json_object(c->arena);
		json_put_text(o, "PackageName", package);
		json_put_text(o, "PackageTitle", package);
		json_put_text(o, "GroupName", "");
		json_put_text(o, "GroupTitle", "");
		json_put_text(o, "BillTags", "{}");
		json_put_text(o, "ResourceLimit", "{}");
		json_put_text(o, "AdvanceLimit", "{}");
		json_put_text(o, "PackageDescription", "");
		json_put_bool(o, "IsExternal", true);
		json_push(list, o);
	}
	json_put(c->out, "PackageList", list);
	return 0;
}

/* --- tables ----------------------------------------------------------------------------------------- */

static const struct param envs_params[] = {
	TEXT("EnvId", RANGE(1, 64)), BOOL("IsVisible"), TEXTS("Channels"), INT("Limit", RANGE(1, 100)),
	INT("Offset", RANGE(0, INT32_MAX)), TEXTS("EnvTypes", .flags = P_UNDOCUMENTED),
};
static const struct param info_params[] = { TEXT("EnvId", NEEDED, RANGE(1, 64)) };
static const struct param billing_params[] = {
	TEXT("EnvId", RANGE(1, 64)), TEXTS("EnvIds", RANGE(0, 100)), INT("Limit", RANGE(1, 100)),
	INT("Offset", RANGE(0, INT32_MAX)),
};
static const struct param package_params[] = {
	TEXT("PackageName"), TEXT("EnvId"), TEXT("Source", ONE_OF("miniapp|qcloud")), TEXT("EnvChannel"),
	TEXT("TargetAction", ONE_OF("new|modify|renew")), TEXT("GroupName"), TEXTS("PackageTypeList"),
	TEXT("PaymentChannel"),
};

static const struct action actions[] = {
	{ "tcb", "DescribeEnvs", describe_envs, PARAMS(envs_params), 100, SCOPE_ENVS, ACTION_READS, "EnvId", NULL },
	{ "tcb", "DescribeEnvInfo", describe_env_info, PARAMS(info_params), 100, SCOPE_ENV, ACTION_READS, "EnvId",
	NULL },
	{ "tcb", "DescribeBillingInfo", describe_billing_info, PARAMS(billing_params), 50, SCOPE_ENVS, ACTION_READS, "EnvId",
	NULL },
	{ "tcb", "DescribeEnvLimit", describe_env_limit, NO_PARAMS, 20, SCOPE_OPERATION, ACTION_READS, NULL, NULL },
	{ "tcb", "CheckTcbService", check_tcb_service, NO_PARAMS, 20, SCOPE_OPERATION, ACTION_READS, NULL, NULL },
	{ "tcb", "DescribeBaasPackageList", describe_baas_package_list, PARAMS(package_params), 20, SCOPE_OPERATION,
		ACTION_READS, "PackageName", NULL },
};

const struct action *tcb_read_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
