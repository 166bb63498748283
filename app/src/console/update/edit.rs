//! Editing a draft: opening, keeping, saving, and what became of it.
//!
//! A text is saved over the bytes the person had on screen, and approved only after the saved bytes were painted to their end.
use countersign_core::activity::status::Status;
use countersign_core::approval::{Item, ItemOutcome, ItemResult};
use countersign_core::ids::ActivityId;
use crossterm::event::KeyEvent;

use super::{decide, live};
use crate::console::editor::{Editor, Saving, Then};
use crate::console::model::Model;
use crate::console::msg::{Effect, Failure};
use crate::console::theme::Role;
use crate::console::words;
use crate::kept::Kept;

/// Opens the message under the cursor, or goes on with the text that was kept of it.
pub(crate) fn open(model: &mut Model) -> Vec<Effect> {
    let (Some(row), Some(preview)) = (model.current(), &model.preview) else {
        return Vec::new();
    };
    let (Ok(words), true) = (&preview.words, preview.item.id == row.id()) else {
        return Vec::new();
    };
    let mut editor = Editor::new(preview.item, row.who.clone(), words.clone());
    if let Some(kept) = model.kept.get(&preview.item.id) {
        editor = editor.with_text(&kept.text, kept.item.payload_sha256);
    }
    model.editor = Some(editor);
    Vec::new()
}

/// Takes a key into the text.
pub(crate) fn typed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(editor) = model.editor.as_mut().filter(|editor| editor.saving.is_none()) else {
        return Vec::new();
    };
    if editor.key(key) { keep(model) } else { Vec::new() }
}

pub(super) fn pasted(model: &mut Model, text: &str) -> Vec<Effect> {
    let Some(editor) = model.editor.as_mut().filter(|editor| editor.saving.is_none()) else {
        return Vec::new();
    };
    if editor.paste(text) {
        return keep(model);
    }
    model.say(Role::Warn, "pasted text was not taken: no message may have more than 1 048 576 bytes");
    Vec::new()
}

/// Keeps the text as it stands, here and in its file.
fn keep(model: &mut Model) -> Vec<Effect> {
    let Some(editor) = &model.editor else {
        return Vec::new();
    };
    let item = editor.begun();
    let text = editor.text();
    model.kept.insert(item.id, Kept { item, text: text.clone() });
    vec![Effect::KeepEdit { item, text }]
}

fn forget(model: &mut Model, id: ActivityId) -> Vec<Effect> {
    model.kept.remove(&id).map(|kept| Effect::ForgetEdit { item: kept.item }).into_iter().collect()
}

/// Leaves the editor; a changed text stays kept.
pub(crate) fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(editor) = model.editor.take() else {
        return Vec::new();
    };
    if editor.is_changed() {
        model.say(
            Role::Warn,
            &format!("the text is kept, nothing is changed: e goes on with it: {}", editor.who),
        );
        return Vec::new();
    }
    forget(model, editor.item.id)
}

/// Leaves the editor without the changes.
pub(crate) fn drop_text(model: &mut Model) -> Vec<Effect> {
    let Some(editor) = model.editor.take() else {
        return Vec::new();
    };
    model.say(Role::Plain, "the changes were dropped");
    forget(model, editor.item.id)
}

/// Puts the text on file.
pub(crate) fn save(model: &mut Model, then: Then) -> Vec<Effect> {
    let generation = model.next_generation();
    let Some(editor) = &mut model.editor else {
        return Vec::new();
    };
    editor.saving = Some(Saving { generation, then });
    vec![Effect::Revise { generation, item: editor.item, document: editor.text() }]
}

/// Hands the text to the user's own editor.
pub(crate) fn outside(model: &mut Model) -> Vec<Effect> {
    let Some(editor) = &model.editor else {
        return Vec::new();
    };
    vec![Effect::EditOutside { item: editor.begun(), text: editor.text() }]
}

/// The user's own editor is done.
pub(super) fn came_back(model: &mut Model, item: Item, result: Result<String, String>) -> Vec<Effect> {
    let Some(editor) = model.editor.take_if(|editor| editor.begun() == item) else {
        return Vec::new();
    };
    match result {
        Ok(text) => {
            let editor = editor.with_text(&text, item.payload_sha256);
            let is_changed = editor.is_changed();
            model.editor = Some(editor);
            if is_changed {
                return keep(model);
            }
            // The user's editor worked on a file; without a change there is nothing to keep in it.
            model.kept.remove(&item.id);
            vec![Effect::ForgetEdit { item }]
        }
        Err(reason) => {
            model.editor = Some(editor);
            model.say(Role::Bad, &reason);
            Vec::new()
        }
    }
}

/// Learns what became of a text.
pub(super) fn revised(
    model: &mut Model,
    generation: u64,
    result: Result<ItemResult, Failure>,
) -> Vec<Effect> {
    let is_ours = |editor: &mut Editor| editor.saving.is_some_and(|saving| saving.generation == generation);
    let Some(mut editor) = model.editor.take_if(is_ours) else {
        return Vec::new();
    };
    live::read_again(model);
    let charset = model.theme.charset;
    let then = editor.saving.take().map_or(Then::Wait, |saving| saving.then);
    let id = editor.item.id;
    let (role, sentence) = match result {
        Ok(ItemResult { outcome: ItemOutcome::Revised { payload_sha256 }, .. }) => {
            saved(model, &editor, Item::seen(id, payload_sha256), then);
            return forget(model, id);
        }
        Ok(ItemResult { outcome: ItemOutcome::Already { .. }, .. }) => {
            model.say(Role::Plain, "nothing was changed: the text is the same");
            return forget(model, id);
        }
        Ok(ItemResult { outcome: ItemOutcome::Changed { .. }, .. }) => (
            Role::Bad,
            "not saved: somebody changed the message meanwhile; the text is kept, esc shows what it says now"
                .to_owned(),
        ),
        Ok(ItemResult { outcome, .. }) => {
            let why = words::outcome(&outcome, model.now(), &model.zone, charset);
            (Role::Bad, format!("not saved: {why}; the text is kept"))
        }
        Err(Failure::Refused(sentence)) => (Role::Bad, format!("not saved: {}", charset.line(&sentence))),
        Err(failure @ Failure::Unavailable(_)) => {
            live::lost(model, &failure);
            let sentence =
                "the database did not answer: it is not known whether the text was saved; it is kept here";
            (Role::Bad, sentence.to_owned())
        }
    };
    model.say(role, &sentence);
    model.editor = Some(editor);
    Vec::new()
}

/// What was shown before is not what there is now: nothing of it counts as read.
fn saved(model: &mut Model, editor: &Editor, now: Item, then: Then) {
    model.seen.remove(&now.id);
    model.marks.rebind(now);
    model.preview = None;
    // An item that was read before this was saved may still be on its way.
    model.detail_in_flight = None;
    model.approve_when_seen = (then == Then::Approve).then_some(now);
    let next = match then {
        Then::Wait => "waits for a decision on the new text",
        Then::Approve => "is approved when its end was shown",
    };
    model.say(Role::Good, &format!("saved, {next}: {}", editor.who));
}

/// Approves what its editor asked to approve, once exactly those bytes were painted to their end.
pub(super) fn approve_what_was_asked_for(model: &mut Model) -> Vec<Effect> {
    let Some(item) = model.approve_when_seen else {
        return Vec::new();
    };
    let has_moved = model.current().is_none_or(|row| row.id() != item.id);
    let shown = model.painted.preview.filter(|shown| shown.item.id == item.id);
    match shown {
        _ if has_moved => model.approve_when_seen = None,
        Some(shown) if shown.item != item => {
            model.approve_when_seen = None;
            model.say(Role::Warn, "not approved: the message was changed again");
        }
        Some(_) if model.seen.get(&item.id) == Some(&item.payload_sha256) => {
            model.approve_when_seen = None;
            if let Err(reason) = model.may_write(countersign_core::actor::Role::Approver) {
                model.say(Role::Bad, &format!("not approved: {reason}"));
                return Vec::new();
            }
            return decide::approve_shown(model, item);
        }
        _ => {}
    }
    Vec::new()
}

/// Learns where the drafts of kept texts stand: what is no draft any more cannot be edited, its file stays.
pub(super) fn kept_checked(model: &mut Model, standing: &[(ActivityId, Status)]) {
    let status_of =
        |id: ActivityId| standing.iter().find(|(known, _)| *known == id).map(|(_, status)| *status);
    let closed: Vec<ActivityId> = model
        .kept
        .keys()
        .copied()
        .filter(|id| status_of(*id).is_some_and(|status| status != Status::DraftPendingApproval))
        .collect();
    model.kept.retain(|id, _| status_of(*id) == Some(Status::DraftPendingApproval));
    let open = model.kept.len();
    let mut sentences = Vec::new();
    if open > 0 {
        sentences.push(format!("{} unsaved: e on the message goes on with the text", words::edits(open)));
    }
    if let Some(id) = closed.first() {
        let status = status_of(*id).map_or("gone", Status::label);
        sentences.push(format!(
            "{} kept of messages that are no drafts any more, in the state folder under edits ({id}: {status})",
            words::edits(closed.len())
        ));
    }
    if !sentences.is_empty() {
        model.say(Role::Warn, &sentences.join("; "));
    }
}
