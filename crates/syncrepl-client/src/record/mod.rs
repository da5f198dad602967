//! One record: what callbacks are shown of it, and what is kept of it. Where its bytes come from is the
//! store's matter.

mod borrowed;
#[cfg(feature = "serde")]
mod json;
mod owned;
pub(crate) mod text;

pub use borrowed::Record;
pub use owned::OwnedRecord;
pub use syncrepl_proto::attributes::{
    Attribute, AttributeDiff, AttributeList as Attributes, Diff,
    OwnedAttributeList as OwnedAttributes,
};
pub(crate) use syncrepl_proto::secret;
