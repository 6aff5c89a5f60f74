/* cam: user groups, as far as a member's rights depend on them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static struct group *group_by_id(struct emulator *em, uint64_t id)
{
	return index_find_number(&em->groups_by_id, id);
}

static int create_group(struct call *c)
{
	const char *name = text_of(c, "GroupName");
	for (size_t i = 0; i < c->em->groups.count; i++)
		if (str_eq(((const struct group *)c->em->groups.items[i])->name, name))
			return call_fail(c, "InvalidParameter.GroupNameInUse", "The group name `%s` is in use.", name);
	if (c->em->groups.count >= quota(c->em, 300))
		return call_fail(c, "InvalidParameter.GroupFull", "The number of groups has reached its limit.");
	struct group *g = mem_alloc(sizeof(*g));
	g->id = c->em->last_group++;
	g->created = c->now;
	snprintf(g->id_text, sizeof(g->id_text), "%" PRIu64, g->id);
	str_copy(g->name, sizeof(g->name), name);
	if (text_of(c, "Remark"))
		str_copy(g->remark, sizeof(g->remark), text_of(c, "Remark"));
	list_add(&c->em->groups, g);
	index_put(&c->em->groups_by_id, g->id_text, g);
	json_put_uint(c->out, "GroupId", g->id);
	return 0;
}

static bool leave(struct user *u, struct group *g)
{
	for (size_t i = 0; i < u->group_count; i++) {
		if (u->groups[i] != g)
			continue;
		u->groups[i] = u->groups[--u->group_count];
		g->members--;
		return true;
	}
	return false;
}

static int delete_group(struct call *c)
{
	struct group *g = group_by_id(c->em, (uint64_t)int_of(c, "GroupId", 0));
	if (!g)
		return call_fail(c, "FailedOperation", "The group does not exist.");
	for (size_t i = 0; i < c->em->users.count && g->members; i++)
		leave(c->em->users.items[i], g);
	for (struct grant *open; (open = grants_find(&g->grants, NULL));)
		grants_close(c->em, open, &open->policy->attached);
	index_remove(&c->em->groups_by_id, g->id_text);
	list_remove(&c->em->groups, g);
	group_free(c->em, g);
	return 0;
}

/* --- members ---------------------------------------------------------------------------- */

static struct user *member(struct call *c, const struct json *item)
{
	int64_t uin = json_int_or(item, "Uin", 0), uid = json_int_or(item, "Uid", 0);
	if (!uin && !uid) {
		call_fail(c, "InvalidParameter.UserUinAndUinNotAllNull", "Uin or Uid must be given.");
		return NULL;
	}
	struct user *u = uin ? user_by_uin(c->em, (uint64_t)uin) : NULL;
	for (size_t i = 0; i < c->em->users.count && !u && !uin; i++)
		if (((struct user *)c->em->users.items[i])->uid == (uint64_t)uid)
			u = c->em->users.items[i];
	if (!u)
		call_fail(c, "ResourceNotFound.UserNotExist", "The user does not exist.");
	return u;
}

static bool is_member(const struct user *u, const struct group *g)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == g)
			return true;
	return false;
}

static int join(struct call *c, const struct json *item)
{
	struct group *g = group_by_id(c->em, (uint64_t)json_int_or(item, "GroupId", 0));
	if (!g)
		return call_fail(c, "InvalidParameter.GroupNotExist", "The group does not exist.");
	struct user *u = member(c, item);
	if (!u)
		return -1;
	if (is_member(u, g))
		return 0;
	if (u->group_count >= GROUPS_PER_USER)
		return call_fail(c, "InvalidParameter.UserGroupFull", "The user is in %d groups.", GROUPS_PER_USER);
	if (g->members >= USERS_PER_GROUP)
		return call_fail(c, "InvalidParameter.GroupUserFull", "The group has %d members.", USERS_PER_GROUP);
	u->groups[u->group_count++] = g;
	g->members++;
	return 0;
}

static int add_to_group(struct call *c)
{
	for (const struct json *v = json_first(json_get(c->in, "Info")); v; v = json_next(v))
		if (join(c, v))
			return -1;
	return 0;
}

static int remove_from_group(struct call *c)
{
	for (const struct json *v = json_first(json_get(c->in, "Info")); v; v = json_next(v)) {
		struct group *g = group_by_id(c->em, (uint64_t)json_int_or(v, "GroupId", 0));
		struct user *u = member(c, v);
		if (!u)
			return -1;
		if (!g || !leave(u, g))
			return call_fail(c, "FailedOperation", "The user is not in the group.");
	}
	return 0;
}

static int list_groups_for_user(struct call *c)
{
	int64_t uin = int_of(c, "SubUin", 0), uid = int_of(c, "Uid", 0);
	const struct user *u = uin ? user_by_uin(c->em, (uint64_t)uin) : NULL;
	for (size_t i = 0; i < c->em->users.count && !u && !uin; i++)
		if (((struct user *)c->em->users.items[i])->uid == (uint64_t)uid)
			u = c->em->users.items[i];
	if (!u)
		return call_fail(c, "ResourceNotFound.UserNotExist", "The user does not exist.");
	struct page page = page_by_number(c, "Page", "Rp", u->group_count, 20);
	struct json *list = json_array(c->arena);
	for (size_t i = page.from; i < page.to; i++) {
		struct json *o = json_object(c->arena);
		json_put_uint(o, "GroupId", u->groups[i]->id);
		json_put_text(o, "GroupName", u->groups[i]->name);
		json_put_text(o, "CreateTime", beijing(c->arena, u->groups[i]->created));
		json_put_text(o, "Remark", u->groups[i]->remark);
		json_push(list, o);
	}
	json_put_uint(c->out, "TotalNum", u->group_count);
	json_put(c->out, "GroupInfo", list);
	return 0;
}

/* --- policies of a group -------------------------------------------------------------------- */

static int change_policy(struct call *c, const char *group_param, bool attach)
{
	struct policy *p = index_find_number(&c->em->policies_by_id, (uint64_t)int_of(c, "PolicyId", 0));
	if (!p)
		return call_fail(c, "ResourceNotFound.PolicyIdNotFound", "The policy does not exist.");
	struct group *g = group_by_id(c->em, (uint64_t)int_of(c, group_param, 0));
	if (!g)
		return call_fail(c, "ResourceNotFound.GroupNotExist", "The group does not exist.");
	struct grant *open = grants_find(&g->grants, p);
	if (attach && !open)
		grants_open(c->em, &g->grants, p, &p->attached);
	else if (!attach)
		grants_close(c->em, open, &p->attached);
	return 0;
}

static int attach_group_policy(struct call *c)
{
	return change_policy(c, "AttachGroupId", true);
}

static int detach_group_policy(struct call *c)
{
	return change_policy(c, "DetachGroupId", false);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const struct param create_params[] = { TEXT("GroupName", NEEDED, RANGE(1, 128)), TEXT("Remark", RANGE(0, 300)) };
static const struct param delete_params[] = { INT("GroupId", NEEDED) };
static const struct param info_rows[] = { INT("GroupId", NEEDED), INT("Uid"), INT("Uin") };
static const struct param info_params[] = { OBJECTS("Info", info_rows, NEEDED, RANGE(1, 100)) };
static const struct param list_params[] = { INT("Uid"), INT("Rp", RANGE(1, 200)), INT("Page", RANGE(1, 200)),
	INT("SubUin") };
static const struct param attach_params[] = { INT("PolicyId", NEEDED), INT("AttachGroupId", NEEDED) };
static const struct param detach_params[] = { INT("PolicyId", NEEDED), INT("DetachGroupId", NEEDED) };

static const struct action actions[] = {
	{ "cam", "CreateGroup", create_group, PARAMS(create_params), 20, SCOPE_OPERATION, 0, "GroupName", NULL },
	{ "cam", "DeleteGroup", delete_group, PARAMS(delete_params), 20, SCOPE_OPERATION, 0, "GroupId", NULL },
	{ "cam", "AddUserToGroup", add_to_group, PARAMS(info_params), 20, SCOPE_OPERATION, 0, NULL, NULL },
	{ "cam", "RemoveUserFromGroup", remove_from_group, PARAMS(info_params), 20, SCOPE_OPERATION, 0, NULL, NULL },
	{ "cam", "ListGroupsForUser", list_groups_for_user, PARAMS(list_params), 20, SCOPE_OPERATION, ACTION_READS,
	"SubUin",
		NULL },
	{ "cam", "AttachGroupPolicy", attach_group_policy, PARAMS(attach_params), 20, SCOPE_OPERATION, 0,
	"AttachGroupId",
		"PolicyId" },
	{ "cam", "DetachGroupPolicy", detach_group_policy, PARAMS(detach_params), 20, SCOPE_OPERATION, 0,
	"DetachGroupId",
		"PolicyId" },
};

const struct action *cam_group_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
