//! Moving, marking, narrowing and scrolling; what fits where after a change.
use std::time::Duration;

use countersign_core::activity::view::Filter;
use countersign_core::channel::ChannelName;

use crate::console::layout;
use crate::console::model::{Focus, Guard, ListLine, Model, Pane, Screen, Selection};
use crate::console::msg::Effect;
use crate::console::palette::Filtering;
use crate::console::tab::Tab;

/// Keys that move on purpose open the guard: the person has chosen the item.
pub(crate) fn by(model: &mut Model, delta: isize) -> Vec<Effect> {
    if model.screen == Screen::Outbox && model.focus == Focus::Outboxes {
        let last = model.outboxes.len().saturating_sub(1);
        model.outbox_index = model.outbox_index.saturating_add_signed(delta).min(last);
        return Vec::new();
    }
    let index = model.selection().index.saturating_add_signed(delta);
    select(model, index);
    Vec::new()
}

pub(crate) fn to(model: &mut Model, index: usize) -> Vec<Effect> {
    if model.screen == Screen::Outbox && model.focus == Focus::Outboxes {
        model.outbox_index = index.min(model.outboxes.len().saturating_sub(1));
        return Vec::new();
    }
    select(model, index);
    Vec::new()
}

fn select(model: &mut Model, index: usize) {
    let index = index.min(model.row_count().saturating_sub(1));
    if model.screen == Screen::Activity {
        return super::activity::select(model, index);
    }
    if model.screen == Screen::Inbox {
        let before = model.inbox.at.as_ref().map(|(id, _)| *id);
        super::inbox::select(model, index);
        if model.inbox.at.as_ref().map(|(id, _)| *id) != before {
            model.guard = Guard::Open;
        }
        return;
    }
    let id = model.row(index).map(crate::console::item::Row::id);
    if id != model.selection().id {
        model.guard = Guard::Open;
    }
    let selection = model.selection_mut();
    (selection.index, selection.id) = (index, id);
}

pub(crate) fn half_page(model: &mut Model, direction: isize) -> Vec<Effect> {
    if layout::pane(model) == Pane::Zoom {
        return scroll(model, direction);
    }
    let half = isize::try_from(layout::of(model).list.height / 2).unwrap_or(1).max(1);
    by(model, half * direction)
}

/// Scrolls the open message by a page that keeps one line in common.
pub(crate) fn scroll(model: &mut Model, direction: isize) -> Vec<Effect> {
    let page = usize::from(layout::of(model).preview.height).saturating_sub(1).max(1);
    scroll_by(model, isize::try_from(page).unwrap_or(1) * direction);
    Vec::new()
}

/// Scrolls what is open by so many lines.
pub(super) fn scroll_by(model: &mut Model, step: isize) {
    match (model.screen, &mut model.preview, &mut model.inbox.open) {
        (Screen::Inbox, _, Some(open)) => open.scroll_by(step),
        (_, Some(preview), _) => preview.scroll_by(step),
        _ => {}
    }
}

/// Turns to a side of the item, or back to the message if it is turned to already.
pub(crate) fn turn(model: &mut Model, tab: Tab) -> Vec<Effect> {
    model.tab = if model.tab == tab && layout::pane(model) != Pane::List { Tab::Message } else { tab };
    uncover(model);
    Vec::new()
}

/// Turns to the side beside it.
pub(crate) fn turn_by(model: &mut Model, step: isize) -> Vec<Effect> {
    if layout::pane(model) != Pane::List {
        model.tab = model.tab.beside(step);
    }
    uncover(model);
    Vec::new()
}

/// Whoever turns to a side wants to see it.
fn uncover(model: &mut Model) {
    if layout::pane(model) == Pane::List {
        model.pane = Pane::Split;
    }
}

pub(crate) fn show(model: &mut Model, screen: Screen) -> Vec<Effect> {
    if model.screen != screen {
        model.screen = screen;
        // Where only one pane fits, a screen begins with its list.
        let is_split = matches!(screen, Screen::Outbox | Screen::Inbox) && model.width >= 80;
        model.pane = if is_split { Pane::Split } else { Pane::List };
        model.preview = None;
        model.guard = Guard::Open;
    }
    Vec::new()
}

pub(crate) fn cycle_channel(model: &mut Model) -> Vec<Effect> {
    let drafted = || ChannelName::ALL.iter().filter(|name| **name != ChannelName::DryRun);
    model.filter.channel = match model.filter.channel {
        None => drafted().next().copied(),
        Some(channel) => drafted().skip_while(|name| **name != channel).nth(1).copied(),
    };
    narrowed(model);
    Vec::new()
}

/// Narrows the approvals; another kind of filter that is on stays on.
pub(super) fn filter(model: &mut Model, filtering: Filtering) -> Vec<Effect> {
    show(model, Screen::Approvals);
    match filtering {
        Filtering::Channel(channel) => model.filter.channel = Some(channel),
        Filtering::Kind(kind) => model.filter.kind = Some(kind),
        Filtering::Outbox(outbox) => model.filter.outbox = Some(outbox),
        Filtering::Text(text) => model.filter.text = Some(text),
        Filtering::All => {
            model.filter = Filter { snoozed: model.filter.snoozed, ..Filter::default() };
        }
    }
    narrowed(model);
    Vec::new()
}

/// Takes one filter away, the narrowest first. `false` if there was none.
pub(in crate::console) fn widen(model: &mut Model) -> bool {
    let filter = &mut model.filter;
    let is_wider = filter.text.take().is_some()
        || filter.kind.take().is_some()
        || filter.outbox.take().is_some()
        || filter.channel.take().is_some();
    if is_wider {
        narrowed(model);
    }
    is_wider
}

/// Starts the list over after the filter changed. Marks stay: they hold ids, and the filter line counts them.
pub(in crate::console) fn narrowed(model: &mut Model) {
    model.marks.drop_range();
    model.matching = None;
    model.under_cursor = None;
    model.approvals.clear();
    model.approvals_at = Selection::default();
    model.preview = None;
    model.guard = Guard::Open;
}

/// Keeps the cursor on screen and the message inside its box.
pub(super) fn fit(model: &mut Model) {
    let areas = layout::of(model);
    let charset = model.theme.charset;
    if let Some(editor) = &mut model.editor {
        let text = layout::editor_text(areas.body);
        editor.keep_inside(usize::from(text.width), usize::from(text.height).max(1), charset);
    }
    let height = usize::from(areas.list.height).max(1);
    let lines = model.list_lines();
    let index = model.selection().index;
    let line = lines.iter().position(|line| *line == ListLine::Row(index)).unwrap_or(0);
    let has_heading = line.checked_sub(1).is_some_and(|above| !matches!(lines[above], ListLine::Row(_)));
    let first = if has_heading && height > 1 { line - 1 } else { line };
    let last_top = lines.len().saturating_sub(height);
    let selection = model.selection_mut();
    selection.top = selection.top.min(first).max((line + 1).saturating_sub(height)).min(last_top);
    let setting = model.setting();
    if let Some(preview) = &mut model.preview {
        preview.turn(model.tab, &model.memory, &setting);
        preview.wrap(usize::from(areas.preview.width));
    }
    if let Some(open) = &mut model.inbox.open {
        open.wrap(usize::from(areas.preview.width));
    }
    // How many lines there are decides whether one line of the box is needed to say what is below.
    let height = usize::from(layout::of(model).preview.height);
    if let Some(preview) = &mut model.preview {
        preview.keep_inside(height);
    }
    if let Some(open) = &mut model.inbox.open {
        open.keep_inside(height);
    }
}

/// How long approve keys stay closed, if they are.
pub(super) fn is_settling(guard: Guard, at: Duration) -> bool {
    match guard {
        Guard::Open => false,
        Guard::Unseen => true,
        Guard::Until(end) => at < end,
    }
}
