//! The filter hides parents, and the provider says nothing of them.

use std::thread;
use std::time::{Duration, Instant};

use syncrepl_client::{Builder, ErrorKind, Scope, SyncreplMode};

use crate::bench::{Bench, Told};
use crate::fake::{Fake, Step};
use crate::story::*;

/// Sets a filter that hides each entry without a description.
pub fn with_description(builder: Builder<&mut Told>) -> Builder<&mut Told> {
    builder.search(BASE, Scope::Subtree, "(description=*)", [""; 0])
}

/// An entry that the filter shows.
fn shown(number: u8, dn: &str) -> (u8, &str, &str) {
    (number, dn, text(number))
}

/// An entry that the filter hides.
fn hidden(number: u8, dn: &str) -> (u8, &str, &str) {
    (number, dn, "")
}

/// A first refresh with the entries `first`, a refresh without changes, and a refresh with these
/// changes. Searches show `before` until then, and `after` from then on.
fn refresh(
    first: &[(u8, &'static str)],
    before: &[(u8, &str, &str)],
    changes: &[Step],
    after: &[(u8, &str, &str)],
) -> Bench {
    let first: Vec<_> = first.iter().map(|(n, dn)| add(*n, dn)).collect();
    let mut bench = Bench::new();
    for (script, end, shows) in [
        (&first[..], FIRST, before),
        (&[], FIRST, before),
        (changes, NEXT, after),
    ] {
        let fake = Fake::plays([script, &[done(end)]].concat());
        fake.describes(shows);
        bench
            .run(&fake, SyncreplMode::RefreshOnly, with_description)
            .unwrap();
    }
    bench
}

/// A first refresh with the entries `first`, then these changes as one group of the persist stage,
/// until the copy has the DNs `wanted`.
fn follow(
    first: &[(u8, &'static str)],
    changes: &[Step],
    shows: &[(u8, &str, &str)],
    wanted: &[&str],
) -> Bench {
    let first: Vec<_> = first.iter().map(|(n, dn)| add(*n, dn)).collect();
    let script = [&first[..], &[persist_with(FIRST)], changes, &[cookie(NEXT)]].concat();
    let fake = Fake::plays(script);
    fake.describes(shows);
    let mut bench = Bench::new();
    bench.follow_until(&fake, with_description, |told| told.holds_only(wanted));
    bench
}

/// The provider sends the child (3) below P. Its hidden parent (2) becomes Q, of which the provider
/// does not tell, and 4 takes the name P.
#[test]
fn another_entry_takes_the_name_of_a_hidden_parent() {
    let bench = refresh(
        &[(1, BASE), (4, Z)],
        &[],
        &[add(3, C_BELOW_P), modify(4, P)],
        &[
            shown(1, BASE),
            hidden(2, Q),
            shown(3, C_BELOW_Q),
            shown(4, P),
        ],
    );
    assert_eq!(bench.held(), [C_BELOW_Q, P, BASE]);
}

/// The child (3) of the hidden P (2) is renamed. Before the consumer looks up the parents, P and the
/// hidden Z (6) exchange their names.
#[test]
fn hidden_parents_swap_names_before_they_are_looked_up() {
    const D_BELOW_Z: &str = "cn=d,cn=z,ou=base,dc=example";
    let bench = refresh(
        &[(1, BASE), (3, C_BELOW_P), (4, C_BELOW_Z)],
        &[
            shown(1, BASE),
            hidden(2, P),
            shown(3, C_BELOW_P),
            shown(4, C_BELOW_Z),
            hidden(6, Z),
        ],
        &[modify(3, D_BELOW_P)],
        &[
            shown(1, BASE),
            hidden(2, Z),
            shown(3, D_BELOW_Z),
            shown(4, C_BELOW_P),
            hidden(6, P),
        ],
    );
    assert_eq!(bench.held(), [C_BELOW_P, D_BELOW_Z, BASE]);
}

/// The hidden P (2) came into the base with two children. The provider tells of one (5).
#[test]
fn hidden_parent_that_came_brings_another_child() {
    let bench = refresh(
        &[(1, BASE)],
        &[],
        &[add(5, D_BELOW_P)],
        &[
            shown(1, BASE),
            hidden(2, P),
            shown(3, C_BELOW_P),
            shown(5, D_BELOW_P),
        ],
    );
    assert_eq!(bench.held(), [C_BELOW_P, D_BELOW_P, BASE]);
}

/// P (2) came into the base with a child (3). Then it lost its description, which hides it: the
/// provider tells of a delete, and the child is still there.
#[test]
fn child_of_a_parent_that_came_and_was_hidden_stays() {
    follow(
        &[(1, BASE)],
        &[add(2, P), delete(2, P)],
        &[shown(1, BASE), hidden(2, P), shown(3, C_BELOW_P)],
        &[C_BELOW_P, BASE],
    );
}

/// 2 leaves the name P and waits for Z, which 4 leaves only later. Between the two, the child (3)
/// comes below P: a hidden entry (5) has that name now.
#[test]
fn child_that_comes_below_a_left_name_does_not_go_along() {
    let bench = follow(
        &[(1, BASE), (2, P), (4, Z)],
        &[modify(2, Z), add(3, C_BELOW_P), modify(4, Q)],
        &[
            shown(1, BASE),
            shown(2, Z),
            shown(3, C_BELOW_P),
            shown(4, Q),
            hidden(5, P),
        ],
        &[C_BELOW_P, Q, Z, BASE],
    );
    let events = &bench.told.events;
    assert!(
        !events.iter().any(|event| event.contains("cn=c,cn=z")),
        "{events:?}"
    );
}

/// 2 takes the name Q, and the child (3) comes below it there. Then 2 leaves the base, and the child
/// with it, of which the provider does not tell.
#[test]
fn child_that_came_below_a_new_name_leaves_with_its_parent() {
    let bench = refresh(
        &[(1, BASE), (2, P)],
        &[],
        &[modify(2, Q), add(3, C_BELOW_Q), deleted([2])],
        &[shown(1, BASE)],
    );
    assert_eq!(bench.held(), [BASE]);
}

/// An entry lies 500 levels deep, and its parents are looked up one by one. The second stop request ends
/// that at once, also while the provider does not answer.
#[test]
fn second_stop_request_ends_the_search_for_parents() {
    let deep: &'static str = format!("{}{BASE}", "cn=a,".repeat(500)).leak();
    for answered in [0, 1, 100] {
        let fake = Fake::plays([add(1, BASE), add(2, deep), done(FIRST)]);
        fake.falls_silent_after(answered);
        let mut bench = Bench::new();
        let mut asked = None;
        let run = |client: &mut syncrepl_client::Syncrepl<&mut Told>| {
            let stop = client.stop_handle();
            thread::scope(|scope| {
                let requests = scope.spawn(|| {
                    let deadline = Instant::now() + Duration::from_secs(30);
                    while fake.lookups() <= answered && Instant::now() < deadline {
                        thread::yield_now();
                    }
                    stop.please_stop();
                    stop.please_stop();
                    Instant::now()
                });
                let stopped = client.run().unwrap_err();
                asked = Some(requests.join().unwrap().elapsed());
                assert_eq!(stopped.kind(), ErrorKind::Stopped, "{stopped}");
            });
        };
        bench.with_client(&fake, with_description, run);
        assert!(asked.unwrap() < Duration::from_secs(2), "{asked:?}");
        assert_eq!(bench.held(), [""; 0]);
    }
}

/// The DNs above a long one would take half its length times its levels.
#[test]
fn long_dn_with_many_parents_is_refused() {
    for (value, taken) in [(28, true), (29, false)] {
        let rdn = format!("cn={},", "x".repeat(value));
        let long: &'static str = format!("{}{BASE}", rdn.repeat(500)).leak();
        let fake = Fake::plays([add(1, BASE), add(2, long), done(FIRST)]);
        let mut bench = Bench::new();
        let refreshed = bench.refresh(&fake);
        let held = bench.held().len();
        match refreshed {
            Ok(()) => assert!(taken && held == 2, "{value}: {held}"),
            Err(error) => {
                assert!(!taken && held == 0, "{value}: {error}");
                assert_eq!(error.kind(), ErrorKind::Protocol);
                assert!(error.to_string().contains("502 levels deep"), "{error}");
            }
        }
    }
}
