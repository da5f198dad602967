#!/bin/sh
# Try syncrepl: starts a little slapd (scripts/try-slapd.sh), copies it with `syncrepl refresh`, and
# says how to go on. Run again, it uses the same server and the same copy.
set -eu
cd "$(dirname "$0")/.."

folder=target/try
port=${1:-3890}
base=dc=example,dc=com

scripts/packages.sh
cargo build --release --locked --package syncrepl
built=${CARGO_TARGET_DIR:-target}/release/syncrepl
if grep -q slapd "/proc/$(cat $folder/slapd.pid 2>/dev/null)/comm" 2>/dev/null; then
    port=$(cat $folder/port)
else
    scripts/try-slapd.sh $folder "$port"
    echo "$port" >$folder/port
fi

url=ldap://127.0.0.1:$port
show() {
    echo
    echo "\$ syncrepl $* '(objectClass=person)' cn description"
    "$built" "$@" '(objectClass=person)' cn description
}
show refresh --data $folder/copy.db --format text -H "$url" -b $base

cat <<END

Follow it:  $built follow --data $folder/copy.db
Change it:  ldapmodify -x -H $url -D cn=admin,$base -w secret -f scripts/try-changes.ldif
End it:     scripts/try-slapd.sh stop $folder
END
