//! Keep an exact local copy of an LDAP search (RFC 4533) and be called on every change.

mod error;

pub use error::{CallbackResult, Error, ErrorKind, Fault, Result};
