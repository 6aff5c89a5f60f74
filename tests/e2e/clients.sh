#!/bin/bash
# The vendor's MCP server and command line as judges of isolation: with the key that an employee was given, they show
# his environment, and are refused everywhere else.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/clients/clients.sh"
world
clients_ready
slapd_start
cloud_start
ldap_add "$(people ada bob)"
daemon_ready
must 60 "onboarding" all_in_stage active 2
ada=$(attribute ada rollcallEnvId) bob=$(attribute bob rollcallEnvId)
opened() { rollcall open "$1" --key "$W/escrow.key" --cert "$W/escrow.pem"; }
check "two people are onboarded, and their keys can be opened" test "$(opened ada | jq -r .env) $(opened bob | jq -r .env)" = "$ada $bob"

# The fence itself: what is not the cloud is refused by it, also without a proxy, by name and by address.
for address in https://outside.invalid http://192.0.2.1; do
	equal "$(client probe node -e 'fetch(process.argv[1]).catch((error) => console.log(error.cause?.message))' "$address")" \
		"${address#*//} is outside of the fence" "$address cannot be reached from inside of the fence"
done
equal "$(tr '\n' ' ' <"$W/fence.log")" "outside.invalid:443 192.0.2.1:80 " "and both attempts were noted"
rm -f "$W/fence.log"

changing='[.log[] | select(.caller != "root" and .code == "OK") | .action | select(test("^(Describe|List|Get|Check)") | not)] | unique | join(" ")'
relay mcp-ada node "$HERE/mcp.mjs" "$ada" "$bob" < <(opened ada)
relay mcp-bob node "$HERE/mcp.mjs" "$bob" "$ada" < <(opened bob)
relay cli-ada node "$HERE/cli.mjs" "$ada" "$bob" < <(opened ada)
equal "$(calls "$changing")" "" "no call that changes something was answered OK to a sub-account"
equal "$(cloud '[.environments[] | .status] | unique | join(" ")')" NORMAL "both environments are as they were"

# The emulator knows what they asked for: an action that it lacks would look like a refusal here.
unknown='[.log[] | select(.code == "InvalidAction" or .code == "NoSuchVersion" or .code == "UnknownParameter") | "\(.action) \(.code)"] | unique | join(", ")'
equal "$(calls "$unknown")" "" "no action or parameter of theirs is unknown to the emulator"
note "with their keys were called: $(calls '[.log[] | select(.caller != "root" and .caller != "-") | .action] | unique | join(" ")')"

# The key goes with the stage, whoever holds it.
disable ada
must 20 "suspension" stage_is ada suspended
relay mcp-ada node "$HERE/mcp.mjs" "$ada" "$bob" gone < <(opened ada)
relay cli-ada node "$HERE/cli.mjs" "$ada" "$bob" gone < <(opened ada)

note "outside of the fence they asked for: $(sort "$W/fence.log" | uniq -c | awk '{ print $2 " (" $1 ")" }' | tr '\n' ' ')"
equal "$(grep -c tencentcloudapi "$W/fence.log")" 0 "everything that was meant for the cloud came to the emulator"
finish
