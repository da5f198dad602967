//! Others who write to the same stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use syncrepl_relay::{Position, Trouble};
use syncrepl_testing::Nats;
use uuid::Uuid;

use crate::driver::{self, Driver, assert_once, numbers, owner};

#[test]
fn messages_of_others_are_passed_over() {
    let nats = Nats::start();
    nats.judge()
        .make("LDAP", "p", json!({"subjects": ["p.>", "q.>"]}));
    let target = nats.target("LDAP", "p");
    let mut driver = Driver::new(&target, "{}");
    for (goal, subject) in [(10, "q.a"), (20, "p.b"), (30, "p.snapshot")] {
        driver.deliver(goal);
        nats.judge().publish("LDAP", subject, 70);
        // On the same connection.
        driver.send(&[driver::event(goal + 1)]).unwrap();
    }
    Driver::new(&target, "{}").deliver(40);
    assert_once(&nats.judge().read("LDAP"), 40);
}

#[test]
fn message_of_somebody_else_amid_ours_loses_none() {
    let nats = Nats::start();
    let target = nats.target("LDAP", "p");
    Driver::new(&target, r#"{"create": true}"#).deliver(1);
    let goal = Arc::new(AtomicU64::new(u64::MAX));
    let driver = {
        let (goal, target) = (Arc::clone(&goal), target.clone());
        thread::spawn(move || {
            let mut driver = Driver::new(&target, "{}");
            driver.batch = 40;
            driver
                .try_deliver(&goal)
                .unwrap_or_else(|error| panic!("{error}"))
        })
    };
    nats.judge().publish("LDAP", "p.other", 12);
    let reached = nats.judge().ask("INFO", "LDAP", "")["state"]["last_seq"].as_u64();
    goal.store(reached.unwrap() + 200, Ordering::SeqCst);
    let last = driver.join().expect("the driver");
    let numbers = numbers(&nats.judge().read("LDAP"));
    // After a gap that somebody's message has filled, the events from there on come again, in order.
    let mut newest = std::collections::BTreeMap::new();
    for (place, number) in numbers.iter().enumerate() {
        newest.insert(*number, place);
    }
    assert_eq!(newest.len() as u64, last);
    assert!(newest.values().is_sorted(), "{numbers:?}");
}

#[test]
fn gap_that_somebody_filled_is_found_by_the_next_process() {
    let nats = Nats::start();
    let judge = nats.judge();
    judge.make("LDAP", "p", json!({}));
    // An event, the sequences of its batch, and the event before it in the batch.
    let publish = |number: u64, batch: &str, before: Option<u64>| {
        let position = |number| driver::event(number).position.to_string();
        let before = before.map_or(0, |number| trace(&position(number)));
        let headers = json!({
            "Syncrepl-Owner": format!("{} bus", owner().source),
            "Syncrepl-Position": position(number),
            "Syncrepl-Batch": format!("{batch}.{before:x}"),
        });
        judge.publish_with("LDAP", "p.entry", &headers);
    };
    let stands = || Driver::new(&nats.target("LDAP", "p"), "{}").open().unwrap();
    let at = |number| Some(driver::event(number).position);
    publish(1, "1.0", None);
    publish(2, "1.0", Some(1));
    assert_eq!(stands(), at(2));
    // The second event of this batch is missing.
    publish(3, "3.2", None);
    judge.publish("LDAP", "p.other", 1);
    publish(5, "3.2", Some(4));
    assert_eq!(stands(), at(3));
    // So is the first event of the next one, which was sent when all up to event 3 was there.
    judge.publish("LDAP", "p.other", 1);
    publish(5, "6.3", Some(4));
    assert_eq!(stands(), at(3));
    publish(4, "8.3", None);
    assert_eq!(stands(), at(4));
}

/// As the sink does.
fn trace(position: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    position.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn stream_that_others_fill_needs_a_person() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.open().unwrap();
    let mut number = 0;
    let error = loop {
        number += 1;
        nats.judge().publish("LDAP", "p.other", 1);
        match driver.send(&[driver::event(number)]) {
            Ok(_) => assert!(number <= 20, "nobody complains"),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.trouble(), error.reason(), number),
        (Trouble::Manual, "foreign", 21)
    );
    driver.deliver(25);
    assert_once(&nats.judge().read("LDAP"), 25);
}

#[test]
fn stream_of_another_owner_is_refused_until_it_is_taken_over() {
    let nats = Nats::start();
    let target = nats.target("LDAP", "p");
    Driver::new(&target, r#"{"create": true}"#).deliver(10);
    let mut second = Driver::new(&target, "{}");
    second.who.source = Uuid::from_bytes([8; 16]);
    let error = second.needs_a_person("owner");
    assert!(error.to_string().contains("take_over = true"), "{error}");
    let mut other_name = Driver::new(&target, "{}");
    other_name.who.sink = "bus2".to_owned();
    other_name.needs_a_person("owner");
    second.who.take_over = true;
    assert_eq!(second.open().unwrap(), Some(Position::START));
    second.deliver(5);
    second.who.take_over = false;
    assert_eq!(second.open().unwrap(), Some(driver::event(5).position));
    // Now the first one finds that it is no longer its own.
    Driver::new(&target, "{}").needs_a_person("owner");
}

#[test]
fn stream_of_the_store_before_is_ours() {
    let nats = Nats::start();
    let target = nats.target("LDAP", "p");
    Driver::new(&target, r#"{"create": true}"#).deliver(10);
    let mut adopted = Driver::new(&target, "{}");
    adopted.who.previous = Some(adopted.who.source);
    adopted.who.source = Uuid::from_bytes([8; 16]);
    assert_eq!(adopted.open().unwrap(), Some(driver::event(10).position));
}
