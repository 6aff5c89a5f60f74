#include "hook/guard.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/failpoint.h"

#define DAY_MS INT64_C(86400000)
#define LOOK_AGAIN_MS 60000        /* the cloud did not answer */
#define LOOKS 256
#define WHY 200
#define SHOWN_MOST 50

enum state { FREE, ASKED, READING, GONE, STAYS };
struct look { char uuid[UUID_TEXT]; enum state state; int64_t mono; char why[WHY]; };

struct guard {
	const struct settings *settings;
	struct store *store;
	const struct clock *clock;
	pthread_mutex_t lock;              /* guards all below */
	int64_t apart;                     /* wall clock minus the one that nobody can set */
	int64_t closed_until;              /* mono; after a jump */
	int64_t jumped_by, jumped_at;      /* the last one, and the wall clock after it */
	int64_t back_ms;                   /* how far it was set back, until the store knows */
	int64_t began_mono, jumped_mono;
	bool has_jumped, untold;
	int64_t cloud_ms, cloud_mono;      /* the last Date, and when it came */
	bool cloud_known, cap_known;
	int64_t left, cap_mono, cap_at;    /* the last cap; cap_at: by the wall clock */
	bool wanted, answered;
	int64_t look_again;                /* mono */
	struct look looks[LOOKS];
};

/* --- the clocks ------------------------------------------------------------------------------------------------- */

static void jumped(struct guard *g, int64_t by)
{
	g->jumped_by = by;
	g->back_ms += by < 0 ? -by : 0;
	g->jumped_at = clock_now(g->clock);
	g->jumped_mono = clock_mono(g->clock);
	g->has_jumped = true;
	g->closed_until = g->jumped_mono + GUARD_JUMP_MS;
	g->untold = true;
}

static void compare(struct guard *g)
{
	int64_t apart = clock_now(g->clock) - clock_mono(g->clock), by = apart - g->apart;
	g->apart = apart;
	if (llabs(by) > GUARD_STEP_MS)
		jumped(g, by);
}

struct guard *guard_new(const struct settings *settings, struct store *store, const struct clock *clock)
{
	struct guard *g = mem_alloc(sizeof(*g));
	int64_t newest = 0, now = clock_now(clock);
	struct err e;
	g->settings = settings;
	g->store = store;
	g->clock = clock;
	g->began_mono = clock_mono(clock);
	g->apart = now - g->began_mono;
	pthread_mutex_init(&g->lock, NULL);
	/* A store that cannot be read says nothing of the time: closed as well. */
	if (store_newest(store, &newest, &e) || newest > now + GUARD_STEP_MS)
		jumped(g, newest ? now - newest : 0);
	return g;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static const char *describe_jump(const struct guard *g, struct arena *a)
{
	if (!g->jumped_by)
		return "whether the wall clock has jumped cannot be told";
	return arena_printf(a, "the wall clock jumped %s by %s", g->jumped_by < 0 ? "back" : "forward",
		str_duration(a, llabs(g->jumped_by)));
}

bool guard_tick(struct guard *g, struct arena *a, const char **what)
{
	pthread_mutex_lock(&g->lock);
	compare(g);
	bool told = g->untold;
	if (told)
		*what = describe_jump(g, a);
	g->untold = false;
	pthread_mutex_unlock(&g->lock);
	return told;
}

int64_t guard_unbroken_ms(struct guard *g)
{
	pthread_mutex_lock(&g->lock);
	compare(g);
	int64_t ms = clock_mono(g->clock) - (g->has_jumped ? g->jumped_mono : g->began_mono);
	pthread_mutex_unlock(&g->lock);
	return ms;
}

int64_t guard_set_back(struct guard *g)
{
	pthread_mutex_lock(&g->lock);
	int64_t by = g->back_ms;
	pthread_mutex_unlock(&g->lock);
	return by;
}

void guard_settled(struct guard *g, int64_t by_ms)
{
	pthread_mutex_lock(&g->lock);
	g->back_ms -= by_ms;
	pthread_mutex_unlock(&g->lock);
}

void guard_cloud_time(struct guard *g, int64_t cloud_ms)
{
	pthread_mutex_lock(&g->lock);
	g->cloud_ms = cloud_ms;
	g->cloud_mono = clock_mono(g->clock);
	g->cloud_known = true;
	pthread_mutex_unlock(&g->lock);
}

void guard_destroy_cap(struct guard *g, int64_t left)
{
	pthread_mutex_lock(&g->lock);
	g->left = left;
	g->cap_mono = clock_mono(g->clock);
	g->cap_at = clock_now(g->clock);
	g->cap_known = g->answered = true;
	pthread_mutex_unlock(&g->lock);
}

bool guard_wants_look(struct guard *g)
{
	pthread_mutex_lock(&g->lock);
	int64_t mono = clock_mono(g->clock);
	bool wants = g->wanted && mono >= g->look_again;
	if (wants) {
		g->wanted = false;
		g->look_again = mono + LOOK_AGAIN_MS;
	}
	pthread_mutex_unlock(&g->lock);
	return wants;
}

bool guard_was_answered(struct guard *g)
{
	pthread_mutex_lock(&g->lock);
	bool answered = g->answered;
	g->answered = false;
	pthread_mutex_unlock(&g->lock);
	return answered;
}

/* --- may it be: with the lock held; the texts stay the same as long as the reason does -------------------------- */

static bool sound(struct guard *g, struct arena *a, const char **why)
{
	char when[TIME_TEXT];
	int64_t mono = clock_mono(g->clock);
	*why = NULL;
	if (PLANTED("guard-off"))
		return true;
	compare(g);
	/* What the cloud's clock must show by now, if ours were right: no call need be waited for. */
	int64_t skew = g->cloud_ms + (mono - g->cloud_mono) - clock_now(g->clock);
	if (mono < g->closed_until) {
		str_time(g->jumped_at, when);
		*why = arena_printf(a, "%s at %s: nothing is destroyed within the hour", describe_jump(g, a), when);
	} else if (!g->cloud_known || mono - g->cloud_mono > GUARD_DATE_MS) {
		*why = "the cloud's time is not known: it has not answered within the hour";
		g->wanted = true;
	} else if (llabs(skew) > GUARD_SKEW_MS) {
		*why = "the cloud's clock and this one differ by more than five minutes";
		/* Theirs may have been wrong, for one answer. */
		if (mono - g->cloud_mono > LOOK_AGAIN_MS)
			g->wanted = true;
	}
	return !*why;
}

/* The last answer, less what has begun since: those may not have got so far yet. */
static int capped(struct guard *g, const char **why, struct err *e)
{
	int64_t begun, mono = clock_mono(g->clock);
	if (!g->cap_known || mono - g->cap_mono > GUARD_CAP_MS) {
		g->wanted = true;
		*why = "how many environments the cloud lets be destroyed is not known yet";
		return 0;
	}
	if (g->left == INT64_MAX)
		return 0;
	int rc = store_acts(g->store, ACT_KIND_RETIRE, NULL, g->cap_at, &begun, NULL, e);
	if (!rc && g->left - begun <= 0)
		*why = "the cloud lets no further environment be destroyed, this month or altogether";
	return rc;
}

/* What lasts longest comes first, so that the reason that is told does not change with every refresh. */
static int let(struct guard *g, bool trusted, struct arena *a, const char **why, struct err *e)
{
	int64_t today, now = clock_now(g->clock);
	*why = NULL;
	if (PLANTED("guard-off"))
		return 0;
	int rc = store_acts(g->store, ACT_KIND_RETIRE, NULL, now - DAY_MS, &today, NULL, e);
	if (!rc && today >= g->settings->life.retirements_day)
		*why = "as many as life.retirements_per_day allows were retired within a day";
	if (!rc && !*why && sound(g, a, why))
		rc = capped(g, why, e);
	if (!rc && !*why && !trusted)
		*why = "what the directory shows is not believed at the moment";
	return rc;
}

bool guard_is_sound(struct guard *g, struct arena *a, const char **why)
{
	pthread_mutex_lock(&g->lock);
	bool yes = sound(g, a, why);
	pthread_mutex_unlock(&g->lock);
	return yes;
}

bool guard_lets_retire(struct guard *g, bool trusted, struct arena *a, const char **why)
{
	struct err e;
	pthread_mutex_lock(&g->lock);
	if (let(g, trusted, a, why, &e))
		*why = arena_strdup(a, e.text);
	pthread_mutex_unlock(&g->lock);
	return !*why;
}

/* --- the last look ------------------------------------------------------------------------------------------------ */

static bool is_over(const struct guard *g, const struct look *l)
{
	return (l->state == GONE || l->state == STAYS) && clock_mono(g->clock) - l->mono > GUARD_CONFIRMED_MS;
}

/* His place, or a free one.  NULL: all are taken, so he comes again.  Nobody is pushed out: of too many who come in turn
 * none would ever find his answer. */
static struct look *look_of(struct guard *g, const char *uuid)
{
	struct look *empty = NULL;
	for (size_t i = 0; i < LOOKS; i++) {
		struct look *l = &g->looks[i];
		if (is_over(g, l))
			l->state = FREE;
		if (l->state != FREE && !strcmp(l->uuid, uuid))
			return l;
		if (l->state == FREE && !empty)
			empty = l;
	}
	if (!empty)
		return NULL;
	*empty = (struct look){ .mono = clock_mono(g->clock) };
	str_copy(empty->uuid, sizeof(empty->uuid), uuid);
	return empty;
}

enum guard_look guard_last_look(struct guard *g, const char *uuid, struct arena *a, const char **why)
{
	enum guard_look found = GUARD_ASKED;
	pthread_mutex_lock(&g->lock);
	struct look *l = look_of(g, uuid);
	if (l && l->state == FREE) {
		l->state = ASKED;
	} else if (l && l->state == GONE) {
		found = GUARD_GONE;
	} else if (l && l->state == STAYS) {
		found = GUARD_STAYS;
		*why = arena_strdup(a, l->why);
		l->state = FREE;
	}
	pthread_mutex_unlock(&g->lock);
	return found;
}

bool guard_asked(struct guard *g, char uuid[UUID_TEXT])
{
	struct look *first = NULL;
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < LOOKS; i++)
		if (g->looks[i].state == ASKED && (!first || g->looks[i].mono < first->mono))
			first = &g->looks[i];
	if (first) {
		first->state = READING;
		str_copy(uuid, UUID_TEXT, first->uuid);
	}
	pthread_mutex_unlock(&g->lock);
	return first != NULL;
}

void guard_answer(struct guard *g, const char *uuid, const char *why)
{
	pthread_mutex_lock(&g->lock);
	struct look *l = look_of(g, uuid);
	if (l) {
		l->state = why ? STAYS : GONE;
		l->mono = clock_mono(g->clock);
		str_copy(l->why, sizeof(l->why), why ? why : "");
	}
	pthread_mutex_unlock(&g->lock);
}

/* --- for status ----------------------------------------------------------------------------------------------------- */

static void put_waiting(struct guard *g, int64_t now, struct arena *a, struct json *into)
{
	struct store_retiring *list;
	struct json *lines = json_array(a);
	char when[TIME_TEXT];
	size_t n;
	struct err e;
	if (store_retiring(g->store, now, NULL, SHOWN_MOST, a, &list, &n, &e))
		return;
	for (size_t i = 0; i < n; i++) {
		struct json *one = json_object(a);
		if (list[i].is_protected)
			continue;
		str_time(list[i].retire_after_ms, when);
		json_put_text(one, "login", list[i].login);
		json_put_text(one, "uuid", list[i].uuid);
		json_put_text(one, "retire_after", when);
		json_put_text(one, "note", list[i].note);
		json_push(lines, one);
	}
	if (json_first(lines))
		json_put(into, "retirements", lines);
}

/* Asking for status is no reason to ask the cloud. */
static const char *closed(struct guard *g, struct arena *a)
{
	const char *why = NULL;
	struct err e;
	bool wanted = g->wanted;
	if (let(g, true, a, &why, &e))
		why = arena_strdup(a, e.text);
	g->wanted = wanted;
	return why;
}

void guard_health(struct guard *g, struct arena *a, struct json *into)
{
	int64_t today = 0, waiting = 0, now = clock_now(g->clock);
	struct err e;
	if (!store_acts(g->store, ACT_KIND_RETIRE, NULL, now - DAY_MS, &today, NULL, &e))
		json_put_int(into, "retirements_today", today);
	json_put_int(into, "retirements_per_day", g->settings->life.retirements_day);
	bool known = !store_retiring_count(g->store, now, &waiting, &e);
	pthread_mutex_lock(&g->lock);
	if (g->cap_known && g->left != INT64_MAX)
		json_put_int(into, "destructions_left", g->left);
	const char *why = known && waiting ? closed(g, a) : NULL;
	pthread_mutex_unlock(&g->lock);
	if (!known || !waiting)
		return;
	json_put_int(into, "retirements_waiting", waiting);
	json_put_text(into, "retirements_closed", why);
	put_waiting(g, now, a, into);
}
