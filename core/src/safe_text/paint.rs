//! Turns raw text into harmless text in one pass: visible characters are copied, everything else becomes a mark.
use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::classify::{self, Class, classify};
use super::segment::Segment;
use super::warning::{Findings, Mark, Warning, WarningKind};

/// Longer runs of spaces are replaced by their number.
const SPACES_LIMIT: usize = 40;
/// Longer runs of blank lines are replaced by their number.
const BLANK_LINES_LIMIT: usize = 3;
/// More equal marks in a row are written once with their number.
const EQUAL_MARKS_LIMIT: usize = 3;

/// What line breaks and tabs mean in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// They do not belong there.
    Line,
    /// They are part of it.
    Block,
}

/// Sanitises the text.
pub(super) fn paint(raw: &str, shape: Shape) -> (String, Vec<Warning>) {
    let mut painter = Painter { out: String::with_capacity(raw.len()), ..Painter::default() };
    match shape {
        Shape::Line => painter.line(raw),
        Shape::Block => painter.block(raw),
    }
    (painter.out, painter.findings.into_warnings())
}

/// A run of spaces at the end of the output.
struct Spaces {
    start: usize,
    count: usize,
}

#[derive(Default)]
struct Painter {
    out: String,
    /// Never set together with `marks`.
    spaces: Option<Spaces>,
    /// Equal marks that are not written yet.
    marks: Option<(Mark, usize)>,
    segment: Segment,
    findings: Findings,
}

impl Painter {
    fn line(&mut self, raw: &str) {
        let mut rest = raw;
        while let Some((text, after)) = rest.split_once('\n') {
            let (text, name) = text.strip_suffix('\r').map_or((text, "LF"), |text| (text, "CRLF"));
            self.text(text, Shape::Line);
            self.mark(WarningKind::LineBreak, Mark::Named(name));
            rest = after;
        }
        self.text(rest, Shape::Line);
        self.flush();
    }

    fn block(&mut self, raw: &str) {
        let mut blanks: Vec<&str> = Vec::new();
        // What follows the last line break is a line only if something is there.
        let (body, end) = raw.strip_suffix('\n').map_or((raw, ""), |body| (body, "\n"));
        let mut is_first = true;
        let mut lines = body.split('\n').peekable();
        while let Some(line) = lines.next() {
            let has_break = lines.peek().is_some() || !end.is_empty();
            let line = if has_break { line.strip_suffix('\r').unwrap_or(line) } else { line };
            if line.chars().all(|c| c == '\t' || classify(c) == Class::Space) {
                blanks.push(line);
            } else {
                self.blank_lines(&mut blanks, &mut is_first);
                self.block_line(line, &mut is_first);
            }
        }
        if !raw.is_empty() {
            self.blank_lines(&mut blanks, &mut is_first);
        }
        self.out.push_str(end);
    }

    fn blank_lines(&mut self, lines: &mut Vec<&str>, is_first: &mut bool) {
        if lines.len() > BLANK_LINES_LIMIT {
            let mark = Mark::BlankLines(lines.len());
            self.findings.note(WarningKind::Gap, mark, 1);
            self.block_line(&mark.to_string(), is_first);
        } else {
            lines.iter().for_each(|line| self.block_line(line, is_first));
        }
        lines.clear();
    }

    fn block_line(&mut self, line: &str, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.out.push('\n');
        }
        self.text(line, Shape::Block);
        self.flush();
    }

    /// Paints text without line breaks.
    fn text(&mut self, text: &str, shape: Shape) {
        let mut rest = text;
        while let Some(&first) = rest.as_bytes().first() {
            let plain = plain_prefix(rest);
            let taken = if plain > 0 {
                self.visible(&rest[..plain]);
                plain
            } else if first == b' ' && rest.as_bytes().get(1).is_none_or(u8::is_ascii) {
                self.space(" ");
                1
            } else if first == b'\t' {
                self.tab(shape);
                1
            } else {
                let cluster = rest.graphemes(true).next().unwrap_or(rest);
                self.cluster(cluster, rest[cluster.len()..].chars().next());
                cluster.len()
            };
            rest = &rest[taken..];
        }
    }

    fn tab(&mut self, shape: Shape) {
        match shape {
            Shape::Line => self.mark(WarningKind::LineBreak, Mark::Named("TAB")),
            Shape::Block => (0..4).for_each(|_| self.space(" ")),
        }
    }

    /// Paints one grapheme cluster, splitting it wherever something in it has to become visible.
    ///
    /// What needs a neighbour becomes a mark without one, and a space is none: so words of ours beside the text, which keep a
    /// space between, are not touched by it.
    fn cluster(&mut self, cluster: &str, next: Option<char>) {
        let mut chars = cluster.chars().peekable();
        while let Some(c) = chars.next() {
            let following = chars.peek().copied().or(next);
            let hidden = match classify(c) {
                Class::Attached if !self.segment.is_base() => Some(WarningKind::Combining),
                Class::Visible if classify::leans_back(c) && !self.segment.is_base() => {
                    Some(WarningKind::Combining)
                }
                Class::Visible if classify::leans_forward(c) && !following.is_some_and(classify::carries) => {
                    Some(WarningKind::Combining)
                }
                Class::Visible | Class::Space => {
                    self.segment.push(c);
                    None
                }
                Class::Attached => {
                    self.segment.push_mark(c);
                    None
                }
                Class::Joiner => (!self.segment.push_joiner(c, following)).then_some(WarningKind::Invisible),
                Class::EmojiStyle => {
                    (!self.segment.push_emoji_style(c, following)).then_some(WarningKind::Invisible)
                }
                Class::Hidden(kind) => Some(kind),
            };
            if let Some(kind) = hidden {
                self.end_segment();
                self.mark(kind, if c == '\r' { Mark::Named("CR") } else { Mark::Code(c) });
            }
        }
        self.end_segment();
    }

    fn end_segment(&mut self) {
        let mut segment = std::mem::take(&mut self.segment);
        if !segment.is_empty() {
            let text = segment.text();
            let mut chars = text.chars();
            if text.width() == 0 {
                // Nothing that takes no cell may reach the screen, whatever its category is.
                chars.for_each(|c| self.mark(WarningKind::Invisible, Mark::Code(c)));
            } else if chars.next().map(classify) == Some(Class::Space) && chars.next().is_none() {
                self.space(text);
            } else {
                self.visible(text);
            }
            if segment.left_out() > 0 {
                self.close_spaces();
                self.close_marks();
                let mark = Mark::Stacked(segment.left_out());
                self.findings.note(WarningKind::Combining, mark, segment.left_out());
                self.write_mark(mark);
            }
        }
        segment.clear();
        self.segment = segment;
    }

    fn visible(&mut self, text: &str) {
        self.flush();
        self.out.push_str(text);
    }

    fn space(&mut self, space: &str) {
        self.close_marks();
        let start = self.out.len();
        self.spaces.get_or_insert(Spaces { start, count: 0 }).count += 1;
        self.out.push_str(space);
    }

    fn mark(&mut self, kind: WarningKind, mark: Mark) {
        self.close_spaces();
        self.findings.note(kind, mark, 1);
        match &mut self.marks {
            Some((pending, count)) if *pending == mark => *count += 1,
            _ => {
                self.close_marks();
                self.marks = Some((mark, 1));
            }
        }
    }

    fn flush(&mut self) {
        self.close_spaces();
        self.close_marks();
    }

    fn close_spaces(&mut self) {
        if let Some(Spaces { start, count }) = self.spaces.take()
            && count > SPACES_LIMIT
        {
            self.out.truncate(start);
            let mark = Mark::Spaces(count);
            self.findings.note(WarningKind::Gap, mark, 1);
            self.write_mark(mark);
        }
    }

    fn close_marks(&mut self) {
        let Some((mark, count)) = self.marks.take() else {
            return;
        };
        if count > EQUAL_MARKS_LIMIT {
            self.write_mark(mark);
            self.out.pop();
            write!(self.out, " x{count}>").expect("writing to a string never fails");
        } else {
            (0..count).for_each(|_| self.write_mark(mark));
        }
    }

    fn write_mark(&mut self, mark: Mark) {
        write!(self.out, "{mark}").expect("writing to a string never fails");
    }
}

/// Length of the printable ASCII without spaces at the start, less the last one if something may attach to it.
fn plain_prefix(text: &str) -> usize {
    let bytes = text.as_bytes();
    let length = bytes.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(bytes.len());
    match bytes.get(length) {
        Some(byte) if !byte.is_ascii() => length.saturating_sub(1),
        _ => length,
    }
}
