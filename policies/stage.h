/* What is known of a person -> the stage of his life here.  Pure: no clock, no store, no cloud.
 *
 * Strong news (a present value says disabled) acts at once.  Weak news (absent, not entitled, a negation)
 * acts only when confirmed: the caller waits, re-reads and asks the brake, then calls again with `confirmed`. */
#ifndef ROLLCALL_POLICIES_STAGE_H
#define ROLLCALL_POLICIES_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ldap/person.h"

enum stage { STAGE_NONE, STAGE_DUE, STAGE_ACTIVE, STAGE_SUSPENDED, STAGE_HELD, STAGE_RETIRED, STAGE_COUNT };
const char *stage_name(enum stage);         /* "none", "due", "active", "suspended", "held", "retired" */
/* As rollcallStage shows it: with joining and retiring, by whether the last walk was complete. */
const char *stage_shown(enum stage, bool complete);

struct history {                 /* the current account; all zero when he never had one */
	enum stage stage;
	int64_t since_ms, retire_after_ms;
	bool cut_strong;
	const char *cut_csn;         /* the evidence of the last cut; a weak one: what was seen last before it */
	const char *hold_reason;     /* outlives SUSPENDED */
	bool release;                /* an administrator lets the hold go, or a login what an idle key began */
};
struct news {
	enum signal signal;
	bool confirmed;              /* weak news: waited, re-read, and the brake let it pass */
	const char *csn;
	int64_t now_ms;
	bool name_taken;             /* another person who is DUE or ACTIVE has this login name */
	bool is_protected;           /* absence and withdrawal take nothing from him, and nothing irreversible ever happens */
	bool waits;                  /* he would cost money, and a brake holds him back */
	bool at_login;               /* the profile says: start at the first login, and none was seen */
	bool unsure;                 /* entitled by what is not there, of a source that is not believed now */
	bool gone_again;             /* confirmed again right now, on a trusted source: retirement may begin */
};
struct stage_rules { int64_t grace_ms; };

struct decision {
	enum stage stage;
	int64_t since_ms, retire_after_ms;
	bool cut;                    /* take access away now, lane revoke */
	bool new_generation;         /* the old one is RETIRED: start a new account */
	bool wait;                   /* weak and not confirmed: remember since when, come again */
	bool keep_hold;
	const char *why;             /* constant text */
};
struct decision stage_decide(const struct history *, const struct news *, const struct stage_rules *);

/* An alarm or a human takes access from him until a human gives it back.  Who has none already stays where he is;
 * keep_hold is false when there is nothing to hold (no account, or a retired one). */
struct decision stage_hold(const struct history *, int64_t now_ms);

/* Is a newer than b, as evidence for a grant after a strong cut?  entryCSN and GeneralizedTime both sort as text; NULL is
 * older than anything.  Equal stamps of whole seconds count as newer. */
bool csn_newer(const char *a, const char *b);

#endif
