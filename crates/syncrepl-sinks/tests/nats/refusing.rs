//! Streams and servers that do not take what they are given.

use serde_json::json;
use syncrepl_relay::{Attribute, Sent, Trouble};
use syncrepl_testing::Nats;

use crate::driver::{self, Driver, assert_once};

#[test]
fn missing_stream_needs_a_person_or_is_made() {
    let nats = Nats::start();
    let target = nats.target("LDAP", "ldap.people");
    let mut driver = Driver::new(&target, "{}");
    let error = driver.needs_a_person("stream");
    let text = error.to_string();
    assert!(
        text.contains("nats stream add LDAP --subjects 'ldap.people.>'")
            && text.contains("create = true"),
        "{text}"
    );
    let mut driver = Driver::new(&target, r#"{"create": true}"#);
    assert_eq!(driver.open().unwrap(), None);
    let config = nats.judge().ask("INFO", "LDAP", "")["config"].clone();
    assert_eq!(
        (&config["subjects"], &config["storage"], &config["max_msgs"]),
        (&json!(["ldap.people.>"]), &json!("file"), &json!(-1))
    );
}

#[test]
fn stream_that_cannot_hold_our_position_is_refused() {
    let nats = Nats::start();
    let judge = nats.judge();
    judge.make("W", "w", json!({"retention": "workqueue"}));
    judge.make("I", "i", json!({"retention": "interest"}));
    judge.make("L", "l.deep", json!({}));
    for (stream, prefix) in [("W", "w"), ("I", "i"), ("L", "l")] {
        Driver::new(&nats.target(stream, prefix), "{}").needs_a_person("stream");
    }
    // A subject of another stream.
    Driver::new(&nats.target("NEW", "w"), r#"{"create": true}"#).needs_a_person("stream");
    let replicas = r#"{"create": true, "replicas": 3}"#;
    Driver::new(&nats.target("NEW", "n"), replicas).needs_a_person("stream");
}

#[test]
fn server_without_jetstream_needs_a_person() {
    let mut nats = Nats::start();
    nats.kill9();
    let listen = format!("listen: \"{}\"\n", nats.address());
    std::fs::write(nats.folder().join("nats.conf"), listen).unwrap();
    nats.launch();
    Driver::new(&nats.target("LDAP", "p"), "{}").needs_a_person("no_jetstream");
}

#[test]
fn full_stream_needs_a_person_and_goes_on_after() {
    let nats = Nats::start();
    let limits = json!({"discard": "new", "max_msgs": 700});
    nats.judge().make("LDAP", "p", limits);
    let mut driver = Driver::new(&nats.target("LDAP", "p"), "{}");
    let goal = std::sync::atomic::AtomicU64::new(1000);
    let error = driver.try_deliver(&goal).unwrap_err();
    assert_eq!((error.trouble(), error.reason()), (Trouble::Manual, "full"));
    let more = json!({"name": "LDAP", "subjects": ["p.>"], "storage": "file", "discard": "new", "max_msgs": 2000});
    nats.judge().ask("UPDATE", "LDAP", &more.to_string());
    driver.deliver(1000);
    assert_once(&nats.judge().read("LDAP"), 1000);
}

#[test]
fn only_the_event_that_is_too_large_is_refused() {
    for (server, stream, most) in [
        ("max_payload: 8192", json!({}), 4096),
        ("", json!({"max_msg_size": 8192}), 4096),
    ] {
        let nats = Nats::with(server);
        nats.judge().make("LDAP", "p", stream);
        let mut driver = Driver::new(&nats.target("LDAP", "p"), "{}");
        driver.open().unwrap();
        assert_eq!(driver.max_event(), most);
        let mut events: Vec<_> = (1..=9).map(driver::event).collect();
        events[4].attrs = Some(vec![Attribute {
            name: "jpegPhoto".to_owned(),
            values: vec![vec![b'x'; 9000]],
        }]);
        let Sent { accepted, refused } = driver.send(&events).unwrap();
        assert!(
            accepted == 4 && refused.is_some(),
            "{accepted}, {refused:?}"
        );
        events[4] = driver::event(5);
        driver.send(&events[4..]).unwrap();
        assert_once(&nats.judge().read("LDAP"), 9);
    }
}
