//! The words in which the tests tell what a provider sends.
//!
//! A number stands for an entry: it is every byte of its entryUUID. Where nothing else is said, the
//! description of an entry is [`text`], so that no two entries look alike.

use syncrepl_proto::sync::EntryState;

use crate::fake::Step;
pub use crate::fake::{BASE, text};

pub const P: &str = "cn=p,ou=base,dc=example";
pub const Q: &str = "cn=q,ou=base,dc=example";
pub const Z: &str = "cn=z,ou=base,dc=example";
pub const C_BELOW_P: &str = "cn=c,cn=p,ou=base,dc=example";
pub const C_BELOW_Q: &str = "cn=c,cn=q,ou=base,dc=example";
pub const C_BELOW_Z: &str = "cn=c,cn=z,ou=base,dc=example";
pub const D_BELOW_P: &str = "cn=d,cn=p,ou=base,dc=example";

pub const A: (u8, &str) = (1, "cn=a,ou=base,dc=example");
pub const B: (u8, &str) = (2, "cn=b,ou=base,dc=example");
pub const C: (u8, &str) = (3, "cn=c,ou=base,dc=example");
pub const D: (u8, &str) = (4, "cn=d,ou=base,dc=example");

/// Cookies of slapd, one second apart.
pub const OLDER: &str = "rid=000,csn=20261121205327.954658Z#000000#000#000000";
pub const FIRST: &str = "rid=000,csn=20261121205328.954658Z#000000#000#000000";
pub const NEXT: &str = "rid=000,csn=20261121205329.954658Z#000000#000#000000";
pub const LAST: &str = "rid=000,csn=20261121205330.954658Z#000000#000#000000";

/// A cookie of 389-ds: its change number 7.
pub const DS389_COOKIE: &str = "localhost:389#cn=reader:ou=base,dc=example:(objectClass=*)#7";
/// The `vendorName` of 389-ds, and that of ApacheDS.
pub const DS389: &str = "389 Project";
pub const APACHE: &str = "Apache Software Foundation";

/// The provider sends an entry with state add.
pub fn add(number: u8, dn: &'static str) -> Step {
    Step::Entry(EntryState::Add, number, dn, text(number))
}

/// The same with another description.
pub fn add_as(number: u8, dn: &'static str, text: &'static str) -> Step {
    Step::Entry(EntryState::Add, number, dn, text)
}

/// The same with a cookie.
pub fn add_with(number: u8, dn: &'static str, text: &'static str, cookie: &'static str) -> Step {
    Step::EntryWith(EntryState::Add, number, dn, text, cookie)
}

/// The provider sends an entry with state modify: its attributes or its DN changed.
pub fn modify(number: u8, dn: &'static str) -> Step {
    Step::Entry(EntryState::Modify, number, dn, text(number))
}

/// The same with another description.
pub fn modify_as(number: u8, dn: &'static str, text: &'static str) -> Step {
    Step::Entry(EntryState::Modify, number, dn, text)
}

/// The same with a cookie.
pub fn modify_with(number: u8, dn: &'static str, text: &'static str, cookie: &'static str) -> Step {
    Step::EntryWith(EntryState::Modify, number, dn, text, cookie)
}

/// The provider sends an entry with state delete.
pub fn delete(number: u8, dn: &'static str) -> Step {
    Step::Entry(EntryState::Delete, number, dn, "")
}

/// The same with a cookie.
pub fn delete_with(number: u8, dn: &'static str, cookie: &'static str) -> Step {
    Step::EntryWith(EntryState::Delete, number, dn, "", cookie)
}

/// A syncIdSet of deleted entries.
pub fn deleted<const N: usize>(numbers: [u8; N]) -> Step {
    Step::Ids(true, numbers.into(), None)
}

/// A syncIdSet of entries that are present.
pub fn present<const N: usize>(numbers: [u8; N]) -> Step {
    Step::Ids(false, numbers.into(), None)
}

/// A refresh ends; the provider has told of every delete.
pub fn done(cookie: &'static str) -> Step {
    Step::Done(Some(cookie), true)
}

/// A refresh ends; an entry that the provider did not mention is gone, if this provider means that.
pub fn done_by_presence(cookie: &'static str) -> Step {
    Step::Done(Some(cookie), false)
}

/// The refresh stage ends and the persist stage begins, without a new cookie.
pub fn persist() -> Step {
    Step::Phase(false, None, true)
}

/// The same with a cookie.
pub fn persist_with(cookie: &'static str) -> Step {
    Step::Phase(false, Some(cookie), true)
}

/// The provider sends a new cookie.
pub fn cookie(cookie: &'static str) -> Step {
    Step::Cookie(cookie)
}
