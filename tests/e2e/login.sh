#!/bin/bash
# Logins by a real sshd and by pamtester, through the module: first and second login, the key in the shell and in a file,
# and a leaver.  Both run in a mount namespace of their own, with people, passwords and PAM services that the machine has not.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/clients/clients.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP only root can make a namespace of mounts"; exit 0; }
world
clients_ready
MODULE=$O/pam_rollcall.so
[ -e "$MODULE" ] || die "$MODULE is not built"
NS=$W/ns HOMES=$W/ns/homes RUN=$W/run DESK=$W/run/desk
mkdir -p "$NS/pam.d" "$NS/keys" "$HOMES" "$NS/bin" "$RUN"
chmod 755 "$RUN" "$NS/bin" "$NS/keys" "$HOMES"
cp "$PROGRAMS/rollcall" "$ROOT/tests/support/open_session.py" "$ROOT/tests/support/fill_desk.py" "$NS/bin/"
SET[socket]="\"$DESK\"" SET[login.kick]=true
SET[profiles]='( { name = "standard"; package = "baas_personal"; bundle = "bundle_gen_lin_2c4g"; trigger = "login"; } )'

# --- people, services, keys of this test only ------------------------------------------------------------------------
declare -A UIDS=([ada]=20001 [bob]=20002 [cleo]=20003 [loner]=20009)
cp /etc/group /etc/shadow "$NS/"
# A line that no reader's buffer takes stands before the others.
{ echo "long:x:20010:20010:$(printf '%5000s' '' | tr ' ' x):/:/bin/sh"; cat /etc/passwd; } >"$NS/passwd"
ssh-keygen -q -t ed25519 -N '' -f "$NS/host_key"
for login in "${!UIDS[@]}"; do
	uid=${UIDS[$login]}
	echo "$login:x:$uid:$uid::/home/${login}:/bin/bash" >>"$NS/passwd"
	echo "$login:x:$uid:" >>"$NS/group"
	echo "$login:*:19000:0:99999:7:::" >>"$NS/shadow"
	install -d -m 700 -o "$uid" -g "$uid" "$HOMES/$login"
	ssh-keygen -q -t ed25519 -N '' -f "$W/key-$login"
	install -m 644 "$W/key-$login.pub" "$NS/keys/$login"
done
module() { echo "$1 required $MODULE $2"; }
service() { # NAME ACCOUNT-OPTIONS SESSION-OPTIONS
	printf '%s\n' "auth required pam_permit.so" "$(module account "$2")" "account required pam_unix.so" \
		"$(module session "$3")" "session required pam_permit.so" >"$NS/pam.d/$1"
}
service sshd-env "unknown=deny" "deliver=env"
service sshd-file "unknown=deny" "deliver=file"
service loose "" "deliver=none"
service strict "unknown=deny down=deny" ""
NODE=$(realpath "$(command -v node)")
# inside COMMAND...: sees the files above instead of the machine's, the desk where it usually is, and what it needs of this
# checkout below /mnt.  Others than root have no way to the originals.
inside() {
	unshare --mount --propagation private bash -c '
		set -e
		for f in passwd group shadow; do mount --bind "$1/$f" "/etc/$f"; done
		mount --bind "$1/pam.d" /etc/pam.d
		mount --bind "$1/homes" /home
		mount -t tmpfs none /run
		mount -t tmpfs none /mnt
		mkdir /run/sshd /run/rollcall /mnt/keys /mnt/bin /mnt/here /mnt/clients /mnt/node
		mount --bind "$2" /run/rollcall; mount --bind "$1/keys" /mnt/keys; mount --bind "$1/bin" /mnt/bin
		mount --bind "$3" /mnt/here; mount --bind "$4" /mnt/clients; mount --bind "$5" /mnt/node
		exec "${@:6}"' inside "$NS" "$RUN" "$HERE" "$CLIENTS" "$(dirname "$NODE")" "$@"
}
sshd_start() { # NAME: as the PAM service of that name
	SSH_PORT[$1]=$(free_port)
	ln -sf "$(command -v sshd)" "$NS/bin/$1"
	printf '%s\n' "Port ${SSH_PORT[$1]}" "ListenAddress 127.0.0.1" "HostKey $NS/host_key" "PidFile none" "UsePAM yes" \
		"AuthenticationMethods publickey" "AuthorizedKeysFile /mnt/keys/%u" "StrictModes no" "PermitUserEnvironment no" \
		"LogLevel VERBOSE" "PrintMotd no" "PrintLastLog no" >"$NS/$1.conf"
	inside "/mnt/bin/$1" -D -e -f "$NS/$1.conf" >>"$W/$1.log" 2>&1 </dev/null &
	PID[$1]=$!
	must 10 "sshd" bash -c "exec 3<>/dev/tcp/127.0.0.1/${SSH_PORT[$1]}"
}
declare -A SSH_PORT=()
# ssh_to SERVICE LOGIN COMMAND [OPTION]...
ssh_to() {
	local service=$1 login=$2 command=$3
	shift 3
	ssh -F none -q -i "$W/key-$login" -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o BatchMode=yes -p "${SSH_PORT[$service]}" "$@" "$login@127.0.0.1" "$command" </dev/null
}
refused() { ! ssh_to "$@" true; }
said() { # SERVICE LOGIN: what a login says to him; sshd says it at a terminal, and to whom it turns away
	SHELL=/bin/bash script -qec "ssh -F none -i $W/key-$2 -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o BatchMode=yes -p ${SSH_PORT[$1]} -tt $2@127.0.0.1" /dev/null <<<exit | tr -d '\r'
}
as_ada() { inside setpriv --reuid=20001 --regid=20001 --clear-groups "$@"; }
pamtest() { inside pamtester "$@" </dev/null; }
on_this_machine() { person "$1" "objectClass: posixAccount" "uidNumber: ${UIDS[$1]}" "gidNumber: ${UIDS[$1]}" "homeDirectory: /home/${1}"; }
# Nothing stands in the entry of somebody who has nothing yet.
is_due() { [ "$(show "$1" | jq -r '.accounts[-1].stage')" = due ]; }
mount_entries() { grep -c "$W" /proc/self/mountinfo; }

slapd_start
cloud_start
ldap_add "$(on_this_machine ada)" "$(on_this_machine bob)" "$(on_this_machine cleo)"
daemon_ready
sshd_start sshd-env
sshd_start sshd-file

# --- the first login ---------------------------------------------------------------------------------------------------
for login in ada bob cleo; do must 20 "$login waits" is_due $login; done
sleep 1
equal "$(count_calls CreateEnv) $(count_calls AddUser) $(cloud .money_spent)" "0 0 0" "nothing is made or bought before anybody logs in"
check "a first login succeeds" ssh_to sshd-env ada true
eventually 60 "and begins her onboarding" stage_is ada active
check "the others go on waiting" is_due bob
said sshd-file bob >"$W/said-bob"
check "a login by the other way says what is happening" grep -q "is being set up" "$W/said-bob"
eventually 60 "and begins his" stage_is bob active
eventually 10 "and his key is ready" test -n "$(attribute bob rollcallKeyId)"
equal "$(audit 2)" "" "exactly one of each was made for both"
equal "$(pamtest loose cleo acct_mgmt 2>&1 | tail -n 1)" "pamtester: account management done." "asking about an account is no login"
check "and begins nothing" is_due cleo
equal "$(show ada | jq -r .person.last_login | cut -c1-10) $(show cleo | jq -r .person.last_login)" "$(date -u +%F) null" \
	"the last login is known of those who were here"

# --- the second login ----------------------------------------------------------------------------------------------------
env=$(attribute ada rollcallEnvId) key=$(attribute ada rollcallKeyId)
equal "$(ssh_to sshd-env ada 'echo $CLOUDBASE_ENV_ID $TENCENTCLOUD_SECRETID $TCB_REGION')" "$env $key ap-shanghai" "identifiers stand in the shell"
SHELL_ENV="CLIENTS=/mnt/clients CLOUD_PORT=$EMULATOR_PORT FENCE_LOG=/dev/null NODE_EXTRA_CA_CERTS=/mnt/bin/ca.pem"
install -m 644 "$W/ca.pem" "$NS/bin/"
equal "$(ssh_to sshd-env ada "$SHELL_ENV NODE_OPTIONS='--require /mnt/here/fence.cjs' /mnt/node/node /mnt/here/shell.mjs 2>&1")" "$env" \
	"with the key of her shell the official SDK lists her environment and no other"
equal "$(ssh_to sshd-file bob 'echo ${TENCENTCLOUD_SECRETKEY:-none} $CLOUDBASE_ENV_ID')" "none $(attribute bob rollcallEnvId)" \
	"where a file is delivered, the environment holds identifiers only"

# --- a file lives as long as the login -------------------------------------------------------------------------------------
ssh_to sshd-file bob 'echo "$ROLLCALL_CREDENTIALS" >~/where; . "$ROLLCALL_CREDENTIALS"; echo "$CLOUDBASE_ENV_ID" >~/env; touch ~/ready; exec sleep 300' &
PID[session]=$!
file=$RUN/${UIDS[bob]}/cloud.env
must 10 "a session" test -e "$HOMES/bob/ready"
equal "$(cat "$HOMES/bob/where") $(cat "$HOMES/bob/env")" "/run/rollcall/${UIDS[bob]}/cloud.env $(attribute bob rollcallEnvId)" "the file is named, and a shell reads it"
equal "$(stat -c '%a %u' "$file")" "600 ${UIDS[bob]}" "it is his, and nobody else's"
equal "$(as_ada cat "/run/rollcall/${UIDS[bob]}/cloud.env" 2>&1 | grep -c 'Permission denied')" 1 "a colleague cannot read it"
check "a second login comes and goes" ssh_to sshd-file bob true
check "and the file stays for the first" test -e "$file"

# --- where the key stands, and where it does not ---------------------------------------------------------------------------
ssh_to sshd-env ada 'touch ~/ready; exec sleep 300' &
PID[session2]=$!
must 10 "a session" test -e "$HOMES/ada/ready"
bait=$(random_text 32)
{ for login in ada bob; do credential "$login" | jq -r .secret; done; echo "$bait"; } | secret_file "$W/wanted"
holders() { # processes whose environment or arguments hold a secret, by user
	local p
	for p in /proc/[0-9]*; do
		grep -a -q -F -f "$W/wanted" "$p/environ" "$p/cmdline" 2>/dev/null && stat -c %u "$p"
	done | sort -u | tr '\n' ' '
}
equal "$(holders)" "20001 " "only processes of her own login have it in their environment"
in_files() { grep -a -l -F -f "$W/wanted" "$W"/*.log "$STATE"/* "$W/emulator.out" 2>/dev/null | sed 's|.*/||'; }
equal "$(in_files)" "" "no log, store or evidence holds it"
# What a core file would hold of the daemon, and of the processes of root that serve the login with the file.
images() { "$ROOT/tests/support/image.py" "$W/wanted" "$@"; }
of_root() { # PID: what runs as root below it
	ps -eo pid=,ppid=,uid= | awk -v top="$1" '{ up[$1] = $2; uid[$1] = $3 }
		END { for (p in up) { for (at = p; at > 1 && at != top;) at = up[at]; if (at == top && p != top && !uid[p]) print p } }'
}
servers=$(of_root "${PID[sshd-file]}" | tr '\n' ' ')
check "the login with the file is served by processes of root" test "$(wc -w <<<"$servers")" -ge 2
# shellcheck disable=SC2086
equal "$(images "${PID[rollcalld]}" $servers)" "" "a core file of the daemon or of these would hold none"
# Each of these searches finds what is there.
BAIT=$bait setpriv --reuid=20003 --regid=20003 --clear-groups sleep 300 &
PID[bait]=$!
setpriv --reuid=20009 --regid=20009 --clear-groups bash -c 'sleep 300; exit' "$bait" &
PID[bait2]=$!
echo "$bait" >"$W/bait.log"
must 10 "bait" bash -c "grep -q sleep /proc/${PID[bait]}/comm && grep -q bash /proc/${PID[bait2]}/comm"
equal "$(holders)" "20001 20003 20009 " "a process that has it in its environment, or in its arguments, would be found"
equal "$(in_files)" "bait.log" "and so would a log"
equal "$(images "${PID[bait]}")" "${PID[bait]}" "and a core file"
end bait
end bait2
rm "$W/bait.log"

# --- nobody asks for another's ----------------------------------------------------------------------------------------------
check "she may look at herself" as_ada /mnt/bin/rollcall show ada
before=$(grep -c '"event":"refused"' "$STATE/evidence.jsonl")
equal "$(as_ada /mnt/bin/rollcall show bob 2>&1 | grep -c 'others may ask about themselves')" 1 "and not at him"
equal "$(as_ada /usr/bin/python3 /mnt/bin/open_session.py /run/rollcall/desk bob 2>&1 | tail -n 1)" "refused" \
	"nor is his key given to her when she asks as the module does"
equal $(($(grep -c '"event":"refused"' "$STATE/evidence.jsonl") - before)) 2 "both attempts are in the evidence"
equal "$(grep -c "key $(attribute ada rollcallKeyId) given to uid 0" "$STATE/evidence.jsonl")" 3 "and so is each time that her key was handed out"

# --- the module's other answers, by pamtester ---------------------------------------------------------------------------------
answer() { pamtest "$@" 2>&1 | tail -n 1; }
equal "$(answer strict loner acct_mgmt)" "pamtester: User not known to the underlying authentication module" "unknown=deny: whom Rollcall does not know may not log in"
equal "$(answer loose loner acct_mgmt)" "pamtester: account management done." "unknown=ignore: others decide"
equal "$(answer strict root acct_mgmt)" "pamtester: account management done." "the machine's own people are none of its business"
hang rollcalld
began=$(now_ms)
equal "$(answer strict ada acct_mgmt)" "pamtester: Authentication service cannot retrieve authentication info" "down=deny, and the daemon is frozen"
equal "$(answer loose ada acct_mgmt)" "pamtester: account management done." "down=ignore: others decide"
at_most $(($(now_ms) - began)) 10000 "neither waits for it longer than two seconds"
go_on rollcalld
must 10 "the daemon" daemon_up

# --- the leaver -----------------------------------------------------------------------------------------------------------------
disable bob
eventually 10 "his file vanishes while he is logged in" test ! -e "$file"
eventually 10 "he may not log in any more" refused sshd-file bob
said sshd-file bob >"$W/said-bob"
check "and is told why" grep -q "is suspended since" "$W/said-bob"
must 20 "suspension" stage_is bob suspended
check "somebody is asked to end his sessions" test -e "$RUN/kick/${UIDS[bob]}"
kick_says=$("$ROOT/etc/rollcall-kick" "$RUN/kick" 2>&1)
if loginctl list-users >/dev/null 2>&1; then
	check "logind ended them" grep -q "the sessions of uid 20002 are ended" <<<"$kick_says"
else
	check "no logind here: what runs on is reported" grep -Eq "uid 20002 still has [1-9][0-9]* processes" <<<"$kick_says"
fi
check "and the mark is gone" test ! -e "$RUN/kick/${UIDS[bob]}"
mkdir -p "$RUN/kick"
touch "$RUN/kick/0" "$RUN/kick/999" "$RUN/kick/x;id"
equal "$("$ROOT/etc/rollcall-kick" "$RUN/kick" 2>&1; ls -A "$RUN/kick")" "" "the machine's own people are never kicked"

# A crowd of users at the people's socket: the daemon is not down for a login.
equal "$(stat -c '%a' "$DESK.login")" 600 "logins have a socket of root's own"
for i in 1 2 3; do
	as_ada /usr/bin/python3 /mnt/bin/fill_desk.py /run/rollcall/desk >/dev/null 2>&1 &
	PID[crowd$i]=$!
done
turned_away() { [ "$(inside /usr/bin/python3 /mnt/bin/fill_desk.py /run/rollcall/desk 200)" -gt 0 ]; }
eventually 20 "users can fill the queue of theirs" turned_away
in=0 out=0
for _ in {1..20}; do
	[ "$(answer strict ada acct_mgmt)" != "pamtester: account management done." ] || in=$((in + 1))
	pamtest loose bob acct_mgmt >"$W/said-bob" 2>&1 && continue
	grep -q "User account has expired" "$W/said-bob" && out=$((out + 1))
done
equal "$in $out" "20 20" "meanwhile whoever is on the roll logs in, and a leaver is refused with down=ignore"
equal "$(as_ada /usr/bin/python3 /mnt/bin/fill_desk.py /run/rollcall/desk.login 1 2>&1 | grep -c 'Permission denied')" 1 \
	"and no user has a way to the other socket"
eventually 20 "the crowd was there all the time" turned_away
for i in 1 2 3; do end "crowd$i"; done

touch "$W/victim"
ln -s "$W" "$W/link"
check "nor is a link followed" test "$("$ROOT/etc/rollcall-kick" "$W/link" 2>&1 | grep -c 'is no folder')" = 1 -a -e "$W/victim"

# A file that was missed is taken away at the next start.
daemon_stop
install -m 600 -o 20002 /dev/null "$file"
install -m 600 -o 20001 -D /dev/null "$RUN/20001/cloud.env"
daemon_ready
check "what a daemon that was down has missed is taken away at its start" test ! -e "$file" -a -e "$RUN/20001/cloud.env"
check "colleagues are not touched" ssh_to sshd-env ada true

# No core file is written, whatever the limit of whoever started it.
cores() { find "$W" "$here" -maxdepth 1 -name 'core*' ! -name '*.log' ! -name '*.sh' 2>/dev/null | wc -l; }
here=$(readlink "/proc/${PID[rollcalld]}/cwd") before=$(cores)
prlimit --pid "${PID[rollcalld]}" --core=unlimited
end rollcalld ABRT
equal "$(cores)" "$before" "a daemon that is aborted leaves no core file, even without a limit"

# The host's own copies of the account do not help when the daemon is gone and its word is asked for.
equal "$(answer strict bob acct_mgmt)" "pamtester: Authentication service cannot retrieve authentication info" "down=deny, and the daemon is gone"
for name in session session2 sshd-env sshd-file; do end "$name"; done
equal "$(mount_entries)" 0 "nothing stays mounted outside"
finish
