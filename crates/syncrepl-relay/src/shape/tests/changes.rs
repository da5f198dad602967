//! One change at a time.

use std::time::UNIX_EPOCH;

use syncrepl_client::journal::{Cause, Seq};
use uuid::Uuid;

use crate::event::{Attribute, Event, EventKind, ValueChange};
use crate::position::Position;
use crate::shape::{DataForm, Shape, ShapeSettings, Shaped};

pub(super) const ID: Uuid = Uuid::from_bytes([7; 16]);

/// An event about an entry, with nothing in it.
pub(super) fn event(kind: EventKind, dn: &str) -> Event {
    Event {
        id: "7.1.1".to_owned(),
        kind,
        uuid: ID,
        sequence: Seq::ZERO,
        generation: Seq::ZERO,
        time: UNIX_EPOCH,
        cause: Some(Cause::Persist),
        dn: Some(dn.to_owned()),
        old_dn: None,
        changes: Vec::new(),
        attrs: None,
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position: Position::START,
    }
}

const DN: &str = "cn=Ann+employeeNumber=7,ou=people,dc=example";

fn values(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn attribute(name: &str, of: &[&str]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        values: values(of),
    }
}

fn change(name: &str, added: &[&str], removed: &[&str]) -> ValueChange {
    ValueChange {
        name: name.to_owned(),
        masked: false,
        added: values(added),
        removed: values(removed),
    }
}

/// The title of Ann changes from Clerk to Head.
fn promotion() -> Event {
    Event {
        changes: vec![change("Title", &["Head"], &["Clerk"])],
        attrs: Some(vec![
            attribute("mail", &["a@x"]),
            attribute("title", &["Head"]),
        ]),
        ..event(EventKind::Changed, DN)
    }
}

fn shape(change: impl FnOnce(&mut ShapeSettings)) -> Shape {
    let mut settings = ShapeSettings::default();
    change(&mut settings);
    Shape::new(&settings).unwrap()
}

fn with_when(text: &str) -> Shape {
    shape(|settings| settings.when = Some(text.to_owned()))
}

fn only(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn told(shape: &Shape, event: Event) -> Event {
    match shape.of_change(event) {
        Shaped::Tell(event) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn entry_that_comes_to_match_is_told_as_added() {
    let told = told(&with_when("(title=head)"), promotion());
    assert_eq!(told.kind, EventKind::Added);
    assert_eq!((told.attrs, told.changes), (promotion().attrs, vec![]));
}

#[test]
fn entry_that_matches_no_more_is_told_as_deleted_with_its_old_attributes() {
    let told = told(&with_when("(title=clerk)"), promotion());
    let old = vec![attribute("mail", &["a@x"]), attribute("title", &["Clerk"])];
    assert_eq!(told.kind, EventKind::Deleted);
    assert_eq!((told.attrs, told.changes), (Some(old), vec![]));
    assert_eq!(told.dn.as_deref(), Some(DN));
}

#[test]
fn entry_that_matches_before_and_after_is_told_as_it_is() {
    assert_eq!(told(&with_when("(mail=*)"), promotion()), promotion());
    let never = with_when("(mail=b@x)").of_change(promotion());
    assert!(matches!(never, Shaped::Nothing), "{never:?}");
}

#[test]
fn entry_that_moves_out_is_told_as_deleted_under_its_old_name() {
    let new_dn = "cn=Ann,ou=left,dc=example";
    let moved = || Event {
        old_dn: Some(DN.to_owned()),
        attrs: promotion().attrs,
        ..event(EventKind::Renamed, new_dn)
    };
    for (when, kind, dn) in [
        ("(ou:dn:=people)", EventKind::Deleted, DN),
        ("(ou:dn:=left)", EventKind::Added, new_dn),
        (
            "(entryDN=CN=Ann, OU=left, DC=example)",
            EventKind::Added,
            new_dn,
        ),
    ] {
        let told = told(&with_when(when), moved());
        assert_eq!((told.kind, told.dn.as_deref()), (kind, Some(dn)), "{when}");
        assert_eq!(told.old_dn, None);
    }
}

#[test]
fn absence_is_told_without_the_name_of_an_entry_that_may_never_have_been_the_sinks() {
    let gone = || event(EventKind::Deleted, DN);
    assert_eq!(Shape::default().of_state(gone()), Some(gone()));
    let told = with_when("(title=head)").of_state(gone()).unwrap();
    assert_eq!((told.kind, told.dn), (EventKind::Deleted, None));
}

#[test]
fn move_in_or_out_is_told_whatever_only_says() {
    let shape = shape(|settings| {
        settings.when = Some("(title=clerk)".to_owned());
        settings.only = Some(only(&["mail"]));
    });
    let told = told(&shape, promotion());
    assert_eq!(told.kind, EventKind::Deleted);
    assert_eq!(told.attrs, Some(vec![attribute("mail", &["a@x"])]));
}

#[test]
fn change_of_other_attributes_is_not_told() {
    let shape = shape(|settings| settings.only = Some(only(&["MAIL"])));
    let silent = shape.of_change(promotion());
    assert!(matches!(silent, Shaped::Nothing), "{silent:?}");
    let changed = Event {
        changes: vec![change("mail;lang-de", &["b@x"], &[])],
        ..promotion()
    };
    let told = told(&shape, changed);
    assert_eq!(told.changes, [change("mail;lang-de", &["b@x"], &[])]);
    assert_eq!(told.attrs, Some(vec![attribute("mail", &["a@x"])]));
}

#[test]
fn row_that_does_not_hold_enough_asks_for_the_state_of_now() {
    let asks = |shape: &Shape, event| matches!(shape.of_change(event), Shaped::Now);
    let when = with_when("(title=head)");
    let large = Event {
        attrs: None,
        ..promotion()
    };
    assert!(asks(&when, large.clone()));
    assert!(asks(&when, event(EventKind::Deleted, DN)));
    assert!(asks(&when, event(EventKind::Renamed, DN)));
    let omitted = Event {
        omitted: vec!["Title;x".to_owned()],
        ..promotion()
    };
    assert!(asks(&when, omitted.clone()));
    // What is left out is the sink's to know when the entry enters.
    let other = Event {
        omitted: vec!["jpegPhoto".to_owned()],
        ..promotion()
    };
    assert!(asks(&when, other.clone()));
    assert!(!asks(&with_when("(mail=*)"), other));
    // Without `when` the changes tell enough, but a new entry has none.
    let all = Shape::default();
    assert!(!asks(&all, large) && !asks(&all, event(EventKind::Deleted, DN)));
    assert!(!asks(&all, event(EventKind::Renamed, DN)));
    assert!(asks(&all, event(EventKind::Added, DN)));
    let ids = shape(|settings| settings.data = DataForm::Ids);
    assert!(!asks(&ids, event(EventKind::Added, DN)));
    assert!(all.may_need_now() && when.may_need_now() && !ids.may_need_now());
}

#[test]
fn masked_change_of_a_tested_attribute_asks_for_the_state_of_now() {
    let shape = shape(|settings| {
        settings.when = Some("(userPassword=*)".to_owned());
        settings.unmask = only(&["userPassword"]);
    });
    let written_before_it_was_unmasked = Event {
        changes: vec![ValueChange {
            masked: true,
            ..change("userPassword", &[], &[])
        }],
        ..promotion()
    };
    let shaped = shape.of_change(written_before_it_was_unmasked);
    assert!(matches!(shaped, Shaped::Now), "{shaped:?}");
    let named = Event {
        masked: only(&["userPassword"]),
        ..promotion()
    };
    assert!(matches!(shape.of_change(named), Shaped::Now));
}

#[test]
fn masked_values_are_told_nowhere() {
    let shape = shape(|settings| settings.mask = only(&["EmployeeNumber", "mail"]));
    let event = Event {
        kind: EventKind::Renamed,
        old_dn: Some("rfc822Mailbox=7,dc=example".to_owned()),
        changes: vec![
            change("mail", &["7"], &["77"]),
            change("userPassword;x", &["7"], &[]),
        ],
        attrs: Some(vec![
            attribute("mail", &["7"]),
            attribute("2.5.4.35", &["7"]),
        ]),
        omitted: only(&["employeenumber", "photo"]),
        ..promotion()
    };
    let told = told(&shape, event);
    assert!(!told.data().to_string().contains('7'), "{}", told.data());
    assert_eq!(
        told.dn.as_deref(),
        Some("cn=Ann+employeeNumber=***,ou=people,dc=example")
    );
    assert_eq!(told.old_dn.as_deref(), Some("rfc822Mailbox=***,dc=example"));
    assert!(told.changes.iter().all(|change| change.masked));
    assert_eq!(told.masked, ["employeenumber", "mail", "2.5.4.35"]);
    assert_eq!(told.omitted, ["photo"]);
}

#[test]
fn dn_that_nobody_can_read_is_masked_as_a_whole() {
    let shape = shape(|settings| settings.mask = only(&["mail"]));
    let odd = event(EventKind::Renamed, "mail=7\\");
    assert_eq!(told(&shape, odd.clone()).dn.as_deref(), Some("***"));
    assert_eq!(told(&Shape::default(), odd.clone()).dn, odd.dn);
}

#[test]
fn secret_that_is_unmasked_is_told() {
    let event = Event {
        attrs: Some(vec![attribute("userPassword", &["7"])]),
        ..promotion()
    };
    let unmasked = shape(|settings| settings.unmask = only(&["USERPASSWORD"]));
    assert_eq!(told(&unmasked, event.clone()), event);
    assert_eq!(told(&Shape::default(), event).masked, ["userPassword"]);
}

#[test]
fn renamed_attribute_keeps_its_options_and_displaces_another() {
    let shape = shape(|settings| {
        settings
            .rename
            .insert("TITLE".to_owned(), "Mail".to_owned());
    });
    let event = Event {
        attrs: Some(vec![
            attribute("mail", &["a@x"]),
            attribute("title;x-y", &["Head"]),
        ]),
        ..promotion()
    };
    let told = told(&shape, event.clone());
    assert_eq!(told.attrs, Some(vec![attribute("Mail;x-y", &["Head"])]));
    assert_eq!(told.changes, [change("Mail", &["Head"], &["Clerk"])]);
    let of_other = Event {
        changes: vec![change("mail", &["b@x"], &[])],
        ..event
    };
    assert!(matches!(shape.of_change(of_other), Shaped::Nothing));
}

#[test]
fn data_says_how_much_is_told() {
    let masked = || Event {
        masked: only(&["userPassword"]),
        ..promotion()
    };
    let of = |data| shape(|settings| settings.data = data);
    assert_eq!(told(&of(DataForm::Full), masked()), masked());
    let changes = told(&of(DataForm::Changes), masked());
    assert_eq!(changes.changes, promotion().changes);
    assert_eq!((changes.attrs, changes.masked), (None, vec![]));
    let added = || Event {
        kind: EventKind::Added,
        changes: Vec::new(),
        ..masked()
    };
    assert_eq!(told(&of(DataForm::Changes), added()), added());
    for event in [masked(), added()] {
        let ids = told(&of(DataForm::Ids), event.clone());
        let bare = Event {
            changes: Vec::new(),
            attrs: None,
            masked: Vec::new(),
            ..event
        };
        assert_eq!(ids, bare);
    }
}
