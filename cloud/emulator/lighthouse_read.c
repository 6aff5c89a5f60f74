/* lighthouse: what is read about servers, bundles and blueprints. */
#include <string.h>

#include "cloud/emulator/servers.h"
#include "common/str.h"

#define CONFLICT "InvalidParameter.ParameterConflict"

/* --- servers ---------------------------------------------------------------------------------- */

static struct json *one_text(struct call *c, const char *text)
{
	struct json *list = json_array(c->arena);
	json_push_text(list, text);
	return list;
}

static void put_hardware(struct call *c, struct json *o, const struct server *s)
{
	const struct bundle *bundle = bundle_find(c->em->catalogue, s->bundle);
	struct json *disk = json_object(c->arena), *net = json_object(c->arena), *login = json_object(c->arena);
	json_put_int(o, "CPU", bundle->cpu);
	json_put_int(o, "Memory", bundle->memory);
	json_put_text(disk, "DiskType", "CLOUD_SSD");
	json_put_int(disk, "DiskSize", bundle->disk);
	json_put_text(disk, "DiskId", "");
	json_put(o, "SystemDisk", disk);
	json_put_text(net, "InternetChargeType", "TRAFFIC_POSTPAID_BY_HOUR");
	json_put_int(net, "InternetMaxBandwidthOut", 6);
	json_put_bool(net, "PublicIpAssigned", s->state != SERVER_PENDING);
	json_put(o, "InternetAccessible", net);
	json_put(login, "KeyIds", json_array(c->arena));
	json_put(o, "LoginSettings", login);
}

static void put_operation(struct call *c, struct json *o, const struct server *s)
{
	json_put_text(o, "InstanceState", server_state_name(s));
	json_put_text(o, "LatestOperation", s->operation);
	json_put_text(o, "LatestOperationState", s->operating ? "OPERATING" : "SUCCESS");
	json_put_text(o, "LatestOperationRequestId", s->request);
	json_put_text(o, "LatestOperationStartedTime", iso(c->arena, s->op_started));
}

static struct json *instance(struct call *c, const struct server *s)
{
	struct json *o = json_object(c->arena);
	bool addressed = s->state != SERVER_PENDING;
	json_put_text(o, "InstanceId", s->id);
	json_put_text(o, "BundleId", s->bundle);
	json_put_text(o, "BlueprintId", s->blueprint);
	put_hardware(c, o, s);
	json_put_text(o, "InstanceName", s->name);
	json_put_text(o, "InstanceChargeType", "PREPAID");
	json_put(o, "PrivateAddresses", addressed ? one_text(c, s->private_address) : json_array(c->arena));
	json_put(o, "PublicAddresses", addressed ? one_text(c, s->address) : json_array(c->arena));
	json_put_text(o, "RenewFlag", s->renew_flag);
	put_operation(c, o, s);
	json_put_text(o, "Uuid", s->uuid);
	if (s->isolated_at)
		json_put_text(o, "IsolatedTime", iso(c->arena, s->isolated_at));
	else
		json_put_null(o, "IsolatedTime");
	json_put_text(o, "CreatedTime", iso(c->arena, s->created));
	json_put_text(o, "ExpiredTime", iso(c->arena, s->expires));
	json_put_text(o, "PlatformType", "LINUX_UNIX");
	json_put_text(o, "Platform", "UBUNTU");
	json_put_text(o, "OsName", blueprint_find(s->blueprint)->os);
	json_put_text(o, "Zone", s->zone);
	put_tags(o, "Tags", &s->tags, c->arena);
	json_put_text(o, "InstanceRestrictState", "NORMAL");
	json_put_text(o, "InitInvocationId", s->init);
	return o;
}

static bool tag_fits(const struct tags *t, const char *name, const char *value)
{
	if (str_starts(name, "tag:"))
		return str_eq(tags_find(t, name + 4), value);
	for (size_t i = 0; i < t->count; i++)
		if (str_eq(str_eq(name, "tag-key") ? t->items[i].key : t->items[i].value, value))
			return true;
	return false;
}

static bool server_fits(const void *object, const char *name, const char *value)
{
	const struct server *s = object;
	const struct { const char *name, *value; } fields[] = {
		{ "instance-name", s->name }, { "private-ip-address", s->private_address }, { "public-ip-address",
			s->address },
		{ "zone", s->zone }, { "instance-state", server_state_name(s) }, { "bundle-id", s->bundle },
	};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eq(fields[i].name, name))
			return str_eq(fields[i].value, value);
	return tag_fits(&s->tags, name, value);
}

struct listing { struct json *list; struct page page; size_t total; };

static bool listed(struct call *c, struct listing *l, const struct server *s)
{
	if (!str_eq(s->region, c->region) || !filters_fit(c, s, server_fits))
		return false;
	return allowed(c, server_resource(c, s, NULL), &s->tags) && ++l->total > l->page.from && l->total <= l->page.to;
}

static int check_ids(struct call *c)
{
	const struct json *ids = json_get(c->in, "InstanceIds");
	for (const struct json *v = ids ? json_first(ids) : NULL; v; v = json_next(v)) {
		const struct server *s = index_find(&c->em->servers_by_id, json_string(v));
		if (!server_id_fits(json_string(v)))
			return call_fail(c, "InvalidParameterValue.InstanceIdMalformed",
				"The instance id `%.40s` is malformed.",
				json_string(v));
		if ((!s || !str_eq(s->region, c->region)) && c->em->switches.missing_instance_is_error)
			return call_fail(c, "ResourceNotFound.InstanceIdNotFound", "The instance `%s` does not exist.",
				json_string(v));
	}
	return 0;
}

/* The named servers, or all, the youngest first. */
static size_t candidates(struct call *c, const struct server ***out)
{
	const struct json *ids = json_get(c->in, "InstanceIds");
	size_t most = ids && json_count(ids) ? json_count(ids) : c->em->servers.count, n = 0;
	const struct server **found = arena_alloc(c->arena, (most + 1) * sizeof(const struct server *));
	if (!ids || !json_count(ids)) {
		for (size_t i = c->em->servers.count; i-- > 0;)
			found[n++] = c->em->servers.items[i];
	} else {
		for (const struct json *v = json_first(ids); v; v = json_next(v)) {
			found[n] = index_find(&c->em->servers_by_id, json_string(v));
			n += found[n] != NULL;
		}
	}
	*out = found;
	return n;
}

/* Isolated servers come first. */
static void walk(struct call *c, struct listing *l, struct json *(*item)(struct call *, const struct server *))
{
	const struct server **servers;
	size_t n = candidates(c, &servers);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++)
			if ((servers[i]->state == SERVER_SHUTDOWN) == (pass == 0) && listed(c, l, servers[i]))
				json_push(l->list, item(c, servers[i]));
}

static int list_servers(struct call *c, const char *set, struct json *(*item)(struct call *, const struct server *))
{
	struct listing l = { .list = json_array(c->arena), .page = page_by_offset(c, SIZE_MAX / 2, 20) };
	if (check_ids(c))
		return -1;
	walk(c, &l, item);
	if (!l.total && !allowed(c, "*", NULL) && !allowed(c, server_resource(c, NULL, "*"), NULL))
		return refuse(c, server_resource(c, NULL, "*"));
	json_put_uint(c->out, "TotalCount", l.total);
	json_put(c->out, set, l.list);
	return 0;
}

static int describe_instances(struct call *c)
{
	static const char *const names[] = { "instance-name", "private-ip-address", "public-ip-address", "zone",
		"instance-state", "tag-key", "tag-value", "tag:", "bundle-id", NULL };
	if (ids_or_filters(c, CONFLICT, "InstanceIds") || filters_check(c, names))
		return -1;
	return list_servers(c, "InstanceSet", instance);
}

static struct json *return_item(struct call *c, const struct server *s)
{
	struct json *o = json_object(c->arena);
	int code = server_return_code(c->em, s);
	json_put_text(o, "InstanceId", s->id);
	json_put_bool(o, "IsReturnable", !code);
	json_put_int(o, "ReturnFailCode", code);
	json_put_text(o, "ReturnFailMessage", code == 1 ? "already returned" : code ? "bought too long ago" : "");
	return o;
}

static int describe_returnable(struct call *c)
{
	return list_servers(c, "InstanceReturnableSet", return_item);
}

static void deny(struct call *c, struct json *list, const char *action, const char *code)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "Action", action);
	json_put_text(o, "Code", code);
	json_put_text(o, "Message", "not possible in this state");
	json_push(list, o);
}

static int describe_denied(struct call *c)
{
	struct server **servers = NULL;
	size_t n = 0;
	struct json *set = json_array(c->arena);
	if (servers_named(c, &servers, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct server *s = servers[i];
		struct json *o = json_object(c->arena), *list = json_array(c->arena);
		const char *busy = s->operating ? "UnsupportedOperation.LatestOperationUnfinished" : NULL;
		const char *state = "UnsupportedOperation.InvalidInstanceState";
		if (busy || s->state != SERVER_STOPPED)
			deny(c, list, "StartInstances", busy ? busy : state);
		if (busy || s->state != SERVER_RUNNING)
			deny(c, list, "StopInstances", busy ? busy : state);
		if (busy || server_return_code(c->em, s))
			deny(c, list, "IsolateInstances", busy ? busy : "UnsupportedOperation.ResourceNotReturnable");
		if (busy || s->state != SERVER_SHUTDOWN)
			deny(c, list, "TerminateInstances", busy ? busy : state);
		json_put_text(o, "InstanceId", s->id);
		json_put(o, "DeniedActions", list);
		json_push(set, o);
	}
	json_put(c->out, "InstanceDeniedActionSet", set);
	return 0;
}

/* --- the shop ------------------------------------------------------------------------------------- */

static bool bundle_fits(const void *object, const char *name, const char *value)
{
	const struct bundle *b = object;
	if (str_eq(name, "bundle-id"))
		return str_eq(b->id, value);
	if (str_eq(name, "bundle-type"))
		return str_eq(b->type, value);
	return str_eq(name, "bundle-state") ? str_eq(value, "ONLINE") : str_eq(value, "LINUX_UNIX");
}

static struct json *bundle_json(struct call *c, const struct bundle *b)
{
	struct json *o = json_object(c->arena), *price = json_object(c->arena), *inner = json_object(c->arena);
	json_put_text(o, "BundleId", b->id);
	json_put_int(o, "Memory", b->memory);
	json_put_text(o, "SystemDiskType", "CLOUD_SSD");
	json_put_int(o, "SystemDiskSize", b->disk);
	json_put_int(o, "MonthlyTraffic", 500);
	json_put_bool(o, "SupportLinuxUnixPlatform", true);
	json_put_bool(o, "SupportWindowsPlatform", false);
	/* Prices of this answer are yuan. */
	json_put_int(inner, "OriginalBundlePrice", b->price / 100);
	json_put_int(inner, "OriginalPrice", b->price / 100);
	json_put_int(inner, "Discount", 100);
	json_put_int(inner, "DiscountPrice", b->price / 100);
	json_put_text(inner, "Currency", "CNY");
	json_put(price, "InstancePrice", inner);
	json_put(o, "Price", price);
	json_put_int(o, "CPU", b->cpu);
	json_put_int(o, "InternetMaxBandwidthOut", 6);
	json_put_text(o, "InternetChargeType", "TRAFFIC_POSTPAID_BY_HOUR");
	json_put_text(o, "BundleSalesState", b->sold_out ? "SOLD_OUT" : "AVAILABLE");
	json_put_text(o, "BundleType", b->type);
	return o;
}

static int describe_bundles(struct call *c)
{
	static const char *const names[] = { "bundle-id", "support-platform-type", "bundle-type", "bundle-state",
		NULL };
	struct json *list = json_array(c->arena);
	struct page page = page_by_offset(c, SIZE_MAX / 2, 20);
	size_t total = 0;
	if (ids_or_filters(c, CONFLICT, "BundleIds") || filters_check(c, names))
		return -1;
	for (size_t i = 0; i < bundle_count(c->em->catalogue); i++) {
		const struct bundle *b = bundle_at(c->em->catalogue, i);
		if (!ids_have(c, "BundleIds", b->id) || !filters_fit(c, b, bundle_fits))
			continue;
		if (total >= page.from && total < page.to)
			json_push(list, bundle_json(c, b));
		total++;
	}
	json_put(c->out, "BundleSet", list);
	json_put_uint(c->out, "TotalCount", total);
	return 0;
}

static bool blueprint_fits(const void *object, const char *name, const char *value)
{
	const struct blueprint *b = object;
	const struct { const char *name, *value; } fields[] = {
		{ "blueprint-id", b->id }, { "blueprint-type", b->type }, { "platform-type", "LINUX_UNIX" },
		{ "blueprint-name", b->name }, { "blueprint-state", "NORMAL" },
	};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eq(fields[i].name, name))
			return str_eq(fields[i].value, value);
	return false;
}

static struct json *blueprint_json(struct call *c, const struct blueprint *b)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "BlueprintId", b->id);
	json_put_text(o, "DisplayTitle", b->title);
	json_put_text(o, "DisplayVersion", b->version);
	json_put_text(o, "Description", "");
	json_put_text(o, "OsName", b->os);
	json_put_text(o, "Platform", "UBUNTU");
	json_put_text(o, "PlatformType", "LINUX_UNIX");
	json_put_text(o, "BlueprintType", b->type);
	json_put_int(o, "RequiredSystemDiskSize", b->disk);
	json_put_text(o, "BlueprintState", "NORMAL");
	json_put_text(o, "BlueprintName", b->name);
	json_put_bool(o, "SupportAutomationTools", true);
	json_put_int(o, "RequiredMemorySize", b->memory);
	json_put(o, "SceneIdSet", json_array(c->arena));
	json_put_bool(o, "BlueprintShared", false);
	return o;
}

static int describe_blueprints(struct call *c)
{
	static const char *const names[] = { "blueprint-id", "blueprint-type", "platform-type", "blueprint-name",
		"blueprint-state", "scene-id", "tag-key", "tag-value", "tag:", NULL };
	struct json *list = json_array(c->arena);
	struct page page = page_by_offset(c, SIZE_MAX / 2, 20);
	size_t total = 0;
	if (ids_or_filters(c, CONFLICT, "BlueprintIds") || filters_check(c, names))
		return -1;
	for (size_t i = 0; blueprint_at(i); i++) {
		if (!ids_have(c, "BlueprintIds", blueprint_at(i)->id) || !filters_fit(c, blueprint_at(i), blueprint_fits))
			continue;
		if (total >= page.from && total < page.to)
			json_push(list, blueprint_json(c, blueprint_at(i)));
		total++;
	}
	json_put_uint(c->out, "TotalCount", total);
	json_put(c->out, "BlueprintSet", list);
	return 0;
}

/* --- tables ---------------------------------------------------------------------------------------- */

#define LIST(name) TEXTS(name, RANGE(0, 100), .code = "InvalidParameterValue.LimitExceeded")
#define FILTERS OBJECTS("Filters", filter_rows, RANGE(0, 10), .code = "InvalidParameter.FilterValueLimitExceeded")
#define PAGE INT("Offset", RANGE(0, INT32_MAX), .code = "InvalidParameterValue.Negative"), INT("Limit", RANGE(1, 100))
static const struct param filter_rows[] = {
	TEXT("Name", NEEDED, RANGE(1, 128)),
	TEXTS("Values", NEEDED, RANGE(0, 100), .code = "InvalidParameter.FilterValueLimitExceeded"),
};
static const struct param instances_params[] = {
	LIST("InstanceIds"), FILTERS, PAGE, TEXT("OrderField", ONE_OF("EXPIRED_TIME")), TEXT("Order",
		ONE_OF("ASC|DESC")),
};
static const struct param returnable_params[] = { LIST("InstanceIds"), PAGE };
static const struct param denied_params[] = {
	TEXTS("InstanceIds", NEEDED, RANGE(1, 100), .code = "InvalidParameterValue.LimitExceeded"),
};
static const struct param bundles_params[] = { LIST("BundleIds"), PAGE, FILTERS, TEXTS("Zones") };
static const struct param blueprints_params[] = { LIST("BlueprintIds"), PAGE, FILTERS };

static const struct action actions[] = {
	{ "lighthouse", "DescribeInstances", describe_instances, PARAMS(instances_params), 100, SCOPE_SERVER_LIST,
		ACTION_READS, "InstanceIds", NULL },
	{ "lighthouse", "DescribeInstancesReturnable", describe_returnable, PARAMS(returnable_params), 10,
	SCOPE_SERVER_LIST,
		ACTION_READS, "InstanceIds", NULL },
	{ "lighthouse", "DescribeInstancesDeniedActions", describe_denied, PARAMS(denied_params), 10, SCOPE_SERVERS,
		ACTION_READS, "InstanceIds", NULL },
	{ "lighthouse", "DescribeBundles", describe_bundles, PARAMS(bundles_params), 10, SCOPE_OPERATION, ACTION_READS,
		"BundleIds", NULL },
	{ "lighthouse", "DescribeBlueprints", describe_blueprints, PARAMS(blueprints_params), 10, SCOPE_OPERATION,
		ACTION_READS, "BlueprintIds", NULL },
};

const struct action *lighthouse_read_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
