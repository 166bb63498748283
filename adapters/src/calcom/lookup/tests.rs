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
const BO: &str = "bo+1@example.org";

fn payload() -> Payload {
    Payload {
        channel: ChannelName::CalCom,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "cal".to_owned(),
        kind: Kind::Booking,
        from: "ana-lind/site-visit".to_owned(),
        to: BO.to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: std::collections::BTreeMap::new(),
        parts: Parts::CalCom {
            event_type_id: 123,
            start: "2026-12-01T09:30:00Z".parse().expect("a time"),
            time_zone: "Europe/Oslo".to_owned(),
            attendee: Attendee { name: "Bo".to_owned(), email: BO.to_owned(), language: "en".to_owned() },
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

/// R7: our id decides where the booking stands and was made since; without an id the attendee, the time, and that it was made since.
#[rstest]
#[case::by_id("2026-12-01T10:00:00Z", "other@example.org", "2026-11-25T09:00:01Z", json!({ "countersign_activity_id": ACTIVITY }), "sent")]
#[case::by_id_made_before("2026-12-01T09:30:00Z", BO, "2026-11-25T08:54:59Z", json!({ "countersign_activity_id": ACTIVITY }), "unclear")]
#[case::by_nature("2026-12-01T09:30:00.000Z", "BO+1@example.org", "2026-11-25T09:00:01Z", json!({}), "sent")]
#[case::made_before("2026-12-01T09:30:00Z", BO, "2026-11-25T08:00:00Z", json!({}), "absent")]
#[case::another_time("2026-12-01T10:30:00Z", BO, "2026-11-25T09:00:01Z", json!({}), "absent")]
#[case::another_attendee("2026-12-01T09:30:00Z", "eve@example.org", "2026-11-25T09:00:01Z", json!({}), "absent")]
#[case::another_id("2026-12-01T09:30:00Z", BO, "2026-11-25T09:00:01Z", json!({ "countersign_activity_id": "x" }), "absent")]
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

/// R7: a booking that was called off is that of an earlier round, or of this one; only a person can tell.
#[rstest]
#[case("accepted", "sent")]
#[case("pending", "sent")]
#[case("cancelled", "unclear")]
#[case("rejected", "unclear")]
fn a_booking_that_was_called_off_is_no_proof(
    #[case] status: &str,
    #[case] expected: &str,
    #[values(json!({}), json!({ "countersign_activity_id": ACTIVITY }))] metadata: Value,
) {
    let mut made = booking("2026-12-01T09:30:00Z", BO, "2026-11-25T09:00:01Z", &metadata);
    made["status"] = json!(status);
    let finding = ask(Duration::MAX, |case| found(case, &listed(&json!([made]))));
    assert_eq!(finding.as_str(), expected, "{finding:?}");
}

/// R7: cancelled, decided anew, and booked: the one that stands is found beside the one that does not.
#[test]
fn the_booking_that_stands_is_found_beside_an_earlier_one() {
    let ours = json!({ "countersign_activity_id": ACTIVITY });
    let mut earlier = booking("2026-12-01T09:30:00Z", BO, "2026-11-24T09:00:00Z", &ours);
    (earlier["status"], earlier["uid"]) = (json!("cancelled"), json!("u0"));
    let now = booking("2026-12-01T09:30:00Z", BO, "2026-11-25T09:00:01Z", &ours);
    let finding = ask(Duration::MAX, |case| found(case, &listed(&json!([earlier, now]))));
    let Finding::Sent { provider_ref, .. } = finding else { panic!("{finding:?}") };
    assert_eq!(provider_ref.as_deref(), Some("u1"));
}

/// R6: the list shows what the owner of the key can see, so that nothing in it proves nothing, however long ago.
#[rstest]
fn nothing_there_proves_nothing(#[values(0, 300, 86_400)] age: u64) {
    let finding = ask(Duration::from_secs(age), |case| found(case, &listed(&json!([]))));
    let Finding::Absent { why } = finding else { panic!("{finding:?}") };
    assert!(why.contains("this API key can see"), "{why}");
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
