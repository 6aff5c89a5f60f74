// The vendor's MCP server with an employee's key: it shows his environment, and nothing of a colleague's.
//   ... | node mcp.mjs OWN OTHER [gone]     standard input: {"id", "secret"}; gone: the key was switched off
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { check, input, note, notOk } from "./say.mjs";

const [own, other, gone] = process.argv.slice(2);
const key = JSON.parse(await input());
const TIMEOUT_MS = 30000;

class Server {
	constructor(environment) {
		const program = join(process.env.CLIENTS, "node_modules/@cloudbase/cloudbase-mcp/dist/cli.cjs");
		this.last = 0;
		this.waiting = new Map();
		this.child = spawn("node", [program], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env,
			TENCENTCLOUD_SECRETID: key.id, TENCENTCLOUD_SECRETKEY: key.secret, CLOUDBASE_ENV_ID: environment,
			TCB_BASE_URL: `https://127.0.0.1:${process.env.CLOUD_PORT}`, CLOUDBASE_MCP_TELEMETRY_DISABLED: "true" } });
		createInterface({ input: this.child.stdout }).on("line", (line) => this.heard(JSON.parse(line)));
	}

	heard(message) {
		this.waiting.get(message.id)?.(message);
		this.waiting.delete(message.id);
	}

	say(message) { this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`); }

	ask(method, params) {
		const id = ++this.last;
		return new Promise((done, fail) => {
			const timer = setTimeout(() => fail(new Error(`${method}: no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
			this.waiting.set(id, (message) => { clearTimeout(timer); done(message); });
			this.say({ id, method, params });
		});
	}

	// What a tool answers: { refused, text, json }.
	async tool(name, parameters) {
		const { result, error } = await this.ask("tools/call", { name, arguments: parameters });
		const text = error ? error.message : result.content.map((part) => part.text).join("\n");
		let json = null;
		try { json = JSON.parse(text); } catch { /* a sentence for people */ }
		return { refused: Boolean(error || result.isError), text, json };
	}

	async start() {
		const { result } = await this.ask("initialize", { protocolVersion: "2024-11-05", capabilities: {}, clientInfo: { name: "test", version: "1" } });
		this.say({ method: "notifications/initialized" });
		return result.serverInfo;
	}

	async stop() {
		const ended = new Promise((done) => this.child.on("exit", done));
		this.child.stdin.end();
		this.child.kill();
		await ended;
	}
}

const cloud = (service, action, params = {}) => ["callCloudApi", { service, action, params, region: "ap-shanghai" }];
const listed = (answer) => (answer.json?.EnvList ?? []).map((env) => env.EnvId).join();

async function holds(server, what, [name, parameters], condition) {
	const answer = await server.tool(name, parameters);
	check(condition(answer), what, answer.text.slice(0, 300));
}
// Refused by the cloud for want of rights, and nothing of the colleague's in it but the name that was asked for.
const refusedByCloud = (answer) => answer.refused && /not authorized to perform operation/.test(answer.text);

async function his(server) {
	await holds(server, "MCP: the list is his environment and no other", ["queryEnv", { action: "list", region: "ap-shanghai" }], (a) => listed(a) === own);
	await holds(server, "MCP: info shows its storage, database, functions and log", ["queryEnv", { action: "info", envId: own }],
		({ json, refused }) => !refused && json.EnvInfo.EnvId === own && ["Storages", "Databases", "Functions", "LogServices"].every((part) => json.EnvInfo[part].length === 1));
	await holds(server, "MCP: its domains", ["queryEnv", { action: "domains", envId: own }], (a) => !a.refused && a.text.includes(own));
	await holds(server, "MCP: its functions", ["queryFunctions", { action: "listFunctions" }], (a) => !a.refused && a.json.success);
	await holds(server, "MCP: who he is", cloud("sts", "GetCallerIdentity"), (a) => a.json?.UserId === String(key.uin));
}

async function others(server) {
	await holds(server, "MCP: the list for a colleague's environment is empty", ["queryEnv", { action: "list", envId: other }], (a) => listed(a) === "" && a.json);
	const asked = [
		["info of a colleague's environment", ["queryEnv", { action: "info", envId: other }]],
		["its domains", ["queryEnv", { action: "domains", envId: other }]],
		["DescribeEnvs for it", cloud("tcb", "DescribeEnvs", { EnvId: other })],
		["ListFunctions in it", cloud("tcb", "ListFunctions", { EnvId: other })],
		["DescribeBillingInfo for it", cloud("tcb", "DescribeBillingInfo", { EnvId: other })],
		["an API key for it", cloud("tcb", "CreateApiKey", { EnvId: other, KeyType: "api_key" })],
		["an API key for his own", cloud("tcb", "CreateApiKey", { EnvId: own, KeyType: "api_key" })],
		["destroying his own", cloud("tcb", "DestroyEnv", { EnvId: own })],
		["the list of users", cloud("cam", "ListUsers")],
		["one more key of his", cloud("cam", "CreateAccessKey")],
		["the account's balance", cloud("billing", "DescribeAccountBalance")],
	];
	for (const [what, call] of asked) await holds(server, `MCP: ${what} is refused`, call, refusedByCloud);
	await holds(server, "MCP: the servers of the account are refused", cloud("lighthouse", "DescribeInstances"),
		(a) => a.refused && /not authorized/.test(a.text));
}

// The employee may write a colleague's environment into his settings; the key stays his.
async function boundToOther() {
	const server = new Server(other);
	await server.start();
	await holds(server, "MCP bound to a colleague's environment: info is refused", ["queryEnv", { action: "info", envId: other }], refusedByCloud);
	await holds(server, "MCP bound to a colleague's environment: functions are refused", ["queryFunctions", { action: "listFunctions" }],
		(a) => a.refused && /not authorized|permission/i.test(a.text));
	await server.stop();
}

const server = new Server(own);
try {
	const { name, version } = await server.start();
	note(`${name} ${version}`);
	if (gone) {
		await holds(server, "MCP with a key that was switched off: info is refused", ["queryEnv", { action: "info", envId: own }],
			(a) => a.refused && /SecretId/.test(a.text));
	} else {
		await his(server);
		await others(server);
		await boundToOther();
	}
} catch (error) {
	notOk("MCP: the server answers", error.stack);
}
await server.stop();
