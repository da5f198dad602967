//! Keep an exact local copy of an LDAP search (RFC 4533) and be called on every change.

mod error;
mod store;

pub use error::{CallbackResult, Error, ErrorKind, Fault, Result};
pub use store::{Cursor, InterruptHandle, Store, StoredRecord, StoredRow};

pub use rusqlite;
pub use uuid::Uuid;
