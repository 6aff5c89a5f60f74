#include "hook/dormant.h"

#include <pthread.h>
#include <stdlib.h>

#include "cloud/rights.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "policies/dormant.h"
#include "policies/stage.h"

#define FIRST_MS (5 * 60 * 1000)   /* after the start */
#define AGAIN_MS (60 * 60 * 1000)  /* it failed */
#define PAGE (KEYS_ASKED / 2)      /* accounts: each has two keys at most */
#define PARKS_MOST 2000

struct dormant {
	const struct engine_parts *parts;
	pthread_mutex_t lock;
	bool busy;
	int64_t due_mono;
	int64_t after_id;          /* of whoever made it busy: so far it has come */
};

struct dormant *dormant_new(const struct engine_parts *parts)
{
	struct dormant *d = mem_alloc(sizeof(*d));
	d->parts = parts;
	d->due_mono = clock_mono(parts->clock) + FIRST_MS;
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void dormant_free(struct dormant *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

/* The keys of one person, in a question that is put together. */
struct watched { int64_t account_id, proof_ms; size_t first, keys; };
struct question { const char *ids[KEYS_ASKED]; struct watched people[PAGE]; size_t keys, count; };

static void add(struct question *q, const struct store_account *acc, struct arena *a)
{
	struct err ignored;
	struct found *f = arena_alloc(a, sizeof(*f));
	/* A record that cannot be read is told by the walk. */
	if (acc->stage != STAGE_ACTIVE || !acc->found || found_parse(acc->found, a, f, &ignored) || !*f->key_id)
		return;
	struct watched *w = &q->people[q->count++];
	*w = (struct watched){ .account_id = acc->id, .proof_ms = f->proof_ms, .first = q->keys };
	q->ids[q->keys++] = f->key_id;
	if (*f->old_key_id)
		q->ids[q->keys++] = f->old_key_id;
	w->keys = q->keys - w->first;
}

/* told: of all keys of the question. */
static int remember(struct dormant *d, const struct watched *p, const int64_t *told, int64_t now, struct err *e)
{
	struct store_watch known;
	int rc = store_watch_get(d->parts->store, p->account_id, &known, e);
	struct watch w = { known.since_ms, known.used_ms, known.asked_ms, { known.own_ms, known.own_before_ms } };
	if (rc || !dormant_heard(&w, &told[2 * p->first], 2 * p->keys, p->proof_ms, now))
		return rc;
	known = (struct store_watch){ w.since_ms, w.used_ms, w.asked_ms, w.own_ms[0], w.own_ms[1] };
	return store_watch_put(d->parts->store, p->account_id, &known, e);
}

static int ask(struct dormant *d, struct call *c, const struct question *q, struct err *e)
{
	int64_t told[2 * KEYS_ASKED];
	int rc = keys_last_used(c, q->ids, q->keys, told, e);
	for (size_t i = 0; !rc && i < q->count; i++)
		rc = remember(d, &q->people[i], told, clock_now(c->clock), e);
	return rc;
}

/* The next few who have a key.  *last: there is nobody else. */
static int ask_some(struct dormant *d, struct call *c, bool *last, struct err *e)
{
	struct question q = { 0 };
	int64_t after = d->after_id;
	do {
		struct store_account *list;
		size_t n;
		int rc = store_accounts(d->parts->store, after, PAGE - q.count, c->arena, &list, &n, e);
		if (rc)
			return rc;
		for (size_t i = 0; i < n; i++)
			add(&q, &list[i], c->arena);
		*last = n == 0;
		after = n ? list[n - 1].id : after;
	} while (!*last && q.count < PAGE);
	int rc = q.count ? ask(d, c, &q, e) : 0;
	/* A key that the cloud does not want to hear of keeps nobody else from being asked about. */
	bool skip = rc == ERR_PERM || rc == ERR_INPUT || rc == ERR_ABSENT;
	if (skip)
		log_err(LOG_WARN_LEVEL, "dormant", NULL, e);
	if (!rc || skip)
		d->after_id = after;
	return skip ? 0 : rc;
}

/* --- parking ----------------------------------------------------------------------------------------------------- */

static int park(struct dormant *d, struct arena *a, struct err *e)
{
	const struct settings *s = d->parts->settings;
	struct store_idle *list;
	size_t n;
	int64_t total, now = clock_now(d->parts->clock);
	int rc = store_idle(d->parts->store, now - s->life.dormant_ms, now - DORMANT_GAP_MS, PARKS_MOST, a, &list, &n, &total, e);
	for (size_t i = 0; !rc && i < n && d->parts->park; i++) {
		const struct profile_settings *p = settings_profile(s, list[i].profile);
		bool parked;
		if (p && p->park && !list[i].is_protected)
			rc = d->parts->park(d->parts->park_ctx, list[i].uuid, a, &parked, e);
	}
	return rc;
}

/* --- when -------------------------------------------------------------------------------------------------------- */

static bool take_turn(struct dormant *d, int64_t *next_due_ms)
{
	bool mine = false;
	pthread_mutex_lock(&d->lock);
	if (!d->busy && d->parts->settings->life.dormant_ms) {
		int64_t wait = d->due_mono - clock_mono(d->parts->clock), due = clock_now(d->parts->clock) + wait;
		mine = d->busy = wait <= 0;
		if (!mine && due < *next_due_ms)
			*next_due_ms = due;
	}
	pthread_mutex_unlock(&d->lock);
	return mine;
}

static void finish(struct dormant *d, int64_t wait_ms)
{
	pthread_mutex_lock(&d->lock);
	d->busy = false;
	d->due_mono = clock_mono(d->parts->clock) + wait_ms;
	pthread_mutex_unlock(&d->lock);
}

int dormant_step(struct dormant *d, const struct call *with, int64_t *next_due_ms, struct err *failed)
{
	struct call c = *with;
	bool last = false;
	failed->kind = 0;
	if (!take_turn(d, next_due_ms))
		return 0;
	int rc = ask_some(d, &c, &last, failed);
	if (!rc && last) {
		d->after_id = 0;
		rc = park(d, c.arena, failed);
		POINT("dormant.done");
	}
	int64_t rest = failed->due_ms - clock_now(d->parts->clock);
	if (rc == ERR_LIMIT || rc == ERR_WAIT) {
		finish(d, rest > 1 ? rest : 1);
		*next_due_ms = failed->due_ms < *next_due_ms ? failed->due_ms : *next_due_ms;
		failed->kind = 0;
		return 0;
	}
	finish(d, rc ? AGAIN_MS : last ? DORMANT_DAY_MS : 0);
	if (!rc)
		failed->kind = 0;
	return 1;
}
