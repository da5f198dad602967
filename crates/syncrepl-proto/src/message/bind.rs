//! BindRequest (RFC 4511 §4.2). No `Debug` output here shows a password.

use super::op;
use crate::ber::{DecodeError, Problem, Reader, Writer, tag};

/// BindRequest (RFC 4511 §4.2). The version is always 3.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// name: the DN to bind as; empty for an anonymous bind, and usually for SASL.
    pub name: &'a str,
    /// authentication.
    pub authentication: Authentication<'a>,
}

/// AuthenticationChoice (RFC 4511 §4.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// simple: the password; empty, like the name, for an anonymous bind (RFC 4513 §5.1).
    Simple(&'a [u8]),
    /// sasl: the mechanism and the credentials.
    Sasl(&'a str, Option<&'a [u8]>),
}

impl std::fmt::Debug for BindRequest<'_> {
    /// Leaves the credentials out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BindRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Authentication<'_> {
    /// Leaves the credentials out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Authentication::Simple(_) => f.write_str("Simple(…)"),
            Authentication::Sasl(mechanism, _) => write!(f, "Sasl({mechanism:?}, …)"),
        }
    }
}

impl<'a> BindRequest<'a> {
    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "BindRequest");
        if fields.number(tag::INTEGER, "version")? != 3 {
            return Err(DecodeError::new("version", Problem::Invalid("it is not 3")));
        }
        let name = fields.string("name")?;
        let choice = fields.element()?;
        let authentication = match choice.tag {
            0x80 => Authentication::Simple(choice.value),
            0xa3 => {
                let mut sasl = Reader::new(choice.value, "SaslCredentials");
                let mechanism = sasl.string("mechanism")?;
                Authentication::Sasl(mechanism, sasl.optional(tag::OCTET_STRING, "credentials")?)
            }
            found => {
                return Err(DecodeError::new(
                    "AuthenticationChoice",
                    Problem::Tag {
                        expected: 0x80,
                        found,
                    },
                ));
            }
        };
        fields.skip_rest()?;
        Ok(BindRequest {
            name,
            authentication,
        })
    }

    /// An upper bound, in bytes, of the message that carries this request without controls.
    pub(super) fn encoded_at_most(&self) -> usize {
        const HEADERS: usize = 64;
        let authentication = match self.authentication {
            Authentication::Simple(password) => password.len(),
            Authentication::Sasl(mechanism, credentials) => {
                mechanism.len() + credentials.map_or(0, <[u8]>::len)
            }
        };
        HEADERS + self.name.len() + authentication
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::BIND_REQUEST, |writer| {
            writer.number(tag::INTEGER, 3);
            writer.octets(self.name.as_bytes());
            match self.authentication {
                Authentication::Simple(password) => writer.value(0x80, password),
                Authentication::Sasl(mechanism, credentials) => {
                    writer.constructed(0xa3, |writer| {
                        writer.octets(mechanism.as_bytes());
                        writer.optional(tag::OCTET_STRING, credentials);
                    });
                }
            }
        });
    }
}
