//! Results that end a sync search: the exit code of each, and whether `follow` tries again. The client's
//! own tests have every position in the stream; here are the moments of a stage.

use syncrepl_provider::{Extra, Fault, Moment, Provider, RefreshStyle};
use syncrepl_testing::slapd::SUFFIX;
use syncrepl_testing::target::{Other, Target};

use crate::common::PATIENCE;
use crate::kept::Kept;
use crate::{delete_people, describe, people};

const MOMENTS: [Moment; 3] = [
    Moment::RefreshStart,
    Moment::RefreshMiddle,
    Moment::RefreshEnd,
];

/// Result codes, the exit code of `refresh`, and whether `follow` tries again.
const CODES: [(u32, i32, bool); 7] = [
    (3, 3, false),
    (4, 3, false),
    (11, 3, false),
    (51, 4, true),
    (52, 4, true),
    (53, 3, true),
    (80, 3, true),
];

fn start(style: RefreshStyle) -> (Provider, Other) {
    let provider = Provider::builder()
        .suffix(SUFFIX)
        .refresh_style(style)
        .start()
        .expect("the provider starts");
    let (admin, password) = provider.root();
    let url = provider.url();
    let server = Other {
        url,
        admin,
        password,
    };
    server.ldapmodify(&people("people", 10)).expect("people");
    (provider, server)
}

#[test]
fn refresh_ends_with_the_code_of_the_result() {
    for style in [RefreshStyle::PresentPhase, RefreshStyle::DeletePhase] {
        let (provider, server) = start(style);
        let mut kept = Kept::of(&server.url);
        kept.refreshed(&[]);
        let changes = delete_people("people", 0, 2) + &describe("p3", "people", "changed");
        server.ldapmodify(&changes).expect("the changes");
        let before = kept.data.dump();
        for (code, exit, _) in CODES {
            for moment in MOMENTS {
                let armed = provider.faults().next(Fault::Result(moment, code));
                let code = format!("({code})");
                kept.refresh(&[]).assert_failed(exit, &[&code]);
                assert_eq!(armed.hits(), 1);
                assert_eq!(kept.data.dump(), before, "{style:?} {moment:?} {code}");
            }
        }
        provider.faults().next(Fault::Extra(Extra::Disconnection));
        kept.refresh(&[])
            .assert_failed(4, &["ended the connection"]);
        assert_eq!(kept.data.dump(), before);
        assert_eq!(kept.refreshed(&[]).len(), 3);
        kept.assert_equal();
    }
}

#[test]
fn follow_tries_again_what_may_pass() {
    let (provider, server) = start(RefreshStyle::DeletePhase);
    let mut kept = Kept::of(&server.url);
    kept.refreshed(&[]);
    for (code, exit, again) in CODES {
        for moment in [Moment::RefreshMiddle, Moment::Persist] {
            let text = format!("{code} {moment:?}");
            let (armed, deletes) = match moment {
                Moment::Persist => {
                    kept.follow(&["--reconcile"]);
                    (
                        provider.faults().next(Fault::Result(moment, code)),
                        kept.reader.deletes().len(),
                    )
                }
                _ => {
                    let armed = provider.faults().next(Fault::Result(moment, code));
                    kept.start(&["--reconcile"]);
                    (armed, kept.reader.deletes().len())
                }
            };
            assert!(armed.wait(PATIENCE), "{text}");
            let words = format!("({code})");
            if again {
                let follower = kept.follower();
                follower.wait_for_stderr(
                    |line| line.contains(&words) && line.contains("trying again in"),
                    PATIENCE,
                );
                server
                    .ldapmodify(&describe("p3", "people", &text))
                    .expect("a change");
                kept.wait_equal();
                kept.stop();
            } else {
                let (status, stderr) = kept.ended();
                assert_eq!(status, Some(exit), "{text}: {stderr}");
                assert!(
                    stderr.contains(&words) && stderr.lines().count() == 1,
                    "{stderr}"
                );
                kept.assert_equal();
            }
            assert_eq!(kept.reader.deletes().len(), deletes, "{text}");
        }
    }
}
