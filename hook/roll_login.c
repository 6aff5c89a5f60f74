/* Somebody logged in on this machine: remembered, and where his profile waits for it, the beginning of his onboarding. */
#include "common/log.h"
#include "hook/roll_inside.h"

static int logged_in(struct roll *r, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	struct store_person p;
	struct store_account acc = { .stage = STAGE_NONE };
	struct roll_moved moved = { 0 };
	const struct hearing heard = { 0 };
	int rc = store_login_put(r->store, uuid, clock_now(r->clock), e);
	if (!rc)
		rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc;
	rc = p.generation ? store_account_get(r->store, uuid, 0, a, &acc, e) : 0;
	bool waits = acc.stage == STAGE_NONE || acc.stage == STAGE_DUE || acc.stage == STAGE_RETIRED;
	if (rc || !waits || p.signal != SIGNAL_ENTITLED)
		return rc;
	rc = roll_apply(r, &p, &heard, a, &moved, e);
	if (!rc && moved.generation)
		log_event(LOG_INFO_LEVEL, "roll", p.login, "first login, told by %s: %s", by, moved.what);
	return rc;
}

int roll_logged_in(struct roll *r, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = logged_in(r, uuid, by, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}
