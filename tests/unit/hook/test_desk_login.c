/* What the desk answers to a login, over a real socket. */
#include "hall.h"

#define KEY_ID "AKIDexample0001"
#define KEY "key-of-alice-0123456789"

struct told { enum wire_status status; struct wire_in in; unsigned char packet[8192]; };

static const char *field(struct hall *h, const struct told *t, enum wire_field f)
{
	return t->in.field[f].at ? arena_strndup(h->f.a, t->in.field[f].at, t->in.field[f].len) : NULL;
}

static void tell(struct hall *h, int fd, enum wire_action action, const char *name, const char *deliver, struct told *t)
{
	unsigned char packet[WIRE_REQUEST_MAX];
	struct wire_out o;
	assert_true(fd >= 0);
	wire_request(&o, packet, sizeof(packet), action);
	wire_add_text(&o, WIRE_NAME, name);
	wire_add_text(&o, WIRE_SERVICE, "sshd");
	if (deliver)
		wire_add_text(&o, WIRE_DELIVER, deliver);
	assert_int_equal(wire_send(fd, packet, wire_end(&o)), 0);
	ssize_t n = wire_receive(fd, t->packet, sizeof(t->packet), wire_now_ms() + WAIT_MS);
	assert_true(n > 0 && wire_read_answer(action, t->packet, (size_t)n, &t->in));
	t->status = t->in.status;
	close(fd);
	(void)h;
}

static struct told login(struct hall *h, enum wire_action action, const char *name, const char *deliver)
{
	static struct told t;
	tell(h, connect_at(logins_path(h), geteuid(), getegid(), 0, NULL), action, name, deliver, &t);
	return t;
}

static struct told account(struct hall *h, const char *name)
{
	return login(h, WIRE_ACCOUNT, name, NULL);
}

static const char *verdict(struct hall *h, const char *name)
{
	struct told t = account(h, name);
	assert_int_equal(t.status, WIRE_OK);
	return field(h, &t, WIRE_VERDICT);
}

static void move(struct hall *h, enum stage stage)
{
	struct err e;
	h->account.stage = stage;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
}

/* Everything is built and stands in the entry. */
static void make_ready(struct hall *h)
{
	struct found found = fixture_found(&h->f);
	struct json *o = json_object(h->f.a);
	struct store_letter letter = { .account_id = h->account.id, .due_ms = h->f.v.now_ms };
	struct err e;
	str_copy(found.key_id, sizeof(found.key_id), KEY_ID);
	assert_int_equal(store_found_put(h->f.store, h->account.id, found_print(&found, h->f.a), &e), 0);
	fixture_keep(&h->f, &h->account, SECRET_KEY, ALICE, found.uin, KEY_ID, KEY_ID, KEY);
	assert_int_equal(store_found_put(h->f.store, h->account.id, found_print(&found, h->f.a), &e), 0);
	json_put_text(o, own_attributes[OWN_ENV_ID].name, found.env_id);
	json_put_text(o, own_attributes[OWN_KEY_ID].name, KEY_ID);
	json_put_text(o, own_attributes[OWN_REGION].name, "ap-shanghai");
	letter.payload = json_print(h->f.a, o);
	str_copy(letter.uuid, sizeof(letter.uuid), ALICE);
	str_copy(letter.digest, sizeof(letter.digest), "d");
	assert_int_equal(store_letter_put(h->f.store, &letter, &e), 0);
}

/* --- the verdict ------------------------------------------------------------------------------------------------ */

static void every_stage_has_its_verdict(void **state)
{
	struct hall *h = *state;
	need_root();
	static const struct { enum stage stage; const char *verdict, *text; } rows[] = {
		{ STAGE_DUE, "joining", "after your first login" }, { STAGE_ACTIVE, "joining", "being set up" },
		{ STAGE_SUSPENDED, "out", "suspended since 20" }, { STAGE_HELD, "out", "suspended since 20" },
		{ STAGE_RETIRED, "out", "closed since 20" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		move(h, rows[i].stage);
		struct told t = account(h, "alice");
		assert_int_equal(t.status, WIRE_OK);
		assert_string_equal(field(h, &t, WIRE_VERDICT), rows[i].verdict);
		assert_string_equal(field(h, &t, WIRE_UID), "5001");
		check_has(field(h, &t, WIRE_TEXT), rows[i].text);
	}
	make_ready(h);
	move(h, STAGE_ACTIVE);
	assert_string_equal(verdict(h, "alice"), "in");
}

static void whoever_has_no_account_is_judged_by_his_signal(void **state)
{
	struct hall *h = *state;
	struct err e;
	need_root();
	static const struct { enum signal signal; const char *verdict; } rows[] = {
		{ SIGNAL_ENTITLED, "joining" }, { SIGNAL_DUE, "joining" }, { SIGNAL_DISABLED, "out" }, { SIGNAL_WITHDRAWN, NULL },
		{ SIGNAL_ABSENT, NULL }, { SIGNAL_NONE, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		h->bob.signal = rows[i].signal;
		h->bob.due_ms = rows[i].signal == SIGNAL_DUE ? h->f.v.now_ms + 86400000 : 0;
		assert_int_equal(store_person_put(h->f.store, &h->bob, &e), 0);
		if (rows[i].verdict)
			assert_string_equal(verdict(h, "bob"), rows[i].verdict);
		else
			assert_int_equal(account(h, "bob").status, WIRE_ABSENT);
	}
	assert_int_equal(account(h, "nobody").status, WIRE_ABSENT);
	fixture_person(&h->f, CAROL, "alice", 5003);
	assert_int_equal(account(h, "alice").status, WIRE_AMBIGUOUS);
}

/* --- what is his -------------------------------------------------------------------------------------------------- */

static void his_key_goes_to_his_login_and_on_record(void **state)
{
	struct hall *h = *state;
	need_root();
	make_ready(h);
	struct told t = login(h, WIRE_SESSION_OPEN, "alice", "key");
	assert_int_equal(t.status, WIRE_OK);
	assert_string_equal(field(h, &t, WIRE_VERDICT), "in");
	assert_string_equal(field(h, &t, WIRE_ENV_ID), "rc-env-1");
	assert_string_equal(field(h, &t, WIRE_REGION), "ap-shanghai");
	assert_string_equal(field(h, &t, WIRE_SECRET_ID), KEY_ID);
	assert_string_equal(field(h, &t, WIRE_SECRET_KEY), KEY);
	assert_int_equal(evidence_lines(h, "secret"), 1);
	assert_int_equal(h->logins, 1);
	assert_string_equal(h->logged_in, ALICE);
	check_has(h->login_by, "\"sshd\"");
	/* Identifiers only, where only those are asked for. */
	t = login(h, WIRE_SESSION_OPEN, "alice", NULL);
	assert_null(field(h, &t, WIRE_SECRET_ID));
	assert_null(field(h, &t, WIRE_SECRET_KEY));
	assert_string_equal(field(h, &t, WIRE_ENV_ID), "rc-env-1");
	assert_int_equal(evidence_lines(h, "secret"), 1);
	/* The secret stands in no line of the evidence. */
	size_t n;
	assert_null(strstr(unit_read(h->f.a, unit_path(h->f.a, "evidence"), &n), KEY));
}

static void a_leaver_gets_nothing(void **state)
{
	struct hall *h = *state;
	need_root();
	make_ready(h);
	static const enum stage out[] = { STAGE_SUSPENDED, STAGE_HELD, STAGE_RETIRED };
	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		move(h, out[i]);
		struct told t = login(h, WIRE_SESSION_OPEN, "alice", "key");
		assert_string_equal(field(h, &t, WIRE_VERDICT), "out");
		assert_null(field(h, &t, WIRE_SECRET_KEY));
		assert_null(field(h, &t, WIRE_ENV_ID));
	}
	assert_int_equal(h->logins, 0);
	assert_int_equal(evidence_lines(h, "secret"), 0);
}

/* A login is what he waits for; until the key is on again, none is handed over. */
static void who_is_parked_comes_in_and_waits(void **state)
{
	struct hall *h = *state;
	struct found found = fixture_found(&h->f);
	struct err e;
	need_root();
	make_ready(h);
	h->account.hold_reason = arena_strdup(h->f.a, "parked: neither his key nor a login was seen since 2026-08-01");
	move(h, STAGE_HELD);
	struct told t = account(h, "alice");
	assert_string_equal(field(h, &t, WIRE_VERDICT), "joining");
	check_has(field(h, &t, WIRE_TEXT), "not used");
	t = login(h, WIRE_SESSION_OPEN, "alice", "key");
	assert_string_equal(field(h, &t, WIRE_VERDICT), "joining");
	assert_null(field(h, &t, WIRE_SECRET_KEY));
	assert_int_equal(h->logins, 1);
	/* The roll has let him go, and the walk is not there yet. */
	h->account.hold_reason = NULL;
	move(h, STAGE_ACTIVE);
	str_copy(found.key_id, sizeof(found.key_id), KEY_ID);
	found.key_locked_ms = h->f.v.now_ms;
	assert_int_equal(store_found_put(h->f.store, h->account.id, found_print(&found, h->f.a), &e), 0);
	t = login(h, WIRE_SESSION_OPEN, "alice", "key");
	assert_string_equal(field(h, &t, WIRE_VERDICT), "joining");
	assert_null(field(h, &t, WIRE_SECRET_KEY));
	/* The call's answer was lost, and the walk has seen since that the key is on. */
	found.verified_since_ms = h->account.since_ms;
	found.verified_ms[ROW_KEY] = h->f.v.now_ms;
	assert_int_equal(store_found_put(h->f.store, h->account.id, found_print(&found, h->f.a), &e), 0);
	t = login(h, WIRE_SESSION_OPEN, "alice", "key");
	assert_string_equal(field(h, &t, WIRE_VERDICT), "in");
}

/* Cut from memory, while the store takes nothing. */
static void who_is_struck_is_out(void **state)
{
	struct hall *h = *state;
	need_root();
	make_ready(h);
	h->struck = true;
	assert_string_equal(verdict(h, "alice"), "out");
	struct told t = login(h, WIRE_SESSION_OPEN, "alice", "key");
	assert_null(field(h, &t, WIRE_SECRET_KEY));
}

/* By newer evidence than the one that cut, and not let in yet: he waits as anybody does who is new. */
static void who_comes_back_waits(void **state)
{
	struct hall *h = *state;
	struct err e;
	need_root();
	static const struct { char *csn; const char *verdict; } rows[] = { { "20260101000000.000000Z#000000#001#000000", "out" },
		{ "20260103000000.000000Z#000000#001#000000", "joining" } };
	h->account.cut_csn = "20260102000000.000000Z#000000#001#000000";
	move(h, STAGE_RETIRED);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		h->alice.csn = rows[i].csn;
		assert_int_equal(store_person_put(h->f.store, &h->alice, &e), 0);
		assert_string_equal(verdict(h, "alice"), rows[i].verdict);
	}
}

static void what_cannot_be_put_on_record_is_not_handed_over(void **state)
{
	struct hall *h = *state;
	need_root();
	make_ready(h);
	assert_int_equal(rename(unit_path(h->f.a, "evidence"), unit_path(h->f.a, "elsewhere")), 0);
	struct told t = login(h, WIRE_SESSION_OPEN, "alice", "key");
	assert_string_equal(field(h, &t, WIRE_VERDICT), "in");
	assert_null(field(h, &t, WIRE_SECRET_KEY));
	assert_null(field(h, &t, WIRE_SECRET_ID));
	assert_string_equal(field(h, &t, WIRE_ENV_ID), "rc-env-1");
}

static void an_administrator_reads_no_key(void **state)
{
	struct hall *h = *state;
	static struct told t;
	need_root();
	make_ready(h);
	if (!h->group)
		skip();
	tell(h, connect_as(h, STRANGER, h->group->gr_gid, 1, &h->group->gr_gid), WIRE_SESSION_OPEN, "alice", "key", &t);
	assert_int_equal(t.status, WIRE_OK);
	assert_string_equal(field(h, &t, WIRE_VERDICT), "in");
	assert_null(field(h, &t, WIRE_SECRET_KEY));
	assert_int_equal(evidence_lines(h, "secret"), 0);
	assert_int_equal(h->logins, 0);
}

static void a_secret_of_somebody_else_is_not_his(void **state)
{
	struct hall *h = *state;
	need_root();
	make_ready(h);
	static const struct { const char *uuid; uint64_t more; const char *inside; } wrong[] = {
		{ BOB, 0, KEY_ID }, { ALICE, 1, KEY_ID }, { ALICE, 0, "AKIDother" },
	};
	struct found found = fixture_found(&h->f);
	struct err e;
	str_copy(found.key_id, sizeof(found.key_id), KEY_ID);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		fixture_keep(&h->f, &h->account, SECRET_KEY, wrong[i].uuid, found.uin + wrong[i].more, wrong[i].inside, KEY_ID, KEY);
		assert_int_equal(store_found_put(h->f.store, h->account.id, found_print(&found, h->f.a), &e), 0);
		struct told t = login(h, WIRE_SESSION_OPEN, "alice", "key");
		assert_string_equal(field(h, &t, WIRE_VERDICT), "in");
		assert_null(field(h, &t, WIRE_SECRET_KEY));
		assert_null(field(h, &t, WIRE_SECRET_ID));
	}
}

static void others_are_refused(void **state)
{
	struct hall *h = *state;
	static struct told t;
	need_root();
	make_ready(h);
	/* He himself, as the kernel says; being asked by him is no login. */
	tell(h, connect_as(h, 5001, 6000, 0, NULL), WIRE_SESSION_OPEN, "alice", "key", &t);
	assert_string_equal(field(h, &t, WIRE_SECRET_KEY), KEY);
	assert_int_equal(h->logins, 0);
	size_t before = evidence_lines(h, "refused");
	tell(h, connect_as(h, 5002, 6000, 0, NULL), WIRE_SESSION_OPEN, "alice", "key", &t);
	assert_int_equal(t.status, WIRE_REFUSED);
	tell(h, connect_as(h, STRANGER, 6000, 0, NULL), WIRE_ACCOUNT, "alice", NULL, &t);
	assert_int_equal(t.status, WIRE_REFUSED);
	assert_int_equal(evidence_lines(h, "refused"), before + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HALL(every_stage_has_its_verdict),
		HALL(whoever_has_no_account_is_judged_by_his_signal),
		HALL(his_key_goes_to_his_login_and_on_record),
		HALL(a_leaver_gets_nothing),
		HALL(who_is_parked_comes_in_and_waits),
		HALL(who_is_struck_is_out),
		HALL(who_comes_back_waits),
		HALL(what_cannot_be_put_on_record_is_not_handed_over),
		HALL(an_administrator_reads_no_key),
		HALL(a_secret_of_somebody_else_is_not_his),
		HALL(others_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
