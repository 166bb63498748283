//! The open message in its box. Foreign text stays inside, and what was not shown is counted.
use countersign_core::gate::Ruling;
use countersign_core::safe_text::SafeText;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::console::action;
use crate::console::document::Line;
use crate::console::layout::Layout;
use crate::console::model::{Model, Screen};
use crate::console::msg::{Painted, Shown};
use crate::console::preview::Preview;
use crate::console::tab::Tab;
use crate::console::theme::Role;
use crate::console::words;

pub(super) fn draw(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    if !areas.preview_rule.is_empty() {
        canvas.rule(areas.preview_rule);
    }
    if areas.preview.is_empty() {
        return;
    }
    let Some(preview) = &model.preview else {
        let words = if model.current().is_some() { " Reading ..." } else { "" };
        canvas.put(areas.preview_head, words, Role::Muted);
        return;
    };
    head(model, preview, areas.preview_head, canvas);
    let lines = preview.lines().iter().skip(preview.scroll());
    for (area, line) in areas.preview.rows().zip(lines) {
        let mut area = area;
        if line.indent > 0 {
            let column =
                Rect { width: area.width.min(u16::try_from(line.indent).unwrap_or(u16::MAX)), ..area };
            let role = if matches!(line.role, Role::Removed | Role::Added) { line.role } else { Role::Label };
            canvas.put(column, line.label, role);
            area.x += column.width;
            area.width -= column.width;
        }
        text(line, area, canvas);
    }
    let shown_to = (preview.scroll() + usize::from(areas.preview.height)).min(preview.lines().len());
    more_below(preview, shown_to, areas.preview_more, canvas);
    painted.preview = Some(Shown {
        item: preview.item,
        tab: preview.tab,
        from: preview.scroll(),
        to: shown_to,
        of: preview.lines().len(),
        // Wrapped for another width than is drawn, lines may be cut: then they count as not shown.
        width: usize::from(areas.preview.width),
    });
    verdicts(model, preview, areas.verdicts, canvas);
}

/// Counts what is below the box, and names the key that goes there.
fn more_below(preview: &Preview, shown_to: usize, area: Rect, canvas: &mut Canvas<'_>) {
    let rest = &preview.lines()[shown_to..];
    if rest.is_empty() {
        return;
    }
    let letters: usize = rest.iter().map(|line| line.text.chars().count()).sum();
    let count = |count: usize| words::grouped(i64::try_from(count).unwrap_or(i64::MAX));
    let words = format!(
        "{} {} more {}, {} {}   {} ",
        canvas.glyphs().down,
        count(rest.len()),
        if rest.len() == 1 { "line" } else { "lines" },
        count(letters),
        if letters == 1 { "character" } else { "characters" },
        action::key_of("read-on"),
    );
    canvas.put_right(area, &[(&words, Role::Warn)]);
}

/// Puts a line with its marks.
fn text(line: &Line, area: Rect, canvas: &mut Canvas<'_>) {
    let (mut rest, mut at) = (area, 0);
    for (place, role) in &line.marks {
        rest = canvas.put(rest, &line.text[at..place.start], line.role);
        rest = canvas.put_over(rest, &line.text[place.clone()], line.role, *role);
        at = place.end;
    }
    canvas.put(rest, &line.text[at..], line.role);
}

fn head(model: &Model, preview: &Preview, area: Rect, canvas: &mut Canvas<'_>) {
    let fingerprint = format!("{} …", preview.item.payload_sha256.fingerprint());
    let size = format!("   {} ", words::size(preview.bytes));
    let short =
        format!("{} …", preview.item.payload_sha256.fingerprint().chars().take(14).collect::<String>());
    let hash = if area.width >= 100 { fingerprint } else { short };
    let first = if model.screen == Screen::Approvals { "Message" } else { "Details" };
    let names = [
        first.to_owned(),
        "Diff".to_owned(),
        format!("Thread {}", preview.thread),
        "Checks".to_owned(),
        "Bytes".to_owned(),
    ];
    let all: usize = names.iter().map(|name| name.len() + 2).sum();
    let mut rest = area;
    // The hash gives way before the names of the sides do.
    if usize::from(area.width) > all + hash.len() + size.len() {
        rest = canvas.put_right(area, &[(&hash, Role::Hash), (&size, Role::Hash)]);
    } else if usize::from(area.width) > all + 16 {
        rest = canvas.put_right(area, &[(&hash, Role::Hash)]);
    }
    let is_short = usize::from(area.width) < all;
    for (tab, name) in Tab::ALL.into_iter().zip(&names) {
        if tab == model.tab {
            rest =
                canvas.put_all(rest, [("[", Role::Title), (name.as_str(), Role::Title), ("]", Role::Title)]);
        } else if !is_short {
            rest =
                canvas.put_all(rest, [(" ", Role::Plain), (name.as_str(), Role::Muted), (" ", Role::Plain)]);
        }
    }
    if rest.width >= 16 {
        let rest = canvas.put(rest, "  outbox ", Role::Muted);
        canvas.put(rest, &preview.outbox.truncated(usize::from(rest.width.min(20))), Role::Plain);
    }
}

/// What passes is named in one line; what does not is said in full sentences.
fn verdicts(model: &Model, preview: &Preview, area: Rect, canvas: &mut Canvas<'_>) {
    let mut against = Vec::new();
    let mut passing = Vec::new();
    for verdict in &preview.verdicts {
        let (word, role) = match verdict.ruling {
            Ruling::Pass => ("ok", Role::Good),
            Ruling::Defer { .. } => ("hold", Role::Warn),
            Ruling::Block { .. } => ("stop", Role::Bad),
            Ruling::Reopen => ("back", Role::Bad),
        };
        if verdict.passes() {
            passing.push((format!(" {word} "), verdict.gate));
        } else {
            let until = match verdict.ruling {
                Ruling::Defer { until } => format!(" ({})", words::upcoming(model.now(), until, &model.zone)),
                _ => String::new(),
            };
            let sentence: SafeText = model.theme.charset.line(&verdict.sentence);
            against.push((format!(" {word} {}", verdict.gate), role, format!(": {sentence}{until}")));
        }
    }
    let mut rows = area.rows();
    let room = usize::from(area.height);
    for (word, role, sentence) in against.iter().take(room) {
        if let Some(area) = rows.next() {
            canvas.put_all(area, [(word.as_str(), *role), (sentence.as_str(), Role::Plain)]);
        }
    }
    if let Some(area) = rows.next() {
        let mut rest = area;
        for (word, gate) in &passing {
            if canvas.width(word) + canvas.width(gate) > usize::from(rest.width) {
                canvas.put(rest, canvas.glyphs().more, Role::Muted);
                break;
            }
            rest = canvas
                .put_all(rest, [(word.as_str(), Role::Good), (*gate, Role::Plain), ("  ", Role::Plain)]);
        }
    }
}
