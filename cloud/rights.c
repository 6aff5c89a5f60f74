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
