/* The second opinion against a real slapd. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/directory.h"

static void second_opinions(void **state)
{
	static const char ldif[] =
		"dn: ou=staff," SLAPD_PEOPLE "\nobjectClass: organizationalUnit\nou: staff\n\n"
		"dn: uid=in,ou=staff," SLAPD_PEOPLE "\n" PERSON_OBJECT "uid: in\ncn: In\nsn: In\n\n"
		"dn: uid=moved,ou=alumni," SLAPD_SUFFIX "\n" PERSON_OBJECT "uid: moved\ncn: M\nsn: M\n\n"
		"dn: uid=away,ou=groups," SLAPD_SUFFIX "\n" PERSON_OBJECT "uid: away\ncn: A\nsn: A\n\n"
		"dn: cn=robot," SLAPD_PEOPLE "\nobjectClass: applicationProcess\ncn: robot\n\n";
	static const struct { const char *dn; enum whereabouts where; } cases[] = {
		{ "uid=u0000," SLAPD_PEOPLE, WHERE_INSIDE },
		{ "uid=in,ou=staff," SLAPD_PEOPLE, WHERE_INSIDE },
		{ "uid=moved,ou=alumni," SLAPD_SUFFIX, WHERE_OURS },
		{ "uid=away,ou=groups," SLAPD_SUFFIX, WHERE_OUTSIDE },
		{ "cn=robot," SLAPD_PEOPLE, WHERE_OUTSIDE },
	};
	struct reader r;
	struct confirm *c;
	struct dir *d;
	struct err e = { 0 };
	const struct entry *entry;
	enum whereabouts where;
	char uuid[UUID_TEXT];

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 3, .more_ldif = ldif });
	/* Written otherwise than in the server's DNs. */
	r.settings.base = "OU = People, dc=EXAMPLE ,dc=org";
	reader_refresh(&r);
	c = sync_confirm(&r.settings, reader_attributes, r.source, machine());
	assert_int_equal(dir_open(&r.settings, 0, machine(), &d, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uuid_of(d, cases[i].dn, uuid);
		assert_int_equal(c->reread(c, uuid, r.arena, &where, &entry, &e), 0);
		if (where != cases[i].where)
			fail_msg("%s: %s", cases[i].dn, whereabouts_name(where));
		assert_string_equal(entry->dn, cases[i].dn);
		assert_string_equal(entry->uuid, uuid);
	}
	uuid_of(d, "uid=u0001," SLAPD_PEOPLE, uuid);
	assert_int_equal(slapd_ldif(&r.server, "dn: uid=u0001," SLAPD_PEOPLE "\nchangetype: delete\n"), 0);
	assert_int_equal(c->reread(c, uuid, r.arena, &where, &entry, &e), 0);
	assert_int_equal(where, WHERE_GONE);
	assert_null(entry);

	/* The server went and came: an old connection is replaced once. */
	slapd_stop(&r.server, SIGTERM);
	assert_int_equal(c->reread(c, uuid, r.arena, &where, &entry, &e), ERR_TEMP);
	slapd_start(&r.server);
	assert_int_equal(c->reread(c, uuid, r.arena, &where, &entry, &e), 0);
	slapd_stop(&r.server, SIGTERM);
	slapd_start(&r.server);
	assert_int_equal(c->reread(c, uuid, r.arena, &where, &entry, &e), 0);
	assert_int_equal(where, WHERE_GONE);
	dir_close(d);
	c->close(c);
	reader_close(&r);
}

/* Hidden by access rules: nothing found in a base that is not readable proves nothing. */
static void hidden_is_not_gone(void **state)
{
	struct reader r;
	struct confirm *c;
	const struct entry *entry;
	enum whereabouts where;
	struct err e = { 0 };

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 3, .database_conf =
		"access to attrs=userPassword by anonymous auth by * none\n"
		"access to dn.subtree=\"" SLAPD_SUFFIX "\" by * search\n" });
	reader_expect(&r, SOURCE_STARTED);
	c = sync_confirm(&r.settings, reader_attributes, r.source, machine());
	assert_int_equal(c->reread(c, "89da469d-e813-11f1-9271-ca710d083b6f", r.arena, &where, &entry, &e), ERR_TEMP);
	assert_non_null(strstr(e.text, "is not readable"));
	r.settings.widest = "ou=nowhere," SLAPD_SUFFIX;
	assert_int_equal(c->reread(c, "89da469d-e813-11f1-9271-ca710d083b6f", r.arena, &where, &entry, &e), ERR_TEMP);
	c->close(c);
	reader_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_opinions),
		cmocka_unit_test(hidden_is_not_gone),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/confirm", tests, NULL, NULL);
}
