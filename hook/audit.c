#include "hook/audit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/owned.h"
#include "policies/grant.h"
#include "policies/stage.h"

#define MEMORY (512u << 20)        /* of one audit: 20,000 sub-accounts with all they have */
#define PAGE_MEMORY (8u << 20)
#define HEALTH_MEMORY (4u << 20)
#define PAGE 200
#define FIRST_MS 60000             /* after the start, unless the directory is believed before */
#define AGAIN_MS 60000             /* it failed; or the directory was not believed */
#define BELIEF_AGAIN_MS 2000
#define WAITING_MS (5 * 60 * 1000) /* for the guard: what the cloud tells it is good for ten minutes */
#define OLDEST_MS (10 * 60 * 1000) /* a listing that was begun so long ago is begun anew */
#define SHOWN_MOST 20

struct totals {
	int64_t at_ms;
	size_t seen, differed, access, twice;
	char which[200];                   /* of those that are there twice, the first */
	struct orphan_counts orphans;
	struct strangers unmarked, others;
};

struct audit {
	const struct engine_parts *parts;
	pthread_mutex_t lock;
	bool busy, asked, again;           /* asked: now; both: also when the setting says never */
	bool unbelieved;                   /* orphans are still to be judged: as soon as the directory is believed */
	int64_t due_mono, rests_until_mono;
	struct totals last;                /* guarded, as all above */
	char trouble[200];
	/* Of whoever made it busy: */
	struct arena *arena;
	struct call call;
	struct regions regions;
	bool begun;
	int64_t began_ms, began_mono;
	size_t odd_told;
};

struct audit *audit_new(const struct engine_parts *parts)
{
	struct audit *a = mem_alloc(sizeof(*a));
	a->parts = parts;
	a->unbelieved = true;
	a->due_mono = clock_mono(parts->clock) + FIRST_MS;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	arena_free(a->arena);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* --- one account against what is listed of it ------------------------------------------------------------------------ */

struct pair { const struct found *found; const struct owned *owned; bool here; };     /* here: its region was listed */

static bool user_gone(const struct pair *p) { return p->found->uin && !p->owned->uin; }
static bool policy_gone(const struct pair *p) { return p->found->policy_id && !p->owned->policy_id; }
static bool env_gone(const struct pair *p) { return p->here && *p->found->env_id && !*p->owned->env.env_id; }
static bool server_gone(const struct pair *p) { return p->here && *p->found->server_id && !*p->owned->server.id; }
static bool console_off(const struct pair *p) { return p->owned->uin && !p->owned->console; }
static bool console_on(const struct pair *p) { return p->owned->uin && p->owned->console; }
static bool server_runs(const struct pair *p) { return str_eq(p->owned->server.state, "RUNNING"); }
static bool user_left(const struct pair *p) { return p->owned->uin != 0; }
static bool policy_left(const struct pair *p) { return p->owned->policy_id != 0; }
static bool env_left(const struct pair *p) { return str_eq(p->owned->env.status, "NORMAL"); }
static bool server_left(const struct pair *p) { return server_runs(p) || str_eq(p->owned->server.state, "STOPPED"); }

#define AT(stage) (1u << (stage))
#define OUT (AT(STAGE_SUSPENDED) | AT(STAGE_HELD))

/* What a listing can show to be otherwise than the store believes. */
static const struct difference {
	unsigned stages;
	enum row_id row;
	enum lane lane;
	bool (*differs)(const struct pair *);
	const char *what;
} differences[] = {
	{ OUT,                ROW_CONSOLE, LANE_REVOKE, console_on,  "can log in" },
	{ OUT,                ROW_SERVER,  LANE_TIDY,   server_runs, "has a server that runs" },
	{ AT(STAGE_RETIRED),  ROW_USER,    LANE_TIDY,   user_left,   "has a sub-account" },
	{ AT(STAGE_RETIRED),  ROW_POLICY,  LANE_TIDY,   policy_left, "has a policy" },
	{ AT(STAGE_RETIRED),  ROW_ENV,     LANE_TIDY,   env_left,    "has an environment" },
	{ AT(STAGE_RETIRED),  ROW_SERVER,  LANE_TIDY,   server_left, "has a server" },
	{ AT(STAGE_ACTIVE),   ROW_USER,    LANE_AUDIT,  user_gone,   "has no sub-account any more" },
	{ AT(STAGE_ACTIVE),   ROW_POLICY,  LANE_AUDIT,  policy_gone, "has no policy any more" },
	{ AT(STAGE_ACTIVE),   ROW_ENV,     LANE_AUDIT,  env_gone,    "has no environment any more" },
	{ AT(STAGE_ACTIVE),   ROW_SERVER,  LANE_AUDIT,  server_gone, "has no server any more" },
	{ AT(STAGE_ACTIVE),   ROW_CONSOLE, LANE_AUDIT,  console_off, "cannot log in" },
};

static int wake(struct audit *a, const struct store_account *acc, const struct difference *d, const struct found *f, struct err *e)
{
	int64_t now = clock_now(a->parts->clock);
	int64_t trusted_until = f->verified_ms[d->row] + a->parts->settings->life.trust_ms + 1;
	/* A cut is followed by a sweep, which trusts nothing; any other walk trusts what it saw a short while ago. */
	int64_t due = d->lane == LANE_REVOKE || trusted_until < now ? now : trusted_until;
	log_event(d->lane == LANE_AUDIT ? LOG_WARN_LEVEL : LOG_ALARM_LEVEL, "audit", acc->uuid, "generation %u is %s, and %s",
		acc->generation, stage_name((enum stage)acc->stage), d->what);
	return store_account_wake(a->parts->store, acc->id, d->lane, due, e);
}

/* Nobody works at it or will soon, and what is known of it is older than the listing. */
static bool is_settled(const struct audit *a, const struct store_account *acc)
{
	return !acc->owner && acc->complete && !acc->trouble_kind && acc->since_ms < a->began_ms &&
	       (acc->lane == LANE_AUDIT || acc->due_ms == INT64_MAX);
}

/* A rebuilt account of which several things carried the mark: when there is one of each, it is what he has.  Whoever looks
 * as if he had been out stays out. */
static int settled_by_hand(struct audit *a, int64_t account_id, const struct placement *was, const struct owned *o,
	struct arena *page, struct err *e)
{
	const struct owned_hints hints = { .name = was->user_name, .region = was->region, .root_account = was->root_account,
		.profile = was->profile, .package = was->package, .bundle = was->bundle };
	struct store_account acc;
	int rc = store_account_by_id(a->parts->store, account_id, page, &acc, e);
	if (!rc)
		rc = owned_placement(a->parts->settings, o, &hints, page, &acc.placement, e);
	if (rc)
		return rc;
	if (acc.stage == STAGE_ACTIVE && !o->console) {
		acc.stage = STAGE_HELD;
		acc.hold_reason = arena_strdup(page, "store lost: look at him, then resume");
	}
	acc.due_ms = clock_now(a->parts->clock);
	acc.lane = acc.stage == STAGE_ACTIVE ? LANE_JOIN : acc.stage == STAGE_RETIRED ? LANE_TIDY : LANE_REVOKE;
	rc = store_found_put(a->parts->store, account_id, owned_found(o, page), e);
	return rc ? rc : store_account_news(a->parts->store, &acc, e);
}

static int compare_disputed(struct audit *a, const struct store_account *acc, const struct placement *was, const struct owned *o,
	struct arena *page, struct err *e)
{
	if (!o || o->twice || acc->owner)
		return 0;
	int rc = store_begin(a->parts->store, e);
	if (rc)
		return rc;
	rc = settled_by_hand(a, acc->id, was, o, page, e);
	if (!rc)
		return store_commit(a->parts->store, e);
	store_rollback(a->parts->store);
	return rc;
}

static int compare(struct audit *a, const struct store_account *acc, const struct owned *owned, struct arena *page, struct totals *t,
	struct err *e)
{
	static const struct owned nothing = { 0 };
	struct found f = { 0 };
	struct placement place;
	struct err ignored;
	if (placement_parse(acc->placement, page, &place, &ignored) ||
		(acc->found && *acc->found && found_parse(acc->found, page, &f, &ignored)))
		return 0;                       /* a record that cannot be read is told by the walk */
	if (*f.disputed)
		return compare_disputed(a, acc, &place, owned, page, e);
	if (!is_settled(a, acc))
		return 0;
	const struct pair p = { &f, owned ? owned : &nothing, regions_has(&a->regions, place.region) };
	for (size_t i = 0; i < ARRAY_LEN(differences); i++) {
		const struct difference *d = &differences[i];
		if (!(d->stages & AT(acc->stage)) || f.verified_ms[d->row] >= a->began_ms || !d->differs(&p))
			continue;
		t->differed++;
		t->access += d->lane == LANE_REVOKE;
		return wake(a, acc, d, &f, e);
	}
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------------------------------- */

/* *known: which of what is listed has an account. */
static int compare_all(struct audit *a, const struct inventory *all, bool *known, struct totals *t, struct err *e)
{
	AUTO_ARENA struct arena *page = arena_new(PAGE_MEMORY);
	struct store_account *list;
	size_t n;
	int64_t after = 0;
	for (;;) {
		int rc = store_accounts(a->parts->store, after, PAGE, page, &list, &n, e);
		for (size_t i = 0; !rc && i < n; i++) {
			const struct owned *o = inventory_find(all, list[i].uuid, list[i].generation);
			if (o)
				known[o - all->list] = true;
			rc = compare(a, &list[i], o, page, t, e);
		}
		if (rc || n == 0)
			return rc;
		after = list[n - 1].id;
		arena_reset(page);
	}
}

static int tell_orphans(struct audit *a, const struct inventory *all, const bool *known, struct totals *t, struct err *e)
{
	const struct engine_parts *parts = a->parts;
	const struct owned **list = arena_alloc(a->arena, (all->count + 1) * sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < all->count; i++)
		if (!known[i] && !all->list[i].twice)   /* which of them may go is not for one yes to say */
			list[n++] = &all->list[i];
	return parts->orphans ? parts->orphans(parts->orphans_ctx, list, n, a->arena, &t->orphans, e) : 0;
}

/* Told when it becomes another number: nobody decides about these on a list. */
static void tell_odd(struct audit *a, const struct totals *t)
{
	size_t odd = t->twice + t->orphans.newer;
	if (odd && odd != a->odd_told && t->twice)
		log_event(LOG_ALARM_LEVEL, "audit", NULL, "%zu things are there twice: they carry the mark of another; one of them: %s",
			t->twice, t->which);
	if (odd && odd != a->odd_told && t->orphans.newer)
		log_event(LOG_ALARM_LEVEL, "audit", NULL, "the cloud has %zu accounts that are newer than what the store knows of their"
			" people: it may be an older copy, see rollcalld --rebuild", t->orphans.newer);
	a->odd_told = odd;
}

static int begin(struct audit *a, const struct call *with, struct err *e)
{
	const struct engine_parts *p = a->parts;
	char **placed;
	size_t n;
	if (!a->arena)
		a->arena = arena_new(MEMORY);
	arena_reset(a->arena);
	a->call = *with;
	a->call.arena = a->arena;
	a->call.memo = NULL;
	a->call.plan = true;                    /* looks, and changes nothing */
	a->began_ms = clock_now(p->clock);
	a->began_mono = clock_mono(p->clock);
	a->regions = regions_of(p->settings, a->arena);
	int rc = store_regions(p->store, a->arena, &placed, &n, e);
	for (size_t i = 0; !rc && i < n; i++)
		regions_add(&a->regions, placed[i]);
	a->begun = !rc;
	return rc;
}

static int compare_listed(struct audit *a, const struct inventory *all, struct totals *t, struct err *e)
{
	bool *known = arena_alloc(a->arena, all->count + 1);
	memset(known, 0, all->count + 1);
	*t = (struct totals){ .at_ms = a->began_ms, .seen = all->count, .unmarked = all->unmarked, .others = all->others };
	for (size_t i = 0; i < all->count; i++) {
		const struct owned *o = &all->list[i];
		if (o->twice && !t->twice)
			str_copy(t->which, sizeof(t->which), arena_printf(a->arena, "%s, beside %s, of %s", o->rivals,
				owned_words(o, a->arena), o->uuid));
		t->twice += o->twice;
	}
	int rc = compare_all(a, all, known, t, e);
	return rc ? rc : tell_orphans(a, all, known, t, e);
}

static int run(struct audit *a, const struct call *with, struct totals *t, struct err *e)
{
	struct inventory all;
	int rc = 0;
	if (!a->begun || clock_mono(a->parts->clock) - a->began_mono > OLDEST_MS)
		rc = begin(a, with, e);
	a->call.api = with->api;
	if (!rc)
		rc = inventory_take(&a->call, a->parts->installation, a->regions.list, a->regions.count, &all, e);
	if (rc == ERR_LIMIT || rc == ERR_WAIT)
		return rc;
	POINT("audit.listed");
	if (!rc)
		rc = compare_listed(a, &all, t, e);
	if (!rc)
		tell_odd(a, t);
	a->begun = false;
	arena_free(a->arena);
	a->arena = NULL;
	POINT("audit.done");
	return rc;
}

/* --- when ---------------------------------------------------------------------------------------------------------------- */

static bool believed(const struct audit *a)
{
	return !a->parts->believed || a->parts->believed(a->parts->orphans_ctx);
}

/* How long until the next turn; with the lock held, and nobody at it. */
static int64_t wait_of(const struct audit *a, bool sure)
{
	int64_t wait = a->due_mono - clock_mono(a->parts->clock);
	if (a->begun)
		return wait;                    /* a rate limit stopped it */
	if (a->asked)
		return 0;
	if (!a->unbelieved)
		return wait;
	int64_t rest = a->rests_until_mono - clock_mono(a->parts->clock);
	int64_t sooner = rest > 0 ? rest : sure ? 0 : BELIEF_AGAIN_MS;
	return sooner < wait ? sooner : wait;
}

static bool take_turn(struct audit *a, int64_t *next_due_ms)
{
	int64_t now = clock_now(a->parts->clock);
	bool sure = believed(a), mine = false;
	pthread_mutex_lock(&a->lock);
	if (!a->busy && (a->parts->settings->life.listing_audit_ms || a->asked || a->again)) {
		int64_t wait = wait_of(a, sure);
		mine = a->busy = wait <= 0;
		if (!mine && now + wait < *next_due_ms)
			*next_due_ms = now + wait;
	}
	pthread_mutex_unlock(&a->lock);
	return mine;
}

static void finish(struct audit *a, int rc, const struct totals *t, const struct err *e)
{
	int64_t mono = clock_mono(a->parts->clock), now = clock_now(a->parts->clock);
	pthread_mutex_lock(&a->lock);
	a->busy = false;
	a->rests_until_mono = mono + AGAIN_MS;
	if (!rc) {
		a->unbelieved = !t->orphans.believed && a->parts->orphans;
		a->asked = false;
		a->again = t->orphans.waiting;
		a->due_mono = mono + (t->orphans.waiting ? WAITING_MS : a->parts->settings->life.listing_audit_ms);
		a->last = *t;
		*a->trouble = '\0';
	} else if (rc == ERR_LIMIT || rc == ERR_WAIT) {
		a->due_mono = mono + (e->due_ms > now ? e->due_ms - now : 1);
	} else {
		a->asked = a->unbelieved = false;       /* or it would be tried again and again */
		a->due_mono = mono + AGAIN_MS;
		str_copy(a->trouble, sizeof(a->trouble), e->text);
	}
	pthread_mutex_unlock(&a->lock);
}

int audit_step(struct audit *a, const struct call *with, int64_t *next_due_ms, struct err *failed)
{
	struct totals t = { 0 };
	failed->kind = 0;
	if (!take_turn(a, next_due_ms))
		return 0;
	int rc = run(a, with, &t, failed);
	finish(a, rc, &t, failed);
	if (rc == ERR_LIMIT || rc == ERR_WAIT || !rc)
		failed->kind = 0;
	if (rc == ERR_LIMIT || rc == ERR_WAIT) {
		*next_due_ms = failed->due_ms < *next_due_ms ? failed->due_ms : *next_due_ms;
		return 0;
	}
	return 1;
}

void audit_now(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->asked = true;
	pthread_mutex_unlock(&a->lock);
}

/* --- for status ------------------------------------------------------------------------------------------------------------ */

static void put_count(struct json *o, const char *name, size_t n)
{
	if (n)
		json_put_int(o, name, (int64_t)n);
}

static void put_strangers(struct json *o, const char *name, const struct strangers *s, struct arena *a)
{
	if (s->users + s->policies + s->envs + s->servers)
		json_put_text(o, name, arena_printf(a, "%zu sub-accounts, %zu policies, %zu environments, %zu servers", s->users,
			s->policies, s->envs, s->servers));
}

static int put_orphans(struct audit *a, struct json *o, struct arena *arena, struct json *into)
{
	AUTO_ARENA struct arena *rows_memory = arena_new(SIZE_MAX);
	struct store_frozen *rows;
	struct json *lines = json_array(arena);
	size_t n, orphans = 0;
	struct err e;
	int rc = store_frozen_list(a->parts->store, rows_memory, &rows, &n, &e);
	for (size_t i = 0; !rc && i < n; i++) {
		if (rows[i].kind != FROZEN_ORPHAN && rows[i].kind != FROZEN_UNNAMED)
			continue;
		if (orphans++ < SHOWN_MOST)
			json_push_text(lines, arena_printf(arena, "%s: %s", rows[i].uuid, rows[i].why ? rows[i].why : ""));
	}
	put_count(o, "orphans", orphans);
	if (orphans)
		json_put(into, "orphans", lines);
	return rc;
}

void audit_health(struct audit *a, struct arena *arena, struct json *into)
{
	struct json *o = json_object(arena);
	char when[TIME_TEXT];
	pthread_mutex_lock(&a->lock);
	const struct totals t = a->last;
	if (*a->trouble)
		json_put_text(o, "trouble", a->trouble);
	pthread_mutex_unlock(&a->lock);
	if (!a->parts->settings->life.listing_audit_ms && !t.at_ms)
		return;
	if (t.at_ms)
		str_time(t.at_ms, when);
	json_put_text(o, "at", t.at_ms ? when : "not yet");
	if (t.at_ms)
		json_put_int(o, "seen", (int64_t)t.seen);
	put_count(o, "differed", t.differed);
	put_count(o, "access", t.access);
	put_count(o, "newer", t.orphans.newer);
	put_count(o, "twice", t.twice);
	put_strangers(o, "unmarked", &t.unmarked, arena);
	put_strangers(o, "other_installations", &t.others, arena);
	(void)put_orphans(a, o, arena, into);
	json_put(into, "audit", o);
}
