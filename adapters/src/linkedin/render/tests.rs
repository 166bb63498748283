//! What goes on the wire, and what is never put there.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{Kind, LinkedinAction, Parts, Payload};
use countersign_core::channel::{
    Channel as _, ChannelName, Files, Message, ProviderSettings, RenderError, Request,
};
use countersign_core::ids::{ActivityId, OutboxId};
use rstest::rstest;
use uuid::Uuid;

use crate::linkedin::Linkedin;

const AUTHOR: &str = "urn:li:person:ana-1";
const SHARE: &str = "urn:li:share:7000000000000000101";

fn payload(action: LinkedinAction, to: &str, text: &str, thread: Option<&str>) -> Payload {
    Payload {
        channel: ChannelName::Linkedin,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "linkedin".to_owned(),
        kind: Kind::Post,
        from: AUTHOR.to_owned(),
        to: to.to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts: Parts::Linkedin { action, text: text.to_owned(), thread: thread.map(str::to_owned) },
    }
}

fn post(text: &str) -> Payload {
    payload(LinkedinAction::Post, &format!("feed:{AUTHOR}"), text, None)
}

fn settings() -> ProviderSettings {
    [("author_urn", AUTHOR), ("partner_messages", "yes")].into_iter().collect()
}

fn render_with(payload: &Payload, settings: &ProviderSettings) -> Result<Request, RenderError> {
    let (activity, files) = (ActivityId(Uuid::from_u128(7)), &Files::default());
    Linkedin::new(None).render(&Message { payload, activity, settings, files })
}

fn render(payload: &Payload) -> Result<Request, RenderError> {
    render_with(payload, &settings())
}

fn body(payload: &Payload) -> serde_json::Value {
    serde_json::from_str(&render(payload).expect("renders").body).expect("JSON")
}

#[test]
fn a_post_renders_to_these_bytes() {
    let request = render(&post("Ten weeks, 48 balconies.\nThank you!")).expect("renders");
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/rest/posts"));
    assert_eq!(request.content_type, "application/json");
    let headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("linkedin-version", "202607"), ("x-restli-protocol-version", "2.0.0")]);
    assert_eq!(
        request.body,
        r#"{"author":"urn:li:person:ana-1","commentary":"Ten weeks, 48 balconies.\nThank you!","distribution":{"feedDistribution":"MAIN_FEED","targetEntities":[],"thirdPartyDistributionChannels":[]},"lifecycleState":"PUBLISHED","visibility":"PUBLIC"}"#
    );
}

/// The version comes from configuration and is frozen with the request.
#[test]
fn a_configured_version_is_rendered() {
    let (activity, settings, files) = (ActivityId(Uuid::from_u128(7)), &settings(), &Files::default());
    let payload = post("x");
    let message = Message { payload: &payload, activity, settings, files };
    let request = Linkedin::new(Some("202701")).render(&message).expect("renders");
    assert_eq!(request.headers["linkedin-version"], "202701");
}

/// Unescaped, these signs cut or mangle a post; escaped, people read what was approved.
#[rstest]
#[case("a\\b", "a\\\\b")]
#[case("|{}@[]()<>#*_~", "\\|\\{\\}\\@\\[\\]\\(\\)\\<\\>\\#\\*\\_\\~")]
#[case("#retrofit by @ana", "\\#retrofit by \\@ana")]
#[case("{hashtag|\\#|x}", "\\{hashtag\\|\\\\\\#\\|x\\}")]
#[case("100 % – 5 €, “fine”\r\n\u{2028}", "100 % – 5 €, “fine”\r\n\u{2028}")]
fn the_words_of_a_post_are_escaped(#[case] text: &str, #[case] commentary: &str) {
    assert_eq!(body(&post(text))["commentary"], commentary);
}

#[test]
fn connections_only_is_a_setting() {
    let with = |value: &str| {
        let settings = [("author_urn", AUTHOR), ("visibility", value)].into_iter().collect();
        render_with(&post("x"), &settings)
    };
    assert!(with("CONNECTIONS").expect("renders").body.contains(r#""visibility":"CONNECTIONS""#));
    assert_eq!(with("EVERYBODY").expect_err("refused").field, "outbox");
}

#[test]
fn a_comment_names_the_post_in_path_and_body() {
    let request = render(&payload(LinkedinAction::Comment, SHARE, "Good point #1", None)).expect("renders");
    assert_eq!(request.path, "/rest/socialActions/urn%3Ali%3Ashare%3A7000000000000000101/comments");
    assert_eq!(
        request.body,
        r#"{"actor":"urn:li:person:ana-1","message":{"text":"Good point #1"},"object":"urn:li:share:7000000000000000101"}"#
    );
}

#[test]
fn an_answer_to_a_comment_names_it() {
    let parent = "urn:li:comment:(urn:li:activity:1,2)";
    let body = body(&payload(LinkedinAction::Comment, SHARE, "Yes", Some(parent)));
    assert_eq!(body["parentComment"], parent);
}

#[test]
fn a_message_names_its_member_or_its_thread() {
    let member = "urn:li:person:bo-2";
    let first = render(&payload(LinkedinAction::Message, member, "Hi", None)).expect("renders");
    assert_eq!(first.path, "/v2/messages");
    assert_eq!(
        first.body,
        r#"{"body":"Hi","messageType":"MEMBER_TO_MEMBER","recipients":["urn:li:person:bo-2"]}"#
    );
    let answer = body(&payload(LinkedinAction::Message, member, "Hi", Some("urn:li:thread:9")));
    assert_eq!((answer.get("recipients"), &answer["thread"]), (None, &"urn:li:thread:9".into()));
}

/// What people see is who publishes, and where.
#[rstest]
#[case::no_author(&[], "outbox")]
#[case::no_urn(&[("author_urn", "ana")], "outbox")]
#[case::path_in_it(&[("author_urn", "urn:li:person:../x")], "outbox")]
#[case::organization_by_name(&[("author_urn", "urn:li:organization:acme")], "outbox")]
#[case::other_feed_and_sender(&[("author_urn", "urn:li:person:zoe")], "outbox")]
fn a_post_is_by_the_author_that_is_shown(#[case] pairs: &[(&str, &str)], #[case] field: &str) {
    let settings = pairs.iter().copied().collect();
    assert_eq!(render_with(&post("x"), &settings).expect_err("refused").field, field);
}

#[test]
fn a_post_on_another_feed_is_refused() {
    let other = payload(LinkedinAction::Post, "feed:urn:li:person:zoe", "x", None);
    let error = render(&other).expect_err("refused");
    assert_eq!((error.field.as_str(), error.reason.contains(AUTHOR)), ("to", true));
}

#[rstest]
#[case::too_long(post(&"é".repeat(3001)), "payload.text")]
#[case::thread_of_a_post(
    payload(LinkedinAction::Post, "feed:urn:li:person:ana-1", "x", Some("urn:li:thread:1")),
    "payload.thread"
)]
#[case::comment_on_nothing(payload(LinkedinAction::Comment, "share", "x", None), "to")]
#[case::comment_with_line_break(payload(LinkedinAction::Comment, "urn:li:share:1\r\nx: y", "x", None), "to")]
#[case::comment_with_nul(payload(LinkedinAction::Comment, "urn:li:share:1\0", "x", None), "to")]
#[case::comment_with_separator(payload(LinkedinAction::Comment, "urn:li:share:1\u{2028}", "x", None), "to")]
#[case::comment_with_idn(payload(LinkedinAction::Comment, "urn:li:share:bücher", "x", None), "to")]
#[case::thread_with_space(
    payload(LinkedinAction::Comment, SHARE, "x", Some("urn:li:comment: 1")),
    "payload.thread"
)]
#[case::message_to_an_organization(
    payload(LinkedinAction::Message, "urn:li:organization:1", "x", None),
    "to"
)]
fn what_cannot_go_names_its_field(#[case] payload: Payload, #[case] field: &str) {
    assert_eq!(render(&payload).expect_err("refused").field, field);
}

#[test]
fn a_post_of_exactly_the_limit_goes_however_long_its_escapes() {
    assert!(render(&post(&"#".repeat(3000))).is_ok());
}

/// LinkedIn lets few write messages; who may not hears it when the draft is filed.
#[rstest]
#[case::no_partner(AUTHOR, None, "partners only")]
#[case::organization("urn:li:organization:7", Some("yes"), "only a member")]
fn a_message_needs_the_permission_and_a_member(
    #[case] author: &str,
    #[case] partner: Option<&str>,
    #[case] word: &str,
) {
    let mut message = payload(LinkedinAction::Message, "urn:li:person:bo-2", "Hi", None);
    message.from = author.to_owned();
    let pairs = [("author_urn", Some(author)), ("partner_messages", partner)];
    let settings = pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let error = render_with(&message, &settings).expect_err("refused");
    assert_eq!((error.field.as_str(), error.reason.contains(word)), ("payload.action", true), "{error}");
}

/// S10: no text leaves its field: not the path, not a header, not the JSON around it.
#[rstest]
#[case("a\r\nlinkedin-version: 200001")]
#[case("a\0b")]
#[case("a\u{2028}b\u{2029}c")]
#[case("\",\"author\":\"urn:li:person:evil\",\"x\":\"")]
#[case("/../../v2/messages?x=1#y")]
#[case("Grüße an bücher.example 🌱")]
fn hostile_words_stay_words(#[case] text: &str) {
    for action in [LinkedinAction::Comment, LinkedinAction::Message] {
        let to = if action == LinkedinAction::Comment { SHARE } else { "urn:li:person:bo-2" };
        let (hostile, plain) = (payload(action, to, text, None), payload(action, to, "x", None));
        let (hostile_request, plain_request) =
            (render(&hostile).expect("renders"), render(&plain).expect("renders"));
        assert_eq!(
            (&hostile_request.path, &hostile_request.headers),
            (&plain_request.path, &plain_request.headers)
        );
        let (hostile, plain) = (body(&hostile), body(&plain));
        let words =
            if action == LinkedinAction::Comment { &hostile["message"]["text"] } else { &hostile["body"] };
        assert_eq!(words, text);
        assert_eq!(
            hostile.as_object().expect("an object").len(),
            plain.as_object().expect("an object").len()
        );
    }
}
