//! What a receiver gets.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use syncrepl_relay::Trouble;
use syncrepl_sinks::of;
use syncrepl_testing::Receiver;

use crate::support::{SOURCE, accepted, event, events, large_event, owner, send, sink, target};

/// A file with this text.
fn file(folder: &tempfile::TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn one_event_is_one_post_over_one_connection() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/hooks?a=b"), &[]);
    assert_eq!(sink.max_batch(), 1);
    assert_eq!(sink.open(&owner("hook")).unwrap(), None);
    for number in 1..=3 {
        assert_eq!(send(&mut *sink, &[event(number)]).unwrap(), accepted(1));
    }
    let requests = receiver.requests();
    assert_eq!((requests.len(), receiver.connections()), (3, 1));
    for (request, event) in requests.iter().zip(events(1..=3)) {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/hooks?a=b")
        );
        assert_eq!(
            request.header("content-type"),
            Some("application/cloudevents+json")
        );
        assert_eq!(request.header("webhook-id"), Some(event.id.as_str()));
        let key = format!("\"{}\"", event.id);
        assert_eq!(request.header("idempotency-key"), Some(key.as_str()));
        assert_eq!(request.header("webhook-signature"), None);
        assert!(
            request
                .header("user-agent")
                .unwrap()
                .starts_with("syncrepl/")
        );
        assert_eq!(
            String::from_utf8_lossy(&request.body),
            event.to_json(SOURCE)
        );
    }
}

#[test]
fn batch_is_an_array_with_the_first_and_the_last_id() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[("batch", json!(50))]);
    assert_eq!(sink.max_batch(), 50);
    sink.open(&owner("hook")).unwrap();
    assert_eq!(send(&mut *sink, &events(1..=3)).unwrap(), accepted(3));
    assert_eq!(send(&mut *sink, &[event(4)]).unwrap(), accepted(1));
    let requests = receiver.requests();
    let kind = Some("application/cloudevents-batch+json");
    assert!(
        requests
            .iter()
            .all(|request| request.header("content-type") == kind)
    );
    let id = format!("{}..{}", event(1).id, event(3).id);
    assert_eq!(requests[0].header("webhook-id"), Some(id.as_str()));
    assert_eq!(requests[1].header("webhook-id"), Some(event(4).id.as_str()));
    let wanted: Vec<Value> = events(1..=3)
        .iter()
        .map(|event| serde_json::from_str(&event.to_json(SOURCE)).unwrap())
        .collect();
    assert_eq!(
        serde_json::from_slice::<Vec<Value>>(&requests[0].body).unwrap(),
        wanted
    );
    assert_eq!(
        serde_json::from_slice::<Vec<Value>>(&requests[1].body)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn large_events_do_not_share_a_request() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[("batch", json!(50))]);
    sink.open(&owner("hook")).unwrap();
    let large: Vec<_> = (1..=3).map(|number| large_event(number, 5 << 20)).collect();
    assert_eq!(send(&mut *sink, &large).unwrap(), accepted(1));
}

/// What Python makes of a request: one signature.
fn signed_by_python(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let program = r#"
import base64, hashlib, hmac, sys
secret, id, timestamp = sys.argv[1:]
key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
signed = f"{id}.{timestamp}.".encode() + sys.stdin.buffer.read()
print("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode(), end="")
"#;
    let mut python = Command::new("python3")
        .args(["-c", program, secret, id, timestamp])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3: apt-get install python3");
    python.stdin.take().unwrap().write_all(body).unwrap();
    String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn signatures_are_those_of_standard_webhooks() {
    let receiver = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    // One with base64, one without, as while a new one takes the place of an old one.
    let secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a raw secret"];
    let path = file(&folder, "secret", secrets.join("\n") + "\n");
    let mut sink = sink(&receiver.url("/"), &[("secret_file", json!(path))]);
    sink.open(&owner("hook")).unwrap();
    send(&mut *sink, &[event(1)]).unwrap();
    let request = &receiver.requests()[0];
    let (id, timestamp) = ("webhook-id", "webhook-timestamp");
    let (id, timestamp) = (
        request.header(id).unwrap(),
        request.header(timestamp).unwrap(),
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    assert!(now.as_secs() - timestamp.parse::<u64>().unwrap() < 60);
    let wanted = secrets.map(|secret| signed_by_python(secret, id, timestamp, &request.body));
    assert_eq!(
        request.header("webhook-signature"),
        Some(wanted.join(" ").as_str())
    );
}

#[test]
fn token_and_headers_come_from_files_that_are_read_again() {
    let receiver = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    let token = file(&folder, "token", "first\n");
    let headers = file(
        &folder,
        "headers",
        "X-Team: people\r\nx-empty:\n\nX-Team: too\n",
    );
    let keys = [
        ("token_file", json!(token)),
        ("headers_file", json!(headers)),
    ];
    let mut sink = sink(&receiver.url("/"), &keys);
    sink.open(&owner("hook")).unwrap();
    send(&mut *sink, &[event(1)]).unwrap();
    file(&folder, "token", "second");
    sink.close();
    sink.open(&owner("hook")).unwrap();
    send(&mut *sink, &[event(2)]).unwrap();
    let requests = receiver.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer first"));
    assert_eq!(requests[1].header("authorization"), Some("Bearer second"));
    let team = requests[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "x-team");
    assert_eq!(
        team.map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["people", "too"]
    );
    assert_eq!(requests[0].header("x-empty"), Some(""));
}

#[test]
fn files_that_cannot_be_used_need_a_person_and_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    for (key, text) in [
        ("secret_file", b"whsec_canary!".as_slice()),
        ("secret_file", b"whsec_"),
        ("secret_file", b""),
        ("token_file", b"canary\x01"),
        ("headers_file", b"x-a: b\ncanary"),
        ("headers_file", b"canary\x7f: b"),
        ("headers_file", b"Content-Length: canary"),
        ("ca_file", b"canary"),
        ("cert_file", b"canary"),
    ] {
        let path = file(&folder, "file", text);
        let mut sink = sink("https://localhost/", &[(key, json!(path))]);
        let error = sink.open(&owner("hook")).unwrap_err();
        assert_eq!(error.trouble(), Trouble::Manual, "{key}: {error}");
        assert!(!error.to_string().contains("canary"), "{key}: {error}");
    }
    let mut sink = sink(
        "https://localhost/",
        &[("secret_file", json!("/no/such/file"))],
    );
    assert_eq!(
        sink.open(&owner("hook")).unwrap_err().trouble(),
        Trouble::Manual
    );
}

#[test]
fn clear_text_leaves_this_machine_only_when_allowed() {
    let clear = |to: &str, keys: &[(&str, Value)]| syncrepl_sinks::open(&target(to, keys)).is_ok();
    for here in [
        "http://localhost:1/",
        "http://127.0.0.9/",
        "http://[::1]:8080/x",
        "https://example.com",
    ] {
        assert!(clear(here, &[]), "{here}");
    }
    for away in [
        "http://example.com/",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
        "http://[::]/",
    ] {
        assert!(!clear(away, &[]), "{away}");
        assert!(clear(away, &[("allow_clear", json!(true))]), "{away}");
    }
}

#[test]
fn addresses_that_cannot_be_are_refused_and_not_shown() {
    for to in [
        "https://user:canary@example.com/",
        "https:///canary",
        "https://",
        "https://example.com/#canary",
        "https://exa mple.com/canary",
    ] {
        let Err(unfit) = syncrepl_sinks::open(&target(to, &[])) else {
            panic!("{to} was taken");
        };
        assert!(!unfit.to_string().contains("canary"), "{unfit}");
    }
    for keys in [
        ("batch", json!(0)),
        ("batch", json!(1001)),
        ("token", json!("x")),
    ] {
        assert!(syncrepl_sinks::open(&target("https://example.com", &[keys])).is_err());
    }
}

#[test]
fn same_place_is_noticed() {
    let place = |to: &str| (of(to).unwrap().place)(&target(to, &[])).unwrap();
    assert_eq!(
        place("https://Example.com"),
        place("https://example.com:443/")
    );
    assert_ne!(
        place("https://example.com/a"),
        place("https://example.com/b")
    );
    assert_ne!(
        place("https://example.com/a"),
        place("https://example.com/a?b")
    );
}
