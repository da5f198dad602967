//! The numbers of records that a transaction has added and deleted, and how many there are.

use super::records::Records;
use super::writer::Writer;
use crate::error::Result;

/// Each write counts itself, because counting the rows would read all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) added: u64,
    pub(crate) deleted: u64,
}

impl Writer {
    /// The number of records, in the open transaction if there is one. It is added up from the
    /// writes, because counting would read all records.
    pub(crate) fn entries(&self) -> u64 {
        let Tally { added, deleted } = self.tally.get();
        let before = self.entries.get();
        before.saturating_add(added).saturating_sub(deleted)
    }

    /// Counts the records. A full comparison repairs this number as well.
    pub(crate) fn count_entries(&self) -> Result<u64> {
        let Tally { added, deleted } = self.tally.get();
        let counted = Records::new(self.connection()).count()?;
        self.entries
            .set(counted.saturating_add(deleted).saturating_sub(added));
        Ok(counted)
    }

    /// The records that the open transaction has added and deleted.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.get()
    }

    /// Takes note of records added and deleted.
    pub(crate) fn note(&self, added: u64, deleted: u64) {
        let mut tally = self.tally.get();
        tally.added += added;
        tally.deleted += deleted;
        self.tally.set(tally);
    }
}
