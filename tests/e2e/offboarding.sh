#!/bin/bash
# Disabled: cut at once and in order, environment kept; back in time with the same key; after grace all is gone.
. "$(dirname "$0")/lib.sh"
world
SET[life.grace]='"1h"' SET[life.undo]='"1h"' SET[life.sweep_again]=1
slapd_start
emulator_start
ldap_add "$(people ada ben cleo dan)"
daemon_ready
must 60 "onboarding" all_in_stage active 4
old_key=$(attribute ada rollcallKeyId)
env=$(attribute ada rollcallEnvId)

# --- disabled ---------------------------------------------------------------------------------------------------
credential ada | signed_call --until-refused 15 GetCallerIdentity >"$W/refused" &
watcher=$!
sleep 1
mark=$(calls .calls)
began=$(now_ms)
disable ada
wait "$watcher"
read -r _ _ code when <"$W/refused"
took=$((when - began))
at_most "$([ "$when" = 0 ] || echo "$took")" 5000 "the key is refused after $took ms ($code)"
refused_on_record() { jq -es --arg login "$1" 'any(.login == $login and .event == "refused")' "$STATE/evidence.jsonl"; }
eventually 10 "the daemon saw it refused, too" refused_on_record ada
eventually 20 "the entry says suspended" stage_is ada suspended
eventually 20 "the server stops" says STOPPED server_state ada
sleep 2

# Her calls since then that change something, in order.
calls '.log[] | select(.n > $n and .code == "OK") | .action | select(test("^(Describe|List|Get)") | not)' --argjson n "$mark" >"$W/order"
first() { grep -n -m1 -x "$1" "$W/order" | cut -d: -f1; }
note "calls: $(tr '\n' ' ' <"$W/order")"
equal "$(head -n 1 "$W/order")" UpdateAccessKey "the first call switches the key off"
order="$(first UpdateAccessKey) $(first UpdateUser) $(first AttachUserPolicy) $(first DetachUserPolicy) $(first StopInstances)"
equal "$(tr ' ' '\n' <<<"$order" | grep -c .)" 5 "then console, barrier, own policy, server"
equal "$(tr ' ' '\n' <<<"$order" | sort -n | tr '\n' ' ')" "$order " "in this order"
equal "$(grep -cE 'Delete|Destroy|Isolate|Terminate' "$W/order")" 0 "nothing is destroyed"

user='.users[] | select(.uin == ($uin | tonumber))'
uin=$(attribute ada rollcallUin)
of_user() { cloud "$user | $1" --arg uin "$uin"; }
equal "$(of_user '[.keys[].status] | @csv')" '"Inactive"' "her key is inactive"
equal "$(of_user .console_login)" false "the console is closed"
equal "$(of_user '.policies | length')" 1 "only the barrier is attached"
equal "$(of_user '.policies[0].id' )" "$(cloud '.policies[] | select(.name | test("barrier")) | .id')" "and it is the barrier"
equal "$(cloud '.environments[] | select(.env_id == $id) | .status' --arg id "$env")" NORMAL "her environment is kept"
check "retire-after stands in the entry" test -n "$(attribute ada rollcallRetireAfter)"
equal "$(cloud '[.users[].keys[] | select(.status == "Active")] | length')" 3 "the others keep their keys"

# --- back in time -------------------------------------------------------------------------------------------------
enable ada
eventually 30 "back: active again" stage_is ada active
equal "$(attribute ada rollcallKeyId)" "$old_key" "with the same key"
eventually 10 "which works" says ok answer_to_key_of ada
equal "$(attribute ada rollcallEnvId)" "$env" "and the same environment"
eventually 20 "the server runs again" says RUNNING server_state ada
equal "$(of_user .console_login)" true "the console is open again"
equal "$(audit 4)" "" "nothing was bought twice"

# --- back later than that -------------------------------------------------------------------------------------------
daemon_stop
SET[life.undo]=1
daemon_ready
old_key=$(attribute ben rollcallKeyId) env=$(attribute ben rollcallEnvId)
credential ben >"$W/ben.old"
disable ben
must 20 "suspension of ben" stage_is ben suspended
sleep 2
enable ben
eventually 30 "back after the undo time: active again" stage_is ben active
check "with a new key" test "$(attribute ben rollcallKeyId)" != "$old_key"
eventually 10 "which works" says ok answer_to_key_of ben
check "the old one does not" test "$(answer_to GetCallerIdentity <"$W/ben.old")" != ok
rm -f "$W/ben.old"
equal "$(attribute ben rollcallEnvId)" "$env" "and the same environment"
equal "$(audit 4)" "" "nothing was bought twice"

# --- what was made and given by hand ----------------------------------------------------------------------------------
uin=$(attribute dan rollcallUin) env=$(attribute dan rollcallEnvId)
by_hand() { administrator | signed_call "$1" --body "$2" --json; }
done_by_hand() { jq -e '.Error == null'; }
check "dan gets a second key by hand" done_by_hand < <(by_hand CreateAccessKey "{\"TargetUin\": $uin}")
equal "$(of_user '[.keys[].status] | @csv')" '"Active","Active"' "and has two that work"
group=$(by_hand CreateGroup '{"GroupName": "friends"}' | jq .GroupId)
check "he is made member of a group" done_by_hand < <(by_hand AddUserToGroup "{\"Info\": [{\"GroupId\": $group, \"Uin\": $uin}]}")
check "a policy is attached to him" done_by_hand < <(by_hand AttachUserPolicy "{\"PolicyId\": 1, \"AttachUin\": $uin}")
for type in api_key api_key publish_key; do
	by_hand CreateApiKey "{\"EnvId\": \"$env\", \"KeyType\": \"$type\"}" >"$W/tool.log"
done
env_keys() { cloud '.environments[] | select(.env_id == $id) | .api_keys | length' --arg id "$env"; }
check "and his environment has API keys" test "$(env_keys)" -gt 0
disable dan
eventually 10 "disabled: neither key works" says '"Inactive","Inactive"' of_user '[.keys[].status] | @csv'
eventually 10 "no API key of the environment is left" says 0 env_keys
eventually 10 "no policy but the barrier" says 1 of_user '.policies | length'
eventually 10 "and no group" says 0 of_user '.groups | length'
eventually 20 "and the entry says so" stage_is dan suspended
enable dan
eventually 30 "back: active again" stage_is dan active
eventually 10 "ours is all that is left" says 1 of_user '.keys | length'
equal "$(audit 4)" "" "nothing was bought twice"

# --- after grace ------------------------------------------------------------------------------------------------------
daemon_stop
SET[life.grace]=2 SET[cloud.isolation_days]=0
daemon_ready
uin=$(attribute cleo rollcallUin) name=$(attribute cleo rollcallName) env=$(attribute cleo rollcallEnvId)
server=$(attribute cleo rollcallServerId) policy=$(attribute cleo rollcallPolicyId)
mark=$(calls .calls)
disable cleo
eventually 60 "after grace: retired" stage_is cleo retired
sleep 1
equal "$(cloud "[$user] | length" --arg uin "$uin")" 0 "the sub-account is gone"
equal "$(cloud '[.environments[] | select(.env_id == $id)] | length' --arg id "$env")" 0 "the environment is gone"
equal "$(cloud '[.servers[] | select(.id == $id)] | length' --arg id "$server")" 0 "the server is gone"
equal "$(cloud '[.policies[] | select(.id == ($id | tonumber))] | length' --arg id "$policy")" 0 "the policy is gone"
calls '.log[] | select(.n > $n and .code == "OK") | .action' --argjson n "$mark" >"$W/order"
note "calls: $(grep -vE '^(Describe|List|Get)' "$W/order" | tr '\n' ' ')"
equal "$(grep -c DestroyEnv "$W/order") $(first IsolateInstances) $(first TerminateInstances)" \
	"2 $(first IsolateInstances) $(first TerminateInstances)" "the environment in two steps"
check "the server isolated first, then terminated" test "$(first IsolateInstances)" -lt "$(first TerminateInstances)"
equal "$(grep -E '^(DeleteUser|DeletePolicy|DestroyEnv|TerminateInstances)$' "$W/order" | tail -n 1)" DeleteUser "the user goes last"
equal "$(attribute cleo rollcallSealedKey)$(attribute cleo rollcallUin)$(attribute cleo rollcallEnvId)" "" "the entry keeps no credential and no id"
equal "$(attribute cleo rollcallName)" "$name" "but the name"

# --- back after retirement: anew -----------------------------------------------------------------------------------------
enable cleo
eventually 60 "back after retirement: active" stage_is cleo active
equal "$(attribute cleo rollcallGeneration)" 2 "as a new generation"
check "with new names" test "$(attribute cleo rollcallName)" != "$name"
check "and a new environment" test "$(attribute cleo rollcallEnvId)" != "$env"
equal "$(credential cleo | answer_to GetCallerIdentity)" ok "and a key that works"
equal "$(cloud '[.users, .environments, .servers | length] | @csv')" 4,4,4 "four of everything, none is left over"
equal "$(cloud .money_spent)" $((5 * PRICE)) "five onboardings were paid, no more"
finish
