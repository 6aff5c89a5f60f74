# The vendor's clients in end-to-end tests; sourced after tests/e2e/lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154
CLIENTS=$O/clients
HERE=$ROOT/tests/clients

clients_ready() { # installed, and the world has certificates for the cloud's names
	local said hosts=IP:127.0.0.1 service
	said=$("$HERE/install.sh") || die "the vendor's clients are not there: $said"
	certificate ca "/O=Example/CN=Test CA" "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign"
	for service in cam tcb tcbr lighthouse tat sts tag billing; do hosts+=",DNS:$service.tencentcloudapi.com"; done
	signed cloud-tls ca "/CN=tencentcloudapi.com" "subjectAltName=$hosts"
}
# The emulator speaks TLS under the cloud's own names, and the daemon is led there.
cloud_start() { # [OPTION]...
	emulator_start --tls-cert "$W/cloud-tls.pem" --tls-key "$W/cloud-tls.key" "$@"
	SET[cloud.endpoint.connect]="\"127.0.0.1:$EMULATOR_PORT\"" SET[cloud.endpoint.ca]="\"$W/ca.pem\""
}
# client NAME [VARIABLE=VALUE]... COMMAND...: in an environment that has nothing else, with a home of its own, inside of
# the fence.  Secrets come by standard input.
client() {
	local home=$W/home-$1
	shift
	mkdir -p "$home"
	env -i PATH="$PATH" HOME="$home" TMPDIR="$W" LANG=C.UTF-8 CI=1 CLIENTS="$CLIENTS" NODE_EXTRA_CA_CERTS="$W/ca.pem" \
		NODE_OPTIONS="--require $HERE/fence.cjs" CLOUD_PORT="$EMULATOR_PORT" FENCE_LOG="$W/fence.log" \
		POLICY_CACHE="$POLICY_CACHE" "$@"
}
# What a script here says, as tests of this suite.
relay() { # NAME [VARIABLE=VALUE]... COMMAND...
	local name=$1 line failed='' details=() last=''
	tell() {
		[ -z "$failed" ] || not_ok "$failed" "${details[@]}"
		failed='' details=()
	}
	while IFS= read -r line; do
		case $line in
		"ok "*) tell; ok "${line#ok }" ;;
		"not ok "*) tell; failed=${line#not ok } ;;
		"#   "*) details+=("${line#\#   }") ;;
		"status "*) tell; last=${line#status } ;;
		*) tell; note "${line#\# }" ;;
		esac
	done < <(client "$@" 2>&1; echo "status $?")
	equal "$last" 0 "$name: it ran to its end"
}
# By hand, as an administrator does it in the console.
by_hand() { administrator | client hand node "$HERE/call.mjs" "$@"; }
