#!/bin/bash
# Bad input is a clear error on one person (or one setting) alone; everybody else goes on.
. "$(dirname "$0")/lib.sh"
world
SET[life.retry_max]=2
slapd_start
emulator_start

active_logins() { as_admin ldapsearch -LLL -b "$PEOPLE" '(rollcallStage=active)' uid | sed -n 's/^uid: //p' | sort | tr '\n' ' '; }
all_active() { local login; for login; do stage_is "$login" active || return 1; done; }
in_trouble() { show "$1" | jq -e '.accounts[-1].trouble'; }
test_note() { show "$1" | jq -e '.person.note'; }

# --- settings: every error at once, with its place ------------------------------------------------------------------
settings_write
check "the settings of these tests are in order" "$PROGRAMS/rollcalld" -c "$W/rollcall.conf" -t
sed -e 's/^\(\s*base = \).*/\1"";/' -e 's/^\(\s*disabled = \).*/\1"(employeeType=left";/' \
	-e '$a workers = 0;\nno_such_setting = 1;' "$W/rollcall.conf" | secret_file "$W/bad.conf"
"$PROGRAMS/rollcalld" -c "$W/bad.conf" -t >"$W/bad.out" 2>&1
equal $? 1 "bad settings are refused"
complained() { # PATH: with file:line
	grep -qE "bad\.conf:[0-9]+: $1: ." "$W/bad.out" && ok "the error in \"$1\" is told with its place" ||
		not_ok "the error in \"$1\" is told with its place" "$(cat "$W/bad.out")"
}
complained directory.base
complained directory.disabled
complained workers
complained no_such_setting
line=$(grep -n '^no_such_setting' "$W/bad.conf" | cut -d: -f1)
grep -q "bad.conf:$line: no_such_setting:" "$W/bad.out" && ok "the line is right" || not_ok "the line is right" "$(cat "$W/bad.out")"
printf 'directory: {\n' | secret_file "$W/bad.conf"
"$PROGRAMS/rollcalld" -c "$W/bad.conf" -t >"$W/bad.out" 2>&1
equal "$?:$(grep -c '^/.*bad.conf:[0-9]*:' "$W/bad.out")" 1:1 "a file that does not parse is told with its line"
cp "$W/rollcall.conf" "$W/bad.conf"
chmod 644 "$W/cloud.secret"
"$PROGRAMS/rollcalld" -c "$W/rollcall.conf" -t >"$W/bad.out" 2>&1
equal "$?" 1 "a credential that others can read is refused"
chmod 600 "$W/cloud.secret"

# --- people -----------------------------------------------------------------------------------------------------
latin=$(printf 'J\xf6rg' | base64)
longest=$(printf 'x%.0s' {1..80})
ldap_add "$(people ada bob)" \
	"$(printf '%s\n' "dn: cn=Nobody,$PEOPLE" "objectClass: inetOrgPerson" "cn: Nobody" "sn: Nobody" "employeeType: permanent" " ")" \
	"$(person 4711)" "$(person latin)" "$(person "$longest")"
# slapd itself checks the syntax of text attributes; one that takes octets does not.
as_admin ldapmodify >"$W/tool.log" 2>&1 <<LDIF
dn: uid=latin,$PEOPLE
changetype: modify
replace: audio
audio:: $latin
LDIF
SET[directory.attributes.display]='"audio"'
daemon_ready
ldap_add "$(person cleo)"
eventually 60 "those whose entry is sound are onboarded" says "ada bob cleo " active_logins
sleep 1
equal "$(cloud '.users | length')" 3 "and nobody else"

note_of() { show "$1" 2>/dev/null | jq -r '[.person.note, (.accounts[] | .trouble)] | map(select(. != null)) | join("; ")'; }
nobody=$(as_admin ldapsearch -LLL -b "$PEOPLE" '(cn=Nobody)' entryUUID | sed -n 's/^entryUUID: //p')
told() { # NAME WORDS TEXT
	local got
	got=$(note_of "$1")
	grep -qi -- "$2" <<<"$got" && ok "$3" || not_ok "$3" "got: $got"
}
told "$nobody" uid "an entry without the login attribute: told so"
told "$(attribute 4711 entryUUID)" 'user name' "a login name of which no CAM name can be made: told so"
told "$(attribute "$longest" entryUUID)" 'uid' "a login name that is too long: told so"
told "$(attribute latin entryUUID)" 'UTF-8' "a value that is not UTF-8: told so"
equal "$(rollcall status --json | jq '[.trouble[] | select(.note)] | length')" 4 "status counts them"

# --- a name that only CAM refuses ---------------------------------------------------------------------------------
faults '{"rules": [{"action": "AddUser", "kind": "error", "code": "InvalidParameter.UserNameIllegal", "nth": [1, 2]}]}'
ldap_add "$(person dora)"
must 15 "dora is tried" in_trouble dora
told dora UserNameIllegal "a user name that CAM refuses: told so"
ldap_add "$(person emil)"
eventually 40 "others go on" stage_is emil active
no_faults

# --- an answer that is not JSON -------------------------------------------------------------------------------------
faults '{"rules": [{"action": "CreateEnv", "kind": "garbage", "nth": 1}, {"action": "DescribeEnvs", "kind": "garbage", "nth": [3, 7]},
	{"action": "CreateAccessKey", "kind": "garbage", "nth": 1}, {"action": "CreateInstances", "kind": "garbage", "nth": 1}]}'
ldap_add "$(people fay gil)"
eventually 60 "answers that are not JSON, also to paying calls: everybody gets there" all_active fay gil
no_faults
cloud . >"$W/state.json"
wanted=$(jq '.users | length' "$W/state.json")
equal "$(jq '[.environments, .servers] | map(length) | @csv' "$W/state.json" -r)" "$wanted,$wanted" "nothing was bought twice"
equal "$(jq '[.users[] | select(.keys | length != 1)] | length' "$W/state.json")" 0 "nobody has two keys"

# --- two entries with one login name ---------------------------------------------------------------------------------
ldap_add "$(printf '%s\n' "dn: cn=Second Ada,$PEOPLE" "objectClass: inetOrgPerson" "uid: ada" "cn: Second Ada" "sn: Ada" \
	"employeeType: permanent" "mail: ada2@example.org" " ")"
second=$(as_admin ldapsearch -LLL -b "$PEOPLE" '(cn=Second Ada)' entryUUID | sed -n 's/^entryUUID: //p')
must 15 "the second entry is seen" test_note "$second"
sleep 1
told "$second" "$(attribute ada entryUUID)" "a login name that another entry has: waits, and says for whom"
equal "$(cloud '.users | length')" "$wanted" "and buys nothing"
finish
