// One call by the official SDK:  ... | node call.mjs SERVICE ACTION [PARAMETERS]
// Standard input: {"id", "secret"}.  Prints the answer as JSON, or {"code"} when it was refused.
import { clientOf } from "./sdk-client.mjs";
import { input } from "./say.mjs";

const [service, action, parameters] = process.argv.slice(2);
try {
	console.log(JSON.stringify(await clientOf(service, JSON.parse(await input()))[action](JSON.parse(parameters ?? "{}"))));
} catch (error) {
	console.log(JSON.stringify({ code: error.code ?? String(error) }));
}
