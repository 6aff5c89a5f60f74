#!/bin/bash
# The vendor's own SDK against the emulated cloud, for every action that Rollcall calls.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/clients/clients.sh"
world
POLICY_CACHE=2
clients_ready
cloud_start
relay sdk ACTIONS="$ROOT/cloud/actions.c" node "$HERE/sdk.mjs" < <(administrator)
equal "$(cat "$W/fence.log" 2>/dev/null)" "" "it asked for nothing but the cloud"
finish
