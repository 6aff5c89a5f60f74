#!/bin/bash
# A directory that answers, and does not say all: nobody is suspended by it, and who really leaves is (lib_vanish.sh).
. "$(dirname "$0")/lib_vanish.sh"

emptied() { restore < <(slapd_content); }
emptied_bites() { doubt_is "named nobody at all"; }
emptied_ends() { restore_good; }

older() { restore <"$W/older.ldif"; }
older_bites() { says "$THIRD" frozen; }
older_ends() { restore_good; }

unknown() { # what entitles most of them; slapd changes no entry of a class that it does not know, so the leaver has none
	slapd_stop
	grep -v company.schema "$W/slapd.conf.good" | conf
	slapd_start
}
unknown_bites() { doubt_is "unknown to the server's schema"; }
unknown_ends() { conf_good; }

hidden() {
	slapd_stop
	awk -v rule="access to dn.regex=\"^uid=[a-z]+-[123],\" by dn.exact=\"$ADMIN\" write by * none" \
		'/^access to/ && !done { print rule; done = 1 } { print }' "$W/slapd.conf.good" | conf
	slapd_start
}
hidden_bites() { says "$THIRD" frozen; }
hidden_ends() { conf_good; }

renamed() { rename "ou=red,$ROLL" ou=crimson; }
renamed_bites() { show red-1 | jq -r .person.dn | grep -q crimson; }
renamed_ends() { rename "ou=crimson,$ROLL" ou=red; }

elsewhere() {
	rename "ou=red,$ROLL" ou=red "ou=archive,$SUFFIX"
	printf '%s\n' "dn: ou=red,$ROLL" "objectClass: referral" "objectClass: extensibleObject" "ou: red" \
		"ref: ldap://127.0.0.1:9/ou=red,$ROLL" | as_admin ldapadd -M >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"
}
elsewhere_bites() { doubt_is "referral to another server"; }
elsewhere_ends() {
	as_admin ldapdelete -M "ou=red,$ROLL" >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"
	rename "ou=red,ou=archive,$SUFFIX" ou=red "$ROLL"
}

moved() { rename "ou=red,$ROLL" ou=red "ou=archive,$SUFFIX"; }
moved_bites() { says "$THIRD" frozen; }
moved_ends() { rename "ou=red,ou=archive,$SUFFIX" ou=red "$ROLL"; }

vanish emptied later green-1
vanish older now green-2
vanish unknown now green-7
vanish renamed now blue-1
vanish elsewhere now blue-2 gray-4
vanish hidden now blue-5
vanish moved now blue-4 gray-5
vanish_finish
