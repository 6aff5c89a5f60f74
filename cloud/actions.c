/* The actions that Rollcall calls: rates as documented per account, region and action (where no figure is published
 * for an action, the product's usual one), and what a repetition does. */
#include "cloud/api.h"

#define CAM "cam", "2019-01-16"
#define TCB "tcb", "2018-06-08"
#define LIGHTHOUSE "lighthouse", "2020-03-24"
#define TAT "tat", "2020-10-28"
#define STS "sts", "2018-08-13"
#define TAG "tag", "2018-08-13"
#define READ ACTION_READ, -1, 0
#define AGAIN ACTION_REPEATABLE, -1, 0
#define LOOK(row) ACTION_RESOLVED, row

/* clang-format off */
const struct action_row action_table[ACT_COUNT] = {
	[ACT_GET_USER_APP_ID] = { "GetUserAppId", CAM, READ, 20 },
	[ACT_GET_USER] = { "GetUser", CAM, READ, 20 },
	[ACT_LIST_USERS] = { "ListUsers", CAM, READ, 20 },
	/* The name is the only guard: a second call is refused as "in use", and whose it is only a look can tell. */
	[ACT_ADD_USER] = { "AddUser", CAM, LOOK(ROW_USER), 0, 20 },
	[ACT_UPDATE_USER] = { "UpdateUser", CAM, AGAIN, 20 },
	[ACT_DELETE_USER] = { "DeleteUser", CAM, ACTION_REPEATABLE, -1, ACTION_DESTROYS, 20 },
	[ACT_LIST_ACCESS_KEYS] = { "ListAccessKeys", CAM, READ, 20 },
	[ACT_CREATE_ACCESS_KEY] = { "CreateAccessKey", CAM, LOOK(ROW_KEY), ACTION_SECRET, 5 },
	[ACT_UPDATE_ACCESS_KEY] = { "UpdateAccessKey", CAM, AGAIN, 5 },
	[ACT_DELETE_ACCESS_KEY] = { "DeleteAccessKey", CAM, AGAIN, 5 },
	[ACT_LIST_POLICIES] = { "ListPolicies", CAM, READ, 20 },
	[ACT_GET_POLICY] = { "GetPolicy", CAM, READ, 20 },
	[ACT_CREATE_POLICY] = { "CreatePolicy", CAM, LOOK(ROW_POLICY), 0, 20 },
	[ACT_UPDATE_POLICY] = { "UpdatePolicy", CAM, AGAIN, 20 },
	[ACT_DELETE_POLICY] = { "DeletePolicy", CAM, AGAIN, 20 },
	/* What a repeated attachment answers is not documented; the rows list before they attach or detach, and the cut,
	 * which does not, is followed by a row that lists. */
	[ACT_ATTACH_USER_POLICY] = { "AttachUserPolicy", CAM, AGAIN, 20 },
	[ACT_DETACH_USER_POLICY] = { "DetachUserPolicy", CAM, AGAIN, 20 },
	[ACT_LIST_ATTACHED_USER_POLICIES] = { "ListAttachedUserPolicies", CAM, READ, 20 },
	[ACT_LIST_GROUPS_FOR_USER] = { "ListGroupsForUser", CAM, READ, 20 },
	[ACT_REMOVE_USER_FROM_GROUP] = { "RemoveUserFromGroup", CAM, AGAIN, 20 },
	[ACT_GET_USER_PERMISSION_BOUNDARY] = { "GetUserPermissionBoundary", CAM, READ, 20 },
	[ACT_PUT_USER_PERMISSIONS_BOUNDARY] = { "PutUserPermissionsBoundary", CAM, AGAIN, 20 },

	/* No client token: a second call is a second paid environment. */
	[ACT_CREATE_ENV] = { "CreateEnv", TCB, LOOK(ROW_ENV), ACTION_PAYS, 20 },
	[ACT_DESCRIBE_ENVS] = { "DescribeEnvs", TCB, READ, 100 },
	[ACT_DESCRIBE_BILLING_INFO] = { "DescribeBillingInfo", TCB, READ, 50 },
	[ACT_CREATE_ENV_RESOURCE] = { "CreateEnvResource", TCB, AGAIN, 20 },
	/* Two steps of one action: repeating the first by mistake is refused, the second must never come too early. */
	[ACT_DESTROY_ENV] = { "DestroyEnv", TCB, LOOK(ROW_ENV), ACTION_DESTROYS, 20 },
	[ACT_DESCRIBE_ENV_LIMIT] = { "DescribeEnvLimit", TCB, READ, 20 },
	[ACT_DESCRIBE_API_KEY_LIST] = { "DescribeApiKeyList", TCB, READ, 20 },
	[ACT_DELETE_API_KEY] = { "DeleteApiKey", TCB, AGAIN, 20 },

	[ACT_DESCRIBE_BLUEPRINTS] = { "DescribeBlueprints", LIGHTHOUSE, READ, 10 },
	[ACT_CREATE_INSTANCES] = { "CreateInstances", LIGHTHOUSE, LOOK(ROW_SERVER), ACTION_PAYS, 10 },
	[ACT_DESCRIBE_INSTANCES] = { "DescribeInstances", LIGHTHOUSE, READ, 100 },
	[ACT_START_INSTANCES] = { "StartInstances", LIGHTHOUSE, LOOK(ROW_SERVER), 0, 10 },
	[ACT_STOP_INSTANCES] = { "StopInstances", LIGHTHOUSE, LOOK(ROW_SERVER), 0, 10 },
	[ACT_ISOLATE_INSTANCES] = { "IsolateInstances", LIGHTHOUSE, LOOK(ROW_SERVER), ACTION_DESTROYS, 20 },
	[ACT_TERMINATE_INSTANCES] = { "TerminateInstances", LIGHTHOUSE, LOOK(ROW_SERVER), ACTION_DESTROYS, 10 },
	[ACT_MODIFY_INSTANCES_RENEW_FLAG] = { "ModifyInstancesRenewFlag", LIGHTHOUSE, AGAIN, 10 },
	[ACT_DESCRIBE_INSTANCES_RETURNABLE] = { "DescribeInstancesReturnable", LIGHTHOUSE, READ, 10 },

	[ACT_DESCRIBE_AUTOMATION_AGENT_STATUS] = { "DescribeAutomationAgentStatus", TAT, READ, 60 },
	/* The script may run any number of times. */
	[ACT_RUN_COMMAND] = { "RunCommand", TAT, AGAIN, 20 },
	[ACT_DESCRIBE_INVOCATION_TASKS] = { "DescribeInvocationTasks", TAT, READ, 20 },

	[ACT_GET_CALLER_IDENTITY] = { "GetCallerIdentity", STS, READ, 20 },

	[ACT_TAG_RESOURCES] = { "TagResources", TAG, AGAIN, 20 },

	[ACT_GET_SECURITY_LAST_USED] = { "GetSecurityLastUsed", CAM, READ, 20 },
};
/* clang-format on */
