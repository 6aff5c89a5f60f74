/* The one row that is not in the cloud: ON = what the directory should show is in the outbox or there already.
 * The walk does not wait for the directory: an outage of it must hold up nobody's account. */
#include "hook/taken.h"

static int delivery_observe(struct call *c, const struct account *want, struct found *f, enum seen *out, struct err *e)
{
	struct taken *t = c->journal->ctx;
	(void)want;
	struct store_letter letter;
	if (c->plan) {
		int rc = store_letter_get(t->parts->store, t->account.id, c->arena, &letter, e);
		if (rc && rc != ERR_ABSENT)
			return rc;
		*out = rc ? SEEN_NONE : letter.pending ? SEEN_WAIT : SEEN_OK;
		return 0;
	}
	bool pending = false;
	int rc = post_compose(t->parts->post, &t->person, &t->account, f, c->arena, &pending, e);
	if (rc)
		return rc;
	*out = pending ? SEEN_WAIT : SEEN_OK;
	return 0;
}

static int delivery_ensure(struct call *c, const struct account *want, struct found *f, struct err *e)
{
	struct taken *t = c->journal->ctx;
	(void)want, (void)f, (void)e;
	post_wake(t->parts->post);
	return 0;
}

static int delivery_remove(struct call *c, const struct account *want, struct found *f, struct err *e)
{
	(void)c, (void)want, (void)f, (void)e;
	return 0;       /* only someone who never had anything is OFF here: there is no letter */
}

const struct driver delivery_driver = {
	.name = "delivery", .observe = delivery_observe, .ensure = delivery_ensure, .remove = delivery_remove
};
