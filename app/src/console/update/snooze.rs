//! Snoozing: asks until when, brings back, and switches between what waits and what is snoozed.
use countersign_core::activity::view::Snoozed;
use countersign_core::approval::Item;
use countersign_core::approval::snooze::LONGEST_DAYS;
use countersign_core::ids::ActivityId;
use jiff::SignedDuration;

use super::{decide, mark, moves};
use crate::console::deciding::Request;
use crate::console::dialog::Dialog;
use crate::console::field::Field;
use crate::console::model::Model;
use crate::console::msg::Effect;
use crate::console::snooze;
use crate::console::theme::Role;

/// Asks until when to hide the marked drafts, else the current one. Among the snoozed it brings them back at once.
pub(crate) fn ask(model: &mut Model) -> Vec<Effect> {
    mark::fix_range(model);
    let items: Vec<Item> = if model.marks.is_empty() {
        model.current().map(|row| row.item).into_iter().collect()
    } else {
        model.marks.items()
    };
    let items: Vec<Item> = items.into_iter().filter(|item| !model.is_deciding(item.id)).collect();
    if items.is_empty() {
        model.say(Role::Warn, "nothing to snooze: a decision is on its way");
        return Vec::new();
    }
    if model.is_snooze_list() {
        return decide::send(model, Request::Wake, &items, Vec::new());
    }
    let ids = items.iter().map(|item| item.id).collect();
    model.dialog = Some(Dialog::Snooze { field: Field::default(), ids });
    Vec::new()
}

/// Takes the answer: a digit, a duration or a time.
pub(super) fn answer(model: &mut Model, field: &Field, ids: Vec<ActivityId>) -> Vec<Effect> {
    let now = model.now();
    let read = snooze::until(field.text(), &now.to_zoned(model.zone.clone()));
    let until = read.and_then(|until| {
        let ahead = until.duration_since(now);
        match ahead > SignedDuration::ZERO && ahead <= SignedDuration::from_hours(24 * LONGEST_DAYS) {
            true => Ok(until),
            false => Err(format!("name a time to come, at most {LONGEST_DAYS} days away")),
        }
    });
    match until.and_then(|until| model.may_write(countersign_core::actor::Role::Viewer).map(|()| until)) {
        Ok(until) => {
            let hash = countersign_core::activity::payload::PayloadHash::of(b"");
            // Snoozing binds to no bytes: it is no decision.
            let items: Vec<Item> = ids.into_iter().map(|id| Item::seen(id, hash)).collect();
            decide::send(model, Request::Snooze(until), &items, Vec::new())
        }
        Err(reason) => {
            model.say(Role::Warn, &format!("not snoozed: {reason}"));
            Vec::new()
        }
    }
}

/// Shows what is snoozed, or again what waits. Marks of one list mean nothing on the other.
pub(crate) fn switch_list(model: &mut Model) -> Vec<Effect> {
    model.filter.snoozed = match model.filter.snoozed {
        Snoozed::Hidden(operator) => Snoozed::Only(operator),
        Snoozed::Only(operator) => Snoozed::Hidden(operator),
        Snoozed::Shown => Snoozed::Shown,
    };
    model.marks.clear();
    moves::narrowed(model);
    Vec::new()
}
