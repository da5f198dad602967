//! Names of attributes: the attribute description (RFC 4512 §2.5), how two of them compare, and what else a
//! search may ask for.

use std::fmt;

/// An attribute description in the form that is compared: an attribute type, and options such as `;lang-de`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Description {
    /// The attribute type, in lower case.
    pub base: String,
    /// The options, in lower case, sorted.
    options: Vec<String>,
}

impl Description {
    /// Takes a description apart. It checks nothing.
    pub fn parse(text: &str) -> Description {
        let mut parts = text.split(';').map(str::to_ascii_lowercase);
        let base = parts.next().unwrap_or_default();
        let mut options: Vec<String> = parts.filter(|option| !option.is_empty()).collect();
        options.sort_unstable();
        Description { base, options }
    }

    /// Whether this description selects the attribute `name`: `cn` also selects `cn;lang-de`.
    pub fn means(&self, name: &str) -> bool {
        let base = name.split(';').next().unwrap_or_default();
        base.eq_ignore_ascii_case(&self.base)
            && self.options.iter().all(|option| {
                name.split(';')
                    .skip(1)
                    .any(|other| other.eq_ignore_ascii_case(option))
            })
    }
}

/// The type, and each option behind a semicolon.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        self.options
            .iter()
            .try_for_each(|option| write!(f, ";{option}"))
    }
}

/// Whether two descriptions are equal. Letter case and the order of options do not count.
pub fn same_description(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || (a.contains(';') && b.contains(';') && Description::parse(a) == Description::parse(b))
}

/// Whether `text` is an attribute description (RFC 4512 §2.5): a name or a numeric OID, and options
/// behind semicolons. An underscore counts as a letter, because 389-ds and others have such names.
pub fn is_description(text: &str) -> bool {
    let mut parts = text.split(';');
    parts.next().is_some_and(is_oid) && parts.all(is_option)
}

/// Whether a search may ask for `text` (RFC 4511 §4.5.1.8): an attribute description, `*`, `+` (RFC
/// 3673), `1.1`, or `@` and an object class (RFC 4529).
pub fn is_selector(text: &str) -> bool {
    match text {
        "*" | "+" => true,
        _ => is_description(text.strip_prefix('@').unwrap_or(text)),
    }
}

/// Whether `text` is an `oid` (RFC 4512 §1.4): a name, or at least two numbers with dots between them.
pub(crate) fn is_oid(text: &str) -> bool {
    match text.bytes().next() {
        Some(first) if first.is_ascii_digit() => {
            text.contains('.') && text.split('.').all(is_number)
        }
        Some(first) => first.is_ascii_alphabetic() && text.bytes().all(is_key),
        None => false,
    }
}

/// `number` of RFC 4512 §1.4: no zero leads it.
fn is_number(text: &str) -> bool {
    let leads_with_zero = text.len() > 1 && text.starts_with('0');
    !text.is_empty() && !leads_with_zero && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_option(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_key)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_narrow_selection() {
        let means = |a: &str, b: &str| Description::parse(a).means(b);
        assert!(
            means("CN", "cn") && means("cn", "cn;lang-de") && means("cn;LANG-de", "cn;x;lang-DE")
        );
        assert!(!means("cn;lang-de", "cn") && !means("cn", "cnx") && !means("cn;a", "cn;b"));
        let same = same_description;
        assert!(same("cn;a;b", "CN;b;A") && !same("cn;a", "cn") && same("cn", "CN"));
        assert_eq!(Description::parse("CN;b;A").to_string(), "cn;a;b");
    }

    #[test]
    fn descriptions_and_selectors() {
        for good in [
            "cn",
            "cn;lang-de",
            "userCertificate;binary;x-a",
            "2.5.4.3",
            "2.5.4.3;lang-de",
            "0.9.2342.19200300.100.1.1",
            "nsds5_old",
            "x-1",
            "1.1",
        ] {
            assert!(is_description(good) && is_selector(good), "{good}");
        }
        for selector in ["*", "+", "@person", "@2.5.6.6"] {
            assert!(
                !is_description(selector) && is_selector(selector),
                "{selector}"
            );
        }
        for bad in [
            "",
            " ",
            " cn",
            "cn ",
            "cn,mail",
            "cn mail",
            "a:b",
            "ou/x",
            "cn;",
            ";cn",
            "cn;;x",
            "cn;lang de",
            "-cn",
            "_cn",
            "1cn",
            "1",
            "2.5.",
            ".2.5",
            "2..5",
            "2.05",
            "2.5.x",
            "@",
            "@@x",
            "**",
            "*cn",
            "cn*",
            "+cn",
            "cn=a",
            "žluťoučký",
            "cn\n",
            "cn\0",
            "(cn=a)",
            "cn;range=0-9",
        ] {
            assert!(!is_description(bad) && !is_selector(bad), "{bad:?}");
        }
    }
}
