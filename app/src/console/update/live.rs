//! Keeping what is on screen true: what to read, what arrived, and what is said when nothing arrives.
//!
//! At most one page, one summary and one item are on their way at a time, so a held-down key cannot pile up queries.
use countersign_core::activity::view::{Filter, List, Page};
use countersign_core::approval::store_fate::Fate;
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;

use crate::console::item::Row;
use crate::console::layout;
use crate::console::listing::Listing;
use crate::console::model::{Guard, Link, Model, Screen};
use crate::console::msg::{Effect, Failure, Summary};
use crate::console::preview::{Detail, Preview, Reader};
use crate::console::theme::Role;
use crate::console::words;

/// The poll came back. Says whether the screen reads differently now.
pub(super) fn polled(model: &mut Model, version: i64) -> bool {
    let was_live = model.link == Link::Live;
    if matches!(model.link, Link::Stale { .. }) {
        model.say(Role::Good, "the database answers again");
        read_again(model);
    }
    model.link = Link::Live;
    model.version = version;
    !was_live
}

/// The database did not answer.
pub(super) fn lost(model: &mut Model, failure: &Failure) {
    let (Failure::Unavailable(reason) | Failure::Refused(reason)) = failure;
    let (since, tries) = match &model.link {
        Link::Stale { since, tries, .. } => (*since, tries + 1),
        Link::Live | Link::Connecting => (model.now(), 1),
    };
    model.link = Link::Stale { since, tries, reason: model.theme.charset.line(reason) };
}

/// Forgets how new everything on screen is, so that it is read again.
pub(crate) fn read_again(model: &mut Model) {
    for listing in [&mut model.approvals, &mut model.attention, &mut model.queue] {
        listing.outdate();
    }
    (model.activity.version, model.activity.in_flight) = (None, None);
    model.inbox.events.outdate();
    (model.inbox.missing, model.inbox.open_in_flight) = (None, None);
    if let Some(open) = &mut model.inbox.open {
        open.version = -1;
    }
    (model.activity.runtime_asked_at, model.activity.runtime_in_flight) = (None, None);
    model.summary_version = None;
    model.missing = None;
    if let Some(preview) = &mut model.preview {
        preview.version = -1;
    }
}

/// Asks for whatever the screen needs and has not.
pub(super) fn ask_for_what_is_missing(model: &mut Model, effects: &mut Vec<Effect>) {
    if matches!(model.link, Link::Stale { .. }) || layout::is_too_small(model) {
        return;
    }
    if model.summary_in_flight.is_none() && model.summary_version != Some(model.version) {
        let generation = model.next_generation();
        model.summary_in_flight = Some((generation, model.version));
        effects.push(Effect::LoadSummary { generation });
    }
    super::activity::ask_for_what_is_missing(model, effects);
    super::inbox::ask_for_what_is_missing(model, effects);
    pages(model, effects);
    let current = model.current().map(Row::id);
    if let (Some(id), None) = (current, model.detail_in_flight) {
        let is_shown = model
            .preview
            .as_ref()
            .is_some_and(|preview| preview.item.id == id && preview.version == model.version);
        if !is_shown && model.missing != Some((id, model.version)) {
            let generation = model.next_generation();
            model.detail_in_flight = Some((generation, id, model.version));
            effects.push(Effect::LoadDetail { generation, id });
        }
    }
}

fn pages(model: &mut Model, effects: &mut Vec<Effect>) {
    let visible = model.visible(usize::from(layout::of(model).list.height));
    let version = model.version;
    let first = model.attention.rows.len();
    let (above, below) = (
        visible.start.min(first)..visible.end.min(first),
        visible.start.saturating_sub(first)..visible.end.saturating_sub(first),
    );
    let wanted = match model.screen {
        Screen::Approvals => vec![(List::Approvals, visible)],
        Screen::Outbox => vec![(List::Attention, above), (List::Queue, below)],
        Screen::Inbox | Screen::Activity => Vec::new(),
    };
    for (list, visible) in wanted {
        let Some(after) = listing(model, list).wanted(&visible, version) else {
            continue;
        };
        let generation = model.next_generation();
        listing(model, list).asked(generation, after, version);
        let filter = if list == List::Approvals { model.filter.clone() } else { Filter::default() };
        effects.push(Effect::LoadPage { generation, list, filter, after });
    }
}

fn listing(model: &mut Model, list: List) -> &mut Listing<Row> {
    match list {
        List::Attention => &mut model.attention,
        List::Queue => &mut model.queue,
        List::Approvals | List::Closed => &mut model.approvals,
    }
}

pub(super) fn page_loaded(
    model: &mut Model,
    generation: u64,
    list: List,
    result: Result<Page, Failure>,
) -> bool {
    let charset = model.theme.charset;
    match result {
        Ok(page) => {
            let rows = page.rows.iter().map(|row| Row::new(row, list, charset)).collect();
            let is_awaited = listing(model, list).take(generation, rows, page.next);
            if is_awaited && list == List::Approvals {
                super::mark::forget_gone(model);
            }
            is_awaited
        }
        Err(failure) => {
            let is_refused = matches!(failure, Failure::Refused(_));
            listing(model, list).failed(generation, is_refused) && fault(model, &failure)
        }
    }
}

pub(super) fn summary_loaded(model: &mut Model, generation: u64, result: Result<Summary, Failure>) -> bool {
    let Some((_, version)) = model.summary_in_flight.take_if(|(asked, _)| *asked == generation) else {
        return false;
    };
    match result {
        Ok(summary) => {
            let outbox = model.current_outbox().map(|outbox| outbox.id);
            model.summary_version = Some(version);
            model.counts = Some(summary.counts);
            model.snoozes = summary.snoozes;
            model.skew = summary.skew;
            model.outboxes = summary.outboxes;
            (model.kills, model.mute) = (summary.kills, summary.mute);
            model.inbox.intake = summary.inbox;
            let index = model.outboxes.iter().position(|view| Some(view.id) == outbox);
            model.outbox_index =
                index.unwrap_or(model.outbox_index).min(model.outboxes.len().saturating_sub(1));
            true
        }
        Err(failure) => {
            if matches!(failure, Failure::Refused(_)) {
                model.summary_version = Some(version);
            }
            fault(model, &failure)
        }
    }
}

pub(super) fn detail_loaded(
    model: &mut Model,
    generation: u64,
    result: Result<Option<Box<Detail>>, Failure>,
) -> bool {
    let Some((_, id, version)) = model.detail_in_flight.take_if(|(asked, ..)| *asked == generation) else {
        return false;
    };
    match result {
        Ok(Some(detail)) => {
            let is_current = model.current().is_some_and(|row| row.id() == id);
            if !is_current {
                // The cursor went on; what it stands on now is asked for next.
                return false;
            }
            let reader = match model.screen {
                Screen::Approvals => Reader::Approver,
                Screen::Outbox | Screen::Inbox | Screen::Activity => Reader::Watcher,
            };
            let setting = model.setting();
            let mut preview = Preview::new(detail, reader, version, &setting);
            match model.preview.take() {
                Some(old) if old.item == preview.item => preview.go_on_from(old, &model.memory, &setting),
                Some(old) if old.item.id == id && model.screen == Screen::Approvals => {
                    model.guard = Guard::Unseen;
                    model.say(Role::Warn, "this message was changed; it is shown from the top, look again");
                    model.is_changed = true;
                }
                _ => {}
            }
            model.preview = Some(preview);
            true
        }
        Ok(None) => {
            model.missing = Some((id, version));
            model.preview = None;
            true
        }
        Err(failure) => {
            if matches!(failure, Failure::Refused(_)) {
                model.missing = Some((id, version));
            }
            fault(model, &failure)
        }
    }
}

pub(super) fn fault(model: &mut Model, failure: &Failure) -> bool {
    match failure {
        Failure::Unavailable(_) => lost(model, failure),
        Failure::Refused(sentence) => {
            let sentence = model.theme.charset.line(sentence);
            model.say(Role::Bad, sentence.as_str());
        }
    }
    true
}

/// A snoozed draft is due: it is on the list again.
pub(super) fn wake(model: &mut Model) {
    if model.snoozes.next_due.is_some_and(|due| due <= model.now()) {
        model.snoozes.next_due = None;
        read_again(model);
    }
}

/// Learns what somebody else did to the item that is, or was, under the cursor.
pub(super) fn fate_loaded(
    model: &mut Model,
    id: ActivityId,
    who: &SafeText,
    result: Result<Option<Fate>, Failure>,
) -> bool {
    let fate = match result {
        Ok(fate) => fate,
        Err(failure @ Failure::Unavailable(_)) => {
            lost(model, &failure);
            return true;
        }
        // What is said already stays true, only less exact.
        Err(Failure::Refused(_)) => return false,
    };
    let (now, zone, charset) = (model.now(), model.zone.clone(), model.theme.charset);
    let is_here = model.current().is_some_and(|row| row.id() == id);
    let words = match (is_here, words::change(fate.as_ref(), now, &zone, charset)) {
        (true, Some(words)) => format!("{words}; it is shown from the top, look again: {who}"),
        (true, None) => return false,
        (false, _) => format!("{}: {who}", words::fate(fate.as_ref(), now, &zone, charset)),
    };
    model.say(Role::Warn, &words);
    true
}

/// Puts the cursor back on its id after rows changed. If that left, the cursor keeps its place, approve keys wait, and what
/// became of it is asked for.
pub(super) fn settle(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.screen == Screen::Activity {
        return super::activity::settle(model);
    }
    if model.screen == Screen::Inbox {
        return super::inbox::settle(model);
    }
    let count = model.row_count();
    let selection = model.selection().clone();
    let found = selection.id.and_then(|id| model.index_of(id));
    let index = found.unwrap_or(selection.index).min(count.saturating_sub(1));
    let id = model.row(index).map(Row::id);
    if selection.id.is_some() && id != selection.id {
        model.guard = Guard::Unseen;
        let left = model.under_cursor.take().filter(|(left, _)| Some(*left) == selection.id);
        if let (Some((id, who)), Screen::Approvals) = (left, model.screen) {
            if model.notice.is_none() {
                model.say(Role::Warn, &format!("left the list: {who}"));
            }
            effects.push(Effect::LoadFate { id, who });
        } else if model.notice.is_none() {
            model.say(Role::Warn, "the message under the cursor left the list");
        }
    }
    let place = model.selection_mut();
    (place.index, place.id) = (index, id);
    let is_known = model.under_cursor.as_ref().is_some_and(|(known, _)| Some(*known) == id);
    if !is_known {
        model.under_cursor = model.row(index).map(|row| (row.id(), row.who.clone()));
    }
    if let (true, Some((id, who))) = (std::mem::take(&mut model.is_changed), &model.under_cursor) {
        effects.push(Effect::LoadFate { id: *id, who: who.clone() });
    }
    if model.preview.as_ref().is_some_and(|preview| Some(preview.item.id) != id) {
        model.preview = None;
    }
}
