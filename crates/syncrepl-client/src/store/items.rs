//! The whole copy, as `refresh_done` is shown it: read from the open transaction, a record at a time.

use super::records::Records;
use crate::error::{CallbackResult, Result};
use crate::record::Record;

/// Everything in the copy when a refresh stage has ended. It reads from the open transaction as it
/// goes, so its memory does not grow with the directory.
pub struct Items<'a> {
    records: Records<'a>,
    count: u64,
}

impl<'a> Items<'a> {
    pub(crate) fn new(records: Records<'a>, count: u64) -> Self {
        Items { records, count }
    }

    /// How many entries the copy holds.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether the copy holds no entry.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Shows every record, parents before children. An error from `each` ends it and is returned.
    pub fn for_each(&self, mut each: impl FnMut(&Record<'_>) -> CallbackResult) -> CallbackResult {
        self.records.for_each(|stored| {
            let record = stored.record()?;
            each(&record)
        })
    }

    /// Shows the record with this DN, and says whether there is one; spelling and case do not matter.
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
