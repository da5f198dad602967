//! The rows of `syncrepl_ancestors`: the parents of records that lie below the base and are no
//! records, because the filter hides them. Temporary rows list those that have moved and those that
//! are missing. Each function is one statement, except the search for missing ones.

use rusqlite::{Connection, OptionalExtension, Row, params};
use syncrepl_proto::{Uuid, dn};

use super::records;
use crate::error::Result;

/// A row whose entryUUID is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ancestor {
    pub(crate) id: i64,
    pub(crate) uuid: Uuid,
    pub(crate) dn: String,
    pub(crate) dn_key: Vec<u8>,
    /// The entryCSN that the last search showed; `None` if the identity may not read it.
    pub(crate) csn: Option<Vec<u8>>,
}

/// An ancestor that has moved, or may have left its place and come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Strayed {
    pub(crate) id: i64,
    /// The key of its old DN.
    pub(crate) dn_key: Vec<u8>,
    /// Its present DN; `None` if it has left the base.
    pub(crate) place: Option<String>,
    pub(crate) csn: Option<Vec<u8>>,
}

impl Ancestor {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Ancestor {
            id: row.get(0)?,
            uuid: Uuid::from_bytes(row.get(1)?),
            dn: row.get(2)?,
            dn_key: row.get(3)?,
            csn: row.get(4)?,
        })
    }
}

/// Temporary tables, like those of an open stage, and not memory: a directory may have very many
/// containers.
const TEMPORARY: &str = "
    CREATE TEMP TABLE IF NOT EXISTS syncrepl_strayed (
        dn_key BLOB, id INTEGER, place TEXT, csn BLOB, PRIMARY KEY (dn_key, id)
    ) WITHOUT ROWID;
    CREATE TEMP TABLE IF NOT EXISTS syncrepl_missing (
        dn_key BLOB PRIMARY KEY, dn TEXT NOT NULL
    ) WITHOUT ROWID;
";

/// The ancestors in one connection.
#[derive(Clone, Copy)]
pub(crate) struct Ancestors<'c>(&'c Connection);

impl<'c> Ancestors<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Ancestors(connection)
    }

    pub(crate) fn prepare(&self) -> Result<()> {
        Ok(self.0.execute_batch(TEMPORARY)?)
    }

    /// The next ancestors after this rowid.
    pub(crate) fn after(&self, id: i64, limit: usize) -> Result<Vec<Ancestor>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, uuid, dn, dn_key, csn FROM syncrepl_ancestors
             WHERE id > ?1 AND uuid IS NOT NULL ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![id, limit as i64], Ancestor::read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub(crate) fn by_uuid(&self, uuid: Uuid) -> Result<Option<Ancestor>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, uuid, dn, dn_key, csn FROM syncrepl_ancestors WHERE uuid = ?1",
        )?;
        Ok(statement
            .query_row([uuid.as_bytes()], Ancestor::read)
            .optional()?)
    }

    /// Whether a row has this DN, even one without an entryUUID, which access control hides.
    pub(crate) fn holds(&self, dn_key: &[u8]) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM syncrepl_ancestors WHERE dn_key = ?1")?;
        Ok(statement.exists([dn_key])?)
    }

    /// Whether a search has shown an ancestor with this DN, so that it exists.
    pub(crate) fn is_shown(&self, dn_key: &[u8]) -> Result<bool> {
        let mut statement = self.0.prepare_cached(
            "SELECT 1 FROM syncrepl_ancestors WHERE dn_key = ?1 AND uuid IS NOT NULL",
        )?;
        Ok(statement.exists([dn_key])?)
    }

    /// Remembers an entry, and forgets an earlier row of its entryUUID. `None`: access control
    /// hides the entry.
    pub(crate) fn put(
        &self,
        uuid: Option<Uuid>,
        dn: &str,
        dn_key: &[u8],
        csn: Option<&[u8]>,
    ) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO syncrepl_ancestors (uuid, dn, dn_key, csn)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![uuid.as_ref().map(Uuid::as_bytes), dn, dn_key, csn])?;
        Ok(())
    }

    pub(crate) fn set_place(
        &self,
        id: i64,
        dn: &str,
        dn_key: &[u8],
        csn: Option<&[u8]>,
    ) -> Result<()> {
        self.0
            .prepare_cached(
                "UPDATE syncrepl_ancestors SET dn = ?2, dn_key = ?3, csn = ?4 WHERE id = ?1",
            )?
            .execute(params![id, dn, dn_key, csn])?;
        Ok(())
    }

    pub(crate) fn remove(&self, id: i64) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_ancestors WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Forgets the entries that access control hid, because the identity may have been granted a
    /// right since.
    pub(crate) fn forget_hidden(&self) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_ancestors WHERE uuid IS NULL")?
            .execute([])?;
        Ok(())
    }

    /// Forgets the ancestors that have become records, or have no record below them.
    pub(crate) fn forget_unneeded(&self) -> Result<()> {
        // A key ends with a zero byte: with a one instead it is the end of what lies below.
        self.0
            .prepare_cached(
                "DELETE FROM syncrepl_ancestors AS a
                 WHERE uuid IN (SELECT uuid FROM syncrepl_records)
                 OR NOT EXISTS (SELECT 1 FROM syncrepl_records AS r WHERE r.dn_key > a.dn_key
                     AND r.dn_key < CAST(substr(a.dn_key, 1, length(a.dn_key) - 1) || x'01' AS BLOB))",
            )?
            .execute([])?;
        Ok(())
    }

    /// The record below a DN with the lowest rowid, which the copy has held longest.
    pub(crate) fn oldest_below(&self, dn_key: &[u8]) -> Result<Option<(Uuid, String)>> {
        let (lower, upper) = records::range(dn_key);
        let mut statement = self.0.prepare_cached(
            "SELECT uuid, dn FROM syncrepl_records WHERE id = (SELECT min(id)
             FROM syncrepl_records WHERE dn_key > ?1 AND dn_key < ?2)",
        )?;
        let read = |row: &Row<'_>| Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?));
        Ok(statement
            .query_row(params![lower, upper], read)
            .optional()?)
    }

    // Ancestors that have moved.

    pub(crate) fn forget_strayed(&self) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM temp.syncrepl_strayed")?
            .execute([])?;
        Ok(())
    }

    pub(crate) fn stray(
        &self,
        ancestor: &Ancestor,
        place: Option<&str>,
        csn: Option<&[u8]>,
    ) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO temp.syncrepl_strayed (dn_key, id, place, csn)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![ancestor.dn_key, ancestor.id, place, csn])?;
        Ok(())
    }

    /// Takes the next moved ancestor, parents first.
    pub(crate) fn take_strayed(&self) -> Result<Option<Strayed>> {
        let mut statement = self.0.prepare_cached(
            "DELETE FROM temp.syncrepl_strayed WHERE (dn_key, id) =
             (SELECT dn_key, id FROM temp.syncrepl_strayed ORDER BY dn_key, id LIMIT 1)
             RETURNING id, dn_key, place, csn",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Strayed {
                id: row.get(0)?,
                dn_key: row.get(1)?,
                place: row.get(2)?,
                csn: row.get(3)?,
            })
        };
        Ok(statement.query_row([], read).optional()?)
    }

    // Ancestors that are not known yet.

    /// Lists every DN between the base and a record that belongs to no record and no ancestor.
    /// Returns their number.
    pub(crate) fn list_missing(&self, base_key: &[u8]) -> Result<usize> {
        self.0
            .prepare_cached("DELETE FROM temp.syncrepl_missing")?
            .execute([])?;
        let (lower, upper) = records::range(base_key);
        let mut statement = self.0.prepare_cached(
            "SELECT dn_key FROM syncrepl_records
             WHERE dn_key > ?1 AND dn_key < ?2 ORDER BY dn_key",
        )?;
        let mut rows = statement.query(params![lower, upper])?;
        let mut missing = 0;
        // The last key, and how much of it each record and listed parent on its way down takes.
        let (mut last, mut path) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let is_above =
                |end: &usize| last.get(..*end).is_some_and(|above| key.starts_with(above));
            while path.last().is_some_and(|end| !is_above(end)) {
                path.pop();
            }
            let known = path.last().copied().unwrap_or(base_key.len());
            let mut between = Vec::new();
            let mut above = dn::parent_key(key);
            while let Some(next) = above.filter(|above| above.len() > known) {
                between.push(next);
                above = dn::parent_key(next);
            }
            for parent in between.into_iter().rev() {
                if !self.holds(parent)? && self.miss(parent, key)? {
                    missing += 1;
                }
                path.push(parent.len());
            }
            path.push(key.len());
            last = key.to_vec();
        }
        Ok(missing)
    }

    /// Lists one. Its DN is cut from the DN of the record below it.
    fn miss(&self, dn_key: &[u8], record_key: &[u8]) -> Result<bool> {
        let record: String = self
            .0
            .prepare_cached("SELECT dn FROM syncrepl_records WHERE dn_key = ?1 LIMIT 1")?
            .query_row([record_key], |row| row.get(0))?;
        let levels = dn::depth(record_key) - dn::depth(dn_key);
        let Some(dn) = dn::ancestor(&record, levels) else {
            return Ok(false);
        };
        self.0
            .prepare_cached(
                "INSERT OR IGNORE INTO temp.syncrepl_missing (dn_key, dn) VALUES (?1, ?2)",
            )?
            .execute(params![dn_key, dn])?;
        Ok(true)
    }

    /// Takes the next from the list: their keys and DNs.
    pub(crate) fn take_missing(&self, limit: usize) -> Result<Vec<(Vec<u8>, String)>> {
        let mut statement = self.0.prepare_cached(
            "DELETE FROM temp.syncrepl_missing WHERE dn_key IN
             (SELECT dn_key FROM temp.syncrepl_missing ORDER BY dn_key LIMIT ?1)
             RETURNING dn_key, dn",
        )?;
        let rows = statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
