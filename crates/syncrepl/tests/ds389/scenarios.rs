//! Each scenario, with the command down and with it following.
//!
//! The scenarios rename parents, and 389-ds (2.3.1, 3.1.2) does not always survive that. If a search runs at
//! the same moment, the server may show a child twice, below the old name and below the new one, refuse an
//! add because of an entry that no search shows, or not find the entry that it shows when it is to be deleted.
//! No copy can equal such a server, so what is left of the scenarios is played on a new one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use syncrepl_testing::ds389::SUFFIX;
use syncrepl_testing::scenarios::{BASE, OUTSIDE, Scenario, scenarios};
use syncrepl_testing::{Ds389, Target, judge};

use crate::common::Copied;
use crate::{EVERYTHING, delete};

/// How often the server may contradict itself before the test gives up.
const NEW_SERVERS: usize = 5;

#[test]
fn scenarios_while_down_and_while_following() {
    let all = scenarios();
    let mut rest = all.as_slice();
    for number in 0..=NEW_SERVERS {
        let played = on_one_server(&Ds389::start(), rest);
        rest = &rest[played..];
        if rest.is_empty() {
            return;
        }
        println!("new server {}: the last one contradicts itself", number + 1);
    }
    panic!("{NEW_SERVERS} servers in a row contradicted themselves");
}

/// Plays scenarios one after the other, and deletes what each leaves behind. Gives how many ended before
/// the server contradicted itself.
fn on_one_server(server: &Ds389, scenarios: &[Scenario]) -> usize {
    let mut copies = Copies {
        down: [SUFFIX, BASE].map(|base| Copied::of(server, base, EVERYTHING)),
        following: [SUFFIX, BASE].map(|base| Copied::of(server, base, EVERYTHING)),
    };
    for (number, scenario) in scenarios.iter().enumerate() {
        println!("scenario: {}", scenario.name);
        if !set_up(server, &scenario.setup_ldif) {
            return number;
        }
        let play = || play(server, &mut copies, scenario, number == 0);
        if let Err(failure) = catch_unwind(AssertUnwindSafe(play)) {
            if contradicts_itself(server) {
                return number;
            }
            resume_unwind(failure);
        }
        if let Err(error) = clear(server) {
            println!("shown, and not to be deleted: {error}");
            return number + 1;
        }
    }
    copies.following.iter_mut().for_each(Copied::stop);
    scenarios.len()
}

struct Copies<'a> {
    down: [Copied<'a>; 2],
    following: [Copied<'a>; 2],
}

fn play(server: &Ds389, copies: &mut Copies<'_>, scenario: &Scenario, first: bool) {
    copies.down.iter_mut().for_each(Copied::refresh);
    if first {
        copies.following.iter_mut().for_each(Copied::follow);
    }
    copies.following.iter_mut().for_each(Copied::wait_equal);
    for change in &scenario.changes {
        server.ldapmodify(change).expect("the change");
    }
    for copy in &mut copies.down {
        println!("down, base {}", copy.base);
        let deletes = copy.reader.deletes().len();
        copy.refresh();
        copy.assert_equal();
        copy.assert_no_phantom_delete(deletes);
    }
    for copy in &mut copies.following {
        println!("following, base {}", copy.base);
        copy.wait_equal();
    }
}

/// Whether the server contradicts itself: it shows one entry twice, or other entries after a restart
/// without a write, because a restart empties its caches; or it shows an entry by a name at which it finds
/// none.
fn contradicts_itself(server: &Ds389) -> bool {
    let shown = || {
        let search = || server.search(SUFFIX, EVERYTHING, &[]);
        catch_unwind(AssertUnwindSafe(search)).ok()
    };
    let before = shown();
    let lost = before.iter().flat_map(|shown| shown.entries.values());
    if let Some(lost) = lost.map(|entry| &entry.dn).find(|dn| !is_found(server, dn)) {
        println!("shown, and not found: {lost}");
        return true;
    }
    server.stop();
    server.start_again();
    before.is_none() || before != shown()
}

/// Whether there is an entry at this name.
fn is_found(server: &Ds389, dn: &str) -> bool {
    let (name, password) = server.reader().expect("a reader");
    let found = judge::try_search(
        &Target::url(server),
        name,
        password,
        dn,
        "base",
        EVERYTHING,
        &["1.1"],
    );
    found.is_ok_and(|found| found.entries.len() == 1)
}

/// False when the server holds an entry that none of its searches shows: no delete removes it, and it is
/// in the way of an add.
fn set_up(server: &Ds389, ldif: &str) -> bool {
    let Err(error) = server.ldapmodify(ldif) else {
        return true;
    };
    assert!(error.contains("(68)"), "the setup: {error}");
    let mut dns: Vec<_> = ldif
        .lines()
        .filter_map(|line| line.strip_prefix("dn: "))
        .collect();
    dns.reverse();
    for dn in dns {
        // Only the entries in the way are there.
        let _ = server.ldapmodify(&delete(dn));
    }
    match server.ldapmodify(ldif) {
        Ok(()) => true,
        Err(error) => {
            assert!(error.contains("(68)"), "the setup: {error}");
            false
        }
    }
}

/// Deletes the entries of both places, children first. The base itself stays, because a consumer follows
/// it. An error means that the server does not find what its searches show.
fn clear(server: &Ds389) -> Result<(), String> {
    for base in [BASE, OUTSIDE] {
        let search = || server.search(base, EVERYTHING, &["1.1"]);
        let mut dns: Vec<_> = catch_unwind(AssertUnwindSafe(search))
            .map_err(|_| format!("a search below {base} fails"))?
            .entries
            .into_values()
            .map(|entry| entry.dn)
            .collect();
        dns.sort_by_key(|dn| std::cmp::Reverse(dn.split(',').count()));
        let deletes: Vec<_> = dns.iter().map(|dn| delete(dn)).collect();
        server.ldapmodify(&deletes.concat())?;
    }
    Ok(())
}
