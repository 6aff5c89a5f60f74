/* Write-back: how letters are delivered, and what happens when they cannot be. */
#include "office.h"

/* --- delivering ----------------------------------------------------------------------------------------------- */

static void a_letter_is_delivered_once(void **state)
{
	struct office *o = *state;
	int64_t due = 0;
	assert_int_equal(post_step(o->post, &due), 0);
	assert_true(due == INT64_MAX);
	assert_true(compose(o));
	assert_int_equal(run(o), 1);
	assert_int_equal(o->box.calls, 1);
	assert_string_equal(o->box.uuid, ALICE);
	assert_string_equal(o->box.payload, letter(o).payload);
	assert_false(letter(o).pending);
	assert_false(compose(o));
	assert_int_equal(run(o), 0);
}

static void the_entry_of_whoever_has_left_settles_the_letter(void **state)
{
	struct office *o = *state;
	struct err e = { 0 };
	o->alice.signal = SIGNAL_ABSENT;
	o->account.stage = STAGE_SUSPENDED;
	assert_int_equal(store_person_put(o->f.store, &o->alice, &e), 0);
	assert_int_equal(store_account_news(o->f.store, &o->account, &e), 0);
	compose(o);
	o->box.answer = ERR_ABSENT;
	assert_int_equal(run(o), 1);
	assert_false(letter(o).pending);
	assert_int_equal(run(o), 0);
}

/* What we write would make the entry newer than the cut. */
static void an_entry_that_is_older_than_the_cut_waits_alone(void **state)
{
	struct office *o = *state;
	struct err e = { 0 };
	struct store_person bob = fixture_person(&o->f, BOB, "bob", 5002);
	struct store_account bobs = fixture_account(&o->f, &bob, STAGE_ACTIVE);
	bool pending;
	o->account.stage = STAGE_SUSPENDED;
	o->account.cut_csn = "20261124163502.000001Z#000000#001#000000";
	o->alice.signal = SIGNAL_DISABLED;      /* nobody has heard of the older entry yet */
	assert_int_equal(store_person_put(o->f.store, &o->alice, &e), 0);
	assert_int_equal(store_account_news(o->f.store, &o->account, &e), 0);
	compose(o);
	o->box.answer = ERR_TEMP;
	o->box.code = "older";
	assert_int_equal(run(o), 1);
	assert_string_equal(o->box.oldest, o->account.cut_csn);
	assert_true(letter(o).pending);
	/* Nobody else waits for it. */
	o->box.answer = 0;
	assert_int_equal(post_compose(o->post, &bob, &bobs, &o->found, o->f.a, &pending, &e), 0);
	assert_int_equal(run(o), 1);
	assert_string_equal(o->box.uuid, BOB);
	assert_string_equal(o->box.oldest, "any");
	o->f.v.now_ms += 60000;
	assert_int_equal(run(o), 1);
	assert_false(letter(o).pending);
}

/* Hidden, or on another server for a while: it gets what it missed. */
static void an_entry_that_is_out_of_sight_is_written_later(void **state)
{
	struct office *o = *state;
	compose(o);
	o->box.answer = ERR_ABSENT;
	assert_int_equal(run(o), 1);
	assert_true(letter(o).pending);
	o->box.answer = 0;
	o->f.v.now_ms += 15 * 60000;
	assert_int_equal(run(o), 1);
	assert_false(letter(o).pending);
}

/* A backup shows a leaver as he was: what we write into it must not be taken for his return. */
static void an_entry_older_than_the_cut_is_not_written(void **state)
{
	struct office *o = *state;
	struct err e = { 0 };
	o->alice.csn = "20260101000000.000001Z#1";
	o->account.stage = STAGE_SUSPENDED;
	o->account.cut_strong = true;
	o->account.cut_csn = "20260102000000.000001Z#1";
	assert_int_equal(store_person_put(o->f.store, &o->alice, &e), 0);
	assert_int_equal(store_account_news(o->f.store, &o->account, &e), 0);
	compose(o);
	run(o);
	assert_int_equal(o->box.calls, 0);
	assert_true(letter(o).pending);
	check_has(letter(o).trouble, "older evidence");
	/* Newer evidence, or one that says disabled. */
	o->alice.csn = "20260103000000.000001Z#1";
	assert_int_equal(store_person_put(o->f.store, &o->alice, &e), 0);
	o->f.v.now_ms += 60 * 60000;
	run(o);
	assert_int_equal(o->box.calls, 1);
	assert_false(letter(o).pending);
}

static void an_outage_holds_up_all_letters_with_growing_pauses(void **state)
{
	struct office *o = *state;
	struct store_person bob = fixture_person(&o->f, BOB, "bob", 5002);
	struct store_account bobs = fixture_account(&o->f, &bob, STAGE_ACTIVE);
	bool pending;
	struct err e = { 0 };
	int64_t due, start = o->f.v.now_ms, longest = 0;
	compose(o);
	assert_int_equal(post_compose(o->post, &bob, &bobs, &o->found, o->f.a, &pending, &e), 0);
	o->box.answer = ERR_TEMP;
	/* One hour without a directory: few attempts, and none of the two letters is lost. */
	while (o->f.v.now_ms - start < 3600000) {
		if (post_step(o->post, &due))
			continue;
		assert_true(due > o->f.v.now_ms);
		if (due - o->f.v.now_ms > longest)
			longest = due - o->f.v.now_ms;
		o->f.v.now_ms = due;
	}
	assert_in_range(o->box.calls, 60, 90);
	assert_in_range(longest, 40000, 60000);
	assert_true(letter(o).pending);
	check_has(letter(o).trouble, "the mailbox said so");
	/* It is back: within a minute both are there. */
	o->box.answer = 0;
	o->box.calls = 0;
	o->f.v.now_ms += 60001;
	assert_int_equal(run(o), 2);
	assert_int_equal(o->box.calls, 2);
	assert_false(letter(o).pending);
	assert_null(letter(o).trouble);
	/* The next outage begins with short pauses again. */
	o->box.answer = ERR_TEMP;
	o->found.uin++;
	compose(o);
	assert_int_equal(run(o), 1);
	assert_int_equal(post_step(o->post, &due), 0);
	assert_in_range(due - o->f.v.now_ms, 700, 1000);
}

static void one_entry_that_changes_all_the_time_holds_up_nobody(void **state)
{
	struct office *o = *state;
	struct store_person bob = fixture_person(&o->f, BOB, "bob", 5002);
	struct store_account bobs = fixture_account(&o->f, &bob, STAGE_ACTIVE);
	bool pending;
	struct err e = { 0 };
	compose(o);
	assert_int_equal(post_compose(o->post, &bob, &bobs, &o->found, o->f.a, &pending, &e), 0);
	o->box.answer = ERR_TEMP;
	o->box.code = "changed";
	assert_int_equal(run(o), 2);
	assert_int_equal(o->box.calls, 2);
}

static void a_refusal_is_told_and_tried_again_much_later(void **state)
{
	struct office *o = *state;
	int64_t due, start = o->f.v.now_ms;
	compose(o);
	o->box.answer = ERR_PERM;
	assert_int_equal(run(o), 1);
	assert_string_equal(letter(o).trouble, "the mailbox said so");
	assert_int_equal(letter(o).attempts, 1);
	assert_int_equal(post_step(o->post, &due), 0);
	assert_in_range(due - start, 11 * 60000, 15 * 60000);
	/* Others are not held up by it. */
	struct store_person bob = fixture_person(&o->f, BOB, "bob", 5002);
	struct store_account bobs = fixture_account(&o->f, &bob, STAGE_ACTIVE);
	bool pending;
	struct err e = { 0 };
	assert_int_equal(post_compose(o->post, &bob, &bobs, &o->found, o->f.a, &pending, &e), 0);
	o->box.answer = 0;
	assert_int_equal(run(o), 1);
	assert_string_equal(o->box.uuid, BOB);
	/* News are tried at once. */
	o->found.uin++;
	compose(o);
	assert_int_equal(run(o), 1);
	assert_false(letter(o).pending);
}

static void our_own_credentials_refused_is_not_hammered(void **state)
{
	struct office *o = *state;
	int64_t due, start = o->f.v.now_ms;
	compose(o);
	o->box.answer = ERR_AUTH;
	while (o->f.v.now_ms - start < 3600000) {
		if (!post_step(o->post, &due))
			o->f.v.now_ms = due;
	}
	assert_in_range(o->box.calls, 12, 22);
}

static void compose_again(struct mailbox *m)
{
	struct office *o = m->ctx;
	m->meanwhile = NULL;
	o->found.uin = 6;
	compose(o);
}

static void news_that_come_during_a_delivery_are_delivered_too(void **state)
{
	struct office *o = *state;
	compose(o);
	o->box.meanwhile = compose_again;
	o->box.ctx = o;
	assert_int_equal(run(o), 2);
	check_has(o->box.payload, "\"rollcallUin\":\"6\"");
	assert_false(letter(o).pending);
	/* The same when the first one fails: its failure is not the newer one's. */
	o->found.uin = 5;
	compose(o);
	o->box.meanwhile = compose_again;
	o->box.answer = ERR_PERM;
	int64_t due;
	assert_int_equal(post_step(o->post, &due), 1);
	assert_int_equal(letter(o).attempts, 0);
	assert_true(letter(o).due_ms <= o->f.v.now_ms);
}

/* --- waiting -------------------------------------------------------------------------------------------------- */

static void *wake_soon(void *p)
{
	poll(NULL, 0, 30);
	post_wake(p);
	return NULL;
}

static void waiting_ends_when_somebody_wakes(void **state)
{
	struct office *o = *state;
	struct clock c = clock_system();
	pthread_t t;
	int64_t due, before;
	post_step(o->post, &due);
	assert_int_equal(pthread_create(&t, NULL, wake_soon, o->post), 0);
	before = clock_mono(&c);
	post_wait(o->post, 20000);
	assert_in_range(clock_mono(&c) - before, 20, 10000);
	pthread_join(t, NULL);
	/* A wake is used up by the wait that it ends. */
	before = clock_mono(&c);
	post_wait(o->post, 40);
	assert_in_range(clock_mono(&c) - before, 40, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE(a_letter_is_delivered_once), OFFICE(an_entry_that_is_older_than_the_cut_waits_alone),
		 OFFICE(the_entry_of_whoever_has_left_settles_the_letter),
		OFFICE(an_entry_that_is_out_of_sight_is_written_later),
		OFFICE(an_entry_older_than_the_cut_is_not_written),
		OFFICE(an_outage_holds_up_all_letters_with_growing_pauses),
		OFFICE(one_entry_that_changes_all_the_time_holds_up_nobody),
		OFFICE(a_refusal_is_told_and_tried_again_much_later),
		OFFICE(our_own_credentials_refused_is_not_hammered),
		OFFICE(news_that_come_during_a_delivery_are_delivered_too), OFFICE(waiting_ends_when_somebody_wakes),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
