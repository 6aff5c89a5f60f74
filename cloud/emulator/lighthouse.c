/* lighthouse: servers are bought, started, stopped, given back and terminated.  Every change is accepted at
 * once and takes a while. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/servers.h"
#include "common/str.h"

/* --- finding ---------------------------------------------------------------------------- */

static bool id_fits(const char *id, const char *prefix)
{
	size_t n = strlen(prefix);
	return str_starts(id, prefix) && strlen(id) == n + 8 && !id[n + strspn(id + n, ALPHABET_ID)];
}

bool server_id_fits(const char *id)
{
	return id_fits(id, "lhins-");
}

int ids_or_filters(struct call *c, const char *code, const char *ids)
{
	if (json_has(c->in, ids) && json_has(c->in, "Filters"))
		return call_fail(c, code, "`%s` and `Filters` exclude each other.", ids);
	return 0;
}

bool ids_have(const struct call *c, const char *ids, const char *id)
{
	const struct json *list = json_get(c->in, ids);
	for (const struct json *v = list ? json_first(list) : NULL; v; v = json_next(v))
		if (str_eq(json_string(v), id))
			return true;
	return !list || !json_count(list);
}

int servers_named(struct call *c, struct server ***out, size_t *count)
{
	const struct json *ids = json_get(c->in, "InstanceIds");
	struct server **found = arena_alloc(c->arena, (json_count(ids) + 1) * sizeof(struct server *));
	size_t n = 0;
	for (const struct json *v = json_first(ids); v; v = json_next(v), n++) {
		if (!server_id_fits(json_string(v)))
			return call_fail(c, "InvalidParameterValue.InstanceIdMalformed",
				"The instance id `%.40s` is malformed.",
				json_string(v));
		found[n] = index_find(&c->em->servers_by_id, json_string(v));
		if (!found[n] || !str_eq(found[n]->region, c->region))
			return call_fail(c, "ResourceNotFound.InstanceIdNotFound", "The instance `%s` does not exist.",
				json_string(v));
		for (size_t i = 0; i < n; i++)
			if (found[i] == found[n])
				return call_fail(c, "InvalidParameterValue.Duplicated",
					"The instance `%s` is named twice.", json_string(v));
	}
	*out = found;
	*count = n;
	return 0;
}

const char *server_state_name(const struct server *s)
{
	static const char *const steady[] = { [SERVER_PENDING] = "PENDING", [SERVER_RUNNING] = "RUNNING",
		[SERVER_STOPPED] = "STOPPED", [SERVER_SHUTDOWN] = "SHUTDOWN", [SERVER_GONE] = "TERMINATING" };
	if (!s->operating || s->state == SERVER_PENDING)
		return steady[s->state];
	switch (s->target) {
	case SERVER_RUNNING: return "STARTING";
	case SERVER_STOPPED: return "STOPPING";
	case SERVER_GONE: return "TERMINATING";
	default: return steady[s->state];
	}
}

int server_return_code(const struct emulator *em, const struct server *s)
{
	int64_t days = em->switches.refund_days;
	if (s->state == SERVER_SHUTDOWN)
		return 1;
	return days >= 0 && business_now(em) - s->bought > days * DAY ? 3 : 0;
}

/* --- CreateInstances ------------------------------------------------------------------------ */

static bool period_fits(int64_t months)
{
	static const int more[] = { 24, 36, 48, 60 };
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (months == more[i])
			return true;
	return months >= 1 && months <= 12;
}

static int check_kind(struct call *c, const struct bundle *bundle)
{
	const char *id = text_of(c, "BlueprintId");
	const struct blueprint *blueprint = blueprint_find(id);
	if (!bundle)
		return call_fail(c, "InvalidParameter.BundleIdNotFound", "The bundle `%.64s` does not exist.",
			text_of(c, "BundleId"));
	if (!id_fits(id, "lhbp-"))
		return call_fail(c, "InvalidParameterValue.BlueprintIdMalformed",
			"The blueprint id `%.40s` is malformed.", id);
	if (!blueprint)
		return call_fail(c, "ResourceNotFound.BlueprintIdNotFound", "The blueprint `%s` does not exist.", id);
	if (bundle->memory < blueprint->memory || bundle->disk < blueprint->disk)
		return call_fail(c, "InvalidParameterValue.BundleAndBlueprintNotMatch",
			"The bundle is too small for the blueprint.");
	if (bundle->sold_out)
		return call_fail(c, "ResourcesSoldOut.BundleSoldOut", "The bundle `%s` is sold out.", bundle->id);
	return 0;
}

static int check_options(struct call *c, int64_t count)
{
	const char *password = json_text(c->in, "LoginConfiguration.Password");
	const char *init = json_text(c->in, "InitCommand.Content");
	unsigned char *bytes;
	size_t n;
	struct err e;
	if (!period_fits(json_int_or(c->in, "InstanceChargePrepaid.Period", 0)))
		return call_fail(c, "InvalidParameterValue.OutOfRange",
			"The period is not one of 1 to 12, 24, 36, 48, 60 months.");
	if (password && (strlen(password) < 8 || strlen(password) > 30))
		return call_fail(c, "InvalidParameterValue.InvalidPassword",
			"The password must have 8 to 30 characters.");
	if (init && str_unbase64(c->arena, init, strlen(init), &bytes, &n, &e))
		return call_fail(c, "InvalidParameterValue.InvalidParameterCombination",
			"InitCommand.Content is not base64.");
	if ((int64_t)c->em->servers.count + count > c->em->switches.max_servers)
		return call_fail(c, "LimitExceeded.InstanceQuotaLimitExceeded",
			"The number of instances has reached its limit.");
	return 0;
}

static struct server *server_new(struct call *c, const struct bundle *bundle)
{
	struct emulator *em = c->em;
	struct server *s = mem_alloc(sizeof(*s));
	const char *name = text_of(c, "InstanceName"), *flag = json_text(c->in, "InstanceChargePrepaid.RenewFlag");
	const char *zone = json_text(c->in, "Zones[0]");
	char text[9];
	rng_text(&em->rng, text, 8, ALPHABET_ID);
	snprintf(s->id, sizeof(s->id), "lhins-%s", text);
	str_copy(s->name, sizeof(s->name), name ? name : s->id);
	str_copy(s->region, sizeof(s->region), c->region);
	snprintf(s->zone, sizeof(s->zone), "%s", zone ? zone : arena_printf(c->arena, "%s-2", c->region));
	str_copy(s->bundle, sizeof(s->bundle), bundle->id);
	str_copy(s->blueprint, sizeof(s->blueprint), text_of(c, "BlueprintId"));
	str_copy(s->renew_flag, sizeof(s->renew_flag), flag ? flag : "NOTIFY_AND_MANUAL_RENEW");
	unsigned number = (unsigned)(rng_next(&em->rng) & 0xffff);
	snprintf(s->address, sizeof(s->address), "43.136.%u.%u", number >> 8, number & 0xff);
	snprintf(s->private_address, sizeof(s->private_address), "10.0.%u.%u", number >> 8, number & 0xff);
	rng_uuid(&em->rng, s->uuid);
	if (json_has(c->in, "InitCommand")) {
		rng_text(&em->rng, text, 8, ALPHABET_ID);
		snprintf(s->init, sizeof(s->init), "inv-%s", text);
	}
	tags_from(&s->tags, json_get(c->in, "Tags"));
	s->price = bundle->price;
	s->created = s->bought = c->now;
	s->expires = c->now + json_int_or(c->in, "InstanceChargePrepaid.Period", 1) * MONTH;
	list_add(&em->servers, s);
	index_put(&em->servers_by_id, s->id, s);
	server_operate(em, s, "CreateInstances", SERVER_RUNNING, build_time(em));
	return s;
}

static struct token *remembered(struct call *c)
{
	const char *name = text_of(c, "ClientToken");
	struct token *t = name && *name ? index_find(&c->em->tokens_by_name, name) : NULL;
	int64_t life = c->em->switches.client_token_life_ms;
	return t && life && c->now - t->at > life ? NULL : t;
}

static struct token *remember(struct call *c)
{
	const char *name = text_of(c, "ClientToken");
	struct token *t = name && *name ? index_find(&c->em->tokens_by_name, name) : NULL;
	if (!t) {
		t = mem_alloc(sizeof(*t));
		str_copy(t->name, sizeof(t->name), name ? name : "");
		list_add(&c->em->tokens, t);
		if (*t->name)
			index_put(&c->em->tokens_by_name, t->name, t);
	}
	t->count = 0;
	t->at = c->now;
	return t;
}

static int answer_ids(struct call *c, const struct token *t)
{
	struct json *list = json_array(c->arena);
	for (size_t i = 0; i < t->count; i++)
		json_push_text(list, t->ids[i]);
	json_put(c->out, "InstanceIdSet", list);
	return 0;
}

static int create_instances(struct call *c)
{
	const struct bundle *bundle = bundle_find(c->em->catalogue, text_of(c, "BundleId"));
	int64_t count = int_of(c, "InstanceCount", 1);
	const struct token *before = remembered(c);
	if (before)
		return answer_ids(c, before);
	if (check_kind(c, bundle) || check_options(c, count))
		return -1;
	int64_t amount = bundle->price * json_int_or(c->in, "InstanceChargePrepaid.Period", 1);
	if (c->em->balance < amount * count)
		return call_fail(c, "FailedOperation.InsufficientBalance",
			"The balance of the account is insufficient.");
	if (bool_of(c, "DryRun", false))
		return 0;
	struct token *t = remember(c);
	for (int64_t i = 0; i < count; i++) {
		const struct server *s = server_new(c, bundle);
		money_pay(c->em, "create_server", s->id, amount, c->now);
		str_copy(t->ids[t->count++], sizeof(t->ids[0]), s->id);
	}
	answer_ids(c, t);
	if (!*t->name) {
		list_remove(&c->em->tokens, t);
		free(t);
	}
	events_settle(c->em);
	return 0;
}

/* --- changing ---------------------------------------------------------------------------------- */

static int check_idle(struct call *c, const struct server *s)
{
	if (s->state == SERVER_PENDING)
		return call_fail(c, "OperationDenied.InstanceCreating", "The instance `%s` is being created.", s->id);
	if (s->operating)
		return call_fail(c, "UnsupportedOperation.LatestOperationUnfinished",
			"The latest operation of `%s` is not finished.",
			s->id);
	return 0;
}

static int wrong_state(struct call *c, const struct server *s)
{
	return call_fail(c, "UnsupportedOperation.InvalidInstanceState", "The instance `%s` is in the state %s.", s->id,
		server_state_name(s));
}

/* All servers are judged before the first is changed. */
static int change(struct call *c, unsigned from, enum server_state target, int (*extra)(struct call *, struct server *))
{
	struct server **servers = NULL;
	size_t n = 0;
	if (servers_named(c, &servers, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (check_idle(c, servers[i]))
			return -1;
		if (!(from & 1u << servers[i]->state))
			return wrong_state(c, servers[i]);
		if (extra && extra(c, servers[i]))
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (target == SERVER_SHUTDOWN)
			money_refund(c->em, servers[i]->id, servers[i]->price * (servers[i]->expires - c->now) / MONTH);
		server_operate(c->em, servers[i], c->action->name, target, c->em->build_ms / 4);
	}
	events_settle(c->em);
	return 0;
}

static int returnable(struct call *c, struct server *s)
{
	return server_return_code(c->em, s) ? call_fail(c, "UnsupportedOperation.ResourceNotReturnable",
		"The instance `%s` cannot be returned.", s->id) : 0;
}

static int start_instances(struct call *c)
{
	return change(c, 1u << SERVER_STOPPED, SERVER_RUNNING, NULL);
}

static int stop_instances(struct call *c)
{
	return change(c, 1u << SERVER_RUNNING, SERVER_STOPPED, NULL);
}

static int isolate_instances(struct call *c)
{
	return change(c, 1u << SERVER_RUNNING | 1u << SERVER_STOPPED, SERVER_SHUTDOWN, returnable);
}

static int terminate_instances(struct call *c)
{
	return change(c, 1u << SERVER_SHUTDOWN, SERVER_GONE, NULL);
}

static int renew_instances(struct call *c)
{
	struct server **servers = NULL;
	size_t n = 0;
	int64_t months = json_int_or(c->in, "InstanceChargePrepaid.Period", 1), amount = 0;
	if (servers_named(c, &servers, &n))
		return -1;
	if (!period_fits(months))
		return call_fail(c, "InvalidParameterValue.OutOfRange",
			"The period is not one of 1 to 12, 24, 36, 48, 60 months.");
	for (size_t i = 0; i < n; i++) {
		if (check_idle(c, servers[i]))
			return -1;
		amount += servers[i]->price * months;
	}
	if (c->em->balance < amount)
		return call_fail(c, "FailedOperation.InsufficientBalance",
			"The balance of the account is insufficient.");
	for (size_t i = 0; i < n; i++) {
		struct server *s = servers[i];
		money_pay(c->em, "renew_server", s->id, s->price * months, c->now);
		bool isolated = s->state == SERVER_SHUTDOWN;
		s->expires = (s->expires > c->now && !isolated ? s->expires : c->now) + months * MONTH;
		if (isolated)
			server_operate(c->em, s, c->action->name, SERVER_RUNNING, c->em->build_ms / 4);
		events_at(c->em, s->expires);
	}
	return 0;
}

static int modify_renew_flag(struct call *c)
{
	struct server **servers = NULL;
	size_t n = 0;
	if (servers_named(c, &servers, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (servers[i]->state == SERVER_SHUTDOWN || servers[i]->state == SERVER_GONE)
			return wrong_state(c, servers[i]);
	for (size_t i = 0; i < n; i++)
		str_copy(servers[i]->renew_flag, sizeof(servers[i]->renew_flag), text_of(c, "RenewFlag"));
	return 0;
}

static int modify_attribute(struct call *c)
{
	struct server **servers = NULL;
	size_t n = 0;
	if (servers_named(c, &servers, &n))
		return -1;
	for (size_t i = 0; i < n && text_of(c, "InstanceName"); i++)
		str_copy(servers[i]->name, sizeof(servers[i]->name), text_of(c, "InstanceName"));
	return 0;
}

/* --- tables ------------------------------------------------------------------------------------- */

#define IDS(most) TEXTS("InstanceIds", NEEDED, RANGE(1, most), .code = "InvalidParameterValue.LimitExceeded")
#define FLAGS ONE_OF("NOTIFY_AND_AUTO_RENEW|NOTIFY_AND_MANUAL_RENEW|DISABLE_NOTIFY_AND_MANUAL_RENEW")
static const struct param tag_rows[] = { TEXT("Key", NEEDED, RANGE(1, 127)), TEXT("Value", NEEDED, RANGE(0, 255)) };
static const struct param prepaid_rows[] = { INT("Period", NEEDED), TEXT("RenewFlag", FLAGS) };
static const struct param login_rows[] = {
	TEXT("AutoGeneratePassword", ONE_OF("YES|NO")), TEXT("Password"), TEXTS("KeyIds", RANGE(0, 5)),
};
static const struct param env_rows[] = { TEXT("Key", NEEDED), TEXT("Value", NEEDED) };
static const struct param port_rows[] = {
	INT("HostPort", NEEDED), INT("ContainerPort", NEEDED), TEXT("Ip"), TEXT("Protocol"),
};
static const struct param volume_rows[] = { TEXT("ContainerPath", NEEDED), TEXT("HostPath") };
static const struct param container_rows[] = {
	TEXT("ContainerImage", NEEDED), TEXT("ContainerName"), OBJECTS("Envs", env_rows), OBJECTS("PublishPorts",
		port_rows),
	OBJECTS("Volumes", volume_rows), TEXT("Command"), TEXT("RestartPolicy"),
};
static const struct param command_rows[] = {
	TEXT("Content", NEEDED, RANGE(1, 65536), .code = "FailedOperation.InitCommandContentTooLong"),
	INT("Timeout", RANGE(1, 86400)), TEXT("WorkingDirectory"), TEXT("Username"),
};
static const struct param create_params[] = {
	TEXT("BundleId", NEEDED, RANGE(1, 64)), TEXT("BlueprintId", NEEDED, RANGE(1, 64)),
	OBJECT("InstanceChargePrepaid", prepaid_rows, NEEDED),
	TEXT("InstanceName", RANGE(1, 60), .code = "InvalidParameterValue.InstanceNameTooLong"),
	INT("InstanceCount", RANGE(1, INSTANCES_PER_CALL)), TEXTS("Zones"), BOOL("DryRun"),
	TEXT("ClientToken", RANGE(0, 64), .code = "InvalidParameterValue.ClientTokenTooLong"),
	OBJECT("LoginConfiguration", login_rows), OBJECTS("Containers", container_rows), BOOL("AutoVoucher"),
	TEXT("FirewallTemplateId"), OBJECTS("Tags", tag_rows, RANGE(0, 10)), OBJECT("InitCommand", command_rows),
	TEXT("DomainName"), TEXT("Subdomain"),
};
static const struct param ids_params[] = { IDS(100) };
static const struct param stop_params[] = { IDS(100), TEXT("StopType", ONE_OF("SOFT|HARD|SOFT_FIRST")) };
static const struct param isolate_params[] = { IDS(20), BOOL("IsolateDataDisk") };
static const struct param renew_params[] = {
	IDS(100), OBJECT("InstanceChargePrepaid", prepaid_rows, NEEDED), BOOL("RenewDataDisk"), BOOL("AutoVoucher"),
};
static const struct param flag_params[] = { IDS(100), TEXT("RenewFlag", NEEDED, FLAGS) };
static const struct param attribute_params[] = {
	IDS(100), TEXT("InstanceName", RANGE(1, 60), .code = "InvalidParameterValue.InstanceNameTooLong"),
};

static const struct action actions[] = {
	{ "lighthouse", "CreateInstances", create_instances, PARAMS(create_params), 10, SCOPE_SERVER_NEW, 0,
		"InstanceName",
		"ClientToken" },
	{ "lighthouse", "StartInstances", start_instances, PARAMS(ids_params), 10, SCOPE_SERVERS, 0, "InstanceIds",
	NULL },
	{ "lighthouse", "StopInstances", stop_instances, PARAMS(stop_params), 10, SCOPE_SERVERS, 0, "InstanceIds",
	NULL },
	{ "lighthouse", "IsolateInstances", isolate_instances, PARAMS(isolate_params), 20, SCOPE_SERVERS, 0,
	"InstanceIds",
		NULL },
	{ "lighthouse", "TerminateInstances", terminate_instances, PARAMS(ids_params), 10, SCOPE_SERVERS, 0,
	"InstanceIds",
		NULL },
	{ "lighthouse", "RenewInstances", renew_instances, PARAMS(renew_params), 20, SCOPE_SERVERS, 0, "InstanceIds",
	NULL },
	{ "lighthouse", "ModifyInstancesRenewFlag", modify_renew_flag, PARAMS(flag_params), 20, SCOPE_SERVERS, 0,
		"InstanceIds", "RenewFlag" },
	{ "lighthouse", "ModifyInstancesAttribute", modify_attribute, PARAMS(attribute_params), 20, SCOPE_SERVERS, 0,
		"InstanceIds", "InstanceName" },
};

const struct action *lighthouse_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
