/* A post office: a store with one person, and a directory that says what the test wants. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_OFFICE_H
#define ROLLCALL_TESTS_UNIT_HOOK_OFFICE_H

#include "fixture.h"

#include <poll.h>
#include <pthread.h>

#include "hook/post.h"

/* A directory that says what the test wants. */
struct mailbox {
	int answer;                /* error kind, 0 = written */
	const char *code;
	unsigned calls;
	char uuid[UUID_TEXT], oldest[64];
	char payload[65536];
	/* Called in the middle of a delivery. */
	void (*meanwhile)(struct mailbox *);
	void *ctx;
};

static inline int deliver(void *ctx, const char *uuid, const char *oldest, const char *payload, struct arena *a, bool *changed,
	struct err *e)
{
	struct mailbox *m = ctx;
	(void)a;
	m->calls++;
	str_copy(m->oldest, sizeof(m->oldest), oldest ? oldest : "any");
	str_copy(m->uuid, sizeof(m->uuid), uuid);
	assert_true(str_copy(m->payload, sizeof(m->payload), payload));
	if (m->meanwhile)
		m->meanwhile(m);
	if (m->answer) {
		int rc = err_set(e, (enum err_kind)m->answer, "the mailbox said so");
		str_copy(e->code, sizeof(e->code), m->code ? m->code : "");
		return rc;
	}
	*changed = true;
	return 0;
}

struct office {
	struct fixture f;
	struct mailbox box;
	struct post *post;
	struct store_person alice;
	struct store_account account;
	struct found found;
};

static inline int open_office(void **state)
{
	struct office *o = mem_alloc(sizeof(*o));
	fixture_open(&o->f);
	const struct post_parts parts = { .settings = &o->f.settings,
		.store = o->f.store,
		.clock = &o->f.clock,
		.escrow = o->f.escrow,
		.own_key = o->f.own,
		.deliver = deliver,
		.deliver_ctx = &o->box };
	o->post = post_new(&parts);
	post_owner(o->post, 100000000001);
	o->alice = fixture_person(&o->f, ALICE, "alice", 5001);
	o->account = fixture_account(&o->f, &o->alice, STAGE_ACTIVE);
	o->found = fixture_found(&o->f);
	*state = o;
	return 0;
}

static inline int close_office(void **state)
{
	struct office *o = *state;
	post_free(o->post);
	fixture_close(&o->f);
	free(o);
	return 0;
}

static inline void keep_key(struct office *o, const char *secret)
{
	fixture_keep(&o->f, &o->account, SECRET_KEY, ALICE, o->found.uin, o->found.key_id, o->found.key_id, secret);
}

static inline void keep_password(struct office *o, const char *secret)
{
	const char *user = fixture_user(&o->f, &o->account);
	fixture_keep(&o->f, &o->account, SECRET_PASSWORD, ALICE, 0, user, user, secret);
}

static inline bool compose(struct office *o)
{
	bool pending = false;
	struct err e = { 0 };
	if (post_compose(o->post, &o->alice, &o->account, &o->found, o->f.a, &pending, &e))
		fail_msg("compose: %s", e.text);
	return pending;
}

static inline struct store_letter letter(struct office *o)
{
	struct store_letter l;
	struct err e = { 0 };
	assert_int_equal(store_letter_get(o->f.store, o->account.id, o->f.a, &l, &e), 0);
	return l;
}

static inline const struct json *payload(struct office *o)
{
	struct json *v;
	struct err e = { 0 };
	struct store_letter l = letter(o);
	assert_int_equal(json_parse(o->f.a, l.payload, strlen(l.payload), &v, &e), 0);
	return v;
}

static inline void shows(struct office *o, enum own own, const char *value)
{
	const char *have = json_text(payload(o), own_attributes[own].name);
	if (!str_eq(have, value))
		fail_msg("%s is \"%s\", wanted \"%s\"", own_attributes[own].name, have ? have : "(absent)", value ? value : "(absent)");
}

/* Deliver what is due; the number of letters tried. */
static inline int run(struct office *o)
{
	int64_t due;
	int n = 0;
	while (n < 50 && post_step(o->post, &due))
		n++;
	return n;
}

#define OFFICE(test) cmocka_unit_test_setup_teardown(test, open_office, close_office)

#endif
