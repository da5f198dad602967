//! One text for all spellings of a condition.

use std::fmt::{self, Write};

use super::condition::{Condition, Kind, Node, Test};

impl Condition {
    /// A text that two filters share if they differ in spelling alone: in the letter case of names, in the spelling
    /// of values that are equal, in the order and the nesting of `&` and `|`. To be compared, not to be read as a
    /// filter.
    pub fn canonical(&self) -> String {
        text(&self.0)
    }
}

fn text(node: &Node) -> String {
    match node {
        Node::And(_) => set(
            '&',
            parts(node, &|node| match node {
                Node::And(nodes) => Some(nodes),
                _ => None,
            }),
        ),
        Node::Or(_) => set(
            '|',
            parts(node, &|node| match node {
                Node::Or(nodes) => Some(nodes),
                _ => None,
            }),
        ),
        Node::Not(inner) => match &**inner {
            Node::Not(inner) => text(inner),
            inner => format!("(!{})", text(inner)),
        },
        Node::Present(description) => format!("({description}=*)"),
        Node::Assertion(description, test) => format!("({description}:{})", Shown(test)),
        Node::AnyAttribute(test) => format!("(:{})", Shown(test)),
        Node::WithDn(Some(description), test) => format!("({description}:dn:{})", Shown(test)),
        Node::WithDn(None, test) => format!("(:dn:{})", Shown(test)),
        Node::Undefined(_) => "(?)".to_owned(),
    }
}

/// The parts of a set, and those of the sets of its kind among them.
fn parts(node: &Node, inner: &dyn Fn(&Node) -> Option<&Vec<Node>>) -> Vec<String> {
    match inner(node) {
        Some(nodes) => nodes.iter().flat_map(|node| parts(node, inner)).collect(),
        None => vec![text(node)],
    }
}

fn set(kind: char, mut parts: Vec<String>) -> String {
    parts.sort_unstable();
    parts.dedup();
    match parts.as_mut_slice() {
        [only] => std::mem::take(only),
        parts => format!("({kind}{})", parts.concat()),
    }
}

struct Shown<'a>(&'a Test);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.rule)?;
        match &self.0.kind {
            Kind::Equal(value) => value_of(f, '=', value),
            Kind::AtLeast(value) => value_of(f, '>', value),
            Kind::AtMost(value) => value_of(f, '<', value),
            Kind::ObjectClass(class) => {
                f.write_str("class")?;
                value_of(f, '=', class.to_lowercase().as_bytes())
            }
            Kind::Substrings { initial, any, end } => {
                value_of(f, '=', initial.as_deref().unwrap_or_default())?;
                any.iter().try_for_each(|piece| value_of(f, '*', piece))?;
                value_of(f, '*', end.as_deref().unwrap_or_default())
            }
        }
    }
}

/// A value in which no character of this module's own is left.
fn value_of(f: &mut fmt::Formatter<'_>, before: char, value: &[u8]) -> fmt::Result {
    f.write_char(before)?;
    for byte in value {
        match byte {
            b'*' | b'(' | b')' | b'\\' | 0..=b' ' | 0x7f.. => write!(f, "\\{byte:02x}")?,
            _ => f.write_char(char::from(*byte))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    fn canonical(text: &str) -> String {
        Condition::new(&Filter::parse(text).unwrap()).canonical()
    }

    #[test]
    fn spellings_of_one_filter_have_one_text() {
        for (one, other) in [
            ("(&(a=1)(b=2))", "( & (B=2)(A=1)(a=1))"),
            ("(&(a=1)(&(b=2)(c=3)))", "(&(&(c=3)(a=1))(b=2))"),
            ("(&(a=1))", "(|(A= 1 ))"),
            ("(!(!(a=1)))", "(a=1)"),
            ("(cn=Ann  Lee)", "(CN~=ann lee)"),
            ("(member=CN=a, DC=x)", "(member=cn=A,dc=X)"),
            ("(uidNumber>=007)", "(UIDNUMBER>=7)"),
            ("(objectClass=Person)", "(objectclass=person)"),
            ("(cn;b;A=x)", "(cn;a;b=X)"),
            ("(ou:DN:=People)", "(OU:dn:=people)"),
            ("(cn=A*b*)", "(cn=a*B*)"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
    }

    #[test]
    fn different_filters_have_different_texts() {
        let filters = [
            "(a=1)",
            "(a=2)",
            "(b=1)",
            "(a=*)",
            "(a>=1)",
            "(a<=1)",
            "(a=1*)",
            "(a=*1)",
            "(a=*1*)",
            "(a=\\2a1)",
            "(!(a=1))",
            "(&(a=1)(b=1))",
            "(|(a=1)(b=1))",
            "(&)",
            "(|)",
            "(a;x=1)",
            "(a:dn:=1)",
            "(:dn:caseIgnoreMatch:=1)",
            "(:caseIgnoreMatch:=1)",
            "(a:caseExactMatch:=1)",
            "(objectClass=1)",
            "(a=1\\29\\28b:IgnoreCase=1)",
            "(a=1*1)",
            "(a=1*1*1)",
        ];
        let texts: std::collections::HashSet<_> = filters.map(canonical).into();
        assert_eq!(texts.len(), filters.len());
    }
}
