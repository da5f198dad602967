//! Text from a provider, on its way to a terminal or a log.

/// Whether a terminal shows `c` and does nothing else with it. Control characters, line separators,
/// characters that nobody sees and those that turn the direction of writing are not printable: write
/// them escaped.
pub fn is_printable(c: char) -> bool {
    // After the control characters: hyphens and marks without a sign of their own, characters of no
    // width, separators, overrides of the direction, annotations and tags.
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        && !matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_and_hidden_characters_are_not_printable() {
        let not = "\0\t\n\u{1b}\u{7f}\u{80}\u{9b}\u{9f}\u{ad}\u{61c}\u{180e}\u{200b}\u{200f}\u{2028}\
                   \u{202e}\u{2060}\u{206f}\u{feff}\u{fff9}\u{fffb}\u{e0000}\u{e0fff}";
        let printable = " ~\u{a0}é\u{ae}\u{61b}\u{180d}\u{200a}\u{2010}\u{2027}\u{202f}\u{205f}\u{2070}\
                         \u{fff8}\u{fffc}😀\u{dffff}\u{e1000}";
        assert_eq!(not.chars().find(|&c| is_printable(c)), None);
        assert_eq!(printable.chars().find(|&c| !is_printable(c)), None);
    }
}
