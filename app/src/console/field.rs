//! A text field of one line. Knows nothing of what the text is for.
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::{CursorMove, TextArea};

/// Longer texts are not taken; a reason is a sentence, not a letter.
const LIMIT: usize = 500;

/// One line of text with a cursor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field {
    area: TextArea<'static>,
}

impl Field {
    pub(crate) fn with(text: &str) -> Self {
        let mut field = Self::default();
        field.insert(text);
        field
    }

    pub(crate) fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// The text without surrounding blanks, if there is any.
    pub(crate) fn filled(&self) -> Option<String> {
        let text = self.text().trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The text left of the cursor.
    pub(crate) fn before_cursor(&self) -> String {
        self.text().chars().take(self.area.cursor().1).collect()
    }

    /// Inserts text as one line: breaks and tabs become blanks, other control characters are left out.
    pub(crate) fn insert(&mut self, text: &str) {
        let room = LIMIT.saturating_sub(self.text().chars().count());
        let line: String = text
            .trim_end_matches(['\r', '\n'])
            .replace("\r\n", " ")
            .chars()
            .map(|letter| if matches!(letter, '\r' | '\n' | '\t') { ' ' } else { letter })
            .filter(|letter| !letter.is_control())
            .take(room)
            .collect();
        self.area.insert_str(line);
    }

    /// Takes an editing key; any other changes nothing.
    pub(crate) fn key(&mut self, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.modifiers.contains(KeyModifiers::ALT) {
            return;
        }
        match (key.code, ctrl) {
            (KeyCode::Char(letter), false) => self.insert(letter.encode_utf8(&mut [0; 4])),
            (KeyCode::Backspace, false) | (KeyCode::Char('h'), true) => {
                self.area.delete_char();
            }
            (KeyCode::Delete, _) => {
                self.area.delete_next_char();
            }
            (KeyCode::Char('w'), true) => {
                self.area.delete_word();
            }
            (KeyCode::Char('u'), true) => {
                self.area.delete_line_by_head();
            }
            (KeyCode::Char('k'), true) => {
                self.area.delete_line_by_end();
            }
            (KeyCode::Left, _) => self.area.move_cursor(CursorMove::Back),
            (KeyCode::Right, _) => self.area.move_cursor(CursorMove::Forward),
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => self.area.move_cursor(CursorMove::Head),
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => self.area.move_cursor(CursorMove::End),
            _ => {}
        }
    }
}
