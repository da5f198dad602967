//! One program for each event.

use serde_json::{Value, json};
use syncrepl_relay::{EventKind, Sent, Trouble};
use syncrepl_testing::wait_until;

use crate::scripts::{SOON, Script, runs};
use crate::support::{Log, SOURCE, accepted, event, large_event, owner, send, target};

fn each() -> (&'static str, Value) {
    ("mode", json!("each"))
}

#[test]
fn event_is_on_stdin_and_in_the_environment() {
    let script = Script::shell(
        "cat >>seen; env | grep -E '^SYNCREPL_(DN|ID|OLD_DN|OP|UUID)=' | LC_ALL=C sort >>env; echo \"$@\" >>args",
    );
    let mut sink = script.sink(&[each(), ("args", json!(["a b", "$HOME"]))]);
    assert_eq!(sink.max_batch(), 1);
    let mut renamed = event(7);
    renamed.kind = EventKind::Renamed;
    renamed.dn = Some("cn=new\nline".to_owned());
    renamed.old_dn = Some("cn=$(touch x),dc=example".to_owned());
    assert_eq!(send(&mut *sink, &[renamed.clone()]).unwrap(), accepted(1));
    assert_eq!(script.lines("seen"), [renamed.to_json(SOURCE)]);
    assert_eq!(script.lines("args"), ["a b $HOME"]);
    let wanted = "SYNCREPL_DN=cn=new\nSYNCREPL_ID=9f3c21aa9f3c21aa.7.1\n\
                  SYNCREPL_OLD_DN=cn=$(touch x),dc=example\nSYNCREPL_OP=renamed\n\
                  SYNCREPL_UUID=00000000-0000-0000-0000-000000000007";
    assert_eq!(script.lines("env").join("\n"), wanted);
}

#[test]
fn names_that_no_variable_can_hold_are_left_out() {
    let script = Script::shell("cat >/dev/null; env | grep -c ^SYNCREPL_DN= >>env");
    let mut sink = script.sink(&[each()]);
    for dn in ["cn=a\0b".to_owned(), "x".repeat(200_000)] {
        let mut event = event(1);
        event.dn = Some(dn);
        let error = send(&mut *sink, &[event]).unwrap_err();
        // `grep` found none, and that is the status of the script.
        assert!(error.to_string().contains("exit status: 1"), "{error}");
        sink.open(&owner("hook")).unwrap();
    }
    assert_eq!(script.lines("env"), ["0", "0"]);
}

#[test]
fn statuses_are_the_answers() {
    let script = Script::shell("exit $(cat status)");
    let mut sink = script.sink(&[each()]);
    let set = |status: i32| std::fs::write(script.file("status"), status.to_string()).unwrap();
    set(1);
    let error = send(&mut *sink, &[event(1)]).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual, "it never worked: {error}");
    sink.open(&owner("hook")).unwrap();
    set(0);
    assert_eq!(send(&mut *sink, &[event(1)]).unwrap(), accepted(1));
    set(65);
    let sent = send(&mut *sink, &[event(2)]).unwrap();
    assert!(matches!(sent, Sent { accepted: 0, refused: Some(why) } if why.contains("65")));
    for (status, trouble, reason) in [
        (1, Trouble::Passing, "died"),
        (75, Trouble::Passing, "program"),
        (126, Trouble::Manual, "program"),
    ] {
        set(status);
        let error = send(&mut *sink, &[event(3)]).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (trouble, reason),
            "{error}"
        );
        sink.open(&owner("hook")).unwrap();
    }
}

#[test]
fn large_event_that_is_not_read_is_no_error() {
    let script = Script::shell("exit 0");
    let mut sink = script.sink(&[each()]);
    assert_eq!(
        send(&mut *sink, &[large_event(1, 1 << 20)]).unwrap(),
        accepted(1)
    );
}

#[test]
fn program_that_hangs_is_killed_with_its_group() {
    let script = Script::shell("echo $$ >>pids; sleep 600 & echo $! >>pids; wait");
    let mut sink = script.sink(&[each(), ("timeout", json!("300ms"))]);
    let error = send(&mut *sink, &[event(1)]).unwrap_err();
    assert!(error.to_string().contains("within 300ms"), "{error}");
    let pids: Vec<u32> = script
        .lines("pids")
        .iter()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert_eq!(pids.len(), 2);
    wait_until(SOON, || pids.iter().all(|pid| !runs(*pid)));
}

#[test]
fn what_a_program_leaves_behind_does_not_hold_up_the_next_event() {
    let script = Script::shell("sleep 600 & echo $! >>pids");
    let mut sink = script.sink(&[each()]);
    for number in 1..=3 {
        assert_eq!(send(&mut *sink, &[event(number)]).unwrap(), accepted(1));
    }
    let pids: Vec<u32> = script
        .lines("pids")
        .iter()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert!(
        pids.iter().all(|pid| runs(*pid)),
        "a status of 0 kills nobody"
    );
    sink.close();
    // But another run waits for it.
    assert!(sink.open(&owner("hook")).is_err());
    pids.iter()
        .for_each(|pid| syncrepl_testing::tools::signal(*pid, "KILL"));
    wait_until(SOON, || sink.open(&owner("hook")).is_ok());
}

#[test]
fn its_output_goes_to_the_log() {
    let log = Log::keep();
    let script = Script::shell("echo from stdout; echo from stderr >&2");
    let mut sink = script.sink(&[each()]);
    send(&mut *sink, &[event(1)]).unwrap();
    wait_until(SOON, || {
        let text = log.text();
        text.contains("its program says: from stdout")
            && text.contains("its program says: from stderr")
    });
}

#[test]
fn password_of_syncrepl_is_not_inherited() {
    let script = Script::shell("cat >/dev/null; env >env");
    // Set for this process alone: another one is started with it.
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "each::part_with_a_password"])
        .env("EXEC_PART", &script.path)
        .env("SYNCREPL_BIND_PASSWORD", "canary")
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let env = script.lines("env").join("\n");
    assert!(
        env.contains("EXEC_PART=") && !env.contains("canary"),
        "{env}"
    );
}

#[test]
fn part_with_a_password() {
    let Some(path) = std::env::var_os("EXEC_PART") else {
        return;
    };
    let path = std::path::PathBuf::from(path);
    let lock = json!(path.with_extension("lock"));
    let mut sink = crate::support::sink(
        &format!("exec:{}", path.display()),
        &[each(), ("lock_file", lock)],
    );
    sink.open(&owner("hook")).unwrap();
    send(&mut *sink, &[event(1)]).unwrap();
}

#[test]
fn targets_that_cannot_be_are_refused() {
    for (to, keys) in [
        ("exec:hook", vec![]),
        ("exec:/", vec![]),
        ("exec:/a\0b", vec![]),
        ("exec:/a", vec![("mode", json!("sometimes"))]),
        ("exec:/a", vec![("timeout", json!("0s"))]),
        ("exec:/a", vec![("timeout", json!("soon"))]),
        ("exec:/a", vec![("args", json!("a b"))]),
        ("exec:/a", vec![("argz", json!([]))]),
    ] {
        assert!(
            syncrepl_sinks::open(&target(to, &keys)).is_err(),
            "{to} {keys:?}"
        );
    }
}
