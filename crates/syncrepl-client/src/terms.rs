//! The terms of a search as a user gives them: base, filter and attributes, checked. A message
//! quotes only a filter in parentheses, because any other word may be a password in the wrong place.

use syncrepl_proto::attributes::is_selector;
use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::secret;

use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;

/// Reads a filter.
///
/// # Errors
/// `InvalidInput`, with the place of the problem.
pub(crate) fn filter(text: &str) -> Result<Filter> {
    no_password(text, "filter")?;
    Filter::parse(text).map_err(|error| {
        // A word without a parenthesis may be anything, such as a password.
        let quoted = match text.starts_with('(') && !holds_secret(text) {
            true => printable(text) + " ",
            false => String::new(),
        };
        unusable(&format!("the filter {quoted}cannot be used")).with_source(error)
    })
}

/// Checks a base DN.
///
/// # Errors
/// `InvalidInput`, with the place of the problem.
pub(crate) fn base(text: &str) -> Result<()> {
    no_password(text, "base")?;
    dn::validate(text).map_err(|error| unusable("the base cannot be used").with_source(error))
}

/// Checks a list of attributes. A provider ignores what is no attribute description, so a copy would
/// silently lack what the user meant.
///
/// # Errors
/// `InvalidInput`, with the number of the first that is wrong.
pub(crate) fn attributes<'a>(list: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let wrong = list
        .into_iter()
        .enumerate()
        .find(|(_, name)| !is_selector(name));
    let Some((index, name)) = wrong else {
        return Ok(());
    };
    let problem = match name {
        "" => "is empty",
        name if name.contains(|c: char| c == ',' || c.is_whitespace()) => {
            "has a comma or a space in it"
        }
        _ => "is no attribute description (RFC 4512 §2.5)",
    };
    let number = index + 1;
    Err(
        unusable(&format!("attribute {number} of the list {problem}"))
            .with_hint("write them as separate words, such as cn mail"),
    )
}

/// Checks the attributes to leave out. They are compared with the names that the provider sends.
///
/// # Errors
/// `InvalidInput`, with the number of the first that is wrong.
pub(crate) fn attributes_except(list: &[String]) -> Result<()> {
    let named =
        |name: &String| is_selector(name) && name.starts_with(|c: char| c.is_ascii_alphabetic());
    let Some(index) = list.iter().position(|name| !named(name)) else {
        return Ok(());
    };
    let number = index + 1;
    Err(unusable(&format!(
        "attribute {number} to leave out is no name of one"
    ))
    .with_hint("write it as the provider spells it, not as an OID, such as jpegPhoto"))
}

/// The filter for people; a mask if it holds the value of a secret attribute.
pub(crate) fn shown(filter: &Filter) -> String {
    let text = filter.to_string();
    match holds_secret(&text) {
        true => format!("({})", secret::MASK),
        false => text,
    }
}

/// Whether the text of a filter, well formed or not, compares a secret attribute with a value.
fn holds_secret(filter: &str) -> bool {
    filter
        .split(['(', ')', '&', '|', '!'])
        .filter_map(|part| part.split_once(['=', '>', '<', '~', ':']))
        .any(|(name, value)| secret::is_secret(name.trim()) && value != "*")
}

/// Refuses a word with the password of an LDAP URL in it. It would be sent, and kept in the store.
fn no_password(text: &str, what: &str) -> Result<()> {
    match secret::masked(text) == text {
        true => Ok(()),
        false => Err(
            unusable(&format!("the {what} has a password in it (X-BINDPW)")).with_hint(
                "only an LDAP URL has one, and a URL begins with ldap://, ldaps:// or ldapi://",
            ),
        ),
    }
}

fn unusable(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_words_of_their_own() {
        for good in [
            &[][..],
            &["@person", "cn;lang-de", "2.5.4.3", "1.1", "+", "*"],
        ] {
            assert!(attributes(good.iter().copied()).is_ok(), "{good:?}");
        }
        for bad in ["cn,mail", "cn mail", "", " cn", "a:b", "ou/x", "geheim!"] {
            let error = attributes(["sn", bad]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let error = error.to_string();
            assert!(error.starts_with("attribute 2 of the list "), "{error}");
            assert!(error.contains("write them as separate words"), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn messages_quote_no_word() {
        for error in [
            filter("geheim").unwrap_err(),
            filter("(&(cn=a)(userPassword=geheim)").unwrap_err(),
            filter("(bindname=cn=a,X-BINDPW=geheim)").unwrap_err(),
            base("geheim").unwrap_err(),
            base("dc=e?cn?sub?(cn=a)?bindname=cn=a,x-bindpw=geheim").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("geheim"), "{shown}");
        }
    }
}
