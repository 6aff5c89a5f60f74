/* What the files behind dir.h and sync.h share: the handle itself, the meaning of result codes, decoding of
 * entries.  Not for other rooms. */
#ifndef ROLLCALL_LDAP_HANDLE_H
#define ROLLCALL_LDAP_HANDLE_H

#include <ldap.h>
#include <sys/time.h>

#include "ldap/dir.h"

struct dir {
	LDAP *ld;
	char *uri;
	char peer[128];        /* see dir_peer */
	int64_t answer_ms;
	const struct clock *clock;
	bool broken;           /* nothing more will come; see dir_usable */
	bool originals;        /* every read refuses copies; see dir_originals */
};

struct timeval handle_timeval(int64_t ms);
/* Fill *e for libldap's result code: kind, code ("ldap-49" from the server, "libldap-1" from the library),
 * `doing` and the server's own words (`said` or, when NULL, those of the handle).  Marks the handle when the
 * connection is gone. */
int handle_fail(struct dir *, int rc, const char *said, struct err *e, const char *doing);
/* libldap's result code of the last call on the handle. */
int handle_code(struct dir *);
/* The next message of an operation, by a deadline on the monotonic clock.  The caller frees *out.
 * Fails: TEMP (nothing came in time; the handle is then broken; connection lost). */
MUST_USE int handle_message(
	struct dir *, int msgid, int64_t deadline, LDAPMessage **out, struct err *e, const char *doing);
/* Wait for the result of an operation that has no other messages; 0 only when it is success.
 * *code is the result code in any case in which an answer came. */
MUST_USE int handle_result(struct dir *, int msgid, int64_t ms, int *code, struct err *e, const char *doing);
/* Strike out (NULL) what a subschema entry defines, by name or number, without case and options. */
enum schema_part { SCHEMA_ATTRIBUTES, SCHEMA_CLASSES, SCHEMA_RULES, SCHEMA_PARTS };
extern const char *const schema_parts[SCHEMA_PARTS];      /* "attributeTypes", ... */
void schema_strike(const struct entry *, enum schema_part, const char **names, size_t count);
/* Copy an entry message.  uuid of *out is filled from entryUUID when that was asked for. */
MUST_USE int handle_entry(struct dir *, LDAPMessage *, struct arena *, struct entry **out, struct err *e);

#endif
