/* The barrier: a shared policy that denies everything.  Access is ON when it is not attached. */
#include "cloud/drivers/driver.h"

static int barrier(const struct account *want, struct err *e)
{
	if (want->root && want->root->barrier_id)
		return 0;
	return err_set(e, ERR_TEMP, "the barrier policy is not known yet");
}

static int access_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct attached *list;
	size_t count;
	int rc = barrier(want, e);
	if (rc)
		return rc;
	rc = user_need(c, want, found, e);
	if (!rc)
		rc = attached_list(c, want, found->uin, &list, &count, e);
	if (rc)
		return seen_from(rc, out);
	*out = attached_has(list, count, want->root->barrier_id) ? SEEN_LOCKED : SEEN_OK;
	return 0;
}

static int access_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	enum seen seen = SEEN_NONE;
	int rc = access_observe(c, want, found, &seen, e);
	if (!rc && seen == SEEN_NONE)
		return err_set(e, ERR_TEMP, "there is no sub-account to open");
	if (rc || seen != SEEN_LOCKED)
		return rc;
	return attached_drop(c, want, found, want->root->barrier_id, "the barrier", e);
}

/* Whoever is gone needs no barrier. */
static int put_up(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	int rc = attached_add(c, want, found, want->root->barrier_id, e);
	return rc == ERR_ABSENT ? 0 : rc;
}

static int access_lock(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	enum seen seen = SEEN_NONE;
	int rc = access_observe(c, want, found, &seen, e);
	if (rc || seen != SEEN_OK)
		return rc;
	return put_up(c, want, found, e);
}

static int access_cut(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	if (!found->uin)
		return 0;
	int rc = barrier(want, e);
	return rc ? rc : put_up(c, want, found, e);
}

const struct driver access_driver = { .name = "access", .observe = access_observe, .ensure = access_ensure,
	.lock = access_lock, .remove = access_lock, .cut = access_cut };
