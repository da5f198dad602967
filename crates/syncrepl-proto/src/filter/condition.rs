//! Evaluates search filters (RFC 4511 §4.5.1.7): true, false, or undefined (`None`). `compile` makes a
//! [`Condition`] of a filter; `matching` says how values compare.

use super::Filter;
use crate::attributes::Description;
use crate::dn;
use crate::matching::{Rule, is_derived};

/// An entry as a filter sees it.
pub trait Subject {
    /// Its DN.
    fn dn(&self) -> &str;

    /// Whether `so` is true of one of the attributes that it holds: of the description and the values.
    fn any_attribute(&self, so: &mut dyn FnMut(&str, &[Vec<u8>]) -> bool) -> bool;

    /// Whether `so` is true of the operational attribute of this type, in lower case. No for a type that the
    /// entry does not have, or holds like its other attributes.
    fn any_operational(&self, name: &str, so: &mut dyn FnMut(&str, &[Vec<u8>]) -> bool) -> bool {
        let _ = (name, so);
        false
    }
}

/// A filter compiled once, to be evaluated for many entries.
///
/// There is no schema: see [`matching`](crate::matching). `~=` is `=`. An object class is true of the entries
/// of its subclasses, as far as they are known.
#[derive(Debug, Clone)]
pub struct Condition(pub(super) Node);

#[derive(Debug, Clone)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Present(Description),
    Assertion(Description, Test),
    /// A matching rule without an attribute: it tests every attribute that has this rule.
    AnyAttribute(Test),
    /// An extensible match with dnAttributes: it also tests the values in the DN.
    WithDn(Option<Description>, Test),
    /// A part that is undefined for every entry.
    Undefined(Filter),
}

/// An assertion about one value.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) rule: Rule,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
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
    /// Whether the filter is true of an entry. A filter that is undefined selects nothing.
    pub fn matches(&self, subject: &dyn Subject) -> bool {
        self.0.evaluate(subject) == Some(true)
    }

    /// A part of the filter that is undefined for every entry: its matching rule is not known, or the attribute
    /// has no such order or substrings, or the value breaks the attribute's syntax.
    pub fn undefined_part(&self) -> Option<&Filter> {
        self.0.find(&mut |node| match node {
            Node::Undefined(filter) => Some(filter),
            _ => None,
        })
    }

    /// Whether what it says of an entry may change with the values of this attribute.
    pub fn tests(&self, attribute: &str) -> bool {
        let meant = |node: &Node| match node {
            Node::Present(description)
            | Node::Assertion(description, _)
            | Node::WithDn(Some(description), _) => description.means(attribute),
            Node::AnyAttribute(_) | Node::WithDn(None, _) => true,
            Node::And(_) | Node::Or(_) | Node::Not(_) | Node::Undefined(_) => false,
        };
        self.0.find(&mut |node| meant(node).then_some(())).is_some()
    }

    /// The attributes that it names.
    pub fn names(&self) -> Vec<&Description> {
        let mut names = Vec::new();
        self.0.find(&mut |node| {
            if let Node::Present(description)
            | Node::Assertion(description, _)
            | Node::WithDn(Some(description), _) = node
            {
                names.push(description);
            }
            None::<()>
        });
        names
    }
}

impl Node {
    /// What `pick` makes of the first node of which it makes anything, in the order of the filter.
    fn find<'a, T>(&'a self, pick: &mut impl FnMut(&'a Node) -> Option<T>) -> Option<T> {
        if let Some(found) = pick(self) {
            return Some(found);
        }
        match self {
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().find_map(|node| node.find(pick)),
            Node::Not(inner) => inner.find(pick),
            _ => None,
        }
    }

    fn evaluate(&self, subject: &dyn Subject) -> Option<bool> {
        match self {
            Node::And(all) => {
                let mut result = Some(true);
                for node in all {
                    match node.evaluate(subject) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => result = None,
                    }
                }
                result
            }
            Node::Or(any) => {
                let mut result = Some(false);
                for node in any {
                    match node.evaluate(subject) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => result = None,
                    }
                }
                result
            }
            Node::Not(inner) => inner.evaluate(subject).map(|result| !result),
            Node::Present(description) => Some(any_of(subject, description, |_| true)),
            Node::Assertion(description, test) => {
                Some(any_of(subject, description, |values| test.any(values)))
            }
            Node::AnyAttribute(test) => Some(subject.any_attribute(&mut |name, values| {
                Rule::of(&Description::parse(name).base) == test.rule && test.any(values)
            })),
            Node::WithDn(description, test) => {
                let attribute = match description {
                    Some(description) => any_of(subject, description, |values| test.any(values)),
                    None => subject.any_attribute(&mut |_, values| test.any(values)),
                };
                Some(attribute || dn_has(subject.dn(), description.as_ref(), test))
            }
            Node::Undefined(_) => None,
        }
    }
}

fn any_of(
    subject: &dyn Subject,
    description: &Description,
    so: impl Fn(&[Vec<u8>]) -> bool,
) -> bool {
    let mut so = |name: &str, values: &[Vec<u8>]| description.means(name) && so(values);
    subject.any_attribute(&mut so) || subject.any_operational(&description.base, &mut so)
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
    fn any(&self, values: &[Vec<u8>]) -> bool {
        values.iter().any(|value| self.holds(value))
    }

    fn holds(&self, value: &[u8]) -> bool {
        if let Kind::ObjectClass(wanted) = &self.kind {
            return std::str::from_utf8(value).is_ok_and(|class| is_derived(class, wanted));
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
