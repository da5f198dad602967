//! The built command against servers that send what none should: mutated streams, and text that
//! would steer a terminal or break the output's form.

#[path = "../common/mod.rs"]
mod common;
mod output;
mod streams;

/// What must not be shown: anything that moves a cursor, ends a line or turns the direction of
/// writing. A line end is the command's own.
fn wild(text: &str) -> Option<char> {
    text.chars().find(|&c| {
        let turns = matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        c != '\n' && (c.is_control() || turns)
    })
}
