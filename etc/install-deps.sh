#!/bin/sh
# Installs the Debian packages that Rollcall needs:  etc/install-deps.sh GROUP...
# Groups: build demo test lint fuzz.  Only what is missing is installed, without questions, as root or by `sudo -n`.
#
# Nothing that is installed here runs now or at the next boot: tests bring private servers of their own.  A
# policy-rc.d refuses the start of services whose package was not there before, and they are disabled
# afterwards.  For all others the machine's own policy goes on to hold, and it is put back when this ends.
set -eu
export LC_ALL=C

# Node.js often comes another way than from Debian; then it stays as it is.
node_packages() {
	command -v node >/dev/null || echo nodejs
	command -v npm >/dev/null || echo npm
}
packages() {
	case $1 in
	build) echo libc6-dev pkg-config libldap-dev libcurl4-openssl-dev libssl-dev libcjson-dev libconfig-dev libpam0g-dev \
		libsqlite3-dev libmicrohttpd-dev libsystemd-dev ;;
	demo) echo slapd ldap-utils openssl ca-certificates jq curl python3 ;;
	test) echo libcmocka-dev slapd ldap-utils openssl ca-certificates jq curl sqlite3 python3 openssh-server openssh-client \
		pamtester valgrind "$(node_packages)" ;;
	lint) echo libcmocka-dev clang-format clang-tidy cppcheck shellcheck mandoc python3 ;;
	fuzz) echo clang llvm ;;
	*) return 1 ;;
	esac
}

policy=/usr/sbin/policy-rc.d
saved=/usr/sbin/policy-rc.d.before-rollcall
ours='# rollcall install-deps'
# Kept on the disk until all is put back, so that the next run can do what a killed one left undone.
work=/var/lib/rollcall-install-deps

say() { echo "install-deps: $*"; }
die() { echo "install-deps: $*" >&2; exit 1; }

[ $# -gt 0 ] || die "usage: install-deps.sh GROUP...   (build demo test lint fuzz)"
wanted=
for group in "$@"; do
	wanted="$wanted $(packages "$group")" || die "unknown group \"$group\" (build demo test lint fuzz)"
done
wanted=$(echo "$wanted" | tr -s ' ' '\n' | sed '/^$/d' | sort -u)
if ! command -v dpkg-query >/dev/null; then
	say "this is not a Debian system; needed are the equivalents of: $(echo "$wanted" | tr '\n' ' ')"
	exit 0
fi

installed() { dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u; }
missing() { echo "$wanted" | grep -vxF -e "$(installed)" | tr '\n' ' '; }

need=$(missing)
[ -n "$need" ] || [ -d "$work" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	[ -n "$need" ] || exit 0
	if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		exec sudo -n -- "$0" "$@"
	fi
	die "these packages are missing, and neither root nor \`sudo -n\` is at hand to install them: $need"
fi

# One at a time; whoever waited looks again at what is missing.
exec 9>/run/rollcall-install-deps.lock
flock 9
# Names of the services that the packages on standard input bring: "slapd", "ssh.socket".
services_of() {
	xargs -r dpkg-query -L 2>/dev/null | sed -n -e 's|^/etc/init\.d/\([^/]*\)$|\1|p' \
		-e 's|^\(/usr\)\{0,1\}/lib/systemd/system/\([^/]*\)\.service$|\2|p' \
		-e 's|^\(/usr\)\{0,1\}/lib/systemd/system/\([^/]*\.\(socket\|timer\|path\)\)$|\2|p' | sort -u
}
disable() {
	if [ -x "/etc/init.d/$1" ]; then
		update-rc.d "$1" disable >/dev/null 2>&1 </dev/null || return 1
	fi
	command -v systemctl >/dev/null || return 0
	case $1 in *.*) unit=$1 ;; *) unit=$1.service ;; esac
	[ "$(systemctl is-enabled "$unit" 2>/dev/null </dev/null)" != enabled ] ||
		systemctl disable "$unit" >/dev/null 2>&1 </dev/null
}
put_back() {
	if [ -f "$work/services" ]; then
		installed | comm -13 "$work/before" - | services_of | comm -13 "$work/services" - >"$work/new"
		while read -r name; do
			disable "$name" || say "could not disable $name"
		done <"$work/new"
		[ ! -s "$work/new" ] || say "disabled what came with it: $(tr '\n' ' ' <"$work/new")"
	fi
	if [ -e "$saved" ] || [ -L "$saved" ]; then
		mv -f "$saved" "$policy"
	elif [ -f "$policy" ] && grep -q "^$ours" "$policy"; then
		rm -f "$policy"
	fi
	rm -rf "$work"
}
put_back
need=$(missing)
[ -n "$need" ] || exit 0
trap put_back EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -m 700 "$work"
installed >"$work/before"
services_of <"$work/before" >"$work/services.new"
mv "$work/services.new" "$work/services"
if [ -e "$policy" ] || [ -L "$policy" ]; then
	mv "$policy" "$saved"
fi
cat >"$policy" <<END
#!/bin/sh
$ours, for the duration of one installation
name=\${1%.service}
grep -qxF -e "\$name" "$work/services" || exit 101
[ ! -x "$saved" ] || exec "$saved" "\$@"
exit 0
END
chmod 755 "$policy"

say "installing $need"
export DEBIAN_FRONTEND=noninteractive
quietly() { "$@" >"$work/log" 2>&1 </dev/null 9>&- || { cat "$work/log" >&2; return 1; }; }
quietly apt-get -q update || say "the package lists could not be renewed; going on with those that are there"
# shellcheck disable=SC2086
quietly apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 \
	install $need || die "the installation did not end well; see above"
