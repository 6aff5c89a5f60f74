#include "cloud/resource.h"

#include <stdio.h>
#include <string.h>

#include "common/failpoint.h"

const char *seen_name(enum seen s)
{
	static const char *const names[] = { "none", "ok", "locked", "drift", "waiting", "foreign" };
	return (unsigned)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

/* "call.CreateEnv.before" and "call.CreateEnv.after". */
static void point(enum action action, const char *when)
{
#ifdef ROLLCALL_FAILPOINTS
	char name[80];
	snprintf(name, sizeof(name), "call.%s.%s", action_table[action].name, when);
	POINT(name);
#else
	(void)action;
	(void)when;
#endif
}

/* For the evidence: the action, those of its parameters that say to whom and to what, and what the driver has to say
 * about it.  None holds a secret. */
static const char *describe(struct arena *a, enum action action, const struct json *parameters, const char *about)
{
	static const char *const telling[] = { "Name", "ConsoleLogin", "TargetUin", "AttachUin", "DetachUin", "AccessKeyId",
		"Status", "PolicyName", "PolicyId", "PolicyId[0]", "EnvId", "Alias", "PackageId", "IsForce", "KeyId", "InstanceName",
		"BundleId", "InstanceIds[0]", "RenewFlag", "Info[0].GroupId", "Info[0].Uin" };
	struct str s;
	str_init(&s, a);
	str_add(&s, action_table[action].name);
	for (size_t i = 0; i < ARRAY_LEN(telling); i++) {
		const struct json *v = json_get(parameters, telling[i]);
		if (!v || json_type(v) == JSON_ARRAY)
			continue;
		str_addf(&s, " %s=%s", telling[i], json_string(v) ? json_string(v) : json_print(a, v));
	}
	if (about)
		str_addf(&s, ": %s", about);
	return s.text;
}

static void record(struct call *c, enum action action, const struct json *parameters, const char *about,
	const struct json *answer)
{
	const char *id = json_text(answer, "RequestId");
	if (c->journal)
		c->journal->did(c->journal, c->row, describe(c->arena, action, parameters, about), id ? id : "");
}

static int refuse_plan(const struct call *c, enum action action, struct err *e)
{
	if (c->plan)
		return err_set(e, ERR_BUG, "%s: a plan changes nothing", action_table[action].name);
	return 0;
}

static int send(struct call *c, const struct account *want, enum action action, const struct json *parameters,
	const char *about, const struct json **answer, struct err *e)
{
	c->memo = NULL;
	point(action, "before");
	int rc = api_send(c->api, action, want ? want->region : NULL, parameters, c->arena, answer, e);
	point(action, "after");
	if (!rc)
		record(c, action, parameters, about, *answer);
	return rc;
}

/* Rows of one walk ask the same questions (his keys, what is attached to him).  The answer is good until this walk
 * changes something; asking again would cost a token of the rate limit, and a row that needs two where two people
 * wait for one each would never get on. */
struct memo { struct memo *next; enum action action; const char *parameters; const struct json *answer; };

static const struct json *remembered(const struct call *c, enum action action, const char *parameters)
{
	for (const struct memo *m = c->memo; m; m = m->next)
		if (m->action == action && !strcmp(m->parameters, parameters))
			return m->answer;
	return NULL;
}

/* Whoever is refused halfway begins anew later, and is refused at the same place again.  So further questions of a
 * kind are asked at once, from what the limiter keeps in reserve. */
static bool begun(const struct call *c, enum action action)
{
	for (const struct memo *m = c->memo; m; m = m->next)
		if (m->action == action)
			return true;
	return false;
}

static int ask(struct call *c, const struct account *want, enum action action, const struct json *parameters,
	const struct json **answer, struct err *e)
{
	const char *text = parameters ? json_print(c->arena, parameters) : "";
	const struct json *known = remembered(c, action, text);
	int rc = 0;
	if (!known)
		rc = begun(c, action) ? api_admit_more(c->api, action, e) : api_admit(c->api, action, e);
	if (!rc && !known)
		rc = api_send(c->api, action, want ? want->region : NULL, parameters, c->arena, &known, e);
	if (rc)
		return rc;
	struct memo *m = arena_alloc(c->arena, sizeof(*m));
	*m = (struct memo){ .next = c->memo, .action = action, .parameters = text, .answer = known };
	c->memo = m;
	*answer = known;
	return 0;
}

int call_may_destroy(struct call *c, struct err *e)
{
	return c->journal && c->journal->may_destroy ? c->journal->may_destroy(c->journal, e) : 0;
}

static int change(struct call *c, const struct account *want, enum action action, const struct json *parameters,
	const char *about, const struct json **answer, struct err *e)
{
	int rc = refuse_plan(c, action, e);
	if (!rc && action_table[action].flags & ACTION_DESTROYS)
		rc = call_may_destroy(c, e);
	if (!rc)
		rc = api_admit(c->api, action, e);
	/* Asked last, so that what comes between question and call is as short as can be. */
	if (!rc && !c->cutting && c->journal)
		rc = c->journal->may_act(c->journal, e);
	return rc ? rc : send(c, want, action, parameters, about, answer, e);
}

int call_do(struct call *c, const struct account *want, enum action action, const struct json *parameters,
	const struct json **answer, struct err *e)
{
	const struct json *ignored;
	if (!answer)
		answer = &ignored;
	if (action_table[action].kind == ACTION_READ)
		return ask(c, want, action, parameters, answer, e);
	return change(c, want, action, parameters, NULL, answer, e);
}

int call_told(struct call *c, const struct account *want, enum action action, const struct json *parameters, const char *about,
	struct err *e)
{
	const struct json *ignored;
	return change(c, want, action, parameters, about, &ignored, e);
}

int call_once(struct call *c, const struct account *want, struct found *found, enum action action, const char *token,
	unsigned attempt, const struct json *parameters, struct intent *intent, const struct json **answer, struct err *e)
{
	int rc = refuse_plan(c, action, e);
	if (!rc)
		rc = api_admit(c->api, action, e);
	/* The intent is the fence, too: it is written only where may_act holds. */
	if (!rc && !PLANTED("intent-after-call"))
		rc = c->journal->intent(c->journal, c->row, action, token, attempt, intent, e);
	if (rc)
		return rc;
	rc = send(c, want, action, parameters, NULL, answer, e);
	if (rc == ERR_UNKNOWN && PLANTED("retry-create"))
		rc = send(c, want, action, parameters, NULL, answer, e);
	if (PLANTED("intent-after-call"))
		(void)!c->journal->intent(c->journal, c->row, action, token, attempt, intent, e);
	if (!rc || rc == ERR_UNKNOWN || rc == ERR_STALE)
		return rc;
	struct err unsettled;
	if (c->journal->settle(c->journal, intent, OUTCOME_ABSENT, found, &unsettled))
		return rc;      /* it stays open, and resolve() finds that nothing came of it */
	return rc;
}

int err_must_exist(int rc, struct err *e)
{
	if (rc == ERR_ABSENT)
		rc = e->kind = ERR_TEMP;
	return rc;
}
