//! The temporary rows of an open stage: parked, gone and moving records.

use rusqlite::types::{FromSql, FromSqlResult, Null, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row, params};
use syncrepl_proto::Uuid;

use super::rows::{Records, range};
use crate::error::Result;

/// A statement of the provider that cannot be told yet: a new entry (`id` is `None`), or another DN
/// for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parked {
    pub(crate) uuid: Uuid,
    pub(crate) id: Option<i64>,
    pub(crate) dn: String,
    pub(crate) dn_key: Vec<u8>,
    pub(crate) attributes: Attributes,
}

/// What a parked statement says of the attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attributes {
    /// Nothing: the record keeps its own.
    Unsaid,
    /// They are those that the record has.
    Same,
    Stated(Vec<u8>),
}

impl ToSql for Attributes {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Attributes::Unsaid => Null.into(),
            Attributes::Same => 0.into(),
            Attributes::Stated(attributes) => attributes.as_slice().into(),
        })
    }
}

impl FromSql for Attributes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value {
            ValueRef::Null => Attributes::Unsaid,
            ValueRef::Integer(_) => Attributes::Same,
            stated => Attributes::Stated(stated.as_blob()?.to_vec()),
        })
    }
}

impl Parked {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Parked {
            uuid: Uuid::from_bytes(row.get(0)?),
            id: row.get(1)?,
            dn: row.get(2)?,
            dn_key: row.get(3)?,
            attributes: row.get(4)?,
        })
    }
}

/// The attributes of parked records are read ahead until they are so many bytes: one entry may have
/// millions.
const READ_AHEAD: usize = 65_536;

/// So many records are held in memory at once.
pub(crate) const FEW: usize = 500;

/// The temporary tables of an open stage. SQLite keeps them in a file outside the store.
const TEMPORARY: &str = "
    CREATE TEMP TABLE IF NOT EXISTS syncrepl_parked (
        uuid BLOB NOT NULL UNIQUE, id INTEGER, dn TEXT NOT NULL, dn_key BLOB NOT NULL, attributes BLOB,
        PRIMARY KEY (dn_key, uuid)
    ) WITHOUT ROWID;
    CREATE TEMP TABLE IF NOT EXISTS syncrepl_gone (id INTEGER PRIMARY KEY, dn_key BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS temp.syncrepl_gone_key ON syncrepl_gone (dn_key);
    CREATE TEMP TABLE IF NOT EXISTS syncrepl_moving (
        number INTEGER PRIMARY KEY, id INTEGER NOT NULL, dn_key BLOB NOT NULL
    );
";

impl Records<'_> {
    pub(crate) fn prepare_stage(&self) -> Result<()> {
        // Large enough for every statement of this file and of `ancestors` to stay prepared.
        self.0.set_prepared_statement_cache_capacity(118);
        Ok(self.0.execute_batch(TEMPORARY)?)
    }

    pub(crate) fn park(&self, parked: &Parked) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO temp.syncrepl_parked (uuid, id, dn, dn_key, attributes)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                parked.uuid.as_bytes(),
                parked.id,
                parked.dn,
                parked.dn_key,
                parked.attributes
            ])?;
        Ok(())
    }

    pub(crate) fn unpark(&self, uuid: Uuid) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("DELETE FROM temp.syncrepl_parked WHERE uuid = ?1")?;
        Ok(statement.execute([uuid.as_bytes()])? > 0)
    }

    /// The parked rename of an entry leaves its attributes as they are.
    pub(crate) fn park_dn_alone(&self, uuid: Uuid) -> Result<()> {
        self.0
            .prepare_cached(
                "UPDATE temp.syncrepl_parked SET attributes = NULL
                 WHERE uuid = ?1 AND id IS NOT NULL",
            )?
            .execute([uuid.as_bytes()])?;
        Ok(())
    }

    /// Forgets all parked rows.
    pub(crate) fn unpark_all(&self) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM temp.syncrepl_parked")?
            .execute([])?;
        Ok(())
    }

    pub(crate) fn is_parked(&self, uuid: Uuid) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM temp.syncrepl_parked WHERE uuid = ?1")?;
        Ok(statement.exists([uuid.as_bytes()])?)
    }

    /// The DN of the parked statement about this entry.
    pub(crate) fn parked_dn(&self, uuid: Uuid) -> Result<Option<String>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT dn FROM temp.syncrepl_parked WHERE uuid = ?1")?;
        Ok(statement
            .query_row([uuid.as_bytes()], |row| row.get(0))
            .optional()?)
    }

    /// The parked rename of a record.
    pub(crate) fn parked_rename(&self, id: i64) -> Result<Option<Parked>> {
        let mut statement = self.0.prepare_cached(
            "SELECT uuid, id, dn, dn_key, attributes FROM temp.syncrepl_parked
             WHERE uuid = (SELECT uuid FROM syncrepl_records WHERE id = ?1) AND id IS NOT NULL",
        )?;
        Ok(statement.query_row([id], Parked::read).optional()?)
    }

    /// A parked rename to this DN.
    pub(crate) fn rename_to(&self, dn_key: &[u8]) -> Result<Option<Parked>> {
        let mut statement = self.0.prepare_cached(
            "SELECT uuid, id, dn, dn_key, attributes FROM temp.syncrepl_parked
             WHERE dn_key = ?1 AND id IS NOT NULL LIMIT 1",
        )?;
        Ok(statement.query_row([dn_key], Parked::read).optional()?)
    }

    /// The next few parked renames or adds after this one, parents first.
    pub(crate) fn next_parked(
        &self,
        adds: bool,
        after: Option<(&[u8], Uuid)>,
    ) -> Result<Vec<Parked>> {
        let (key, uuid) = match after {
            Some((key, uuid)) => (key, *uuid.as_bytes()),
            None => (&[][..], [0; 16]),
        };
        let mut statement = self.0.prepare_cached(
            "SELECT uuid, id, dn, dn_key, attributes FROM temp.syncrepl_parked
             WHERE (id IS NULL) = ?1 AND (dn_key, uuid) > (?2, ?3)
             ORDER BY dn_key, uuid LIMIT 32",
        )?;
        let mut rows = statement.query(params![adds, key, uuid])?;
        let (mut next, mut bytes) = (Vec::new(), 0);
        while bytes < READ_AHEAD
            && let Some(row) = rows.next()?
        {
            let parked = Parked::read(row)?;
            if let Attributes::Stated(attributes) = &parked.attributes {
                bytes += attributes.len();
            }
            next.push(parked);
        }
        Ok(next)
    }

    /// The parked entries with a stated DN below `dn_key`: their entryUUIDs and stated DNs.
    pub(crate) fn parked_below(
        &self,
        dn_key: &[u8],
        mut each: impl FnMut(Uuid, String),
    ) -> Result<()> {
        let (lower, upper) = range(dn_key);
        let mut statement = self.0.prepare_cached(
            "SELECT uuid, dn FROM temp.syncrepl_parked WHERE dn_key > ?1 AND dn_key < ?2",
        )?;
        let mut rows = statement.query(params![lower, upper])?;
        while let Some(row) = rows.next()? {
            each(Uuid::from_bytes(row.get(0)?), row.get(1)?);
        }
        Ok(())
    }

    /// The ids of the records whose renames are parked.
    pub(crate) fn parked_ids(&self, mut each: impl FnMut(i64)) -> Result<()> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id FROM temp.syncrepl_parked WHERE id IS NOT NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }

    pub(crate) fn any_parked(&self) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM temp.syncrepl_parked LIMIT 1")?;
        Ok(statement.exists([])?)
    }

    pub(crate) fn list_gone(&self, id: i64) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT OR IGNORE INTO temp.syncrepl_gone (id, dn_key)
                 SELECT id, dn_key FROM syncrepl_records WHERE id = ?1",
            )?
            .execute([id])?;
        Ok(())
    }

    /// Takes the next gone record, children before parents.
    pub(crate) fn take_gone(&self) -> Result<Option<i64>> {
        // Mostly nothing is gone, and a RETURNING clause would build a table in memory each time.
        let next = self
            .0
            .prepare_cached("SELECT id FROM temp.syncrepl_gone ORDER BY dn_key DESC LIMIT 1")?
            .query_row([], |row| row.get::<_, i64>(0))
            .optional()?;
        if let Some(id) = next {
            self.0
                .prepare_cached("DELETE FROM temp.syncrepl_gone WHERE id = ?1")?
                .execute([id])?;
        }
        Ok(next)
    }

    /// The records below a DN, parents first, if they are at most [`FEW`].
    pub(crate) fn few_below(&self, dn_key: &[u8]) -> Result<Option<Vec<Placed>>> {
        let (lower, upper) = range(dn_key);
        // With a bound limit SQLite would prepare the statement again each time.
        let mut statement = self.0.prepare_cached(
            "SELECT id, dn_key FROM syncrepl_records WHERE dn_key > ?1 AND dn_key < ?2
             ORDER BY dn_key LIMIT 501",
        )?;
        let rows = statement.query_map(params![lower, upper], placed)?;
        let few = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok((few.len() <= FEW).then_some(few))
    }

    /// The next records below a DN after this one, parents first: at most `at_once`, and [`FEW`].
    pub(crate) fn next_below(
        &self,
        dn_key: &[u8],
        after: Option<(&[u8], i64)>,
        at_once: usize,
    ) -> Result<Vec<Placed>> {
        let (lower, upper) = range(dn_key);
        let (key, id) = after.unwrap_or((&lower, i64::MAX));
        let mut statement = self.0.prepare_cached(
            "SELECT id, dn_key FROM syncrepl_records WHERE (dn_key, id) > (?1, ?2) AND dn_key < ?3
             ORDER BY dn_key, id LIMIT 500",
        )?;
        let rows = statement.query_map(params![key, id, upper], placed)?;
        Ok(rows.take(at_once).collect::<rusqlite::Result<_>>()?)
    }

    /// Lists the records below a DN, parents first. The list stays while the records move.
    pub(crate) fn list_moving(&self, dn_key: &[u8]) -> Result<std::ops::Range<i64>> {
        let first: i64 = self
            .0
            .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM temp.syncrepl_moving")?
            .query_row([], |row| row.get(0))?;
        let (lower, upper) = range(dn_key);
        let count = self
            .0
            .prepare_cached(
                "INSERT INTO temp.syncrepl_moving (id, dn_key) SELECT id, dn_key FROM syncrepl_records
                 WHERE dn_key > ?1 AND dn_key < ?2 ORDER BY dn_key",
            )?
            .execute(params![lower, upper])?;
        Ok(first..first + count as i64)
    }

    /// Takes these numbers from the list.
    pub(crate) fn take_moving(&self, numbers: &std::ops::Range<i64>) -> Result<Vec<Placed>> {
        let (first, end) = (numbers.start, numbers.end);
        let mut statement = self.0.prepare_cached(
            "SELECT id, dn_key FROM temp.syncrepl_moving WHERE number >= ?1 AND number < ?2
             ORDER BY number",
        )?;
        let rows = statement.query_map([first, end], placed)?;
        let taken = rows.collect::<rusqlite::Result<_>>()?;
        self.0
            .prepare_cached("DELETE FROM temp.syncrepl_moving WHERE number >= ?1 AND number < ?2")?
            .execute([first, end])?;
        Ok(taken)
    }
}

/// A record by its rowid and the key of its DN.
pub(crate) type Placed = (i64, Vec<u8>);

fn placed(row: &Row<'_>) -> rusqlite::Result<Placed> {
    Ok((row.get(0)?, row.get(1)?))
}
