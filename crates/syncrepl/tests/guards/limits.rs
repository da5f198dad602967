//! Limits of a real slapd that end a refresh stage early. Nothing is deleted, and nothing of the stage is
//! kept.

use std::time::Duration;

use syncrepl_testing::slapd::{ADMIN, PASSWORD, SUFFIX, Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::PATIENCE;
use crate::common::outcome::assert_message;
use crate::common::proxy::Proxy;
use crate::kept::Kept;
use crate::{delete_people, people};

/// The limit on anonymous. The identity that made the copy has none.
fn limited(variant: Variant, limit: &str) -> (Slapd, Kept) {
    let server = Slapd::builder(variant)
        .extra_database(&format!("limits anonymous {limit}"))
        .start();
    server.ldapmodify(&people("people", 20)).expect("people");
    let mut kept = Kept::of(&server.url()).bound(ADMIN, PASSWORD);
    kept.refreshed(&[]);
    (server, kept)
}

/// The options that let the copy become the one that anybody sees.
fn anonymous() -> Vec<String> {
    ["-D", "", "--as-new-identity"].map(str::to_owned).to_vec()
}

#[test]
fn size_limit() {
    for variant in Variant::ALL {
        let (server, mut kept) = limited(variant, "size=5");
        server
            .ldapmodify(&delete_people("people", 0, 3))
            .expect("deletes");
        let before = kept.dump();
        let bind = std::mem::replace(&mut kept.bind, anonymous());
        // After a change of identity slapd sends everything, up to the limit.
        for options in [&[][..], &["--reconcile"], &["--max-delete", "100%"]] {
            kept.refresh(options)
                .assert_failed(3, &["sizeLimitExceeded (4)", "raise the size limit"]);
            assert_eq!(kept.dump(), before, "{variant:?}");
            kept.start(options);
            let (code, stderr) = kept.ended();
            assert_eq!(code, Some(3), "{stderr}");
            assert_message(stderr.trim_end(), &["sizeLimitExceeded (4)"]);
            assert_eq!(kept.dump(), before, "{variant:?}");
        }
        kept.bind = bind;
        assert_eq!(kept.refreshed(&[]).len(), 3);
        kept.assert_equal();
    }
}

/// A refresh of this size takes less than a second. So the test stops the consumer while the server has
/// more to send than any buffer holds.
#[test]
fn time_limit() {
    const LIMIT: Duration = Duration::from_secs(1);
    let (server, mut kept) = limited(Variant::Plain, "time=1");
    let filler = "x".repeat(30_000);
    let many: String = (0..500)
        .map(|number| {
            format!(
                "dn: cn=d{number},{SUFFIX}\nobjectClass: device\ncn: d{number}\ndescription: {filler}\n\n"
            )
        })
        .collect();
    server.load(&many);
    let before = kept.dump();
    let bind = std::mem::replace(&mut kept.bind, anonymous());
    for subcommand in ["refresh", "follow"] {
        let proxy = Proxy::to(&server);
        kept.url = proxy.url();
        kept.start_as(subcommand, &[]);
        wait_until(PATIENCE, || proxy.first_answered_bytes() > 100_000);
        kept.follower().signal("STOP");
        // slapd counts whole seconds and shows no sign: this is the time limit itself, not a wait.
        std::thread::sleep(2 * LIMIT);
        kept.follower().signal("CONT");
        let (code, stderr) = kept.ended();
        assert_eq!(code, Some(3), "{stderr}");
        assert_message(
            stderr.trim_end(),
            &["timeLimitExceeded (3)", "raise the time limit"],
        );
        kept.assert_reader_has_the_copy();
        assert_eq!(kept.dump(), before);
    }
    kept.url = server.url();
    kept.bind = bind;
    assert_eq!(kept.refreshed(&[]).len(), 500);
    kept.assert_equal();
}
