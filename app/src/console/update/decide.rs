//! Decisions: which items and which bytes a key means, and what became of them.
//!
//! A decision names what the last frame showed, never what the list holds by now.
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::approval::{BATCH_LIMIT, Item, ItemOutcome, ItemResult, Resolution};
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;

use super::{inbox, live, mark, moves, report, snooze, switch};
use crate::console::deciding::{Deciding, Latest, Request, Verb};
use crate::console::dialog::{Dialog, ResolveStep};
use crate::console::field::Field;
use crate::console::inbox::Deed;
use crate::console::model::{Batch, Guard, Model, Screen};
use crate::console::msg::{Effect, Failure};
use crate::console::theme::Role;
use crate::console::undoing::Undoing;
use crate::console::words;
use crate::progress::Progress;

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
    mark::fix_range(model);
    if model.marks.is_empty() {
        match shown_to_its_end(model) {
            Ok(item) => {
                if let Some(doubt) = doubt_about(model, item) {
                    model.dialog = Some(Dialog::LookAlike { item, doubt });
                    return Vec::new();
                }
                items.push(item);
            }
            Err(reason) => {
                model.say(Role::Warn, &reason);
                return Vec::new();
            }
        }
    }
    for mark in model.marks.items() {
        match model.seen.get(&mark.id) {
            _ if model.is_deciding(mark.id) => skipped.push((mark.id, ON_ITS_WAY)),
            Some(sha256) => items.push(Item::seen(mark.id, *sha256)),
            None => skipped.push((mark.id, NOT_SEEN)),
        }
    }
    if items.is_empty() {
        let count = words::messages(skipped.len());
        model.say(Role::Warn, &format!("nothing approved: {count} marked, none of them read to its end"));
        return Vec::new();
    }
    send(model, Request::Approve, &items, skipped)
}

/// What the open message says about its recipients, if they can be taken for others.
fn doubt_about(model: &Model, item: Item) -> Option<SafeText> {
    let preview = model.preview.as_ref().filter(|preview| preview.item == item)?;
    let text = preview.doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then(|| SafeText::line(&text))
}

/// Takes the key that confirms a doubtful recipient. It cannot be the one that opened the question, nor one that is held down.
pub(super) fn confirm(model: &mut Model, key: &str) -> Vec<Effect> {
    if key != "Y" {
        return Vec::new();
    }
    let Some(Dialog::LookAlike { mut item, .. }) = model.dialog.take() else {
        return Vec::new();
    };
    if let Err(problem) = model.may_write(countersign_core::actor::Role::Approver) {
        model.say(Role::Bad, &format!("not approved: {problem}"));
        return Vec::new();
    }
    item.confirms_look_alike = true;
    approve_shown(model, item)
}

/// Approves one item whose bytes were just painted to their end.
pub(super) fn approve_shown(model: &mut Model, item: Item) -> Vec<Effect> {
    send(model, Request::Approve, &[item], Vec::new())
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
    mark::fix_range(model);
    let items: Vec<Item> = if model.marks.is_empty() {
        let current = model.current().map(crate::console::item::Row::id);
        let painted =
            model.painted.rows.iter().chain(model.painted.preview.as_ref().map(|shown| &shown.item));
        painted.filter(|item| Some(item.id) == current).take(1).copied().collect()
    } else {
        model.marks.items()
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

/// Makes a failed or blocked message a draft again; what leaves then needs a new decision.
pub(crate) fn retry(model: &mut Model) -> Vec<Effect> {
    let Some(item) = model.current().filter(|row| row.can_be_tried_again()).map(|row| row.item) else {
        return Vec::new();
    };
    if model.is_deciding(item.id) {
        return Vec::new();
    }
    send(model, Request::Undo, &[item], Vec::new())
}

pub(crate) fn undo(model: &mut Model) -> Vec<Effect> {
    let ids = match model.undoing() {
        Some(Undoing::Row(id) | Undoing::Vote(id)) => vec![id],
        Some(Undoing::Latest(ids, _)) => ids,
        None => Vec::new(),
    };
    let ids: Vec<ActivityId> = ids.into_iter().filter(|id| !model.is_deciding(*id)).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    // What is taken back is named by id alone.
    let items: Vec<Item> = ids.into_iter().map(|id| Item::seen(id, PayloadHash::of(b""))).collect();
    send(model, Request::Undo, &items, Vec::new())
}

/// Takes the text of the open question.
pub(super) fn answer(model: &mut Model) -> Vec<Effect> {
    let Some(dialog) = model.dialog.take() else {
        return Vec::new();
    };
    match dialog {
        Dialog::Filter { field } => {
            let text = field.filled();
            if model.screen == Screen::Activity {
                super::activity::narrow(model, text);
                return Vec::new();
            }
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
            return send(model, Request::Reject(reason), &items, Vec::new());
        }
        Dialog::Snooze { field, ids } if field.filled().is_none() => {
            return ask_again(model, Dialog::Snooze { field, ids });
        }
        Dialog::Snooze { field, ids } => return snooze::answer(model, &field, ids),
        Dialog::Assign { field, id, name } => {
            let Some(to) = field.filled() else {
                return ask_again(model, Dialog::Assign { field, id, name });
            };
            return inbox::answer(model, id, name, Deed::Assign { to });
        }
        Dialog::Dismiss { field, id, name } => {
            let Some(reason) = field.filled() else {
                return ask_again(model, Dialog::Dismiss { field, id, name });
            };
            return inbox::answer(model, id, name, Deed::Dismiss { reason });
        }
        Dialog::Stop { field, reach, is_kill } => return switch::stop(model, field, reach, is_kill),
        Dialog::Resolve { field, id, who, .. } => {
            let step = if field.filled().is_some() { ResolveStep::Choice } else { ResolveStep::Reason };
            let is_missing = step == ResolveStep::Reason;
            let dialog = Dialog::Resolve { field, id, who, step };
            if is_missing {
                return ask_again(model, dialog);
            }
            model.dialog = Some(dialog);
        }
        Dialog::Palette(_)
        | Dialog::Help { .. }
        | Dialog::LookAlike { .. }
        | Dialog::Lift { .. }
        | Dialog::Copy { .. }
        | Dialog::Results { .. } => {}
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
    let item = Item::seen(id, PayloadHash::of(b""));
    send(model, Request::Resolve(id, resolution, reason), &[item], Vec::new())
}

/// Sends a decision out, in as many requests as it needs; the first goes now.
pub(super) fn send(
    model: &mut Model,
    request: Request,
    items: &[Item],
    skipped: Vec<(ActivityId, &'static str)>,
) -> Vec<Effect> {
    let generation = model.next_generation();
    let ids: HashSet<ActivityId> = items.iter().map(|item| item.id).collect();
    let named: HashSet<ActivityId> = ids.iter().copied().chain(skipped.iter().map(|(id, _)| *id)).collect();
    let rows = (0..model.row_count()).filter_map(|index| model.row(index));
    let names = rows.filter(|row| named.contains(&row.id())).map(|row| (row.id(), row.who.clone())).collect();
    let mut waiting: VecDeque<Vec<Item>> = items.chunks(BATCH_LIMIT).map(<[Item]>::to_vec).collect();
    let Some(first) = waiting.pop_front() else {
        return Vec::new();
    };
    let effect = request.effect(generation, &first);
    let progress = Progress { done: 0, total: u64::try_from(ids.len()).ok(), started: model.now() };
    model.deciding.push(Deciding {
        generation,
        request,
        asked: first.len(),
        ids,
        skipped,
        names,
        waiting,
        is_stopping: false,
        results: Vec::new(),
        faults: Vec::new(),
        progress,
    });
    vec![effect]
}

/// Lets no further request of a long decision go out. Says whether there was one.
pub(crate) fn stop(model: &mut Model) -> bool {
    let mut has_stopped = false;
    for deciding in model.deciding.iter_mut().filter(|deciding| !deciding.waiting.is_empty()) {
        has_stopped |= !deciding.is_stopping;
        deciding.is_stopping = true;
    }
    if has_stopped {
        model.say(Role::Warn, "stopping after the request that is on its way");
    }
    has_stopped
}

/// Learns what became of one request of a decision, and sends the next.
pub(super) fn decided(
    model: &mut Model,
    generation: u64,
    result: Result<Vec<ItemResult>, Failure>,
) -> Vec<Effect> {
    let Some(index) = model.deciding.iter().position(|deciding| deciding.generation == generation) else {
        return Vec::new();
    };
    let mut deciding = model.deciding.swap_remove(index);
    deciding.progress.done += u64::try_from(deciding.asked).unwrap_or(0);
    match result {
        Ok(results) => {
            let done = done(&results);
            let verb = deciding.verb();
            match verb {
                Verb::Approve | Verb::Reject | Verb::Snooze | Verb::Wake => leave_list(model, &results),
                Verb::Undo => {
                    model.queue.remove(&done);
                    model.attention.remove(&done);
                }
                Verb::Resolve => model.attention.remove(&done),
            }
            if verb != Verb::Undo {
                for id in &done {
                    model.marks.remove(*id);
                }
            }
            deciding.results.extend(results);
        }
        Err(failure) => {
            if let Failure::Unavailable(_) = failure {
                live::lost(model, &failure);
            }
            // What stands in the way of one request may let the next through; twice the same, or no database, will not.
            let is_same = deciding.faults.last().is_some_and(|(_, last)| *last == failure);
            deciding.is_stopping |= is_same || matches!(failure, Failure::Unavailable(_));
            deciding.faults.push((deciding.asked, failure));
        }
    }
    if !deciding.is_stopping
        && let Some(next) = deciding.waiting.pop_front()
    {
        deciding.asked = next.len();
        let effect = deciding.request.effect(generation, &next);
        model.deciding.push(deciding);
        return vec![effect];
    }
    live::read_again(model);
    remember(model, &deciding);
    report::tell(model, &deciding);
    Vec::new()
}

fn done(results: &[ItemResult]) -> HashSet<ActivityId> {
    results.iter().filter(|result| result.outcome.is_done()).map(|result| result.id).collect()
}

/// Keeps what can be taken back, and forgets what was.
fn remember(model: &mut Model, deciding: &Deciding) {
    let now = model.now();
    let undone = if deciding.verb() == Verb::Undo { done(&deciding.results) } else { HashSet::new() };
    for batch in &mut model.batches {
        batch.open.retain(|(id, until)| *until > now && !undone.contains(id));
    }
    model.batches.retain(|batch| !batch.open.is_empty());
    let open: Vec<_> = deciding
        .results
        .iter()
        .filter_map(|result| match result.outcome {
            ItemOutcome::Approved { send_after } => Some((result.id, send_after)),
            _ => None,
        })
        .collect();
    let is_unknown = |(_, failure): &(usize, Failure)| matches!(failure, Failure::Unavailable(_));
    let votes: Vec<ActivityId> = deciding
        .results
        .iter()
        .filter(|result| result.outcome == ItemOutcome::NeedsSecond)
        .map(|result| result.id)
        .collect();
    model.voted = if let (true, [only]) = (open.is_empty(), votes.as_slice()) { Some(*only) } else { None };
    let may_have_approved = !open.is_empty() || !votes.is_empty() || deciding.faults.iter().any(is_unknown);
    let decision = deciding.generation;
    if deciding.verb() == Verb::Approve && may_have_approved {
        model.latest = Some(Latest { decision, undoing: None, is_undone: false });
    }
    if !open.is_empty() {
        model.batches.push(Batch { decision, open });
    }
}

/// Takes out of the list what is no draft any more; the cursor stays where it is and approve keys wait.
fn leave_list(model: &mut Model, results: &[ItemResult]) {
    let gone: HashSet<ActivityId> = results
        .iter()
        .filter(|result| {
            // A first vote of two leaves it a draft.
            (result.outcome.is_done() && result.outcome != ItemOutcome::NeedsSecond)
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
    for id in &gone {
        model.marks.remove(*id);
    }
    for result in results {
        if matches!(result.outcome, ItemOutcome::Changed { .. }) {
            model.seen.remove(&result.id);
        }
    }
}
