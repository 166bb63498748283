//! What the HTML part of a mail says beside its text part: where the two differ, what is hidden, and where links lead.
//!
//! Judged by what is known to be harmless: a tag, attribute or style that is not known is named as not judged. Pure; paints nothing,
//! and does not decide what has to be read.
use serde::Serialize;

use super::payload::Parts;
use crate::safe_text::SafeText;

mod colour;
mod few;
mod link;
mod scan;
mod style;
mod words;

pub use link::Link;

/// Longer HTML is not read; an envelope is at most this long anyway.
pub const LIMIT_BYTES: usize = 1 << 20;

/// The HTML part beside the text part. Sentences are safe to be shown; links are raw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HtmlReading)]
pub struct Reading {
    /// What deceives, or may: each a sentence.
    pub flags: Vec<String>,
    /// Tags, attributes and styles whose effect is not known here.
    pub unjudged: Vec<String>,
    /// The links, in their order.
    pub links: Vec<Link>,
    /// Pictures of any kind.
    pub pictures: usize,
    /// Comments, which no reader shows.
    pub comments: usize,
}

impl Reading {
    /// Reads the HTML part of a message; `None` if it has none.
    #[must_use]
    pub fn of_parts(parts: &Parts) -> Option<Self> {
        match parts {
            Parts::Email { text, html: Some(html), .. } => Some(Self::of(html, text)),
            _ => None,
        }
    }

    /// Reads the HTML part of a mail whose text part says `text`. Takes time in proportion to the length of both.
    #[must_use]
    pub fn of(html: &str, text: &str) -> Self {
        if html.len() > LIMIT_BYTES {
            return Self { unjudged: vec![format!("more than {LIMIT_BYTES} bytes")], ..Self::default() };
        }
        let scan = scan::Scan::of(html);
        let mut flags = words::compare(&scan.visible, text, scan.links.kept());
        flags.extend(scan.sentences());
        // Blanks do not count: a reader of HTML sees one where there are many.
        let seen = SafeText::line(&scan.visible.split_whitespace().collect::<Vec<_>>().join(" "));
        flags.extend(seen.warnings().iter().map(|warning| format!("its words: {warning}")));
        flags.extend(link::sentences(scan.links.kept()));
        let mut unjudged = scan.unjudged.into_names();
        if scan.links.more() > 0 {
            unjudged.push(format!("{} more links", scan.links.more()));
        }
        Self {
            flags,
            unjudged,
            pictures: scan.pictures,
            comments: scan.comments,
            links: scan.links.into_kept(),
        }
    }

    /// Both parts say the same words in the same order, and nothing in the HTML part does anything else.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.flags.is_empty() && self.unjudged.is_empty() && self.pictures == 0
    }

    /// What both parts have in common and what comes with the second, in pieces of one line.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let verdict = if !self.flags.is_empty() {
            "HTML is not the same as the text"
        } else if self.unjudged.is_empty() {
            "HTML says the same as the text"
        } else {
            "HTML says the same words, but not all of it could be judged"
        };
        let mut pieces =
            vec![verdict.to_owned(), count(self.links.len(), "link"), count(self.pictures, "picture")];
        if self.comments > 0 {
            pieces.push(count(self.comments, "comment"));
        }
        pieces
    }

    /// What could not be judged, in one sentence. `None` if all could.
    #[must_use]
    pub fn unjudged_words(&self) -> Option<String> {
        (!self.unjudged.is_empty()).then(|| format!("HTML not judged: {}", self.unjudged.join(", ")))
    }
}

/// What is seen of a mail that has no text part, line by line. As in text, what it quotes stands behind a sign. The words are raw.
#[must_use]
pub fn words(html: &str) -> String {
    if html.len() > LIMIT_BYTES {
        return String::new();
    }
    let quoted = html.to_ascii_lowercase().find("<blockquote").unwrap_or(html.len());
    let (said, quoted) = html.split_at(quoted);
    let lines = |html: &str, sign: &str| {
        let visible = scan::Scan::of(html).visible;
        let lines = visible.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| !line.is_empty()).map(|line| format!("{sign}{line}\n")).collect::<String>()
    };
    lines(said, "") + &lines(quoted, "> ")
}

/// A safe excerpt of foreign text, on one line.
fn excerpt(text: &str) -> String {
    const CHARS: usize = 240;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(CHARS).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("{}{more}", SafeText::line(&short))
}

#[cfg(test)]
mod tests;
