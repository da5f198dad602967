//! The journal: one row for each change that is told, written in the transaction of the copy and the
//! cookie. A reader that remembers how far it has come misses nothing, however often either side is killed.
//!
//! `seq` and `row` are what readers see, `blob` is how a row holds the difference between two states, `masks`
//! which values are kept out of it, `rows` has the statements. `settings` says whether there is a journal,
//! `append` writes rows and markers, `switch` turns it on and off, `prune` bounds it, `link` is what the
//! readers of this process tell the writer, `read` reads.
//!
//! A row costs a statement. Most of what a copy holds is told once, in its first refresh: there a *marker*
//! stands for all rows, and tells readers to look at the whole copy.

mod append;
mod blob;
mod link;
mod masks;
mod prune;
mod read;
mod row;
mod rows;
mod seq;
mod settings;
mod switch;

pub use blob::{JournalChange, JournalDiff};
pub use link::{JournalLink, ReadGate, ReadGuard};
pub use row::{Cause, JournalOp, JournalRow, JournalSize, JournalState};
pub use seq::Seq;
pub use settings::JournalSettings;
pub use switch::{turn_off, turn_on};

pub(crate) use append::{Journal, JournalLimits, Told};
pub(super) use switch::adopt;
