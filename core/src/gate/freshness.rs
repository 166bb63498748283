//! Is the message still worth sending? An old approval never mails old facts.
use super::{Facts, Verdict};
use crate::activity::status::Status;

const GATE: &str = "freshness";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    match facts.expires_at {
        Some(expires_at) if expires_at <= facts.now => {
            Verdict::block(GATE, "expired", Status::Expired, format!("expired at {expires_at:.0}"))
        }
        Some(expires_at) => Verdict::pass(GATE, format!("fresh until {expires_at:.0}")),
        None => Verdict::pass(GATE, "does not expire"),
    }
}
