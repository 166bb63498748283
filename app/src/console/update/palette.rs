//! Opening the palette, choosing in it, and running what was chosen. What there is to choose is [`crate::console::palette`]'s.
use std::time::Duration;

use super::{keys, moves, switch};
use crate::console::dialog::Dialog;
use crate::console::field::Field;
use crate::console::model::Model;
use crate::console::msg::Effect;
use crate::console::palette::{self, Command, Palette};
use crate::console::theme::Role;

pub(crate) fn open(model: &mut Model) -> Vec<Effect> {
    let before = model.painted.clone();
    model.dialog = Some(Dialog::Palette(Palette { field: Field::default(), chosen: None, before }));
    Vec::new()
}

/// One entry further, around the ends.
pub(super) fn step(model: &mut Model, delta: isize) -> Vec<Effect> {
    let Some(Dialog::Palette(palette)) = &model.dialog else {
        return Vec::new();
    };
    let entries = palette::entries(model, palette.field.text());
    let index = palette::chosen_of(&entries, palette.chosen.as_deref());
    let next = match (index.checked_add_signed(delta), entries.len()) {
        (_, 0) => return Vec::new(),
        (Some(next), count) if next < count => next,
        (Some(_), _) => 0,
        (None, count) => count - 1,
    };
    let id = entries[next].id.clone();
    if let Some(Dialog::Palette(palette)) = &mut model.dialog {
        palette.chosen = Some(id);
    }
    Vec::new()
}

pub(super) fn run(model: &mut Model, at: Duration) -> Vec<Effect> {
    let Some(Dialog::Palette(palette)) = model.dialog.take() else {
        return Vec::new();
    };
    let entries = palette::entries(model, palette.field.text());
    let index = palette::chosen_of(&entries, palette.chosen.as_deref());
    // A decision names what a person saw before the palette lay over it, never what came in underneath.
    model.painted = palette.before;
    let Some(entry) = entries.into_iter().nth(index) else {
        model.say(Role::Warn, "no command has these words; ? lists all of them");
        return Vec::new();
    };
    match (entry.command, entry.state) {
        (Command::Act(action), _) => keys::perform(model, action, at),
        (Command::Filter(filtering), Ok(())) => moves::filter(model, filtering),
        (Command::Kill(reach), Ok(())) => switch::ask_kill_of(model, reach),
        (Command::Lift(reach), Ok(())) => switch::ask_lift(model, reach),
        (_, Err(reason)) => {
            let sentence = model.theme.charset.joined(&[&entry.id, ": ", &reason]);
            model.say(Role::Warn, sentence.as_str());
            Vec::new()
        }
        (Command::Nothing, Ok(())) => Vec::new(),
    }
}
