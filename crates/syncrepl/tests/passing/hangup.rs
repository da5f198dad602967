//! SIGHUP opens output and connection anew. It ends `follow` only where its terminal is gone.

use std::process::{Command, Stdio};

use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::wait_until;

use crate::common::outcome::{Data, Outcome, clean};
use crate::common::proxy::Proxy;
use crate::common::{PATIENCE, SYNCREPL};
use crate::{describe, follow, wait_commit, wait_copied};

#[test]
fn hangup_makes_a_new_connection() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let proxy = Proxy::to(&server);
    let mut run = follow(&data, &proxy.url(), &[]);
    wait_commit(&run);
    for number in 1..4 {
        run.signal("HUP");
        wait_until(PATIENCE, || proxy.sync_searches() > number);
        let text = format!("after hangup {number}");
        describe(&server, &text);
        run.wait_for_line(|line| line.contains(&text), PATIENCE);
    }
    wait_copied(&data, &server);
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
    assert_eq!(run.stderr(), "");
}

/// It is tried again at once.
#[test]
fn hangup_while_the_server_is_away() {
    let server = Slapd::start(Variant::Plain);
    server.stop();
    let data = Data::new();
    let mut run = follow(&data, &server.url(), &[]);
    run.wait_for_stderr(|line| line.contains("trying again in"), PATIENCE);
    run.signal("HUP");
    server.start_again();
    run.signal("HUP");
    wait_commit(&run);
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
}

/// While nobody reads the output, a hangup is no reason to end either.
#[test]
fn hangup_while_output_is_blocked() {
    let server = Slapd::start(Variant::Plain);
    server.load(&crate::common::outcome::people(2000));
    let data = Data::new();
    let mut command = crate::command_of(&data, &server.url(), &[]);
    let mut run = syncrepl_testing::process::Run::unread(&mut command);
    wait_until(PATIENCE, || crate::common::outcome::is_in_a_write(&run));
    run.signal("HUP");
    run.signal("HUP");
    run.read();
    wait_commit(&run);
    describe(&server, "afterwards");
    run.wait_for_line(|line| line.contains("afterwards"), PATIENCE);
    wait_copied(&data, &server);
    run.signal("TERM");
    assert_eq!(run.wait_exit(PATIENCE).code(), Some(0));
}

/// `script` provides a terminal, and takes it away when it is killed.
#[test]
fn terminal_goes_away() {
    let server = Slapd::start(Variant::Plain);
    let data = Data::new();
    let pid_file = data.folder.path().join("pid");
    let words = data.sync("follow", &server.url()).join(" ");
    let line = format!(
        "trap '' HUP; sh -c 'trap - HUP; echo $$ > {}; exec {SYNCREPL} {words}'",
        pid_file.display()
    );
    let line = line.replace("trap '' HUP; sh -c 'trap - HUP; ", "exec sh -c '");
    let mut script = Command::new("script");
    clean(&mut script).env("TERM", "xterm");
    let mut script = script
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("script starts");
    let copied = || {
        let status = Outcome::run(&["status", "--data", &data.path(), "--format", "json"]);
        status.stdout.contains(r#""entries":1"#)
    };
    wait_until(PATIENCE, copied);
    let pid = std::fs::read_to_string(&pid_file).expect("its pid");
    let process = format!("/proc/{}", pid.trim());
    // With a terminal a hangup from elsewhere is no end.
    syncrepl_testing::tools::signal(pid.trim().parse().expect("a pid"), "HUP");
    describe(&server, "still there");
    wait_copied(&data, &server);
    script.kill().expect("script ends");
    script.wait().expect("script ended");
    let gone = || {
        let state = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    };
    wait_until(PATIENCE, gone);
}
