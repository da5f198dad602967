//! One row of `syncrepl_records`, as the store knows it: who, where, and bytes that it does not read.

use rusqlite::Row;
use uuid::Uuid;

use super::failure;
use super::records::attribute_list;
use crate::Result;
use crate::record::Record;

/// The columns that [`StoredRow::read`] wants, in its order.
pub(super) const COLUMNS: &str = "uuid, dn, attributes";

/// A record of the store, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    uuid: Uuid,
    dn: String,
    attributes: Vec<u8>,
}

impl StoredRecord {
    /// The record, to be read like those that callbacks are shown.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the file was damaged.
    pub fn record(&self) -> Result<Record<'_>> {
        Ok(Record::new(
            self.uuid,
            &self.dn,
            attribute_list(&self.attributes)?,
        ))
    }
}

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

    /// The same, owned.
    pub(super) fn to_record(self) -> StoredRecord {
        StoredRecord {
            uuid: self.uuid,
            dn: self.dn.to_owned(),
            attributes: self.attributes.to_owned(),
        }
    }
}
