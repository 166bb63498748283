//! The entries of the palette above the line they are typed in. Covers part of the screen; the rest stays in sight.
use countersign_core::safe_text::SafeText;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::console::layout::Layout;
use crate::console::model::Model;
use crate::console::palette::{self, Entry, Palette};
use crate::console::theme::Role;

/// More entries are reached by going on.
const MOST: u16 = 12;
/// Cells of the column of names.
const NAMES: u16 = 22;
const NARROW: u16 = 15;

pub(super) fn draw(model: &Model, open: &Palette, areas: &Layout, canvas: &mut Canvas<'_>) {
    let entries = palette::entries(model, open.field.text());
    let body = Rect {
        y: areas.top_rule.bottom(),
        height: areas.notice.y.saturating_sub(areas.top_rule.bottom()),
        ..areas.top_rule
    };
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX).clamp(1, MOST);
    let has_rule = body.height > 4;
    let height = count.min(body.height - u16::from(has_rule)).min((body.height * 2 / 3).max(3));
    let area = Rect { y: body.bottom() - height, height, ..body };
    if has_rule {
        let rule = Rect { y: area.y - 1, height: 1, ..area };
        canvas.clear(rule);
        canvas.rule(rule);
        let place = palette::chosen_of(&entries, open.chosen.as_deref()) + usize::from(!entries.is_empty());
        canvas.put_right(rule, &[(&format!(" {place} of {} ", entries.len()), Role::Muted)]);
    }
    canvas.clear(area);
    if entries.is_empty() {
        canvas.put(area, "   no command has these words", Role::Warn);
        return;
    }
    let chosen = palette::chosen_of(&entries, open.chosen.as_deref());
    let top = (chosen + 1).saturating_sub(usize::from(area.height));
    for (row, (index, entry)) in area.rows().zip(entries.iter().enumerate().skip(top)) {
        line(model, entry, index == chosen, row, canvas);
    }
}

fn line(model: &Model, entry: &Entry, is_chosen: bool, area: Rect, canvas: &mut Canvas<'_>) {
    let charset = model.theme.charset;
    let cursor = if is_chosen { canvas.glyphs().cursor } else { " " };
    let rest = canvas.put_all(area, [(cursor, Role::Marked), (" ", Role::Plain)]);
    let rest = canvas.put_right(rest, &[(&format!("{} ", entry.keys), Role::Key)]);
    let names = if area.width < 60 { NARROW } else { NAMES };
    let names = Rect { width: names.min(rest.width), ..rest };
    let name = charset.line(&entry.id);
    let room = usize::from(names.width);
    let (name, role) = match entry.state {
        Ok(()) => (name.truncated(room.saturating_sub(1)), Role::Title),
        Err(_) => (format!("({})", name.truncated(room.saturating_sub(3))), Role::Disabled),
    };
    canvas.put(names, &name, role);
    let rest = Rect { x: rest.x + names.width, width: rest.width - names.width, ..rest };
    let (words, role): (SafeText, Role) = match &entry.state {
        Ok(()) => (SafeText::line(entry.help), Role::Plain),
        Err(reason) => (charset.joined(&["not now: ", reason]), Role::Disabled),
    };
    canvas.put(rest, &words.truncated(usize::from(rest.width)), role);
    if is_chosen {
        canvas.wash(area, Role::Selected);
    }
}
