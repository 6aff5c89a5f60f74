/* tcb: what official clients read of the parts of one environment (domains, functions, hosting, MySQL).  Environments
 * here have none of those parts that somebody must first make. */
#include <inttypes.h>

#include "cloud/emulator/call.h"

static const struct env *built_env(struct call *c)
{
	const struct env *env = env_by_id(c->em, text_of(c, "EnvId"));
	if (!env)
		call_fail(c, "InvalidParameter", "The environment `%.64s` does not exist.", text_of(c, "EnvId"));
	else if (!env->normal || env->isolated)
		call_fail(c, "ResourceUnavailable", "The environment is not in the state NORMAL.");
	else
		return env;
	return NULL;
}

/* The two that every environment is born with. */
static int describe_auth_domains(struct call *c)
{
	const struct env *env = built_env(c);
	struct json *list = json_array(c->arena);
	if (!env)
		return -1;
	const char *const names[] = { "localhost", arena_printf(c->arena, "%s.service.tcloudbase.com", env->id) };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct json *o = json_object(c->arena);
		json_put_text(o, "Id", arena_printf(c->arena, "%s-%zu", env->id, i + 1));
		json_put_text(o, "Domain", names[i]);
		json_put_text(o, "Type", "SYSTEM");
		json_put_text(o, "Status", "ENABLE");
		json_put_text(o, "CreateTime", beijing(c->arena, env->ready));
		json_put_text(o, "UpdateTime", beijing(c->arena, env->ready));
		json_push(list, o);
	}
	json_put(c->out, "Domains", list);
	return 0;
}

static int describe_static_store(struct call *c)
{
	if (!built_env(c))
		return -1;
	json_put(c->out, "Data", json_array(c->arena));
	return 0;
}

static int list_functions(struct call *c)
{
	if (!built_env(c))
		return -1;
	json_put(c->out, "Functions", json_array(c->arena));
	json_put_int(c->out, "TotalCount", 0);
	return 0;
}

/* Only an environment in which MySQL was opened has a cluster. */
static int describe_mysql_cluster_detail(struct call *c)
{
	return built_env(c) ? call_fail(c, "ResourceNotFound", "The environment has no MySQL.") : -1;
}

#define ENV TEXT("EnvId", NEEDED, RANGE(1, 64))
static const struct param env_params[] = { ENV };
static const struct param filter_rows[] = { TEXT("Name"), TEXTS("Values", RANGE(0, 20)) };
static const struct param functions_params[] = {
	ENV, TEXT("Order", ONE_OF("ASC|DESC")), TEXT("Orderby", ONE_OF("AddTime|ModTime|FunctionName")),
	INT("Offset", RANGE(0, INT32_MAX)), INT("Limit", RANGE(0, 100)), TEXT("SearchKey"), TEXT("Description"),
	OBJECTS("Filters", filter_rows, RANGE(0, 10)),
};

static const struct action actions[] = {
	{ "tcb", "DescribeAuthDomains", describe_auth_domains, PARAMS(env_params), 20, SCOPE_ENV, ACTION_READS, "EnvId",
	NULL },
	{ "tcb", "DescribeStaticStore", describe_static_store, PARAMS(env_params), 20, SCOPE_ENV, ACTION_READS, "EnvId",
	NULL },
	{ "tcb", "ListFunctions", list_functions, PARAMS(functions_params), 20, SCOPE_ENV, ACTION_READS, "EnvId", NULL },
	{ "tcb", "DescribeMySQLClusterDetail", describe_mysql_cluster_detail, PARAMS(env_params), 20, SCOPE_ENV,
		ACTION_READS, "EnvId", NULL },
};

const struct action *tcb_part_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
