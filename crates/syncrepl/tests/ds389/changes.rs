//! Changes of the content, while the command is down and while it follows.

use std::time::{Duration, Instant};

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::SUFFIX;
use syncrepl_testing::environment::{number, seed};
use syncrepl_testing::workload::{Options, Workload};

use crate::common::Copied;
use crate::common::proxy::Proxy;
use crate::{
    EVERYTHING, STAFF, apply, at, copies, delete, person, refresh_and_judge, relocate, replace,
    unit, while_a_search_is_held,
};

/// Twenty refreshes in a row, every other one after a change. 389-ds ends each with refreshDeletes=FALSE,
/// as if each entry that it did not mention was deleted.
#[test]
fn twenty_refreshes_delete_no_entry_that_stays() {
    let server = Ds389::start();
    let people: Vec<_> = (0..20)
        .map(|n| person(&at(&format!("uid=p{n}")), "staff"))
        .collect();
    apply(&server, &people);
    let mut copies = copies(&server).map(|mut copy| {
        let proxy = Proxy::to(&server);
        copy.hosts = Some(proxy.url());
        (copy, proxy)
    });
    for number in 0..20 {
        if number % 2 == 1 {
            let dn = at(&format!("uid=p{number}"));
            let change = match number % 4 {
                1 => replace(&dn, "sn", "another"),
                _ => delete(&dn),
            };
            apply(&server, &[change]);
        }
        for (copy, proxy) in &mut copies {
            let deletes = copy.reader.deletes().len();
            let sent = proxy.states_answered();
            copy.refresh();
            copy.assert_equal();
            if number > 0 && number % 2 == 0 {
                assert_eq!(proxy.states_answered(), sent, "nothing changed");
            }
            // The command does not believe it at first either: no search confirms an absence.
            assert_eq!(proxy.sync_searches(), number + 1);
            let expected = usize::from(number % 4 == 3);
            assert_eq!(copy.reader.deletes().len() - deletes, expected);
        }
    }
}

/// An entry no longer matches the filter. 389-ds does not mention it on resync.
#[test]
fn entry_leaves_the_filter_while_away() {
    let server = Ds389::start();
    let [ann, bob, cyd] = ["uid=ann", "uid=bob", "uid=cyd"].map(at);
    apply(&server, &[&ann, &bob, &cyd].map(|dn| person(dn, "staff")));
    let mut copies = copies(&server);
    copies.iter_mut().for_each(Copied::refresh);
    apply(&server, &[replace(&ann, "employeeType", "guest")]);
    for copy in &mut copies {
        let proxy = Proxy::to(&server);
        copy.hosts = Some(proxy.url());
        refresh_and_judge(copy);
        // The command knew before it sent the cookie. The second time there was nothing to doubt.
        assert_eq!(proxy.sync_searches(), 2);
        copy.hosts = None;
    }
    assert_eq!(copies[1].dump().len(), 2);
    // By follow: one entry leaves while the command is down, one while it follows.
    for copy in &mut copies {
        copy.follow();
        copy.wait_equal();
        copy.stop();
    }
    apply(&server, &[replace(&bob, "employeeType", "guest")]);
    for copy in &mut copies {
        copy.follow();
        copy.wait_equal();
    }
    apply(
        &server,
        &[
            replace(&cyd, "employeeType", "guest"),
            replace(&ann, "employeeType", "staff"),
        ],
    );
    for copy in &mut copies {
        copy.wait_equal();
        copy.stop();
        copy.assert_quiet();
    }
    assert_eq!(copies[1].dump().len(), 1);
}

/// Nothing has changed when the command asks, and then an entry leaves before the sync search.
#[test]
fn entry_leaves_the_filter_at_the_last_moment() {
    let server = Ds389::start();
    let [ann, bob] = ["uid=ann", "uid=bob"].map(at);
    apply(&server, &[&ann, &bob].map(|dn| person(dn, "staff")));
    let mut copy = Copied::of(&server, SUFFIX, STAFF);
    copy.refresh();
    while_a_search_is_held(&server, &mut copy, || {
        apply(&server, &[replace(&ann, "employeeType", "guest")]);
    });
    assert_eq!(copy.dump().len(), 1);
    copy.assert_quiet();
}

/// Parents with children move into the base and out of it, with a filter and without.
#[test]
fn entry_leaves_the_base_while_away() {
    let server = Ds389::start();
    let [inside, outside] = ["ou=inside", "ou=outside"].map(at);
    let team = format!("ou=team,{inside}");
    let crew = format!("ou=crew,{outside}");
    let [ann, bob] = [format!("uid=ann,{team}"), format!("uid=bob,{crew}")];
    apply(
        &server,
        &[&inside, &outside, &team, &crew].map(|dn| unit(dn)),
    );
    let stays = format!("uid=eve,{inside}");
    apply(&server, &[&ann, &bob, &stays].map(|dn| person(dn, "staff")));
    let mut copies = [EVERYTHING, STAFF, "(uid=*)"].map(|f| Copied::of(&server, &inside, f));
    copies.iter_mut().for_each(Copied::refresh);
    apply(&server, &[relocate(&team, &outside)]);
    copies.iter_mut().for_each(refresh_and_judge);
    apply(&server, &[relocate(&crew, &inside)]);
    copies.iter_mut().for_each(refresh_and_judge);
    // The parent is renamed. 389-ds does not mention the children.
    let renamed =
        format!("dn: ou=crew,{inside}\nchangetype: modrdn\nnewrdn: ou=band\ndeleteoldrdn: 1\n\n");
    apply(&server, &[renamed]);
    copies.iter_mut().for_each(refresh_and_judge);
    // Live, with all entries: one subtree comes back, the other leaves.
    let copy = &mut copies[0];
    copy.follow();
    apply(&server, &[relocate(&format!("ou=team,{outside}"), &inside)]);
    copy.wait_equal();
    apply(&server, &[relocate(&format!("ou=band,{inside}"), &outside)]);
    copy.wait_equal();
    copy.stop();
    copy.assert_quiet();
}

/// The workload renames no parents, and uses no names that have to be escaped. After many changes this
/// server (2.3.1) shows some children for ever under the old name of their parent, and in a rename it
/// takes `cn=b\\ ` for `cn=b`. The scenarios rename parents too, one at a time.
pub const GENTLE: Options = Options {
    parent_renames: false,
    hard_names: false,
    ..Options::ALL
};

fn workload(filter: &str) {
    let server = Ds389::start();
    let mut workload = Workload::new(seed(), GENTLE);
    workload.populate(&server, 40);
    let mut refreshed = Copied::of(&server, SUFFIX, filter);
    let mut following = Copied::of(&server, SUFFIX, filter);
    following.follow();
    for round in 0..=rounds() {
        println!("round {round}");
        refresh_and_judge(&mut refreshed);
        following.wait_equal();
        match round % 4 {
            // The next round happens while the command is down.
            1 => following.stop(),
            3 => following.kill(),
            _ => {}
        }
        for change in workload.round(&server, 60) {
            println!("{change}");
        }
        if round % 2 == 1 {
            following.follow();
        }
    }
    following.wait_equal();
    following.stop();
    following.assert_quiet();
    following.assert_equal();
}

fn rounds() -> u64 {
    number("SYNCREPL_ROUNDS").unwrap_or(5)
}

#[test]
fn random_changes_to_everything() {
    workload(EVERYTHING);
}

#[test]
fn random_changes_to_the_staff() {
    workload(STAFF);
}

/// 389-ds derives memberOf, and sends the entries to which it writes it.
#[test]
fn member_of_is_told() {
    let server = Ds389::builder().plugin("MemberOf Plugin").start();
    let [ann, bob] = ["uid=ann", "uid=bob"].map(at);
    let group = at("cn=all");
    // The plug-in may write memberOf only to entries that allow it.
    let may = "dn: {}\nchangetype: modify\nadd: objectClass\nobjectClass: nsMemberOf\n-\n\n";
    apply(&server, &[&ann, &bob].map(|dn| person(dn, "staff")));
    apply(&server, &[&ann, &bob].map(|dn| may.replace("{}", dn)));
    let create = format!(
        "dn: {group}\nchangetype: add\nobjectClass: groupOfNames\ncn: all\nmember: {ann}\n\n"
    );
    let join = format!("dn: {group}\nchangetype: modify\nadd: member\nmember: {bob}\n-\n\n");
    let mut down = Copied::suffix(&server);
    let mut following = Copied::suffix(&server);
    let mut counts = Vec::new();
    for copy in [&mut down, &mut following] {
        copy.attributes = vec!["cn", "member", "memberOf"];
    }
    down.refresh();
    following.follow();
    for changes in [create, join, delete(&group)] {
        apply(&server, &[changes]);
        refresh_and_judge(&mut down);
        following.wait_equal();
        let copy = down.dump();
        let entries = copy.entries.values();
        counts.push(
            entries
                .filter(|entry| entry.attrs.contains_key("memberof"))
                .count(),
        );
    }
    following.stop();
    assert_eq!(counts, [1, 2, 0]);
}

/// A command that waits in vain for the answer to a Cancel takes 5 s.
const AT_ONCE: Duration = Duration::from_secs(4);

/// 389-ds does not know Cancel, so the command neither sends it nor waits for an answer.
#[test]
fn quick_stop_without_cancel() {
    let server = Ds389::start();
    let mut copy = Copied::suffix(&server);
    for number in 0..3 {
        copy.follow();
        apply(&server, &[unit(&at(&format!("ou=u{number}")))]);
        copy.wait_equal();
        let began = Instant::now();
        copy.stop();
        let took = began.elapsed();
        println!("{took:?}");
        assert!(took < AT_ONCE, "it took {took:?}");
        copy.assert_quiet();
    }
    // The same while the server hangs.
    copy.follow();
    server.pause();
    let began = Instant::now();
    copy.stop();
    let took = began.elapsed();
    server.resume();
    println!("{took:?} while the server hung");
    assert!(took < AT_ONCE, "it took {took:?} while the server hung");
}
