#!/bin/sh
# A small OpenLDAP server to try syncrepl on: no root, no systemd, loopback only.
#   scripts/try-slapd.sh [FOLDER [PORT]]   start it (a new temporary folder, port 3890)
#   scripts/try-slapd.sh stop FOLDER       stop it
# The service slapd that Debian may have started, and its files, are left alone.
set -eu

suffix=dc=example,dc=com

main() {
    PATH=$PATH:/usr/sbin:/usr/local/sbin
    if [ "${1:-}" = stop ]; then
        stop "${2:?which one? scripts/try-slapd.sh stop FOLDER}"
        return
    fi
    for program in slapd ldapadd; do
        command -v "$program" >/dev/null || fail "$program not found: apt-get install slapd ldap-utils"
    done
    [ $# -gt 0 ] || set -- "$(mktemp -d)"
    start "$1" "${2:-3890}"
}

fail() {
    echo "try-slapd: $*" >&2
    exit 1
}

start() {
    port=$2
    mkdir -p "$1/db"
    folder=$(cd "$1" && pwd)
    running "$folder" && fail "one runs in $folder: scripts/try-slapd.sh stop $folder"
    rm -f "$folder/slapd.pid"
    configuration "$folder" >"$folder/slapd.conf"
    [ -e "$folder/db/data.mdb" ] && is_new=no || is_new=yes

    slapd=$(command -v slapd)
    if [ -e /etc/apparmor.d/usr.sbin.slapd ]; then
        # The profile keeps /usr/sbin/slapd out of this folder. It goes by path.
        cp "$slapd" "$folder/slapd"
        slapd=$folder/slapd
    fi
    url=ldap://127.0.0.1:$port
    nohup "$slapd" -f "$folder/slapd.conf" -h "$url" -d 0 </dev/null >"$folder/output" 2>&1 &
    child=$!
    wait_for_answer "$url" "$child" "$folder"
    if [ "$is_new" = yes ]; then
        company | ldapadd -x -H "$url" -D "cn=admin,$suffix" -w secret >/dev/null
    fi

    cat <<END
slapd answers at $url
  base       $suffix (anybody may read)
  change it  ldapmodify -x -H $url -D cn=admin,$suffix -w secret
  stop it    scripts/try-slapd.sh stop $1
END
}

stop() {
    [ -e "$1/slapd.conf" ] || fail "$1 is no folder of ours"
    running "$1" || fail "none runs in $1"
    pid=$(cat "$1/slapd.pid")
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "process $pid does not stop"
        sleep 0.05
    done
    echo "stopped; its files are in $1"
}

# Whether the process of that folder lives, and is a slapd: numbers are used again.
running() {
    [ -e "$1/slapd.pid" ] || return 1
    pid=$(cat "$1/slapd.pid")
    kill -0 "$pid" 2>/dev/null && grep -q slapd "/proc/$pid/comm" 2>/dev/null
}

wait_for_answer() {
    tries=0
    # The file comes after the port is ours: no other server on it is mistaken for this one.
    until [ -e "$3/slapd.pid" ] && ldapsearch -x -H "$1" -b '' -s base 1.1 >/dev/null 2>&1; do
        kill -0 "$2" 2>/dev/null || fail "slapd did not start; is the port of $1 taken? $(cat "$3/output")"
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "slapd does not answer: $(cat "$3/output")"
        sleep 0.05
    done
}

configuration() {
    for schema in core cosine inetorgperson; do
        echo "include /etc/ldap/schema/$schema.schema"
    done
    cat <<END
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
pidfile $1/slapd.pid
sizelimit unlimited

database mdb
suffix $suffix
rootdn cn=admin,$suffix
rootpw secret
directory $1/db
maxsize 1073741824
index objectClass,entryCSN,entryUUID eq
access to attrs=userPassword by * auth
access to * by * read
overlay syncprov
syncprov-sessionlog 1000
END
}

company() {
    cat <<END
dn: $suffix
objectClass: organization
objectClass: dcObject
dc: example
o: The example company
END
    for unit in people groups; do
        cat <<END

dn: ou=$unit,$suffix
objectClass: organizationalUnit
ou: $unit
END
    done
    person ann Ann Archer staff "Runs the place"
    person bob Bob Baker staff "Bread, and the servers"
    person cleo Cleo Carter staff "Drives the van"
    person dan Dan Dyer temp "Here for the summer"
    person eva Eva Engel staff "Knows where everything is"
    person finn Finn Fisher temp "Here for the winter"
    cat <<END

dn: cn=drivers,ou=groups,$suffix
objectClass: groupOfNames
cn: drivers
member: uid=cleo,ou=people,$suffix
member: uid=dan,ou=people,$suffix
END
}

# uid, given name, surname, kind, description
person() {
    cat <<END

dn: uid=$1,ou=people,$suffix
objectClass: inetOrgPerson
uid: $1
cn: $2 $3
givenName: $2
sn: $3
mail: $1@example.com
employeeType: $4
description: $5
END
}

main "$@"
