/* tat: what is read about commands that ran, and about the agents on the servers. */
#include <string.h>

#include "cloud/emulator/servers.h"
#include "common/str.h"

/* --- invocations and their tasks ------------------------------------------------------------------ */

static const char *status_of(const struct call *c, const struct run *r)
{
	return c->now < r->ends ? "RUNNING" : r->exit_code ? "FAILED" : "SUCCESS";
}

#define CONFLICT "InvalidParameter.ConflictParameter"

static bool run_fits(const void *object, const char *name, const char *value)
{
	const struct run *r = object;
	const struct { const char *name, *value; } fields[] = {
		{ "invocation-id", r->invocation }, { "command-id", r->command }, { "invocation-task-id", r->task },
		{ "instance-id", r->instance }, { "instance-kind", "LIGHTHOUSE" }, { "command-created-by", "USER" },
	};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eq(fields[i].name, name))
			return str_eq(fields[i].value, value);
	return false;
}

static void put_times(struct call *c, struct json *o, const struct run *r)
{
	const char *created = iso(c->arena, r->created), *ends = c->now < r->ends ? NULL : iso(c->arena, r->ends);
	json_put_text(o, "StartTime", created);
	if (ends)
		json_put_text(o, "EndTime", ends);
	else
		json_put_null(o, "EndTime");
	json_put_text(o, "CreatedTime", created);
	json_put_text(o, "UpdatedTime", ends ? ends : created);
}

static struct json *invocation(struct call *c, const struct run *first)
{
	struct json *o = json_object(c->arena), *tasks = json_array(c->arena);
	json_put_text(o, "InvocationId", first->invocation);
	json_put_text(o, "CommandId", first->command);
	json_put_text(o, "CommandName", first->command_name);
	json_put_text(o, "InvocationStatus", status_of(c, first));
	for (const struct run *r = first; r; r = r->next) {
		struct json *task = json_object(c->arena);
		json_put_text(task, "InvocationTaskId", r->task);
		json_put_text(task, "TaskStatus", status_of(c, r));
		json_put_text(task, "InstanceId", r->instance);
		json_push(tasks, task);
	}
	json_put(o, "InvocationTaskBasicInfoSet", tasks);
	json_put_text(o, "Description", first->description);
	put_times(c, o, first);
	json_put_text(o, "Parameters", first->parameters);
	json_put_text(o, "DefaultParameters", "");
	json_put_text(o, "InstanceKind", "LIGHTHOUSE");
	json_put_text(o, "Username", first->user);
	json_put_text(o, "InvocationSource", "USER");
	json_put_text(o, "CommandContent", first->content);
	json_put_text(o, "CommandType", first->type);
	json_put_int(o, "Timeout", first->timeout);
	json_put_text(o, "WorkingDirectory", first->directory);
	return o;
}

static struct json *task(struct call *c, const struct run *r)
{
	struct json *o = json_object(c->arena), *result = json_object(c->arena), *document = json_object(c->arena);
	bool done = c->now >= r->ends, show = !bool_of(c, "HideOutput", true);
	json_put_text(o, "InvocationId", r->invocation);
	json_put_text(o, "InvocationTaskId", r->task);
	json_put_text(o, "CommandId", r->command);
	json_put_text(o, "TaskStatus", status_of(c, r));
	json_put_text(o, "InstanceId", r->instance);
	json_put_int(result, "ExitCode", done ? r->exit_code : 0);
	json_put_text(result, "Output", done && show ? str_base64(c->arena, "done\n", 5) : "");
	json_put_text(result, "ExecStartTime", iso(c->arena, r->created));
	json_put_text(result, "ExecEndTime", done ? iso(c->arena, r->ends) : "");
	json_put_int(result, "Dropped", 0);
	json_put(o, "TaskResult", result);
	put_times(c, o, r);
	json_put_text(document, "Content", r->content);
	json_put_text(document, "CommandType", r->type);
	json_put_int(document, "Timeout", r->timeout);
	json_put_text(document, "WorkingDirectory", r->directory);
	json_put_text(document, "Username", r->user);
	json_put(o, "CommandDocument", document);
	json_put_text(o, "ErrorInfo", "");
	json_put_text(o, "InvocationSource", "USER");
	json_put_text(o, "CommandName", r->command_name);
	return o;
}

/* The runs that may be meant: those of one invocation when a filter or an id names it, else all. */
static const struct run *chain_of(struct call *c, const char *ids)
{
	const char *one = json_text(c->in, ids);
	const struct json *list = json_get(c->in, ids);
	if (list && json_count(list) == 1)
		one = json_string(json_first(list));
	if (!one && str_eq(json_text(c->in, "Filters[0].Name"), "invocation-id"))
		one = json_text(c->in, "Filters[0].Values[0]");
	return one ? index_find(&c->em->runs_by_id, one) : NULL;
}

struct runs { const struct run **items; size_t count; };

static struct runs candidates(struct call *c, const char *ids)
{
	const struct run *chain = chain_of(c, ids);
	struct runs all = { .items = arena_alloc(c->arena, (c->em->runs.count + 1) * sizeof(const struct run *)) };
	if (chain) {
		for (; chain; chain = chain->next)
			all.items[all.count++] = chain;
	} else {
		for (size_t i = c->em->runs.count; i-- > 0;)
			all.items[all.count++] = c->em->runs.items[i];
	}
	return all;
}

static int list_runs(struct call *c, const char *ids, bool tasks, const char *const *names, const char *set)
{
	if (ids_or_filters(c, CONFLICT, ids) || filters_check(c, names))
		return -1;
	struct json *list = json_array(c->arena);
	struct page page = page_by_offset(c, SIZE_MAX / 2, 20);
	struct runs all = candidates(c, ids);
	size_t total = 0;
	for (size_t i = 0; i < all.count; i++) {
		const struct run *r = all.items[i];
		if (!str_eq(r->region, c->region) || !ids_have(c, ids, tasks ? r->task : r->invocation) ||
			!filters_fit(c, r, run_fits) || (!tasks && index_find(&c->em->runs_by_id, r->invocation) != r))
			continue;
		if (total >= page.from && total < page.to)
			json_push(list, tasks ? task(c, r) : invocation(c, r));
		total++;
	}
	json_put_uint(c->out, "TotalCount", total);
	json_put(c->out, set, list);
	return 0;
}

static int describe_invocations(struct call *c)
{
	static const char *const names[] = { "invocation-id", "command-id", "command-created-by", "instance-kind",
		NULL };
	return list_runs(c, "InvocationIds", false, names, "InvocationSet");
}

static int describe_invocation_tasks(struct call *c)
{
	static const char *const names[] = { "invocation-task-id", "invocation-id", "instance-id", "command-id", NULL };
	return list_runs(c, "InvocationTaskIds", true, names, "InvocationTaskSet");
}

/* --- agents ------------------------------------------------------------------------------------------- */

static const char *agent_status(const struct call *c, const struct server *s)
{
	return server_agent_online(c->em, s) ? "Online" : "Offline";
}

struct agent { const struct call *call; const struct server *server; };

static bool agent_fits(const void *object, const char *name, const char *value)
{
	const struct agent *agent = object;
	if (str_eq(name, "agent-status"))
		return str_eq(value, agent_status(agent->call, agent->server));
	return str_eq(name, "environment") ? str_eq(value, "Linux") : str_eq(value, agent->server->id);
}

static void push_agent(struct call *c, struct json *list, const struct server *s)
{
	struct json *o = json_object(c->arena);
	json_put_text(o, "InstanceId", s->id);
	json_put_text(o, "Version", "1.1.0");
	json_put_text(o, "LastHeartbeatTime", iso(c->arena, c->now));
	json_put_text(o, "AgentStatus", agent_status(c, s));
	json_put_text(o, "Environment", "Linux");
	json_put(o, "SupportFeatures", json_array(c->arena));
	json_push(list, o);
}

/* A server whose agent has never called is not listed. */
static int describe_agents(struct call *c)
{
	static const char *const names[] = { "agent-status", "environment", "instance-id", NULL };
	struct json *list = json_array(c->arena);
	struct page page = page_by_offset(c, SIZE_MAX / 2, 20);
	size_t total = 0;
	if (ids_or_filters(c, CONFLICT, "InstanceIds") || filters_check(c, names))
		return -1;
	for (size_t i = 0; i < c->em->servers.count; i++) {
		const struct server *s = c->em->servers.items[i];
		const struct agent agent = { c, s };
		bool called = s->state != SERVER_PENDING && (s->agent_online == NEVER || s->agent_online <= c->now);
		if (!called || !str_eq(s->region, c->region) || !ids_have(c, "InstanceIds", s->id) || !filters_fit(c,
			&agent, agent_fits))
			continue;
		if (total >= page.from && total < page.to)
			push_agent(c, list, s);
		total++;
	}
	json_put(c->out, "AutomationAgentSet", list);
	json_put_uint(c->out, "TotalCount", total);
	return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define PAGE INT("Limit", RANGE(1, 100), .code = "InvalidParameterValue.LimitExceeded"), INT("Offset", RANGE(0, INT32_MAX))
#define LIST(name) TEXTS(name, RANGE(0, 100), .code = "InvalidParameterValue.LimitExceeded")
#define FILTERS OBJECTS("Filters", filter_rows, RANGE(0, 10), .code = "InvalidParameterValue.LimitExceeded")
static const struct param filter_rows[] = {
	TEXT("Name", NEEDED, RANGE(1, 128)),
	TEXTS("Values", NEEDED, RANGE(0, 5), .code = "LimitExceeded.FilterValueExceeded"),
};
static const struct param invocations_params[] = { LIST("InvocationIds"), FILTERS, PAGE };
static const struct param tasks_params[] = { LIST("InvocationTaskIds"), FILTERS, PAGE, BOOL("HideOutput") };
static const struct param agents_params[] = { LIST("InstanceIds"), FILTERS, PAGE };

static const struct action actions[] = {
	{ "tat", "DescribeInvocations", describe_invocations, PARAMS(invocations_params), 20, SCOPE_OPERATION,
		ACTION_READS,
		"InvocationIds", NULL },
	{ "tat", "DescribeInvocationTasks", describe_invocation_tasks, PARAMS(tasks_params), 20, SCOPE_OPERATION,
	ACTION_READS,
		"InvocationTaskIds", NULL },
	{ "tat", "DescribeAutomationAgentStatus", describe_agents, PARAMS(agents_params), 60, SCOPE_OPERATION,
	ACTION_READS,
		"InstanceIds", NULL },
};

const struct action *tat_read_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
