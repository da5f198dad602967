//! The writer's side: a row for each change that is told, in the open transaction. A refresh that would
//! write too many rows goes on without them, and a marker takes their place.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use syncrepl_proto::Uuid;

use super::blob;
use super::masks::Masks;
use super::row::{Cause, JournalOp};
use super::rows::{NewRow, Rows};
use super::seq::Seq;
use super::settings::{self, JournalSettings, Kept};
use crate::changes::rules::Limits;
use crate::error::Result;
use crate::record::{Attributes, Record};
use crate::store::Writer;

/// A change that is told.
#[derive(Clone, Copy)]
pub(crate) enum Told<'a> {
    Add(&'a Record<'a>),
    Change {
        old: &'a Record<'a>,
        new: &'a Record<'a>,
    },
    Rename {
        old_dn: &'a str,
        record: &'a Record<'a>,
    },
    Delete(&'a Record<'a>),
}

/// Which rows the open transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// One for each change.
    Rows,
    /// One for each change, until they are too many.
    Counted,
    /// None but a marker at the end, of this place.
    Marker(Seq),
}

/// Where the journal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) head: Seq,
    /// Where the last of all known readers stands, as stored.
    pub(super) needed: Option<Seq>,
}

/// What the open transaction has written.
#[derive(Debug, Clone, Copy)]
struct Open {
    mode: Mode,
    cause: Cause,
    /// The head before it.
    from: Seq,
    /// The number of its rows.
    rows: u64,
    /// The last row tells the rename of this entry.
    renamed: Option<Uuid>,
}

impl Open {
    fn after(from: Seq) -> Open {
        Open {
            mode: Mode::Rows,
            cause: Cause::Persist,
            from,
            rows: 0,
            renamed: None,
        }
    }
}

/// More rows than these are too many for a refresh, if they are more than a quarter of the copy's.
pub(in crate::store) const MANY: u64 = Limits::DEFAULT.journal;

/// A journal that is on.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(super) kept: Kept,
    masks: Masks,
    /// [`MANY`].
    many: u64,
    open: Cell<Open>,
    pub(super) stand: Cell<Stand>,
    committed: Cell<Stand>,
}

impl Journal {
    /// The journal of the file; `None` while it is off. `many` is [`MANY`], but for tests.
    pub(in crate::store) fn open(conn: &Connection, many: u64) -> Result<Option<Journal>> {
        let Some(kept) = settings::kept(conn)? else {
            return Ok(None);
        };
        let stand = Stand {
            head: Rows(conn).head()?,
            needed: settings::place(conn, settings::NEEDED)?,
        };
        Ok(Some(Journal {
            masks: Masks::new(&kept.settings.unmasked),
            kept,
            many,
            open: Cell::new(Open::after(stand.head)),
            stand: Cell::new(stand),
            committed: Cell::new(stand),
        }))
    }

    pub(crate) fn settings(&self) -> &JournalSettings {
        &self.kept.settings
    }

    /// A transaction begins.
    pub(in crate::store) fn begin(&self) {
        self.open.set(Open::after(self.stand.get().head));
    }

    /// The open transaction is that of a stage. A first refresh writes a marker alone.
    pub(crate) fn begin_stage(&self, cause: Cause, first: bool) {
        let mode = match cause {
            _ if first => Mode::Marker(self.draw(SystemTime::now())),
            Cause::Refresh | Cause::Reconcile if !self.kept.settings.every_refresh => Mode::Counted,
            _ => Mode::Rows,
        };
        self.open.set(Open {
            mode,
            cause,
            ..self.open.get()
        });
    }

    /// The open stage goes on without a cookie.
    pub(crate) fn compares(&self) {
        self.open.set(Open {
            cause: Cause::Reconcile,
            ..self.open.get()
        });
    }

    /// Writes what is told into the open transaction of the writer.
    fn tell(&self, writer: &Writer, told: Told<'_>) -> Result<()> {
        let rows = Rows(writer.connection());
        if let Mode::Marker(seq) = self.open.get().mode {
            return match (told, self.stand.get().needed) {
                (Told::Delete(record), Some(_)) => rows.fold(record.uuid(), seq),
                _ => Ok(()),
            };
        }
        let (op, record) = match told {
            Told::Add(record) => (JournalOp::Add, record),
            Told::Change { new, .. } => (JournalOp::Change, new),
            Told::Rename { record, .. } => (JournalOp::Rename, record),
            Told::Delete(record) => (JournalOp::Delete, record),
        };
        let after = match op {
            JournalOp::Rename => None,
            _ => self.image(record.attrs()),
        };
        let diff = match told {
            Told::Change { old, new } => {
                let hides = |name: &str| self.masks.hides(name);
                Some(blob::difference(old.attrs(), new.attrs(), hides))
            }
            _ => None,
        };
        if let (Some(diff), true) = (&diff, self.open.get().renamed == Some(record.uuid())) {
            self.open.set(Open {
                renamed: None,
                ..self.open.get()
            });
            return rows.complete(self.stand.get().head, diff, after.as_deref());
        }
        let row = NewRow {
            op,
            uuid: record.uuid(),
            dn: Some(record.dn()),
            old_dn: match told {
                Told::Rename { old_dn, .. } => Some(old_dn),
                _ => None,
            },
            diff: diff.as_deref(),
            after: after.as_deref(),
            ..self.next_row(writer.next_commit())
        };
        self.append(rows, &row)?;
        self.heed_size(rows, writer.entries())
    }

    /// The attributes as a row holds them; `None` if they are too large.
    fn image<'a>(&self, attributes: &Attributes<'a>) -> Option<Cow<'a, [u8]>> {
        let bytes = attributes.as_bytes();
        if bytes.len() as u64 > self.kept.settings.image_max {
            return None;
        }
        let masked = attributes.masked(|name| self.masks.hides(name));
        Some(masked.map_or(Cow::Borrowed(bytes), Cow::Owned))
    }

    fn draw(&self, now: SystemTime) -> Seq {
        self.stand.get().head.after(now)
    }

    /// The next row of the open transaction, of which only its place is said.
    fn next_row<'a>(&self, commit: u64) -> NewRow<'a> {
        let (now, open) = (SystemTime::now(), self.open.get());
        NewRow {
            n: open.rows + 1,
            cause: open.cause,
            ..NewRow::marker(self.draw(now), commit, millis(now))
        }
    }

    fn append(&self, rows: Rows<'_>, row: &NewRow<'_>) -> Result<()> {
        rows.insert(row)?;
        self.stand.set(Stand {
            head: row.seq,
            ..self.stand.get()
        });
        self.open.set(Open {
            rows: row.n,
            renamed: (row.op == JournalOp::Rename).then_some(row.uuid),
            ..self.open.get()
        });
        Ok(())
    }

    /// Lets a marker take the place of the open transaction's rows, once they are too many.
    fn heed_size(&self, rows: Rows<'_>, entries: u64) -> Result<()> {
        let open = self.open.get();
        if open.mode != Mode::Counted || open.rows <= self.many || open.rows * 4 <= entries {
            return Ok(());
        }
        let marker = self.draw(SystemTime::now());
        if self.stand.get().needed.is_some() {
            rows.fold_deletes(open.from, marker)?;
        }
        rows.remove_after(open.from)?;
        self.stand.set(Stand {
            head: open.from,
            ..self.stand.get()
        });
        self.open.set(Open {
            mode: Mode::Marker(marker),
            rows: 0,
            renamed: None,
            ..open
        });
        Ok(())
    }

    /// Writes what is due at the end of the open transaction, which becomes this commit.
    pub(in crate::store) fn finish(&self, conn: &Connection, commit: u64) -> Result<()> {
        if let Mode::Marker(seq) = self.open.get().mode {
            let row = NewRow {
                seq,
                ..self.next_row(commit)
            };
            self.append(Rows(conn), &row)?;
            settings::set_place(conn, settings::MARKER, Some(seq))?;
        }
        Ok(())
    }

    /// The open transaction was committed.
    pub(in crate::store) fn committed(&self) {
        self.committed.set(self.stand.get());
        self.begin();
    }

    /// The open transaction was rolled back, with its rows.
    pub(in crate::store) fn rolled_back(&self) {
        self.stand.set(self.committed.get());
        self.begin();
    }
}

impl Writer {
    /// Takes note of a change that is told.
    pub(crate) fn note_told(&self, change: Told<'_>) -> Result<()> {
        self.told.set(self.told.get() + 1);
        match &self.journal {
            Some(journal) => journal.tell(self, change),
            None => Ok(()),
        }
    }

    /// The journal, if it is on.
    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
