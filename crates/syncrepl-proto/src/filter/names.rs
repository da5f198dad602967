//! Which attributes a filter asks for.

use super::Filter;
use super::decode::{Node, Reader};

impl Filter {
    /// Whether the filter asks for this attribute type, with options or without. Letter case does not
    /// count; another name of the same type does not, either.
    pub fn asks_for(&self, attribute: &str) -> bool {
        let is_it = |description: &str| {
            let name = description.split(';').next().unwrap_or_default();
            name.eq_ignore_ascii_case(attribute)
        };
        let mut open = vec![Reader::trusting(self.as_bytes())];
        while let Some(mut reader) = open.pop() {
            while !reader.rest.is_empty() {
                let found = match reader.filter() {
                    Ok(Node::Set(_, inner)) => {
                        open.push(inner);
                        false
                    }
                    Ok(
                        Node::Present(name)
                        | Node::Comparison(_, name, _)
                        | Node::Substrings(name, _),
                    ) => is_it(name),
                    Ok(Node::Extensible(assertion)) => assertion.attribute.is_some_and(is_it),
                    Err(_) => break,
                };
                if found {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::Filter;

    #[test]
    fn attributes_are_found_wherever_they_stand() {
        for (filter, asks) in [
            ("(memberOf=cn=a)", true),
            ("(MEMBEROF=*)", true),
            ("(memberOf;x-a=b*)", true),
            ("(&(objectClass=person)(|(uid=a)(!(memberOf=cn=a))))", true),
            ("(memberOf:caseExactMatch:=cn=a)", true),
            ("(&(cn=a)(memberOf>=b))", true),
            ("(member=cn=a)", false),
            ("(cn=memberOf)", false),
            ("(:caseExactMatch:=memberOf)", false),
            ("(&)", false),
        ] {
            assert_eq!(
                Filter::parse(filter).unwrap().asks_for("memberOf"),
                asks,
                "{filter}"
            );
        }
    }
}
