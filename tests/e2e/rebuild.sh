#!/bin/bash
# The store is lost, and made again from the directory and the marks in the cloud: nothing is made or deleted twice, the
# suspended stay so, also when it is killed meanwhile.
. "$(dirname "$0")/lib.sh"
DAEMON=$FAILING_PROGRAMS/rollcalld
world
SET[life.grace]=2 SET[life.sweep_again]=1 SET[life.undo]=1 SET[cloud.isolation_days]=0
slapd_start
emulator_start
ldap_add "$(people ann bea cid)"
daemon_ready
must 90 "onboarding" all_in_stage active 3
disable cid
must 90 "retirement of cid" stage_is cid retired
enable cid
must 90 "return of cid" stage_is cid active
equal "$(attribute cid rollcallGeneration)" 2 "cid has a second generation"
daemon_stop
SET[life.grace]=1000
daemon_ready
credential bea >"$W/bea.credential"
chmod 600 "$W/bea.credential"
disable bea
must 30 "suspension of bea" stage_is bea suspended
must 30 "her retire date" test -n "$(attribute bea rollcallRetireAfter)"
retires=$(attribute bea rollcallRetireAfter)
sleep 3
daemon_stop

ids() { cloud '[(.users[].uin), (.environments[].id), (.servers[].id), (.policies[].id)] | map(tostring) | sort | join(" ")'; }
made() { echo $(($(count_calls AddUser) + $(count_calls CreateEnv) + $(count_calls CreateInstances) + $(count_calls CreatePolicy))); }
destroyed() { echo $(($(count_calls DestroyEnv) + $(count_calls DeleteUser) + $(count_calls DeletePolicy) + $(count_calls IsolateInstances) + $(count_calls TerminateInstances))); }
before_ids=$(ids) before_made=$(made) before_destroyed=$(destroyed) before_keys=$(count_calls CreateAccessKey)
rm -f "$STATE"/rollcall.db*

# --- killed in the midst of it --------------------------------------------------------------------------------------
DAEMON_OPTIONS=(--rebuild)
ended() { ! kill -0 "${PID[rollcalld]}" 2>/dev/null || [ "$(sed 's/^.*) //; s/ .*//' "/proc/${PID[rollcalld]}/stat")" = Z ]; }
for point in rebuild.read rebuild.written; do
	daemon_start "ROLLCALL_FAILPOINT=$point:1"
	eventually 30 "killed at $point" ended
	end rollcalld KILL
done

# --- and once more ----------------------------------------------------------------------------------------------------
daemon_ready
eventually 60 "ann and cid are active again" all_in_stage active 2
equal "$(show cid | jq -r '.accounts[-1].generation')" 2 "cid is in his second generation"
two_keys() { [ $(($(count_calls CreateAccessKey) - before_keys)) = 2 ]; }
eventually 60 "two keys were made anew" two_keys
works() { [ "$(answer_to_key_of "$1" 2>/dev/null)" = ok ]; }
eventually 30 "and ann's works" works ann
eventually 30 "and cid's" works cid
equal "$(show bea | jq -r '.accounts[-1].stage')" suspended "bea is suspended"
equal "$(attribute bea rollcallRetireAfter)" "$retires" "until the day that was set"
check "her key is refused" test "$(answer_to GetCallerIdentity <"$W/bea.credential")" != ok
sleep 5
equal "$(ids)" "$before_ids" "ids are what they were"
equal "$(made) $(destroyed)" "$before_made $before_destroyed" "nothing was made or destroyed"
equal "$(($(count_calls CreateAccessKey) - before_keys))" 2 "but the two keys"
equal "$(cloud '[.users[] | select(.keys | length != 1)] | length')" 0 "everybody has one key"
daemon_stop

# --- enabled while nobody looked: what Rollcall itself writes is no newer evidence ---------------
enable bea
rm -f "$STATE"/rollcall.db*
daemon_ready
sleep 8
equal "$(show bea | jq -r '.accounts[-1].stage')" suspended "bea is enabled again, and stays suspended"
check "her key is refused still" test "$(answer_to GetCallerIdentity <"$W/bea.credential")" != ok
disable bea
sleep 2
enable bea
eventually 60 "disabled and enabled once more: she is active" stage_is bea active
equal "$(ids)" "$before_ids" "with what she had"
daemon_stop

# --- a store with people is not touched ---------------------------------------------------------------------------------
settings_write
"$DAEMON" -c "$W/rollcall.conf" --rebuild >"$W/refused.log" 2>&1
equal "$?" 4 "a store with people is refused"
check "with the reason" grep -q "only an empty one is rebuilt" "$W/refused.log"
finish
