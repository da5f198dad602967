//! The sinks: one file, or one folder, each. To add one, write its file and add its line to [`KINDS`].

#![warn(unreachable_pub)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

#[cfg(feature = "exec")]
mod exec;
mod kind;
mod lines;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "postgres")]
mod postgres;
mod secret;
#[cfg(any(feature = "exec", feature = "postgres", feature = "webhook"))]
mod timeout;
mod tls;
#[cfg(feature = "webhook")]
mod webhook;

pub use kind::{Kind, Target, Unfit, of, open};
pub use secret::Secret;
pub use tls::{TLS_KEYS, TlsFiles};

/// Every kind of sink that this program was built with.
pub const KINDS: &[&Kind] = &[
    #[cfg(feature = "exec")]
    &exec::KIND,
    &lines::KIND,
    #[cfg(feature = "postgres")]
    &postgres::KIND,
    #[cfg(feature = "webhook")]
    &webhook::KIND,
    #[cfg(feature = "nats")]
    &nats::KIND,
];
