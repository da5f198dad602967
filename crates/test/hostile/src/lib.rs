//! What must hold whatever bytes arrive, and bytes to try it with.
//!
//! [`holds`] has one function a reader: it takes any bytes, and panics when something does not hold.
//! Ordinary tests run them over the seeds, over what was found before, and over mutations of both;
//! `fuzz/` runs them for as long as one likes. [`recorded`] are the bytes that real servers sent,
//! [`mutate`] makes hostile ones of them, and [`replay`] plays those to a consumer.
//!
//! For tests only, never published.

pub mod compose;
pub mod holds;
pub mod mutate;
pub mod recorded;
pub mod replay;
pub mod seeds;
