//! Callbacks in pairs, in boxes and borrowed.

use syncrepl_client::{Callback, Cursor, ErrorKind, Syncrepl, SyncreplMode};

use crate::common::{Fixture, On, Tape, fails};

/// A callback that puts its name before what it is told.
fn named(tape: &Tape, name: &'static str) -> impl Callback + Send + use<> {
    let tape = tape.clone();
    On(move |event: &str, _: Option<&Cursor<'_>>| {
        tape.push(&format!("{name} {event}"));
        Ok(())
    })
}

#[test]
fn of_a_pair_the_first_is_called_first() {
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
fn an_error_of_the_first_keeps_the_second_from_being_called() {
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
    // It is yours again.
    drop(borrowed);
}

#[test]
fn nobody_need_be_told() {
    let fixture = Fixture::with(&["ann"]);
    let mut client = Syncrepl::builder(fixture.data(), ())
        .ldap_url(fixture.url())
        .mode(SyncreplMode::RefreshOnly)
        .connect()
        .unwrap();
    client.run().unwrap();
    assert_eq!(client.db().unwrap().count().unwrap(), 3);
}
