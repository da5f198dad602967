//! LDIF (RFC 2849): content records, which `dump` prints, and change records, which `refresh` and
//! `follow` print. A directory takes records only in a certain order, which is not that of the
//! events. So this format holds the changes of a transaction, and prints them in that order right
//! before the commit: see [`order`].

mod equality;
mod journal;
mod modification;
mod order;
mod records;
mod values;

use std::io::{self, Write};

use syncrepl_client::{BoundLdap, Callback, CallbackResult, Cursor, Items, Position, Record, Tag};

use super::format::{Choice, Format, Out};
use order::Pending;

pub(crate) use journal::journal_row;
pub(crate) use records::record;

/// The line of this format in the list.
pub(super) const FORMAT: Choice = Choice {
    name: "ldif",
    help: "LDIF change records (RFC 2849), for people and for audit",
    open: |out| Box::new(Changes::new(out)),
};

/// How many bytes of changes are held back. Beyond that they are put in order and printed in
/// portions.
const MOST_HELD: usize = 64 << 20;

/// Prints change records.
struct Changes {
    out: Out,
    /// Whether the line with the version was printed.
    begun: bool,
    /// Whether this is the first refresh of an empty copy. Then every entry is new, and the whole
    /// copy is printed at the end of the refresh.
    first: bool,
    dry: bool,
    pending: Pending,
}

impl Changes {
    fn new(out: Out) -> Self {
        Changes {
            out,
            begun: false,
            first: false,
            dry: false,
            pending: Pending::default(),
        }
    }

    fn make_room(&mut self) -> CallbackResult {
        if self.pending.held() > MOST_HELD {
            self.print()?;
        }
        Ok(())
    }

    fn print(&mut self) -> io::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        self.begin()?;
        order::write(&pending, &mut self.out)
    }

    fn begin(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            writeln!(self.out, "version: 1")?;
        }
        Ok(())
    }
}

impl Format for Changes {
    fn start(&mut self, _: &Position, _: Tag) -> io::Result<()> {
        self.pending = Pending::default();
        Ok(())
    }

    fn dry_run(&mut self) {
        self.dry = true;
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.dry {
            self.begin()?;
            writeln!(self.out, "\n# dry run: nothing was changed")?;
        }
        self.out.flush()
    }
}

impl Callback for Changes {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, sql: &Cursor<'_>) -> CallbackResult {
        let any = "SELECT EXISTS (SELECT 1 FROM syncrepl_records)";
        self.first = !sql.query_row(any, [], |row| row.get::<_, bool>(0))?;
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        if std::mem::take(&mut self.first) && !items.is_empty() {
            self.begin()?;
            items.for_each(|record| {
                let (uuid, dn) = (record.uuid(), record.dn());
                Ok(records::added(&mut self.out, uuid, dn, record.attrs())?)
            })?;
        }
        Ok(())
    }

    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        if self.first {
            return Ok(());
        }
        self.pending.add(record);
        self.make_room()
    }

    fn record_delete(&mut self, record: &Record<'_>, sql: &Cursor<'_>) -> CallbackResult {
        if self.first {
            return Ok(());
        }
        self.pending.delete(record, sql)?;
        self.make_room()
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        sql: &Cursor<'_>,
    ) -> CallbackResult {
        if self.first {
            return Ok(());
        }
        self.pending.rename(old_dn, record, sql)?;
        self.make_room()
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        if self.first {
            return Ok(());
        }
        self.pending.change(old, new);
        self.make_room()
    }

    fn commit_pending(&mut self, _: u64) -> CallbackResult {
        self.print()?;
        Ok(self.out.flush()?)
    }
}
