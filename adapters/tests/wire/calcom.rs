//! Cal.com over real HTTP: every row of its table of errors, everything that can happen to an answer, and words that try to be more.
use std::collections::BTreeSet;

use countersign_adapters::sandbox::{Fault, Ledger, refusals};
use countersign_core::activity::payload::{Attendee, Parts};
use countersign_core::channel::{ChannelName, Past, Probe};
use rstest::rstest;

use crate::desk::{Desk, hasty, until};
use crate::steps::{Sender, word};

const BO: &str = "bo@example.org";

fn sender() -> Sender {
    Sender::new(ChannelName::CalCom, "ana-lind/site-visit", &[])
}

fn booking(name: &str, notes: &str) -> Parts {
    Parts::CalCom {
        event_type_id: 123,
        start: "2026-12-01T09:30:00Z".parse().expect("a time"),
        time_zone: "Europe/Oslo".to_owned(),
        attendee: Attendee { name: name.to_owned(), email: BO.to_owned(), language: "en".to_owned() },
        notes: Some(notes.to_owned()),
        metadata: [("note".to_owned(), notes.chars().take(500).collect())].into(),
    }
}

/// What the provider documents, row by row: for a first attempt, and after one of which nobody knows.
const ROWS: &[(&str, &str, &str)] = &[
    ("no_available_users_found_error", "rejected", "maybe"),
    ("hosts_unavailable_for_booking", "rejected", "maybe"),
    ("booking_time_out_of_bounds_error", "rejected", "rejected"),
    ("booker_limit_exceeded_error", "rejected", "rejected"),
    ("booker_email_blocked", "rejected", "rejected"),
    ("booker_email_requires_login", "rejected", "rejected"),
    ("invalid_verification_code", "rejected", "rejected"),
    ("booking_conflict_error", "maybe", "maybe"),
    ("NotFoundException", "account", "account"),
    ("UnauthorizedException", "account", "account"),
    ("ForbiddenException", "account", "account"),
    ("ThrottlerException", "limited", "limited"),
    ("InternalServerErrorException", "maybe", "maybe"),
];

/// F14 to F17: no row of the provider's table is without an expectation, and each leads where it says.
#[tokio::test]
async fn every_refusal_leads_where_the_provider_says() {
    let (desk, sender) = (Desk::new().await, sender());
    let transport = desk.transport();
    let approved = sender.render(BO, booking("Bo", "Door 4")).expect("renders");
    let played: BTreeSet<_> =
        refusals().filter(|(name, _)| *name == "calcom").map(|(_, refusal)| refusal.code).collect();
    assert_eq!(played, ROWS.iter().map(|(code, ..)| *code).collect());
    for (code, first, later) in ROWS {
        desk.sandbox.set_faults([Fault::Refuse { code: (*code).to_owned() }.always()]);
        for (may_be_accepted, expected) in [(false, first), (true, later)] {
            let past = Past { handle: None, may_be_accepted };
            let result = sender.attempt(&transport, &approved, &past).await;
            assert_eq!(word(&result), *expected, "{code} {past:?}: {result:?}");
        }
    }
    assert_eq!((desk.sandbox.requests().count, desk.accepted()), (2 * ROWS.len() as u64, 0));
}

/// R4, S19, S20, F12 to F16: one request, whatever happens to it, and nothing that may have been taken is called anything else.
#[rstest]
#[case::latency(Fault::Latency { ms: 1 }, "accepted", 1)]
#[case::limited(Fault::RateLimited { retry_after: Some("7".to_owned()) }, "limited", 0)]
#[case::limited_without_a_hint(Fault::RateLimited { retry_after: None }, "limited", 0)]
#[case::unauthorized(Fault::Unauthorized, "account", 0)]
#[case::redirect(Fault::Redirect { location: "http://127.0.0.1:9/".to_owned() }, "account", 0)]
#[case::error_before(Fault::ErrorBeforeAccept, "maybe", 0)]
#[case::error_after(Fault::ErrorAfterAccept, "maybe", 1)]
#[case::reset_before(Fault::ResetBeforeAccept, "broken", 0)]
#[case::reset_after(Fault::ResetAfterAccept, "broken", 1)]
#[case::half_headers(Fault::HalfHeaders, "broken", 1)]
#[case::half_body(Fault::HalfBody, "broken", 1)]
#[case::html_page(Fault::HtmlPage, "maybe", 1)]
#[case::empty_body(Fault::EmptyBody, "maybe", 1)]
#[case::no_id(Fault::NoId, "maybe", 1)]
#[case::huge_body(Fault::HugeBody, "broken", 1)]
#[case::huge_error(Fault::HugeError, "broken", 0)]
#[case::gzip_body(Fault::GzipBody, "broken", 1)]
#[case::hang_before(Fault::HangBeforeAccept, "broken", 0)]
#[case::hang_after(Fault::HangAfterAccept, "broken", 1)]
#[case::hang_in_body(Fault::HangInBody, "broken", 1)]
#[tokio::test]
async fn a_fault_costs_one_request_and_is_named(
    #[case] fault: Fault,
    #[case] expected: &str,
    #[case] accepted: usize,
) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(BO, booking("Bo", "Door 4")).expect("renders");
    desk.sandbox.set_faults([fault.always()]);
    let result = sender.attempt(&hasty(&desk.sandbox), &approved, &Past::default()).await;
    assert_eq!(word(&result), expected, "{result:?}");
    until("the provider is done", || desk.accepted() == accepted).await;
    assert_eq!(desk.sandbox.requests().count, 1);
    assert!(!format!("{result:?}").contains("canary"));
}

/// S10, S15: words that try to be a header or a field arrive as words, to the byte.
#[rstest]
#[case("a\r\ncal-api-version: 2020-01-01\r\n\r\nGET / HTTP/1.1")]
#[case("a\u{2028}b\u{2029}c")]
#[case("\",\"attendee\":{\"email\":\"eve@evil.example\"},\"x\":\"")]
#[case("Grüße an bücher.example, 日本 🌱")]
#[tokio::test]
async fn hostile_words_arrive_as_words(#[case] text: &str) {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(BO, booking(text, text)).expect("renders");
    let result = sender.attempt(&desk.transport(), &approved, &Past::default()).await;
    assert_eq!(word(&result), "accepted", "{result:?}");
    let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
    assert_eq!(
        (entries[0].body.as_str(), &entries[0].to[..]),
        (approved.body.as_str(), &[BO.to_owned()][..])
    );
    let body: serde_json::Value = serde_json::from_str(&entries[0].body).expect("JSON");
    assert_eq!(body["bookingFieldsResponses"]["notes"], text);
    assert_eq!((&body["attendee"]["name"], &body["attendee"]["email"]), (&text.into(), &BO.into()));
    assert_eq!(desk.sandbox.requests().count, 1);
}

#[tokio::test]
async fn the_sandbox_checks_what_the_provider_checks() {
    let (desk, sender) = (Desk::new().await, sender());
    let approved = sender.render(BO, booking("Bo", "x")).expect("renders");
    let change = |from: &str, to: &str| {
        let mut request = approved.clone();
        assert!(request.body.contains(from), "{from}");
        request.body = request.body.replace(from, to);
        request
    };
    let mut no_version = approved.clone();
    no_version.headers.clear();
    let mut form = approved.clone();
    form.content_type = "application/x-www-form-urlencoded".to_owned();
    let refused = [
        no_version,
        form,
        change("09:30:00Z", "09:30:00+01:00"),
        change("timeZone", "zone"),
        change("eventTypeId", "eventType"),
        change(BO, "bo"),
    ];
    for request in refused {
        let result = sender.attempt(&desk.transport(), &request, &Past::default()).await;
        assert_eq!(word(&result), "rejected", "{request:?} {result:?}");
    }
    assert_eq!(desk.accepted(), 0);
}

#[tokio::test]
async fn a_credential_is_tried_by_reading_its_owner() {
    let (desk, mut sender) = (Desk::new().await, sender());
    let request = sender.channel.probe(&sender.settings).expect("a request");
    let answer = sender.ask(&desk.transport(), &request).await;
    assert_eq!(sender.channel.probed(&answer), Probe::Works { says: "the API key of sandbox".to_owned() });
    sender.credential = "cal_bad";
    let answer = sender.ask(&desk.transport(), &request).await;
    assert!(matches!(sender.channel.probed(&answer), Probe::Refused { .. }));
    assert_eq!(desk.accepted(), 0);
}
