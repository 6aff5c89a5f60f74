#!/bin/bash
# Whoever vanishes is suspended, but only after a wait and a second look; many at once trip the brake; a rename is
# no departure; a login name that comes back on another entry is another person.
. "$(dirname "$0")/lib.sh"
world
SET[life.weak_wait]=1 SET[life.departures_per_hour]=4
slapd_start
emulator_start
crowd=(p1 p2 p3 p4 p5 p6 p7 p8)
ldap_add "$(people gus hal ivy "${crowd[@]}")"
daemon_ready
must 90 "onboarding" all_in_stage active 11

shown() { show "$1" | jq -r "$2"; }
brake_is_on() { rollcall status --json | jq -e ".health.departures_held_by_brake >= 3"; }

# --- a rename ---------------------------------------------------------------------------------------------------
uin=$(attribute gus rollcallUin) uuid=$(attribute gus entryUUID)
creates=$(calls '[.actions | to_entries[] | select(.key | test("^(Create|AddUser)")) | .value[]] | add')
ldap_rename gus gustav
eventually 15 "a renamed person is known by the new name" says "$uuid" shown gustav .person.uuid
equal "$(attribute gustav rollcallStage) $(attribute gustav rollcallUin)" "active $uin" "and keeps the account"
sleep 2
equal "$(active_keys)" 11 "nobody lost access by it"
equal "$(calls '[.actions | to_entries[] | select(.key | test("^(Create|AddUser)")) | .value[]] | add')" "$creates" "and nothing was made"

# --- moved to where people are still ours, and back ------------------------------------------------------------------
as_admin ldapmodrdn -r -s "ou=alumni,$SUFFIX" "uid=hal,$PEOPLE" uid=hal >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"
sleep 3
equal "$(active_keys)" 11 "moved to a place that is still ours: keeps access"
as_admin ldapmodrdn -r -s "$PEOPLE" "uid=hal,ou=alumni,$SUFFIX" uid=hal >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"

# --- one deleted --------------------------------------------------------------------------------------------------
credential ivy >"$W/ivy.old"
began=$(now_ms)
ldap_delete ivy
eventually 15 "one who is deleted loses access" says 10 active_keys
took=$(($(now_ms) - began))
check "but not before the wait of 1 s ($took ms)" test "$took" -ge 1000
check "the key is refused" test "$(answer_to GetCallerIdentity <"$W/ivy.old")" != ok
rm -f "$W/ivy.old"
eventually 10 "and is shown as suspended" says suspended shown ivy '.accounts[-1].stage'
equal "$(cloud '[.environments[].status] | unique | @csv')" '"NORMAL"' "environments are kept"

# --- the same login name, another person ----------------------------------------------------------------------------
old_name=$(shown ivy '.accounts[-1].placement.user_name')
ldap_add "$(person ivy)"
eventually 60 "a new entry with the login name of a leaver is onboarded" stage_is ivy active
check "under a name of its own" test "$(attribute ivy rollcallName)" != "$old_name"
equal "$(audit 12)" "" "twelve of everything by now"

# --- many at once ---------------------------------------------------------------------------------------------------
for login in "${crowd[@]:0:6}"; do ldap_delete "$login"; done
eventually 15 "six deletions trip the brake, and status says so" brake_is_on
sleep 3
keys=$(active_keys)
check "four an hour lose access by absence, no more ($keys keys are active)" test "$keys" -ge 8
grep -q 'departure brake' "$W/rollcalld.log" && ok "an alarm is logged" || not_ok "an alarm is logged"
disable p7
eventually 10 "a person who is disabled meanwhile is cut all the same" says $((keys - 1)) active_keys
finish
