#!/bin/bash
# Boots a Debian with the package in it, and watches the service there: its user, its copy and password,
# a change, a stop, a restart, an upgrade's restart and the removal. As root, with systemd-container
# installed. It is no part of ./test.
#   debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,libnss-systemd bookworm ROOT
#   scripts/deb.sh build
#   scripts/deb-boot.sh ROOT
# ROOT is not written to: the changes stay in memory. The server listens on loopback only, which the
# booted system shares.
set -euo pipefail
cd "$(dirname "$0")/.."

suffix=dc=example,dc=com
admin=cn=admin,$suffix
unit=syncrepl@example.service
copy=/var/lib/syncrepl/example/copy.db

fail() {
    echo "deb-boot: $*" >&2
    [ -z "${leader:-}" ] || inside journalctl --no-pager -o cat -u "$unit" >&2 || true
    exit 1
}

# In the booted system.
inside() {
    nsenter -t "$leader" -m -u -i -p -r -w "$@"
}

# Until the command succeeds, or half a minute is over.
wait_for() {
    local tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "in vain: $*"
        sleep 0.1
    done
}

clean_up() {
    if [ -n "${machine:-}" ]; then
        kill "$machine" 2>/dev/null || true # it shuts down what it booted
        wait "$machine" || true
    fi
    scripts/try-slapd.sh stop "$folder/slapd" >/dev/null 2>&1 || true
    rm -rf "$folder"
}

booted() {
    leader=$(pgrep -P "$machine" | head -n 1) && inside systemctl is-active multi-user.target
}

# How often the changes say this.
told() {
    inside sh -c "cat /var/log/syncrepl/example/changes* 2>/dev/null" | grep -c -- "$1" || true
}

# How often the messages say this.
said() {
    inside journalctl --no-pager -o cat -u "$unit" | grep -c -- "$1" || true
}

has_status() {
    inside systemctl show -P StatusText "$unit" | grep -q "^$1"
}

has_told() {
    [ "$(told "$1")" = "$2" ]
}

mail_of() {
    printf 'dn: uid=%s,ou=people,%s\nchangetype: modify\nreplace: mail\nmail: %s\n' "$1" "$suffix" "$2" |
        ldapmodify -x -H "$url" -D "$admin" -w secret >/dev/null
}

root=${1:?which one? scripts/deb-boot.sh ROOT}
[ "$(id -u)" = 0 ] || fail "only root can boot"
package=$(ls "$PWD"/target/debian/syncrepl_*.deb)
folder=$(mktemp -d)
trap clean_up EXIT
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
scripts/try-slapd.sh "$folder/slapd" "$port" >/dev/null
url=ldap://127.0.0.1:$port

systemd-nspawn --quiet --boot --volatile=overlay --register=no --keep-unit --console=pipe \
    --machine=syncrepl-boot --bind-ro="$package:/mnt/syncrepl.deb" -D "$root" \
    </dev/null >"$folder/console" 2>&1 &
machine=$!
wait_for booted

inside dpkg -i /mnt/syncrepl.deb >/dev/null
inside sh -eu -c "
    install -d -m 755 /etc/syncrepl
    sed 's|^URL=.*|URL=$url|; s|^BIND=.*|BIND=\"-D $admin\"|; s|^FORMAT=.*|FORMAT=json|' \
        /usr/share/doc/syncrepl/examples/example.conf >/etc/syncrepl/example.conf
    install -m 600 /dev/null /etc/syncrepl/example.pw
    printf '%s' secret >/etc/syncrepl/example.pw
    systemctl enable --now --quiet $unit"
wait_for has_told '"op":"add"' 6
[ "$(told '"op":"bind","authzid":"dn:'"$admin"'"')" = 1 ] || fail "not bound with the password"
[ "$(said warning)" = 0 ] || fail "a warning"
wait_for has_status following
[ "$(inside stat -L -c %a "$copy")" = 600 ] || fail "the copy has another mode"
owner=$(inside stat -L -c %U "$copy")
[ "$owner" = syncrepl ] || fail "the copy is of another user: $owner"

mail_of ann new@example.com
wait_for has_told '"op":"change"' 1
inside syncrepl dump --data "$copy" | grep -q '^mail: new@example.com$' || fail "the copy lacks a change"

# A rotation, by the commands of packaging/logrotate.
inside mv /var/log/syncrepl/example/changes /var/log/syncrepl/example/changes.1
inside systemctl reload "$unit"
wait_for inside test -s /var/log/syncrepl/example/changes
mail_of ann newer@example.com
wait_for has_told '"op":"change"' 2

# A server that is down is waited for, and is no failed start.
scripts/try-slapd.sh stop "$folder/slapd" >/dev/null
inside systemctl restart "$unit"
wait_for has_status waiting
inside systemctl is-active --quiet "$unit" || fail "it does not wait for its server"
scripts/try-slapd.sh "$folder/slapd" "$port" >/dev/null
wait_for has_status following

# Nobody needs no password.
inside sh -eu -c "
    sed -i 's|^BIND=.*|BIND=\"\"|' /etc/syncrepl/example.conf
    sed 's|/example|/anonymous|' /etc/syncrepl/example.conf >/etc/syncrepl/anonymous.conf
    sed -i 's|^BIND=.*|BIND=\"-D $admin\"|' /etc/syncrepl/example.conf
    systemctl start syncrepl@anonymous"
wait_for inside sh -c 'systemctl show -P StatusText syncrepl@anonymous | grep -q ^following'
inside systemctl stop syncrepl@anonymous

inside systemctl stop "$unit"
[ "$(inside systemctl show -P Result -P ExecMainStatus "$unit" | sort | xargs)" = "0 success" ] ||
    fail "it did not stop well"
mail_of bob new@example.com
inside systemctl start "$unit"
wait_for has_status following
wait_for has_told '"op":"change"' 3
refreshes=$(told '"op":"refresh_done"')
inside dpkg -i /mnt/syncrepl.deb >/dev/null # once more, as an upgrade does
wait_for has_told '"op":"refresh_done"' $((refreshes + 1))
has_told '"op":"add"' 6 && has_told '"op":"change"' 3 || fail "something was told twice"

inside dpkg --purge syncrepl >/dev/null 2>&1
! inside systemctl is-active --quiet "$unit" || fail "it runs on without its package"
[ -z "$(inside find /var/lib/private /var/log/private -name 'copy.db*' -o -name 'changes*')" ] || fail "a purge leaves the copy"
echo "deb-boot: the service is good"
