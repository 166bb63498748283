//! What is found before a container is made, and what that proves.
use countersign_core::activity::payload::InstagramAction;
use countersign_core::channel::{Channel as _, ChannelName, Host, Outcome, Past};
use rstest::rstest;

use super::*;
use crate::instagram::Instagram;
use crate::samples::payload;

const PICTURE: &[u8] = b"\xff\xd8\xffpicture";
const OTHER: &[u8] = b"\xff\xd8\xffanother";

fn approved(file: &[u8]) -> Request {
    let url = format!("https://pictures.example:8443/by-hash/{}.jpg", PayloadHash::of(file));
    Request::json("/v25.0/1/media", format!(r#"{{"caption":"x","image_url":"{url}"}}"#))
}

fn answer(status: u16, body: &[u8]) -> Response {
    Response { status, headers: Vec::new(), body: body.to_vec().into() }
}

/// The outcome in words, or the path of the next request.
fn verdict(file: &[u8], request: &Request, response: &Response) -> String {
    let parts = Parts::Instagram {
        action: InstagramAction::Post,
        text: "x".to_owned(),
        image_sha256: Some(PayloadHash::of(file).to_string()),
        human_agent: false,
    };
    let (payload, approved) = (payload(ChannelName::Instagram, parts), approved(file));
    let asked = Asked { payload: &payload, approved: &approved, request, past: &Past::default() };
    match Instagram::new(None).interpret(&asked, response) {
        Reading::Next(request) => format!("next {} {}", request.method, request.path),
        Reading::Proves(Outcome::Rejected { code, detail }) => format!("held {code}: {detail}"),
        Reading::Proves(Outcome::Deferred { code, after, .. }) => format!("waits {} {code}", after.as_secs()),
        Reading::Proves(Outcome::Retry { code, after, .. }) => format!("again {} {code}", after.is_some()),
        Reading::Proves(Outcome::AccountBroken { code, .. }) => format!("account {code}"),
        Reading::Proves(other) => panic!("{other:?}"),
    }
}

fn question() -> Request {
    Instagram::new(None).first(&approved(PICTURE), &Past::default())
}

fn of_quota(status: u16, body: &str) -> String {
    verdict(PICTURE, &question(), &answer(status, body.as_bytes()))
}

fn of_picture(file: &[u8], status: u16, body: &[u8]) -> String {
    verdict(file, &Request::file(&url(&approved(file))).expect("a file"), &answer(status, body))
}

#[test]
fn a_post_asks_first_and_a_message_goes_at_once() {
    let (instagram, question) = (Instagram::new(None), question());
    assert_eq!(question.path, "/v25.0/1/content_publishing_limit?fields=config,quota_usage");
    let picture = Request::file(&url(&approved(PICTURE))).expect("a file");
    assert_eq!(picture.host, Host::Web("https://pictures.example:8443".to_owned()));
    for harmless in [&question, &picture, &approved(PICTURE)] {
        assert!(instagram.is_harmless(harmless), "{harmless:?}");
    }
    let message = Request::json("/v25.0/1/messages", "{}".to_owned());
    assert_eq!(instagram.first(&message, &Past::default()), message);
    assert!(!instagram.is_harmless(&message));
}

/// A full day waits; one that cannot be told lets the provider count for itself.
#[rstest]
#[case(200, r#"{"data":[{"quota_usage":49,"config":{"quota_total":50,"quota_duration":86400}}]}"#, "next")]
#[case(
    200,
    r#"{"data":[{"quota_usage":50,"config":{"quota_total":50,"quota_duration":86400}}]}"#,
    "waits 3600 posts-used-up"
)]
#[case(200, r#"{"data":[{"quota_usage":7}]}"#, "next")]
#[case(200, r#"{"data":[]}"#, "next")]
#[case(200, "<html>", "next")]
#[case(400, r#"{"error":{"code":100,"message":"Unsupported request"}}"#, "next")]
#[case(400, r#"{"error":{"code":9,"error_subcode":2207042,"message":"x"}}"#, "waits 3600 9/2207042")]
#[case(400, r#"{"error":{"code":190,"message":"expired"}}"#, "account 190")]
#[case(400, r#"{"error":{"code":4,"message":"x"}}"#, "again true 4")]
#[case(500, r#"{"error":{"code":2,"message":"x"}}"#, "again false 2")]
#[case(404, "<html>", "account 404")]
#[case(503, "busy", "again false 503")]
fn the_quota_of_posts_is_asked_first(#[case] status: u16, #[case] body: &str, #[case] expected: &str) {
    let next = format!("next GET /by-hash/{}.jpg", PayloadHash::of(PICTURE));
    let expected = if expected == "next" { next } else { expected.to_owned() };
    assert_eq!(of_quota(status, body), expected);
}

/// S10: only the approved picture goes on, to the byte.
#[rstest]
#[case::the_same(PICTURE, 200, PICTURE, "next POST /v25.0/1/media")]
#[case::another(PICTURE, 200, OTHER, "held picture-changed: at https://pictures.example:8443/by-hash/")]
#[case::a_page(PICTURE, 200, b"<html>Sign in</html>", "held picture-changed: ")]
#[case::nothing(PICTURE, 200, b"", "held picture-changed: ")]
#[case::no_jpeg(b"\x89PNG", 200, b"\x89PNG", "held picture-unusable: ")]
#[case::gone(PICTURE, 404, b"", "held picture-gone: ")]
#[case::forbidden(PICTURE, 403, PICTURE, "held picture-gone: ")]
#[case::elsewhere(PICTURE, 302, PICTURE, "held picture-gone: ")]
#[case::partly(PICTURE, 206, PICTURE, "held picture-gone: ")]
#[case::busy(PICTURE, 503, PICTURE, "waits 60 unreachable")]
#[case::too_often(PICTURE, 429, b"", "waits 60 unreachable")]
fn what_lies_there_has_to_be_the_approved_picture(
    #[case] file: &[u8],
    #[case] status: u16,
    #[case] body: &[u8],
    #[case] expected: &str,
) {
    let said = of_picture(file, status, body);
    assert!(said.starts_with(expected), "{said}");
}
