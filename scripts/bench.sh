#!/bin/bash
# Measures syncrepl beside others and writes docs/performance.md. Takes a quarter to half an hour, and
# a quiet machine.
#   scripts/bench.sh              everyone, 10,000 to 1,000,000 entries
#   scripts/bench.sh --quick      ldapsearch only, 10,000 and 100,000; writes target/bench/performance.md
#   scripts/bench.sh --runs 9     more rounds
#   scripts/bench.sh --quick --only-persist       prints the table of the persist stage
#   scripts/bench.sh --sizes 1000,5000            other sizes; the others go up to 100,000
# The peers of Python are built in target/bench/venv, from PyPI; the ldap3 crate in target/bench/ldap3.
set -euo pipefail
cd "$(dirname "$0")/.."

out=docs
target=${CARGO_TARGET_DIR:-target}
options=(--sizes 10000,100000,1000000)
for word; do
    if [ "$word" = --quick ]; then
        out=target/bench
        options=(--sizes 10000,100000)
    fi
done
mkdir -p target/bench
scripts/packages.sh
cargo build --release --quiet --locked -p syncrepl -p syncrepl-bench

if [ "$out" = docs ]; then
    scripts/packages.sh '/usr/lib/python3*/ensurepip:python3-venv' '/usr/include/python3*/Python.h:python3-dev' \
        /usr/include/ldap.h:libldap2-dev /usr/include/sasl/sasl.h:libsasl2-dev
    python=target/bench/venv/bin/python
    # The mark is the last step, so that a half-made folder is made anew.
    if ! [ -e target/bench/venv/complete ]; then
        /usr/bin/python3 -m venv --clear target/bench/venv
        "$python" -m pip install --quiet python-ldap==3.4.8 pyasn1
        # Without its dependencies: it names an old package of python-ldap, which no longer builds.
        "$python" -m pip install --quiet --no-deps syncrepl-client==0.95.1
        touch target/bench/venv/complete
    fi
    cargo build --release --quiet --locked --manifest-path scripts/bench/ldap3/Cargo.toml --target-dir target/bench/ldap3
    options+=(--python "$python" --scripts scripts/bench --ldap3 target/bench/ldap3/release/with_ldap3)
fi
exec "$target/release/syncrepl-bench" --syncrepl "$target/release/syncrepl" "${options[@]}" --out "$out" "$@"
