//! The rows of records and references. Each function is one statement; other files decide in which
//! order they run.

use rusqlite::{Connection, OptionalExtension, Row, params};
use syncrepl_proto::{Uuid, attributes::AttributeList, dn};

use crate::error::{CallbackResult, Error, ErrorKind, Result};
use crate::record::Record;
use crate::store::DAMAGED;
use crate::store::keys::Keys;

/// A row of `syncrepl_records`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) uuid: Uuid,
    pub(crate) dn: String,
    pub(crate) dn_key: Vec<u8>,
    pub(crate) attributes: Vec<u8>,
}

impl Stored {
    pub(crate) fn record(&self) -> Result<Record<'_>> {
        Ok(Record::new(
            self.uuid,
            &self.dn,
            attribute_list(&self.attributes)?,
        ))
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Stored {
            id: row.get(0)?,
            uuid: Uuid::from_bytes(row.get(1)?),
            dn: row.get(2)?,
            dn_key: row.get(3)?,
            attributes: row.get(4)?,
        })
    }
}

/// Reads attributes out of the store. They were checked before they were stored, so an error means
/// that the file is damaged.
pub(crate) fn attribute_list(bytes: &[u8]) -> Result<AttributeList<'_>> {
    AttributeList::decode(bytes).map_err(|error| {
        Error::new(ErrorKind::Store, "the store is damaged")
            .with_source(error)
            .with_hint(DAMAGED)
    })
}

/// Whether each kind of row exists when a stage begins. Most stores have none of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Any {
    pub(crate) shown: bool,
    pub(crate) parked: bool,
    pub(crate) references: bool,
}

const COLUMNS: &str = "id, uuid, dn, dn_key, attributes";

/// The two keys between which everything below a DN lies. There are always two, and SQL compares
/// both with the column alone. With an optional bound SQLite would scan the index to its end.
pub(crate) fn range(dn_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // A key begins with an attribute type, or with the mark of a text that is no DN.
    const BEYOND_ALL: u8 = 0xff;
    let (lower, upper) = dn::descendants(dn_key);
    (lower, upper.unwrap_or_else(|| vec![BEYOND_ALL]))
}

/// The rows of one connection.
#[derive(Clone, Copy)]
pub(crate) struct Records<'c>(pub(super) &'c Connection);

impl<'c> Records<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Records(connection)
    }

    /// One statement, since each group of the persist stage begins with it.
    pub(crate) fn any_of_each(&self) -> Result<Any> {
        let mut statement = self.0.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM syncrepl_placed), EXISTS (SELECT 1 FROM temp.syncrepl_parked),
                    EXISTS (SELECT 1 FROM syncrepl_references)",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(Any {
                shown: row.get(0)?,
                parked: row.get(1)?,
                references: row.get(2)?,
            })
        })?)
    }

    fn one(&self, sql: &str, parameter: impl rusqlite::ToSql) -> Result<Option<Stored>> {
        let mut statement = self.0.prepare_cached(sql)?;
        Ok(statement.query_row([parameter], Stored::read).optional()?)
    }

    pub(crate) fn by_uuid(&self, uuid: Uuid) -> Result<Option<Stored>> {
        let sql = "SELECT id, uuid, dn, dn_key, attributes FROM syncrepl_records WHERE uuid = ?1";
        self.one(sql, uuid.as_bytes())
    }

    pub(crate) fn by_id(&self, id: i64) -> Result<Option<Stored>> {
        let sql = "SELECT id, uuid, dn, dn_key, attributes FROM syncrepl_records WHERE id = ?1";
        self.one(sql, id)
    }

    /// The DN key of a record, without its other columns.
    pub(crate) fn key_of(&self, id: i64) -> Result<Option<Vec<u8>>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT dn_key FROM syncrepl_records WHERE id = ?1")?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    /// The record with this DN. Several may share a key while a stage is open. Then it is the one
    /// spelled exactly so, or else any.
    pub(crate) fn by_dn(&self, dn: &str) -> Result<Option<Stored>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM syncrepl_records WHERE dn_key = ?1 ORDER BY dn = ?2 DESC LIMIT 1"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        Ok(statement
            .query_row(params![Keys::read(self.0)?.of(dn), dn], Stored::read)
            .optional()?)
    }

    /// The record that holds this DN and is not `except`.
    pub(crate) fn holder(&self, dn_key: &[u8], except: Option<i64>) -> Result<Option<i64>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id FROM syncrepl_records WHERE dn_key = ?1 AND id IS NOT ?2 LIMIT 1",
        )?;
        Ok(statement
            .query_row(params![dn_key, except], |row| row.get(0))
            .optional()?)
    }

    pub(crate) fn id_of(&self, uuid: Uuid) -> Result<Option<i64>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id FROM syncrepl_records WHERE uuid = ?1")?;
        Ok(statement
            .query_row([uuid.as_bytes()], |row| row.get(0))
            .optional()?)
    }

    pub(crate) fn uuid_of(&self, id: i64) -> Result<Option<Uuid>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT uuid FROM syncrepl_records WHERE id = ?1")?;
        let read = |row: &Row<'_>| Ok(Uuid::from_bytes(row.get(0)?));
        Ok(statement.query_row([id], read).optional()?)
    }

    /// The highest rowid in the tables of records and of shown records.
    pub(crate) fn last_id(&self) -> Result<i64> {
        let sql = "SELECT max(coalesce((SELECT max(id) FROM syncrepl_records), 0),
                       coalesce((SELECT max(id) FROM syncrepl_placed), 0))";
        Ok(self.0.query_row(sql, [], |row| row.get(0))?)
    }

    /// Stores a record, unless one has this entryUUID, and returns its rowid. Without `id`, SQLite
    /// chooses the one above the highest.
    pub(crate) fn insert(
        &self,
        id: Option<i64>,
        uuid: Uuid,
        dn: &str,
        dn_key: &[u8],
        attributes: &[u8],
    ) -> Result<Option<i64>> {
        let uuid = uuid.as_bytes();
        let inserted = match id {
            None => self
                .0
                .prepare_cached(
                    "INSERT INTO syncrepl_records (uuid, dn, dn_key, attributes)
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (uuid) DO NOTHING",
                )?
                .execute(params![uuid, dn, dn_key, attributes])?,
            Some(id) => self
                .0
                .prepare_cached(
                    "INSERT INTO syncrepl_records (id, uuid, dn, dn_key, attributes)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (uuid) DO NOTHING",
                )?
                .execute(params![id, uuid, dn, dn_key, attributes])?,
        };
        Ok((inserted > 0).then(|| self.0.last_insert_rowid()))
    }

    pub(crate) fn set_dn(&self, id: i64, dn: &str, dn_key: &[u8]) -> Result<()> {
        self.0
            .prepare_cached("UPDATE syncrepl_records SET dn = ?2, dn_key = ?3 WHERE id = ?1")?
            .execute(params![id, dn, dn_key])?;
        Ok(())
    }

    pub(crate) fn set_attributes(&self, id: i64, attributes: &[u8]) -> Result<()> {
        self.0
            .prepare_cached("UPDATE syncrepl_records SET attributes = ?2 WHERE id = ?1")?
            .execute(params![id, attributes])?;
        Ok(())
    }

    pub(crate) fn delete(&self, id: i64) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_records WHERE id = ?1")?
            .execute([id])?;
        self.0
            .prepare_cached("DELETE FROM syncrepl_placed WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    pub(crate) fn count(&self) -> Result<u64> {
        let mut statement = self
            .0
            .prepare_cached("SELECT count(*) FROM syncrepl_records")?;
        Ok(statement
            .query_row([], |row| row.get::<_, i64>(0))?
            .unsigned_abs())
    }

    /// Every record, parents before children.
    pub(crate) fn for_each(
        &self,
        mut each: impl FnMut(&Stored) -> CallbackResult,
    ) -> CallbackResult {
        let sql = format!("SELECT {COLUMNS} FROM syncrepl_records ORDER BY dn_key");
        let mut statement = self.0.prepare(&sql).map_err(Error::from)?;
        let mut rows = statement.query([]).map_err(Error::from)?;
        while let Some(row) = rows.next().map_err(Error::from)? {
            each(&Stored::read(row).map_err(Error::from)?)?;
        }
        Ok(())
    }

    /// The id of every record.
    pub(crate) fn ids(&self, mut each: impl FnMut(i64)) -> Result<()> {
        let mut statement = self.0.prepare_cached("SELECT id FROM syncrepl_records")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }

    /// The DN key of every record.
    pub(crate) fn keys(&self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut statement = self
            .0
            .prepare_cached("SELECT dn_key FROM syncrepl_records")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get_ref(0)?.as_blob().unwrap_or_default());
        }
        Ok(())
    }

    /// The id, DN key and DN of every record, parents first.
    pub(crate) fn names(&self, mut each: impl FnMut(i64, &[u8], &str)) -> Result<()> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id, dn_key, dn FROM syncrepl_records ORDER BY dn_key")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key = row.get_ref(1)?.as_blob().unwrap_or_default();
            each(
                row.get(0)?,
                key,
                row.get_ref(2)?.as_str().unwrap_or_default(),
            );
        }
        Ok(())
    }

    /// The DN key and DN of a record.
    pub(crate) fn name_of(&self, id: i64) -> Result<Option<(Vec<u8>, String)>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT dn_key, dn FROM syncrepl_records WHERE id = ?1")?;
        let name = statement.query_row([id], |row| row.try_into()).optional()?;
        Ok(name)
    }

    /// A record that `wanted` accepts, among the first thousand.
    pub(crate) fn any(&self, wanted: impl Fn(i64) -> bool) -> Result<Option<Uuid>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id, uuid FROM syncrepl_records LIMIT 1000")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if wanted(row.get(0)?) {
                return Ok(Some(Uuid::from_bytes(row.get(1)?)));
            }
        }
        Ok(None)
    }

    /// The ids of all records below a DN, parents first.
    pub(crate) fn below(&self, dn_key: &[u8], mut each: impl FnMut(i64)) -> Result<()> {
        let (lower, upper) = range(dn_key);
        let mut statement = self.0.prepare_cached(
            "SELECT id FROM syncrepl_records WHERE dn_key > ?1 AND dn_key < ?2
             ORDER BY dn_key",
        )?;
        let mut rows = statement.query(params![lower, upper])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }

    /// Whether any record lies below a DN.
    pub(crate) fn any_below(&self, dn_key: &[u8]) -> Result<bool> {
        let (lower, upper) = range(dn_key);
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM syncrepl_records WHERE dn_key > ?1 AND dn_key < ?2")?;
        Ok(statement.exists(params![lower, upper])?)
    }

    // References.

    pub(crate) fn reference_id(&self, uuid: Uuid) -> Result<Option<i64>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id FROM syncrepl_references WHERE uuid = ?1")?;
        Ok(statement
            .query_row([uuid.as_bytes()], |row| row.get(0))
            .optional()?)
    }

    /// Stores a reference. `None` keeps the URLs that are stored.
    pub(crate) fn set_reference(&self, uuid: Uuid, urls: Option<&[u8]>) -> Result<i64> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO syncrepl_references (uuid, urls) VALUES (?1, coalesce(?2, x''))
             ON CONFLICT (uuid) DO UPDATE SET urls = coalesce(?2, urls) RETURNING id",
        )?;
        Ok(statement.query_row(params![uuid.as_bytes(), urls], |row| row.get(0))?)
    }

    pub(crate) fn delete_reference(&self, uuid: Uuid) -> Result<bool> {
        let mut statement = self
            .0
            .prepare_cached("DELETE FROM syncrepl_references WHERE uuid = ?1")?;
        Ok(statement.execute([uuid.as_bytes()])? > 0)
    }

    /// Deletes every reference whose id is not kept.
    pub(crate) fn retain_references(&self, kept: impl Fn(i64) -> bool) -> Result<()> {
        let mut gone = Vec::new();
        let mut statement = self
            .0
            .prepare_cached("SELECT id FROM syncrepl_references")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if !kept(id) {
                gone.push(id);
            }
        }
        let mut statement = self
            .0
            .prepare_cached("DELETE FROM syncrepl_references WHERE id = ?1")?;
        for id in gone {
            statement.execute([id])?;
        }
        Ok(())
    }
}
