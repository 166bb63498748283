//! Is the outbox allowed to send at all, and is its credential asked to wait?
use jiff::SignedDuration;

use super::{Facts, Verdict};
use crate::outbox::store::{CoolReason, KillScope};

const GATE: &str = "outbox";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let outbox = facts.outbox;
    // A stop ends by a person's word, so the time only says when the dispatcher looks again.
    let until = facts.now + SignedDuration::from_mins(1);
    if let Some(kill) = &outbox.killed {
        let what = match kill.scope {
            KillScope::Outbox => format!("outbox {}", outbox.name),
            KillScope::Channel => format!("every outbox of {}", outbox.channel),
            KillScope::Company => "everything of this company".to_owned(),
        };
        let sentence = format!("{what} is killed: {}; only an admin lifts that", kill.reason);
        return Verdict::defer(GATE, "outbox_killed", until, sentence);
    }
    if let Some(reason) = &outbox.paused {
        let sentence = format!("outbox {} is paused: {reason}", outbox.name);
        return Verdict::defer(GATE, "outbox_paused", until, sentence);
    }
    match (outbox.cool_until, outbox.cool_reason) {
        (Some(until), Some(CoolReason::Circuit)) if until > facts.now => Verdict::defer(
            GATE,
            "circuit_open",
            until,
            format!("{} calls in a row had no clear answer; one is tried at {until:.0}", outbox.fault_streak),
        ),
        (Some(until), Some(CoolReason::Bounces)) if until > facts.now => Verdict::defer(
            GATE,
            "bounces",
            until,
            format!("too much mail of {} came back; it waits until {until:.0}", outbox.name),
        ),
        (Some(until), _) if until > facts.now => {
            Verdict::defer(GATE, "provider_wait", until, "the provider asked this credential to wait")
        }
        _ => Verdict::pass(GATE, format!("outbox {} is open", outbox.name)),
    }
}
