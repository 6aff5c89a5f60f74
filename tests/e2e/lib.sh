# A small world for end-to-end tests: a private slapd, the emulated cloud, rollcalld, all on 127.0.0.1, in one
# folder, ended by their pids.  Sourced by bash:
#
#     . "$(dirname "$0")/lib.sh"
#     world                     # folder, certificates, secrets
#     slapd_start; emulator_start; daemon_start
#     ldap_add "$(person alice)"
#     eventually 20 "alice is active" stage_is alice active
#     finish                    # the plan; the exit status
#
# O says where the programs are; PROGRAMS which build of them ($O/rel, or $O/fp with fail points).
# With KEEP set the folder stays.  Output is TAP.
# shellcheck shell=bash
set -u -o pipefail
export LC_ALL=C.UTF-8 LDAPNOINIT=1
PATH=$PATH:/usr/sbin:/sbin

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
O=$(realpath -m "${O:-$ROOT/build}")
if [ -z "${PROGRAMS:-}" ]; then
	PROGRAMS=$O/rel
	[ -x "$PROGRAMS/rollcalld" ] || PROGRAMS=$O/fp
fi
FAILING_PROGRAMS=$O/fp

SUFFIX=dc=example,dc=org
PEOPLE=ou=people,$SUFFIX
ADMIN=cn=admin,$SUFFIX
ACCOUNT=cn=rollcall,ou=services,$SUFFIX
PACKAGE_PRICE=1990 BUNDLE_PRICE=6500                  # fen, as the emulator charges
PRICE=$((PACKAGE_PRICE + BUNDLE_PRICE))

declare -A PID=() SET=()
W='' EMULATOR='' LDAP=''
trap world_end EXIT
trap 'exit 130' INT TERM HUP

# --- saying ---------------------------------------------------------------------------------------------------
TESTS=0 FAILED=0
note() { printf '# %s\n' "$@"; }
ok() { TESTS=$((TESTS + 1)); echo "ok $TESTS - $1"; }
not_ok() { # TEXT [DETAIL]...
	TESTS=$((TESTS + 1)) FAILED=$((FAILED + 1))
	echo "not ok $TESTS - $1"
	shift
	[ $# = 0 ] || printf '%s\n' "$@" | sed 's/^/#   /'
}
skip() { TESTS=$((TESTS + 1)); echo "ok $TESTS - $1 # SKIP $2"; }
check() { # TEXT COMMAND...
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$text"; else not_ok "$text" "$* failed" "$out"; fi
}
equal() { # GOT WANTED TEXT
	if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "got:    $1" "wanted: $2"; fi
}
at_most() { # NUMBER LIMIT TEXT
	if [ -n "$1" ] && [ "$1" -le "$2" ]; then ok "$3"; else not_ok "$3" "got ${1:-nothing}, at most $2 wanted"; fi
}
die() { # what makes going on pointless
	echo "Bail out! $*"
	FAILED=$((FAILED + 1))
	show_logs
	exit 1
}
show_logs() {
	local log
	for log in rollcalld emulator slapd; do
		[ ! -s "$W/$log.log" ] || { note "the end of $log.log:"; tail -n "${LOG_LINES:-25}" "$W/$log.log" | sed 's/^/#   /'; }
	done
}
finish() {
	local report
	report=$(cat "$W"/*.log 2>/dev/null | grep -aE -A 20 -m 5 'ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:')
	[ -z "$report" ] || not_ok "no sanitizer has anything to say" "$report"
	[ "$FAILED" = 0 ] || show_logs
	echo "1..$TESTS"
	[ "$FAILED" = 0 ]
	exit
}

# --- time -----------------------------------------------------------------------------------------------------
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
pause_ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }
# wait_for SECONDS COMMAND...: true as soon as the command is.
wait_for() {
	local end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep 0.05
	done
}
eventually() { # SECONDS TEXT COMMAND...
	local seconds=$1 text=$2
	shift 2
	if wait_for "$seconds" "$@"; then ok "$text"; else not_ok "$text" "not within $seconds s: $*" "$("$@" 2>&1 | tail -n 5)"; fi
}
says() { # WANTED COMMAND...: for the conditions above
	local wanted=$1 got
	shift
	got=$("$@") && [ "$got" = "$wanted" ] || { echo "$got"; return 1; }
}
must() { # SECONDS TEXT COMMAND...: a condition of all that follows
	wait_for "$1" "${@:3}" || die "$2: not within $1 s: ${*:3}"
}

# --- processes --------------------------------------------------------------------------------------------------
alive() { [ -n "${PID[$1]:-}" ] && kill -0 "${PID[$1]}" 2>/dev/null; }
# end NAME [SIGNAL]: and wait for it; its exit status is in ENDED.
ENDED=0
end() {
	local pid=${PID[$1]:-} limit=200
	[ -n "$pid" ] || return 0
	kill "-${2:-TERM}" "$pid" 2>/dev/null
	[ "${2:-TERM}" = KILL ] || kill -CONT "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null && [ $limit -gt 0 ]; do
		# A child that has ended stays a zombie until it is waited for.
		[ "$(sed 's/^.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)" != Z ] || break
		sleep 0.05
		limit=$((limit - 1))
	done
	[ $limit -gt 0 ] || { note "$1 did not end within 10 s"; kill -KILL "$pid"; }
	wait "$pid"
	ENDED=$?
	unset "PID[$1]"
} 2>/dev/null      # the shell's own remarks about who was killed
hang() { kill -STOP "${PID[$1]}"; }
go_on() { kill -CONT "${PID[$1]}"; }

free_port() {
	local port hex
	while :; do
		port=$((15000 + RANDOM % 17000))
		printf -v hex ':%04X ' "$port"
		grep -qs "$hex" /proc/net/tcp /proc/net/tcp6 || break
	done
	echo "$port"
}

# --- the world --------------------------------------------------------------------------------------------------
secret_file() { (umask 077 && cat >"$1"); }
certificate() { # NAME SUBJECT EXTENSION...: a self-signed one, $W/NAME.pem and $W/NAME.key
	local name=$1 subject=$2 args=()
	shift 2
	for extension; do args+=(-addext "$extension"); done
	(umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "$subject" "${args[@]}" \
		-keyout "$W/$name.key" -out "$W/$name.pem" 2>/dev/null) || die "no certificate $name could be made"
}
signed() { # NAME CA SUBJECT EXTENSION...: one that $W/CA.pem signs
	local name=$1 ca=$2 subject=$3
	shift 3
	printf '%s\n' "$@" >"$W/$name.ext"
	(umask 077 && openssl req -new -newkey rsa:2048 -nodes -subj "$subject" -keyout "$W/$name.key" -out "$W/$name.csr" 2>/dev/null &&
		openssl x509 -req -in "$W/$name.csr" -CA "$W/$ca.pem" -CAkey "$W/$ca.key" -CAcreateserial -days 30 \
			-extfile "$W/$name.ext" -out "$W/$name.pem" 2>/dev/null) || die "no certificate $name could be made"
}
random_text() { # LENGTH
	openssl rand -base64 $(($1 * 2)) | tr -dc 'A-Za-z0-9' | head -c "$1"
}

world() {
	local program
	for program in rollcalld rollcall rollcall-emulator; do
		[ -x "$PROGRAMS/$program" ] || die "$PROGRAMS/$program is not built"
	done
	W=$(mktemp -d "${TMPDIR:-/tmp}/rollcall.XXXXXX") || die "no folder"
	DESK=$W/desk STATE=$W/state OWN_KEY=$W/own.pem
	mkdir "$W/db" "$STATE"
	chmod 700 "$STATE"
	certificate escrow "/O=Example/CN=Escrow" keyUsage=critical,keyEncipherment
	random_text 24 | secret_file "$W/bind.secret"
	random_text 24 | secret_file "$W/admin.secret"
	printf '%s\n' "AKID$(random_text 32)" "$(random_text 32)" | secret_file "$W/cloud.secret"
	settings
}

world_end() {
	local name status=$?
	trap - EXIT
	for name in rollcalld "${!PID[@]}"; do
		end "$name"
	done
	[ -z "${MOUNTED:-}" ] || umount "$MOUNTED" 2>/dev/null
	if [ -n "${KEEP:-}" ]; then [ -z "$W" ] || note "kept: $W"; elif [ -n "$W" ]; then rm -rf "$W"; fi
	exit "$status"
}

# --- slapd ------------------------------------------------------------------------------------------------------
# The configuration is the one of etc/: schema, and access rules in front of the site's own.
slapd_conf() {
	local f
	for f in core cosine nis inetorgperson; do echo "include /etc/ldap/schema/$f.schema"; done
	echo "include $ROOT/etc/schema/rollcall.schema"
	printf '%s\n' "pidfile $W/slapd.pid" "modulepath /usr/lib/ldap" "moduleload back_mdb" "moduleload syncprov" "serverID 1"
	[ ! -e "$W/slapd-tls.pem" ] || printf '%s\n' "TLSCertificateFile $W/slapd-tls.pem" "TLSCertificateKeyFile $W/slapd-tls.key" \
		"TLSCACertificateFile $W/ca.pem"
	printf '%s\n' "database mdb" "suffix $SUFFIX" "rootdn $ADMIN" "rootpw $(cat "$W/admin.secret")" "directory $W/db" \
		"maxsize 268435456" dbnosync "index objectClass,uid,entryUUID,entryCSN eq"
	grep -v '^#' "$ROOT/etc/acl/rollcall-acl.conf"
	printf '%s\n' "" "access to attrs=userPassword by anonymous auth by * none" "access to * by users read by anonymous auth" ""
	printf '%s\n' "overlay syncprov" "syncprov-checkpoint 1 1"
}
slapd_content() {
	printf '%s\n' "dn: $SUFFIX" "objectClass: dcObject" "objectClass: organization" "o: Example" "dc: example" ""
	local unit group
	for unit in people alumni services groups; do
		printf '%s\n' "dn: ou=$unit,$SUFFIX" "objectClass: organizationalUnit" "ou: $unit" ""
	done
	printf '%s\n' "dn: $ACCOUNT" "objectClass: organizationalRole" "objectClass: simpleSecurityObject" "cn: rollcall" \
		"userPassword: $(slappasswd -T "$W/bind.secret")" ""
	for group in rollcall-readers rollcall-key-readers; do
		printf '%s\n' "dn: cn=$group,ou=groups,$SUFFIX" "objectClass: groupOfNames" "cn: $group" "member: $ADMIN" ""
	done
}
slapd_start() { # after the first time: again, with the same content and port
	local try
	if [ ! -e "$W/slapd.conf" ]; then
		slapd_conf | secret_file "$W/slapd.conf"
		slapd_content | slapadd -q -S 1 -w -b "$SUFFIX" -f "$W/slapd.conf" >"$W/slapadd.log" 2>&1 ||
			die "slapadd: $(cat "$W/slapadd.log")"
	fi
	for try in 1 2 3 4 5; do
		[ -n "${SLAPD_PORT:-}" ] || SLAPD_PORT=$(free_port) LDAPS_PORT=$(free_port)
		LDAP=ldap://127.0.0.1:$SLAPD_PORT
		LDAPI=ldapi://${W//\//%2f}%2fldapi
		LDAPS=
		[ ! -e "$W/slapd-tls.pem" ] || LDAPS=ldaps://127.0.0.1:$LDAPS_PORT
		slapd -d 0 -f "$W/slapd.conf" -h "$LDAP/ $LDAPI $LDAPS" >>"$W/slapd.log" 2>&1 </dev/null &
		PID[slapd]=$!
		wait_for 40 slapd_answers && return
		end slapd KILL
		[ "$try" = 5 ] || SLAPD_PORT=
	done
	die "slapd did not start"
}
slapd_answers() { alive slapd || return 0; ldapsearch -x -H "$LDAP" -b '' -s base -LLL 1.1 && alive slapd; }
slapd_stop() { end slapd "$@"; }

as_admin() { # TOOL ARGUMENTS...
	local tool=$1
	shift
	"$tool" -x -H "$LDAP" -D "$ADMIN" -y "$W/admin.secret" "$@"
}
ldap_add() { printf '%s\n\n' "$@" | as_admin ldapadd >"$W/tool.log" 2>&1 || die "ldapadd: $(cat "$W/tool.log")"; }
ldap_modify() { printf '%s\n' "$@" | as_admin ldapmodify >"$W/tool.log" 2>&1 || die "ldapmodify: $(cat "$W/tool.log")"; }
ldap_delete() { as_admin ldapdelete "uid=$1,$PEOPLE" >"$W/tool.log" 2>&1 || die "ldapdelete: $(cat "$W/tool.log")"; }
ldap_rename() { as_admin ldapmodrdn -r "uid=$1,$PEOPLE" "uid=$2" >"$W/tool.log" 2>&1 || die "ldapmodrdn: $(cat "$W/tool.log")"; }

# The LDIF of one person.  person LOGIN [ATTRIBUTE: VALUE]...
person() {
	local login=$1
	shift
	printf '%s\n' "dn: uid=$login,$PEOPLE" "objectClass: inetOrgPerson" "uid: $login" "cn: Person $login" "sn: $login"
	[[ "$*" = *employeeType:* ]] || echo "employeeType: permanent"
	[[ "$*" = *mail:* ]] || echo "mail: $login@example.org"
	[ $# = 0 ] || printf '%s\n' "$@"
	echo
}
people() { local login; for login; do person "$login"; done; }
set_type() { ldap_modify "dn: uid=$1,$PEOPLE" "changetype: modify" "replace: employeeType" "employeeType: $2"; }
disable() { set_type "$1" left; }
enable() { set_type "$1" permanent; }

entry() { as_admin ldapsearch -LLL -o ldif-wrap=no -b "$SUFFIX" "(uid=$1)" '*' entryUUID 2>/dev/null; }
# attribute LOGIN NAME: its value; nothing when there is none.
attribute() {
	entry "$1" | awk -v name="$2" 'BEGIN { name = tolower(name) }
		{ i = index($0, ":"); n = tolower(substr($0, 1, i - 1)) }
		n == name { v = substr($0, i + 1); sub(/^:? */, "", v); print v; exit }'
}
stage_is() { [ "$(attribute "$1" rollcallStage)" = "$2" ]; }
all_in_stage() { # STAGE COUNT
	[ "$(as_admin ldapsearch -LLL -b "$PEOPLE" "(rollcallStage=$1)" 1.1 2>/dev/null | grep -c '^dn:')" = "$2" ]
}

# --- the emulated cloud -------------------------------------------------------------------------------------------
BUILD_TIME=0.3 POLICY_CACHE=0.2 LIMITS=documented
emulator_start() { # [OPTION]...
	[ -n "${EMULATOR_PORT:-}" ] || EMULATOR_PORT=0
	: >"$W/emulator.out"
	"$PROGRAMS/rollcall-emulator" --listen "127.0.0.1:$EMULATOR_PORT" --credential "$W/cloud.secret" --build-time "$BUILD_TIME" \
		--policy-cache "$POLICY_CACHE" --limits "$LIMITS" "$@" >"$W/emulator.out" 2>>"$W/emulator.log" </dev/null &
	PID[emulator]=$!
	wait_for 40 emulator_up || die "the emulator did not start: $(cat "$W/emulator.out" "$W/emulator.log")"
	EMULATOR_PORT=$(sed -n 's/^listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$W/emulator.out")
	[ -n "$EMULATOR_PORT" ] || die "the emulator did not start: $(cat "$W/emulator.out" "$W/emulator.log")"
	EMULATOR=http://127.0.0.1:$EMULATOR_PORT
	[[ " $* " != *" --tls-cert "* ]] || EMULATOR=https://127.0.0.1:$EMULATOR_PORT
}
emulator_up() { grep -q '^listening on' "$W/emulator.out" || ! alive emulator; }
emulator_get() { curl -sS -k --max-time 20 "$EMULATOR/_emulator/$1"; }
emulator_post() { curl -sS -k --max-time 20 -o "$W/tool.log" -w '%{http_code}' --data-binary "$2" "$EMULATOR/_emulator/$1"; }
faults() { [ "$(emulator_post faults "$1")" = 200 ] || die "faults: $(cat "$W/tool.log")"; }
no_faults() { faults '{}'; }
server_state() { cloud '.servers[] | select(.id == $id) | .state' --arg id "$(attribute "$1" rollcallServerId)"; }
active_keys() { cloud '[.users[].keys[] | select(.status == "Active")] | length'; }
# cloud JQ [JQ-OPTION]...: asks the emulator's state.  calls JQ: the log of calls.
cloud() { local filter=$1; shift; emulator_get state | jq -r "$@" "$filter"; }
calls() { local filter=$1; shift; emulator_get calls | jq -r "$@" "$filter"; }
count_calls() { calls "[.actions[\$a] // {} | .OK // 0] | add" --arg a "$1"; }

# What a Rollcall that works has made: per owner mark (entry UUID and generation) exactly one of each.  Prints what
# is wrong; nothing when all is well.  audit COUNT [all|no-servers]
AUDIT='
	def marks(f): map(f | select(. != null and contains("rollcall:"))) | group_by(.) | map({ key: .[0], value: length });
	def dup(what; f): marks(f)[] | select(.value != 1) | "\(.value) \(what) with the mark \(.key)";
	def number(what; n): if n != $people then "\(n) \(what), not \($people)" else empty end;
	(.users | dup("sub-accounts"; .remark)), (.environments | dup("environments"; .tags.rollcall)),
	(.servers | dup("servers"; .tags.rollcall)), (.users[].keys | dup("keys"; .description)),
	number("sub-accounts"; .users | length), number("environments"; .environments | length), number("servers"; .servers | length),
	number("policies of people"; [.policies[] | select(.description | test(":[0-9a-f]{8}-[0-9a-f-]{27}:[0-9]+"))] | length),
	(.users[] | select(.keys | length != 1) | "\(.name) has \(.keys | length) keys"),
	(.users[] | select(.boundary == null) | "\(.name) has no boundary"),
	if .money_spent != $people * $price then "money spent is \(.money_spent), not \($people) x \($price)" else empty end'
audit() { cloud "$AUDIT" --argjson people "$1" --argjson price "$PRICE"; }
audit_is_clean() { local wrong; wrong=$(audit "$1") && [ -z "$wrong" ] || { echo "$wrong"; return 1; }; }

# --- rollcalld ----------------------------------------------------------------------------------------------------
# The settings as path -> value; tests change SET[path] before daemon_start.
INSTALLATION=e2e
TEMPLATES=${TEMPLATES:-$ROOT/policies/templates}
settings() {
	local group
	group=$(id -gn)
	SET=(
		[installation]="\"$INSTALLATION\""
		[directory.base]="\"$PEOPLE\"" [directory.widest]="\"$SUFFIX\"" [directory.still_ours]="\"ou=alumni,$SUFFIX\""
		[directory.bind_dn]="\"$ACCOUNT\"" [directory.secret_file]="\"$W/bind.secret\""
		[directory.entitled]='"(employeeType=*)"' [directory.disabled]='"(employeeType=left)"'
		[directory.heartbeat]=2 [directory.answer]=2
		[cloud.credential_file]="\"$W/cloud.secret\"" [cloud.poll]=0.2 [cloud.settle]=2 [cloud.cam_policy_cache]="$POLICY_CACHE"
		[cloud.agent_script]="\"$ROOT/etc/agent/install-agent.sh\""
		[policy.template]="\"$TEMPLATES/employee.json\"" [policy.boundary]="\"$TEMPLATES/boundary.json\""
		[policy.barrier]="\"$TEMPLATES/deny-all.json\"" [policy.catalogue]="\"$TEMPLATES/actions.txt\""
		[seal.escrow]="\"$W/escrow.pem\"" [seal.key_file]="\"$OWN_KEY\""
		[life.weak_wait]=1 [life.sweep_again]=2 [life.retry_max]=5
		[profiles]='( { name = "standard"; package = "baas_personal"; bundle = "bundle_gen_lin_2c4g"; } )'
		[state_dir]="\"$STATE\"" [socket]="\"$DESK\"" [admin_group]="\"$group\"" [log]="\"${LOG:-info}\""
	)
}
# Those that are shorter (or smaller) than their defaults, for whoever watches: name, here, usually.
shortened() {
	local row name usual
	for row in directory.heartbeat:30s directory.answer:10s cloud.poll:5s cloud.settle:15m cloud.cam_policy_cache:60s \
		life.weak_wait:30s life.sweep_again:120s life.retry_max:15m; do
		name=${row%:*} usual=${row##*:}
		echo "$name ${SET[$name]}s $usual"
	done
}
settings_write() { # [FILE]
	# Where things listen is known only now; a test may have said otherwise.
	[ -n "${SET[directory.uri]:-}" ] || SET[directory.uri]="\"$LDAP\""
	[ -n "${SET[cloud.endpoint.connect]:-}${SET[cloud.endpoint.url]:-}" ] || SET[cloud.endpoint.url]="\"$EMULATOR\""
	secret_file "${1:-$W/rollcall.conf}" < <(settings_group "" "")
}
settings_group() { # PREFIX INDENT
	local path rest name seen=" "
	while read -r path; do
		rest=${path#"$1"}
		name=${rest%%.*}
		if [ "$name" = "$rest" ]; then
			echo "$2$name = ${SET[$path]};"
		elif [[ $seen != *" $name "* ]]; then
			seen+="$name "
			echo "$2$name: {"
			settings_group "$1$name." "$2	"
			echo "$2};"
		fi
	done < <(printf '%s\n' "${!SET[@]}" | awk -v p="$1" 'index($0, p) == 1' | sort)
}
DAEMON_OPTIONS=(--yes)              # the first start asks nobody
daemon_start() { # [VARIABLE=VALUE]...
	settings_write
	env "$@" "${DAEMON:-$PROGRAMS/rollcalld}" -c "$W/rollcall.conf" "${DAEMON_OPTIONS[@]}" >>"$W/rollcalld.log" 2>&1 </dev/null &
	PID[rollcalld]=$!
}
daemon_up() { rollcall status; }
daemon_ready() { daemon_start "$@"; wait_for 60 daemon_up || die "rollcalld did not start"; }
daemon_stop() { end rollcalld "$@"; }
rollcall() { "$PROGRAMS/rollcall" --socket "$DESK" "$@"; }
show() { rollcall show "$1" --json; }

# --- secrets: from pipe to pipe -------------------------------------------------------------------------------------
sealed() { attribute "$1" "${2:-rollcallSealedKey}" | base64 -d; }
# credential LOGIN [KEYFILE]: the opened credential (JSON), for a pipe.
credential() { sealed "$1" | openssl cms -decrypt -inform DER -inkey "${2:-$W/escrow.key}"; }
kept_keys() { "$ROOT/tests/support/kept.py" "$STATE/rollcall.db" "$OWN_KEY"; }
administrator() { jq -Rn '[inputs] | { id: .[0], secret: .[1] }' "$W/cloud.secret"; }     # the root account's key, for a pipe
signed_call() { "$ROOT/tests/support/tc3.py" "$EMULATOR" "$@"; }
# What a signed call with the credential on standard input is answered: "ok" or the error's code.
answer_to() { signed_call "$1" | sed 's/.* //'; }
answer_to_key_of() { credential "$1" | answer_to GetCallerIdentity; }
# COUNT people who match FILTER and have a key are disabled one after the other.  Prints "KEY BEGAN REFUSED" for each
# (leavers.py).  disable_one_by_one FILTER COUNT SECONDS-ALLOWED PAUSE
disable_one_by_one() {
	as_admin ldapsearch -LLL -o ldif-wrap=no -b "$PEOPLE" "(&$1(rollcallKeyId=*))" rollcallKeyId 2>/dev/null |
		awk '/^dn: / { dn = $2 } /^rollcallKeyId: / { print $2, dn }' | head -n "$2" |
		jq -Rn '[inputs / " " | { key: .[0], value: .[1] }] | from_entries' >"$W/leavers.json"
	kept_keys | jq -c --slurpfile dn "$W/leavers.json" 'select($dn[0][.id]) | { dn: $dn[0][.id], id, secret }' |
		"$ROOT/tests/support/leavers.py" "$EMULATOR" "$3" "$4" ldapmodify -x -H "$LDAP" -D "$ADMIN" -y "$W/admin.secret"
}
