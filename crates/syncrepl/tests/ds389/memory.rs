//! The memory of the server: a trimmed changelog, a restart, a kill, a restored backup. And references,
//! of which it says little.

use std::fs;
use std::time::Duration;

use syncrepl_client::Store;
use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::SUFFIX;
use syncrepl_testing::reader::{Change, Event};
use syncrepl_testing::wait_until;

use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE};
use crate::{
    EVERYTHING, apply, at, copies, delete, person, refresh_and_judge, replace,
    while_a_search_is_held,
};

/// Waits until the server remembers the last change only.
fn wait_trimmed(server: &Ds389) {
    wait_until(Duration::from_secs(30), || {
        let (first, last) = server.remembers();
        first == last
    });
}

/// The server forgot changes after the cookie, and passes over them in silence.
#[test]
fn trimmed_changelog() {
    let server = Ds389::builder().trims().start();
    let [ann, bob, cyd] = ["uid=ann", "uid=bob", "uid=cyd"].map(at);
    apply(&server, &[&ann, &bob, &cyd].map(|dn| person(dn, "staff")));
    let mut copies = copies(&server);
    copies.iter_mut().for_each(Copied::refresh);
    apply(
        &server,
        &[
            delete(&ann),
            replace(&bob, "sn", "forgotten"),
            replace(&cyd, "sn", "remembered"),
        ],
    );
    wait_trimmed(&server);
    for copy in &mut copies {
        let proxy = Proxy::to(&server);
        copy.hosts = Some(proxy.url());
        refresh_and_judge(copy);
        // The command knew before it sent the cookie. The second time there was nothing to doubt.
        assert_eq!(proxy.sync_searches(), 2);
        copy.hosts = None;
    }
    assert_eq!(copies[1].dump().len(), 2);
    // The same with follow. A cookie that is as new as the last change stays good for ever.
    wait_trimmed(&server);
    copies.iter_mut().for_each(Copied::assert_quiet);
    apply(&server, &[delete(&bob), replace(&cyd, "sn", "again")]);
    wait_trimmed(&server);
    for copy in &mut copies {
        copy.follow();
        copy.wait_equal();
        copy.stop();
    }
    assert_eq!(copies[1].dump().len(), 1);
}

/// The server forgets changes after the command asked what it remembers, and before the sync search.
#[test]
fn changelog_trimmed_at_the_last_moment() {
    let server = Ds389::builder().trims().start();
    let [ann, bob, cyd] = ["uid=ann", "uid=bob", "uid=cyd"].map(at);
    apply(&server, &[&ann, &bob, &cyd].map(|dn| person(dn, "staff")));
    let mut copy = Copied::suffix(&server);
    copy.refresh();
    while_a_search_is_held(&server, &mut copy, || {
        apply(&server, &[delete(&ann), replace(&bob, "sn", "forgotten")]);
        apply(&server, &[replace(&cyd, "sn", "remembered")]);
        wait_trimmed(&server);
    });
    copy.assert_quiet();
}

/// `follow` lives through a clean restart and a kill. Then a backup is restored.
#[test]
fn restarts_and_a_backup() {
    let server = Ds389::start();
    let dn = |number: usize| at(&format!("uid=p{number}"));
    apply(&server, &[0, 1].map(|n| person(&dn(n), "staff")));
    let mut copies = copies(&server);
    copies.iter_mut().for_each(Copied::refresh);
    server.backup("monday");
    copies.iter_mut().for_each(Copied::assert_quiet);
    apply(&server, &[delete(&dn(0)), person(&dn(2), "staff")]);
    server.kill();
    server.start_again();
    copies.iter_mut().for_each(refresh_and_judge);
    // The cookie is now ahead of the server, which answers 4096.
    server.restore("monday");
    copies.iter_mut().for_each(refresh_and_judge);
    let names = |copy: &Copied<'_>| copy.dump().by_dn().contains_key(&dn(0));
    assert!(copies.iter().all(names), "the deleted entry is back");
    // `follow` comes back by itself after the kill.
    let copy = &mut copies[0];
    copy.follow();
    server.kill();
    copy.follower()
        .wait_for_stderr(|line| line.contains("trying again"), PATIENCE);
    server.start_again();
    apply(&server, &[person(&dn(3), "staff")]);
    copy.follower()
        .wait_for_stderr(|line| line.contains("up to date again"), PATIENCE);
    copy.wait_equal();
}

/// References come without a state, and the copy does not hold them. Referral objects that change live
/// come as entries, and are no records either.
#[test]
fn references_without_state_are_no_records() {
    let server = Ds389::start();
    let dn = at("cn=elsewhere");
    let add = format!(
        "dn: {dn}\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\n\
         cn: elsewhere\nref: ldap://127.0.0.1:1/dc=elsewhere\n\n"
    );
    let other = replace(&dn, "ref", "ldap://127.0.0.1:1/dc=other");
    let [mut down, mut following] = [EVERYTHING; 2].map(|f| Copied::of(&server, SUFFIX, f));
    down.refresh();
    following.follow();
    for change in [add, other, delete(&dn)] {
        apply(&server, &[change, person(&at("uid=mark"), "staff")]);
        refresh_and_judge(&mut down);
        following.wait_equal();
        apply(&server, &[delete(&at("uid=mark"))]);
        refresh_and_judge(&mut down);
        following.wait_equal();
        assert_eq!(down.dump().len(), 1, "only the suffix is there");
        // A search shows the reference only with a filter that matches everything.
        let mut fresh = Copied::suffix(&server);
        refresh_and_judge(&mut fresh);
        let reconciled = down.try_refresh(&["--reconcile"]);
        assert!(reconciled.status.success(), "{reconciled:?}");
        down.assert_equal();
    }
    assert_eq!(following.reader.deletes().len(), 3);
    following.stop();
}

/// The cookie that comes with the deletes already covers the adds that come after it. After a cut in
/// between it must not be kept.
#[test]
fn cut_between_deletes_and_adds() {
    // The copies reach the server by several names, so its counters alone would prove nothing.
    let server = Ds389::builder().shows_changelog().start();
    let dn = |number: usize| at(&format!("uid=p{number}"));
    apply(&server, &[0, 1, 2].map(|n| person(&dn(n), "staff")));
    let mut copy = Copied::suffix(&server);
    copy.refresh();
    for (number, subcommand) in ["refresh", "follow"].into_iter().enumerate() {
        let (gone, new) = (dn(number), dn(number + 3));
        apply(
            &server,
            &[
                delete(&gone),
                person(&new, "staff"),
                replace(&dn(2), "sn", subcommand),
            ],
        );
        // Another copy of the same data file shows where in the stream that is.
        let mut other = Copied::suffix(&server);
        fs::copy(copy.data(), other.data()).expect("a copy of the data file");
        let proxy = Proxy::to(&server);
        other.hosts = Some(proxy.url());
        match subcommand {
            "refresh" => assert!(other.try_refresh(&[]).status.success()),
            _ => {
                other.follow();
                let commit = |line: &str| line.contains(r#""op":"commit""#);
                other.follower().wait_for_line(commit, PATIENCE);
                other.kill();
            }
        }
        let last = cookie(&other);
        let of_the_deletes = proxy.position_answered(&last);
        let cut = proxy.position_answered(new.as_bytes()).expect("the add");
        assert!(
            of_the_deletes.is_some_and(|position| position + last.len() < cut),
            "the cookie does not come before the adds"
        );
        let before = cookie(&copy);
        assert_ne!(before, last);
        let proxy = Proxy::cutting(&server, &[cut]);
        copy.hosts = Some(proxy.url());
        if subcommand == "refresh" {
            assert_eq!(copy.try_refresh(&[]).status.code(), Some(4));
            assert_eq!(cookie(&copy), before);
            assert!(copy.dump().by_dn().contains_key(&gone), "half a refresh");
            copy.refresh();
            copy.assert_equal();
        } else {
            copy.follow();
            copy.wait_equal();
            assert!(copy.stop_after_trouble().contains("trying again"));
            assert!(proxy.sync_searches() >= 2, "it was not cut");
        }
        assert_eq!(cookie(&copy), last);
        copy.assert_quiet();
    }
}

fn cookie(copy: &Copied<'_>) -> Vec<u8> {
    let store = Store::open(copy.data()).expect("the store");
    let status = store.status().expect("its status");
    status.cookie.expect("a cookie")
}

/// The identity comes from nsUniqueId, even where entries have an attribute entryUUID.
#[test]
fn attribute_entry_uuid_is_not_the_identity() {
    let server = Ds389::builder().entry_uuids().start();
    let names = ["uid=ann", "uid=bob", "uid=cyd", "uid=dan"].map(at);
    apply(&server, &names.each_ref().map(|dn| person(dn, "staff")));
    assert!(
        server
            .search(SUFFIX, "(&(uid=ann)(entryUUID=*))", &[])
            .len()
            == 1,
        "entries have no entryUUID"
    );
    let mut copies = copies(&server);
    copies[1].attributes = vec!["sn", "entryUUID"];
    copies.iter_mut().for_each(Copied::refresh);
    // The command looks for implied deletes by identity, and has to find the entries that exist.
    apply(&server, &[delete(&names[0]), replace(&names[1], "sn", "x")]);
    for copy in &mut copies {
        let deletes = copy.reader.deletes().len();
        let reconciled = copy.try_refresh(&["--reconcile"]);
        assert!(reconciled.status.success(), "{reconciled:?}");
        copy.assert_equal();
        copy.assert_no_phantom_delete(deletes);
        assert_eq!(copy.reader.deletes().len() - deletes, 1);
    }
    // The same for hints.
    for copy in &mut copies {
        copy.follow();
    }
    apply(&server, &[replace(&names[1], "sn", "y"), delete(&names[2])]);
    for copy in &mut copies {
        copy.wait_equal();
        copy.stop();
        let changed = |event: &&Event| matches!(event.change, Change::Change { .. });
        let told = copy.reader.events_since(0);
        assert_eq!(told.iter().filter(changed).count(), 2, "{told:?}");
        assert_eq!(copy.reader.deletes().len(), 2);
    }
}
