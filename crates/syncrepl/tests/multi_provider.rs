//! Two slapd that replicate from each other: what a consumer hears of each through the other, and
//! what it makes of a node that is behind, goes away and comes back.

mod common;

use common::proxy::Proxy;
use common::{Copied, syncrepl, text};
use syncrepl_testing::slapd::{Pair, SUFFIX, Slapd, Variant, context_csns};

const PEOPLE: usize = 30;

fn populated(variant: Variant) -> Pair {
    let pair = Pair::start(variant);
    let people: Vec<_> = (0..PEOPLE)
        .map(|n| person(&format!("p{n}"), "first"))
        .collect();
    pair.a.ldapmodify(&people.join("\n")).expect("people");
    // Each node has written, so that cookies have something to say of both.
    Pair::wait_for(&pair.b, &format!("(uid=p{})", PEOPLE - 1));
    write(&pair.b, &person("of-b", "first"));
    pair.wait_equal();
    pair
}

fn dn(uid: &str) -> String {
    format!("uid={uid},{SUFFIX}")
}

fn person(uid: &str, description: &str) -> String {
    format!(
        "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\
         description: {description}\n",
        dn(uid)
    )
}

fn describe(uid: &str, description: &str) -> String {
    format!(
        "dn: {}\nchangetype: modify\nreplace: description\ndescription: {description}\n-\n",
        dn(uid)
    )
}

fn delete(uid: &str) -> String {
    format!("dn: {}\nchangetype: delete\n", dn(uid))
}

fn rename(uid: &str, to: &str) -> String {
    format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid={to}\ndeleteoldrdn: 0\n",
        dn(uid)
    )
}

fn write(node: &Slapd, ldif: &str) {
    node.ldapmodify(ldif).expect("the change applies");
}

fn cookie(copy: &Copied<'_>) -> String {
    let data = copy.data().display().to_string();
    let status = text(&syncrepl(&["status", "--data", &data]).stdout);
    let line = status.lines().find_map(|line| line.strip_prefix("cookie:"));
    line.expect("a cookie").trim().to_owned()
}

/// A copy that goes to one node, through a proxy that counts.
fn through<'a>(pair: &'a Pair, copy: &mut Copied<'a>, number: usize) -> Proxy {
    let proxy = Proxy::to(pair.node(number));
    copy.server = pair.node(number);
    copy.hosts = Some(proxy.url());
    proxy
}

/// The server ID in a cookie of one node hides that node's news from who sends it to the other.
#[test]
fn p07_live_changes_of_both_nodes_arrive_through_either() {
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

/// A cookie of the persist stage names one server only. Kept as it comes, it would have the other
/// one's changes sent again, all of them.
#[test]
fn p06_what_is_known_of_each_server_is_kept() {
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
fn a_cookie_of_one_node_continues_at_the_other() {
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
            // The delete carries no state: it is an id in a set, or one that is missing.
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

/// Node 2 has not heard of what the copy holds. It takes the cookie, and what it answers is lower.
#[test]
fn p08_a_cookie_ahead_of_a_lagging_node_is_accepted_and_heals() {
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
            // It has answered with a cookie of its own, which replaces: node 2 knows no more.
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

/// The second node has lost the first, and looks for it once a second only, while somebody comes and
/// goes there. It never hears of that, and its session log has nothing to say of it; but the copy
/// heard of the coming, from the first.
#[test]
fn what_one_node_never_held_is_gone_at_the_other_all_the_same() {
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

#[derive(Clone, Copy)]
enum End {
    Stop,
    Kill,
}

/// `follow -H "A B"`: one node goes, the other takes writes; it comes back, the other goes.
fn fail_over(variant: Variant, end: End) {
    let pair = populated(variant);
    // A kill -9 later on must not lose what a clean stop would have kept: the first contextCSN.
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
        // The delete first: a session log sends it before the rest, with its cookie, and slapd as
        // a consumer then takes what is older for known. We do not, but its own node would lose it.
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
    assert_eq!(copy.reader.mark(), told, "told once, each of them");
    copy.assert_equal();
    // Live and on resync, what was sent was news: each change once, nothing in bulk. What was
    // just told may be sent again by the other node, which had it from the first.
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

/// Both nodes are written to at once, each in its own part of the tree, while one copy follows now
/// the one and now the other, and a second one is refreshed from both in turn.
///
/// The changes are such as slapd itself replicates soundly: with names that are exchanged, or are
/// kept as values, its two nodes end up different, and stay so.
fn concurrent(variant: Variant, rounds: usize) {
    let seed = std::env::var("SYNCREPL_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("SYNCREPL_SEED is a number"),
    );
    println!("SYNCREPL_SEED={seed}");
    let pair = Pair::start(variant);
    let mut writers = ["alpha", "beta"].map(|name| Writer::new(name, seed));
    for writer in &writers {
        writer.begin(&pair.a);
    }
    pair.wait_equal();
    let mut copies = [0, 1].map(|number| {
        let mut copy = Copied::suffix(pair.node(number));
        copy.refresh();
        copy
    });
    for round in 0..rounds {
        copies[0].server = pair.node((round / 2) % 2);
        copies[0].follow();
        std::thread::scope(|scope| {
            let pair = &pair;
            let running = writers.iter_mut().enumerate().map(|(number, writer)| {
                scope.spawn(move || writer.round(pair.node((number + round) % 2), 60))
            });
            let running: Vec<_> = running.collect();
            for number in (0..2).cycle() {
                copies[1].server = pair.node(number);
                copies[1].refresh();
                if running.iter().all(|writer| writer.is_finished()) {
                    break;
                }
            }
            for writer in running {
                let changes = writer.join().expect("the changes apply");
                println!("round {round}:\n{}", changes.join("\n"));
            }
        });
        pair.wait_equal();
        copies[0].wait_equal();
        copies[0].stop();
        for copy in &mut copies {
            copy.refresh();
            copy.assert_equal();
            copy.assert_quiet();
        }
    }
}

#[test]
fn writes_on_both_nodes_at_once() {
    concurrent(Variant::SessionLog, rounds());
}

#[test]
fn writes_on_both_nodes_at_once_on_plain() {
    concurrent(Variant::Plain, rounds());
}

/// More of them by hand: `SYNCREPL_ROUNDS=100`.
fn rounds() -> usize {
    std::env::var("SYNCREPL_ROUNDS").map_or(4, |rounds| rounds.parse().expect("a number"))
}

/// Changes people in a unit of its own, which is renamed too.
struct Writer {
    name: &'static str,
    rng: fastrand::Rng,
    unit: usize,
    people: Vec<usize>,
    next: usize,
}

impl Writer {
    fn new(name: &'static str, seed: u64) -> Writer {
        Writer {
            name,
            rng: fastrand::Rng::with_seed(seed ^ name.len() as u64),
            unit: 0,
            people: Vec::new(),
            next: 0,
        }
    }

    fn begin(&self, node: &Slapd) {
        let name = self.name;
        let unit = format!("dn: ou={name}0,{SUFFIX}\nchangetype: add\n");
        write(
            node,
            &(unit + &format!("objectClass: organizationalUnit\nou: {name}0\n")),
        );
    }

    fn round(&mut self, node: &Slapd, changes: usize) -> Vec<String> {
        let changes: Vec<_> = (0..changes).map(|_| self.change()).collect();
        write(node, &changes.join("\n"));
        changes
    }

    fn change(&mut self) -> String {
        self.next += 1;
        let (name, next) = (self.name, self.next);
        let unit = format!("ou={name}{},{SUFFIX}", self.unit);
        let someone = match self.people.len() {
            0 => None,
            count => Some(self.rng.usize(..count)),
        };
        match (self.rng.u8(..20), someone) {
            (0, _) => {
                self.unit = next;
                format!(
                    "dn: {unit}\nchangetype: modrdn\nnewrdn: ou={name}{next}\ndeleteoldrdn: 1\n"
                )
            }
            (1..=8, Some(index)) => {
                let uid = self.people[index];
                format!(
                    "dn: uid={name}{uid},{unit}\nchangetype: modify\nreplace: description\n\
                     description: {next}\n-\n"
                )
            }
            (9..=11, Some(index)) => {
                let uid = self.people.swap_remove(index);
                format!("dn: uid={name}{uid},{unit}\nchangetype: delete\n")
            }
            (12..=13, Some(index)) => {
                let uid = std::mem::replace(&mut self.people[index], next);
                format!(
                    "dn: uid={name}{uid},{unit}\nchangetype: modrdn\nnewrdn: uid={name}{next}\n\
                     deleteoldrdn: 1\n"
                )
            }
            _ => {
                self.people.push(next);
                format!(
                    "dn: uid={name}{next},{unit}\nchangetype: add\nobjectClass: inetOrgPerson\n\
                     uid: {name}{next}\ncn: {name}\nsn: {name}\n"
                )
            }
        }
    }
}
