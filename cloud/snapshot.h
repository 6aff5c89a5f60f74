/* Shared listings: everyone who waits for an environment or a server looks at one listing that is at most a
 * few seconds old, instead of asking for himself.  Also what the audit reads. */
#ifndef ROLLCALL_CLOUD_SNAPSHOT_H
#define ROLLCALL_CLOUD_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "cloud/account.h"
#include "common/clock.h"
#include "common/err.h"

struct call;
struct snapshot;

struct snapshot_env {
	char env_id[64], alias[40], status[24], region[32], mark[128], bucket[96], name_space[64], topic[64], app_id[24];
};
struct snapshot_server {
	char id[40], name[64], state[24], operation_state[16], address[48], renew_flag[40], mark[128];
	int64_t expires_ms;     /* paid until; 0 = not told */
};

struct snapshot *snapshot_new(const struct clock *);
void snapshot_free(struct snapshot *);
/* Everything that is listed, complete pages only, not older than max_age_ms.  Whoever comes first lists, the
 * others wait for it.  Looks up by mark first (the one with this id before another), then by id, then by the name it was to get:
 * the caller judges `mark`, which may be empty or another's.  *listed_ms: when the listing began.
 * Fails: ABSENT (a complete listing does not have it), and as any reading call. */
MUST_USE int snapshot_env(struct snapshot *, struct call *, const struct account *, const char *env_id, int64_t max_age_ms,
	struct snapshot_env *out, int64_t *listed_ms, struct err *e);
MUST_USE int snapshot_server(struct snapshot *, struct call *, const struct account *, const char *server_id,
	int64_t max_age_ms, struct snapshot_server *out, int64_t *listed_ms, struct err *e);
/* Ids of up to `most` environments of this account that are listed and not `own`, chosen by clock_random(); *count 0
 * when there is no other.  For the proof, which knocks at their doors.  Owns: the ids are in the call's arena, `out` has
 * room for `most`.  Fails: as any reading call. */
MUST_USE int snapshot_others(struct snapshot *, struct call *, const struct account *, const char *own, int64_t max_age_ms,
	size_t most, const char **out, size_t *count, struct err *e);
/* Everything that is listed in the region of the account, whoever's it is.  Owns: the call's arena. */
MUST_USE int snapshot_envs(struct snapshot *, struct call *, const struct account *, int64_t max_age_ms, struct snapshot_env **out,
	size_t *count, struct err *e);
MUST_USE int snapshot_servers(struct snapshot *, struct call *, const struct account *, int64_t max_age_ms,
	struct snapshot_server **out, size_t *count, struct err *e);
/* Make the next look list anew: after a change of our own. */
void snapshot_stale(struct snapshot *);

#endif
