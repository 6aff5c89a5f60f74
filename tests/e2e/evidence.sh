#!/bin/bash
# What is done is on record: a chain whose head stands in the system log, a leaver's figures.  What cannot be put on
# record is not granted, while taking away goes on and is put on record elsewhere.
. "$(dirname "$0")/lib.sh"
world
SET[evidence.second]="\"$W/second.jsonl\"" SET[evidence.head]=1 SET[life.retry_max]=2
slapd_start
emulator_start
ldap_add "$(people ada ben cleo dan)"
daemon_ready
must 60 "onboarding" all_in_stage active 4
file=$STATE/evidence.jsonl

events() { jq -c "select(.login == \"$2\" and .event == \"$3\")" "$1"; } # FILE LOGIN EVENT
has_event() { [ -n "$(events "$@")" ]; }
says_trouble() { show "$1" | jq -e '.accounts[-1].trouble | strings | contains("evidence cannot be written")'; }
users() { cloud '.users | length'; }
refused() { [[ $(credential "$1" | answer_to GetCallerIdentity) == AuthFailure* ]]; }

# --- the head of the chain ------------------------------------------------------------------------------------------
head_line() { grep -o 'has [0-9]* lines, and the digest of the last is [0-9a-f]*' "$W/rollcalld.log" | tail -n 1; }
sleep 1.2
read -r _ lines _ _ _ digest _ _ _ _ sum <<<"$(head_line)"
equal "$digest $sum" "digest ${sum:-no sum}" "the system log has a head"
equal "$(grep "^{\"n\":${lines:-0}," "$file" | tr -d '\n' | sha256sum | cut -d' ' -f1)" "$sum" "it is the digest of line $lines"
daemon_stop
read -r _ lines _ <<<"$(head_line)"
equal "$lines" "$(wc -l <"$file")" "the last head, written at the end, counts all lines"
sed -i '$d' "$file"
check "a file without its last line is whole by itself" rollcall evidence verify "$file"
check "but the system log knows better" test "$(wc -l <"$file")" -lt "$lines"
SET[log]='"alarm"'
: >"$W/rollcalld.log"
daemon_ready
eventually 5 "the head is told whatever the level of the log" grep -q 'the digest of the last is' "$W/rollcalld.log"
SET[log]='"info"'
daemon_stop
daemon_ready

# --- a leaver's figures -------------------------------------------------------------------------------------------------
credential ada | signed_call --until-refused 15 GetCallerIdentity >"$W/refused" &
watcher=$!
sleep 1
began=$(now_ms)
disable ada
wait "$watcher"
read -r _ _ code when <"$W/refused"
eventually 10 "the call that was refused is on record" has_event "$file" ada refused
line=$(events "$file" ada refused)
note "$(jq -r '"\(.what): \(.why)"' <<<"$line")"
check "with the cloud's code" test "$(jq -r .what <<<"$line")" = "key \"$(attribute ada rollcallKeyId)\": $code"
check "its request id and the directory's change number" jq -e '(.request_id | length > 10) and (.csn | contains("Z#"))' <<<"$line"
at_most "$(($(jq .ms <<<"$line") - when))" 3000 "the record says so within 3 s of an independent witness"
at_most "$(jq -r '.why | capture("(?<ms>[0-9]+) ms after the change").ms' <<<"$line")" "$(($(now_ms) - began + 1000))" \
	"the duration counts from the change in the directory"
equal "$(jq -r --arg login ada 'select(.login == $login) | .event' "$file" | grep -cx refused)" 1 "once"

# --- all of it, of one person ---------------------------------------------------------------------------------------------
all_of=$(rollcall --json evidence export ada "$file")
equal "$(jq -r '[.events[] | select(.event == "did" and .row != "proof") | select(.what and .why and .request_id and .csn | not)] | length' \
	<<<"$all_of")" 0 "each change says what, why, the request id and the directory's change number"
equal "$(jq -r '.departures | length' <<<"$all_of")" 1 "she left once"
check "with every moment, in an order that can be" jq -e '.departures[0] | .changed_ms <= .seen_ms and .seen_ms <= .key_off_ms and
	.key_off_ms <= .console_off_ms and .console_off_ms <= .barrier_ms and .barrier_ms <= .cut_ms and .cut_ms <= .refused_ms' <<<"$all_of"
at_most "$(jq '.departures[0] | (.changed_ms + .durations_ms.refused - .refused_ms) | fabs' <<<"$all_of")" 0 "and durations that are their differences"
check "by her UUID, too" rollcall evidence export "$(jq -r .uuid <<<"$all_of")" "$file"

check "status says how long she had it" jq -e '.offboarding | .measured == 1 and .p50_ms > 0 and .p99_ms == .max_ms' < <(rollcall status --json)
rollcall why ada >"$W/why"
check "why she is in her stage" grep -q '^account 1 .*suspended, by a present value, change number' "$W/why"

# --- the file is gone ----------------------------------------------------------------------------------------------------
mv "$file" "$W/elsewhere"
ldap_add "$(person eve)"
eventually 15 "no evidence: whoever comes waits" says_trouble eve
sleep 2
equal "$(users)" 4 "nothing was made for her"
began=$(now_ms)
disable ben
eventually 10 "whoever leaves is cut" refused ben
note "ben's key is refused $(($(now_ms) - began)) ms after the change"
eventually 15 "his entry says so" stage_is ben suspended
eventually 10 "what was done is in the second place" has_event "$W/second.jsonl" ben refused
check "the cut, too" has_event "$W/second.jsonl" ben cut
check "the second place is a chain of its own" rollcall evidence verify "$W/second.jsonl"
check "status says why nothing is granted" jq -e '.health | (.evidence | contains("cannot be written")) and .evidence_aside > 0' \
	< <(rollcall status --json)
check "an alarm was raised" grep -q 'alarm evidence .*nothing is granted' "$W/rollcalld.log"
check "no other file was made in its place" test ! -e "$file"
mv "$W/elsewhere" "$file"
eventually 30 "brought back: she is onboarded" stage_is eve active
equal "$(rollcall status --json | jq -r .health.evidence)" written "status says so"
check "the file is whole" rollcall evidence verify "$file"
aside=$(jq -r 'select(.event == "second") | .what' "$file")
note "$aside"
equal "${aside%% *}" "$(wc -l <"$W/second.jsonl")" "and says how many lines are in the second place"

# --- no room --------------------------------------------------------------------------------------------------------------
# Only the evidence: its file alone is on a small disk.
if [ "$(id -u)" = 0 ] && mkdir "$W/disk" && mount -t tmpfs -o size=1m,mode=700 rollcall-test "$W/disk" 2>/dev/null; then
	MOUNTED=$W/disk
	daemon_stop
	cp -p "$file" "$W/disk/evidence.jsonl"
	mount --bind "$W/disk/evidence.jsonl" "$file"
	trap 'umount -l "$file" 2>/dev/null; world_end' EXIT
	dd if=/dev/zero of="$W/disk/filler" bs=1 seek=1m count=0 2>/dev/null
	dd if=/dev/zero of="$W/disk/filler" bs=4k 2>/dev/null
	unset 'SET[evidence.second]'
	daemon_ready
	ldap_add "$(person fay)"
	eventually 15 "a full disk: whoever comes waits" says_trouble fay
	equal "$(users)" 5 "nothing was made for her"
	disable cleo
	eventually 10 "whoever leaves is cut" refused cleo
	in_log() { grep 'alarm evidence cleo' "$W/rollcalld.log" | grep -q "$1"; }
	# What still fits is in the file: a page is as good as another.
	on_record() { in_log "$1" || grep -q "\"login\":\"cleo\".*$1" "$file"; }
	eventually 10 "and put on record" on_record 'cut complete'
	eventually 10 "to the last" on_record refused
	disable dan
	eventually 20 "what fits no more is in the system log" grep -q 'alarm evidence .*\\"event\\":\\"' "$W/rollcalld.log"
	rm "$W/disk/filler"
	eventually 30 "room again: she is onboarded" stage_is fay active
	check "the file is whole" rollcall evidence verify "$file"
	daemon_stop
	umount "$file"
	trap world_end EXIT
else
	skip "a full disk" "no file system can be mounted"
fi

# --- a file that was changed -------------------------------------------------------------------------------------------------
daemon_stop
sed -i '$s/"login":"/"login":"x/' "$file"
daemon_ready
ldap_add "$(person gil)"
eventually 15 "a changed file: whoever comes waits" says_trouble gil
disable eve
eventually 10 "whoever leaves is cut" refused eve
mv "$file" "$W/changed.jsonl"
eventually 30 "a new one is begun when it was put aside: he is onboarded" stage_is gil active
check "it is whole" rollcall evidence verify "$file"
equal "$(rollcall evidence verify "$W/changed.jsonl" >"$W/tool.log" 2>&1; echo $?)" 1 "the changed one is not"
finish
