/* Who may cost money.  A first start on a directory that has people already is a plan until it is approved; after that the
 * spending brake counts people and money, and the surplus waits for room or for an approval. */
#include <string.h>

#include "common/log.h"
#include "hook/roll_inside.h"
#include "policies/brake.h"

#define META_STARTED "started"
#define FIRST_START "first start"
#define LET_IN_EVERY_MS 1000
#define EXPIRE_EVERY_MS 60000
#define LET_IN_BATCH 100

bool roll_approved(const struct roll *r, const struct store_frozen *f)
{
	return f->state == FROZEN_APPROVED && f->decided_ms > clock_now(r->clock) - APPROVAL_MS;
}

/* --- the first start ------------------------------------------------------------------------------------------ */

int roll_start(struct roll *r, struct arena *a, const char *why, struct err *e)
{
	char *started;
	int rc = store_meta_get(r->store, META_STARTED, a, &started, e);
	if (rc || started)
		return rc;
	rc = store_meta_put(r->store, META_STARTED, why, e);
	if (rc)
		return rc;
	log_event(LOG_INFO_LEVEL, "roll", NULL, "first start: %s; from now on whoever joins passes the spending brake", why);
	roll_say(r, NULL, 0, "start", "first start", why, NULL);
	return 0;
}

int roll_started(struct roll *r, struct arena *a, bool *started, struct err *e)
{
	char *when = NULL;
	int rc = store_meta_get(r->store, META_STARTED, a, &when, e);
	if (!rc && !when && !r->asks_first) {
		rc = roll_start(r, a, "it needs no approval", e);
		when = "";
	}
	if (!rc)
		*started = when != NULL;
	return rc;
}

/* Its list was approved or rejected: either way somebody has seen it. */
static int notice_start(struct roll *r, struct arena *a, bool *started, struct err *e)
{
	struct store_frozen_sum *sums;
	size_t n;
	bool decided = false;
	int rc = roll_started(r, a, started, e);
	if (rc || *started)
		return rc;
	rc = store_frozen_sums(r->store, 0, a, &sums, &n, e);
	for (size_t i = 0; !rc && i < n; i++)
		decided |= sums[i].kind == FROZEN_JOIN && sums[i].state != FROZEN_WAITING;
	if (!rc && decided)
		rc = roll_start(r, a, "a list of it was decided upon", e);
	if (!rc)
		*started = decided;
	return rc;
}

/* --- the spending brake --------------------------------------------------------------------------------------- */

static int load_of(struct roll *r, struct spend_load *out, struct err *e)
{
	int64_t now = clock_now(r->clock), ignored;
	int rc = store_acts(r->store, ACT_KIND_JOIN, NULL, now - BRAKE_HOUR_MS, &out->people_hour, NULL, e);
	return rc ? rc : store_acts(r->store, ACT_KIND_JOIN, NULL, now - BRAKE_DAY_MS, &ignored, &out->fen_day, e);
}

static int braked(struct roll *r, const struct store_frozen *listed, struct arena *a, int64_t fen, const char **why, bool *firm,
	struct err *e)
{
	const struct settings *s = r->settings;
	const struct spend_rules rules = { .people_hour = s->life.joins_hour, .fen_day = settings_fen(s->life.money_day_yuan) };
	struct spend_load load = { .fen = fen };
	bool started;
	*why = NULL;
	int rc = roll_started(r, a, &started, e);
	if (rc)
		return rc;
	*firm = !started;
	if (!started)
		*why = FIRST_START;
	else if (listed && (listed->firm || listed->state == FROZEN_REJECTED))
		*why = listed->why;
	if (*why)
		return 0;
	rc = load_of(r, &load, e);
	if (!rc)
		brake_lets_spend(&rules, &load, why);
	return rc;
}

int roll_may_join(struct roll *r, const struct store_person *p, const struct profile_settings *profile, struct arena *a,
	struct joining *out, struct err *e)
{
	struct store_frozen row, list;
	int64_t now = clock_now(r->clock);
	const char *why;
	bool firm;
	*out = (struct joining){ .fen = settings_fen(profile->price_yuan) };
	int rc = store_frozen_get(r->store, p->uuid, FROZEN_ADOPT, a, &row, e);
	if (!rc)
		out->note = arena_strdup(a, "waits: what was made for him by hand is to be adopted; see rollcall plan");
	if (rc != ERR_ABSENT)
		return rc;
	rc = store_frozen_get(r->store, p->uuid, FROZEN_JOIN, a, &row, e);
	bool listed = rc == 0;
	if (rc && rc != ERR_ABSENT)
		return rc;
	out->approved = listed && roll_approved(r, &row);
	if (out->approved)
		return 0;
	rc = braked(r, listed ? &row : NULL, a, out->fen, &why, &firm, e);
	if (rc || !why)
		return rc;
	out->note = arena_printf(a, listed && row.state == FROZEN_REJECTED ? "waits: %s, and it was rejected; see rollcall plan"
									  : "waits: %s; see rollcall plan", why);
	if (listed)
		return 0;
	row = (struct store_frozen){ .kind = FROZEN_JOIN, .branch = p->branch, .why = arena_strdup(a, why), .fen = out->fen,
		.firm = firm };
	str_copy(row.uuid, sizeof(row.uuid), p->uuid);
	rc = store_frozen_put(r->store, &row, now, a, &list, e);
	if (!rc && list.list_ms > r->joins_told_ms) {
		r->joins_told_ms = list.list_ms;
		log_event(LOG_WARN_LEVEL, "roll", p->login, "people who would join wait: %s; see rollcall plan", why);
		roll_say(r, NULL, 0, "brake", "people who would join wait", why, NULL);
	}
	return rc;
}

int roll_drop_join(struct roll *r, const struct store_person *p, bool joins, struct arena *a, struct err *e)
{
	struct store_frozen row;
	int rc = store_frozen_get(r->store, p->uuid, FROZEN_JOIN, a, &row, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	bool stays = row.detail || row.state == FROZEN_REJECTED;
	return stays && !joins ? 0 : store_frozen_drop(r->store, p->uuid, FROZEN_JOIN, e);
}

/* --- later ---------------------------------------------------------------------------------------------------- */

/* How many of those who need room only may be tried now. */
static int room(struct roll *r, size_t *out, struct err *e)
{
	struct spend_load load;
	int64_t most = r->settings->life.joins_hour;
	int rc = load_of(r, &load, e);
	if (rc)
		return rc;
	int64_t left = most > 0 ? most - load.people_hour : LET_IN_BATCH;
	*out = left < 0 ? 0 : left > LET_IN_BATCH ? LET_IN_BATCH : (size_t)left;
	return 0;
}

static int let_in(struct roll *r, const struct store_frozen *row, struct arena *a, int *did, struct err *e)
{
	const struct hearing heard = { 0 };
	struct store_person p;
	struct roll_moved moved = { 0 };
	int rc = store_person_get(r->store, row->uuid, a, &p, e);
	if (rc == ERR_ABSENT)
		return store_frozen_drop(r->store, row->uuid, FROZEN_JOIN, e);
	if (!rc)
		rc = roll_apply(r, &p, &heard, a, &moved, e);
	if (!rc)
		*did += moved.generation != 0;
	return rc;
}

int roll_let_in(struct roll *r, struct arena *a, int *did, struct err *e)
{
	struct store_frozen *rows;
	size_t n, places = 0;
	bool started;
	int64_t mono = clock_mono(r->clock);
	if (mono < r->let_in_mono)
		return 0;
	r->let_in_mono = mono + LET_IN_EVERY_MS;
	int rc = 0;
	if (mono >= r->expire_mono) {
		r->expire_mono = mono + EXPIRE_EVERY_MS;
		rc = store_frozen_expire(r->store, clock_now(r->clock) - APPROVAL_MS, clock_now(r->clock), e);
	}
	if (!rc)
		rc = notice_start(r, a, &started, e);
	if (!rc && started)
		rc = room(r, &places, e);
	if (!rc)
		rc = store_frozen_next(r->store, FROZEN_JOIN, LET_IN_BATCH, places, a, &rows, &n, e);
	for (size_t i = 0; !rc && i < n; i++) {
		struct err one;
		if (let_in(r, &rows[i], a, did, &one))
			log_err(LOG_ERROR_LEVEL, "roll", rows[i].login, &one);     /* the others go on */
	}
	return rc;
}
