//! Evaluates search filters (RFC 4511 §4.5.1.7): true, false, or undefined (`None`).

use syncrepl_proto::ber::{Reader, boolean};
use syncrepl_proto::dn;
use syncrepl_proto::filter::{Filter, FilterError};

use crate::description::Description;
use crate::entry::{Stored, Subject};
use crate::matching::Rule;
use crate::schema;

/// A filter compiled once, to be evaluated for many entries.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Present(Description),
    Assertion(Description, Test),
    /// A matching rule without an attribute: it tests every attribute that has this rule.
    AnyAttribute(Test),
    /// An extensible match with dnAttributes: it also tests the values in the DN.
    WithDn(Option<Description>, Test),
    Undefined,
}

/// An assertion about one value.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    rule: Rule,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Equal(Vec<u8>),
    AtLeast(Vec<u8>),
    AtMost(Vec<u8>),
    ObjectClass(String),
    Substrings {
        initial: Option<Vec<u8>>,
        any: Vec<Vec<u8>>,
        end: Option<Vec<u8>>,
    },
}

impl Condition {
    /// Compiles the filter of a search request.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Condition, FilterError> {
        let filter = Filter::from_ber(bytes)?;
        let mut reader = Reader::new(filter.as_bytes(), "filter");
        // `from_ber` has validated the filter, its nesting depth included.
        Ok(compile(&mut reader).unwrap_or(Condition::Undefined))
    }

    /// Whether the filter is true of an entry. A filter that is undefined selects nothing.
    pub(crate) fn matches(&self, subject: &dyn Subject) -> bool {
        self.evaluate(subject) == Some(true)
    }

    pub(crate) fn evaluate(&self, subject: &dyn Subject) -> Option<bool> {
        match self {
            Condition::And(all) => {
                let mut result = Some(true);
                for condition in all {
                    match condition.evaluate(subject) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => result = None,
                    }
                }
                result
            }
            Condition::Or(any) => {
                let mut result = Some(false);
                for condition in any {
                    match condition.evaluate(subject) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => result = None,
                    }
                }
                result
            }
            Condition::Not(inner) => inner.evaluate(subject).map(|result| !result),
            Condition::Present(description) => Some(any_of(subject, description, |_| true)),
            Condition::Assertion(description, test) => {
                Some(any_of(subject, description, |stored| test.any(stored)))
            }
            Condition::AnyAttribute(test) => {
                let suits = |stored: &&Stored| stored.rule() == test.rule;
                Some(
                    subject
                        .user()
                        .iter()
                        .filter(suits)
                        .any(|stored| test.any(stored)),
                )
            }
            Condition::WithDn(description, test) => {
                let attribute = match description {
                    Some(description) => any_of(subject, description, |stored| test.any(stored)),
                    None => subject.user().iter().any(|stored| test.any(stored)),
                };
                Some(attribute || dn_has(subject.dn(), description.as_ref(), test))
            }
            Condition::Undefined => None,
        }
    }
}

fn any_of(subject: &dyn Subject, description: &Description, so: impl Fn(&Stored) -> bool) -> bool {
    let meant = |stored: &&Stored| description.means(&stored.name);
    subject.user().iter().filter(meant).any(&so)
        || subject
            .operational(&description.base)
            .is_some_and(|stored| description.means(&stored.name) && so(&stored))
}

fn dn_has(dn: &str, description: Option<&Description>, test: &Test) -> bool {
    let rdns = dn::rdns(dn).unwrap_or_default();
    rdns.into_iter().any(|rdn| {
        let values = dn::naming_values(rdn).unwrap_or_default();
        values.iter().any(|(name, value)| {
            description.is_none_or(|description| description.means(name)) && test.holds(value)
        })
    })
}

impl Test {
    fn any(&self, stored: &Stored) -> bool {
        stored.values.iter().any(|value| self.holds(value))
    }

    fn holds(&self, value: &[u8]) -> bool {
        if let Kind::ObjectClass(wanted) = &self.kind {
            return std::str::from_utf8(value).is_ok_and(|class| schema::is_derived(class, wanted));
        }
        let Some(value) = self.rule.normal(value) else {
            return false;
        };
        match &self.kind {
            Kind::Equal(wanted) => *value == **wanted,
            Kind::AtLeast(limit) => self.rule.order(&value, limit).is_some_and(|o| o.is_ge()),
            Kind::AtMost(limit) => self.rule.order(&value, limit).is_some_and(|o| o.is_le()),
            Kind::Substrings { initial, any, end } => {
                has_pieces(&value, initial.as_deref(), any, end.as_deref())
            }
            Kind::ObjectClass(_) => false,
        }
    }
}

fn has_pieces(value: &[u8], initial: Option<&[u8]>, any: &[Vec<u8>], end: Option<&[u8]>) -> bool {
    let Some(mut rest) = value.strip_prefix(initial.unwrap_or_default()) else {
        return false;
    };
    for piece in any.iter().filter(|piece| !piece.is_empty()) {
        let found = rest.windows(piece.len()).position(|part| part == piece);
        match found.and_then(|at| rest.get(at + piece.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(end.unwrap_or_default())
}

/// Compiles one filter; `None` when it is malformed.
fn compile(reader: &mut Reader<'_>) -> Option<Condition> {
    let element = reader.element().ok()?;
    let mut inner = Reader::new(element.value, "filter");
    Some(match element.tag {
        0xa0 => Condition::And(set(&mut inner)?),
        0xa1 => Condition::Or(set(&mut inner)?),
        0xa2 => Condition::Not(Box::new(compile(&mut inner)?)),
        0x87 => Condition::Present(Description::parse(std::str::from_utf8(element.value).ok()?)),
        0xa4 => substrings(&mut inner)?,
        0xa9 => extensible(&mut inner)?,
        tag => {
            let description = Description::parse(inner.string("attribute").ok()?);
            let value = inner.octets("value").ok()?;
            let rule = Rule::of(&description.base);
            let normal = rule.normal(value).map(|value| value.into_owned());
            let Some(normal) = normal else {
                return Some(Condition::Undefined);
            };
            let kind = match tag {
                0xa5 if rule == Rule::Dn => return Some(Condition::Undefined),
                0xa6 if rule == Rule::Dn => return Some(Condition::Undefined),
                0xa5 => Kind::AtLeast(normal),
                0xa6 => Kind::AtMost(normal),
                _ if description.base == "objectclass" => {
                    Kind::ObjectClass(String::from_utf8_lossy(value).trim().to_owned())
                }
                _ => Kind::Equal(normal),
            };
            Condition::Assertion(description, Test { rule, kind })
        }
    })
}

fn set(reader: &mut Reader<'_>) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    while !reader.is_empty() {
        conditions.push(compile(reader)?);
    }
    Some(conditions)
}

fn substrings(reader: &mut Reader<'_>) -> Option<Condition> {
    let description = Description::parse(reader.string("attribute").ok()?);
    let rule = Rule::of(&description.base);
    if !rule.has_substrings() {
        return Some(Condition::Undefined);
    }
    let mut pieces = Reader::new(reader.element().ok()?.value, "substrings");
    let (mut initial, mut any, mut end) = (None, Vec::new(), None);
    while !pieces.is_empty() {
        let piece = pieces.element().ok()?;
        let normal = rule.piece(piece.value, piece.tag == 0x80, piece.tag == 0x82)?;
        match piece.tag {
            0x80 => initial = Some(normal),
            0x81 => any.push(normal),
            _ => end = Some(normal),
        }
    }
    let kind = Kind::Substrings { initial, any, end };
    Some(Condition::Assertion(description, Test { rule, kind }))
}

fn extensible(reader: &mut Reader<'_>) -> Option<Condition> {
    let (mut rule, mut description, mut value, mut with_dn) = (None, None, &[][..], false);
    while !reader.is_empty() {
        let field = reader.element().ok()?;
        let text = std::str::from_utf8(field.value);
        match field.tag {
            0x81 => rule = Some(Rule::named(text.ok()?)),
            0x82 => description = Some(Description::parse(text.ok()?)),
            0x83 => value = field.value,
            _ => with_dn = boolean(field.value, "dnAttributes").ok()?,
        }
    }
    let rule = match (rule, &description) {
        (Some(rule), _) => rule,
        (None, Some(description)) => Some(Rule::of(&description.base)),
        (None, None) => None,
    };
    let test = rule.and_then(|rule| {
        let kind = Kind::Equal(rule.normal(value)?.into_owned());
        Some(Test { rule, kind })
    });
    let Some(test) = test else {
        return Some(Condition::Undefined);
    };
    Some(match description {
        description if with_dn => Condition::WithDn(description, test),
        Some(description) => Condition::Assertion(description, test),
        None => Condition::AnyAttribute(test),
    })
}
