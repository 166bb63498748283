//! The mouse chooses and scrolls what was drawn under it. It never decides anything, and is off until somebody turns it on.
use ratatui::layout::Position;

use super::moves;
use crate::console::dialog::Dialog;
use crate::console::model::{Focus, Model};
use crate::console::msg::{Effect, Target};
use crate::console::theme::Role;

/// Lines that one notch of the wheel moves.
const NOTCH: isize = 3;

pub(crate) fn toggle(model: &mut Model) -> Vec<Effect> {
    model.is_mouse_on = !model.is_mouse_on;
    let words = if model.is_mouse_on {
        "mouse on: click rows and screens, turn the wheel; to select text, hold shift or turn it off (m)"
    } else {
        "mouse off: the terminal selects text again"
    };
    model.say(Role::Plain, words);
    vec![Effect::Mouse(model.is_mouse_on)]
}

/// Says whether anything changed.
pub(super) fn clicked(model: &mut Model, x: u16, y: u16) -> bool {
    if !is_listened_to(model) || model.dialog.is_some() {
        return false;
    }
    match target(model, x, y) {
        Some(Target::Screen(screen)) => {
            moves::show(model, screen);
        }
        Some(Target::Row(id)) => {
            let Some(index) = model.index_of(id) else {
                return false;
            };
            model.focus = Focus::Rows;
            moves::to(model, index);
        }
        Some(Target::Event(id)) => {
            let Some(index) = model.inbox.events.index_of(id) else {
                return false;
            };
            moves::to(model, index);
        }
        Some(Target::Outbox(id)) => {
            let Some(index) = model.outboxes.iter().position(|outbox| outbox.id == id) else {
                return false;
            };
            (model.focus, model.outbox_index) = (Focus::Outboxes, index);
        }
        Some(Target::List | Target::Message) | None => return false,
    }
    true
}

/// Says whether anything changed.
pub(super) fn wheeled(model: &mut Model, x: u16, y: u16, lines: i8) -> bool {
    if !is_listened_to(model) {
        return false;
    }
    let delta = isize::from(lines.signum()) * NOTCH;
    if let Some(Dialog::Help { scroll } | Dialog::Results { scroll, .. }) = &mut model.dialog {
        *scroll = scroll.saturating_add_signed(delta);
        return true;
    }
    if model.dialog.is_some() {
        return false;
    }
    match target(model, x, y) {
        Some(Target::Row(_) | Target::Event(_) | Target::List) => {
            model.focus = Focus::Rows;
            moves::by(model, delta);
        }
        Some(Target::Message) => moves::scroll_by(model, delta),
        Some(Target::Screen(_) | Target::Outbox(_)) | None => return false,
    }
    true
}

/// Reports may still come in after it was turned off, and while a text is edited they mean nothing.
fn is_listened_to(model: &Model) -> bool {
    model.is_mouse_on && model.editor.is_none()
}

/// What the last frame had in that cell, the smallest thing first.
fn target(model: &Model, x: u16, y: u16) -> Option<Target> {
    let place = Position { x, y };
    let targets = model.painted.targets.iter();
    targets
        .filter(|(area, _)| area.contains(place))
        .min_by_key(|(area, _)| area.area())
        .map(|(_, target)| *target)
}
