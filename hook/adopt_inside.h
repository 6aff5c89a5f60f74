/* What the two files behind adopt.h share. */
#ifndef ROLLCALL_HOOK_ADOPT_INSIDE_H
#define ROLLCALL_HOOK_ADOPT_INSIDE_H

#include "cloud/candidates.h"
#include "hook/adopt.h"

/* One person, and what may be his. */
struct pair {
	struct store_person p;
	struct candidate_user *user;       /* NULL: none */
	struct candidate_env *env;
	const char *refused;               /* why it may not be adopted; NULL: it may */
	int64_t line;                      /* of the mapping file; 0: none */
};
struct adopting {
	struct roll *r;
	struct call *call;
	const struct adopt_asked *asked;
	struct arena *a;                   /* the call's */
	struct candidates all;
	struct pair *pairs;
	size_t count, room;
	struct arena *out;
	struct json *refused, *bad;
};

/* adopt_match.c: from the listing to pairs, by name, tag or mapping file.  Fails: TEMP (store). */
MUST_USE int adopt_match(struct adopting *, struct err *e);
struct pair *adopt_pair(struct adopting *, const struct store_person *);
struct candidate_user *adopt_user(const struct adopting *, uint64_t uin);
struct candidate_env *adopt_env(const struct adopting *, const char *env_id);
/* "sub-account "x" (100001), environment "y"" */
const char *adopt_what(const struct adopting *, const struct pair *);
void adopt_refused(struct adopting *, const char *login, const char *what, const char *why, int64_t line);

#endif
