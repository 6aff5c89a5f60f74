/* Comparing DNs: is one below the other, and in which branch does it stand? */
#include "ldap/dn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/str.h"
#include "ldap/handle.h"

/* The next byte of a value, ASCII lower case, a run of blanks as one and none at the ends; -1 at the end. */
static int folded(const struct berval *v, size_t *at)
{
	const char *s = v->bv_val ? v->bv_val : "";
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

/* How many RDNs dn has more than base: 0 = the same entry, -1 = not below it.  *parsed is dn's, the caller frees it. */
static int depth_below(const char *dn, const char *base, LDAPDN *parsed)
{
	LDAPDN b = NULL;
	int depth = -1;

	*parsed = NULL;
	if (dn && ldap_str2dn(dn, parsed, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS &&
		ldap_str2dn(base, &b, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS) {
		size_t n = dn_length(*parsed), m = dn_length(b);
		bool below = n >= m;

		for (size_t i = 1; below && i <= m; i++)
			below = same_rdn((*parsed)[n - i], b[m - i]);
		depth = below ? (int)(n - m) : -1;
	}
	ldap_dnfree(b);
	return depth;
}

bool dn_below(const char *dn, const char *base)
{
	LDAPDN d;
	int depth = depth_below(dn, base, &d);

	ldap_dnfree(d);
	return depth >= 0;
}

/* --- one spelling ----------------------------------------------------------- */

/* In place: folding never lengthens.  A value in hexadecimal ("#04...") is bytes, not text. */
static void fold_ava(LDAPAVA *a)
{
	size_t at = 0, n = 0;
	char *to = a->la_value.bv_val;

	for (size_t i = 0; i < a->la_attr.bv_len; i++) {
		char *c = &a->la_attr.bv_val[i];

		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	}
	if (a->la_flags & LDAP_AVA_BINARY || !to)
		return;
	for (int c = folded(&a->la_value, &at); c >= 0; c = folded(&a->la_value, &at))
		to[n++] = (char)c;
	to[n] = '\0';
	a->la_value.bv_len = n;
}

static int compare_bytes(struct berval a, struct berval b)
{
	int order = memcmp(a.bv_val ? a.bv_val : "", b.bv_val ? b.bv_val : "", a.bv_len < b.bv_len ? a.bv_len : b.bv_len);

	return order ? order : (a.bv_len > b.bv_len) - (a.bv_len < b.bv_len);
}

static int by_spelling(const void *x, const void *y)
{
	const LDAPAVA *a = *(LDAPAVA *const *)x, *b = *(LDAPAVA *const *)y;
	int order = compare_bytes(a->la_attr, b->la_attr);

	return order ? order : compare_bytes(a->la_value, b->la_value);
}

/* Rewrites what it is given. */
static char *spell(LDAPDN dn, struct arena *a)
{
	char *text = NULL, *out;

	if (!dn || !dn[0])
		return arena_strdup(a, "");
	for (size_t i = 0; dn[i]; i++) {
		size_t n = rdn_length(dn[i]);

		for (size_t k = 0; k < n; k++)
			fold_ava(dn[i][k]);
		qsort((void *)dn[i], n, sizeof(*dn[i]), by_spelling);
	}
	if (ldap_dn2str(dn, &text, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
		text = NULL;
	out = arena_strdup(a, text ? text : "");
	ldap_memfree(text);
	return out;
}

char *dn_branch(const char *base, const char *dn, struct arena *a)
{
	LDAPDN d;
	int depth = depth_below(dn, base, &d);
	char *branch = spell(depth > 1 ? d + depth - 1 : NULL, a);

	ldap_dnfree(d);
	return branch;
}

char *dn_parent(const char *dn, struct arena *a)
{
	LDAPDN d = NULL;
	char *parent;

	if (ldap_str2dn(dn, &d, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
		d = NULL;
	parent = spell(dn_length(d) > 1 ? d + 1 : NULL, a);
	ldap_dnfree(d);
	return parent;
}
