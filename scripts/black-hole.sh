#!/bin/bash
# A real slapd behind a network that drops packets without a word, with the limits that are the default:
# how long `follow` takes to notice, to come back, and to find the other address of a name.
#   cargo build --release && scripts/black-hole.sh [target/release/syncrepl]
# It makes network namespaces of its own, as any user for whom `unshare -rn true` works, and leaves
# nothing behind. It takes about three minutes, so it is no part of ./test.
set -euo pipefail

if [ "${1:-}" != inside ]; then
    script=$(realpath "$0")
    cd "$(dirname "$script")/.."
    program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/syncrepl}")
    for tool in slapd ldapmodify ip unshare nsenter; do
        PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null ||
            { echo "$tool not found: apt-get install slapd ldap-utils iproute2 util-linux" >&2; exit 1; }
    done
    exec unshare -rnmpf --kill-child --mount-proc "$script" inside "$program"
fi

PATH=$PATH:/usr/sbin
syncrepl=$2
suffix=dc=example,dc=com
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "black-hole: $*" >&2
    cat "$folder"/*.err >&2 || true
    exit 1
}

# Until the command succeeds, or so many seconds are over: how long that was.
within() {
    local limit=$1 began=$SECONDS
    shift
    until "$@" >/dev/null 2>&1; do
        [ $((SECONDS - began)) -lt "$limit" ] || fail "not within $limit s: $*"
        sleep 0.05
    done
    took=$((SECONDS - began))
}

# --- two machines, and a name with two addresses
ip link set lo up
unshare -n sleep infinity &
far=$!
within 5 test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$far/ns/net)"
there() { nsenter -t "$far" -n "$@"; }
within 5 ip link add near type veth peer name far netns "$far"
ip addr add 10.99.0.1/24 dev near
ip link set near up
there ip link set lo up
there ip addr add 10.99.0.2/24 dev far
there ip addr add 10.99.0.3/24 dev far
there ip link set far up
printf '127.0.0.1 localhost\n10.99.0.2 ldap.test\n10.99.0.3 ldap.test\n' >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts

# --- slapd, with something to send
mkdir "$folder/db"
cat >"$folder/slapd.conf" <<END
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
pidfile $folder/slapd.pid
sizelimit unlimited
database mdb
suffix $suffix
rootdn cn=admin,$suffix
rootpw secret
directory $folder/db
maxsize 1073741824
dbnosync
index objectClass,entryCSN,entryUUID eq
overlay syncprov
syncprov-sessionlog 1000
END
{
    printf 'dn: %s\nobjectClass: organization\nobjectClass: dcObject\ndc: example\no: example\n\n' "$suffix"
    for number in $(seq 20000); do
        printf 'dn: cn=p%d,%s\nobjectClass: person\ncn: p%d\nsn: p\ndescription: %0500d\n\n' \
            "$number" "$suffix" "$number" "$number"
    done
} >"$folder/data.ldif"
slapadd -q -f "$folder/slapd.conf" -l "$folder/data.ldif"
# A copy, since a profile of AppArmor keeps the one in /usr/sbin out of this folder. It goes by path.
cp "$(command -v slapd)" "$folder/slapd"
there "$folder/slapd" -f "$folder/slapd.conf" -h "ldap://10.99.0.2 ldap://10.99.0.3" -d 0 &
within 10 ldapsearch -x -H ldap://ldap.test -s base -b "$suffix" 1.1

# On the far side nothing is amiss.
describe() {
    printf 'dn: cn=p1,%s\nchangetype: modify\nreplace: description\ndescription: %s\n' "$suffix" "$1" |
        there ldapmodify -x -H ldap://10.99.0.2 -D "cn=admin,$suffix" -w secret >/dev/null
}
# The far side drops all packets to the near side, acknowledgements too.
drop() { there ip route add blackhole 10.99.0.1/32; }
pass() { there ip route del blackhole 10.99.0.1/32; }

follow() {
    rm -f "$folder"/copy.db*
    : >"$folder/out"
    : >"$folder/$1.err"
    "$syncrepl" follow --data "$folder/copy.db" -x -H "$2" -b "$suffix" --format json \
        >"$folder/out" 2>"$folder/$1.err" &
    follower=$!
}
told() { grep -q "$1" "$folder/out"; }
said() { grep -q "$2" "$folder/$1.err"; }
end() {
    kill -TERM "$follower"
    wait "$follower" || fail "follow ended with $?"
    echo "--- $1"
    cat "$folder/$1.err"
}

# --- 1. in the persist stage
follow persisting ldap://10.99.0.2
within 60 told '"op":"commit"'
drop
describe meanwhile
within 60 said persisting 'trying again in'
noticed=$took
pass
within 120 told meanwhile
end persisting
echo "noticed after $noticed s, made good $took s after the packets passed again"

# --- 2. in the middle of a refresh
follow refreshing ldap://10.99.0.2
within 20 told '"op":"add"'
drop
within 60 said refreshing 'trying again in'
noticed=$took
told '"op":"commit"' && fail "the refresh was over before the packets were dropped"
pass
within 120 told '"op":"commit"'
end refreshing
echo "noticed after $noticed s, made good $took s after the packets passed again"

# --- 3. one address of two
follow addresses ldap://ldap.test
within 60 told '"op":"commit"'
there ip rule add blackhole from 10.99.0.2
describe elsewhere
within 60 said addresses 'trying again in'
noticed=$took
within 20 told elsewhere
end addresses
[ "$took" -lt 5 ] || fail "the dead address was tried first: $took s"
echo "noticed after $noticed s, at the other address $took s later"
