//! What goes on the wire, and what is never put there.
use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_core::activity::payload::{InstagramAction, Kind, Parts, Payload, PayloadHash};
use countersign_core::channel::{
    Channel as _, ChannelName, Files, Message, ProviderSettings, RenderError, Request,
};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use uuid::Uuid;

use crate::instagram::Instagram;

const ACCOUNT: &str = "17841400000000001";
const PERSON: &str = "17841400000000009";
const FEED: &str = "feed:17841400000000001";
const PICTURE: &str = "5f0c2a8b9d3e4f7a1b6c8d0e2f4a6b8c0d1e3f5a7b9c1d2e4f6a8b0c2d4e6f80";

fn payload(
    action: InstagramAction,
    to: &str,
    text: &str,
    picture: Option<&str>,
    human_agent: bool,
) -> Payload {
    Payload {
        channel: ChannelName::Instagram,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "instagram".to_owned(),
        kind: Kind::Reply,
        from: "acme.renovacion".to_owned(),
        to: to.to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Instagram {
            action,
            text: text.to_owned(),
            image_sha256: picture.map(str::to_owned),
            human_agent,
        },
    }
}

fn dm(to: &str, text: &str, human_agent: bool) -> Payload {
    payload(InstagramAction::Dm, to, text, None, human_agent)
}

fn post(to: &str, picture: Option<&str>) -> Payload {
    payload(InstagramAction::Post, to, "Ten weeks #1 @ana", picture, false)
}

const SETTINGS: [(&str, &str); 3] =
    [("ig_id", ACCOUNT), ("media_url", "https://pictures.example/by-hash/"), ("human_agent", "yes")];

/// Everything but one setting.
fn without(key: &str) -> ProviderSettings {
    SETTINGS.into_iter().filter(|(other, _)| *other != key).collect()
}

fn render_with(
    payload: &Payload,
    settings: &ProviderSettings,
    files: &Files,
) -> Result<Request, RenderError> {
    let activity = ActivityId(Uuid::from_u128(7));
    Instagram::new(None).render(&Message { payload, activity, settings, files })
}

fn render(payload: &Payload) -> Result<Request, RenderError> {
    render_with(payload, &without(""), &Files::default())
}

#[test]
fn a_message_renders_to_these_bytes() {
    let request = render(&dm(PERSON, "¡Sí! Mañana a las 9.", false)).expect("renders");
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v25.0/17841400000000001/messages")
    );
    assert_eq!((request.content_type.as_str(), request.headers.len()), ("application/json", 0));
    assert_eq!(
        request.body,
        r#"{"message":{"text":"¡Sí! Mañana a las 9."},"recipient":{"id":"17841400000000009"}}"#
    );
}

/// The tag is there when a person wrote, and never else.
#[test]
fn the_human_agent_tag_is_sent_as_it_was_approved() {
    let request = render(&dm(PERSON, "x", true)).expect("renders");
    assert_eq!(
        request.body,
        r#"{"message":{"text":"x"},"messaging_type":"MESSAGE_TAG","recipient":{"id":"17841400000000009"},"tag":"HUMAN_AGENT"}"#
    );
    let error =
        render_with(&dm(PERSON, "x", true), &without("human_agent"), &Files::default()).expect_err("refused");
    assert_eq!(
        (error.field.as_str(), error.reason.contains("human_agent=yes")),
        ("payload.humanAgent", true)
    );
    assert!(render_with(&dm(PERSON, "x", false), &without("human_agent"), &Files::default()).is_ok());
}

#[test]
fn a_post_renders_to_its_container() {
    let request = render(&post(FEED, Some(PICTURE))).expect("renders");
    assert_eq!(request.path, "/v25.0/17841400000000001/media");
    assert_eq!(
        request.body,
        format!(
            r#"{{"caption":"Ten weeks #1 @ana","image_url":"https://pictures.example/by-hash/{PICTURE}.jpg"}}"#
        )
    );
}

#[test]
fn a_configured_version_is_rendered() {
    let (activity, settings, files) = (ActivityId(Uuid::from_u128(7)), &without(""), &Files::default());
    let payload = dm(PERSON, "x", false);
    let message = Message { payload: &payload, activity, settings, files };
    let request = Instagram::new(Some("v26.0")).render(&message).expect("renders");
    assert_eq!(request.path, "/v26.0/17841400000000001/messages");
}

#[rstest]
#[case::no_account(dm(PERSON, "x", false), "ig_id", "outbox", "--set ig_id=")]
#[case::no_pictures(post(FEED, Some(PICTURE)), "media_url", "payload.action", "--set media_url=https://…/")]
fn a_missing_setting_is_named_with_its_command(
    #[case] payload: Payload,
    #[case] setting: &str,
    #[case] field: &str,
    #[case] command: &str,
) {
    let error = render_with(&payload, &without(setting), &Files::default()).expect_err("refused");
    assert_eq!((error.field.as_str(), error.reason.contains(command)), (field, true), "{error}");
}

#[rstest]
#[case::user_name(dm("acme.renovacion", "x", false), "to")]
#[case::feed(dm(FEED, "x", false), "to")]
#[case::line_break(dm("1\r\nx: y", "x", false), "to")]
#[case::nul(dm("1\0", "x", false), "to")]
#[case::separator(dm("1\u{2028}", "x", false), "to")]
#[case::other_digits(dm("١٢٣", "x", false), "to")]
#[case::idn(dm("bücher.example", "x", false), "to")]
#[case::path(dm("../me", "x", false), "to")]
#[case::other_feed(post("feed:1", Some(PICTURE)), "to")]
#[case::no_feed(post(ACCOUNT, Some(PICTURE)), "to")]
#[case::no_picture(post(FEED, None), "payload.imageSha256")]
#[case::picture_elsewhere(post(FEED, Some("../../evil")), "payload.imageSha256")]
fn what_cannot_go_names_its_field(#[case] payload: Payload, #[case] field: &str) {
    assert_eq!(render(&payload).expect_err("refused").field, field);
}

/// A sender that is an id is the account that writes.
#[test]
fn the_account_is_the_one_that_is_shown() {
    let mut payload = dm(PERSON, "x", false);
    payload.from = "17841400000000002".to_owned();
    assert_eq!(render(&payload).expect_err("refused").field, "outbox");
    payload.from = ACCOUNT.to_owned();
    assert!(render(&payload).is_ok());
}

#[test]
fn a_picture_that_is_at_hand_is_a_jpeg() {
    for (bytes, fits) in
        [(&b"\xff\xd8\xff\xe0 and so on"[..], true), (&b"\x89PNG\r\n"[..], false), (&b""[..], false)]
    {
        let sha256 = PayloadHash::of(bytes).to_string();
        let files = Files::new([Bytes::copy_from_slice(bytes)]);
        let result = render_with(&post(FEED, Some(&sha256)), &without(""), &files);
        assert_eq!(result.is_ok(), fits, "{result:?}");
    }
}

/// S10: no text leaves its field.
#[rstest]
#[case("a\r\nhost: evil.example")]
#[case("a\0b")]
#[case("a\u{2028}b\u{2029}c")]
#[case("\"},\"tag\":\"HUMAN_AGENT\",\"x\":{\"y\":\"")]
#[case("&access_token=x&recipient={\"id\":\"1\"}")]
fn hostile_words_stay_words(#[case] text: &str) {
    let request = render(&dm(PERSON, text, false)).expect("renders");
    let body: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!(body, serde_json::json!({"message": {"text": text}, "recipient": {"id": PERSON}}));
    assert_eq!((request.path.as_str(), request.headers.len()), ("/v25.0/17841400000000001/messages", 0));
}
