//! Decisions: which items and which bytes a key means, and what became of them.
//!
//! A decision names what the last frame showed, never what the list holds by now.
use std::collections::HashMap;
use std::time::Duration;

use countersign_core::approval::{Item, ItemOutcome, ItemResult, Resolution};
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;

use super::{live, moves};
use crate::console::dialog::{Dialog, ResolveStep};
use crate::console::field::Field;
use crate::console::model::{Deciding, Focus, Guard, Model, Screen, Verb};
use crate::console::msg::{Effect, Failure};
use crate::console::theme::Role;
use crate::console::words;

const NOT_SEEN: &str = "skipped: not seen";
const ON_ITS_WAY: &str = "skipped: a decision is on its way";

pub(crate) fn approve(model: &mut Model, at: Duration) -> Vec<Effect> {
    if moves::is_settling(model.guard, at) {
        model.say(
            Role::Warn,
            "the item under the cursor just changed; nothing was approved, look and press again",
        );
        return Vec::new();
    }
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    if model.marks.is_empty() {
        match shown_to_its_end(model) {
            Ok(item) => items.push(item),
            Err(reason) => {
                model.say(Role::Warn, &reason);
                return Vec::new();
            }
        }
    }
    for mark in &model.marks {
        match model.seen.get(&mark.id) {
            _ if model.is_deciding(mark.id) => skipped.push((mark.id, ON_ITS_WAY)),
            Some(sha256) => items.push(Item { id: mark.id, payload_sha256: *sha256 }),
            None => skipped.push((mark.id, NOT_SEEN)),
        }
    }
    if items.is_empty() {
        let count = words::messages(skipped.len());
        model.say(Role::Warn, &format!("nothing approved: {count} marked, none of them read to its end"));
        return Vec::new();
    }
    let ids = items.iter().map(|item| item.id).collect();
    let generation = send(model, Verb::Approve, ids, skipped);
    vec![Effect::Approve { generation, items }]
}

/// Approves one item whose bytes were just painted to their end.
pub(super) fn approve_shown(model: &mut Model, item: Item) -> Vec<Effect> {
    let generation = send(model, Verb::Approve, vec![item.id], Vec::new());
    vec![Effect::Approve { generation, items: vec![item] }]
}

/// The item under the cursor, if the last frame showed it to its end.
fn shown_to_its_end(model: &Model) -> Result<Item, String> {
    let Some(row) = model.current() else {
        return Err("the list is empty".to_owned());
    };
    if model.is_deciding(row.id()) {
        return Err("a decision about this message is on its way".to_owned());
    }
    let Some(shown) = model.painted.preview.filter(|shown| shown.item.id == row.id()) else {
        return Err("not shown yet: enter opens the message, then approve".to_owned());
    };
    if model.preview.as_ref().is_some_and(|preview| !preview.is_complete) {
        return Err("its text was erased, so there is nothing to approve".to_owned());
    }
    if model.seen.get(&shown.item.id) == Some(&shown.item.payload_sha256) {
        return Ok(shown.item);
    }
    if !model.tab.is_reading() {
        return Err("not read yet: read the message or its diff to the end first, then approve".to_owned());
    }
    let key = crate::console::action::key_of("read-on");
    let preview = model.preview.as_ref();
    if preview.is_some_and(|preview| preview.scroll() + 1 >= preview.lines().len() || shown.to == shown.of) {
        return Err(
            "a diff against what was not read here does not count: read the message to its end".to_owned()
        );
    }
    Err(format!("there is more below: read to the end first ({key}), then approve"))
}

pub(crate) fn ask_reject(model: &mut Model) -> Vec<Effect> {
    let items: Vec<Item> = if model.marks.is_empty() {
        let current = model.current().map(crate::console::item::Row::id);
        let painted =
            model.painted.rows.iter().chain(model.painted.preview.as_ref().map(|shown| &shown.item));
        painted.filter(|item| Some(item.id) == current).take(1).copied().collect()
    } else {
        model.marks.clone()
    };
    let items: Vec<Item> = items.into_iter().filter(|item| !model.is_deciding(item.id)).collect();
    if items.is_empty() {
        model.say(
            Role::Warn,
            "nothing to reject: a decision is on its way, or the message is not on screen yet",
        );
    } else {
        model.dialog = Some(Dialog::Reject { field: Field::default(), items });
    }
    Vec::new()
}

pub(crate) fn undo(model: &mut Model) -> Vec<Effect> {
    let under_cursor = (model.screen == Screen::Outbox && model.focus == Focus::Rows)
        .then(|| model.current().filter(|row| row.can_be_taken_back()).map(crate::console::item::Row::id))
        .flatten();
    let ids = match under_cursor {
        Some(id) => vec![id],
        None => model.undoable().map(|(ids, _)| ids).unwrap_or_default(),
    };
    let ids: Vec<ActivityId> = ids.into_iter().filter(|id| !model.is_deciding(*id)).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let generation = send(model, Verb::Undo, ids.clone(), Vec::new());
    vec![Effect::Undo { generation, ids }]
}

pub(crate) fn ask_pause(model: &mut Model) -> Vec<Effect> {
    let Some(outbox) = model.current_outbox() else {
        return Vec::new();
    };
    let (id, name) = (outbox.id, outbox.name.clone());
    if let Some(reason) = &outbox.kill_reason {
        // One key is too little for what an admin stopped for good.
        let words =
            format!("{name} is killed: {reason}. An admin lifts it: countersign outboxes resume {name}");
        model.say(Role::Warn, &words);
        return Vec::new();
    }
    if !outbox.enabled {
        return vec![Effect::Resume { id, name }];
    }
    model.dialog = Some(Dialog::Pause { field: Field::default(), id, name });
    Vec::new()
}

/// Takes the text of the open question.
pub(super) fn answer(model: &mut Model) -> Vec<Effect> {
    let Some(dialog) = model.dialog.take() else {
        return Vec::new();
    };
    match dialog {
        Dialog::Filter { field } => {
            let text = field.filled();
            if text != model.filter.text {
                model.filter.text = text;
                moves::narrowed(model);
            }
        }
        Dialog::Reject { field, items } => {
            let Some(reason) = field.filled() else {
                return ask_again(model, Dialog::Reject { field, items });
            };
            if let Err(problem) = model.may_write(countersign_core::actor::Role::Approver) {
                model.say(Role::Bad, &format!("not rejected: {problem}"));
                return Vec::new();
            }
            let ids = items.iter().map(|item| item.id).collect();
            let generation = send(model, Verb::Reject, ids, Vec::new());
            return vec![Effect::Reject { generation, items, reason }];
        }
        Dialog::Pause { field, id, name } => match field.filled() {
            Some(reason) => return vec![Effect::Pause { id, name, reason }],
            None => return ask_again(model, Dialog::Pause { field, id, name }),
        },
        Dialog::Resolve { field, id, who, .. } => {
            let step = if field.filled().is_some() { ResolveStep::Choice } else { ResolveStep::Reason };
            let is_missing = step == ResolveStep::Reason;
            let dialog = Dialog::Resolve { field, id, who, step };
            if is_missing {
                return ask_again(model, dialog);
            }
            model.dialog = Some(dialog);
        }
        Dialog::Help { .. } | Dialog::Results { .. } => {}
    }
    Vec::new()
}

fn ask_again(model: &mut Model, dialog: Dialog) -> Vec<Effect> {
    model.dialog = Some(dialog);
    Vec::new()
}

/// Takes the digit that settles an uncertain item.
pub(super) fn resolve(model: &mut Model, key: &str) -> Vec<Effect> {
    let resolution = match key {
        "1" => Resolution::WasSent,
        "2" => Resolution::WasNotSent,
        "3" => Resolution::BackToDraft,
        _ => return Vec::new(),
    };
    let Some(Dialog::Resolve { field, id, .. }) = model.dialog.take() else {
        return Vec::new();
    };
    if let Err(problem) = model.may_write(countersign_core::actor::Role::Approver) {
        model.say(Role::Bad, &format!("not settled: {problem}"));
        return Vec::new();
    }
    let reason = field.filled().unwrap_or_default();
    let generation = send(model, Verb::Resolve, vec![id], Vec::new());
    vec![Effect::Resolve { generation, id, resolution, reason }]
}

fn send(
    model: &mut Model,
    verb: Verb,
    ids: Vec<ActivityId>,
    skipped: Vec<(ActivityId, &'static str)>,
) -> u64 {
    let generation = model.next_generation();
    let mut names = HashMap::new();
    for id in ids.iter().chain(skipped.iter().map(|(id, _)| id)) {
        if let Some(row) = model.index_of(*id).and_then(|index| model.row(index)) {
            names.insert(*id, row.who.clone());
        }
    }
    model.deciding.push(Deciding { generation, verb, ids, skipped, names });
    generation
}

/// Learns what became of a decision.
pub(super) fn decided(model: &mut Model, generation: u64, result: Result<Vec<ItemResult>, Failure>) {
    let Some(index) = model.deciding.iter().position(|deciding| deciding.generation == generation) else {
        return;
    };
    let deciding = model.deciding.swap_remove(index);
    live::read_again(model);
    let results = match result {
        Ok(results) => results,
        Err(Failure::Refused(sentence)) => {
            model.say(Role::Bad, &format!("not {}: {sentence}", past(deciding.verb)));
            return;
        }
        Err(failure @ Failure::Unavailable(_)) => {
            live::lost(model, &failure);
            model.say(
                Role::Bad,
                "the database did not answer: the list will show whether the decision was recorded",
            );
            return;
        }
    };
    let done: Vec<ActivityId> =
        results.iter().filter(|result| result.outcome.is_done()).map(|result| result.id).collect();
    remember(model, deciding.verb, &results, &done);
    if deciding.verb != Verb::Undo {
        model.marks.retain(|mark| !done.contains(&mark.id));
    }
    match deciding.verb {
        Verb::Approve | Verb::Reject => leave_list(model, &results),
        Verb::Undo => model.queue.remove(&done),
        Verb::Resolve => model.attention.remove(&done),
    }
    report(model, &deciding, &results, done.len());
}

/// Keeps what can be taken back, and forgets what was.
fn remember(model: &mut Model, verb: Verb, results: &[ItemResult], done: &[ActivityId]) {
    let now = model.now();
    for batch in &mut model.batches {
        batch.retain(|(id, until)| *until > now && !(verb == Verb::Undo && done.contains(id)));
    }
    model.batches.retain(|batch| !batch.is_empty());
    let batch: Vec<_> = results
        .iter()
        .filter_map(|result| match result.outcome {
            ItemOutcome::Approved { send_after } => Some((result.id, send_after)),
            _ => None,
        })
        .collect();
    if !batch.is_empty() {
        model.batches.push(batch);
    }
}

/// Takes out of the list what is no draft any more; the cursor stays where it is and approve keys wait.
fn leave_list(model: &mut Model, results: &[ItemResult]) {
    let gone: Vec<ActivityId> = results
        .iter()
        .filter(|result| {
            result.outcome.is_done()
                || matches!(result.outcome, ItemOutcome::Taken { .. } | ItemOutcome::Missing)
        })
        .map(|result| result.id)
        .collect();
    let is_under_cursor = model.approvals_at.id.is_some_and(|id| gone.contains(&id));
    model.approvals.remove(&gone);
    if is_under_cursor {
        model.guard = Guard::Unseen;
        let index = model.approvals_at.index.min(model.approvals.rows.len().saturating_sub(1));
        model.approvals_at.index = index;
        model.approvals_at.id = model.approvals.rows.get(index).map(crate::console::item::Row::id);
    }
    for result in results {
        if matches!(result.outcome, ItemOutcome::Changed { .. }) {
            model.seen.remove(&result.id);
        }
    }
}

fn report(model: &mut Model, deciding: &Deciding, results: &[ItemResult], done: usize) {
    let (now, zone) = (model.now(), model.zone.clone());
    let name =
        |id: &ActivityId| deciding.names.get(id).cloned().unwrap_or_else(|| SafeText::line(&id.to_string()));
    let say = |result: &ItemResult| words::outcome(&result.outcome, now, &zone);
    let open: Vec<&ItemResult> = results.iter().filter(|result| !result.outcome.is_done()).collect();
    if open.is_empty() && deciding.skipped.is_empty() {
        let text = match results {
            [only] => format!("{}: {}", say(only), name(&only.id)),
            _ => format!("{} {}", past(deciding.verb), words::messages(done)),
        };
        model.say(Role::Good, &text);
        return;
    }
    if let ([only], []) = (results, deciding.skipped.as_slice()) {
        model.say(Role::Bad, &format!("not {}: {}: {}", past(deciding.verb), say(only), name(&only.id)));
        return;
    }
    let mut lines: Vec<(Role, SafeText)> = Vec::new();
    for result in open {
        lines.push((Role::Bad, SafeText::line(&format!("{}: {}", say(result), name(&result.id)))));
    }
    for (id, reason) in &deciding.skipped {
        lines.push((Role::Warn, SafeText::line(&format!("{reason}: {}", name(id)))));
    }
    let title = format!(
        "{} {done} of {}",
        past(deciding.verb),
        words::messages(results.len() + deciding.skipped.len())
    );
    model.dialog = Some(Dialog::Results { title, lines, scroll: 0 });
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Approve => "approved",
        Verb::Reject => "rejected",
        Verb::Undo => "taken back",
        Verb::Resolve => "settled",
    }
}

/// Learns whether an outbox was paused or resumed.
pub(super) fn outbox_switched(model: &mut Model, name: &str, is_paused: bool, result: Result<(), Failure>) {
    live::read_again(model);
    let word = if is_paused { "paused" } else { "resumed" };
    match result {
        Ok(()) => model.say(Role::Good, &format!("{word}: {name}")),
        Err(Failure::Refused(sentence)) => model.say(Role::Bad, &format!("not {word}: {sentence}")),
        Err(failure @ Failure::Unavailable(_)) => {
            live::lost(model, &failure);
            model.say(
                Role::Bad,
                &format!("the database did not answer: it is not known whether {name} was {word}"),
            );
        }
    }
}
