//! What commands print. Foreign text passes `SafeText`; nothing else is printed.
use std::io::{self, Write as _};

use color_eyre::eyre::Result;
use countersign_core::safe_text::SafeText;
use serde::Serialize;
use serde_json::{Value, json};

/// Where and how a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// As JSON.
    pub(crate) is_json: bool,
}

impl Output {
    /// Prints one line of our own words.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Result<()> {
        write(&format!("{}\n", text.as_ref()))
    }

    /// Prints text that may hold foreign text in several lines.
    pub(crate) fn block(self, text: &str) -> Result<()> {
        write(&format!("{}\n", SafeText::block(text)))
    }

    /// Prints a value as JSON on one line. JSON escapes control characters; the rest of what could deceive is escaped here.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<()> {
        write(&format!("{}\n", escape(&serde_json::to_string(value)?)))
    }

    /// Prints a list: `{"items": […], "next": cursor or null}`, or a table.
    pub(crate) fn list<T: Serialize>(
        self,
        items: &[T],
        next: Option<String>,
        heads: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<()> {
        if self.is_json {
            return self.json(&json!({ "items": items, "next": next }));
        }
        let rows: Vec<Vec<SafeText>> =
            items.iter().map(|item| row(item).iter().map(|cell| SafeText::line(cell)).collect()).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| {
                let widest =
                    rows.iter().filter_map(|row| row.get(column)).map(SafeText::width).max().unwrap_or(0);
                widest.max(heads[column].len()).min(60)
            })
            .collect();
        let mut text = String::new();
        let head: Vec<SafeText> = heads.iter().map(|head| SafeText::line(head)).collect();
        for row in std::iter::once(&head).chain(&rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let cut = cell.truncated(*width);
                let cells = SafeText::line(&cut).width();
                line.push_str(&cut);
                line.push_str(&" ".repeat(width.saturating_sub(cells) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        if let Some(next) = next {
            text.push_str(&format!("more: --cursor {next}\n"));
        }
        write(&text)
    }

    /// Prints one thing: JSON, or lines of `name  value`.
    pub(crate) fn thing(self, value: &Value, lines: &[(&str, String)]) -> Result<()> {
        if self.is_json {
            return self.json(value);
        }
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in lines {
            text.push_str(&format!("{name:width$}  {}\n", SafeText::line(value)));
        }
        write(&text)
    }
}

/// Prints a sentence for people to standard error.
pub(crate) fn complain(sentence: &str) {
    // If nobody listens there is nothing left to tell.
    let _ = writeln!(io::stderr(), "countersign: {}", SafeText::block(sentence));
}

fn write(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Escapes, inside JSON text, every character that a terminal could be deceived with. Such characters only occur in strings.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let is_plain = c.is_ascii() && !c.is_ascii_control();
        // ZWNJ and ZWJ belong to ordinary words of some scripts; in JSON nobody reads them, so they are escaped as well.
        if is_plain || (!c.is_ascii() && !SafeText::line(c.encode_utf8(&mut [0; 4])).is_suspicious()) {
            escaped.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_holds_no_character_that_deceives_and_reads_back_the_same() {
        let text = "Zo\u{eb} \u{202e}\u{200b}\u{1b}]0;x\u{7} \u{e0041} מרים";
        let json = super::escape(&serde_json::to_string(text).unwrap());
        assert!(json.contains("Zo\u{eb}") && json.contains("מרים"), "{json}");
        assert!(!json.contains(['\u{202e}', '\u{200b}', '\u{1b}', '\u{7}', '\u{e0041}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
