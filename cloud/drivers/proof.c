/* Proof that the employee reaches his own environment, made with his own key.  A new key and a new policy count only
 * after the cloud's caches have run out, so a refusal is believed only later than that. */
#include <stdio.h>

#include "cloud/drivers/driver.h"

#define SEES_OWN "sees-own"

static int64_t last_change(const struct found *f)
{
	return f->key_created_ms > f->policy_changed_ms ? f->key_created_ms : f->policy_changed_ms;
}

static int proof_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	(void)c;
	(void)want;
	(void)e;
	bool good = str_eq(found->proof, SEES_OWN) || str_eq(found->proof, "isolated");
	if (good && found->proof_ms >= last_change(found))
		*out = SEEN_OK;
	else
		*out = *found->proof ? SEEN_DRIFT : SEEN_NONE;
	return 0;
}

static int as_him(struct call *c, const struct account *want, const struct found *found, const struct secret *secret,
	enum action action, const struct json *parameters, const struct json **answer, struct err *e)
{
	return api_call_as(c->api, found->key_id, secret, action, want->region, parameters, c->arena, answer, e);
}

static bool is_refusal(const struct err *e)
{
	return str_starts(e->code, "UnauthorizedOperation") || str_starts(e->code, "AuthFailure");
}

static int fail(struct call *c, struct found *found, const char *why, struct err *e)
{
	snprintf(found->proof, sizeof(found->proof), "failed: %s", why);
	found->proof_ms = clock_now(c->clock);
	char request[sizeof(e->request_id)];
	memcpy(request, e->request_id, sizeof(request));
	int rc = err_set(e, ERR_PERM, "the proof of isolation failed: %s", why);
	memcpy(e->request_id, request, sizeof(request));
	return rc;
}

/* Not seen: too early to tell, or a failure. */
static int not_seen(struct call *c, struct found *found, const char *why, struct err *e)
{
	int64_t settled = last_change(found) + 2 * c->settings->policy_cache_ms;
	if (clock_now(c->clock) < settled)
		return call_again(c, e, "key and policy are not in force yet");
	return fail(c, found, why, e);
}

static int check_identity(struct call *c, const struct account *want, struct found *found, const struct secret *secret,
	struct err *e)
{
	const struct json *answer;
	uint64_t owner = 0, user = 0;
	struct err cause = { 0 };
	int rc = as_him(c, want, found, secret, ACT_GET_CALLER_IDENTITY, NULL, &answer, &cause);
	if (rc) {
		*e = cause;
		return is_refusal(&cause) ? not_seen(c, found, "key refused", e) : rc;
	}
	if (json_uint(answer, "AccountId", &owner, NULL) || json_uint(answer, "UserId", &user, NULL) || user != found->uin ||
		owner != want->root->owner_uin)
		return fail(c, found, "wrong identity", e);
	return 0;
}

struct sight { bool own, foreign; };

static int see(struct call *c, const struct account *want, struct found *found, const struct secret *secret, const char *env_id,
	struct sight *s, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	json_put_text(p, "EnvId", env_id);
	int rc = as_him(c, want, found, secret, ACT_DESCRIBE_ENVS, p, &answer, e);
	if (rc)
		return rc;
	for (const struct json *env = json_first(json_get(answer, "EnvList")); env; env = json_next(env)) {
		bool own = str_eq(json_text(env, "EnvId"), found->env_id);
		s->own |= own;
		s->foreign |= !own;
	}
	return 0;
}

static int proof_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	AUTO_SECRET struct secret *secret = NULL;
	struct sight s = { 0 };
	if (c->plan)
		return 0;
	int rc = key_secret(c, found, &secret, e);
	if (!rc)
		rc = check_identity(c, want, found, secret, e);
	/* All that he may list; and his own by name, where listing without a name is not granted. */
	if (!rc)
		rc = see(c, want, found, secret, NULL, &s, e);
	if (rc && is_refusal(e))
		rc = 0;
	if (!rc && !s.foreign && !s.own)
		rc = see(c, want, found, secret, found->env_id, &s, e);
	if (rc)
		return is_refusal(e) ? not_seen(c, found, "refused", e) : rc;
	if (s.foreign)
		return fail(c, found, "foreign env", e);
	if (!s.own)
		return not_seen(c, found, "own unseen", e);
	str_copy(found->proof, sizeof(found->proof), SEES_OWN);
	found->proof_ms = clock_now(c->clock);
	found->proof_seen = 1;
	return 0;
}

static int proof_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	(void)c;
	(void)want;
	(void)e;
	found->proof[0] = '\0';
	found->proof_ms = 0;
	found->proof_seen = found->proof_refused = 0;
	return 0;
}

const struct driver proof_driver = { .name = "proof", .observe = proof_observe, .ensure = proof_ensure, .remove = proof_remove };
