#!/bin/bash
# Two hundred people, proved all at once: everyone is refused at every door, and the proof costs what it should.
. "$(dirname "$0")/lib.sh"
world
COUNT=${PEOPLE_COUNT:-200} OTHERS=2
SET[cloud.probe_others]=$OTHERS SET[cloud.rate_share]=1 SET[workers]=16 SET[life.joins_per_hour]=0
SET[profiles]='( { name = "no-server"; package = "baas_personal"; } )' PRICE=$PACKAGE_PRICE
slapd_start
emulator_start
logins=()
for ((i = 1; i <= COUNT; i++)); do logins+=("$(printf 'p%03d' "$i")"); done
ldap_add "$(people "${logins[@]}")"
began=$(now_ms)
daemon_ready
must 300 "onboarding of $COUNT" all_in_stage active "$COUNT"
note "onboarding of $COUNT, with proofs: $((($(now_ms) - began) / 1000)) s"

everybody_is() { [ "$(as_admin ldapsearch -LLL -b "$PEOPLE" "(rollcallProofResult=$1)" 1.1 2>/dev/null | grep -c '^dn:')" = "$2" ]; }
eventually 30 "the directory says of everybody: isolated" everybody_is isolated "$COUNT"
mark=$(calls .calls)
said=$(rollcall verify --all --wait 300 --json)
status=$?
equal "$status" 0 "a new proof of everybody ends well"
figure() { jq -r ".$1" <<<"$said"; }
probes=$((COUNT * (2 * OTHERS + 3)))
equal "$(figure people) $(figure isolated) $(figure failed) $(figure waiting)" "$COUNT $COUNT 0 0" "$COUNT people, all isolated"
equal "$(figure probes_refused)" "$probes" "every one was refused at every door: $probes probes"
equal "$(figure calls)" "$((COUNT * (2 * OTHERS + 5)))" "$((2 * OTHERS + 5)) calls a proof"
note "$(jq -c 'del(.failures, .waiters)' <<<"$said")"
# The emulator's own log must say the same: what their keys asked since then, and what they were answered.
theirs() { calls "[.log[] | select(.n > \$n and .caller != \"root\")] | $1" --argjson n "$mark"; }
equal "$(theirs 'map(select(.code != "OK")) | length')" "$probes" "the cloud's log says so, too"
theirs 'group_by("\(.action) \(.code)") | map("\(.[0].action) \(.[0].code) \(length)") | .[]' | while read -r line; do note "$line"; done
equal "$(audit "$COUNT" | grep -v servers)" "" "nothing was bought twice"
finish
