//! The rows of the journal and of the folded entries. Each function is one statement; other files decide in
//! which order they run.

use rusqlite::{Connection, OptionalExtension, params};
use syncrepl_proto::Uuid;

use super::row::{Cause, JournalOp};
use super::seq::Seq;
use crate::error::Result;

/// A row that is written.
#[derive(Clone, Copy)]
pub(super) struct NewRow<'a> {
    pub(super) seq: Seq,
    pub(super) commit: u64,
    pub(super) n: u64,
    pub(super) op: JournalOp,
    pub(super) uuid: Uuid,
    pub(super) cause: Cause,
    /// Milliseconds since 1970.
    pub(super) time: u64,
    pub(super) dn: Option<&'a str>,
    pub(super) old_dn: Option<&'a str>,
    pub(super) diff: Option<&'a [u8]>,
    pub(super) after: Option<&'a [u8]>,
}

impl<'a> NewRow<'a> {
    /// A marker between two commits, of which `commit` is the first.
    pub(super) fn marker(seq: Seq, commit: u64, time: u64) -> NewRow<'a> {
        NewRow {
            seq,
            commit,
            n: 0,
            op: JournalOp::Marker,
            uuid: Uuid::nil(),
            cause: Cause::Refresh,
            time,
            dn: None,
            old_dn: None,
            diff: None,
            after: None,
        }
    }
}

/// What pruning has to know of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Oldest {
    pub(super) seq: Seq,
    /// Milliseconds since 1970.
    pub(super) time: u64,
    /// All zero if it tells of no entry.
    pub(super) uuid: Uuid,
    pub(super) bytes: u64,
}

/// About how many bytes a row takes besides its texts and blobs.
const ROW: usize = 64;

impl NewRow<'_> {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> u64 {
        let texts = [self.dn, self.old_dn].map(|text| text.map_or(0, str::len));
        let blobs = [self.diff, self.after].map(|blob| blob.map_or(0, <[u8]>::len));
        (ROW + texts.iter().chain(&blobs).sum::<usize>()) as u64
    }
}

/// The rows of one connection.
#[derive(Clone, Copy)]
pub(super) struct Rows<'c>(pub(super) &'c Connection);

impl Rows<'_> {
    pub(super) fn insert(&self, row: &NewRow<'_>) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO syncrepl_journal
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                row.seq.stored(),
                row.commit.cast_signed(),
                row.n.cast_signed(),
                row.op.stored(),
                row.uuid.as_bytes(),
                row.cause.stored(),
                row.time.cast_signed(),
                row.dn,
                row.old_dn,
                row.diff,
                row.after,
            ])?;
        Ok(())
    }

    /// Gives the row of a rename what changed with it.
    pub(super) fn complete(&self, seq: Seq, diff: &[u8], after: Option<&[u8]>) -> Result<()> {
        self.0
            .prepare_cached("UPDATE syncrepl_journal SET diff = ?2, after = ?3 WHERE seq = ?1")?
            .execute(params![seq.stored(), diff, after])?;
        Ok(())
    }

    /// The newest place; zero if there is no row.
    pub(super) fn head(&self) -> Result<Seq> {
        let mut statement = self
            .0
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM syncrepl_journal")?;
        Ok(Seq::of_stored(statement.query_row([], |row| row.get(0))?))
    }

    /// The time of the oldest row, in milliseconds since 1970.
    pub(super) fn oldest(&self) -> Result<Option<i64>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT time FROM syncrepl_journal ORDER BY seq LIMIT 1")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }

    /// The number of rows, and about how many bytes they take.
    pub(super) fn size(&self) -> Result<(u64, u64)> {
        let mut statement = self.0.prepare_cached(
            "SELECT count(*), coalesce(sum(64 + coalesce(length(dn), 0) + coalesce(length(old_dn), 0)
                 + coalesce(length(diff), 0) + coalesce(length(after), 0)), 0)
             FROM syncrepl_journal",
        )?;
        let size: (i64, i64) = statement.query_row([], |row| row.try_into())?;
        Ok((size.0.unsigned_abs(), size.1.unsigned_abs()))
    }

    /// Calls `each` with the oldest rows before `head`, at most `limit`, until it returns false.
    pub(super) fn for_oldest(
        &self,
        head: Seq,
        limit: u64,
        mut each: impl FnMut(&Oldest) -> Result<bool>,
    ) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, time, uuid, 64 + coalesce(length(dn), 0) + coalesce(length(old_dn), 0)
                 + coalesce(length(diff), 0) + coalesce(length(after), 0)
             FROM syncrepl_journal WHERE seq < ?1 ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = statement.query([head.stored(), limit.cast_signed()])?;
        while let Some(row) = rows.next()? {
            let number = |at| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
            let oldest = Oldest {
                seq: Seq::of_stored(row.get(0)?),
                time: number(1)?,
                uuid: Uuid::from_bytes(row.get(2)?),
                bytes: number(3)?,
            };
            if !each(&oldest)? {
                break;
            }
        }
        Ok(())
    }

    /// The size of the whole file, in bytes.
    pub(super) fn file_size(&self) -> Result<u64> {
        let number = |sql| self.0.query_row(sql, [], |row| row.get::<_, i64>(0));
        let (pages, size) = (number("PRAGMA page_count")?, number("PRAGMA page_size")?);
        Ok(pages.unsigned_abs().saturating_mul(size.unsigned_abs()))
    }

    /// The number of folded entries.
    pub(super) fn folded(&self) -> Result<u64> {
        let mut statement = self
            .0
            .prepare_cached("SELECT count(*) FROM syncrepl_folded")?;
        let count: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Remembers that rows of this entry up to `seq` are gone.
    pub(super) fn fold(&self, uuid: Uuid, seq: Seq) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO syncrepl_folded VALUES (?1, ?2)
                 ON CONFLICT (uuid) DO UPDATE SET seq = max(seq, excluded.seq)",
            )?
            .execute(params![uuid.as_bytes(), seq.stored()])?;
        Ok(())
    }

    /// Remembers the deletes that are told after `from`, as of `seq`.
    pub(super) fn fold_deletes(&self, from: Seq, seq: Seq) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO syncrepl_folded
                 SELECT uuid, ?2 FROM syncrepl_journal WHERE seq > ?1 AND op = 4
                 ON CONFLICT (uuid) DO UPDATE SET seq = max(seq, excluded.seq)",
            )?
            .execute(params![from.stored(), seq.stored()])?;
        Ok(())
    }

    /// Removes the rows after `from`.
    pub(super) fn remove_after(&self, from: Seq) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_journal WHERE seq > ?1")?
            .execute([from.stored()])?;
        Ok(())
    }

    /// Removes the rows up to `floor`.
    pub(super) fn remove_to(&self, floor: Seq) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_journal WHERE seq <= ?1")?
            .execute([floor.stored()])?;
        Ok(())
    }

    /// Forgets the folded entries that every reader has had, now that the last one stands here; all of them if
    /// there is no reader.
    pub(super) fn unfold(&self, needed: Option<Seq>) -> Result<bool> {
        let needed = needed.map_or(i64::MAX, Seq::stored);
        let removed = self
            .0
            .prepare_cached("DELETE FROM syncrepl_folded WHERE seq <= ?1")?
            .execute([needed])?;
        Ok(removed > 0)
    }

    /// Removes every row.
    pub(super) fn remove_all(&self) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM syncrepl_journal")?
            .execute([])?;
        Ok(())
    }
}
