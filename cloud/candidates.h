/* What the cloud has that may have been made for somebody by hand: complete listings of sub-accounts and environments,
 * whoever's they are, for whoever looks for what could be adopted.  Nothing is changed. */
#ifndef ROLLCALL_CLOUD_CANDIDATES_H
#define ROLLCALL_CLOUD_CANDIDATES_H

#include "cloud/resource.h"

struct candidate_user {
	uint64_t uin;
	const char *name, *remark;
	enum mark_owner owner;    /* mark_of(): OURS is somebody's of this installation */
	bool ourselves;           /* it is what the daemon itself works with */
	/* By candidate_look(). */
	size_t keys_on, keys;
	const char *rights;       /* policies and groups by name, separated by commas; NULL: none */
	const char *admin;        /* a policy among them that makes an administrator; NULL: none */
};
struct candidate_env {
	struct snapshot_env env;
	const char *region;
	enum mark_owner owner;
	const char *tag;          /* value of the tag that was asked for; NULL: it has none */
};
struct candidates {
	size_t user_count, env_count;
	struct candidate_user *users;
	struct candidate_env *envs;
};

/* tag: key of the tag by which environments are told apart; NULL: none is looked at.  Owns: the call's arena.  Fails: as
 * any reading call; LIMIT and WAIT: call it again at that time. */
MUST_USE int candidates_take(struct call *, const char *installation, const char *const *regions, size_t region_count, const char *tag,
	struct candidates *out, struct err *e);
/* Keys, policies and groups of one.  Fails: as any reading call. */
MUST_USE int candidate_look(struct call *, struct candidate_user *, struct err *e);

#endif
