#!/bin/bash
# What a brake holds back is shown with a hash; an administrator approves or rejects exactly what he was shown.
. "$(dirname "$0")/lib.sh"
world
SET[life.departures_per_hour]=2
slapd_start
emulator_start
crowd=(p1 p2 p3 p4 p5 p6 p7 p8)
ldap_add "$(people ada "${crowd[@]}")"

# --- a first start is a plan -----------------------------------------------------------------------------------------
DAEMON_OPTIONS=()
daemon_ready
lists() { rollcall plan --json | jq -r ".frozen | map(select(.kind == \"$1\" and .state == \"$2\")) | $3"; }
eventually 15 "a first start on a directory with people is a plan" says 9 lists join waits 'map(.count) | add'
sleep 1
equal "$(count_calls AddUser)" 0 "and makes nothing"
rollcall plan >"$W/plan.out"
check "the plan says what it costs" grep -q 'ada *create *costs money' "$W/plan.out"
note "$(grep 'brake' "$W/plan.out")"
hash=$(lists join waits '.[0].hash')
equal "$(rollcall approve 0000000000000000 >"$W/tool.log" 2>&1; echo $?)" 1 "a hash that no list has: refused"
check "and says why" grep -q 'no list' "$W/tool.log"
check "approved" rollcall approve "$hash"
must 90 "onboarding" all_in_stage active 9
equal "$(audit 9)" "" "nine of everything"
check "the evidence says who approved what" jq -es --arg h "$hash" 'any(.event == "decision" and (.what | contains($h)))' "$STATE/evidence.jsonl"

# --- a brake that tripped ----------------------------------------------------------------------------------------------
for login in "${crowd[@]:0:5}"; do ldap_delete "$login"; done
eventually 20 "five deletions are held back" says 5 lists departure waits 'map(.count) | add'
sleep 1
equal "$(active_keys)" 9 "nobody of them has lost anything"
check "and it is rated" grep -q 'p1 *suspend *reversible' <(rollcall plan)
hash=$(lists departure waits '.[0].hash')
ldap_delete p6
eventually 20 "one more: the list has changed" says 6 lists departure waits 'map(.count) | add'
if [ "$(lists departure waits 'length')" = 1 ]; then
	equal "$(rollcall approve "$hash" >"$W/tool.log" 2>&1; echo $?)" 1 "and the old hash approves nothing"
	hash=$(lists departure waits '.[0].hash')
else
	ok "and the new one stands on a list of its own"
fi
disable ada
eventually 10 "who is disabled meanwhile is cut at once" says 8 active_keys
check "approved" rollcall approve "$hash"
eventually 20 "those who are gone lose access" says 2 active_keys
equal "$(rollcall approve "$hash" >"$W/tool.log" 2>&1; echo $?)" 1 "once approved, it cannot be approved again"
check "the evidence is whole" rollcall evidence verify "$STATE/evidence.jsonl"
finish
