//! The signs of life that are asked for in a silent persist stage, and what counts as one.

use std::time::{Duration, Instant};

use syncrepl_client::{Error, ErrorKind, Result, StopHandle, Syncrepl};
use syncrepl_proto::sync::EntryState::Add;

use crate::fake::{Fake, Step};
use crate::{Bench, Told};

const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
const SLAPD: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
const NEWER: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
const SILENCE: Duration = Duration::from_millis(20);
const ANSWER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(20);

/// What the provider does when it is asked who we are beside a sync search.
#[derive(Debug, Clone, Copy, Default)]
pub enum Heartbeat {
    /// It answers with this result.
    #[default]
    Success,
    Refuses(u32),
    /// It does not answer, and after that time sends a newcookie of the search instead.
    Cookie(Duration, &'static str),
    Silence,
    Closes,
}

/// A provider with a persist stage in which nothing happens, so many times.
fn quiet(times: usize) -> Fake {
    let fake = Fake::start("", vec![vec![Step::Phase(false, None, true)]; times]);
    fake.shows(&[(1, A.1, "first")]);
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

/// Polls until it is so.
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
        let mut bench = Bench::with("", SLAPD, &[A]);
        let fake = quiet(1);
        fake.heartbeat(answer);
        let mut client = consumer(&mut bench, &fake, PATIENCE);
        poll_until(&mut client, || fake.heartbeats() >= 5).unwrap();
        client.unbind().unwrap();
        assert_eq!(bench.events(), ["done"], "{answer:?}");
        assert_eq!(fake.cookies().len(), 1, "{answer:?}");
    }
}

/// One that did answer before is believed to be dead each time that it does not.
#[test]
fn silence_is_noticed() {
    let mut bench = Bench::with("", SLAPD, &[A]);
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
    // One request at a time.
    assert!(fake.heartbeats() <= 2 + 5, "{}", fake.heartbeats());
}

/// One that never answers, or answers by closing, is not asked for ever: it would be left each time.
#[test]
fn who_never_answers_is_not_asked_for_ever() {
    for answer in [Heartbeat::Silence, Heartbeat::Closes] {
        let mut bench = Bench::with("", SLAPD, &[A]);
        let last = vec![
            Step::Phase(false, None, true),
            Step::Entry(Add, 2, "cn=b,ou=base,dc=example", "live"),
        ];
        let mut scripts = vec![vec![Step::Phase(false, None, true)]; 2];
        scripts.push(last);
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

/// What comes of the search itself is as good as an answer.
#[test]
fn news_are_a_sign_of_life() {
    let mut bench = Bench::with("", SLAPD, &[A]);
    let fake = quiet(2);
    // On a busy machine late is later still, and must not be too late.
    let (late, answer) = (ANSWER, 3 * ANSWER);
    fake.heartbeat(Heartbeat::Cookie(late, NEWER));
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
        [SLAPD, NEWER].map(|cookie| Some(cookie.to_owned()))
    );
}

/// An answer that came in time is one, however late it is looked at.
#[test]
fn who_is_busy_elsewhere_for_long_does_not_blame_the_provider() {
    let mut bench = Bench::with("", SLAPD, &[A]);
    let fake = quiet(1);
    let mut client = consumer(&mut bench, &fake, Duration::from_millis(100));
    for beats in 1..4 {
        // It is back before the answer can be there.
        poll_each(&mut client, Duration::ZERO, || fake.heartbeats() >= beats).unwrap();
        StopHandle::new().wait(Duration::from_millis(200));
    }
    client.unbind().unwrap();
    assert_eq!(fake.cookies().len(), 1);
}

#[test]
fn none_when_switched_off_or_stopping() {
    let mut bench = Bench::with("", SLAPD, &[A]);
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

    // A Cancel beside an open question is answered like any other.
    fake.heartbeat(Heartbeat::Silence);
    let mut client = consumer(&mut bench, &fake, PATIENCE);
    let stop = client.stop_handle();
    poll_until(&mut client, || fake.heartbeats() == 1).unwrap();
    stop.please_stop();
    client.run().unwrap();
    let log = fake.log.lock().unwrap();
    assert_eq!((log.heartbeats, log.cancelled), (1, 1));
}
