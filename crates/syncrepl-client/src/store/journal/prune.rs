//! Keeps the journal within its bounds, and remembers who reads it, between two commits and a little at a time. A row goes when every reader
//! has had it for long, or when there are too many rows or it is too old. The entry of a row that a reader has
//! not had is *folded*: its entryUUID is kept, and the reader asks for its state of then.

use std::time::{Duration, Instant, SystemTime};

use rusqlite::Connection;

use super::append::{Journal, Stand, millis};
use super::link::Readers;
use super::rows::{Oldest, Rows};
use super::seq::Seq;
use super::settings::{self, FLOOR, MARKER, NEEDED};
use crate::error::{ErrorKind, Result};
use crate::store::{Writer, failure};

/// How often it is looked whether rows can go, while there are few new ones.
const SELDOM: Duration = Duration::from_secs(10);

/// Where the journal is to be, in the words of one look at it.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Where the last reader stands, if there is one.
    needed: Option<Seq>,
    /// Every reader has had the rows up to here for long.
    settled: Seq,
    /// Rows from before this time are too old, in milliseconds since 1970.
    eldest: u64,
    /// By so much the journal is too large.
    excess: u64,
}

impl Bounds {
    /// Whether the oldest row goes.
    fn drops(&self, row: &Oldest) -> bool {
        self.excess > 0
            || row.time < self.eldest
            || self.needed.is_some() && row.seq <= self.settled
    }
}

/// What a transaction of pruning has done.
#[derive(Debug, Default, Clone, Copy)]
struct Pruned {
    /// The last row that went,
    floor: Option<Seq>,
    /// and the last one that went without being folded, because every reader had it.
    forgotten: Option<Seq>,
    rows: u64,
    bytes: u64,
}

impl Journal {
    /// Where the last of all readers stands.
    pub(super) fn needed(&self) -> Option<Seq> {
        match self.link.readers() {
            Readers::AsStored => self.stand.get().needed,
            Readers::None => None,
            Readers::At(seq) => Some(seq),
        }
    }

    /// Whether to look if rows can go. `idle` says that there is nothing else to do.
    fn is_due(&self, now: Instant, idle: bool) -> bool {
        let appended = self.stand.get().appended;
        let long_ago = || {
            let last = self.pruned.get();
            last.is_none_or(|last| now.saturating_duration_since(last) >= SELDOM)
        };
        idle || appended * 10 >= self.limits.prune || long_ago()
    }

    /// Looks how far the journal is beyond its bounds.
    fn bounds(&self, conn: &Connection) -> Result<Bounds> {
        let kept = &self.kept.settings;
        let needed = self.needed();
        Ok(Bounds {
            needed,
            settled: self.link.settled().min(needed.unwrap_or_default()),
            eldest: millis(SystemTime::now())
                .saturating_sub(u64::try_from(kept.max_age.as_millis()).unwrap_or(u64::MAX)),
            excess: self.bytes(conn)?.saturating_sub(kept.max_bytes),
        })
    }

    /// About how many bytes the rows take; zero while the whole file is smaller than the journal may be. They are
    /// added up once, and counted from then on.
    fn bytes(&self, conn: &Connection) -> Result<u64> {
        let stand = self.stand.get();
        if let Some(bytes) = stand.bytes {
            return Ok(bytes);
        }
        let rows = Rows(conn);
        if rows.file_size()? <= self.kept.settings.max_bytes {
            return Ok(0);
        }
        let (_, bytes) = rows.size()?;
        self.set_stand(Stand {
            bytes: Some(bytes),
            ..stand
        });
        Ok(bytes)
    }

    /// Drops the oldest rows that are beyond the bounds, in the open transaction. The newest row always stays: it
    /// says where the journal stands.
    fn prune(&self, conn: &Connection, mut bounds: Bounds) -> Result<Pruned> {
        let (rows, mut pruned) = (Rows(conn), Pruned::default());
        rows.for_oldest(self.stand.get().head, self.limits.prune, |row| {
            if !bounds.drops(row) {
                return Ok(false);
            }
            let is_missed = bounds.needed.is_some_and(|needed| row.seq > needed);
            if is_missed && !row.uuid.is_nil() {
                rows.fold(row.uuid, row.seq)?;
            }
            bounds.excess = bounds.excess.saturating_sub(row.bytes);
            pruned = Pruned {
                floor: Some(row.seq),
                forgotten: match is_missed {
                    true => pruned.forgotten,
                    false => Some(row.seq),
                },
                rows: pruned.rows + 1,
                bytes: pruned.bytes + row.bytes,
            };
            Ok(true)
        })?;
        if let Some(floor) = pruned.floor {
            rows.remove_to(floor)?;
            settings::set_place(conn, FLOOR, Some(floor))?;
        }
        if bounds.needed != self.stand.get().needed {
            if rows.unfold(bounds.needed)? {
                let floor = settings::place(conn, FLOOR)?;
                pruned.forgotten = pruned.forgotten.max(bounds.needed.or(floor));
            }
            settings::set_place(conn, NEEDED, bounds.needed)?;
        }
        // A reader may go back to where it stood before: it then has to look at the whole copy.
        if pruned.forgotten > settings::place(conn, MARKER)? {
            settings::set_place(conn, MARKER, pruned.forgotten)?;
        }
        Ok(pruned)
    }

    /// Takes note of what a committed transaction has pruned.
    fn have_pruned(&self, pruned: Pruned, needed: Option<Seq>, now: Instant) {
        let stand = self.stand.get();
        // More may have to go: then it is due again at the next commit.
        let all = pruned.rows < self.limits.prune;
        self.set_stand(Stand {
            needed,
            bytes: stand.bytes.map(|bytes| bytes.saturating_sub(pruned.bytes)),
            appended: if all { 0 } else { self.limits.prune },
            ..stand
        });
        self.pruned.set(Some(now));
    }
}

impl Writer {
    /// Drops rows of the journal that are not needed any more, if it is time for that. `idle` says that there is
    /// nothing else to do. It does nothing in a transaction, and waits for no other program. A failure is told
    /// to the log alone: the next commit fails by itself if the disk does.
    pub(crate) fn prune_journal(&self, now: Instant, idle: bool) {
        let due = |journal: &&Journal| !self.in_transaction() && journal.is_due(now, idle);
        let Some(journal) = self.journal().filter(due) else {
            return;
        };
        match self.prune(journal, now) {
            Err(error) if error.kind() == ErrorKind::StoreLocked => {
                tracing::debug!("another program writes: the journal is pruned later");
            }
            Err(error) => tracing::warn!("the journal could not be pruned: {error}"),
            Ok(()) => {}
        }
    }

    fn prune(&self, journal: &Journal, now: Instant) -> Result<()> {
        self.check_files()?;
        let (conn, mut pruned) = (self.connection(), Pruned::default());
        let bounds = journal.bounds(conn)?;
        let mut any = bounds.needed != journal.stand.get().needed;
        if !any {
            Rows(conn).for_oldest(journal.stand.get().head, 1, |row| {
                any = bounds.drops(row);
                Ok(false)
            })?;
        }
        if any {
            self.without_waiting(|| {
                self.in_own_transaction(|conn| {
                    pruned = journal.prune(conn, bounds)?;
                    Ok(())
                })
            })?;
        }
        journal.have_pruned(pruned, bounds.needed, now);
        Ok(())
    }

    /// Remembers in the file that a reader is there, as soon as no transaction is open.
    pub(crate) fn remember_readers(&self) {
        let news = |journal: &&Journal| !self.in_transaction() && journal.knows_of_more_readers();
        let Some(journal) = self.journal().filter(news) else {
            return;
        };
        let done = self.check_files().and_then(|()| {
            self.without_waiting(|| self.in_own_transaction(|conn| journal.remember_readers(conn)))
        });
        match done {
            Ok(()) => journal.set_stand(journal.stand.get()),
            Err(error) => {
                journal.rolled_back();
                tracing::debug!("the readers of the journal are remembered later: {error}");
            }
        }
    }

    /// Makes room on a full disk: empties the log, and drops rows of the journal.
    pub(crate) fn make_room(&mut self, now: Instant) {
        self.rollback();
        self.checkpoint();
        self.prune_journal(now, true);
    }

    /// Does something that fails at once if another program writes.
    fn without_waiting<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let conn = self.connection();
        conn.busy_timeout(Duration::ZERO)
            .map_err(failure::of_store)?;
        let done = run();
        conn.busy_timeout(crate::store::writer::BUSY)
            .map_err(failure::of_store)?;
        done
    }
}
