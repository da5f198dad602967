//! What to write for a batch: rows of entries, and rows of the values of large attributes. Nothing here asks the
//! server.
//!
//! The values of a large attribute are rows of their own, so that one more member of a large group is one more
//! row. An attribute moves there when it grows over [`LARGE`], and back when it shrinks below half of that: a group
//! at the limit would move to and fro otherwise.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::columns::Column;
use super::draft::{Draft, Named, Told, Value, What};
use super::row::Row;

/// An attribute with more bytes than this is large.
pub(super) const LARGE: usize = 64 << 10;

/// The SHA-256 of a value's bytes, by which its row is found.
pub(super) type Hash = [u8; SHA256_OUTPUT_LEN];

/// An attribute of an entry in the table of values.
pub(super) type Place = (Uuid, String);

/// What has to be read of a large attribute before it can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// All its values are told: which of them are there?
    Hashes,
    /// It becomes small.
    Values,
}

/// What was read of it.
#[derive(Debug)]
pub(super) enum Stored {
    Hashes(BTreeSet<Hash>),
    Values(BTreeSet<Vec<u8>>),
}

/// What to write, in the form of parameters: one array a column.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) deletes: Vec<Uuid>,
    pub(super) puts: Puts,
    pub(super) touches: Touches,
    /// All values of these attributes go.
    pub(super) cleared: (Vec<Uuid>, Vec<String>),
    pub(super) removed: Keys,
    pub(super) added: Keys,
    /// The values themselves, beside `added`.
    pub(super) values: Vec<String>,
}

/// Rows that are written whole.
#[derive(Debug, Default)]
pub(super) struct Puts {
    pub(super) uuid: Vec<Uuid>,
    pub(super) dn: Vec<Option<String>>,
    pub(super) attrs: Vec<String>,
    pub(super) large: Vec<Option<String>>,
    pub(super) generation: Vec<i64>,
    pub(super) seq: Vec<i64>,
    /// An array for each column of the configuration.
    pub(super) columns: Vec<Vec<Option<String>>>,
}

/// Rows whose `attrs` stay as they are.
#[derive(Debug, Default)]
pub(super) struct Touches {
    pub(super) uuid: Vec<Uuid>,
    pub(super) dn: Vec<Option<String>>,
    pub(super) large: Vec<Option<String>>,
    pub(super) generation: Vec<i64>,
    pub(super) seq: Vec<i64>,
}

/// Rows of values.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) uuid: Vec<Uuid>,
    pub(super) name: Vec<String>,
    pub(super) hash: Vec<Vec<u8>>,
}

impl Keys {
    fn push(&mut self, place: &Place, hash: Hash) {
        self.uuid.push(place.0);
        self.name.push(place.1.clone());
        self.hash.push(hash.to_vec());
    }
}

/// What has to be read first. Rare: an entry with a large attribute is told whole, or the attribute shrinks.
pub(super) fn wants(
    all: &BTreeMap<Uuid, Told<'_>>,
    rows: &HashMap<Uuid, Row>,
) -> Vec<(Place, Want)> {
    let mut wants = Vec::new();
    for (uuid, told) in all.iter().filter(|(_, told)| told.touched) {
        let (Some(draft), Some(row)) = (&told.draft, rows.get(uuid)) else {
            continue;
        };
        for (key, named) in &draft.attrs {
            let Some((name, size)) = row.large.get(key) else {
                continue;
            };
            let want = match &named.what {
                What::Values(values) if bytes(values) > LARGE => Want::Hashes,
                What::Diff(diff) if after(*size, diff) < LARGE / 2 => Want::Values,
                _ => continue,
            };
            wants.push(((*uuid, name.clone()), want));
        }
    }
    wants
}

fn bytes<T: AsRef<[u8]>>(values: &BTreeSet<T>) -> usize {
    values.iter().map(|value| value.as_ref().len()).sum()
}

/// About how many bytes a large attribute has after a change.
fn after(size: usize, diff: &BTreeMap<Value<'_>, bool>) -> usize {
    let sum = |wanted| -> usize {
        let values = diff.iter().filter(|(_, is_in)| **is_in == wanted);
        values.map(|(value, _)| value.len()).sum()
    };
    (size + sum(true)).saturating_sub(sum(false))
}

pub(super) fn hash(value: &[u8]) -> Hash {
    let mut hash = [0; SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest(&SHA256, value).as_ref());
    hash
}

/// Makes the plan.
pub(super) fn plan(
    all: BTreeMap<Uuid, Told<'_>>,
    rows: &HashMap<Uuid, Row>,
    stored: &HashMap<Place, Stored>,
    columns: &[Column],
) -> Plan {
    let mut plan = Plan::default();
    plan.puts.columns = vec![Vec::new(); columns.len()];
    let nothing = Row::default();
    for (uuid, told) in all.into_iter().filter(|(_, told)| told.touched) {
        let row = rows.get(&uuid);
        match told.draft {
            None if row.is_some() => plan.deletes.push(uuid),
            None => {}
            Some(draft) => Entry {
                uuid,
                row: row.unwrap_or(&nothing),
                stored,
                plan: &mut plan,
                small: BTreeMap::new(),
                large: BTreeMap::new(),
                rewritten: !draft.keeps_others,
            }
            .write(draft, told.at.unwrap_or_default(), columns),
        }
    }
    plan
}

/// One entry on its way into the plan.
struct Entry<'a> {
    uuid: Uuid,
    row: &'a Row,
    stored: &'a HashMap<Place, Stored>,
    plan: &'a mut Plan,
    small: BTreeMap<&'a str, BTreeSet<Value<'a>>>,
    large: BTreeMap<&'a str, usize>,
    /// Its column `attrs` changes.
    rewritten: bool,
}

impl<'a> Entry<'a> {
    fn write(mut self, draft: Draft<'a>, at: (u64, u64), columns: &[Column]) {
        let row = self.row;
        let others = |key: &&String| !draft.attrs.contains_key(*key);
        for key in row.large.keys().filter(others) {
            match draft.keeps_others {
                true => self.keep(key),
                false => self.clear(key),
            }
        }
        for key in row.attrs.keys().filter(others) {
            if draft.keeps_others {
                self.keep(key);
            }
        }
        for (key, named) in draft.attrs {
            self.attribute(&key, named);
        }
        self.finish(draft.dn, at, columns);
    }

    fn attribute(&mut self, key: &str, named: Named<'a>) {
        let row = self.row;
        match (named.what, row.large.get(key)) {
            (What::Kept, _) => self.keep(key),
            (What::Values(values), _) => self.put(key, named.name, values),
            (What::Diff(diff), None) => {
                let old = row.attrs.get(key);
                let values = old.map(|(_, values)| values);
                let name = old.map_or(named.name, |(name, _)| name);
                self.put(key, name, changed(values, &diff));
            }
            (What::Diff(diff), Some((name, size))) => {
                let place = (self.uuid, name.clone());
                if let Some(Stored::Values(values)) = self.stored.get(&place) {
                    return self.put(key, name, changed(Some(values), &diff));
                }
                self.large.insert(name, after(*size, &diff));
                for (value, is_in) in &diff {
                    match is_in {
                        true => self.add(&place, value),
                        false => self.plan.removed.push(&place, hash(value)),
                    }
                }
            }
        }
    }

    /// The attribute has these values now.
    fn put(&mut self, key: &str, name: &'a str, values: BTreeSet<Value<'a>>) {
        let size = bytes(&values);
        let before = self.row.large.get(key);
        if size <= LARGE {
            if before.is_some() {
                self.clear(key);
            }
            self.rewritten = true;
            if !values.is_empty() {
                self.small.insert(name, values);
            }
            return;
        }
        // It leaves `attrs`, if it was there.
        self.rewritten |= before.is_none();
        let name = before.map_or(name, |(name, _)| name);
        let place = (self.uuid, name.to_owned());
        let old: BTreeSet<Hash> = match self.stored.get(&place) {
            None => BTreeSet::new(),
            Some(Stored::Hashes(hashes)) => hashes.clone(),
            Some(Stored::Values(values)) => values.iter().map(|value| hash(value)).collect(),
        };
        let now: BTreeMap<Hash, &Value<'_>> =
            values.iter().map(|value| (hash(value), value)).collect();
        for gone in old.iter().filter(|hash| !now.contains_key(*hash)) {
            self.plan.removed.push(&place, *gone);
        }
        for (_, value) in now.iter().filter(|(hash, _)| !old.contains(*hash)) {
            self.add(&place, value);
        }
        self.large.insert(name, size);
    }

    fn add(&mut self, place: &Place, value: &[u8]) {
        self.plan.added.push(place, hash(value));
        let value = syncrepl_relay::value(value).to_string();
        self.plan.values.push(value);
    }

    /// The attribute is as it was.
    fn keep(&mut self, key: &str) {
        let row = self.row;
        if let Some((name, size)) = row.large.get(key) {
            self.large.insert(name, *size);
        } else if let Some((name, values)) = row.attrs.get(key) {
            let values = values.iter().map(|value| Cow::Borrowed(value.as_slice()));
            self.small.insert(name, values.collect());
        }
    }

    /// The attribute has no values in the table of values any more.
    fn clear(&mut self, key: &str) {
        if let Some((name, _)) = self.row.large.get(key) {
            self.plan.cleared.0.push(self.uuid);
            self.plan.cleared.1.push(name.clone());
        }
    }

    fn finish(self, dn: Option<&str>, at: (u64, u64), columns: &[Column]) {
        // U+0000 is no character of a text in PostgreSQL. This is how RFC 4514 writes it.
        let dn = dn.map(|dn| dn.replace('\0', "\\00"));
        let large = (!self.large.is_empty()).then(|| serde_json::json!(self.large).to_string());
        let (generation, seq) = (at.0.cast_signed(), at.1.cast_signed());
        if !self.rewritten {
            let touches = &mut self.plan.touches;
            touches.uuid.push(self.uuid);
            touches.dn.push(dn);
            touches.large.push(large);
            touches.generation.push(generation);
            touches.seq.push(seq);
            return;
        }
        let puts = &mut self.plan.puts;
        puts.uuid.push(self.uuid);
        puts.dn.push(dn);
        puts.large.push(large);
        puts.generation.push(generation);
        puts.seq.push(seq);
        for (column, cells) in columns.iter().zip(&mut puts.columns) {
            let values = self.small.iter().find(|(name, _)| column.holds(name));
            cells.push(values.and_then(|(_, values)| column.cell(values)));
        }
        puts.attrs.push(json(&self.small));
    }
}

/// The attributes as JSON. Nothing of it can fail.
fn json(attrs: &BTreeMap<&str, BTreeSet<Value<'_>>>) -> String {
    struct Values<'a>(&'a BTreeSet<Value<'a>>);
    impl Serialize for Values<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_seq(self.0.iter().map(|value| syncrepl_relay::value(value)))
        }
    }
    struct Attrs<'a>(&'a BTreeMap<&'a str, BTreeSet<Value<'a>>>);
    impl Serialize for Attrs<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map(self.0.iter().map(|(name, values)| (name, Values(values))))
        }
    }
    serde_json::to_string(&Attrs(attrs)).unwrap_or_default()
}

/// Values with a change.
fn changed<'a>(
    values: Option<&'a BTreeSet<Vec<u8>>>,
    diff: &BTreeMap<Value<'a>, bool>,
) -> BTreeSet<Value<'a>> {
    let old = values.into_iter().flatten();
    let mut values: BTreeSet<Value<'a>> =
        old.map(|value| Cow::Borrowed(value.as_slice())).collect();
    for (value, is_in) in diff {
        match is_in {
            true => values.insert(value.clone()),
            false => values.remove(value),
        };
    }
    values
}
