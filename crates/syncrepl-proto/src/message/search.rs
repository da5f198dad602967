//! SearchRequest and SearchResultEntry (RFC 4511 §4.5).

use super::op;
use crate::attributes::AttributeList;
use crate::ber::{DecodeError, Problem, Reader, Writer, tag};

/// The entries that a search examines (RFC 4511 §4.5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// baseObject; the default of a URL (RFC 4516 §2).
    #[default]
    Base,
    /// singleLevel.
    One,
    /// wholeSubtree.
    Subtree,
}

impl Scope {
    /// The scope as a URL writes it (RFC 4516 §2).
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Base => "base",
            Scope::One => "one",
            Scope::Subtree => "sub",
        }
    }
}

/// SearchRequest (RFC 4511 §4.5.1). derefAliases is always neverDerefAliases: RFC 4533 does not
/// define a sync search with aliases, and slapd refuses one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest<'a> {
    /// baseObject.
    pub base: &'a str,
    /// scope.
    pub scope: Scope,
    /// sizeLimit, in entries; 0 for no limit.
    pub size_limit: u32,
    /// timeLimit, in seconds; 0 for no limit.
    pub time_limit: u32,
    /// typesOnly.
    pub types_only: bool,
    /// filter, as BER (RFC 4511 §4.5.1.7).
    pub filter: &'a [u8],
    /// attributes; an empty list asks for all user attributes.
    pub attributes: Vec<&'a str>,
}

impl<'a> SearchRequest<'a> {
    /// A search without limits, for all user attributes. `filter` is BER.
    pub fn new(base: &'a str, scope: Scope, filter: &'a [u8]) -> Self {
        SearchRequest {
            base,
            scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter,
            attributes: Vec::new(),
        }
    }

    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
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

    pub(super) fn encode(&self, writer: &mut Writer) {
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
    pub(super) fn decode(contents: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(contents, "SearchResultEntry");
        let dn = fields.string("objectName")?;
        let attributes = AttributeList::decode(fields.expect(tag::SEQUENCE, "attributes")?.raw)?;
        fields.skip_rest()?;
        Ok(SearchResultEntry { dn, attributes })
    }
}
