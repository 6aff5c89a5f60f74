#!/bin/bash
# What Rollcall sends, from onboarding to retirement, is what the vendor's SDK documents.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/clients/clients.sh"
world
clients_ready
cp "$TEMPLATES"/*.json "$W/"
SET[policy.template]="\"$W/employee.json\"" SET[policy.boundary]="\"$W/boundary.json\"" SET[policy.barrier]="\"$W/deny-all.json\""
SET[life.grace]='"1h"' SET[life.undo]='"1h"' SET[life.sweep_again]=1
slapd_start
cloud_start --record "$W/requests"
ldap_add "$(people ada ben cleo dan eve)"

# One of them has an environment already: adopted before the others join.
done_by_hand() { jq -e '.code == null' >/dev/null; }
check "an environment is made by hand" done_by_hand < <(by_hand \
	tcb CreateEnv '{"Alias": "eve", "PackageId": "baas_personal", "Resources": ["flexdb"]}')
joiners() { rollcall plan --json | jq '[.frozen[].people[]] | length'; }
approve_all() { local hash; for hash in $(rollcall plan --json | jq -r '.frozen[].hash'); do rollcall approve "$hash"; done; }
DAEMON_OPTIONS=()
daemon_ready
must 20 "a first start" says 5 joiners
check "it is found" rollcall adopt --by-name
check "and adopted; the others join" approve_all
must 60 "onboarding" all_in_stage active 5
DAEMON_OPTIONS=(--yes)

# Things that are made by hand, for the sake of the calls that take them away.
happened() { [ "$(count_calls "$1")" -ge 1 ]; }
check "an environment key is made by hand" done_by_hand < <(by_hand \
	tcb CreateApiKey "{\"EnvId\": \"$(attribute ada rollcallEnvId)\", \"KeyType\": \"api_key\"}")
check "a second key" done_by_hand < <(by_hand cam CreateAccessKey "{\"TargetUin\": $(attribute ada rollcallUin)}")
group=$(by_hand cam CreateGroup '{"GroupName": "by-hand"}' | jq .GroupId)
check "and somebody is made member of a group" done_by_hand < <(by_hand cam AddUserToGroup \
	"{\"Info\": [{\"GroupId\": $group, \"Uin\": $(attribute ben rollcallUin)}]}")
disable ada
must 20 "suspension" stage_is ada suspended
must 20 "the server's stop" says STOPPED server_state ada
enable ada
must 30 "the return" stage_is ada active
must 20 "the server's start" says RUNNING server_state ada

# Another template and boundary: policies are rewritten.
daemon_stop
jq -c '(.statement[] | select(.effect == "deny") | .action) += ["tcb:DestroyStaticStore"]' "$W/boundary.json" >"$W/new" && mv "$W/new" "$W/boundary.json"
jq -c '.statement[0].action |= map(select(. != "tcb:DescribeAIModels"))' "$W/employee.json" >"$W/new" && mv "$W/new" "$W/employee.json"
SET[life.undo]=1
daemon_ready
must 30 "the new policies" happened UpdatePolicy
disable dan
must 20 "suspension" stage_is dan suspended
sleep 2
enable dan
must 30 "the return with a new key" stage_is dan active

# After grace: one server is given back, one that cannot be is left to expire.
daemon_stop
SET[life.grace]=2 SET[cloud.isolation_days]=0
daemon_ready
disable ben
must 60 "retirement" stage_is ben retired
faults '{"switches": {"refund_days": 0}}'
disable cleo
must 30 "the renewal flag" happened ModifyInstancesRenewFlag
daemon_stop

check "nothing of a key stands in the record" test "$(grep -cE 'AKID|Credential|Signature' "$W/requests")" = 0
relay contract ACTIONS="$ROOT/cloud/actions.c" MODELS="$ROOT/tests/unit/emulator/models.json" node "$HERE/contract.mjs" "$W/requests" </dev/null
finish
