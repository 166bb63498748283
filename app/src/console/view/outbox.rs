//! Outboxes with their quota, and below them what needs a person and what the dispatcher has before it.
use std::ops::Range;

use countersign_core::activity::status::Status;
use countersign_core::activity::view::OutboxView;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Columns};
use crate::console::item::Row;
use crate::console::layout::Layout;
use crate::console::model::{Focus, ListLine, Model};
use crate::console::msg::{Painted, Target};
use crate::console::outbox_state;
use crate::console::theme::Role;
use crate::console::words;

/// Cells of the table of outboxes. On a narrow screen its state says more than its channel and what it will do.
struct Widths {
    channel: u16,
    gauge: u16,
    quota: u16,
    next_hour: u16,
    counts: u16,
}

impl Widths {
    fn of(width: u16) -> Self {
        match width {
            100.. => Self { channel: 9, gauge: 10, quota: 20, next_hour: 9, counts: 7 },
            72.. => Self { channel: 9, gauge: 6, quota: 14, next_hour: 6, counts: 0 },
            _ => Self { channel: 0, gauge: 6, quota: 14, next_hour: 0, counts: 0 },
        }
    }
}

pub(super) fn draw(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    if !areas.outboxes.is_empty() {
        outboxes(model, areas.outboxes, canvas, painted);
        canvas.rule(areas.outboxes_rule);
    }
    if areas.list.is_empty() {
        return;
    }
    if model.row_count() == 0 {
        if let Some(absent) = &model.engine.absent {
            canvas.put(areas.heads, &format!(" {}", model.theme.charset.line(absent)), Role::Warn);
            return;
        }
        let is_loaded = model.queue.is_loaded && model.attention.is_loaded;
        let words = if is_loaded { " Nothing is on its way and nothing needs you." } else { " Reading ..." };
        canvas.put(areas.heads, words, Role::Muted);
        return;
    }
    let lines = model.list_lines();
    let below = lines.iter().skip(model.outbox_at.top).take(usize::from(areas.list.height));
    let shown: Vec<usize> =
        below.filter_map(|line| if let ListLine::Row(index) = line { Some(*index) } else { None }).collect();
    let is_whole = model.queue.next.is_none() && model.attention.next.is_none();
    row_heads(areas.heads, canvas);
    if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
        tell_cut(*first..last + 1, model.row_count(), is_whole, areas.heads, canvas);
    }
    for (area, line) in areas.list.rows().zip(lines.into_iter().skip(model.outbox_at.top)) {
        match line {
            ListLine::NeedsYou => section("needs you", area, canvas),
            ListLine::Dispatcher => section("on its way", area, canvas),
            ListLine::Row(index) => {
                if let Some(row) = model.row(index) {
                    painted.rows.push(row.item);
                    painted.targets.push((area, Target::Row(row.id())));
                    let is_current = index == model.outbox_at.index && model.focus == Focus::Rows;
                    live_row(model, row, is_current, area, canvas);
                }
            }
        }
    }
}

/// Says on the right of the heads which rows are shown, of how many, unless all are.
fn tell_cut(shown: Range<usize>, count: usize, is_whole: bool, heads: Rect, canvas: &mut Canvas<'_>) {
    if is_whole && shown == (0..count) {
        return;
    }
    let first = shown.start + 1;
    let rows = if shown.end == first { first.to_string() } else { format!("{first}-{}", shown.end) };
    let more = if is_whole { "" } else { "+" };
    canvas.put_right(heads, &[(&format!("  {rows} of {count}{more} "), Role::Muted)]);
}

fn section(words: &str, area: Rect, canvas: &mut Canvas<'_>) {
    canvas.put_all(area, [(" ", Role::Plain), (words, Role::Heading)]);
}

fn outboxes(model: &Model, area: Rect, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    let mut rows = area.rows();
    let widths = Widths::of(area.width);
    let height = usize::from(area.height).saturating_sub(1).max(1);
    let top = (model.outbox_index + 1).saturating_sub(height);
    let count = model.outboxes.len();
    if let Some(area) = rows.next() {
        let mut columns = Columns::of(area);
        columns.next(1);
        canvas.put(columns.next(16), "outbox", Role::Heading);
        if widths.channel > 0 {
            canvas.put(columns.next(widths.channel), "channel", Role::Heading);
        }
        canvas.put(columns.next(widths.quota), "quota today", Role::Heading);
        if widths.next_hour > 0 {
            let head = if widths.next_hour < 9 { "next h" } else { "next hour" };
            canvas.put(columns.next(widths.next_hour), head, Role::Heading);
        }
        if widths.counts > 0 {
            canvas.put(columns.next(widths.counts), "waiting", Role::Heading);
            canvas.put(columns.next(widths.counts), "24 h", Role::Heading);
        }
        canvas.put(columns.rest(), "state", Role::Heading);
        tell_cut(top..count.min(top + height), count, true, area, canvas);
    }
    if model.outboxes.is_empty() {
        if let Some(area) = rows.next() {
            let words = if model.engine.absent.is_some() {
                " switched off"
            } else if model.counts.is_some() {
                " none yet: countersign outboxes add …"
            } else {
                " Reading ..."
            };
            canvas.put(area, words, Role::Muted);
        }
        return;
    }
    for (area, (index, outbox)) in rows.zip(model.outboxes.iter().enumerate().skip(top)) {
        painted.targets.push((area, Target::Outbox(outbox.id)));
        outbox_line(model, outbox, index, area, &widths, canvas);
    }
}

fn outbox_line(
    model: &Model,
    outbox: &OutboxView,
    index: usize,
    area: Rect,
    widths: &Widths,
    canvas: &mut Canvas<'_>,
) {
    let is_current = index == model.outbox_index;
    let mut columns = Columns::of(area);
    let cursor = if is_current { canvas.glyphs().cursor } else { " " };
    canvas.put(columns.next(1), cursor, Role::Marked);
    canvas.put(columns.next(16), &model.theme.charset.line(&outbox.name).truncated(16), Role::Plain);
    if widths.channel > 0 {
        canvas.put(columns.next(widths.channel), outbox.channel.as_str(), Role::Plain);
    }
    let (cap, sent) = (i64::from(outbox.effective_cap), i64::from(outbox.sent_today));
    let gauge = i64::from(widths.gauge);
    let filled = if cap > 0 { (sent * gauge / cap).clamp(0, gauge) } else { gauge };
    let full = canvas.glyphs().full.repeat(usize::try_from(filled).unwrap_or(0));
    let empty = canvas.glyphs().empty.repeat(usize::try_from(gauge - filled).unwrap_or(0));
    let numbers = format!(" {}/{}", words::grouped(sent), words::grouped(cap));
    let quota = columns.next(widths.quota);
    // A bar may go, half a number may not.
    let bar = [(full.as_str(), Role::Gauge), (empty.as_str(), Role::GaugeRest)];
    let fits = usize::from(widths.gauge) + numbers.len() <= usize::from(quota.width);
    let rest = if fits { canvas.put_all(quota, bar) } else { quota };
    canvas.put(rest, if fits { &numbers } else { numbers.trim_start() }, Role::Plain);
    if widths.next_hour > 0 {
        canvas.put(columns.next(widths.next_hour), &words::count(outbox.next_hour), Role::Plain);
    }
    if widths.counts > 0 {
        canvas.put(columns.next(widths.counts), &words::count(outbox.queued), Role::Plain);
        canvas.put(columns.next(widths.counts), &words::grouped(outbox.sent_24h), Role::Plain);
    }
    let (state, role) = outbox_state::of(model, outbox);
    let rest = columns.rest();
    canvas.put(rest, &state.truncated(usize::from(rest.width)), role);
    if is_current && model.focus == Focus::Outboxes {
        canvas.wash(area, Role::Selected);
    }
}

fn row_heads(area: Rect, canvas: &mut Canvas<'_>) {
    let mut columns = Columns::of(area);
    columns.next(3);
    canvas.put(columns.next(10), "status", Role::Heading);
    canvas.put(columns.next(4), "age", Role::Heading);
    let (reason, next) = widths(area.width);
    canvas.put(columns.next(reason), "reason", Role::Heading);
    canvas.put(columns.next(next), "next", Role::Heading);
    canvas.put(columns.rest(), "to", Role::Heading);
}

fn widths(width: u16) -> (u16, u16) {
    match width {
        100.. => (44, 14),
        72.. => (26, 12),
        _ => (12, 10),
    }
}

fn live_row(model: &Model, row: &Row, is_current: bool, area: Rect, canvas: &mut Canvas<'_>) {
    let (reason_width, next_width) = widths(area.width);
    let mut columns = Columns::of(area);
    let cursor = if is_current { canvas.glyphs().cursor } else { " " };
    let sign = match row.status {
        _ if model.is_deciding(row.id()) => canvas.glyphs().more,
        Status::Uncertain | Status::Failed => "!",
        _ => " ",
    };
    canvas.put_all(columns.next(3), [(cursor, Role::Marked), (" ", Role::Plain), (sign, Role::Bad)]);
    let role = match row.status {
        Status::Uncertain | Status::Failed => Role::Bad,
        Status::BlockedByAllowlist | Status::BlockedByPolicy | Status::BlockedByQuota => Role::Warn,
        _ => Role::Plain,
    };
    canvas.put(columns.next(10), row.status.label(), role);
    let since = match row.status {
        Status::Dispatching | Status::Uncertain => row.wire_at,
        Status::Failed => row.closed_at,
        _ => None,
    };
    canvas.put(columns.next(4), &words::age(model.now(), since.unwrap_or(row.created_at)), Role::Plain);
    let reason = columns.next(reason_width);
    canvas.put(reason, &reason_of(row).truncated(usize::from(reason.width)), Role::Plain);
    canvas.put(columns.next(next_width), &next_of(model, row), Role::Plain);
    let rest = columns.rest();
    canvas.put(rest, &row.who.truncated(usize::from(rest.width)), Role::Plain);
    if is_current {
        canvas.wash(area, Role::Selected);
    }
}

fn reason_of(row: &Row) -> countersign_core::safe_text::SafeText {
    let words = match (&row.hold, row.status) {
        (None, Status::Dispatching) => {
            let word = if row.wire_at.is_some() { "asked the provider" } else { "taken by a dispatcher" };
            format!("{word}, attempt {}", i32::from(row.attempts).max(1))
        }
        (Some(hold), _) => return hold.clone(),
        (None, Status::Approved) => "due".to_owned(),
        (None, Status::BlockedByQuota) => "the outbox has used its cap for today".to_owned(),
        (None, Status::Uncertain) => "it may have been sent".to_owned(),
        (None, Status::Failed) => "refused by the provider".to_owned(),
        (None, Status::BlockedByAllowlist) => "a recipient is not on the allowlist".to_owned(),
        (None, _) => String::new(),
    };
    countersign_core::safe_text::SafeText::line(&words)
}

fn next_of(model: &Model, row: &Row) -> String {
    match row.status {
        Status::Uncertain => "you decide".to_owned(),
        Status::Approved | Status::BlockedByQuota if row.ends_by.is_some() => {
            row.ends_by.unwrap_or_default().to_owned()
        }
        Status::Failed | Status::BlockedByAllowlist | Status::BlockedByPolicy => "you decide".to_owned(),
        Status::Dispatching => match row.hold_until {
            Some(until) => words::upcoming(model.now(), until, &model.zone),
            None => "–".to_owned(),
        },
        Status::Approved | Status::BlockedByQuota => {
            words::upcoming(model.now(), row.hold_until.unwrap_or(row.send_after), &model.zone)
        }
        _ => "–".to_owned(),
    }
}
