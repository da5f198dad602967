//! One program for all events.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncrepl_relay::{Sent, Trouble};
use syncrepl_testing::{tools, wait_until};

use crate::scripts::{SOON, Script, runs};
use crate::support::{Log, SOURCE, accepted, event, events, large_event, owner, send};

/// Writes down the id of each event, and answers.
const GOOD: &str = r#"
for line in sys.stdin:
    id = json.loads(line)["id"]
    note(id)
    answer({"ok": id})
note("end", "ended")
"#;

fn short() -> (&'static str, Value) {
    ("timeout", json!("3s"))
}

#[test]
fn events_come_as_lines_and_are_safe_when_answered() {
    let script = Script::python(
        "for line in sys.stdin:\n note(line.rstrip('\\n'))\n answer({'ok': json.loads(line)['id']})",
    );
    let mut sink = script.sink(&[]);
    assert_eq!(send(&mut *sink, &events(1..=3)).unwrap(), accepted(3));
    assert_eq!(send(&mut *sink, &events(4..=4)).unwrap(), accepted(1));
    let wanted: Vec<_> = events(1..=4)
        .iter()
        .map(|event| event.to_json(SOURCE))
        .collect();
    assert_eq!(script.lines("seen"), wanted);
    assert_eq!(script.lines("pids").len(), 1);
}

#[test]
fn one_answer_is_for_all_events_up_to_it() {
    let script = Script::python(
        "for number, line in enumerate(sys.stdin, 1):\n if number % 100 == 0: answer({'ok': json.loads(line)['id']})",
    );
    let mut sink = script.sink(&[]);
    assert_eq!(send(&mut *sink, &events(1..=1000)).unwrap(), accepted(1000));
}

#[test]
fn refused_event_ends_the_batch_and_those_after_it_are_given_once() {
    let script = Script::python(
        r#"
for line in sys.stdin:
    id = json.loads(line)["id"]
    note(id)
    answer({"refused": id, "why": "no \x1b[1mmail"} if ".2." in id else {"ok": id})
"#,
    );
    let mut sink = script.sink(&[]);
    let sent = send(&mut *sink, &events(1..=4)).unwrap();
    let why = "no \\u{1b}[1mmail".to_owned();
    let wanted = Sent {
        accepted: 1,
        refused: Some(why),
    };
    assert_eq!(sent, wanted);
    assert_eq!(send(&mut *sink, &events(3..=5)).unwrap(), accepted(3));
    let ids: Vec<_> = events(1..=5).into_iter().map(|event| event.id).collect();
    assert_eq!(script.lines("seen"), ids);
}

#[test]
fn other_events_than_the_program_has_start_it_anew() {
    let script = Script::python(
        r#"
for line in sys.stdin:
    id = json.loads(line)["id"]
    note(id)
    answer({"refused": id} if ".1." in id else {"ok": id})
"#,
    );
    let mut sink = script.sink(&[]);
    let sent = send(&mut *sink, &events(1..=3)).unwrap();
    assert!(sent.accepted == 0 && sent.refused.is_some());
    assert_eq!(send(&mut *sink, &events(7..=8)).unwrap(), accepted(2));
    assert_eq!(script.lines("pids").len(), 2);
}

#[test]
fn killed_program_blames_the_event_and_is_started_again() {
    let script = Script::python(GOOD);
    let mut sink = script.sink(&[]);
    send(&mut *sink, &events(1..=1)).unwrap();
    script.rewrite_python("line = sys.stdin.readline()\nos.kill(os.getpid(), signal.SIGKILL)");
    sink.close();
    // The new program has not answered yet, so a person has to look at it.
    sink.open(&owner("hook")).unwrap();
    let error = send(&mut *sink, &events(2..=2)).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Manual, "program"),
        "{error}"
    );
    assert!(error.to_string().contains("signal: 9"), "{error}");

    let half = r#"
for line in sys.stdin:
    id = json.loads(line)["id"]
    if ".3." in id: os.kill(os.getpid(), signal.SIGKILL)
    answer({"ok": id})
"#;
    script.rewrite_python(half);
    sink.open(&owner("hook")).unwrap();
    assert_eq!(send(&mut *sink, &events(2..=2)).unwrap(), accepted(1));
    let error = send(&mut *sink, &events(3..=3)).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Passing, "died"),
        "{error}"
    );
    assert!(error.blames_event(), "{error}");
    sink.open(&owner("hook")).unwrap();
    assert_eq!(send(&mut *sink, &events(4..=4)).unwrap(), accepted(1));
}

#[test]
fn trust_is_kept_in_the_note() {
    let script = Script::python(
        "for line in sys.stdin:\n if os.path.exists(os.path.join(here, 'die')): sys.exit(1)\n \
         answer({'ok': json.loads(line)['id']})",
    );
    let mut sink = script.sink(&[]);
    assert_eq!(sink.note(), None);
    send(&mut *sink, &events(1..=1)).unwrap();
    let note = sink.note();
    drop(sink);
    std::fs::write(script.file("die"), "").unwrap();
    for (note, trouble) in [(note.as_deref(), Trouble::Passing), (None, Trouble::Manual)] {
        let mut sink = script.closed_sink(&[]);
        sink.set_note(note);
        sink.open(&owner("hook")).unwrap();
        let error = send(&mut *sink, &events(2..=2)).unwrap_err();
        assert_eq!(error.trouble(), trouble, "{error}");
    }
}

#[test]
fn program_that_ended_while_idle_is_started_again() {
    let script = Script::python(GOOD);
    let mut sink = script.sink(&[]);
    send(&mut *sink, &events(1..=1)).unwrap();
    let pid = script.pid();
    tools::signal(pid, "KILL");
    wait_until(SOON, || !runs(pid));
    assert_eq!(send(&mut *sink, &events(2..=2)).unwrap(), accepted(1));
    assert_eq!(script.lines("pids").len(), 2);
}

#[test]
fn silent_program_is_killed_with_its_group_when_time_is_up() {
    let script = Script::python(
        r#"
answer({"ok": json.loads(sys.stdin.readline())["id"]})
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    note(str(os.getpid()), "children")
time.sleep(600)
"#,
    );
    let mut sink = script.sink(&[short()]);
    send(&mut *sink, &events(1..=1)).unwrap();
    wait_until(SOON, || !script.lines("children").is_empty());
    let child: u32 = script.lines("children")[0].parse().unwrap();
    let began = Instant::now();
    let error = send(&mut *sink, &events(2..=3)).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Passing, "timeout"),
        "{error}"
    );
    assert!(error.blames_event(), "{error}");
    assert!(began.elapsed() >= Duration::from_secs(3));
    wait_until(SOON, || !runs(script.pid()) && !runs(child));
}

#[test]
fn time_limit_is_of_each_event_not_of_the_batch() {
    let script = Script::python(
        r#"
for line in sys.stdin:
    time.sleep(0.1)
    answer({"ok": json.loads(line)["id"]})
"#,
    );
    let mut sink = script.sink(&[("timeout", json!("4s"))]);
    let began = Instant::now();
    assert_eq!(send(&mut *sink, &events(1..=50)).unwrap(), accepted(50));
    assert!(began.elapsed() > Duration::from_secs(4));
}

#[test]
fn program_that_reads_nothing_blocks_nobody_for_long() {
    let script = Script::shell("echo $$ >>pids; exec sleep 600");
    let mut sink = script.sink(&[short()]);
    let error = send(&mut *sink, &[large_event(1, 1 << 20)]).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Manual, "{error}");
    assert!(error.to_string().contains("never answered"), "{error}");
    wait_until(SOON, || !runs(script.pid()));
}

#[test]
fn large_events_and_eager_answers_do_not_block_each_other() {
    let script = Script::python(GOOD);
    let mut sink = script.sink(&[]);
    let large: Vec<_> = (1..=20)
        .map(|number| large_event(number, 300_000))
        .collect();
    assert_eq!(send(&mut *sink, &large).unwrap(), accepted(20));
}

#[test]
fn wrong_answers_end_the_program() {
    let rest = "sys.stdin.read()";
    for (answer, why) in [
        (r#"answer({"ok": "other"})"#, "waits for no answer"),
        (
            r#"answer({"ok": id}); answer({"ok": id})"#,
            "waits for no answer",
        ),
        (r#"print("hello", flush=True)"#, "no answer"),
        (r#"answer({"ok": id, "refused": id})"#, "no answer"),
        (r#"answer({"fine": id})"#, "no answer"),
        (r#"print("x" * 100000, end="", flush=True)"#, "too long"),
        (r#"answer({"refused": second})"#, "before it answered"),
    ] {
        let script = Script::python(&format!(
            "id = json.loads(sys.stdin.readline())['id']\nanswer({{'ok': id}})\n\
             id = json.loads(sys.stdin.readline())['id']\nsecond = json.loads(sys.stdin.readline())['id']\n\
             {answer}\n{rest}"
        ));
        let mut sink = script.sink(&[]);
        send(&mut *sink, &events(1..=1)).unwrap();
        let error = send(&mut *sink, &events(2..=3)).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Passing, "protocol"),
            "{error}"
        );
        assert!(error.blames_event(), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.to_string().contains("hello"), "{error}");
        let pid = script.pid();
        wait_until(SOON, || !runs(pid));
    }
}

#[test]
fn flood_without_a_line_end_takes_no_memory() {
    let script = Script::shell("read event; tr '\\0' x </dev/zero");
    let mut sink = script.sink(&[]);
    let before = peak_memory_kib();
    let error = send(&mut *sink, &events(1..=1)).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    assert!(peak_memory_kib() < before + 20_000);
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn closing_lets_the_program_finish() {
    let script = Script::python(GOOD);
    let mut sink = script.sink(&[]);
    send(&mut *sink, &events(1..=1)).unwrap();
    sink.close();
    assert_eq!(script.lines("ended"), ["end"]);
    assert!(!runs(script.pid()));
}

#[test]
fn program_of_an_earlier_run_is_waited_for() {
    // It leaves the group, so that closing does not reach it, and stays after its stdin has ended.
    let script = Script::python(
        r#"
for line in sys.stdin:
    answer({"ok": json.loads(line)["id"]})
if os.fork() == 0:
    os.setsid()
    note(str(os.getpid()), "orphans")
    while os.path.exists(here) and not os.path.exists(os.path.join(here, "go")): time.sleep(0.01)
    sys.exit()
while not os.path.exists(os.path.join(here, "orphans")): time.sleep(0.01)
"#,
    );
    let mut sink = script.sink(&[]);
    send(&mut *sink, &events(1..=1)).unwrap();
    sink.close();
    let mut next = script.closed_sink(&[]);
    let error = next.open(&owner("hook")).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Passing, "earlier"),
        "{error}"
    );
    let held = script.lines("lock")[0].clone();
    assert!(
        error.to_string().contains(&format!("process {held}")),
        "{error}"
    );
    std::fs::write(script.file("go"), "").unwrap();
    wait_until(SOON, || next.open(&owner("hook")).is_ok());
    assert_eq!(send(&mut *next, &events(2..=2)).unwrap(), accepted(1));
}

#[test]
fn what_it_prints_for_people_goes_to_the_log() {
    let log = Log::keep();
    let script = Script::python(
        r#"
print("hello \x1b[31m", file=sys.stderr, flush=True)
for number in range(100000): print("flood", number, file=sys.stderr)
sys.stderr.flush()
for line in sys.stdin: answer({"ok": json.loads(line)["id"]})
"#,
    );
    let mut sink = script.sink(&[]);
    send(&mut *sink, &[event(1)]).unwrap();
    wait_until(SOON, || log.text().contains("lines within a second"));
    let text = log.text();
    assert!(
        text.contains("its program says: hello \\u{1b}[31m"),
        "{text}"
    );
    assert!(text.matches("flood").count() < 5000);
}
