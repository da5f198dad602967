//! Servers that say that they told all deletes, and did not.

use std::fs;

use syncrepl_testing::slapd::{ADMIN, PASSWORD, Pair, SUFFIX, Slapd, Variant, context_csns};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;

use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE};
use crate::{apply, at, delete, describe, person, refresh};

const NO_PRESENT: &str = "syncprov-nopresent TRUE";

/// Without a session log, slapd cannot know of any delete, and is told not to say what is present.
#[test]
fn nopresent_without_a_session_log() {
    let server = Slapd::builder(Variant::Plain)
        .extra_syncprov(NO_PRESENT)
        .start();
    let people: Vec<_> = (0..6).map(|n| at(&format!("uid=p{n}"))).collect();
    let all: Vec<_> = people.iter().map(|dn| person(dn)).collect();
    apply(&server, &all);
    let mut copy = Copied::suffix(&server);
    assert_eq!(refresh(&mut copy), "");
    for gone in &people[..2] {
        apply(&server, &[delete(gone), describe(&people[5], gone)]);
        let said = refresh(&mut copy);
        assert!(said.contains("leaves deletes out"), "no warning: {said:?}");
        assert!(said.contains("syncprov-nopresent"), "{said}");
    }
    assert_eq!(refresh(&mut copy), "", "nothing was written");
    // The same while `follow` is away.
    copy.follow();
    apply(&server, &[delete(&people[2])]);
    copy.wait_equal();
    copy.stop_after_trouble();
    apply(&server, &[delete(&people[3])]);
    copy.follow();
    copy.wait_equal();
    assert!(copy.stop_after_trouble().contains("syncprov-nopresent"));
}

/// Servers that tell all deletes are believed: nothing more than the change is asked for.
#[test]
fn others_are_asked_once() {
    for variant in Variant::ALL {
        println!("{variant:?}");
        let server = Slapd::start(variant);
        let people: Vec<_> = (0..30).map(|n| at(&format!("uid=p{n}"))).collect();
        let all: Vec<_> = people.iter().map(|dn| person(dn)).collect();
        apply(&server, &all);
        let mut copy = Copied::suffix(&server);
        let proxy = Proxy::to(&server);
        copy.hosts = Some(proxy.url());
        refresh(&mut copy);
        let mut bytes = Vec::new();
        for gone in &people[..4] {
            let before = proxy.connections();
            apply(&server, &[delete(gone)]);
            assert_eq!(refresh(&mut copy), "");
            bytes.push(proxy.connections() - before);
        }
        // The second connection asks with the old cookie once; others look for what is gone.
        assert!(
            bytes[1..].iter().all(|count| *count <= bytes[0]),
            "{bytes:?}"
        );
    }
}

/// A replica with a session log was wiped, and loaded from its provider while it ran. Its log claims to
/// reach back to the beginning.
#[test]
fn replica_loaded_anew_while_away() {
    let provider = Slapd::start(Variant::Plain);
    let people: Vec<_> = (0..6).map(|n| at(&format!("uid=p{n}"))).collect();
    let all: Vec<_> = people.iter().map(|dn| person(dn)).collect();
    apply(&provider, &all);
    let consumer = format!(
        "syncrepl rid=001 provider={} searchbase={SUFFIX} bindmethod=simple binddn={ADMIN} \
         credentials={PASSWORD} type=refreshAndPersist retry=\"1 +\"",
        Target::url(&provider)
    );
    let replica = Slapd::builder(Variant::SessionLog)
        .extra_database(&consumer)
        .empty()
        .start();
    let caught_up = |uid: &str| {
        Pair::wait_for(&replica, &format!("(uid={uid})"));
        wait_until(PATIENCE, || {
            context_csns(&replica) == context_csns(&provider)
        });
    };
    caught_up("p5");
    let mut copy = Copied::suffix(&replica);
    copy.follow();
    copy.wait_equal();
    copy.follower().signal("STOP");
    replica.stop();
    apply(&provider, &[delete(&people[0]), delete(&people[1])]);
    for file in fs::read_dir(replica.folder().join("db")).expect("its database") {
        fs::remove_file(file.expect("a file").path()).expect("removing it");
    }
    replica.start_again();
    caught_up("p5");
    // Something new, so that the replica has something to tell.
    apply(&provider, &[person(&at("uid=new"))]);
    caught_up("new");
    copy.follower().signal("CONT");
    copy.wait_equal();
}
