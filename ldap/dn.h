/* Distinguished names (RFC 4514), compared as text: no schema is asked, so "ou" and "2.5.4.11" are different types.
 * Types and values count without ASCII case, runs of blanks as one and none at the ends; the parts of one RDN stand
 * in any order; an escaped character equals the plain one.  Pure; what is no DN is below nothing. */
#ifndef ROLLCALL_LDAP_DN_H
#define ROLLCALL_LDAP_DN_H

#include <stdbool.h>

#include "common/mem.h"

/* dn is base or stands below it. */
bool dn_below(const char *dn, const char *base);
/* The branch of a person: the entry directly below base in whose subtree dn stands, in a spelling that is the same
 * for all of them, to be compared by str_eq() and fit for dn_below().  "" for base itself, for what stands directly
 * below it, and for what is outside or no DN.  dn may be NULL. */
char *dn_branch(const char *base, const char *dn, struct arena *);
/* The entry above, in the same spelling; "" when there is none. */
char *dn_parent(const char *dn, struct arena *);

#endif
