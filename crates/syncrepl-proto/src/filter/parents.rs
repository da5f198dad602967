//! Decides whether a filter may hide the parents of entries that it matches.

use super::decode::{Node, Reader};
use super::{Filter, tag};

impl Filter {
    /// Whether some entry may fail this filter, so that a search may return an entry but not its
    /// parent.
    ///
    /// In doubt the answer is true. It is false only for filters that every entry matches under any
    /// schema and access rule: `(objectClass=*)`, the absolute true filter (RFC 4526), and
    /// combinations of these.
    pub fn may_hide_parents(&self) -> bool {
        verdict(&mut Reader::trusting(self.as_bytes())) != Verdict::Every
    }
}

/// The entries that a filter matches, as far as the filter alone tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Every,
    Some,
    None,
}

/// The recursion is bounded: readers limit the depth to `MAX_DEPTH`, and our own code nests little
/// more.
fn verdict(reader: &mut Reader<'_>) -> Verdict {
    match reader.filter() {
        Ok(Node::Present(attribute)) if attribute.eq_ignore_ascii_case("objectClass") => {
            Verdict::Every
        }
        Ok(Node::Set(tag, mut inner)) => {
            // The verdict of an empty set, and the verdict on one filter that decides the whole
            // set.
            let (neutral, decisive) = match tag {
                tag::OR => (Verdict::None, Verdict::Every),
                _ => (Verdict::Every, Verdict::None),
            };
            let mut all = neutral;
            while !inner.rest.is_empty() {
                all = match verdict(&mut inner) {
                    one if one == decisive || all == decisive => decisive,
                    one if one == neutral => all,
                    _ => Verdict::Some,
                };
                if tag == tag::NOT {
                    break;
                }
            }
            match (tag, all) {
                (tag::NOT, Verdict::Every) => Verdict::None,
                (tag::NOT, Verdict::None) => Verdict::Every,
                _ => all,
            }
        }
        _ => Verdict::Some,
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::Filter;

    #[test]
    fn only_filters_true_of_every_entry_hide_no_parent() {
        for (filter, may_hide) in [
            ("(objectClass=*)", false),
            ("(OBJECTCLASS=*)", false),
            ("(&)", false),
            ("(!(|))", false),
            ("(&(objectClass=*)(objectClass=*))", false),
            ("(|(uid=*)(objectClass=*))", false),
            ("(|(objectClass=*)(uid=*))", false),
            ("(!(!(objectClass=*)))", false),
            ("(!(&(uid=*)(!(objectClass=*))))", false),
            ("(|)", true),
            ("(!(objectClass=*))", true),
            ("(objectClass=person)", true),
            ("(objectClass=top)", true),
            ("(uid=*)", true),
            ("(objectClass;x-option=*)", true),
            ("(description=keep)", true),
            ("(&(objectClass=*)(uid=*))", true),
            ("(|(uid=*)(ou=*))", true),
            ("(!(uid=*))", true),
            ("(entryDN:=dc=example)", true),
            ("(cn=a*b)", true),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            assert_eq!(parsed.may_hide_parents(), may_hide, "{filter}");
        }
    }
}
