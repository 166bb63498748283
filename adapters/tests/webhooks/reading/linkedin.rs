//! LinkedIn: what people do with posts.
use countersign_core::inbound::event::What;
use countersign_core::inbound::provider::Provider;
use rstest::rstest;
use serde_json::{Value, json};

use super::{at, theirs, word};
use crate::desk::{read, read_one};

const POST: &str = "urn:li:share:7000000000000000001";

fn notification(id: Value, action: &str, decorated: Value) -> Value {
    let mut notification = json!({
        "organizationalEntity": "urn:li:organization:1", "action": action, "sourcePost": POST,
        "generatedActivity": "urn:li:comment:(urn:li:activity:1,2)", "lastModifiedAt": 1_767_225_600_000_i64, "subscriber": "urn:li:person:s",
    });
    notification["notificationId"] = id;
    notification["decoratedGeneratedActivity"] = decorated;
    notification
}

fn body(notifications: &[Value]) -> String {
    json!({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": notifications}).to_string()
}

#[rstest]
#[case("LIKE", json!({"like": {"owner": "urn:li:person:a"}}), Some("urn:li:person:a"), None)]
#[case("COMMENT", json!({"comment": {"owner": "urn:li:person:a", "text": "Nice"}}), Some("urn:li:person:a"), Some("Nice"))]
#[case("SHARE", json!({"share": {"owner": "urn:li:person:a", "text": "Look"}}), Some("urn:li:person:a"), Some("Look"))]
#[case("SHARE_MENTION", json!(null), None, None)]
#[case("ADMIN_COMMENT", json!({"comment": {"actor": "urn:li:person:a", "message": {"text": "Hi"}}}), Some("urn:li:person:a"), Some("Hi"))]
#[case("COMMENT_EDIT", json!({"owner": "urn:li:person:a", "text": "Nicer"}), Some("urn:li:person:a"), Some("Nicer"))]
#[case("COMMENT_DELETE", json!("x"), None, None)]
fn what_somebody_did_with_a_post(
    #[case] action: &str,
    #[case] decorated: Value,
    #[case] by: Option<&str>,
    #[case] text: Option<&str>,
) {
    let event = read_one(Provider::Linkedin, &body(&[notification(json!(1_234_567), action, decorated)]));
    let expected = What::Social {
        action: action.to_lowercase(),
        by: by.map(str::to_owned),
        text: text.map(str::to_owned),
    };
    assert_eq!((event.external_id.as_str(), &event.what), ("1234567", &expected));
    assert_eq!((event.about, event.occurred_at), (vec![theirs(POST)], at("2026-01-01T00:00:00Z")));
}

/// Each keeps its own bytes and its own id, which may be a text or a number.
#[test]
fn several_come_at_once() {
    let all = [json!(1), json!("2"), json!(i64::MAX)].map(|id| notification(id, "LIKE", json!(null)));
    let events = read(Provider::Linkedin, &body(&all));
    let ids: Vec<_> = events.iter().map(|event| event.external_id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "9223372036854775807"]);
    for (event, part) in events.iter().zip(&all) {
        assert_eq!(serde_json::from_slice::<Value>(&event.raw).unwrap(), *part);
    }
}

#[rstest]
#[case(r#"{"type":"LEAD_ACTION","leadGenFormResponse":"x"}"#, "other LEAD_ACTION")]
#[case(r#"{"type":"X","notifications":[]}"#, "other X")]
#[case(r#"{"type":"X","notifications":null}"#, "other X")]
#[case(r#"{"type":"X","notifications":[{"action":"LIKE"}]}"#, "unreadable")]
#[case(r#"{"type":"X","notifications":[{"notificationId":1}]}"#, "unreadable")]
#[case(r#"{"type":"X","notifications":{}}"#, "unreadable")]
fn what_is_not_known_is_kept(#[case] body: &str, #[case] expected: &str) {
    let event = read_one(Provider::Linkedin, body);
    assert_eq!(word(&event), expected);
    assert!(event.external_id.starts_with("sha256:"));
}
