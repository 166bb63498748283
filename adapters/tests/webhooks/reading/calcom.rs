//! Cal.com: bookings and what became of them.
use countersign_core::inbound::event::{Phase, What};
use countersign_core::inbound::provider::Provider;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ACTIVITY, add, at, meeting, ours, phase, theirs, word};
use crate::desk::read_one;

fn booking(trigger: &str, more: Value) -> Value {
    let mut payload = json!({
        "uid": "bFJeNb2uX8ANpT3JL5EfXw", "bookingId": 91, "type": "30min", "title": "30min between A and B", "status": "ACCEPTED",
        "startTime": "2026-01-08T09:00:00Z", "endTime": "2026-01-08T09:30:00Z", "organizer": {"email": "host@acme.example"},
        "attendees": [{"email": "ann@example.com", "name": "Ann", "timeZone": "Europe/Berlin"}, {"email": "bob@example.com"}],
        "responses": {"email": {"label": "your_email", "value": "ann@example.com"}}, "metadata": {"countersign_activity_id": ACTIVITY},
    });
    add(&mut payload, more);
    json!({"triggerEvent": trigger, "createdAt": "2026-01-01T00:00:00.538Z", "payload": payload})
}

#[rstest]
#[case("BOOKING_CREATED", json!({}), Phase::Booked)]
#[case("BOOKING_CREATED", json!({"status": "PENDING"}), Phase::Requested)]
#[case("BOOKING_REQUESTED", json!({}), Phase::Requested)]
#[case("BOOKING_RESCHEDULED", json!({}), Phase::Moved)]
#[case("BOOKING_CANCELLED", json!({}), Phase::Cancelled)]
#[case("BOOKING_REJECTED", json!({}), Phase::Cancelled)]
#[case("BOOKING_NO_SHOW_UPDATED", json!({"attendees": [{"email": "ann@example.com", "noShow": true}]}), Phase::Missed)]
fn what_became_of_a_booking(#[case] trigger: &str, #[case] more: Value, #[case] expected: Phase) {
    let event = read_one(Provider::CalCom, &booking(trigger, more).to_string());
    assert_eq!(word(&event), phase(expected));
    assert_eq!(event.external_id, format!("{trigger}:bFJeNb2uX8ANpT3JL5EfXw:2026-01-01T00:00:00.538Z"));
    assert_eq!(event.about, [ours(), theirs("bFJeNb2uX8ANpT3JL5EfXw")]);
    assert_eq!(event.occurred_at, at("2026-01-01T00:00:00.538Z"));
    let told = meeting(&event);
    assert_eq!((told.uid.as_str(), told.starts_at), ("bFJeNb2uX8ANpT3JL5EfXw", at("2026-01-08T09:00:00Z")));
    assert_eq!(told.attendees[0], "ann@example.com");
}

#[test]
fn everybody_who_booked_is_named_once() {
    let event = read_one(Provider::CalCom, &booking("BOOKING_CREATED", json!({})).to_string());
    assert_eq!(meeting(&event).attendees, ["ann@example.com", "bob@example.com"]);
    let more = json!({"attendees": null, "responses": {"email": "ann@example.com"}});
    let event = read_one(Provider::CalCom, &booking("BOOKING_CREATED", more).to_string());
    assert_eq!(meeting(&event).attendees, ["ann@example.com"]);
}

#[rstest]
#[case(json!({"cancellationReason": "ill"}), Some("ill"))]
#[case(json!({"rejectionReason": "full"}), Some("full"))]
#[case(json!({"cancellationReason": ""}), None)]
fn why_it_was_called_off(#[case] more: Value, #[case] reason: Option<&str>) {
    let event = read_one(Provider::CalCom, &booking("BOOKING_CANCELLED", more).to_string());
    assert_eq!(meeting(&event).reason.as_deref(), reason);
}

/// A moved booking has another id; the one of ours may be the earlier.
#[test]
fn a_moved_booking_names_the_earlier_one() {
    let more = json!({"metadata": {}, "rescheduleUid": "earlier", "uid": "later"});
    let event = read_one(Provider::CalCom, &booking("BOOKING_RESCHEDULED", more).to_string());
    assert_eq!(event.about, [theirs("later"), theirs("earlier")]);
}

/// A no-show of another form: the booking is named apart, and it can be taken back.
#[rstest]
#[case(true, "missed")]
#[case(false, "other BOOKING_NO_SHOW_UPDATED")]
fn who_did_not_come(#[case] is_missed: bool, #[case] expected: &str) {
    let body = json!({"triggerEvent": "BOOKING_NO_SHOW_UPDATED", "createdAt": "2026-01-08T10:00:00Z", "payload": {
        "message": "x", "bookingUid": "u1", "bookingId": 91, "attendees": [{"email": "ann@example.com", "noShow": is_missed}]}});
    let event = read_one(Provider::CalCom, &body.to_string());
    assert_eq!(
        (word(&event).as_str(), event.external_id.as_str()),
        (expected, "BOOKING_NO_SHOW_UPDATED:u1:2026-01-08T10:00:00Z")
    );
}

#[rstest]
#[case("BOOKING_PAYMENT_INITIATED")]
#[case("BOOKING_PAID")]
#[case("RECORDING_READY")]
#[case("FORM_SUBMITTED")]
#[case("OOO_CREATED")]
#[case("PING")]
fn what_says_nothing_about_a_meeting_is_kept(#[case] trigger: &str) {
    let event = read_one(Provider::CalCom, &booking(trigger, json!({})).to_string());
    assert_eq!(event.what, What::Other { name: trigger.to_owned() });
}

/// Some triggers put the booking at the root.
#[test]
fn a_meeting_that_began_is_kept() {
    let body = r#"{"triggerEvent":"MEETING_STARTED","uid":"u1","createdAt":"2026-01-08T09:00:00Z","startTime":"2026-01-08T09:00:00Z"}"#;
    let event = read_one(Provider::CalCom, body);
    assert_eq!(
        (word(&event).as_str(), event.external_id.as_str()),
        ("other MEETING_STARTED", "MEETING_STARTED:u1:2026-01-08T09:00:00Z")
    );
}

/// Without an id or a time the bytes tell one delivery from another.
#[rstest]
#[case(json!({"uid": null}), "unreadable")]
#[case(json!({"uid": 7}), "unreadable")]
#[case(json!({"uid": ""}), "unreadable")]
fn a_booking_without_an_id_is_kept(#[case] more: Value, #[case] expected: &str) {
    let event = read_one(Provider::CalCom, &booking("BOOKING_CREATED", more).to_string());
    assert_eq!(word(&event), expected);
    assert!(event.external_id.starts_with("sha256:"));
    let mut timeless = booking("BOOKING_CREATED", json!({}));
    timeless["createdAt"] = Value::Null;
    let event = read_one(Provider::CalCom, &timeless.to_string());
    assert_eq!((word(&event).as_str(), event.occurred_at), ("booked", None));
    assert!(event.external_id.starts_with("sha256:"));
}

/// A template of somebody's own is not understood, and the sentence says what to do.
#[rstest]
#[case("Ann booked a call")]
#[case("uid=u1&triggerEvent=BOOKING_CREATED")]
#[case(r#"{"content":"Ann booked a call"}"#)]
fn another_template_is_not_read(#[case] body: &str) {
    let event = read_one(Provider::CalCom, body);
    assert!(matches!(&event.what, What::Unreadable { why } if why.contains("payload template")), "{event:?}");
}
