//! The result of an operation that the provider did not carry out.

use std::fmt;

use syncrepl_proto::message::result_name;

/// An LDAPResult other than success (RFC 4511 §4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The resultCode.
    pub code: u32,
    /// The diagnosticMessage; may be empty.
    pub diagnostic: String,
    /// The matchedDN: with noSuchObject the nearest existing entry above, with referral the
    /// referral object; else empty.
    pub matched_dn: String,
    /// The URIs of the referral; empty unless the code is referral.
    pub referral: Vec<String>,
}

impl Refusal {
    pub(crate) fn new(code: u32, diagnostic: impl Into<String>) -> Refusal {
        Refusal {
            code,
            diagnostic: diagnostic.into(),
            matched_dn: String::new(),
            referral: Vec::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match result_name(self.code) {
            Some(name) => write!(f, "{name} ({})", self.code)?,
            None => write!(f, "result {}", self.code)?,
        }
        if !self.diagnostic.is_empty() {
            write!(f, ": {}", self.diagnostic)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// The result codes that this provider sends (RFC 4511 appendix A, RFC 3909).
pub(crate) mod code {
    pub(crate) const PROTOCOL_ERROR: u32 = 2;
    pub(crate) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(crate) const COMPARE_FALSE: u32 = 5;
    pub(crate) const COMPARE_TRUE: u32 = 6;
    pub(crate) const AUTH_METHOD_NOT_SUPPORTED: u32 = 7;
    pub(crate) const STRONGER_AUTH_REQUIRED: u32 = 8;
    pub(crate) const REFERRAL: u32 = 10;
    pub(crate) const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
    pub(crate) const NO_SUCH_ATTRIBUTE: u32 = 16;
    pub(crate) const CONSTRAINT_VIOLATION: u32 = 19;
    pub(crate) const ATTRIBUTE_OR_VALUE_EXISTS: u32 = 20;
    pub(crate) const INVALID_ATTRIBUTE_SYNTAX: u32 = 21;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const INVALID_DN_SYNTAX: u32 = 34;
    pub(crate) const INVALID_CREDENTIALS: u32 = 49;
    pub(crate) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub(crate) const UNAVAILABLE: u32 = 52;
    pub(crate) const UNWILLING_TO_PERFORM: u32 = 53;
    pub(crate) const OBJECT_CLASS_VIOLATION: u32 = 65;
    pub(crate) const NOT_ALLOWED_ON_NON_LEAF: u32 = 66;
    pub(crate) const NOT_ALLOWED_ON_RDN: u32 = 67;
    pub(crate) const ENTRY_ALREADY_EXISTS: u32 = 68;
    pub(crate) const CANCELED: u32 = 118;
    pub(crate) const NO_SUCH_OPERATION: u32 = 119;
    pub(crate) const TOO_LATE: u32 = 120;
}
