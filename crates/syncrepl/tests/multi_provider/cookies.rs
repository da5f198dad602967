//! A cookie of one node, sent to the other.

use syncrepl_testing::slapd::{Pair, Variant, context_csns};

use crate::common::proxy::Proxy;
use crate::common::{Copied, syncrepl, text};
use crate::{PEOPLE, delete, describe, person, populated, write};

fn cookie(copy: &Copied<'_>) -> String {
    let data = copy.data().display().to_string();
    let status = text(&syncrepl(&["status", "--data", &data]).stdout);
    let line = status.lines().find_map(|line| line.strip_prefix("cookie:"));
    line.expect("a cookie").trim().to_owned()
}

/// Sends the copy to one node, through a proxy that counts what passes.
fn through<'a>(pair: &'a Pair, copy: &mut Copied<'a>, number: usize) -> Proxy {
    let proxy = Proxy::to(pair.node(number));
    copy.server = pair.node(number);
    copy.hosts = Some(proxy.url());
    proxy
}

/// The other node does not send what the server ID in a cookie names. So a cookie that keeps its server
/// ID would hide changes.
#[test]
fn live_changes_of_both_nodes_arrive_through_either() {
    let pair = populated(Variant::SessionLog);
    let mut copies = [0, 1].map(|number| {
        let mut copy = Copied::suffix(pair.node(number));
        // The cookie of the other node.
        copy.server = pair.node(1 - number);
        copy.refresh();
        copy.server = pair.node(number);
        copy.follow();
        copy
    });
    for (round, writer) in [0, 1, 0, 1].into_iter().enumerate() {
        write(
            pair.node(writer),
            &describe(&format!("p{round}"), "changed live"),
        );
        write(
            pair.node(writer),
            &person(&format!("new{round}"), "new live"),
        );
        pair.wait_equal();
        copies.iter_mut().for_each(Copied::wait_equal);
    }
    for copy in &mut copies {
        copy.stop();
        copy.assert_quiet();
        copy.assert_equal();
    }
}

/// A cookie of the persist stage names one server only. If the consumer kept just that, the provider
/// would send all changes of the other server again.
#[test]
fn live_cookie_keeps_the_csn_of_each_server() {
    for variant in [Variant::Plain, Variant::SessionLog] {
        let pair = populated(variant);
        let mut copy = Copied::suffix(&pair.a);
        let _proxy = through(&pair, &mut copy, 0);
        copy.follow();
        write(&pair.a, &describe("p1", "of node 1"));
        pair.wait_equal();
        copy.wait_equal();
        write(&pair.b, &describe("p2", "of node 2"));
        pair.wait_equal();
        copy.wait_equal();
        copy.stop();
        let kept = cookie(&copy);
        for csn in context_csns(&pair.a) {
            let csn = text(&csn);
            assert!(kept.contains(&csn), "{kept} does not name {csn}");
        }
        assert!(!kept.contains("sid="), "{kept}");
        let proxy = through(&pair, &mut copy, 0);
        copy.assert_quiet();
        assert_eq!(proxy.states_answered(), 0, "{variant:?}: sent again");
    }
}

#[test]
fn cookie_of_one_node_continues_at_the_other() {
    for variant in [Variant::Plain, Variant::SessionLog] {
        let pair = populated(variant);
        let mut copy = Copied::suffix(&pair.a);
        let proxy = through(&pair, &mut copy, 0);
        copy.refresh();
        assert_eq!(proxy.states_answered(), PEOPLE + 2);
        for number in [1, 0, 1] {
            write(&pair.a, &describe("p3", &format!("towards {number}")));
            write(&pair.b, &describe("p4", &format!("towards {number}")));
            write(&pair.b, &person(&format!("late{number}"), "new"));
            write(&pair.a, &describe("p5", &format!("towards {number}")));
            write(&pair.a, &delete(&format!("p{}", 10 + number)));
            pair.wait_equal();
            let (mark, proxy) = (copy.reader.mark(), through(&pair, &mut copy, number));
            copy.refresh();
            copy.assert_equal();
            assert_eq!(copy.reader.events_since(mark).len(), 5, "{variant:?}");
            // The delete is no entry with a state: its entryUUID is in a set, or is missing from one.
            assert_eq!(proxy.states_answered(), 4, "{variant:?}: more was sent");
            assert_eq!(proxy.sync_searches(), 1);
            write(&pair.b, &person(&format!("p{}", 10 + number), "again"));
            write(&pair.b, &delete(&format!("late{number}")));
            pair.wait_equal();
            copy.refresh();
            copy.assert_quiet();
        }
    }
}

/// Node 2 lags: the copy holds changes that it has not seen. It accepts the cookie, and answers with a
/// lower one.
#[test]
fn lagging_node_accepts_a_newer_cookie_and_catches_up() {
    for (variant, lagging_writes) in [
        (Variant::Plain, true),
        (Variant::SessionLog, false),
        (Variant::SessionLog, true),
    ] {
        println!("{variant:?}, the lagging node takes a write: {lagging_writes}");
        let pair = populated(variant);
        let mut copy = Copied::suffix(&pair.a);
        copy.refresh();
        pair.b.stop();
        write(&pair.a, &person("ahead", "only at node 1"));
        write(&pair.a, &describe("p1", "only at node 1"));
        copy.refresh();
        let ahead = cookie(&copy);
        pair.a.stop();
        pair.b.start_again();
        copy.server = &pair.b;
        if lagging_writes {
            write(&pair.b, &describe("p2", "only at node 2"));
        }
        copy.refresh();
        if lagging_writes {
            // Node 2 answered with its own, older cookie, and that replaces ours.
            let kept = cookie(&copy);
            assert!(kept < ahead, "{kept} is not below {ahead}");
            for csn in context_csns(&pair.b) {
                assert!(kept.contains(&text(&csn)), "{kept}");
            }
        } else {
            assert_eq!(cookie(&copy), ahead, "nothing came, so nothing is replaced");
        }
        pair.a.start_again();
        pair.wait_equal();
        copy.refresh();
        copy.assert_equal();
        write(&pair.a, &describe("p3", "after"));
        pair.wait_equal();
        copy.refresh();
        copy.assert_equal();
        copy.assert_quiet();
    }
}

/// Node 2 looks for node 1 only once a second after it lost it. Meanwhile node 1 adds an entry and deletes
/// it, so node 2 never holds it, and its session log does not name it. The copy has the entry from node 1,
/// and has to delete it on a refresh from node 2.
#[test]
fn entry_that_one_node_never_held_is_deleted_there() {
    for variant in [Variant::Plain, Variant::SessionLog] {
        let pair = populated(variant);
        let mut copy = Copied::suffix(&pair.a);
        copy.refresh();
        pair.a.stop();
        pair.a.start_again();
        write(&pair.a, &person("passing", "comes"));
        copy.refresh();
        write(&pair.a, &delete("passing"));
        pair.wait_equal();
        copy.server = &pair.b;
        let mark = copy.reader.mark();
        copy.refresh();
        copy.assert_equal();
        assert_eq!(copy.reader.events_since(mark).len(), 1, "{variant:?}");
        copy.assert_quiet();
    }
}
