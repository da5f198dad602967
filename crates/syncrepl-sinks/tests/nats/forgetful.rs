//! Streams that drop old messages, or single ones: that is no loss.

use serde_json::json;
use syncrepl_testing::Nats;

use crate::driver::{self, Driver, numbers};

#[test]
fn expired_messages_do_not_come_again() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(100);
    nats.judge().ask("PURGE", "LDAP", "");
    assert_eq!(driver.open().unwrap(), None);
    driver.deliver(110);
    let numbers = numbers(&nats.judge().read("LDAP"));
    assert_eq!(numbers, (101..=110).collect::<Vec<_>>());
}

#[test]
fn stream_that_keeps_the_front_only_does_not_matter() {
    let nats = Nats::start();
    nats.judge().make("LDAP", "p", json!({"max_msgs": 7}));
    let mut driver = Driver::new(&nats.target("LDAP", "p"), "{}");
    driver.deliver(100);
    assert_eq!(driver.open().unwrap(), Some(driver::event(100).position));
    driver.deliver(110);
    let numbers = numbers(&nats.judge().read("LDAP"));
    assert_eq!(numbers, (104..=110).collect::<Vec<_>>());
}

#[test]
fn newest_message_that_somebody_deleted_does_not_come_again() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.deliver(10);
    nats.judge().delete("LDAP", 10);
    assert_eq!(driver.open().unwrap(), None);
    driver.deliver(12);
    let numbers = numbers(&nats.judge().read("LDAP"));
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]);
}

#[test]
fn one_message_for_each_entry_is_a_table_of_states() {
    let nats = Nats::start();
    let limit = json!({"max_msgs_per_subject": 1});
    nats.judge().make("LDAP", "p", limit);
    let target = nats.target("LDAP", "p");
    Driver::new(&target, "{}").deliver(220);
    Driver::new(&target, "{}").deliver(230);
    let numbers = numbers(&nats.judge().read("LDAP"));
    assert_eq!(numbers, (181..=230).collect::<Vec<_>>());
}

#[test]
fn event_whose_id_the_servers_remember_is_stored_all_the_same() {
    let nats = Nats::start();
    let mut driver = Driver::new(&nats.target("LDAP", "p"), r#"{"create": true}"#);
    driver.open().unwrap();
    // As in two passes over everything, one soon after the other.
    let events: Vec<_> = (1..=20).map(driver::event).collect();
    driver.send(&events).unwrap();
    driver.send(&events).unwrap();
    let twice: Vec<u64> = (1..=20).chain(1..=20).collect();
    assert_eq!(numbers(&nats.judge().read("LDAP")), twice);
}
