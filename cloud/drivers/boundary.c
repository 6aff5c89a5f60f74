/* The permissions boundary of the sub-account: a shared policy that bounds whatever else is attached. */
#include "cloud/drivers/driver.h"

static int boundary_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	const struct json *answer;
	if (!want->root || !want->root->boundary_id)
		return err_set(e, ERR_TEMP, "the boundary policy is not known yet");
	int rc = user_need(c, want, found, e);
	if (!rc) {
		struct json *p = call_arguments(c);
		json_put_uint(p, "TargetUin", found->uin);
		rc = call_do(c, want, ACT_GET_USER_PERMISSION_BOUNDARY, p, &answer, e);
	}
	if (rc)
		return seen_from(rc, out);
	uint64_t id = 0;
	if (json_uint(answer, "PolicyId", &id, NULL) || !id)
		*out = SEEN_NONE;
	else
		*out = id == want->root->boundary_id ? SEEN_OK : SEEN_DRIFT;
	return 0;
}

static int boundary_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	int rc = user_need(c, want, found, e);
	if (rc)
		return err_must_exist(rc, e);
	struct json *p = call_arguments(c);
	json_put_uint(p, "TargetUin", found->uin);
	json_put_uint(p, "PolicyId", want->root->boundary_id);
	rc = call_do(c, want, ACT_PUT_USER_PERMISSIONS_BOUNDARY, p, NULL, e);
	if (!rc)
		found->policy_changed_ms = clock_now(c->clock);
	return err_must_exist(rc, e);
}

/* It bounds what is left as long as anything is, and goes with the user. */
static int boundary_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	(void)c;
	(void)want;
	(void)found;
	(void)e;
	return 0;
}

const struct driver boundary_driver = { .name = "boundary", .observe = boundary_observe, .ensure = boundary_ensure,
	.remove = boundary_remove };
