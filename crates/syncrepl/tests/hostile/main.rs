//! The built command against hostile servers. They send mutated streams, and text that would steer a
//! terminal or break the form of the output.

#[path = "../common/mod.rs"]
mod common;
mod output;
mod streams;

/// A character that must not appear: it moves a cursor, ends a line or turns the direction of writing.
/// `\n` is the command's own.
fn wild(text: &str) -> Option<char> {
    text.chars()
        .find(|&c| c != '\n' && !syncrepl_proto::text::is_printable(c))
}
