//! HTML in the making: markup is written in the source, values are always escaped.

use std::fmt::{Arguments, Display, Write};

/// A piece of a page. A value can only get in through [`Html::text`], because markup has to be known at compile time.
#[derive(Debug, Default)]
pub(crate) struct Html {
    text: String,
}

impl Html {
    /// Markup, as it stands in the source.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// A value, between tags or between double quotes.
    pub(crate) fn text(&mut self, value: impl Display) -> &mut Self {
        self.escaped(format_args!("{value}"))
    }

    /// The finished piece.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn escaped(&mut self, value: Arguments<'_>) -> &mut Self {
        // The writer below never fails; a `Display` that does loses its own text only.
        let _ = Escaping(&mut self.text).write_fmt(value);
        self
    }
}

struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn values_are_escaped_and_markup_is_not() {
        let mut html = Html::default();
        html.raw("<b title=\"").text("\"><i>").raw("\">").text("a & 'b'").raw("</b>");
        assert_eq!(html.finish(), "<b title=\"&quot;&gt;&lt;i&gt;\">a &amp; &#39;b&#39;</b>");
    }
}
