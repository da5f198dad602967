//! The server is restored from a backup, or wiped and reloaded; its list of present ids is too short; two
//! entries swap names while the connection is cut.

use syncrepl_provider::{Fault, Provider, RefreshStyle};
use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};
use syncrepl_testing::target::{Other, Target};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::assert_message;
use crate::common::proxy::Proxy;
use crate::kept::Kept;
use crate::{delete, describe, dn, people, person, rename};

const PEOPLE: usize = 10;

fn server(variant: Variant) -> Slapd {
    let server = Slapd::start(variant);
    server
        .ldapmodify(&people("people", PEOPLE))
        .expect("people");
    server
}

/// Every kind of change, made after the backup.
fn after_the_backup() -> String {
    delete(&dn("p0", "people"))
        + &describe("p1", "people", "after the backup")
        + &rename(&dn("p2", "people"), "uid=renamed", None)
        + &person("new", "people")
}

/// slapd answers that the cookie is ahead of it, and the command compares everything.
#[test]
fn backup_restored() {
    for variant in Variant::ALL {
        let server = server(variant);
        let (mut refreshed, mut followed) =
            (Kept::on(&server, variant), Kept::on(&server, variant));
        server.backup("backup");
        server.ldapmodify(&after_the_backup()).expect("the changes");
        refreshed.refreshed(&[]);
        followed.follow(&[]);
        followed.take_output();
        let marks = [refreshed.reader.mark(), followed.reader.mark()];
        let deletes = [&refreshed, &followed].map(|kept| kept.reader.deletes().len());
        server.restore("backup");
        refreshed.refreshed(&[]);
        refreshed.assert_equal();
        followed.wait_equal();
        let stderr = followed.stop();
        assert!(stderr.contains("up to date again"), "{stderr}");
        let undone = [
            "add uid=p0,ou=people",
            "change uid=p1,ou=people",
            "change uid=p2,ou=people",
            "delete uid=new,ou=people",
            "rename uid=renamed,ou=people uid=p2,ou=people",
        ];
        for (kept, (mark, deletes)) in [&mut refreshed, &mut followed]
            .into_iter()
            .zip(marks.into_iter().zip(deletes))
        {
            assert_eq!(kept.told_since(mark), undone, "{variant:?}");
            kept.assert_no_phantom_delete(deletes);
            assert_eq!(kept.refreshed(&[]), [""; 0]);
        }
    }
}

/// A write follows the restore, so slapd accepts the cookie, and does not mention lost changes. This is the
/// documented exception. A reconcile repairs the copy.
#[test]
fn backup_restored_and_written_to() {
    for variant in Variant::ALL {
        let server = server(variant);
        let (mut refreshed, mut followed) =
            (Kept::on(&server, variant), Kept::on(&server, variant));
        server.backup("backup");
        let lost = describe("p1", "people", "after the backup");
        server.ldapmodify(&lost).expect("a change");
        for kept in [&mut refreshed, &mut followed] {
            kept.refreshed(&[]);
            kept.assert_equal();
        }
        server.restore("backup");
        server
            .ldapmodify(&describe("p3", "people", "before we come back"))
            .expect("a write");
        assert_eq!(refreshed.refreshed(&[]), ["change uid=p3,ou=people"]);
        followed.follow(&[]);
        followed.take_output();
        for kept in [&mut refreshed, &mut followed] {
            let differences = kept.differences();
            assert_eq!(differences.len(), 1, "{variant:?}: {differences:?}");
            assert!(
                differences[0].contains("after the backup"),
                "{differences:?}"
            );
            kept.assert_reader_has_the_copy();
        }
        assert_eq!(followed.stop(), "");
        assert_eq!(
            refreshed.refreshed(&["--reconcile"]),
            ["change uid=p1,ou=people"]
        );
        refreshed.assert_equal();
        let mark = followed.reader.mark();
        followed.follow(&["--reconcile"]);
        followed.take_output();
        assert_eq!(followed.told_since(mark), ["change uid=p1,ou=people"]);
        assert_eq!(followed.stop(), "");
        followed.assert_equal();
    }
}

/// The same where the backup lost every kind of change. Whatever the provider sends, no entry that exists
/// is told as deleted, and a reconcile repairs the copy.
#[test]
fn backup_loses_every_kind_of_change() {
    for variant in Variant::ALL {
        let server = server(variant);
        let mut kept = Kept::on(&server, variant);
        server.backup("backup");
        server.ldapmodify(&after_the_backup()).expect("the changes");
        kept.refreshed(&[]);
        let deletes = kept.reader.deletes().len();
        server.restore("backup");
        server
            .ldapmodify(&describe("p3", "people", "before we come back"))
            .expect("a write");
        kept.refreshed(&[]);
        kept.assert_reader_has_the_copy();
        kept.assert_no_phantom_delete(deletes);
        kept.refreshed(&["--reconcile"]);
        kept.assert_equal();
        kept.assert_no_phantom_delete(deletes);
        assert_eq!(kept.refreshed(&[]), [""; 0]);
    }
}

/// The server is reloaded with the same entries from an export: no change is told.
#[test]
fn reloaded_from_an_export() {
    for variant in Variant::ALL {
        let server = server(variant);
        let (mut refreshed, mut followed) =
            (Kept::on(&server, variant), Kept::on(&server, variant));
        refreshed.refreshed(&[]);
        followed.follow(&[]);
        followed.take_output();
        let mark = followed.reader.mark();
        server.stop();
        let export = server.export();
        server.start_again();
        server.wipe();
        server.load(&export);
        assert_eq!(refreshed.refreshed(&[]), [""; 0], "{variant:?}");
        refreshed.assert_equal();
        server
            .ldapmodify(&describe("p3", "people", "live"))
            .expect("a change");
        followed.wait_equal();
        followed.stop();
        assert_eq!(followed.told_since(mark), ["change uid=p3,ou=people"]);
    }
}

/// The server is reloaded with the same names and new entryUUIDs. Every old entry is gone, and a guard stops
/// that.
#[test]
fn reloaded_with_new_entry_uuids() {
    for variant in Variant::ALL {
        let server = server(variant);
        let (mut refreshed, mut followed) =
            (Kept::on(&server, variant), Kept::on(&server, variant));
        refreshed.refreshed(&[]);
        followed.follow(&[]);
        server.wipe();
        server.add_base();
        server
            .ldapmodify(&people("people", PEOPLE))
            .expect("people");
        let all = PEOPLE + 2;
        let figures = format!("{all} of {all}");
        let before = refreshed.dump();
        refreshed
            .refresh(&[])
            .assert_failed(6, &[&figures, "nothing was changed", "allow it once"]);
        assert_eq!(refreshed.dump(), before, "{variant:?}");
        // `follow` may have met the server while it was empty, and reported that.
        let (code, stderr) = followed.ended();
        assert_eq!(code, Some(6), "{variant:?}: {stderr}");
        assert_message(
            stderr.lines().last().expect("a message"),
            &["by leaving them out"],
        );
        followed.assert_reader_has_the_copy();
        assert_eq!(followed.dump().len(), all);
        for kept in [&mut refreshed, &mut followed] {
            let told = kept.refreshed(&["--max-delete", "100%"]);
            assert_eq!(told.len(), 2 * all, "{told:?}");
            kept.assert_equal();
            assert_eq!(kept.refreshed(&[]), [""; 0]);
        }
    }
}

/// The list of present ids is cut short or missing. The command looks for the entries that it leaves out,
/// finds them, and keeps them.
#[test]
fn present_list_too_short() {
    for length in [0, 1, 7] {
        let provider = Provider::builder()
            .suffix(SUFFIX)
            .refresh_style(RefreshStyle::PresentPhase)
            .start()
            .expect("the provider starts");
        let (admin, password) = provider.root();
        let url = provider.url();
        let server = Other {
            url,
            admin,
            password,
        };
        server
            .ldapmodify(&people("people", PEOPLE))
            .expect("people");
        let (mut refreshed, mut followed) = (Kept::of(&server.url), Kept::of(&server.url));
        refreshed.refreshed(&[]);
        followed.refreshed(&[]);
        let changes = delete(&dn("p0", "people")) + &describe("p1", "people", "changed");
        server.ldapmodify(&changes).expect("the changes");
        let armed = provider.faults().every(Fault::ShortPresentList(length));
        let told = ["change uid=p1,ou=people", "delete uid=p0,ou=people"];
        assert_eq!(refreshed.refreshed(&[]), told, "{length} named");
        refreshed.assert_equal();
        let mark = followed.reader.mark();
        followed.follow(&[]);
        followed.wait_equal();
        assert_eq!(followed.told_since(mark), told, "{length} named");
        assert_eq!(followed.stop(), "");
        assert!(armed.hits() >= 2);
    }
}

/// p0 and p1 swap names.
fn swap() -> String {
    rename(&dn("p0", "people"), "uid=aside", None)
        + &rename(&dn("p1", "people"), "uid=p0", None)
        + &rename(&dn("aside", "people"), "uid=p1", None)
}

/// Two entries swap names between two refreshes. The first of these is cut at every point.
#[test]
fn swap_while_the_connection_is_cut() {
    for variant in Variant::ALL {
        let server = server(variant);
        let mut kept = Kept::on(&server, variant);
        kept.refreshed(&[]);
        server.ldapmodify(&swap()).expect("the swap");
        let whole = Proxy::to(&server);
        let mut probe = Kept::on(&server, variant).through(&whole.url());
        std::fs::copy(kept.data.path(), probe.data.path()).expect("a copy of the copy");
        probe.refresh(&[]).assert_done();
        let length = whole.first_answered_bytes();
        let (before, mark) = (kept.dump(), kept.reader.mark());
        for part in 0..6 {
            kept.url = Proxy::cutting(&server, &[(length - 1) * part / 5]).url();
            kept.refresh(&[]).assert_failed(4, &[]);
            assert_eq!(kept.dump(), before, "{variant:?}");
        }
        kept.url = server.url();
        kept.refreshed(&[]);
        kept.assert_equal();
        let told = kept.told_since(mark);
        assert!(
            told.iter().all(|event| !event.starts_with("delete")),
            "{told:?}"
        );
        assert!(
            told.iter().all(|event| !event.starts_with("add")),
            "{told:?}"
        );

        // The same with `follow`, which comes back by itself.
        let proxy = Proxy::cutting(&server, &[length, length / 2, length - 1]);
        kept.url = proxy.url();
        let mark = kept.reader.mark();
        kept.start(&[]);
        wait_until(PATIENCE, || {
            server.ldapmodify(&swap()).expect("the swap");
            proxy.connections() > 3
        });
        kept.wait_equal();
        kept.stop();
        let told = kept.told_since(mark);
        assert!(
            told.iter()
                .all(|event| event.starts_with("rename") || event.starts_with("change")),
            "{told:?}"
        );
        kept.assert_equal();
    }
}
