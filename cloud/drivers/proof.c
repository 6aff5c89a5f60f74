/* Proof of isolation, made with the employee's own key: he sees his own environment and, when the cloud's caches have
 * forgotten what was before, he is refused everywhere else.  A new key and a changed policy count only then, so that
 * before one cache time neither a sight nor a refusal says anything, and before two no result is held against anybody. */
#include <stdio.h>

#include "cloud/drivers/driver.h"

struct proof {
	struct call *call;
	const struct account *want;
	struct found *found;
	const struct secret *secret;
	unsigned seen, refused, calls;
	char request_id[48];            /* of the last call */
};

/* One question with his key.  The answer lists things, which are known by an id; at most one of them is his. */
struct probe {
	enum action action;
	const char *list, *total, *id;          /* total: NULL when the answer does not count */
	void (*ask)(struct json *parameters, const char *env_id);
	const char *(*own)(struct arena *, const struct found *);
	bool elsewhere;                         /* asked about each of the other environments, by name */
};

/* --- the questions ---------------------------------------------------------------------------- */

static void ask_env(struct json *p, const char *env_id)
{
	json_put_text(p, "EnvId", env_id);
}

static void ask_policies(struct json *p, const char *env_id)
{
	(void)env_id;
	json_put_text(p, "Scope", "Local");
	json_put_uint(p, "Rp", 20);
	json_put_uint(p, "Page", 1);
}

static void ask_all(struct json *p, const char *env_id)
{
	(void)p;
	(void)env_id;
}

static const char *number(struct arena *a, uint64_t n)
{
	return arena_printf(a, "%llu", (unsigned long long)n);
}

static const char *own_env(struct arena *a, const struct found *f) { (void)a; return f->env_id; }
static const char *own_policy(struct arena *a, const struct found *f) { return number(a, f->policy_id); }
static const char *own_user(struct arena *a, const struct found *f) { return number(a, f->uin); }
static const char *own_server(struct arena *a, const struct found *f) { (void)a; return f->server_id; }

/* clang-format off */
static const struct probe his_envs = { ACT_DESCRIBE_ENVS, "EnvList", "Total", "EnvId", ask_env, own_env, false };

static const struct probe probes[] = {
	{ ACT_DESCRIBE_ENVS,         "EnvList",            "Total",      "EnvId",      ask_env,      own_env,    true },
	{ ACT_DESCRIBE_BILLING_INFO, "EnvBillingInfoList", "Total",      "EnvId",      ask_env,      own_env,    true },
	{ ACT_LIST_POLICIES,         "List",               "TotalNum",   "PolicyId",   ask_policies, own_policy, false },
	{ ACT_LIST_USERS,            "Data",               NULL,         "Uin",        ask_all,      own_user,   false },
	{ ACT_DESCRIBE_INSTANCES,    "InstanceSet",        "TotalCount", "InstanceId", ask_all,      own_server, false },
};
/* clang-format on */

/* --- what is in force, and results ---------------------------------------------------------------- */

static int64_t last_change(const struct found *f)
{
	return f->key_created_ms > f->policy_changed_ms ? f->key_created_ms : f->policy_changed_ms;
}

static bool isolated(const struct found *f)
{
	return str_eq(f->proof, PROOF_ISOLATED) && f->proof_ms >= last_change(f);
}

static int proof_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	(void)e;
	int64_t every = c->settings->prove_every_ms;
	bool old = every && clock_now(c->clock) - found->proof_ms >= every;
	if (isolated(found) && found->proof_ms >= want->prove_after_ms && !old)
		*out = SEEN_OK;
	else
		*out = *found->proof ? SEEN_DRIFT : SEEN_NONE;
	return 0;
}

static void write_down(struct proof *p, const char *result)
{
	struct found *f = p->found;
	str_copy(f->proof, sizeof(f->proof), result);
	f->proof_ms = clock_now(p->call->clock);
	f->proof_seen = p->seen;
	f->proof_refused = p->refused;
	f->proof_calls = p->calls;
}

static void conclude(struct proof *p, const char *result)
{
	struct journal *j = p->call->journal;
	write_down(p, result);
	j->did(j, p->call->row, arena_printf(p->call->arena, "proof %s: seen=%u refused=%u calls=%u", result, p->seen, p->refused,
		p->calls), p->request_id);
}

/* *e says what was seen.  It is a result only when nothing from before the last change can be the reason. */
static int fail(struct proof *p, const char *result, struct err *e)
{
	struct call *c = p->call;
	int64_t now = clock_now(c->clock), cache = c->settings->policy_cache_ms, changed = last_change(p->found);
	if (now < changed + 2 * cache) {
		const char *cause = arena_strdup(c->arena, e->text);
		return err_due(e, ERR_WAIT, now < changed + cache ? changed + cache : now + c->settings->poll_ms,
			"key and policy are not in force everywhere yet: %s", cause);
	}
	conclude(p, result);
	e->kind = ERR_PERM;
	return err_wrap(e, "proof of isolation %s", result);
}

/* --- asking ------------------------------------------------------------------------------------------ */

static bool in_list(const char *const *list, size_t n, const char *code)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], code))
			return true;
	return false;
}

/* He has no right to it.  A second factor or a token that is asked for is another matter: who has it may. */
static bool right_refused(const char *code)
{
	static const char *const others[] = { "UnauthorizedOperation.InvalidToken", "UnauthorizedOperation.MFAExpired",
		"UnauthorizedOperation.MFANotFound", "UnauthorizedOperation.TokenInvalid" };
	if (!strcmp(code, "AuthFailure.UnauthorizedOperation") || !strcmp(code, "UnauthorizedOperation"))
		return true;
	return str_starts(code, "UnauthorizedOperation.") && !in_list(others, ARRAY_LEN(others), code);
}

static int as_him(struct proof *p, enum action action, const struct json *parameters, const struct json **answer, struct err *e)
{
	p->calls++;
	int rc = api_call_as(p->call->api, p->found->key_id, p->secret, action, p->want->region, parameters, p->call->arena, answer,
		e);
	const char *id = rc ? NULL : json_text(*answer, "RequestId");
	str_copy(p->request_id, sizeof(p->request_id), rc ? e->request_id : id ? id : "");
	return rc && api_key_refused(e->code) ? fail(p, PROOF_KEY_REFUSED, e) : rc;
}

struct sight {
	bool refused, gone, own;
	const char *foreign;           /* what is shown and not his; NULL: nothing */
	size_t count;
};

static const char *id_of(struct arena *a, const struct json *item, const char *path)
{
	const char *text = json_text(item, path);
	uint64_t n;
	return text || json_uint(item, path, &n, NULL) ? text : number(a, n);
}

/* What is shown in an answer?  One that has another shape than documented is nothing to build a proof on. */
static int judge(struct proof *p, const struct probe *q, const struct json *answer, struct sight *s, struct err *e)
{
	const struct json *list = json_get(answer, q->list);
	const char *own = q->own(p->call->arena, p->found), *name = action_table[q->action].name;
	int64_t total = q->total ? json_int_or(answer, q->total, -1) : -1;
	if (list ? json_type(list) != JSON_ARRAY : total != 0)
		return err_set(e, ERR_TEMP, "%s: the answer has no list \"%s\"", name, q->list);
	for (const struct json *item = list ? json_first(list) : NULL; item; item = json_next(item)) {
		const char *id = id_of(p->call->arena, item, q->id);
		if (!id)
			return err_set(e, ERR_TEMP, "%s: an item of \"%s\" has no \"%s\"", name, q->list, q->id);
		s->count++;
		s->own |= str_eq(id, own);
		if (!str_eq(id, own) && !s->foreign)
			s->foreign = id;
	}
	/* More is said to be there than is shown: whose it is cannot be told. */
	if (!s->foreign && q != &his_envs && total > (int64_t)s->count)
		return err_set(e, ERR_TEMP, "%s: the answer counts %lld and shows %zu", name, (long long)total, s->count);
	return 0;
}

static int knock(struct proof *p, const struct probe *q, const char *env_id, struct sight *s, struct err *e)
{
	const struct json *answer;
	struct json *parameters = call_arguments(p->call);
	q->ask(parameters, env_id);
	*s = (struct sight){ 0 };
	int rc = as_him(p, q->action, parameters, &answer, e);
	if (!rc)
		return judge(p, q, answer, s, e);
	s->refused = right_refused(e->code);
	s->gone = env_id && (rc == ERR_ABSENT || str_eq(e->code, "InvalidParameter.EnvId"));
	return s->refused || s->gone ? 0 : rc;
}

/* Knock; what is not his is a failure. */
static int probe(struct proof *p, const struct probe *q, const char *env_id, struct sight *s, struct err *e)
{
	int rc = knock(p, q, env_id, s, e);
	if (rc || !s->foreign)
		return rc;
	const char *asked = env_id ? arena_printf(p->call->arena, ", asked about \"%s\",", env_id) : "";
	err_set(e, ERR_PERM, "%s%s showed \"%s\" to his key", action_table[q->action].name, asked, s->foreign);
	str_copy(e->request_id, sizeof(e->request_id), p->request_id);
	return fail(p, PROOF_FOREIGN, e);
}

/* --- the steps ----------------------------------------------------------------------------------------- */

static int check_identity(struct proof *p, struct err *e)
{
	const struct json *answer;
	uint64_t owner = 0, user = 0;
	int rc = as_him(p, ACT_GET_CALLER_IDENTITY, NULL, &answer, e);
	if (rc)
		return right_refused(e->code) ? fail(p, PROOF_OWN_UNSEEN, e) : rc;
	if (!json_uint(answer, "AccountId", &owner, NULL) && !json_uint(answer, "UserId", &user, NULL) && user == p->found->uin &&
		owner == p->want->root->owner_uin)
		return 0;
	conclude(p, PROOF_WRONG_IDENTITY);
	return err_set(e, ERR_PERM, "proof of isolation %s: his key belongs to somebody else", PROOF_WRONG_IDENTITY);
}

/* All that he may list; and his own by name, where listing without a name is not granted. */
static int check_own(struct proof *p, bool in_force, struct err *e)
{
	struct sight s;
	int rc = probe(p, &his_envs, NULL, &s, e);
	if (!rc && !s.own && in_force)
		rc = probe(p, &his_envs, p->found->env_id, &s, e);
	if (rc)
		return rc;
	if (!s.own) {
		if (!s.refused)
			err_set(e, ERR_PERM, "%s did not show \"%s\" to his key", action_table[his_envs.action].name, p->found->env_id);
		return fail(p, PROOF_OWN_UNSEEN, e);
	}
	p->seen = 1;
	/* What was proved and has not changed stays proved until there is another result. */
	if (!isolated(p->found))
		write_down(p, PROOF_SEES_OWN);
	return 0;
}

static int check_elsewhere(struct proof *p, const char *const *others, size_t count, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		const struct probe *q = &probes[i];
		for (size_t k = 0; k < (q->elsewhere ? count : 1); k++) {
			struct sight s;
			int rc = probe(p, q, q->elsewhere ? others[k] : NULL, &s, e);
			if (rc)
				return rc;
			p->refused += !s.gone;
		}
	}
	return 0;
}

static int prove(struct proof *p, struct err *e)
{
	struct call *c = p->call;
	int64_t in_force = last_change(p->found) + c->settings->policy_cache_ms;
	bool already = clock_now(c->clock) >= in_force;
	size_t count = 0, most = already ? (size_t)c->settings->probe_others : 0;
	const char **others = arena_alloc(c->arena, (most + 1) * sizeof(*others));
	/* First of all, since it may have to wait for the limiter. */
	int rc = most ? snapshot_others(c->snapshot, c, p->want, p->found->env_id, c->settings->poll_ms, most, others, &count, e) : 0;
	if (!rc)
		rc = check_identity(p, e);
	if (!rc)
		rc = check_own(p, already, e);
	if (!rc && !already)
		return err_due(e, ERR_WAIT, in_force, "he sees his own environment; what he must not see is asked later");
	if (!rc)
		rc = check_elsewhere(p, others, count, e);
	if (!rc)
		conclude(p, PROOF_ISOLATED);
	return rc;
}

static int proof_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	AUTO_SECRET struct secret *secret = NULL;
	if (c->plan)
		return 0;
	int rc = key_secret(c, found, &secret, e);
	if (rc)
		return rc;
	/* A proof that had to wait for the caches is one proof. */
	bool begun = !*found->proof || str_eq(found->proof, PROOF_SEES_OWN);
	struct proof p = { .call = c, .want = want, .found = found, .secret = secret, .calls = begun ? found->proof_calls : 0 };
	rc = prove(&p, e);
	if (!*found->proof || str_eq(found->proof, PROOF_SEES_OWN))
		found->proof_calls = p.calls;
	return err_must_exist(rc, e);
}

static int proof_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	(void)c;
	(void)want;
	(void)e;
	found->proof[0] = '\0';
	found->proof_ms = 0;
	found->proof_seen = found->proof_refused = found->proof_calls = 0;
	return 0;
}

const struct driver proof_driver = { .name = "proof", .observe = proof_observe, .ensure = proof_ensure, .remove = proof_remove };
