//! Copying: asks which part of the message, and hands it over.
use std::sync::Arc;

use countersign_core::approval::Item;

use crate::console::copy::Part;
use crate::console::dialog::Dialog;
use crate::console::model::Model;
use crate::console::msg::Effect;
use crate::console::preview::{Detail, Preview};
use crate::console::theme::Role;
use crate::terminal::Clip;

/// Whether something can be copied now, or why not.
pub(crate) fn is_possible(model: &Model) -> Result<(), String> {
    match model.clipboard_fault {
        Some(reason) => Err(reason.to_owned()),
        None => read(model).map(|_| ()).map_err(str::to_owned),
    }
}

/// Asks which part. What is copied is what was on screen then, whatever the message says by the time of the answer.
pub(crate) fn ask(model: &mut Model) -> Vec<Effect> {
    match on_screen(model) {
        Ok((item, detail)) => model.dialog = Some(Dialog::Copy { item, detail }),
        Err(reason) => model.say(Role::Warn, &format!("nothing copied: {reason}")),
    }
    Vec::new()
}

/// The item under the cursor, once it was read from the database.
fn read(model: &Model) -> Result<&Preview, &'static str> {
    let current = model.current().ok_or("the list is empty")?.id();
    let preview = model.preview.as_ref().filter(|preview| preview.item.id == current);
    preview.ok_or("the message is still being read")
}

/// The same with the bytes that the last frame stood for.
fn on_screen(model: &Model) -> Result<(Item, Arc<Detail>), &'static str> {
    let preview = read(model)?;
    let shown = model.painted.preview.as_ref().map(|shown| &shown.item);
    let painted = shown.into_iter().chain(&model.painted.rows).find(|item| item.id == preview.item.id);
    match painted {
        Some(item) if item.payload_sha256 == preview.item.payload_sha256 => {
            Ok((preview.item, Arc::clone(preview.detail())))
        }
        Some(_) => Err("the message just changed: look and press again"),
        None => Err("the message is not on screen yet"),
    }
}

/// Takes the digit that chooses the part.
pub(super) fn answer(model: &mut Model, key: &str) -> Vec<Effect> {
    let Some(part) = Part::of_key(key) else {
        return Vec::new();
    };
    let Some(Dialog::Copy { item, detail }) = model.dialog.take() else {
        return Vec::new();
    };
    let name = part.name();
    let clip = part
        .read(&item, &detail)
        .map_err(str::to_owned)
        .and_then(|text| Clip::new(text).map_err(|error| error.to_string()));
    match clip {
        Ok(clip) => {
            // Terminals do not say whether they took it.
            model.say(Role::Good, &format!("sent to terminal: {name}"));
            vec![Effect::Copy(clip)]
        }
        Err(reason) => {
            model.say(Role::Warn, &format!("{name} not copied: {reason}"));
            Vec::new()
        }
    }
}
