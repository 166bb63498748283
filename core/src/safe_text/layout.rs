//! Cells of a terminal: measuring, cutting and wrapping text that is already harmless. Counts graphemes, as the painter does.
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Stands for what does not fit.
const ELLIPSIS: &str = "…";

/// Cells of one line.
pub(super) fn width(line: &str) -> usize {
    if line.is_ascii() { line.len() } else { line.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// The first line, cut to `cells`.
pub(super) fn truncate(text: &str, cells: usize) -> String {
    let mut lines = text.lines();
    let line = lines.next().unwrap_or("");
    let room = cells.saturating_sub(1);
    let (mut used, mut kept) = (0, 0);
    for (start, grapheme) in line.grapheme_indices(true) {
        used += grapheme.width();
        if used <= room {
            kept = start + grapheme.len();
        }
        if used > cells {
            break;
        }
    }
    match (used > cells || lines.next().is_some(), cells) {
        (false, _) => line.to_owned(),
        (true, 0) => String::new(),
        (true, _) => format!("{}{ELLIPSIS}", &line[..kept]),
    }
}

/// One line in pieces of at most `cells`. A grapheme that is wider than that gets a piece of its own.
pub(super) fn chop(line: &str, cells: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for grapheme in line.graphemes(true) {
        let width = grapheme.width();
        if used + width > cells && used > 0 {
            pieces.push(String::new());
            used = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(grapheme);
        }
        used += width;
    }
    pieces
}

/// All lines, wrapped to `cells`.
pub(super) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut wrapper = Wrapper { cells, ..Wrapper::default() };
    if cells > 0 {
        text.lines().for_each(|line| wrapper.line(line));
    }
    wrapper.lines
}

#[derive(Default)]
struct Wrapper {
    cells: usize,
    lines: Vec<String>,
    line: String,
    used: usize,
    /// Spaces that are written if a word follows on the same line.
    gap: String,
    gap_used: usize,
}

impl Wrapper {
    fn line(&mut self, line: &str) {
        let mut rest = line;
        while !rest.is_empty() {
            let (word, word_width) = next_word(rest);
            let gap = word.is_empty();
            if gap {
                let space = rest.graphemes(true).next().unwrap_or(rest);
                self.gap.push_str(space);
                self.gap_used += space.width();
                rest = &rest[space.len()..];
            } else {
                self.word(word, word_width);
                rest = &rest[word.len()..];
            }
        }
        self.end_line();
    }

    fn word(&mut self, word: &str, word_width: usize) {
        let is_indent = self.line.is_empty();
        // An indent may not push its word out of the line.
        let fits = self.used + self.gap_used + word_width <= self.cells;
        if fits || (is_indent && self.gap_used * 2 <= self.cells) {
            self.line.push_str(&self.gap);
            self.used += self.gap_used;
        } else if !is_indent {
            self.end_line();
        }
        self.clear_gap();
        if fits {
            self.line.push_str(word);
            self.used += word_width;
            return;
        }
        for grapheme in word.graphemes(true) {
            let (grapheme, width) = match grapheme.width() {
                width if width > self.cells => (ELLIPSIS, 1),
                width => (grapheme, width),
            };
            if self.used + width > self.cells {
                self.end_line();
            }
            self.line.push_str(grapheme);
            self.used += width;
        }
    }

    fn end_line(&mut self) {
        self.clear_gap();
        self.lines.push(std::mem::take(&mut self.line));
        self.used = 0;
    }

    fn clear_gap(&mut self) {
        self.gap.clear();
        self.gap_used = 0;
    }
}

/// The word at the start and its width; empty at a space. A wide character is a word of its own, because scripts that use
/// them do not put spaces between words.
fn next_word(text: &str) -> (&str, usize) {
    let mut total = 0;
    for (start, grapheme) in text.grapheme_indices(true) {
        let width = grapheme.width();
        if is_break(grapheme) || (width > 1 && start > 0) {
            return (&text[..start], total);
        }
        total += width;
        if width > 1 {
            return (&text[..grapheme.len()], total);
        }
    }
    (text, total)
}

fn is_break(grapheme: &str) -> bool {
    let is_no_break_space = matches!(grapheme, "\u{A0}" | "\u{2007}" | "\u{202F}");
    !is_no_break_space && grapheme.chars().all(char::is_whitespace)
}
