#!/bin/bash
# kill -9 at any moment of onboarding and offboarding, then a new start: the same end as without.
# At named points (before and after every call that pays or shows a secret, and around every write of the store that
# must not be lost) by the build with fail points; and at random moments.  SEED repeats a run; POINTS and KILLS set
# how many.
. "$(dirname "$0")/lib.sh"
[ -x "$FAILING_PROGRAMS/rollcalld" ] || { echo "1..0 # SKIP no build with fail points"; exit 0; }
DAEMON=$FAILING_PROGRAMS/rollcalld
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))} KILLS=${KILLS:-30}
RANDOM=$SEED
note "seed $SEED (SEED=$SEED repeats this)"
BUILD_TIME=0.15 POLICY_CACHE=0.1 LIMITS=x10 LOG_LINES=60
world
SET[life.grace]='"1h"' SET[life.retry_max]=1 SET[life.joins_per_hour]=0
slapd_start
emulator_start

number=0 joined=0 left=0
declare -a staying=() going=()
died() { ! alive rollcalld || [ "$(sed "s/^.*) //; s/ .*//" "/proc/${PID[rollcalld]}/stat")" = Z ]; }
next_person() { number=$((number + 1)); login=k$number; }
settled() { all_in_stage active $((joined - left)) && all_in_stage suspended "$left" && [ "$(active_keys)" = $((joined - left)) ]; }
# One round: somebody joins, and whoever joined two rounds ago leaves.
move() {
	next_person
	ldap_add "$(person "$login")"
	joined=$((joined + 1))
	staying+=("$login")
	if [ ${#staying[@]} -gt 2 ]; then
		disable "${staying[0]}"
		staying=("${staying[@]:1}")
		left=$((left + 1))
	fi
}
judge() { # TEXT: the end is as it must be
	local wrong
	if ! wait_for 30 settled; then
		not_ok "$1" "$(as_admin ldapsearch -LLL -b "$PEOPLE" '(uid=*)' rollcallStage rollcallNote 2>&1 | grep -v '^$' | tail -n 20)" \
			"active keys: $(active_keys), joined $joined, left $left"
		die "the world is not as it should be"
	fi
	wrong=$(audit "$joined")
	[ -z "$wrong" ] && ok "$1" || { not_ok "$1" "$wrong"; die "the world is not as it should be"; }
}

daemon_ready
for i in 1 2 3; do
	move
	judge "before anything is killed ($i)"
done
daemon_stop

# --- named points -----------------------------------------------------------------------------------------------
points=()
for call in AddUser CreateEnv CreatePolicy CreateAccessKey CreateInstances; do points+=("call.$call.before:1" "call.$call.after:1"); done
for call in UpdateUser RunCommand; do points+=("call.$call.before:1" "call.$call.after:1"); done
for call in UpdateAccessKey AttachUserPolicy DetachUserPolicy StopInstances; do points+=("call.$call.after:1"); done
for point in intent.before intent.after settle.before settle.after; do points+=("$point:1" "$point:2"); done
points+=(keep.before:1 keep.after:1 keep.before:2 keep.after:2 walk.saved:$((1 + RANDOM % 8)) post.before:1 post.written:1)
points+=(roll.applied:1 cut.done:1 give-back.before:1 taken:1 store.commit.before:$((1 + RANDOM % 10)))
for point in "${points[@]}"; do
	daemon_start ROLLCALL_FAILPOINT="$point"
	move
	if wait_for 20 died; then
		end rollcalld
		equal "$ENDED" 137 "$point: passed"
	else
		not_ok "$point: passed" "20 s went by without it"
		daemon_stop KILL
	fi
	daemon_start
	judge "$point: the end is the same"
	daemon_stop
done

# --- random moments -----------------------------------------------------------------------------------------------
for ((i = 1; i <= KILLS; i++)); do
	pause=$((RANDOM % 1500))
	daemon_start
	move
	pause_ms "$pause"
	daemon_stop KILL
	# Twice in a row now and then: the repair is killed, too.
	if [ $((RANDOM % 3)) = 0 ]; then
		daemon_start
		pause_ms $((RANDOM % 600))
		daemon_stop KILL
	fi
	daemon_start
	judge "killed after $pause ms ($i of $KILLS): the end is the same"
	daemon_stop
done
equal "$(cloud '[.users, .environments, .servers] | map(length) | @csv')" "$joined,$joined,$joined" "$joined of everything in the end"

# --- retirement -----------------------------------------------------------------------------------------------------
# With no grace; before and after every call that destroys.
points=()
for call in DeleteAccessKey DeletePolicy ModifyInstancesRenewFlag IsolateInstances DestroyEnv TerminateInstances DeleteUser; do
	points+=("call.$call.before:1" "call.$call.after:1")
done
points+=("call.DestroyEnv.before:2" "call.DestroyEnv.after:2")
daemon_start
retiring=()
for point in "${points[@]}"; do
	next_person
	retiring+=("$login")
done
ldap_add "$(people "${retiring[@]}")"
joined=$((joined + ${#retiring[@]}))
judge "${#retiring[@]} more have joined"
daemon_stop
SET[life.grace]=0 SET[cloud.isolation_days]=0
retired=0
for point in "${points[@]}"; do
	login=${retiring[$retired]}
	retired=$((retired + 1))
	daemon_start ROLLCALL_FAILPOINT="$point"
	disable "$login"
	if wait_for 20 died; then
		end rollcalld
		equal "$ENDED" 137 "$point: passed"
	else
		not_ok "$point: passed" "20 s went by without it"
		daemon_stop KILL
	fi
	daemon_start
	eventually 30 "$point: retired all the same" stage_is "$login" retired
	eventually 30 "$point: nothing of him is left, all of the others" says "$((joined - retired)),$((joined - retired)),$((joined - retired))" \
		cloud '[.users, .environments, .servers] | map(length) | @csv'
	daemon_stop
done
equal "$(cloud .money_spent)" $((joined * PRICE)) "and nothing more was paid"
finish
