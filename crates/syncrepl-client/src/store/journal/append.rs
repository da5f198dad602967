//! The writer's side: a row for each change that is told, in the open transaction. A refresh that would
//! write too many rows goes on without them, and a marker takes their place.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use syncrepl_proto::Uuid;

use super::blob;
use super::link::JournalLink;
use super::masks::Masks;
use super::row::{Cause, JournalOp};
use super::rows::{NewRow, Rows};
use super::seq::Seq;
use super::settings::{self, JournalSettings, Kept};
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
    /// About how many bytes the rows take, once that was added up.
    pub(super) bytes: Option<u64>,
    /// The number of rows since the last pruning.
    pub(super) appended: u64,
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
    /// It is that of a refresh stage.
    stage: bool,
}

impl Open {
    fn after(from: Seq) -> Open {
        Open {
            mode: Mode::Rows,
            cause: Cause::Persist,
            from,
            rows: 0,
            renamed: None,
            stage: false,
        }
    }
}

/// How many rows are many. Tests lower it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalLimits {
    /// More rows than these are too many for a refresh, if they are more than a quarter of the copy's.
    pub(crate) marker: u64,
    /// So many rows are pruned in one transaction.
    pub(crate) prune: u64,
}

impl JournalLimits {
    pub(in crate::store) const DEFAULT: JournalLimits = JournalLimits {
        marker: 10_000,
        prune: 10_000,
    };
}

/// A journal that is on.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(super) kept: Kept,
    pub(super) limits: JournalLimits,
    pub(super) link: Arc<JournalLink>,
    masks: Masks,
    open: Cell<Open>,
    pub(super) stand: Cell<Stand>,
    committed: Cell<Stand>,
    /// When it was last pruned.
    pub(super) pruned: Cell<Option<Instant>>,
    /// This writer has completed a refresh.
    refreshed: Cell<bool>,
}

impl Journal {
    /// The journal of the file; `None` while it is off.
    pub(in crate::store) fn open(
        conn: &Connection,
        limits: JournalLimits,
        link: &Arc<JournalLink>,
    ) -> Result<Option<Journal>> {
        let Some(kept) = settings::kept(conn)? else {
            return Ok(None);
        };
        let stand = Stand {
            head: Rows(conn).head()?,
            needed: settings::place(conn, settings::NEEDED)?,
            bytes: None,
            appended: 0,
        };
        Ok(Some(Journal {
            masks: Masks::new(&kept.settings.unmasked),
            kept,
            limits,
            link: Arc::clone(link),
            open: Cell::new(Open::after(stand.head)),
            stand: Cell::new(stand),
            committed: Cell::new(stand),
            pruned: Cell::default(),
            refreshed: Cell::new(false),
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
            stage: cause != Cause::Persist,
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
            return match (told, self.needed()) {
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
                let hides = |name: &str| self.masks.hides(name.as_bytes());
                Some(blob::difference(old.attrs(), new.attrs(), hides))
            }
            _ => None,
        };
        if let (Some(diff), true) = (&diff, self.open.get().renamed == Some(record.uuid())) {
            self.open.set(Open {
                renamed: None,
                ..self.open.get()
            });
            let more = diff.len() + after.as_ref().map_or(0, |after| after.len());
            let stand = self.stand.get();
            self.stand.set(Stand {
                bytes: stand.bytes.map(|bytes| bytes + more as u64),
                ..stand
            });
            return rows.complete(stand.head, diff, after.as_deref());
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
        let stand = self.stand.get();
        self.stand.set(Stand {
            head: row.seq,
            bytes: stand.bytes.map(|bytes| bytes + row.size()),
            appended: stand.appended + 1,
            ..stand
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
        if open.mode != Mode::Counted || open.rows <= self.limits.marker || open.rows * 4 <= entries
        {
            return Ok(());
        }
        let marker = self.draw(SystemTime::now());
        if self.needed().is_some() {
            rows.fold_deletes(open.from, marker)?;
        }
        rows.remove_after(open.from)?;
        let before = self.committed.get();
        self.stand.set(Stand {
            head: before.head,
            bytes: before.bytes,
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
        let open = self.open.get();
        if let Mode::Marker(seq) = open.mode {
            let row = NewRow {
                seq,
                ..self.next_row(commit)
            };
            self.append(Rows(conn), &row)?;
            settings::set_place(conn, settings::MARKER, Some(seq))?;
        } else if open.stage && open.rows == 0 && !self.refreshed.get() {
            let row = NewRow {
                op: JournalOp::Refreshed,
                ..self.next_row(commit)
            };
            self.append(Rows(conn), &row)?;
        }
        self.remember_readers(conn)
    }

    /// Remembers a reader as soon as it is known: a run without readers has to keep what that one needs. Where a
    /// reader has gone on from there, pruning notes.
    pub(super) fn remember_readers(&self, conn: &Connection) -> Result<()> {
        if self.knows_of_more_readers() {
            let needed = self.needed();
            settings::set_place(conn, settings::NEEDED, needed)?;
            self.stand.set(Stand {
                needed,
                ..self.stand.get()
            });
        }
        Ok(())
    }

    /// Whether a reader needs rows that the file does not know to be needed.
    pub(super) fn knows_of_more_readers(&self) -> bool {
        match (self.needed(), self.stand.get().needed) {
            (Some(needed), Some(stored)) => needed < stored,
            (needed, None) => needed.is_some(),
            (None, Some(_)) => false,
        }
    }

    /// Takes note of something outside of a transaction.
    pub(super) fn set_stand(&self, stand: Stand) {
        self.stand.set(stand);
        self.committed.set(stand);
    }

    /// The open transaction was committed.
    pub(in crate::store) fn committed(&self) {
        self.committed.set(self.stand.get());
        self.refreshed
            .set(self.refreshed.get() || self.open.get().stage);
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

    /// What connects it with readers in this process.
    pub(crate) fn journal_link(&self) -> Arc<JournalLink> {
        Arc::clone(&self.journal_link)
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
