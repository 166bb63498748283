//! Is there a decision on exactly the stored bytes? The database holds the same line; this says so in words.
use super::{Facts, Verdict};
use crate::activity::status::Status;

const GATE: &str = "decision";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if facts.stored_sha256 != Some(facts.payload_sha256) {
        let sentence = "the stored bytes are not the ones this item points at; nothing is sent";
        return Verdict::block(GATE, "payload_mismatch", Status::BlockedByPolicy, sentence);
    }
    if !facts.is_readable {
        let sentence = "the stored bytes cannot be read by this version; nothing is sent";
        return Verdict::block(GATE, "payload_unreadable", Status::BlockedByPolicy, sentence);
    }
    if !facts.fits_outbox {
        let sentence = "the message names another outbox, channel or credential than it would be sent with; nothing is sent";
        return Verdict::block(GATE, "payload_mismatch", Status::BlockedByPolicy, sentence);
    }
    match facts.decided_sha256 {
        Some(decided) if decided == facts.payload_sha256 => {
            Verdict::pass(GATE, "decided on exactly these bytes")
        }
        None if facts.is_draft => Verdict::pass(GATE, "waits for your decision"),
        _ => Verdict::block(
            GATE,
            "payload_mismatch",
            Status::BlockedByPolicy,
            "no decision on exactly these bytes",
        ),
    }
}
