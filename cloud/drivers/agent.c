/* CloudBase Skill and MCP on the server, bound to the employee's environment with his key.  The script is ours
 * (etc/agent/install-agent.sh) and may run any number of times; the cloud's automation agent runs it.
 *
 * found->agent_state is the digest of what was installed; while a run is under way it is the digest of what that run
 * installs, with a '~' in place of the first digit. */
#include "cloud/drivers/driver.h"

#include <stdio.h>

#include "common/crypt.h"

#define DIGITS 16
#define TRY_AGAIN_MS 600000

/* The script's own exit codes. */
static const struct { int64_t code; const char *what; } failures[] = {
	{ 10, "a value is missing or has characters that do not belong in it" },
	{ 11, "no OpenClaw home was found" },
	{ 12, "node and npx were not found" },
	{ 13, "the configuration could not be written" },
	{ 14, "the skill could not be installed" },
	{ 15, "the gateway could not be restarted" },
};

static bool none_wanted(const struct account *want, const struct found *found)
{
	return !want->bundle && !*found->server_id;
}

static void digest(struct call *c, const struct found *f, char out[DIGITS + 1])
{
	char hex[SHA256_HEX];
	const char *text = arena_printf(c->arena, "%s|%s|%s", f->env_id, f->key_id, f->server_id);
	crypt_sha256_hex(text, strlen(text), hex);
	memcpy(out, hex, DIGITS);
	out[DIGITS] = '\0';
}

static int agent_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	(void)e;
	char now[DIGITS + 1];
	digest(c, found, now);
	if (none_wanted(want, found))
		*out = found->uin ? SEEN_OK : SEEN_NONE;
	else if (*found->agent_invocation)
		*out = SEEN_WAIT;
	else if (str_eq(found->agent_state, now))
		*out = SEEN_OK;
	else
		*out = *found->agent_state ? SEEN_DRIFT : SEEN_NONE;
	return 0;
}

/* --- a run under way ------------------------------------------------------------------ */

static void forget_run(struct found *found)
{
	found->agent_invocation[0] = found->agent_state[0] = '\0';
}

static int finished(struct call *c, struct found *found, struct err *e)
{
	char now[DIGITS + 1];
	digest(c, found, now);
	bool current = str_eq(found->agent_state + 1, now + 1);
	forget_run(found);
	if (!current)
		return call_again(c, e, "what is installed is outdated already");
	str_copy(found->agent_state, sizeof(found->agent_state), now);
	note_clear(found, "agent");
	return 0;
}

static int failed(struct call *c, struct found *found, const char *status, const struct json *task, struct err *e)
{
	int64_t code = json_int_or(task, "TaskResult.ExitCode", -1);
	const char *what = status;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		if (failures[i].code == code && str_eq(status, "FAILED"))
			what = failures[i].what;
	}
	forget_run(found);
	note_set(found, "agent", "%s (exit status %lld)", what, (long long)code);
	return err_due(e, ERR_TEMP, clock_now(c->clock) + TRY_AGAIN_MS, "the installation on the server ended: %s (exit status %lld)",
		what, (long long)code);
}

static int follow(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	static const char *const under_way[] = { "PENDING", "DELIVERING", "DELIVER_DELAYED", "RUNNING", "CANCELLING" };
	const struct json *answer;
	struct json *p = call_arguments(c), *filters = json_array(c->arena), *filter = call_arguments(c);
	json_put_text(filter, "Name", "invocation-id");
	call_list(c, filter, "Values", found->agent_invocation);
	json_push(filters, filter);
	json_put(p, "Filters", filters);
	json_put_bool(p, "HideOutput", true);
	int rc = call_do(c, want, ACT_DESCRIBE_INVOCATION_TASKS, p, &answer, e);
	if (rc == ERR_ABSENT)
		forget_run(found);
	if (rc)
		return err_must_exist(rc, e);
	const struct json *task = json_get(answer, "InvocationTaskSet[0]");
	const char *status = json_text(task, "TaskStatus");
	if (!status)
		return call_again(c, e, "the installation on the server has not begun");
	for (size_t i = 0; i < ARRAY_LEN(under_way); i++) {
		if (str_eq(status, under_way[i]))
			return call_again(c, e, "the installation on the server is under way");
	}
	return str_eq(status, "SUCCESS") ? finished(c, found, e) : failed(c, found, status, task, e);
}

/* --- a new run ---------------------------------------------------------------------------- */

static int agent_online(struct call *c, const struct account *want, const struct found *found, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	call_list(c, p, "InstanceIds", found->server_id);
	int rc = call_do(c, want, ACT_DESCRIBE_AUTOMATION_AGENT_STATUS, p, &answer, e);
	if (rc)
		return err_must_exist(rc, e);
	if (!str_eq(json_text(answer, "AutomationAgentSet[0].AgentStatus"), "Online"))
		return call_again(c, e, "the automation agent of the server is not online yet");
	return 0;
}

/* Parameters are put into the text of the script: what could end its quotes is never sent. */
static bool fits_script(const char *value)
{
	return *value && !value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+/=-")];
}

/* The secrets stand in hidden parameters only: the cloud masks those in its records. */
static const char *parameters(struct call *c, const struct account *want, const struct found *found, const struct secret *secret)
{
	struct json *p = call_arguments(c);
	json_put_text(p, "secret_id", found->key_id);
	json_put_text(p, "secret_key", secret_reveal(secret, NULL));
	json_put_text(p, "env_id", found->env_id);
	json_put_text(p, "region", want->region);
	return json_print(c->arena, p);
}

static int start(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	AUTO_SECRET struct secret *secret = NULL;
	const struct json *answer;
	const char *id, *script = c->settings->agent_script;
	char now[DIGITS + 1];
	int rc = agent_online(c, want, found, e);
	if (!rc)
		rc = key_secret(c, found, &secret, e);
	if (rc)
		return rc;
	if (!fits_script(found->key_id) || !fits_script(secret_reveal(secret, NULL)) || !fits_script(found->env_id))
		return err_set(e, ERR_PERM, "key or environment id have characters that cannot be put into a script");
	struct json *p = call_arguments(c);
	json_put_text(p, "Content", str_base64(c->arena, script, strlen(script)));
	call_list(c, p, "InstanceIds", found->server_id);
	json_put_text(p, "CommandName", "rollcall-install-agent");
	json_put_text(p, "CommandType", "SHELL");
	json_put_text(p, "Username", "root");
	json_put_int(p, "Timeout", c->settings->agent_timeout_ms / 1000);
	json_put_bool(p, "EnableParameter", true);
	json_put_text(p, "Parameters", parameters(c, want, found, secret));
	rc = call_do(c, want, ACT_RUN_COMMAND, p, &answer, e);
	if (rc)
		return err_must_exist(rc, e);
	if (json_need_text(answer, "InvocationId", &id, e))
		return err_set(e, ERR_TEMP, "RunCommand: the answer has no \"InvocationId\"");
	digest(c, found, now);
	now[0] = '~';
	str_copy(found->agent_invocation, sizeof(found->agent_invocation), id);
	str_copy(found->agent_state, sizeof(found->agent_state), now);
	return call_again(c, e, "the installation on the server is under way");
}

static int agent_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	if (none_wanted(want, found))
		return 0;
	if (!*found->env_id || !*found->server_id || !str_eq(found->server_state, "RUNNING"))
		return call_again(c, e, "the server is not running yet");
	return *found->agent_invocation ? follow(c, want, found, e) : start(c, want, found, e);
}

/* It is gone with the server, and useless without the key. */
static int agent_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	(void)c;
	(void)want;
	(void)e;
	forget_run(found);
	note_clear(found, "agent");
	return 0;
}

const struct driver agent_driver = { .name = "agent", .observe = agent_observe, .ensure = agent_ensure, .remove = agent_remove };
