//! What the tests of the channels' checks share: an outbox of any channel, and drafts for it.
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Checked, DraftInput, FieldError, check};
use crate::channel::{ChannelName, ProviderSettings};
use crate::ids::OutboxId;
use crate::outbox::limits::Limits;
use crate::outbox::store::OutboxSettings;

/// A draft with that content; its channel is that of the outbox it is checked against.
pub(super) fn draft(to: Option<&str>, payload: &Value) -> Value {
    json!({ "to": to, "payload": payload })
}

/// Checks a draft against an outbox of the channel.
pub(super) fn check_as(channel: ChannelName, draft: &Value) -> Result<Checked, FieldError> {
    let mut draft = draft.clone();
    draft["channel"] = json!(channel);
    let input: DraftInput = serde_json::from_value(draft).expect("the shape of a draft");
    let outbox = OutboxSettings {
        id: OutboxId(Uuid::from_u128(1)),
        name: "out".to_owned(),
        channel,
        sender: "somebody".to_owned(),
        secret_ref: "secret://key:latest".to_owned(),
        zone: "UTC".to_owned(),
        undo_window: Duration::ZERO,
        allowlist_enforced: true,
        paused: None,
        killed: None,
        cool_until: None,
        cool_reason: None,
        fault_streak: 0,
        spaced_until: None,
        daily_cap: 1,
        limits: Limits::default(),
        provider: ProviderSettings::default(),
    };
    check(&input, &outbox)
}
