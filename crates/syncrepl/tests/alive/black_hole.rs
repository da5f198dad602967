//! The network stops passing bytes in both directions, and closes no connection.

use std::time::{Duration, Instant};

use syncrepl_testing::Ds389;
use syncrepl_testing::slapd::{Slapd, Variant};
use syncrepl_testing::target::Target;
use syncrepl_testing::wait_until;

use crate::common::outcome::{Data, Outcome, people};
use crate::common::proxy::Proxy;
use crate::common::{Copied, PATIENCE};
use crate::{QUICK, add, assert_story, units_told};

/// The request "Who am I?", and the end of its answer, which has no response name (RFC 4532).
const WHO_AM_I: &[u8] = b"1.3.6.1.4.1.4203.1.11.3";
/// ExtendedResponse
const ANSWER: &[u8] = b"\x0a\x01\x00\x04\x00\x04\x00";

/// A real server answers requests beside the sync search, again and again, and still sends changes.
fn answers_beside_the_search(server: &dyn Target) {
    let proxy = Proxy::to(server);
    let mut copy = Copied::suffix(server);
    copy.hosts = Some(proxy.url());
    copy.follow_with(&["--heartbeat", "20ms"]);
    for name in ["one", "two", "three"] {
        let (asked, _) = proxy.count(WHO_AM_I, ANSWER);
        // The command sends the next request only after the answer to the last.
        wait_until(PATIENCE, || proxy.count(WHO_AM_I, ANSWER).0 >= asked + 5);
        add(server, name);
        copy.wait_equal();
    }
    assert_eq!(proxy.sync_searches(), 1);
    copy.stop();
}

#[test]
fn slapd_answers_beside_the_search() {
    for variant in Variant::ALL {
        answers_beside_the_search(&Slapd::start(variant));
    }
}

/// `follow` leaves a connection that died, and the next one brings the changes that were missed.
fn is_noticed(server: &dyn Target) {
    let proxy = Proxy::to(server);
    let mut copy = Copied::suffix(server);
    copy.hosts = Some(proxy.url());
    copy.follow_with(&QUICK);
    add(server, "before");
    copy.wait_equal();
    let mark = copy.reader.mark();
    proxy.swallow();
    let began = Instant::now();
    add(server, "meanwhile");
    copy.wait_equal();
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(1),
        "it was not swallowed: {took:?}"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    add(server, "after");
    copy.wait_equal();
    assert_eq!(units_told(&copy, mark), ["meanwhile", "after"]);
    let url = proxy.url();
    let story: [&[&str]; 2] = [
        &[
            &url,
            "gives no sign of life: no answer within 2s",
            "hangs",
            "trying again in",
        ],
        &[&url, "up to date again"],
    ];
    assert_story(&copy.stop_after_trouble(), &story);
}

#[test]
fn silence_in_the_persist_stage() {
    is_noticed(&Slapd::start(Variant::SessionLog));
}

/// 389-ds knows neither Cancel nor Abandon, but it answers beside the search too.
#[test]
fn silence_in_the_persist_stage_of_389ds() {
    let server = Ds389::start();
    answers_beside_the_search(&server);
    is_noticed(&server);
}

/// The server hangs while its system still accepts bytes. The command asks another server.
#[test]
fn hanging_server() {
    let server = Slapd::start(Variant::Plain);
    let (one, two) = (Proxy::to(&server), Proxy::to(&server));
    let mut copy = Copied::suffix(&server);
    copy.hosts = Some(format!("{} {}", one.url(), two.url()));
    copy.follow_with(&QUICK);
    // Its system accepts connections while the server hangs.
    one.swallow_new(true);
    one.swallow();
    let tried = one.connections();
    add(&server, "meanwhile");
    copy.wait_equal();
    assert_eq!(
        one.connections(),
        tried,
        "the one that failed was tried first"
    );
    // Now the other server hangs, and the first works again.
    one.swallow_new(false);
    two.swallow_new(true);
    two.swallow();
    add(&server, "after");
    copy.wait_equal();
    let story: [&[&str]; 4] = [
        &[&one.url(), "no sign of life", "trying again in"],
        &[&two.url(), "up to date again"],
        &[&two.url(), "no sign of life", "trying again in"],
        &[&one.url(), "up to date again"],
    ];
    assert_story(&copy.stop_after_trouble(), &story);
}

/// The silence begins anywhere in a refresh. Nothing of it is kept, and the next refresh is complete.
#[test]
fn silence_in_a_refresh() {
    let server = Slapd::start(Variant::Plain);
    server.load(&people(100));
    let whole = Proxy::to(&server);
    let data = Data::new();
    Outcome::run(&data.sync("refresh", &whole.url())).assert_done();
    let first = whole
        .position_answered(b"uid=p0,")
        .expect("the first entries");
    let last = whole.first_answered_bytes() - 10;
    let data = Data::new();
    for after in [first, (first + last) / 2, last] {
        let proxy = Proxy::swallowing(&server, &[after]);
        let mut refresh = data.sync("refresh", &proxy.url());
        refresh.extend(["--refresh-timeout", "300ms"].map(str::to_owned));
        let outcome = Outcome::run(&refresh);
        outcome.assert_failed(
            4,
            &[&proxy.url(), "was silent for 300ms in a refresh", "longer"],
        );
        assert!(!outcome.stdout.contains(r#""op":"commit""#));
    }
    // `follow` comes back.
    let proxy = Proxy::swallowing(&server, &[first, (first + last) / 2]);
    let mut copy = Copied::suffix(&server);
    copy.hosts = Some(proxy.url());
    copy.follow_with(&["--refresh-timeout", "1s", "--longest-wait", "50ms"]);
    // Lines that were never committed do not count.
    copy.wait_equal();
    add(&server, "after");
    copy.wait_equal();
    let story: [&[&str]; 3] = [
        &[
            &proxy.url(),
            "was silent for 1s in a refresh",
            "trying again in",
        ],
        &["still the same", "trying again in"],
        &[&proxy.url(), "up to date again"],
    ];
    assert_story(&copy.stop_after_trouble(), &story);
}
