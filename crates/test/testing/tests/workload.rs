//! The workloads: nothing they ask for is refused, and they do what their names say.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Instant;

use syncrepl_testing::scenarios::{BASE, OUTSIDE, scenarios};
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::target::Target;
use syncrepl_testing::{Directory, Options, Slapd, Variant, Workload};

fn all(server: &Slapd, base: &str) -> Directory {
    server.search(base, "(objectClass=*)", &[])
}

fn ten_rounds(variant: Variant, seed: u64, options: Options) {
    let server = Slapd::start(variant);
    let mut workload = Workload::new(seed, options);
    let begin = Instant::now();
    workload.populate(&server, 100);
    println!("populated with {} in {:?}", workload.len(), begin.elapsed());
    let mut told = Vec::new();
    let mut last = all(&server, SUFFIX);
    for _ in 0..10 {
        let begin = Instant::now();
        told.extend(workload.round(&server, 100));
        println!(
            "a round in {:?}, {} entries",
            begin.elapsed(),
            workload.len()
        );
        let now = all(&server, SUFFIX);
        assert_ne!(last, now);
        // A reference is no entry.
        assert!(workload.len() - now.len() <= now.references.len());
        last = now;
    }
    for what in [
        "add cn=",
        "rename uid=",
        "delete uid=",
        "swap",
        "replace jpegPhoto",
    ] {
        assert!(
            told.iter()
                .any(|line| line.starts_with(what) || line.contains(what)),
            "{what}"
        );
    }
}

#[test]
fn ten_rounds_on_plain() {
    ten_rounds(Variant::Plain, 1, Options::ALL);
}

#[test]
fn ten_rounds_on_session_log() {
    let options = Options {
        parent_renames: false,
        big_value: false,
        referrals: false,
        hard_names: true,
    };
    ten_rounds(Variant::SessionLog, 2, options);
}

#[test]
fn ten_rounds_on_access_log() {
    ten_rounds(Variant::AccessLog, 3, Options::ALL);
}

#[test]
fn the_same_seed_makes_the_same_changes() {
    let [one, two] = [0, 1].map(|_| {
        let server = Slapd::start(Variant::Plain);
        let mut workload = Workload::new(4, Options::ALL);
        workload.populate(&server, 30);
        (workload.round(&server, 50), all(&server, SUFFIX).by_dn())
    });
    assert_eq!(one, two);
}

#[test]
fn without_parent_renames_no_parent_is_renamed() {
    let server = Slapd::start(Variant::Plain);
    let options = Options {
        parent_renames: false,
        big_value: false,
        referrals: false,
        hard_names: true,
    };
    let mut workload = Workload::new(5, options);
    workload.populate(&server, 60);
    for _ in 0..20 {
        // One change at a time, so that the test sees each move.
        let before = all(&server, SUFFIX);
        let parents: BTreeSet<&str> = before
            .entries
            .values()
            .filter_map(|entry| parent_of(&entry.dn))
            .collect();
        workload.round(&server, 1);
        let after = all(&server, SUFFIX);
        for (uuid, entry) in &before.entries {
            let now = after.entries.get(uuid);
            let moved = now.is_some_and(|now| now.dn != entry.dn);
            assert!(
                !(moved && parents.contains(entry.dn.as_str())),
                "{} moved",
                entry.dn
            );
        }
    }
}

/// As slapd writes DNs: a comma within a value is always in hexadecimal.
fn parent_of(dn: &str) -> Option<&str> {
    dn.split_once(',').map(|(_, parent)| parent)
}

#[test]
fn people_enter_and_leave_the_filter() {
    let server = Slapd::start(Variant::Plain);
    let staff = || {
        let filter = "(employeeType=staff)";
        let found = server.search(SUFFIX, filter, &["cn"]);
        found.entries.into_keys().collect::<BTreeSet<_>>()
    };
    let mut workload = Workload::new(6, Options::ALL);
    workload.populate(&server, 100);
    let before = staff();
    workload.round(&server, 200);
    let (after, still) = (staff(), all(&server, SUFFIX));
    assert!(
        before
            .difference(&after)
            .any(|uuid| still.entries.contains_key(uuid))
    );
    assert!(after.difference(&before).count() > 0);
}

#[test]
fn many_are_loaded_from_the_side() {
    let server = Slapd::start(Variant::SessionLog);
    let mut workload = Workload::new(7, Options::ALL);
    workload.populate(&server, 3000);
    workload.round(&server, 20);
    assert!(all(&server, "ou=people,dc=example,dc=com").len() > 1000);
}

#[test]
fn every_scenario_applies() {
    let names: BTreeSet<&str> = scenarios().iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), scenarios().len(), "names are unique");
    let server = Slapd::start(Variant::Plain);
    for scenario in scenarios() {
        server.wipe();
        server.add_base();
        server
            .ldapmodify(&scenario.setup_ldif)
            .unwrap_or_else(|e| panic!("{}: {e}", scenario.name));
        assert!(!all(&server, OUTSIDE).is_empty());
        assert!(!all(&server, BASE).is_empty());
        for change in &scenario.changes {
            server
                .ldapmodify(change)
                .unwrap_or_else(|e| panic!("{}: {e}", scenario.name));
        }
    }
}

/// A slapd that fails to move an entry for a fault of its own, until another came and went below.
struct Faulty {
    server: Slapd,
    /// The complaint of the server.
    complaint: &'static str,
    refused: Cell<usize>,
    /// Whether it goes on to fail, whatever comes and goes below the entry.
    for_good: bool,
    /// Whether an entry came and went just now.
    freed: Cell<bool>,
}

impl Target for Faulty {
    fn url(&self) -> String {
        self.server.url()
    }

    fn ldapmodify(&self, ldif: &str) -> Result<(), String> {
        let records: Vec<&str> = ldif.trim_start().split_inclusive("\n\n").collect();
        let first = usize::from(self.freed.take());
        let bad = (first..records.len()).find(|&at| moves(records[at]));
        if let [add, delete] = records[..] {
            let came_and_went =
                add.contains("changetype: add\n") && delete.contains("changetype: delete\n");
            self.freed.set(came_and_went && !self.for_good);
        }
        let good = &records[..bad.unwrap_or(records.len())];
        if !good.is_empty() {
            self.server.ldapmodify(&good.concat())?;
        }
        let Some(bad) = bad else { return Ok(()) };
        self.refused.set(self.refused.get() + 1);
        Err(format!(
            "{} (record {}: {})",
            self.complaint,
            bad + 1,
            records[bad]
        ))
    }
}

fn moves(record: &str) -> bool {
    record.contains("\nnewsuperior:")
}

fn rounds_on(complaint: &'static str, for_good: bool) -> (usize, Vec<String>) {
    let server = Faulty {
        server: Slapd::start(Variant::Plain),
        complaint,
        refused: Cell::new(0),
        for_good,
        freed: Cell::default(),
    };
    let options = Options {
        big_value: false,
        hard_names: false,
        ..Options::ALL
    };
    let mut workload = Workload::new(8, options);
    workload.populate(&server, 60);
    let mut told = Vec::new();
    for _ in 0..5 {
        told.extend(workload.round(&server, 100));
    }
    (server.refused.get(), told)
}

const BROKEN_INDEX: &str = "ldap_rename: Other (e.g., implementation specific) error (80)\n\
                            \tadditional info: DN index add failed";

#[test]
fn a_fault_of_the_server_ends_no_workload() {
    let (refused, told) = rounds_on(BROKEN_INDEX, false);
    assert!(refused > 3, "{refused}");
    let noted = told.iter().filter(|line| line.contains("DN index"));
    assert_eq!(noted.count(), refused);
}

/// Any other refusal panics, and so does one that stays: the changes after it no longer fit.
#[test]
fn a_refusal_ends_a_workload() {
    for (complaint, for_good) in [
        (BROKEN_INDEX, true),
        ("ldap_rename: Server is unwilling to perform (53)", false),
        ("ldap_rename: Other error (80)", false),
    ] {
        let outcome = std::panic::catch_unwind(|| rounds_on(complaint, for_good));
        assert!(outcome.is_err(), "{complaint}");
    }
}
