//! The built command against hostile servers. They send mutated streams, and text that would steer a
//! terminal or break the form of the output.

#[path = "../common/mod.rs"]
mod common;
mod output;
mod streams;

/// A character that must not appear: it moves a cursor, ends a line or turns the direction of writing.
/// `\n` is the command's own.
fn wild(text: &str) -> Option<char> {
    text.chars().find(|&c| {
        let turns = matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        c != '\n' && (c.is_control() || turns)
    })
}
