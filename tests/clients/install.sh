#!/bin/bash
# Installs the vendor's clients (package-lock.json) into $O/clients, once for each build folder; whoever comes at the same
# time waits.  From npm's cache where it has them.  Prints nothing when it is well.
set -u
here=$(cd "$(dirname "$0")" && pwd)
to=${O:?}/clients
for tool in node npm; do
	command -v "$tool" >/dev/null || { echo "$tool is not installed (etc/install-deps.sh test)"; exit 1; }
done
mkdir -p "$to"
exec 9>"$to/lock"
flock 9
wanted=$(cat "$here/package.json" "$here/package-lock.json" "$here/.npmrc" | sha256sum | cut -d' ' -f1)
[ "$(cat "$to/stamp" 2>/dev/null)" != "$wanted" ] || exit 0
rm -f "$to/stamp"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$to/"
if ! (cd "$to" && npm ci --prefer-offline --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --loglevel=error) >"$to/log" 2>&1 </dev/null; then
	echo "npm could not install the clients:"
	tail -n 20 "$to/log"
	exit 1
fi
echo "$wanted" >"$to/stamp"
