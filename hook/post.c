#include "hook/post.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "common/str.h"
#include "hook/post_inside.h"
#include "policies/stage.h"

#define LETTER_MEMORY (1u << 20)
#define STORE_RETRY_MS 5000
#define OWNER_NAME "owner_uin"       /* in the store */

/* How long one letter, or all of them, wait after the n-th failure in a row: first * 2^(n-1), at most `most`. */
struct patience { int64_t first_ms, most_ms; };
static const struct patience letter_patience = { 1000, 60000 };             /* this entry cannot be written just now */
static const struct patience refused_patience = { 15 * 60000, 6 * 3600000 };  /* a human must look */
static const struct patience outage_patience = { 1000, 60000 };             /* no server takes writes */
static const struct patience auth_patience = { 10000, 300000 };             /* do not hammer */

static uint64_t remembered_owner(const struct post_parts *parts)
{
	AUTO_ARENA struct arena *a = arena_new(4096);
	char *text = NULL;
	return store_meta_get(parts->store, OWNER_NAME, a, &text, NULL) || !text ? 0 : strtoull(text, NULL, 10);
}

struct post *post_new(const struct post_parts *parts)
{
	struct post *p = mem_alloc(sizeof(*p));
	p->parts = *parts;
	p->owner_uin = remembered_owner(parts);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake_fd < 0)
		mem_exhausted();
	return p;
}

void post_free(struct post *p)
{
	if (!p)
		return;
	close(p->wake_fd);
	free(p);
}

/* Kept over a restart: letters are composed before the cloud was asked who we are. */
void post_owner(struct post *p, uint64_t owner_uin)
{
	char text[24];
	struct err e;
	if (p->owner_uin == owner_uin)
		return;
	p->owner_uin = owner_uin;
	snprintf(text, sizeof(text), "%" PRIu64, owner_uin);
	if (store_meta_put(p->parts.store, OWNER_NAME, text, &e))
		log_err(LOG_ERROR_LEVEL, "post", "store", &e);
}

/* --- back-off --------------------------------------------------------------------------------------------- */

/* Up to a quarter is taken off, so that what failed together does not come again together. */
static int64_t back_off(const struct post *p, struct patience how, unsigned failures)
{
	uint32_t dice;
	int64_t ms = how.first_ms;
	for (unsigned i = 1; i < failures && ms < how.most_ms; i++)
		ms *= 2;
	if (ms > how.most_ms)
		ms = how.most_ms;
	clock_random(p->parts.clock, &dice, sizeof(dice));
	return ms - (int64_t)(dice % (uint32_t)(ms / 4 + 1));
}

static struct patience capped(const struct post *p, struct patience how)
{
	int64_t most = p->parts.settings->life.retry_max_ms;
	if (most > how.first_ms && most < how.most_ms)
		how.most_ms = most;
	return how;
}

/* Is it this entry, or the way to the directory? */
static bool is_outage(const struct err *e)
{
	return e->kind == ERR_AUTH || (e->kind == ERR_TEMP && !str_eq(e->code, "changed") && !str_eq(e->code, "older"));
}

static void pause_all(struct post *p, const struct err *e)
{
	struct patience how = e->kind == ERR_AUTH ? auth_patience : capped(p, outage_patience);
	p->pauses++;
	p->pause_mono = clock_mono(p->parts.clock) + back_off(p, how, p->pauses);
}

/* --- one letter ------------------------------------------------------------------------------------------- */

static void told(const char *uuid, int rc, const struct err *e)
{
	if (rc)
		log_err(LOG_ERROR_LEVEL, "post", uuid, e);
}

static void settle(struct post *p, const struct store_letter *l)
{
	struct err e;
	POINT("post.written");
	told(l->uuid, store_letter_done(p->parts.store, l->account_id, l->digest, &e), &e);
}

static bool is_out(const struct store_account *a) { return a->stage == STAGE_SUSPENDED || a->stage == STAGE_RETIRED; }

enum addressee { WRITE, SUPERSEDED, TOO_OLD };

/* Several generations of a person have a letter each, and one entry: only the newest may write there.  An entry that shows a
 * leaver as entitled by older evidence than the one that cut (a restored backup, a lost store) is not written at all: what we
 * write would make it newer than that, and him one who has come back. */
static enum addressee addressee_of(struct post *p, const struct store_letter *l, struct arena *a)
{
	struct store_person person;
	struct store_account account;
	if (store_person_get(p->parts.store, l->uuid, a, &person, NULL) ||
		store_account_by_id(p->parts.store, l->account_id, a, &account, NULL))
		return WRITE;
	if (account.generation < person.generation)
		return SUPERSEDED;
	bool in = person.signal == SIGNAL_ENTITLED || person.signal == SIGNAL_DUE;
	bool out = is_out(&account) && !PLANTED("makes-old-new");
	return in && out && account.cut_csn && !csn_newer(person.csn, account.cut_csn) ? TOO_OLD : WRITE;
}

/* The same of an entry that nobody has heard of yet: the server that takes the letter may be a copy that lags. */
static const char *oldest_for(struct post *p, const struct store_letter *l, struct arena *a)
{
	struct store_account account;
	if (store_account_by_id(p->parts.store, l->account_id, a, &account, NULL))
		return NULL;
	return is_out(&account) && !PLANTED("makes-old-new") ? account.cut_csn : NULL;
}

/* An entry that is not found may be gone, or only out of sight for a while: an access rule, a branch that is on another
 * server, a backup that is not the last one.  Only of whoever is known to have left it is the end. */
static bool has_left(struct post *p, const struct store_letter *l, struct arena *a)
{
	struct store_person person;
	struct store_account account;
	if (store_person_get(p->parts.store, l->uuid, a, &person, NULL) ||
		store_account_by_id(p->parts.store, l->account_id, a, &account, NULL))
		return false;
	return person.signal == SIGNAL_ABSENT && is_out(&account);
}

static void failed(struct post *p, const struct store_letter *l, const struct err *why)
{
	bool outage = is_outage(why);
	bool refused = why->kind != ERR_TEMP && why->kind != ERR_AUTH;
	struct patience how = refused ? refused_patience : capped(p, letter_patience);
	int64_t due = clock_now(p->parts.clock) + back_off(p, how, l->attempts + 1);
	struct err e;
	if (outage)
		pause_all(p, why);
	/* An outage is one piece of news, whoever's letter met it. */
	log_err(refused && why->kind != ERR_ABSENT ? LOG_ERROR_LEVEL : LOG_WARN_LEVEL, "post", outage ? "directory" : l->uuid, why);
	told(l->uuid, store_letter_failed(p->parts.store, l->account_id, l->digest, due, why->text, &e), &e);
}

static void try_letter(struct post *p, const struct store_letter *l, struct arena *a)
{
	struct err e = { 0 };
	bool changed = false;
	enum addressee to = addressee_of(p, l, a);
	if (to == SUPERSEDED) {
		settle(p, l);
		return;
	}
	if (to == TOO_OLD) {
		err_set(&e, ERR_PERM, "the entry shows him as entitled by older evidence than the one that cut: it is not written");
		failed(p, l, &e);
		return;
	}
	POINT("post.before");
	int rc = p->parts.deliver(p->parts.deliver_ctx, l->uuid, oldest_for(p, l, a), l->payload, a, &changed, &e);
	if (rc && (rc != ERR_ABSENT || !has_left(p, l, a))) {
		failed(p, l, &e);
		return;
	}
	p->pauses = 0;
	if (changed || rc)
		log_event(LOG_INFO_LEVEL, "post", l->uuid, rc ? "the entry is gone: nothing was written" : "entry written");
	settle(p, l);
}

static int nothing_before(struct post *p, int64_t ms, int64_t *next_due_ms)
{
	p->next_due_ms = ms;
	*next_due_ms = ms;
	return 0;
}

int post_step(struct post *p, int64_t *next_due_ms)
{
	AUTO_ARENA struct arena *a = arena_new(LETTER_MEMORY);
	struct store_letter letter;
	struct err e;
	int64_t now = clock_now(p->parts.clock), paused = p->pause_mono - clock_mono(p->parts.clock), due;
	if (p->pauses && paused > 0)
		return nothing_before(p, now + paused, next_due_ms);
	int rc = store_letter_next(p->parts.store, a, &letter, &due, &e);
	if (rc == ERR_ABSENT)
		return nothing_before(p, due, next_due_ms);
	if (rc) {
		log_err(LOG_ERROR_LEVEL, "post", "store", &e);
		return nothing_before(p, now + STORE_RETRY_MS, next_due_ms);
	}
	try_letter(p, &letter, a);
	p->next_due_ms = now;
	*next_due_ms = now;
	return 1;
}

/* --- waiting ---------------------------------------------------------------------------------------------- */

void post_wait(struct post *p, int64_t max_ms)
{
	int64_t now = clock_now(p->parts.clock);
	int64_t ms = p->next_due_ms <= now ? 0 : p->next_due_ms - now < max_ms ? p->next_due_ms - now : max_ms;
	struct pollfd wake = { .fd = p->wake_fd, .events = POLLIN };
	uint64_t count;
	if (poll(&wake, 1, ms > 3600000 ? 3600000 : (int)ms) > 0 && read(p->wake_fd, &count, sizeof(count)) < 0)
		return;
}

void post_wake(struct post *p)
{
	const uint64_t one = 1;
	/* It fails only when the counter is full, and then the thread is awake anyway. */
	if (write(p->wake_fd, &one, sizeof(one)) < 0)
		return;
}
