//! A statement of the provider beside the record that it is about: pure comparison, no I/O.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::{Uuid, dn};

/// A statement of the provider about an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'a> {
    pub(crate) uuid: Uuid,
    pub(crate) dn: &'a str,
    pub(crate) dn_key: &'a [u8],
    pub(crate) attributes: AttributeList<'a>,
}

/// How two ways to say the same thing relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Not a byte differs.
    None,
    /// Another spelling, told to nobody.
    Spelling,
    /// Another meaning: to be stored and told.
    Meaning,
}

/// The DN: a change of letter case in a value is a rename; spaces, escapes and the spelling of
/// attribute types are not.
pub(crate) fn dn_difference(known: &str, stated: &str) -> Difference {
    if known == stated {
        Difference::None
    } else if dn::same_spelling_aside(known, stated) {
        Difference::Spelling
    } else {
        Difference::Meaning
    }
}

/// Whether an entry is a referral object (RFC 3296), which providers send as an entry when it
/// changes in the persist stage although a search shows it as a reference. `None` when its object
/// classes were not asked for.
pub(crate) fn is_referral(attributes: &AttributeList<'_>) -> Option<bool> {
    let mut known = None;
    for attribute in attributes.iter() {
        if attribute.name.eq_ignore_ascii_case("objectClass") {
            let mut classes = attribute.values();
            let referral = classes.any(|class| class.eq_ignore_ascii_case(b"referral"));
            known = Some(known.unwrap_or(false) || referral);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_case_of_values_renames() {
        let known = "uid=Ann,ou=People,dc=example,dc=com";
        for (stated, difference) in [
            (known, Difference::None),
            ("UID=Ann, OU=People,dc=example,dc=com", Difference::Spelling),
            (
                "uid=\\41nn,ou=People,dc=example,dc=com",
                Difference::Spelling,
            ),
            ("uid=ann,ou=People,dc=example,dc=com", Difference::Meaning),
            ("uid=Ann,ou=Staff,dc=example,dc=com", Difference::Meaning),
        ] {
            assert_eq!(dn_difference(known, stated), difference, "{stated}");
        }
    }
}
