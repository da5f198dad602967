//! Measures the cost of syncrepl beside other programs that do the same. `just bench` runs it; it
//! writes `docs/performance.md`.

mod consumer;
mod files;
mod measure;
mod peers;
mod people;
mod persist;
mod plot;
mod receive;
mod report;
mod situations;
mod writer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use peers::{Peer, Programs};
use situations::Copies::{There, ToBeMade};
use situations::{Bench, Table};
use syncrepl_testing::slapd::{Slapd, Variant};

const HELP: &str = "usage: syncrepl-bench --syncrepl PROGRAM [--python INTERPRETER --scripts FOLDER] [--ldap3 PROGRAM] \
[--runs N] [--sizes N,N,…] [--quick] [--only-persist] --out FOLDER";

#[derive(Default)]
struct Options {
    syncrepl: Option<PathBuf>,
    python: Option<PathBuf>,
    scripts: Option<PathBuf>,
    ldap3: Option<PathBuf>,
    out: Option<PathBuf>,
    runs: Option<usize>,
    sizes: Option<Vec<usize>>,
    quick: bool,
    only_persist: bool,
}

impl Options {
    fn read(words: &[String]) -> Option<Options> {
        let mut options = Options::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--only-persist" => options.only_persist = true,
                "--sizes" => {
                    let sizes = words.next()?.split(',').map(str::parse);
                    options.sizes = Some(sizes.collect::<Result<_, _>>().ok()?);
                }
                "--runs" => options.runs = words.next()?.parse().ok(),
                name => {
                    let path = Some(PathBuf::from(words.next()?));
                    match name {
                        "--syncrepl" => options.syncrepl = path,
                        "--python" => options.python = path,
                        "--scripts" => options.scripts = path,
                        "--ldap3" => options.ldap3 = path,
                        "--out" => options.out = path,
                        _ => return None,
                    }
                }
            }
        }
        Some(options)
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == measure::WORD) {
        return measure::run_one(&words[1..]);
    }
    if words.first().is_some_and(|word| word == receive::WORD) {
        return receive::run(&words[1..]);
    }
    let options = Options::read(&words);
    let Some(Options {
        syncrepl: Some(syncrepl),
        python,
        scripts,
        ldap3,
        out: Some(out),
        runs,
        sizes,
        quick,
        only_persist,
    }) = options
    else {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    };
    let programs = Programs {
        syncrepl,
        python: python.zip(scripts),
        ldap3,
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bench = Bench {
        programs: &programs,
        folder: folder.path(),
        runs: runs.unwrap_or(5),
    };
    let who: &[Peer] = if quick { &QUICK } else { &Peer::ALL };
    if only_persist {
        let mut table = String::new();
        report::persist(&mut table, &persist(&bench, who));
        print!("{table}");
        return ExitCode::SUCCESS;
    }
    let sizes = sizes.unwrap_or_else(|| vec![10_000, 100_000]);
    let page = measure_all(&bench, who, &sizes, &out);
    let file = out.join("performance.md");
    std::fs::write(&file, page).expect("writing the page");
    eprintln!("written: {}", file.display());
    ExitCode::SUCCESS
}

const QUICK: [Peer; 3] = [Peer::Syncrepl, Peer::Ldapsearch, Peer::Receiver];

/// With a larger directory the other programs take minutes.
const LARGEST_FOR_ALL: usize = 100_000;

fn measure_all(bench: &Bench<'_>, who: &[Peer], sizes: &[usize], out: &Path) -> String {
    let load = report::load();
    let (mut tables, mut firsts) = (String::new(), Vec::new());
    let for_all = sizes
        .iter()
        .copied()
        .filter(|&size| size <= LARGEST_FOR_ALL);
    let middle = for_all.max().unwrap_or_default();
    for &size in sizes {
        eprintln!("first refresh of {size}");
        let server = Slapd::start(Variant::Plain);
        server.load(&people::people(size));
        let large = size > middle;
        let runs = if large { bench.runs.min(3) } else { bench.runs };
        let bench = Bench { runs, ..*bench };
        let openldap = !large && who.len() > QUICK.len();
        let who = if large { &QUICK } else { who };
        let first = bench.first(&server, size, who, openldap);
        let title = format!("First refresh of {} entries", grouped(size));
        report::table(&mut tables, &title, "", &first);
        if size == middle {
            others(&bench, &server, size, who, &mut tables);
        }
        if large {
            one_more(&bench, &server, size, who, &mut tables);
        }
        firsts.push((size as f64, first));
    }
    let stages = persist(bench, who);
    let mut persisted = String::new();
    report::persist(&mut persisted, &stages);
    for (name, title, unit, of) in [
        (
            "performance-cpu.svg",
            "First refresh: CPU time of the client",
            "s",
            (|cost| cost.cpu) as fn(&measure::Cost) -> f64,
        ),
        (
            "performance-memory.svg",
            "First refresh: peak memory of the client",
            "MiB",
            |cost| cost.peak,
        ),
    ] {
        std::fs::write(out.join(name), plot(&firsts, title, unit, of)).expect("writing a plot");
    }
    include_str!("page.md")
        .replace("{machine}", &report::machine())
        .replace("{load}", &load)
        .replace("{tables}", &tables)
        .replace("{persist}", &persisted)
}

const COOKIE: &str = "`ldapsearch` is given the cookie; it keeps nothing, and compares nothing.";

/// The situations after a first refresh of a directory of any size.
fn one_more(bench: &Bench<'_>, plain: &Slapd, size: usize, who: &[Peer], tables: &mut String) {
    let of = grouped(size);
    eprintln!("opened again; nothing changed; 1 % modified");
    let title = format!("A copy of {of} entries opened again, without a provider");
    report::table(tables, &title, "`dump` prints all of it.", &bench.opened());
    let unchanged = bench.again(plain, who, There, |_, _| {});
    report::table(
        tables,
        &format!("Nothing changed, {of} entries"),
        COOKIE,
        &unchanged,
    );
    let modified = bench.again(plain, who, There, |writer, run| {
        situations::modify(writer, size, run)
    });
    let title = format!("1 % of {of} modified, no session log: the present phase");
    report::table(tables, &title, COOKIE, &modified);
}

/// The other situations.
fn others(bench: &Bench<'_>, plain: &Slapd, size: usize, who: &[Peer], tables: &mut String) {
    one_more(bench, plain, size, who, tables);
    eprintln!("1 % deleted");
    let deleted = bench.again(plain, who, There, |writer, run| {
        situations::delete(writer, size, run)
    });
    report::table(
        tables,
        "1 % deleted, no session log: the present phase",
        "`ldapsearch` does not find out what is gone. `syncrepl` does, and asks the provider by a search whether that is true.",
        &deleted,
    );
    eprintln!("1 % modified and deleted, with a session log");
    let logged = Slapd::builder(Variant::SessionLog)
        .sessionlog(100_000)
        .start();
    logged.load(&people::people(size));
    let modified = bench.again(&logged, who, ToBeMade, |writer, run| {
        situations::modify(writer, size, run)
    });
    report::table(
        tables,
        "1 % modified, with a session log",
        COOKIE,
        &modified,
    );
    let deleted = bench.again(&logged, who, There, |writer, run| {
        situations::delete(writer, size, run)
    });
    report::table(tables, "1 % deleted, with a session log", COOKIE, &deleted);
    eprintln!("a large group");
    let server = Slapd::start(Variant::Plain);
    server.load(&situations::group(size));
    let grown = bench.again(&server, who, ToBeMade, |writer, run| {
        writer.add_value(
            &situations::group_dn(),
            "member",
            &people::dn(2 * size + run),
        );
    });
    report::table(
        tables,
        &format!("A group of {} members gains one", grouped(size)),
        "The provider sends the whole group.",
        &grown,
    );
}

/// A number with commas.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

fn persist(bench: &Bench<'_>, who: &[Peer]) -> Vec<(&'static str, Vec<persist::Stage>)> {
    const PEOPLE: usize = 10_000;
    eprintln!("the persist stage");
    let server = Slapd::start(Variant::Plain);
    server.load(&people::people(PEOPLE));
    let mut stages: Vec<(&'static str, Vec<persist::Stage>)> = Vec::new();
    // Times as short as these vary. So the fast peers take part in every round, the others in every
    // third.
    for round in 0..3 * bench.runs {
        for &peer in who.iter().filter(|&&peer| bench.programs.has(peer)) {
            let fast = [Peer::Syncrepl, Peer::Ldapsearch].contains(&peer);
            if peer == Peer::Receiver || (!fast && round % 3 != 0) {
                continue;
            }
            let stage = persist::stage(peer, bench.programs, &server, PEOPLE, bench.folder);
            match stages.iter_mut().find(|(name, _)| *name == peer.name()) {
                Some((_, all)) => all.push(stage),
                None => stages.push((peer.name(), vec![stage])),
            }
        }
    }
    stages
}

fn plot(firsts: &[(f64, Table)], title: &str, unit: &str, of: fn(&measure::Cost) -> f64) -> String {
    let mut names: Vec<_> = firsts.iter().flat_map(|(_, table)| table.keys()).collect();
    names.sort();
    names.dedup();
    let lines: Vec<plot::Line<'_>> = names
        .into_iter()
        .map(|who| {
            let points = firsts.iter().filter_map(|(size, table)| {
                table
                    .get(who)
                    .map(|figures| (*size, figures.spread(of).median))
            });
            (who.1, points.collect())
        })
        .collect();
    plot::svg(title, unit, &lines)
}
