//! The shape in which drafts come in: the body of `POST …/crm/send`, one object a draft.
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::activity::payload::Kind;
use crate::channel::ChannelName;
use crate::ids::{ActivityId, OutboxId};

/// A line longer than this is refused before it is parsed.
pub const LINE_LIMIT_BYTES: usize = 1_048_576;

/// The drafter that is noted when a draft names none.
pub const DEFAULT_DRAFTER: &str = "import";

/// One draft as it was handed in.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DraftInput {
    /// Channel; must be the outbox's.
    pub channel: ChannelName,
    /// Outbox by id.
    #[serde(default)]
    pub outbox_id: Option<OutboxId>,
    /// Outbox by name.
    #[serde(default)]
    pub outbox: Option<String>,
    /// Kind of touch; derived from history when absent.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Who it is for, beyond the address.
    #[serde(default)]
    pub contact: Option<ContactInput>,
    /// Recipient; for bookings the attendee's address when absent.
    #[serde(default)]
    pub to: Option<String>,
    /// The content, in the shape of the channel.
    pub payload: Value,
    /// Not before this time.
    #[serde(default)]
    pub send_after: Option<Timestamp>,
    /// Not after this time; 72 h from now when absent.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The open draft this one replaces.
    #[serde(default)]
    pub supersedes: Option<ActivityId>,
    /// Opaque key: the same key and body file nothing new.
    #[serde(default)]
    pub client_dedup_key: Option<String>,
    /// Name of the drafting agent.
    #[serde(default)]
    pub proposed_by: Option<String>,
}

/// What a draft says about its recipient.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactInput {
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// Company the contact belongs to.
    #[serde(default)]
    pub account: Option<String>,
    /// Language, BCP 47.
    #[serde(default)]
    pub locale: Option<String>,
    /// IANA time zone.
    #[serde(default)]
    pub zone: Option<String>,
}

/// Two drafts without a key are the same if drafter, contact, kind and body are.
pub(super) fn derived_key(drafter: &str, request_sha256: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(drafter);
    hash.update([0]);
    hash.update(request_sha256);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
