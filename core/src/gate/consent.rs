//! Did the contact say about this channel that they may be written to, or that they may not?
use super::{Facts, Verdict};
use crate::activity::payload::Kind;
use crate::activity::status::Status;
use crate::contact::consent::State;

const GATE: &str = "consent";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.item.kind == Kind::Post {
        return Verdict::pass(GATE, "a post is written to nobody");
    }
    let channel = facts.outbox.channel;
    let block = |sentence: String| Verdict::block(GATE, "consent", Status::BlockedByPolicy, sentence);
    match facts.item.consent {
        Some(State::Withdrawn) => block(format!("the contact does not want to be written to by {channel}")),
        Some(State::Granted) => Verdict::pass(GATE, format!("the contact consented to {channel}")),
        None if facts.outbox.limits.consent_required => block(format!(
            "this outbox asks for consent and none is on record for {channel}; `countersign contacts consent` records it"
        )),
        None => Verdict::pass(GATE, "this outbox asks for no consent"),
    }
}
