#!/bin/bash
# Builds the Debian package into target/debian and tries it: unpacks it into a temporary folder,
# copies a slapd of its own with the binary in it, and lets systemd judge the unit where it can.
#   scripts/deb.sh          build and try
#   scripts/deb.sh build    build only
# cargo-deb is compiled if it is missing, which takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
unset CARGO_TARGET_DIR

fail() {
    echo "deb: $*" >&2
    exit 1
}

build() {
    command -v dpkg-deb >/dev/null || fail "there is no dpkg here"
    if ! cargo deb --version >/dev/null 2>&1; then
        echo "deb: installing cargo-deb" >&2
        cargo install --locked cargo-deb
    fi
    # With Kerberos, as the library of it is on every Debian.
    scripts/packages.sh krb5-config:libkrb5-dev pkg-config:pkg-config '/usr/lib/llvm-*/lib/libclang.so*:libclang-dev'
    cargo build --release --locked -p syncrepl --features gssapi
    local syncrepl=target/release/syncrepl names
    rm -rf target/package
    mkdir -p target/package/man target/package/completions
    $syncrepl man >target/package/man/syncrepl.1
    names=$($syncrepl --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z]\+\) .*/\1/p' | grep -vx help)
    for name in $names; do
        $syncrepl man "$name" >"target/package/man/syncrepl-$name.1"
    done
    $syncrepl completions bash >target/package/completions/syncrepl.bash
    $syncrepl completions zsh >target/package/completions/_syncrepl
    $syncrepl completions fish >target/package/completions/syncrepl.fish
    rm -f target/debian/syncrepl_*.deb
    cargo deb --quiet --no-build -p syncrepl
    ls target/debian/syncrepl_*.deb
}

try() {
    local package folder
    package=$(ls target/debian/syncrepl_*.deb)
    folder=$(mktemp -d)
    # shellcheck disable=SC2064 # the name is known now
    trap "scripts/try-slapd.sh stop '$folder/slapd' >/dev/null 2>&1 || true; rm -rf '$folder'" EXIT
    dpkg -x "$package" "$folder/root"
    for file in usr/bin/syncrepl usr/lib/systemd/system/syncrepl{,-run}@.service \
        usr/share/man/man1/syncrepl.1.gz \
        usr/share/man/man1/syncrepl-{refresh,follow,run,check,sinks,sink,dead,doctor,adopt,dump,status}.1.gz \
        usr/share/bash-completion/completions/syncrepl usr/share/doc/syncrepl/copyright \
        usr/share/doc/syncrepl/docs/delivery/exec.md usr/share/doc/syncrepl/docs/events.schema.json \
        usr/share/doc/syncrepl/examples/example.{conf,toml} usr/share/doc/syncrepl/examples/logrotate; do
        [ -s "$folder/root/$file" ] || fail "the package has no $file"
    done
    dpkg-deb -f "$package" Depends | grep -q libgssapi-krb5 || fail "the package has no Kerberos"
    for script in postinst prerm postrm; do
        dpkg-deb --ctrl-tarfile "$package" | tar -xO "./$script" | sh -n || fail "the package has no good $script"
    done
    run "$folder"
    judge "$folder"
    echo "deb: $package is good"
}

# The binary against a slapd, with the words of the unit: a password file, a filter, attributes.
run() {
    local folder=$1 port url
    scripts/packages.sh
    port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    scripts/try-slapd.sh "$folder/slapd" "$port" >/dev/null
    url=ldap://127.0.0.1:$port
    printf '%s' secret >"$folder/password"
    chmod 600 "$folder/password"
    "$folder/root/usr/bin/syncrepl" refresh --data "$folder/copy.db" --format ldif -H "$url" \
        -D cn=admin,dc=example,dc=com -y "$folder/password" -b dc=example,dc=com \
        '(objectClass=person)' cn >"$folder/changes.ldif"
    grep -q '^changetype: add$' "$folder/changes.ldif" || fail "the binary printed no change"
    "$folder/root/usr/bin/syncrepl" status --data "$folder/copy.db"
}

# systemd judges the units, with the unpacked binary in the place of the installed one.
judge() {
    local folder=$1 name unit
    if ! command -v systemd-analyze >/dev/null; then
        echo "deb: there is no systemd-analyze here: the units were not judged" >&2
        return
    fi
    for name in syncrepl syncrepl-run; do
        unit=$folder/$name@try.service
        sed "s|/usr/bin/syncrepl|$folder/root/usr/bin/syncrepl|; /^Documentation=/d" \
            "$folder/root/usr/lib/systemd/system/$name@.service" >"$unit"
        systemd-analyze verify "$unit" || fail "systemd refuses the unit $name"
        systemd-analyze security --offline=true --threshold=20 "$unit" | tail -n 1
    done
}

case ${1:-all} in
all) build && try ;;
build) build ;;
*) fail "scripts/deb.sh [build]" ;;
esac
