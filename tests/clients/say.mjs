// Lines that the end-to-end scripts count: "ok TEXT", "not ok TEXT" and remarks.
export const ok = (text) => console.log(`ok ${text}`);
export const note = (text) => console.log(`# ${text}`);
export function notOk(text, ...details) {
	console.log(`not ok ${text}`);
	for (const detail of details) console.log(`#   ${detail}`);
}
export function check(holds, text, ...details) {
	if (holds) ok(text);
	else notOk(text, ...details);
}
export async function input() {
	let text = "";
	for await (const part of process.stdin) text += part;
	return text;
}
