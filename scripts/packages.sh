#!/bin/sh
# Installs the Debian packages that trying needs, if one of their programs is missing, and those of
# further pairs PROGRAM:PACKAGE that are given: `./test` gives its own. A pattern of files, with its
# whole path, may stand for the program.
# The package slapd would start a server on port 389; here it gets no configuration and no start.
set -eu

PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=
for pair in slapd:slapd ldapsearch:ldap-utils openssl:openssl python3:python3 cc:gcc cc:libc6-dev "$@"; do
    case $pair in
    # shellcheck disable=SC2086 # a pattern
    /*) ls ${pair%%:*} >/dev/null 2>&1 ;;
    *) command -v "${pair%%:*}" >/dev/null ;;
    esac || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

fail() {
    echo "packages: $*" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "there is no apt-get here: install what Debian calls$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "run as root: apt-get install$missing"
    as_root=sudo
    [ -z "${CI:-}" ] || as_root="sudo -n" # nobody is there to type a password
fi
echo "installing$missing" >&2
case $missing in
*slapd*)
    if command -v debconf-set-selections >/dev/null; then
        echo "slapd slapd/no_configuration boolean true" | $as_root debconf-set-selections
    fi
    ;;
esac
install() {
    # shellcheck disable=SC2086 # both are lists of words
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install --yes --no-install-recommends -qq -o Dpkg::Use-Pty=0 $missing </dev/null >&2
}
install || { $as_root apt-get update -qq >&2 && install; } || fail "apt-get could not install$missing"
