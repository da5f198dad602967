//! Keep an exact local copy of an LDAP search (RFC 4533) and be called on every change.
//!
//! A [`Syncrepl`] searches a directory, keeps the result in a SQLite file, and calls your
//! [`Callback`] for every entry that is added, changed, renamed or deleted. The next run goes on
//! where the last one ended: a cookie is stored with the copy. The provider has to support content
//! synchronization: OpenLDAP with the overlay syncprov, or 389 Directory Server.
//!
//! ```no_run
//! use syncrepl_client::{Backoff, Callback, CallbackResult, Cursor, Record, Syncrepl};
//!
//! struct Welcome;
//! impl Callback for Welcome {
//!     fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
//!         println!("welcome, {}", record.dn());
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> syncrepl_client::Result<()> {
//! let url = "ldap://localhost/dc=example,dc=com?cn,mail?sub?(objectClass=person)";
//! let mut client = Syncrepl::builder("state.db", Welcome).ldap_url(url).open()?;
//! client.follow(Backoff::default())?; // until client.stop_handle().please_stop(), from any thread
//! client.unbind()
//! # }
//! ```
//!
//! The library works in one thread, which blocks, and needs no async runtime. A misuse does not compile, or
//! is refused. [`Syncrepl::follow`] reconnects by itself; [`Syncrepl::poll`] leaves that to you.
//!
//! # The callbacks
//! [`bind_complete`](Callback::bind_complete) comes first, once a connection. Then come the changes,
//! in an order in which each of them can be applied to a copy keyed by DN. A rename is followed at
//! once by [`record_change`](Callback::record_change) if the attributes differ too. When a parent is
//! renamed, so is everything below it, parents first. Each event happened: another order of values, or
//! another spelling, is no event.
//! [`refresh_done`](Callback::refresh_done) says that the copy is now equal to the search result. A
//! commit is announced by [`commit_pending`](Callback::commit_pending) and followed by
//! [`committed`](Callback::committed).
//!
//! # Transactions
//! The copy, the cookie and what you write through the [`Cursor`] commit together or not at all. A
//! refresh stage is one transaction; in the persist stage changes commit in groups, as they come.
//! An error or a panic in a callback rolls back to the last commit, and the same changes are told
//! again after [`Syncrepl::reconnect`]. To write elsewhere, wait for `committed`, or keep an outbox table
//! as the examples `outbox` and `tokio` do. The [`journal`] is such a table, kept by this crate.
//!
//! # rusqlite
//! [`Cursor`] takes rusqlite's parameters and shows its rows, so [`rusqlite`] is part of this interface:
//! a new major version of it is a new major version of this crate. Use it as `syncrepl_client::rusqlite`,
//! and the versions agree. A program can link SQLite only once, so it has no choice of another version
//! anyway. The same holds for [`uuid`](Uuid).
//!
//! # Errors
//! There is one [`Error`]. Its [`kind`](Error::kind) says what went wrong, [`fault`](Error::fault) which party
//! has to act, [`hint`](Error::hint) what to do, and [`is_retryable`](Error::is_retryable) whether
//! [`Syncrepl::reconnect`] may succeed later by itself. No error leaves a half-applied change.
//!
//! # Features
//! Both are off by default.
//! - `gssapi`: SASL GSSAPI, by the Kerberos library of the machine.
//! - `serde`: [`OwnedRecord`] is `Serialize` and `Deserialize`, [`Record`] is `Serialize`.
//!
//! # Where to read on
//! [`Builder`] for every option with its default, [`Callback`] for each call, [`Store`] to read the
//! copy beside a running consumer, the examples `refresh_once`, `follow`, `own_table`, `outbox` and
//! `tokio`, and `docs/callbacks.md` in the repository for the whole contract.

#![warn(unreachable_pub)]
// The input comes from other machines, so nothing outside of tests may panic on it.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod builder;
mod callback;
mod changes;
mod connection;
mod doctor;
mod engine;
mod error;
pub mod journal;
mod record;
mod remembered;
mod run;
mod status;
mod stop;
mod store;
mod terms;

pub use builder::{Builder, SyncreplMode};
pub use callback::Callback;
pub use callback::logging::LoggingCallback;
pub use changes::guard::MaxDelete;
#[doc(hidden)]
pub use changes::rules::{Limits, RULES, Row, Rule};
pub use connection::{BoundLdap, Credentials, Password, Sasl, ScramHash, Server, StartTls};
#[doc(hidden)]
pub use connection::{Named, Network, Stream};
pub use doctor::{Finding, Verdict};
pub use engine::Syncrepl;
pub use error::backoff::Backoff;
pub use error::{CallbackResult, Error, ErrorKind, Fault, Result};
pub use record::text::printable;
pub use record::{
    Attribute, AttributeDiff, Attributes, Diff, OwnedAttributes, OwnedRecord, Record,
};
pub use remembered::{Bind, Remembered};
pub use run::{Lag, LastError, Progress, RunState, RunStatus};
pub use status::Status;
pub use stop::StopHandle;
pub use store::{Cursor, InterruptHandle, Items, Position, Store, Tag};

pub use rusqlite;
pub use syncrepl_proto::message::Scope;
pub use syncrepl_proto::url::LdapUrl;
pub use uuid::Uuid;

/// The README's Rust is compiled like every other example.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
