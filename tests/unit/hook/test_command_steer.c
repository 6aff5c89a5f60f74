/* `rollcall verify`, `suspend` and `resume` against a real desk: what they print, and their exit statuses. */
#include "room.h"

#include <poll.h>

/* --- verify ------------------------------------------------------------------------------------------------------- */

/* A walk of everybody who is due, with this result of the proof. */
static void walk_all(struct desk_room *r, const char *proof, int trouble_kind, const char *trouble)
{
	struct store_account a;
	struct err e = { 0 };
	int64_t due;
	AUTO_ARENA struct arena *arena = arena_new(1 << 20);
	while (!store_take(r->f.store, ~0u, 1, arena, &a, &due, &e)) {
		struct found f = fixture_found(&r->f);
		str_copy(f.proof, sizeof(f.proof), proof);
		f.verified_ms[ROW_KEY] = f.proof_ms;
		f.proof_refused = 4;
		a.found = found_print(&f, arena);
		a.due_ms = r->f.v.now_ms + 60000;
		a.trouble_kind = trouble_kind;
		a.trouble = arena_strdup(arena, trouble);
		assert_int_equal(store_give_back(r->f.store, &a, 1, &e), 0);
	}
}

static void proves_all(struct desk_room *r) { walk_all(r, PROOF_ISOLATED, 0, NULL); }
static void waits(struct desk_room *r) { walk_all(r, PROOF_SEES_OWN, ERR_WAIT, "the policy is not in force yet"); }

static void fails_bob(struct desk_room *r)
{
	struct store_account a;
	struct err e = { 0 };
	int64_t due;
	struct found f = fixture_found(&r->f);
	str_copy(f.proof, sizeof(f.proof), PROOF_FOREIGN);
	AUTO_ARENA struct arena *arena = arena_new(1 << 20);
	while (!store_take(r->f.store, ~0u, 1, arena, &a, &due, &e)) {
		bool bob = str_eq(a.uuid, BOB);
		str_copy(f.proof, sizeof(f.proof), bob ? PROOF_FOREIGN : PROOF_ISOLATED);
		a.found = found_print(&f, arena);
		a.due_ms = r->f.v.now_ms + 60000;
		a.trouble_kind = bob ? ERR_PERM : 0;
		a.trouble = bob ? "the proof failed" : NULL;
		assert_int_equal(store_give_back(r->f.store, &a, 1, &e), 0);
	}
}

/* The summary without its seconds. */
static void ends_with(struct desk_room *r, int status, const char *text)
{
	char *last = strrchr(r->out, ',');
	if (r->status != status || !last || last - r->out < (ptrdiff_t)strlen(text) ||
		strncmp(last - strlen(text), text, strlen(text)) != 0)
		fail_msg("status %d, \"%s\" \"%s\", wanted %d \"%s\"", r->status, r->out, r->err, status, text);
	assert_true(str_eq(r->out + strlen(r->out) - 3, " s\n"));
	assert_string_equal(r->err, "");         /* no progress: that is no terminal */
}

static void add_bob(struct desk_room *r)
{
	struct store_person bob = fixture_person(&r->f, BOB, "bob", 5002);
	fixture_account(&r->f, &bob, STAGE_ACTIVE);
}

static void everybody_is_isolated(void **state)
{
	struct desk_room *r = *state;
	need_root();
	add_bob(r);
	r->woken = proves_all;
	RUN("verify", "--all");
	ends_with(r, COMMAND_DONE, "2 people: 2 isolated, 0 failed, 0 not yet; 8 probes refused, 10 calls");
	RUN("verify", "alice");
	ends_with(r, COMMAND_DONE, "1 person: 1 isolated, 0 failed, 0 not yet; 4 probes refused, 5 calls");
	RUN("--json", "verify", "--all");
	const struct json *v = printed(r);
	assert_int_equal(json_int_or(v, "people", -1), 2);
	assert_int_equal(json_int_or(v, "isolated", -1), 2);
	assert_int_equal(json_int_or(v, "asked_anew", -1), 0);
	assert_true(json_int_or(v, "took_ms", -1) >= 0);
}

static void failures_are_listed(void **state)
{
	struct desk_room *r = *state;
	need_root();
	add_bob(r);
	r->woken = fails_bob;
	RUN("verify", "--all");
	ends_with(r, COMMAND_REFUSED, "2 people: 1 isolated, 1 failed, 0 not yet; 6 probes refused, 10 calls");
	assert_true(str_starts(r->out, "LOGIN  RESULT                TROUBLE\nbob    failed: foreign data  the proof failed\n\n2 people"));
}

static void what_is_not_done_in_time(void **state)
{
	struct desk_room *r = *state;
	need_root();
	RUN("verify", "alice", "--wait", "0");
	ends_with(r, COMMAND_LATE, "1 person: 0 isolated, 0 failed, 1 not yet; 0 probes refused, 0 calls");
	assert_true(str_starts(r->out, "LOGIN  RESULT   TROUBLE\nalice  not yet  -\n\n"));
	r->woken = waits;
	RUN("verify", "--json", "--all", "--wait=0");
	assert_int_equal(r->status, COMMAND_LATE);
	check_has(r->out, "\"waiting\":\t1");
}

static void *prove_later(void *p)
{
	poll(NULL, 0, 300);
	proves_all(p);
	return NULL;
}

static void it_is_waited_for(void **state)
{
	struct desk_room *r = *state;
	pthread_t t;
	need_root();
	int64_t began = wire_now_ms();
	assert_int_equal(pthread_create(&t, NULL, prove_later, r), 0);
	RUN("verify", "--all", "--wait", "20");
	pthread_join(t, NULL);
	ends_with(r, COMMAND_DONE, "1 person: 1 isolated, 0 failed, 0 not yet; 4 probes refused, 5 calls");
	assert_true(wire_now_ms() - began < 10000);
}

static void *ask_again_later(void *p)
{
	struct desk_room *r = p;
	struct err e = { 0 };
	int64_t n;
	poll(NULL, 0, 300);
	assert_int_equal(store_verify(r->f.store, ALICE, STAGE_ACTIVE, r->f.v.now_ms + 1, &n, &e), 0);
	return NULL;
}

/* Somebody else's later question must not make this one wait for ever, nor say that it was answered. */
static void somebody_else_asks_anew(void **state)
{
	struct desk_room *r = *state;
	pthread_t t;
	need_root();
	assert_int_equal(pthread_create(&t, NULL, ask_again_later, r), 0);
	RUN("verify", "--all", "--wait", "20");
	pthread_join(t, NULL);
	ends_with(r, COMMAND_LATE, "1 person: 0 isolated, 0 failed, 0 not yet, 1 asked for anew by somebody else; 0 probes refused, 0 calls");
}

static void who_cannot_be_verified(void **state)
{
	struct desk_room *r = *state;
	need_root();
	fixture_person(&r->f, BOB, "bob", 5002);
	RUN("verify", "bob");
	complains(r, COMMAND_REFUSED, "\"bob\" has no account");
	RUN("verify", "nobody");
	complains(r, COMMAND_REFUSED, "nobody is called");
	r->as = 5001;
	RUN("verify", "alice");
	complains(r, COMMAND_REFUSED, "only root may ask this");
}

static void large_numbers_are_grouped(void **state)
{
	struct desk_room *r = *state;
	struct err e = { 0 };
	need_root();
	assert_int_equal(store_begin(r->f.store, &e), 0);
	for (int i = 0; i < 1233; i++) {
		struct store_person p = fixture_person(&r->f, arena_printf(r->f.a, "00000000-0000-4000-8000-%012d", i + 1000),
			arena_printf(r->f.a, "u%d", i), -1);
		fixture_account(&r->f, &p, STAGE_ACTIVE);
	}
	assert_int_equal(store_commit(r->f.store, &e), 0);
	r->woken = proves_all;
	RUN("verify", "--all");
	ends_with(r, COMMAND_DONE, "1,234 people: 1,234 isolated, 0 failed, 0 not yet; 4,936 probes refused, 6,170 calls");
	r->woken = NULL;
	r->f.v.now_ms++;
	RUN("verify", "--all", "--wait", "0");
	ends_with(r, COMMAND_LATE, "1,234 people: 0 isolated, 0 failed, 1,234 not yet; 0 probes refused, 0 calls");
	check_has(r->out, "... and 1,184 more\n");
}

/* --- holds -------------------------------------------------------------------------------------------------------- */

static void access_is_taken_and_given_back(void **state)
{
	struct desk_room *r = *state;
	struct err e = { 0 };
	need_root();
	RUN("suspend", "alice", "--reason", "asked by security");
	prints(r, "alice: held: asked by security\n");
	RUN("status");
	prints(r, "held until somebody resumes them: 1\n");
	check_has(r->out, "asked by security");
	RUN("show", "alice");
	prints(r, "hold_reason    asked by security");
	RUN("resume", "alice");
	prints(r, "alice: joining (entitled: objectClass=inetOrgPerson)\n");
	r->account.stage = STAGE_SUSPENDED;
	assert_int_equal(store_account_news(r->f.store, &r->account, &e), 0);
	RUN("suspend", ALICE, "--reason=later");
	prints(r, "alice: suspended, held when he comes back: later\n");
	RUN("resume", "--json", "alice");
	assert_string_equal(json_text(printed(r), "accounts[0].stage"), "suspended");
	assert_null(json_text(printed(r), "accounts[0].hold_reason"));
}

static void what_the_roll_refuses_is_told(void **state)
{
	struct desk_room *r = *state;
	char *longest = arena_alloc(r->f.a, WIRE_TEXT_MAX + 2);
	need_root();
	r->hold_fails = ERR_ABSENT;
	RUN("resume", "alice");
	complains(r, COMMAND_REFUSED, "\"alice\" is active and not held");
	r->hold_fails = 0;
	RUN("suspend", "alice", "--reason", "two\nlines");
	complains(r, COMMAND_REFUSED, "control characters");
	memset(longest, 'a', WIRE_TEXT_MAX + 1);
	RUN("suspend", "alice", "--reason", longest);
	complains(r, COMMAND_USAGE, "a text has 1 to 1024 bytes");
	r->as = 5001;
	RUN("suspend", "alice", "--reason", "holiday");
	complains(r, COMMAND_REFUSED, "only root may ask this");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOM(everybody_is_isolated), ROOM(failures_are_listed), ROOM(what_is_not_done_in_time), ROOM(it_is_waited_for),
		ROOM(somebody_else_asks_anew), ROOM(who_cannot_be_verified), ROOM(large_numbers_are_grouped),
		ROOM(access_is_taken_and_given_back), ROOM(what_the_roll_refuses_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
