//! Names of attributes: the attribute description (RFC 4512 §2.5), and what else a search may ask for.

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
