//! The open message in its box. Foreign text stays inside, and what was not shown is counted.
use countersign_core::gate::Ruling;
use countersign_core::safe_text::SafeText;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::console::document::LABEL;
use crate::console::layout::Layout;
use crate::console::model::{Model, Screen};
use crate::console::msg::{Painted, Shown};
use crate::console::preview::Preview;
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
    let lines = preview.lines.iter().skip(preview.scroll);
    for (area, line) in areas.preview.rows().zip(lines) {
        let mut area = area;
        if !line.label.is_empty() {
            let column = Rect { width: area.width.min(u16::try_from(LABEL).unwrap_or(u16::MAX)), ..area };
            canvas.put(column, line.label, Role::Label);
            area.x += column.width;
            area.width -= column.width;
        }
        canvas.put(area, &line.text, line.role);
    }
    let shown_to = preview.scroll + usize::from(areas.preview.height);
    let below = preview.lines.len().saturating_sub(shown_to);
    if below > 0 {
        let words = format!(
            "{} {below} more {}   pagedown ",
            canvas.glyphs().down,
            if below == 1 { "line" } else { "lines" }
        );
        canvas.put_right(areas.preview_more, &[(&words, Role::Warn)]);
    }
    // Wrapped for another width than is drawn, the end may be cut: then it counts as not shown.
    painted.preview = Some(Shown { item: preview.item, is_end: below == 0 });
    verdicts(model, preview, areas.verdicts, canvas);
}

fn head(model: &Model, preview: &Preview, area: Rect, canvas: &mut Canvas<'_>) {
    let fingerprint = format!("{} …", preview.item.payload_sha256.fingerprint());
    let size = format!("   {} ", words::size(preview.bytes));
    let short =
        format!("{} …", preview.item.payload_sha256.fingerprint().chars().take(14).collect::<String>());
    let hash = if area.width >= 100 { fingerprint } else { short };
    let rest = canvas.put_right(area, &[(&hash, Role::Hash), (&size, Role::Hash)]);
    let title = if model.screen == Screen::Approvals { " Message" } else { " Details" };
    let rest = canvas.put_all(rest, [(title, Role::Title), ("   outbox ", Role::Muted)]);
    let rest = canvas.put(rest, &preview.outbox.truncated(usize::from(rest.width.min(20))), Role::Plain);
    let rest = canvas.put(rest, "   ", Role::Plain);
    canvas.put(rest, &preview.request.truncated(usize::from(rest.width)), Role::Muted);
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
