#!/bin/sh
# Binds the OpenClaw assistant of this server to its owner's CloudBase environment: installs CloudBase Skill, writes the
# MCP configuration with his key, restarts the gateway.  Rollcall sends it through the automation agent, which puts the
# hidden parameters in and runs it as root.  It may run any number of times; it prints no secret.
#
# Exit status: 0 done, 10 bad value, 11 no OpenClaw home, 12 no node or npx, 13 configuration not written,
# 14 skill not installed, 15 gateway not restarted.
set -eu
umask 077

secret_id='{{tat-hidden:secret_id}}'
secret_key='{{tat-hidden:secret_key}}'
env_id='{{tat-hidden:env_id}}'
region='{{region}}'
root=${ROLLCALL_TEST_ROOT:-}    # in front of /root and /home: tests

fail() {
	status=$1
	shift
	echo "install-agent: $*" >&2
	exit "$status"
}

# Nothing that could need quoting; this also catches a placeholder that was not filled.
for value in "$secret_id" "$secret_key" "$env_id" "$region"; do
	case $value in
	'' | *[!A-Za-z0-9._+/=-]*) fail 10 "a value is missing or has characters that do not belong in it" ;;
	esac
done

# The product had other names before; its home is where its configuration is.
find_home() {
	for product in openclaw moltbot clawdbot; do
		for home in "$root/root" "$root"/home/*; do
			[ -d "$home/.$product" ] && return 0
		done
	done
	return 1
}
find_home || fail 11 "no OpenClaw home was found"
base=$home/.$product
user=$(stat -c %U "$base")
uid=$(stat -c %u "$base")

# Everything below runs as the owner: root must not follow what may be his symbolic links.
as_owner() {
	if [ "$(id -u)" = "$uid" ]; then
		env HOME="$home" "$@"
	else
		runuser -u "$user" -- env HOME="$home" PATH="$PATH" "$@"
	fi
}

for bin in "$home"/.nvm/versions/node/*/bin "$home/.local/bin" "$home/.npm-global/bin" /usr/local/bin; do
	[ -d "$bin" ] && PATH=$PATH:$bin
done
export PATH
for tool in node npx; do
	command -v "$tool" > /dev/null || fail 12 "node and npx were not found"
done

# Merges our server into whatever is configured: written aside with mode 0600 and renamed.
merge='
const fs = require("fs"), path = require("path");
const [secretId, secretKey, envId, region] = fs.readFileSync(0, "utf8").split("\n");
const file = process.argv[1], aside = file + ".rollcall";
fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
let config = {};
if (fs.existsSync(file)) config = JSON.parse(fs.readFileSync(file, "utf8"));
if (config === null || typeof config !== "object" || Array.isArray(config)) throw new Error("not an object");
config.mcpServers = Object.assign({}, config.mcpServers, { "cloudbase-mcp": {
	description: "CloudBase MCP", command: "npx", args: ["@cloudbase/cloudbase-mcp@latest"],
	env: { TENCENTCLOUD_SECRETID: secretId, TENCENTCLOUD_SECRETKEY: secretKey, CLOUDBASE_ENV_ID: envId,
		TCB_REGION: region, CLOUDBASE_MCP_TELEMETRY_DISABLED: "true" } } });
fs.rmSync(aside, { force: true });
const fd = fs.openSync(aside, "wx", 0o600);
fs.writeSync(fd, JSON.stringify(config, null, 2) + "\n");
fs.fsyncSync(fd);
fs.closeSync(fd);
fs.renameSync(aside, file);
'
printf '%s\n' "$secret_id" "$secret_key" "$env_id" "$region" |
	as_owner node -e "$merge" "$base/workspace/config/mcporter.json" > /dev/null 2>&1 ||
	fail 13 "the configuration could not be written: is mcporter.json a JSON object?"
unset secret_id secret_key

# The skill's repository was renamed; older releases of the tool know the old name only.
add_skill() {
	cd "$base/workspace" || return 1
	as_owner npx -y skills add "$1" -y < /dev/null 2>&1
}
if ! log=$(add_skill tencentcloudbase/cloudbase-skills) && ! log=$(add_skill tencentcloudbase/skills); then
	printf '%s\n' "$log" | tail -n 5
	fail 14 "the skill could not be installed"
fi

log=$(as_owner "$product" gateway restart < /dev/null 2>&1) || {
	printf '%s\n' "$log" | tail -n 5
	fail 15 "the gateway could not be restarted"
}
echo "install-agent: $product of $user is bound to $env_id"
