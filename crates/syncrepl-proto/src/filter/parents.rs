//! Whether the search result may hold an entry without the entries above it.

use super::ber::{Node, Reader};
use super::{Filter, tag};

impl Filter {
    /// Whether there may be entries that this filter does not match, so that it may show an entry
    /// and hide one above it. When in doubt, true: only what every entry matches without regard to
    /// schema and access hides nothing, `(objectClass=*)` and the absolute true filter (RFC 4526),
    /// and what is put together from these.
    pub fn may_hide_parents(&self) -> bool {
        verdict(&mut Reader::trusting(self.as_bytes())) != Verdict::Every
    }
}

/// Which entries a filter matches, as far as can be said without looking at any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Every,
    Some,
    None,
}

/// At most as deep as filters are nested (`MAX_DEPTH`), or as deep as our own code puts them.
fn verdict(reader: &mut Reader<'_>) -> Verdict {
    match reader.filter() {
        Ok(Node::Present(attribute)) if attribute.eq_ignore_ascii_case("objectClass") => {
            Verdict::Every
        }
        Ok(Node::Set(tag, mut inner)) => {
            // What the set is when nothing in it says otherwise, and what decides it alone.
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
    fn only_what_matches_every_entry_hides_no_parent() {
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
