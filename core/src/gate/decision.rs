//! Is there a decision on exactly the stored bytes, and a second one where the company asks for two people? The database holds the
//! first line as well; this says so in words.
use super::{Facts, Verdict};
use crate::activity::payload::Payload;
use crate::activity::status::Status;
use crate::approval::risk::Risk;
use crate::outbox::store::OutboxSettings;
use crate::secret::SecretRef;

const GATE: &str = "decision";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    let item = facts.item;
    let block = |code, sentence: &'static str| Verdict::block(GATE, code, Status::BlockedByPolicy, sentence);
    if item.stored_sha256 != Some(item.payload_sha256) {
        return block(
            "payload_mismatch",
            "the stored bytes are not the ones this item points at; nothing is sent",
        );
    }
    let Some(envelope) = &item.envelope else {
        return block(
            "payload_unreadable",
            "the stored bytes cannot be read by this version; nothing is sent",
        );
    };
    if !fits(&envelope.payload, facts.outbox) {
        return block(
            "payload_mismatch",
            "the message names another outbox, channel or credential than it would be sent with; nothing is sent",
        );
    }
    let asks_for_two = facts.policy.asks_for_two() && !item.is_by_operator && item.risk == Risk::High;
    match item.decided_sha256 {
        Some(decided) if decided == item.payload_sha256 => {
            if asks_for_two && item.approved_by.len() < 2 {
                let sentence = "its risk is high and only one person approved it; it is a draft again";
                return Verdict::reopen(GATE, "second_person", sentence);
            }
            Verdict::pass(GATE, "decided on exactly these bytes")
        }
        None if facts.is_draft => match (asks_for_two, item.approved_by.first()) {
            (true, Some(first)) => Verdict::pass(
                GATE,
                format!("{first} approved it; its risk is high, so a second person has to"),
            ),
            (true, None) => Verdict::pass(GATE, "its risk is high: two people have to approve it"),
            (false, _) => Verdict::pass(GATE, "waits for your decision"),
        },
        _ => block("payload_mismatch", "no decision on exactly these bytes"),
    }
}

/// Whether the frozen message speaks of the outbox it lies in, and of its channel and credential.
fn fits(payload: &Payload, outbox: &OutboxSettings) -> bool {
    payload.outbox_id == outbox.id
        && payload.channel == outbox.channel
        && outbox.secret_ref.parse::<SecretRef>().is_ok_and(|reference| reference.id == payload.credential_id)
}
