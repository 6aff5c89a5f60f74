/* Holds: an alarm or an administrator takes somebody's access, and only an administrator gives it back; or his key lies idle,
 * and his next login gives it back. */
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "common/str.h"
#include "hook/roll_inside.h"
#include "policies/brake.h"
#include "policies/dormant.h"

/* It stands in the entry and, behind the owner mark, in the sub-account's remark. */
#define REASON_BYTES 160

#define FOREIGN "a probe with his key returned foreign data"

static char *fit_reason(const char *reason, struct arena *a)
{
	char cut[REASON_BYTES];
	while (*reason == ' ')
		reason++;
	str_copy(cut, sizeof(cut), str_printable(a, reason, strlen(reason)));
	size_t n = strlen(cut);
	while (n > 0 && cut[n - 1] == ' ')
		n--;
	return arena_strndup(a, cut, n);
}

/* What the machine does by itself has a limit. */
struct brake { enum act_kind kind; int64_t window_ms; bool (*lets)(int64_t done); };
static const struct brake by_alarm = { ACT_KIND_HOLD, BRAKE_HOUR_MS, brake_lets_hold };
static const struct brake by_idleness = { ACT_KIND_PARK, BRAKE_DAY_MS, dormant_lets_park };

/* Decided and written in one transaction: a worker has the account in hand while an alarm is raised.  brake: it counts
 * against it, and it may also say no (*braked); NULL: none.  Fails: ABSENT (nothing to hold, or held already), TEMP. */
static int take_hold(struct roll *r, const struct store_person *p, unsigned generation, const char *reason,
	const struct brake *brake, struct arena *a, struct roll_moved *moved, bool *braked, struct err *e)
{
	struct store_account acc;
	int64_t now = clock_now(r->clock), before = 0;
	int rc = store_account_get(r->store, p->uuid, generation, a, &acc, e);
	if (!rc && brake)
		rc = store_acts(r->store, brake->kind, NULL, now - brake->window_ms, &before, NULL, e);
	if (rc == ERR_ABSENT)
		return err_set(e, ERR_ABSENT, "\"%s\" has no account: there is nothing to hold", p->login);
	if (rc)
		return rc;
	const struct history h = roll_history(&acc);
	struct decision d = stage_hold(&h, now);
	if (!d.keep_hold)
		return err_set(e, ERR_ABSENT, "\"%s\" is %s: there is nothing to hold", p->login, stage_name(h.stage));
	/* Idleness gives way to any other reason: his next login would end it. */
	if (acc.hold_reason && (brake == &by_idleness || !dormant_is_hold(acc.hold_reason)))
		return err_set(e, ERR_ABSENT, "\"%s\" is held already: %s", p->login, acc.hold_reason);
	*braked = brake && !brake->lets(before);
	if (*braked)
		return 0;
	acc.hold_reason = arena_strdup(a, reason);
	if (d.stage != h.stage)
		roll_move(r, &acc, p, &d);
	else
		roll_look_again(r, &acc);
	moved->generation = acc.generation;
	moved->what = d.stage == h.stage ? NULL : arena_printf(a, "%s -> %s", stage_name(h.stage), stage_name(d.stage));
	moved->why = d.why;
	rc = store_account_news(r->store, &acc, e);
	return rc || !brake ? rc : store_act_add(r->store, brake->kind, p->uuid, p->branch, now, 0, e);
}

static int hold(struct roll *r, const struct store_person *p, unsigned generation, const char *reason,
	const struct brake *brake, struct arena *a, struct roll_moved *moved, bool *braked, struct err *e)
{
	int rc = store_begin(r->store, e);
	if (rc)
		return rc;
	rc = take_hold(r, p, generation, reason, brake, a, moved, braked, e);
	if (rc)
		store_rollback(r->store);
	else
		rc = store_commit(r->store, e);
	POINT("hold.kept");
	return rc;
}

/* After the transaction, and after its cause was put on record. */
static void act_on(struct roll *r, const struct store_person *p, const struct roll_moved *moved, const char *reason,
	struct arena *a)
{
	if (moved->what)
		roll_say(r, p, moved->generation, "stage", moved->what, reason, NULL);
	roll_hurry(r, p, moved->what != NULL, a);
}

/* --- by an alarm ------------------------------------------------------------------------------------------- */

static int foreign(struct roll *r, const char *uuid, unsigned generation, const char *request_id, struct arena *a, struct err *e)
{
	struct store_person p = { 0 };
	struct roll_moved moved = { 0 };
	bool braked = false, tagged = request_id && *request_id;
	char *reason = fit_reason(arena_printf(a, "proof: %s%s%s", FOREIGN, tagged ? ", request " : "", tagged ? request_id : ""), a);
	const char *follows;
	struct err why = { 0 };
	int rc = store_person_get(r->store, uuid, a, &p, &why);
	if (rc) {
		str_copy(p.uuid, sizeof(p.uuid), uuid);
		p.login = p.uuid;
	} else {
		rc = hold(r, &p, generation, reason, &by_alarm, a, &moved, &braked, &why);
	}
	/* Told in any case: whoever reads it decides what the machine may not. */
	if (rc)
		follows = rc == ERR_ABSENT ? why.text : arena_printf(a, "he could not be held: %s", why.text);
	else if (braked)
		follows = arena_printf(a, "more than %d in an hour: the probe or the cloud is wrong; nobody is held", BRAKE_HOLDS);
	else
		follows = moved.what ? "he is held" : "he will be held when he comes back";
	roll_say(r, &p, generation, "alarm", FOREIGN, follows, request_id);
	log_event(LOG_ALARM_LEVEL, "roll", p.login, "%s; %s%s%s", FOREIGN, follows, tagged ? ", request " : "", tagged ? request_id : "");
	if (!rc && !braked)
		act_on(r, &p, &moved, reason, a);
	if (!rc || rc == ERR_ABSENT)
		return 0;
	*e = why;
	return rc;
}

/* --- by idleness -------------------------------------------------------------------------------------------- */

static int park(struct roll *r, const char *uuid, struct arena *a, bool *full, struct err *e)
{
	struct store_person p;
	struct store_idle idle;
	struct roll_moved moved = { 0 };
	int64_t now = clock_now(r->clock);
	char since[TIME_TEXT];
	*full = false;
	int rc = store_idle_of(r->store, uuid, now - DORMANT_GAP_MS, a, &idle, e);
	if (!rc)
		rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (p.is_protected || idle.idle_since_ms > now - r->settings->life.dormant_ms)
		return 0;
	str_time(idle.idle_since_ms, since);
	char *reason = arena_printf(a, DORMANT_HOLD "neither his key nor a login was seen since %.10s", since);
	rc = hold(r, &p, 0, reason, &by_idleness, a, &moved, full, e);
	if (rc || *full)
		return rc == ERR_ABSENT ? 0 : rc;
	roll_say(r, &p, moved.generation, "hold", moved.why, reason, NULL);
	roll_say(r, &p, moved.generation, "stage", moved.what, reason, NULL);
	log_event(LOG_WARN_LEVEL, "roll", p.login, "%s", reason);
	/* He is no leaver: the file goes with the next sweep, and a session that he has open stays. */
	roll_hurry(r, &p, false, a);
	return 0;
}

/* --- by an administrator ------------------------------------------------------------------------------------ */

static int suspend(struct roll *r, const char *uuid, const char *reason, const char *by, struct arena *a, struct err *e)
{
	struct store_person p;
	struct roll_moved moved = { 0 };
	bool braked;
	char *fitting = fit_reason(reason, a);
	if (!*fitting)
		return err_set(e, ERR_PERM, "a reason is needed");
	if (dormant_is_hold(fitting))
		return err_set(e, ERR_PERM, "a reason that begins with \"%s\" would end with his next login: say it in other words",
			DORMANT_HOLD);
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (!rc)
		rc = hold(r, &p, 0, fitting, NULL, a, &moved, &braked, e);
	if (rc)
		return rc;
	roll_say(r, &p, moved.generation, "hold", arena_printf(a, "asked for by %s: %s", by, moved.why), fitting, NULL);
	log_event(LOG_WARN_LEVEL, "roll", p.login, "held, asked for by %s: %s", by, fitting);
	act_on(r, &p, &moved, fitting, a);
	return 0;
}

static int resume(struct roll *r, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	struct store_person p;
	struct store_account acc;
	struct roll_moved moved;
	const struct hearing heard = { .release = true };
	int rc = store_person_get(r->store, uuid, a, &p, e);
	if (rc)
		return rc;
	rc = store_account_get(r->store, uuid, 0, a, &acc, e);
	if (rc == ERR_ABSENT)
		return err_set(e, ERR_ABSENT, "\"%s\" has no account: there is nothing to let go", p.login);
	if (rc)
		return rc;
	if (acc.stage == STAGE_RETIRED)
		return err_set(e, ERR_ABSENT, "\"%s\" is retired: that account does not come back", p.login);
	if (!acc.hold_reason && acc.stage != STAGE_HELD)
		return err_set(e, ERR_ABSENT, "\"%s\" is %s and not held", p.login, stage_name((enum stage)acc.stage));
	rc = roll_apply(r, &p, &heard, a, &moved, e);
	if (rc)
		return rc;
	roll_say(r, &p, acc.generation, "hold", arena_printf(a, "let go by %s: %s (%s)", by, moved.what, moved.why),
		acc.hold_reason, NULL);
	log_event(LOG_WARN_LEVEL, "roll", p.login, "let go by %s: %s (%s)", by, moved.what, moved.why);
	return 0;
}

/* --- the public ones: one change of the roll at a time ------------------------------------------------------ */

int roll_foreign(struct roll *r, const char *uuid, unsigned generation, const char *request_id, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = foreign(r, uuid, generation, request_id, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_suspend(struct roll *r, const char *uuid, const char *reason, const char *by, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = suspend(r, uuid, reason, by, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_resume(struct roll *r, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = resume(r, uuid, by, a, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

int roll_park(struct roll *r, const char *uuid, struct arena *a, bool *full, struct err *e)
{
	pthread_mutex_lock(&r->lock);
	int rc = park(r, uuid, a, full, e);
	pthread_mutex_unlock(&r->lock);
	return rc;
}
