//! Properties that must hold whatever bytes arrive, and bytes to try them with.
//!
//! [`holds`] has one function a reader: it takes any bytes, and panics when a property does not hold.
//! Ordinary tests run these functions over the seeds, over earlier findings, and over mutations of
//! both; `fuzz/` runs them for as long as one likes. [`recorded`] are the bytes that real servers
//! sent, [`mutate`] makes hostile ones of them, and [`replay`] plays those to a consumer.
//!
//! For tests only, never published.

pub mod compose;
pub mod holds;
pub mod mutate;
pub mod recorded;
pub mod replay;
pub mod seeds;

/// The folder of this crate.
pub(crate) fn folder() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}
