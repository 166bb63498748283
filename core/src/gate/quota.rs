//! Is there anything left of the outbox's local day? Advice only: at the claim quota is taken by number, never read and then taken.
use jiff::Timestamp;

use super::{Facts, Verdict};

const GATE: &str = "quota";

/// Where the bucket of an outbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Taken of the day.
    pub sent_today: i32,
    /// What may be taken of it: the lowest active limit.
    pub cap: i32,
    /// Whether the warm-up is that limit.
    pub is_ramped: bool,
    /// When the next day begins.
    pub resets_at: Timestamp,
}

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let Some(quota) = facts.quota else {
        return Verdict::pass(GATE, "taken when it is claimed");
    };
    let limit = if quota.is_ramped { " (warm-up)" } else { "" };
    let taken = format!("{} of {}{limit} sent today", quota.sent_today, quota.cap);
    if quota.sent_today < quota.cap {
        return Verdict::pass(GATE, taken);
    }
    let code = exhausted(quota.is_ramped);
    Verdict::defer(GATE, code, quota.resets_at, format!("{taken}; again at {:.0}", quota.resets_at))
}

/// The code of a hold for want of quota, by the limit that is lowest.
#[must_use]
pub fn exhausted(is_ramped: bool) -> &'static str {
    if is_ramped { "ramp_exhausted" } else { "quota_exhausted" }
}
