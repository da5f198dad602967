//! `--reconcile-every`: `refresh` and an idle `follow` find, after this time, changes that no provider
//! tells of.

use std::time::{SystemTime, UNIX_EPOCH};

use syncrepl_testing::slapd::Variant;

use crate::common::outcome::{Data, assert_message};
use crate::describe;
use crate::untold::{
    insider, kept_as_p0, kept_with_member_of, membership, with_access_by_group, with_member_of,
};

const HOUR: u64 = 3_600_000;
const DAILY: &[&str] = &["--reconcile-every", "24h"];

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_millis() as u64
}

/// p0 and p1 change places in the group.
fn drift(server: &syncrepl_testing::Slapd, turn: usize) {
    let (joins, leaves) = [("p1", "p0"), ("p0", "p1")][turn % 2];
    server
        .ldapmodify(&membership("add", joins))
        .expect("a member");
    server
        .ldapmodify(&membership("delete", leaves))
        .expect("not one");
}

#[test]
fn refresh_compares_everything_when_due() {
    let server = with_member_of(Variant::SessionLog);
    let mut kept = kept_with_member_of(&server, Variant::SessionLog);
    let began = now();
    kept.refreshed(&[]);
    let first = kept.compared().expect("the first refresh is a full one");
    assert!((began..=now()).contains(&first));

    drift(&server, 0);
    assert_eq!(kept.refreshed(DAILY), ["change cn=team"], "not yet");
    assert_eq!(
        kept.compared(),
        Some(first),
        "an ordinary refresh does not compare everything"
    );
    kept.set_compared(now() - 23 * HOUR);
    assert_eq!(kept.refreshed(DAILY), [""; 0], "still not");
    kept.set_compared(now() - 24 * HOUR);
    assert_eq!(kept.refreshed(&[]), [""; 0], "without the option");
    let both = ["change uid=p0,ou=people", "change uid=p1,ou=people"];
    assert_eq!(kept.refreshed(DAILY), both);
    kept.assert_equal();
    let second = kept.compared().expect("a time");
    assert!(second >= first);

    // The comparison was just now. Then the clock is set back by a year.
    drift(&server, 1);
    assert_eq!(kept.refreshed(DAILY), ["change cn=team"]);
    kept.set_compared(now() + 365 * 24 * HOUR);
    assert_eq!(kept.refreshed(DAILY), both);
    kept.assert_equal();
    assert!(
        kept.compared().expect("a time") <= now(),
        "once, not always"
    );
    assert_eq!(kept.refreshed(DAILY), [""; 0]);
}

/// The comparison becomes due while nothing happens. It runs once, until it is due again.
#[test]
fn quiet_follow_compares_everything_when_due() {
    for variant in Variant::ALL {
        let server = with_member_of(variant);
        let mut kept = kept_with_member_of(&server, variant);
        kept.refreshed(&[]);
        let mut soon = 300;
        for turn in 0.. {
            drift(&server, turn);
            kept.refreshed(&[]);
            assert_eq!(kept.differences().len(), 2);
            kept.set_compared(now() - 24 * HOUR + soon);
            let mark = kept.reader.mark();
            kept.follow(DAILY);
            kept.take_output();
            if kept.told_since(mark).is_empty() {
                break;
            }
            // On a busy machine the comparison may be due before the run begins.
            kept.stop();
            soon *= 2;
        }
        kept.wait_equal();
        kept.wait_for(r#""op":"refresh_done""#, 2);
        // `follow` goes on in the persist stage, and gets changes.
        server
            .ldapmodify(&describe("p2", "people", "live"))
            .expect("a change");
        kept.wait_equal();
        assert_eq!(kept.stop(), "");
        kept.assert_equal();
        assert_eq!(kept.refreshed(DAILY), [""; 0]);
        assert_eq!(kept.reader.deletes().len(), 0);
    }
}

/// `follow` compares again at each interval, and finds later drift too.
#[test]
fn follow_compares_at_each_interval() {
    let server = with_member_of(Variant::SessionLog);
    let mut kept = kept_with_member_of(&server, Variant::SessionLog);
    kept.follow(&["--reconcile-every", "300ms"]);
    for turn in 0..3 {
        drift(&server, turn);
        kept.wait_equal();
    }
    kept.wait_for(r#""op":"refresh_done""#, 4);
    assert_eq!(kept.stop(), "");
    kept.assert_equal();
}

/// Entries that the comparison finds gone count for the guard. A comparison that the guard stops stays
/// due: the run ends, and the next run does it again.
#[test]
fn reconcile_stopped_by_a_guard_ends_the_run() {
    let server = with_access_by_group(Variant::SessionLog, "users");
    server.ldapmodify(&insider("add")).expect("p0 may see all");
    let mut kept = kept_as_p0(&server);
    kept.refreshed(&[]);
    server.ldapmodify(&insider("delete")).expect("not any more");
    assert_eq!(kept.refreshed(&[]), ["change cn=insiders"]);
    let options = ["--reconcile-every", "24h", "--max-delete", "3"];
    let mut soon = 300;
    let (first, code, stderr) = loop {
        let first = now() - 24 * HOUR + soon;
        kept.set_compared(first);
        kept.start(&options);
        let (code, stderr, output) = kept.ended_after();
        if output.contains("refresh_done") {
            break (first, code, stderr);
        }
        // On a busy machine the comparison may be due before the run begins.
        soon *= 2;
    };
    assert_eq!(code, Some(6), "{stderr}");
    assert_message(
        stderr.trim_end(),
        &[
            "deleted 4 of 10 entries at once, and 3 may go",
            "allow it once",
        ],
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    kept.assert_reader_has_the_copy();
    assert_eq!(kept.dump().len(), 10, "nothing was deleted");
    assert_eq!(kept.compared(), Some(first), "it is still owed");
    kept.refresh(&options).assert_failed(6, &["4 of 10"]);
    assert_eq!(kept.refreshed(&[]), [""; 0], "without it all is quiet");
    assert_eq!(
        kept.refreshed(&["--reconcile-every", "24h", "--max-delete", "4"])
            .len(),
        4
    );
    kept.assert_equal();
    assert_eq!(kept.refreshed(&options), [""; 0]);
}

#[test]
fn intervals_as_people_write_them() {
    let server = with_member_of(Variant::Plain);
    let data = Data::of(&server);
    for interval in ["90m", "24h", "7d", "1h 30m", "45s"] {
        data.refresh_with(&server, &["--reconcile-every", interval])
            .assert_done();
    }
    for interval in ["0s", "24", "soon", ""] {
        let outcome = data.refresh_with(&server, &["--reconcile-every", interval]);
        assert_eq!(outcome.code, Some(2), "{interval:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("--reconcile-every <INTERVAL>"),
            "{}",
            outcome.stderr
        );
    }
}
