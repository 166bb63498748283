//! The shapes that screens, commands and the API read. Plain data: foreign text in here is raw until the edge makes it safe.
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::fact::Told;
use super::payload::{Envelope, Kind, PayloadHash};
use super::status::Status;
use crate::approval::risk::Risk;
use crate::channel::ChannelName;
use crate::contact::look_alike::LookAlike;
use crate::gate::Verdict;
use crate::ids::{ActivityId, ContactId, OperatorId, OutboxId};
use crate::outbox::store::KillScope;

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRow {
    /// The activity.
    pub id: ActivityId,
    /// What it is sent from.
    pub outbox_id: OutboxId,
    /// Name of the outbox.
    pub outbox: String,
    /// Channel.
    pub channel: ChannelName,
    /// Kind of touch.
    pub kind: Kind,
    /// Where it stands.
    pub status: Status,
    /// Identity of the bytes it points at.
    pub payload_sha256: PayloadHash,
    /// Round of decisions it is in; it grows with each time the item becomes a draft again.
    pub round: i32,
    /// Recipient.
    pub contact_id: ContactId,
    /// Recipient's name.
    pub contact: String,
    /// Recipient's company.
    pub account: Option<String>,
    /// Address, number or handle.
    pub to: String,
    /// Subject or first words.
    pub headline: String,
    /// Agent or operator that drafted it.
    pub proposed_by: String,
    /// How much is at stake.
    pub risk: Risk,
    /// People who approved these bytes already; more than none on a draft means that a second person has to.
    pub approvals: i64,
    /// When it was filed.
    pub created_at: Timestamp,
    /// When it stops being worth sending.
    pub expires_at: Option<Timestamp>,
    /// Earliest time it may move on.
    pub send_after: Timestamp,
    /// Why it waits, where something holds it.
    pub hold: Option<Hold>,
    /// Attempts made so far.
    pub attempts: i16,
    /// Last time bytes may have left.
    pub wire_at: Option<Timestamp>,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
}

/// Why something waits: a stable code, a sentence, and when it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Stable code.
    pub code: String,
    /// Sentence for people.
    pub sentence: String,
    /// Earliest next time, where one is known.
    pub until: Option<Timestamp>,
}

/// One item in full.
#[derive(Clone, Debug)]
pub struct ActivityDetail {
    /// The row of the list.
    pub row: ActivityRow,
    /// The frozen bytes, opened. `None` after erasure.
    pub envelope: Option<Envelope>,
    /// The frozen bytes themselves; empty after erasure.
    pub raw: Vec<u8>,
    /// What the gates say now; advice, the dispatcher asks again.
    pub verdicts: Vec<Verdict>,
    /// Why the risk is what it is, the gravest reason first; may hold foreign text.
    pub risk_reasons: Vec<String>,
    /// Whether two people have to approve it.
    pub needs_two: bool,
    /// Recipients a reader may take for somebody else; approving needs a confirmation of its own.
    pub look_alikes: Vec<LookAlike>,
    /// Decisions so far, oldest first.
    pub decisions: Vec<DecisionView>,
    /// Attempts so far, oldest first.
    pub attempts: Vec<AttemptView>,
    /// What the provider said when it was asked about them, oldest first.
    pub lookups: Vec<LookupView>,
    /// What became of it after it was sent, the furthest first.
    pub facts: Vec<Told>,
    /// Recipient's language.
    pub locale: Option<String>,
    /// Recipient's time zone.
    pub zone: Option<String>,
    /// Read at this time, by the database's clock.
    pub as_of: Timestamp,
}

/// A decision as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// `approve`, `reject` or `undo`.
    pub verdict: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// On which bytes.
    pub payload_sha256: PayloadHash,
    /// Why.
    pub reason: Option<String>,
    /// In which round.
    pub round: i32,
}

/// What a provider said when it was asked about a message whose end nobody knew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookupView {
    /// In which round of decisions.
    pub round: i32,
    /// When.
    pub at: Timestamp,
    /// Who asked: an operator, or the dispatcher.
    pub asked_by: String,
    /// `sent`, `not_sent`, `absent`, `unclear` or `impossible`.
    pub finding: String,
    /// The provider's id of the message.
    pub provider_ref: Option<String>,
    /// What shows it; may hold foreign text.
    pub why: String,
}

/// An attempt as people see it: the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Number of the attempt.
    pub attempt: i16,
    /// Key the provider was given.
    pub idempotency_key: String,
    /// When bytes may have left.
    pub wire_at: Option<Timestamp>,
    /// When the outcome was recorded.
    pub closed_at: Timestamp,
    /// `accepted`, `rejected`, `retry`, `account_broken` or `maybe_sent`.
    pub outcome: String,
    /// The provider's id.
    pub provider_ref: Option<String>,
    /// Code and words of the answer or fault.
    pub code: Option<String>,
    /// Code and words of the answer or fault; foreign text.
    pub detail: Option<String>,
}

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// Drafts waiting for a decision, oldest first.
    Approvals,
    /// What the dispatcher has before it, next first.
    Queue,
    /// Uncertain, failed and blocked, oldest first.
    Attention,
    /// What is over, newest first.
    Closed,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One channel.
    pub channel: Option<ChannelName>,
    /// One outbox.
    pub outbox: Option<OutboxId>,
    /// One kind.
    pub kind: Option<Kind>,
    /// One status of the list.
    pub status: Option<Status>,
    /// Whether what an operator snoozed is left out, or is all there is.
    pub snoozed: Snoozed,
    /// Case-insensitive part of contact, account, recipient, headline or drafter.
    pub text: Option<String>,
}

/// What becomes of drafts that an operator snoozed and that are not due yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snoozed {
    /// They are listed like all others.
    #[default]
    Shown,
    /// They are left out of the list of this operator.
    Hidden(OperatorId),
    /// Nothing else is listed.
    Only(OperatorId),
}

/// Where a page begins: after this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// Sort key of the last row seen.
    pub at: Timestamp,
    /// Its id.
    pub id: ActivityId,
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most as many as were asked for.
    pub rows: Vec<ActivityRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// No page holds more rows than this, whoever asks on behalf of a key press.
pub const PAGE_LIMIT: usize = 200;

/// Counts stop here and are shown as `10 000+`; an exact count of a million rows costs more than anyone gains from it.
pub const COUNT_LIMIT: i64 = 10_000;

/// How much there is, each number bounded by [`COUNT_LIMIT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Drafts waiting for a decision.
    pub pending: i64,
    /// Decided and waiting.
    pub holding: i64,
    /// With the dispatcher.
    pub sending: i64,
    /// May have been sent.
    pub uncertain: i64,
    /// Refused by the provider.
    pub failed: i64,
    /// Stopped by allowlist or policy.
    pub blocked: i64,
}

/// One outbox as the Outbox screen and `outboxes list` show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxView {
    /// The outbox.
    pub id: OutboxId,
    /// Its name.
    pub name: String,
    /// Channel.
    pub channel: ChannelName,
    /// What the recipient sees.
    pub sender: String,
    /// Reference to the credential.
    pub secret_ref: String,
    /// Cap of the day.
    pub daily_cap: i32,
    /// The lowest active limit of the outbox's current local day: the cap, or what the warm-up allows.
    pub effective_cap: i32,
    /// Taken of it on that day.
    pub sent_today: i32,
    /// Zone whose midnight starts a new quota day.
    pub zone: String,
    /// Next local midnight.
    pub quota_resets_at: Timestamp,
    /// How long a decision can be taken back.
    #[serde(serialize_with = "seconds")]
    #[schema(value_type = u64)]
    pub undo_window: Duration,
    /// `enforced` or `open`.
    pub allowlist_mode: String,
    /// Whether it sends.
    pub enabled: bool,
    /// Why it does not.
    pub pause_reason: Option<String>,
    /// Why it is killed, if it is; then only an admin lets it send again.
    pub kill_reason: Option<String>,
    /// How far that kill reaches: the outbox itself, its channel, or the company.
    pub kill_scope: Option<KillScope>,
    /// It waits until then.
    pub cool_until: Option<Timestamp>,
    /// Whether it waits because its calls had no clear answer; otherwise its provider asked for it.
    pub is_circuit_open: bool,
    /// Calls in a row without a clear answer.
    pub fault_streak: i32,
    /// Approved or sending, bounded by [`COUNT_LIMIT`].
    pub queued: i64,
    /// What of it will leave within the hour if nothing else happens, bounded by [`COUNT_LIMIT`].
    pub next_hour: i64,
    /// Sent in the last 24 hours.
    pub sent_24h: i64,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
