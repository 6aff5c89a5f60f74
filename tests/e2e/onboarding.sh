#!/bin/bash
# Whoever is added to the directory gets one of everything, once; the results stand in his entry.
. "$(dirname "$0")/lib.sh"
world
slapd_start
emulator_start

early=(ada bob cleo dan)
ldap_add "$(people "${early[@]}")"
daemon_ready
ldap_add "$(person eve)" "$(person fay "displayName:: RmFpIMO2IMWBxIVkbmE=")"    # while it listens
everyone=("${early[@]}" eve fay)
n=${#everyone[@]}
must 60 "onboarding" all_in_stage active "$n"
ok "$n people are active, those found by a refresh and those heard of while listening"

equal "$(audit "$n")" "" "one sub-account, environment, policy, server and key each; money spent is people times price"
cloud . >"$W/state.json"
jq_state() { jq -r "$@" "$W/state.json"; }

# What must stand in an entry of somebody who is active.
wanted="rollcallStage rollcallUin rollcallName rollcallGeneration rollcallEnvId rollcallRegion rollcallServerId
	rollcallServerAddress rollcallPolicyId rollcallKeyId rollcallKeyCreated rollcallSealedKey rollcallSealedPassword
	rollcallProfile rollcallPackage rollcallBundle rollcallRootAccount rollcallSince rollcallProofResult"
lacking=
for login in "${everyone[@]}"; do
	for name in $wanted; do
		[ -n "$(attribute "$login" "$name")" ] || lacking+="$login: $name; "
	done
done
equal "$lacking" "" "entries are complete"

wrong=
for login in "${everyone[@]}"; do
	uuid=$(attribute "$login" entryUUID)
	mark=rollcall:$INSTALLATION:$uuid:1
	of_user=".users[] | select(.uin == ($(attribute "$login" rollcallUin)))"
	[ "$(jq_state "$of_user | .name")" = "$(attribute "$login" rollcallName)" ] || wrong+="$login: name of the sub-account; "
	[[ $(jq_state "$of_user | .remark") = *"$mark"* ]] || wrong+="$login: mark of the sub-account; "
	[ "$(jq_state "$of_user | .keys[0] | .id + .status")" = "$(attribute "$login" rollcallKeyId)Active" ] || wrong+="$login: key; "
	[ "$(jq_state "$of_user | .console_login")" = true ] || wrong+="$login: console; "
	[ "$(jq_state "$of_user | .policies | map(.id) | @csv")" = "$(attribute "$login" rollcallPolicyId)" ] ||
		wrong+="$login: attached policies; "
	[ "$(jq_state ".environments[] | select(.tags.rollcall == \"$mark\") | .env_id")" = "$(attribute "$login" rollcallEnvId)" ] ||
		wrong+="$login: environment; "
	[ "$(jq_state ".servers[] | select(.tags.rollcall == \"$mark\") | .id")" = "$(attribute "$login" rollcallServerId)" ] ||
		wrong+="$login: server; "
done
equal "$wrong" "" "entries say what is in the cloud, and it carries the owner's mark"
equal "$(jq_state '[.environments[] | .auto_renew, (.log_topic != null), .status] | unique | @csv')" 'true,"NORMAL"' \
	"environments are built, renew themselves and have a log topic"
equal "$(jq_state '[.servers[] | .state, .renew_flag] | unique | @csv')" '"NOTIFY_AND_AUTO_RENEW","RUNNING"' \
	"servers run and renew themselves"
equal "$(jq_state '[.servers[] | .agent_runs | map(.status) | unique | @csv] | unique | .[]')" '"SUCCESS"' \
	"the assistant's script ran on every server"
equal "$(jq_state '[.servers[].agent_runs[].parameters | to_entries[] | select(.value | tostring | test("^[A-Za-z0-9]{32}$")) | .key] | @csv')" \
	"" "no parameter of it shows a secret"

# The keys.
for login in ada fay; do
	equal "$(credential "$login" | answer_to GetCallerIdentity)" ok "the key of $login works"
	equal "$(credential "$login" | signed_call --json GetCallerIdentity | jq -r .UserId)" "$(attribute "$login" rollcallUin)" \
		"... and is his own"
	equal "$(credential "$login" | signed_call --json DescribeEnvs | jq -r '.EnvList[].EnvId')" "$(attribute "$login" rollcallEnvId)" \
		"... and shows him his environment and no other"
	equal "$(credential "$login" | signed_call ListUsers | sed 's/.*AuthFailure.Unauth/Unauth/' | sort -u)" \
		UnauthorizedOperation "... and may not administer accounts"
done
check "the key opens the console password too" test -n "$(sealed ada rollcallSealedPassword |
	openssl cms -decrypt -inform DER -inkey "$W/escrow.key" | jq -r 'select(.kind == "console-password") | .password | length')"

# Nothing more happens: neither by itself, nor after a restart.
changing='[.actions | to_entries[] | select(.key | test("^(Describe|List|Get)") | not) | .value[]] | add'
before=$(calls "$changing") stamps=$(as_admin ldapsearch -LLL -b "$PEOPLE" '(uid=*)' entryCSN | sort)
sleep 2
equal "$(calls "$changing")" "$before" "nothing is changed while nothing happens"
ldap_modify "dn: uid=bob,$PEOPLE" "changetype: modify" "replace: telephoneNumber" "telephoneNumber: +86 21 0000"
ldap_modify "dn: uid=bob,$PEOPLE" "changetype: modify" "delete: telephoneNumber"
daemon_stop
equal "$ENDED" 0 "it ends in order"
stamps=$(as_admin ldapsearch -LLL -b "$PEOPLE" '(uid=*)' entryCSN | sort)
daemon_ready
wait_for 10 grep -q 'refresh complete' <(tail -n 5 "$W/rollcalld.log")
sleep 2
equal "$(calls "$changing")" "$before" "a restart changes nothing"
equal "$(as_admin ldapsearch -LLL -b "$PEOPLE" '(uid=*)' entryCSN | sort)" "$stamps" "and writes nothing"

# A store that was lost: everything is found again by its mark, nothing is bought; secrets went with it, so keys are new.
old_key=$(attribute ada rollcallKeyId)
daemon_stop
rm -f "$STATE"/rollcall.db*
daemon_ready
key_is_new() { [ "$(attribute ada rollcallKeyId)" != "$old_key" ] && stage_is ada active; }
eventually 30 "after the loss of the store: a new key" key_is_new
must 60 "the others" all_in_stage active "$n"
sleep 1
equal "$(credential ada | answer_to GetCallerIdentity)" ok "which works"
equal "$(audit "$n")" "" "and still one of everything, paid once"
finish
