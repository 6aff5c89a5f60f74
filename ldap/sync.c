/* The source by RFC 4533: a small machine that next() turns until it yields an event or the time is up.
 *
 *     PAUSED --pause over--> CONNECTING --bound--> REFRESHING --refreshDone--> CHECKING --gate--> PERSISTING
 *        ^------- LOST -----------|--------------------|-----------------------|--------------------|
 *                                               ^------------- timer, wake(again) ------------------|
 *
 * CHECKING asks what the refresh proves (gate.h).  What the subscription says meanwhile is put aside, so that REFRESHED
 * comes before it.
 * UUIDs that the server names as gone while REFRESHING are handed on at once as GONE: slapd sends them before
 * it may still fail, so the reader acts on them only after REFRESHED. */
#include "ldap/sync.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/str.h"
#include "ldap/gate.h"
#include "ldap/sync_connect.h"
#include "ldap/sync_wire.h"

#define PAUSE_FIRST_MS 500
#define PAUSE_MOST_MS 60000
#define PAUSE_AUTH_MS 60000         /* refused credentials: repeating them may lock the account */
#define STILL_FACTOR 4              /* a refresh without one message for so many heartbeats has failed */
#define BORING_MESSAGES 256         /* handled in one turn before the time is looked at again */

enum phase { PAUSED, CONNECTING, REFRESHING, CHECKING, PERSISTING };

struct sync {
	struct source source;
	const struct dir_settings *settings;
	const struct clock *clock;
	char **attributes;
	enum phase phase;
	struct connector connector;
	struct dir *dir;
	int search, heartbeat;          /* message ids, -1 when there is none */
	size_t at;                      /* index of the URI */
	atomic_size_t server;           /* the same, for other threads */
	pthread_mutex_t lock;           /* of the next two */
	struct sync_place place;
	bool connected;
	unsigned failures;              /* since the last complete refresh */
	/* moments on the monotonic clock */
	int64_t resume;                 /* PAUSED: until when */
	int64_t heard;                  /* last message of any kind */
	int64_t progress;               /* last message of the search */
	int64_t asked;                  /* heartbeat sent */
	int64_t refreshed;              /* last complete refresh */
	BerVarray ids;                  /* what is left of a syncIdSet */
	size_t next_id;
	bool ids_gone;
	struct gate *gate;
	struct sync_held held;          /* said by the subscription while CHECKING */
	int wake_fd;
	atomic_bool again;
};

static int64_t now(const struct sync *s)
{
	return clock_mono(s->clock);
}

/* --- losing a connection -------------------------------------------------- */

static void forget_ids(struct sync *s)
{
	ber_bvarray_free(s->ids);
	s->ids = NULL;
	s->next_id = 0;
}

/* Tell other threads. */
static void publish(struct sync *s)
{
	pthread_mutex_lock(&s->lock);
	s->connected = s->dir != NULL;
	if (s->dir) {
		s->place.at = s->at;
		s->place.session++;
		str_copy(s->place.peer, sizeof(s->place.peer), dir_peer(s->dir));
	}
	pthread_mutex_unlock(&s->lock);
}

/* Whatever belongs to the running refresh. */
static void forget_refresh(struct sync *s)
{
	forget_ids(s);
	sync_held_clear(&s->held);
	gate_reset(s->gate);
}

static void drop_connection(struct sync *s)
{
	forget_refresh(s);
	if (s->dir && s->search >= 0 && dir_usable(s->dir))
		ldap_abandon_ext(s->dir->ld, s->search, NULL, NULL);
	dir_close(s->dir);
	s->dir = NULL;
	s->search = s->heartbeat = -1;
	publish(s);
}

/* Doubled for every round over all servers, and between half and the whole of that by chance, so that many
 * clients of one directory do not come back at the same moment. */
static int64_t pause_length(struct sync *s, enum err_kind kind)
{
	unsigned round = s->failures / (unsigned)s->settings->uri_count;
	int64_t most = PAUSE_FIRST_MS;
	uint32_t chance;

	while (round-- && most < PAUSE_MOST_MS)
		most *= 2;
	if (most > PAUSE_MOST_MS)
		most = PAUSE_MOST_MS;
	if (kind == ERR_AUTH || kind == ERR_PERM)
		most = PAUSE_AUTH_MS * 2;
	clock_random(s->clock, &chance, sizeof(chance));
	return most / 2 + (int64_t)(chance % (uint32_t)(most / 2 + 1));
}

/* Always true: an event came about.  A subscription that had run is first sought again where it ran; whatever
 * failed before that sends us to the next server. */
static bool lose(struct sync *s, struct source_event *ev, const struct err *why)
{
	int64_t pause = pause_length(s, why->kind);

	ev->kind = SOURCE_LOST;
	ev->server = s->settings->uris[s->at];
	ev->err = *why;
	ev->err.due_ms = clock_now(s->clock) + pause;
	if (s->phase != PERSISTING)
		s->at = (s->at + 1) % s->settings->uri_count;
	drop_connection(s);
	s->failures++;
	s->phase = PAUSED;
	s->resume = now(s) + pause;
	return true;
}

/* --- phases --------------------------------------------------------------- */

static bool begin_connect(struct sync *s, struct source_event *ev)
{
	struct err e;

	if (now(s) < s->resume)
		return false;
	atomic_store(&s->server, s->at);
	if (connector_start(&s->connector, s->at, &e))
		return lose(s, ev, &e);
	s->phase = CONNECTING;
	return false;
}

static bool begin_refresh(struct sync *s, struct source_event *ev)
{
	struct err e;

	atomic_store(&s->again, false);
	forget_refresh(s);
	if (s->search >= 0)
		ldap_abandon_ext(s->dir->ld, s->search, NULL, NULL);
	s->search = -1;
	if (sync_search(s->dir, s->settings->base, s->settings->scope_filter, s->attributes, &s->search, &e))
		return lose(s, ev, &e);
	s->phase = REFRESHING;
	s->heard = s->progress = now(s);
	ev->kind = SOURCE_STARTED;
	ev->server = s->settings->uris[s->at];
	return true;
}

static bool end_connect(struct sync *s, struct source_event *ev)
{
	struct err e = { 0 };
	int rc;

	if (!connector_done(&s->connector, &rc, &s->dir, &e))
		return false;
	if (rc)
		return lose(s, ev, &e);
	publish(s);
	return begin_refresh(s, ev);
}

/* The next UUID of a set that came in one message. */
static bool take_id(struct sync *s, struct source_event *ev)
{
	if (!s->ids || !s->ids[s->next_id].bv_val) {
		forget_ids(s);
		return false;
	}
	ev->kind = s->ids_gone ? SOURCE_GONE : SOURCE_PRESENT;
	str_uuid((const unsigned char *)s->ids[s->next_id++].bv_val, ev->uuid);
	return true;
}

/* The server has named everybody.  Does that prove that nobody else is there? */
static bool begin_check(struct sync *s, struct source_event *ev)
{
	struct err e;

	s->phase = CHECKING;
	return gate_start(s->gate, s->dir, true, &e) ? lose(s, ev, &e) : false;
}

static bool end_check(struct sync *s, struct arena *a, struct source_event *ev)
{
	s->phase = PERSISTING;
	s->refreshed = now(s);
	s->failures = 0;
	ev->kind = SOURCE_REFRESHED;
	ev->doubts = gate_doubts(s->gate, a);
	gate_reset(s->gate);
	return true;
}

static bool take_news(struct sync *s, struct sync_message *news, struct source_event *ev)
{
	static const enum source_kind kinds[] = {
		[NEWS_ENTRY] = SOURCE_ENTRY, [NEWS_PRESENT] = SOURCE_PRESENT, [NEWS_GONE] = SOURCE_GONE,
	};

	switch (news->news) {
	case NEWS_NOTHING:
		return false;
	case NEWS_IDS:
		s->ids = news->ids;
		s->next_id = 0;
		s->ids_gone = news->gone;
		return take_id(s, ev);
	case NEWS_REFRESHED:
		return s->phase == REFRESHING && begin_check(s, ev);
	case NEWS_ELSEWHERE:
		if (s->phase == REFRESHING)
			gate_elsewhere(s->gate, news->url);
		return false;
	default:
		ev->kind = kinds[news->news];
		ev->entry = news->entry;
		str_copy(ev->uuid, sizeof(ev->uuid), news->uuid);
		return true;
	}
}

/* One message: ours, the gate's or the heartbeat's answer, or a late one of an abandoned search. */
static bool take_message(struct sync *s, LDAPMessage *m, struct arena *a, struct source_event *ev)
{
	struct sync_message news;
	struct err e;
	int id = ldap_msgid(m), rc;
	int64_t deadline;
	bool done;

	s->heard = now(s);
	if (id == gate_question(s->gate, &deadline)) {
		if (gate_take(s->gate, m, &done, &e))
			return lose(s, ev, &e);
		return done && end_check(s, a, ev);
	}
	if (id == s->heartbeat && ldap_msgtype(m) == LDAP_RES_SEARCH_RESULT)
		s->heartbeat = -1;
	if (id != s->search)
		return false;
	s->progress = s->heard;
	rc = sync_decode(s->dir, m, a, &news, &e);
	if (!rc)
		return take_news(s, &news, ev);
	s->search = -1;
	if (s->phase == REFRESHING)
		err_wrap(&e, "refresh");
	return lose(s, ev, &e);
}

/* Whether the peer is alive is judged only when everything that it sent has been read. */
static bool check_life(struct sync *s, struct source_event *ev)
{
	char *no_attributes[] = { (char[]){ LDAP_NO_ATTRS }, NULL };
	const struct dir_settings *set = s->settings;
	struct err e;
	int64_t t = now(s), deadline;
	int rc;

	if (gate_question(s->gate, &deadline) >= 0 && t >= deadline) {
		s->dir->broken = true;
		err_set(&e, ERR_TEMP, "the server did not answer within %lld ms what absence proves", (long long)set->answer_ms);
		return lose(s, ev, &e);
	}
	if (s->heartbeat >= 0 && t - s->asked >= set->answer_ms && t - s->heard >= set->answer_ms) {
		s->dir->broken = true;
		err_set(&e, ERR_TEMP, "the server gave no sign of life for %lld ms", (long long)(t - s->heard));
		return lose(s, ev, &e);
	}
	if (s->phase == REFRESHING && t - s->progress >= STILL_FACTOR * set->heartbeat_ms) {
		err_set(&e, ERR_TEMP, "refresh stood still for %lld ms: look at the limits of Rollcall's account",
			(long long)(t - s->progress));
		return lose(s, ev, &e);
	}
	if (s->heartbeat >= 0 || t - s->heard < set->heartbeat_ms)
		return false;
	rc = ldap_search_ext(s->dir->ld, "", LDAP_SCOPE_BASE, "(objectClass=*)", no_attributes, 0, NULL, NULL, NULL, 1,
		&s->heartbeat);
	if (rc == LDAP_SUCCESS) {
		s->asked = t;
		return false;
	}
	s->heartbeat = -1;
	handle_fail(s->dir, rc, NULL, &e, "heartbeat");
	return lose(s, ev, &e);
}

/* A message, put aside or new.  0 = there is none, -1 = the connection is gone. */
static int next_message(struct sync *s, LDAPMessage **m)
{
	struct timeval zero = { 0 };
	int rc;

	*m = s->phase == PERSISTING ? sync_unhold(&s->held) : NULL;
	while (!*m) {
		rc = ldap_result(s->dir->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &zero, m);
		if (rc <= 0 || s->phase != CHECKING || ldap_msgid(*m) != s->search)
			return rc;
		s->heard = now(s);
		sync_hold(&s->held, *m);
		*m = NULL;
	}
	return 1;
}

/* Read what is there.  *more: it stopped before everything was read. */
static bool stream(struct sync *s, struct arena *a, struct source_event *ev, bool *more)
{
	struct err e;

	if (take_id(s, ev))
		return true;
	if (atomic_load(&s->again) || (s->phase == PERSISTING && now(s) - s->refreshed >= s->settings->refresh_ms))
		return begin_refresh(s, ev);
	for (int i = 0; i < BORING_MESSAGES; i++) {
		LDAPMessage *m;
		int rc = next_message(s, &m);
		bool event;

		if (rc < 0) {
			handle_fail(s->dir, handle_code(s->dir), NULL, &e, "subscription");
			s->dir->broken = true;
			return lose(s, ev, &e);
		}
		if (rc == 0)
			return check_life(s, ev);
		event = take_message(s, m, a, ev);
		ldap_msgfree(m);
		if (event)
			return true;
	}
	*more = true;
	return false;
}

/* --- waiting -------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the machine has something to do even if nothing comes. */
static int64_t next_moment(const struct sync *s)
{
	const struct dir_settings *set = s->settings;
	int64_t t = INT64_MAX;

	switch (s->phase) {
	case PAUSED:
		return s->resume;
	case CONNECTING:
		return t;
	case REFRESHING:
		t = s->progress + STILL_FACTOR * set->heartbeat_ms;
		break;
	case CHECKING:
		gate_question(s->gate, &t);
		break;
	case PERSISTING:
		t = s->refreshed + set->refresh_ms;
		break;
	}
	if (s->heartbeat < 0)
		return earlier(t, s->heard + set->heartbeat_ms);
	return earlier(t, (s->asked > s->heard ? s->asked : s->heard) + set->answer_ms);
}

/* True when somebody called wake(). */
static bool wait_until(struct sync *s, int64_t moment)
{
	struct pollfd fds[2] = { { .fd = s->wake_fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	int64_t left = moment - now(s);
	uint64_t n;

	if (s->phase == CONNECTING)
		fds[1].fd = s->connector.done_fd;
	else if (s->phase != PAUSED && ldap_get_option(s->dir->ld, LDAP_OPT_DESC, &fds[1].fd) != LDAP_OPT_SUCCESS)
		fds[1].fd = -1;
	poll(fds, ARRAY_LEN(fds), left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left);
	return read(s->wake_fd, &n, sizeof(n)) > 0;
}

static bool turn(struct sync *s, struct arena *a, struct source_event *ev, bool *more)
{
	switch (s->phase) {
	case PAUSED:
		return begin_connect(s, ev);
	case CONNECTING:
		return end_connect(s, ev);
	default:
		return stream(s, a, ev, more);
	}
}

static void sync_next(struct source *source, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct sync *s = source->ctx;
	int64_t deadline = now(s) + (timeout_ms > 0 ? timeout_ms : 0);

	*ev = (struct source_event){ .kind = SOURCE_IDLE };
	for (;;) {
		bool more = false;

		if (turn(s, a, ev, &more))
			return;
		if (now(s) >= deadline && timeout_ms > 0)
			return;
		if (wait_until(s, more ? 0 : earlier(deadline, next_moment(s))) || timeout_ms <= 0)
			return;
	}
}

static void sync_wake(struct source *source, bool again)
{
	struct sync *s = source->ctx;
	uint64_t one = 1;

	if (again)
		atomic_store(&s->again, true);
	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		return;    /* the counter is full: it is readable anyway */
}

static void sync_close(struct source *source)
{
	struct sync *s = source->ctx;

	connector_close(&s->connector);
	drop_connection(s);
	gate_free(s->gate);
	pthread_mutex_destroy(&s->lock);
	mem_cleanup_fd(&s->wake_fd);
	mem_cleanup_free(&s);
}

struct source *sync_source(const struct dir_settings *settings, char **attributes, const struct clock *clock)
{
	struct sync *s = mem_alloc(sizeof(*s));

	s->settings = settings;
	s->clock = clock;
	s->attributes = attributes;
	s->search = s->heartbeat = -1;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	connector_init(&s->connector, settings, clock);
	s->gate = gate_new(settings);
	pthread_mutex_init(&s->lock, NULL);
	s->source = (struct source){ s, sync_next, sync_wake, sync_close };
	return &s->source;
}

size_t sync_server(const struct source *source)
{
	const struct sync *s = source->ctx;

	return atomic_load(&s->server);
}

bool sync_where(struct source *source, struct sync_place *out)
{
	struct sync *s = source->ctx;
	bool connected;

	pthread_mutex_lock(&s->lock);
	connected = s->connected;
	if (connected)
		*out = s->place;
	pthread_mutex_unlock(&s->lock);
	return connected;
}
