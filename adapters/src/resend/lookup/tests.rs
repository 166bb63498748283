//! Which mail of the provider's list is ours.
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use countersign_core::activity::payload::Kind;
use countersign_core::channel::{ChannelName, Past};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn payload() -> Payload {
    Payload {
        channel: ChannelName::Email,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "resend".to_owned(),
        kind: Kind::FollowUp,
        from: "Ana <ana@example.com>".to_owned(),
        to: "bo@example.org".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Email {
            subject: "Hello".to_owned(),
            text: "Hi Bo,\nyes.\n".to_owned(),
            html: None,
            in_reply_to: None,
            attachments: Vec::new(),
        },
    }
}

fn answered(path: &str, status: u16, body: &Value) -> Lookup {
    let (payload, approved, past) = (payload(), Request::json("/emails", String::new()), Past::default());
    let case = Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId(Uuid::from_u128(7)),
        past: &past,
        first_wire_at: "2026-11-25T10:00:00Z".parse().expect("a time"),
        age: Duration::from_secs(60),
    };
    let response = Response { status, headers: Vec::new(), body: Bytes::from(body.to_string()) };
    found(&case, &Request::get(path), &response)
}

fn mail(id: &str, subject: &str, text: &Value) -> Value {
    json!({
        "id": id, "to": ["Bo@example.org"], "subject": subject, "text": text,
        "created_at": "2026-11-25 10:00:03.674981+00",
    })
}

/// What is asked next, or what was found.
fn word(lookup: &Lookup) -> &str {
    match lookup {
        Lookup::Ask(request) => &request.path,
        Lookup::Found(finding) => finding.as_str(),
    }
}

/// R7: the newest mail with this subject may be another one, and the one that is sought is behind it.
#[rstest]
#[case::the_same(json!("Hi Bo,\r\nyes. "), "sent")]
#[case::other_words(json!("Hi Bo,\nno."), "/emails?limit=100&after=m1")]
#[case::none_shown(json!(null), "unclear")]
fn a_mail_with_other_words_does_not_end_the_search(#[case] text: Value, #[case] next: &str) {
    let listed = json!({ "has_more": true, "data": [mail("m0", "Another", &json!(null)), mail("m1", "Hello", &json!(null))] });
    assert_eq!(word(&answered("/emails?limit=100", 200, &listed)), "/emails/m1");
    assert_eq!(word(&answered("/emails/m1", 200, &mail("m1", "Hello", &text))), next);
}

#[rstest]
#[case::older(json!([{ "id": "m1", "to": ["bo@example.org"], "subject": "Hello", "created_at": "2026-11-25T09:54:59Z" }]), true, "absent")]
#[case::more(json!([mail("m1", "Another", &json!(null))]), true, "/emails?limit=100&after=m1")]
#[case::the_end(json!([mail("m1", "Another", &json!(null))]), false, "absent")]
#[case::nothing(json!([]), false, "absent")]
fn the_list_is_read_until_the_message_left(#[case] data: Value, #[case] has_more: bool, #[case] next: &str) {
    let listed = json!({ "has_more": has_more, "data": data });
    assert_eq!(word(&answered("/emails?limit=100&after=m9", 200, &listed)), next);
}

#[rstest]
#[case(200, json!("<html>"), "unclear")]
#[case(401, json!({ "name": "restricted_api_key", "message": "x" }), "impossible")]
#[case(403, json!({ "name": "invalid_api_key", "message": "x" }), "unclear")]
#[case(500, json!(null), "unclear")]
fn another_answer_says_nothing_about_it(#[case] status: u16, #[case] body: Value, #[case] expected: &str) {
    for path in ["/emails?limit=100", "/emails/m1"] {
        assert_eq!(word(&answered(path, status, &body)), expected, "{path}");
    }
}
