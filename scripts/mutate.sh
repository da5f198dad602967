#!/bin/bash
# Plays mutated recordings of real servers to the library and to the command, more of them than ./test does.
#   scripts/mutate.sh --streams 100000 [--seed N]
# Needs Rust. The command gets one stream for every 50 of the library.
set -euo pipefail
cd "$(dirname "$0")/.."

streams=20000
while [ $# -gt 0 ]; do
    case $1 in
    --streams) streams=$2 ;;
    --seed) export SYNCREPL_SEED=$2 ;;
    *)
        echo "usage: scripts/mutate.sh [--streams N] [--seed N]" >&2
        exit 2
        ;;
    esac
    shift 2
done

SYNCREPL_STREAMS=$streams cargo test --release -p syncrepl-hostile --test mutated -- --nocapture
SYNCREPL_COMMAND_STREAMS=$(((streams + 49) / 50)) cargo test --release -p syncrepl --test hostile streams -- --nocapture
