//! The Inbox screen: what to read for it, what arrived, and what its keys do.
use std::time::Duration;

use countersign_core::actor::Role as ActorRole;
use countersign_core::ids::EventId;
use countersign_core::inbound::inbox::{InboxDetail, InboxPage, State, Wanted};
use countersign_core::inbound::provider::Provider;
use countersign_core::safe_text::SafeText;

use super::{live, moves};
use crate::console::dialog::Dialog;
use crate::console::field::Field;
use crate::console::inbox::{Deed, Entry, Open};
use crate::console::layout;
use crate::console::model::{Guard, Model, Pane, Screen, Selection};
use crate::console::msg::{Effect, Failure};
use crate::console::theme::Role;

/// Asks for what the screen needs and has not.
pub(super) fn ask_for_what_is_missing(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.screen != Screen::Inbox || model.engine.deaf.is_some() {
        return;
    }
    let (visible, version) = (model.visible(usize::from(layout::of(model).list.height)), model.version);
    if let Some(after) = model.inbox.events.wanted(&visible, version) {
        let generation = model.next_generation();
        model.inbox.events.asked(generation, after, version);
        effects.push(Effect::LoadInbox { generation, filter: model.inbox.filter, after });
    }
    let inbox = &model.inbox;
    let (Some((id, _)), None) = (&inbox.at, inbox.open_in_flight) else {
        return;
    };
    let id = *id;
    let is_shown = inbox.open.as_ref().is_some_and(|open| open.id == id && open.version == version);
    if !is_shown && inbox.missing != Some((id, version)) {
        let generation = model.next_generation();
        model.inbox.open_in_flight = Some((generation, id, version));
        effects.push(Effect::LoadEvent { generation, id });
    }
}

pub(super) fn page_loaded(model: &mut Model, generation: u64, result: Result<InboxPage, Failure>) -> bool {
    let charset = model.theme.charset;
    match result {
        Ok(page) => {
            let rows = page.rows.into_iter().map(|row| Entry::new(row, charset)).collect();
            model.inbox.events.take(generation, rows, page.next)
        }
        Err(failure) => {
            let is_refused = matches!(failure, Failure::Refused(_));
            model.inbox.events.failed(generation, is_refused) && live::fault(model, &failure)
        }
    }
}

pub(super) fn event_loaded(
    model: &mut Model,
    generation: u64,
    result: Result<Box<InboxDetail>, Failure>,
) -> bool {
    let asked = model.inbox.open_in_flight.take_if(|(asked, ..)| *asked == generation);
    let Some((_, id, version)) = asked else {
        return false;
    };
    match result {
        Ok(detail) => {
            if model.inbox.at.as_ref().is_none_or(|(at, _)| *at != id) {
                // The cursor went on; what it stands on now is asked for next.
                return false;
            }
            let mut open = Open::new(&detail, version, &model.setting());
            if let Some(old) = model.inbox.open.take().filter(|old| old.id == id) {
                open.go_on_from(&old);
            }
            model.inbox.open = Some(open);
            true
        }
        Err(failure) => {
            if matches!(failure, Failure::Refused(_)) {
                model.inbox.missing = Some((id, version));
            }
            live::fault(model, &failure)
        }
    }
}

/// Puts the cursor back on its event after rows changed. If that left, the cursor keeps its place and keys wait.
pub(super) fn settle(model: &mut Model) {
    let inbox = &model.inbox;
    let found = inbox.at.as_ref().and_then(|(id, _)| inbox.events.index_of(*id));
    let last = inbox.events.rows.len().saturating_sub(1);
    if let (None, Some((_, name)), true) = (found, &inbox.at, inbox.events.is_loaded) {
        let words = format!("left the list: {name}");
        model.guard = Guard::Unseen;
        if model.notice.is_none() {
            model.say(Role::Warn, &words);
        }
    }
    let index = found.unwrap_or(model.inbox_at.index).min(last);
    select(model, index);
}

/// Puts the cursor on a row.
pub(super) fn select(model: &mut Model, index: usize) {
    let charset = model.theme.charset;
    let entry = model.inbox.events.rows.get(index);
    let at = entry.map(|entry| (entry.row.id, entry.name(charset)));
    model.inbox_at.index = index;
    if model.inbox.open.as_ref().is_some_and(|open| at.as_ref().is_none_or(|(id, _)| *id != open.id)) {
        model.inbox.open = None;
    }
    model.inbox.at = at;
}

fn narrowed(model: &mut Model) -> Vec<Effect> {
    model.inbox.events.clear();
    (model.inbox.at, model.inbox.open) = (None, None);
    model.inbox_at = Selection::default();
    model.guard = Guard::Open;
    Vec::new()
}

/// One provider after the other, then all.
pub(crate) fn cycle_source(model: &mut Model) -> Vec<Effect> {
    let next = match model.inbox.filter.source {
        None => Provider::ALL.first(),
        Some(source) => Provider::ALL.iter().skip_while(|known| **known != source).nth(1),
    };
    model.inbox.filter.source = next.copied();
    narrowed(model)
}

/// What waits for a person alone, or everything again.
pub(crate) fn cycle_state(model: &mut Model) -> Vec<Effect> {
    model.inbox.filter.state = match model.inbox.filter.state {
        Wanted::All => Wanted::Attention,
        _ => Wanted::All,
    };
    narrowed(model)
}

/// One step back: the list beside the event, then one filter after the other.
pub(crate) fn close(model: &mut Model) -> Vec<Effect> {
    let pane = layout::pane(model);
    if pane == Pane::Zoom {
        model.pane = if model.width >= 80 { Pane::Split } else { Pane::List };
        return Vec::new();
    }
    let filter = &mut model.inbox.filter;
    if filter.source.take().is_some() || std::mem::take(&mut filter.state) != Wanted::All {
        return narrowed(model);
    }
    model.pane = Pane::List;
    Vec::new()
}

/// Whether something can be done about the event under the cursor, or why not.
fn waits(model: &Model) -> Result<&Entry, String> {
    model.may_write(ActorRole::Approver)?;
    let entry = model.inbox.current().ok_or_else(|| "the list is empty".to_owned())?;
    if model.inbox.is_handling(entry.row.id) {
        return Err("what you did about it is on its way".to_owned());
    }
    if entry.row.state.needs_a_person() {
        return Ok(entry);
    }
    Err(format!("it is {}: only what is unmatched or failed waits for you", entry.row.state.as_str()))
}

pub(crate) fn can_assign(model: &Model) -> Result<(), String> {
    match waits(model)?.row.state {
        State::Unmatched => Ok(()),
        _ => Err("only what nobody was found for is assigned".to_owned()),
    }
}

pub(crate) fn can_dismiss(model: &Model) -> Result<(), String> {
    waits(model).map(drop)
}

pub(crate) fn can_retry(model: &Model) -> Result<(), String> {
    let row = &waits(model)?.row;
    match (row.is_erased, row.kind.as_str()) {
        (true, _) => Err("what it said was erased".to_owned()),
        (_, "unreadable") => Err("it cannot be read, and another try changes nothing".to_owned()),
        _ => Ok(()),
    }
}

pub(crate) fn ask_assign(model: &mut Model) -> Vec<Effect> {
    if let Some((id, name)) = model.inbox.at.clone() {
        // The event stands beside the question.
        uncover(model);
        model.dialog = Some(Dialog::Assign { field: Field::default(), id, name });
    }
    Vec::new()
}

pub(crate) fn ask_dismiss(model: &mut Model) -> Vec<Effect> {
    if let Some((id, name)) = model.inbox.at.clone() {
        model.dialog = Some(Dialog::Dismiss { field: Field::default(), id, name });
    }
    Vec::new()
}

fn uncover(model: &mut Model) {
    if layout::pane(model) == Pane::List {
        model.pane = Pane::Split;
    }
}

pub(crate) fn retry(model: &mut Model, at: Duration) -> Vec<Effect> {
    if moves::is_settling(model.guard, at) {
        let words = "the event under the cursor just changed; nothing was done, look and press again";
        model.say(Role::Warn, words);
        return Vec::new();
    }
    match model.inbox.at.clone() {
        Some((id, name)) => handle(model, id, name, Deed::Retry),
        None => Vec::new(),
    }
}

/// Takes the answer to a question about an event.
pub(super) fn answer(model: &mut Model, id: EventId, name: SafeText, deed: Deed) -> Vec<Effect> {
    if let Err(problem) = model.may_write(ActorRole::Approver) {
        model.say(Role::Bad, &format!("not {}: {problem}", deed.done()));
        return Vec::new();
    }
    handle(model, id, name, deed)
}

fn handle(model: &mut Model, id: EventId, name: SafeText, deed: Deed) -> Vec<Effect> {
    model.inbox.handling.push(id);
    vec![Effect::Handle { id, name, deed }]
}

/// Learns what became of it.
pub(super) fn handled(
    model: &mut Model,
    id: EventId,
    name: &SafeText,
    deed: &Deed,
    result: Result<Vec<String>, Failure>,
) {
    model.inbox.handling.retain(|one| *one != id);
    live::read_again(model);
    let (charset, word) = (model.theme.charset, deed.done());
    match result {
        Ok(did) => {
            let did: Vec<String> = did.iter().map(|sentence| charset.line(sentence).to_string()).collect();
            let did = if did.is_empty() { String::new() } else { format!(" ({})", did.join("; ")) };
            model.say(Role::Good, &format!("{word}: {name}{did}"));
        }
        Err(Failure::Refused(sentence)) => {
            model.say(Role::Bad, &format!("not {word}: {}", charset.line(&sentence)));
        }
        Err(failure @ Failure::Unavailable(_)) => {
            live::lost(model, &failure);
            let words =
                format!("the database did not answer: the list will show whether it was {word}: {name}");
            model.say(Role::Bad, &words);
        }
    }
}
