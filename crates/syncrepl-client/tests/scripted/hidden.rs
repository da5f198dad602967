//! A filter hides parents, and a provider says nothing of them.

use syncrepl_client::{Builder, Scope, SyncreplMode};
use syncrepl_proto::sync::EntryState::{Add, Delete, Modify};

use crate::fake::{BASE, Fake, Step};
use crate::{Bench, Told, copy};

const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const P: &str = "cn=p,ou=base,dc=example";
const Q: &str = "cn=q,ou=base,dc=example";
const Z: &str = "cn=z,ou=base,dc=example";
const BELOW_P: &str = "cn=c,cn=p,ou=base,dc=example";
const BELOW_Q: &str = "cn=c,cn=q,ou=base,dc=example";
/// No description: the filter hides it.
const HIDDEN: &str = "";

pub fn who_have_a_description(builder: Builder<&mut Told>) -> Builder<&mut Told> {
    builder.search(BASE, Scope::Subtree, "(description=*)", [""; 0])
}

fn held(bench: &Bench) -> Vec<String> {
    copy(&bench.data()).into_keys().collect()
}

/// A first refresh, one without changes, and one with these, after which a search shows this. Of those
/// that are hidden, `before` is where they were before that.
fn refreshed(
    first: &[(u8, &'static str)],
    before: &[(u8, &str, &str)],
    changes: Vec<Step>,
    shows: &[(u8, &str, &str)],
) -> Bench {
    let mut bench = Bench::new();
    let entries = first
        .iter()
        .map(|(n, dn)| Step::Entry(Add, *n, dn, "first"));
    let scripts = [
        (entries.collect(), FIRST, before),
        (Vec::new(), FIRST, before),
        (changes, NEXT, shows),
    ];
    for (mut script, cookie, shows) in scripts {
        script.push(Step::Done(Some(cookie), true));
        let fake = Fake::start("", vec![script]);
        fake.shows(shows);
        bench
            .run(&fake, SyncreplMode::RefreshOnly, who_have_a_description)
            .unwrap();
    }
    bench
}

/// A first refresh, then these changes as one group of the persist stage, until the copy is as
/// `wanted`.
fn followed(
    first: &[(u8, &'static str)],
    changes: Vec<Step>,
    shows: &[(u8, &str, &str)],
    wanted: &[&str],
) -> Bench {
    let mut bench = Bench::new();
    let entries = first
        .iter()
        .map(|(n, dn)| Step::Entry(Add, *n, dn, "first"));
    let mut script: Vec<_> = entries.collect();
    script.push(Step::Phase(false, Some(FIRST), true));
    script.extend(changes);
    script.push(Step::Cookie(NEXT));
    let fake = Fake::start("", vec![script]);
    fake.shows(shows);
    bench.follow_until(&fake, who_have_a_description, |told| {
        told.committed.keys().eq(wanted.iter().copied())
    });
    bench
}

/// The parent of 3 was renamed, of which nobody tells, and another has its name now.
#[test]
fn the_name_of_a_hidden_parent_is_taken() {
    let bench = refreshed(
        &[(1, BASE), (4, Z)],
        &[],
        vec![
            Step::Entry(Add, 3, BELOW_P, "first"),
            Step::Entry(Modify, 4, P, "first"),
        ],
        &[
            (1, BASE, "first"),
            (2, Q, HIDDEN),
            (3, BELOW_Q, "first"),
            (4, P, "first"),
        ],
    );
    assert_eq!(held(&bench), [BELOW_Q, P, BASE]);
}

/// 3 is renamed where it is. Before the parents are looked up, 2 and 6 exchange their names.
#[test]
fn who_was_told_below_a_hidden_parent_that_is_elsewhere_when_that_is_looked_up() {
    let told = "cn=d,cn=p,ou=base,dc=example";
    let found = "cn=d,cn=z,ou=base,dc=example";
    let below_z = "cn=c,cn=z,ou=base,dc=example";
    let bench = refreshed(
        &[(1, BASE), (3, BELOW_P), (4, below_z)],
        &[
            (1, BASE, "first"),
            (2, P, HIDDEN),
            (3, BELOW_P, "first"),
            (4, below_z, "first"),
            (6, Z, HIDDEN),
        ],
        vec![Step::Entry(Modify, 3, told, "first")],
        &[
            (1, BASE, "first"),
            (2, Z, HIDDEN),
            (3, found, "first"),
            (4, BELOW_P, "first"),
            (6, P, HIDDEN),
        ],
    );
    assert_eq!(held(&bench), [BELOW_P, found, BASE]);
}

/// 2 came into the base, hidden, with two below it. Of one the provider tells.
#[test]
fn a_hidden_parent_that_came_brings_others() {
    let told = "cn=d,cn=p,ou=base,dc=example";
    let bench = refreshed(
        &[(1, BASE)],
        &[],
        vec![Step::Entry(Add, 5, told, "first")],
        &[
            (1, BASE, "first"),
            (2, P, HIDDEN),
            (3, BELOW_P, "first"),
            (5, told, "first"),
        ],
    );
    assert_eq!(held(&bench), [BELOW_P, told, BASE]);
}

/// 2 came into the base with another below it, and was hidden then.
#[test]
fn who_comes_and_is_hidden_leaves_others_there() {
    followed(
        &[(1, BASE)],
        vec![
            Step::Entry(Add, 2, P, "first"),
            Step::Entry(Delete, 2, P, ""),
        ],
        &[(1, BASE, "first"), (2, P, HIDDEN), (3, BELOW_P, "first")],
        &[BELOW_P, BASE],
    );
}

/// 2 has left the name p and waits for z, which 4 leaves only then. Meanwhile 3 came below a hidden
/// one that has the name p now.
#[test]
fn who_comes_below_a_name_that_was_left_does_not_go_along() {
    let bench = followed(
        &[(1, BASE), (2, P), (4, Z)],
        vec![
            Step::Entry(Modify, 2, Z, "first"),
            Step::Entry(Add, 3, BELOW_P, "first"),
            Step::Entry(Modify, 4, Q, "first"),
        ],
        &[
            (1, BASE, "first"),
            (2, Z, "first"),
            (3, BELOW_P, "first"),
            (4, Q, "first"),
            (5, P, HIDDEN),
        ],
        &[BELOW_P, Q, Z, BASE],
    );
    let events = &bench.told.events;
    assert!(
        !events.iter().any(|event| event.contains("cn=c,cn=z")),
        "{events:?}"
    );
}

/// 2 took the name q, and 3 came below it there; then 2 left, and 3 with it, of which nobody tells.
#[test]
fn who_came_below_a_new_name_leaves_with_it() {
    let bench = refreshed(
        &[(1, BASE), (2, P)],
        &[],
        vec![
            Step::Entry(Modify, 2, Q, "first"),
            Step::Entry(Add, 3, BELOW_Q, "first"),
            Step::Ids(true, vec![2], None),
        ],
        &[(1, BASE, "first")],
    );
    assert_eq!(held(&bench), [BASE]);
}
