//! Entries, filters and settings in a plain form: what the shape has to agree with.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::event::{Attribute, Event, EventKind, ValueChange};
use crate::shape::{DataForm, ShapeSettings};

use super::changes::event;

/// The attributes: their values by name.
pub(super) type Values = BTreeMap<String, BTreeSet<String>>;

/// An entry at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    pub(super) values: Values,
}

/// In values that must not be told if it is said so.
pub(super) const NUMBER: &str = "canary-number";
pub(super) const SECRET: &str = "canary-secret";

const NAMES: [&str; 7] = [
    "cn",
    "mail",
    "mail;lang-de",
    "title",
    "email",
    "employeeNumber",
    "userPassword",
];
/// A DN with a value in it that may have to be masked.
pub(super) const DN: &str =
    "employeeNumber=canary-number1+cn=b,employeeNumber=canary-number2,ou=people,dc=x";
const DNS: [&str; 4] = [
    "cn=a,ou=people,dc=x",
    "cn=b,ou=people,dc=x",
    "cn=a,ou=left,dc=x",
    DN,
];

fn values_of(name: &'static str) -> impl Strategy<Value = (String, BTreeSet<String>)> {
    let pool: [String; 3] = match name {
        "employeeNumber" => [1, 2, 3].map(|n| format!("{NUMBER}{n}")),
        "userPassword" => [1, 2, 3].map(|n| format!("{SECRET}{n}")),
        _ => ["a", "A", "b"].map(str::to_owned),
    };
    subsequence(pool.to_vec(), 0..=3)
        .prop_map(move |some| (name.to_owned(), BTreeSet::from_iter(some)))
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let values = NAMES.map(values_of);
    (select(&DNS[..]), values).prop_map(|(dn, values)| Entry {
        dn: dn.to_owned(),
        values: values
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .collect(),
    })
}

fn base(name: &str) -> &str {
    name.split(';').next().unwrap_or(name)
}

/// A filter.
#[derive(Debug, Clone)]
pub(super) enum Test {
    Present(&'static str),
    Equal(&'static str, &'static str),
    BelowPeople,
    AnyAttribute(&'static str),
    AnyWithDn(&'static str),
    Password,
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
}

pub(super) fn filter() -> impl Strategy<Value = Test> {
    let name = || select(&["cn", "mail", "title", "email", "mail;lang-de"][..]);
    let value = || select(&["a", "b", "canary-number1"][..]);
    let leaf = prop_oneof![
        name().prop_map(Test::Present),
        (name(), value()).prop_map(|(name, value)| Test::Equal(name, value)),
        value().prop_map(|value| Test::Equal("employeeNumber", value)),
        Just(Test::BelowPeople),
        value().prop_map(Test::AnyAttribute),
        value().prop_map(Test::AnyWithDn),
        Just(Test::Password),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            inner.clone().prop_map(|inner| Test::Not(Box::new(inner))),
            some().prop_map(Test::And),
            some().prop_map(Test::Or),
        ]
    })
}

impl Test {
    pub(super) fn text(&self) -> String {
        let all = |tests: &[Test]| tests.iter().map(Test::text).collect::<String>();
        match self {
            Test::Present(name) => format!("({name}=*)"),
            Test::Equal(name, value) => format!("({name}={value})"),
            Test::BelowPeople => "(ou:dn:=people)".to_owned(),
            Test::AnyAttribute(value) => format!("(:caseIgnoreMatch:={value})"),
            Test::AnyWithDn(value) => format!("(:dn:caseIgnoreMatch:={value})"),
            Test::Password => format!("(:octetStringMatch:={SECRET}1)"),
            Test::Not(inner) => format!("(!{})", inner.text()),
            Test::And(tests) => format!("(&{})", all(tests)),
            Test::Or(tests) => format!("(|{})", all(tests)),
        }
    }

    pub(super) fn of(&self, entry: &Entry, settings: &ShapeSettings) -> bool {
        let visible = || {
            let unmasked = !settings.unmask.is_empty();
            let values = entry.values.iter();
            values.filter(move |(name, _)| unmasked || *name != "userPassword")
        };
        let any = |meant: &dyn Fn(&str) -> bool, value: &str| {
            let mut meant = visible().filter(|(name, _)| meant(name));
            meant.any(|(_, values)| values.iter().any(|other| other.eq_ignore_ascii_case(value)))
        };
        let means = |test: &str, name: &str| name == test || base(name) == test;
        match self {
            Test::Present(test) => visible().any(|(name, _)| means(test, name)),
            Test::Equal(test, value) => any(&|name| means(test, name), value),
            Test::BelowPeople => entry.dn.contains("ou=people"),
            Test::AnyAttribute(value) => any(&|name| name != "userPassword", value),
            Test::AnyWithDn(value) => {
                let mut in_dn = entry
                    .dn
                    .split([',', '+'])
                    .filter_map(|pair| pair.split_once('='));
                any(&|_| true, value) || in_dn.any(|(_, other)| other == *value)
            }
            Test::Password => any(&|name| name == "userPassword", &format!("{SECRET}1")),
            Test::Not(inner) => !inner.of(entry, settings),
            Test::And(tests) => tests.iter().all(|test| test.of(entry, settings)),
            Test::Or(tests) => tests.iter().any(|test| test.of(entry, settings)),
        }
    }
}

pub(super) fn settings(when: Option<&Test>) -> impl Strategy<Value = ShapeSettings> + use<> {
    let types = ["cn", "mail", "title", "employeeNumber", "userPassword"].map(str::to_owned);
    let only = proptest::option::of(subsequence(types.to_vec(), 1..=4));
    let masked = ["mail", "EMPLOYEENUMBER"].map(str::to_owned);
    let unmasked = vec!["userPassword".to_owned()];
    let renames: [&[(&str, &str)]; 5] = [
        &[],
        &[],
        &[("mail", "email")],
        &[("cn", "title"), ("title", "cn")],
        &[("mail", "Mail")],
    ];
    let when = when.map(Test::text);
    (
        only,
        select(renames.to_vec()),
        subsequence(masked.to_vec(), 0..=2),
        subsequence(unmasked, 0..=1),
        select(&DataForm::ALL[..]),
    )
        .prop_map(move |(only, rename, mask, unmask, data)| {
            let owned = |(old, new): &(&str, &str)| ((*old).to_owned(), (*new).to_owned());
            let rename = rename.iter().map(owned).collect();
            let when = when.clone();
            ShapeSettings {
                when,
                only,
                rename,
                mask,
                unmask,
                data,
            }
        })
}

/// The name of an attribute for the sink, if it is told of it.
pub(super) fn name_for(name: &str, settings: &ShapeSettings) -> Option<String> {
    let plain = base(name);
    if settings
        .only
        .as_ref()
        .is_some_and(|only| !only.iter().any(|other| other == plain))
    {
        return None;
    }
    match settings.rename.get(plain) {
        Some(new) => Some(name.replacen(plain, new, 1)),
        None if settings
            .rename
            .values()
            .any(|new| new.eq_ignore_ascii_case(plain)) =>
        {
            None
        }
        None => Some(name.to_owned()),
    }
}

pub(super) fn is_hidden(name: &str, settings: &ShapeSettings) -> bool {
    let masked = settings
        .mask
        .iter()
        .any(|mask| mask.eq_ignore_ascii_case(base(name)));
    masked || (name == "userPassword" && settings.unmask.is_empty())
}

/// What the sink knows of the attributes, and the names of those whose values it does not know.
pub(super) fn seen(values: &Values, settings: &ShapeSettings) -> (Values, BTreeSet<String>) {
    let mut seen = (Values::new(), BTreeSet::new());
    for (name, values) in values {
        match name_for(name, settings) {
            None => {}
            Some(name_out) if is_hidden(name, settings) => {
                seen.1.insert(name_out);
            }
            Some(name_out) => {
                seen.0.insert(name_out, values.clone());
            }
        }
    }
    seen
}

/// The DN as the sink knows it.
pub(super) fn seen_dn(dn: &str, settings: &ShapeSettings) -> String {
    match settings.mask.iter().any(|mask| mask == "EMPLOYEENUMBER") {
        true => dn
            .replace(&format!("{NUMBER}1"), "***")
            .replace(&format!("{NUMBER}2"), "***"),
        false => dn.to_owned(),
    }
}

/// The event of the row that the journal writes, as `make` makes it; `None` if nothing changed.
pub(super) fn row(
    old: Option<&Entry>,
    new: Option<&Entry>,
    large: bool,
    settings: &ShapeSettings,
) -> Option<Event> {
    let masks = |name: &str| name == "userPassword" && settings.unmask.is_empty();
    let (kind, of) = match (old, new) {
        (None, None) => return None,
        (None, Some(new)) => (EventKind::Added, new),
        (Some(old), None) => (EventKind::Deleted, old),
        (Some(old), Some(new)) if old == new => return None,
        (Some(old), Some(new)) if old.dn == new.dn => (EventKind::Changed, new),
        (Some(_), Some(new)) => (EventKind::Renamed, new),
    };
    let mut event = event(kind, &of.dn);
    if let (Some(old), Some(new)) = (old, new) {
        event.old_dn = (old.dn != new.dn).then(|| old.dn.clone());
        event.changes = changes(&old.values, &new.values, masks);
    }
    let pure = kind == EventKind::Renamed && event.changes.is_empty();
    if !large && !pure {
        let (masked, told) = of
            .values
            .iter()
            .partition::<Vec<_>, _>(|(name, _)| masks(name));
        event.masked = masked.into_iter().map(|(name, _)| name.clone()).collect();
        event.attrs = Some(attributes(told.into_iter()));
    }
    Some(event)
}

/// The state of an entry as `make` makes it of a record.
pub(super) fn state(entry: &Entry) -> Event {
    let mut event = event(EventKind::Snapshot, &entry.dn);
    event.attrs = Some(attributes(entry.values.iter()));
    event
}

fn attributes<'a>(
    values: impl Iterator<Item = (&'a String, &'a BTreeSet<String>)>,
) -> Vec<Attribute> {
    let attribute = |(name, values): (&String, &BTreeSet<String>)| Attribute {
        name: name.clone(),
        values: bytes(values.iter()),
    };
    values.map(attribute).collect()
}

fn bytes<'a>(values: impl Iterator<Item = &'a String>) -> Vec<Vec<u8>> {
    values.map(|value| value.clone().into_bytes()).collect()
}

fn changes(old: &Values, new: &Values, masks: impl Fn(&str) -> bool) -> Vec<ValueChange> {
    let (none, mut changes) = (BTreeSet::new(), Vec::new());
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let of = |values: &Values| values.get(name).unwrap_or(&none).clone();
        let (before, after) = (of(old), of(new));
        if before != after {
            let masked = masks(name);
            let list = |one: &BTreeSet<String>, other| match masked {
                true => Vec::new(),
                false => bytes(one.difference(other)),
            };
            changes.push(ValueChange {
                name: name.clone(),
                masked,
                added: list(&after, &before),
                removed: list(&before, &after),
            });
        }
    }
    changes
}
