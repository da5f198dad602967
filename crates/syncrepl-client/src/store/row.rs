//! One row of `syncrepl_records`, as the store knows it: who, where, and bytes that it does not read.

use rusqlite::Row;
use uuid::Uuid;

use super::failure;
use crate::Result;

/// The columns that [`StoredRow::read`] wants, in its order.
pub(super) const COLUMNS: &str = "uuid, dn, attributes";

/// A record of the store, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// The entryUUID, the record's only identity.
    pub uuid: Uuid,
    /// The DN as the provider spelled it.
    pub dn: String,
    /// The attributes as the provider sent them: the bytes of a `PartialAttributeList` (RFC 4511 §4.1.7).
    pub attributes: Vec<u8>,
}

/// A record of the store, borrowed from the row that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRow<'a> {
    /// The entryUUID, the record's only identity.
    pub uuid: Uuid,
    /// The DN as the provider spelled it.
    pub dn: &'a str,
    /// The attributes as the provider sent them: the bytes of a `PartialAttributeList` (RFC 4511 §4.1.7).
    pub attributes: &'a [u8],
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

    /// The same, owned.
    pub fn to_record(&self) -> StoredRecord {
        StoredRecord {
            uuid: self.uuid,
            dn: self.dn.to_owned(),
            attributes: self.attributes.to_owned(),
        }
    }
}
