// The vendor's command line with an employee's key: it shows his environment, and is refused on a colleague's.
//   ... | node cli.mjs OWN OTHER [gone]     standard input: {"id", "secret"}; gone: the key was switched off
//
// Its login takes the key as arguments, where every process could read them; they are added inside of the process
// (fence.cjs), so that the command sees its own interface and nobody else sees the key.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, input } from "./say.mjs";

const [own, other, gone] = process.argv.slice(2);
const key = JSON.parse(await input());
const program = join(process.env.CLIENTS, "node_modules/@cloudbase/cli/bin/tcb");
const bare = (text) => text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
const seen = { text: "", arguments: "" };

function run(words, secrets) {
	return new Promise((done) => {
		const env = { ...process.env, CLOUDBASE_TCB_CLOUDAPI_URL: `https://127.0.0.1:${process.env.CLOUD_PORT}` };
		if (secrets) env.TCB_SECRET_ARGS = JSON.stringify(secrets);
		const child = spawn("node", [program, ...words], { stdio: ["ignore", "pipe", "pipe"], env });
		let text = "";
		const take = (part) => {
			text += part;
			try { seen.arguments += readFileSync(`/proc/${child.pid}/cmdline`, "utf8"); } catch { /* it has ended */ }
		};
		child.stdout.on("data", take);
		child.stderr.on("data", take);
		child.on("close", (status) => {
			seen.text += text;
			done({ status, text: bare(text) });
		});
	});
}

async function holds(what, words, condition, secrets) {
	const answer = await run(words, secrets);
	check(condition(answer), `CLI: ${what}`, `status ${answer.status}`, ...answer.text.split("\n").slice(-12));
}
const refused = ({ status, text }) => status !== 0 && /not authorized to perform operation/.test(text);
const environments = (text) => [...new Set(text.match(/\brc-[a-z0-9]+-[a-z0-9]+\b/g) ?? [])].join();
const LOGIN = ["--apiKeyId", key.id, "--apiKey", key.secret];

if (gone) {
	await holds("refused with a key that was switched off: the list", ["env", "list"],
		({ status, text }) => status !== 0 && /SecretId|No valid identity/.test(text));
} else {
	await holds("login", ["login"], ({ status, text }) => status === 0 && /login succeeded/.test(text), LOGIN);
	await holds("the list is his environment and no other", ["env", "list"],
		({ status, text }) => status === 0 && environments(text) === own);
	await holds("its domains", ["env", "domain", "list", "-e", own], ({ status, text }) => status === 0 && text.includes("localhost"));
	const asked = [
		["the domains of a colleague's environment", ["env", "domain", "list", "-e", other]],
		["its functions", ["fn", "list", "-e", other]],
		["its hosting", ["hosting", "detail", "-e", other]],
		["renaming it", ["env", "rename", "mine", "-e", other]],
	];
	for (const [what, words] of asked) await holds(`refused: ${what}`, words, refused);
}
check(seen.arguments.includes("bin/tcb") && !seen.arguments.includes(key.secret), "CLI: no list of processes held the key");
check(!seen.text.includes(key.secret), "CLI: nor what it printed");
