//! What a booking looks like on the wire, and what is never put there.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{Attendee, Kind, Parts, Payload};
use countersign_core::channel::{ChannelName, Files, Message, ProviderSettings, RenderError, Request};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use uuid::Uuid;

fn booking() -> Payload {
    Payload {
        channel: ChannelName::CalCom,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "cal".to_owned(),
        kind: Kind::Booking,
        from: "ana-lind/site-visit".to_owned(),
        to: "bo@example.org".to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::CalCom {
            event_type_id: 123,
            start: "2026-12-01T09:30:00Z".parse().expect("a time"),
            time_zone: "Europe/Oslo".to_owned(),
            attendee: Attendee {
                name: "Bo Berg".to_owned(),
                email: "bo@example.org".to_owned(),
                language: "no".to_owned(),
            },
            notes: Some("Door 4".to_owned()),
            metadata: [("floor".to_owned(), "2".to_owned())].into(),
        },
    }
}

fn with(change: impl FnOnce(&mut Parts)) -> Payload {
    let mut payload = booking();
    change(&mut payload.parts);
    payload
}

fn render(payload: &Payload, settings: &[(&str, &str)]) -> Result<Request, RenderError> {
    let (settings, files) = (settings.iter().copied().collect::<ProviderSettings>(), Files::default());
    let activity = ActivityId(Uuid::from_u128(7));
    super::render(&Message { payload, activity, settings: &settings, files: &files }, "2024-08-13")
}

#[test]
fn a_booking_renders_to_these_bytes() {
    let request = render(&booking(), &[]).expect("renders");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/bookings"));
    assert_eq!(request.headers, [("cal-api-version".to_owned(), "2024-08-13".to_owned())].into());
    assert_eq!(
        request.body,
        r#"{"attendee":{"email":"bo@example.org","language":"no","name":"Bo Berg","timeZone":"Europe/Oslo"},"bookingFieldsResponses":{"notes":"Door 4"},"eventTypeId":123,"metadata":{"countersign_activity_id":"00000000-0000-0000-0000-000000000007","floor":"2"},"start":"2026-12-01T09:30:00Z"}"#
    );
}

#[test]
fn without_notes_no_field_is_answered() {
    let payload = with(|parts| {
        let Parts::CalCom { notes, .. } = parts else { panic!("a booking") };
        *notes = None;
    });
    assert!(!render(&payload, &[]).expect("renders").body.contains("bookingFieldsResponses"));
}

/// The provider takes 50 pairs; ours is one of them, and nobody else writes it.
#[rstest]
#[case(49, None)]
#[case(50, Some("payload.metadata"))]
fn metadata_leaves_room_for_our_pair(#[case] pairs: usize, #[case] refused: Option<&str>) {
    let payload = with(|parts| {
        let Parts::CalCom { metadata, .. } = parts else { panic!("a booking") };
        *metadata = (0..pairs).map(|number| (format!("k{number}"), "v".to_owned())).collect();
    });
    assert_eq!(render(&payload, &[]).err().map(|error| error.field).as_deref(), refused);
}

#[test]
fn our_pair_cannot_be_forged() {
    let payload = with(|parts| {
        let Parts::CalCom { metadata, .. } = parts else { panic!("a booking") };
        metadata.insert("countersign_activity_id".to_owned(), "another".to_owned());
    });
    assert_eq!(render(&payload, &[]).expect_err("refused").field, "payload.metadata");
}

#[rstest]
#[case("nb", false)]
#[case("EN", false)]
#[case("en\r\nx: y", false)]
#[case("pt-BR", true)]
fn a_language_is_one_the_provider_writes(#[case] language: &str, #[case] fits: bool) {
    let payload = with(|parts| {
        let Parts::CalCom { attendee, .. } = parts else { panic!("a booking") };
        attendee.language = language.to_owned();
    });
    match render(&payload, &[]) {
        Ok(_) => assert!(fits),
        Err(error) => assert!(!fits && error.field == "payload.attendee.language", "{error:?}"),
    }
}

#[test]
fn an_outbox_may_be_there_for_one_event_type() {
    assert!(render(&booking(), &[("event_type_id", "123")]).is_ok());
    let error = render(&booking(), &[("event_type_id", "124")]).expect_err("refused");
    assert_eq!(error.field, "payload.eventTypeId");
}

/// S16: who is shown is who is invited.
#[test]
fn another_recipient_than_the_attendee_is_refused() {
    let payload = Payload { to: "eve@example.org".to_owned(), ..booking() };
    assert_eq!(render(&payload, &[]).expect_err("refused").field, "to");
}
