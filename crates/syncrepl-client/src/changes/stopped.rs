//! The second half of a guard's message: the names of the entries, and the command that shows all.

use roaring::RoaringTreemap;

use super::ledger::rowid;
use super::stage::Work;
use super::terms::Terms;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::excerpt;
use crate::store::records::Stored;

/// So many entries a message names.
const NAMED: usize = 10;

impl Work<'_> {
    /// Deletes a record, and takes note of it for a guard.
    pub(crate) fn delete_record(&mut self, known: &Stored) -> Result<()> {
        if self.stage.deleted.len() < NAMED {
            self.stage.deleted.push(known.dn.clone());
        }
        self.apply.delete(known)
    }

    /// Completes what a guard says of the deletes of this stage. `gone` are those that are still to come.
    pub(crate) fn heed_guard(
        &self,
        terms: Terms<'_>,
        said: Result<()>,
        gone: &RoaringTreemap,
    ) -> Result<()> {
        let Err(error) = said else { return Ok(()) };
        let total = gone.len() + self.apply.writer.tally().deleted;
        let named = self.named(self.stage.deleted.clone(), gone, total)?;
        let hint = format!(
            "`syncrepl refresh --data {} --dry-run`, with -y or -W as here, shows all; if they are right, allow it \
             once with a higher --max-delete, 100% for everything",
            self.apply.writer.path().display()
        );
        let message = format!("{}. They are {named}", error.without_hint());
        terms
            .guard
            .stop(Error::new(ErrorKind::Guard, message).with_hint(hint))
    }

    /// The DNs of `first` and of these records, up to a number of them, out of so many in all.
    pub(crate) fn named(
        &self,
        first: Vec<String>,
        records: &RoaringTreemap,
        total: u64,
    ) -> Result<String> {
        let mut names = first;
        for id in records {
            if names.len() >= NAMED {
                break;
            }
            names.extend(self.apply.records().by_id(rowid(id))?.map(|known| known.dn));
        }
        let shown: Vec<_> = names.iter().map(|dn| excerpt(dn)).collect();
        let rest = total.saturating_sub(shown.len() as u64);
        Ok(match rest {
            0 => shown.join("; "),
            rest => format!("{}; and {rest} more", shown.join("; ")),
        })
    }
}
