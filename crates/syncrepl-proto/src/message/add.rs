//! AddRequest (RFC 4511 §4.7).

use super::op;
use crate::attributes::AttributeList;
use crate::ber::{DecodeError, Reader, Writer, tag};

/// AddRequest (RFC 4511 §4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddRequest<'a> {
    /// entry: the DN to add.
    pub dn: &'a str,
    /// attributes.
    pub attributes: AttributeList<'a>,
}

impl<'a> AddRequest<'a> {
    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "AddRequest");
        let dn = fields.string("entry")?;
        let attributes = AttributeList::decode(fields.expect(tag::SEQUENCE, "attributes")?.raw)?;
        fields.skip_rest()?;
        Ok(AddRequest { dn, attributes })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::ADD_REQUEST, |writer| {
            writer.octets(self.dn.as_bytes());
            writer.raw(self.attributes.as_bytes());
        });
    }
}
