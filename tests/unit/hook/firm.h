/* A plant with a directory: a model of who is in it, a source that tells of it, and a second opinion.  All of Rollcall but
 * its threads, in virtual time. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_FIRM_H
#define ROLLCALL_TESTS_UNIT_HOOK_FIRM_H

#include "ldap/attrs.h"
#include "plant.h"

#define DAY_MS (24 * HOUR_MS)
#define MINUTE_MS (60 * 1000LL)
#define TCB "tcb", "2018-06-08"
#define STAFF 8

struct model {
	char uuid[UUID_TEXT];
	const char *login, *type;         /* type NULL: he is not there */
	const char *hint_name, *hint;     /* one attribute of ours, as somebody wrote it into his entry */
	unsigned csn;
	bool telling;                     /* his change was not told yet */
	int64_t seen_ms;                  /* last read by reread_original */
};

struct firm {
	struct plant *p;
	struct source source;
	struct confirm confirm;
	struct model staff[STAFF];
	size_t count;
	enum { BEGINS, NAMES, STANDS, BREAKS, GONE_AWAY } phase;
	size_t at;
	struct source_doubts doubts, doubts_now;
	bool mute;                        /* no second opinion */
	bool deaf;                        /* changes are not told */
	unsigned csn;
	int64_t blind_calls;              /* destroying calls without a look at the directory just before */
};

static inline struct entry *entry_of(struct firm *f, const struct model *m, struct arena *a)
{
	struct entry *entry = arena_alloc(a, sizeof(*entry));
	const char *const all[][2] = { { "objectClass", "inetOrgPerson" }, { "uid", m->login }, { "employeeType", m->type },
		{ "entryCSN", arena_printf(a, "%04u#", m->csn) }, { m->hint_name, m->hint } };
	(void)f;
	str_copy(entry->uuid, sizeof(entry->uuid), m->uuid);
	entry->dn = arena_printf(a, "uid=%s,ou=people", m->login);
	entry->attributes = arena_alloc(a, ARRAY_LEN(all) * sizeof(*entry->attributes));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!all[i][0])
			continue;
		struct value *v = arena_alloc(a, sizeof(*v));
		*v = (struct value){ (const unsigned char *)arena_strdup(a, all[i][1]), strlen(all[i][1]) };
		entry->attributes[entry->count++] = (struct attribute){ .name = all[i][0], .count = 1, .values = v };
	}
	return entry;
}

static inline void tell_of(struct firm *f, struct model *m, struct arena *a, struct source_event *ev)
{
	m->telling = false;
	str_copy(ev->uuid, sizeof(ev->uuid), m->uuid);
	ev->kind = m->type ? SOURCE_ENTRY : SOURCE_GONE;
	ev->entry = m->type ? entry_of(f, m, a) : NULL;
}

static inline void firm_next(struct source *s, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct firm *f = s->ctx;
	(void)timeout_ms;
	ev->kind = SOURCE_IDLE;
	ev->server = "ldap://model";
	switch (f->phase) {
	case BEGINS:
		ev->kind = SOURCE_STARTED;
		f->phase = NAMES;
		f->at = 0;
		return;
	case NAMES:
		while (f->at < f->count && !f->staff[f->at].type)
			f->staff[f->at++].telling = false;
		if (f->at < f->count) {
			tell_of(f, &f->staff[f->at++], a, ev);
			return;
		}
		ev->kind = SOURCE_REFRESHED;
		ev->doubts = f->doubts;
		f->phase = STANDS;
		return;
	case STANDS:
		for (size_t i = 0; !f->deaf && i < f->count; i++)
			if (f->staff[i].telling) {
				tell_of(f, &f->staff[i], a, ev);
				return;
			}
		return;
	case BREAKS:
		ev->kind = SOURCE_LOST;
		err_set(&ev->err, ERR_TEMP, "cut");
		f->phase = GONE_AWAY;
		return;
	case GONE_AWAY:
		return;
	}
}

static inline void firm_wake(struct source *s, bool again) { (void)s, (void)again; }

static inline int firm_reread(struct confirm *c, const char *uuid, struct arena *a, enum whereabouts *where,
	const struct entry **entry, struct err *e)
{
	struct firm *f = c->ctx;
	if (f->mute)
		return err_set(e, ERR_TEMP, "no server that is no copy of another answered");
	*where = WHERE_GONE;
	for (size_t i = 0; i < f->count; i++) {
		struct model *m = &f->staff[i];
		if (strcmp(m->uuid, uuid) != 0)
			continue;
		m->seen_ms = f->p->cloud->v.now_ms;
		*where = m->type ? WHERE_INSIDE : WHERE_GONE;
		*entry = m->type ? entry_of(f, m, a) : NULL;
	}
	return 0;
}

static inline int firm_doubts(struct confirm *c, struct arena *a, struct source_doubts *out, struct err *e)
{
	struct firm *f = c->ctx;
	if (f->mute)
		return err_set(e, ERR_TEMP, "no answer");
	*out = source_doubts_copy(&f->doubts_now, a);
	return 0;
}

/* Whom the directory says something new of; csn by itself. */
static inline struct model *says(struct firm *f, const char *uuid, const char *login, const char *type)
{
	struct model *m = NULL;
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->staff[i].uuid, uuid))
			m = &f->staff[i];
	if (!m) {
		m = &f->staff[f->count++];
		str_copy(m->uuid, sizeof(m->uuid), uuid);
	}
	m->login = login;
	m->type = type;
	m->csn = ++f->csn;
	m->telling = true;
	return m;
}

static inline void begin_anew(struct firm *f) { f->phase = BEGINS; }

/* Everything that is due within this time. */
static inline void live(struct firm *f, int64_t for_ms)
{
	struct plant *p = f->p;
	int64_t until = p->cloud->v.now_ms + for_ms, due, waiting;
	while (p->cloud->v.now_ms <= until) {
		int did = feed_step(p->feed, 0);
		OK(store_retiring_count(p->store, p->cloud->v.now_ms, &waiting, &p->e));
		int64_t next = p->cloud->v.now_ms + (waiting ? MINUTE_MS : 10 * MINUTE_MS);
		for (int i = 0; i < WORKERS; i++) {
			did |= engine_step(p->workers[i], &due);
			next = due < next ? due : next;
		}
		did |= post_step(p->post, &due);
		next = due < next ? due : next;
		did |= confirm_step(p->feed);
		if (!did)
			p->cloud->v.now_ms = next > p->cloud->v.now_ms ? next : p->cloud->v.now_ms + 1;
	}
}

static inline bool destroys(const struct http_request *r)
{
	static const char *const actions[] = { "DestroyEnv", "DeleteUser", "IsolateInstances", "TerminateInstances" };
	for (size_t i = 0; i < r->header_count; i++)
		for (size_t k = 0; k < ARRAY_LEN(actions); k++)
			if (!strncmp(r->headers[i], "X-TC-Action: ", 13) && !strcmp(r->headers[i] + 13, actions[k]))
				return true;
	return false;
}

/* When the one was looked at whose thing this call is about; 0: nobody's that is known. */
static inline int64_t owner_seen_ms(struct firm *f, const struct http_request *r, struct arena *a)
{
	static const char *const lists[][3] = { { "users", "name", "remark" }, { "environments", "env_id", "tags.rollcall" },
		{ "servers", "id", "tags.rollcall" } };
	const char *body = arena_strndup(a, r->body, r->body_len);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const struct json *v = json_first(cloud_state(f->p->cloud, lists[i][0])); v; v = json_next(v)) {
			const char *id = json_text(v, lists[i][1]), *mark = json_text(v, lists[i][2]);
			if (!id || !mark || !strstr(body, arena_printf(a, "\"%s\"", id)))
				continue;
			for (size_t k = 0; k < f->count; k++)
				if (strstr(mark, f->staff[k].uuid))
					return f->staff[k].seen_ms;
		}
	return 0;
}

/* Was he looked at just before something of his is destroyed? */
static inline int watched(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	struct plant *p = t->ctx;
	struct firm *f = p->firm;
	if (destroys(r) && p->cloud->v.now_ms - owner_seen_ms(f, r, a) > GUARD_CONFIRMED_MS)
		f->blind_calls++;
	return exchange(t, r, a, out, e);
}

static inline int firm_open(void **state)
{
	void *plant = NULL;
	OK(open_plant(&plant));
	struct firm *f = mem_alloc(sizeof(*f));
	struct plant *p = f->p = plant;
	p->firm = f;
	p->wire.exchange = watched;
	p->settings.cloud.driver.by_hand_kept = false;
	p->settings.life.weak_wait_ms = 30000;
	p->settings.life.departures_hour = p->settings.life.departures_day = 100;
	f->source = (struct source){ .ctx = f, .next = firm_next, .wake = firm_wake };
	f->confirm = (struct confirm){ .ctx = f, .reread = firm_reread, .reread_original = firm_reread, .doubts = firm_doubts };
	p->feed = feed_new(&p->roll, &f->source, &f->confirm);
	*state = f;
	return 0;
}

static inline int firm_close(void **state)
{
	struct firm *f = *state;
	void *plant = f->p;
	free(f);
	return teardown(&plant);
}

#define FIRM(name) cmocka_unit_test_setup_teardown(name, firm_open, firm_close)

#endif
