#!/bin/bash
# The listing audit: what was deleted by hand is made again, a leaver who can log in is cut again, what is marked as ours and
# known to nobody is told and stays until somebody approves, and nothing of others is touched.
. "$(dirname "$0")/lib.sh"
world
SET[life.grace]=3 SET[life.undo]=1 SET[life.sweep_again]=1 SET[life.trust]=1 SET[cloud.isolation_days]=0
SET[life.listing_audit]=3
slapd_start
emulator_start
ldap_add "$(people ann bea)"
daemon_ready
must 90 "onboarding" all_in_stage active 2

as_root() { # ACTION PARAMETERS
	local said
	said=$(administrator | signed_call --body "$2" "$1" 2>&1)
	[[ $said = *" ok" ]] || die "$1: $said"
}
add_user() { as_root AddUser "$(jq -nc --arg n "$1" --arg r "$2" '{ Name: $n, Remark: $r }')"; }
uin_of() { cloud '.users[] | select(.name == $n) | .uin' --arg n "$1"; }
name_of() { show "$1" | jq -r '.accounts[-1].placement.user_name'; }
status_says() { rollcall status --json | jq -e "$1"; }
destroyed() { echo $(($(count_calls DestroyEnv) + $(count_calls DeleteUser) + $(count_calls DeletePolicy) + $(count_calls IsolateInstances) + $(count_calls TerminateInstances))); }
there() { [ -n "$(uin_of "$1")" ]; }
gone() { [ -z "$(uin_of "$1")" ]; }

eventually 20 "status tells of the audit" status_says '.health.audit.seen == 2'

# --- orphans ---------------------------------------------------------------------------------------------------------
LOST=00000000-0000-4000-8000-00000000aaaa
KEPT=00000000-0000-4000-8000-00000000bbbb
add_user lost-1 "rollcall:$INSTALLATION:$LOST:1"
as_root CreateAccessKey "$(jq -nc --argjson u "$(uin_of lost-1)" '{ TargetUin: $u }')"
as_root CreateEnv "$(jq -nc --arg m "rollcall:$INSTALLATION:$LOST:1" '{ Alias: "rc-lost", PackageId: "baas_personal",
	Resources: ["flexdb", "storage", "function"], Tags: [{ Key: "rollcall", Value: $m }] }')"
eventually 45 "an orphan is told" status_says ".health.orphans[0] | test(\"$LOST.*lost-1.*rc-lost\")"
check "with an alarm" grep -q "alarm.*$LOST.*orphan" "$W/rollcalld.log"
plan() { rollcall plan --json | jq -r "$1"; }
equal "$(plan '.frozen[] | select(.kind == "orphan") | .people[0].rated')" irreversible "the plan rates what would follow"
add_user kept-1 "rollcall:$INSTALLATION:$KEPT:1"
eventually 30 "another one is told, too" status_says '.health.audit.orphans == 2'

# --- others' ----------------------------------------------------------------------------------------------------------
add_user hand "made by hand"
add_user theirs "rollcall:live:$LOST:1"
eventually 30 "what has no mark is counted" status_says '.health.audit.unmarked | test("^1 sub-accounts")'
eventually 30 "and what has another's" status_says '.health.audit.other_installations | test("^1 sub-accounts")'
sleep 6
equal "$(destroyed)" 0 "nothing is deleted, also after grace"
equal "$(cloud '.users[] | select(.name == "lost-1") | .keys[0].status')" Active "nor cut"
equal "$(grep -c "alarm.*$LOST.*orphan" "$W/rollcalld.log")" 1 "and it was told once"

# --- approved, rejected -------------------------------------------------------------------------------------------------
hash_of() { plan ".frozen[] | select(.kind == \"orphan\" and (.people[].uuid == \"$1\")) | .hash"; }
if [ "$(hash_of "$LOST")" = "$(hash_of "$KEPT")" ]; then
	note "both came on one list"
	as_root DeleteUser '{ "Name": "kept-1" }'
	eventually 20 "one is gone" status_says '.health.audit.orphans == 1'
else
	rollcall reject "$(hash_of "$KEPT")" >"$W/reject.log"
fi
rollcall approve "$(hash_of "$LOST")" >"$W/approve.log" || die "approve: $(cat "$W/approve.log")"
eventually 60 "approved: the orphan is deleted" gone lost-1
eventually 60 "with its environment" says 0 cloud '[.environments[] | select(.alias == "rc-lost" and .state != "GONE")] | length'
check "and the evidence says who said so" grep -q '"event":"decision".*approved' "$STATE/evidence.jsonl"
check "what is not ours is still there" there hand
check "what is another's, too" there theirs
equal "$(count_calls DeleteUser)" "$(there kept-1 && echo 1 || echo 2)" "and nothing else was deleted"

# --- deleted by hand ------------------------------------------------------------------------------------------------------
ann=$(name_of ann) was=$(uin_of "$(name_of ann)")
as_root DeleteUser "$(jq -nc --arg n "$ann" '{ Name: $n, Force: 1 }')"
made_again() { [ -n "$(uin_of "$ann")" ] && [ "$(uin_of "$ann")" != "$was" ]; }
eventually 60 "deleted by hand: her sub-account is made again" made_again
works() { [ "$(answer_to_key_of ann 2>/dev/null)" = ok ]; }
eventually 60 "with a key that works" works

# --- a leaver who can log in ------------------------------------------------------------------------------------------------
daemon_stop
SET[life.grace]=1000
daemon_ready
disable bea
must 30 "suspension of bea" stage_is bea suspended
sleep 3
bea=$(name_of bea)
as_root UpdateUser "$(jq -nc --arg n "$bea" '{ Name: $n, ConsoleLogin: 1, Password: "Again-9-again" }')"
can_log_in() { cloud '.users[] | select(.name == $n) | .console_login' --arg n "$bea"; }
eventually 30 "a leaver's login, switched on by hand, is off again" says false can_log_in
finish
