//! Makes a condition of a filter.

use super::Filter;
use super::condition::{Condition, Kind, Node, Test};
use super::decode::{Node as Item, Reader};
use super::encode::Extensible;
use super::tag;
use crate::attributes::Description;
use crate::matching::Rule;

impl Condition {
    /// Compiles a filter.
    pub fn new(filter: &Filter) -> Condition {
        let mut reader = Reader::trusting(filter.as_bytes());
        // A filter is kept in an encoding that this module wrote, so there is one in it.
        Condition(compile(&mut reader).unwrap_or_else(|| Node::Undefined(filter.clone())))
    }
}

/// Compiles one filter; `None` at the end of a set. The recursion is bounded: readers limit the depth to
/// `MAX_DEPTH`, and our own code nests little more.
fn compile(reader: &mut Reader<'_>) -> Option<Node> {
    let before = reader.rest;
    let item = reader.filter().ok()?;
    let length = before.len() - reader.rest.len();
    let whole = before.get(..length).unwrap_or_default();
    let node = match item {
        Item::Set(tag, mut inner) => {
            let mut nodes = std::iter::from_fn(|| compile(&mut inner));
            Some(match tag {
                tag::AND => Node::And(nodes.collect()),
                tag::OR => Node::Or(nodes.collect()),
                _ => Node::Not(Box::new(nodes.next()?)),
            })
        }
        Item::Present(name) => Some(Node::Present(Description::parse(name))),
        Item::Comparison(tag, name, value) => comparison(tag, name, value),
        Item::Substrings(name, pieces) => substrings(name, pieces),
        Item::Extensible(assertion) => extensible(&assertion),
    };
    Some(node.unwrap_or_else(|| Node::Undefined(Filter(whole.to_vec()))))
}

fn comparison(tag: u8, name: &str, value: &[u8]) -> Option<Node> {
    let description = Description::parse(name);
    let rule = Rule::of(&description.base);
    let normal = rule.normal(value)?.into_owned();
    let kind = match tag {
        tag::GREATER_OR_EQUAL | tag::LESS_OR_EQUAL if rule == Rule::Dn => return None,
        tag::GREATER_OR_EQUAL => Kind::AtLeast(normal),
        tag::LESS_OR_EQUAL => Kind::AtMost(normal),
        _ if description.base == "objectclass" => {
            Kind::ObjectClass(String::from_utf8_lossy(value).trim().to_owned())
        }
        _ => Kind::Equal(normal),
    };
    Some(Node::Assertion(description, Test { rule, kind }))
}

fn substrings(name: &str, mut pieces: Reader<'_>) -> Option<Node> {
    let description = Description::parse(name);
    let rule = Rule::of(&description.base);
    if !rule.has_substrings() {
        return None;
    }
    let (mut initial, mut any, mut end) = (None, Vec::new(), None);
    while let Ok((tag, piece)) = pieces.element() {
        let normal = rule.piece(piece.rest, tag == tag::INITIAL, tag == tag::FINAL)?;
        match tag {
            tag::INITIAL => initial = Some(normal),
            tag::ANY => any.push(normal),
            _ => end = Some(normal),
        }
    }
    let kind = Kind::Substrings { initial, any, end };
    Some(Node::Assertion(description, Test { rule, kind }))
}

fn extensible(assertion: &Extensible<'_>) -> Option<Node> {
    let description = assertion.attribute.map(Description::parse);
    let rule = match (assertion.rule, &description) {
        (Some(rule), _) => Rule::named(rule)?,
        (None, Some(description)) => Rule::of(&description.base),
        (None, None) => return None,
    };
    let kind = Kind::Equal(rule.normal(assertion.value)?.into_owned());
    let test = Test { rule, kind };
    Some(match description {
        description if assertion.dn_attributes => Node::WithDn(description, test),
        Some(description) => Node::Assertion(description, test),
        None => Node::AnyAttribute(test),
    })
}
