//! The table of answers and what each proves.
use bytes::Bytes;
use countersign_core::activity::payload::{LinkedinAction, Parts};
use countersign_core::channel::{Asked, ChannelName, Outcome, Past, Replay, Request, Response};
use rstest::rstest;

use super::{interpret, knows};
use crate::samples::payload;

const DATE: (&str, &str) = ("date", "Wed, 25 Nov 2026 23:58:20 GMT");

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.into() }
}

fn judged(path: &str, may_be_accepted: bool, response: &Response) -> Outcome {
    let parts = Parts::Linkedin { action: LinkedinAction::Post, text: "x".to_owned(), thread: None };
    let payload = payload(ChannelName::Linkedin, parts);
    let request = Request::json(path, String::new());
    let past = Past { handle: None, may_be_accepted, may_be_these_words: may_be_accepted };
    interpret(&Asked { payload: &payload, approved: &request, request: &request, past: &past }, response)
}

fn post(response: &Response) -> Outcome {
    judged("/rest/posts", false, response)
}

fn verdict(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { provider_ref } => format!("accepted {}", provider_ref.as_deref().unwrap_or("-")),
        Outcome::Rejected { code, .. } => format!("rejected {code}"),
        Outcome::Retry { code, after: None, .. } => format!("again {code}"),
        Outcome::Retry { code, after: Some(wait), .. } => format!("wait {} {code}", wait.as_secs()),
        Outcome::Deferred { code, .. } => format!("waits {code}"),
        Outcome::AccountBroken { code, .. } => format!("account {code}"),
        Outcome::MaybeSent { code, replay: Replay::Never, .. } => format!("maybe {code}"),
        other => panic!("{other:?}"),
    }
}

fn refusal(status: u16, body: &str) -> String {
    verdict(&post(&answer(status, &[DATE], body.to_owned())))
}

#[test]
fn a_201_with_an_id_is_accepted() {
    let response = answer(201, &[("x-restli-id", "urn:li:share:7000000000000000001")], "");
    assert_eq!(verdict(&post(&response)), "accepted urn:li:share:7000000000000000001");
}

/// R4, F13: a success that is not the whole answer proves nothing.
#[rstest]
#[case(201, &[], "maybe no-id")]
#[case(201, &[("x-restli-id", "")], "maybe no-id")]
#[case(201, &[("x-restli-id", "a b")], "maybe no-id")]
#[case(200, &[("x-restli-id", "urn:li:share:1")], "maybe unreadable-answer")]
#[case(202, &[], "maybe unreadable-answer")]
#[case(204, &[], "maybe unreadable-answer")]
fn a_success_without_an_id_may_have_been_sent(
    #[case] status: u16,
    #[case] headers: &[(&str, &str)],
    #[case] expected: &str,
    #[values("", "{}", "<html>Sign in</html>", r#"{"id":"#)] body: &'static str,
) {
    assert_eq!(verdict(&post(&answer(status, headers, body))), expected);
}

#[rstest]
#[case(400, r#"{"status":400,"code":"ILLEGAL_ARGUMENT","message":"m"}"#, "rejected ILLEGAL_ARGUMENT")]
#[case(401, r#"{"status":401,"message":"revoked"}"#, "account 401")]
#[case(
    403,
    r#"{"serviceErrorCode":100,"message":"Not enough permissions","status":403}"#,
    "account service-100"
)]
#[case(404, r#"{"status":404,"message":"gone"}"#, "rejected 404")]
#[case(404, "<html>not here</html>", "account 404")]
#[case(405, "", "account 405")]
#[case(409, r#"{"status":409,"message":"conflict"}"#, "waits 409")]
#[case(422, r#"{"status":422,"message":"commentary is required"}"#, "rejected 422")]
#[case(426, r#"{"status":426,"code":"NONEXISTENT_VERSION","message":"m"}"#, "account NONEXISTENT_VERSION")]
#[case(429, r#"{"status":429,"message":"m"}"#, "wait 100 429")]
#[case(408, "", "maybe 408")]
#[case(425, "", "maybe 425")]
#[case(307, "", "account 307")]
#[case(500, r#"{"status":500,"message":"m"}"#, "maybe 500")]
#[case(502, "<html>bad gateway</html>", "maybe 502")]
#[case(504, "", "maybe 504")]
#[case(999, "", "maybe 999")]
#[case(418, r#"{"message":"m","code":"has spaces"}"#, "rejected 418")]
#[case(400, r#"{"message":"m","code":"SOME_NEW_WORD"}"#, "rejected SOME_NEW_WORD")]
fn an_answer_proves_what_its_status_says(#[case] status: u16, #[case] body: &str, #[case] expected: &str) {
    assert_eq!(refusal(status, body), expected);
    let code = expected.rsplit(' ').next().expect("a code");
    assert_eq!(knows(code), code != "SOME_NEW_WORD");
}

/// F15: the provider's own word counts; without one the day's quota is over until midnight.
#[rstest]
#[case(&[DATE, ("retry-after", "7")], "wait 7 429")]
#[case(&[DATE], "wait 100 429")]
#[case(&[("date", "Wed, 25 Nov 2026 00:00:00 GMT")], "wait 86400 429")]
#[case(&[("date", "yesterday")], "wait 86400 429")]
#[case(&[], "wait 86400 429")]
fn a_limit_lasts_until_the_providers_midnight(#[case] headers: &[(&str, &str)], #[case] expected: &str) {
    assert_eq!(verdict(&post(&answer(429, headers, ""))), expected);
}

/// R4, R7: the refusal of words that are there already proves an unclear attempt if it names the post, and nothing if it does not; without
/// such a past it is a refusal.
#[rstest]
#[case("Content is a duplicate of urn:li:share:7123.", "accepted urn:li:share:7123")]
#[case("Duplicate post is detected: urn:li:ugcPost:88", "accepted urn:li:ugcPost:88")]
#[case("Content is a duplicate of urn:li:person:ana", "maybe duplicate")]
#[case("duplicate of urn:li:person:ana in urn:li:share:7", "maybe duplicate")]
#[case("Content is a duplicate of urn:li:activity:7123", "maybe duplicate")]
#[case("Content is a duplicate", "maybe duplicate")]
#[case("Content is a duplicate of urn:li:share:", "maybe duplicate")]
#[case("urn:li:share:7 cannot be reshared", "rejected 422")]
fn a_duplicate_counts_as_sent_only_after_an_unclear_attempt(#[case] message: &str, #[case] expected: &str) {
    let response = answer(422, &[], serde_json::json!({"status": 422, "message": message}).to_string());
    assert_eq!(verdict(&judged("/rest/posts", true, &response)), expected);
    assert!(verdict(&post(&response)).starts_with("rejected "));
    // A comment that repeats another one says nothing about an earlier attempt of its own.
    assert!(verdict(&judged("/rest/socialActions/x/comments", true, &response)).starts_with("rejected "));
}

/// The body decides, whatever kind it is said to be; of a success it is the header.
#[test]
fn a_wrong_content_type_changes_nothing() {
    let html = ("content-type", "text/html; charset=utf-8");
    let judge = |status, headers: &[_], body: &'static str| verdict(&post(&answer(status, headers, body)));
    assert_eq!(judge(201, &[html, ("x-restli-id", "urn:li:share:1")], "{}"), "accepted urn:li:share:1");
    assert_eq!(judge(404, &[html], r#"{"status":404,"message":"gone"}"#), "rejected 404");
    let permissions = r#"{"serviceErrorCode":100,"message":"Not enough permissions","status":403}"#;
    assert_eq!(judge(403, &[html], permissions), "account service-100");
    let words = answer(422, &[html], r#"{"message":"Content is a duplicate of urn:li:share:7"}"#);
    assert_eq!(verdict(&judged("/rest/posts", true, &words)), "accepted urn:li:share:7");
    assert_eq!(verdict(&post(&words)), "rejected duplicate");
}

/// S20: what is stored of a foreign text is bounded and storable; the post is found behind it all the same.
#[test]
fn a_long_or_binary_refusal_is_cut() {
    let words = format!("{}duplicate of urn:li:share:5", "\0é".repeat(100_000));
    let response = answer(422, &[], serde_json::json!({"message": words}).to_string());
    let Outcome::Rejected { detail, .. } = post(&response) else { panic!("refused") };
    assert_eq!((detail.chars().count(), detail.contains('\0')), (300, false));
    assert_eq!(verdict(&judged("/rest/posts", true, &response)), "accepted urn:li:share:5");
    assert_eq!(refusal(400, &"[".repeat(500_000)), "rejected 400");
}
