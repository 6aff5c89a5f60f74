/* tat: commands on servers.  Hidden parameters are kept as digests only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/servers.h"
#include "common/crypt.h"
#include "common/str.h"

enum { RUNS_KEPT = 5000, CONTENTS_KEPT = 200, PARAMETERS = 20 };
#define HIDDEN "tat-hidden:"
#define NAME_CHARACTERS ALPHABET_KEY "-_"

/* --- parameters of a command ------------------------------------------------------------- */

/* The name of the placeholder that starts at text ("{{name}}", "{{tat-hidden:name}}"); NULL when it is none. */
static const char *placeholder(struct arena *a, const char *text, bool *hidden)
{
	text += 2;
	*hidden = str_starts(text, HIDDEN);
	if (*hidden)
		text += strlen(HIDDEN);
	size_t n = strspn(text, NAME_CHARACTERS);
	return n && n <= 64 && !strncmp(text + n, "}}", 2) ? arena_strndup(a, text, n) : NULL;
}

static int check_values(struct call *c, const struct json *values)
{
	if (json_type(values) != JSON_OBJECT)
		return call_fail(c, "InvalidParameterValue.ParameterInvalidJsonFormat",
			"The parameters are not a JSON object.");
	if (json_count(values) > PARAMETERS)
		return call_fail(c, "InvalidParameterValue.ParameterNumberExceeded",
			"There are more than %d parameters.", PARAMETERS);
	for (const struct json *v = json_first(values); v; v = json_next(v)) {
		const char *name = json_name(v);
		if (strlen(name) > 64)
			return call_fail(c, "InvalidParameterValue.ParameterKeyLenExceeded",
				"A parameter name is too long.");
		if (!*name || name[strspn(name, NAME_CHARACTERS)])
			return call_fail(c, "InvalidParameterValue.ParameterKeyContainsInvalidChar",
				"A parameter name is not allowed.");
		if (!json_string(v))
			return call_fail(c, "InvalidParameterValue.ParameterValueNotString",
				"The parameter `%s` is not a string.", name);
	}
	return 0;
}

static int read_json(struct call *c, const char *param, struct json **out)
{
	const char *text = text_of(c, param);
	struct err e;
	*out = NULL;
	if (!text || !*text)
		return 0;
	if (!bool_of(c, "EnableParameter", false))
		return call_fail(c, "InvalidParameterValue.SupportParametersOnlyIfEnableParameter",
			"`%s` needs EnableParameter.", param);
	if (json_parse(c->arena, text, strlen(text), out, &e))
		return call_fail(c, "InvalidParameterValue.ParameterInvalidJsonFormat", "`%s` is not JSON.", param);
	return check_values(c, *out);
}

/* Parameters over DefaultParameters over DefaultParameterConfs. */
static int merge_values(struct call *c, struct json *values)
{
	static const char *const sources[] = { "DefaultParameters", "Parameters" };
	const struct json *confs = json_get(c->in, "DefaultParameterConfs");
	for (const struct json *v = confs ? json_first(confs) : NULL; v; v = json_next(v))
		json_put_text(values, json_text(v, "ParameterName"), json_text(v, "ParameterValue"));
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct json *given;
		if (read_json(c, sources[i], &given))
			return -1;
		for (const struct json *v = given ? json_first(given) : NULL; v; v = json_next(v)) {
			json_remove(values, json_name(v));
			json_put_text(values, json_name(v), json_string(v));
		}
	}
	return 0;
}

/* Which values are hidden, and is there one for every placeholder? */
static int resolve(struct call *c, const char *script, struct json *values, struct json *hidden)
{
	if (!bool_of(c, "EnableParameter", false))
		return 0;
	for (const char *p = strstr(script, "{{"); p; p = strstr(p + 2, "{{")) {
		bool secret;
		const char *name = placeholder(c->arena, p, &secret);
		if (!name)
			continue;
		if (json_has(hidden, name))
			continue;
		const char *value = json_text(values, name);
		if (!value)
			return call_fail(c, "InvalidParameterValue.LackOfParameterInfo",
				"There is no value for the parameter `%s`.", name);
		if (secret) {
			char digest[SHA256_HEX];
			crypt_sha256_hex(value, strlen(value), digest);
			json_put_text(hidden, name, digest);
		}
	}
	return 0;
}

/* --- RunCommand ----------------------------------------------------------------------------- */

bool server_agent_online(const struct emulator *em, const struct server *s)
{
	return s->state == SERVER_RUNNING && !s->operating && s->agent_online <= business_now(em);
}

static int find_targets(struct call *c, struct server ***out, size_t *count)
{
	const struct json *ids = json_get(c->in, "InstanceIds");
	struct server **found = arena_alloc(c->arena, (json_count(ids) + 1) * sizeof(struct server *));
	size_t n = 0;
	for (const struct json *v = json_first(ids); v; v = json_next(v), n++) {
		const char *id = json_string(v);
		if (!server_id_fits(id))
			return call_fail(c, "InvalidParameterValue.InvalidInstanceId",
				"The instance id `%.40s` is malformed.", id);
		struct server *s = found[n] = index_find(&c->em->servers_by_id, id);
		if (!s || !str_eq(s->region, c->region))
			return call_fail(c, "ResourceNotFound.InstanceNotFound", "The instance `%s` does not exist.",
				id);
		if (s->state != SERVER_RUNNING || s->operating)
			return call_fail(c, "ResourceUnavailable.InstanceStateNotRunning",
				"The instance `%s` is not running.", id);
		if (!server_agent_online(c->em, s))
			return call_fail(c, "ResourceUnavailable.AgentStatusNotOnline",
				"The agent of `%s` is not online.", id);
	}
	*out = found;
	*count = n;
	return 0;
}

static void forget_runs(struct emulator *em)
{
	if (em->runs.count > CONTENTS_KEPT) {
		struct run *old = em->runs.items[em->runs.count - CONTENTS_KEPT - 1];
		free(old->content);
		old->content = mem_strdup("");
	}
	if (em->runs.count < RUNS_KEPT)
		return;
	for (size_t i = 0; i < RUNS_KEPT / 2; i++) {
		struct run *r = em->runs.items[i];
		if (index_find(&em->runs_by_id, r->invocation) == r)
			index_remove(&em->runs_by_id, r->invocation);
		index_remove(&em->runs_by_id, r->task);
		/* A chain that is cut in the middle stays whole for the younger ones: next points forward only. */
		run_free(r);
	}
	em->runs.count -= RUNS_KEPT / 2;
	memmove(em->runs.items, em->runs.items + RUNS_KEPT / 2, em->runs.count * sizeof(void *));
}

struct command { char invocation[16], id[16]; const char *parameters, *hidden; struct run *last; };

static void copy_or(char *to, size_t n, const char *text, const char *otherwise)
{
	str_copy(to, n, text ? text : otherwise);
}

static void run_new(struct call *c, struct command *command, const struct server *s)
{
	struct emulator *em = c->em;
	struct run *r = mem_alloc(sizeof(*r));
	char text[9];
	str_copy(r->invocation, sizeof(r->invocation), command->invocation);
	str_copy(r->command, sizeof(r->command), command->id);
	rng_text(&em->rng, text, 8, ALPHABET_ID);
	snprintf(r->task, sizeof(r->task), "invt-%s", text);
	copy_or(r->command_name, sizeof(r->command_name), text_of(c, "CommandName"), "");
	copy_or(r->description, sizeof(r->description), text_of(c, "Description"), "");
	copy_or(r->user, sizeof(r->user), text_of(c, "Username"), "root");
	copy_or(r->directory, sizeof(r->directory), text_of(c, "WorkingDirectory"), "/root");
	copy_or(r->type, sizeof(r->type), text_of(c, "CommandType"), "SHELL");
	str_copy(r->instance, sizeof(r->instance), s->id);
	str_copy(r->region, sizeof(r->region), s->region);
	r->content = mem_strdup(text_of(c, "Content"));
	r->parameters = mem_strdup(command->parameters);
	r->hidden = mem_strdup(command->hidden);
	r->timeout = (int)int_of(c, "Timeout", 60);
	r->exit_code = (int)em->switches.run_exit_code;
	r->created = c->now;
	r->ends = c->now + em->build_ms / 4;
	forget_runs(em);
	list_add(&em->runs, r);
	index_put(&em->runs_by_id, r->task, r);
	if (command->last)
		command->last->next = r;
	else
		index_put(&em->runs_by_id, r->invocation, r);
	command->last = r;
}

static void make_ids(struct emulator *em, struct command *command)
{
	char text[9];
	rng_text(&em->rng, text, 8, ALPHABET_ID);
	snprintf(command->invocation, sizeof(command->invocation), "inv-%s", text);
	rng_text(&em->rng, text, 8, ALPHABET_ID);
	snprintf(command->id, sizeof(command->id), "cmd-%s", text);
}

static int run_command(struct call *c)
{
	const char *content = text_of(c, "Content");
	struct json *values = json_object(c->arena), *hidden = json_object(c->arena);
	struct command command = { .last = NULL };
	struct server **servers = NULL;
	unsigned char *script;
	size_t n, count = 0;
	struct err e;
	if (str_unbase64(c->arena, content, strlen(content), &script, &n, &e) || strlen((const char *)script) != n)
		return call_fail(c, "InvalidParameterValue.InvalidContent", "The content is not base64 of a script.");
	if (merge_values(c, values) || resolve(c, (const char *)script, values, hidden) || find_targets(c, &servers,
		&count))
		return -1;
	for (const struct json *v = json_first(hidden); v; v = json_next(v)) {
		json_remove(values, json_name(v));
		json_put_text(values, json_name(v), "******");
	}
	command.parameters = json_print(c->arena, values);
	command.hidden = json_print(c->arena, hidden);
	make_ids(c->em, &command);
	for (size_t i = 0; i < count; i++)
		run_new(c, &command, servers[i]);
	json_put_text(c->out, "CommandId", command.id);
	json_put_text(c->out, "InvocationId", command.invocation);
	return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define TOO_LONG .code = "InvalidParameterValue.TooLong"
static const struct param tag_rows[] = { TEXT("Key", NEEDED, RANGE(1, 127)), TEXT("Value", NEEDED, RANGE(0, 255)) };
static const struct param conf_rows[] = {
	TEXT("ParameterName", NEEDED, RANGE(1, 64)), TEXT("ParameterValue", NEEDED), TEXT("ParameterDescription"),
};
static const struct param run_params[] = {
	TEXT("Content", NEEDED, RANGE(1, 65536), TOO_LONG),
	TEXTS("InstanceIds", NEEDED, RANGE(1, 200), .code = "InvalidParameterValue.LimitExceeded"),
	TEXT("CommandName", RANGE(1, 60), TOO_LONG), TEXT("Description", RANGE(0, 120), TOO_LONG),
	TEXT("CommandType", ONE_OF("SHELL|POWERSHELL|BAT"),
	.code = "InvalidParameterValue.AgentUnsupportedCommandType"),
	TEXT("WorkingDirectory", RANGE(1, 128), .code = "InvalidParameterValue.InvalidWorkingDirectory"),
	INT("Timeout", RANGE(1, 86400)), BOOL("SaveCommand"), BOOL("EnableParameter"), TEXT("DefaultParameters"),
	OBJECTS("DefaultParameterConfs", conf_rows, RANGE(0, PARAMETERS)), TEXT("Parameters"),
	OBJECTS("Tags", tag_rows, RANGE(0, 10)),
	TEXT("Username", RANGE(1, 64), .code = "InvalidParameterValue.InvalidUsername"), TEXT("OutputCOSBucketUrl"),
	TEXT("OutputCOSKeyPrefix"),
};

static const struct action actions[] = {
	{ "tat", "RunCommand", run_command, PARAMS(run_params), 20, SCOPE_SERVERS, 0, "InstanceIds", "CommandName" },
};

const struct action *tat_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
