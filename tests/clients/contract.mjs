// Every request that Rollcall sent (the lines of rollcall-emulator --record in the file FILE) against the SDK's models: the
// action is there in that version, parameters have the names and types that are documented, needed ones are there.
//   node contract.mjs FILE      CLIENTS: where the packages are; ACTIONS: cloud/actions.c; MODELS: models.json
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { judge, ourActions, readDeclarations, serviceOf } from "./models.mjs";
import { check, note } from "./say.mjs";

const modules = join(process.env.CLIENTS, "node_modules");
const REGIONAL = ["lighthouse", "tat"];

// --- the judge itself ------------------------------------------------------------------------------------------
const SAMPLE = `
export interface Tag {
    Key: string;
    Value?: string;
}
export interface MakeRequest {
    /** A { brace } and a field: in a remark */
    Name: string;
    Size?: number;
    Uins?: Array<number | bigint>;
    On?: boolean;
    Tags?: Array<Tag>;
    First?: Tag;
}
export type NothingRequest = null;`;
const CASES = [ // action, shape, what is said; nothing: it fits
	["Make", { Name: "string" }, []],
	["Make", { Name: "string", Size: "int", On: "bool", Uins: ["int"], Tags: [{ Key: "string" }, { Key: "string", Value: "string" }] }, []],
	["Nothing", {}, []],
	["Make", {}, ["Make.Name is missing"]],
	["Make", { Name: "int" }, ["Make.Name is int, not string"]],
	["Make", { Name: "null" }, ["Make.Name is null"]],
	["Make", { Name: ["string"] }, ["Make.Name is array, not string"]],
	["Make", { Name: "string", Size: "string" }, ["Make.Size is string, not number"]],
	["Make", { Name: "string", name: "string" }, ["Make.name is not documented"]],
	["Make", { Name: "string", Tags: { Key: "string" } }, ["Make.Tags is object, not an array"]],
	["Make", { Name: "string", Tags: ["string"] }, ["Make.Tags[] is string, not an object"]],
	["Make", { Name: "string", Tags: [{ Key: "string" }, { Value: "string" }] }, ["Make.Tags[].Key is missing"]],
	["Make", { Name: "string", Tags: [{ Key: "string", Colour: "string" }] }, ["Make.Tags[].Colour is not documented"]],
	["Make", { Name: "string", First: [] }, ["Make.First is array, not an object"]],
	["Make", { Name: "string", Uins: ["int", "string"] }, ["Make.Uins[] is string, not number | bigint"]],
	["Nothing", { X: "int" }, ["Nothing.X is not documented"]],
];
const sample = readDeclarations(SAMPLE);
const misjudged = CASES.filter(([action, shape, said]) =>
	judge(sample, `${action}Request`, shape, action, true).join() !== said.join());
check(misjudged.length === 0, `the judge finds wrong names and types (${CASES.length} cases)`, ...misjudged.map((one) => JSON.stringify(one)));

// --- what was sent ------------------------------------------------------------------------------------------------
function wrongWith(request) {
	const { service, version, action, region, parameters } = request;
	let models;
	try {
		models = serviceOf(modules, service);
	} catch {
		return [`there is no service ${service}`];
	}
	const said = [];
	if (version !== models.version) said.push(`version ${version}, the SDK has ${models.version}`);
	if (!models.actions.has(action)) said.push(`the SDK has no action ${action}`);
	if (REGIONAL.includes(service) && !region) said.push("no region");
	if (parameters === null) said.push("the body is no JSON object");
	if (!said.length) said.push(...judge(models.interfaces, `${action}Request`, parameters, action, true));
	return said;
}

const requests = readFileSync(process.argv[2], "utf8").trim().split("\n").map((line) => JSON.parse(line));
const sent = requests.filter((request) => request.client.startsWith("rollcall/"));
const shapes = new Map(sent.map((request) => [JSON.stringify(request), request]));
const actions = [...new Set(sent.map((request) => request.action))].sort();
note(`${sent.length} requests, ${actions.length} actions, ${shapes.size} shapes were compared`);
for (const action of actions) {
	const own = [...shapes.values()].filter((request) => request.action === action);
	const wrong = own.flatMap((request) => wrongWith(request).map((said) => `${request.service}: ${said}`));
	check(wrong.length === 0, `${action}: as documented (${own.length} shape${own.length > 1 ? "s" : ""})`, ...new Set(wrong));
}

// The same lines, spoiled: each must be found.
const spoils = [
	["a parameter of another name", (r) => ({ ...r, parameters: { ...r.parameters, Nmae: "string" } })],
	["a parameter of another type", (r) => ({ ...r, parameters: Object.fromEntries(Object.keys(r.parameters).map((name) => [name, "bool"])) })],
	["another version", (r) => ({ ...r, version: "2017-03-12" })],
	["another action", (r) => ({ ...r, action: `${r.action}s` })],
];
for (const [what, spoil] of spoils) {
	const spoiled = [...shapes.values()].filter((request) => Object.keys(request.parameters).length).map(spoil);
	const passed = spoiled.filter((request) => wrongWith(request).length === 0);
	check(spoiled.length > 0 && passed.length === 0, `${what} would have been found in each of them`, ...passed.map((request) => JSON.stringify(request)));
}

// --- is that all that Rollcall can send? ------------------------------------------------------------------------------
const EXCUSED = {}; // action: why it did not occur
const ours = ourActions(process.env.ACTIONS);
const unseen = ours.filter((row) => !actions.includes(row.name));
const lacking = unseen.filter((row) => row.changes && !EXCUSED[row.name]).map((row) => row.name);
check(ours.length > 0 && lacking.length === 0, `every changing action of cloud/actions.c occurred (${ours.filter((row) => row.changes).length})`, ...lacking);
const strange = actions.filter((name) => !ours.some((row) => row.name === name));
check(strange.length === 0, "and none that is not in that table", ...strange);
const stale = Object.keys(EXCUSED).filter((name) => actions.includes(name));
check(stale.length === 0, "no excuse is older than what it excuses", ...stale);
const quiet = unseen.filter((row) => !row.changes).map((row) => row.name);
note(`reading actions that did not occur: ${quiet.join(" ") || "none"}`);

// --- the models that the emulator's tables are compared with (its unit tests) are the SDK's -------------------------------
const PLAIN = { string: "string", int: "number", bool: "boolean" };
function fits(interfaces, model, type, place) {
	const list = type.match(/^Array<(.+)>$/);
	if (model.type === "list") return list ? fits(interfaces, model.item, list[1], `${place}[]`) : [`${place} is no array`];
	if (model.type === "object") return sameFields(interfaces, model.fields, interfaces.get(type) ?? new Map(), place);
	return type.replace(" | bigint", "") === PLAIN[model.type] ? [] : [`${place} is ${type}, not ${model.type}`];
}
function sameFields(interfaces, fields, declared, place) {
	const said = [...declared.keys()].filter((name) => !fields[name]).map((name) => `${place}.${name} is not in models.json`);
	for (const [name, model] of Object.entries(fields)) {
		const field = declared.get(name);
		if (!field) said.push(`${place}.${name} is not documented`);
		else if (field.needed !== model.required) said.push(`${place}.${name}: needed or not?`);
		if (field) said.push(...fits(interfaces, model, field.type, `${place}.${name}`));
	}
	return said;
}
const models = Object.entries(JSON.parse(readFileSync(process.env.MODELS, "utf8")));
const apart = models.flatMap(([action, { service, version, parameters }]) => {
	const its = serviceOf(modules, service);
	const declared = its.interfaces.get(`${action}Request`);
	if (!declared || its.version !== version) return [`${action}: not in the SDK`];
	return sameFields(its.interfaces, parameters, declared, action);
});
check(models.length > 60 && apart.length === 0, `models.json is what the SDK says (${models.length} actions)`, ...apart);
