//! A draft of one channel and its outbox, for the tables of the checks.
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Checked, FieldError};
use crate::channel::{ChannelName, ProviderSettings};
use crate::draft::input::DraftInput;
use crate::ids::OutboxId;
use crate::outbox::limits::Limits;
use crate::outbox::store::OutboxSettings;

/// Checks a draft; an error is its field and its reason.
pub(super) fn check(channel: ChannelName, to: &str, payload: &Value) -> Result<(), String> {
    check_as(channel, &draft(Some(to), payload)).map(|_| ()).map_err(|error| error.to_string())
}

/// A draft with that content; its channel is that of the outbox it is checked against.
pub(super) fn draft(to: Option<&str>, payload: &Value) -> Value {
    json!({ "to": to, "payload": payload })
}

/// Checks a draft against an outbox of the channel.
pub(super) fn check_as(channel: ChannelName, draft: &Value) -> Result<Checked, FieldError> {
    let mut draft = draft.clone();
    draft["channel"] = json!(channel);
    let input: DraftInput = serde_json::from_value(draft).expect("the shape of a draft");
    super::check(&input, &outbox(channel))
}

fn outbox(channel: ChannelName) -> OutboxSettings {
    OutboxSettings {
        id: OutboxId(Uuid::from_u128(1)),
        name: "o".to_owned(),
        channel,
        sender: "urn:li:person:1".to_owned(),
        secret_ref: "secret://s:latest".to_owned(),
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
    }
}
