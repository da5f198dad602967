//! `follow` on two nodes, of which one ends.

use syncrepl_testing::slapd::Variant;

use crate::common::Copied;
use crate::common::proxy::Proxy;
use crate::{PEOPLE, delete, describe, person, populated, rename, write};

#[derive(Clone, Copy)]
enum End {
    Stop,
    Kill,
}

/// `follow -H "A B"`: one node ends and the other takes writes. Then the first comes back and the other
/// ends.
fn fail_over(variant: Variant, end: End) {
    let pair = populated(variant);
    // A clean stop writes the first contextCSN to the disk, so that a later kill -9 cannot lose it.
    for node in [&pair.a, &pair.b] {
        node.stop();
        node.start_again();
    }
    pair.wait_equal();
    let proxies = [Proxy::to(&pair.a), Proxy::to(&pair.b)];
    let sent = || proxies.iter().map(Proxy::states_answered).sum::<usize>();
    let mut copy = Copied::suffix(&pair.a);
    copy.hosts = Some(format!("{} {}", proxies[0].url(), proxies[1].url()));
    copy.follow();
    copy.wait_equal();
    let (first, mark) = (sent(), copy.reader.mark());
    assert_eq!((first, mark), (PEOPLE + 2, PEOPLE + 2));
    assert_eq!(proxies[1].states_answered(), 0);
    let mut told = mark;
    for (round, gone) in [0, 1, 0].into_iter().enumerate() {
        let (leaves, stays) = (pair.node(gone), pair.node(1 - gone));
        write(leaves, &describe("p1", &format!("{round}, before")));
        write(stays, &describe("p2", &format!("{round}, before")));
        pair.wait_equal();
        copy.server = leaves;
        copy.wait_equal();
        match end {
            End::Stop => leaves.stop(),
            End::Kill => leaves.kill(),
        }
        // The delete first: a session log sends it before older changes, with its cookie. slapd as a
        // consumer then takes those older changes for known, and the other node would lose them.
        write(stays, &delete(&format!("p{}", 10 + round)));
        write(stays, &person(&format!("new{round}"), "while one is gone"));
        write(
            stays,
            &rename(&format!("p{}", 20 + round), &format!("r{round}")),
        );
        write(stays, &describe("p2", &format!("{round}, one is gone")));
        copy.server = stays;
        copy.wait_equal();
        // A rename that keeps the old value is a change too.
        told += 2 + 5;
        leaves.start_again();
        pair.wait_equal();
        copy.wait_equal();
    }
    println!("{}", copy.stop_after_trouble());
    assert_eq!(copy.reader.mark(), told, "each change is told once");
    copy.assert_equal();
    // Live and on resync the nodes send changes only, not everything. After a fail-over a node may send
    // again what the copy just had from the other node.
    let later = sent() - first;
    assert!(later <= 3 * (PEOPLE / 2), "{later} states were sent");
    copy.assert_quiet();
}

#[test]
fn fail_over_from_a_node_that_stops() {
    fail_over(Variant::SessionLog, End::Stop);
}

#[test]
fn fail_over_from_a_node_that_stops_on_plain() {
    fail_over(Variant::Plain, End::Stop);
}

#[test]
fn fail_over_from_a_node_that_is_killed() {
    fail_over(Variant::SessionLog, End::Kill);
}

#[test]
fn fail_over_from_a_node_that_is_killed_on_plain() {
    fail_over(Variant::Plain, End::Kill);
}
