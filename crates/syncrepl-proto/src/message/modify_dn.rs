//! ModifyDNRequest (RFC 4511 §4.9).

use super::op;
use crate::ber::{self, DecodeError, Reader, Writer, tag, utf8};

/// ModifyDNRequest (RFC 4511 §4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModifyDnRequest<'a> {
    /// entry: the DN of the entry to rename.
    pub dn: &'a str,
    /// newrdn.
    pub new_rdn: &'a str,
    /// deleteoldrdn: whether the values of the old RDN are removed from the entry.
    pub delete_old_rdn: bool,
    /// newSuperior: the DN of the new parent; `None` keeps the parent.
    pub new_superior: Option<&'a str>,
}

/// The context tag of newSuperior.
const NEW_SUPERIOR: u8 = 0x80;

impl<'a> ModifyDnRequest<'a> {
    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "ModifyDNRequest");
        let dn = fields.string("entry")?;
        let new_rdn = fields.string("newrdn")?;
        let delete_old_rdn = fields.boolean("deleteoldrdn")?;
        let mut new_superior = None;
        while !fields.is_empty() {
            let field = fields.element()?;
            if field.tag == NEW_SUPERIOR {
                let dn = utf8(field.value, "newSuperior")?;
                ber::once(&mut new_superior, dn, "newSuperior")?;
            }
        }
        Ok(ModifyDnRequest {
            dn,
            new_rdn,
            delete_old_rdn,
            new_superior,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::MODIFY_DN_REQUEST, |writer| {
            writer.octets(self.dn.as_bytes());
            writer.octets(self.new_rdn.as_bytes());
            writer.boolean(tag::BOOLEAN, self.delete_old_rdn);
            writer.optional(NEW_SUPERIOR, self.new_superior.map(str::as_bytes));
        });
    }
}
