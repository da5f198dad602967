//! A page of HTML in which text cannot be markup: what is written as markup is part of this program, and all other
//! text is escaped.

use syncrepl_client::printable;

/// A page in the making.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup of this program.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text from wherever. Characters that are not printable are escaped as for a terminal.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in printable(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds the beginning of a text, `most` characters of it.
    pub(super) fn excerpt(&mut self, text: &str, most: usize) -> &mut Self {
        match text.char_indices().nth(most) {
            Some((end, _)) => self.text(text.get(..end).unwrap_or_default()).text("…"),
            None => self.text(text),
        }
    }

    /// The page.
    pub(super) fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut html = Html::default();
        html.markup("<p>")
            .text("<script>'\"&\u{1b}[2J\u{202e}\n</script>");
        assert_eq!(
            html.done(),
            "<p>&lt;script&gt;&#39;&quot;&amp;\\u{1b}[2J\\u{202e}\\n&lt;/script&gt;"
        );
    }

    #[test]
    fn long_text_is_cut_before_it_is_escaped() {
        let mut html = Html::default();
        html.excerpt("<<<", 2);
        assert_eq!(html.done(), "&lt;&lt;…");
    }
}
