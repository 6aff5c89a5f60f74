#!/bin/bash
# Faults of a directory that look like people leaving: a container that moved away, a directory restored empty, an access
# rule that hides a third, a sentinel that is gone.  None of them takes anybody's access, and whoever really leaves in the
# same minute loses his.  Before that: a first start is a plan.  After it: what an administrator says of a list is done.
. "$(dirname "$0")/lib.sh"
world
# The limits are the usual ones; a refresh comes often.
SET[directory.refresh]=2 SET[directory.protected]='"(departmentNumber=board)"' SET[life.weak_wait]=1
SET[profiles]='( { name = "no-server"; package = "baas_personal"; price_yuan = 19.9; } )' PRICE=$PACKAGE_PRICE
DAEMON_OPTIONS=()
slapd_start
emulator_start

ROLL=$PEOPLE
at() { local PEOPLE="ou=$1,$ROLL"; "${@:2}"; }          # at TEAM COMMAND...: people of that branch
team() { printf '%s\n' "dn: ou=$1,$ROLL" "objectClass: organizationalUnit" "ou: $1" ""; }
members() { local i; for i in 1 2 3 4 5 6 7 8 9; do echo "$1-$i"; done; }
for name in red green blue; do
	ldap_add "$(team $name)"
	# shellcheck disable=SC2046
	ldap_add "$(at $name people $(members $name))"
done
ldap_add "$(person chair "departmentNumber: board")"
ALL=28

shown() { show "$1" | jq -r "$2"; }
stage_of() { shown "$1" '.accounts[-1].stage'; }
status_says() { rollcall status | grep -q "$1"; }
health() { rollcall status --json | jq -r ".health | $1"; }
# decide approve|reject KIND: every list of that kind that waits
decide() {
	local hash
	for hash in $(rollcall plan --json | jq -r ".frozen[] | select(.kind == \"$2\" and .state == \"waits\") | .hash"); do
		rollcall "$1" "$hash" >"$W/tool.log" 2>&1 || die "$1: $(cat "$W/tool.log")"
	done
}
refreshes() { grep -c 'refresh complete' "$W/rollcalld.log"; }
another_refresh() { # from now on: one that began after this
	local seen
	seen=$(refreshes)
	must 20 "a refresh" test_refreshes $((seen + 2))
}
test_refreshes() { [ "$(refreshes)" -ge "$1" ]; }

# --- the first start ---------------------------------------------------------------------------------------------------
daemon_ready
eventually 20 "a first start: everybody waits" says $ALL health .joins_held_by_brake
another_refresh
equal "$(cloud '[.users, .environments] | map(length) | add')" 0 "and nothing was made"
equal "$(count_calls CreateEnv) $(cloud .money_spent)" "0 0" "nor paid"
equal "$(health .first_start)" "its people wait for an approval" "status says so"
equal "$(shown red-1 .person.note)" "waits: first start; see rollcall plan" "and everybody's line"
daemon_stop KILL
daemon_ready
another_refresh
equal "$(cloud '.users | length')" 0 "killed and started again: still a plan"
decide approve join
must 120 "onboarding" all_in_stage active $ALL
equal "$(audit $ALL | grep -v servers)" "" "approved: everybody is onboarded, once"
equal "$(health '.joins_held_by_brake // 0')" 0 "and nobody waits"
ldap_add "$(at red person red-late)"
eventually 30 "whoever comes later is no first start" stage_is red-late active
ALL=29

# --- a container that moved away ----------------------------------------------------------------------------------------
move() { as_admin ldapmodrdn -r -s "$3" "ou=$1,$2" "ou=$1" >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"; }
ldap_add "$(printf '%s\n' "dn: ou=archive,$SUFFIX" "objectClass: organizationalUnit" "ou: archive" "")"
move red "$ROLL" "ou=archive,$SUFFIX"
at green disable green-1
at blue ldap_delete blue-1
eventually 15 "a container moved away: who is disabled meanwhile is suspended" stage_is green-1 suspended
eventually 15 "and who is deleted in a third branch" says suspended stage_of blue-1
frozen() { health '.departures_held_by_brake // 0'; }
eventually 15 "the branch is frozen" says 10 frozen
check "status names it" status_says "ou=red,$ROLL: 10 departures wait for an approval"
equal "$(grep -c 'alarm confirm.*departure brake' "$W/rollcalld.log")" 1 "one alarm"
another_refresh
equal "$(active_keys)" $((ALL - 2)) "nobody else lost access"
move red "ou=archive,$SUFFIX" "$ROLL"
eventually 15 "moved back: the list is gone" says 0 frozen
equal "$(active_keys) $(stage_of red-1)" "$((ALL - 2)) active" "and nobody noticed"

# --- a directory that is restored empty -----------------------------------------------------------------------------------
slapd_stop
mv "$W/db" "$W/db.good"
mkdir "$W/db"
slapd_content | slapadd -q -S 1 -w -b "$SUFFIX" -f "$W/slapd.conf" >"$W/slapadd.log" 2>&1 || die "slapadd: $(cat "$W/slapadd.log")"
slapd_start
eventually 20 "restored empty: status doubts it" says "the directory named nobody at all" health .doubt
sleep 3
equal "$(active_keys) $(frozen)" "$((ALL - 2)) 0" "nobody loses access by it"
slapd_stop
mv "$W/db" "$W/db.empty"
mv "$W/db.good" "$W/db"
slapd_start
eventually 20 "the right one is back: no doubt is left" says null health .doubt

# --- an access rule that hides a third --------------------------------------------------------------------------------------
cp -p "$W/slapd.conf" "$W/slapd.conf.good"
hide() { # REGEX
	awk -v rule="access to dn.regex=\"$1\" by dn.exact=\"$ADMIN\" write by * none" '/^access to/ && !done { print rule; done = 1 } { print }' \
		"$W/slapd.conf.good" >"$W/slapd.conf.new" && cat "$W/slapd.conf.new" >"$W/slapd.conf"
}
slapd_stop
hide "^uid=[a-z]+-[369],"
slapd_start
at green disable green-2
eventually 15 "a rule hides a third: who is disabled meanwhile is suspended" stage_is green-2 suspended
eventually 20 "those whom it hides are frozen" says 9 frozen
another_refresh
equal "$(active_keys)" $((ALL - 3)) "and keep their keys"
slapd_stop
cat "$W/slapd.conf.good" >"$W/slapd.conf"
slapd_start
eventually 20 "the rule is gone: the list, too" says 0 frozen
equal "$(active_keys)" $((ALL - 3)) "and nobody noticed"

# --- what an administrator says -----------------------------------------------------------------------------------------------
for i in 2 3 4 5 6 7; do at blue ldap_delete "blue-$i"; done
eventually 15 "six who are deleted trip the brake" says 6 frozen
decide reject departure
another_refresh
equal "$(active_keys) $(frozen)" "$((ALL - 3)) 0" "rejected: they keep their access, and nothing waits any more"
for i in 1 2 3 4 7 8; do at red ldap_delete "red-$i"; done
eventually 15 "six of another branch" says 6 frozen
decide approve departure
eventually 20 "approved: they lose it" says $((ALL - 9)) active_keys
eventually 10 "one of them is suspended" says suspended stage_of red-2
equal "$(stage_of blue-2)" active "who was rejected is not"

# --- protected ------------------------------------------------------------------------------------------------------------------
ldap_delete chair
noted() { shown "$1" '.person.note // ""' | grep -q "$2"; }
eventually 15 "a protected one who is deleted keeps access" noted chair "protected: keeps access"
equal "$(stage_of chair)" active "and stays active"

# --- a sentinel -------------------------------------------------------------------------------------------------------------------
ldap_add "$(printf '%s\n' "dn: cn=sentinel,ou=green,$ROLL" "objectClass: organizationalRole" "cn: sentinel" "")"
daemon_stop
# Those who were rejected a moment ago would hold back whoever follows.
SET[life.departures_per_hour]=20
SET[directory.sentinels]="\"cn=sentinel,ou=green,$ROLL\""
daemon_ready
must 15 "a refresh" says null health .doubts
as_admin ldapdelete "cn=sentinel,ou=green,$ROLL" >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"
at green ldap_delete green-5
at red ldap_delete red-5
eventually 15 "a sentinel is missing: elsewhere who is deleted loses access" says suspended stage_of red-5
eventually 10 "status says where nobody is believed" status_says "doubts.*ou=green,$ROLL.*sentinel"
another_refresh
equal "$(stage_of green-5)" active "near it nobody does"
ldap_add "$(printf '%s\n' "dn: cn=sentinel,ou=green,$ROLL" "objectClass: organizationalRole" "cn: sentinel" "")"
eventually 20 "it is back: now he does" says suspended stage_of green-5

# What follows counts keys: his last one is off before the daemon ends.
key=$(shown green-5 '.accounts[-1].found.key_id')
must 20 "his key is off" says Inactive cloud '.users[].keys[] | select(.id == $k) | .status' --arg k "$key"

# --- a filter that was edited -------------------------------------------------------------------------------------------------------
daemon_stop
unset 'SET[life.departures_per_hour]'
keys=$(active_keys)
SET[directory.disabled]='"(|(employeeType=left)(employeeType=permanent))"'
daemon_ready
another_refresh
sleep 2
equal "$(active_keys)" "$keys" "a filter by which everybody is disabled cuts nobody"
at red disable red-6
eventually 15 "who is disabled by a value that says so is cut" says suspended stage_of red-6
finish
