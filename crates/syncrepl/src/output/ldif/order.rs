//! Puts the changes of one transaction in an order in which a directory takes them. A directory holds
//! no child without its parent, deletes no parent that has children, and moves children with their
//! parent. The order of the library's events fits a map by DN, and does not respect these three rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::ops::Bound;

use syncrepl_client::{Attributes, CallbackResult, Cursor, Record, Uuid};
use syncrepl_proto::dn;

use super::records;
use super::values::Values;

/// The change of one entry between two commits.
#[derive(Debug)]
struct Event {
    uuid: Uuid,
    /// Its DN before and after. `None`: the entry did not exist then.
    before: Option<String>,
    after: Option<String>,
    /// Its attributes before and after, as BER. `None`: unchanged, or not known.
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
}

/// The events of a transaction, at most one for each entry.
#[derive(Debug, Default)]
pub(super) struct Pending {
    events: Vec<Event>,
    of: HashMap<Uuid, usize>,
    held: usize,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// About how many bytes of memory the events take.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn add(&mut self, record: &Record<'_>) {
        self.hold(record);
        let event = self.event(record.uuid(), None);
        event.after = Some(record.dn().to_owned());
        event.new = Some(record.attrs().as_bytes().to_vec());
    }

    pub(super) fn delete(&mut self, record: &Record<'_>, sql: &Cursor<'_>) -> CallbackResult {
        self.held += record.dn().len();
        let event = self.event(record.uuid(), Some(record.dn()));
        event.after = None;
        // The entry may come back before the commit.
        event
            .old
            .get_or_insert_with(|| record.attrs().as_bytes().to_vec());
        self.below(record.dn(), sql)
    }

    pub(super) fn rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        sql: &Cursor<'_>,
    ) -> CallbackResult {
        self.held += old_dn.len() + record.dn().len();
        self.event(record.uuid(), Some(old_dn)).after = Some(record.dn().to_owned());
        self.below(old_dn, sql)
    }

    pub(super) fn change(&mut self, old: &Record<'_>, new: &Record<'_>) {
        self.hold(old);
        self.hold(new);
        let event = self.event(new.uuid(), Some(new.dn()));
        if event.before.is_some() && event.old.is_none() {
            event.old = Some(old.attrs().as_bytes().to_vec());
        }
        event.new = Some(new.attrs().as_bytes().to_vec());
    }

    /// The event of an entry. If it is new, the entry had this DN before.
    fn event(&mut self, uuid: Uuid, dn: Option<&str>) -> &mut Event {
        let next = self.events.len();
        let at = *self.of.entry(uuid).or_insert(next);
        if at == next {
            self.held += 200;
            self.events.push(Event {
                uuid,
                before: dn.map(str::to_owned),
                after: dn.map(str::to_owned),
                old: None,
                new: None,
            });
        }
        &mut self.events[at]
    }

    fn hold(&mut self, record: &Record<'_>) {
        self.held += record.dn().len() + record.attrs().as_bytes().len();
    }

    /// Entry P leaves this DN. Takes note of each entry below it: child C may stay at its DN, below another
    /// entry that gets P's name. No event tells of C then, but a directory would move it with P.
    fn below(&mut self, dn: &str, sql: &Cursor<'_>) -> CallbackResult {
        // Only the empty DN has no upper bound, and every entry is below it.
        let (lower, Some(upper)) = dn::descendants(&dn::key(dn)) else {
            return Ok(());
        };
        sql.for_each(
            "SELECT uuid, dn FROM syncrepl_records WHERE dn_key > ?1 AND dn_key < ?2",
            (lower, upper),
            |row| {
                let dn: String = row.get(1)?;
                self.held += dn.len();
                self.event(Uuid::from_bytes(row.get(0)?), Some(&dn));
                Ok(())
            },
        )?;
        Ok(())
    }
}

/// Prints the change records that lead a directory from the state before these events to the state
/// after them.
pub(super) fn write(pending: &Pending, out: &mut impl Write) -> io::Result<()> {
    let mut tree = Tree::new(&pending.events);
    let mut waiting: Vec<usize> = (0..pending.events.len()).collect();
    // First the deletes, deepest first; then the rest, parents first.
    waiting.sort_by_cached_key(|&at| match &pending.events[at] {
        Event {
            after: Some(after), ..
        } => (true, dn::depth(&dn::key(after))),
        Event { before, .. } => {
            let depth = before.as_deref().map_or(0, |dn| dn::depth(&dn::key(dn)));
            (false, usize::MAX - depth)
        }
    });
    loop {
        let before = waiting.len();
        let mut left = Vec::new();
        for at in waiting {
            if !tree.step(at, false, out)? {
                left.push(at);
            }
        }
        waiting = left;
        if waiting.is_empty() {
            return Ok(());
        }
        if waiting.len() == before && !tree.step_aside(&waiting, out)? {
            // No order fits, so the directory holds an entry that the copy does not show.
            for at in waiting {
                tree.step(at, true, out)?;
            }
            return Ok(());
        }
    }
}

/// The entries of the events, as the directory holds them after the records printed so far.
struct Tree<'e> {
    events: &'e [Event],
    /// The key of the DN that each entry has now, with the number of its event.
    keys: BTreeSet<(Vec<u8>, usize)>,
    places: Vec<Place<'e>>,
    /// By the key of a DN: the event whose entry is to have it.
    coming: BTreeMap<Vec<u8>, usize>,
}

/// How far one entry is.
struct Place<'e> {
    /// Its DN now.
    dn: Option<String>,
    /// Its values now, once a record has changed them.
    values: Option<Values<'e>>,
    /// Whether it has got a name of its own for a while, to make room.
    aside: bool,
    /// Whether it is as it is to be.
    done: bool,
}

impl<'e> Tree<'e> {
    fn new(events: &'e [Event]) -> Self {
        let mut tree = Tree {
            events,
            keys: BTreeSet::new(),
            places: Vec::with_capacity(events.len()),
            coming: BTreeMap::new(),
        };
        for (at, event) in events.iter().enumerate() {
            if let Some(before) = &event.before {
                tree.keys.insert((dn::key(before), at));
            }
            if let Some(after) = &event.after {
                tree.coming.insert(dn::key(after), at);
            }
            tree.places.push(Place {
                dn: event.before.clone(),
                values: None,
                aside: false,
                done: false,
            });
        }
        tree
    }

    /// Prints the records that an entry still needs, if a directory takes them now, or in any case with
    /// `now`. Says whether it did.
    fn step(&mut self, at: usize, now: bool, out: &mut impl Write) -> io::Result<bool> {
        let event = &self.events[at];
        let place = self.places[at].dn.clone();
        match (place, &event.after) {
            (None, None) => {}
            (Some(dn), None) => {
                let key = dn::key(&dn);
                if !now && self.has_children(&key) {
                    return Ok(false);
                }
                self.keys.remove(&(key, at));
                self.places[at].dn = None;
                records::deleted(out, event.uuid, &dn)?;
            }
            (None, Some(dn)) => {
                let key = dn::key(dn);
                if !now && (!self.is_parent_there(&key) || self.is_taken(&key, at)) {
                    return Ok(false);
                }
                self.keys.insert((key, at));
                self.places[at].dn = Some(dn.clone());
                let attributes = event.new.as_deref().unwrap_or_default();
                if let Ok(attributes) = Attributes::decode(attributes) {
                    records::added(out, event.uuid, dn, &attributes)?;
                }
            }
            (Some(from), Some(to)) => {
                let key = dn::key(to);
                if !now && !self.is_parent_there(&key) {
                    return Ok(false);
                }
                if !dn::same_spelling_aside(&from, to) {
                    let is_below_itself = {
                        let own = dn::key(&from);
                        key.len() > own.len() && dn::is_within(&key, &own)
                    };
                    if !now && (is_below_itself || self.is_taken(&key, at)) {
                        return Ok(false);
                    }
                    self.rename(at, &from, to, out)?;
                }
                if let (Some(old), Some(new)) = (&event.old, &event.new) {
                    let values = self.places[at].values.take();
                    let values = values.unwrap_or_else(|| Values::of(old));
                    records::modified(out, event.uuid, to, &values, &Values::of(new))?;
                }
            }
        }
        self.places[at].done = true;
        Ok(true)
    }

    /// No entry can be done, because each waits for another one's name. Gives one of them a name of its own
    /// for a while. Says whether it found one.
    fn step_aside(&mut self, waiting: &[usize], out: &mut impl Write) -> io::Result<bool> {
        let candidates = waiting.iter().copied().filter(|&at| {
            let place = &self.places[at];
            !place.aside && place.dn.is_some() && self.events[at].after.is_some()
        });
        let in_the_way = |at: &usize| {
            let dn = self.places[*at].dn.as_deref().unwrap_or_default();
            let other = self.coming.get(&dn::key(dn));
            other.is_some_and(|other| other != at && !self.places[*other].done)
        };
        let candidates: Vec<usize> = candidates.collect();
        let found = candidates.iter().copied().find(|at| in_the_way(at));
        let Some(at) = found.or_else(|| candidates.first().copied()) else {
            return Ok(false);
        };
        let from = self.places[at].dn.clone().unwrap_or_default();
        let (rdn, mut above) = dn::split_first(&from).unwrap_or((&from, ""));
        let name = rdn.split('=').next().unwrap_or("cn").trim();
        // Not below an entry that is itself to be deleted or moved.
        let (own_parent, mut next) = (above, Some(above));
        while let Some(dn) = next.filter(|dn| !dn.is_empty()) {
            if self.is_waiting(&dn::key(dn)) {
                above = dn::split_first(dn).map_or("", |(_, above)| above);
            }
            next = dn::split_first(dn).map(|(_, above)| above);
        }
        if above.is_empty() {
            above = own_parent;
        }
        let comma = if above.is_empty() { "" } else { "," };
        let to = format!("{name}={}{comma}{above}", self.events[at].uuid);
        self.rename(at, &from, &to, out)?;
        self.places[at].aside = true;
        Ok(true)
    }

    /// Prints the rename of an entry. Its values have to fit the new name, so a modification may come first.
    fn rename(&mut self, at: usize, from: &str, to: &str, out: &mut impl Write) -> io::Result<()> {
        let event = &self.events[at];
        let mut delete_old = self.places[at].aside;
        if let (Some(old), Some(new)) = (&event.old, &event.new) {
            let after = Values::of(new);
            let values = self.places[at].values.take();
            let mut values = values.unwrap_or_else(|| Values::of(old));
            if let Some(prepared) = values.prepared(to, &after) {
                records::modified(out, event.uuid, from, &values, &prepared)?;
                values = prepared;
            }
            delete_old |= after.lost_name(from, to);
            delete_old &= !values.needs_old_name(from, to, &after);
            values.rename(from, to, delete_old, &after);
            self.places[at].values = Some(values);
        }
        records::renamed(out, event.uuid, from, to, delete_old)?;
        self.carry(at, from, to);
        Ok(())
    }

    /// Moves an entry, and all entries below it.
    fn carry(&mut self, at: usize, from: &str, to: &str) {
        let (old_key, new_key) = (dn::key(from), dn::key(to));
        let levels = dn::depth(&old_key);
        let below: Vec<_> = self.below(&old_key).cloned().collect();
        for (key, other) in below {
            let above = dn::depth(&key) - levels;
            let dn = self.places[other].dn.take().unwrap_or_default();
            self.places[other].dn = Some(dn::rebase(&dn, above, to).unwrap_or(dn));
            let moved = [&new_key[..], &key[old_key.len()..]].concat();
            self.keys.remove(&(key, other));
            self.keys.insert((moved, other));
        }
        self.keys.remove(&(old_key, at));
        self.keys.insert((new_key, at));
        self.places[at].dn = Some(to.to_owned());
    }

    fn below<'t>(&'t self, key: &'t [u8]) -> impl Iterator<Item = &'t (Vec<u8>, usize)> {
        let from = Bound::Excluded((key.to_vec(), usize::MAX));
        let after = self.keys.range((from, Bound::Unbounded));
        after.take_while(move |(other, _)| dn::is_within(other, key))
    }

    fn has_children(&self, key: &[u8]) -> bool {
        self.below(key).next().is_some()
    }

    /// Whether the parent of this DN is as it is to be.
    fn is_parent_there(&self, key: &[u8]) -> bool {
        let above = dn::parent_key(key);
        let above = above.and_then(|above| self.coming.get(above));
        above.is_none_or(|&at| self.places[at].done)
    }

    /// Whether another entry has that DN now.
    fn is_taken(&self, key: &[u8], by_other_than: usize) -> bool {
        self.at(key).any(|at| at != by_other_than)
    }

    /// Whether an entry with that DN still needs records.
    fn is_waiting(&self, key: &[u8]) -> bool {
        self.at(key).any(|at| !self.places[at].done)
    }

    fn at(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let (from, to) = ((key.to_vec(), 0), (key.to_vec(), usize::MAX));
        self.keys.range(from..=to).map(|(_, at)| *at)
    }
}
