//! The table of answers and what each proves.
use std::time::Duration;

use bytes::Bytes;
use countersign_core::channel::{Outcome, Replay, Response};
use rstest::rstest;

use super::{interpret, knows};

fn answer(status: u16, body: impl Into<Bytes>) -> Response {
    Response { status, headers: vec![("retry-after".to_owned(), "9".to_owned())], body: body.into() }
}

fn refusal(status: u16, name: &str) -> Response {
    answer(status, format!(r#"{{"statusCode":{status},"name":"{name}","message":"words of {name}"}}"#))
}

/// The outcome in one word, and `never` or the wait where there is one.
fn verdict(outcome: &Outcome) -> String {
    match outcome {
        Outcome::MaybeSent { replay: Replay::Never, .. } => "maybe_sent never".to_owned(),
        Outcome::MaybeSent { replay: Replay::SameKey(wait), .. } => format!("maybe_sent {}", seconds(*wait)),
        Outcome::Retry { after, .. } => format!("retry {}", seconds(*after)),
        other => other.as_str().to_owned(),
    }
}

fn seconds(wait: Option<Duration>) -> String {
    wait.map_or_else(|| "-".to_owned(), |wait| wait.as_secs().to_string())
}

fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Accepted { .. } => "",
        Outcome::Prepared { .. } => "prepared",
        Outcome::Rejected { code, .. }
        | Outcome::Deferred { code, .. }
        | Outcome::Retry { code, .. }
        | Outcome::AccountBroken { code, .. }
        | Outcome::MaybeSent { code, .. } => code,
    }
}

fn detail(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Accepted { .. } => "",
        Outcome::Prepared { detail, .. }
        | Outcome::Rejected { detail, .. }
        | Outcome::Deferred { detail, .. }
        | Outcome::Retry { detail, .. }
        | Outcome::AccountBroken { detail, .. }
        | Outcome::MaybeSent { detail, .. } => detail,
    }
}

#[test]
fn a_200_with_an_id_is_accepted() {
    assert_eq!(
        interpret(&answer(200, r#"{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794","object":"email"}"#)),
        Outcome::Accepted { provider_ref: Some("49a3999c-0ce1-4ea6-ab68-afcd6dc2e794".to_owned()) }
    );
}

/// R4, F13, S20: a 200 that is not a whole answer proves nothing.
#[rstest]
#[case::empty("")]
#[case::truncated(r#"{"id":"49a3999c-0ce1"#)]
#[case::html("<html><body>Sign in</body></html>")]
#[case::no_id("{}")]
#[case::null_id(r#"{"id":null}"#)]
#[case::empty_id(r#"{"id":""}"#)]
#[case::blank_id(r#"{"id":" "}"#)]
#[case::number_id(r#"{"id":7}"#)]
#[case::escape_in_id("{\"id\":\"a\\u001b[31m\"}")]
#[case::nul_in_id("{\"id\":\"a\\u0000\"}")]
#[case::array("[]")]
#[case::batch(r#"{"data":[{"id":"x"}]}"#)]
#[case::trailing(r#"{"id":"x"} and more"#)]
#[case::two_ids(r#"{"id":"x","id":"y"}"#)]
fn a_200_without_a_usable_id_may_have_been_sent(#[case] body: &'static str) {
    assert_eq!(verdict(&interpret(&answer(200, body))), "maybe_sent -");
}

#[test]
fn an_id_of_absurd_length_is_not_believed() {
    let body = format!(r#"{{"id":"{}"}}"#, "x".repeat(513));
    assert_eq!(verdict(&interpret(&answer(200, body))), "maybe_sent -");
}

/// F14, F15, F16, F17: the provider's table of errors.
#[rstest]
#[case(400, "validation_error", "rejected")]
#[case(400, "invalid_idempotency_key", "rejected")]
#[case(401, "missing_api_key", "account_broken")]
#[case(401, "restricted_api_key", "account_broken")]
#[case(400, "invalid_api_key", "account_broken")]
#[case(403, "invalid_api_key", "account_broken")]
#[case(403, "restricted_api_key", "account_broken")]
#[case(403, "suspended_api_key", "account_broken")]
#[case(403, "invalid_permission", "account_broken")]
#[case(403, "validation_error", "account_broken")]
#[case(403, "email_above_quota", "account_broken")]
#[case(404, "not_found", "rejected")]
#[case(405, "method_not_allowed", "rejected")]
#[case(409, "concurrent_idempotent_requests", "maybe_sent 9")]
#[case(409, "resource_locked", "maybe_sent 9")]
#[case(409, "invalid_idempotent_request", "maybe_sent never")]
#[case(409, "some_new_conflict", "maybe_sent 9")]
#[case(422, "missing_required_field", "rejected")]
#[case(422, "missing_required_parameter", "rejected")]
#[case(422, "invalid_attachment", "rejected")]
#[case(422, "invalid_parameter", "rejected")]
#[case(422, "invalid_from_address", "rejected")]
#[case(422, "some_new_complaint", "rejected")]
#[case(403, "security_error", "rejected")]
#[case(422, "invalid_access", "rejected")]
#[case(403, "invalid_region", "rejected")]
#[case(429, "rate_limit_exceeded", "retry 9")]
#[case(429, "some_new_limit", "retry 9")]
#[case(429, "daily_quota_exceeded", "account_broken")]
#[case(429, "monthly_quota_exceeded", "account_broken")]
#[case(500, "application_error", "maybe_sent 9")]
#[case(500, "internal_server_error", "maybe_sent 9")]
#[case(503, "service_unavailable", "maybe_sent 9")]
#[case(500, "missing_api_key", "maybe_sent 9")]
fn a_named_error_proves_what_the_provider_documents(
    #[case] status: u16,
    #[case] name: &str,
    #[case] expected: &str,
) {
    let outcome = interpret(&refusal(status, name));
    assert_eq!(verdict(&outcome), expected);
    assert_eq!(knows(name), !name.starts_with("some_new_"));
    assert_eq!((code(&outcome), detail(&outcome)), (name, format!("words of {name}").as_str()));
}

/// F14, F15: with every answer comes when the limit is over, which only a limit is held by. An error that seemed to ask for a wait
/// would never open the circuit.
#[rstest]
#[case(429, &[("ratelimit-reset", "1")], "retry 1")]
#[case(429, &[], "retry 10")]
#[case(500, &[("ratelimit-reset", "1")], "maybe_sent -")]
#[case(503, &[("ratelimit-reset", "1"), ("retry-after", "7")], "maybe_sent 7")]
#[case(409, &[("ratelimit-reset", "1")], "maybe_sent -")]
fn only_a_limit_lasts_until_its_reset(
    #[case] status: u16,
    #[case] headers: &[(&str, &str)],
    #[case] expected: &str,
) {
    let mut response = refusal(status, "some_name");
    response.headers =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(verdict(&interpret(&response)), expected);
}

/// F19, S18, S20: answers that are not in the provider's form.
#[rstest]
#[case(100, "maybe_sent 9")]
#[case(201, "maybe_sent 9")]
#[case(202, "maybe_sent 9")]
#[case(204, "maybe_sent 9")]
#[case(206, "maybe_sent 9")]
#[case(301, "account_broken")]
#[case(302, "account_broken")]
#[case(303, "maybe_sent 9")]
#[case(304, "maybe_sent 9")]
#[case(307, "account_broken")]
#[case(308, "account_broken")]
#[case(400, "rejected")]
#[case(401, "account_broken")]
#[case(402, "account_broken")]
#[case(403, "account_broken")]
#[case(404, "account_broken")]
#[case(405, "account_broken")]
#[case(407, "account_broken")]
#[case(408, "maybe_sent 9")]
#[case(409, "maybe_sent 9")]
#[case(413, "rejected")]
#[case(418, "rejected")]
#[case(425, "maybe_sent 9")]
#[case(429, "retry 9")]
#[case(500, "maybe_sent 9")]
#[case(502, "maybe_sent 9")]
#[case(504, "maybe_sent 9")]
#[case(520, "maybe_sent 9")]
#[case(999, "maybe_sent 9")]
fn an_unknown_answer_is_judged_by_its_status(
    #[case] status: u16,
    #[case] expected: &str,
    #[values("", "<html>oops</html>", "{}", "[1]", r#"{"name":7}"#, r#"{"name":"has spaces"}"#)]
    body: &'static str,
) {
    let outcome = interpret(&answer(status, body));
    assert_eq!((verdict(&outcome).as_str(), code(&outcome)), (expected, status.to_string().as_str()));
}

#[test]
fn the_edge_that_misses_a_user_agent_breaks_the_account_and_is_quoted() {
    let outcome = interpret(&answer(403, "error code: 1010"));
    assert_eq!((verdict(&outcome).as_str(), detail(&outcome)), ("account_broken", "error code: 1010"));
}

/// S20: what is stored of a foreign text is bounded and storable.
#[rstest]
#[case(serde_json::json!({"name": "validation_error", "message": "\0é".repeat(100_000)}).to_string())]
#[case("\0é".repeat(100_000))]
fn a_long_or_binary_error_is_cut(#[case] body: String) {
    let outcome = interpret(&answer(400, body));
    assert_eq!(detail(&outcome).chars().count(), 300);
    assert!(!detail(&outcome).contains('\0'));
}

/// S20: nesting without end is refused by the parser, not by the stack.
#[test]
fn deep_nesting_is_judged_by_the_status() {
    assert_eq!(verdict(&interpret(&answer(400, "[".repeat(500_000)))), "rejected");
    assert_eq!(verdict(&interpret(&answer(200, "{\"id\":".repeat(100_000)))), "maybe_sent -");
}
