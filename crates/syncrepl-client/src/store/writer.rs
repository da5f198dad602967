//! The consumer's access to the store: the lock, the transactions that outlive a `poll`, and the
//! number of the commit. Other files decide what a transaction writes.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::authorizer::Gate;
use super::checkpoint::{self, Log};
use super::cursor::{Access, Cursor};
use super::file::{self, Lock};
use super::handle::Store;
use super::history::{self, Position, Run, Tag};
use super::ids::Ids;
use super::journal::{Journal, JournalLimits, JournalLink};
use super::keys::Keys;
use super::presence::{self, Presence};
use super::records::Records;
use super::schema::Found;
use super::tally::Tally;
use super::{failure, schema, settings};
use crate::error::{CallbackResult, Error, ErrorKind, Result};

/// The time limit for another program's transaction to end. It is longer than a handle's, because
/// giving up ends the run.
pub(super) const BUSY: Duration = Duration::from_secs(30);

/// The consumer's connection. At most one exists for a file, in this or any process.
pub(crate) struct Writer {
    // Declared before the lock, so that it is closed first.
    pub(super) conn: Connection,
    gate: Arc<Gate>,
    stage_open: Arc<AtomicBool>,
    commit_number: u64,
    run: Run,
    /// The changes that the open transaction has told.
    pub(super) told: Cell<u64>,
    /// The number of records after the last commit.
    pub(super) entries: Cell<u64>,
    pub(super) tally: Cell<Tally>,
    ids: Ids,
    keys: Keys,
    /// The journal, if it is on.
    pub(super) journal: Option<Journal>,
    pub(super) journal_limits: JournalLimits,
    pub(super) journal_link: Arc<JournalLink>,
    pub(super) log: Log,
    checkpoint_owed: bool,
    path: PathBuf,
    presence: Presence,
    _lock: Lock,
}

impl Writer {
    /// Opens the store. Creates it if there is none, and migrates an older one.
    ///
    /// Fails with `StoreLocked`, `NotAStore`, `NewerVersion` or `Store`. It does not change a file
    /// that is not a store.
    pub(crate) fn open(path: &Path) -> Result<Writer> {
        let given = path;
        let path = file::resolve(given)?;
        if path.exists() {
            // This comes before the lock file is created, so that a file that is no store gets none
            // beside it.
            schema::identify(&file::connect(&path, BUSY)?, &path)?;
        }
        let lock = Lock::take(&path)?;
        file::create(&path)?;
        let created = presence::at(&path);
        let mut conn = file::connect(&path, BUSY)?;
        let found = schema::identify(&conn, &path)?;
        if found == Found::Empty {
            file::choose_page_size(&conn).map_err(failure::of_store)?;
        }
        checkpoint::use_wal(&conn, &path)?;
        schema::migrate(&conn, found)?;
        let gate = Gate::install(&mut conn).map_err(failure::of_store)?;
        let log = Log::watch(&mut conn).map_err(failure::of_store)?;
        let commit_number = settings::commit(&conn)?.number;
        let entries = match settings::entries(&conn)? {
            Some(entries) => entries,
            None => Records::new(&conn).count()?,
        };
        let ids = Ids::after(Records::new(&conn).last_id()?);
        let keys = Keys::read(&conn)?;
        let presence = Presence::note(given, &path, created, Some(&lock))?;
        let (limits, link) = (JournalLimits::DEFAULT, Arc::new(JournalLink::new()));
        let journal = Journal::open(&conn, limits, &link)?;
        Ok(Writer {
            conn,
            gate,
            stage_open: Arc::new(AtomicBool::new(false)),
            commit_number,
            run: Run::begin(),
            told: Cell::default(),
            entries: Cell::new(entries),
            tally: Cell::default(),
            ids,
            keys,
            journal,
            journal_limits: limits,
            journal_link: link,
            log,
            checkpoint_owed: false,
            path,
            presence,
            _lock: lock,
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The rowids of new records.
    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The keys of DNs.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A user's handle to the same store. Its writes fail at once while a stage is open.
    pub(crate) fn handle(&self) -> Result<Store> {
        Store::connect(&self.path, &self.path, Arc::clone(&self.stage_open))
    }

    /// Begins the transaction of a refresh stage. From now on handles refuse to write.
    pub(crate) fn begin_stage(&mut self) -> Result<()> {
        self.check_files()?;
        self.stage_open.store(true, Ordering::Release);
        self.begin().inspect_err(|_| self.stage_closed())
    }

    /// Begins the transaction of a group of changes. Handles that write wait for it to end.
    pub(crate) fn begin_group(&mut self) -> Result<()> {
        self.begin()
    }

    fn begin(&self) -> Result<()> {
        self.tally.set(Tally::default());
        self.told.set(0);
        if let Some(journal) = &self.journal {
            journal.begin();
        }
        self.execute("BEGIN IMMEDIATE").map_err(|err| {
            if failure::is_busy(&err) {
                let message = format!("another program keeps writing to {}", self.path.display());
                return Error::new(ErrorKind::StoreLocked, message)
                    .with_hint("end its transaction")
                    .with_source(err);
            }
            failure::of_store(err)
        })
    }

    /// Commits, and returns the number of the commit, which the same transaction stores. After an
    /// error the transaction is rolled back; with `StoreGone` the file is not at its path any more.
    pub(crate) fn commit(&mut self) -> Result<u64> {
        let number = self.next_commit();
        let done = self.check_files().and_then(|()| self.commit_as(number));
        let was_stage = self.stage_open.load(Ordering::Acquire);
        if let Err(error) = done {
            self.rollback();
            return Err(error);
        }
        self.stage_closed();
        self.commit_number = number;
        self.run.committed();
        self.told.set(0);
        self.entries.set(self.entries());
        self.tally.take();
        if let Some(journal) = &self.journal {
            journal.committed();
        }
        self.log.committed();
        if was_stage || self.checkpoint_owed {
            self.checkpoint_owed = !self.checkpoint();
        }
        Ok(number)
    }

    fn commit_as(&self, number: u64) -> Result<()> {
        if !self.in_transaction() {
            return Err(failure::transaction_ended());
        }
        if let Some(journal) = &self.journal {
            journal.finish(&self.conn, number)?;
        }
        self.run.store(&self.conn, number)?;
        settings::set_commit(&self.conn, number, self.told.get())?;
        if self.tally.get() != Tally::default() || self.stage_open.load(Ordering::Acquire) {
            let entries = self.entries().to_string();
            self.set_setting(settings::ENTRIES, Some(entries.as_bytes()))?;
        }
        self.execute("COMMIT").map_err(failure::of_store)
    }

    /// Remembers a setting of ours at once, in a transaction of its own that is no commit: it belongs to no
    /// change.
    pub(crate) fn remember(&self, name: &str, value: &[u8]) -> Result<()> {
        self.in_own_transaction(|conn| settings::set(conn, name, Some(value)))
    }

    /// Writes something of ours at once, in a transaction of its own that is no commit. None may be open.
    pub(super) fn in_own_transaction(
        &self,
        write: impl FnOnce(&Connection) -> Result<()>,
    ) -> Result<()> {
        self.begin()?;
        let done = write(&self.conn).and_then(|()| Ok(self.execute("COMMIT")?));
        if done.is_err() && self.in_transaction() {
            // The caller gets the error of the write, not one of this rollback.
            self.conn.execute_batch("ROLLBACK").ok();
        }
        done
    }

    /// Runs a statement that every group needs. It stays prepared, since parsing costs as much as
    /// running.
    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Empties the log, which a refresh may leave as large as the copy. While readers use it, it
    /// stays, and the next commit tries again. Returns whether it is empty.
    pub(super) fn checkpoint(&mut self) -> bool {
        let emptied = self.conn.busy_timeout(Duration::ZERO).is_ok() && self.log.empty(&self.conn);
        if let Err(error) = self.conn.busy_timeout(BUSY) {
            tracing::warn!(%error, "the busy timeout could not be restored");
        }
        emptied
    }

    /// The number of the last commit; 0 if there was none.
    pub(crate) fn commit_number(&self) -> u64 {
        self.commit_number
    }

    /// The number that [`commit`](Self::commit) gives next.
    pub(crate) fn next_commit(&self) -> u64 {
        self.commit_number.saturating_add(1)
    }

    /// The tag of the commits to come, until something is rolled back that was told.
    pub(crate) fn next_tag(&self) -> Tag {
        self.run.tag()
    }

    /// Where the store stands in its history.
    pub(crate) fn position(&self) -> Result<Position> {
        history::position(&self.conn)
    }

    /// Begins a new run: the commits to come bear another tag. Whatever was told since the last commit
    /// is void.
    pub(crate) fn begin_run(&mut self) {
        self.run = Run::begin();
    }

    /// The number of changes that the open transaction has told.
    pub(crate) fn told(&self) -> u64 {
        self.told.get()
    }

    /// Fails with `StoreGone` if a file of the store was deleted, moved or replaced.
    pub(crate) fn check_files(&self) -> Result<()> {
        self.presence.check()
    }

    /// Rolls the open transaction back, if there is one.
    pub(crate) fn rollback(&mut self) {
        if self.in_transaction()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            // The transaction ends at the latest when the connection closes.
            tracing::warn!(%error, "the rollback failed");
        }
        self.tally.take();
        if self.told.take() > 0 {
            self.begin_run();
        }
        self.ids.rolled_back();
        if let Some(journal) = &self.journal {
            journal.rolled_back();
        }
        if let Err(error) = self.keys.read_again(&self.conn) {
            tracing::warn!(%error, "the names that letter case tells apart could not be read again");
        }
        self.stage_closed();
    }

    fn stage_closed(&self) {
        self.stage_open.store(false, Ordering::Release);
    }

    /// A value that differs after each write of the open transaction: to rows, or to tables, which
    /// SQLite does not count as changes.
    pub(crate) fn written(&self) -> Result<(u64, i64, i64)> {
        let version = |sql| self.conn.query_row(sql, [], |row| row.get::<_, i64>(0));
        Ok((
            self.conn.total_changes(),
            version("PRAGMA main.schema_version").map_err(failure::of_store)?,
            version("PRAGMA temp.schema_version").map_err(failure::of_store)?,
        ))
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }

    /// The value of any setting, ours included.
    pub(crate) fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        settings::get(&self.conn, name)
    }

    /// Sets or removes any setting, ours included, inside the open transaction.
    pub(crate) fn set_setting(&self, name: &str, value: Option<&[u8]>) -> Result<()> {
        settings::set(&self.conn, name, value)
    }

    /// For our own statements. The connection never leaves this crate.
    pub(crate) fn connection(&self) -> &Connection {
        &self.conn
    }

    /// A cursor on the open transaction, for users. The authorizer is on as long as the cursor
    /// lives.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor::lend(&self.conn, &self.gate, Access::Write)
    }

    /// Runs a callback with a cursor. After an error the caller must roll the transaction back: the
    /// callback failed, or its SQL ended the transaction, whatever it returned.
    pub(crate) fn with_cursor(
        &self,
        callback: impl FnOnce(&Cursor<'_>) -> CallbackResult,
    ) -> Result<()> {
        callback(&self.cursor()).map_err(failure::of_callback)?;
        if !self.in_transaction() {
            return Err(failure::transaction_ended());
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.rollback();
        // If another file took the place of this one, SQLite leaves the log where it is. The other
        // file must not be opened with it.
        if self.check_files().is_err() && !self.checkpoint() {
            tracing::warn!("the log of the file that went away could not be emptied");
        }
    }
}
