//! What the engines do, and below it what was done: the audit log, newest first.
use ratatui::layout::Rect;

use super::canvas::{Canvas, Columns};
use crate::console::activity::{Entry, engine_lines};
use crate::console::layout::Layout;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::words;

pub(super) fn draw(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>) {
    engines(model, areas.outboxes, canvas);
    canvas.rule(areas.outboxes_rule);
    let activity = &model.activity;
    let wide = areas.heads.width >= 100;
    let mut columns = Columns::of(areas.heads);
    if activity.entries.is_empty() {
        let text = activity.text.as_deref().map(|text| model.theme.charset.line(text).truncated(30));
        let words = match (activity.is_loaded, text) {
            (false, _) => " Reading ...".to_owned(),
            (true, None) => " Nothing was done yet.".to_owned(),
            (true, Some(text)) => format!(" Nothing holds: {text}   (esc shows all)"),
        };
        canvas.put(areas.heads, &words, Role::Muted);
        return;
    }
    columns.next(1);
    canvas.put(columns.next(12), "time", Role::Muted);
    canvas.put(columns.next(if wide { 22 } else { 17 }), "action", Role::Muted);
    canvas.put(columns.next(if wide { 16 } else { 10 }), "who", Role::Muted);
    let narrowed = activity.text.as_deref().map(|text| model.theme.charset.line(text).truncated(20));
    let head = narrowed
        .map_or_else(|| "subject · reason".to_owned(), |text| format!("subject · reason   filter: {text}"));
    canvas.put(columns.rest(), &head, Role::Muted);
    let rows = activity.entries.iter().enumerate().skip(model.activity_at.top);
    for (area, (index, entry)) in areas.list.rows().zip(rows) {
        row(model, entry, index == model.activity_at.index, area, wide, canvas);
    }
}

fn engines(model: &Model, area: Rect, canvas: &mut Canvas<'_>) {
    let lines = engine_lines(model);
    let room = usize::from(area.height);
    let shown = if lines.len() > room { room.saturating_sub(1) } else { room };
    for (area, (role, text)) in area.rows().zip(lines.iter().take(shown)) {
        let text = text.truncated(usize::from(area.width).saturating_sub(2));
        canvas.put_all(area, [(" ", Role::Plain), (text.as_str(), *role)]);
    }
    if lines.len() > shown
        && let Some(area) = area.rows().nth(shown)
    {
        canvas.put(
            area,
            &format!(" {} {} more lines: i", canvas.glyphs().down, lines.len() - shown),
            Role::Muted,
        );
    }
}

fn row(model: &Model, entry: &Entry, is_current: bool, area: Rect, wide: bool, canvas: &mut Canvas<'_>) {
    let mut columns = Columns::of(area);
    let cursor = if is_current { canvas.glyphs().cursor } else { " " };
    canvas.put(columns.next(1), cursor, Role::Title);
    canvas.put(columns.next(12), &words::clock(model.now(), entry.row.at, &model.zone), Role::Plain);
    let action = columns.next(if wide { 22 } else { 17 });
    canvas.put(action, &entry.action.truncated(usize::from(action.width)), Role::Plain);
    let who = columns.next(if wide { 16 } else { 10 });
    canvas.put(who, &entry.who.truncated(usize::from(who.width)), Role::Plain);
    let rest = columns.rest();
    let between =
        if entry.subject.is_empty() || entry.reason.is_empty() { "" } else { canvas.glyphs().between };
    let subject = entry.subject.truncated(if entry.reason.is_empty() { usize::from(rest.width) } else { 36 });
    let rest = canvas.put_all(rest, [(subject.as_str(), Role::Plain), (between, Role::Muted)]);
    canvas.put(rest, &entry.reason.truncated(usize::from(rest.width)), Role::Plain);
    if is_current {
        canvas.wash(area, Role::Selected);
    }
}
