//! Is the outbox allowed to send at all, and has the provider asked its credential to wait?
use jiff::SignedDuration;

use super::{Facts, Verdict};

const GATE: &str = "outbox";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if let Some(reason) = facts.killed {
        let until = facts.now + SignedDuration::from_mins(1);
        let sentence = format!("outbox {} is killed: {reason}; only an admin lifts that", facts.outbox);
        return Verdict::defer(GATE, "outbox_killed", until, sentence);
    }
    if let Some(reason) = facts.paused {
        // A pause ends by a person's word, so the time only says when the dispatcher looks again.
        let until = facts.now + SignedDuration::from_mins(1);
        return Verdict::defer(
            GATE,
            "outbox_paused",
            until,
            format!("outbox {} is paused: {reason}", facts.outbox),
        );
    }
    match facts.cool_until {
        Some(until) if until > facts.now => {
            Verdict::defer(GATE, "provider_wait", until, "the provider asked this credential to wait")
        }
        _ => Verdict::pass(GATE, format!("outbox {} is open", facts.outbox)),
    }
}
