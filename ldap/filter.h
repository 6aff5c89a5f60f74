/* Search filters (RFC 4515) judged here instead of by the server, with three values (RFC 4511 4.5.1.7,
 * X.511): an assertion on an absent attribute is UNKNOWN, never "not disabled"; only presence is FALSE then.
 *
 * Supported: and, or, not, equality, substrings, presence, >=, <=, ~= (as equality), and the extensible
 * bit rules 1.2.840.113556.1.4.803 (AND) and .804 (OR).  Values are compared without ASCII case and with
 * inner white space folded, numerically for >= and <= when both sides are integers.  When only one of them is, the
 * order is that of texts, and such a TRUE is neither strong nor solid. */
#ifndef ROLLCALL_LDAP_FILTER_H
#define ROLLCALL_LDAP_FILTER_H

#include "common/err.h"
#include "common/mem.h"
#include "ldap/person.h"

struct filter;

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };
struct verdict {
	enum truth truth;
	bool strong;         /* TRUE because of a value that is present, through no negation */
	/* What decided was asked of attributes that are there: none that is absent, hidden by an access rule or lost
	 * with the schema could make another verdict.  An attribute that shows some of its values counts as there. */
	bool solid;
	const char *because; /* "employeeType=retired": the assertion that decided; NULL when none did */
};

/* Fails: INPUT with the column and cause.  Owns: the filter is in the arena. */
MUST_USE int filter_parse(struct arena *, const char *text, const struct filter **out, struct err *e);
struct verdict filter_judge(const struct filter *, const struct entry *);
/* Calls each(ctx, name) for every attribute the filter names. */
void filter_attributes(const struct filter *, void (*each)(void *ctx, const char *name), void *ctx);
/* What else a server must know to judge it: the numbers of its matching rules, and the classes it asks for. */
void filter_rules(const struct filter *, void (*each)(void *ctx, const char *oid), void *ctx);
void filter_classes(const struct filter *, void (*each)(void *ctx, const char *name), void *ctx);
const char *filter_text(const struct filter *);     /* as it was given */
/* Escape a value for use in a filter (RFC 4515 3). */
char *filter_escape(struct arena *, const void *value, size_t n);

#endif
