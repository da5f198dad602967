//! LDAPResult, and the URIs of referrals and references (RFC 4511 §4.1.9, §4.1.10).

use crate::ber::{DecodeError, Reader, Writer, tag};

/// URIs (RFC 4511 §4.1.10), validated once and read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uris<'a>(&'a [u8]);

impl<'a> Uris<'a> {
    /// Reads the contents of a SEQUENCE OF URI.
    ///
    /// # Errors
    /// The bytes are not OCTET STRINGs in UTF-8. The error calls them `what`.
    pub fn decode(contents: &'a [u8], what: &'static str) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(contents, what);
        while !reader.is_empty() {
            reader.string(what)?;
        }
        Ok(Uris(contents))
    }

    /// The contents of the SEQUENCE OF URI.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The URIs, in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::new(self.0, "URI");
        std::iter::from_fn(move || reader.string("URI").ok())
    }
}

/// LDAPResult (RFC 4511 §4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LdapResult<'a> {
    /// resultCode.
    pub code: u32,
    /// matchedDN.
    pub matched_dn: &'a str,
    /// diagnosticMessage.
    pub diagnostic: &'a str,
    /// referral.
    pub referral: Option<Uris<'a>>,
}

impl<'a> LdapResult<'a> {
    /// A result with this code and nothing else.
    pub fn new(code: u32) -> Self {
        LdapResult {
            code,
            matched_dn: "",
            diagnostic: "",
            referral: None,
        }
    }

    pub(super) fn decode(fields: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let code = fields.number(tag::ENUMERATED, "resultCode")?;
        let matched_dn = fields.string("matchedDN")?;
        let diagnostic = fields.string("diagnosticMessage")?;
        let referral = fields
            .optional(0xa3, "referral")?
            .map(|contents| Uris::decode(contents, "referral"))
            .transpose()?;
        Ok(LdapResult {
            code,
            matched_dn,
            diagnostic,
            referral,
        })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.number(tag::ENUMERATED, self.code);
        writer.octets(self.matched_dn.as_bytes());
        writer.octets(self.diagnostic.as_bytes());
        if let Some(referral) = self.referral {
            writer.value(0xa3, referral.as_bytes());
        }
    }
}

/// The name of a result code (RFC 4511 appendix A, RFC 3909, RFC 4533); `None` for other codes.
pub fn result_name(code: u32) -> Option<&'static str> {
    Some(match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        5 => "compareFalse",
        6 => "compareTrue",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        14 => "saslBindInProgress",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        20 => "attributeOrValueExists",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        33 => "aliasProblem",
        34 => "invalidDNSyntax",
        36 => "aliasDereferencingProblem",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        54 => "loopDetect",
        64 => "namingViolation",
        65 => "objectClassViolation",
        66 => "notAllowedOnNonLeaf",
        67 => "notAllowedOnRDN",
        68 => "entryAlreadyExists",
        69 => "objectClassModsProhibited",
        71 => "affectsMultipleDSAs",
        80 => "other",
        118 => "canceled",
        119 => "noSuchOperation",
        120 => "tooLate",
        121 => "cannotCancel",
        4096 => "e-syncRefreshRequired",
        _ => return None,
    })
}

/// A result code for people: its name and number, for example `busy (51)`.
pub fn describe_result(code: u32) -> String {
    match result_name(code) {
        Some(name) => format!("{name} ({code})"),
        None => format!("result {code}"),
    }
}
