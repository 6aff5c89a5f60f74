#include "cloud/candidates.h"

#include <string.h>

#include "cloud/rights.h"
#include "common/str.h"

#define ENV_PAGE 100
#define MAX_PAGES 200
#define FRESH_MS 1000

/* --- sub-accounts ------------------------------------------------------------------------------------------- */

static int ourselves(struct call *c, uint64_t *uin, struct err *e)
{
	const struct json *answer;
	const char *text;
	int rc = call_do(c, NULL, ACT_GET_CALLER_IDENTITY, json_object(c->arena), &answer, e);
	if (!rc)
		rc = json_need_text(answer, "UserId", &text, e);
	if (rc)
		return err_must_exist(rc, e);
	for (*uin = 0; *text >= '0' && *text <= '9'; text++)
		*uin = *uin * 10 + (uint64_t)(*text - '0');
	return 0;
}

static int users(struct call *c, const char *installation, struct candidates *all, struct err *e)
{
	const struct json *answer;
	uint64_t self = 0;
	int rc = ourselves(c, &self, e);
	if (!rc)
		rc = call_do(c, NULL, ACT_LIST_USERS, json_object(c->arena), &answer, e);
	if (rc)
		return err_must_exist(rc, e);
	const struct json *items = json_get(answer, "Data");
	all->users = arena_alloc(c->arena, (json_count(items) + 1) * sizeof(*all->users));
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		const char *name = json_text(item, "Name"), *remark = json_text(item, "Remark");
		struct candidate_user u = { .name = name, .remark = remark, .owner = mark_of(installation, remark) };
		if (!name || json_uint(item, "Uin", &u.uin, NULL))
			return err_set(e, ERR_TEMP, "ListUsers: a sub-account has no \"Name\" or no \"Uin\"");
		u.ourselves = u.uin == self;
		all->users[all->user_count++] = u;
	}
	return 0;
}

/* The vendor's policies that make whoever has them an administrator of the account, or of all its sub-accounts. */
static bool makes_admin(const char *policy)
{
	return str_eq(policy, "AdministratorAccess") || str_eq(policy, "QcloudCamFullAccess");
}

static void add_name(struct str *s, const char *what, const char *name)
{
	str_addf(s, "%s%s \"%s\"", s->len ? ", " : "", what, *name ? name : "?");
}

int candidate_look(struct call *c, struct candidate_user *u, struct err *e)
{
	struct candidate_user seen = *u;
	struct attached *policies = NULL, *groups = NULL;
	size_t policy_count, group_count, off;
	struct str names;
	int rc = keys_count(c, u->uin, &seen.keys_on, &off, e);
	if (!rc)
		rc = attached_list(c, NULL, u->uin, &policies, &policy_count, e);
	if (!rc)
		rc = groups_list(c, NULL, u->uin, &groups, &group_count, e);
	if (rc)
		return err_must_exist(rc, e);
	str_init(&names, c->arena);
	seen.keys = seen.keys_on + off;
	seen.admin = NULL;
	for (size_t i = 0; i < policy_count; i++) {
		add_name(&names, "policy", policies[i].name);
		if (makes_admin(policies[i].name))
			seen.admin = policies[i].name;
	}
	for (size_t i = 0; i < group_count; i++)
		add_name(&names, "group", groups[i].name);
	seen.rights = names.len ? names.text : NULL;
	*u = seen;
	return 0;
}

/* --- environments ------------------------------------------------------------------------------------------- */

static struct candidate_env *env_of(struct candidates *all, const char *env_id)
{
	for (size_t i = 0; env_id && i < all->env_count; i++)
		if (!strcmp(all->envs[i].env.env_id, env_id))
			return &all->envs[i];
	return NULL;
}

/* The shared listing remembers our mark only. */
static int read_tags(struct call *c, const char *region, const char *key, struct candidates *all, struct err *e)
{
	const struct account at = { .region = region };
	uint64_t seen = 0, total = 0;
	for (int page = 0; page < MAX_PAGES; page++) {
		const struct json *answer;
		struct json *p = json_object(c->arena);
		json_put_uint(p, "Limit", ENV_PAGE);
		json_put_uint(p, "Offset", seen);
		int rc = call_do(c, &at, ACT_DESCRIBE_ENVS, p, &answer, e);
		if (rc)
			return err_must_exist(rc, e);
		const struct json *items = json_get(answer, "EnvList");
		total = (uint64_t)json_int_or(answer, "Total", 0);
		for (const struct json *item = json_first(items); item; item = json_next(item), seen++) {
			struct candidate_env *env = env_of(all, json_text(item, "EnvId"));
			for (const struct json *t = env ? json_first(json_get(item, "Tags")) : NULL; t; t = json_next(t))
				if (str_eq(json_text(t, "Key"), key))
					env->tag = json_text(t, "Value");
		}
		if (!json_first(items) || seen >= total)
			break;
	}
	return seen >= total ? 0 : err_set(e, ERR_TEMP, "DescribeEnvs: the listing is not complete");
}

static int envs(struct call *c, const char *installation, const char *region, const char *tag, struct candidates *all, struct err *e)
{
	const struct account at = { .region = region };
	struct snapshot_env *list = NULL;
	size_t count = 0;
	int rc = snapshot_envs(c->snapshot, c, &at, FRESH_MS, &list, &count, e);
	if (rc)
		return rc;
	struct candidate_env *grown = arena_alloc(c->arena, (all->env_count + count + 1) * sizeof(*grown));
	if (all->env_count)
		memcpy(grown, all->envs, all->env_count * sizeof(*grown));
	all->envs = grown;
	for (size_t i = 0; i < count; i++) {
		/* Asked in one region, told by all. */
		if (env_of(all, list[i].env_id))
			continue;
		all->envs[all->env_count++] = (struct candidate_env){ .env = list[i],
			.region = *list[i].region ? arena_strdup(c->arena, list[i].region) : region,
			.owner = mark_of(installation, list[i].mark) };
	}
	return tag ? read_tags(c, region, tag, all, e) : 0;
}

int candidates_take(struct call *c, const char *installation, const char *const *regions, size_t region_count, const char *tag,
	struct candidates *out, struct err *e)
{
	struct candidates all = { 0 };
	int rc = users(c, installation, &all, e);
	for (size_t i = 0; !rc && i < region_count; i++)
		rc = envs(c, installation, regions[i], tag, &all, e);
	if (!rc)
		*out = all;
	return rc;
}
