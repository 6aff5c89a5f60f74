/* The CloudBase environment, with its log topic.
 *
 * CreateEnv pays and has no client token: it is called once, after an intent, and an unknown outcome is found out by
 * looking.  DestroyEnv has two steps: the first isolates (and can be taken back by a human), the second is final. */
#include "cloud/drivers/driver.h"

#define ISOLATED "ISOLATE"
#define DESTROYED "DESTROYED"      /* our own word: we asked for the final destruction */
#define LOG_AGAIN_MS 60000         /* a topic that was asked for appears within minutes */
#define LONGEST_LOOK_MS 60000
#define PAGE 100
#define CAP_AGAIN_MS DAY_MS

/* --- looking ------------------------------------------------------------------------ */

struct view {
	bool listed, ours, unmarked;   /* unmarked: tags need not be visible at once */
	struct snapshot_env env;
	int64_t listed_ms;
};

static int look(struct call *c, const struct account *want, const struct found *found, struct view *v, struct err *e)
{
	memset(v, 0, sizeof(*v));
	const char *id = *found->env_id ? found->env_id : found->adopt_env;
	int rc = snapshot_env(c->snapshot, c, want, id, c->settings->poll_ms, &v->env, &v->listed_ms, e);
	if (rc == ERR_ABSENT)
		return 0;
	if (rc)
		return rc;
	enum mark_owner owner = mark_judge(want, v->env.mark);
	v->listed = true;
	v->ours = owner == MARK_OURS;
	v->unmarked = owner == MARK_NONE;
	return 0;
}

/* status: "" while it is being set up, NORMAL, ISOLATE.  until: paid until then, in words of the cloud that name no zone. */
struct bill { const char *status, *until; };

/* Fails: ABSENT. */
static int billing(struct call *c, const struct account *want, const char *env_id, struct bill *out, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	call_list(c, p, "EnvIds", env_id);       /* a list selects; what a single unknown EnvId answers is not documented */
	int rc = call_do(c, want, ACT_DESCRIBE_BILLING_INFO, p, &answer, e);
	if (rc)
		return rc;
	const struct json *items = json_get(answer, "EnvBillingInfoList");
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		if (!str_eq(json_text(item, "EnvId"), env_id))
			continue;
		const char *status = json_text(item, "Status"), *until = json_text(item, "ExpireTime");
		*out = (struct bill){ status ? status : "", until ? until : "" };
		return 0;
	}
	return err_set(e, ERR_ABSENT, "environment \"%s\" has no billing record", env_id);
}

static void adopt(struct found *found, const struct snapshot_env *env)
{
	str_copy(found->env_id, sizeof(found->env_id), env->env_id);
	str_copy(found->env_status, sizeof(found->env_status), env->status);
	str_copy(found->bucket, sizeof(found->bucket), env->bucket);
	str_copy(found->name_space, sizeof(found->name_space), env->name_space);
	str_copy(found->topic, sizeof(found->topic), env->topic);
	found->env_missed_ms = 0;
}

static void gone(struct found *found)
{
	found->env_id[0] = found->env_status[0] = found->bucket[0] = found->name_space[0] = found->topic[0] = '\0';
	found->env_isolated_ms = found->env_missed_ms = found->env_log_asked_ms = 0;
	note_clear(found, "env");
}

static void isolated(struct call *c, struct found *found)
{
	str_copy(found->env_status, sizeof(found->env_status), ISOLATED);
	if (!found->env_isolated_ms)
		found->env_isolated_ms = clock_now(c->clock);
}

static bool is_isolated(const struct found *found)
{
	return str_eq(found->env_status, ISOLATED) || str_eq(found->env_status, DESTROYED);
}

/* Listed and ours.  Only billing tells whether it is isolated, whatever the listing says; it is asked as soon as that
 * can matter, not while the environment is being built. */
static int judge_listed(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct bill bill = { "", "" };
	bool normal = str_eq(found->env_status, "NORMAL");
	bool complete = normal && *found->bucket && *found->name_space && *found->topic;
	bool slow = found->env_log_asked_ms && clock_now(c->clock) - found->env_log_asked_ms >= LOG_AGAIN_MS;
	*out = complete ? SEEN_OK : SEEN_WAIT;
	if (!complete && !slow && !found->env_isolated_ms && !found->verified_ms[ROW_ENV])
		return 0;
	int rc = billing(c, want, found->env_id, &bill, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (str_eq(bill.status, ISOLATED)) {
		isolated(c, found);
		*out = SEEN_WAIT;
	} else if (normal) {
		found->env_isolated_ms = 0;
	}
	return 0;
}

/* We know its id and no listing has it. */
static int judge_missing(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct bill bill = { "", "" };
	bool destroyed = str_eq(found->env_status, DESTROYED), was_isolated = found->env_isolated_ms;
	int rc = billing(c, want, found->env_id, &bill, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	*out = SEEN_WAIT;
	if (!rc && destroyed)
		return 0;
	if (!rc) {
		found->env_missed_ms = 0;
		if (str_eq(bill.status, ISOLATED))
			isolated(c, found);
		return 0;
	}
	/* One look is no proof: what was just made may not be shown yet, and would be paid twice. */
	if (!found->env_missed_ms)
		found->env_missed_ms = clock_now(c->clock);
	if (destroyed || was_isolated || call_settled(c, found->env_missed_ms, c->settings->settle_ms)) {
		gone(found);
		*out = SEEN_NONE;
	}
	return 0;
}

static int env_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct view v;
	int rc = look(c, want, found, &v, e);
	if (rc)
		return rc;
	if (!v.listed) {
		*out = SEEN_NONE;
		return *found->env_id ? judge_missing(c, want, found, out, e) : 0;
	}
	bool known = str_eq(v.env.env_id, found->env_id) || str_eq(v.env.env_id, found->adopt_env);
	if (!v.ours && !(v.unmarked && known)) {
		*out = SEEN_FOREIGN;
		return 0;
	}
	if (str_eq(found->env_status, DESTROYED) && known) {
		*out = SEEN_WAIT;
		return 0;
	}
	adopt(found, &v.env);
	if (v.ours)
		found->adopt_env[0] = '\0';
	rc = judge_listed(c, want, found, out, e);
	if (!rc && *found->adopt_env && *out == SEEN_OK)
		*out = SEEN_DRIFT;
	return rc;
}

/* --- an unknown outcome --------------------------------------------------------------- */

/* Environment ids are the alias and a suffix: billing may know one that the listing does not show yet. */
static int billed(struct call *c, const struct account *want, bool *yes, struct err *e)
{
	size_t n = strlen(want->env_alias);
	uint64_t seen = 0;
	*yes = false;
	for (;;) {
		const struct json *answer;
		struct json *p = call_arguments(c);
		json_put_uint(p, "Limit", PAGE);
		json_put_uint(p, "Offset", seen);
		int rc = call_do(c, want, ACT_DESCRIBE_BILLING_INFO, p, &answer, e);
		if (rc)
			return rc;
		const struct json *items = json_get(answer, "EnvBillingInfoList");
		for (const struct json *item = json_first(items); item; item = json_next(item), seen++) {
			const char *id = json_text(item, "EnvId");
			if (id && !strncmp(id, want->env_alias, n) && id[n] == '-')
				*yes = true;
		}
		if (*yes || !json_first(items) || seen >= (uint64_t)json_int_or(answer, "Total", 0))
			return 0;
	}
}

/* Look often at first, less often later. */
static int look_later(struct call *c, const struct intent *i, struct err *e)
{
	int64_t now = clock_now(c->clock), next = (now - i->written_ms) / 2;
	if (next < c->settings->poll_ms)
		next = c->settings->poll_ms;
	if (next > LONGEST_LOOK_MS)
		next = LONGEST_LOOK_MS;
	return err_due(e, ERR_WAIT, now + next, "it is not known yet whether CreateEnv made an environment");
}

/* Absent is: missing in a complete listing, and in billing, so long after the call that it would be shown. */
static int absent(struct call *c, const struct account *want, const struct found *found, const struct intent *i,
	int64_t listed_ms, struct err *e)
{
	bool yes;
	if (listed_ms < i->written_ms + c->settings->settle_ms || !call_settled(c, i->written_ms, c->settings->settle_ms))
		return look_later(c, i, e);
	int rc = billed(c, want, &yes, e);
	if (rc)
		return rc;
	if (yes)
		return look_later(c, i, e);
	return c->journal->settle(c->journal, i, OUTCOME_ABSENT, found, e);
}

static int env_resolve(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct intent *list;
	size_t count;
	int rc = c->journal->open_intents(c->journal, ROW_ENV, c->arena, &list, &count, e);
	for (size_t i = 0; !rc && i < count; i++) {
		struct view v;
		rc = look(c, want, found, &v, e);
		if (rc)
			return rc;
		if (v.listed && v.ours) {
			adopt(found, &v.env);
			rc = c->journal->settle(c->journal, &list[i], OUTCOME_DONE, found, e);
		} else if (v.listed && v.unmarked && str_eq(v.env.alias, want->env_alias)) {
			/* Its tags may not be shown yet; without them nobody can say whose it is. */
			rc = look_later(c, &list[i], e);
		} else {
			rc = absent(c, want, found, &list[i], v.listed_ms, e);
		}
	}
	return rc;
}

/* --- building --------------------------------------------------------------------------- */

static int create(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	static const char *const resources[] = { "flexdb", "storage", "function" };
	const struct json *answer;
	const char *id;
	struct intent intent;
	struct json *p = call_arguments(c), *list = json_array(c->arena);
	for (size_t i = 0; i < ARRAY_LEN(resources); i++)
		json_push_text(list, resources[i]);
	json_put_text(p, "Alias", want->env_alias);
	json_put_text(p, "PackageId", want->package);
	json_put(p, "Resources", list);
	json_put_int(p, "Period", 1);
	json_put_bool(p, "AutoVoucher", true);
	json_put_text(p, "RenewFlag", "NOTIFY_AND_AUTO_RENEW");
	call_tags(c, p, want);
	int rc = call_once(c, want, found, ACT_CREATE_ENV, want->env_alias, 0, p, &intent, &answer, e);
	if (rc)
		return rc;
	/* An answer without an id is as good as none: the intent stays open. */
	if (json_need_text(answer, "EnvId", &id, e))
		return err_set(e, ERR_UNKNOWN, "CreateEnv: the answer has no \"EnvId\"");
	gone(found);
	str_copy(found->env_id, sizeof(found->env_id), id);
	str_copy(found->env_status, sizeof(found->env_status), "UNAVAILABLE");
	rc = c->journal->settle(c->journal, &intent, OUTCOME_DONE, found, e);
	return rc ? rc : call_again(c, e, "the environment is being built");
}

static int ask_log(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	int64_t now = clock_now(c->clock);
	if (found->env_log_asked_ms && now - found->env_log_asked_ms < LOG_AGAIN_MS)
		return call_again(c, e, "the log topic is being made");
	struct json *p = call_arguments(c);
	json_put_text(p, "EnvId", found->env_id);
	call_list(c, p, "Resources", "log");
	int rc = call_do(c, want, ACT_CREATE_ENV_RESOURCE, p, NULL, e);
	if (rc && !str_eq(e->code, "ResourceInUse.LogExist"))
		return err_must_exist(rc, e);
	found->env_log_asked_ms = now;
	return call_again(c, e, "the log topic is being made");
}

/* One that others made gets our mark; from then on it is an environment like any other. */
static int claim(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c), *tags = json_array(c->arena), *tag = call_arguments(c);
	bool known;
	call_list(c, p, "ResourceList", arena_printf(c->arena, "qcs::tcb:%s:uin/%llu:env/%s", want->region,
		(unsigned long long)want->root->owner_uin, found->env_id));
	json_put_text(tag, "TagKey", MARK_TAG);
	json_put_text(tag, "TagValue", want->mark);
	json_push(tags, tag);
	json_put(p, "Tags", tags);
	int rc = call_do(c, want, ACT_TAG_RESOURCES, p, &answer, e);
	snapshot_stale(c->snapshot);
	if (rc)
		return err_must_exist(rc, e);
	/* It answers with success and names what it did not do. */
	const struct json *failed = json_first(json_get(answer, "FailedResources"));
	const char *code = failed ? json_text(failed, "Code") : NULL;
	if (failed)
		return err_set(e, code ? api_error_kind(code, &known) : ERR_TEMP, "environment \"%s\" was not marked: %s", found->env_id,
			code ? code : "no reason was given");
	return call_again(c, e, "the mark of the environment cannot be seen yet");
}

static int env_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	if (!*found->env_id && *found->adopt_env)
		return err_set(e, ERR_PERM, "the environment \"%s\" that was to be adopted is not there any more", found->adopt_env);
	if (!*found->env_id) {
		/* The walk resolves before it builds; a second payment is worth a second look. */
		int rc = env_resolve(c, want, found, e);
		if (rc)
			return rc;
	}
	if (!*found->env_id)
		return create(c, want, found, e);
	if (found->env_missed_ms)
		return call_again(c, e, "the environment is not listed");
	if (is_isolated(found))
		return err_set(e, ERR_PERM, "environment \"%s\" is isolated: only a paid renewal brings it back", found->env_id);
	if (*found->adopt_env)
		return claim(c, want, found, e);
	if (str_eq(found->env_status, "NORMAL") && !*found->topic)
		return ask_log(c, want, found, e);
	if (str_eq(found->env_status, "NORMAL") && *found->bucket && *found->name_space)
		return 0;
	return call_again(c, e, "the environment is being built");
}

/* --- taking down -------------------------------------------------------------------------- */

/* Destroying is capped per month and in total. */
static const struct cap { const char *max, *current, *what; } caps[] = {
	{ "MaxDeleteMonthly", "CurrentDeleteMonthly", "this month" },
	{ "MaxDeleteTotal", "CurrentDeleteTotal", "altogether" },
};

static int64_t left_of(const struct cap *cap, const struct json *answer)
{
	int64_t max = json_int_or(answer, cap->max, INT64_MAX);
	return max == INT64_MAX ? max : max - json_int_or(answer, cap->current, 0);
}

int env_destructions_left(struct call *c, const struct account *want, int64_t *left, struct err *e)
{
	const struct json *answer;
	int rc = call_do(c, want, ACT_DESCRIBE_ENV_LIMIT, NULL, &answer, e);
	if (rc)
		return rc;
	*left = INT64_MAX;
	for (size_t i = 0; i < ARRAY_LEN(caps); i++)
		if (left_of(&caps[i], answer) < *left)
			*left = left_of(&caps[i], answer);
	return 0;
}

/* Which of the two steps counts is not documented, so the second is left to the cloud's own judgement. */
static int check_caps(struct call *c, const struct account *want, struct err *e)
{
	const struct json *answer;
	int rc = call_do(c, want, ACT_DESCRIBE_ENV_LIMIT, NULL, &answer, e);
	for (size_t i = 0; !rc && i < ARRAY_LEN(caps); i++) {
		if (left_of(&caps[i], answer) <= 0)
			return err_due(e, ERR_QUOTA, clock_now(c->clock) + CAP_AGAIN_MS,
				"no further environment may be destroyed %s (%lld of %lld)", caps[i].what,
				(long long)json_int_or(answer, caps[i].current, 0), (long long)json_int_or(answer, caps[i].max, 0));
	}
	return rc;
}

/* The first step gives it back for money, and some orders are not taken back.  It has been paid for and runs out, unless it
 * is renewed; no action that we know of switches that off. */
static int let_expire(struct call *c, struct found *found, const char *why, const char *until, struct err *e)
{
	note_set(found, "env", "cannot be given back (%s): switch off its renewal%s%s", why, *until ? "; it is paid until " : "", until);
	return err_due(e, ERR_WAIT, clock_now(c->clock) + DAY_MS, "environment \"%s\" cannot be given back: %s", found->env_id, why);
}

static const char *kept_because(const struct err *e)
{
	static const char *const reasons[][2] = {
		{ "ResourceUnavailable.InvoiceAmountLack", "an invoice was issued for it" },
		{ "ResourceUnavailable.ResourceOverdue", "it is overdue" },
	};
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (str_eq(e->code, reasons[i][0]))
			return reasons[i][1];
	return NULL;
}

static int destroy(struct call *c, const struct account *want, struct found *found, const struct bill *bill, struct err *e)
{
	bool final = str_eq(bill->status, ISOLATED);
	int rc = final ? 0 : check_caps(c, want, e);
	if (rc)
		return rc;
	struct json *p = call_arguments(c);
	json_put_text(p, "EnvId", found->env_id);
	if (final)
		json_put_bool(p, "IsForce", true);
	json_put_bool(p, "BypassCheck", true);      /* that it holds data is no reason to keep it: grace is over */
	rc = call_do(c, want, ACT_DESTROY_ENV, p, NULL, e);
	snapshot_stale(c->snapshot);
	if (rc && !final && kept_because(e))
		return let_expire(c, found, kept_because(e), bill->until, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	note_clear(found, "env");
	if (final) {
		str_copy(found->env_status, sizeof(found->env_status), DESTROYED);
		found->env_missed_ms = clock_now(c->clock);
	} else {
		isolated(c, found);
	}
	return call_again(c, e, final ? "the environment is being destroyed" : "the environment is being isolated");
}

/* May we?  Its mark must be seen; an isolated one that is not listed any more shows none, but we isolated it
 * ourselves and it has the name that only this account gives. */
static int check_ours(const struct account *want, const struct found *found, const struct view *v, struct err *e)
{
	size_t n = strlen(want->env_alias);
	bool named = !strncmp(found->env_id, want->env_alias, n) && found->env_id[n] == '-';
	if (v->listed ? v->ours : found->env_isolated_ms && named)
		return 0;
	return err_set(e, ERR_FOREIGN, "environment \"%s\" does not show our mark: it is not destroyed", found->env_id);
}

static int wait_isolation(struct call *c, const struct found *found, struct err *e)
{
	int64_t now = clock_now(c->clock), last = c->settings->isolation_ms;
	if (last < 0)
		return err_due(e, ERR_WAIT, now + DAY_MS, "the cloud will delete the isolated environment by itself");
	if (now < found->env_isolated_ms + last)
		return err_due(e, ERR_WAIT, found->env_isolated_ms + last, "the isolated environment is deleted later");
	return 0;
}

static int env_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct view v;
	struct bill bill = { "", "" };
	if (!*found->env_id)
		return 0;
	/* Asked once, and again only if nothing came of it. */
	if (str_eq(found->env_status, DESTROYED) && clock_now(c->clock) - found->env_missed_ms < c->settings->settle_ms)
		return call_again(c, e, "the environment is being destroyed");
	int rc = look(c, want, found, &v, e);
	if (!rc)
		rc = billing(c, want, found->env_id, &bill, e);
	if (rc == ERR_ABSENT || (!rc && !*bill.status))
		return call_again(c, e, "the environment shows no state yet");
	if (rc)
		return rc;
	bool is_final = str_eq(bill.status, ISOLATED);
	if (is_final) {
		if (!found->env_isolated_ms)
			isolated(c, found);
		rc = wait_isolation(c, found, e);
	}
	if (!rc && !is_final && !v.listed)
		rc = call_again(c, e, "the environment is not listed");
	if (!rc && v.listed && v.unmarked && *found->adopt_env && str_eq(found->adopt_env, v.env.env_id))
		rc = claim(c, want, found, e);
	if (!rc)
		rc = check_ours(want, found, &v, e);
	return rc ? rc : destroy(c, want, found, &bill, e);
}

const struct driver env_driver = { .name = "env", .observe = env_observe, .ensure = env_ensure, .remove = env_remove,
	.resolve = env_resolve };
