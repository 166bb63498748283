//! What came in, newest first, and the event that is open: what it is, what it did, then what it says.
use countersign_core::inbound::inbox::Wanted;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Columns};
use super::preview::{more_below, put_lines};
use crate::console::inbox::{Entry, looks, trouble};
use crate::console::layout::Layout;
use crate::console::model::Model;
use crate::console::msg::{Painted, Target};
use crate::console::theme::Role;
use crate::console::words;

/// Cells of what an event is and did. Narrow terminals leave columns out, never from whom it is.
struct Widths {
    source: u16,
    kind: u16,
    did: u16,
}

impl Widths {
    fn of(width: u16) -> Self {
        match width {
            160.. => Self { source: 9, kind: 11, did: 60 },
            100.. => Self { source: 9, kind: 11, did: 28 },
            72.. => Self { source: 9, kind: 11, did: 0 },
            56.. => Self { source: 9, kind: 0, did: 0 },
            _ => Self { source: 0, kind: 0, did: 0 },
        }
    }
}

pub(super) fn draw(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    filter_line(model, areas.filter, canvas);
    if let Some(words) = trouble(model) {
        let words = words.truncated(usize::from(areas.outboxes.width).saturating_sub(2));
        canvas.put_all(areas.outboxes, [(" ", Role::Plain), (words.as_str(), Role::Warn)]);
    }
    if !areas.list.is_empty() {
        list(model, areas, canvas, painted);
    }
    open(model, areas, canvas);
}

fn filter_line(model: &Model, area: Rect, canvas: &mut Canvas<'_>) {
    let counts = model.inbox.intake.as_ref().map(|intake| intake.counts).unwrap_or_default();
    let mut facts = Vec::new();
    if counts.stored > 0 {
        facts.push(format!("{} to be applied", words::count(counts.stored)));
    }
    if model.inbox.intake.is_some() {
        facts.push(format!("{} for you", words::count(counts.attention)));
    }
    let rest = canvas.put_right(area, &[(&format!("{} ", facts.join("   ")), Role::Plain)]);
    let source = model.inbox.filter.source;
    let word = source.map_or("all providers", |source| source.as_str());
    let role = if source.is_some() { Role::Title } else { Role::Plain };
    let rest = canvas.put_all(rest, [(" ", role), (word, role)]);
    if model.inbox.filter.state != Wanted::All {
        canvas.put(rest, " · what waits for you", Role::Title);
    }
}

fn list(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    let events = &model.inbox.events;
    if events.rows.is_empty() {
        return empty(model, areas, canvas);
    }
    let widths = Widths::of(areas.list.width);
    let mut columns = Columns::of(areas.heads);
    columns.next(3);
    canvas.put(columns.next(4), "age", Role::Heading);
    for (width, head) in
        [(widths.source, "provider"), (widths.kind, "kind"), (9, "state"), (widths.did, "did")]
    {
        if width > 0 {
            canvas.put(columns.next(width), head, Role::Heading);
        }
    }
    canvas.put(columns.rest(), "who · what", Role::Heading);
    let rows = events.rows.iter().enumerate().skip(model.inbox_at.top);
    for (area, (index, entry)) in areas.list.rows().zip(rows) {
        painted.targets.push((area, Target::Event(entry.row.id)));
        row(model, entry, index == model.inbox_at.index, area, &widths, canvas);
    }
}

fn empty(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>) {
    let charset = model.theme.charset;
    if let Some(why) = &model.engine.deaf {
        canvas.put(areas.heads, &format!(" Nothing comes in: {}", charset.line(why)), Role::Warn);
        return;
    }
    let is_narrowed = model.inbox.filter != countersign_core::inbound::inbox::InboxFilter::default();
    let words = match (model.inbox.events.is_loaded, is_narrowed) {
        (false, _) => " Reading ...",
        (true, true) => " Nothing is like that.   (esc shows all)",
        (true, false) => " Nothing came in yet.",
    };
    canvas.put(areas.heads, words, Role::Muted);
    let has_endpoint = model.inbox.intake.as_ref().is_some_and(|intake| !intake.endpoints.is_empty());
    if model.inbox.events.is_loaded && !is_narrowed && !has_endpoint {
        let words = "   add an endpoint     countersign webhooks add PROVIDER";
        canvas.put(areas.list, words, Role::Muted);
    }
}

fn row(model: &Model, entry: &Entry, is_current: bool, area: Rect, widths: &Widths, canvas: &mut Canvas<'_>) {
    let row = &entry.row;
    let mut columns = Columns::of(area);
    let cursor = if is_current { canvas.glyphs().cursor } else { " " };
    let (sign, role) = looks(row.state);
    let sign = if model.inbox.is_handling(row.id) { canvas.glyphs().more } else { sign };
    canvas.put_all(columns.next(3), [(cursor, Role::Marked), (" ", Role::Plain), (sign, role)]);
    canvas.put(columns.next(4), &words::age(model.now(), row.received_at), Role::Plain);
    if widths.source > 0 {
        canvas.put(columns.next(widths.source), row.source.as_str(), Role::Plain);
    }
    if widths.kind > 0 {
        canvas.put(
            columns.next(widths.kind),
            &model.theme.charset.line(&row.kind).truncated(11),
            Role::Plain,
        );
    }
    canvas.put(columns.next(9), row.state.as_str(), role);
    if widths.did > 0 {
        let did = columns.next(widths.did);
        canvas.put(did, &entry.did.truncated(usize::from(did.width)), Role::Plain);
    }
    let rest = columns.rest();
    let between = if entry.from.is_empty() { "" } else { canvas.glyphs().between };
    let room = usize::from(rest.width);
    let from = entry.from.truncated(if entry.headline.is_empty() { room } else { room / 2 });
    let rest = canvas.put_all(rest, [(from.as_str(), Role::Plain), (between, Role::Muted)]);
    canvas.put(rest, &entry.headline.truncated(usize::from(rest.width)), Role::Plain);
    if is_current {
        canvas.wash(area, Role::Selected);
    }
}

fn open(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>) {
    if !areas.preview_rule.is_empty() {
        canvas.rule(areas.preview_rule);
    }
    if areas.preview.is_empty() {
        return;
    }
    let Some(open) = &model.inbox.open else {
        let words = if model.inbox.at.is_some() { " Reading ..." } else { "" };
        canvas.put(areas.preview_head, words, Role::Muted);
        return;
    };
    if let Some(entry) = model.inbox.current() {
        let (source, kind) = (entry.row.source.as_str(), model.theme.charset.line(&entry.row.kind));
        let name = entry.name(model.theme.charset);
        let rest = canvas.put_all(
            areas.preview_head,
            [
                (" [", Role::Title),
                (source, Role::Title),
                (" ", Role::Title),
                (kind.as_str(), Role::Title),
                ("]  ", Role::Title),
            ],
        );
        canvas.put(rest, &name.truncated(usize::from(rest.width)), Role::Plain);
    }
    put_lines(&open.lines()[open.scroll().min(open.lines().len())..], areas.preview, canvas);
    let shown_to = (open.scroll() + usize::from(areas.preview.height)).min(open.lines().len());
    more_below(&open.lines()[shown_to..], areas.preview_more, canvas);
}
