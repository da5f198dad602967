#!/bin/bash
# Boots a Debian with the package in it, and watches the service there: its user, its copy and password,
# a change, a stop, a restart, an upgrade's restart and the removal; once more by SCRAM-SHA-256, by a keytab of
# Kerberos, and as nobody. As root, with systemd-container, krb5-kdc and krb5-admin-server installed. It is no part
# of ./test.
#   debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,libnss-systemd,libgssapi-krb5-2 bookworm ROOT
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
    [ -z "${leader:-}" ] || inside journalctl --no-pager -o cat -u 'syncrepl@*' >&2 || true
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
    [ -z "${others:-}" ] || kill $others 2>/dev/null || true
    rm -rf "$folder"
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A realm, and a server that takes its tickets and SCRAM, with the entry of a reader. Sets sasl_url.
sasl_server() {
    local realm=EXAMPLE.COM kdc port
    kdc=$(free_port)
    port=$(free_port)
    sasl_url=ldap://localhost:$port
    mkdir "$folder/realm" "$folder/sasl" "$folder/sasl/db"
    cat >"$folder/realm/krb5.conf" <<END
[libdefaults]
 default_realm = $realm
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 $realm = {
  kdc = 127.0.0.1:$kdc
 }
[domain_realm]
 localhost = $realm
END
    cat >"$folder/realm/kdc.conf" <<END
[kdcdefaults]
 kdc_listen = 127.0.0.1:$kdc
 kdc_tcp_listen = 127.0.0.1:$kdc
[realms]
 $realm = {
  database_name = $folder/realm/principal
  key_stash_file = $folder/realm/stash
  acl_file = $folder/realm/acl
 }
END
    export KRB5_CONFIG=$folder/realm/krb5.conf KRB5_KDC_PROFILE=$folder/realm/kdc.conf
    PATH=$PATH:/usr/sbin
    kdb5_util create -s -r "$realm" -P master >/dev/null
    kadmin.local -r "$realm" >/dev/null <<END
addprinc -randkey reader
addprinc -randkey ldap/localhost
ktadd -k $folder/realm/reader.keytab reader
ktadd -k $folder/realm/ldap.keytab ldap/localhost
END
    krb5kdc -n -r "$realm" >"$folder/realm/output" 2>&1 &
    others="${others:-} $!"
    sed "s|$folder/slapd|$folder/sasl|" "$folder/slapd/slapd.conf" >"$folder/sasl/slapd.conf"
    sed -i '1i sasl-host localhost\npassword-hash {CLEARTEXT}\nauthz-regexp uid=([^,]+),cn=scram-sha-256,cn=auth uid=$1,ou=people,dc=example,dc=com' \
        "$folder/sasl/slapd.conf"
    KRB5_KTNAME=$folder/realm/ldap.keytab slapd -f "$folder/sasl/slapd.conf" -h "$sasl_url" -d 0 \
        >"$folder/sasl/output" 2>&1 &
    others="$others $!"
    wait_for ldapsearch -x -H "$sasl_url" -s base -b '' 1.1
    ldapadd -x -H "$sasl_url" -D "$admin" -w secret >/dev/null <<END
dn: $suffix
objectClass: organization
objectClass: dcObject
dc: example
o: The example company

dn: ou=people,$suffix
objectClass: organizationalUnit
ou: people

dn: uid=reader,ou=people,$suffix
objectClass: inetOrgPerson
uid: reader
cn: Reader
sn: Reader
userPassword: secret
END
}

# An instance of this name that binds so follows the server of SASL, as this identity.
follows_by() {
    local name=$1 bind=$2 who=$3
    inside sh -eu -c "
        sed 's|^URL=.*|URL=$sasl_url|; s|^BIND=.*|BIND=\"$bind\"|; s|^FORMAT=.*|FORMAT=json|' \
            /usr/share/doc/syncrepl/examples/example.conf >/etc/syncrepl/$name.conf
        systemctl start syncrepl@$name"
    wait_for inside sh -c "systemctl show -P StatusText syncrepl@$name | grep -q ^following"
    inside grep -qi "\"authzid\":\"dn:$who" "/var/log/syncrepl/$name/changes" ||
        fail "not bound as $who: $(inside grep authzid "/var/log/syncrepl/$name/changes")"
    inside systemctl stop "syncrepl@$name"
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
port=$(free_port)
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

# By SASL: nothing but the configuration and the secret's file differ.
sasl_server
inside sh -c 'grep -qs localhost /etc/hosts || echo 127.0.0.1 localhost >>/etc/hosts'
inside sh -eu -c 'cat >/etc/krb5.conf' <"$folder/realm/krb5.conf"
inside sh -eu -c 'umask 077; cat >/etc/syncrepl/kerberos.keytab' <"$folder/realm/reader.keytab"
inside sh -eu -c 'umask 077; printf %s secret >/etc/syncrepl/scram.pw'
follows_by kerberos "-Y GSSAPI" "uid=reader,cn=gssapi,cn=auth"
follows_by scram "-Y SCRAM-SHA-256 -U reader" "uid=reader,ou=people,$suffix"

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
