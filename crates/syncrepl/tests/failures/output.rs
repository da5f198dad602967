//! The reader of the output goes away.

use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{Data, Outcome, assert_message, clean, command, people};
use crate::common::{PATIENCE, SYNCREPL};

#[test]
fn into_head() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    // Far more than a pipe takes.
    server.load(&people(2000));
    data.unchanged(|| {
        let piped = |script: &str, subcommand: &str| {
            let mut shell = Command::new("bash");
            shell.args(["-c", script, "bash", SYNCREPL]);
            shell.args(data.sync(subcommand, &server.url()));
            Outcome::of(clean(&mut shell))
        };
        for subcommand in ["refresh", "follow"] {
            let script = r#""$@" | head -1; exit ${PIPESTATUS[0]}"#;
            let outcome = piped(script, subcommand);
            outcome.assert_failed(1, &["reads the output", "nothing", "--format none"]);
            assert_eq!(outcome.stdout.lines().count(), 1);
            // When nobody reads the messages either.
            let both = script.replace("|", "2>&1 |");
            let outcome = piped(&both, subcommand);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""));
        }
    });
}

#[test]
fn in_text_and_at_the_end_of_a_dump() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(2000));
    let data = Data::new();
    let mut refresh = data.refresh(&server);
    refresh.extend(["--format", "text"].map(str::to_owned));
    refresh.retain(|word| word != "json");
    let at = refresh
        .iter()
        .position(|word| word == "--format")
        .expect("--format");
    refresh.remove(at);
    let mut run = Run::unread(&mut command(&refresh));
    run.close_stdout();
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(1));
    assert_message(&run.stderr(), &["reads the output"]);

    let data = Data::of(&server);
    for subcommand in ["dump", "status"] {
        let mut run = Run::unread(&mut command(&[subcommand, "--data", &data.path()]));
        run.close_stdout();
        assert_eq!(run.wait_exit(PATIENCE).code(), Some(1));
        assert!(!run.stderr().contains("panicked"), "{}", run.stderr());
    }
}

/// The last lines of a follower that goes on: the change is not lost, the next run tells it.
#[test]
fn while_following() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    let mut shell = Command::new("bash");
    // start, bind, refresh_done, commit
    let script = r#""$@" | head -4; exit ${PIPESTATUS[0]}"#;
    shell.args(["-c", script, "bash", SYNCREPL]);
    shell.args(data.sync("follow", &server.url()));
    let mut run = Run::command(clean(&mut shell));
    run.wait_for_line(|line| line.contains(r#""op":"commit""#), PATIENCE);
    data.unchanged(|| {
        server
            .ldapmodify(&people(1).replace("\nobjectClass", "\nchangetype: add\nobjectClass"))
            .expect("the change applies");
        assert_eq!(run.wait_exit(PATIENCE).code(), Some(1), "{}", run.stderr());
        assert_message(&run.stderr(), &["reads the output"]);
    });
    let refresh = Outcome::run(&data.refresh(&server));
    assert_eq!(
        refresh
            .assert_done()
            .stdout
            .matches(r#""op":"add""#)
            .count(),
        2
    );
}
