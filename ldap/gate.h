/* Does a refresh prove that who was not named is absent?  A directory can answer with success and leave people out: an
 * access rule hides them, a filter's attribute is gone from the schema, a branch was renamed, moved to another server
 * or not restored.  So the server is asked, on the connection that brought the refresh, when it has ended:
 *
 *     the base                 is there and readable            if not: everybody is in doubt
 *     each sentinel            the same                         whoever is below the sentinel's parent
 *     referral objects         none stands below the base       whoever is below one
 *     the server's schema      knows the attributes that the    everybody
 *                              scope, entitled and disabled filters and the login need, and the
 *                              matching rules and classes of the scope filter
 *
 * Whatever is no plain answer (no entry, no right, a referral, a limit) is a doubt; only a lost connection is a
 * failure.  A branch that is base itself or not below it means everybody.  For sync.c and confirm.c. */
#ifndef ROLLCALL_LDAP_GATE_H
#define ROLLCALL_LDAP_GATE_H

#include "ldap/handle.h"
#include "ldap/source.h"

struct gate;
struct gate *gate_new(const struct dir_settings *);      /* settings must outlive it */
void gate_free(struct gate *);                           /* NULL is fine */

/* Forget all doubts, and the question that is on its way. */
void gate_reset(struct gate *);
/* The server said that a part of the content is elsewhere. */
void gate_elsewhere(struct gate *, const char *url);
/* Send the first question.  Base and sentinels only unless `thorough`.  Fails: TEMP. */
MUST_USE int gate_start(struct gate *, struct dir *, bool thorough, struct err *e);
/* The question that is on its way: its message id, -1 when there is none, and until when it must be answered (mono). */
int gate_question(const struct gate *, int64_t *deadline);
/* One message of the answer; it stays the caller's.  Sends the next question when it was the last one.
 * *done: everything was asked.  Fails: TEMP, AUTH, ... (the connection is not to be used any more). */
MUST_USE int gate_take(struct gate *, LDAPMessage *, bool *done, struct err *e);
struct source_doubts gate_doubts(const struct gate *, struct arena *);

/* All of it in one call, each answer awaited.  Fails: as gate_take. */
MUST_USE int gate_examine(struct gate *, struct dir *, bool thorough, struct arena *, struct source_doubts *out,
	struct err *e);

#endif
