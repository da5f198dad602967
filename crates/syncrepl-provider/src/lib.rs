//! An in-memory LDAP server that speaks RFC 4533 (Content Synchronization), **for tests and
//! demonstrations**. It keeps nothing, checks no schema, knows no TLS and no access rights worth
//! the name, remembers every change for a client that does not read, and listens on the loopback
//! interface only: nobody should put data into it.
//!
//! What it is good for:
//! - to test what you do with the changes of a directory, without one;
//! - to see how a consumer bears what real providers do only by luck: see [`Faults`];
//! - to try a consumer, or `ldapsearch -E sync=rp`, on something that changes when you say so.
//!
//! A test of your own callback:
//!
//! ```
//! use std::collections::BTreeSet;
//! use syncrepl_client::{Callback, CallbackResult, Cursor, Record, Syncrepl, SyncreplMode};
//! use syncrepl_provider::Provider;
//!
//! #[derive(Default)]
//! struct Names(BTreeSet<String>); // yours, the one to be tested
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
//! It behaves as OpenLDAP's slapd with the syncprov overlay does, cookies included, where nothing
//! else was chosen: see [`Builder`]. A persist search hears of a change at once, whoever made it:
//! an LDAP client, or [`Provider::add`] and its like.

#![warn(unreachable_pub)]
// What is read comes from somebody else: nothing outside of tests may panic on it.
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
mod changelog;
mod config;
mod connection;
mod cookie;
mod csn;
mod description;
mod directory;
mod entry;
mod faults;
mod filter;
mod inbox;
mod matching;
mod output;
mod plan;
mod provider;
mod refusal;
mod request;
mod schema;
mod search;
mod select;
mod server;
mod shared;
mod special;
mod sync;
mod update;

pub use config::{Builder, OldCookie, RefreshStyle, UnknownCookie};
pub use directory::Modification;
pub use entry::Entry;
pub use faults::{Armed, CookieFault, Cut, Extra, Fault, Faults, Moment, Order};
pub use provider::Provider;
pub use refusal::Refusal;
pub use request::Request;

pub use syncrepl_proto::Uuid;
pub use syncrepl_proto::message::Scope;
