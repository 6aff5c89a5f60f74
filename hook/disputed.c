/* An account of which several things carry the mark (a rebuilt store): which is his only a human can say, by taking the mark
 * off the others.  Until the audit sees one of each nothing is made, changed or deleted; a leaver loses all of them. */
#include "hook/taken.h"

#include <string.h>

int taken_disputed(const struct taken *t, struct err *e)
{
	return err_set(e, ERR_PERM, "%s: take the mark off what is not his", t->found.disputed);
}

static void cut_one(struct taken *t, struct walk_result *all)
{
	struct walk_result one;
	walk_cut(&t->walk, &one);
	if (!one.complete)
		*all = one;
}

static int cut_users(struct taken *t, struct walk_result *all, struct err *e)
{
	const struct json *answer;
	t->call.api->urgent = true;
	int rc = call_do(&t->call, NULL, ACT_LIST_USERS, json_object(t->call.arena), &answer, e);
	for (const struct json *v = rc ? NULL : json_first(json_get(answer, "Data")); v; v = json_next(v)) {
		const char *name = json_text(v, "Name");
		if (!name || mark_judge(&t->want, json_text(v, "Remark")) != MARK_OURS || json_uint(v, "Uin", &t->found.uin, NULL))
			continue;
		str_copy(t->placement.user_name, sizeof(t->placement.user_name), name);
		memset(t->found.verified_ms, 0, sizeof(t->found.verified_ms));
		cut_one(t, all);
	}
	return rc;
}

/* For their keys. */
static int cut_envs(struct taken *t, struct walk_result *all, struct err *e)
{
	struct snapshot_env *list = NULL;
	size_t n = 0;
	t->call.api->urgent = true;
	int rc = snapshot_envs(t->call.snapshot, &t->call, &t->want, t->call.settings->poll_ms, &list, &n, e);
	for (size_t i = 0; !rc && i < n; i++) {
		if (mark_judge(&t->want, list[i].mark) != MARK_OURS)
			continue;
		str_copy(t->found.env_id, sizeof(t->found.env_id), list[i].env_id);
		t->found.verified_ms[ROW_ENVKEYS] = 0;
		cut_one(t, all);
	}
	return rc;
}

/* Which of the things with his mark is his a human must say; that none of them gives him access is sure. */
void taken_cut_each(struct taken *t, struct walk_result *all)
{
	const struct found none = t->found;
	const struct placement place = t->placement;
	struct err e;
	*all = (struct walk_result){ .complete = true };
	if (cut_users(t, all, &e))
		*all = (struct walk_result){ .worst = e };
	if (cut_envs(t, all, &e))
		*all = (struct walk_result){ .worst = e };
	t->call.api->urgent = false;
	t->found = none;
	t->placement = place;
}
