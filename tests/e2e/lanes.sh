#!/bin/bash
# A leaver does not wait for joiners: while QUEUED (500) people are being onboarded, documented rate limits, 100 ms a call, the
# key of each of LEAVERS (20) is refused before a dead-line that nobody would keep who had to wait in their queue.  How fast
# exactly is measured by tests/bench/lanes.
. "$(dirname "$0")/lib.sh"
LEAVERS=${LEAVERS:-20} QUEUED=${QUEUED:-500} DEADLINE_MS=${DEADLINE_MS:-8000}
world
SET[life.grace]='"30d"' SET[life.joins_per_hour]=0
slapd_start
emulator_start --quota x6 --latency 100
ldap_add "$(people $(seq -f 'e%03g' 1 "$LEAVERS"))"
daemon_ready
must 120 "onboarding" all_in_stage active "$LEAVERS"

ldap_add "$(people $(seq -f 'q%03g' 1 "$QUEUED"))"
in_stage() { rollcall status --json | jq ".stages.$1"; }
queue_is_known() { [ "$(in_stage joining)" -ge $((QUEUED * 9 / 10)) ]; }
must 60 "the joiners are queued" queue_is_known
note "joiners who are not done when it begins: $(in_stage joining)"
mark=$(calls .calls)
disable_one_by_one '(uid=e*)' "$LEAVERS" 10 0.2 >"$W/moments"
equal "$? $(grep -c . "$W/moments")" "0 $LEAVERS" "$LEAVERS people are disabled one after the other"
late=$(awk -v limit="$DEADLINE_MS" '$3 == 0 || $3 - $2 > limit { print $1, $3 - $2 }' "$W/moments")
equal "$late" "" "the key of each is refused within $((DEADLINE_MS / 1000)) s"
note "the slowest: $(awk '$3 { print $3 - $2 }' "$W/moments" | sort -n | tail -n 1) ms"

waiting=$(in_stage joining)
check "most of the joiners still wait ($waiting of $QUEUED)" test "$waiting" -ge $((QUEUED / 2))
of_joiners=$(calls '[.log[] | select(.n > $n and .action == "AddUser")] | length' --argjson n "$mark")
note "sub-accounts made meanwhile: $of_joiners"
in_order() { rollcall status --json | jq -e '.lanes.revoke == 0'; }
eventually 10 "nobody is left who is to be cut" in_order
daemon_stop
equal "$ENDED" 0 "the daemon ends well in the middle of it"
finish
