//! What a refresh stage stated of one moment and another is doubted when the names above it change.

use syncrepl_client::{Syncrepl, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Modify};

use crate::fake::{BASE, Fake, Step};
use crate::hidden::who_have_a_description;
use crate::{Bench, copy, poll_until};

const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#000#000000";
const P: &str = "cn=p,ou=base,dc=example";
const Q: &str = "cn=q,ou=base,dc=example";
const Z: &str = "cn=z,ou=base,dc=example";
const BELOW_P: &str = "cn=c,cn=p,ou=base,dc=example";
const BELOW_Q: &str = "cn=c,cn=q,ou=base,dc=example";

fn held(bench: &Bench) -> Vec<String> {
    copy(&bench.data()).into_keys().collect()
}

/// The first refresh sent 3 when another entry than 2 had the name p already.
#[test]
fn a_child_stays_below_the_name_that_another_has_now() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P), (3, BELOW_P), (4, Z)]);
    let script = vec![
        Step::Entry(Modify, 2, Q, "first"),
        Step::Entry(Modify, 4, P, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&[
        (1, BASE, "first"),
        (2, Q, "first"),
        (3, BELOW_P, "first"),
        (4, P, "first"),
    ]);
    bench.refresh(&fake).unwrap();
    assert_eq!(held(&bench), [BELOW_P, P, Q, BASE]);
}

/// What no refresh stage has stated since is not asked for: it moves along.
#[test]
fn once_settled_children_move_along() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P), (3, BELOW_P)]).settled(FIRST);
    let script = vec![
        Step::Entry(Modify, 2, Q, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    bench.refresh(&fake).unwrap();
    assert_eq!(held(&bench), [BELOW_Q, Q, BASE]);
    assert_eq!(fake.log.lock().unwrap().lookups, 0);
}

/// With a filter nobody misses the parent of 3, which was q when the first refresh sent it. Then
/// another takes the old name.
#[test]
fn a_name_that_is_taken_may_have_been_the_parents() {
    let mut bench = Bench::new();
    let first = vec![
        Step::Entry(Add, 1, BASE, "first"),
        Step::Entry(Add, 3, BELOW_P, "first"),
        Step::Entry(Add, 2, Q, "first"),
        Step::Entry(Add, 4, Z, "first"),
        Step::Done(Some(FIRST), true),
    ];
    let taken = vec![
        Step::Entry(Modify, 4, P, "first"),
        Step::Done(Some(NEXT), true),
    ];
    for (script, shows) in [
        (first, vec![(1, BASE, "first"), (3, BELOW_P, "first")]),
        (taken, vec![(1, BASE, "first"), (3, BELOW_Q, "first")]),
    ] {
        let fake = Fake::start("", vec![script]);
        fake.shows(&shows);
        bench
            .run(&fake, SyncreplMode::RefreshOnly, who_have_a_description)
            .unwrap();
    }
    assert_eq!(held(&bench), [BELOW_Q, P, Q, BASE]);
}

/// In the persist stage it is asked for when the provider is silent; who stops before that asks in
/// the next refresh stage.
#[test]
fn suspects_are_not_forgotten_by_a_stop() {
    for stopped in [false, true] {
        let mut bench = Bench::new();
        let script = vec![
            Step::Entry(Add, 1, BASE, "first"),
            Step::Entry(Add, 2, P, "first"),
            Step::Entry(Add, 3, BELOW_P, "first"),
            Step::Entry(Add, 4, Z, "first"),
            Step::Phase(false, Some(FIRST), true),
            Step::Entry(Modify, 2, Q, "first"),
            Step::Entry(Modify, 4, P, "first"),
            Step::Cookie(NEXT),
        ];
        let again = vec![Step::Done(Some(NEXT), true)];
        let fake = Fake::start("", vec![script, again]);
        fake.shows(&[
            (1, BASE, "first"),
            (2, Q, "first"),
            (3, BELOW_P, "first"),
            (4, P, "first"),
        ]);
        let builder = Syncrepl::builder(bench.data(), &mut bench.told);
        let mut client = builder
            .mode(SyncreplMode::RefreshAndPersist)
            .ldap_url(fake.url())
            .connect()
            .unwrap();
        poll_until(&mut client, |told| {
            let moved = told.committed.contains_key(Q) && !told.committed.contains_key(Z);
            moved && (stopped || told.committed.contains_key(BELOW_P))
        })
        .unwrap();
        client.unbind().unwrap();
        bench.assert_copy_is_told();
        if stopped {
            assert_eq!(held(&bench), [BELOW_Q, P, Q, BASE]);
            bench.refresh(&fake).unwrap();
        }
        assert_eq!(held(&bench), [BELOW_P, P, Q, BASE]);
    }
}

/// The parent had left with all that is below it, and was back by the time its child was asked for.
#[test]
fn a_parent_found_by_its_child_brings_the_others() {
    const OTHER: &str = "cn=d,cn=p,ou=base,dc=example";
    let all = [(1, BASE), (2, P), (3, BELOW_P), (4, OTHER)];
    let mut bench = Bench::with("", FIRST, &all);
    let script = vec![
        Step::Ids(true, vec![2, 4], None),
        Step::Done(Some(NEXT), true),
    ];
    let fake = Fake::start("", vec![script]);
    fake.shows(&all.map(|(number, dn)| (number, dn, "first")));
    bench.refresh(&fake).unwrap();
    assert_eq!(held(&bench), [BELOW_P, OTHER, P, BASE]);
}

/// When the first refresh asks for 3, its parent 2 has left with it, and both come back before the next.
#[test]
fn who_is_gone_early_may_come_back_with_a_parent_that_was_told_under_another_name() {
    let mut bench = Bench::new();
    let first = vec![
        Step::Entry(Add, 3, BELOW_P, "first"),
        Step::Entry(Add, 1, BASE, "first"),
        Step::Entry(Add, 2, Q, "first"),
        Step::Done(Some(FIRST), true),
    ];
    let back = vec![
        Step::Entry(Modify, 2, Z, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let below_z = "cn=c,cn=z,ou=base,dc=example";
    for (script, shows) in [
        (first, vec![(1, BASE, "first")]),
        (
            back,
            vec![(1, BASE, "first"), (2, Z, "first"), (3, below_z, "first")],
        ),
    ] {
        let fake = Fake::start("", vec![script]);
        fake.shows(&shows);
        bench.refresh(&fake).unwrap();
    }
    assert_eq!(held(&bench), [below_z, Z, BASE]);
}

/// The same of who is asked for because the parent was said to be gone, and to be there again.
#[test]
fn who_is_gone_early_may_come_back_with_a_parent_that_came_back_before() {
    let mut bench = Bench::with("", FIRST, &[(1, BASE), (2, P)]).settled(FIRST);
    let gone = vec![
        Step::Ids(true, vec![2], None),
        Step::Entry(Modify, 2, P, "first"),
        Step::Entry(Add, 3, BELOW_P, "first"),
        Step::Done(Some(NEXT), true),
    ];
    let back = vec![
        Step::Entry(Modify, 2, P, "first"),
        Step::Done(Some(LAST), true),
    ];
    let all = [(1, BASE, "first"), (2, P, "first"), (3, BELOW_P, "first")];
    for (script, shows) in [(gone, &all[..1]), (back, &all)] {
        let fake = Fake::start("", vec![script]);
        fake.shows(shows);
        bench.refresh(&fake).unwrap();
    }
    assert_eq!(held(&bench), [BELOW_P, P, BASE]);
}
