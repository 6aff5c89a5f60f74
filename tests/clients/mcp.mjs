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
		this.child = spawn("node", [program], {
			stdio: ["pipe", "pipe", "ignore"],
			env: {
				...process.env,
				TENCENTCLOUD_SECRETID: key.id,
				TENCENTCLOUD_SECRETKEY: key.secret,
				CLOUDBASE_ENV_ID: environment,
				TCB_BASE_URL: `https://127.0.0.1:${process.env.CLOUD_PORT}`,
				CLOUDBASE_MCP_TELEMETRY_DISABLED: "true",
			},
		});
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
		const client = { protocolVersion: "2024-11-05", capabilities: {}, clientInfo: { name: "test", version: "1" } };
		const { result } = await this.ask("initialize", client);
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

// Tools and their parameters.
const env = (action, envId, more = {}) => ["queryEnv", { action, ...(envId ? { envId } : {}), ...more }];
const cloud = (service, action, params = {}) => ["callCloudApi", { service, action, params, region: "ap-shanghai" }];
const FUNCTIONS = ["queryFunctions", { action: "listFunctions" }];
const PARTS = ["Storages", "Databases", "Functions", "LogServices"];
const listed = (answer) => answer.json?.EnvList?.map((one) => one.EnvId).join();

async function holds(server, what, [name, parameters], condition) {
	const answer = await server.tool(name, parameters);
	check(condition(answer), `MCP: ${what}`, answer.text.slice(0, 300));
}
const refused = (answer) => answer.refused && /not authorized to perform operation/.test(answer.text);

async function his(server) {
	await holds(server, "the list is his environment and no other", env("list", "", { region: "ap-shanghai" }), (a) => listed(a) === own);
	await holds(server, "info shows its storage, database, functions and log", env("info", own),
		({ json }) => json?.EnvInfo.EnvId === own && PARTS.every((part) => json.EnvInfo[part].length === 1));
	await holds(server, "and what it costs", env("info", own), ({ json }) => json?.EnvInfo.BillingInfo?.ExpireTime > "2");
	await holds(server, "its domains", env("domains", own), (a) => !a.refused && a.text.includes(own));
	await holds(server, "its functions", FUNCTIONS, (a) => !a.refused && a.json.success);
	await holds(server, "who he is", cloud("sts", "GetCallerIdentity"), (a) => a.json?.UserId === String(key.uin));
}

async function others(server) {
	await holds(server, "the list of a colleague's environment is empty", env("list", other), (a) => listed(a) === "");
	const asked = [
		["info of it", env("info", other)],
		["its domains", env("domains", other)],
		["DescribeEnvs of it", cloud("tcb", "DescribeEnvs", { EnvId: other })],
		["ListFunctions in it", cloud("tcb", "ListFunctions", { EnvId: other })],
		["DescribeBillingInfo of it", cloud("tcb", "DescribeBillingInfo", { EnvId: other })],
		["an API key for it", cloud("tcb", "CreateApiKey", { EnvId: other, KeyType: "api_key" })],
		["an API key for his own", cloud("tcb", "CreateApiKey", { EnvId: own, KeyType: "api_key" })],
		["destroying his own", cloud("tcb", "DestroyEnv", { EnvId: own })],
		["all users", cloud("cam", "ListUsers")],
		["one more key of his", cloud("cam", "CreateAccessKey")],
		["the account's balance", cloud("billing", "DescribeAccountBalance")],
		["the account's servers", cloud("lighthouse", "DescribeInstances")],
	];
	for (const [what, call] of asked) await holds(server, `refused: ${what}`, call, refused);
}

// The employee may write a colleague's environment into his settings; the key stays his.
async function boundToOther() {
	const server = new Server(other);
	await server.start();
	await holds(server, "bound to a colleague's environment, refused: info", env("info", other), refused);
	await holds(server, "bound to a colleague's environment, refused: functions", FUNCTIONS,
		(a) => a.refused && /not authorized|permission/i.test(a.text));
	await server.stop();
}

const server = new Server(own);
try {
	const { name, version } = await server.start();
	note(`${name} ${version}`);
	if (gone) {
		await holds(server, "refused with a key that was switched off: info of his own", env("info", own),
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
