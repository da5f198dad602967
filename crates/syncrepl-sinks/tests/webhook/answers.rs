//! What the answers of a receiver mean.

use std::time::{Duration, Instant};

use serde_json::json;
use syncrepl_relay::{Sent, Trouble};
use syncrepl_testing::Receiver;
use syncrepl_testing::receiver::Reply;

use crate::support::{Log, accepted, event, events, owner, send, sink};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn each_kind_of_status_is_heeded() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/secret-path"), &[]);
    for (status, trouble, reason) in [
        (503, Trouble::Passing, "server"),
        (429, Trouble::Passing, "busy"),
        (401, Trouble::Manual, "credentials"),
        (404, Trouble::Manual, "missing"),
        (410, Trouble::Manual, "gone"),
        (307, Trouble::Manual, "redirect"),
    ] {
        sink.open(&owner("hook")).unwrap();
        let there = receiver.url("/elsewhere");
        receiver.reply([Reply::Full(
            status,
            vec![pair("location", &there)],
            Vec::new(),
        )]);
        let error = send(&mut *sink, &[event(1)]).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (trouble, reason),
            "{error}"
        );
        assert!(error.message().contains(&status.to_string()), "{error}");
        assert!(!error.to_string().contains("secret-path"), "{error}");
        assert_eq!(error.hint().is_some(), trouble == Trouble::Manual);
    }
    let requests = receiver.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.path == "/secret-path")
    );
    assert_eq!(requests.len(), 6);
}

#[test]
fn single_event_is_refused_and_the_connection_stays() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[]);
    sink.open(&owner("hook")).unwrap();
    receiver.reply([Reply::Status(422), Reply::Status(413)]);
    for status in ["422", "413"] {
        let sent = send(&mut *sink, &[event(1)]).unwrap();
        assert!(matches!(sent, Sent { accepted: 0, refused: Some(why) } if why.contains(status)));
    }
    assert_eq!(send(&mut *sink, &[event(2)]).unwrap(), accepted(1));
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn batch_is_refused_as_a_whole() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[("batch", json!(10))]);
    for (status, reason) in [(413, "size"), (400, "refused")] {
        sink.open(&owner("hook")).unwrap();
        receiver.reply([Reply::Status(status)]);
        let error = send(&mut *sink, &events(1..=3)).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Refused, reason),
            "{error}"
        );
    }
}

#[test]
fn receiver_says_how_long_to_wait() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[]);
    for (value, wanted) in [("17", Some(17)), ("86400", Some(3600)), ("later", None)] {
        sink.open(&owner("hook")).unwrap();
        receiver.reply([Reply::Full(
            503,
            vec![pair("Retry-After", value)],
            Vec::new(),
        )]);
        let error = send(&mut *sink, &[event(1)]).unwrap_err();
        assert_eq!(
            error.retry_after(),
            wanted.map(Duration::from_secs),
            "{value}"
        );
    }
}

#[test]
fn time_limit_ends_a_request() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[("timeout", json!("300ms"))]);
    sink.open(&owner("hook")).unwrap();
    receiver.reply([Reply::Hang]);
    let began = Instant::now();
    let error = send(&mut *sink, &[event(1)]).unwrap_err();
    assert_eq!(
        (error.trouble(), error.reason()),
        (Trouble::Passing, "timeout"),
        "{error}"
    );
    assert!(error.message().contains("300ms"), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    sink.open(&owner("hook")).unwrap();
    receiver.reply([Reply::Slow(Duration::from_millis(50))]);
    assert_eq!(send(&mut *sink, &[event(1)]).unwrap(), accepted(1));
}

#[test]
fn nobody_there_passes_by_itself() {
    let gone = Receiver::start().url("/");
    for to in [gone.as_str(), "https://no-such-host.invalid/"] {
        let mut sink = sink(to, &[]);
        sink.open(&owner("hook")).unwrap();
        let error = send(&mut *sink, &[event(1)]).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Passing, "network"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_http_passes_by_itself() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[]);
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "canary".repeat(100_000));
    for bytes in ["canary\r\n\r\n", "HTTP/1.1 canary\r\n\r\n", "", &long] {
        sink.open(&owner("hook")).unwrap();
        receiver.reply([Reply::Raw(bytes.as_bytes().to_vec())]);
        let error = send(&mut *sink, &[event(1)]).unwrap_err();
        assert_eq!(error.trouble(), Trouble::Passing, "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn body_of_an_answer_is_bounded_and_shown_nowhere() {
    let log = Log::keep();
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/canary"), &[]);
    let long = "canary".repeat(500_000).into_bytes();
    for (status, body) in [
        (200, long.clone()),
        (500, long.clone()),
        (400, long),
        (403, b"canary".to_vec()),
    ] {
        sink.open(&owner("hook")).unwrap();
        let headers = vec![pair("x-canary", "canary"), pair("retry-after", "canary")];
        receiver.reply([Reply::Full(status, headers, body)]);
        match send(&mut *sink, &[event(1)]) {
            Ok(sent) => assert!(!format!("{sent:?}").contains("canary"), "{sent:?}"),
            Err(error) => assert!(!format!("{error:?}").contains("canary"), "{error:?}"),
        }
    }
    assert!(!log.text().contains("canary"), "{}", log.text());
}
