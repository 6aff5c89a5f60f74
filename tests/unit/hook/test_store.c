/* Accounts, their queue, intents, secrets and transactions, as long as the disk is good. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/hook/store_fixture.h"

/* --- accounts and the queue ---------------------------------------------------------------------------- */

static void generations_count_up(void **state)
{
	struct fixture *f = *state;
	struct store_account a = account_of(f, 1, LANE_JOIN, NOW), b = { .stage = STAGE_ACTIVE, .due_ms = INT64_MAX }, q, *all;
	struct store_person p;
	size_t n;
	strcpy(b.uuid, a.uuid);
	assert_int_equal(a.generation, 1);
	OK(store_account_new(f->store, &b, &f->e));
	assert_int_equal(b.generation, 2);
	assert_true(b.id > a.id);
	OK(store_person_get(f->store, a.uuid, f->arena, &p, &f->e));
	assert_int_equal(p.generation, 2);
	OK(store_account_get(f->store, a.uuid, 0, f->arena, &q, &f->e));
	assert_int_equal(q.id, b.id);
	OK(store_account_get(f->store, a.uuid, 1, f->arena, &q, &f->e));
	assert_int_equal(q.id, a.id);
	assert_int_equal(store_account_get(f->store, a.uuid, 3, f->arena, &q, &f->e), ERR_ABSENT);
	OK(store_accounts_of(f->store, a.uuid, f->arena, &all, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(all[0].generation, 1);
	b.generation = 2;
	assert_int_equal(store_account_new(f->store, &b, &f->e), ERR_BUG);
	OK(store_accounts(f->store, a.id, 10, f->arena, &all, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(all[0].id, b.id);
	uuid_of(99, b.uuid);
	assert_int_equal(store_account_new(f->store, &b, &f->e), ERR_ABSENT);
	assert_int_equal(store_account_by_id(f->store, 4711, f->arena, &q, &f->e), ERR_ABSENT);
}

static void lanes_are_strict_and_due_times_order_a_lane(void **state)
{
	struct fixture *f = *state;
	struct store_account a = account_of(f, 1, LANE_JOIN, NOW - 500), b = account_of(f, 2, LANE_TIDY, NOW - 10),
		c = account_of(f, 3, LANE_TIDY, NOW - 20), d = account_of(f, 4, LANE_REVOKE, NOW), got;
	account_of(f, 5, LANE_REVOKE, NOW + 70);
	account_of(f, 6, LANE_AUDIT, NOW + 60);
	account_of(f, 7, LANE_JOIN, INT64_MAX);
	const int64_t order[] = { d.id, c.id, b.id, a.id };
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		OK(take(f, ALL_LANES, 1, &got));
		assert_int_equal(got.id, order[i]);
		assert_int_equal(got.owner, 1);
		assert_int_equal(got.took, got.want);
	}
	int64_t next = 0;
	assert_int_equal(store_take(f->store, ALL_LANES, 1, f->arena, &got, &next, &f->e), ERR_ABSENT);
	assert_int_equal(next, NOW + 60);
	assert_int_equal(store_take(f->store, 1u << LANE_REVOKE, 1, f->arena, &got, &next, &f->e), ERR_ABSENT);
	assert_int_equal(next, NOW + 70);
	assert_int_equal(store_take(f->store, 1u << LANE_JOIN, 1, f->arena, &got, &next, &f->e), ERR_ABSENT);
	assert_int_equal(next, INT64_MAX);
	f->time.now_ms = NOW + 60;
	OK(take(f, ALL_LANES, 1, &got));
	assert_int_equal(got.lane, LANE_AUDIT);
}

static void lanes_that_were_not_asked_for_stay(void **state)
{
	struct fixture *f = *state;
	struct store_account got;
	account_of(f, 1, LANE_JOIN, NOW);
	assert_int_equal(take(f, 1u << LANE_REVOKE | 1u << LANE_AUDIT, 1, &got), ERR_ABSENT);
	OK(take(f, 1u << LANE_JOIN, 1, &got));
}

static void giving_back_writes_what_the_walk_found(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 3, &a));
	a.found = "{\"uin\":\"100\"}";
	a.complete = true;
	a.attempts = 2;
	a.trouble_kind = ERR_QUOTA;
	a.trouble = "sold out";
	a.lane = LANE_AUDIT;
	a.due_ms = NOW + 1000;
	a.sweep_ms = NOW + 5;
	assert_int_equal(store_give_back(f->store, &a, 4, &f->e), ERR_STALE);
	OK(store_give_back(f->store, &a, 3, &f->e));
	assert_int_equal(store_give_back(f->store, &a, 3, &f->e), ERR_STALE);
	OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
	assert_string_equal(q.found, a.found);
	assert_true(q.complete);
	assert_int_equal(q.attempts, 2);
	assert_int_equal(q.trouble_kind, ERR_QUOTA);
	assert_string_equal(q.trouble, "sold out");
	assert_int_equal(q.lane, LANE_AUDIT);
	assert_int_equal(q.due_ms, NOW + 1000);
	assert_int_equal(q.sweep_ms, NOW + 5);
	assert_int_equal(q.owner, 0);
	/* Nobody's account cannot be given back by nobody. */
	assert_int_equal(store_give_back(f->store, &a, 0, &f->e), ERR_STALE);
}

static void letting_go_makes_it_due(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	account_of(f, 1, LANE_JOIN, NOW);
	account_of(f, 2, LANE_JOIN, NOW + 50);
	OK(take(f, ALL_LANES, 3, &a));
	a.due_ms = NOW + 1000;
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_release(f->store, a.id, 4, &f->e));            /* not his: nothing happens */
	OK(store_release(f->store, a.id, 0, &f->e));
	OK(store_release(f->store, a.id + 1, 0, &f->e));
	assert_int_equal(take(f, ALL_LANES, 4, &q), ERR_ABSENT);
	OK(store_release(f->store, a.id, 3, &f->e));
	OK(take(f, ALL_LANES, 4, &q));
	assert_int_equal(q.id, a.id);
}

static void news_preempt_whoever_has_the_account(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q, news;
	struct store_intent i = { .row = 2, .action = 5, .token = "t" }, *list;
	size_t n;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 3, &a));
	OK(store_may_act(f->store, a.id, 3, &f->e));
	assert_int_equal(store_may_act(f->store, a.id, 2, &f->e), ERR_STALE);
	news = a;
	news.stage = STAGE_SUSPENDED;
	news.since_ms = NOW + 1;
	news.retire_after_ms = NOW + 2;
	news.cut_strong = true;
	news.cut_csn = "csn";
	news.cut_ms = NOW + 3;
	news.hold_reason = "alarm";
	news.placement = "{\"region\":\"x\"}";
	news.lane = LANE_REVOKE;
	news.due_ms = NOW + 4;
	news.sweep_ms = NOW + 6;
	OK(store_account_news(f->store, &news, &f->e));
	assert_int_equal(store_may_act(f->store, a.id, 3, &f->e), ERR_STALE);
	i.account_id = a.id;
	assert_int_equal(store_intent_open(f->store, 3, &i, &f->e), ERR_STALE);
	OK(store_intents(f->store, a.id, -1, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 0);
	/* Still in hand: nobody else gets it. */
	assert_int_equal(take(f, ALL_LANES, 4, &q), ERR_ABSENT);
	/* What the walk found is a fact; when to come again is the news' affair. */
	a.found = "{\"uin\":\"100\"}";
	a.complete = true;
	a.lane = LANE_AUDIT;
	a.due_ms = INT64_MAX;
	a.attempts = 7;
	a.sweep_ms = 0;
	OK(store_give_back(f->store, &a, 3, &f->e));
	f->time.now_ms = NOW + 4;
	OK(take(f, 1u << LANE_REVOKE, 4, &q));
	assert_int_equal(q.id, a.id);
	assert_string_equal(q.found, a.found);
	assert_false(q.complete);           /* it was, but for another stage */
	assert_int_equal(q.stage, STAGE_SUSPENDED);
	assert_int_equal(q.since_ms, NOW + 1);
	assert_int_equal(q.retire_after_ms, NOW + 2);
	assert_true(q.cut_strong);
	assert_string_equal(q.cut_csn, "csn");
	assert_int_equal(q.cut_ms, NOW + 3);
	assert_string_equal(q.hold_reason, "alarm");
	assert_string_equal(q.placement, news.placement);
	assert_int_equal(q.due_ms, NOW + 4);
	assert_int_equal(q.sweep_ms, NOW + 6);
	assert_int_equal(q.attempts, 0);
	OK(store_may_act(f->store, a.id, 4, &f->e));
}

static void completeness_belongs_to_a_stage(void **state)
{
	struct fixture *f = *state;
	struct store_account a;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 1, &a));
	a.complete = true;
	OK(store_give_back(f->store, &a, 1, &f->e));
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_account_by_id(f->store, a.id, f->arena, &a, &f->e));
	assert_true(a.complete);
	a.stage = STAGE_RETIRED;
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_account_by_id(f->store, a.id, f->arena, &a, &f->e));
	assert_false(a.complete);
}

static void waking_takes_the_more_urgent_of_both(void **state)
{
	static const struct { int lane; int64_t due; int wake_lane; int64_t wake_due; int want_lane; int64_t want_due; } cases[] = {
		{ LANE_AUDIT, INT64_MAX, LANE_AUDIT, NOW + 9, LANE_AUDIT, NOW + 9 },
		{ LANE_REVOKE, INT64_MAX, LANE_AUDIT, NOW, LANE_AUDIT, NOW },      /* idle: its lane means nothing */
		{ LANE_AUDIT, NOW + 100, LANE_JOIN, NOW, LANE_JOIN, NOW },
		{ LANE_JOIN, NOW + 5, LANE_AUDIT, NOW, LANE_JOIN, NOW },
		{ LANE_JOIN, NOW, LANE_AUDIT, NOW + 5, LANE_JOIN, NOW },
		{ LANE_REVOKE, NOW, LANE_JOIN, NOW - 5, LANE_REVOKE, NOW - 5 },
	};
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct store_account a = account_of(f, i + 1, cases[i].lane, NOW), q;
		a.due_ms = cases[i].due;
		OK(store_account_news(f->store, &a, &f->e));
		OK(store_account_wake(f->store, a.id, cases[i].wake_lane, cases[i].wake_due, &f->e));
		OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
		assert_int_equal(q.lane, cases[i].want_lane);
		assert_int_equal(q.due_ms, cases[i].want_due);
		assert_int_equal(q.want, a.want + 2);
	}
	assert_int_equal(store_account_wake(f->store, 999, LANE_JOIN, NOW, &f->e), ERR_ABSENT);
	struct store_account none = { .id = 999 };
	assert_int_equal(store_account_news(f->store, &none, &f->e), ERR_ABSENT);
}

static void a_wake_preempts_too(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 1, &a));
	OK(store_account_wake(f->store, a.id, LANE_JOIN, NOW, &f->e));
	assert_int_equal(store_may_act(f->store, a.id, 1, &f->e), ERR_STALE);
	a.due_ms = INT64_MAX;
	OK(store_give_back(f->store, &a, 1, &f->e));
	OK(take(f, ALL_LANES, 2, &q));
}

static void owners_of_a_killed_process_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 1, &a));
	assert_int_equal(take(f, ALL_LANES, 2, &q), ERR_ABSENT);
	fixture_reopen(f);
	assert_int_equal(store_may_act(f->store, a.id, 1, &f->e), ERR_STALE);
	OK(take(f, ALL_LANES, 2, &q));
	assert_int_equal(q.id, a.id);
}

static void grace_ends_by_date_and_stage(void **state)
{
	struct fixture *f = *state;
	struct store_retiring *list;
	size_t n;
	int64_t count;
	for (unsigned i = 1; i <= 7; i++) {
		struct store_account a = account_of(f, i, LANE_TIDY, NOW);
		a.stage = i == 5 ? STAGE_HELD : STAGE_SUSPENDED;
		a.retire_after_ms = i == 4 ? 0 : i == 7 ? NOW + 3 : NOW + (int64_t)i;
		OK(store_account_news(f->store, &a, &f->e));
	}
	struct store_person guarded = person_of(2, f->arena);
	guarded.generation = 1;
	guarded.is_protected = true;
	OK(store_person_put(f->store, &guarded, &f->e));
	OK(store_retiring(f->store, NOW + 2, NULL, 10, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].retire_after_ms, NOW + 1);
	assert_false(list[0].is_protected);
	assert_true(list[1].is_protected);
	assert_string_equal(list[0].login, "user1");
	OK(store_retiring_count(f->store, NOW + 100, &count, &f->e));
	assert_int_equal(count, 4);              /* nobody waits who is protected */
	/* In pages, the longest first; equal moments come once each. */
	int64_t last = 0;
	const struct store_retiring *after = NULL;
	for (count = 0;; count++) {
		OK(store_retiring(f->store, NOW + 100, after, 1, f->arena, &list, &n, &f->e));
		if (n == 0)
			break;
		assert_true(list[0].retire_after_ms >= last);
		last = list[0].retire_after_ms;
		after = &list[0];
	}
	assert_int_equal(count, 5);
}

static void the_newest_moment(void **state)
{
	struct fixture *f = *state;
	int64_t when;
	OK(store_newest(f->store, &when, &f->e));
	assert_int_equal(when, 0);
	struct store_account a = account_of(f, 1, LANE_TIDY, NOW);
	OK(store_newest(f->store, &when, &f->e));
	assert_int_equal(when, NOW);
	a.cut_ms = NOW + 5;
	OK(store_account_news(f->store, &a, &f->e));
	OK(store_newest(f->store, &when, &f->e));
	assert_int_equal(when, NOW + 5);
	OK(store_act_add(f->store, ACT_KIND_RETIRE, a.uuid, "", NOW + 7, 0, &f->e));
	OK(store_newest(f->store, &when, &f->e));
	assert_int_equal(when, NOW + 7);
	OK(store_found_put(f->store, a.id, arena_printf(f->arena, "{\"verified_ms\":[0,%lld,3]}", (long long)NOW + 9), &f->e));
	OK(store_newest(f->store, &when, &f->e));
	assert_int_equal(when, NOW + 9);
}

static void counts_add_up(void **state)
{
	struct fixture *f = *state;
	struct store_counts c;
	struct store_account a, b;
	struct store_person p = person_of(9, f->arena);
	OK(store_person_put(f->store, &p, &f->e));
	a = account_of(f, 1, LANE_JOIN, NOW);
	account_of(f, 2, LANE_JOIN, NOW + 1);
	account_of(f, 3, LANE_REVOKE, NOW);
	OK(take(f, 1u << LANE_JOIN, 1, &b));
	assert_int_equal(a.id, b.id);
	struct store_intent i = { .account_id = a.id };
	OK(store_intent_open(f->store, 1, &i, &f->e));
	struct store_letter l = { .account_id = a.id, .payload = "{}" };
	strcpy(l.uuid, a.uuid);
	OK(store_letter_put(f->store, &l, &f->e));
	OK(store_counts(f->store, &c, &f->e));
	assert_int_equal(c.people, 4);
	assert_int_equal(c.stage[STAGE_NONE], 1);
	assert_int_equal(c.stage[STAGE_ACTIVE], 3);
	assert_int_equal(c.lane_due[LANE_JOIN], 1);       /* the one in hand; the other is not due */
	assert_int_equal(c.lane_due[LANE_REVOKE], 1);
	assert_int_equal(c.troubled, 0);
	assert_int_equal(c.outbox, 1);
	assert_int_equal(c.open_intents, 1);
	b.trouble_kind = ERR_PERM;
	b.due_ms = INT64_MAX;
	OK(store_give_back(f->store, &b, 1, &f->e));
	OK(store_counts(f->store, &c, &f->e));
	assert_int_equal(c.troubled, 1);
	assert_int_equal(c.lane_due[LANE_JOIN], 0);
}

/* --- intents and secrets ------------------------------------------------------------------------------- */

static void an_intent_lives_until_it_is_settled(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	struct store_intent i = { .row = 2, .action = 5, .attempt = 3, .token = "token-1" }, j = { .row = 10 }, *list;
	size_t n;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 1, &a));
	i.account_id = j.account_id = a.id;
	OK(store_intent_open(f->store, 1, &i, &f->e));
	OK(store_intent_open(f->store, 1, &j, &f->e));
	assert_true(j.id > i.id);
	assert_int_equal(i.written_ms, NOW);
	fixture_reopen(f);
	OK(store_intents(f->store, a.id, -1, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	OK(store_intents(f->store, a.id, 2, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].id, i.id);
	assert_int_equal(list[0].action, 5);
	assert_int_equal(list[0].attempt, 3);
	assert_string_equal(list[0].token, "token-1");
	assert_int_equal(list[0].written_ms, NOW);
	assert_int_equal(list[0].state, 0);
	/* Settling works also for who was preempted: it says what happened. */
	OK(store_intent_settle(f->store, i.id, 1, a.id, "{\"env_id\":\"e\"}", &f->e));
	OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
	assert_string_equal(q.found, "{\"env_id\":\"e\"}");
	OK(store_intent_settle(f->store, j.id, 2, a.id, NULL, &f->e));
	OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
	assert_string_equal(q.found, "{\"env_id\":\"e\"}");
	OK(store_intents(f->store, a.id, -1, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 0);
	assert_int_equal(store_intent_settle(f->store, 4711, 1, a.id, NULL, &f->e), ERR_BUG);
	assert_int_equal(store_intent_settle(f->store, i.id, 1, a.id + 1, NULL, &f->e), ERR_BUG);
}

static void a_secret_and_its_intent_are_one_step(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	struct store_intent i = { .row = 7 }, *list;
	unsigned char *sealed;
	size_t n;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 1, &a));
	i.account_id = a.id;
	OK(store_intent_open(f->store, 1, &i, &f->e));
	OK(store_secret_keep(f->store, i.id, a.id, 1, "AKID1", (const unsigned char *)"a\0b", 3, "{\"key\":1}", &f->e));
	OK(store_intents(f->store, a.id, -1, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 0);
	OK(store_secret_get(f->store, a.id, 1, "AKID1", f->arena, &sealed, &n, &f->e));
	assert_int_equal(n, 3);
	assert_memory_equal(sealed, "a\0b", 3);
	OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
	assert_string_equal(q.found, "{\"key\":1}");
	/* One of the same kind and id is replaced; others stay. */
	OK(store_secret_keep(f->store, 0, a.id, 1, "AKID1", (const unsigned char *)"new", 3, NULL, &f->e));
	OK(store_secret_keep(f->store, 0, a.id, 2, "", (const unsigned char *)"pw", 2, NULL, &f->e));
	OK(store_secret_get(f->store, a.id, 1, "AKID1", f->arena, &sealed, &n, &f->e));
	assert_memory_equal(sealed, "new", 3);
	assert_int_equal(store_secret_get(f->store, a.id, 1, "AKID2", f->arena, &sealed, &n, &f->e), ERR_ABSENT);
	OK(store_secret_drop(f->store, a.id, 1, "AKID1", &f->e));
	OK(store_secret_drop(f->store, a.id, 1, "AKID1", &f->e));
	assert_int_equal(store_secret_get(f->store, a.id, 1, "AKID1", f->arena, &sealed, &n, &f->e), ERR_ABSENT);
	OK(store_secret_get(f->store, a.id, 2, NULL, f->arena, &sealed, &n, &f->e));
	assert_memory_equal(sealed, "pw", 2);
	/* A wrong intent keeps nothing. */
	assert_int_equal(store_secret_keep(f->store, 4711, a.id, 1, "X", (const unsigned char *)"x", 1, NULL, &f->e), ERR_BUG);
	assert_int_equal(store_secret_get(f->store, a.id, 1, "X", f->arena, &sealed, &n, &f->e), ERR_ABSENT);
}

/* --- transactions -------------------------------------------------------------------------------------- */

static void a_larger_transaction_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_person p = person_of(1, f->arena), q;
	OK(store_begin(f->store, &f->e));
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &q, &f->e));
	store_rollback(f->store);
	store_rollback(f->store);                 /* without one: nothing happens */
	assert_int_equal(store_person_get(f->store, p.uuid, f->arena, &q, &f->e), ERR_ABSENT);
	OK(store_begin(f->store, &f->e));
	OK(store_begin(f->store, &f->e));
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_commit(f->store, &f->e));
	OK(store_meta_put(f->store, "a", "b", &f->e));      /* durable inside: the whole is durable */
	OK(store_commit(f->store, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &q, &f->e));
	/* An answer such as ABSENT or STALE harms nothing. */
	OK(store_begin(f->store, &f->e));
	assert_int_equal(store_account_wake(f->store, 99, 0, 0, &f->e), ERR_ABSENT);
	assert_int_equal(store_may_act(f->store, 99, 1, &f->e), ERR_STALE);
	p.mail = "x@example.com";
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_commit(f->store, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &q, &f->e));
	assert_string_equal(q.mail, p.mail);
	/* An inner rollback dooms the outer one. */
	OK(store_begin(f->store, &f->e));
	OK(store_begin(f->store, &f->e));
	p.mail = "y@example.com";
	OK(store_person_put(f->store, &p, &f->e));
	store_rollback(f->store);
	assert_int_equal(store_person_put(f->store, &p, &f->e), ERR_TEMP);
	assert_int_equal(store_commit(f->store, &f->e), ERR_TEMP);
	OK(store_person_get(f->store, p.uuid, f->arena, &q, &f->e));
	assert_string_equal(q.mail, "x@example.com");
	OK(store_person_put(f->store, &p, &f->e));
}

static void lanes_have_names(void **state)
{
	(void)state;
	assert_string_equal(lane_name(LANE_REVOKE), "revoke");
	assert_string_equal(lane_name(LANE_AUDIT), "audit");
	assert_string_equal(lane_name(LANE_COUNT), "none");
}

/* --- threads ------------------------------------------------------------------------------------------- */

enum { ACCOUNTS = 50, ROUNDS = 2000 };
struct hammer {
	struct fixture *f;
	atomic_int holder[ACCOUNTS + 1];
	atomic_int clashes, fences;
};
struct hand { struct hammer *h; int worker; pthread_t thread; };

static void *take_and_give_back(void *p)
{
	struct hand *hand = p;
	struct hammer *h = hand->h;
	struct arena *arena = arena_new(1u << 20);
	struct err e;
	for (int i = 0; i < ROUNDS; i++) {
		struct store_account a;
		int64_t next;
		arena_reset(arena);
		if (store_take(h->f->store, ALL_LANES, hand->worker, arena, &a, &next, &e) < 0)
			continue;
		if (atomic_exchange(&h->holder[a.id], hand->worker) != 0)
			atomic_fetch_add(&h->clashes, 1);
		if (store_may_act(h->f->store, a.id, hand->worker, &e) == ERR_STALE)
			atomic_fetch_add(&h->fences, 1);
		if (atomic_exchange(&h->holder[a.id], 0) != hand->worker)
			atomic_fetch_add(&h->clashes, 1);
		a.due_ms = NOW + i % 7 - 6;
		a.lane = i % LANE_COUNT;
		if (store_give_back(h->f->store, &a, hand->worker, &e) < 0)
			atomic_fetch_add(&h->clashes, 1);
	}
	arena_free(arena);
	return NULL;
}

static void *bring_news(void *p)
{
	struct hand *hand = p;
	struct err e;
	for (int i = 0; i < ROUNDS; i++) {
		if (store_account_wake(hand->h->f->store, 1 + i % ACCOUNTS, i % LANE_COUNT, NOW, &e) < 0)
			atomic_fetch_add(&hand->h->clashes, 1);
	}
	return NULL;
}

static void nobody_holds_what_another_holds(void **state)
{
	struct fixture *f = *state;
	struct hammer h = { .f = f };
	struct hand hands[4];
	for (unsigned i = 1; i <= ACCOUNTS; i++)
		assert_int_equal(account_of(f, i, LANE_JOIN, NOW).id, i);
	for (int i = 0; i < 4; i++) {
		hands[i] = (struct hand){ .h = &h, .worker = i + 1 };
		OK(pthread_create(&hands[i].thread, NULL, i < 3 ? take_and_give_back : bring_news, &hands[i]));
	}
	for (int i = 0; i < 4; i++)
		pthread_join(hands[i].thread, NULL);
	assert_int_equal(h.clashes, 0);
	print_message("  fences closed by news: %d\n", h.fences);
}

static void *put_alone(void *p)
{
	struct fixture *f = p;
	struct arena *arena = arena_new(1u << 16);
	struct err e;
	struct store_person q = person_of(2, arena);
	intptr_t r = store_person_put(f->store, &q, &e);
	arena_free(arena);
	return (void *)r;
}

static void a_transaction_belongs_to_its_thread(void **state)
{
	struct fixture *f = *state;
	struct store_person p = person_of(1, f->arena);
	pthread_t other;
	void *r;
	char uuid[UUID_TEXT];
	OK(store_begin(f->store, &f->e));
	OK(store_person_put(f->store, &p, &f->e));
	OK(pthread_create(&other, NULL, put_alone, f));
	usleep(20000);
	store_rollback(f->store);
	pthread_join(other, &r);
	assert_ptr_equal(r, NULL);
	uuid_of(2, uuid);
	OK(store_person_get(f->store, uuid, f->arena, &p, &f->e));
	uuid_of(1, uuid);
	assert_int_equal(store_person_get(f->store, uuid, f->arena, &p, &f->e), ERR_ABSENT);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(generations_count_up),
		STORE_TEST(lanes_are_strict_and_due_times_order_a_lane),
		STORE_TEST(lanes_that_were_not_asked_for_stay),
		STORE_TEST(giving_back_writes_what_the_walk_found),
		STORE_TEST(letting_go_makes_it_due),
		STORE_TEST(news_preempt_whoever_has_the_account),
		STORE_TEST(completeness_belongs_to_a_stage),
		STORE_TEST(waking_takes_the_more_urgent_of_both),
		STORE_TEST(a_wake_preempts_too),
		STORE_TEST(owners_of_a_killed_process_are_forgotten),
		STORE_TEST(grace_ends_by_date_and_stage),
		STORE_TEST(the_newest_moment),
		STORE_TEST(counts_add_up),
		STORE_TEST(an_intent_lives_until_it_is_settled),
		STORE_TEST(a_secret_and_its_intent_are_one_step),
		STORE_TEST(a_larger_transaction_is_all_or_nothing),
		cmocka_unit_test(lanes_have_names),
		STORE_TEST(nobody_holds_what_another_holds),
		STORE_TEST(a_transaction_belongs_to_its_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
