//! Did those who would receive it say about this channel that they may be written to, or that they may not? Copies are asked as well.
use super::{Facts, Verdict};
use crate::activity::status::Status;
use crate::contact::consent::State;

const GATE: &str = "consent";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.item.is_post() {
        return Verdict::pass(GATE, "a post is written to nobody");
    }
    let channel = facts.outbox.channel;
    let block = |sentence: String| Verdict::block(GATE, "consent", Status::BlockedByPolicy, sentence);
    if facts.item.consents.contains(&State::Withdrawn) {
        return block(format!("a recipient does not want to be written to by {channel}"));
    }
    if !facts.outbox.limits.consent_required {
        return Verdict::pass(GATE, "this outbox asks for no consent");
    }
    if facts.item.without_consent > 0 {
        return block(format!(
            "this outbox asks for consent and none of a recipient is on record for {channel}; `countersign contacts consent` records it"
        ));
    }
    Verdict::pass(GATE, format!("every recipient consented to {channel}"))
}
