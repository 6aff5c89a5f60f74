/* The person's own policy, and its attachment to his sub-account.  Locked is: there, not attached. */
#include "cloud/drivers/driver.h"

/* By the id we know, else by name.  Fails: ABSENT, FOREIGN. */
static int find(struct call *c, const struct account *want, struct found *found, const char **document, struct err *e)
{
	const struct json *answer;
	const char *description = NULL;
	bool known = found->policy_id;
	int rc = known ? 0 : policy_find(c, want, want->policy_name, &found->policy_id, &description, e);
	if (rc)
		return rc;
	struct json *p = call_arguments(c);
	json_put_uint(p, "PolicyId", found->policy_id);
	rc = call_do(c, want, ACT_GET_POLICY, p, &answer, e);
	if (rc == ERR_ABSENT) {
		found->policy_id = 0;
		return known ? find(c, want, found, document, e) : rc;
	}
	if (rc)
		return rc;
	description = json_text(answer, "Description");
	if (mark_judge(want, description) != MARK_OURS) {
		found->policy_id = 0;
		return err_set(e, ERR_FOREIGN, "policy \"%s\" does not carry our mark", want->policy_name);
	}
	*document = json_text(answer, "PolicyDocument");
	return 0;
}

/* What somebody else attached is only told: taking it away belongs to the sweep. */
static void tell_others(const struct account *want, struct found *found, const struct attached *list, size_t count)
{
	note_clear(found, "policy");
	for (size_t i = 0; i < count; i++) {
		if (list[i].id != found->policy_id && !(want->root && list[i].id == want->root->barrier_id))
			note_set(found, "policy", "\"%s\" is attached, too, and is not ours", list[i].name);
	}
}

/* *attached stays false while there is no sub-account. */
static int look_attached(struct call *c, const struct account *want, struct found *found, bool *attached, struct err *e)
{
	struct attached *list;
	size_t count;
	int rc = user_need(c, want, found, e);
	if (!rc)
		rc = attached_list(c, want, found->uin, &list, &count, e);
	if (rc)
		return rc == ERR_ABSENT || rc == ERR_FOREIGN ? 0 : rc;
	*attached = attached_has(list, count, found->policy_id);
	tell_others(want, found, list, count);
	return 0;
}

static int policy_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	const char *document = NULL;
	bool attached = false;
	int rc = find(c, want, found, &document, e);
	if (rc)
		return seen_from(rc, out);
	rc = look_attached(c, want, found, &attached, e);
	if (rc)
		return rc;
	bool same = !want->policy_document || document_same(c->arena, document, want->policy_document);
	*out = !attached ? SEEN_LOCKED : same ? SEEN_OK : SEEN_DRIFT;
	return 0;
}

static int write_document(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const struct json *answer;
	bool there = found->policy_id;
	struct json *p = call_arguments(c);
	if (there)
		json_put_uint(p, "PolicyId", found->policy_id);
	else
		json_put_text(p, "PolicyName", want->policy_name);
	json_put_text(p, "PolicyDocument", want->policy_document);
	json_put_text(p, "Description", want->mark);
	int rc = call_do(c, want, there ? ACT_UPDATE_POLICY : ACT_CREATE_POLICY, p, &answer, e);
	if (!rc && !there && json_uint(answer, "PolicyId", &found->policy_id, NULL))
		rc = err_set(e, ERR_TEMP, "CreatePolicy: the answer has no \"PolicyId\"");
	if (!rc)
		found->policy_changed_ms = clock_now(c->clock);
	return rc;
}

static int policy_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const char *document = NULL;
	bool attached = false;
	if (!want->policy_document)
		return err_set(e, ERR_TEMP, "the policy cannot be written yet: the environment is not known");
	int rc = document_check(want->policy_name, want->policy_document, e);
	if (rc)
		return rc;
	rc = find(c, want, found, &document, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	if (rc || !document_same(c->arena, document, want->policy_document))
		rc = write_document(c, want, found, e);
	if (!rc)
		rc = look_attached(c, want, found, &attached, e);
	if (rc || attached)
		return err_must_exist(rc, e);
	rc = user_need(c, want, found, e);
	if (!rc)
		rc = attached_add(c, want, found, found->policy_id, e);
	if (rc)
		return err_must_exist(rc, e);
	/* Attached is what the cloud shows, not what it answered. */
	rc = look_attached(c, want, found, &attached, e);
	return rc || attached ? rc : call_again(c, e, "the attachment of the policy cannot be seen yet");
}

static int policy_lock(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const char *document;
	bool attached = false;
	int rc = find(c, want, found, &document, e);
	if (!rc)
		rc = look_attached(c, want, found, &attached, e);
	if (!rc && attached)
		rc = attached_drop(c, want, found, found->policy_id, e);
	return rc == ERR_ABSENT ? 0 : rc;
}

static int policy_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	int rc = policy_lock(c, want, found, e);
	if (rc || !found->policy_id)
		return rc;
	struct json *p = call_arguments(c), *ids = json_array(c->arena);
	json_push_uint(ids, found->policy_id);
	json_put(p, "PolicyId", ids);
	rc = call_do(c, want, ACT_DELETE_POLICY, p, NULL, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	found->policy_id = 0;
	note_clear(found, "policy");
	return 0;
}

const struct driver policy_driver = { .name = "policy", .observe = policy_observe, .ensure = policy_ensure,
	.lock = policy_lock, .remove = policy_remove };
