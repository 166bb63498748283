//! Is there a way to send on this channel, and was the message rendered for it?
use jiff::SignedDuration;

use super::{Facts, Verdict};

const GATE: &str = "channel";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let channel = facts.outbox.channel;
    let is_rendered = facts.item.envelope.as_ref().is_some_and(|envelope| envelope.request.is_some());
    if facts.has_line && is_rendered {
        return Verdict::pass(GATE, format!("{channel} is available"));
    }
    if facts.has_line && facts.item.envelope.is_some() {
        // A person saw no request, so none is made behind their back.
        let sentence = format!(
            "it was drafted before {channel} could be sent; edit and save it, so that it is rendered"
        );
        return Verdict::reopen(GATE, "not_rendered", sentence);
    }
    let until = facts.now + SignedDuration::from_mins(10);
    let sentence = format!("this version cannot send on {channel}, so this waits");
    Verdict::defer(GATE, "channel_unavailable", until, sentence)
}
