/* Adoption: whoever had a sub-account or an environment before Rollcall came keeps them.
 *
 * Three steps, none of which is taken by itself.  adopt_plan() lists what is in the cloud, finds whose it may be, and
 * freezes that as a list (FROZEN_ADOPT), which an administrator sees with its hash.  adopt_approve() looks again, and for
 * whom it still holds an account begins in which the names stay as they are; the ordinary walk sets the mark and does the
 * rest.  adopt_reject() lets the list go.  Nothing in the cloud is changed here.
 *
 * Who is on the list does not join meanwhile.  Who was on it, or for whom something was found that may not be adopted,
 * joins only by an approval of its own: nobody gets a second account without a word. */
#ifndef ROLLCALL_HOOK_ADOPT_H
#define ROLLCALL_HOOK_ADOPT_H

#include "cloud/resource.h"
#include "hook/roll.h"

enum adopt_by { ADOPT_BY_NAME, ADOPT_BY_TAG, ADOPT_BY_MAP };
struct adopt_line { const char *who; uint64_t uin; const char *env_id; int64_t line; };     /* uin 0, env_id NULL: none */
struct adopt_asked {
	enum adopt_by by;
	const char *tag;           /* ADOPT_BY_TAG: key of the tag whose value is a login name or a mail address */
	const struct adopt_line *lines;       /* ADOPT_BY_MAP */
	size_t count;
};

/* *out, in the given arena: {"people": n, "refused": [{"login", "what", "why", "line"}], "bad": [{"line", "why"}]}; with a
 * bad line nothing is frozen.  The call is one that only looks, with an arena of its own.
 * Fails: as any reading call; TEMP (store). */
MUST_USE int adopt_plan(struct roll *, struct call *, const struct adopt_asked *, struct arena *, struct json **out, struct err *e);
/* The list that began then: {"people": n, "refused": [...]}.  Fails: as above; killed between two people, those who are left
 * stay on the list. */
MUST_USE int adopt_approve(struct roll *, struct call *, int64_t list_ms, struct arena *, struct json **out, struct err *e);
MUST_USE int adopt_reject(struct roll *, int64_t list_ms, struct arena *, struct json **out, struct err *e);

#endif
