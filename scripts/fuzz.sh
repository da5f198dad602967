#!/bin/bash
# Fuzzes: each target for so many seconds, one after the other, from what was recorded.
#   scripts/fuzz.sh SECONDS [TARGET...]      without a target, all of them
# Needs a nightly Rust (rustup toolchain install nightly) and cargo install cargo-fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
if [ $# = 0 ]; then
    mapfile -t targets < <(cargo +nightly fuzz list)
    set -- "${targets[@]}"
fi
cargo run -q -p syncrepl-hostile --example corpus -- fuzz/corpus
# SQLite's C is not what is looked at, and takes a quarter of an hour with a sanitizer.
export CFLAGS="-fno-sanitize=all -O1"
for target; do
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" \
        -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=10 -max_len=8192
done
