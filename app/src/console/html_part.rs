//! What is told about the HTML part of a mail before its source. Judges nothing; that is done in the core.
use countersign_core::activity::html::Reading;
use countersign_core::safe_text::SafeText;

use super::document::Document;
use super::theme::{Charset, Role};
use super::words;

/// The HTML part beside the text part.
pub(crate) struct HtmlPart {
    reading: Reading,
    is_clean: bool,
}

impl HtmlPart {
    pub(crate) fn of(html: &str, text: &str) -> Self {
        Self { reading: Reading::of(html, text), is_clean: !SafeText::block(html).is_suspicious() }
    }

    /// Whether nothing is lost by reading the text alone, with where the links lead.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_clean && self.reading.is_plain()
    }

    /// What deceives, each on a line.
    pub(crate) fn flags(&self, charset: Charset) -> Vec<String> {
        self.reading.flags.iter().map(|flag| format!("! HTML: {}", charset.line(flag))).collect()
    }

    /// Says how it compares, and where its links lead.
    pub(crate) fn tell(&self, document: &mut Document, size: usize, charset: Charset) {
        let arrow = if charset == Charset::Unicode { " → " } else { " -> " };
        let summary = self.reading.summary().join(charset.glyphs().between);
        if self.is_plain() {
            document.remark(Role::Good, &summary);
        } else {
            let size = words::size(size);
            document.remark(Role::Warn, &format!("HTML part present: {size}, shown as source below"));
            document.remark(Role::Warn, &summary);
        }
        if let Some(words) = self.reading.unjudged_words() {
            document.remark(Role::Warn, charset.line(&words).as_str());
        }
        for link in &self.reading.links {
            // The arrow is in the set already.
            let (label, target) = (charset.line(link.label.trim()), charset.line(&link.target));
            document.field("Link", SafeText::joined(&[label, SafeText::line(arrow), target]));
        }
    }
}
