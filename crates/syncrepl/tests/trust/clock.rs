//! The clock of the server was two hours ahead for one write.

use std::fs;
use std::process::Command;

use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::{Copied, SYNCREPL, text};
use crate::{apply, at, delete, describe, person, refresh, rename};

/// Restarts the server with its clock off by so much, in the words of faketime: `+2h`.
fn set_clock(server: &Slapd, off: &str) {
    server.stop();
    server.set_environment(&[("LD_PRELOAD", &library()), ("FAKETIME", off)]);
    server.start_again();
}

fn library() -> String {
    let folders = fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found = files.find(|file| file.exists());
    let found = found.expect("libfaketime: scripts/packages.sh installs it for ./test");
    found.display().to_string()
}

/// Refreshes while the clock of the command is off too.
fn refresh_when(copy: &mut Copied<'_>, off: &str) -> String {
    let refreshed = Command::new(SYNCREPL)
        .args(copy.arguments("refresh"))
        .envs([("LD_PRELOAD", library().as_str()), ("FAKETIME", off)])
        .output()
        .expect("the command starts");
    let said = text(&refreshed.stderr);
    assert!(refreshed.status.success(), "{said}");
    copy.reader.feed(&text(&refreshed.stdout));
    copy.assert_equal();
    said
}

#[test]
fn clock_was_ahead_for_one_write() {
    for variant in [Variant::SessionLog, Variant::Plain] {
        println!("{variant:?}");
        let server = Slapd::start(variant);
        let [ann, bob, cyd, dan] = ["uid=ann", "uid=bob", "uid=cyd", "uid=dan"].map(at);
        apply(&server, &[&ann, &bob, &cyd, &dan].map(|dn| person(dn)));
        let mut copy = Copied::suffix(&server);
        assert_eq!(refresh(&mut copy), "");
        set_clock(&server, "+2h");
        apply(&server, &[describe(&ann, "of the future")]);
        // The command has a good cookie, and hears of the write. From now on it warns.
        refresh(&mut copy);
        set_clock(&server, "+0");
        for round in ["one", "two"] {
            let eve = at(&format!("uid=eve-{round}"));
            apply(&server, &[person(&eve), describe(&bob, round)]);
            let said = refresh(&mut copy);
            assert!(said.contains("ahead of our clock"), "no warning: {said:?}");
            assert!(said.contains("NTP"), "{said}");
            apply(&server, &[rename(&eve, &format!("uid=fay-{round}"))]);
            refresh(&mut copy);
        }
        apply(&server, &[delete(&cyd)]);
        refresh(&mut copy);
        // The same while it follows, and is away in between.
        copy.follow();
        apply(
            &server,
            &[describe(&bob, "live"), delete(&at("uid=fay-one"))],
        );
        copy.wait_equal();
        assert!(copy.stop_after_trouble().contains("ahead of our clock"));
        apply(
            &server,
            &[describe(&bob, "away"), delete(&at("uid=fay-two"))],
        );
        copy.follow();
        copy.wait_equal();
        copy.stop_after_trouble();
        // Later that time has come. What was changed before it was never told.
        apply(&server, &[delete(&dan)]);
        set_clock(&server, "+3h");
        assert_eq!(refresh_when(&mut copy, "+3h"), "");
        // Now the cookie is good again, whether something was written or not.
        apply(&server, &[delete(&bob)]);
        assert_eq!(refresh_when(&mut copy, "+3h"), "");
        assert_eq!(refresh_when(&mut copy, "+3h"), "");
    }
}
