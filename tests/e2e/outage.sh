#!/bin/bash
# What is away comes back: the directory, the cloud, the disk.  A cut waits for none but the cloud.
. "$(dirname "$0")/lib.sh"
world
SET[life.retry_max]=2 SET[life.grace]='"1h"' SET[cloud.timeout]=2
slapd_start
emulator_start
ldap_add "$(people ada bob cleo)"
daemon_ready
must 60 "onboarding" all_in_stage active 3

outbox() { rollcall status --json | jq .outbox; }
waits_in_outbox() { [ "$(outbox)" -gt 0 ]; }

# --- the directory is away while people are onboarded -------------------------------------------------------------------
BUILD_TIME=1
ldap_add "$(people dan eve)"
wait_for 10 says 5 cloud '.users | length'
slapd_stop KILL
settled() { cloud '[.users[] | select((.keys | length == 1) and (.policies | length == 1))] | length'; }
eventually 30 "the directory died: the cloud side goes on" says 5 settled
eventually 30 "what is to be written waits" waits_in_outbox
equal "$(rollcall status --json | jq -r .health.directory)" "not connected" "status says why"
slapd_start
eventually 30 "the directory is back: it is written" all_in_stage active 5
eventually 10 "nothing waits any more" says 0 outbox
equal "$(credential dan | answer_to GetCallerIdentity)" ok "the delivered key works"
daemon_stop TERM
slapd_stop
daemon_start
sleep 2
check "started without a directory: it waits" alive rollcalld
slapd_start
ldap_add "$(person fay)"
eventually 60 "and works when there is one" stage_is fay active
equal "$(audit 6)" "" "nothing was bought twice"

# --- a directory that says nothing any more ---------------------------------------------------------------------------------
hang slapd
sleep 4
go_on slapd
disable ada
eventually 20 "a directory that hung: a disable afterwards is heard" stage_is ada suspended

# --- the cloud is away --------------------------------------------------------------------------------------------------------
end emulator
emulator_was=$EMULATOR_PORT
note "from here on another, empty cloud on the same port: only refused connections count"
check "the daemon lives without a cloud" alive rollcalld
daemon_stop
rm -f "$STATE"/rollcall.db* "$STATE"/evidence*
slapd_stop
rm -rf "$W/db" "$W/slapd.conf"
mkdir "$W/db"
slapd_start
ldap_add "$(people gil hana)"
daemon_start
wait_for 15 daemon_up
sleep 2
check "no cloud at the start: it waits" alive rollcalld
rollcall status --json | jq -e .health.cloud_trouble >/dev/null && ok "and says so" || not_ok "and says so" "$(rollcall status --json | jq .health)"
EMULATOR_PORT=$emulator_was
emulator_start
eventually 60 "a cloud that comes later: two people are onboarded" all_in_stage active 2

# --- a cloud that hangs, and does what it was asked when it wakes -----------------------------------------------------------------
ldap_add "$(people ida jon kim)"
for pause in 0.2 0.5 0.9; do
	sleep "$pause"
	hang emulator
	sleep 3
	go_on emulator
done
eventually 90 "a cloud that hung three times: everybody is onboarded" all_in_stage active 5
equal "$(audit 5)" "" "and nothing was bought twice"

# --- the disk is full -----------------------------------------------------------------------------------------------------------
daemon_stop
full() { :; }
free() { :; }
if [ "$(id -u)" = 0 ] && mkdir "$W/disk" && mount -t tmpfs -o size=4m,mode=700 rollcall-test "$W/disk" 2>/dev/null; then
	MOUNTED=$W/disk
	cp -a "$STATE/." "$W/disk/"
	STATE=$W/disk
	SET[state_dir]="\"$STATE\""
	full() { dd if=/dev/zero of="$STATE/filler" bs=4k 2>/dev/null; dd if=/dev/zero of="$STATE/filler2" bs=1 2>/dev/null; ! echo more >"$STATE/more" 2>/dev/null; }
	free() { rm -f "$STATE"/filler* "$STATE/more"; }
	how="a full file system"
elif command -v prlimit >/dev/null; then
	full() { prlimit --pid "${PID[rollcalld]}" --fsize=4096:unlimited; }
	free() { prlimit --pid "${PID[rollcalld]}" --fsize=unlimited:unlimited; }
	how="files that may not grow"
fi
if [ -n "${how:-}" ]; then
	trap '' XFSZ        # inherited: a file that may not grow is an error, not a signal
	daemon_ready
	trap - XFSZ
	must 15 "a refresh" grep -q 'refresh complete' <(tail -n 20 "$W/rollcalld.log")
	sleep 1
	credential gil | signed_call --until-refused 15 GetCallerIdentity >"$W/refused" &
	watcher=$!
	sleep 1
	full || note "the disk could not be filled to the last byte"
	began=$(now_ms)
	disable gil
	wait "$watcher"
	read -r _ _ code when <"$W/refused"
	at_most "$([ "$when" = 0 ] || echo $((when - began)))" 5000 "$how: the key of a leaver is refused after $((when - began)) ms ($code)"
	uin=$(attribute gil rollcallUin)
	eventually 10 "$how: the console is closed and the barrier attached" says false,true \
		cloud '.users[] | select(.uin == ($uin | tonumber)) | [.console_login, any(.policies[]; .name | test("barrier"))] | @csv' --arg uin "$uin"
	check "the daemon lives" alive rollcalld
	free
	eventually 40 "room again: the entry says suspended" stage_is gil suspended
	equal "$(active_keys)" 4 "the others have their keys"
else
	skip "a full disk" "neither a file system nor a limit can be set"
fi

# --- ending, with a directory that says nothing ------------------------------------------------------------------------
alive rollcalld || daemon_ready
kill -STOP "${PID[slapd]}"
sleep 3
began=$(now_ms)
daemon_stop
took=$(($(now_ms) - began))
kill -CONT "${PID[slapd]}"
at_most "$took" 5000 "SIGTERM with a frozen directory: ended after $took ms"
equal "$ENDED" 0 "and with status 0"
finish
