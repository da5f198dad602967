//! What goes again when no answer came.

use serde_json::json;
use syncrepl_relay::{Sent, Sink, Trouble};
use syncrepl_testing::Receiver;
use syncrepl_testing::receiver::{Reply, Request};

use crate::support::{accepted, event, events, owner, send, sink};

fn batch_sink(receiver: &Receiver) -> Box<dyn Sink> {
    let mut sink = sink(&receiver.url("/"), &[("batch", json!(10))]);
    sink.open(&owner("hook")).unwrap();
    sink
}

/// As the relay does after an error.
fn reopen(sink: &mut dyn Sink) {
    sink.close();
    sink.open(&owner("hook")).unwrap();
}

/// What a receiver compares: everything but the time and what follows from it.
fn same(one: &Request, other: &Request) -> bool {
    one.body == other.body
        && one.header("webhook-id") == other.header("webhook-id")
        && one.header("idempotency-key") == other.header("idempotency-key")
}

#[test]
fn batch_without_an_answer_goes_again_as_it_was() {
    let receiver = Receiver::start();
    let mut sink = batch_sink(&receiver);
    receiver.reply([Reply::Swallow, Reply::Status(504)]);
    for _ in 0..2 {
        let error = send(&mut *sink, &events(1..=5)).unwrap_err();
        assert_eq!(error.trouble(), Trouble::Passing);
        reopen(&mut *sink);
    }
    // The relay sends the first one alone, and then the others.
    assert_eq!(send(&mut *sink, &events(1..=1)).unwrap(), accepted(1));
    assert_eq!(send(&mut *sink, &events(2..=3)).unwrap(), accepted(2));
    assert_eq!(send(&mut *sink, &events(4..=8)).unwrap(), accepted(2));
    assert_eq!(send(&mut *sink, &events(6..=8)).unwrap(), accepted(3));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 4);
    assert!(same(&requests[0], &requests[1]) && same(&requests[1], &requests[2]));
    let last = format!("{}..{}", event(6).id, event(8).id);
    assert_eq!(requests[3].header("webhook-id"), Some(last.as_str()));
}

#[test]
fn after_five_tries_the_events_go_as_the_relay_sends_them() {
    let receiver = Receiver::start();
    let mut sink = batch_sink(&receiver);
    receiver.reply(vec![Reply::Swallow; 6]);
    for _ in 0..6 {
        send(&mut *sink, &events(1..=5)[..]).unwrap_err();
        reopen(&mut *sink);
    }
    assert_eq!(send(&mut *sink, &events(1..=1)).unwrap(), accepted(1));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 7);
    assert_eq!(requests[6].header("webhook-id"), Some(event(1).id.as_str()));
}

#[test]
fn batch_that_is_refused_the_second_time_goes_one_by_one() {
    let receiver = Receiver::start();
    let mut sink = batch_sink(&receiver);
    receiver.reply([
        Reply::Swallow,
        Reply::Status(400),
        Reply::Status(200),
        Reply::Status(400),
    ]);
    send(&mut *sink, &events(1..=5)).unwrap_err();
    reopen(&mut *sink);
    // The refusal of the batch is not one of the first event.
    assert_eq!(send(&mut *sink, &events(1..=1)).unwrap(), accepted(1));
    let sent = send(&mut *sink, &events(2..=2)).unwrap();
    assert!(matches!(
        sent,
        Sent {
            accepted: 0,
            refused: Some(_)
        }
    ));
    assert_eq!(receiver.requests().len(), 4);
}

#[test]
fn answered_batch_is_not_sent_as_it_was() {
    let receiver = Receiver::start();
    let mut sink = batch_sink(&receiver);
    receiver.reply([Reply::Status(503)]);
    send(&mut *sink, &events(1..=5)).unwrap_err();
    reopen(&mut *sink);
    assert_eq!(send(&mut *sink, &events(1..=1)).unwrap(), accepted(1));
    let requests = receiver.requests();
    assert_eq!(requests[1].header("webhook-id"), Some(event(1).id.as_str()));
}

#[test]
fn other_events_are_not_taken_for_those_of_before() {
    let receiver = Receiver::start();
    let mut sink = batch_sink(&receiver);
    receiver.reply([Reply::Swallow]);
    send(&mut *sink, &events(1..=5)).unwrap_err();
    reopen(&mut *sink);
    // The relay was set back, or goes another way.
    assert_eq!(send(&mut *sink, &events(3..=4)).unwrap(), accepted(2));
    reopen(&mut *sink);
    receiver.reply([Reply::Swallow]);
    send(&mut *sink, &events(11..=15)).unwrap_err();
    reopen(&mut *sink);
    assert_eq!(send(&mut *sink, &events(11..=11)).unwrap(), accepted(1));
    // What is known of the others does not outlive that, whatever becomes of it.
    receiver.reply([Reply::Status(503)]);
    send(&mut *sink, &events(20..=21)).unwrap_err();
    reopen(&mut *sink);
    assert_eq!(send(&mut *sink, &events(12..=12)).unwrap(), accepted(1));
    let ids: Vec<_> = receiver
        .requests()
        .iter()
        .map(|request| request.header("webhook-id").unwrap().to_owned())
        .collect();
    let pair = |first, last| format!("{}..{}", event(first).id, event(last).id);
    assert_eq!(
        ids,
        [
            pair(1, 5),
            pair(3, 4),
            pair(11, 15),
            pair(11, 15),
            pair(20, 21),
            event(12).id
        ]
    );
}

#[test]
fn request_that_is_cut_goes_again() {
    let receiver = Receiver::start();
    let mut sink = batch_sink(&receiver);
    for bytes in [0, 10, 300] {
        receiver.reply([Reply::CutAfter(bytes)]);
        let error = send(&mut *sink, &events(1..=5)).unwrap_err();
        assert_eq!(
            (error.trouble(), error.reason()),
            (Trouble::Passing, "network"),
            "{error}"
        );
        reopen(&mut *sink);
    }
    assert_eq!(send(&mut *sink, &events(1..=5)).unwrap(), accepted(5));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn connection_that_was_closed_while_idle_is_made_anew_at_once() {
    let receiver = Receiver::start();
    let mut sink = sink(&receiver.url("/"), &[]);
    sink.open(&owner("hook")).unwrap();
    for number in 1..=5 {
        receiver.reply([Reply::ThenClose]);
        assert_eq!(send(&mut *sink, &[event(number)]).unwrap(), accepted(1));
    }
    // Also when the receiver cuts it only as the next request arrives.
    assert_eq!(send(&mut *sink, &[event(6)]).unwrap(), accepted(1));
    receiver.reply([Reply::CutAfter(0)]);
    assert_eq!(send(&mut *sink, &[event(7)]).unwrap(), accepted(1));
    assert_eq!(receiver.requests().len(), 7);
}
