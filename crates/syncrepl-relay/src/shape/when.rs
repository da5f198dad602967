//! Which entries are the sink's: those that the filter `when` matches, before a change and after it.
//!
//! The filter sees an entry with all its attributes, whatever the sink is told of them, but for the secret ones:
//! the journal does not hold their values, so they count as absent, in rows and in states alike.

use std::collections::HashSet;

use syncrepl_proto::filter::{Condition, Subject};

use super::fate::Fates;
use crate::event::{Attribute, Event, EventKind, ValueChange};

/// The filter.
#[derive(Debug, Clone)]
pub(super) struct When(Condition);

/// What a change does, seen through the filter.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The entry was the sink's, and is, as far as it is there.
    Inside,
    /// It was not, and is not.
    Outside,
    /// It becomes the sink's.
    Enters,
    /// It was the sink's with these attributes.
    Leaves(Vec<Attribute>),
    /// The row does not hold enough to say.
    Unknown,
}

impl When {
    pub(super) fn new(condition: Condition) -> When {
        When(condition)
    }

    pub(super) fn condition(&self) -> &Condition {
        &self.0
    }

    /// The attributes that it tests.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.names().into_iter();
        names.map(|name| name.base.clone()).collect()
    }

    /// Whether an entry in this state is the sink's.
    pub(super) fn of_state(&self, event: &Event, fates: &Fates) -> bool {
        let attrs = event.attrs.as_deref().unwrap_or_default();
        let dn = event.dn.as_deref().unwrap_or_default();
        self.matches(event, dn, attrs, fates)
    }

    pub(super) fn of_change(&self, event: &Event, fates: &Fates) -> Verdict {
        let (Some(attrs), Some(dn)) = (&event.attrs, &event.dn) else {
            return Verdict::Unknown;
        };
        if self.misses(event, attrs, fates) {
            return Verdict::Unknown;
        }
        let now = self.matches(event, dn, attrs, fates);
        let tested = |change: &ValueChange| self.tests(&change.name, fates);
        let (before, old) = match event.kind {
            EventKind::Changed | EventKind::Renamed => {
                let old_dn = event.old_dn.as_ref().unwrap_or(dn);
                if old_dn == dn && !event.changes.iter().any(tested) {
                    (now, None)
                } else {
                    let old = before(attrs, &event.changes);
                    (self.matches(event, old_dn, &old, fates), Some(old))
                }
            }
            _ => (now, None),
        };
        match (before, now) {
            (true, true) => Verdict::Inside,
            (false, false) => Verdict::Outside,
            (false, true) => Verdict::Enters,
            (true, false) => Verdict::Leaves(old.unwrap_or_default()),
        }
    }

    /// Whether the filter tests an attribute, and the row does not hold all its values.
    fn misses(&self, event: &Event, attrs: &[Attribute], fates: &Fates) -> bool {
        let empty = attrs.iter().filter(|attribute| attribute.values.is_empty());
        let masked = event.changes.iter().filter(|change| change.masked);
        let mut names = event.omitted.iter().chain(&event.masked);
        names.any(|name| self.tests(name, fates))
            || empty.into_iter().any(|one| self.tests(&one.name, fates))
            || masked.into_iter().any(|one| self.tests(&one.name, fates))
    }

    fn tests(&self, name: &str, fates: &Fates) -> bool {
        self.0.tests(name) && !fates.of(name).secret
    }

    fn matches(&self, event: &Event, dn: &str, attrs: &[Attribute], fates: &Fates) -> bool {
        self.0.matches(&Seen {
            dn,
            uuid: event.uuid.to_string(),
            attrs,
            fates,
        })
    }
}

/// An entry as the filter sees it.
struct Seen<'a> {
    dn: &'a str,
    uuid: String,
    attrs: &'a [Attribute],
    fates: &'a Fates,
}

/// These follow from the event, so a copy of them in the attributes does not count.
const ENTRY_DN: &str = "entryDN";
const ENTRY_UUID: &str = "entryUUID";

impl Subject for Seen<'_> {
    fn dn(&self) -> &str {
        self.dn
    }

    fn any_attribute(&self, so: &mut dyn FnMut(&str, &[Vec<u8>]) -> bool) -> bool {
        self.attrs.iter().any(|Attribute { name, values }| {
            let computed = [ENTRY_DN, ENTRY_UUID];
            let computed = computed
                .iter()
                .any(|other| name.eq_ignore_ascii_case(other));
            !values.is_empty() && !computed && !self.fates.of(name).secret && so(name, values)
        })
    }

    fn any_operational(&self, name: &str, so: &mut dyn FnMut(&str, &[Vec<u8>]) -> bool) -> bool {
        let mut computed = [(ENTRY_DN, self.dn), (ENTRY_UUID, &self.uuid)].into_iter();
        let found = computed.find(|(known, _)| name.eq_ignore_ascii_case(known));
        found.is_some_and(|(known, value)| so(known, &[value.as_bytes().to_vec()]))
    }
}

/// The attributes before these changes.
fn before(attrs: &[Attribute], changes: &[ValueChange]) -> Vec<Attribute> {
    let change_of = |name: &str| {
        let mut changes = changes.iter();
        changes.find(|change| change.name.eq_ignore_ascii_case(name))
    };
    let mut old = Vec::with_capacity(attrs.len() + 1);
    for attribute in attrs {
        let Some(change) = change_of(&attribute.name) else {
            old.push(attribute.clone());
            continue;
        };
        let added: HashSet<&Vec<u8>> = change.added.iter().collect();
        let stay = attribute
            .values
            .iter()
            .filter(|value| !added.contains(value));
        let values: Vec<_> = stay.chain(&change.removed).cloned().collect();
        // Of one without values only its name is known, as before.
        if !values.is_empty() || attribute.values.is_empty() {
            old.push(Attribute {
                name: attribute.name.clone(),
                values,
            });
        }
    }
    for change in changes {
        let is_new = |attribute: &Attribute| attribute.name.eq_ignore_ascii_case(&change.name);
        if !change.removed.is_empty() && !attrs.iter().any(is_new) {
            old.push(Attribute {
                name: change.name.clone(),
                values: change.removed.clone(),
            });
        }
    }
    old
}

/// The event for a sink whose the entry becomes.
pub(super) fn entered(event: Event) -> Event {
    Event {
        kind: EventKind::Added,
        old_dn: None,
        changes: Vec::new(),
        ..event
    }
}

/// The event for a sink whose the entry was, with these attributes.
pub(super) fn left(event: Event, old: Vec<Attribute>) -> Event {
    Event {
        kind: EventKind::Deleted,
        dn: event.old_dn.or(event.dn),
        old_dn: None,
        changes: Vec::new(),
        attrs: Some(old),
        ..event
    }
}
