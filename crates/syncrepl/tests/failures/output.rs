//! The reader of the output goes away.

use std::process::Command;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::outcome::{Data, Outcome, assert_message, clean, command, people};
use crate::common::{PATIENCE, SYNCREPL, text};

#[test]
fn pipe_into_head() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::of(&server);
    // Far more than a pipe holds.
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
            outcome.assert_failed(
                1,
                &["reader of the output went away", "nothing", "--format none"],
            );
            assert_eq!(outcome.stdout.lines().count(), 1);
            // stderr is closed too.
            let both = script.replace("|", "2>&1 |");
            let outcome = piped(&both, subcommand);
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""));
        }
    });
}

/// Runs the command with a pipe for stdout that is closed from the beginning.
fn unheard(arguments: &[String]) -> Outcome {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = command(arguments).stdout(writer).output();
    let output = output.expect("the command starts");
    Outcome {
        code: output.status.code(),
        stdout: String::new(),
        stderr: text(&output.stderr),
    }
}

#[test]
fn reader_goes_away_in_every_format() {
    let server = Slapd::start(Variant::Plain);
    for format in ["json", "text"] {
        let data = Data::of(&server);
        server.ldapmodify(&describe_base(format)).expect("a change");
        data.unchanged(|| {
            let mut refresh = data.refresh(&server);
            let at = refresh.iter().position(|word| word == "json");
            refresh[at.expect("a format")] = format.to_owned();
            unheard(&refresh).assert_failed(1, &["reader of the output went away"]);
        });
    }
    // A reader of `dump` may stop early: nothing is lost.
    let data = Data::of(&server);
    for subcommand in ["dump", "status"] {
        let outcome = unheard(&[subcommand, "--data", &data.path()].map(str::to_owned));
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""));
    }
}

fn describe_base(name: &str) -> String {
    let base = "dn: dc=example,dc=com";
    format!("{base}\nchangetype: modify\nreplace: description\ndescription: {name}\n")
}

/// The reader goes away while `follow` runs. The change is not lost: the next run tells it.
#[test]
fn reader_goes_away_while_following() {
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
        assert_message(&run.stderr(), &["reader of the output went away"]);
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
