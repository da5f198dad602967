//! Entries and subtrees that move: what slapd sends of them, and what it does not.

use syncrepl_testing::reader::{Change, Event};
use syncrepl_testing::scenarios::{BASE, scenarios};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

use crate::common::Copied;
use crate::{added, deleted, next, person, relocate, replace, unit, with, write};

/// The server of a scenario, before its changes.
fn scenario(variant: Variant, name: &str) -> (Slapd, Vec<String>) {
    let mut all = scenarios().into_iter();
    let scenario = all.find(|scenario| scenario.name == name);
    let scenario = scenario.expect("a scenario of that name");
    (with(variant, &scenario.setup_ldif), scenario.changes)
}

/// A subtree moves into the base. slapd sends its top only. Without a log it names the entries below as
/// present.
#[test]
fn subtree_moves_into_the_base() {
    for variant in Variant::ALL {
        let (server, changes) = scenario(variant, "a subtree moves into the base");
        let mut copy = Copied::of(&server, BASE, "(objectClass=*)");
        copy.refresh();
        changes.iter().for_each(|change| write(&server, change));
        let (told, proxy) = next(&mut copy, &server, &[]);
        assert_eq!(added(&told).len(), 4, "the top and three below it");
        // The command searches below the top. Where slapd reads no log for us (we may not read the
        // access log), the command refreshes again without a cookie.
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

/// The same in the persist stage.
#[test]
fn subtree_moves_into_the_base_live() {
    let (server, changes) = scenario(Variant::SessionLog, "a subtree moves into the base");
    let mut copy = Copied::of(&server, BASE, "(objectClass=*)");
    copy.follow();
    changes.iter().for_each(|change| write(&server, change));
    copy.wait_equal();
    copy.stop();
}

/// A subtree moves out of the base. slapd sends one delete, of its top.
#[test]
fn subtree_moves_out_of_the_base() {
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

/// A parent leaves the filter only. slapd sends the same delete, but its children stay.
#[test]
fn parent_leaves_the_filter_and_children_stay() {
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

/// slapd sends entries in the order in which they were made. A child may be older than its parent.
#[test]
fn children_sent_before_parents() {
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
    // A rename of the younger parent takes the child along too.
    write(&server, &relocate(&new, "ou=third", SUFFIX));
    let (told, proxy) = next(&mut copy, &server, &[]);
    assert_eq!(proxy.states_answered(), 1, "the parent alone is sent");
    let renames = told
        .iter()
        .filter(|event| matches!(event.change, Change::Rename { .. }));
    assert_eq!(renames.count(), 3, "{told:?}");
    copy.assert_equal();
}

/// Two entries swap names. They come as two adds, each with a DN that the copy already holds.
#[test]
fn swapped_names_are_told_apart() {
    for variant in Variant::ALL {
        let server = with(variant, &(person("ann", SUFFIX) + &person("bob", SUFFIX)));
        let mut copy = Copied::suffix(&server);
        copy.refresh();
        let dn = |uid: &str| format!("uid={uid},{SUFFIX}");
        write(&server, &relocate(&dn("ann"), "uid=hold", SUFFIX));
        write(&server, &relocate(&dn("bob"), "uid=ann", SUFFIX));
        write(&server, &relocate(&dn("hold"), "uid=bob", SUFFIX));
        let (told, _) = next(&mut copy, &server, &[]);
        // By entryUUID, both were renamed and changed, and none was deleted or added.
        for event in &told {
            let moved = matches!(event.change, Change::Rename { .. } | Change::Change { .. });
            assert!(moved, "{event:?}");
        }
        copy.assert_equal();
        copy.assert_quiet();
    }
}

/// The top of a deep tree is renamed while away, soon after a refresh. One search shows where each entry
/// below is, and none is asked for again because its parent, shown by that search, moves.
#[test]
fn deep_tree_is_asked_for_once() {
    let below = |names: &[&str]| {
        let units = names.iter().rev().map(|name| format!("ou={name},"));
        units.collect::<String>() + SUFFIX
    };
    let units = ["top", "a", "b", "c"];
    let mut ldif = String::new();
    for depth in 0..units.len() {
        ldif += &unit(units[depth], &below(&units[..depth]));
    }
    ldif += &person("deep", &below(&units));
    let server = with(Variant::Plain, &ldif);
    let mut copy = Copied::of(&server, SUFFIX, "(objectClass=*)");
    copy.refresh();
    write(&server, &relocate(&below(&units[..1]), "ou=crown", SUFFIX));
    let (told, proxy) = next(&mut copy, &server, &[]);
    let renamed = |event: &&_| {
        matches!(
            event,
            Event {
                change: Change::Rename { .. },
                ..
            }
        )
    };
    assert_eq!(told.iter().filter(renamed).count(), 5);
    let dn = format!("uid=deep,ou=c,ou=b,ou=a,ou=crown,{SUFFIX}");
    assert_eq!(proxy.count(b"-", dn.as_bytes()).1, 1);
    copy.assert_equal();
    copy.assert_quiet();
}
