#!/bin/sh
# Makes the Debian package:  etc/make-deb.sh VERSION BUILD MAKE...   (called by `make deb`)
# MAKE... is the make command that installs into DESTDIR.  The package lands in BUILD.
set -eu
export LC_ALL=C
version=$1
build=$(realpath "$2")
shift 2
stage=$build/stage
architecture=$(dpkg --print-architecture)
rm -rf "$stage"
"$@" install DESTDIR="$stage"

# What a program needs is in its NEEDED entries; which package that is, and since which version, says the
# package itself (its .shlibs file).
depends() {
	for program in "$stage"/usr/bin/* "$stage"/usr/sbin/* "$stage"/lib/*/security/*.so; do
		objdump -p "$program" | awk '$1 == "NEEDED" { print $2 }'
	done | sort -u | while read -r soname; do
		name=${soname%%.so*}
		number=${soname##*.so.}
		found=$(cat /var/lib/dpkg/info/*:"$architecture".shlibs /var/lib/dpkg/info/*.shlibs 2>/dev/null |
			awk -v n="$name" -v v="$number" '$1 == n && $2 == v { $1 = $2 = ""; sub(/^ +/, ""); print; exit }')
		[ -n "$found" ] || { echo "make-deb: no package is known for $soname" >&2; exit 1; }
		echo "$found"
	done | sort -u | paste -sd, | sed 's/,/, /g'
}
strip --strip-unneeded "$stage"/usr/bin/* "$stage"/usr/sbin/* "$stage"/lib/*/security/*.so
needs=$(depends)
[ -n "$needs" ]

mkdir -p "$stage/DEBIAN"
size=$(du -sk --exclude=DEBIAN "$stage" | cut -f1)
cat >"$stage/DEBIAN/control" <<END
Package: rollcall
Version: $version
Architecture: $architecture
Maintainer: The Rollcall authors <rollcall@example.org>
Installed-Size: $size
Depends: $needs, adduser
Recommends: ca-certificates
Suggests: slapd, openssl
Section: admin
Priority: optional
Description: from directory entries to Tencent Cloud sub-accounts
 rollcalld follows an LDAP directory. Whoever is on the roll gets a sub-account
 with an isolated development environment; whoever leaves it loses access.
END
(cd "$stage" && find etc -type f 2>/dev/null | sed 's|^|/|') >"$stage/DEBIAN/conffiles"
cat >"$stage/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers rollcall.conf
	else
		getent group rollcall-admin >/dev/null || addgroup --quiet --system rollcall-admin
		getent passwd rollcall >/dev/null ||
			adduser --quiet --system --group --no-create-home --home /var/lib/rollcall rollcall
	fi
	install -d -m 750 -o root -g rollcall /etc/rollcall
	[ ! -e /etc/rollcall/rollcall.conf ] || { chgrp rollcall /etc/rollcall/rollcall.conf; chmod 640 /etc/rollcall/rollcall.conf; }
	install -d -m 700 -o rollcall -g rollcall /var/lib/rollcall
	# The service is neither enabled nor started: it wants settings first.
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload || true
		[ -z "$2" ] || systemctl try-restart rollcalld.service || true
	fi
fi
END
cat >"$stage/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	systemctl disable --now rollcalld.service || true
fi
END
chmod 755 "$stage/DEBIAN/postinst" "$stage/DEBIAN/prerm"
find "$stage" -type d -exec chmod 755 {} +
package=$build/rollcall_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$stage" "$package" >/dev/null
echo "$package"
