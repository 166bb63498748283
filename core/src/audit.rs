//! The audit log: who did what to which bytes, and why. Rows are written in the transaction of the change they record, so a
//! change that cannot be recorded does not happen.
pub mod store;
pub mod store_read;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::activity::payload::PayloadHash;
use crate::actor::Actor;
use crate::ids::{ActivityId, AuditId};

/// A row to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) id: AuditId,
    pub(crate) actor_kind: &'static str,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) actor_name: String,
    pub(crate) action: String,
    pub(crate) subject: Option<Uuid>,
    pub(crate) payload_sha256: Option<PayloadHash>,
    pub(crate) reason: Option<String>,
    pub(crate) detail: Value,
}

impl Entry {
    /// Starts a row: who did what.
    #[must_use]
    pub fn new(actor: &Actor, action: impl Into<String>) -> Self {
        Self {
            id: AuditId::new(),
            actor_kind: actor.kind(),
            actor_id: actor.id(),
            actor_name: actor.name().to_owned(),
            action: action.into(),
            subject: None,
            payload_sha256: None,
            reason: None,
            detail: Value::Object(serde_json::Map::new()),
        }
    }

    /// To which thing.
    #[must_use]
    pub fn subject(mut self, id: impl Into<Uuid>) -> Self {
        self.subject = Some(id.into());
        self
    }

    /// To which activity, and to which of its bytes.
    #[must_use]
    pub fn activity(mut self, id: ActivityId, payload_sha256: PayloadHash) -> Self {
        self.subject = Some(id.0);
        self.payload_sha256 = Some(payload_sha256);
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::to_owned);
        self
    }

    /// What else is worth knowing; never a secret, never a message body.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// A row as it was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its id; ids grow with time.
    pub id: AuditId,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// `operator`, `agent`, `rule` or `engine`.
    pub actor_kind: String,
    /// Who; foreign text.
    pub actor: String,
    /// What: dotted and stable.
    pub action: String,
    /// To which thing.
    pub subject_id: Option<Uuid>,
    /// Its name, where it is a message (the contact) or an outbox; foreign text.
    pub subject: Option<String>,
    /// To which bytes.
    #[serde(rename = "payloadSha256")]
    pub payload_sha256: Option<PayloadHash>,
    /// Why; foreign text.
    pub reason: Option<String>,
    /// What else is worth knowing.
    pub detail: Value,
}

/// A page, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Its rows.
    pub rows: Vec<Row>,
    /// Where the rest begins; `None` at the end.
    pub next: Option<AuditId>,
}
