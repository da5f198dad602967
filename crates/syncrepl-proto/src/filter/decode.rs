//! Reads and checks the encoding of filters (RFC 4511 §4.5.1.7).

use super::encode::{Builder, Extensible, push, push_comparison, push_extensible, push_substrings};
use super::error::FilterError;
use super::tag;
use crate::attributes::{is_description, is_oid};

/// Checks an encoding and writes it again in canonical form.
pub(super) fn recode(bytes: &[u8]) -> Result<Vec<u8>, FilterError> {
    let mut builder = Builder::default();
    let mut readers = vec![Reader {
        rest: bytes,
        at: 0,
        strict: true,
    }];
    while let Some(reader) = readers.last_mut() {
        let position = reader.at + 1;
        let located = |problem| FilterError::Encoding { problem, position };
        let outermost = builder.open.is_empty();
        if reader.rest.is_empty() && !(outermost && builder.done.is_empty()) {
            readers.pop();
            if !outermost {
                builder.close().map_err(located)?;
            }
            continue;
        }
        match reader.filter()? {
            Node::Set(tag, inner) => {
                builder.open(tag).map_err(located)?;
                readers.push(inner);
            }
            Node::Present(attribute) => {
                push(
                    builder.place().map_err(located)?,
                    tag::PRESENT,
                    &[attribute.as_bytes()],
                );
            }
            Node::Comparison(tag, attribute, value) => {
                push_comparison(builder.place().map_err(located)?, tag, attribute, value);
            }
            Node::Substrings(attribute, mut inner) => {
                let mut pieces = Vec::new();
                while !inner.rest.is_empty() {
                    let (tag, piece) = inner.element()?;
                    push(&mut pieces, tag, &[piece.rest]);
                }
                push_substrings(builder.place().map_err(located)?, attribute, &pieces);
            }
            Node::Extensible(assertion) => {
                push_extensible(builder.place().map_err(located)?, &assertion);
            }
        }
    }
    Ok(builder.done)
}

/// One filter. The filters nested in it are not read yet.
pub(super) enum Node<'a> {
    /// `&`, `|` or `!`, by its tag.
    Set(u8, Reader<'a>),
    Present(&'a str),
    /// `=`, `>=`, `<=` or `~=`, by its tag.
    Comparison(u8, &'a str, &'a [u8]),
    /// The substrings are checked: at least one, none empty, in order.
    Substrings(&'a str, Reader<'a>),
    Extensible(Extensible<'a>),
}

/// Reads elements, and keeps the position in the whole encoding for errors.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
    at: usize,
    /// Whether to check names. `Filter::present` and `Filter::equality` do not check theirs.
    strict: bool,
}

impl<'a> Reader<'a> {
    /// A reader of a filter that this module has encoded.
    pub(super) fn trusting(rest: &'a [u8]) -> Self {
        Self {
            rest,
            at: 0,
            strict: false,
        }
    }

    fn error<T>(&self, problem: &'static str) -> Result<T, FilterError> {
        Err(FilterError::Encoding {
            problem,
            position: self.at + 1,
        })
    }

    /// Reads the next element: its tag and its contents.
    pub(super) fn element(&mut self) -> Result<(u8, Reader<'a>), FilterError> {
        let [tag, first, body @ ..] = self.rest else {
            return self.error("missing element");
        };
        let (length, body) = match usize::from(*first) {
            short @ ..0x80 => (Some(short), body),
            0x80 => return self.error("indefinite length"),
            long => match body.split_at_checked(long - 0x80) {
                None => (None, body),
                Some((digits, body)) => {
                    let length = digits.iter().try_fold(0_usize, |length, &digit| {
                        length.checked_mul(256)?.checked_add(usize::from(digit))
                    });
                    (length, body)
                }
            },
        };
        let Some((content, rest)) = length.and_then(|length| body.split_at_checked(length)) else {
            return self.error("a length beyond the end");
        };
        let at = self.at + (self.rest.len() - body.len());
        let content = Reader {
            rest: content,
            at,
            strict: self.strict,
        };
        self.at = content.at + content.rest.len();
        self.rest = rest;
        Ok((*tag, content))
    }

    /// Reads the contents of the next element if it has this tag.
    fn optional(&mut self, tag: u8) -> Result<Option<Reader<'a>>, FilterError> {
        match self.rest.first() {
            Some(&found) if found == tag => Ok(Some(self.element()?.1)),
            _ => Ok(None),
        }
    }

    fn expect(&mut self, tag: u8, otherwise: &'static str) -> Result<Reader<'a>, FilterError> {
        match self.optional(tag)? {
            Some(content) => Ok(content),
            None => self.error(otherwise),
        }
    }

    fn end(&self) -> Result<(), FilterError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            self.error("an element too many")
        }
    }

    fn name(&self) -> Result<&'a str, FilterError> {
        self.text(is_description, "an invalid attribute name")
    }

    fn text(
        &self,
        valid: fn(&str) -> bool,
        otherwise: &'static str,
    ) -> Result<&'a str, FilterError> {
        match std::str::from_utf8(self.rest) {
            Ok(name) if valid(name) || !self.strict => Ok(name),
            _ => self.error(otherwise),
        }
    }

    pub(super) fn filter(&mut self) -> Result<Node<'a>, FilterError> {
        let start = *self;
        let (tag, mut inner) = self.element()?;
        match tag {
            tag::AND | tag::OR | tag::NOT => Ok(Node::Set(tag, inner)),
            tag::PRESENT => Ok(Node::Present(inner.name()?)),
            tag::EQUALITY | tag::GREATER_OR_EQUAL | tag::LESS_OR_EQUAL | tag::APPROXIMATE => {
                let attribute = inner.expect(tag::OCTETS, "missing attribute")?.name()?;
                let value = inner.expect(tag::OCTETS, "missing value")?;
                inner.end()?;
                Ok(Node::Comparison(tag, attribute, value.rest))
            }
            tag::SUBSTRINGS => {
                let attribute = inner.expect(tag::OCTETS, "missing attribute")?.name()?;
                let pieces = inner.expect(tag::SEQUENCE, "missing substrings")?;
                inner.end()?;
                pieces.check_substrings()?;
                Ok(Node::Substrings(attribute, pieces))
            }
            tag::EXTENSIBLE => inner.extensible().map(Node::Extensible),
            _ => start.error("an unknown kind of filter"),
        }
    }

    fn check_substrings(mut self) -> Result<(), FilterError> {
        if self.rest.is_empty() {
            return self.error("a substring filter without substrings");
        }
        let mut first = true;
        while !self.rest.is_empty() {
            let start = self;
            let (tag, piece) = self.element()?;
            match tag {
                _ if piece.rest.is_empty() => return start.error("an empty substring"),
                tag::INITIAL if first => {}
                tag::ANY => {}
                tag::FINAL if self.rest.is_empty() => {}
                _ => return start.error("a substring of unknown kind or out of order"),
            }
            first = false;
        }
        Ok(())
    }

    fn extensible(mut self) -> Result<Extensible<'a>, FilterError> {
        let start = self;
        let rule = self
            .optional(tag::MATCHING_RULE)?
            .map(|rule| rule.text(is_oid, "an invalid matching rule name"))
            .transpose()?;
        let attribute = self
            .optional(tag::TYPE)?
            .map(|name| name.name())
            .transpose()?;
        if rule.is_none() && attribute.is_none() {
            return start.error("an extensible match with neither attribute nor matching rule");
        }
        let value = self.expect(tag::MATCH_VALUE, "missing value")?.rest;
        let dn_attributes = match self.optional(tag::DN_ATTRIBUTES)? {
            None => false,
            Some(Reader {
                rest: &[boolean], ..
            }) => boolean != 0,
            Some(other) => return other.error("an invalid boolean"),
        };
        self.end()?;
        Ok(Extensible {
            rule,
            attribute,
            value,
            dn_attributes,
        })
    }
}
