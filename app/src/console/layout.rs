//! Where things stand on the screen. Shared by `update`, which must know what fits, and `view`, which draws.
use ratatui::layout::Rect;

use super::model::{Model, Pane, Screen};

/// Below this nothing useful fits.
pub(crate) const SMALLEST: (u16, u16) = (40, 8);

/// From this width on, list and item are shown together without asking.
const WIDE: u16 = 120;
/// From this width on, list and item fit together.
const MEDIUM: u16 = 80;
const MAX_VERDICTS: u16 = 4;

/// The areas of a screen. An area that is not shown is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) header: Rect,
    pub(crate) tabs: Rect,
    pub(crate) top_rule: Rect,
    /// Everything between the top rule and the notice: what lies over the screen is drawn there.
    pub(crate) body: Rect,
    /// Filter line of Approvals and Inbox.
    pub(crate) filter: Rect,
    /// Table of outboxes, with its heads; on Activity what the engines say, on Inbox what is wrong.
    pub(crate) outboxes: Rect,
    pub(crate) outboxes_rule: Rect,
    /// Column heads of the list.
    pub(crate) heads: Rect,
    pub(crate) list: Rect,
    pub(crate) preview_rule: Rect,
    /// Hash and size.
    pub(crate) preview_head: Rect,
    pub(crate) preview: Rect,
    /// The line that says how much is below.
    pub(crate) preview_more: Rect,
    pub(crate) verdicts: Rect,
    pub(crate) notice: Rect,
    pub(crate) hints: Rect,
}

/// How much is shown at once.
pub(crate) fn pane(model: &Model) -> Pane {
    if model.screen == Screen::Activity {
        return Pane::List;
    }
    match (model.pane, model.width) {
        (Pane::List, WIDE..) => Pane::Split,
        (Pane::Split, ..MEDIUM) => Pane::Zoom,
        (pane, _) => pane,
    }
}

/// Whether the terminal is too small for any of it.
pub(crate) fn is_too_small(model: &Model) -> bool {
    model.width < SMALLEST.0 || model.height < SMALLEST.1
}

/// The areas for the model's size and state.
pub(crate) fn of(model: &Model) -> Layout {
    let mut layout = Layout::default();
    if is_too_small(model) {
        return layout;
    }
    let mut rest = Rect::new(0, 0, model.width, model.height);
    layout.header = top(&mut rest, 1);
    layout.tabs = top(&mut rest, 1);
    layout.top_rule = top(&mut rest, 1);
    layout.hints = bottom(&mut rest, 1);
    layout.notice = bottom(&mut rest, 1);
    layout.body = rest;
    let pane = pane(model);
    // Where an open message has a few lines only, all of them are for the message.
    let is_tight = pane == Pane::Zoom && rest.height < 6;
    if model.screen == Screen::Approvals {
        layout.filter = top(&mut rest, u16::from(!is_tight));
    } else if model.screen == Screen::Inbox {
        layout.filter = top(&mut rest, u16::from(!is_tight));
        let is_told = rest.height > 4 && super::inbox::trouble(model).is_some();
        layout.outboxes = top(&mut rest, u16::from(is_told));
    } else if model.screen == Screen::Activity {
        let lines = u16::try_from(super::activity::engine_lines(model).len()).unwrap_or(u16::MAX);
        let half = rest.height / 2;
        layout.outboxes = top(&mut rest, lines.min(half));
        layout.outboxes_rule = top(&mut rest, 1);
    } else if pane != Pane::Zoom {
        let rows =
            u16::try_from(model.outboxes.len()).unwrap_or(u16::MAX).clamp(1, (rest.height / 3).max(2) - 1);
        layout.outboxes = top(&mut rest, rows + 1);
        layout.outboxes_rule = top(&mut rest, 1);
    }
    match pane {
        Pane::List => {}
        Pane::Split => {
            let share = if model.screen == Screen::Approvals { 8 } else { 6 };
            let height = (rest.height * share / 12).max(4).min(rest.height.saturating_sub(2));
            let mut area = bottom(&mut rest, height);
            layout.preview_rule = top(&mut area, 1);
            fill_preview(model, &mut layout, area);
        }
        Pane::Zoom => {
            let area = std::mem::take(&mut rest);
            fill_preview(model, &mut layout, area);
        }
    }
    layout.heads = top(&mut rest, 1);
    layout.list = rest;
    layout
}

/// Where the text of the editor stands inside the body: below its head, with a margin.
pub(crate) fn editor_text(body: Rect) -> Rect {
    let head = 2.min(body.height);
    let margin = u16::from(body.width > 2);
    Rect { x: body.x + margin, y: body.y + head, width: body.width - 2 * margin, height: body.height - head }
}

fn fill_preview(model: &Model, layout: &mut Layout, mut area: Rect) {
    layout.preview_head = top(&mut area, 1);
    if model.screen == Screen::Approvals
        && let Some(preview) = &model.preview
    {
        let against = preview.verdicts.iter().filter(|verdict| !verdict.passes()).count();
        let told = against + usize::from(preview.stakes.is_some());
        let wanted = u16::try_from(told).unwrap_or(MAX_VERDICTS) + 1;
        let height = wanted.min(MAX_VERDICTS).min(area.height / 3);
        layout.verdicts = bottom(&mut area, height);
    }
    let lines = match model.screen {
        Screen::Inbox => model.inbox.open.as_ref().map_or(0, |open| open.lines().len()),
        _ => model.preview.as_ref().map_or(0, |preview| preview.lines().len()),
    };
    if lines > usize::from(area.height) && area.height > 1 {
        layout.preview_more = bottom(&mut area, 1);
    }
    area.x += 1;
    area.width = area.width.saturating_sub(2);
    layout.preview = area;
}

fn top(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    let area = Rect { height, ..*rest };
    rest.y += height;
    rest.height -= height;
    area
}

fn bottom(rest: &mut Rect, height: u16) -> Rect {
    let height = height.min(rest.height);
    rest.height -= height;
    Rect { y: rest.y + rest.height, height, ..*rest }
}
