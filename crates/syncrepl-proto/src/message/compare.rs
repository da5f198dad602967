//! CompareRequest (RFC 4511 §4.10).

use super::op;
use crate::ber::{DecodeError, Reader, Writer, tag};

/// CompareRequest (RFC 4511 §4.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompareRequest<'a> {
    /// entry: the DN of the entry to compare with.
    pub dn: &'a str,
    /// attributeDesc.
    pub attribute: &'a str,
    /// assertionValue.
    pub value: &'a [u8],
}

impl<'a> CompareRequest<'a> {
    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "CompareRequest");
        let dn = fields.string("entry")?;
        let assertion = fields.expect(tag::SEQUENCE, "ava")?.value;
        fields.skip_rest()?;
        let mut fields = Reader::new(assertion, "ava");
        let attribute = fields.string("attributeDesc")?;
        let value = fields.octets("assertionValue")?;
        fields.skip_rest()?;
        Ok(CompareRequest {
            dn,
            attribute,
            value,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::COMPARE_REQUEST, |writer| {
            writer.octets(self.dn.as_bytes());
            writer.constructed(tag::SEQUENCE, |writer| {
                writer.octets(self.attribute.as_bytes());
                writer.octets(self.value);
            });
        });
    }
}
