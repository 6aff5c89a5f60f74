/* Somebody logged in on this machine: remembered; where his profile waits for it, the beginning of his onboarding; and the end
 * of a hold that his idle key had put upon him. */
#include "common/log.h"
#include "hook/roll_inside.h"
#include "policies/dormant.h"

static int logged_in(struct roll *r, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	struct store_person p;
	struct store_account acc = { .stage = STAGE_NONE };
	struct roll_moved moved = { 0 };
	struct hearing heard = { 0 };
	int rc = store_login_put(r->store, uuid, clock_now(r->clock), e);
	if (!rc)
		rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc;
	rc = p.generation ? store_account_get(r->store, uuid, 0, a, &acc, e) : 0;
	bool waits = acc.stage == STAGE_NONE || acc.stage == STAGE_DUE || acc.stage == STAGE_RETIRED;
	/* Not by what was last heard of a directory that is in doubt, nor of somebody who is being cut. */
	heard.release = acc.stage == STAGE_HELD && dormant_is_hold(acc.hold_reason) && atomic_load(&r->doubt) == DOUBT_NONE &&
		!engine_struck(r->engine, uuid);
	if (rc || !(waits || heard.release) || p.signal != SIGNAL_ENTITLED)
		return rc;
	rc = roll_apply(r, &p, &heard, a, &moved, e);
	if (rc || !moved.generation)
		return rc;
	if (heard.release)
		roll_say(r, &p, acc.generation, "hold", arena_printf(a, "let go by his login, told by %s: %s", by, moved.what),
			acc.hold_reason, NULL);
	log_event(LOG_INFO_LEVEL, "roll", p.login, "%s, told by %s: %s", heard.release ? "back by a login" : "first login", by,
		moved.what);
	return 0;
}

int roll_logged_in(struct roll *r, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = logged_in(r, uuid, by, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}
