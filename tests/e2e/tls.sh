#!/bin/bash
# Encrypted on both sides: one TLS host name per cloud service, all led to one place; the directory by ldaps and by
# StartTLS; and nothing is said to whoever cannot show a certificate that fits.
. "$(dirname "$0")/lib.sh"
world
certificate ca "/O=Example/CN=Test CA" "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign"
certificate other "/O=Elsewhere/CN=Other CA" "basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign"
hosts=
for service in cam tcb lighthouse tat sts tag billing; do hosts+=",DNS:$service.tencentcloudapi.com"; done
signed cloud-tls ca "/CN=tencentcloudapi.com" "subjectAltName=${hosts#,}"
signed half-tls ca "/CN=tencentcloudapi.com" "subjectAltName=DNS:cam.tencentcloudapi.com"
signed slapd-tls ca "/CN=127.0.0.1" "subjectAltName=IP:127.0.0.1"

slapd_start
emulator_start --tls-cert "$W/cloud-tls.pem" --tls-key "$W/cloud-tls.key"
SET[cloud.endpoint.connect]="\"127.0.0.1:$EMULATOR_PORT\"" SET[cloud.endpoint.ca]="\"$W/ca.pem\""
SET[directory.uri]="\"$LDAPS\"" SET[directory.ca]="\"$W/ca.pem\""
ldap_add "$(people ada bob)"
daemon_ready
eventually 60 "the cloud by https under its own names, the directory by ldaps: two people are onboarded" all_in_stage active 2
equal "$(credential ada | signed_call --ca "$W/ca.pem" GetCallerIdentity | sed 's/.* //')" ok "the key works"
daemon_stop

SET[directory.uri]="\"$LDAP\"" SET[directory.starttls]=true
daemon_ready
ldap_add "$(person cleo)"
eventually 30 "the directory by StartTLS: another one" stage_is cleo active
daemon_stop

# --- who cannot show the right certificate hears nothing ------------------------------------------------------------
SET[directory.ca]="\"$W/other.pem\""
daemon_ready
ldap_add "$(person dora)"
sleep 2
equal "$(attribute dora rollcallStage)" "" "a directory whose certificate another CA signed is not believed"
rollcall status --json | jq -e '.health.directory == "not connected"' >/dev/null && ok "status says so" ||
	not_ok "status says so" "$(rollcall status --json | jq .health)"
daemon_stop
mark=$(calls .calls)
SET[directory.ca]="\"$W/ca.pem\"" SET[cloud.endpoint.ca]="\"$W/other.pem\""
daemon_ready
sleep 3
equal "$(calls .calls)" "$mark" "a cloud whose certificate another CA signed is sent nothing"
rollcall status --json | jq -e '.health.cloud_trouble' >/dev/null && ok "status says so" ||
	not_ok "status says so" "$(rollcall status --json | jq .health)"
daemon_stop

end emulator
emulator_start --tls-cert "$W/half-tls.pem" --tls-key "$W/half-tls.key"
SET[cloud.endpoint.ca]="\"$W/ca.pem\""
daemon_ready
sleep 3
equal "$(calls '[.log[].action] | unique | map(select(test("Env|Instance"))) | length')" 0 "a host that its certificate does not name is sent nothing"
finish
