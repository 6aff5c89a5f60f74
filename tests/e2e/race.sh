#!/bin/bash
# A disable that arrives while the person's own joining is under way leaves no working key: 200 people, each disabled
# at a random moment of his joining.  SEED repeats a run.
. "$(dirname "$0")/lib.sh"
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))} COUNT=${COUNT:-200} BATCH=${BATCH:-20}
RANDOM=$SEED
note "seed $SEED (SEED=$SEED repeats this)"
BUILD_TIME=0.2 POLICY_CACHE=0.1 LIMITS=off
world
SET[life.grace]='"1h"' SET[life.retry_max]=1 SET[life.sweep_again]=2 SET[life.undo]='"1h"'
slapd_start
emulator_start
daemon_ready

# How long joining takes here: the moments are drawn from that.
began=$(now_ms)
ldap_add "$(people $(seq -f 'w%02g' 1 "$BATCH"))"
must 60 "onboarding" all_in_stage active "$BATCH"
span=$(($(now_ms) - began + 200))
note "joining takes up to $span ms for $BATCH people at once"

# Everybody who stays, so that keys of others are not cut by mistake.
number=0
while [ $number -lt "$COUNT" ]; do
	batch=()
	for ((i = 0; i < BATCH; i++)); do
		number=$((number + 1))
		batch+=("$(printf '%06d' $((RANDOM % span))) r$number")
	done
	mapfile -t logins < <(printf '%s\n' "${batch[@]}" | cut -d" " -f2)
	ldap_add "$(people "${logins[@]}")"
	began=$(now_ms)
	while read -r moment login; do
		moment=$((10#$moment))
		late=$(($(now_ms) - began))
		[ $late -ge $moment ] || pause_ms $((moment - late))
		disable "$login"
	done < <(printf '%s\n' "${batch[@]}" | sort)
	# Keys as they are, before anything is tidied up: every one that was stored.
	kept_keys >>"$W/keys.seen"
done
chmod 600 "$W/keys.seen"

nothing_due() { rollcall status --json | jq -e ".lanes.revoke + .lanes.join == 0"; }
left_alone() { cloud '[.users[] | select(.name | startswith("r")) | .keys[] | select(.status == "Active")] | length'; }
eventually 60 "no key of a leaver is active" says 0 left_alone
sleep 3      # longer than the second sweep, and than any call in flight
equal "$(left_alone)" 0 "and none comes back"
cloud . >"$W/state.json"
had_key=$(jq '[.users[] | select(.name | startswith("r")) | .keys[]] | length' "$W/state.json")
had_user=$(jq '[.users[] | select(.name | startswith("r"))] | length' "$W/state.json")
note "$had_user of $COUNT leavers had a sub-account by then, $had_key a key"
check "the moments were spread: some had a key ($had_key), some had none" test "$had_key" -gt 5 -a "$had_key" -lt "$COUNT"
equal "$(jq '[.users[] | select(.name | startswith("r")) | select(.console_login)] | length' "$W/state.json")" 0 "no console of a leaver is open"
equal "$(jq '[.users[] | select(.name | startswith("r")) | select(any(.policies[]; .name | test("barrier")) | not)] | length' "$W/state.json")" 0 \
	"every leaver's sub-account has the barrier"
equal "$(jq '[.users[] | select(.name | startswith("r")) | select(.policies | length > 1)] | length' "$W/state.json")" 0 "and nothing else"
kept_keys >>"$W/keys.seen"
jq -s -c --slurpfile state "$W/state.json" '($state[0].users | map(select(.name | startswith("w")) | .keys[].id)) as $staying
	| unique_by(.id)[] | select(.id as $id | $staying | index($id) | not)' "$W/keys.seen" | secret_file "$W/keys.leavers"
tried=$(wc -l <"$W/keys.leavers")
signed_call GetCallerIdentity <"$W/keys.leavers" >"$W/answers"
equal "$(grep -c ' ok$' "$W/answers")" 0 "signed calls with each of the $tried keys that leavers ever had stored are refused"
check "there were such keys" test "$tried" -gt 5
equal "$(cut -d' ' -f3 "$W/answers" | sort -u | grep -vc '^AuthFailure')" 0 "because the key is refused"
jq -s -c --slurpfile state "$W/state.json" '($state[0].users | map(select(.name | startswith("w")) | .keys[].id)) as $staying
	| unique_by(.id)[] | select(.id as $id | $staying | index($id))' "$W/keys.seen" | signed_call GetCallerIdentity >"$W/answers"
equal "$(grep -c ' ok$' "$W/answers")" "$BATCH" "those who stay keep theirs"
twice=$(jq -r '[(.users | group_by(.remark)), (.environments | group_by(.tags.rollcall)), (.servers | group_by(.tags.rollcall))]
	| map(map(select(length > 1)) | length) | add' "$W/state.json")
equal "$twice" 0 "nothing was bought twice"
check "nobody waits in the queue" nothing_due
finish
