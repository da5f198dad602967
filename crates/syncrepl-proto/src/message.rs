//! LDAPMessage (RFC 4511 §4.1.1) and the operations that consumers and providers exchange.
//!
//! Everything borrows from the bytes, and a message is validated whole before it is handed out. For
//! other operations only the tag is kept.

mod add;
mod bind;
mod compare;
mod modify;
mod modify_dn;
mod op;
mod result;
mod search;

pub use add::AddRequest;
pub use bind::{Authentication, BindRequest};
pub use compare::CompareRequest;
pub use modify::{Modifications, ModifyOperation, ModifyRequest};
pub use modify_dn::ModifyDnRequest;
pub use result::{LdapResult, Uris, describe_result, result_name};
pub use search::{Scope, SearchRequest, SearchResultEntry};

use crate::ber::{self, DecodeError, Element, Problem, Reader, Writer, tag, utf8};
use crate::control::{Control, Controls};

/// Notice of Disconnection (RFC 4511 §4.4.1).
pub const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
/// StartTLS (RFC 4511 §4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Cancel (RFC 3909).
pub const CANCEL: &str = "1.3.6.1.1.8";
/// Who am I? (RFC 4532).
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// An LDAPMessage (RFC 4511 §4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// messageID; 0 in an unsolicited notification.
    pub id: u32,
    /// protocolOp.
    pub op: Operation<'a>,
    /// controls.
    pub controls: Controls<'a>,
}

/// The protocolOp of a message.
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
    /// ModifyRequest (RFC 4511 §4.6).
    ModifyRequest(ModifyRequest<'a>),
    /// ModifyResponse (RFC 4511 §4.6).
    ModifyResponse(LdapResult<'a>),
    /// AddRequest (RFC 4511 §4.7).
    AddRequest(AddRequest<'a>),
    /// AddResponse (RFC 4511 §4.7).
    AddResponse(LdapResult<'a>),
    /// DelRequest (RFC 4511 §4.8): the DN to delete.
    DelRequest(&'a str),
    /// DelResponse (RFC 4511 §4.8).
    DelResponse(LdapResult<'a>),
    /// ModifyDNRequest (RFC 4511 §4.9).
    ModifyDnRequest(ModifyDnRequest<'a>),
    /// ModifyDNResponse (RFC 4511 §4.9).
    ModifyDnResponse(LdapResult<'a>),
    /// CompareRequest (RFC 4511 §4.10).
    CompareRequest(CompareRequest<'a>),
    /// CompareResponse (RFC 4511 §4.10).
    CompareResponse(LdapResult<'a>),
    /// AbandonRequest (RFC 4511 §4.11): the messageID of the operation to abandon.
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
    /// Any other operation, by its tag; the contents are not read.
    Other(u8),
}

impl<'a> Message<'a> {
    /// Reads one whole message, as [`crate::frame::Frames`] cuts it.
    ///
    /// # Errors
    /// The bytes break RFC 4511 §4; the error names the element.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut outer = Reader::new(bytes, "LDAPMessage");
        let contents = outer.expect(tag::SEQUENCE, "LDAPMessage")?.value;
        outer.end()?;
        let mut fields = Reader::new(contents, "LDAPMessage");
        let id = fields.number(tag::INTEGER, "messageID")?;
        let op = Operation::decode(fields.element()?)?;
        let mut controls = None;
        while !fields.is_empty() {
            let field = fields.element()?;
            if field.tag == 0xa0 {
                ber::once(&mut controls, field.value, "controls")?;
            }
        }
        let controls = Controls::decode(controls.unwrap_or_default())?;
        Ok(Message { id, op, controls })
    }

    /// Writes a message.
    pub fn encode(id: u32, op: &Operation<'_>, controls: &[Control<'_>]) -> Vec<u8> {
        // A buffer that grows leaves its old bytes in freed memory. A password must not stay there.
        let mut writer = match op {
            Operation::BindRequest(request) => Writer::with_capacity(request.encoded_at_most()),
            _ => Writer::new(),
        };
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
            op::BIND_RESPONSE => bind_response(contents)?,
            op::UNBIND_REQUEST => Operation::UnbindRequest,
            op::SEARCH_REQUEST => Operation::SearchRequest(SearchRequest::decode(contents)?),
            op::SEARCH_RESULT_ENTRY => {
                Operation::SearchResultEntry(SearchResultEntry::decode(contents)?)
            }
            op::SEARCH_RESULT_REFERENCE => {
                Operation::SearchResultReference(Uris::decode(contents, "SearchResultReference")?)
            }
            op::SEARCH_RESULT_DONE => {
                Operation::SearchResultDone(result_only(contents, "SearchResultDone")?)
            }
            op::MODIFY_REQUEST => Operation::ModifyRequest(ModifyRequest::decode(contents)?),
            op::MODIFY_RESPONSE => {
                Operation::ModifyResponse(result_only(contents, "ModifyResponse")?)
            }
            op::ADD_REQUEST => Operation::AddRequest(AddRequest::decode(contents)?),
            op::ADD_RESPONSE => Operation::AddResponse(result_only(contents, "AddResponse")?),
            op::DEL_REQUEST => Operation::DelRequest(utf8(contents, "DelRequest")?),
            op::DEL_RESPONSE => Operation::DelResponse(result_only(contents, "DelResponse")?),
            op::MODIFY_DN_REQUEST => Operation::ModifyDnRequest(ModifyDnRequest::decode(contents)?),
            op::MODIFY_DN_RESPONSE => {
                Operation::ModifyDnResponse(result_only(contents, "ModifyDNResponse")?)
            }
            op::COMPARE_REQUEST => Operation::CompareRequest(CompareRequest::decode(contents)?),
            op::COMPARE_RESPONSE => {
                Operation::CompareResponse(result_only(contents, "CompareResponse")?)
            }
            op::ABANDON_REQUEST => {
                Operation::AbandonRequest(ber::number(contents, "AbandonRequest")?)
            }
            op::EXTENDED_REQUEST => {
                let (name, value) = named_value(contents, "ExtendedRequest")?;
                let name = name.ok_or(DecodeError::new("requestName", Problem::Missing))?;
                Operation::ExtendedRequest { name, value }
            }
            op::EXTENDED_RESPONSE => extended_response(contents)?,
            op::INTERMEDIATE_RESPONSE => {
                let (name, value) = named_value(contents, "IntermediateResponse")?;
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
                    writer.optional(0x87, *credentials);
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
            Operation::SearchResultDone(result) => answer(writer, op::SEARCH_RESULT_DONE, result),
            Operation::ModifyRequest(request) => request.encode(writer),
            Operation::ModifyResponse(result) => answer(writer, op::MODIFY_RESPONSE, result),
            Operation::AddRequest(request) => request.encode(writer),
            Operation::AddResponse(result) => answer(writer, op::ADD_RESPONSE, result),
            Operation::DelRequest(dn) => writer.value(op::DEL_REQUEST, dn.as_bytes()),
            Operation::DelResponse(result) => answer(writer, op::DEL_RESPONSE, result),
            Operation::ModifyDnRequest(request) => request.encode(writer),
            Operation::ModifyDnResponse(result) => answer(writer, op::MODIFY_DN_RESPONSE, result),
            Operation::CompareRequest(request) => request.encode(writer),
            Operation::CompareResponse(result) => answer(writer, op::COMPARE_RESPONSE, result),
            Operation::AbandonRequest(id) => writer.number(op::ABANDON_REQUEST, *id),
            Operation::ExtendedRequest { name, value } => {
                writer.constructed(op::EXTENDED_REQUEST, |writer| {
                    writer.value(0x80, name.as_bytes());
                    writer.optional(0x81, *value);
                });
            }
            Operation::ExtendedResponse {
                result,
                name,
                value,
            } => {
                writer.constructed(op::EXTENDED_RESPONSE, |writer| {
                    result.encode(writer);
                    writer.optional(0x8a, name.map(str::as_bytes));
                    writer.optional(0x8b, *value);
                });
            }
            Operation::IntermediateResponse { name, value } => {
                writer.constructed(op::INTERMEDIATE_RESPONSE, |writer| {
                    writer.optional(0x80, name.map(str::as_bytes));
                    writer.optional(0x81, *value);
                });
            }
            Operation::Other(tag) => writer.value(*tag, &[]),
        }
    }

    /// The operation's name in RFC 4511, for diagnostics.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::BindRequest(_) => "BindRequest",
            Operation::BindResponse(..) => "BindResponse",
            Operation::UnbindRequest => "UnbindRequest",
            Operation::SearchRequest(_) => "SearchRequest",
            Operation::SearchResultEntry(_) => "SearchResultEntry",
            Operation::SearchResultReference(_) => "SearchResultReference",
            Operation::SearchResultDone(_) => "SearchResultDone",
            Operation::ModifyRequest(_) => "ModifyRequest",
            Operation::ModifyResponse(_) => "ModifyResponse",
            Operation::AddRequest(_) => "AddRequest",
            Operation::AddResponse(_) => "AddResponse",
            Operation::DelRequest(_) => "DelRequest",
            Operation::DelResponse(_) => "DelResponse",
            Operation::ModifyDnRequest(_) => "ModifyDNRequest",
            Operation::ModifyDnResponse(_) => "ModifyDNResponse",
            Operation::CompareRequest(_) => "CompareRequest",
            Operation::CompareResponse(_) => "CompareResponse",
            Operation::AbandonRequest(_) => "AbandonRequest",
            Operation::ExtendedRequest { .. } => "ExtendedRequest",
            Operation::ExtendedResponse { .. } => "ExtendedResponse",
            Operation::IntermediateResponse { .. } => "IntermediateResponse",
            Operation::Other(_) => "an operation of another kind",
        }
    }
}

fn bind_response(contents: &[u8]) -> Result<Operation<'_>, DecodeError> {
    let mut fields = Reader::new(contents, "BindResponse");
    let result = LdapResult::decode(&mut fields)?;
    let mut credentials = None;
    while !fields.is_empty() {
        let field = fields.element()?;
        if field.tag == 0x87 {
            ber::once(&mut credentials, field.value, "serverSaslCreds")?;
        }
    }
    Ok(Operation::BindResponse(result, credentials))
}

fn extended_response(contents: &[u8]) -> Result<Operation<'_>, DecodeError> {
    let mut fields = Reader::new(contents, "ExtendedResponse");
    let result = LdapResult::decode(&mut fields)?;
    let (mut name, mut value) = (None, None);
    while !fields.is_empty() {
        let field = fields.element()?;
        match field.tag {
            0x8a => {
                let oid = utf8(field.value, "responseName")?;
                ber::once(&mut name, oid, "responseName")?;
            }
            0x8b => ber::once(&mut value, field.value, "responseValue")?,
            _ => {}
        }
    }
    Ok(Operation::ExtendedResponse {
        result,
        name,
        value,
    })
}

/// Reads a response that is an LDAPResult and nothing else.
fn result_only<'a>(contents: &'a [u8], what: &'static str) -> Result<LdapResult<'a>, DecodeError> {
    let mut fields = Reader::new(contents, what);
    let result = LdapResult::decode(&mut fields)?;
    fields.skip_rest()?;
    Ok(result)
}

fn answer(writer: &mut Writer, tag: u8, result: &LdapResult<'_>) {
    writer.constructed(tag, |writer| result.encode(writer));
}

type NamedValue<'a> = (Option<&'a str>, Option<&'a [u8]>);

fn named_value<'a>(contents: &'a [u8], what: &'static str) -> Result<NamedValue<'a>, DecodeError> {
    let mut fields = Reader::new(contents, what);
    let (mut name, mut value) = (None, None);
    while !fields.is_empty() {
        let field = fields.element()?;
        match field.tag {
            0x80 => ber::once(&mut name, utf8(field.value, what)?, what)?,
            0x81 => ber::once(&mut value, field.value, what)?,
            _ => {}
        }
    }
    Ok((name, value))
}
