/* The sample access rules in front of a site's own, in both forms: who may see and change what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ldap/attrs.h"
#include "tests/support/directory.h"

#define DN(uid) "uid=" uid "," SLAPD_PEOPLE
#define PERSON(uid) "dn: " DN(uid) "\n" PERSON_OBJECT "uid: " uid "\ncn: " uid "\nsn: " uid "\nuserPassword: not-a-secret-1\n\n"
#define GROUP(name, member) "dn: cn=" name ",ou=groups," SLAPD_SUFFIX "\nobjectClass: groupOfNames\ncn: " name "\nmember: " member "\n\n"
#define REFUSED 50    /* insufficientAccessRights, as the tool's exit status */
#define CHANGE(uid, what) "dn: " DN(uid) "\nchangetype: modify\n" what

static const char people[] =
	PERSON("owner") PERSON("other") PERSON("boss") PERSON("keeper") PERSON("viewer")
	GROUP("admins", DN("boss")) GROUP("rollcall-key-readers", DN("keeper")) GROUP("rollcall-readers", DN("viewer"));

/* A generous site: administrators write everything, people write their own entry. */
static const char site_rules[] =
	"access to attrs=userPassword by self write by group.exact=\"cn=admins,ou=groups," SLAPD_SUFFIX "\" write\n"
	"\tby anonymous auth by * none\n"
	"access to * by group.exact=\"cn=admins,ou=groups," SLAPD_SUFFIX "\" write by self write by users read by * none\n";

/* Who sees what of uid=owner: an open value, a sealed one, the class, a name. */
static const struct { const char *who; bool open, sealed; } views[] = {
	{ SLAPD_ACCOUNT, true, false },
	{ DN("owner"), true, true },
	{ DN("other"), false, false },
	{ DN("boss"), false, false },
	{ DN("keeper"), false, true },
	{ DN("viewer"), true, false },
	{ SLAPD_ADMIN, true, true },
};

static const struct { const char *who, *ldif; bool allowed; } changes[] = {
	/* Rollcall: its own attributes and class, nothing else. */
	{ SLAPD_ACCOUNT, CHANGE("owner", "replace: rollcallNote\nrollcallNote: hello\n"), true },
	{ SLAPD_ACCOUNT, CHANGE("owner", "replace: mail\nmail: a@example.org\n"), false },
	{ SLAPD_ACCOUNT, CHANGE("owner", "replace: userPassword\nuserPassword: x\n"), false },
	{ SLAPD_ACCOUNT, CHANGE("owner", "add: objectClass\nobjectClass: uidObject\n"), false },
	{ SLAPD_ACCOUNT, CHANGE("other", "add: objectClass\nobjectClass: rollcallAccount\n"), true },
	{ SLAPD_ACCOUNT, CHANGE("other", "delete: objectClass\nobjectClass: inetOrgPerson\n"), false },
	{ SLAPD_ACCOUNT, "dn: " DN("other") "\nchangetype: delete\n", false },
	{ SLAPD_ACCOUNT, "dn: " DN("other") "\nchangetype: modrdn\nnewrdn: uid=x\ndeleteoldrdn: 1\n", false },
	{ SLAPD_ACCOUNT, "dn: " DN("extra") "\nchangetype: add\n" PERSON_OBJECT "uid: extra\ncn: x\nsn: x\n", false },
	/* People change their entry, but not what Rollcall recorded. */
	{ DN("owner"), CHANGE("owner", "replace: description\ndescription: me\n"), true },
	{ DN("owner"), CHANGE("owner", "replace: rollcallStage\nrollcallStage: active\n"), false },
	{ DN("owner"), CHANGE("owner", "replace: rollcallSealedKey\nrollcallSealedKey: x\n"), false },
	/* Nor do administrators. */
	{ DN("boss"), CHANGE("owner", "replace: description\ndescription: him\n"), true },
	{ DN("boss"), CHANGE("owner", "replace: rollcallStage\nrollcallStage: retired\n"), false },
	{ DN("boss"), CHANGE("owner", "replace: rollcallSealedKey\nrollcallSealedKey: x\n"), false },
	{ DN("keeper"), CHANGE("owner", "replace: rollcallSealedKey\nrollcallSealedKey: x\n"), false },
	{ DN("viewer"), CHANGE("owner", "replace: rollcallNote\nrollcallNote: x\n"), false },
};

static void check_views(struct bench *b)
{
	char out[65536];

	for (size_t i = 0; i < ARRAY_LEN(views); i++) {
		const char *who = views[i].who;

		assert_int_equal(slapd_search_as(&b->server, who, b->server.secret, DN("owner"), "(objectClass=*)", "*", out, sizeof(out)), 0);
		if (!strstr(out, "objectClass: inetOrgPerson") || !strstr(out, "cn: owner"))
			fail_msg("%s does not see the entry", who);
		if ((strstr(out, "rollcallStage: active") != NULL) != views[i].open)
			fail_msg("%s: rollcallStage", who);
		if ((strstr(out, "rollcallSealedKey:") != NULL) != views[i].sealed)
			fail_msg("%s: rollcallSealedKey", who);
		if ((strstr(out, "rollcallSealedPassword:") != NULL) != views[i].sealed)
			fail_msg("%s: rollcallSealedPassword", who);
		if (!strcmp(who, SLAPD_ACCOUNT))
			assert_null(strstr(out, "userPassword"));
	}
	/* A filter does not tell either. */
	slapd_search_as(&b->server, DN("boss"), b->server.secret, SLAPD_PEOPLE, "(rollcallStage=active)", "cn", out, sizeof(out));
	assert_null(strstr(out, "cn: owner"));
	slapd_search_as(&b->server, DN("viewer"), b->server.secret, SLAPD_PEOPLE, "(rollcallStage=active)", "cn", out, sizeof(out));
	assert_non_null(strstr(out, "cn: owner"));
}

static void check_changes(struct bench *b)
{
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		int rc = slapd_ldif_as(&b->server, changes[i].who, b->server.secret, changes[i].ldif);

		if (rc != (changes[i].allowed ? 0 : REFUSED))
			fail_msg("exit status %d: %s: %s", rc, changes[i].who, changes[i].ldif);
	}
}

static void check_all(const struct slapd_options *o)
{
	struct own_values v = { .v = {
		[OWN_STAGE] = value_of("active"), [OWN_UIN] = value_of("100001"), [OWN_NOTE] = value_of("first"),
		[OWN_SEALED_KEY] = value_of("sealed key"), [OWN_SEALED_PASSWORD] = value_of("sealed password") } };
	struct bench b;
	struct reader r = { .uris = { b.server.ldap } };
	struct err e = { 0 };
	char uuid[UUID_TEXT];
	bool changed = false;

	bench_open(&b, o);
	uuid_of(b.dir, DN("owner"), uuid);
	if (own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e))
		fail_msg("%s", e.text);
	assert_true(changed);
	assert_int_equal(own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e), 0);
	assert_false(changed);
	check_views(&b);
	check_changes(&b);
	/* Emptying works without seeing what is there. */
	v.v[OWN_SEALED_PASSWORD] = (struct value){ NULL, 0 };
	v.keep[OWN_NOTE] = true;
	assert_int_equal(own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e), 0);
	assert_true(changed);
	assert_int_equal(own_write(b.dir, SLAPD_SUFFIX, uuid, &v, b.arena, &changed, &e), 0);
	assert_false(changed);
	/* More than 500 people in one refresh: the limits line. */
	r.settings = b.settings;
	r.settings.uris = r.uris;
	reader_attach(&r);
	reader_refresh(&r);
	assert_int_equal(r.seen, o->people + 5);
	reader_close(&r);
	bench_close(&b);
}

static void slapd_conf(void **state)
{
	char here[256], conf[2048];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(conf, sizeof(conf), "include %s/etc/acl/rollcall-acl.conf\n%s", here, site_rules);
	check_all(&(struct slapd_options){ .people = 520, .more_ldif = people, .database_conf = conf });
}

static void cn_config(void **state)
{
	(void)state;
	check_all(&(struct slapd_options){ .people = 520, .more_ldif = people, .database_conf = site_rules, .config_dir = true,
		.config_ldif = true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slapd_conf),
		cmocka_unit_test(cn_config),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/acl", tests, NULL, NULL);
}
