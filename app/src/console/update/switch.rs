//! Switches: pausing and killing, each with a reason, and letting go again.
use countersign_core::actor::Role as ActorRole;
use countersign_core::outbox::store::KillScope;

use super::live;
use crate::console::dialog::Dialog;
use crate::console::field::Field;
use crate::console::model::Model;
use crate::console::msg::{Effect, Failure};
use crate::console::switch::{Reach, Turn};
use crate::console::theme::Role;

const WIDER: &str = "a kill that reaches further stops it; find `lift` among the commands (:)";

/// The outbox under the cursor.
fn outbox(model: &Model) -> Option<Reach> {
    model.current_outbox().map(|outbox| Reach::Outbox { id: outbox.id, name: outbox.name.clone() })
}

pub(crate) fn ask_pause(model: &mut Model) -> Vec<Effect> {
    let (Some(reach), Some(outbox)) = (outbox(model), model.current_outbox()) else {
        return Vec::new();
    };
    if outbox.kill_reason.is_some() {
        // One key is too little for what was stopped for good.
        let how = if is_killed(model, &reach) {
            format!("{} lifts that, for an admin", crate::console::action::key_of("kill"))
        } else {
            WIDER.to_owned()
        };
        let name = reach.name(model.theme.charset);
        model.say(Role::Warn, &format!("{name} is killed, not paused: {how}"));
        return Vec::new();
    }
    if !outbox.enabled {
        return turn_it(model, reach, Turn::Resume);
    }
    model.dialog = Some(Dialog::Stop { field: Field::default(), reach, is_kill: false });
    Vec::new()
}

/// Asks why to kill the outbox under the cursor, or whether to let it go again.
pub(crate) fn ask_kill(model: &mut Model) -> Vec<Effect> {
    match outbox(model) {
        Some(reach) if is_killed(model, &reach) => ask_lift(model, reach),
        Some(reach) => ask_kill_of(model, reach),
        None => Vec::new(),
    }
}

/// Asks why to kill that.
pub(crate) fn ask_kill_of(model: &mut Model, reach: Reach) -> Vec<Effect> {
    model.dialog = Some(Dialog::Stop { field: Field::default(), reach, is_kill: true });
    Vec::new()
}

/// Asks for the key that lets go again: another one than opened the question.
pub(crate) fn ask_lift(model: &mut Model, reach: Reach) -> Vec<Effect> {
    model.dialog = Some(Dialog::Lift { reach });
    Vec::new()
}

/// Whether that itself is killed, and not only what lies around it.
pub(crate) fn is_killed(model: &Model, reach: &Reach) -> bool {
    match reach {
        Reach::Outbox { id, .. } => {
            let outbox = model.outboxes.iter().find(|outbox| outbox.id == *id);
            outbox.is_some_and(|outbox| outbox.kill_scope == Some(KillScope::Outbox))
        }
        Reach::Channel(channel) => model.kills.iter().any(|kill| kill.channel == Some(*channel)),
        Reach::Company => model.kills.iter().any(|kill| kill.channel.is_none()),
    }
}

/// Whether a kill can be made or lifted now, or why not.
pub(crate) fn can_turn(model: &Model, reach: &Reach) -> Result<(), String> {
    model.may_write(if is_killed(model, reach) { ActorRole::Admin } else { ActorRole::Approver })
}

/// Whether the outbox under the cursor can be killed or lifted, or why not.
pub(crate) fn can_kill(model: &Model) -> Result<(), String> {
    let reach = outbox(model).ok_or_else(|| "there is no outbox yet".to_owned())?;
    can_turn(model, &reach)?;
    let outbox = model.current_outbox();
    match outbox.filter(|_| !is_killed(model, &reach)).and_then(|outbox| outbox.kill_scope) {
        // The wider switch stops it already, and lifting it is another decision.
        Some(_) => Err(WIDER.to_owned()),
        None => Ok(()),
    }
}

/// Turns a switch. Until the answer is here the screen says what is being done: whoever pressed the key for an emergency looks for it.
fn turn_it(model: &mut Model, reach: Reach, turn: Turn) -> Vec<Effect> {
    let name = reach.name(model.theme.charset);
    model.say(Role::Title, &format!("{}: {name}", turn.doing()));
    vec![Effect::Switch { reach, turn }]
}

/// Takes the reason of a stop.
pub(super) fn stop(model: &mut Model, field: Field, reach: Reach, is_kill: bool) -> Vec<Effect> {
    let Some(reason) = field.filled() else {
        model.dialog = Some(Dialog::Stop { field, reach, is_kill });
        return Vec::new();
    };
    if let Err(problem) = model.may_write(ActorRole::Approver) {
        model.say(Role::Bad, &format!("not {}: {problem}", if is_kill { "killed" } else { "paused" }));
        return Vec::new();
    }
    let turn = if is_kill { Turn::Kill { reason } } else { Turn::Pause { reason } };
    turn_it(model, reach, turn)
}

/// Takes the key that confirms that something killed sends again. It cannot be the one that opened the question.
pub(super) fn lift(model: &mut Model, key: &str) -> Vec<Effect> {
    if key != "Y" {
        return Vec::new();
    }
    let Some(Dialog::Lift { reach }) = model.dialog.take() else {
        return Vec::new();
    };
    if let Err(problem) = model.may_write(ActorRole::Admin) {
        model.say(Role::Bad, &format!("not lifted: {problem}"));
        return Vec::new();
    }
    turn_it(model, reach, Turn::Lift)
}

/// Learns whether a switch was turned.
pub(super) fn turned(model: &mut Model, reach: &Reach, turn: &Turn, result: Result<(), Failure>) {
    live::read_again(model);
    let charset = model.theme.charset;
    let (word, name) = (turn.done(), reach.name(charset));
    match result {
        Ok(()) => model.say(Role::Good, &format!("{word}: {name}")),
        Err(Failure::Refused(sentence)) => {
            model.say(Role::Bad, &format!("not {word}: {}", charset.line(&sentence)));
        }
        Err(failure @ Failure::Unavailable(_)) => {
            live::lost(model, &failure);
            let words = format!("the database did not answer: it is not known whether it was {word}: {name}");
            model.say(Role::Bad, &words);
        }
    }
}
