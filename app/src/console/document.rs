//! Text on its way to a box: labelled fields, blocks and our own remarks, wrapped to a width. Knows nothing of what it tells.
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
    /// An empty line.
    Blank,
}

/// A line that fits.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) label: &'static str,
    pub(crate) text: String,
    pub(crate) role: Role,
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
                Part::Field(label, text) => {
                    push(&mut lines, label, &text.wrapped(width.saturating_sub(LABEL)), Role::Plain);
                }
                Part::Block(text) => push(&mut lines, "", &text.wrapped(width), Role::Plain),
                Part::Remark(role, text) => push(&mut lines, "", &text.wrapped(width), *role),
                Part::Blank => push(&mut lines, "", &[], Role::Plain),
            }
        }
        lines
    }
}

fn push(lines: &mut Vec<Line>, label: &'static str, texts: &[String], role: Role) {
    if texts.is_empty() {
        lines.push(Line { label, text: String::new(), role });
    }
    for (index, text) in texts.iter().enumerate() {
        // The second line of a field stays in the field's column: only a label of ours may stand in the first.
        let label = match (index, label) {
            (0, label) => label,
            (_, "") => "",
            _ => " ",
        };
        lines.push(Line { label, text: text.clone(), role });
    }
}
