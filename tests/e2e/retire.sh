#!/bin/bash
# After grace: taken down inside a budget and the cloud's own limits, never while something is in doubt, shown meanwhile;
# what cannot be given back stays stopped until it expires.
. "$(dirname "$0")/lib.sh"
world
SET[life.grace]=3 SET[life.undo]=1 SET[life.sweep_again]=1 SET[cloud.isolation_days]=0 SET[life.retirements_per_day]=3
SET[directory.sentinels]="( \"uid=always,$PEOPLE\" )"
slapd_start
emulator_start
ldap_add "$(person always 'employeeType: left')" "$(people ann bea cid dot)"
daemon_ready
must 90 "onboarding" all_in_stage active 4

status_says() { rollcall status --json | jq -e "$1"; }
shown() { show "$1" | jq -r "$2"; }
stage_of() { shown "$1" '.accounts[-1].stage'; }
# What is left in the cloud of the account that this sub-account name stands for.
left_of() {
	cloud '[(.users[] | select(.remark | contains($u))), (.environments[], .servers[] | select(.tags.rollcall | contains($u)))]
		| map(select(.state != "GONE")) | length' --arg u "$(shown "$1" .person.uuid)"
}
says_in_entry() { [[ "$(attribute "$1" rollcallNote)" = *"$2"* ]]; }
renew_flag() { cloud '.servers[] | select(.id == $id) | .renew_flag' --arg id "$(attribute "$1" rollcallServerId)"; }
dated() { [ -n "$(attribute "$1" rollcallRetireAfter)" ]; }
destroyed() { echo $(($(count_calls DestroyEnv) + $(count_calls DeleteUser) + $(count_calls IsolateInstances) + $(count_calls TerminateInstances))); }

# --- the first one, all the way -----------------------------------------------------------------------------------
disable ann
eventually 15 "disabled: suspended" stage_is ann suspended
check "the entry says from when she is retired" test -n "$(attribute ann rollcallRetireAfter)"
equal "$(destroyed)" 0 "nothing is destroyed before grace is over"
eventually 60 "after grace: retired" stage_is ann retired
eventually 10 "and nothing is left" says 0 left_of ann
equal "$(attribute ann rollcallRetireAfter)" "" "nor a date"
check "status counts her" status_says '.health.retirements_today == 1 and .health.retirements_per_day == 3'
check "the limits of the cloud were asked before" test "$(count_calls DescribeEnvLimit)" -ge 1

# --- a sentinel is missing: nobody is retired, whoever is disabled is cut -------------------------------------------
ldap_delete always
disable bea
eventually 15 "a sentinel is missing: bea is suspended all the same" stage_is bea suspended
before=$(destroyed)
sleep 8
equal "$(stage_of bea) $(destroyed)" "suspended $before" "but not retired, though her grace is over"
check "status says how many wait" status_says '.health.retirements_waiting == 1 and .health.retirements[0].login == "bea"'
ldap_add "$(person always 'employeeType: left')"
eventually 60 "it is back: bea is retired" stage_is bea retired

# --- the cloud's clock and its limits ---------------------------------------------------------------------------------
faults '{"rules": [{"action": "*", "kind": "skew", "skew_ms": 600000, "every": 1}]}'
disable cid
eventually 15 "the cloud's clock is ten minutes ahead: cid is suspended all the same" stage_is cid suspended
before=$(destroyed)
sleep 8
equal "$(stage_of cid) $(destroyed)" "suspended $before" "but not retired"
check "status says why" status_says '.health.retirements_closed | test("cloud.s clock")'
no_faults
faults '{"switches": {"max_delete_monthly": 2}}'
daemon_stop
daemon_ready                                      # or the limits that are known would be good for ten minutes
sleep 5
equal "$(stage_of cid) $(destroyed)" "suspended $before" "the cloud lets no further environment be destroyed: not retired"
eventually 15 "status says why" status_says '.health.retirements_closed | test("no further environment")'
equal "$(rollcall status --json | jq .health.destructions_left)" 0 "and how many are left"
no_faults
daemon_stop
daemon_ready
eventually 60 "it does again: cid is retired" stage_is cid retired

# --- the budget of the day ------------------------------------------------------------------------------------------------
disable dot
must 15 "suspension of dot" stage_is dot suspended
before=$(destroyed)
sleep 8
equal "$(stage_of dot) $(destroyed)" "suspended $before" "three were retired today: dot waits for tomorrow"
check "status says why" status_says '.health.retirements_closed | test("retirements_per_day")'
check "and since when" status_says '.health.retirements[0].retire_after != null'
eventually 75 "after a minute her entry says it, too" says_in_entry dot "life.retirements_per_day"

# --- a server that cannot be given back -----------------------------------------------------------------------------------
daemon_stop
SET[life.retirements_per_day]=20
faults '{"switches": {"refund_days": 0}}'
daemon_ready
eventually 60 "a larger budget: dot is taken down, but for the server" stage_is dot retiring
eventually 30 "which is stopped" says STOPPED server_state dot
eventually 30 "will not be renewed" says DISABLE_NOTIFY_AND_MANUAL_RENEW renew_flag dot
eventually 30 "and the entry says until when it is left" dated dot
check "and why" says_in_entry dot "cannot be given back"
check "the user is still there: he goes last" test "$(left_of dot)" = 2
no_faults
finish
