//! The table of answers and what each proves. The codes of the provider are walked over real HTTP by the wire tests.
use std::time::Duration;

use bytes::Bytes;
use countersign_core::channel::{Outcome, Replay, Response};
use rstest::rstest;

use super::{CODES, interpret, knows};
use crate::class::Class;

fn answer(status: u16, body: impl Into<Bytes>) -> Response {
    Response { status, headers: vec![("retry-after".to_owned(), "9".to_owned())], body: body.into() }
}

/// The outcome in one word, with its code.
fn verdict(outcome: &Outcome) -> (&str, &str) {
    match outcome {
        Outcome::MaybeSent { replay: Replay::SameKey(_), .. } => panic!("the provider keeps no keys"),
        Outcome::Accepted { .. } => ("accepted", ""),
        Outcome::Prepared { .. } => panic!("a message takes one request"),
        Outcome::Rejected { code, .. }
        | Outcome::Retry { code, .. }
        | Outcome::Deferred { code, .. }
        | Outcome::AccountBroken { code, .. }
        | Outcome::MaybeSent { code, .. } => (outcome.as_str(), code),
    }
}

#[rstest]
#[case("SM0123456789abcdef0123456789abcdef")]
#[case("MM0123456789ABCDEF0123456789ABCDEF")]
fn a_201_with_the_id_of_a_message_is_accepted(#[case] sid: &str) {
    let body = format!(r#"{{"sid":"{sid}","status":"queued","error_code":null}}"#);
    assert_eq!(interpret(&answer(201, body)), Outcome::Accepted { provider_ref: Some(sid.to_owned()) });
}

/// R4, F13, S20: a success that is not a whole answer proves nothing, and is never repeated.
#[rstest]
#[case::empty("")]
#[case::truncated(r#"{"sid":"SM0123"#)]
#[case::html("<html><body>Sign in</body></html>")]
#[case::no_id("{}")]
#[case::null_id(r#"{"sid":null}"#)]
#[case::short_id(r#"{"sid":"SM0123"}"#)]
#[case::other_id(r#"{"sid":"AC0123456789abcdef0123456789abcdef"}"#)]
#[case::escape_in_id("{\"sid\":\"SM0123456789abcdef0123456789abcde\\u001b\"}")]
#[case::two_ids(r#"{"sid":"SM0123456789abcdef0123456789abcdef","sid":"SM0123456789abcdef0123456789abcdee"}"#)]
fn a_201_without_the_id_of_a_message_may_have_been_sent(#[case] body: &'static str) {
    assert_eq!(verdict(&interpret(&answer(201, body))).0, "maybe_sent");
}

/// F19, S18, S20: answers that are not in the provider's form, and codes nobody knows.
#[rstest]
#[case(100, "maybe_sent")]
#[case(200, "maybe_sent")]
#[case(202, "maybe_sent")]
#[case(204, "maybe_sent")]
#[case(301, "maybe_sent")]
#[case(302, "maybe_sent")]
#[case(303, "maybe_sent")]
#[case(307, "account_broken")]
#[case(308, "account_broken")]
#[case(400, "rejected")]
#[case(401, "account_broken")]
#[case(402, "account_broken")]
#[case(403, "account_broken")]
#[case(407, "account_broken")]
#[case(408, "maybe_sent")]
#[case(409, "maybe_sent")]
#[case(413, "rejected")]
#[case(425, "maybe_sent")]
#[case(429, "retry")]
#[case(500, "maybe_sent")]
#[case(502, "maybe_sent")]
#[case(504, "maybe_sent")]
#[case(999, "maybe_sent")]
fn an_unknown_answer_is_judged_by_its_status(
    #[case] status: u16,
    #[case] expected: &str,
    #[values(
        "",
        "<html>oops</html>",
        "{}",
        "[1]",
        r#"{"code":"21211"}"#,
        r#"{"code":-1}"#,
        r#"{"code":29999}"#
    )]
    body: &'static str,
) {
    let code = if body.contains("29999") { "29999".to_owned() } else { status.to_string() };
    assert_eq!(verdict(&interpret(&answer(status, body))), (expected, code.as_str()));
    assert_eq!(knows(&code), code != "29999");
}

/// F15: every limit holds the credential, also one that does not say for how long.
#[rstest]
#[case(429, 20429, Some("9"), Some(9))]
#[case(429, 20429, None, Some(60))]
#[case(429, 63018, None, Some(60))]
#[case(429, 63038, None, Some(3600))]
#[case(429, 63038, Some("7200"), Some(7200))]
fn a_limit_lasts_as_long_as_it_says(
    #[case] status: u16,
    #[case] code: u32,
    #[case] said: Option<&str>,
    #[case] seconds: Option<u64>,
) {
    let mut response = answer(status, format!(r#"{{"code":{code},"message":"x","status":{status}}}"#));
    response.headers = said.map(|said| ("retry-after".to_owned(), said.to_owned())).into_iter().collect();
    let outcome = interpret(&response);
    let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(after, seconds.map(Duration::from_secs));
}

/// A template that rests holds its messages and nothing else.
#[rstest]
#[case("x", 3600)]
#[case("9", 9)]
fn a_template_that_rests_is_looked_at_later(#[case] said: &str, #[case] seconds: u64) {
    let mut response = answer(400, r#"{"code":63041,"message":"x","status":400}"#);
    response.headers = vec![("retry-after".to_owned(), said.to_owned())];
    let outcome = interpret(&response);
    let Outcome::Deferred { after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(after, Duration::from_secs(seconds));
}

/// Another server at the base URL would refuse every message; the provider itself refuses this one.
#[rstest]
#[case("", "account_broken")]
#[case("<html>not found</html>", "account_broken")]
#[case(r#"{"code":20404,"message":"x","status":404}"#, "rejected")]
fn a_404_is_the_providers_only_in_its_form(#[case] body: &'static str, #[case] expected: &str) {
    assert_eq!(verdict(&interpret(&answer(404, body))).0, expected);
}

/// No code makes an error of the provider's own a refusal: it may come after the message was taken.
#[rstest]
#[case(500)]
#[case(502)]
#[case(503)]
fn a_5xx_may_have_been_sent_whatever_its_code(
    #[case] status: u16,
    #[values(21211, 20003, 20429, 20500)] code: u32,
) {
    let body = format!(r#"{{"code":{code},"message":"x","status":{status}}}"#);
    assert_eq!(verdict(&interpret(&answer(status, body))), ("maybe_sent", code.to_string().as_str()));
}

/// What the provider says to be perhaps sent, or documents for messages it had taken, proves no refusal under any status.
#[rstest]
fn a_code_of_doubt_stays_one_with_a_4xx(
    #[values(20500, 20503, 30008, 63010)] code: u32,
    #[values(400, 429)] status: u16,
) {
    let body = format!(r#"{{"code":{code},"message":"x","status":{status}}}"#);
    assert_eq!(verdict(&interpret(&answer(status, body))).0, "maybe_sent");
}

#[test]
fn every_code_stands_once_and_promises_no_key() {
    for (index, (code, class)) in CODES.iter().enumerate() {
        assert!(CODES[..index].iter().all(|(other, _)| other != code), "{code} stands twice");
        assert_ne!(*class, Class::MaybeSameKey, "{code}");
    }
}

/// S20: what is stored of a foreign text is bounded and storable.
#[rstest]
#[case(serde_json::json!({"code": 21211, "message": "\0é".repeat(100_000)}).to_string())]
#[case("\0é".repeat(100_000))]
#[case("[".repeat(500_000))]
fn a_long_or_binary_error_is_cut(#[case] body: String) {
    let Outcome::Rejected { detail, .. } = interpret(&answer(400, body)) else { panic!("rejected") };
    assert!(detail.chars().count() <= 300 && !detail.contains('\0'), "{detail}");
}
