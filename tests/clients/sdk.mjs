// The official SDK against the emulator, in both directions and for every action that Rollcall calls: the request is
// accepted, and the answer has what Rollcall reads and nothing that the SDK's models do not know.
// Standard input: {"id", "secret"} of the administrator.  CLIENTS: where the packages are; ACTIONS: cloud/actions.c.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { clientOf } from "./sdk-client.mjs";
import { judge, ourActions, serviceOf, shapeOf } from "./models.mjs";
import { check, input, note, notOk } from "./say.mjs";

const modules = join(process.env.CLIENTS, "node_modules");
const ours = ourActions(process.env.ACTIONS);
const root = JSON.parse(await input());
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const DOCUMENT = (action) => JSON.stringify({ version: "2.0", statement: [{ effect: "allow", action: [action], resource: ["*"] }] });
const REFUSED = "AuthFailure.UnauthorizedOperation";
const CACHE_MS = 1000 * Number(process.env.POLICY_CACHE);
const SCRIPT = Buffer.from("#!/bin/sh\nexit 0\n").toString("base64");

// What was made, for the rows that come later.
const w = {};
const server = () => ({ InstanceIds: [w.server] });
const days = ["InstanceSet[0].InstanceState", "InstanceSet[0].LatestOperationState"];

// Action, parameters, the fields that Rollcall reads, what is kept; `until`: asked again until that holds.
const rows = [
	["GetCallerIdentity", () => ({}), ["AccountId", "UserId"]],
	["GetUserAppId", () => ({}), ["OwnerUin", "AppId"], (a) => { w.owner = a.OwnerUin; }],
	["AddUser", () => ({ Name: "sdk-user", Remark: "made by the SDK", ConsoleLogin: 1, UseApi: 0, Password: "Aa1!" + "x".repeat(20), NeedResetPassword: 1 }),
		["Uin"], (a) => { w.uin = a.Uin; }],
	["GetUser", () => ({ Name: "sdk-user" }), ["Uin", "Remark", "ConsoleLogin"]],
	["ListUsers", () => ({}), ["Data[0].Uin", "Data[0].Name"]],
	["UpdateUser", () => ({ Name: "sdk-user", Remark: "changed", ConsoleLogin: 0 }), []],
	["CreatePolicy", () => ({ PolicyName: "sdk-policy", PolicyDocument: DOCUMENT("tcb:DescribeEnvs"), Description: "made by the SDK" }),
		["PolicyId"], (a) => { w.policy = a.PolicyId; }],
	["UpdatePolicy", () => ({ PolicyId: w.policy, PolicyDocument: DOCUMENT("tcb:*"), Description: "changed" }), []],
	["GetPolicy", () => ({ PolicyId: w.policy }), ["PolicyName", "Description", "PolicyDocument"]],
	["ListPolicies", () => ({ Keyword: "sdk-policy", Scope: "Local", Page: 1, Rp: 200 }),
		["TotalNum", "List[0].PolicyId", "List[0].PolicyName", "List[0].Description"]],
	["CreateAccessKey", () => ({ TargetUin: w.uin, Description: "made-by:sdk" }),
		["AccessKey.AccessKeyId", "AccessKey.SecretAccessKey"], (a) => { w.key = { id: a.AccessKey.AccessKeyId, secret: a.AccessKey.SecretAccessKey }; }],
	["ListAccessKeys", () => ({ TargetUin: w.uin }), ["AccessKeys[0].AccessKeyId", "AccessKeys[0].Status", "AccessKeys[0].Description"]],
	["GetSecurityLastUsed", () => ({ SecretIdList: [w.key.id] }), ["SecretIdLastUsedRows[0].SecretId"]],
	["AttachUserPolicy", () => ({ PolicyId: w.policy, AttachUin: w.uin }), []],
	["ListAttachedUserPolicies", () => ({ TargetUin: w.uin, Page: 1, Rp: 200 }), ["TotalNum", "List[0].PolicyId", "List[0].PolicyName"]],
	["PutUserPermissionsBoundary", () => ({ TargetUin: w.uin, PolicyId: w.policy }), [], () => { w.bounded = Date.now(); }],
	["GetUserPermissionBoundary", () => ({ TargetUin: w.uin }), ["PolicyId"]],
	["ListGroupsForUser", () => ({ SubUin: w.uin, Rp: 200, Page: 1 }), ["GroupInfo[0].GroupId"]],
	["RemoveUserFromGroup", () => ({ Info: [{ GroupId: w.group, Uin: w.uin }] }), []],
	["DescribeEnvLimit", () => ({}), ["MaxDeleteTotal", "CurrentDeleteTotal", "MaxDeleteMonthly", "CurrentDeleteMonthly"]],
	["CreateEnv", () => ({ Alias: "sdk-env", PackageId: "baas_personal", Resources: ["flexdb", "storage", "function"], Period: 1,
		Tags: [{ Key: "made-by", Value: "sdk" }], RenewFlag: "NOTIFY_AND_AUTO_RENEW" }), ["EnvId"], (a) => { w.env = a.EnvId; }],
	["DescribeEnvs", () => ({ Offset: 0, Limit: 100 }),
		["Total", "EnvList[0].EnvId", "EnvList[0].Alias", "EnvList[0].Status", "EnvList[0].Region", "EnvList[0].Tags[0].Key",
			"EnvList[0].Functions[0].Namespace", "EnvList[0].Storages[0].Bucket", "EnvList[0].Storages[0].AppId"], null,
		(a) => a.EnvList[0]?.Status === "NORMAL"],
	["TagResources", () => ({ ResourceList: [`qcs::tcb:ap-shanghai:uin/${w.owner}:env/${w.env}`], Tags: [{ TagKey: "made-by", TagValue: "sdk again" }] }),
		["FailedResources"]],
	["CreateEnvResource", () => ({ EnvId: w.env, Resources: ["log"] }), []],
	["DescribeBillingInfo", () => ({ EnvId: w.env }), ["Total", "EnvBillingInfoList[0].EnvId", "EnvBillingInfoList[0].Status"]],
	["DescribeApiKeyList", () => ({ EnvId: w.env, PageNumber: 1, PageSize: 100 }), ["Data[0].KeyId"]],
	["DeleteApiKey", () => ({ EnvId: w.env, KeyId: w.envKey }), []],
	["DescribeBlueprints", () => ({ Offset: 0, Limit: 100 }),
		["TotalCount", "BlueprintSet[0].BlueprintId", "BlueprintSet[0].DisplayTitle", "BlueprintSet[0].BlueprintName", "BlueprintSet[0].BlueprintState"],
		(a) => { w.blueprint = a.BlueprintSet.find((b) => /openclaw/i.test(b.DisplayTitle)).BlueprintId; }],
	["CreateInstances", () => ({ BundleId: "bundle_gen_lin_2c4g", BlueprintId: w.blueprint, InstanceName: "sdk-server", InstanceCount: 1,
		InstanceChargePrepaid: { Period: 1, RenewFlag: "NOTIFY_AND_AUTO_RENEW" }, ClientToken: "sdk-1", Tags: [{ Key: "made-by", Value: "sdk" }] }),
		["InstanceIdSet[0]"], (a) => { [w.server] = a.InstanceIdSet; }],
	["DescribeInstances", server, ["TotalCount", "InstanceSet[0].InstanceId", "InstanceSet[0].PublicAddresses[0]", "InstanceSet[0].Tags[0].Key", ...days],
		null, (a) => a.InstanceSet[0]?.InstanceState === "RUNNING"],
	["DescribeInstancesReturnable", server, ["InstanceReturnableSet[0].IsReturnable"]],
	["ModifyInstancesRenewFlag", () => ({ ...server(), RenewFlag: "NOTIFY_AND_MANUAL_RENEW" }), []],
	["DescribeAutomationAgentStatus", server, ["AutomationAgentSet[0].AgentStatus"], null, (a) => a.AutomationAgentSet[0]?.AgentStatus === "Online"],
	["RunCommand", () => ({ ...server(), Content: SCRIPT, CommandType: "SHELL", Timeout: 60, Username: "root", CommandName: "sdk", SaveCommand: false }),
		["InvocationId"], (a) => { w.invocation = a.InvocationId; }],
	["DescribeInvocationTasks", () => ({ Filters: [{ Name: "invocation-id", Values: [w.invocation] }] }),
		["InvocationTaskSet[0].TaskStatus", "InvocationTaskSet[0].TaskResult.ExitCode"], null, (a) => a.InvocationTaskSet[0]?.TaskStatus === "SUCCESS"],
	["StopInstances", server, [], () => settled("STOPPED")],
	["StartInstances", server, [], () => settled("RUNNING")],
	["IsolateInstances", server, [], () => settled("SHUTDOWN")],
	["TerminateInstances", server, []],
	["DestroyEnv", () => ({ EnvId: w.env }), []],
	["UpdateAccessKey", () => ({ AccessKeyId: w.key.id, Status: "Inactive", TargetUin: w.uin }), []],
	["DeleteAccessKey", () => ({ AccessKeyId: w.key.id, TargetUin: w.uin }), []],
	["DetachUserPolicy", () => ({ PolicyId: w.policy, DetachUin: w.uin }), []],
	["DeletePolicy", () => ({ PolicyId: [w.policy] }), []],
	["DeleteUser", () => ({ Name: "sdk-user", Force: 0 }), []],
];

// Steps before a row that are not Rollcall's own.
const before = {
	async ListGroupsForUser() {
		w.group = (await call("cam", "CreateGroup", { GroupName: "sdk-group" })).GroupId;
		await call("cam", "AddUserToGroup", { Info: [{ GroupId: w.group, Uin: w.uin }] });
	},
	async DescribeApiKeyList() { w.envKey = (await call("tcb", "CreateApiKey", { EnvId: w.env, KeyType: "api_key" })).KeyId; },
	ListAttachedUserPolicies: notYet,
	DescribeBlueprints: counts,
};

const clients = new Map();
function call(service, action, parameters, key = root) {
	const name = `${service} ${key.id}`;
	if (!clients.has(name)) clients.set(name, clientOf(service, key));
	return clients.get(name)[action](parameters);
}

async function settled(state) {
	await untilHolds(() => call("lighthouse", "DescribeInstances", server()),
		(a) => a.InstanceSet[0]?.InstanceState === state && a.InstanceSet[0].LatestOperationState === "SUCCESS");
}

async function untilHolds(ask, holds) {
	const end = Date.now() + 15000;
	for (;;) {
		const answer = await ask();
		if (!holds || holds(answer) || Date.now() > end) return answer;
		await pause(100);
	}
}

function at(value, path) {
	return path.split(/[.[\]]+/).filter(Boolean).reduce((inner, name) => inner?.[name], value);
}

async function refusal(promise) {
	try {
		await promise;
		return "ok";
	} catch (error) {
		return error.code;
	}
}

// The sub-account's own key: the SDK's error has the code; a policy counts after the cache time and not before.
async function notYet() {
	check(String((await call("sts", "GetCallerIdentity", {}, w.key)).UserId) === String(w.uin), "the SDK with the sub-account's key: that is who he is");
	check(await refusal(call("tcb", "DescribeEnvs", {}, w.key)) === REFUSED, "a policy that was just attached does not count yet");
}
async function counts() {
	await pause(Math.max(w.bounded + CACHE_MS - Date.now(), 0) + 200);
	check((await call("tcb", "DescribeEnvs", {}, w.key)).EnvList?.length === 1, "after the cache time it does");
	check(await refusal(call("cam", "ListUsers", {}, w.key)) === REFUSED, "what he may not do fails by its code");
}

async function judgeRow([action, parameters, fields, keep, holds]) {
	const { service, version } = ours.find((row) => row.name === action);
	const models = serviceOf(modules, service);
	await before[action]?.();
	const answer = await untilHolds(() => call(service, action, parameters()), holds);
	const wrong = fields.filter((field) => at(answer, field) === undefined || at(answer, field) === null).map((field) => `no ${field}`);
	if (models.version !== version) wrong.push(`the SDK has version ${models.version}, Rollcall ${version}`);
	wrong.push(...judge(models.interfaces, `${action}Request`, shapeOf(parameters()), action, true));
	wrong.push(...judge(models.interfaces, `${action}Response`, shapeOf(answer), action, false));
	check(wrong.length === 0, `${service}:${action} is accepted and answered as the SDK's models say`, ...wrong);
	await keep?.(answer);
}

for (const row of rows) {
	try {
		await judgeRow(row);
	} catch (error) {
		notOk(`${row[0]} is accepted`, `${error.code ?? ""} ${error.message ?? error}`);
	}
}
const has = rows.map(([name]) => name);
const lacking = ours.map((row) => row.name).filter((name) => !has.includes(name));
check(lacking.length === 0 && has.length === ours.length && new Set(has).size === has.length,
	`every action of cloud/actions.c has a row here (${ours.length})`, ...lacking);

// The setting that the manual of the emulator names, instead of names that are led.
const direct = clientOf("sts", root, { endpoint: `127.0.0.1:${process.env.CLOUD_PORT}`, protocol: "https://" });
check(Boolean((await direct.GetCallerIdentity({})).AccountId), "so is a call to the emulator's own address");
const wrongKey = clientOf("sts", { ...root, secret: root.secret.replace(/.$/, (c) => (c === "x" ? "y" : "x")) });
check(await refusal(wrongKey.GetCallerIdentity({})) === "AuthFailure.SignatureFailure", "a wrong secret is refused by its code");
note(`the SDK is ${JSON.parse(readFileSync(join(modules, "tencentcloud-sdk-nodejs/package.json"))).version}`);
