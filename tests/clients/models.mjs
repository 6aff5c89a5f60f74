// The SDK's models: what each action takes and answers, read from the package's declarations, and a judge that compares
// the shape of a request or an answer with them.
//
// A shape is "string", "int", "number" (with a fraction), "bool", "null", an object of shapes, or an array of the
// different shapes of its items: what rollcall-emulator --record writes.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const FIELD = /^\s*(\w+)(\?)?:\s*([^;]+);/gm;
const PLAIN = { string: ["string"], number: ["int", "number"], "number | bigint": ["int", "number"], boolean: ["bool"] };

function fieldsOf(text) {
	const fields = new Map();
	for (const [, name, optional, type] of text.matchAll(FIELD))
		fields.set(name, { type: type.trim(), needed: !optional });
	return fields;
}

// Map of interface -> Map of field -> { type, needed }.  "export type XRequest = null" is one without fields.
export function readDeclarations(text) {
	const bare = text.replace(/\/\*[\s\S]*?\*\//g, "");
	const all = new Map();
	for (const [, name, body] of bare.matchAll(/export (?:declare )?interface (\w+) \{([^}]*)\}/g))
		all.set(name, fieldsOf(body));
	for (const [, name] of bare.matchAll(/export (?:declare )?type (\w+) = null;/g))
		all.set(name, new Map());
	return all;
}

// One service of the package: { version, actions: Set, interfaces: Map }.
export function readService(modules, service) {
	const folder = join(modules, "tencentcloud-sdk-nodejs/tencentcloud/services", service);
	const versions = readdirSync(folder).filter((name) => /^v\d{8}$/.test(name)).sort();
	const newest = join(folder, versions[versions.length - 1], service);
	const client = readFileSync(`${newest}_client.js`, "utf8");
	const declared = client.match(/super\("[^"]+", "(\d{4}-\d{2}-\d{2})"/);
	return {
		version: declared[1],
		actions: new Set([...client.matchAll(/this\.request\("(\w+)"/g)].map((found) => found[1])),
		interfaces: readDeclarations(readFileSync(`${newest}_models.d.ts`, "utf8")),
	};
}

const services = new Map();
export function serviceOf(modules, name) {
	if (!services.has(name)) services.set(name, readService(modules, name));
	return services.get(name);
}

function kindOf(shape) {
	return Array.isArray(shape) ? "array" : typeof shape === "object" ? "object" : shape;
}

// What does not fit, one sentence each.  strict: a request, where needed fields must be there and null is no value.
export function judge(interfaces, type, shape, place, strict) {
	if (shape === "null") return strict ? [`${place} is null`] : [];
	const list = type.match(/^Array<(.+)>$/);
	if (list) {
		if (!Array.isArray(shape)) return [`${place} is ${kindOf(shape)}, not an array`];
		return shape.flatMap((item) => judge(interfaces, list[1], item, `${place}[]`, strict));
	}
	if (PLAIN[type]) return PLAIN[type].includes(shape) ? [] : [`${place} is ${kindOf(shape)}, not ${type}`];
	const fields = interfaces.get(type);
	if (!fields) return [`${place}: the package does not declare ${type}`];
	if (kindOf(shape) !== "object") return [`${place} is ${kindOf(shape)}, not an object`];
	const said = [];
	for (const [name, inner] of Object.entries(shape)) {
		const field = fields.get(name);
		if (field) said.push(...judge(interfaces, field.type, inner, `${place}.${name}`, strict));
		else said.push(`${place}.${name} is not documented`);
	}
	for (const [name, field] of fields)
		if (strict && field.needed && !(name in shape)) said.push(`${place}.${name} is missing`);
	return said;
}

// The shape of a parsed answer.
export function shapeOf(value) {
	if (value === null || value === undefined) return "null";
	if (Array.isArray(value)) {
		const seen = new Map(value.map((item) => [JSON.stringify(shapeOf(item)), shapeOf(item)]));
		return [...seen.values()];
	}
	if (typeof value === "object")
		return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]));
	if (typeof value === "bigint") return "int";
	if (typeof value === "number") return Number.isInteger(value) ? "int" : "number";
	return typeof value === "boolean" ? "bool" : typeof value;
}

// The actions that Rollcall calls, from its own table (cloud/actions.c): [{ name, service, version, changes }].
export function ourActions(source) {
	const text = readFileSync(source, "utf8");
	const products = new Map();
	for (const [, name, service, version] of text.matchAll(/^#define (\w+) "(\w+)", "([\d-]+)"/gm))
		products.set(name, { service, version });
	const rows = [...text.matchAll(/\[ACT_\w+\] = \{ "(\w+)", (\w+), (\w+)/g)];
	return rows.map(([, name, product, kind]) => ({ name, ...products.get(product), changes: kind !== "READ" }));
}
