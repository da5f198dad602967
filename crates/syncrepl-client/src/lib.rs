//! Keep an exact local copy of an LDAP search (RFC 4533) and be called on every change.

mod connection;
mod error;
mod stop;
mod store;
mod text;

pub use connection::{BoundLdap, Credentials, Password, Server, StartTls};
pub use error::{CallbackResult, Error, ErrorKind, Fault, Result};
pub use stop::StopHandle;
pub use store::{Cursor, InterruptHandle, Store, StoredRecord, StoredRow};
pub use syncrepl_proto::{attributes::AttributeList, message::Scope};

pub use rusqlite;
pub use uuid::Uuid;
