/* The world of a story: the emulator's core, a model of a directory, the clock and the script. */
#include "tests/story/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/state.h"
#include "ldap/source.h"

#define START_MS 1767225600000LL        /* 2026-01-01T00:00:00Z */
#define SCRIPT_ACTIONS 16

uint32_t world_dice(struct world *w, uint32_t sides)
{
	uint32_t r;
	clock_random(&w->random, &r, sizeof(r));
	return r % sides;
}

static void say(const struct world *w, const char *what, const struct model_person *p)
{
	char when[TIME_TEXT];
	str_time(w->shared->now_ms, when);
	if (w->verbose)
		fprintf(stderr, "%s world: %s %s\n", when, what, p ? p->login : "");
}

/* --- faults ---------------------------------------------------------------------------------------------------- */

static void misbehave(struct world *w)
{
	static const char *const kinds[] = { "error", "throttle", "http500", "cut_before", "cut_after", "hang", "stale", "garbage" };
	struct arena *a = arena_new(1 << 16);
	struct json *script = json_object(a), *rules = json_array(a), *switches = json_object(a);
	struct err e;
	size_t n = world_dice(w, 4);
	for (size_t i = 0; i < n; i++) {
		struct json *rule = json_object(a);
		const char *kind = kinds[world_dice(w, ARRAY_LEN(kinds))];
		json_put_text(rule, "action", "*");
		json_put_text(rule, "kind", kind);
		if (!strcmp(kind, "error"))
			json_put_text(rule, "code", world_dice(w, 2) ? "InternalError" : "ResourceUnavailable");
		json_put_int(rule, "every", 5 + world_dice(w, 40));
		json_push(rules, rule);
	}
	json_put(script, "rules", rules);
	json_put_int(switches, "refund_days", w->refund_days);
	json_put_bool(switches, "isolated_envs_listed", world_dice(w, 2));
	json_put_bool(switches, "delete_active_key_refused", world_dice(w, 2));
	json_put_bool(switches, "delete_attached_policy_refused", world_dice(w, 2));
	json_put_bool(switches, "detach_missing_is_error", world_dice(w, 2));
	json_put(script, "switches", switches);
	char *text = json_print(a, script);
	if (emulator_faults(w->emulator, text, strlen(text), &e)) {
		fprintf(stderr, "story: fault script refused: %s\n", e.text);
		exit(2);
	}
	arena_free(a);
}

void world_calm(struct world *w)
{
	struct err e;
	char none[80];
	snprintf(none, sizeof(none), "{\"switches\":{\"refund_days\":%d},\"rules\":[]}", w->refund_days);
	w->faults = false;
	if (emulator_faults(w->emulator, none, strlen(none), &e)) {
		fprintf(stderr, "story: %s\n", e.text);
		exit(2);
	}
}

void world_open(struct world *w, uint64_t seed, struct shared *shared, bool verbose)
{
	struct err e;
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->shared = shared;
	w->verbose = verbose;
	w->random = clock_virtual(&w->random_state, 0, seed);
	w->script_left = SCRIPT_ACTIONS;
	w->faults = true;
	shared->now_ms = START_MS + (int64_t)world_dice(w, 86400000);
	AUTO_SECRET struct secret *secret = secret_text("root-secret-key-of-the-story");
	const struct emulator_options options = { .secret_id = "AKIDstoryroot",
		.secret_key = secret,
		.limits = world_dice(w, 4) ? EMULATOR_LIMITS_OFF : EMULATOR_LIMITS_DOCUMENTED,
		.limit_factor = 1,
		.policy_cache_ms = 60000,
		.build_ms = 10000 + world_dice(w, 60000),
		.quota_factor = 1,
		.seed = seed };
	if (emulator_new(&options, &w->emulator, &e)) {
		fprintf(stderr, "story: %s\n", e.text);
		exit(2);
	}
	w->refund_days = world_dice(w, 5) ? 1000 : 5;
	misbehave(w);
}

void world_close(struct world *w)
{
	emulator_free(w->emulator);
	for (size_t i = 0; i < w->count; i++)
		free(w->people[i].shown);
}

/* --- the script ------------------------------------------------------------------------------------------------- */

static void touch(struct world *w, struct model_person *p)
{
	p->version++;
	p->csn_ms = w->shared->now_ms;
	p->csn_count++;
}

static void join(struct world *w, const char *login)
{
	unsigned char uuid[16];
	struct model_person *p = &w->people[w->count];
	if (w->count == PEOPLE_MAX)
		return;
	w->count++;
	memset(p, 0, sizeof(*p));
	clock_random(&w->random, uuid, sizeof(uuid));
	str_uuid(uuid, p->uuid);
	if (login)
		str_copy(p->login, sizeof(p->login), login);
	else
		snprintf(p->login, sizeof(p->login), "user%zu", w->count);
	p->there = true;
	touch(w, p);
	say(w, "joins", p);
}

static void leave(struct world *w, struct model_person *p, bool deleted)
{
	p->ever_left = true;
	p->left_ms = w->shared->now_ms;
	if (deleted)
		p->there = false;
	else
		p->disabled = true;
	touch(w, p);
	say(w, deleted ? "is deleted" : "is disabled", p);
}

void world_act(struct world *w)
{
	if (w->script_left <= 0)
		return;
	w->script_left--;
	if (w->count < 2) {
		join(w, NULL);
		return;
	}
	/* The first one stays: a directory that names nobody at all is not believed. */
	struct model_person *p = &w->people[1 + world_dice(w, (uint32_t)w->count - 1)];
	switch (world_dice(w, 10)) {
	case 0: case 1: case 2:
		join(w, NULL);
		break;
	case 3: case 4:
		if (p->there && !p->disabled)
			leave(w, p, false);
		break;
	case 5:
		if (p->there)
			leave(w, p, true);
		break;
	case 6: case 7:
		if (p->there && p->disabled) {
			p->disabled = false;
			touch(w, p);
			say(w, "is back", p);
		}
		break;
	case 8:
		if (!p->there)
			join(w, p->login);           /* the same name, another person */
		else if (!strchr(p->login, '.')) {
			strncat(p->login, ".renamed", sizeof(p->login) - strlen(p->login) - 1);
			touch(w, p);
			say(w, "is renamed", p);
		}
		break;
	default:
		w->connected = false;
		say(w, "the directory connection breaks", NULL);
		if (w->faults)
			misbehave(w);
		break;
	}
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static struct json *entry_json(struct arena *a, const struct model_person *p)
{
	char stamp[TIME_TEXT];
	struct json *o = json_object(a), *attrs = json_object(a);
	json_put_text(o, "uuid", p->uuid);
	json_put_text(o, "dn", arena_printf(a, "uid=%s,dc=example,dc=org", p->login));
	json_put_text(attrs, "objectClass", "inetOrgPerson");
	json_put_text(attrs, "uid", p->login);
	json_put_text(attrs, "displayName", p->login);
	json_put_text(attrs, "employeeType", p->disabled ? "disabled" : "active");
	str_time_ldap(p->csn_ms, stamp);
	stamp[strlen(stamp) - 1] = '\0';
	json_put_text(attrs, "entryCSN", arena_printf(a, "%s.%06uZ#000000#001#000000", stamp, p->csn_count));
	json_put(o, "attrs", attrs);
	return o;
}

static struct json *next_event(struct world *w, struct arena *a)
{
	struct json *o = json_object(a);
	if (!w->connected) {
		w->connected = true;
		w->refreshed = false;
		for (size_t i = 0; i < w->count; i++)
			w->people[i].sent = 0;
		json_put_int(o, "kind", SOURCE_STARTED);
		return o;
	}
	if (!w->refreshed && w->faults && world_dice(w, 30) == 0) {
		w->connected = false;
		json_put_int(o, "kind", SOURCE_LOST);
		return o;
	}
	for (size_t i = 0; i < w->count; i++) {
		struct model_person *p = &w->people[i];
		if (p->sent == p->version || (!p->sent && !p->there))
			continue;
		p->sent = p->version;
		if (p->there)
			o = entry_json(a, p);
		json_put_int(o, "kind", p->there ? SOURCE_ENTRY : SOURCE_GONE);
		json_put_text(o, "uuid", p->uuid);
		return o;
	}
	json_put_int(o, "kind", w->refreshed ? SOURCE_IDLE : SOURCE_REFRESHED);
	w->refreshed = true;
	return o;
}

static struct model_person *by_uuid(struct world *w, const char *uuid)
{
	for (size_t i = 0; i < w->count; i++)
		if (!strncmp(w->people[i].uuid, uuid, UUID_TEXT - 1))
			return &w->people[i];
	return NULL;
}

static struct json *answer_reread(struct world *w, const char *uuid, struct arena *a)
{
	struct model_person *p = by_uuid(w, uuid);
	struct json *o = json_object(a);
	if (w->faults && world_dice(w, 10) == 0)
		json_put_bool(o, "fails", true);
	else if (p && p->there)
		return entry_json(a, p);
	return o;
}

static struct json *answer_deliver(struct world *w, const char *body, struct arena *a)
{
	struct model_person *p = by_uuid(w, body);
	struct json *o = json_object(a);
	if (w->faults && world_dice(w, 10) == 0) {
		json_put_bool(o, "fails", true);
	} else if (!p || !p->there) {
		json_put_bool(o, "absent", true);
	} else {
		free(p->shown);
		p->shown = mem_strdup(body + UUID_TEXT);
	}
	return o;
}

/* Whose order was it?  The mark is in the request's tags. */
static void remember_order(struct world *w, const struct emulator_request *rq)
{
	struct paid *p = &w->paid[w->paid_count];
	const char *mark = memmem(rq->body, rq->body_len, "rollcall:", 9);
	if (w->paid_count == ARRAY_LEN(w->paid))
		return;
	for (size_t i = 0; i < rq->header_count; i++)
		if (str_ieq(rq->headers[i].name, "x-tc-action"))
			str_copy(p->action, sizeof(p->action), rq->headers[i].value);
	if (strcmp(p->action, "CreateEnv") != 0 && strcmp(p->action, "CreateInstances") != 0)
		return;
	if (mark)
		snprintf(p->mark, sizeof(p->mark), "%.*s", (int)strcspn(mark, "\""), mark);
	w->paid_count++;
}

static void end_of_faults(struct world *w)
{
	world_calm(w);
	w->end_ms = w->shared->now_ms + GRACE_MS + (w->refund_days > 30 ? 1 : 45) * 86400000LL;
	say(w, "faults stop", NULL);
}

static void answer_exchange(struct world *w, int fd, const char *body, size_t n, struct arena *a)
{
	struct emulator_header headers[24];
	struct emulator_request rq = { .now_ms = w->shared->now_ms, .method = "POST", .path = "/", .query = "", .headers = headers };
	struct emulator_reply reply = { 0 };
	char *text = arena_strndup(a, body, n), *end = strstr(text, "\n\n"), *line = text;
	rq.body = body + (end - text) + 2;
	rq.body_len = n - (size_t)(end - text) - 2;
	*end = '\0';
	while (line && *line && rq.header_count < ARRAY_LEN(headers)) {
		char *next = strchr(line, '\n'), *colon = strchr(line, ':');
		if (next)
			*next++ = '\0';
		if (colon) {
			*colon++ = '\0';
			while (*colon == ' ')
				colon++;
			headers[rq.header_count++] = (struct emulator_header){ line, colon };
		}
		line = next;
	}
	/* While a call is on its way the directory may change. */
	if (w->script_left && world_dice(w, 60) == 0)
		world_act(w);
	/* A fault that hits the same call of every attempt would keep the child from ever being idle. */
	if (!w->script_left && w->faults && world_dice(w, 200) == 0)
		end_of_faults(w);
	size_t orders = w->emulator->orders.count;
	emulator_handle(w->emulator, &rq, a, &reply);
	if (w->emulator->orders.count > orders)
		remember_order(w, &rq);
	w->exchanges++;
	w->shared->now_ms += reply.delay_ms;
	if (reply.cut != EMULATOR_ANSWER) {
		frame_send(fd, reply.cut == EMULATOR_HANG ? 'H' : 'C', NULL, 0);
		return;
	}
	char *out = arena_alloc(a, reply.body_len + 12);
	memcpy(out, &reply.date_ms, 8);
	memcpy(out + 8, &reply.status, 4);
	memcpy(out + 12, reply.body, reply.body_len);
	frame_send(fd, 'A', out, reply.body_len + 12);
}

/* Nothing is due before `until`: the script goes on, or time does. */
static bool answer_idle(struct world *w, int fd, int64_t until)
{
	int64_t *now = &w->shared->now_ms;
	if (w->script_left && world_dice(w, 3) == 0) {
		*now += (int64_t)world_dice(w, 20000);
		world_act(w);
	} else if (w->script_left && world_dice(w, 20) == 0) {
		*now += (int64_t)world_dice(w, 3 * 86400000u);
	} else {
		*now = until > *now ? until : *now + 1;
	}
	if (!w->script_left && w->faults)
		end_of_faults(w);
	bool over = !w->script_left && *now >= w->end_ms;
	frame_send(fd, over ? 'Q' : 'I', NULL, 0);
	return !over;
}

static void send_json(int fd, struct arena *a, const struct json *j)
{
	const char *text = json_print(a, j);
	frame_send(fd, 'J', text, strlen(text));
}

bool world_answer(struct world *w, int fd, char type, const char *body, size_t n, struct arena *a)
{
	int64_t until;
	switch (type) {
	case FRAME_EXCHANGE:
		answer_exchange(w, fd, body, n, a);
		return true;
	case FRAME_NEXT:
		send_json(fd, a, next_event(w, a));
		return true;
	case FRAME_REREAD:
		send_json(fd, a, answer_reread(w, body, a));
		return true;
	case FRAME_DELIVER:
		send_json(fd, a, answer_deliver(w, body, a));
		return true;
	case FRAME_IDLE:
		memcpy(&until, body, sizeof(until));
		return answer_idle(w, fd, until);
	default:
		fprintf(stderr, "story: unknown frame\n");
		exit(2);
	}
}
