//! Each event counts once, whatever is cut, killed or put back. A trigger counts the writes.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use syncrepl_relay::{Event, EventKind, Sink, Trouble};
use syncrepl_testing::postgres::PASSWORD;
use syncrepl_testing::sweep::Sweep;
use syncrepl_testing::{Postgres, wait_until};

use crate::common::{
    PATIENCE, added, audit, deliver, deliver_at_last, event, owner, sink, sink_with, target,
};
use crate::proxy::{Proxy, Then, Way};

/// One entry per event, so that each write of the audit is one event.
fn entries(from: u64, count: u64) -> Vec<Event> {
    (from..from + count)
        .map(|n| added(u128::from(n), n, &format!("Entry {n}")))
        .collect()
}

#[track_caller]
fn assert_each_once(server: &Postgres, count: usize) {
    let counts =
        server.psql("SELECT count(*), count(DISTINCT seq), count(DISTINCT uuid) FROM audit");
    assert_eq!(counts, format!("{count}|{count}|{count}"));
    assert_eq!(
        server.psql("SELECT count(*) FROM entries"),
        count.to_string()
    );
}

/// A sink over TCP with a password.
fn through(proxy: &Proxy, folder: &tempfile::TempDir, timeout: &str) -> Box<dyn Sink> {
    let file = folder.path().join("password");
    std::fs::write(&file, PASSWORD).expect("the password");
    let keys = json!({"create": true, "password_file": file, "timeout": timeout});
    syncrepl_sinks::open(&target(&proxy.url(), &keys)).expect("a sink")
}

/// Cuts the connection after one byte of a batch, after two and so on, until a batch gets through whole. Unless all
/// points are asked for, it skips some.
fn cut_everywhere(way: Way) {
    let server = Postgres::start();
    let proxy = Proxy::before(server.port());
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = through(&proxy, &folder, "30s");
    deliver(&mut *sink, &[], 1).unwrap();
    audit(&server);
    let mut events = Vec::new();
    let mut bytes = 0;
    let mut sweep = Sweep::new();
    loop {
        let from = events.len() as u64 + 1;
        events.extend(entries(from, 2));
        let before = sink.open(&owner()).unwrap().expect("a position");
        let batch = syncrepl_relay::Batch {
            events: &events[events.len() - 2..],
            before: &before,
            attempts: 0,
        };
        proxy.after(bytes, way, Then::Cut);
        let sent = sink.send(&batch);
        let cut = proxy.is_used_up();
        proxy.mend();
        if let Err(error) = &sent {
            assert_eq!(error.trouble(), Trouble::Passing, "{error}");
        }
        deliver_at_last(&mut *sink, &events, 2);
        if !cut {
            assert!(bytes > 100, "only {bytes} bytes were seen");
            break;
        }
        bytes += match sweep.is_all() {
            true => 1,
            false => sweep.rng.i64(1..30),
        };
    }
    assert_each_once(&server, events.len());
}

#[test]
fn cut_after_each_byte_of_the_question() {
    cut_everywhere(Way::Up);
}

#[test]
fn cut_after_each_byte_of_the_answer() {
    cut_everywhere(Way::Down);
}

#[test]
fn transaction_that_nobody_ends_is_waited_for() {
    let server = Postgres::start();
    let proxy = Proxy::before(server.port());
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = through(&proxy, &folder, "2s");
    deliver(&mut *sink, &[], 1).unwrap();
    audit(&server);
    let events = entries(1, 4);
    let before = sink.open(&owner()).unwrap().expect("a position");
    // The transaction has begun, and its end never arrives.
    proxy.after(400, Way::Up, Then::Silence);
    let batch = syncrepl_relay::Batch {
        events: &events,
        before: &before,
        attempts: 0,
    };
    let began = Instant::now();
    let error = sink.send(&batch).unwrap_err();
    assert_eq!(error.trouble(), Trouble::Passing, "{error}");
    assert!(began.elapsed() < Duration::from_secs(20), "{error}");
    proxy.mend();
    deliver_at_last(&mut *sink, &events, 4);
    assert_each_once(&server, 4);
}

#[test]
fn server_that_stands_still_is_noticed() {
    let server = Postgres::start();
    let mut sink = sink_with(&server, json!({"timeout": "1s"}));
    let events = entries(1, 2);
    deliver(&mut *sink, &events[..1], 1).unwrap();
    server.signal_all("STOP");
    let began = Instant::now();
    let error = deliver(&mut *sink, &events, 1).unwrap_err();
    server.signal_all("CONT");
    assert_eq!(error.trouble(), Trouble::Passing, "{error}");
    assert!(began.elapsed() < Duration::from_secs(15));
    deliver_at_last(&mut *sink, &events, 1);
    assert_eq!(server.psql("SELECT count(*) FROM entries"), "2");
}

#[test]
fn server_is_restarted_amid_the_events() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    deliver(&mut *sink, &[], 1).unwrap();
    audit(&server);
    let events = entries(1, 20_000);
    std::thread::scope(|scope| {
        let events = &events;
        let sender = scope.spawn(move || deliver_at_last(&mut *sink, events, 50));
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(fastrand::u64(50..400)));
            server.stop_immediately();
            server.start_again();
        }
        sender.join().expect("the sender");
    });
    assert_each_once(&server, events.len());
}

#[test]
fn process_is_killed_amid_the_events() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    deliver(&mut *sink, &[], 1).unwrap();
    audit(&server);
    let kills = Sweep::new().count(5, 100);
    for _ in 0..kills {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--ignored",
                "--exact",
                "exactly_once::sends_until_it_is_killed",
            ])
            .env("SYNCREPL_TEST_TARGET", server.socket_url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this program starts");
        let count = || server.psql("SELECT count(*) FROM entries");
        let before = count();
        wait_until(PATIENCE, || count() != before);
        std::thread::sleep(Duration::from_micros(fastrand::u64(0..30_000)));
        child.kill().expect("killing it");
        child.wait().expect("waiting for it");
    }
    let position = sink.open(&owner()).unwrap().expect("a position");
    let count = usize::try_from(position.seq.value()).expect("few");
    assert!(count >= kills * 20);
    assert_each_once(&server, count);
}

/// Started by the test above.
#[test]
#[ignore = "a child process of another test"]
fn sends_until_it_is_killed() {
    let Ok(to) = std::env::var("SYNCREPL_TEST_TARGET") else {
        return;
    };
    let mut sink = syncrepl_sinks::open(&target(&to, &json!({}))).expect("a sink");
    deliver_at_last(&mut *sink, &entries(1, 60_000), 20);
}

#[test]
fn database_is_put_back_from_a_dump() {
    let server = Postgres::start();
    let mut sink = sink(&server);
    let events: Vec<_> = entries(1, 5)
        .into_iter()
        .chain([event(EventKind::Deleted, 1, 6), added(7, 7, "Last")])
        .collect();
    deliver(&mut *sink, &events[..3], 2).unwrap();
    let dump = server
        .client("pg_dump", "postgres")
        .args(["-d", "app", "--clean", "--if-exists"])
        .output()
        .expect("pg_dump starts");
    assert!(dump.status.success());
    deliver(&mut *sink, &events, 2).unwrap();
    server.psql(&String::from_utf8_lossy(&dump.stdout));
    let position = sink.open(&owner()).unwrap();
    assert_eq!(position.as_ref(), Some(&events[2].position));
    deliver(&mut *sink, &events, 2).unwrap();
    let names = server.psql("SELECT dn FROM entries ORDER BY seq");
    assert_eq!(
        names.lines().collect::<Vec<_>>(),
        [
            "cn=Entry 2",
            "cn=Entry 3",
            "cn=Entry 4",
            "cn=Entry 5",
            "cn=Last"
        ]
    );
}

#[test]
fn second_process_with_the_same_name_is_fenced_off() {
    let server = Postgres::start();
    let (mut one, mut other) = (sink(&server), sink(&server));
    let events = entries(1, 2);
    let before = one.open(&owner()).unwrap().expect("a position");
    deliver(&mut *other, &events[..1], 1).unwrap();
    let batch = syncrepl_relay::Batch {
        events: &events,
        before: &before,
        attempts: 0,
    };
    let error = one.send(&batch).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Passing, "position")
    );
    deliver(&mut *one, &events, 1).unwrap();
    let seqs = server.psql("SELECT seq FROM entries ORDER BY seq");
    assert_eq!(seqs, "1\n2");
    // What it sends is there already, to the last event.
    other.open(&owner()).unwrap();
    let sent = other.send(&syncrepl_relay::Batch {
        events: &events[1..],
        before: &events[0].position,
        attempts: 1,
    });
    assert_eq!(sent.unwrap().accepted, 1);
}
