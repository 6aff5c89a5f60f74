/* cam: policies. */
#include <inttypes.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static const char name_characters[] = ALPHABET_KEY "+=,.@_-";

/* Services that CAM knows; a document that names another one is refused as a whole. */
static const char *const known_services[] = {
	"*", "antiddos", "apigw", "apigateway", "billing", "cam", "cat", "cbs", "cdb", "cdn", "ckafka", "cloudaudit",
		"cls",
	"cos", "cvm", "cynosdb", "domain", "dnspod", "eb", "finance", "kms", "lighthouse", "live", "lowcode", "monitor",
	"mongodb", "organization", "postgres", "redis", "region", "scf", "sms", "ssl", "ssm", "sts", "tag", "tandon",
	"tat",
	"tcb", "tcbr", "tcr", "tem", "tke", "vod", "vpc",
};

static struct policy *need_policy(struct call *c, const char *param)
{
	struct policy *p = index_find_number(&c->em->policies_by_id, (uint64_t)int_of(c, param, 0));
	if (!p)
		call_fail(c, "ResourceNotFound.PolicyIdNotFound", "The policy %" PRId64 " does not exist.", int_of(c,
			param, 0));
	return p;
}

static struct policy *need_custom(struct call *c, struct policy *p)
{
	if (p && p->preset) {
		call_fail(c, "InvalidParameter.PolicyIdError", "A preset policy cannot be changed.");
		return NULL;
	}
	return p;
}

/* --- documents -------------------------------------------------------------------------- */

static bool service_known(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(known_services); i++)
		if (strlen(known_services[i]) == n && !memcmp(known_services[i], name, n))
			return true;
	return false;
}

static int check_account(struct call *c, const struct cam_resource *r)
{
	const char *uin = arena_printf(c->arena, "uin/%" PRIu64, c->em->owner_uin);
	const char *uid = arena_printf(c->arena, "uid/%" PRIu64, c->em->app_id);
	const char *const ours[] = { "", "*", "uin/", "uid/", uin, uid };
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_eq(r->account, ours[i]))
			return 0;
	return call_fail(c, "InvalidParameter.ResourceUinError", "The account of the resource `%.120s` is not yours.",
		r->text);
}

static int check_resource(struct call *c, const struct cam_resource *r)
{
	if (r->any)
		return 0;
	if (*r->service && !service_known(r->service, strlen(r->service)))
		return call_fail(c, "InvalidParameter.ResourceServiceNotExist",
			"The service of the resource `%.120s` does not exist.",
			r->text);
	if (r->region[strspn(r->region, ALPHABET_ID "-*")])
		return call_fail(c, "InvalidParameter.ResourceRegionError",
			"The region of the resource `%.120s` is wrong.", r->text);
	return check_account(c, r);
}

static int check_statement(struct call *c, const struct cam_statement *s)
{
	for (size_t i = 0; i < s->actions.count; i++) {
		const char *action = s->actions.items[i], *colon = strchr(action, ':');
		if (colon && !service_known(action, (size_t)(colon - action)))
			return call_fail(c, "InvalidParameter.ActionServiceNotExist",
				"The service of the action `%.80s` does not exist.",
				action);
	}
	for (size_t i = 0; i < s->resource_count; i++)
		if (check_resource(c, &s->resources[i]))
			return -1;
	return 0;
}

/* Beyond the grammar: services, regions and accounts must exist, as the real service checks. */
static int check_document(struct call *c, const char *text)
{
	struct cam_policy *p;
	struct err e;
	if (cam_policy_parse(c->arena, text, strlen(text), &p, &e))
		return call_fail(c, e.code, "%s", e.text);
	for (size_t i = 0; i < p->count; i++)
		if (check_statement(c, &p->statements[i]))
			return -1;
	return 0;
}

/* The service writes documents anew, with "\/": nobody may compare bytes. */
static const char *rewritten(struct call *c, const char *text)
{
	struct json *document;
	struct err e;
	struct str s;
	if (json_parse(c->arena, text, strlen(text), &document, &e))
		return text;
	str_init(&s, c->arena);
	for (const char *p = json_print(c->arena, document); *p; p++) {
		if (*p == '/')
			str_add(&s, "\\");
		str_addn(&s, p, 1);
	}
	return s.text;
}

/* --- writing ------------------------------------------------------------------------------ */

static size_t custom_count(const struct emulator *em)
{
	size_t presets = 0;
	for (size_t i = 0; i < em->policies.count && ((const struct policy *)em->policies.items[i])->preset; i++)
		presets++;
	return em->policies.count - presets;
}

static int create_policy(struct call *c)
{
	const char *name = text_of(c, "PolicyName"), *text = text_of(c, "PolicyDocument");
	const char *description = text_of(c, "Description");
	struct err e;
	if (name[strspn(name, name_characters)])
		return call_fail(c, "InvalidParameter.PolicyNameError",
			"The policy name holds characters that are not allowed.");
	if (index_find(&c->em->policies_by_name, name))
		return call_fail(c, "FailedOperation.PolicyNameInUse", "The policy name `%s` is in use.", name);
	if (check_document(c, text))
		return -1;
	if (custom_count(c->em) >= quota(c->em, 1500))
		return call_fail(c, "FailedOperation.PolicyFull",
			"The number of custom policies has reached its limit.");
	struct policy *p = policy_new(c->em, name, description ? description : "", text, strlen(text), false, &e);
	if (!p)
		return call_fail(c, e.code, "%s", e.text);
	tags_from(&p->tags, json_get(c->in, "Tags"));
	json_put_uint(c->out, "PolicyId", p->id);
	return 0;
}

static int update_policy(struct call *c)
{
	const char *name = text_of(c, "PolicyName"), *text = text_of(c, "PolicyDocument");
	const char *description = text_of(c, "Description");
	bool by_id = json_has(c->in, "PolicyId");
	struct err e;
	if (!by_id && !name)
		return call_fail(c, "InvalidParameter.ParamError", "PolicyId or PolicyName must be given.");
	struct policy *p = by_id ? need_policy(c, "PolicyId") : index_find(&c->em->policies_by_name, name);
	if (!p && !by_id)
		return call_fail(c, "ResourceNotFound.PolicyIdNotFound", "The policy `%.128s` does not exist.", name);
	p = need_custom(c, p);
	if (!p || (text && check_document(c, text)))
		return -1;
	if (text && policy_rewrite(c->em, p, text, strlen(text), &e))
		return call_fail(c, e.code, "%s", e.text);
	if (description)
		str_copy(p->description, sizeof(p->description), description);
	if (!by_id)
		json_put_uint(c->out, "PolicyId", p->id);
	return 0;
}

static int delete_policy(struct call *c)
{
	const struct json *ids = json_get(c->in, "PolicyId");
	for (const struct json *v = json_first(ids); v; v = json_next(v)) {
		struct policy *p = index_find_number(&c->em->policies_by_id, (uint64_t)json_int_or(v, "", 0));
		if (!p)
			return call_fail(c, "ResourceNotFound.PolicyIdNotFound",
				"The policy %" PRId64 " does not exist.",
				json_int_or(v, "", 0));
		if (!need_custom(c, p))
			return -1;
		if ((p->attached || p->bounding) && c->em->switches.delete_attached_policy_refused)
			return call_fail(c, "FailedOperation", "The policy is attached.");
	}
	for (const struct json *v = json_first(ids); v; v = json_next(v)) {
		struct policy *p = index_find_number(&c->em->policies_by_id, (uint64_t)json_int_or(v, "", 0));
		if (p)
			policy_delete(c->em, p);
	}
	return 0;
}

/* --- reading ------------------------------------------------------------------------------- */

static int get_policy(struct call *c)
{
	const struct policy *p = need_policy(c, "PolicyId");
	if (!p)
		return -1;
	json_put_text(c->out, "PolicyName", p->name);
	json_put_text(c->out, "Description", p->description);
	json_put_int(c->out, "Type", p->preset ? 2 : 1);
	json_put_text(c->out, "AddTime", beijing(c->arena, p->created));
	json_put_text(c->out, "UpdateTime", beijing(c->arena, p->updated));
	json_put_text(c->out, "PolicyDocument", rewritten(c, policy_text(p)));
	json_put_text(c->out, "PresetAlias", "");
	json_put_int(c->out, "IsServiceLinkedRolePolicy", 0);
	put_tags(c->out, "Tags", &p->tags, c->arena);
	return 0;
}

static void push_policy(struct call *c, struct json *list, const struct policy *p)
{
	struct json *o = json_object(c->arena);
	json_put_uint(o, "PolicyId", p->id);
	json_put_text(o, "PolicyName", p->name);
	json_put_text(o, "AddTime", beijing(c->arena, p->created));
	json_put_int(o, "Type", p->preset ? 2 : 1);
	json_put_text(o, "Description", p->description);
	json_put_int(o, "CreateMode", 2);
	json_put_uint(o, "Attachments", p->attached);
	json_put_text(o, "ServiceType", "");
	json_put_null(o, "IsAttached");
	json_put_int(o, "Deactived", 0);
	json_put(o, "DeactivedDetail", json_array(c->arena));
	json_put_int(o, "IsServiceLinkedPolicy", 0);
	json_put_uint(o, "AttachEntityCount", p->attached);
	json_put_uint(o, "AttachEntityBoundaryCount", p->bounding);
	json_put_text(o, "UpdateTime", beijing(c->arena, p->updated));
	put_tags(o, "Tags", &p->tags, c->arena);
	json_push(list, o);
}

static bool listed(const struct policy *p, const char *scope, const char *keyword)
{
	if (scope && !str_eq(scope, "All") && p->preset != str_eq(scope, "QCS"))
		return false;
	return !keyword || strstr(p->name, keyword);
}

static int list_policies(struct call *c)
{
	const char *scope = text_of(c, "Scope"), *keyword = text_of(c, "Keyword");
	struct json *list = json_array(c->arena);
	size_t total = 0;
	struct page page = page_by_number(c, "Page", "Rp", SIZE_MAX / 2, 20);
	for (size_t i = 0; i < c->em->policies.count; i++) {
		const struct policy *p = c->em->policies.items[i];
		if (!listed(p, scope, keyword))
			continue;
		if (total >= page.from && total < page.to)
			push_policy(c, list, p);
		total++;
	}
	json_put_uint(c->out, "TotalNum", total);
	json_put(c->out, "List", list);
	json_put(c->out, "ServiceTypeList", json_array(c->arena));
	return 0;
}

/* --- tables --------------------------------------------------------------------------------- */

#define DESCRIPTION TEXT("Description", RANGE(0, 300), .code = "InvalidParameter.DescriptionLengthOverlimit")
#define NAME(...) TEXT("PolicyName", RANGE(1, 128), .code = "InvalidParameter.PolicyNameError", __VA_ARGS__)

static const struct param tag_params[] = { TEXT("Key", NEEDED, RANGE(1, 127)), TEXT("Value", NEEDED, RANGE(0, 255)) };
static const struct param create_params[] = {
	NAME(NEEDED), TEXT("PolicyDocument", NEEDED), DESCRIPTION, OBJECTS("Tags", tag_params, RANGE(0, 10)),
};
static const struct param update_params[] = {
	INT("PolicyId"), NAME(.flags = 0), DESCRIPTION, TEXT("PolicyDocument"), TEXT("Alias"),
};
static const struct param id_params[] = { INT("PolicyId", NEEDED) };
static const struct param delete_params[] = {
	INTS("PolicyId", NEEDED, RANGE(1, 50), .code = "InvalidParameter.OperatePoliciesOverLimit"),
};
static const struct param list_params[] = {
	INT("Rp", RANGE(1, 200)), INT("Page", RANGE(1, 200)),
	TEXT("Scope", ONE_OF("All|QCS|Local"), .code = "InvalidParameter.ScopeError"),
	TEXT("Keyword", RANGE(0, 128), .code = "InvalidParameter.SearchKeywordLengthError"),
};

static const struct action actions[] = {
	{ "cam", "CreatePolicy", create_policy, PARAMS(create_params), 20, SCOPE_OPERATION, 0, "PolicyName", NULL },
	{ "cam", "UpdatePolicy", update_policy, PARAMS(update_params), 20, SCOPE_OPERATION, 0, "PolicyId",
	"PolicyName" },
	{ "cam", "GetPolicy", get_policy, PARAMS(id_params), 20, SCOPE_OPERATION, ACTION_READS, "PolicyId", NULL },
	{ "cam", "ListPolicies", list_policies, PARAMS(list_params), 20, SCOPE_OPERATION, ACTION_READS, "Keyword",
	NULL },
	{ "cam", "DeletePolicy", delete_policy, PARAMS(delete_params), 20, SCOPE_OPERATION, 0, "PolicyId", NULL },
};

const struct action *cam_policy_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
