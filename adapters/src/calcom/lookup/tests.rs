//! Which bookings are ours.
use std::time::Duration;

use bytes::Bytes;
use countersign_core::activity::payload::{Attendee, Kind, Parts, Payload};
use countersign_core::channel::{Case, ChannelName, Finding, Lookup, Past, Request, Response};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{first, found};

const ACTIVITY: &str = "00000000-0000-0000-0000-000000000007";

fn payload() -> Payload {
    Payload {
        channel: ChannelName::CalCom,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "cal".to_owned(),
        kind: Kind::Booking,
        from: "ana-lind/site-visit".to_owned(),
        to: "bo+1@example.org".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: std::collections::BTreeMap::new(),
        parts: Parts::CalCom {
            event_type_id: 123,
            start: "2026-12-01T09:30:00Z".parse().expect("a time"),
            time_zone: "Europe/Oslo".to_owned(),
            attendee: Attendee {
                name: "Bo".to_owned(),
                email: "bo+1@example.org".to_owned(),
                language: "en".to_owned(),
            },
            notes: None,
            metadata: std::collections::BTreeMap::new(),
        },
    }
}

fn ask<T>(age: Duration, look: impl FnOnce(&Case<'_>) -> T) -> T {
    let (payload, approved, past) =
        (payload(), Request::json("/v2/bookings", String::new()), Past::default());
    look(&Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId(Uuid::from_u128(7)),
        past: &past,
        first_wire_at: "2026-11-25T09:00:00Z".parse().expect("a time"),
        age,
    })
}

fn listed(bookings: &Value) -> Response {
    let body = json!({ "status": "success", "data": bookings }).to_string();
    Response { status: 200, headers: Vec::new(), body: Bytes::from(body) }
}

fn booking(start: &str, email: &str, made: &str, metadata: &Value) -> Value {
    json!({ "uid": "u1", "start": start, "createdAt": made, "metadata": metadata, "attendees": [{ "email": email }] })
}

#[test]
fn the_attendee_and_the_time_are_asked_for() {
    let Lookup::Ask(request) = ask(Duration::ZERO, |case| first(case, "2024-08-13")) else {
        panic!("a question")
    };
    assert_eq!(
        request.path,
        "/v2/bookings?attendeeEmail=bo%2B1%40example.org&eventTypeId=123&afterStart=2026-12-01T09%3A29%3A00Z&take=100"
    );
    assert_eq!(request.headers["cal-api-version"], "2024-08-13");
}

/// R7: our id decides; without it the attendee, the time, and that it was made since.
#[rstest]
#[case::by_id("2026-12-01T10:00:00Z", "other@example.org", "2026-11-01T09:00:00Z", json!({ "countersign_activity_id": ACTIVITY }), "sent")]
#[case::by_nature("2026-12-01T09:30:00.000Z", "BO+1@example.org", "2026-11-25T09:00:01Z", json!({}), "sent")]
#[case::made_before("2026-12-01T09:30:00Z", "bo+1@example.org", "2026-11-25T08:00:00Z", json!({}), "absent")]
#[case::another_time("2026-12-01T10:30:00Z", "bo+1@example.org", "2026-11-25T09:00:01Z", json!({}), "absent")]
#[case::another_attendee("2026-12-01T09:30:00Z", "eve@example.org", "2026-11-25T09:00:01Z", json!({}), "absent")]
#[case::another_id("2026-12-01T10:00:00Z", "bo+1@example.org", "2026-11-25T09:00:01Z", json!({ "countersign_activity_id": "x" }), "absent")]
fn a_booking_is_ours_or_not(
    #[case] start: &str,
    #[case] email: &str,
    #[case] made: &str,
    #[case] metadata: Value,
    #[case] expected: &str,
) {
    let answer = listed(&json!([booking(start, email, made, &metadata)]));
    let finding = ask(Duration::ZERO, |case| found(case, &answer));
    assert_eq!(finding.as_str(), expected, "{finding:?}");
}

/// R6: only after a while does a missing booking prove that none was made.
#[rstest]
#[case(299, "absent")]
#[case(300, "not_sent")]
fn nothing_there_proves_something_only_later(#[case] age: u64, #[case] expected: &str) {
    let finding = ask(Duration::from_secs(age), |case| found(case, &listed(&json!([]))));
    assert_eq!(finding.as_str(), expected);
}

/// R6: nor does a list that may go on, or one that was searched for an address in capitals.
#[test]
fn a_list_that_may_hide_it_proves_nothing() {
    let other = booking("2026-12-01T10:30:00Z", "bo+1@example.org", "2026-11-25T09:00:01Z", &json!({}));
    let full = listed(&json!(vec![other; 100]));
    assert_eq!(ask(Duration::MAX, |case| found(case, &full)).as_str(), "absent");
    let mut payload = payload();
    let Parts::CalCom { attendee, .. } = &mut payload.parts else { panic!("a booking") };
    attendee.email = "Bo+1@example.org".to_owned();
    let finding = ask(Duration::MAX, |case| found(&Case { payload: &payload, ..*case }, &listed(&json!([]))));
    assert_eq!(finding.as_str(), "absent");
}

#[rstest]
#[case(200, "<html>")]
#[case(401, "")]
#[case(500, "")]
fn an_answer_that_is_none_proves_nothing(#[case] status: u16, #[case] body: &'static str) {
    let answer = Response { status, headers: Vec::new(), body: Bytes::from_static(body.as_bytes()) };
    let finding = ask(Duration::MAX, |case| found(case, &answer));
    assert!(matches!(finding, Finding::Unclear { .. }), "{finding:?}");
}
