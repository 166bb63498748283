//! Has the time come? Covers the undo window and the time a draft asked for.
use super::{Facts, Verdict};

const GATE: &str = "time";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let send_after = facts.item.send_after;
    if send_after > facts.now {
        return Verdict::defer(GATE, "undo_window", send_after, format!("not before {send_after:.0}"));
    }
    Verdict::pass(GATE, "due")
}
