#!/bin/bash
# A third of a directory vanishes, each time by another fault: nobody loses access by it, and one who really leaves in the
# same minute does.  Afterwards all is as before.  (A container that moved away, an empty restore, an access rule, a
# sentinel: brakes.sh.  A server that is dead or frozen: outage.sh.)
. "$(dirname "$0")/lib.sh"
world
SET[directory.refresh]=2 SET[life.weak_wait]=1
SET[profiles]='( { name = "no-server"; package = "baas_personal"; } )'
slapd_start
emulator_start

ROLL=$PEOPLE
at() { local PEOPLE="ou=$1,$ROLL"; "${@:2}"; }          # at TEAM COMMAND...: people of that branch
add_team() {
	ldap_add "$(printf '%s\n' "dn: ou=$1,$ROLL" "objectClass: organizationalUnit" "ou: $1" "")"
	# shellcheck disable=SC2046
	ldap_add "$(at "$1" people $(printf "$1-%d " 1 2 3 4 5 6 7))"
}
ldap_add "$(printf '%s\n' "dn: ou=archive,$SUFFIX" "objectClass: organizationalUnit" "ou: archive" "")"
add_team green
add_team blue
slapcat -f "$W/slapd.conf" -b "$SUFFIX" -l "$W/older.ldif" >"$W/tool.log" 2>&1 || die "slapcat: $(cat "$W/tool.log")"
add_team red
cp -p "$W/slapd.conf" "$W/slapd.conf.good"

stage_of() { show "$1" | jq -r '.accounts[-1].stage'; }
health() { rollcall status --json | jq -r ".health | $1"; }
frozen() { health '.departures_held_by_brake // 0'; }
status_says() { rollcall status | grep -q "$1"; }
said() { tail -n +"$since" "$W/rollcalld.log" | grep -qi "$1"; }        # since the last mark
mark() { since=$(($(wc -l <"$W/rollcalld.log") + 1)); }
refreshed() { [ "$(tail -n +"$since" "$W/rollcalld.log" | grep -c 'refresh complete')" -ge "$1" ]; }
another_refresh() { mark; must 20 "a refresh" refreshed 2; }

SERVING=21
leaves() { # TEXT TEAM LOGIN
	at "$2" disable "$3"
	eventually 20 "$1: who leaves meanwhile is suspended" says suspended stage_of "$3"
	SERVING=$((SERVING - 1))
}
nobody_else() { equal "$(active_keys)" "$SERVING" "${1:-and nobody else}"; }
restore() { # LDIF: into an empty database
	mv "$W/db" "$W/db.good"
	mkdir "$W/db"
	slapadd -q -w -S 1 -b "$SUFFIX" -f "$W/slapd.conf" -l "$1" >"$W/slapadd.log" 2>&1 || die "slapadd: $(cat "$W/slapadd.log")"
}
good_again() {
	slapd_stop
	cat "$W/slapd.conf.good" >"$W/slapd.conf"
	[ ! -e "$W/db.good" ] || { rm -rf "$W/db" && mv "$W/db.good" "$W/db"; }
	slapd_start
	another_refresh
}
rename() { as_admin ldapmodrdn -r "$@" >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"; }

# --- everybody joins ---------------------------------------------------------------------------------------------------
daemon_ready
must 120 "onboarding" all_in_stage active 21
leaves "before any fault" blue blue-1

# --- restored from an older backup -----------------------------------------------------------------------------------------
slapd_stop
restore "$W/older.ldif"
slapd_start
leaves "restored from an older backup" green green-1
eventually 20 "those whom it does not know are frozen" says 7 frozen
another_refresh
another_refresh
equal "$(stage_of blue-1)" suspended "who had left before, and is there again, gets nothing back"
nobody_else
good_again
eventually 15 "the right one is back: the list is gone" says 0 frozen
another_refresh
equal "$(stage_of green-1)" suspended "what is older than his cut gives nothing back"
nobody_else "and nobody noticed"

# --- fail-over to a copy that lags --------------------------------------------------------------------------------------------
FIRST=$LDAP COPY=ldap://127.0.0.1:$(free_port)
mkdir "$W/db2"
sed -e "s|$W/db\$|$W/db2|" -e "s|$W/slapd.pid|$W/slapd2.pid|" "$W/slapd.conf.good" | secret_file "$W/slapd2.conf"
slapadd -q -w -S 1 -b "$SUFFIX" -f "$W/slapd2.conf" -l "$W/older.ldif" >"$W/slapadd.log" 2>&1 || die "slapadd: $(cat "$W/slapadd.log")"
slapd -d 0 -f "$W/slapd2.conf" -h "$COPY" >>"$W/slapd.log" 2>&1 </dev/null &
PID[copy]=$!
trap 'end copy KILL; world_end' EXIT
daemon_stop
SET[directory.uri]="[ \"$FIRST\", \"$COPY\" ]"
daemon_ready
another_refresh
slapd_stop KILL
must 20 "the other server" says 7 frozen
LDAP=$COPY
leaves "fail-over to a copy that lags" green green-2
another_refresh
another_refresh
equal "$(stage_of blue-1) $(stage_of green-1)" "suspended suspended" "who had left before gets nothing back"
nobody_else
LDAP=$FIRST
slapd_start
end copy KILL
another_refresh
eventually 15 "the first server again: nothing is held back" says 0 frozen
nobody_else "and nobody noticed"

# --- a size limit ----------------------------------------------------------------------------------------------------------------
slapd_stop
sed 's/size=unlimited/size=10/' "$W/slapd.conf.good" >"$W/slapd.conf"
mark
slapd_start
leaves "a refresh that ends at the size limit" green green-3
check "the log says so" said 'size.*limit'
equal "$(frozen)" 0 "no list is made of whom it did not name"
nobody_else
good_again

# --- a referral ---------------------------------------------------------------------------------------------------------------------
rename -s "ou=archive,$SUFFIX" "ou=red,$ROLL" "ou=red"
ldap_add "$(printf '%s\n' "dn: ou=red,$ROLL" "objectClass: referral" "objectClass: extensibleObject" "ou: red" \
	"ref: ldap://127.0.0.1:9/ou=red,$ROLL" "")"
another_refresh
leaves "a branch that is on another server" green green-4
eventually 10 "status names the branch" status_says "doubts.*ou=red,$ROLL.*referral"
equal "$(frozen)" 0 "nobody of it is believed absent"
nobody_else
as_admin ldapdelete -M "ou=red,$ROLL" >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"
rename -s "$ROLL" "ou=red,ou=archive,$SUFFIX" "ou=red"
another_refresh

# --- a container that is renamed ---------------------------------------------------------------------------------------------------------
rename "ou=red,$ROLL" "ou=crimson"
leaves "a container that is renamed" green green-5
another_refresh
equal "$(frozen)" 0 "nobody is missed"
nobody_else
rename "ou=crimson,$ROLL" "ou=red"
another_refresh

# --- the base is renamed -------------------------------------------------------------------------------------------------------------------
rename "$ROLL" "ou=staff"
PEOPLE=ou=green,ou=staff,$SUFFIX disable green-6
sleep 4
equal "$(active_keys) $(frozen)" "$SERVING 0" "the base is renamed: nobody is believed absent"
rename "ou=staff,$SUFFIX" "ou=people"
eventually 30 "it is called as before: who left meanwhile is suspended" says suspended stage_of green-6
SERVING=$((SERVING - 1))
nobody_else

# --- an attribute that the schema does not know any more ----------------------------------------------------------------------------------
slapcat -f "$W/slapd.conf" -b "$SUFFIX" 2>/dev/null | sed 's/^employeeType:/employeeKind:/' >"$W/other.ldif"
slapd_stop
sed 's/employeeType/employeeKind/g' /etc/ldap/schema/inetorgperson.schema >"$W/inetorgperson.schema"
sed "s|/etc/ldap/schema/inetorgperson.schema|$W/inetorgperson.schema|" "$W/slapd.conf.good" >"$W/slapd.conf"
restore "$W/other.ldif"
slapd_start
another_refresh
eventually 10 "an attribute is gone from the schema: status names it" status_says "employeeType"
equal "$(frozen)" 0 "nobody is believed to have lost his right"
nobody_else "and nobody loses access"
good_again
leaves "the attribute is known again" blue blue-2
nobody_else

# --- the end ----------------------------------------------------------------------------------------------------------------------------------
equal "$(count_calls CreateEnv) $(cloud '.users | length')" "21 21" "nothing was made twice"
check "the evidence is whole" rollcall evidence verify "$STATE/evidence.jsonl"
finish
