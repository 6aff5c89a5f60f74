/* What a refresh proves, against a real slapd: each way in which a directory answers with success and leaves people out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ldap/filter.h"
#include "tests/support/directory.h"

#define BERLIN "ou=berlin," SLAPD_PEOPLE
#define PARIS "ou=paris," SLAPD_PEOPLE
#define UNIT(name, dn) "dn: " dn "\nobjectClass: organizationalUnit\nou: " name "\n\n"
#define PERSON(uid, below) "dn: uid=" uid "," below "\n" PERSON_OBJECT "uid: " uid "\ncn: " uid "\nsn: " uid "\n\n"
#define REFERRAL(name, dn) "dn: " dn "\nobjectClass: referral\nobjectClass: extensibleObject\nou: " name "\n" \
	"ref: ldap://127.0.0.1:9/" dn "\n\n"

static const char two_branches[] = UNIT("berlin", BERLIN) PERSON("canary", BERLIN) PERSON("anna", BERLIN)
	UNIT("paris", PARIS) PERSON("canari", PARIS) PERSON("paul", PARIS);
static char *canaries[] = { "uid=canary," BERLIN, "uid=canari," PARIS };

static const struct source_doubts *doubts(const struct reader *r)
{
	return &r->event.doubts;
}

static void settle(struct reader *r, const struct slapd_options *o)
{
	reader_open(r, o);
	r->settings.sentinels = canaries;
	r->settings.sentinel_count = ARRAY_LEN(canaries);
}

/* After the next refresh: exactly these reasons. */
static void expect_all(const struct reader *r, const char *why)
{
	if (!doubts(r)->all || !strstr(doubts(r)->all, why))
		fail_msg("wanted a doubt of everybody, \"%s\", got: %s", why, doubts(r)->all ? doubts(r)->all : "none");
}

static void expect_branches(const struct reader *r, size_t count)
{
	if (doubts(r)->all)
		fail_msg("everybody is in doubt: %s", doubts(r)->all);
	if (doubts(r)->count != count)
		fail_msg("%zu branches are in doubt instead of %zu; %s", doubts(r)->count, count,
			doubts(r)->count ? doubts(r)->branches[0].why : "");
}

static void again(struct reader *r)
{
	r->source->wake(r->source, true);
	reader_refresh(r);
}

static void nothing_speaks_against_it(void **state)
{
	static char *needs[] = { "uid", "UID", "commonName", "2.5.4.4", "2.5.4.4;lang-de", "userCertificate;binary", "entryUUID",
		"uidNumber", NULL };
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .people = 5, .more_ldif = two_branches });
	r.settings.needs = needs;
	r.settings.scope_filter = "(&(objectClass=inetOrgPerson)(objectclass=2.5.6.6)"
		"(!(uidNumber:1.2.840.113556.1.4.803:=2))(!(uidNumber:1.2.840.113556.1.4.804:=2)))";
	reader_refresh(&r);
	assert_int_equal(r.seen, 9);
	expect_branches(&r, 0);
	assert_null(source_doubts_about(doubts(&r), "uid=anna," BERLIN));
	again(&r);
	assert_int_equal(r.seen, 9);
	expect_branches(&r, 0);
	reader_close(&r);
}

/* --- the schema ------------------------------------------------------------- */

static void schema_without_the_attribute(void **state)
{
	static char *needs[] = { "uid", "nsAccountLock", "1.2.3.4.5", NULL };
	static const struct { const char *filter, *why; } scopes[] = {
		{ "(|(objectClass=inetOrgPerson)(employeStatus=active))", "attribute unknown to the server's schema: \"employeStatus\"" },
		{ "(|(objectClass=inetOrgPerson)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", "\"userAccountControl\"" },
		{ "(|(objectClass=inetOrgPerson)(objectClass=posixAcount))", "object class unknown to the server's schema: \"posixAcount\"" },
		{ "(|(objectClass=inetOrgPerson)(cn:caseExactMatch:=x))", "what the scope filter needs is not known" },
	};
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .people = 2, .more_ldif = two_branches });
	r.settings.needs = needs;
	reader_refresh(&r);
	assert_int_equal(r.seen, 6);
	expect_all(&r, "attribute unknown to the server's schema: \"nsAccountLock\", \"1.2.3.4.5\"");
	r.settings.needs = NULL;
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
		r.settings.scope_filter = scopes[i].filter;
		again(&r);
		expect_all(&r, scopes[i].why);
	}
	/* Mended: the next refresh says so. */
	r.settings.scope_filter = "(objectClass=inetOrgPerson)";
	again(&r);
	expect_branches(&r, 0);
	reader_close(&r);
}

static void drop_lines(struct slapd *s, const char *word)
{
	char line[1024], *text = NULL;
	size_t n = 0;
	FILE *from = fopen(s->conf, "r"), *to = open_memstream(&text, &n);

	assert_non_null(from);
	assert_non_null(to);
	while (fgets(line, sizeof(line), from))
		if (!strstr(line, word))
			fputs(line, to);
	fclose(from);
	fclose(to);
	slapd_file(s, "slapd.conf", text, s->conf, sizeof(s->conf));
	free(text);
}

/* The server is started anew without a schema file: its answer is success and nobody. */
static void schema_that_was_lost(void **state)
{
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .more_ldif = two_branches, .global_conf =
		"attributetype ( 2.999.1 NAME 'companyStatus' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n"
		"objectclass ( 2.999.2 NAME 'companyPerson' SUP top AUXILIARY MAY companyStatus )\n" });
	assert_int_equal(slapd_ldif(&r.server, "dn: uid=anna," BERLIN "\nchangetype: modify\nadd: objectClass\n"
		"objectClass: companyPerson\n-\nadd: companyStatus\ncompanyStatus: active\n"), 0);
	r.settings.scope_filter = "(companyStatus=active)";
	reader_refresh(&r);
	assert_int_equal(r.seen, 1);
	expect_branches(&r, 0);
	slapd_stop(&r.server, SIGTERM);
	reader_expect(&r, SOURCE_LOST);
	drop_lines(&r.server, "company");
	slapd_start(&r.server);
	reader_refresh(&r);
	assert_int_equal(r.seen, 0);
	expect_all(&r, "attribute unknown to the server's schema: \"companyStatus\"");
	reader_close(&r);
}

static void schema_that_is_hidden(void **state)
{
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .people = 2, .more_ldif = two_branches, .global_conf =
		"access to dn.base=\"cn=Subschema\" by * none\naccess to * by * read\n" });
	reader_refresh(&r);
	expect_all(&r, "schema \"cn=Subschema\" is not readable");
	r.settings.schema_unreadable_ok = true;
	again(&r);
	expect_branches(&r, 0);
	/* Only its content is hidden. */
	assert_int_equal(slapd_ldif_as(&r.server, "cn=config", r.server.admin_secret, "dn: olcDatabase={-1}frontend,cn=config\n"
		"changetype: modify\nreplace: olcAccess\nolcAccess: to dn.base=\"cn=Subschema\" attrs=attributeTypes by * none\n"
		"olcAccess: to * by * read\n"), 0);
	r.settings.schema_unreadable_ok = false;
	again(&r);
	expect_all(&r, "it shows no attributes");
	reader_close(&r);
}

/* --- sentinels ---------------------------------------------------------------- */

static void rights(struct reader *r, const char *rules)
{
	char ldif[2048];

	snprintf(ldif, sizeof(ldif), "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcAccess\n"
		"olcAccess: to attrs=userPassword by anonymous auth by * none\n%solcAccess: to * by * read\n", rules);
	assert_int_equal(slapd_ldif_as(&r->server, "cn=config", r->server.admin_secret, ldif), 0);
}

/* A branch disappears behind an access rule: a refresh with success and without its people. */
static void rule_that_hides_the_sentinel(void **state)
{
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .people = 2, .more_ldif = two_branches });
	reader_refresh(&r);
	assert_int_equal(r.seen, 6);
	expect_branches(&r, 0);
	rights(&r, "olcAccess: to dn.subtree=\"" BERLIN "\" by * none\n");
	again(&r);
	assert_int_equal(r.seen, 4);
	expect_branches(&r, 1);
	assert_string_equal(doubts(&r)->branches[0].branch, BERLIN);
	assert_non_null(strstr(doubts(&r)->branches[0].why, "sentinel \"uid=canary," BERLIN "\" is missing"));
	assert_non_null(source_doubts_about(doubts(&r), "uid=Anna, OU=Berlin," SLAPD_PEOPLE));
	assert_null(source_doubts_about(doubts(&r), "uid=paul," PARIS));
	assert_null(source_doubts_about(doubts(&r), "uid=u0000," SLAPD_PEOPLE));
	/* Said to be there, but not for us. */
	rights(&r, "olcAccess: to dn.subtree=\"" BERLIN "\" by * disclose\n");
	again(&r);
	expect_branches(&r, 1);
	assert_non_null(strstr(doubts(&r)->branches[0].why, "Insufficient access"));
	/* Found, but not shown. */
	rights(&r, "olcAccess: to dn.subtree=\"" BERLIN "\" by * search\n");
	again(&r);
	assert_int_equal(r.seen, 4);
	expect_branches(&r, 1);
	assert_non_null(strstr(doubts(&r)->branches[0].why, "not visible"));
	rights(&r, "");
	again(&r);
	assert_int_equal(r.seen, 6);
	expect_branches(&r, 0);
	reader_close(&r);
}

/* Renamed inside the base nobody is gone, but who is known by the old name is not believed absent until the setting
 * follows; renamed out of it the whole branch is in doubt. */
static void container_renamed(void **state)
{
	static char *canary[] = { "uid=canary," BERLIN };
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .people = 2, .more_ldif = two_branches });
	reader_refresh(&r);
	assert_int_equal(slapd_ldif(&r.server, "dn: " BERLIN "\nchangetype: modrdn\nnewrdn: ou=bln\ndeleteoldrdn: 1\n"), 0);
	again(&r);
	assert_int_equal(r.seen, 6);
	expect_branches(&r, 1);
	assert_string_equal(doubts(&r)->branches[0].branch, BERLIN);
	assert_int_equal(slapd_ldif(&r.server, "dn: " PARIS "\nchangetype: modrdn\nnewrdn: ou=paris\ndeleteoldrdn: 1\n"
		"newsuperior: ou=groups," SLAPD_SUFFIX "\n"), 0);
	again(&r);
	assert_int_equal(r.seen, 4);
	expect_branches(&r, 2);
	assert_non_null(source_doubts_about(doubts(&r), "uid=paul," PARIS));
	assert_null(source_doubts_about(doubts(&r), "uid=u0001," SLAPD_PEOPLE));
	canary[0] = "uid=canary,ou=bln," SLAPD_PEOPLE;
	r.settings.sentinels = canary;
	r.settings.sentinel_count = 1;
	again(&r);
	expect_branches(&r, 0);
	reader_close(&r);
}

/* Which sentinel speaks for whom. */
static void sentinels_and_their_branches(void **state)
{
	static const struct { char *sentinel; const char *branch; } cases[] = {
		{ "uid=none,ou=sales," BERLIN, "ou=sales," BERLIN },
		{ "uid=none,OU = Berlin, " SLAPD_PEOPLE, BERLIN },
		{ "uid=none," SLAPD_PEOPLE, NULL },
		{ "ou=none," SLAPD_SUFFIX, NULL },
		{ "dc=none,dc=org", NULL },
		{ "uid=none,ou=services," SLAPD_SUFFIX, NULL },
		{ "no name at all", NULL },
	};
	struct reader r;

	(void)state;
	settle(&r, &(struct slapd_options){ .people = 1, .more_ldif = two_branches });
	reader_refresh(&r);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *one[] = { canaries[0], cases[i].sentinel, canaries[1] };

		r.settings.sentinels = one;
		r.settings.sentinel_count = 3;
		again(&r);
		if (!cases[i].branch) {
			expect_all(&r, cases[i].sentinel);
			continue;
		}
		expect_branches(&r, 1);
		assert_string_equal(doubts(&r)->branches[0].branch, cases[i].branch);
	}
	reader_close(&r);
}

/* --- parts that are elsewhere --------------------------------------------------- */

static void referrals(void **state)
{
	struct reader r;
	char *many = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&many, &n);

	(void)state;
	assert_non_null(f);
	fputs(UNIT("berlin", BERLIN) PERSON("canary", BERLIN) REFERRAL("paris", PARIS) REFERRAL("far", "ou=far," SLAPD_SUFFIX), f);
	fclose(f);
	settle(&r, &(struct slapd_options){ .people = 2, .more_ldif = many });
	reader_refresh(&r);
	assert_int_equal(r.seen, 3);
	/* The sentinel behind the referral, and the referral itself. */
	expect_branches(&r, 2);
	assert_non_null(strstr(doubts(&r)->branches[0].why, "sentinel"));
	assert_non_null(strstr(doubts(&r)->branches[0].why, "Referral"));
	r.settings.sentinel_count = 1;
	again(&r);
	expect_branches(&r, 1);
	assert_string_equal(doubts(&r)->branches[0].branch, PARIS);
	assert_non_null(strstr(doubts(&r)->branches[0].why, "is a referral to another server"));
	/* Somebody who is one himself. */
	r.settings.sentinels = (char *[]){ PARIS };
	again(&r);
	expect_all(&r, "Referral");
	/* The base became one: success, and nobody. */
	r.settings.sentinel_count = 0;
	r.settings.base = "ou=far," SLAPD_SUFFIX;
	again(&r);
	assert_int_equal(r.seen, 0);
	expect_all(&r, "base \"ou=far," SLAPD_SUFFIX "\" is not readable: Referral");
	reader_close(&r);
	free(many);
}

static void very_many_referrals(void **state)
{
	struct reader r;
	char *many = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&many, &n);

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 101; i++)
		fprintf(f, "dn: ou=far%d," SLAPD_PEOPLE "\nobjectClass: referral\nobjectClass: extensibleObject\nou: far%d\n"
			"ref: ldap://127.0.0.1:9/\n\n", i, i);
	fclose(f);
	reader_open(&r, &(struct slapd_options){ .people = 1, .more_ldif = many });
	reader_refresh(&r);
	expect_all(&r, "100 or more referrals");
	reader_close(&r);
	free(many);
}

/* A base that another server holds. */
static void referral_instead_of_the_base(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 1, .global_conf = "referral ldap://127.0.0.1:9\n" });
	r.settings.base = "dc=example,dc=com";
	reader_expect(&r, SOURCE_STARTED);
	reader_expect(&r, SOURCE_LOST);
	assert_int_equal(r.event.err.kind, ERR_PERM);
	assert_string_equal(r.event.err.code, "ldap-10");
	assert_non_null(strstr(r.event.err.text, "another server holds this"));
	reader_close(&r);
}

/* --- limits ------------------------------------------------------------------- */

/* Whatever limit binds our account, a part of the people is never a refresh. */
static void limits_of_the_account(void **state)
{
	static const char *const limits[] = { "size=20", "size.soft=20 size.hard=20", "size.soft=20 size.hard=unlimited",
		"size.unchecked=20", "size.soft=1 size.hard=unlimited size.unchecked=unlimited" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct reader r;
		size_t named = 0;
		char conf[512];

		snprintf(conf, sizeof(conf), "limits dn.exact=\"" SLAPD_ACCOUNT "\" %s\naccess to attrs=userPassword by anonymous auth"
			" by * none\naccess to * by * read\n", limits[i]);
		reader_open(&r, &(struct slapd_options){ .people = 60, .database_conf = conf });
		reader_expect(&r, SOURCE_STARTED);
		while (reader_next(&r)->kind == SOURCE_ENTRY)
			named++;
		if (r.event.kind == SOURCE_REFRESHED ? named != 60 : r.event.kind != SOURCE_LOST)
			fail_msg("%s: event %d behind %zu people", limits[i], r.event.kind, named);
		if (r.event.kind == SOURCE_LOST && !strstr(r.event.err.text, "limit"))
			fail_msg("%s: %s", limits[i], r.event.err.text);
		reader_close(&r);
	}
}

/* --- what the reader does with it ------------------------------------------------ */

static void asking_for_doubts(void **state)
{
	struct source_doubt one[] = { { BERLIN, "first" }, { "ou=x," PARIS, "second" } };
	struct source_doubts none = { 0 }, some = { NULL, 2, one }, all = { "everything", 0, NULL }, copy;
	AUTO_ARENA struct arena *a = arena_new(1 << 16), *b = arena_new(1 << 16);

	(void)state;
	assert_null(source_doubts_about(&none, "uid=a," BERLIN));
	assert_null(source_doubts_about(&none, NULL));
	assert_string_equal(source_doubts_about(&all, "uid=a," BERLIN), "everything");
	copy = source_doubts_copy(&some, a);
	memset(one, 0, sizeof(one));
	copy = source_doubts_copy(&copy, b);
	arena_reset(a);
	assert_string_equal(source_doubts_about(&copy, BERLIN), "first");
	assert_string_equal(source_doubts_about(&copy, "uid=a,ou=deep," BERLIN), "first");
	assert_string_equal(source_doubts_about(&copy, "uid=a,OU=X, " PARIS), "second");
	assert_null(source_doubts_about(&copy, "uid=a," PARIS));
	assert_null(source_doubts_about(&copy, "uid=a," SLAPD_PEOPLE));
	/* Nobody knows where he was seen. */
	assert_string_equal(source_doubts_about(&copy, NULL), "first");
	assert_string_equal(source_doubts_about(&copy, ""), "first");
	assert_string_equal(source_doubts_about(&copy, "no name"), "first");
	assert_null(source_doubts_copy(&none, a).all);
}

static void needs_of_the_rules(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	struct roll_rules rules = { .map = { .login = "uid", .mail = "mail", .uid_number = "uidNumber" } };
	struct err e;
	char **needs = person_needs(&(struct roll_rules){ 0 }, a);

	(void)state;
	assert_null(needs[0]);
	assert_int_equal(filter_parse(a, "(&(UID=*)(status=active))", &rules.entitled, &e), 0);
	assert_int_equal(filter_parse(a, "(uac:1.2.840.113556.1.4.803:=2)", &rules.disabled, &e), 0);
	needs = person_needs(&rules, a);
	assert_string_equal(needs[0], "uid");
	assert_string_equal(needs[1], "status");
	assert_string_equal(needs[2], "uac");
	assert_null(needs[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_speaks_against_it),
		cmocka_unit_test(schema_without_the_attribute),
		cmocka_unit_test(schema_that_was_lost),
		cmocka_unit_test(schema_that_is_hidden),
		cmocka_unit_test(rule_that_hides_the_sentinel),
		cmocka_unit_test(container_renamed),
		cmocka_unit_test(sentinels_and_their_branches),
		cmocka_unit_test(referrals),
		cmocka_unit_test(very_many_referrals),
		cmocka_unit_test(referral_instead_of_the_base),
		cmocka_unit_test(limits_of_the_account),
		cmocka_unit_test(asking_for_doubts),
		cmocka_unit_test(needs_of_the_rules),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/gate", tests, NULL, NULL);
}
