//! Bookings.
use std::collections::BTreeMap;

use countersign_adapters::calcom::Calcom;
use countersign_core::activity::payload::{Attendee, Kind, Parts, Payload};
use countersign_core::channel::{
    Case, Channel as _, ChannelName, Files, Lookup, Message, Past, ProviderSettings, Request,
};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use serde_json::json;

use crate::contract::Contract;

/// Its requests want a credential in a header that the document lists by itself.
pub(crate) const CREDENTIAL: &[(&str, &str)] = &[("Authorization", "Bearer cal_1")];

/// As published every ordinary booking breaks the contract: it fits two of the alternatives of which exactly one is asked for.
pub(crate) fn contract() -> Option<Contract> {
    Some(Contract::open("calcom_v2.bookings-slots-webhooks.json")?.corrected(|document| {
        let schema = document
            .pointer_mut("/paths/~1v2~1bookings/post/requestBody/content/application~1json/schema")
            .expect("bookings are in the contract");
        *schema = json!({ "anyOf": schema["oneOf"] });
    }))
}

fn booking(notes: Option<&str>, metadata: &[(&str, &str)]) -> Payload {
    Payload {
        channel: ChannelName::CalCom,
        outbox_id: OutboxId::new(),
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
            notes: notes.map(str::to_owned),
            metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        },
    }
}

fn rendered(payload: &Payload) -> Request {
    let (settings, files) = (&ProviderSettings::default(), &Files::default());
    Calcom::new(None)
        .render(&Message { payload, activity: ActivityId::new(), settings, files })
        .expect("renders")
}

#[rstest]
#[case::plain(booking(None, &[]))]
#[case::full(booking(Some("Door 4"), &[("floor", "2")]))]
fn a_booking_keeps_to_the_contract(#[case] payload: Payload) {
    let Some(contract) = contract() else { return };
    assert_eq!(contract.breaches(&rendered(&payload), CREDENTIAL), Vec::<String>::new());
}

/// Everything that is sent.
pub(crate) fn requests() -> Vec<Request> {
    let bookings = [booking(None, &[]), booking(Some("Door 4"), &[("floor", "2")])];
    bookings.iter().map(rendered).chain(questions()).collect()
}

/// Everything that is asked.
fn questions() -> [Request; 2] {
    let payload = booking(None, &[]);
    let approved = rendered(&payload);
    let case = Case {
        payload: &payload,
        approved: &approved,
        activity: ActivityId::new(),
        past: &Past::default(),
        first_wire_at: "2026-11-25T09:00:00Z".parse().expect("a time"),
        age: std::time::Duration::from_secs(60),
    };
    let adapter = Calcom::new(None);
    let Lookup::Ask(listing) = adapter.lookup(&case) else { panic!("there is something to ask") };
    [listing, adapter.probe(&ProviderSettings::default()).expect("renders")]
}

#[test]
fn what_is_asked_keeps_to_the_contract() {
    let Some(contract) = contract() else { return };
    for request in questions() {
        assert_eq!(contract.breaches(&request, CREDENTIAL), Vec::<String>::new(), "{}", request.path);
    }
}

/// The check can fail.
#[rstest]
#[case::no_version(|request: &mut Request| request.headers.clear())]
#[case::no_attendee(|request: &mut Request| request.body = request.body.replace("\"attendee\"", "\"guest\""))]
#[case::no_start(|request: &mut Request| request.body = request.body.replace("\"start\"", "\"begin\""))]
#[case::a_language_nobody_writes(|request: &mut Request| request.body = request.body.replace("\"no\"", "\"nb\""))]
fn what_breaks_the_contract_is_noticed(#[case] spoil: fn(&mut Request)) {
    let Some(contract) = contract() else { return };
    let mut request = rendered(&booking(None, &[]));
    spoil(&mut request);
    assert_ne!(contract.breaches(&request, CREDENTIAL), Vec::<String>::new());
}
