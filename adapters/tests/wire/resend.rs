//! Resend over real HTTP: every row of its table of errors.
use std::collections::BTreeSet;

use countersign_adapters::sandbox::{Fault, refusals};
use countersign_core::activity::payload::Parts;
use countersign_core::channel::{ChannelName, Past, Probe};

use crate::desk::Desk;
use crate::steps::{Sender, word};

/// What the provider documents, row by row. It keeps keys, so that what is in doubt goes again under the same one.
const ROWS: &[(&str, &str)] = &[
    ("validation_error", "rejected"),
    ("invalid_idempotency_key", "rejected"),
    ("missing_api_key", "account"),
    ("restricted_api_key", "account"),
    ("invalid_api_key", "account"),
    ("suspended_api_key", "account"),
    ("invalid_permission", "account"),
    ("unverified_domain", "account"),
    ("1010", "account"),
    ("not_found", "rejected"),
    ("method_not_allowed", "rejected"),
    ("concurrent_idempotent_requests", "same key"),
    ("resource_locked", "same key"),
    ("invalid_idempotent_request", "maybe"),
    ("missing_required_field", "rejected"),
    ("missing_required_parameter", "rejected"),
    ("invalid_attachment", "rejected"),
    ("invalid_parameter", "rejected"),
    ("invalid_from_address", "rejected"),
    ("rate_limit_exceeded", "limited"),
    ("daily_quota_exceeded", "account"),
    ("monthly_quota_exceeded", "account"),
    ("application_error", "same key"),
    ("internal_server_error", "same key"),
    ("service_unavailable", "same key"),
];

fn sender() -> Sender {
    Sender::new(ChannelName::Email, "Ana <ana@example.com>", &[])
}

fn mail() -> Parts {
    Parts::Email {
        subject: "Hello".to_owned(),
        text: "Hi".to_owned(),
        html: None,
        in_reply_to: None,
        attachments: Vec::new(),
    }
}

/// F14 to F17: no row of the provider's table is without an expectation, and each leads where it says.
#[tokio::test]
async fn every_refusal_leads_where_the_provider_says() {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render("bo@example.org", mail()).expect("renders");
    let played: BTreeSet<_> =
        refusals().filter(|(name, _)| *name == "resend").map(|(_, refusal)| refusal.code).collect();
    assert_eq!(played, ROWS.iter().map(|(code, _)| *code).collect());
    for (code, expected) in ROWS {
        desk.sandbox.set_faults([Fault::Refuse { code: (*code).to_owned() }.always()]);
        let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
        assert_eq!(word(&result), *expected, "{code}: {result:?}");
    }
    assert_eq!((desk.sandbox.requests().count, desk.accepted()), (ROWS.len() as u64, 0));
}

#[tokio::test]
async fn a_credential_is_tried_by_reading() {
    let (desk, mut sender) = (Desk::new().await, sender());
    let request = sender.channel.probe(&sender.settings).expect("a request");
    let answer = sender.ask(&desk.transport(), &request).await;
    assert_eq!(
        sender.channel.probed(&answer),
        Probe::Works { says: "the API key has full access".to_owned() }
    );
    sender.credential = "re_bad";
    let answer = sender.ask(&desk.transport(), &request).await;
    assert!(matches!(sender.channel.probed(&answer), Probe::Refused { .. }));
    assert_eq!(desk.accepted(), 0);
}
