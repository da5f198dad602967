//! What a handle reads of the journal, and what a reader of it needs besides: records by their rowid, and
//! the log on the disk.

use std::fs::File;
use std::io::ErrorKind as IoErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row, params};
use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::OwnedAttributeList;

use super::blob::JournalDiff;
use super::row::{Cause, JournalOp, JournalRow, JournalSize, JournalState};
use super::rows::Rows;
use super::seq::Seq;
use super::settings::{self, FLOOR, MARKER, NEEDED};
use crate::error::{Error, Result};
use crate::record::OwnedRecord;
use crate::store::handle::Store;
use crate::store::history::{self, Tag};
use crate::store::row::StoredRow;
use crate::store::settings::unreadable;
use crate::store::{failure, file};

/// Milliseconds since 1970 as a time.
fn time(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// The journal, as a relay or a person reads it. Inside of [`Store::read`] all of these see its one snapshot.
impl Store {
    /// Reads one state of the store.
    fn snapshot<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.read(|_| Ok(read(self.connection())?))
    }

    /// The state of the journal. It costs a few look-ups, whatever its size.
    ///
    /// # Errors
    /// Those of the store.
    pub fn journal(&self) -> Result<JournalState> {
        self.snapshot(|conn| {
            let kept = settings::kept(conn)?;
            let rows = Rows(conn);
            let place = |name| Ok::<_, Error>(settings::place(conn, name)?.unwrap_or_default());
            Ok(JournalState {
                on: kept.is_some(),
                since: kept.as_ref().and_then(|kept| kept.since()),
                head: rows.head()?,
                floor: place(FLOOR)?,
                marker: place(MARKER)?,
                needed: settings::place(conn, NEEDED)?,
                oldest: rows.oldest()?.map(time),
                settings: kept.map(|kept| kept.settings).unwrap_or_default(),
            })
        })
    }

    /// The size of the journal. It reads the journal, so ask seldom.
    ///
    /// # Errors
    /// Those of the store.
    pub fn journal_size(&self) -> Result<JournalSize> {
        self.snapshot(|conn| {
            let rows = Rows(conn);
            let (count, bytes) = rows.size()?;
            Ok(JournalSize {
                rows: count,
                bytes,
                folded: rows.folded()?,
            })
        })
    }

    /// The place of the newest row; zero if there never was one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn journal_head(&self) -> Result<Seq> {
        self.snapshot(|conn| Rows(conn).head())
    }

    /// The rows after `after`, in their order: at most `max_rows` of them, and no more than take about
    /// `max_bytes`, but at least one if there is any.
    ///
    /// # Errors
    /// Those of the store.
    pub fn journal_rows(
        &self,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<JournalRow>> {
        self.snapshot(|conn| {
            let mut tags = Tags { conn, last: None };
            let sql = "SELECT seq, commit_, n, op, uuid, cause, time, dn, old_dn, diff, after
                       FROM syncrepl_journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            let mut statement = conn.prepare_cached(sql)?;
            let limit = i64::try_from(max_rows).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![after.stored(), limit])?;
            let (mut found, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                bytes += size_of_columns(row, 7..11)?;
                if bytes > max_bytes && !found.is_empty() {
                    break;
                }
                found.push(journal_row(row, &mut tags)?);
            }
            Ok(found)
        })
    }

    /// Whether this store made the commit with this number and [`Tag`], as [`Store::knows`]: if not, a position
    /// that names them is one in another history.
    ///
    /// # Errors
    /// Those of the store.
    pub fn journal_knows(&self, commit: u64, tag: Tag) -> Result<bool> {
        self.knows(commit, tag)
    }

    /// The entries of which rows were dropped before every known reader had them, in the order of their
    /// entryUUID, from the one behind `after` on, `limit` at the most. Of each the place of the last row that
    /// was dropped, where it is behind `above`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn folded_after(
        &self,
        after: Option<Uuid>,
        above: Seq,
        limit: usize,
    ) -> Result<Vec<(Uuid, Seq)>> {
        self.snapshot(|conn| {
            let sql = "SELECT uuid, seq FROM syncrepl_folded WHERE uuid > ?1 AND seq > ?2
                       ORDER BY uuid LIMIT ?3";
            let mut statement = conn.prepare_cached(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            // No bytes at all come before every UUID.
            let after = after.as_ref().map_or(&[][..], |uuid| uuid.as_bytes());
            let rows = statement.query_map(params![after, above.stored(), limit], |row| {
                Ok((Uuid::from_bytes(row.get(0)?), Seq::of_stored(row.get(1)?)))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The place of the last row that was dropped of an entry before every known reader had it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn folded_seq(&self, uuid: Uuid) -> Result<Option<Seq>> {
        let sql = "SELECT seq FROM syncrepl_folded WHERE uuid = ?1";
        let mut statement = self.connection().prepare_cached(sql)?;
        Ok(statement
            .query_row([uuid.as_bytes()], |row| Ok(Seq::of_stored(row.get(0)?)))
            .optional()?)
    }

    /// The records with a rowid behind this one, in the order of rowids, with these: at most `max_rows` of them,
    /// and no more than take about `max_bytes`, but at least one if there is any. A rowid is never given twice,
    /// and a record keeps its own: so every record that is there from the first call to the last is seen.
    ///
    /// # Errors
    /// Those of the store.
    pub fn records_after(
        &self,
        rowid: i64,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<(i64, OwnedRecord)>> {
        self.snapshot(|conn| {
            let sql = "SELECT uuid, dn, attributes, id FROM syncrepl_records WHERE id > ?1
                       ORDER BY id LIMIT ?2";
            let mut statement = conn.prepare_cached(sql)?;
            let limit = i64::try_from(max_rows).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![rowid, limit])?;
            let (mut found, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                bytes += size_of_columns(row, 1..3)?;
                if bytes > max_bytes && !found.is_empty() {
                    break;
                }
                found.push((row.get(3)?, StoredRow::read(row)?.record()?.to_owned()));
            }
            Ok(found)
        })
    }

    /// The record with this entryUUID, with its rowid.
    ///
    /// # Errors
    /// Those of the store.
    pub fn record_row(&self, uuid: Uuid) -> Result<Option<(i64, OwnedRecord)>> {
        self.snapshot(|conn| {
            let sql = "SELECT uuid, dn, attributes, id FROM syncrepl_records WHERE uuid = ?1";
            let mut statement = conn.prepare_cached(sql)?;
            let mut rows = statement.query([uuid.as_bytes()])?;
            match rows.next()? {
                Some(row) => Ok(Some((
                    row.get(3)?,
                    StoredRow::read(row)?.record()?.to_owned(),
                ))),
                None => Ok(None),
            }
        })
    }

    /// The rowid of the record with this entryUUID.
    ///
    /// # Errors
    /// Those of the store.
    pub fn record_rowid(&self, uuid: Uuid) -> Result<Option<i64>> {
        self.snapshot(|conn| {
            let sql = "SELECT id FROM syncrepl_records WHERE uuid = ?1";
            let mut statement = conn.prepare_cached(sql)?;
            Ok(statement
                .query_row([uuid.as_bytes()], |row| row.get(0))
                .optional()?)
        })
    }

    /// Waits until every commit that this handle sees is on the disk, where a power cut cannot undo it. It
    /// takes as long as the disk does, and holds nobody up.
    ///
    /// It opens `FILE-wal` anew and closes it. SQLite has its locks on `FILE` and `FILE-shm` alone: closing a
    /// descriptor of one of those would drop them, and one of `FILE-wal` drops nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the disk fails.
    pub fn sync_log(&self) -> Result<()> {
        let log = file::beside(self.path(), "-wal");
        let failed = |err| failure::of_file(&log, "written to the disk", err);
        match File::open(&log) {
            Ok(file) => file.sync_data().map_err(failed),
            // Without a log everything is in the file, which was synced before the log went.
            Err(err) if err.kind() == IoErrorKind::NotFound => Ok(()),
            Err(err) => Err(failed(err)),
        }
    }
}

/// The tags of commits, of which many rows in a row have the same.
struct Tags<'c> {
    conn: &'c Connection,
    last: Option<(u64, Option<Tag>)>,
}

impl Tags<'_> {
    fn of(&mut self, commit: u64) -> Result<Option<Tag>> {
        match self.last {
            Some((last, tag)) if last == commit => Ok(tag),
            _ => {
                let tag = history::tag(self.conn, commit)?;
                self.last = Some((commit, tag));
                Ok(tag)
            }
        }
    }
}

fn journal_row(row: &Row<'_>, tags: &mut Tags<'_>) -> Result<JournalRow> {
    let number = |at| Ok::<_, Error>(row.get::<_, i64>(at)?.cast_unsigned());
    let blob = |at| row.get::<_, Option<Vec<u8>>>(at);
    let commit = number(1)?;
    let diff = blob(9)?.map(JournalDiff::decode).transpose();
    let after = blob(10)?.map(OwnedAttributeList::decode).transpose();
    Ok(JournalRow {
        seq: Seq::of_stored(row.get(0)?),
        commit,
        tag: tags.of(commit)?,
        n: number(2)?,
        op: JournalOp::of_stored(row.get(3)?).ok_or_else(damaged)?,
        uuid: Uuid::from_bytes(row.get(4)?),
        cause: Cause::of_stored(row.get(5)?).ok_or_else(damaged)?,
        time: time(row.get(6)?),
        dn: row.get(7)?,
        old_dn: row.get(8)?,
        diff: diff.map_err(|error| damaged().with_source(error))?,
        after: after.map_err(|error| damaged().with_source(error))?,
    })
}

fn damaged() -> Error {
    unreadable("a row of the journal is damaged")
}

/// The bytes of texts and blobs.
fn size_of_columns(row: &Row<'_>, columns: std::ops::Range<usize>) -> rusqlite::Result<usize> {
    let mut bytes = 0;
    for at in columns {
        bytes += row
            .get_ref(at)?
            .as_bytes_or_null()
            .ok()
            .flatten()
            .map_or(0, <[u8]>::len);
    }
    Ok(bytes)
}
