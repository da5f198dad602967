//! `simulate --seeds N [--from S]` runs many seeds, `simulate --seed S` one, with all that happens.

use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use syncrepl_simulation::{Counts, Digest, Settings, folder, rule, simulate};

const USAGE: &str =
    "simulate --seeds N [--from S] [--digest] [--hidden] [--still] [--searchable] … | --seed S …
  --seeds N   run N seeds, beginning with S or with one that the clock gives
  --seed S    run one seed, and print what happens
  --digest    for each 1,000 seeds, a hash over all that was told and stored, and how much it was
  --hidden    let filters hide containers of what they show
  --still     do not change the directory while it is read
  --searchable  let every provider search entryUUID
  --without RULE  take a rule of the change logic out, to see what notices
  what the consumer cannot do yet:
  --denied    let access rules hide parents of what is shown
  --alike     let names that differ in case only be those of two entries";

/// The command stops at so many findings, because more of them help nobody. A digest never stops.
const ENOUGH: usize = 20;
/// The number of seeds in one line of the digest.
const CHUNK: usize = 1000;

/// The arguments of the command.
#[derive(Default)]
struct Wanted {
    seeds: Option<u64>,
    from: Option<u64>,
    one: Option<u64>,
    digest: bool,
    settings: Settings,
}

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

fn wanted(mut words: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    while let Some(word) = words.next() {
        let mut word_after = || words.next().ok_or("a word is missing");
        let mut number = || {
            let word = word_after()?;
            word.parse::<u64>()
                .map_err(|error| format!("{word}: {error}"))
        };
        match word.as_str() {
            "--seeds" => wanted.seeds = Some(number()?),
            "--from" => wanted.from = Some(number()?),
            "--seed" => wanted.one = Some(number()?),
            "--digest" => wanted.digest = true,
            "--hidden" => wanted.settings.hidden_containers = true,
            "--still" => wanted.settings.concurrent = false,
            "--searchable" => wanted.settings.unsearchable = false,
            "--without" => wanted.settings.without = Some(rule(&word_after()?)?),
            "--denied" => wanted.settings.denied = true,
            "--alike" => wanted.settings.alike = true,
            other => return Err(format!("unknown: {other}")),
        }
    }
    Ok(wanted)
}

fn run() -> Result<bool, String> {
    let wanted = wanted(std::env::args().skip(1))?;
    let folder = folder().map_err(|error| error.to_string())?;
    if let Some(seed) = wanted.one {
        return Ok(print_one(seed, folder.path(), wanted.settings));
    }
    let seeds = wanted.seeds.ok_or("nothing to do")?;
    let from = wanted.from.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let range = from..from + seeds;
    if wanted.digest {
        return Ok(print_digest(range, folder.path(), wanted.settings));
    }
    Ok(search(range, folder.path(), wanted.settings))
}

/// Runs one seed, and prints its trace. Returns whether the seed has no finding.
fn print_one(seed: u64, folder: &Path, mut settings: Settings) -> bool {
    settings.traced = true;
    let outcome = simulate(seed, folder, settings);
    for line in &outcome.trace {
        println!("{line}");
    }
    for finding in &outcome.findings {
        println!("seed {seed}: {finding}");
    }
    outcome.findings.is_empty()
}

/// Prints a line for each thousand seeds, whatever they find. Returns whether no seed has a
/// finding.
fn print_digest(seeds: Range<u64>, folder: &Path, settings: Settings) -> bool {
    let mut found = 0;
    let mut next = seeds.start;
    while next < seeds.end {
        let chunk = next..seeds.end.min(next + CHUNK as u64);
        next = chunk.end;
        let (mut digest, mut counts, mut findings) = (Digest::default(), Counts::default(), 0);
        for seed in chunk.clone() {
            let outcome = simulate(seed, folder, settings);
            digest.take_digest(outcome.digest);
            counts += outcome.counts;
            findings += usize::from(!outcome.findings.is_empty());
        }
        println!(
            "{}-{} {digest} {counts} findings={findings}",
            chunk.start,
            chunk.end - 1
        );
        found += findings;
    }
    found == 0
}

/// Looks for seeds with a finding. Returns whether there is none.
fn search(seeds: Range<u64>, folder: &Path, settings: Settings) -> bool {
    println!("seeds {} to {}", seeds.start, seeds.end.max(1) - 1);
    let begin = Instant::now();
    let mut counts = Counts::default();
    let mut found = Vec::new();
    let mut ran = 0;
    for seed in seeds {
        let outcome = simulate(seed, folder, settings);
        ran += 1;
        counts += outcome.counts;
        if outcome.counts.false_names > 0 {
            println!("seed {seed}: a record at a commit bears a name that its entry never bore");
        }
        if let Some(first) = outcome.findings.into_iter().next() {
            let traced = Settings {
                traced: true,
                ..settings
            };
            let steps = simulate(seed, folder, traced).trace.len();
            println!("seed {seed} ({steps} lines): {first}");
            found.push((steps, seed));
            if found.len() >= ENOUGH {
                break;
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let Counts {
        commits,
        told,
        errors,
        ..
    } = counts;
    println!(
        "{ran} seeds, {commits} commits, {told} changes told, {errors} runs that failed as they may, in {seconds:.1} s: {:.0} a minute, {} findings",
        ran as f64 * 60.0 / seconds,
        found.len()
    );
    println!(
        "{} of {} records at commits and {} of {} renames told bear a name that the entry never bore; {} records at commits were excused",
        counts.false_names, counts.records, counts.false_renames, counts.renames, counts.excuses
    );
    if let Some((_, seed)) = found.iter().min() {
        println!("the shortest: just simulate --seed {seed}");
    }
    found.is_empty()
}
