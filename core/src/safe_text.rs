//! The one type for text from outside: names, addresses, bodies, headers, provider errors.
//!
//! [`SafeText`] is made where such text enters the program and is the only form in which it is painted, printed, logged or
//! put into a title. What could act on a terminal is taken away, and what a reader could not see becomes a visible mark such
//! as `<U+202E>`. It does not normalise and does not judge names or domains; it shows what is there.
//!
//! An author may type the characters `<U+202E>` themselves. The text alone cannot tell such a forgery from a mark; only
//! [`SafeText::warnings`] can, which counts what was really replaced. A screen therefore shows the warnings beside the text.
mod classify;
mod layout;
mod paint;
mod segment;
mod warning;

use std::fmt;

use self::paint::{Shape, paint};
pub use self::warning::{Warning, WarningKind};

/// Text from outside, made harmless for a terminal, a log line or a title.
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct SafeText {
    text: String,
    warnings: Vec<Warning>,
}

impl SafeText {
    /// Takes text that belongs on one line. Line breaks and tabs become the marks `<LF>`, `<CRLF>` and `<TAB>`.
    #[must_use]
    pub fn line(raw: &str) -> Self {
        let (text, warnings) = paint(raw, Shape::Line);
        Self { text, warnings }
    }

    /// Takes text of several lines. Keeps line breaks (CRLF becomes LF) and turns a tab into four spaces; the rest is as in
    /// [`SafeText::line`]. More than three blank lines in a row become one line `<37 blank lines>`.
    #[must_use]
    pub fn block(raw: &str) -> Self {
        let (text, warnings) = paint(raw, Shape::Block);
        Self { text, warnings }
    }

    /// Puts texts behind one another that were each made safe by themselves; the warnings are those of all.
    ///
    /// This is how words of ours and words from outside become one text. Put together before they are made safe, a mark at the
    /// start of the foreign words would sit on ours, and both would be counted as one gap.
    #[must_use]
    pub fn joined(pieces: &[Self]) -> Self {
        Self {
            text: pieces.iter().map(Self::as_str).collect(),
            warnings: warning::united(pieces.iter().flat_map(Self::warnings)),
        }
    }

    /// The same with every character outside ASCII spelled out as its code point, for terminals that cannot show it.
    #[must_use]
    pub fn spelled_out(self) -> Self {
        Self { text: spelled_out(&self.text), ..self }
    }

    /// The harmless text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether anything had to be replaced by a mark.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        !self.warnings.is_empty()
    }

    /// What was replaced by marks, one entry a kind, in the order of [`WarningKind`].
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Terminal cells of the widest line.
    #[must_use]
    pub fn width(&self) -> usize {
        self.text.lines().map(layout::width).max().unwrap_or(0)
    }

    /// The first line, cut to this many cells. Ends with `…` when anything, also a further line, was left out.
    #[must_use]
    pub fn truncated(&self, cells: usize) -> String {
        layout::truncate(&self.text, cells)
    }

    /// The first line in pieces of at most this many cells, cut anywhere between graphemes; at least one piece.
    #[must_use]
    pub fn chopped(&self, cells: usize) -> Vec<String> {
        layout::chop(self.text.lines().next().unwrap_or(""), cells)
    }

    /// Every line, wrapped at words to this many cells; words that are too long are broken. Blank lines stay.
    ///
    /// Only spaces at a break are left out. A single character that is wider than `cells` is shown as `…`; without any cell
    /// there are no lines.
    #[must_use]
    pub fn wrapped(&self, cells: usize) -> Vec<String> {
        layout::wrap(&self.text, cells)
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Spells out every character outside ASCII as its code point.
#[must_use]
pub fn spelled_out(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.push_str(&warning::Mark::Code(c).to_string());
        }
    }
    out
}
