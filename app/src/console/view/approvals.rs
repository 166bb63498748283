//! The list of drafts: what waits longest first, untrusted text last in its row.
use std::ops::RangeInclusive;

use countersign_core::activity::payload::Kind;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Columns};
use crate::console::item::Row;
use crate::console::layout::Layout;
use crate::console::model::{Link, Model};
use crate::console::msg::{Painted, Target};
use crate::console::stakes;
use crate::console::theme::Role;
use crate::console::words;

/// From draft to decision; half of it earns a mark, all of it a louder one.
const SLA_SECS: i64 = 4 * 3_600;

pub(super) fn draw(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    filter_line(model, areas.filter, canvas);
    if areas.list.is_empty() {
        return;
    }
    if model.approvals.rows.is_empty() {
        empty(model, areas, canvas);
        return;
    }
    let columns = Widths::of(areas.list.width);
    heads(areas.heads, &columns, canvas);
    let (top, range) = (model.approvals_at.top, model.range());
    for (y, (index, row)) in areas.list.rows().zip(model.approvals.rows.iter().enumerate().skip(top)) {
        painted.rows.push(row.item);
        painted.targets.push((y, Target::Row(row.id())));
        line(model, row, index, range.as_ref(), y, &columns, canvas);
    }
}

/// Narrow terminals leave columns out, never the recipient.
struct Widths {
    risk: u16,
    kind: u16,
    drafted_by: u16,
}

impl Widths {
    fn of(width: u16) -> Self {
        match width {
            100.. => Self { risk: 4, kind: 11, drafted_by: 18 },
            72.. => Self { risk: 4, kind: 11, drafted_by: 12 },
            56.. => Self { risk: 4, kind: 11, drafted_by: 0 },
            _ => Self { risk: 0, kind: 0, drafted_by: 0 },
        }
    }
}

fn filter_line(model: &Model, area: Rect, canvas: &mut Canvas<'_>) {
    let mut facts = Vec::new();
    // What changes by a key stands on the left, so that the rest stays where it is.
    if !model.marks.is_empty() {
        facts
            .push(format!("{} marked", words::grouped(i64::try_from(model.marks.len()).unwrap_or(i64::MAX))));
    }
    if model.is_narrowed() && model.approvals.is_loaded {
        // What is loaded is known; a count of all that match would cost more than it tells.
        let more = if model.approvals.next.is_some() { "+" } else { "" };
        facts.push(format!("{}{more} match", model.approvals.rows.len()));
    }
    if let Some(pending) = model.pending() {
        facts.push(format!("{} pending", words::count(pending)));
    }
    if model.snoozes.count > 0 {
        facts.push(format!("{} snoozed", words::count(model.snoozes.count)));
    }
    if let Some(range) = model.range() {
        facts.push(format!("range of {}", range.count()));
    }
    if model.matching.is_some() {
        facts.push("marking".to_owned());
    }
    let deciding: usize = model.deciding.iter().map(|deciding| deciding.ids.len()).sum();
    if deciding > 0 {
        facts.push(format!("{deciding} being decided"));
    }
    let facts = format!("{} ", facts.join("   "));
    let rest = canvas.put_right(area, &[(&facts, Role::Plain)]);
    let channel = model.filter.channel.map_or("all channels", countersign_core::channel::ChannelName::as_str);
    let role = if model.filter.channel.is_some() { Role::Title } else { Role::Plain };
    let rest = canvas.put_all(rest, [(" ", role), (channel, role)]);
    let rest =
        if model.is_snooze_list() { canvas.put(rest, " · snoozed by you", Role::Title) } else { rest };
    let charset = model.theme.charset;
    let outbox = model.filter.outbox.map(|id| {
        let found = model.outboxes.iter().find(|outbox| outbox.id == id);
        found.map_or_else(|| "?".to_owned(), |outbox| charset.line(&outbox.name).truncated(20))
    });
    let kind = model.filter.kind.map(|kind| kind.as_str().to_owned());
    let mut rest = rest;
    for (name, value) in [(" · outbox: ", outbox), (" · kind: ", kind)] {
        if let Some(value) = value {
            rest = canvas.put_all(rest, [(name, Role::Plain), (value.as_str(), Role::Title)]);
        }
    }
    if let Some(text) = &model.filter.text {
        let width = usize::from(rest.width).saturating_sub(12);
        let text = charset.line(text).truncated(width);
        canvas.put_all(rest, [(" · text: ", Role::Plain), (text.as_str(), Role::Title)]);
    }
}

fn heads(area: Rect, widths: &Widths, canvas: &mut Canvas<'_>) {
    let mut columns = Columns::of(area);
    columns.next(3);
    canvas.put(columns.next(6), " age", Role::Heading);
    canvas.put(columns.next(9), "channel", Role::Heading);
    if widths.risk > 0 {
        canvas.put(columns.next(widths.risk), "risk", Role::Heading);
    }
    if widths.kind > 0 {
        canvas.put(columns.next(widths.kind), "kind", Role::Heading);
    }
    if widths.drafted_by > 0 {
        canvas.put(columns.next(widths.drafted_by), "drafted by", Role::Heading);
    }
    canvas.put(columns.rest(), "to", Role::Heading);
}

fn line(
    model: &Model,
    row: &Row,
    index: usize,
    range: Option<&RangeInclusive<usize>>,
    area: Rect,
    widths: &Widths,
    canvas: &mut Canvas<'_>,
) {
    let is_current = index == model.approvals_at.index;
    let mut columns = Columns::of(area);
    let cursor = if is_current { canvas.glyphs().cursor } else { " " };
    let is_in_range = range.is_some_and(|range| range.contains(&index));
    let sign = match (model.is_deciding(row.id()), is_in_range || model.is_marked(row.id())) {
        (true, _) => canvas.glyphs().more,
        (false, true) if is_in_range => "+",
        (false, true) => "*",
        (false, false) => " ",
    };
    canvas.put_all(columns.next(3), [(cursor, Role::Marked), (" ", Role::Plain), (sign, Role::Marked)]);
    let (age, role) = age(model, row);
    canvas.put(columns.next(6), &age, role);
    canvas.put(columns.next(9), row.channel.as_str(), Role::Plain);
    if widths.risk > 0 {
        canvas.put(columns.next(widths.risk), row.risk.as_str(), stakes::role(row.risk));
    }
    if widths.kind > 0 {
        canvas.put(columns.next(widths.kind), kind(row.kind), Role::Plain);
    }
    if widths.drafted_by > 0 {
        canvas.put(
            columns.next(widths.drafted_by),
            &row.drafted_by.truncated(usize::from(widths.drafted_by)),
            Role::Plain,
        );
    }
    let mut rest = columns.rest();
    if let Some(until) = row.hold_until {
        let until = format!("until {}  ", words::clock(model.now(), until, &model.zone));
        rest = canvas.put(rest, &until, Role::Warn);
    }
    if row.approvals > 0 {
        rest = canvas.put(rest, "1 of 2  ", Role::Warn);
    }
    if model.kept.contains_key(&row.id()) {
        rest = canvas.put(rest, "edit kept  ", Role::Warn);
    }
    if row.is_suspicious {
        rest = canvas.put(rest, "! hidden characters  ", Role::Bad);
    }
    canvas.put(rest, &row.who.truncated(usize::from(rest.width)), Role::Plain);
    if is_current {
        canvas.wash(area, Role::Selected);
    }
}

fn age(model: &Model, row: &Row) -> (String, Role) {
    let waited = model.now().duration_since(row.created_at).as_secs();
    let age = words::age(model.now(), row.created_at);
    match waited {
        SLA_SECS.. => (format!("{age:>4} !"), Role::Bad),
        _ if waited * 2 >= SLA_SECS => (format!("{age:>4} '"), Role::Warn),
        _ => (format!("{age:>4}"), Role::Plain),
    }
}

/// The kind as it is written in drafts.
fn kind(kind: Kind) -> &'static str {
    kind.as_str()
}

fn empty(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>) {
    let mut lines = areas.heads.union(areas.list).rows();
    let mut say = |words: &[(&str, Role)], canvas: &mut Canvas<'_>| {
        if let Some(area) = lines.next() {
            canvas.put_all(area, words.iter().copied());
        }
    };
    if let Some(absent) = &model.engine.absent {
        let absent = model.theme.charset.line(&format!(" {absent}"));
        say(&[(absent.as_str(), Role::Warn)], canvas);
        say(
            &[("   what is there stays as it is; nothing is decided and nothing is sent", Role::Muted)],
            canvas,
        );
        return;
    }
    if !model.approvals.is_loaded {
        let words = if matches!(model.link, Link::Stale { .. }) {
            " Nothing could be read yet."
        } else {
            " Reading ..."
        };
        say(&[(words, Role::Muted)], canvas);
        return;
    }
    if model.is_narrowed() {
        say(&[(" Nothing that waits for you matches the filter.", Role::Plain)], canvas);
        say(&[("   one filter less    ", Role::Muted), ("esc", Role::Key)], canvas);
        say(&[("   everything         ", Role::Muted), (": all", Role::Key)], canvas);
        return;
    }
    if model.is_snooze_list() {
        say(&[(" Nothing is snoozed.", Role::Title)], canvas);
        say(&[("   what waits         ", Role::Muted), ("S", Role::Key)], canvas);
        return;
    }
    say(&[(" Nothing waits for you.", Role::Title)], canvas);
    if model.snoozes.count > 0 {
        let count = format!("   {} snoozed          ", words::count(model.snoozes.count));
        say(&[(&count, Role::Muted), ("S", Role::Key)], canvas);
    }
    say(
        &[("   import drafts      ", Role::Muted), ("countersign drafts import FILE.jsonl", Role::Plain)],
        canvas,
    );
    say(
        &[
            ("   add an outbox      ", Role::Muted),
            ("countersign outboxes add …", Role::Plain),
            ("        (? shows the rest)", Role::Muted),
        ],
        canvas,
    );
    say(&[("   try it             ", Role::Muted), ("countersign demo", Role::Plain)], canvas);
}
