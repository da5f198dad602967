#!/bin/bash
# Takes each rule of the change logic out in turn, and names what notices: the shortest trace among the
# findings of the simulation, and the histories and scripted tests that fail.
#   scripts/rules.sh [SEEDS]     so many seeds a rule at most (2000), half as many with hidden parents
#   RULES="a b" scripts/rules.sh    these rules only
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-2000}
cargo build --release --quiet --locked -p syncrepl-simulation
simulate=${CARGO_TARGET_DIR:-target}/release/simulate
table=crates/syncrepl-client/src/changes/rules.rs
all=$(sed -nE 's/^    row\(Rule::[A-Za-z]+, "([a-z-]+)",$/\1/p' "$table")

# The shortest finding of some seeds, or nothing.
shortest() {
    # With a finding it ends with 1: that is what is looked for here, and no failure.
    { "$simulate" --without "$1" --seeds "$2" --from 1000000 "${@:3}" || [ $? = 1 ]; } |
        sed -n 's/^the shortest: just simulate //p'
}

# The tests of a crate that fail without the rule.
failing() {
    SYNCREPL_WITHOUT=$rule cargo test --quiet --locked -p "$1" --test "$2" 2>&1 |
        sed -nE 's/^    ([a-z_0-9]+::[a-z_0-9]+)$/\1/p' | sort -u | tr '\n' ' ' || true
}

for rule in ${RULES:-$all}; do
    found=$(shortest "$rule" "$seeds")
    hidden=$(shortest "$rule" $((seeds / 2)) --hidden)
    histories=$(failing syncrepl-simulation histories)
    scripted=$(failing syncrepl-client scripted)
    printf '%s\n  seeds: %s\n  with hidden parents: %s\n  histories: %s\n  scripted tests: %s\n' \
        "$rule" "${found:-none}" "${hidden:+$hidden --hidden}" "${histories:-none}" "${scripted:-none}"
done
