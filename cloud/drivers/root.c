/* What exists once per root account: who we are, and the two shared policies. */
#include "cloud/drivers/driver.h"

struct shared {
	const char *name, *mark, *document;
	uint64_t id;
	unsigned *repaired;
};

static int who_we_are(struct call *c, const struct account *at, struct root *root, struct err *e)
{
	const struct json *answer;
	int rc = call_do(c, at, ACT_GET_USER_APP_ID, NULL, &answer, e);
	if (!rc)
		rc = json_uint(answer, "OwnerUin", &root->owner_uin, e);
	if (!rc)
		rc = json_uint(answer, "AppId", &root->app_id, e);
	return err_must_exist(rc, e);
}

static int create(struct call *c, const struct account *at, struct shared *s, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	json_put_text(p, "PolicyName", s->name);
	json_put_text(p, "PolicyDocument", s->document);
	json_put_text(p, "Description", s->mark);
	int rc = call_do(c, at, ACT_CREATE_POLICY, p, &answer, e);
	return rc ? rc : json_uint(answer, "PolicyId", &s->id, e);
}

static int repair(struct call *c, const struct account *at, struct shared *s, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	json_put_uint(p, "PolicyId", s->id);
	int rc = call_do(c, at, ACT_GET_POLICY, p, &answer, e);
	if (rc || document_same(c->arena, json_text(answer, "PolicyDocument"), s->document))
		return rc;
	p = call_arguments(c);
	json_put_uint(p, "PolicyId", s->id);
	json_put_text(p, "PolicyDocument", s->document);
	json_put_text(p, "Description", s->mark);
	rc = call_do(c, at, ACT_UPDATE_POLICY, p, NULL, e);
	if (!rc)
		++*s->repaired;
	return rc;
}

static int ensure(struct call *c, const struct account *at, struct shared *s, struct err *e)
{
	const char *description = NULL;
	int rc = document_check(s->name, s->document, e);
	if (rc)
		return rc;
	rc = policy_find(c, at, s->name, &s->id, &description, e);
	if (rc == ERR_ABSENT)
		return create(c, at, s, e);
	if (rc)
		return rc;
	if (!str_eq(description, s->mark))
		return err_set(e, ERR_FOREIGN, "policy \"%s\" does not carry the mark \"%s\"", s->name, s->mark);
	return repair(c, at, s, e);
}

int root_ensure(struct call *c, const char *installation, const char *region, const char *boundary_document,
	const char *barrier_document, struct root *root, unsigned *repaired, struct err *e)
{
	const struct account at = { .installation = installation, .region = region };
	struct root found = { 0 };
	*repaired = 0;
	/* Two marks, so that one can never be taken for the other. */
	struct shared boundary = { .document = boundary_document, .repaired = repaired,
		.name = arena_printf(c->arena, "rollcall-boundary-%s", installation),
		.mark = arena_printf(c->arena, "rollcall:%s:boundary", installation) };
	struct shared barrier = { .document = barrier_document, .repaired = repaired,
		.name = arena_printf(c->arena, "rollcall-barrier-%s", installation),
		.mark = arena_printf(c->arena, "rollcall:%s:barrier", installation) };
	int rc = who_we_are(c, &at, &found, e);
	if (!rc)
		rc = ensure(c, &at, &boundary, e);
	if (!rc)
		rc = ensure(c, &at, &barrier, e);
	if (rc)
		return rc;
	found.boundary_id = boundary.id;
	found.barrier_id = barrier.id;
	*root = found;
	return 0;
}
