# A third of a directory, or all of it, vanishes by a fault of its source: nobody is suspended by it, and one real leaver of
# the same minute is.  All faults of a suite meet the same 40 people, and all are there when it is over.  Sourced by bash:
#
#     . "$(dirname "$0")/lib_vanish.sh"
#     FAULT() { ...; }; FAULT_bites() { ...; }; FAULT_ends() { ...; }     # begins; the daemon has seen it; ends
#     vanish FAULT WHEN LEAVER [DELETED]
#     vanish_finish
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
world
SET[directory.refresh]=2 SET[directory.entitled]='"(|(companyStatus=active)(employeeType=guest))"'
SET[profiles]='( { name = "no-server"; package = "baas_personal"; price_yuan = 19.9; } )'
LIMITS=off
WAITS=4                              # s: a refresh (2), the wait of weak signs (1), and the next look (1)
RELAY=$(free_port) REPLICA=$(free_port)
SET[directory.uri]="[ \"ldap://127.0.0.1:$RELAY\", \"ldap://127.0.0.1:$REPLICA\" ]"

# A company's own attribute, in a schema file of its own.
{
	slapd_conf | sed '/^pidfile/i include '"$W"'/company.schema'
} | secret_file "$W/slapd.conf"
cat >"$W/company.schema" <<-'END'
	attributetype ( 2.999.1 NAME 'companyStatus' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
	objectclass ( 2.999.2 NAME 'companyPerson' SUP top AUXILIARY MAY companyStatus )
END
slapd_content | slapadd -q -S 1 -w -b "$SUFFIX" -f "$W/slapd.conf" >"$W/slapadd.log" 2>&1 || die "slapadd: $(cat "$W/slapadd.log")"
slapd_start
emulator_start

# --- forty people in four branches ---------------------------------------------------------------------------------------
ROLL=$PEOPLE
at() { local PEOPLE="ou=${1%%-*},$ROLL"; "${@:2}"; }    # at LOGIN COMMAND...: in the branch that the login begins with
unit() { ldap_add "$(printf '%s\n' "dn: ou=$1" "objectClass: organizationalUnit" "ou: ${1%%,*}" "")"; }
guest() { at "$1" person "$1" "employeeType: guest"; }
hire() { local login; ldap_add "$(for login; do at "$login" person "$login" "objectClass: companyPerson" "companyStatus: active"; done)"; }
numbered() { local i; for i in $(seq "$2" "$3"); do echo "$1-$i"; done; }
unit "archive,$SUFFIX"
for team in red green blue gray; do unit "$team,$ROLL"; done
# shellcheck disable=SC2046
hire $(numbered red 1 9) $(numbered green 1 6) $(numbered blue 1 7) $(numbered gray 1 5)
ldap_add "$(guest green-7)"
slapcat -f "$W/slapd.conf" -b "$SUFFIX" >"$W/older.ldif" 2>/dev/null || die "slapcat"
# shellcheck disable=SC2046
hire $(numbered red 10 12) $(numbered green 8 10) $(numbered blue 8 10) $(numbered gray 6 8)
ALL=40 THIRD=12
cp -p "$W/slapd.conf" "$W/slapd.conf.good"

relay_start() { "$ROOT/tests/support/relay.py" "$RELAY" "$SLAPD_PORT" >>"$W/slapd.log" 2>&1 & PID[relay]=$!; }
relay_start
daemon_ready
must 150 "onboarding" all_in_stage active "$ALL"

status() { rollcall status --json | jq -r "$1"; }
frozen() { status '.health.departures_held_by_brake // 0'; }
doubt_is() { status '.health.doubt // empty, (.health.doubts // [])[]' | grep -q "$1"; }
logged() { tail -c "+$LOGGED" "$W/rollcalld.log" | grep -q "$1"; }     # since the fault began
stage_of() { show "$1" | jq -r '.accounts[-1].stage'; }
suspended() { status '.stages.suspended // 0'; }
GONE=0
calm() { says "null 0 $GONE $ALL" status '"\(.health.doubt) \(.health.departures_held_by_brake // 0) \(.stages.suspended) \(.stages.active)"'; }
refused() { [ "$(answer_to GetCallerIdentity <"$W/leaver.key")" != ok ]; }
conf() { cat >"$W/slapd.conf"; }                  # its mode stays
conf_good() { slapd_stop; conf <"$W/slapd.conf.good"; slapd_start; }
restore() { # LDIF: this instead of what is there
	slapd_stop
	mv "$W/db" "$W/db.good"
	mkdir "$W/db"
	slapadd -q -S 1 -w -b "$SUFFIX" -f "$W/slapd.conf" >"$W/slapadd.log" 2>&1 || die "slapadd: $(cat "$W/slapadd.log")"
	slapd_start
}
restore_good() { slapd_stop; rm -rf "$W/db"; mv "$W/db.good" "$W/db"; slapd_start; }
rename() { as_admin ldapmodrdn -r ${3:+-s "$3"} "$1" "$2" >"$W/tool.log" 2>&1 || die "ldapmodrdn: $(cat "$W/tool.log")"; }

# --- one fault after another ------------------------------------------------------------------------------------------------
LEAVERS=()
leave() { # who is disabled, and who is deleted
	at "$1" disable "$1"
	[ -z "${2:-}" ] || at "$2" ldap_delete "$2"
}
# vanish FAULT WHEN LEAVER [DELETED]: `now`, the directory tells of the leaver while the fault lasts; `unheard`, it knows but
# tells when the fault has ended; `later`, he leaves then.  DELETED leaves at the same time.
vanish() {
	local fault=$1 when=$2 leaver=$3 deleted=${4:-} began type fewer=0
	LEAVERS+=("$leaver" ${deleted:+"$deleted"})
	type=$(attribute "$leaver" employeeType)
	credential "$leaver" >"$W/leaver.key"
	began=$(now_ms) LOGGED=$(wc -c <"$W/rollcalld.log")
	"$fault"
	[[ $when != now && $when != unheard ]] || leave "$leaver" "$deleted"
	eventually 30 "$fault: the daemon has seen it" "${fault}_bites"
	if [ "$when" = now ]; then
		eventually 15 "$fault: the key of the one who leaves is refused" refused
		[ -z "$deleted" ] || eventually 15 "$fault: the one who is deleted is suspended" says suspended stage_of "$deleted"
		fewer=1
		[ -z "$deleted" ] || fewer=2
	fi
	sleep $WAITS
	equal "$(suspended) $(active_keys)" "$((GONE + fewer)) $((ALL - fewer))" "$fault: nobody else loses anything"
	"${fault}_ends"
	[ "$when" != later ] || leave "$leaver" "$deleted"
	if [ $fewer = 0 ]; then
		eventually 30 "$fault: it is over, and the key of the one who leaves is refused" refused
		[ -z "$deleted" ] || eventually 15 "$fault: the one who was deleted is suspended" says suspended stage_of "$deleted"
	fi
	at_most $(($(now_ms) - began)) 60000 "$fault: all that took $(($(now_ms) - began)) ms"
	[ -z "$deleted" ] || ALL=$((ALL - 1)) GONE=$((GONE + 1))
	at "$leaver" set_type "$leaver" "$type"
	eventually 40 "$fault: all others have what they had" calm
}

# Whoever was suspended, for however short a time, stands in the evidence.
vanish_finish() {
	equal "$(jq -r 'select(.what == "active -> suspended") | .login' "$STATE/evidence.jsonl" | sort -u)" \
		"$(printf '%s\n' "${LEAVERS[@]}" | sort -u)" "nobody was suspended, for however short a time, but those who left"
	finish
}
