//! In a silent persist stage the consumer asks the provider for a sign of life.

use std::time::{Duration, Instant};

use crate::bench::{Bench, Told};
use crate::fake::{Fake, Heartbeat};
use crate::story::*;
use syncrepl_client::{Error, ErrorKind, Result, StopHandle, Syncrepl};

const SILENCE: Duration = Duration::from_millis(20);
const ANSWER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);

/// A provider with a persist stage in which nothing happens, so many times.
fn quiet(times: usize) -> Fake {
    let fake = Fake::start("", vec![vec![persist()]; times]);
    fake.shows(&[A]);
    fake
}

fn consumer<'a>(bench: &'a mut Bench, fake: &Fake, answer: Duration) -> Syncrepl<&'a mut Told> {
    Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .heartbeat(SILENCE)
        .response_timeout(answer)
        .connect()
        .unwrap()
}

/// Polls until `so` holds.
#[track_caller]
fn poll_until(client: &mut Syncrepl<&mut Told>, so: impl Fn() -> bool) -> Result<()> {
    poll_each(client, Duration::from_millis(10), so)
}

#[track_caller]
fn poll_each(
    client: &mut Syncrepl<&mut Told>,
    time: Duration,
    so: impl Fn() -> bool,
) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "it did not come to that");
        client.poll(time)?;
    }
    Ok(())
}

/// Polls until the connection is given up.
#[track_caller]
fn lost(client: &mut Syncrepl<&mut Told>) -> Error {
    poll_until(client, || false).expect_err("it is dead")
}

#[track_caller]
fn is_dead(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retryable());
    assert!(error.to_string().contains("no sign of life"), "{error}");
}

#[test]
fn any_answer_is_a_sign_of_life() {
    for answer in [
        Heartbeat::Success,
        Heartbeat::Refuses(2),
        Heartbeat::Refuses(50),
        Heartbeat::Refuses(80),
    ] {
        let mut bench = Bench::with("", FIRST, &[A]);
        let fake = quiet(1);
        fake.heartbeat(answer);
        let mut client = consumer(&mut bench, &fake, PATIENCE);
        poll_until(&mut client, || fake.heartbeats() >= 5).unwrap();
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["done"], "{answer:?}");
        assert_eq!(fake.cookies().len(), 1, "{answer:?}");
    }
}

/// The provider has answered before, so its silence means that it is dead, each time.
#[test]
fn silence_is_noticed() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = quiet(5);
    let mut client = consumer(&mut bench, &fake, ANSWER);
    poll_until(&mut client, || fake.heartbeats() >= 2).unwrap();
    fake.heartbeat(Heartbeat::Silence);
    for _ in 0..4 {
        let began = Instant::now();
        is_dead(&lost(&mut client));
        let took = began.elapsed();
        assert!(took >= ANSWER / 2 && took < PATIENCE, "{took:?}");
        client.reconnect().unwrap();
    }
    // The consumer makes one request at a time.
    assert!(fake.heartbeats() <= 2 + 5, "{}", fake.heartbeats());
}

/// A provider that never answers, or answers by closing the connection, is asked on two connections
/// and no more. Otherwise the consumer would leave it again and again.
#[test]
fn provider_that_never_answers_is_not_asked_for_ever() {
    for answer in [Heartbeat::Silence, Heartbeat::Closes] {
        let mut bench = Bench::with("", FIRST, &[A]);
        let mut scripts = vec![vec![persist()]; 2];
        scripts.push(vec![persist(), add_as(2, B.1, "live")]);
        let fake = Fake::start("", scripts);
        fake.heartbeat(answer);
        let mut client = consumer(&mut bench, &fake, ANSWER);
        for _ in 0..2 {
            assert_eq!(lost(&mut client).kind(), ErrorKind::Unreachable);
            client.reconnect().unwrap();
        }
        let until = Instant::now() + 2 * (SILENCE + ANSWER);
        poll_until(&mut client, || Instant::now() > until).unwrap();
        assert_eq!(fake.heartbeats(), 2);
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["done", "done", "done", "add cn=b"]);
    }
}

/// A message of the search is as good as an answer.
#[test]
fn news_are_a_sign_of_life() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = quiet(2);
    // On a busy machine the cookie comes later still, and must not come too late.
    let (late, answer) = (ANSWER, 3 * ANSWER);
    fake.heartbeat(Heartbeat::Cookie(late, NEXT));
    let mut client = consumer(&mut bench, &fake, answer);
    let began = Instant::now();
    is_dead(&lost(&mut client));
    // The time for the answer began anew with the cookie.
    assert!(began.elapsed() >= late + answer, "{:?}", began.elapsed());
    assert_eq!(fake.heartbeats(), 1);
    client.reconnect().unwrap();
    poll_until(&mut client, || fake.cookies().len() == 2).unwrap();
    assert_eq!(
        fake.cookies(),
        [FIRST, NEXT].map(|cookie| Some(cookie.to_owned()))
    );
}

/// An answer that came in time counts, however late the program polls.
#[test]
fn program_that_polls_late_does_not_blame_the_provider() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = quiet(1);
    let mut client = consumer(&mut bench, &fake, Duration::from_millis(100));
    for beats in 1..4 {
        // This poll returns before the answer can be there.
        poll_each(&mut client, Duration::ZERO, || fake.heartbeats() >= beats).unwrap();
        StopHandle::new().wait(Duration::from_millis(200));
    }
    client.unbind().unwrap();
    assert_eq!(fake.cookies().len(), 1);
}

#[test]
fn no_heartbeat_when_switched_off_or_stopping() {
    let mut bench = Bench::with("", FIRST, &[A]);
    let fake = quiet(2);
    let mut client = Syncrepl::builder(bench.data(), &mut bench.told)
        .ldap_url(fake.url())
        .heartbeat(Duration::ZERO)
        .connect()
        .unwrap();
    let until = Instant::now() + 5 * SILENCE;
    poll_until(&mut client, || Instant::now() > until).unwrap();
    assert_eq!(fake.heartbeats(), 0);
    client.unbind().unwrap();

    // The provider answers a Cancel while the heartbeat is still open.
    fake.heartbeat(Heartbeat::Silence);
    let mut client = consumer(&mut bench, &fake, PATIENCE);
    let stop = client.stop_handle();
    poll_until(&mut client, || fake.heartbeats() == 1).unwrap();
    stop.please_stop();
    client.run().unwrap();
    assert_eq!((fake.heartbeats(), fake.cancelled()), (1, 1));
}
