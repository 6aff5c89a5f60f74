/* cam: which policies a user has, and his permissions boundary. */
#include <inttypes.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static struct policy *policy_of(struct call *c)
{
	struct policy *p = index_find_number(&c->em->policies_by_id, (uint64_t)int_of(c, "PolicyId", 0));
	if (!p)
		call_fail(c, "ResourceNotFound.PolicyIdNotFound", "The policy %" PRId64 " does not exist.", int_of(c,
			"PolicyId", 0));
	return p;
}

static struct user *user_of(struct call *c, const char *param, const char *code)
{
	struct user *u = user_by_uin(c->em, (uint64_t)int_of(c, param, 0));
	if (!u)
		call_fail(c, code, "The user %" PRId64 " does not exist.", int_of(c, param, 0));
	return u;
}

static size_t open_count(const struct grants *g)
{
	size_t n = 0;
	for (size_t i = 0; i < g->count; i++)
		n += g->items[i].to == NEVER;
	return n;
}

static int attach(struct call *c)
{
	struct policy *p = policy_of(c);
	struct user *u = p ? user_of(c, "AttachUin", "ResourceNotFound.UserNotExist") : NULL;
	if (!u)
		return -1;
	if (grants_find(&u->grants, p))
		return 0;
	if (open_count(&u->grants) >= POLICIES_PER_USER)
		return call_fail(c, "InvalidParameter.AttachmentFull", "The user has %d policies.", POLICIES_PER_USER);
	grants_open(c->em, &u->grants, p, &p->attached);
	return 0;
}

static int detach(struct call *c)
{
	struct policy *p = policy_of(c);
	struct user *u = p ? user_of(c, "DetachUin", "ResourceNotFound.UserNotExist") : NULL;
	if (!u)
		return -1;
	struct grant *g = grants_find(&u->grants, p);
	if (!g && c->em->switches.detach_missing_is_error)
		return call_fail(c, "InvalidParameter.PolicyIdNotExist", "The policy is not attached to the user.");
	grants_close(c->em, g, &p->attached);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------ */

static int list_attached(struct call *c)
{
	const struct user *u = user_by_uin(c->em, (uint64_t)int_of(c, "TargetUin", 0));
	struct json *list = json_array(c->arena);
	struct page page = page_by_number(c, "Page", "Rp", SIZE_MAX / 2, 20);
	size_t total = 0;
	if (!u)
		return call_fail(c, "InvalidParameter.ParamError", "The user of TargetUin does not exist.");
	for (size_t i = 0; i < u->grants.count; i++) {
		const struct grant *g = &u->grants.items[i];
		if (g->to != NEVER)
			continue;
		if (total >= page.from && total < page.to) {
			struct json *o = json_object(c->arena);
			json_put_uint(o, "PolicyId", g->policy->id);
			json_put_text(o, "PolicyName", g->policy->name);
			json_put_text(o, "AddTime", beijing(c->arena, g->policy->created));
			json_put_int(o, "CreateMode", 2);
			json_put_text(o, "PolicyType", g->policy->preset ? "QCS" : "User");
			json_put_text(o, "Remark", g->policy->description);
			json_put_int(o, "Deactived", 0);
			json_put(o, "DeactivedDetail", json_array(c->arena));
			json_push(list, o);
		}
		total++;
	}
	json_put_uint(c->out, "TotalNum", total);
	json_put(c->out, "List", list);
	return 0;
}

/* Numbers are texts in this answer: that is how the service writes them. */
static void push_any(struct call *c, struct json *list, const struct policy *p, const struct group *group)
{
	struct json *o = json_object(c->arena), *groups = json_array(c->arena);
	json_put_text(o, "PolicyId", p->id_text);
	json_put_text(o, "PolicyName", p->name);
	json_put_text(o, "Description", p->description);
	json_put_text(o, "AddTime", beijing(c->arena, p->created));
	json_put_text(o, "StrategyType", p->preset ? "2" : "1");
	json_put_text(o, "CreateMode", "2");
	if (group) {
		struct json *from = json_object(c->arena);
		json_put_uint(from, "GroupId", group->id);
		json_put_text(from, "GroupName", group->name);
		json_push(groups, from);
	}
	json_put(o, "Groups", groups);
	json_put_int(o, "Deactived", 0);
	json_put(o, "DeactivedDetail", json_array(c->arena));
	json_push(list, o);
}

struct listing { struct json *list; struct page page; size_t total; int64_t type; const char *keyword; };

static void add_grants(struct call *c, struct listing *l, const struct grants *g, const struct group *group)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct policy *p = g->items[i].policy;
		if (g->items[i].to != NEVER || (l->type && l->type != (p->preset ? 2 : 1)) ||
			(l->keyword && !strstr(p->name, l->keyword)))
			continue;
		if (l->total >= l->page.from && l->total < l->page.to)
			push_any(c, l->list, p, group);
		l->total++;
	}
}

static int list_all_attached(struct call *c)
{
	const struct user *u = user_of(c, "TargetUin", "ResourceNotFound.UserNotExist");
	int64_t type = int_of(c, "AttachType", 0);
	struct listing l = { .list = json_array(c->arena), .page = page_by_number(c, "Page", "Rp", SIZE_MAX / 2, 20),
		.type = int_of(c, "StrategyType", 0), .keyword = text_of(c, "Keyword") };
	if (!u)
		return -1;
	if (type != 2)
		add_grants(c, &l, &u->grants, NULL);
	for (size_t i = 0; i < u->group_count && type != 1; i++)
		add_grants(c, &l, &u->groups[i]->grants, u->groups[i]);
	json_put(c->out, "PolicyList", l.list);
	json_put_uint(c->out, "TotalNum", l.total);
	return 0;
}

static void push_entity(struct call *c, struct json *list, const char *id, const char *name, uint64_t uin, int related)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "Id", id);
	json_put_text(o, "Name", name);
	json_put_uint(o, "Uin", uin);
	json_put_int(o, "RelatedType", related);
	json_push(list, o);
}

static int list_entities(struct call *c)
{
	const struct policy *p = policy_of(c);
	const char *filter = text_of(c, "EntityFilter");
	struct json *list = json_array(c->arena);
	struct page page = page_by_number(c, "Page", "Rp", SIZE_MAX / 2, 20);
	size_t total = 0;
	bool all = !filter || str_eq(filter, "All");
	if (!p)
		return -1;
	for (size_t i = 0; i < c->em->users.count && (all || str_eq(filter, "User")); i++) {
		struct user *u = c->em->users.items[i];
		if (!grants_find(&u->grants, p))
			continue;
		if (total >= page.from && total < page.to)
			push_entity(c, list, u->uin_text, u->name, u->uin, 1);
		total++;
	}
	for (size_t i = 0; i < c->em->groups.count && (all || str_eq(filter, "Group")); i++) {
		struct group *g = c->em->groups.items[i];
		if (!grants_find(&g->grants, p))
			continue;
		if (total >= page.from && total < page.to)
			push_entity(c, list, g->id_text, g->name, 0, 2);
		total++;
	}
	json_put_uint(c->out, "TotalNum", total);
	json_put(c->out, "List", list);
	return 0;
}

/* --- permissions boundary -------------------------------------------------------------------- */

static int put_boundary(struct call *c)
{
	struct policy *p = index_find_number(&c->em->policies_by_id, (uint64_t)int_of(c, "PolicyId", 0));
	if (!p)
		return call_fail(c, "InvalidParameter.PolicyIdNotExist", "The policy does not exist.");
	struct user *u = user_of(c, "TargetUin", "InvalidParameter.UserNotExist");
	if (!u)
		return -1;
	struct grant *old = grants_find(&u->boundary, NULL);
	if (old && old->policy == p)
		return 0;
	if (old)
		grants_close(c->em, old, &old->policy->bounding);
	grants_open(c->em, &u->boundary, p, &p->bounding);
	return 0;
}

static int delete_boundary(struct call *c)
{
	struct user *u = user_of(c, "TargetUin", "InvalidParameter.UserNotExist");
	if (!u)
		return -1;
	struct grant *old = grants_find(&u->boundary, NULL);
	if (old)
		grants_close(c->em, old, &old->policy->bounding);
	return 0;
}

static int get_boundary(struct call *c)
{
	struct user *u = user_of(c, "TargetUin", "InvalidParameter.ParamError");
	const struct grant *g = u ? grants_find(&u->boundary, NULL) : NULL;
	if (!u)
		return -1;
	if (!g) {
		json_put_null(c->out, "PolicyId");
		json_put_null(c->out, "PolicyName");
		json_put_null(c->out, "PolicyDocument");
		return 0;
	}
	json_put_uint(c->out, "PolicyId", g->policy->id);
	json_put_text(c->out, "PolicyName", g->policy->name);
	json_put_text(c->out, "PolicyDocument", policy_text(g->policy));
	json_put_int(c->out, "PolicyType", g->policy->preset ? 2 : 1);
	json_put_int(c->out, "CreateMode", 2);
	return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define PAGE INT("Page", RANGE(1, 200)), INT("Rp", RANGE(1, 200))
static const struct param attach_params[] = { INT("PolicyId", NEEDED), INT("AttachUin", NEEDED) };
static const struct param detach_params[] = { INT("PolicyId", NEEDED), INT("DetachUin", NEEDED) };
static const struct param list_params[] = { INT("TargetUin", NEEDED), PAGE };
static const struct param list_all_params[] = {
	INT("TargetUin", NEEDED), INT("Rp", NEEDED, RANGE(1, 200)), INT("Page", NEEDED, RANGE(1, 200)),
	INT("AttachType", NEEDED, RANGE(0, 2)), INT("StrategyType", RANGE(1, 2)), TEXT("Keyword"),
};
static const struct param entities_params[] = {
	INT("PolicyId", NEEDED), PAGE,
	TEXT("EntityFilter", ONE_OF("All|User|Group|Role"), .code = "InvalidParameter.EntityFilterError"),
};
static const struct param put_params[] = { INT("TargetUin", NEEDED), INT("PolicyId", NEEDED) };
static const struct param user_params[] = { INT("TargetUin", NEEDED) };

static const struct action actions[] = {
	{ "cam", "AttachUserPolicy", attach, PARAMS(attach_params), 20, SCOPE_OPERATION, 0, "AttachUin", "PolicyId" },
	{ "cam", "DetachUserPolicy", detach, PARAMS(detach_params), 20, SCOPE_OPERATION, 0, "DetachUin", "PolicyId" },
	{ "cam", "ListAttachedUserPolicies", list_attached, PARAMS(list_params), 20, SCOPE_OPERATION, ACTION_READS,
		"TargetUin", NULL },
	{ "cam", "ListAttachedUserAllPolicies", list_all_attached, PARAMS(list_all_params), 20, SCOPE_OPERATION,
	ACTION_READS,
		"TargetUin", NULL },
	{ "cam", "ListEntitiesForPolicy", list_entities, PARAMS(entities_params), 20, SCOPE_OPERATION, ACTION_READS,
		"PolicyId", NULL },
	{ "cam", "PutUserPermissionsBoundary", put_boundary, PARAMS(put_params), 20, SCOPE_OPERATION, 0, "TargetUin",
		"PolicyId" },
	{ "cam", "DeleteUserPermissionsBoundary", delete_boundary, PARAMS(user_params), 20, SCOPE_OPERATION, 0,
	"TargetUin",
		NULL },
	{ "cam", "GetUserPermissionBoundary", get_boundary, PARAMS(user_params), 20, SCOPE_OPERATION, ACTION_READS,
		"TargetUin", NULL },
};

const struct action *cam_attach_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
