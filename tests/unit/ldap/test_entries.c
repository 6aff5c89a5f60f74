/* Reading and writing single entries of a real slapd. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ldap/attrs.h"
#include "tests/support/directory.h"

static void reading(void **state)
{
	static const char *const known[] = { "uid", "commonName", "userCertificate;binary", "rollcallStage", "2.5.4.4", NULL };
	static const char *const unknown[] = { "uid", "nsAccountLock", NULL };
	static const char *const names[] = { "uid", "mail", NULL };
	struct bench b;
	struct entry *entry;
	struct err e = { 0 };
	char uuid[UUID_TEXT];

	(void)state;
	bench_open(&b, &(struct slapd_options){ .people = 3 });
	assert_int_equal(dir_read(b.dir, "uid=u0001," SLAPD_PEOPLE, names, b.arena, &entry, &e), 0);
	assert_string_equal(entry_text_of(entry, "mail"), "u0001@example.org");
	assert_int_equal(entry->count, 2);
	assert_int_equal(dir_read(b.dir, "uid=none," SLAPD_PEOPLE, names, b.arena, &entry, &e), ERR_ABSENT);
	uuid_of(b.dir, "uid=u0002," SLAPD_PEOPLE, uuid);
	assert_int_equal(dir_find(b.dir, SLAPD_SUFFIX, uuid, names, b.arena, &entry, &e), 0);
	assert_string_equal(entry_text_of(entry, "uid"), "u0002");
	assert_string_equal(entry->uuid, uuid);
	assert_int_equal(dir_find(b.dir, "ou=alumni," SLAPD_SUFFIX, uuid, names, b.arena, &entry, &e), ERR_ABSENT);
	assert_string_equal(e.code, "");
	assert_int_equal(dir_find(b.dir, "ou=nowhere," SLAPD_SUFFIX, uuid, names, b.arena, &entry, &e), ERR_ABSENT);
	assert_string_equal(e.code, "ldap-32");
	assert_int_equal(dir_find(b.dir, SLAPD_SUFFIX, "no-uuid", names, b.arena, &entry, &e), ERR_INPUT);
	assert_int_equal(dir_schema_knows(b.dir, known, &e), 0);
	assert_int_equal(dir_schema_knows(b.dir, unknown, &e), ERR_INPUT);
	assert_non_null(strstr(e.text, "\"nsAccountLock\""));
	assert_true(dir_usable(b.dir));
	slapd_stop(&b.server, SIGKILL);
	assert_int_equal(dir_read(b.dir, SLAPD_PEOPLE, names, b.arena, &entry, &e), ERR_TEMP);
	assert_false(dir_usable(b.dir));
	bench_close(&b);
}

static void compare_and_set(void **state)
{
	struct bench b;
	struct value old = value_of("active"), stale = value_of("nothing"), fresh = value_of("retired");
	struct dir_change change = { .name = "employeeType", .before_count = 1, .before = &stale, .after_count = 1, .after = &fresh };
	struct dir_change add = { .name = "rollcallStage", .after_count = 1, .after = &fresh };
	const char *dn = "uid=u0000," SLAPD_PEOPLE;
	struct err e = { 0 };

	(void)state;
	bench_open(&b, &(struct slapd_options){ .people = 1 });
	assert_int_equal(dir_modify(b.dir, dn, &change, 1, &e), ERR_TEMP);
	assert_string_equal(e.code, "changed");
	change.before = &old;
	assert_int_equal(dir_modify(b.dir, dn, &change, 1, &e), 0);
	assert_int_equal(dir_modify(b.dir, dn, &change, 1, &e), ERR_TEMP);
	assert_string_equal(e.code, "changed");
	/* Believed absent, but somebody put a value there. */
	assert_int_equal(slapd_ldif(&b.server, "dn: uid=u0000," SLAPD_PEOPLE "\nchangetype: modify\nadd: objectClass\n"
		"objectClass: rollcallAccount\n-\nadd: rollcallStage\nrollcallStage: active\n"), 0);
	assert_int_equal(dir_modify(b.dir, dn, &add, 1, &e), ERR_TEMP);
	assert_string_equal(e.code, "changed");
	/* What the schema forbids is not a matter of trying again. */
	add.name = "ou";
	add.after_count = 0;
	add.before_count = 1;
	add.before = &fresh;
	change = (struct dir_change){ .name = "uidNumber", .after_count = 1, .after = &old };
	assert_int_equal(dir_modify(b.dir, dn, &change, 1, &e), ERR_PERM);
	change = (struct dir_change){ .name = "nonsense", .after_count = 1, .after = &old };
	assert_int_equal(dir_modify(b.dir, dn, &change, 1, &e), ERR_PERM);
	assert_int_equal(dir_modify(b.dir, "uid=none," SLAPD_PEOPLE, &change, 1, &e), ERR_PERM);
	change = (struct dir_change){ .name = "sn", .after_count = 1, .after = &old };
	assert_int_equal(dir_modify(b.dir, "uid=none," SLAPD_PEOPLE, &change, 1, &e), ERR_ABSENT);
	assert_true(dir_usable(b.dir));
	bench_close(&b);
}

static struct own_values all_values(void)
{
	struct own_values v = { 0 };

	for (size_t i = 0; i < OWN_COUNT; i++) {
		static const char *const samples[] = { [OWN_TEXT] = "Some  text: ä ", [OWN_INTEGER] = "100012345678",
			[OWN_TIME] = "20261124163502Z", [OWN_OCTETS] = NULL };

		if (own_attributes[i].syntax != OWN_OCTETS)
			v.v[i] = value_of(samples[own_attributes[i].syntax]);
		else
			v.v[i] = (struct value){ (const unsigned char *)"\x30\x00\xff sealed", 10 };
	}
	return v;
}

static void write_own(struct bench *b, const char *uuid, const struct own_values *v, bool expected)
{
	struct err e = { 0 };
	bool changed = !expected;

	if (own_write(b->dir, SLAPD_SUFFIX, uuid, v, b->arena, &changed, &e))
		fail_msg("%s", e.text);
	assert_int_equal(changed, expected);
}

/* The value an entry holds, "" when none. */
static const char *held(struct bench *b, const char *dn, enum own which)
{
	const char *const names[] = { own_attributes[which].name, NULL };
	const struct attribute *a;
	struct entry *entry;
	struct err e = { 0 };

	if (dir_read(b->dir, dn, names, b->arena, &entry, &e))
		fail_msg("%s", e.text);
	a = entry_find(entry, names[0]);
	return a ? (const char *)a->values[0].data : "";
}

static void writing_own(void **state)
{
	const char *dn = "uid=u0000," SLAPD_PEOPLE;
	struct own_values v = all_values();
	struct bench b;
	struct err e = { 0 };
	char uuid[UUID_TEXT];
	bool changed;

	(void)state;
	bench_open(&b, &(struct slapd_options){ .people = 2 });
	uuid_of(b.dir, dn, uuid);
	write_own(&b, uuid, &v, true);
	write_own(&b, uuid, &v, false);
	assert_string_equal(held(&b, dn, OWN_NOTE), "Some  text: ä ");
	assert_memory_equal(held(&b, dn, OWN_SEALED_KEY), "\x30\x00\xff sealed", 10);

	/* One open and one sealed value differ, one of each goes, one is left alone. */
	v.v[OWN_STAGE] = value_of("suspended");
	v.v[OWN_SEALED_KEY] = (struct value){ (const unsigned char *)"\x30\x01 other", 8 };
	v.v[OWN_NOTE] = (struct value){ NULL, 0 };
	v.v[OWN_SEALED_PASSWORD] = (struct value){ NULL, 0 };
	v.v[OWN_REGION] = value_of("elsewhere");
	v.keep[OWN_REGION] = true;
	write_own(&b, uuid, &v, true);
	write_own(&b, uuid, &v, false);
	assert_string_equal(held(&b, dn, OWN_STAGE), "suspended");
	assert_string_equal(held(&b, dn, OWN_NOTE), "");
	assert_string_equal(held(&b, dn, OWN_SEALED_PASSWORD), "");
	assert_memory_equal(held(&b, dn, OWN_SEALED_KEY), "\x30\x01 other", 8);
	assert_string_equal(held(&b, dn, OWN_REGION), "Some  text: ä ");

	/* DNs go stale, UUIDs do not. */
	assert_int_equal(slapd_ldif(&b.server, "dn: uid=u0000," SLAPD_PEOPLE "\nchangetype: modrdn\nnewrdn: uid=u9\n"
		"deleteoldrdn: 1\nnewsuperior: ou=alumni," SLAPD_SUFFIX "\n"), 0);
	v.v[OWN_STAGE] = value_of("retired");
	write_own(&b, uuid, &v, true);
	assert_string_equal(held(&b, "uid=u9,ou=alumni," SLAPD_SUFFIX, OWN_STAGE), "retired");

	assert_int_equal(own_write(b.dir, SLAPD_PEOPLE, uuid, &v, b.arena, &changed, &e), ERR_ABSENT);
	v.v[OWN_UIN] = value_of("not a number");
	assert_int_equal(own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e), ERR_PERM);
	/* Nothing reader_attributes and nothing there: not even the class is added. */
	uuid_of(b.dir, "uid=u0001," SLAPD_PEOPLE, uuid);
	write_own(&b, uuid, &(struct own_values){ 0 }, false);
	bench_close(&b);
}

/* Somebody else writes the same attribute over and over; every own_write ends with our value in place. */
static void *meddle(void *arg)
{
	struct bench *b = arg;
	struct dir *d;
	struct err e;

	if (dir_open(&b->settings, 0, machine(), &d, &e))
		return NULL;
	for (int i = 0; i < 400; i++) {
		char text[32];
		struct value v;
		struct dir_change c = { .name = "rollcallStage", .after_count = 1, .after = &v, .blind = true };

		snprintf(text, sizeof(text), "other %d", i);
		v = value_of(text);
		if (dir_modify(d, "uid=u0000," SLAPD_PEOPLE, &c, 1, &e))
			break;
	}
	dir_close(d);
	return NULL;
}

static void conflicts_are_retried(void **state)
{
	struct own_values v = { 0 };
	struct bench b;
	pthread_t thread;
	char uuid[UUID_TEXT];
	int refused = 0;

	(void)state;
	bench_open(&b, &(struct slapd_options){ .people = 1 });
	uuid_of(b.dir, "uid=u0000," SLAPD_PEOPLE, uuid);
	v.v[OWN_STAGE] = value_of("active");
	write_own(&b, uuid, &v, true);
	assert_int_equal(pthread_create(&thread, NULL, meddle, &b), 0);
	for (int i = 0; i < 100; i++) {
		struct err e = { 0 };
		bool changed;
		int rc = own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e);

		if (rc && strcmp(e.code, "changed"))
			fail_msg("%s", e.text);
		refused += rc != 0;
		arena_reset(b.arena);
	}
	pthread_join(thread, NULL);
	assert_in_range(refused, 0, 90);
	{
		struct err e = { 0 };
		bool changed;

		assert_int_equal(own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e), 0);
		assert_string_equal(held(&b, "uid=u0000," SLAPD_PEOPLE, OWN_STAGE), "active");
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(compare_and_set),
		cmocka_unit_test(writing_own),
		cmocka_unit_test(conflicts_are_retried),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/entries", tests, NULL, NULL);
}
