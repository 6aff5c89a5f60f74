/* What the emulated cloud holds.  Everything is found by name or id through an index; the lists keep the
 * order of creation.  Real time (`now`) governs signatures, rate limits and the policy cache; business time
 * (now + ahead) governs building, renewal, expiry, isolation and time stamps. */
#ifndef ROLLCALL_CLOUD_EMULATOR_STATE_H
#define ROLLCALL_CLOUD_EMULATOR_STATE_H

#include "cloud/emulator/emulator.h"
#include "cloud/emulator/store.h"
#include "policies/cam/policy.h"

#define NEVER INT64_MAX
#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)
#define MONTH (30 * DAY)          /* one period of a subscription; calendar months would only blur tests */

struct tag { char *key, *value; };
struct tags { size_t count; struct tag *items; };
void tags_set(struct tags *, const char *key, const char *value);
const char *tags_find(const struct tags *, const char *key);
void tags_free(struct tags *);

/* --- cam ----------------------------------------------------------------------------- */

struct policy_version { int64_t since; struct arena *arena; const char *text; struct cam_policy *parsed; };
struct policy {
	uint64_t id;
	char id_text[24], name[129], description[301];
	bool preset, deleted;
	struct tags tags;
	size_t version_count;
	struct policy_version *versions;    /* oldest first; older ones live as long as the policy cache */
	int64_t created, updated;           /* business time */
	size_t attached, bounding;          /* open attachments and boundaries */
	size_t refs;                        /* attachments that still name it, also closed ones */
};

/* A policy that counts from one moment to another; kept after its end until the policy cache forgets it. */
struct grant { struct policy *policy; int64_t from, to; };
struct grants { struct grant *items; size_t count, cap; };

struct group {
	uint64_t id;
	char id_text[24], name[129], remark[301];
	struct grants grants;
	size_t members;
	int64_t created;
};

struct bucket { double tokens; int64_t at; };

enum { KEYS_PER_USER = 2, GROUPS_PER_USER = 10, USERS_PER_GROUP = 100, POLICIES_PER_USER = 200 };
struct key {
	char id[40], *description;
	struct secret *secret;
	struct user *user;       /* NULL: the root account's, or the user is deleted */
	uint64_t uin;
	bool active, deleted;
	int64_t created;
	int64_t used, used_earlier;      /* the last call signed with it, and the last one of an earlier day; 0: none */
};
struct user {
	uint64_t uin, uid;
	char uin_text[24], name[65], remark[1025], phone[33], country[9], email[129];
	bool console, need_reset;
	size_t key_count, group_count;
	struct key *keys[KEYS_PER_USER];
	struct group *groups[GROUPS_PER_USER];
	struct grants grants, boundary;
	struct bucket *buckets;  /* one per action, made at the first call */
	int64_t created;
};

/* --- tcb ----------------------------------------------------------------------------- */

struct env_key { char id[44], name[65], type[16], *publish; int64_t created, expires; };
enum { ENV_KEYS = 6 };
struct env {
	char id[64], alias[33], region[32], package[65], bucket[128], static_bucket[128], instance[64];
	char topic[37], logset[37], order[33];
	struct tags tags;
	bool auto_renew, overrun, normal, isolated, log, postgres;
	int64_t price, created, updated, ready, log_ready, expires, isolated_at;
	size_t key_count;
	struct env_key keys[ENV_KEYS];
};

/* --- lighthouse, tat -------------------------------------------------------------------- */

struct run {
	char invocation[16], task[16], command[16], command_name[61], description[121], user[65], directory[129], type[16];
	char *content, *parameters;     /* base64 as sent; JSON with hidden values as "******" */
	char *hidden;                   /* JSON: name -> sha256 of a hidden value */
	char instance[16], region[32];
	struct run *next;               /* of the same invocation */
	int timeout, exit_code;
	int64_t created, ends;
};
enum server_state { SERVER_PENDING, SERVER_RUNNING, SERVER_STOPPED, SERVER_SHUTDOWN, SERVER_GONE };
struct server {
	char id[16], name[61], region[32], zone[40], bundle[65], blueprint[16], renew_flag[40], operation[32], request[37];
	char address[16], private_address[16], uuid[37], init[16];
	struct tags tags;
	enum server_state state, target;
	bool operating;
	int64_t price, created, bought, expires, isolated_at, op_started, op_ends, agent_online;
};

/* --- money, time, misbehaviour ------------------------------------------------------------ */

/* What a ClientToken was answered with. */
enum { INSTANCES_PER_CALL = 30 };
struct token { char name[65]; int64_t at; size_t count; char ids[INSTANCES_PER_CALL][16]; };

struct order { int64_t at; char kind[24], subject[64]; int64_t amount; };

/* What the vendor's documentation leaves open; the defaults are the likelier readings. */
struct switches {
	bool isolated_envs_listed, delete_active_key_refused, delete_attached_policy_refused, detach_missing_is_error;
	bool alias_unique, renew_restores_isolated, bucket_without_app_id, storage_app_id_empty, log_topic_fails;
	bool missing_instance_is_error;
	int64_t tags_visible_delay_ms, refund_days, isolation_days, server_isolation_days, run_exit_code;
	int64_t max_env_num, max_delete_total, max_delete_monthly, max_servers, client_token_life_ms;
};

struct catalogue;
struct faults;
struct journal;
struct stale;
struct action_slot;

struct emulator {
	enum emulator_limits limits;
	double limit_factor, quota_factor;
	int64_t policy_cache_ms, build_ms;
	struct rng rng;
	int64_t now, ahead, next_event;
	uint64_t version;                   /* counts changes of state */
	uint64_t owner_uin, app_id, last_uin, last_uid, last_policy, last_group;
	struct key *root_key;
	struct bucket *root_buckets;
	size_t action_count;
	struct action_slot *slots;
	struct index actions;
	struct list users, policies, groups, keys, envs, servers, runs, orders, tokens;
	struct index users_by_name, users_by_uin, policies_by_name, policies_by_id, groups_by_id, keys_by_id;
	struct index envs_by_id, servers_by_id, runs_by_id, tokens_by_name;
	size_t destroyed_total, destroyed_in_month;
	char destroy_month[8];
	int64_t balance, paid, refunded;
	struct catalogue *catalogue;
	struct switches switches;
	struct faults *faults;
	struct journal *journal;
	struct stale *stale;
};

static inline int64_t business_now(const struct emulator *em) { return em->now + em->ahead; }
struct user *user_by_uin(struct emulator *, uint64_t uin);
struct user *user_by_name(struct emulator *, const char *name);
void user_free(struct emulator *, struct user *);
void key_free(struct key *);
void group_free(struct emulator *, struct group *);
struct env *env_by_id(struct emulator *, const char *id);
void env_free(struct env *);
void server_free(struct server *);
void run_free(struct run *);
/* A new key of a user, or of the root account when user is NULL.  id and secret NULL: made up. */
struct key *key_issue(struct emulator *, struct user *, const char *id, const struct secret *, const char *description);
/* A call was signed with it now.  Days are those of Beijing. */
void key_used(struct key *, int64_t now);
/* The last use that is known by now: that of today comes a day later.  0: none. */
int64_t key_last_use(const struct key *, int64_t now);
/* Documented quota times the quota factor, at least 1. */
size_t quota(const struct emulator *, size_t documented);

/* Time stamps: cam and tcb "YYYY-MM-DD hh:mm:ss" of Beijing, 0 as "0000-00-00 00:00:00"; others RFC 3339. */
const char *beijing(struct arena *, int64_t ms);
const char *iso(struct arena *, int64_t ms);

/* grants.c: attachments and boundaries. */
struct grant *grants_find(struct grants *, const struct policy *);   /* the open one; policy NULL: any */
void grants_open(struct emulator *, struct grants *, struct policy *, size_t *counter);
void grants_close(struct emulator *, struct grant *, size_t *counter);
void grants_free(struct emulator *, struct grants *);
struct policy *policy_new(struct emulator *, const char *name, const char *description, const char *text, size_t len,
	bool preset, struct err *e);
int policy_rewrite(struct emulator *, struct policy *, const char *text, size_t len, struct err *e);
const char *policy_text(const struct policy *);
void policy_delete(struct emulator *, struct policy *);    /* from the indexes; memory goes with the last grant */
void policy_free(struct policy *);
/* The documents that count for a user now: his attachments and his groups'.  *boundary: NULL when none. */
size_t effective_policies(struct emulator *, struct user *, struct arena *, const struct cam_policy ***out,
	const struct cam_policy **boundary);

/* events.c: what happens by itself. */
void events_at(struct emulator *, int64_t business_ms);    /* something is due then */
void events_settle(struct emulator *);                     /* do what is due now */
int64_t build_time(struct emulator *);                     /* how long the next building takes, +-20 % */
void env_remove(struct emulator *, struct env *);
void server_operate(struct emulator *, struct server *, const char *operation, enum server_state target, int64_t ms);

/* money.c */
struct catalogue *catalogue_new(const char *prices, int64_t *balance, struct err *e);
void catalogue_free(struct catalogue *);
struct bundle { const char *id, *type; int cpu, memory, disk; int64_t price; bool sold_out; };
struct blueprint { const char *id, *title, *version, *type, *name, *os; int memory, disk; };
int64_t package_price(const struct catalogue *, const char *package);   /* -1: not on sale */
size_t package_count(const struct catalogue *);
const char *package_at(const struct catalogue *, size_t i);
const struct bundle *bundle_find(const struct catalogue *, const char *id);
size_t bundle_count(const struct catalogue *);
const struct bundle *bundle_at(const struct catalogue *, size_t i);
const struct blueprint *blueprint_find(const char *id);
const struct blueprint *blueprint_at(size_t i);            /* NULL behind the last */
bool money_pay(struct emulator *, const char *kind, const char *subject, int64_t amount, int64_t at);
void money_refund(struct emulator *, const char *subject, int64_t amount);

#endif
