#!/bin/bash
# A directory that does not answer, or not to the end, or another in its place: nobody is suspended by it, and who really
# leaves is (lib_vanish.sh).
. "$(dirname "$0")/lib_vanish.sh"

killed() { slapd_stop KILL; }
killed_bites() { says "not connected" status .health.directory; }
killed_ends() { slapd_start; }

silent() { hang slapd; }
silent_bites() { killed_bites; }
silent_ends() { go_on slapd; }

cut_off() { hang relay; }
cut_off_bites() { killed_bites; }
cut_off_ends() { go_on relay; }

limited() {
	slapd_stop
	sed 's/^\(limits .*\)size=unlimited/\1size=28/' "$W/slapd.conf.good" | conf
	slapd_start
}
limited_bites() { logged "size limit"; }
limited_ends() { conf_good; }

base_renamed() { rename "$PEOPLE" ou=staff; ROLL=ou=staff,$SUFFIX; }
base_renamed_bites() { doubt_is "base.*is not readable" || logged "[Nn]o such object"; }
base_renamed_ends() { rename "ou=staff,$SUFFIX" ou=people; ROLL=$PEOPLE; }

lagging() { # the second server has not heard of a third yet
	mkdir "$W/db2"
	sed "s|$W/db\$|$W/db2|; s|$W/slapd.pid|$W/replica.pid|" "$W/slapd.conf.good" | secret_file "$W/replica.conf"
	slapadd -q -S 1 -w -b "$SUFFIX" -f "$W/replica.conf" <"$W/older.ldif" >"$W/slapadd.log" 2>&1 || die "$(cat "$W/slapadd.log")"
	slapd -d 0 -f "$W/replica.conf" -h "ldap://127.0.0.1:$REPLICA/" >>"$W/slapd.log" 2>&1 </dev/null &
	PID[replica]=$!
	slapd_stop KILL
	LDAP=ldap://127.0.0.1:$REPLICA
	must 10 "the second server" slapd_answers_at
}
slapd_answers_at() { ldapsearch -x -H "$LDAP" -b '' -s base -LLL 1.1; }
lagging_bites() { says "$THIRD" frozen; }
lagging_ends() { slapd_start; end replica; }

vanish killed later green-1
vanish silent later green-2
vanish lagging now green-3
vanish limited now red-4
vanish base_renamed unheard blue-1
vanish cut_off unheard blue-2 gray-4
vanish_finish
