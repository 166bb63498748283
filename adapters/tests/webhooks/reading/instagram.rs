//! Instagram: messages, echoes, and what happens under posts.
use countersign_core::inbound::event::{Echo, Event, What};
use countersign_core::inbound::provider::Provider;
use rstest::rstest;
use serde_json::{Value, json};

use super::{at, letter, theirs, word};
use crate::desk::{read, read_one};

const ACCOUNT: &str = "17841400000000000";
const PERSON: &str = "1111111111111111";

fn item(from: &str, name: &str, thing: Value) -> Value {
    let to = if from == ACCOUNT { PERSON } else { ACCOUNT };
    let mut item =
        json!({"sender": {"id": from}, "recipient": {"id": to}, "timestamp": 1_767_225_599_000_i64});
    item[name] = thing;
    item
}

fn delivery(kind: &str, items: &[Value]) -> String {
    json!({"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1_767_225_600_000_i64, kind: items}]})
        .to_string()
}

fn message(from: &str, name: &str, thing: Value) -> Event {
    read_one(Provider::Instagram, &delivery("messaging", &[item(from, name, thing)]))
}

#[test]
fn a_message_to_us() {
    let body = r#"{"object":"instagram","entry":[{"id":"17841400000000000","time":1767225600000,"messaging":[{"sender":{"id":"1111111111111111"},"recipient":{"id":"17841400000000000"},"timestamp":1767225599000,"message":{"mid":"m_abc","text":"caf\u00e9","reply_to":{"mid":"m_ours"}}}]}]}"#;
    let event = read_one(Provider::Instagram, body);
    assert_eq!(
        (event.external_id.as_str(), event.occurred_at),
        ("m_abc:message", at("2025-12-31T23:59:59Z"))
    );
    assert_eq!(event.about, [theirs("m_ours")]);
    let told = letter(&event);
    assert_eq!((told.from.as_str(), told.to.as_slice()), (PERSON, &[ACCOUNT.to_owned()][..]));
    assert_eq!((told.text.as_deref(), told.id.as_deref()), (Some("caf\u{e9}"), Some("m_abc")));
    // As it was escaped.
    assert!(body.contains(std::str::from_utf8(&event.raw).unwrap()) && event.raw.starts_with(b"{\"sender\""));
}

#[rstest]
#[case(PERSON, "message", json!({"mid": "m", "text": "a"}), "message", "m:message")]
#[case(PERSON, "message", json!({"mid": "m", "attachments": [{"type": "image"}]}), "message", "m:message")]
#[case(PERSON, "message", json!({"mid": "m", "is_unsupported": true}), "message", "m:message")]
#[case(PERSON, "message", json!({"mid": "m", "text": "Yes", "quick_reply": {"payload": "Y"}}), "message", "m:message")]
#[case(PERSON, "message", json!({"mid": "m", "text": "a", "reply_to": {"story": {"id": "s"}}}), "message", "m:message")]
#[case(PERSON, "message", json!({"mid": "m", "is_deleted": true}), "other message deleted", "m:deleted")]
#[case(ACCOUNT, "message", json!({"mid": "m", "text": "a", "is_echo": true}), "echo", "m:echo")]
#[case(ACCOUNT, "message", json!({"mid": "m", "text": "a"}), "echo", "m:echo")]
#[case(PERSON, "message_edit", json!({"mid": "m", "text": "b", "num_edit": 2}), "message", "m:message_edit:2")]
#[case(ACCOUNT, "message_edit", json!({"mid": "m", "text": "b", "num_edit": 2}), "other message_edit", "m:message_edit")]
#[case(PERSON, "reaction", json!({"mid": "m", "action": "react", "emoji": "\u{2764}"}), "social react",
    "m:reaction:react:1111111111111111:1767225599000")]
#[case(PERSON, "reaction", json!({"mid": "m", "action": "unreact"}), "social unreact",
    "m:reaction:unreact:1111111111111111:1767225599000")]
#[case(PERSON, "read", json!({"mid": "m"}), "read", "m:read")]
#[case(ACCOUNT, "read", json!({"mid": "m"}), "other read", "m:read")]
#[case(PERSON, "postback", json!({"mid": "m", "title": "Prices", "payload": "P"}), "message", "m:postback")]
#[case(PERSON, "referral", json!({"ref": "x"}), "other referral", "sha256:")]
#[case(PERSON, "optin", json!({"type": "x"}), "other optin", "sha256:")]
#[case(PERSON, "newer", json!({}), "other newer", "sha256:")]
#[case(PERSON, "message", json!({"text": "a"}), "message", "sha256:")]
#[case(PERSON, "read", json!({"watermark": 1}), "unreadable", "sha256:")]
#[case(PERSON, "message", json!(7), "other message", "sha256:")]
fn what_happens_between_us(
    #[case] from: &str,
    #[case] name: &str,
    #[case] thing: Value,
    #[case] expected: &str,
    #[case] id: &str,
) {
    let event = message(from, name, thing);
    assert_eq!(word(&event), expected);
    assert!(event.external_id.starts_with(id), "{}", event.external_id);
}

/// An echo is the only proof that a message whose answer was lost is there.
#[test]
fn an_echo_names_its_message() {
    let event = message(ACCOUNT, "message", json!({"mid": "m", "text": "a", "is_echo": true, "app_id": 7}));
    let echo = Echo { to: PERSON.to_owned(), text: Some("a".to_owned()), id: "m".to_owned() };
    assert_eq!((event.what, event.about), (What::Echo(echo), vec![theirs("m")]));
}

#[rstest]
#[case("read", json!({"mid": "m"}))]
#[case("reaction", json!({"mid": "m", "action": "react"}))]
fn it_names_the_message_of_ours(#[case] name: &str, #[case] thing: Value) {
    assert_eq!(message(PERSON, name, thing).about, [theirs("m")]);
}

#[test]
fn a_pressed_button_says_what_is_on_it() {
    let event = message(PERSON, "postback", json!({"mid": "m", "title": "Prices", "payload": "P"}));
    assert_eq!(letter(&event).text.as_deref(), Some("Prices"));
}

fn change(field: &str, value: &Value) -> Event {
    read_one(Provider::Instagram, &delivery("changes", &[json!({"field": field, "value": value})]))
}

#[test]
fn a_comment_under_a_post() {
    let value = json!({"id": "c1", "text": "Nice", "from": {"id": "1", "username": "ann"}, "media": {"id": "p1"}, "parent_id": "c0"});
    let event = change("comments", &value);
    let expected = What::Social {
        action: "comment".to_owned(),
        by: Some("ann".to_owned()),
        text: Some("Nice".to_owned()),
    };
    assert_eq!((event.external_id.as_str(), event.what), ("c1:comments", expected));
    assert_eq!(
        (event.about, event.occurred_at),
        (vec![theirs("p1"), theirs("c0")], at("2026-01-01T00:00:00Z"))
    );
}

#[rstest]
#[case("mentions", json!({"media_id": "p1", "comment_id": "c1"}), "social mention", "c1:mentions")]
#[case("live_comments", json!({"id": "c1", "from": {"id": "1"}}), "social comment", "c1:live_comments")]
#[case("story_insights", json!({"media_id": "p1"}), "other story_insights", "sha256:")]
#[case("messages", item(PERSON, "message", json!({"mid": "m", "text": "a"})), "message", "m:message")]
#[case("comments", json!(7), "social comment", "sha256:")]
fn other_changes(#[case] field: &str, #[case] value: Value, #[case] expected: &str, #[case] id: &str) {
    let event = change(field, &value);
    assert_eq!(word(&event), expected);
    assert!(event.external_id.starts_with(id), "{}", event.external_id);
}

/// Every entry and every item of it, those that another app has taken over too.
#[test]
fn a_batch_is_walked() {
    let of = |mid: &str| item(PERSON, "message", json!({"mid": mid, "text": "a"}));
    let body = json!({"object": "instagram", "entry": [
        {"id": ACCOUNT, "time": 1_767_225_600, "messaging": [of("m1"), of("m2")], "standby": [of("m3")]},
        {"id": ACCOUNT, "changes": [{"field": "comments", "value": {"id": "c1"}}]},
        {"id": ACCOUNT},
    ]});
    let events = read(Provider::Instagram, &body.to_string());
    let ids: Vec<_> = events.iter().map(|event| event.external_id.as_str()).collect();
    assert_eq!(ids, ["m1:message", "m2:message", "m3:message", "c1:comments"]);
}

#[rstest]
#[case(r#"{"object":"page","entry":[{"messaging":[{}]}]}"#, "other page")]
#[case(r#"{"object":"instagram","entry":[]}"#, "other instagram")]
#[case(r#"{"object":"instagram"}"#, "other instagram")]
#[case(r#"{"object":"instagram","entry":[{"messaging":[{"sender":{"id":"1"}}]}]}"#, "unreadable")]
fn what_is_not_known_is_kept(#[case] body: &str, #[case] expected: &str) {
    assert_eq!(word(&read_one(Provider::Instagram, body)), expected);
}
