// Loaded into every client by NODE_OPTIONS=--require: nothing leaves this machine.
//
// A connection to the cloud's own names is led to the emulator (CLOUD_PORT), with the name kept, so that its
// certificate is checked; one to 127.0.0.1 goes through; any other is refused here, before a name is looked up, and
// noted as "host:port" in FENCE_LOG.  Arguments that must not stand in a list of processes come in TCB_SECRET_ARGS (JSON).
"use strict";
const fs = require("node:fs");
const net = require("node:net");

const { CLOUD_PORT, FENCE_LOG, TCB_SECRET_ARGS } = process.env;
const CLOUD = /^[a-z]+(\.[a-z0-9-]+)?\.tencentcloudapi\.com$/;
const connect = net.Socket.prototype.connect;

function wanted(args) { // the ways to say where to: an options object, its normalized form, or port and host
	const first = Array.isArray(args[0]) ? args[0][0] : args[0];
	if (typeof first === "object") return first;
	if (Number.isNaN(Number(first))) return { path: first };
	return { port: first, host: typeof args[1] === "string" ? args[1] : "localhost" };
}

function led(args, options) {
	if (!Array.isArray(args[0])) return [options, ...args.slice(1)];
	args[0][0] = options;
	return args;
}

net.Socket.prototype.connect = function (...args) {
	const to = wanted(args);
	const host = to.host || "localhost";
	if (to.path || host === "127.0.0.1" || host === "localhost") return connect.apply(this, args);
	if (CLOUD.test(host) && Number(to.port) === 443)
		return connect.apply(this, led(args, { ...to, host: "127.0.0.1", port: Number(CLOUD_PORT) }));
	fs.appendFileSync(FENCE_LOG, `${host}:${to.port}\n`);
	const error = Object.assign(new Error(`${host} is outside of the fence`), { code: "ECONNREFUSED" });
	process.nextTick(() => this.destroy(error));
	return this;
};

if (TCB_SECRET_ARGS) process.argv.push(...JSON.parse(TCB_SECRET_ARGS));
