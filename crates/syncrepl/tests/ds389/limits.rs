//! Searches that the server refuses, some of them in silence.

use std::time::{Duration, Instant};

use syncrepl_testing::Ds389;
use syncrepl_testing::ds389::{PASSWORD, READER, SUFFIX};
use syncrepl_testing::process::Run;

use crate::common::outcome::{Data, Outcome, assert_message, command};
use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE};
use crate::{apply, at, person};

/// How long the command waits before it asks why nothing comes.
const SILENCE: Duration = Duration::from_secs(10);

fn sync(data: &Data, subcommand: &str, server: &Ds389, base: &str) -> Vec<String> {
    let mut arguments = data.sync(subcommand, &server.url());
    assert_eq!(
        arguments.pop().as_deref(),
        Some(SUFFIX),
        "the base comes last"
    );
    arguments.extend([base, "-D", READER, "-w", PASSWORD].map(str::to_owned));
    arguments
}

#[test]
fn anonymous_may_not() {
    let server = Ds389::start();
    let data = Data::new();
    for subcommand in ["refresh", "follow"] {
        let outcome = Outcome::run(&data.sync(subcommand, &server.url()));
        outcome.assert_failed(3, &["(50)", "nobody is bound", "bind DN"]);
    }
}

/// 389-ds does not answer a persist search of a missing base, or one that exceeds a limit.
#[test]
fn silent_refusal_is_found_out() {
    let server = Ds389::builder().size_limit(3).start();
    let people: Vec<_> = (0..5)
        .map(|n| person(&at(&format!("uid=p{n}")), "staff"))
        .collect();
    apply(&server, &people);
    let missing = format!("ou=nowhere,{SUFFIX}");
    for subcommand in ["refresh", "follow"] {
        let data = Data::new();
        let began = Instant::now();
        let outcome = Outcome::run(&sync(&data, subcommand, &server, &missing));
        outcome.assert_failed(3, &["(32)", "no such base"]);
        // The command asks for the base beforehand. A limit shows only by the silence.
        assert!(began.elapsed() < SILENCE, "{:?}", began.elapsed());
        let mut run = Run::command(&mut command(&sync(&data, subcommand, &server, SUFFIX)));
        let status = run.wait_exit(Duration::from_secs(60));
        assert_eq!(status.code(), Some(3), "{}", run.stderr());
        assert_message(&run.stderr(), &["(4)", "nsSizeLimit"]);
        assert!(!run.output().contains(r#""op":"commit""#));
    }
}

/// The server lets ten consumers follow. The eleventh gets an error, and follows as soon as one has left.
/// `refresh` still works.
#[test]
fn too_many_followers() {
    let server = Ds389::start();
    let mut ten: Vec<_> = (0..10)
        .map(|_| {
            let mut copy = Copied::suffix(&server);
            copy.follow();
            copy
        })
        .collect();
    // The eleventh has a cookie, which makes no difference.
    let data = Data::new();
    Outcome::run(&sync(&data, "refresh", &server, SUFFIX)).assert_done();
    let proxy = Proxy::to(&server);
    let arguments: Vec<_> = sync(&data, "follow", &server, SUFFIX)
        .into_iter()
        .map(|word| word.replace(&server.url(), &proxy.url()))
        .collect();
    let mut eleventh = Run::command(&mut command(&arguments));
    let line = eleventh.wait_for_stderr(|line| line.contains("trying again in"), PATIENCE);
    assert_eq!(line, 0);
    assert_eq!(proxy.sync_searches(), 1, "it was asked for everything");
    let stderr = eleventh.stderr();
    let first = stderr.lines().next().expect("a line");
    assert_message(
        first,
        &[
            "(53)",
            "Too many active",
            "ten consumers",
            "refresh at intervals",
        ],
    );
    Copied::suffix(&server).refresh();
    ten.pop().expect("ten").stop();
    eleventh.wait_for_stderr(|line| line.contains("up to date again"), PATIENCE);
    apply(&server, &[person(&at("uid=ann"), "staff")]);
    eleventh.wait_for_line(|line| line.contains("uid=ann"), PATIENCE);
    eleventh.signal("TERM");
    assert!(eleventh.wait_exit(PATIENCE).success());
    for copy in &mut ten {
        copy.wait_equal();
    }
}
