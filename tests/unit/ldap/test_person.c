/* From entry to person: copying, checking, the signal, the hash. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "ldap/attrs.h"
#include "ldap/filter.h"
#include "ldap/person.h"

#define NOW 1795537502000    /* 2026-11-24T16:25:02Z */
#define UUID "89da469d-e813-11f1-9271-ca710d083b6f"

/* An entry that a test builds line by line. */
struct made {
	struct arena *arena;
	struct entry entry;
};

static void add_bytes(struct made *m, const char *name, const void *bytes, size_t n)
{
	struct value *v = arena_alloc(m->arena, sizeof(*v));

	*v = (struct value){ arena_memdup(m->arena, bytes, n), n };
	if (!m->entry.attributes)
		m->entry.attributes = arena_alloc(m->arena, 40 * sizeof(*m->entry.attributes));
	m->entry.attributes[m->entry.count++] = (struct attribute){ name, 1, v };
}

static void add(struct made *m, const char *name, const char *text)
{
	add_bytes(m, name, text, strlen(text));
}

static struct made alice(struct arena *a)
{
	struct made m = { .arena = a };

	str_copy(m.entry.uuid, sizeof(m.entry.uuid), UUID);
	m.entry.dn = "uid=alice,ou=people,dc=example,dc=org";
	add(&m, "objectClass", "inetOrgPerson");
	add(&m, "uid", "alice");
	add(&m, "cn", "Alice Carol");
	return m;
}

static struct roll_rules rules_of(struct arena *a, const char *entitled, const char *disabled)
{
	struct roll_rules r = { .map = { .login = "uid", .mail = "mail", .display = "displayName", .uid_number = "uidNumber",
		.certificate = "userCertificate", .due = "startDate" } };
	struct err e = { 0 };

	if (entitled && filter_parse(a, entitled, &r.entitled, &e))
		fail_msg("%s", e.text);
	if (disabled && filter_parse(a, disabled, &r.disabled, &e))
		fail_msg("%s", e.text);
	return r;
}

static struct person read_ok(const struct made *m, const struct roll_rules *r)
{
	struct person p;
	struct err e = { 0 };

	if (person_read(&m->entry, r, NOW, m->arena, &p, &e))
		fail_msg("%s", e.text);
	return p;
}

static void copies(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct roll_rules r = rules_of(a, NULL, NULL);
	struct made m = alice(a);
	struct person p = read_ok(&m, &r);

	(void)state;
	assert_string_equal(p.uuid, UUID);
	assert_string_equal(p.dn, "uid=alice,ou=people,dc=example,dc=org");
	assert_string_equal(p.login, "alice");
	assert_string_equal(p.display, "Alice Carol");
	assert_null(p.mail);
	assert_null(p.profile);
	assert_null(p.csn);
	assert_null(p.certificate);
	assert_int_equal(p.uid_number, -1);
	assert_int_equal(p.signal, SIGNAL_ENTITLED);
	assert_int_equal(strlen(p.hash), 16);

	add(&m, "mail", "alice@example.org");
	add(&m, "displayName", "Älice");
	add(&m, "uidNumber", "1007");
	add(&m, "modifyTimestamp", "20261124160000Z");
	add_bytes(&m, "userCertificate;binary", "\x30\x00\x00\x01", 4);
	p = read_ok(&m, &r);
	assert_string_equal(p.mail, "alice@example.org");
	assert_string_equal(p.display, "Älice");
	assert_int_equal(p.uid_number, 1007);
	assert_string_equal(p.csn, "20261124160000Z");
	assert_int_equal(p.certificate_len, 4);
	assert_memory_equal(p.certificate, "\x30\x00\x00\x01", 4);
	add(&m, "entryCSN", "20261124160000.000001Z#000000#001#000000");
	assert_string_equal(read_ok(&m, &r).csn, "20261124160000.000001Z#000000#001#000000");
}

static void display_falls_back_to_login(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct roll_rules r = rules_of(a, NULL, NULL);
	struct made m = { .arena = a, .entry = { .dn = "x" } };

	(void)state;
	add(&m, "uid", "bob");
	add(&m, "displayName", "");
	assert_string_equal(read_ok(&m, &r).display, "bob");
}

/* Each complaint names the attribute; uuid and dn are there all the same. */
static void refusals(void **state)
{
	static char big[17 << 10], login65[66];
	static const struct { const char *name, *value; size_t n; const char *why; } bad[] = {
		{ "uid", "\xff\xfe", 2, "\"uid\" held a value that is not UTF-8" },
		{ "uid", "al\0ice", 6, "\"uid\" held a value that is not UTF-8" },
		{ "uid", "", 0, "\"uid\", the login, was missing" },
		{ "uid", login65, 65, "longer than 64 bytes" },
		{ "uid", "al\nice", 6, "control character" },
		{ "mail", "\xc3", 1, "\"mail\" held a value that is not UTF-8" },
		{ "displayName", "\xed\xa0\x80", 3, "\"displayName\"" },
		{ "uidNumber", "12a", 3, "\"uidNumber\" was not a number: \"12a\"" },
		{ "uidNumber", "-1", 2, "\"uidNumber\" was not a number" },
		{ "uidNumber", "1234567890123456789", 19, "\"uidNumber\" was not a number" },
		{ "userCertificate;binary", big, sizeof(big), "\"userCertificate\" held a certificate of more than 16384 bytes" },
		{ "startDate", "tomorrow", 8, "\"startDate\"" },
		{ "entryCSN", "\xff", 1, "\"entryCSN\"" },
	};

	(void)state;
	memset(login65, 'x', 65);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct roll_rules r = rules_of(a, NULL, NULL);
		struct made m = { .arena = a, .entry = { .dn = "uid=x" } };
		struct person p;
		struct err e = { 0 };

		str_copy(m.entry.uuid, sizeof(m.entry.uuid), UUID);
		add_bytes(&m, bad[i].name, bad[i].value, bad[i].n);
		add(&m, "uid", "alice");
		if (person_read(&m.entry, &r, NOW, a, &p, &e) != ERR_INPUT || !strstr(e.text, bad[i].why))
			fail_msg("%s: wanted %s, got: %s", bad[i].name, bad[i].why, e.text);
		assert_string_equal(p.uuid, UUID);
		assert_string_equal(p.dn, "uid=x");
	}
}

static void nobody_without_login(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct roll_rules r = rules_of(a, NULL, NULL);
	struct made m = { .arena = a, .entry = { .dn = "uid=x" } };
	struct person p;
	struct err e = { 0 };

	(void)state;
	add(&m, "cn", "No Body");
	assert_int_equal(person_read(&m.entry, &r, NOW, a, &p, &e), ERR_INPUT);
	assert_string_equal(e.text, "attribute \"uid\", the login, was missing");
}

static const struct { const char *type, *start, *entitled, *disabled; enum signal signal; const char *reason; } signals[] = {
	{ NULL, NULL, NULL, NULL, SIGNAL_ENTITLED, "entitled" },
	{ "active", NULL, NULL, "(employeeType=retired)", SIGNAL_ENTITLED, "entitled" },
	{ "retired", NULL, NULL, "(employeeType=retired)", SIGNAL_DISABLED, "disabled: employeeType=retired" },
	{ NULL, NULL, NULL, "(employeeType=retired)", SIGNAL_ENTITLED, "entitled" },
	{ "retired", NULL, NULL, "(!(employeeType=active))", SIGNAL_WITHDRAWN, "disabled, by what is not there: !(employeeType=active)" },
	{ NULL, NULL, NULL, "(!(employeeType=*))", SIGNAL_WITHDRAWN, "disabled, by what is not there: !(employeeType=*)" },
	{ NULL, NULL, NULL, "(!(employeeType=active))", SIGNAL_ENTITLED, "entitled" },
	{ "active", NULL, "(employeeType=active)", NULL, SIGNAL_ENTITLED, "entitled: employeeType=active" },
	{ "retired", NULL, "(employeeType=active)", NULL, SIGNAL_WITHDRAWN, "not entitled: employeeType=active" },
	{ NULL, NULL, "(employeeType=active)", NULL, SIGNAL_WITHDRAWN, "not entitled, attribute missing: employeeType=active" },
	{ "retired", NULL, "(employeeType=active)", "(employeeType=retired)", SIGNAL_DISABLED, NULL },
	{ NULL, "20261124162503Z", NULL, NULL, SIGNAL_DUE, "entitled from 2026-11-24T16:25:03Z" },
	{ NULL, "20261124162502Z", NULL, NULL, SIGNAL_ENTITLED, NULL },
	{ "retired", "20361124000000Z", NULL, "(employeeType=retired)", SIGNAL_DISABLED, NULL },
	{ NULL, "20361124000000Z", "(employeeType=active)", NULL, SIGNAL_WITHDRAWN, NULL },
};

static void signal_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct roll_rules r = rules_of(a, signals[i].entitled, signals[i].disabled);
		struct made m = alice(a);
		struct person p;

		if (signals[i].type)
			add(&m, "employeeType", signals[i].type);
		if (signals[i].start)
			add(&m, "startDate", signals[i].start);
		p = read_ok(&m, &r);
		if (p.signal != signals[i].signal)
			fail_msg("case %zu: %s (%s)", i, signal_name(p.signal), p.reason);
		if (signals[i].reason)
			assert_string_equal(p.reason, signals[i].reason);
		assert_int_equal(p.due_ms != 0, p.signal == SIGNAL_DUE);
	}
}

static void protection_needs_a_value(void **state)
{
	static const struct { const char *filter, *title; bool is; } rows[] = {
		{ "(title=chief)", "chief", true }, { "(title=chief)", "cook", false }, { "(title=chief)", NULL, false },
		{ "(!(title=chief))", NULL, false }, { "(!(title=cook))", "chief", true }, { NULL, "chief", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct roll_rules r = { .map = { .login = "uid" } };
		struct made m = { .arena = a, .entry = { .dn = "uid=x" } };
		struct person p;
		struct err e = { 0 };

		if (rows[i].filter && filter_parse(a, rows[i].filter, &r.guarded, &e))
			fail_msg("%s", e.text);
		if (rows[i].title)
			add(&m, "title", rows[i].title);
		/* Without a login he is no person, and protected all the same. */
		assert_int_equal(person_read(&m.entry, &r, 0, a, &p, &e), ERR_INPUT);
		assert_int_equal(p.is_protected, rows[i].is);
	}
}

static void first_profile_wins(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct roll_rules r = rules_of(a, NULL, NULL);
	struct made m = alice(a);
	struct err e;

	(void)state;
	r.profile_count = 3;
	r.profiles[0].name = "chief";
	r.profiles[1].name = "staff";
	r.profiles[2].name = "other";
	assert_int_equal(filter_parse(a, "(title=chief)", &r.profiles[0].filter, &e), 0);
	assert_int_equal(filter_parse(a, "(uid=*)", &r.profiles[1].filter, &e), 0);
	assert_int_equal(filter_parse(a, "(&)", &r.profiles[2].filter, &e), 0);
	assert_string_equal(read_ok(&m, &r).profile, "staff");
	add(&m, "title", "chief");
	assert_string_equal(read_ok(&m, &r).profile, "chief");
}

/* What matters changes the hash, what does not leaves it. */
static void hashing(void **state)
{
	static const struct { const char *name, *value; bool news; } changes[] = {
		{ "mail", "alice@example.org", true }, { "displayName", "Al", true }, { "uidNumber", "7", true },
		{ "userCertificate;binary", "xyz", true }, { "startDate", "20361124000000Z", true },
		{ "employeeType", "retired", true }, { "title", "chief", true },
		{ "entryCSN", "x", false }, { "modifyTimestamp", "20261124160000Z", false }, { "rollcallStage", "active", false },
		{ "rollcallUin", "100", false }, { "description", "likes tea", false },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct roll_rules r = rules_of(a, NULL, "(employeeType=retired)");
	struct made m = alice(a), renamed = alice(a);
	struct err e;
	char before[17];

	(void)state;
	r.profile_count = 1;
	r.profiles[0].name = "chief";
	assert_int_equal(filter_parse(a, "(title=chief)", &r.profiles[0].filter, &e), 0);
	memcpy(before, read_ok(&m, &r).hash, sizeof(before));
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct made other = alice(a);

		add(&other, changes[i].name, changes[i].value);
		if ((strcmp(before, read_ok(&other, &r).hash) != 0) != changes[i].news)
			fail_msg("%s", changes[i].name);
	}
	renamed.entry.dn = "uid=alice,ou=alumni,dc=example,dc=org";
	assert_string_not_equal(before, read_ok(&renamed, &r).hash);
	/* The border between two fields is part of what is hashed. */
	m = alice(a);
	add(&m, "mail", "ab");
	add(&m, "displayName", "c");
	memcpy(before, read_ok(&m, &r).hash, sizeof(before));
	m = alice(a);
	add(&m, "mail", "a");
	add(&m, "displayName", "bc");
	assert_string_not_equal(before, read_ok(&m, &r).hash);
}

static bool asks_for(char **names, const char *name)
{
	int n = 0;

	for (; *names; names++)
		n += str_ieq(*names, name);
	assert_true(n <= 1);
	return n == 1;
}

static void attributes(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct roll_rules r = rules_of(a, "(memberOf=cn=x)", "(|(employeeType=retired)(UID=x))");
	char **names;
	struct err e;

	(void)state;
	r.profile_count = 1;
	assert_int_equal(filter_parse(a, "(title=*)", &r.profiles[0].filter, &e), 0);
	r.map.mail = NULL;
	names = person_attributes(&r, a);
	for (const char *const *p = (const char *const[]){ "uid", "displayName", "cn", "uidNumber", "userCertificate", "startDate",
		     "memberOf", "employeeType", "title", "entryUUID", "entryCSN", "modifyTimestamp", "objectClass", NULL }; *p; p++)
		if (!asks_for(names, *p))
			fail_msg("%s is not asked for", *p);
	assert_false(asks_for(names, "mail"));
	for (size_t i = 0; i < OWN_COUNT; i++)
		assert_int_equal(asks_for(names, own_attributes[i].name), !own_attributes[i].sealed);
}

static void finding(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct made m = { .arena = a };
	const char *text = "x";
	struct err e;

	(void)state;
	add(&m, "cn;lang-de", "Ali");
	add(&m, "CN", "Alice");
	add(&m, "userCertificate;binary", "x");
	assert_string_equal(entry_find(&m.entry, "cn")->name, "CN");
	assert_string_equal(entry_find(&m.entry, "cn;lang-de")->name, "cn;lang-de");
	assert_string_equal(entry_find(&m.entry, "cn;lang-fr")->name, "cn;lang-de");
	assert_non_null(entry_find(&m.entry, "USERCERTIFICATE"));
	assert_null(entry_find(&m.entry, "c"));
	assert_null(entry_find(&m.entry, "cns"));
	assert_int_equal(entry_text(&m.entry, "mail", &text, &e), 0);
	assert_null(text);
}

static void names_of_signals(void **state)
{
	(void)state;
	assert_string_equal(signal_name(SIGNAL_WITHDRAWN), "withdrawn");
	assert_string_equal(signal_name(SIGNAL_ABSENT), "absent");
	assert_string_equal(signal_name((enum signal)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(display_falls_back_to_login),
		cmocka_unit_test(refusals),
		cmocka_unit_test(nobody_without_login),
		cmocka_unit_test(signal_table),
		cmocka_unit_test(protection_needs_a_value),
		cmocka_unit_test(first_profile_wins),
		cmocka_unit_test(hashing),
		cmocka_unit_test(attributes),
		cmocka_unit_test(finding),
		cmocka_unit_test(names_of_signals),
	};

	return cmocka_run_group_tests_name("ldap/person", tests, NULL, NULL);
}
