//! Did the contact write, on any channel, after these words were written? Then they may be the wrong ones.
use super::{Facts, Verdict};
use crate::activity::status::Status;

const GATE: &str = "reply";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.item.is_post() {
        return Verdict::pass(GATE, "a post is written to nobody");
    }
    match facts.item.replied_at {
        Some(at) if at > facts.item.worded_at => Verdict::block(
            GATE,
            "replied",
            Status::BlockedByPolicy,
            format!("the contact wrote at {at:.0}, after this was written"),
        ),
        Some(_) => Verdict::pass(GATE, "written after the contact's last message"),
        None => Verdict::pass(GATE, "the contact has not written"),
    }
}
