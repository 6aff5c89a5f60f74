#!/bin/bash
# Isolation: a template that is wider than it may be starts nothing; what is given by hand is taken away; who sees what
# is not his is held, three an hour; proofs on demand.
. "$(dirname "$0")/lib.sh"
world
SET[life.audit]=2 SET[life.trust]=0
slapd_start
emulator_start
ldap_add "$(people ada ben cleo dan eva)"

# --- a template that is wider than it may be ----------------------------------------------------------------------
refuses() { # TEXT WORDS JQ: rollcalld does not start with the template that JQ makes, and says WORDS
	local said status
	jq -c "$3" "$ROOT/policies/templates/employee.json" >"$W/wider.json"
	SET[policy.template]="\"$W/wider.json\""
	settings_write
	said=$(timeout 20 "$PROGRAMS/rollcalld" -c "$W/rollcall.conf" 2>&1 </dev/null)
	status=$?
	if [ $status != 0 ] && [ $status != 124 ] && grep -q "$2" <<<"$said"; then
		ok "$1: refused"
	else
		not_ok "$1: refused" "status $status" "$said"
	fi
}
refuses 'the environment is "*"' 'statement\[0\] allows .*tcb:.* on "qcs::tcb:.*:env/\*"' \
	'.statement[0].resource[0] |= sub("\\$\\{envId\\}"; "*")'
refuses "a CAM verb is allowed, too" 'cam:CreateRole' '.statement[1].action += ["cam:CreateRole"] | .statement |= map(select(.effect == "allow"))'
refuses "a CAM verb is allowed, and denied" 'cam:UpdatePolicy' '.statement[1].action += ["cam:UpdatePolicy"]'
refuses "the denies are gone" 'not denied' '.statement |= map(select(.effect == "allow"))'
refuses "one deny is gone" 'tcb:RenewEnv' '.statement[-1].action -= ["tcb:RenewEnv"]'
refuses "a deny has a condition" 'not denied' '.statement[-1].condition = {"ip_equal": {"qcs:ip": "10.0.0.0/8"}}'
equal "$(calls .calls)" 0 "and no call reached the cloud"
unset 'SET[policy.template]'
SET[policy.template]="\"$TEMPLATES/employee.json\""

# --- proved on the way in ------------------------------------------------------------------------------------------
daemon_ready
must 60 "onboarding" all_in_stage active 5
equal "$(attribute ada rollcallProofResult)" isolated "isolation is proved, and the directory says so"
note "ada's proof: $(attribute ada rollcallProofCounts)"
check "probes were made" grep -q 'refused=[1-9]' <<<"$(attribute ada rollcallProofCounts)"
said=$(rollcall verify --all)
status=$?
equal "$status" 0 "a proof of everybody, on demand"
note "$(tail -n 1 <<<"$said")"
check "all five are isolated" grep -q '^5 people: 5 isolated, 0 failed, 0 not yet' <<<"$(tail -n 1 <<<"$said")"
before=$(attribute ben rollcallProofTime)
sleep 1.1
check "and of one" rollcall verify ben
eventually 10 "its time stands in the entry" test "$(attribute ben rollcallProofTime)" '>' "$before"
equal "$(rollcall verify nobody >"$W/tool.log" 2>&1; echo $?)" 1 "nobody of that name: said so"

# --- given by hand, and taken away ---------------------------------------------------------------------------------
root_call() { # ACTION JSON
	[ "$(administrator | signed_call "$1" --body "$2" | sed 's/.* //')" = ok ] || die "$1 $2"
}
uin() { attribute "$1" rollcallUin; }
of() { cloud ".users[] | select(.uin == (\$uin | tonumber)) | $2" --arg uin "$(uin "$1")"; }
everything=$(cloud '.policies[] | select(.name == "AdministratorAccess") | .id')
own_only() { of "$1" '[.policies[].name] | join(" ")'; }
own=$(own_only ada)
root_call AttachUserPolicy "{\"PolicyId\": $everything, \"AttachUin\": $(uin ada)}"
root_call CreateAccessKey "{\"TargetUin\": $(uin ada)}"
root_call DeleteUserPermissionsBoundary "{\"TargetUin\": $(uin ada)}"
eventually 15 "AdministratorAccess, attached by hand, is detached" says "$own" own_only ada
eventually 15 "a second key is switched off" says 1 of ada '[.keys[] | select(.status == "Active")] | length'
eventually 15 "the boundary is back" of ada '.boundary.name | test("^rollcall-boundary")'
evidence_says() { jq -r 'select(.login == $login) | "\(.at) \(.what)"' --arg login "$1" "$STATE/evidence.jsonl" | grep "$2"; }
check "the evidence says what was detached, and when" evidence_says ada 'DetachUserPolicy.*AdministratorAccess'
check "and which key was taken" evidence_says ada '\(Delete\|Update\)AccessKey.*AKID'
note "$(evidence_says ada 'DetachUserPolicy.*AdministratorAccess' | head -n 1)"
group=$(administrator | signed_call CreateGroup --body '{"GroupName": "friends"}' --json | jq -r '.GroupId')
root_call AttachGroupPolicy "{\"PolicyId\": $everything, \"AttachGroupId\": $group}"
root_call AddUserToGroup "{\"Info\": [{\"GroupId\": $group, \"Uin\": $(uin ben)}]}"
eventually 15 "a group that he was put into by hand is left" says '[]' of ben '.groups | tostring'
own_policy=$(attribute cleo rollcallPolicyId)
everything_text='{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"*\",\"resource\":\"*\"}]}'
root_call UpdatePolicy "{\"PolicyId\": $own_policy, \"PolicyDocument\": \"$everything_text\"}"
narrow() { cloud '.policies[] | select(.id == ($id | tonumber)) | .document | tostring | contains("env/")' --arg id "$own_policy"; }
eventually 15 "her own policy, rewritten by hand, is put right" says true narrow
equal "$(active_keys)" 5 "nobody lost access by any of it"
check "and all are isolated again" rollcall verify --all

# --- only reported, and seen with his own key ----------------------------------------------------------------------
daemon_stop
SET[cloud.by_hand]='"report"' SET[life.audit]='"1h"' SET[life.retry_max]=2
daemon_ready
root_call AttachUserPolicy "{\"PolicyId\": $everything, \"AttachUin\": $(uin ada)}"
sleep 0.5
equal "$(rollcall verify ada >"$W/verify.out" 2>&1; echo $?)" 1 "a proof that sees what is not his fails"
note "$(grep '^ada' "$W/verify.out")"
eventually 15 "he is held" stage_is ada held
equal "$(of ada '[.keys[].status] | unique | @csv')" '"Inactive"' "his key is off"
check "an alarm is logged" grep -q 'ALARM.*ada\|alarm.*ada' "$W/rollcalld.log"
check "the entry says why" grep -qi proof <<<"$(attribute ada rollcallHoldReason)"
rollcall status >"$W/status.out"
check "status names him" grep -q '^ada.*held\|ada .*held' "$W/status.out"
note "$(grep ada "$W/status.out" | head -n 1)"
eventually 15 "what showed it to him goes with the rest of his rights" says true \
	of ada '[.policies[].name] | index("AdministratorAccess") == null'
for login in ben cleo; do
	root_call AttachUserPolicy "{\"PolicyId\": $everything, \"AttachUin\": $(uin "$login")}"
done
sleep 0.5
rollcall verify ben >"$W/tool.log" 2>&1
rollcall verify cleo >"$W/tool.log" 2>&1
eventually 15 "the second and the third are held, too" all_in_stage held 3
root_call AttachUserPolicy "{\"PolicyId\": $everything, \"AttachUin\": $(uin dan)}"
sleep 0.5
equal "$(rollcall verify dan >"$W/tool.log" 2>&1; echo $?)" 1 "the fourth within the hour fails"
sleep 2
check "and is not held: alarm only" stage_is dan active
equal "$(of dan '[.keys[].status] | unique | @csv')" '"Active"' "he keeps his key"

# --- a human lets go, a human holds ----------------------------------------------------------------------------------
daemon_stop
SET[cloud.by_hand]='"remove"' SET[life.audit]=2
daemon_ready
check "an administrator lets him go" rollcall resume ada
eventually 30 "he is active again" stage_is ada active
eventually 10 "with a key that works" says ok answer_to_key_of ada
eventually 15 "without what was attached by hand" says "$own" own_only ada
eventually 20 "and proved" says isolated attribute ada rollcallProofResult
check "an administrator holds somebody" rollcall suspend eva --reason "laptop stolen"
eventually 15 "she is held" stage_is eva held
equal "$(attribute eva rollcallHoldReason)" "laptop stolen" "the entry says why"
equal "$(of eva '[.keys[].status] | unique | @csv')" '"Inactive"' "her key is off"
check "the evidence says who" evidence_says eva 'held\|HELD'
equal "$(rollcall resume nobody >"$W/tool.log" 2>&1; echo $?)" 1 "nobody to let go: said so"
check "the evidence is whole" rollcall evidence verify "$STATE/evidence.jsonl"
finish
