/* Filters: reading (with the column of each complaint) and three-valued judging. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "common/str.h"
#include "ldap/filter.h"

#define V(text) { (const unsigned char *)(text), sizeof(text) - 1 }
#define ATTRIBUTE(name, ...) \
	{ name, sizeof((struct value[]){ __VA_ARGS__ }) / sizeof(struct value), (struct value[]){ __VA_ARGS__ } }

/* Nobody in particular: every judging case is asked of this entry. */
static struct attribute attributes[] = {
	ATTRIBUTE("objectClass", V("top"), V("person"), V("inetOrgPerson")),
	ATTRIBUTE("uid", V("alice")),
	ATTRIBUTE("cn", V("Alice  B.  Carol")),
	ATTRIBUTE("cn;lang-de", V("Alice von B")),
	ATTRIBUTE("employeeType", V("Retired")),
	ATTRIBUTE("uidNumber", V("1007")),
	ATTRIBUTE("userAccountControl", V("514")),
	ATTRIBUTE("groupType", V("-2147483646")),
	ATTRIBUTE("pwdAccountLockedTime", V("000001010000Z")),
	ATTRIBUTE("accountExpires", V("9223372036854775807")),
	ATTRIBUTE("description", V("a*b(c)d\\e")),
	ATTRIBUTE("note", V("")),
	ATTRIBUTE("userCertificate;binary", V("\x30\x00\x01")),
	ATTRIBUTE("level", V("abc"), V("5")),
};
static const struct entry entry = { .dn = "uid=alice", .count = ARRAY_LEN(attributes), .attributes = attributes };

enum { F = TRUTH_FALSE, T = TRUTH_TRUE, U = TRUTH_UNKNOWN, STRONG = 1, WEAK = 0 };

static const struct { const char *filter; int truth, strong; const char *because; } judged[] = {
	/* equality */
	{ "(uid=alice)", T, STRONG, "uid=alice" },
	{ "(UID=ALICE)", T, STRONG, "UID=ALICE" },
	{ "(uid=bob)", F, 0, "uid=bob" },
	{ "(uid=)", F, 0, "uid=" },
	{ "(note=)", T, STRONG, "note=" },
	{ "(objectClass=inetorgperson)", T, STRONG, "objectClass=inetorgperson" },
	{ "(cn= alice b. carol )", T, STRONG, NULL },
	{ "(cn=alice b.carol)", F, 0, NULL },
	{ "(cn=alice VON b)", T, STRONG, NULL },
	{ "(cn;lang-fr=alice von b)", T, STRONG, NULL },
	{ "(employeeType=retired)", T, STRONG, "employeeType=retired" },
	{ "(uid~=Alice)", T, STRONG, NULL },
	{ "(uid:=alice)", T, STRONG, NULL },
	{ "(uidNumber=01007)", F, 0, NULL },
	{ "(pwdAccountLockedTime=000001010000Z)", T, STRONG, NULL },
	{ "(userCertificate=\\30\\00\\01)", T, STRONG, NULL },
	{ "(userCertificate;binary=\\30\\00\\02)", F, 0, NULL },
	/* escapes */
	{ "(description=a\\2ab\\28c\\29d\\5ce)", T, STRONG, NULL },
	{ "(description=a\\2Ab*)", T, STRONG, NULL },
	{ "(description=a\\2a*\\5CE)", T, STRONG, NULL },
	/* substrings */
	{ "(uid=al*)", T, STRONG, "uid=al*" },
	{ "(uid=*ce)", T, STRONG, NULL },
	{ "(uid=*lic*)", T, STRONG, NULL },
	{ "(uid=a*i*e)", T, STRONG, NULL },
	{ "(uid=a*i*i*e)", F, 0, NULL },
	{ "(uid=alice*alice)", F, 0, NULL },
	{ "(uid=alice*)", T, STRONG, NULL },
	{ "(uid=*alice)", T, STRONG, NULL },
	{ "(uid=*alicex)", F, 0, NULL },
	{ "(uid=*lic)", F, 0, NULL },
	{ "(uid=al*lic)", F, 0, NULL },
	{ "(cn=alice b*)", T, STRONG, NULL },
	{ "(cn=*b.   c*)", T, STRONG, NULL },
	{ "(cn=al*b*b*)", F, 0, NULL },
	{ "(cn=*e*e b*rol)", F, 0, NULL },
	{ "(note=*a*)", F, 0, NULL },
	/* presence */
	{ "(uid=*)", T, STRONG, "uid=*" },
	{ "(note=*)", T, STRONG, NULL },
	{ "(userCertificate=*)", T, STRONG, NULL },
	{ "(mail=*)", F, 0, "mail=*" },
	/* absent attributes */
	{ "(mail=a)", U, 0, "mail=a" },
	{ "(mail=a*)", U, 0, NULL },
	{ "(mail>=a)", U, 0, NULL },
	{ "(mail:1.2.840.113556.1.4.803:=2)", U, 0, NULL },
	{ "(!(mail=a))", U, 0, "!(mail=a)" },
	{ "(!(mail=*))", T, WEAK, "!(mail=*)" },
	/* ordering */
	{ "(uidNumber>=1007)", T, STRONG, NULL },
	{ "(uidNumber>=999)", T, STRONG, NULL },
	{ "(uidNumber<=999)", F, 0, NULL },
	{ "(uidNumber<=00001007)", T, STRONG, NULL },
	{ "(uidNumber>=-5)", T, STRONG, NULL },
	{ "(groupType<=-1)", T, STRONG, NULL },
	{ "(groupType>=-2147483645)", F, 0, NULL },
	{ "(accountExpires>=9223372036854775808)", F, 0, NULL },
	{ "(accountExpires<=92233720368547758080)", T, STRONG, NULL },
	{ "(uid>=ALA)", T, STRONG, NULL },
	{ "(uid<=ala)", F, 0, NULL },
	{ "(level>=4)", T, STRONG, NULL },
	/* bits */
	{ "(userAccountControl:1.2.840.113556.1.4.803:=2)", T, STRONG, NULL },
	{ "(userAccountControl:1.2.840.113556.1.4.803:=3)", F, 0, NULL },
	{ "(userAccountControl:1.2.840.113556.1.4.803:=514)", T, STRONG, NULL },
	{ "(userAccountControl:1.2.840.113556.1.4.804:=3)", T, STRONG, NULL },
	{ "(userAccountControl:1.2.840.113556.1.4.804:=1)", F, 0, NULL },
	{ "(userAccountControl:1.2.840.113556.1.4.803:=0)", T, STRONG, NULL },
	{ "(groupType:1.2.840.113556.1.4.803:=2147483648)", T, STRONG, NULL },
	{ "(groupType:1.2.840.113556.1.4.803:=4)", F, 0, NULL },
	{ "(uid:1.2.840.113556.1.4.803:=2)", U, 0, NULL },
	{ "(level:1.2.840.113556.1.4.803:=4)", T, STRONG, NULL },
	{ "(level:1.2.840.113556.1.4.803:=8)", U, 0, NULL },
	/* and */
	{ "(&(uid=alice)(employeeType=retired))", T, STRONG, "employeeType=retired" },
	{ "(&(uid=alice)(!(employeeType=vip)))", T, WEAK, "!(employeeType=vip)" },
	{ "(&(!(employeeType=vip))(uid=alice))", T, WEAK, "!(employeeType=vip)" },
	{ "(&(uid=alice)(mail=a))", U, 0, "mail=a" },
	{ "(&(mail=a)(uid=bob))", F, 0, "uid=bob" },
	{ "(&(mail=a)(mail=b)(uid=alice))", U, 0, "mail=a" },
	{ "(&)", T, WEAK, NULL },
	/* or */
	{ "(|(uid=bob)(employeeType=retired))", T, STRONG, "employeeType=retired" },
	{ "(|(!(mail=*))(employeeType=retired))", T, STRONG, "employeeType=retired" },
	{ "(|(!(mail=*))(uid=bob))", T, WEAK, "!(mail=*)" },
	{ "(|(mail=a)(uid=alice))", T, STRONG, "uid=alice" },
	{ "(|(uid=bob)(mail=a))", U, 0, "mail=a" },
	{ "(|(uid=bob)(uid=carol))", F, 0, "uid=bob" },
	{ "(|)", F, 0, NULL },
	{ "(|(&)(uid=bob))", T, WEAK, NULL },
	/* not */
	{ "(!(uid=bob))", T, WEAK, "!(uid=bob)" },
	{ "(!(uid=alice))", F, 0, NULL },
	{ "(!(!(uid=alice)))", T, WEAK, NULL },
	{ "(!(|(mail=a)(uid=bob)))", U, 0, NULL },
	{ "(!(&(mail=a)(uid=bob)))", T, WEAK, NULL },
	/* layout */
	{ " ( & (uid=alice)\n\t(employeeType=retired) ) ", T, STRONG, "employeeType=retired" },
};

static void judging(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 16);
		const struct filter *f;
		struct err e = { 0 };
		struct verdict v;

		if (filter_parse(a, judged[i].filter, &f, &e))
			fail_msg("%s: %s", judged[i].filter, e.text);
		v = filter_judge(f, &entry);
		if ((int)v.truth != judged[i].truth || v.strong != judged[i].strong)
			fail_msg("%s: truth %d, strong %d", judged[i].filter, v.truth, v.strong);
		if (judged[i].because && (!v.because || strcmp(v.because, judged[i].because)))
			fail_msg("%s: because %s", judged[i].filter, v.because ? v.because : "(null)");
		assert_string_equal(filter_text(f), judged[i].filter);
	}
}

static const struct { const char *filter; int column; const char *why; } refused[] = {
	{ "", 1, "'(' was expected" },
	{ "   ", 4, "'('" },
	{ "uid=alice", 1, "'('" },
	{ "()", 2, "attribute name" },
	{ "(=x)", 2, "attribute name" },
	{ "(uid", 5, "one of" },
	{ "(uid)", 5, "one of" },
	{ "(uid alice)", 5, "one of" },
	{ "(uid =alice)", 5, "one of" },
	{ "(uid>alice)", 5, "one of" },
	{ "(uid=alice", 11, "missing at the end" },
	{ "(uid=alice))", 12, "nothing may stand behind" },
	{ "(uid=alice)x", 12, "nothing may stand behind" },
	{ "(uid=al(ice)", 8, "\\28" },
	{ "(uid=a\\)", 7, "hexadecimal" },
	{ "(uid=a\\2)", 7, "hexadecimal" },
	{ "(uid=a\\zz)", 7, "hexadecimal" },
	{ "(uid=a\\*)", 7, "hexadecimal" },
	{ "(uid=a**b)", 8, "side by side" },
	{ "(uid=**)", 7, "side by side" },
	{ "(uid>=a*)", 8, "no meaning" },
	{ "(uid~=*)", 7, "no meaning" },
	{ "(uid:=*)", 7, "no meaning" },
	{ "(u_d=a)", 3, "one of" },
	{ "(1.2.=a)", 6, "ends in a dot" },
	{ "(uid;=a)", 6, "option" },
	{ "(!)", 3, "behind '!'" },
	{ "(!(a=b)(c=d))", 8, "one filter only" },
	{ "(!a=b)", 3, "behind '!'" },
	{ "(&(a=b)", 8, "missing at the end" },
	{ "(&a=b)", 3, "')' was expected" },
	{ "(&(a=b)x)", 8, "')' was expected" },
	{ "(a:caseExactMatch:=x)", 3, "matching rules" },
	{ "(a:dn:=x)", 3, "matching rules" },
	{ "(:1.2.840.113556.1.4.803:=1)", 2, "attribute name" },
	{ "(a:1.2.840.113556.1.4.803:=x)", 28, "decimal" },
	{ "(a:1.2.840.113556.1.4.803:=)", 28, "decimal" },
	{ "(a:1.2.840.113556.1.4.803:=-1)", 28, "decimal" },
	{ "(a:1.2.840.113556.1.4.803:=1x)", 29, "decimal" },
	{ "(a:1.2.840.113556.1.4.804:=99999999999999999999)", 28, "too large" },
};

static void complaints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 16);
		const struct filter *f = NULL;
		struct err e = { 0 };
		char column[32];

		if (filter_parse(a, refused[i].filter, &f, &e) != ERR_INPUT)
			fail_msg("%s: was taken", refused[i].filter);
		snprintf(column, sizeof(column), "column %d: ", refused[i].column);
		if (!strstr(e.text, column) || !strstr(e.text, refused[i].why))
			fail_msg("%s: wanted column %d and \"%s\", got: %s", refused[i].filter, refused[i].column, refused[i].why, e.text);
		assert_null(f);
	}
}

static void nesting_is_bounded(void **state)
{
	char text[512] = "";
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	const struct filter *f;
	struct err e;

	(void)state;
	for (int i = 0; i < 40; i++)
		memcpy(text + strlen(text), "(!", 3);
	assert_int_equal(filter_parse(a, text, &f, &e), ERR_INPUT);
	assert_non_null(strstr(e.text, "too deeply"));
}

static void collect(void *ctx, const char *name)
{
	struct str *s = ctx;

	str_addf(s, "%s ", name);
}

static void attributes_are_named(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	const struct filter *f;
	struct str s;
	struct err e;

	(void)state;
	str_init(&s, a);
	assert_int_equal(filter_parse(a, "(&(uid=a)(|(mail=*)(!(uac:1.2.840.113556.1.4.803:=2)))(cn;lang-de=x*y))", &f, &e), 0);
	filter_attributes(f, collect, &s);
	assert_string_equal(s.text, "uid mail uac cn;lang-de ");
}

/* What was escaped reads back as the same bytes. */
static void escaping(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	unsigned char all[256];
	struct value value = { all, sizeof(all) };
	struct attribute one = { "x", 1, &value };
	struct entry holder = { .count = 1, .attributes = &one };
	const struct filter *f;
	struct err e = { 0 };

	(void)state;
	assert_string_equal(filter_escape(a, "a*(b)\\\0\xc3\xa4", 9), "a\\2a\\28b\\29\\5c\\00\\c3\\a4");
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	assert_int_equal(filter_parse(a, arena_printf(a, "(x=%s)", filter_escape(a, all, sizeof(all))), &f, &e), 0);
	assert_int_equal(filter_judge(f, &holder).truth, TRUTH_TRUE);
	all[7] = 'q';
	assert_int_equal(filter_judge(f, &holder).truth, TRUTH_FALSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judging),
		cmocka_unit_test(complaints),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(attributes_are_named),
		cmocka_unit_test(escaping),
	};

	return cmocka_run_group_tests_name("ldap/filter", tests, NULL, NULL);
}
