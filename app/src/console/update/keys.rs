//! From a key to an action: sequences, split arrow keys, and the keys of what lies over the screen.
use std::time::Duration;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::{copy, decide, edit, palette, switch};
use crate::console::action::{self, key};
use crate::console::dialog::{Dialog, ResolveStep};
use crate::console::model::Model;
use crate::console::msg::Effect;
use crate::console::theme::Role;

/// A slow line may tear an arrow key apart: what follows its beginning so closely is not typed by a person.
const TORN: Duration = Duration::from_millis(50);

pub(super) fn pressed(model: &mut Model, event: KeyEvent, at: Duration) -> Vec<Effect> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    // Keys without a name (backspace, alt-b) are bound to nothing, but a text field may know them.
    let name = key::name(event).unwrap_or_default();
    // Leaving decides nothing, and nobody should have to press it twice.
    if name != "ctrl-c" && is_torn(model, &name, at) {
        return Vec::new();
    }
    model.notice = None;
    if matches!(name.as_str(), "ctrl-c" | "ctrl-z") {
        return run(model, &name, at);
    }
    if model.dialog.is_some() {
        return in_dialog(model, event, &name, at);
    }
    if model.editor.is_some() {
        return in_editor(model, event, &name, at);
    }
    let sequence = model.prefix.take().map(|first| format!("{first} {name}"));
    match sequence {
        Some(sequence) => run(model, &sequence, at),
        None if action::begins_sequence(model.screen, &name) => {
            model.prefix = Some(name);
            Vec::new()
        }
        None => run(model, &name, at),
    }
}

pub(super) fn pasted(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(field) = model.dialog.as_mut().and_then(Dialog::field_mut) {
        field.insert(text);
        return Vec::new();
    }
    if model.editor.is_some() && model.dialog.is_none() {
        return edit::pasted(model, text);
    }
    model.say(Role::Warn, "pasted text was not taken: keys decide here, and text goes into a field (/)");
    Vec::new()
}

/// Whether the key belongs to an arrow key that arrived in pieces (`ESC`, `[` or `O`, then a letter).
fn is_torn(model: &mut Model, name: &str, at: Duration) -> bool {
    let follows = model.introducer.is_some_and(|start| at.saturating_sub(start) < TORN);
    let has_field = model.editor.is_some() || model.dialog.as_mut().and_then(Dialog::field_mut).is_some();
    match name {
        "esc" => {
            model.introducer = Some(at);
            false
        }
        "[" | "O" if !has_field || follows => {
            model.introducer = Some(at);
            true
        }
        name if follows => {
            // Parameters of a longer sequence keep it open; its last letter ends it.
            let goes_on =
                name.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, ';' | '<'));
            model.introducer = if goes_on { Some(at) } else { None };
            true
        }
        _ => {
            model.introducer = None;
            false
        }
    }
}

fn run(model: &mut Model, keys: &str, at: Duration) -> Vec<Effect> {
    let Some(action) = action::bound_to(model.screen, keys) else {
        return Vec::new();
    };
    perform(model, action, at)
}

pub(super) fn perform(model: &mut Model, action: &action::Action, at: Duration) -> Vec<Effect> {
    match (action.enabled)(model) {
        Ok(()) => (action.run)(model, at),
        Err(reason) => {
            model.say(Role::Warn, &format!("{}: {reason}", action.id));
            Vec::new()
        }
    }
}

fn in_editor(model: &mut Model, event: KeyEvent, name: &str, at: Duration) -> Vec<Effect> {
    let bound = action::active(model).find(|action| action.keys.contains(&name));
    match bound {
        Some(action) => perform(model, action, at),
        None => edit::typed(model, event),
    }
}

fn in_dialog(model: &mut Model, event: KeyEvent, name: &str, at: Duration) -> Vec<Effect> {
    let Some(dialog) = model.dialog.as_mut() else {
        return Vec::new();
    };
    match (dialog, name) {
        (_, "esc") | (Dialog::Help { .. } | Dialog::Results { .. }, "q" | "enter" | "?") => {
            model.dialog = None;
            Vec::new()
        }
        (Dialog::Help { scroll } | Dialog::Results { scroll, .. }, name) => {
            *scroll = match name {
                "j" | "down" => scroll.saturating_add(1),
                "k" | "up" => scroll.saturating_sub(1),
                "pagedown" | "J" | "ctrl-d" => scroll.saturating_add(10),
                "pageup" | "K" | "ctrl-u" => scroll.saturating_sub(10),
                _ => *scroll,
            };
            Vec::new()
        }
        (Dialog::Resolve { step: ResolveStep::Choice, .. }, name) => decide::resolve(model, name),
        (Dialog::Copy { .. }, name) => copy::answer(model, name),
        (Dialog::LookAlike { .. }, name) => decide::confirm(model, name),
        (Dialog::Lift { .. }, name) => switch::lift(model, name),
        (Dialog::Palette(_), "enter") => palette::run(model, at),
        (Dialog::Palette(_), "down" | "ctrl-n") => palette::step(model, 1),
        (Dialog::Palette(_), "up" | "ctrl-p") => palette::step(model, -1),
        (_, "enter") => decide::answer(model),
        (dialog, _) => {
            if let Some(field) = dialog.field_mut() {
                field.key(event);
            }
            if let Dialog::Palette(palette) = dialog {
                palette.chosen = None;
            }
            Vec::new()
        }
    }
}
