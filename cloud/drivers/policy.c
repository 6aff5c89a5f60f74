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

/* Our own policy, and what hangs on the sub-account: nothing while there is none. */
struct rights {
	int own;                       /* 0: it is there; ABSENT, FOREIGN: it is not, as `why` says */
	struct err why;
	const char *document;
	bool attached;
	struct attached *policies, *groups;     /* given by hand */
	size_t policy_count, group_count;
};

/* Neither ours nor the barrier.  As long as the barrier is not known, nothing is taken for a stranger. */
static bool by_hand(const struct account *want, const struct found *found, uint64_t policy_id)
{
	if (!want->root || !want->root->barrier_id)
		return false;
	return policy_id != found->policy_id && policy_id != want->root->barrier_id;
}

static int look_attached(struct call *c, const struct account *want, struct found *found, struct rights *r, struct err *e)
{
	struct attached *list;
	size_t count;
	int rc = user_need(c, want, found, e);
	if (!rc)
		rc = attached_list(c, want, found->uin, &list, &count, e);
	if (rc)
		return rc == ERR_ABSENT || rc == ERR_FOREIGN ? 0 : rc;
	r->attached = !r->own && attached_has(list, count, found->policy_id);
	r->policies = arena_alloc(c->arena, (count + 1) * sizeof(*r->policies));
	for (size_t i = 0; i < count; i++)
		if (by_hand(want, found, list[i].id))
			r->policies[r->policy_count++] = list[i];
	return groups_list(c, want, found->uin, &r->groups, &r->group_count, e);
}

static int look(struct call *c, const struct account *want, struct found *found, struct rights *r, struct err *e)
{
	r->own = find(c, want, found, &r->document, &r->why);
	if (!r->own || r->own == ERR_ABSENT || r->own == ERR_FOREIGN)
		return look_attached(c, want, found, r, e);
	*e = r->why;
	return r->own;
}

/* Only beside his own policy: whoever leaves keeps nothing that gives him rights. */
static bool stays(const struct call *c, const struct rights *r)
{
	return c->settings->by_hand_kept && r->attached;
}

/* What stays is told; and whenever it is not what it was, his rights are not what was proved. */
static void leave(struct call *c, struct found *found, const struct rights *r)
{
	size_t n = 0, count = stays(c, r) ? r->policy_count + r->group_count : 0;
	const char **things = arena_alloc(c->arena, (count + 1) * sizeof(*things));
	uint64_t before = found->rights_by_hand;
	for (size_t i = 0; count && i < r->policy_count; i++)
		things[n++] = arena_printf(c->arena, "policy \"%s\" (%llu)", r->policies[i].name,
			(unsigned long long)r->policies[i].id);
	for (size_t i = 0; count && i < r->group_count; i++)
		things[n++] = arena_printf(c->arena, "group \"%s\" (%llu)", r->groups[i].name, (unsigned long long)r->groups[i].id);
	by_hand_left(c, found, "policy", things, n, &found->rights_by_hand);
	if (found->rights_by_hand != before)
		found->policy_changed_ms = clock_now(c->clock);
}

/* Policies and groups given by hand, past failures: what can go, goes. */
static int take_away(struct call *c, const struct account *want, struct found *found, const struct rights *r, struct err *e)
{
	struct err worst = { 0 };
	for (size_t i = 0; i < r->policy_count; i++) {
		const char *about = arena_printf(c->arena, "policy \"%s\", attached to \"%s\" by hand", r->policies[i].name,
			want->user_name);
		if (attached_drop(c, want, found, r->policies[i].id, about, e))
			err_worse(&worst, e);
	}
	for (size_t i = 0; i < r->group_count; i++) {
		if (group_leave(c, want, found, &r->groups[i], e))
			err_worse(&worst, e);
	}
	if (worst.kind)
		*e = worst;
	return worst.kind;
}

static int policy_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct rights r = { 0 };
	int rc = look(c, want, found, &r, e);
	if (rc)
		return rc;
	leave(c, found, &r);
	bool same = !want->policy_document || document_same(c->arena, r.document, want->policy_document);
	if (!stays(c, &r) && (r.policy_count || r.group_count))
		*out = SEEN_DRIFT;      /* also where ours is not there, or not attached: it has to go in every stage */
	else if (r.own)
		*out = r.own == ERR_ABSENT ? SEEN_NONE : SEEN_FOREIGN;
	else
		*out = !r.attached ? SEEN_LOCKED : same ? SEEN_OK : SEEN_DRIFT;
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

/* Attached is what the cloud shows, not what it answered. */
static int attach(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct attached *list;
	size_t count;
	int rc = user_need(c, want, found, e);
	if (!rc)
		rc = attached_add(c, want, found, found->policy_id, e);
	if (!rc)
		rc = attached_list(c, want, found->uin, &list, &count, e);
	if (rc)
		return err_must_exist(rc, e);
	return attached_has(list, count, found->policy_id) ? 0 : call_again(c, e, "the attachment of the policy cannot be seen yet");
}

static int policy_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct rights r = { 0 };
	if (!want->policy_document)
		return err_set(e, ERR_TEMP, "the policy cannot be written yet: the environment is not known");
	int rc = document_check(want->policy_name, want->policy_document, e);
	if (!rc)
		rc = look(c, want, found, &r, e);
	if (!rc && !c->settings->by_hand_kept)
		rc = take_away(c, want, found, &r, e);
	if (!rc && r.own == ERR_FOREIGN) {
		*e = r.why;
		return r.own;
	}
	if (!rc && (r.own || !document_same(c->arena, r.document, want->policy_document)))
		rc = write_document(c, want, found, e);
	if (!rc && !r.attached)
		return attach(c, want, found, e);
	return err_must_exist(rc, e);
}

static int policy_lock(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct rights r = { 0 };
	struct err worst = { 0 };
	int rc = look(c, want, found, &r, e);
	if (rc)
		return rc;
	if (r.attached && attached_drop(c, want, found, found->policy_id, "his own policy", e))
		err_worse(&worst, e);
	if (take_away(c, want, found, &r, e))
		err_worse(&worst, e);
	if (!worst.kind && r.own == ERR_FOREIGN)
		worst = r.why;
	if (worst.kind)
		*e = worst;
	return worst.kind;
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
