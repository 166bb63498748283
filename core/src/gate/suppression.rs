//! Did anyone who would receive it ask not to be written to, or was suppressed for another reason?
use super::{Facts, Verdict};
use crate::activity::status::Status;
use crate::contact::suppression::canonical;

const GATE: &str = "suppression";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let found = facts
        .item
        .recipients()
        .into_iter()
        .find_map(|recipient| facts.suppressed.get(&canonical(&recipient)).map(|why| (recipient, *why)));
    match found {
        Some((recipient, why)) => Verdict::block(
            GATE,
            "suppressed",
            Status::BlockedByPolicy,
            format!("{recipient} {}", why.sentence()),
        ),
        None => Verdict::pass(GATE, "nobody is suppressed"),
    }
}
