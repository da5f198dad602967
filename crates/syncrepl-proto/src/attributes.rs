//! PartialAttributeList (RFC 4511 §4.5.2): `list` is a view of the bytes that a provider sent, `owned`
//! keeps such bytes, `compare` tells what differs, `show` is the `Debug` of both. `description` says what
//! may name an attribute.

mod compare;
mod description;
mod list;
mod owned;
mod show;

pub(crate) use description::is_oid;
pub use description::{is_description, is_selector};
pub use list::{Attribute, AttributeList};
pub use owned::OwnedAttributeList;
