// Clients of the official SDK, as its manual makes them; fence.cjs leads the cloud's names to the emulator.
import { createRequire } from "node:module";
import { join } from "node:path";

const sdk = createRequire(join(process.env.CLIENTS, "package.json"))("tencentcloud-sdk-nodejs");
const regional = ["lighthouse", "tat"];

// httpProfile: the SDK's own settings of the connection; without: real names, https.
export function clientOf(service, { id, secret }, httpProfile = {}) {
	const [version] = Object.keys(sdk[service]).filter((name) => /^v\d{8}$/.test(name)).sort().reverse();
	return new sdk[service][version].Client({
		credential: { secretId: id, secretKey: secret },
		region: regional.includes(service) ? "ap-shanghai" : "",
		profile: { httpProfile },
	});
}
