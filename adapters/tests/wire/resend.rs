//! Resend over real HTTP: every row of its table of errors.
use std::collections::BTreeSet;
use std::time::Duration;

use countersign_adapters::resend::Resend;
use countersign_adapters::sandbox::{Fault, Ledger, refusals};
use countersign_core::activity::payload::{Parts, Payload};
use countersign_core::channel::{
    Call, Case, Channel as _, ChannelName, Finding, Past, Probe, Transport as _,
};
use countersign_core::clock;
use countersign_core::secret::SecretText;
use rstest::rstest;

use crate::desk::Desk;
use crate::drive::{ACTIVITY, Drive, bodies};
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
    ("security_error", "rejected"),
    ("invalid_region", "rejected"),
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
    ("invalid_access", "rejected"),
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
    words("Hello", "Hi", None)
}

fn words(subject: &str, text: &str, html: Option<&str>) -> Parts {
    Parts::Email {
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: html.map(str::to_owned),
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

/// S10, S15: words that try to be a header or a field arrive as words, to the byte; a subject is one line.
#[rstest]
#[case("a\r\nBcc: eve@evil.example\r\n\r\nGET / HTTP/1.1")]
#[case("\",\"bcc\":[\"eve@evil.example\"],\"x\":\"")]
#[case("a\u{2028}b\u{2029}c\u{0}")]
#[case("</p><script>alert(1)</script>")]
#[case("Grüße an bücher.example, 日本 🌱 \u{202e}gnp")]
#[tokio::test]
async fn hostile_words_arrive_as_words(#[case] hostile: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let one_line: String =
        hostile.chars().filter(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')).collect();
    if one_line != hostile {
        let refused = sender.render("bo@example.org", words(hostile, "Hi", None)).expect_err("is refused");
        assert_eq!(refused.field, "subject");
    }
    let name: String = one_line.chars().filter(|c| !matches!(c, '"' | '<' | '>' | '\\')).collect();
    let to = format!("\"{name}\" <bo@example.org>");
    let approved = sender.render(&to, words(&one_line, hostile, Some(hostile))).expect("renders");
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!(word(&result), "accepted", "{result:?}");
    let [body] = &bodies(&desk)[..] else { panic!("one mail") };
    assert_eq!(body, &approved.body);
    let sent: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&sent["subject"], &sent["to"]), (&one_line.into(), &serde_json::json!([to])));
    assert_eq!((&sent["text"], &sent["html"]), (&hostile.into(), &hostile.into()));
    assert!(sent.get("bcc").is_none() && desk.sandbox.requests().count == 1);
}

/// S15: an address with a domain in another script arrives as it was approved.
#[rstest]
#[case("bo@bücher.example")]
#[case("bo@xn--bcher-kva.example")]
#[case("bo@例え.example")]
#[tokio::test]
async fn an_international_domain_arrives_as_approved(#[case] to: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(to, mail()).expect("renders");
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!(word(&result), "accepted", "{result:?}");
    let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
    assert_eq!(entries[0].to, [to]);
}

/// R7: a lost answer, then the list: behind a newer mail with this recipient and subject but other words, and behind a page of others.
#[tokio::test]
async fn a_lost_answer_is_found_behind_another_mail_with_its_subject() {
    let (desk, sender) = (Desk::new().await, sender());
    let drive =
        Drive { channel: Box::new(Resend), settings: sender.settings.clone(), credential: "re_canary" };
    let payload = sender.payload("bo@example.org", words("Hello", "ours", None));
    let approved = drive.rendered(&payload);
    let case = Case {
        payload: &payload,
        approved: &approved,
        activity: ACTIVITY,
        past: &Past::default(),
        first_wire_at: clock::now(),
        age: Duration::from_secs(60),
    };
    let take = async |key: &str, payload: &Payload| {
        let headers = Resend.wire_headers(&SecretText::new("re_canary".to_owned()), key).expect("headers");
        let call = Call { request: drive.rendered(payload), headers };
        assert_eq!(desk.transport().exchange(call).await.expect("answers").status, 200);
    };
    take("newer-0", &sender.payload("bo@example.org", words("Hello", "theirs", None))).await;
    assert_eq!(drive.find(&desk, &case).await.as_str(), "absent");
    take("ours", &payload).await;
    for number in 0..100 {
        take(&format!("other-{number}"), &sender.payload("eve@example.org", mail())).await;
    }
    take("newer-1", &sender.payload("bo@example.org", words("Hello", "theirs", None))).await;
    let Finding::Sent { provider_ref, .. } = drive.find(&desk, &case).await else { panic!("is found") };
    let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
    assert_eq!(provider_ref.as_deref(), Some(entries[1].id.as_str()));
}
