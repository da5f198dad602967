//! Random changes of people and groups while following.

use std::time::{Duration, Instant};

use syncrepl_testing::environment::seed;
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::{Copied, PATIENCE};
use crate::overlays::{following, with_dynlist};
use crate::{falsely_lost, group, person, replace};

const CHANGES: usize = 200;
const PEOPLE: usize = 6;

/// The next change. It always changes an entry that the copy holds.
fn change(rng: &mut fastrand::Rng, number: usize, members: &mut Vec<usize>) -> String {
    let who = rng.usize(..PEOPLE);
    match rng.u8(0..6) {
        0..=1 => replace(&person(who), "description", &number.to_string()),
        2 => replace(
            &group(["team", "staff"][who % 2]),
            "description",
            &number.to_string(),
        ),
        3 => {
            let title = ["staff", "guest"][rng.usize(..2)];
            replace(&person(who), "title", title)
                + &replace(&person(who), "sn", &number.to_string())
        }
        _ => {
            let how = match members.iter().position(|member| *member == who) {
                Some(at) if members.len() > 1 => {
                    members.remove(at);
                    "delete"
                }
                Some(_) => return replace(&person(who), "description", &number.to_string()),
                None => {
                    members.push(who);
                    "add"
                }
            };
            format!(
                "dn: {}\nchangetype: modify\n{how}: member\nmember: {}\n\n",
                group("team"),
                person(who)
            )
        }
    }
}

fn wait_for_news(copy: &mut Copied<'_>, mark: usize) {
    let deadline = Instant::now() + PATIENCE;
    while copy.reader.events_since(mark).is_empty() {
        assert!(Instant::now() < deadline, "nothing was told");
        copy.take_output();
        std::thread::yield_now();
    }
}

/// Each change is told, and takes away nothing that a search shows.
pub fn nothing_is_falsely_lost(server: &Slapd) {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut copy = following(server, &[]);
    copy.wait_equal();
    let mut members = vec![0, 1];
    for number in 0..CHANGES {
        let mark = copy.reader.mark();
        let ldif = change(&mut rng, number, &mut members);
        println!("{ldif}");
        server.ldapmodify(&ldif).expect("a change");
        wait_for_news(&mut copy, mark);
        let lost = falsely_lost(&copy, copy.reader.events_since(mark));
        assert!(lost.is_empty(), "{lost:#?}");
    }
    copy.stop_after_trouble();
    copy.try_refresh(&["--reconcile"]);
    copy.assert_equal();
}

/// With `--derived` the copy is what a search shows, soon after each change. Returns the longest wait.
pub fn all_is_told(server: &Slapd, changes: usize) -> Duration {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut copy = following(server, &["--derived"]);
    copy.wait_equal();
    let (mut members, mut longest) = (vec![0, 1], Duration::ZERO);
    for number in 0..changes {
        let mark = copy.reader.mark();
        let ldif = change(&mut rng, number, &mut members);
        println!("{ldif}");
        server.ldapmodify(&ldif).expect("a change");
        let made = Instant::now();
        copy.wait_equal();
        longest = longest.max(made.elapsed());
        let lost = falsely_lost(&copy, copy.reader.events_since(mark));
        assert!(lost.is_empty(), "{lost:#?}");
    }
    copy.stop();
    println!("the longest wait was {longest:?}");
    longest
}

#[test]
fn dynlist_while_following() {
    nothing_is_falsely_lost(&with_dynlist(Variant::SessionLog));
}

#[test]
fn derived_values_are_told() {
    let longest = all_is_told(&with_dynlist(Variant::Plain), 40);
    assert!(longest < PATIENCE / 2, "{longest:?}");
}

/// A filter on a computed attribute: who joins comes, who leaves goes.
#[test]
fn joiners_and_leavers_of_a_filter_are_told() {
    let server = with_dynlist(Variant::SessionLog);
    let filter = format!("(memberOf={})", group("team"));
    let mut copy = Copied::of(&server, SUFFIX, &filter);
    copy.follow_with(&["--derived"]);
    copy.wait_equal();
    for (how, who, count) in [("add", 2, 3), ("delete", 0, 2), ("add", 0, 3)] {
        let ldif = format!(
            "dn: {}\nchangetype: modify\n{how}: member\nmember: {}\n\n",
            group("team"),
            person(who)
        );
        server.ldapmodify(&ldif).expect("a change");
        copy.wait_equal();
        assert_eq!(copy.dump().len(), count);
    }
    copy.stop();
    // A refresh hears of it, too.
    let ldif = format!(
        "dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n\n",
        group("team"),
        person(2)
    );
    server.ldapmodify(&ldif).expect("a change");
    let output = copy.try_refresh(&["--derived"]);
    assert!(output.status.success());
    copy.assert_equal();
    assert_eq!(copy.dump().len(), 2);
}

/// Without the option the run says what it will not be told.
#[test]
fn a_run_warns_of_values_that_nobody_tells() {
    let server = with_dynlist(Variant::SessionLog);
    let mut copy = Copied::suffix(&server);
    copy.attributes = vec!["*", "memberOf"];
    let said = |output: std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let warned = said(copy.try_refresh(&[]));
    assert!(
        warned.contains("memberOf") && warned.contains("--derived"),
        "{warned}"
    );
    assert_eq!(said(copy.try_refresh(&["--derived"])), "");
    assert_eq!(said(copy.try_refresh(&["--reconcile-every", "1d"])), "");
    let mut filtered = Copied::of(&server, SUFFIX, "(&(objectClass=person)(memberOf=*))");
    let warned = said(filtered.try_refresh(&[]));
    assert!(warned.contains("the search names memberOf"), "{warned}");
}
