//! PartialAttributeList (RFC 4511 §4.5.2): `list` is a view of the bytes that a provider sent, `owned`
//! keeps such bytes, `compare` tells what differs, `show` is the `Debug` of both.

mod compare;
mod list;
mod owned;
mod show;

pub use list::{Attribute, AttributeList};
pub use owned::OwnedAttributeList;
