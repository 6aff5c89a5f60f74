/* Rollcall's own attributes of an entry: their names in one table, and how they are written.
 * The schema in etc/schema is made from the same list, and a test compares the two. */
#ifndef ROLLCALL_LDAP_ATTRS_H
#define ROLLCALL_LDAP_ATTRS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/mem.h"
#include "ldap/dir.h"

#define ROLLCALL_CLASS "rollcallAccount"
/* Below the arc of UUID 60ec886c-c891-4408-8b2d-2ac53471f4a6, drawn once for Rollcall (X.667: such arcs need
 * no registration).  Attribute types are .1.arc, the object class is .2.1. */
#define ROLLCALL_ARC "2.25.128834036680386408773461433522070877350"
#define ROLLCALL_CLASS_OID ROLLCALL_ARC ".2.1"

enum own {
	OWN_STAGE, OWN_UIN, OWN_NAME, OWN_GENERATION, OWN_ENV_ID, OWN_REGION, OWN_SERVER_ID, OWN_SERVER_ADDRESS,
	OWN_POLICY_ID, OWN_KEY_ID, OWN_KEY_CREATED, OWN_SEALED_KEY, OWN_SEALED_PASSWORD, OWN_PROFILE, OWN_PACKAGE,
	OWN_BUNDLE, OWN_ROOT_ACCOUNT, OWN_SINCE, OWN_RETIRE_AFTER, OWN_HOLD_REASON, OWN_ROTATION_DUE, OWN_PROOF_RESULT,
	OWN_PROOF_TIME, OWN_PROOF_COUNTS, OWN_NOTE,
	OWN_COUNT
};
enum own_syntax { OWN_TEXT, OWN_INTEGER, OWN_TIME, OWN_OCTETS };
struct own_attribute {
	const char *name;          /* "rollcallStage" */
	unsigned arc;              /* last arc of its OID */
	enum own_syntax syntax;
	bool sealed;               /* never read back, readable by its owner and named administrators only */
	const char *help;
};
extern const struct own_attribute own_attributes[OWN_COUNT];
bool own_is(const char *name);     /* one of ours, or the class name */

/* What an entry should hold.  len 0 = the attribute should be absent. */
struct own_values {
	struct value v[OWN_COUNT];
	bool keep[OWN_COUNT];      /* leave as it is */
	const char *oldest;        /* entryCSN (else modifyTimestamp): an entry that is older is not written to; NULL: any is */
};

/* Make the entry of this UUID hold the values: look it up by UUID below `base` (DNs go stale), read, compare,
 * and write only what differs, with the auxiliary class when it is missing.  Sealed values are compared as
 * bytes by the server (Compare), so that Rollcall needs no right to read them.  *changed tells whether
 * anything was written.  May be repeated at any time; a change made by somebody else in between is noticed
 * and looked at again.
 * An older entry than `oldest` stands on a copy that lags, or comes from a backup: TEMP with the code "older".
 * Fails: ABSENT (no such entry any more), TEMP, PERM (ACL, schema), AUTH. */
MUST_USE int own_write(struct dir *, const char *base, const char *uuid, const struct own_values *, struct arena *,
	bool *changed, struct err *e);

#endif
