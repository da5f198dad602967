#!/bin/bash
# Packages the six crates that can be published, into target/package, and looks into them: each has
# the README, both licences and no file from outside of its folder. Publishes nothing.
#   scripts/crates.sh             package only: a few seconds
#   scripts/crates.sh --verify    and build each from its package, with the others taken from theirs
set -euo pipefail
cd "$(dirname "$0")/.."

crates=(syncrepl-proto syncrepl-client syncrepl-provider syncrepl-relay syncrepl-sinks syncrepl)

fail() {
    echo "crates: $*" >&2
    exit 1
}

# One call packages all: they depend on each other, and no registry has them. That needs cargo 1.90.
# Crates for tests have no version in the workspace, so cargo leaves them out.
check=--no-verify
if [ $# -gt 0 ]; then
    [ "$*" = --verify ] || fail "scripts/crates.sh [--verify]"
    check=
fi
target=$(cargo metadata --locked --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
rm -f "$target"/package/*.crate # older versions
# shellcheck disable=SC2086 # one word or none
cargo package --quiet --locked --allow-dirty $check "${crates[@]/#/--package=}"

for crate in "${crates[@]}"; do
    package=$(ls "$target/package/$crate"-[0-9]*.crate)
    list=$(tar -tzf "$package")
    for file in README.md LICENSE-MIT LICENSE-APACHE Cargo.toml src/; do
        grep -q "^$crate-[^/]*/$file" <<<"$list" || fail "$package has no $file"
    done
    manifest=$(tar -xzOf "$package" --wildcards "$crate-*/Cargo.toml")
    ! grep -q '^path = "\.\.' <<<"$manifest" || fail "$package needs a file from outside"
    echo "crates: $package is good" >&2
done
