/* What gives a sub-account rights: policies that are attached to it, groups that it is a member of, and keys.  Complete lists, for
 * whoever takes them away and for whoever looks.  Owns: all is in the call's arena. */
#ifndef ROLLCALL_CLOUD_RIGHTS_H
#define ROLLCALL_CLOUD_RIGHTS_H

#include "cloud/resource.h"

struct attached { uint64_t id; const char *name; };     /* a policy, or a group */
/* All policies that are attached to the sub-account itself.  Fails: as any reading call; TEMP (not all were listed). */
MUST_USE int attached_list(struct call *, const struct account *, uint64_t uin, struct attached **out, size_t *count,
	struct err *e);
bool attached_has(const struct attached *, size_t count, uint64_t policy_id);
/* None when the user is gone. */
MUST_USE int groups_list(struct call *, const struct account *, uint64_t uin, struct attached **out, size_t *count,
	struct err *e);
/* How many keys are active, and how many are not, whoever made them.  Fails: as any reading call; ABSENT (no such user). */
MUST_USE int keys_count(struct call *, uint64_t uin, size_t *on, size_t *off, struct err *e);

/* When these keys were last used, each by its day and by its moment, as far as the cloud tells: used[2 * i], used[2 * i + 1], in
 * milliseconds; 0 = it does not.  Days are those of Beijing, and told a day late; the end of the day is meant.
 * At most KEYS_ASKED (GetSecurityLastUsed).  Fails: as any reading call; TEMP (an answer of another shape). */
#define KEYS_ASKED 10
MUST_USE int keys_last_used(struct call *, const char *const *ids, size_t count, int64_t *used, struct err *e);

#endif
