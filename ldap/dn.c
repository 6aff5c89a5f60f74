/* Comparing DNs: is one below the other? */
#include <string.h>
#include <strings.h>

#include "ldap/handle.h"

/* The next byte of a value, ASCII lower case, a run of blanks as one and none at the ends; -1 at the end. */
static int folded(const struct berval *v, size_t *at)
{
	const char *s = v->bv_val;
	size_t n = v->bv_len;

	while (n && s[n - 1] == ' ')
		n--;
	if (*at == 0)
		*at = strspn(s, " ");
	if (*at >= n)
		return -1;
	int c = (unsigned char)s[(*at)++];

	while (c == ' ' && *at < n && s[*at] == ' ')
		++*at;
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool same_ava(const LDAPAVA *a, const LDAPAVA *b)
{
	size_t i = 0, k = 0;

	if (a->la_attr.bv_len != b->la_attr.bv_len ||
		strncasecmp(a->la_attr.bv_val, b->la_attr.bv_val, a->la_attr.bv_len) != 0)
		return false;
	for (;;) {
		int x = folded(&a->la_value, &i), y = folded(&b->la_value, &k);

		if (x != y)
			return false;
		if (x < 0)
			return true;
	}
}

static size_t rdn_length(LDAPRDN rdn)
{
	size_t n = 0;

	while (rdn[n])
		n++;
	return n;
}

/* The parts of an RDN stand in any order. */
static bool same_rdn(LDAPRDN a, LDAPRDN b)
{
	if (rdn_length(a) != rdn_length(b))
		return false;
	for (size_t i = 0; a[i]; i++) {
		bool found = false;

		for (size_t k = 0; b[k] && !found; k++)
			found = same_ava(a[i], b[k]);
		if (!found)
			return false;
	}
	return true;
}

static size_t dn_length(LDAPDN dn)
{
	size_t n = 0;

	while (dn && dn[n])
		n++;
	return n;
}

int dir_dn_check(const char *dn, struct err *e)
{
	LDAPDN parsed = NULL;

	if (!*dn)
		return err_set(e, ERR_INPUT, "must not be empty");
	int rc = ldap_str2dn(dn, &parsed, LDAP_DN_FORMAT_LDAPV3);

	ldap_dnfree(parsed);
	return rc == LDAP_SUCCESS ? 0 : err_set(e, ERR_INPUT, "\"%.100s\" is no distinguished name", dn);
}

bool dn_below(const char *dn, const char *base)
{
	LDAPDN d = NULL, b = NULL;
	bool below = false;

	if (ldap_str2dn(dn, &d, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS &&
		ldap_str2dn(base, &b, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS) {
		size_t n = dn_length(d), m = dn_length(b);

		below = n >= m;
		for (size_t i = 1; below && i <= m; i++)
			below = same_rdn(d[n - i], b[m - i]);
	}
	ldap_dnfree(d);
	ldap_dnfree(b);
	return below;
}
