//! The store: the copy and the users' own tables in one SQLite file. A user's handle to it is
//! [`Store`], the consumer's is the `Writer`. Both use the rows, and these the file and the meaning
//! of its failures. Nothing here decides about changes.

mod adopt;
pub(crate) mod ancestors;
mod authorizer;
mod backup;
mod checkpoint;
mod cursor;
mod failure;
mod file;
mod handle;
pub(crate) mod history;
pub(crate) mod ids;
mod items;
pub(crate) mod journal;
pub(crate) mod keys;
mod presence;
mod reader;
pub(crate) mod records;
mod row;
mod schema;
pub(crate) mod search;
mod settings;
pub(crate) mod shown;
mod tally;
#[cfg(test)]
mod tests;
mod transaction;
mod writer;

pub use cursor::Cursor;
pub use handle::Store;
pub use history::{Position, Tag};
pub use items::Items;
pub use rusqlite::InterruptHandle;

pub(crate) use failure::{DAMAGED, of_callback as callback_failed};
pub(crate) use tally::Tally;
pub(crate) use writer::Writer;
