//! The whole copy, as `refresh_done` gets it: read from the open transaction, one record at a time.

use super::records::Records;
use crate::error::{CallbackResult, Result};
use crate::record::Record;

/// The records of the copy at the end of a refresh stage. It reads them from the open transaction
/// one by one, so its memory does not grow with the directory.
pub struct Items<'a> {
    records: Records<'a>,
    count: u64,
}

impl<'a> Items<'a> {
    pub(crate) fn new(records: Records<'a>, count: u64) -> Self {
        Items { records, count }
    }

    /// The number of entries in the copy.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether the copy holds no entry.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Calls `each` with every record, parents before children. Ends with the first error of
    /// `each`, and returns it.
    pub fn for_each(&self, mut each: impl FnMut(&Record<'_>) -> CallbackResult) -> CallbackResult {
        self.records.for_each(|stored| {
            let record = stored.record()?;
            each(&record)
        })
    }

    /// Calls `found` with the record of this DN, in any spelling. Returns whether there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the file cannot be read.
    pub fn get(&self, dn: &str, found: impl FnOnce(&Record<'_>)) -> Result<bool> {
        match self.records.by_dn(dn)? {
            Some(stored) => {
                found(&stored.record()?);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

impl std::fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items")
            .field("len", &self.count)
            .finish_non_exhaustive()
    }
}
