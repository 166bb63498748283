//! What the provider's list proves about a message. Lists of the sandbox are read by the wire tests.
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use countersign_core::activity::payload::{Kind, WhatsappTemplate};
use countersign_core::channel::{ChannelName, Past};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const PATH: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json";
const SID: &str = "SM0123456789abcdef0123456789abcdef";

fn payload(template: bool) -> Payload {
    let words = "Hi Bo,\nyes.";
    let parts = Parts::Whatsapp {
        text: (!template).then(|| words.to_owned()),
        template: template.then(|| WhatsappTemplate {
            content_sid: "HX0123456789abcdef0123456789abcdef".to_owned(),
            version: "1".to_owned(),
            variables: BTreeMap::new(),
            rendered_text: words.to_owned(),
        }),
    };
    Payload {
        channel: ChannelName::Whatsapp,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "twilio".to_owned(),
        kind: Kind::FollowUp,
        from: "+14155552345".to_owned(),
        to: "+15558675310".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts,
    }
}

fn judge<T>(template: bool, form: &str, with: impl FnOnce(&Case<'_>) -> T) -> T {
    let (payload, approved) = (payload(template), Request::form(PATH, form.to_owned()));
    with(&Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId(Uuid::from_u128(7)),
        past: &Past::default(),
        first_wire_at: "2026-11-25T10:00:00Z".parse().expect("a time"),
        age: Duration::from_secs(60),
    })
}

const BY_NUMBER: &str = "To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&Body=x";
const BY_SERVICE: &str = "To=whatsapp%3A%2B15558675310&MessagingServiceSid=MG1&Body=x";

fn taken() -> Value {
    json!({
        "sid": SID,
        "to": "whatsapp:+15558675310",
        "from": "whatsapp:+14155552345",
        "messaging_service_sid": null,
        "body": "Hi Bo,\r\nyes. ",
        "status": "queued",
        "error_code": null,
        "date_created": "Wed, 25 Nov 2026 10:00:03 +0000",
    })
}

fn answer(status: u16, body: &Value) -> Response {
    Response { status, headers: Vec::new(), body: Bytes::from(body.to_string()) }
}

fn listed(template: bool, form: &str, messages: &Value, next: Option<&str>) -> Lookup {
    let page = answer(200, &json!({ "messages": messages, "next_page_uri": next }));
    judge(template, form, |case| found(case, &page))
}

fn word(lookup: &Lookup) -> &str {
    match lookup {
        Lookup::Ask(_) => "ask",
        Lookup::Found(finding) => finding.as_str(),
    }
}

#[rstest]
#[case(BY_NUMBER, "?To=whatsapp%3A%2B15558675310&From=whatsapp%3A%2B14155552345&PageSize=50")]
#[case(BY_SERVICE, "?To=whatsapp%3A%2B15558675310&PageSize=50")]
fn the_list_is_asked_by_the_approved_addresses(#[case] form: &str, #[case] query: &str) {
    assert_eq!(judge(false, form, first), Lookup::Ask(Request::get(format!("{PATH}{query}"))));
    assert_eq!(word(&judge(false, "Body=x", first)), "impossible");
}

/// R7: it was taken, whatever became of it afterwards.
#[rstest]
#[case(json!("queued"), json!(null), "queued")]
#[case(json!("failed"), json!(63016), "failed, error 63016")]
#[case(json!("undelivered"), json!(63024), "undelivered, error 63024")]
fn the_same_words_to_the_same_number_are_this_message(
    #[case] status: Value,
    #[case] error: Value,
    #[case] said: &str,
    #[values(false, true)] template: bool,
) {
    let mut message = taken();
    (message["status"], message["error_code"]) = (status, error);
    let Lookup::Found(Finding::Sent { provider_ref, why }) =
        listed(template, BY_NUMBER, &json!([message]), None)
    else {
        panic!("is found")
    };
    assert_eq!(provider_ref.as_deref(), Some(SID));
    assert!(why.ends_with(said), "{why}");
}

/// What is not surely this message is not called sent, and an empty list proves nothing.
#[rstest]
#[case("body", json!("Hi Bo,\nno."), "absent", "unclear")]
#[case("body", json!(null), "absent", "unclear")]
#[case("to", json!("whatsapp:+15558675311"), "absent", "absent")]
#[case("from", json!("whatsapp:+14155552346"), "absent", "absent")]
#[case("sid", json!("SM1"), "absent", "absent")]
#[case("date_created", json!("Wed, 25 Nov 2026 09:54:59 +0000"), "absent", "absent")]
#[case("date_created", json!("Wed, 25 Nov 2026 09:55:00 +0000"), "sent", "sent")]
#[case("date_created", json!("once"), "absent", "absent")]
fn another_message_is_not_this_one(
    #[case] field: &str,
    #[case] value: Value,
    #[case] text: &str,
    #[case] template: &str,
) {
    let mut message = taken();
    message[field] = value;
    for (is_template, expected) in [(false, text), (true, template)] {
        assert_eq!(word(&listed(is_template, BY_NUMBER, &json!([message]), None)), expected);
    }
    assert_eq!(word(&listed(false, BY_NUMBER, &json!([]), None)), "absent");
}

#[test]
fn a_service_is_recognised_by_its_own_id() {
    let mut message = taken();
    message["from"] = json!(null);
    assert_eq!(word(&listed(false, BY_SERVICE, &json!([message]), None)), "absent");
    message["messaging_service_sid"] = json!("MG1");
    assert_eq!(word(&listed(false, BY_SERVICE, &json!([message]), None)), "sent");
}

/// S18: the next page is one of the same list, or it is not asked for.
#[rstest]
#[case("?Page=1&PageToken=PA1", "ask")]
#[case("/../Calls.json?Page=1", "unclear")]
#[case("", "unclear")]
fn only_pages_of_the_same_list_follow(#[case] rest: &str, #[case] expected: &str) {
    let mut other = taken();
    other["body"] = json!("other words");
    let next = format!("{PATH}{rest}");
    assert_eq!(word(&listed(false, BY_NUMBER, &json!([other]), Some(&next))), expected);
    assert_eq!(word(&listed(false, BY_NUMBER, &json!([other]), Some("https://evil.example/"))), "unclear");
    other["date_created"] = json!("Tue, 24 Nov 2026 10:00:00 +0000");
    assert_eq!(word(&listed(false, BY_NUMBER, &json!([other]), Some(&next))), "absent");
}

#[rstest]
#[case(200, json!({}), "unclear")]
#[case(200, json!({ "messages": "x" }), "unclear")]
#[case(401, json!({ "code": 20003, "message": "Authenticate" }), "unclear")]
#[case(500, json!(null), "unclear")]
fn another_answer_says_nothing_about_it(#[case] status: u16, #[case] body: Value, #[case] expected: &str) {
    assert_eq!(word(&judge(false, BY_NUMBER, |case| found(case, &answer(status, &body)))), expected);
}

#[rstest]
#[case(200, json!({ "messages": [] }), "works")]
#[case(200, json!({}), "unclear")]
#[case(401, json!({ "code": 20003, "message": "Authenticate" }), "refused")]
#[case(403, json!({ "code": 20005, "message": "Account not active" }), "refused")]
#[case(404, json!({ "code": 20404, "message": "Not found" }), "refused")]
#[case(404, json!("elsewhere"), "unclear")]
#[case(500, json!({ "code": 20500, "message": "x" }), "unclear")]
fn the_probe_tells_what_the_credential_is_worth(
    #[case] status: u16,
    #[case] body: Value,
    #[case] expected: &str,
) {
    let said = match probed(&answer(status, &body)) {
        Probe::Works { .. } => "works",
        Probe::Refused { .. } => "refused",
        Probe::Unclear { .. } => "unclear",
    };
    assert_eq!(said, expected);
}
