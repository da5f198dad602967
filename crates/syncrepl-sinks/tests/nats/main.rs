//! The sink for NATS JetStream, with real servers. What is in a stream is read by the Python client of NATS.

mod broken;
mod cluster;
mod driver;
mod forgetful;
mod login;
mod refusing;
mod strangers;

use driver::{Driver, assert_once, owner};
use syncrepl_relay::{Event, EventKind};
use syncrepl_testing::Nats;
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
