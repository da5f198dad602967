# The commands of this repository. CI runs ./test; nothing here does anything else than what it shows.

# what there is to run
default:
    @just --list

# everything that CI checks
test:
    ./test

# format and clippy
lint:
    ./test lint

# the documentation, without warnings
doc:
    ./test docs

# the tests alone
tests:
    ./test tests

# the tests on newer servers, out of a Debian root that is made once: as root
servers:
    ./test servers

# instructions of inner loops, compared with their budget: just counts --write to set it anew
counts *arguments:
    scripts/counts.sh {{arguments}}

# how long inner loops and the store take: just micro decode
micro *filter:
    cargo bench --package syncrepl-bench --bench micro -- {{filter}}

# beside others that do the same; writes docs/performance.md. --quick: beside ldapsearch only
bench *arguments:
    scripts/bench.sh {{arguments}}

# mutated recordings against the library and the command: just mutate --streams 100000
mutate *arguments:
    scripts/mutate.sh {{arguments}}

# fuzz all targets, or those named, for so many seconds each
fuzz seconds *targets:
    scripts/fuzz.sh {{seconds}} {{targets}}

# put the source into the one format
fmt:
    cargo fmt --all

# a little slapd, and a copy of it
try:
    scripts/try.sh

# print its changes as they happen
follow:
    "${CARGO_TARGET_DIR:-target}/release/syncrepl" follow --data target/try/copy.db

# stop that slapd
stop:
    scripts/try-slapd.sh stop target/try

# a Debian package in target/debian, unpacked and tried
deb:
    scripts/deb.sh

# the crates as they would be published, in target/package; --verify builds them too
crates *arguments:
    scripts/crates.sh {{arguments}}

# killed at every write, every write failing, and 800 kills at random moments: half an hour and more
sweep:
    SYNCREPL_SWEEP=all cargo test --release -p syncrepl --test sweep -- --nocapture
    SYNCREPL_SWEEP=all cargo test --release -p syncrepl-client --test kill sweep -- --nocapture

# packets dropped without a word, with the default time limits: three minutes
black-hole:
    cargo build --release --package syncrepl
    scripts/black-hole.sh

# the consumer against every legal provider: --seeds N, or --seed N for one with all that happens
simulate *arguments:
    cargo run --release --quiet --package syncrepl-simulation -- {{arguments}}

# takes each rule of the change logic out, and names what notices: just rules 2000
rules *seeds:
    scripts/rules.sh {{seeds}}
