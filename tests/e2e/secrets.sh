#!/bin/bash
# After a life with everything in it: no secret stands in a log, an argument list, an environment, the emulator's
# state, the evidence or the directory.
. "$(dirname "$0")/lib.sh"
world
SET[log]='"debug"' SET[life.grace]='"1h"'
slapd_start
emulator_start
faults '{"rules": [{"action": "CreateAccessKey", "kind": "cut_after", "nth": 2}, {"action": "AddUser", "kind": "garbage", "nth": 3},
	{"action": "RunCommand", "kind": "error", "code": "InternalError", "nth": 1}]}'
ldap_add "$(people ada bob cleo)"
daemon_ready
must 60 "onboarding" all_in_stage active 3
disable bob
must 20 "suspension" stage_is bob suspended
rollcall status >"$W/shown" 2>&1
rollcall status --json >>"$W/shown" 2>&1
for login in ada bob cleo; do
	rollcall show "$login" >>"$W/shown" 2>&1
	rollcall show "$login" --json >>"$W/shown" 2>&1
	rollcall plan "$login" >>"$W/shown" 2>&1
done

# What must not be found, one a line, in a file that nobody else reads; the last one is bait that must be found.
bait=$(random_text 32)
{
	for login in ada bob cleo; do
		credential "$login" | jq -r .secret
		sealed "$login" rollcallSealedPassword | openssl cms -decrypt -inform DER -inkey "$W/escrow.key" | jq -r .password
	done
	"$ROOT/tests/support/kept.py" "$STATE/rollcall.db" "$OWN_KEY" 1 | jq -r .secret
	"$ROOT/tests/support/kept.py" "$STATE/rollcall.db" "$OWN_KEY" 2 | jq -r .secret
	tail -n 1 "$W/cloud.secret"
	cat "$W/bind.secret"
	echo
	sed -n '/BEGIN.*PRIVATE KEY/,/END.*PRIVATE KEY/p' "$OWN_KEY" | grep -v -- -----
	echo "$bait"
} | sort -u | grep -v '^$' | secret_file "$W/wanted"
count=$(wc -l <"$W/wanted")
equal "$(grep -c '^null$' "$W/wanted")" 0 "all secrets could be opened"
check "there are secrets to look for ($count)" test "$count" -ge 12
# In every form that a careless program might give them.
while read -r secret; do
	printf '%s\n' "$secret"
	printf '%s' "$secret" | base64 -w 0 | sed 's/=*$//'
	echo
	printf '%s' "$secret" | od -An -tx1 | tr -d ' \n'
	echo
done <"$W/wanted" | sort -u | grep -v '^$' | secret_file "$W/forms"

mkdir "$W/look"
cp "$W"/*.log "$W/emulator.out" "$W/shown" "$STATE"/evidence* "$W/rollcall.conf" "$W/look/"
emulator_get state >"$W/look/state.json"
emulator_get calls >"$W/look/calls.json"
entry '*' >"$W/look/entries.ldif"
for name in rollcalld emulator slapd; do
	tr '\0' '\n' <"/proc/${PID[$name]}/cmdline" >"$W/look/$name.cmdline"
	tr '\0' '\n' <"/proc/${PID[$name]}/environ" >"$W/look/$name.environ"
done
cp "$STATE"/rollcall.db* "$W/look/"
found() { grep -a -l -F -f "$W/forms" "$@" 2>/dev/null | sed 's|.*/||' | sort | tr '\n' ' '; }
equal "$(found "$W"/look/*)" "" "no secret anywhere"
echo "$bait" >"$W/look/bait"
equal "$(found "$W"/look/*)" "bait " "and the search would have found one"
check "the daemon wrote something to look through" test "$(wc -l <"$W/rollcalld.log")" -ge 10

# Nor can it be read from the process or its files.
equal "$(find "$STATE" "$OWN_KEY" -type f -perm /077 | wc -l)" 0 "files of the store, evidence and key: for their owner only"
equal "$(ulimit -c unlimited 2>/dev/null; grep -c 'Max core file size *0 ' "/proc/${PID[rollcalld]}/limits")" 1 "no core dumps"
finish
