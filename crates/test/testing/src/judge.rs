//! The judge: the content of a server as `ldapsearch` shows it, and how a copy differs from it.
//!
//! Values are sets of bytes, attribute names are in lower case, an attribute without values is no
//! attribute. DNs are compared by [`normal_dn`]: their values keep their letter case.

mod compare;
mod directory;
mod dn;
mod json;
mod search;

pub use compare::{assert_same, differences};
pub(crate) use directory::Attributes;
pub use directory::{Directory, Entry};
pub use dn::normal_dn;
pub(crate) use json::attributes;
pub(crate) use json::dump_start;
pub use json::{dump_commit, from_dump_json};
pub use search::{from_ldif, search, try_search};
