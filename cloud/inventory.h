/* What the cloud has of this installation, told by the owner marks alone: for whoever remembers nothing, and for whoever
 * compares.  Complete listings of sub-accounts, policies, environments and servers; what carries no mark of this
 * installation is counted, and left out. */
#ifndef ROLLCALL_CLOUD_INVENTORY_H
#define ROLLCALL_CLOUD_INVENTORY_H

#include "cloud/resource.h"

struct owned {                    /* one generation of one person */
	char uuid[UUID_TEXT];
	unsigned generation;
	uint64_t uin, policy_id;  /* 0: there is none */
	const char *user_name, *policy_name, *remark;     /* NULL: there is none */
	bool console;             /* login is on */
	struct snapshot_env env;          /* env_id "": there is none */
	struct snapshot_server server;    /* id "": there is none */
	bool barrier;             /* by inventory_access(): the deny-all policy is attached */
	size_t keys_on, keys_off; /* ... and his API keys, whoever made them */
	unsigned twice;           /* further things of a kind that carry this mark: there may be one of each */
	const char *rivals;       /* ... in words; NULL: there are none.  The fields above are those listed first */
};
struct strangers { size_t users, policies, envs, servers; };
struct inventory {
	size_t count;
	struct owned *list;       /* by UUID, then generation */
	uint64_t barrier_id;      /* 0: not made yet */
	struct strangers unmarked, others;        /* without any mark; with another installation's, or one that cannot be read */
};

/* Owns: all is in the call's arena.  Fails: as any reading call; LIMIT and WAIT: call it again at that time, with the same
 * call, which remembers what was listed already. */
MUST_USE int inventory_take(struct call *, const char *installation, const char *const *regions, size_t region_count,
	struct inventory *out, struct err *e);
/* Keys and barrier of one sub-account.  Fails: as any reading call. */
MUST_USE int inventory_access(struct call *, const struct inventory *, struct owned *, struct err *e);
/* One generation of one person; NULL: there is nothing. */
struct owned *inventory_find(const struct inventory *, const char *uuid, unsigned generation);

#endif
