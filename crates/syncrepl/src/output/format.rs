//! A format: a callback of the client that prints, and its line in the list that `--format` offers.

use std::fmt;
use std::io;

use syncrepl_client::{Callback, Position, Tag};

pub(super) use super::out::Out;

/// Prints the events of `refresh` and `follow`. A format overrides the methods of [`Callback`] for the
/// events that it prints, and flushes in `commit_pending`: then no line is lost behind its commit.
pub(crate) trait Format: Callback {
    /// A run, or a further connection, begins. The output after the commit at which the store stands is
    /// void. The commits to come bear the tag `next`.
    ///
    /// # Errors
    /// When stdout cannot be written.
    fn start(&mut self, _at: &Position, _next: Tag) -> io::Result<()> {
        Ok(())
    }

    /// What comes is a dry run: it is told, and never committed. Comes before [`start`](Self::start).
    fn dry_run(&mut self) {}

    /// A change is to be told by the values that came and went. Comes before [`start`](Self::start). A format
    /// that tells no more than these anyway does not care.
    fn only_changes(&mut self) {}

    /// Why the line that says what is committed could not be written, if it could not. The next
    /// [`start`](Format::start) stands in for it.
    fn take_lost(&mut self) -> Option<io::Error> {
        None
    }

    /// The run ends: nothing more will come.
    ///
    /// # Errors
    /// When the format could not print everything.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line in the list of formats.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// The word behind `--format`.
    pub(super) name: &'static str,
    /// Its line in `--help`.
    pub(super) help: &'static str,
    /// Makes the format.
    pub(super) open: fn(Out) -> Box<dyn Format>,
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
