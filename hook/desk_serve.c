/* One request: read, allowed or refused, answered. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/log.h"
#include "common/secret.h"
#include "hook/desk_inside.h"

#define REQUEST_MEMORY (64u << 20)
#define ANSWER_MS 2000               /* a reader who takes no packet for this long is given up ... */
#define ANSWER_WHOLE_MS 10000        /* ... and so is one who takes longer for all of them */

/* Refusals on record: each costs a disk write, so one user gets this many an hour, and one line with the rest. */
#define REFUSALS_AN_HOUR 20
#define HOUR_MS 3600000

/* --- answering -------------------------------------------------------------------------------------------- */

static bool send_packet(int fd, const struct wire_out *o, int64_t whole_until)
{
	int64_t until = wire_now_ms() + ANSWER_MS;
	if (until > whole_until)
		until = whole_until;
	for (;;) {
		int64_t left = until - wire_now_ms();
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			return false;
		if (p.revents && wire_send(fd, o->at, wire_end(o)) == 0)
			return true;
		if (p.revents && errno != EAGAIN)
			return false;
	}
}

void desk_say(int fd, enum wire_status status, const char *text)
{
	unsigned char buffer[WIRE_TEXT_MAX + 16];
	char clean[512];
	struct wire_out o;
	AUTO_ARENA struct arena *a = arena_new(8192);
	str_copy(clean, sizeof(clean), str_printable(a, text, strlen(text)));
	wire_answer(&o, buffer, sizeof(buffer), status, false);
	wire_add_text(&o, WIRE_TEXT, *clean ? clean : wire_status_name(status));
	send_packet(fd, &o, wire_now_ms() + ANSWER_MS);
}

static void answer_body(int fd, const char *body, size_t n)
{
	AUTO_FREE unsigned char *buffer = mem_alloc(WIRE_ANSWER_MAX);
	int64_t until = wire_now_ms() + ANSWER_WHOLE_MS;
	size_t at = 0;
	do {
		struct wire_out o;
		wire_answer(&o, buffer, WIRE_ANSWER_MAX, WIRE_OK, false);
		size_t chunk = wire_room(&o) < n - at ? wire_room(&o) : n - at;
		wire_answer(&o, buffer, WIRE_ANSWER_MAX, WIRE_OK, at + chunk < n);
		wire_add(&o, WIRE_BODY, body + at, chunk);
		if (!send_packet(fd, &o, until))
			return;
		at += chunk;
	} while (at < n);
}

/* --- refusals --------------------------------------------------------------------------------------------- */

/* His record, or the slot that was quiet for longest. */
static struct refuser *refuser_of(struct desk *d, uid_t uid, int64_t now)
{
	struct refuser *r = &d->refusers[0];
	for (size_t i = 0; i < REFUSERS; i++) {
		if (d->refusers[i].since && d->refusers[i].uid == uid) {
			r = &d->refusers[i];
			break;
		}
		if (d->refusers[i].since < r->since)
			r = &d->refusers[i];
	}
	bool his = r->since && r->uid == uid;
	if (!his || now - r->since >= HOUR_MS)
		*r = (struct refuser){ .uid = uid, .since = now, .untold = his ? r->untold : 0 };
	return r;
}

/* True when this one goes on record; *before: how many did not since the last that did. */
static bool is_for_the_record(struct desk *d, uid_t uid, unsigned *before)
{
	pthread_mutex_lock(&d->lock);
	struct refuser *r = refuser_of(d, uid, wire_now_ms());
	bool tell = r->told < REFUSALS_AN_HOUR;
	*before = r->untold;
	if (tell) {
		r->told++;
		r->untold = 0;
	} else {
		r->untold++;
	}
	pthread_mutex_unlock(&d->lock);
	return tell;
}

static void on_record(struct desk *d, const char *event, const char *name, const char *what, const char *why)
{
	const struct evidence_line line = { .event = event, .login = name, .what = what, .why = why };
	struct err e;
	if (d->parts.evidence && evidence_add(d->parts.evidence, &line, &e))
		log_err(LOG_ERROR_LEVEL, "evidence", name, &e);
	log_event(LOG_WARN_LEVEL, "desk", name, "%s%s%s", what, why ? ": " : "", why ? why : "");
}

static void refuse(struct desk *d, int fd, const struct desk_request *r)
{
	unsigned before;
	const char *group = d->parts.settings->admin_group;
	if (is_for_the_record(d, r->asker->uid, &before))
		on_record(d, "refused", r->name,
			arena_printf(r->arena, "uid %u (pid %d) asked for \"%s\"", (unsigned)r->asker->uid, (int)r->asker->pid,
				r->rule->name),
			before ? arena_printf(r->arena, "not allowed; %u more were refused before", before) : "not allowed");
	/* The same words whether that person exists or not. */
	desk_say(fd, WIRE_REFUSED,
		arena_printf(r->arena, "only root%s%s may ask this; others may ask about themselves",
			group && *group ? " and members of group " : "", group ? group : ""));
}

/* --- one request ------------------------------------------------------------------------------------------ */

static enum wire_status status_of(int kind)
{
	return kind == ERR_ABSENT ? WIRE_ABSENT : kind == ERR_INPUT ? WIRE_AMBIGUOUS : WIRE_FAILED;
}

static bool start_slow(struct desk *d, bool slow)
{
	pthread_mutex_lock(&d->lock);
	bool may = !slow || !d->slow_running;
	if (slow && may)
		d->slow_running = true;
	pthread_mutex_unlock(&d->lock);
	return may;
}

static void end_slow(struct desk *d, bool slow)
{
	pthread_mutex_lock(&d->lock);
	if (slow)
		d->slow_running = false;
	pthread_mutex_unlock(&d->lock);
}

static void answer(struct desk *d, int fd, const struct desk_request *r)
{
	struct json *body = NULL;
	struct err e = { 0 };
	bool slow = desk_is_slow(r);
	if (!start_slow(d, slow)) {
		desk_say(fd, WIRE_BUSY, "something else is being looked up in the cloud: ask again");
		return;
	}
	int rc = desk_answer(r, &body, &e);
	end_slow(d, slow);
	if (rc) {
		desk_say(fd, status_of(rc), e.text);
		return;
	}
	/* Whoever takes a credential that is not his own, even a sealed one, stands in the evidence. */
	if (r->rule->action == WIRE_SEALED && r->asker->admin)
		on_record(d, "secret", r->name,
			arena_printf(r->arena, "sealed values given to uid %u (pid %d)", (unsigned)r->asker->uid,
				(int)r->asker->pid),
			NULL);
	const char *text = json_print(r->arena, body);
	size_t n = strlen(text);
	if (n <= WIRE_BODY_MAX)
		answer_body(fd, text, n);
	else
		desk_say(fd, WIRE_FAILED, "the answer is too long");
}

static void take_text(struct arena *a, const struct wire_in *in, enum wire_field field, const char **out)
{
	if (in->field[field].at)
		*out = arena_strndup(a, in->field[field].at, in->field[field].len);
}

/* A login waits for this: no disk is waited for that need not be, and no other request. */
static void answer_login(int fd, const struct desk_request *r)
{
	unsigned char packet[4096];
	struct wire_out o;
	struct err e = { 0 };
	wire_answer(&o, packet, sizeof(packet), WIRE_OK, false);
	int rc = desk_login(r, &o, &e);
	if (rc)
		desk_say(fd, status_of(rc), e.text);
	else if (!wire_end(&o))
		desk_say(fd, WIRE_FAILED, "the answer is too long");
	else
		send_packet(fd, &o, wire_now_ms() + ANSWER_MS);
	secret_wipe(packet, sizeof(packet));
}

void desk_serve(struct desk *d, int fd, const struct asker *asker, const void *packet, size_t n)
{
	AUTO_ARENA struct arena *a = arena_new(REQUEST_MEMORY);
	struct wire_in in;
	struct err e = { 0 };
	const char *why;
	bool may = asker->admin;
	enum wire_status status = wire_read_request(packet, n, &in, &why);
	if (status != WIRE_OK) {
		unsigned before;
		if (is_for_the_record(d, asker->uid, &before))
			log_event(LOG_WARN_LEVEL, "desk", NULL, "bad request of uid %u: %s", (unsigned)asker->uid, why);
		desk_say(fd, status, why);
		return;
	}
	if (asker->logins_only && (asker->uid != 0 || !(in.rule->gives & 1u << WIRE_VERDICT))) {
		desk_say(fd, WIRE_REFUSED, "here root asks about logins, and nothing else");
		return;
	}
	struct desk_request r = { .parts = &d->parts, .rule = in.rule, .asker = asker, .arena = a };
	take_text(a, &in, WIRE_NAME, &r.name);
	take_text(a, &in, WIRE_TEXT, &r.text);
	take_text(a, &in, WIRE_BODY, &r.body);
	take_text(a, &in, WIRE_SERVICE, &r.service);
	take_text(a, &in, WIRE_DELIVER, &r.deliver);
	if (!may && in.rule->who == WIRE_SELF && desk_is_self(&r, &may, &e)) {
		desk_say(fd, WIRE_FAILED, e.text);
		return;
	}
	if (!may)
		refuse(d, fd, &r);
	else if (in.rule->gives & 1u << WIRE_VERDICT)
		answer_login(fd, &r);
	else
		answer(d, fd, &r);
}
