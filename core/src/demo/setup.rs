//! What the company brings along: operators, outboxes, credentials, and the list of those who may be written to.
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::message::id_at;
use super::people::{Account, Contact};
use crate::actor::{Actor, Role};
use crate::channel::{ChannelName, ProviderSettings};
use crate::ids::{OperatorId, OutboxId};
use crate::outbox::limits::Limits;
use crate::outbox::store::OutboxSettings;

/// An outbox with what settings leave out.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    pub(super) settings: OutboxSettings,
    pub(super) daily_cap: i32,
}

/// Credentials. The values open nothing; they are long enough to look like what they stand for.
pub(super) const SECRETS: [(&str, &str); 6] = [
    ("resend-main", "re_demo_4Kd81fA2_oslo"),
    ("resend-sur", "re_demo_9Qz7Lm03_lima"),
    ("twilio-fr", "AC0000000000000000000000000000d0a0:demo-twilio-token-paris"),
    ("linkedin-jp", "demo-linkedin-token-tokyo"),
    ("instagram-lima", "demo-instagram-token-lima"),
    ("cal-acme", "cal_demo_2b9f"),
];

/// The feed of the member who posts, comments and writes messages; an organization could not write any.
pub(super) const LINKEDIN_FEED: &str = "feed:urn:li:person:demo-takeda";
/// The feed of the Instagram account.
pub(super) const INSTAGRAM_FEED: &str = "feed:17841400000000001";
/// The domain that was taken off the allowlist yesterday.
pub(super) const STRUCK_DOMAIN: &str = "lysaker-kontor.example";

const OUTBOXES: [(&str, ChannelName, &str, &str, i32, &str); 8] = [
    ("main", ChannelName::Email, "Ana Lind <ana@acme.example>", "resend-main", 80, "Europe/Oslo"),
    ("news-fr", ChannelName::Email, "Claire Aubert <claire@acme.example>", "resend-main", 60, "Europe/Paris"),
    ("sur", ChannelName::Email, "Lucía Paredes <lucia@acme.example>", "resend-sur", 40, "America/Lima"),
    (
        "fairs",
        ChannelName::Email,
        "Acme at the fairs <fairs@acme.example>",
        "resend-main",
        20,
        "Europe/Berlin",
    ),
    ("wa-fr", ChannelName::Whatsapp, "+33639980001", "twilio-fr", 50, "Europe/Paris"),
    ("li-jp", ChannelName::Linkedin, "urn:li:person:demo-takeda", "linkedin-jp", 20, "Asia/Tokyo"),
    ("ig-lima", ChannelName::Instagram, "acme.renovacion", "instagram-lima", 25, "America/Lima"),
    ("book", ChannelName::CalCom, "ana-lind/site-visit", "cal-acme", 30, "Europe/Oslo"),
];

/// Makes the outboxes.
pub(super) fn outboxes(now: Timestamp, rng: &mut Rng) -> Vec<Outbox> {
    OUTBOXES
        .iter()
        .map(|(name, channel, sender, secret, daily_cap, zone)| Outbox {
            settings: OutboxSettings {
                id: OutboxId(id_at(now - SignedDuration::from_hours(94 * 24), rng)),
                name: (*name).to_owned(),
                channel: *channel,
                sender: (*sender).to_owned(),
                secret_ref: format!("secret://{secret}:latest"),
                zone: (*zone).to_owned(),
                undo_window: match channel {
                    ChannelName::Email => Duration::from_secs(30),
                    other => other.default_undo_window(),
                },
                allowlist_enforced: true,
                paused: (*name == "fairs").then(|| "no fair before March; ben resumes it".to_owned()),
                killed: None,
                cool_until: None,
                cool_reason: None,
                fault_streak: 0,
                spaced_until: None,
                daily_cap: *daily_cap,
                limits: Limits::default(),
                provider: provider_settings(*channel),
            },
            daily_cap: *daily_cap,
        })
        .collect()
}

/// What the provider of a channel has to know.
fn provider_settings(channel: ChannelName) -> ProviderSettings {
    let pairs: &[(&str, &str)] = match channel {
        ChannelName::Linkedin => &[("author_urn", "urn:li:person:demo-takeda"), ("partner_messages", "yes")],
        ChannelName::Instagram => &[
            ("ig_id", "17841400000000001"),
            ("media_url", "https://pictures.acme.example/by-hash/"),
            ("human_agent", "yes"),
        ],
        ChannelName::Whatsapp => &[("account_sid", "AC0000000000000000000000000000d0a0")],
        _ => &[],
    };
    pairs.iter().copied().collect()
}

/// The people who decide: whoever started the demo, two approvers and a viewer.
pub(super) fn operators(first: &str, now: Timestamp, rng: &mut Rng) -> Vec<Actor> {
    let mut make = |name: &str, role| Actor::Operator {
        id: OperatorId(id_at(now - SignedDuration::from_hours(95 * 24), rng)),
        name: name.to_owned(),
        role,
    };
    let mut operators = vec![make(first, Role::Admin)];
    for (name, role) in [("ana", Role::Approver), ("ben", Role::Approver), ("vera", Role::Viewer)] {
        if name != first {
            operators.push(make(name, role));
        }
    }
    operators
}

/// Everyone the company may write to: domains of its customers, ranges of numbers, and single handles.
pub(super) fn allowlist(accounts: &[Account], contacts: &[Contact]) -> Vec<String> {
    let domains = accounts
        .iter()
        .filter(|account| account.domain != STRUCK_DOMAIN)
        .map(|account| format!("@{}", account.domain));
    let ranges =
        ["+3363998*", "+447700900*", "+4917139200*", LINKEDIN_FEED, INSTAGRAM_FEED].map(str::to_owned);
    let handles =
        contacts.iter().flat_map(|contact| contact.linkedin.iter().chain(&contact.instagram).cloned());
    let mut entries: Vec<String> = domains.chain(ranges).chain(handles).collect();
    entries.extend(super::open::POSTS.map(str::to_owned));
    entries.sort_unstable();
    entries.dedup();
    entries
}
