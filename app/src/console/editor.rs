//! The text of one draft while it is being edited: what it was made from, what it says now. Knows nothing of saving or drawing.
use countersign_core::activity::payload::PayloadHash;
use countersign_core::approval::Item;
use countersign_core::safe_text::SafeText;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::{CursorMove, TextArea};

use super::theme::Charset;
use crate::editor::LIMIT_BYTES;

/// What happens after the new text is on file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It waits for a decision.
    Wait,
    /// It is approved as soon as it was painted to its end.
    Approve,
}

/// A text under way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Saving {
    pub(crate) generation: u64,
    pub(crate) then: Then,
}

/// A draft's text in the editor.
#[derive(Debug)]
pub(crate) struct Editor {
    /// The draft, and the bytes the person had before them.
    pub(crate) item: Item,
    pub(crate) who: SafeText,
    /// The text belongs to older bytes than the item's: somebody changed the draft since it was begun.
    pub(crate) began_from: Option<PayloadHash>,
    pub(crate) saving: Option<Saving>,
    /// First line on screen.
    pub(crate) top: usize,
    area: TextArea<'static>,
    /// What the draft says.
    original: String,
}

impl Editor {
    pub(crate) fn new(item: Item, who: SafeText, original: String) -> Self {
        let area = area(&original);
        Self { item, who, began_from: None, saving: None, top: 0, area, original }
    }

    /// Goes on with a text that was kept.
    pub(crate) fn with_text(mut self, text: &str, began_from: PayloadHash) -> Self {
        self.area = area(text);
        self.began_from = (began_from != self.item.payload_sha256).then_some(began_from);
        self
    }

    /// The draft with the bytes the text was begun from. Its file is named so, which shows a later change of the draft.
    pub(crate) fn begun(&self) -> Item {
        let payload_sha256 = self.began_from.unwrap_or(self.item.payload_sha256);
        Item::seen(self.item.id, payload_sha256)
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.text() != self.original
    }

    pub(crate) fn bytes(&self) -> usize {
        self.area.lines().iter().map(|line| line.len() + 1).sum::<usize>().saturating_sub(1)
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Line and character of the cursor.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Takes an editing key. Says whether the text may be another now.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        // A line feed is a line end, also from a terminal that pastes without brackets.
        let is_line_feed = key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL;
        let key = if is_line_feed { KeyEvent::from(KeyCode::Enter) } else { key };
        if self.bytes() < LIMIT_BYTES {
            return self.area.input(key);
        }
        // A full text can still be made smaller.
        let before = self.text();
        let at = self.area.cursor();
        let is_changed = self.area.input(key);
        if self.bytes() <= LIMIT_BYTES {
            return is_changed;
        }
        self.area = area(&before);
        let place = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(place(at.0), place(at.1)));
        false
    }

    /// Takes pasted text as it is, line breaks included. Says whether there was room for it.
    pub(crate) fn paste(&mut self, text: &str) -> bool {
        if self.bytes() + text.len() > LIMIT_BYTES {
            return false;
        }
        self.area.insert_str(text.replace("\r\n", "\n").replace('\r', "\n"));
        true
    }

    /// The rows of a line in a box of this width, made safe to paint.
    pub(crate) fn rows(line: &str, width: usize, charset: Charset) -> Vec<String> {
        charset.line(line).chopped(width)
    }

    /// Row and column of the cursor inside its line.
    pub(crate) fn cursor_cell(&self, width: usize, charset: Charset) -> (usize, usize) {
        let (line, column) = self.cursor();
        let before: String =
            self.lines().get(line).map(|line| line.chars().take(column).collect()).unwrap_or_default();
        let rows = Self::rows(&before, width, charset);
        let last = rows.last().map(|row| SafeText::line(row).width()).unwrap_or(0);
        if last >= width { (rows.len(), 0) } else { (rows.len().saturating_sub(1), last) }
    }

    /// Scrolls so that the cursor is inside a box of this size.
    pub(crate) fn keep_inside(&mut self, width: usize, height: usize, charset: Charset) {
        let (line, _) = self.cursor();
        self.top = self.top.min(line);
        let mut room = height.saturating_sub(1 + self.cursor_cell(width, charset).0);
        let mut first = line;
        while first > self.top {
            let rows = Self::rows(&self.lines()[first - 1], width, charset).len();
            let Some(left) = room.checked_sub(rows) else { break };
            room = left;
            first -= 1;
        }
        self.top = first;
    }
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.set_max_histories(200);
    area
}

#[cfg(test)]
mod tests {
    use countersign_core::ids::ActivityId;

    use super::*;

    fn editor(text: &str) -> Editor {
        let item = Item::seen(ActivityId::new(), PayloadHash::of(b"base"));
        Editor::new(item, SafeText::line("Zoë"), text.to_owned())
    }

    #[test]
    fn a_text_is_kept_byte_for_byte_whatever_is_in_it() {
        let text = "one\r\n\ttwo \u{202e}\u{1b}[2J\n\n";
        let editor = editor(text);
        assert_eq!(editor.text(), text);
        assert!(!editor.is_changed());
        assert_eq!(editor.bytes(), text.len());
    }

    #[test]
    fn a_text_takes_no_more_than_fits_a_message_and_can_be_cut_again() {
        let mut editor = editor(&"a".repeat(LIMIT_BYTES));
        let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
        editor.key(key(KeyCode::Char('b')));
        assert_eq!(editor.bytes(), LIMIT_BYTES);
        assert!(!editor.paste("c"));
        editor.key(key(KeyCode::Delete));
        assert_eq!(editor.bytes(), LIMIT_BYTES - 1);
    }

    #[test]
    fn the_cursor_stays_in_view_of_long_lines() {
        let mut editor = editor(&format!("first\n{}\nlast", "x".repeat(95)));
        editor.key(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
        editor.key(KeyEvent::new(KeyCode::End, KeyModifiers::NONE));
        assert_eq!(editor.cursor_cell(10, Charset::Unicode), (9, 5));
        editor.keep_inside(10, 11, Charset::Unicode);
        assert_eq!(editor.top, 0, "first and all ten rows of the second fit");
        editor.keep_inside(10, 10, Charset::Unicode);
        assert_eq!(editor.top, 1);
    }
}
