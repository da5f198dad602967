//! Text from a provider, on its way to a terminal or a log.

use std::sync::LazyLock;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, HirKind};

/// Characters that steer a terminal or hide, in Unicode's own terms: control characters, separators of
/// lines, what nobody sees (Default_Ignorable_Code_Point), what turns the direction of writing
/// (Bidi_Control), and format characters other than the few that are drawn.
const WILD: &str = r"[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}[\p{Cf}--\p{Prepended_Concatenation_Mark}]]";

/// The ranges of [`WILD`], in order.
static RANGES: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let class = ParserBuilder::new().build().parse(WILD);
    match class.map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => class
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        // The crate has these tables, as a test shows. Without them everything is escaped.
        _ => vec![('\0', char::MAX)],
    }
});

/// Whether a terminal shows `c` and does nothing else with it. Control characters, line separators,
/// characters that nobody sees and those that turn the direction of writing are not printable: write
/// them escaped.
pub fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{9f}' => false,
        c => {
            let after = RANGES.partition_point(|&(_, last)| last < c);
            RANGES.get(after).is_none_or(|&(first, _)| c < first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_and_hidden_characters_are_not_printable() {
        let not = "\0\t\n\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\
                   \u{180e}\u{180f}\u{200b}\u{200f}\u{2028}\u{202e}\u{2060}\u{2066}\u{206f}\u{3164}\u{fe00}\u{fe0f}\
                   \u{feff}\u{ffa0}\u{fff0}\u{fff9}\u{fffb}\u{1bca0}\u{1d173}\u{e0000}\u{e0001}\u{e0041}\u{e0100}\u{e0fff}";
        let printable = " ~\u{a0}é\u{ae}\u{301}\u{600}\u{61b}\u{6dd}\u{180a}\u{200a}\u{2010}\u{2027}\u{202f}\u{205f}\u{2070}\
                         \u{fffc}\u{fffd}😀漢\u{dffff}\u{e1000}\u{10ffff}";
        assert_eq!(not.chars().find(|&c| is_printable(c)), None);
        assert_eq!(printable.chars().find(|&c| !is_printable(c)), None);
    }
}
