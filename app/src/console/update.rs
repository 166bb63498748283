//! What each message changes. Synchronous and pure: no clock, no I/O; what has to be done outside is returned.
pub(crate) mod activity;
pub(crate) mod batch;
pub(crate) mod copy;
pub(crate) mod decide;
pub(crate) mod edit;
pub(crate) mod inbox;
mod keys;
pub(crate) mod live;
pub(crate) mod mark;
pub(crate) mod mouse;
pub(crate) mod moves;
pub(crate) mod palette;
mod report;
pub(crate) mod snooze;
pub(crate) mod switch;

use std::time::Duration;

use super::dialog::Dialog;
use super::model::{Guard, Model};
use super::msg::{Effect, Msg, Painted};
use super::theme::Role;

/// How long approve keys are ignored after the item under the cursor changed by itself.
const SETTLING: Duration = Duration::from_millis(250);

/// Applies a message. The effects are everything that has to happen because of it.
pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_visible = match msg {
        Msg::Ticked(now) => {
            let before = model.next_change();
            model.set_now(now);
            live::wake(model);
            now >= before
        }
        Msg::KeyPressed { key, at } => {
            effects = keys::pressed(model, key, at);
            true
        }
        Msg::Pasted(text) => {
            effects = keys::pasted(model, &text);
            true
        }
        Msg::Clicked { x, y } => mouse::clicked(model, x, y),
        Msg::Wheeled { x, y, lines } => mouse::wheeled(model, x, y, lines),
        Msg::Resized { width, height } => {
            let is_other = (model.width, model.height) != (width, height);
            (model.width, model.height) = (width, height);
            is_other
        }
        Msg::Painted { painted, at } => {
            effects = note_painted(model, painted, at);
            !effects.is_empty()
        }
        Msg::Resumed => true,
        Msg::EngineChanged(status) => {
            let is_other = model.engine != status;
            model.engine = status;
            is_other
        }
        Msg::TasksChanged(tasks) => activity::tasks_changed(model, tasks),
        Msg::Polled(version) => live::polled(model, version),
        Msg::PollFailed(failure) => {
            live::lost(model, &failure);
            true
        }
        Msg::PageLoaded { generation, list, result } => live::page_loaded(model, generation, list, result),
        Msg::SummaryLoaded { generation, result } => live::summary_loaded(model, generation, result),
        Msg::AuditLoaded { generation, result } => activity::audit_loaded(model, generation, result),
        Msg::InboxLoaded { generation, result } => inbox::page_loaded(model, generation, result),
        Msg::EventLoaded { generation, result } => inbox::event_loaded(model, generation, result),
        Msg::Handled { id, name, deed, result } => {
            inbox::handled(model, id, &name, &deed, result);
            true
        }
        Msg::RuntimeLoaded { generation, result } => activity::runtime_loaded(model, generation, result),
        Msg::DetailLoaded { generation, result } => live::detail_loaded(model, generation, result),
        Msg::Decided { generation, result } => {
            effects = decide::decided(model, generation, result);
            true
        }
        Msg::MatchingLoaded { generation, result } => mark::loaded(model, generation, result),
        Msg::FateLoaded { id, who, result } => live::fate_loaded(model, id, &who, result),
        Msg::Revised { generation, result } => {
            effects = edit::revised(model, generation, result);
            true
        }
        Msg::KeepFailed(reason) => {
            model.say(Role::Bad, &format!("the text cannot be kept in a file: {reason}"));
            true
        }
        Msg::EditedOutside { item, result } => {
            effects = edit::came_back(model, item, result);
            true
        }
        Msg::KeptChecked(standing) => {
            edit::kept_checked(model, &standing);
            true
        }
        Msg::Switched { reach, turn, result } => {
            switch::turned(model, &reach, &turn, result);
            true
        }
        Msg::BatchGoesOn { decision, tried, of } => batch::goes_on(model, decision, tried, of),
        Msg::BatchUndone { decision, result } => {
            batch::undone(model, decision, result);
            true
        }
    };
    model.is_dirty |= is_visible;
    live::settle(model, &mut effects);
    moves::fit(model);
    live::ask_for_what_is_missing(model, &mut effects);
    effects
}

fn note_painted(model: &mut Model, painted: Painted, at: Duration) -> Vec<Effect> {
    let now = model.now();
    if let (Some(shown), Some(preview)) = (&painted.preview, &mut model.preview)
        && preview.saw(shown)
    {
        model.seen.insert(shown.item.id, shown.item.payload_sha256);
        model.memory.note(shown.item, preview.detail(), now);
    }
    if let (Some(top), Some(Dialog::Help { scroll } | Dialog::Results { scroll, .. })) =
        (painted.overlay_top, &mut model.dialog)
    {
        *scroll = top;
    }
    if model.guard == Guard::Unseen {
        model.guard = Guard::Until(at + SETTLING);
    }
    model.painted = painted;
    edit::approve_what_was_asked_for(model)
}
