//! The journal of a copy: an outbox in its file, for programs that bring changes elsewhere.
//!
//! Once it is on, every change that is told is also a row, written in the transaction of the copy and the
//! cookie. A program that remembers how far it has read misses nothing, although either side may be killed at
//! any time: [`Store::journal_rows`] reads on from there. Being on is a setting of the file, which every
//! consumer heeds, until [`turn_off`]. [`Builder::journal`] turns it on, as [`turn_on`] does.
//!
//! A reader may have to look at the whole copy, because there is no row for each change: when it stands before
//! the [`marker`](JournalState::marker). A first refresh writes a marker in the place of a row for each entry, and
//! so does a later one that would write more than 10,000 rows which are more than a quarter of the copy, and the
//! journal when it is turned on. Rows also go when they are too many or too old ([`JournalSettings`]): a reader
//! that stands before the [`floor`](JournalState::floor) asks [`Store::folded_after`] for the entries of which
//! it has missed rows.
//!
//! A program that keeps the copy up to date and reads the journal in one process says in a [`JournalLink`] how far its
//! readers are, so that no row goes before they have it, and reads through its [`gate`](JournalLink::gate).
//!
//! Where a reader stands is a [`Seq`] and a commit with its tag. If [`Store::journal_knows`] does not know that
//! commit, the file has another history: a backup was put back, or a power cut took the newest commits. Such a
//! reader has to look at the whole copy too.
//!
//! Values of attributes that hold secrets, `userPassword` for one, are not in it, only that they changed, unless
//! [`JournalSettings::unmasked`] names the attribute.
//!
//! [`Builder::journal`]: crate::Builder::journal
//! [`Store::journal_rows`]: crate::Store::journal_rows
//! [`Store::folded_after`]: crate::Store::folded_after
//! [`Store::journal_knows`]: crate::Store::journal_knows

pub use crate::store::journal::{
    Cause, JournalChange, JournalDiff, JournalLink, JournalOp, JournalRow, JournalSettings,
    JournalSize, JournalState, ReadGate, ReadGuard, Seq, turn_off, turn_on,
};
pub use syncrepl_proto::attributes::OwnedAttributeList as OwnedAttributes;
