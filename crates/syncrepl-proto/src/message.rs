//! LDAPMessage (RFC 4511 §4.1.1) and the operations a consumer and a provider exchange: bind,
//! unbind, search, abandon, extended, intermediate. Everything borrows from the bytes, and is
//! validated whole before it is handed out. Operations of other kinds are named by their tag.

use crate::attributes::AttributeList;
use crate::ber::{DecodeError, Element, Problem, Reader, Writer, tag, utf8};
use crate::control::{Control, Controls};

/// Identifier octets of the operations (RFC 4511 §4.2 to §4.14).
mod op {
    pub(super) const BIND_REQUEST: u8 = 0x60;
    pub(super) const BIND_RESPONSE: u8 = 0x61;
    pub(super) const UNBIND_REQUEST: u8 = 0x42;
    pub(super) const SEARCH_REQUEST: u8 = 0x63;
    pub(super) const SEARCH_RESULT_ENTRY: u8 = 0x64;
    pub(super) const SEARCH_RESULT_DONE: u8 = 0x65;
    pub(super) const SEARCH_RESULT_REFERENCE: u8 = 0x73;
    pub(super) const ABANDON_REQUEST: u8 = 0x50;
    pub(super) const EXTENDED_REQUEST: u8 = 0x77;
    pub(super) const EXTENDED_RESPONSE: u8 = 0x78;
    pub(super) const INTERMEDIATE_RESPONSE: u8 = 0x79;
}

/// Notice of Disconnection (RFC 4511 §4.4.1).
pub const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
/// StartTLS (RFC 4511 §4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Cancel (RFC 3909).
pub const CANCEL: &str = "1.3.6.1.1.8";
/// Who am I? (RFC 4532).
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// One message (RFC 4511 §4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// messageID; 0 for what the server says unasked.
    pub id: u32,
    /// protocolOp.
    pub op: Operation<'a>,
    /// controls.
    pub controls: Controls<'a>,
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// BindRequest (RFC 4511 §4.2).
    BindRequest(BindRequest<'a>),
    /// BindResponse (RFC 4511 §4.2.2): the result, and serverSaslCreds.
    BindResponse(LdapResult<'a>, Option<&'a [u8]>),
    /// UnbindRequest (RFC 4511 §4.3).
    UnbindRequest,
    /// SearchRequest (RFC 4511 §4.5.1).
    SearchRequest(SearchRequest<'a>),
    /// SearchResultEntry (RFC 4511 §4.5.2).
    SearchResultEntry(SearchResultEntry<'a>),
    /// SearchResultReference (RFC 4511 §4.5.2).
    SearchResultReference(Uris<'a>),
    /// SearchResultDone (RFC 4511 §4.5.2).
    SearchResultDone(LdapResult<'a>),
    /// AbandonRequest (RFC 4511 §4.11): the message to abandon.
    AbandonRequest(u32),
    /// ExtendedRequest (RFC 4511 §4.12).
    ExtendedRequest {
        /// requestName, an OID.
        name: &'a str,
        /// requestValue.
        value: Option<&'a [u8]>,
    },
    /// ExtendedResponse (RFC 4511 §4.12).
    ExtendedResponse {
        /// The result.
        result: LdapResult<'a>,
        /// responseName, an OID.
        name: Option<&'a str>,
        /// responseValue.
        value: Option<&'a [u8]>,
    },
    /// IntermediateResponse (RFC 4511 §4.13).
    IntermediateResponse {
        /// responseName, an OID.
        name: Option<&'a str>,
        /// responseValue.
        value: Option<&'a [u8]>,
    },
    /// Any other operation, its contents unread.
    Other(u8),
}

impl<'a> Message<'a> {
    /// Reads one whole message, as [`crate::frame::Frames`] cuts it.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(bytes, "LDAPMessage");
        let mut fields = Reader::new(
            outer.expect(tag::SEQUENCE, "LDAPMessage")?.value,
            "LDAPMessage",
        );
        let id = fields.number(tag::INTEGER, "messageID")?;
        let op = Operation::decode(fields.element()?)?;
        let mut controls = Controls::default();
        while !fields.is_empty() {
            let field = fields.element()?;
            if field.tag == 0xa0 {
                controls = Controls::decode(field.value)?;
            }
        }
        Ok(Message { id, op, controls })
    }

    /// Writes a message.
    pub fn encode(id: u32, op: &Operation<'_>, controls: &[Control<'_>]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.constructed(tag::SEQUENCE, |writer| {
            writer.number(tag::INTEGER, id);
            op.encode(writer);
            if !controls.is_empty() {
                writer.constructed(0xa0, |writer| {
                    controls.iter().for_each(|control| control.encode(writer));
                });
            }
        });
        writer.finish()
    }
}

impl<'a> Operation<'a> {
    fn decode(element: Element<'a>) -> Result<Self, DecodeError> {
        let contents = element.value;
        Ok(match element.tag {
            op::BIND_REQUEST => Operation::BindRequest(BindRequest::decode(contents)?),
            op::BIND_RESPONSE => {
                let mut fields = Reader::new(contents, "BindResponse");
                let result = LdapResult::decode(&mut fields)?;
                let mut credentials = None;
                while !fields.is_empty() {
                    let field = fields.element()?;
                    if field.tag == 0x87 {
                        credentials = Some(field.value);
                    }
                }
                Operation::BindResponse(result, credentials)
            }
            op::UNBIND_REQUEST => Operation::UnbindRequest,
            op::SEARCH_REQUEST => Operation::SearchRequest(SearchRequest::decode(contents)?),
            op::SEARCH_RESULT_ENTRY => {
                Operation::SearchResultEntry(SearchResultEntry::decode(contents)?)
            }
            op::SEARCH_RESULT_REFERENCE => {
                Operation::SearchResultReference(Uris::decode(contents, "SearchResultReference")?)
            }
            op::SEARCH_RESULT_DONE => {
                let mut fields = Reader::new(contents, "SearchResultDone");
                let result = LdapResult::decode(&mut fields)?;
                fields.skip_rest()?;
                Operation::SearchResultDone(result)
            }
            op::ABANDON_REQUEST => {
                Operation::AbandonRequest(crate::ber::number(contents, "AbandonRequest")?)
            }
            op::EXTENDED_REQUEST => {
                let (name, value) = named_value(contents, "ExtendedRequest", 0x80, 0x81)?;
                let name = name.ok_or(DecodeError::new("requestName", Problem::Missing))?;
                Operation::ExtendedRequest { name, value }
            }
            op::EXTENDED_RESPONSE => {
                let mut fields = Reader::new(contents, "ExtendedResponse");
                let result = LdapResult::decode(&mut fields)?;
                let (mut name, mut value) = (None, None);
                while !fields.is_empty() {
                    let field = fields.element()?;
                    match field.tag {
                        0x8a => name = Some(utf8(field.value, "responseName")?),
                        0x8b => value = Some(field.value),
                        _ => {}
                    }
                }
                Operation::ExtendedResponse {
                    result,
                    name,
                    value,
                }
            }
            op::INTERMEDIATE_RESPONSE => {
                let (name, value) = named_value(contents, "IntermediateResponse", 0x80, 0x81)?;
                Operation::IntermediateResponse { name, value }
            }
            other => Operation::Other(other),
        })
    }

    fn encode(&self, writer: &mut Writer) {
        match self {
            Operation::BindRequest(request) => request.encode(writer),
            Operation::BindResponse(result, credentials) => {
                writer.constructed(op::BIND_RESPONSE, |writer| {
                    result.encode(writer);
                    optional(writer, 0x87, *credentials);
                });
            }
            Operation::UnbindRequest => writer.value(op::UNBIND_REQUEST, &[]),
            Operation::SearchRequest(request) => request.encode(writer),
            Operation::SearchResultEntry(entry) => {
                writer.constructed(op::SEARCH_RESULT_ENTRY, |writer| {
                    writer.octets(entry.dn.as_bytes());
                    writer.raw(entry.attributes.as_bytes());
                });
            }
            Operation::SearchResultReference(uris) => {
                writer.value(op::SEARCH_RESULT_REFERENCE, uris.as_bytes());
            }
            Operation::SearchResultDone(result) => {
                writer.constructed(op::SEARCH_RESULT_DONE, |writer| result.encode(writer));
            }
            Operation::AbandonRequest(id) => writer.number(op::ABANDON_REQUEST, *id),
            Operation::ExtendedRequest { name, value } => {
                writer.constructed(op::EXTENDED_REQUEST, |writer| {
                    writer.value(0x80, name.as_bytes());
                    optional(writer, 0x81, *value);
                });
            }
            Operation::ExtendedResponse {
                result,
                name,
                value,
            } => {
                writer.constructed(op::EXTENDED_RESPONSE, |writer| {
                    result.encode(writer);
                    optional(writer, 0x8a, name.map(str::as_bytes));
                    optional(writer, 0x8b, *value);
                });
            }
            Operation::IntermediateResponse { name, value } => {
                writer.constructed(op::INTERMEDIATE_RESPONSE, |writer| {
                    optional(writer, 0x80, name.map(str::as_bytes));
                    optional(writer, 0x81, *value);
                });
            }
            Operation::Other(tag) => writer.value(*tag, &[]),
        }
    }

    /// The operation's name in RFC 4511, for messages to people.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::BindRequest(_) => "BindRequest",
            Operation::BindResponse(..) => "BindResponse",
            Operation::UnbindRequest => "UnbindRequest",
            Operation::SearchRequest(_) => "SearchRequest",
            Operation::SearchResultEntry(_) => "SearchResultEntry",
            Operation::SearchResultReference(_) => "SearchResultReference",
            Operation::SearchResultDone(_) => "SearchResultDone",
            Operation::AbandonRequest(_) => "AbandonRequest",
            Operation::ExtendedRequest { .. } => "ExtendedRequest",
            Operation::ExtendedResponse { .. } => "ExtendedResponse",
            Operation::IntermediateResponse { .. } => "IntermediateResponse",
            Operation::Other(_) => "an operation of another kind",
        }
    }
}

fn optional(writer: &mut Writer, tag: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        writer.value(tag, value);
    }
}

type NamedValue<'a> = (Option<&'a str>, Option<&'a [u8]>);

fn named_value<'a>(
    contents: &'a [u8],
    what: &'static str,
    name_tag: u8,
    value_tag: u8,
) -> Result<NamedValue<'a>, DecodeError> {
    let mut fields = Reader::new(contents, what);
    let (mut name, mut value) = (None, None);
    while !fields.is_empty() {
        let field = fields.element()?;
        if field.tag == name_tag {
            name = Some(utf8(field.value, what)?);
        } else if field.tag == value_tag {
            value = Some(field.value);
        }
    }
    Ok((name, value))
}

/// BindRequest (RFC 4511 §4.2), always of version 3.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// name: the DN to bind as; empty for anonymous and mostly for SASL.
    pub name: &'a str,
    /// authentication.
    pub authentication: Authentication<'a>,
}

/// AuthenticationChoice (RFC 4511 §4.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// A password; empty with an empty name for an anonymous bind (RFC 4513 §5.1).
    Simple(&'a [u8]),
    /// SASL: mechanism and credentials.
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
    fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
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
        Ok(BindRequest {
            name,
            authentication,
        })
    }

    fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::BIND_REQUEST, |writer| {
            writer.number(tag::INTEGER, 3);
            writer.octets(self.name.as_bytes());
            match self.authentication {
                Authentication::Simple(password) => writer.value(0x80, password),
                Authentication::Sasl(mechanism, credentials) => {
                    writer.constructed(0xa3, |writer| {
                        writer.octets(mechanism.as_bytes());
                        optional(writer, tag::OCTET_STRING, credentials);
                    });
                }
            }
        });
    }
}

/// Which entries a search looks at (RFC 4511 §4.5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// baseObject: what a URL without a scope means (RFC 4516 §2).
    #[default]
    Base,
    /// singleLevel.
    One,
    /// wholeSubtree.
    Subtree,
}

impl Scope {
    /// As it is written in a URL (RFC 4516 §2).
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Base => "base",
            Scope::One => "one",
            Scope::Subtree => "sub",
        }
    }
}

/// SearchRequest (RFC 4511 §4.5.1). Aliases are never dereferenced: RFC 4533 search results are
/// not defined with them, and slapd refuses the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest<'a> {
    /// baseObject.
    pub base: &'a str,
    /// scope.
    pub scope: Scope,
    /// sizeLimit in entries; 0 for none.
    pub size_limit: u32,
    /// timeLimit in seconds; 0 for none.
    pub time_limit: u32,
    /// typesOnly.
    pub types_only: bool,
    /// filter, as BER (RFC 4511 §4.5.1.7).
    pub filter: &'a [u8],
    /// attributes; none asks for all user attributes.
    pub attributes: Vec<&'a str>,
}

impl<'a> SearchRequest<'a> {
    fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "SearchRequest");
        let base = fields.string("baseObject")?;
        let scope = match fields.number(tag::ENUMERATED, "scope")? {
            0 => Scope::Base,
            1 => Scope::One,
            2 => Scope::Subtree,
            _ => return Err(DecodeError::new("scope", Problem::Number)),
        };
        fields.number(tag::ENUMERATED, "derefAliases")?;
        let size_limit = fields.number(tag::INTEGER, "sizeLimit")?;
        let time_limit = fields.number(tag::INTEGER, "timeLimit")?;
        let types_only = fields.boolean("typesOnly")?;
        let filter = fields.element()?.raw;
        let list = fields.expect(tag::SEQUENCE, "AttributeSelection")?.value;
        let mut list = Reader::new(list, "AttributeSelection");
        let mut attributes = Vec::new();
        while !list.is_empty() {
            attributes.push(list.string("AttributeSelection")?);
        }
        fields.skip_rest()?;
        Ok(SearchRequest {
            base,
            scope,
            size_limit,
            time_limit,
            types_only,
            filter,
            attributes,
        })
    }

    fn encode(&self, writer: &mut Writer) {
        writer.constructed(op::SEARCH_REQUEST, |writer| {
            writer.octets(self.base.as_bytes());
            writer.number(tag::ENUMERATED, self.scope as u32);
            writer.number(tag::ENUMERATED, 0);
            writer.number(tag::INTEGER, self.size_limit);
            writer.number(tag::INTEGER, self.time_limit);
            writer.boolean(tag::BOOLEAN, self.types_only);
            writer.raw(self.filter);
            writer.constructed(tag::SEQUENCE, |writer| {
                self.attributes
                    .iter()
                    .for_each(|name| writer.octets(name.as_bytes()));
            });
        });
    }
}

/// SearchResultEntry (RFC 4511 §4.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchResultEntry<'a> {
    /// objectName.
    pub dn: &'a str,
    /// attributes.
    pub attributes: AttributeList<'a>,
}

impl<'a> SearchResultEntry<'a> {
    fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "SearchResultEntry");
        let dn = fields.string("objectName")?;
        let attributes = AttributeList::decode(fields.expect(tag::SEQUENCE, "attributes")?.raw)?;
        fields.skip_rest()?;
        Ok(SearchResultEntry { dn, attributes })
    }
}

/// One or more URIs (RFC 4511 §4.1.10), validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uris<'a>(&'a [u8]);

impl<'a> Uris<'a> {
    /// Reads the contents of a SEQUENCE OF URI.
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

    /// Each URI.
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
    /// A result with nothing but its code.
    pub fn new(code: u32) -> Self {
        LdapResult {
            code,
            matched_dn: "",
            diagnostic: "",
            referral: None,
        }
    }

    fn decode(fields: &mut Reader<'a>) -> Result<Self, DecodeError> {
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

    fn encode(&self, writer: &mut Writer) {
        writer.number(tag::ENUMERATED, self.code);
        writer.octets(self.matched_dn.as_bytes());
        writer.octets(self.diagnostic.as_bytes());
        if let Some(referral) = self.referral {
            writer.value(0xa3, referral.as_bytes());
        }
    }
}

/// The name of a result code (RFC 4511 appendix A, RFC 3909, RFC 4533), or `None`.
pub fn result_name(code: u32) -> Option<&'static str> {
    Some(match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        14 => "saslBindInProgress",
        16 => "noSuchAttribute",
        18 => "inappropriateMatching",
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
        80 => "other",
        118 => "canceled",
        119 => "noSuchOperation",
        120 => "tooLate",
        121 => "cannotCancel",
        4096 => "e-syncRefreshRequired",
        _ => return None,
    })
}
