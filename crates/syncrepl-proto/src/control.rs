//! Control envelopes (RFC 4511 §4.1.11), found by OID in any order. [`crate::sync`] reads the
//! values.

use crate::ber::{self, DecodeError, Problem, Reader, Writer, tag};

/// ManageDsaIT (RFC 3296): a search returns referral objects as entries.
pub const MANAGE_DSA_IT: &str = "2.16.840.1.113730.3.4.2";

/// One control (RFC 4511 §4.1.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control<'a> {
    /// controlType, an OID.
    pub oid: &'a str,
    /// criticality, FALSE by default.
    pub critical: bool,
    /// controlValue.
    pub value: Option<&'a [u8]>,
}

impl<'a> Control<'a> {
    /// Writes the control as an element of `Controls`.
    pub fn encode(&self, writer: &mut Writer) {
        writer.constructed(tag::SEQUENCE, |writer| {
            writer.octets(self.oid.as_bytes());
            if self.critical {
                writer.boolean(tag::BOOLEAN, true);
            }
            if let Some(value) = self.value {
                writer.octets(value);
            }
        });
    }

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let element = reader.expect(tag::SEQUENCE, "control")?;
        let mut fields = Reader::new(element.value, "control");
        let oid = fields.string("controlType")?;
        if !oid
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return Err(DecodeError::new(
                "controlType",
                Problem::Invalid("it is not an OID"),
            ));
        }
        let (mut critical, mut value) = (None, None);
        while !fields.is_empty() {
            let field = fields.element()?;
            match field.tag {
                tag::BOOLEAN => {
                    let flag = ber::boolean(field.value, "criticality")?;
                    ber::once(&mut critical, flag, "criticality")?;
                }
                tag::OCTET_STRING => ber::once(&mut value, field.value, "controlValue")?,
                _ => {}
            }
        }
        Ok(Control {
            oid,
            critical: critical.unwrap_or(false),
            value,
        })
    }
}

/// The controls of a message, validated once and read in place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Controls<'a>(&'a [u8]);

impl<'a> Controls<'a> {
    /// Reads the contents of the `controls` field of an LDAPMessage.
    pub(crate) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(contents, "controls");
        while !reader.is_empty() {
            Control::decode(&mut reader)?;
        }
        Ok(Controls(contents))
    }

    /// The controls, in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = Control<'a>> + use<'a> {
        let mut reader = Reader::new(self.0, "controls");
        // `decode` has validated every control, so no error can occur here.
        std::iter::from_fn(move || {
            if reader.is_empty() {
                None
            } else {
                Control::decode(&mut reader).ok()
            }
        })
    }

    /// The first control with this OID.
    pub fn find(&self, oid: &str) -> Option<Control<'a>> {
        self.iter().find(|control| control.oid == oid)
    }

    /// The value of the control with this OID; `None` when the message has no such control.
    ///
    /// # Errors
    /// The control has no value, or occurs twice with different values.
    pub(crate) fn value(
        &self,
        oid: &str,
        what: &'static str,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        let mut values = self
            .iter()
            .filter(|control| control.oid == oid)
            .map(|control| control.value);
        let Some(first) = values.next() else {
            return Ok(None);
        };
        if values.any(|other| other != first) {
            return Err(DecodeError::new(what, Problem::Twice));
        }
        first
            .map(Some)
            .ok_or(DecodeError::new(what, Problem::Missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_ignores_order() {
        let first = Control {
            oid: "1.2.3",
            critical: true,
            value: None,
        };
        let second = Control {
            oid: "1.2.4",
            critical: false,
            value: Some(b"x"),
        };
        for order in [[first, second], [second, first]] {
            let mut writer = Writer::new();
            order.iter().for_each(|control| control.encode(&mut writer));
            let bytes = writer.finish();
            let controls = Controls::decode(&bytes).unwrap();
            assert_eq!(controls.find("1.2.3"), Some(first));
            assert_eq!(controls.find("1.2.4"), Some(second));
            assert_eq!(controls.find("1.2.5"), None);
            assert_eq!(controls.iter().count(), 2);
        }
    }

    #[test]
    fn golden_bytes() {
        let mut writer = Writer::new();
        Control {
            oid: "1.2.3",
            critical: true,
            value: Some(b"x"),
        }
        .encode(&mut writer);
        assert_eq!(
            writer.finish(),
            b"\x30\x0d\x04\x051.2.3\x01\x01\xff\x04\x01x"
        );
    }

    #[test]
    fn broken_control_is_refused() {
        for bytes in [
            &b"\x30\x01\x04"[..],
            b"\x30\x03\x04\x01x",
            b"\x31\x00",
            b"\x30\x00",
        ] {
            assert!(Controls::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
