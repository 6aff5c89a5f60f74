// Run in an employee's shell: the official SDK with what stands in his environment.  Prints the environments that he sees.
import { clientOf } from "./sdk-client.mjs";

const { TENCENTCLOUD_SECRETID: id, TENCENTCLOUD_SECRETKEY: secret } = process.env;
const answer = await clientOf("tcb", { id, secret }).DescribeEnvs({});
console.log(answer.EnvList.map((env) => env.EnvId).join(" "));
