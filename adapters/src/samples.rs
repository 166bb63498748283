//! What tests of every adapter need alike.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{Kind, Parts, Payload};
use countersign_core::channel::ChannelName;
use countersign_core::ids::OutboxId;
use uuid::Uuid;

/// A payload with that content and nothing else.
pub(crate) fn payload(channel: ChannelName, parts: Parts) -> Payload {
    Payload {
        channel,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "s".to_owned(),
        kind: Kind::FirstTouch,
        from: "acme".to_owned(),
        to: "somebody".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts,
    }
}
