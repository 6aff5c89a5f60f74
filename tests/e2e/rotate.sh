#!/bin/bash
# A key is replaced at its age, and when somebody asks: the one before works on for the overlap, and is refused after.
. "$(dirname "$0")/lib.sh"
world
SET[life.audit]=3600 SET[life.rotation]=0 SET[life.rotation_overlap]=20
slapd_start
emulator_start
ldap_add "$(people ada ben)"
daemon_ready
must 60 "onboarding" all_in_stage active 2

key_of() { attribute "$1" rollcallKeyId; }
# The state of a key in the cloud; nothing when it is not there.
state_of() { cloud '.users[].keys[] | select(.id == $id) | .status' --arg id "$1"; }
changed() { local now; now=$(key_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]; }
# Opened credentials of before, for a pipe: in a file that only we read, in the folder that is removed.
remember() { (umask 077 && credential "$1" >"$W/$1.before"); }
answer_to_key_before() { answer_to GetCallerIdentity <"$W/$1.before"; }
seconds() { date -u -d "${1:0:4}-${1:4:2}-${1:6:2} ${1:8:2}:${1:10:2}:${1:12:2}" +%s; }
runs() { cloud '.servers[] | select(.id == $id) | .agent_runs | length' --arg id "$(attribute "$1" rollcallServerId)"; }

# --- asked for ------------------------------------------------------------------------------------------------------
equal "$(attribute ada rollcallRotationDue)" "" "without an age nothing is due"
first=$(key_of ada) bens=$(key_of ben) runs=$(runs ada)
remember ada
equal "$(rollcall rotate nobody >"$W/tool.log" 2>&1; echo $?)" 1 "nobody of that name: said so"
check "an administrator asks for another key" rollcall rotate ada
eventually 30 "the entry shows another key" changed ada "$first"
second=$(key_of ada)
eventually 10 "which works" says ok answer_to_key_of ada
equal "$(answer_to_key_before ada)" ok "and so does the one before it"
equal "$(key_of ben)" "$bens" "a colleague's stays"
eventually 30 "the agent's script was run again" says $((runs + 1)) runs ada
eventually 30 "isolation is proved with the new key" says isolated attribute ada rollcallProofResult
show ada >"$W/show.out"
check "show says until when the one before works" jq -e '.accounts[-1].old_key_until' "$W/show.out"
check "the evidence says who asked" grep -q '"rotate"' "$STATE/evidence.jsonl"
check "asked again: said when that can be" grep -q 'when the key before this one is gone' <<<"$(rollcall rotate ada)"
equal "$(kept_keys | grep -c "$first\|$second")" 2 "both secrets are kept while both work"

# --- killed in the middle, and over -----------------------------------------------------------------------------------
daemon_stop KILL
daemon_ready
eventually 90 "the one before is deleted when its time is over" says '' state_of "$first"
equal "$(answer_to_key_before ada | grep -c '^ok')" 0 "and is refused"
eventually 30 "what was asked for meanwhile is done now" changed ada "$second"
eventually 10 "and works" says ok answer_to_key_of ada
third=$(key_of ada)

# --- a leaver ------------------------------------------------------------------------------------------------------
remember ada
disable ada
eventually 15 "whoever is disabled loses both keys" says 1 active_keys
equal "$(answer_to_key_before ada | grep -c '^ok')" 0 "what was handed out last is refused"
enable ada
eventually 30 "back in time, she has the same key" says ok answer_to_key_before ada
equal "$(key_of ada)" "$third" "and the entry says so"

# --- by age --------------------------------------------------------------------------------------------------------
daemon_stop
SET[life.rotation]=100000
daemon_ready
rollcall verify --all >"$W/tool.log" 2>&1
eventually 20 "the entry shows when the key is due" test -n "$(attribute ben rollcallRotationDue)"
equal "$(($(seconds "$(attribute ben rollcallRotationDue)") - $(seconds "$(attribute ben rollcallKeyCreated)")))" 100000 \
	"at the age that is set"
daemon_stop
SET[life.rotation]=5
daemon_ready
rollcall verify ben >"$W/tool.log" 2>&1
eventually 30 "a key of that age is replaced" changed ben "$bens"
eventually 10 "the new one works" says ok answer_to_key_of ben
equal "$(($(seconds "$(attribute ben rollcallRotationDue)") - $(seconds "$(attribute ben rollcallKeyCreated)")))" 5 \
	"and its own date stands in the entry"
at_most "$(cloud '[.users[].keys | length] | max')" 2 "nobody has more than two"
check "the evidence is whole" rollcall evidence verify "$STATE/evidence.jsonl"
finish
