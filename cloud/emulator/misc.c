/* sts, tag and billing: the few actions of each that matter here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

/* --- sts -------------------------------------------------------------------------------------- */

static int get_caller_identity(struct call *c)
{
	const char *owner = arena_printf(c->arena, "%" PRIu64, c->em->owner_uin);
	const char *uin = c->caller ? c->caller->uin_text : owner;
	json_put_text(c->out, "Arn", arena_printf(c->arena, "qcs::cam:%s:uin/%s", owner, uin));
	json_put_text(c->out, "AccountId", owner);
	json_put_text(c->out, "UserId", uin);
	json_put_text(c->out, "PrincipalId", uin);
	json_put_text(c->out, "Type", "CAMUser");
	return 0;
}

/* --- tag ---------------------------------------------------------------------------------------- */

/* The part behind the fifth colon of "qcs::tcb:region:uin/owner:env/id"; NULL when it is not such a name. */
static const char *last_segment(const char *resource, char service[16])
{
	const char *p = resource;
	for (int i = 0; i < 5; i++) {
		size_t n = strcspn(p, ":");
		if (p[n] != ':' || (i == 0 && (n != 3 || memcmp(p, "qcs", 3) != 0)))
			return NULL;
		if (i == 2)
			snprintf(service, 16, "%.*s", n > 15 ? 15 : (int)n, p);
		p += n + 1;
	}
	return *p ? p : NULL;
}

static struct tags *tags_of(struct emulator *em, const char *service, const char *name)
{
	if (str_eq(service, "tcb") && str_starts(name, "env/")) {
		struct env *env = env_by_id(em, name + 4);
		return env ? &env->tags : NULL;
	}
	if (str_eq(service, "lighthouse") && str_starts(name, "instance/")) {
		struct server *s = index_find(&em->servers_by_id, name + 9);
		return s ? &s->tags : NULL;
	}
	if (str_eq(service, "cam") && str_starts(name, "policyid/")) {
		struct policy *p = index_find(&em->policies_by_id, name + 9);
		return p ? &p->tags : NULL;
	}
	return NULL;
}

static void push_failed(struct call *c, struct json *list, const char *resource)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "Resource", resource);
	json_put_text(o, "Code", "FailedOperation");
	json_put_text(o, "Message", "The resource does not exist or cannot be tagged.");
	json_push(list, o);
}

static int tag_resources(struct call *c)
{
	const struct json *resources = json_get(c->in, "ResourceList"), *tags = json_get(c->in, "Tags");
	struct json *failed = json_array(c->arena);
	char service[16];
	for (const struct json *v = json_first(resources); v; v = json_next(v))
		if (!last_segment(json_string(v), service))
			return call_fail(c, "InvalidParameterValue.ResourceDescriptionError",
				"A resource has not six segments.");
	for (const struct json *v = json_first(resources); v; v = json_next(v)) {
		const char *name = last_segment(json_string(v), service);
		struct tags *t = tags_of(c->em, service, name);
		for (const struct json *tag = t ? json_first(tags) : NULL; tag; tag = json_next(tag))
			tags_set(t, json_text(tag, "TagKey"), json_text(tag, "TagValue"));
		if (!t)
			push_failed(c, failed, json_string(v));
	}
	json_put(c->out, "FailedResources", failed);
	return 0;
}

struct mapping { struct call *call; struct json *list; size_t from, to, total; };

static bool tag_filters_fit(const struct call *c, const struct tags *t)
{
	const struct json *filters = json_get(c->in, "TagFilters");
	for (const struct json *f = filters ? json_first(filters) : NULL; f; f = json_next(f)) {
		const char *have = tags_find(t, json_text(f, "TagKey"));
		const struct json *values = json_get(f, "TagValue");
		bool fits = have && (!values || !json_count(values));
		for (const struct json *v = values ? json_first(values) : NULL; v && !fits; v = json_next(v))
			fits = str_eq(have, json_string(v));
		if (!fits)
			return false;
	}
	return true;
}

static bool resource_asked(const struct call *c, const char *resource)
{
	const struct json *list = json_get(c->in, "ResourceList");
	for (const struct json *v = list ? json_first(list) : NULL; v; v = json_next(v))
		if (str_eq(json_string(v), resource))
			return true;
	return !list || !json_count(list);
}

static void add_mapping(struct mapping *m, const char *resource, const struct tags *t)
{
	struct call *c = m->call;
	if (!t->count || !resource_asked(c, resource) || !tag_filters_fit(c, t))
		return;
	if (m->total >= m->from && m->total < m->to) {
		struct json *o = json_object(c->arena), *tags = json_array(c->arena);
		for (size_t i = 0; i < t->count; i++) {
			struct json *tag = json_object(c->arena);
			json_put_text(tag, "TagKey", t->items[i].key);
			json_put_text(tag, "TagValue", t->items[i].value);
			json_put_text(tag, "Category", "Tag");
			json_push(tags, tag);
		}
		json_put_text(o, "Resource", resource);
		json_put(o, "Tags", tags);
		json_push(m->list, o);
	}
	m->total++;
}

static int get_resources(struct call *c)
{
	const char *token = text_of(c, "PaginationToken");
	if (token && token[strspn(token, "0123456789")])
		return call_fail(c, "InvalidParameter.PaginationTokenInvalid",
			"The token is not one that was given out.");
	struct mapping m = { .call = c, .list = json_array(c->arena), .from = token ? strtoul(token, NULL, 10) : 0 };
	m.to = m.from + (size_t)int_of(c, "MaxResults", 50);
	for (size_t i = 0; i < c->em->envs.count; i++) {
		const struct env *env = c->em->envs.items[i];
		add_mapping(&m, env_resource(c, env, NULL), &env->tags);
	}
	for (size_t i = 0; i < c->em->servers.count; i++) {
		const struct server *s = c->em->servers.items[i];
		add_mapping(&m, server_resource(c, s, NULL), &s->tags);
	}
	for (size_t i = 0; i < c->em->policies.count; i++) {
		const struct policy *p = c->em->policies.items[i];
		add_mapping(&m, arena_printf(c->arena, "qcs::cam::uin/%" PRIu64 ":policyid/%s", c->em->owner_uin,
			p->id_text),
			&p->tags);
	}
	json_put_text(c->out, "PaginationToken", m.total > m.to ? arena_printf(c->arena, "%zu", m.to) : "");
	json_put(c->out, "ResourceTagMappingList", m.list);
	return 0;
}

/* --- billing ---------------------------------------------------------------------------------------- */

static int describe_account_balance(struct call *c)
{
	static const char *const zero[] = { "IncomeIntoAccountBalance", "PresentAccountBalance", "FreezeAmount",
		"OweAmount",
		"CreditAmount", "CreditBalance", "RealCreditBalance", "TempCredit" };
	static const char *const full[] = { "Balance", "RealBalance", "CashAccountBalance" };
	json_put_uint(c->out, "Uin", c->em->owner_uin);
	for (size_t i = 0; i < ARRAY_LEN(full); i++)
		json_put_int(c->out, full[i], c->em->balance);
	for (size_t i = 0; i < ARRAY_LEN(zero); i++)
		json_put_int(c->out, zero[i], 0);
	json_put_bool(c->out, "IsAllowArrears", false);
	json_put_bool(c->out, "IsCreditLimited", false);
	json_put(c->out, "TempAmountInfoList", json_array(c->arena));
	return 0;
}

/* --- tables ------------------------------------------------------------------------------------------- */

static const struct param tag_rows[] = {
	TEXT("TagKey", NEEDED, RANGE(1, 127), .code = "InvalidParameterValue.TagKeyLengthExceeded"),
	TEXT("TagValue", NEEDED, RANGE(0, 255), .code = "InvalidParameterValue.TagValueLengthExceeded"),
	TEXT("Category"),
};
static const struct param tag_params[] = {
	TEXTS("ResourceList", NEEDED, RANGE(1, 10), .code = "LimitExceeded.ResourceNumPerRequest"),
	OBJECTS("Tags", tag_rows, NEEDED, RANGE(1, 10), .code = "LimitExceeded.TagNumPerRequest"),
};
static const struct param tag_filter_rows[] = { TEXT("TagKey", NEEDED, RANGE(1, 127)), TEXTS("TagValue", RANGE(0,
	10)) };
static const struct param resources_params[] = {
	TEXTS("ResourceList", RANGE(0, 50)), OBJECTS("TagFilters", tag_filter_rows, RANGE(0, 6)),
		TEXT("PaginationToken"),
	INT("MaxResults", RANGE(1, 200)),
};
static const struct param balance_params[] = { BOOL("TempCredit") };

static const struct action actions[] = {
	{ "sts", "GetCallerIdentity", get_caller_identity, NO_PARAMS, 20, SCOPE_NONE, ACTION_READS, NULL, NULL },
	{ "tag", "TagResources", tag_resources, PARAMS(tag_params), 20, SCOPE_TAGGED, 0, "ResourceList", NULL },
	{ "tag", "GetResources", get_resources, PARAMS(resources_params), 20, SCOPE_OPERATION, ACTION_READS, NULL,
	NULL },
	{ "billing", "DescribeAccountBalance", describe_account_balance, PARAMS(balance_params), 20, SCOPE_OPERATION,
		ACTION_READS, NULL, NULL },
};

const struct action *misc_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
