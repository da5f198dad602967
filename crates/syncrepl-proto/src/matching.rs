//! How the values of an attribute compare (RFC 4517 §4.2).
//!
//! There is no schema: the name of the attribute decides. An attribute not listed here holds text
//! whose letter case does not count. `classes` knows the superclasses of common object classes.

mod classes;

use std::borrow::Cow;
use std::cmp::Ordering;

pub use classes::{is_derived, structural};
use uuid::Uuid;

use crate::dn;

/// A family of matching rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// caseIgnoreMatch: letter case and repeated spaces do not count.
    IgnoreCase,
    /// caseExactMatch: repeated spaces do not count.
    Exact,
    /// octetStringMatch.
    Octets,
    /// distinguishedNameMatch.
    Dn,
    /// integerMatch.
    Integer,
    /// telephoneNumberMatch: spaces and hyphens do not count.
    Telephone,
    /// uuidMatch.
    Uuid,
}

const DNS: &[&str] = &[
    "aliasedobjectname",
    "creatorsname",
    "entrydn",
    "manager",
    "member",
    "memberof",
    "modifiersname",
    "namingcontexts",
    "owner",
    "roleoccupant",
    "secretary",
    "seealso",
    "subschemasubentry",
    "uniquemember",
];
const EXACT: &[&str] = &[
    "homedirectory",
    "labeleduri",
    "loginshell",
    "memberuid",
    "ref",
];
const INTEGERS: &[&str] = &[
    "gidnumber",
    "shadowexpire",
    "shadowlastchange",
    "shadowmax",
    "shadowmin",
    "supportedldapversion",
    "uidnumber",
];
const OCTETS: &[&str] = &[
    "audio",
    "cacertificate",
    "jpegphoto",
    "photo",
    "sshpublickey",
    "usercertificate",
    "userpassword",
    "usersmimecertificate",
];
const TELEPHONES: &[&str] = &[
    "facsimiletelephonenumber",
    "homephone",
    "mobile",
    "pager",
    "telephonenumber",
];

impl Rule {
    /// The rule of an attribute type, given in lower case and without options.
    pub fn of(attribute: &str) -> Rule {
        let is_in = |list: &[&str]| list.contains(&attribute);
        if is_in(DNS) {
            Rule::Dn
        } else if is_in(EXACT) {
            Rule::Exact
        } else if is_in(INTEGERS) {
            Rule::Integer
        } else if is_in(OCTETS) {
            Rule::Octets
        } else if is_in(TELEPHONES) {
            Rule::Telephone
        } else if attribute == "entryuuid" {
            Rule::Uuid
        } else {
            Rule::IgnoreCase
        }
    }

    /// The rule of this name or OID (RFC 4517 §4.2), for an extensible match. `None` for an unknown
    /// rule.
    pub fn named(name: &str) -> Option<Rule> {
        Some(match name.to_ascii_lowercase().as_str() {
            "caseignorematch"
            | "2.5.13.2"
            | "caseignoreia5match"
            | "1.3.6.1.4.1.1466.109.114.2" => Rule::IgnoreCase,
            "caseexactmatch" | "2.5.13.5" | "caseexactia5match" | "1.3.6.1.4.1.1466.109.114.1" => {
                Rule::Exact
            }
            "octetstringmatch" | "2.5.13.17" => Rule::Octets,
            "distinguishednamematch" | "2.5.13.1" => Rule::Dn,
            "integermatch" | "2.5.13.14" => Rule::Integer,
            "telephonenumbermatch" | "2.5.13.20" => Rule::Telephone,
            "uuidmatch" | "1.3.6.1.1.16.2" => Rule::Uuid,
            "objectidentifiermatch" | "2.5.13.0" => Rule::IgnoreCase,
            _ => return None,
        })
    }

    /// The normal form, which is the same for equal values. `None` when the value breaks the
    /// syntax.
    pub fn normal(self, value: &[u8]) -> Option<Cow<'_, [u8]>> {
        let text = std::str::from_utf8(value);
        Some(match (self, text) {
            (Rule::IgnoreCase, Ok(text)) => words(text, true).into(),
            (Rule::Exact, Ok(text)) => words(text, false).into(),
            (Rule::Octets, _) | (Rule::IgnoreCase | Rule::Exact, Err(_)) => value.into(),
            (Rule::Dn, Ok(text)) => {
                dn::validate(text).ok()?;
                dn::key(text).into()
            }
            (Rule::Integer, Ok(text)) => integer(text)?.to_string().into_bytes().into(),
            (Rule::Telephone, Ok(text)) => text
                .chars()
                .filter(|c| !matches!(c, ' ' | '-'))
                .flat_map(char::to_lowercase)
                .collect::<String>()
                .into_bytes()
                .into(),
            (Rule::Uuid, Ok(text)) => Uuid::try_parse(text).ok()?.as_bytes().to_vec().into(),
            (Rule::Dn | Rule::Integer | Rule::Telephone | Rule::Uuid, Err(_)) => return None,
        })
    }

    /// Whether the normal form of `value` is `normal`.
    pub fn equals(self, value: &[u8], normal: &[u8]) -> bool {
        self.normal(value).is_some_and(|value| *value == *normal)
    }

    /// Whether an attribute may not hold both values: they are equal by this rule, or byte by byte
    /// when either breaks the syntax.
    pub fn same(self, a: &[u8], b: &[u8]) -> bool {
        match (self.normal(a), self.normal(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        }
    }

    /// Compares two normal forms. `None` when the rule has no order.
    pub fn order(self, a: &[u8], b: &[u8]) -> Option<Ordering> {
        let number = |value| std::str::from_utf8(value).ok().and_then(integer);
        match self {
            Rule::Integer => Some(number(a)?.cmp(&number(b)?)),
            Rule::Dn => None,
            _ => Some(a.cmp(b)),
        }
    }

    /// Whether the rule allows a substring filter.
    pub fn has_substrings(self) -> bool {
        !matches!(self, Rule::Dn | Rule::Integer | Rule::Uuid)
    }

    /// The normal form of one piece of a substring filter; `None` when the rule has no substrings.
    ///
    /// A space at the end of a piece counts as one space, because the piece may end between two
    /// words. The first piece begins the value and the last one ends it: there the space does not
    /// count.
    pub fn piece(self, piece: &[u8], first: bool, last: bool) -> Option<Vec<u8>> {
        let Ok(text) = std::str::from_utf8(piece) else {
            return Some(piece.to_vec());
        };
        let fold = match self {
            Rule::IgnoreCase => true,
            Rule::Exact => false,
            Rule::Octets | Rule::Telephone => return self.normal(piece).map(Cow::into_owned),
            Rule::Dn | Rule::Integer | Rule::Uuid => return None,
        };
        let mut out = Vec::with_capacity(piece.len() + 2);
        if text.starts_with(' ') && !first {
            out.push(b' ');
        }
        out.extend(words(text, fold));
        if text.ends_with(' ') && !last && out != b" " {
            out.push(b' ');
        }
        Some(out)
    }
}

/// The text with one space between words (RFC 4518 §2.6.1), and in lower case if `fold` is set.
fn words(text: &str, fold: bool) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        if !fold {
            out.push_str(word);
        } else if word.is_ascii() {
            out.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            out.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    out.into_bytes()
}

fn integer(text: &str) -> Option<i128> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_by_rule() {
        for (attribute, a, b, same) in [
            ("cn", "Ann  Lee ", "ann lee", true),
            ("cn", "Ångström", "ånGSTRÖM", true),
            ("cn", "Ann", "Anna", false),
            ("homedirectory", "/home/Ann", "/home/ann", false),
            ("member", "CN=a, DC=x", "cn=A,dc=X", true),
            ("member", "not a dn", "not a dn", true),
            ("uidnumber", "007", "7", true),
            ("uidnumber", "x", "X", false),
            ("telephonenumber", "+49 30-123", "+4930123", true),
            (
                "entryuuid",
                "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
                "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                true,
            ),
            ("userpassword", "secret", "Secret", false),
        ] {
            let rule = Rule::of(attribute);
            assert_eq!(
                rule.same(a.as_bytes(), b.as_bytes()),
                same,
                "{attribute} {a} {b}"
            );
        }
        assert!(Rule::IgnoreCase.same(b"\xff", b"\xff"));
    }

    #[test]
    fn integers_order_by_number() {
        assert_eq!(Rule::Integer.order(b"9", b"10"), Some(Ordering::Less));
        assert_eq!(Rule::IgnoreCase.order(b"9", b"10"), Some(Ordering::Greater));
        assert_eq!(Rule::Dn.order(b"a", b"b"), None);
    }
}
