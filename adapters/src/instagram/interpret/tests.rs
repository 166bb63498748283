//! The table of answers and what each proves, by what was asked.
use bytes::Bytes;
use countersign_core::activity::payload::{InstagramAction, Parts};
use countersign_core::channel::{
    Asked, Channel as _, ChannelName, Outcome, Past, Reading, Replay, Request, Response,
};
use rstest::rstest;

use super::interpret;
use crate::instagram::Instagram;
use crate::instagram::code::knows;
use crate::samples::payload;

const CONTAINER: &str = "17990000000000001";
/// Made ten seconds before [`DATE`].
const HANDLE: &str = "17990000000000001@1795659090";
const DATE: &str = "Thu, 26 Nov 2026 02:11:40 GMT";

fn approved(step: &str) -> Request {
    Request::json(if step == "message" { "/v25.0/1/messages" } else { "/v25.0/1/media" }, "{}".to_owned())
}

fn asked(step: &str) -> Request {
    match step {
        "message" | "container" => approved(step),
        "status" => Request::get(format!("/v25.0/{CONTAINER}?fields=status_code,status")),
        _ => Request::json("/v25.0/1/media_publish", format!(r#"{{"creation_id":"{CONTAINER}"}}"#)),
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let headers = [("date", DATE)].iter().chain(headers);
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.into() }
}

fn read(step: &str, handle: &str, response: &Response) -> Reading {
    let past = Past { handle: Some(handle.to_owned()), may_be_accepted: false, may_be_these_words: false };
    let parts = Parts::Instagram {
        action: InstagramAction::Post,
        text: "x".to_owned(),
        image_sha256: None,
        human_agent: false,
    };
    let payload = payload(ChannelName::Instagram, parts);
    let (approved, request) = (approved(step), asked(step));
    interpret(&Asked { payload: &payload, approved: &approved, request: &request, past: &past }, response)
}

/// The outcome in words, or the path of the next request.
fn verdict(reading: &Reading) -> String {
    match reading {
        Reading::Next(request) => format!("next {}", request.path),
        Reading::Proves(Outcome::Accepted { provider_ref }) => {
            format!("accepted {}", provider_ref.as_deref().unwrap_or("-"))
        }
        Reading::Proves(Outcome::Prepared { handle, after, .. }) => {
            format!("prepared {handle} {}", after.as_secs())
        }
        Reading::Proves(Outcome::Rejected { code, .. }) => format!("rejected {code}"),
        Reading::Proves(Outcome::Retry { code, after: None, .. }) => format!("again {code}"),
        Reading::Proves(Outcome::Retry { code, after: Some(wait), .. }) => {
            format!("wait {} {code}", wait.as_secs())
        }
        Reading::Proves(Outcome::Deferred { code, after, .. }) => format!("waits {} {code}", after.as_secs()),
        Reading::Proves(Outcome::AccountBroken { code, .. }) => format!("account {code}"),
        Reading::Proves(Outcome::MaybeSent { code, replay: Replay::Never, .. }) => format!("maybe {code}"),
        Reading::Proves(other) => panic!("{other:?}"),
    }
}

fn at(step: &str, status: u16, body: &str) -> String {
    verdict(&read(step, HANDLE, &answer(status, &[], body.to_owned())))
}

#[rstest]
#[case(
    "message",
    r#"{"recipient_id":"9","message_id":"aWdfZAG1faXRlbToxOklHTWVzc2FnZAU"}"#,
    "accepted aWdfZAG1faXRlbToxOklHTWVzc2FnZAU"
)]
#[case("container", r#"{"id":"17990000000000007"}"#, "prepared 17990000000000007@1795659100 5")]
#[case("publish", r#"{"id":"17880000000000001"}"#, "accepted 17880000000000001")]
#[case("status", r#"{"status_code":"FINISHED"}"#, "next /v25.0/1/media_publish")]
#[case("status", r#"{"status_code":"PUBLISHED","id":"1"}"#, "accepted -")]
#[case(
    "status",
    r#"{"status_code":"EXPIRED"}"#,
    "next /v25.0/1/content_publishing_limit?fields=config,quota_usage"
)]
#[case(
    "status",
    r#"{"status_code":"ERROR","status":"Error: Media upload has failed with error code 2207052"}"#,
    "rejected 2207052"
)]
#[case("status", r#"{"status_code":"ERROR","status":"Error 2207050"}"#, "account 2207050")]
#[case(
    "status",
    r#"{"status_code":"ERROR","status":"Error: failed with error code 2207003"}"#,
    "next /v25.0/1/content_publishing_limit?fields=config,quota_usage"
)]
#[case("status", r#"{"status_code":"ERROR"}"#, "rejected container-error")]
#[case("status", r#"{"status_code":"RESTING"}"#, "again unreadable-answer")]
fn a_success_means_what_was_asked(#[case] step: &str, #[case] body: &str, #[case] expected: &str) {
    assert_eq!(at(step, 200, body), expected);
}

/// The body decides, whatever kind it is said to be.
#[test]
fn a_wrong_content_type_changes_nothing() {
    let html = [("content-type", "text/html; charset=utf-8")];
    let cases = [
        ("message", 200, r#"{"message_id":"x"}"#.to_owned(), "accepted x"),
        ("publish", 200, r#"{"id":"17880000000000001"}"#.to_owned(), "accepted 17880000000000001"),
        ("status", 200, r#"{"status_code":"FINISHED"}"#.to_owned(), "next /v25.0/1/media_publish"),
        ("message", 400, refusal("10/2534022", false), "rejected 10/2534022"),
        ("publish", 400, refusal("190", false), "account 190"),
        ("message", 500, refusal("2", false), "maybe 2"),
    ];
    for (step, status, body, expected) in cases {
        assert_eq!(verdict(&read(step, HANDLE, &answer(status, &html, body))), expected, "{step} {status}");
    }
}

/// R4, F13: of a message and of a publication a broken success proves nothing; a container or an answer about one is asked for again.
#[rstest]
#[case("")]
#[case("{}")]
#[case("<html>Sign in</html>")]
#[case(r#"{"message_id":"#)]
#[case(r#"{"message_id":"","id":"","status_code":7}"#)]
#[case(r#"{"message_id":"a\u0000","id":"a b"}"#)]
fn a_broken_success_is_judged_by_what_it_may_have_done(#[case] body: &str) {
    for (step, expected) in
        [("message", "maybe "), ("publish", "maybe "), ("container", "again "), ("status", "again ")]
    {
        let verdict = at(step, 200, body);
        assert!(verdict.starts_with(expected), "{step}: {verdict}");
    }
    assert!(at("message", 201, r#"{"message_id":"x"}"#).starts_with("maybe "));
}

/// F14 to F17: each row of the provider's table, for a message, a container, a question about it, and its publication.
#[rstest]
#[case("10/2534022", ["rejected", "rejected", "maybe", "rejected"])]
#[case("10/2018278", ["rejected", "rejected", "maybe", "rejected"])]
#[case("10/1893063", ["account"; 4])]
#[case("10", ["account"; 4])]
#[case("10/7", ["account"; 4])]
#[case("100/2534014", ["rejected", "rejected", "maybe", "rejected"])]
#[case("100/2534029", ["account"; 4])]
#[case("100", ["rejected", "rejected", "maybe", "rejected"])]
#[case("100/33", ["rejected", "rejected", "maybe", "rejected"])]
#[case("190", ["account"; 4])]
#[case("190/463", ["account"; 4])]
#[case("200", ["account"; 4])]
#[case("299/1", ["account"; 4])]
#[case("200/2534041", ["account"; 4])]
#[case("551", ["rejected", "rejected", "maybe", "rejected"])]
#[case("4", ["wait 300"; 4])]
#[case("17", ["wait 300"; 4])]
#[case("32", ["wait 300"; 4])]
#[case("613/2534040", ["wait 300"; 4])]
#[case("4/2207051", ["account"; 4])]
#[case("9/2207042", ["waits 3600"; 4])]
#[case("1", ["maybe", "again", "again", "maybe"])]
#[case("2", ["maybe", "again", "again", "maybe"])]
#[case("-1/2207001", ["maybe", "again", "again", "maybe"])]
#[case("-1/2207032", ["maybe", "again", "again", "maybe"])]
#[case("-2/2207003", ["maybe", "again", "again", "maybe"])]
#[case("1/1357046", ["maybe", "again", "again", "maybe"])]
#[case("9007/2207027", ["maybe", "again", "prepared", "prepared"])]
#[case("24/2207008", ["maybe", "again", "prepared", "prepared"])]
#[case("-2/2207020", ["maybe", "again", "next", "next"])]
#[case("24/2207006", ["rejected", "rejected", "maybe", "rejected"])]
#[case("9004/2207052", ["rejected", "rejected", "maybe", "rejected"])]
#[case("25/2207050", ["account"; 4])]
#[case("36000/2207004", ["rejected", "rejected", "maybe", "rejected"])]
#[case("36001/2207005", ["rejected", "rejected", "maybe", "rejected"])]
#[case("36003/2207009", ["rejected", "rejected", "maybe", "rejected"])]
#[case("36004/2207010", ["rejected", "rejected", "maybe", "rejected"])]
#[case("100/2207028", ["rejected", "rejected", "maybe", "rejected"])]
#[case("100/2207040", ["rejected", "rejected", "maybe", "rejected"])]
fn a_code_proves_what_the_provider_documents(
    #[case] code: &str,
    #[case] expected: [&str; 4],
    #[values(400, 403, 500)] status: u16,
) {
    let body = refusal(code, false);
    for (step, expected) in ["message", "container", "status", "publish"].into_iter().zip(expected) {
        if status == 500 && matches!(step, "message" | "publish") {
            // What reaches people is judged by more than its code; the next test says how.
            continue;
        }
        let verdict = at(step, status, &body);
        assert!(verdict.starts_with(&format!("{expected} ")), "{step}: {verdict}");
        if !matches!(expected, "next" | "prepared") {
            assert!(verdict.ends_with(&format!(" {code}")), "{step}: {verdict}");
        }
    }
    assert!(knows(code), "{code}");
}

/// R4, F14: behind a status that leaves open what became of the request no code is a proof that nothing was sent, be it the clearest.
#[rstest]
fn a_code_proves_nothing_behind_a_status_that_leaves_it_open(
    #[values("message", "publish")] step: &str,
    #[values("10/2534022", "100", "190", "4", "9/2207042", "2", "9007/2207027", "24/2207008", "-2/2207020")]
    code: &str,
    #[values(408, 425, 500, 502, 503, 504, 999)] status: u16,
) {
    // A container of any age, so that none is made anew either.
    for handle in [HANDLE, "17990000000000001@1"] {
        let reading = read(step, handle, &answer(status, &[], refusal(code, false)));
        assert_eq!(verdict(&reading), format!("maybe {code}"));
    }
}

fn refusal(code: &str, is_transient: bool) -> String {
    let (code, subcode) = code.split_once('/').map_or((code, None), |(code, sub)| (code, Some(sub)));
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let mut error = serde_json::json!({"code": number(code), "message": "words", "type": "OAuthException", "is_transient": is_transient});
    if let Some(subcode) = subcode {
        error["error_subcode"] = number(subcode).into();
    }
    serde_json::json!({ "error": error }).to_string()
}

/// A code nobody knows is judged by its status, unless the provider calls it transient.
#[rstest]
#[case(400, false, ["rejected", "rejected", "maybe", "rejected"])]
#[case(403, false, ["account"; 4])]
#[case(404, false, ["rejected", "rejected", "maybe", "rejected"])]
#[case(500, false, ["maybe", "again", "again", "maybe"])]
#[case(400, true, ["maybe", "again", "again", "maybe"])]
#[case(500, true, ["maybe", "again", "again", "maybe"])]
fn an_unknown_code_is_judged_by_its_status(
    #[case] status: u16,
    #[case] is_transient: bool,
    #[case] expected: [&str; 4],
) {
    for (step, expected) in ["message", "container", "status", "publish"].into_iter().zip(expected) {
        assert_eq!(at(step, status, &refusal("368/9", is_transient)), format!("{expected} 368/9"), "{step}");
    }
    assert!(!knows("368/9") && !knows("368") && knows("502") && knows("not_sent"));
}

#[rstest]
#[case(301, ["maybe", "account", "account", "maybe"])]
#[case(307, ["account"; 4])]
#[case(401, ["account"; 4])]
#[case(404, ["account"; 4])]
#[case(400, ["rejected", "rejected", "maybe", "rejected"])]
#[case(408, ["maybe", "again", "again", "maybe"])]
#[case(429, ["wait 300"; 4])]
#[case(500, ["maybe", "again", "again", "maybe"])]
#[case(502, ["maybe", "again", "again", "maybe"])]
#[case(999, ["maybe", "again", "again", "maybe"])]
fn an_answer_in_another_form_is_judged_by_its_status(
    #[case] status: u16,
    #[case] expected: [&str; 4],
    #[values("", "<html>oops</html>", "{}", "[[", r#"{"error":"words"}"#)] body: &str,
) {
    for (step, expected) in ["message", "container", "status", "publish"].into_iter().zip(expected) {
        assert_eq!(at(step, status, body), format!("{expected} {status}"), "{step}");
    }
}

/// F15: minutes until calls are taken again; the longest of what the headers tell.
#[rstest]
#[case(&[("x-app-usage", r#"{"call_count":100,"estimated_time_to_regain_access":3}"#)], 180)]
#[case(&[("x-business-use-case-usage", r#"{"1":[{"type":"messenger","estimated_time_to_regain_access":19},{"estimated_time_to_regain_access":7}]}"#)], 1140)]
#[case(&[("retry-after", "7")], 7)]
#[case(&[("retry-after", "70"), ("x-app-usage", r#"{"estimated_time_to_regain_access":1}"#)], 70)]
#[case(&[("x-app-usage", r#"{"estimated_time_to_regain_access":0}"#)], 300)]
#[case(&[("x-app-usage", r#"{"estimated_time_to_regain_access":99999999999999999999}"#)], 300)]
#[case(&[("x-app-usage", r#"{"estimated_time_to_regain_access":18446744073709551615}"#)], 86_400)]
#[case(&[("x-app-usage", "[[[[")], 300)]
fn a_throttled_account_waits_as_the_headers_say(#[case] headers: &[(&str, &str)], #[case] seconds: u64) {
    let reading = read("message", HANDLE, &answer(400, headers, refusal("613", false)));
    assert_eq!(verdict(&reading), format!("wait {seconds} 613"));
}

/// A container that is not ready is asked once a minute for five minutes, by the provider's clock; then another one is made.
#[rstest]
#[case(HANDLE, "prepared 17990000000000001@1795659090 60")]
#[case("17990000000000001@1795658801", "prepared 17990000000000001@1795658801 60")]
#[case("17990000000000001@1795658800", "next /v25.0/1/content_publishing_limit?fields=config,quota_usage")]
#[case("17990000000000001@1", "next /v25.0/1/content_publishing_limit?fields=config,quota_usage")]
#[case("17990000000000001@9999999999", "prepared 17990000000000001@9999999999 60")]
#[case("17990000000000001", "prepared 17990000000000001 60")]
fn a_container_that_takes_too_long_is_made_again(#[case] handle: &str, #[case] expected: &str) {
    let reading = read("status", handle, &answer(200, &[], r#"{"status_code":"IN_PROGRESS"}"#));
    assert_eq!(verdict(&reading), expected);
}

/// The next attempt asks about the container; one without a container, or of a message, sends what was approved.
#[test]
fn an_attempt_goes_on_with_the_container_that_is_there() {
    let channel = Instagram::new(None);
    let past = |handle: &str| Past {
        handle: Some(handle.to_owned()),
        may_be_accepted: true,
        may_be_these_words: true,
    };
    let post = approved("container");
    let question = channel.first(&post, &past(HANDLE));
    assert_eq!(
        (question.method.as_str(), question.path.as_str()),
        ("GET", "/v25.0/17990000000000001?fields=status_code,status")
    );
    let anew = "/v25.0/1/content_publishing_limit?fields=config,quota_usage";
    assert_eq!(channel.first(&post, &Past::default()).path, anew);
    assert_eq!(channel.first(&post, &past("../evil")).path, anew);
    assert_eq!(channel.first(&approved("message"), &past(HANDLE)), approved("message"));
}

#[test]
fn only_questions_and_containers_are_harmless() {
    let channel = Instagram::new(None);
    let harmless =
        ["message", "container", "status", "publish"].map(|step| channel.is_harmless(&asked(step)));
    assert_eq!(harmless, [false, true, true, false]);
}

/// What is published is the container that was asked about, under the version that was approved.
#[test]
fn a_ready_container_is_published_by_its_id() {
    let Reading::Next(request) = read("status", HANDLE, &answer(200, &[], r#"{"status_code":"FINISHED"}"#))
    else {
        panic!("published");
    };
    assert_eq!(
        (request.path.as_str(), request.body.as_str()),
        ("/v25.0/1/media_publish", r#"{"creation_id":"17990000000000001"}"#)
    );
}

#[test]
fn outside_the_window_says_what_may_still_be_done() {
    let reading = read("message", HANDLE, &answer(400, &[], refusal("10/2534022", false)));
    let Reading::Proves(Outcome::Rejected { detail, .. }) = reading else { panic!("{reading:?}") };
    assert!(detail.starts_with("words; ") && detail.contains("human-agent tag"), "{detail}");
}

/// S20: what is stored of a foreign text is bounded and storable.
#[test]
fn a_long_or_binary_refusal_is_cut() {
    let body = serde_json::json!({"error": {"code": 100, "message": "\0é".repeat(100_000)}}).to_string();
    let reading = read("message", HANDLE, &answer(400, &[], body));
    let Reading::Proves(Outcome::Rejected { detail, .. }) = reading else { panic!("{reading:?}") };
    assert_eq!((detail.chars().count(), detail.contains('\0')), (300, false));
}
