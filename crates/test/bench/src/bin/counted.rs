//! An inner loop, so many times over, for `scripts/counts.sh`, which counts its instructions.
//!
//!     counted decode|compare|dn TIMES

use std::process::ExitCode;

use syncrepl_bench::{compare, decode, dn};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, times] = words.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(times) = times.parse() else {
        return ExitCode::from(2);
    };
    match what.as_str() {
        "decode" => repeat(times, decode()),
        "compare" => repeat(times, compare()),
        "dn" => repeat(times, dn()),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn repeat(times: usize, mut round: impl FnMut()) {
    (0..times).for_each(|_| round());
}
