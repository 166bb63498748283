//! Every gate, as advice about a draft and as authority at the claim: what passes, what waits, what stops.
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::frequency::Rival;
use super::*;
use crate::activity::payload::{Envelope, Payload};
use crate::channel::{ChannelName, ProviderSettings, Request};
use crate::company::money::Money;
use crate::ids::OutboxId;
use crate::outbox::limits::Limits;
use crate::outbox::store::{CoolReason, Kill, KillScope};

/// A world in which nothing stands against anything; cases change what matters to them.
struct Scene {
    outbox: OutboxSettings,
    policy: Policy,
    allowlist: Allowlist,
    suppressed: HashMap<String, Reason>,
    quota: Option<quota::Standing>,
    item: Item,
    has_line: bool,
    is_draft: bool,
}

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn ahead(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

fn scene(is_draft: bool) -> Scene {
    let outbox = OutboxSettings {
        id: OutboxId(uuid::Uuid::from_u128(1)),
        name: "mail".to_owned(),
        channel: ChannelName::Email,
        sender: "Ana <ana@acme.example>".to_owned(),
        secret_ref: "secret://resend:latest".to_owned(),
        zone: "UTC".to_owned(),
        undo_window: Duration::from_secs(30),
        allowlist_enforced: true,
        paused: None,
        killed: None,
        cool_until: None,
        cool_reason: None,
        fault_streak: 0,
        spaced_until: None,
        daily_cap: 80,
        limits: Limits::default(),
        provider: ProviderSettings::default(),
    };
    let parts = json!({ "email": { "subject": "Roofs", "text": "Hi Zoë, about your roof." } });
    let envelope = envelope_of(&outbox, "zoe@nordlys.example", Kind::FollowUp, &parts);
    let sha256 = envelope.seal().unwrap().sha256();
    let item = Item {
        id: ActivityId(uuid::Uuid::from_u128(9)),
        kind: Kind::FollowUp,
        contact: ContactId(uuid::Uuid::from_u128(2)),
        account: None,
        envelope: Some(envelope),
        stored_sha256: Some(sha256),
        payload_sha256: sha256,
        decided_sha256: (!is_draft).then_some(sha256),
        decided_at: (!is_draft).then(|| ago(1)),
        approved_by: Vec::new(),
        risk: Risk::Low,
        is_handwritten: false,
        worded_at: ago(60),
        expires_at: Some(ahead(60)),
        send_after: ago(1),
        zone: Some("Europe/Oslo".to_owned()),
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
    };
    Scene {
        outbox,
        policy: Policy { deciders: 2, ..Policy::default() },
        allowlist: Allowlist::new(["@nordlys.example".to_owned()]),
        suppressed: HashMap::new(),
        quota: None,
        item,
        has_line: true,
        is_draft,
    }
}

fn envelope_of(outbox: &OutboxSettings, to: &str, kind: Kind, parts: &serde_json::Value) -> Envelope {
    let payload = Payload {
        channel: outbox.channel,
        outbox_id: outbox.id,
        credential_id: "resend".to_owned(),
        kind,
        from: outbox.sender.clone(),
        to: to.to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: std::collections::BTreeMap::new(),
        parts: serde_json::from_value(parts.clone()).unwrap(),
    };
    let request = Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        content_type: "application/json".to_owned(),
        headers: std::collections::BTreeMap::new(),
        body: "{}".to_owned(),
        host: crate::channel::Host::Provider,
    };
    Envelope { payload, renderer: Some("test/1".to_owned()), request: Some(request) }
}

impl Scene {
    /// Makes it a message on another channel.
    fn on(&mut self, channel: ChannelName, to: &str, parts: &serde_json::Value) {
        self.outbox.channel = channel;
        self.outbox.allowlist_enforced = false;
        let envelope = envelope_of(&self.outbox, to, self.item.kind, parts);
        let sha256 = envelope.seal().unwrap().sha256();
        self.item.envelope = Some(envelope);
        self.item.payload_sha256 = sha256;
        self.item.stored_sha256 = Some(sha256);
        self.item.decided_sha256 = (!self.is_draft).then_some(sha256);
    }

    fn says(&mut self, subject: &str, text: &str) {
        self.on(
            ChannelName::Email,
            "zoe@nordlys.example",
            &json!({ "email": { "subject": subject, "text": text } }),
        );
    }

    fn whatsapp(&mut self, parts: &serde_json::Value) {
        self.on(ChannelName::Whatsapp, "+33612345678", &json!({ "whatsapp": parts }));
    }

    fn instagram(&mut self, human_agent: bool) {
        let parts = json!({ "instagram": { "action": "dm", "text": "Hi", "humanAgent": human_agent } });
        self.on(ChannelName::Instagram, "1784", &parts);
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            now: now(),
            is_draft: self.is_draft,
            has_line: self.has_line,
            outbox: &self.outbox,
            policy: &self.policy,
            allowlist: &self.allowlist,
            suppressed: &self.suppressed,
            quota: self.quota,
            item: &self.item,
        }
    }

    fn verdict(&self, gate: &str) -> Verdict {
        let found = judge_all(&self.facts()).into_iter().find(|verdict| verdict.gate == gate);
        found.unwrap_or_else(|| panic!("there is no gate {gate}"))
    }
}

fn rival(number: u128, kind: Kind, minutes: i64) -> Rival {
    Rival { id: ActivityId(uuid::Uuid::from_u128(number)), kind, send_after: ago(minutes) }
}

/// What a case expects: the code, and the ruling in a word.
type Expected = (&'static str, &'static str);
const PASS: Expected = ("", "pass");

fn word(verdict: &Verdict) -> (&'static str, &'static str) {
    let word = match verdict.ruling {
        Ruling::Pass => "pass",
        Ruling::Defer { .. } => "defer",
        Ruling::Block { status: Status::BlockedByAllowlist } => "allowlist",
        Ruling::Block { status: Status::Expired } => "expired",
        Ruling::Block { .. } => "block",
        Ruling::Reopen => "reopen",
    };
    (verdict.code, word)
}

type Change = fn(&mut Scene);

/// Gate, what is different, and what it says about a draft and at the claim. Every gate stands here with each ruling it can give.
const CASES: &[(&str, Change, Expected, Expected)] = &[
    ("outbox", |_| {}, PASS, PASS),
    (
        "outbox",
        |s| s.outbox.paused = Some("lunch".to_owned()),
        ("outbox_paused", "defer"),
        ("outbox_paused", "defer"),
    ),
    ("outbox", |s| kill(s, KillScope::Outbox), ("outbox_killed", "defer"), ("outbox_killed", "defer")),
    ("outbox", |s| kill(s, KillScope::Channel), ("outbox_killed", "defer"), ("outbox_killed", "defer")),
    ("outbox", |s| kill(s, KillScope::Company), ("outbox_killed", "defer"), ("outbox_killed", "defer")),
    ("outbox", |s| cool(s, CoolReason::Provider), ("provider_wait", "defer"), ("provider_wait", "defer")),
    ("outbox", |s| cool(s, CoolReason::Circuit), ("circuit_open", "defer"), ("circuit_open", "defer")),
    ("freshness", |_| {}, PASS, PASS),
    ("freshness", |s| s.item.expires_at = Some(now()), ("expired", "expired"), ("expired", "expired")),
    ("freshness", |s| linkedin_message(s, 14), PASS, PASS),
    ("freshness", |s| linkedin_message(s, 15), PASS, ("approval_lapsed", "reopen")),
    ("allowlist", |_| {}, PASS, PASS),
    (
        "allowlist",
        |s| s.allowlist = Allowlist::default(),
        ("not_on_allowlist", "allowlist"),
        ("not_on_allowlist", "allowlist"),
    ),
    (
        "allowlist",
        |s| {
            s.allowlist = Allowlist::default();
            s.outbox.allowlist_enforced = false;
        },
        PASS,
        PASS,
    ),
    ("suppression", |_| {}, PASS, PASS),
    (
        "suppression",
        |s| {
            s.suppressed.insert("zoe@nordlys.example".to_owned(), Reason::Unsubscribe);
        },
        ("suppressed", "block"),
        ("suppressed", "block"),
    ),
    ("consent", |_| {}, PASS, PASS),
    ("consent", |s| s.item.consents = vec![State::Withdrawn], ("consent", "block"), ("consent", "block")),
    ("consent", |s| s.outbox.limits.consent_required = true, ("consent", "block"), ("consent", "block")),
    (
        "consent",
        |s| {
            s.outbox.limits.consent_required = true;
            s.item.consents = vec![State::Granted];
            s.item.without_consent = 0;
        },
        PASS,
        PASS,
    ),
    ("reply", |_| {}, PASS, PASS),
    ("reply", |s| s.item.replied_at = Some(ago(61)), PASS, PASS),
    ("reply", |s| s.item.replied_at = Some(ago(59)), ("replied", "block"), ("replied", "block")),
    ("hold", |_| {}, PASS, PASS),
    ("hold", |s| s.item.is_unread = true, ("unread", "defer"), ("unread", "defer")),
    ("hold", |s| s.item.away_until = Some(ahead(60)), ("away", "defer"), ("away", "defer")),
    ("hold", |s| s.item.away_until = Some(now()), PASS, PASS),
    ("outbox", |s| cool(s, CoolReason::Bounces), ("bounces", "defer"), ("bounces", "defer")),
    ("channel", |_| {}, PASS, PASS),
    ("channel", |s| s.has_line = false, ("channel_unavailable", "defer"), ("channel_unavailable", "defer")),
    (
        "channel",
        |s| s.item.envelope.iter_mut().for_each(|envelope| envelope.request = None),
        ("not_rendered", "reopen"),
        ("not_rendered", "reopen"),
    ),
    ("window", |_| {}, PASS, PASS),
    ("window", |s| s.whatsapp(&json!({ "text": "Hi" })), ("window", "block"), ("window", "block")),
    (
        "window",
        |s| {
            s.whatsapp(&json!({ "text": "Hi" }));
            s.item.replied_here_at = Some(ago(24 * 60 - 1));
        },
        PASS,
        PASS,
    ),
    (
        "window",
        |s| {
            s.whatsapp(&json!({ "text": "Hi" }));
            s.item.replied_here_at = Some(ago(24 * 60));
        },
        ("window", "block"),
        ("window", "block"),
    ),
    (
        "window",
        |s| s.whatsapp(&json!({ "template": { "contentSid": "HX1", "version": "1", "renderedText": "Hi" } })),
        PASS,
        PASS,
    ),
    ("window", |s| s.instagram(false), ("window", "block"), ("window", "block")),
    (
        "window",
        |s| {
            s.instagram(false);
            s.item.replied_here_at = Some(ago(60));
        },
        PASS,
        PASS,
    ),
    // Between a day and a week: only under the tag, and only what a person wrote.
    (
        "window",
        |s| {
            s.instagram(false);
            s.item.replied_here_at = Some(ago(25 * 60));
        },
        ("window", "block"),
        ("window", "block"),
    ),
    (
        "window",
        |s| {
            s.instagram(true);
            s.item.replied_here_at = Some(ago(25 * 60));
        },
        ("window", "block"),
        ("window", "block"),
    ),
    (
        "window",
        |s| {
            s.instagram(true);
            s.item.is_handwritten = true;
            s.item.replied_here_at = Some(ago(25 * 60));
        },
        PASS,
        PASS,
    ),
    (
        "window",
        |s| {
            s.instagram(true);
            s.item.is_handwritten = true;
            s.item.replied_here_at = Some(ago(7 * 24 * 60));
        },
        ("window", "block"),
        ("window", "block"),
    ),
    // The tag is for people within the first day as well.
    (
        "window",
        |s| {
            s.instagram(true);
            s.item.replied_here_at = Some(ago(60));
        },
        ("window", "block"),
        ("window", "block"),
    ),
    // A message from the future opens nothing.
    (
        "window",
        |s| {
            s.whatsapp(&json!({ "text": "Hi" }));
            s.item.replied_here_at = Some(ahead(60));
        },
        ("window", "block"),
        ("window", "block"),
    ),
    ("address", |_| {}, PASS, PASS),
    (
        "address",
        |s| s.on(ChannelName::Whatsapp, "0612345678", &json!({ "whatsapp": { "text": "Hi" } })),
        ("address", "block"),
        ("address", "block"),
    ),
    (
        "address",
        |s| s.on(ChannelName::Linkedin, "zoe", &json!({ "linkedin": { "action": "message", "text": "Hi" } })),
        ("address", "block"),
        ("address", "block"),
    ),
    ("content", |_| {}, PASS, PASS),
    ("content", |s| s.says("Roofs", "Hi {{first_name}},"), ("content", "block"), ("content", "block")),
    ("content", |s| s.says("Roof of %COMPANY%", "Hi Zoë,"), ("content", "block"), ("content", "block")),
    ("decision", |_| {}, PASS, PASS),
    (
        "decision",
        |s| s.item.stored_sha256 = None,
        ("payload_mismatch", "block"),
        ("payload_mismatch", "block"),
    ),
    (
        "decision",
        |s| s.item.envelope = None,
        ("payload_unreadable", "block"),
        ("payload_unreadable", "block"),
    ),
    (
        "decision",
        |s| s.outbox.secret_ref = "secret://other:latest".to_owned(),
        ("payload_mismatch", "block"),
        ("payload_mismatch", "block"),
    ),
    ("decision", |s| s.item.decided_sha256 = None, PASS, ("payload_mismatch", "block")),
    (
        "decision",
        |s| s.item.decided_sha256 = Some(PayloadHash::of(b"other")),
        ("payload_mismatch", "block"),
        ("payload_mismatch", "block"),
    ),
    ("decision", |s| four_eyes(s, &["ben"]), PASS, ("second_person", "reopen")),
    ("decision", |s| four_eyes(s, &["ben", "cleo"]), PASS, PASS),
    ("time", |_| {}, PASS, PASS),
    ("time", |s| s.item.send_after = ahead(1), ("undo_window", "defer"), ("undo_window", "defer")),
    ("spacing", |_| {}, PASS, PASS),
    ("spacing", |s| s.outbox.spaced_until = Some(ahead(3)), ("spacing", "defer"), ("spacing", "defer")),
    ("spacing", |s| s.outbox.spaced_until = Some(now()), PASS, PASS),
    ("frequency", |_| {}, PASS, PASS),
    ("frequency", |s| touched(s, &[ago(60)]), ("contact_frequency", "defer"), ("contact_frequency", "defer")),
    ("frequency", |s| touched(s, &[ago(24 * 60)]), PASS, PASS),
    (
        "frequency",
        |s| {
            s.policy.account_per_week = Some(2);
            s.item.account_touches.left_at = vec![ago(60), ago(6 * 24 * 60)];
        },
        ("account_frequency", "defer"),
        ("account_frequency", "defer"),
    ),
    ("quiet hours", |_| {}, PASS, PASS),
    ("quiet hours", |s| quiet(s, "20:00-08:00"), PASS, PASS),
    ("quiet hours", |s| quiet(s, "12:00-14:00"), ("quiet_hours", "defer"), ("quiet_hours", "defer")),
    (
        "quiet hours",
        |s| {
            quiet(s, "20:00-08:00");
            s.item.zone = None;
        },
        ("zone_unknown", "defer"),
        ("zone_unknown", "defer"),
    ),
    ("quota", |_| {}, PASS, PASS),
    ("quota", |s| full(s, false), ("quota_exhausted", "defer"), ("quota_exhausted", "defer")),
    ("quota", |s| full(s, true), ("ramp_exhausted", "defer"), ("ramp_exhausted", "defer")),
];

fn kill(scene: &mut Scene, scope: KillScope) {
    scene.outbox.killed = Some(Kill { scope, reason: "a leak".to_owned() });
}

fn cool(scene: &mut Scene, reason: CoolReason) {
    scene.outbox.cool_until = Some(ahead(1));
    scene.outbox.cool_reason = Some(reason);
}

fn linkedin_message(scene: &mut Scene, approved_minutes_ago: i64) {
    let parts = json!({ "linkedin": { "action": "message", "text": "Hi" } });
    scene.on(ChannelName::Linkedin, "urn:li:person:1", &parts);
    scene.item.decided_at = (!scene.is_draft).then(|| ago(approved_minutes_ago));
}

fn four_eyes(scene: &mut Scene, approved_by: &[&str]) {
    scene.policy.four_eyes = true;
    scene.item.risk = Risk::High;
    scene.item.approved_by = approved_by.iter().map(|name| (*name).to_owned()).collect();
}

fn touched(scene: &mut Scene, left_at: &[Timestamp]) {
    scene.policy.contact_per_day = Some(1);
    scene.item.contact_touches.left_at = left_at.to_vec();
}

fn quiet(scene: &mut Scene, hours: &str) {
    scene.outbox.limits.quiet = hours.parse().unwrap();
}

fn full(scene: &mut Scene, is_ramped: bool) {
    scene.quota = Some(quota::Standing { sent_today: 80, cap: 80, is_ramped, resets_at: ahead(600) });
}

#[test]
fn every_gate_says_what_it_should_as_advice_and_as_authority() {
    for (number, (gate, change, of_draft, of_claim)) in CASES.iter().enumerate() {
        for (is_draft, expected) in [(true, of_draft), (false, of_claim)] {
            let mut scene = scene(is_draft);
            change(&mut scene);
            let verdict = scene.verdict(gate);
            assert_eq!(word(&verdict), *expected, "case {number} of {gate}, draft {is_draft}: {verdict:?}");
            assert!(verdict.passes() || !verdict.sentence.is_empty(), "case {number} of {gate} says nothing");
        }
    }
}

/// A gate that is added without a case of each of its rulings is noticed here, and so is a hold without a sentence.
#[test]
fn no_gate_goes_without_its_cases() {
    let scene = scene(false);
    for verdict in judge_all(&scene.facts()) {
        let cases: Vec<_> = CASES.iter().filter(|(gate, ..)| *gate == verdict.gate).collect();
        assert!(cases.iter().any(|(.., claim)| claim.1 == "pass"), "{} never passes", verdict.gate);
        assert!(cases.iter().any(|(.., claim)| claim.1 != "pass"), "{} never objects", verdict.gate);
    }
    for (gate, .., (code, ruling)) in CASES {
        assert!(*ruling == "pass" || sentence_for(code) != "waits", "{gate}: {code} has no sentence");
    }
}

#[test]
fn the_first_that_stops_decides_and_otherwise_the_longest_wait() {
    let mut scene = scene(false);
    assert_eq!(deciding(&judge_all(&scene.facts())), None);
    scene.outbox.paused = Some("lunch".to_owned());
    scene.item.send_after = ahead(60);
    assert_eq!(deciding(&judge_all(&scene.facts())).unwrap().code, "undo_window");
    scene.item.consents = vec![State::Withdrawn];
    scene.item.replied_at = Some(ago(1));
    assert_eq!(deciding(&judge_all(&scene.facts())).unwrap().code, "consent");
}

#[test]
fn the_earliest_next_time_is_when_the_cap_has_room_again() {
    let mut scene = scene(false);
    scene.policy.contact_per_day = Some(2);
    scene.item.contact_touches.left_at = vec![ago(600), ago(60), ago(1200)];
    let next = |scene: &Scene| match scene.verdict("frequency").ruling {
        Ruling::Defer { until } => Some(until),
        _ => None,
    };
    // With two a day the second newest has to be a day old.
    assert_eq!(next(&scene), Some(ago(600) + SignedDuration::from_hours(24)));
    scene.item.contact_touches.left_at = vec![ago(60)];
    assert_eq!(next(&scene), None);
    scene.item.contact_touches.under_way = vec![ActivityId(uuid::Uuid::from_u128(3))];
    assert_eq!(next(&scene), Some(ahead(1)));
}

/// A reply goes before a booking, that before a follow-up, and that before a first touch; of two alike the one that waits longer.
#[test]
fn where_room_is_short_the_priority_decides() {
    let mut scene = scene(false);
    scene.policy.contact_per_day = Some(1);
    for (others, goes) in [
        (vec![rival(3, Kind::Reply, 0)], false),
        (vec![rival(3, Kind::Booking, 0)], false),
        (vec![rival(3, Kind::FollowUp, 5)], false),
        (vec![rival(3, Kind::FollowUp, 0)], true),
        (vec![rival(3, Kind::FirstTouch, 60)], true),
    ] {
        scene.item.contact_touches.due = others.clone();
        assert_eq!(scene.verdict("frequency").passes(), goes, "{others:?}");
    }
}

#[test]
fn what_was_sent_before_the_contact_wrote_does_not_hold_the_reply() {
    let mut scene = scene(false);
    touched(&mut scene, &[ago(60)]);
    scene.item.kind = Kind::Reply;
    assert!(!scene.verdict("frequency").passes());
    scene.item.replied_at = Some(ago(30));
    assert!(scene.verdict("frequency").passes());
    scene.item.contact_touches.left_at.push(ago(20));
    assert!(!scene.verdict("frequency").passes());
}

/// Where only the country is known it has to be a good hour in all of its zones.
#[test]
fn an_unknown_zone_asks_every_zone_of_the_country() {
    let mut scene = scene(false);
    quiet(&mut scene, "20:00-08:00");
    scene.item.zone = None;
    scene.item.country = Some("BR".to_owned());
    // Noon in London is morning in Recife, and not yet eight in the west of the Amazon.
    assert_eq!(
        scene.verdict("quiet hours").ruling,
        Ruling::Defer { until: "2026-11-25T13:00:00Z".parse().unwrap() }
    );
    scene.item.country = Some("NO".to_owned());
    assert!(scene.verdict("quiet hours").passes());
}

#[test]
fn high_value_is_money_of_the_same_currency() {
    use crate::approval::risk::{Known, assess};
    let scene = scene(true);
    let payload = &scene.item.envelope.as_ref().unwrap().payload;
    let money = |minor, currency: &str| Money { minor, currency: currency.to_owned() };
    let limit = money(100, "EUR");
    let risk = |value| {
        let familiar = ["Hi Zoe, about your roof.".to_owned()];
        let known = Known {
            is_contact_known: true,
            account_value: Some(value),
            high_value: Some(&limit),
            familiar: &familiar,
            ..Known::default()
        };
        assess(payload, &known).0
    };
    assert_eq!(
        [risk(money(100, "EUR")), risk(money(99, "EUR")), risk(money(1_000, "NOK"))],
        [Risk::High, Risk::Low, Risk::Low]
    );
}
