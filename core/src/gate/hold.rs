//! Is the contact there, and is everything read that they wrote?
use jiff::SignedDuration;

use super::{Facts, Verdict};

const GATE: &str = "hold";

/// How soon it is looked again whether what came in was read.
const UNREAD_AGAIN: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.item.is_post() {
        return Verdict::pass(GATE, "a post is written to nobody");
    }
    if facts.item.is_unread {
        return Verdict::defer(
            GATE,
            "unread",
            facts.now + UNREAD_AGAIN,
            "something came in from the contact and is being read",
        );
    }
    match facts.item.away_until {
        Some(until) if until > facts.now => Verdict::defer(
            GATE,
            "away",
            until,
            format!("an automatic answer says they are away; until {until:.0}"),
        ),
        _ => Verdict::pass(GATE, "the contact is there"),
    }
}
