/* The store on a bad disk: writes that fail, a full disk, and power cuts. */
#include "tests/unit/hook/store_fixture.h"
#include "tests/vfs/faulty.h"

static int up(void **state)
{
	faulty_install();
	return fixture_up(state);
}

static int down(void **state)
{
	int r = fixture_down(state);
	faulty_remove();
	return r;
}

/* --- every operation, every write ---------------------------------------------------------------------- */

struct scene { struct store_account a; struct store_intent intent; struct store_person person; };

static int put_person(struct fixture *f, struct scene *s)
{
	s->person.mail = "new@example.com";
	return store_person_put(f->store, &s->person, &f->e);
}
static int new_account(struct fixture *f, struct scene *s)
{
	struct store_account a = { .stage = STAGE_ACTIVE };
	strcpy(a.uuid, s->person.uuid);
	return store_account_new(f->store, &a, &f->e);
}
static int news(struct fixture *f, struct scene *s) { return store_account_news(f->store, &s->a, &f->e); }
static int wake(struct fixture *f, struct scene *s) { return store_account_wake(f->store, s->a.id, LANE_REVOKE, NOW, &f->e); }
static int open_intent(struct fixture *f, struct scene *s)
{
	struct store_intent i = { .account_id = s->a.id, .row = 3 };
	return store_intent_open(f->store, 1, &i, &f->e);
}
static int settle(struct fixture *f, struct scene *s)
{
	return store_intent_settle(f->store, s->intent.id, 1, s->a.id, "{\"n\":1}", &f->e);
}
static int keep_secret(struct fixture *f, struct scene *s)
{
	return store_secret_keep(f->store, s->intent.id, s->a.id, 1, "K", (const unsigned char *)"abc", 3, "{\"n\":2}", &f->e);
}
static int put_found(struct fixture *f, struct scene *s) { return store_found_put(f->store, s->a.id, "{\"n\":3}", &f->e); }
static int give_back(struct fixture *f, struct scene *s)
{
	s->a.trouble = "later";
	s->a.due_ms = NOW + 5;
	return store_give_back(f->store, &s->a, 1, &f->e);
}
static int put_letter(struct fixture *f, struct scene *s)
{
	struct store_letter l = { .account_id = s->a.id, .payload = "p", .digest = "d" };
	strcpy(l.uuid, s->a.uuid);
	return store_letter_put(f->store, &l, &f->e);
}
static int put_meta(struct fixture *f, struct scene *s)
{
	return store_meta_put(f->store, "n", arena_printf(f->arena, "%" PRId64, s->a.id), &f->e);
}
static int add_departure(struct fixture *f, struct scene *s)
{
	return store_act_add(f->store, ACT_KIND_DEPARTURE, s->person.uuid, "", NOW, 0, &f->e);
}
static int add_hold(struct fixture *f, struct scene *s)
{
	return store_act_add(f->store, ACT_KIND_HOLD, s->person.uuid, "", NOW, 0, &f->e);
}
static int freeze(struct fixture *f, struct scene *s)
{
	struct store_frozen row = { .kind = FROZEN_JOIN };
	strcpy(row.uuid, s->person.uuid);
	return store_frozen_put(f->store, &row, NOW, f->arena, NULL, &f->e);
}
static int decide(struct fixture *f, struct scene *s)
{
	int64_t n;
	(void)s;
	return store_frozen_decide(f->store, FROZEN_DEPARTURE, NOW - 1, FROZEN_APPROVED, NOW, &n, &f->e);
}
static int expire(struct fixture *f, struct scene *s)
{
	(void)s;
	return store_frozen_expire(f->store, NOW, NOW, &f->e);
}
static int drop(struct fixture *f, struct scene *s)
{
	return store_frozen_drop(f->store, s->a.uuid, FROZEN_DEPARTURE, &f->e);
}
static int verify(struct fixture *f, struct scene *s)
{
	int64_t n;
	return store_verify(f->store, s->a.uuid, STAGE_ACTIVE, NOW - 1, &n, &f->e);
}
static int take_next(struct fixture *f, struct scene *s)
{
	struct store_account a;
	(void)s;
	return take(f, 1u << LANE_TIDY, 2, &a);
}
static int larger(struct fixture *f, struct scene *s)
{
	int r = store_begin(f->store, &f->e);
	if (r < 0)
		return r;
	r = put_person(f, s);
	if (r == 0)
		r = new_account(f, s);
	if (r == 0)
		r = open_intent(f, s);
	if (r == 0)
		return store_commit(f->store, &f->e);
	store_rollback(f->store);
	return r;
}

static const struct operation { const char *name; int (*run)(struct fixture *, struct scene *); } operations[] = {
	{ "person_put", put_person }, { "account_new", new_account }, { "account_news", news }, { "account_wake", wake },
	{ "intent_open", open_intent }, { "intent_settle", settle }, { "secret_keep", keep_secret }, { "found_put", put_found },
	{ "give_back", give_back }, { "letter_put", put_letter }, { "meta_put", put_meta }, { "departure_add", add_departure },
	{ "hold_add", add_hold }, { "frozen_put", freeze }, { "frozen_decide", decide }, { "frozen_expire", expire },
	{ "frozen_drop", drop }, { "verify", verify }, { "take", take_next }, { "begin ... commit", larger },
};

static void make_scene(struct fixture *f, unsigned n, struct scene *s)
{
	account_of(f, 10 * n + 1, LANE_JOIN, NOW);
	account_of(f, 10 * n + 2, LANE_TIDY, NOW);
	OK(take(f, 1u << LANE_JOIN, 1, &s->a));
	s->intent = (struct store_intent){ .account_id = s->a.id, .row = 1 };
	OK(store_intent_open(f->store, 1, &s->intent, &f->e));
	s->person = person_of(10 * n + 3, f->arena);
	OK(store_person_put(f->store, &s->person, &f->e));
	/* One list that waits, and one that was rejected, long ago. */
	struct store_frozen row = { .kind = FROZEN_JOIN }, *old;
	int64_t decided;
	size_t old_n;
	OK(store_frozen_list(f->store, f->arena, &old, &old_n, &f->e));
	for (size_t i = 0; i < old_n; i++)
		OK(store_frozen_drop(f->store, old[i].uuid, (enum frozen_kind)old[i].kind, &f->e));
	uuid_of(10 * n + 4, row.uuid);
	OK(store_frozen_put(f->store, &row, NOW - 2, f->arena, NULL, &f->e));
	OK(store_frozen_decide(f->store, FROZEN_JOIN, NOW - 2, FROZEN_REJECTED, NOW - 2, &decided, &f->e));
	row.kind = FROZEN_DEPARTURE;
	strcpy(row.uuid, s->a.uuid);
	OK(store_frozen_put(f->store, &row, NOW - 1, f->arena, NULL, &f->e));
}

/* Everything that the operations above can change, as one text. */
static char *picture(struct fixture *f, const struct scene *s)
{
	struct store_account a;
	struct store_intent *intents;
	struct store_person p;
	struct store_counts c;
	struct store_letter l;
	struct store_account *all;
	unsigned char *sealed = NULL;
	char *meta = NULL;
	size_t n, all_n, sealed_n = 0;
	int64_t departures, holds, taken = 0;
	OK(store_accounts(f->store, 0, 10000, f->arena, &all, &all_n, &f->e));
	for (size_t i = 0; i < all_n; i++)
		taken += all[i].owner == 2;
	OK(store_account_by_id(f->store, s->a.id, f->arena, &a, &f->e));
	OK(store_intents(f->store, a.id, -1, f->arena, &intents, &n, &f->e));
	OK(store_person_get(f->store, s->person.uuid, f->arena, &p, &f->e));
	OK(store_counts(f->store, &c, &f->e));
	OK(store_meta_get(f->store, "n", f->arena, &meta, &f->e));
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, 0, &departures, NULL, &f->e));
	OK(store_acts(f->store, ACT_KIND_HOLD, NULL, 0, &holds, NULL, &f->e));
	struct store_frozen *rows;
	size_t rows_n;
	char *lists = "";
	OK(store_frozen_list(f->store, f->arena, &rows, &rows_n, &f->e));
	for (size_t i = 0; i < rows_n; i++)
		lists = arena_printf(f->arena, "%s %.8s:%d:%" PRId64 ":%d", lists, rows[i].uuid, rows[i].kind, rows[i].list_ms, rows[i].state);
	int secret = store_secret_get(f->store, a.id, 1, "K", f->arena, &sealed, &sealed_n, &f->e);
	int letter = store_letter_get(f->store, a.id, f->arena, &l, &f->e);
	return arena_printf(f->arena, "account %s %s %d %d due %" PRId64 " want %" PRId64 " owner %d; %zu intents; person %s %u;"
		" taken %" PRId64 " active %" PRId64 "; meta %s; departures %" PRId64 " holds %" PRId64 "; secret %d; letter %d; lists%s",
		a.found ? a.found : "-", a.trouble ? a.trouble : "-", a.stage, a.lane, a.due_ms, a.want, a.owner, n,
		p.mail ? p.mail : "-", p.generation, taken, c.stage[STAGE_ACTIVE], meta ? meta : "-", departures,
		holds, secret, letter, lists);
}

static void must_be_temp(const struct fixture *f, int r, const char *name)
{
	if (r != ERR_TEMP || strcmp(f->e.code, "store") != 0)
		fail_msg("%s gave %s \"%s\" (%s)", name, err_kind_name(r), f->e.text, f->e.code);
}

static void each_failing_write_undoes_its_operation(void **state)
{
	struct fixture *f = *state;
	unsigned failures = 0, n = 0;
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		bool failed = true;
		for (unsigned nth = 1; failed; nth++) {
			struct scene s;
			make_scene(f, ++n, &s);
			char *before = picture(f, &s);
			faulty_fail_write(nth);
			int r = operations[i].run(f, &s);
			faulty_fail_write(0);
			failed = r < 0;
			if (failed) {
				must_be_temp(f, r, operations[i].name);
				assert_string_equal(picture(f, &s), before);
				failures++;
				/* The connection is good again at once. */
				OK(operations[i].run(f, &s));
			}
			/* What the open connection says is what the file says. */
			char *after = picture(f, &s);
			assert_string_not_equal(after, before);
			if (n % 16 == 0) {
				faulty_fail_write(0);
				arena_reset(f->arena);
			}
		}
	}
	print_message("  %u writes failed\n", failures);
	assert_true(failures >= ARRAY_LEN(operations));
}

static void each_failing_sync_undoes_its_operation(void **state)
{
	struct fixture *f = *state;
	static const char *const durable[] = { "intent_open", "intent_settle", "secret_keep", "meta_put", "frozen_decide",
		"begin ... commit" };
	unsigned n = 0;
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		struct scene s;
		bool is_durable = false;
		for (size_t k = 0; k < ARRAY_LEN(durable); k++)
			is_durable |= strcmp(durable[k], operations[i].name) == 0;
		make_scene(f, ++n, &s);
		char *before = picture(f, &s);
		faulty_fail_sync(1);
		int r = operations[i].run(f, &s);
		faulty_fail_sync(0);
		/* Exactly those that promise to be on the disk wait for it. */
		if (is_durable) {
			must_be_temp(f, r, operations[i].name);
			assert_string_equal(picture(f, &s), before);
			OK(operations[i].run(f, &s));
		} else {
			OK(r);
		}
	}
}

/* --- a full disk --------------------------------------------------------------------------------------- */

static void all_fail_and_none_hurts(struct fixture *f, void (*fault)(bool))
{
	struct scene s;
	make_scene(f, 1, &s);
	char *before = picture(f, &s);
	for (int round = 0; round < 3; round++) {
		fault(true);
		for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
			must_be_temp(f, operations[i].run(f, &s), operations[i].name);
			assert_string_equal(picture(f, &s), before);     /* reading works all the time */
			OK(store_may_act(f->store, s.a.id, 1, &f->e));
		}
		fault(false);
	}
	for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
		/* give_back ends what intents and news need. */
		if (operations[i].run != give_back && operations[i].run != keep_secret)
			OK(operations[i].run == larger || operations[i].run == open_intent ? 0 : operations[i].run(f, &s));
	}
}

static void a_full_disk_leaves_the_store_usable(void **state) { all_fail_and_none_hurts(*state, faulty_full_everywhere); }
static void a_read_only_disk_too(void **state) { all_fail_and_none_hurts(*state, faulty_read_only); }

static void a_disk_that_fills_up_in_the_middle_of_a_batch(void **state)
{
	struct fixture *f = *state;
	struct store_person p;
	struct store_counts c;
	int r = 0;
	OK(store_begin(f->store, &f->e));
	faulty_full(true);
	/* More than SQLite's page cache holds, so that it has to write before the commit. */
	for (unsigned i = 1; i <= 60000 && r == 0; i++) {
		p = person_of(i, f->arena);
		r = store_person_put(f->store, &p, &f->e);
		if (i % 1000 == 0)
			arena_reset(f->arena);
	}
	must_be_temp(f, r, "person_put");
	/* From here on nothing of this transaction may slip in by itself. */
	must_be_temp(f, store_person_put(f->store, &p, &f->e), "person_put after the failure");
	must_be_temp(f, store_person_get(f->store, p.uuid, f->arena, &p, &f->e), "person_get after the failure");
	faulty_full(false);
	must_be_temp(f, store_person_put(f->store, &p, &f->e), "person_put with room again");
	must_be_temp(f, store_commit(f->store, &f->e), "commit");
	OK(store_counts(f->store, &c, &f->e));
	assert_int_equal(c.people, 0);
	p = person_of(1, f->arena);
	OK(store_person_put(f->store, &p, &f->e));
}

static void a_store_opens_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct store_account a, q;
	account_of(f, 1, LANE_JOIN, NOW);
	OK(take(f, ALL_LANES, 1, &a));
	store_close(f->store);
	f->store = NULL;
	faulty_full_everywhere(true);
	fixture_open(f);
	OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
	must_be_temp(f, take(f, ALL_LANES, 2, &q), "take");
	/* With room again what the last process had in hand is free, without opening anew. */
	faulty_full_everywhere(false);
	OK(take(f, ALL_LANES, 2, &q));
	assert_int_equal(q.id, a.id);
}

static void making_a_store_on_a_full_disk_fails_cleanly(void **state)
{
	struct fixture *f = *state;
	faulty_install();
	faulty_full_everywhere(true);
	int r = store_open(f->path, &f->clock, &f->store, &f->e);
	must_be_temp(f, r, "store_open");
	assert_null(f->store);
	faulty_full_everywhere(false);
	/* Every single write of the first opening may fail: the next one finds something that it can go on with. */
	unsigned failures = 0, writes = 1;
	for (unsigned nth = 1; nth <= writes; nth++) {
		fixture_remove(f);
		unsigned start = faulty_writes();
		faulty_fail_write(nth);
		r = store_open(f->path, &f->clock, &f->store, &f->e);
		faulty_fail_write(0);
		failures += r < 0;
		writes = r < 0 ? nth + 1 : faulty_writes() - start;
		if (r < 0)
			must_be_temp(f, r, "store_open");
		store_close(f->store);
		f->store = NULL;
		fixture_open(f);
		store_close(f->store);
		f->store = NULL;
	}
	print_message("  %u of %u writes made it fail\n", failures, writes);
	assert_true(failures > 20);
	fixture_open(f);
	struct store_person p = person_of(1, f->arena);
	OK(store_person_put(f->store, &p, &f->e));
	fixture_down(state);
	faulty_remove();
}

/* --- power cuts ---------------------------------------------------------------------------------------- */

static void cut_and_return(struct fixture *f, uint64_t seed)
{
	faulty_power_cut();
	store_close(f->store);
	f->store = NULL;
	faulty_power_on(seed);
	fixture_open(f);
}

static void what_was_promised_survives_a_power_cut(void **state)
{
	struct fixture *f = *state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		unsigned n = (unsigned)seed + 1;
		struct store_account a, q;
		struct store_intent i = { .row = 2, .action = 9, .token = "t" }, *list;
		unsigned char *sealed;
		size_t count;
		/* NORMAL writes before the intent are carried by it. */
		account_of(f, n, LANE_JOIN, NOW);
		OK(take(f, ALL_LANES, 1, &a));
		i.account_id = a.id;
		OK(store_intent_open(f->store, 1, &i, &f->e));
		cut_and_return(f, seed);
		OK(store_intents(f->store, a.id, -1, f->arena, &list, &count, &f->e));
		assert_int_equal(count, 1);
		assert_int_equal(list[0].id, i.id);
		OK(store_account_get(f->store, a.uuid, 0, f->arena, &q, &f->e));
		assert_int_equal(q.id, a.id);
		OK(store_secret_keep(f->store, i.id, a.id, 1, "K", (const unsigned char *)"sealed", 6, "{\"f\":1}", &f->e));
		cut_and_return(f, seed * 3 + 1);
		OK(store_intents(f->store, a.id, -1, f->arena, &list, &count, &f->e));
		assert_int_equal(count, 0);
		OK(store_secret_get(f->store, a.id, 1, "K", f->arena, &sealed, &count, &f->e));
		assert_memory_equal(sealed, "sealed", 6);
		OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
		assert_string_equal(q.found, "{\"f\":1}");
		/* So that the next round takes its own account. */
		q.due_ms = INT64_MAX;
		OK(store_account_news(f->store, &q, &f->e));
		OK(store_begin(f->store, &f->e));
		OK(store_found_put(f->store, a.id, "{\"f\":2}", &f->e));
		OK(store_commit(f->store, &f->e));
		cut_and_return(f, seed * 5 + 2);
		OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
		assert_string_equal(q.found, "{\"f\":2}");
		arena_reset(f->arena);
	}
}

static void the_rest_is_lost_as_a_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	unsigned lost = 0, kept = 0;
	for (uint64_t seed = 0; seed < 150; seed++) {
		char uuid[2][UUID_TEXT];
		struct store_person p = person_of((unsigned)seed * 2 + 1, f->arena), q;
		OK(store_meta_put(f->store, "n", p.uuid, &f->e));
		/* Two records of one NORMAL transaction, its pages far apart. */
		struct store_account a = { .stage = STAGE_DUE };
		OK(store_person_put(f->store, &p, &f->e));
		strcpy(a.uuid, p.uuid);
		OK(store_account_new(f->store, &a, &f->e));
		strcpy(uuid[0], p.uuid);
		cut_and_return(f, seed);
		int person = store_person_get(f->store, uuid[0], f->arena, &q, &f->e);
		int account = store_account_get(f->store, uuid[0], 1, f->arena, &a, &f->e);
		if (person == 0 && q.generation == 1)
			OK(account);
		else
			assert_int_equal(account, ERR_ABSENT);
		*(person == 0 ? &kept : &lost) += 1;
		arena_reset(f->arena);
	}
	print_message("  lost %u, kept %u\n", lost, kept);
	assert_true(lost > 0);          /* or the simulation loses nothing and proves nothing */
	assert_true(kept > 0);
}

static void a_power_cut_during_a_write_leaves_before_or_after(void **state)
{
	struct fixture *f = *state;
	unsigned before = 0, after = 0;
	for (unsigned nth = 1; nth <= 60; nth++) {
		struct store_account a;
		struct store_intent i = { .row = 2 }, *list;
		size_t count;
		account_of(f, nth, LANE_JOIN, NOW);
		OK(take(f, ALL_LANES, 1, &a));
		i.account_id = a.id;
		/* Another value each time: what changes no page is not written and carries nothing. */
		OK(store_meta_put(f->store, "n", a.uuid, &f->e));
		faulty_fail_write(1 + nth % 20);
		int r = store_intent_open(f->store, 1, &i, &f->e);
		faulty_fail_write(0);
		cut_and_return(f, nth);
		OK(store_intents(f->store, a.id, -1, f->arena, &list, &count, &f->e));
		if (r == 0)
			assert_int_equal(count, 1);
		else
			assert_in_range(count, 0, 1);
		*(r == 0 ? &after : &before) += 1;
		struct store_account q;
		OK(store_account_by_id(f->store, a.id, f->arena, &q, &f->e));
		q.due_ms = INT64_MAX;
		OK(store_account_news(f->store, &q, &f->e));
		arena_reset(f->arena);
	}
	assert_true(before > 0 && after > 0);
}

#define FAULT_TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAULT_TEST(each_failing_write_undoes_its_operation),
		FAULT_TEST(each_failing_sync_undoes_its_operation),
		FAULT_TEST(a_full_disk_leaves_the_store_usable),
		FAULT_TEST(a_read_only_disk_too),
		FAULT_TEST(a_disk_that_fills_up_in_the_middle_of_a_batch),
		FAULT_TEST(a_store_opens_on_a_full_disk),
		cmocka_unit_test_setup(making_a_store_on_a_full_disk_fails_cleanly, fixture_folder),
		FAULT_TEST(what_was_promised_survives_a_power_cut),
		FAULT_TEST(the_rest_is_lost_as_a_whole_or_not_at_all),
		FAULT_TEST(a_power_cut_during_a_write_leaves_before_or_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
