//! Text on its way to a box: labelled fields, blocks and our own remarks, wrapped to a width. Knows nothing of what it tells.
use std::ops::Range;

use countersign_core::safe_text::SafeText;

use super::theme::Role;

/// Cells that labels take, with the blank behind them.
pub(crate) const LABEL: usize = 10;

/// A piece of a document.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// A label of ours and foreign text.
    Field(&'static str, SafeText),
    /// Foreign text over the whole width.
    Block(SafeText),
    /// A remark of ours; foreign text in it was made safe before.
    Remark(Role, SafeText),
    /// As a field or a block, with places in it marked as personal.
    Marked(&'static str, SafeText, Vec<Range<usize>>),
    /// A sign of ours in a column of its own and foreign text, with changed places marked.
    Signed(&'static str, Role, SafeText, Vec<Range<usize>>),
    /// A line of ours that is never wrapped at blanks.
    Row(String),
    /// An empty line.
    Blank,
}

/// Cells that signs take, with the blank behind them.
const SIGN: usize = 2;

/// A line that fits.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) label: &'static str,
    pub(crate) text: String,
    pub(crate) role: Role,
    /// Cells that the label's column takes.
    pub(crate) indent: usize,
    /// Places in the text that look otherwise, in order.
    pub(crate) marks: Vec<(Range<usize>, Role)>,
}

/// A text in pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    parts: Vec<Part>,
}

impl Document {
    pub(crate) fn field(&mut self, label: &'static str, text: SafeText) {
        self.parts.push(Part::Field(label, text));
    }

    pub(crate) fn block(&mut self, text: SafeText) {
        self.parts.push(Part::Block(text));
    }

    pub(crate) fn remark(&mut self, role: Role, text: &str) {
        self.parts.push(Part::Remark(role, SafeText::block(text)));
    }

    /// Foreign text with personal places; a block if it has no label.
    pub(crate) fn marked(&mut self, label: &'static str, text: SafeText, places: Vec<Range<usize>>) {
        self.parts.push(Part::Marked(label, text, places));
    }

    /// Foreign text behind a sign of ours.
    pub(crate) fn signed(
        &mut self,
        sign: &'static str,
        role: Role,
        text: SafeText,
        places: Vec<Range<usize>>,
    ) {
        self.parts.push(Part::Signed(sign, role, text, places));
    }

    /// A line of ours in plain ASCII.
    pub(crate) fn row(&mut self, row: String) {
        self.parts.push(Part::Row(row));
    }

    pub(crate) fn blank(&mut self) {
        self.parts.push(Part::Blank);
    }

    /// Adds the pieces of another document.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.parts.append(&mut other.parts);
    }

    /// The lines of the document in a box of this width.
    pub(crate) fn wrapped(&self, width: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for part in &self.parts {
            match part {
                Part::Field(label, text) => push(&mut lines, (label, LABEL), text, width, Role::Plain),
                Part::Block(text) => push(&mut lines, ("", 0), text, width, Role::Plain),
                Part::Remark(role, text) => push(&mut lines, ("", 0), text, width, *role),
                Part::Marked(label, text, places) => {
                    let first = lines.len();
                    let indent = if label.is_empty() { 0 } else { LABEL };
                    push(&mut lines, (label, indent), text, width, Role::Plain);
                    mark(&mut lines[first..], text.as_str(), places, Role::Personal);
                }
                Part::Signed(sign, role, text, places) => {
                    let first = lines.len();
                    push(&mut lines, (sign, SIGN), text, width, *role);
                    // Every line of a changed text carries its sign.
                    lines[first..].iter_mut().for_each(|line| line.label = sign);
                    mark(&mut lines[first..], text.as_str(), places, Role::Changed);
                }
                Part::Row(row) => {
                    let mut rest = row.as_str();
                    while rest.len() > width && width > 0 && rest.is_ascii() {
                        lines.push(Line::plain(rest[..width].to_owned()));
                        rest = &rest[width..];
                    }
                    lines.push(Line::plain(rest.to_owned()));
                }
                Part::Blank => lines.push(Line::plain(String::new())),
            }
        }
        lines
    }
}

impl Line {
    fn plain(text: String) -> Self {
        Self { label: "", text, role: Role::Plain, indent: 0, marks: Vec::new() }
    }
}

fn push(
    lines: &mut Vec<Line>,
    (label, indent): (&'static str, usize),
    text: &SafeText,
    width: usize,
    role: Role,
) {
    let mut texts = text.wrapped(width.saturating_sub(indent));
    if texts.is_empty() {
        texts.push(String::new());
    }
    for (index, text) in texts.into_iter().enumerate() {
        // The second line of a field stays in the field's column: only a label of ours may stand in the first.
        let label = if index == 0 { label } else { "" };
        lines.push(Line { label, text, role, indent, marks: Vec::new() });
    }
}

/// Marks the places of a text in the lines it was wrapped to. Wrapping leaves out white space and nothing else.
fn mark(lines: &mut [Line], text: &str, places: &[Range<usize>], role: Role) {
    let mut at = 0;
    for line in lines {
        while !text[at..].starts_with(&line.text) {
            match text[at..].chars().next() {
                Some(letter) if letter.is_whitespace() => at += letter.len_utf8(),
                // A character without room was replaced: no marks rather than wrong ones.
                _ => return,
            }
        }
        let end = at + line.text.len();
        let here = places.iter().filter(|place| place.start < end && place.end > at);
        line.marks = here.map(|place| (place.start.max(at) - at..place.end.min(end) - at, role)).collect();
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_follow_their_words_over_the_end_of_a_line() {
        let mut document = Document::default();
        let text = "Hi   Zoë Álvarez,\n\n  Zoë";
        document.marked("", SafeText::block(text), vec![5..18, 23..27]);
        let lines = document.wrapped(8);
        let marked: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.marks.iter().map(|(place, _)| &line.text[place.clone()]))
            .collect();
        assert_eq!(marked, ["Zoë", "Álvarez", "Zoë"]);
    }
}
