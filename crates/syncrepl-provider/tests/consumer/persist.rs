//! The persist stage: changes as they happen, for several consumers, until they stop.

use std::thread;

use syncrepl_client::SyncreplMode::RefreshAndPersist;
use syncrepl_proto::message::CANCEL;
use syncrepl_provider::Request;

use super::{BASE, Copy, PERSON, SOON, company, directory, shake};

#[test]
fn changes_reach_each_consumer() {
    let provider = company().start().expect("it starts");
    let last = format!("cn=last,{BASE}");
    let copies: Vec<Copy> = thread::scope(|scope| {
        let followers: Vec<_> = (0..3)
            .map(|_| {
                let (provider, last) = (&provider, &last);
                scope.spawn(move || {
                    let mut copy = Copy::new();
                    let done = copy.run(provider, RefreshAndPersist, |told, _| {
                        told.map.committed().contains_key(last)
                    });
                    done.expect("a clean stop");
                    copy
                })
            })
            .collect();
        assert!(provider.wait_persisting(3, SOON));
        shake(&provider);
        provider.add(&last, [PERSON]).expect("an add");
        followers
            .into_iter()
            .map(|follower| follower.join().expect("a follower"))
            .collect()
    });
    for copy in &copies {
        copy.assert_equals(&provider);
    }
    assert!(provider.wait_persisting(0, SOON));
    let cancels = provider.requests();
    let cancels = cancels
        .iter()
        .filter(|request| **request == Request::Extended(CANCEL.to_owned()));
    assert_eq!(cancels.count(), 3, "each search was cancelled");
}

#[test]
fn missed_changes_come_after_reconnect() {
    for _ in 0..3 {
        let provider = company().start().expect("it starts");
        let mut copy = Copy::new();
        let mut disconnected = false;
        let broken = copy.run(&provider, RefreshAndPersist, |told, provider| {
            if told.refreshes == 1 && !disconnected {
                assert!(provider.wait_persisting(1, SOON));
                provider.disconnect();
                shake(provider);
                disconnected = true;
            }
            false
        });
        assert!(broken.expect_err("the connection is gone").is_retryable());
        copy.told.map.roll_back();
        copy.run(&provider, RefreshAndPersist, |told, provider| {
            told.map.committed().len() == directory(provider).len() && told.refreshes == 2
        })
        .expect("a clean stop");
        copy.assert_equals(&provider);
    }
}
