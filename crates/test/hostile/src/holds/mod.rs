//! Properties: one function a reader. It panics when the property does not hold for these bytes.

mod asn1;
mod attributes;
mod controls;
mod dn;
mod filter;
mod frame;
mod message;
mod oracle;
mod session;
mod stored;
mod sync;
mod url;

pub use attributes::attributes;
pub use controls::controls;
pub use dn::dn;
pub use filter::filter;
pub use frame::frame;
pub use message::message;
pub use session::{SEARCH, session};
pub use stored::stored;
pub use sync::sync_info;
pub use url::url;

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// All of them, by the name of their fuzz target.
pub const ALL: [(&str, Property); 10] = [
    ("frame", frame),
    ("message", message),
    ("controls", controls),
    ("sync_info", sync_info),
    ("session", session),
    ("filter", filter),
    ("url", url),
    ("dn", dn),
    ("attributes", attributes),
    ("stored", stored),
];
