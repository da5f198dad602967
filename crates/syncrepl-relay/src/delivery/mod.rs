//! The memory of the relays, in a file beside the store: `FILE-delivery`.
//!
//! It may lag behind the sinks, and never leads: a position is written after its events are safe. So the file may
//! be deleted. A sink that can tell where it stands is asked; any other gets a pass over everything.

mod dead;
mod sinks;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use syncrepl_client::rusqlite::{self, Connection, OptionalExtension};
use uuid::Uuid;

pub use dead::{Dead, DeadCount};
pub use sinks::Stored;
pub(crate) use sinks::{Attempts, Skip};

/// The tables. `sinks.read` is how far the journal was read for a sink, `sinks.sent` the last position that the
/// sink acknowledged, `sinks.sending` how far it may have been told.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS delivery (version INTEGER NOT NULL, source BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS sinks (
        name TEXT PRIMARY KEY, read TEXT NOT NULL, sent TEXT NOT NULL, sending TEXT, note TEXT, shape TEXT,
        paused INTEGER NOT NULL DEFAULT 0, resync INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS attempts (
        sink TEXT PRIMARY KEY, id TEXT NOT NULL, count INTEGER NOT NULL, first INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS skips (
        sink TEXT NOT NULL, uuid BLOB NOT NULL, after INTEGER NOT NULL, until INTEGER NOT NULL,
        PRIMARY KEY (sink, uuid)
    );
    CREATE TABLE IF NOT EXISTS dead (
        sink TEXT NOT NULL, id TEXT NOT NULL, uuid BLOB NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL,
        why TEXT NOT NULL, seq INTEGER NOT NULL, generation INTEGER NOT NULL, event BLOB NOT NULL,
        retry INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (sink, id)
    );
";

/// The version of the tables.
const VERSION: i64 = 1;

/// The file of deliveries. All threads of a process share one.
#[derive(Debug)]
pub struct Delivery {
    conn: Mutex<Connection>,
    path: PathBuf,
}

/// Why the file of deliveries cannot be used.
#[derive(Debug)]
pub struct DeliveryError {
    message: String,
    hint: &'static str,
}

impl std::fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.message, self.hint)
    }
}

impl std::error::Error for DeliveryError {}

/// The result of a call to the file of deliveries.
pub(crate) type Result<T> = std::result::Result<T, DeliveryError>;

impl Delivery {
    /// The file of deliveries of the store at `store`, which has the id `source`. Creates it if there is none.
    ///
    /// # Errors
    /// The file cannot be used, or belongs to another store.
    pub fn open(store: &Path, source: Uuid) -> Result<Delivery> {
        let path = Delivery::path_of(store);
        create(&path)?;
        let conn = Connection::open(&path).map_err(|error| unusable(&path, &error))?;
        let delivery = Delivery {
            conn: Mutex::new(conn),
            path,
        };
        delivery.prepare(source)?;
        Ok(delivery)
    }

    /// Where the file of deliveries of a store is.
    pub fn path_of(store: &Path) -> PathBuf {
        let mut path = store.as_os_str().to_owned();
        path.push("-delivery");
        path.into()
    }

    fn prepare(&self, source: Uuid) -> Result<()> {
        let conn = self.conn();
        let limit = std::time::Duration::from_secs(30);
        conn.busy_timeout(limit)
            .map_err(|error| self.failed(&error))?;
        conn.execute_batch(SCHEMA)
            .map_err(|error| self.failed(&error))?;
        let known = conn
            .query_row("SELECT version, source FROM delivery", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()
            .map_err(|error| self.failed(&error))?;
        match known {
            None => {
                let row = (VERSION, source.as_bytes().as_slice());
                conn.execute("INSERT INTO delivery VALUES (?1, ?2)", row)
                    .map(drop)
                    .map_err(|error| self.failed(&error))
            }
            Some((VERSION, known)) if known == source.as_bytes() => Ok(()),
            Some((VERSION, _)) => Err(DeliveryError {
                message: format!("{} belongs to another store", self.path.display()),
                hint: "put the right store beside it, or delete it: every sink is then asked where it stands",
            }),
            Some(_) => Err(DeliveryError {
                message: format!("a newer syncrepl wrote {}", self.path.display()),
                hint: "use that version",
            }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked left no transaction open: each is rolled back when dropped.
        self.conn
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs `f` in one transaction.
    fn write<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let mut conn = self.conn();
        let done = conn.transaction().and_then(|transaction| {
            let value = f(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(|error| self.failed(&error))
    }

    fn read<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        f(&self.conn()).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> DeliveryError {
        unusable(&self.path, error)
    }
}

/// Creates the file for its owner alone, if there is none: dead letters hold values of entries. SQLite gives its log
/// the same mode.
fn create(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    let made = options.append(true).create(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| DeliveryError {
        message: format!("{}: {error}", path.display()),
        hint: "give the file and its folder to the user that runs syncrepl",
    })
}

fn unusable(path: &Path, error: &rusqlite::Error) -> DeliveryError {
    DeliveryError {
        message: format!("{} cannot be used: {error}", path.display()),
        hint: "check its disk and its owner; if it is damaged, delete it: every sink is then asked where it stands",
    }
}
