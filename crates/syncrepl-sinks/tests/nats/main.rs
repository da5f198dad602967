//! The sink for NATS JetStream, with real servers. What is in a stream is read by the Python client of NATS.

mod broken;
mod cluster;
mod driver;
mod forgetful;
mod login;
mod refusing;
mod strangers;

use std::process::Command;
use std::time::Duration;

use driver::{Driver, assert_once, owner};
use syncrepl_relay::{Event, EventKind};
use syncrepl_testing::nats::python;
use syncrepl_testing::{Nats, Run};
use uuid::Uuid;

#[test]
fn events_arrive_once_in_order_with_their_headers() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "ldap.people"), r#"{"create": true}"#);
    driver.deliver(1000);
    let messages = nats.judge().read("LDAP");
    assert_once(&messages, 1000);
    let first = &messages[0];
    let event = driver::event(1);
    assert_eq!(first.subject, format!("ldap.people.{}", event.uuid));
    let headers = [
        ("Nats-Msg-Id", event.id.clone()),
        ("Nats-Expected-Last-Sequence", "0".to_owned()),
        ("Nats-Expected-Stream", "LDAP".to_owned()),
        ("Content-Type", "application/cloudevents+json".to_owned()),
        ("Syncrepl-Owner", format!("{} bus", owner().source)),
        ("Syncrepl-Position", event.position.to_string()),
    ];
    for (name, value) in headers {
        assert_eq!(first.headers[name], value.as_str(), "{name}");
    }
    assert_eq!(
        first.headers["Nats-Expected-Last-Msg-Id"],
        serde_json::Value::Null
    );
    let json: serde_json::Value = serde_json::from_str(&event.to_json(owner().source)).unwrap();
    assert_eq!(first.data, json);
}

#[test]
fn event_about_the_snapshot_has_a_subject_of_its_own() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.open().unwrap();
    let started = Event {
        kind: EventKind::SnapshotStarted,
        uuid: Uuid::nil(),
        ..driver::event(1)
    };
    driver.send(&[started]).unwrap();
    assert_eq!(nats.judge().read("LDAP")[0].subject, "p.snapshot");
}

#[test]
fn next_process_goes_on_behind_the_last_message_whatever_it_remembers() {
    let nats = Nats::start();
    let target = nats.target("LDAP", "p");
    let mut driver = Driver::new(&target, r#"{"create": true}"#);
    driver.deliver(10);
    let early = driver.memory();
    driver.deliver(300);
    // Nothing, something old, and the newest.
    for memory in [(None, None), early, driver.memory()] {
        let mut next = Driver::new(&target, "{}").remembering(memory);
        let position = next.open().unwrap().expect("a position");
        assert_eq!(position, driver::event(300).position);
    }
    let mut next = Driver::new(&target, "{}");
    next.deliver(400);
    assert_once(&nats.judge().read("LDAP"), 400);
}

#[test]
fn process_that_knows_an_older_end_of_the_stream_stores_nothing() {
    let nats = Nats::start();
    let target = nats.target("LDAP", "p");
    let mut first = Driver::new(&target, r#"{"create": true}"#);
    let mut second = Driver::new(&target, r#"{"create": true}"#);
    first.open().unwrap();
    second.open().unwrap();
    let events: Vec<Event> = (1..=10).map(driver::event).collect();
    first.send(&events).unwrap();
    let error = second.send(&[driver::event(15)]).unwrap_err();
    assert_eq!(error.reason(), "elsewhere");
    second.deliver(20);
    let error = first.send(&[driver::event(24)]).unwrap_err();
    assert_eq!(error.reason(), "elsewhere");
    first.deliver(25);
    assert_once(&nats.judge().read("LDAP"), 25);
}

#[test]
fn consumer_of_the_documentation_prints_each_event() {
    let page = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/delivery/nats.md"
    ));
    let (_, code) = page.split_once("```python\n").expect("the code");
    let (code, _) = code.split_once("```").expect("its end");
    let nats = Nats::start();
    let code = code.replace("127.0.0.1:4222", &nats.address());
    let mut driver = Driver::new(&nats.target("LDAP", "ldap.people"), r#"{"create": true}"#);
    driver.deliver(3);
    let mut consumer = Command::new(python());
    let consumer = Run::command(consumer.args(["-u", "-c", &code]));
    let line = |number: u64| {
        let event = driver::event(number);
        format!("{} {}", event.kind.name(), event.dn.expect("a DN"))
    };
    let patience = Duration::from_secs(30);
    consumer.wait_for_line(|said| said == line(3), patience);
    driver.deliver(5);
    consumer.wait_for_line(|said| said == line(5), patience);
    assert_eq!(consumer.lines(), (1..=5).map(line).collect::<Vec<_>>());
}
