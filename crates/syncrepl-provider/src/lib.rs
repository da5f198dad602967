//! An in-memory LDAP server that speaks RFC 4533 (Content Synchronization), **for tests and
//! demonstrations**.
//!
//! Do not put data into it. It stores nothing, checks no schema, has no TLS and almost no access
//! control, and queues every change without limit for a client that does not read. It listens on
//! the loopback interface only.
//!
//! Use it
//! - to test your handling of directory changes without a directory;
//! - to test a consumer against faults that real providers show only by chance, see [`Faults`];
//! - to try a consumer, or `ldapsearch -E sync=rp`, on entries that change when you say so.
//!
//! A test of your own callback:
//!
//! ```
//! use std::collections::BTreeSet;
//! use syncrepl_client::{Callback, CallbackResult, Cursor, Record, Syncrepl, SyncreplMode};
//! use syncrepl_provider::Provider;
//!
//! #[derive(Default)]
//! struct Names(BTreeSet<String>); // your callback, under test
//!
//! impl Callback for Names {
//!     fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
//!         self.0.insert(record.dn().to_owned());
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Provider::builder().start()?;
//! let ann = "cn=Ann,dc=example,dc=com";
//! provider.add(ann, [("objectClass", "person"), ("sn", "Lee")])?;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("copy.db");
//! let mut names = Names::default();
//! Syncrepl::builder(&path, &mut names)
//!     .ldap_url(provider.search_url())
//!     .mode(SyncreplMode::RefreshOnly)
//!     .connect()?
//!     .run()?;
//! assert!(names.0.contains(ann));
//! # Ok(())
//! # }
//! ```
//!
//! By default it behaves like OpenLDAP's slapd with the syncprov overlay, cookies included;
//! [`Builder`] changes that. A search in the persist stage receives every change at once, whether
//! an LDAP client made it or [`Provider::add`] and the like.

#![warn(unreachable_pub)]
// Every byte read comes from somebody else, so no code outside tests may panic on it.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::string_slice
    )
)]
#![forbid(unsafe_code)]

mod access;
mod arming;
mod changelog;
mod config;
mod connection;
mod cookie;
mod csn;
mod directory;
mod entry;
mod faults;
mod inbox;
mod output;
mod plan;
mod provider;
mod refusal;
mod request;
mod search;
mod select;
mod server;
mod shared;
mod special;
mod sync;
mod update;

pub use arming::Faults;
pub use config::{Builder, OldCookie, RefreshStyle, UnknownCookie};
pub use directory::Modification;
pub use entry::Entry;
pub use faults::{Armed, CookieFault, Cut, Extra, Fault, Moment, Order};
pub use provider::Provider;
pub use refusal::Refusal;
pub use request::Request;

pub use syncrepl_proto::Uuid;
pub use syncrepl_proto::message::Scope;
