//! PartialAttributeList (RFC 4511 §4.5.2): `list` is a view of the bytes that a provider sent, `owned`
//! keeps such bytes, `compare` says whether two lists are the same, `diff` what differs, `apply` goes from that
//! to the new list; `ends` spares them the values that stay; `mask` hides values, `show` is the `Debug` of them.
//! `description` says what may name an attribute.

mod apply;
mod compare;
mod description;
mod diff;
mod ends;
mod list;
mod mask;
mod owned;
mod show;

pub(crate) use description::is_oid;
pub use description::{Description, is_description, is_selector, same_description};
pub use diff::{AttributeDiff, Diff};
pub use list::{Attribute, AttributeList};
pub use owned::OwnedAttributeList;

#[cfg(test)]
mod diff_tests;
