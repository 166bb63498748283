//! Taking back everything of the latest decision that has not left, whatever holds it by now.
use countersign_core::actor::Role as ActorRole;
use countersign_core::approval::Undone;

use super::live;
use crate::console::deciding::{Latest, Verb};
use crate::console::model::Model;
use crate::console::msg::{Effect, Failure};
use crate::console::theme::Role;
use crate::console::words;
use crate::progress::Progress;

/// Whether there is something to take back, or why not.
pub(crate) fn can_undo(model: &Model) -> Result<(), String> {
    model.may_write(ActorRole::Approver)?;
    // What is on its way is the latest, and it has to end first: the one before is not meant.
    if model.deciding.iter().any(|deciding| deciding.verb() == Verb::Approve) {
        return Err("your latest batch is still being approved; esc stops that".to_owned());
    }
    match &model.latest {
        None => Err("nothing was approved on this console yet".to_owned()),
        Some(Latest { undoing: Some(_), .. }) => Err("your latest batch is being taken back".to_owned()),
        Some(Latest { is_undone: true, .. }) => Err("your latest batch was taken back already".to_owned()),
        Some(_) => Ok(()),
    }
}

/// Takes it back. One batch only: an anxious second press must not reach the decision before it.
pub(crate) fn undo(model: &mut Model) -> Vec<Effect> {
    let started = model.now();
    let Some(latest) = &mut model.latest else {
        return Vec::new();
    };
    latest.undoing = Some(Progress { done: 0, total: None, started });
    vec![Effect::UndoBatch { decision: latest.decision }]
}

/// Learns how far that is.
pub(super) fn goes_on(model: &mut Model, decision: u64, tried: usize, of: usize) -> bool {
    let latest = model.latest.as_mut().filter(|latest| latest.decision == decision);
    let Some(progress) = latest.and_then(|latest| latest.undoing.as_mut()) else {
        return false;
    };
    progress.done = u64::try_from(tried).unwrap_or(u64::MAX);
    progress.total = u64::try_from(of).ok();
    true
}

/// Learns how much of it was taken back.
pub(super) fn undone(model: &mut Model, decision: u64, result: Result<Undone, Failure>) {
    live::read_again(model);
    let latest = model.latest.as_mut().filter(|latest| latest.decision == decision);
    if let Some(latest) = latest {
        latest.undoing = None;
        latest.is_undone = result.is_ok();
    }
    match result {
        Ok(Undone { undone, batch_size }) => {
            // What came back is no longer to be taken back one by one.
            model.batches.retain(|batch| batch.decision != decision);
            let all = words::messages(batch_size);
            let count = words::grouped(i64::try_from(undone).unwrap_or(i64::MAX));
            let (role, rest) = match (undone, batch_size - undone.min(batch_size)) {
                (_, 0) => (Role::Good, String::new()),
                (_, rest) => {
                    let rest = words::grouped(i64::try_from(rest).unwrap_or(i64::MAX));
                    (Role::Warn, format!("; {rest} had left, stopped or come back before"))
                }
            };
            model.say(role, &format!("taken back {count} of {all}{rest}"));
        }
        Err(Failure::Refused(sentence)) => {
            let sentence = model.theme.charset.line(&sentence);
            model.say(Role::Bad, &format!("not taken back: {sentence}"));
        }
        Err(failure @ Failure::Unavailable(_)) => {
            live::lost(model, &failure);
            let words =
                "the database did not answer: the list will show what was taken back; ask again for the rest";
            model.say(Role::Bad, words);
        }
    }
}
