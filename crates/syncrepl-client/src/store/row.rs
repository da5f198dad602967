//! One row of `syncrepl_records`, as handles read it.

use rusqlite::Row;
use uuid::Uuid;

use super::failure;
use super::records::attribute_list;
use crate::error::Result;
use crate::record::Record;

/// The columns that [`StoredRow::read`] wants, in its order.
pub(super) const COLUMNS: &str = "uuid, dn, attributes";

/// A record of the store, borrowed from the row that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredRow<'a> {
    uuid: Uuid,
    dn: &'a str,
    attributes: &'a [u8],
}

impl<'a> StoredRow<'a> {
    /// Reads the [`COLUMNS`] of a row.
    pub(super) fn read(row: &'a Row<'_>) -> Result<Self> {
        fn columns<'a>(row: &'a Row<'_>) -> rusqlite::Result<StoredRow<'a>> {
            Ok(StoredRow {
                uuid: Uuid::from_bytes(row.get(0)?),
                dn: row.get_ref(1)?.as_str()?,
                attributes: row.get_ref(2)?.as_blob()?,
            })
        }
        columns(row).map_err(failure::of_store)
    }

    pub(super) fn record(&self) -> Result<Record<'a>> {
        Ok(Record::new(
            self.uuid,
            self.dn,
            attribute_list(self.attributes)?,
        ))
    }
}
