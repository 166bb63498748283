//! The Activity screen: what to read for it, what arrived, and what its keys do.
use countersign_core::audit::Page;
use countersign_core::engine::board::Task;
use jiff::SignedDuration;

use super::{live, moves};
use crate::console::activity::{Request, Runtime, elsewhere, engine_lines};
use crate::console::backend::DispatcherState;
use crate::console::dialog::Dialog;
use crate::console::field::Field;
use crate::console::layout;
use crate::console::model::{Model, Screen, Selection};
use crate::console::msg::{Effect, Failure};

/// How old what is known of the engines may be while somebody looks at it.
const OLD: SignedDuration = SignedDuration::from_secs(10);

/// Asks for what the screen needs and has not; an attached console always wants to know who sends.
pub(super) fn ask_for_what_is_missing(model: &mut Model, effects: &mut Vec<Effect>) {
    let is_shown = model.screen == Screen::Activity;
    if !is_shown && model.engine.dispatcher != DispatcherState::Elsewhere {
        return;
    }
    let now = model.now();
    let is_old = model.activity.runtime_asked_at.is_none_or(|at| now.duration_since(at).abs() >= OLD);
    if is_old && model.activity.runtime_in_flight.is_none() {
        let generation = model.next_generation();
        model.activity.runtime_in_flight = Some(generation);
        model.activity.runtime_asked_at = Some(now);
        effects.push(Effect::LoadRuntime { generation });
    }
    if !is_shown {
        return;
    }
    let end = model.visible(usize::from(layout::of(model).list.height)).end;
    let version = model.version;
    if let Some(before) = model.activity.wanted(end, version) {
        let generation = model.next_generation();
        model.activity.in_flight = Some(Request { generation, before, version });
        effects.push(Effect::LoadAudit { generation, text: model.activity.text.clone(), before });
    }
}

pub(super) fn audit_loaded(model: &mut Model, generation: u64, result: Result<Page, Failure>) -> bool {
    let Some(request) = model.activity.in_flight.take_if(|request| request.generation == generation) else {
        return false;
    };
    match result {
        Ok(page) => {
            let charset = model.theme.charset;
            model.activity.take(request, page, charset);
        }
        Err(failure) => {
            if matches!(failure, Failure::Refused(_)) {
                // What was refused is not asked for again before something changes.
                model.activity.version = Some(request.version);
                (model.activity.is_loaded, model.activity.next) = (true, None);
            }
            return live::fault(model, &failure);
        }
    }
    true
}

/// Says whether anything reads differently: a task that merely ran again does not.
pub(super) fn runtime_loaded(
    model: &mut Model,
    generation: u64,
    result: Result<Box<Runtime>, Failure>,
) -> bool {
    if model.activity.runtime_in_flight.take_if(|asked| *asked == generation).is_none() {
        return false;
    }
    let runtime = match result {
        Ok(runtime) => runtime,
        Err(failure) => return live::fault(model, &failure),
    };
    let before = (elsewhere(model), engine_lines(model));
    model.activity.tasks.clone_from(&runtime.tasks);
    model.activity.runtime = Some(*runtime);
    let after = (elsewhere(model), engine_lines(model));
    if model.screen == Screen::Activity { before != after } else { before.0 != after.0 }
}

pub(super) fn tasks_changed(model: &mut Model, tasks: Vec<Task>) -> bool {
    model.activity.tasks = tasks;
    model.screen == Screen::Activity
}

/// Puts the cursor back on its row after rows came in above it.
pub(super) fn settle(model: &mut Model) {
    let activity = &model.activity;
    let found = activity.at.and_then(|id| activity.index_of(id));
    let last = activity.entries.len().saturating_sub(1);
    let index = found.unwrap_or(model.activity_at.index).min(last);
    select(model, index);
}

/// Puts the cursor on a row.
pub(super) fn select(model: &mut Model, index: usize) {
    model.activity_at.index = index;
    model.activity.at = model.activity.entries.get(index).map(|entry| entry.row.id);
}

/// Narrows the rows, or shows all again.
pub(super) fn narrow(model: &mut Model, text: Option<String>) {
    if model.activity.text != text {
        model.activity.clear();
        model.activity.text = text;
        model.activity_at = Selection::default();
    }
}

pub(crate) fn ask_filter(model: &mut Model) -> Vec<Effect> {
    let field = Field::with(model.activity.text.as_deref().unwrap_or(""));
    model.dialog = Some(Dialog::Filter { field });
    Vec::new()
}

/// One step back: all rows again.
pub(crate) fn close(model: &mut Model) -> Vec<Effect> {
    narrow(model, None);
    Vec::new()
}

/// Shows the row under the cursor in full.
pub(crate) fn inspect(model: &mut Model) -> Vec<Effect> {
    if let Some(entry) = model.activity.entries.get(model.activity_at.index) {
        let lines = entry.lines(model.theme.charset);
        model.dialog = Some(Dialog::Results { title: "Audit row".to_owned(), lines, scroll: 0 });
    }
    Vec::new()
}

/// Shows what the engines say in full.
pub(crate) fn engine(model: &mut Model) -> Vec<Effect> {
    let lines = engine_lines(model);
    model.dialog = Some(Dialog::Results { title: "Engines and this process".to_owned(), lines, scroll: 0 });
    Vec::new()
}

/// Moves to the screen that many places on, round the corner.
pub(crate) fn step_screen(model: &mut Model, delta: isize) -> Vec<Effect> {
    let all = Screen::ALL;
    let here = all.iter().position(|screen| *screen == model.screen).unwrap_or(0);
    let length = isize::try_from(all.len()).unwrap_or(1);
    let there = isize::try_from(here).unwrap_or(0).saturating_add(delta).rem_euclid(length);
    moves::show(model, all[usize::try_from(there).unwrap_or(0)])
}
