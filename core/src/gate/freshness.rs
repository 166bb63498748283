//! Is the message still worth sending, and its approval still worth something? An old approval never mails old facts.
use jiff::SignedDuration;

use super::{Facts, Verdict};
use crate::activity::payload::{LinkedinAction, Parts};
use crate::activity::status::Status;

const GATE: &str = "freshness";

/// LinkedIn takes messages that follow something a member did, sent by a person there and then.
const LINKEDIN_APPROVAL: SignedDuration = SignedDuration::from_mins(15);

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let item = facts.item;
    let is_linkedin_message = item.envelope.as_ref().is_some_and(|envelope| {
        matches!(envelope.payload.parts, Parts::Linkedin { action: LinkedinAction::Message, .. })
    });
    match item.decided_at {
        Some(at) if is_linkedin_message && facts.now.duration_since(at) >= LINKEDIN_APPROVAL => {
            let sentence = "the approval of a LinkedIn message lives for 15 minutes; it is a draft again";
            return Verdict::reopen(GATE, "approval_lapsed", sentence);
        }
        _ => {}
    }
    match item.expires_at {
        Some(expires_at) if expires_at <= facts.now => {
            Verdict::block(GATE, "expired", Status::Expired, format!("expired at {expires_at:.0}"))
        }
        Some(expires_at) => Verdict::pass(GATE, format!("fresh until {expires_at:.0}")),
        None => Verdict::pass(GATE, "does not expire"),
    }
}
