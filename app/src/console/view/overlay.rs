//! Help and results, in place of the screen's body.
use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::console::action;
use crate::console::dialog::Dialog;
use crate::console::layout::Layout;
use crate::console::model::Model;
use crate::console::theme::Role;
use countersign_core::safe_text::SafeText;

/// Cells of the column of keys.
const KEYS: u16 = 20;

/// What is done outside the console.
const COMMANDS: &[(&str, &str)] = &[
    ("", ""),
    ("import drafts", "countersign drafts import FILE.jsonl"),
    ("add a secret", "countersign secrets set ID"),
    ("add an outbox", "countersign outboxes add NAME --channel email --from 'Ana <ana@example.com>'"),
    ("", "  --secret secret://ID:latest --daily-cap 80 --zone Europe/Paris"),
    ("allow a recipient", "countersign allowlist add ENTRY"),
    ("hear of replies", "countersign webhooks add PROVIDER"),
];

/// Draws help or results. Returns the first line that was drawn, which may be less far down than was asked for.
pub(super) fn draw(model: &Model, dialog: &Dialog, areas: &Layout, canvas: &mut Canvas<'_>) -> usize {
    let top = areas.top_rule.bottom();
    let body = Rect { y: top, height: areas.notice.y.saturating_sub(top), ..areas.top_rule };
    let mut rows = body.rows();
    let Some(title) = rows.next() else { return 0 };
    let room = usize::from(body.height).saturating_sub(1);
    match dialog {
        Dialog::Help { scroll } => {
            canvas.put(title, " Keys of this screen", Role::Title);
            let actions = action::book::by_group(action::ACTIONS)
                .filter(|action| action.screens.contains(&model.screen));
            let width = usize::from(body.width).saturating_sub(usize::from(KEYS));
            let mut lines = Vec::new();
            let mut group = None;
            for action in actions {
                if group != Some(action.group) {
                    group = Some(action.group);
                    lines.push((format!(" {}", action.group.name()), String::new(), Role::Heading));
                }
                lines.extend(help_lines(model, action, width));
            }
            lines.extend(
                COMMANDS
                    .iter()
                    .map(|(what, command)| (format!(" {what}"), (*command).to_owned(), Role::Muted)),
            );
            lines.extend(note_lines(model, width));
            let scroll = (*scroll).min(lines.len().saturating_sub(room));
            for (area, (keys, text, role)) in rows.zip(lines.into_iter().skip(scroll)) {
                let keys_area = Rect { width: area.width.min(KEYS), ..area };
                let keys_role = if role == Role::Heading { role } else { Role::Key };
                canvas.put(keys_area, &keys, keys_role);
                let rest = Rect { x: area.x + keys_area.width, width: area.width - keys_area.width, ..area };
                canvas.put(rest, &text, role);
            }
            scroll
        }
        Dialog::Results { title: words, lines, scroll } => {
            canvas.put_all(title, [(" ", Role::Plain), (words.as_str(), Role::Title)]);
            let width = usize::from(body.width).saturating_sub(4);
            let lines: Vec<_> = lines
                .iter()
                .flat_map(|(role, text)| text.wrapped(width).into_iter().map(|line| (*role, line)))
                .collect();
            let scroll = (*scroll).min(lines.len().saturating_sub(room));
            for (area, (role, text)) in rows.zip(lines.iter().skip(scroll)) {
                canvas.put_all(area, [("   ", Role::Plain), (text.as_str(), *role)]);
            }
            scroll
        }
        _ => 0,
    }
}

/// What the engine says, in full: the line above the hints may have cut it.
fn note_lines(model: &Model, width: usize) -> Vec<(String, String, Role)> {
    let charset = model.theme.charset;
    let notes = model.engine.notes.iter().map(|note| charset.line(note));
    let mut lines = Vec::new();
    for note in notes {
        let mut head = " note".to_owned();
        lines.push((String::new(), String::new(), Role::Plain));
        lines.extend(
            note.wrapped(width).into_iter().map(|text| (std::mem::take(&mut head), text, Role::Plain)),
        );
    }
    lines
}

/// What an action does, and on a second line why it is not possible now.
fn help_lines(model: &Model, action: &action::Action, width: usize) -> Vec<(String, String, Role)> {
    let mut keys = format!(" {}", action.keys.join("  "));
    let mut texts: Vec<_> =
        SafeText::line(action.help).wrapped(width).into_iter().map(|text| (text, Role::Plain)).collect();
    if let Err(reason) = (action.enabled)(model) {
        let reason = SafeText::line(&format!("not now: {reason}"));
        texts.extend(reason.wrapped(width).into_iter().map(|text| (text, Role::Warn)));
    }
    texts.into_iter().map(|(text, role)| (std::mem::take(&mut keys), text, role)).collect()
}
