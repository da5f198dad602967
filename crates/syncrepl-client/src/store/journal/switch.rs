//! Turns the journal on and off. A marker stands at both places, because the changes between them are told
//! by no row. Neither is a commit.

use std::path::Path;
use std::time::SystemTime;

use rusqlite::Connection;

use super::append::{Journal, JournalLimits, millis};
use super::rows::{NewRow, Rows};
use super::seq::Seq;
use super::settings::{self, JournalSettings, Kept};
use crate::error::Result;
use crate::store::Writer;
use crate::store::handle::Store;
use crate::store::settings as stored;

/// Turns the journal of the store at `path` on, or has it kept in another way from now on. Every program
/// that writes to the copy then writes the journal, until [`turn_off`]. Returns whether it was off.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for settings that make no sense;
/// [`StoreLocked`](crate::ErrorKind::StoreLocked) while a consumer uses the store; those of
/// [`Store::open`] when there is no store, and the others of the store.
pub fn turn_on(path: impl AsRef<Path>, settings: &JournalSettings) -> Result<bool> {
    settings.check()?;
    let mut writer = existing(path.as_ref())?;
    writer.journal_on(settings)
}

/// Turns the journal of the store at `path` off, and drops its rows. Returns whether it was on.
///
/// # Errors
/// As for [`turn_on`].
pub fn turn_off(path: impl AsRef<Path>) -> Result<bool> {
    existing(path.as_ref())?.journal_off()
}

/// The writer of a store that exists already.
fn existing(path: &Path) -> Result<Writer> {
    drop(Store::open(path)?);
    Writer::open(path)
}

impl Writer {
    /// Turns the journal on, or has it kept in another way. Returns whether it was off.
    pub(crate) fn journal_on(&mut self, settings: &JournalSettings) -> Result<bool> {
        let was = self.journal.as_ref().map(|journal| &journal.kept);
        if was.is_some_and(|kept| kept.settings == *settings) {
            return Ok(false);
        }
        let kept = Kept {
            since: was.map_or_else(|| millis(SystemTime::now()), |kept| kept.since),
            settings: settings.clone(),
        };
        let was_off = was.is_none();
        let commit = self.commit_number();
        self.in_own_transaction(|conn| {
            stored::set(conn, settings::KEPT, Some(kept.to_text().as_bytes()))?;
            match was_off {
                true => mark(conn, commit),
                false => Ok(()),
            }
        })?;
        self.read_journal()?;
        Ok(was_off)
    }

    /// Reads from the file whether the journal is on, and how it is kept.
    fn read_journal(&mut self) -> Result<()> {
        self.journal = Journal::open(self.connection(), self.journal_limits, &self.journal_link)?;
        Ok(())
    }

    /// Lets few rows be many, for the simulation.
    pub(crate) fn limit_journal(&mut self, limits: JournalLimits) -> Result<()> {
        self.journal_limits = limits;
        self.read_journal()
    }

    /// Turns the journal off. Returns whether it was on.
    fn journal_off(&mut self) -> Result<bool> {
        if self.journal.is_none() {
            return Ok(false);
        }
        let commit = self.commit_number();
        self.in_own_transaction(|conn| {
            stored::set(conn, settings::KEPT, None)?;
            clear(conn, commit)
        })?;
        self.read_journal()?;
        Ok(true)
    }
}

/// Writes a marker behind the last row.
fn mark(conn: &Connection, commit: u64) -> Result<()> {
    let (rows, now) = (Rows(conn), SystemTime::now());
    let seq = rows.head()?.after(now);
    rows.insert(&NewRow::marker(seq, commit, millis(now)))?;
    settings::set_place(conn, settings::MARKER, Some(seq))
}

/// Leaves a marker in the place of all rows. The deletes that a reader has not had are remembered.
fn clear(conn: &Connection, commit: u64) -> Result<()> {
    let (rows, now) = (Rows(conn), SystemTime::now());
    let seq = rows.head()?.after(now);
    if let Some(needed) = settings::place(conn, settings::NEEDED)? {
        rows.fold_deletes(needed, seq)?;
    }
    rows.remove_all()?;
    rows.insert(&NewRow::marker(seq, commit, millis(now)))?;
    settings::set_place(conn, settings::FLOOR, Some(seq))?;
    settings::set_place(conn, settings::MARKER, Some(seq))
}

/// Begins the journal anew, in a file that is another store from this commit on. It stays on if it was on.
pub(in crate::store) fn adopt(conn: &Connection, commit: u64) -> Result<()> {
    settings::set_place(conn, settings::NEEDED, None)?;
    match Rows(conn).head()? > Seq::ZERO {
        true => clear(conn, commit),
        false => Ok(()),
    }
}
