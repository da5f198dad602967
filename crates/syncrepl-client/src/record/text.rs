//! Text from a provider made fit to be shown: it cannot move a cursor, break a line or turn the
//! direction of writing.

use std::fmt::Write;

use syncrepl_proto::text::is_printable;

/// The most characters of a provider's text that are put into an error message.
const EXCERPT: usize = 300;

/// `text` fit to be shown on a terminal or in a log: control characters, line separators, characters
/// that nobody sees and those that turn the direction of writing are escaped as `\n` or `\u{…}`.
/// Everything else stays.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) {
            out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        }
    }
    out
}

/// The beginning of `text`, printable, with an ellipsis where it was cut.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => printable(text.get(..end).unwrap_or_default()) + "…",
        None => printable(text),
    }
}

/// An identity (RFC 4513 §5.2.1.8), for people. An empty one is anonymous.
pub(crate) fn identity(authzid: &str) -> String {
    match authzid {
        "" => "an anonymous user".to_owned(),
        authzid => printable(authzid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            printable("a\n\x1b[31mb\u{202e}é\u{9b}\u{ad}"),
            "a\\n\\u{1b}[31mb\\u{202e}é\\u{9b}\\u{ad}"
        );
        assert_eq!(printable("cn=Ann,dc=example"), "cn=Ann,dc=example");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(excerpt(&"é".repeat(EXCERPT)), "é".repeat(EXCERPT));
        assert_eq!(excerpt(&"é".repeat(EXCERPT + 1)), "é".repeat(EXCERPT) + "…");
    }
}
