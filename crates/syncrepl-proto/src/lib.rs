//! RFC 4533 (LDAP Content Synchronization) without sockets, clocks, threads or files: bytes in,
//! sync events out.
//!
//! The modules in the order the bytes travel: [`frame`] cuts the byte stream into messages,
//! [`message`] reads one (RFC 4511), [`control`] and [`sync`] read the elements of RFC 4533 in it,
//! and [`session`] turns messages into [`session::SyncEvent`]s and decides which requests to send.
//!
//! Everything a provider sends is treated as hostile: lengths and depths are bounded, and nothing
//! here panics.

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

pub mod attributes;
pub mod ber;
pub mod control;
pub mod cookie;
pub mod dn;
pub mod filter;
pub mod frame;
pub mod matching;
pub mod message;
pub mod policy;
pub mod profile;
pub mod secret;
pub mod session;
pub mod sync;
pub mod text;
pub mod url;

pub use uuid::Uuid;
