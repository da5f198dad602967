#!/bin/bash
# A root of Debian 13 with newer servers: OpenLDAP 2.6 and 389 Directory Server 3. The tests of the target
# `newer` start servers out of it.
#   scripts/servers.sh make     makes it if it is missing, and prints its folder
#   scripts/servers.sh check    succeeds if these tests can run here, otherwise says why they cannot
# Its folder is kept: $SYNCREPL_SERVERS, or syncrepl/trixie in ${XDG_CACHE_HOME:-~/.cache}. To make it anew,
# remove the folder. Needs root, for chroot and mount, and some 600 MB.
set -euo pipefail
cd "$(dirname "$0")/.."

# The testing crate knows the same rule: crates/test/testing/src/release.rs.
root=${SYNCREPL_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/syncrepl/trixie}
release=trixie

fail() {
    echo "servers: $*" >&2
    exit 1
}

# A mount namespace goes away with its last process, and its mounts with it.
apart() {
    unshare --mount --propagation private -- "$@"
}

may() {
    [ "$(id -u)" = 0 ] || fail "only root may chroot and mount: run it as root"
    apart true 2>/dev/null || fail "a mount is not permitted here: it takes the capability CAP_SYS_ADMIN"
}

complete() {
    [ -x "$root/usr/sbin/slapd" ] && [ -x "$root/usr/sbin/ns-slapd" ]
}

# debootstrap alone cannot configure python3-cryptography, which 389-ds-base wants.
make() {
    local new=$root.new
    scripts/packages.sh debootstrap:debootstrap
    mkdir -p "$(dirname "$root")"
    exec 9>"$root.lock"
    flock 9 # somebody else may be making it
    ! complete || return 0
    [ ! -e "$root" ] || fail "$root is there and lacks a server: remove it"
    rm -rf --one-file-system "$new"
    debootstrap --variant=minbase --include=slapd,ldap-utils,slapd-contrib,libnss3-tools \
        "$release" "$new" || fail "debootstrap could not make $new"
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d" # no service starts
    chmod 755 "$new/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2016 # for the inner shell
    apart sh -euc '
        mount -t proc proc "$1/proc"
        DEBIAN_FRONTEND=noninteractive chroot "$1" \
            apt-get install --yes --no-install-recommends -qq -o Dpkg::Use-Pty=0 389-ds-base
        chroot "$1" apt-get clean' sh "$new" || fail "apt-get in $new could not install 389-ds-base"
    mv "$new" "$root"
}

case ${1:-} in
make)
    may
    complete || make </dev/null >&2
    echo "$root"
    ;;
check)
    complete || fail "there is no root of Debian 13 in $root"
    may
    ;;
*) fail "what? scripts/servers.sh make|check" ;;
esac
