//! The story of a run in the log, a line an event.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use syncrepl_testing::process::Run;
use syncrepl_testing::slapd::{Slapd, Variant};

use crate::common::PATIENCE;
use crate::common::outcome::{Data, command, without_time};
use crate::describe;

#[test]
fn story_of_a_run() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let mut follow = command(&data.sync("follow", &server.url()));
    let mut run = Run::command(follow.args(["-v", "--good-while", "1s", "--longest-wait", "1s"]));
    run.wait_for_stderr(|line| line.contains("committed 1 change in"), PATIENCE);
    describe(&server, "changed");
    run.wait_for_line(|line| line.contains("changed"), PATIENCE);
    let committed = || run.stderr().matches("committed 1 change in").count();
    syncrepl_testing::wait_until(PATIENCE, || committed() == 2);
    server.stop();
    run.wait_for_stderr(|line| line.contains("trying again in"), PATIENCE);
    server.start_again();
    run.wait_for_stderr(|line| line.contains("up to date again"), PATIENCE);
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
    let stderr = run.stderr();
    let mut told = stderr.lines().map(|line| {
        let said = without_time(line);
        assert_ne!(said, line, "no time: {line}");
        let said = said.strip_prefix("syncrepl: ");
        said.unwrap_or_else(|| panic!("not in the command's name: {line}"))
    });
    let url = server.url();
    for wanted in [
        format!("connected to {url}"),
        "bound anonymously".to_owned(),
        "refresh of 1 entry in ".to_owned(),
        format!("following {url}"),
        "committed 1 change in 1 commit within ".to_owned(),
        "closed the connection".to_owned(),
        format!("connected to {url}"),
        "bound anonymously".to_owned(),
        "refresh of 1 entry in ".to_owned(),
        format!("following {url}"),
    ] {
        let found = told.any(|line| line.contains(&wanted));
        assert!(found, "no {wanted:?} in its place:\n{stderr}");
    }
}

/// The journal notes times by itself. `refresh` is over soon.
#[test]
fn time_only_where_nobody_else_notes_it() {
    let server = Slapd::start(Variant::Plain);
    server.stop();
    let data = Data::new();
    let refresh = data.refresh_with(&server, &[]);
    refresh.assert_failed(4, &["cannot connect"]);
    assert!(refresh.stderr.starts_with("syncrepl: "));
    for (journal, time) in [(true, false), (false, true)] {
        let path = data.folder.path().join(format!("stderr.{journal}"));
        let file = File::create(&path).expect("a file");
        let id = file.metadata().expect("its number");
        let stream = format!("{}:{}", id.dev(), id.ino() + u64::from(!journal));
        let mut follow = command(&data.sync("follow", &server.url()));
        let mut child = follow
            .env("JOURNAL_STREAM", stream)
            .stderr(file)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        let said = || std::fs::read_to_string(&path).expect("the lines");
        syncrepl_testing::wait_until(PATIENCE, || said().ends_with('\n'));
        child.kill().expect("it ends");
        child.wait().expect("it ended");
        assert_eq!(said().starts_with("syncrepl: "), !time, "{}", said());
    }
}
