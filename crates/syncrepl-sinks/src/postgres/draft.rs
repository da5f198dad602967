//! What becomes of each entry of a batch: its events, one upon the other, so that each entry is written once.
//! Nothing here asks the server.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use syncrepl_relay::{Attribute, Event, EventKind, ValueChange};
use uuid::Uuid;

use super::row::Row;

/// A value.
pub(super) type Value<'a> = Cow<'a, [u8]>;

/// What the batch tells of an entry.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// (generation, sequence) of the newest event; of the row before there is one.
    pub(super) at: Option<(u64, u64)>,
    /// `None`: there is no such entry.
    pub(super) draft: Option<Draft<'a>>,
    /// An event counted.
    pub(super) touched: bool,
}

/// What an entry is now.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    /// `None`: as in the row.
    pub(super) dn: Option<&'a str>,
    /// Attributes that are not in `attrs` are as in the row; else the entry has none of them.
    pub(super) keeps_others: bool,
    /// By their names in lower case.
    pub(super) attrs: BTreeMap<String, Named<'a>>,
}

/// An attribute.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) what: What<'a>,
}

/// Its values.
#[derive(Debug)]
pub(super) enum What<'a> {
    /// These.
    Values(BTreeSet<Value<'a>>),
    /// Those of the row, with these in (`true`) or out.
    Diff(BTreeMap<Value<'a>, bool>),
    /// Those of the row.
    Kept,
}

/// An event builds upon a row that is not there. Its index in the batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRow(pub(super) usize);

/// The attributes of these entries are read from the database: an event says only what changed.
pub(super) fn relative(events: &[Event]) -> Vec<Uuid> {
    let mut uuids: Vec<Uuid> = events
        .iter()
        .filter(|event| builds_on_values(event))
        .map(|event| event.uuid)
        .collect();
    uuids.sort_unstable();
    uuids.dedup();
    uuids
}

fn builds_on_values(event: &Event) -> bool {
    event.kind != EventKind::Deleted
        && match event.attrs {
            Some(_) => !event.omitted.is_empty(),
            None => event.changes.iter().any(|change| !change.masked),
        }
}

/// Lays the events of each entry upon its row.
pub(super) fn fold<'a>(
    events: &'a [Event],
    rows: &HashMap<Uuid, Row>,
) -> Result<BTreeMap<Uuid, Told<'a>>, NoRow> {
    let mut all: BTreeMap<Uuid, Told<'a>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        if !event.is_of_entry() {
            continue;
        }
        let told = all
            .entry(event.uuid)
            .or_insert_with(|| Told::of(rows.get(&event.uuid)));
        told.take(event).ok_or(NoRow(index))?;
    }
    Ok(all)
}

impl<'a> Told<'a> {
    fn of(row: Option<&Row>) -> Told<'a> {
        Told {
            at: row.map(|row| row.at),
            draft: row.map(|_| Draft {
                keeps_others: true,
                ..Draft::default()
            }),
            touched: false,
        }
    }

    /// `None`: the event builds upon a row that is not there.
    fn take(&mut self, event: &'a Event) -> Option<()> {
        let at = (event.generation.value(), event.sequence.value());
        let whole = event.attrs.is_some() || event.kind == EventKind::Deleted;
        // What the row has is not taken back, and a difference is not applied twice.
        if self
            .at
            .is_some_and(|last| at < last || (at == last && !whole))
        {
            return Some(());
        }
        match (event.kind, &event.attrs) {
            (EventKind::Deleted, _) => self.draft = None,
            (_, Some(attrs)) => {
                if self.draft.is_none() && !event.omitted.is_empty() {
                    return None;
                }
                self.draft
                    .get_or_insert_default()
                    .become_whole(event, attrs);
            }
            (EventKind::Added | EventKind::Snapshot, None) => {
                let draft = self.draft.insert(Draft::default());
                draft.change(&event.changes);
            }
            (_, None) => self.draft.as_mut()?.change(&event.changes),
        }
        if let (Some(draft), Some(dn)) = (&mut self.draft, &event.dn) {
            draft.dn = Some(dn);
        }
        self.at = Some(at);
        self.touched = true;
        Some(())
    }
}

impl<'a> Draft<'a> {
    fn become_whole(&mut self, event: &'a Event, attrs: &'a [Attribute]) {
        let mut before = std::mem::take(&mut self.attrs);
        for name in &event.omitted {
            let key = name.to_ascii_lowercase();
            let kept = Named {
                name,
                what: What::Kept,
            };
            let named = before.remove(&key).or(self.keeps_others.then_some(kept));
            if let Some(named) = named {
                self.attrs.insert(key, named);
            }
        }
        self.keeps_others = false;
        for Attribute { name, values } in attrs {
            if event
                .masked
                .iter()
                .any(|other| other.eq_ignore_ascii_case(name))
            {
                continue;
            }
            let values = values.iter().map(|value| Cow::Borrowed(value.as_slice()));
            let what = What::Values(values.collect());
            self.attrs
                .insert(name.to_ascii_lowercase(), Named { name, what });
        }
    }

    fn change(&mut self, changes: &'a [ValueChange]) {
        for change in changes.iter().filter(|change| !change.masked) {
            let keeps = self.keeps_others;
            let named = self
                .attrs
                .entry(change.name.to_ascii_lowercase())
                .or_insert_with(|| Named {
                    name: &change.name,
                    what: match keeps {
                        true => What::Kept,
                        false => What::Values(BTreeSet::new()),
                    },
                });
            let removed = change.removed.iter().map(|value| (value, false));
            let added = change.added.iter().map(|value| (value, true));
            named.what.apply(removed.chain(added));
        }
    }
}

impl<'a> What<'a> {
    fn apply(&mut self, changes: impl Iterator<Item = (&'a Vec<u8>, bool)>) {
        if let What::Kept = self {
            *self = What::Diff(BTreeMap::new());
        }
        for (value, is_in) in changes {
            let value = Cow::Borrowed(value.as_slice());
            match self {
                What::Kept => {}
                What::Diff(diff) => {
                    diff.insert(value, is_in);
                }
                What::Values(values) if is_in => {
                    values.insert(value);
                }
                What::Values(values) => {
                    values.remove(&value);
                }
            }
        }
    }
}
