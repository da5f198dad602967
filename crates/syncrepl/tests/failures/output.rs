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
        for subcommand in ["refresh", "follow"] {
            let mut shell = Command::new("bash");
            shell.args([
                "-c",
                "\"$@\" | head -1; exit ${PIPESTATUS[0]}",
                "bash",
                SYNCREPL,
            ]);
            shell.args(data.sync(subcommand, &server.url()));
            clean(&mut shell);
            let outcome = Outcome::of(&mut shell);
            outcome.assert_failed(1, &["reads the output", "nothing", "--format none"]);
            assert_eq!(outcome.stdout.lines().count(), 1);
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
    let mut run = Run::unread(&mut command(&data.sync("follow", &server.url())));
    syncrepl_testing::wait_until(PATIENCE, || server_has_a_searcher(&data));
    run.close_stdout();
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

/// It holds the file: from here on it runs.
fn server_has_a_searcher(data: &Data) -> bool {
    data.folder.path().join("copy.db-wal").exists()
}
