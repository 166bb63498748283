//! What the gates of the product say about an item of the model.
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use countersign_core::activity::payload::{Envelope, Kind, Parts, Payload};
use countersign_core::approval::risk::Risk;
use countersign_core::channel::{ChannelName, ProviderSettings, Request};
use countersign_core::company::policy::Policy;
use countersign_core::contact::allowlist::Allowlist;
use countersign_core::contact::suppression::Reason;
use countersign_core::gate::frequency::Touches;
use countersign_core::gate::{Facts, Ruling, deciding, judge_all};
use countersign_core::ids::{ContactId, OutboxId};
use countersign_core::outbox::limits::Limits;
use countersign_core::outbox::store::{Kill, KillScope, OutboxSettings};
use jiff::Timestamp;
use uuid::Uuid;

use super::item::hash;
use super::{Item, Model, Outbox};

static EVERYONE: LazyLock<Allowlist> = LazyLock::new(|| Allowlist::new(["@e.eu".to_owned()]));
static NOBODY: LazyLock<Allowlist> = LazyLock::new(Allowlist::default);
static NO_POLICY: LazyLock<Policy> = LazyLock::new(Policy::default);
static NONE_SUPPRESSED: LazyLock<HashMap<String, Reason>> = LazyLock::new(HashMap::new);
static SUPPRESSED: LazyLock<HashMap<String, Reason>> =
    LazyLock::new(|| HashMap::from([(RECIPIENT.to_owned(), Reason::Manual)]));

const OUTBOX: OutboxId = OutboxId(Uuid::from_u128(1));

/// Who writes every message of the model.
const SENDER: &str = "ana@acme.example";

/// Whom every message of the model is for. Short, like all it says: the gates read every letter of it, some million times.
const RECIPIENT: &str = "p@e.eu";

fn settings() -> OutboxSettings {
    OutboxSettings {
        id: OUTBOX,
        name: "model".to_owned(),
        channel: ChannelName::Email,
        sender: SENDER.to_owned(),
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
        provider: ProviderSettings::default(),
    }
}

/// What every message of the model says; its hash is the model's own.
fn envelope() -> Envelope {
    Envelope {
        payload: Payload {
            channel: ChannelName::Email,
            outbox_id: OUTBOX,
            credential_id: "resend".to_owned(),
            kind: Kind::FollowUp,
            from: SENDER.to_owned(),
            to: RECIPIENT.to_owned(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            headers: BTreeMap::new(),
            parts: Parts::Email {
                subject: "A".to_owned(),
                text: "B".to_owned(),
                html: None,
                in_reply_to: None,
                attachments: Vec::new(),
            },
        },
        renderer: Some("model/1".to_owned()),
        request: Some(Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            content_type: "text/plain".to_owned(),
            headers: std::collections::BTreeMap::new(),
            body: String::new(),
            host: countersign_core::channel::Host::Provider,
        }),
    }
}

/// What lies before the gates. Made once a run; the item in question is written into it.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    outbox: OutboxSettings,
    item: countersign_core::gate::Item,
}

impl Default for Desk {
    fn default() -> Self {
        let nothing = hash(0, 0);
        Self {
            outbox: settings(),
            item: countersign_core::gate::Item {
                id: Item::id(0),
                kind: Kind::FollowUp,
                contact: ContactId(Uuid::nil()),
                account: None,
                envelope: Some(envelope()),
                stored_sha256: None,
                payload_sha256: nothing,
                decided_sha256: None,
                decided_at: None,
                approved_by: Vec::new(),
                risk: Risk::Low,
                is_handwritten: false,
                worded_at: Timestamp::MAX,
                expires_at: None,
                send_after: Timestamp::MAX,
                zone: None,
                country: None,
                locale: None,
                consents: Vec::new(),
                without_consent: 1,
                is_by_operator: false,
                replied_at: None,
                replied_here_at: None,
                is_unread: false,
                account_replied_at: None,
                booked_at: None,
                away_until: None,
                contact_touches: Touches::default(),
                account_touches: Touches::default(),
            },
        }
    }
}

impl Desk {
    fn lay_out(&mut self, item: &Item, own: &Outbox) {
        self.outbox.paused = (!own.enabled).then(String::new);
        self.outbox.killed = own.killed.then(|| Kill { scope: KillScope::Outbox, reason: String::new() });
        self.outbox.cool_until = own.cool_until;
        self.outbox.cool_reason = own.cool_reason;
        self.outbox.fault_streak = own.fault_streak;
        let own_hash = item.hash();
        self.item.id = Item::id(item.index);
        self.item.contact = ContactId(Uuid::from_u128(item.index as u128));
        self.item.stored_sha256 = Some(own_hash);
        self.item.payload_sha256 = own_hash;
        self.item.decided_sha256 = item.approved_words(item.round).map(|words| hash(item.index, words));
        self.item.worded_at = item.worded_at();
        self.item.expires_at = Some(item.expires_at);
        self.item.send_after = item.send_after;
        self.item.replied_at = item.replied_at;
        self.item.replied_here_at = item.replied_at;
    }
}

impl Model {
    /// The verdict that decides, with its code; `None` if nothing stands against it.
    pub(super) fn judge(&mut self, index: usize) -> Option<(Ruling, &'static str)> {
        let item = &self.items[index];
        self.desk.lay_out(item, &self.outboxes[item.outbox]);
        let facts = Facts {
            now: self.now,
            is_draft: false,
            has_line: true,
            outbox: &self.desk.outbox,
            policy: &NO_POLICY,
            allowlist: if self.allowed { &EVERYONE } else { &NOBODY },
            suppressed: if item.is_suppressed { &SUPPRESSED } else { &NONE_SUPPRESSED },
            quota: None,
            item: &self.desk.item,
        };
        deciding(&judge_all(&facts)).map(|verdict| (verdict.ruling, verdict.code))
    }
}
