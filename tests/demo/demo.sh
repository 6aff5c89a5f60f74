#!/bin/bash
# The main job on real parts: a real slapd, the emulated cloud, rollcalld.  An HR system's LDIF is loaded; people
# get their accounts; one is disabled, one deleted, one renamed, one returns.  Everything runs on 127.0.0.1 in a
# folder under /tmp and is ended by its pid.  `make demo KEEP=1` leaves it running and says how to look around.
#
# Ends with "demo: ok" and status 0, or says what went wrong and ends with status 1.
. "$(dirname "$0")/../e2e/lib.sh"
[ "${KEEP:-}" != 0 ] || KEEP=''

title() { printf '\n== %s\n\n' "$*"; }
say() { printf '   %s\n' "$@"; }
note() { say "$@"; }
die() {
	printf '\ndemo: failed: %s\n' "$*"
	show_logs
	KEEP=''
	exit 1
}
need() { # SECONDS TEXT COMMAND...
	wait_for "$1" "${@:3}" || die "$2 (waited $1 s)"
}
that() { # TEXT COMMAND...: a fact that must hold
	local text=$1 out
	shift
	out=$("$@" 2>&1) || die "$text: does not hold; $out"
	say "ok  $text"
}
money() { printf '%d.%02d' $(($1 / 100)) $(($1 % 100)); }

# --- progress, as a table ------------------------------------------------------------------------------------------
COUNTS='[(.users | length), (.environments | length), (.environments | map(select(.status == "NORMAL")) | length),
	([.users[].policies[] | select(.name | test("barrier") | not)] | length),
	([.users[].keys[] | select(.status == "Active")] | length), ([.users[] | select(.console_login)] | length),
	(.servers | map(select(.state == "RUNNING")) | length), .money_spent] | map(tostring) | join(" ")'
progress_head() {
	printf '   %6s  %8s %8s %10s   %8s %12s %8s %8s %8s %8s  %10s\n' '' joining active suspended accounts environments policies keys \
		consoles servers 'money CNY'
	LAST=
}
progress_line() {
	local status line users envs built policies keys consoles servers spent
	status=$(rollcall status --json 2>/dev/null) || return 0
	read -r users envs built policies keys consoles servers spent < <(cloud "$COUNTS") || return 0
	line=$(printf '%8s %8s %10s   %8s %12s %8s %8s %8s %8s  %10s' "$(jq -r .stages.joining <<<"$status")" \
		"$(jq -r .stages.active <<<"$status")" "$(jq -r .stages.suspended <<<"$status")" \
		"$users" "$built/$envs" "$policies" "$keys" "$consoles" "$servers" "$(money "$spent")")
	[ "$line" = "$LAST" ] || printf '   %5d.%ds %s\n' $((ELAPSED / 1000)) $((ELAPSED % 1000 / 100)) "$line"
	LAST=$line
}
watch_until() { # SECONDS TEXT COMMAND...
	local began limit=$1 text=$2
	shift 2
	began=$(now_ms)
	progress_head
	while :; do
		ELAPSED=$(($(now_ms) - began))
		progress_line
		if "$@" >/dev/null 2>&1; then break; fi
		[ $ELAPSED -lt $((limit * 1000)) ] || { roll; rollcall plan; die "$text (waited $limit s)"; }
		sleep 0.3
	done
	ELAPSED=$(($(now_ms) - began))
	progress_line
}

leave_running() {
	secret_file "$W/stop" <<STOP
#!/bin/sh
# Ends what this demo left running, and removes its folder.
kill ${PID[rollcalld]} ${PID[emulator]} ${PID[slapd]}
sleep 1
rm -rf '$W'
STOP
	chmod 700 "$W/stop"
	trap - EXIT
	title "It goes on running"
	say "Ask the daemon:      $PROGRAMS/rollcall --socket $DESK status" \
		"                     $PROGRAMS/rollcall --socket $DESK show e.rossi" \
		"                     $PROGRAMS/rollcall --socket $DESK plan e.rossi" \
		"Ask the directory:   ldapsearch -x -H $LDAP -D $ADMIN -y $W/admin.secret -b $PEOPLE '(uid=*)'" \
		"Disable somebody:    printf 'dn: uid=wang.xm,$PEOPLE\nchangetype: modify\nreplace: employeeType\nemployeeType: left\n' |" \
		"                     ldapmodify -x -H $LDAP -D $ADMIN -y $W/admin.secret" \
		"Ask the cloud:       curl -s $EMULATOR/_emulator/state | jq ." \
		"                     curl -s $EMULATOR/_emulator/calls | jq .actions" \
		"Logs, settings:      $W/rollcalld.log  $W/rollcall.conf  $STATE/evidence.jsonl" \
		"Stop it:             $W/stop"
}

# --- what the directory says, one line a person -------------------------------------------------------------------
roll() {
	printf '   %-12s %-10s %-11s %-20s %-38s %s\n' login HR stage sub-account environment 'retire after'
	as_admin ldapsearch -LLL -o ldif-wrap=no -S uid -b "$PEOPLE" '(objectClass=inetOrgPerson)' uid employeeType rollcallStage rollcallName \
		rollcallEnvId rollcallRetireAfter 2>/dev/null | awk '
		/^dn:/ { delete v }
		/^[^ :]+: / { i = index($0, ":"); v[substr($0, 1, i - 1)] = substr($0, i + 2) }
		function of(n) { return n in v ? v[n] : "-" }
		/^$/ && "uid" in v { printf "   %-12s %-10s %-11s %-20s %-38s %s\n", of("uid"), of("employeeType"), of("rollcallStage"),
			of("rollcallName"), of("rollcallEnvId"), of("rollcallRetireAfter"); delete v }'
}

# ===================================================================================================================
title "Setting up: certificates, a directory, an emulated cloud"
BUILD_TIME=2 POLICY_CACHE=1 LIMITS=documented
world
certificate ca "/O=Example/CN=Example People CA" "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign"
signed e.rossi ca "/O=Example/CN=Elena Rossi/UID=e.rossi" "keyUsage=critical,keyEncipherment,digitalSignature" \
	"subjectAltName=email:elena.rossi@example.org"
SET[seal.person_ca]="\"$W/ca.pem\""
SET[life.grace]='"30d"' SET[life.undo]='"24h"'
slapd_start
emulator_start
say "folder     $W" "directory  $LDAP   (slapd $(slapd -VV 2>&1 | sed -n 's/.*slapd \([0-9.]*\).*/\1/p'), schema and access rules of etc/)" \
	"cloud      $EMULATOR   (documented rate limits; builds take about $BUILD_TIME s)"
settings_write
say "" "Settings that are shorter here than in real life:"
shortened | while read -r name here usual; do say "$(printf '  %-28s %-8s instead of %s' "$name" "$here" "$usual")"; done

title "1. The personnel system's export is loaded: seven people"
sed "s|@CERTIFICATE@|$(openssl x509 -in "$W/e.rossi.pem" -outform DER | base64 -w 0)|" "$ROOT/tests/demo/people.ldif" >"$W/people.ldif"
as_admin ldapmodify -f "$W/people.ldif" >"$W/tool.log" 2>&1 || die "ldapmodify: $(cat "$W/tool.log")"
roll
say "" "d.okafor has no mail address, wang.xm is called 王小明, e.rossi has a certificate, f.lindqvist has left already."

title "2. rollcalld starts and calls the roll"
say "With --yes: without it a first start on a directory that has people is a plan, until \"rollcall approve\"." ""
STARTED=$(now_ms)
daemon_ready
watch_until 40 "six people are not active" all_in_stage active 6
say "" "$(($(now_ms) - STARTED)) ms from the start of the daemon until all six were served."
say ""
roll
say ""
that "exactly one sub-account, environment, policy, key and server per person; $(money $((6 * PRICE))) CNY = 6 x $(money "$PRICE") CNY" audit_is_clean 6
that "nothing was bought for f.lindqvist, who had left" test -z "$(attribute f.lindqvist rollcallStage)"

title "3. HR changes: m.sato leaves"
credential m.sato | signed_call --until-refused 15 GetCallerIdentity >"$W/refused" &
watcher=$!
old_key=$(attribute m.sato rollcallKeyId)
sleep 1
began=$(now_ms)
disable m.sato
wait "$watcher"
read -r _ _ code when <"$W/refused"
[ "${when:-0}" != 0 ] || die "the key of m.sato still works"
say "employeeType: left -> his API key was refused $((when - began)) ms later ($code)."
need 15 "m.sato is not suspended" stage_is m.sato suspended
need 15 "the server of m.sato does not stop" says STOPPED server_state m.sato
that "his environment is kept until $(attribute m.sato rollcallRetireAfter)" test -n "$(attribute m.sato rollcallEnvId)"

title "4. j.novak's entry is deleted; a.keller marries; m.sato comes back"
uin=$(attribute a.keller rollcallUin) keys=$(active_keys)
ldap_delete j.novak
ldap_modify "dn: uid=a.keller,$PEOPLE" "changetype: modrdn" "newrdn: uid=a.brandt" "deleteoldrdn: 1"
ldap_modify "dn: uid=a.brandt,$PEOPLE" "changetype: modify" "replace: cn" "cn: Anna Brandt" "-" "replace: sn" "sn: Brandt" "-" \
	"replace: displayName" "displayName: Anna Brandt"
enable m.sato
vanished() { [ "$(rollcall show j.novak --json | jq -r '.accounts[-1] | .stage + (.complete | tostring)')" = suspendedtrue ]; }
four_things() { vanished && stage_is m.sato active && stage_is a.brandt active; }
watch_until 30 "the four changes are not done" four_things
say ""
roll
say ""
that "j.novak, who is not in the directory any more, is suspended after a second look" vanished
that "a.brandt keeps the sub-account of a.keller" test "$(attribute a.brandt rollcallUin)" = "$uin"
that "m.sato has the same key as before, and it works" says ok answer_to_key_of m.sato
that "and nothing was bought again" audit_is_clean 6

title "5. What ldapsearch shows of one person"
as_admin ldapsearch -LLL -o ldif-wrap=no -b "$PEOPLE" '(uid=e.rossi)' '*' 2>/dev/null |
	sed -E 's/^(userCertificate[^:]*|rollcallSealed[A-Za-z]*):: (.{32}).*/\1:: \2... (sealed or binary, cut here)/; s/^/   /'

title "6. She opens her credential with her own key"
say "rollcall open e.rossi --key e.rossi.key    (the secret goes down a pipe and is not shown)" ""
rollcall open e.rossi --key "$W/e.rossi.key" | jq '.secret |= "(\(length) characters, not shown)"' | sed 's/^/   /' ||
	die "the credential could not be opened"
say "" "The same by OpenSSL, from the directory, with the company's escrow key:"
credential e.rossi | jq -r '"   kind \(.kind), uin \(.uin), environment \(.env), id \(.id)"' || die "openssl cms could not open it"
that "both open the same secret" test "$(rollcall open e.rossi --key "$W/e.rossi.key" | jq -r .secret | sha256sum)" = \
	"$(credential e.rossi | jq -r .secret | sha256sum)"

title "7. She uses it: calls signed with her key"
use() { rollcall open e.rossi --key "$W/e.rossi.key" | signed_call "$@"; }
say "sts GetCallerIdentity:"
use --json GetCallerIdentity | jq 'del(.RequestId)' | sed 's/^/   /' || die "GetCallerIdentity"
say "tcb DescribeEnvs, her own and no other:"
use --json DescribeEnvs | jq -c '.EnvList[] | {EnvId, Alias, Status, PackageId}' | sed 's/^/   /' || die "DescribeEnvs"
that "she sees her environment only" test "$(use --json DescribeEnvs | jq -r '.EnvList[].EnvId')" = "$(attribute e.rossi rollcallEnvId)"
that "she may not list the company's users" test "$(use ListUsers | sed 's/.* //')" != ok
that "it is her" test "$(use --json GetCallerIdentity | jq -r .UserId)" = "$(attribute e.rossi rollcallUin)"

title "Done"
say "people 7, onboarded 6, money $(money "$(cloud .money_spent)") CNY, calls to the cloud $(calls .calls), $(($(now_ms) - STARTED)) ms since the daemon was started"
if [ -n "${KEEP:-}" ]; then
	leave_running
fi
[ "$FAILED" = 0 ] || die "see above"
echo
echo "demo: ok"
