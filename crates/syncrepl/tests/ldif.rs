//! Change records in LDIF, applied by `ldapmodify` to another server: the same directory again.

mod common;

use common::PATIENCE;
use common::outcome::{Data, Outcome, command};
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::scenarios::scenarios;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload};

const ROUNDS: usize = 6;
const CHANGES: usize = 100;
const PEOPLE: usize = 50;

fn seed() -> u64 {
    std::env::var("SYNCREPL_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("SYNCREPL_SEED is a number"),
    )
}

/// The source, what was printed of it, and a server that is given nothing else.
struct Pair {
    source: Slapd,
    target: Slapd,
    data: Data,
}

impl Pair {
    fn new(variant: Variant) -> Pair {
        Pair {
            source: Slapd::start(variant),
            target: Slapd::builder(Variant::Plain).empty().start(),
            data: Data::new(),
        }
    }

    fn arguments(&self, subcommand: &str) -> Vec<String> {
        let mut arguments = self.data.sync(subcommand, &self.source.url());
        let format = arguments.iter().position(|word| word == "json");
        arguments[format.expect("a format")] = "ldif".to_owned();
        arguments
    }

    fn refresh(&self) -> String {
        let refresh = Outcome::run(&self.arguments("refresh"));
        refresh.assert_done();
        refresh.stdout
    }

    fn apply(&self, text: &str) {
        if let Err(error) = self.target.ldapmodify(text) {
            let path = std::env::temp_dir().join("syncrepl-refused.ldif");
            std::fs::write(&path, text).expect("writing the LDIF");
            panic!("refused: {error}\nthe LDIF is {}", path.display());
        }
    }

    fn assert_same(&self) {
        let [source, target] = [&self.source, &self.target].map(content);
        judge::assert_same("source", &source, "target", &target);
    }
}

/// By DN: the other server gives entryUUIDs of its own.
fn content(server: &Slapd) -> Directory {
    let found = server.search(SUFFIX, "(objectClass=*)", &[]);
    let entries = found.by_dn().into_iter();
    Directory {
        entries: entries
            .map(|(dn, entry)| (format!("dn:{dn}"), entry))
            .collect(),
        references: found.references,
    }
}

fn by_refresh(variant: Variant) {
    let pair = Pair::new(variant);
    let options = Options {
        referrals: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    println!("SYNCREPL_SEED={}", workload.seed());
    workload.populate(&pair.source, PEOPLE);
    for round in 0..=ROUNDS {
        println!("round {round}");
        pair.apply(&pair.refresh());
        pair.assert_same();
        workload.round(&pair.source, CHANGES);
    }
}

#[test]
fn a_workload_by_refresh() {
    by_refresh(Variant::Plain);
}

#[test]
fn a_workload_by_refresh_on_sessionlog() {
    by_refresh(Variant::SessionLog);
}

#[test]
fn a_workload_by_follow() {
    let pair = Pair::new(Variant::Plain);
    let options = Options {
        referrals: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
    println!("SYNCREPL_SEED={}", workload.seed());
    workload.populate(&pair.source, PEOPLE);
    let mut follow = Run::command(&mut command(&pair.arguments("follow")));
    for round in 0..ROUNDS {
        println!("round {round}");
        workload.round(&pair.source, CHANGES);
    }
    let end = format!("dn: ou=the end,{SUFFIX}");
    let marker = format!("{end}\nchangetype: add\nobjectClass: organizationalUnit\nou: the end\n");
    pair.source.ldapmodify(&marker).expect("the last change");
    follow.wait_for_line(|line| line == end, PATIENCE);
    follow.signal("TERM");
    assert!(follow.wait_exit(PATIENCE).success());
    let output = follow.output();
    assert_eq!(output.matches("version: 1\n").count(), 1);
    pair.apply(&output);
    pair.assert_same();
}

#[test]
fn every_scenario() {
    for scenario in scenarios() {
        println!("scenario: {}", scenario.name);
        let pair = Pair::new(Variant::Plain);
        pair.source
            .ldapmodify(&scenario.setup_ldif)
            .expect("the setup applies");
        pair.apply(&pair.refresh());
        pair.assert_same();
        for change in &scenario.changes {
            pair.source.ldapmodify(change).expect("the change applies");
        }
        pair.apply(&pair.refresh());
        pair.assert_same();
    }
}
