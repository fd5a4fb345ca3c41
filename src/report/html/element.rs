//! Elements with everything escaped that is not markup; what is opened here is closed here.

use crate::report::document::{Span, Text};
use std::fmt::Write;

/// An element that is being written.
pub(super) struct Element {
    name: &'static str,
    start: String,
}

/// An element of a name, without attributes yet.
pub(super) fn element(name: &'static str) -> Element {
    Element { name, start: format!("<{name}") }
}

impl Element {
    /// With an attribute.
    pub fn with(mut self, attribute: &str, value: &str) -> Self {
        let value = escaped(value);
        write!(self.start, " {attribute}=\"{value}\"").expect("memory does not fail");
        self
    }

    /// With an attribute that has no value.
    pub fn flagged(mut self, attribute: &str) -> Self {
        self.start.push(' ');
        self.start += attribute;
        self
    }

    /// Around markup.
    pub fn around(self, markup: &str) -> String {
        format!("{}>{markup}</{}>", self.start, self.name)
    }

    /// Around text.
    pub fn saying(self, text: &str) -> String {
        let text = escaped(text);
        self.around(&text)
    }

    /// With nothing inside and no end, as `input` and `img` are.
    pub fn alone(self) -> String {
        self.start + ">"
    }
}

/// Text that is no markup, within elements and attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text with its emphasis as elements.
pub(super) fn phrase(text: &Text) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => escaped(text),
        Span::Code(text) => element("code").saying(text),
        Span::Emphasis(text) => element("em").saying(text),
        Span::Strong(text) => element("strong").saying(text),
    };
    text.0.iter().map(span).collect()
}

/// Text of the program's own with its marks as elements.
pub(super) fn marked(text: &str) -> String {
    phrase(&Text::marked(text))
}

/// The same without marks, for attributes.
pub(super) fn unmarked(text: &str) -> String {
    let span = |span: Span| match span {
        Span::Plain(text) | Span::Code(text) | Span::Emphasis(text) | Span::Strong(text) => text,
    };
    Text::marked(text).0.into_iter().map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_text_nor_attributes_become_markup() {
        let hostile = "<script>alert('1')</script> & \"x\"";
        let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;";
        let html = element("p").with("title", hostile).saying(hostile);
        assert_eq!(html, format!("<p title=\"{escaped}\">{escaped}</p>"));
        assert_eq!(marked("`a<b` *&*"), "<code>a&lt;b</code> <em>&amp;</em>");
        assert_eq!(unmarked("`a<b` *c*"), "a<b c");
    }
}
