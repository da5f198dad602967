//! Mutated streams against the command. It ends with a documented exit code.
//!
//! `SYNCREPL_COMMAND_STREAMS=2000` plays more of them. `SYNCREPL_SEED` works as in the library's tests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use syncrepl_hostile::mutate::mutate_play;
use syncrepl_hostile::recorded::{self, Conversation, Recorded};
use syncrepl_hostile::replay::{Play, Replay};
use syncrepl_testing::environment::number;
use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::wait_until;

use crate::common::outcome::{Data, command};
use crate::wild;

/// A run that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most memory a run may use, in KiB.
const MOST_MEMORY: u64 = 256 << 10;

#[test]
fn command_survives_mutated_streams() {
    let count = number("SYNCREPL_COMMAND_STREAMS").unwrap_or(60);
    let first = number("SYNCREPL_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    println!("SYNCREPL_SEED={first}");
    let data = Data::new();
    let server = Replay::listen(&data.folder.path().join("ldapi"));
    let recorded = recorded::all();
    let others = recorded::streams(&recorded);
    let before = before(&recorded, &server);
    let mut codes: BTreeMap<(bool, i32), u64> = BTreeMap::new();
    let (mut slowest, mut most) = (Duration::ZERO, 0);
    for seed in first..first + count {
        let mut random = Rng::with_seed(seed);
        let index = random.usize(0..recorded.len());
        let (one, before) = (&recorded[index], before[index].as_deref());
        lay_out(&data, before);
        let plays = mutated(one, &others, &mut random);
        let began = Instant::now();
        let (code, memory) = play(one.persist, plays, &server, &data, seed);
        slowest = slowest.max(began.elapsed());
        most = most.max(memory);
        *codes.entry((one.persist, code)).or_default() += 1;
        // The data file still opens, and `dump` prints it.
        if before.is_some() {
            let dump = data.dump();
            assert!(
                dump.starts_with(r#"{"op":"start""#),
                "SYNCREPL_SEED={seed}: {dump}"
            );
        }
    }
    println!(
        "{count} streams from seed {first}: (follow, exit code): {codes:?}, slowest {slowest:?}, at most {most} KiB"
    );
    assert!(most > 0 && most < MOST_MEMORY);
}

/// The data file that each of the runs was recorded with, if there was one: the runs before it, as they are.
fn before(recorded: &[Recorded], server: &Replay) -> Vec<Option<Vec<u8>>> {
    let data = Data::new();
    let mut all: Vec<Option<Vec<u8>>> = Vec::new();
    for (index, one) in recorded.iter().enumerate() {
        let file = match index.checked_sub(1).map(|index| &recorded[index]) {
            Some(last) if last.provider == one.provider => {
                let plays = last.connections.iter().map(Conversation::play).collect();
                let (code, _) = play(last.persist, plays, server, &data, 0);
                assert_eq!(code, 0, "{} {}", last.provider, last.name);
                Some(std::fs::read(data.path()).expect("the data file"))
            }
            _ => None,
        };
        lay_out(&data, file.as_deref());
        all.push(file);
    }
    all
}

/// Puts this data file in the place of the one that is there.
fn lay_out(data: &Data, file: Option<&[u8]>) {
    for end in ["", "-wal", "-shm", ".lock"] {
        // Most of them are not there.
        let _ = std::fs::remove_file(data.path() + end);
    }
    if let Some(file) = file {
        std::fs::write(data.path(), file).expect("the data file");
    }
}

fn mutated(one: &Recorded, others: &[Vec<u8>], random: &mut Rng) -> Vec<Play> {
    let connections = one.connections.iter();
    connections
        .map(|connection| mutate_play(connection, false, others, random))
        .collect()
}

/// One run. `follow` is asked to stop when it has read everything. Gives the exit code and the memory.
fn play(persist: bool, plays: Vec<Play>, server: &Replay, data: &Data, seed: u64) -> (i32, u64) {
    let playing = server.play(plays);
    let path = data.path();
    let subcommand = if persist { "follow" } else { "refresh" };
    let mut run = Run::command(&mut command(&[
        subcommand,
        "--data",
        &path,
        "-H",
        server.url(),
        "-b",
        SUFFIX,
        "-D",
        "cn=admin",
        "-w",
        "secret",
        "--format",
        "text",
    ]));
    let mut memory = 0;
    if persist {
        let began = Instant::now();
        wait_until(PATIENCE, || {
            memory = memory.max(run.peak_memory_kib().unwrap_or_default());
            run.try_exit().is_some() || playing.ended() > 0 || began.elapsed() > PATIENCE / 2
        });
        // The run may have ended by itself.
        if run.try_exit().is_none() {
            run.signal("TERM");
        }
    } else {
        wait_until(PATIENCE, || {
            memory = memory.max(run.peak_memory_kib().unwrap_or_default());
            run.try_exit().is_some()
        });
    }
    let status = run.wait_exit(PATIENCE);
    let (stdout, stderr) = (run.output(), run.stderr());
    let code = status
        .code()
        .unwrap_or_else(|| panic!("{status} at SYNCREPL_SEED={seed}: {stderr}"));
    assert!(
        (0..=6).contains(&code),
        "exit code {code} at SYNCREPL_SEED={seed}: {stderr}"
    );
    assert!(
        !stderr.contains("panicked"),
        "SYNCREPL_SEED={seed}: {stderr}"
    );
    assert_eq!(wild(&stdout), None, "SYNCREPL_SEED={seed}: {stdout:?}");
    assert_eq!(wild(&stderr), None, "SYNCREPL_SEED={seed}: {stderr:?}");
    assert!(code == 0 || !stderr.is_empty(), "a failure has a reason");
    (code, memory)
}
