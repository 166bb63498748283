//! The open message in its box. Foreign text stays inside, and what was not shown is counted.
use countersign_core::gate::{Ruling, Verdict};
use countersign_core::safe_text::SafeText;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::console::action;
use crate::console::document::Line;
use crate::console::layout::Layout;
use crate::console::model::{Model, Screen};
use crate::console::msg::{Painted, Shown};
use crate::console::preview::Preview;
use crate::console::stakes;
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
    put_lines(preview.lines().get(preview.scroll()..).unwrap_or_default(), areas.preview, canvas);
    let shown_to = (preview.scroll() + usize::from(areas.preview.height)).min(preview.lines().len());
    more_below(&preview.lines()[shown_to..], areas.preview_more, canvas);
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

/// Puts lines into the box, as many as fit.
pub(super) fn put_lines(lines: &[Line], area: Rect, canvas: &mut Canvas<'_>) {
    for (area, line) in area.rows().zip(lines) {
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
}

/// Counts what is below the box, and names the key that goes there.
pub(super) fn more_below(rest: &[Line], area: Rect, canvas: &mut Canvas<'_>) {
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

/// What is at stake, then what stands against it, each in a sentence, then in one line what passes. Where that is too much, the
/// last line names what else stands against it before anything that passes.
fn verdicts(model: &Model, preview: &Preview, area: Rect, canvas: &mut Canvas<'_>) {
    let mut rows = area.rows();
    let mut room = usize::from(area.height);
    if let Some(stakes) = preview.stakes.as_ref().filter(|_| room > 1)
        && let Some(area) = rows.next()
    {
        room -= 1;
        let role = stakes::role(preview.risk);
        let rest = canvas.put_all(area, [(" risk ", Role::Plain), (preview.risk.as_str(), role)]);
        sentence(stakes, rest, canvas);
    }
    let (passing, against): (Vec<&Verdict>, Vec<&Verdict>) =
        preview.verdicts.iter().partition(|verdict| verdict.passes());
    let told = if against.len() <= room { against.len() } else { room.saturating_sub(1) };
    for (verdict, area) in against.iter().zip(rows.by_ref().take(told)) {
        let (word, role) = word_of(verdict);
        let rest = canvas.put_all(area, [(" ", role), (word, role), (" ", role), (verdict.gate, role)]);
        let mut pieces = vec![model.theme.charset.line(&verdict.sentence)];
        if let Ruling::Defer { until } = verdict.ruling {
            let until = format!(" ({})", words::upcoming(model.now(), until, &model.zone));
            pieces.push(SafeText::line(&until));
        }
        sentence(&SafeText::joined(&pieces), rest, canvas);
    }
    let Some(area) = rows.next() else {
        return;
    };
    let mut rest = area;
    for verdict in against.iter().skip(told) {
        let (word, role) = word_of(verdict);
        rest =
            canvas.put_all(rest, [(" ", role), (word, role), (" ", role), (verdict.gate, role), (" ", role)]);
    }
    let count = format!(" ok {} of {} ", passing.len(), preview.verdicts.len());
    if preview.verdicts.is_empty() || canvas.width(&count) > usize::from(rest.width) {
        return;
    }
    rest = canvas.put(rest, &count, Role::Good);
    for (index, verdict) in passing.iter().enumerate() {
        // Room for the sign that there are more, unless it is the last.
        let more = usize::from(index + 1 < passing.len()) * 2;
        if canvas.width(verdict.gate) + 1 + more > usize::from(rest.width) {
            let more = canvas.glyphs().more;
            canvas.put_all(rest, [(" ", Role::Plain), (more, Role::Muted)]);
            return;
        }
        rest = canvas.put_all(rest, [(" ", Role::Plain), (verdict.gate, Role::Plain)]);
    }
}

fn word_of(verdict: &Verdict) -> (&'static str, Role) {
    match verdict.ruling {
        Ruling::Pass => ("ok", Role::Good),
        Ruling::Defer { .. } => ("hold", Role::Warn),
        Ruling::Block { .. } => ("stop", Role::Bad),
        Ruling::Reopen => ("back", Role::Bad),
    }
}

/// Puts a sentence behind its head; a cut is seen.
fn sentence(text: &SafeText, rest: Rect, canvas: &mut Canvas<'_>) {
    if text.is_empty() {
        return;
    }
    let rest = canvas.put(rest, ": ", Role::Plain);
    canvas.put(rest, &text.truncated(usize::from(rest.width)), Role::Plain);
}
