//! Is there a way to send on this channel, and was the message rendered for it?
use jiff::SignedDuration;

use super::{Facts, Verdict};

const GATE: &str = "channel";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.has_line && facts.is_rendered {
        return Verdict::pass(GATE, format!("{} is available", facts.channel));
    }
    let until = facts.now + SignedDuration::from_mins(10);
    Verdict::defer(
        GATE,
        "channel_unavailable",
        until,
        format!("{} has no adapter yet, so this waits", facts.channel),
    )
}
