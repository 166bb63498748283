//! The text of a draft while it is edited, over the body of the screen. What the text holds is shown as marks, as anywhere else.
use countersign_core::draft::edit;
use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use crate::console::editor::Editor;
use crate::console::layout;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::words;

pub(super) fn draw(model: &Model, editor: &Editor, body: Rect, canvas: &mut Canvas<'_>) {
    let mut heads = Rect { height: body.height.min(2), ..body }.rows();
    if let Some(area) = heads.next() {
        let state = match (editor.saving.is_some(), editor.is_changed()) {
            (true, _) => ("saving ", Role::Warn),
            (false, true) => ("changed ", Role::Warn),
            (false, false) => ("unchanged ", Role::Muted),
        };
        let base: String = editor.item.payload_sha256.fingerprint().chars().take(14).collect();
        let facts = format!("from {base} …   {}   ", words::size(editor.bytes()));
        let rest = canvas.put_right(area, &[(&facts, Role::Muted), state]);
        let rest = canvas.put(rest, " Edit  ", Role::Title);
        canvas.put(rest, &editor.who.truncated(usize::from(rest.width)), Role::Plain);
    }
    if let Some(area) = heads.next() {
        if editor.began_from.is_some() {
            let words =
                " ! the message was changed since this text was begun; saving puts this text in its place";
            canvas.put(area, words, Role::Bad);
        } else {
            canvas.rule(area);
        }
    }
    let text = layout::editor_text(body);
    let width = usize::from(text.width);
    let charset = model.theme.charset;
    let lines = editor.lines().iter().skip(editor.top).flat_map(|line| {
        let role = if edit::is_separator(line) { Role::Muted } else { Role::Plain };
        Editor::rows(line, width, charset).into_iter().map(move |row| (row, role))
    });
    for (area, (row, role)) in text.rows().zip(lines) {
        canvas.put(area, &row, role);
    }
}

/// Where the text cursor stands, if a text is edited.
pub(super) fn cursor(model: &Model, body: Rect) -> Option<Position> {
    let editor = model.editor.as_ref().filter(|_| model.dialog.is_none())?;
    let text = layout::editor_text(body);
    let (width, charset) = (usize::from(text.width), model.theme.charset);
    let (line, _) = editor.cursor();
    let above: usize = editor
        .lines()
        .iter()
        .take(line)
        .skip(editor.top)
        .map(|line| Editor::rows(line, width, charset).len())
        .sum();
    let (row, column) = editor.cursor_cell(width, charset);
    let y = u16::try_from(above + row).ok().filter(|row| *row < text.height)?;
    let x = u16::try_from(column).ok()?.min(text.width.saturating_sub(1));
    Some(Position { x: text.x + x, y: text.y + y })
}
