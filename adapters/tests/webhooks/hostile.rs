//! Bodies that are signed and broken: read without harm, kept with their bytes, and told apart.
use countersign_adapters::webhook;
use countersign_core::inbound::event::{EXTERNAL_ID_LIMIT, Event, SUBJECT_LIMIT, TEXT_LIMIT, What};
use countersign_core::inbound::provider::{Delivery, Provider};
use proptest::prelude::*;
use rstest::rstest;

use crate::desk::{read, read_one};

/// What holds of every event, whoever wrote it: it can be stored.
fn check(events: &[Event], body: &[u8]) {
    assert!((1..=1000).contains(&events.len()), "{}", events.len());
    for event in events {
        assert!((1..=EXTERNAL_ID_LIMIT).contains(&event.external_id.len()));
        assert!(!event.external_id.contains(char::is_control));
        let stored = serde_json::to_string(event).expect("it can be written");
        assert!(!stored.contains("\\u0000"), "{stored}");
        assert!(event.raw.len() <= body.len());
        match &event.what {
            What::Message(letter) => {
                assert!(letter.text.iter().all(|text| text.chars().count() <= TEXT_LIMIT));
                assert!(letter.subject.iter().all(|text| text.chars().count() <= SUBJECT_LIMIT));
                assert!(letter.from.chars().count() <= 500);
            }
            What::Unreadable { why } => assert!(why.chars().count() <= 300 && !why.is_empty()),
            _ => {}
        }
    }
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// S33: each is kept whole, says why it is not read, and has an id of its own bytes.
#[rstest]
#[case::nothing("")]
#[case::no_json("<html>")]
#[case::half(r#"{"type":"email.sent","#)]
#[case::two(r#"{"type":"email.sent"} {"type":"email.sent"}"#)]
#[case::a_number("1")]
#[case::null("null")]
#[case::a_text(r#""email.sent""#)]
#[case::a_list("[]")]
#[case::no_type("{}")]
#[case::lone_surrogate(r#"{"type":"email.sent","event":"invitee.created","triggerEvent":"BOOKING_CREATED","object":"instagram","entry":"\ud83d","notifications":"\ud83d"}"#)]
#[case::huge_number(
    r#"{"type":"email.sent","event":"x","triggerEvent":"x","object":"instagram","entry":1e99999,"notifications":1e99999}"#
)]
#[case::wrong_types(r#"{"type":7,"event":[],"triggerEvent":null,"object":{},"entry":"x","notifications":1}"#)]
#[case::deep(&nested(65))]
#[case::deep_in_a_field(&format!(r#"{{"type":"email.sent","event":"x","triggerEvent":"x","object":"instagram","data":{}}}"#, nested(64)))]
#[case::bom("\u{feff}{}")]
fn what_is_broken_is_kept_and_says_why(#[case] body: &str) {
    for provider in Provider::ALL.iter().filter(|provider| **provider != Provider::Twilio) {
        let events = read(*provider, body);
        check(&events, body.as_bytes());
        let event = &events[0];
        assert!(matches!(&event.what, What::Unreadable { .. }), "{provider}: {:?}", event.what);
        assert!(event.external_id.starts_with("sha256:"), "{provider}");
        assert_eq!(event.raw, body.as_bytes(), "{provider}");
        assert_eq!(read(*provider, body), events, "{provider} reads it the same way again");
        assert_ne!(read(*provider, &format!("{body} "))[0].external_id, event.external_id, "{provider}");
    }
}

/// S33: 100 000 levels neither overflow nor take long.
#[test]
fn a_tower_of_lists_is_not_climbed() {
    for provider in Provider::ALL {
        for body in ["[".repeat(100_000), nested(100_000), "{\"a\":".repeat(100_000)] {
            let delivery = Delivery {
                query: "",
                headers: &[("content-type".to_owned(), b"application/json".to_vec())],
                body: body.as_bytes(),
            };
            let events = webhook(*provider).read(&delivery);
            assert!(
                matches!(&events[0].what, What::Unreadable { why } if why.contains("deep")),
                "{provider}"
            );
        }
    }
}

/// One that is broken spoils no other of its delivery.
#[test]
fn a_broken_part_of_a_batch_stands_alone() {
    let good =
        r#"{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":1,"message":{"mid":"m1","text":"a"}}"#;
    let bad = r#"{"sender":{"id":"1"},"recipient":{"id":"2"},"timestamp":1,"message":{"mid":"m2","text":"\ud800"}}"#;
    let body = format!(
        r#"{{"object":"instagram","entry":[{{"id":"2","messaging":[{bad},{good},7]}},"x",{{"messaging":[{good}]}}]}}"#
    );
    let events = read(Provider::Instagram, &body);
    let words: Vec<_> = events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(words, ["unreadable", "message", "unreadable", "unreadable", "message"]);
    assert_eq!(events[0].raw, bad.as_bytes());
    assert_eq!(events[1].raw, good.as_bytes());
    check(&events, body.as_bytes());

    let body = r#"{"type":"X","notifications":[{"notificationId":1,"action":"LIKE","x":"\ud800"},{"notificationId":2,"action":"LIKE"},null]}"#;
    let events = read(Provider::Linkedin, body);
    let words: Vec<_> = events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(words, ["unreadable", "social", "unreadable"]);
}

/// More than may be stored at once is not lost: the rest lies in the bytes of the last.
#[test]
fn a_batch_above_the_limit_is_kept_whole() {
    let items = vec!["{}"; 100_000].join(",");
    for (provider, body) in [
        (Provider::Instagram, format!(r#"{{"object":"instagram","entry":[{{"messaging":[{items}]}}]}}"#)),
        (Provider::Linkedin, format!(r#"{{"type":"X","notifications":[{items}]}}"#)),
    ] {
        let events = read(provider, &body);
        check(&events, body.as_bytes());
        assert_eq!(events.last().unwrap().raw, body.as_bytes());
    }
}

/// S33: NUL, which PostgreSQL cannot hold, reaches no text and no reference.
#[test]
fn nul_is_stored_nowhere() {
    let nul = r"a\u0000b";
    let bodies = [
        (
            Provider::Resend,
            format!(
                r#"{{"type":"email.received","created_at":"{nul}","data":{{"email_id":"{nul}","from":"{nul} <a@b{nul}>","to":["{nul}"],"subject":"{nul}","message_id":"<{nul}>"}}}}"#
            ),
        ),
        (
            Provider::Resend,
            format!(
                r#"{{"type":"email.bounced","data":{{"email_id":"e","tags":{{"activity_id":"{nul}"}},"message_id":"{nul}","bounce":{{"type":"{nul}","message":"{nul}"}}}}}}"#
            ),
        ),
        (Provider::Resend, format!(r#"{{"type":"{nul}","data":{{}}}}"#)),
        (
            Provider::Resend,
            format!(r#"{{"type":"suppression.added","data":{{"email":"{nul}","origin":"{nul}"}}}}"#),
        ),
        (
            Provider::Twilio,
            "MessageSid=S%00M&SmsStatus=received&From=%00a&To=b%00&Body=a%00b&ProfileName=%00c".to_owned(),
        ),
        (Provider::Twilio, "MessageSid=SM1&MessageStatus=%00&ErrorCode=%00".to_owned()),
        (Provider::Twilio, "MessageSid=SM1&MessageStatus=failed&ErrorCode=%00&ErrorMessage=a%00b".to_owned()),
        (
            Provider::CalCom,
            format!(
                r#"{{"triggerEvent":"BOOKING_CREATED","createdAt":"{nul}","payload":{{"uid":"{nul}","rescheduleUid":"{nul}","attendees":[{{"email":"{nul}"}}],"cancellationReason":"{nul}"}}}}"#
            ),
        ),
        (
            Provider::Calendly,
            format!(
                r#"{{"event":"invitee.canceled","created_at":"{nul}","payload":{{"uri":"{nul}","email":"{nul}","old_invitee":"{nul}","cancellation":{{"reason":"{nul}"}}}}}}"#
            ),
        ),
        (
            Provider::Linkedin,
            format!(
                r#"{{"type":"X","notifications":[{{"notificationId":"{nul}","action":"{nul}","sourcePost":"{nul}","decoratedGeneratedActivity":{{"comment":{{"owner":"{nul}","text":"{nul}"}}}}}}]}}"#
            ),
        ),
        (
            Provider::Instagram,
            format!(
                r#"{{"object":"instagram","entry":[{{"id":"{nul}","messaging":[{{"sender":{{"id":"{nul}"}},"recipient":{{"id":"{nul}"}},"message":{{"mid":"{nul}","text":"{nul}"}}}},{{"sender":{{"id":"{nul}"}},"recipient":{{"id":"1"}},"reaction":{{"mid":"m","action":"{nul}","emoji":"{nul}"}}}},{{"sender":{{"id":"1"}},"recipient":{{"id":"1"}},"{nul}":{{}}}}],"changes":[{{"field":"comments","value":{{"id":"{nul}","text":"{nul}","from":{{"username":"{nul}"}},"media":{{"id":"{nul}"}}}}}}]}}]}}"#
            ),
        ),
    ];
    for (provider, body) in bodies {
        check(&read(provider, &body), body.as_bytes());
    }
}

/// What is longer than anybody writes is cut, and an id becomes its hash.
#[test]
fn what_is_long_is_cut() {
    let long = "x".repeat(60_000);
    let event = read_one(
        Provider::Twilio,
        &format!("MessageSid=SM1&SmsStatus=received&From={long}&ProfileName={long}&Body={long}"),
    );
    check(&[event], long.as_bytes().repeat(5).as_slice());
    let event = read_one(
        Provider::CalCom,
        &format!(r#"{{"triggerEvent":"BOOKING_CREATED","createdAt":"1","payload":{{"uid":"{long}"}}}}"#),
    );
    assert!(event.external_id.starts_with("sha256:"));
    assert!(matches!(&event.what, What::Booking(meeting) if meeting.uid.len() <= 500));
    assert!(event.about.is_empty());
}

/// The words providers use, so that generated bodies come far enough.
const KEYS: &[&str] = &[
    "type",
    "data",
    "created_at",
    "email_id",
    "from",
    "to",
    "subject",
    "message_id",
    "tags",
    "activity_id",
    "bounce",
    "email",
    "event",
    "payload",
    "uri",
    "tracking",
    "utm_content",
    "triggerEvent",
    "createdAt",
    "uid",
    "attendees",
    "responses",
    "metadata",
    "object",
    "entry",
    "id",
    "time",
    "messaging",
    "changes",
    "field",
    "value",
    "sender",
    "recipient",
    "timestamp",
    "message",
    "mid",
    "text",
    "reaction",
    "read",
    "postback",
    "notifications",
    "notificationId",
    "action",
    "sourcePost",
    "invitee",
    "MessageSid",
    "MessageStatus",
    "SmsStatus",
    "Body",
    "From",
    "headers",
    "authentication",
];
const VALUES: &[&str] = &[
    "email.received",
    "email.bounced",
    "suppression.added",
    "invitee.created",
    "invitee.canceled",
    "BOOKING_CREATED",
    "BOOKING_NO_SHOW_UPDATED",
    "instagram",
    "comments",
    "received",
    "failed",
    "LIKE",
    "2026-01-01T00:00:00Z",
    "\0",
    "",
    "\u{1f600}",
    "<a@b>",
    "<<>>",
    "a@b",
];

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(serde_json::Value::from),
        prop::sample::select(VALUES).prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..8).prop_map(|fields| {
                serde_json::Value::Object(
                    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// S33: no bytes make reading fail, and what was read can be stored.
    #[test]
    fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..300), kind in 0..3_usize) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "text/plain"];
        for provider in Provider::ALL {
            let headers = [("content-type".to_owned(), kinds[kind].as_bytes().to_vec())];
            let events = webhook(*provider).read(&Delivery { query: "", headers: &headers, body: &body });
            check(&events, &body);
        }
    }

    /// The same for bodies that are like those of providers.
    #[test]
    fn any_json_is_read(body in json()) {
        let body = body.to_string();
        for provider in Provider::ALL {
            check(&read(*provider, &body), body.as_bytes());
        }
    }

    /// Whatever a stranger sends, however it is signed: it is refused, and nothing panics.
    #[test]
    fn any_delivery_of_a_stranger_is_refused(
        body in prop::collection::vec(any::<u8>(), 0..100),
        query in ".{0,60}",
        signature in "(v1,|sha256=|hmacsha256=|t=1767225600,v1=)?[0-9a-f=,A-Z+/]{0,90}",
        url in "(https?://)?.{0,40}",
    ) {
        for scheme in crate::desk::schemes() {
            let endpoint = scheme.endpoint.clone().at(&url);
            let mut sent = crate::desk::with_header(&scheme.sent, scheme.signed.last().unwrap(), &signature);
            (sent.body, sent.query) = (body.clone(), query.clone());
            prop_assert!(endpoint.verify(&sent.delivery()).is_err());
            let told = endpoint.trusting(|trust| webhook(scheme.endpoint.provider).welcome(&query, trust));
            prop_assert!(told.is_err());
        }
    }
}
