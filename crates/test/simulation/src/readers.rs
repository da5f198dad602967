//! Two readers of the journal: one reads at every commit, the other now and then. Each holds what the rows
//! tell it, and after each reading that has to be the copy. They know nothing else of the consumer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use syncrepl_client::journal::{JournalLink, JournalOp, JournalRow, JournalState, Seq};
use syncrepl_client::{Error, Store, Tag, Uuid};
use syncrepl_proto::attributes::{AttributeDiff, AttributeList};

/// An entry as a reader holds it: its DN, and its attributes in BER.
type Entry = (String, Vec<u8>);

/// Entries by entryUUID.
type Entries = BTreeMap<Uuid, Entry>;

/// Where a reader stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    store: Uuid,
    seq: Seq,
    commit: u64,
    tag: Option<Tag>,
}

/// The readers of one journal.
#[derive(Default)]
pub struct Readers {
    prompt: Reader,
    slow: Reader,
    /// The rows by their id: no two have the same.
    ids: BTreeMap<String, Seq>,
    link: Option<Arc<JournalLink>>,
}

impl Readers {
    /// A life of the consumer begins. Without a link nobody reads in it.
    pub fn begin(&mut self, link: Option<Arc<JournalLink>>) {
        self.link = link;
        self.tell_needed(false);
    }

    /// A commit was made, or the store is another one. Returns what is wrong.
    pub fn look(&mut self, store: &Store, rng: &mut Rng) -> Vec<String> {
        let (slow_reads, settles) = (rng.u8(0..4) == 0, rng.bool());
        let Some(link) = self.link.clone() else {
            return Vec::new();
        };
        let mut wrong = Vec::new();
        let readers = [(true, &mut self.prompt), (slow_reads, &mut self.slow)];
        for (_, reader) in readers.into_iter().filter(|(reads, _)| *reads) {
            let _inside = link.gate().read();
            let read = store.read(|_| Ok(reader.read(store, &mut self.ids)?));
            match read {
                Ok(found) => wrong.extend(found),
                Err(error) => wrong.push(format!("the journal cannot be read: {error}")),
            }
        }
        self.tell_needed(settles);
        wrong
    }

    /// Tells the writer where the last reader stands, and perhaps that nothing before is needed any more.
    fn tell_needed(&self, settles: bool) {
        let Some(link) = &self.link else { return };
        let stand = |reader: &Reader| reader.at.map_or(Seq::ZERO, |at| at.seq);
        let last = stand(&self.prompt).min(stand(&self.slow));
        link.set_needed(Some(last));
        if settles {
            link.set_settled(last);
        }
    }
}

#[derive(Default)]
struct Reader {
    at: Option<Place>,
    held: Entries,
    /// What was found wrong.
    wrong: Vec<String>,
}

impl Reader {
    /// Reads to the end of the journal, in one snapshot. Returns what is wrong.
    fn read(
        &mut self,
        store: &Store,
        ids: &mut BTreeMap<String, Seq>,
    ) -> Result<Vec<String>, Error> {
        let (id, state) = (store.position()?.store, store.journal()?);
        let mut copy = Entries::new();
        for (_, record) in store.records_after(0, usize::MAX, usize::MAX)? {
            let attributes = record.attrs().as_bytes().to_vec();
            copy.insert(record.uuid(), (record.dn().to_owned(), attributes));
        }
        match self.place_in(store, id)? {
            Some(at) => self.go_on(store, &state, at, &copy, ids)?,
            // It is new here, and cannot begin before the file knows of it.
            None if state.needed.is_none() => {
                self.at = None;
                return Ok(Vec::new());
            }
            None => self.held = copy.clone(),
        }
        self.compare(&copy);
        let before = Seq::from_value(state.head.value().saturating_sub(1)).unwrap_or_default();
        let last = store.journal_rows(before, 1, 1)?;
        self.at = last.first().map(|row| Place {
            store: id,
            seq: row.seq,
            commit: row.commit,
            tag: row.tag,
        });
        Ok(std::mem::take(&mut self.wrong))
    }

    /// Where it stands, if that is a place in the history of this store.
    fn place_in(&self, store: &Store, id: Uuid) -> Result<Option<Place>, Error> {
        let Some(at) = self.at.filter(|at| at.store == id) else {
            return Ok(None);
        };
        let known = match at.tag {
            Some(tag) => store.journal_knows(at.commit, tag)?,
            None => at.commit == 0,
        };
        Ok(known.then_some(at))
    }

    fn go_on(
        &mut self,
        store: &Store,
        state: &JournalState,
        at: Place,
        copy: &Entries,
        ids: &mut BTreeMap<String, Seq>,
    ) -> Result<(), Error> {
        let rows = store.journal_rows(at.seq, usize::MAX, usize::MAX)?;
        for row in &rows {
            let known = row.id().and_then(|id| ids.insert(id, row.seq));
            if known.is_some_and(|seq| seq != row.seq) {
                self.wrong
                    .push(format!("two rows have the id {:?}", row.id()));
            }
        }
        let folded = store.folded_after(None, at.seq, usize::MAX)?;
        let mut pending: BTreeSet<Uuid> = folded.into_iter().map(|(uuid, _)| uuid).collect();
        if at.seq < state.marker {
            self.take_all(copy, &rows, &pending);
            return Ok(());
        }
        for row in &rows {
            if !pending.contains(&row.uuid) && !self.apply(row) {
                // The row does not hold the attributes: the entry is taken as it is now.
                pending.insert(row.uuid);
            }
        }
        for uuid in pending {
            match copy.get(&uuid) {
                Some(entry) => drop(self.held.insert(uuid, entry.clone())),
                None => drop(self.held.remove(&uuid)),
            }
        }
        Ok(())
    }

    /// Looks at the whole copy. What is gone has to be told, because the copy does not show it.
    fn take_all(&mut self, copy: &Entries, rows: &[JournalRow], folded: &BTreeSet<Uuid>) {
        let told = |uuid: &Uuid| {
            let mut deletes = rows.iter().filter(|row| row.op == JournalOp::Delete);
            folded.contains(uuid) || deletes.any(|row| row.uuid == *uuid)
        };
        let mut gone = self
            .held
            .iter()
            .filter(|(uuid, _)| !copy.contains_key(uuid));
        if let Some((_, (dn, _))) = gone.find(|(uuid, _)| !told(uuid)) {
            let wrong = format!("no row of the journal tells that {dn} is gone");
            self.wrong.push(wrong);
        }
        self.held.clone_from(copy);
    }

    /// Does what a row tells. False if the row does not hold enough for that.
    fn apply(&mut self, row: &JournalRow) -> bool {
        let uuid = row.uuid;
        let after = row.after.as_ref().map(|after| after.as_list());
        let dn = row.dn.clone().unwrap_or_default();
        let held = self.held.get(&uuid);
        let fits = match row.op {
            JournalOp::Refreshed | JournalOp::Marker => return true,
            JournalOp::Add => held.is_none(),
            JournalOp::Change => held.is_some_and(|held| held.0 == dn),
            JournalOp::Rename => held.is_some_and(|held| Some(&held.0) == row.old_dn.as_ref()),
            JournalOp::Delete => held.is_some_and(|held| {
                held.0 == dn && after.is_none_or(|after| same(after.as_bytes(), &held.1))
            }),
        };
        if !fits {
            self.wrong.push(format!("{row:?} does not fit {held:?}"));
        }
        let attributes = match (row.op, held, after) {
            (JournalOp::Delete, ..) => {
                self.held.remove(&uuid);
                return true;
            }
            (JournalOp::Add, _, Some(after)) => after.as_bytes().to_vec(),
            (_, Some((_, attributes)), _) => {
                let applied = self.with_diff(row, attributes);
                if let Some(after) = after
                    && !same(after.as_bytes(), &applied)
                {
                    self.wrong.push(format!("what {row:?} tells twice differs"));
                }
                applied
            }
            _ => return false,
        };
        self.held.insert(uuid, (dn, attributes));
        true
    }

    fn with_diff(&self, row: &JournalRow, attributes: &[u8]) -> Vec<u8> {
        let Ok(list) = AttributeList::decode(attributes) else {
            return Vec::new();
        };
        let diff = row.diff.iter().flat_map(|diff| diff.iter());
        let diff = diff.map(|change| change.to_diff());
        let applied = list.with_diff(diff.collect::<Vec<AttributeDiff<'_>>>());
        applied.map_or_else(|_| Vec::new(), |list| list.as_list().as_bytes().to_vec())
    }

    fn compare(&mut self, copy: &Entries) {
        let equal = self.held.len() == copy.len()
            && self
                .held
                .iter()
                .zip(copy)
                .all(|((uuid, held), (other, entry))| {
                    uuid == other && held.0 == entry.0 && same(&held.1, &entry.1)
                });
        if !equal {
            let dns =
                |entries: &Entries| Vec::from_iter(entries.values().map(|entry| entry.0.clone()));
            let (held, copy) = (dns(&self.held), dns(copy));
            self.wrong
                .push(format!("the journal tells {held:?}, the copy is {copy:?}"));
        }
    }
}

/// Whether the attributes mean the same.
fn same(one: &[u8], other: &[u8]) -> bool {
    let lists = [one, other].map(AttributeList::decode);
    matches!(lists, [Ok(one), Ok(other)] if one.same(&other))
}
