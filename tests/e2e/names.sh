#!/bin/bash
# Who is who: names that are used again, two entries with one login name, and entries that carry another person's account.
# The UUID of the entry and the mark in the cloud decide; what stands in the entry is a hint for people who look.
. "$(dirname "$0")/lib.sh"
world
SET[life.weak_wait]=1
slapd_start
emulator_start
ldap_add "$(people ann ben)"
daemon_ready
must 90 "onboarding" all_in_stage active 2

shown() { show "$1" | jq -r "$2"; }
ours() { entry "$1" | grep -i '^rollcall' | grep -vi '^rollcall\(Since\|Note\|Proof\)'; }
both() { echo "$(attribute "$1" "$2") $(attribute "$1" "$3")"; }
changes() { calls '.log[] | select(.n > $n) | .action | select(test("^(Describe|List|Get)") | not)' --argjson n "$1"; }

# --- somebody copies an account into another entry -------------------------------------------------------------------
ours ann >"$W/ann.ldif"
mark=$(calls .calls)
{ person mal | sed '/^$/d'; echo "objectClass: rollcallAccount"; cat "$W/ann.ldif"; } >"$W/mal.ldif"
ldap_add "$(cat "$W/mal.ldif")"
# Its stage is ann's, too, until it is written over.
has_own_account() { [ "$(attribute mal rollcallUin)" != "$(attribute ann rollcallUin)" ] && stage_is mal active; }
eventually 60 "an entry that was made with ann's account in it is onboarded" has_own_account
for name in rollcallUin rollcallName rollcallEnvId rollcallServerId rollcallKeyId rollcallSealedKey; do
	check "with a $name of its own" test "$(attribute mal $name)" != "$(attribute ann $name)"
done
eventually 30 "three of everything" audit_is_clean 3
credential ann >"$W/ann.key"
equal "$(answer_to GetCallerIdentity <"$W/ann.key")" ok "ann's key works as before"
mark=$(calls .calls)
disable mal
eventually 20 "disabled: mal is suspended" stage_is mal suspended
sleep 2
uin=$(attribute ann rollcallUin) env=$(attribute ann rollcallEnvId)
equal "$(calls '[.log[] | select(.n > $n) | tostring | select(contains($uin) or contains($env)) | select(test("Describe|List|Get") | not)] | length' \
	--argjson n "$mark" --arg uin "$uin" --arg env "$env")" 0 "and nothing of ann's was touched"
equal "$(answer_to GetCallerIdentity <"$W/ann.key")" ok "her key works still"

# --- somebody edits an entry to point at another account ---------------------------------------------------------------
uin_of_ben=$(attribute ben rollcallUin) env_of_ben=$(attribute ben rollcallEnvId)
mark=$(calls .calls)
ldap_modify "dn: uid=ben,$PEOPLE" "changetype: modify" "replace: rollcallUin" "rollcallUin: $uin" "-" \
	"replace: rollcallEnvId" "rollcallEnvId: $env"
eventually 15 "an edited entry shows its own account again" says "$uin_of_ben $env_of_ben" both ben rollcallUin rollcallEnvId
equal "$(shown ben '.accounts[-1].found.env_id')" "$env_of_ben" "and so does rollcall show"
equal "$(changes "$mark")" "" "nothing was changed in the cloud for it"
equal "$(answer_to_key_of ben)" ok "ben's key works"

# --- two entries with one login name ---------------------------------------------------------------------------------------
uuid_of_ann=$(attribute ann entryUUID)
ldap_add "$(printf '%s\n' "dn: cn=ann the second,$PEOPLE" "objectClass: inetOrgPerson" "cn: ann the second" "uid: ann" "sn: ann" \
	"employeeType: permanent")"
second() { as_admin ldapsearch -LLL -o ldif-wrap=no -b "$PEOPLE" '(cn=ann the second)' "$1" 2>/dev/null | sed -n "s/^$1: //ip"; }
uuid_of_second=$(second entryUUID)
eventually 15 "of two with one name the second one waits" says "waits: the login name \"ann\" belongs to entry $uuid_of_ann, which is active" \
	shown "$uuid_of_second" '.person.note'
equal "$(second rollcallUin)" "" "and gets nothing"
equal "$(shown "$uuid_of_second" '.accounts | length')" 0 "no account is made"
equal "$(rollcall show ann 2>&1 | grep -c 'is ambiguous: more than one person is called so')" 1 "the name alone means nobody"
check "the UUID means the first" rollcall show "$uuid_of_ann"
as_admin ldapdelete "cn=ann the second,$PEOPLE" >"$W/tool.log" 2>&1 || die "$(cat "$W/tool.log")"

# --- deleted, and made again with the same name -------------------------------------------------------------------------------
name_of_ben=$(attribute ben rollcallName)
ldap_delete ben
eventually 20 "ben is deleted: suspended" says suspended shown ben '.accounts[-1].stage'
ldap_add "$(person ben)"
eventually 60 "another ben is onboarded" stage_is ben active
check "under another name" test "$(attribute ben rollcallName)" != "$name_of_ben"
check "in another environment" test "$(attribute ben rollcallEnvId)" != "$env_of_ben"
equal "$(cloud '.environments[] | select(.env_id == $id) | .status' --arg id "$env_of_ben")" NORMAL "the first one's is kept"
equal "$(cloud '.users[] | select(.uin == ($uin | tonumber)) | [.keys[].status] | @csv' --arg uin "$uin_of_ben")" '"Inactive"' \
	"and nobody has a key to it"

# --- renamed --------------------------------------------------------------------------------------------------------------------
uin=$(attribute ann rollcallUin) name=$(attribute ann rollcallName)
mark=$(calls .calls)
ldap_rename ann anna
eventually 15 "renamed: ann is anna" says "$uuid_of_ann" shown anna .person.uuid
sleep 2
equal "$(attribute anna rollcallUin) $(attribute anna rollcallName)" "$uin $name" "and keeps her account and its name"
equal "$(changes "$mark")" "" "for which nothing was changed in the cloud"
finish
