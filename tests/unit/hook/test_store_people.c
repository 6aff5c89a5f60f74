/* People, letters and small named values. */
#include "tests/unit/hook/store_fixture.h"

/* --- people -------------------------------------------------------------------------------------------- */

static void a_person_comes_back_as_he_was_put(void **state)
{
	struct fixture *f = *state;
	static const unsigned char der[] = { 0x30, 0x00, 0x00, 0xff };
	struct store_person p = person_of(7, f->arena), q;
	p.mail = "user7@example.com";
	p.display = "Zo\xc3\xab \xe5\xbc\xa0";
	p.profile = "standard";
	p.certificate = der;
	p.certificate_len = sizeof(der);
	p.csn = "20261124163502.000000Z#000000#000#000000";
	p.signal = SIGNAL_DUE;
	p.reason = "due";
	p.due_ms = 5;
	p.weak_since_ms = 6;
	p.note = "login name is taken";
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &q, &f->e));
	assert_string_equal(q.uuid, p.uuid);
	assert_string_equal(q.dn, p.dn);
	assert_string_equal(q.login, p.login);
	assert_string_equal(q.mail, p.mail);
	assert_string_equal(q.display, p.display);
	assert_string_equal(q.profile, p.profile);
	assert_int_equal(q.uid_number, 10007);
	assert_int_equal(q.certificate_len, sizeof(der));
	assert_memory_equal(q.certificate, der, sizeof(der));
	assert_string_equal(q.csn, p.csn);
	assert_string_equal(q.hash, p.hash);
	assert_int_equal(q.signal, SIGNAL_DUE);
	assert_string_equal(q.reason, "due");
	assert_int_equal(q.due_ms, 5);
	assert_int_equal(q.signal_ms, NOW);
	assert_int_equal(q.weak_since_ms, 6);
	assert_string_equal(q.note, p.note);
	assert_int_equal(q.generation, 0);
	/* Put again: replaced, and what is gone is gone. */
	struct store_person again = person_of(7, f->arena);
	OK(store_person_put(f->store, &again, &f->e));
	OK(store_person_get(f->store, p.uuid, f->arena, &q, &f->e));
	assert_null(q.mail);
	assert_null(q.certificate);
	assert_int_equal(q.certificate_len, 0);
	assert_null(q.note);
}

static void who_is_not_there_is_absent(void **state)
{
	struct fixture *f = *state;
	struct store_person p;
	char uuid[UUID_TEXT];
	uuid_of(1, uuid);
	assert_int_equal(store_person_get(f->store, uuid, f->arena, &p, &f->e), ERR_ABSENT);
	assert_int_equal(store_person_find(f->store, "nobody", f->arena, &p, &f->e), ERR_ABSENT);
	assert_int_equal(store_person_get(f->store, "not-a-uuid", f->arena, &p, &f->e), ERR_INPUT);
	struct store_person bad = person_of(1, f->arena);
	strcpy(bad.uuid, "123");
	assert_int_equal(store_person_put(f->store, &bad, &f->e), ERR_INPUT);
	bad = person_of(1, f->arena);
	bad.login = NULL;
	assert_int_equal(store_person_put(f->store, &bad, &f->e), ERR_BUG);
	bad = person_of(1, f->arena);
	OK(store_person_put(f->store, &bad, &f->e));
}

static void a_generation_is_never_lost_by_putting_the_person(void **state)
{
	struct fixture *f = *state;
	struct store_account a = account_of(f, 1, LANE_JOIN, NOW);
	struct store_person p = person_of(1, f->arena);
	assert_int_equal(p.generation, 0);
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_person_get(f->store, a.uuid, f->arena, &p, &f->e));
	assert_int_equal(p.generation, 1);
}

static void people_are_found_by_name_and_uuid(void **state)
{
	struct fixture *f = *state;
	struct store_person a = person_of(1, f->arena), b = person_of(2, f->arena), c = person_of(3, f->arena), q;
	a.login = b.login = "alice";
	c.login = "carol";
	a.signal = SIGNAL_ABSENT;
	OK(store_person_put(f->store, &a, &f->e));
	OK(store_person_put(f->store, &c, &f->e));
	OK(store_person_find(f->store, "ALICE", f->arena, &q, &f->e));
	assert_string_equal(q.uuid, a.uuid);
	/* Names are used again: who has left does not make it ambiguous. */
	OK(store_person_put(f->store, &b, &f->e));
	OK(store_person_find(f->store, "alice", f->arena, &q, &f->e));
	assert_string_equal(q.uuid, b.uuid);
	a.signal = SIGNAL_DISABLED;
	OK(store_person_put(f->store, &a, &f->e));
	assert_int_equal(store_person_find(f->store, "alice", f->arena, &q, &f->e), ERR_INPUT);
	assert_non_null(strstr(f->e.text, "ambiguous"));
	OK(store_person_find(f->store, a.uuid, f->arena, &q, &f->e));
	assert_string_equal(q.uuid, a.uuid);
	/* Both absent is ambiguous again. */
	a.signal = b.signal = SIGNAL_ABSENT;
	OK(store_person_put(f->store, &a, &f->e));
	OK(store_person_put(f->store, &b, &f->e));
	assert_int_equal(store_person_find(f->store, "alice", f->arena, &q, &f->e), ERR_INPUT);
}

static void the_holder_of_a_login_is_told_by_stage(void **state)
{
	struct fixture *f = *state;
	char out[UUID_TEXT];
	struct store_account a = account_of(f, 1, LANE_JOIN, NOW);
	struct store_person p = person_of(2, f->arena);
	p.login = "USER1";
	OK(store_person_put(f->store, &p, &f->e));
	OK(store_login_holder(f->store, "user1", p.uuid, 1u << STAGE_ACTIVE | 1u << STAGE_DUE, out, &f->e));
	assert_string_equal(out, a.uuid);
	assert_int_equal(store_login_holder(f->store, "user1", p.uuid, 1u << STAGE_SUSPENDED, out, &f->e), ERR_ABSENT);
	assert_int_equal(store_login_holder(f->store, "user1", a.uuid, 1u << STAGE_ACTIVE, out, &f->e), ERR_ABSENT);
	/* Who has no account yet counts as STAGE_NONE. */
	OK(store_login_holder(f->store, "user1", a.uuid, 1u << STAGE_NONE, out, &f->e));
	assert_string_equal(out, p.uuid);
	/* Only the current generation counts. */
	struct store_account second = { .stage = STAGE_RETIRED };
	strcpy(second.uuid, a.uuid);
	OK(store_account_new(f->store, &second, &f->e));
	assert_int_equal(store_login_holder(f->store, "user1", p.uuid, 1u << STAGE_ACTIVE, out, &f->e), ERR_ABSENT);
}

static void everybody_is_listed_in_pages(void **state)
{
	struct fixture *f = *state;
	struct store_person *page;
	size_t n, seen = 0;
	unsigned char (*uuids)[16];
	char after[UUID_TEXT] = "";
	OK(store_people(f->store, "", 10, f->arena, &page, &n, &f->e));
	assert_int_equal(n, 0);
	for (unsigned i = 25; i > 0; i--) {
		struct store_person p = person_of(i, f->arena);
		OK(store_person_put(f->store, &p, &f->e));
	}
	do {
		OK(store_people(f->store, after, 10, f->arena, &page, &n, &f->e));
		for (size_t i = 0; i < n; i++) {
			assert_true(strcmp(page[i].uuid, after) > 0);
			strcpy(after, page[i].uuid);
			seen++;
		}
	} while (n > 0);
	assert_int_equal(seen, 25);
	OK(store_people_uuids(f->store, &uuids, &n, &f->e));
	assert_int_equal(n, 25);
	for (size_t i = 0; i < n; i++) {
		char text[UUID_TEXT], want[UUID_TEXT];
		str_uuid(uuids[i], text);
		uuid_of((unsigned)i + 1, want);
		assert_string_equal(text, want);
	}
	free(uuids);
}

static void weak_and_due_people_come_when_it_is_time(void **state)
{
	struct fixture *f = *state;
	struct store_person *list;
	size_t n;
	for (unsigned i = 1; i <= 6; i++) {
		struct store_person p = person_of(i, f->arena);
		p.signal = i <= 3 ? SIGNAL_ABSENT : i == 4 ? SIGNAL_ENTITLED : SIGNAL_DUE;
		p.weak_since_ms = i <= 3 ? (int64_t)i * 100 : 0;
		p.due_ms = i > 3 ? NOW + (int64_t)i : 0;
		OK(store_person_put(f->store, &p, &f->e));
	}
	OK(store_weak(f->store, 200, 10, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].weak_since_ms, 100);
	OK(store_weak(f->store, 99, 10, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 0);
	OK(store_weak(f->store, 1000, 1, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 1);
	OK(store_due(f->store, NOW + 5, 10, f->arena, &list, &n, &f->e));
	assert_int_equal(n, 2);
	assert_int_equal(list[1].due_ms, NOW + 5);
}

/* --- outbox -------------------------------------------------------------------------------------------- */

static void the_newest_letter_wins(void **state)
{
	struct fixture *f = *state;
	struct store_letter l = { .account_id = 5, .payload = "one", .digest = "d1", .due_ms = NOW }, q;
	int64_t next = 0;
	uuid_of(1, l.uuid);
	assert_int_equal(store_letter_next(f->store, f->arena, &q, &next, &f->e), ERR_ABSENT);
	assert_int_equal(next, INT64_MAX);
	OK(store_letter_put(f->store, &l, &f->e));
	OK(store_letter_next(f->store, f->arena, &q, &next, &f->e));
	assert_string_equal(q.payload, "one");
	assert_string_equal(q.uuid, l.uuid);
	assert_true(q.pending);
	OK(store_letter_failed(f->store, 5, "d1", NOW + 50, "server is away", &f->e));
	assert_int_equal(store_letter_next(f->store, f->arena, &q, &next, &f->e), ERR_ABSENT);
	assert_int_equal(next, NOW + 50);
	OK(store_letter_get(f->store, 5, f->arena, &q, &f->e));
	assert_int_equal(q.attempts, 1);
	assert_string_equal(q.trouble, "server is away");
	/* A newer one came while the old one was on its way: done and failed of the old one change nothing. */
	l.payload = "two";
	strcpy(l.digest, "d2");
	OK(store_letter_put(f->store, &l, &f->e));
	OK(store_letter_done(f->store, 5, "d1", &f->e));
	OK(store_letter_failed(f->store, 5, "d1", NOW + 99, "x", &f->e));
	OK(store_letter_next(f->store, f->arena, &q, &next, &f->e));
	assert_string_equal(q.payload, "two");
	assert_int_equal(q.attempts, 0);
	assert_null(q.trouble);
	OK(store_letter_done(f->store, 5, "d2", &f->e));
	assert_int_equal(store_letter_next(f->store, f->arena, &q, &next, &f->e), ERR_ABSENT);
	OK(store_letter_get(f->store, 5, f->arena, &q, &f->e));
	assert_false(q.pending);
	assert_int_equal(store_letter_get(f->store, 6, f->arena, &q, &f->e), ERR_ABSENT);
}

/* --- small things -------------------------------------------------------------------------------------- */

static void named_values_and_departures(void **state)
{
	struct fixture *f = *state;
	char *value = "x", uuid[UUID_TEXT];
	int64_t n;
	OK(store_meta_get(f->store, "installation", f->arena, &value, &f->e));
	assert_null(value);
	OK(store_meta_put(f->store, "installation", "abc", &f->e));
	OK(store_meta_put(f->store, "installation", "def", &f->e));
	OK(store_meta_get(f->store, "installation", f->arena, &value, &f->e));
	assert_string_equal(value, "def");
	uuid_of(1, uuid);
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, 0, &n, NULL, &f->e));
	assert_int_equal(n, 0);
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, uuid, "", NOW - 3600000, 0, &f->e));
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, uuid, "", NOW - 10, 0, &f->e));
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, uuid, "", NOW, 0, &f->e));
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, NOW - 10, &n, NULL, &f->e));
	assert_int_equal(n, 2);
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, NOW - 3600000, &n, NULL, &f->e));
	assert_int_equal(n, 3);
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, uuid, "", NOW + 8 * 86400000LL, 0, &f->e));
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, 0, &n, NULL, &f->e));
	assert_int_equal(n, 1);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_person_comes_back_as_he_was_put),
		STORE_TEST(who_is_not_there_is_absent),
		STORE_TEST(a_generation_is_never_lost_by_putting_the_person),
		STORE_TEST(people_are_found_by_name_and_uuid),
		STORE_TEST(the_holder_of_a_login_is_told_by_stage),
		STORE_TEST(everybody_is_listed_in_pages),
		STORE_TEST(weak_and_due_people_come_when_it_is_time),
		STORE_TEST(the_newest_letter_wins),
		STORE_TEST(named_values_and_departures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
