//! A stop request in a refresh stage: the stage that is being received ends, however slowly. One in which nothing
//! comes is given up.

use std::time::{Duration, Instant};

use crate::bench::{Bench, consumer, poll_until};
use crate::fake::{Fake, Step};
use crate::story::*;
use syncrepl_client::ErrorKind;

/// How long a silence may last. Without a refresh timeout it is five seconds.
const SILENCE: Duration = Duration::from_secs(1);
/// The provider sends something after this time, so that it is never silent for `SILENCE`.
const SOON: Duration = Duration::from_millis(150);

#[test]
fn slow_stage_ends_after_a_stop() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let mut script = Vec::new();
    // Far longer than `SILENCE` in all.
    for number in 2..=12 {
        script.push(add(number, format!("cn=e{number},{BASE}").leak()));
        script.push(Step::Later(SOON));
    }
    script.push(Step::Done(Some(NEXT), true));
    let fake = Fake::start("", vec![script]);
    bench.take_for_the_same_node(&fake);
    let mut client = consumer(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .refresh_timeout(SILENCE)
        .connect()
        .unwrap();
    poll_until(&mut client, |told| told.heard("add cn=e2")).unwrap();
    client.stop_handle().please_stop();
    let began = Instant::now();
    client.run().unwrap();
    assert!(began.elapsed() > SILENCE, "the provider was not slow");
    client.unbind().unwrap();
    assert_eq!(bench.cookie().as_deref(), Some(NEXT));
    assert_eq!(bench.held().len(), 12);
}

/// ApacheDS sends entries and a cookie, and never says that the refresh stage has ended.
#[test]
fn stage_that_never_ends_is_given_up_after_a_stop() {
    let mut bench = Bench::with(APACHE, "7", &[A]);
    let script = vec![add(2, B.1), cookie("8")];
    let fake = Fake::start(APACHE, vec![script]);
    let mut client = consumer(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .refresh_timeout(Duration::from_secs(30))
        .connect()
        .unwrap();
    poll_until(&mut client, |told| told.heard("add cn=b")).unwrap();
    client.stop_handle().please_stop();
    let began = Instant::now();
    let error = client.run().unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(8), "it hung");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    for words in ["was silent for 5s", "nothing of this refresh was kept"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    drop(client);
    assert_eq!(bench.cookie().as_deref(), Some("7"));
    assert_eq!(bench.held().len(), 1);
}
