//! Keep an exact local copy of an LDAP search (RFC 4533) and be called on every change.

#![warn(unreachable_pub)]
// What is read comes from somebody else: nothing outside of tests may panic on it.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod apply;
mod builder;
mod callback;
mod change;
mod connection;
mod error;
mod logging;
mod lookup;
mod record;
mod search;
mod settle;
mod stage;
mod status;
mod stop;
mod store;
mod syncrepl;
mod text;

pub use builder::{Builder, SyncreplMode};
pub use callback::Callback;
pub use connection::{BoundLdap, Credentials, Password, Server, StartTls};
pub use error::{CallbackResult, Error, ErrorKind, Fault, Result};
pub use logging::LoggingCallback;
pub use record::{Attribute, Attributes, Items, Record};
pub use settle::MaxDelete;
pub use status::Status;
pub use stop::StopHandle;
pub use store::{Cursor, InterruptHandle, Store, StoredRecord};
pub use syncrepl::{Progress, Syncrepl};

pub use rusqlite;
pub use syncrepl_proto::message::Scope;
pub use syncrepl_proto::url::LdapUrl;
pub use uuid::Uuid;

/// The README's Rust is compiled like every other example.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
