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

#endif
