//! Filters that hide containers. No provider tells of a change to a hidden parent, but the change moves
//! everything below it. The tests make it while the command is down and while it follows.

mod cases;
#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cases::Step::{self, Describe};
use cases::{CASES, Case, OUTSIDE, PERSON, base, entry, moved};
use common::outcome::{Data, Outcome};
use common::proxy::Proxy;
use common::{Copied, PATIENCE, text};
use syncrepl_testing::judge::Directory;
use syncrepl_testing::reader::{Change, Event};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

/// Within this time `follow` has to notice a change.
const SOON: Duration = Duration::from_secs(15);
fn start(variant: Variant) -> Slapd {
    let server = Slapd::start(variant);
    server.ldapmodify(&entry(OUTSIDE)).expect("outside");
    for (number, case) in CASES.iter().enumerate() {
        let base = base(number);
        let mut records = vec![entry(&base), entry(&format!("ou=out{number},{OUTSIDE}"))];
        records.extend(
            case.setup
                .iter()
                .map(|rdns| entry(&format!("{rdns},{base}"))),
        );
        server.ldapmodify(&records.join("\n")).expect(case.name);
    }
    server
}

fn apply(server: &Slapd, number: usize, steps: &[Step]) {
    let out = format!("ou=out{number},{OUTSIDE}");
    let ldif: Vec<_> = steps
        .iter()
        .map(|step| step.ldif(&base(number), &out))
        .collect();
    server
        .ldapmodify(&ldif.join("\n"))
        .unwrap_or_else(|error| panic!("{}: {error}", CASES[number].name));
}

fn copies(server: &Slapd) -> Vec<Copied<'_>> {
    let case = |(number, case): (usize, &Case)| Copied::of(server, &base(number), case.filter);
    CASES.iter().enumerate().map(case).collect()
}

/// The number of steps of the longest case.
fn rounds() -> usize {
    CASES
        .iter()
        .map(|case| case.steps.len())
        .max()
        .expect("cases")
}

/// Asserts that everything is equal, and that no entry that stayed was told as deleted or added.
fn assert_right(copy: &mut Copied<'_>, before: &Directory, mark: usize, steps: &[Step]) {
    copy.assert_equal();
    let left = |dn: &str| {
        steps
            .iter()
            .any(|step| matches!(step, Describe(rdns, "drop") if dn.starts_with(rdns)))
    };
    let after = copy.expected();
    let mut gone = BTreeSet::new();
    for event in copy.reader.events_since(mark) {
        let (was, is) = (
            before.entries.contains_key(&event.uuid),
            after.entries.contains_key(&event.uuid),
        );
        match &event.change {
            // In the persist stage an entry may be seen to leave and come back.
            Change::Delete { dn, .. } => {
                assert!(!is || left(dn), "delete told of {dn}, which is there");
                gone.insert(event.uuid.as_str());
            }
            Change::Add { dn, .. } => {
                let back = gone.contains(event.uuid.as_str());
                assert!(!was || back, "add told of {dn}, which was there");
            }
            _ => {}
        }
    }
}

fn while_down(variant: Variant) {
    let server = start(variant);
    let mut copies = copies(&server);
    copies.iter_mut().for_each(Copied::refresh);
    for round in 0..rounds() {
        for (number, (case, copy)) in CASES.iter().zip(&mut copies).enumerate() {
            let Some(steps) = case.steps.get(round) else {
                continue;
            };
            println!("{}, step {round}", case.name);
            let (before, mark) = (copy.expected(), copy.reader.mark());
            apply(&server, number, steps);
            copy.refresh();
            assert_right(copy, &before, mark, steps);
        }
    }
    for copy in &mut copies {
        copy.assert_quiet();
        copy.assert_equal();
    }
}

fn while_following(variant: Variant) {
    let server = start(variant);
    let mut copies = copies(&server);
    for copy in &mut copies {
        copy.follow();
        copy.wait_equal();
    }
    for round in 0..rounds() {
        let before: Vec<_> = copies
            .iter()
            .map(|copy| (copy.expected(), copy.reader.mark()))
            .collect();
        for (number, case) in CASES.iter().enumerate() {
            if let Some(steps) = case.steps.get(round) {
                apply(&server, number, steps);
            }
        }
        for (number, copy) in copies.iter_mut().enumerate() {
            println!("{}, step {round}", CASES[number].name);
            copy.wait_equal();
            let (before, mark) = &before[number];
            let steps = CASES[number].steps.get(round).copied().unwrap_or_default();
            assert_right(copy, before, *mark, steps);
        }
    }
    for copy in &mut copies {
        copy.stop();
        copy.assert_quiet();
        copy.assert_equal();
    }
}

#[test]
fn while_down_on_plain() {
    while_down(Variant::Plain);
}

#[test]
fn while_down_on_sessionlog() {
    while_down(Variant::SessionLog);
}

#[test]
fn while_down_on_accesslog() {
    while_down(Variant::AccessLog);
}

#[test]
fn while_following_on_plain() {
    while_following(Variant::Plain);
}

#[test]
fn while_following_on_sessionlog() {
    while_following(Variant::SessionLog);
}

#[test]
fn while_following_on_accesslog() {
    while_following(Variant::AccessLog);
}

/// A hidden parent is renamed, and nothing else happens on the server that could give a hint.
#[test]
fn hidden_parent_renamed() {
    let server = Slapd::start(Variant::SessionLog);
    let below = |parent: &str| format!("{parent},{SUFFIX}");
    let people = [below("ou=a"), below("uid=1,ou=a"), below("uid=2,ou=a")].map(|dn| entry(&dn));
    server.ldapmodify(&people.join("\n")).expect("people");
    let mut copy = Copied::of(&server, SUFFIX, "(uid=*)");
    copy.refresh();
    server
        .ldapmodify(&moved(&below("ou=a"), "ou=b", None))
        .expect("a rename");
    let mark = copy.reader.mark();
    copy.refresh();
    assert_only_renames(&copy, mark, 2);
    copy.assert_equal();
    copy.assert_quiet();
    copy.follow();
    server
        .ldapmodify(&moved(&below("ou=b"), "ou=c", None))
        .expect("a rename");
    let (began, mark) = (Instant::now(), copy.reader.mark());
    copy.wait_equal();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_only_renames(&copy, mark, 2);
    // A kill between the cookie and the question that follows it: the next refresh asks.
    server
        .ldapmodify(&moved(&below("ou=c"), "ou=d", None))
        .expect("a rename");
    let from = copy.follower().lines().len().saturating_sub(1);
    copy.follower()
        .wait_for_line_from(from, |line| line.contains(r#""op":"commit""#), PATIENCE);
    copy.kill();
    copy.refresh();
    copy.assert_equal();
}

fn assert_only_renames(copy: &Copied<'_>, mark: usize, count: usize) {
    let told = copy.reader.events_since(mark);
    assert_eq!(told.len(), count, "{told:?}");
    let renames = |event: &&Event| matches!(event.change, Change::Rename { .. });
    assert_eq!(told.iter().filter(renames).count(), count, "{told:?}");
}

/// A server with two people in a hidden unit, and a copy of them.
fn two_people(variant: Variant) -> Slapd {
    let server = Slapd::start(variant);
    let dns = [OUTSIDE, &base(0), &format!("ou=a,{}", base(0))].map(entry);
    server.ldapmodify(&dns.join("\n")).expect("units");
    let people = ["uid=1", "uid=2"].map(|rdn| entry(&format!("{rdn},ou=a,{}", base(0))));
    server.ldapmodify(&people.join("\n")).expect("people");
    server
}

/// A store of version 1 does not know hidden parents. The next refresh finds them.
#[test]
fn copy_of_version_1_finds_its_parents() {
    let server = two_people(Variant::SessionLog);
    let mut copy = Copied::of(&server, &base(0), PERSON);
    copy.refresh();
    let ldif = [
        moved(&format!("ou=a,{}", base(0)), "ou=b", None),
        entry(&format!("ou=a,{}", base(0))),
        entry(&format!("uid=1,ou=a,{}", base(0))),
    ];
    server.ldapmodify(&ldif.join("\n")).expect("a rename");
    let file = syncrepl_client::rusqlite::Connection::open(copy.data()).expect("the store");
    file.execute_batch(
        "DROP TABLE syncrepl_ancestors; DROP TABLE syncrepl_placed; DROP TABLE syncrepl_runs; DROP TABLE syncrepl_exact; DROP TABLE syncrepl_journal; DROP TABLE syncrepl_folded;
         UPDATE syncrepl_schema SET version = 1;
         DELETE FROM syncrepl_settings WHERE name IN ('syncrepl_parents', 'syncrepl_source')",
    )
    .expect("as version 1 left it");
    drop(file);
    let refresh = copy.try_refresh(&[]);
    assert!(refresh.status.success(), "{}", text(&refresh.stderr));
    assert!(!text(&refresh.stdout).contains(r#""op":"delete""#));
    // That file had no history yet.
    assert!(copy.reader.lost().is_some());
    copy.begin_anew();
    copy.assert_equal();
    copy.assert_quiet();
}

#[test]
fn copy_outlives_its_hidden_parent() {
    let server = two_people(Variant::SessionLog);
    let mut copy = Copied::of(&server, &base(0), PERSON);
    copy.follow();
    copy.wait_equal();
    let gone = moved(&format!("ou=a,{}", base(0)), "ou=a", Some(OUTSIDE));
    server.ldapmodify(&gone).expect("a move");
    assert_eq!(copy.follower().wait_exit(PATIENCE).code(), Some(6));
    copy.kill();
    assert_eq!(copy.try_refresh(&[]).status.code(), Some(6));
    assert_eq!(copy.dump().entries.len(), 2);
    assert!(copy.try_refresh(&["--max-delete", "100%"]).status.success());
    copy.assert_equal();
}

/// The base is renamed or deleted. Its name is part of the search, so the copy neither follows its entries
/// nor deletes them, whatever slapd answers to a cookie.
#[test]
fn base_renamed_or_deleted() {
    for variant in Variant::ALL {
        let server = two_people(variant);
        let mut copies = [PERSON, "(objectClass=*)"].map(|f| Copied::of(&server, &base(0), f));
        copies.iter_mut().for_each(Copied::refresh);
        let kept = copies.each_ref().map(|copy| copy.dump().entries);
        let renamed = format!("ou=renamed,{SUFFIX}");
        let away = [
            moved(&base(0), "ou=renamed", None),
            moved(&renamed, "ou=renamed", Some(OUTSIDE)),
        ];
        for step in away {
            server.ldapmodify(&step).expect("a move of the base");
            for (copy, kept) in copies.iter_mut().zip(&kept) {
                for subcommand in ["refresh", "follow"] {
                    let outcome = Outcome::run(&copy.arguments(subcommand));
                    outcome.assert_failed(3, &["no such base", "(32)"]);
                    assert_eq!(&copy.dump().entries, kept);
                }
            }
        }
        // The base is back: nothing is lost, and no change is told.
        let home = moved(&format!("ou=renamed,{OUTSIDE}"), "ou=base0", Some(SUFFIX));
        server.ldapmodify(&home).expect("a move of the base");
        for copy in &mut copies {
            copy.refresh();
            copy.assert_equal();
            assert_eq!(copy.reader.deletes(), []);
        }
        // Everything is deleted, the base last.
        let all = ["uid=1,ou=a,", "uid=2,ou=a,", "ou=a,", ""].map(|rdns| {
            let dn = format!("{rdns}{}", base(0));
            format!("dn: {dn}\nchangetype: delete\n")
        });
        server.ldapmodify(&all.join("\n")).expect("deletes");
        for (copy, kept) in copies.iter_mut().zip(&kept) {
            let outcome = Outcome::run(&copy.arguments("refresh"));
            outcome.assert_failed(3, &["no such base", "(32)"]);
            assert_eq!(&copy.dump().entries, kept);
        }
    }
}

/// The same while `follow` runs. A copy that would lose everything stays as it is.
#[test]
fn base_deleted_while_followed() {
    for variant in Variant::ALL {
        let server = two_people(variant);
        let mut copies = [PERSON, "(objectClass=*)"].map(|f| Copied::of(&server, &base(0), f));
        copies.iter_mut().for_each(Copied::follow);
        copies.iter_mut().for_each(Copied::wait_equal);
        let kept = copies.each_ref().map(|copy| copy.dump().entries);
        let away = moved(&base(0), "ou=renamed", Some(OUTSIDE));
        server.ldapmodify(&away).expect("a move of the base");
        for (copy, kept) in copies.iter_mut().zip(&kept) {
            let status = copy.follower().wait_exit(PATIENCE);
            assert!(
                matches!(status.code(), Some(3 | 6)),
                "{variant:?} {}: {status}",
                copy.filter
            );
            assert_eq!(&copy.dump().entries, kept);
            copy.kill();
        }
    }
}

/// The filter can hide nothing, so the command asks nothing beside the sync search.
#[test]
fn filter_that_shows_everything_asks_nothing() {
    for (filter, connections) in [("(objectClass=*)", 1), (PERSON, 2)] {
        let server = two_people(Variant::SessionLog);
        let proxy = Proxy::to(&server);
        let data = Data::new();
        let mut arguments = data.sync("refresh", &proxy.url());
        arguments.push(filter.to_owned());
        Outcome::run(&arguments).assert_done();
        assert_eq!(proxy.connections(), connections, "{filter}");
        // Nothing has changed, so the command asks nothing, whatever the filter.
        Outcome::run(&arguments).assert_done();
        assert_eq!(proxy.connections(), connections + 1, "{filter}");
    }
}
