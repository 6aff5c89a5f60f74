/* Action and parameters in, answer or error out.  Three tables live here: the actions (what is repeatable,
 * what pays, who resolves an unknown outcome), the error codes (what the caller should do), the products. */
#ifndef ROLLCALL_CLOUD_API_H
#define ROLLCALL_CLOUD_API_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/account.h"
#include "cloud/http.h"
#include "cloud/limit.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/secret.h"

enum action {
	/* cam */
	ACT_GET_USER_APP_ID, ACT_GET_USER, ACT_LIST_USERS, ACT_ADD_USER, ACT_UPDATE_USER, ACT_DELETE_USER, ACT_LIST_ACCESS_KEYS,
	ACT_CREATE_ACCESS_KEY, ACT_UPDATE_ACCESS_KEY, ACT_DELETE_ACCESS_KEY, ACT_LIST_POLICIES, ACT_GET_POLICY, ACT_CREATE_POLICY,
	ACT_UPDATE_POLICY, ACT_DELETE_POLICY, ACT_ATTACH_USER_POLICY, ACT_DETACH_USER_POLICY, ACT_LIST_ATTACHED_USER_POLICIES,
	ACT_LIST_GROUPS_FOR_USER, ACT_REMOVE_USER_FROM_GROUP, ACT_GET_USER_PERMISSION_BOUNDARY, ACT_PUT_USER_PERMISSIONS_BOUNDARY,
	/* tcb */
	ACT_CREATE_ENV, ACT_DESCRIBE_ENVS, ACT_DESCRIBE_BILLING_INFO, ACT_CREATE_ENV_RESOURCE, ACT_DESTROY_ENV,
	ACT_DESCRIBE_ENV_LIMIT, ACT_DESCRIBE_API_KEY_LIST, ACT_DELETE_API_KEY,
	/* lighthouse */
	ACT_DESCRIBE_BLUEPRINTS, ACT_CREATE_INSTANCES, ACT_DESCRIBE_INSTANCES, ACT_START_INSTANCES, ACT_STOP_INSTANCES,
	ACT_ISOLATE_INSTANCES, ACT_TERMINATE_INSTANCES, ACT_MODIFY_INSTANCES_RENEW_FLAG, ACT_DESCRIBE_INSTANCES_RETURNABLE,
	/* tat */
	ACT_DESCRIBE_AUTOMATION_AGENT_STATUS, ACT_RUN_COMMAND, ACT_DESCRIBE_INVOCATION_TASKS,
	/* sts */
	ACT_GET_CALLER_IDENTITY,
	/* tag */
	ACT_TAG_RESOURCES,
	/* cam again: numbers are stored with intents, so what is new comes last */
	ACT_GET_SECURITY_LAST_USED,
	ACT_COUNT
};

enum action_kind {
	ACTION_READ,          /* changes nothing */
	ACTION_REPEATABLE,    /* doing it twice is doing it once */
	ACTION_RESOLVED,      /* an unknown outcome is resolved by looking: `resolver` says which row looks */
};
enum {
	ACTION_PAYS = 1, ACTION_SECRET = 2,     /* need a written intent before the call */
	ACTION_DESTROYS = 4,                    /* cannot be undone, or not for long: journal->may_destroy is asked first */
};

struct action_row {
	const char *name, *service, *version;
	enum action_kind kind;
	int resolver;             /* enum row_id, for ACTION_RESOLVED; -1 otherwise */
	unsigned flags;
	double per_second;        /* documented rate limit */
};
extern const struct action_row action_table[ACT_COUNT];

/* One per worker. */
struct api {
	struct transport *transport;
	struct limit *limit;                /* shared, ACT_COUNT buckets */
	const struct clock *clock;
	const char *secret_id;
	const struct secret *secret_key;
	const char *domain;                 /* "tencentcloudapi.com" */
	const char *region;                 /* default X-TC-Region */
	int64_t timeout_ms;                 /* one call; revocations use revoke_timeout_ms */
	int64_t revoke_timeout_ms;
	int64_t skew_ms;                    /* cloud's Date minus our clock as last seen: signatures follow it */
	bool urgent;                        /* set by the walk while it cuts */
	/* Each Date header of the cloud, as it comes.  NULL: nobody listens. */
	void (*dated)(void *ctx, int64_t cloud_ms);
	void *dated_ctx;
};

/* Leave of the rate limiter for one call; api_send() is that call.  Apart so that nothing need be written down for
 * a call that may not be made yet.  Fails: LIMIT. */
MUST_USE int api_admit(struct api *, enum action, struct err *e);
/* For a further call of an action when one was made already and half is worth nothing: may overdraw. */
MUST_USE int api_admit_more(struct api *, enum action, struct err *e);
/* api_call() without asking the limiter. */
MUST_USE int api_send(struct api *, enum action, const char *region, const struct json *parameters, struct arena *,
	const struct json **answer, struct err *e);

/* One signed call.  *answer: the "Response" object.  Does not ask the journal: drivers call call_do().
 * Fails: as the error table says; TEMP, UNKNOWN (only for changing actions), LIMIT, STALE, AUTH, INPUT (not JSON). */
MUST_USE int api_call(struct api *, enum action, const char *region, const struct json *parameters, struct arena *,
	const struct json **answer, struct err *e);
/* The same with somebody else's key: the proof, and tests.  A refusal of that key is PERM, not AUTH.  The cloud counts
 * calls per signing account, so neither are tokens of our limiter taken nor does it slow down when that key is throttled. */
MUST_USE int api_call_as(struct api *, const char *secret_id, const struct secret *secret_key, enum action, const char *region,
	const struct json *parameters, struct arena *, const struct json **answer, struct err *e);

/* The kind for a cloud error code; *known tells whether the table has it. */
enum err_kind api_error_kind(const char *code, bool *known);
/* Is it the key itself that was not taken?  That says nothing about rights, nor about the clock. */
bool api_key_refused(const char *code);

#endif
