#include "cloud/rights.h"

#include <string.h>

#include "common/str.h"

#define PAGE 100
#define MAX_PAGES 200

int attached_list(struct call *c, const struct account *want, uint64_t uin, struct attached **out, size_t *count, struct err *e)
{
	struct attached *list = NULL;
	size_t n = 0, seen = 0, total = 0;
	for (uint64_t page = 1; page <= MAX_PAGES; page++) {
		const struct json *answer;
		struct json *p = json_object(c->arena);
		json_put_uint(p, "TargetUin", uin);
		json_put_uint(p, "Rp", PAGE);
		json_put_uint(p, "Page", page);
		int rc = call_do(c, want, ACT_LIST_ATTACHED_USER_POLICIES, p, &answer, e);
		if (rc)
			return rc;
		const struct json *items = json_get(answer, "List");
		size_t more = json_count(items);
		struct attached *grown = arena_alloc(c->arena, (n + more + 1) * sizeof(*grown));
		if (n)
			memcpy(grown, list, n * sizeof(*grown));
		list = grown;
		for (const struct json *item = json_first(items); item; item = json_next(item)) {
			const char *name = json_text(item, "PolicyName");
			if (!json_uint(item, "PolicyId", &list[n].id, NULL))
				list[n++].name = name ? name : "";
		}
		seen += more;
		total = (size_t)json_int_or(answer, "TotalNum", 0);
		if (!more || seen >= total)
			break;
	}
	if (seen < total)
		return err_set(e, ERR_TEMP, "ListAttachedUserPolicies: the listing is not complete");
	*out = list;
	*count = n;
	return 0;
}

bool attached_has(const struct attached *list, size_t count, uint64_t policy_id)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].id == policy_id)
			return true;
	return false;
}

int groups_list(struct call *c, const struct account *want, uint64_t uin, struct attached **out, size_t *count, struct err *e)
{
	const struct json *answer;
	struct json *p = json_object(c->arena);
	json_put_uint(p, "SubUin", uin);
	json_put_uint(p, "Rp", PAGE);           /* a user can be in ten */
	*count = 0;
	int rc = call_do(c, want, ACT_LIST_GROUPS_FOR_USER, p, &answer, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	const struct json *items = json_get(answer, "GroupInfo");
	struct attached *list = arena_alloc(c->arena, (json_count(items) + 1) * sizeof(*list));
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		const char *name = json_text(item, "GroupName");
		if (!json_uint(item, "GroupId", &list[*count].id, NULL))
			list[(*count)++].name = name ? name : "";
	}
	*out = list;
	return 0;
}

int keys_count(struct call *c, uint64_t uin, size_t *on, size_t *off, struct err *e)
{
	const struct json *answer;
	struct json *p = json_object(c->arena);
	json_put_uint(p, "TargetUin", uin);
	int rc = call_do(c, NULL, ACT_LIST_ACCESS_KEYS, p, &answer, e);
	*on = *off = 0;
	if (rc)
		return str_eq(e->code, "ResourceNotFound.SecretNotExist") ? 0 : rc;
	for (const struct json *k = json_first(json_get(answer, "AccessKeys")); k; k = json_next(k))
		(*(str_eq(json_text(k, "Status"), "Inactive") ? off : on))++;
	return 0;
}

#define LAST_SECOND "T23:59:59Z"
#define BEIJING_MS (8 * 60 * 60 * 1000)

/* "2026-11-24" */
static int day_parse(struct arena *a, const char *day, int64_t *out, struct err *e)
{
	int rc = str_time_parse(arena_printf(a, "%s" LAST_SECOND, day), out, e);
	if (rc)
		return err_set(e, ERR_TEMP, "GetSecurityLastUsed: \"%s\" is no day", day);
	*out -= BEIJING_MS;
	return 0;
}

static int use_parse(struct call *c, const struct json *row, int64_t used[2], struct err *e)
{
	const char *day = json_text(row, "LastUsedDate");
	used[0] = 0;
	used[1] = json_int_or(row, "LastSecretUsedDate", 0);
	return day && *day ? day_parse(c->arena, day, &used[0], e) : 0;
}

int keys_last_used(struct call *c, const char *const *ids, size_t count, int64_t *used, struct err *e)
{
	const struct json *answer;
	struct json *p = json_object(c->arena), *list = json_array(c->arena);
	for (size_t i = 0; i < count; i++) {
		json_push_text(list, ids[i]);
		used[2 * i] = used[2 * i + 1] = 0;
	}
	json_put(p, "SecretIdList", list);
	int rc = call_do(c, NULL, ACT_GET_SECURITY_LAST_USED, p, &answer, e);
	const struct json *rows = rc ? NULL : json_get(answer, "SecretIdLastUsedRows");
	if (!rc && (!rows || json_type(rows) != JSON_ARRAY))
		return err_set(e, ERR_TEMP, "GetSecurityLastUsed: the answer has no list \"SecretIdLastUsedRows\"");
	for (const struct json *row = rows ? json_first(rows) : NULL; !rc && row; row = json_next(row))
		for (size_t i = 0; !rc && i < count; i++)
			if (str_eq(ids[i], json_text(row, "SecretId")))
				rc = use_parse(c, row, &used[2 * i], e);
	return rc;
}
