//! The table of answers and what each proves.
use std::time::Duration;

use bytes::Bytes;
use countersign_core::channel::{Outcome, Response};
use rstest::rstest;

use super::{interpret, knows};

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.into() }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "status": "error", "error": { "code": code, "message": message } });
    answer(status, &[], body.to_string())
}

#[rstest]
#[case(r#"{"status":"success","data":{"id":1,"uid":"bFJeNb2uX8ANpT3JL5EfXw","status":"accepted"}}"#)]
#[case::pending(r#"{"status":"success","data":{"uid":"bFJeNb2uX8ANpT3JL5EfXw","status":"pending"}}"#)]
#[case::recurring(r#"{"status":"success","data":[{"uid":"bFJeNb2uX8ANpT3JL5EfXw"},{"uid":"b"}]}"#)]
fn a_booking_with_its_id_is_accepted(#[case] body: &'static str) {
    let outcome = interpret(false, &answer(201, &[], body));
    assert_eq!(outcome, Outcome::Accepted { provider_ref: Some("bFJeNb2uX8ANpT3JL5EfXw".to_owned()) });
}

/// R4, F13: a success that is not a whole answer proves nothing.
#[rstest]
#[case("")]
#[case(r#"{"status":"success","data":{"uid":"bFJe"#)]
#[case(r#"{"status":"success","data":{}}"#)]
#[case(r#"{"status":"success","data":[]}"#)]
#[case(r#"{"status":"success","data":{"uid":""}}"#)]
#[case(r#"{"status":"success","data":{"uid":7}}"#)]
#[case(r#"{"status":"error","data":{"uid":"x"}}"#)]
#[case("<html>Sign in</html>")]
fn a_success_without_a_usable_id_may_have_been_booked(#[case] body: &'static str) {
    let outcome = interpret(false, &answer(201, &[], body));
    assert!(matches!(outcome, Outcome::MaybeSent { .. }), "{outcome:?}");
}

/// The provider writes its word as the code or inside the message.
#[rstest]
#[case("no_available_users_found_error", "Nobody is free")]
#[case("BadRequestException", "no_available_users_found_error: nobody is free")]
fn the_providers_word_is_found_where_it_stands(#[case] code: &str, #[case] message: &str) {
    let outcome = interpret(false, &refusal(400, code, message));
    let Outcome::Rejected { code, detail } = outcome else { panic!("{outcome:?}") };
    assert_eq!((code.as_str(), detail.as_str()), ("no_available_users_found_error", message));
    assert!(knows(&code));
}

/// R7: where an earlier attempt may have made the booking, a host who is taken proves nothing.
#[test]
fn a_host_who_is_taken_may_be_taken_by_us() {
    let taken = refusal(400, "BadRequestException", "hosts_unavailable_for_booking");
    assert!(matches!(interpret(false, &taken), Outcome::Rejected { .. }));
    assert!(matches!(interpret(true, &taken), Outcome::MaybeSent { .. }));
    let unheard = refusal(400, "BadRequestException", "something new");
    assert!(matches!(interpret(false, &unheard), Outcome::Rejected { .. }));
    assert!(matches!(interpret(true, &unheard), Outcome::MaybeSent { .. }));
    let blocked = refusal(400, "BadRequestException", "booker_email_blocked");
    assert!(matches!(interpret(true, &blocked), Outcome::Rejected { .. }));
}

/// F15: the provider's own header, in each of its spellings; a limit without one lasts as long as the provider blocks.
#[rstest]
#[case(&[("x-ratelimit-reset-default", "17")], 17)]
#[case(&[("x-ratelimit-reset-default", "784111787"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")], 86_400)]
#[case(&[("x-ratelimit-reset-default", "1764061230"), ("date", "Tue, 25 Nov 2025 09:00:00 GMT")], 30)]
#[case(&[("x-ratelimit-reset-default", "1764061230000"), ("date", "Tue, 25 Nov 2025 09:00:00 GMT")], 30)]
#[case(&[("x-ratelimit-reset-default", "1764061230")], 60)]
#[case(&[("x-ratelimit-reset-default", "soon")], 60)]
#[case(&[("retry-after", "5")], 5)]
#[case(&[], 60)]
fn a_limit_lasts_as_long_as_it_says(#[case] headers: &[(&str, &str)], #[case] seconds: u64) {
    let outcome = interpret(false, &answer(429, headers, ""));
    let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(after, Some(Duration::from_secs(seconds)));
}

/// F19, S18, S20: answers that are not in the provider's form.
#[rstest]
#[case(400, "rejected")]
#[case(401, "account_broken")]
#[case(403, "account_broken")]
#[case(404, "account_broken")]
#[case(405, "account_broken")]
#[case(307, "account_broken")]
#[case(408, "maybe_sent")]
#[case(409, "maybe_sent")]
#[case(422, "rejected")]
#[case(429, "retry")]
#[case(500, "maybe_sent")]
#[case(502, "maybe_sent")]
#[case(204, "maybe_sent")]
fn an_unknown_answer_is_judged_by_its_status(
    #[case] status: u16,
    #[case] expected: &str,
    #[values("", "<html>oops</html>", "{}", r#"{"error":{"code":7}}"#)] body: &'static str,
) {
    assert_eq!(interpret(false, &answer(status, &[], body)).as_str(), expected);
}

#[test]
fn a_new_code_is_not_known_and_its_status_decides() {
    let outcome = interpret(false, &refusal(422, "SomethingNewException", "words"));
    let Outcome::Rejected { code, .. } = outcome else { panic!("{outcome:?}") };
    assert!(code == "SomethingNewException" && !knows(&code));
}
