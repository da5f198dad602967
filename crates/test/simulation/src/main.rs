//! `simulate --seeds N [--from S]` runs many seeds, `simulate --seed S` one, with all that happens.

use std::process::ExitCode;
use std::time::Instant;

use syncrepl_simulation::{Settings, folder, simulate};

const USAGE: &str = "simulate --seeds N [--from S] [--hidden] [--still] [--searchable] | --seed S …
  --seeds N   run N seeds, beginning with S or with one that the clock gives
  --seed S    run one seed, and print what happens
  --hidden    let filters hide containers of what they show
  --still     do not change the directory while it is read
  --searchable  let every provider search entryUUID";

/// Beyond so many findings no more seeds are run.
const ENOUGH: usize = 20;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let (mut seeds, mut from, mut one) = (None, None, None);
    let mut settings = Settings::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let word = words.next().ok_or("a number is missing")?;
            word.parse::<u64>()
                .map_err(|error| format!("{word}: {error}"))
        };
        match word.as_str() {
            "--seeds" => seeds = Some(number()?),
            "--from" => from = Some(number()?),
            "--seed" => one = Some(number()?),
            "--hidden" => settings.hidden_containers = true,
            "--still" => settings.concurrent = false,
            "--searchable" => settings.unsearchable = false,
            other => return Err(format!("unknown: {other}")),
        }
    }
    let folder = folder().map_err(|error| error.to_string())?;
    if let Some(seed) = one {
        settings.traced = true;
        let outcome = simulate(seed, folder.path(), settings);
        outcome.trace.iter().for_each(|line| println!("{line}"));
        outcome
            .findings
            .iter()
            .for_each(|finding| println!("seed {seed}: {finding}"));
        return Ok(outcome.findings.is_empty());
    }
    let seeds = seeds.ok_or("nothing to do")?;
    let from = from.unwrap_or_else(|| fastrand::u64(..1 << 40));
    println!("seeds {from} to {}", from + seeds.max(1) - 1);
    let begin = Instant::now();
    let (mut commits, mut told, mut errors) = (0, 0, 0);
    let mut found = Vec::new();
    let mut ran = 0;
    for seed in from..from + seeds {
        let outcome = simulate(seed, folder.path(), settings);
        ran += 1;
        commits += outcome.commits;
        told += outcome.told;
        errors += outcome.errors;
        if let Some(first) = outcome.findings.into_iter().next() {
            let traced = Settings {
                traced: true,
                ..settings
            };
            let steps = simulate(seed, folder.path(), traced).trace.len();
            println!("seed {seed} ({steps} lines): {first}");
            found.push((steps, seed));
            if found.len() >= ENOUGH {
                break;
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{ran} seeds, {commits} commits, {told} changes told, {errors} runs that failed as they may, in {seconds:.1} s: {:.0} a minute, {} findings",
        ran as f64 * 60.0 / seconds,
        found.len()
    );
    if let Some((_, seed)) = found.iter().min() {
        println!("the shortest: just simulate --seed {seed}");
    }
    Ok(found.is_empty())
}
