//! ModifyRequest (RFC 4511 §4.6).

use super::op;
use crate::attributes::Attribute;
use crate::ber::{DecodeError, Problem, Reader, Writer, tag};

/// ModifyRequest (RFC 4511 §4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModifyRequest<'a> {
    /// object: the DN to modify.
    pub dn: &'a str,
    /// changes.
    pub changes: Modifications<'a>,
}

/// operation: the kind of one change (RFC 4511 §4.6, RFC 4525).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModifyOperation {
    /// add.
    Add,
    /// delete: these values, or the whole attribute when there are none.
    Delete,
    /// replace: all values by these, or by none.
    Replace,
    /// increment (RFC 4525).
    Increment,
}

/// changes of a ModifyRequest, validated once and read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modifications<'a>(&'a [u8]);

impl<'a> Modifications<'a> {
    /// Reads the contents of the SEQUENCE OF change.
    ///
    /// # Errors
    /// The bytes break RFC 4511 §4.6.
    pub fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(contents, "changes");
        while !reader.is_empty() {
            change(&mut reader)?;
        }
        Ok(Modifications(contents))
    }

    /// Writes the contents of a SEQUENCE OF change.
    pub fn encode<'v>(
        changes: impl IntoIterator<Item = (ModifyOperation, &'v str, Vec<&'v [u8]>)>,
    ) -> Vec<u8> {
        let mut writer = Writer::new();
        for (operation, name, values) in changes {
            writer.constructed(tag::SEQUENCE, |writer| {
                writer.number(tag::ENUMERATED, operation as u32);
                writer.constructed(tag::SEQUENCE, |writer| {
                    writer.octets(name.as_bytes());
                    writer.constructed(tag::SET, |writer| {
                        values.iter().for_each(|value| writer.octets(value));
                    });
                });
            });
        }
        writer.finish()
    }

    /// The changes, in the order in which they are made.
    pub fn iter(&self) -> impl Iterator<Item = (ModifyOperation, Attribute<'a>)> + use<'a> {
        let mut reader = Reader::new(self.0, "changes");
        // `decode` has validated every change, so no error can occur here.
        std::iter::from_fn(move || change(&mut reader).ok())
    }
}

fn change<'a>(reader: &mut Reader<'a>) -> Result<(ModifyOperation, Attribute<'a>), DecodeError> {
    let element = reader.expect(tag::SEQUENCE, "change")?;
    let mut fields = Reader::new(element.value, "change");
    let operation = match fields.number(tag::ENUMERATED, "operation")? {
        0 => ModifyOperation::Add,
        1 => ModifyOperation::Delete,
        2 => ModifyOperation::Replace,
        3 => ModifyOperation::Increment,
        _ => return Err(DecodeError::new("operation", Problem::Number)),
    };
    let attribute = Attribute::decode(&mut fields)?;
    attribute.check()?;
    fields.skip_rest()?;
    Ok((operation, attribute))
}

impl<'a> ModifyRequest<'a> {
    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "ModifyRequest");
        let dn = fields.string("object")?;
        let changes = Modifications::decode(fields.expect(tag::SEQUENCE, "changes")?.value)?;
        fields.skip_rest()?;
        Ok(ModifyRequest { dn, changes })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::MODIFY_REQUEST, |writer| {
            writer.octets(self.dn.as_bytes());
            writer.value(tag::SEQUENCE, self.changes.0);
        });
    }
}
