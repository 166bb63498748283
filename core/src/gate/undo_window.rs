//! Has the time come? Covers the undo window and the time a draft asked for.
use super::{Facts, Verdict};

const GATE: &str = "time";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.send_after > facts.now {
        return Verdict::defer(
            GATE,
            "undo_window",
            facts.send_after,
            format!("not before {:.0}", facts.send_after),
        );
    }
    Verdict::pass(GATE, "due")
}
