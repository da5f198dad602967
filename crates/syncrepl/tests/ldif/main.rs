//! Change records in LDIF. `ldapmodify` applies them to another server, and the two directories are then
//! equal.

#[path = "../common/mod.rs"]
mod common;

mod names;
mod records;
mod values;

use common::PATIENCE;
use common::outcome::{Data, Outcome, command};
use syncrepl_testing::environment::seed;
use syncrepl_testing::judge::{self, Directory};
use syncrepl_testing::process::Run;
use syncrepl_testing::scenarios::scenarios;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::workload::{Options, Workload};

const ROUNDS: usize = 6;
const CHANGES: usize = 100;
const PEOPLE: usize = 50;

/// A source, its copy, and a target that gets nothing but what the copy prints.
struct Pair {
    source: Slapd,
    target: Slapd,
    data: Data,
}

impl Pair {
    fn new(variant: Variant) -> Pair {
        Pair::with_schema(variant, "")
    }

    /// Both servers know these attributes and classes, too.
    fn with_schema(variant: Variant, schema: &str) -> Pair {
        let server = |variant| Slapd::builder(variant).extra_global(schema);
        Pair {
            source: server(variant).start(),
            target: server(Variant::Plain).empty().start(),
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

/// All entries by DN. The two servers give different entryUUIDs to them.
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
    workload.populate(&pair.source, PEOPLE);
    for round in 0..=ROUNDS {
        println!("round {round}");
        pair.apply(&pair.refresh());
        pair.assert_same();
        workload.round(&pair.source, CHANGES);
    }
}

#[test]
fn workload_by_refresh() {
    by_refresh(Variant::Plain);
}

#[test]
fn workload_by_refresh_on_sessionlog() {
    by_refresh(Variant::SessionLog);
}

#[test]
fn workload_by_follow() {
    let pair = Pair::new(Variant::Plain);
    let options = Options {
        referrals: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(seed(), options);
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

/// Makes these changes, and gives what one refresh prints of them.
fn printed(setup: &str, changes: &str) -> (Pair, String) {
    printed_on(Pair::new(Variant::Plain), setup, changes)
}

fn printed_on(pair: Pair, setup: &str, changes: &str) -> (Pair, String) {
    pair.source.ldapmodify(setup).expect("the setup applies");
    pair.apply(&pair.refresh());
    pair.source.ldapmodify(changes).expect("the changes apply");
    let text = pair.refresh();
    pair.apply(&text);
    pair.assert_same();
    (pair, text)
}

/// The lines that are the same in each run.
fn lines(text: &str) -> Vec<&str> {
    let kept = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    kept.collect()
}

fn unit(name: &str, above: &str) -> String {
    let name = name.trim();
    format!(
        "\ndn: ou={name},{above}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n"
    )
}

fn modrdn(dn: &str, rdn: &str, above: &str) -> String {
    format!(
        "\ndn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\nnewsuperior: {above}\n"
    )
}
