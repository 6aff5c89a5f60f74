#!/bin/bash
# People who have sub-accounts and environments already, made by hand, when Rollcall comes: found by name, by tag and by a
# mapping file, as a list; nothing happens before it is approved, and then nobody has anything twice, nothing is paid, and
# a kill in the middle changes nothing of that.
. "$(dirname "$0")/lib.sh"
[ -x "$FAILING_PROGRAMS/rollcalld" ] || { echo "1..0 # SKIP no build with fail points"; exit 0; }
DAEMON=$FAILING_PROGRAMS/rollcalld
world
SET[profiles]='( { name = "no-server"; package = "baas_personal"; price_yuan = 19.9; } )' SET[life.retry_max]=1 SET[directory.refresh]=2
DAEMON_OPTIONS=()
slapd_start
emulator_start

by_hand() { administrator | signed_call "$1" --body "$2" --json; }
user() { by_hand AddUser "{\"Name\": \"$1\", \"Remark\": \"${2:-}\", \"ConsoleLogin\": 1, \"Password\": \"By-hand-1234567\"}" | jq -er .Uin; }
environment() { by_hand CreateEnv "{\"Alias\": \"$1\", \"PackageId\": \"baas_personal\", \"Resources\": [\"flexdb\"], \"Tags\": [{\"Key\": \"owner\", \"Value\": \"$2\"}]}" | jq -er .EnvId; }
alice=$(user alice "from sales") alice_env=$(environment alice sales) bob=$(user bob-old) bob_env=$(environment bobs-data sales)
carl=$(user carl) carl2=$(user Carl) dora=$(user dora) gina_env=$(environment team-x gina@example.org)
erin=$(user erin "rollcall:other:89da469d-e813-11f1-9271-ca710d083b6f:1")
by_hand CreateAccessKey "{\"TargetUin\": $alice}" >"$W/alice.key"
chmod 600 "$W/alice.key"
by_hand AttachUserPolicy "{\"PolicyId\": 1, \"AttachUin\": $dora}" >/dev/null
ldap_add "$(people alice bob carl dora erin gina)"

things() { cloud '{ users: [.users[] | del(.keys)], environments: [.environments[] | del(.status)], money: .money_spent }' | jq -cS .; }
waiting() { rollcall plan --json | jq -r "[.frozen[] | select(.kind == \"$1\" and .state == \"waits\") | .people[] | .login] | sort | join(\" \")"; }
line() { rollcall plan --json | jq -r ".frozen[] | select(.kind == \"$1\") | .people[] | select(.login == \"$2\") | $3"; }
decide() { # approve|reject KIND: every list of that kind that waits
	local hash
	for hash in $(rollcall plan --json | jq -r ".frozen[] | select(.kind == \"$2\" and .state == \"waits\") | .hash"); do
		rollcall "$1" "$hash" >"$W/tool.log" 2>&1 || return 1
	done
}
refused() { jq -r ".refused[] | select(.login == \"$1\") | .why" "$W/answer"; }
user_of() { cloud ".users[] | select(.uin == $1) | $2"; }

daemon_ready
must 20 "a first start" says "alice bob carl dora erin gina" waiting join
pause_ms 500        # the environments are there
before=$(things)

# --- by name ------------------------------------------------------------------------------------------------------------
check "adopt --by-name" eval 'rollcall adopt --by-name --json >"$W/answer"'
equal "$(waiting adoption)" "alice" "by name: who has a sub-account and an environment of that name is on a list"
equal "$(line adoption alice '"\(.uin) \(.env) \(.rated)"')" "$alice $alice_env reversible" "with both, rated"
check "and what it means" eval 'line adoption alice .why | grep -q "its key is switched off; the login stays"'
equal "$(refused carl)" "two may be his: sub-account \"carl\" ($carl) and sub-account \"Carl\" ($carl2)" "two of a name: refused, and told"
equal "$(refused dora)" 'the sub-account is an administrator'"'"'s: policy "AdministratorAccess"' "an administrator: refused"
equal "$(refused erin)" "the sub-account carries the mark of another installation" "another installation's: refused"
equal "$(waiting join)" "bob carl dora erin gina" "who is on the list does not wait to join as well"
check "who was refused joins only by a word of its own" eval 'line join carl .why | grep -q "is not adopted: two may be his"'

# --- by a file ----------------------------------------------------------------------------------------------------------
map() { printf '%s\n' "$@" >"$W/map"; rollcall adopt --map "$W/map" >"$W/answer" 2>&1; echo $?; }
equal "$(map "# people" "bob $bob $bob_env" "alice x -" "carl")" 2 "a file with bad lines: refused"
equal "$(grep -c 'line [34]:' "$W/answer")" 2 "each is told by its number"
equal "$(map "bob $bob $bob_env" "nobody 100 -" "gina - none" "carl $bob -")" 1 "names that nobody has: refused, too"
equal "$(grep -c 'line [234]:' "$W/answer")" 3 "each by its number"
equal "$(waiting adoption)" "alice" "and nothing of such a file is on a list"
equal "$(map "bob,$bob,$bob_env")" 0 "a file that is good"
equal "$(waiting adoption)" "alice bob" "is"
equal "$(things)" "$before" "nothing has changed in the cloud"
equal "$(count_calls UpdateUser) $(count_calls TagResources)" "0 0" "nor was anything tried"

# --- approved, and killed in the middle --------------------------------------------------------------------------------
daemon_stop
died() { ! alive rollcalld || [ "$(sed "s/^.*) //; s/ .*//" "/proc/${PID[rollcalld]}/stat")" = Z ]; }
up_or_dead() { died || daemon_up; }
# Who was begun before a kill goes on by himself, and may die before anybody asks; who was not is approved again.
for point in adopt.taken call.UpdateUser.after call.TagResources.after; do
	daemon_start ROLLCALL_FAILPOINT=$point:1
	must 20 "a start" up_or_dead
	decide approve adoption
	eventually 20 "$point: passed, and killed" died
	end rollcalld
done
daemon_ready
decide approve adoption
for login in alice bob; do eventually 40 "$login is active" stage_is $login active; done
equal "$(waiting adoption)" "" "the list is done"
equal "$(count_calls AddUser) $(count_calls CreateEnv)" "6 3" "no second sub-account, and no second environment"
equal "$(cloud .money_spent)" "$(jq -r .money <<<"$before")" "nothing was paid"
equal "$(attribute alice rollcallUin) $(attribute alice rollcallName) $(attribute alice rollcallEnvId)" "$alice alice $alice_env" "alice has what she had"
equal "$(attribute bob rollcallUin) $(attribute bob rollcallName) $(attribute bob rollcallEnvId)" "$bob bob-old $bob_env" "and bob"
mark() { echo "rollcall:$INSTALLATION:$(attribute "$1" entryUUID):1"; }
equal "$(user_of "$alice" .remark) $(user_of "$bob" .remark)" "$(mark alice) $(mark bob)" "the sub-accounts carry our mark"
equal "$(cloud '.environments[] | select(.env_id == $id) | "\(.tags.rollcall) \(.tags.owner)"' --arg id "$alice_env")" "$(mark alice) sales" \
	"so does the environment, beside the tag that it had"
equal "$(credential alice | signed_call --json GetCallerIdentity | jq -r .UserId)" "$alice" "the key that was delivered is hers"
equal "$(credential bob | signed_call --json DescribeEnvs | jq -r '.EnvList[].EnvId')" "$bob_env" "and his shows his environment only"
equal "$(user_of "$alice" '[.keys[] | .status] | sort | join(" ")')" "Active Inactive" "her key of before is switched off"
check "it is on record" grep -q '"event":"adopt"' "$STATE/evidence.jsonl"
equal "$(waiting join)" "carl dora erin gina" "the others wait as before"

# --- by tag -------------------------------------------------------------------------------------------------------------
check "adopt --by-tag" eval 'rollcall adopt --by-tag owner --json >"$W/answer"'
equal "$(line adoption gina '"\(.uin) \(.env)"')" "null $gina_env" "by tag: an environment is known by a mail address"
equal "$(jq -r '.refused[].why' "$W/answer" | sort -u)" 'nobody has the login name or mail address "sales"' "a value that is nobody's is told"
decide approve adoption
eventually 40 "gina is active" stage_is gina active
equal "$(attribute gina rollcallEnvId) $(count_calls CreateEnv) $(count_calls AddUser)" "$gina_env 3 7" "in her environment, with a sub-account that was made"

# --- what is not so any more, and a no ------------------------------------------------------------------------------------
fred=$(user fred) hugo=$(user hugo)
ldap_add "$(people fred hugo)"
must 20 "two more" says "carl dora erin fred hugo" waiting join
rollcall adopt --by-name >"$W/answer" 2>&1
equal "$(waiting adoption)" "fred hugo" "two more are on a list"
equal "$(line adoption fred .rated)" "costs money" "who has no environment costs money"
by_hand UpdateUser '{"Name": "fred", "Remark": "rollcall:other:89da469d-e813-11f1-9271-ca710d083b6f:1"}' >/dev/null
hash=$(rollcall plan --json | jq -r '.frozen[] | select(.kind == "adoption") | .hash')
check "approved when it does not hold any more" eval 'rollcall approve "$hash" >"$W/answer"'
check "is told" grep -q 'fred .*the mark of another installation' "$W/answer"
eventually 40 "and whom it holds for is adopted" stage_is hugo active
equal "$(attribute hugo rollcallUin) $(waiting adoption)" "$hugo " "with what he had"
by_hand UpdateUser '{"Name": "fred", "Remark": ""}' >/dev/null
rollcall adopt --by-name >"$W/answer" 2>&1
equal "$(waiting adoption)" "fred" "on a list again"
check "a no" decide reject adoption
equal "$(waiting adoption)/$(waiting join)" "/carl dora erin fred" "he waits to join, for a word of its own"
equal "$(user_of "$fred" .remark)" "" "and what he had is as it was"
daemon_stop
finish
