/* What an administrator asks the desk to have done: proofs, and holds. */
#include "hall.h"

#include "cloud/resource.h"

/* What the last walk of this account wrote down. */
static void walked(struct hall *h, const char *uuid, const struct found *found, int trouble_kind, const char *trouble)
{
	struct store_account a, taken;
	struct err e = { 0 };
	int64_t due;
	assert_int_equal(store_account_get(h->f.store, uuid, 0, h->f.a, &a, &e), 0);
	assert_int_equal(store_account_wake(h->f.store, a.id, LANE_REVOKE, h->f.v.now_ms - 1000, &e), 0);
	assert_int_equal(store_take(h->f.store, 1u << LANE_REVOKE, 1, h->f.a, &taken, &due, &e), 0);
	taken.found = found_print(found, h->f.a);
	taken.lane = LANE_AUDIT;
	taken.due_ms = h->f.v.now_ms + 60000;
	taken.trouble_kind = trouble_kind;
	taken.trouble = trouble_kind ? arena_strdup(h->f.a, trouble) : NULL;
	taken.attempts = trouble_kind != 0;
	assert_int_equal(store_give_back(h->f.store, &taken, 1, &e), 0);
}

static struct found proof_of(struct hall *h, const char *result)
{
	struct found f = fixture_found(&h->f);
	str_copy(f.proof, sizeof(f.proof), result);
	f.proof_ms = f.verified_ms[ROW_KEY] = h->f.v.now_ms;
	f.proof_refused = 4;
	f.proof_calls = 10;
	return f;
}

static void counts(const struct answer *a, int people, int isolated, int failed, int waiting, int left)
{
	assert_int_equal(a->status, WIRE_OK);
	const struct { const char *name; int want; } rows[] = { { "people", people }, { "isolated", isolated }, { "failed", failed },
		{ "waiting", waiting }, { "left", left } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (json_int_or(a->body, rows[i].name, -1) != rows[i].want)
			fail_msg("%s is %lld, wanted %d", rows[i].name, (long long)json_int_or(a->body, rows[i].name, -1), rows[i].want);
}

/* --- proofs ----------------------------------------------------------------------------------------------------- */

static void everybody_is_asked_and_counted(void **state)
{
	struct hall *h = *state;
	need_root();
	h->f.v.now_ms = h->f.v.now_ms / 1000 * 1000 + 7;
	struct store_account bob = fixture_account(&h->f, &h->bob, STAGE_ACTIVE);
	struct found old = proof_of(h, PROOF_ISOLATED);
	old.proof_ms -= 5000;
	walked(h, ALICE, &old, 0, NULL);
	h->f.v.now_ms += 3;
	struct answer a = ask(h, WIRE_VERIFY, NULL);
	counts(&a, 2, 0, 0, 2, 0);               /* what was proved before the question is no answer to it */
	assert_int_equal(h->wakes, 1);
	assert_int_equal(evidence_lines(h, "verify"), 1);
	const char *asked = json_text(a.body, "asked");
	int64_t ms;
	struct err e = { 0 };
	assert_int_equal(str_time_parse(asked, &ms, &e), 0);
	assert_int_equal(ms, h->f.v.now_ms);
	assert_int_equal(json_int_or(a.body, "asked_ms", 0), ms);
	check_has(asked, ".010Z");
	assert_int_equal(json_count(json_get(a.body, "waiters")), 2);
	assert_string_equal(json_text(a.body, "waiters[0].login"), "alice");
	assert_string_equal(json_text(a.body, "waiters[0].result"), "not yet");

	h->f.v.now_ms += 500;
	struct found f = proof_of(h, PROOF_ISOLATED);
	walked(h, ALICE, &f, 0, NULL);
	f = proof_of(h, PROOF_SEES_OWN);
	walked(h, BOB, &f, ERR_WAIT, "the rest waits");
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 2, 1, 0, 1, 0);
	assert_string_equal(json_text(a.body, "asked"), asked);
	assert_string_equal(json_text(a.body, "waiters[0].trouble"), "the rest waits");
	f = proof_of(h, PROOF_FOREIGN);
	walked(h, BOB, &f, ERR_PERM, "the proof of isolation failed");
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 2, 1, 1, 0, 0);
	assert_int_equal(json_int_or(a.body, "probes_refused", 0), 8);
	assert_int_equal(json_int_or(a.body, "calls", 0), 20);
	assert_string_equal(json_text(a.body, "failures[0].login"), "bob");
	assert_string_equal(json_text(a.body, "failures[0].result"), PROOF_FOREIGN);
	assert_string_equal(json_text(a.body, "failures[0].trouble"), "the proof of isolation failed");
	/* Held for it: still the answer to this question. */
	bob.stage = STAGE_HELD;
	bob.hold_reason = "proof: foreign data";
	assert_int_equal(store_account_news(h->f.store, &bob, &e), 0);
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 2, 1, 1, 0, 0);
	assert_string_equal(json_text(a.body, "failures[0].trouble"), "proof: foreign data");
	/* Only asked how far it is: nothing is begun by that. */
	assert_int_equal(h->wakes, 1);
	assert_int_equal(evidence_lines(h, "verify"), 1);
	a = ask_text(h, WIRE_VERIFY, "bob", asked);
	counts(&a, 1, 0, 1, 0, 0);
}

static void who_left_meanwhile_is_not_waited_for(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct answer a = ask(h, WIRE_VERIFY, "alice");
	counts(&a, 1, 0, 0, 1, 0);
	const char *asked = json_text(a.body, "asked");
	h->account.stage = STAGE_SUSPENDED;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 1, 0, 0, 0, 1);
}

/* The walk ends before the proof, and no waiting helps: that is a failure.  What passes is waited for. */
static void who_cannot_be_proved_has_failed(void **state)
{
	struct hall *h = *state;
	need_root();
	h->f.v.now_ms += 10;
	struct answer a = ask(h, WIRE_VERIFY, "alice");
	const char *asked = json_text(a.body, "asked");
	h->f.v.now_ms += 10;
	struct found f = { 0 };
	walked(h, ALICE, &f, ERR_TEMP, "the cloud did not answer");
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 1, 0, 0, 1, 0);
	walked(h, ALICE, &f, ERR_PERM, "policy: refused");
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 1, 0, 1, 0, 0);
	assert_string_equal(json_text(a.body, "failures[0].result"), "not proved");
	assert_string_equal(json_text(a.body, "failures[0].trouble"), "policy: refused");
	/* A row that the proof does not need: the proof is still on its way. */
	f.verified_ms[ROW_KEY] = h->f.v.now_ms;
	walked(h, ALICE, &f, ERR_QUOTA, "server: sold out");
	a = ask_text(h, WIRE_VERIFY, NULL, asked);
	counts(&a, 1, 0, 0, 1, 0);
	/* And once asked anew, what an earlier walk met is no answer. */
	h->f.v.now_ms += 10;
	f.verified_ms[ROW_KEY] = 0;
	walked(h, ALICE, &f, ERR_PERM, "policy: refused");
	h->f.v.now_ms += 10;
	a = ask(h, WIRE_VERIFY, "alice");
	counts(&a, 1, 0, 0, 1, 0);
}

static void only_so_many_are_listed(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	enum { PEOPLE = 450 };
	need_root();
	assert_int_equal(store_begin(h->f.store, &e), 0);
	for (int i = 0; i < PEOPLE; i++) {
		const char *login = arena_printf(h->f.a, "u%d", i);
		struct store_person p = fixture_person(&h->f, arena_printf(h->f.a, "00000000-0000-4000-8000-%012d", i + 1000), login, -1);
		fixture_account(&h->f, &p, STAGE_ACTIVE);
	}
	assert_int_equal(store_commit(h->f.store, &e), 0);
	struct answer a = ask(h, WIRE_VERIFY, NULL);
	counts(&a, PEOPLE + 1, 0, 0, PEOPLE + 1, 0);
	assert_int_equal(json_count(json_get(a.body, "waiters")), 50);
}

static void what_cannot_be_proved_is_refused(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct answer a = ask(h, WIRE_VERIFY, "bob");
	assert_int_equal(a.status, WIRE_ABSENT);
	check_has(a.text, "\"bob\" has no account");
	h->account.stage = STAGE_HELD;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	a = ask(h, WIRE_VERIFY, ALICE);
	assert_int_equal(a.status, WIRE_ABSENT);
	check_has(a.text, "\"alice\" is held");
	a = ask(h, WIRE_VERIFY, "nobody");
	assert_int_equal(a.status, WIRE_ABSENT);
	a = ask(h, WIRE_VERIFY, NULL);
	counts(&a, 0, 0, 0, 0, 0);
	a = ask_text(h, WIRE_VERIFY, NULL, "yesterday");
	assert_int_equal(a.status, WIRE_FAILED);
	a = ask_text(h, WIRE_VERIFY, NULL, "1969-12-31T23:59:59Z");
	assert_int_equal(a.status, WIRE_FAILED);
	a = ask_as(h, STRANGER, WIRE_VERIFY, NULL);
	is_refused(&a);
	a = ask_as(h, 5001, WIRE_VERIFY, "alice");
	is_refused(&a);
}

/* --- holds -------------------------------------------------------------------------------------------------------- */

static void holds_reach_the_roll(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask_text(h, WIRE_SUSPEND, "alice", "asked by security");
	assert_int_equal(a.status, WIRE_OK);
	assert_string_equal(json_text(a.body, "person.login"), "alice");
	assert_string_equal(h->held, ALICE);
	assert_string_equal(h->reason, "asked by security");
	check_has(h->by, "uid 0 (pid ");
	a = ask(h, WIRE_RESUME, ALICE);
	assert_int_equal(a.status, WIRE_OK);
	assert_string_equal(h->reason, "");
	h->hold_fails = ERR_ABSENT;
	a = ask_text(h, WIRE_SUSPEND, "bob", "x");
	assert_int_equal(a.status, WIRE_ABSENT);
	assert_string_equal(a.text, "the roll said no");
	assert_string_equal(h->held, BOB);
	h->hold_fails = ERR_TEMP;
	a = ask(h, WIRE_RESUME, "bob");
	assert_int_equal(a.status, WIRE_FAILED);
	h->held[0] = '\0';
	a = ask(h, WIRE_SUSPEND, "alice");       /* without a reason */
	assert_int_equal(a.status, WIRE_MALFORMED);
	a = ask_text(h, WIRE_RESUME, "alice", "x");
	assert_int_equal(a.status, WIRE_MALFORMED);
	a = ask_text(h, WIRE_SUSPEND, "nobody", "x");
	assert_int_equal(a.status, WIRE_ABSENT);
	/* Not even about himself. */
	a = ask_all(h, connect_as(h, 5001, 6000, 0, NULL), WIRE_SUSPEND, "alice", "holiday");
	is_refused(&a);
	a = ask_as(h, 5001, WIRE_RESUME, "alice");
	is_refused(&a);
	assert_string_equal(h->held, "");
}

static void status_and_show_tell_of_holds_and_proofs(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct found f = proof_of(h, PROOF_FOREIGN);
	walked(h, ALICE, &f, ERR_PERM, "proof: failed");
	h->account.stage = STAGE_HELD;
	h->account.hold_reason = "proof: foreign data";
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "held", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.held", -1), 1);
	assert_string_equal(json_text(a.body, "holds[0].login"), "alice");
	assert_string_equal(json_text(a.body, "holds[0].stage"), "held");
	assert_string_equal(json_text(a.body, "holds[0].hold_reason"), "proof: foreign data");
	a = ask(h, WIRE_SHOW, "alice");
	assert_string_equal(json_text(a.body, "accounts[0].hold_reason"), "proof: foreign data");
	assert_string_equal(json_text(a.body, "accounts[0].found.proof"), PROOF_FOREIGN);
	assert_int_equal(json_int_or(a.body, "accounts[0].found.proof_refused", -1), 4);
	assert_int_equal(json_int_or(a.body, "accounts[0].found.proof_calls", -1), 10);
	assert_int_equal(json_int_or(a.body, "accounts[0].found.proof_ms", -1), f.proof_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HALL(everybody_is_asked_and_counted), HALL(who_left_meanwhile_is_not_waited_for),
		HALL(who_cannot_be_proved_has_failed), HALL(only_so_many_are_listed), HALL(what_cannot_be_proved_is_refused),
		HALL(holds_reach_the_roll), HALL(status_and_show_tell_of_holds_and_proofs),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
