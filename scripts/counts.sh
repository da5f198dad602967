#!/bin/bash
# Counts the instructions of inner loops under callgrind, and compares them with what they may be.
# Counts repeat, whatever else the machine does: 5 % more than in the budget is a failure.
#   scripts/counts.sh            compares
#   scripts/counts.sh --write    writes the budget anew, when more is wanted, or a compiler gives less
set -euo pipefail
cd "$(dirname "$0")/.."
budget=crates/test/bench/budget.txt

cargo build --release --quiet --locked -p syncrepl-bench --bin counted
program=${CARGO_TARGET_DIR:-target}/release/counted

collected() {
    LC_ALL=C valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        sed -nE 's/.*Collected : ([0-9]+).*/\1/p'
}

# Of one round; what the start of a process takes is in both runs.
count() {
    local few many
    few=$(collected "$1" 100)
    many=$(collected "$1" 1100)
    echo $(((many - few) / 1000))
}

failed=
found=
for name in decode compare dn; do
    number=$(count "$name")
    [ "$number" -gt 0 ] || { echo "counts: nothing was counted for $name" >&2; exit 1; }
    found+="$name $number"$'\n'
    allowed=$(sed -nE "s/^$name ([0-9]+)$/\1/p" "$budget" 2>/dev/null || true)
    echo "$name: $number instructions, budget ${allowed:-none}"
    if [ -z "$allowed" ] || [ $((number * 100)) -gt $((allowed * 105)) ]; then
        failed+=" $name"
    fi
done
if [ "${1:-}" = --write ]; then
    printf '%s' "$found" >"$budget"
    exit
fi
[ -z "$failed" ] || {
    echo "counts: more than 5 % over the budget in $budget:$failed" >&2
    echo "counts: mend it, or say in the commit why it has to be, with scripts/counts.sh --write" >&2
    exit 1
}
