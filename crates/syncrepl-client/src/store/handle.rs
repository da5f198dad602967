//! A user's handle to the store. It reads beside the consumer, and writes in transactions of its
//! own.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle, Params};
use uuid::Uuid;

use super::authorizer::Gate;
use super::cursor::{Access, Cursor};
use super::failure::{self, FUNCTION_FAILED};
use super::history::{self, Position, Tag};
use super::keys::Keys;
use super::presence::{self, Presence};
use super::reader::{self, Frozen};
use super::row::{self, StoredRow};
use super::schema::Found;
use super::transaction::{FunctionResult, Transaction};
use super::{adopt, backup, file, schema, settings};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{OwnedRecord, Record};

/// The time limit for another program's transaction to end.
const BUSY: Duration = Duration::from_secs(5);

/// A handle to a store: a connection with transactions of its own, while a consumer runs or none does.
///
/// Reading never waits for the consumer, and shows the last commit. Write into tables of your own and into
/// settings. While a refresh stage of the same process is open, a write fails at once with
/// [`ErrorKind::RefreshRunning`]. Otherwise it waits for another writer, 5 s at most, and then fails with the
/// same. Once the file was deleted, moved or replaced, a write fails with [`ErrorKind::StoreGone`]. Any other
/// failure is [`ErrorKind::Store`], unless said otherwise.
///
/// A handle is `Send`: give each thread its own.
pub struct Store {
    conn: Connection,
    gate: Arc<Gate>,
    stage_open: Arc<AtomicBool>,
    path: PathBuf,
    presence: Presence,
    /// Set if nothing keeps others from writing while this handle reads.
    frozen: Option<Frozen>,
    pub(super) busy: Duration,
}

impl Store {
    /// Opens a store that exists. The right to read it is enough, on a read-only file system too, unless a
    /// run that was killed left its newest commits in `FILE-wal` and `FILE-shm` is gone. A store in a folder
    /// where no file can be created, and that no run has open, is read without a lock: reading it fails with
    /// [`ErrorKind::Store`] if somebody wrote to it meanwhile.
    ///
    /// Fails with [`ErrorKind::NotAStore`] when the file is something else, [`ErrorKind::NewerVersion`]
    /// when a newer version wrote it, [`ErrorKind::Store`] when there is no such file, it cannot be
    /// read, or an older version wrote it and no consumer has migrated it yet.
    pub fn open(path: impl AsRef<Path>) -> Result<Store> {
        let given = path.as_ref();
        let path = file::resolve(given)?;
        if !path.exists() {
            let message = format!("there is no store {}", path.display());
            return Err(Error::new(ErrorKind::Store, message)
                .with_hint("the first refresh creates it; check the path"));
        }
        Store::connect(given, &path, Arc::default())
    }

    /// Opens a resolved `path`, to which `given` leads. The consumer of this process, if there is one,
    /// shares `stage_open`.
    pub(super) fn connect(given: &Path, path: &Path, stage_open: Arc<AtomicBool>) -> Result<Store> {
        let before = presence::at(path);
        let (mut conn, frozen) = reader::connect(path, BUSY)?;
        match schema::identify(&conn, path)? {
            Found::Store(version) if version == schema::current() => {}
            Found::Store(_) => {
                let message = format!("{} is a store of an older version", path.display());
                return Err(Error::new(ErrorKind::Store, message)
                    .with_hint("refresh it once: that brings it up to date"));
            }
            Found::Empty => return Err(failure::empty(path)),
        }
        let gate = Gate::install(&mut conn).map_err(failure::of_store)?;
        Ok(Store {
            conn,
            gate,
            stage_open,
            path: path.to_owned(),
            presence: Presence::note(given, path, before, None)?,
            frozen,
            busy: BUSY,
        })
    }

    /// The value of a setting, or `None` when it was never set.
    pub fn get_setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        settings::get(&self.conn, name)
    }

    /// Sets a setting or, with `None`, removes it, in a transaction of its own.
    ///
    /// Names that begin with `syncrepl` are reserved: [`ErrorKind::InvalidInput`].
    pub fn set_setting(&mut self, name: &str, value: Option<&[u8]>) -> Result<()> {
        settings::check_user_name(name)?;
        let transaction = self.begin_write()?;
        settings::set(&self.conn, name, value)?;
        transaction.commit()
    }

    /// Runs `f` in a transaction that can write. Commits when it returns `Ok`; an error or a panic
    /// rolls everything back.
    ///
    /// An error of `f` is returned, with kind [`ErrorKind::Callback`] if it is not an [`Error`] already.
    /// [`ErrorKind::SqlRefused`] when its SQL ended the transaction (see [`Cursor`]).
    pub fn transaction<T>(
        &mut self,
        f: impl FnOnce(&Cursor<'_>) -> FunctionResult<T>,
    ) -> Result<T> {
        let transaction = self.begin_write()?;
        let value = transaction.run(Access::Write, f)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Runs `f` on a snapshot: however long it takes, it sees one state of the store, that of now.
    /// A write through its cursor is [`ErrorKind::SqlRefused`]. Errors of `f` as in
    /// [`transaction`](Self::transaction).
    ///
    /// While it runs, the store's log cannot be emptied. An endless read makes the log grow.
    pub fn read<T>(&self, f: impl FnOnce(&Cursor<'_>) -> FunctionResult<T>) -> Result<T> {
        if !self.conn.is_autocommit() {
            // A read inside another read of this handle uses the same snapshot.
            return f(&Cursor::lend(&self.conn, &self.gate, Access::Read))
                .map_err(|err| failure::of_function(err, FUNCTION_FAILED));
        }
        // A snapshot begins with the first read, not with BEGIN.
        let transaction = Transaction::begin(
            &self.conn,
            &self.gate,
            "BEGIN DEFERRED; SELECT version FROM syncrepl_schema LIMIT 1;",
        )
        .map_err(failure::of_store)?;
        let value = transaction.run(Access::Read, f)?;
        transaction.commit()?;
        self.check_frozen()?;
        Ok(value)
    }

    fn check_frozen(&self) -> Result<()> {
        self.frozen.as_ref().map_or(Ok(()), Frozen::check)
    }

    /// The record with this DN, in any spelling. If two records share it, the one spelled exactly so, else
    /// the one stored last.
    pub fn get(&self, dn: &str) -> Result<Option<OwnedRecord>> {
        self.get_where(
            "dn_key = ?1 ORDER BY dn = ?2 DESC, id DESC LIMIT 1",
            (Keys::read(&self.conn)?.of(dn), dn),
        )
    }

    /// The record with this entryUUID.
    pub fn get_by_uuid(&self, uuid: Uuid) -> Result<Option<OwnedRecord>> {
        self.get_where("uuid = ?1", [uuid.as_bytes().as_slice()])
    }

    /// `condition` is a constant of ours, never a user's text.
    fn get_where(&self, condition: &str, params: impl Params) -> Result<Option<OwnedRecord>> {
        let sql = format!(
            "SELECT {} FROM syncrepl_records WHERE {condition}",
            row::COLUMNS
        );
        let mut statement = self.conn.prepare_cached(&sql).map_err(failure::of_store)?;
        let mut rows = statement.query(params).map_err(failure::of_store)?;
        match rows.next().map_err(failure::of_store)? {
            Some(row) => {
                let record = StoredRow::read(row)?.record()?.to_owned();
                self.check_frozen()?;
                Ok(Some(record))
            }
            None => self.check_frozen().map(|()| None),
        }
    }

    /// Calls `visit` with every record, parents before their children, until it returns `Break`. It
    /// reads one snapshot, in constant memory. Errors of `visit` as in
    /// [`transaction`](Self::transaction).
    pub fn records(
        &self,
        mut visit: impl FnMut(&Record<'_>) -> FunctionResult<ControlFlow<()>>,
    ) -> Result<()> {
        let sql = format!(
            "SELECT {} FROM syncrepl_records ORDER BY dn_key, id",
            row::COLUMNS
        );
        let mut statement = self.conn.prepare(&sql).map_err(failure::of_store)?;
        let mut rows = statement.query([]).map_err(failure::of_store)?;
        while let Some(row) = rows.next().map_err(failure::of_store)? {
            let visited = visit(&StoredRow::read(row)?.record()?)
                .map_err(|err| failure::of_function(err, FUNCTION_FAILED))?;
            if visited.is_break() {
                break;
            }
        }
        self.check_frozen()
    }

    /// The number of records.
    pub fn count(&self) -> Result<u64> {
        self.conn
            .query_row("SELECT count(*) FROM syncrepl_records", [], |row| {
                row.get::<_, i64>(0)
            })
            .map(i64::unsigned_abs)
            .map_err(failure::of_store)
    }

    /// For our own statements, which read.
    pub(super) fn connection(&self) -> &Connection {
        &self.conn
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of records as the last commit noted it, which costs nothing.
    pub(crate) fn noted_count(&self) -> Result<u64> {
        settings::entries(&self.conn)?.map_or_else(|| self.count(), Ok)
    }

    /// Where the store stands in its history, all of one snapshot.
    pub fn position(&self) -> Result<Position> {
        self.read(|_| Ok(history::position(&self.conn)?))
    }

    /// Whether this store made the commit with this number and [`Tag`]. If not, the number belongs to
    /// another history: a backup was put back, a copy of the file went its own way, or a power cut took
    /// the newest commits. The store remembers its last 10,000 runs of the consumer; what is older is
    /// not known either.
    pub fn knows(&self, commit: u64, tag: Tag) -> Result<bool> {
        self.read(|_| Ok(history::knows(&self.conn, commit, tag)?))
    }

    /// Lets SQLite gather statistics of the tables, for faster queries. It is quick, and a write.
    pub fn optimize(&mut self) -> Result<()> {
        self.maintain("PRAGMA optimize;")
    }

    /// Rebuilds the file without the space that deleted rows left. It is a write that takes longer
    /// the larger the file is, and meanwhile needs twice the file's size. Rows of your own tables
    /// without an `INTEGER PRIMARY KEY` may get other rowids.
    pub fn vacuum(&mut self) -> Result<()> {
        self.maintain("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
    }

    fn maintain(&self, sql: &str) -> Result<()> {
        self.presence.check()?;
        self.refuse_during_stage()?;
        self.conn.execute_batch(sql).map_err(failure::of_store)
    }

    /// Copies the store as it is now, with your tables, into a new file that only its owner may
    /// read. A consumer may run meanwhile. The new file is a store too.
    ///
    /// [`ErrorKind::InvalidInput`] when `path` exists. After any other error nothing is left at `path`.
    pub fn backup_to(&self, path: impl AsRef<Path>) -> Result<()> {
        backup::write(&self.conn, path.as_ref(), self.busy)
    }

    /// Makes a new store from the copy as it is now, for the search `url`.
    pub(crate) fn adopt_to(&self, path: &Path, url: &str) -> Result<()> {
        adopt::write(&self.conn, path, self.busy, url)
    }

    /// Interrupts, from any thread, the SQL that this handle is running: it fails with
    /// [`ErrorKind::Stopped`].
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.conn.get_interrupt_handle()
    }

    fn refuse_during_stage(&self) -> Result<()> {
        if self.stage_open.load(Ordering::Acquire) {
            return Err(failure::refresh_running());
        }
        Ok(())
    }

    /// Waits for another writer, but never for a refresh stage, even if one begins meanwhile.
    fn begin_write(&self) -> Result<Transaction<'_>> {
        self.presence.check()?;
        const SLICE: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + self.busy;
        self.conn.busy_timeout(SLICE).map_err(failure::of_store)?;
        let begun = loop {
            if let Err(error) = self.refuse_during_stage() {
                break Err(error);
            }
            match Transaction::begin(&self.conn, &self.gate, "BEGIN IMMEDIATE;") {
                Ok(transaction) => break Ok(transaction),
                Err(err) if failure::is_busy(&err) && Instant::now() < deadline => {}
                Err(err) => break Err(failure::of_store(err)),
            }
        };
        self.conn.busy_timeout(BUSY).map_err(failure::of_store)?;
        begun
    }
}
