/* Branches: who stands in which one, whatever the spelling. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/str.h"
#include "ldap/dn.h"

#define BASE "ou=people,dc=example,dc=org"

static const struct { const char *base, *dn, *branch; } branches[] = {
	/* nobody's branch */
	{ BASE, BASE, "" },
	{ BASE, "uid=a," BASE, "" },
	{ BASE, "uid=a,ou=alumni,dc=example,dc=org", "" },
	{ BASE, "dc=example,dc=org", "" },
	{ BASE, "uid=a,ou=x,ou=peoples,dc=example,dc=org", "" },
	{ BASE, "no name at all", "" },
	{ BASE, "", "" },
	{ BASE, NULL, "" },
	{ "no base", "uid=a,ou=x," BASE, "" },
	/* one and several levels */
	{ BASE, "uid=a,ou=berlin," BASE, "ou=berlin," BASE },
	{ BASE, "uid=a,ou=sales,ou=berlin," BASE, "ou=berlin," BASE },
	{ BASE, "cn=phone,uid=a,ou=sales,ou=berlin," BASE, "ou=berlin," BASE },
	{ "dc=org", "uid=a,ou=x,dc=example,dc=org", "dc=example,dc=org" },
	{ "", "uid=a,dc=org", "dc=org" },
	/* spelling */
	{ BASE, "UID=a, OU=BERLIN ,OU=People , DC=Example,dc=ORG", "ou=berlin," BASE },
	{ "OU = People,dc=example , DC=org", "uid=a,ou=berlin," BASE, "ou=berlin," BASE },
	{ BASE, "uid=a,ou=  North   Berlin ," BASE, "ou=north berlin," BASE },
	{ BASE, "uid=a,ou=\\20North Berlin\\20," BASE, "ou=north berlin," BASE },
	/* escapes: the same character, however it is written */
	{ BASE, "uid=a\\,b,ou=berlin," BASE, "ou=berlin," BASE },
	{ BASE, "uid=a,ou=Research\\, Development," BASE, "ou=research\\2C development," BASE },
	{ BASE, "uid=a,ou=Research\\2c Development," BASE, "ou=research\\2C development," BASE },
	{ BASE, "uid=a,ou=a\\+b\\=c\\\\d," BASE, NULL },
	{ BASE, "uid=a,ou=x\\,ou=people\\,dc=example\\,dc=org,dc=com", "" },
	/* several parts in one RDN */
	{ BASE, "uid=a,ou=berlin+l=Mitte," BASE, "l=mitte+ou=berlin," BASE },
	{ BASE, "uid=a,L=mitte + OU=Berlin," BASE, "l=mitte+ou=berlin," BASE },
	{ BASE, "uid=a+cn=b,ou=berlin," BASE, "ou=berlin," BASE },
	{ BASE, "uid=a+cn=b," BASE, "" },
	/* UTF-8, plain and in hexadecimal; only ASCII letters lose their case */
	{ BASE, "uid=a,ou=M\xc3\xbcnchen," BASE, NULL },
	{ BASE, "uid=a,ou=M\\C3\\BCnchen," BASE, NULL },
	/* odd values */
	{ BASE, "uid=a,ou=," BASE, "ou=," BASE },
	{ BASE, "uid=a,ou=#04024869," BASE, NULL },
};

/* Each branch is a name that reads back as the same one, and its people stand below it. */
static void each_has_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(branches); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 16);
		const char *branch = dn_branch(branches[i].base, branches[i].dn, a);

		if (branches[i].branch && !str_eq(branch, branches[i].branch))
			fail_msg("%s: \"%s\"", branches[i].dn ? branches[i].dn : "(null)", branch);
		if (!*branch) {
			assert_non_null(branches[i].branch);
			continue;
		}
		if (!dn_below(branches[i].dn, branch))
			fail_msg("%s is not below %s", branches[i].dn, branch);
		if (!str_eq(dn_branch(branches[i].base, arena_printf(a, "uid=other,%s", branch), a), branch))
			fail_msg("%s does not read back", branch);
	}
}

static void same_branch(const char *x, const char *y, bool same)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	const char *p = dn_branch(BASE, x, a), *q = dn_branch(BASE, y, a);

	if (str_eq(p, q) != same)
		fail_msg("%s: %s; %s: %s", x, p, y, q);
}

static void alike_or_not(void **state)
{
	(void)state;
	same_branch("uid=a,ou=M\xc3\xbcnchen," BASE, "uid=b,ou=m\\c3\\bcnchen," BASE, true);
	same_branch("uid=a,ou=a\\2bb," BASE, "uid=b,ou=A\\+B," BASE, true);
	same_branch("uid=a,ou=a+l=b," BASE, "uid=b,l=B+ou=A," BASE, true);
	same_branch("uid=a,ou=a+l=b," BASE, "uid=b,ou=a," BASE, false);
	same_branch("uid=a,ou=a+ou=b," BASE, "uid=b,ou=b+ou=a," BASE, true);
	same_branch("uid=a,ou=ab," BASE, "uid=b,ou=a b," BASE, false);
	same_branch("uid=a,ou=a," BASE, "uid=b,cn=a," BASE, false);
	same_branch("uid=a,ou=#04024869," BASE, "uid=b,ou=#04026869," BASE, false);
	same_branch("uid=a,ou=\\#04024869," BASE, "uid=b,ou=#04024869," BASE, false);
}

static void parents(void **state)
{
	static const struct { const char *dn, *parent; } cases[] = {
		{ "cn=Canary,OU=Berlin, " BASE, "ou=berlin," BASE },
		{ "cn=a\\,b,ou=x", "ou=x" },
		{ "dc=org", "" },
		{ "", "" },
		{ "no name", "" },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(dn_parent(cases[i].dn, a), cases[i].parent);
}

static void below(void **state)
{
	static const struct { const char *dn, *base; bool yes; } cases[] = {
		{ BASE, BASE, true },
		{ "uid=a," BASE, BASE, true },
		{ "uid=a," BASE, "", true },
		{ "uid=a,OU=people ,dc=example,DC=org", BASE, true },
		{ "dc=example,dc=org", BASE, false },
		{ "uid=a,ou=people,dc=example,dc=com", BASE, false },
		{ "uid=a\\,ou=people,dc=example,dc=org", BASE, false },
		{ "ou=", "ou=", true },
		{ "nonsense", BASE, false },
		{ "uid=a," BASE, "nonsense", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (dn_below(cases[i].dn, cases[i].base) != cases[i].yes)
			fail_msg("%s below %s", cases[i].dn, cases[i].base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_one),
		cmocka_unit_test(alike_or_not),
		cmocka_unit_test(parents),
		cmocka_unit_test(below),
	};

	return cmocka_run_group_tests_name("ldap/dn", tests, NULL, NULL);
}
