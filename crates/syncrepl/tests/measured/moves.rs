//! Entries and subtrees that change their place: what is sent of them, and what is not.

use syncrepl_testing::reader::Change;
use syncrepl_testing::scenarios::{BASE, scenarios};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::Copied;
use crate::{added, deleted, next, person, relocate, replace, unit, with, write};

/// A scenario's server, before its changes.
fn scenario(variant: Variant, name: &str) -> (Slapd, Vec<String>) {
    let mut all = scenarios().into_iter();
    let scenario = all.find(|scenario| scenario.name == name);
    let scenario = scenario.expect("a scenario of that name");
    (with(variant, &scenario.setup_ldif), scenario.changes)
}

/// Of a subtree that moves into the base, its top is sent. Plain slapd names the others as present.
#[test]
fn p12_a_subtree_that_moves_into_the_base_comes_whole() {
    for variant in Variant::ALL {
        let (server, changes) = scenario(variant, "a subtree moves into the base");
        let mut copy = Copied::of(&server, BASE, "(objectClass=*)");
        copy.refresh();
        changes.iter().for_each(|change| write(&server, change));
        let (told, proxy) = next(&mut copy, &server, &[]);
        assert_eq!(added(&told).len(), 4, "the top and three below it");
        // The top, and a plain search below it; or, where no log is read (we may not read the
        // access log), all of it once more without a cookie.
        let (searches, states) = match variant {
            Variant::SessionLog => (1, 1),
            Variant::Plain | Variant::AccessLog => (2, 1 + 1 + 4),
        };
        assert_eq!(
            (proxy.sync_searches(), proxy.states_answered()),
            (searches, states)
        );
        copy.assert_equal();
        copy.assert_quiet();
    }
}

/// The same while following.
#[test]
fn p12_live() {
    let (server, changes) = scenario(Variant::SessionLog, "a subtree moves into the base");
    let mut copy = Copied::of(&server, BASE, "(objectClass=*)");
    copy.follow();
    changes.iter().for_each(|change| write(&server, change));
    copy.wait_equal();
    copy.stop();
}

/// Of a subtree that moves out of the base one delete is told, of its top.
#[test]
fn p13_a_subtree_that_moves_out_of_the_base_goes_whole() {
    for live in [false, true] {
        let (server, changes) = scenario(Variant::SessionLog, "a subtree moves out of the base");
        let mut copy = Copied::of(&server, BASE, "(objectClass=*)");
        copy.refresh();
        if live {
            copy.follow();
        }
        let mark = copy.reader.mark();
        changes.iter().for_each(|change| write(&server, change));
        if live {
            copy.wait_equal();
            copy.stop();
        } else {
            copy.refresh();
        }
        let told = deleted(copy.reader.events_since(mark)).join(" ");
        assert_eq!(told.matches("uid=").count(), 2, "{told}");
        assert_eq!(told.matches("ou=tree").count(), 4, "{told}");
        copy.assert_equal();
        copy.assert_quiet();
    }
}

/// A parent that merely leaves the filter is told of in the same way, and its children stay.
#[test]
fn p13_below_a_parent_that_leaves_the_filter_the_children_stay() {
    for live in [false, true] {
        let below = format!("ou=tree,{SUFFIX}");
        let kept = replace(&below, "description", "first");
        let ldif = unit("tree", SUFFIX) + &kept + &person("ann", &below) + &person("bob", &below);
        let server = with(Variant::SessionLog, &ldif);
        let mut copy = Copied::of(&server, SUFFIX, "(description=first)");
        copy.refresh();
        if live {
            copy.follow();
        }
        let mark = copy.reader.mark();
        write(&server, &replace(&below, "description", "left"));
        if live {
            copy.wait_equal();
            copy.stop();
        } else {
            copy.refresh();
        }
        assert_eq!(deleted(copy.reader.events_since(mark)), [below]);
        copy.assert_equal();
        copy.assert_quiet();
    }
}

/// slapd sends in the order in which entries were made: a child may be older than its parent.
#[test]
fn p19_children_before_parents() {
    let (old, new) = (format!("ou=old,{SUFFIX}"), format!("ou=new,{SUFFIX}"));
    let server = with(
        Variant::Plain,
        &(unit("old", SUFFIX) + &person("kid", &old)),
    );
    write(&server, &(unit("new", SUFFIX) + &person("late", &new)));
    write(
        &server,
        &relocate(&format!("uid=kid,{old}"), "uid=kid", &new),
    );
    let mut copy = Copied::suffix(&server);
    let (told, _) = next(&mut copy, &server, &[]);
    let dns = added(&told);
    let place = |dn: &str| dns.iter().position(|&other| other == dn).expect("it came");
    assert!(place(&format!("uid=kid,{new}")) < place(&new), "{dns:?}");
    copy.assert_equal();
    // The parent that came later takes it along all the same.
    write(&server, &relocate(&new, "ou=third", SUFFIX));
    let (told, proxy) = next(&mut copy, &server, &[]);
    assert_eq!(proxy.states_answered(), 1, "the parent alone is sent");
    let renames = told
        .iter()
        .filter(|event| matches!(event.change, Change::Rename { .. }));
    assert_eq!(renames.count(), 3, "{told:?}");
    copy.assert_equal();
}

/// Two that took each other's name come as two adds, each with a DN that the copy holds already.
#[test]
fn p19_two_that_swapped_are_told_apart() {
    for variant in Variant::ALL {
        let server = with(variant, &(person("ann", SUFFIX) + &person("bob", SUFFIX)));
        let mut copy = Copied::suffix(&server);
        copy.refresh();
        let dn = |uid: &str| format!("uid={uid},{SUFFIX}");
        write(&server, &relocate(&dn("ann"), "uid=hold", SUFFIX));
        write(&server, &relocate(&dn("bob"), "uid=ann", SUFFIX));
        write(&server, &relocate(&dn("hold"), "uid=bob", SUFFIX));
        let (told, _) = next(&mut copy, &server, &[]);
        // By entryUUID: each was renamed and changed, neither was deleted or added.
        for event in &told {
            let moved = matches!(event.change, Change::Rename { .. } | Change::Change { .. });
            assert!(moved, "{event:?}");
        }
        copy.assert_equal();
        copy.assert_quiet();
    }
}
