//! Callbacks in pairs, in boxes and borrowed.

use std::collections::BTreeSet;

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, ErrorKind, Items, OwnedRecord, Record, Syncrepl,
    SyncreplMode,
};

use crate::common::{Fixture, On, Tape, fails};

/// A callback that records each event after its name.
fn named(tape: &Tape, name: &'static str) -> impl Callback + Send + use<> {
    let tape = tape.clone();
    On(move |event: &str, _: Option<&Cursor<'_>>| {
        tape.push(&format!("{name} {event}"));
        Ok(())
    })
}

#[test]
fn pair_calls_first_before_second() {
    let fixture = Fixture::with(&[]);
    let tape = Tape::new();
    let three = ((named(&tape, "a"), named(&tape, "b")), named(&tape, "c"));
    fixture.refresh(three);
    let lines = tape.lines();
    assert_eq!(lines.len() % 3, 0);
    for told in lines.chunks(3) {
        let event = told[0].strip_prefix("a ").unwrap();
        assert_eq!(told[1..], [format!("b {event}"), format!("c {event}")]);
    }
}

#[test]
fn error_of_first_skips_second() {
    let fixture = Fixture::with(&[]);
    let tape = Tape::new();
    let fail = On(|event: &str, _: Option<&Cursor<'_>>| match event {
        "add ou=people" => Err("no".into()),
        _ => Ok(()),
    });
    let run = fixture.try_refresh((fail, named(&tape, "b")));
    fails(run, ErrorKind::Callback, &["the callback failed: no"]);
    assert_eq!(tape.count("b add"), 1);
    assert_eq!(tape.count("b committed"), 0);
}

#[test]
fn borrowed_and_boxed() {
    let fixture = Fixture::with(&[]);
    let tape = Tape::new();
    let mut borrowed = named(&tape, "borrowed");
    let boxed: Box<dyn Callback> = Box::new(named(&tape, "boxed"));
    let sendable: Box<dyn Callback + Send> = Box::new(named(&tape, "sendable"));
    fixture.refresh((&mut borrowed, (boxed, sendable)));
    for name in ["borrowed", "boxed", "sendable"] {
        assert_eq!(tape.count(name), 7, "{name}");
    }
    // The borrow has ended.
    drop(borrowed);
}

#[test]
fn unit_is_a_callback() {
    let fixture = Fixture::with(&["ann"]);
    let mut client = Syncrepl::builder(fixture.data(), ())
        .ldap_url(fixture.url())
        .mode(SyncreplMode::RefreshOnly)
        .connect()
        .unwrap();
    client.run().unwrap();
    assert_eq!(client.db().unwrap().count().unwrap(), 3);
}

/// A callback that records each call with its arguments.
struct Recorder(Tape);

impl Callback for Recorder {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0.push(&format!("bind_complete {}", ldap.whoami()?));
        Ok(())
    }
    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0.push(&format!("refresh_done {items:?}"));
        Ok(())
    }
    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0.push(&format!("record_add {record:?}"));
        Ok(())
    }
    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.0.push(&format!("record_delete {record:?}"));
        Ok(())
    }
    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.0.push(&format!("record_rename {old_dn} {record:?}"));
        Ok(())
    }
    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.0.push(&format!("record_change {old:?} {new:?}"));
        Ok(())
    }
    fn cookie_change(&mut self, cookie: &[u8]) -> CallbackResult {
        self.0.push(&format!("cookie_change {cookie:?}"));
        Ok(())
    }
    fn commit_pending(&mut self, commit: u64) -> CallbackResult {
        self.0.push(&format!("commit_pending {commit}"));
        Ok(())
    }
    fn committed(&mut self) {
        self.0.push("committed");
    }
    fn debug(&mut self, message: &str) {
        self.0.push(&format!("debug {message}"));
    }
}

/// Calls every method of `C` once, with the arguments of a refresh of two entries.
struct Caller<C> {
    inner: C,
    first: Option<OwnedRecord>,
}

impl<C: Callback> Callback for Caller<C> {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.inner.bind_complete(ldap, cursor)
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        let Some(first) = &self.first else {
            self.first = Some(record.to_owned());
            return Ok(());
        };
        let inner = &mut self.inner;
        inner.record_add(record, cursor)?;
        inner.record_delete(record, cursor)?;
        inner.record_rename("its old name", record, cursor)?;
        inner.record_change(&first.as_record(), record, cursor)?;
        inner.cookie_change(b"cookie")?;
        inner.commit_pending(7)?;
        inner.committed();
        inner.debug("text");
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        self.inner.refresh_done(items, cursor)
    }
}

fn calls<C: Callback>(fixture: &Fixture, tape: &Tape, inner: C) -> Vec<String> {
    tape.clear();
    let _ = std::fs::remove_file(fixture.data());
    fixture.refresh(Caller { inner, first: None });
    tape.lines()
}

/// The methods that the trait has, as its source names them.
fn methods() -> BTreeSet<&'static str> {
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/callback/mod.rs"));
    let (_, rest) = source
        .split_once("pub trait Callback {")
        .expect("the trait");
    let (body, _) = rest.split_once("\n}\n").expect("its end");
    let functions = body.lines().filter_map(|line| line.strip_prefix("    fn "));
    functions
        .filter_map(|rest| Some(rest.split_once('(')?.0))
        .collect()
}

#[test]
fn methods_are_forwarded() {
    let fixture = Fixture::with(&[]);
    let tape = Tape::new();
    let recorder = || Recorder(tape.clone());
    let expected = calls(&fixture, &tape, recorder());
    let called: BTreeSet<_> = expected
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        called,
        methods(),
        "teach Recorder and Caller the new method"
    );
    assert_eq!(expected.len(), called.len(), "each is called once");

    assert_eq!(calls(&fixture, &tape, &mut recorder()), expected);
    let boxed: Box<dyn Callback> = Box::new(recorder());
    assert_eq!(calls(&fixture, &tape, boxed), expected);
    let twice: Vec<_> = expected.iter().flat_map(|line| [line, line]).collect();
    let pair = calls(&fixture, &tape, (recorder(), recorder()));
    assert_eq!(pair.iter().collect::<Vec<_>>(), twice);
}
