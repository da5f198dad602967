//! Programs that end, that are not there, and the one of the documentation; how fast it goes.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::json;
use syncrepl_relay::Trouble;
use syncrepl_testing::wait_until;

use crate::scripts::{SOON, Script};
use crate::support::{Log, accepted, events, owner, python_of, send};

#[test]
fn statuses_say_whose_fault_it_is() {
    for (status, trouble, reason) in [
        (75, Trouble::Passing, "program"),
        (78, Trouble::Manual, "program"),
        (127, Trouble::Manual, "program"),
        (1, Trouble::Passing, "died"),
        (0, Trouble::Passing, "died"),
    ] {
        let script = Script::python(&format!(
            "answer({{'ok': json.loads(sys.stdin.readline())['id']}})\nsys.stdin.readline()\nsys.exit({status})"
        ));
        let mut sink = script.sink(&[]);
        send(&mut *sink, &events(1..=1)).unwrap();
        let error = send(&mut *sink, &events(2..=2)).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (trouble, reason),
            "{status}: {error}"
        );
        assert_eq!(error.blames_event(), reason == "died", "{status}: {error}");
    }
}

#[test]
fn program_that_is_not_there_needs_a_person() {
    let script = Script::of("echo");
    let missing = script.file("missing");
    let mut sink = crate::support::sink(
        &format!("exec:{}", missing.display()),
        &[("lock_file", json!(script.file("lock")))],
    );
    let error = sink.open(&owner("hook")).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual, "{error}");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&script.path, mode).unwrap();
    let error = script.closed_sink(&[]).open(&owner("hook")).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual, "{error}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("executable")),
        "{error}"
    );
}

#[test]
fn program_of_the_documentation_knows_events_again() {
    let log = Log::keep();
    let script = Script::of(&python_of("exec.md"));
    let mut sink = script.sink(&[]);
    for range in [1..=3, 1..=3, 2..=4] {
        let events = events(range);
        assert_eq!(send(&mut *sink, &events).unwrap(), accepted(events.len()));
    }
    wait_until(SOON, || log.text().contains("cn=entry 4,"));
    for number in 1..=4 {
        assert_eq!(
            log.text().matches(&format!("cn=entry {number},")).count(),
            1
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn events_a_second() {
    let script = Script::python(
        "for line in sys.stdin: print('{\"ok\":\"' + json.loads(line)['id'] + '\"}', flush=True)",
    );
    let mut sink = script.sink(&[]);
    let all = events(1..=100_000);
    let began = Instant::now();
    for chunk in all.chunks(1000) {
        assert_eq!(send(&mut *sink, chunk).unwrap(), accepted(1000));
    }
    let stream = 100_000.0 / began.elapsed().as_secs_f64();
    let script = Script::shell("exit 0");
    let mut sink = script.sink(&[("mode", json!("each"))]);
    let began = Instant::now();
    for event in all.chunks(1).take(500) {
        assert_eq!(send(&mut *sink, event).unwrap(), accepted(1));
    }
    let each = 500.0 / began.elapsed().as_secs_f64();
    println!("stream: {stream:.0} events/s, each: {each:.0} events/s");
}
