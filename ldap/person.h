/* The noun of this room: one person as the directory shows him now, and what that says about access.
 *
 * A directory entry becomes a person in two steps: person_read() copies the mapped attributes and checks
 * them, person_judge() evaluates the `entitled` and `disabled` filters.  No DN is identity here: only the
 * UUID is (entryUUID, RFC 4530). */
#ifndef ROLLCALL_LDAP_PERSON_H
#define ROLLCALL_LDAP_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"
#include "common/str.h"

struct value { const unsigned char *data; size_t len; };    /* a NUL stands behind, not counted */
struct attribute { const char *name; size_t count; struct value *values; };
struct entry {                    /* an entry as it came, in an arena */
	char uuid[UUID_TEXT];
	const char *dn;
	size_t count;
	struct attribute *attributes;
};
/* The same attribute: names compared without case; options such as ";binary" are ignored on both sides. */
bool attribute_is(const char *have, const char *wanted);
/* The attribute of that name (see attribute_is), one with the very same options before others.  NULL when absent. */
const struct attribute *entry_find(const struct entry *, const char *name);
/* First value as text, NULL when absent.  Fails: INPUT (value is not UTF-8, or holds a NUL), naming the attribute. */
MUST_USE int entry_text(const struct entry *, const char *name, const char **out, struct err *e);

/* Which attribute gives what; NULL = this directory has none. */
struct attribute_map {
	const char *login;         /* "uid" */
	const char *mail;          /* "mail" */
	const char *display;       /* "displayName", falls back to "cn" */
	const char *uid_number;    /* "uidNumber" */
	const char *certificate;   /* "userCertificate" */
	const char *due;           /* GeneralizedTime from which he is entitled; usually NULL */
};

/* What an entry says.  Only a *present value* that says disabled is strong (see filter.h). */
enum signal {
	SIGNAL_NONE = 0,       /* not known yet */
	SIGNAL_ENTITLED,       /* entitled is TRUE, disabled is not TRUE */
	SIGNAL_DUE,            /* as ENTITLED, from a later date on */
	SIGNAL_DISABLED,       /* strong: a value that is there says so */
	SIGNAL_WITHDRAWN,      /* weak: not entitled (any more), or "disabled" by a negation or a missing value */
	SIGNAL_ABSENT,         /* weak: not in the refresh, deleted, or outside scope (set by the reader of the source) */
};
const char *signal_name(enum signal);      /* "entitled", "due", "disabled", ... */

struct filter;
struct roll_rules {               /* settings of this room, built once */
	struct attribute_map map;
	const struct filter *entitled;    /* NULL: everyone in scope is */
	const struct filter *disabled;    /* NULL: nobody is */
	const struct filter *guarded;     /* only when TRUE, he is protected; NULL: nobody is */
	struct { const char *name; const struct filter *filter; } profiles[16];  /* first match wins */
	size_t profile_count;
};

struct person {
	char uuid[UUID_TEXT];
	char *dn;
	char *login;              /* never NULL after person_read */
	char *mail;               /* NULL when there is none */
	char *display;            /* never NULL: falls back to login */
	char *profile;            /* name of the first profile whose filter is TRUE; NULL when none */
	int64_t uid_number;       /* -1 when there is none */
	const unsigned char *certificate;  /* DER, NULL when there is none */
	size_t certificate_len;
	char *csn;                /* entryCSN, else modifyTimestamp: the entry's evidence of being newer; may be NULL */
	int64_t due_ms;           /* SIGNAL_DUE: from when; 0 otherwise */
	enum signal signal;
	/* The verdict rests on attributes that are there with a value (see filter.h); always so when DISABLED.  When not,
	 * an access rule or a schema that lost an attribute may have made it: nothing for a source that is in doubt. */
	bool solid;
	bool is_protected;        /* the `guarded` filter is TRUE */
	char *reason;             /* one line: the filter and value that decided ("disabled: employeeType=retired") */
	char hash[17];            /* over what matters of him; own attributes and operational stamps are not in it */
};

/* Copy and check.  Fails: INPUT naming attribute and cause (no login, a login of more than 64 bytes, a value
 * that is not UTF-8, a certificate above 16 KiB); uuid, dn, signal, solid, is_protected, reason and csn of *out are filled
 * all the same. */
MUST_USE int person_read(const struct entry *, const struct roll_rules *, int64_t now_ms, struct arena *,
	struct person *out, struct err *e);

/* Attributes to ask for, NULL-terminated: mapped ones, those the filters name, entryUUID, entryCSN,
 * modifyTimestamp, objectClass, and Rollcall's own that hold no secret. */
char **person_attributes(const struct roll_rules *, struct arena *);
/* Those of them without which the verdict is another one: the login, and what the entitled, disabled and guarded filters
 * name. */
char **person_needs(const struct roll_rules *, struct arena *);

#endif
