//! Overlays in the wrong place: the sync search does not show what a plain search shows.

use std::time::Instant;

use syncrepl_testing::slapd::{ADMIN, SUFFIX, Slapd, Variant};
use tempfile::TempDir;

use crate::common::outcome::Outcome;
use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE, text};
use crate::{apply, at, delete, describe, person, refresh};

fn doctor(server: &Slapd, base: &str) -> String {
    let outcome = Outcome::run(&["doctor", "-H", &server.url(), "-b", base]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout
}

/// A database that shows another one under another name, with an overlay syncprov of its own.
fn relay(syncprov: &str) -> Slapd {
    let lines = format!(
        "database relay\nsuffix o=other\nrelay {SUFFIX}\noverlay rwm\nrwm-suffixmassage {SUFFIX}\n{syncprov}"
    );
    let server = Slapd::builder(Variant::Plain)
        .extra_global("moduleload back_relay\nmoduleload rwm")
        .extra_syncprov(&lines)
        .start();
    let people = ["uid=ann", "uid=bob", "uid=cyd", "uid=dan"].map(|rdn| person(&at(rdn)));
    apply(&server, &people);
    // Its overlay knows of the changes so far, and of none that follow.
    server.stop();
    server.start_again();
    server
}

#[test]
fn relay_with_an_overlay_of_its_own_lags() {
    let server = relay("overlay syncprov");
    let mut copy = Copied::of(&server, "o=other", "(objectClass=*)");
    assert_eq!(refresh(&mut copy), "");
    let mut all_said = String::new();
    for gone in ["uid=bob", "uid=cyd"] {
        apply(
            &server,
            &[delete(&at(gone)), describe(&at("uid=ann"), gone)],
        );
        all_said += &refresh(&mut copy);
    }
    // The second time the server says by itself that it knows less than the cookie.
    assert!(all_said.contains("lags behind"), "no warning: {all_said:?}");
    assert!(all_said.contains("database relay"), "{all_said}");
    // The same while `follow` is away. Live changes come.
    copy.follow();
    apply(&server, &[describe(&at("uid=dan"), "live")]);
    copy.wait_equal();
    copy.stop_after_trouble();
    apply(
        &server,
        &[describe(&at("uid=dan"), "away"), delete(&at("uid=ann"))],
    );
    copy.follow();
    copy.wait_equal();
    copy.stop_after_trouble();
}

#[test]
fn relay_without_an_overlay_is_right() {
    let server = relay("");
    let mut copy = Copied::of(&server, "o=other", "(objectClass=*)");
    let proxy = Proxy::to(&server);
    copy.hosts = Some(proxy.url());
    refresh(&mut copy);
    let sent = proxy.states_answered();
    apply(
        &server,
        &[delete(&at("uid=bob")), describe(&at("uid=ann"), "away")],
    );
    assert_eq!(refresh(&mut copy), "");
    assert_eq!(
        proxy.states_answered() - sent,
        1,
        "more than the change was sent"
    );
}

/// A database below another, with one entry and its person.
fn subordinate(overlays: &str) -> (TempDir, Slapd) {
    let folder = TempDir::new().expect("a temporary folder");
    let lines = format!(
        "database mdb\nsuffix ou=sub,{SUFFIX}\nsubordinate\nrootdn {ADMIN}\ndirectory {}\ndbnosync\n\
         index objectClass,entryCSN,entryUUID eq",
        folder.path().display()
    );
    let server = Slapd::builder(Variant::Plain)
        .extra_global(&lines)
        .extra_database(overlays)
        .start();
    let unit = at("ou=sub");
    let unit_record =
        format!("dn: {unit}\nchangetype: add\nobjectClass: organizationalUnit\nou: sub\n\n");
    let people = [
        person(&at("uid=ann")),
        unit_record,
        person(&format!("uid=x,{unit}")),
    ];
    apply(&server, &people);
    (folder, server)
}

/// The sync search tells changes of the lower database only when the upper one is written to. A plain search
/// shows them.
#[test]
fn subordinate_database_without_glue() {
    let (_folder, server) = subordinate("");
    let below = format!("uid=x,{}", at("ou=sub"));
    let mut copy = Copied::suffix(&server);
    let said = until_equal(&mut copy);
    for word in ["hides changes", "ou=sub", "overlay glue"] {
        assert!(said.contains(word), "no {word:?} in {said:?}");
    }
    copy.assert_equal();
    let told = doctor(&server, SUFFIX);
    assert!(
        told.contains("! search: it shows 4 entries, and the sync search sends only 2"),
        "{told}"
    );
    assert!(told.contains("overlay glue"), "{told}");
    for change in [
        describe(&below, "away"),
        delete(&below),
        describe(&at("ou=sub"), "away"),
    ] {
        apply(&server, &[change]);
        until_equal(&mut copy);
        copy.assert_equal();
        let reconciled = copy.try_refresh(&["--reconcile"]);
        assert!(reconciled.status.success(), "{reconciled:?}");
        copy.assert_equal();
    }
}

/// Refreshes until the copy is equal: a hidden change is noticed when it is some seconds old.
fn until_equal(copy: &mut Copied<'_>) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let refreshed = copy.try_refresh(&[]);
        let said = text(&refreshed.stderr);
        assert!(refreshed.status.success(), "{said}");
        if copy.dump().entries == copy.expected().entries {
            return said;
        }
        assert!(Instant::now() < deadline, "no equal copy: {said}");
    }
}

#[test]
fn subordinate_database_behind_glue_is_copied() {
    let (_folder, server) = subordinate("overlay glue");
    let mut copy = Copied::suffix(&server);
    assert_eq!(refresh(&mut copy), "");
    apply(
        &server,
        &[describe(&format!("uid=x,{}", at("ou=sub")), "away")],
    );
    assert_eq!(refresh(&mut copy), "");
    assert!(!doctor(&server, SUFFIX).contains("! search:"));
}

/// `doctor` names the setting that leaves deletes out.
#[test]
fn doctor_names_nopresent() {
    for (line, sign) in [
        ("", "! session log: none"),
        ("syncprov-nopresent TRUE", "! session log: after"),
    ] {
        let server = Slapd::builder(Variant::Plain).extra_syncprov(line).start();
        apply(&server, &["uid=ann", "uid=bob"].map(|rdn| person(&at(rdn))));
        let told = doctor(&server, SUFFIX);
        assert!(told.contains(sign), "{line} {sign}: {told}");
        assert_eq!(
            told.contains("syncprov-nopresent"),
            !line.is_empty(),
            "{told}"
        );
    }
}
