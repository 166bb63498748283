//! A small company with drafts on every channel, some on their way and some in trouble.
use std::time::Duration;

use countersign_core::activity::payload::{
    Attendee, Envelope, InstagramAction, Kind, LinkedinAction, Parts, Payload, WhatsappTemplate,
};
use countersign_core::activity::status::Status;
use countersign_core::activity::view::{ActivityDetail, ActivityRow, AttemptView, Counts, Hold, OutboxView};
use countersign_core::approval::risk::Risk;
use countersign_core::channel::{ChannelName, Request};
use countersign_core::gate::{Ruling, Verdict};
use countersign_core::ids::{ActivityId, ContactId, OutboxId};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The time on every clock of these tests.
pub(super) fn now() -> Timestamp {
    "2026-11-23T14:02:00Z".parse().unwrap()
}

pub(super) fn ago(secs: i64) -> Timestamp {
    now() - SignedDuration::from_secs(secs)
}

pub(super) fn id(number: u128) -> ActivityId {
    ActivityId(Uuid::from_u128(number))
}

pub(super) fn outbox_id(number: u128) -> OutboxId {
    OutboxId(Uuid::from_u128(number))
}

const LETTER: &str = "Hi Zoë,\n\nyou asked whether the Storgata 4 façade can wait until the frost is over. It can, if the anchors are checked \
before the first night below zero.\n\nI can come by on Thursday at ten.\n\nAna";

pub(super) fn mail(subject: &str, text: &str) -> Parts {
    Parts::Email {
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: None,
        in_reply_to: None,
        attachments: Vec::new(),
    }
}

/// An item from what a test wants to say about it; the hash is that of the envelope.
pub(super) fn item(
    number: u128,
    status: Status,
    contact: &str,
    account: Option<&str>,
    parts: Parts,
) -> ActivityDetail {
    let channel = match &parts {
        Parts::Email { .. } => ChannelName::Email,
        Parts::CalCom { .. } => ChannelName::CalCom,
        Parts::Linkedin { .. } => ChannelName::Linkedin,
        Parts::Whatsapp { .. } => ChannelName::Whatsapp,
        Parts::Instagram { .. } => ChannelName::Instagram,
    };
    let payload = Payload {
        channel,
        outbox_id: outbox_id(1),
        credential_id: "resend".to_owned(),
        kind: Kind::FollowUp,
        from: "Ana Lind <ana@acme.example>".to_owned(),
        to: format!("contact-{number}@nordlys.example"),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: std::collections::BTreeMap::new(),
        parts,
    };
    sealed(number, status, contact, account, payload)
}

pub(super) fn sealed(
    number: u128,
    status: Status,
    contact: &str,
    account: Option<&str>,
    payload: Payload,
) -> ActivityDetail {
    let request = (payload.channel == ChannelName::Email).then(|| Request {
        method: "POST".to_owned(),
        path: "/emails".to_owned(),
        content_type: "application/json".to_owned(),
        headers: std::collections::BTreeMap::new(),
        body: "{}".to_owned(),
        host: countersign_core::channel::Host::Provider,
    });
    let row_to = payload.to.clone();
    let (channel, kind, headline) = (payload.channel, payload.kind, payload.parts.headline().to_owned());
    let envelope = Envelope { payload, renderer: request.as_ref().map(|_| "resend/1".to_owned()), request };
    let bytes = envelope.seal().unwrap();
    let pass = |gate| Verdict { gate, ruling: Ruling::Pass, code: "", sentence: "".into() };
    ActivityDetail {
        row: ActivityRow {
            id: id(number),
            outbox_id: outbox_id(1),
            outbox: "main".to_owned(),
            channel,
            kind,
            status,
            payload_sha256: bytes.sha256(),
            round: 1,
            contact_id: ContactId(Uuid::from_u128(number)),
            contact: contact.to_owned(),
            account: account.map(str::to_owned),
            to: row_to,
            headline,
            proposed_by: "writer-2".to_owned(),
            risk: Risk::Low,
            approvals: 0,
            created_at: ago(3_600 * 5 - i64::try_from(number).unwrap() * 600),
            expires_at: None,
            send_after: ago(3_600),
            hold: None,
            attempts: 0,
            wire_at: None,
            closed_at: None,
        },
        raw: bytes.bytes().to_vec(),
        envelope: Some(envelope),
        verdicts: vec![
            pass("outbox"),
            pass("freshness"),
            pass("allowlist"),
            pass("channel"),
            pass("decision"),
            pass("time"),
        ],
        risk_reasons: Vec::new(),
        needs_two: false,
        look_alikes: Vec::new(),
        decisions: Vec::new(),
        lookups: Vec::new(),
        facts: Vec::new(),
        attempts: Vec::new(),
        locale: None,
        zone: None,
        as_of: now(),
    }
}

/// Six drafts, one a channel and one more mail.
pub(super) fn drafts() -> Vec<ActivityDetail> {
    let whatsapp = Parts::Whatsapp {
        text: None,
        template: Some(WhatsappTemplate {
            content_sid: "HX12".to_owned(),
            version: "3".to_owned(),
            variables: [("1".to_owned(), "jeudi".to_owned())].into(),
            rendered_text: "Bonjour, le béton arrive jeudi.".to_owned(),
        }),
    };
    let linkedin = Parts::Linkedin {
        action: LinkedinAction::Message,
        text: "足場の件でご連絡しました。".to_owned(),
        thread: None,
    };
    let instagram = Parts::Instagram {
        action: InstagramAction::Dm,
        text: "The tiles you liked are back.".to_owned(),
        image_sha256: None,
        human_agent: true,
    };
    let booking = Parts::CalCom {
        event_type_id: 41,
        start: "2026-11-26T09:00:00Z".parse().unwrap(),
        time_zone: "Europe/Oslo".to_owned(),
        attendee: Attendee {
            name: "Kari Nordmann".to_owned(),
            email: "kari@fjord.example".to_owned(),
            language: "no".to_owned(),
        },
        notes: Some("Bring the drawings.".to_owned()),
        metadata: std::collections::BTreeMap::new(),
    };
    vec![
        item(
            1,
            Status::DraftPendingApproval,
            "Zoë Álvarez",
            Some("Nordlys AS"),
            mail("The scaffolding question from Tuesday", LETTER),
        ),
        item(2, Status::DraftPendingApproval, "Béton Frères SARL", None, whatsapp),
        item(3, Status::DraftPendingApproval, "山田 太郎", Some("大和工務店"), linkedin),
        item(
            4,
            Status::DraftPendingApproval,
            "Prof. מרים לוי",
            Some("Haifa Tiles"),
            mail("שלום", "שלום מרים,\n\nמחר בעשר."),
        ),
        item(5, Status::DraftPendingApproval, "studio.casa.lima", None, instagram),
        item(6, Status::DraftPendingApproval, "Kari Nordmann", Some("Fjord Bygg"), booking),
    ]
}

/// A mail whose text is longer than any screen of these tests.
pub(super) fn long_draft(number: u128) -> ActivityDetail {
    let text: String = (1..=90).map(|line| format!("line {line}\n")).collect();
    item(number, Status::DraftPendingApproval, "Long Reader", None, mail("Long", &text))
}

/// What the dispatcher has before it.
pub(super) fn queue() -> Vec<ActivityDetail> {
    let mut holding = item(11, Status::Approved, "Zoë Álvarez", Some("Nordlys AS"), mail("Hello", "Hello."));
    holding.row.send_after = now() + SignedDuration::from_secs(22);
    holding.row.hold = Some(Hold {
        code: "undo_window".to_owned(),
        sentence: "can still be taken back".to_owned(),
        until: Some(holding.row.send_after),
    });
    let mut waiting = item(12, Status::Approved, "Béton Frères SARL", None, mail("Devis", "Voici."));
    waiting.row.send_after = now() + SignedDuration::from_hours(3);
    waiting.row.hold = Some(Hold {
        code: "scheduled".to_owned(),
        sentence: "waits for the time the draft asked for".to_owned(),
        until: Some(waiting.row.send_after),
    });
    let mut sending = item(13, Status::Dispatching, "Kari Nordmann", None, mail("Hei", "Hei."));
    sending.row.attempts = 1;
    sending.row.wire_at = Some(ago(3));
    vec![sending, holding, waiting]
}

/// What needs a person.
pub(super) fn trouble() -> Vec<ActivityDetail> {
    let mut uncertain =
        item(21, Status::Uncertain, "山田 太郎", Some("大和工務店"), mail("見積り", "こんにちは。"));
    uncertain.row.attempts = 1;
    uncertain.row.wire_at = Some(ago(240));
    uncertain.row.hold = Some(Hold {
        code: "no_answer".to_owned(),
        sentence: "connection lost after the request was sent".to_owned(),
        until: None,
    });
    uncertain.attempts = vec![AttemptView {
        attempt: 1,
        idempotency_key: "countersign-21".to_owned(),
        wire_at: Some(ago(240)),
        closed_at: ago(230),
        outcome: "maybe_sent".to_owned(),
        provider_ref: None,
        code: Some("reset".to_owned()),
        detail: Some("connection reset by peer".to_owned()),
    }];
    let mut failed = item(22, Status::Failed, "studio.casa.lima", None, mail("Tiles", "Back in stock."));
    failed.row.closed_at = Some(ago(540));
    failed.row.hold = Some(Hold {
        code: "invalid_from_address".to_owned(),
        sentence: "422 invalid_from_address: domain not verified".to_owned(),
        until: None,
    });
    vec![uncertain, failed]
}

/// Three outboxes: open, full, paused.
pub(super) fn outboxes() -> Vec<OutboxView> {
    let open = OutboxView {
        id: outbox_id(1),
        name: "main".to_owned(),
        channel: ChannelName::Email,
        sender: "Ana Lind <ana@acme.example>".to_owned(),
        secret_ref: "secret://resend:latest".to_owned(),
        daily_cap: 80,
        effective_cap: 80,
        sent_today: 31,
        zone: "Europe/Paris".to_owned(),
        quota_resets_at: "2026-11-23T23:00:00Z".parse().unwrap(),
        undo_window: Duration::from_secs(30),
        allowlist_mode: "enforced".to_owned(),
        enabled: true,
        pause_reason: None,
        kill_reason: None,
        kill_scope: None,
        cool_until: None,
        is_circuit_open: false,
        fault_streak: 0,
        queued: 12,
        next_hour: 12,
        sent_24h: 1_284,
    };
    let full = OutboxView {
        id: outbox_id(2),
        name: "wa-fr".to_owned(),
        channel: ChannelName::Whatsapp,
        daily_cap: 50,
        effective_cap: 50,
        sent_today: 50,
        next_hour: 0,
        ..open.clone()
    };
    let paused = OutboxView {
        id: outbox_id(3),
        name: "li-jp".to_owned(),
        channel: ChannelName::Linkedin,
        daily_cap: 20,
        effective_cap: 20,
        sent_today: 4,
        enabled: false,
        next_hour: 0,
        pause_reason: Some("credential refused".to_owned()),
        ..open.clone()
    };
    vec![open, full, paused]
}

pub(super) fn counts(drafts: usize) -> Counts {
    Counts {
        pending: i64::try_from(drafts).unwrap(),
        holding: 2,
        sending: 1,
        uncertain: 1,
        failed: 1,
        blocked: 0,
    }
}
