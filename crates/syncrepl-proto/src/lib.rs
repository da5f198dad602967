//! Placeholder, replaced by the first slice.

pub mod dn;
pub mod filter;
pub mod url;
