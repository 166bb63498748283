//! What the gates of the product say about an item of the model.
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use countersign_core::activity::payload::{Envelope, Kind, Parts, Payload};
use countersign_core::approval::risk::Risk;
use countersign_core::channel::{ChannelName, Request};
use countersign_core::company::policy::Policy;
use countersign_core::contact::allowlist::Allowlist;
use countersign_core::contact::suppression::Reason;
use countersign_core::gate::frequency::Touches;
use countersign_core::gate::{Facts, Ruling, deciding, judge_all};
use countersign_core::ids::{ContactId, OutboxId};
use countersign_core::outbox::limits::Limits;
use countersign_core::outbox::store::{CoolReason, Kill, KillScope, OutboxSettings};
use uuid::Uuid;

use super::item::hash;
use super::{Item, Model};

static EVERYONE: LazyLock<Allowlist> = LazyLock::new(|| Allowlist::new(["@example.com".to_owned()]));
static NOBODY: LazyLock<Allowlist> = LazyLock::new(Allowlist::default);
static NO_POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);
static NONE_SUPPRESSED: LazyLock<HashMap<String, Reason>> = LazyLock::new(HashMap::new);

static SETTINGS: LazyLock<OutboxSettings> = LazyLock::new(|| OutboxSettings {
    id: OutboxId(Uuid::from_u128(1)),
    name: "model".to_owned(),
    channel: ChannelName::Email,
    sender: "ana@acme.example".to_owned(),
    secret_ref: "secret://resend:latest".to_owned(),
    zone: "UTC".to_owned(),
    undo_window: Duration::ZERO,
    allowlist_enforced: true,
    paused: None,
    killed: None,
    cool_until: None,
    cool_reason: None,
    fault_streak: 0,
    spaced_until: None,
    daily_cap: i32::MAX,
    limits: Limits::default(),
});

/// What every message of the model says; its hash is the model's own.
static ENVELOPE: LazyLock<Envelope> = LazyLock::new(|| Envelope {
    payload: Payload {
        channel: ChannelName::Email,
        outbox_id: SETTINGS.id,
        credential_id: "resend".to_owned(),
        kind: Kind::FollowUp,
        from: SETTINGS.sender.clone(),
        to: "person@example.com".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Email {
            subject: "Roofs".to_owned(),
            text: "About your roof.".to_owned(),
            html: None,
            in_reply_to: None,
        },
    },
    renderer: Some("model/1".to_owned()),
    request: Some(Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        content_type: "text/plain".to_owned(),
        body: String::new(),
    }),
});

impl Model {
    /// The verdict that decides, with its code; `None` if nothing stands against it.
    pub(super) fn judge(&self, item: &Item) -> Option<(Ruling, &'static str)> {
        let own = &self.outboxes[item.outbox];
        let own_hash = item.hash();
        let outbox = OutboxSettings {
            paused: (!own.enabled).then(|| "paused".to_owned()),
            killed: own.killed.then(|| Kill { scope: KillScope::Outbox, reason: "killed".to_owned() }),
            cool_until: own.cool_until,
            cool_reason: own.cool_until.map(|_| CoolReason::Provider),
            ..SETTINGS.clone()
        };
        let seen = countersign_core::gate::Item {
            id: Item::id(item.index),
            kind: Kind::FollowUp,
            contact: ContactId(Uuid::from_u128(item.index as u128)),
            account: None,
            envelope: Some(ENVELOPE.clone()),
            stored_sha256: Some(own_hash),
            payload_sha256: own_hash,
            decided_sha256: item.approved_words(item.round).map(|words| hash(item.index, words)),
            decided_at: None,
            approved_by: Vec::new(),
            risk: Risk::Low,
            is_handwritten: false,
            worded_at: self.now,
            expires_at: Some(item.expires_at),
            send_after: item.send_after,
            zone: None,
            country: None,
            locale: None,
            consents: Vec::new(),
            without_consent: 1,
            is_by_operator: false,
            replied_at: None,
            replied_here_at: None,
            contact_touches: Touches::default(),
            account_touches: Touches::default(),
        };
        let facts = Facts {
            now: self.now,
            is_draft: false,
            has_line: true,
            outbox: &outbox,
            policy: &NO_POLICY,
            allowlist: if self.allowed { &EVERYONE } else { &NOBODY },
            suppressed: &NONE_SUPPRESSED,
            quota: None,
            item: &seen,
        };
        deciding(&judge_all(&facts)).map(|verdict| (verdict.ruling, verdict.code))
    }
}
